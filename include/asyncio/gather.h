/* SPDX-License-Identifier: MIT
 *
 * asyncio/gather.h: run several awaitables concurrently, and protect one from cancellation:
 * gather and shield. Both come as something to await and as a future that is yours.
 *
 *     asyncio_value l[3];
 *     TRY(AWAIT(asyncio_gather(l, factorial("A", 2), factorial("B", 3), task)));
 *
 * Part: core.
 */
#ifndef ASYNCIO_GATHER_H
#define ASYNCIO_GATHER_H

#include <asyncio/keywords.h>
#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

/* Awaits n awaitables at once: coroutine objects are made tasks, in order. The same task or
 * future may be given twice. On success results[i] is the value of aws[i], yours (results NULL:
 * dropped); otherwise results is untouched. The first failure, or cancellation, of one ends it
 * with that error; the others go on. Cancelling the waiter cancels all of them. The arrays must
 * live until it is awaited; making it a task or holding it copies them. asyncio_gather(results,
 * aw, ...) is the macro (up to 15).
 * Errors, when awaited: a child's; ASYNCIO_CANCELLED_ERROR; ASYNCIO_VALUE_ERROR for a future of
 * another loop; ASYNCIO_TYPE_ERROR for a coroutine without a type, or a value that cannot be
 * copied from a task that others hold; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Owner: the results are yours. Since: 0.1.
 * Python: asyncio.gather. */
ASYNCIO_API asyncio_coro asyncio_gather_array(asyncio_value *results, size_t n,
                                              const asyncio_coro *aws) ASYNCIO_MUST_USE;

/* As gather with return_exceptions=True: every child's end as data (asyncio_outcome_fini each).
 * Fails only if the waiter is cancelled (after all children are done), or as gather for bad input.
 * asyncio_gather_outcomes(outcomes, aw, ...) is the macro.
 * Suspends: yes (when awaited). Thread: loop. Owner: the outcomes are yours. Since: 0.1.
 * Python: asyncio.gather(return_exceptions=True). */
ASYNCIO_API asyncio_coro asyncio_gather_outcomes_array(asyncio_outcome *outcomes, size_t n,
                                                       const asyncio_coro *aws) ASYNCIO_MUST_USE;

/* gather as a future: the children are scheduled now; its value is a list (asyncio_list_*), with
 * return_exceptions the errors among its items as values of asyncio_value_error. All arguments
 * done: it is done at once. Cancelling it cancels the children. NULL: see the slot, as gather.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.gather. */
ASYNCIO_API asyncio_future *asyncio_gather_future(size_t n, const asyncio_coro *aws,
                                                  bool return_exceptions) ASYNCIO_MUST_USE;

/* A list of values: what a gather future's value is. len: 0 for other values; item: lent, None
 * out of range. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: list. */
ASYNCIO_API extern const asyncio_value_type asyncio_value_list;
ASYNCIO_API size_t asyncio_list_len(const asyncio_value *list);
ASYNCIO_API asyncio_value asyncio_list_item(const asyncio_value *list, size_t index);

/* Awaits without passing the waiter's cancellation on: the waiter gets CancelledError, what is
 * shielded goes on. A coroutine object is made a task. The awaitable must live until it is
 * awaited. asyncio_shield(aw) is the macro.
 * Errors, when awaited: the awaitable's; ASYNCIO_CANCELLED_ERROR; as create_task.
 * Suspends: yes (when awaited). Thread: loop. Owner: the value is yours. Since: 0.1.
 * Python: asyncio.shield. */
ASYNCIO_API asyncio_coro asyncio_shield_coro(const asyncio_coro *awaitable) ASYNCIO_MUST_USE;

/* shield as a future: the awaitable itself if it is done, otherwise a new future that follows it
 * one turn later. NULL: see the slot, as create_task.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.shield. */
ASYNCIO_API asyncio_future *asyncio_shield_future(asyncio_coro awaitable) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

/* ---- argument lists as arrays of coroutine objects ---- */

#define ASYNCIO__CORO_1(a) ASYNCIO_CORO(a)
#define ASYNCIO__CORO_2(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_1(__VA_ARGS__)
#define ASYNCIO__CORO_3(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_2(__VA_ARGS__)
#define ASYNCIO__CORO_4(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_3(__VA_ARGS__)
#define ASYNCIO__CORO_5(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_4(__VA_ARGS__)
#define ASYNCIO__CORO_6(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_5(__VA_ARGS__)
#define ASYNCIO__CORO_7(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_6(__VA_ARGS__)
#define ASYNCIO__CORO_8(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_7(__VA_ARGS__)
#define ASYNCIO__CORO_9(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_8(__VA_ARGS__)
#define ASYNCIO__CORO_10(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_9(__VA_ARGS__)
#define ASYNCIO__CORO_11(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_10(__VA_ARGS__)
#define ASYNCIO__CORO_12(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_11(__VA_ARGS__)
#define ASYNCIO__CORO_13(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_12(__VA_ARGS__)
#define ASYNCIO__CORO_14(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_13(__VA_ARGS__)
#define ASYNCIO__CORO_15(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_14(__VA_ARGS__)
#define ASYNCIO__CORO_16(a, ...) ASYNCIO_CORO(a), ASYNCIO__CORO_15(__VA_ARGS__)
#define ASYNCIO__CORO_LIST(...) ASYNCIO__CAT(ASYNCIO__CORO_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)
#ifndef __cplusplus
#define ASYNCIO__CORO_ARRAY(...)                                                                   \
    ((const asyncio_coro[ASYNCIO__N(__VA_ARGS__)]){ ASYNCIO__CORO_LIST(__VA_ARGS__) })
#else
template <size_t N> struct asyncio__coro_array {
    asyncio_coro items[N];
    operator const asyncio_coro *() const { return items; }
};
#define ASYNCIO__CORO_ARRAY(...)                                                                   \
    (asyncio__coro_array<ASYNCIO__N(__VA_ARGS__)>{ { ASYNCIO__CORO_LIST(__VA_ARGS__) } })
#endif
#define asyncio_gather(results, ...)                                                               \
    asyncio_gather_array((results), ASYNCIO__N(__VA_ARGS__), ASYNCIO__CORO_ARRAY(__VA_ARGS__))
#define asyncio_gather_outcomes(outcomes, ...)                                                     \
    asyncio_gather_outcomes_array((outcomes), ASYNCIO__N(__VA_ARGS__),                             \
                                  ASYNCIO__CORO_ARRAY(__VA_ARGS__))
#define asyncio_shield(aw) asyncio_shield_coro(ASYNCIO__CORO_ARRAY(aw))

#endif
