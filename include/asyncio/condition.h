/* SPDX-License-Identifier: MIT
 *
 * asyncio/condition.h: waiting for a change of what a lock protects.
 *
 *     ASYNC_WITH(_, asyncio_condition_block(condition, &rc)) {
 *         rc = AWAIT(asyncio_condition_wait_for(condition, has_work, pool));
 *         if (rc >= 0) take_work(pool);
 *     }
 *     TRY(rc);
 *
 * Waiting releases the lock, and takes it again before it ends in whatever way, a cancellation
 * included. A wake-up that meets a task which is being cancelled goes on to another one;
 * tasks can be woken without cause.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CONDITION_H
#define ASYNCIO_CONDITION_H

#include <asyncio/lock.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_condition asyncio_condition;
ASYNCIO_BLOCK_TYPE(asyncio_condition_with, asyncio_condition);

/* A new condition on that lock (a reference of its own is taken), or, for NULL, on a lock of its
 * own. NULL: see the slot: -ENOMEM.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.Condition. */
ASYNCIO_API asyncio_condition *asyncio_condition_new(asyncio_lock *lock) ASYNCIO_MUST_USE;

/* References. Whoever waits for it, and a block that is open, hold their own. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_condition *asyncio_condition_ref(asyncio_condition *condition);
ASYNCIO_API void asyncio_condition_unref(asyncio_condition *condition);

/* Those of its lock: see lock.h.
 * Suspends: no; acquire yes (when awaited, unless it is free). Thread: loop. Since: 0.1.
 * Python: Condition.acquire, release, locked. */
ASYNCIO_API asyncio_coro asyncio_condition_acquire(asyncio_condition *condition) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_condition_release(asyncio_condition *condition);
ASYNCIO_API bool asyncio_condition_locked(const asyncio_condition *condition);

/* Releases the lock, waits for a notification, and takes the lock again; the value is True. The
 * lock is held when it ends. Cancelled while it waits for the lock, it goes on waiting for
 * that and fails with the last CancelledError in the end.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if the lock is not
 * held, or in another loop than before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: Condition.wait. */
ASYNCIO_API asyncio_coro asyncio_condition_wait(asyncio_condition *condition) ASYNCIO_MUST_USE;

/* Waits, again and again, until predicate(arg) is true; the value is True. One that is true at
 * once ends it even if the lock is not held. The predicate must not suspend.
 * Errors, when awaited: as wait; ASYNCIO_TYPE_ERROR for a NULL predicate.
 * Suspends: yes (when awaited, unless it is true). Thread: loop. Since: 0.1.
 * Python: Condition.wait_for. */
ASYNCIO_API asyncio_coro asyncio_condition_wait_for(asyncio_condition *condition,
                                                    bool (*predicate)(void *arg), void *arg)
    ASYNCIO_MUST_USE;

/* Wakes the n that wait longest, or all; they go on one by one as the lock gets free. Returns
 * 0; ASYNCIO_RUNTIME_ERROR if the lock is not held; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Condition.notify, notify_all. */
ASYNCIO_API int asyncio_condition_notify(asyncio_condition *condition, long n);
ASYNCIO_API int asyncio_condition_notify_all(asyncio_condition *condition);

/* A block that holds the lock; as asyncio_lock_block.
 * Suspends: yes (its entry, unless the lock is free). Thread: loop. Since: 0.1.
 * Python: async with condition. */
ASYNCIO_API asyncio_condition_with asyncio_condition_block(asyncio_condition *condition, int *rc)
    ASYNCIO_MUST_USE;

/* "<Condition [locked, waiters:2]>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_condition_repr(const asyncio_condition *condition, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(condition)
#define asyncio_auto_condition ASYNCIO__AUTO(condition)

#endif
