/* SPDX-License-Identifier: MIT
 *
 * asyncio/threadsafe.h: into a loop from outside: a coroutine for which another thread waits, and
 * calls that signal handlers can make.
 *
 *     asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(work(3), loop);
 *     int rc = asyncio_concurrent_future_result(f, 1.5, &value);     in any other thread
 *
 * What a loop offers to other threads is here, in concurrent.h, and in the functions whose field
 * "Thread" says so (asyncio_loop_call_soon_threadsafe, the handle it gives). Everything else of a
 * loop belongs to the thread that runs it; functions that change something check that.
 *
 * Part: core.
 */
#ifndef ASYNCIO_THREADSAFE_H
#define ASYNCIO_THREADSAFE_H

#include <asyncio/concurrent.h>
#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

/* Has a loop run a coroutine object, as a task made in a later turn, in a copy of the caller's
 * context. Gives a future for threads: it ends as the task does; its value is the task's own, or a
 * copy if others hold the task. Cancelling it cancels the task. A task whose loop is closed
 * before it is done makes it fail with ASYNCIO_RUNTIME_ERROR, so that nobody waits for ever. If
 * the task cannot be made, the error is the future's, and is reported to the exception handler.
 * The object must not stand for a future or task, nor contain one (in a gather): those belong to
 * a thread. NULL: see the slot: ASYNCIO_TYPE_ERROR without a loop or a coroutine;
 * ASYNCIO_RUNTIME_ERROR if the loop is closed; what the object's capture gave; -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1.
 * Python: asyncio.run_coroutine_threadsafe. */
ASYNCIO_API asyncio_concurrent_future *asyncio_run_coroutine_threadsafe(asyncio_coro coro,
                                                                        asyncio_loop *loop)
    ASYNCIO_MUST_USE;

/* A call that is made beforehand, so that sending it needs nothing: no memory, no lock. After a
 * send, the callback runs in a turn of the loop; sends that come before it has begun are one
 * call. Meanwhile the loop counts as waited for from outside (a virtual clock goes as the
 * real one does). */
typedef struct asyncio_async asyncio_async;

/* A new one of the loop. Options as for call_soon, without .handle; in C the macro without _with
 * takes (loop, fn, arg, ...). NULL: see the slot: ASYNCIO_TYPE_ERROR without a loop or callback,
 * ASYNCIO_RUNTIME_ERROR on a closed loop, -ENOMEM; on failure `drop` is not called.
 * Suspends: no. Thread: loop. Owner: the caller: asyncio_async_close. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_async *asyncio_async_new_with(asyncio_loop *loop, asyncio_callback *fn,
                                                  const asyncio_call_options *options)
    ASYNCIO_MUST_USE;

/* Has the callback run. Returns 0, or ASYNCIO_RUNTIME_ERROR (not raised) if the loop is closed.
 * Not after close, and not at the same time: take the signal handler away first.
 * Suspends: no. Thread: signal. Since: 0.1. Python: call_soon_threadsafe in a signal handler. */
ASYNCIO_API int asyncio_async_send(asyncio_async *async);

/* Lets go of it: the callback does not run any more, `drop` is called. NULL is fine. Errors: none.
 * Suspends: no. Thread: loop (also once it is closed). Since: 0.1. Python: none. */
ASYNCIO_API void asyncio_async_close(asyncio_async *async);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_async_new(loop, fn, ...)                                                           \
    asyncio_async_new_with((loop), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#else
ASYNCIO_MUST_USE inline asyncio_async *asyncio_async_new(asyncio_loop *loop, asyncio_callback *fn,
                                                         void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_async_new_with(loop, fn, &o);
}
#endif

#endif
