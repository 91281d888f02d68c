/* SPDX-License-Identifier: MIT
 *
 * asyncio/future.h: a result that will be there later.
 *
 * A future is pending, then finished (with a value or an error) or cancelled, once and
 * for good. Resolving it schedules its done callbacks and its waiters; nothing is
 * called from inside the call that resolves it. A task is a future: every function here
 * takes asyncio_task_as_future(task), and task.h has the same names for tasks.
 *
 * Part: core.
 */
#ifndef ASYNCIO_FUTURE_H
#define ASYNCIO_FUTURE_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* A done callback; its status counts as that of asyncio_callback. */
typedef int asyncio_done_callback(asyncio_future *future, void *arg);

/* A new pending future of the running loop, or without one of the loop that was set for the thread
 * (asyncio_get_event_loop); or of `loop`. NULL: see the slot: ASYNCIO_RUNTIME_ERROR without a loop,
 * -ENOMEM.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1.
 * Python: asyncio.Future, loop.create_future. */
ASYNCIO_API asyncio_future *asyncio_future_new(void) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_future *asyncio_loop_create_future(asyncio_loop *loop) ASYNCIO_MUST_USE;

/* References. When the last one of a failed future goes that nobody has looked at, the
 * exception handler is told "Future exception was never retrieved". Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_future *asyncio_future_ref(asyncio_future *future);
ASYNCIO_API void asyncio_future_unref(asyncio_future *future);

/* Resolves it with a value. The value is moved in, whatever the result. Returns 0;
 * ASYNCIO_INVALID_STATE_ERROR if it is done; ASYNCIO_RUNTIME_ERROR for a task, or from another
 * thread than the one that runs its loop (asyncio_loop_call_soon_threadsafe gets a call into that
 * one); ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future.set_result. */
ASYNCIO_API int asyncio_future_set_result(asyncio_future *future, asyncio_value value);

/* Resolves it with an error: a new one of that code and printf message, or the object
 * given (a reference of its own is taken). Returns as set_result; ASYNCIO_TYPE_ERROR for
 * a code >= 0 or NULL; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future.set_exception. */
ASYNCIO_API int asyncio_future_set_exception(asyncio_future *future, int code, const char *fmt, ...)
    ASYNCIO_PRINTF(3, 4);
ASYNCIO_API int asyncio_future_set_error(asyncio_future *future, asyncio_error *error);

/* Cancels it. False if it was done (its error, if any, then counts as retrieved). For a
 * task it is a request: see asyncio_task_cancel. msg: copied; NULL: none. Errors: none (a
 * message there is no memory for is left out); from another thread, while the loop runs: false,
 * with ASYNCIO_RUNTIME_ERROR in the slot.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future.cancel. */
ASYNCIO_API bool asyncio_future_cancel(asyncio_future *future, const char *msg);

/* State. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future.done, future.cancelled. */
ASYNCIO_API bool asyncio_future_done(const asyncio_future *future);
ASYNCIO_API bool asyncio_future_cancelled(const asyncio_future *future);

/* Its result. Returns 0 with the value in *out (lent; out may be NULL); its error's code,
 * raised; ASYNCIO_CANCELLED_ERROR, raised with the message; ASYNCIO_INVALID_STATE_ERROR
 * while pending. Counts as retrieving.
 * Suspends: no. Thread: loop. Owner: *out is lent. Since: 0.1. Python: future.result. */
ASYNCIO_API int asyncio_future_result(asyncio_future *future, asyncio_value *out);

/* Its error. Returns 0 with the error in *out, or NULL if it has a result; otherwise as
 * asyncio_future_result. Counts as retrieving.
 * Suspends: no. Thread: loop. Owner: *out is lent. Since: 0.1. Python: future.exception. */
ASYNCIO_API int asyncio_future_exception(asyncio_future *future, asyncio_error **out);

/* Moves the value out of a finished future, which keeps None. None if it has none.
 * Errors: none.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_value asyncio_future_take_result(asyncio_future *future) ASYNCIO_MUST_USE;

/* Adds a done callback, called in a turn of its own once the future is done, in order.
 * Options as for call_soon, without .handle; in C the macro without _with takes arg and
 * options. remove takes away all with this fn and arg that are not scheduled yet and
 * returns how many. add returns 0; ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_RUNTIME_ERROR if
 * it is done and its loop closed; -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future.add_done_callback. */
ASYNCIO_API int asyncio_future_add_done_callback_with(asyncio_future *future,
                                                      asyncio_done_callback *fn,
                                                      const asyncio_call_options *options);
ASYNCIO_API size_t asyncio_future_remove_done_callback(asyncio_future *future,
                                                       asyncio_done_callback *fn, void *arg);

/* Its loop, lent. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: future.get_loop. */
ASYNCIO_API asyncio_loop *asyncio_future_get_loop(const asyncio_future *future);

/* "<Future finished result=42>" as Python's repr; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(future). */
ASYNCIO_API int asyncio_future_repr(const asyncio_future *future, char *buf, size_t n);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_future_add_done_callback(future, fn, ...)                                          \
    asyncio_future_add_done_callback_with((future), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#else
inline int asyncio_future_add_done_callback(asyncio_future *future, asyncio_done_callback *fn,
                                            void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_future_add_done_callback_with(future, fn, &o);
}
#endif

ASYNCIO__AUTO_CLASS(future)
#define asyncio_auto_future ASYNCIO__AUTO(future)

#endif
