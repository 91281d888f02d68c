/* SPDX-License-Identifier: MIT
 *
 * task/testing.c: asyncio_testing_run: a whole program on a loop with a virtual clock, mixed and
 * with one cancellation, and what it left behind.
 */
#include <asyncio/testing.h>

#include "task/task.h"

static asyncio_loop *make_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

/* The error of main stays in the slot; one of the shutdown is told only if main had none. */
static int close_runner(asyncio_runner *r, int rc) {
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *error = asyncio__error_detach(strand, rc);
    int closed = asyncio_runner_close(r);
    asyncio_runner_unref(r);
    if (rc >= 0) return closed < 0 ? closed : rc;
    asyncio_ignore(closed);
    if (error) asyncio__error_put(strand, error);
    return rc;
}

int asyncio_testing_run_with(asyncio_coro main, asyncio_testing_result *result,
                             const asyncio_testing_run_options *options) {
    asyncio_testing_result unused, *to = result ? result : &unused;
    asyncio_run_options run = { .size = sizeof run, .loop_factory = make_loop };
    *to = (asyncio_testing_result){ .points = 0 };
    asyncio_runner *r = asyncio_runner_new(&run);
    asyncio_loop *loop = r ? asyncio_loop_ref(asyncio_runner_get_loop(r)) : NULL;
    if (!loop) {
        int rc = asyncio__slot_status();
        asyncio__coro_refuse(&main);
        asyncio_runner_unref(r);
        return rc;
    }
    if (options && options->seed) asyncio_testing_shuffle(loop, options->seed);
    asyncio_testing_cancel_await(loop, options ? options->cancel_at : 0);
    int rc = asyncio_runner_run(r, main, NULL, NULL);
    to->points = asyncio_testing_cancel_await(loop, -1);
    to->left = asyncio_all_tasks(loop, NULL, 0);
    rc = close_runner(r, rc);
    to->objects = asyncio_testing_live_objects(loop);
    asyncio_loop_unref(loop);
    return rc;
}
