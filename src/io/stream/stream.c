/* SPDX-License-Identifier: MIT
 *
 * io/stream/stream.c: the connection under a reader and a writer: waiting, flushing, closing.
 */
#include "io/stream/stream.h"

#include <errno.h>

#include "base/alloc.h"
#include "io/address.h"
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

static void became_ready(struct asyncio__fdwatch *watch, enum asyncio__direction direction);
static void reading_closed(struct asyncio__fdwatch *watch, int status);
static void writing_closed(struct asyncio__fdwatch *watch, int status);

static const struct asyncio__fdwatch_ops watch_ops[2] = {
    [ASYNCIO__READING] = { .ready = became_ready,
                           .closed = reading_closed,
                           .kind = ASYNCIO__WATCH_LASTING },
    [ASYNCIO__WRITING] = { .ready = became_ready,
                           .closed = writing_closed,
                           .kind = ASYNCIO__WATCH_LASTING },
};

static struct asyncio__stream *stream_of(struct asyncio__fdwatch *watch, int direction) {
    return asyncio__container(watch - direction, struct asyncio__stream, watch);
}

/* Sets the watches of the directions that are wanted for the first time. 0 or raised. */
static int watch_interest(struct asyncio__stream *s) {
    unsigned missing = (s->read_interest | s->write_interest) & ~(unsigned)s->watched;
    int fd = s->transport->fd;
    if (!missing) return asyncio__descriptor_check(s->loop, fd);
    for (int i = 0; i < 2; i++) {
        if (!(missing >> i & 1)) continue;
        int rc =
            asyncio__descriptor_watch(s->loop, fd, (enum asyncio__direction)i, &s->watch[i], false);
        if (rc < 0) return rc;
        s->watched |= (uint8_t)(1u << i);
    }
    return 0;
}

static void unwatch(struct asyncio__stream *s) {
    for (int i = 0; i < 2; i++) {
        if (!(s->watched >> i & 1)) continue;
        asyncio__descriptor_unwatch(s->loop, s->transport->fd, (enum asyncio__direction)i,
                                    &s->watch[i]);
    }
    s->watched = 0;
}

/* The reader or the flushing is interested in these directions from now on. 0 or raised. */
static int set_interest(struct asyncio__stream *s, uint8_t *whose, unsigned interest) {
    bool before = s->read_interest | s->write_interest;
    *whose = (uint8_t)interest;
    bool now = s->read_interest | s->write_interest;
    if (before && !now) s->loop->descriptors.waiting--;
    if (!before && now) asyncio__descriptor_wanted(s->loop);
    if (!now) return 0;
    bool missing = (s->read_interest | s->write_interest) & ~(unsigned)s->watched;
    return ASYNCIO__UNLIKELY(missing || s->loop->debug) ? watch_interest(s) : 0;
}

static void wake_reader(struct asyncio__stream *s) {
    set_interest(s, &s->read_interest, 0);
    if (s->reader.waiting && s->reader.more.state == ASYNCIO__PENDING)
        asyncio__future_finish(&s->reader.more, asyncio_none());
}

static void wake_sender(struct asyncio__stream *s) {
    set_interest(s, &s->write_interest, 0);
    if (s->writer.sender) asyncio__waiter_wake(s->writer.sender);
}

static void became_ready(struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    struct asyncio__stream *s = stream_of(watch, (int)direction);
    unsigned bit = 1u << direction;
    if (s->read_interest & bit) wake_reader(s);
    if (!(s->write_interest & bit)) return;
    asyncio__stream_ref(s);
    if (s->writer.sender) wake_sender(s);
    else asyncio__stream_flush(s);
    asyncio__stream_unref(s);
}

/* ---- errors ---- */

void asyncio__kept_take(struct asyncio__kept *kept, int code) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), code);
    *kept = (struct asyncio__kept){ code, error };
}

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

void asyncio__stream_read_failed(struct asyncio__stream *s, int code) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), code);
    keep(&s->reader.error, code, error);
    asyncio_error_unref(error);
}

/* Reading found the connection broken. */
static void connection_failed(struct asyncio__stream *s, int code) {
    asyncio__stream_read_failed(s, code);
    keep(&s->error, s->reader.error.code, s->reader.error.error);
}

void asyncio__stream_write_failed(struct asyncio__stream *s, int code) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), code);
    keep(&s->error, code, error);
    asyncio_error_unref(error);
    s->writer.failed = true;
    s->writer.paused = false;
    wake_sender(s);
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
    set_interest(s, &s->read_interest, 0);
    set_interest(s, &s->write_interest, 0);
    unwatch(s);
    s->transport = NULL;
    bool held = s->state == ASYNCIO__STREAM_CLOSING;
    s->state = ASYNCIO__STREAM_CLOSED;
    t->ops->free(t);
    if (close) asyncio__io_close(s->loop, fd);
    s->reader.eof = true;
    s->writer.paused = false;
    if (s->writer.out.size > 0) s->writer.failed = true;
    asyncio__buffer_free(&s->writer.out);
    wake_reader(s);
    wake_sender(s);
    wake_all(&s->writer.drains);
    wake_all(&s->writer.closers);
    if (s->closed) s->closed(s, s->closed_arg);
    if (held) asyncio__stream_unref(s); /* that of the close that was under way */
}

/* Somebody else is about to close the descriptor, or the loop closes. */
static void side_closed(struct asyncio__stream *s, unsigned bit, int status) {
    s->watched &= (uint8_t)~bit;
    asyncio__stream_ref(s);
    if (status < 0) {
        connection_failed(s, asyncio__raise(status, "the descriptor was closed"));
        s->writer.failed = true;
    }
    finish(s, status == 0);
    asyncio__stream_unref(s);
}

static void reading_closed(struct asyncio__fdwatch *watch, int status) {
    side_closed(stream_of(watch, ASYNCIO__READING), ASYNCIO_READABLE, status);
}

static void writing_closed(struct asyncio__fdwatch *watch, int status) {
    side_closed(stream_of(watch, ASYNCIO__WRITING), ASYNCIO_WRITABLE, status);
}

void asyncio__stream_end_reading(struct asyncio__stream *s) {
    s->reader.eof = true;
    wake_reader(s);
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
    asyncio__stream_end_reading(s);
    if (s->transport->ops->closing) s->transport->ops->closing(s->transport);
    asyncio__stream_flush(s);
}

/* ---- writing ---- */

static void resume(struct asyncio__stream *s) {
    struct asyncio_streamwriter *w = &s->writer;
    if (!w->paused || w->out.size > w->low) return;
    w->paused = false;
    wake_all(&w->drains);
}

/* What comes after the last byte: 0 when there is nothing more to do now. */
static int after_last_byte(struct asyncio__stream *s, unsigned *interest) {
    struct asyncio_streamwriter *w = &s->writer;
    const struct asyncio__transport_ops *ops = s->transport->ops;
    if (w->eof && !w->eof_sent) {
        int rc = ops->shutdown(s->transport, interest);
        if (rc < 0) return rc;
        w->eof_sent = true;
    }
    if (s->state != ASYNCIO__STREAM_CLOSING) return 0;
    return ops->goodbye ? ops->goodbye(s->transport, interest) : 0;
}

static int write_out(struct asyncio__stream *s, unsigned *interest) {
    struct asyncio__buffer *out = &s->writer.out;
    while (out->size > 0) {
        struct iovec part = { asyncio__buffer_start(out), out->size };
        ssize_t n = s->transport->ops->write(s->transport, &part, 1, interest);
        if (n < 0) return (int)n;
        asyncio__buffer_consume(out, (size_t)n);
        resume(s);
    }
    asyncio__buffer_free(out);
    return s->transport->ops->flush ? s->transport->ops->flush(s->transport, interest) : 0;
}

void asyncio__stream_flush(struct asyncio__stream *s) {
    unsigned interest = 0;
    int rc = s->writer.failed ? 0 : write_out(s, &interest);
    if (rc == 0 && !s->writer.failed) rc = after_last_byte(s, &interest);
    if (rc == -EAGAIN) rc = set_interest(s, &s->write_interest, interest);
    else set_interest(s, &s->write_interest, 0);
    if (rc < 0) asyncio__stream_write_failed(s, rc);
    if (s->state == ASYNCIO__STREAM_CLOSING && s->write_interest == 0) finish(s, true);
}

int asyncio__stream_wait_writable(struct asyncio__stream *s, struct asyncio_task *task,
                                  unsigned interest) {
    struct asyncio__waiter w;
    asyncio__waiter_init(&w, s->loop);
    int rc = set_interest(s, &s->write_interest, interest);
    if (rc >= 0) {
        s->writer.sender = &w;
        rc = asyncio__waiter_park(&w, task);
        s->writer.sender = NULL;
    }
    if (s->write_interest != 0) set_interest(s, &s->write_interest, 0);
    return rc;
}

/* ---- reading ---- */

int asyncio__stream_wait(struct asyncio__stream *s, struct asyncio_task *task, unsigned interest) {
    struct asyncio_streamreader *r = &s->reader;
    int rc = set_interest(s, &s->read_interest, interest);
    s->refs++;
    if (ASYNCIO__LIKELY(rc >= 0)) {
        r->streak = 0;
        r->waiting = true;
        asyncio__future_init(&r->more, s->loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
        rc = asyncio__task_park(task, &r->more);
        asyncio__message_set(&r->more.cancel_msg, NULL);
        r->waiting = false;
    }
    if (ASYNCIO__UNLIKELY(s->read_interest != 0)) set_interest(s, &s->read_interest, 0);
    asyncio__stream_unref(s);
    return rc;
}

/* Others run, but nobody else reads. */
static int give_a_turn(struct asyncio__stream *s, struct asyncio_task *task) {
    struct asyncio_streamreader *r = &s->reader;
    asyncio__future_init(&r->more, s->loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
    r->streak = 0;
    r->waiting = true;
    int rc = asyncio__task_yield(task);
    r->waiting = false;
    return rc;
}

ssize_t asyncio__stream_try(struct asyncio__stream *s, struct asyncio_task *task, void *buf,
                            size_t n, unsigned *interest) {
    if (ASYNCIO__UNLIKELY(++s->reader.streak >= STREAK_MAX)) {
        int rc = give_a_turn(s, task);
        if (rc < 0) return rc;
    }
    if (ASYNCIO__UNLIKELY(s->reader.error.code)) return asyncio__kept_raise(&s->reader.error);
    if (ASYNCIO__UNLIKELY(s->reader.eof)) return 0;
    ssize_t got = s->transport->ops->read(s->transport, buf, n, interest);
    if (ASYNCIO__LIKELY(got > 0 || got == -EAGAIN)) return got;
    if (got == 0) {
        s->reader.eof = true;
        return 0;
    }
    if (got == ASYNCIO_SSL_EOF_ERROR) asyncio__stream_read_failed(s, (int)got);
    else connection_failed(s, (int)got);
    return asyncio__kept_raise(&s->reader.error);
}

ssize_t asyncio__stream_receive(struct asyncio__stream *s, struct asyncio_task *task, void *buf,
                                size_t n) {
    unsigned interest = 0;
    for (;;) {
        ssize_t got = asyncio__stream_try(s, task, buf, n, &interest);
        if (ASYNCIO__LIKELY(got != -EAGAIN)) return got;
        int rc = asyncio__stream_wait(s, task, interest);
        if (rc < 0) return rc;
    }
}

/* ---- life ---- */

static struct asyncio__stream *new_stream(asyncio_loop *loop, size_t limit) {
    struct asyncio__stream *s = asyncio__calloc(1, sizeof *s);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    s->loop = loop;
    s->refs = 1;
    s->reader.limit = limit;
    s->writer.high = 65536;
    s->writer.low = s->writer.high / 4;
    asyncio__link_init(&s->writer.drains);
    asyncio__link_init(&s->writer.closers);
    for (int i = 0; i < 2; i++) s->watch[i].ops = &watch_ops[i];
    return s;
}

static struct asyncio__stream *begin(struct asyncio__stream *s, struct asyncio__transport *t) {
    s->transport = t;
    s->loop->live++;
    return s;
}

struct asyncio__stream *asyncio__stream_new(struct asyncio__transport *t, size_t limit) {
    struct asyncio__stream *s = new_stream(t->loop, limit);
    return s ? begin(s, t) : NULL;
}

struct asyncio__stream *asyncio__stream_over_socket(asyncio_loop *loop, int fd, size_t limit,
                                                    const struct sockaddr *peer,
                                                    socklen_t peer_size) {
    struct asyncio__stream *s = new_stream(loop, limit);
    if (!s) return NULL;
    s->ends = asyncio__ends_new(fd, peer, peer_size);
    if (s->ends && asyncio__socket_transport_init(&s->socket, loop, fd) >= 0) {
        return begin(s, &s->socket);
    }
    asyncio__free(s->ends);
    asyncio__free(s);
    return NULL;
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
    asyncio__free(s->ends);
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
}
