/* SPDX-License-Identifier: MIT
 *
 * io/stream/sendfile.c: a file into a stream. First what was written before goes out, then the
 * file, by the transport's own sendfile where there is one, otherwise piece by piece through the
 * writer's buffer, one piece in it at a time. Meanwhile nobody else writes (`sending`).
 */
#include <asyncio/streams.h>

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/stream/stream.h"
#include "task/method.h"

#define NATIVE_PIECE (256 << 10)
#define NATIVE_STREAK 16 /* pieces in a row before others get a turn */
#define COPY_PIECE 65536

struct sendfile_args {
    asyncio_streamwriter *writer;
    asyncio_loop *loop;
    int file;
    off_t offset;
    size_t count;
};

int asyncio__stream_flush_all(struct asyncio__stream *s) {
    struct asyncio_streamwriter *w = &s->writer;
    size_t high = w->high, low = w->low;
    w->high = w->low = 0;
    w->paused = w->out.size > 0;
    int rc = asyncio__stream_drain(s);
    w->high = high;
    w->low = low;
    return rc;
}

/* After a sendfile that has failed: was it the file? If that can be read there, it was the
 * connection, and the writer is broken, as after a write that fails. */
static int native_failed(struct asyncio__stream *s, const struct sendfile_args *a, off_t at,
                         int code) {
    char c;
    ssize_t got;
    if (code == -ENOSYS) return code;
    do got = pread(a->file, &c, 1, at);
    while (got < 0 && errno == EINTR);
    if (got < 0) return code;
    asyncio__stream_write_failed(s, code);
    return asyncio__kept_raise(&s->error);
}

static int send_native(struct asyncio__stream *s, const struct sendfile_args *a, off_t *at,
                       size_t left) {
    struct asyncio_task *task = asyncio__task_current();
    int rc = 0, streak = 0;
    while (rc >= 0 && left > 0) {
        unsigned interest;
        if (s->error.code) return asyncio__kept_raise(&s->error);
        if (!s->transport) return asyncio__raise(-ECONNRESET, "Connection lost");
        size_t piece = left < NATIVE_PIECE ? left : NATIVE_PIECE;
        ssize_t n = s->transport->ops->sendfile(s->transport, a->file, at, piece, &interest);
        if (n == 0) break;
        if (n > 0) left -= (size_t)n;
        if (n == -EAGAIN) rc = asyncio__stream_wait_writable(s, task, interest);
        else if (n < 0) return native_failed(s, a, *at, (int)n);
        streak = n > 0 ? streak + 1 : 0;
        if (streak == NATIVE_STREAK) rc = asyncio__task_yield(task);
        if (streak == NATIVE_STREAK) streak = 0;
    }
    return rc;
}

/* Writes what is in buf, as the one who may, and waits until it has gone out. */
static int send_piece(struct asyncio__stream *s, const char *buf, size_t n) {
    s->writer.sending = false;
    int rc = asyncio_streamwriter_write(&s->writer, buf, n);
    s->writer.sending = true;
    return rc < 0 ? rc : asyncio__stream_flush_all(s);
}

static int send_copy(struct asyncio__stream *s, const struct sendfile_args *a, off_t *at,
                     size_t left) {
    char *buf = asyncio__malloc(COPY_PIECE);
    int rc = buf ? 0 : asyncio__raise(-ENOMEM, NULL);
    while (rc >= 0 && left > 0) {
        ssize_t n = pread(a->file, buf, left < COPY_PIECE ? left : COPY_PIECE, *at);
        if (n == 0) break;
        if (n < 0) {
            rc = asyncio__io_raise(errno, "pread");
            break;
        }
        *at += n;
        left -= (size_t)n;
        rc = send_piece(s, buf, (size_t)n);
    }
    asyncio__free(buf);
    return rc;
}

static int send_all(struct asyncio__stream *s, const struct sendfile_args *a, off_t *at) {
    size_t left = a->count ? a->count : SIZE_MAX;
    int rc = asyncio__stream_flush_all(s);
    if (rc < 0) return rc;
    if (s->transport && s->transport->ops->sendfile) {
        rc = send_native(s, a, at, left);
        if (rc != -ENOSYS) return rc;
    }
    return send_copy(s, a, at, left);
}

static int check(const struct sendfile_args *a) {
    struct asyncio_streamwriter *w = a->writer;
    if (!a->loop || !w) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop and a writer are required");
    }
    struct asyncio__stream *s = asyncio__stream_of_writer(w);
    struct asyncio_task *task = asyncio__task_current();
    if (a->loop != s->loop || !task || asyncio_get_running_loop() != s->loop) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the writer belongs to another loop");
    }
    if (a->offset < 0) return asyncio__raise(ASYNCIO_VALUE_ERROR, "offset must be non-negative");
    if (s->state != ASYNCIO__STREAM_OPEN) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Transport is closing");
    }
    return asyncio__writer_check(w);
}

static int run_sendfile(const void *args, asyncio_value *result) {
    const struct sendfile_args *a = args;
    off_t at = a->offset;
    int rc = check(a);
    if (rc < 0) return rc;
    struct asyncio__stream *s = asyncio__stream_ref(asyncio__stream_of_writer(a->writer));
    s->writer.sending = true;
    rc = send_all(s, a, &at);
    s->writer.sending = false;
    asyncio__stream_unref(s);
    if (rc >= 0) *result = asyncio_int(at - a->offset);
    return rc < 0 ? rc : 0;
}

ASYNCIO__HOLD(writer, asyncio_streamwriter_ref, asyncio_streamwriter_unref);

ASYNCIO__METHOD(asyncio_loop_sendfile, writer, struct sendfile_args, .run = run_sendfile);

asyncio_coro asyncio_loop_sendfile(asyncio_loop *loop, asyncio_streamwriter *writer, int file,
                                   off_t offset, size_t count) {
    return ASYNCIO__CORO(asyncio_loop_sendfile, writer, loop, file, offset, count);
}
