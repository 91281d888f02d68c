/* SPDX-License-Identifier: MIT
 *
 * sync/line.c: waking from a line, and what can be told of it.
 */
#include "sync/line.h"

long asyncio__line_wake(struct asyncio__line *line, long n) {
    long woken = 0;
    while (woken < n && !asyncio__list_empty(&line->waiting)) {
        struct asyncio__waiter *w = asyncio__waiter_of(line->waiting.next);
        asyncio__link_unlink(&w->link);
        asyncio__list_append(&line->leaving, &w->link);
        woken += asyncio__waiter_wake(w);
    }
    return woken;
}

bool asyncio__list_alive(const struct asyncio__link *waiters) {
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
