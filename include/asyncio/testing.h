/* SPDX-License-Identifier: MIT
 *
 * asyncio/testing.h: deterministic tests of programs that use the library. Not part of
 * the umbrella header.
 *
 * A loop with a virtual clock never sleeps: when nothing is ready its clock jumps to the
 * next timer, and when there is no timer either, its run fails with
 * ASYNCIO_DEADLOCK_ERROR. Descriptors that are waited for are looked at before the clock jumps;
 * with those and no timer the loop waits for them for real, while its clock stands still. Every turn is exact: the order in which things happen does not
 * depend on the machine. With the environment variable ASYNCIO_CLOCK=virtual every loop is
 * such a loop: what a program prints can be tested without waiting for it.
 */
#ifndef ASYNCIO_TESTING_H
#define ASYNCIO_TESTING_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* A new loop whose clock is virtual and starts at `start` seconds. NULL as
 * asyncio_new_event_loop.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: test utilities. */
ASYNCIO_API asyncio_loop *asyncio_testing_new_event_loop(double start) ASYNCIO_MUST_USE;

/* Moves the virtual clock forward by `seconds` (> 0) from inside a callback or task, as a
 * step that took that long would. ASYNCIO_VALUE_ERROR otherwise, ASYNCIO_RUNTIME_ERROR
 * for a loop without a virtual clock.
 * Suspends: no. Thread: loop. Since: 0.1. Python: test utilities. */
ASYNCIO_API int asyncio_testing_advance(asyncio_loop *loop, double seconds);

/* How many turns the loop has made. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: test utilities. */
ASYNCIO_API unsigned long long asyncio_testing_turns(const asyncio_loop *loop);

/* How many objects of the library are alive in the loop (tasks, futures, handles): 0 for
 * a closed loop nobody holds anything of. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: test utilities. */
ASYNCIO_API size_t asyncio_testing_live_objects(const asyncio_loop *loop);

/* Makes the n-th allocation of the library from now on fail, once (n >= 1), or none (0).
 * Returns how many allocations there were since the last call. Works in libraries built
 * with -Dfault_injection=true; elsewhere it returns ASYNCIO_NOT_IMPLEMENTED_ERROR.
 * Suspends: no. Thread: any (the count is the process's). Since: 0.1. Python: test utilities. */
ASYNCIO_API long asyncio_testing_fail_allocation(long n);

ASYNCIO_END_DECLS

#endif
