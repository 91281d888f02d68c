/* SPDX-License-Identifier: MIT
 *
 * thread/default.c: jobs of a loop: run_in_executor, and the loop's default executor, which is
 * made at first use, shut down by a coroutine, and let go when the loop is closed.
 *
 * Shutting down blocks, so a thread of its own does it, and finishes a concurrent future that the
 * coroutine waits for by way of a wrapper. A coroutine that no longer waits leaves the thread to
 * itself.
 */
#include <asyncio/wait.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"
#include "task/method.h"
#include "thread/executor.h"
#include "thread/loop.h"

/* ---- jobs ---- */

asyncio_future *asyncio__loop_run_job(asyncio_loop *loop, asyncio_executor *executor,
                                      asyncio_job *job) {
    asyncio__wrapper_start(&job->wrapper, loop, &job->future, true);
    if (asyncio__executor_submit(executor, job) >= 0) return &job->wrapper.future;
    asyncio__job_forget_arg(job);
    asyncio__wrapper_undo(&job->wrapper);
    asyncio__job_unref(job);
    return NULL;
}

asyncio_future *asyncio_loop_run_in_executor_with(asyncio_loop *loop, asyncio_executor *executor,
                                                  asyncio_job_function *fn,
                                                  const asyncio_job_options *options) {
    if (asyncio__loop_check(loop) < 0) return NULL;
    if (!executor) executor = asyncio__default_executor(loop);
    if (!executor) return NULL;
    asyncio_job *job = asyncio__job_new(fn, options, NULL, 0, false);
    return job ? asyncio__loop_run_job(loop, executor, job) : NULL;
}

/* ---- the default executor ---- */

static void close_executor(struct asyncio__tie *tie) {
    struct asyncio__thread_loop *own = asyncio__container(tie, struct asyncio__thread_loop, tie);
    asyncio_executor *executor = own->executor;
    own->executor = NULL;
    own->down = true;
    asyncio_ignore(asyncio_executor_shutdown(executor, false, false));
    asyncio_executor_unref(executor);
}

/* Takes the reference. */
static void set_executor(asyncio_loop *loop, asyncio_executor *executor) {
    struct asyncio__thread_loop *own = asyncio__thread_loop(loop);
    asyncio_executor *before = own->executor;
    own->executor = executor;
    asyncio__task_loop(loop)->shutdown_executor = asyncio_loop_shutdown_default_executor;
    if (!before) {
        own->tie.close = close_executor;
        asyncio__list_append(&loop->ties, &own->tie.link);
    }
    asyncio_executor_unref(before);
}

asyncio_executor *asyncio__default_executor(asyncio_loop *loop) {
    struct asyncio__thread_loop *own = asyncio__thread_loop(loop);
    if (own->down) {
        asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Executor shutdown has been called");
        return NULL;
    }
    if (own->executor) return own->executor;
    asyncio_executor_options o = { .size = sizeof o, .thread_name_prefix = "asyncio" };
    asyncio_executor *executor = asyncio_executor_new_with(&o);
    if (executor) set_executor(loop, executor);
    return executor;
}

int asyncio_loop_set_default_executor(asyncio_loop *loop, asyncio_executor *executor) {
    int rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    if (!asyncio__executor_is_pool(executor))
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "executor must be ThreadPoolExecutor instance");
    set_executor(loop, asyncio_executor_ref(executor));
    return 0;
}

/* ---- shutting it down ---- */

struct shutdown_args {
    asyncio_loop *loop;
    double timeout;
};

struct joiner {
    asyncio_executor *executor;      /* a reference */
    asyncio_concurrent_future *over; /* a reference */
};

static void *join_executor(void *arg) {
    struct joiner j = *(struct joiner *)arg;
    asyncio__free(arg);
    int rc = asyncio_executor_shutdown(j.executor, true, false);
    asyncio_executor_unref(j.executor);
    asyncio__concurrent_finish(j.over, rc, asyncio_none());
    asyncio_concurrent_future_unref(j.over);
    return NULL;
}

/* The thread that waits. 0, or raised. */
static int start_joiner(asyncio_loop *loop, asyncio_concurrent_future *over, pthread_t *thread) {
    struct joiner *j = asyncio__malloc(sizeof *j);
    if (!j) return asyncio__raise(-ENOMEM, NULL);
    *j = (struct joiner){ asyncio_executor_ref(asyncio__thread_loop(loop)->executor),
                          asyncio_concurrent_future_ref(over) };
    int rc = asyncio__thread_start(thread, NULL, join_executor, j);
    if (rc >= 0) return 0;
    asyncio_executor_unref(j->executor);
    asyncio_concurrent_future_unref(over);
    asyncio__free(j);
    return asyncio__raise(rc, "can't start new thread");
}

static void report_timeout(asyncio_loop *loop, double timeout) {
    char message[128];
    snprintf(message, sizeof message,
             "The executor did not finish joining its threads within %g seconds.", timeout);
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    asyncio__loop_report(loop, &context);
}

/* Waits for the joiner; gives 1 if it is still at it. */
static int wait_for_joiner(asyncio_loop *loop, asyncio_concurrent_future *over, double timeout) {
    asyncio_future *f = asyncio_wrap_future(over, loop);
    if (!f) return asyncio__slot_status();
    asyncio_coro inner = asyncio_coro_of_future(f),
                 limited = asyncio_wait_for_coro(&inner, timeout);
    int rc = asyncio_await(isinf(timeout) ? &inner : &limited, NULL, NULL, NULL);
    asyncio_future_unref(f);
    if (rc != ASYNCIO_TIMEOUT_ERROR) return rc;
    asyncio_ignore(rc);
    report_timeout(loop, timeout);
    return 1;
}

static int shut_down(asyncio_loop *loop, double timeout) {
    pthread_t thread = pthread_self();
    asyncio_concurrent_future *over = asyncio_concurrent_future_new();
    if (!over) return asyncio__slot_status();
    asyncio__concurrent_start(over);
    int rc = start_joiner(loop, over, &thread);
    if (rc < 0) {
        asyncio_concurrent_future_unref(over);
        return rc;
    }
    rc = wait_for_joiner(loop, over, timeout);
    if (rc == 0) pthread_join(thread, NULL);
    else pthread_detach(thread);
    asyncio_concurrent_future_unref(over);
    return rc < 0 ? rc : 0;
}

static int shutdown_run(const void *args, asyncio_value *result) {
    const struct shutdown_args *a = args;
    (void)result;
    if (!a->loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (isnan(a->timeout))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    asyncio__thread_loop(a->loop)->down = true;
    return asyncio__thread_loop(a->loop)->executor ? shut_down(a->loop, a->timeout) : 0;
}

ASYNCIO__COROUTINE(asyncio_loop_shutdown_default_executor, struct shutdown_args,
                   .run = shutdown_run);

asyncio_coro asyncio_loop_shutdown_default_executor(asyncio_loop *loop, double timeout) {
    return ASYNCIO__CORO(asyncio_loop_shutdown_default_executor, loop, timeout);
}
