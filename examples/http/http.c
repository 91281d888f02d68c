/* SPDX-License-Identifier: MIT
 *
 * http.c: the glue between streams and llhttp. The parser calls back in the middle of its
 * work, perhaps with half a header; here the halves are joined, and the parser is paused at each
 * event, so that a coroutine can ask for one after the other.
 */
#include "http.h"

#include <strings.h>

/* ---- putting pieces together ---- */

int http_refuse(struct http_message *m, int status, const char *reason) {
    m->status = status;
    m->reason = reason;
    return -1;
}

static int append(struct http_message *m, const char *data, size_t n) {
    if (m->used + n >= sizeof m->text) {
        if (m->part == HTTP_PART_TARGET) return http_refuse(m, 414, "the target is too long");
        return http_refuse(m, 431, "the headers are too long");
    }
    if (n > 0) memcpy(m->text + m->used, data, n);
    m->used += n;
    return 0;
}

/* The header that is being read. */
static struct http_header *last_header(struct http_message *m) {
    return &m->headers[m->header_count + m->trailer_count - 1];
}

/* Ends the string that was being collected; append leaves room for that. */
static void terminate(struct http_message *m) {
    if (m->part == HTTP_PART_NONE) return;
    if (m->part == HTTP_PART_VALUE) {
        const char *start = last_header(m)->value;
        while (m->text + m->used > start && strchr(" \t", m->text[m->used - 1])) m->used--;
    }
    m->text[m->used++] = '\0';
    m->part = HTTP_PART_NONE;
}

/* ---- what the parser calls ---- */

static int on_begin(llhttp_t *p) {
    struct http_message *m = p->data;
    m->target = "";
    m->header_count = m->trailer_count = m->used = 0;
    m->part = HTTP_PART_NONE;
    return 0;
}

static int on_target(llhttp_t *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (m->part == HTTP_PART_NONE) m->target = m->text;
    m->part = HTTP_PART_TARGET;
    return append(m, data, n);
}

static int on_name(llhttp_t *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (m->part != HTTP_PART_NAME) {
        terminate(m);
        size_t count = m->header_count + m->trailer_count;
        if (count == HTTP_HEADERS_MAX) return http_refuse(m, 431, "too many headers");
        if (m->used == sizeof m->text) return http_refuse(m, 431, "the headers are too long");
        ++*(p->flags & F_TRAILING ? &m->trailer_count : &m->header_count);
        *last_header(m) = (struct http_header){ m->text + m->used, "" };
        m->part = HTTP_PART_NAME;
    }
    return append(m, data, n);
}

static int on_value(llhttp_t *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (m->part != HTTP_PART_VALUE) {
        terminate(m);
        if (m->used == sizeof m->text) return http_refuse(m, 431, "the headers are too long");
        last_header(m)->value = m->text + m->used;
        m->part = HTTP_PART_VALUE;
    }
    return append(m, data, n);
}

static int stop_at(llhttp_t *p, enum http_event event) {
    struct http_message *m = p->data;
    m->event = event;
    return HPE_PAUSED;
}

static int on_head(llhttp_t *p) {
    struct http_message *m = p->data;
    terminate(m);
    if (p->type == HTTP_REQUEST && http_check_request(m) < 0) return -1;
    m->keep_alive = llhttp_should_keep_alive(p) != 0;
    p->upgrade = 0; /* nobody here speaks anything else: what follows is HTTP */
    if (m->without_body) p->flags |= F_SKIPBODY;
    return stop_at(p, HTTP_GOT_HEAD);
}

static int on_chunk(llhttp_t *p) {
    if (p->content_length <= HTTP_CHUNK_MAX) return 0;
    return http_refuse(p->data, 400, "the chunk is too long");
}

static int on_body(llhttp_t *p, const char *data, size_t n) {
    struct http_message *m = p->data;
    if (n == 0) return 0;
    m->body = data;
    m->body_size = n;
    return stop_at(p, HTTP_GOT_BODY);
}

static int on_end(llhttp_t *p) {
    struct http_message *m = p->data;
    terminate(m);
    if (p->type == HTTP_REQUEST && http_check_trailers(m) < 0) return -1;
    p->finish = HTTP_FINISH_SAFE; /* also where the end of the stream was the end of the body */
    return stop_at(p, HTTP_COMPLETE);
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_end,
};

/* ---- bytes to events ---- */

static void begin_lines(struct http_message *m) {
    m->first_line_over = false;
    m->spaces = 0;
    m->line_bytes = 0;
}

void http_message_init(struct http_message *m, llhttp_type_t type) {
    llhttp_init(&m->parser, type, &settings);
    m->parser.data = m;
    m->without_body = m->keep_alive = m->bad = false;
    m->status = 400;
    m->reason = NULL;
    m->event = HTTP_MORE;
    m->place = HTTP_LINE_BEGINS;
    begin_lines(m);
    on_begin(&m->parser);
}

static enum http_event bad(struct http_message *m) {
    llhttp_t *p = &m->parser;
    m->bad = true;
    if (p->error == HPE_INVALID_VERSION && p->http_major > 1) m->status = 505;
    if (!m->reason) m->reason = p->reason ? p->reason : "no HTTP";
    return m->event = HTTP_BAD;
}

/* Lets the parser go on up to its next stop. false: it does not understand that. */
static bool parse(struct http_message *m, const char *data, size_t n, size_t *used) {
    llhttp_t *p = &m->parser;
    llhttp_resume(p);
    llhttp_errno_t error = llhttp_execute(p, data, n);
    *used = error == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(p) - data) : n;
    return error == HPE_PAUSED || error == HPE_OK;
}

enum http_event http_feed(struct http_message *m, const char *data, size_t n, size_t *used) {
    *used = 0;
    if (m->bad) return HTTP_BAD;
    m->event = HTTP_MORE;
    if (!parse(m, data, n, used)) return bad(m);
    size_t lines = m->event == HTTP_GOT_BODY ? (size_t)(m->body - data) : *used;
    if (http_check_lines(m, data, lines) < 0) return bad(m);
    if (m->event == HTTP_COMPLETE) begin_lines(m);
    else if (m->event != HTTP_MORE) m->line_bytes = 0;
    return m->event;
}

enum http_event http_feed_eof(struct http_message *m) {
    if (m->bad) return HTTP_BAD;
    m->event = HTTP_CLOSED;
    llhttp_resume(&m->parser);
    llhttp_errno_t error = llhttp_finish(&m->parser);
    return error == HPE_OK || error == HPE_PAUSED ? m->event : bad(m);
}

const char *http_header(const struct http_message *m, const char *name) {
    for (size_t i = 0; i < m->header_count; i++) {
        if (strcasecmp(m->headers[i].name, name) == 0) return m->headers[i].value;
    }
    return NULL;
}

/* ---- streams to events ---- */

void http_connection_init(struct http_connection *c, llhttp_type_t type,
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
    if (c->at == c->size && c->message.event == HTTP_MORE) return HTTP_MORE;
    enum http_event event = http_feed(&c->message, c->in + c->at, c->size - c->at, &used);
    c->at += used;
    return event;
}

ASYNC(http_next, (struct http_connection *) c) {
    for (;;) {
        enum http_event event = http_next_nowait(c);
        if (event != HTTP_MORE) return (int)event;
        int open = TRY(AWAIT(http_wait(c)));
        if (!open) return (int)http_feed_eof(&c->message);
    }
}
