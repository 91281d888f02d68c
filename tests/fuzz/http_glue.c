/* SPDX-License-Identifier: MIT
 *
 * The glue between streams and the HTTP parser (examples/http): the same bytes mean the same,
 * however they are cut into pieces. The first byte of an input says whether it is requests or
 * responses, the second how to cut.
 */
#include "fuzz.h"
#include "http.h"

#define TRACE_MAX 65536

/* What happened, as text. */
struct trace {
    size_t size;
    enum http_event last;
    char text[TRACE_MAX];
};

static void add(struct trace *t, const char *text, size_t n) {
    if (n > sizeof t->text - t->size) n = sizeof t->text - t->size;
    memcpy(t->text + t->size, text, n);
    t->size += n;
}

static void add_string(struct trace *t, const struct http_message *m, const char *string) {
    FUZZ_CHECK(*string == '\0' || (string >= m->text && string < m->text + sizeof m->text));
    FUZZ_CHECK(memchr(string, '\0', sizeof m->text) != NULL);
    add(t, string, strlen(string) + 1);
}

static void add_head(struct trace *t, const struct http_message *m) {
    char line[128];
    const llhttp_t *p = &m->parser;
    int n = snprintf(line, sizeof line, "head %u %u %u.%u %d %llu ", (unsigned)p->method,
                     (unsigned)p->status_code, p->http_major, p->http_minor, m->keep_alive,
                     (unsigned long long)p->content_length);
    add(t, line, (size_t)n);
    add_string(t, m, m->target);
    FUZZ_CHECK(m->header_count <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < m->header_count; i++) {
        add_string(t, m, m->headers[i].name);
        add_string(t, m, m->headers[i].value);
        FUZZ_CHECK(http_header(m, m->headers[i].name) != NULL);
    }
}

static void add_event(struct trace *t, const struct http_message *m, enum http_event event) {
    switch (event) {
    case HTTP_MORE: return;
    case HTTP_GOT_HEAD: add_head(t, m); break;
    case HTTP_GOT_BODY:
        if (t->last != HTTP_GOT_BODY) add(t, "body ", 5);
        add(t, m->body, m->body_size);
        break;
    case HTTP_COMPLETE: add(t, "complete ", 9); break;
    case HTTP_CLOSED: add(t, "closed ", 7); break;
    case HTTP_BAD:
        FUZZ_CHECK(m->reason != NULL);
        FUZZ_CHECK(m->status == 400 || m->status == 414 || m->status == 431 || m->status == 505);
        add(t, "bad ", 4); /* of two things that are wrong either may be met first */
        break;
    }
    t->last = event;
}

/* Feeds one piece; false: there is no going on. */
static bool feed_piece(struct trace *t, struct http_message *m, const char *data, size_t n) {
    enum http_event event;
    size_t stuck = 0, at = 0, used;
    do {
        event = http_feed(m, data + at, n - at, &used);
        FUZZ_CHECK(used <= n - at);
        FUZZ_CHECK(event != HTTP_MORE || used == n - at);
        FUZZ_CHECK(event != HTTP_CLOSED);
        if (event == HTTP_GOT_BODY) {
            FUZZ_CHECK(m->body >= data + at && m->body + m->body_size <= data + n);
        }
        stuck = used ? 0 : stuck + 1;
        FUZZ_CHECK(stuck < 4);
        add_event(t, m, event);
        at += used;
    } while (event != HTTP_MORE && event != HTTP_BAD);
    return event == HTTP_MORE;
}

/* cut: the largest piece; 0: all at once. Each piece is a block of its own, so that sanitizers see
 * what reads over its end. */
static void feed(struct trace *t, int type, const uint8_t *data, size_t size, unsigned cut) {
    struct http_message m;
    uint32_t seed = cut * 2654435761u + 1;
    bool going = true;
    t->size = 0;
    t->last = HTTP_MORE;
    http_message_init(&m, type & 1 ? HTTP_RESPONSE : HTTP_REQUEST);
    m.without_body = type & 2;
    while (size > 0 && going) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = cut ? 1 + (seed >> 16) % cut : size;
        if (n > size) n = size;
        char *piece = malloc(n);
        memcpy(piece, data, n);
        going = feed_piece(t, &m, piece, n);
        free(piece);
        data += n;
        size -= n;
    }
    if (going) add_event(t, &m, http_feed_eof(&m));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct trace whole, parts;
    if (size < 2) return 0;
    feed(&whole, data[0], data + 2, size - 2, 0);
    const unsigned cuts[] = { 1, 1u + data[1] };
    for (int i = 0; i < 2; i++) {
        feed(&parts, data[0], data + 2, size - 2, cuts[i]);
        FUZZ_CHECK(parts.size == whole.size);
        FUZZ_CHECK(memcmp(parts.text, whole.text, whole.size) == 0);
    }
    return 0;
}
