/* SPDX-License-Identifier: MIT
 *
 * combine/children.h: the awaitables a combinator was given, as futures: coroutine objects are
 * made tasks in order, the same task or future counts once, all belong to one loop.
 *
 * `held` says whose the objects are: the combinator's, which has captured them, or lent for the
 * call, which takes over what they own and lets go of it if it cannot start them.
 */
#ifndef ASYNCIO_COMBINE_CHILDREN_H
#define ASYNCIO_COMBINE_CHILDREN_H

#include "task/task.h"

struct asyncio__children {
    asyncio_loop *loop;
    size_t count;             /* distinct ones */
    size_t given;             /* as given, with repetitions */
    asyncio_future **futures; /* the distinct ones, in order; references */
    uint32_t *order;          /* for each given one, its index among the distinct */
};

/* 0, or a negative status, raised; then nothing is held (tasks made so far go on). quiet: the
 * tasks it makes are not reported if they are destroyed while pending. */
int asyncio__children_init(struct asyncio__children *c, size_t n, const asyncio_coro *aws,
                           bool held, bool quiet);

/* Lets go of the futures and the arrays. */
void asyncio__children_fini(struct asyncio__children *c);

/* The future of an awaitable; a new task for a coroutine object. Owned; NULL: raised. */
asyncio_future *asyncio__child_future(asyncio_loop *loop, const asyncio_coro *aw, bool held);

/* Does not start them. */
void asyncio__coros_refuse(size_t n, const asyncio_coro *aws, bool held) __attribute__((cold));

/* The result of a future that is done well: moved if the caller's is the only reference and this
 * its last use, otherwise copied. 0 or a negative status, raised; then nothing has changed. */
int asyncio__child_result(asyncio_future *f, bool last_use, asyncio_value *value);

/* An array of coroutine objects as an independent copy; 0 or a negative status: they are refused
 * then. free undoes it. */
int asyncio__coros_copy(const asyncio_coro **array, size_t n);
void asyncio__coros_free(const asyncio_coro *array, size_t n);

/* Turns the CancelledError in the slot into the cause of a TimeoutError, which is raised. */
int asyncio__raise_timeout(void);

#endif
