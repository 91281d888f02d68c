/* SPDX-License-Identifier: MIT
 *
 * task/cover.h: what lies over a task and decides about its cancellation beside the requests that
 * asyncio counts: cancel scopes and shielded blocks.
 *
 * The covers of a task form a chain, innermost first. A task of a group that was entered under a
 * cover begins its chain with a root, whose `outer` is that cover. So all covers are trees, and
 * what a scope reaches is its own task and, in order of creation, those below it.
 *
 * A scope that is cancelled is seen from the inside up to the first shielded block (mask) that
 * is active. A task that sees one is sticky: whenever it waits, what it waits for is cancelled
 * with it, and the wait fails with a CancelledError that carries the scope's number. A result that
 * is there first is delivered; then the next wait fails. Of several scopes the outermost counts.
 *
 * A mask that is active also holds back requests (task.cancel) that come from outside of it: the
 * outermost one between the task and where the request comes from remembers it, and passes it on
 * when it is left or lifted.
 */
#ifndef ASYNCIO_TASK_COVER_H
#define ASYNCIO_TASK_COVER_H

#include "task/task.h"

enum asyncio__cover_kind { ASYNCIO__COVER_ROOT, ASYNCIO__COVER_SCOPE, ASYNCIO__COVER_MASK };

struct asyncio__cover {
    struct asyncio__link link;    /* among those inside `outer`; or points at itself */
    struct asyncio__link inner;   /* the covers right inside, in order of creation */
    struct asyncio__cover *outer; /* a reference, or NULL */
    struct asyncio_task *task;    /* whose it is; NULL before it is entered and once it is left */
    asyncio_loop *loop;
    void (*free)(struct asyncio__cover *cover); /* the last reference has gone */
    uint64_t number;                            /* of a scope */
    struct asyncio__message *message;           /* why the scope is cancelled; or NULL */
    const char *why;                            /* its text, or one that is static; or NULL */
    uint32_t refs;
    enum asyncio__cover_kind kind : 8;
    bool active;    /* scope: it is cancelled; mask: it holds back */
    bool held;      /* mask: a request waits to be delivered */
    bool delivered; /* scope: its own task has been interrupted for it */
};

/* One reference, the caller's. `free` is called when the last has gone. */
void asyncio__cover_init(struct asyncio__cover *c, enum asyncio__cover_kind kind,
                         asyncio_loop *loop, void (*free)(struct asyncio__cover *cover));
void asyncio__cover_unref(struct asyncio__cover *c);

/* The innermost cover of a task, or NULL. */
struct asyncio__cover *asyncio__cover_of(const struct asyncio_task *task);

/* Puts a cover on top of the task's, and takes it off again (with any that is still on it). The
 * chain has a reference. What a mask held back is delivered when it is left. */
void asyncio__cover_enter(struct asyncio__cover *c, struct asyncio_task *task);
void asyncio__cover_leave(struct asyncio__cover *c);

/* Cancels a scope that is entered and not cancelled yet. */
void asyncio__cover_cancel(struct asyncio__cover *c);

/* Ends a mask's holding back before it is left. */
void asyncio__cover_lift(struct asyncio__cover *c);

/* Whether the CancelledError (NULL: a bare one) that leaves a scope's block is the scope's. */
bool asyncio__cover_owns(const struct asyncio__cover *c, const asyncio_error *error);

/* Whether the CancelledError that the task's status means is that of a scope around it. */
bool asyncio__cover_outside(const struct asyncio_task *task, const asyncio_error *error);

/* Cancels what the task waits for, on behalf of the scope it sees; or takes it out of there. */
void asyncio__cover_hit(struct asyncio_task *task, struct asyncio_future *f);

/* Raises the CancelledError of the scope that the task sees. */
int asyncio__cover_raise(struct asyncio_task *task);

/* Whether a mask between the task and `at` (NULL: any of its own) holds a request back. */
bool asyncio__cover_hold(struct asyncio_task *task, const struct asyncio__cover *at);

/* The last request has been taken back. */
void asyncio__cover_forget_held(struct asyncio_task *task);

/* Gives a task that is made a root below loop->inherit; 0 or -ENOMEM. */
int asyncio__cover_inherit(struct asyncio_task *task);

/* The first step: the start cell goes, the covers stay. */
static inline void asyncio__cover_keep(struct asyncio_task *task) {
    struct asyncio__start *start = task->start;
    bool covered = task->fiber.strand.flags & ASYNCIO__TASK_COVERED;
    uintptr_t cover = ASYNCIO__UNLIKELY(covered) ? (uintptr_t)start->cover | 1 : 0;
    asyncio__slab_put(&task->future.loop->cells_slab, start);
    task->start = (struct asyncio__start *)cover;
}

/* The task ends, or was never made: its chain goes. */
void asyncio__cover_drop(struct asyncio_task *task);

/* A wait that must come to its end, whatever scope is cancelled: hide, wait, show. */
void asyncio__cover_show(struct asyncio_task *task);
static inline void asyncio__cover_hide(struct asyncio_task *task) {
    struct asyncio__strand *strand = &task->fiber.strand;
    if (ASYNCIO__LIKELY(!(strand->flags & ASYNCIO__TASK_COVERED))) return;
    strand->flags |= ASYNCIO__TASK_HIDDEN;
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_STICKY;
}

#endif
