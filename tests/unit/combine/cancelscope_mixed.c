/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/cancelscope_mixed.c: cancel scopes among everything else that cancels: scopes
 * in scopes, requests to the task, timeouts, groups, conditions. Each absorbs or converts its own
 * cancellation, none is lost or counted twice, and nothing spins.
 */
#include "combine.h"

static bool caught(const asyncio_cancelscope *s) { return asyncio_cancelscope_cancelled_caught(s); }

/* ---- scopes in scopes ---- */

ASYNC(two_scopes, (int) which) {
    int rc, inner_rc;
    ASYNC_BLOCK(outer, asyncio_cancelscope(&rc));
    ASYNC_BLOCK(inner, asyncio_cancelscope(&inner_rc));
    ASYNC_WITH_BLOCK(outer) {
        ASYNC_WITH_BLOCK(inner) {
            if (which & 1) asyncio_cancelscope_cancel(inner, "inner");
            if (which & 2) asyncio_cancelscope_cancel(outer, "outer");
            inner_rc = AWAIT(asyncio_sleep(1));
        }
        note("inner:%s", asyncio_err_name(inner_rc));
        rc = inner_rc < 0 ? inner_rc : AWAIT(asyncio_sleep(1));
        note("outer:%s", asyncio_err_name(rc));
    }
    note("rc=%d inner=%d outer=%d at %g", rc, caught(inner), caught(outer), now());
    RETURN();
}

TEST(the_inner_of_two_scopes_is_cancelled) {
    run_alone(two_scopes(1));
    CHECK_NOTES("inner:OK outer:OK rc=0 inner=1 outer=0 at 1");
}

TEST(the_outer_of_two_scopes_is_cancelled) {
    run_alone(two_scopes(2));
    CHECK_NOTES("inner:CancelledError outer:CancelledError rc=0 inner=0 outer=1 at 0");
}

TEST(of_two_cancelled_scopes_the_outer_one_counts) {
    run_alone(two_scopes(3));
    CHECK_NOTES("inner:CancelledError outer:CancelledError rc=0 inner=0 outer=1 at 0");
}

TEST_ASYNC(an_outer_scope_cancelled_after_the_inner_one_interrupts_what_follows_that) {
    int rc, inner_rc;
    ASYNC_BLOCK(outer, asyncio_cancelscope(&rc));
    ASYNC_BLOCK(inner, asyncio_cancelscope(&inner_rc));
    ASYNC_WITH_BLOCK(outer) {
        ASYNC_WITH_BLOCK(inner) {
            asyncio_cancelscope_cancel(inner, NULL);
            inner_rc = AWAIT(asyncio_sleep(1));
            asyncio_cancelscope_cancel(outer, NULL);
        }
        note("inner=%d", caught(inner));
        rc = AWAIT(asyncio_sleep(1));
    }
    note("outer=%d", caught(outer));
    CHECK_NOTES("inner=1 outer=1");
    RETURN();
}

TEST_ASYNC(an_inner_failing_scope_gives_way_to_an_outer_one_with_the_same_deadline) {
    int rc, inner_rc;
    ASYNC_BLOCK(outer, asyncio_move_on_after(1, &rc));
    ASYNC_BLOCK(inner, asyncio_fail_after(1, &inner_rc));
    ASYNC_WITH_BLOCK(outer) {
        ASYNC_WITH_BLOCK(inner) inner_rc = AWAIT(asyncio_sleep(5));
        rc = inner_rc;
    }
    note("rc=%s inner=%d outer=%d", asyncio_err_name(rc), caught(inner), caught(outer));
    CHECK_NOTES("rc=OK inner=0 outer=1");
    RETURN();
}

/* ---- requests to the task ---- */

static asyncio_cancelscope *scope_of_victim;

ASYNC(victim, (int) wait) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        scope_of_victim = scope;
        rc = wait ? AWAIT(asyncio_sleep(100)) : AWAIT(asyncio_sleep(0));
        note("body:%s", asyncio_err_name(rc));
    }
    note("block:%s caught=%d cancelling=%u", asyncio_err_name(rc), caught(scope), cancelling());
    return rc;
}

/* order: 1 scope only, 2 task only, 3 scope then task, 4 task then scope. */
ASYNC(cancels_victim, (int) order, (int) wait) {
    asyncio_auto_task t = asyncio_create_task(victim(wait));
    TRY(AWAIT(asyncio_sleep(0)));
    if (order == 1 || order == 3) asyncio_cancelscope_cancel(scope_of_victim, NULL);
    if (order > 1) asyncio_task_cancel(t, NULL);
    if (order == 4) asyncio_cancelscope_cancel(scope_of_victim, NULL);
    note("end:%s", end_of(AWAIT(t)));
    RETURN();
}

TEST(a_request_to_the_task_goes_through_the_scope_whichever_came_first) {
    for (int wait = 0; wait <= 1; wait++) {
        run_alone(cancels_victim(1, wait));
        CHECK_NOTES("body:CancelledError block:OK caught=1 cancelling=0 end:OK");
        run_alone(cancels_victim(2, wait));
        CHECK_NOTES("body:CancelledError block:CancelledError caught=0 cancelling=1 "
                    "end:CancelledError");
        run_alone(cancels_victim(3, wait));
        CHECK_NOTES("body:CancelledError block:CancelledError caught=0 cancelling=1 "
                    "end:CancelledError");
        run_alone(cancels_victim(4, wait));
        CHECK_NOTES("body:CancelledError block:CancelledError caught=0 cancelling=1 "
                    "end:CancelledError");
    }
}

ASYNC(slow_to_stop) {
    int rc = AWAIT(asyncio_sleep(100));
    asyncio_ignore(AWAIT(asyncio_sleep(1)));
    return rc;
}

ASYNC(waits_for_slow, (asyncio_task *) slow) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        scope_of_victim = scope;
        rc = AWAIT(slow);
    }
    note("block:%s caught=%d", asyncio_err_name(rc), caught(scope));
    return rc;
}

ASYNC(cancels_twice, (bool) scope_first) {
    asyncio_auto_task slow = asyncio_create_task(slow_to_stop());
    asyncio_auto_task t = asyncio_create_task(waits_for_slow(slow));
    TRY(AWAIT(asyncio_sleep(1)));
    if (scope_first) asyncio_cancelscope_cancel(scope_of_victim, NULL);
    else asyncio_task_cancel(t, NULL);
    TRY(AWAIT(asyncio_sleep(0.5)));
    if (scope_first) asyncio_task_cancel(t, NULL);
    else asyncio_cancelscope_cancel(scope_of_victim, NULL);
    note("end:%s", end_of(AWAIT(t)));
    RETURN();
}

TEST(a_request_while_the_scope_waits_for_something_slow_is_not_lost) {
    run_alone(cancels_twice(true));
    CHECK_NOTES("block:CancelledError caught=0 end:CancelledError");
    run_alone(cancels_twice(false));
    CHECK_NOTES("block:CancelledError caught=0 end:CancelledError");
}

TEST_ASYNC(a_request_that_was_handled_and_taken_back_does_not_keep_the_scope_from_absorbing) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        asyncio_task_cancel(asyncio_current_task(), "mine");
        note("task:%s", end_of(AWAIT(asyncio_sleep(1))));
        asyncio_task_uncancel(asyncio_current_task());
        asyncio_cancelscope_cancel(scope, NULL);
        rc = AWAIT(asyncio_sleep(1));
    }
    note("rc=%d caught=%d cancelling=%u", rc, caught(scope), cancelling());
    CHECK_NOTES("task:CancelledError rc=0 caught=1 cancelling=0");
    RETURN();
}

TEST_ASYNC(a_scope_in_the_clean_up_of_a_cancelled_task_works) {
    int rc;
    asyncio_task_cancel(asyncio_current_task(), NULL);
    asyncio_ignore(AWAIT(asyncio_sleep(1))); /* the clean-up is bounded by a scope */
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(asyncio_sleep(9));
    note("rc=%d caught=%d cancelling=%u at %g", rc, caught(scope), cancelling(), now());
    CHECK_NOTES("rc=0 caught=1 cancelling=1 at 2");
    RETURN();
}

/* ---- timeouts ---- */

ASYNC(timeout_in_scope, (double) outer, (double) inner) {
    int rc, inner_rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(outer, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(b, asyncio_timeout(inner, &inner_rc)) inner_rc = AWAIT(asyncio_sleep(9));
        note("timeout:%s", asyncio_err_name(inner_rc));
        rc = inner_rc;
    }
    note("scope:%s caught=%d cancelling=%u at %g", end_of(rc), caught(scope), cancelling(), now());
    RETURN();
}

TEST(a_timeout_inside_a_scope_converts_its_own_cancellation_only) {
    run_alone(timeout_in_scope(2, 1));
    CHECK_NOTES("timeout:TimeoutError scope:TimeoutError caught=0 cancelling=0 at 1");
    run_alone(timeout_in_scope(1, 2));
    CHECK_NOTES("timeout:CancelledError scope:OK caught=1 cancelling=0 at 1");
}

ASYNC(scope_in_timeout, (double) outer, (double) inner) {
    int rc, inner_rc;
    ASYNC_WITH(a, asyncio_timeout(outer, &rc)) {
        ASYNC_BLOCK(scope, asyncio_move_on_after(inner, &inner_rc));
        ASYNC_WITH_BLOCK(scope)
        inner_rc = AWAIT(asyncio_sleep(9));
        note("scope:%s caught=%d", asyncio_err_name(inner_rc), caught(scope));
        rc = inner_rc;
    }
    note("timeout:%s cancelling=%u at %g", end_of(rc), cancelling(), now());
    RETURN();
}

TEST(a_scope_inside_a_timeout_lets_the_timeouts_cancellation_through) {
    run_alone(scope_in_timeout(2, 1));
    CHECK_NOTES("scope:OK caught=1 timeout:OK cancelling=0 at 1");
    run_alone(scope_in_timeout(1, 2));
    CHECK_NOTES("scope:CancelledError caught=0 timeout:TimeoutError cancelling=0 at 1");
}

TEST(a_scope_and_a_timeout_around_it_at_the_same_time) {
    run_alone(scope_in_timeout(1, 1));
    CHECK_NOTES("scope:CancelledError caught=0 timeout:TimeoutError cancelling=0 at 1");
}

/* ---- groups ---- */

ASYNC(member, (const char *) name, (double) seconds) {
    int rc = AWAIT(asyncio_sleep(seconds));
    note("%s:%s", name, asyncio_err_name(rc));
    return rc;
}

/* Cleans up with two waits: in a cancelled scope both fail at once. */
ASYNC(cleaner, (const char *) name) {
    int rc = AWAIT(asyncio_sleep(50));
    int again = AWAIT(asyncio_sleep(5));
    note("%s:%s,%s", name, asyncio_err_name(rc), asyncio_err_name(again));
    return rc;
}

ASYNC(group_in_scope, (bool) body_waits) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, cleaner("one")), 0);
            CHECK_INT(asyncio_taskgroup_spawn(tg, cleaner("two")), 0);
            if (body_waits) group_rc = AWAIT(asyncio_sleep(9));
        }
        note("group:%s", asyncio_err_name(group_rc));
        rc = group_rc;
    }
    note("scope:%s caught=%d cancelling=%u at %g", asyncio_err_name(rc), caught(scope),
         cancelling(), now());
    RETURN();
}

TEST(a_scope_reaches_the_tasks_of_a_group_inside_of_it_at_every_wait) {
    run_alone(group_in_scope(true));
    CHECK_NOTES("one:CancelledError,CancelledError two:CancelledError,CancelledError "
                "group:CancelledError scope:OK caught=1 cancelling=0 at 1");
    run_alone(group_in_scope(false));
    CHECK_NOTES("one:CancelledError,CancelledError two:CancelledError,CancelledError "
                "group:CancelledError scope:OK caught=1 cancelling=0 at 1");
}

TEST_ASYNC(a_scope_inside_a_groups_block_does_not_reach_the_groups_tasks) {
    int rc = 0, inner_rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        ASYNC_BLOCK(scope, asyncio_move_on_after(1, &inner_rc));
        ASYNC_WITH_BLOCK(scope) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, member("member", 3)), 0);
            inner_rc = AWAIT(asyncio_sleep(9));
        }
        note("scope:%s caught=%d at %g", asyncio_err_name(inner_rc), caught(scope), now());
    }
    note("group:%s at %g", asyncio_err_name(rc), now());
    CHECK_NOTES("scope:OK caught=1 at 1 member:OK group:OK at 3");
    RETURN();
}

ASYNC(creates_in_group, (asyncio_taskgroup *) tg) {
    note("creates");
    return asyncio_taskgroup_spawn(tg, member("late", 30));
}

TEST_ASYNC(a_task_belongs_to_the_scope_of_its_group_whoever_makes_it) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            asyncio_auto_task other = asyncio_create_task(creates_in_group(tg));
            group_rc = AWAIT(other);
        }
        rc = group_rc;
    }
    note("rc=%d caught=%d at %g", rc, caught(scope), now());
    CHECK_NOTES("creates late:CancelledError rc=0 caught=1 at 1");
    RETURN();
}

TEST_ASYNC(a_task_of_no_group_does_not_belong_to_the_scope) {
    int rc;
    asyncio_auto_task t = NULL;
    ASYNC_WITH(a, asyncio_move_on_after(1, &rc)) {
        t = asyncio_create_task(member("plain", 3));
        rc = AWAIT(asyncio_sleep(9));
    }
    note("scope at %g", now());
    TRY(AWAIT(t));
    CHECK_NOTES("scope at 1 plain:OK");
    RETURN();
}

ASYNC(nested_group, (const char *) name) {
    int rc = 0;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        CHECK_INT(asyncio_taskgroup_spawn(tg, cleaner(name)), 0);
    }
    note("%s-group:%s", name, asyncio_err_name(rc));
    return rc;
}

TEST_ASYNC(a_scope_reaches_groups_of_tasks_of_groups) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, nested_group("x")), 0);
            CHECK_INT(asyncio_taskgroup_spawn(tg, nested_group("y")), 0);
        }
        rc = group_rc;
    }
    note("rc=%d caught=%d at %g", rc, caught(scope), now());
    CHECK_NOTES("x:CancelledError,CancelledError y:CancelledError,CancelledError "
                "x-group:CancelledError y-group:CancelledError rc=0 caught=1 at 1");
    RETURN();
}

ASYNC(own_scope, (const char *) name, (double) seconds) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(seconds, &rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(asyncio_sleep(50));
    note("%s:%s caught=%d", name, asyncio_err_name(rc), caught(scope));
    return rc;
}

TEST_ASYNC(a_members_own_scope_absorbs_its_own_deadline_but_not_the_outer_scopes) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, own_scope("short", 1)), 0);
            CHECK_INT(asyncio_taskgroup_spawn(tg, own_scope("long", 9)), 0);
        }
        rc = group_rc;
    }
    note("rc=%d caught=%d at %g", rc, caught(scope), now());
    CHECK_NOTES("short:OK caught=1 long:CancelledError caught=0 rc=0 caught=1 at 2");
    RETURN();
}

TEST_ASYNC(a_task_made_in_a_cancelled_scope_never_runs) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            asyncio_cancelscope_cancel(scope, NULL);
            asyncio_auto_task t = asyncio_taskgroup_create_task(tg, member("never", 1));
            group_rc = asyncio_task_done(t) ? -1 : 0;
        }
        rc = group_rc;
    }
    note("rc=%d caught=%d", rc, caught(scope));
    CHECK_NOTES("rc=0 caught=1");
    RETURN();
}

ASYNC(eager_member) {
    note("eager");
    int rc = AWAIT(asyncio_sleep(9));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST_ASYNC(a_task_that_is_started_eagerly_belongs_to_the_scope_of_its_group) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, eager_member(), .eager_start = 1), 0);
        }
        rc = group_rc;
    }
    note("rc=%d at %g", rc, now());
    CHECK_NOTES("eager CancelledError rc=0 at 1");
    RETURN();
}

ASYNC(fails_late, (double) seconds) {
    TRY(AWAIT(asyncio_sleep(seconds)));
    RAISE(ASYNCIO_KEY_ERROR, "member failed");
}

ASYNC(failing_group_in_scope) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, fails_late(1)), 0);
            group_rc = AWAIT(asyncio_sleep(9));
        }
        note("group:%s", asyncio_err_name(group_rc));
        rc = group_rc;
    }
    note("scope:%s caught=%d cancelling=%u", end_of(rc), caught(scope), cancelling());
    RETURN();
}

TEST(a_member_that_fails_at_the_deadline_of_the_scope_is_not_swallowed) {
    run_alone(failing_group_in_scope());
    CHECK_STR(strstr(notes, "scope:") ? strstr(notes, "scope:") : notes,
              "scope:OK caught=1 cancelling=0");
}

TEST_ASYNC(a_group_that_is_cancelled_too_leaves_the_scopes_cancellation_to_the_scope) {
    int rc, group_rc = 0;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            asyncio_cancelscope_cancel(scope, NULL);
            group_rc = AWAIT(asyncio_sleep(9));
            asyncio_taskgroup_cancel(tg);
        }
        note("group:%s", asyncio_err_name(group_rc));
        rc = group_rc;
    }
    note("scope:%s caught=%d cancelling=%u", asyncio_err_name(rc), caught(scope), cancelling());
    CHECK_NOTES("group:CancelledError scope:OK caught=1 cancelling=0");
    RETURN();
}

/* ---- nothing spins ---- */

ASYNC(shielded_member, (double) seconds) {
    int rc;
    ASYNC_WITH(s, asyncio_shielded(ASYNCIO_FOREVER, &rc)) rc = AWAIT(asyncio_sleep(seconds));
    note("member:%s at %g", asyncio_err_name(rc), now());
    return rc;
}

TEST_ASYNC(a_group_that_waits_in_a_cancelled_scope_does_not_spin) {
    int rc, group_rc = 0;
    unsigned long long before = 0;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, shielded_member(1000)), 0);
            before = turns();
        }
        rc = group_rc;
    }
    note("rc=%d caught=%d at %g", rc, caught(scope), now());
    CHECK(turns() - before < 12);
    CHECK_NOTES("member:OK at 1000 rc=0 caught=1 at 1000");
    RETURN();
}

ASYNC(holds_lock, (asyncio_lock *) lock, (double) seconds) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    TRY(AWAIT(asyncio_sleep(seconds)));
    return asyncio_lock_release(lock);
}

TEST_ASYNC(a_condition_that_gets_its_lock_back_in_a_cancelled_scope_does_not_spin) {
    int rc;
    asyncio_auto_lock lock = asyncio_lock_new();
    asyncio_auto_condition c = asyncio_condition_new(lock);
    unsigned long long before = turns();
    TRY(AWAIT(asyncio_condition_acquire(c)));
    asyncio_auto_task other = asyncio_create_task(holds_lock(lock, 1000));
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) {
        rc = AWAIT(asyncio_condition_wait(c));
        note("wait:%s locked=%d at %g", asyncio_err_name(rc), asyncio_condition_locked(c), now());
    }
    CHECK(turns() - before < 16);
    note("caught=%d", caught(scope));
    CHECK_INT(asyncio_condition_release(c), 0);
    TRY(AWAIT(other));
    CHECK_NOTES("wait:CancelledError locked=1 at 1000 caught=1");
    RETURN();
}

/* ---- order and number ---- */

ASYNC(many_members, (size_t) count) {
    int rc, group_rc = 0;
    ASYNC_WITH(a, asyncio_move_on_after(1, &rc)) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            for (size_t i = 0; i < count; i++) {
                static const char *const names[] = { "a", "b", "c", "d" };
                const char *name = count <= 4 ? names[i] : NULL;
                asyncio_coro c = name ? member(name, 9) : asyncio_sleep(9);
                CHECK_INT(asyncio_taskgroup_spawn(tg, c), 0);
            }
        }
        rc = group_rc;
    }
    note("rc=%d at %g", rc, now());
    RETURN();
}

TEST(the_tasks_of_a_scope_are_interrupted_in_order_of_creation) {
    run_alone(many_members(4));
    CHECK_NOTES("a:CancelledError b:CancelledError c:CancelledError d:CancelledError rc=0 at 1");
}

TEST(a_scope_with_many_tasks) {
    run_alone(many_members(5000));
    CHECK_NOTES("rc=0 at 1");
}

ASYNC(deep, (int) depth) {
    int rc = 0;
    if (depth == 0) return AWAIT(asyncio_sleep(9));
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        CHECK_INT(asyncio_taskgroup_spawn(tg, deep(depth - 1)), 0);
    }
    return rc;
}

TEST_ASYNC(a_scope_over_groups_nested_three_hundred_deep) {
    int rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(deep(300));
    note("rc=%d caught=%d", rc, caught(scope));
    CHECK_NOTES("rc=0 caught=1");
    RETURN();
}

/* ---- the loop closes under it ---- */

ASYNC(left_behind) {
    int rc, group_rc = 0;
    ASYNC_WITH(a, asyncio_move_on_after(100, &rc)) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            CHECK_INT(asyncio_taskgroup_spawn(tg, own_scope("inner", 50)), 0);
            CHECK_INT(asyncio_taskgroup_spawn(tg, shielded_member(50)), 0);
            group_rc = AWAIT(asyncio_sleep(9));
        }
        rc = group_rc;
    }
    return rc;
}

TEST(a_loop_that_closes_over_a_scope_with_a_group_leaves_nothing_behind) {
    start_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, left_behind());
    for (int i = 0; i < 3; i++) turn();
    asyncio_task_unref(t);
    t = NULL;
    end_loop();
}
