/* SPDX-License-Identifier: MIT
 *
 * asyncio/staggered.h: several ways to the same end, each started a little after the one before;
 * the first that gets there wins.
 *
 *     int winner;
 *     asyncio_value v;
 *     TRY(AWAIT(asyncio_staggered_race(0.25, &winner, fetch(a), fetch(b), fetch(c)), &v));
 *
 * Part: core.
 */
#ifndef ASYNCIO_STAGGERED_H
#define ASYNCIO_STAGGERED_H

#include <asyncio/gather.h>

ASYNCIO_BEGIN_DECLS

/* Starts the awaitables one after the other, each in a task of its own: the next when the last one
 * started has failed, or `delay` seconds after it was started (ASYNCIO_FOREVER: only when it has
 * failed). The first that succeeds wins; in the step in which it ends the others are cancelled,
 * and the race waits for them. The value is the winner's, its index is in *winner (may be NULL). If
 * all fail, the value is None, *winner is -1, and the status still 0. outcomes, if not NULL: n of
 * them, asyncio_outcome_fini each; how each of the others ended (the winner's is 0 without a value,
 * CancelledError the losers'), and ASYNCIO_INVALID_STATE_ERROR, without an error object, for what
 * was not started. Cancelling the waiter cancels all and waits for them; *winner and outcomes are
 * untouched then. The array must live until the race is awaited; making it a task or holding it
 * copies the array.
 * asyncio_staggered_race(delay, winner, aw, ...) is the macro without outcomes (up to 14).
 * Errors, when awaited: ASYNCIO_VALUE_ERROR for a NaN; ASYNCIO_TYPE_ERROR for NULL; as create_task;
 * ASYNCIO_CANCELLED_ERROR; -ENOMEM. All that was started has ended then.
 * Suspends: yes (when awaited, unless n is 0). Thread: loop. Owner: value and outcomes are yours.
 * Since: 0.1. Python: asyncio.staggered.staggered_race. */
ASYNCIO_API asyncio_coro asyncio_staggered_race_array(size_t n, const asyncio_coro *aws,
                                                      double delay, int *winner,
                                                      asyncio_outcome *outcomes) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#define asyncio_staggered_race(delay, winner, ...)                                                 \
    asyncio_staggered_race_array(ASYNCIO__N(__VA_ARGS__), ASYNCIO__CORO_ARRAY(__VA_ARGS__),        \
                                 (delay), (winner), NULL)

#endif
