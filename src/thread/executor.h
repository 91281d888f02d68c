/* SPDX-License-Identifier: MIT
 *
 * thread/executor.h: executors as the rest of the layer sees them.
 */
#ifndef ASYNCIO_THREAD_EXECUTOR_H
#define ASYNCIO_THREAD_EXECUTOR_H

#include "thread/job.h"

/* Gives a job to an executor: 0, or raised, the job is still the caller's. */
int asyncio__executor_submit(asyncio_executor *executor, asyncio_job *job);

/* What kind it is; NULL: no executor. */
const asyncio_executor_ops *asyncio__executor_ops(const asyncio_executor *executor);

/* What it was made with. */
void *asyncio__executor_state(const asyncio_executor *executor);

/* Whether it runs its jobs in threads of this process; NULL does not. */
bool asyncio__executor_is_pool(const asyncio_executor *executor);

/* Of one that does. set_max: how many threads it has, from 1 to 65535 (0: the default), from now
 * on. lend: one thread more, for a job that goes on though nobody waits for it (up to 256, beyond
 * which it counts like any other); take_back: that job has ended. In any thread, and the two may
 * come in either order. */
void asyncio__pool_set_max(asyncio_executor *executor, int max_workers);
void asyncio__pool_lend(asyncio_executor *executor);
void asyncio__pool_take_back(asyncio_executor *executor);

/* Submits a job for a loop, which takes it: the future (the job's wrapper) that waits for it. NULL:
 * raised; the job is gone, its argument still the caller's. */
asyncio_future *asyncio__loop_run_job(asyncio_loop *loop, asyncio_executor *executor,
                                      asyncio_job *job);

/* The loop's default executor, made if there is none yet; lent. NULL: raised. */
asyncio_executor *asyncio__default_executor(asyncio_loop *loop);

#endif
