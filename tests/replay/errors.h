/* SPDX-License-Identifier: MIT
 *
 * errors.h: the exceptions of a scenario.
 *
 * An exception is one error object of the library, so that its identity can be observed.
 * Its type is its code. Only exceptions made here have an argument: it is the object's
 * value, recognised by its type. Of those the library makes, a CancelledError shows its
 * message and a group its message and members; any other text stays unseen.
 *
 * A message of a cancellation is text for the library. A scenario may give any value: what
 * is no string is kept in the interpreter and travels as a short text that stands for it.
 *
 * Errors that come out of here as pointers are lent by the registry, good until the end
 * of the scenario.
 */
#ifndef REPLAY_ERRORS_H
#define REPLAY_ERRORS_H

#include "value.h"

struct exc_type {
    const char *name;
    int code;
    const char *base; /* its name; NULL for BaseException */
};

/* The type of that name, or NULL. */
const struct exc_type *exc_type_find(const char *name);
const struct exc_type *exc_type_of(const asyncio_error *error);
bool exc_type_is_group(const struct exc_type *type);

/* Whether the type is the base or derived from it. */
bool exc_type_is(const struct exc_type *type, const struct exc_type *base);

/* The types an except clause names, or the one that `raise` and `is-a` are given. */
struct exc_types {
    const struct exc_type *const *types;
    size_t n;
};
bool exc_matches(const asyncio_error *error, struct exc_types types);

/* A new exception of a type that is no group; arg may be NULL. */
asyncio_error *exc_new(struct interp *it, const struct exc_type *type, const struct value *arg);

/* A new group of n > 0 members. */
asyncio_error *exc_group(struct interp *it, const char *message, size_t n,
                         asyncio_error *const *members);

/* Splits an exception into what is of those types and the rest, keeping the nesting; either may
 * come out NULL. */
struct exc_halves {
    asyncio_error *match;
    asyncio_error *rest;
};
struct exc_halves exc_split(struct interp *it, asyncio_error *error, struct exc_types types);

/* Raises it (again). Gives its code. */
int exc_raise(asyncio_error *error);

/* A new exception of the runtime's kind: without argument. */
int exc_raise_code(int code, const char *why);

/* Takes the error of a negative status out of the slot: it is handled. */
asyncio_error *exc_take(struct interp *it, int rc);

/* Its argument, none if it has none; of a group the message. */
struct value exc_argument(struct interp *it, const asyncio_error *error);

/* The text that stands for a cancel message, NULL for none. */
const char *exc_cancel_text(struct interp *it, struct value message);

void exc_show(struct interp *it, struct text *text, const asyncio_error *error);

#endif
