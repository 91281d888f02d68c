/* SPDX-License-Identifier: MIT */

/* Sets handlers for SIGINT and SIGTERM, as in Python's documentation of asyncio. They are callbacks
 * of the loop and may do everything; here they end the wait.
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct request {
    const char *signame;
    asyncio_event *exit;
};

static int ask_exit(void *arg) {
    const struct request *request = arg;
    printf("got signal %s: exit\n", request->signame);
    asyncio_event_set(request->exit);
    return 0;
}

ASYNC(async_main) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_event *exit = asyncio_event_new();
    struct request interrupt = { "SIGINT", exit }, terminate = { "SIGTERM", exit };
    TRY(asyncio_loop_add_signal_handler(loop, SIGINT, ask_exit, &interrupt));
    TRY(asyncio_loop_add_signal_handler(loop, SIGTERM, ask_exit, &terminate));

    puts("Event loop running for 1 hour, press Ctrl+C to interrupt.");
    printf("pid %d: send SIGINT or SIGTERM to exit.\n", (int)getpid());
    fflush(stdout);
    int rc = AWAIT(asyncio_wait_for(asyncio_event_wait(exit), 3600));
    asyncio_loop_remove_signal_handler(loop, SIGINT);
    asyncio_loop_remove_signal_handler(loop, SIGTERM);
    asyncio_event_unref(exit);
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("that was the hour");
    else TRY(rc);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
