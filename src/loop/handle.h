/* SPDX-License-Identifier: MIT
 *
 * loop/handle.h: a scheduled call: what call_soon, call_later and call_at make, and the part
 * of it that done callbacks share (asyncio__call).
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

#include "base/strand.h"
#include "loop/timers.h"

/* An argument and the circumstances of a call. */
struct asyncio__call {
    void *arg;
    void (*drop)(void *arg);      /* lets go of arg; or NULL */
    const char *name;             /* of the callback; or NULL */
    const char *where;            /* where it was scheduled; or NULL */
    asyncio__context_ref context; /* what it runs in; a reference */
};

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

/* Fills in a call; what it holds is let go by asyncio__call_drop. */
void asyncio__call_init(struct asyncio__call *call, const asyncio_call_options *options);
void asyncio__call_drop(struct asyncio__call *call);

/* Runs something in the call's context, on the loop's stack: before, after. The error of a
 * negative status is reported, or leaves the run. */
asyncio__context_ref asyncio__call_enter(struct asyncio__call *call);
void asyncio__call_leave(asyncio_loop *loop, struct asyncio__call *call, asyncio__context_ref saved,
                         int status, asyncio_handle *handle, asyncio_future *future);

/* "NAME() at FILE:LINE"; as snprintf. */
int asyncio__call_describe(const struct asyncio__call *call, char *buf, size_t n);

#endif
