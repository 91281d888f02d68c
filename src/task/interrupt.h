/* SPDX-License-Identifier: MIT
 *
 * task/interrupt.h: Ctrl-C while a runner runs.
 */
#ifndef ASYNCIO_TASK_INTERRUPT_H
#define ASYNCIO_TASK_INTERRUPT_H

#include <signal.h>
#include <stdatomic.h>

#include "task/task.h"

struct asyncio__interrupt {
    struct asyncio__node node; /* posted by the signal handler */
    asyncio_loop *loop;
    asyncio_task *task; /* main */
    struct sigaction before;
    bool installed;
    atomic_bool posted; /* `node` is in the inbox or in the ready queue */
    atomic_int count;   /* signals seen by the handler */
    int handled;        /* of these, by the node */
};

/* Takes SIGINT over if this is the main thread and nobody has a handler for it. */
void asyncio__interrupt_start(struct asyncio__interrupt *i, asyncio_loop *loop, asyncio_task *task);

/* Restores what was there, if it is still ours. Returns how many interrupts there were. */
int asyncio__interrupt_stop(struct asyncio__interrupt *i);

/* Whether that is the handler of runners while none of them has it installed. */
bool asyncio__interrupt_is_stale(const struct sigaction *action);

#endif
