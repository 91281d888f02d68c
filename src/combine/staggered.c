/* SPDX-License-Identifier: MIT
 *
 * combine/staggered.c: the staggered race, run by the task that awaits it: start one, wait until
 * one of those that run has ended or the delay is over, and so on. It leaves only when everything
 * it started has ended.
 *
 * Each contender is awaited by a task of the race's own. The first of these that sees its contender
 * succeed names it the winner and cancels the others, in the step in which it ends: the task that
 * awaits the race has its turn only later, when others could have ended, too.
 *
 * The race lives as long as its run or one of its tasks: when the loop closes, a task may end after
 * the run.
 */
#include <asyncio/staggered.h>
#include <asyncio/wait.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/method.h"
#include "task/waitqueue.h"

#define NOBODY ((size_t)-1)

struct contender {
    asyncio_coro coro;     /* what its task awaits; held by that */
    asyncio_future *given; /* instead, if it was given as a task or future; a reference */
    asyncio_task *task;    /* a reference; NULL before it is made */
};

struct race {
    uint32_t refs;
    bool over; /* the run has ended */
    bool held; /* aws are copies of its own */
    asyncio_loop *loop;
    const asyncio_coro *aws;
    size_t n;
    size_t taken; /* of the aws */
    size_t started;
    double delay;
    int64_t next;                 /* when the next is started at the latest */
    size_t winner;                /* or NOBODY */
    asyncio_value value;          /* the winner's, if that was given as a coroutine object */
    asyncio_future **waited;      /* room for n, for what wait is given */
    struct contender *contenders; /* n */
};

static void unref_race(struct race *r) {
    if (--r->refs > 0) return;
    for (size_t i = 0; i < r->n && r->contenders; i++) {
        asyncio_future_unref(r->contenders[i].given);
    }
    asyncio_value_drop(&r->value);
    asyncio__free(r->contenders);
    asyncio__free((void *)r->waited);
    asyncio__free(r);
}

static struct race *new_race(asyncio_loop *loop, size_t n) {
    struct race *r = asyncio__calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (struct race){ .refs = 1, .loop = loop, .n = n, .winner = NOBODY };
    r->waited = asyncio__calloc(n + 1, sizeof(void *));
    r->contenders = asyncio__calloc(n + 1, sizeof *r->contenders);
    if (r->waited && r->contenders) return r;
    unref_race(r);
    return NULL;
}

static bool is_done(const struct race *r, size_t i) {
    return r->contenders[i].task->future.state != ASYNCIO__PENDING;
}

/* All that run, but not `except`. */
static void cancel_all(struct race *r, size_t except) {
    for (size_t i = 0; i < r->started; i++) {
        if (i != except && !is_done(r, i))
            asyncio__future_cancel(&r->contenders[i].task->future, NULL);
    }
}

/* ---- the task of a contender ---- */

struct contender_args {
    struct race *race; /* captured: a reference */
    size_t i;
};

static int run_contender(const void *args, asyncio_value *result) {
    const struct contender_args *a = args;
    struct race *r = a->race;
    struct contender *c = &r->contenders[a->i];
    asyncio_value value = asyncio_none();
    int rc = c->given ? asyncio_await_future(c->given, NULL, NULL, NULL)
                      : asyncio_await(&c->coro, &value, NULL, NULL);
    if (rc < 0) return rc;
    if (r->over || r->winner != NOBODY) {
        *result = value;
        return 0;
    }
    r->winner = a->i;
    r->value = value;
    cancel_all(r, a->i);
    return 0;
}

static int capture_contender(void *args) {
    struct contender_args *a = args;
    struct contender *c = &a->race->contenders[a->i];
    bool mine = c->given || c->coro.reserved == asyncio__coro_handed_over;
    int rc = mine ? 0 : asyncio_coro_hold(&c->coro);
    if (rc >= 0) a->race->refs++;
    return rc;
}

static void release_contender(void *args) {
    struct contender_args *a = args;
    struct contender *c = &a->race->contenders[a->i];
    if (!c->given) asyncio_coro_drop(&c->coro);
    unref_race(a->race);
}

static const asyncio_coro_type contender_type = { .size = sizeof(asyncio_coro_type),
                                                  .name = "asyncio_staggered_race.<contender>",
                                                  .file = "asyncio",
                                                  .args_size = sizeof(struct contender_args),
                                                  .run = run_contender,
                                                  .capture = capture_contender,
                                                  .release = release_contender };

static int take_next(struct race *r, struct contender *c) {
    const asyncio_coro *aw = &r->aws[r->taken++];
    if (aw->type == &asyncio__coro_of_future_type) {
        c->given = asyncio__child_future(r->loop, aw, r->held);
        return c->given ? 0 : asyncio__slot_status();
    }
    if (!asyncio_iscoroutine(aw))
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    c->coro = *aw;
    return r->held ? asyncio__coro_share(aw, &c->coro) : 0;
}

/* An eager one may have ended when this returns. */
static int start_next(struct race *r) {
    struct contender *c = &r->contenders[r->started];
    const struct contender_args args = { r, r->started };
    asyncio_task_options o = { .size = sizeof o };
    int rc = take_next(r, c);
    if (rc < 0) return rc;
    o.coro = asyncio__coro_make(&contender_type, &args, sizeof args);
    c->task = asyncio_loop_create_task_with(r->loop, &o);
    if (!c->task) return asyncio__slot_status();
    r->started++;
    r->next = asyncio__clock_add(asyncio__loop_now(r->loop), r->delay);
    return 0;
}

/* ---- the run ---- */

/* Those that run, in `waited`. */
static size_t collect(struct race *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->started; i++) {
        if (!is_done(r, i)) r->waited[count++] = &r->contenders[i].task->future;
    }
    return count;
}

static int wait_for_one(struct race *r, size_t count) {
    asyncio_wait_options o = { .size = sizeof o,
                               .n = count,
                               .return_when = ASYNCIO_FIRST_COMPLETED };
    if (r->started < r->n && r->next != ASYNCIO__NEVER) {
        int64_t left = r->next - asyncio__loop_now(r->loop);
        o.timeout = asyncio__clock_to_seconds(left > 0 ? left : 0);
        o.has_timeout = true;
    }
    return ASYNCIO_AWAIT(asyncio_wait_with(r->waited, &o));
}

/* Whether the one that was started last, if any, has failed. */
static bool last_is_done(const struct race *r) {
    return r->started == 0 || is_done(r, r->started - 1);
}

/* Starts the first, and each other one when the one before has failed or had its time. What has
 * just been started is looked at first: it may have ended already. */
static int run_to_the_end(struct race *r) {
    int rc = 0;
    while (rc >= 0 && r->winner == NOBODY) {
        size_t count = collect(r);
        bool due = r->started < r->n && last_is_done(r);
        if (!due && count == 0) break;
        if (!due) {
            rc = wait_for_one(r, count);
            if (rc < 0 || r->winner != NOBODY || r->started == r->n) continue;
            due = last_is_done(r) || asyncio__loop_now(r->loop) >= r->next;
        }
        if (due) rc = start_next(r);
    }
    return rc < 0 ? rc : 0;
}

/* Waits for what runs: the winner has cancelled it; without one it is cancelled here. A
 * cancellation of the waiter meanwhile is what the race ends with, unless it has failed already.
 * When the loop closes nothing can be waited for. */
static int stop_others(struct race *r, int rc) {
    struct asyncio_task *task = asyncio__task_current();
    if (task->fiber.strand.flags & ASYNCIO__TASK_UNWINDING) return rc;
    if (rc < 0 || r->winner == NOBODY) cancel_all(r, NOBODY);
    for (size_t i = 0; i < r->started; i++) {
        asyncio_future *f = &r->contenders[i].task->future;
        while (!is_done(r, i)) {
            int interrupted = asyncio__wait_done(task, f, false);
            if (interrupted >= 0) continue;
            if (interrupted == ASYNCIO_GENERATOR_EXIT) return interrupted;
            if (rc >= 0) rc = interrupted;
            else asyncio_ignore(interrupted);
            asyncio__future_cancel(f, NULL);
        }
    }
    return rc;
}

/* ---- results ---- */

static int give_value(struct race *r, asyncio_value *result) {
    asyncio_future *given = r->contenders[r->winner].given;
    if (given) return asyncio__child_result(given, true, result);
    *result = r->value;
    r->value = asyncio_none();
    return 0;
}

/* What says how one that lost has ended. */
static asyncio_future *ended(const struct race *r, size_t i) {
    const struct contender *c = &r->contenders[i];
    return c->given && c->task->future.state == ASYNCIO__FINISHED ? c->given : &c->task->future;
}

static void read_outcomes(const struct race *r, asyncio_outcome *outcomes) {
    for (size_t i = 0; i < r->n; i++) {
        outcomes[i] = (asyncio_outcome){ .status = 0 };
        if (i >= r->started) outcomes[i].status = ASYNCIO_INVALID_STATE_ERROR;
        else if (i != r->winner) asyncio__outcome_read(ended(r, i), &outcomes[i]);
    }
}

/* Errors that nobody asked for are seen: they are part of a race. */
static void release_tasks(struct race *r) {
    for (size_t i = 0; i < r->started; i++) {
        asyncio_task *t = r->contenders[i].task;
        asyncio_outcome o;
        if (i != r->winner && is_done(r, i)) {
            asyncio__outcome_read(&t->future, &o);
            asyncio_outcome_fini(&o);
        }
        asyncio_task_unref(t);
    }
    r->started = 0;
}

struct race_args {
    const asyncio_coro *aws;
    size_t n;
    double delay;
    int *winner;
    asyncio_outcome *outcomes;
    bool held; /* aws are copies of its own */
};

static int run_race(struct race *r, const struct race_args *a, asyncio_value *result) {
    int rc = stop_others(r, run_to_the_end(r));
    r->over = true;
    asyncio__coros_refuse(r->n - r->taken, r->aws + r->taken, r->held);
    if (rc >= 0 && r->winner != NOBODY) rc = give_value(r, result);
    if (rc >= 0 && a->outcomes) read_outcomes(r, a->outcomes);
    if (rc >= 0 && a->winner) *a->winner = r->winner == NOBODY ? -1 : (int)r->winner;
    release_tasks(r);
    return rc;
}

static int run_staggered(const void *args, asyncio_value *result) {
    const struct race_args *a = args;
    if (a->n && !a->aws) return asyncio__raise(ASYNCIO_TYPE_ERROR, "awaitables are required");
    int rc = isnan(a->delay) ? ASYNCIO_VALUE_ERROR : -ENOMEM;
    struct race *r = rc == -ENOMEM ? new_race(asyncio__task_current()->future.loop, a->n) : NULL;
    if (!r) {
        asyncio__coros_refuse(a->n, a->aws, a->held);
        return asyncio__raise(rc, rc == -ENOMEM ? NULL : "Invalid delay: NaN (not a number)");
    }
    r->aws = a->aws;
    r->held = a->held;
    r->delay = a->delay;
    rc = run_race(r, a, result);
    unref_race(r);
    return rc;
}

static int capture_race(void *args) {
    struct race_args *a = args;
    a->held = true;
    return asyncio__coros_copy(&a->aws, a->n);
}

static void release_race(void *args) {
    struct race_args *a = args;
    asyncio__coros_free(a->aws, a->n);
}

ASYNCIO__COROUTINE(asyncio_staggered_race, struct race_args, .run = run_staggered,
                   .capture = capture_race, .release = release_race);

asyncio_coro asyncio_staggered_race_array(size_t n, const asyncio_coro *aws, double delay,
                                          int *winner, asyncio_outcome *outcomes) {
    return ASYNCIO__CORO(asyncio_staggered_race, aws, n, delay, winner, outcomes, false);
}
