/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/post.c: calls from other threads of which nobody wants the handle: their memory
 * comes in pages, which are handed from thread to loop and back.
 */
#include "loop/post.h" /* before core.h, which has a variable of the name of its parameters */

#include <errno.h>
#include <pthread.h>

#include "core.h"

#define CALLS 2000 /* several pages */

static long expected;

static int check_order(void *arg) {
    CHECK_INT((intptr_t)arg, expected);
    expected++;
    return 0;
}

static void post(long first, long n) {
    for (long i = first; i < first + n; i++)
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, check_order, (void *)(intptr_t)i), 0);
}

struct batch {
    long first, n;
};

static void *post_batch(void *arg) {
    const struct batch *b = arg;
    post(b->first, b->n);
    return NULL;
}

/* By a thread that has ended then. */
static void post_elsewhere(long first, long n) {
    struct batch b = { first, n };
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, post_batch, &b), 0);
    pthread_join(thread, NULL);
}

TEST(more_calls_than_a_page_holds_run_in_order) {
    start_loop();
    for (int round = 0; round < 5; round++) {
        expected = 0;
        post(0, CALLS);
        turn();
        CHECK_INT(expected, CALLS);
    }
    end_loop();
}

TEST(threads_may_end_before_their_calls_run) {
    start_loop();
    for (long i = 0; i < 100; i++) post_elsewhere(3 * i, 3);
    post_elsewhere(300, CALLS);
    turn();
    CHECK_INT(expected, 300 + CALLS);
    end_loop();
}

TEST(two_loops_may_share_a_threads_page) {
    start_loop();
    asyncio_loop *first = loop;
    start_loop();
    asyncio_loop *second = loop;
    for (long i = 0; i < CALLS; i++) {
        loop = i % 2 ? first : second;
        post(i, 1);
    }
    loop = second;
    end_loop();
    loop = first;
    end_loop();
}

static void post_and_close(void) {
    start_loop();
    post(0, CALLS);
    end_loop();
    CHECK_INT(expected, 0);
}

TEST(calls_that_never_run_are_let_go_when_the_loop_is_closed) {
    post_and_close();
    post_and_close();
}

TEST(what_a_burst_has_left_behind_is_given_back_in_time) {
    int64_t now = 1000000000;
    start_loop();
    CHECK_INT(asyncio__posts_trim(now), ASYNCIO__NEVER);
    for (int round = 0; round < 2; round++) {
        expected = 0;
        post(0, 100000);
        turn();
    }
    int64_t left = asyncio__posts_trim(now);
    if (left == ASYNCIO__NEVER) SKIP("each call has memory of its own here");
    CHECK_INT(left, 1000000000);
    CHECK_INT(asyncio__posts_trim(now + 400000000), 600000000);
    CHECK_INT(asyncio__posts_trim(now + 1000000000), 0); /* a part of it */
    for (int i = 0; asyncio__posts_trim(now + 1000000000) == 0; i++) CHECK(i < 10);
    CHECK_INT(asyncio__posts_trim(now + 1000000000), ASYNCIO__NEVER);
    end_loop();
}

static int raises(void *arg) {
    (void)arg;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "no");
}

static asyncio_handle *shown;

static int keep_handle(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)arg;
    shown = asyncio_handle_ref(context->handle);
    return 0;
}

TEST(the_report_of_one_that_fails_has_a_handle_that_may_be_kept) {
    start_loop();
    asyncio_loop_set_exception_handler(loop, keep_handle, NULL);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, raises, NULL), 0);
    turn();
    CHECK(shown != NULL);
    CHECK_CONTAINS(REPR(asyncio_handle_repr, shown), "<Handle raises() at ");
    asyncio_handle_cancel(shown); /* too late, and no harm */
    end_loop();
    CHECK(!asyncio_handle_cancelled(shown));
    asyncio_handle_unref(shown);
}

static int see_variable(void *arg) {
    asyncio_value value;
    CHECK_INT(asyncio_contextvar_get(arg, &value), 0);
    expected = (long)value.i;
    return 0;
}

TEST(they_run_in_the_context_they_were_posted_in) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    start_loop();
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(7), NULL), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, see_variable, var), 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(8), NULL), 0);
    turn();
    CHECK_INT(expected, 7);
    end_loop();
}

static void *post_to_closed(void *arg) {
    CHECK_ERROR(asyncio_loop_call_soon_threadsafe(arg, raises, NULL), ASYNCIO_RUNTIME_ERROR,
                "Event loop is closed");
    return NULL;
}

TEST(a_closed_loop_refuses_them) {
    pthread_t thread;
    start_loop();
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(pthread_create(&thread, NULL, post_to_closed, loop), 0);
    pthread_join(thread, NULL);
    asyncio_loop_unref(loop);
}

TEST(without_memory_it_is_an_error) {
    if (asyncio_testing_fail_allocation(0) < 0)
        SKIP("the library was built without fault injection");
    start_loop();
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, raises, NULL), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    end_loop();
}
