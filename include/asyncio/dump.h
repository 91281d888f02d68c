/* SPDX-License-Identifier: MIT
 *
 * asyncio/dump.h: a program that stands still: what its tasks wait for.
 *
 * Part: core.
 */
#ifndef ASYNCIO_DUMP_H
#define ASYNCIO_DUMP_H

#include <asyncio/deadlock.h>
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

ASYNCIO_END_DECLS

#endif
