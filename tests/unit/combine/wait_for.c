/* SPDX-License-Identifier: MIT
 *
 * wait_for: in time, too late, without any time, cancelled from either side.
 */
#include "combine.h"

/* ---- with time ---- */

TEST_ASYNC(what_ends_in_time_gives_its_result) { /* WFOR-1 */
    asyncio_value v;
    asyncio_auto_task t = asyncio_create_task(gives_after(1, 2));
    TRY(AWAIT(asyncio_wait_for(gives_after(1, 1), 5), &v));
    CHECK_INT(v.i, 1);
    TRY(AWAIT(asyncio_wait_for(t, 5), &v));
    CHECK_INT(v.i, 2);
    TRY(AWAIT(asyncio_wait_for(gives_after(100, 3), ASYNCIO_FOREVER), &v));
    CHECK_INT(v.i, 3);
    CHECK_ERROR(AWAIT(asyncio_wait_for(fails(ASYNCIO_KEY_ERROR, "k"), 1)), ASYNCIO_KEY_ERROR, "k");
    CHECK_DOUBLE(now(), 101.0);
    RETURN();
}

ASYNC(eternity) {
    TRY(AWAIT(sleeper("eternity", 3600)));
    RETURN();
}

TEST_ASYNC(what_takes_too_long_is_cancelled_and_comes_out_as_a_timeout) { /* WFOR-11, SEEDX-4 */
    int rc = AWAIT(asyncio_wait_for(eternity(), 1));
    CHECK_INT(rc, ASYNCIO_TIMEOUT_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_PTR(asyncio_error_message(e), NULL);
    CHECK_INT(asyncio_error_code(asyncio_error_cause(e)), ASYNCIO_CANCELLED_ERROR);
    CHECK_DOUBLE(now(), 1.0);
    asyncio_auto_task t = asyncio_create_task(eternity());
    CHECK_ERROR(AWAIT(asyncio_wait_for(t, 1)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK(asyncio_task_cancelled(t));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_NOTES("eternity-cancelled eternity-cancelled");
    RETURN();
}

TEST_ASYNC(wait_for_takes_as_many_turns_as_asyncio_does) { /* WFOR-4 */
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_wait_for(noop(), 1)))), 0);
    asyncio_auto_task t = asyncio_create_task(noop());
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_wait_for(t, 1)))), 2);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_wait_for(t, 1)))), 0);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_wait_for(t, 0)))), 0);
    RETURN();
}

static asyncio_task *seen_task;
static asyncio_contextvar *var;

ASYNC(looks_where_it_runs) {
    seen_task = asyncio_current_task();
    TRY(asyncio_contextvar_set(var, asyncio_int(2), NULL));
    RETURN();
}

ASYNC(runs_inline) {
    asyncio_value v;
    TRY(asyncio_contextvar_set(var, asyncio_int(1), NULL));
    TRY(AWAIT(asyncio_wait_for(looks_where_it_runs(), 1)));
    CHECK_PTR(seen_task, asyncio_current_task());
    TRY(asyncio_contextvar_get(var, &v));
    CHECK_INT(v.i, 2);
    RETURN();
}

TEST(a_coroutine_object_runs_in_the_waiting_task_and_its_context) { /* WFOR-4, CTX-9, SEEDX-5 */
    var = asyncio_contextvar_new("var", NULL);
    run_alone(runs_inline());
    asyncio_contextvar_unref(var);
}

/* ---- what is cancelled takes its time, or does not want to end ---- */

TEST_ASYNC(it_waits_until_what_it_cancelled_has_ended) { /* WFOR-6 */
    asyncio_auto_task t = asyncio_create_task(cleans_up("t", 3));
    CHECK_ERROR(AWAIT(asyncio_wait_for(t, 1)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 4.0);
    CHECK_NOTES("t-cleaned");
    RETURN();
}

TEST_ASYNC(what_swallows_the_cancellation_gives_its_value) { /* WFOR-7 */
    asyncio_value v;
    asyncio_auto_task t = asyncio_create_task(swallows(5));
    TRY(AWAIT(asyncio_wait_for(t, 1), &v));
    CHECK_INT(v.i, 5);
    TRY(AWAIT(asyncio_wait_for(swallows(6), 1), &v));
    CHECK_INT(v.i, 6);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

/* WFOR-6 */
TEST_ASYNC(an_error_in_the_cleanup_comes_out_instead_of_the_timeout) {
    asyncio_auto_task t = asyncio_create_task(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"));
    CHECK_ERROR(AWAIT(asyncio_wait_for(t, 1)), ASYNCIO_KEY_ERROR, "k");
    CHECK_ERROR(AWAIT(asyncio_wait_for(fails_if_cancelled(ASYNCIO_VALUE_ERROR, "v"), 1)),
                ASYNCIO_VALUE_ERROR, "v");
    RETURN();
}

/* ---- without any time ---- */

ASYNC(no_time, (double) limit) {
    asyncio_value v;
    asyncio_auto_future ready = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(ready, asyncio_int(5)), 0);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_wait_for(ready, limit), &v))), 0);
    CHECK_INT(v.i, 5);
    asyncio_auto_future failed = asyncio_future_new();
    CHECK_INT(asyncio_future_set_exception(failed, ASYNCIO_KEY_ERROR, "k"), 0);
    CHECK_ERROR(AWAIT(asyncio_wait_for(failed, limit)), ASYNCIO_KEY_ERROR, "k");
    asyncio_auto_future gone = asyncio_future_new();
    asyncio_future_cancel(gone, "m");
    CHECK_ERROR(AWAIT(asyncio_wait_for(gone, limit)), ASYNCIO_CANCELLED_ERROR, "m");

    CHECK_ERROR(AWAIT(asyncio_wait_for(sleeper("never", 1), limit)), ASYNCIO_TIMEOUT_ERROR, NULL);
    asyncio_auto_task t = asyncio_create_task(sleeper("t", 1));
    pass(1);
    CHECK_ERROR(AWAIT(asyncio_wait_for(t, limit)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK(asyncio_task_cancelled(t));
    CHECK_DOUBLE(now(), 0.0);
    RETURN();
}

TEST(without_time_only_what_is_done_counts) { /* WFOR-2 */
    run_alone(no_time(0));
    CHECK_NOTES("t-cancelled");
    run_alone(no_time(-1));
    CHECK_NOTES("t-cancelled");
    run_alone(no_time(-(double)INFINITY));
    CHECK_NOTES("t-cancelled");
}

TEST_ASYNC(without_time_what_it_cancels_is_waited_for_and_may_win) { /* WFOR-2, WFOR-3 */
    asyncio_value v;
    asyncio_auto_task a = asyncio_create_task(swallows(5));
    asyncio_auto_task b = asyncio_create_task(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"));
    asyncio_auto_task c = asyncio_create_task(cleans_up("c", 3));
    pass(1);
    TRY(AWAIT(asyncio_wait_for(a, 0), &v));
    CHECK_INT(v.i, 5);
    CHECK_ERROR(AWAIT(asyncio_wait_for(b, 0)), ASYNCIO_KEY_ERROR, "k");
    CHECK_ERROR(AWAIT(asyncio_wait_for(c, 0)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 3.0);
    CHECK_NOTES("c-cleaned");
    RETURN();
}

ASYNC(no_time_for_a_value) {
    asyncio_value v;
    asyncio_auto_task t = asyncio_create_task(gives_counted());
    pass(2);
    CHECK_ERROR(AWAIT(asyncio_wait_for(t, 0), &v), ASYNCIO_TYPE_ERROR,
                "a result that others hold cannot be copied");
    RETURN();
}

TEST(without_time_a_value_that_cannot_be_copied_stays_with_its_task) {
    run_alone(no_time_for_a_value());
    CHECK_ALL_DROPPED();
}

TEST_ASYNC(a_shielded_one_goes_on) { /* SHLD-12 */
    asyncio_auto_task t = asyncio_create_task(sleeper("t", 1));
    pass(1);
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_shield(t), 0)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_shield(t), 0.5)), ASYNCIO_TIMEOUT_ERROR, NULL);
    TRY(AWAIT(t));
    CHECK_NOTES("t");
    RETURN();
}

/* ---- cancellation ---- */

ASYNC(waits, (asyncio_future *) f, (double) limit) {
    asyncio_value v;
    int rc = AWAIT(asyncio_wait_for(f, limit), &v);
    note("%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    RETURN();
}

TEST(cancelling_the_waiter_cancels_what_it_waits_for) { /* WFOR-9 */
    for (int i = 0; i < 2; i++) {
        start_loop();
        asyncio_future *f = asyncio_loop_create_future(loop);
        asyncio_task *t = asyncio_loop_create_task(loop, waits(f, i ? 10 : ASYNCIO_FOREVER));
        CHECK_INT(run(asyncio_sleep(1)), 0);
        asyncio_task_cancel(t, "m");
        turn();
        CHECK(asyncio_future_cancelled(f));
        CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
        asyncio_future_unref(f);
        end_loop();
        CHECK_NOTES("CancelledError at 1");
    }
}

TEST(a_cancellation_is_not_lost_if_the_result_was_there_already) { /* WFOR-9 */
    for (int i = 0; i < 2; i++) {
        start_loop();
        asyncio_future *f = asyncio_loop_create_future(loop);
        asyncio_task *t = asyncio_loop_create_task(loop, waits(f, i ? 10 : ASYNCIO_FOREVER));
        turn();
        CHECK_INT(asyncio_future_set_result(f, counted()), 0);
        asyncio_task_cancel(t, "m");
        turn();
        CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
        asyncio_future_unref(f);
        end_loop();
        CHECK_NOTES("CancelledError at 0");
        CHECK_ALL_DROPPED();
    }
}

TEST(what_is_cancelled_by_others_cancels_the_waiter) { /* WFOR-10 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, waits(f, 10));
    turn();
    asyncio_future_cancel(f, "m");
    turn();
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    asyncio_future_unref(f);
    end_loop();
    CHECK_NOTES("CancelledError at 0");
}

static int set_counted(void *f) { return asyncio_future_set_result(f, counted()); }

TEST(a_result_in_the_turn_of_the_deadline_is_too_late) { /* WFOR-8 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_loop_call_at(loop, 1, set_counted, f), 0);
    asyncio_task *t = asyncio_loop_create_task(loop, waits(f, 1));
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_ENDED(t, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK(!asyncio_future_cancelled(f));
    asyncio_future_unref(f);
    end_loop();
    CHECK_NOTES("TimeoutError at 1");
    CHECK_ALL_DROPPED();
}

ASYNC(waits_for_counted, (double) limit) {
    asyncio_value v = asyncio_none();
    asyncio_task *t = asyncio_create_task(gives_counted_after(1));
    int rc = AWAIT(asyncio_wait_for(t, limit), &v);
    asyncio_task_unref(t);
    if (rc == ASYNCIO_TYPE_ERROR) asyncio_ignore(rc), rc = 0; /* the task had it, too */
    asyncio_value_drop(&v);
    return rc;
}

ASYNC(waits_for_counted_inline, (double) limit) {
    asyncio_value v = asyncio_none();
    int rc = AWAIT(asyncio_wait_for(gives_counted_anyway(1), limit), &v);
    asyncio_value_drop(&v);
    return rc;
}

TEST(whoever_wins_the_value_is_dropped_once) {
    static const double limits[] = { -1, 0, 0.5, 1, 2, (double)INFINITY };
    for (int i = 0; i < 6 * 2 * 12; i++) {
        start_loop();
        double limit = limits[i % 6];
        asyncio_coro c = i / 6 % 2 ? waits_for_counted(limit) : waits_for_counted_inline(limit);
        asyncio_task *t = asyncio_loop_create_task(loop, c);
        int point = i / 12;
        CHECK_INT(run(asyncio_sleep(point < 6 ? 0 : 1)), 0);
        for (int n = 0; n < point % 6; n++) turn();
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_ignore(asyncio_task_result(t, NULL));
        asyncio_task_unref(t);
        end_loop();
        CHECK_ALL_DROPPED();
    }
}

/* ---- bad input, as a task ---- */

TEST_ASYNC(bad_arguments_are_refused) { /* WFOR-12 */
    asyncio_coro c = noop();
    CHECK_ERROR(AWAIT(asyncio_wait_for(c, (double)NAN)), ASYNCIO_VALUE_ERROR,
                "Invalid timeout: NaN (not a number)");
    CHECK_ERROR(AWAIT(asyncio_wait_for_coro(NULL, 1)), ASYNCIO_TYPE_ERROR,
                "an awaitable is required");
    CHECK_ERROR(AWAIT(asyncio_wait_for((asyncio_task *)NULL, 1)), ASYNCIO_TYPE_ERROR,
                "NULL cannot be awaited");
    CHECK_ERROR(AWAIT(asyncio_wait_for((asyncio_task *)NULL, 0)), ASYNCIO_TYPE_ERROR,
                "an awaitable is required");
    c.type = NULL;
    CHECK_ERROR(AWAIT(asyncio_wait_for(c, 1)), ASYNCIO_TYPE_ERROR,
                "a coroutine without a type cannot be awaited");
    CHECK_INT(AWAIT(asyncio_wait_for(c, 0)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    RETURN();
}

static asyncio_task *task_of_wait_for(double limit) {
    asyncio_coro inner = gives_after(1, 5);
    return asyncio_create_task(asyncio_wait_for_coro(&inner, limit));
}

TEST_ASYNC(wait_for_may_be_a_task) {
    asyncio_value v;
    asyncio_auto_task t = task_of_wait_for(2);
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 5);
    asyncio_auto_task late = task_of_wait_for(0.5);
    CHECK_ERROR(AWAIT(late), ASYNCIO_TIMEOUT_ERROR, NULL);
    asyncio_auto_task nested = asyncio_create_task(
        asyncio_wait_for(asyncio_wait_for(asyncio_shield(gives_after(1, 6)), 3), 2));
    TRY(AWAIT(nested, &v));
    CHECK_INT(v.i, 6);
    RETURN();
}
