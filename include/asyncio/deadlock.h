/* SPDX-License-Identifier: MIT
 *
 * asyncio/deadlock.h: a run that nothing can wake any more, and what a program says so that it is
 * not taken for one.
 *
 * Part: core.
 */
#ifndef ASYNCIO_DEADLOCK_H
#define ASYNCIO_DEADLOCK_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* When a run that waits for a coroutine (asyncio_run, run_until_complete) gives up because
 * nothing is left that could wake the loop: no callback, no timer, no descriptor that is
 * watched, no signal handler, no call expected from outside. The exception handler is told,
 * with every task, and the run fails with ASYNCIO_DEADLOCK_ERROR. */
typedef enum asyncio_deadlock_detection {
    /* If it is certain: the process has no other thread and no signal handler of its own that
     * could call into the loop. While it has, the loop looks again from time to time. The
     * default. */
    ASYNCIO_DEADLOCK_CERTAIN,
    /* At once: what threads and signal handlers will do is announced (asyncio_loop_expect). */
    ASYNCIO_DEADLOCK_ANNOUNCED,
    /* Never. (With a virtual clock the run fails all the same, without the report.) */
    ASYNCIO_DEADLOCK_IGNORED,
} asyncio_deadlock_detection;
/* Sets and gets that. Errors: none (a wrong value counts as IGNORED).
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API void asyncio_loop_set_deadlock_detection(asyncio_loop *loop,
                                                     asyncio_deadlock_detection when);
ASYNCIO_API asyncio_deadlock_detection
asyncio_loop_get_deadlock_detection(const asyncio_loop *loop);

/* Announces that something outside will wake the loop, by asyncio_loop_call_soon_threadsafe for
 * example; unexpect takes one announcement back, also when it has come true. Between the two
 * an idle loop waits. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API void asyncio_loop_expect(asyncio_loop *loop);
ASYNCIO_API void asyncio_loop_unexpect(asyncio_loop *loop);

ASYNCIO_END_DECLS

#endif
