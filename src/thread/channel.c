/* SPDX-License-Identifier: MIT
 *
 * thread/channel.c: a ring of values under a lock, and two lines of waiters.
 *
 * A waiter is a concurrent future: a thread waits for it as such, a task by way of a wrapper. To be
 * woken means to try again: who comes in between may be faster. Whoever wakes takes the waiter
 * out of its line; a waiter that was taken out but does not try again (cancelled, timed out)
 * passes the wake on.
 */
#include <asyncio/channel.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "task/method.h"
#include "thread/concurrent.h"
#include "thread/objectlock.h"

struct waiter {
    struct asyncio__link link;          /* in its line; points at itself: taken out */
    asyncio_concurrent_future *wake_up; /* a reference */
};

struct asyncio_channel {
    atomic_uint refs;
    struct asyncio__link putters, getters; /* of waiters, first come first */
    bool closed;
    unsigned forks; /* how many there were when the lines were last looked at (base/fork.h) */
    size_t capacity, count, first;
    asyncio_value ring[];
};

/* In a forked child those who wait in the parent are in no line. */
static void lock(asyncio_channel *c) {
    asyncio__object_lock(c);
    if (ASYNCIO__LIKELY(c->forks == asyncio__forks)) return;
    c->forks = asyncio__forks;
    asyncio__link_init(&c->putters);
    asyncio__link_init(&c->getters);
}

/* ---- life ---- */

asyncio_channel *asyncio_channel_new(size_t capacity) {
    if (capacity == 0 || capacity > SIZE_MAX / 4 / sizeof(asyncio_value)) {
        asyncio__raise(ASYNCIO_VALUE_ERROR, "the capacity of a channel must be at least 1");
        return NULL;
    }
    asyncio_channel *c = asyncio__calloc(1, sizeof *c + capacity * sizeof c->ring[0]);
    if (!c) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    atomic_init(&c->refs, 1);
    asyncio__objectlock_init();
    c->forks = asyncio__forks;
    asyncio__link_init(&c->putters);
    asyncio__link_init(&c->getters);
    c->capacity = capacity;
    return c;
}

asyncio_channel *asyncio_channel_ref(asyncio_channel *c) {
    if (c) atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void asyncio_channel_unref(asyncio_channel *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (; c->count > 0; c->count--) {
        asyncio_value_drop(&c->ring[c->first]);
        c->first = (c->first + 1) % c->capacity;
    }
    asyncio__free(c);
}

/* ---- waking; the lock is held, and let go ---- */

/* The first of a line, taken out: a reference to its wake-up, or NULL. */
static asyncio_concurrent_future *take_first(struct asyncio__link *line) {
    if (asyncio__list_empty(line)) return NULL;
    struct waiter *w = asyncio__container(line->next, struct waiter, link);
    asyncio__link_take(&w->link);
    return asyncio_concurrent_future_ref(w->wake_up);
}

static void unlock_and_wake(asyncio_channel *c, asyncio_concurrent_future *wake_up) {
    asyncio__object_unlock(c);
    if (wake_up) asyncio__concurrent_finish(wake_up, 0, asyncio_none());
    asyncio_concurrent_future_unref(wake_up);
}

/* ---- one try: 0, or a code that is not raised yet; after FULL and EMPTY one can wait ---- */

static int try_put(asyncio_channel *c, asyncio_value *value, struct waiter *w) {
    lock(c);
    int rc = c->closed ? ASYNCIO_QUEUE_SHUT_DOWN : c->count == c->capacity ? ASYNCIO_QUEUE_FULL : 0;
    if (rc == ASYNCIO_QUEUE_FULL && w) asyncio__list_append(&c->putters, &w->link);
    if (rc == 0) {
        c->ring[(c->first + c->count++) % c->capacity] = *value;
        *value = asyncio_none();
    }
    unlock_and_wake(c, rc == 0 ? take_first(&c->getters) : NULL);
    return rc;
}

static int try_get(asyncio_channel *c, asyncio_value *value, struct waiter *w) {
    lock(c);
    int rc = c->count > 0 ? 0 : c->closed ? ASYNCIO_QUEUE_SHUT_DOWN : ASYNCIO_QUEUE_EMPTY;
    if (rc == ASYNCIO_QUEUE_EMPTY && w) asyncio__list_append(&c->getters, &w->link);
    if (rc == 0) {
        *value = c->ring[c->first];
        c->first = (c->first + 1) % c->capacity;
        c->count--;
    }
    unlock_and_wake(c, rc == 0 ? take_first(&c->putters) : NULL);
    return rc;
}

/* ---- waiting ---- */

typedef int try_function(asyncio_channel *c, asyncio_value *value, struct waiter *w);

/* Who was woken in vain wakes the next, if there still is something to be woken for. */
static void leave_line(asyncio_channel *c, struct waiter *w, try_function *try, bool in_vain) {
    lock(c);
    bool woken = asyncio__list_empty(&w->link);
    asyncio__link_take(&w->link);
    bool putter = try == try_put;
    bool room = putter ? c->count < c->capacity : c->count > 0;
    struct asyncio__link *line = putter ? &c->putters : &c->getters;
    unlock_and_wake(c, woken && in_vain && room ? take_first(line) : NULL);
    asyncio_concurrent_future_unref(w->wake_up);
}

/* How a task waits, and how a thread does, until the deadline. */
static int wait_in_task(struct waiter *w, int64_t deadline) {
    (void)deadline;
    asyncio_future *f = asyncio_wrap_future(w->wake_up, NULL);
    if (!f) return asyncio__slot_status();
    int rc = asyncio_await_future(f, NULL, NULL, NULL);
    asyncio_future_unref(f);
    return rc;
}

static int wait_in_thread(struct waiter *w, int64_t deadline) {
    double left = deadline == ASYNCIO__NEVER
                      ? (double)INFINITY
                      : asyncio__clock_to_seconds(deadline - asyncio__clock_now());
    return asyncio_concurrent_future_result(w->wake_up, left, NULL);
}

static int raise_refusal(int rc) {
    return asyncio__raise(rc, rc == ASYNCIO_QUEUE_SHUT_DOWN ? "the channel is closed" : NULL);
}

static int try_and_wait(asyncio_channel *c, try_function *try, asyncio_value *value,
                        int (*wait)(struct waiter *w, int64_t deadline), int64_t deadline) {
    for (;;) {
        struct waiter w;
        int rc = try(c, value, NULL);
        if (rc == 0) return 0;
        if (rc == ASYNCIO_QUEUE_SHUT_DOWN) return raise_refusal(rc);
        asyncio__link_init(&w.link);
        w.wake_up = asyncio_concurrent_future_new();
        if (!w.wake_up) return asyncio__slot_status();
        rc = try(c, value, &w);
        int waited = rc == ASYNCIO_QUEUE_FULL || rc == ASYNCIO_QUEUE_EMPTY ? wait(&w, deadline) : 0;
        leave_line(c, &w, try, waited < 0);
        if (rc == 0) return 0;
        if (rc == ASYNCIO_QUEUE_SHUT_DOWN) return raise_refusal(rc);
        if (waited < 0) return waited;
    }
}

static int no_channel(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a channel is required"); }

/* Holds the channel meanwhile; a value that was not put is dropped. */
static int run_and_hold(asyncio_channel *c, try_function *try, asyncio_value *value,
                        int (*wait)(struct waiter *w, int64_t deadline), int64_t deadline) {
    if (c) asyncio_channel_ref(c);
    int rc = c ? try_and_wait(c, try, value, wait, deadline) : no_channel();
    asyncio_channel_unref(c);
    return rc;
}

/* ---- in tasks ---- */

struct put_args {
    asyncio_channel *channel; /* captured: a reference */
    asyncio_value value;
    bool captured;
};

static int run_put(const void *args, asyncio_value *result) {
    struct put_args *a = (struct put_args *)(uintptr_t)args;
    asyncio_value value = a->value;
    (void)result;
    if (a->captured) a->value = asyncio_none();
    int rc = run_and_hold(a->channel, try_put, &value, wait_in_task, ASYNCIO__NEVER);
    asyncio_value_drop(&value);
    return rc;
}

static int capture_put(void *args) {
    struct put_args *a = args;
    asyncio_value lent = a->value;
    int rc = a->captured ? asyncio_value_copy(&a->value, &lent) : 0;
    if (rc < 0) return rc;
    asyncio_channel_ref(a->channel);
    a->captured = true;
    return 0;
}

static void release_put(void *args) {
    struct put_args *a = args;
    asyncio_value_drop(&a->value);
    asyncio_channel_unref(a->channel);
}

ASYNCIO__COROUTINE(asyncio_channel_put, struct put_args, .run = run_put, .capture = capture_put,
                   .release = release_put);

asyncio_coro asyncio_channel_put(asyncio_channel *channel, asyncio_value value) {
    return ASYNCIO__CORO(asyncio_channel_put, channel, value, false);
}

static int run_get(const void *args, asyncio_value *result) {
    asyncio_value value = asyncio_none();
    int rc = run_and_hold(asyncio__object_of(args), try_get, &value, wait_in_task, ASYNCIO__NEVER);
    if (rc >= 0) *result = value;
    return rc;
}

ASYNCIO__HOLD(channel, asyncio_channel_ref, asyncio_channel_unref);

ASYNCIO__METHOD(asyncio_channel_get, channel, asyncio_channel *, .run = run_get);

asyncio_coro asyncio_channel_get(asyncio_channel *channel) {
    return ASYNCIO__CORO(asyncio_channel_get, channel);
}

/* ---- anywhere ---- */

int asyncio_channel_put_nowait(asyncio_channel *c, asyncio_value value) {
    int rc = c ? try_put(c, &value, NULL) : no_channel();
    asyncio_value_drop(&value);
    return rc < 0 && c ? raise_refusal(rc) : rc;
}

int asyncio_channel_get_nowait(asyncio_channel *c, asyncio_value *out) {
    asyncio_value value = asyncio_none();
    int rc = c ? try_get(c, &value, NULL) : no_channel();
    if (rc < 0) return c ? raise_refusal(rc) : rc;
    if (out) *out = value;
    else asyncio_value_drop(&value);
    return 0;
}

static int check_blocking(double timeout) {
    if (isnan(timeout))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    if (!asyncio__here.running) return 0;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                          "waiting here would block the loop that runs in this thread");
}

int asyncio_channel_put_blocking(asyncio_channel *c, asyncio_value value, double timeout) {
    int rc = check_blocking(timeout);
    if (rc >= 0)
        rc = run_and_hold(c, try_put, &value, wait_in_thread,
                          asyncio__clock_add(asyncio__clock_now(), timeout));
    asyncio_value_drop(&value);
    return rc;
}

int asyncio_channel_get_blocking(asyncio_channel *c, double timeout, asyncio_value *out) {
    asyncio_value value = asyncio_none();
    int rc = check_blocking(timeout);
    if (rc >= 0)
        rc = run_and_hold(c, try_get, &value, wait_in_thread,
                          asyncio__clock_add(asyncio__clock_now(), timeout));
    if (rc < 0) return rc;
    if (out) *out = value;
    else asyncio_value_drop(&value);
    return 0;
}

void asyncio_channel_close(asyncio_channel *c) {
    if (!c) return;
    asyncio_channel_ref(c);
    for (;;) {
        lock(c);
        c->closed = true;
        asyncio_concurrent_future *next = take_first(&c->putters);
        if (!next) next = take_first(&c->getters);
        unlock_and_wake(c, next); /* the reference is gone: only compared */
        if (!next) break;
    }
    asyncio_channel_unref(c);
}

bool asyncio_channel_closed(asyncio_channel *c) {
    if (!c) return false;
    lock(c);
    bool closed = c->closed;
    asyncio__object_unlock(c);
    return closed;
}

size_t asyncio_channel_qsize(asyncio_channel *c) {
    if (!c) return 0;
    lock(c);
    size_t count = c->count;
    asyncio__object_unlock(c);
    return count;
}
