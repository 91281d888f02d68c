/* SPDX-License-Identifier: MIT
 *
 * tests/unit/inspect/watchdog.c: a loop that one step blocks is reported while that lasts, and when
 * it is over. The steps here block until the watchdog has spoken, so nothing depends on time.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core.h"

#define LIMIT 0.02

/* ---- what the watchdog says ---- */

static struct {
    atomic_int count;
    char task[64], text[2048];
    double seconds;
    size_t size;
    asyncio_loop *loop;
    pthread_t thread;
} told;

static sem_t spoken;
static int argument;

static void hear(asyncio_loop *l, const asyncio_watchdog_report *report, void *arg) {
    CHECK_PTR(arg, &argument);
    told.loop = l;
    told.thread = pthread_self();
    told.size = report->size;
    told.seconds = report->seconds;
    snprintf(told.task, sizeof told.task, "%s", report->task ? report->task : "none");
    snprintf(told.text, sizeof told.text, "%s", report->text);
    atomic_fetch_add(&told.count, 1);
    sem_post(&spoken);
}

static void block_until_told(void) {
    while (sem_wait(&spoken) < 0) CHECK_INT(errno, EINTR);
}

static void start_watched_loop(void) {
    start_loop();
    CHECK_INT(sem_init(&spoken, 0, 0), 0);
    CHECK_INT(asyncio_loop_set_watchdog(loop, LIMIT, hear, &argument), 0);
}

/* ---- tasks ---- */

ASYNC(blocks) {
    TRY(AWAIT(asyncio_sleep(0)));
    block_until_told();
    RETURN();
}

ASYNC(outer) {
    TRY(AWAIT(blocks()));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(runs_named) {
    asyncio_auto_task t = asyncio_create_task(outer(), .name = "culprit");
    TRY(AWAIT(t));
    RETURN();
}

TEST(a_step_that_blocks_is_reported_while_it_does_with_task_and_frames) {
    start_watched_loop();
    CHECK_INT(run(runs_named()), 0);
    CHECK_INT(told.count, 1);
    CHECK_PTR(told.loop, loop);
    CHECK(!pthread_equal(told.thread, pthread_self()));
    CHECK_INT(told.size, sizeof(asyncio_watchdog_report));
    CHECK(told.seconds >= LIMIT);
    CHECK_STR(told.task, "culprit");
    CHECK_CONTAINS(told.text, "The event loop has been blocked for 0.");
    CHECK_CONTAINS(told.text, " s by Task(name='culprit', id=0x");
    CHECK_CONTAINS(told.text, ")\n  + Call stack:\n  |   File '");
    CHECK_CONTAINS(told.text, "watchdog.c', line 61, in async outer()\n  |   File '");
    CHECK_CONTAINS(told.text, "watchdog.c', line 55, in async blocks()");
    end_loop();
}

TEST(its_end_goes_to_the_exception_handler) {
    start_watched_loop();
    CHECK_INT(run(runs_named()), 0);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "The event loop was blocked for ");
    CHECK_CONTAINS(reported.message, " s by Task(name='culprit', id=0x");
    CHECK_CONTAINS(reported.message, "in async blocks()");
    end_loop();
}

TEST(the_last_step_of_a_run_is_reported_before_the_run_returns) {
    start_watched_loop();
    CHECK_INT(run(blocks()), 0);
    CHECK_INT(told.count, 1);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "in async blocks()");
    end_loop();
}

static void block_on_and_on(int nth) {
    block_until_told();
    usleep((useconds_t)(3e6 * LIMIT));
    CHECK_INT(told.count, nth);
}

ASYNC(blocks_twice) {
    block_on_and_on(1);
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(told.count, 1);
    block_on_and_on(2);
    RETURN();
}

TEST(each_block_is_reported_once) {
    start_watched_loop();
    CHECK_INT(run(blocks_twice()), 0);
    CHECK_INT(reported.count, 2);
    CHECK_STR(told.task, "Task-1");
    end_loop();
}

static int block_and_stop(void *arg) {
    block_until_told();
    asyncio_loop_stop(arg);
    return 0;
}

TEST(a_callback_that_blocks_is_named) {
    start_watched_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, block_and_stop, loop), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_STR(told.task, "none");
    CHECK_CONTAINS(told.text, " s by a callback, block_and_stop() scheduled at ");
    CHECK_INT(reported.count, 1);
    end_loop();
}

static int linger(void *arg) {
    (void)arg;
    usleep(10000); /* the watchdog looks each millisecond: it sees that the step is over */
    return 0;
}

TEST(an_end_that_is_on_its_way_when_the_run_ends_is_reported) {
    start_watched_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, block_and_stop, loop), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, linger, NULL), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK(reported.count >= 1); /* on a slow machine the second step is a long one, too */
    end_loop();
}

ASYNC(starts_eagerly) {
    asyncio_auto_task t = asyncio_create_task(blocks_twice(), .name = "eager", .eager_start = true);
    TRY(AWAIT(t));
    RETURN();
}

TEST(an_eager_step_is_its_own_tasks) {
    start_watched_loop();
    CHECK_INT(run(starts_eagerly()), 0);
    CHECK_STR(told.task, "eager");
    end_loop();
}

/* ---- what is no block ---- */

ASYNC(sleeps_in_the_poller) {
    asyncio_loop *l = asyncio_get_running_loop();
    TRY(asyncio_loop_set_watchdog(l, LIMIT, hear, &argument));
    TRY(AWAIT(asyncio_sleep(3 * LIMIT)));
    RETURN();
}

TEST(a_loop_that_sleeps_is_not_blocked) {
    CHECK_INT(asyncio_run(sleeps_in_the_poller(), NULL), 0);
    CHECK(!strstr(told.text, "epoll_wait"));
}

/* ---- turning it on and off ---- */

ASYNC(turns_it_off) {
    asyncio_loop *l = asyncio_get_running_loop();
    CHECK_DOUBLE(asyncio_loop_get_watchdog(l), LIMIT);
    TRY(asyncio_loop_set_watchdog(l, 0, NULL, NULL));
    CHECK_DOUBLE(asyncio_loop_get_watchdog(l), 0.0);
    TRY(asyncio_loop_set_watchdog(l, LIMIT, hear, &argument));
    TRY(AWAIT(asyncio_sleep(0)));
    block_until_told();
    TRY(asyncio_loop_set_watchdog(l, 0, NULL, NULL));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(it_can_be_set_and_taken_back_while_the_loop_runs) {
    start_watched_loop();
    CHECK_INT(run(turns_it_off()), 0);
    CHECK_INT(told.count, 1);
    CHECK_INT(reported.count, 1); /* by whoever took it back */
    end_loop();
}

TEST(there_is_none_by_default) {
    start_loop();
    CHECK_DOUBLE(asyncio_loop_get_watchdog(loop), 0.0);
    CHECK(isnan(asyncio_loop_get_watchdog(NULL)));
    end_loop();
}

TEST(the_environment_sets_one) {
    setenv("ASYNCIO_WATCHDOG", "2.5", 1);
    start_loop();
    CHECK_DOUBLE(asyncio_loop_get_watchdog(loop), 2.5);
    end_loop();
}

/* What it prints is seen by the test's own process only in a pipe or file: the harness's. */
static void *wait_for_print(void *arg) {
    while (!strstr(test_printed(), "The event loop has been blocked for ")) {
    }
    sem_post(&spoken);
    return arg;
}

TEST(without_a_function_it_prints) {
    pthread_t thread;
    start_watched_loop();
    CHECK_INT(asyncio_loop_set_watchdog(loop, LIMIT, NULL, NULL), 0);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_print, NULL), 0);
    CHECK_INT(run(blocks()), 0);
    pthread_join(thread, NULL);
    CHECK_PRINTED("in async blocks()");
    CHECK_INT(reported.count, 1);
    end_loop();
}

/* ---- bad input ---- */

TEST(limits_are_checked) {
    start_loop();
    CHECK_ERROR(asyncio_loop_set_watchdog(loop, -1, NULL, NULL), ASYNCIO_VALUE_ERROR,
                "a limit is a number of seconds, or 0");
    CHECK_ERROR(asyncio_loop_set_watchdog(loop, (double)NAN, NULL, NULL), ASYNCIO_VALUE_ERROR,
                "a limit is a number of seconds, or 0");
    CHECK_ERROR(asyncio_loop_set_watchdog(NULL, 1, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_ERROR(asyncio_loop_set_watchdog(loop, 1, NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "Event loop is closed");
    asyncio_loop_unref(loop);
}

static void *set_from_outside(void *arg) {
    CHECK_ERROR(asyncio_loop_set_watchdog(arg, 1, NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "the loop runs in another thread");
    return NULL;
}

TEST_ASYNC(another_thread_may_not_set_it) {
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, set_from_outside, asyncio_get_running_loop()), 0);
    pthread_join(thread, NULL);
    RETURN();
}

TEST(without_memory_for_it_the_loop_runs_all_the_same) {
    if (asyncio_testing_fail_allocation(0) < 0)
        SKIP("the library was built without fault injection");
    start_watched_loop();
    for (long n = 1; reported.count == 0; n++) {
        CHECK(n < 10);
        asyncio_testing_fail_allocation(n);
        turn();
        asyncio_testing_fail_allocation(0);
    }
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "The loop's watchdog cannot be started");
    CHECK_INT(reported.code, -ENOMEM);
    end_loop();
}
