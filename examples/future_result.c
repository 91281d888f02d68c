/* SPDX-License-Identifier: MIT */

/* A future that one coroutine resolves and run_until_complete() waits for. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(slow_operation, (asyncio_future *) future) {
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(asyncio_future_set_result(future, asyncio_str("Future is done!")));
    RETURN();
}

int main(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_auto_future future = asyncio_loop_create_future(loop);
    asyncio_task_unref(asyncio_loop_create_task(loop, slow_operation(future)));

    asyncio_value result;
    int rc = asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(future), NULL);
    if (rc >= 0) rc = asyncio_future_result(future, &result);
    if (rc >= 0) puts(result.s);
    asyncio_loop_close(loop);
    return rc < 0;
}
