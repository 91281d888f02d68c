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
 * tm is the Timeout object, an asyncio_timeout *. When the deadline passes, the task is cancelled;
 * at the block's end that CancelledError becomes ASYNCIO_TIMEOUT_ERROR, unless somebody else has
 * asked for the cancellation of the task as well. A timeout that is asked after its block is
 * declared before it:
 *
 *     ASYNC_BLOCK(tm, asyncio_timeout(10, &rc));
 *     ASYNC_WITH_BLOCK(tm) { rc = AWAIT(long_running_task()); }
 *     if (asyncio_timeout_expired(tm)) puts("timed out");
 *
 * Part: core.
 */
#ifndef ASYNCIO_TIMEOUT_H
#define ASYNCIO_TIMEOUT_H

#include <asyncio/block.h>
#include <asyncio/wait.h>

ASYNCIO_BEGIN_DECLS

/* The object; it is part of the block. */
typedef struct asyncio_timeout {
    asyncio_block block;
} asyncio_timeout;

/* What the constructors return (block.h). */
typedef union asyncio_timeout_with {
    asyncio_block block;
    asyncio_timeout object[1];
} asyncio_timeout_with;

/* A block that may take `delay` seconds from now, or until `when` on the loop's clock;
 * ASYNCIO_FOREVER: no deadline. asyncio_timeout(delay, &rc) is short for the first. Entering it
 * fails with ASYNCIO_RUNTIME_ERROR outside a task or a second time, ASYNCIO_VALUE_ERROR for NaN,
 * -ENOMEM.
 * Suspends: no (its exit neither). Thread: loop. Since: 0.1. Python: asyncio.timeout. */
ASYNCIO_API asyncio_timeout_with asyncio_timeout_block(double delay, int *rc) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_timeout_with asyncio_timeout_at(double when, int *rc) ASYNCIO_MUST_USE;
#define asyncio_timeout(...) asyncio_timeout_block(__VA_ARGS__)

/* The deadline on the loop's clock, ASYNCIO_FOREVER if there is none; also before and after the
 * block. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.when. */
ASYNCIO_API double asyncio_timeout_when(const asyncio_timeout *timeout);

/* Sets another deadline. Returns 0; ASYNCIO_RUNTIME_ERROR unless inside the block and not expired;
 * ASYNCIO_VALUE_ERROR for NaN; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.reschedule. */
ASYNCIO_API int asyncio_timeout_reschedule(asyncio_timeout *timeout, double when);

/* Whether the deadline has passed and the task was cancelled for it; also after the block.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Timeout.expired. */
ASYNCIO_API bool asyncio_timeout_expired(const asyncio_timeout *timeout);

/* "<Timeout [active] when=10.000>", "<Timeout [expired]>"; also before and after the block. Length
 * as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_timeout_repr(const asyncio_timeout *timeout, char *buf, size_t n);

ASYNCIO_END_DECLS

#endif
