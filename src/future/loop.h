/* SPDX-License-Identifier: MIT
 *
 * future/loop.h: what this layer keeps for each loop.
 */
#ifndef ASYNCIO_FUTURE_LOOP_H
#define ASYNCIO_FUTURE_LOOP_H

#include "loop/loop.h"

struct asyncio__future_loop {
    struct asyncio__slab slab; /* of plain futures */
};

_Static_assert(sizeof(struct asyncio__future_loop) <= sizeof(((asyncio_loop *)NULL)->future_place),
               "fits its place in the loop");

static inline struct asyncio__future_loop *asyncio__future_loop(const asyncio_loop *loop) {
    return (struct asyncio__future_loop *)(uintptr_t)loop->future_place;
}

/* The loop is made, its memory goes. */
void asyncio__future_loop_init(asyncio_loop *loop);
void asyncio__future_loop_fini(asyncio_loop *loop);

#endif
