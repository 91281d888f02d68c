/* SPDX-License-Identifier: MIT
 *
 * loop/node.h: what can be in the ready queue. A node is in at most one list at a time: the
 * ready queue, the batch of the current turn, a future's callbacks, or the timers' fresh
 * list. It is embedded in what it stands for, so that scheduling never allocates.
 */
#ifndef ASYNCIO_LOOP_NODE_H
#define ASYNCIO_LOOP_NODE_H

#include "base/list.h"

struct asyncio__node;
struct asyncio_future;

/* What only some nodes have. */
struct asyncio__node_more {
    const void *drive; /* a task's node that is no fiber: its kind of coroutine */
    /* A node among the callbacks of a future: the i-th of those that wait for that future by
     * way of this node, NULL behind the last. For whoever draws the graph. */
    struct asyncio_future *(*awaiter)(struct asyncio__node *node, size_t i);
    bool silent; /* only tells who waits: not shown among the callbacks */
};

struct asyncio__node_ops {
    /* Its turn has come: called on the loop's stack, the node in no list. */
    void (*run)(struct asyncio__node *node);
    /* It will never run: its loop was closed. The node is in no list. */
    void (*discard)(struct asyncio__node *node);
    /* What it is, for the report of a slow callback; as snprintf. */
    int (*describe)(struct asyncio__node *node, char *buf, size_t n);
    const struct asyncio__node_more *more; /* NULL: nothing more */
};

struct asyncio__node {
    struct asyncio__link link;
    const struct asyncio__node_ops *ops;
};

static inline struct asyncio__node *asyncio__node_of(struct asyncio__link *link) {
    return asyncio__container(link, struct asyncio__node, link);
}

#endif
