/* SPDX-License-Identifier: MIT
 *
 * combine/staggered.c: the staggered race, run by the task that awaits it: start one, wait until
 * one of those that run has ended or the delay is over, look at what has ended, and so on. It
 * leaves only when everything it started has ended.
 */
#include <asyncio/staggered.h>
#include <asyncio/wait.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/waitqueue.h"

#define NOBODY ((size_t)-1)

struct race {
    asyncio_loop *loop;
    const asyncio_coro *aws;
    size_t n, started;
    double delay;
    int64_t next;              /* when the next is started at the latest */
    size_t winner;             /* or NOBODY */
    asyncio_future **children; /* of n; started ones are references */
    asyncio_future **waited;   /* those that wait is given, which puts them in order */
};

static bool is_done(const struct race *r, size_t i) {
    return r->children[i]->state != ASYNCIO__PENDING;
}

static int start_next(struct race *r) {
    asyncio_future *f = asyncio__child_future(r->loop, &r->aws[r->started]);
    if (!f) return asyncio__slot_status();
    r->children[r->started++] = f;
    r->next = asyncio__clock_add(asyncio__loop_now(r->loop), r->delay);
    return 0;
}

/* Those that run, in `waited`. */
static size_t collect(struct race *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->started; i++) {
        if (!is_done(r, i)) r->waited[count++] = r->children[i];
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

static void find_winner(struct race *r) {
    for (size_t i = 0; i < r->started && r->winner == NOBODY; i++) {
        if (r->children[i]->state == ASYNCIO__FINISHED) r->winner = i;
    }
}

/* Whether it is the turn of the next: the last one has failed, or had its time. */
static bool next_is_due(const struct race *r) {
    if (r->started == r->n) return false;
    return is_done(r, r->started - 1) || asyncio__loop_now(r->loop) >= r->next;
}

static int run_to_the_end(struct race *r) {
    int rc = r->n ? start_next(r) : 0;
    while (rc >= 0) {
        size_t count = collect(r);
        if (count == 0 && r->started == r->n) break;
        if (count > 0) rc = wait_for_one(r, count);
        if (rc < 0) break;
        find_winner(r);
        if (r->winner != NOBODY) break;
        if (next_is_due(r)) rc = start_next(r);
    }
    return rc < 0 ? rc : 0;
}

/* Cancels what runs and waits for it. A cancellation of the waiter meanwhile is what the race ends
 * with, unless it has failed already. When the loop closes nothing can be waited for. */
static int stop_others(struct race *r, int rc) {
    struct asyncio_task *task = asyncio__task_current();
    if (task->fiber.strand.flags & ASYNCIO__TASK_UNWINDING) return rc;
    for (size_t i = 0; i < r->started; i++) {
        if (!is_done(r, i)) asyncio__future_cancel(r->children[i], NULL);
    }
    for (size_t i = 0; i < r->started; i++) {
        while (!is_done(r, i)) {
            int interrupted = asyncio__wait_done(task, r->children[i], false);
            if (interrupted >= 0) continue;
            if (interrupted == ASYNCIO_GENERATOR_EXIT) return interrupted;
            if (rc >= 0) rc = interrupted;
            else asyncio_ignore(interrupted);
            asyncio__future_cancel(r->children[i], NULL);
        }
    }
    return rc;
}

/* ---- results ---- */

static void read_outcomes(struct race *r, asyncio_outcome *outcomes) {
    for (size_t i = 0; i < r->n; i++) {
        outcomes[i] = (asyncio_outcome){ .status = 0 };
        if (i >= r->started) outcomes[i].status = ASYNCIO_INVALID_STATE_ERROR;
        else if (i != r->winner) asyncio__outcome_read(r->children[i], &outcomes[i]);
    }
}

/* Errors that nobody asked for are seen: they are part of a race. */
static void release_children(struct race *r) {
    for (size_t i = 0; i < r->started; i++) {
        asyncio_outcome o;
        if (i != r->winner && is_done(r, i)) {
            asyncio__outcome_read(r->children[i], &o);
            asyncio_outcome_fini(&o);
        }
        asyncio_future_unref(r->children[i]);
    }
}

struct race_args {
    const asyncio_coro *aws;
    size_t n;
    double delay;
    int *winner;
    asyncio_outcome *outcomes;
};

static int run_race(struct race *r, const struct race_args *a, asyncio_value *result) {
    int rc = stop_others(r, run_to_the_end(r));
    if (rc >= 0 && r->winner != NOBODY) {
        rc = asyncio__child_result(r->children[r->winner], true, result);
    }
    if (rc >= 0 && a->outcomes) read_outcomes(r, a->outcomes);
    if (rc >= 0 && a->winner) *a->winner = r->winner == NOBODY ? -1 : (int)r->winner;
    release_children(r);
    return rc;
}

static int run_staggered(const void *args, asyncio_value *result) {
    const struct race_args *a = args;
    struct race r = { .loop = asyncio__task_current()->future.loop, .aws = a->aws, .n = a->n };
    if (a->n && !a->aws) return asyncio__raise(ASYNCIO_TYPE_ERROR, "awaitables are required");
    if (isnan(a->delay)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid delay: NaN (not a number)");
    }
    r.delay = a->delay;
    r.winner = NOBODY;
    r.children = asyncio__calloc(2 * a->n + 1, sizeof(void *));
    if (!r.children) return asyncio__raise(-ENOMEM, NULL);
    r.waited = r.children + a->n;
    int rc = run_race(&r, a, result);
    asyncio__free((void *)r.children);
    return rc;
}

static int capture_race(void *args) {
    struct race_args *a = args;
    return asyncio__coros_copy(&a->aws, a->n);
}

static void release_race(void *args) {
    struct race_args *a = args;
    asyncio__coros_free(a->aws, a->n);
}

static const asyncio_coro_type race_type = { .size = sizeof(asyncio_coro_type),
                                             .name = "asyncio_staggered_race",
                                             .file = "asyncio",
                                             .run = run_staggered,
                                             .capture = capture_race,
                                             .release = release_race };

asyncio_coro asyncio_staggered_race_array(size_t n, const asyncio_coro *aws, double delay,
                                          int *winner, asyncio_outcome *outcomes) {
    struct race_args a = { aws, n, delay, winner, outcomes };
    return asyncio__coro_make(&race_type, &a, sizeof a);
}
