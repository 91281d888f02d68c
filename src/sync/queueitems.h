/* SPDX-License-Identifier: MIT
 *
 * sync/queueitems.h: what a queue holds: values in one array, whose length is a power of two.
 *
 * fifo: a ring, from `head` on. lifo: a stack; head stays 0. heap: a binary heap that is kept
 * as Python's heapq keeps it, so that equal items come out in the same order.
 */
#ifndef ASYNCIO_SYNC_QUEUEITEMS_H
#define ASYNCIO_SYNC_QUEUEITEMS_H

#include <asyncio/queue.h>

#include "base/list.h"

enum asyncio__queueitems_kind {
    ASYNCIO__QUEUEITEMS_FIFO,
    ASYNCIO__QUEUEITEMS_LIFO,
    ASYNCIO__QUEUEITEMS_HEAP
};

struct asyncio__queueitems {
    asyncio_value *slots; /* NULL until the first item */
    size_t mask;          /* length of slots - 1; 0 without slots */
    size_t head;          /* fifo: the slot of the oldest */
    size_t count;
    enum asyncio__queueitems_kind kind;
    asyncio_queue_compare *compare; /* heap: the order; NULL: numbers and strings */
};

static inline void asyncio__queueitems_init(struct asyncio__queueitems *items,
                                            enum asyncio__queueitems_kind kind,
                                            asyncio_queue_compare *compare) {
    *items = (struct asyncio__queueitems){ .kind = kind, .compare = compare };
}

/* Frees the array; all items have been taken out. */
void asyncio__queueitems_fini(struct asyncio__queueitems *items);

/* Doubles the array, in order; 0, or -ENOMEM (raised). */
int asyncio__queueitems_grow(struct asyncio__queueitems *items) __attribute__((cold));

int asyncio__queueitems_push_heap(struct asyncio__queueitems *items, const asyncio_value *value);
asyncio_value asyncio__queueitems_pop_heap(struct asyncio__queueitems *items);

/* Takes the value over: 0; -ENOMEM or TypeError (raised), and it is not taken. */
static inline int asyncio__queueitems_push(struct asyncio__queueitems *items,
                                           const asyncio_value *value) {
    if (ASYNCIO__UNLIKELY(items->kind == ASYNCIO__QUEUEITEMS_HEAP)) {
        return asyncio__queueitems_push_heap(items, value);
    }
    if (ASYNCIO__UNLIKELY(items->count == items->mask + 1 || !items->slots)) {
        int rc = asyncio__queueitems_grow(items);
        if (rc < 0) return rc;
    }
    asyncio_value *slot = &items->slots[(items->head + items->count++) & items->mask];
    slot->u = value->u;
    slot->type = value->type;
    return 0;
}

/* Takes the next one out of a store that is not empty. */
static inline asyncio_value asyncio__queueitems_pop(struct asyncio__queueitems *items) {
    if (ASYNCIO__UNLIKELY(items->kind == ASYNCIO__QUEUEITEMS_HEAP))
        return asyncio__queueitems_pop_heap(items);
    size_t count = items->count--, head = items->head;
    if (items->kind == ASYNCIO__QUEUEITEMS_LIFO) return items->slots[count - 1];
    items->head = (head + 1) & items->mask;
    return items->slots[head];
}

/* The n-th of them, as Python's list of the queue shows it. */
static inline const asyncio_value *asyncio__queueitems_at(const struct asyncio__queueitems *items,
                                                          size_t n) {
    return &items->slots[(items->head + n) & items->mask];
}

#endif
