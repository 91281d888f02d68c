/* SPDX-License-Identifier: MIT
 *
 * asyncio/lock.h: mutual exclusion between tasks of one loop.
 *
 *     ASYNC_WITH(_, asyncio_lock_block(lock, &rc)) {
 *         rc = AWAIT(update(shared));
 *     }
 *     TRY(rc);
 *
 * Tasks that wait get the lock in the order in which they came; none that comes later passes
 * them. It belongs to nobody: any task may release it, and a task that acquires it twice
 * waits for itself. The first loop in which somebody has to wait for it is the only one in
 * which anybody can.
 *
 * Part: core.
 */
#ifndef ASYNCIO_LOCK_H
#define ASYNCIO_LOCK_H

#include <asyncio/block.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_lock asyncio_lock;
ASYNCIO_BLOCK_TYPE(asyncio_lock_with, asyncio_lock);

/* A new free lock. NULL: see the slot: -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: asyncio.Lock. */
ASYNCIO_API asyncio_lock *asyncio_lock_new(void) ASYNCIO_MUST_USE;

/* References. Whoever waits for it, and a block that is open, hold their own. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_lock *asyncio_lock_ref(asyncio_lock *lock);
ASYNCIO_API void asyncio_lock_unref(asyncio_lock *lock);

/* Takes the lock, waiting for it if need be; the value is True. If it fails the lock is not
 * taken.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if it has to wait in
 * another loop than before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless it is free). Thread: loop. Since: 0.1.
 * Python: Lock.acquire. */
ASYNCIO_API asyncio_coro asyncio_lock_acquire(asyncio_lock *lock) ASYNCIO_MUST_USE;

/* Frees the lock and wakes the first who waits, who takes it when it runs. Returns 0;
 * ASYNCIO_RUNTIME_ERROR if it is not locked; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Lock.release. */
ASYNCIO_API int asyncio_lock_release(asyncio_lock *lock);

/* Whether it is taken. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Lock.locked. */
ASYNCIO_API bool asyncio_lock_locked(const asyncio_lock *lock);

/* A block that holds the lock. rc: the block's status: the body's; entering: as acquire;
 * leaving: as release.
 * Suspends: yes (its entry, unless the lock is free). Thread: loop. Since: 0.1.
 * Python: async with lock. */
ASYNCIO_API asyncio_lock_with asyncio_lock_block(asyncio_lock *lock, int *rc) ASYNCIO_MUST_USE;

/* "<Lock [locked, waiters:2]>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_lock_repr(const asyncio_lock *lock, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(lock)
#define asyncio_auto_lock ASYNCIO__AUTO(lock)

#endif
