/* SPDX-License-Identifier: MIT
 *
 * Exhausted memory: a constructor gives NULL, a put that finds no room leaves the item with the
 * caller; everything else needs no memory, or loses nothing without. (Runs in builds with fault
 * injection.)
 */
#include <errno.h>

#include "sync.h"

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

TEST_ASYNC(waiting_and_waking_need_no_memory) {
    asyncio_semaphore *a = asyncio_semaphore_new(0), *b = asyncio_semaphore_new(0);
    asyncio_task *first = asyncio_create_task(hands_over(a, b));
    asyncio_task *second = asyncio_create_task(hands_over(b, a));
    take_turns(1);
    fail_next(1000000);
    CHECK_INT(asyncio_semaphore_release(a), 0);
    take_turns(30);
    CHECK_INT(asyncio_testing_fail_allocation(0), 0);
    check_ended(first, 0);
    check_ended(second, 0);
    asyncio_semaphore_unref(a);
    asyncio_semaphore_unref(b);
    RETURN();
}

/* ---- every call, with each allocation failing in turn ---- */

static asyncio_lock *lock;
static asyncio_event *event;
static asyncio_condition *condition;
static asyncio_semaphore *semaphore;
static asyncio_barrier *barrier;
static asyncio_queue *queue, *sorted;

ASYNC(in_lock) {
    int rc;
    ASYNC_WITH(held, asyncio_lock_block(lock, &rc)) { rc = AWAIT(asyncio_sleep(0)); }
    return rc;
}

ASYNC(in_semaphore) {
    int rc;
    ASYNC_WITH(held, asyncio_semaphore_block(semaphore, &rc)) { rc = AWAIT(asyncio_sleep(0)); }
    return rc;
}

ASYNC(at_barrier) {
    int rc;
    ASYNC_WITH(index, asyncio_barrier_block(barrier, &rc)) { CHECK(index < 2); }
    return rc;
}

ASYNC(for_notice) {
    int rc;
    ASYNC_WITH(held, asyncio_condition_block(condition, &rc)) {
        rc = AWAIT(asyncio_condition_wait(condition));
        CHECK(asyncio_condition_locked(condition));
    }
    return rc;
}

static bool is_set(void *arg) { return asyncio_event_is_set(arg); }

ASYNC(for_predicate) {
    TRY(AWAIT(asyncio_condition_acquire(condition)));
    int rc = AWAIT(asyncio_condition_wait_for(condition, is_set, event));
    CHECK_INT(asyncio_condition_release(condition), 0);
    return rc;
}

ASYNC(for_event) { return AWAIT(asyncio_event_wait(event)); }

ASYNC(put_some, (asyncio_queue *) q) {
    for (int i = 0; i < 20; i++) TRY(AWAIT(asyncio_queue_put(q, asyncio_int(20 - i))));
    RETURN();
}

ASYNC(get_some, (asyncio_queue *) q) {
    for (int i = 0; i < 20; i++) {
        asyncio_value item;
        TRY(AWAIT(asyncio_queue_get(q), &item));
        CHECK_INT(asyncio_queue_task_done(q), 0);
    }
    RETURN();
}

ASYNC(join_queue) { return AWAIT(asyncio_queue_join(queue)); }

ASYNC(resets) {
    TRY(AWAIT(asyncio_barrier_reset(barrier)));
    return AWAIT(asyncio_barrier_abort(barrier));
}

static void make_objects(void) {
    lock = asyncio_lock_new();
    event = asyncio_event_new();
    condition = asyncio_condition_new(lock);
    semaphore = asyncio_boundedsemaphore_new(1);
    barrier = asyncio_barrier_new(2);
    queue = asyncio_queue_new(1);
    sorted = asyncio_priorityqueue_new(0, NULL);
}

static void drop_objects(void) {
    CHECK(!asyncio_lock_locked(lock));
    CHECK(!asyncio_semaphore_locked(semaphore));
    asyncio_lock_unref(lock);
    asyncio_event_unref(event);
    asyncio_condition_unref(condition);
    asyncio_semaphore_unref(semaphore);
    asyncio_barrier_unref(barrier);
    asyncio_queue_unref(queue);
    asyncio_queue_unref(sorted);
}

enum { MEMBERS = 17 };

static void start_members(asyncio_task **tasks) {
    asyncio_coro coros[MEMBERS] = {
        in_lock(),        in_lock(),    in_lock(),       in_semaphore(),  in_semaphore(),
        in_semaphore(),   at_barrier(), at_barrier(),    at_barrier(),    for_notice(),
        for_predicate(),  for_event(),  put_some(queue), get_some(queue), put_some(sorted),
        get_some(sorted), join_queue(),
    };
    for (int i = 0; i < MEMBERS; i++) tasks[i] = asyncio_create_task(coros[i]);
}

static void check_member(asyncio_task *t) {
    static const int fine[] = { 0, -ENOMEM, ASYNCIO_CANCELLED_ERROR, ASYNCIO_QUEUE_SHUT_DOWN,
                                ASYNCIO_BROKEN_BARRIER_ERROR };
    asyncio_outcome o;
    CHECK(asyncio_task_done(t));
    CHECK_INT(AWAIT(asyncio_task_join(t, &o)), 0);
    bool expected = o.status > 0;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) expected |= o.status == fine[i];
    if (!expected) printf("a task ended with %s\n", asyncio_err_name(o.status));
    CHECK(expected);
    asyncio_outcome_fini(&o);
    asyncio_task_unref(t);
}

/* Wakes some, cancels some, and in the end all. */
static void drive_members(asyncio_task **tasks) {
    take_turns(1);
    asyncio_task_cancel(tasks[1], "no more");
    asyncio_task_cancel(tasks[4], "no more");
    asyncio_task_cancel(tasks[9], "no more");
    take_turns(6);
    asyncio_event_set(event);
    int rc = AWAIT(asyncio_condition_acquire(condition));
    CHECK(rc >= 0 || asyncio_catch(rc, -ENOMEM));
    if (rc >= 0) {
        CHECK_INT(asyncio_condition_notify_all(condition), 0);
        CHECK_INT(asyncio_condition_release(condition), 0);
    }
    take_turns(60);
    rc = AWAIT(resets());
    CHECK(rc >= 0 || asyncio_catch(rc, -ENOMEM));
    asyncio_queue_shutdown(queue, true);
    asyncio_queue_shutdown(sorted, false);
    for (int i = 0; i < MEMBERS; i++) asyncio_task_cancel(tasks[i], NULL);
    take_turns(20);
}

static long fail_at, allocations;

ASYNC(one_round) {
    asyncio_task *tasks[MEMBERS];
    make_objects();
    start_members(tasks);
    fail_next(fail_at);
    drive_members(tasks);
    allocations = asyncio_testing_fail_allocation(0);
    for (int i = 0; i < MEMBERS; i++) check_member(tasks[i]);
    drop_objects();
    RETURN();
}

TEST(no_call_loses_anything_when_an_allocation_fails) {
    fail_next(0);
    do {
        fail_at++;
        run(one_round());
    } while (fail_at <= allocations);
    CHECK(fail_at > 3);
}
