/* SPDX-License-Identifier: MIT
 *
 * combine/as_completed.c: as_completed. Each distinct awaitable has a runnable among its callbacks;
 * when that runs it joins the list of finished ones, and the first in line is woken. A limit
 * that passes turns all that are still followed into timeouts, which are taken last.
 */
#include <asyncio/wait.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/method.h"
#include "task/waitqueue.h"

struct followed {
    struct asyncio__runnable runnable; /* among the callbacks, queued, or in `finished` */
    asyncio_as_completed *iterator;
    asyncio_future *future; /* children holds it */
    bool finished;          /* it has been counted: done, or too late */
};

struct asyncio_as_completed {
    struct asyncio__children children;
    struct followed *runnables;
    struct asyncio__timer timer;
    struct asyncio__link finished; /* done and not given yet, in order */
    struct asyncio__link line;     /* tasks that wait for the next */
    size_t followed;               /* not done yet, as far as the callbacks have run */
    size_t timed_out;              /* entries that are timeouts, behind `finished` */
    size_t left;                   /* how many it will still give */
    uint32_t refs;
};

static bool has_entry(const asyncio_as_completed *it) {
    return !asyncio__list_empty(&it->finished) || it->timed_out > 0;
}

static void run_followed(struct asyncio__runnable *runnable) {
    struct followed *f = asyncio__container(runnable, struct followed, runnable);
    asyncio_as_completed *it = f->iterator;
    asyncio__link_init(&runnable->link);
    if (f->finished) return;
    f->finished = true;
    asyncio__list_append(&it->finished, &runnable->link);
    if (--it->followed == 0) asyncio__timer_cancel(&it->children.loop->timers, &it->timer);
    asyncio__waiters_wake_next(&it->line);
}

static void discard_followed(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_followed(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_AsCompletedIterator._handle_completion()");
}

static struct asyncio_future *followed_awaiter(struct asyncio__runnable *runnable, size_t i) {
    asyncio_as_completed *it = asyncio__container(runnable, struct followed, runnable)->iterator;
    struct asyncio__link *l = it->line.next;
    while (l != &it->line && i-- > 0) l = l->next;
    return l == &it->line ? NULL : &asyncio__waiter_of(l)->future;
}

static const struct asyncio__runnable_more followed_more = { .awaiter = followed_awaiter };
static const struct asyncio__runnable_ops followed_ops = {
    .run = run_followed,
    .discard = discard_followed,
    .describe = describe_followed,
    .more = &followed_more,
};

/* The limit: nothing is followed any more; everything that was ends in a timeout. A runnable whose
 * future is done but that has not run yet counts as late, too. */
static void run_timer(struct asyncio__runnable *runnable) {
    asyncio_as_completed *it = asyncio__container(runnable, asyncio_as_completed, timer.runnable);
    it->timer.state = ASYNCIO__TIMER_IDLE;
    for (size_t i = 0; i < it->children.count; i++) {
        struct followed *f = &it->runnables[i];
        if (f->finished) continue;
        f->finished = true;
        if (f->future->state == ASYNCIO__PENDING) asyncio__link_take(&f->runnable.link);
        it->timed_out++;
        asyncio__waiters_wake_next(&it->line);
    }
    it->followed = 0;
}

static void discard_timer(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, asyncio_as_completed, timer.runnable)->timer.state =
        ASYNCIO__TIMER_IDLE;
}

static int describe_timer(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_AsCompletedIterator._handle_timeout()");
}

static const struct asyncio__runnable_ops timer_ops = {
    .run = run_timer,
    .discard = discard_timer,
    .describe = describe_timer,
};

static void follow(asyncio_as_completed *it) {
    for (size_t i = 0; i < it->children.count; i++) {
        struct followed *f = &it->runnables[i];
        *f = (struct followed){ .runnable.ops = &followed_ops,
                                .iterator = it,
                                .future = it->children.futures[i] };
        bool pending = f->future->state == ASYNCIO__PENDING;
        asyncio__list_append(pending ? &f->future->callbacks : &it->children.loop->ready,
                             &f->runnable.link);
    }
    it->left = it->followed = it->children.count;
}

static int arm(asyncio_as_completed *it, double timeout) {
    asyncio_loop *loop = it->children.loop;
    asyncio__timer_init(&it->timer, &timer_ops);
    if (isinf(timeout) || it->children.count == 0) return 0;
    int rc =
        asyncio__loop_arm(loop, &it->timer, asyncio__clock_add(asyncio__loop_now(loop), timeout));
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

asyncio_as_completed *asyncio_as_completed_new(size_t n, const asyncio_coro *aws, double timeout) {
    if (n && !aws) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "awaitables are required"), NULL;
    if (isnan(timeout)) {
        asyncio__coros_refuse(n, aws, false);
        return (void)asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)"),
               NULL;
    }
    asyncio_as_completed *it = asyncio__calloc(1, sizeof *it);
    struct followed *runnables = it ? asyncio__malloc((n ? n : 1) * sizeof *runnables) : NULL;
    int rc = -ENOMEM;
    if (runnables) {
        rc = asyncio__children_init(&it->children, n, aws, false, false);
    } else {
        asyncio__coros_refuse(n, aws, false);
        asyncio__raise(rc, NULL);
    }
    if (rc >= 0) {
        rc = arm(it, timeout);
        if (rc < 0) asyncio__children_fini(&it->children);
    }
    if (rc < 0) {
        asyncio__free(runnables);
        asyncio__free(it);
        return NULL;
    }
    it->runnables = runnables;
    it->refs = 1;
    asyncio__link_init(&it->finished);
    asyncio__link_init(&it->line);
    asyncio_loop_ref(it->children.loop);
    follow(it);
    return it;
}

void asyncio_as_completed_unref(asyncio_as_completed *it) {
    if (!it || --it->refs > 0) return;
    asyncio_loop *loop = it->children.loop;
    asyncio__timer_cancel(&loop->timers, &it->timer);
    for (size_t i = 0; i < it->children.count; i++)
        asyncio__link_take(&it->runnables[i].runnable.link);
    asyncio__children_fini(&it->children);
    asyncio__free(it->runnables);
    asyncio__free(it);
    asyncio_loop_unref(loop);
}

size_t asyncio_as_completed_left(const asyncio_as_completed *it) { return it ? it->left : 0; }

/* ---- taking the next ---- */

/* Waits until there is an entry. Who was woken for one and is cancelled wakes the next. */
static int wait_for_entry(asyncio_as_completed *it, struct asyncio_task *task) {
    while (!has_entry(it)) {
        struct asyncio__waiter w;
        asyncio__waiter_init(&w, it->children.loop);
        int rc = asyncio__waiter_wait(&w, &it->line, task);
        if (rc >= 0) continue;
        if (w.future.state != ASYNCIO__CANCELLED && has_entry(it))
            asyncio__waiters_wake_next(&it->line);
        return rc;
    }
    return 0;
}

/* The next future, done; NULL for a timeout. */
static asyncio_future *take_entry(asyncio_as_completed *it) {
    if (asyncio__list_empty(&it->finished)) {
        it->timed_out--;
        return NULL;
    }
    struct asyncio__link *l = it->finished.next;
    asyncio__link_take(l);
    return asyncio__container(l, struct followed, runnable.link)->future;
}

/* The future is the iterator's, which the caller holds. */
static int next_entry(asyncio_as_completed *it, asyncio_future **out) {
    struct asyncio_task *task = asyncio__task_current();
    *out = NULL;
    if (!it) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an iterator is required");
    if (it->children.loop != task->future.loop && it->children.count) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "the iterator is attached to a different loop");
    }
    if (it->left == 0) return asyncio__raise(ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    it->left--;
    int rc = wait_for_entry(it, task);
    if (rc < 0) {
        it->left++;
    } else {
        *out = take_entry(it);
        if (!*out) rc = asyncio__raise(ASYNCIO_TIMEOUT_ERROR, NULL);
    }
    return rc;
}

struct next_args {
    asyncio_as_completed *iterator;
    asyncio_future **out;
};

static void hold_iterator(asyncio_as_completed *it) {
    if (it) it->refs++;
}

static int run_next(const void *args, asyncio_value *result) {
    const struct next_args *a = args;
    asyncio_future *f = NULL;
    (void)result;
    hold_iterator(a->iterator);
    int rc = next_entry(a->iterator, &f);
    if (rc >= 0 && a->out) *a->out = a->iterator->refs > 1 ? f : NULL;
    asyncio_as_completed_unref(a->iterator);
    return rc;
}

static int run_result(const void *args, asyncio_value *result) {
    const struct next_args *a = args;
    asyncio_future *f = NULL;
    hold_iterator(a->iterator);
    int rc = next_entry(a->iterator, &f);
    if (rc >= 0) rc = asyncio__future_outcome(f, asyncio__here.strand);
    if (rc >= 0) rc = asyncio__child_result(f, true, result);
    asyncio_as_completed_unref(a->iterator);
    return rc;
}

ASYNCIO__HOLD(iterator, hold_iterator, asyncio_as_completed_unref);

ASYNCIO__METHOD(asyncio_as_completed_next, iterator, struct next_args, .run = run_next);
ASYNCIO__METHOD(asyncio_as_completed_result, iterator, struct next_args, .run = run_result);

asyncio_coro asyncio_as_completed_next(asyncio_as_completed *it, asyncio_future **out) {
    return ASYNCIO__CORO(asyncio_as_completed_next, it, out);
}

asyncio_coro asyncio_as_completed_result(asyncio_as_completed *it) {
    return ASYNCIO__CORO(asyncio_as_completed_result, it, NULL);
}
