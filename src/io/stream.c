/* SPDX-License-Identifier: MIT
 *
 * io/stream.c: the connection under a reader and a writer: waiting, flushing, closing.
 */
#include "io/stream.h"

#include <errno.h>

#include "base/alloc.h"
#include "io/fd.h"

#define STREAK_MAX 64 /* reads in a row before others get a turn */

/* ---- buffers ---- */

/* Makes place at the end by moving what is there to the front, or by getting more memory. */
static char *make_room(struct asyncio__buffer *b, size_t room) {
    if (b->data && b->size + room <= b->capacity && b->at >= b->size) {
        memcpy(b->data, b->data + b->at, b->size);
        b->at = 0;
        return b->data + b->size;
    }
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity < b->size + room) capacity *= 2;
    char *data = asyncio__malloc(capacity);
    if (!data) return NULL;
    if (b->data) memcpy(data, b->data + b->at, b->size);
    asyncio__free(b->data);
    *b = (struct asyncio__buffer){ data, 0, b->size, capacity };
    return data + b->size;
}

char *asyncio__buffer_reserve(struct asyncio__buffer *b, size_t room) {
    if (b->at + b->size + room <= b->capacity && b->data) return b->data + b->at + b->size;
    return make_room(b, room);
}

int asyncio__buffer_append(struct asyncio__buffer *b, const void *data, size_t n) {
    char *to = asyncio__buffer_reserve(b, n);
    if (!to) return -ENOMEM;
    memcpy(to, data, n);
    b->size += n;
    return 0;
}

void asyncio__buffer_consume(struct asyncio__buffer *b, size_t n) {
    b->size -= n;
    b->at = b->size ? b->at + n : 0;
}

void asyncio__buffer_free(struct asyncio__buffer *b) {
    asyncio__free(b->data);
    *b = (struct asyncio__buffer){ .data = NULL };
}

/* ---- watches ---- */

static void fired(struct asyncio__fdwatch *watch, enum asyncio__direction direction);
static void reading_gone(struct asyncio__fdwatch *watch, int status);
static void writing_gone(struct asyncio__fdwatch *watch, int status);

static const struct asyncio__fdwatch_ops watch_ops[2] = { { fired, reading_gone, false },
                                                          { fired, writing_gone, false } };

static struct asyncio__stream *stream_of(struct asyncio__fdwatch *watch, int direction) {
    return asyncio__container(watch - direction, struct asyncio__stream, watch);
}

/* Sets and takes back watches so that there is one for each direction that somebody wants. 0 or
 * raised. */
static int settle(struct asyncio__stream *s) {
    unsigned want = s->read_want | s->write_want;
    int rc = 0;
    for (int i = 0; i < 2; i++) {
        unsigned bit = 1u << i;
        if ((want & bit) == (s->watched & bit)) continue;
        if (want & bit) {
            int set = asyncio__descriptor_watch(s->loop, s->transport->fd,
                                                (enum asyncio__direction)i, &s->watch[i], false);
            if (set >= 0) s->watched |= (uint8_t)bit;
            else rc = set;
        } else {
            asyncio__descriptor_unwatch(s->loop, s->transport->fd, (enum asyncio__direction)i,
                                        &s->watch[i]);
            s->watched &= (uint8_t)~bit;
        }
    }
    return rc;
}

static void wake_reader(struct asyncio__stream *s) {
    s->read_want = 0;
    if (s->reader.waiter) asyncio__waiter_wake(s->reader.waiter);
}

static void fired(struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    struct asyncio__stream *s = stream_of(watch, (int)direction);
    unsigned bit = 1u << direction;
    s->watched &= (uint8_t)~bit;
    if (s->read_want & bit) wake_reader(s);
    asyncio__stream_ref(s);
    if (s->write_want & bit) asyncio__stream_flush(s);
    int rc = s->transport ? settle(s) : 0;
    if (rc < 0) {
        asyncio__stream_read_failed(s, rc);
        wake_reader(s);
    }
    asyncio__stream_unref(s);
}

/* ---- errors ---- */

int asyncio__kept_raise(const struct asyncio__kept *kept) {
    if (!kept->error) return asyncio__raise(kept->code, NULL);
    return asyncio_reraise(asyncio_error_ref(kept->error));
}

static void keep(struct asyncio__kept *kept, int code, asyncio_error *error) {
    if (kept->code) return;
    kept->code = code;
    kept->error = asyncio_error_ref(error);
}

static void wake_all(struct asyncio__link *line) {
    while (!asyncio__list_empty(line)) {
        struct asyncio__waiter *w = asyncio__container(line->next, struct asyncio__waiter, link);
        asyncio__link_take(&w->link);
        asyncio__waiter_wake(w);
    }
}

/* The error of reading is the connection's, too. */
void asyncio__stream_read_failed(struct asyncio__stream *s, int code) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), code);
    keep(&s->reader.error, code, error);
    keep(&s->error, code, error);
    asyncio_error_unref(error);
}

void asyncio__stream_write_failed(struct asyncio__stream *s, int code) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), code);
    keep(&s->error, code, error);
    asyncio_error_unref(error);
    s->writer.failed = true;
    s->writer.paused = false;
    s->write_want = 0;
    asyncio__buffer_free(&s->writer.out);
    wake_all(&s->writer.drains);
}

/* ---- the end ---- */

/* Nothing can be sent or received any more. The reader sees the end, as after a close.
 * close: the descriptor is ours to close. */
static void finish(struct asyncio__stream *s, bool close) {
    struct asyncio__transport *t = s->transport;
    if (!t) return;
    int fd = t->fd;
    s->read_want = s->write_want = 0;
    settle(s);
    s->transport = NULL;
    bool held = s->state == ASYNCIO__STREAM_CLOSING;
    s->state = ASYNCIO__STREAM_CLOSED;
    t->ops->free(t);
    if (close) asyncio__io_close(s->loop, fd);
    s->reader.eof = true;
    s->writer.paused = false;
    asyncio__buffer_free(&s->writer.out);
    wake_reader(s);
    wake_all(&s->writer.drains);
    wake_all(&s->writer.closers);
    if (s->closed) s->closed(s, s->closed_arg);
    if (held) asyncio__stream_unref(s); /* that of the close that was under way */
}

/* Somebody else is about to close the descriptor, or the loop closes. */
static void gone(struct asyncio__stream *s, unsigned bit, int status) {
    s->watched &= (uint8_t)~bit;
    asyncio__stream_ref(s);
    if (status < 0) {
        asyncio__stream_read_failed(s, asyncio__raise(status, "the descriptor was closed"));
        s->writer.failed = true;
    }
    finish(s, status == 0);
    asyncio__stream_unref(s);
}

static void reading_gone(struct asyncio__fdwatch *watch, int status) {
    gone(stream_of(watch, ASYNCIO__READING), ASYNCIO_READABLE, status);
}

static void writing_gone(struct asyncio__fdwatch *watch, int status) {
    gone(stream_of(watch, ASYNCIO__WRITING), ASYNCIO_WRITABLE, status);
}

void asyncio__stream_abort(struct asyncio__stream *s) { finish(s, true); }

void asyncio__stream_close(struct asyncio__stream *s) {
    if (s->state != ASYNCIO__STREAM_OPEN) return;
    s->state = ASYNCIO__STREAM_CLOSING;
    s->refs++;
    if (s->loop->closed) {
        finish(s, true);
        return;
    }
    s->reader.eof = true; /* nobody reads from now on */
    wake_reader(s);
    asyncio__stream_flush(s);
    if (s->transport) settle(s);
}

/* ---- writing ---- */

static void resume(struct asyncio__stream *s) {
    struct asyncio_streamwriter *w = &s->writer;
    if (!w->paused || w->out.size > w->low) return;
    w->paused = false;
    wake_all(&w->drains);
}

/* What comes after the last byte: 0 when there is nothing more to do now. */
static int after_last_byte(struct asyncio__stream *s, unsigned *want) {
    struct asyncio_streamwriter *w = &s->writer;
    const struct asyncio__transport_ops *ops = s->transport->ops;
    if (w->eof && !w->eof_sent) {
        int rc = ops->shutdown(s->transport, want);
        if (rc < 0) return rc;
        w->eof_sent = true;
    }
    if (s->state != ASYNCIO__STREAM_CLOSING) return 0;
    return ops->goodbye ? ops->goodbye(s->transport, want) : 0;
}

static int write_out(struct asyncio__stream *s, unsigned *want) {
    struct asyncio__buffer *out = &s->writer.out;
    while (out->size > 0) {
        struct iovec part = { asyncio__buffer_start(out), out->size };
        ssize_t n = s->transport->ops->write(s->transport, &part, 1, want);
        if (n < 0) return (int)n;
        asyncio__buffer_consume(out, (size_t)n);
        resume(s);
    }
    asyncio__buffer_free(out);
    return 0;
}

void asyncio__stream_flush(struct asyncio__stream *s) {
    unsigned want = 0;
    s->write_want = 0;
    int rc = s->writer.failed ? 0 : write_out(s, &want);
    if (rc == 0 && !s->writer.failed) rc = after_last_byte(s, &want);
    if (rc == -EAGAIN) {
        s->write_want = (uint8_t)want;
        rc = settle(s);
    }
    if (rc < 0) asyncio__stream_write_failed(s, rc);
    if (s->state == ASYNCIO__STREAM_CLOSING && s->write_want == 0) finish(s, true);
}

/* ---- reading ---- */

int asyncio__stream_wait(struct asyncio__stream *s, struct asyncio_task *task, unsigned want) {
    struct asyncio__waiter w;
    asyncio__waiter_init(&w, s->loop);
    asyncio__stream_ref(s);
    s->reader.streak = 0;
    s->read_want = (uint8_t)want;
    int rc = settle(s);
    if (rc >= 0) {
        s->reader.waiter = &w;
        rc = asyncio__waiter_park(&w, task);
        s->reader.waiter = NULL;
    }
    s->read_want = 0;
    if (s->transport) settle(s);
    asyncio__stream_unref(s);
    return rc;
}

ssize_t asyncio__stream_try(struct asyncio__stream *s, struct asyncio_task *task, void *buf,
                            size_t n, unsigned *want) {
    if (ASYNCIO__UNLIKELY(++s->reader.streak >= STREAK_MAX)) {
        s->reader.streak = 0;
        int rc = asyncio__task_yield(task);
        if (rc < 0) return rc;
    }
    if (ASYNCIO__UNLIKELY(s->reader.error.code)) return asyncio__kept_raise(&s->reader.error);
    if (ASYNCIO__UNLIKELY(s->reader.eof)) return 0;
    ssize_t got = s->transport->ops->read(s->transport, buf, n, want);
    if (ASYNCIO__LIKELY(got > 0 || got == -EAGAIN)) return got;
    if (got == 0) {
        s->reader.eof = true;
        return 0;
    }
    asyncio__stream_read_failed(s, (int)got);
    return asyncio__kept_raise(&s->reader.error);
}

ssize_t asyncio__stream_receive(struct asyncio__stream *s, struct asyncio_task *task, void *buf,
                                size_t n) {
    unsigned want = 0;
    for (;;) {
        ssize_t got = asyncio__stream_try(s, task, buf, n, &want);
        if (ASYNCIO__LIKELY(got != -EAGAIN)) return got;
        int rc = asyncio__stream_wait(s, task, want);
        if (rc < 0) return rc;
    }
}

/* ---- life ---- */

struct asyncio__stream *asyncio__stream_new(struct asyncio__transport *t, size_t limit) {
    struct asyncio__stream *s = asyncio__calloc(1, sizeof *s);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    s->transport = t;
    s->loop = t->loop;
    s->loop->live++;
    s->refs = 1;
    s->reader.limit = limit;
    s->writer.high = 65536;
    s->writer.low = s->writer.high / 4;
    asyncio__link_init(&s->writer.drains);
    asyncio__link_init(&s->writer.closers);
    for (int i = 0; i < 2; i++) s->watch[i].ops = &watch_ops[i];
    return s;
}

struct asyncio__stream *asyncio__stream_over_socket(asyncio_loop *loop, int fd, size_t limit) {
    struct asyncio__transport *t = asyncio__socket_transport_new(loop, fd);
    if (!t) return NULL;
    struct asyncio__stream *s = asyncio__stream_new(t, limit);
    if (!s) t->ops->free(t);
    return s;
}

struct asyncio__stream *asyncio__stream_ref(struct asyncio__stream *s) {
    s->refs++;
    return s;
}

static void free_stream(struct asyncio__stream *s) {
    asyncio_loop *loop = s->loop;
    asyncio__buffer_free(&s->reader.in);
    asyncio__buffer_free(&s->writer.out);
    asyncio_error_unref(s->reader.error.error);
    asyncio_error_unref(s->error.error);
    asyncio__free(s);
    asyncio__loop_object_gone(loop);
}

void asyncio__stream_unref(struct asyncio__stream *s) {
    if (--s->refs > 0) return;
    if (s->state == ASYNCIO__STREAM_OPEN) {
        s->refs++; /* until here */
        asyncio__stream_close(s);
        if (--s->refs > 0) return;
    }
    free_stream(s);
}

void asyncio__stream_swap(struct asyncio__stream *s, struct asyncio__transport *t) {
    s->transport = t;
    settle(s);
}
