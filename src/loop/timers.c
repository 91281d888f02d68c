/* SPDX-License-Identifier: MIT
 *
 * loop/timers.c: the heap behind loop/timers.h. An entry's children are at 4i+1 to 4i+4;
 * slots[entry.slot].position is always the entry's index.
 */
#include "loop/timers.h"

#include <errno.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/clock.h"

#define NO_SLOT UINT32_MAX

void asyncio__timers_init(struct asyncio__timers *t) {
    *t = (struct asyncio__timers){ .free_slot = NO_SLOT };
    asyncio__link_init(&t->fresh);
}

void asyncio__timers_fini(struct asyncio__timers *t) {
    asyncio__free(t->heap);
    asyncio__free(t->slots);
    asyncio__timers_init(t);
}

int asyncio__timers_grow(struct asyncio__timers *t) {
    if (t->capacity > UINT32_MAX / 4) return -ENOMEM;
    uint32_t capacity = t->capacity ? t->capacity * 2 : 16;
    void *heap = asyncio__realloc(t->heap, capacity * sizeof *t->heap);
    if (!heap) return -ENOMEM;
    t->heap = heap;
    void *slots = asyncio__realloc(t->slots, capacity * sizeof *t->slots);
    if (!slots) return -ENOMEM;
    t->slots = slots;
    for (uint32_t i = capacity; i-- > t->capacity;) {
        t->slots[i] = (struct asyncio__timer_slot){ NULL, t->free_slot };
        t->free_slot = i;
    }
    t->room += capacity - t->capacity;
    t->capacity = capacity;
    return 0;
}

int asyncio__timers_reserve(struct asyncio__timers *t) {
    if (t->count + t->fresh_count >= t->room) {
        int rc = asyncio__timers_grow(t);
        if (rc < 0) return rc;
    }
    t->room--;
    return 0;
}

static bool entry_before(const struct asyncio__timer_entry *a,
                         const struct asyncio__timer_entry *b) {
    return a->when < b->when || (a->when == b->when && (int32_t)(a->order - b->order) < 0);
}

static void place_entry(struct asyncio__timers *t, uint32_t i, struct asyncio__timer_entry e) {
    t->heap[i] = e;
    t->slots[e.slot].position = i;
}

static void sift_up(struct asyncio__timers *t, uint32_t i, struct asyncio__timer_entry e) {
    while (i > 0) {
        uint32_t parent = (i - 1) / 4;
        if (!entry_before(&e, &t->heap[parent])) break;
        place_entry(t, i, t->heap[parent]);
        i = parent;
    }
    place_entry(t, i, e);
}

static void sift_down(struct asyncio__timers *t, uint32_t i, struct asyncio__timer_entry e) {
    for (;;) {
        uint32_t first = 4 * i + 1;
        if (first >= t->count) break;
        uint32_t end = first + 4 < t->count ? first + 4 : t->count;
        uint32_t least = first;
        for (uint32_t c = first + 1; c < end; c++) {
            if (entry_before(&t->heap[c], &t->heap[least])) least = c;
        }
        if (!entry_before(&t->heap[least], &e)) break;
        place_entry(t, i, t->heap[least]);
        i = least;
    }
    place_entry(t, i, e);
}

static void push_timer(struct asyncio__timers *t, struct asyncio__timer *timer) {
    uint32_t slot = t->free_slot;
    t->free_slot = t->slots[slot].position;
    t->slots[slot].timer = timer;
    timer->slot = slot;
    timer->state = ASYNCIO__TIMER_HEAP;
    struct asyncio__timer_entry e = { timer->when, timer->order, slot };
    sift_up(t, t->count++, e);
}

static void remove_at(struct asyncio__timers *t, uint32_t i) {
    struct asyncio__timer_entry gone = t->heap[i], last = t->heap[--t->count];
    if (i < t->count) {
        if (entry_before(&last, &gone)) sift_up(t, i, last);
        else sift_down(t, i, last);
    }
    t->slots[gone.slot] = (struct asyncio__timer_slot){ NULL, t->free_slot };
    t->free_slot = gone.slot;
}

void asyncio__timers_remove(struct asyncio__timers *t, struct asyncio__timer *timer) {
    remove_at(t, t->slots[timer->slot].position);
}

/* Moves what was armed lately into the heap. */
static void settle_fresh(struct asyncio__timers *t) {
    while (!asyncio__list_empty(&t->fresh)) {
        struct asyncio__link *l = t->fresh.next;
        asyncio__link_unlink(l);
        push_timer(t, asyncio__container(l, struct asyncio__timer, runnable.link));
    }
    t->fresh_count = 0;
}

int64_t asyncio__timers_next(struct asyncio__timers *t) {
    settle_fresh(t);
    return t->count ? t->heap[0].when : ASYNCIO__NEVER;
}

void asyncio__timers_expire(struct asyncio__timers *t, int64_t now, struct asyncio__link *ready) {
    settle_fresh(t);
    while (t->count && t->heap[0].when <= now && t->heap[0].when != ASYNCIO__NEVER) {
        struct asyncio__timer *timer = t->slots[t->heap[0].slot].timer;
        remove_at(t, 0);
        timer->state = ASYNCIO__TIMER_QUEUED;
        asyncio__list_append(ready, &timer->runnable.link);
    }
}

struct asyncio__timer *asyncio__timers_pop(struct asyncio__timers *t) {
    settle_fresh(t);
    if (!t->count) return NULL;
    struct asyncio__timer *timer = t->slots[t->heap[0].slot].timer;
    remove_at(t, 0);
    timer->state = ASYNCIO__TIMER_IDLE;
    return timer;
}
