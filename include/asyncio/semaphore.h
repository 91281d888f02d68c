/* SPDX-License-Identifier: MIT
 *
 * asyncio/semaphore.h: a number of permits for the tasks of one loop.
 *
 *     ASYNC_WITH(_, asyncio_semaphore_block(at_most_10, &rc)) {
 *         rc = AWAIT(fetch(url));
 *     }
 *     TRY(rc);
 *
 * Permits go to those who wait in the order in which they came. A bounded semaphore is a
 * semaphore that refuses to have more permits than it began with: all functions take both.
 *
 * Part: core.
 */
#ifndef ASYNCIO_SEMAPHORE_H
#define ASYNCIO_SEMAPHORE_H

#include <asyncio/block.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_semaphore asyncio_semaphore;
ASYNCIO_BLOCK_TYPE(asyncio_semaphore_with, asyncio_semaphore);
typedef asyncio_semaphore asyncio_boundedsemaphore;

/* A new semaphore with that many permits. NULL: see the slot: ASYNCIO_VALUE_ERROR for a
 * negative number, -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1.
 * Python: asyncio.Semaphore, asyncio.BoundedSemaphore. */
ASYNCIO_API asyncio_semaphore *asyncio_semaphore_new(long value) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_boundedsemaphore *asyncio_boundedsemaphore_new(long value) ASYNCIO_MUST_USE;

/* References. Whoever waits for it, and a block that is open, hold their own. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_semaphore *asyncio_semaphore_ref(asyncio_semaphore *semaphore);
ASYNCIO_API void asyncio_semaphore_unref(asyncio_semaphore *semaphore);

/* Takes a permit, waiting for one if need be; the value is True. If it fails no permit is
 * taken.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if it has to wait in
 * another loop than before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless it is not locked). Thread: loop. Since: 0.1.
 * Python: Semaphore.acquire. */
ASYNCIO_API asyncio_coro asyncio_semaphore_acquire(asyncio_semaphore *semaphore) ASYNCIO_MUST_USE;

/* Gives a permit back; the first who waits has it from now on. Returns 0; ASYNCIO_VALUE_ERROR
 * if a bounded one has all its permits (or another one LONG_MAX); ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Semaphore.release. */
ASYNCIO_API int asyncio_semaphore_release(asyncio_semaphore *semaphore);

/* Whether acquire would have to wait: no permit is left, or others wait. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Semaphore.locked. */
ASYNCIO_API bool asyncio_semaphore_locked(const asyncio_semaphore *semaphore);

/* A block that holds a permit. rc: the block's status: the body's; entering: as acquire;
 * leaving: as release.
 * Suspends: yes (its entry, unless it is not locked). Thread: loop. Since: 0.1.
 * Python: async with semaphore. */
ASYNCIO_API asyncio_semaphore_with asyncio_semaphore_block(asyncio_semaphore *semaphore, int *rc)
    ASYNCIO_MUST_USE;

/* "<Semaphore [unlocked, value:3]>", "<BoundedSemaphore [locked, waiters:2]>"; length as
 * snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_semaphore_repr(const asyncio_semaphore *semaphore, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(semaphore)
#define asyncio_auto_semaphore ASYNCIO__AUTO(semaphore)
#define asyncio_auto_boundedsemaphore asyncio_auto_semaphore

#endif
