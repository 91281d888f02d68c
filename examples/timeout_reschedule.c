/* SPDX-License-Identifier: MIT */

/* A deadline that is known only inside the block. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(long_running_task) {
    TRY(AWAIT(asyncio_sleep(3600)));
    RETURN();
}

ASYNC(async_main) {
    int rc;
    /* We do not know the timeout when starting, so there is none. */
    ASYNC_BLOCK(cm, asyncio_timeout(ASYNCIO_FOREVER, &rc));
    ASYNC_WITH_BLOCK(cm) {
        /* We know the timeout now, so we reschedule it. */
        double new_deadline = asyncio_loop_time(asyncio_get_running_loop()) + 10;
        TRY(asyncio_timeout_reschedule(cm, new_deadline));

        rc = AWAIT(long_running_task());
    }
    if (!asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) TRY(rc);

    if (asyncio_timeout_expired(cm)) puts("Looks like we haven't finished on time.");
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
