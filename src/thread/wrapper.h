/* SPDX-License-Identifier: MIT
 *
 * thread/wrapper.h: a future of a loop that follows a concurrent future.
 */
#ifndef ASYNCIO_THREAD_WRAPPER_H
#define ASYNCIO_THREAD_WRAPPER_H

#include "future/future.h"
#include "thread/concurrent.h"

/* Made, followed and freed in the loop's thread; only `link` belongs to the source's lock, and
 * `arrival`, once it is linked, to whoever finishes the source. */
struct asyncio__wrapper {
    struct asyncio_future future;      /* first */
    asyncio_concurrent_future *source; /* a reference */
    struct asyncio__link link;         /* among the source's wrappers; points at itself: not */
    struct asyncio__runnable arrival;  /* posted when the source is done */
    struct asyncio__runnable settled;  /* counted among the future's own done callbacks */
    struct asyncio__tie tie;           /* the loop is closed */
    bool exclusive; /* part of the source, whose only reader it is: takes the value away */
    bool expected;  /* counted in loop->external */
};

/* Makes an allocated wrapper follow its source; takes a reference to that. */
void asyncio__wrapper_start(struct asyncio__wrapper *m, asyncio_loop *loop,
                            asyncio_concurrent_future *source, bool exclusive);

/* Takes back a start that nobody has seen: the source will never be done. */
void asyncio__wrapper_undo(struct asyncio__wrapper *m);

#endif
