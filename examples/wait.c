/* SPDX-License-Identifier: MIT */

/* Waiting for some of several tasks: for the first, for a while, for all. What is done comes to
 * the front of the array.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(job, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(delay);
}

static void show(asyncio_task **tasks, int done, int n) {
    printf("%d done:", done);
    for (int i = 0; i < done; i++) printf(" %s", asyncio_task_get_name(tasks[i]));
    printf(", %d pending:", n - done);
    for (int i = done; i < n; i++) printf(" %s", asyncio_task_get_name(tasks[i]));
    putchar('\n');
}

ASYNC(async_main) {
    asyncio_auto_task a = asyncio_create_task(job(3), .name = "a");
    asyncio_auto_task b = asyncio_create_task(job(1), .name = "b");
    asyncio_auto_task c = asyncio_create_task(job(2), .name = "c");
    asyncio_task *tasks[] = { a, b, c };

    int done = TRY(AWAIT(asyncio_wait(tasks, 3, .return_when = ASYNCIO_FIRST_COMPLETED)));
    show(tasks, done, 3);
    done = TRY(AWAIT(asyncio_wait(tasks, 3, .timeout = 1.5, .has_timeout = true)));
    show(tasks, done, 3);
    done = TRY(AWAIT(asyncio_wait(tasks, 3)));
    show(tasks, done, 3);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
