/* SPDX-License-Identifier: MIT
 *
 * gather as a future that is yours: its list, its cancel, its repr, what becomes of it if it or
 * its children are abandoned. Stepped by hand.
 */
#include "combine.h"

static asyncio_future *a, *b, *c;

static void start(void) {
    start_loop();
    asyncio_set_event_loop(loop);
    a = asyncio_loop_create_future(loop);
    b = asyncio_loop_create_future(loop);
    c = asyncio_loop_create_future(loop);
}

static void end(void) {
    asyncio_future_unref(a);
    asyncio_future_unref(b);
    asyncio_future_unref(c);
    asyncio_set_event_loop(NULL);
    end_loop();
}

#define GATHER(return_exceptions, ...)                                                             \
    asyncio_gather_future(ASYNCIO__N(__VA_ARGS__), ASYNCIO__CORO_ARRAY(__VA_ARGS__),               \
                          return_exceptions)

static void set(asyncio_future *f, long long value) {
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(value)), 0);
}

static void fail(asyncio_future *f, int code, const char *text) {
    CHECK_INT(asyncio_future_set_exception(f, code, "%s", text), 0);
}

#define REPR_OF(f) REPR(asyncio_future_repr, f)

/* ---- results ---- */

TEST(the_value_is_a_list_in_the_order_of_the_arguments) { /* GATH-2, GATH-19 */
    start();
    asyncio_future *g = GATHER(false, a, b, c);
    set(b, 2);
    set(a, 1);
    set(c, 3);
    CHECK(!asyncio_future_done(g));
    turn();
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=[1, 2, 3]>");
    asyncio_value list;
    CHECK_INT(asyncio_future_result(g, &list), 0);
    CHECK_PTR(list.type, &asyncio_value_list);
    CHECK_INT(asyncio_list_len(&list), 3);
    CHECK_INT(asyncio_list_item(&list, 2).i, 3);
    CHECK_PTR(asyncio_list_item(&list, 3).type, NULL);
    asyncio_future_unref(g);
    end();
}

TEST(a_list_can_be_copied) {
    start();
    asyncio_value list, copy;
    set(a, 1);
    CHECK_INT(asyncio_future_set_result(b, asyncio_own_str(strdup("text"))), 0);
    asyncio_future *g = GATHER(false, a, b);
    CHECK_INT(asyncio_future_result(g, &list), 0);
    CHECK_INT(asyncio_value_copy(&copy, &list), 0);
    asyncio_future_unref(g);
    CHECK_STR(REPR(asyncio_value_repr, &copy), "[1, 'text']");
    asyncio_value_drop(&copy);
    end();
}

TEST(what_is_not_a_list_has_no_items) {
    asyncio_value v = asyncio_int(1);
    CHECK_INT(asyncio_list_len(&v), 0);
    CHECK_INT(asyncio_list_len(NULL), 0);
    CHECK_PTR(asyncio_list_item(&v, 0).type, NULL);
}

TEST(gather_of_nothing_is_a_finished_future_with_an_empty_list) { /* GATH-3 */
    start();
    asyncio_future *g = asyncio_gather_future(0, NULL, false);
    CHECK(asyncio_future_done(g));
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=[]>");
    asyncio_future_unref(g);
    end();
}

TEST(gather_of_nothing_needs_a_loop) { /* GATH-3 */
    CHECK_NULL_ERROR(asyncio_gather_future(0, NULL, false), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
}

TEST(arguments_that_are_done_make_it_done_at_once) { /* GATH-10, GATH-18 */
    start();
    set(a, 1);
    asyncio_future *g = GATHER(false, a, a);
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=[1, 1]>");
    asyncio_future_unref(g);
    fail(b, ASYNCIO_KEY_ERROR, "k");
    g = GATHER(false, a, b);
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished exception=KeyError('k')>");
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_KEY_ERROR, "k");
    asyncio_future_unref(g);
    g = GATHER(true, a, b);
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=[1, KeyError('k')]>");
    asyncio_future_unref(g);
    end();
    CHECK_INT(reported.count, 0);
}

TEST(children_are_scheduled_by_the_call) { /* GATH-1, GATH-19 */
    start();
    asyncio_future *g = GATHER(false, sleeper("x", 1), sleeper("y", 0.5));
    asyncio_task *tasks[4];
    CHECK_INT(asyncio_all_tasks(loop, tasks, 4), 2);
    CHECK_STR(REPR_OF(g), "<_GatheringFuture pending>");
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_NOTES("y x");
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=['x', 'y']>");
    asyncio_future_unref(g);
    end();
}

TEST(a_cancelled_child_fails_it_but_does_not_make_it_cancelled) { /* GATH-9 */
    start();
    asyncio_future *g = GATHER(false, a, b);
    asyncio_future_cancel(a, "m");
    turn();
    CHECK(asyncio_future_done(g));
    CHECK(!asyncio_future_cancelled(g));
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished exception=CancelledError('m')>");
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, "m");
    asyncio_future_unref(g);
    end();
}

/* ---- cancel ---- */

TEST(cancel_asks_every_child_and_is_done_when_they_are) { /* GATH-11, GATH-13 */
    start();
    asyncio_future *g = GATHER(true, a, b);
    CHECK(asyncio_future_cancel(g, "m"));
    CHECK(!asyncio_future_done(g));
    CHECK(asyncio_future_cancelled(a));
    CHECK(asyncio_future_cancelled(b));
    turn();
    CHECK(asyncio_future_done(g));
    CHECK(!asyncio_future_cancelled(g));
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, "m");
    asyncio_future_unref(g);
    end();
}

TEST(cancel_leaves_children_alone_that_are_done) {
    start();
    asyncio_future *g = GATHER(false, a, b);
    set(a, 1);
    CHECK(asyncio_future_cancel(g, NULL));
    CHECK(!asyncio_future_cancelled(a));
    CHECK(asyncio_future_cancelled(b));
    turn();
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    asyncio_future_unref(g);
    end();
}

TEST(cancel_is_refused_once_all_children_are_done_and_the_result_is_delivered) { /* GATH-16 */
    start();
    asyncio_future *g = GATHER(false, a, b);
    set(a, 1);
    set(b, 2);
    CHECK(!asyncio_future_cancel(g, NULL));
    turn();
    CHECK_STR(REPR_OF(g), "<_GatheringFuture finished result=[1, 2]>");
    asyncio_future_unref(g);
    end();
}

TEST(cancel_after_it_failed_is_refused_and_the_children_go_on) { /* GATH-17 */
    start();
    asyncio_future *g = GATHER(false, a, b);
    fail(a, ASYNCIO_KEY_ERROR, "k");
    turn();
    CHECK(!asyncio_future_cancel(g, NULL));
    CHECK(!asyncio_future_done(b));
    asyncio_future_unref(g);
    end();
    CHECK_INT(reported.count,
              1); /* unlike a future's, its cancel does not count as looking at it */
}

TEST(a_second_cancel_asks_those_again_that_go_on) {
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, cleans_up("t", 5));
    asyncio_future *g = GATHER(true, t, a);
    turn();
    CHECK(asyncio_future_cancel(g, NULL));
    turn();
    CHECK(asyncio_future_cancel(g, NULL));
    CHECK_INT(asyncio_task_cancelling(t), 2);
    turn();
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK(asyncio_future_done(g));
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    asyncio_task_unref(t);
    asyncio_future_unref(g);
    end();
    CHECK_NOTES("");
}

TEST(a_child_given_twice_is_asked_once_for_each) {
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, sleeper("t", 5));
    asyncio_future *g = GATHER(false, t, t);
    turn();
    CHECK(asyncio_future_cancel(g, NULL));
    CHECK_INT(asyncio_task_cancelling(t), 2);
    turn();
    turn();
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    asyncio_task_unref(t);
    asyncio_future_unref(g);
    end();
}

/* ---- reports ---- */

TEST(its_own_error_is_reported_if_nobody_looks_at_it) { /* GATH-8 */
    start();
    asyncio_future *g = GATHER(false, a, b);
    fail(a, ASYNCIO_KEY_ERROR, "k");
    turn();
    set(b, 1);
    turn();
    CHECK_INT(reported.count, 0);
    asyncio_future_unref(g);
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "_GatheringFuture exception was never retrieved");
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    end();
    CHECK_INT(reported.count, 1);
}

TEST(children_it_made_are_destroyed_without_a_report) { /* GATH-21, TASK-20 */
    start();
    asyncio_future *g = GATHER(false, sleeper("x", 1));
    turn();
    asyncio_loop_close(loop);
    CHECK_INT(reported.count, 0);
    asyncio_future_unref(g);
    end();
    CHECK_NOTES("x-cancelled");
}

/* ---- abandoned ---- */

TEST(gather_and_children_that_nobody_refers_to_are_gone) { /* end_loop looks */
    start();
    asyncio_future_unref(GATHER(false, a, b, a));
    asyncio_future_unref(GATHER(true, a, c));
    end();
}

TEST(an_abandoned_gather_lets_its_children_go_on) {
    start();
    asyncio_future_unref(GATHER(false, sleeper("x", 1), gives_counted(), a));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_NOTES("x");
    end();
    CHECK_ALL_DROPPED();
}

TEST(an_error_under_an_abandoned_gather_is_reported_as_the_gathers) {
    start();
    asyncio_future_unref(GATHER(false, a, b));
    fail(a, ASYNCIO_KEY_ERROR, "k");
    turn();
    fail(b, ASYNCIO_VALUE_ERROR, "late");
    CHECK_INT(reported.count, 0);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "_GatheringFuture exception was never retrieved");
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    end();
    CHECK_INT(reported.count, 1);
}

TEST(a_gather_cancelled_and_abandoned_is_reported) {
    start();
    asyncio_future *g = GATHER(true, a, b);
    asyncio_future_cancel(g, "m");
    asyncio_future_unref(g);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(reported.error, "m");
    end();
}

static int note_result(asyncio_future *f, void *arg) {
    (void)arg;
    note("%s", REPR_OF(f));
    return 0;
}

TEST(callbacks_of_a_gather_nobody_else_refers_to_are_called) {
    start();
    asyncio_future *g = GATHER(false, a, b);
    CHECK_INT(asyncio_future_add_done_callback(g, note_result, NULL), 0);
    asyncio_future_unref(g);
    set(a, 1);
    set(b, 2);
    turn();
    turn();
    CHECK_NOTES("<_GatheringFuture finished result=[1, 2]>");
    end();
}

TEST(children_show_the_gather_among_their_callbacks) {
    start();
    asyncio_future *g = GATHER(false, a);
    CHECK_STR(REPR_OF(a), "<Future pending cb=[gather.<locals>._done_callback()]>");
    asyncio_future_unref(g);
    end();
}

/* ---- bad input ---- */

TEST(futures_of_different_loops_are_refused) { /* GATH-5 */
    start();
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    asyncio_future *foreign = asyncio_loop_create_future(other);
    CHECK_NULL_ERROR(GATHER(false, a, foreign), ASYNCIO_VALUE_ERROR,
                     "a future belongs to a different loop");
    CHECK_STR(REPR_OF(a), "<Future pending>");
    asyncio_future_unref(foreign);
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    end();
}

TEST(a_bad_argument_is_refused_and_those_before_it_go_on) { /* GATH-20 */
    start();
    asyncio_coro bad = noop();
    bad.type = NULL;
    CHECK_NULL_ERROR(GATHER(false, sleeper("x", 1), bad, sleeper("never", 1)), ASYNCIO_TYPE_ERROR,
                     "a coroutine was expected");
    CHECK_NULL_ERROR(GATHER(true, a, (asyncio_future *)NULL), ASYNCIO_TYPE_ERROR,
                     "an awaitable is required");
    CHECK_NULL_ERROR(asyncio_gather_future(2, NULL, false), ASYNCIO_TYPE_ERROR,
                     "awaitables are required");
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_NOTES("x");
    CHECK_INT(reported.count, 0);
    end();
}

TEST_ASYNC(bad_arguments_are_refused_when_it_is_awaited) {
    asyncio_value l[1] = { asyncio_int(5) };
    CHECK_ERROR(AWAIT(asyncio_gather_array(l, 1, NULL)), ASYNCIO_TYPE_ERROR,
                "awaitables are required");
    CHECK_ERROR(AWAIT(asyncio_gather(l, (asyncio_task *)NULL)), ASYNCIO_TYPE_ERROR,
                "an awaitable is required");
    CHECK_ERROR(AWAIT(asyncio_shield_coro(NULL)), ASYNCIO_TYPE_ERROR, "an awaitable is required");
    CHECK_INT(l[0].i, 5);
    RETURN();
}
