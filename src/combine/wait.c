/* SPDX-License-Identifier: MIT
 *
 * combine/wait.c: wait (for some of many) and wait_for (for one, with a limit). Their waiters and
 * timers lie on the waiting task's stack.
 */
#include <asyncio/keywords.h>
#include <asyncio/timeout.h>
#include <asyncio/wait.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/method.h"
#include "task/waitqueue.h"

/* ---- a waiter with a timer ---- */

struct limit {
    struct asyncio__timer timer;
    struct asyncio__waiter *waiter;
};

static void run_limit(struct asyncio__runnable *runnable) {
    struct limit *l = asyncio__container(runnable, struct limit, timer.runnable);
    l->timer.state = ASYNCIO__TIMER_IDLE;
    asyncio__waiter_wake(l->waiter);
}

static void discard_limit(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, struct limit, timer.runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_limit(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_release_waiter()");
}

static const struct asyncio__runnable_ops limit_ops = {
    .run = run_limit,
    .discard = discard_limit,
    .describe = describe_limit,
};

static int arm_limit(asyncio_loop *loop, struct limit *l, struct asyncio__waiter *waiter,
                     double timeout) {
    asyncio__timer_init(&l->timer, &limit_ops);
    l->waiter = waiter;
    int64_t when = asyncio__clock_add(asyncio__loop_now(loop), timeout);
    int rc = asyncio__loop_arm(loop, &l->timer, when);
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

/* ---- wait ---- */

struct waiting;

struct member {
    struct asyncio__runnable runnable; /* among the callbacks of the future, or queued */
    struct waiting *waiting;
    asyncio_future *future; /* a reference */
};

struct waiting {
    struct asyncio__waiter waiter;
    struct limit limit;
    enum asyncio_return_when return_when;
    size_t left; /* members whose callbacks have not run */
    size_t count;
    struct member *members;
};

static bool ends_wait(const struct waiting *w, asyncio_future *f) {
    if (w->left == 0 || w->return_when == ASYNCIO_FIRST_COMPLETED) return true;
    if (w->return_when != ASYNCIO_FIRST_EXCEPTION || f->state != ASYNCIO__FAILED) return false;
    asyncio__future_set_retrieved(f);
    return true;
}

/* The callbacks that are queued when the wait is over run all the same in asyncio. All that can be
 * seen of it is that they look at exceptions. */
static void leave_member(struct waiting *w, struct member *m) {
    bool queued = !asyncio__list_empty(&m->runnable.link) && m->future->state != ASYNCIO__PENDING;
    asyncio__link_take(&m->runnable.link);
    if (!queued) return;
    w->left--;
    ends_wait(w, m->future);
}

static void run_member(struct asyncio__runnable *runnable) {
    struct member *m = asyncio__container(runnable, struct member, runnable);
    struct waiting *w = m->waiting;
    asyncio__link_init(&runnable->link);
    w->left--;
    if (!ends_wait(w, m->future)) return;
    asyncio__timer_cancel(&m->future->loop->timers, &w->limit.timer);
    asyncio__waiter_wake(&w->waiter);
}

static void discard_member(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_member(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_wait.<locals>._on_completion()");
}

static struct asyncio_future *member_awaiter(struct asyncio__runnable *runnable, size_t i) {
    struct waiting *w = asyncio__container(runnable, struct member, runnable)->waiting;
    return i == 0 ? &w->waiter.future : NULL;
}

static const struct asyncio__runnable_more member_more = { .awaiter = member_awaiter };
static const struct asyncio__runnable_ops member_ops = {
    .run = run_member,
    .discard = discard_member,
    .describe = describe_member,
    .more = &member_more,
};

/* One runnable for each distinct future; those that are done are queued at once. */
static void follow_members(struct waiting *w, const struct asyncio__children *c) {
    for (size_t i = 0; i < c->count; i++) {
        struct member *m = &w->members[i];
        *m = (struct member){ .runnable.ops = &member_ops, .waiting = w, .future = c->futures[i] };
        bool pending = m->future->state == ASYNCIO__PENDING;
        asyncio__list_append(pending ? &m->future->callbacks : &c->loop->ready, &m->runnable.link);
    }
}

static int wait_for_members(struct asyncio_task *task, const struct asyncio__children *c,
                            const asyncio_wait_options *o) {
    struct waiting w = { .return_when = o->return_when, .left = c->count, .count = c->count };
    w.members = asyncio__malloc(c->count * sizeof *w.members);
    if (!w.members) return asyncio__raise(-ENOMEM, NULL);
    asyncio__waiter_init(&w.waiter, c->loop);
    asyncio__timer_init(&w.limit.timer, &limit_ops);
    int rc = o->has_timeout && !isinf(o->timeout)
                 ? arm_limit(c->loop, &w.limit, &w.waiter, o->timeout)
                 : 0;
    if (rc >= 0) {
        follow_members(&w, c);
        rc = asyncio__waiter_park(&w.waiter, task);
        for (size_t i = 0; i < w.count; i++) leave_member(&w, &w.members[i]);
    }
    asyncio__timer_cancel(&c->loop->timers, &w.limit.timer);
    asyncio__free(w.members);
    return rc;
}

/* Done ones first, each part in its order. Returns how many are done. */
static int sort_out(asyncio_future **futures, size_t n) {
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        asyncio_future *f = futures[i];
        if (f->state == ASYNCIO__PENDING) continue;
        for (size_t j = i; j > done; j--) futures[j] = futures[j - 1];
        futures[done++] = f;
    }
    return (int)done;
}

/* As sort_out, for many: needs room for the pending ones; falls back to it without. */
static int sort_out_many(asyncio_future **futures, size_t n) {
    asyncio_future **pending = n > 16 ? asyncio__malloc(n * sizeof *pending) : NULL;
    if (!pending) return sort_out(futures, n);
    size_t done = 0, left = 0;
    for (size_t i = 0; i < n; i++) {
        if (futures[i]->state == ASYNCIO__PENDING) pending[left++] = futures[i];
        else futures[done++] = futures[i];
    }
    for (size_t i = 0; i < left; i++) futures[done + i] = pending[i];
    asyncio__free(pending);
    return (int)done;
}

struct wait_args {
    asyncio_future **futures;
    asyncio_wait_options options;
};

static int check_wait(const struct wait_args *a) {
    if (!a->futures) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an array of futures is required");
    if (a->options.n == 0)
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Set of Tasks/Futures is empty.");
    if ((unsigned)a->options.return_when > ASYNCIO_FIRST_EXCEPTION) {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "Invalid return_when value: %d",
                             (int)a->options.return_when);
    }
    if (a->options.has_timeout && isnan(a->options.timeout)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    }
    for (size_t i = 0; i < a->options.n; i++) {
        if (!a->futures[i]) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is NULL");
    }
    return 0;
}

static int wait_run(const void *args, asyncio_value *result) {
    const struct wait_args *a = args;
    struct asyncio__children c;
    (void)result;
    int rc = check_wait(a);
    if (rc < 0) return rc;
    asyncio_coro *aws = asyncio__malloc(a->options.n * sizeof *aws);
    if (!aws) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < a->options.n; i++) aws[i] = asyncio_coro_of_future(a->futures[i]);
    rc = asyncio__children_init(&c, a->options.n, aws, false, false);
    asyncio__free(aws);
    if (rc < 0) return rc;
    if (c.loop != asyncio__task_current()->future.loop) {
        rc = asyncio__raise(ASYNCIO_VALUE_ERROR, "a future belongs to a different loop");
    } else {
        rc = wait_for_members(asyncio__task_current(), &c, &a->options);
    }
    if (rc >= 0) rc = sort_out_many(a->futures, a->options.n);
    asyncio__children_fini(&c);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_wait, struct wait_args, .run = wait_run);

asyncio_coro asyncio_wait_with(asyncio_future **futures, const asyncio_wait_options *options) {
    static const asyncio_wait_options none = { .size = sizeof none };
    return ASYNCIO__CORO(asyncio_wait, futures, options ? *options : none);
}

/* ---- wait_for ---- */

struct wait_for_args {
    const asyncio_coro *awaitable;
    double timeout;
    bool held; /* awaitable is a copy of its own */
};

/* Without any time: only what is done already counts; else it is cancelled and waited for. */
static int wait_for_nothing(const struct wait_for_args *a, asyncio_value *result) {
    struct asyncio_task *task = asyncio__task_current();
    asyncio_future *f = asyncio__child_future(task->future.loop, a->awaitable, a->held);
    if (!f) return asyncio__slot_status();
    bool waits = f->state == ASYNCIO__PENDING;
    int rc = waits ? asyncio__wait_done(task, f, true) : 0;
    if (rc >= 0) {
        rc = asyncio__future_outcome(f, &task->fiber.strand);
        if (rc >= 0) rc = asyncio__child_result(f, true, result);
        else if (rc == ASYNCIO_CANCELLED_ERROR && waits) rc = asyncio__raise_timeout();
    }
    asyncio_future_unref(f);
    return rc;
}

static int wait_for_run(const void *args, asyncio_value *result) {
    const struct wait_for_args *a = args;
    if (!a->awaitable) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an awaitable is required");
    if (a->timeout <= 0) return wait_for_nothing(a, result);
    asyncio_timeout_with tm = asyncio_timeout(a->timeout, NULL);
    int rc = isnan(a->timeout)
                 ? asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)")
                 : asyncio_block_enter(&tm.block);
    if (rc < 0) {
        asyncio__coros_refuse(1, a->awaitable, a->held);
        return rc;
    }
    rc = asyncio_await(a->awaitable, result, NULL, NULL);
    return asyncio_block_exit(&tm.block, rc);
}

static int capture_wait_for(void *args) {
    struct wait_for_args *a = args;
    a->held = true;
    return asyncio__coros_copy(&a->awaitable, 1);
}

static void release_wait_for(void *args) {
    struct wait_for_args *a = args;
    asyncio__coros_free(a->awaitable, 1);
}

ASYNCIO__COROUTINE(asyncio_wait_for, struct wait_for_args, .run = wait_for_run,
                   .capture = capture_wait_for, .release = release_wait_for);

asyncio_coro asyncio_wait_for_coro(const asyncio_coro *awaitable, double timeout) {
    return ASYNCIO__CORO(asyncio_wait_for, awaitable, timeout, false);
}
