/* SPDX-License-Identifier: MIT
 *
 * task/run.h: running a loop until a future is done, without reading its outcome.
 */
#ifndef ASYNCIO_TASK_RUN_H
#define ASYNCIO_TASK_RUN_H

#include "future/future.h"

/* 0 when it is done, otherwise why the run ended before. */
int asyncio__run_until_done(asyncio_loop *loop, asyncio_future *future);

/* The same for a task that was made for this run: it is cancelled if there is no run. */
int asyncio__run_new_task(asyncio_loop *loop, asyncio_task *task);

#endif
