/* SPDX-License-Identifier: MIT
 *
 * asyncio/timeout.h: a block with a deadline.
 *
 *     int rc;
 *     ASYNC_WITH(tm, asyncio_timeout(10, &rc)) {
 *         rc = AWAIT(long_running_task());
 *     }
 *     if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("timed out");
 *
 * The scope is the Timeout object. When the deadline passes, the task is cancelled; at the
 * block's end that CancelledError becomes ASYNCIO_TIMEOUT_ERROR, unless somebody else has asked
 * for the cancellation of the task as well.
 *
 * Part: core.
 */
#ifndef ASYNCIO_TIMEOUT_H
#define ASYNCIO_TIMEOUT_H

#include <asyncio/block.h>
#include <asyncio/wait.h>

ASYNCIO_BEGIN_DECLS

/* A block that may take `delay` seconds from now, or until `when` on the loop's clock;
 * ASYNCIO_FOREVER: no deadline. Entering it fails with ASYNCIO_RUNTIME_ERROR outside a task or
 * a second time, ASYNCIO_VALUE_ERROR for NaN, -ENOMEM.
 * Suspends: no (its exit neither). Thread: loop. Since: 0.1. Python: asyncio.timeout. */
ASYNCIO_API asyncio_block asyncio_timeout(double delay, int *rc) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_block asyncio_timeout_at(double when, int *rc) ASYNCIO_MUST_USE;

/* The deadline on the loop's clock, ASYNCIO_FOREVER if there is none. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.when. */
ASYNCIO_API double asyncio_timeout_when(const asyncio_block *timeout);

/* Sets another deadline. Returns 0; ASYNCIO_RUNTIME_ERROR unless inside the block and not expired;
 * ASYNCIO_VALUE_ERROR for NaN; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.reschedule. */
ASYNCIO_API int asyncio_timeout_reschedule(asyncio_block *timeout, double when);

/* Whether the deadline has passed and the task was cancelled for it. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.expired. */
ASYNCIO_API bool asyncio_timeout_expired(const asyncio_block *timeout);

/* "<Timeout [active] when=10.000>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_timeout_repr(const asyncio_block *timeout, char *buf, size_t n);

ASYNCIO_END_DECLS

#endif
