/* SPDX-License-Identifier: MIT
 *
 * asyncio/task.h: a coroutine that the loop drives.
 *
 * A new task takes its first step in the next turn of the loop (an eager one inside the
 * call that makes it). The loop holds every task until it is done. In C:
 *
 *     asyncio_task *t = asyncio_create_task(fetch(url), .name = "fetch");
 *
 * Part: core.
 */
#ifndef ASYNCIO_TASK_H
#define ASYNCIO_TASK_H

#include <asyncio/future.h>

ASYNCIO_BEGIN_DECLS

/* What a task is made from. */
typedef struct asyncio_task_options {
    size_t size;              /* sizeof(asyncio_task_options) */
    asyncio_coro coro;        /* what it runs */
    const char *name;         /* copied; NULL: "Task-1", "Task-2", ... */
    asyncio_context *context; /* to run in; NULL: a copy of the current one */
    size_t stack_size;        /* usable bytes; 0: the loop's default (64 KiB) */
    int eager_start;          /* > 0: yes, < 0: no, 0: as the loop's task factory does */
    const char *where;        /* where it is made; must outlive it; NULL: unknown */
} asyncio_task_options;

/* A new task of the running loop (or of `loop`). It has a copy of the coroutine object; one
 * that you hold stays yours. If no task is made, what the object owns (a result, an argument with
 * `drop`) is let go, as if the task had been cancelled before its start; but not if the loop runs
 * in another thread. NULL: see the slot: ASYNCIO_RUNTIME_ERROR without a running loop
 * or on a closed one; ASYNCIO_TYPE_ERROR for an object without a type or one made from
 * a task or future; ASYNCIO_VALUE_ERROR for a stack size under 16 KiB or over 1 GiB;
 * -ENOMEM; KeyboardInterrupt or SystemExit from an eager step. asyncio_create_task() and
 * asyncio_loop_create_task() are the macros that take (coro, .name = ..., ...).
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.create_task. */
ASYNCIO_API asyncio_task *asyncio_create_task_with(const asyncio_task_options *options)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_task *asyncio_loop_create_task_with(asyncio_loop *loop,
                                                        const asyncio_task_options *options)
    ASYNCIO_MUST_USE;

/* The same without options: what asyncio_create_task(coro) is. coro is copied.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.create_task. */
ASYNCIO_API asyncio_task *asyncio_create_task_coro(const asyncio_coro *coro, const char *where)
    ASYNCIO_MUST_USE;

/* As create_task, for a task that nobody keeps: 0 or the error's code.
 * Suspends: no. Thread: loop. Since: 0.1. Python: create_task, result not kept. */
ASYNCIO_API int asyncio_spawn_with(const asyncio_task_options *options) ASYNCIO_MUST_USE;

/* The awaitable itself if it stands for a task or future, otherwise a new task as a future.
 * Errors as create_task.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.ensure_future. */
ASYNCIO_API asyncio_future *asyncio_ensure_future(asyncio_coro awaitable) ASYNCIO_MUST_USE;

/* References. When the last one of a failed task goes that nobody has looked at, the
 * exception handler is told "Task exception was never retrieved". Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_task *asyncio_task_ref(asyncio_task *task);
ASYNCIO_API void asyncio_task_unref(asyncio_task *task);

/* A task as the future it is, and back: NULL for a future that is no task. Borrowed.
 * Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: Task is a subclass of Future. */
ASYNCIO_API asyncio_future *asyncio_task_as_future(const asyncio_task *task);
ASYNCIO_API asyncio_task *asyncio_future_as_task(const asyncio_future *future);

/* Requests cancellation: the task's await fails with ASYNCIO_CANCELLED_ERROR in the next
 * turn; what it waits for is cancelled. A task that has not started never runs. False if
 * it is done. msg: copied; NULL: none. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.cancel. */
ASYNCIO_API bool asyncio_task_cancel(asyncio_task *task, const char *msg);

/* The number of requests to cancel it that are not taken back; uncancel takes one back
 * and returns what is left (at 0 a request not yet delivered is forgotten). Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.cancelling, task.uncancel. */
ASYNCIO_API unsigned asyncio_task_cancelling(const asyncio_task *task);
ASYNCIO_API unsigned asyncio_task_uncancel(asyncio_task *task);

/* Its name, lent until it is set anew; set copies it: 0, -ENOMEM, or ASYNCIO_TYPE_ERROR
 * for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.get_name, task.set_name. */
ASYNCIO_API const char *asyncio_task_get_name(const asyncio_task *task);
ASYNCIO_API int asyncio_task_set_name(asyncio_task *task, const char *name);

/* What it runs, lent; NULL for a task that was done when it was made (eager). Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.get_coro. */
ASYNCIO_API const asyncio_coro_type *asyncio_task_get_coro(const asyncio_task *task);

/* The context it runs in, lent. NULL without memory to make it an object.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.get_context. */
ASYNCIO_API asyncio_context *asyncio_task_get_context(asyncio_task *task);

/* One frame of a coroutine. */
typedef struct asyncio_frame_info {
    const char *where; /* "file:line" of its current await; NULL: at its definition still */
    const char *func;  /* name of the coroutine function */
    const asyncio_coro_type *coro; /* the coroutine; NULL in the frames of an error */
} asyncio_frame_info;

/* The frames of a suspended task, oldest first, all of them; of a failed task those its
 * error was raised under; otherwise none. Writes at most n (of a stack the newest n, of
 * a failed task's the oldest) and returns how many there are. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.get_stack. */
ASYNCIO_API size_t asyncio_task_get_stack(const asyncio_task *task, asyncio_frame_info *frames,
                                          size_t n);

/* Prints them as a traceback, at most `limit` frames (0: all), to file (NULL: standard
 * error). Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.print_stack. */
ASYNCIO_API void asyncio_task_print_stack(const asyncio_task *task, size_t limit, FILE *file);

/* "<Task pending name='Task-1' coro=<f() running at x.c:12>>", as Python's repr; length as
 * snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(task). */
ASYNCIO_API int asyncio_task_repr(const asyncio_task *task, char *buf, size_t n);

/* The task that is running, lent; NULL in callbacks and outside the loop. all: the tasks of
 * a loop (NULL: the running one) that are not done, in order of creation; writes at most n
 * and returns how many there are; lent until the next suspension. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: current_task, all_tasks. */
ASYNCIO_API asyncio_task *asyncio_current_task(void);
ASYNCIO_API size_t asyncio_all_tasks(asyncio_loop *loop, asyncio_task **tasks, size_t n);

/* Makes the tasks of a loop: all of them, also those that gather and others make. Returns an
 * owned task, or NULL with the error in the slot. Usually it calls asyncio_task_new. */
typedef asyncio_task *asyncio_task_factory(asyncio_loop *loop, const asyncio_task_options *options,
                                           void *arg);

/* Sets the loop's task factory; NULL restores the default. get gives NULL for the default.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.set_task_factory. */
ASYNCIO_API void asyncio_loop_set_task_factory(asyncio_loop *loop, asyncio_task_factory *factory,
                                               void *arg);
ASYNCIO_API asyncio_task_factory *asyncio_loop_get_task_factory(const asyncio_loop *loop);

/* The constructor itself, past the factory. As asyncio_loop_create_task_with.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: asyncio.Task. */
ASYNCIO_API asyncio_task *asyncio_task_new(asyncio_loop *loop, const asyncio_task_options *options)
    ASYNCIO_MUST_USE;

/* A factory that starts every task eagerly (unless its options say no). arg: NULL, or the
 * asyncio_eager_factory that says which constructor to use: Python's
 * create_eager_task_factory(custom). Errors as create_task.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: eager_task_factory. */
ASYNCIO_API asyncio_task *asyncio_eager_task_factory(asyncio_loop *loop,
                                                     const asyncio_task_options *options,
                                                     void *arg);
typedef struct asyncio_eager_factory {
    asyncio_task_factory *constructor;
    void *arg;
} asyncio_eager_factory;

/* The default stack size of a loop's tasks, in usable bytes. Returns 0 or
 * ASYNCIO_VALUE_ERROR (under 16 KiB or over 1 GiB).
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_loop_set_stack_size(asyncio_loop *loop, size_t bytes);
ASYNCIO_API size_t asyncio_loop_get_stack_size(const asyncio_loop *loop);

/* How many bytes below each stack are kept free, so that an overflow ends the program instead of
 * writing into another task's stack: 192 KiB by default. A function with a frame larger than the
 * guard can step over it, if it was compiled without -fstack-clash-protection. Stacks that have
 * been made keep their guard: call it before the loop has tasks. The guard is no memory, but each
 * 4 KiB take 8 bytes of page tables (docs/debugging.md). Returns 0; ASYNCIO_VALUE_ERROR under
 * 16 KiB or over 64 MiB; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.2. Python: none. */
ASYNCIO_API int asyncio_loop_set_stack_guard(asyncio_loop *loop, size_t bytes);
ASYNCIO_API size_t asyncio_loop_get_stack_guard(const asyncio_loop *loop);

/* Calls fn(arg) on the stack of the loop's thread, which is as large as a thread's (often 8 MiB),
 * and returns what fn returns: for code that is known to need much stack. The task, its context
 * and its error are the same for fn. An await in fn that would suspend fails with
 * ASYNCIO_RUNTIME_ERROR. Outside of tasks and in a stackless one it is an ordinary call; so it is
 * in the clean-up of a generator that was dropped unfinished, on the generator's stack.
 * ASYNCIO_TYPE_ERROR: fn is NULL.
 * Suspends: no. Thread: any. Since: 0.2. Python: none. */
ASYNCIO_API int asyncio_call_on_loop_stack(int (*fn)(void *arg), void *arg);

/* When a failed task that nobody joins is reported. LATE, the default: when its last reference goes
 * ("never retrieved"). REPORT: also before, `grace` seconds after it has failed, or with 0 as soon
 * as nothing else is ready, if nobody has looked at its error by then. FAIL: and then the loop's
 * run ends with that error. Each task is reported once. Returns 0; ASYNCIO_VALUE_ERROR for another
 * mode or a grace that is negative, infinite or NaN; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
enum { ASYNCIO_FAILED_TASK_LATE, ASYNCIO_FAILED_TASK_REPORT, ASYNCIO_FAILED_TASK_FAIL };
ASYNCIO_API int asyncio_loop_set_failed_task_report(asyncio_loop *loop, int mode, double grace);

/* How something ended, as data. fini drops what it holds. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
typedef struct asyncio_outcome {
    int status;           /* >= 0, or the code; ASYNCIO_CANCELLED_ERROR: it was cancelled */
    asyncio_value value;  /* a copy if it can be copied, otherwise None */
    asyncio_error *error; /* a reference; NULL if it did not fail */
} asyncio_outcome;
ASYNCIO_API void asyncio_outcome_fini(asyncio_outcome *outcome);

/* Waits until the task is done and gives its end as data, also if it failed or was
 * cancelled; it resumes in the turn in which awaiting the task would. Cancelling the waiter does
 * not cancel the task. Errors, when awaited: only
 * the waiter's own cancellation, and as asyncio_await_future for a wrong task; `outcome` is then
 * untouched. Both must live until it returns.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: none (a joined outcome). */
ASYNCIO_API asyncio_coro asyncio_task_join(asyncio_task *task, asyncio_outcome *outcome)
    ASYNCIO_MUST_USE;

/* The future's methods under the task's name; see future.h.
 * Suspends: no. Thread: loop. Since: 0.1. Python: task.done ... */
ASYNCIO_INLINE bool asyncio_task_done(const asyncio_task *t) {
    return asyncio_future_done(asyncio_task_as_future(t));
}
ASYNCIO_INLINE bool asyncio_task_cancelled(const asyncio_task *t) {
    return asyncio_future_cancelled(asyncio_task_as_future(t));
}
ASYNCIO_INLINE int asyncio_task_result(asyncio_task *t, asyncio_value *out) {
    return asyncio_future_result(asyncio_task_as_future(t), out);
}
ASYNCIO_INLINE int asyncio_task_exception(asyncio_task *t, asyncio_error **out) {
    return asyncio_future_exception(asyncio_task_as_future(t), out);
}
ASYNCIO_INLINE ASYNCIO_MUST_USE asyncio_value asyncio_task_take_result(asyncio_task *t) {
    return asyncio_future_take_result(asyncio_task_as_future(t));
}
ASYNCIO_INLINE asyncio_loop *asyncio_task_get_loop(const asyncio_task *t) {
    return asyncio_future_get_loop(asyncio_task_as_future(t));
}
ASYNCIO_INLINE size_t asyncio_task_remove_done_callback(asyncio_task *t, asyncio_done_callback *fn,
                                                        void *arg) {
    return asyncio_future_remove_done_callback(asyncio_task_as_future(t), fn, arg);
}
#define asyncio_task_add_done_callback(task, ...)                                                  \
    asyncio_future_add_done_callback(asyncio_task_as_future(task), __VA_ARGS__)

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define ASYNCIO__TASK_OPTIONS(...)                                                                 \
    (&(const asyncio_task_options){                                                                \
        .size = sizeof(asyncio_task_options), .where = ASYNCIO_WHERE, .coro = __VA_ARGS__ })
#define asyncio_create_task(...)                                                                   \
    ASYNCIO__CAT(ASYNCIO__CREATE_TASK_, ASYNCIO__HASCOMMA(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__CREATE_TASK_0(coro)                                                               \
    asyncio_create_task_coro((const asyncio_coro[1]){ coro }, ASYNCIO_WHERE)
#define ASYNCIO__CREATE_TASK_1(...) asyncio_create_task_with(ASYNCIO__TASK_OPTIONS(__VA_ARGS__))
#define asyncio_loop_create_task(loop, ...)                                                        \
    asyncio_loop_create_task_with((loop), ASYNCIO__TASK_OPTIONS(__VA_ARGS__))
#define asyncio_spawn(...) asyncio_spawn_with(ASYNCIO__TASK_OPTIONS(__VA_ARGS__))
#else
inline asyncio_task_options asyncio__task_options(const asyncio_coro &coro) {
    asyncio_task_options o = asyncio_task_options();
    o.size = sizeof o;
    o.coro = coro;
    return o;
}
ASYNCIO_MUST_USE inline asyncio_task *asyncio_create_task(const asyncio_coro &coro) {
    return asyncio_create_task_coro(&coro, NULL);
}
ASYNCIO_MUST_USE inline asyncio_task *asyncio_loop_create_task(asyncio_loop *loop,
                                                               const asyncio_coro &coro) {
    asyncio_task_options o = asyncio__task_options(coro);
    return asyncio_loop_create_task_with(loop, &o);
}
ASYNCIO_MUST_USE inline int asyncio_spawn(const asyncio_coro &coro) {
    asyncio_task_options o = asyncio__task_options(coro);
    return asyncio_spawn_with(&o);
}
#endif

/* An outcome that is finished when the variable leaves its block; initialise it. */
ASYNCIO_INLINE void asyncio__auto_outcome(asyncio_outcome *p) { asyncio_outcome_fini(p); }
#define asyncio_auto_outcome __attribute__((unused, cleanup(asyncio__auto_outcome))) asyncio_outcome

ASYNCIO__AUTO_CLASS(task)
#define asyncio_auto_task ASYNCIO__AUTO(task)

#endif
