/* SPDX-License-Identifier: MIT
 *
 * What needs much stack is called on the loop's.
 */
#include "core.h"

#define MUCH (1 << 20) /* sixteen times a task's stack */

/* Touches each page of a frame for which no task has the stack; downwards, as a deep call would. */
static int hungry(void *arg) {
    volatile char frame[MUCH];
    for (size_t i = sizeof frame; i >= 4096; i -= 4096) frame[i - 1] = 1;
    *(int *)arg += frame[sizeof frame - 1];
    return 7;
}

static void check_hungry(void) {
    int calls = 0;
    CHECK_INT(asyncio_call_on_loop_stack(hungry, &calls), 7);
    CHECK_INT(calls, 1);
}

ASYNC(calls_hungry, (const char *)name) {
    check_hungry();
    note("%s-1", name);
    TRY(AWAIT(asyncio_sleep(0)));
    check_hungry();
    note("%s-2", name);
    RETURN();
}

TEST(a_frame_of_a_megabyte_fits) { run_alone(calls_hungry("x")); }

ASYNC(two_tasks) {
    asyncio_auto_task a = asyncio_create_task(calls_hungry("a"));
    asyncio_auto_task b = asyncio_create_task(calls_hungry("b"));
    TRY(AWAIT(a));
    TRY(AWAIT(b));
    RETURN();
}

TEST(nothing_else_runs_meanwhile) {
    run_alone(two_tasks());
    CHECK_NOTES("a-1 b-1 a-2 b-2");
}

static asyncio_contextvar *var;

static int looks_around(void *task) {
    asyncio_value v;
    CHECK_PTR(asyncio_current_task(), task);
    CHECK_INT(asyncio_contextvar_get(var, &v), 0);
    CHECK_INT(v.i, 5);
    return asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "not enough");
}

ASYNC(fails_there) {
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(5), NULL), 0);
    int rc = asyncio_call_on_loop_stack(looks_around, asyncio_current_task());
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "not enough");
    RETURN();
}

TEST(task_context_and_error_are_the_callers) {
    var = asyncio_contextvar_new("v", NULL);
    run_alone(fails_there());
    asyncio_contextvar_unref(var);
}

/* ---- awaiting there ---- */

ASYNC(answer) { RETURN(42); }

static int awaits(void *f) {
    asyncio_value v;
    CHECK_INT(AWAIT(answer(), &v), 0); /* nothing is suspended */
    CHECK_INT(v.i, 42);
    CHECK_ERROR(AWAIT(asyncio_sleep(0)), ASYNCIO_RUNTIME_ERROR,
                "what asyncio_call_on_loop_stack calls cannot await");
    CHECK_ERROR(AWAIT(asyncio_sleep(1)), ASYNCIO_RUNTIME_ERROR,
                "what asyncio_call_on_loop_stack calls cannot await");
    CHECK_ERROR(AWAIT((asyncio_future *)f), ASYNCIO_RUNTIME_ERROR,
                "what asyncio_call_on_loop_stack calls cannot await");
    return 0;
}

ASYNC(awaits_there) {
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_call_on_loop_stack(awaits, f), 0);
    asyncio_future_cancel(f, NULL);
    TRY(AWAIT(asyncio_sleep(1))); /* afterwards it is as before */
    RETURN();
}

TEST(an_await_that_would_suspend_is_refused) { run_alone(awaits_there()); }

static int cancels(void *task) {
    asyncio_task_cancel(task, "enough");
    return 0;
}

ASYNC(cancelled_there) {
    CHECK_INT(asyncio_call_on_loop_stack(cancels, asyncio_current_task()), 0);
    CHECK_ERROR(AWAIT(asyncio_sleep(1)), ASYNCIO_CANCELLED_ERROR, "enough");
    RETURN();
}

TEST(a_request_made_there_comes_at_the_next_await) { run_alone(cancelled_there()); }

/* ---- where there is another stack, or none ---- */

static int nested(void *arg) { return asyncio_call_on_loop_stack(hungry, arg); }

ASYNC(nests) {
    int calls = 0;
    CHECK_INT(asyncio_call_on_loop_stack(nested, &calls), 7);
    CHECK_INT(calls, 1);
    RETURN();
}

TEST(such_calls_nest) { run_alone(nests()); }

static int in_callback(void *arg) {
    (void)arg;
    check_hungry();
    return 0;
}

TEST(outside_of_tasks_it_is_an_ordinary_call) {
    check_hungry();
    start_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, in_callback, NULL), 0);
    turn();
    end_loop();
}

TEST(without_a_function_it_is_an_error) {
    CHECK_ERROR(asyncio_call_on_loop_stack(NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a function is required");
}

/* ---- eager tasks, which are on top of whoever makes them ---- */

ASYNC(eager, (int)depth) {
    check_hungry();
    if (depth > 0) {
        asyncio_auto_task t = asyncio_create_task(eager(depth - 1), .eager_start = true);
        check_hungry();
        TRY(AWAIT(t));
    }
    check_hungry();
    TRY(AWAIT(asyncio_sleep(0)));
    check_hungry();
    RETURN();
}

TEST(eager_tasks_call_below_those_that_made_them) { run_alone(eager(5)); }

static asyncio_task *made;

static int makes_eager(void *arg) {
    (void)arg;
    made = asyncio_create_task(eager(2), .eager_start = true);
    return made ? 0 : -1;
}

ASYNC(makes_one_there) {
    CHECK_INT(asyncio_call_on_loop_stack(makes_eager, NULL), 0);
    check_hungry();
    TRY(AWAIT(made));
    asyncio_task_unref(made);
    RETURN();
}

TEST(an_eager_task_may_be_made_there) { run_alone(makes_one_there()); }

static int makes_eager_in_callback(void *arg) {
    (void)arg;
    made = asyncio_loop_create_task(loop, eager(2), .eager_start = true);
    check_hungry();
    asyncio_loop_call_soon(loop, in_callback, NULL);
    return 0;
}

TEST(an_eager_task_may_be_made_by_a_callback) {
    start_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, makes_eager_in_callback, NULL), 0);
    turn();
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK(asyncio_task_done(made));
    CHECK_INT(asyncio_task_result(made, NULL), 0);
    asyncio_task_unref(made);
    end_loop();
}

/* ---- generators, and the end ---- */

ASYNC_GEN(yields) {
    check_hungry();
    TRY(YIELD(1));
    TRY(AWAIT(asyncio_sleep(0)));
    check_hungry();
    TRY(YIELD(2));
    RETURN();
}

ASYNC(iterates) {
    int rc;
    asyncio_value v;
    asyncio_auto_gen g = yields();
    ASYNC_FOR(v, g, rc) note("%lld", v.i);
    CHECK_INT(rc, 0);
    CHECK_NOTES("1 2");
    RETURN();
}

TEST(generators_can_do_so) { run_alone(iterates()); }

ASYNC(cleans_up) {
    int rc = AWAIT(asyncio_sleep(100));
    check_hungry();
    note("cleaned");
    return rc;
}

TEST(what_is_unwound_can_do_so) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, cleans_up());
    turn();
    asyncio_task_unref(t);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_NOTES("cleaned");
    asyncio_loop_unref(loop);
}
