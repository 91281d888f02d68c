/* SPDX-License-Identifier: MIT */

/* The results of a group's tasks are read after the block. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(some_coro, (int) x) {
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN(x);
}

ASYNC(another_coro, (const char *) text) {
    TRY(AWAIT(asyncio_sleep(2)));
    RETURN(text);
}

ASYNC(async_main) {
    asyncio_auto_task task1 = NULL;
    asyncio_auto_task task2 = NULL;
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        task1 = asyncio_taskgroup_create_task(tg, some_coro(42));
        task2 = asyncio_taskgroup_create_task(tg, another_coro("answer"));
    }
    TRY(rc);

    asyncio_value a, b;
    TRY(asyncio_task_result(task1, &a));
    TRY(asyncio_task_result(task2, &b));
    printf("Both tasks have completed now: %lld, %s\n", a.i, b.s);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
