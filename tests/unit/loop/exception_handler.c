/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/report.c: the exception handler, the default one, and slow steps.
 */
#include <fenv.h>

#include "core.h"

static int fail(void *arg) {
    (void)arg;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, "app.c:9", "fail", "bad %d", 7);
}

static int fail_bare(void *arg) {
    (void)arg;
    return ASYNCIO_KEY_ERROR;
}

/* ---- what is reported ---- */

TEST(error_in_a_callback_goes_to_the_handler_and_the_turn_goes_on) { /* LOOP-12, DBG-1, DBG-5 */
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon_with(
        loop, fail, OPTIONS(.arg = NULL, .name = "fail", .handle = &h, .where = "app.c:3"));
    asyncio_loop_call_soon(loop, note_arg, TEXT("next"));
    turn();
    CHECK_NOTES("next");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Exception in callback fail() at app.c:3");
    CHECK_INT(reported.code, ASYNCIO_VALUE_ERROR);
    CHECK_STR(reported.error, "bad 7");
    CHECK_PTR(reported.handle, h);
    CHECK_STR(reported.where, "app.c:3");
    asyncio_handle_unref(h);
    end_loop();
}

TEST(bare_status_of_a_callback_is_an_error_too) {
    start_loop();
    asyncio_loop_call_soon(loop, fail_bare, NULL);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    end_loop();
}

static int leave_error_behind(void *arg) {
    (void)arg;
    (void)!asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "not returned");
    return 0;
}

TEST(error_a_callback_raised_but_did_not_return_is_gone) {
    start_loop();
    asyncio_loop_call_soon(loop, leave_error_behind, NULL);
    asyncio_loop_call_soon(loop, fail_bare, NULL);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    end_loop();
}

static int cancelled_status(void *arg) {
    (void)arg;
    return ASYNCIO_CANCELLED_ERROR;
}

TEST(cancelled_error_from_a_callback_is_reported_like_others) {
    start_loop();
    asyncio_loop_call_soon(loop, cancelled_status, NULL);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_CANCELLED_ERROR);
    end_loop();
}

TEST(handler_can_be_called_by_hand) { /* DBG-1 */
    start_loop();
    asyncio_exception_context c = { .size = sizeof c, .message = "something" };
    CHECK_INT(asyncio_loop_call_exception_handler(loop, &c), 0);
    CHECK_STR(reported.message, "something");
    CHECK_INT(reported.code, 0);
    end_loop();
}

TEST(null_restores_the_default_handler) { /* DBG-3 */
    start_loop();
    CHECK(asyncio_loop_get_exception_handler(loop) == record_report);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    CHECK(asyncio_loop_get_exception_handler(loop) == NULL);
    asyncio_loop_call_soon(loop, fail, NULL);
    turn();
    CHECK_INT(reported.count, 0);
    CHECK_PRINTED("Exception in callback fail()");
    end_loop();
}

static int see_argument(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    CHECK_PTR(l, loop);
    CHECK(c->size == sizeof *c);
    note("%s", (const char *)arg);
    return 0;
}

TEST(handler_is_given_its_argument) {
    start_loop();
    asyncio_loop_set_exception_handler(loop, see_argument, TEXT("argument"));
    asyncio_loop_call_soon(loop, fail, NULL);
    turn();
    CHECK_NOTES("argument");
    end_loop();
}

/* ---- the default handler ---- */

TEST(default_handler_prints_message_then_what_is_known_then_the_traceback) { /* DBG-2, DBG-10 */
    start_loop();
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    asyncio_loop_call_soon_with(loop, fail,
                                OPTIONS(.arg = NULL, .name = "fail", .where = "app.c:3"));
    turn();
    const char *out = test_printed();
    const char *message = strstr(out, "Exception in callback fail() at app.c:3\n");
    const char *handle = strstr(out, "handle: <Handle fail() at app.c:3>\n");
    const char *trace =
        strstr(out, "Traceback (most recent call last):\n  File \"app.c\", line 9, in fail\n");
    const char *error = strstr(out, "ValueError: bad 7\n");
    CHECK(message == out);
    CHECK(message < handle && handle < trace && trace < error);
    end_loop();
}

ASYNC(fail_in_task) { RAISE(ASYNCIO_VALUE_ERROR, "in a task"); }

TEST(never_retrieved_error_of_a_task_is_printed_with_the_future) { /* FUT-14, DBG-5 */
    start_loop();
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    asyncio_task *t = asyncio_loop_create_task(loop, fail_in_task(), .name = "T");
    turn();
    asyncio_task_unref(t);
    CHECK_PRINTED("Task exception was never retrieved\nfuture: <Task finished name='T' "
                  "coro=<fail_in_task() done,");
    CHECK_PRINTED("ValueError: in a task\n");
    end_loop();
}

/* ---- errors in the handler ---- */

static int broken_handler(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    (void)l, (void)c, (void)arg;
    note("broken");
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, ASYNCIO_WHERE, __func__, "handler is broken");
}

TEST(error_in_the_handler_is_printed_by_the_default_one) { /* DBG-4 */
    start_loop();
    asyncio_loop_set_exception_handler(loop, broken_handler, NULL);
    asyncio_loop_call_soon(loop, fail, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("next"));
    turn();
    CHECK_NOTES("broken next");
    CHECK_PRINTED("Unhandled error in exception handler\n");
    CHECK_PRINTED("Exception in callback fail()"); /* the original one */
    CHECK_PRINTED("RuntimeError: handler is broken\n");
    end_loop();
}

static int exit_handler(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    (void)l, (void)c, (void)arg;
    return asyncio_raise(ASYNCIO_SYSTEM_EXIT, ASYNCIO_WHERE, __func__, "enough");
}

TEST(exit_from_the_handler_is_returned_by_a_call_by_hand) { /* DBG-4 */
    start_loop();
    asyncio_loop_set_exception_handler(loop, exit_handler, NULL);
    asyncio_exception_context c = { .size = sizeof c, .message = "something" };
    CHECK_ERROR(asyncio_loop_call_exception_handler(loop, &c), ASYNCIO_SYSTEM_EXIT, "enough");
    turn();
    end_loop();
}

/* ---- the handler's context ---- */

static asyncio_contextvar *var;

static int note_var(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    (void)l, (void)c, (void)arg;
    asyncio_value v;
    note("%lld", asyncio_contextvar_get(var, &v) < 0 ? -1 : v.i);
    return 0;
}

TEST(handler_runs_in_the_context_of_the_handle) { /* CTX-5 */
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
    asyncio_loop_set_exception_handler(loop, note_var, NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), NULL), 0);
    asyncio_loop_call_soon(loop, fail, NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(2), NULL), 0);
    turn();
    CHECK_NOTES("1");
    asyncio_contextvar_unref(var);
    end_loop();
}

ASYNC(set_and_fail, (int) value) {
    TRY(asyncio_contextvar_set(var, asyncio_int(value), NULL));
    RAISE(ASYNCIO_VALUE_ERROR, "never looked at");
}

TEST(handler_runs_in_the_context_of_the_task) { /* CTX-5 */
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
    asyncio_loop_set_exception_handler(loop, note_var, NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), NULL), 0);
    asyncio_task *t = asyncio_loop_create_task(loop, set_and_fail(5));
    turn();
    asyncio_task_unref(t);
    CHECK_NOTES("5");
    asyncio_contextvar_unref(var);
    end_loop();
}

/* ---- debug mode ---- */

static int take_time(void *arg) { return asyncio_testing_advance(loop, *(double *)arg); }

TEST(slow_callback_is_reported_in_debug_from_the_limit_on) { /* DBG-9 */
    double just_under = 0.0999, exactly = 0.1;
    without_debug_mode();
    start_loop();
    CHECK_DOUBLE(asyncio_loop_get_slow_callback_duration(loop), 0.1);
    asyncio_loop_call_soon(loop, take_time, &exactly);
    turn();
    CHECK_INT(reported.count, 0); /* not in debug */
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_call_soon(loop, take_time, &just_under);
    turn();
    CHECK_INT(reported.count, 0);
    asyncio_loop_call_soon_with(loop, take_time,
                                OPTIONS(.arg = &exactly, .name = "take_time", .where = "slow.c:1"));
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Executing <Handle take_time() at slow.c:1> took 0.100 seconds");
    end_loop();
}

ASYNC(slow_step, (double) seconds) {
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(asyncio_testing_advance(loop, seconds));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(slow_step_of_a_task_is_reported_with_the_task) { /* DBG-9 */
    start_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_set_slow_callback_duration(loop, 5);
    CHECK_DOUBLE(asyncio_loop_get_slow_callback_duration(loop), 5);
    CHECK_INT(run(slow_step(4.9)), 0);
    CHECK_INT(reported.count, 0);
    CHECK_INT(run(slow_step(6)), 0);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "Executing <Task pending name='Task-2' coro=<slow_step()");
    CHECK_CONTAINS(reported.message, "> took 6.000 seconds");
    end_loop();
}

ASYNC(count_steps, (int) n) {
    for (int i = 0; i < n; i++) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

/* ---- how the processor computes ---- */

ASYNC(rounds, (bool) puts_back) {
    TRY(AWAIT(asyncio_sleep(0)));
    int before = fegetround();
    fesetround(FE_UPWARD);
    if (puts_back) fesetround(before);
    TRY(AWAIT(asyncio_sleep(0)));
    fesetround(before);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(divides) {
    volatile double zero = 0, sink = 1 / zero; /* sets a flag, which is no change */
    (void)sink;
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(debug_mode_reports_a_step_that_changes_how_all_others_compute) {
#ifdef ASYNCIO_CONTEXT_UCONTEXT
    SKIP("swapcontext keeps it for each task");
#endif
    start_loop();
    asyncio_loop_set_debug(loop, true);
    CHECK_INT(run(rounds(true)), 0);
    CHECK_INT(run(divides()), 0);
    CHECK_INT(reported.count, 0);
    CHECK_INT(run(rounds(false)), 0);
    CHECK_INT(reported.count, 2); /* there, and back */
    CHECK_CONTAINS(reported.message, "Executing <Task pending name='Task-3' coro=<rounds()");
    CHECK_CONTAINS(reported.message, " changed how floating-point numbers are computed, for all "
                                     "tasks of the thread");
    end_loop();
}

TEST(debug_mode_makes_the_same_turns) { /* DBG-6: may be toggled while running */
    without_debug_mode();
    start_loop();
    CHECK(!asyncio_loop_get_debug(loop));
    unsigned long long before = turns();
    CHECK_INT(run(count_steps(10)), 0);
    unsigned long long plain = turns() - before;
    asyncio_loop_set_debug(loop, true);
    CHECK(asyncio_loop_get_debug(loop));
    before = turns();
    CHECK_INT(run(count_steps(10)), 0);
    CHECK_INT(turns() - before, plain);
    asyncio_loop_set_debug(loop, false);
    CHECK(!asyncio_loop_get_debug(loop));
    end_loop();
}

TEST(debug_is_set_by_the_environment) { /* DBG-6 */
    setenv("ASYNCIO_DEBUG", "", 1);
    start_loop();
    CHECK(!asyncio_loop_get_debug(loop));
    end_loop();
    setenv("ASYNCIO_DEBUG", "1", 1);
    start_loop();
    CHECK(asyncio_loop_get_debug(loop));
    end_loop();
}
