/* SPDX-License-Identifier: MIT
 *
 * Exhausted memory: a constructor gives NULL, a put that finds no room leaves the item with the
 * caller; everything else needs no memory. (Runs in builds with fault injection.)
 */
#include <errno.h>

#include "trace.h"

static void fail_next(long n) {
    if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
}

static void check_no_memory(const void *p) {
    CHECK(p == NULL);
    CHECK(asyncio_catch(-ENOMEM, -ENOMEM));
}

TEST(constructors_without_memory_give_null) {
    fail_next(1);
    check_no_memory(asyncio_lock_new());
    fail_next(1);
    check_no_memory(asyncio_event_new());
    fail_next(1);
    check_no_memory(asyncio_semaphore_new(1));
    fail_next(1);
    check_no_memory(asyncio_queue_new(1));
    for (long n = 1; n <= 2; n++) {
        fail_next(n);
        check_no_memory(asyncio_condition_new(NULL));
    }
    for (long n = 1; n <= 3; n++) {
        fail_next(n);
        check_no_memory(asyncio_barrier_new(2));
    }
    fail_next(0);
}

TEST(a_put_without_memory_leaves_the_queue_and_the_item_as_they_were) {
    asyncio_queue *queues[] = { asyncio_queue_new(0), asyncio_lifoqueue_new(0),
                                asyncio_priorityqueue_new(0, NULL) };
    for (int i = 0; i < 3; i++) {
        asyncio_value item = asyncio_own_str(strdup("item"));
        for (size_t full = 0; full <= 16; full += 16) {
            while (asyncio_queue_qsize(queues[i]) < full) {
                asyncio_value other = asyncio_own_str(strdup("other"));
                CHECK_INT(asyncio_queue_put_nowait(queues[i], other), 0);
            }
            fail_next(1);
            CHECK(asyncio_catch(asyncio_queue_put_nowait(queues[i], item), -ENOMEM));
            fail_next(0);
            CHECK_INT(asyncio_queue_qsize(queues[i]), full);
            CHECK_INT(asyncio_queue_unfinished(queues[i]), full);
        }
        CHECK_INT(asyncio_queue_put_nowait(queues[i], item), 0);
        asyncio_queue_unref(queues[i]);
    }
}

ASYNC(hands_over, (asyncio_semaphore *) mine, (asyncio_semaphore *) other) {
    for (int i = 0; i < 10; i++) {
        TRY(AWAIT(asyncio_semaphore_acquire(mine)));
        CHECK_INT(asyncio_semaphore_release(other), 0);
    }
    RETURN();
}

ASYNC(needs_no_memory) {
    asyncio_semaphore *a = asyncio_semaphore_new(0), *b = asyncio_semaphore_new(0);
    asyncio_task *first = asyncio_create_task(hands_over(a, b));
    asyncio_task *second = asyncio_create_task(hands_over(b, a));
    turns(1);
    fail_next(1000000);
    CHECK_INT(asyncio_semaphore_release(a), 0);
    turns(30);
    CHECK_INT(asyncio_testing_fail_allocation(0), 0);
    check_ended(first, 0);
    check_ended(second, 0);
    asyncio_semaphore_unref(a);
    asyncio_semaphore_unref(b);
    RETURN();
}

TEST(waiting_and_waking_need_no_memory) { run(needs_no_memory()); }
