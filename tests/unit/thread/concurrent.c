/* SPDX-License-Identifier: MIT
 *
 * Futures for threads by themselves, and the futures of a loop that follow them.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "errors.h"
#include "test.h"

static void check_repr(asyncio_concurrent_future *f, const char *part) {
    char text[128];
    asyncio_concurrent_future_repr(f, text, sizeof text);
    CHECK_CONTAINS(text, part);
}

/* ---- states ---- */

TEST(a_future_is_done_once) {
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    asyncio_value value;
    check_repr(f, " state=pending>");
    CHECK(!asyncio_concurrent_future_done(f));
    CHECK_INT(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK(asyncio_concurrent_future_start(f));
    CHECK(!asyncio_concurrent_future_start(f));
    CHECK(asyncio_concurrent_future_running(f));
    check_repr(f, " state=running>");
    CHECK(!asyncio_concurrent_future_cancel(f));
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_int(3)), 0);
    check_repr(f, " state=finished returned int>");
    CHECK_INT(asyncio_concurrent_future_result(f, 0, &value), 0);
    CHECK_INT(value.i, 3);
    CHECK_ERROR(asyncio_concurrent_future_set_result(f, asyncio_own_str(strdup("x"))),
                ASYNCIO_INVALID_STATE_ERROR, "invalid state");
    CHECK_ERROR(asyncio_concurrent_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x"),
                ASYNCIO_INVALID_STATE_ERROR, "invalid state");
    CHECK(!asyncio_concurrent_future_cancel(f));
}

TEST(a_future_can_fail) {
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    asyncio_error *error;
    CHECK_INT(asyncio_concurrent_future_set_exception(f, ASYNCIO_VALUE_ERROR, "bad %d", 1), 0);
    check_repr(f, " state=finished raised ValueError>");
    CHECK_ERROR(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_VALUE_ERROR, "bad 1");
    CHECK_INT(asyncio_concurrent_future_exception(f, 0, &error), 0);
    CHECK_STR(asyncio_error_message(error), "bad 1");
    CHECK(asyncio_concurrent_future_take_result(f).type == NULL);
    CHECK_ERROR(asyncio_concurrent_future_set_error(f, error), ASYNCIO_INVALID_STATE_ERROR,
                "invalid state");
}

TEST(a_pending_future_can_be_cancelled) {
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    CHECK(asyncio_concurrent_future_cancel(f));
    check_repr(f, " state=cancelled>");
    CHECK(!asyncio_concurrent_future_start(f));
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_none()), ASYNCIO_INVALID_STATE_ERROR);
    CHECK_INT(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
}

/* ---- callbacks ---- */

static void note(asyncio_concurrent_future *f, void *arg) {
    CHECK(asyncio_concurrent_future_done(f));
    *(*(int **)arg)++ = 1;
}

static void note_again(asyncio_concurrent_future *f, void *arg) {
    (void)f;
    *(*(int **)arg)++ = 2;
}

TEST(callbacks_are_called_in_order_and_at_once_when_it_is_done) {
    int calls[8] = { 0 }, *next = calls;
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_concurrent_future_add_done_callback(f, note, &next), 0);
    CHECK_INT(asyncio_concurrent_future_add_done_callback(f, note_again, &next), 0);
    CHECK(next == calls);
    CHECK(asyncio_concurrent_future_cancel(f));
    CHECK_INT(calls[0], 1);
    CHECK_INT(calls[1], 2);
    CHECK_INT(asyncio_concurrent_future_add_done_callback(f, note, &next), 0);
    CHECK_INT(calls[2], 1);
    CHECK_ERROR(asyncio_concurrent_future_add_done_callback(f, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a future and a callback are required");
    asyncio_concurrent_future_unref(f);
    f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_concurrent_future_add_done_callback(f, note, &next), 0);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(next - calls, 3);
}

static void *finishes_later(void *arg) {
    usleep(5000);
    CHECK_INT(asyncio_concurrent_future_set_result(arg, asyncio_int(1)), 0);
    asyncio_concurrent_future_unref(arg);
    return NULL;
}

static void *waits(void *arg) {
    CHECK_INT(asyncio_concurrent_future_result(arg, 100, NULL), 0);
    return NULL;
}

TEST(many_threads_wait_for_one_future) {
    pthread_t threads[5];
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    asyncio_concurrent_future_ref(f);
    for (int i = 0; i < 4; i++) CHECK_INT(pthread_create(&threads[i], NULL, waits, f), 0);
    CHECK_INT(pthread_create(&threads[4], NULL, finishes_later, f), 0);
    for (int i = 0; i < 5; i++) pthread_join(threads[i], NULL);
}

TEST(bad_input_to_a_future_for_threads) {
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_concurrent_future_result(f, (double)NAN, NULL), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_concurrent_future_result(NULL, 1, NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_concurrent_future_exception(NULL, 1, NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_concurrent_future_set_exception(f, 1, "x"), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_concurrent_future_set_error(f, NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_concurrent_future_set_result(NULL, asyncio_own_str(strdup("x"))),
              ASYNCIO_TYPE_ERROR);
    CHECK(asyncio_wrap_future(NULL, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_TYPE_ERROR, ASYNCIO_TYPE_ERROR, "a future is required");
    CHECK(asyncio_wrap_future(f, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR,
                "There is no current event loop in this thread");
    CHECK(!asyncio_concurrent_future_cancel(NULL));
    CHECK(!asyncio_concurrent_future_done(NULL));
    CHECK(!asyncio_concurrent_future_start(NULL));
    CHECK(!asyncio_concurrent_future_cancelled(NULL));
    CHECK(!asyncio_concurrent_future_running(NULL));
    CHECK(asyncio_concurrent_future_take_result(NULL).type == NULL);
    CHECK_PTR(asyncio_concurrent_future_ref(NULL), NULL);
    asyncio_error *error = asyncio_error_new(ASYNCIO_VALUE_ERROR, "x");
    CHECK_ERROR(asyncio_concurrent_future_set_error(NULL, error), ASYNCIO_TYPE_ERROR,
                "a future and an error are required");
    asyncio_error_unref(error);
    CHECK_ERROR(asyncio_concurrent_future_set_exception(f, 0, NULL), ASYNCIO_TYPE_ERROR,
                "a future and a negative code are required");
    CHECK_ERROR(asyncio_concurrent_future_set_exception(NULL, ASYNCIO_VALUE_ERROR, NULL),
                ASYNCIO_TYPE_ERROR, "a future and a negative code are required");
    CHECK_ERROR(asyncio_concurrent_future_add_done_callback(NULL, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a future and a callback are required");
    CHECK(!asyncio_concurrent_future_done(f));
    check_repr(NULL, "None");
    asyncio_concurrent_future_unref(NULL);
    asyncio_concurrent_future_unref(f);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
}

/* ---- wrappers ---- */

ASYNC(follows, (asyncio_concurrent_future *) f) {
    asyncio_auto_future wrapper = asyncio_wrap_future(f, NULL);
    asyncio_value value;
    char text[256];
    asyncio_future_repr(wrapper, text, sizeof text);
    CHECK_STR(text, "<Future pending cb=[_chain_future.<locals>._call_check_cancel()]>");
    CHECK(!asyncio_future_done(wrapper));
    TRY(AWAIT(wrapper, &value));
    CHECK_INT(value.i, 1);
    RETURN();
}

TEST(a_wrapper_ends_as_its_source_does) { /* RCT-7 */
    pthread_t thread;
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    asyncio_concurrent_future_ref(f);
    CHECK_INT(pthread_create(&thread, NULL, finishes_later, f), 0);
    CHECK_INT(asyncio_run(follows(f), NULL), 0);
    pthread_join(thread, NULL);
    CHECK_INT(asyncio_run(follows(f), NULL), 0); /* of one that is done */
    asyncio_concurrent_future_unref(f);
    f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_concurrent_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x"), 0);
    CHECK_INT(asyncio_run(follows(f), NULL), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_concurrent_future_unref(f);
    f = asyncio_concurrent_future_new();
    CHECK(asyncio_concurrent_future_cancel(f));
    CHECK_INT(asyncio_run(follows(f), NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    asyncio_concurrent_future_unref(f);
}

ASYNC(cancels_wrapper, (asyncio_concurrent_future *) f) {
    asyncio_auto_future wrapper = asyncio_wrap_future(f, NULL);
    CHECK(asyncio_future_cancel(wrapper, NULL));
    CHECK(!asyncio_concurrent_future_cancelled(f)); /* a done callback does it */
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(cancelling_a_wrapper_cancels_its_source_unless_that_runs) { /* RCT-7 */
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_run(cancels_wrapper(f), NULL), 0);
    CHECK(asyncio_concurrent_future_cancelled(f));
    asyncio_concurrent_future_unref(f);
    f = asyncio_concurrent_future_new();
    CHECK(asyncio_concurrent_future_start(f));
    CHECK_INT(asyncio_run(cancels_wrapper(f), NULL), 0);
    CHECK(asyncio_concurrent_future_running(f));
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_int(1)), 0);
    asyncio_concurrent_future_unref(f);
}

ASYNC(has_two, (asyncio_concurrent_future *) f) {
    asyncio_auto_future a = asyncio_wrap_future(f, NULL);
    asyncio_auto_future b = asyncio_wrap_future(f, NULL);
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_own_str(strdup("text"))), 0);
    CHECK(!asyncio_future_done(a));
    asyncio_value x, y;
    TRY(AWAIT(a, &x));
    TRY(AWAIT(b, &y));
    CHECK_STR(x.s, "text");
    CHECK_STR(y.s, "text");
    CHECK(x.s != y.s);
    RETURN();
}

TEST(wrappers_have_copies_of_the_value) {
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_run(has_two(f), NULL), 0);
}

static void drop_nothing(asyncio_value *value) { (void)value; }
static const asyncio_value_type uncopyable = { .size = sizeof uncopyable, .drop = drop_nothing };

TEST(a_value_that_cannot_be_copied_is_an_error_of_the_wrapper) {
    asyncio_auto_concurrent_future f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_own(NULL, &uncopyable)), 0);
    CHECK_ERROR(asyncio_run(follows(f), NULL), ASYNCIO_TYPE_ERROR, "the result cannot be copied");
}

ASYNC(leaves_wrappers, (asyncio_concurrent_future *) f) {
    asyncio_future_unref(asyncio_wrap_future(f, NULL));
    asyncio_future_unref(asyncio_wrap_future(f, NULL));
    RETURN();
}

TEST(a_loop_may_be_closed_before_the_source_is_done) { /* RCT-8 */
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    CHECK_INT(asyncio_run(leaves_wrappers(f), NULL), 0);
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_int(1)), 0);
    asyncio_concurrent_future_unref(f);
}

TEST(a_future_is_wrapped_for_the_loop_that_was_set_if_none_runs) {
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_set_event_loop(loop);
    asyncio_future *wrapper = asyncio_wrap_future(f, NULL);
    CHECK(asyncio_future_get_loop(wrapper) == loop);
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_int(3)), 0);
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(wrapper), &v), 0);
    CHECK_INT(v.i, 3);
    asyncio_future_unref(wrapper);
    asyncio_set_event_loop(NULL);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    asyncio_concurrent_future_unref(f);
}

TEST(a_loop_may_be_closed_with_the_arrival_posted) { /* RCT-8 */
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_future *wrapper = asyncio_wrap_future(f, loop);
    CHECK_INT(asyncio_concurrent_future_set_result(f, asyncio_int(1)), 0);
    asyncio_loop_close(loop);
    CHECK(!asyncio_future_done(wrapper));
    CHECK_INT(asyncio_testing_live_objects(loop), 1);
    asyncio_future_unref(wrapper);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    CHECK(asyncio_wrap_future(f, loop) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    asyncio_loop_unref(loop);
    asyncio_concurrent_future_unref(f);
}
