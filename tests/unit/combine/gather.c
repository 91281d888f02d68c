/* SPDX-License-Identifier: MIT
 *
 * gather as something to await: order, results, errors, duplicates, cancellation both ways.
 */
#include "combine.h"

/* ---- results ---- */

ASYNC(noted, (const char *) name) {
    note("%s", name);
    RETURN(asyncio_str(name));
}

TEST_ASYNC(children_start_in_the_order_of_the_arguments) { /* GATH-1 */
    TRY(AWAIT(asyncio_gather(NULL, noted("a"), noted("b"), noted("c"))));
    note("end");
    CHECK_NOTES("a b c end");
    RETURN();
}

TEST_ASYNC(results_are_in_the_order_of_the_arguments) { /* GATH-2 */
    asyncio_value l[3];
    TRY(AWAIT(asyncio_gather(l, gives_after(3, 1), gives_after(1, 2), gives_after(2, 3))));
    CHECK_INT(l[0].i, 1);
    CHECK_INT(l[1].i, 2);
    CHECK_INT(l[2].i, 3);
    CHECK_DOUBLE(now(), 3.0);
    RETURN();
}

TEST_ASYNC(tasks_futures_and_coroutine_objects_may_be_mixed) {
    asyncio_value l[3];
    asyncio_auto_task t = asyncio_create_task(gives_after(1, 1));
    asyncio_auto_future f = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(2)), 0);
    TRY(AWAIT(asyncio_gather(l, t, f, gives(3))));
    CHECK_INT(l[0].i + 10 * l[1].i + 100 * l[2].i, 321);
    RETURN();
}

TEST_ASYNC(gather_of_nothing_is_done_at_once) {
    asyncio_value untouched = asyncio_int(5);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather_array(&untouched, 0, NULL)))), 0);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather_outcomes_array(NULL, 0, NULL)))), 0);
    CHECK_INT(untouched.i, 5);
    RETURN();
}

TEST_ASYNC(an_array_may_be_long) {
    enum { N = 1000 };
    static asyncio_coro aws[N];
    static asyncio_value l[N];
    for (int i = 0; i < N; i++) aws[i] = gives_after((i * 7) % N, i);
    TRY(AWAIT(asyncio_gather_array(l, N, aws)));
    for (int i = 0; i < N; i++) CHECK_INT(l[i].i, i);
    RETURN();
}

ASYNC(drops_results) {
    TRY(AWAIT(asyncio_gather(NULL, gives_counted(), gives_counted_after(1))));
    RETURN();
}

TEST(results_nobody_wants_are_dropped) {
    run_alone(drops_results());
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
}

ASYNC(moves_results) {
    asyncio_value l[2];
    TRY(AWAIT(asyncio_gather(l, gives_counted(), gives_counted_after(1))));
    CHECK_INT(values_dropped, 0);
    asyncio_value_drop(&l[0]);
    asyncio_value_drop(&l[1]);
    RETURN();
}

TEST(results_are_moved_to_the_waiter) {
    run_alone(moves_results());
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
}

ASYNC(shares_a_value) {
    asyncio_value l[1] = { asyncio_int(5) };
    asyncio_auto_task t = asyncio_create_task(gives_counted());
    CHECK_ERROR(AWAIT(asyncio_gather(l, t)), ASYNCIO_TYPE_ERROR,
                "a result that others hold cannot be copied");
    CHECK_INT(l[0].i, 5);
    asyncio_outcome o[1];
    CHECK_INT(AWAIT(asyncio_gather_outcomes(o, t)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    TRY(AWAIT(asyncio_gather(NULL, t)));
    RETURN();
}

TEST(a_value_that_cannot_be_copied_is_not_taken_from_a_task_that_others_hold) {
    run_alone(shares_a_value());
    CHECK_ALL_DROPPED();
}

ASYNC(partly_shares) {
    asyncio_value l[2];
    asyncio_auto_task t = asyncio_create_task(gives_counted());
    asyncio_ignore(AWAIT(asyncio_gather(l, gives_counted(), t)));
    RETURN();
}

TEST(results_moved_before_one_that_cannot_be_are_dropped) {
    run_alone(partly_shares());
    CHECK_INT(values_made, 2);
    CHECK_ALL_DROPPED();
}

/* ---- the same one twice ---- */

TEST_ASYNC(the_same_task_twice_runs_once_and_its_result_is_repeated) { /* GATH-4 */
    asyncio_value l[5];
    asyncio_auto_task t = asyncio_create_task(noted("once"));
    asyncio_auto_future f = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    TRY(AWAIT(asyncio_gather(l, t, f, t, t, f)));
    CHECK_STR(l[0].s, "once");
    CHECK_STR(l[2].s, "once");
    CHECK_STR(l[3].s, "once");
    CHECK_INT(l[1].i + l[4].i, 2);
    CHECK_NOTES("once");
    RETURN();
}

/* ---- turns ---- */

TEST_ASYNC(gather_takes_as_many_turns_as_asyncio_does) { /* GATH-18 */
    asyncio_auto_future f = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather(NULL, f, f)))), 0);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather(NULL, noop())))), 3);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather(NULL, noop(), noop(), noop())))), 3);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather(NULL, asyncio_sleep(0), asyncio_sleep(0))))),
              4);
    RETURN();
}

TEST_ASYNC(gather_of_tasks_that_end_eagerly_is_done_at_once) { /* EAG-12 */
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, NULL);
    asyncio_value l[2];
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_gather(l, gives(1), gives(2))))), 0);
    CHECK_INT(l[0].i + 10 * l[1].i, 21);
    CHECK_INT(TURNS_OF(CHECK_ERROR(AWAIT(asyncio_gather(l, fails(ASYNCIO_KEY_ERROR, "k"))),
                                   ASYNCIO_KEY_ERROR, "k")),
              0);
    RETURN();
}

static asyncio_contextvar *var;

ASYNC(sets_variable) {
    TRY(asyncio_contextvar_set(var, asyncio_int(2), NULL));
    RETURN();
}

ASYNC(keeps_its_context) {
    asyncio_value v;
    TRY(asyncio_contextvar_set(var, asyncio_int(1), NULL));
    TRY(AWAIT(asyncio_gather(NULL, sets_variable())));
    TRY(asyncio_contextvar_get(var, &v));
    CHECK_INT(v.i, 1);
    RETURN();
}

TEST(children_have_a_copy_of_the_context) { /* CTX-9 */
    var = asyncio_contextvar_new("var", NULL);
    run_alone(keeps_its_context());
    asyncio_contextvar_unref(var);
}

/* ---- errors ---- */

TEST_ASYNC(the_first_error_ends_it_and_the_others_go_on) { /* GATH-6 */
    asyncio_value l[3] = { asyncio_int(7), asyncio_int(8), asyncio_int(9) };
    int rc = AWAIT(asyncio_gather(l, sleeper("a", 1), fails_after(2, ASYNCIO_VALUE_ERROR, "second"),
                                  sleeper("c", 3)));
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "second");
    CHECK_DOUBLE(now(), 2.0);
    CHECK_INT(l[0].i + l[1].i + l[2].i, 24);
    TRY(AWAIT(asyncio_sleep(2)));
    CHECK_NOTES("a c");
    RETURN();
}

ASYNC(two_fail) {
    int rc = AWAIT(asyncio_gather(NULL, fails_after(2, ASYNCIO_KEY_ERROR, "late"),
                                  fails_after(1, ASYNCIO_VALUE_ERROR, "early")));
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "early");
    TRY(AWAIT(asyncio_sleep(2)));
    RETURN();
}

TEST(errors_after_the_first_one_are_not_reported) { /* GATH-7 */
    run_alone(two_fail());
    CHECK_INT(reported.count, 0);
}

ASYNC(fails_before) {
    asyncio_auto_future failed = asyncio_future_new();
    asyncio_auto_future pending = asyncio_future_new();
    CHECK_INT(asyncio_future_set_exception(failed, ASYNCIO_KEY_ERROR, "before"), 0);
    CHECK_INT(TURNS_OF(CHECK_ERROR(AWAIT(asyncio_gather(NULL, pending, sleeper("x", 1), failed)),
                                   ASYNCIO_KEY_ERROR, "before")),
              0);
    CHECK(!asyncio_future_done(pending));
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(an_argument_that_has_failed_already_ends_it_at_once) { /* GATH-22 */
    run_alone(fails_before());
    CHECK_NOTES("x");
}

ASYNC(two_failed_before) {
    asyncio_auto_future a = asyncio_future_new();
    asyncio_auto_future b = asyncio_future_new();
    CHECK_INT(asyncio_future_set_exception(b, ASYNCIO_KEY_ERROR, "b"), 0);
    CHECK_INT(asyncio_future_set_exception(a, ASYNCIO_VALUE_ERROR, "a"), 0);
    CHECK_ERROR(AWAIT(asyncio_gather(NULL, a, b)), ASYNCIO_VALUE_ERROR, "a");
    RETURN();
}

TEST(arguments_that_are_done_count_in_their_order) { /* GATH-22 */
    run_alone(two_failed_before());
    CHECK_INT(reported.count, 0);
}

ASYNC(all_as_data) {
    asyncio_outcome o[3];
    TRY(AWAIT(asyncio_gather_outcomes(o, gives_after(1, 5), fails(ASYNCIO_KEY_ERROR, "k"),
                                      gives_counted())));
    CHECK_INT(o[0].status, 0);
    CHECK_INT(o[0].value.i, 5);
    CHECK_PTR(o[0].error, NULL);
    CHECK_INT(o[1].status, ASYNCIO_KEY_ERROR);
    check_error(o[1].error, ASYNCIO_KEY_ERROR, "k");
    CHECK_PTR(o[2].value.type, &counted_type);
    for (int i = 0; i < 3; i++) asyncio_outcome_fini(&o[i]);
    RETURN();
}

TEST(with_outcomes_errors_are_results) { /* GATH-10 */
    run_alone(all_as_data());
    CHECK_ALL_DROPPED();
    CHECK_INT(reported.count, 0);
}

/* ---- a child is cancelled ---- */

ASYNC(one_is_cancelled, (asyncio_task *) child) {
    asyncio_value l[1];
    int rc = AWAIT(asyncio_gather(l, child));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    return rc;
}

TEST(a_cancelled_child_is_an_error_and_cancels_the_waiter) { /* GATH-9 */
    start_loop();
    asyncio_task *child = asyncio_loop_create_task(loop, sleeper("child", 10));
    asyncio_task *t = asyncio_loop_create_task(loop, one_is_cancelled(child));
    turn();
    asyncio_task_cancel(child, "from outside");
    for (int i = 0; i < 5; i++) turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "from outside");
    asyncio_task_unref(child);
    end_loop();
    CHECK_NOTES("child-cancelled");
}

/* GATH-10, CANC-15 */
TEST_ASYNC(with_outcomes_a_cancelled_future_is_a_result_with_its_message_a_task_without) {
    asyncio_outcome o[3];
    asyncio_auto_future f = asyncio_future_new();
    asyncio_auto_task t = asyncio_create_task(sleeper("t", 10));
    pass(1);
    asyncio_future_cancel(f, "why");
    asyncio_task_cancel(t, "lost");
    TRY(AWAIT(asyncio_gather_outcomes(o, f, t, gives(1))));
    CHECK_INT(o[0].status, ASYNCIO_CANCELLED_ERROR);
    check_error(o[0].error, ASYNCIO_CANCELLED_ERROR, "why");
    CHECK_INT(o[1].status, ASYNCIO_CANCELLED_ERROR);
    check_error(o[1].error, ASYNCIO_CANCELLED_ERROR, "");
    CHECK_INT(o[2].status, 0);
    for (int i = 0; i < 3; i++) asyncio_outcome_fini(&o[i]);
    CHECK_NOTES("t-cancelled");
    RETURN();
}

/* ---- the waiter is cancelled ---- */

static bool outcomes_form;

ASYNC(gathers_two, (asyncio_task *) a, (asyncio_task *) b) {
    asyncio_outcome o[2];
    int rc =
        outcomes_form ? AWAIT(asyncio_gather_outcomes(o, a, b)) : AWAIT(asyncio_gather(NULL, a, b));
    note("%s at %g", asyncio_err_name(rc), now());
    CHECK(rc < 0);
    return rc;
}

/* Cancels the waiter at 1 and runs to the end; gives how the waiter ended. */
static asyncio_task *cancel_waiter(asyncio_coro a, asyncio_coro b) {
    asyncio_auto_task ta = asyncio_loop_create_task(loop, a);
    asyncio_auto_task tb = asyncio_loop_create_task(loop, b);
    asyncio_task *t = asyncio_loop_create_task(loop, gathers_two(ta, tb));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK(asyncio_task_cancel(t, "stop"));
    CHECK(!asyncio_task_done(t));
    CHECK_INT(run(asyncio_sleep(20)), 0);
    return t;
}

TEST(cancelling_the_waiter_cancels_every_child) { /* GATH-11 */
    start_loop();
    CHECK_ENDED(cancel_waiter(sleeper("a", 10), sleeper("b", 10)), ASYNCIO_CANCELLED_ERROR, "stop");
    end_loop();
    CHECK_NOTES("a-cancelled b-cancelled CancelledError at 1");
}

TEST(the_cancelled_waiter_goes_on_as_soon_as_the_first_child_is_cancelled) { /* GATH-12 */
    start_loop();
    asyncio_task *t = cancel_waiter(cleans_up("slow", 5), sleeper("b", 10));
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "stop");
    end_loop();
    CHECK_NOTES("b-cancelled CancelledError at 1 slow-cleaned");
}

TEST(with_outcomes_the_cancelled_waiter_waits_for_all_children) { /* GATH-13 */
    outcomes_form = true;
    start_loop();
    asyncio_task *t = cancel_waiter(sleeper("a", 10), cleans_up("slow", 5));
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "stop");
    end_loop();
    CHECK_NOTES("a-cancelled slow-cleaned CancelledError at 6");
}

TEST(children_that_swallow_the_cancellation_do_not_save_the_waiter) { /* GATH-14 */
    for (int i = 0; i < 2; i++) {
        outcomes_form = i;
        start_loop();
        asyncio_task *t = cancel_waiter(swallows(1), swallows(2));
        CHECK(asyncio_task_cancelled(t));
        asyncio_task_unref(t);
        end_loop();
        CHECK_NOTES("CancelledError at 1");
    }
}

TEST(an_error_of_a_cancelled_child_wins) { /* GATH-15 */
    start_loop();
    asyncio_task *t = cancel_waiter(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"), sleeper("b", 10));
    CHECK_ENDED(t, ASYNCIO_KEY_ERROR, "k");
    end_loop();
    CHECK_NOTES("b-cancelled KeyError at 1");
}

TEST(with_outcomes_the_cancellation_wins_over_an_error_of_a_child) { /* GATH-13, GATH-15 */
    outcomes_form = true;
    start_loop();
    asyncio_task *t = cancel_waiter(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"), sleeper("b", 10));
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
    CHECK_NOTES("b-cancelled CancelledError at 1");
    CHECK_INT(reported.count, 0);
}

ASYNC(gathers_counted) {
    asyncio_value l[2];
    int rc = AWAIT(asyncio_gather(l, gives_counted_anyway(1), gives_counted_anyway(2)));
    if (rc < 0) return rc;
    asyncio_value_drop(&l[0]);
    asyncio_value_drop(&l[1]);
    RETURN();
}

TEST(whenever_the_waiter_is_cancelled_every_value_is_dropped_once) {
    for (int i = 0; i < 24; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, gathers_counted());
        CHECK_INT(run(asyncio_sleep(i < 8 ? 0 : i < 16 ? 1 : 2)), 0);
        for (int n = 0; n < i % 8; n++) turn();
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_task_unref(t);
        end_loop();
        CHECK_ALL_DROPPED();
    }
}

/* ---- children that are never done ---- */

ASYNC(leaves_futures_pending) {
    asyncio_auto_future a = asyncio_future_new();
    asyncio_auto_future b = asyncio_future_new();
    CHECK_ERROR(AWAIT(asyncio_gather(NULL, a, fails(ASYNCIO_KEY_ERROR, "k"), b)), ASYNCIO_KEY_ERROR,
                "k");
    CHECK_INT(asyncio_future_set_exception(b, ASYNCIO_VALUE_ERROR, "late"), 0);
    RETURN(); /* the error of b is retrieved in the turn after its last reference has gone */
}

TEST(what_is_pending_at_the_end_is_let_go) { /* end_loop looks for what is left */
    run_alone(leaves_futures_pending());
    CHECK_INT(reported.count, 0);
}

/* ---- as a task, held, nested ---- */

TEST_ASYNC(gathers_may_be_nested) {
    asyncio_value a[2], b[2];
    TRY(AWAIT(asyncio_gather(NULL, asyncio_gather(a, gives_after(1, 1), gives(2)),
                             asyncio_gather(b, gives(3), gives_after(2, 4)))));
    CHECK_INT(a[0].i + 10 * a[1].i + 100 * b[0].i + 1000 * b[1].i, 4321);
    RETURN();
}

static asyncio_task *task_of_gather(asyncio_value *l) {
    asyncio_coro aws[2] = { gives_after(1, 1), gives_after(2, 2) };
    return asyncio_create_task(asyncio_gather_array(l, 2, aws)); /* copies what it points at */
}

TEST_ASYNC(gather_may_be_a_task) {
    asyncio_value l[2];
    asyncio_auto_task t = task_of_gather(l);
    TRY(AWAIT(t));
    CHECK_INT(l[0].i + 10 * l[1].i, 21);
    asyncio_auto_task never = task_of_gather(l);
    asyncio_task_cancel(never, NULL);
    asyncio_ignore(AWAIT(never));
    RETURN();
}

TEST_ASYNC(gather_may_be_held) {
    asyncio_coro inner = gives(1), held = asyncio_gather_array(NULL, 1, &inner);
    TRY(asyncio_coro_hold(&held));
    inner = fails(ASYNCIO_KEY_ERROR, "not this one");
    TRY(AWAIT(held));
    asyncio_coro_drop(&held);
    RETURN();
}
