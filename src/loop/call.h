/* SPDX-License-Identifier: MIT
 *
 * loop/call.h: what a call of the program's code has with it, whoever makes it: a handle, a posted
 * call, a done callback, a reader, a signal's handler. Inlined: the calls are short, and many.
 */
#ifndef ASYNCIO_LOOP_CALL_H
#define ASYNCIO_LOOP_CALL_H

#include <asyncio/loop.h>

#include "base/contextvar.h"
#include "base/list.h"
#include "base/strand.h"

/* An argument and the circumstances of a call. */
struct asyncio__call {
    void *arg;
    void (*drop)(void *arg);      /* lets go of arg; or NULL */
    const char *name;             /* of the callback; or NULL */
    const char *where;            /* where it was scheduled; or NULL */
    asyncio__context_ref context; /* what it runs in; a reference */
};

/* Fills in a call; what it holds is let go by asyncio__call_drop. */
static inline void asyncio__call_init(struct asyncio__call *call,
                                      const asyncio_call_options *options) {
    *call = (struct asyncio__call){ .arg = NULL };
    if (options) {
        call->arg = options->arg;
        call->drop = options->drop;
        call->name = options->name;
        call->where = options->where;
    }
    call->context = options && options->context ? asyncio__context_hold(options->context)
                                                : asyncio__context_capture();
}

static inline void asyncio__call_drop(struct asyncio__call *call) {
    if (call->drop) call->drop(call->arg);
    call->drop = NULL;
    asyncio__context_release(call->context);
    call->context = 0;
}

/* A callback gave a negative status: reports its error, or leaves the run. */
void asyncio__call_failed(asyncio_loop *loop, const struct asyncio__call *call, int status,
                          asyncio_handle *handle, asyncio_future *future) __attribute__((cold));

/* Runs something in the call's context, on the loop's stack: before, after. An error that it leaves
 * in the slot goes. */
static inline asyncio__context_ref asyncio__call_enter(const struct asyncio__call *call) {
    struct asyncio__strand *own = &asyncio__here.own;
    asyncio__context_ref saved = own->context;
    own->context = call->context;
    return saved;
}

static inline void asyncio__call_leave(asyncio_loop *loop, struct asyncio__call *call,
                                       asyncio__context_ref saved, int status,
                                       asyncio_handle *handle, asyncio_future *future) {
    struct asyncio__strand *own = &asyncio__here.own;
    if (ASYNCIO__UNLIKELY(status < 0)) asyncio__call_failed(loop, call, status, handle, future);
    if (ASYNCIO__UNLIKELY(own->error != NULL)) {
        asyncio_error_unref(own->error);
        own->error = NULL;
    }
    call->context = own->context;
    own->context = saved;
}

/* "NAME() at FILE:LINE"; as snprintf. */
int asyncio__call_describe(const struct asyncio__call *call, char *buf, size_t n);

#endif
