/* SPDX-License-Identifier: MIT */

/* Two tasks that each wait for what the other has: the run ends, and says why. */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

ASYNC(transfer, (asyncio_lock *) from, (asyncio_lock *) to) {
    TRY(AWAIT(asyncio_lock_acquire(from)));
    TRY(AWAIT(asyncio_sleep(0.1)));
    TRY(AWAIT(asyncio_lock_acquire(to)));
    asyncio_lock_release(to);
    asyncio_lock_release(from);
    RETURN();
}

static asyncio_lock *alice, *bob;

ASYNC(async_main) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(group, transfer(alice, bob), .name = "alice to bob"));
        TRY(asyncio_taskgroup_spawn(group, transfer(bob, alice), .name = "bob to alice"));
    }
    TRY(rc);
    RETURN();
}

/* The report is for people; here it goes to standard output. */
static int show_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop;
    (void)arg;
    printf("%s\n", context->message);
    return 0;
}

int main(void) {
    asyncio_loop *loop = asyncio_new_event_loop();
    if (!loop) return 1;
    alice = asyncio_lock_new();
    bob = asyncio_lock_new();
    asyncio_loop_set_exception_handler(loop, show_report, NULL);
    int rc = asyncio_loop_run_until_complete(loop, async_main(), NULL);
    printf("%s: %s\n", asyncio_err_name(rc), asyncio_strerror(rc));
    asyncio_ignore(rc);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    for (asyncio_task *task; asyncio_all_tasks(loop, &task, 1) > 0;) { /* and nobody is left */
        asyncio_task_cancel(task, NULL);
        asyncio_ignore(asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(task), NULL));
    }
    asyncio_lock_unref(alice);
    asyncio_lock_unref(bob);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    return 0;
}
