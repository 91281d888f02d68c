/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/turn.c: what runs in which turn, and in what order.
 */
#include "core.h"

/* ---- callbacks ---- */

TEST(callbacks_run_once_in_the_order_they_were_scheduled) { /* LOOP-1 */
    start_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("a")), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("b")), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("a")), 0);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("a b a");
    turn();
    CHECK_NOTES("");
    end_loop();
}

static int schedule_another(void *arg) {
    note("%s", (const char *)arg);
    return asyncio_loop_call_soon(loop, note_arg, TEXT("added"));
}

TEST(callback_added_during_a_turn_waits_for_the_next) { /* LOOP-2 */
    start_loop();
    asyncio_loop_call_soon(loop, schedule_another, TEXT("first"));
    asyncio_loop_call_soon(loop, note_arg, TEXT("second"));
    turn();
    CHECK_NOTES("first second");
    turn();
    CHECK_NOTES("added");
    end_loop();
}

TEST(each_turn_is_counted_even_an_empty_one) {
    start_loop();
    unsigned long long before = turns();
    turn();
    turn();
    CHECK_INT(turns() - before, 2);
    end_loop();
}

ASYNC(note_steps, (const char *) name, (int) steps) {
    for (int i = 0; i < steps; i++) {
        note("%s%d", name, i);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

TEST(callbacks_and_tasks_share_one_queue) {
    start_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("c")), 0);
    asyncio_auto_task a = asyncio_loop_create_task(loop, note_steps("a", 2));
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("d")), 0);
    asyncio_auto_task b = asyncio_loop_create_task(loop, note_steps("b", 1));
    turn();
    CHECK_NOTES("c a0 d b0");
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("e")), 0);
    turn();
    CHECK_NOTES("a1 e");
    turn();
    CHECK(asyncio_task_done(a));
    CHECK(asyncio_task_done(b));
    asyncio_task_unref(a), a = NULL;
    asyncio_task_unref(b), b = NULL;
    end_loop();
}

TEST(turns_of_tasks_alone_are_counted_and_interleaved) {
    start_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, note_steps("a", 3));
    unsigned long long before = turns();
    CHECK_INT(run(note_steps("m", 3)), 0);
    CHECK_NOTES("a0 m0 a1 m1 a2 m2");
    CHECK_INT(turns() - before, 5); /* three notes, the end, and the full turn after it */
    asyncio_task_unref(a);
    end_loop();
}

/* ---- timers within a turn ---- */

static int queue_later_then_soon(void *arg) {
    (void)arg;
    CHECK_INT(asyncio_loop_call_later(loop, 0, note_arg, TEXT("timer")), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, note_arg, TEXT("soon")), 0);
    return 0;
}

TEST(call_later_zero_runs_next_turn_after_what_was_queued) { /* LOOP-3, LOOP-6 */
    start_loop();
    asyncio_loop_call_soon(loop, queue_later_then_soon, NULL);
    turn();
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("soon timer");
    end_loop();
}

ASYNC(later_zero_then_sleep_zero) {
    TRY(asyncio_loop_call_later(loop, 0, note_arg, TEXT("timer")));
    TRY(AWAIT(asyncio_sleep(0)));
    note("task");
    RETURN();
}

TEST(task_resumed_from_sleep_zero_runs_before_a_timer_of_zero) { /* LOOP-6 */
    run_alone(later_zero_then_sleep_zero());
    CHECK_NOTES("task timer");
}

static int advance_past_timers(void *arg) {
    (void)arg;
    CHECK_INT(asyncio_testing_advance(loop, 10), 0);
    return asyncio_loop_call_soon(loop, note_arg, TEXT("soon"));
}

TEST(timers_that_became_due_run_after_ready_callbacks) { /* LOOP-3 */
    start_loop();
    asyncio_loop_call_later(loop, 5, note_arg, TEXT("timer"));
    asyncio_loop_call_soon(loop, advance_past_timers, NULL);
    turn();
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("soon timer");
    end_loop();
}

static int stop_it(void *arg) {
    (void)arg;
    asyncio_loop_stop(loop);
    return 0;
}

TEST(timers_run_in_the_order_of_their_deadlines) { /* LOOP-7 */
    start_loop();
    asyncio_loop_call_later(loop, 3, note_arg, TEXT("three"));
    asyncio_loop_call_later(loop, 1, note_arg, TEXT("one"));
    asyncio_loop_call_at(loop, 2, note_arg, TEXT("two"));
    asyncio_loop_call_later(loop, 4, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_NOTES("one two three");
    CHECK_DOUBLE(asyncio_loop_time(loop), 4);
    end_loop();
}

TEST(equal_deadlines_run_in_the_order_they_were_armed) { /* LOOP-7 */
    static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8" };
    start_loop();
    for (int i = 0; i < 9; i++) asyncio_loop_call_at(loop, 7, note_arg, TEXT(names[i]));
    asyncio_loop_call_at(loop, 7, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_NOTES("0 1 2 3 4 5 6 7 8");
    end_loop();
}

TEST(negative_delays_are_past_deadlines_and_sort_by_them) { /* LOOP-8 */
    start_loop();
    asyncio_loop_call_later(loop, -1, note_arg, TEXT("-1"));
    asyncio_loop_call_later(loop, 0, note_arg, TEXT("0"));
    asyncio_loop_call_later(loop, -2, note_arg, TEXT("-2"));
    asyncio_loop_call_later(loop, -1, note_arg, TEXT("-1again"));
    turn();
    CHECK_NOTES("-2 -1 -1again 0");
    CHECK_DOUBLE(asyncio_loop_time(loop), 0);
    end_loop();
}

TEST(not_a_number_is_refused_as_a_deadline) { /* LOOP-9 */
    start_loop();
    CHECK_INT(asyncio_loop_call_later(loop, (double)NAN, note_arg, NULL), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_loop_call_at(loop, (double)NAN, note_arg, NULL), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    turn();
    CHECK_NOTES("");
    end_loop();
}

TEST(infinite_deadlines_never_come_and_long_past_ones_come_at_once) {
    start_loop();
    asyncio_loop_call_later(loop, (double)INFINITY, note_arg, TEXT("never"));
    asyncio_loop_call_at(loop, 1e300, note_arg, TEXT("never"));
    asyncio_loop_call_later(loop, -(double)INFINITY, note_arg, TEXT("past"));
    asyncio_loop_call_at(loop, -1e300, note_arg, TEXT("past"));
    turn();
    CHECK_NOTES("past past");
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    CHECK_NOTES("");
    end_loop();
}

static int arm_for_now(void *arg) {
    note("%s", (const char *)arg);
    return asyncio_loop_call_later(loop, 0, note_arg, TEXT("armed-in-timer"));
}

TEST(timer_armed_for_now_by_a_timer_waits_for_the_next_turn) {
    start_loop();
    asyncio_loop_call_later(loop, 0, arm_for_now, TEXT("first"));
    turn();
    CHECK_NOTES("first");
    turn();
    CHECK_NOTES("armed-in-timer");
    end_loop();
}

/* ---- the virtual clock ---- */

TEST(virtual_clock_starts_where_it_is_told_and_jumps_when_idle) {
    loop = asyncio_testing_new_event_loop(100);
    CHECK_DOUBLE(asyncio_loop_time(loop), 100);
    asyncio_loop_call_later(loop, 3600, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_DOUBLE(asyncio_loop_time(loop), 3700);
    end_loop();
}

static int note_time(void *arg) {
    note("%s@%g", (const char *)arg, asyncio_loop_time(loop));
    return 0;
}

ASYNC(spin, (int) steps) {
    for (int i = 0; i < steps; i++) TRY(AWAIT(asyncio_sleep(0)));
    note("spun@%g", asyncio_loop_time(loop));
    RETURN();
}

TEST(virtual_clock_stands_still_while_anything_is_ready) {
    start_loop();
    asyncio_loop_call_later(loop, 0.5, note_time, TEXT("timer"));
    CHECK_INT(run(spin(1000)), 0);
    CHECK_NOTES("spun@0");
    turn();
    CHECK_NOTES("");
    asyncio_loop_call_later(loop, 1, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_NOTES("timer@0.5");
    end_loop();
}

TEST(virtual_loop_with_nothing_left_to_wake_it_fails) {
    start_loop();
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    CHECK(!asyncio_loop_is_running(loop));
    end_loop();
}

TEST(virtual_clock_advances_by_hand_only_forward) {
    start_loop();
    CHECK_INT(asyncio_testing_advance(loop, 2.5), 0);
    CHECK_DOUBLE(asyncio_loop_time(loop), 2.5);
    CHECK_INT(asyncio_testing_advance(loop, 0), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_testing_advance(loop, -1), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_testing_advance(loop, (double)NAN), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_DOUBLE(asyncio_loop_time(loop), 2.5);
    CHECK_INT(asyncio_testing_advance(loop, 1e300), 0); /* as far as it goes */
    end_loop();
}

TEST(virtual_clock_may_start_before_zero) {
    loop = asyncio_testing_new_event_loop(-5);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_DOUBLE(asyncio_loop_time(loop), -3);
    asyncio_task *t = asyncio_loop_create_task(loop, asyncio_sleep(1e300));
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
}

/* ---- the real clock ---- */

TEST(real_clock_is_monotonic_and_cannot_be_advanced) { /* LOOP-23 */
    loop = asyncio_new_event_loop();
    double before = asyncio_loop_time(loop);
    for (int i = 0; i < 1000; i++) {
        double now = asyncio_loop_time(loop);
        CHECK(now >= before);
        before = now;
    }
    CHECK_INT(asyncio_testing_advance(loop, 1), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    end_loop();
}

TEST(real_timers_do_not_fire_early) { /* LOOP-5; real time is what it tests */
    loop = asyncio_new_event_loop();
    double start = asyncio_loop_time(loop);
    asyncio_loop_call_later(loop, 0.02, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    double took = asyncio_loop_time(loop) - start;
    CHECK(took >= 0.02);
    CHECK(took < 10);
    end_loop();
}

TEST(a_busy_real_loop_still_sees_its_timers) { /* real time is what it tests */
    loop = asyncio_new_event_loop();
    asyncio_task *busy = asyncio_loop_create_task(loop, spin(1 << 30));
    asyncio_loop_call_later(loop, 0.01, stop_it, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    asyncio_task_cancel(busy, NULL);
    turn();
    CHECK(asyncio_task_cancelled(busy));
    asyncio_task_unref(busy);
    end_loop();
}
