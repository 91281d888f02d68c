/* SPDX-License-Identifier: MIT
 *
 * A group that is cancelled (asyncio_taskgroup_cancel) and somebody else who wants its task to
 * stop as well: in one turn in either order, while the group ends, in nested groups, in timeouts
 * and cancel scopes; and eager tasks that cancel their own group.
 */
#include "combine.h"

static asyncio_taskgroup *tg;

static void spawn(asyncio_coro c) { CHECK_INT(asyncio_taskgroup_spawn(tg, c), 0); }

/* ---- a request from outside, at every moment of the group's end ---- */

/* Cancel scopes reach the tasks of a group: here they do not disturb the cleaning. */
ASYNC(cleans_up_shielded, (double) cleanup) {
    int rc = AWAIT(asyncio_sleep(1000)), clean;
    ASYNC_WITH(block, asyncio_shielded(cleanup + 1, &clean)) clean = AWAIT(asyncio_sleep(cleanup));
    CHECK_INT(clean, 0);
    note("slow-cleaned");
    TRY(rc);
    RETURN();
}

enum body { ENDS, AWAITS, SWALLOWS };

/* Its task needs five seconds to clean up; what the block ended with is noted. */
ASYNC(ends_slowly, (int) body) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(cleans_up_shielded(5));
        TRY(AWAIT(asyncio_sleep(1)));
        asyncio_taskgroup_cancel(tg);
        if (body != ENDS) rc = AWAIT(asyncio_sleep(100));
        if (body == SWALLOWS) CHECK(asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)), rc = 0;
    }
    note("%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    RETURN();
}

/* If the body ended with the CancelledError of the group's own request, that one comes out. */
TEST(a_request_while_a_cancelled_group_ends_comes_out_with_its_message) { /* V15-1 */
    for (int body = ENDS; body <= SWALLOWS; body++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, ends_slowly(body));
        CHECK_INT(run(asyncio_sleep(3)), 0);
        asyncio_task_cancel(t, "mine");
        CHECK_INT(run(asyncio_sleep(20)), 0);
        CHECK_INT(asyncio_task_cancelling(t), 1);
        CHECK(asyncio_task_cancelled(t));
        CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR,
                    body == AWAITS ? NULL : "mine");
        asyncio_task_unref(t);
        end_loop();
        CHECK_NOTES("slow-cleaned CancelledError at 6");
    }
}

TEST(a_cancelled_group_that_nobody_else_wants_to_stop_ends_well) { /* V15-1 */
    for (int body = ENDS; body <= SWALLOWS; body++) {
        run_alone(ends_slowly(body));
        CHECK_NOTES("slow-cleaned OK at 6");
    }
}

ASYNC(limited) {
    int rc;
    bool expired = false;
    ASYNC_WITH(limit, asyncio_timeout(3, &rc)) {
        rc = AWAIT(ends_slowly(ENDS));
        expired = asyncio_timeout_expired(limit);
    }
    CHECK(expired);
    CHECK_INT(cancelling(), 0);
    TRY(rc);
    RETURN();
}

TEST(a_timeout_that_passes_while_a_cancelled_group_ends_is_not_lost) { /* V15-1 */
    start_loop();
    CHECK_ERROR(run(limited()), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_NOTES("slow-cleaned CancelledError at 6");
    CHECK_ERROR(run(asyncio_wait_for(ends_slowly(AWAITS), 3)), ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_NOTES("slow-cleaned CancelledError at 12");
    end_loop();
}

TEST(of_requests_from_outside_one_error_comes_out_and_all_are_counted) { /* V15-1 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, ends_slowly(ENDS));
    CHECK_INT(run(asyncio_sleep(3)), 0);
    asyncio_task_cancel(t, "first");
    turn();
    turn();
    asyncio_task_cancel(t, "second");
    CHECK_INT(run(asyncio_sleep(20)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 2);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "second");
    end_loop();
    CHECK_NOTES("slow-cleaned CancelledError at 6");
}

ASYNC(waits_in_a_group, (bool) in_exit) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(cleans_up("slow", 5));
        if (!in_exit) rc = AWAIT(asyncio_sleep(100));
    }
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(both_in_one_turn_and_in_either_order_cancel_the_task) { /* V15-1 */
    for (int i = 0; i < 4; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, waits_in_a_group(i & 1));
        CHECK_INT(run(asyncio_sleep(1)), 0);
        if (i & 2) asyncio_task_cancel(t, "mine");
        asyncio_taskgroup_cancel(tg);
        if (!(i & 2)) asyncio_task_cancel(t, "mine");
        CHECK_INT(run(asyncio_sleep(20)), 0);
        CHECK_INT(asyncio_task_cancelling(t), 1);
        CHECK(asyncio_task_cancelled(t));
        CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, i & 2 ? "mine" : NULL);
        end_loop();
        CHECK_NOTES("slow-cleaned CancelledError");
    }
}

ASYNC(cancels_itself_and_the_group, (bool) itself_first, (bool) members) {
    int rc;
    asyncio_task *self = asyncio_current_task();
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        if (members) spawn(cleans_up("slow", 5));
        TRY(AWAIT(asyncio_sleep(1)));
        if (itself_first) asyncio_task_cancel(self, "mine");
        asyncio_taskgroup_cancel(tg);
        if (!itself_first) asyncio_task_cancel(self, "mine");
    }
    /* Without members the exit does not suspend, and the request hits the next await. */
    if (!members) {
        CHECK_INT(rc, 0);
        rc = AWAIT(asyncio_sleep(1));
    }
    CHECK_ERROR(rc, ASYNCIO_CANCELLED_ERROR, itself_first ? NULL : "mine"); /* the last one's */
    CHECK_INT(cancelling(), 1);
    asyncio_task_uncancel(self);
    TRY(AWAIT(asyncio_sleep(1))); /* nothing is left over */
    RETURN();
}

TEST(a_task_that_cancels_itself_beside_its_group_is_cancelled_once) { /* V15-1 */
    for (int i = 0; i < 4; i++) {
        run_alone(cancels_itself_and_the_group(i & 1, i & 2));
        CHECK_NOTES(i & 2 ? "slow-cleaned" : "");
    }
}

/* ---- a task cancels its group ---- */

ASYNC(cancels_group_after, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    asyncio_taskgroup_cancel(tg);
    TRY(AWAIT(asyncio_sleep(100)));
    RETURN();
}

ASYNC(child_cancels_in_exit) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(cleans_up("slow", 5));
        spawn(cancels_group_after(1));
    }
    note("%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    RETURN();
}

TEST(a_task_that_cancels_its_group_during_the_exit_does_not_hide_a_request) { /* V15-1 */
    run_alone(child_cancels_in_exit());
    CHECK_NOTES("slow-cleaned OK at 6");
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, child_cancels_in_exit());
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 1); /* the group's */
    asyncio_task_cancel(t, "mine");
    CHECK_INT(run(asyncio_sleep(20)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "mine");
    end_loop();
    CHECK_NOTES("slow-cleaned CancelledError at 6");
}

ASYNC(makes_an_error_of_it) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(cleans_up("slow", 5));
        TRY(AWAIT(asyncio_sleep(1)));
        asyncio_taskgroup_cancel(tg);
        asyncio_ignore(AWAIT(asyncio_sleep(100)));
        RAISE(ASYNCIO_KEY_ERROR, "body");
    }
    RETURN();
}

TEST(a_request_during_the_exit_has_the_bodys_error_as_context) { /* V15-1 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, makes_an_error_of_it());
    CHECK_INT(run(asyncio_sleep(3)), 0);
    asyncio_task_cancel(t, "mine");
    CHECK_INT(run(asyncio_sleep(20)), 0);
    int rc = asyncio_task_result(t, NULL);
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "mine");
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "body");
    asyncio_error_unref(e);
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("slow-cleaned");
}

/* ---- groups in groups, in cancel scopes, in shielded blocks ---- */

static asyncio_taskgroup *outer;

ASYNC(nested, (bool) in_exit) {
    int rc, in = 1;
    ASYNC_WITH(around, asyncio_taskgroup(&rc)) {
        outer = around;
        ASYNC_WITH(block, asyncio_taskgroup(&in)) {
            tg = block;
            spawn(cleans_up("slow", 5));
            if (!in_exit) in = AWAIT(asyncio_sleep(100));
        }
        note("inner %s", asyncio_err_name(in));
        rc = in;
        if (rc < 0) break;
        rc = AWAIT(asyncio_sleep(0));
        note("went on");
    }
    note("outer %s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(an_outer_group_that_is_cancelled_while_the_inner_one_ends_is_not_swallowed) { /* V15-1 */
    for (int n = 0; n < 8; n++) {
        int i = n & 3;
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, nested(n & 4));
        CHECK_INT(run(asyncio_sleep(1)), 0);
        asyncio_taskgroup_cancel(i == 3 ? outer : tg);
        if (i > 0 && i < 3) CHECK_INT(run(asyncio_sleep(i - 1)), 0);
        if (i) asyncio_taskgroup_cancel(i == 3 ? tg : outer);
        CHECK_INT(run(asyncio_sleep(20)), 0);
        CHECK_INT(asyncio_task_cancelling(t), 0);
        CHECK_INT(asyncio_task_result(t, NULL), 0);
        asyncio_task_unref(t);
        end_loop();
        CHECK_NOTES(i ? "slow-cleaned inner CancelledError outer OK"
                      : "slow-cleaned inner OK went on outer OK");
    }
}

ASYNC(in_a_scope, (double) deadline) {
    int rc;
    asyncio_auto_cancelscope scope = NULL;
    ASYNC_WITH(block, asyncio_move_on_after(deadline, &rc)) {
        scope = asyncio_cancelscope_ref(block);
        rc = AWAIT(ends_slowly(AWAITS));
        if (rc < 0) break;
        rc = AWAIT(asyncio_sleep(1));
        if (rc >= 0) note("went on");
    }
    note("%d %d", asyncio_cancelscope_cancelled_caught(scope), (int)cancelling());
    TRY(rc);
    RETURN();
}

TEST(a_scope_that_is_cancelled_while_a_cancelled_group_ends_interrupts_what_follows) {
    run_alone(in_a_scope(3));
    CHECK_NOTES("slow-cleaned OK at 6 1 0");
    run_alone(in_a_scope(50));
    CHECK_NOTES("slow-cleaned OK at 6 went on 0 0");
}

TEST(a_request_inside_a_scope_comes_out_of_a_cancelled_group) { /* V15-1 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, in_a_scope(4));
    CHECK_INT(run(asyncio_sleep(3)), 0);
    asyncio_task_cancel(t, "mine");
    CHECK_INT(run(asyncio_sleep(20)), 0);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, NULL); /* the body's */
    end_loop();
    CHECK_NOTES("slow-cleaned CancelledError at 6 0 1");
}

ASYNC(in_a_shield) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(50, &rc)) rc = AWAIT(ends_slowly(AWAITS));
    CHECK_INT(rc, 0);
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(a_request_is_held_back_by_a_shield_around_a_cancelled_group) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, in_a_shield());
    CHECK_INT(run(asyncio_sleep(3)), 0);
    asyncio_task_cancel(t, "mine");
    CHECK_INT(run(asyncio_sleep(20)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "mine");
    end_loop();
    CHECK_NOTES("slow-cleaned OK at 6");
}

/* ---- eager tasks ---- */

ASYNC(cancels_then_waits, (int) depth, (bool) stubborn) {
    if (depth == 0) asyncio_taskgroup_cancel(tg);
    else
        TRY(asyncio_taskgroup_spawn(tg, cancels_then_waits(depth - 1, stubborn), .eager_start = 1));
    int rc = AWAIT(asyncio_sleep(100));
    note("%d-%s", depth, asyncio_err_name(rc));
    if (stubborn) asyncio_ignore(AWAIT(asyncio_sleep(5)));
    TRY(rc);
    RETURN();
}

ASYNC(has_eager_ones, (int) depth, (bool) stubborn, (bool) awaits) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        TRY(asyncio_taskgroup_spawn(tg, cancels_then_waits(depth, stubborn), .eager_start = 1));
        if (awaits) rc = AWAIT(asyncio_sleep(100));
    }
    note("%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    CHECK_INT(cancelling(), 0);
    RETURN();
}

TEST(an_eager_task_that_cancels_its_group_before_it_suspends_is_cancelled) { /* V15-1 */
    for (int awaits = 0; awaits < 2; awaits++) {
        run_alone(has_eager_ones(0, false, awaits));
        CHECK_NOTES("0-CancelledError OK at 0");
        run_alone(has_eager_ones(2, false, awaits));
        CHECK_NOTES("0-CancelledError 1-CancelledError 2-CancelledError OK at 0");
    }
}

TEST(a_request_from_outside_ends_a_group_that_an_eager_task_has_cancelled) { /* V15-1 */
    for (int awaits = 0; awaits < 2; awaits++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, has_eager_ones(1, true, awaits));
        CHECK_INT(run(asyncio_sleep(1)), 0);
        asyncio_task_cancel(t, "mine");
        CHECK_INT(run(asyncio_sleep(20)), 0);
        CHECK_INT(asyncio_task_cancelling(t), 1);
        CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, awaits ? NULL : "mine");
        end_loop();
        CHECK_NOTES("0-CancelledError 1-CancelledError CancelledError at 5");
    }
}
