/* SPDX-License-Identifier: MIT
 *
 * Coroutine objects that own something (a result, an argument) and are refused, never started, or
 * handed from one owner to the next: what they own is let go exactly once.
 */
#include <asyncio/channel.h>
#include <asyncio/threadsafe.h>

#include "combine.h"

/* An object whose result counts itself, and cannot be copied. */
static asyncio_coro owner(void) { return asyncio_sleep_result(0, counted()); }

static asyncio_coro nothing(void) { return (asyncio_coro){ .type = NULL }; }

/* The expression raises that; everything was let go. */
#define CHECK_REFUSED(expression, code)                                                            \
    do {                                                                                           \
        CHECK_INT((expression), (code));                                                           \
        asyncio_ignore(code);                                                                      \
        CHECK_ALL_DROPPED();                                                                       \
    } while (0)
#define CHECK_REFUSED_NULL(expression, code)                                                       \
    do {                                                                                           \
        CHECK_PTR((expression), NULL);                                                             \
        asyncio_error *error_ = asyncio_error_take(code);                                          \
        CHECK_INT(asyncio_error_code(error_), (code));                                             \
        asyncio_error_unref(error_);                                                               \
        CHECK_ALL_DROPPED();                                                                       \
    } while (0)

/* ---- groups ---- */

static int args_dropped;
static void drop_arg(void *arg) {
    (void)arg;
    args_dropped++;
}
static int no_job(void *arg, asyncio_value *result) {
    (void)arg, (void)result;
    return 0;
}

ASYNC(asks_finished_group) {
    asyncio_taskgroup *g;
    asyncio_channel *c = asyncio_channel_new(1);
    TRY(asyncio_taskgroup_enter(&g));
    TRY(AWAIT(asyncio_taskgroup_exit(g, 0)));
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED_NULL(asyncio_taskgroup_create_task(g, owner(), .name = "late"),
                       ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_taskgroup_spawn(NULL, owner()), ASYNCIO_TYPE_ERROR);
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, asyncio_channel_put(c, counted())),
                  ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, asyncio_to_thread(no_job, NULL, .drop = drop_arg)),
                  ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(args_dropped, 1);
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, asyncio_wait_for(owner(), 1)), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, asyncio_gather(NULL, owner(), owner())),
                  ASYNCIO_RUNTIME_ERROR);
    asyncio_taskgroup_unref(g);
    asyncio_channel_unref(c);
    RETURN();
}
TEST(a_finished_group_lets_go_of_what_it_refuses) { run_alone(asks_finished_group()); }

ASYNC(asks_cancelled_group) {
    asyncio_taskgroup *g;
    TRY(asyncio_taskgroup_enter(&g));
    asyncio_taskgroup_cancel(g);
    CHECK_REFUSED(asyncio_taskgroup_spawn(g, owner()), ASYNCIO_RUNTIME_ERROR);
    int rc = AWAIT(asyncio_taskgroup_exit(g, 0));
    asyncio_taskgroup_unref(g);
    return rc;
}
TEST(a_group_that_shuts_down_lets_go_of_what_it_refuses) { run_alone(asks_cancelled_group()); }

/* ---- making tasks, running ---- */

TEST(without_a_loop_nothing_is_kept) {
    CHECK_REFUSED_NULL(asyncio_create_task(owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED_NULL(asyncio_create_task(owner(), .name = "x"), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED_NULL(asyncio_loop_create_task(NULL, owner()), ASYNCIO_TYPE_ERROR);
    CHECK_REFUSED_NULL(asyncio_ensure_future(owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED_NULL(asyncio_shield_future(owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_spawn(owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(AWAIT(owner()), ASYNCIO_RUNTIME_ERROR);
    asyncio_coro aws[] = { owner(), owner() };
    CHECK_REFUSED_NULL(asyncio_gather_future(2, aws, false), ASYNCIO_RUNTIME_ERROR);
    aws[0] = owner(), aws[1] = owner();
    CHECK_REFUSED_NULL(asyncio_as_completed_new(2, aws, 1), ASYNCIO_RUNTIME_ERROR);
    aws[0] = owner(), aws[1] = owner();
    CHECK_REFUSED_NULL(asyncio_as_completed_new(2, aws, NAN), ASYNCIO_VALUE_ERROR);
    CHECK_REFUSED_NULL(asyncio_run_coroutine_threadsafe(owner(), NULL), ASYNCIO_TYPE_ERROR);
    CHECK_REFUSED(asyncio_runner_run(NULL, owner(), NULL, NULL), ASYNCIO_TYPE_ERROR);
}

TEST(a_closed_loop_lets_go_of_what_it_refuses) {
    start_loop();
    asyncio_loop_close(loop);
    CHECK_REFUSED_NULL(asyncio_loop_create_task(loop, owner()), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_loop_run_until_complete(loop, owner(), NULL), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED_NULL(asyncio_run_coroutine_threadsafe(owner(), loop), ASYNCIO_RUNTIME_ERROR);
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, NULL);
    CHECK_REFUSED_NULL(asyncio_loop_create_task(loop, owner()), ASYNCIO_RUNTIME_ERROR);
    end_loop();
}

ASYNC(asks_for_too_much) {
    CHECK_REFUSED_NULL(asyncio_create_task(owner(), .stack_size = 1), ASYNCIO_VALUE_ERROR);
    CHECK_REFUSED(asyncio_run(owner(), NULL), ASYNCIO_RUNTIME_ERROR);
    CHECK_REFUSED(asyncio_loop_run_until_complete(loop, owner(), NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_auto_context context = asyncio_copy_context();
    asyncio_auto_task in_context = asyncio_create_task(owner(), .context = context);
    asyncio_value v;
    CHECK_INT(asyncio_task_done(in_context), false);
    CHECK_INT(AWAIT(in_context, &v), 0);
    RETURN();
}
TEST(a_task_that_cannot_be_made_lets_go) {
    run_alone(asks_for_too_much());
    CHECK_ALL_DROPPED();
}

static asyncio_task *refusing_factory(asyncio_loop *l, const asyncio_task_options *o, void *arg) {
    (void)arg;
    asyncio_task_options bad = *o;
    bad.stack_size = 1;
    return asyncio_task_new(l, &bad);
}
TEST(a_factory_that_refuses_lets_go_once) {
    start_loop();
    asyncio_loop_set_task_factory(loop, refusing_factory, NULL);
    CHECK_REFUSED_NULL(asyncio_loop_create_task(loop, owner()), ASYNCIO_VALUE_ERROR);
    end_loop();
}

/* ---- combinators, awaited in place and as tasks ---- */

ASYNC(combines_badly, (bool)as_tasks) {
    asyncio_coro aws[] = { owner(), nothing(), owner() };
    asyncio_coro mains[] = {
        asyncio_gather_array(NULL, 3, aws),
        asyncio_wait_for(owner(), NAN),
        asyncio_staggered_race(NAN, NULL, owner(), owner()),
        asyncio_staggered_race(1, NULL, nothing(), owner()),
    };
    int codes[] = { ASYNCIO_TYPE_ERROR, ASYNCIO_VALUE_ERROR, ASYNCIO_VALUE_ERROR,
                    ASYNCIO_TYPE_ERROR };
    for (int i = 0; i < 4; i++) {
        asyncio_task *t = as_tasks ? asyncio_create_task(mains[i]) : NULL;
        int rc = as_tasks ? AWAIT(t) : AWAIT(mains[i]);
        CHECK_INT(rc, codes[i]);
        asyncio_ignore(rc);
        asyncio_task_unref(t);
        pass(2);
    }
    CHECK_ALL_DROPPED();
    RETURN();
}
TEST(a_combinator_lets_go_of_what_it_does_not_start) {
    run_alone(combines_badly(false));
    run_alone(combines_badly(true));
}

ASYNC(races, (bool)as_task) {
    asyncio_value v;
    int winner;
    asyncio_coro race = asyncio_staggered_race(ASYNCIO_FOREVER, &winner, owner(), owner(), owner());
    asyncio_task *t = as_task ? asyncio_create_task(race) : NULL;
    int rc = as_task ? AWAIT(t, &v) : AWAIT(race, &v);
    CHECK_INT(rc, 0);
    CHECK_INT(winner, 0);
    CHECK_INT(values_dropped, 2); /* the second and the third had no need to start */
    if (as_task) asyncio_task_unref(t);
    else asyncio_value_drop(&v);
    CHECK_ALL_DROPPED();
    RETURN();
}
TEST(a_race_lets_go_of_those_it_need_not_start) {
    run_alone(races(false));
    run_alone(races(true));
}

/* ---- from one owner to the next ---- */

ASYNC(combines_in_tasks) {
    asyncio_value values[2];
    asyncio_coro mains[] = {
        asyncio_gather(values, owner(), owner()),
        asyncio_gather(NULL, owner(), asyncio_gather(NULL, owner())),
        asyncio_wait_for(owner(), 1),
        asyncio_wait_for(owner(), 0),
        asyncio_shield(owner()),
        asyncio_staggered_race(1, NULL, owner()),
    };
    asyncio_auto_task gather = asyncio_create_task(mains[0]);
    CHECK_INT(AWAIT(gather), 0);
    CHECK_INT(values_dropped, 0);
    for (int i = 0; i < 2; i++) asyncio_value_drop(&values[i]);
    for (size_t i = 1; i < sizeof mains / sizeof *mains; i++) {
        asyncio_auto_task t = asyncio_create_task(mains[i]);
        asyncio_ignore(AWAIT(t));
    }
    RETURN();
}
TEST(a_combinator_that_is_a_task_hands_over_what_it_holds) {
    run_alone(combines_in_tasks());
    CHECK_ALL_DROPPED();
}

ASYNC(cancels_combinators, (int)turns) {
    asyncio_coro mains[] = { asyncio_gather(NULL, owner(), owner()), asyncio_wait_for(owner(), 1),
                             asyncio_shield(owner()), asyncio_staggered_race(1, NULL, owner()) };
    for (size_t i = 0; i < sizeof mains / sizeof *mains; i++) {
        asyncio_auto_task t = asyncio_create_task(mains[i]);
        pass(turns);
        asyncio_task_cancel(t, NULL);
        CHECK(asyncio_catch(AWAIT(t), ASYNCIO_CANCELLED_ERROR));
        pass(2);
    }
    RETURN();
}
TEST(a_combinator_that_is_cancelled_lets_go_once) {
    run_alone(cancels_combinators(0));
    run_alone(cancels_combinators(1));
    CHECK_ALL_DROPPED();
}

ASYNC(waits_for_submission, (asyncio_concurrent_future *)f) {
    while (!asyncio_concurrent_future_done(f)) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}
TEST(a_coroutine_from_another_thread_hands_over_what_it_owns) {
    start_loop();
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(owner(), loop);
    CHECK_INT(run(waits_for_submission(f)), 0);
    asyncio_concurrent_future_unref(f);
    CHECK_ALL_DROPPED();
    end_loop();
}

static void drop_text(asyncio_value *v) { free(v->p); }
static int copy_text(asyncio_value *to, const asyncio_value *from) {
    *to = *from;
    to->p = strdup(from->p);
    return 0;
}
static const asyncio_value_type text_type = {
    .size = sizeof text_type, .name = "text", .drop = drop_text, .copy = copy_text
};
static asyncio_coro gives_text(const char *s) {
    return asyncio_sleep_result(0, asyncio_own(strdup(s), &text_type));
}

ASYNC(awaits_held) {
    asyncio_value first[2], second[2];
    asyncio_coro texts[] = { gives_text("a"), gives_text("b") };
    asyncio_coro both = asyncio_gather_array(first, 2, texts);
    TRY(asyncio_coro_hold(&both));
    memset(texts, 0, sizeof texts);
    TRY(AWAIT(both));
    memcpy(second, first, sizeof second);
    TRY(AWAIT(both)); /* into first, again */
    for (int i = 0; i < 2; i++) {
        CHECK_STR(first[i].p, i == 0 ? "a" : "b");
        CHECK_STR(second[i].p, i == 0 ? "a" : "b");
        asyncio_value_drop(&first[i]);
        asyncio_value_drop(&second[i]);
    }
    asyncio_coro_drop(&both);
    RETURN();
}
TEST(a_held_combinator_can_be_awaited_again) { run_alone(awaits_held()); }

TEST(a_held_object_that_is_refused_stays_its_holders) {
    asyncio_coro c = owner();
    CHECK_INT(asyncio_coro_hold(&c), 0);
    CHECK_PTR(asyncio_create_task(c), NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(values_dropped, 0);
    asyncio_coro_drop(&c);
    CHECK_ALL_DROPPED();
}

ASYNC(without_memory) {
    for (long n = 1; n < 40; n++) {
        asyncio_coro all = asyncio_gather(NULL, owner(), asyncio_gather(NULL, owner(), owner()),
                                          asyncio_staggered_race(1, NULL, owner(), owner()));
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        asyncio_task *t = n % 2 ? asyncio_create_task(all) : NULL;
        int rc = 0;
        if (t) rc = AWAIT(t);
        else if (n % 2 == 0) rc = AWAIT(all);
        asyncio_ignore(rc);
        asyncio_ignore((int)asyncio_testing_fail_allocation(0));
        asyncio_ignore(-ENOMEM);
        asyncio_task_unref(t);
        pass(6);
        CHECK_ALL_DROPPED();
    }
    RETURN();
}
TEST(exhausted_memory_lets_go_of_everything) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(without_memory());
}

/* What takes nothing says so when it runs, also as a task, which holds what it takes at once. */
ASYNC(tasks_over_nothing) {
    asyncio_coro nothing[] = { asyncio_wait_for_coro(NULL, 1), asyncio_shield_coro(NULL),
                               asyncio_gather_array(NULL, 2, NULL),
                               asyncio_gather_outcomes_array(NULL, 2, NULL),
                               asyncio_staggered_race_array(2, NULL, 1, NULL, NULL) };
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        asyncio_auto_task t = asyncio_create_task(nothing[i]);
        CHECK(t != NULL);
        CHECK_INT(AWAIT(t), ASYNCIO_TYPE_ERROR);
        asyncio_ignore(ASYNCIO_TYPE_ERROR);
    }
    RETURN();
}
TEST(a_combinator_over_nothing_can_be_a_task_and_fails) { run_alone(tasks_over_nothing()); }
