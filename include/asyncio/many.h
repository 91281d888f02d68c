/* SPDX-License-Identifier: MIT
 *
 * asyncio/many.h: a loop for each processor.
 *
 *     ASYNC(serve, (unsigned) index, (void *) arg) { ... }
 *     int main(void) { return asyncio_run_many(0, serve, NULL) < 0; }
 *
 * The loops share nothing. To spread connections over them, let each listen on the same address
 * with the option reuse_port; to pass work from one to another there are channels (channel.h).
 *
 * Part: core.
 */
#ifndef ASYNCIO_MANY_H
#define ASYNCIO_MANY_H

#include <asyncio/run.h>

ASYNCIO_BEGIN_DECLS

/* Makes the coroutine object that loop number `index` (from 0) runs. Called in that loop's task;
 * ASYNC functions of these two arguments fit. */
typedef asyncio_coro asyncio_main_function(unsigned index, void *arg);

/* Runs n loops (0: as many as there are processors), number 0 in this thread, the others in
 * threads of their own, each as asyncio_run does, and returns when all have ended. If one fails,
 * or Ctrl-C is pressed, the mains of all are cancelled. Gives the status of the first that failed,
 * with its error in the slot; 0 if none did. Errors: theirs; ASYNCIO_KEYBOARD_INTERRUPT;
 * ASYNCIO_RUNTIME_ERROR if a loop runs in this thread; ASYNCIO_TYPE_ERROR without a main;
 * ASYNCIO_VALUE_ERROR for more than 1024 loops; -EAGAIN if a thread cannot be started (those that
 * were are cancelled and waited for); -ENOMEM.
 * Suspends: no (it blocks). Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_run_many(unsigned n, asyncio_main_function *main, void *arg)
    ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
