/* SPDX-License-Identifier: MIT
 *
 * as_completed: both forms, its limit, cancellation of who waits, letting it go early.
 */
#include "combine.h"

/* ---- the awaitables of a plain `for` ---- */

ASYNC(plain) {
    asyncio_coro aws[] = { gives_after(3, 3), gives_after(1, 1), gives_after(2, 2) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(3, aws, ASYNCIO_FOREVER);
    CHECK_INT(asyncio_as_completed_left(it), 3);
    for (int i = 1; i <= 3; i++) {
        asyncio_value v;
        TRY(AWAIT(asyncio_as_completed_result(it), &v));
        CHECK_INT(v.i, i);
        CHECK_DOUBLE(now(), i);
        CHECK_INT(asyncio_as_completed_left(it), 3 - i);
    }
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    RETURN();
}

TEST(results_come_in_the_order_they_end) { run_alone(plain()); } /* ASC-1, ASC-2 */

TEST_ASYNC(an_error_is_the_result_of_its_turn) {
    asyncio_value v;
    asyncio_coro aws[] = { fails_after(1, ASYNCIO_KEY_ERROR, "k"), gives_after(2, 2) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_KEY_ERROR, "k");
    TRY(AWAIT(asyncio_as_completed_result(it), &v));
    CHECK_INT(v.i, 2);
    RETURN();
}

ASYNC(takes_one, (asyncio_as_completed *) it, (const char *) name) {
    asyncio_value v;
    int rc = AWAIT(asyncio_as_completed_result(it), &v);
    if (rc >= 0) note("%s:%lld", name, v.i);
    else note("%s:%s", name, asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST_ASYNC(who_waits_first_gets_the_first) { /* ASC-1 */
    asyncio_coro aws[] = { gives_after(2, 2), gives_after(1, 1) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    TRY(AWAIT(asyncio_gather(NULL, takes_one(it, "a"), takes_one(it, "b"))));
    CHECK_NOTES("a:1 b:2");
    RETURN();
}

/* ---- the originals of `async for` ---- */

ASYNC(originals) {
    asyncio_auto_task a = asyncio_create_task(gives_after(2, 1));
    asyncio_auto_future b = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(b, asyncio_int(5)), 0);
    asyncio_coro aws[] = { ASYNCIO_CORO(a), ASYNCIO_CORO(b), gives_after(1, 7) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(3, aws, ASYNCIO_FOREVER);
    asyncio_future *f;
    asyncio_value v;
    TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    CHECK_PTR(f, b);
    TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    CHECK(asyncio_future_done(f));
    CHECK(asyncio_future_as_task(f) != NULL);
    TRY(AWAIT(f, &v));
    CHECK_INT(v.i, 7);
    TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    CHECK_PTR(f, asyncio_task_as_future(a));
    CHECK_INT(asyncio_as_completed_left(it), 0);
    CHECK_ERROR(AWAIT(asyncio_as_completed_next(it, &f)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    RETURN();
}

TEST(next_gives_the_task_or_future_itself_done) { run_alone(originals()); } /* ASC-9 */

ASYNC(failed_original) {
    asyncio_future *f;
    asyncio_coro aws[] = { fails(ASYNCIO_KEY_ERROR, "k") };
    asyncio_auto_as_completed it = asyncio_as_completed_new(1, aws, ASYNCIO_FOREVER);
    TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    CHECK_ERROR(AWAIT(f), ASYNCIO_KEY_ERROR, "k");
    RETURN();
}

TEST(next_does_not_fail_with_the_error_of_what_it_gives) {
    run_alone(failed_original());
    CHECK_INT(reported.count, 0);
}

TEST_ASYNC(it_goes_on_where_the_last_loop_stopped) { /* ASC-10 */
    asyncio_value v;
    asyncio_future *f;
    asyncio_coro aws[] = { gives_after(1, 1), gives_after(2, 2), gives_after(3, 3) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(3, aws, ASYNCIO_FOREVER);
    TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    TRY(AWAIT(asyncio_as_completed_result(it), &v));
    CHECK_INT(v.i, 2);
    while (asyncio_as_completed_left(it)) TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    TRY(AWAIT(f, &v));
    CHECK_INT(v.i, 3);
    RETURN();
}

/* ---- inputs ---- */

TEST_ASYNC(the_same_one_twice_counts_once) { /* ASC-7 */
    asyncio_auto_task t = asyncio_create_task(gives(1));
    asyncio_coro aws[] = { ASYNCIO_CORO(t), ASYNCIO_CORO(t), ASYNCIO_CORO(t) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(3, aws, ASYNCIO_FOREVER);
    CHECK_INT(asyncio_as_completed_left(it), 1);
    TRY(AWAIT(asyncio_as_completed_result(it)));
    RETURN();
}

TEST_ASYNC(nothing_gives_nothing) { /* ASC-6 */
    asyncio_auto_as_completed it = asyncio_as_completed_new(0, NULL, 1);
    CHECK_INT(asyncio_as_completed_left(it), 0);
    CHECK_INT(TURNS_OF(CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)),
                                   ASYNCIO_STOP_ASYNC_ITERATION, NULL)),
              0);
    RETURN();
}

TEST_ASYNC(tasks_and_limit_run_from_the_call_on) { /* ASC-3, V13-2 */
    asyncio_coro aws[] = { sleeper("x", 1) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(1, aws, 2);
    TRY(AWAIT(asyncio_sleep(5)));
    note("asks");
    TRY(AWAIT(asyncio_as_completed_result(it))); /* done before the limit */
    CHECK_NOTES("x asks");
    RETURN();
}

TEST_ASYNC(it_takes_as_many_turns_as_asyncio_does) {
    asyncio_coro aws[] = { noop() };
    asyncio_auto_as_completed it = asyncio_as_completed_new(1, aws, ASYNCIO_FOREVER);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_as_completed_result(it)))), 3);
    RETURN();
}

/* ---- the limit ---- */

TEST_ASYNC(past_the_limit_all_that_is_left_times_out_and_goes_on) { /* ASC-4, ASC-9 */
    asyncio_value v;
    asyncio_auto_task slow = asyncio_create_task(sleeper("slow", 9));
    asyncio_coro aws[] = { ASYNCIO_CORO(slow), gives_after(1, 1), gives_after(2, 2),
                           sleeper("slower", 10) };
    asyncio_as_completed *it = asyncio_as_completed_new(4, aws, 5);
    TRY(AWAIT(asyncio_sleep(7)));
    TRY(AWAIT(asyncio_as_completed_result(it), &v)); /* what was done in time comes first */
    CHECK_INT(v.i, 1);
    TRY(AWAIT(asyncio_as_completed_result(it), &v));
    CHECK_INT(v.i, 2);
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_TIMEOUT_ERROR, NULL);
    asyncio_future *f;
    CHECK_ERROR(AWAIT(asyncio_as_completed_next(it, &f)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_INT(asyncio_as_completed_left(it), 0);
    CHECK_DOUBLE(now(), 7.0);
    asyncio_as_completed_unref(it);
    TRY(AWAIT(asyncio_sleep(5)));
    CHECK_NOTES("slow slower");
    RETURN();
}

ASYNC(times_out_while_waiting) {
    asyncio_coro aws[] = { gives_counted_after(9), gives_counted_after(10) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, 5);
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 5.0);
    TRY(AWAIT(asyncio_sleep(10)));
    RETURN();
}

TEST(the_limit_wakes_who_waits) { /* ASC-4 */
    run_alone(times_out_while_waiting());
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
}

TEST_ASYNC(the_limit_is_over_when_the_last_one_is_done) {
    asyncio_coro aws[] = { gives_after(1, 1), gives_after(2, 2) };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, 5);
    TRY(AWAIT(asyncio_sleep(8)));
    TRY(AWAIT(asyncio_as_completed_result(it)));
    TRY(AWAIT(asyncio_as_completed_result(it)));
    RETURN();
}

TEST(the_timer_of_the_limit_goes_with_the_last_one) { /* ASC-5 */
    start_loop();
    asyncio_set_event_loop(loop);
    asyncio_coro aws[] = { gives_after(1, 1), gives_after(2, 2) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, 5);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    check_no_timer(2.0);
    asyncio_as_completed_unref(it);
    asyncio_set_event_loop(NULL);
    end_loop();
}

TEST_ASYNC(without_time_only_what_was_done_counts) {
    asyncio_coro aws[] = { noop(), noop() };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, 0);
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_TIMEOUT_ERROR, NULL);
    RETURN();
}

/* ---- cancellation ---- */

TEST(cancelling_who_waits_loses_nothing) { /* ASC-12 */
    start_loop();
    asyncio_set_event_loop(loop);
    asyncio_coro aws[] = { gives_after(1, 1), gives_after(2, 2) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    asyncio_task *a = asyncio_loop_create_task(loop, takes_one(it, "a"));
    asyncio_task *b = asyncio_loop_create_task(loop, takes_one(it, "b"));
    asyncio_task *c = asyncio_loop_create_task(loop, takes_one(it, "c"));
    CHECK_INT(run(asyncio_sleep(0.5)), 0);
    asyncio_task_cancel(a, "m");
    CHECK_INT(run(asyncio_sleep(3)), 0);
    CHECK_ENDED(a, ASYNCIO_CANCELLED_ERROR, "m");
    CHECK_ENDED(b, 0, NULL);
    CHECK_ENDED(c, ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    CHECK_INT(asyncio_as_completed_left(it), 1);
    CHECK_INT(run(takes_one(it, "d")), 0);
    asyncio_as_completed_unref(it);
    asyncio_set_event_loop(NULL);
    end_loop();
    CHECK_NOTES("c:StopAsyncIteration a:CancelledError b:1 d:2");
}

TEST(cancelling_who_was_just_woken_wakes_the_next) {
    start_loop();
    asyncio_set_event_loop(loop);
    asyncio_future *f = asyncio_loop_create_future(loop), *g = asyncio_loop_create_future(loop);
    asyncio_coro aws[] = { ASYNCIO_CORO(f), ASYNCIO_CORO(g) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    asyncio_task *a = asyncio_loop_create_task(loop, takes_one(it, "a"));
    asyncio_task *b = asyncio_loop_create_task(loop, takes_one(it, "b"));
    turn();
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    turn(); /* a is woken, and has not run */
    asyncio_task_cancel(a, NULL);
    turn();
    turn();
    CHECK_ENDED(a, ASYNCIO_CANCELLED_ERROR, NULL);
    CHECK_ENDED(b, 0, NULL);
    asyncio_as_completed_unref(it);
    asyncio_future_unref(f);
    asyncio_future_unref(g);
    asyncio_set_event_loop(NULL);
    end_loop();
    CHECK_NOTES("a:CancelledError b:1");
}

/* ---- letting go ---- */

ASYNC(lets_go_early) {
    asyncio_auto_future never = asyncio_future_new();
    asyncio_coro aws[] = { ASYNCIO_CORO(never), sleeper("x", 3), gives_counted(),
                           fails_after(2, ASYNCIO_KEY_ERROR, "k") };
    asyncio_as_completed *it = asyncio_as_completed_new(4, aws, 100);
    pass(3);
    asyncio_as_completed_unref(it);
    CHECK_STR(REPR(asyncio_future_repr, never), "<Future pending>");
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}

TEST(let_go_early_what_is_left_goes_on) {
    run_alone(lets_go_early());
    CHECK_NOTES("x");
    CHECK_INT(values_made, 1);
    CHECK_ALL_DROPPED();
    CHECK_INT(reported.count, 1); /* the error nobody will ask for */
    CHECK_STR(reported.message, "Task exception was never retrieved");
}

static asyncio_as_completed *shared;

ASYNC(waits_alone) {
    asyncio_value v = asyncio_none();
    int rc = AWAIT(asyncio_as_completed_result(shared), &v);
    asyncio_value_drop(&v);
    return rc;
}

ASYNC(unrefs_under_a_waiter) {
    asyncio_coro aws[] = { gives_counted_after(1) };
    shared = asyncio_as_completed_new(1, aws, ASYNCIO_FOREVER);
    asyncio_auto_task t = asyncio_create_task(waits_alone());
    pass(2);
    asyncio_as_completed_unref(shared);
    TRY(AWAIT(t));
    RETURN();
}

TEST(who_waits_holds_it) {
    run_alone(unrefs_under_a_waiter());
    CHECK_INT(values_made, 1);
    CHECK_ALL_DROPPED();
}

ASYNC(takes_in_a_task) {
    asyncio_coro aws[] = { gives_counted_after(1), gives_counted_after(2) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    asyncio_auto_task t = asyncio_create_task(asyncio_as_completed_result(it));
    asyncio_auto_task never = asyncio_create_task(asyncio_as_completed_result(it));
    asyncio_as_completed_unref(it);
    asyncio_task_cancel(never, NULL);
    TRY(AWAIT(t));
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}

TEST(a_task_that_takes_from_it_holds_it) {
    run_alone(takes_in_a_task());
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
}

ASYNC(takes_counted) {
    asyncio_coro aws[] = { gives_counted_after(1), gives_counted_anyway(2), gives_counted() };
    asyncio_auto_as_completed it = asyncio_as_completed_new(3, aws, 1.5);
    int rc = 0;
    while (rc >= 0 && asyncio_as_completed_left(it)) {
        asyncio_value v = asyncio_none();
        rc = AWAIT(asyncio_as_completed_result(it), &v);
        asyncio_value_drop(&v);
    }
    return rc;
}

TEST(whenever_it_is_cancelled_every_value_is_dropped_once) {
    static const double times[] = { 0, 1, 1.5, 2 };
    for (int i = 0; i < 4 * 6; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, takes_counted());
        CHECK_INT(run(asyncio_sleep(times[i % 4])), 0);
        for (int n = 0; n < i / 4; n++) turn();
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_ignore(asyncio_task_result(t, NULL));
        asyncio_task_unref(t);
        end_loop();
        CHECK_ALL_DROPPED();
    }
}

TEST(loop_closed_while_a_task_takes_from_it) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, takes_counted());
    CHECK_INT(run(asyncio_sleep(0.5)), 0);
    asyncio_loop_close(loop);
    asyncio_task_unref(t);
    end_loop();
    CHECK_ALL_DROPPED();
}

/* ---- bad input ---- */

ASYNC(takes_elsewhere, (asyncio_as_completed *) it) {
    asyncio_future *f;
    CHECK_ERROR(AWAIT(asyncio_as_completed_next(it, &f)), ASYNCIO_RUNTIME_ERROR,
                "the iterator is attached to a different loop");
    CHECK_ERROR(AWAIT(asyncio_as_completed_next(NULL, &f)), ASYNCIO_TYPE_ERROR,
                "an iterator is required");
    CHECK_ERROR(AWAIT(asyncio_as_completed_result(NULL)), ASYNCIO_TYPE_ERROR,
                "an iterator is required");
    RETURN();
}

TEST(bad_arguments_are_refused) { /* ASC-13 */
    asyncio_coro aws[2] = { noop(), noop() };
    CHECK_NULL_ERROR(asyncio_as_completed_new(1, aws, ASYNCIO_FOREVER), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
    start_loop();
    asyncio_set_event_loop(loop);
    CHECK_NULL_ERROR(asyncio_as_completed_new(1, NULL, 1), ASYNCIO_TYPE_ERROR,
                     "awaitables are required");
    CHECK_NULL_ERROR(asyncio_as_completed_new(1, aws, (double)NAN), ASYNCIO_VALUE_ERROR,
                     "Invalid timeout: NaN (not a number)");
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    asyncio_future *f = asyncio_loop_create_future(loop), *g = asyncio_loop_create_future(other);
    aws[0] = ASYNCIO_CORO(f);
    aws[1] = ASYNCIO_CORO(g);
    CHECK_NULL_ERROR(asyncio_as_completed_new(2, aws, 1), ASYNCIO_VALUE_ERROR,
                     "a future belongs to a different loop");
    aws[1] = ASYNCIO_CORO((asyncio_future *)NULL);
    CHECK_NULL_ERROR(asyncio_as_completed_new(2, aws, 1), ASYNCIO_TYPE_ERROR,
                     "an awaitable is required");
    asyncio_as_completed *it = asyncio_as_completed_new(1, aws, 1);
    CHECK_INT(asyncio_loop_run_until_complete(other, takes_elsewhere(it), NULL), 0);
    asyncio_as_completed_unref(it);
    asyncio_as_completed_unref(NULL);
    CHECK_INT(asyncio_as_completed_left(NULL), 0);
    asyncio_future_unref(f);
    asyncio_future_unref(g);
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    asyncio_set_event_loop(NULL);
    end_loop();
}
