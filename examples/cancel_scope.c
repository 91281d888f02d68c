/* SPDX-License-Identifier: MIT */

/* Cancel scopes: a part of a task is given up, the task goes on.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(mirror, (const char *) name, (double) seconds) {
    int rc = AWAIT(asyncio_sleep(seconds));
    printf("%s: %s\n", name, rc < 0 ? "given up" : "answered");
    return rc;
}

/* After two seconds the group, its tasks and the rest of the block are given up. */
ASYNC(ask_all) {
    int rc, group_rc;
    ASYNC_BLOCK(scope, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(scope) {
        ASYNC_WITH(group, asyncio_taskgroup(&group_rc)) {
            TRY(asyncio_taskgroup_spawn(group, mirror("near", 1)));
            TRY(asyncio_taskgroup_spawn(group, mirror("far", 60)));
        }
        rc = group_rc;
    }
    TRY(rc);
    if (asyncio_cancelscope_cancelled_caught(scope))
        printf("went on: %s\n", asyncio_cancelscope_reason(scope));
    RETURN();
}

/* Once a scope is cancelled, every wait in it fails, also in code that swallows errors. */
ASYNC(try_forever) {
    int rc, attempts = 0;
    ASYNC_BLOCK(scope, asyncio_cancelscope(&rc));
    ASYNC_WITH_BLOCK(scope) {
        for (rc = 0; rc >= 0;) {
            rc = AWAIT(asyncio_sleep(1));
            if (++attempts == 3) asyncio_cancelscope_cancel(scope, "three are enough");
        }
    }
    printf("%d attempts, then: %s\n", attempts, asyncio_cancelscope_reason(scope));
    RETURN();
}

ASYNC(async_main) {
    TRY(AWAIT(ask_all()));
    TRY(AWAIT(try_forever()));

    int rc;
    ASYNC_WITH(_, asyncio_fail_after(1, &rc)) rc = AWAIT(asyncio_sleep(5));
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("fail_after: too late");
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
