/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/join.c: a join gives the end of a task as data, tells "it was cancelled" from
 * "I was cancelled", leaves the task alone, and takes no more turns than an await.
 */
#include "core.h"

static const char *end_of(int rc) {
    asyncio_ignore(rc);
    return asyncio_err_name(rc);
}

ASYNC(ends, (double) seconds, (int) code) {
    int rc = AWAIT(asyncio_sleep(seconds));
    note("task:%s", asyncio_err_name(rc));
    TRY(rc);
    if (code < 0) RAISE(code, "failed");
    RETURN(code);
}

ASYNC(joins, (asyncio_task *) t, (const char *) name) {
    asyncio_auto_outcome o = { 77, asyncio_none(), NULL };
    int rc = AWAIT(asyncio_task_join(t, &o));
    note("%s=%s,%s,%lld", name, asyncio_err_name(rc),
         o.status == 77 ? "untouched" : asyncio_err_name(o.status), (long long)o.value.i);
    return rc;
}

ASYNC(awaits, (asyncio_task *) t, (const char *) name) {
    int rc = AWAIT(t);
    note("%s=%s", name, asyncio_err_name(rc));
    return rc;
}

ASYNC(joined, (int) code, (bool) cancelled) {
    asyncio_auto_task t = asyncio_create_task(ends(2, code));
    asyncio_auto_task j = asyncio_create_task(joins(t, "join"));
    TRY(AWAIT(asyncio_sleep(1)));
    if (cancelled) asyncio_task_cancel(t, "stop");
    note("end:%s", end_of(AWAIT(j)));
    RETURN();
}

TEST(the_end_of_the_task_is_data) {
    run_alone(joined(5, false));
    CHECK_NOTES("task:OK join=OK,OK,5 end:OK");
    run_alone(joined(ASYNCIO_KEY_ERROR, false));
    CHECK_NOTES("task:OK join=OK,KeyError,0 end:OK");
    run_alone(joined(5, true));
    CHECK_NOTES("task:CancelledError join=OK,CancelledError,0 end:OK");
}

TEST_ASYNC(a_joiner_that_is_cancelled_leaves_the_task_and_the_outcome_alone) {
    asyncio_auto_task t = asyncio_create_task(ends(2, 5));
    asyncio_auto_task j = asyncio_create_task(joins(t, "join"));
    TRY(AWAIT(asyncio_sleep(1)));
    unsigned long long before = turns();
    CHECK(asyncio_task_cancel(j, "me"));
    CHECK(asyncio_task_cancel(j, "again"));
    note("end:%s cancelling=%u", end_of(AWAIT(j)), asyncio_task_cancelling(j));
    CHECK_INT(turns() - before, 2); /* as for any cancelled wait: it runs, and then we do */
    note("t:%u", asyncio_task_cancelling(t));
    TRY(AWAIT(t));
    CHECK_NOTES("join=CancelledError,untouched,0 end:CancelledError cancelling=2 t:0 task:OK");
    RETURN();
}

ASYNC(both_cancelled, (bool) joiner_first) {
    asyncio_auto_task t = asyncio_create_task(ends(2, 5));
    asyncio_auto_task j = asyncio_create_task(joins(t, "join"));
    TRY(AWAIT(asyncio_sleep(1)));
    if (joiner_first) asyncio_task_cancel(j, NULL);
    asyncio_task_cancel(t, NULL);
    if (!joiner_first) asyncio_task_cancel(j, NULL);
    asyncio_ignore(AWAIT(j));
    RETURN();
}

TEST(when_both_are_cancelled_the_joiner_is_cancelled) {
    run_alone(both_cancelled(true));
    CHECK_NOTES("join=CancelledError,untouched,0 task:CancelledError");
    run_alone(both_cancelled(false));
    CHECK_NOTES("task:CancelledError join=CancelledError,untouched,0");
}

ASYNC(cancels_as_it_ends, (asyncio_task *) j) {
    TRY(AWAIT(asyncio_sleep(1))); /* armed after the task's: it has ended in this turn */
    asyncio_task_cancel(j, NULL);
    RETURN();
}

ASYNC(cancelled_in_the_turn_of_the_end) {
    asyncio_auto_task t = asyncio_create_task(ends(1, ASYNCIO_KEY_ERROR));
    asyncio_auto_task j = asyncio_create_task(joins(t, "join"));
    asyncio_auto_task c = asyncio_create_task(cancels_as_it_ends(j));
    TRY(AWAIT(c));
    asyncio_ignore(AWAIT(j));
    RETURN();
}

TEST(an_error_that_a_cancelled_joiner_has_not_seen_is_still_reported) {
    start_loop();
    CHECK_INT(run(cancelled_in_the_turn_of_the_end()), 0);
    CHECK_NOTES("task:OK join=CancelledError,untouched,0");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Task exception was never retrieved");
    end_loop();
}

TEST_ASYNC(joins_and_awaits_of_a_task_resume_in_one_turn_in_order) {
    asyncio_auto_task t = asyncio_create_task(ends(1, 5));
    asyncio_auto_task a = asyncio_create_task(awaits(t, "a"));
    asyncio_auto_task b = asyncio_create_task(joins(t, "b"));
    asyncio_auto_task c = asyncio_create_task(awaits(t, "c"));
    asyncio_auto_task d = asyncio_create_task(joins(t, "d"));
    TRY(AWAIT(c));
    TRY(AWAIT(d));
    CHECK(asyncio_task_done(a) && asyncio_task_done(b));
    CHECK_NOTES("task:OK a=OK b=OK,OK,5 c=OK d=OK,OK,5");
    RETURN();
}

TEST_ASYNC(a_join_of_a_task_that_is_done_does_not_suspend) {
    asyncio_auto_task t = asyncio_create_task(ends(0, 5));
    TRY(AWAIT(t));
    unsigned long long before = turns();
    TRY(AWAIT(joins(t, "join")));
    CHECK_INT(turns() - before, 0);
    CHECK_NOTES("task:OK join=OK,OK,5");
    RETURN();
}

TEST_ASYNC(a_request_made_before_the_join_is_delivered_in_it) {
    asyncio_auto_outcome o = { 77, asyncio_none(), NULL };
    asyncio_auto_task t = asyncio_create_task(ends(1, 5));
    asyncio_task_cancel(asyncio_current_task(), "early");
    note("%s", end_of(AWAIT(asyncio_task_join(t, &o))));
    note("%d", o.status);
    TRY(AWAIT(t));
    CHECK_NOTES("CancelledError 77 task:OK");
    RETURN();
}

ASYNC(joins_each_other, (asyncio_task **) other) {
    asyncio_auto_outcome o = { 0, asyncio_none(), NULL };
    return AWAIT(asyncio_task_join(*other, &o));
}

TEST_ASYNC(of_two_tasks_that_join_each_other_one_can_be_cancelled) {
    asyncio_task *a, *b;
    a = asyncio_create_task(joins_each_other(&b));
    b = asyncio_create_task(joins_each_other(&a));
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_task_cancel(a, NULL);
    note("%s", end_of(AWAIT(a)));
    note("%s", end_of(AWAIT(b)));
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    CHECK_NOTES("CancelledError OK");
    RETURN();
}

TEST(a_loop_that_closes_ends_a_join) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, ends(9, 5));
    asyncio_task *j = asyncio_loop_create_task(loop, joins(t, "join"));
    turn();
    asyncio_task_unref(t);
    asyncio_task_unref(j);
    end_loop();
    CHECK_NOTES("task:GeneratorExit join=GeneratorExit,untouched,0");
}
