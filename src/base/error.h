/* SPDX-License-Identifier: MIT
 *
 * base/error.h: inside of error objects and the error slot, for the layers above.
 *
 * The slot (strand->error) holds the newest error of the strand; older ones hang on its
 * context chain, so that a status is matched by code along that chain. Chains are bounded
 * and never circular.
 */
#ifndef ASYNCIO_BASE_ERROR_H
#define ASYNCIO_BASE_ERROR_H

#include "base/strand.h"

/* The error in the strand's chain that a negative status means, borrowed; NULL: bare. */
asyncio_error *asyncio__error_match(const struct asyncio__strand *strand, int status);

/* As asyncio_error_take, of that strand, but NULL for a bare status. Owned. */
asyncio_error *asyncio__error_detach(struct asyncio__strand *strand, int status);

/* Puts an error (a reference is taken from the caller) into the slot; what was there becomes
 * the end of its context chain where that makes no circle. */
void asyncio__error_put(struct asyncio__strand *strand, asyncio_error *error);

/* After an await: `saved` was in the slot before, the slot was empty while it ran. On success
 * puts it back; on failure merges the two. Takes the reference `saved`. */
void asyncio__error_after(struct asyncio__strand *strand, asyncio_error *saved, int status);

/* Raises with a constant message, at the place of the current await. Returns code. */
int asyncio__raise(int code, const char *message) __attribute__((cold));

/* A new error with a constant message or none, without frames; NULL without memory. */
asyncio_error *asyncio__error_make(int code, const char *message);

/* The frames the error was raised under, oldest first. */
size_t asyncio__error_frames(const asyncio_error *error, const struct asyncio__traced **frames);
struct asyncio__traced {
    const char *where;
    const char *func;
};

#endif
