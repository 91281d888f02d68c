/* SPDX-License-Identifier: MIT
 *
 * loop/inbox.h: how runnables get into a loop's ready queue from other threads and from signal
 * handlers.
 *
 * Anybody pushes; only the loop's thread takes, and takes everything. A runnable in the inbox is in
 * no list: its link's `next` is the runnable posted before it. Whoever posts sees to it that the
 * loop's memory lives until post has returned (asyncio__loop_hold).
 */
#ifndef ASYNCIO_LOOP_INBOX_H
#define ASYNCIO_LOOP_INBOX_H

#include "loop/loop.h"

/* Pushes a runnable and wakes the loop if it sleeps: 0, or -1 if the loop is closed (the runnable's
 * link then points at itself). Any thread, and signal handlers. */
int asyncio__inbox_post(asyncio_loop *loop, struct asyncio__runnable *runnable);

/* Wakes the loop if it sleeps. Any thread, and signal handlers. */
void asyncio__inbox_wake(asyncio_loop *loop);

/* Moves what was posted to the ready queue, oldest first. */
void asyncio__inbox_take_slow(asyncio_loop *loop);
static inline void asyncio__inbox_take(asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(atomic_load_explicit(&loop->inbox, memory_order_relaxed) != NULL)) {
        asyncio__inbox_take_slow(loop);
    }
}

/* Before and after the loop sleeps. False: it must not, something is there. */
bool asyncio__inbox_announce_sleep(asyncio_loop *loop);
void asyncio__inbox_announce_awake(asyncio_loop *loop);

/* Between the two, instead of the poller: waits for a post, a wake-up, a signal or the time. False
 * if somebody waits for a descriptor: then it has to be the poller. */
bool asyncio__inbox_park(asyncio_loop *loop, int64_t timeout_ns);

/* In a forked child: refuses further posts. What is there stays where it is. */
void asyncio__inbox_abandon(asyncio_loop *loop);

/* Refuses further posts, discards what is there, and returns when nobody is about to touch the
 * poller any more. */
void asyncio__inbox_close(asyncio_loop *loop);

#endif
