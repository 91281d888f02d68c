/* SPDX-License-Identifier: MIT
 *
 * task/unwind.c: what becomes of tasks that are pending when their loop is closed. All are
 * reported first, in order of creation; then each is taken out of wherever it is queued and
 * its coroutine unwound: the await it stands at fails with GeneratorExit, and so does every
 * further one. Nothing else runs meanwhile. The task itself stays pending for good.
 */
#include "context/overflow.h"
#include "task/cancelstatus.h"
#include "task/generator.h"
#include "task/failed_task.h"

static void report_pending(struct asyncio_task *t) {
    if (t->future.flags & ASYNCIO__FUTURE_QUIET) return;
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = "Task was destroyed but it is pending!",
                                          .task = t,
                                          .where = t->where };
    asyncio__loop_report(t->future.loop, &context);
}

static void unwind_task(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    asyncio_loop *loop = t->future.loop;
    asyncio__link_take(&t->fiber.runnable.link);
    strand->flags |= ASYNCIO__TASK_UNWINDING;
    if (!(strand->flags & ASYNCIO__TASK_STARTED)) {
        asyncio__coro_release(&t->start->coro);
        asyncio__task_finish(t, ASYNCIO_GENERATOR_EXIT, asyncio_none());
        return;
    }
    asyncio__task_loop(loop)->unwind_refusals = 0;
    asyncio_task_ref(t);
    asyncio__task_drive(t)->unwind(t);
    bool ended = asyncio__list_empty(&t->all);
    if (!ended) {
        fprintf(stderr, "asyncio: task '%s' did not end when its loop was closed\n",
                asyncio_task_get_name(t));
        asyncio__link_take(&t->all);
        strand->waiter = NULL;
        asyncio__cancelstatus_drop(t);
        strand->top = NULL; /* the stack goes with the loop */
        asyncio_error_unref(strand->error);
        strand->error = NULL;
        asyncio_task_unref(t); /* the loop's */
    }
    asyncio_task_unref(t);
}

void asyncio__task_destroy_pending(asyncio_loop *loop) {
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    asyncio__failed_task_drop(loop);
    struct asyncio__link *l = own->tasks.next;
    while (l != &own->tasks) {
        struct asyncio_task *t = asyncio__container(l, struct asyncio_task, all);
        asyncio_task_ref(t);
        report_pending(t);
        l = l->next;
        asyncio_task_unref(t);
    }
    if (asyncio__list_empty(&own->tasks) && asyncio__list_empty(&own->generators)) return;
    bool alternate = asyncio__overflow_thread_start() == 0;
    while (!asyncio__list_empty(&own->tasks) && *loop->fork_mark) {
        unwind_task(asyncio__container(own->tasks.next, struct asyncio_task, all));
    }
    asyncio__gen_destroy_all(loop);
    if (alternate) asyncio__overflow_thread_stop();
}
