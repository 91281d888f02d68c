/* SPDX-License-Identifier: MIT
 *
 * http.h: HTTP/1.1 messages out of the bytes of a stream. What http_server.c and crawl.c share.
 *
 * http_feed is given bytes as they come and says what they mean, one event at a time. It does no
 * I/O. http_next feeds it from a stream. The grammar is llhttp's; what is here is where the pieces
 * are put together, what is too much, and what llhttp lets pass although two servers could
 * understand it differently (rules.c).
 */
#ifndef HTTP_H
#define HTTP_H

#include <asyncio.h>
#include <llhttp.h>

#define HTTP_HEAD_MAX 8192   /* bytes of the target and the headers */
#define HTTP_HEADERS_MAX 100 /* how many */
#define HTTP_LINES_MAX 16384 /* bytes, with their spaces: a head, or what is around one chunk */
#define HTTP_CHUNK_MAX (1ull << 40)
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

/* Where in a line the last byte was. */
enum http_place { HTTP_LINE_BEGINS, HTTP_IN_LINE, HTTP_LINE_ENDS };

/* One side of a connection. What it shows is good until the next message begins, body as long as
 * the bytes that were fed. */
struct http_message {
    llhttp_t parser;    /* method or status_code, http_minor, content_length, flags */
    const char *target; /* of a request: "/path?query" */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    size_t trailer_count; /* behind the body; they are looked at and dropped */
    const char *body;
    size_t body_size;
    int status;         /* what to answer after HTTP_BAD: 400, 414, 431, 505 */
    const char *reason; /* in words */
    bool without_body;  /* set before a response is read: it answers a HEAD */
    bool keep_alive;    /* from HTTP_GOT_HEAD on: another message may follow */

    bool bad; /* there was HTTP_BAD */
    enum http_event event;
    enum http_place place;
    bool first_line_over;
    unsigned spaces;   /* in the first line */
    size_t line_bytes; /* of the head so far, or since the body's last byte */
    enum { HTTP_PART_NONE, HTTP_PART_TARGET, HTTP_PART_NAME, HTTP_PART_VALUE } part;
    size_t used;
    char text[HTTP_HEAD_MAX];
};

/* type: HTTP_REQUEST or HTTP_RESPONSE. */
void http_message_init(struct http_message *m, llhttp_type_t type);

/* Reads up to the next event. *used: how many of the n bytes are behind it; the others are to
 * be given again. HTTP_MORE says that all are; every other event may have one more behind it that
 * takes no bytes, so n may be 0. */
enum http_event http_feed(struct http_message *m, const char *data, size_t n, size_t *used);

/* The stream has ended: HTTP_CLOSED, HTTP_COMPLETE or HTTP_BAD. */
enum http_event http_feed_eof(struct http_message *m);

/* The first header of that name, in any case, or NULL. */
const char *http_header(const struct http_message *m, const char *name);

/* rules.c. Each gives 0, or the message is refused: -1. http_check_lines looks at the bytes around
 * the body, http_check_request at a head that is complete, http_check_trailers at what came behind
 * chunks. */
int http_check_lines(struct http_message *m, const char *data, size_t n);
int http_check_request(struct http_message *m);
int http_check_trailers(struct http_message *m);

/* Says what is wrong: -1. */
int http_refuse(struct http_message *m, int status, const char *reason);

/* The path and query of a target that was not refused: what is behind "http://host". */
const char *http_target_path(const char *target);

/* A message, and the stream that it comes from. */
struct http_connection {
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    struct http_message message;
    size_t at, size; /* what of `in` was received and not used */
    char in[HTTP_INPUT_SIZE];
};

void http_connection_init(struct http_connection *c, llhttp_type_t type,
                          asyncio_streamreader *reader, asyncio_streamwriter *writer);

/* Waits until there is something to read: 1, or 0 at the end of the stream. */
ASYNC_DECL(http_wait, struct http_connection *c);

/* The next event, as status: not HTTP_MORE. _nowait: out of what was received already. */
ASYNC_DECL(http_next, struct http_connection *c);
enum http_event http_next_nowait(struct http_connection *c);

#endif
