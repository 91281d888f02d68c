/* SPDX-License-Identifier: MIT
 *
 * thread/wrapper.c: how the outcome of a concurrent future gets into a loop, and the request to
 * cancel it out of there.
 *
 * A wrapper that waits has two references: the user's, and that of being followed. The latter goes
 * when the source is done and the loop has read it, when the wrapper is given up, or when the loop
 * is closed; whoever takes the wrapper out of the source's list, under its lock, decides which.
 */
#include "thread/wrapper.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "thread/objectlock.h"

/* ---- the outcome ---- */

static void no_longer_expected(struct asyncio__wrapper *m) {
    if (m->expected) m->future.loop->external--;
    m->expected = false;
}

/* A value that is not ours alone is copied. */
static int read_value(struct asyncio__wrapper *m, asyncio_value *value) {
    if (!m->exclusive) return asyncio_value_copy(value, &m->source->value);
    *value = asyncio_concurrent_future_take_result(m->source);
    return 0;
}

static void read_outcome(struct asyncio__wrapper *m) {
    asyncio_concurrent_future *source = m->source;
    asyncio_value value;
    switch (atomic_load_explicit(&source->state, memory_order_acquire)) {
    case ASYNCIO__CONCURRENT_CANCELLED: asyncio__future_cancel_plain(&m->future, NULL); return;
    case ASYNCIO__CONCURRENT_FAILED:
        asyncio__future_fail(&m->future, source->code, asyncio_error_ref(source->error));
        return;
    default: break;
    }
    int rc = read_value(m, &value);
    if (rc >= 0) {
        asyncio__future_finish(&m->future, value);
        return;
    }
    const char *message = rc == ASYNCIO_TYPE_ERROR ? "the result cannot be copied" : NULL;
    asyncio__future_fail(&m->future, rc, asyncio__error_make(rc, message));
}

static struct asyncio__wrapper *wrapper_of_arrival(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__wrapper, arrival);
}

static void run_arrival(struct asyncio__runnable *runnable) {
    struct asyncio__wrapper *m = wrapper_of_arrival(runnable);
    asyncio__link_init(&runnable->link);
    asyncio__link_take(&m->tie.link);
    no_longer_expected(m);
    if (m->future.state == ASYNCIO__PENDING) read_outcome(m);
    asyncio_future_unref(&m->future);
}

static void discard_arrival(struct asyncio__runnable *runnable) {
    struct asyncio__wrapper *m = wrapper_of_arrival(runnable);
    asyncio__link_init(&runnable->link);
    asyncio__link_take(&m->tie.link);
    no_longer_expected(m);
    asyncio_future_unref(&m->future);
}

static int describe_wrapper(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_chain_future.<locals>._call_check_cancel()");
}

static const struct asyncio__runnable_ops arrival_ops = {
    .run = run_arrival,
    .discard = discard_arrival,
    .describe = describe_wrapper,
};

/* ---- given up, closed ---- */

/* Takes it out of the source's list: false if the source was done, the arrival is on its way. */
static bool unfollow(struct asyncio__wrapper *m) {
    asyncio__object_lock(m->source);
    bool linked = !asyncio__list_empty(&m->link);
    if (linked) asyncio__link_take(&m->link);
    asyncio__object_unlock(m->source);
    return linked;
}

static struct asyncio__wrapper *wrapper_of_settled(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__wrapper, settled);
}

static void give_up(struct asyncio__wrapper *m) {
    no_longer_expected(m);
    if (!unfollow(m)) return;
    asyncio__link_take(&m->tie.link);
    asyncio_concurrent_future_cancel(m->source);
    asyncio_future_unref(&m->future);
}

/* A done callback of the wrapper: was it cancelled from this side? */
static void run_settled(struct asyncio__runnable *runnable) {
    struct asyncio__wrapper *m = wrapper_of_settled(runnable);
    asyncio__link_init(&runnable->link);
    if (m->future.state == ASYNCIO__CANCELLED) give_up(m);
    asyncio_future_unref(&m->future);
}

static void discard_settled(struct asyncio__runnable *runnable) {
    struct asyncio__wrapper *m = wrapper_of_settled(runnable);
    asyncio__link_init(&runnable->link);
    if (m->future.state != ASYNCIO__PENDING) asyncio_future_unref(&m->future);
}

static const struct asyncio__runnable_ops settled_ops = {
    .run = run_settled,
    .discard = discard_settled,
    .describe = describe_wrapper,
};

/* The loop is closed: nobody can wait for it any more. */
static void close_wrapper(struct asyncio__tie *tie) {
    struct asyncio__wrapper *m = asyncio__container(tie, struct asyncio__wrapper, tie);
    no_longer_expected(m);
    if (!unfollow(m)) return;
    atomic_store(&m->source->abandoned, true);
    asyncio_future_unref(&m->future);
}

/* ---- life ---- */

static void free_wrapper(struct asyncio_future *f) {
    struct asyncio__wrapper *m = (struct asyncio__wrapper *)(void *)f;
    asyncio_loop *loop = f->loop;
    if (!asyncio__future_fini(f)) return;
    asyncio_concurrent_future *source = m->source;
    if (!m->exclusive) asyncio__free(m);
    asyncio__loop_object_gone(loop);
    asyncio_concurrent_future_unref(source);
}

static const struct asyncio__future_ops wrapper_ops = { .name = "Future", .free = free_wrapper };

/* Joins the source's wrappers; false if that is done already. */
static bool follow(struct asyncio__wrapper *m) {
    asyncio__object_lock(m->source);
    bool pending = !asyncio__concurrent_is_done(m->source);
    if (pending) asyncio__list_append(&m->source->wrappers, &m->link);
    asyncio__object_unlock(m->source);
    return pending;
}

void asyncio__wrapper_start(struct asyncio__wrapper *m, asyncio_loop *loop,
                            asyncio_concurrent_future *source, bool exclusive) {
    asyncio__future_init(&m->future, loop, &wrapper_ops, 0);
    m->source = asyncio_concurrent_future_ref(source);
    m->exclusive = exclusive;
    m->expected = true;
    m->arrival.ops = &arrival_ops;
    m->settled.ops = &settled_ops;
    m->tie.close = close_wrapper;
    asyncio__link_init(&m->link);
    asyncio__link_init(&m->arrival.link);
    asyncio__list_append(&m->future.callbacks, &m->settled.link);
    asyncio__list_append(&loop->ties, &m->tie.link);
    m->future.callback_count = 1;
    m->future.refs = 2;
    loop->live++;
    loop->external++;
    if (!follow(m)) asyncio__loop_queue(loop, &m->arrival);
}

void asyncio__wrapper_undo(struct asyncio__wrapper *m) {
    asyncio__link_take(&m->link);
    asyncio__link_take(&m->tie.link);
    no_longer_expected(m);
    m->future.refs = 1;
    asyncio_future_unref(&m->future);
}

asyncio_future *asyncio_wrap_future(asyncio_concurrent_future *source, asyncio_loop *loop) {
    if (!source) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required"), NULL;
    if (!loop) loop = asyncio_get_event_loop();
    if (!loop || asyncio__loop_check(loop) < 0) return NULL;
    if (asyncio__concurrent_is_left_behind(source)) {
        asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                       "the thread that has to finish the future belongs to the parent process");
        return NULL;
    }
    struct asyncio__wrapper *m = asyncio__malloc(sizeof *m);
    if (!m) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__wrapper_start(m, loop, source, false);
    return &m->future;
}
