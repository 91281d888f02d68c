/* SPDX-License-Identifier: MIT
 *
 * thread/loop.h: what this layer keeps for each loop. How many results it expects of other threads
 * the loop itself counts (loop->external): it must not take that for a deadlock.
 */
#ifndef ASYNCIO_THREAD_LOOP_H
#define ASYNCIO_THREAD_LOOP_H

#include <asyncio/executor.h>

#include "loop/loop.h"

struct asyncio__thread_loop {
    asyncio_executor *executor; /* the default one, a reference; NULL: none yet */
    struct asyncio__tie tie;    /* while there is one */
    bool down;                  /* shutdown_default_executor was called */
};

_Static_assert(sizeof(struct asyncio__thread_loop) <= sizeof(((asyncio_loop *)NULL)->thread_place),
               "fits its place in the loop");

static inline struct asyncio__thread_loop *asyncio__thread_loop(const asyncio_loop *loop) {
    return (struct asyncio__thread_loop *)(uintptr_t)loop->thread_place;
}

#endif
