/* SPDX-License-Identifier: MIT
 *
 * loop/runnable.h: what can be in the ready queue. A runnable is in at most one list at a time: the
 * ready queue, the batch of the current turn, a future's callbacks, or the timers' fresh
 * list. It is embedded in what it stands for, so that scheduling never allocates.
 */
#ifndef ASYNCIO_LOOP_RUNNABLE_H
#define ASYNCIO_LOOP_RUNNABLE_H

#include "base/list.h"

struct asyncio__runnable;
struct asyncio_future;

/* What only some runnables have. */
struct asyncio__runnable_more {
    const void *drive; /* a task's runnable that is no fiber: its kind of coroutine */
    /* A runnable among the callbacks of a future: the i-th of those that wait for that future by
     * way of this runnable, NULL behind the last. For whoever draws the graph. */
    struct asyncio_future *(*awaiter)(struct asyncio__runnable *runnable, size_t i);
    bool silent; /* only tells who waits: not shown among the callbacks */
};

struct asyncio__runnable_ops {
    /* Its turn has come: called on the loop's stack, the runnable in no list. */
    void (*run)(struct asyncio__runnable *runnable);
    /* It will never run: its loop was closed. The runnable is in no list. */
    void (*discard)(struct asyncio__runnable *runnable);
    /* What it is, for the report of a slow callback; as snprintf. */
    int (*describe)(struct asyncio__runnable *runnable, char *buf, size_t n);
    const struct asyncio__runnable_more *more; /* NULL: nothing more */
};

struct asyncio__runnable {
    struct asyncio__link link;
    const struct asyncio__runnable_ops *ops;
};

static inline struct asyncio__runnable *asyncio__runnable_of(struct asyncio__link *link) {
    return asyncio__container(link, struct asyncio__runnable, link);
}

#endif
