/* SPDX-License-Identifier: MIT
 *
 * What a program can do wrong with tasks, futures and their loop: each mistake is one defined
 * error, and what is around it goes on. (NULL arguments: null_arguments.c; exhausted memory:
 * out_of_memory.c.)
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"
#include "test.h"

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int finished(asyncio_future *f, void *arg) {
    (void)f;
    ++*(int *)arg;
    return 0;
}

static int count(void *arg) {
    ++*(int *)arg;
    return 0;
}

static void run(asyncio_coro c) {
    int rc = asyncio_run(c, NULL);
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), NULL);
    CHECK_INT(rc, 0);
}

ASYNC(returns, (int) value) { RETURN(value); }

ASYNC(awaits, (asyncio_future *) f) {
    TRY(AWAIT(f));
    RETURN();
}

/* ---- outside a task ---- */

TEST(await_outside_a_task_is_an_error) {
    CHECK_ERROR(AWAIT(asyncio_sleep(0)), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    CHECK_ERROR(AWAIT(returns(1)), ASYNCIO_RUNTIME_ERROR, "await outside a task");
}

static int await_in_callback(void *arg) {
    *(int *)arg = AWAIT(asyncio_sleep(0));
    asyncio_loop_stop(asyncio_get_running_loop());
    asyncio_ignore(*(int *)arg);
    return 0;
}

TEST(await_in_a_callback_is_an_error) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    int rc = 0;
    CHECK_INT(asyncio_loop_call_soon(loop, await_in_callback, &rc), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    asyncio_loop_close(loop);
}

TEST(await_of_a_future_outside_a_task_is_an_error) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_ERROR(AWAIT(f), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
}

TEST(create_task_without_a_running_loop_is_an_error) {
    CHECK_NULL_ERROR(asyncio_create_task(returns(1)), ASYNCIO_RUNTIME_ERROR,
                     "no running event loop");
    CHECK_ERROR(asyncio_spawn(returns(1)), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    CHECK_NULL_ERROR(asyncio_future_new(), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
}

/* ---- the wrong thread ---- */

#define WRONG_THREAD "Non-thread-safe operation invoked on an event loop other than the current one"

struct intrusion {
    asyncio_loop *loop;
    asyncio_future *future;
    bool refused;
};

static void *intrude(void *arg) {
    struct intrusion *in = arg;
    if (in->refused) {
        CHECK_ERROR(asyncio_loop_call_soon(in->loop, nothing, NULL), ASYNCIO_RUNTIME_ERROR,
                    WRONG_THREAD);
        CHECK_ERROR(asyncio_loop_call_later(in->loop, 1, nothing, NULL), ASYNCIO_RUNTIME_ERROR,
                    WRONG_THREAD);
        CHECK_ERROR(asyncio_loop_call_at(in->loop, 1, nothing, NULL), ASYNCIO_RUNTIME_ERROR,
                    WRONG_THREAD);
        CHECK_NULL_ERROR(asyncio_loop_create_future(in->loop), ASYNCIO_RUNTIME_ERROR, WRONG_THREAD);
        CHECK_NULL_ERROR(asyncio_loop_create_task(in->loop, returns(1)), ASYNCIO_RUNTIME_ERROR,
                         WRONG_THREAD);
        CHECK_ERROR(asyncio_future_set_result(in->future, asyncio_int(1)), ASYNCIO_RUNTIME_ERROR,
                    WRONG_THREAD);
        CHECK_ERROR(asyncio_future_set_exception(in->future, ASYNCIO_VALUE_ERROR, NULL),
                    ASYNCIO_RUNTIME_ERROR, WRONG_THREAD);
    }
    CHECK_INT(asyncio_loop_call_soon_threadsafe(in->loop, count, &in->refused), 0);
    return NULL;
}

static int join_thread(void *arg) {
    pthread_join(*(pthread_t *)arg, NULL);
    return 0;
}

ASYNC(is_intruded, (struct intrusion *) in) {
    pthread_t thread;
    in->loop = asyncio_get_running_loop();
    in->future = asyncio_future_new();
    asyncio_loop_set_debug(in->loop, true);
    CHECK_INT(pthread_create(&thread, NULL, intrude, in), 0);
    CHECK_INT(asyncio_loop_call_soon(in->loop, join_thread, &thread), 0);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK(!asyncio_future_done(in->future));
    asyncio_future_unref(in->future);
    RETURN();
}

TEST(debug_mode_refuses_a_running_loop_to_other_threads) {
    struct intrusion in = { .refused = true };
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_set_slow_callback_duration(loop, 1000);
    CHECK_INT(asyncio_loop_run_until_complete(loop, is_intruded(&in), NULL), 0);
    asyncio_loop_close(loop);
}

TEST(debug_mode_lets_a_loop_that_does_not_run_be_prepared_anywhere) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_set_debug(loop, true);
    CHECK_INT(asyncio_loop_call_soon(loop, nothing, NULL), 0);
    asyncio_loop_close(loop);
}

/* ---- loops that run already ---- */

ASYNC(runs_inside) {
    asyncio_loop *loop = asyncio_get_running_loop(), *other = asyncio_new_event_loop();
    CHECK_ERROR(asyncio_run(returns(1), NULL), ASYNCIO_RUNTIME_ERROR,
                "asyncio.run() cannot be called from a running event loop");
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_RUNTIME_ERROR,
                "This event loop is already running");
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, returns(1), NULL), ASYNCIO_RUNTIME_ERROR,
                "This event loop is already running");
    CHECK_ERROR(asyncio_loop_run_forever(other), ASYNCIO_RUNTIME_ERROR,
                "Cannot run the event loop while another loop is running");
    CHECK_ERROR(asyncio_loop_run_until_complete(other, returns(1), NULL), ASYNCIO_RUNTIME_ERROR,
                "Cannot run the event loop while another loop is running");
    CHECK_ERROR(asyncio_loop_close(loop), ASYNCIO_RUNTIME_ERROR,
                "Cannot close a running event loop");
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(7);
}

TEST(run_inside_run_is_an_error_and_the_outer_run_goes_on) { /* RUN-1, LOOP-19 */
    asyncio_value v;
    CHECK_INT(asyncio_run(runs_inside(), &v), 0);
    CHECK_INT(v.i, 7);
}

/* ---- closed loops ---- */

TEST(scheduling_on_a_closed_loop_is_an_error) { /* LOOP-21, LOOP-25 */
    static const char closed[] = "Event loop is closed";
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_handle *handle = NULL;
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_ERROR(asyncio_loop_call_soon(loop, nothing, NULL), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_call_later(loop, 1, nothing, NULL), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_call_at(loop, 1, nothing, NULL), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_call_soon_threadsafe(loop, nothing, NULL, .handle = &handle),
                ASYNCIO_RUNTIME_ERROR, closed);
    CHECK(handle == NULL);
    CHECK_NULL_ERROR(asyncio_loop_create_future(loop), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_NULL_ERROR(asyncio_loop_create_task(loop, returns(1)), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, returns(1), NULL), ASYNCIO_RUNTIME_ERROR,
                closed);
    asyncio_loop_unref(loop);
}

static void dropped(void *arg) { ++*(int *)arg; }

TEST(a_call_that_was_refused_does_not_drop_its_argument) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    int drops = 0;
    asyncio_ignore(asyncio_loop_call_soon(loop, NULL, &drops, .drop = dropped));
    asyncio_ignore(asyncio_loop_call_later(loop, (double)NAN, nothing, &drops, .drop = dropped));
    asyncio_loop_close(loop);
    asyncio_ignore(asyncio_loop_call_soon(loop, nothing, &drops, .drop = dropped));
    asyncio_ignore(asyncio_loop_call_at(loop, 1, nothing, &drops, .drop = dropped));
    asyncio_ignore(asyncio_loop_call_soon_threadsafe(loop, nothing, &drops, .drop = dropped));
    CHECK_INT(drops, 0);
}

TEST(a_done_callback_on_a_done_future_of_a_closed_loop_is_an_error) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    int calls = 0;
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    asyncio_loop_close(loop);
    CHECK_ERROR(asyncio_future_add_done_callback(f, finished, &calls), ASYNCIO_RUNTIME_ERROR,
                "Event loop is closed");
}

/* ---- futures ---- */

ASYNC(resolves_twice) {
    asyncio_auto_future f = asyncio_future_new();
    asyncio_value v;
    asyncio_auto_error e = asyncio_error_new(ASYNCIO_VALUE_ERROR, "late");
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    CHECK_ERROR(asyncio_future_set_result(f, asyncio_int(2)), ASYNCIO_INVALID_STATE_ERROR,
                "invalid state");
    CHECK_ERROR(asyncio_future_set_result(f, asyncio_own_str(strdup("dropped"))),
                ASYNCIO_INVALID_STATE_ERROR, "invalid state");
    CHECK_ERROR(asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x"),
                ASYNCIO_INVALID_STATE_ERROR, "invalid state");
    CHECK_ERROR(asyncio_future_set_error(f, e), ASYNCIO_INVALID_STATE_ERROR, "invalid state");
    CHECK(!asyncio_future_cancel(f, NULL));
    TRY(AWAIT(f, &v));
    CHECK_INT(v.i, 1);
    RETURN();
}

TEST(a_second_set_result_is_an_error_and_the_first_stays) { run(resolves_twice()); }

ASYNC(resolves_a_task) {
    asyncio_auto_task t = asyncio_create_task(returns(3));
    asyncio_value v;
    CHECK_ERROR(
        asyncio_future_set_result(asyncio_task_as_future(t), asyncio_own_str(strdup("dropped"))),
        ASYNCIO_RUNTIME_ERROR, "Task does not support set_result or set_exception");
    CHECK_ERROR(asyncio_future_set_exception(asyncio_task_as_future(t), ASYNCIO_VALUE_ERROR, NULL),
                ASYNCIO_RUNTIME_ERROR, "Task does not support set_result or set_exception");
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 3);
    RETURN();
}

TEST(a_task_cannot_be_resolved_from_outside) { run(resolves_a_task()); }

ASYNC(reads_too_early) {
    asyncio_auto_future f = asyncio_future_new();
    asyncio_value v = asyncio_int(5);
    asyncio_error *e = NULL;
    CHECK_ERROR(asyncio_future_result(f, &v), ASYNCIO_INVALID_STATE_ERROR, "Result is not set.");
    CHECK_INT(v.i, 5);
    asyncio_ignore(asyncio_future_exception(f, &e));
    CHECK(e == NULL);
    CHECK(asyncio_future_take_result(f).type == NULL);
    RETURN();
}

TEST(reading_a_pending_future_is_an_error) { run(reads_too_early()); }

ASYNC(awaits_foreign, (asyncio_future *) f) {
    asyncio_outcome o;
    CHECK_ERROR(AWAIT(f), ASYNCIO_RUNTIME_ERROR, "a future is attached to a different loop");
    CHECK(!asyncio_future_done(f));
    asyncio_auto_task t = asyncio_loop_create_task(asyncio_future_get_loop(f), returns(1));
    CHECK_ERROR(AWAIT(asyncio_task_join(t, &o)), ASYNCIO_RUNTIME_ERROR,
                "a future is attached to a different loop");
    RETURN();
}

TEST(awaiting_a_future_of_another_loop_is_an_error) {
    asyncio_auto_loop other = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(other);
    run(awaits_foreign(f));
    CHECK_ERROR(asyncio_run(ASYNCIO_CORO(f), NULL), ASYNCIO_RUNTIME_ERROR,
                "a future is attached to a different loop");
    asyncio_future_unref(f);
    CHECK_INT(asyncio_loop_close(other), 0);
}

TEST(run_until_complete_of_a_future_of_another_loop_is_an_error) {
    asyncio_loop *loop = asyncio_new_event_loop(), *other = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(other);
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(f), NULL), ASYNCIO_VALUE_ERROR,
                "The future belongs to a different loop");
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_close(other);
    asyncio_loop_unref(loop);
    asyncio_loop_unref(other);
}

ASYNC(awaits_itself) {
    asyncio_outcome o;
    CHECK_ERROR(AWAIT(asyncio_current_task()), ASYNCIO_RUNTIME_ERROR,
                "Task cannot await on itself");
    CHECK_ERROR(AWAIT(asyncio_task_join(asyncio_current_task(), &o)), ASYNCIO_RUNTIME_ERROR,
                "Task cannot await on itself");
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_task_cannot_await_itself) { run(awaits_itself()); }

/* ---- coroutine objects ---- */

static asyncio_coro typeless(void) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    return c;
}

static const asyncio_coro_type runless_type = { .size = sizeof runless_type,
                                                .name = "runless",
                                                .file = "f" };

static asyncio_coro runless(void) {
    asyncio_coro c = typeless();
    c.type = &runless_type;
    return c;
}

ASYNC(awaits_nothing) {
    static const char what[] = "a coroutine was expected";
    CHECK_ERROR(AWAIT(typeless()), ASYNCIO_TYPE_ERROR,
                "a coroutine without a type cannot be awaited");
    CHECK_ERROR(AWAIT(runless()), ASYNCIO_TYPE_ERROR,
                "a coroutine without a type cannot be awaited");
    CHECK_NULL_ERROR(asyncio_create_task(typeless()), ASYNCIO_TYPE_ERROR, what);
    CHECK_NULL_ERROR(asyncio_create_task(runless()), ASYNCIO_TYPE_ERROR, what);
    CHECK_NULL_ERROR(asyncio_create_task(asyncio_coro_of_task(asyncio_current_task())),
                     ASYNCIO_TYPE_ERROR, what);
    CHECK_ERROR(asyncio_spawn(typeless()), ASYNCIO_TYPE_ERROR, what);
    CHECK_NULL_ERROR(asyncio_ensure_future(typeless()), ASYNCIO_TYPE_ERROR, what);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_coroutine_without_a_type_cannot_be_awaited_or_made_a_task) { run(awaits_nothing()); }

TEST(a_coroutine_without_a_type_cannot_be_run) { /* RUN-2 */
    CHECK_ERROR(asyncio_run(typeless(), NULL), ASYNCIO_TYPE_ERROR,
                "An asyncio.Future, a coroutine or an awaitable is required");
    CHECK_ERROR(asyncio_run(runless(), NULL), ASYNCIO_TYPE_ERROR,
                "An asyncio.Future, a coroutine or an awaitable is required");
    asyncio_loop *loop = asyncio_new_event_loop();
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, typeless(), NULL), ASYNCIO_TYPE_ERROR,
                "a coroutine was expected");
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    CHECK_INT(asyncio_main(typeless()), 1);
    CHECK_PRINTED("TypeError: An asyncio.Future");
}

TEST(a_coroutine_without_a_type_is_none_and_holds_nothing) {
    asyncio_coro c = typeless(), r = runless();
    CHECK(!asyncio_iscoroutine(&c));
    CHECK(!asyncio_iscoroutine(&r));
    CHECK(!asyncio_iscoroutine(NULL));
    CHECK_ERROR(asyncio_coro_hold(&c), ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    CHECK_ERROR(asyncio_coro_hold(NULL), ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    asyncio_coro_drop(&c);
    asyncio_coro_drop(NULL);
}

/* ---- delays ---- */

ASYNC(sleeps_badly) {
    CHECK_ERROR(AWAIT(asyncio_sleep((double)NAN)), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    CHECK_ERROR(AWAIT(asyncio_sleep_result((double)NAN, asyncio_own_str(strdup("dropped")))),
                ASYNCIO_VALUE_ERROR, "Invalid delay: NaN (not a number)");
    TRY(AWAIT(asyncio_sleep(-1)));
    TRY(AWAIT(asyncio_sleep((double)-INFINITY)));
    TRY(AWAIT(asyncio_sleep(-0.0)));
    RETURN();
}

/* SLP-1, SLP-3 */
TEST(sleep_of_nan_is_an_error_and_of_a_negative_time_one_turn) { run(sleeps_badly()); }

ASYNC(sleeps_for_ever) {
    TRY(AWAIT(asyncio_sleep((double)INFINITY)));
    RETURN();
}

ASYNC(waits_for_the_endless) {
    asyncio_auto_task t = asyncio_create_task(sleeps_for_ever());
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(1e300)));
    RETURN();
}

ASYNC(sleeps_for_ever_until_cancelled) {
    asyncio_auto_task t = asyncio_create_task(sleeps_for_ever());
    TRY(AWAIT(asyncio_sleep(3600)));
    CHECK(!asyncio_task_done(t));
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

TEST(an_infinite_sleep_lasts_until_it_is_cancelled) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    CHECK_INT(asyncio_loop_run_until_complete(loop, sleeps_for_ever_until_cancelled(), NULL), 0);
    CHECK_NEAR(asyncio_loop_time(loop), 3600, 1e-6);
    asyncio_loop_close(loop);
}

TEST(with_only_infinite_sleeps_left_a_virtual_clock_reports_a_deadlock) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for_the_endless());
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR,
                "nothing is left that could wake the loop");
    CHECK(!asyncio_task_done(t));
    asyncio_task_unref(t);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    CHECK_INT(asyncio_loop_close(loop), 0);
}

static int stop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

TEST(timers_of_nan_are_refused_and_infinite_ones_never_run) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(100);
    int calls = 0, past = 0;
    CHECK_ERROR(asyncio_loop_call_later(loop, (double)NAN, count, &calls), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    CHECK_ERROR(asyncio_loop_call_at(loop, (double)NAN, count, &calls), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    CHECK_INT(asyncio_loop_call_later(loop, (double)INFINITY, count, &calls), 0);
    CHECK_INT(asyncio_loop_call_at(loop, (double)INFINITY, count, &calls), 0);
    CHECK_INT(asyncio_loop_call_later(loop, -5, count, &past), 0);
    CHECK_INT(asyncio_loop_call_later(loop, (double)-INFINITY, count, &past), 0);
    CHECK_INT(asyncio_loop_call_at(loop, -1e18, count, &past), 0);
    CHECK_INT(asyncio_loop_call_later(loop, 1e6, stop, loop), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 0);
    CHECK_INT(past, 3);
    asyncio_loop_close(loop);
}

/* ---- stack sizes ---- */

ASYNC(makes_tasks_of_stack_size, (size_t) bytes, (bool) good) {
    asyncio_auto_task t = asyncio_create_task(returns(1), .stack_size = bytes);
    if (!good) {
        CHECK_NULL_ERROR(t, ASYNCIO_VALUE_ERROR, "stack size out of range");
        RETURN();
    }
    CHECK(t != NULL);
    asyncio_value v;
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 1);
    RETURN();
}

TEST(stack_size_zero_is_the_default) { run(makes_tasks_of_stack_size(0, true)); }
TEST(stack_size_one_is_refused) { run(makes_tasks_of_stack_size(1, false)); }
TEST(stack_size_just_under_16_kib_is_refused) { run(makes_tasks_of_stack_size(16383, false)); }
TEST(stack_size_16_kib_is_the_smallest) { run(makes_tasks_of_stack_size(16384, true)); }
TEST(stack_size_that_is_no_multiple_of_anything_is_rounded_up) {
    run(makes_tasks_of_stack_size(100003, true));
}
TEST(stack_size_over_1_gib_is_refused) {
    run(makes_tasks_of_stack_size(((size_t)1 << 30) + 1, false));
}
TEST(stack_size_max_is_refused) { run(makes_tasks_of_stack_size(SIZE_MAX, false)); }
TEST(stack_size_1_gib_works) {
    if (test_under_sanitizer() || test_under_valgrind()) SKIP("takes their address space");
    run(makes_tasks_of_stack_size((size_t)1 << 30, true));
}

TEST(default_stack_sizes_out_of_range_are_refused) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    CHECK_INT(asyncio_loop_get_stack_size(loop), 65536);
    CHECK_ERROR(asyncio_loop_set_stack_size(loop, 0), ASYNCIO_VALUE_ERROR,
                "stack size out of range");
    CHECK_ERROR(asyncio_loop_set_stack_size(loop, 100), ASYNCIO_VALUE_ERROR,
                "stack size out of range");
    CHECK_ERROR(asyncio_loop_set_stack_size(loop, SIZE_MAX), ASYNCIO_VALUE_ERROR,
                "stack size out of range");
    CHECK_INT(asyncio_loop_get_stack_size(loop), 65536);
    CHECK_INT(asyncio_loop_get_stack_guard(NULL), 196608);
    CHECK_ERROR(asyncio_loop_set_stack_guard(loop, 16383), ASYNCIO_VALUE_ERROR,
                "stack guard out of range");
    CHECK_ERROR(asyncio_loop_set_stack_guard(loop, SIZE_MAX), ASYNCIO_VALUE_ERROR,
                "stack guard out of range");
    CHECK_INT(asyncio_loop_get_stack_guard(loop), 196608);
    CHECK_INT(asyncio_loop_set_stack_guard(loop, 65536), 0);
    CHECK_INT(asyncio_loop_get_stack_guard(loop), 65536);
    CHECK_INT(asyncio_loop_set_stack_size(loop, 200001), 0);
    CHECK_INT(asyncio_loop_get_stack_size(loop), 200001);
    CHECK_INT(asyncio_loop_run_until_complete(loop, returns(1), NULL), 0);
    asyncio_loop_close(loop);
}

/* ---- chains and circles ---- */

#define CHAIN 100000

ASYNC(awaits_task, (asyncio_task **) t) {
    int rc = AWAIT(*t);
    return rc;
}

ASYNC(parks) {
    TRY(AWAIT(asyncio_sleep((double)INFINITY)));
    RETURN();
}

ASYNC(builds_a_chain, (int) n) {
    asyncio_task **tasks = calloc((size_t)n, sizeof *tasks);
    tasks[0] = asyncio_create_task(parks(), .stack_size = 16384);
    for (int i = 1; i < n; i++)
        tasks[i] = asyncio_create_task(awaits_task(&tasks[i - 1]), .stack_size = 16384);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK(asyncio_task_cancel(tasks[n - 1], "whole chain"));
    CHECK_INT(AWAIT(tasks[n - 1]), ASYNCIO_CANCELLED_ERROR);
    asyncio_error *e = asyncio_error_take(ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(asyncio_error_message(e), "whole chain");
    asyncio_error_unref(e);
    for (int i = 0; i < n; i++) {
        CHECK(asyncio_task_cancelled(tasks[i]));
        asyncio_task_unref(tasks[i]);
    }
    free(tasks);
    RETURN();
}

TEST_TIMEOUT(a_chain_of_a_hundred_thousand_tasks_is_cancelled_from_its_end, 60) {
    setenv("ASYNCIO_UNGUARDED_STACKS", "1", 1); /* guards may cost mappings that there are not */
    run(builds_a_chain(test_under_sanitizer() || test_under_valgrind() ? CHAIN / 50 : CHAIN));
}

ASYNC(builds_a_circle, (int) n) {
    asyncio_task *tasks[3];
    for (int i = 0; i < n; i++) tasks[i] = asyncio_create_task(awaits_task(&tasks[(i + 1) % n]));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK(asyncio_task_cancel(tasks[0], NULL));
    CHECK(asyncio_task_cancel(tasks[0], NULL));
    for (int i = 0; i < 10; i++) TRY(AWAIT(asyncio_sleep(0)));
    for (int i = 0; i < n; i++) {
        CHECK(asyncio_task_cancelled(tasks[i]));
        asyncio_task_unref(tasks[i]);
    }
    RETURN();
}

TEST(a_circle_of_three_tasks_can_be_cancelled) { run(builds_a_circle(3)); }
TEST(a_circle_of_two_tasks_can_be_cancelled) { run(builds_a_circle(2)); }

ASYNC(leaves_a_circle) {
    static asyncio_task *tasks[3];
    for (int i = 0; i < 3; i++) tasks[i] = asyncio_create_task(awaits_task(&tasks[(i + 1) % 3]));
    TRY(AWAIT(asyncio_sleep(0)));
    char text[2000];
    CHECK(asyncio_task_repr(tasks[0], text, sizeof text) > 0);
    for (int i = 0; i < 3; i++) asyncio_task_unref(tasks[i]);
    RETURN();
}

TEST(a_circle_of_three_tasks_is_undone_when_run_ends) { run(leaves_a_circle()); }

/* ---- descriptors ---- */

TEST(a_loop_without_descriptors_is_an_error) {
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    int next = dup(0);
    close(next);
    for (int extra = 0; extra < 2; extra++) { /* for none of the two, for one */
        none = old;
        none.rlim_cur = (rlim_t)(next + extra);
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
        asyncio_loop *loop = asyncio_new_event_loop();
        int rc = asyncio_run(returns(1), NULL);
        setrlimit(RLIMIT_NOFILE, &old);
        CHECK_INT(rc, -EMFILE);
        asyncio_ignore(rc);
        CHECK_NULL_ERROR(loop, -EMFILE, "cannot make an event loop");
    }
    run(returns(1));
}

/* ---- fork ---- */

static void check_child(pid_t pid) {
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status)) FAIL("the child was killed by signal %d", WTERMSIG(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

#define PARENTS "the event loop belongs to the parent process"

TEST(a_forked_child_cannot_run_the_loop_it_inherited) {
    asyncio_loop *loop = asyncio_new_event_loop();
    int calls = 0;
    CHECK_INT(asyncio_loop_run_until_complete(loop, returns(1), NULL), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, count, &calls), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_RUNTIME_ERROR, PARENTS);
        CHECK_ERROR(asyncio_loop_run_until_complete(loop, returns(1), NULL), ASYNCIO_RUNTIME_ERROR,
                    PARENTS);
        CHECK_INT(asyncio_loop_close(loop), 0);
        asyncio_loop_unref(loop);
        CHECK_INT(asyncio_run(returns(1), NULL), 0);
        CHECK_INT(calls, 0);
        _exit(0);
    }
    check_child(pid);
    CHECK_INT(asyncio_loop_run_until_complete(loop, returns(1), NULL), 0);
    CHECK_INT(calls, 1);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

struct forked {
    pid_t child;
    bool yields;
};

ASYNC(forks, (struct forked *) f) {
    TRY(AWAIT(asyncio_sleep(0)));
    f->child = fork();
    while (f->child == 0 && f->yields) TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0.001)));
    CHECK(f->child != 0);
    RETURN();
}

static bool under_thread_sanitizer(void) {
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

static void run_forking(bool yields) {
    if (under_thread_sanitizer())
        SKIP("it takes the forking fiber for another thread in the child");
    struct forked f = { -1, yields };
    int rc = asyncio_run(forks(&f), NULL);
    if (f.child == 0) {
        CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, PARENTS);
        CHECK_INT(asyncio_run(returns(1), NULL), 0);
        _exit(0);
    }
    CHECK_INT(rc, 0);
    check_child(f.child);
    run(returns(1));
}

TEST(a_task_that_forks_and_sleeps_ends_the_run_in_the_child_only) { run_forking(false); }
TEST(a_task_that_forks_and_yields_for_ever_ends_the_run_in_the_child_only) { run_forking(true); }

ASYNC(awaits_again, (asyncio_future *) f) {
    TRY(AWAIT(awaits(f)));
    RETURN();
}

TEST(a_future_can_be_awaited_by_many_frames_at_once) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    CHECK_INT(asyncio_loop_run_until_complete(loop, awaits_again(f), NULL), 0);
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
}
