/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/run.c: starting and ending a run: stop, run_until_complete, nested runs,
 * KeyboardInterrupt and SystemExit, close.
 */
#include "core.h"

static int stop_it(void *arg) {
    (void)arg;
    asyncio_loop_stop(loop);
    return 0;
}

/* ---- stop ---- */

static int stop_and_schedule(void *arg) {
    (void)arg;
    asyncio_loop_stop(loop);
    note("stopped");
    return asyncio_loop_call_soon(loop, note_arg, TEXT("next"));
}

TEST(stop_finishes_the_turn_and_keeps_what_it_added) { /* LOOP-13 */
    start_loop();
    asyncio_loop_call_soon(loop, stop_and_schedule, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("same-turn"));
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_NOTES("stopped same-turn");
    turn();
    CHECK_NOTES("next");
    end_loop();
}

TEST(stop_before_a_run_makes_it_one_turn_that_does_not_wait) { /* LOOP-4, LOOP-13 */
    loop = asyncio_new_event_loop(); /* a real clock: a wait would take an hour */
    asyncio_loop_call_later(loop, 3600, note_arg, TEXT("late"));
    asyncio_loop_call_soon(loop, note_arg, TEXT("now"));
    unsigned long long before = turns();
    turn();
    CHECK_INT(turns() - before, 1);
    CHECK_NOTES("now");
    turn();
    CHECK_INT(turns() - before, 2);
    end_loop();
}

TEST(stop_is_forgotten_after_the_run) {
    start_loop();
    turn();
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    end_loop();
}

ASYNC(stop_and_go_on) {
    asyncio_loop_stop(loop);
    note("before");
    TRY(AWAIT(asyncio_sleep(0)));
    note("after");
    RETURN();
}

TEST(stop_by_a_task_ends_the_run_at_its_suspension) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, stop_and_go_on());
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_NOTES("before");
    CHECK(!asyncio_task_done(t));
    turn();
    CHECK_NOTES("after");
    CHECK(asyncio_task_done(t));
    asyncio_task_unref(t);
    end_loop();
}

/* ---- run_until_complete ---- */

ASYNC(answer) { RETURN(42); }

ASYNC(owned_answer) { RETURN(asyncio_own_str(strdup("forty-two"))); }

ASYNC(fail_with, (int) code) { RAISE(code, "failed"); }

TEST(run_until_complete_gives_the_value) {
    start_loop();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, answer(), &v), 0);
    CHECK_INT(v.i, 42);
    CHECK_INT(asyncio_loop_run_until_complete(loop, owned_answer(), &v), 0);
    CHECK_STR(v.s, "forty-two");
    asyncio_value_drop(&v);
    CHECK_INT(asyncio_loop_run_until_complete(loop, owned_answer(), NULL), 0);
    end_loop();
}

TEST(run_until_complete_raises_the_error_of_the_coroutine) {
    start_loop();
    asyncio_value v = asyncio_int(7);
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, fail_with(ASYNCIO_KEY_ERROR), &v),
                ASYNCIO_KEY_ERROR, "failed");
    CHECK_INT(v.i, 7);
    CHECK_INT(reported.count, 0); /* it has been retrieved */
    end_loop();
}

TEST(run_until_complete_makes_one_full_turn_more) { /* LOOP-14 */
    start_loop();
    unsigned long long before = turns();
    CHECK_INT(run(answer()), 0);
    CHECK_INT(turns() - before, 2); /* its step, and the one of the callback that stops */
    end_loop();
}

static int note_and_add(void *arg) {
    note("last-turn");
    return asyncio_loop_call_soon(loop, note_arg, arg);
}

ASYNC(schedule_in_last_step) {
    TRY(asyncio_loop_call_soon(loop, note_and_add, TEXT("later")));
    RETURN();
}

TEST(callbacks_of_the_turn_after_completion_run_but_what_they_add_waits) { /* LOOP-14 */
    start_loop();
    CHECK_INT(run(schedule_in_last_step()), 0);
    CHECK_NOTES("last-turn");
    turn();
    CHECK_NOTES("later");
    end_loop();
}

TEST(run_until_complete_on_a_future_waits_for_it_and_copies) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_value v;
    CHECK_INT(asyncio_future_set_result(f, asyncio_own_str(strdup("text"))), 0);
    for (int i = 0; i < 2; i++) { /* the future keeps its own */
        CHECK_INT(asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(f), &v), 0);
        CHECK_STR(v.s, "text");
        asyncio_value_drop(&v);
    }
    asyncio_future_unref(f);
    end_loop();
}

TEST(run_until_complete_takes_its_callback_away_when_the_run_ends_early) { /* LOOP-14 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_loop_call_soon(loop, stop_it, NULL);
    CHECK_ERROR(run(ASYNCIO_CORO(f)), ASYNCIO_RUNTIME_ERROR,
                "Event loop stopped before Future completed.");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending>");
    asyncio_future_unref(f);
    end_loop();
}

ASYNC(sleep_and_note, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    note("slept");
    RETURN();
}

TEST(task_stays_pending_when_the_loop_is_stopped_before_it_is_done) { /* LOOP-15 */
    start_loop();
    asyncio_loop_call_soon(loop, stop_it, NULL);
    CHECK_ERROR(run(sleep_and_note(1)), ASYNCIO_RUNTIME_ERROR,
                "Event loop stopped before Future completed.");
    asyncio_task *t;
    CHECK_INT(asyncio_all_tasks(loop, &t, 1), 1);
    CHECK_NOTES("");
    CHECK_INT(run(ASYNCIO_CORO(t)), 0);
    CHECK_NOTES("slept");
    end_loop();
}

TEST(future_of_another_loop_is_a_value_error) { /* LOOP-18 */
    start_loop();
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    asyncio_future *f = asyncio_loop_create_future(other);
    CHECK_INT(run(ASYNCIO_CORO(f)), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_future_unref(f);
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    end_loop();
}

TEST(what_is_no_awaitable_is_a_type_error) { /* LOOP-18 */
    start_loop();
    asyncio_coro nothing;
    memset(&nothing, 0, sizeof nothing);
    CHECK_INT(run(nothing), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(run(ASYNCIO_CORO((asyncio_future *)NULL)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    end_loop();
}

/* ---- running twice ---- */

static int run_this_again(void *arg) {
    asyncio_loop *l = arg;
    CHECK(asyncio_loop_is_running(loop));
    CHECK_PTR(asyncio_get_running_loop(), loop);
    CHECK_ERROR(asyncio_loop_run_forever(l), ASYNCIO_RUNTIME_ERROR,
                l == loop ? "This event loop is already running"
                          : "Cannot run the event loop while another loop is running");
    CHECK_ERROR(asyncio_loop_run_until_complete(l, answer(), NULL), ASYNCIO_RUNTIME_ERROR,
                l == loop ? "This event loop is already running"
                          : "Cannot run the event loop while another loop is running");
    note("refused");
    return 0;
}

TEST(a_running_loop_cannot_be_run) { /* LOOP-19 */
    start_loop();
    asyncio_loop_call_soon(loop, run_this_again, loop);
    turn();
    CHECK_NOTES("refused");
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0); /* no task was made for nothing */
    CHECK_INT(run(answer()), 0);
    end_loop();
}

TEST(another_loop_cannot_be_run_inside) { /* LOOP-19 */
    start_loop();
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    asyncio_loop_call_soon(loop, run_this_again, other);
    turn();
    CHECK_NOTES("refused");
    CHECK_INT(asyncio_loop_run_until_complete(other, answer(), NULL), 0);
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    end_loop();
}

TEST_ASYNC(a_task_cannot_run_its_loop) {
    CHECK_ERROR(asyncio_loop_run_until_complete(loop, answer(), NULL), ASYNCIO_RUNTIME_ERROR,
                "This event loop is already running");
    RETURN();
}

/* ---- which loop ---- */

static int check_loops(void *arg) {
    CHECK_PTR(asyncio_get_running_loop(), arg);
    CHECK_PTR(asyncio_get_event_loop(), arg);
    CHECK_PTR(asyncio_current_task(), NULL);
    note("checked");
    return 0;
}

TEST(running_loop_is_known_in_callbacks_only) { /* LOOP-24 */
    CHECK_NULL_ERROR(asyncio_get_running_loop(), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    start_loop();
    CHECK_NULL_ERROR(asyncio_get_running_loop(), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    asyncio_loop_call_soon(loop, check_loops, loop);
    turn();
    CHECK_NOTES("checked");
    CHECK_NULL_ERROR(asyncio_get_running_loop(), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    end_loop();
}

TEST(get_event_loop_never_makes_one) { /* LOOP-24, V14-7 */
    CHECK_INT(asyncio_get_event_loop() == NULL, 1);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    start_loop();
    asyncio_set_event_loop(loop);
    CHECK_PTR(asyncio_get_event_loop(), loop);
    asyncio_set_event_loop(NULL);
    CHECK_PTR(asyncio_get_event_loop(), NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    end_loop();
}

/* ---- leaving by KeyboardInterrupt and SystemExit ---- */

static int interrupt(void *arg) {
    (void)arg;
    note("interrupt");
    return asyncio_raise(ASYNCIO_KEYBOARD_INTERRUPT, ASYNCIO_WHERE, __func__, "now");
}

TEST(keyboard_interrupt_from_a_callback_leaves_at_once_and_keeps_the_rest) { /* LOOP-12 */
    start_loop();
    asyncio_loop_call_soon(loop, note_arg, TEXT("a"));
    asyncio_loop_call_soon(loop, interrupt, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("b"));
    asyncio_task *t = asyncio_loop_create_task(loop, sleep_and_note(0));
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_KEYBOARD_INTERRUPT, "now");
    CHECK_NOTES("a interrupt");
    CHECK(!asyncio_loop_is_running(loop));
    asyncio_loop_call_soon(loop, note_arg, TEXT("c"));
    turn();
    CHECK_NOTES("b c"); /* in its old place, before what came since */
    turn();
    CHECK_NOTES("slept");
    CHECK_INT(reported.count, 0);
    asyncio_task_unref(t);
    end_loop();
}

static int exit_bare(void *arg) {
    (void)arg;
    return ASYNCIO_SYSTEM_EXIT;
}

TEST(bare_system_exit_from_a_callback_leaves_the_run) {
    start_loop();
    asyncio_loop_call_soon(loop, exit_bare, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
    turn();
    end_loop();
}

TEST(exit_from_the_main_task_comes_out_once_and_is_not_reported) { /* LOOP-16, LOOP-17 */
    start_loop();
    CHECK_ERROR(run(fail_with(ASYNCIO_SYSTEM_EXIT)), ASYNCIO_SYSTEM_EXIT, "failed");
    CHECK_INT(reported.count, 0);
    unsigned long long before = turns();
    CHECK_INT(run(sleep_and_note(0)), 0); /* no stop is left over */
    CHECK_INT(turns() - before, 3);
    CHECK_INT(reported.count, 0);
    end_loop();
}

TEST(exit_from_another_task_ends_the_run_and_main_stays_pending) { /* TASK-9 */
    start_loop();
    asyncio_task *other = asyncio_loop_create_task(loop, fail_with(ASYNCIO_KEYBOARD_INTERRUPT));
    CHECK_ERROR(run(sleep_and_note(0)), ASYNCIO_KEYBOARD_INTERRUPT, "failed");
    CHECK_NOTES("");
    CHECK(asyncio_task_done(other));
    CHECK_ERROR(asyncio_task_result(other, NULL), ASYNCIO_KEYBOARD_INTERRUPT, "failed");
    turn();
    turn();
    CHECK_NOTES("slept");
    asyncio_task_unref(other);
    end_loop();
}

static int interrupt_in_handler(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    (void)l, (void)c, (void)arg;
    return ASYNCIO_KEYBOARD_INTERRUPT;
}

static int fail_callback(void *arg) {
    (void)arg;
    return ASYNCIO_VALUE_ERROR;
}

TEST(interrupt_from_the_exception_handler_leaves_the_run) { /* DBG-4 */
    start_loop();
    asyncio_loop_set_exception_handler(loop, interrupt_in_handler, NULL);
    asyncio_loop_call_soon(loop, fail_callback, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("rest"));
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("rest");
    end_loop();
}

TEST(error_in_the_slot_before_a_run_is_there_after_it) {
    start_loop();
    int rc = asyncio_raise(ASYNCIO_KEY_ERROR, ASYNCIO_WHERE, __func__, "kept");
    asyncio_loop_call_soon(loop, fail_callback, NULL);
    turn();
    CHECK_INT(reported.code, ASYNCIO_VALUE_ERROR);
    CHECK_ERROR(rc, ASYNCIO_KEY_ERROR, "kept");
    end_loop();
}

/* ---- close ---- */

static int close_it(void *arg) {
    (void)arg;
    CHECK_ERROR(asyncio_loop_close(loop), ASYNCIO_RUNTIME_ERROR,
                "Cannot close a running event loop");
    CHECK(!asyncio_loop_is_closed(loop));
    return 0;
}

TEST(running_loop_cannot_be_closed) { /* LOOP-20 */
    start_loop();
    asyncio_loop_call_soon(loop, close_it, NULL);
    turn();
    end_loop();
}

static int drops;
static void count_drop(void *arg) { drops += arg != NULL; }

TEST(close_drops_what_is_scheduled_without_running_it) { /* LOOP-20 */
    start_loop();
    int x;
    asyncio_handle *h = NULL;
    asyncio_loop_call_soon(loop, interrupt, NULL); /* leaves a batch behind */
    asyncio_loop_call_soon(loop, note_arg, &x, .drop = count_drop);
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    CHECK_NOTES("interrupt");
    asyncio_loop_call_soon(loop, note_arg, &x, .drop = count_drop, .handle = &h);
    asyncio_loop_call_later(loop, 1, note_arg, &x, .drop = count_drop);
    asyncio_loop_call_later(loop, 0, note_arg, &x, .drop = count_drop);
    asyncio_loop_call_soon_threadsafe(loop, note_arg, &x, .drop = count_drop);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(drops, 5);
    asyncio_handle_cancel(h); /* harmless */
    asyncio_handle_unref(h);
    CHECK_INT(drops, 5);
    CHECK_NOTES("");
    end_loop();
}

TEST(close_is_idempotent) { /* LOOP-20 */
    start_loop();
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK(asyncio_loop_is_closed(loop));
    CHECK_INT(asyncio_loop_close(loop), 0);
    end_loop();
}

TEST(nothing_can_be_scheduled_on_a_closed_loop) { /* LOOP-21 */
    start_loop();
    asyncio_future *done = asyncio_loop_create_future(loop);
    asyncio_future_set_result(done, asyncio_none());
    asyncio_loop_close(loop);
    const char *closed = "Event loop is closed";
    int x;
    CHECK_ERROR(asyncio_loop_call_soon(loop, note_arg, &x, .drop = count_drop),
                ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_call_later(loop, 1, note_arg, &x, .drop = count_drop),
                ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_call_at(loop, 1, note_arg, &x, .drop = count_drop),
                ASYNCIO_RUNTIME_ERROR, closed);
    asyncio_handle *h = NULL;
    CHECK_ERROR(
        asyncio_loop_call_soon_threadsafe(loop, note_arg, &x, .drop = count_drop, .handle = &h),
        ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_PTR(h, NULL);
    CHECK_INT(drops, 0); /* on failure the argument stays the caller's */
    CHECK_NULL_ERROR(asyncio_loop_create_future(loop), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_NULL_ERROR(asyncio_loop_create_task(loop, answer()), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(run(answer()), ASYNCIO_RUNTIME_ERROR, closed);
    CHECK_ERROR(asyncio_future_add_done_callback(done, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a future and a callback are required");
    asyncio_future_unref(done);
    end_loop();
}

static int never(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    FAIL("a callback ran");
}

TEST(done_future_of_a_closed_loop_takes_no_callback_and_a_pending_one_drops_it) {
    start_loop();
    asyncio_future *done = asyncio_loop_create_future(loop);
    asyncio_future *pending = asyncio_loop_create_future(loop);
    asyncio_future_set_result(done, asyncio_none());
    asyncio_loop_close(loop);
    int x;
    CHECK_INT(asyncio_future_add_done_callback(done, never, &x, .drop = count_drop),
              ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(drops, 0);
    CHECK_INT(asyncio_future_add_done_callback(pending, never, &x, .drop = count_drop), 0);
    CHECK_INT(asyncio_future_set_result(pending, asyncio_int(1)), 0);
    CHECK_INT(drops, 1);
    asyncio_future_unref(done);
    asyncio_future_unref(pending);
    end_loop();
}

TEST(unclosed_loop_is_closed_with_its_last_reference_and_that_is_said) { /* LOOP-28 */
    start_loop();
    asyncio_loop_call_soon(loop, note_arg, TEXT("x"));
    asyncio_loop_unref(loop);
    CHECK_PRINTED("freed without being closed");
    CHECK_NOTES("");
}

TEST(future_outlives_its_loop) {
    start_loop();
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    asyncio_future_set_result(f, asyncio_int(5));
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    asyncio_value v;
    CHECK_INT(asyncio_future_result(f, &v), 0);
    CHECK_INT(v.i, 5);
}

TEST(loop_repr_shows_its_state) { /* LOOP-27 */
    without_debug_mode();
    start_loop();
    CHECK_STR(REPR(asyncio_loop_repr, loop),
              "<asyncio_loop running=False closed=False debug=False>");
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_close(loop);
    CHECK_STR(REPR(asyncio_loop_repr, loop), "<asyncio_loop running=False closed=True debug=True>");
    end_loop();
}
