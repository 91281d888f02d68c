/* SPDX-License-Identifier: MIT */

/* Starting a task. create_task() only schedules the coroutine: it runs when its maker
 * waits for something. The repr of a task shows its state, its name and its coroutine,
 * and where that stands; before the first step and after the last one that is the line
 * where it is defined. What run_until_complete() is given becomes a task as well, hence
 * Task-2 here.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(task_func) {
    puts("in task_func");
    RETURN("the result");
}

ASYNC(async_main, (asyncio_loop *) loop) {
    char text[512];

    puts("creating task");
    asyncio_auto_task task = asyncio_loop_create_task(loop, task_func());
    asyncio_task_repr(task, text, sizeof text);
    printf("waiting for %s\n", text);

    asyncio_value return_value;
    TRY(AWAIT(task, &return_value));
    asyncio_task_repr(task, text, sizeof text);
    printf("task completed %s\n", text);
    printf("return value: '%s'\n", return_value.s);
    RETURN();
}

int main(void) {
    asyncio_auto_loop event_loop = asyncio_new_event_loop();
    int rc = asyncio_loop_run_until_complete(event_loop, async_main(event_loop), NULL);
    asyncio_loop_close(event_loop);
    return rc < 0;
}
