/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/cancelscope.c: cancel scopes: every wait in a cancelled one fails, each
 * absorbs its own cancellation only, a result that is there comes first. The expectations are those
 * of include/asyncio/cancelscope.h; where trio and anyio agree they are theirs.
 */
#include "combine.h"

static void note_scope(const asyncio_cancelscope *s) {
    note("called=%d caught=%d why=%s", asyncio_cancelscope_cancel_called(s),
         asyncio_cancelscope_cancelled_caught(s),
         asyncio_cancelscope_reason(s) ? asyncio_cancelscope_reason(s) : "-");
}

static int cancel_scope(void *arg) {
    asyncio_cancelscope_cancel(arg, "stop");
    return 0;
}

/* ---- level-triggered ---- */

TEST_ASYNC(every_wait_in_a_cancelled_scope_fails_until_it_is_left) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        note("in:%s", end_of(AWAIT(asyncio_sleep(0))));
        asyncio_cancelscope_cancel(scope, "enough");
        note("zero:%s", end_of(AWAIT(asyncio_sleep(0))));
        note("sleep:%s", end_of(AWAIT(asyncio_sleep(5))));
        asyncio_auto_future f = asyncio_future_new();
        note("future:%s", end_of(AWAIT(f)));
        asyncio_queue *q = asyncio_queue_new(0);
        note("queue:%s", end_of(AWAIT(asyncio_queue_get(q))));
        asyncio_queue_unref(q);
        rc = AWAIT(asyncio_sleep(1));
    }
    note("rc=%d t=%g", rc, asyncio_loop_time(loop));
    note_scope(scope);
    note("after:%s", end_of(AWAIT(asyncio_sleep(1))));
    CHECK_NOTES("in:OK zero:CancelledError sleep:CancelledError future:CancelledError "
                "queue:CancelledError rc=0 t=0 called=1 caught=1 why=enough after:OK");
    RETURN();
}

TEST_ASYNC(a_scope_that_is_not_cancelled_changes_nothing_and_later_cannot_be) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(asyncio_sleep(1));
    note("rc=%d", rc);
    note_scope(scope);
    asyncio_cancelscope_cancel(scope, "too late");
    note_scope(scope);
    CHECK_NOTES("rc=0 called=0 caught=0 why=- called=0 caught=0 why=-");
    RETURN();
}

TEST_ASYNC(a_callback_cancels_a_scope_and_the_wait_in_it_ends_with_the_reason) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        CHECK_INT(asyncio_loop_call_later(loop, 2, cancel_scope, scope), 0);
        rc = AWAIT(asyncio_sleep(10));
        asyncio_error *e = asyncio_error_take(rc);
        note("%s:%s at %g", asyncio_err_name(rc), asyncio_error_message(e),
             asyncio_loop_time(loop));
        rc = asyncio_reraise(e);
    }
    note("rc=%d cancelling=%u", rc, asyncio_task_cancelling(asyncio_current_task()));
    CHECK_NOTES("CancelledError:stop at 2 rc=0 cancelling=0");
    RETURN();
}

ASYNC(ends_without_a_wait) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        asyncio_cancelscope_cancel(scope, NULL);
        rc = 0;
    }
    note_scope(scope);
    RETURN(7);
}

TEST(a_cancelled_scope_that_nobody_waits_in_catches_nothing) {
    start_loop();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, ends_without_a_wait(), &v), 0);
    CHECK_INT(v.i, 7);
    CHECK_NOTES("called=1 caught=0 why=-");
    end_loop();
}

/* ---- what comes out ---- */

ASYNC(fails_in_it, (int) code) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        asyncio_cancelscope_cancel(scope, NULL);
        rc = AWAIT(asyncio_sleep(1));
        if (code) RAISE(code, "while cleaning up");
        TRY(rc);
    }
    note_scope(scope);
    note("rc=%d", rc);
    RETURN(3);
}

TEST(a_try_that_leaves_by_the_scopes_cancellation_leaves_the_coroutine_with_success) {
    start_loop();
    CHECK_INT(run(fails_in_it(0)), 0);
    end_loop();
}

TEST(another_error_goes_through_a_cancelled_scope) {
    start_loop();
    CHECK_ERROR(run(fails_in_it(ASYNCIO_KEY_ERROR)), ASYNCIO_KEY_ERROR, "while cleaning up");
    end_loop();
}

ASYNC(raises_its_own, (bool) ignores) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        asyncio_cancelscope_cancel(scope, NULL);
        rc = AWAIT(asyncio_sleep(1));
        if (ignores) asyncio_ignore(rc);
        rc = asyncio_raise(ASYNCIO_CANCELLED_ERROR, NULL, NULL, "mine");
        if (ignores) {
            asyncio_ignore(rc);
            rc = ASYNCIO_CANCELLED_ERROR; /* a bare one */
        }
    }
    note("rc=%d", rc);
    note_scope(scope);
    RETURN();
}

TEST(a_cancelled_error_of_the_programs_own_is_absorbed_if_the_scope_has_interrupted) {
    run_alone(raises_its_own(false));
    CHECK_NOTES("rc=0 called=1 caught=1 why=-");
    run_alone(raises_its_own(true));
    CHECK_NOTES("rc=0 called=1 caught=1 why=-");
}

ASYNC(awaits_a_cancelled_one, (asyncio_future *) f, (bool) cancels) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        if (cancels) {
            asyncio_cancelscope_cancel(scope, NULL);
            asyncio_ignore(AWAIT(asyncio_sleep(0)));
        }
        rc = AWAIT(f);
    }
    note("rc=%s", end_of(rc));
    note_scope(scope);
    RETURN();
}

TEST(the_cancellation_of_what_is_awaited_is_not_the_scopes) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_future_cancel(f, "other");
    CHECK_INT(run(awaits_a_cancelled_one(f, false)), 0);
    CHECK_NOTES("rc=CancelledError called=0 caught=0 why=-");
    CHECK_INT(run(awaits_a_cancelled_one(f, true)), 0);
    CHECK_NOTES("rc=CancelledError called=1 caught=0 why=-");
    asyncio_future_unref(f);
    f = asyncio_loop_create_future(loop);
    asyncio_future_cancel(f, NULL);
    CHECK_INT(run(awaits_a_cancelled_one(f, true)), 0);
    CHECK_NOTES("rc=CancelledError called=1 caught=0 why=-");
    asyncio_future_unref(f);
    end_loop();
}

/* ---- results come first ---- */

static asyncio_cancelscope *shared_scope;

ASYNC(gets_item, (asyncio_queue *) q) {
    int rc;
    asyncio_value item = asyncio_none();
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        shared_scope = scope;
        rc = AWAIT(asyncio_queue_get(q), &item);
        note("item=%lld:%s", (long long)item.i, asyncio_err_name(rc));
        rc = AWAIT(asyncio_sleep(0));
    }
    note("rc=%d", rc);
    note_scope(scope);
    RETURN();
}

ASYNC(puts_and_cancels) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_auto_task t = asyncio_create_task(gets_item(q));
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_auto_future f = asyncio_future_new();
    CHECK_INT(asyncio_queue_put_nowait(q, asyncio_int(42)), 0);
    asyncio_cancelscope_cancel(shared_scope, "late");
    TRY(AWAIT(t));
    note("left=%zu", asyncio_queue_qsize(q));
    RETURN();
}

ASYNC(gets_result, (asyncio_future *) f) {
    int rc;
    asyncio_value v = asyncio_none();
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        shared_scope = scope;
        rc = AWAIT(f, &v);
        note("%s=%lld", asyncio_err_name(rc), (long long)v.i);
        rc = AWAIT(asyncio_sleep(0));
    }
    note("caught=%d", asyncio_cancelscope_cancelled_caught(scope));
    RETURN();
}

TEST_ASYNC(a_result_that_is_there_before_the_cancellation_is_delivered) {
    asyncio_auto_future f = asyncio_future_new();
    asyncio_auto_task t = asyncio_create_task(gets_result(f));
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(5)), 0);
    asyncio_cancelscope_cancel(shared_scope, NULL);
    TRY(AWAIT(t));
    CHECK_NOTES("OK=5 caught=1");
    RETURN();
}

TEST(an_item_handed_out_before_the_cancellation_is_not_lost) {
    run_alone(puts_and_cancels());
    CHECK_NOTES("item=42:OK rc=0 called=1 caught=1 why=late left=0");
}

/* ---- what is awaited is cancelled with it ---- */

ASYNC(child) {
    int rc = AWAIT(asyncio_sleep(10));
    note("child:%s", asyncio_err_name(rc));
    return rc;
}

ASYNC(stubborn_child) {
    asyncio_ignore(AWAIT(asyncio_sleep(10)));
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN(11);
}

TEST_ASYNC(a_task_that_is_awaited_in_the_scope_is_cancelled_as_by_task_cancel) {
    int rc;
    asyncio_value v = asyncio_none();
    asyncio_auto_task t = asyncio_create_task(child());
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(t, &v);
    note("rc=%d at %g cancelling=%u", rc, asyncio_loop_time(loop), asyncio_task_cancelling(t));
    note_scope(scope);
    CHECK_NOTES("child:CancelledError rc=0 at 2 cancelling=1 called=1 caught=1 why=deadline "
                "passed");
    RETURN();
}

TEST_ASYNC(a_task_that_refuses_gives_its_value_and_the_next_wait_fails) {
    int rc;
    asyncio_value v = asyncio_none();
    asyncio_auto_task t = asyncio_create_task(stubborn_child());
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) {
        rc = AWAIT(t, &v);
        note("%s=%lld at %g", asyncio_err_name(rc), (long long)v.i, asyncio_loop_time(loop));
        rc = AWAIT(asyncio_sleep(1));
    }
    note("rc=%d caught=%d", rc, asyncio_cancelscope_cancelled_caught(scope));
    CHECK_NOTES("OK=11 at 3 rc=0 caught=1");
    RETURN();
}

TEST_ASYNC(a_join_in_the_scope_leaves_the_task_alone) {
    int rc;
    asyncio_auto_outcome outcome = { 0, asyncio_none(), NULL };
    asyncio_auto_task t = asyncio_create_task(child());
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) {
        rc = AWAIT(asyncio_task_join(t, &outcome));
        note("%s at %g", asyncio_err_name(rc), asyncio_loop_time(loop));
    }
    note("rc=%d done=%d", rc, asyncio_task_done(t));
    TRY(AWAIT(t));
    CHECK_NOTES("CancelledError at 2 rc=0 done=0 child:OK");
    RETURN();
}

/* ---- deadlines ---- */

ASYNC(moves_on, (double) seconds) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(seconds, &rc));
    ASYNC_WITH_BLOCK(scope) {
        rc = AWAIT(asyncio_sleep(3));
        note("body:%s", asyncio_err_name(rc));
    }
    note("rc=%d at %g", rc, asyncio_loop_time(loop));
    note_scope(scope);
    RETURN();
}

TEST(move_on_after_ends_the_block_at_its_deadline_with_success) {
    run_alone(moves_on(1.5));
    CHECK_NOTES("body:CancelledError rc=0 at 1.5 called=1 caught=1 why=deadline passed");
}

TEST(move_on_after_that_is_in_time_or_has_no_deadline_changes_nothing) {
    run_alone(moves_on(3.5));
    CHECK_NOTES("body:OK rc=0 at 3 called=0 caught=0 why=-");
    run_alone(moves_on(ASYNCIO_FOREVER));
    CHECK_NOTES("body:OK rc=0 at 3 called=0 caught=0 why=-");
}

TEST(a_deadline_that_has_passed_lets_the_first_wait_fail) {
    run_alone(moves_on(0));
    CHECK_NOTES("body:CancelledError rc=0 at 0 called=1 caught=1 why=deadline passed");
    run_alone(moves_on(-1));
    CHECK_NOTES("body:CancelledError rc=0 at 0 called=1 caught=1 why=deadline passed");
}

ASYNC(is_limited, (double) seconds, (bool) by_hand) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_fail_after(seconds, &rc));
    ASYNC_WITH_BLOCK(scope) {
        if (by_hand) asyncio_cancelscope_cancel(scope, NULL);
        rc = AWAIT(asyncio_sleep(3));
    }
    note("caught=%d", asyncio_cancelscope_cancelled_caught(scope));
    if (rc == ASYNCIO_TIMEOUT_ERROR) {
        asyncio_auto_error e = asyncio_error_take(rc);
        note("TimeoutError from %s:%s",
             asyncio_err_name(asyncio_error_code(asyncio_error_cause(e))),
             asyncio_error_message(asyncio_error_cause(e)));
        rc = 0;
    }
    note("rc=%d", rc);
    RETURN();
}

TEST(fail_after_makes_a_timeout_error_of_its_deadline_only) {
    run_alone(is_limited(1, false));
    CHECK_NOTES("caught=1 TimeoutError from CancelledError:deadline passed rc=0");
    run_alone(is_limited(1, true));
    CHECK_NOTES("caught=1 rc=0");
    run_alone(is_limited(4, false));
    CHECK_NOTES("caught=0 rc=0");
}

TEST_ASYNC(deadlines_at_a_time_and_scopes_without_a_name) {
    int rc;
    ASYNC_WITH(block, asyncio_move_on_at(asyncio_loop_time(loop) + 2, &rc))
    rc = AWAIT(asyncio_sleep(9));
    note("rc=%d at %g", rc, asyncio_loop_time(loop));
    ASYNC_WITH(block, asyncio_fail_at(asyncio_loop_time(loop) + 2, &rc))
    rc = AWAIT(asyncio_sleep(9));
    note("rc=%s at %g", end_of(rc), asyncio_loop_time(loop));
    CHECK_NOTES("rc=0 at 2 rc=TimeoutError at 4");
    RETURN();
}

TEST_ASYNC(a_deadline_can_be_moved_taken_away_and_set_to_the_past) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        note("%g", asyncio_cancelscope_deadline(scope));
        CHECK_INT(asyncio_cancelscope_reschedule(scope, 5), 0);
        note("%g", asyncio_cancelscope_deadline(scope));
        rc = AWAIT(asyncio_sleep(2));
        note("%s", asyncio_err_name(rc));
        CHECK_INT(asyncio_cancelscope_reschedule(scope, ASYNCIO_FOREVER), 0);
        rc = AWAIT(asyncio_sleep(10));
        note("%s", asyncio_err_name(rc));
        CHECK_INT(asyncio_cancelscope_reschedule(scope, 3), 0); /* the past */
        rc = AWAIT(asyncio_sleep(1));
        note("%s", asyncio_err_name(rc));
    }
    note("rc=%d at %g", rc, asyncio_loop_time(loop));
    CHECK_NOTES("1 5 OK OK CancelledError rc=0 at 12");
    RETURN();
}

/* ---- misuse ---- */

ASYNC(misuses) {
    int rc;
    ASYNC_BLOCK(none, asyncio_move_on_after((double)NAN, &rc));
    ASYNC_WITH_BLOCK(none) note("not here");
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "Invalid deadline: NaN (not a number)");
    CHECK_PTR(none, NULL);
    asyncio_cancelscope_with twice = asyncio_cancelscope(NULL);
    CHECK_INT(asyncio_block_enter(&twice.block), 0);
    CHECK_ERROR(asyncio_block_enter(&twice.block), ASYNCIO_RUNTIME_ERROR,
                "CancelScope has already been entered");
    asyncio_auto_cancelscope scope = asyncio_cancelscope_ref(twice.object);
    CHECK_ERROR(asyncio_cancelscope_reschedule(scope, (double)NAN), ASYNCIO_VALUE_ERROR,
                "Invalid deadline: NaN (not a number)");
    CHECK_STR(REPR(asyncio_cancelscope_repr, scope), "<CancelScope active>");
    asyncio_cancelscope_cancel(scope, "once");
    asyncio_cancelscope_cancel(scope, "twice");
    CHECK_STR(asyncio_cancelscope_reason(scope), "once");
    CHECK_STR(REPR(asyncio_cancelscope_repr, scope), "<CancelScope cancelled>");
    CHECK_ERROR(asyncio_cancelscope_reschedule(scope, 5), ASYNCIO_RUNTIME_ERROR,
                "the cancel scope is cancelled");
    CHECK_INT(asyncio_block_exit(&twice.block, 0), 0);
    CHECK_ERROR(asyncio_block_exit(&twice.block, 0), ASYNCIO_RUNTIME_ERROR,
                "the block is not open");
    CHECK_ERROR(asyncio_cancelscope_reschedule(scope, 5), ASYNCIO_RUNTIME_ERROR,
                "the cancel scope has been left");
    CHECK_STR(REPR(asyncio_cancelscope_repr, scope), "<CancelScope left>");
    RETURN();
}

TEST(misuse_of_a_scope_gives_clear_errors) {
    run_alone(misuses());
    CHECK_ERROR(asyncio_cancelscope_reschedule(NULL, 1), ASYNCIO_TYPE_ERROR,
                "a cancel scope is required");
    asyncio_cancelscope_cancel(NULL, NULL);
    asyncio_cancelscope_unref(NULL);
    CHECK(asyncio_cancelscope_ref(NULL) == NULL);
    CHECK(!asyncio_cancelscope_cancel_called(NULL));
    CHECK(!asyncio_cancelscope_cancelled_caught(NULL));
    CHECK_PTR(asyncio_cancelscope_reason(NULL), NULL);
    CHECK(isnan(asyncio_cancelscope_deadline(NULL)));
    CHECK_STR(REPR(asyncio_cancelscope_repr, NULL), "None");
}

TEST(a_scope_is_entered_inside_a_task) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "CancelScope should be used inside a task");
    CHECK_PTR(scope, NULL);
}

ASYNC_GEN(yields_inside) {
    int rc;
    ASYNC_WITH(block, asyncio_move_on_after(1, &rc)) {
        int yielded = YIELD(asyncio_int(1));
        rc = yielded;
    }
    return rc;
}

TEST_ASYNC(a_generator_does_not_yield_inside_a_scope) {
    asyncio_value v = asyncio_none();
    asyncio_auto_gen g = yields_inside();
    CHECK_ERROR(AWAIT(asyncio_gen_next(g), &v), ASYNCIO_RUNTIME_ERROR,
                "yield inside a cancel scope or a shielded block");
    RETURN();
}

/* ---- the end of the loop ---- */

static asyncio_cancelscope *kept;

ASYNC(stands_in_scope) {
    int rc;
    ASYNC_WITH(scope, asyncio_move_on_after(100, &rc)) {
        kept = asyncio_cancelscope_ref(scope);
        rc = AWAIT(asyncio_sleep(50));
    }
    note("rc=%s", end_of(rc));
    RETURN();
}

TEST(a_loop_that_closes_leaves_the_scopes_of_its_tasks) {
    start_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, stands_in_scope());
    turn();
    CHECK_STR(REPR(asyncio_cancelscope_repr, kept), "<CancelScope active deadline=100.000>");
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_NOTES("rc=GeneratorExit");
    asyncio_cancelscope_cancel(kept, "nobody there");
    CHECK(!asyncio_cancelscope_cancel_called(kept));
    CHECK_STR(REPR(asyncio_cancelscope_repr, kept), "<CancelScope left deadline=100.000>");
    asyncio_cancelscope_unref(kept);
    asyncio_loop_unref(loop);
}

ASYNC(never_ends) {
    int rc;
    ASYNC_WITH(scope, asyncio_move_on_after(100, &rc)) {
        kept = scope;
        for (;;) asyncio_ignore(AWAIT(asyncio_sleep(1)));
    }
    RETURN();
}

TEST(a_task_that_never_ends_is_taken_out_of_its_scopes) {
    start_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, never_ends());
    turn();
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_cancelscope_cancel(kept, NULL);
    asyncio_loop_unref(loop);
}
