/* SPDX-License-Identifier: MIT
 *
 * base/error_object.h: the inside of an error object, for error_object.c, error.c, error_group.c
 * and error_slot.c only.
 *
 * Who may touch what, when: everything but refs, context and trace is written before the
 * object is seen by anybody else, or through a public setter by the one who knows that nobody
 * looks. context goes from NULL to an error once and stays so while anybody else can see the
 * object; only what a slot holds alone is ever cut (error_slot.c). trace is set once.
 */
#ifndef ASYNCIO_BASE_ERROR_OBJECT_H
#define ASYNCIO_BASE_ERROR_OBJECT_H

#include <stdatomic.h>

#include "base/error.h"

struct asyncio__trace {
    uint32_t count;                  /* of frames */
    struct asyncio__traced frames[]; /* oldest first */
};

struct asyncio__note {
    struct asyncio__note *next;
    char text[];
};

struct asyncio_error {
    atomic_uint refs;                       /* references */
    int code;                               /* negative */
    const char *message;                    /* in this block; NULL: none */
    asyncio_error *cause;                   /* a reference, or NULL */
    _Atomic(asyncio_error *) context;       /* a reference, or NULL */
    _Atomic(struct asyncio__trace *) trace; /* where it was first raised; NULL: nowhere yet */
    struct asyncio__trace *own_trace;       /* the trace if it is in this block */
    asyncio_value value;                    /* its argument; None: none */
    struct asyncio__note *notes;            /* in order, or NULL */
    atomic_ullong origin;                   /* asyncio__error_origin */
    size_t children;                        /* members, of a group */
    asyncio_error *child[];                 /* references */
};

static inline asyncio_error *asyncio__error_context(const asyncio_error *error) {
    return atomic_load_explicit(&error->context, memory_order_acquire);
}

/* An error with room for members, frames and a message of `size` bytes (0: none), which the
 * caller fills in. NULL without memory. */
asyncio_error *asyncio__error_alloc(int code, size_t children, uint32_t frames, size_t size);

/* A new error with a printf message, raised at `place` (NULL: at the place of the strand's
 * current await) under the frames of the strand. NULL without memory. */
asyncio_error *asyncio__error_raised(int code, const struct asyncio__strand *strand,
                                     const struct asyncio__traced *place, const char *fmt,
                                     va_list args);

/* Notes the strand's frames in an error that was nowhere raised yet; others, and an error
 * there is no memory for, stay as they are. */
void asyncio__error_trace(asyncio_error *error, const struct asyncio__strand *strand);

/* Held from asyncio__error_reaches to the new edge between errors that others may know. */
void asyncio__error_lock_graph(void);
void asyncio__error_unlock_graph(void);

/* Whether `target` can be reached over causes, contexts and members, itself included. A graph
 * too large to be searched counts as if it could. */
bool asyncio__error_reaches(const asyncio_error *from, const asyncio_error *target);

#endif
