/* SPDX-License-Identifier: MIT
 *
 * loop/timers.h: the timers of one loop, ordered by deadline, then by the order in which
 * they were armed.
 *
 * An armed timer is first put into a list (fresh); only the loop's next look at the clock
 * moves it into the heap. So what is armed and cancelled in between costs a few stores.
 * The heap's entries name a slot, not the timer: sifting touches two dense arrays and never
 * the timers, which lie on a million different stacks. Room in the heap is made when a
 * timer is armed, so moving it there later cannot fail; or before, for one that must not fail to
 * be armed.
 */
#ifndef ASYNCIO_LOOP_TIMERS_H
#define ASYNCIO_LOOP_TIMERS_H

#include <stdint.h>

#include "loop/runnable.h"

enum asyncio__timer_state {
    ASYNCIO__TIMER_IDLE,   /* not armed, in no list */
    ASYNCIO__TIMER_FRESH,  /* armed, in the fresh list */
    ASYNCIO__TIMER_HEAP,   /* armed, in the heap */
    ASYNCIO__TIMER_QUEUED, /* due, in the ready queue */
};

struct asyncio__timer {
    struct asyncio__runnable runnable;
    int64_t when;   /* deadline, ns on the loop's clock */
    uint32_t order; /* counts arms; wraps */
    uint32_t slot;  /* in the heap: index into the slots */
    enum asyncio__timer_state state;
};

struct asyncio__timer_entry {
    int64_t when;
    uint32_t order;
    uint32_t slot;
};

struct asyncio__timer_slot {
    struct asyncio__timer *timer; /* NULL: free */
    uint32_t position;            /* in the heap; free: the next free slot */
};

struct asyncio__timers {
    struct asyncio__link fresh;        /* armed since the last look at the clock */
    struct asyncio__timer_entry *heap; /* 4-ary, the earliest first */
    struct asyncio__timer_slot *slots; /* one for each entry */
    uint32_t count;                    /* entries in the heap */
    uint32_t fresh_count;
    uint32_t capacity;  /* of heap and slots */
    uint32_t room;      /* that less what is reserved */
    uint32_t free_slot; /* first free slot, UINT32_MAX: none */
    uint32_t order;     /* the next timer's */
};

void asyncio__timers_init(struct asyncio__timers *timers);
void asyncio__timers_fini(struct asyncio__timers *timers);

static inline void asyncio__timer_init(struct asyncio__timer *timer,
                                       const struct asyncio__runnable_ops *ops) {
    timer->runnable.ops = ops;
    timer->state = ASYNCIO__TIMER_IDLE;
}

/* Makes room for one more; 0 or -ENOMEM. */
int asyncio__timers_grow(struct asyncio__timers *timers) __attribute__((cold));

/* Keeps room for a timer, until it is given back; 0 or -ENOMEM. */
int asyncio__timers_reserve(struct asyncio__timers *timers);
static inline void asyncio__timers_give_back(struct asyncio__timers *timers) { timers->room++; }

/* Arms an idle timer for which there is room. */
static inline void asyncio__timer_arm_reserved(struct asyncio__timers *timers,
                                               struct asyncio__timer *timer, int64_t when) {
    timer->when = when;
    timer->order = timers->order++;
    timer->state = ASYNCIO__TIMER_FRESH;
    timers->fresh_count++;
    asyncio__list_append(&timers->fresh, &timer->runnable.link);
}

/* Arms an idle timer. 0 or -ENOMEM. */
static inline int asyncio__timer_arm(struct asyncio__timers *timers, struct asyncio__timer *timer,
                                     int64_t when) {
    if (ASYNCIO__UNLIKELY(timers->count + timers->fresh_count >= timers->room)) {
        int rc = asyncio__timers_grow(timers);
        if (rc < 0) return rc;
    }
    asyncio__timer_arm_reserved(timers, timer, when);
    return 0;
}

void asyncio__timers_remove(struct asyncio__timers *timers, struct asyncio__timer *timer);

/* Disarms it, also when it is due and queued already. Idle: nothing. */
static inline void asyncio__timer_cancel(struct asyncio__timers *timers,
                                         struct asyncio__timer *timer) {
    switch (timer->state) {
    case ASYNCIO__TIMER_IDLE: return;
    case ASYNCIO__TIMER_FRESH: timers->fresh_count--; __attribute__((fallthrough));
    case ASYNCIO__TIMER_QUEUED: asyncio__link_unlink(&timer->runnable.link); break;
    case ASYNCIO__TIMER_HEAP: asyncio__timers_remove(timers, timer); break;
    }
    timer->state = ASYNCIO__TIMER_IDLE;
}

static inline bool asyncio__timers_empty(const struct asyncio__timers *timers) {
    return timers->count + timers->fresh_count == 0;
}

/* The earliest deadline, ASYNCIO__NEVER if there is none. */
int64_t asyncio__timers_next(struct asyncio__timers *timers);

/* Moves every timer with a deadline <= now to the end of `ready`, in order. */
void asyncio__timers_expire(struct asyncio__timers *timers, int64_t now,
                            struct asyncio__link *ready);

/* Any armed timer, disarmed; NULL when there is none. For closing. */
struct asyncio__timer *asyncio__timers_pop(struct asyncio__timers *timers);

#endif
