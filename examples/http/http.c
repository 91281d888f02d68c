/* SPDX-License-Identifier: MIT
 *
 * http.c: the glue between streams and http_parser. The parser calls back in the middle of its
 * work, perhaps with half a header; here the halves are joined, and the parser is paused at each
 * event, so that a coroutine can ask for one after the other.
 */
#include "http.h"

#include <strings.h>

/* ---- putting pieces together ---- */

static int refuse(struct http_message *m, int status, const char *reason) {
    m->status = status;
    m->reason = reason;
    return -1;
}

static int append(struct http_message *m, const char *data, size_t n) {
    if (m->used + n >= sizeof m->text) {
        if (m->part == HTTP_PART_TARGET) return refuse(m, 414, "the target is too long");
        return refuse(m, 431, "the headers are too long");
    }
    if (n > 0) memcpy(m->text + m->used, data, n);
    m->used += n;
    return 0;
}

/* Ends the string that was being collected; append leaves room for that. */
static void terminate(struct http_message *m) {
    if (m->part == HTTP_PART_NONE) return;
    if (m->part == HTTP_PART_VALUE) {
        const char *start = m->headers[m->header_count - 1].value;
        while (m->text + m->used > start && strchr(" \t", m->text[m->used - 1])) m->used--;
    }
    m->text[m->used++] = '\0';
    m->part = HTTP_PART_NONE;
}

/* ---- what the parser calls ---- */

static int on_begin(http_parser *p) {
    struct http_message *m = p->data;
    m->target = "";
    m->header_count = m->used = 0;
    m->part = HTTP_PART_NONE;
    return 0;
}

static int on_target(http_parser *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (m->part == HTTP_PART_NONE) m->target = m->text;
    m->part = HTTP_PART_TARGET;
    return append(m, data, n);
}

static int on_name(http_parser *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (p->flags & F_TRAILING) return 0; /* behind the body: nobody asks for those */
    if (m->part != HTTP_PART_NAME) {
        terminate(m);
        if (m->header_count == HTTP_HEADERS_MAX) return refuse(m, 431, "too many headers");
        if (m->used == sizeof m->text) return refuse(m, 431, "the headers are too long");
        m->headers[m->header_count++] = (struct http_header){ m->text + m->used, "" };
        m->part = HTTP_PART_NAME;
    }
    return append(m, data, n);
}

static int on_value(http_parser *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (p->flags & F_TRAILING) return 0;
    if (m->part != HTTP_PART_VALUE) {
        terminate(m);
        if (m->used == sizeof m->text) return refuse(m, 431, "the headers are too long");
        m->headers[m->header_count - 1].value = m->text + m->used;
        m->part = HTTP_PART_VALUE;
    }
    return append(m, data, n);
}

static int stop_at(http_parser *p, enum http_event event) {
    struct http_message *m = p->data;
    m->event = event;
    http_parser_pause(p, 1);
    return 0;
}

static int on_head(http_parser *p) {
    struct http_message *m = p->data;
    terminate(m);
    m->keep_alive = http_should_keep_alive(p) != 0;
    stop_at(p, HTTP_GOT_HEAD);
    return m->without_body ? 1 : 0;
}

static int on_body(http_parser *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    m->body = data;
    m->body_size = n;
    return stop_at(p, HTTP_GOT_BODY);
}

static int on_end(http_parser *p) { return stop_at(p, HTTP_COMPLETE); }

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_end,
};

/* ---- bytes to events ---- */

void http_message_init(struct http_message *m, enum http_parser_type type) {
    http_parser_init(&m->parser, type);
    m->parser.data = m;
    m->without_body = m->keep_alive = false;
    m->status = 400;
    m->reason = NULL;
    on_begin(&m->parser);
}

enum http_event http_feed(struct http_message *m, const char *data, size_t n, size_t *used) {
    http_parser *p = &m->parser;
    m->event = n > 0 ? HTTP_MORE : HTTP_CLOSED;
    *used = 0;
    if (HTTP_PARSER_ERRNO(p) == HPE_PAUSED) http_parser_pause(p, 0);
    if (HTTP_PARSER_ERRNO(p) == HPE_OK) *used = http_parser_execute(p, &settings, data, n);
    if (HTTP_PARSER_ERRNO(p) == HPE_OK || HTTP_PARSER_ERRNO(p) == HPE_PAUSED) return m->event;
    if (HTTP_PARSER_ERRNO(p) == HPE_HEADER_OVERFLOW) m->status = 431;
    if (!m->reason) m->reason = http_errno_description(HTTP_PARSER_ERRNO(p));
    return HTTP_BAD;
}

const char *http_header(const struct http_message *m, const char *name) {
    for (size_t i = 0; i < m->header_count; i++) {
        if (strcasecmp(m->headers[i].name, name) == 0) return m->headers[i].value;
    }
    return NULL;
}

/* ---- streams to events ---- */

void http_connection_init(struct http_connection *c, enum http_parser_type type,
                          asyncio_streamreader *reader, asyncio_streamwriter *writer) {
    c->reader = reader;
    c->writer = writer;
    c->at = c->size = 0;
    http_message_init(&c->message, type);
}

ASYNC(http_wait, (struct http_connection *) c) {
    if (c->at < c->size) return 1;
    int n = TRY(AWAIT(asyncio_streamreader_read(c->reader, c->in, sizeof c->in)));
    c->at = 0;
    c->size = (size_t)n;
    return n > 0;
}

enum http_event http_next_nowait(struct http_connection *c) {
    size_t used;
    if (c->at == c->size) return HTTP_MORE;
    enum http_event event = http_feed(&c->message, c->in + c->at, c->size - c->at, &used);
    c->at += used;
    return event;
}

ASYNC(http_next, (struct http_connection *) c) {
    for (;;) {
        enum http_event event = http_next_nowait(c);
        if (event != HTTP_MORE) return (int)event;
        int open = TRY(AWAIT(http_wait(c)));
        if (!open) return (int)http_feed(&c->message, NULL, 0, &(size_t){ 0 });
    }
}
