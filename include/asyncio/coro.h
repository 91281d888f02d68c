/* SPDX-License-Identifier: MIT
 *
 * asyncio/coro.h: the coroutine object and what awaiting is, as plain functions.
 * keywords.h puts ASYNC, AWAIT, TRY, RETURN and RAISE on top; programs and
 * bindings can do without them.
 *
 * A coroutine object is a value of 80 bytes: a pointer to its type and a copy of
 * its arguments. Making one runs nothing; dropping one leaks nothing. It is run by
 * awaiting it (inside the calling task, as a plain call) or by making it a task.
 * Tasks and futures convert to it, so that everything awaitable has one type.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CORO_H
#define ASYNCIO_CORO_H

#include <asyncio/error.h>
#include <limits.h>

ASYNCIO_BEGIN_DECLS

#define ASYNCIO_ARGS_MAX 64

/* What all objects of one coroutine function share; ASYNC() makes one. */
typedef struct asyncio_coro_type {
    size_t size;      /* sizeof(asyncio_coro_type) */
    const char *name; /* of the coroutine function */
    const char *file; /* where it is defined */
    int line;
    unsigned args_size; /* how many bytes of args are in use; 0: all of them */
    /* The body. args: the object's 64 bytes, valid until it returns. It ends with a
     * status and, on success, may have stored a value, which moves to the awaiter. A
     * positive status without a value counts as that integer. */
    int (*run)(const void *args, asyncio_value *result);
    /* For arguments that point at something which must outlive the caller's frame:
     * capture makes the object's copy its own when it becomes a task or is held
     * (0, or a negative code; what the object owns is let go then), release undoes that.
     * A copy may be captured again for a second owner: ASYNCIO_TYPE_ERROR if what it owns
     * cannot be shared. NULL: a bit copy is enough. */
    int (*capture)(void *args);
    void (*release)(void *args);
    /* For what often has nothing to wait for; or NULL. Tried first where the object is
     * awaited: does all of it without suspending and gives its status (the value goes to
     * *out, unless that is NULL), or does nothing and gives ASYNCIO_MUST_RUN. */
    int (*nowait)(const void *args, asyncio_value *out);
} asyncio_coro_type;

#define ASYNCIO_MUST_RUN INT_MIN

/* The layout is frozen. */
typedef struct asyncio_coro {
    const asyncio_coro_type *type;
    void *reserved;
    union {
        void *align;
        unsigned char bytes[ASYNCIO_ARGS_MAX];
    } args;
} asyncio_coro;

/* Runs a coroutine object inside the current task and gives its status. out: where
 * its value moves to on success; NULL drops the value; untouched on failure.
 * where ("file:line") and func say where the task stands meanwhile; both must
 * outlive the task. AWAIT() is the keyword.
 * Errors: what the coroutine fails with; ASYNCIO_RUNTIME_ERROR outside a task;
 * ASYNCIO_TYPE_ERROR for a NULL coroutine or one without a type;
 * ASYNCIO_CANCELLED_ERROR as at every suspension.
 * Suspends: yes. Thread: loop. Owner: *out is yours. Since: 0.1. Python: await coro. */
ASYNCIO_API int asyncio_await(const asyncio_coro *coro, asyncio_value *out, const char *where,
                              const char *func) ASYNCIO_MUST_USE;

/* Waits for a future or a task and gives its status; a done one does not suspend.
 * Holds a reference of its own meanwhile. Cancelling the waiting task cancels what
 * it waits for. out: where its value is shown, lent by the future.
 * Errors: its own; ASYNCIO_RUNTIME_ERROR outside a task, for one of another loop, or
 * when a task awaits itself; ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR.
 * Suspends: yes. Thread: loop. Owner: *out is lent. Since: 0.1. Python: await future. */
ASYNCIO_API int asyncio_await_future(asyncio_future *future, asyncio_value *out, const char *where,
                                     const char *func) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_await_task(asyncio_task *task, asyncio_value *out, const char *where,
                                   const char *func) ASYNCIO_MUST_USE;

/* A task or a future as a coroutine object. Borrows it: it must live until the
 * object is awaited, held or made a task. The value that awaiting it gives is a
 * copy (asyncio_value_copy); one that cannot be copied gives ASYNCIO_TYPE_ERROR.
 * Errors: those of asyncio_await_future, when awaited.
 * Suspends: no. Thread: loop. Since: 0.1. Python: a task or future is awaitable. */
ASYNCIO_API asyncio_coro asyncio_coro_of_future(asyncio_future *future) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_coro_of_task(asyncio_task *task) ASYNCIO_MUST_USE;

/* Makes an object independent of the frame it was made in, so that it can be kept;
 * create_task does the same for itself. drop undoes it, for an object that is never
 * run after all. An object that owns something (a result, an argument with `drop`) and is
 * neither run nor given to anybody is let go of by both, one after the other; a task
 * factory that makes no task does that. hold gives 0, ASYNCIO_TYPE_ERROR for an object
 * without a type, or what the type's capture gave (-ENOMEM); what it owns is let go then.
 * Suspends: no. Thread: loop. Since: 0.1. Python: keeping a coroutine object. */
ASYNCIO_API int asyncio_coro_hold(asyncio_coro *coro) ASYNCIO_MUST_USE;
ASYNCIO_API void asyncio_coro_drop(asyncio_coro *coro);

/* Whether the object is a coroutine object: not NULL, with a type that can run, and
 * not one made from a task or future. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: asyncio.iscoroutine. */
ASYNCIO_API bool asyncio_iscoroutine(const asyncio_coro *coro);

/* Tells the current coroutine's frame with which status it is about to return, so
 * that open blocks see it; gives the status back. TRY and RAISE call it.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_leave(int status) ASYNCIO_COLD;

/* sleep: suspends the current task for `delay` seconds, at least for one turn of the
 * loop. delay <= 0 is exactly one turn, without a timer; infinity is until cancelled.
 * asyncio_sleep_result gives `result` in the end (moved; it must be awaited or given away).
 * Errors, when awaited: ASYNCIO_VALUE_ERROR for NaN; ASYNCIO_CANCELLED_ERROR; -ENOMEM
 * for a timer.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: asyncio.sleep. */
ASYNCIO_API inline asyncio_coro asyncio_sleep(double delay) ASYNCIO_MUST_USE;
ASYNCIO_API extern const asyncio_coro_type asyncio_sleep_type;
inline asyncio_coro asyncio_sleep(double delay) {
    asyncio_coro c;
    c.type = &asyncio_sleep_type;
    c.reserved = NULL;
    memcpy(c.args.bytes, &delay, sizeof delay);
    return c;
}
ASYNCIO_API asyncio_coro asyncio_sleep_result(double delay, asyncio_value result) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
