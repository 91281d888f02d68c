/* SPDX-License-Identifier: MIT
 *
 * A loop that is closed while tasks wait: every wait ends with GeneratorExit, at once and for
 * ever; nothing spins, and what is left can be used in another loop as far as it can be.
 */
#include "sync.h"

/* Runs the coroutine, then closes the loop with whatever it has left waiting. */
static void run_and_close(asyncio_coro c) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    int rc = asyncio_loop_run_until_complete(loop, c, NULL);
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), NULL);
    CHECK(rc >= 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
}

/* Awaits it three times: all must fail in the same way. */
ASYNC(waits_stubbornly, (const asyncio_coro *) c) {
    asyncio_coro kept = *c;
    for (int i = 0; i < 3; i++) {
        int rc = AWAIT(kept);
        CHECK_STR(asyncio_err_name(rc), "GeneratorExit");
        note("exit");
    }
    return ASYNCIO_GENERATOR_EXIT;
}

static void spawn_waiter(asyncio_coro c) {
    CHECK_INT(asyncio_spawn(waits_stubbornly(&c)), 0);
    take_turns(1);
}

struct objects {
    asyncio_lock *lock;
    asyncio_event *event;
    asyncio_semaphore *semaphore;
    asyncio_barrier *barrier;
    asyncio_queue *empty, *full;
};

ASYNC(leaves_waiters, (struct objects *) o) {
    TRY(AWAIT(asyncio_lock_acquire(o->lock)));
    spawn_waiter(asyncio_lock_acquire(o->lock));
    spawn_waiter(asyncio_event_wait(o->event));
    spawn_waiter(asyncio_semaphore_acquire(o->semaphore));
    spawn_waiter(asyncio_queue_get(o->empty));
    spawn_waiter(asyncio_queue_put(o->full, asyncio_int(2)));
    spawn_waiter(asyncio_queue_join(o->full));
    RETURN();
}

TEST(every_wait_ends_with_generator_exit_at_once_and_for_ever) {
    struct objects o = { asyncio_lock_new(),     asyncio_event_new(),  asyncio_semaphore_new(0),
                         asyncio_barrier_new(2), asyncio_queue_new(1), asyncio_queue_new(1) };
    CHECK_INT(asyncio_queue_put_nowait(o.full, asyncio_int(1)), 0);
    run_and_close(leaves_waiters(&o));
    CHECK_STR(notes, "exit exit exit exit exit exit exit exit exit "
                     "exit exit exit exit exit exit exit exit exit");
    CHECK(asyncio_lock_locked(o.lock));
    CHECK_INT(asyncio_queue_qsize(o.full), 1);
    CHECK_INT(asyncio_lock_release(o.lock), 0);
    CHECK_INT(asyncio_semaphore_release(o.semaphore), 0);
    CHECK(!asyncio_semaphore_locked(o.semaphore));
    char text[64];
    asyncio_queue_repr(o.empty, text, sizeof text);
    CHECK_STR(text, "<Queue maxsize=1>");
    asyncio_lock_unref(o.lock);
    asyncio_event_unref(o.event);
    asyncio_semaphore_unref(o.semaphore);
    asyncio_barrier_unref(o.barrier);
    asyncio_queue_unref(o.empty);
    asyncio_queue_unref(o.full);
}

/* ---- waits that want the lock back ---- */

ASYNC(waits_in_a_block, (asyncio_condition *) c) {
    int rc;
    ASYNC_WITH(block, asyncio_condition_block(c, &rc)) {
        rc = AWAIT(asyncio_condition_wait(c));
        CHECK_STR(asyncio_err_name(rc), "GeneratorExit");
        note("%s", asyncio_condition_locked(c) ? "with" : "without");
    }
    CHECK_STR(asyncio_err_name(rc), "GeneratorExit");
    return rc;
}

ASYNC(holds_the_lock, (asyncio_condition *) c) {
    int rc;
    ASYNC_WITH(block, asyncio_condition_block(c, &rc)) {
        rc = AWAIT(asyncio_sleep(1e9));
        note("holder");
    }
    CHECK_STR(asyncio_err_name(rc), "GeneratorExit");
    return rc;
}

ASYNC(leaves_condition_waiters, (asyncio_condition *) c, (bool) held) {
    CHECK_INT(asyncio_spawn(waits_in_a_block(c)), 0);
    CHECK_INT(asyncio_spawn(waits_in_a_block(c)), 0);
    take_turns(1);
    if (held) CHECK_INT(asyncio_spawn(holds_the_lock(c)), 0);
    take_turns(1);
    RETURN();
}

TEST(a_condition_gives_the_lock_back_to_those_that_are_closed_if_it_is_free) {
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    run_and_close(leaves_condition_waiters(c, false));
    CHECK_STR(notes, "with with");
    CHECK(!asyncio_condition_locked(c));
}

TEST(a_condition_does_not_wait_for_the_lock_when_its_loop_is_closed) {
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    run_and_close(leaves_condition_waiters(c, true));
    CHECK_CONTAINS(notes, "with");
    CHECK_CONTAINS(notes, "holder");
    CHECK(!asyncio_condition_locked(c));
}

/* ---- woken, and closed before they run ---- */

static int stop_now(void *arg) {
    (void)arg;
    return ASYNCIO_KEYBOARD_INTERRUPT;
}

static void run_and_interrupt(asyncio_coro c) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    int rc = asyncio_loop_run_until_complete(loop, c, NULL);
    CHECK(asyncio_catch(rc, ASYNCIO_KEYBOARD_INTERRUPT));
    asyncio_loop_close(loop);
}

ASYNC(takes, (asyncio_semaphore *) s) { return AWAIT(asyncio_semaphore_acquire(s)); }
ASYNC(gets, (asyncio_queue *) q) { return AWAIT(asyncio_queue_get(q)); }

ASYNC(wakes_and_is_interrupted, (asyncio_semaphore *) s, (asyncio_queue *) q) {
    CHECK_INT(asyncio_spawn(takes(s)), 0);
    CHECK_INT(asyncio_spawn(takes(s)), 0);
    CHECK_INT(asyncio_spawn(gets(q)), 0);
    CHECK_INT(asyncio_spawn(gets(q)), 0);
    take_turns(1);
    CHECK_INT(asyncio_loop_call_soon(asyncio_get_running_loop(), stop_now, NULL), 0);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK_INT(asyncio_queue_put_nowait(q, asyncio_own_str(strdup("item"))), 0);
    return AWAIT(asyncio_sleep(1e9));
}

TEST(permits_and_items_of_tasks_that_are_closed_are_not_lost) {
    asyncio_auto_semaphore s = asyncio_boundedsemaphore_new(1);
    asyncio_auto_queue q = asyncio_queue_new(0);
    run_and_close(takes(s));
    run_and_interrupt(wakes_and_is_interrupted(s, q));
    char text[64];
    asyncio_semaphore_repr(s, text, sizeof text);
    CHECK_STR(text, "<BoundedSemaphore [unlocked, value:1]>");
    CHECK_INT(asyncio_queue_qsize(q), 1);
}

ASYNC(notifies_and_is_interrupted, (asyncio_condition *) c) {
    CHECK_INT(asyncio_spawn(waits_in_a_block(c)), 0);
    CHECK_INT(asyncio_spawn(waits_in_a_block(c)), 0);
    take_turns(1);
    TRY(AWAIT(asyncio_condition_acquire(c)));
    CHECK_INT(asyncio_loop_call_soon(asyncio_get_running_loop(), stop_now, NULL), 0);
    CHECK_INT(asyncio_condition_notify_all(c), 0);
    CHECK_INT(asyncio_condition_release(c), 0);
    return AWAIT(asyncio_sleep(1e9));
}

TEST(tasks_that_were_just_notified_can_be_closed) {
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    run_and_interrupt(notifies_and_is_interrupted(c));
    CHECK_STR(notes, "with with");
    CHECK(!asyncio_condition_locked(c));
}

ASYNC(waits_at, (asyncio_barrier *) b) { return AWAIT(asyncio_barrier_wait(b)); }

ASYNC(leaves_them_at_the_barrier, (asyncio_barrier *) b) {
    CHECK_INT(asyncio_spawn(waits_at(b)), 0);
    CHECK_INT(asyncio_spawn(waits_at(b)), 0);
    take_turns(1);
    CHECK_INT(asyncio_barrier_n_waiting(b), 2);
    RETURN();
}

TEST(nobody_is_inside_a_barrier_after_its_loop_was_closed) {
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    run_and_close(leaves_them_at_the_barrier(b));
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
}
