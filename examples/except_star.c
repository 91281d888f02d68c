/* SPDX-License-Identifier: MIT */

/* except*: the errors of a task group, one kind at a time. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(fetch, (const char *) host) {
    TRY(AWAIT(asyncio_sleep(1)));
    if (host[0] == 'a') RAISE(ASYNCIO_CONNECTION_ERROR, "%s refused", host);
    if (host[0] == 'b') RAISE(ASYNCIO_TIMEOUT_ERROR, "%s is slow", host);
    RAISE(ASYNCIO_VALUE_ERROR, "%s is no host", host);
}

ASYNC(fetch_all) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(group, fetch("alpha")));
        TRY(asyncio_taskgroup_spawn(group, fetch("beta")));
        TRY(asyncio_taskgroup_spawn(group, fetch("amber")));
        TRY(asyncio_taskgroup_spawn(group, fetch("")));
    }
    TRY(rc);
    RETURN();
}

static void show(const char *what, const asyncio_error *group) {
    printf("%s:", what);
    for (size_t i = 0; i < asyncio_error_count(group); i++) {
        printf(" [%s]", asyncio_error_message(asyncio_error_child(group, i)));
    }
    printf("\n");
}

ASYNC(async_main) {
    int rc = AWAIT(fetch_all());
    asyncio_auto_error refused = asyncio_catch_group(&rc, ASYNCIO_CONNECTION_ERROR);
    if (refused) show("refused", refused);
    asyncio_auto_error late = asyncio_catch_group(&rc, ASYNCIO_TIMEOUT_ERROR);
    if (late) show("late", late);
    asyncio_auto_error other = asyncio_error_take(rc); /* what no clause above has taken */
    if (other) show("not handled", other);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
