/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/mutex.c: a task that waits or ends with a mutex locked is reported in debug mode.
 */
#include <asyncio/mutex.h>
#include <errno.h>

#include "core.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;

static void start_debug_loop(void) {
    start_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_set_slow_callback_duration(loop, 1000);
}

static int run_named(asyncio_coro coro) {
    asyncio_auto_task t = asyncio_loop_create_task(loop, coro, .name = "keeper");
    CHECK(t != NULL);
    return asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(t), NULL);
}

ASYNC(waits_with_it) {
    TRY(asyncio_debug_mutex_lock(&mutex));
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(asyncio_debug_mutex_unlock(&mutex));
    RETURN();
}

TEST(a_task_that_waits_with_a_mutex_locked_is_reported_once) {
    start_debug_loop();
    CHECK_INT(run_named(waits_with_it()), 0);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "Task 'keeper' waits at ");
    CHECK_CONTAINS(reported.message, "mutex.c:26 with a mutex locked, which it locked at ");
    CHECK_CONTAINS(reported.message, "mutex.c:25");
    CHECK(reported.task != NULL);
    end_loop();
}

TEST(each_lock_counts) {
    start_debug_loop();
    CHECK_INT(run_named(waits_with_it()), 0);
    CHECK_INT(run_named(waits_with_it()), 0);
    CHECK_INT(reported.count, 2);
    end_loop();
}

ASYNC(ends_with_it) {
    TRY(asyncio_debug_mutex_trylock(&mutex));
    RETURN();
}

TEST(so_is_one_that_ends_with_it) {
    start_debug_loop();
    CHECK_INT(run(ends_with_it()), 0);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message,
                   "Task 'Task-1' ended with a mutex locked, which it locked at ");
    end_loop();
}

ASYNC(unlocks_in_time) {
    asyncio_auto_future done = asyncio_future_new();
    TRY(asyncio_debug_mutex_lock(&other));
    TRY(asyncio_debug_mutex_lock(&mutex));
    TRY(asyncio_future_set_result(done, asyncio_none()));
    TRY(AWAIT(done)); /* does not suspend */
    TRY(asyncio_debug_mutex_unlock(&other));
    TRY(asyncio_debug_mutex_unlock(&mutex));
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(one_that_unlocks_before_it_waits_is_not) {
    start_debug_loop();
    CHECK_INT(run(unlocks_in_time()), 0);
    CHECK_INT(reported.count, 0);
    end_loop();
}

ASYNC(waits_for_the_eager_one) {
    asyncio_auto_task t =
        asyncio_create_task(waits_with_it(), .name = "eager", .eager_start = true);
    TRY(AWAIT(t));
    RETURN();
}

TEST(one_that_was_started_eagerly_is_reported_too) {
    start_debug_loop();
    CHECK_INT(run(waits_for_the_eager_one()), 0);
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "Task 'eager' waits at ");
    end_loop();
}

TEST(without_debug_mode_nothing_is_noted) {
    without_debug_mode();
    start_loop();
    CHECK_INT(run(waits_with_it()), 0);
    CHECK_INT(reported.count, 0);
    end_loop();
}

#define MANY 20

ASYNC(locks_many) {
    static pthread_mutex_t many[MANY];
    for (int i = 0; i < MANY; i++) {
        pthread_mutex_init(&many[i], NULL);
        TRY(asyncio_debug_mutex_lock(&many[i]));
    }
    TRY(AWAIT(asyncio_sleep(0)));
    for (int i = 0; i < MANY; i++) TRY(asyncio_debug_mutex_unlock(&many[i]));
    RETURN();
}

TEST(more_than_can_be_noted_do_no_harm) {
    start_debug_loop();
    CHECK_INT(run(locks_many()), 0);
    CHECK_INT(reported.count, 16);
    end_loop();
}

TEST(outside_of_tasks_they_are_plain_mutexes) {
    CHECK_INT(asyncio_debug_mutex_lock(&mutex), 0);
    CHECK_INT(asyncio_debug_mutex_trylock(&mutex), -EBUSY);
    CHECK_INT(asyncio_debug_mutex_unlock(&mutex), 0);
}

TEST(a_null_mutex_is_refused) {
    CHECK_ERROR(asyncio_debug_mutex_lock(NULL), ASYNCIO_TYPE_ERROR, "a mutex is required");
    CHECK_ERROR(asyncio_debug_mutex_trylock(NULL), ASYNCIO_TYPE_ERROR, "a mutex is required");
    CHECK_ERROR(asyncio_debug_mutex_unlock(NULL), ASYNCIO_TYPE_ERROR, "a mutex is required");
}
