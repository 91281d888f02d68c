/* SPDX-License-Identifier: MIT
 *
 * io/stream/tlshost.c: what a TLS library has of this one, beside the public functions: the limit
 * of closing a connection over TLS, calls of the program's functions. Linked statically, it is in
 * programs with a TLS library only.
 */
#include "io/stream/tlshost.h"

#include "base/alloc.h"
#include "base/clock.h"

/* ---- the limit of closing ---- */

static struct asyncio__tls_limit *limit_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__tls_limit, timer.runnable);
}

static void run_limit(struct asyncio__runnable *runnable) {
    struct asyncio__tls_limit *limit = limit_of(runnable);
    struct asyncio__stream *s = asyncio__stream_ref(limit->stream);
    limit->timer.state = ASYNCIO__TIMER_IDLE;
    asyncio__stream_write_failed(s,
                                 asyncio__raise(ASYNCIO_TIMEOUT_ERROR, "SSL shutdown timed out"));
    asyncio__stream_abort(s);
    asyncio__stream_unref(s);
}

static void discard_limit(struct asyncio__runnable *runnable) {
    limit_of(runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_limit(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "the end of a TLS connection");
}

static const struct asyncio__runnable_ops limit_ops = { run_limit, discard_limit, describe_limit,
                                                        NULL };

static void init_limit(struct asyncio__tls_limit *limit, struct asyncio__stream *s) {
    asyncio__timer_init(&limit->timer, &limit_ops);
    limit->stream = s;
}

static void start_limit(struct asyncio__tls_limit *limit, double seconds) {
    asyncio_loop *loop = limit->stream->loop;
    if (loop->closed || limit->timer.state != ASYNCIO__TIMER_IDLE) return;
    int64_t when = asyncio__clock_add(asyncio__loop_now(loop), seconds);
    (void)asyncio__loop_arm(loop, &limit->timer, when);
}

static void stop_limit(struct asyncio__tls_limit *limit) {
    asyncio_loop *loop = limit->stream->loop;
    if (!loop->closed) asyncio__timer_cancel(&loop->timers, &limit->timer);
}

/* ---- the program's functions ---- */

static void call_program(struct asyncio__stream *s, void (*fn)(void *arg), void *arg) {
    struct asyncio_streamreader *r = &s->reader;
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *saved = strand->error;
    uint32_t called = strand->flags & ASYNCIO__TASK_CALLED;
    strand->error = NULL;
    strand->flags |= ASYNCIO__TASK_CALLED;
    asyncio__future_init(&r->more, s->loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
    r->waiting = true;
    fn(arg);
    r->waiting = false;
    strand->flags = (strand->flags & ~(uint32_t)ASYNCIO__TASK_CALLED) | called;
    asyncio__error_after(strand, saved, 0);
}

/* ---- the table ---- */

const struct asyncio__tls_host ASYNCIO__TLS_HOST = {
    .malloc = asyncio__malloc,
    .calloc = asyncio__calloc,
    .free = asyncio__free,
    .raise = asyncio__raise,
    .kept_take = asyncio__kept_take,
    .kept_raise = asyncio__kept_raise,
    .buffer_append = asyncio__buffer_append,
    .buffer_consume = asyncio__buffer_consume,
    .buffer_free = asyncio__buffer_free,
    .call_program = call_program,
    .limit_init = init_limit,
    .limit_start = start_limit,
    .limit_stop = stop_limit,
};
