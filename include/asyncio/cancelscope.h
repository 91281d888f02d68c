/* SPDX-License-Identifier: MIT
 *
 * asyncio/cancelscope.h: cancel scopes and shielded blocks, beside what asyncio has.
 *
 *     int rc;
 *     ASYNC_BLOCK(scope, asyncio_move_on_after(5, &rc));
 *     ASYNC_WITH_BLOCK(scope) { rc = AWAIT(fetch(url)); }
 *     TRY(rc);
 *     if (asyncio_cancelscope_cancelled_caught(scope)) puts("went on without it");
 *
 * A scope is a block that can be cancelled by itself, without cancelling the task. Once it is
 * cancelled, every wait in it fails with ASYNCIO_CANCELLED_ERROR until it is left: in its own task
 * (from what that is in now, at once) and in all tasks of groups that were entered inside of it. A
 * result that is there already is still delivered. At its end the scope absorbs its own
 * cancellation and nothing else: the block's status is 0 then. Requests of asyncio_task_cancel go
 * through it, and their count is not touched.
 *
 * In the body write rc = AWAIT(...): a TRY leaves the whole coroutine, and where the scope absorbs
 * the cancellation, with success. Waiting that has to come to an end in a cancelled scope belongs
 * into a shielded block.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CANCELSCOPE_H
#define ASYNCIO_CANCELSCOPE_H

#include <asyncio/block.h>
#include <asyncio/wait.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_cancelscope asyncio_cancelscope;
ASYNCIO_BLOCK_TYPE(asyncio_cancelscope_with, asyncio_cancelscope);

/* A cancel scope without a deadline, as a block; asyncio_cancelscope(&rc) is short for it. Entering
 * makes the scope. It is lent to the body; a reference, or ASYNC_BLOCK, keeps it longer. rc: the
 * block's status: 0 if the scope absorbed its cancellation, otherwise the body's; entering:
 * -ENOMEM, ASYNCIO_RUNTIME_ERROR outside a task or a second time. A generator must not yield
 * inside: ASYNCIO_RUNTIME_ERROR.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none (CancelScope of trio and anyio). */
ASYNCIO_API asyncio_cancelscope_with asyncio_cancelscope_block(int *rc) ASYNCIO_MUST_USE;
#define asyncio_cancelscope(...) asyncio_cancelscope_block(__VA_ARGS__)

/* The same with a deadline: in `seconds` from now, or when the loop's clock reads `when`;
 * ASYNCIO_FOREVER: none. When it has passed, the scope cancels itself. move_on: the block then
 * ends with 0; fail: with ASYNCIO_TIMEOUT_ERROR, whose cause is the cancellation. Entering also
 * fails with ASYNCIO_VALUE_ERROR for NaN.
 * Suspends: no. Thread: loop. Since: 0.1.
 * Python: none (move_on_after, fail_after of trio and anyio); asyncio.timeout is near. */
ASYNCIO_API asyncio_cancelscope_with asyncio_move_on_after(double seconds, int *rc)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_cancelscope_with asyncio_move_on_at(double when, int *rc) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_cancelscope_with asyncio_fail_after(double seconds, int *rc) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_cancelscope_with asyncio_fail_at(double when, int *rc) ASYNCIO_MUST_USE;

/* References. unref(NULL) does nothing. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_cancelscope *asyncio_cancelscope_ref(asyncio_cancelscope *scope);
ASYNCIO_API void asyncio_cancelscope_unref(asyncio_cancelscope *scope);

/* Cancels the scope, from its own task or any other, or a callback. reason: copied; it is the
 * message of the errors; NULL: none. Only the first time counts; once the block has been left:
 * nothing. Without memory for the reason the scope is cancelled without one. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none (CancelScope.cancel). */
ASYNCIO_API void asyncio_cancelscope_cancel(asyncio_cancelscope *scope, const char *reason);

/* Whether it was cancelled (also by its deadline); whether it absorbed the cancellation, known
 * once the block has been left; why it was cancelled, lent: the reason given, "deadline passed",
 * or NULL. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none (cancel_called, cancelled_caught). */
ASYNCIO_API bool asyncio_cancelscope_cancel_called(const asyncio_cancelscope *scope);
ASYNCIO_API bool asyncio_cancelscope_cancelled_caught(const asyncio_cancelscope *scope);
ASYNCIO_API const char *asyncio_cancelscope_reason(const asyncio_cancelscope *scope);

/* The deadline on the loop's clock, ASYNCIO_FOREVER if there is none; NaN for NULL. reschedule
 * sets another: 0; ASYNCIO_RUNTIME_ERROR if the scope is cancelled or has been left;
 * ASYNCIO_VALUE_ERROR for NaN; ASYNCIO_TYPE_ERROR for NULL; -ENOMEM (the old one is gone).
 * Suspends: no. Thread: loop. Since: 0.1. Python: none (CancelScope.deadline). */
ASYNCIO_API double asyncio_cancelscope_deadline(const asyncio_cancelscope *scope);
ASYNCIO_API int asyncio_cancelscope_reschedule(asyncio_cancelscope *scope, double when);

/* "<CancelScope active>", "... cancelled", "... left"; " deadline=5.000"; length as snprintf.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_cancelscope_repr(const asyncio_cancelscope *scope, char *buf, size_t n);

/* A block in which the task is not interrupted from outside: requests of asyncio_task_cancel and
 * cancel scopes around it are held back until it is left, or until `seconds` have passed in it
 * (ASYNCIO_FOREVER: no limit). What was held back is then delivered at the next suspension; after
 * the limit that is what the task waits for at the time. Timeouts, groups and scopes inside the
 * block work in it as ever. Closing the loop is not held back. rc: the body's status; entering:
 * -ENOMEM, ASYNCIO_VALUE_ERROR for NaN, ASYNCIO_RUNTIME_ERROR outside a task or a second time. A
 * generator must not yield inside: ASYNCIO_RUNTIME_ERROR.
 * Suspends: no. Thread: loop. Since: 0.1.
 * Python: none (CancelScope(shield=True)); asyncio.shield protects another task, not the block. */
ASYNCIO_API asyncio_block asyncio_shielded(double seconds, int *rc) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(cancelscope)
#define asyncio_auto_cancelscope ASYNCIO__AUTO(cancelscope)

#endif
