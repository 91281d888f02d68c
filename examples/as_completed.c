/* SPDX-License-Identifier: MIT */

/* Results in the order in which they are there: first as awaitables (`for`), then as the tasks
 * themselves (`async for`).
 */
#include <asyncio.h>
#include <errno.h>
#include <stdio.h>

ASYNC(job, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(delay);
}

ASYNC(results) {
    asyncio_coro aws[] = { job(3), job(1), job(2) };
    asyncio_as_completed *jobs = asyncio_as_completed_new(3, aws, ASYNCIO_FOREVER);
    if (!jobs) return -ENOMEM;
    int rc = 0;
    while (rc >= 0 && asyncio_as_completed_left(jobs)) {
        asyncio_value earliest_result;
        rc = AWAIT(asyncio_as_completed_result(jobs), &earliest_result);
        if (rc >= 0) printf("result: %g\n", earliest_result.d);
    }
    asyncio_as_completed_unref(jobs);
    return rc;
}

ASYNC(tasks) {
    asyncio_auto_task a = asyncio_create_task(job(2), .name = "a");
    asyncio_auto_task b = asyncio_create_task(job(1), .name = "b");
    asyncio_coro aws[] = { ASYNCIO_CORO(a), ASYNCIO_CORO(b), job(9) };
    asyncio_as_completed *jobs = asyncio_as_completed_new(3, aws, 5);
    if (!jobs) return -ENOMEM;
    int rc = 0;
    while (rc >= 0 && asyncio_as_completed_left(jobs)) {
        asyncio_future *earliest;
        rc = AWAIT(asyncio_as_completed_next(jobs, &earliest));
        if (rc >= 0)
            printf("task %s is done\n", asyncio_task_get_name(asyncio_future_as_task(earliest)));
    }
    asyncio_as_completed_unref(jobs);
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("the last one takes too long");
    else TRY(rc);
    RETURN();
}

ASYNC(async_main) {
    TRY(AWAIT(results()));
    TRY(AWAIT(tasks()));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
