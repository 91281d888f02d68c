/* SPDX-License-Identifier: MIT
 *
 * sync/lock.h: the inside of a lock, for conditions and barriers.
 *
 * `locked` says whether somebody has it. Releasing it wakes the first in line but does not hand
 * it over: it is free until that one runs, and nobody passes a waiter that is not cancelled.
 */
#ifndef ASYNCIO_SYNC_LOCK_H
#define ASYNCIO_SYNC_LOCK_H

#include <asyncio/lock.h>

#include "task/waitqueue.h"

struct asyncio_lock {
    struct asyncio__link waiters;
    asyncio_loop *loop; /* the one it is bound to: a reference, or NULL */
    uint32_t refs;
    bool locked;
};

/* Takes it once it is free. 0, or what the wait ended with; it is not taken then. */
int asyncio__lock_wait(struct asyncio_lock *lock) __attribute__((noinline));
static inline int asyncio__lock_acquire(struct asyncio_lock *lock) {
    if (ASYNCIO__UNLIKELY(lock->locked || !asyncio__list_empty(&lock->waiters))) {
        return asyncio__lock_wait(lock);
    }
    lock->locked = true;
    return 0;
}

/* Frees it, which it is not, and wakes the first in line. */
void asyncio__lock_wake(struct asyncio_lock *lock);
static inline void asyncio__lock_free(struct asyncio_lock *lock) {
    lock->locked = false;
    if (ASYNCIO__UNLIKELY(!asyncio__list_empty(&lock->waiters))) asyncio__lock_wake(lock);
}

/* Frees it at the end of a block that ended with that status; what becomes of the status. */
int asyncio__lock_leave(struct asyncio_lock *lock, int status);

#endif
