/* SPDX-License-Identifier: MIT */

/* Cancelling a task that has not started: its coroutine never runs. cancel() is a
 * request, so the task is shown as cancelling until the loop has acted on it. Whoever
 * awaits the task then gets CancelledError.
 *
 * asyncio_catch() is `except`: it tells whether a status is that error and, if so, takes
 * the error out of the way. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(task_func) {
    puts("in task_func");
    RETURN("the result");
}

ASYNC(async_main, (asyncio_loop *) loop) {
    puts("creating task");
    asyncio_auto_task task = asyncio_loop_create_task(loop, task_func());

    puts("canceling task");
    asyncio_task_cancel(task, NULL);

    char text[512];
    asyncio_task_repr(task, text, sizeof text);
    printf("canceled task %s\n", text);

    asyncio_value result;
    int rc = AWAIT(task, &result);
    if (asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) {
        puts("caught error from canceled task");
    } else {
        TRY(rc);
        printf("task result: '%s'\n", result.s);
    }
    RETURN();
}

int main(void) {
    asyncio_auto_loop event_loop = asyncio_new_event_loop();
    int rc = asyncio_loop_run_until_complete(event_loop, async_main(event_loop), NULL);
    asyncio_loop_close(event_loop);
    return rc < 0;
}
