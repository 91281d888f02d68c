/* SPDX-License-Identifier: MIT
 *
 * sync.h: what the forms of locks, events, barriers and queues have in common. Methods that
 * wait are coroutine objects whose first argument is the object.
 */
#ifndef REPLAY_SYNC_H
#define REPLAY_SYNC_H

#include "eval.h"

extern const struct object_class sync_condition_class;

bool sync_is(struct value v, const struct object_class *class);

/* The new object, or the error of the NULL in its place. */
int sync_new(struct call *c, const struct object_class *class, void *p, struct value *out);

/* Runs a method of the library inside the task that awaits it. */
int sync_await(struct coro *coro, asyncio_coro method, struct value *out);

/* A coroutine object with the arguments of the call. */
int sync_method(struct call *c, int (*run)(struct coro *, struct value *), struct value *out);

/* The argument as a long; too large or too small counts as the largest or smallest. */
int sync_want_long(const struct call *c, size_t i, long *out);

/* A block that lasts until the end of the scenario. */
asyncio_block *sync_block(struct interp *it, asyncio_block block);

/* An argument that is no object of the kind the form is for. */
int sync_misuse(const struct call *c);

#endif
