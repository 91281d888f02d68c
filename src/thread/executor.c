/* SPDX-License-Identifier: MIT
 *
 * thread/executor.c: an executor is an ops table and a state; this is what all kinds share.
 */
#include "thread/executor.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"

struct asyncio_executor {
    atomic_uint refs;
    atomic_bool down; /* takes no more jobs */
    const asyncio_executor_ops *ops;
    void *state;
};

asyncio_executor *asyncio_executor_new_custom(const asyncio_executor_ops *ops, void *state) {
    if (!ops || !ops->submit || !ops->shutdown || !ops->free) {
        asyncio__raise(ASYNCIO_TYPE_ERROR, "an executor needs submit, shutdown and free");
        return NULL;
    }
    asyncio_executor *executor = asyncio__malloc(sizeof *executor);
    if (!executor) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    atomic_init(&executor->refs, 1);
    atomic_init(&executor->down, false);
    executor->ops = ops;
    executor->state = state;
    return executor;
}

asyncio_executor *asyncio_executor_ref(asyncio_executor *executor) {
    if (executor) atomic_fetch_add_explicit(&executor->refs, 1, memory_order_relaxed);
    return executor;
}

void asyncio_executor_unref(asyncio_executor *executor) {
    if (!executor || atomic_fetch_sub_explicit(&executor->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!atomic_load(&executor->down))
        asyncio_ignore(asyncio_executor_shutdown(executor, false, false));
    executor->ops->free(executor->state);
    asyncio__free(executor);
}

const asyncio_executor_ops *asyncio__executor_ops(const asyncio_executor *executor) {
    return executor ? executor->ops : NULL;
}

void *asyncio__executor_state(const asyncio_executor *executor) { return executor->state; }

int asyncio_executor_shutdown(asyncio_executor *executor, bool wait, bool cancel_futures) {
    if (!executor) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an executor is required");
    atomic_store(&executor->down, true);
    return executor->ops->shutdown(executor->state, wait, cancel_futures);
}

int asyncio__executor_submit(asyncio_executor *executor, asyncio_job *job) {
    if (atomic_load(&executor->down))
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "cannot schedule new futures after shutdown");
    return executor->ops->submit(executor->state, job);
}

asyncio_concurrent_future *asyncio_executor_submit_with(asyncio_executor *executor,
                                                        asyncio_job_function *fn,
                                                        const asyncio_job_options *options) {
    if (!executor) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "an executor is required"), NULL;
    asyncio_job *job = asyncio__job_new(fn, options, NULL, 0, false);
    if (!job) return NULL;
    asyncio_concurrent_future_ref(&job->future);
    if (asyncio__executor_submit(executor, job) >= 0) return &job->future;
    asyncio__job_forget_arg(job);
    asyncio__job_unref(job);
    asyncio__job_unref(job);
    return NULL;
}
