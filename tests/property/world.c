/* SPDX-License-Identifier: MIT
 *
 * tests/property/world.c: dice, values, the program's outermost coroutine, and a run with
 * everything that must hold at its end.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strand.h"

#define STILL_RUNNING_MAX 1000

/* ---- which run it is ---- */

static struct {
    uint64_t seed;
    unsigned shuffle;
    long cancel_at;
} now;

void must_hold_at(const char *where, bool holds, const char *what) {
    if (holds) return;
    FAIL("%s: does not hold: %s (PROPERTY_SEED=%llu PROPERTY_SHUFFLE=%u PROPERTY_CANCEL=%ld)",
         where, what, (unsigned long long)now.seed, now.shuffle, now.cancel_at);
}

/* A run that goes on and on is ended by the harness; the last word is which one it was. */
static void tell_run(int signal) {
    char text[128];
    int n = snprintf(text, sizeof text,
                     "running: PROPERTY_SEED=%llu PROPERTY_SHUFFLE=%u "
                     "PROPERTY_CANCEL=%ld\n",
                     (unsigned long long)now.seed, now.shuffle, now.cancel_at);
    if (write(2, text, (size_t)n) < 0) _exit(1);
    _exit(signal);
}

/* ---- dice ---- */

static uint64_t next_number(struct dice *dice) {
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned throw_dice(struct dice *dice, unsigned n) {
    return (unsigned)((next_number(dice) >> 33) % n);
}

uint64_t fork_dice(struct dice *dice) { return next_number(dice) | 1; }

/* ---- values ---- */

static void drop_value(asyncio_value *value) {
    struct world *world = *(struct world **)value->p;
    world->values--;
    free(value->p);
}

static int copy_value(asyncio_value *to, const asyncio_value *from) {
    *to = make_value(*(struct world **)from->p);
    return 0;
}

asyncio_value make_value(struct world *world) {
    static const asyncio_value_type type = {
        .size = sizeof type, .name = "counted", .drop = drop_value, .copy = copy_value
    };
    struct world **p = malloc(sizeof *p);
    if (!p) abort();
    *p = world;
    world->values++;
    return asyncio_own(p, &type);
}

/* ---- steps ---- */

int take_steps(struct dice *dice, struct place place) {
    unsigned n = 1 + throw_dice(dice, 3);
    for (unsigned i = 0; i < n; i++) {
        unsigned which = throw_dice(dice, task_steps_count + sync_steps_count);
        step *one =
            which < task_steps_count ? task_steps[which] : sync_steps[which - task_steps_count];
        bool forgive = throw_coin(dice);
        int rc = one(dice, place);
        if (rc < 0 && !(forgive && asyncio_is_exception(rc))) return rc;
        asyncio_ignore(rc);
    }
    return 0;
}

ASYNC(child, (struct place) place, (uint64_t) seed, (int *) alive) {
    struct dice dice = { seed };
    place.world->inside++;
    if (alive) ++*alive;
    int rc = take_steps(&dice, place);
    if (alive) --*alive;
    place.world->inside--;
    TRY(rc);
    RETURN(make_value(place.world));
}

/* Waits whatever scopes are cancelled. */
static ASYNC(join_shielded, (asyncio_task *) task) {
    int rc;
    asyncio_auto_outcome outcome = { .status = 0 };
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        rc = AWAIT(asyncio_task_join(task, &outcome));
    }
    return asyncio_leave(rc);
}

int finish_tasks(asyncio_task **tasks, size_t n, int rc) {
    bool interrupted = false;
    for (size_t i = 0; i < n; i++) asyncio_task_cancel(tasks[i], NULL);
    for (size_t i = 0; i < n; i++) {
        while (!asyncio_task_done(tasks[i])) {
            asyncio_auto_outcome outcome = { .status = 0 };
            int joined = interrupted ? AWAIT(join_shielded(tasks[i]))
                                     : AWAIT(asyncio_task_join(tasks[i], &outcome));
            interrupted = joined < 0;
            if (joined >= 0) continue;
            must_hold(joined == ASYNCIO_CANCELLED_ERROR, "a join fails only if it is cancelled");
            asyncio_ignore(rc);
            rc = joined;
        }
        /* Its error has been seen. */
        asyncio_error *error;
        if (!asyncio_task_cancelled(tasks[i])) {
            asyncio_ignore(asyncio_task_exception(tasks[i], &error));
        }
        asyncio_task_unref(tasks[i]);
    }
    return rc;
}

/* ---- the whole ---- */

/* Errors of those nobody waits for are reported, and nothing else is. */
static int see_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)arg;
    if (!strstr(context->message, "exception was never retrieved") &&
        !strstr(context->message, "exception in shielded future")) {
        fprintf(stderr, "report: %s\n", context->message);
        must_hold(false, "there is nothing else to report");
    }
    return 0;
}

/* All permits can be had again, and no more than that. */
static int check_resource(struct resource *r) {
    must_hold(r->taken == 0, "what was taken is given back");
    asyncio_loop *loop = asyncio_get_running_loop();
    unsigned long long turn = asyncio_testing_turns(loop);
    for (int i = 0; i < r->permits; i++) {
        if (r->lock) TRY(AWAIT(asyncio_lock_acquire(r->lock)));
        else TRY(AWAIT(asyncio_semaphore_acquire(r->semaphore)));
    }
    must_hold(asyncio_testing_turns(loop) == turn, "every permit is free");
    must_hold(r->lock ? asyncio_lock_locked(r->lock) : asyncio_semaphore_locked(r->semaphore),
              "there are no more permits than before");
    return 0;
}

/* The program is a task of its own: a cancellation that arrives after the last await of the steps
 * is no longer of interest then. */
ASYNC(whole_program, (struct world *)world, (uint64_t)seed) {
    asyncio_loop *loop = asyncio_get_running_loop();
    struct place place = { .world = world, .depth = 3 };
    asyncio_loop_set_exception_handler(loop, see_report, NULL);
    asyncio_auto_task task = asyncio_create_task(child(place, seed, NULL));
    while (!asyncio_task_done(task)) {
        asyncio_auto_outcome outcome = { .status = 0 };
        int rc = AWAIT(asyncio_task_join(task, &outcome));
        asyncio_ignore(rc);
    }
    world->points = asyncio_testing_cancel_await(loop, -1);
    for (int i = 0; asyncio_all_tasks(loop, NULL, 0) > 1; i++) {
        must_hold(i < STILL_RUNNING_MAX, "every task comes to its end");
        TRY(AWAIT(asyncio_sleep(10)));
    }
    must_hold(world->inside == 0, "who begins ends");
    for (int i = 0; i < LEVELS; i++) TRY(check_resource(&world->resources[i]));
    RETURN();
}

static void make_resources(struct world *world) {
    for (int i = 0; i < LEVELS; i++) {
        struct resource *r = &world->resources[i];
        r->permits = i % 2 ? i : 1;
        if (i % 2 == 0) r->lock = asyncio_lock_new();
        else if (i == 1) r->semaphore = asyncio_semaphore_new(r->permits);
        else r->semaphore = asyncio_boundedsemaphore_new(r->permits);
    }
}

static asyncio_loop *make_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

/* Who waits where, for whoever looks for the reason. */
static void print_tasks(asyncio_loop *loop) {
    asyncio_task *tasks[64];
    size_t n = asyncio_all_tasks(loop, tasks, 64);
    for (size_t i = 0; i < n && i < 64; i++) asyncio_task_print_stack(tasks[i], 0, stderr);
}

static void run_whole(struct world *world, uint64_t seed) {
    asyncio_run_options options = { .size = sizeof options, .loop_factory = make_loop };
    asyncio_runner *runner = asyncio_runner_new(&options);
    asyncio_loop *loop = asyncio_loop_ref(asyncio_runner_get_loop(runner));
    asyncio_testing_shuffle(loop, now.shuffle);
    asyncio_testing_cancel_await(loop, now.cancel_at);
    int rc = asyncio_runner_run(runner, whole_program(world, seed), NULL, NULL);
    if (rc < 0) print_tasks(loop);
    must_hold(rc != ASYNCIO_DEADLOCK_ERROR, "who waits is woken");
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), stderr);
    must_hold(rc >= 0, "the outermost coroutine succeeds");
    must_hold(asyncio_all_tasks(loop, NULL, 0) == 0, "no task is left");
    must_hold(asyncio_runner_close(runner) == 0, "the loop can be closed");
    asyncio_runner_unref(runner);
    must_hold(asyncio_testing_live_objects(loop) == 0, "nothing of the loop's is left");
    asyncio_loop_unref(loop);
}

long run_program(uint64_t seed, unsigned shuffle, long cancel_at) {
    struct world world = { .inside = 0 };
    now.seed = seed;
    now.shuffle = shuffle;
    now.cancel_at = cancel_at;
    signal(SIGALRM, tell_run);
    alarm(60);
    make_resources(&world);
    run_whole(&world, (seed + 1) * UINT64_C(0x9e3779b97f4a7c15));
    for (int i = 0; i < LEVELS; i++) {
        asyncio_lock_unref(world.resources[i].lock);
        asyncio_semaphore_unref(world.resources[i].semaphore);
    }
    must_hold(world.values == 0, "each value is dropped once");
    must_hold(asyncio__here.own.error == NULL, "no error is left in the slot");
    alarm(0);
    return world.points;
}
