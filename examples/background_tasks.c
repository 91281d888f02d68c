/* SPDX-License-Identifier: MIT */

/* Background tasks in a set, from which each removes itself when it is done. The set is for
 * waiting for them all; the loop keeps every task until its end without it (asyncio_spawn is for
 * tasks that nobody keeps).
 */
#include <asyncio.h>
#include <stdio.h>

enum { N = 10 };

static asyncio_task *background_tasks[N];

ASYNC(some_coro, (int) param) {
    TRY(AWAIT(asyncio_sleep(param)));
    RETURN();
}

static int discard(asyncio_future *task, void *arg) {
    asyncio_task **place = arg;
    (void)task;
    asyncio_task_unref(*place);
    *place = NULL;
    return 0;
}

static int size(void) {
    int n = 0;
    for (int i = 0; i < N; i++) n += background_tasks[i] != NULL;
    return n;
}

ASYNC(async_main) {
    for (int i = 0; i < N; i++) {
        asyncio_task *task = asyncio_create_task(some_coro(i));
        if (!task) continue;

        /* Add task to the set. */
        background_tasks[i] = task;

        /* To keep no references to finished tasks, each removes its own. */
        TRY(asyncio_task_add_done_callback(task, discard, &background_tasks[i]));
    }
    printf("%d in the background\n", size());
    TRY(AWAIT(asyncio_sleep(4.5)));
    printf("%d in the background\n", size());
    TRY(AWAIT(asyncio_sleep(10)));
    printf("%d in the background\n", size());
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
