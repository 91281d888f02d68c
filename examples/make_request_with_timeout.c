/* SPDX-License-Identifier: MIT */

/* A structured block: the timeout cancels what is inside it and takes that request back
 * (asyncio_task_uncancel), so that what follows is not affected.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(make_request) {
    TRY(AWAIT(asyncio_sleep(0.5)));
    puts("first answer");
    RETURN();
}

ASYNC(make_another_request) {
    TRY(AWAIT(asyncio_sleep(3600)));
    puts("second answer");
    RETURN();
}

ASYNC(unrelated_code) {
    TRY(AWAIT(asyncio_sleep(1)));
    puts("unrelated code has run");
    RETURN();
}

ASYNC(requests) {
    int rc;
    ASYNC_WITH(_, asyncio_timeout(1, &rc)) {
        /* Structured block affected by the timeout: */
        TRY(AWAIT(make_request()));
        TRY(AWAIT(make_another_request()));
    }
    return rc;
}

ASYNC(make_request_with_timeout) {
    int rc = AWAIT(requests());
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("There was a timeout");
    else TRY(rc);
    printf("requests to cancel: %u\n", asyncio_task_cancelling(asyncio_current_task()));

    /* Outer code not affected by the timeout: */
    TRY(AWAIT(unrelated_code()));
    RETURN();
}

int main(void) { return asyncio_main(make_request_with_timeout()); }
