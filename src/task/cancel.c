/* SPDX-License-Identifier: MIT
 *
 * task/cancel.c: requesting cancellation.
 *
 * A request walks down the chain "task waits for task waits for ..." to what the last one
 * waits for, which is cancelled, or, if there is nothing to cancel, leaves the must-cancel
 * mark on the last task. The walk is a loop, so a chain of any length will do. Tasks on the
 * way are marked visited: a chain that bites its own tail is cut where it closes: that task
 * is taken out of what it waits for and runs with the mark. A shielded block on the way holds
 * the request back there.
 *
 * From the call to the error that is raised, each function with its file:
 *
 *     asyncio_task_cancel           here
 *     asyncio_future_cancel         future/future.c: checks the thread, calls the future's `cancel`
 *     asyncio__task_request_cancel  here: a task's `cancel`; counts the request and walks down
 *     asyncio__future_cancel        future/future.c: cancels what the last task waits for, which
 *                                   queues that task
 *     asyncio__task_woken           task/suspend.c: the task's turn; it reads how the wait ended
 *     asyncio__future_outcome       future/future.c: puts a CancelledError into the task's slot;
 *                                   the await returns its code
 *     finish_cancelled              task/task.c: the coroutine has returned that, too; the task, a
 *                                   future, is cancelled, and who awaits it is queued in turn
 *
 * A mark is found by the next wait (asyncio__task_cancel_wait, task/suspend.c), by a wait that is
 * over (asyncio__task_wait_error, there, too) or by the first step (asyncio__task_begin_cancelled,
 * task/task.c).
 */
#include "task/cancelstatus.h"

static struct asyncio_task *task_of_future(struct asyncio_future *f) {
    return (struct asyncio_task *)(void *)f;
}

/* ---- requests that are held back ---- */

/* The outermost shield of the task that is inside `at` (NULL: any of its own), or NULL. */
static struct asyncio__cancelstatus *outermost_shield(const struct asyncio_task *t,
                                                      const struct asyncio__cancelstatus *at) {
    struct asyncio__cancelstatus *found = NULL;
    for (struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
         c && c != at && c->kind != ASYNCIO__CANCELSTATUS_ROOT; c = c->outer) {
        if (asyncio__cancelstatus_holds(c)) found = c;
    }
    return found;
}

static void hold_back(struct asyncio__cancelstatus *shield, uint32_t requests) {
    uint32_t held = shield->held + requests;
    shield->held = held < UINT16_MAX ? (uint16_t)held : UINT16_MAX;
}

static bool hold_request(struct asyncio_task *t, const struct asyncio__cancelstatus *at) {
    struct asyncio__cancelstatus *shield = outermost_shield(t, at);
    if (!shield) return false;
    hold_back(shield, 1);
    return true;
}

uint32_t asyncio__cancelstatus_held(const struct asyncio_task *t) {
    uint32_t held = 0;
    for (const struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
         c && c->kind != ASYNCIO__CANCELSTATUS_ROOT; c = c->outer) {
        held += c->held;
    }
    return held;
}

static void forget_held(struct asyncio_task *t) {
    for (struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
         c && c->kind != ASYNCIO__CANCELSTATUS_ROOT; c = c->outer) {
        c->held = 0;
    }
}

/* ---- the walk ---- */

/* It is found in task/suspend.c, or by the first step in task/task.c. */
static void mark_task(struct asyncio_task *t, struct asyncio__message *msg) {
    t->fiber.strand.flags |= ASYNCIO__TASK_MUST_CANCEL;
    asyncio__message_set(&t->future.cancel_msg, msg);
}

/* Out of what it waits for, into the ready queue. */
static void take_out(struct asyncio_task *t, struct asyncio__message *msg) {
    mark_task(t, msg);
    asyncio__link_unlink(&t->fiber.runnable.link);
    asyncio__loop_queue(t->future.loop, &t->fiber.runnable);
}

/* One step down: what t waits for if that is a task to go on with, otherwise NULL, and the
 * request has been placed. */
static struct asyncio_task *place_request(struct asyncio_task *t, struct asyncio__message *msg) {
    struct asyncio__strand *strand = &t->fiber.strand;
    struct asyncio_future *f = strand->waiter;
    strand->flags |= ASYNCIO__TASK_VISITED;
    if (!f) {
        mark_task(t, msg);
        return NULL;
    }
    if (ASYNCIO__UNLIKELY(strand->flags & (ASYNCIO__TASK_SCOPED | ASYNCIO__TASK_WATCHING))) {
        if (strand->flags & ASYNCIO__TASK_WATCHING) {
            uint32_t out = strand->flags & (ASYNCIO__TASK_MUST_CANCEL | ASYNCIO__TASK_HIT);
            if (out || f->state != ASYNCIO__PENDING) mark_task(t, msg);
            else take_out(t, msg);
            return NULL;
        }
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_HIT;
        strand->flags |= ASYNCIO__TASK_REQUESTED;
    }
    if (!f->ops->is_task || f->state != ASYNCIO__PENDING) {
        /* t is queued if f is cancelled, and goes on in asyncio__task_woken, task/suspend.c. */
        if (!asyncio__future_cancel(f, msg)) mark_task(t, msg);
        return NULL;
    }
    struct asyncio_task *next = task_of_future(f);
    if (!(next->fiber.strand.flags & ASYNCIO__TASK_VISITED)) return next;
    take_out(t, msg);
    return NULL;
}

/* Counts the request; false if it is held back by a shielded block inside of `at`. */
static bool count_request(struct asyncio_task *t, struct asyncio__message *msg,
                          const struct asyncio__cancelstatus *at) {
    t->fiber.strand.cancels++;
    if (ASYNCIO__LIKELY(!(t->fiber.strand.flags & ASYNCIO__TASK_SCOPED))) return true;
    if (!hold_request(t, at)) return true;
    asyncio__message_set(&t->future.cancel_msg, msg);
    return false;
}

static void forget_visits(struct asyncio_task *t) {
    while (t->fiber.strand.flags & ASYNCIO__TASK_VISITED) {
        t->fiber.strand.flags &= ~(uint32_t)ASYNCIO__TASK_VISITED;
        struct asyncio_future *f = t->fiber.strand.waiter;
        if (!f || !f->ops->is_task) return;
        t = task_of_future(f);
    }
}

static void walk_down(struct asyncio_task *first, struct asyncio__message *msg) {
    struct asyncio_task *t = place_request(first, msg);
    while (t && count_request(t, msg, NULL)) t = place_request(t, msg);
    forget_visits(first);
}

bool asyncio__task_request_cancel(struct asyncio_future *f, struct asyncio__message *msg) {
    struct asyncio_task *first = task_of_future(f);
    if (f->state != ASYNCIO__PENDING) {
        asyncio__future_set_retrieved(f);
        return false;
    }
    if (f->loop->closed) return false;
    if (count_request(first, msg, NULL)) walk_down(first, msg);
    return true;
}

void asyncio__task_cancel_from(struct asyncio_task *t, const struct asyncio__cancelstatus *at) {
    if (t->future.state != ASYNCIO__PENDING || t->future.loop->closed) return;
    if (count_request(t, NULL, at)) walk_down(t, NULL);
}

void asyncio__task_pass_held(struct asyncio_task *t, struct asyncio__cancelstatus *shield) {
    uint32_t held = shield->held;
    if (!held) return;
    shield->held = 0;
    struct asyncio__cancelstatus *inside = shield->task ? outermost_shield(t, shield) : NULL;
    if (inside) hold_back(inside, held);
    else if (t->fiber.strand.cancels > 0) walk_down(t, t->future.cancel_msg);
}

/* Continues in future/future.c, which comes back to asyncio__task_request_cancel. */
bool asyncio_task_cancel(asyncio_task *t, const char *msg) {
    return asyncio_future_cancel(t ? &t->future : NULL, msg);
}

unsigned asyncio_task_cancelling(const asyncio_task *t) { return t ? t->fiber.strand.cancels : 0; }

unsigned asyncio_task_uncancel(asyncio_task *t) {
    if (!t || asyncio__loop_check_thread(t->future.loop) < 0) return 0;
    struct asyncio__strand *strand = &t->fiber.strand;
    if (strand->cancels > 0 && --strand->cancels == 0) {
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
        if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_SCOPED)) forget_held(t);
    }
    return strand->cancels;
}
