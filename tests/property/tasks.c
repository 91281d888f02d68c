/* SPDX-License-Identifier: MIT
 *
 * tests/property/tasks.c: steps of random programs: sleeping, tasks, combinators, blocks,
 * generators.
 */
#include "world.h"

#define CHILDREN_MAX 4

static struct place below(struct place place) {
    place.depth--;
    return place;
}

static asyncio_coro throw_child(struct dice *dice, struct place place) {
    return child(below(place), fork_dice(dice), NULL);
}

static double throw_delay(struct dice *dice) { return 0.5 * throw_dice(dice, 5); }

/* Makes up to CHILDREN_MAX tasks, some of them eager; how many. */
static size_t make_tasks(struct dice *dice, struct place place, asyncio_task **tasks) {
    size_t n = 1 + throw_dice(dice, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) {
        tasks[i] = asyncio_create_task(throw_child(dice, place),
                                       .eager_start = throw_dice(dice, 4) == 0 ? 1 : 0);
        must_hold(tasks[i] != NULL, "a task can be made");
    }
    return n;
}

/* ---- without children ---- */

static int yield_step(struct dice *dice, struct place place) {
    (void)dice, (void)place;
    return AWAIT(asyncio_sleep(0));
}

static int sleep_step(struct dice *dice, struct place place) {
    (void)place;
    return AWAIT(asyncio_sleep(throw_delay(dice)));
}

static int fail_step(struct dice *dice, struct place place) {
    (void)place;
    if (throw_coin(dice)) return ASYNCIO_LOOKUP_ERROR; /* a bare status */
    return asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "thrown");
}

/* ---- tasks ---- */

static int await_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return yield_step(dice, place);
    asyncio_auto_value value = asyncio_none();
    return AWAIT(throw_child(dice, place), &value);
}

static int task_step(struct dice *dice, struct place place) {
    asyncio_task *tasks[CHILDREN_MAX];
    if (place.depth == 0) return sleep_step(dice, place);
    size_t n = make_tasks(dice, place, tasks);
    int rc = 0;
    if (throw_coin(dice)) rc = AWAIT(tasks[0]);
    else if (throw_coin(dice)) rc = AWAIT(asyncio_sleep(throw_delay(dice)));
    return finish_tasks(tasks, n, rc);
}

static int spawn_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    return asyncio_spawn(throw_child(dice, place));
}

/* ---- gather, wait, as_completed ---- */

static int gather_step(struct dice *dice, struct place place) {
    asyncio_coro children[CHILDREN_MAX];
    asyncio_value values[CHILDREN_MAX];
    if (place.depth == 0) return yield_step(dice, place);
    size_t n = 1 + throw_dice(dice, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) children[i] = throw_child(dice, place);
    int rc = AWAIT(asyncio_gather_array(values, n, children));
    for (size_t i = 0; rc >= 0 && i < n; i++) asyncio_value_drop(&values[i]);
    return rc;
}

static int outcomes_step(struct dice *dice, struct place place) {
    asyncio_coro children[CHILDREN_MAX];
    asyncio_outcome outcomes[CHILDREN_MAX];
    if (place.depth == 0) return yield_step(dice, place);
    size_t n = 1 + throw_dice(dice, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) children[i] = throw_child(dice, place);
    int rc = AWAIT(asyncio_gather_outcomes_array(outcomes, n, children));
    must_hold(rc >= 0 || rc == ASYNCIO_CANCELLED_ERROR, "only a cancellation ends it");
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        must_hold((outcomes[i].status < 0) == (outcomes[i].value.type == NULL),
                  "an outcome is an error or a value");
        asyncio_outcome_fini(&outcomes[i]);
    }
    return rc;
}

static int gather_future_step(struct dice *dice, struct place place) {
    asyncio_coro children[CHILDREN_MAX];
    if (place.depth == 0) return yield_step(dice, place);
    size_t n = 1 + throw_dice(dice, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) children[i] = throw_child(dice, place);
    asyncio_auto_future future = asyncio_gather_future(n, children, throw_coin(dice));
    int rc = throw_dice(dice, 3) ? 0 : AWAIT(asyncio_sleep(throw_delay(dice)));
    if (rc >= 0 && throw_dice(dice, 4) == 0) asyncio_future_cancel(future, NULL);
    return rc < 0 ? rc : AWAIT(future);
}

static int wait_step(struct dice *dice, struct place place) {
    asyncio_task *tasks[CHILDREN_MAX];
    if (place.depth == 0) return sleep_step(dice, place);
    size_t n = make_tasks(dice, place, tasks);
    enum asyncio_return_when when = throw_dice(dice, 3);
    bool limited = throw_coin(dice);
    int rc = AWAIT(asyncio_wait(tasks, n, .return_when = when, .has_timeout = limited,
                                .timeout = throw_delay(dice)));
    for (size_t i = 0; rc >= 0 && i < (size_t)rc; i++) {
        must_hold(asyncio_task_done(tasks[i]), "what is done comes first");
    }
    must_hold(rc != 0 || limited, "somebody is done");
    return finish_tasks(tasks, n, rc);
}

static int as_completed_step(struct dice *dice, struct place place) {
    asyncio_coro children[CHILDREN_MAX];
    if (place.depth == 0) return yield_step(dice, place);
    size_t n = 1 + throw_dice(dice, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) children[i] = throw_child(dice, place);
    double limit = throw_coin(dice) ? ASYNCIO_FOREVER : throw_delay(dice);
    asyncio_as_completed *it = asyncio_as_completed_new(n, children, limit);
    int rc = 0;
    while (rc >= 0 && asyncio_as_completed_left(it) > 0 && throw_dice(dice, 8) > 0) {
        asyncio_auto_value value = asyncio_none();
        asyncio_future *done;
        if (throw_coin(dice)) {
            rc = AWAIT(asyncio_as_completed_result(it), &value);
            if (rc == ASYNCIO_VALUE_ERROR || rc == ASYNCIO_LOOKUP_ERROR) asyncio_ignore(rc), rc = 0;
        } else {
            rc = AWAIT(asyncio_as_completed_next(it, &done));
            must_hold(rc < 0 || asyncio_future_done(done), "what it gives is done");
        }
    }
    asyncio_as_completed_unref(it);
    return rc;
}

/* ---- limits and shields ---- */

static int wait_for_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    asyncio_auto_value value = asyncio_none();
    double limit = throw_delay(dice);
    if (throw_coin(dice)) return AWAIT(asyncio_wait_for(throw_child(dice, place), limit), &value);
    asyncio_task *task = asyncio_create_task(throw_child(dice, place));
    int rc = AWAIT(asyncio_wait_for(task, limit), &value);
    /* With no time at all the task is cancelled, and that wait can be cancelled as well; in a
     * cancelled scope it is. */
    must_hold(limit <= 0 || place.scoped || asyncio_task_done(task),
              "a wait with a limit leaves nothing running");
    return finish_tasks(&task, 1, rc);
}

static ASYNC(timed, (struct place) place, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc, body = 0;
    double limit = throw_delay(&dice);
    unsigned before = asyncio_task_cancelling(asyncio_current_task());
    ASYNC_WITH(block, asyncio_timeout(limit, &rc)) {
        rc = take_steps(&dice, place);
        if (rc >= 0 && throw_coin(&dice) && !asyncio_timeout_expired(block)) {
            double now = asyncio_loop_time(asyncio_get_running_loop());
            TRY(asyncio_timeout_reschedule(block, now + throw_delay(&dice)));
            rc = take_steps(&dice, place);
        }
        body = rc;
    }
    unsigned after = asyncio_task_cancelling(asyncio_current_task());
    must_hold(after >= before, "a limit takes back no more than it asked for");
    if (!asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) TRY(rc);
    must_hold(body != ASYNCIO_CANCELLED_ERROR || after == before || place.shielded,
              "a limit takes back what it asked for");
    RETURN();
}

static int timeout_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    return AWAIT(timed(below(place), fork_dice(dice)));
}

static int shield_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    asyncio_task *task = asyncio_create_task(throw_child(dice, place));
    int rc = AWAIT(asyncio_shield(task));
    return finish_tasks(&task, 1, rc);
}

static int shielded_sleep_step(struct dice *dice, struct place place) {
    (void)place;
    return AWAIT(asyncio_shield(asyncio_sleep(throw_delay(dice))));
}

/* ---- scopes and shielded blocks ---- */

static ASYNC(scoped, (struct place) place, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc;
    unsigned kind = throw_dice(&dice, 3);
    double limit = throw_delay(&dice);
    unsigned before = asyncio_task_cancelling(asyncio_current_task());
    ASYNC_BLOCK(scope, kind == 0   ? asyncio_cancelscope(&rc)
                       : kind == 1 ? asyncio_move_on_after(limit, &rc)
                                   : asyncio_fail_after(limit, &rc));
    place.scoped = true;
    ASYNC_WITH_BLOCK(scope) {
        rc = take_steps(&dice, place);
        if (rc >= 0 && throw_coin(&dice)) {
            asyncio_cancelscope_cancel(scope, "thrown");
            rc = take_steps(&dice, place);
        }
    }
    must_hold(asyncio_task_cancelling(asyncio_current_task()) >= before,
              "a scope takes nothing back");
    must_hold(!asyncio_cancelscope_cancelled_caught(scope) ||
                  asyncio_cancelscope_cancel_called(scope),
              "what it caught was its own");
    must_hold(!asyncio_cancelscope_cancelled_caught(scope) || rc == 0 ||
                  rc == ASYNCIO_TIMEOUT_ERROR,
              "what it caught is gone");
    if (!asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) TRY(rc);
    RETURN();
}

static int scope_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    return AWAIT(scoped(below(place), fork_dice(dice)));
}

static ASYNC(shielded, (struct place) place, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc;
    double limit = throw_coin(&dice) ? ASYNCIO_FOREVER : throw_delay(&dice);
    place.shielded = true;
    ASYNC_WITH(block, asyncio_shielded(limit, &rc)) { rc = take_steps(&dice, place); }
    return asyncio_leave(rc);
}

static int shielded_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return sleep_step(dice, place);
    return AWAIT(shielded(below(place), fork_dice(dice)));
}

/* ---- groups ---- */

static ASYNC(grouped, (struct place) place, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc, alive = 0;
    unsigned n = throw_dice(&dice, CHILDREN_MAX + 1);
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (unsigned i = 0; i < n; i++) {
            asyncio_coro c = child(place, fork_dice(&dice), &alive);
            if (throw_coin(&dice)) rc = asyncio_taskgroup_spawn(group, c);
            else rc = asyncio_taskgroup_spawn(group, c, .eager_start = 1);
            /* An eager child may have failed, and the group be shutting down. */
            if (rc < 0) break;
        }
        if (rc >= 0 && throw_coin(&dice)) rc = take_steps(&dice, place);
        if (throw_dice(&dice, 4) == 0) asyncio_taskgroup_cancel(group);
    }
    must_hold(alive == 0, "a group ends after all its children");
    return asyncio_leave(rc);
}

static int group_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return yield_step(dice, place);
    return AWAIT(grouped(below(place), fork_dice(dice)));
}

static int group_pair_step(struct dice *dice, struct place place) {
    asyncio_taskgroup *group;
    int alive = 0;
    if (place.depth == 0) return yield_step(dice, place);
    int rc = asyncio_taskgroup_enter(&group);
    must_hold(rc >= 0, "a group can be entered");
    unsigned n = throw_dice(dice, CHILDREN_MAX + 1);
    for (unsigned i = 0; rc >= 0 && i < n; i++) {
        asyncio_task *task =
            asyncio_taskgroup_create_task(group, child(below(place), fork_dice(dice), &alive));
        must_hold(task != NULL, "a group takes children");
        asyncio_task_unref(task);
        if (throw_dice(dice, 3) == 0) rc = AWAIT(asyncio_sleep(0));
    }
    rc = AWAIT(asyncio_taskgroup_exit(group, rc));
    must_hold(alive == 0, "a group ends after all its children");
    asyncio_taskgroup_unref(group);
    return rc;
}

/* ---- generators ---- */

static ASYNC_GEN(numbers, (struct place)place, (uint64_t)seed, (int *)open) {
    struct dice dice = { seed };
    unsigned n = throw_dice(&dice, 4);
    int rc = 0;
    ++*open;
    for (unsigned i = 0; rc >= 0 && i < n; i++) {
        if (throw_coin(&dice)) rc = take_steps(&dice, place);
        if (rc >= 0) rc = YIELD(i);
    }
    --*open;
    if (throw_coin(&dice) && rc != ASYNCIO_CANCELLED_ERROR) { /* a cleanup that waits */
        int cleaned = AWAIT(asyncio_sleep(0));
        if (rc >= 0) rc = cleaned;
        else asyncio_ignore(cleaned);
    }
    return rc;
}

static int generator_step(struct dice *dice, struct place place) {
    if (place.depth == 0) return yield_step(dice, place);
    int open = 0, rc = 0;
    asyncio_gen *gen = numbers(below(place), fork_dice(dice), &open);
    must_hold(gen != NULL, "a generator can be made");
    asyncio_value value;
    ASYNC_FOR(value, gen, rc) {
        must_hold(open == 1, "it stands inside");
        if (throw_dice(dice, 4) == 0) break;
        if (throw_dice(dice, 3) == 0) rc = AWAIT(asyncio_sleep(0));
        if (rc < 0) break;
    }
    int closed = AWAIT(asyncio_gen_aclose(gen));
    if (rc >= 0) rc = closed;
    else asyncio_ignore(closed);
    must_hold(open == 0, "a generator that is closed has ended");
    asyncio_gen_unref(gen);
    return rc;
}

step *const task_steps[] = {
    yield_step,     sleep_step,          fail_step,       await_step,  task_step,
    spawn_step,     gather_step,         outcomes_step,   wait_step,   gather_future_step,
    wait_for_step,  as_completed_step,   timeout_step,    shield_step, group_step,
    generator_step, shielded_sleep_step, group_pair_step, scope_step,  shielded_step,
};
const unsigned task_steps_count = sizeof task_steps / sizeof task_steps[0];
