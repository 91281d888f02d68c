/* SPDX-License-Identifier: MIT
 *
 * asyncio/testing.h: deterministic tests of programs that use the library. Not part of
 * the umbrella header.
 *
 * A loop with a virtual clock never sleeps: when nothing is ready its clock jumps to the
 * next timer, and when there is no timer either, its run fails with
 * ASYNCIO_DEADLOCK_ERROR. Descriptors that are waited for are looked at before the clock jumps;
 * with those and no timer the loop waits for them for real, while its clock stands still. Every
 * turn is exact: the order in which things happen does not depend on the machine. With the
 * environment variable ASYNCIO_CLOCK=virtual every loop is such a loop: what a program prints can
 * be tested without waiting for it.
 *
 * Two tools look for bugs that one order of events does not show: shuffle runs what is ready
 * in an order decided by a seed, cancel_await cancels whatever task stands at the n-th point of
 * a run. testing_run does both for a whole program; examples/find_bugs.c shows it.
 *
 * Part: core.
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

/* From now on what is ready in a turn runs in an order that `seed` decides; 0: as usual again.
 * Tasks change places, with each other and with callbacks. What asyncio promises stays: what
 * call_soon, call_later and call_at scheduled runs in that order, and done callbacks of one
 * future run in their order with no task in between. With the environment variable
 * ASYNCIO_SHUFFLE=seed every loop begins so. Returns 0; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: test utilities. */
ASYNCIO_API int asyncio_testing_shuffle(asyncio_loop *loop, unsigned long long seed);

/* Requests the cancellation of a task at the n-th point from now on (n >= 1), once. Each time a
 * task of the loop suspends there are two points: when it begins to wait, and when it is about
 * to go on with what it waited for. n == 0: only counts; n < 0: does not count any more, as
 * when a runner begins to close. Returns how many points there were since the last call;
 * ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: test utilities. */
ASYNCIO_API long asyncio_testing_cancel_await(asyncio_loop *loop, long n);

/* What asyncio_testing_run is to do, and what it saw. */
typedef struct asyncio_testing_run_options {
    size_t size;             /* sizeof(asyncio_testing_run_options) */
    unsigned long long seed; /* of the shuffle; 0: none */
    long cancel_at;          /* the point at which a task is cancelled; 0: none */
} asyncio_testing_run_options;

typedef struct asyncio_testing_result {
    long points;    /* in main's run: less than cancel_at: nothing was cancelled */
    size_t left;    /* tasks that were not done when main was */
    size_t objects; /* tasks, futures and handles alive after the loop was closed */
} asyncio_testing_result;

/* asyncio_run on a loop with a virtual clock, shuffled and with a cancellation as the options
 * say. The same options give the same run. In C the macro asyncio_testing_run(main, &result,
 * .seed = 7, .cancel_at = n). result may be NULL. Gives main's status; errors: those of
 * asyncio_run; ASYNCIO_DEADLOCK_ERROR when nothing is left that could wake a task.
 * Suspends: no (it blocks). Thread: any. Since: 0.1. Python: test utilities. */
ASYNCIO_API int asyncio_testing_run_with(asyncio_coro main, asyncio_testing_result *result,
                                         const asyncio_testing_run_options *options)
    ASYNCIO_MUST_USE;

/* Makes the n-th allocation of the library from now on fail, once (n >= 1), or none (0).
 * Returns how many allocations there were since the last call. Works in libraries built
 * with -Dfault_injection=true; elsewhere it returns ASYNCIO_NOT_IMPLEMENTED_ERROR.
 * Suspends: no. Thread: any (the count is the process's). Since: 0.1. Python: test utilities. */
ASYNCIO_API long asyncio_testing_fail_allocation(long n);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define ASYNCIO__TESTING_OPTIONS(...)                                                              \
    (&(const asyncio_testing_run_options){ .size = sizeof(asyncio_testing_run_options),            \
                                           __VA_ARGS__ })
#define asyncio_testing_run(main, result, ...)                                                     \
    asyncio_testing_run_with((main), (result), ASYNCIO__TESTING_OPTIONS(__VA_ARGS__))
#endif

#endif
