/* SPDX-License-Identifier: MIT
 *
 * thread/job.c: making a job and running it.
 *
 * The executor has one reference to a job from submit to run, finish or cancel; whoever waits has
 * others. The argument is let go exactly once, before anybody learns that the job is over: after
 * the function has returned, or when the job is cancelled before it started.
 */
#include "thread/job.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include "base/error.h"

/* The job that runs in this thread. */
static _Thread_local asyncio_job *current __attribute__((tls_model("initial-exec")));

static asyncio_job *job_of(asyncio_concurrent_future *f) { return (asyncio_job *)(void *)f; }

/* ---- life ---- */

static void drop_arg(asyncio_job *job) {
    void (*drop)(void *arg) = job->drop;
    job->drop = NULL;
    if (drop) drop(job->arg);
}

static void cancelled_job(asyncio_concurrent_future *f) { drop_arg(job_of(f)); }

static void free_job(asyncio_concurrent_future *f) {
    asyncio_job *job = job_of(f);
    asyncio__context_release(job->context);
    asyncio_context_unref(job->entered);
    asyncio__free(job);
}

static const struct asyncio__concurrent_ops job_ops = { .cancelled = cancelled_job,
                                                        .free = free_job };

asyncio_job *asyncio__job_new(asyncio_job_function *fn, const asyncio_job_options *options,
                              const void *args, size_t size, bool copy_context) {
    if (!fn) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a function is required"), NULL;
    asyncio_job *job = asyncio__malloc(sizeof *job + size);
    if (!job) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__concurrent_init(&job->future, &job_ops);
    asyncio__link_init(&job->link);
    job->fn = fn;
    job->arg = options ? options->arg : NULL;
    job->drop = options ? options->drop : NULL;
    job->name = options ? options->name : NULL;
    job->where = options ? options->where : NULL;
    job->entered = options ? asyncio_context_ref(options->context) : NULL;
    job->context = copy_context && !job->entered ? asyncio__context_capture() : 0;
    if (args) job->arg = memcpy(job->args, args, size);
    return job;
}

asyncio_job_function *asyncio_job_get_function(const asyncio_job *job) {
    return job ? job->fn : NULL;
}

void *asyncio_job_get_arg(const asyncio_job *job) { return job ? job->arg : NULL; }

/* ---- running ---- */

struct call {
    asyncio_job *job;
    asyncio_value *value;
};

static int call_in_context(void *arg) {
    struct call *c = arg;
    return c->job->fn(c->job->arg, c->value);
}

static int call_function(asyncio_job *job, asyncio_value *value) {
    struct call c = { job, value };
    return job->entered ? asyncio_context_run(job->entered, call_in_context, &c)
                        : job->fn(job->arg, value);
}

bool asyncio_job_start(asyncio_job *job) {
    if (job && asyncio__concurrent_start(&job->future)) return true;
    if (job) asyncio__job_unref(job);
    return false;
}

void asyncio_job_finish(asyncio_job *job, int status, asyncio_value value) {
    if (!job) {
        asyncio_value_drop(&value);
        return;
    }
    drop_arg(job);
    asyncio__concurrent_finish(&job->future, status, value);
    asyncio__job_unref(job);
}

void asyncio_job_cancel(asyncio_job *job) {
    if (!job) return;
    asyncio_concurrent_future_cancel(&job->future);
    asyncio__job_unref(job);
}

/* In a context and with an error slot of its own, whatever the thread had. */
void asyncio_job_run(asyncio_job *job) {
    if (!asyncio_job_start(job)) return;
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio__context_ref context = strand->context;
    asyncio_error *error = strand->error;
    asyncio_job *outer = current;
    asyncio_value value = asyncio_none();
    strand->context = job->context;
    strand->error = NULL;
    job->context = 0;
    current = job;
    int status = call_function(job, &value);
    current = outer;
    asyncio_job_finish(job, status, value);
    asyncio__context_release(strand->context);
    asyncio_error_unref(strand->error);
    strand->context = context;
    strand->error = error;
}

bool asyncio_job_cancelled(void) {
    return current && atomic_load_explicit(&current->future.abandoned, memory_order_relaxed);
}

int asyncio_job_check(void) {
    if (!asyncio_job_cancelled()) return 0;
    return asyncio__raise(ASYNCIO_CANCELLED_ERROR, NULL);
}
