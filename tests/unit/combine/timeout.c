/* SPDX-License-Identifier: MIT
 *
 * timeout and timeout_at: when they fire, what comes out, nested, rescheduled, in every state.
 */
#include "combine.h"

#define REPR_OF(tm) REPR(asyncio_timeout_repr, tm)

/* ---- expiring ---- */

ASYNC(expires) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(10, &rc)) {
        CHECK_DOUBLE(asyncio_timeout_when(tm), 10.0);
        rc = AWAIT(sleeper("body", 3600));
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
        CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 1);
        CHECK(asyncio_timeout_expired(tm));
    }
    CHECK_INT(rc, ASYNCIO_TIMEOUT_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_PTR(asyncio_error_message(e), NULL);
    CHECK_INT(asyncio_error_code(asyncio_error_cause(e)), ASYNCIO_CANCELLED_ERROR);
    CHECK_PTR(asyncio_error_message(asyncio_error_cause(e)), NULL);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_DOUBLE(now(), 10.0);
    RETURN();
}

/* TMO-6, TMO-7, TMO-20, UNC-5, SEEDX-4 */
TEST(the_deadline_cancels_the_body_and_comes_out_as_a_timeout) {
    run_alone(expires());
    CHECK_NOTES("body-cancelled");
}

ASYNC(leaves_by_try) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) { TRY(AWAIT(asyncio_sleep(5))); }
    FAIL("TRY went on");
}

ASYNC(sees_timeout, (asyncio_coro *) c) {
    CHECK_ERROR(AWAIT(*c), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 1.0);
    RETURN();
}

TEST(try_inside_the_block_leaves_the_coroutine_with_the_timeout) {
    asyncio_coro c = leaves_by_try();
    run_alone(sees_timeout(&c));
}

ASYNC(raises_inside) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        rc = AWAIT(asyncio_sleep(5));
        asyncio_ignore(rc);
        RAISE(ASYNCIO_KEY_ERROR, "k");
    }
    FAIL("RAISE went on");
}

ASYNC(raises_on_cancelled, (bool) group) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        rc = AWAIT(asyncio_sleep(5));
        asyncio_error *e = asyncio_error_take(rc);
        if (!group) TRY(asyncio_reraise(e)); /* now it is an object */
        asyncio_error *k = asyncio_error_new(ASYNCIO_KEY_ERROR, "k");
        asyncio_ignore(asyncio_error_set_cause(k, e));
        asyncio_error *g = asyncio_errorgroup_new("both", 1, &k);
        asyncio_error_unref(k);
        asyncio_error_unref(e);
        TRY(asyncio_reraise(g));
    }
    FAIL("went on");
}

ASYNC(raises_from_handler) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        rc = AWAIT(asyncio_sleep(5));
        rc = asyncio_reraise(asyncio_error_take(rc)); /* now it is an object */
        RAISE(ASYNCIO_KEY_ERROR, "k");
    }
    FAIL("went on");
}

TEST_ASYNC(another_error_of_the_body_passes) { /* TMO-11, UNC-5 */
    CHECK_ERROR(AWAIT(raises_inside()), ASYNCIO_KEY_ERROR, "k");
    CHECK_ERROR(AWAIT(raises_on_cancelled(false)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_ERROR(AWAIT(raises_on_cancelled(true)), ASYNCIO_EXCEPTION_GROUP, "both");
    RETURN();
}

TEST_ASYNC(an_error_raised_for_the_cancellation_has_the_timeout_in_between) { /* TMO-11, V13-5 */
    int rc = AWAIT(raises_from_handler());
    CHECK_INT(rc, ASYNCIO_KEY_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    asyncio_error *timeout = asyncio_error_context(e);
    CHECK_INT(asyncio_error_code(timeout), ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(asyncio_error_code(asyncio_error_cause(timeout)), ASYNCIO_CANCELLED_ERROR);
    CHECK_PTR(asyncio_error_context(timeout), asyncio_error_cause(timeout));
    RETURN();
}

ASYNC(returns_inside, (bool) late) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        if (late) asyncio_ignore(AWAIT(asyncio_sleep(5)));
        RETURN(counted());
    }
    FAIL("RETURN went on");
}

ASYNC(gets_values) {
    asyncio_value v;
    for (int late = 0; late < 2; late++) {
        TRY(AWAIT(returns_inside(late), &v));
        CHECK_PTR(v.type, &counted_type);
        asyncio_value_drop(&v);
        CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    }
    RETURN();
}

TEST(return_inside_the_block_gives_its_value_also_after_the_deadline) {
    run_alone(gets_values());
    CHECK_ALL_DROPPED();
}

TEST_ASYNC(break_leaves_the_block_in_time) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        if (rc == 0) break;
        FAIL("went on");
    }
    CHECK_INT(rc, 0);
    TRY(AWAIT(asyncio_sleep(5)));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST_ASYNC(a_body_that_swallows_the_cancellation_ends_without_a_timeout) { /* TMO-10, TMO-22 */
    int rc;
    asyncio_timeout_with tm = asyncio_timeout(1, NULL);
    TRY(asyncio_block_enter(&tm.block));
    rc = AWAIT(asyncio_sleep(5));
    CHECK(asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR));
    TRY(AWAIT(asyncio_sleep(5))); /* it is not delivered a second time */
    CHECK_INT(asyncio_block_exit(&tm.block, 0), 0);
    CHECK(asyncio_timeout_expired(tm.object));
    CHECK_STR(REPR_OF(tm.object), "<Timeout [expired]>");
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST_ASYNC(a_body_that_ends_in_time_is_left_alone) {
    int rc;
    asyncio_timeout_with tm = asyncio_timeout(2, NULL);
    TRY(asyncio_block_enter(&tm.block));
    rc = AWAIT(asyncio_sleep(1));
    CHECK_INT(asyncio_block_exit(&tm.block, rc), 0);
    CHECK(!asyncio_timeout_expired(tm.object));
    CHECK_DOUBLE(asyncio_timeout_when(tm.object), 2.0);
    CHECK_STR(REPR_OF(tm.object), "<Timeout [finished]>");
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}

TEST_ASYNC(there_may_be_no_limit) { /* TMO-1 */
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(ASYNCIO_FOREVER, &rc)) {
        CHECK_DOUBLE(asyncio_timeout_when(tm), (double)INFINITY);
        CHECK_STR(REPR_OF(tm), "<Timeout [active] when=None>");
        rc = AWAIT(asyncio_sleep(1e6));
    }
    CHECK_INT(rc, 0);
    ASYNC_WITH(at, asyncio_timeout_at(ASYNCIO_FOREVER, &rc)) rc = AWAIT(asyncio_sleep(1));
    TRY(rc);
    RETURN();
}

TEST_ASYNC(the_deadline_is_fixed_by_the_call_not_by_entering) { /* TMO-1 */
    int rc;
    asyncio_timeout_with tm = asyncio_timeout(3, NULL);
    TRY(AWAIT(asyncio_sleep(2)));
    TRY(asyncio_block_enter(&tm.block));
    rc = AWAIT(asyncio_sleep(2));
    CHECK_DOUBLE(now(), 3.0);
    CHECK_ERROR(asyncio_block_exit(&tm.block, rc), ASYNCIO_TIMEOUT_ERROR, NULL);
    ASYNC_WITH(at, asyncio_timeout_at(5, &rc)) rc = AWAIT(asyncio_sleep(10));
    CHECK_ERROR(rc, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 5.0);
    RETURN();
}

/* ---- deadlines that have passed ---- */

ASYNC(is_late, (double) delay) {
    int rc;
    unsigned long long before = turns();
    ASYNC_WITH(tm, asyncio_timeout(delay, &rc)) {
        rc = AWAIT(asyncio_sleep(0));
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    }
    CHECK_ERROR(rc, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_INT(turns() - before, 1);
    RETURN();
}

TEST(a_deadline_in_the_past_fires_in_the_next_turn) { /* TMO-4, SEEDX-6 */
    run_alone(is_late(0));
    run_alone(is_late(-1));
}

TEST_ASYNC(a_body_that_never_suspends_does_not_time_out) { /* TMO-5 */
    int rc;
    asyncio_timeout_with tm = asyncio_timeout(-1, &rc);
    TRY(asyncio_block_enter(&tm.block));
    CHECK_INT(asyncio_block_exit(&tm.block, 0), 0);
    CHECK(!asyncio_timeout_expired(tm.object));
    CHECK_STR(REPR_OF(tm.object), "<Timeout [finished]>");
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

/* ---- states and repr ---- */

ASYNC(shows_states) {
    asyncio_timeout_with tm = asyncio_timeout(10, NULL);
    CHECK_STR(REPR_OF(tm.object), "<Timeout [created]>");
    CHECK_ERROR(asyncio_timeout_reschedule(tm.object, 1), ASYNCIO_RUNTIME_ERROR,
                "Timeout has not been entered");
    TRY(asyncio_block_enter(&tm.block));
    CHECK_STR(REPR_OF(tm.object), "<Timeout [active] when=10.000>");
    CHECK_ERROR(asyncio_block_enter(&tm.block), ASYNCIO_RUNTIME_ERROR,
                "Timeout has already been entered");
    int rc = AWAIT(asyncio_sleep(20));
    CHECK_STR(REPR_OF(tm.object), "<Timeout [expiring]>");
    CHECK(asyncio_timeout_expired(tm.object));
    CHECK_DOUBLE(asyncio_timeout_when(tm.object), 10.0);
    CHECK_ERROR(asyncio_timeout_reschedule(tm.object, 30), ASYNCIO_RUNTIME_ERROR,
                "Cannot change state of expiring Timeout");
    CHECK_ERROR(asyncio_block_exit(&tm.block, rc), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_STR(REPR_OF(tm.object), "<Timeout [expired]>");
    CHECK_ERROR(asyncio_timeout_reschedule(tm.object, 30), ASYNCIO_RUNTIME_ERROR,
                "Cannot change state of expired Timeout");
    CHECK_ERROR(asyncio_block_enter(&tm.block), ASYNCIO_RUNTIME_ERROR,
                "Timeout has already been entered");
    asyncio_timeout_with done = asyncio_timeout(10, NULL);
    TRY(asyncio_block_enter(&done.block));
    TRY(asyncio_block_exit(&done.block, 0));
    CHECK_ERROR(asyncio_timeout_reschedule(done.object, 30), ASYNCIO_RUNTIME_ERROR,
                "Cannot change state of finished Timeout");
    CHECK_ERROR(asyncio_block_exit(&done.block, 0), ASYNCIO_RUNTIME_ERROR, "the block is not open");
    RETURN();
}

/* TMO-2, TMO-3, TMO-17, TMO-19, TMO-20 */
TEST(every_state_shows_itself_and_reschedules_only_while_active) { run_alone(shows_states()); }

ASYNC(is_asked_later, (double) duration) {
    int rc;
    ASYNC_BLOCK(tm, asyncio_timeout(10, &rc));
    CHECK_DOUBLE(asyncio_timeout_when(tm), 10.0);
    CHECK(!asyncio_timeout_expired(tm));
    CHECK_STR(REPR_OF(tm), "<Timeout [created]>");
    CHECK_ERROR(asyncio_timeout_reschedule(tm, 1), ASYNCIO_RUNTIME_ERROR,
                "Timeout has not been entered");
    ASYNC_WITH_BLOCK(tm) {
        CHECK_STR(REPR_OF(tm), "<Timeout [active] when=10.000>");
        TRY(asyncio_timeout_reschedule(tm, 7));
        rc = AWAIT(asyncio_sleep(duration));
    }
    note("%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    note("when=%g expired=%d %s", asyncio_timeout_when(tm), asyncio_timeout_expired(tm),
         REPR_OF(tm));
    CHECK(asyncio_catch(asyncio_timeout_reschedule(tm, 30), ASYNCIO_RUNTIME_ERROR));
    RETURN();
}

/* TMO-17, TMO-20 */
TEST(a_timeout_can_be_asked_before_and_after_its_block) {
    run_alone(is_asked_later(20));
    CHECK_NOTES("TimeoutError when=7 expired=1 <Timeout [expired]>");
    run_alone(is_asked_later(2));
    CHECK_NOTES("OK when=7 expired=0 <Timeout [finished]>");
}

TEST(a_timeout_is_entered_inside_a_task) { /* TMO-2 */
    asyncio_timeout_with tm = asyncio_timeout(1, NULL);
    CHECK_ERROR(asyncio_block_enter(&tm.block), ASYNCIO_RUNTIME_ERROR,
                "Timeout should be used inside a task");
    CHECK(!asyncio_timeout_expired(tm.object));
    int rc = 0;
    ASYNC_WITH(block, asyncio_timeout_at(1, &rc)) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "Timeout should be used inside a task");
}

TEST_ASYNC(not_a_number_is_no_deadline) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout((double)NAN, &rc)) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    ASYNC_WITH(at, asyncio_timeout(5, &rc)) {
        CHECK_ERROR(asyncio_timeout_reschedule(at, (double)NAN), ASYNCIO_VALUE_ERROR,
                    "Invalid timeout: NaN (not a number)");
        CHECK_DOUBLE(asyncio_timeout_when(at), 5.0);
    }
    TRY(rc);
    RETURN();
}

/* CPython has not decided yet whether that is to stay (gh-134471). */
ASYNC(cancelled_before, (double) delay) {
    int rc;
    asyncio_task_cancel(asyncio_current_task(), "before");
    ASYNC_WITH(tm, asyncio_timeout(delay, &rc)) rc = AWAIT(asyncio_sleep(10));
    note("%s cancelling:%u", asyncio_err_name(rc), asyncio_task_cancelling(asyncio_current_task()));
    asyncio_ignore(rc);
    RETURN();
}

TEST(a_request_just_before_a_deadline_that_has_passed_becomes_a_timeout) { /* TMO-26 */
    run_alone(cancelled_before(0));
    CHECK_NOTES("TimeoutError cancelling:1");
    run_alone(cancelled_before(1));
    CHECK_NOTES("CancelledError cancelling:1");
}

static int no_exit(asyncio_block *s, int status) {
    (void)s;
    return status;
}
static const asyncio_block_ops other_ops = { .size = sizeof other_ops,
                                             .name = "other",
                                             .exit = no_exit };

TEST(what_is_not_a_timeout_is_refused) {
    asyncio_timeout other = { asyncio_block_new(NULL, &other_ops, NULL) };
    CHECK_ERROR(asyncio_timeout_reschedule(&other, 1), ASYNCIO_TYPE_ERROR, "a timeout is required");
    CHECK_ERROR(asyncio_timeout_reschedule(NULL, 1), ASYNCIO_TYPE_ERROR, "a timeout is required");
    CHECK(isnan(asyncio_timeout_when(NULL)));
    CHECK(isnan(asyncio_timeout_when(&other)));
    CHECK(!asyncio_timeout_expired(NULL));
    CHECK(!asyncio_timeout_expired(&other));
    CHECK_STR(REPR_OF(NULL), "None");
    CHECK_STR(REPR_OF(&other), "None");
}

/* ---- reschedule ---- */

TEST_ASYNC(reschedule_replaces_the_deadline) { /* TMO-18 */
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(ASYNCIO_FOREVER, &rc)) {
        TRY(asyncio_timeout_reschedule(tm, 5)); /* the first deadline is known only here */
        CHECK_DOUBLE(asyncio_timeout_when(tm), 5.0);
        TRY(AWAIT(asyncio_sleep(4)));
        TRY(asyncio_timeout_reschedule(tm, 8));
        TRY(AWAIT(asyncio_sleep(3)));
        rc = AWAIT(asyncio_sleep(3));
    }
    CHECK_ERROR(rc, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(now(), 8.0);
    RETURN();
}

TEST_ASYNC(reschedule_to_no_limit_disarms_it) { /* TMO-18 */
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        TRY(asyncio_timeout_reschedule(tm, ASYNCIO_FOREVER));
        rc = AWAIT(asyncio_sleep(5));
    }
    CHECK_INT(rc, 0);
    ASYNC_WITH(late, asyncio_timeout(-1, &rc)) { /* queued already */
        TRY(asyncio_timeout_reschedule(late, ASYNCIO_FOREVER));
        rc = AWAIT(asyncio_sleep(5));
    }
    CHECK_INT(rc, 0);
    RETURN();
}

TEST_ASYNC(rescheduled_into_the_past_it_fires_in_the_next_turn) { /* TMO-18 */
    int rc;
    unsigned long long before = 0;
    asyncio_auto_future f = asyncio_future_new();
    ASYNC_WITH(tm, asyncio_timeout(10, &rc)) {
        TRY(asyncio_timeout_reschedule(tm, now() - 1));
        before = turns();
        rc = AWAIT(f);
    }
    CHECK_ERROR(rc, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_INT(turns() - before, 2);
    CHECK(asyncio_future_cancelled(f));
    RETURN();
}

/* ---- other cancellations ---- */

static bool saw_expired;

ASYNC(guarded, (double) limit, (double) duration) {
    asyncio_timeout_with tm = asyncio_timeout(limit, NULL);
    TRY(asyncio_block_enter(&tm.block));
    int rc = AWAIT(asyncio_sleep(duration));
    rc = asyncio_block_exit(&tm.block, rc);
    saw_expired = asyncio_timeout_expired(tm.object);
    return rc;
}

TEST(a_cancellation_from_outside_passes) { /* TMO-9, UNC-5 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, guarded(10, 20));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    turn();
    CHECK(!saw_expired);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    end_loop();
}

static int cancel_task(void *t) {
    asyncio_task_cancel(t, "from outside");
    return 0;
}

TEST(a_cancellation_from_outside_beside_the_deadline_passes_too) { /* TMO-8, UNC-5 */
    for (int first = 0; first < 2; first++) { /* before and after the deadline, in one turn */
        start_loop();
        double limit = first ? 2 : 3;
        asyncio_task *t = asyncio_loop_create_task(loop, guarded(limit, 20));
        if (first) CHECK_INT(asyncio_loop_call_at(loop, 2, cancel_task, t), 0);
        turn();
        if (!first) CHECK_INT(asyncio_loop_call_at(loop, 3, cancel_task, t), 0);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(saw_expired);
        CHECK(asyncio_task_cancelled(t));
        CHECK_INT(asyncio_task_cancelling(t), 1);
        asyncio_task_unref(t);
        end_loop();
    }
}

ASYNC(times_out_in_cleanup) {
    int rc = AWAIT(asyncio_sleep(10)), inner;
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    ASYNC_WITH(tm, asyncio_timeout(1, &inner)) inner = AWAIT(asyncio_sleep(10));
    CHECK_INT(inner, ASYNCIO_TIMEOUT_ERROR);
    CHECK(asyncio_catch(inner, ASYNCIO_TIMEOUT_ERROR));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 1);
    return rc;
}

TEST(a_timeout_works_in_the_cleanup_of_a_cancelled_task) { /* TMO-21 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, times_out_in_cleanup());
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    CHECK_INT(run(asyncio_sleep(5)), 0);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    end_loop();
}

/* ---- nested ---- */

static bool expired[2];

ASYNC(nests, (double) outer_limit, (double) inner_limit, (double) duration) {
    asyncio_timeout_with outer = asyncio_timeout(outer_limit, NULL);
    asyncio_timeout_with inner = asyncio_timeout(inner_limit, NULL);
    TRY(asyncio_block_enter(&outer.block));
    TRY(asyncio_block_enter(&inner.block));
    int rc = AWAIT(asyncio_sleep(duration));
    rc = asyncio_block_exit(&inner.block, rc);
    note("%s", asyncio_err_name(rc));
    rc = asyncio_block_exit(&outer.block, rc);
    note("%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    expired[0] = asyncio_timeout_expired(outer.object);
    expired[1] = asyncio_timeout_expired(inner.object);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST(of_nested_deadlines_that_are_equal_only_the_outermost_times_out) { /* TMO-12 */
    run_alone(nests(1, 1, 10));
    CHECK_NOTES("CancelledError TimeoutError");
    CHECK(expired[0] && expired[1]);
    run_alone(nests(0, 0, 10));
    CHECK_NOTES("CancelledError TimeoutError");
}

TEST(the_outer_deadline_first_comes_out_of_the_outer_block) { /* TMO-13 */
    run_alone(nests(1, 5, 10));
    CHECK_NOTES("CancelledError TimeoutError");
    CHECK(expired[0] && !expired[1]);
}

TEST(the_inner_deadline_first_comes_out_of_the_inner_block) { /* TMO-14 */
    run_alone(nests(5, 1, 10));
    CHECK_NOTES("TimeoutError TimeoutError"); /* as an error that passes through the outer one */
    CHECK(!expired[0] && expired[1]);
}

/* TMO-24 */
TEST_ASYNC(a_timeout_inside_what_an_expired_one_cleans_up_works) {
    int outer, inner;
    ASYNC_WITH(a, asyncio_timeout(1, &outer)) {
        outer = AWAIT(asyncio_sleep(5));
        ASYNC_WITH(b, asyncio_timeout(1, &inner)) inner = AWAIT(asyncio_sleep(5));
        CHECK_DOUBLE(now(), 2.0);
        CHECK(asyncio_catch(inner, ASYNCIO_TIMEOUT_ERROR));
    }
    CHECK_ERROR(outer, ASYNCIO_TIMEOUT_ERROR, NULL);
    RETURN();
}

/* ---- in one turn with what is awaited ---- */

static int set_one(void *f) { return asyncio_future_set_result(f, counted()); }

ASYNC(completes_with_the_deadline, (asyncio_future *) f) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) rc = AWAIT(f);
    note("%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    RETURN();
}

/* TMO-15 */
TEST(a_future_done_in_the_turn_of_the_deadline_keeps_its_value_and_the_block_times_out) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_loop_call_at(loop, 1, set_one, f), 0);
    CHECK_INT(run(completes_with_the_deadline(f)), 0);
    CHECK_NOTES("TimeoutError");
    CHECK_INT(values_dropped, 0);
    asyncio_future_unref(f);
    end_loop();
    CHECK_ALL_DROPPED();
}

TEST(a_future_set_after_the_deadline_of_that_turn_is_cancelled) { /* TMO-16 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, completes_with_the_deadline(f));
    turn();
    CHECK_INT(asyncio_loop_call_at(loop, 1, set_one, f), 0);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_NOTES("TimeoutError");
    CHECK(asyncio_future_cancelled(f));
    CHECK_INT(reported.code, ASYNCIO_INVALID_STATE_ERROR);
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
    CHECK_ALL_DROPPED();
}

/* ---- left open ---- */

ASYNC(leaves_it_open) {
    static asyncio_timeout_with tm;
    tm = asyncio_timeout(1, NULL);
    TRY(asyncio_block_enter(&tm.block));
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}

TEST(a_timeout_left_open_is_closed_with_the_frame) {
    asyncio_coro c = leaves_it_open();
    run_alone(sees_timeout(&c));
}

ASYNC(waits_in_a_block) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(10, &rc)) rc = AWAIT(asyncio_sleep(5));
    return rc;
}

TEST(loop_closed_inside_the_block) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, waits_in_a_block());
    turn();
    asyncio_loop_close(loop);
    asyncio_task_unref(t);
    end_loop();
}
