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

struct asyncio__node_ops {
    /* Its turn has come: called on the loop's stack, the node in no list. */
    void (*run)(struct asyncio__node *node);
    /* It will never run: its loop was closed. The node is in no list. */
    void (*discard)(struct asyncio__node *node);
    /* What it is, for the report of a slow callback; as snprintf. */
    int (*describe)(struct asyncio__node *node, char *buf, size_t n);
    const void *drive; /* a task's node: its kind of coroutine; NULL: a fiber */
};

struct asyncio__node {
    struct asyncio__link link;
    const struct asyncio__node_ops *ops;
};

static inline struct asyncio__node *asyncio__node_of(struct asyncio__link *link) {
    return asyncio__container(link, struct asyncio__node, link);
}

#endif
