/* SPDX-License-Identifier: MIT */

/* With the eager task factory a task starts inside the call that makes it. What is in
 * the cache is there at once, without a turn of the loop; what is not has to wait.
 */
#include <asyncio.h>
#include <stdio.h>

static bool cached[2];

ASYNC(lookup, (int) key) {
    if (!cached[key]) {
        printf("lookup(%d): fetching\n", key);
        TRY(AWAIT(asyncio_sleep(1)));
        cached[key] = true;
    }
    RETURN(key * 10);
}

ASYNC(show, (int) key) {
    asyncio_auto_task task = asyncio_create_task(lookup(key));
    printf("lookup(%d) is %s\n", key, asyncio_task_done(task) ? "done already" : "waiting");

    asyncio_value result;
    TRY(AWAIT(task, &result));
    printf("lookup(%d) = %lld\n", key, result.i);
    RETURN();
}

ASYNC(async_main) {
    asyncio_loop_set_task_factory(asyncio_get_running_loop(), asyncio_eager_task_factory, NULL);
    TRY(AWAIT(show(1)));
    TRY(AWAIT(show(1)));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
