/* SPDX-License-Identifier: MIT
 *
 * NULL and other mistakes: each is one defined error, and what is around it goes on.
 */
#include "sync.h"

static void check_type_error(int rc) {
    CHECK_STR(asyncio_err_name(rc), "TypeError");
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK(asyncio_error_message(e) != NULL);
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

TEST(unref_and_ref_of_null_do_nothing) {
    asyncio_lock_unref(asyncio_lock_ref(NULL));
    asyncio_event_unref(asyncio_event_ref(NULL));
    asyncio_condition_unref(asyncio_condition_ref(NULL));
    asyncio_semaphore_unref(asyncio_semaphore_ref(NULL));
    asyncio_barrier_unref(asyncio_barrier_ref(NULL));
    asyncio_queue_unref(asyncio_queue_ref(NULL));
    asyncio_event_set(NULL);
    asyncio_event_clear(NULL);
    asyncio_queue_shutdown(NULL, true);
}

TEST(null_is_refused_or_tells_of_nothing) {
    asyncio_value v;
    check_type_error(asyncio_lock_release(NULL));
    check_type_error(asyncio_condition_release(NULL));
    check_type_error(asyncio_condition_notify(NULL, 1));
    check_type_error(asyncio_condition_notify_all(NULL));
    check_type_error(asyncio_semaphore_release(NULL));
    check_type_error(asyncio_queue_put_nowait(NULL, asyncio_none()));
    check_type_error(asyncio_queue_get_nowait(NULL, &v));
    check_type_error(asyncio_queue_task_done(NULL));
    CHECK(!asyncio_lock_locked(NULL));
    CHECK(!asyncio_event_is_set(NULL));
    CHECK(!asyncio_condition_locked(NULL));
    CHECK(!asyncio_semaphore_locked(NULL));
    CHECK(!asyncio_barrier_broken(NULL));
    CHECK_INT(asyncio_barrier_parties(NULL), 0);
    CHECK_INT(asyncio_barrier_n_waiting(NULL), 0);
    CHECK_INT(asyncio_queue_qsize(NULL), 0);
    CHECK_INT(asyncio_queue_maxsize(NULL), 0);
    CHECK_INT(asyncio_queue_unfinished(NULL), 0);
    CHECK(asyncio_queue_empty(NULL));
    CHECK(!asyncio_queue_full(NULL));
}

TEST(repr_of_null_is_none) {
    char text[16];
    CHECK_INT(asyncio_lock_repr(NULL, text, sizeof text), 4);
    CHECK_STR(text, "None");
    CHECK_INT(asyncio_event_repr(NULL, text, sizeof text), 4);
    CHECK_INT(asyncio_condition_repr(NULL, text, sizeof text), 4);
    CHECK_INT(asyncio_semaphore_repr(NULL, text, sizeof text), 4);
    CHECK_INT(asyncio_barrier_repr(NULL, text, sizeof text), 4);
    CHECK_INT(asyncio_queue_repr(NULL, text, sizeof text), 4);
}

static void enter_null(asyncio_block block) { check_type_error(asyncio_block_enter(&block)); }

TEST_ASYNC(a_method_of_null_fails_when_it_is_awaited) {
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    check_type_error(AWAIT(asyncio_lock_acquire(NULL)));
    check_type_error(AWAIT(asyncio_event_wait(NULL)));
    check_type_error(AWAIT(asyncio_condition_acquire(NULL)));
    check_type_error(AWAIT(asyncio_condition_wait(NULL)));
    check_type_error(AWAIT(asyncio_condition_wait_for(NULL, never, NULL)));
    check_type_error(AWAIT(asyncio_condition_wait_for(c, NULL, NULL)));
    check_type_error(AWAIT(asyncio_semaphore_acquire(NULL)));
    check_type_error(AWAIT(asyncio_barrier_wait(NULL)));
    check_type_error(AWAIT(asyncio_barrier_reset(NULL)));
    check_type_error(AWAIT(asyncio_barrier_abort(NULL)));
    check_type_error(AWAIT(asyncio_queue_put(NULL, asyncio_none())));
    check_type_error(AWAIT(asyncio_queue_get(NULL)));
    check_type_error(AWAIT(asyncio_queue_join(NULL)));
    enter_null(asyncio_lock_block(NULL, NULL).block);
    enter_null(asyncio_condition_block(NULL, NULL).block);
    enter_null(asyncio_semaphore_block(NULL, NULL).block);
    enter_null(asyncio_barrier_block(NULL, NULL).block);
    asyncio_task *t = asyncio_create_task(asyncio_lock_acquire(NULL));
    check_ended(t, ASYNCIO_TYPE_ERROR);
    RETURN();
}

TEST(awaiting_outside_a_task_is_an_error_and_takes_nothing) {
    asyncio_auto_lock lock = asyncio_lock_new();
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_lock_with with = asyncio_lock_block(lock, NULL);
    CHECK_ERROR(AWAIT(asyncio_lock_acquire(lock)), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    CHECK_ERROR(AWAIT(asyncio_queue_put(q, asyncio_int(1))), ASYNCIO_RUNTIME_ERROR,
                "await outside a task");
    CHECK(asyncio_catch(asyncio_block_enter(&with.block), ASYNCIO_RUNTIME_ERROR));
    CHECK(!asyncio_lock_locked(lock));
    CHECK(asyncio_queue_empty(q));
}

TEST(objects_can_be_made_and_used_without_a_loop) {
    asyncio_auto_event event = asyncio_event_new();
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_event_set(event);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK_INT(asyncio_queue_put_nowait(q, asyncio_int(1)), 0);
    asyncio_queue_shutdown(q, true);
}
