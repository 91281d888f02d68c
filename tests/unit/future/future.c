/* SPDX-License-Identifier: MIT
 *
 * tests/unit/future/future.c: futures: states, results, errors, cancelling, and what is said
 * when nobody looked.
 */
#include "core.h"

static asyncio_future *new_future(void) {
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK(f != NULL);
    return f;
}

/* ---- states ---- */

TEST(future_is_pending_then_finished_for_good) { /* FUT-1 */
    start_loop();
    asyncio_future *f = new_future();
    CHECK(!asyncio_future_done(f));
    CHECK(!asyncio_future_cancelled(f));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(3)), 0);
    CHECK(asyncio_future_done(f));
    CHECK(!asyncio_future_cancelled(f));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(4)), ASYNCIO_INVALID_STATE_ERROR);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, "x"), ASYNCIO_INVALID_STATE_ERROR);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    CHECK(!asyncio_future_cancel(f, NULL));
    asyncio_value v;
    CHECK_INT(asyncio_future_result(f, &v), 0);
    CHECK_INT(v.i, 3);
    asyncio_future_unref(f);
    end_loop();
}

TEST(refused_value_is_dropped_all_the_same) {
    start_loop();
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_result(f, asyncio_own_str(strdup("first"))), 0);
    CHECK_INT(asyncio_future_set_result(f, asyncio_own_str(strdup("second"))),
              ASYNCIO_INVALID_STATE_ERROR); /* the leak checker looks */
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    CHECK_INT(asyncio_future_set_result(NULL, asyncio_own_str(strdup("third"))),
              ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_future_unref(f);
    end_loop();
}

TEST(failed_future_raises_its_error_each_time) { /* FUT-1, FUT-2 */
    start_loop();
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, "key %d", 5), 0);
    CHECK(asyncio_future_done(f));
    CHECK(!asyncio_future_cancelled(f));
    asyncio_error *e = NULL;
    CHECK_INT(asyncio_future_exception(f, &e), 0);
    CHECK_STR(asyncio_error_message(e), "key 5");
    for (int i = 0; i < 3; i++) {
        asyncio_value v = asyncio_int(1);
        int rc = asyncio_future_result(f, &v);
        CHECK_INT(rc, ASYNCIO_KEY_ERROR);
        CHECK_INT(v.i, 1);
        asyncio_error *raised = asyncio_error_take(rc);
        CHECK_PTR(raised, e); /* the same object */
        asyncio_error_unref(raised);
    }
    asyncio_future_unref(f);
    end_loop();
}

TEST(error_object_may_be_set_and_is_shared) { /* FUT-13 */
    start_loop();
    asyncio_future *f = new_future(), *g = new_future();
    asyncio_error *e = asyncio_error_new(ASYNCIO_VALUE_ERROR, "shared");
    CHECK_INT(asyncio_future_set_error(f, e), 0);
    CHECK_INT(asyncio_future_set_error(g, e), 0);
    CHECK_INT(asyncio_future_set_error(g, e), ASYNCIO_INVALID_STATE_ERROR);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    asyncio_error_unref(e);
    CHECK_ERROR(asyncio_future_result(f, NULL), ASYNCIO_VALUE_ERROR, "shared");
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_VALUE_ERROR, "shared");
    asyncio_future_unref(f);
    asyncio_future_unref(g);
    end_loop();
}

TEST(what_is_no_error_cannot_be_set_as_one) { /* FUT-13 */
    start_loop();
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_exception(f, 0, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_future_set_exception(f, 7, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_future_set_error(f, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK(!asyncio_future_done(f));
    asyncio_future_unref(f);
    end_loop();
}

TEST(end_of_an_asynchronous_iteration_is_an_error_like_others) { /* FUT-13 is about StopIteration */
    start_loop();
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_STOP_ASYNC_ITERATION, NULL), 0);
    CHECK_INT(asyncio_future_result(f, NULL), ASYNCIO_STOP_ASYNC_ITERATION);
    asyncio_ignore(ASYNCIO_STOP_ASYNC_ITERATION);
    asyncio_future_unref(f);
    end_loop();
}

TEST(long_messages_of_errors_are_not_cut) {
    start_loop();
    char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, "%s", text), 0);
    CHECK_ERROR(asyncio_future_result(f, NULL), ASYNCIO_KEY_ERROR, text);
    asyncio_future_unref(f);
    end_loop();
}

TEST(reading_a_pending_future_is_an_invalid_state) { /* FUT-2 */
    start_loop();
    asyncio_future *f = new_future();
    asyncio_value v;
    asyncio_error *e;
    CHECK_ERROR(asyncio_future_result(f, &v), ASYNCIO_INVALID_STATE_ERROR, "Result is not set.");
    CHECK_ERROR(asyncio_future_exception(f, &e), ASYNCIO_INVALID_STATE_ERROR,
                "Exception is not set.");
    asyncio_future_unref(f);
    end_loop();
}

TEST(error_of_a_finished_future_is_none) {
    start_loop();
    asyncio_future *f = new_future();
    asyncio_error *e = (asyncio_error *)&f;
    asyncio_future_set_result(f, asyncio_none());
    CHECK_INT(asyncio_future_exception(f, &e), 0);
    CHECK_PTR(e, NULL);
    CHECK_INT(asyncio_future_exception(f, NULL), 0);
    asyncio_future_unref(f);
    end_loop();
}

TEST(result_is_lent_until_it_is_taken) {
    start_loop();
    asyncio_future *f = new_future();
    asyncio_value v;
    asyncio_future_set_result(f, asyncio_own_str(strdup("text")));
    CHECK_INT(asyncio_future_result(f, &v), 0);
    CHECK_STR(v.s, "text");
    asyncio_auto_value taken = asyncio_future_take_result(f);
    CHECK_STR(taken.s, "text");
    CHECK_INT(asyncio_future_result(f, &v), 0);
    CHECK_PTR(v.type, NULL);
    asyncio_value nothing = asyncio_future_take_result(f);
    CHECK_PTR(nothing.type, NULL);
    asyncio_future_unref(f);
    end_loop();
}

/* ---- cancel ---- */

TEST(cancel_takes_effect_at_once) { /* FUT-3 */
    start_loop();
    asyncio_future *f = new_future();
    CHECK(asyncio_future_cancel(f, "why"));
    CHECK(asyncio_future_done(f));
    CHECK(asyncio_future_cancelled(f));
    CHECK(!asyncio_future_cancel(f, "again"));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), ASYNCIO_INVALID_STATE_ERROR);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    asyncio_future_unref(f);
    end_loop();
}

TEST(cancelled_future_raises_a_new_error_with_its_message_each_time) { /* FUT-2, FUT-20 */
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_cancel(f, "why");
    int rc = asyncio_future_result(f, NULL);
    asyncio_error *first = asyncio_error_take(rc);
    rc = asyncio_future_exception(f, NULL);
    asyncio_error *second = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_code(first), ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(asyncio_error_message(first), "why");
    CHECK_STR(asyncio_error_message(second), "why");
    CHECK(first != second);
    asyncio_error_unref(first);
    asyncio_error_unref(second);
    asyncio_future_unref(f);
    end_loop();
}

TEST(cancel_without_a_message_raises_one_without) {
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_cancel(f, NULL);
    CHECK_ERROR(asyncio_future_result(f, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    asyncio_future_unref(f);
    end_loop();
}

TEST(bare_cancelled_error_is_not_taken_for_an_older_one) {
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_cancel(f, NULL);
    (void)!asyncio_raise(ASYNCIO_CANCELLED_ERROR, ASYNCIO_WHERE, __func__, "older");
    CHECK_ERROR(asyncio_future_result(f, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    CHECK_ERROR(ASYNCIO_CANCELLED_ERROR, ASYNCIO_CANCELLED_ERROR, "older");
    asyncio_future_unref(f);
    end_loop();
}

/* ---- never retrieved ---- */

static asyncio_future *failed_future(void) {
    asyncio_future *f = new_future();
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "lost"), 0);
    return f;
}

TEST(error_nobody_looked_at_is_reported_when_the_future_goes) { /* FUT-14 */
    start_loop();
    asyncio_future *f = failed_future();
    asyncio_future_ref(f);
    asyncio_future_unref(f);
    CHECK_INT(reported.count, 0);
    asyncio_future_unref(f);
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Future exception was never retrieved");
    CHECK_INT(reported.code, ASYNCIO_VALUE_ERROR);
    CHECK_STR(reported.error, "lost");
    CHECK_PTR(reported.future, f);
    end_loop();
}

TEST(looking_at_the_error_silences_the_report) { /* FUT-14 */
    start_loop();
    asyncio_future *f = failed_future();
    asyncio_ignore(asyncio_future_result(f, NULL));
    asyncio_future_unref(f);
    f = failed_future();
    CHECK_INT(asyncio_future_exception(f, NULL), 0);
    asyncio_future_unref(f);
    CHECK_INT(reported.count, 0);
    end_loop();
}

TEST(cancel_of_a_failed_future_is_refused_but_silences_the_report) { /* FUT-15 */
    start_loop();
    asyncio_future *f = failed_future();
    CHECK(!asyncio_future_cancel(f, NULL));
    asyncio_future_unref(f);
    CHECK_INT(reported.count, 0);
    end_loop();
}

TEST(unread_results_and_pending_futures_go_silently) { /* FUT-16 */
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_set_result(f, asyncio_int(1));
    asyncio_future_unref(f);
    asyncio_future_unref(new_future());
    f = new_future();
    asyncio_future_cancel(f, "x");
    asyncio_future_unref(f);
    asyncio_future_unref(NULL);
    CHECK_INT(reported.count, 0);
    end_loop();
}

static asyncio_future *kept;
static int keep_future(asyncio_loop *l, const asyncio_exception_context *c, void *arg) {
    (void)l, (void)arg;
    note("%s", c->message);
    CHECK_STR(REPR(asyncio_future_repr, c->future),
              "<Future finished exception=ValueError('lost')>");
    asyncio_future_ref(c->future);
    asyncio_future_unref(c->future); /* must not report again or free it twice */
    return 0;
}

TEST(handler_may_take_and_drop_references_to_the_reported_future) {
    start_loop();
    asyncio_loop_set_exception_handler(loop, keep_future, &kept);
    asyncio_future_unref(failed_future());
    CHECK_NOTES("Future exception was never retrieved");
    end_loop();
}

/* ---- which loop ---- */

static int make_futures(void *arg) {
    (void)arg;
    asyncio_future *f = asyncio_future_new();
    CHECK_PTR(asyncio_future_get_loop(f), loop);
    asyncio_future_unref(f);
    note("made");
    return 0;
}

TEST(future_belongs_to_the_running_loop) { /* FUT-21 */
    CHECK_NULL_ERROR(asyncio_future_new(), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
    start_loop();
    asyncio_loop_call_soon(loop, make_futures, NULL);
    turn();
    CHECK_NOTES("made");
    end_loop();
}

TEST(future_belongs_to_the_loop_that_was_set_if_none_runs) { /* FUT-21 */
    start_loop();
    asyncio_loop *other = asyncio_new_event_loop();
    asyncio_set_event_loop(other);
    asyncio_auto_future f = asyncio_future_new();
    CHECK_PTR(asyncio_future_get_loop(f), other);
    asyncio_loop_call_soon(loop, make_futures, NULL); /* of the one that runs */
    turn();
    CHECK_NOTES("made");
    asyncio_set_event_loop(NULL);
    CHECK_NULL_ERROR(asyncio_future_new(), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
    asyncio_loop_close(other);
    asyncio_loop_unref(other);
    end_loop();
}

TEST(future_is_no_task) {
    start_loop();
    asyncio_future *f = new_future();
    CHECK_PTR(asyncio_future_as_task(f), NULL);
    CHECK_PTR(asyncio_future_as_task(NULL), NULL);
    asyncio_future_unref(f);
    end_loop();
}

/* ---- repr ---- */

static int on_done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return 0;
}

TEST(repr_shows_state_and_outcome) { /* FUT-17 */
    start_loop();
    asyncio_future *f = new_future();
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending>");
    asyncio_future_cancel(f, "m");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future cancelled>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_result(f, asyncio_int(10));
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future finished result=10>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_result(f, asyncio_none());
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future finished result=None>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_result(f, asyncio_str("it"));
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future finished result='it'>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_exception(f, ASYNCIO_RUNTIME_ERROR, NULL);
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future finished exception=RuntimeError()>");
    asyncio_ignore(asyncio_future_result(f, NULL));
    asyncio_future_unref(f);
    end_loop();
}

TEST(repr_shortens_results_of_any_length_by_characters) { /* FUT-17: reprlib.repr */
    char text[2001] = "";
    for (int i = 0; i < 1000; i++) memcpy(text + 2 * i, "\xc3\xa9", 2);
    memcpy(text + 1998, "-e", 2);
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_set_result(f, asyncio_str(text));
    CHECK_STR(REPR(asyncio_future_repr, f),
              "<Future finished result='\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
              "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9..."
              "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
              "\xc3\xa9\xc3\xa9-e'>");
    asyncio_future_unref(f);
    end_loop();
}

TEST(repr_shortens_results_in_the_middle_but_not_errors) { /* FUT-17: reprlib.repr */
    start_loop();
    asyncio_future *f = new_future();
    asyncio_future_set_result(f, asyncio_str("abcdefghijklmnopqrstuvwxyz0123456789"));
    CHECK_STR(REPR(asyncio_future_repr, f),
              "<Future finished result='abcdefghijkl...xyz0123456789'>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_result(f, asyncio_str("twenty-eight characters long"));
    CHECK_STR(REPR(asyncio_future_repr, f),
              "<Future finished result='twenty-eight characters long'>");
    asyncio_future_unref(f);
    f = new_future();
    asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, "abcdefghijklmnopqrstuvwxyz0123456789");
    CHECK_STR(REPR(asyncio_future_repr, f),
              "<Future finished exception=KeyError('abcdefghijklmnopqrstuvwxyz0123456789')>");
    asyncio_ignore(asyncio_future_result(f, NULL));
    asyncio_future_unref(f);
    end_loop();
}

static int add_named(asyncio_future *f, const char *name) {
    return asyncio_future_add_done_callback_with(f, on_done, OPTIONS(.name = name, .where = NULL));
}

TEST(repr_shows_first_and_last_callback) { /* FUT-17, FUT-18 */
    start_loop();
    asyncio_future *f = new_future();
    add_named(f, "a");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending cb=[a()]>");
    add_named(f, "b");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending cb=[a(), b()]>");
    add_named(f, "c");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending cb=[a(), <1 more>, c()]>");
    add_named(f, "d");
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending cb=[a(), <2 more>, d()]>");
    CHECK_INT(asyncio_future_remove_done_callback(f, on_done, NULL), 4);
    asyncio_future_add_done_callback_with(f, on_done, OPTIONS(.name = "a", .where = "x.c:3"));
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future pending cb=[a() at x.c:3]>");
    asyncio_future_set_result(f, asyncio_int(1));
    CHECK_STR(REPR(asyncio_future_repr, f), "<Future finished result=1>");
    turn();
    asyncio_future_unref(f);
    end_loop();
}

TEST(repr_of_a_callback_with_a_long_name_is_not_cut) {
    start_loop();
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    asyncio_future *f = new_future();
    add_named(f, name);
    CHECK_CONTAINS(REPR(asyncio_future_repr, f), name);
    asyncio_future_unref(f);
    end_loop();
}

TEST(repr_that_does_not_fit_is_cut_and_tells_its_length) {
    start_loop();
    asyncio_future *f = new_future();
    char small[8] = "1234567";
    CHECK_INT(asyncio_future_repr(f, small, sizeof small), 16);
    CHECK_STR(small, "<Future");
    CHECK_INT(asyncio_future_repr(f, NULL, 0), 16);
    asyncio_future_unref(f);
    end_loop();
}
