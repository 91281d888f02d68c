/* SPDX-License-Identifier: MIT
 *
 * loop/deadlock.h: a loop about to sleep that nothing will ever wake.
 *
 * What can wake a loop: its ready queue, timers, watched descriptors, the results it expects of
 * other threads, announcements (asyncio_loop_expect; signal handlers make one, too), and a call
 * from a thread or a signal handler that did not announce it. Of the last one nothing is known. So,
 * unless the program says that they do announce themselves, a loop gives up only in a process that
 * has no other thread and no handler of a signal but ours. Only a run that waits for something can
 * be in a deadlock; one that runs for ever is asked to wait.
 */
#ifndef ASYNCIO_LOOP_DEADLOCK_H
#define ASYNCIO_LOOP_DEADLOCK_H

#include "loop/loop.h"

/* Whether nothing that the loop knows of will wake it, timers aside. */
bool asyncio__deadlock_suspected(const asyncio_loop *loop);

/* About to sleep without a timer, and suspected: raises, or makes *timeout short enough to look
 * again. A handler of the report may give the loop something to do: then 0, and *timeout is 0. */
int asyncio__deadlock_check(asyncio_loop *loop, int64_t *timeout);

/* A signal handler of the library, which announces what it may do. */
void asyncio__deadlock_own_handler(void (*handler)(int signum));

/* So many more threads of the library's that wake no loop by themselves. */
void asyncio__deadlock_own_threads(int more);

/* Reports, and raises unless the report's handler has changed something. */
int asyncio__deadlock_fail(asyncio_loop *loop);

#endif
