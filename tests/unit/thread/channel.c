/* SPDX-License-Identifier: MIT
 *
 * Channels: between tasks, between loops, between threads.
 */
#include <asyncio.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static void check_raised(int rc, int code) {
    CHECK_INT(rc, code);
    asyncio_ignore(rc);
}

static asyncio_value own_text(const char *text) { return asyncio_own_str(strdup(text)); }

TEST(values_come_out_in_the_order_they_went_in) {
    asyncio_channel *c = asyncio_channel_new(2);
    asyncio_value value;
    check_raised(asyncio_channel_get_nowait(c, &value), ASYNCIO_QUEUE_EMPTY);
    CHECK_INT(asyncio_channel_put_nowait(c, own_text("a")), 0);
    CHECK_INT(asyncio_channel_put_nowait(c, own_text("b")), 0);
    check_raised(asyncio_channel_put_nowait(c, own_text("c")), ASYNCIO_QUEUE_FULL);
    CHECK_INT(asyncio_channel_qsize(c), 2);
    CHECK_INT(asyncio_channel_get_nowait(c, &value), 0);
    CHECK_STR(value.s, "a");
    asyncio_value_drop(&value);
    CHECK_INT(asyncio_channel_put_nowait(c, own_text("d")), 0);
    CHECK_INT(asyncio_channel_get_nowait(c, NULL), 0);
    asyncio_channel_close(c);
    CHECK(asyncio_channel_closed(c));
    check_raised(asyncio_channel_put_nowait(c, own_text("e")), ASYNCIO_QUEUE_SHUT_DOWN);
    CHECK_INT(asyncio_channel_get_nowait(c, &value), 0);
    CHECK_STR(value.s, "d");
    asyncio_value_drop(&value);
    check_raised(asyncio_channel_get_nowait(c, &value), ASYNCIO_QUEUE_SHUT_DOWN);
    asyncio_channel_unref(c);
    c = asyncio_channel_new(3);
    CHECK_INT(asyncio_channel_put_nowait(c, own_text("left")), 0);
    asyncio_channel_unref(c);
}

/* ---- tasks of one loop ---- */

ASYNC(puts_numbers, (asyncio_channel *) c, (int) n) {
    for (int i = 0; i < n; i++) TRY(AWAIT(asyncio_channel_put(c, asyncio_int(i))));
    RETURN();
}

ASYNC(gets_numbers, (asyncio_channel *) c, (int) n) {
    for (int i = 0; i < n; i++) {
        asyncio_value value;
        TRY(AWAIT(asyncio_channel_get(c), &value));
        CHECK_INT(value.i, i);
    }
    RETURN();
}

ASYNC(passes_in_one_loop, (asyncio_channel *) c) {
    TRY(AWAIT(asyncio_gather(NULL, gets_numbers(c, 100), puts_numbers(c, 100))));
    RETURN();
}

TEST(tasks_of_one_loop_pass_values) {
    asyncio_auto_channel c = asyncio_channel_new(3);
    CHECK_INT(asyncio_run(passes_in_one_loop(c), NULL), 0);
}

ASYNC(is_cancelled_waiting, (asyncio_channel *) c) {
    asyncio_auto_task get = asyncio_create_task(asyncio_channel_get(c));
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_task_cancel(get, NULL);
    check_raised(AWAIT(get), ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_channel_put_nowait(c, own_text("kept")), 0);
    asyncio_auto_task put = asyncio_create_task(asyncio_channel_put(c, own_text("dropped")));
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_task_cancel(put, NULL);
    check_raised(AWAIT(put), ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_channel_qsize(c), 1);
    asyncio_auto_task first = asyncio_create_task(asyncio_channel_get(c));
    asyncio_auto_task second = asyncio_create_task(asyncio_channel_get(c));
    TRY(AWAIT(first));
    CHECK_INT(asyncio_channel_put_nowait(c, asyncio_int(1)), 0); /* wakes the second */
    asyncio_auto_task third = asyncio_create_task(asyncio_channel_get(c));
    asyncio_task_cancel(second, NULL);
    TRY(AWAIT(third)); /* the wake is passed on, or the value was there already */
    check_raised(AWAIT(second), ASYNCIO_CANCELLED_ERROR);
    asyncio_auto_task unstarted = asyncio_create_task(asyncio_channel_put(c, own_text("x")));
    asyncio_task_cancel(unstarted, NULL);
    check_raised(AWAIT(unstarted), ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

TEST(who_is_cancelled_has_put_or_taken_nothing) {
    asyncio_auto_channel c = asyncio_channel_new(1);
    CHECK_INT(asyncio_run(is_cancelled_waiting(c), NULL), 0);
    CHECK_INT(asyncio_channel_qsize(c), 0);
}

ASYNC(closes_under_waiters, (asyncio_channel *) c) {
    asyncio_auto_task a = asyncio_create_task(asyncio_channel_get(c));
    asyncio_auto_task b = asyncio_create_task(asyncio_channel_get(c));
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_channel_close(c);
    asyncio_channel_close(c);
    check_raised(AWAIT(a), ASYNCIO_QUEUE_SHUT_DOWN);
    check_raised(AWAIT(b), ASYNCIO_QUEUE_SHUT_DOWN);
    check_raised(AWAIT(asyncio_channel_put(c, own_text("x"))), ASYNCIO_QUEUE_SHUT_DOWN);
    RETURN();
}

TEST(closing_wakes_everybody) {
    asyncio_auto_channel c = asyncio_channel_new(1);
    CHECK_INT(asyncio_run(closes_under_waiters(c), NULL), 0);
}

ASYNC(leaves_a_waiter, (asyncio_channel *) c) {
    TRY(asyncio_spawn(asyncio_channel_get(c)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_loop_that_ends_takes_its_waiters_along) {
    asyncio_auto_channel c = asyncio_channel_new(1);
    CHECK_INT(asyncio_run(leaves_a_waiter(c), NULL), 0);
    CHECK_INT(asyncio_channel_put_nowait(c, asyncio_int(1)), 0);
    CHECK_INT(asyncio_channel_qsize(c), 1);
}

/* ---- threads and loops ---- */

#define COUNT 2000

struct traffic {
    asyncio_channel *channel;
    atomic_llong sum;
    atomic_int got;
};

static void *puts_in_thread(void *arg) {
    struct traffic *t = arg;
    for (int i = 1; i <= COUNT; i++)
        CHECK_INT(asyncio_channel_put_blocking(t->channel, asyncio_int(i), INFINITY), 0);
    return NULL;
}

static void *gets_in_thread(void *arg) {
    struct traffic *t = arg;
    asyncio_value value;
    int rc;
    while ((rc = asyncio_channel_get_blocking(t->channel, INFINITY, &value)) >= 0) {
        atomic_fetch_add(&t->sum, value.i);
        atomic_fetch_add(&t->got, 1);
    }
    check_raised(rc, ASYNCIO_QUEUE_SHUT_DOWN);
    return NULL;
}

ASYNC(gets_in_task, (struct traffic *) t) {
    asyncio_value value;
    int rc;
    while ((rc = AWAIT(asyncio_channel_get(t->channel), &value)) >= 0) {
        atomic_fetch_add(&t->sum, value.i);
        atomic_fetch_add(&t->got, 1);
    }
    check_raised(rc, ASYNCIO_QUEUE_SHUT_DOWN);
    RETURN();
}

ASYNC(puts_in_task, (struct traffic *) t) {
    for (int i = 1; i <= COUNT; i++) TRY(AWAIT(asyncio_channel_put(t->channel, asyncio_int(i))));
    RETURN();
}

static void *runs_getters(void *arg) {
    CHECK_INT(asyncio_run(gets_in_task(arg), NULL), 0);
    return NULL;
}

static void *runs_putters(void *arg) {
    CHECK_INT(asyncio_run(puts_in_task(arg), NULL), 0);
    return NULL;
}

TEST_TIMEOUT(threads_and_loops_share_a_channel, 60) {
    void *(*const mains[])(void *) = { puts_in_thread, runs_putters, gets_in_thread, runs_getters };
    pthread_t threads[8];
    struct traffic t = { .channel = asyncio_channel_new(7) };
    for (int i = 0; i < 8; i++) CHECK_INT(pthread_create(&threads[i], NULL, mains[i / 2], &t), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    asyncio_channel_close(t.channel);
    for (int i = 4; i < 8; i++) pthread_join(threads[i], NULL);
    CHECK_INT(t.got, 4 * COUNT);
    CHECK_INT(t.sum, 4LL * COUNT * (COUNT + 1) / 2);
    asyncio_channel_unref(t.channel);
}

/* ---- bad input ---- */

ASYNC(blocks_a_loop, (asyncio_channel *) c) {
    check_raised(asyncio_channel_get_blocking(c, 1, NULL), ASYNCIO_RUNTIME_ERROR);
    check_raised(asyncio_channel_put_blocking(c, own_text("x"), 1), ASYNCIO_RUNTIME_ERROR);
    check_raised(AWAIT(asyncio_channel_get(NULL)), ASYNCIO_TYPE_ERROR);
    check_raised(AWAIT(asyncio_channel_put(NULL, own_text("x"))), ASYNCIO_TYPE_ERROR);
    RETURN();
}

TEST(bad_input_to_channels) {
    asyncio_auto_channel c = asyncio_channel_new(1);
    CHECK(asyncio_channel_new(0) == NULL);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK(asyncio_channel_new(SIZE_MAX) == NULL);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    check_raised(asyncio_channel_get_blocking(c, 0, NULL), ASYNCIO_TIMEOUT_ERROR);
    check_raised(asyncio_channel_get_blocking(c, 0.001, NULL), ASYNCIO_TIMEOUT_ERROR);
    check_raised(asyncio_channel_get_blocking(c, (double)NAN, NULL), ASYNCIO_VALUE_ERROR);
    check_raised(asyncio_channel_put_nowait(NULL, own_text("x")), ASYNCIO_TYPE_ERROR);
    check_raised(asyncio_channel_get_nowait(NULL, NULL), ASYNCIO_TYPE_ERROR);
    check_raised(asyncio_channel_get_blocking(NULL, 1, NULL), ASYNCIO_TYPE_ERROR);
    check_raised(asyncio_channel_put_blocking(NULL, own_text("x"), 1), ASYNCIO_TYPE_ERROR);
    asyncio_channel_close(NULL);
    CHECK(!asyncio_channel_closed(NULL));
    CHECK_INT(asyncio_channel_qsize(NULL), 0);
    CHECK_INT(asyncio_run(blocks_a_loop(c), NULL), 0);
}
