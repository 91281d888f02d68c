/* SPDX-License-Identifier: MIT */

/* A task of a group fails: the others and the body are cancelled, and the block ends with a
 * group of the errors.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(fails_after, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RAISE(ASYNCIO_VALUE_ERROR, "failed after %g s", delay);
}

ASYNC(works, (const char *) name) {
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) printf("%s is cancelled\n", name);
    TRY(rc);
    RETURN();
}

ASYNC(async_main) {
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(tg, works("task")));
        TRY(asyncio_taskgroup_spawn(tg, fails_after(1)));
        rc = AWAIT(works("body"));
    }
    if (rc == ASYNCIO_EXCEPTION_GROUP) {
        asyncio_auto_error group = asyncio_error_take(rc);
        printf("%s\n", asyncio_error_message(group));
        for (size_t i = 0; i < asyncio_error_count(group); i++) {
            char text[100];
            asyncio_error_repr(asyncio_error_child(group, i), text, sizeof text);
            printf("- %s\n", text);
        }
    } else {
        TRY(rc);
    }
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
