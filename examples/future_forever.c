/* SPDX-License-Identifier: MIT */

/* The same future with a done callback that stops a loop which runs forever. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(slow_operation, (asyncio_future *) future) {
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(asyncio_future_set_result(future, asyncio_str("Future is done!")));
    RETURN();
}

static int got_result(asyncio_future *future, void *loop) {
    asyncio_value result;
    int rc = asyncio_future_result(future, &result);
    if (rc >= 0) puts(result.s);
    asyncio_loop_stop(loop);
    return rc;
}

int main(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_auto_future future = asyncio_loop_create_future(loop);
    asyncio_task_unref(asyncio_loop_create_task(loop, slow_operation(future)));

    int rc = asyncio_future_add_done_callback(future, got_result, loop);
    if (rc >= 0) rc = asyncio_loop_run_forever(loop);
    asyncio_loop_close(loop);
    return rc < 0;
}
