/* SPDX-License-Identifier: MIT
 *
 * task/shutdown.h: the end of a run: what is left of the loop's tasks is cancelled and waited for.
 */
#ifndef ASYNCIO_TASK_SHUTDOWN_H
#define ASYNCIO_TASK_SHUTDOWN_H

#include <asyncio/loop.h>

/* How long it may take. */
struct asyncio__limit {
    double deadline; /* on the loop's clock; infinite: as long as it takes */
    double repeat;   /* seconds from one cancellation to the next */
};

/* Cancels all tasks, waits for them and reports their errors. 0, or ASYNCIO_TIMEOUT_ERROR: those
 * that are left have been reported. */
int asyncio__shutdown_tasks(asyncio_loop *loop, const struct asyncio__limit *limit);

/* Closes the generators that are open. */
int asyncio__shutdown_generators(asyncio_loop *loop, const struct asyncio__limit *limit);

#endif
