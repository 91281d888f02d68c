/* SPDX-License-Identifier: MIT
 *
 * io/net/loop.h: what this layer keeps for each loop.
 */
#ifndef ASYNCIO_IO_NET_LOOP_H
#define ASYNCIO_IO_NET_LOOP_H

#include <asyncio/executor.h>

#include "loop/loop.h"

struct asyncio__net_loop {
    asyncio_executor *resolver; /* looks names up; a reference; NULL: none yet */
    size_t resolving;           /* look-ups under way or given up */
    int max_threads;            /* of the resolver; 0: the default */
    struct asyncio__tie tie;    /* while there is a resolver */
};

_Static_assert(sizeof(struct asyncio__net_loop) <= sizeof(((asyncio_loop *)NULL)->net_place),
               "fits its place in the loop");

static inline struct asyncio__net_loop *asyncio__net_loop(const asyncio_loop *loop) {
    return (struct asyncio__net_loop *)(uintptr_t)loop->net_place;
}

#endif
