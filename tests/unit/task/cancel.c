/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/cancel.c: cancellation, rule by rule, with its messages, and the count of
 * requests. "+n" is the number of turns after the one in which something was done.
 */
#include "core.h"

#include <errno.h>

static asyncio_future *future; /* what the tasks of most tests wait for */

static void start(void) {
    start_loop();
    future = asyncio_loop_create_future(loop);
}

static void end(void) {
    asyncio_future_unref(future);
    end_loop();
}

static asyncio_task *create(asyncio_coro c) {
    asyncio_task *t = asyncio_loop_create_task(loop, c);
    CHECK(t != NULL);
    return t;
}

/* Checks that the task ended as cancelled, with that message, and lets go of it. */
static void check_cancelled(asyncio_task *t, const char *message) {
    CHECK(asyncio_task_cancelled(t));
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR, message);
    asyncio_task_unref(t);
}

static const char *message_of(int rc) { /* of the error of rc, which is handled then */
    static char text[64];
    asyncio_error *e = asyncio_error_take(rc);
    const char *m = e ? asyncio_error_message(e) : NULL;
    snprintf(text, sizeof text, "%s", m ? m : "none");
    asyncio_error_unref(e);
    return text;
}

ASYNC(wait_future, (asyncio_future *) f) {
    note("waits");
    asyncio_value v;
    TRY(AWAIT(f, &v));
    RETURN(v.i);
}

ASYNC(wait_task, (asyncio_task *) t) {
    asyncio_value v;
    TRY(AWAIT(t, &v));
    RETURN(v.i);
}

/* Awaits the future, notes how that ended, and goes on. */
ASYNC(swallow, (asyncio_future *) f) {
    int rc = AWAIT(f);
    note("%s:%s", rc < 0 ? asyncio_err_name(rc) : "ok", message_of(rc));
    RETURN(99);
}

/* The same with a further suspension. */
ASYNC(swallow_and_sleep, (asyncio_future *) f) {
    int rc = AWAIT(f);
    note("%s", rc < 0 ? asyncio_err_name(rc) : "ok");
    asyncio_ignore(rc);
    rc = AWAIT(asyncio_sleep(0));
    note("%s", rc < 0 ? asyncio_err_name(rc) : "ok");
    TRY(rc);
    RETURN();
}

/* ---- delivery ---- */

ASYNC(await_and_note, (asyncio_task *) t) {
    int rc = AWAIT(t);
    note("%s:%s", asyncio_err_name(rc), message_of(rc));
    RETURN();
}

ASYNC(cancel_before_start) {
    asyncio_auto_task t = asyncio_create_task(wait_future(future));
    CHECK(asyncio_task_cancel(t, "early"));
    CHECK(!asyncio_task_cancelled(t));
    CHECK(!asyncio_task_done(t));
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "<Task cancelling name=");
    unsigned long long before = turns();
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(message_of(ASYNCIO_CANCELLED_ERROR), "early");
    CHECK_INT(turns() - before, 2);
    CHECK(asyncio_task_cancelled(t));
    CHECK(!asyncio_future_done(future));
    RETURN();
}

TEST(task_cancelled_before_its_first_step_never_runs) { /* CANC-1 */
    start();
    CHECK_INT(run(cancel_before_start()), 0);
    CHECK_NOTES("");
    end();
}

TEST(cancel_cancels_what_is_waited_for_at_once_and_is_delivered_next_turn) { /* CANC-2 */
    start();
    asyncio_task *t = create(wait_future(future));
    turn();
    CHECK_NOTES("waits");
    CHECK(asyncio_task_cancel(t, "why"));
    CHECK(asyncio_future_cancelled(future));
    CHECK(!asyncio_task_done(t));
    turn();
    check_cancelled(t, "why");
    end();
}

ASYNC(note_cancel_of_future, (asyncio_future *) f, (const char *) name) {
    int rc = AWAIT(f);
    note("%s@%llu", name, turns());
    return rc;
}

ASYNC(note_cancel_of_task, (asyncio_task *) t, (const char *) name) {
    int rc = AWAIT(t);
    note("%s@%llu", name, turns());
    return rc;
}

TEST(cancel_goes_through_nested_tasks_one_turn_each) { /* CANC-3 */
    start();
    asyncio_task *leaf = create(note_cancel_of_future(future, "leaf"));
    asyncio_task *mid = create(note_cancel_of_task(leaf, "mid"));
    asyncio_task *top = create(note_cancel_of_task(mid, "top"));
    turn();
    turn();
    unsigned long long now = turns();
    CHECK(asyncio_task_cancel(top, "down"));
    CHECK(asyncio_future_cancelled(future));
    CHECK_INT(asyncio_task_cancelling(leaf), 1);
    CHECK_INT(asyncio_task_cancelling(mid), 1);
    for (int i = 0; i < 3; i++) turn();
    char expected[64];
    snprintf(expected, sizeof expected, "leaf@%llu mid@%llu top@%llu", now + 1, now + 2, now + 3);
    CHECK_NOTES(expected);
    check_cancelled(top, "down");
    CHECK(asyncio_task_cancelled(mid));
    CHECK(asyncio_task_cancelled(leaf));
    asyncio_task_unref(mid);
    asyncio_task_unref(leaf);
    end();
}

TEST(inner_task_that_swallows_the_cancel_lets_the_outer_go_on) { /* CANC-4 */
    start();
    asyncio_task *inner = create(swallow(future));
    asyncio_task *outer = create(wait_task(inner));
    turn();
    CHECK(asyncio_task_cancel(outer, "m"));
    turn();
    CHECK_NOTES("CancelledError:m");
    turn();
    asyncio_value v;
    CHECK_INT(asyncio_task_result(outer, &v), 0);
    CHECK_INT(v.i, 99);
    CHECK_INT(asyncio_task_cancelling(outer), 1);
    asyncio_task_unref(outer);
    asyncio_task_unref(inner);
    end();
}

TEST(cancel_after_the_result_but_before_the_step_drops_the_result) { /* CANC-5 */
    start();
    asyncio_task *t = create(swallow(future));
    turn();
    asyncio_future_set_result(future, asyncio_int(1));
    CHECK(asyncio_task_cancel(t, "late"));
    turn();
    CHECK_NOTES("CancelledError:late");
    asyncio_task_unref(t);
    end();
}

ASYNC(check_no_context, (asyncio_future *) f) {
    int rc = AWAIT(f);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_code(e), ASYNCIO_CANCELLED_ERROR);
    CHECK_PTR(asyncio_error_context(e), NULL);
    asyncio_error_unref(e);
    note("checked");
    RETURN();
}

TEST(cancel_after_an_error_replaces_it_and_it_counts_as_retrieved) { /* CANC-5 */
    start();
    asyncio_task *t = create(check_no_context(future));
    turn();
    asyncio_future_set_exception(future, ASYNCIO_VALUE_ERROR, "lost");
    CHECK(asyncio_task_cancel(t, "late"));
    turn();
    CHECK_NOTES("checked");
    asyncio_task_unref(t);
    end();
    CHECK_INT(reported.count, 0);
}

ASYNC(sleep_zero) {
    note("step");
    int rc = AWAIT(asyncio_sleep(0));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(cancel_during_a_bare_reschedule_is_thrown_at_the_next_step) { /* CANC-6 */
    start();
    asyncio_task *t = create(sleep_zero());
    turn();
    CHECK(asyncio_task_cancel(t, "zero"));
    turn();
    CHECK_NOTES("step CancelledError");
    check_cancelled(t, "zero");
    end();
}

TEST(two_requests_before_the_step_are_one_error_with_the_first_message) { /* CANC-7 */
    start();
    asyncio_task *t = create(swallow_and_sleep(future));
    turn();
    CHECK(asyncio_task_cancel(t, "first"));
    CHECK(asyncio_task_cancel(t, "second"));
    CHECK_INT(asyncio_task_cancelling(t), 2);
    turn();
    turn();
    CHECK_NOTES("CancelledError ok");
    CHECK(!asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    asyncio_future_unref(future);
    future = asyncio_loop_create_future(loop);
    t = create(wait_future(future));
    turn();
    asyncio_task_cancel(t, "first");
    asyncio_task_cancel(t, "second");
    turn();
    check_cancelled(t, "first");
    end();
}

TEST(two_requests_on_a_bare_reschedule_have_the_last_message) { /* as CPython's _must_cancel */
    start();
    asyncio_task *t = create(sleep_zero());
    turn();
    asyncio_task_cancel(t, "first");
    asyncio_task_cancel(t, "second");
    turn();
    check_cancelled(t, "second");
    end();
}

ASYNC(swallow_many, (int) n) {
    for (int i = 0; i < n; i++) {
        int rc = AWAIT(asyncio_sleep(1));
        note("%s:%s", rc < 0 ? asyncio_err_name(rc) : "ok", message_of(rc));
    }
    RETURN();
}

TEST(swallowed_cancel_is_not_delivered_again_but_a_new_one_is) { /* CANC-8 */
    start();
    asyncio_task *t = create(swallow_many(3));
    turn();
    asyncio_task_cancel(t, "a");
    turn();
    CHECK_NOTES("CancelledError:a");
    CHECK_INT(run(asyncio_sleep(1.5)), 0);
    CHECK_NOTES("ok:none");
    asyncio_task_cancel(t, "b");
    turn();
    CHECK_NOTES("CancelledError:b");
    CHECK(asyncio_task_done(t));
    CHECK_INT(asyncio_task_cancelling(t), 2);
    asyncio_task_unref(t);
    end();
}

/* ---- self-cancel ---- */

ASYNC(cancel_self_then_wait, (asyncio_future *) f) {
    asyncio_task_cancel(asyncio_current_task(), "self");
    note("on");
    return AWAIT(f);
}

TEST(self_cancel_cancels_the_next_future_that_is_waited_for) { /* CANC-9 */
    start();
    asyncio_task *other = create(swallow(future));
    asyncio_task *t = create(cancel_self_then_wait(future));
    turn();
    CHECK_NOTES("on");
    CHECK(asyncio_future_cancelled(future));
    CHECK(!asyncio_task_done(t));
    turn();
    check_cancelled(t, "self");
    CHECK_NOTES("CancelledError:self"); /* a shared future: the other waiter is hit too */
    asyncio_task_unref(other);
    end();
}

ASYNC(cancel_self_then_done, (asyncio_future *) f) {
    asyncio_task_cancel(asyncio_current_task(), "self");
    asyncio_value v;
    TRY(AWAIT(f, &v));
    note("passed:%lld", v.i);
    int rc = AWAIT(asyncio_sleep(0));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(self_cancel_passes_a_done_future_and_hits_the_first_suspension) { /* CANC-10 */
    start();
    asyncio_future_set_result(future, asyncio_int(8));
    asyncio_task *t = create(cancel_self_then_done(future));
    turn();
    CHECK_NOTES("passed:8");
    turn();
    CHECK_NOTES("CancelledError");
    check_cancelled(t, "self");
    end();
}

ASYNC(cancel_self_and_return) {
    asyncio_task_cancel(asyncio_current_task(), "at the end");
    RETURN(asyncio_own_str(strdup("lost")));
}

TEST(self_cancel_then_return_discards_the_value) { /* CANC-11 */
    start();
    asyncio_task *t = create(cancel_self_and_return());
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR, "at the end");
    check_cancelled(t, "at the end"); /* cancelled as a future is: the message stays */
    end();
}

ASYNC(cancel_self_and_fail) {
    asyncio_task_cancel(asyncio_current_task(), "self");
    RAISE(ASYNCIO_VALUE_ERROR, "wins");
}

TEST(self_cancel_then_another_error_lets_that_win) { /* CANC-12 */
    start();
    asyncio_task *t = create(cancel_self_and_fail());
    turn();
    CHECK(!asyncio_task_cancelled(t));
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_VALUE_ERROR, "wins");
    asyncio_task_unref(t);
    end();
}

static const asyncio_error *raised_here;

ASYNC(raise_cancelled) {
    (void)!asyncio_raise(ASYNCIO_CANCELLED_ERROR, ASYNCIO_WHERE, __func__, "own");
    asyncio_error *e = asyncio_error_take(ASYNCIO_CANCELLED_ERROR);
    raised_here = e;
    return asyncio_reraise(e);
}

ASYNC(see_same_error, (asyncio_task *) t) {
    int rc = AWAIT(t);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_PTR(e, raised_here);
    asyncio_error_unref(e);
    note("same");
    RETURN();
}

TEST(coroutine_that_raises_cancelled_error_ends_cancelled) { /* CANC-13, CANC-16, SEEDX-2 */
    start();
    asyncio_task *t = create(raise_cancelled());
    asyncio_task *waiter = create(see_same_error(t));
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_INT(asyncio_task_cancelling(t), 0);
    turn();
    CHECK_NOTES("same");
    asyncio_task_unref(waiter);
    check_cancelled(t, NULL); /* the second reader gets one without a message */
    end();
}

ASYNC(return_bare_cancelled) { return ASYNCIO_CANCELLED_ERROR; }

TEST(bare_cancelled_status_ends_cancelled_too) { /* CANC-13 */
    start();
    asyncio_task *t = create(return_bare_cancelled());
    turn();
    check_cancelled(t, NULL);
    end();
}

ASYNC(fail_now) { RAISE(ASYNCIO_VALUE_ERROR, "failed"); }

TEST(cancel_of_a_done_task_is_refused_and_not_counted) { /* CANC-14 */
    start();
    asyncio_task *t = create(fail_now());
    turn();
    CHECK(!asyncio_task_cancel(t, "m"));
    CHECK_INT(asyncio_task_cancelling(t), 0);
    asyncio_task_unref(t);
    CHECK_INT(reported.count, 0); /* but it silences the report */
    end();
}

/* ---- messages ---- */

TEST(first_reader_gets_the_message_and_the_second_none) { /* CANC-15, FUT-20 */
    start();
    asyncio_task *t = create(wait_future(future));
    asyncio_task *a = create(await_and_note(t));
    asyncio_task *b = create(await_and_note(t));
    turn();
    asyncio_task_cancel(t, "m1");
    turn();
    turn();
    CHECK_NOTES("waits CancelledError:m1 CancelledError:none");
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    check_cancelled(t, NULL);
    end();
}

TEST(message_is_copied) {
    start();
    char text[] = "text";
    asyncio_task *t = create(wait_future(future));
    turn();
    asyncio_task_cancel(t, text);
    text[0] = 'X';
    turn();
    check_cancelled(t, "text");
    end();
}

TEST(no_message_is_none) { /* CANC-15 */
    start();
    asyncio_task *t = create(wait_future(future));
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    check_cancelled(t, NULL);
    end();
}

/* ---- shared futures and tasks ---- */

TEST(cancelling_one_awaiter_of_a_shared_task_disturbs_the_other) { /* CANC-17 */
    start();
    asyncio_task *shared = create(wait_future(future));
    asyncio_task *a = create(wait_task(shared));
    asyncio_task *b = create(await_and_note(shared));
    turn();
    CHECK_NOTES("waits");
    asyncio_task_cancel(a, "a");
    turn();
    turn();
    CHECK(asyncio_task_cancelled(shared));
    CHECK_NOTES("CancelledError:none"); /* a was first */
    CHECK_INT(asyncio_task_cancelling(b), 0);
    check_cancelled(a, "a");
    asyncio_task_unref(shared);
    asyncio_task_unref(b);
    end();
}

TEST(cancelling_one_awaiter_of_a_future_cancels_it_for_the_other) { /* FUT-24 */
    start();
    asyncio_task *a = create(wait_future(future));
    asyncio_task *b = create(swallow(future));
    turn();
    CHECK_NOTES("waits");
    asyncio_task_cancel(a, "m");
    turn();
    CHECK_NOTES("CancelledError:m");
    CHECK_INT(asyncio_task_cancelling(b), 0);
    check_cancelled(a, "m");
    asyncio_task_unref(b);
    end();
}

TEST(cancelling_the_inner_future_cancels_the_task_without_a_request) { /* CANC-18 */
    start();
    asyncio_task *t = create(wait_future(future));
    turn();
    asyncio_future_cancel(future, "inner");
    CHECK_INT(asyncio_task_cancelling(t), 0);
    turn();
    check_cancelled(t, "inner");
    end();
}

TEST(cancelling_future_and_task_is_one_delivery) { /* CANC-19 */
    start();
    asyncio_task *t = create(swallow_and_sleep(future));
    turn();
    asyncio_future_cancel(future, "inner");
    CHECK(asyncio_task_cancel(t, "task"));
    turn();
    turn();
    CHECK_NOTES("CancelledError ok");
    CHECK(!asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end();
}

ASYNC(fail_in_cleanup, (asyncio_future *) f) {
    int rc = AWAIT(f);
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    RAISE(ASYNCIO_VALUE_ERROR, "cleanup");
}

TEST(error_in_cleanup_wins_with_the_cancel_as_its_context) { /* CANC-20 */
    start();
    asyncio_task *t = create(fail_in_cleanup(future));
    turn();
    asyncio_task_cancel(t, "m");
    turn();
    CHECK(!asyncio_task_cancelled(t));
    asyncio_error *e;
    CHECK_INT(asyncio_task_exception(t, &e), 0);
    CHECK_INT(asyncio_error_code(e), ASYNCIO_VALUE_ERROR);
    asyncio_error *context = asyncio_error_context(e);
    CHECK_INT(asyncio_error_code(context), ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(asyncio_error_message(context), "m");
    asyncio_task_unref(t);
    end();
}

ASYNC(exit_in_cleanup, (asyncio_future *) f) {
    CHECK_INT(AWAIT(f), ASYNCIO_CANCELLED_ERROR);
    RAISE(ASYNCIO_SYSTEM_EXIT, "cleanup");
}

TEST(exit_in_cleanup_is_stored_and_breaks_the_run) { /* CANC-21 */
    start();
    asyncio_task *t = create(exit_in_cleanup(future));
    turn();
    asyncio_task_cancel(t, NULL);
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT, "cleanup");
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_SYSTEM_EXIT, "cleanup");
    asyncio_task_unref(t);
    end();
}

TEST(cancelled_error_is_no_ordinary_exception) { /* CANC-22 */
    CHECK(!asyncio_is_exception(ASYNCIO_CANCELLED_ERROR));
    CHECK(asyncio_is_exception(ASYNCIO_TIMEOUT_ERROR));
    CHECK(asyncio_is_exception(-ECANCELED));
}

ASYNC(level, (int) n, (asyncio_future *) f) {
    if (n == 0) TRY(AWAIT(f));
    else {
        asyncio_task *inner = asyncio_create_task(level(n - 1, f));
        int rc = AWAIT(inner);
        asyncio_task_unref(inner);
        TRY(rc);
    }
    RETURN();
}

TEST(cancel_goes_down_a_long_chain_without_recursion) {
    start();
    asyncio_task *t = create(level(5000, future));
    for (int i = 0; i < 5002; i++) turn();
    asyncio_task_cancel(t, "deep");
    CHECK(asyncio_future_cancelled(future));
    for (int i = 0; i < 5002; i++) turn();
    check_cancelled(t, "deep");
    end();
}

ASYNC(cancel_task_once, (asyncio_task *) t) {
    asyncio_task_cancel(t, "by task");
    note("cancelled");
    RETURN();
}

TEST(task_queued_behind_its_canceller_is_interrupted_in_the_same_turn) {
    start();
    asyncio_task *t = create(sleep_zero());
    turn();
    asyncio_task *late = create(cancel_task_once(t)); /* t is queued before it */
    turn();
    CHECK_NOTES("step OK cancelled");
    asyncio_task_unref(late);
    asyncio_task_unref(t);
    t = create(sleep_zero());
    asyncio_task *early = create(cancel_task_once(t));
    turn();
    CHECK_NOTES("step cancelled");
    turn();
    CHECK_NOTES("CancelledError");
    asyncio_task_unref(early);
    asyncio_task_unref(t);
    end();
}

/* ---- counting requests ---- */

TEST(cancelled_error_set_as_an_exception_stands_against_a_later_request) {
    start();
    asyncio_task *t = create(swallow(future));
    turn();
    asyncio_error *e = asyncio_error_new(ASYNCIO_CANCELLED_ERROR, "set");
    CHECK_INT(asyncio_future_set_error(future, e), 0);
    asyncio_error_unref(e);
    CHECK(asyncio_task_cancel(t, "later"));
    turn();
    CHECK_NOTES("CancelledError:set");
    asyncio_task_unref(t);
    end();
}

TEST(requests_are_counted_up_and_down_but_not_below_zero) { /* UNC-1, UNC-4 */
    start();
    asyncio_task *t = create(wait_future(future));
    turn();
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_INT(asyncio_task_uncancel(t), 0);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(asyncio_task_uncancel(t), 1);
    CHECK_INT(asyncio_task_uncancel(t), 0);
    CHECK_INT(asyncio_task_uncancel(t), 0);
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "<Task pending ");
    turn();
    check_cancelled(t, NULL); /* it had been passed on already */
    end();
}

TEST(count_is_not_reset_by_delivery_or_completion) { /* UNC-2, SEEDX-7 */
    start();
    asyncio_task *t = create(swallow(future));
    turn();
    asyncio_task_cancel(t, "m");
    turn();
    CHECK(asyncio_task_done(t));
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK_INT(asyncio_task_uncancel(t), 0);
    CHECK_NOTES("CancelledError:m");
    asyncio_task_unref(t);
    end();
}

TEST(uncancel_to_zero_forgets_a_request_not_delivered) { /* UNC-3, V13-3 */
    start();
    asyncio_task *t = create(sleep_zero());
    turn();
    asyncio_task_cancel(t, NULL);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(asyncio_task_uncancel(t), 1);
    CHECK_INT(asyncio_task_uncancel(t), 0);
    turn();
    CHECK_NOTES("step OK");
    CHECK(!asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    t = create(sleep_zero()); /* before its first step too */
    asyncio_task_cancel(t, NULL);
    asyncio_task_uncancel(t);
    turn();
    CHECK_NOTES("step");
    turn();
    CHECK_NOTES("OK");
    asyncio_task_unref(t);
    end();
}

TEST(uncancel_above_zero_keeps_the_request) { /* UNC-3 */
    start();
    asyncio_task *t = create(sleep_zero());
    turn();
    asyncio_task_cancel(t, NULL);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(asyncio_task_uncancel(t), 1);
    turn();
    CHECK_NOTES("step CancelledError");
    check_cancelled(t, NULL);
    end();
}
