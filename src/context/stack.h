/* SPDX-License-Identifier: MIT
 *
 * context/stack.h: the pool that a loop takes its tasks' stacks from.
 *
 * A slab is one mapping, cut into slots of one class. A slot, from low addresses to high:
 *
 *     guard (the pool's size) | usable: the class's size | one page: frames start here,
 *                             ^ low                      |   descriptor, 0..15 steps of colour
 *
 * The descriptor (struct asyncio__stack) is where the first frame begins, so a task that is
 * parked in a shallow call has touched one page. Its distance from the slot's end differs
 * from slot to slot by cache lines (the colour), and slots are an odd number of pages long:
 * otherwise the tops of all stacks would compete for the same few sets of the caches.
 *
 * A slot is fresh (never handed out), in use, free (on its class's list, last in, first out,
 * memory warm), doomed (free, unused for long, its memory about to be given back) or cold
 * (its memory is gone, the guard still stands; a bit in the slab remembers it).
 *
 * One pool belongs to one loop and is used from one thread. What is process-wide: the budget
 * of mappings for guards on kernels without MADV_GUARD_INSTALL, and whether stacks may go
 * without a guard when it is spent.
 */
#ifndef ASYNCIO_CONTEXT_STACK_H
#define ASYNCIO_CONTEXT_STACK_H

#include "context/annotate.h"

#define ASYNCIO__STACK_CLASSES 17u /* 16 KiB, 32 KiB ... 1 GiB */

/* How a guard is made; a slab has one kind. */
enum asyncio__guard {
    ASYNCIO__GUARD_ADVICE,  /* madvise: costs no mapping; Linux 6.13 and later */
    ASYNCIO__GUARD_PROTECT, /* mprotect: costs two mappings a stack */
    ASYNCIO__GUARD_NONE     /* on request only: an overflow runs into the next stack */
};

struct asyncio__stackslab;

/* On top of the stack it describes. */
struct asyncio__stack {
    struct asyncio__stack *next;     /* next free one of the class */
    char *low;                       /* lowest usable address; the guard is below */
    struct asyncio__stackslab *slab; /* the mapping it is a slot of */
    uint32_t cls;                    /* class; its size is 16 KiB << cls */
    uint32_t valgrind;               /* valgrind's number of it */
    ASYNCIO__STACK_NOTES             /* sanitizer builds: annotate.h */
} __attribute__((aligned(16)));

struct asyncio__stackclass {
    struct asyncio__stack *free;      /* recycled stacks, the latest first */
    struct asyncio__stack *untouched; /* from here on they were not used in this window */
    struct asyncio__stack *doomed;    /* unused for a window; memory to be given back */
    struct asyncio__stackslab *slabs; /* all slabs, newest first */
    uint32_t nfree;                   /* length of both lists */
    uint32_t slots;                   /* slots that the next slab is to have */
    size_t warm;                      /* slots in use, free or doomed */
    size_t cold;                      /* slots whose memory was given back */
};

struct asyncio__stackpool {
    struct asyncio__stackclass classes[ASYNCIO__STACK_CLASSES]; /* by class */
    uint32_t used;                                              /* bit n: class n has slabs */
    uint32_t guard; /* bytes of guard that stacks get from now on, whole pages */
    int64_t window; /* when the window of trimming ends, ms; 0: none open */
};

/* For tests and statistics(). */
struct asyncio__stackstats {
    size_t mapped;    /* bytes of address space */
    size_t slabs;     /* mappings made (the kernel may have merged them) */
    size_t in_use;    /* stacks handed out */
    size_t free;      /* recycled and waiting, with their memory */
    size_t cold;      /* used once, memory given back */
    size_t guards[3]; /* stacks ever handed out by enum asyncio__guard */
};

/* A frame that is compiled to touch each page on the way down meets a guard of one page. A larger
 * guard is for all other frames: the C library has some of 33 KB, libldap has one of 131 KB. */
#define ASYNCIO__GUARD_DEFAULT 196608u
#define ASYNCIO__GUARD_MIN 16384u
#define ASYNCIO__GUARD_MAX (64u << 20)

int asyncio__stackpool_init(struct asyncio__stackpool *pool);

/* Stacks that have been made keep the guard they have. 0, or ASYNCIO_VALUE_ERROR. */
int asyncio__stackpool_set_guard(struct asyncio__stackpool *pool, size_t bytes);

/* Unmaps everything. Stacks that are still in use are abandoned: nobody may run on them. */
void asyncio__stackpool_fini(struct asyncio__stackpool *pool);

/* The class for a stack of at least `usable` bytes; 0 means the default, 64 KiB. Returns 0 or
 * ASYNCIO_VALUE_ERROR (less than 16 KiB, more than 1 GiB). */
int asyncio__stack_class(size_t usable, unsigned *cls);

/* To be called when the loop has nothing to do: gives back the memory of stacks that nobody
 * has used for a second, a bounded number at a time. Returns after how many milliseconds it
 * wants to be called again, or -1: not before stacks were used again. */
int asyncio__stackpool_trim(struct asyncio__stackpool *pool);
int asyncio__stackpool_trim_at(struct asyncio__stackpool *pool, int64_t now_ms);

void asyncio__stackpool_stats(const struct asyncio__stackpool *pool,
                              struct asyncio__stackstats *stats);

/* Whether stacks may go without a guard once there are no mappings left for guards (also:
 * environment ASYNCIO_UNGUARDED_STACKS). Otherwise there are no more stacks then. */
void asyncio__stackpool_set_unguarded(bool allowed);

/* For tests: as if the kernel offered at best this kind, and that many mappings (0: as read). */
void asyncio__stackpool_force(enum asyncio__guard best, long mappings);

/* How much of the memory below a stack's `low` is guard: 0 if it has none. Signal-safe. */
size_t asyncio__stack_guard(const struct asyncio__stack *stack);

/* A stack that was not used recently, or a fresh one; NULL without memory or guards. */
struct asyncio__stack *asyncio__stack_refill(struct asyncio__stackpool *pool, unsigned cls)
    __attribute__((cold));

/* What the class promises. */
static inline size_t asyncio__stack_size(const struct asyncio__stack *stack) {
    return (size_t)16384 << stack->cls;
}

/* What there is: a little more. */
static inline size_t asyncio__stack_usable(const struct asyncio__stack *stack) {
    return (size_t)((const char *)stack - stack->low);
}

static inline struct asyncio__stack *asyncio__stack_get(struct asyncio__stackpool *pool,
                                                        unsigned cls) {
    struct asyncio__stackclass *c = &pool->classes[cls];
    struct asyncio__stack *stack = c->free;
    if (__builtin_expect(stack == NULL, 0)) return asyncio__stack_refill(pool, cls);
    c->free = stack->next;
    if (__builtin_expect(stack == c->untouched, 0)) c->untouched = stack->next;
    c->nfree--;
    asyncio__annotate_get(stack);
    return stack;
}

/* The caller may still run on it, until it jumps away. */
static inline void asyncio__stack_put(struct asyncio__stackpool *pool,
                                      struct asyncio__stack *stack) {
    struct asyncio__stackclass *c = &pool->classes[stack->cls];
    asyncio__annotate_put(stack);
    stack->next = c->free;
    c->free = stack;
    c->nfree++;
}

#endif
