/* SPDX-License-Identifier: MIT */

/* Cancelling a task that sleeps for an hour. It sees the request, says so, cleans up
 * and passes it on.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(cancel_me) {
    puts("cancel_me(): before sleep");
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) puts("cancel_me(): cancel sleep");
    puts("cancel_me(): after sleep");
    TRY(rc);
    RETURN();
}

ASYNC(async_main) {
    asyncio_auto_task task = asyncio_create_task(cancel_me());
    TRY(AWAIT(asyncio_sleep(1)));

    asyncio_task_cancel(task, NULL);
    int rc = AWAIT(task);
    if (asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) {
        puts("main(): cancel_me is cancelled now");
    } else {
        TRY(rc);
    }
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
