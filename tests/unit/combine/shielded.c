/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/shielded.c: shielded blocks: what comes from outside is held back until the
 * block is left or its limit is over, and never lost; what belongs to the inside works as ever.
 */
#include "combine.h"

ASYNC(protected, (double) limit, (double) work) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(limit, &rc)) {
        rc = AWAIT(asyncio_sleep(work));
        note("body:%s at %g", asyncio_err_name(rc), now());
    }
    note("block:%s cancelling=%u", asyncio_err_name(rc), cancelling());
    if (rc < 0) return rc;
    rc = AWAIT(asyncio_sleep(1));
    note("next:%s", asyncio_err_name(rc));
    return rc;
}

ASYNC(cancels, (asyncio_coro *) what, (int) times) {
    asyncio_auto_task t = asyncio_create_task(*what);
    TRY(AWAIT(asyncio_sleep(1)));
    for (int i = 0; i < times; i++) CHECK(asyncio_task_cancel(t, "stop it"));
    int rc = AWAIT(t);
    asyncio_auto_error e = asyncio_error_take(rc);
    note("end:%s:%s at %g", asyncio_err_name(rc), rc < 0 ? asyncio_error_message(e) : "-", now());
    RETURN();
}

static void cancel_after_one_second(asyncio_coro what, int times) {
    run_alone(cancels(&what, times));
}

TEST(a_request_is_held_back_until_the_block_is_left_and_hits_the_next_wait) {
    cancel_after_one_second(protected(ASYNCIO_FOREVER, 5), 1);
    CHECK_NOTES("body:OK at 5 block:OK cancelling=1 next:CancelledError "
                "end:CancelledError:stop it at 5");
}

TEST(two_requests_that_are_held_back_are_delivered_as_one) {
    cancel_after_one_second(protected(ASYNCIO_FOREVER, 5), 2);
    CHECK_NOTES("body:OK at 5 block:OK cancelling=2 next:CancelledError "
                "end:CancelledError:stop it at 5");
}

TEST(the_limit_lets_a_request_through_that_was_held_back) {
    cancel_after_one_second(protected(3, 5), 1);
    CHECK_NOTES("body:CancelledError at 3 block:CancelledError cancelling=1 "
                "end:CancelledError:stop it at 3");
}

TEST(after_the_limit_a_request_is_delivered_at_once) {
    cancel_after_one_second(protected(0.5, 5), 1);
    CHECK_NOTES("body:CancelledError at 1 block:CancelledError cancelling=1 "
                "end:CancelledError:stop it at 1");
    cancel_after_one_second(protected(0, 5), 1);
    CHECK_NOTES("body:CancelledError at 1 block:CancelledError cancelling=1 "
                "end:CancelledError:stop it at 1");
    cancel_after_one_second(protected(-1, 5), 1);
    CHECK_NOTES("body:CancelledError at 1 block:CancelledError cancelling=1 "
                "end:CancelledError:stop it at 1");
}

TEST(a_limit_that_nobody_needs_does_nothing) {
    cancel_after_one_second(protected(3, 5), 0);
    CHECK_NOTES("body:OK at 5 block:OK cancelling=0 next:OK end:OK:- at 6");
}

ASYNC(returns_after) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) rc = AWAIT(asyncio_sleep(5));
    RETURN(1);
}

TEST(a_task_that_ends_with_a_request_held_back_ends_cancelled) {
    cancel_after_one_second(returns_after(), 1);
    CHECK_NOTES("end:CancelledError:stop it at 5");
}

ASYNC(takes_back) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        rc = AWAIT(asyncio_sleep(5));
        asyncio_task_uncancel(asyncio_current_task());
    }
    RETURN(1);
}

TEST(a_request_that_is_taken_back_while_it_is_held_is_forgotten) {
    cancel_after_one_second(takes_back(), 1);
    CHECK_NOTES("end:OK:- at 5");
}

ASYNC(inner_task) {
    int rc = AWAIT(asyncio_sleep(5));
    note("inner:%s", asyncio_err_name(rc));
    return rc;
}

ASYNC(awaits_in_block) {
    int rc;
    asyncio_auto_task t = asyncio_create_task(inner_task());
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) rc = AWAIT(t);
    return AWAIT(asyncio_sleep(0));
}

TEST(what_is_awaited_in_the_block_is_not_cancelled_either) {
    cancel_after_one_second(awaits_in_block(), 1);
    CHECK_NOTES("inner:OK end:CancelledError:stop it at 5");
}

ASYNC(awaits_protected) {
    asyncio_auto_task t = asyncio_create_task(awaits_in_block());
    return AWAIT(t);
}

TEST(a_request_that_comes_down_a_chain_of_tasks_is_held_back) {
    cancel_after_one_second(awaits_protected(), 1);
    CHECK_NOTES("inner:OK end:CancelledError:stop it at 5");
}

ASYNC(joins_in_block) {
    int rc;
    asyncio_auto_outcome outcome = { 0, asyncio_none(), NULL };
    asyncio_auto_task t = asyncio_create_task(inner_task());
    ASYNC_WITH(block, asyncio_shielded(3, &rc)) rc = AWAIT(asyncio_task_join(t, &outcome));
    note("join:%s at %g", asyncio_err_name(rc), now());
    asyncio_task_uncancel(asyncio_current_task());
    asyncio_ignore(rc);
    return AWAIT(t);
}

TEST(the_limit_reaches_a_join) {
    cancel_after_one_second(joins_in_block(), 1);
    CHECK_NOTES("join:CancelledError at 3 inner:OK end:OK:- at 5");
}

/* ---- what belongs to the inside ---- */

ASYNC(timeout_inside) {
    int rc, inner;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        ASYNC_WITH(tm, asyncio_timeout(2, &inner)) inner = AWAIT(asyncio_sleep(5));
        note("timeout:%s at %g", end_of(inner), now());
        rc = AWAIT(asyncio_sleep(1));
        note("body:%s cancelling=%u", asyncio_err_name(rc), cancelling());
    }
    return AWAIT(asyncio_sleep(0));
}

TEST(a_timeout_inside_the_block_works_and_does_not_let_others_in) {
    cancel_after_one_second(timeout_inside(), 1);
    CHECK_NOTES("timeout:TimeoutError at 2 body:OK cancelling=1 end:CancelledError:stop it at 3");
}

ASYNC(scope_inside) {
    int rc, inner;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        ASYNC_WITH(scope, asyncio_fail_after(2, &inner)) inner = AWAIT(asyncio_sleep(5));
        note("scope:%s at %g", end_of(inner), now());
        rc = AWAIT(asyncio_sleep(1));
        note("body:%s cancelling=%u", asyncio_err_name(rc), cancelling());
    }
    return AWAIT(asyncio_sleep(0));
}

TEST(a_scope_inside_the_block_works_and_does_not_let_others_in) {
    cancel_after_one_second(scope_inside(), 1);
    CHECK_NOTES("scope:TimeoutError at 2 body:OK cancelling=1 end:CancelledError:stop it at 3");
}

ASYNC(timeout_around_the_end) {
    int rc, inner, outer;
    ASYNC_WITH(tm, asyncio_timeout(4, &outer)) {
        ASYNC_WITH(block, asyncio_shielded(3, &rc)) {
            ASYNC_WITH(in, asyncio_timeout(2, &inner)) inner = AWAIT(asyncio_sleep(5));
            note("timeout:%s at %g", end_of(inner), now());
            rc = AWAIT(asyncio_sleep(5));
        }
        outer = rc;
    }
    note("outer:%s at %g cancelling=%u", asyncio_err_name(outer), now(), cancelling());
    return outer;
}

TEST(what_was_held_back_counts_again_once_it_is_delivered) {
    cancel_after_one_second(timeout_around_the_end(), 1);
    CHECK_NOTES("timeout:TimeoutError at 2 outer:CancelledError at 3 cancelling=1 "
                "end:CancelledError:stop it at 3");
}

TEST_ASYNC(timeouts_inside_the_block_without_requests_from_outside) {
    int rc, inner;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        ASYNC_WITH(tm, asyncio_timeout(2, &inner)) inner = AWAIT(asyncio_sleep(5));
        note("timeout:%s at %g", end_of(inner), now());
        rc = AWAIT(asyncio_wait_for(asyncio_sleep(5), 1));
        note("wait_for:%s at %g", end_of(rc), now());
        rc = 0;
    }
    note("cancelling=%u", cancelling());
    CHECK_NOTES("timeout:TimeoutError at 2 wait_for:TimeoutError at 3 cancelling=0");
    RETURN();
}

TEST_ASYNC(a_timeout_around_the_block_waits_for_its_end) {
    int rc, inner = 0;
    ASYNC_WITH(tm, asyncio_timeout(2, &rc)) {
        ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &inner))
        inner = AWAIT(asyncio_sleep(5));
        note("block:%s at %g", asyncio_err_name(inner), now());
        rc = AWAIT(asyncio_sleep(1));
    }
    note("timeout:%s at %g cancelling=%u", end_of(rc), now(), cancelling());
    CHECK_NOTES("block:OK at 5 timeout:TimeoutError at 5 cancelling=0");
    RETURN();
}

ASYNC(fails_late, (double) seconds) {
    TRY(AWAIT(asyncio_sleep(seconds)));
    RAISE(ASYNCIO_KEY_ERROR, "failed");
}

TEST_ASYNC(a_group_inside_the_block_interrupts_its_own_body) {
    int rc, group_rc = 0;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, fails_late(2)), 0);
            group_rc = AWAIT(asyncio_sleep(9));
            note("body:%s at %g", asyncio_err_name(group_rc), now());
        }
        note("group:%s", end_of(group_rc));
    }
    note("cancelling=%u", cancelling());
    CHECK_NOTES("body:CancelledError at 2 group:ExceptionGroup cancelling=0");
    RETURN();
}

TEST_ASYNC(a_scope_around_the_block_waits_and_one_inside_does_not) {
    int rc, inner_rc = 0, mid_rc = 0;
    ASYNC_BLOCK(outer, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(outer) {
        ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &mid_rc)) {
            ASYNC_BLOCK(inner, asyncio_move_on_after(3, &inner_rc));
            ASYNC_WITH_BLOCK(inner)
            inner_rc = AWAIT(asyncio_sleep(9));
            note("inner=%d at %g", asyncio_cancelscope_cancelled_caught(inner), now());
            mid_rc = AWAIT(asyncio_sleep(1));
            note("mid:%s at %g", asyncio_err_name(mid_rc), now());
        }
        rc = AWAIT(asyncio_sleep(1));
        note("out:%s", asyncio_err_name(rc));
    }
    note("outer=%d at %g", asyncio_cancelscope_cancelled_caught(outer), now());
    CHECK_NOTES("inner=1 at 3 mid:OK at 4 out:CancelledError outer=1 at 4");
    RETURN();
}

TEST_ASYNC(clean_up_in_a_cancelled_scope_has_the_time_of_the_limit) {
    int rc, inner = 0;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        asyncio_cancelscope_cancel(scope, NULL);
        ASYNC_WITH(block, asyncio_shielded(2, &inner)) {
            inner = AWAIT(asyncio_sleep(1));
            note("%s at %g", asyncio_err_name(inner), now());
            inner = AWAIT(asyncio_sleep(5));
            note("%s at %g", asyncio_err_name(inner), now());
        }
        rc = inner;
    }
    note("rc=%d caught=%d", rc, asyncio_cancelscope_cancelled_caught(scope));
    CHECK_NOTES("OK at 1 CancelledError at 2 rc=0 caught=1");
    RETURN();
}

/* ---- blocks in blocks ---- */

ASYNC(two_blocks, (double) outer, (double) inner) {
    int rc, inner_rc = 0;
    ASYNC_WITH(a, asyncio_shielded(outer, &rc)) {
        ASYNC_WITH(b, asyncio_shielded(inner, &inner_rc)) inner_rc = AWAIT(asyncio_sleep(5));
        note("inner:%s at %g", asyncio_err_name(inner_rc), now());
        rc = inner_rc < 0 ? inner_rc : AWAIT(asyncio_sleep(5));
        note("outer:%s at %g", asyncio_err_name(rc), now());
    }
    return AWAIT(asyncio_sleep(0));
}

TEST(of_two_blocks_both_must_let_go) {
    cancel_after_one_second(two_blocks(ASYNCIO_FOREVER, ASYNCIO_FOREVER), 1);
    CHECK_NOTES("inner:OK at 5 outer:OK at 10 end:CancelledError:stop it at 10");
    cancel_after_one_second(two_blocks(ASYNCIO_FOREVER, 2), 1);
    CHECK_NOTES("inner:OK at 5 outer:OK at 10 end:CancelledError:stop it at 10");
    cancel_after_one_second(two_blocks(2, ASYNCIO_FOREVER), 1);
    CHECK_NOTES("inner:OK at 5 outer:CancelledError at 5 end:OK:- at 5");
    cancel_after_one_second(two_blocks(3, 2), 1);
    CHECK_NOTES("inner:CancelledError at 3 outer:CancelledError at 3 end:OK:- at 3");
}

TEST_ASYNC(a_timeout_between_two_blocks_is_held_back_by_the_inner_one_only) {
    int rc, tm_rc = 0, inner_rc = 0;
    ASYNC_WITH(a, asyncio_shielded(ASYNCIO_FOREVER, &rc)) {
        ASYNC_WITH(tm, asyncio_timeout(2, &tm_rc)) {
            ASYNC_WITH(b, asyncio_shielded(ASYNCIO_FOREVER, &inner_rc))
            inner_rc = AWAIT(asyncio_sleep(5));
            note("inner:%s at %g", asyncio_err_name(inner_rc), now());
            tm_rc = AWAIT(asyncio_sleep(5));
        }
        note("timeout:%s at %g", end_of(tm_rc), now());
        rc = 0;
    }
    note("cancelling=%u", cancelling());
    CHECK_NOTES("inner:OK at 5 timeout:TimeoutError at 5 cancelling=0");
    RETURN();
}

/* ---- members of groups, runs, misuse ---- */

ASYNC(member) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(5, &rc)) rc = AWAIT(asyncio_sleep(3));
    note("saved:%s at %g", asyncio_err_name(rc), now());
    return AWAIT(asyncio_sleep(9));
}

TEST_ASYNC(a_member_of_a_group_that_is_aborted_finishes_its_block_first) {
    int rc = 0;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        CHECK_INT(asyncio_taskgroup_spawn(tg, member()), 0);
        CHECK_INT(asyncio_taskgroup_spawn(tg, fails_late(1)), 0);
    }
    note("group:%s at %g", end_of(rc), now());
    CHECK_NOTES("saved:OK at 3 group:ExceptionGroup at 3");
    RETURN();
}

ASYNC(misuse) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded((double)NAN, &rc)) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "Invalid deadline: NaN (not a number)");
    asyncio_block twice = asyncio_shielded(1, NULL);
    CHECK_INT(asyncio_block_enter(&twice), 0);
    CHECK_ERROR(asyncio_block_enter(&twice), ASYNCIO_RUNTIME_ERROR,
                "shielded has already been entered");
    CHECK_INT(asyncio_block_exit(&twice, -7), -7);
    RETURN();
}

TEST(misuse_of_a_shielded_block_gives_clear_errors) {
    run_alone(misuse());
    int rc;
    ASYNC_WITH(block, asyncio_shielded(1, &rc)) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "shielded should be used inside a task");
}

ASYNC_GEN(yields_inside) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(1, &rc)) rc = YIELD(asyncio_int(1));
    return rc;
}

TEST_ASYNC(a_generator_does_not_yield_inside_a_shielded_block) {
    asyncio_value v = asyncio_none();
    asyncio_auto_gen g = yields_inside();
    CHECK_ERROR(AWAIT(asyncio_gen_next(g), &v), ASYNCIO_RUNTIME_ERROR,
                "yield inside a cancel scope or a shielded block");
    RETURN();
}

ASYNC(stands_in_block) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) rc = AWAIT(asyncio_sleep(50));
    note("rc=%s", end_of(rc));
    RETURN();
}

TEST(closing_the_loop_is_not_held_back) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, stands_in_block());
    turn();
    asyncio_task_cancel(t, NULL);
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("rc=GeneratorExit");
}
