/* SPDX-License-Identifier: MIT
 *
 * TaskGroup: how it waits, what it aborts, which errors come out and in which order, as a block
 * and as a pair.
 */
#include "combine.h"

static asyncio_taskgroup *tg;

static void spawn(asyncio_coro c) { CHECK_INT(asyncio_taskgroup_spawn(tg, c), 0); }

#define REPR_OF(tg) REPR(asyncio_taskgroup_repr, tg)

/* rc is a group of that code, and its members are as many errors of these codes. */
#define CHECK_GROUP(rc, code, ...)                                                                 \
    do {                                                                                           \
        int rc_ = (rc);                                                                            \
        const int codes_[] = { __VA_ARGS__ };                                                      \
        CHECK_STR(asyncio_err_name(rc_), asyncio_err_name(code));                                  \
        asyncio_error *group_ = asyncio_error_take(rc_);                                           \
        CHECK_STR(asyncio_error_message(group_), "unhandled errors in a TaskGroup");               \
        CHECK_INT(asyncio_error_count(group_), sizeof codes_ / sizeof codes_[0]);                  \
        for (size_t i_ = 0; i_ < asyncio_error_count(group_); i_++) {                              \
            CHECK_STR(asyncio_err_name(asyncio_error_code(asyncio_error_child(group_, i_))),       \
                      asyncio_err_name(codes_[i_]));                                               \
        }                                                                                          \
        asyncio_error_unref(group_);                                                               \
    } while (0)

/* ---- waiting ---- */

TEST_ASYNC(the_exit_waits_for_all_tasks) { /* TG-3 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("a", 2));
        spawn(sleeper("b", 1));
        note("body");
    }
    note("end at %g", now());
    CHECK_INT(rc, 0);
    CHECK_NOTES("body b a end at 2");
    RETURN();
}

ASYNC(spawns_more) {
    TRY(AWAIT(asyncio_sleep(1)));
    spawn(sleeper("late", 1));
    RETURN();
}

TEST_ASYNC(the_exit_waits_for_tasks_that_tasks_add) { /* TG-3 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(spawns_more());
    }
    TRY(rc);
    CHECK_DOUBLE(now(), 2.0);
    CHECK_NOTES("late");
    RETURN();
}

TEST_ASYNC(it_takes_as_many_turns_as_asyncio_does) { /* TG-4, TG-7 */
    int rc;
    unsigned long long before = turns();
    ASYNC_WITH(_, asyncio_taskgroup(&rc)) {}
    CHECK_INT(turns() - before, 0);
    before = turns();
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(noop());
    }
    CHECK_INT(turns() - before, 3);
    before = turns();
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails(ASYNCIO_KEY_ERROR, "k"));
        rc = AWAIT(asyncio_sleep(10));
        CHECK_INT(turns() - before, 3);
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    RETURN();
}

TEST_ASYNC(a_tasks_result_can_be_read_after_the_block) { /* TG-26 */
    int rc;
    asyncio_task *t = NULL;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        t = asyncio_taskgroup_create_task(tg, gives_after(1, 5));
        CHECK_STR(REPR_OF(tg), "<TaskGroup tasks=1 entered>");
    }
    asyncio_value v;
    TRY(asyncio_task_result(t, &v));
    CHECK_INT(v.i, 5);
    asyncio_task_unref(t);
    RETURN();
}

ASYNC(many_short_ones) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        for (int i = 0; i < 100; i++) {
            spawn(gives_counted());
            pass(3);
            CHECK_INT(values_dropped, i + 1);
            CHECK_STR(REPR_OF(tg), "<TaskGroup entered>");
        }
    }
    TRY(rc);
    RETURN();
}

TEST(tasks_that_are_done_are_let_go_at_once) { /* TG-28 */
    run_alone(many_short_ones());
    CHECK_ALL_DROPPED();
}

/* ---- options ---- */

static asyncio_contextvar *var;

ASYNC(looks_at_itself) {
    asyncio_value v;
    TRY(asyncio_contextvar_get(var, &v));
    note("%s:%lld", asyncio_task_get_name(asyncio_current_task()), v.i);
    TRY(asyncio_contextvar_set(var, asyncio_int(v.i + 1), NULL));
    RETURN();
}

ASYNC(with_options) {
    int rc;
    TRY(asyncio_contextvar_set(var, asyncio_int(1), NULL));
    asyncio_auto_context c = asyncio_copy_context();
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        TRY(asyncio_taskgroup_spawn(tg, looks_at_itself(), .name = "named"));
        TRY(asyncio_taskgroup_spawn(tg, looks_at_itself(), .name = "in-c", .context = c));
        pass(1);
        TRY(asyncio_taskgroup_spawn(tg, looks_at_itself(), .name = "eager", .context = c,
                                    .eager_start = 1));
        note("after");
        TRY(asyncio_taskgroup_spawn(tg, looks_at_itself(), .name = "large", .stack_size = 1 << 20));
    }
    TRY(rc);
    RETURN();
}

TEST(name_context_stack_and_eager_start_are_passed_on) { /* TG-27 */
    var = asyncio_contextvar_new("var", NULL);
    run_alone(with_options());
    asyncio_contextvar_unref(var);
    CHECK_NOTES("named:1 in-c:1 eager:2 after large:1");
}

/* ---- a task fails ---- */

TEST_ASYNC(a_failing_task_cancels_the_others_and_the_body) { /* TG-6, TG-17, TG-26 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("a", 10));
        spawn(fails_after(1, ASYNCIO_KEY_ERROR, "k"));
        spawn(sleeper("b", 10));
        rc = AWAIT(sleeper("body", 10));
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
        CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 1);
        CHECK_STR(REPR_OF(tg), "<TaskGroup tasks=2 errors=1 cancelling>");
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_DOUBLE(now(), 1.0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_NOTES("a-cancelled b-cancelled body-cancelled");
    RETURN();
}

TEST_ASYNC(a_task_that_fails_during_the_exit_cancels_the_others) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("a", 10));
        spawn(fails_after(1, ASYNCIO_KEY_ERROR, "k"));
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_NOTES("a-cancelled");
    RETURN();
}

TEST_ASYNC(
    a_body_that_swallows_the_cancellation_goes_on_and_the_group_is_raised_at_its_end) { /* TG-23 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails_after(1, ASYNCIO_KEY_ERROR, "k"));
        asyncio_ignore(AWAIT(asyncio_sleep(10)));
        TRY(AWAIT(asyncio_sleep(5))); /* not a second time */
        rc = 0;
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_DOUBLE(now(), 6.0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

TEST_ASYNC(a_body_that_awaits_the_failing_task_is_cancelled_before_it_sees_the_error) { /* TG-22 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        asyncio_auto_task t = asyncio_taskgroup_create_task(tg, fails(ASYNCIO_KEY_ERROR, "k"));
        rc = AWAIT(t);
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    RETURN();
}

/* ---- errors and their order ---- */

TEST_ASYNC(an_error_of_the_body_cancels_the_tasks_and_is_in_the_group) { /* TG-8, TG-9 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("never", 10)); /* cancelled before its first step */
        rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "body");
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("");
    RETURN();
}

/* TG-10, TG-11 */
TEST_ASYNC(errors_are_in_the_order_of_completion_the_bodys_last) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails_if_cancelled(ASYNCIO_LOOKUP_ERROR, "first in the list, last to fail"));
        spawn(fails_after(1, ASYNCIO_KEY_ERROR, "second"));
        TRY(AWAIT(asyncio_sleep(0)));
        rc = AWAIT(asyncio_sleep(5));
        rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "body");
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR, ASYNCIO_LOOKUP_ERROR,
                ASYNCIO_VALUE_ERROR);
    RETURN();
}

/* TG-11 */
TEST_ASYNC(a_member_that_is_no_exception_makes_it_a_base_group) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails(ASYNCIO_BASE_EXCEPTION, "base"));
        spawn(fails(ASYNCIO_KEY_ERROR, "k"));
    }
    CHECK_GROUP(rc, ASYNCIO_BASE_EXCEPTION_GROUP, ASYNCIO_BASE_EXCEPTION, ASYNCIO_KEY_ERROR);
    RETURN();
}

ASYNC(gets_interrupt, (int) code) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("child", 10));
        spawn(fails_if_cancelled(ASYNCIO_KEY_ERROR, "pushed aside"));
        pass(1);
        rc = asyncio_raise(code, ASYNCIO_WHERE, __func__, "now");
    }
    CHECK_ERROR(rc, code, "now");
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    CHECK_STR(reported.error, "pushed aside");
    CHECK_STR(reported.message, "TaskGroup task exception was not propagated because the TaskGroup "
                                "body is being closed with a BaseException");
    reported.count = 0;
    RETURN();
}

TEST(an_interrupt_of_the_body_comes_out_as_it_is) { /* TG-13, V15-4 */
    run_alone(gets_interrupt(ASYNCIO_KEYBOARD_INTERRUPT));
    CHECK_NOTES("child-cancelled");
    run_alone(gets_interrupt(ASYNCIO_SYSTEM_EXIT));
    CHECK_NOTES("child-cancelled");
}

/* The exit of a task pushes the errors of the others, and of the body, aside. */
ASYNC(task_exits) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails_if_cancelled(ASYNCIO_SYSTEM_EXIT, "exit"));
        spawn(fails_if_cancelled(ASYNCIO_KEY_ERROR, "other task"));
        pass(1);
        rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "body");
    }
    CHECK_INT(rc, ASYNCIO_SYSTEM_EXIT);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "exit");
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "body");
    asyncio_error_unref(e);
    note("exit");
    RETURN();
}

TEST(an_exit_of_a_task_is_not_reported_but_what_it_pushes_aside_is) { /* V15-4 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, task_exits());
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_NOTES("exit");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.error, "other task");
    CHECK_INT(asyncio_task_result(t, NULL), 0);
    asyncio_task_unref(t);
    end_loop();
}

ASYNC(child_interrupts) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(sleeper("other", 10));
        spawn(fails(ASYNCIO_KEYBOARD_INTERRUPT, "^C"));
        rc = AWAIT(sleeper("body", 10));
    }
    note("%s", asyncio_err_name(rc));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 1); /* not taken back on this way */
    return rc;
}

TEST(an_interrupt_of_a_task_leaves_the_run_and_then_the_group) { /* TG-13, TG-14 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, child_interrupts());
    int rc = asyncio_loop_run_forever(loop); /* leaves before the group can react */
    CHECK_INT(rc, ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(rc);
    CHECK_NOTES("");
    for (int i = 0; i < 3 && !asyncio_task_done(t); i++) turn();
    asyncio_loop_stop(loop);
    rc = asyncio_loop_run_forever(loop);
    asyncio_ignore(rc);
    CHECK_NOTES("other-cancelled body-cancelled KeyboardInterrupt");
    CHECK_ENDED(t, ASYNCIO_KEYBOARD_INTERRUPT, "^C");
    end_loop();
}

/* ---- a task is cancelled ---- */

TEST_ASYNC(a_cancelled_task_is_no_error) { /* TG-12 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        asyncio_auto_task t = asyncio_taskgroup_create_task(tg, sleeper("a", 10));
        spawn(sleeper("b", 1));
        spawn(fails(ASYNCIO_CANCELLED_ERROR, "by itself"));
        pass(1);
        asyncio_task_cancel(t, NULL);
    }
    CHECK_INT(rc, 0);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_NOTES("a-cancelled b");
    RETURN();
}

/* ---- the parent is cancelled ---- */

ASYNC(group_of, (asyncio_coro *) child, (double) body) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(*child);
        if (body > 0) TRY(AWAIT(asyncio_sleep(body)));
    }
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN(counted());
}

static asyncio_task *cancel_parent_at(double when, asyncio_coro child, double body) {
    asyncio_task *t = asyncio_loop_create_task(loop, group_of(&child, body));
    CHECK_INT(run(asyncio_sleep(when)), 0);
    asyncio_task_cancel(t, "m");
    CHECK_INT(run(asyncio_sleep(50)), 0);
    return t;
}

TEST(cancelling_the_parent_cancels_the_tasks_and_waits_for_them) { /* TG-15 */
    static const double bodies[] = { 0, 100 };
    for (int i = 0; i < 2; i++) {
        start_loop();
        asyncio_task *t = cancel_parent_at(1, cleans_up("child", 3), bodies[i]);
        CHECK_INT(asyncio_task_cancelling(t), 1);
        CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
        end_loop();
        CHECK_NOTES(i ? "child-cleaned" : "child-cleaned CancelledError");
    }
}

ASYNC(catches_group, (asyncio_coro *) child, (bool) awaits) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(*child);
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    note("caught");
    if (awaits) {
        rc = AWAIT(asyncio_sleep(1));
        note("%s", asyncio_err_name(rc));
        TRY(rc);
    }
    RETURN(counted());
}

TEST(an_error_in_the_cleanup_wins_and_the_cancellation_hits_the_next_await) { /* TG-16, V13-4 */
    start_loop();
    asyncio_coro child = fails_if_cancelled(ASYNCIO_KEY_ERROR, "k");
    asyncio_task *t = asyncio_loop_create_task(loop, catches_group(&child, true));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    CHECK_INT(run(asyncio_sleep(5)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("caught CancelledError");
}

TEST(a_parent_that_returns_without_another_await_ends_cancelled_all_the_same) { /* TG-19 */
    start_loop();
    asyncio_coro child = fails_if_cancelled(ASYNCIO_KEY_ERROR, "k");
    asyncio_task *t = asyncio_loop_create_task(loop, catches_group(&child, false));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    CHECK_INT(run(asyncio_sleep(5)), 0);
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("caught");
    CHECK_ALL_DROPPED();
}

TEST(cancelled_again_while_it_exits_the_group_still_waits) { /* TG-24 */
    start_loop();
    asyncio_coro child = cleans_up("child", 5);
    asyncio_task *t = asyncio_loop_create_task(loop, group_of(&child, 0));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(run(asyncio_sleep(1)), 0);
        asyncio_task_cancel(t, i ? "again" : "m");
    }
    CHECK_INT(run(asyncio_sleep(10)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 3);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    end_loop();
    CHECK_NOTES("child-cleaned CancelledError");
}

TEST_ASYNC(a_request_from_outside_while_aborting_is_not_lost) { /* TG-18, V13-4 */
    int rc;
    asyncio_task *me = asyncio_current_task();
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(fails_after(1, ASYNCIO_KEY_ERROR, "k"));
        spawn(cleans_up("slow", 5));
        rc = AWAIT(asyncio_sleep(20));
        CHECK_INT(asyncio_task_cancelling(me), 1);
        asyncio_task_cancel(me, "outside"); /* count 2, one delivered */
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(me), 1);
    rc = AWAIT(asyncio_sleep(1));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(rc);
    CHECK_INT(asyncio_task_uncancel(me), 0);
    CHECK_NOTES("slow-cleaned");
    RETURN();
}

/* ---- nested ---- */

TEST_ASYNC(an_inner_group_is_a_member_of_the_outer_one) { /* TG-20 */
    int outer, inner;
    ASYNC_WITH(outer_group, asyncio_taskgroup(&outer)) {
        TRY(asyncio_taskgroup_spawn(outer_group, sleeper("outer", 10)));
        ASYNC_WITH(g, asyncio_taskgroup(&inner)) {
            tg = g;
            spawn(fails_after(1, ASYNCIO_KEY_ERROR, "k"));
            inner = AWAIT(asyncio_sleep(10));
        }
        outer = inner;
    }
    CHECK_INT(outer, ASYNCIO_EXCEPTION_GROUP);
    asyncio_auto_error e = asyncio_error_take(outer);
    CHECK_INT(asyncio_error_count(e), 1);
    asyncio_error *group = asyncio_error_child(e, 0);
    CHECK_INT(asyncio_error_code(group), ASYNCIO_EXCEPTION_GROUP);
    check_error(asyncio_error_child(group, 0), ASYNCIO_KEY_ERROR, "k");
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_NOTES("outer-cancelled");
    RETURN();
}

TEST_ASYNC(a_failure_outside_cancels_the_inner_group_and_only_the_outer_reports) { /* TG-21 */
    int outer, inner;
    ASYNC_WITH(outer_group, asyncio_taskgroup(&outer)) {
        TRY(asyncio_taskgroup_spawn(outer_group, fails_after(1, ASYNCIO_KEY_ERROR, "k")));
        ASYNC_WITH(g, asyncio_taskgroup(&inner)) {
            tg = g;
            spawn(sleeper("inner", 10));
        }
        CHECK_INT(inner, ASYNCIO_CANCELLED_ERROR);
        outer = inner;
    }
    CHECK_GROUP(outer, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_NOTES("inner-cancelled");
    RETURN();
}

/* TG-17, TG-18 */
TEST_ASYNC(nested_groups_that_fail_together_each_report_their_own) {
    int outer, inner;
    asyncio_task *me = asyncio_current_task();
    ASYNC_WITH(outer_group, asyncio_taskgroup(&outer)) {
        ASYNC_WITH(g, asyncio_taskgroup(&inner)) {
            tg = g;
            TRY(asyncio_taskgroup_spawn(outer_group, fails_after(1, ASYNCIO_KEY_ERROR, "outer")));
            spawn(fails_after(1, ASYNCIO_VALUE_ERROR, "inner"));
            inner = AWAIT(asyncio_sleep(10));
            CHECK_INT(asyncio_task_cancelling(me), 2);
        }
        CHECK_GROUP(inner, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_VALUE_ERROR);
        CHECK_INT(asyncio_task_cancelling(me), 1);
        outer = AWAIT(asyncio_sleep(0)); /* re-armed for the outer one */
        CHECK_INT(outer, ASYNCIO_CANCELLED_ERROR);
    }
    CHECK_GROUP(outer, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(me), 0);
    RETURN();
}

TEST_ASYNC(a_timeout_around_a_group_cancels_its_tasks) { /* TMO-23 */
    int limit, rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &limit)) {
        ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
            tg = g;
            spawn(sleeper("a", 10));
            spawn(sleeper("b", 10));
        }
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
        limit = rc;
    }
    CHECK_ERROR(limit, ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_NOTES("a-cancelled b-cancelled");
    RETURN();
}

TEST_ASYNC(a_task_that_times_out_is_an_error_of_the_group) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        spawn(asyncio_wait_for(sleeper("a", 10), 1));
        spawn(sleeper("b", 10));
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_TIMEOUT_ERROR);
    CHECK_NOTES("a-cancelled b-cancelled");
    RETURN();
}

/* ---- eager ---- */

TEST_ASYNC(a_task_that_fails_eagerly_aborts_the_group_one_turn_later) { /* EAG-13, V14-5 */
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        tg = g;
        TRY(asyncio_taskgroup_spawn(tg, fails(ASYNCIO_KEY_ERROR, "k"), .eager_start = 1));
        CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0); /* always in a later turn */
        TRY(asyncio_taskgroup_spawn(tg, sleeper("other", 1), .eager_start = 1));
        rc = AWAIT(asyncio_sleep(10));
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    }
    CHECK_GROUP(rc, ASYNCIO_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    CHECK_NOTES("other-cancelled");
    RETURN();
}

/* ---- in a generator ---- */

ASYNC_GEN(yields_in_a_group, (int)code) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        if (code) spawn(fails_if_cancelled(code, "child"));
        else spawn(cleans_up("child", 1));
        for (int i = 0; i < 10; i++) TRY(YIELD(i));
    }
    TRY(rc);
    RETURN();
}

TEST_ASYNC(a_generator_that_is_closed_inside_a_group_ends_with_generator_exit_alone) { /* V15-3 */
    asyncio_auto_gen g = yields_in_a_group(0);
    asyncio_value v;
    for (int i = 0; i < 2; i++) TRY(AWAIT(asyncio_gen_next(g), &v));
    CHECK_INT(v.i, 1);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_DOUBLE(now(), 1.0);
    CHECK_NOTES("child-cleaned");
    RETURN();
}

TEST_ASYNC(an_error_of_a_task_while_a_generator_is_closed_comes_out_in_the_group) { /* V15-3 */
    asyncio_auto_gen g = yields_in_a_group(ASYNCIO_KEY_ERROR);
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_GROUP(AWAIT(asyncio_gen_aclose(g)), ASYNCIO_BASE_EXCEPTION_GROUP, ASYNCIO_KEY_ERROR,
                ASYNCIO_GENERATOR_EXIT);
    RETURN();
}

ASYNC(closes_while_cancelled) {
    asyncio_auto_gen g = yields_in_a_group(0);
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    TRY(AWAIT(asyncio_sleep(0)));
    note("closed:%s", asyncio_err_name(AWAIT(asyncio_gen_aclose(g))));
    return AWAIT(asyncio_sleep(1));
}

TEST(a_request_while_a_generator_is_closed_hits_the_next_await) { /* V15-3 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, closes_while_cancelled());
    CHECK_INT(run(asyncio_sleep(0.5)), 0);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(run(asyncio_sleep(5)), 0);
    CHECK_INT(asyncio_task_cancelling(t), 1);
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("child-cleaned closed:OK");
}

TEST_ASYNC(a_generator_exit_of_a_task_is_an_error_as_any_other) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(fails(ASYNCIO_GENERATOR_EXIT, "g"));
    }
    CHECK_GROUP(rc, ASYNCIO_BASE_EXCEPTION_GROUP, ASYNCIO_GENERATOR_EXIT);
    RETURN();
}
