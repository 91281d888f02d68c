/* SPDX-License-Identifier: MIT
 *
 * asyncio/barrier.h: a point that a number of tasks pass together.
 *
 * Filling: tasks arrive and wait; the last of them begins the draining, in which all pass;
 * then it is filling again. Who arrives meanwhile waits for that. A task that is cancelled
 * just leaves. Once broken it fails for everybody, until a reset.
 *
 * Part: core.
 */
#ifndef ASYNCIO_BARRIER_H
#define ASYNCIO_BARRIER_H

#include <asyncio/block.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_barrier asyncio_barrier;

/* What asyncio_barrier_block returns (block.h). */
typedef union asyncio_barrier_with {
    asyncio_block block;
    __extension__ struct {
        void *asyncio_head_[4];
        unsigned char asyncio_state_[4];
        int object; /* the index */
    };
} asyncio_barrier_with;

/* A new barrier for that many tasks. NULL: see the slot: ASYNCIO_VALUE_ERROR for less than 1,
 * -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: asyncio.Barrier. */
ASYNCIO_API asyncio_barrier *asyncio_barrier_new(int parties) ASYNCIO_MUST_USE;

/* References. Whoever waits at it holds one. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_barrier *asyncio_barrier_ref(asyncio_barrier *barrier);
ASYNCIO_API void asyncio_barrier_unref(asyncio_barrier *barrier);

/* Waits until all have arrived. Status and value are the index, from 0 on in the order of
 * arrival.
 * Errors, when awaited: ASYNCIO_BROKEN_BARRIER_ERROR if it is broken, or is reset meanwhile;
 * ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if it has to wait in another loop than
 * before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, but for the last to arrive). Thread: loop. Since: 0.1.
 * Python: Barrier.wait. */
ASYNCIO_API asyncio_coro asyncio_barrier_wait(asyncio_barrier *barrier) ASYNCIO_MUST_USE;

/* reset: filling and empty again; who waits fails with ASYNCIO_BROKEN_BARRIER_ERROR. abort:
 * broken; who waits or comes fails with that, until a reset.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; as wait for another loop and NULL.
 * Suspends: yes (when awaited, if tasks are just passing). Thread: loop. Since: 0.1.
 * Python: Barrier.reset, Barrier.abort. */
ASYNCIO_API asyncio_coro asyncio_barrier_reset(asyncio_barrier *barrier) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_barrier_abort(asyncio_barrier *barrier) ASYNCIO_MUST_USE;

/* How many it is for; how many have arrived while it is filling, otherwise 0; whether it is
 * broken. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Barrier.parties, n_waiting, broken. */
ASYNCIO_API int asyncio_barrier_parties(const asyncio_barrier *barrier);
ASYNCIO_API int asyncio_barrier_n_waiting(const asyncio_barrier *barrier);
ASYNCIO_API bool asyncio_barrier_broken(const asyncio_barrier *barrier);

/* A block that waits at the barrier when it is entered; leaving it does nothing. Its name is the
 * index, an int. rc: the block's status: the body's; entering: as wait.
 * Suspends: yes (its entry, but for the last to arrive). Thread: loop. Since: 0.1.
 * Python: async with barrier as index. */
ASYNCIO_API asyncio_barrier_with asyncio_barrier_block(asyncio_barrier *barrier, int *rc)
    ASYNCIO_MUST_USE;

/* "<Barrier [filling, waiters:1/3]>", "<Barrier [broken]>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_barrier_repr(const asyncio_barrier *barrier, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(barrier)
#define asyncio_auto_barrier ASYNCIO__AUTO(barrier)

#endif
