/* SPDX-License-Identifier: MIT
 *
 * thread/concurrent.h: the inside of a concurrent future: a result that any thread may wait for,
 * and what a job, a coroutine run for another thread, and a wrapper are made of.
 *
 * pending -> running -> finished | failed | cancelled, or pending -> cancelled, under its lock
 * (thread/objectlock.h).
 * Once it is done, the outcome does not change (but see take_result) and may be read without the
 * lock by whoever saw it done.
 *
 * Wrappers are told under the lock, by a post to their loop's inbox: so a loop that is being closed
 * finds each wrapper either linked or in its inbox. Callbacks are called without the lock.
 */
#ifndef ASYNCIO_THREAD_CONCURRENT_H
#define ASYNCIO_THREAD_CONCURRENT_H

#include <asyncio/concurrent.h>
#include <stdatomic.h>

#include "base/list.h"

enum asyncio__concurrent_state {
    ASYNCIO__CONCURRENT_PENDING,
    ASYNCIO__CONCURRENT_RUNNING,
    ASYNCIO__CONCURRENT_FINISHED, /* this one and the following: done */
    ASYNCIO__CONCURRENT_FAILED,
    ASYNCIO__CONCURRENT_CANCELLED,
};

struct asyncio__concurrent_ops {
    /* cancel has turned pending into cancelled; called without the lock. NULL: nothing to do. */
    void (*cancelled)(asyncio_concurrent_future *future);
    /* The last reference has gone; frees the memory only. NULL: free. */
    void (*free)(asyncio_concurrent_future *future);
};

struct asyncio_concurrent_future {
    atomic_uint refs;
    _Atomic enum asyncio__concurrent_state state;
    atomic_bool abandoned; /* whoever wanted the result of what runs does not any more */
    atomic_uint waiting;   /* threads that wait for `state` to be done */
    const struct asyncio__concurrent_ops *ops;
    asyncio_loop *home; /* the loop that has to finish it, only compared; NULL: no loop's */
    unsigned forks;     /* how many there were when it was made (base/fork.h) */
    struct asyncio__link wrappers;  /* linked by asyncio__wrapper.link */
    struct asyncio__link callbacks; /* in order */
    asyncio_value value;            /* finished */
    asyncio_error *error;           /* failed, cancelled: a reference, NULL: there was no memory */
    int code;                       /* failed */
};

void asyncio__concurrent_init(asyncio_concurrent_future *f,
                              const struct asyncio__concurrent_ops *ops);

static inline bool asyncio__concurrent_is_done(const asyncio_concurrent_future *f) {
    return atomic_load_explicit(&f->state, memory_order_acquire) >= ASYNCIO__CONCURRENT_FINISHED;
}

/* Whether it is a job's or a coroutine's of the parent's, in a forked child, and not done: nobody
 * will finish it. */
bool asyncio__concurrent_is_left_behind(const asyncio_concurrent_future *f);

/* pending -> running; false if it was cancelled or is done. */
bool asyncio__concurrent_start(asyncio_concurrent_future *f);

/* Ends it as a coroutine or job does: a negative status with the error that is in the slot of
 * this thread, or with a value (moved in). False if it was done: then all that is dropped. */
bool asyncio__concurrent_finish(asyncio_concurrent_future *f, int status, asyncio_value value);

/* The same with an error object (a reference, taken over) or NULL. */
bool asyncio__concurrent_fail(asyncio_concurrent_future *f, int code, asyncio_error *error);

#endif
