/* SPDX-License-Identifier: MIT
 *
 * tests/unit/thread/interleave.c: a loop and one or two threads in every order, as far as they are
 * made to give way at most five times (fewer in larger ones), and in many random ones: nothing is
 * lost, nothing happens twice, whoever waits is woken.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <math.h>

#include "test.h"

#ifndef ASYNCIO_FAULT_INJECTION

TEST(orders_of_threads) { SKIP("the library was built without fault injection"); }

#else

#include "interleave.h"

#define SEEDS 300

static asyncio_loop *loop;
static int made, dropped;

static void drop_counted(asyncio_value *value) {
    (void)value;
    dropped++;
}

static const asyncio_value_type counted = { .size = sizeof counted, .drop = drop_counted };

static asyncio_value make_counted(void) {
    made++;
    return asyncio_own(&made, &counted);
}

static void begin(void) {
    made = dropped = 0;
    loop = asyncio_new_event_loop();
    CHECK(loop != NULL);
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_IGNORED);
}

static void end(void) {
    threads_end();
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_unref(loop);
    CHECK_INT(dropped, made);
}

static int stop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

/* ---- calls ---- */

static int calls;

static int count_call(void *arg) {
    CHECK_INT((intptr_t)arg, calls);
    calls++;
    return 0;
}

static void post_two_and_stop(void *arg) {
    (void)arg;
    for (intptr_t i = 0; i < 2; i++)
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, count_call, (void *)i), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, loop), 0);
}

static void calls_are_posted(void) {
    begin();
    calls = 0;
    thread_begin(post_two_and_stop, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 2);
    end();
}

TEST_TIMEOUT(posted_calls_run_in_order_and_wake_the_loop, 60) {
    try_all_orders(calls_are_posted, 5);
    try_random_orders(calls_are_posted, SEEDS);
}

static void drop_argument(void *arg) {
    (void)arg;
    dropped++;
}

static void post_until_refused(void *arg) {
    (void)arg;
    for (int i = 0; i < 2; i++) {
        made++;
        int rc = asyncio_loop_call_soon_threadsafe(loop, stop, loop, .drop = drop_argument);
        if (rc < 0) dropped++;
        asyncio_ignore(rc);
    }
}

/* The thread's posts are run, discarded by close, or refused. */
static void a_loop_closes_under_posts(void) {
    begin();
    asyncio_loop_ref(loop);
    thread_begin(post_until_refused, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    end();
    asyncio_loop_unref(loop);
}

TEST_TIMEOUT(a_loop_may_close_while_calls_are_posted, 60) {
    try_all_orders(a_loop_closes_under_posts, 5);
    try_random_orders(a_loop_closes_under_posts, SEEDS);
}

static atomic_bool inside;
static bool cancelled;

static int run_inside(void *arg) {
    (void)arg;
    CHECK(!cancelled);
    atomic_store(&inside, true);
    asyncio__point();
    atomic_store(&inside, false);
    return 0;
}

static void post_and_cancel(void *arg) {
    asyncio_handle *h;
    (void)arg;
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, run_inside, NULL, .handle = &h), 0);
    asyncio_handle_cancel(h);
    CHECK(!atomic_load(&inside));
    cancelled = true;
    asyncio_handle_unref(h);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, loop), 0);
}

static void a_call_is_cancelled(void) {
    begin();
    cancelled = false;
    thread_begin(post_and_cancel, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    end();
}

TEST_TIMEOUT(a_cancelled_call_is_over_or_never_runs, 60) {
    try_all_orders(a_call_is_cancelled, 5);
    try_random_orders(a_call_is_cancelled, SEEDS);
}

/* ---- sends ---- */

static asyncio_async *async;
static int sent, seen;

static int look(void *arg) {
    (void)arg;
    seen = sent;
    if (seen == 3) asyncio_loop_stop(loop);
    return 0;
}

static void send_three(void *arg) {
    (void)arg;
    for (int i = 1; i <= 3; i++) {
        sent = i;
        CHECK_INT(asyncio_async_send(async), 0);
    }
}

static void calls_are_sent(void) {
    begin();
    sent = seen = 0;
    async = asyncio_async_new(loop, look, NULL);
    thread_begin(send_three, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    threads_end();
    asyncio_async_close(async);
    end();
}

TEST_TIMEOUT(the_last_send_is_always_seen, 60) {
    try_all_orders(calls_are_sent, 5);
    try_random_orders(calls_are_sent, SEEDS);
}

/* ---- coroutines handed over ---- */

ASYNC(makes_value, (int) turns) {
    for (int i = 0; i < turns; i++) TRY(AWAIT(asyncio_sleep(0)));
    RETURN(make_counted());
}

static void hand_over(void *arg) {
    asyncio_value value;
    (void)arg;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(makes_value(1), loop);
    CHECK(f != NULL);
    CHECK_INT(asyncio_concurrent_future_result(f, (double)INFINITY, &value), 0);
    CHECK_PTR(value.p, &made);
    CHECK_INT(dropped, 0);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, loop), 0);
}

static void a_coroutine_is_handed_over(void) {
    begin();
    thread_begin(hand_over, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(made, 1);
    end();
}

TEST_TIMEOUT(who_hands_a_coroutine_over_gets_its_value, 60) {
    try_all_orders(a_coroutine_is_handed_over, 5);
    try_random_orders(a_coroutine_is_handed_over, SEEDS);
}

/* Cancelled or done, and what it says stays so. */
static void check_end(asyncio_concurrent_future *f, int rc) {
    CHECK(rc == 0 || rc == ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(rc);
    CHECK(asyncio_concurrent_future_done(f));
    CHECK_INT(asyncio_concurrent_future_cancelled(f), rc < 0);
}

static void hand_over_cancel_and_read(void *arg) {
    (void)arg;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(makes_value(1), loop);
    CHECK(f != NULL);
    asyncio_concurrent_future_cancel(f);
    check_end(f, asyncio_concurrent_future_result(f, (double)INFINITY, NULL));
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, loop), 0);
}

static void hand_over_and_cancel(void *arg) {
    (void)arg;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(makes_value(1), loop);
    CHECK(f != NULL);
    bool won = asyncio_concurrent_future_cancel(f);
    CHECK(asyncio_concurrent_future_done(f));
    CHECK_INT(asyncio_concurrent_future_cancelled(f), won);
    int rc = asyncio_concurrent_future_result(f, 0, NULL);
    CHECK_INT(rc, won ? ASYNCIO_CANCELLED_ERROR : 0);
    asyncio_ignore(rc);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, loop), 0);
}

static void a_thread_cancels(void) {
    begin();
    thread_begin(hand_over_and_cancel, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    end();
}

TEST_TIMEOUT(a_thread_that_cancels_wins_or_comes_too_late, 60) {
    try_all_orders(a_thread_cancels, 5);
    try_random_orders(a_thread_cancels, SEEDS);
}

/* The loop's side of it, posted by another thread. */
static int cancel_all_tasks(void *arg) {
    asyncio_task *all[4];
    size_t n = asyncio_all_tasks(loop, all, 4);
    (void)arg;
    for (size_t k = 0; k < n && k < 4; k++) asyncio_task_cancel(all[k], NULL);
    return 0;
}

static void post_cancel_all(void *arg) {
    (void)arg;
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, cancel_all_tasks, NULL), 0);
}

static void both_sides_cancel(void) {
    begin();
    thread_begin(hand_over_cancel_and_read, NULL);
    thread_begin(post_cancel_all, NULL);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    end();
}

TEST_TIMEOUT(both_sides_may_cancel_at_once, 60) {
    try_all_orders(both_sides_cancel, 2);
    try_random_orders(both_sides_cancel, SEEDS);
}

/* ---- futures that a loop follows ---- */

static asyncio_concurrent_future *source;

static void finish_source(void *arg) {
    (void)arg;
    int rc = asyncio_concurrent_future_set_result(source, make_counted());
    CHECK(rc == 0 || rc == ASYNCIO_INVALID_STATE_ERROR); /* cancelled before */
    asyncio_ignore(rc);
}

ASYNC(follows_source) {
    asyncio_auto_future f = asyncio_wrap_future(source, NULL);
    int rc = AWAIT(f);
    CHECK(rc == 0 || rc == ASYNCIO_CANCELLED_ERROR);
    return rc;
}

/* The follower is cancelled in the turn after it has begun to wait. */
ASYNC(follows_and_gives_up) {
    asyncio_auto_task t = asyncio_create_task(follows_source());
    TRY(AWAIT(asyncio_sleep(0)));
    bool requested = asyncio_task_cancel(t, NULL);
    int rc = AWAIT(t);
    if (rc < 0) CHECK(requested);
    if (rc == 0) CHECK_INT(asyncio_concurrent_future_cancelled(source), false);
    asyncio_ignore(rc);
    RETURN();
}

static void a_follower_gives_up(void) {
    begin();
    source = asyncio_concurrent_future_new();
    thread_begin(finish_source, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, follows_and_gives_up(), NULL), 0);
    threads_end();
    CHECK(asyncio_concurrent_future_done(source));
    asyncio_concurrent_future_unref(source);
    end();
}

TEST_TIMEOUT(a_follower_may_give_up_while_its_source_is_finished, 60) {
    try_all_orders(a_follower_gives_up, 5);
    try_random_orders(a_follower_gives_up, SEEDS);
}

/* The value of a source is copied for each that follows: these here cannot be. */
ASYNC(waits_for_source) {
    asyncio_auto_future f = asyncio_wrap_future(source, NULL);
    TRY(AWAIT(f));
    RETURN();
}

static void finish_plainly(void *arg) {
    (void)arg;
    CHECK_INT(asyncio_concurrent_future_set_result(source, asyncio_int(7)), 0);
}

static void wait_in_thread(void *arg) {
    asyncio_value value;
    (void)arg;
    CHECK_INT(asyncio_concurrent_future_result(source, (double)INFINITY, &value), 0);
    CHECK_INT(value.i, 7);
}

static void a_thread_and_a_task_wait(void) {
    begin();
    source = asyncio_concurrent_future_new();
    thread_begin(finish_plainly, NULL);
    thread_begin(wait_in_thread, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, waits_for_source(), NULL), 0);
    threads_end();
    asyncio_concurrent_future_unref(source);
    end();
}

TEST_TIMEOUT(all_who_wait_for_a_result_are_woken, 60) {
    try_all_orders(a_thread_and_a_task_wait, 5);
    try_random_orders(a_thread_and_a_task_wait, SEEDS);
}

/* ---- channels ---- */

static asyncio_channel *channel;

static void put_two(void *arg) {
    (void)arg;
    for (int i = 1; i <= 2; i++)
        CHECK_INT(asyncio_channel_put_blocking(channel, asyncio_int(i), (double)INFINITY), 0);
}

ASYNC(gets_two) {
    for (int i = 1; i <= 2; i++) {
        asyncio_value value;
        TRY(AWAIT(asyncio_channel_get(channel), &value));
        CHECK_INT(value.i, i);
    }
    RETURN();
}

static void items_pass(void) {
    begin();
    channel = asyncio_channel_new(1);
    thread_begin(put_two, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, gets_two(), NULL), 0);
    threads_end();
    asyncio_channel_unref(channel);
    end();
}

TEST_TIMEOUT(items_pass_through_a_channel_in_order, 60) {
    try_all_orders(items_pass, 3);
    try_random_orders(items_pass, SEEDS);
}

static void put_one(void *arg) {
    (void)arg;
    CHECK_INT(asyncio_channel_put_blocking(channel, make_counted(), (double)INFINITY), 0);
}

ASYNC(gets_one) {
    asyncio_auto_value value = asyncio_none();
    TRY(AWAIT(asyncio_channel_get(channel), &value));
    RETURN();
}

/* One of two that wait is cancelled: the other one gets the item, or the item is left. */
ASYNC(one_of_two_gives_up) {
    asyncio_auto_task a = asyncio_create_task(gets_one());
    asyncio_auto_task b = asyncio_create_task(gets_one());
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_task_cancel(a, NULL);
    int first = AWAIT(a);
    asyncio_ignore(first);
    if (first >= 0) asyncio_task_cancel(b, NULL);
    int second = AWAIT(b);
    asyncio_ignore(second);
    CHECK_INT((first >= 0) + (second >= 0), 1);
    RETURN();
}

static void a_getter_gives_up(void) {
    begin();
    channel = asyncio_channel_new(1);
    thread_begin(put_one, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, one_of_two_gives_up(), NULL), 0);
    threads_end();
    asyncio_channel_unref(channel);
    end();
}

TEST_TIMEOUT(a_getter_that_gives_up_passes_its_wake_up_on, 60) {
    try_all_orders(a_getter_gives_up, 5);
    try_random_orders(a_getter_gives_up, SEEDS);
}

static void close_channel(void *arg) {
    (void)arg;
    asyncio_channel_close(channel);
}

ASYNC(gets_until_closed) {
    int rc = AWAIT(asyncio_channel_get(channel));
    CHECK_INT(rc, ASYNCIO_QUEUE_SHUT_DOWN);
    asyncio_ignore(rc);
    RETURN();
}

static void a_channel_closes(void) {
    begin();
    channel = asyncio_channel_new(1);
    thread_begin(close_channel, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, gets_until_closed(), NULL), 0);
    threads_end();
    asyncio_channel_unref(channel);
    end();
}

TEST_TIMEOUT(closing_a_channel_wakes_who_waits, 60) {
    try_all_orders(a_channel_closes, 5);
    try_random_orders(a_channel_closes, SEEDS);
}

#endif
