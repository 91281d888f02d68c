/* SPDX-License-Identifier: MIT
 *
 * asyncio/block.h: blocks with an asynchronous entry and exit: `async with`.
 *
 *     int rc;
 *     ASYNC_WITH(scope, some_constructor(..., &rc)) {
 *         rc = AWAIT(something());
 *     }
 *     if (asyncio_catch(rc, ...)) ...
 *
 * The block is entered by its constructor's `enter` and left through its `exit`; both may
 * suspend. rc is 0 at first; what it holds when the body ends or breaks off is the body's status,
 * and what the exit makes of that is left in rc. TRY and RAISE inside the body leave the whole
 * coroutine, by way of the exit, which sees their status and may replace what the coroutine then
 * returns; RETURN leaves it with success. Inside a block leave the coroutine by these only: a
 * bare `return` looks like a break.
 *
 * The same without a keyword: asyncio_block_enter and asyncio_block_exit. A scope
 * that a coroutine leaves open is closed when its frame returns, never skipped; so it
 * must outlive the body: a local variable needs the cleanup that ASYNC_WITH gives it
 * (asyncio_block_fini).
 *
 * Part: core.
 */
#ifndef ASYNCIO_BLOCK_H
#define ASYNCIO_BLOCK_H

#include <asyncio/coro.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_block asyncio_block;

/* What a kind of block does. */
typedef struct asyncio_block_ops {
    size_t size; /* sizeof(asyncio_block_ops) */
    const char *name;
    /* Runs before the body; a negative status skips it and goes to rc. May be NULL. */
    int (*enter)(asyncio_block *scope);
    /* Runs after the body with the status it ended with; returns the status of the
     * whole block. Runs exactly once for each enter that succeeded. */
    int (*exit)(asyncio_block *scope, int status);
} asyncio_block_ops;

/* The layout is frozen; constructors fill it in, users only pass its address. */
struct asyncio_block {
    int *rc; /* where the block's status goes; may be NULL */
    const asyncio_block_ops *ops;
    void *object;         /* the constructor's own */
    asyncio_block *outer; /* the block around it in the same frame */
    unsigned char state;
    unsigned char reserved[31];
};

/* What a constructor returns: a scope of `ops` over `object`. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: an async context manager. */
ASYNCIO_API asyncio_block asyncio_block_new(int *rc, const asyncio_block_ops *ops, void *object)
    ASYNCIO_MUST_USE;

/* Enters the block: its enter, then it counts as open. Result: 0 or more, or the
 * error of enter; ASYNCIO_RUNTIME_ERROR outside a task or entered before.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: __aenter__. */
ASYNCIO_API int asyncio_block_enter(asyncio_block *scope) ASYNCIO_MUST_USE;

/* Leaves the block with the body's status; blocks inside it that are still open are
 * closed first. Result: the block's status; ASYNCIO_RUNTIME_ERROR if not open.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: __aexit__. */
ASYNCIO_API int asyncio_block_exit(asyncio_block *scope, int status) ASYNCIO_MUST_USE;

/* The two halves of ASYNC_WITH: step enters the first time and leaves the second;
 * fini leaves if the body was left early. Errors: as enter and exit, into rc.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: async with. */
ASYNCIO_API bool asyncio_block_step(asyncio_block *scope);
ASYNCIO_API void asyncio_block_fini(asyncio_block *scope);

ASYNCIO_END_DECLS

#define ASYNCIO_ASYNC_WITH(name, constructor)                                                      \
    for (__attribute__((cleanup(asyncio_block_fini))) asyncio_block name = (constructor);          \
         asyncio_block_step(&name);)

#endif
