/* SPDX-License-Identifier: MIT
 *
 * base/contextvar.h: contexts as the layers above hold them.
 *
 * A context_ref is one word: nothing (empty), a context object, or a shared immutable
 * snapshot of variables that becomes an object when somebody sets a variable in it or asks
 * for the object. Copying is one counter.
 */
#ifndef ASYNCIO_BASE_CONTEXTVAR_H
#define ASYNCIO_BASE_CONTEXTVAR_H

#include <asyncio/context.h>
#include "base/strand.h"

/* A copy of the current context (of the running strand), as a reference of its own. */
asyncio__context_ref asyncio__context_capture_slow(asyncio__context_ref current);
static inline asyncio__context_ref asyncio__context_capture(void) {
    asyncio__context_ref c = asyncio__strand_current()->context;
    return __builtin_expect(c == 0, 1) ? 0 : asyncio__context_capture_slow(c);
}

/* A context object as a reference of its own. */
asyncio__context_ref asyncio__context_hold(asyncio_context *context);

void asyncio__context_release_slow(asyncio__context_ref ref);
static inline void asyncio__context_release(asyncio__context_ref ref) {
    if (__builtin_expect(ref != 0, 0)) asyncio__context_release_slow(ref);
}

/* The object of a slot, made now if it has none yet (borrowed); NULL without memory. */
asyncio_context *asyncio__context_object(asyncio__context_ref *slot);

/* Whether the object is the current context, or entered below it. */
bool asyncio__context_is_entered(const asyncio_context *context);

#endif
