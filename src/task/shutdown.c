/* SPDX-License-Identifier: MIT
 *
 * task/shutdown.c: the tasks that are left when a run ends. All are cancelled, in order of
 * creation, then the loop runs until they are done, then their errors are reported. With a limit
 * they are cancelled again and again, and those that are still there at the end are reported and
 * left to the closing of the loop.
 */
#include "task/shutdown.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "task/run.h"
#include "task/task.h"
#include <asyncio/generator.h>

struct leftovers {
    const struct asyncio__limit *limit;
    asyncio_future *all_done; /* resolved when the last one is, or when the limit is over */
    asyncio_handle *again;    /* the next cancellation */
    asyncio_task **tasks;     /* references */
    size_t count;
    size_t running;
};

static int leftover_done(asyncio_future *f, void *arg) {
    struct leftovers *left = arg;
    (void)f;
    if (--left->running > 0 || left->all_done->state != ASYNCIO__PENDING) return 0;
    return asyncio_future_set_result(left->all_done, asyncio_none());
}

static void cancel_all(struct leftovers *left) {
    for (size_t i = 0; i < left->count; i++) asyncio_task_cancel(left->tasks[i], NULL);
}

static int cancel_again(void *arg);

/* The last time is the deadline itself. */
static int arm_again(asyncio_loop *loop, struct leftovers *left) {
    double when = asyncio_loop_time(loop) + left->limit->repeat;
    if (isinf(left->limit->deadline)) return 0;
    if (!(when < left->limit->deadline)) when = left->limit->deadline;
    asyncio_handle_unref(left->again);
    left->again = NULL;
    asyncio_call_options o = {
        .size = sizeof o, .arg = left, .handle = &left->again, .name = "shutdown of asyncio_run()"
    };
    return asyncio_loop_call_at_with(loop, when, cancel_again, &o);
}

static int cancel_again(void *arg) {
    struct leftovers *left = arg;
    asyncio_loop *loop = left->all_done->loop;
    if (left->all_done->state != ASYNCIO__PENDING) return 0;
    int rc = 0;
    if (asyncio_loop_time(loop) < left->limit->deadline) {
        cancel_all(left);
        rc = arm_again(loop, left);
        if (rc >= 0) return 0;
    }
    int set = asyncio_future_set_result(left->all_done, asyncio_none());
    return rc < 0 ? rc : set;
}

static int cancel_leftovers(asyncio_loop *loop, struct leftovers *left) {
    left->all_done = asyncio_loop_create_future(loop);
    left->tasks = asyncio__calloc(left->count, sizeof *left->tasks);
    if (!left->all_done || !left->tasks) return asyncio__raise(-ENOMEM, NULL);
    asyncio_all_tasks(loop, left->tasks, left->count);
    for (size_t i = 0; i < left->count; i++) asyncio_task_ref(left->tasks[i]);
    cancel_all(left);
    for (; left->running < left->count; left->running++) {
        int rc = asyncio_task_add_done_callback(left->tasks[left->running], leftover_done, left);
        if (rc < 0) return rc;
    }
    int rc = arm_again(loop, left);
    return rc < 0 ? rc : asyncio__run_until_done(loop, left->all_done);
}

static void report_task(asyncio_task *t, const char *message, asyncio_error *error) {
    asyncio_exception_context context = {
        .size = sizeof context, .message = message, .exception = error, .task = t, .where = t->where
    };
    asyncio__loop_report(t->future.loop, &context);
}

/* Reports how it failed, or that it is still there: true then. */
static bool report_leftover(asyncio_task *t) {
    asyncio_error *error = NULL;
    if (t->future.state == ASYNCIO__PENDING) {
        t->future.flags |= ASYNCIO__FUTURE_QUIET; /* closing the loop need not say it again */
        report_task(t, "Task did not end within the shutdown timeout", NULL);
        return true;
    }
    if (t->future.state == ASYNCIO__FAILED && asyncio_task_exception(t, &error) >= 0)
        report_task(t, "unhandled exception during asyncio.run() shutdown", error);
    return false;
}

int asyncio__shutdown_tasks(asyncio_loop *loop, const struct asyncio__limit *limit) {
    struct leftovers left = { .limit = limit, .count = asyncio_all_tasks(loop, NULL, 0) };
    size_t stuck = 0;
    if (left.count == 0) return 0;
    int rc = cancel_leftovers(loop, &left);
    if (left.again) asyncio_handle_cancel(left.again);
    asyncio_handle_unref(left.again);
    for (size_t i = 0; left.tasks && i < left.count && left.tasks[i]; i++) {
        asyncio_future_remove_done_callback(&left.tasks[i]->future, leftover_done, &left);
        if (rc >= 0) stuck += report_leftover(left.tasks[i]);
        asyncio_task_unref(left.tasks[i]);
    }
    asyncio__free(left.tasks);
    asyncio_future_unref(left.all_done);
    if (stuck == 0) return rc;
    return asyncio_raise(ASYNCIO_TIMEOUT_ERROR, NULL, NULL,
                         "%zu task%s did not end within the shutdown timeout", stuck,
                         stuck == 1 ? "" : "s");
}

/* ---- generators ---- */

struct bound {
    asyncio_loop *loop;
    bool over;
};

static int stop_at_limit(void *arg) {
    struct bound *b = arg;
    b->over = true;
    asyncio_loop_stop(b->loop);
    return 0;
}

int asyncio__shutdown_generators(asyncio_loop *loop, const struct asyncio__limit *limit) {
    struct bound bound = { loop, false };
    asyncio_handle *handle = NULL;
    asyncio_call_options o = {
        .size = sizeof o, .arg = &bound, .handle = &handle, .name = "shutdown of asyncio_run()"
    };
    if (asyncio_loop_open_asyncgens(loop) == 0) return 0;
    int rc = isinf(limit->deadline)
                 ? 0
                 : asyncio_loop_call_at_with(loop, limit->deadline, stop_at_limit, &o);
    if (rc < 0) return rc;
    rc = asyncio_loop_run_until_complete(loop, asyncio_loop_shutdown_asyncgens(loop), NULL);
    if (handle) asyncio_handle_cancel(handle);
    asyncio_handle_unref(handle);
    if (rc >= 0 || !bound.over) return rc;
    asyncio_ignore(rc);
    return asyncio__raise(ASYNCIO_TIMEOUT_ERROR,
                          "generators were not closed within the shutdown timeout");
}
