/* SPDX-License-Identifier: MIT
 *
 * asyncio/dump.h: a program that stands still: what its tasks wait for, and the report of a
 * program that nothing can wake any more.
 *
 * Part: core.
 */
#ifndef ASYNCIO_DUMP_H
#define ASYNCIO_DUMP_H

#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

/* Prints every task of a loop that is not done, in order of creation: name, state, since when
 * it waits, where it was made, its frames, what it waits for, who awaits it. dump_tasks: of
 * the running loop or the one set for this thread. file NULL: standard error. Returns 0;
 * ASYNCIO_RUNTIME_ERROR without a loop; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: python -m asyncio pstree (another form). */
ASYNCIO_API int asyncio_dump_tasks(FILE *file);
ASYNCIO_API int asyncio_loop_dump_tasks(asyncio_loop *loop, FILE *file);

/* From now on that signal makes the loop of this thread print its tasks to standard error, also
 * while it sleeps; until the loop is closed, or remove is called, which gives whether there was
 * one. A loop that is in the middle of a step prints when that is over. Once for a signal and
 * loop. Returns 0; ASYNCIO_RUNTIME_ERROR without a loop, or for a signal that cannot be
 * caught; ASYNCIO_VALUE_ERROR for a wrong number; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: faulthandler.register. */
ASYNCIO_API int asyncio_dump_on_signal(int signum);
ASYNCIO_API bool asyncio_remove_dump_on_signal(int signum);

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
