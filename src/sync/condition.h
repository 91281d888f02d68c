/* SPDX-License-Identifier: MIT
 *
 * sync/condition.h: the inside of a condition, for barriers.
 */
#ifndef ASYNCIO_SYNC_CONDITION_H
#define ASYNCIO_SYNC_CONDITION_H

#include <asyncio/condition.h>

#include "sync/lock.h"

struct asyncio_condition {
    struct asyncio__waitqueue line;
    struct asyncio_lock *lock; /* a reference */
    asyncio_loop *loop;        /* the one it is bound to: a reference, or NULL */
    uint32_t refs;
};

/* Waits for predicate(arg). 0, or what the wait ended with; with the lock held, unless it was
 * not before or the task is unwound. */
int asyncio__condition_wait_for(struct asyncio_condition *condition, bool (*predicate)(void *arg),
                                void *arg);

/* Wakes all, whether the lock is held or not. */
void asyncio__condition_wake_all(struct asyncio_condition *condition);

#endif
