/* SPDX-License-Identifier: MIT
 *
 * asyncio/wait.h: waiting with a limit, for one (wait_for), for some of many (wait), for each
 * of many as it ends (as_completed). Limits are in seconds; ASYNCIO_FOREVER is none.
 *
 * Part: core.
 */
#ifndef ASYNCIO_WAIT_H
#define ASYNCIO_WAIT_H

#include <asyncio/gather.h>

ASYNCIO_BEGIN_DECLS

/* No limit: Python's timeout=None. */
#define ASYNCIO_FOREVER __builtin_inf()

/* Awaits one awaitable for at most `timeout` seconds; then it is cancelled, waited for, and the
 * wait ends with ASYNCIO_TIMEOUT_ERROR. timeout <= 0: only if it is done already. With a positive
 * one a coroutine object runs in the calling task. The awaitable must live until it is awaited.
 * asyncio_wait_for(aw, timeout) is the macro.
 * Errors, when awaited: the awaitable's; ASYNCIO_TIMEOUT_ERROR; ASYNCIO_CANCELLED_ERROR;
 * ASYNCIO_VALUE_ERROR for NaN; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Owner: the value is yours. Since: 0.1.
 * Python: asyncio.wait_for. */
ASYNCIO_API asyncio_coro asyncio_wait_for_coro(const asyncio_coro *awaitable, double timeout)
    ASYNCIO_MUST_USE;
#define asyncio_wait_for(aw, timeout) asyncio_wait_for_coro(ASYNCIO__CORO_ARRAY(aw), (timeout))

/* When wait returns. */
enum asyncio_return_when {
    ASYNCIO_ALL_COMPLETED,
    ASYNCIO_FIRST_COMPLETED,
    ASYNCIO_FIRST_EXCEPTION /* as soon as one failed; a cancelled one does not count */
};

typedef struct asyncio_wait_options {
    size_t size;    /* sizeof(asyncio_wait_options) */
    size_t n;       /* how many futures */
    double timeout; /* seconds, if has_timeout */
    bool has_timeout;
    enum asyncio_return_when return_when;
} asyncio_wait_options;

/* Waits until some of n futures or tasks are done, or the limit is over, which is no error.
 * Its status is how many are done; the array is put in order: the done ones first, then the
 * pending ones, each in their former order. Nothing is cancelled, also if the waiter is. The
 * array must live until it returns. Always suspends. In C: asyncio_wait(futures, n) or
 * asyncio_wait(futures, n, .return_when = ASYNCIO_FIRST_COMPLETED,
 * .timeout = 5, .has_timeout = true); an array of tasks goes as it is. In C++
 * asyncio_wait(futures, n, return_when, timeout), the last two optional.
 * Errors, when awaited: ASYNCIO_VALUE_ERROR for n == 0, an unknown return_when or a future of
 * another loop; ASYNCIO_TYPE_ERROR for NULL members; ASYNCIO_CANCELLED_ERROR; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: asyncio.wait. */
ASYNCIO_API asyncio_coro asyncio_wait_with(asyncio_future **futures,
                                           const asyncio_wait_options *options) ASYNCIO_MUST_USE;

/* The iterator of as_completed. */
typedef struct asyncio_as_completed asyncio_as_completed;

/* Starts following n awaitables; coroutine objects are made tasks now, and the limit runs from
 * now on. The same future given twice counts once. NULL: see the slot: as create_task,
 * ASYNCIO_VALUE_ERROR for a future of another loop. unref: what is left goes on; its tasks are
 * let go.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.as_completed. */
ASYNCIO_API asyncio_as_completed *asyncio_as_completed_new(size_t n, const asyncio_coro *aws,
                                                           double timeout) ASYNCIO_MUST_USE;
ASYNCIO_API void asyncio_as_completed_unref(asyncio_as_completed *iterator);

/* How many it will still give: 0 at the end. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: the for loop's end. */
ASYNCIO_API size_t asyncio_as_completed_left(const asyncio_as_completed *iterator);

/* The next to be done, in the order they end. next gives the future or task itself, done, in
 * *out (lent by the iterator): `async for`. result is its outcome: the awaitables of a plain
 * `for`. Both may suspend.
 * Errors, when awaited: ASYNCIO_TIMEOUT_ERROR once the limit is over; ASYNCIO_STOP_ASYNC_ITERATION
 * when there are no more; result: the awaitable's own; ASYNCIO_CANCELLED_ERROR (nothing is lost).
 * Suspends: yes (when awaited). Thread: loop. Owner: the value of result is yours. Since: 0.1.
 * Python: asyncio.as_completed. */
ASYNCIO_API asyncio_coro asyncio_as_completed_next(asyncio_as_completed *iterator,
                                                   asyncio_future **out) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_as_completed_result(asyncio_as_completed *iterator)
    ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#ifndef __cplusplus
ASYNCIO_INLINE asyncio_future **asyncio__futures(asyncio_future **f) { return f; }
ASYNCIO_INLINE asyncio_future **asyncio__tasks(asyncio_task **t) {
    return (asyncio_future **)(void *)t; /* a task is a future, at the same address */
}
#define asyncio_wait(futures, ...)                                                                 \
    asyncio_wait_with(_Generic((futures),                                                          \
                          asyncio_task **: asyncio__tasks,                                         \
                          asyncio_future **: asyncio__futures)(futures),                           \
                      (&(const asyncio_wait_options){ .size = sizeof(asyncio_wait_options),        \
                                                      .n = __VA_ARGS__ }))
#else
ASYNCIO_MUST_USE inline asyncio_coro asyncio_wait(
    asyncio_future **futures, size_t n, asyncio_return_when return_when = ASYNCIO_ALL_COMPLETED,
    double timeout = ASYNCIO_FOREVER) {
    asyncio_wait_options o = asyncio_wait_options();
    o.size = sizeof o;
    o.n = n;
    o.timeout = timeout;
    o.has_timeout = timeout < ASYNCIO_FOREVER || timeout != timeout;
    o.return_when = return_when;
    return asyncio_wait_with(futures, &o);
}
ASYNCIO_MUST_USE inline asyncio_coro asyncio_wait(
    asyncio_task **tasks, size_t n, asyncio_return_when return_when = ASYNCIO_ALL_COMPLETED,
    double timeout = ASYNCIO_FOREVER) {
    return asyncio_wait(reinterpret_cast<asyncio_future **>(tasks), n, return_when, timeout);
}
#endif

ASYNCIO__AUTO_CLASS(as_completed)
#define asyncio_auto_as_completed ASYNCIO__AUTO(as_completed)

#endif
