/* SPDX-License-Identifier: MIT */

/* A context variable follows a task through everything that the task calls. A new task
 * starts with a copy of its maker's context, so what it sets is its own.
 */
#include <asyncio.h>
#include <stdio.h>

static asyncio_contextvar *request;

ASYNC(say, (const char *) text) {
    asyncio_value id;
    TRY(asyncio_contextvar_get(request, &id));
    printf("[request %lld] %s\n", id.i, text);
    RETURN();
}

ASYNC(handle, (int) id) {
    TRY(asyncio_contextvar_set(request, asyncio_int(id), NULL));
    TRY(AWAIT(say("started")));
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(AWAIT(say("done")));
    RETURN();
}

ASYNC(async_main) {
    asyncio_auto_task first = asyncio_create_task(handle(1));
    asyncio_auto_task second = asyncio_create_task(handle(2));
    TRY(AWAIT(first));
    TRY(AWAIT(second));
    TRY(AWAIT(say("none of them")));
    RETURN();
}

int main(void) {
    asyncio_value zero = asyncio_int(0);
    request = asyncio_contextvar_new("request", &zero);
    int status = asyncio_main(async_main());
    asyncio_contextvar_unref(request);
    return status;
}
