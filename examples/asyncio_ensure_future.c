/* SPDX-License-Identifier: MIT */

/* ensure_future() turns whatever can be awaited into a future: a coroutine becomes a
 * task, a future or a task stays what it is. So inner() can wait for a result without
 * knowing where it comes from.
 *
 * wrapped() does not start before somebody waits.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(wrapped) {
    puts("wrapped");
    RETURN("result");
}

ASYNC(inner, (asyncio_future *) task) {
    puts("inner: starting");

    char text[512];
    asyncio_future_repr(task, text, sizeof text);
    printf("inner: waiting for %s\n", text);

    asyncio_value result;
    TRY(AWAIT(task, &result));
    printf("inner: task returned '%s'\n", result.s);
    RETURN();
}

ASYNC(starter) {
    puts("starter: creating task");
    asyncio_auto_future task = asyncio_ensure_future(wrapped());
    puts("starter: waiting for inner");
    TRY(AWAIT(inner(task)));
    puts("starter: inner returned");
    RETURN();
}

int main(void) {
    asyncio_auto_loop event_loop = asyncio_new_event_loop();
    puts("entering event loop");
    int rc = asyncio_loop_run_until_complete(event_loop, starter(), NULL);
    asyncio_loop_close(event_loop);
    return rc < 0;
}
