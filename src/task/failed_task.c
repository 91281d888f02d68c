/* SPDX-License-Identifier: MIT
 *
 * task/failed_task.c: the prompt report of failed tasks that nobody joins, for loops that ask for
 * it.
 *
 * When such a task fails, a record holds it, until the grace is over or, without one, until the
 * loop has nothing to run. If nobody has looked at the error by then, it is reported, once: the
 * report when the last reference goes is for those that have no record. A task that nobody refers
 * to has that report at once.
 */
#include "task/failed_task.h"

#include <errno.h>
#include <math.h>

#include "base/clock.h"

struct record {
    struct asyncio__link link; /* in the loop's list of failed tasks, in order of failure */
    struct asyncio__timer timer;
    struct asyncio_task *task; /* a reference */
};

_Static_assert(sizeof(struct record) <= 96, "fits the loop's cells");

static struct record *record_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct record, timer.runnable);
}

static void free_record(struct record *r) {
    struct asyncio_task *t = r->task;
    asyncio_loop *loop = t->future.loop;
    asyncio__link_take(&r->link);
    loop->wants_idle = !asyncio__list_empty(&asyncio__task_loop(loop)->failed);
    asyncio__timer_cancel(&loop->timers, &r->timer);
    asyncio__slab_put(&loop->cells_slab, r);
    asyncio_future_unref(&t->future);
}

static void report_task(struct asyncio_task *t) {
    struct asyncio_future *f = &t->future;
    asyncio_error *error = NULL;
    if (!(f->flags & ASYNCIO__FUTURE_LOG)) return;
    if (asyncio_future_exception(f, &error) < 0) asyncio_ignore(-ENOMEM);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = "Task has failed and nobody has joined it",
                                          .exception = error,
                                          .future = f,
                                          .task = t,
                                          .where = t->where };
    asyncio__loop_report(f->loop, &context);
    if (asyncio__task_loop(f->loop)->failed_mode == ASYNCIO_FAILED_TASK_FAIL &&
        !(f->loop->slow & ASYNCIO__SLOW_EXIT))
        asyncio__loop_exit(f->loop, f->failed.code, asyncio_error_ref(error));
}

static void report_record(struct record *r) {
    struct asyncio_task *t = r->task;
    asyncio_future_ref(&t->future);
    free_record(r);
    report_task(t);
    asyncio_future_unref(&t->future);
}

/* ---- the grace ---- */

static void run_record(struct asyncio__runnable *runnable) {
    record_of(runnable)->timer.state = ASYNCIO__TIMER_IDLE;
    report_record(record_of(runnable));
}

static void discard_record(struct asyncio__runnable *runnable) {
    record_of(runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_record(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "report of a failed task");
}

static const struct asyncio__runnable_ops record_ops = {
    .run = run_record,
    .discard = discard_record,
    .describe = describe_record,
};

/* Without memory the report comes when the last reference goes. */
void asyncio__failed_task_note(struct asyncio_task *t) {
    asyncio_loop *loop = t->future.loop;
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    if (t->future.refs == 1) return; /* the loop's, which goes now */
    struct record *r = asyncio__slab_get(&loop->cells_slab);
    if (!r) return;
    asyncio__link_init(&r->link);
    asyncio__timer_init(&r->timer, &record_ops);
    r->task = t;
    asyncio_future_ref(&t->future);
    asyncio__list_append(&own->failed, &r->link);
    loop->wants_idle = true;
    if (own->failed_grace <= 0) return;
    int64_t when = asyncio__clock_add(asyncio__loop_now(loop), own->failed_grace);
    if (asyncio__loop_arm(loop, &r->timer, when) < 0) free_record(r);
}

void asyncio__failed_task_idle(asyncio_loop *loop) {
    struct asyncio__link due, *failed = &asyncio__task_loop(loop)->failed;
    asyncio__link_init(&due);
    for (struct asyncio__link *l = failed->next, *next; l != failed; l = next) {
        next = l->next;
        struct record *r = asyncio__container(l, struct record, link);
        if (r->timer.state != ASYNCIO__TIMER_IDLE) continue;
        asyncio__link_unlink(l);
        asyncio__list_append(&due, l);
    }
    while (!asyncio__list_empty(&due))
        report_record(asyncio__container(due.next, struct record, link));
}

void asyncio__failed_task_drop(asyncio_loop *loop) {
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    own->failed_mode = ASYNCIO_FAILED_TASK_LATE;
    while (!asyncio__list_empty(&own->failed))
        free_record(asyncio__container(own->failed.next, struct record, link));
}

int asyncio_loop_set_failed_task_report(asyncio_loop *loop, int mode, double grace) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (mode < ASYNCIO_FAILED_TASK_LATE || mode > ASYNCIO_FAILED_TASK_FAIL || !(grace >= 0) ||
        isinf(grace))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "a known mode and a grace of 0 or more seconds "
                                                   "are required");
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    own->failed_mode = mode;
    own->failed_grace = grace;
    return 0;
}
