/* SPDX-License-Identifier: MIT
 *
 * asyncio/concurrent.h: a future for threads: a result that any thread may wait for. Jobs handed
 * to an executor and coroutines handed to a loop by another thread give one.
 *
 * It is pending, then maybe running, then finished (with a value or an error) or cancelled, once
 * and for good. Only what is pending can be cancelled. In a task, wait for it by way of
 * asyncio_wrap_future: the functions here that wait block the thread.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CONCURRENT_H
#define ASYNCIO_CONCURRENT_H

#include <asyncio/future.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_concurrent_future asyncio_concurrent_future;

/* Called once the future is done, in the thread that finished or cancelled it, or inside of
 * add_done_callback if it was done. Raised errors are not looked at. */
typedef void asyncio_concurrent_callback(asyncio_concurrent_future *future, void *arg);

/* A new pending future, for code of your own that finishes it. NULL without memory.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: concurrent.futures.Future. */
ASYNCIO_API asyncio_concurrent_future *asyncio_concurrent_future_new(void) ASYNCIO_MUST_USE;

/* References. The last one drops the result. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_concurrent_future *asyncio_concurrent_future_ref(
    asyncio_concurrent_future *future);
ASYNCIO_API void asyncio_concurrent_future_unref(asyncio_concurrent_future *future);

/* Cancels it: true if it is cancelled now (or was). False if it is finished, or runs: then the job
 * sees that nobody waits (asyncio_job_cancelled). A coroutine that another loop runs is asked to
 * cancel, and what it still ends with is of no consequence. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: future.cancel. */
ASYNCIO_API bool asyncio_concurrent_future_cancel(asyncio_concurrent_future *future);

/* State, at the time of the call. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: future.done, cancelled, running. */
ASYNCIO_API bool asyncio_concurrent_future_done(const asyncio_concurrent_future *future);
ASYNCIO_API bool asyncio_concurrent_future_cancelled(const asyncio_concurrent_future *future);
ASYNCIO_API bool asyncio_concurrent_future_running(const asyncio_concurrent_future *future);

/* Waits at most `timeout` seconds (INFINITY: without limit; <= 0: not at all) until it is done
 * and gives its result. Returns 0 with the value in *out (lent; out may be NULL); its error's
 * code, raised in this thread; ASYNCIO_CANCELLED_ERROR, raised; ASYNCIO_TIMEOUT_ERROR, raised: it
 * goes on; ASYNCIO_RUNTIME_ERROR if it would wait in the thread of the loop that has to finish it,
 * or in a forked child for a thread of the parent; ASYNCIO_VALUE_ERROR for NaN; ASYNCIO_TYPE_ERROR
 * for NULL.
 * Suspends: no (it blocks). Thread: any. Owner: *out is lent. Since: 0.1. Python: future.result. */
ASYNCIO_API int asyncio_concurrent_future_result(asyncio_concurrent_future *future, double timeout,
                                                 asyncio_value *out) ASYNCIO_MUST_USE;

/* The same for its error: 0 with the error in *out, or NULL if it has a result; otherwise as
 * result.
 * Suspends: no (it blocks). Thread: any. Owner: *out is lent. Since: 0.1.
 * Python: future.exception. */
ASYNCIO_API int asyncio_concurrent_future_exception(asyncio_concurrent_future *future,
                                                    double timeout, asyncio_error **out)
    ASYNCIO_MUST_USE;

/* Moves the value out of a finished future, which keeps None; None if it has none. For the one
 * thread that knows that no other looks at the value. Errors: none.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_value asyncio_concurrent_future_take_result(asyncio_concurrent_future *future)
    ASYNCIO_MUST_USE;

/* Has fn(future, arg) called once it is done; callbacks are called in order. Returns 0;
 * ASYNCIO_TYPE_ERROR for NULL; -ENOMEM.
 * Suspends: no. Thread: any. Since: 0.1. Python: future.add_done_callback. */
ASYNCIO_API int asyncio_concurrent_future_add_done_callback(asyncio_concurrent_future *future,
                                                            asyncio_concurrent_callback *fn,
                                                            void *arg);

/* For whoever finishes it. start: pending -> running; false if it was cancelled: then there is
 * nothing to do. set_result moves the value in, whatever the result; set_exception makes an error
 * of that code and printf message, set_error takes a reference of its own. They return 0;
 * ASYNCIO_INVALID_STATE_ERROR if it is done; ASYNCIO_TYPE_ERROR for NULL or a code >= 0; -ENOMEM.
 * Suspends: no. Thread: any. Since: 0.1.
 * Python: future.set_running_or_notify_cancel, set_result, set_exception. */
ASYNCIO_API bool asyncio_concurrent_future_start(asyncio_concurrent_future *future)
    ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_concurrent_future_set_result(asyncio_concurrent_future *future,
                                                     asyncio_value value);
ASYNCIO_API int asyncio_concurrent_future_set_exception(asyncio_concurrent_future *future, int code,
                                                        const char *fmt, ...) ASYNCIO_PRINTF(3, 4);
ASYNCIO_API int asyncio_concurrent_future_set_error(asyncio_concurrent_future *future,
                                                    asyncio_error *error);

/* "<Future state=finished returned int>" in Python's words; length as snprintf. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: repr(future). */
ASYNCIO_API int asyncio_concurrent_future_repr(const asyncio_concurrent_future *future, char *buf,
                                               size_t n);

/* A future of `loop` that follows it; loop NULL: the running loop, or without one the loop that was
 * set for the thread (asyncio_get_event_loop). Its value is a copy (asyncio_value_copy). Cancelling
 * it cancels the concurrent one; if that runs already, it goes on without it. NULL: see the slot:
 * ASYNCIO_RUNTIME_ERROR without a loop, on a closed one, or in a forked child if a thread of the
 * parent would have to finish it; ASYNCIO_TYPE_ERROR for NULL; -ENOMEM.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.wrap_future. */
ASYNCIO_API asyncio_future *asyncio_wrap_future(asyncio_concurrent_future *future,
                                                asyncio_loop *loop) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(concurrent_future)
#define asyncio_auto_concurrent_future ASYNCIO__AUTO(concurrent_future)

#endif
