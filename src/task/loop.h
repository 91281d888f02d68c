/* SPDX-License-Identifier: MIT
 *
 * task/loop.h: what this layer keeps for each loop.
 */
#ifndef ASYNCIO_TASK_LOOP_H
#define ASYNCIO_TASK_LOOP_H

#include <asyncio/task.h>

#include "loop/loop.h"

struct asyncio__task_loop {
    struct asyncio__slab slab;             /* of tasks */
    struct asyncio__link tasks;            /* all that are not done, in order of creation */
    struct asyncio__cancelstatus *inherit; /* of the next task that is made, or NULL */
    asyncio_task_factory *factory;
    void *factory_arg;
    size_t stack_size; /* of tasks that do not say; 0: the default */

    struct asyncio__link generators; /* started and not ended, in order of their first step */
    struct asyncio__link failed;     /* tasks that nobody has looked at (task/failed_task.h) */
    double failed_grace;
    int failed_mode;

    unsigned unwind_refusals; /* awaits refused to the task that is unwound */
    /* What a runner awaits before it closes the loop, given by the layer that has executors; NULL:
     * there was never one. */
    asyncio_coro (*shutdown_executor)(asyncio_loop *loop, double timeout);
};

_Static_assert(sizeof(struct asyncio__task_loop) <= sizeof(((asyncio_loop *)NULL)->task_place),
               "fits its place in the loop");

static inline struct asyncio__task_loop *asyncio__task_loop(const asyncio_loop *loop) {
    return (struct asyncio__task_loop *)(uintptr_t)loop->task_place;
}

#endif
