/* SPDX-License-Identifier: MIT
 *
 * asyncio/block.h: blocks with an asynchronous entry and exit: `async with`.
 *
 *     int rc;
 *     ASYNC_WITH(tm, asyncio_timeout(10, &rc)) {
 *         rc = AWAIT(something());
 *     }
 *     if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) ...
 *
 * The second argument is a constructor: a call that makes the block. Its last argument is where
 * the block's status goes; NULL: nowhere. ASYNC_WITH enters the block, runs the body, and leaves
 * the block. Entering and leaving may suspend.
 *
 * The name is, inside the body, what `as name` is in Python: a pointer to the block's object, lent
 * until the body ends. The constructor decides its type: asyncio_timeout *, asyncio_taskgroup *,
 * asyncio_cancelscope *, asyncio_lock *, ... The name of a barrier's block is the index, an int.
 * The name `_` declares nothing, so blocks inside each other can all have it.
 *
 * The status: the constructor sets rc to 0, and the body stores its own status in rc. Leaving the
 * block may replace it: a timeout turns CancelledError into TimeoutError. If entering fails, the
 * body is skipped and rc is the error.
 *
 * The ways out of the body:
 *   its end, continue  leave the block, with the status in rc
 *   break              the same; it does not leave a loop around the block
 *   TRY, RAISE         leave the block, and then the coroutine. The block sees the error and may
 *                      replace it; the coroutine returns what the block makes of it
 *   RETURN             the same without an error
 *   return, goto       are mistakes: the block takes them for a break
 *
 * A block whose object is asked afterwards is declared first, as in Python
 * (`tm = asyncio.timeout(10)`, `async with tm:`, `tm.expired()`):
 *
 *     ASYNC_BLOCK(tm, asyncio_timeout(10, &rc));
 *     ASYNC_WITH_BLOCK(tm) { rc = AWAIT(something()); }
 *     if (asyncio_timeout_expired(tm)) ...
 *
 * The name is the same as with ASYNC_WITH, and is good until the end of the C block around it:
 *   a timeout       from its declaration on: when, expired, repr
 *   a cancel scope  from its entry on, NULL before: cancel_called, cancelled_caught, reason,
 *                   deadline, repr. The declaration holds a reference
 *   a task group    the same: repr; create_task fails because the group is finished
 *   others          the object that the constructor was given, as long as the caller has it
 * A declared block can be entered once. A second time the body is skipped, and rc is
 * ASYNCIO_RUNTIME_ERROR.
 *
 * Without keywords: constructors return small unions, in which `.block` is the block and `.object`
 * is what the name stands for. asyncio_block_enter and asyncio_block_exit take the address of the
 * block. A block that a coroutine leaves open is closed when its frame returns, so it must outlive
 * the body; a local variable needs the cleanup that ASYNC_WITH gives it (asyncio_block_fini).
 *
 * A kind of block of your own is an asyncio_block_ops and a constructor. If the constructor returns
 * asyncio_block itself, the name is a void *. ASYNCIO_BLOCK_TYPE makes a union that gives it
 * another type:
 *
 *     ASYNCIO_BLOCK_TYPE(connected_with, struct connection);
 *     connected_with connected(struct connection *c, int *rc) {
 *         connected_with with = { asyncio_block_new(rc, &connected_ops, c) };
 *         return with;
 *     }
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
    /* Runs before the body; a negative status skips it and goes to rc. May be NULL. It may set
     * block->object, the object that the body sees. */
    int (*enter)(asyncio_block *block);
    /* Runs after the body with the status it ended with; returns the status of the
     * whole block. Runs exactly once for each enter that succeeded. */
    int (*exit)(asyncio_block *block, int status);
    /* Take and drop a reference to block->object. ASYNC_BLOCK keeps the object by it beyond the
     * exit, which must leave block->object as it is. NULL: the object is not kept. */
    void (*ref)(void *object);
    void (*unref)(void *object);
} asyncio_block_ops;

/* The layout is frozen; constructors fill it in, users only pass its address. */
struct asyncio_block {
    int *rc; /* where the block's status goes; may be NULL */
    const asyncio_block_ops *ops;
    void *object;         /* the constructor's own, or enter's */
    asyncio_block *outer; /* the block around it in the same frame */
    unsigned char state;
    unsigned char kept; /* whether ASYNC_BLOCK has a reference to the object */
    unsigned char reserved[30];
};

/* Declares the union `name`, for constructors of blocks whose object is a `type`. */
#define ASYNCIO_BLOCK_TYPE(name, type)                                                             \
    typedef union name {                                                                           \
        asyncio_block block;                                                                       \
        __extension__ struct {                                                                     \
            void *asyncio_head_[2];                                                                \
            type *object; /* is block.object */                                                    \
        };                                                                                         \
    } name

/* What a constructor returns: a block of `ops` over `object`. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: an async context manager. */
ASYNCIO_API asyncio_block asyncio_block_new(int *rc, const asyncio_block_ops *ops, void *object)
    ASYNCIO_MUST_USE;

/* Enters the block: its enter, then it counts as open. Result: 0 or more, or the
 * error of enter; ASYNCIO_RUNTIME_ERROR outside a task or entered before.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: __aenter__. */
ASYNCIO_API int asyncio_block_enter(asyncio_block *block) ASYNCIO_MUST_USE;

/* Leaves the block with the body's status; blocks inside it that are still open are
 * closed first. Result: the block's status; ASYNCIO_RUNTIME_ERROR if not open.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: __aexit__. */
ASYNCIO_API int asyncio_block_exit(asyncio_block *block, int status) ASYNCIO_MUST_USE;

/* The two halves of ASYNC_WITH: step enters the first time and leaves the second;
 * fini leaves if the body was left early. Errors: as enter and exit, into rc.
 * Suspends: yes. Thread: loop. Since: 0.1. Python: async with. */
ASYNCIO_API bool asyncio_block_step(asyncio_block *block);
ASYNCIO_API void asyncio_block_fini(asyncio_block *block);

/* What ASYNC_WITH_BLOCK begins with, and what happens where the variable of ASYNC_BLOCK ends.
 * begin enters a declared block and takes the reference that keeps its object; NULL: the body is
 * skipped. drop leaves the block if it is open, and lets go of the object.
 * Errors: as enter and exit, into rc.
 * Suspends: yes. Thread: loop. Since: 0.2. Python: async with. */
ASYNCIO_API asyncio_block *asyncio_block_begin(asyncio_block *block);
ASYNCIO_API void asyncio_block_drop(asyncio_block *block);

ASYNCIO_END_DECLS

/* ---- the macros ---- */

/* The block in what a constructor returned: a union or an asyncio_block. */
ASYNCIO_INLINE asyncio_block *asyncio__block_in(void *made) {
#ifdef __cplusplus
    return static_cast<asyncio_block *>(made);
#else
    return (asyncio_block *)made;
#endif
}
#define ASYNCIO__BLOCK_IN(made)                                                                    \
    (__extension__({                                                                               \
        ASYNCIO_STATIC_ASSERT(sizeof(made) == sizeof(asyncio_block),                               \
                              "this is no block: a constructor makes one, such as "                \
                              "asyncio_lock_block(lock, &rc)");                                    \
        asyncio__block_in(&(made));                                                                \
    }))
ASYNCIO_INLINE void asyncio__block_fini(void *made) { asyncio_block_fini(asyncio__block_in(made)); }
ASYNCIO_INLINE void asyncio__block_drop(void *made) { asyncio_block_drop(asyncio__block_in(made)); }
ASYNCIO_INLINE void asyncio__block_finip(asyncio_block **block) { asyncio_block_fini(*block); }
ASYNCIO_INLINE asyncio_block *asyncio__block_end(asyncio_block *block) {
    return asyncio_block_step(block) ? block : NULL;
}

/* The type of an expression; of an array, that of a pointer into it. */
#ifdef __cplusplus
#define ASYNCIO__TYPEOF(...) auto
#else
#define ASYNCIO__TYPEOF(...) __typeof__(((void)0, (__VA_ARGS__)))
#endif

/* Runs the body once, after a declaration or an assignment of the name. phase_ is 1 in the body and
 * after a break, 2 when the body has come to its end. */
#define ASYNCIO__BODY(phase_, name, ...)                                                           \
    for (int phase_ = 1; phase_; phase_ = 0)                                                       \
        for (__VA_ARGS__; (void)name, phase_ == 1; phase_ = 2)

/* A name that is `_` becomes one that nobody has. */
#define ASYNCIO__BLANK__ ,
#define ASYNCIO__AS_0(name, n) name
#define ASYNCIO__AS_1(name, n) ASYNCIO__CAT(asyncio_object_, n)

#define ASYNCIO_ASYNC_WITH(...)                                                                    \
    ASYNCIO__CAT(ASYNCIO__WITH_, ASYNCIO__HASCOMMA(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__WITH_0(constructor) for (; ASYNC_WITH_takes_a_name_and_a_constructor;)
#define ASYNCIO__WITH_1(name, ...)                                                                 \
    ASYNCIO__WITH(__COUNTER__, ASYNCIO__HASCOMMA(ASYNCIO__BLANK_##name), name, __VA_ARGS__)
#define ASYNCIO__WITH(n, blank, name, ...)                                                         \
    ASYNCIO__WITH_AS(ASYNCIO__CAT(asyncio_block_, n), ASYNCIO__CAT(asyncio_phase_, n),             \
                     ASYNCIO__CAT(ASYNCIO__AS_, blank)(name, n), __VA_ARGS__)
#define ASYNCIO__WITH_AS(block_, phase_, name, ...)                                                \
    for (__attribute__((cleanup(asyncio__block_fini))) ASYNCIO__TYPEOF(__VA_ARGS__)                \
             block_ = (__VA_ARGS__);                                                               \
         asyncio_block_step(ASYNCIO__BLOCK_IN(block_));)                                           \
    ASYNCIO__BODY(phase_, name, ASYNCIO__TYPEOF(block_.object) name = block_.object)

#define ASYNCIO_ASYNC_BLOCK(name, ...)                                                             \
    __attribute__((cleanup(asyncio__block_drop))) ASYNCIO__TYPEOF(__VA_ARGS__)                     \
        name##_is_not_declared_by_ASYNC_BLOCK = (__VA_ARGS__);                                     \
    ASYNCIO__TYPEOF(name##_is_not_declared_by_ASYNC_BLOCK.object)                                  \
    name = name##_is_not_declared_by_ASYNC_BLOCK.object
#define ASYNCIO_ASYNC_WITH_BLOCK(name)                                                             \
    ASYNCIO__WITH_BLOCK(__COUNTER__, name, name##_is_not_declared_by_ASYNC_BLOCK)
#define ASYNCIO__WITH_BLOCK(n, name, block_)                                                       \
    ASYNCIO__WITH_BLOCK_AS(ASYNCIO__CAT(asyncio_block_, n), ASYNCIO__CAT(asyncio_phase_, n), name, \
                           block_)
#define ASYNCIO__WITH_BLOCK_AS(open_, phase_, name, block_)                                        \
    for (__attribute__((cleanup(asyncio__block_finip)))                                            \
         asyncio_block *open_ = asyncio_block_begin(ASYNCIO__BLOCK_IN(block_));                    \
         open_; open_ = asyncio__block_end(open_))                                                 \
    ASYNCIO__BODY(phase_, name, name = block_.object)

#endif
