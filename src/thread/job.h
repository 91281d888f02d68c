/* SPDX-License-Identifier: MIT
 *
 * thread/job.h: a function to be run in another thread: a concurrent future, what is to be called,
 * and (for a loop that waits for it) its wrapper, all in one allocation.
 */
#ifndef ASYNCIO_THREAD_JOB_H
#define ASYNCIO_THREAD_JOB_H

#include <asyncio/executor.h>

#include "base/strand.h"
#include "thread/wrapper.h"

struct asyncio_job {
    asyncio_concurrent_future future; /* first */
    struct asyncio__link link;        /* for the executor that has it */
    asyncio_job_function *fn;
    void *arg;
    void (*drop)(void *arg);      /* lets go of arg; or NULL: done, or nothing to do */
    asyncio__context_ref context; /* a copy for the job alone; a reference */
    asyncio_context *entered;     /* an object it is to be run in instead; a reference */
    const char *name, *where;
    struct asyncio__wrapper wrapper;               /* of the loop that waits for it */
    unsigned char args[] __attribute__((aligned)); /* what arg points at, if that is a copy */
};

/* A new job, one reference; `size` bytes at args are copied and passed in place of options->arg.
 * copy_context: without options->context it is run in a copy of the current one. NULL: raised. */
asyncio_job *asyncio__job_new(asyncio_job_function *fn, const asyncio_job_options *options,
                              const void *args, size_t size, bool copy_context);

/* The argument stays the caller's: nothing was submitted. */
static inline void asyncio__job_forget_arg(asyncio_job *job) { job->drop = NULL; }

static inline void asyncio__job_unref(asyncio_job *job) {
    asyncio_concurrent_future_unref(&job->future);
}

#endif
