/* SPDX-License-Identifier: MIT
 *
 * asyncio/loop.h: the event loop and the callbacks it runs.
 *
 * A loop belongs to one thread. One turn of it: poll; move due timers to the end of
 * the ready queue; run the callbacks that are ready now (what they add waits for the
 * next turn). Callbacks are never called from inside the call that causes them.
 *
 * Part: core.
 */
#ifndef ASYNCIO_LOOP_H
#define ASYNCIO_LOOP_H

#include <asyncio/context.h>
#include <asyncio/coro.h>

ASYNCIO_BEGIN_DECLS

/* A callback. A negative status is an exception in the callback: it goes to the
 * loop's exception handler, except that ASYNCIO_KEYBOARD_INTERRUPT and
 * ASYNCIO_SYSTEM_EXIT leave the loop's run at once. */
typedef int asyncio_callback(void *arg);

/* How a callback is to be called. In C the macros below fill it in:
 *     asyncio_loop_call_soon(loop, fn, arg, .context = c, .handle = &h) */
typedef struct asyncio_call_options {
    size_t size;              /* sizeof(asyncio_call_options) */
    void *arg;                /* passed to the callback */
    asyncio_context *context; /* to run in; NULL: a copy of the current one */
    asyncio_handle **handle;  /* where to put the handle, yours to unref; NULL: not wanted */
    void (*drop)(void *arg);  /* called once when the callback has run or never will; or NULL */
    const char *name;         /* of the callback, for reports; must outlive it */
    const char *where;        /* where it was scheduled; must outlive it */
} asyncio_call_options;

/* A new loop, which does not run. NULL: without memory or descriptors; the slot says
 * which (-ENOMEM, -EMFILE, -ENFILE).
 * Suspends: no. Thread: any; it then belongs to the calling thread. Owner: the caller:
 * asyncio_loop_close, then unref. Since: 0.1. Python: asyncio.new_event_loop. */
ASYNCIO_API asyncio_loop *asyncio_new_event_loop(void) ASYNCIO_MUST_USE;

/* The loop that runs in this thread; NULL (ASYNCIO_RUNTIME_ERROR in the slot) if none.
 * Suspends: no. Thread: any. Owner: lent. Since: 0.1. Python: asyncio.get_running_loop. */
ASYNCIO_API asyncio_loop *asyncio_get_running_loop(void);

/* The running loop, otherwise the one set for this thread, otherwise NULL
 * (ASYNCIO_RUNTIME_ERROR in the slot); set holds a reference, NULL takes it away.
 * Suspends: no. Thread: any. Owner: lent. Since: 0.1. Python: asyncio.get_event_loop. */
ASYNCIO_API asyncio_loop *asyncio_get_event_loop(void);
ASYNCIO_API void asyncio_set_event_loop(asyncio_loop *loop);

/* References. The last unref of a loop that was not closed closes it and reports that
 * to standard error. A loop is also kept by its futures and tasks.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_loop *asyncio_loop_ref(asyncio_loop *loop);
ASYNCIO_API void asyncio_loop_unref(asyncio_loop *loop);

/* Runs until asyncio_loop_stop. Returns 0; ASYNCIO_RUNTIME_ERROR if it runs already,
 * another loop runs in this thread, it is closed or belongs to a forked parent;
 * ASYNCIO_KEYBOARD_INTERRUPT or ASYNCIO_SYSTEM_EXIT if a task or callback ended with
 * that (what was ready stays ready); ASYNCIO_DEADLOCK_ERROR (virtual clock only).
 * Suspends: no (it blocks). Thread: loop. Since: 0.1. Python: loop.run_forever. */
ASYNCIO_API int asyncio_loop_run_forever(asyncio_loop *loop) ASYNCIO_MUST_USE;

/* Runs until the coroutine object, made a task, is done (one full turn longer), and
 * gives its status. out: where its value moves to; may be NULL. A task or future by way
 * of ASYNCIO_CORO is not wrapped but waited for, its value copied. Errors: its own; those
 * of run_forever; ASYNCIO_DEADLOCK_ERROR if nothing is left that could wake the loop
 * (asyncio/deadlock.h); ASYNCIO_RUNTIME_ERROR if the loop was stopped before it was done (it
 * stays pending); ASYNCIO_VALUE_ERROR for a future of another loop; ASYNCIO_TYPE_ERROR.
 * Suspends: no (it blocks). Thread: loop. Since: 0.1. Python: loop.run_until_complete. */
ASYNCIO_API int asyncio_loop_run_until_complete(asyncio_loop *loop, asyncio_coro main,
                                                asyncio_value *out) ASYNCIO_MUST_USE;

/* Makes run_forever return after the current turn; before a run: the next run does one
 * turn. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.stop. */
ASYNCIO_API void asyncio_loop_stop(asyncio_loop *loop);

/* Closes the loop: nothing that is scheduled runs any more; tasks that are pending are
 * reported ("Task was destroyed but it is pending!") in order of creation, and their
 * coroutines are unwound with ASYNCIO_GENERATOR_EXIT: every await in them fails with it
 * at once. Closing a closed loop does nothing. Returns 0; ASYNCIO_RUNTIME_ERROR while it
 * runs. In a forked child all loops that it inherits are closed, without any of this.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.close. */
ASYNCIO_API int asyncio_loop_close(asyncio_loop *loop);

/* State. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.is_running, loop.is_closed. */
ASYNCIO_API bool asyncio_loop_is_running(const asyncio_loop *loop);
ASYNCIO_API bool asyncio_loop_is_closed(const asyncio_loop *loop);

/* The loop's monotonic clock, in seconds. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.time. */
ASYNCIO_API double asyncio_loop_time(asyncio_loop *loop);

/* Schedules a callback: soon: for the next turn, in order; later: in `delay` seconds;
 * at: when the loop's clock reads `when`; soon_threadsafe: soon, from any thread (from a
 * signal handler: asyncio_async_send). Timers are good to the microsecond, run in order of
 * their deadlines, equal ones in the order they were armed; delays <= 0 are for the next
 * turn. In C the
 * macros of the same names without _with take `arg` and options.
 * Returns 0; ASYNCIO_RUNTIME_ERROR on a closed loop or, while it runs, from another
 * thread; ASYNCIO_VALUE_ERROR for NaN; ASYNCIO_TYPE_ERROR for a NULL callback; -ENOMEM.
 * On failure `drop` is not called.
 * Suspends: no. Thread: loop (threadsafe: any). Since: 0.1. Python: loop.call_soon ... */
ASYNCIO_API int asyncio_loop_call_soon_with(asyncio_loop *loop, asyncio_callback *fn,
                                            const asyncio_call_options *options);
ASYNCIO_API int asyncio_loop_call_later_with(asyncio_loop *loop, double delay, asyncio_callback *fn,
                                             const asyncio_call_options *options);
ASYNCIO_API int asyncio_loop_call_at_with(asyncio_loop *loop, double when, asyncio_callback *fn,
                                          const asyncio_call_options *options);
ASYNCIO_API int asyncio_loop_call_soon_threadsafe_with(asyncio_loop *loop, asyncio_callback *fn,
                                                       const asyncio_call_options *options);

/* Handles. cancel: the callback will not run; a second one does nothing. when: the
 * deadline of a timer on the loop's clock, NaN for others. repr: as Python's, length as
 * snprintf. The handle of a threadsafe call may be cancelled from any thread: once
 * cancel has returned the callback is finished or will not run. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Handle, TimerHandle. */
ASYNCIO_API void asyncio_handle_cancel(asyncio_handle *handle);
ASYNCIO_API bool asyncio_handle_cancelled(const asyncio_handle *handle);
ASYNCIO_API double asyncio_handle_when(const asyncio_handle *handle);
ASYNCIO_API int asyncio_handle_repr(const asyncio_handle *handle, char *buf, size_t n);
ASYNCIO_API asyncio_handle *asyncio_handle_ref(asyncio_handle *handle);
ASYNCIO_API void asyncio_handle_unref(asyncio_handle *handle);

/* What the exception handler is told. Fields are lent for the call; NULL: not known. */
typedef struct asyncio_exception_context {
    size_t size;         /* sizeof(asyncio_exception_context) */
    const char *message; /* always there */
    asyncio_error *exception;
    asyncio_future *future;
    asyncio_task *task;
    asyncio_handle *handle;
    const char *where; /* where the object was made or scheduled, "file:line" */
} asyncio_exception_context;

/* Handles what nobody else can. A negative status is an error in the handler, reported
 * by the default handler. */
typedef int asyncio_exception_handler(asyncio_loop *loop, const asyncio_exception_context *context,
                                      void *arg);

/* Sets the handler; NULL restores the default, which prints to standard error. get gives
 * NULL for the default. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.set_exception_handler. */
ASYNCIO_API void asyncio_loop_set_exception_handler(asyncio_loop *loop,
                                                    asyncio_exception_handler *handler, void *arg);
ASYNCIO_API asyncio_exception_handler *asyncio_loop_get_exception_handler(const asyncio_loop *loop);

/* Calls the handler, or the default one. Errors of the handler are reported, not
 * returned, except KeyboardInterrupt and SystemExit, which are returned.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.call_exception_handler. */
ASYNCIO_API int asyncio_loop_call_exception_handler(asyncio_loop *loop,
                                                    const asyncio_exception_context *context);
ASYNCIO_API int asyncio_loop_default_exception_handler(asyncio_loop *loop,
                                                       const asyncio_exception_context *context);

/* Debug mode: checks of the calling thread, reports of steps that take
 * slow_callback_duration seconds (0.1) or more. Set at first by the environment variable
 * ASYNCIO_DEBUG (not empty). Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.set_debug, PYTHONASYNCIODEBUG. */
ASYNCIO_API void asyncio_loop_set_debug(asyncio_loop *loop, bool debug);
ASYNCIO_API bool asyncio_loop_get_debug(const asyncio_loop *loop);
ASYNCIO_API void asyncio_loop_set_slow_callback_duration(asyncio_loop *loop, double seconds);
ASYNCIO_API double asyncio_loop_get_slow_callback_duration(const asyncio_loop *loop);

/* "<asyncio_loop running=False closed=False debug=False>"; length as snprintf.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(loop). */
ASYNCIO_API int asyncio_loop_repr(const asyncio_loop *loop, char *buf, size_t n);

ASYNCIO_END_DECLS

#ifndef __cplusplus
/* The last argument of each: arg, then options as .name = value. */
#define ASYNCIO__CALL_OPTIONS(fn, ...)                                                             \
    (&(const asyncio_call_options){ .size = sizeof(asyncio_call_options),                          \
                                    .name = #fn,                                                   \
                                    .where = ASYNCIO_WHERE,                                        \
                                    .arg = __VA_ARGS__ })
#define asyncio_loop_call_soon(loop, fn, ...)                                                      \
    asyncio_loop_call_soon_with((loop), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#define asyncio_loop_call_later(loop, delay, fn, ...)                                              \
    asyncio_loop_call_later_with((loop), (delay), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#define asyncio_loop_call_at(loop, when, fn, ...)                                                  \
    asyncio_loop_call_at_with((loop), (when), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#define asyncio_loop_call_soon_threadsafe(loop, fn, ...)                                           \
    asyncio_loop_call_soon_threadsafe_with((loop), (fn), ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#else
inline asyncio_call_options asyncio__call_options(void *arg) {
    asyncio_call_options o = asyncio_call_options();
    o.size = sizeof o;
    o.arg = arg;
    return o;
}
inline int asyncio_loop_call_soon(asyncio_loop *loop, asyncio_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_call_soon_with(loop, fn, &o);
}
inline int asyncio_loop_call_later(asyncio_loop *loop, double delay, asyncio_callback *fn,
                                   void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_call_later_with(loop, delay, fn, &o);
}
inline int asyncio_loop_call_at(asyncio_loop *loop, double when, asyncio_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_call_at_with(loop, when, fn, &o);
}
inline int asyncio_loop_call_soon_threadsafe(asyncio_loop *loop, asyncio_callback *fn, void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_call_soon_threadsafe_with(loop, fn, &o);
}
#endif

ASYNCIO__AUTO_CLASS(loop)
#define asyncio_auto_loop ASYNCIO__AUTO(loop)
ASYNCIO__AUTO_CLASS(handle)
#define asyncio_auto_handle ASYNCIO__AUTO(handle)

#endif
