/* SPDX-License-Identifier: MIT
 *
 * http.h: HTTP/1.1 messages out of the bytes of a stream. What http_server.c and crawl.c share.
 *
 * http_feed is given bytes as they come and says what they mean, one event at a time. It does no
 * I/O. http_next feeds it from a stream. The grammar is http_parser's; what is here is where the
 * pieces are put together, and what is too much.
 */
#ifndef HTTP_H
#define HTTP_H

#include <asyncio.h>
#include <http_parser.h>

#define HTTP_HEAD_MAX 8192   /* bytes of the target and the headers */
#define HTTP_HEADERS_MAX 100 /* how many */
#define HTTP_INPUT_SIZE 16384

enum http_event {
    HTTP_MORE,     /* all bytes were used; the message goes on, or has not begun */
    HTTP_GOT_HEAD, /* the first line and the headers are there */
    HTTP_GOT_BODY, /* a piece of the body: body, body_size */
    HTTP_COMPLETE, /* the message is complete */
    HTTP_CLOSED,   /* the stream has ended between two messages */
    HTTP_BAD,      /* no HTTP, or too much of it: status, reason; there is no going on */
};

struct http_header {
    const char *name, *value;
};

/* One side of a connection. What it shows is good until the next message begins, body until the
 * next event. */
struct http_message {
    http_parser parser; /* method or status_code, http_minor, content_length, flags */
    const char *target; /* of a request: "/path?query" */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    const char *body;
    size_t body_size;
    int status;         /* what to answer after HTTP_BAD: 400, 414, 431 */
    const char *reason; /* in words */
    bool without_body;  /* set before a response is read: it answers a HEAD */
    bool keep_alive;    /* from HTTP_GOT_HEAD on: another message may follow */

    enum http_event event;
    enum { HTTP_PART_NONE, HTTP_PART_TARGET, HTTP_PART_NAME, HTTP_PART_VALUE } part;
    size_t used;
    char text[HTTP_HEAD_MAX];
};

/* type: HTTP_REQUEST or HTTP_RESPONSE. */
void http_message_init(struct http_message *m, enum http_parser_type type);

/* Reads up to the next event. *used: how many of the n bytes are behind it; the others are to
 * be given again. n 0: the stream has ended. */
enum http_event http_feed(struct http_message *m, const char *data, size_t n, size_t *used);

/* The first header of that name, in any case, or NULL. */
const char *http_header(const struct http_message *m, const char *name);

/* A message, and the stream that it comes from. */
struct http_connection {
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    struct http_message message;
    size_t at, size; /* what of `in` was received and not used */
    char in[HTTP_INPUT_SIZE];
};

void http_connection_init(struct http_connection *c, enum http_parser_type type,
                          asyncio_streamreader *reader, asyncio_streamwriter *writer);

/* Waits until there is something to read: 1, or 0 at the end of the stream. */
ASYNC_DECL(http_wait, struct http_connection *c);

/* The next event, as status: not HTTP_MORE. _nowait: out of what was received already. */
ASYNC_DECL(http_next, struct http_connection *c);
enum http_event http_next_nowait(struct http_connection *c);

#endif
