/* SPDX-License-Identifier: MIT
 *
 * base/error.h: inside of error objects and the error slot, for the layers above.
 *
 * The slot (strand->error) holds the newest error of the strand; older ones hang on its
 * context chain, so that a status is matched by code along that chain. Chains are bounded
 * (32 links, 16 of what the slot holds alone; the oldest go) and never circular.
 */
#ifndef ASYNCIO_BASE_ERROR_H
#define ASYNCIO_BASE_ERROR_H

#include <asyncio/errorgroup.h>
#include <stdarg.h>

#include "base/strand.h"
#include "base/text.h"

/* The error in the strand's chain that a negative status means, borrowed; NULL: bare. */
asyncio_error *asyncio__error_match(const struct asyncio__strand *strand, int status);

/* As asyncio_error_take, of that strand, but NULL for a bare status. Owned. */
asyncio_error *asyncio__error_detach(struct asyncio__strand *strand, int status);

/* Puts an error (a reference is taken from the caller) into the slot; what was there becomes
 * the end of its context chain where that makes no circle. An error that was nowhere raised
 * yet (asyncio_error_new, asyncio__error_make) counts as raised here: it gets the frames. */
void asyncio__error_put(struct asyncio__strand *strand, asyncio_error *error);

/* After an await: `saved` was in the slot before, the slot was empty while it ran. On success
 * puts it back; on failure merges the two. Takes the reference `saved`. */
void asyncio__error_after(struct asyncio__strand *strand, asyncio_error *saved, int status);

/* The status of the newest error in the current slot: what a call has failed with that says so by
 * NULL. -ENOMEM where there is none: for lack of memory an error can be bare. */
int asyncio__slot_status(void);

/* Puts a new error of `code` between `error` (NULL: none) and the first of code `behind` in its
 * chain of contexts, which becomes its cause. Nothing if there is none, or no memory. */
void asyncio__error_insert(asyncio_error *error, int code, int behind);

/* Gives an error a cause, with a reference of its own, in place of the former one. False: that
 * would close a circle, and nothing is changed. */
bool asyncio__error_attach_cause(asyncio_error *error, asyncio_error *cause);

/* Raises with a plain message or none, at the place of the current await. Returns code. With a
 * printf message: asyncio_raise(code, NULL, NULL, fmt, ...). */
int asyncio__raise(int code, const char *message) __attribute__((cold));

/* A new error with a copy of the message or none, without frames; NULL without memory. */
asyncio_error *asyncio__error_make(int code, const char *message);

/* The same with a printf message of any length. */
asyncio_error *asyncio__error_make_v(int code, const char *fmt, va_list args) ASYNCIO_PRINTF(2, 0);

/* On whose behalf a CancelledError was raised: the number of a cancel scope; ANOTHER: somebody's
 * who is none; 0: not known (the program made it). mark sets it unless it is known. */
#define ASYNCIO__ORIGIN_ANOTHER UINT64_C(1)
uint64_t asyncio__error_origin(const asyncio_error *error);
void asyncio__error_mark(asyncio_error *error, uint64_t origin);

/* A place in the program that an error passed. */
struct asyncio__traced {
    const char *where; /* "file:line"; NULL: unknown */
    const char *func;  /* name of the coroutine or C function; NULL: unknown */
};

/* The frames the error was raised under, oldest first; the last is the place of the raise. Only
 * the newest are kept. Lent by the error. */
size_t asyncio__error_frames(const asyncio_error *error, const struct asyncio__traced **frames);

/* Whether func is the C function behind ASYNC(name, ...). */
bool asyncio__is_body_of(const char *func, const asyncio_coro_type *type);

/* Adds the repr of an error. */
void asyncio__error_show(struct asyncio__text *text, const asyncio_error *error);

/* Prints frames as a traceback does: a line for each, its source line below where that can be
 * read. */
void asyncio__error_print_frames(const struct asyncio__traced *frames, size_t count, FILE *file);

#endif
