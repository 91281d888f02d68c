/* SPDX-License-Identifier: MIT
 *
 * task/cancel.c: requesting cancellation.
 *
 * A request walks down the chain "task waits for task waits for ..." to what the last one
 * waits for, which is cancelled, or, if there is nothing to cancel, leaves the must-cancel
 * mark on the last task. The walk is a loop, so a chain of any length will do. Tasks on the
 * way are marked visited: a chain that bites its own tail is cut where it closes: that task
 * is taken out of what it waits for and runs with the mark.
 */
#include "task/task.h"

static struct asyncio_task *task_of_future(struct asyncio_future *f) {
    return (struct asyncio_task *)(void *)f;
}

static void mark_task(struct asyncio_task *t, struct asyncio__message *msg) {
    t->fiber.strand.flags |= ASYNCIO__TASK_MUST_CANCEL;
    asyncio__message_set(&t->future.cancel_msg, msg);
}

static void cut_circle(struct asyncio_task *t, struct asyncio__message *msg) {
    mark_task(t, msg);
    asyncio__link_unlink(&t->fiber.node.link);
    asyncio__loop_queue(t->future.loop, &t->fiber.node);
}

/* One step down: what t waits for if that is a task to go on with, otherwise NULL, and the
 * request has been placed. */
static struct asyncio_task *place_request(struct asyncio_task *t, struct asyncio__message *msg) {
    struct asyncio_future *f = t->fiber.strand.waiter;
    t->fiber.strand.cancels++;
    t->fiber.strand.flags |= ASYNCIO__TASK_VISITED;
    if (!f) {
        mark_task(t, msg);
        return NULL;
    }
    if (f->ops != &asyncio__task_ops || f->state != ASYNCIO__PENDING) {
        if (!asyncio__future_cancel(f, msg)) mark_task(t, msg);
        return NULL;
    }
    struct asyncio_task *next = task_of_future(f);
    if (!(next->fiber.strand.flags & ASYNCIO__TASK_VISITED)) return next;
    cut_circle(t, msg);
    return NULL;
}

static void forget_visits(struct asyncio_task *t) {
    while (t->fiber.strand.flags & ASYNCIO__TASK_VISITED) {
        t->fiber.strand.flags &= ~(uint32_t)ASYNCIO__TASK_VISITED;
        struct asyncio_future *f = t->fiber.strand.waiter;
        if (!f || f->ops != &asyncio__task_ops) return;
        t = task_of_future(f);
    }
}

bool asyncio__task_request_cancel(struct asyncio_future *f, struct asyncio__message *msg) {
    struct asyncio_task *first = task_of_future(f);
    if (f->state != ASYNCIO__PENDING) {
        f->flags &= 15 & ~(unsigned)ASYNCIO__FUTURE_LOG;
        return false;
    }
    if (f->loop->closed) return false;
    for (struct asyncio_task *t = first; t;) t = place_request(t, msg);
    forget_visits(first);
    return true;
}

bool asyncio_task_cancel(asyncio_task *t, const char *msg) {
    return asyncio_future_cancel(asyncio_task_as_future(t), msg);
}

unsigned asyncio_task_cancelling(const asyncio_task *t) { return t ? t->fiber.strand.cancels : 0; }

unsigned asyncio_task_uncancel(asyncio_task *t) {
    if (!t) return 0;
    struct asyncio__strand *strand = &t->fiber.strand;
    if (strand->cancels > 0 && --strand->cancels == 0) {
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
    }
    return strand->cancels;
}
