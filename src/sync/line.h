/* SPDX-License-Identifier: MIT
 *
 * sync/line.h: a line of waiters from which any number can be woken, in order of arrival.
 *
 * Who is woken or cancelled stays in line until it runs. Those that were found to be done when
 * somebody was to be woken stand apart: they would have to be passed over every time.
 */
#ifndef ASYNCIO_SYNC_LINE_H
#define ASYNCIO_SYNC_LINE_H

#include "task/waiters.h"

struct asyncio__line {
    struct asyncio__link waiting; /* pending, or cancelled since */
    struct asyncio__link leaving; /* done; they leave when they run */
};

static inline void asyncio__line_init(struct asyncio__line *line) {
    asyncio__link_init(&line->waiting);
    asyncio__link_init(&line->leaving);
}

static inline bool asyncio__line_empty(const struct asyncio__line *line) {
    return asyncio__list_empty(&line->waiting) && asyncio__list_empty(&line->leaving);
}

/* Joins the line, waits, and has left it when it returns. What the wait ended with. */
static inline int asyncio__line_wait(struct asyncio__line *line, struct asyncio__waiter *w,
                                     struct asyncio_task *task) {
    return asyncio__waiter_wait(w, &line->waiting, task);
}

/* Wakes the first n that are not done; how many it were. */
long asyncio__line_wake(struct asyncio__line *line, long n);

/* Whether one is in line that is not cancelled. */
bool asyncio__list_alive(const struct asyncio__link *waiters);
static inline bool asyncio__line_alive(const struct asyncio__line *line) {
    return asyncio__list_alive(&line->leaving) || asyncio__list_alive(&line->waiting);
}

/* How many are in line, woken ones included. */
size_t asyncio__list_length(const struct asyncio__link *list);
static inline size_t asyncio__line_length(const struct asyncio__line *line) {
    return asyncio__list_length(&line->waiting) + asyncio__list_length(&line->leaving);
}

#endif
