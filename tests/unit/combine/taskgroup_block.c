/* SPDX-License-Identifier: MIT
 *
 * TaskGroup as a thing to enter and leave: by which ways its body is left, the pair of enter and
 * exit, what it refuses in which state, and ending it early.
 */
#include "combine.h"

static asyncio_taskgroup *tg;

static void spawn(asyncio_coro c) { CHECK_INT(asyncio_taskgroup_spawn(tg, c), 0); }

#define REPR_OF(tg) REPR(asyncio_taskgroup_repr, tg)

static void check_group(int rc, int code) {
    CHECK_INT(rc, ASYNCIO_EXCEPTION_GROUP);
    asyncio_auto_error group = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_count(group), 1);
    CHECK_INT(asyncio_error_code(asyncio_error_child(group, 0)), code);
}

/* ---- ways out of the body ---- */

enum way { BY_END, BY_BREAK, BY_RETURN, BY_TRY, BY_RAISE };

ASYNC(leaves, (enum way) way, (asyncio_coro *) child) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(*child);
        pass(1);
        if (way == BY_BREAK) break;
        if (way == BY_RETURN) RETURN(counted());
        if (way == BY_TRY) TRY(AWAIT(fails(ASYNCIO_VALUE_ERROR, "tried")));
        if (way == BY_RAISE) RAISE(ASYNCIO_VALUE_ERROR, "raised");
    }
    note("after:%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    RETURN();
}

static int run_leaving(enum way way, asyncio_coro child) {
    start_loop();
    int rc = run(leaves(way, &child));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(however_the_body_is_left_its_tasks_are_waited_for) {
    CHECK_INT(run_leaving(BY_END, sleeper("child", 1)), 0);
    end_loop();
    CHECK_NOTES("child after:OK OK");
    CHECK_INT(run_leaving(BY_BREAK, sleeper("child", 1)), 0);
    end_loop();
    CHECK_NOTES("child after:OK OK");
    CHECK_INT(run_leaving(BY_RETURN, sleeper("child", 1)), 0);
    end_loop();
    CHECK_NOTES("child OK");
    CHECK_ALL_DROPPED();
}

TEST(left_by_an_error_it_cancels_its_tasks_and_the_group_leaves_the_coroutine) {
    for (int way = BY_TRY; way <= BY_RAISE; way++) {
        int rc = run_leaving((enum way)way, sleeper("child", 1));
        check_group(rc, ASYNCIO_VALUE_ERROR);
        end_loop();
        CHECK_NOTES("child-cancelled ExceptionGroup");
    }
}

TEST(an_error_of_a_task_replaces_the_value_that_is_returned) {
    int rc = run_leaving(BY_RETURN, fails_after(1, ASYNCIO_KEY_ERROR, "k"));
    check_group(rc, ASYNCIO_KEY_ERROR);
    end_loop();
    CHECK_NOTES("ExceptionGroup");
    CHECK_ALL_DROPPED();
    rc = run_leaving(BY_BREAK, fails_after(1, ASYNCIO_KEY_ERROR, "k"));
    CHECK_INT(rc, 0);
    end_loop();
    CHECK_NOTES("after:ExceptionGroup OK");
}

ASYNC(waits_in_a_group) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("child", 10));
        TRY(AWAIT(asyncio_sleep(10)));
    }
    return rc;
}

TEST(loop_closed_inside_a_group) {
    for (int exiting = 0; exiting < 2; exiting++) {
        start_loop();
        asyncio_coro child = sleeper("child", 10);
        asyncio_task *t =
            asyncio_loop_create_task(loop, exiting ? leaves(BY_BREAK, &child) : waits_in_a_group());
        CHECK_INT(run(asyncio_sleep(5)), 0);
        asyncio_loop_close(loop);
        asyncio_task_unref(t);
        end_loop();
    }
    CHECK_NOTES("child-cancelled after:GeneratorExit child-cancelled");
}

/* ---- the pair ---- */

ASYNC(as_a_pair, (int) code) {
    asyncio_taskgroup *g;
    TRY(asyncio_taskgroup_enter(&g));
    TRY(asyncio_taskgroup_spawn(g, sleeper("child", 1)));
    int rc = code < 0 ? asyncio_raise(code, ASYNCIO_WHERE, __func__, "body") : 0;
    rc = AWAIT(asyncio_taskgroup_exit(g, rc));
    CHECK_STR(REPR_OF(g), code < 0 ? "<TaskGroup errors=1 cancelling>" : "<TaskGroup entered>");
    note("%s", asyncio_err_name(rc));
    if (code < 0) check_group(rc, code);
    CHECK_ERROR(AWAIT(asyncio_taskgroup_exit(g, 0)), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup is not open here");
    CHECK_ERROR(asyncio_taskgroup_spawn(g, noop()), ASYNCIO_RUNTIME_ERROR, "TaskGroup is finished");
    asyncio_taskgroup_unref(g);
    RETURN();
}

TEST(enter_and_exit_are_the_block_in_two_calls) {
    run_alone(as_a_pair(0));
    CHECK_NOTES("child OK");
    run_alone(as_a_pair(ASYNCIO_VALUE_ERROR));
    CHECK_NOTES("ExceptionGroup");
}

ASYNC(left_open, (int) code) {
    asyncio_taskgroup *g;
    TRY(asyncio_taskgroup_enter(&g));
    TRY(asyncio_taskgroup_spawn(g, sleeper("child", 1)));
    asyncio_taskgroup_unref(g);
    if (code < 0) RAISE(code, "body");
    RETURN(counted());
}

TEST(a_pair_left_open_is_closed_with_the_frame) {
    run_alone(left_open(0));
    CHECK_NOTES("child");
    CHECK_ALL_DROPPED();
    start_loop();
    check_group(run(left_open(ASYNCIO_VALUE_ERROR)), ASYNCIO_VALUE_ERROR);
    end_loop();
    CHECK_NOTES("");
}

ASYNC(exits_elsewhere, (asyncio_taskgroup *) g) {
    CHECK_ERROR(AWAIT(asyncio_taskgroup_exit(g, 0)), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup is not open here");
    CHECK_ERROR(AWAIT(asyncio_taskgroup_exit(NULL, 0)), ASYNCIO_TYPE_ERROR, "a group is required");
    RETURN();
}

TEST_ASYNC(exit_belongs_to_the_task_and_form_that_entered) {
    asyncio_taskgroup *g;
    int rc;
    TRY(asyncio_taskgroup_enter(&g));
    asyncio_auto_task t = asyncio_create_task(exits_elsewhere(g)); /* another task */
    TRY(AWAIT(t));
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        CHECK_ERROR(AWAIT(asyncio_taskgroup_exit(block, 0)), ASYNCIO_RUNTIME_ERROR,
                    "TaskGroup is not open here"); /* a block leaves by itself */
    }
    TRY(rc);
    asyncio_auto_task late = asyncio_create_task(asyncio_taskgroup_exit(g, 0)); /* holds it */
    TRY(AWAIT(asyncio_taskgroup_exit(g, 0)));
    asyncio_taskgroup_unref(g);
    CHECK_ERROR(AWAIT(late), ASYNCIO_RUNTIME_ERROR, "TaskGroup is not open here");
    RETURN();
}

TEST(a_group_is_entered_inside_a_task) { /* TG-1 */
    asyncio_taskgroup *g = NULL;
    CHECK_ERROR(asyncio_taskgroup_enter(&g), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup cannot determine the parent task");
    CHECK_PTR(g, NULL);
    CHECK_ERROR(asyncio_taskgroup_enter(NULL), ASYNCIO_TYPE_ERROR,
                "a place for the group is required");
    int rc = 0;
    ASYNC_BLOCK(block, asyncio_taskgroup(&rc));
    ASYNC_WITH_BLOCK(block) FAIL("entered");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "TaskGroup should be used inside a task");
    CHECK_PTR(block, NULL);
}

TEST_ASYNC(a_group_is_entered_once_and_left_once) { /* TG-1 */
    asyncio_taskgroup_with with = asyncio_taskgroup(NULL);
    TRY(asyncio_block_enter(&with.block));
    CHECK_ERROR(asyncio_block_enter(&with.block), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup has already been entered");
    TRY(asyncio_block_exit(&with.block, 0));
    CHECK_ERROR(asyncio_block_enter(&with.block), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup has already been entered");
    CHECK_ERROR(asyncio_block_exit(&with.block, 0), ASYNCIO_RUNTIME_ERROR, "the block is not open");
    RETURN();
}

ASYNC(is_asked_later, (bool) leaves_early) {
    int rc;
    ASYNC_BLOCK(g, asyncio_taskgroup(&rc));
    CHECK_PTR(g, NULL);
    ASYNC_WITH_BLOCK(g) {
        TRY(asyncio_taskgroup_spawn(g, noop()));
        CHECK_STR(REPR_OF(g), "<TaskGroup tasks=1 entered>");
        if (leaves_early) break;
        TRY(AWAIT(asyncio_sleep(1)));
    }
    TRY(rc);
    CHECK_STR(REPR_OF(g), "<TaskGroup entered>");
    CHECK_ERROR(asyncio_taskgroup_spawn(g, noop()), ASYNCIO_RUNTIME_ERROR, "TaskGroup is finished");
    RETURN();
}

TEST(a_group_that_is_declared_before_its_block_is_there_after_it) {
    run_alone(is_asked_later(false));
    run_alone(is_asked_later(true));
}

/* ---- refused tasks ---- */

static int released;
static int capture(void *args) {
    (void)args;
    return 0;
}
static void release(void *args) {
    (void)args;
    released++;
}
static int run_nothing(const void *args, asyncio_value *result) {
    (void)args, (void)result;
    return 0;
}
static const asyncio_coro_type capturing_type = { .size = sizeof capturing_type,
                                                  .name = "capturing",
                                                  .file = __FILE__,
                                                  .run = run_nothing,
                                                  .capture = capture,
                                                  .release = release };

/* What the object holds is let go, whether the group takes it or not. */
static asyncio_coro held(void) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &capturing_type;
    CHECK_INT(asyncio_coro_hold(&c), 0);
    return c;
}

ASYNC(tries_late) {
    int rc = AWAIT(asyncio_sleep(10));
    CHECK_NULL_ERROR(asyncio_taskgroup_create_task(tg, noop()), ASYNCIO_RUNTIME_ERROR,
                     "TaskGroup is shutting down");
    TRY(rc);
    RETURN();
}

ASYNC(refuses) {
    int rc;
    asyncio_taskgroup_with with = asyncio_taskgroup(&rc);
    asyncio_taskgroup *g = with.object;
    CHECK_PTR(g, NULL);
    CHECK_NULL_ERROR(asyncio_taskgroup_create_task(g, noop()), ASYNCIO_TYPE_ERROR,
                     "a group and options are required");
    CHECK_NULL_ERROR(asyncio_taskgroup_create_task_with(g, NULL), ASYNCIO_TYPE_ERROR,
                     "a group and options are required");
    TRY(asyncio_block_enter(&with.block));
    g = asyncio_taskgroup_ref(with.object);
    asyncio_coro none = noop();
    none.type = NULL;
    CHECK_ERROR(asyncio_taskgroup_spawn(g, none), ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    CHECK_STR(REPR_OF(g), "<TaskGroup entered>");
    tg = g;
    spawn(tries_late());
    spawn(fails(ASYNCIO_KEY_ERROR, "k"));
    rc = AWAIT(asyncio_sleep(1));
    CHECK_ERROR(asyncio_taskgroup_spawn(g, noop()), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup is shutting down");
    rc = asyncio_block_exit(&with.block, rc);
    check_group(rc, ASYNCIO_KEY_ERROR);
    CHECK_ERROR(asyncio_taskgroup_spawn(g, noop()), ASYNCIO_RUNTIME_ERROR, "TaskGroup is finished");
    asyncio_taskgroup_unref(g);
    RETURN();
}

/* TG-2 */
TEST(a_group_takes_no_tasks_before_after_or_while_it_shuts_down) { run_alone(refuses()); }

static int try_late(asyncio_future *f, void *g) {
    (void)f;
    CHECK_ERROR(asyncio_taskgroup_spawn((asyncio_taskgroup *)g, noop()), ASYNCIO_RUNTIME_ERROR,
                "TaskGroup is finished");
    note("refused");
    return 0;
}

TEST_ASYNC(for_a_later_callback_of_the_last_task_the_group_is_finished) { /* TG-5 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        asyncio_auto_task t = asyncio_taskgroup_create_task(tg, gives_after(1, 1));
        TRY(asyncio_task_add_done_callback(t, try_late, tg));
    }
    TRY(rc);
    CHECK_NOTES("refused");
    RETURN();
}

ASYNC(spawns_forever, (int) depth) {
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(asyncio_taskgroup_spawn(tg, spawns_forever(depth + 1)));
    if (depth == 5) RAISE(ASYNCIO_KEY_ERROR, "enough");
    RETURN();
}

/* TG-30 */
TEST_ASYNC(tasks_that_spawn_for_ever_end_with_the_first_failure) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(spawns_forever(0));
    }
    check_group(rc, ASYNCIO_KEY_ERROR);
    RETURN();
}

TEST_ASYNC(a_refused_coroutine_object_stays_the_callers) { /* TG-2 */
    int rc;
    asyncio_taskgroup *g;
    TRY(asyncio_taskgroup_enter(&g));
    asyncio_coro c = held();
    TRY(asyncio_taskgroup_spawn(g, c));
    asyncio_coro_drop(&c);
    rc = AWAIT(asyncio_taskgroup_exit(g, 0));
    CHECK_INT(released, 2); /* its copy, and the one that was held */
    c = held();
    CHECK_ERROR(asyncio_taskgroup_spawn(g, c), ASYNCIO_RUNTIME_ERROR, "TaskGroup is finished");
    asyncio_coro_drop(&c);
    CHECK_INT(released, 4); /* a copy that was refused, and the one that was held */
    asyncio_taskgroup_unref(g);
    TRY(rc);
    RETURN();
}

/* ---- ending it early ---- */

ASYNC(cancels_the_group, (bool) inside) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("a", 10));
        spawn(sleeper("b", 10));
        pass(1);
        if (inside) {
            asyncio_taskgroup_cancel(tg);
            asyncio_taskgroup_cancel(tg);
            CHECK_STR(REPR_OF(tg), "<TaskGroup tasks=2 cancelling>");
            rc = AWAIT(sleeper("body", 10));
            CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
        }
    }
    CHECK_INT(rc, 0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    note("fine");
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(cancel_ends_the_tasks_and_the_body_and_the_block_ends_well) { /* V15-1 */
    run_alone(cancels_the_group(true));
    CHECK_NOTES("a-cancelled b-cancelled body-cancelled fine");
}

TEST(cancel_from_outside_while_it_exits) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, cancels_the_group(false));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_taskgroup_cancel(tg);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_ENDED(t, 0, NULL);
    end_loop();
    CHECK_NOTES("a-cancelled b-cancelled fine");
}

TEST_ASYNC(cancel_of_an_empty_group_leaves_nothing_over) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        asyncio_taskgroup_cancel(tg);
    }
    CHECK_INT(rc, 0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    TRY(AWAIT(asyncio_sleep(1))); /* nothing is left over */
    RETURN();
}

ASYNC(cancels_group) {
    asyncio_taskgroup_cancel(tg);
    RETURN();
}

ASYNC(child_cancels, (int) eager) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("other", 10));
        TRY(asyncio_taskgroup_spawn(tg, cancels_group(), .eager_start = eager));
        rc = AWAIT(asyncio_sleep(10));
    }
    CHECK_INT(rc, 0);
    CHECK_DOUBLE(now(), 0.0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST(a_task_may_end_its_group_also_eagerly) { /* V15-1 */
    run_alone(child_cancels(0));
    CHECK_NOTES("other-cancelled");
    run_alone(child_cancels(1));
    CHECK_NOTES("");
}

ASYNC(cancelled_both_ways) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(cleans_up("slow", 5));
        pass(1);
        asyncio_taskgroup_cancel(tg);
        rc = AWAIT(asyncio_sleep(10));
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    }
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(a_cancellation_from_outside_is_not_swallowed_by_the_groups_own) { /* V15-1 */
    for (int i = 0; i < 2; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, cancelled_both_ways());
        for (int n = 0; n < (i ? 2 : 5); n++) turn();
        asyncio_task_cancel(t, "m");
        CHECK_INT(run(asyncio_sleep(20)), 0);
        CHECK_INT(asyncio_task_cancelling(t), 1);
        CHECK(asyncio_task_cancelled(t));
        asyncio_task_unref(t);
        end_loop();
        CHECK_NOTES("slow-cleaned CancelledError");
    }
}

TEST_ASYNC(an_error_in_the_cleanup_after_cancel_is_raised) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"));
        pass(1);
        asyncio_taskgroup_cancel(tg);
    }
    check_group(rc, ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST_ASYNC(cancel_after_the_end_does_nothing) {
    asyncio_taskgroup *g;
    TRY(asyncio_taskgroup_enter(&g));
    TRY(AWAIT(asyncio_taskgroup_exit(g, 0)));
    asyncio_taskgroup_cancel(g);
    asyncio_taskgroup_cancel(NULL);
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_taskgroup_unref(g);
    RETURN();
}

/* ---- values ---- */

ASYNC(groups_counted, (double) delay) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(gives_counted_anyway(delay));
        asyncio_auto_task t = asyncio_taskgroup_create_task(tg, gives_counted_after(1));
        spawn(fails_after(2, ASYNCIO_KEY_ERROR, "k"));
        rc = AWAIT(t);
        asyncio_ignore(rc);
        if (rc >= 0) RETURN(counted());
    }
    return rc;
}

TEST(whenever_the_parent_is_cancelled_every_value_is_dropped_once) {
    static const double times[] = { 0, 0.5, 1, 2, 3 };
    for (int i = 0; i < 5 * 6; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, groups_counted(i % 2 ? 3 : 0.5));
        CHECK_INT(run(asyncio_sleep(times[i % 5])), 0);
        for (int n = 0; n < i / 5; n++) turn();
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_ignore(asyncio_task_result(t, NULL));
        asyncio_task_unref(t);
        end_loop();
        CHECK_ALL_DROPPED();
    }
}

ASYNC(leaves_a_group, (asyncio_taskgroup **) left) {
    TRY(asyncio_taskgroup_enter(left));
    TRY(asyncio_taskgroup_spawn(*left, gives_counted()));
    TRY(AWAIT(asyncio_taskgroup_exit(*left, 0)));
    RETURN(counted());
}

TEST(a_group_that_was_left_keeps_neither_its_tasks_nor_its_parent) { /* TG-29, V14-5 */
    asyncio_taskgroup *left = NULL;
    start_loop();
    asyncio_task_unref(asyncio_loop_create_task(loop, leaves_a_group(&left)));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
    asyncio_taskgroup_unref(left);
    end_loop();
}

TEST(nothing_has_a_repr) { CHECK_STR(REPR_OF((asyncio_taskgroup *)NULL), "None"); }
