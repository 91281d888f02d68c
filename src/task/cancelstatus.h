/* SPDX-License-Identifier: MIT
 *
 * task/cancelstatus.h: what lies over a task and decides about its cancellation beside the requests
 * that asyncio counts: cancel scopes and shielded blocks.
 *
 * The cancel statuses of a task form a chain, innermost first. A task of a group that was entered
 * under a cancel status begins its chain with a root, whose `outer` is that cancel status. So all
 * cancel statuses are trees, and what a scope reaches is its own task and, in order of creation,
 * those below it.
 *
 * A scope that is cancelled is seen from the inside up to the first shielded block (shield) that
 * is active. A task that sees one is sticky: whenever it waits, what it waits for is cancelled
 * with it, and the wait fails with a CancelledError that carries the scope's number. A result that
 * is there first is delivered; then the next wait fails. Of several scopes the outermost counts.
 *
 * A shield that is active also holds back requests (task.cancel) that come from outside of it: the
 * outermost one between the task and where the request comes from remembers it, and passes it on
 * when it is left or lifted. Holding and passing on are part of the request's way: cancel.c.
 */
#ifndef ASYNCIO_TASK_CANCELSTATUS_H
#define ASYNCIO_TASK_CANCELSTATUS_H

#include "task/task.h"

enum asyncio__cancelstatus_kind {
    ASYNCIO__CANCELSTATUS_ROOT,
    ASYNCIO__CANCELSTATUS_SCOPE,
    ASYNCIO__CANCELSTATUS_SHIELD
};

struct asyncio__cancelstatus {
    struct asyncio__link link;  /* among those inside `outer`; or points at itself */
    struct asyncio__link inner; /* the cancel statuses right inside, in order of creation */
    struct asyncio__cancelstatus *outer; /* a reference, or NULL */
    struct asyncio_task *task; /* whose it is; NULL before it is entered and once it is left */
    asyncio_loop *loop;
    void (*free)(struct asyncio__cancelstatus *cancelstatus); /* the last reference has gone */
    uint64_t number;                                          /* of a scope */
    struct asyncio__message *message; /* why the scope is cancelled; or NULL */
    const char *why;                  /* its text, or one that is static; or NULL */
    uint32_t refs;
    enum asyncio__cancelstatus_kind kind : 8;
    bool active : 1;    /* scope: it is cancelled; shield: it holds back */
    bool delivered : 1; /* scope: its own task has been interrupted for it */
    uint16_t held;      /* shield: how many requests wait to be delivered; that many or more */
};

/* One reference, the caller's. `free` is called when the last has gone. */
void asyncio__cancelstatus_init(struct asyncio__cancelstatus *c,
                                enum asyncio__cancelstatus_kind kind, asyncio_loop *loop,
                                void (*free)(struct asyncio__cancelstatus *cancelstatus));
void asyncio__cancelstatus_unref(struct asyncio__cancelstatus *c);

/* The innermost cancel status of a task is in its start cell until its first step. From then on its
 * address plus this is in task->tagged_status, where it cannot be taken for a cell. */
#define ASYNCIO__CANCELSTATUS_TAG ((uintptr_t)1)

/* The innermost cancel status of a task, or NULL. */
static inline struct asyncio__cancelstatus *asyncio__cancelstatus_of(
    const struct asyncio_task *task) {
    uintptr_t tagged = task->tagged_status;
    if (ASYNCIO__LIKELY(!(task->fiber.strand.flags & ASYNCIO__TASK_SCOPED))) return NULL;
    return tagged & ASYNCIO__CANCELSTATUS_TAG
               ? (struct asyncio__cancelstatus *)(tagged - ASYNCIO__CANCELSTATUS_TAG)
               : task->start->cancelstatus;
}

/* Whether it is a shield that holds back what comes from outside. */
static inline bool asyncio__cancelstatus_holds(const struct asyncio__cancelstatus *c) {
    return c->kind == ASYNCIO__CANCELSTATUS_SHIELD && c->active;
}

/* Puts a cancel status on top of the task's, and takes it off again (with any that is still on it).
 * The chain has a reference. What a shield held back is delivered when it is left. */
void asyncio__cancelstatus_enter(struct asyncio__cancelstatus *c, struct asyncio_task *task);
void asyncio__cancelstatus_leave(struct asyncio__cancelstatus *c);

/* Cancels a scope that is entered and not cancelled yet. */
void asyncio__cancelstatus_cancel(struct asyncio__cancelstatus *c);

/* Ends a shield's holding back before it is left. */
void asyncio__cancelstatus_lift(struct asyncio__cancelstatus *c);

/* Whether the CancelledError (NULL: a bare one) that leaves a scope's block is the scope's. */
bool asyncio__cancelstatus_owns(const struct asyncio__cancelstatus *c, const asyncio_error *error);

/* Whether the CancelledError that the task's status means is that of a scope around it. */
bool asyncio__cancelstatus_outside(const struct asyncio_task *task, const asyncio_error *error);

/* Cancels what the task waits for, on behalf of the scope it sees; or takes it out of there. */
void asyncio__cancelstatus_hit(struct asyncio_task *task, struct asyncio_future *f);

/* Raises the CancelledError of the scope that the task sees. */
int asyncio__cancelstatus_raise(struct asyncio_task *task);

/* How many of the task's requests its shields hold back. */
uint32_t asyncio__cancelstatus_held(const struct asyncio_task *task) __attribute__((cold));

/* The other ones, those that the task has seen or is about to see. A block that asks whether
 * somebody else wants the task to stop counts these. */
static inline uint32_t asyncio__task_open_requests(const struct asyncio_task *task) {
    uint32_t all = task->fiber.strand.cancels;
    if (ASYNCIO__LIKELY(!(task->fiber.strand.flags & ASYNCIO__TASK_SCOPED))) return all;
    uint32_t held = asyncio__cancelstatus_held(task);
    return all > held ? all - held : 0;
}

/* Gives a task that is made a root below what it is to inherit; 0 or -ENOMEM. */
int asyncio__cancelstatus_inherit(struct asyncio_task *task);

/* The first step: the start cell goes, the cancel statuses stay. */
static inline void asyncio__task_drop_start(struct asyncio_task *task) {
    struct asyncio__start *start = task->start;
    bool covered = task->fiber.strand.flags & ASYNCIO__TASK_SCOPED;
    uintptr_t tagged =
        ASYNCIO__UNLIKELY(covered) ? (uintptr_t)start->cancelstatus | ASYNCIO__CANCELSTATUS_TAG : 0;
    asyncio__slab_put(&task->future.loop->cells_slab, start);
    task->tagged_status = tagged;
}

/* The task ends, or was never made: its chain goes. */
void asyncio__cancelstatus_drop(struct asyncio_task *task);

/* A wait that must come to its end, whatever scope is cancelled: hide, wait, show. */
void asyncio__cancelstatus_show(struct asyncio_task *task);
static inline void asyncio__cancelstatus_hide(struct asyncio_task *task) {
    struct asyncio__strand *strand = &task->fiber.strand;
    if (ASYNCIO__LIKELY(!(strand->flags & ASYNCIO__TASK_SCOPED))) return;
    strand->flags |= ASYNCIO__TASK_HIDDEN;
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_STICKY;
}

#endif
