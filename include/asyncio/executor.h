/* SPDX-License-Identifier: MIT
 *
 * asyncio/executor.h: blocking work beside tasks: executors, and the loop's default one. Most
 * programs want asyncio_to_thread (to_thread.h).
 *
 * A job is a plain function; in it nothing can be awaited. Its status and value are what the
 * await gives, as for a coroutine. Cancelling the await of a job that has not started keeps it
 * from starting; one that runs is abandoned: the await ends at once, the job goes on, and what it
 * ends with is dropped. So whatever a job uses must stay valid until it ends: for an argument that
 * has to be freed there is `drop`. A job can ask whether it
 * has been abandoned (asyncio_job_cancelled) and return early.
 *
 * Part: core.
 */
#ifndef ASYNCIO_EXECUTOR_H
#define ASYNCIO_EXECUTOR_H

#include <asyncio/concurrent.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_executor asyncio_executor;
typedef struct asyncio_job asyncio_job;

/* What a job runs: a status as a coroutine's, and on success maybe a value (it moves away; a
 * positive status without one counts as that integer). An error it raises goes along.
 * ASYNCIO_CANCELLED_ERROR makes the future that waits for it cancelled. */
typedef int asyncio_job_function(void *arg, asyncio_value *result);

/* How a job is to be run. In C the macros below fill it in: (fn, arg, .drop = free, ...). */
typedef struct asyncio_job_options {
    size_t size;              /* sizeof(asyncio_job_options) */
    void *arg;                /* passed to the function */
    asyncio_context *context; /* to run in; NULL: to_thread a copy of the current one, else empty */
    void (*drop)(
        void *arg);    /* called once, in any thread, when it has run or never will; or NULL */
    const char *name;  /* of the function, for reports; must outlive the job */
    const char *where; /* where it was submitted; must outlive the job */
} asyncio_job_options;

/* ---- executors ---- */

typedef struct asyncio_executor_options {
    size_t size;                    /* sizeof(asyncio_executor_options) */
    int max_workers;                /* 1 to 65535; 0: min(32, processors + 4) */
    const char *thread_name_prefix; /* "prefix_0", ...; copied; the system shows 9 characters */
    double idle_timeout;            /* seconds until an idle thread ends; 0: 30; < 0: never */
    size_t stack_size;              /* of a thread; 0: the system's default */
} asyncio_executor_options;

/* An executor that runs its jobs in threads, started when jobs need them. Signals are blocked in
 * them. options NULL: defaults. NULL: see the slot: ASYNCIO_VALUE_ERROR for a number of workers or
 * a stack size out of range, -ENOMEM. asyncio_executor_new(.max_workers = 4) is the macro.
 * Suspends: no. Thread: any. Owner: the caller: shutdown, then unref. Since: 0.1.
 * Python: ThreadPoolExecutor. */
ASYNCIO_API asyncio_executor *asyncio_executor_new_with(const asyncio_executor_options *options)
    ASYNCIO_MUST_USE;

/* References. With the last one an executor is shut down without waiting. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_executor *asyncio_executor_ref(asyncio_executor *executor);
ASYNCIO_API void asyncio_executor_unref(asyncio_executor *executor);

/* Takes no more jobs. Those it has are still run, or with cancel_futures cancelled if they have
 * not started. wait: returns when all of them are over and the threads have ended. May be called
 * again. Returns 0; ASYNCIO_RUNTIME_ERROR for waiting in a thread of the executor itself;
 * ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no (with wait it blocks the thread; in a task: asyncio_loop_shutdown_default_executor).
 * Thread: any. Since: 0.1. Python: executor.shutdown. */
ASYNCIO_API int asyncio_executor_shutdown(asyncio_executor *executor, bool wait,
                                          bool cancel_futures);

/* Hands a job to an executor. Returns a future for threads; NULL: see the slot:
 * ASYNCIO_RUNTIME_ERROR after shutdown or in a forked child; ASYNCIO_TYPE_ERROR for NULL; -EAGAIN
 * if no thread can be started and there is none; -ENOMEM; what the back end raised. On failure
 * `drop` is not called. asyncio_executor_submit(executor, fn, arg, ...) is the macro.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: executor.submit. */
ASYNCIO_API asyncio_concurrent_future *asyncio_executor_submit_with(
    asyncio_executor *executor, asyncio_job_function *fn, const asyncio_job_options *options)
    ASYNCIO_MUST_USE;

/* ---- other back ends ---- */

/* What an executor of another kind does. All of it is called in any thread. */
typedef struct asyncio_executor_ops {
    size_t size;      /* sizeof(asyncio_executor_ops) */
    const char *name; /* for messages */
    /* Takes a job over and sees to it that asyncio_job_run is called with it once, some time, in
     * any thread but never inside of submit. 0, or a raised error: the job is not taken over. One
     * that comes while shutdown is called has to be refused or run. */
    int (*submit)(void *state, asyncio_job *job);
    /* As asyncio_executor_shutdown; called again with wait if it is. */
    int (*shutdown)(void *state, bool wait, bool cancel_futures);
    /* The last reference has gone; shutdown was called before. */
    void (*free)(void *state);
} asyncio_executor_ops;

/* An executor of that kind. ops must outlive it; state is passed to each of them. NULL: see the
 * slot: ASYNCIO_TYPE_ERROR for ops without submit, shutdown and free, -ENOMEM; state is then still
 * the caller's.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: concurrent.futures.Executor. */
ASYNCIO_API asyncio_executor *asyncio_executor_new_custom(const asyncio_executor_ops *ops,
                                                          void *state) ASYNCIO_MUST_USE;

/* For back ends; each but the getters takes the job over. run: runs it in the calling thread,
 * unless it was cancelled, and tells whoever waits. For a job that is run elsewhere (in another
 * process): start, false if it was cancelled: then there is nothing to do; and finish with its
 * status and value (moved in), a negative status with the error raised in this thread. cancel: it
 * will not be run. get_function, get_arg: what it runs, lent. Errors: none.
 * Suspends: no. Thread: any. Owner: takes the job. Since: 0.1. Python: the inside of Executor. */
ASYNCIO_API void asyncio_job_run(asyncio_job *job);
ASYNCIO_API bool asyncio_job_start(asyncio_job *job) ASYNCIO_MUST_USE;
ASYNCIO_API void asyncio_job_finish(asyncio_job *job, int status, asyncio_value value);
ASYNCIO_API void asyncio_job_cancel(asyncio_job *job);
ASYNCIO_API asyncio_job_function *asyncio_job_get_function(const asyncio_job *job);
ASYNCIO_API void *asyncio_job_get_arg(const asyncio_job *job);

/* ---- in a job ---- */

/* Whether nobody waits any more for the job that runs in this thread: it may return early, with
 * anything. False outside of jobs. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none (a cancelled thread goes on unknowing). */
ASYNCIO_API bool asyncio_job_cancelled(void);

/* The same as a status for TRY: 0, or ASYNCIO_CANCELLED_ERROR, raised.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_job_check(void) ASYNCIO_MUST_USE;

/* ---- for tasks ---- */

/* Hands a job to an executor (NULL: the loop's default one) and gives a future of the loop. The
 * value it ends with is the job's own, not a copy. NULL: see the slot, as asyncio_executor_submit;
 * ASYNCIO_RUNTIME_ERROR on a closed loop, or for the default executor once
 * asyncio_loop_shutdown_default_executor was called. On failure `drop` is not called.
 * asyncio_loop_run_in_executor(loop, executor, fn, arg, ...) is the macro.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: loop.run_in_executor. */
ASYNCIO_API asyncio_future *asyncio_loop_run_in_executor_with(asyncio_loop *loop,
                                                              asyncio_executor *executor,
                                                              asyncio_job_function *fn,
                                                              const asyncio_job_options *options)
    ASYNCIO_MUST_USE;

/* Makes an executor the loop's default one; the loop holds a reference. The one before is not shut
 * down. Without a call, an executor with default options is made when one is needed first. As in
 * Python only threads will do (asyncio_executor_new): files, names and asyncio_to_thread hand it
 * pointers. 0; ASYNCIO_TYPE_ERROR for another kind and for NULL; ASYNCIO_RUNTIME_ERROR on a closed
 * loop.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.set_default_executor. */
ASYNCIO_API int asyncio_loop_set_default_executor(asyncio_loop *loop, asyncio_executor *executor);

/* Shuts the default executor down and waits, while the loop goes on, until its jobs are over, at
 * most `timeout` seconds (INFINITY: without limit); after that time it is reported to the
 * exception handler and given up. From its start on, the default executor takes no jobs.
 * asyncio_run does it at the end, with 300 seconds.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; -EAGAIN if no thread can be started that waits
 * (nothing is waited for then); ASYNCIO_VALUE_ERROR for NaN; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1.
 * Python: loop.shutdown_default_executor. */
ASYNCIO_API asyncio_coro asyncio_loop_shutdown_default_executor(asyncio_loop *loop, double timeout)
    ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_executor_new(...)                                                                  \
    asyncio_executor_new_with(&(const asyncio_executor_options){                                   \
        .size = sizeof(asyncio_executor_options), __VA_ARGS__ })
#define ASYNCIO__JOB_OPTIONS(fn, ...)                                                              \
    (&(const asyncio_job_options){ .size = sizeof(asyncio_job_options),                            \
                                   .name = #fn,                                                    \
                                   .where = ASYNCIO_WHERE,                                         \
                                   .arg = __VA_ARGS__ })
#define asyncio_executor_submit(executor, fn, ...)                                                 \
    asyncio_executor_submit_with((executor), (fn), ASYNCIO__JOB_OPTIONS(fn, __VA_ARGS__))
#define asyncio_loop_run_in_executor(loop, executor, fn, ...)                                      \
    asyncio_loop_run_in_executor_with((loop), (executor), (fn),                                    \
                                      ASYNCIO__JOB_OPTIONS(fn, __VA_ARGS__))
#else
inline asyncio_job_options asyncio__job_options(void *arg) {
    asyncio_job_options o = asyncio_job_options();
    o.size = sizeof o;
    o.arg = arg;
    return o;
}
ASYNCIO_MUST_USE inline asyncio_concurrent_future *asyncio_executor_submit(
    asyncio_executor *executor, asyncio_job_function *fn, void *arg) {
    asyncio_job_options o = asyncio__job_options(arg);
    return asyncio_executor_submit_with(executor, fn, &o);
}
ASYNCIO_MUST_USE inline asyncio_future *asyncio_loop_run_in_executor(asyncio_loop *loop,
                                                                     asyncio_executor *executor,
                                                                     asyncio_job_function *fn,
                                                                     void *arg) {
    asyncio_job_options o = asyncio__job_options(arg);
    return asyncio_loop_run_in_executor_with(loop, executor, fn, &o);
}
#endif

ASYNCIO__AUTO_CLASS(executor)
#define asyncio_auto_executor ASYNCIO__AUTO(executor)

#endif
