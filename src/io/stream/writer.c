/* SPDX-License-Identifier: MIT
 *
 * io/stream/writer.c: writing to a stream.
 */
#include <errno.h>
#include <limits.h>

#include "io/address.h"
#include "io/stream/stream.h"
#include "task/method.h"

/* ---- references ---- */

asyncio_streamwriter *asyncio_streamwriter_ref(asyncio_streamwriter *w) {
    if (w) asyncio__stream_ref(asyncio__stream_of_writer(w));
    return w;
}

void asyncio_streamwriter_unref(asyncio_streamwriter *w) {
    if (w) asyncio__stream_unref(asyncio__stream_of_writer(w));
}

ASYNCIO__HOLD(writer, asyncio_streamwriter_ref, asyncio_streamwriter_unref);

static int no_writer(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a writer is required"); }

/* ---- writing ---- */

/* Whether what is written goes nowhere. */
static bool is_dropped(const struct asyncio__stream *s) {
    return s->writer.failed || s->state != ASYNCIO__STREAM_OPEN || s->loop->closed;
}

/* Keeps what is left of the parts after `sent` bytes. */
static int keep_rest(struct asyncio__buffer *out, const struct iovec *parts, int count,
                     size_t sent) {
    size_t before = out->size;
    for (int i = 0; i < count; i++) {
        size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        sent -= skip;
        if (skip == parts[i].iov_len) continue;
        const char *data = parts[i].iov_base;
        if (asyncio__buffer_append(out, data + skip, parts[i].iov_len - skip) < 0) {
            out->size = before;
            return asyncio__raise(-ENOMEM, NULL);
        }
    }
    return 0;
}

static size_t size_of(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

/* How much goes out at once: nothing while something is kept, which goes first. < 0: failed. */
static ssize_t send_now(struct asyncio__stream *s, const struct iovec *parts, int count) {
    unsigned interest;
    if (s->writer.out.size > 0) return 0;
    if (count > IOV_MAX) count = IOV_MAX;
    ssize_t n = s->transport->ops->write(s->transport, parts, count, &interest);
    if (n >= 0 || n == -EAGAIN) return n < 0 ? 0 : n;
    asyncio__stream_write_failed(s, (int)n);
    return -1;
}

/* Half of something is worse than nothing: without memory for the rest the connection is broken. */
static int rest_lost(struct asyncio__stream *s, ssize_t sent) {
    if (sent > 0) asyncio__stream_write_failed(s, asyncio__raise(-ENOMEM, NULL));
    return -ENOMEM;
}

static int write_parts(struct asyncio__stream *s, const struct iovec *parts, int count,
                       size_t size) {
    ssize_t sent = send_now(s, parts, count);
    if (ASYNCIO__LIKELY((size_t)sent == size) || sent < 0) {
        if (ASYNCIO__UNLIKELY(s->transport->ops->flush != NULL)) asyncio__stream_flush(s);
        return 0;
    }
    bool idle = s->writer.out.size == 0;
    if (keep_rest(&s->writer.out, parts, count, (size_t)sent) < 0) return rest_lost(s, sent);
    if (idle) asyncio__stream_flush(s); /* which learns what to wait for */
    if (s->writer.out.size > s->writer.high) s->writer.paused = true;
    return 0;
}

int asyncio__writer_check(const asyncio_streamwriter *w) {
    if (w->eof) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot call write() after write_eof()");
    }
    if (!w->sending) return 0;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "unable to write; sendfile is in progress");
}

int asyncio_streamwriter_writelines(asyncio_streamwriter *w, const struct iovec *lines, int count) {
    if (ASYNCIO__UNLIKELY(!w)) return no_writer();
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(s->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    if (ASYNCIO__UNLIKELY(w->eof || w->sending)) return asyncio__writer_check(w);
    size_t size = size_of(lines, count);
    if (size == 0 || ASYNCIO__UNLIKELY(is_dropped(s))) return 0;
    return write_parts(s, lines, count, size);
}

int asyncio_streamwriter_write(asyncio_streamwriter *w, const void *data, size_t n) {
    return asyncio_streamwriter_writelines(w, &(struct iovec){ (void *)(uintptr_t)data, n }, 1);
}

/* ---- waiting ---- */

/* In one of the lines. What the connection came to is for the caller to see. */
static int wait_in(struct asyncio__stream *s, struct asyncio__link *line) {
    struct asyncio__waiter waiter;
    asyncio__waiter_init(&waiter, s->loop);
    int rc = asyncio__waiter_wait(&waiter, line, asyncio__task_current());
    return rc >= 0 && s->error.code ? asyncio__kept_raise(&s->error) : rc;
}

static int lost(void) { return asyncio__raise(-ECONNRESET, "Connection lost"); }

int asyncio__stream_drain(struct asyncio__stream *s) {
    int rc = 0;
    if (ASYNCIO__UNLIKELY(s->error.code)) return asyncio__kept_raise(&s->error);
    if (s->state != ASYNCIO__STREAM_OPEN) rc = asyncio__task_yield(asyncio__task_current());
    if (rc < 0) return rc;
    if (s->state == ASYNCIO__STREAM_CLOSED) return lost();
    if (s->writer.paused) rc = wait_in(s, &s->writer.drains);
    return rc >= 0 && s->writer.failed ? lost() : rc; /* aborted; after a close all was sent */
}

static int run_drain(const void *args, asyncio_value *result) {
    asyncio_streamwriter *w = asyncio__object_of(args);
    (void)result;
    if (ASYNCIO__UNLIKELY(!w)) return no_writer();
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    asyncio__stream_ref(s);
    int rc = asyncio__stream_drain(s);
    asyncio__stream_unref(s);
    return rc;
}

static int drain_nowait(const void *args, asyncio_value *out) {
    asyncio_streamwriter *w = asyncio__object_of(args);
    if (!w || w->paused) return ASYNCIO_MUST_RUN;
    const struct asyncio__stream *s = asyncio__stream_of_writer(w);
    if (s->error.code || s->state != ASYNCIO__STREAM_OPEN) return ASYNCIO_MUST_RUN;
    if (out) *out = asyncio_none();
    return 0;
}

ASYNCIO__METHOD(asyncio_streamwriter_drain, writer, asyncio_streamwriter *, .run = run_drain,
                .nowait = drain_nowait);

asyncio_coro asyncio_streamwriter_drain(asyncio_streamwriter *w) {
    return ASYNCIO__CORO(asyncio_streamwriter_drain, w);
}

static int run_wait_closed(const void *args, asyncio_value *result) {
    asyncio_streamwriter *w = asyncio__object_of(args);
    (void)result;
    if (!w) return no_writer();
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    if (s->state == ASYNCIO__STREAM_CLOSED) {
        return s->error.code ? asyncio__kept_raise(&s->error) : 0;
    }
    asyncio__stream_ref(s);
    int rc = wait_in(s, &w->closers);
    asyncio__stream_unref(s);
    return rc;
}

ASYNCIO__METHOD(asyncio_streamwriter_wait_closed, writer, asyncio_streamwriter *,
                .run = run_wait_closed);

asyncio_coro asyncio_streamwriter_wait_closed(asyncio_streamwriter *w) {
    return ASYNCIO__CORO(asyncio_streamwriter_wait_closed, w);
}

/* ---- closing ---- */

void asyncio_streamwriter_close(asyncio_streamwriter *w) {
    struct asyncio__stream *s = w ? asyncio__stream_of_writer(w) : NULL;
    if (s && !asyncio__loop_wrong_thread(s->loop, "asyncio_streamwriter_close"))
        asyncio__stream_close(s);
}

void asyncio_streamwriter_abort(asyncio_streamwriter *w) {
    struct asyncio__stream *s = w ? asyncio__stream_of_writer(w) : NULL;
    if (s && !asyncio__loop_wrong_thread(s->loop, "asyncio_streamwriter_abort"))
        asyncio__stream_abort(s);
}

bool asyncio_streamwriter_is_closing(const asyncio_streamwriter *w) {
    return w && (asyncio__stream_of_writer(w)->state != ASYNCIO__STREAM_OPEN || w->failed);
}

bool asyncio_streamwriter_can_write_eof(const asyncio_streamwriter *w) {
    if (!w) return false;
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    return s->transport && (s->transport->ops->shutdown || s->transport->ops->end_is_close);
}

int asyncio_streamwriter_write_eof(asyncio_streamwriter *w) {
    if (!w) return no_writer();
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    if (asyncio__loop_check_thread(s->loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (w->eof || is_dropped(s)) return 0;
    if (w->sending) return asyncio__writer_check(w);
    if (s->transport->ops->end_is_close) {
        asyncio__stream_close(s);
        return 0;
    }
    if (!s->transport->ops->shutdown) {
        return asyncio_raise(ASYNCIO_NOT_IMPLEMENTED_ERROR, NULL, NULL,
                             "one direction of a %s cannot be closed alone",
                             s->transport->ops->name);
    }
    w->eof = true;
    if (w->out.size == 0) asyncio__stream_flush(s);
    return 0;
}

/* ---- properties ---- */

int asyncio_streamwriter_get_extra_info(const asyncio_streamwriter *w, const char *name,
                                        asyncio_value *value) {
    if (!w || !name || !value) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a writer, a name and a place are required");
    }
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    *value = asyncio_none();
    int rc = s->ends ? asyncio__ends_get(s->ends, name, value) : 0;
    if (rc != 0 || !s->transport || !s->transport->ops->extra) return rc;
    return s->transport->ops->extra(s->transport, name, value);
}

int asyncio_streamwriter_set_write_buffer_limits(asyncio_streamwriter *w, size_t high, size_t low) {
    if (!w) return no_writer();
    if (low > high) {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL,
                             "high (%zu) must be >= low (%zu) must be >= 0", high, low);
    }
    w->high = high;
    w->low = low;
    if (w->out.size > high) w->paused = true;
    return 0;
}

void asyncio_streamwriter_get_write_buffer_limits(const asyncio_streamwriter *w, size_t *low,
                                                  size_t *high) {
    if (low) *low = w ? w->low : 0;
    if (high) *high = w ? w->high : 0;
}

size_t asyncio_streamwriter_get_write_buffer_size(const asyncio_streamwriter *w) {
    return w ? w->out.size : 0;
}
