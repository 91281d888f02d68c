/* SPDX-License-Identifier: MIT
 *
 * task/failed_task.h: failed tasks that nobody has joined yet, where a loop wants to hear of them
 * before the last reference goes.
 */
#ifndef ASYNCIO_TASK_FAILED_TASK_H
#define ASYNCIO_TASK_FAILED_TASK_H

#include "task/task.h"

/* A task of a loop with that mode has failed. */
void asyncio__failed_task_note(struct asyncio_task *task) __attribute__((cold));

/* The loop has nothing else to run. */
void asyncio__failed_task_idle(asyncio_loop *loop);

/* Forgets all; the loop closes. */
void asyncio__failed_task_drop(asyncio_loop *loop);

#endif
