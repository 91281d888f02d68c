/* SPDX-License-Identifier: MIT
 *
 * A thread hands coroutines to the event loop of another one and waits for their results, with a
 * time limit: one returns in time, one takes too long and is cancelled, one raises.
 */
#include <asyncio.h>

ASYNC(returns_three) {
    TRY(AWAIT(asyncio_sleep(0.01)));
    RETURN(3);
}

ASYNC(takes_too_long) {
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) printf("(the coroutine was cancelled)\n");
    return rc;
}

ASYNC(raises) {
    TRY(AWAIT(asyncio_sleep(0)));
    RAISE(ASYNCIO_VALUE_ERROR, "no luck");
}

static void wait_for_result(asyncio_concurrent_future *future, double timeout) {
    asyncio_value value;
    int rc = asyncio_concurrent_future_result(future, timeout, &value);
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) {
        printf("The coroutine took too long, cancelling the task...\n");
        asyncio_concurrent_future_cancel(future);
    } else if (rc < 0) {
        char text[80];
        asyncio_error *error = asyncio_error_take(rc);
        asyncio_error_repr(error, text, sizeof text);
        printf("The coroutine raised an exception: %s\n", text);
        asyncio_error_unref(error);
    } else {
        printf("The coroutine returned: %lld\n", value.i);
    }
    asyncio_concurrent_future_unref(future);
}

/* Runs in a thread of its own, while the loop runs in the main thread. */
BLOCKING(other_thread, (asyncio_loop *) loop) {
    wait_for_result(asyncio_run_coroutine_threadsafe(returns_three(), loop), 10);
    wait_for_result(asyncio_run_coroutine_threadsafe(takes_too_long(), loop), 0.1);
    wait_for_result(asyncio_run_coroutine_threadsafe(raises(), loop), 10);
    RETURN();
}

ASYNC(main_coro) {
    TRY(AWAIT(asyncio_to_thread(other_thread(asyncio_get_running_loop()))));
    RETURN();
}

int main(void) { return asyncio_main(main_coro()); }
