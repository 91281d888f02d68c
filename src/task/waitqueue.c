/* SPDX-License-Identifier: MIT
 *
 * task/waitqueue.c: waking from a wait queue, what can be told of it, and waiting for a future
 * without owning its fate.
 */
#include "task/waitqueue.h"

void asyncio__waiters_wake_next(struct asyncio__link *line) {
    while (!asyncio__list_empty(line)) {
        struct asyncio__waiter *w = asyncio__waiter_of(line->next);
        asyncio__link_take(&w->link);
        if (asyncio__waiter_wake(w)) return;
    }
}

static void run_done_waiter(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
    asyncio__waiter_wake(
        &asyncio__container(runnable, struct asyncio__done_waiter, runnable)->waiter);
}

static void discard_done_waiter(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_done_waiter(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_release_waiter()");
}

static struct asyncio_future *done_waiter_awaiter(struct asyncio__runnable *runnable, size_t i) {
    return i == 0
               ? &asyncio__container(runnable, struct asyncio__done_waiter, runnable)->waiter.future
               : NULL;
}

static const struct asyncio__runnable_more done_waiter_more = { .awaiter = done_waiter_awaiter };
static const struct asyncio__runnable_ops done_waiter_ops = {
    .run = run_done_waiter,
    .discard = discard_done_waiter,
    .describe = describe_done_waiter,
    .more = &done_waiter_more,
};

int asyncio__wait_done(struct asyncio_task *task, struct asyncio_future *f, bool cancel) {
    struct asyncio__done_waiter d = { .runnable.ops = &done_waiter_ops };
    asyncio__waiter_init(&d.waiter, f->loop);
    asyncio__list_append(&f->callbacks, &d.runnable.link);
    if (cancel) asyncio__future_cancel(f, NULL);
    int rc = asyncio__waiter_park(&d.waiter, task);
    asyncio__link_take(&d.runnable.link);
    return rc;
}

long asyncio__waitqueue_wake(struct asyncio__waitqueue *queue, long n) {
    long woken = 0;
    while (woken < n && !asyncio__list_empty(&queue->waiting)) {
        struct asyncio__waiter *w = asyncio__waiter_of(queue->waiting.next);
        asyncio__link_unlink(&w->link);
        asyncio__list_append(&queue->leaving, &w->link);
        woken += asyncio__waiter_wake(w);
    }
    return woken;
}

bool asyncio__waiters_alive(const struct asyncio__link *waiters) {
    for (struct asyncio__link *l = waiters->next; l != waiters; l = l->next) {
        if (asyncio__waiter_of(l)->future.state != ASYNCIO__CANCELLED) return true;
    }
    return false;
}

size_t asyncio__list_length(const struct asyncio__link *list) {
    size_t n = 0;
    for (const struct asyncio__link *l = list->next; l != list; l = l->next) n++;
    return n;
}
