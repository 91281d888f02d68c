/* SPDX-License-Identifier: MIT */

/* Ending a group early, in two ways: a task that raises an error made for that, and the group's
 * own cancel.
 */
#include <asyncio.h>
#include <stdio.h>

enum { TERMINATE_TASK_GROUP = ASYNCIO_USER_ERROR };

ASYNC(job, (int) task_id, (double) sleep_time) {
    printf("Task %d: start\n", task_id);
    TRY(AWAIT(asyncio_sleep(sleep_time)));
    printf("Task %d: done\n", task_id);
    RETURN();
}

ASYNC(force_terminate_task_group) { RAISE(TERMINATE_TASK_GROUP, "enough"); }

ASYNC(by_an_error) {
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(tg, job(1, 0.5)));
        TRY(asyncio_taskgroup_spawn(tg, job(2, 1.5)));
        rc = AWAIT(asyncio_sleep(1));
        if (rc >= 0) rc = asyncio_taskgroup_spawn(tg, force_terminate_task_group());
    }
    /* The only member is that error, or it is not handled here. */
    if (rc == ASYNCIO_EXCEPTION_GROUP) {
        asyncio_auto_error group = asyncio_error_take(rc);
        bool terminated = asyncio_error_count(group) == 1 &&
                          asyncio_error_code(asyncio_error_child(group, 0)) == TERMINATE_TASK_GROUP;
        if (!terminated) return asyncio_reraise(asyncio_error_ref(group));
    } else {
        TRY(rc);
    }
    RETURN();
}

ASYNC(by_cancel) {
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(tg, job(3, 0.5)));
        TRY(asyncio_taskgroup_spawn(tg, job(4, 1.5)));
        TRY(AWAIT(asyncio_sleep(1)));
        asyncio_taskgroup_cancel(tg);
    }
    return rc;
}

ASYNC(async_main) {
    TRY(AWAIT(by_an_error()));
    TRY(AWAIT(by_cancel()));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
