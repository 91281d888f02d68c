/* SPDX-License-Identifier: MIT
 *
 * loop/handle.h: a scheduled call: what call_soon, call_later and call_at make.
 *
 * A handle has one reference while it is scheduled, another for the user who asked for it.
 * One that was scheduled from another thread is `foreign`: allocated by malloc, its state
 * changed by compare and exchange, and only the loop's thread lets go of its argument. It may
 * outlive its loop, which it only compares then. All others are the loop's thread's alone:
 * nothing about them needs a locked instruction.
 */
#ifndef ASYNCIO_LOOP_HANDLE_H
#define ASYNCIO_LOOP_HANDLE_H

#include <asyncio/loop.h>
#include <stdatomic.h>

#include "loop/call.h"
#include "loop/timers.h"

enum asyncio__handle_state {
    ASYNCIO__HANDLE_SCHEDULED,
    ASYNCIO__HANDLE_RUNNING,
    ASYNCIO__HANDLE_DONE,
    ASYNCIO__HANDLE_CANCELLED,
};

struct asyncio_handle {
    struct asyncio__timer timer; /* its runnable; armed for timers only */
    asyncio_loop *loop;          /* foreign: only compared */
    asyncio_callback *fn;
    struct asyncio__call call;
    atomic_uint refs;
    _Atomic enum asyncio__handle_state state;
    bool foreign;
    double when; /* NaN: no timer; last, as foreign ones end before it */
};

extern const struct asyncio__runnable_ops asyncio__handle_ops;

/* A handle of a call that is over, foreign, for whoever wants to see it. NULL: no memory. */
asyncio_handle *asyncio__handle_done(asyncio_loop *loop, asyncio_callback *fn,
                                     const struct asyncio__call *call);

/* A foreign handle that is about to be scheduled, and has been given to whoever asked for it. NULL:
 * raised. undo: it cannot be scheduled; its argument stays the caller's. */
asyncio_handle *asyncio__handle_new_foreign(asyncio_loop *loop, asyncio_callback *fn,
                                            const asyncio_call_options *options);
void asyncio__handle_undo(asyncio_handle *handle, const asyncio_call_options *options);

#endif
