/* SPDX-License-Identifier: MIT
 *
 * thread/to_thread.c: a job for the default executor, awaited in place.
 */
#include <asyncio/to_thread.h>

#include "base/contextvar.h"
#include "base/error.h"
#include "task/method.h"
#include "thread/executor.h"

struct to_thread_args {
    asyncio_job_function *fn;
    void *arg;
    void (*drop)(void *arg);
    asyncio_context *context; /* captured: a reference */
    const char *name, *where;
    bool captured; /* the object is its owner's own copy */
};

/* Takes the reference. */
static int await_job(asyncio_future *f, asyncio_value *result) {
    int rc = asyncio_await_future(f, NULL, NULL, NULL);
    if (rc >= 0) *result = asyncio_future_take_result(f);
    asyncio_future_unref(f);
    return rc;
}

/* NULL: raised. */
static asyncio_executor *executor_here(asyncio_loop **loop) {
    *loop = asyncio_get_running_loop();
    return *loop ? asyncio__default_executor(*loop) : NULL;
}

int asyncio_blocking_await(asyncio_job_function *fn, const void *args, size_t size,
                           const char *name, asyncio_value *result) {
    asyncio_job_options options = { .size = sizeof options, .name = name };
    asyncio_loop *loop;
    asyncio_executor *executor = executor_here(&loop);
    asyncio_job *job = executor ? asyncio__job_new(fn, &options, args, size, true) : NULL;
    asyncio_future *f = job ? asyncio__loop_run_job(loop, executor, job) : NULL;
    return f ? await_job(f, result) : asyncio__slot_status();
}

/* From here on `drop` is ours to call. */
static int to_thread_run(const void *args, asyncio_value *result) {
    struct to_thread_args a = *(const struct to_thread_args *)args;
    asyncio_job_options options = { sizeof options, a.arg, a.context, a.drop, a.name, a.where };
    asyncio_loop *loop;
    if (a.captured) ((struct to_thread_args *)(uintptr_t)args)->drop = NULL;
    asyncio_executor *executor = executor_here(&loop);
    asyncio_job *job = executor ? asyncio__job_new(a.fn, &options, NULL, 0, true) : NULL;
    asyncio_future *f = job ? asyncio__loop_run_job(loop, executor, job) : NULL;
    if (!f) {
        int status = asyncio__slot_status();
        if (a.drop) a.drop(a.arg);
        return status;
    }
    return await_job(f, result);
}

/* An argument that is to be dropped once has one owner. */
static int capture_args(void *args) {
    struct to_thread_args *a = args;
    if (a->captured && a->drop) return ASYNCIO_TYPE_ERROR;
    asyncio_context_ref(a->context);
    a->captured = true;
    return 0;
}

static void release_args(void *args) {
    struct to_thread_args *a = args;
    if (a->drop) a->drop(a->arg);
    asyncio_context_unref(a->context);
}

ASYNCIO__COROUTINE(asyncio_to_thread, struct to_thread_args, .run = to_thread_run,
                   .capture = capture_args, .release = release_args);

asyncio_coro asyncio_to_thread_with(asyncio_job_function *fn, const asyncio_job_options *options) {
    asyncio_job_options none = { .size = sizeof none };
    const asyncio_job_options *o = options ? options : &none;
    return ASYNCIO__CORO(asyncio_to_thread, fn, o->arg, o->drop, o->context, o->name, o->where,
                         false);
}
