/* SPDX-License-Identifier: MIT
 *
 * io/stream/reader.c: reading from a stream. What goes to the caller's memory is received there
 * directly when nothing is kept; what has to be looked at first is gathered in `in`, and taken
 * out when it is complete, so that a read that is cancelled changes nothing.
 *
 * What was shown to the caller stays in `in` (`lent`) until the next call.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "io/stream/stream.h"
#include "task/method.h"

#define CHUNK_LEAST 4096
#define CHUNK_MOST 65536

struct read_args {
    asyncio_streamreader *reader;
    void *buf;
    size_t n;
    asyncio_bytes *out;
    const asyncio_bytes *separators;
    size_t count;
    const char *separator; /* the only one; NULL: those of the array */
};

/* ---- references ---- */

asyncio_streamreader *asyncio_streamreader_ref(asyncio_streamreader *r) {
    if (r) asyncio__stream_ref(asyncio__stream_of_reader(r));
    return r;
}

void asyncio_streamreader_unref(asyncio_streamreader *r) {
    if (r) asyncio__stream_unref(asyncio__stream_of_reader(r));
}

ASYNCIO__HOLD(reader, asyncio_streamreader_ref, asyncio_streamreader_unref);

/* Who reads holds the stream until it is done, whatever others let go of meanwhile. */
static int hold(const void *args, asyncio_value *result,
                int (*run)(const void *args, asyncio_value *result)) {
    asyncio_streamreader *r = ((const struct read_args *)args)->reader;
    if (ASYNCIO__UNLIKELY(!r)) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a reader is required");
    struct asyncio__stream *s = asyncio__stream_ref(asyncio__stream_of_reader(r));
    int rc = run(args, result);
    asyncio__stream_unref(s);
    return rc;
}

#define READ_METHOD(call)                                                                          \
    static int hold_##call(const void *args, asyncio_value *result) {                              \
        return hold(args, result, run_##call);                                                     \
    }                                                                                              \
    ASYNCIO__METHOD(asyncio_streamreader_##call, reader, struct read_args, .run = hold_##call)

/* ---- what all reads do ---- */

static int as_status(size_t n) { return n < INT_MAX ? (int)n : INT_MAX; }

/* Puts back what the NUL behind the lent bytes hides. Nothing is hidden while nothing is lent. */
static void uncover(asyncio_streamreader *r) {
    if (r->lent && r->lent < r->in.size) asyncio__buffer_start(&r->in)[r->lent] = r->hidden;
}

void asyncio__streamreader_take_lent(asyncio_streamreader *r) {
    r->partial = (asyncio_bytes){ NULL, 0 };
    if (!r->lent) return;
    uncover(r);
    asyncio__buffer_consume(&r->in, r->lent);
    r->lent = 0;
}

void asyncio__streamreader_take_back(asyncio_streamreader *r) {
    uncover(r);
    r->lent = 0;
}

static int begin(asyncio_streamreader *r, const char *call) {
    if (ASYNCIO__UNLIKELY(r->waiting)) {
        return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                             "%s() called while another coroutine is already waiting for incoming "
                             "data",
                             call);
    }
    if (r->lent || r->partial.data) asyncio__streamreader_take_lent(r);
    return ASYNCIO__UNLIKELY(r->error.code) ? asyncio__kept_raise(&r->error) : 0;
}

/* Shows n bytes of what is kept. There is room for the NUL. */
static int show(asyncio_streamreader *r, size_t n, asyncio_bytes *out) {
    if (!r->in.data) {
        *out = (asyncio_bytes){ "", 0 };
        return 0;
    }
    char *start = asyncio__buffer_start(&r->in);
    if (n < r->in.size) r->hidden = start[n];
    start[n] = '\0';
    r->lent = n;
    *out = (asyncio_bytes){ start, n };
    return as_status(n);
}

/* Receives more into the buffer: how much, 0 at the end, or raised. A reader that has nothing
 * waits without a buffer. */
static ssize_t fill(asyncio_streamreader *r, struct asyncio_task *task) {
    struct asyncio__stream *s = asyncio__stream_of_reader(r);
    unsigned interest = 0;
    for (;;) {
        size_t n = r->in.size < CHUNK_LEAST ? CHUNK_LEAST : r->in.size;
        if (n > CHUNK_MOST) n = CHUNK_MOST;
        char *to = asyncio__buffer_reserve(&r->in, n + 1);
        if (!to) return asyncio__raise(-ENOMEM, NULL);
        ssize_t got = asyncio__stream_try(s, task, to, n, &interest);
        if (ASYNCIO__LIKELY(got > 0)) r->in.size += (size_t)got;
        if (ASYNCIO__LIKELY(got != -EAGAIN)) return got;
        if (r->in.size == 0) asyncio__buffer_free(&r->in);
        int rc = asyncio__stream_wait(s, task, interest);
        if (rc < 0) return rc;
    }
}

static int incomplete(asyncio_streamreader *r, asyncio_bytes partial, size_t expected) {
    char text[32] = "undefined";
    if (expected) snprintf(text, sizeof text, "%zu", expected);
    int rc = asyncio_raise(ASYNCIO_INCOMPLETE_READ_ERROR, NULL, NULL,
                           "%zu bytes read on a total of %s expected bytes", partial.size, text);
    r->partial = partial;
    return rc;
}

/* ---- read, readexactly, readall ---- */

/* Moves up to n bytes of what is kept to buf. */
static size_t take(asyncio_streamreader *r, char *buf, size_t n) {
    if (n > r->in.size) n = r->in.size;
    if (n == 0) return 0;
    memcpy(buf, asyncio__buffer_start(&r->in), n);
    asyncio__buffer_consume(&r->in, n);
    return n;
}

static int run_read(const void *args, asyncio_value *result) {
    const struct read_args *a = args;
    asyncio_streamreader *r = a->reader;
    (void)result;
    int rc = begin(r, "read");
    if (rc < 0 || a->n == 0) return rc;
    size_t n = a->n < INT_MAX ? a->n : INT_MAX;
    if (r->in.size > 0) return (int)take(r, a->buf, n);
    if (r->in.data) asyncio__buffer_free(&r->in);
    return (int)asyncio__stream_receive(asyncio__stream_of_reader(r), asyncio__task_current(),
                                        a->buf, n);
}
READ_METHOD(read);

asyncio_coro asyncio_streamreader_read(asyncio_streamreader *r, void *buf, size_t n) {
    return ASYNCIO__CORO(asyncio_streamreader_read, .reader = r, .buf = buf, .n = n);
}

/* Puts back what is in the caller's memory; what cannot be put back breaks the stream. */
static void put_back(asyncio_streamreader *r, const char *data, size_t n) {
    if (n == 0 || r->error.code) return;
    asyncio_error *saved = asyncio__strand_current()->error;
    char *to = asyncio__buffer_reserve(&r->in, n + 1);
    if (to) {
        memcpy(to, data, n);
        r->in.size += n;
        return;
    }
    asyncio__strand_current()->error = NULL;
    asyncio__stream_read_failed(asyncio__stream_of_reader(r),
                                asyncio__raise(-ENOMEM, "received bytes were lost"));
    asyncio__strand_current()->error = saved;
}

static int run_readexactly(const void *args, asyncio_value *result) {
    const struct read_args *a = args;
    asyncio_streamreader *r = a->reader;
    char *buf = a->buf;
    (void)result;
    int rc = begin(r, "readexactly");
    if (rc < 0) return rc;
    size_t got = take(r, buf, a->n);
    if (r->in.data && r->in.size == 0) asyncio__buffer_free(&r->in);
    while (got < a->n) {
        ssize_t n = asyncio__stream_receive(asyncio__stream_of_reader(r), asyncio__task_current(),
                                            buf + got, a->n - got);
        if (n == 0) return incomplete(r, (asyncio_bytes){ buf, got }, a->n);
        if (n < 0) {
            put_back(r, buf, got);
            return (int)n;
        }
        got += (size_t)n;
    }
    return as_status(got);
}
READ_METHOD(readexactly);

asyncio_coro asyncio_streamreader_readexactly(asyncio_streamreader *r, void *buf, size_t n) {
    return ASYNCIO__CORO(asyncio_streamreader_readexactly, .reader = r, .buf = buf, .n = n);
}

static int run_readall(const void *args, asyncio_value *result) {
    const struct read_args *a = args;
    (void)result;
    ssize_t rc = begin(a->reader, "read");
    if (rc < 0) return (int)rc;
    do rc = fill(a->reader, asyncio__task_current());
    while (rc > 0);
    return rc < 0 ? (int)rc : show(a->reader, a->reader->in.size, a->out);
}
READ_METHOD(readall);

asyncio_coro asyncio_streamreader_readall(asyncio_streamreader *r, asyncio_bytes *all) {
    return ASYNCIO__CORO(asyncio_streamreader_readall, .reader = r, .out = all);
}

/* ---- readuntil, readline ---- */

enum found { FOUND, AT_END, TOO_LONG, FOUND_TOO_LONG };

struct search {
    const asyncio_bytes *separators;
    size_t count, shortest, longest;
    size_t from;       /* nothing ends before here */
    size_t start, end; /* of the separator that was found; start: how much can be taken */
};

/* Looks for the first end of a separator in what is kept; of several that end there the shortest
 * one counts. */
static bool look(const asyncio_streamreader *r, struct search *s) {
    bool found = false;
    if (r->in.size < s->from + s->shortest) return false;
    const char *data = asyncio__buffer_start(&r->in);
    for (size_t i = 0; i < s->count; i++) {
        size_t size = s->separators[i].size;
        const char *at = memmem(data + s->from, r->in.size - s->from, s->separators[i].data, size);
        if (!at) continue;
        size_t start = (size_t)(at - data), end = start + size;
        if (found && (end > s->end || (end == s->end && start <= s->start))) continue;
        found = true;
        s->start = start;
        s->end = end;
    }
    return found;
}

/* enum found, or raised. */
static int search(asyncio_streamreader *r, struct search *s) {
    while (!look(r, s)) {
        size_t kept = r->in.size;
        s->from = kept + 1 > s->longest ? kept + 1 - s->longest : 0;
        s->start = s->from;
        if (s->from > r->limit) return TOO_LONG;
        ssize_t n = fill(r, asyncio__task_current());
        if (n == 0) return AT_END;
        if (n < 0) return (int)n;
    }
    return s->start > r->limit ? FOUND_TOO_LONG : FOUND;
}

static const char *overrun_message(int found) {
    return found == TOO_LONG ? "Separator is not found, and chunk exceed the limit"
                             : "Separator is found, but chunk is longer than limit";
}

static int overrun(int found, size_t consumed) {
    int rc = asyncio__raise(ASYNCIO_LIMIT_OVERRUN_ERROR, overrun_message(found));
    asyncio_error *e = asyncio__error_match(asyncio__strand_current(), rc);
    if (e) asyncio_error_set_value(e, asyncio_uint(consumed));
    return rc;
}

/* The lengths of the separators; raised if they are no good. */
static int measure(struct search *s) {
    if (s->count == 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Separator should contain at least one element");
    }
    s->shortest = s->longest = s->separators[0].size;
    for (size_t i = 1; i < s->count; i++) {
        size_t size = s->separators[i].size;
        if (size < s->shortest) s->shortest = size;
        if (size > s->longest) s->longest = size;
    }
    if (s->shortest > 0) return 0;
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "Separator should be at least one-byte string");
}

static int run_readuntil(const void *args, asyncio_value *result) {
    const struct read_args *a = args;
    asyncio_streamreader *r = a->reader;
    asyncio_bytes one = { a->separator, a->separator ? strlen(a->separator) : 0 };
    struct search s = { .separators = a->separator ? &one : a->separators,
                        .count = a->separator ? 1 : a->count };
    (void)result;
    int rc = measure(&s);
    if (rc >= 0) rc = begin(r, "readuntil");
    if (rc >= 0) rc = search(r, &s);
    if (rc == FOUND) return show(r, s.end, a->out);
    if (rc < 0) return rc;
    if (rc != AT_END) return overrun(rc, s.start);
    asyncio_bytes partial;
    show(r, r->in.size, &partial);
    return incomplete(r, partial, 0);
}
READ_METHOD(readuntil);

asyncio_coro asyncio_streamreader_readuntil(asyncio_streamreader *r, const char *separator,
                                            asyncio_bytes *chunk) {
    return ASYNCIO__CORO(asyncio_streamreader_readuntil, .reader = r,
                         .separator = separator ? separator : "", .out = chunk);
}

asyncio_coro asyncio_streamreader_readuntil_any(asyncio_streamreader *r,
                                                const asyncio_bytes *separators, size_t count,
                                                asyncio_bytes *chunk) {
    return ASYNCIO__CORO(asyncio_streamreader_readuntil, .reader = r, .separators = separators,
                         .count = count, .out = chunk);
}

/* A line that is too long is dropped with its end, or as far as it has come. */
static int line_too_long(asyncio_streamreader *r, const struct search *s, int found) {
    asyncio__buffer_consume(&r->in, found == FOUND_TOO_LONG ? s->end : r->in.size);
    return asyncio__raise(ASYNCIO_VALUE_ERROR, overrun_message(found));
}

static int run_readline(const void *args, asyncio_value *result) {
    const struct read_args *a = args;
    asyncio_streamreader *r = a->reader;
    const asyncio_bytes newline = { "\n", 1 };
    struct search s = { .separators = &newline, .count = 1, .shortest = 1, .longest = 1 };
    (void)result;
    int rc = begin(r, "readuntil");
    if (rc >= 0) rc = search(r, &s);
    if (rc == FOUND) return show(r, s.end, a->out);
    if (rc == AT_END) return show(r, r->in.size, a->out);
    return rc < 0 ? rc : line_too_long(r, &s, rc);
}
READ_METHOD(readline);

asyncio_coro asyncio_streamreader_readline(asyncio_streamreader *r, asyncio_bytes *line) {
    return ASYNCIO__CORO(asyncio_streamreader_readline, .reader = r, .out = line);
}

/* ---- state ---- */

asyncio_bytes asyncio_streamreader_partial(const asyncio_streamreader *r) {
    return r ? r->partial : (asyncio_bytes){ NULL, 0 };
}

void asyncio_streamreader_feed_eof(asyncio_streamreader *r) {
    if (r) asyncio__stream_end_reading(asyncio__stream_of_reader(r));
}

bool asyncio_streamreader_at_eof(const asyncio_streamreader *r) {
    return r && r->eof && r->in.size == r->lent;
}
