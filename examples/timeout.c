/* SPDX-License-Identifier: MIT */

/* Blocks with a deadline: a delay, and a point in time. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(long_running_task) {
    TRY(AWAIT(asyncio_sleep(3600)));
    RETURN();
}

ASYNC(with_delay) {
    int rc;
    ASYNC_WITH(_, asyncio_timeout(10, &rc)) { rc = AWAIT(long_running_task()); }
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR))
        puts("The long operation timed out, but we've handled it.");
    else TRY(rc);

    puts("This statement will run regardless.");
    RETURN();
}

ASYNC(with_deadline) {
    double deadline = asyncio_loop_time(asyncio_get_running_loop()) + 20;
    int rc;
    ASYNC_WITH(_, asyncio_timeout_at(deadline, &rc)) { rc = AWAIT(long_running_task()); }
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR))
        puts("The long operation timed out, but we've handled it.");
    else TRY(rc);

    puts("This statement will run regardless.");
    RETURN();
}

ASYNC(async_main) {
    TRY(AWAIT(with_delay()));
    TRY(AWAIT(with_deadline()));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
