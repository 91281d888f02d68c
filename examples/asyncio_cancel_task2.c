/* SPDX-License-Identifier: MIT */

/* Cancelling a task that waits: its AWAIT fails with CancelledError, so that it can
 * clean up. To look at the status and then hand it to TRY is `except ...: raise`.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(task_func) {
    puts("in task_func, sleeping");
    int rc = AWAIT(asyncio_sleep(1));
    if (rc == ASYNCIO_CANCELLED_ERROR) puts("task_func was canceled");
    TRY(rc);
    RETURN("the result");
}

static int task_canceller(void *task) {
    puts("in task_canceller");
    asyncio_task_cancel(task, NULL);
    puts("canceled the task");
    return 0;
}

ASYNC(async_main, (asyncio_loop *) loop) {
    puts("creating task");
    asyncio_auto_task task = asyncio_loop_create_task(loop, task_func());
    TRY(asyncio_loop_call_soon(loop, task_canceller, task));

    int rc = AWAIT(task);
    if (asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) {
        puts("main() also sees task as canceled");
    } else {
        TRY(rc);
    }
    RETURN();
}

int main(void) {
    asyncio_auto_loop event_loop = asyncio_new_event_loop();
    int rc = asyncio_loop_run_until_complete(event_loop, async_main(event_loop), NULL);
    asyncio_loop_close(event_loop);
    return rc < 0;
}
