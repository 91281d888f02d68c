/* SPDX-License-Identifier: MIT
 *
 * task/sigint.h: Ctrl-C while a runner runs.
 */
#ifndef ASYNCIO_TASK_SIGINT_H
#define ASYNCIO_TASK_SIGINT_H

#include <signal.h>
#include <stdatomic.h>

#include "task/task.h"

struct asyncio__sigint {
    struct asyncio__runnable runnable; /* posted by the signal handler */
    asyncio_loop *loop;
    asyncio_task *task; /* main */
    struct sigaction before;
    bool installed;
    atomic_bool posted; /* `runnable` is in the inbox or in the ready queue */
    atomic_int count;   /* signals seen by the handler */
    int handled;        /* of these, by the runnable */
    bool requested;     /* it has cancelled main */
};

/* Takes SIGINT over if this is the main thread and nobody has a handler for it. */
void asyncio__sigint_start(struct asyncio__sigint *i, asyncio_loop *loop, asyncio_task *task);

/* Restores what was there, if it is still ours. */
void asyncio__sigint_stop(struct asyncio__sigint *i);

/* After that: interrupts that came too late to be handled. */
static inline bool asyncio__sigint_missed(struct asyncio__sigint *i) {
    return atomic_load(&i->count) > i->handled;
}

/* Whether that is the handler of runners while none of them has it installed. */
bool asyncio__sigint_is_stale(const struct sigaction *action);

#endif
