/* SPDX-License-Identifier: MIT */

/* The caller is cancelled, what it shields is not. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(something) {
    TRY(AWAIT(asyncio_sleep(2)));
    puts("something: done");
    RETURN(42);
}

ASYNC(caller, (asyncio_task *) task) {
    asyncio_value res = asyncio_none();
    int rc = AWAIT(asyncio_shield(task), &res);
    /* Ignoring the cancellation like this is not recommended. */
    if (asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) puts("caller: cancelled, no result");
    else TRY(rc);
    RETURN(res);
}

ASYNC(async_main) {
    asyncio_auto_task task = asyncio_create_task(something());
    asyncio_auto_task t = asyncio_create_task(caller(task));
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_task_cancel(t, NULL);
    TRY(AWAIT(t));

    asyncio_value res;
    TRY(AWAIT(task, &res));
    printf("main: %lld\n", res.i);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
