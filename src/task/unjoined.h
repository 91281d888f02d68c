/* SPDX-License-Identifier: MIT
 *
 * task/unjoined.h: failed tasks that nobody has joined yet, where a loop wants to hear of them
 * before the last reference goes.
 */
#ifndef ASYNCIO_TASK_UNJOINED_H
#define ASYNCIO_TASK_UNJOINED_H

#include "task/task.h"

/* A task of a loop with that wish has failed. */
void asyncio__unjoined_note(struct asyncio_task *task) __attribute__((cold));

/* The loop has nothing else to run. */
void asyncio__unjoined_idle(asyncio_loop *loop);

/* Forgets all; the loop closes. */
void asyncio__unjoined_drop(asyncio_loop *loop);

#endif
