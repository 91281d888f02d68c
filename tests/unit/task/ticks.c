/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/ticks.c: how many turns an operation takes: the table of CPython, as far as
 * the core goes. "+n": the caller goes on n turns after the one in which it began.
 */
#include "core.h"

static asyncio_future *future;

static unsigned long long begun;
static void begin(void) { begun = turns(); }
#define CHECK_TURNS(n) CHECK_INT(turns() - begun, n)

ASYNC(nothing) { RETURN(); }

ASYNC(sleep_zero_inside) {
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

static int resolve(void *arg) {
    (void)arg;
    return asyncio_future_set_result(future, asyncio_none());
}

ASYNC(await_done_things) {
    asyncio_auto_task t = asyncio_create_task(nothing());
    asyncio_future_set_result(future, asyncio_none());
    TRY(AWAIT(t));
    begin();
    TRY(AWAIT(future));
    TRY(AWAIT(t));
    TRY(AWAIT(nothing()));
    TRY(AWAIT(ASYNCIO_CORO(t)));
    CHECK_TURNS(0);
    RETURN();
}

static void run_with_future(asyncio_coro main) {
    start_loop();
    future = asyncio_loop_create_future(loop);
    CHECK_INT(run(main), 0);
    asyncio_future_unref(future);
    end_loop();
}

TEST(finished_futures_tasks_and_coroutines_take_no_turn) { /* FUT-10, TASK-11: +0 */
    run_with_future(await_done_things());
}

ASYNC(sleep_zero_twice) {
    begin();
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_TURNS(1);
    TRY(AWAIT(asyncio_sleep(-3)));
    CHECK_TURNS(2);
    TRY(AWAIT(sleep_zero_inside()));
    CHECK_TURNS(3);
    RETURN();
}

TEST(sleep_zero_takes_one) { run_with_future(sleep_zero_twice()); } /* SLP-1, SLP-4: +1 */

ASYNC(note_first_step) {
    note("started");
    CHECK_TURNS(1);
    RETURN();
}

ASYNC(create_and_await) {
    begin();
    asyncio_auto_task t = asyncio_create_task(note_first_step());
    TRY(AWAIT(t));
    CHECK_TURNS(2);
    RETURN();
}

TEST(new_task_starts_after_one_and_awaiting_it_takes_two) { /* TASK-1, TASK-12: +1, +2 */
    run_with_future(create_and_await());
    CHECK_NOTES("started");
}

ASYNC(await_future_set_by_callback) {
    begin();
    TRY(asyncio_loop_call_soon(loop, resolve, NULL));
    TRY(AWAIT(future));
    CHECK_TURNS(2);
    RETURN();
}

TEST(future_set_by_a_callback_takes_two) { /* FUT-11: +2 */
    run_with_future(await_future_set_by_callback());
}

ASYNC(sleep_some) {
    begin();
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_TURNS(2); /* the timer in one turn, the sleeper in the next */
    RETURN();
}

TEST(sleep_by_a_timer_takes_the_turn_of_the_timer_and_one_more) { /* SLP-6, SLP-4 */
    run_with_future(sleep_some());
}

ASYNC(await_and_check, (unsigned) n) {
    int rc = AWAIT(future);
    CHECK_TURNS(n);
    return rc;
}

ASYNC(wait_in_three) {
    asyncio_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = asyncio_create_task(await_and_check(1));
    TRY(AWAIT(asyncio_sleep(0)));
    begin();
    asyncio_future_set_result(future, asyncio_none());
    for (int i = 0; i < 3; i++) {
        TRY(AWAIT(t[i]));
        asyncio_task_unref(t[i]);
    }
    CHECK_TURNS(2);
    RETURN();
}

TEST(all_waiters_of_a_future_go_on_in_the_next_turn) { /* FUT-23 */
    run_with_future(wait_in_three());
}

ASYNC(cancel_waiter) {
    asyncio_auto_task t = asyncio_create_task(await_and_check(1));
    TRY(AWAIT(asyncio_sleep(0)));
    begin();
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_TURNS(2);
    RETURN();
}

TEST(cancelled_waiter_goes_on_in_the_next_turn_its_awaiter_one_later) { /* +1, +2 */
    run_with_future(cancel_waiter());
}

ASYNC(nest, (int) k) {
    if (k == 0) {
        TRY(AWAIT(future));
        RETURN();
    }
    asyncio_auto_task t = asyncio_create_task(nest(k - 1));
    int rc = AWAIT(t);
    return rc;
}

ASYNC(cancel_nested, (int) k) {
    asyncio_auto_task t = asyncio_create_task(nest(k - 1));
    for (int i = 0; i < k; i++) TRY(AWAIT(asyncio_sleep(0)));
    begin();
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_TURNS(k + 1);
    RETURN();
}

TEST(cancel_through_k_nested_tasks_takes_k_plus_one) { /* +k+1 */
    run_with_future(cancel_nested(3));
    run_with_future(cancel_nested(8));
}

ASYNC(wait_wrongly, (asyncio_future *) foreign) {
    begin();
    int rc = AWAIT(asyncio_current_task());
    CHECK_TURNS(1);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    CHECK_CONTAINS(asyncio_error_message(e), "cannot await on itself");
    asyncio_error_unref(e);
    rc = AWAIT(foreign);
    CHECK_TURNS(2);
    e = asyncio_error_take(rc);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    CHECK_CONTAINS(asyncio_error_message(e), "attached to a different loop");
    asyncio_error_unref(e);
    RETURN();
}

TEST(wrong_awaits_fail_in_the_next_turn) { /* TASK-7 */
    start_loop();
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    asyncio_future *f = asyncio_loop_create_future(other);
    CHECK_INT(run(wait_wrongly(f)), 0);
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending>");
    asyncio_future_unref(f);
    asyncio_loop_close(other);
    asyncio_loop_unref(other);
    end_loop();
}

ASYNC(wait_for_nothing) {
    begin();
    CHECK_ERROR(AWAIT((asyncio_future *)NULL), ASYNCIO_TYPE_ERROR, "NULL cannot be awaited");
    CHECK_INT(AWAIT((asyncio_task *)NULL), ASYNCIO_TYPE_ERROR);
    asyncio_coro none;
    memset(&none, 0, sizeof none);
    CHECK_INT(AWAIT(none), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_TURNS(0);
    RETURN();
}

TEST(what_is_nothing_fails_at_once) { run_with_future(wait_for_nothing()); }

TEST(outside_a_task_nothing_can_be_awaited) {
    CHECK_ERROR(AWAIT(nothing()), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_ERROR(AWAIT(f), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    asyncio_future_unref(f);
    end_loop();
}
