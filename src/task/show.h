/* SPDX-License-Identifier: MIT
 *
 * task/show.h: what graphs and dumps have in common: a future's title, a frame's line, and who
 * awaits a future.
 *
 * Who awaits is read off a future's callbacks: the runnable of a task that is parked there, and
 * runnables whose ops say for whom they stand (loop/runnable.h). What only stands in between, the
 * future of a gather or that of a waiter on some stack, is left out: whoever awaits it takes its
 * place.
 */
#ifndef ASYNCIO_TASK_SHOW_H
#define ASYNCIO_TASK_SHOW_H

#include "base/text.h"
#include "task/task.h"

/* "Task(name='main', id=0x55d0)", "Future(id=0x55d0)". */
void asyncio__show_title(struct asyncio__text *text, const struct asyncio_future *f);

/* "File 'x.c', line 12, in async f()"; one that has not awaited yet stands at its definition. */
void asyncio__show_frame(struct asyncio__text *text, const asyncio_frame_info *frame);

/* Calls visit for each that awaits f, in the order in which they began to, until it gives a
 * negative number, which is returned; otherwise 0. */
typedef int asyncio__visit_awaiter(struct asyncio_future *awaiter, void *arg);
int asyncio__show_awaiters(struct asyncio_future *f, asyncio__visit_awaiter *visit, void *arg);

#endif
