/* SPDX-License-Identifier: MIT
 *
 * loop/fork.h: what becomes of loops in a forked child.
 *
 * They are closed there, all of them, and no code of theirs runs: their tasks never go on and are
 * not unwound, as whatever they would clean up is the parent's. Their descriptors for sleeping are
 * closed, so nothing reaches the epoll that parent and child share. Their memory stays: other
 * threads may have been at work on it.
 */
#ifndef ASYNCIO_LOOP_FORK_H
#define ASYNCIO_LOOP_FORK_H

#include "loop/loop.h"

/* A loop that a child would have to drop, and one that is as good as gone. */
void asyncio__fork_watch(asyncio_loop *loop);
void asyncio__fork_unwatch(asyncio_loop *loop);

/* Whether a fork has left that loop behind; it is only compared, and may be gone. */
bool asyncio__fork_dropped(const asyncio_loop *loop);

#endif
