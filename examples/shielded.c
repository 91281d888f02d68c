/* SPDX-License-Identifier: MIT */

/* A block that is not interrupted from outside, but not for ever: what is held back meanwhile is
 * delivered when the block is left, or when its limit is over.
 */
#include <asyncio.h>
#include <stdio.h>

/* Keeps the file consistent: both steps or none; it has `seconds` to finish. */
ASYNC(save, (const char *) name, (double) seconds) {
    int rc;
    ASYNC_WITH(_, asyncio_shielded(seconds, &rc)) {
        rc = AWAIT(asyncio_sleep(2));
        if (rc >= 0) rc = AWAIT(asyncio_sleep(2));
        printf("%s: %s\n", name, rc < 0 ? "limit is over" : "saved");
    }
    TRY(rc);
    printf("%s: goes on\n", name);
    TRY(AWAIT(asyncio_sleep(1)));
    puts("not printed: the request is delivered here");
    RETURN();
}

ASYNC(cancel_after_one_second, (const char *) name, (double) seconds) {
    asyncio_auto_task task = asyncio_create_task(save(name, seconds));
    asyncio_auto_outcome outcome = { 0, asyncio_none(), NULL };
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_task_cancel(task, "shutting down");
    TRY(AWAIT(asyncio_task_join(task, &outcome)));
    printf("%s: %s (%s)\n", name, asyncio_err_name(outcome.status),
           outcome.error ? asyncio_error_message(outcome.error) : "-");
    RETURN();
}

ASYNC(async_main) {
    TRY(AWAIT(cancel_after_one_second("patient", 10)));
    TRY(AWAIT(cancel_after_one_second("hasty", 3)));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
