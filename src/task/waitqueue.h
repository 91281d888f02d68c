/* SPDX-License-Identifier: MIT
 *
 * task/waitqueue.h: tasks that wait for something, first come, first served. Each waits on a future
 * of its own, on its own stack; being woken and leaving the queue are two things: a waiter that is
 * woken or cancelled stays in the queue until it runs, unless whoever wakes takes it out.
 *
 * A lock keeps its waiters in a plain list. A wait queue is for what wakes any number of them:
 * those that were found to be done when somebody was to be woken stand apart, since they would
 * have to be passed over every time.
 */
#ifndef ASYNCIO_TASK_WAITQUEUE_H
#define ASYNCIO_TASK_WAITQUEUE_H

#include "task/task.h"

struct asyncio__waiter {
    struct asyncio__link link; /* in the line; points at itself when it has left */
    struct asyncio_future future;
};

static inline struct asyncio__waiter *asyncio__waiter_of(struct asyncio__link *link) {
    return asyncio__container(link, struct asyncio__waiter, link);
}

static inline void asyncio__waiter_init(struct asyncio__waiter *w, asyncio_loop *loop) {
    asyncio__link_init(&w->link);
    asyncio__future_init(&w->future, loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
}

/* Resolves the waiter if it is not done: true if it was not. */
static inline bool asyncio__waiter_wake(struct asyncio__waiter *w) {
    if (w->future.state != ASYNCIO__PENDING) return false;
    asyncio__future_finish(&w->future, asyncio_none());
    return true;
}

/* Waits, in no line; for a waiter that something else wakes. What the wait ended with. */
static inline int asyncio__waiter_park(struct asyncio__waiter *w, struct asyncio_task *task) {
    int rc = asyncio__task_park(task, &w->future);
    if (ASYNCIO__UNLIKELY(w->future.cancel_msg != NULL)) {
        asyncio__message_set(&w->future.cancel_msg, NULL);
    }
    return rc;
}

/* The same in a line, which it joins, and has left when it returns. */
static inline int asyncio__waiter_wait(struct asyncio__waiter *w, struct asyncio__link *line,
                                       struct asyncio_task *task) {
    asyncio__list_append(line, &w->link);
    int rc = asyncio__waiter_park(w, task);
    asyncio__link_take(&w->link);
    return rc;
}

/* Takes waiters off the front of the line up to the first that is not done, and wakes that. */
void asyncio__waiters_wake_next(struct asyncio__link *line);

/* A waiter that one future wakes, one turn after that is done. */
struct asyncio__done_waiter {
    struct asyncio__runnable runnable; /* among the callbacks of the future */
    struct asyncio__waiter waiter;
};

/* Waits until `f`, pending, is done, without cancelling it if the task is cancelled. If `cancel`:
 * requests its cancellation once it is being followed. */
int asyncio__wait_done(struct asyncio_task *task, struct asyncio_future *f, bool cancel);

struct asyncio__waitqueue {
    struct asyncio__link waiting; /* pending, or cancelled since */
    struct asyncio__link leaving; /* done; they leave when they run */
};

static inline void asyncio__waitqueue_init(struct asyncio__waitqueue *queue) {
    asyncio__link_init(&queue->waiting);
    asyncio__link_init(&queue->leaving);
}

static inline bool asyncio__waitqueue_empty(const struct asyncio__waitqueue *queue) {
    return asyncio__list_empty(&queue->waiting) && asyncio__list_empty(&queue->leaving);
}

/* Joins the queue, waits, and has left it when it returns. What the wait ended with. */
static inline int asyncio__waitqueue_wait(struct asyncio__waitqueue *queue,
                                          struct asyncio__waiter *w, struct asyncio_task *task) {
    return asyncio__waiter_wait(w, &queue->waiting, task);
}

/* Wakes the first n that are not done; how many it were. */
long asyncio__waitqueue_wake(struct asyncio__waitqueue *queue, long n);

/* Whether one is in the queue that is not cancelled. */
bool asyncio__waiters_alive(const struct asyncio__link *waiters);
static inline bool asyncio__waitqueue_alive(const struct asyncio__waitqueue *queue) {
    return asyncio__waiters_alive(&queue->leaving) || asyncio__waiters_alive(&queue->waiting);
}

/* How many are in the queue, woken ones included. */
size_t asyncio__list_length(const struct asyncio__link *list);
static inline size_t asyncio__waitqueue_length(const struct asyncio__waitqueue *queue) {
    return asyncio__list_length(&queue->waiting) + asyncio__list_length(&queue->leaving);
}

#endif
