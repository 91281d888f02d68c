/* SPDX-License-Identifier: MIT
 *
 * context/stack.c: slabs of stacks, their guards, and giving memory back.
 *
 * Guards are made in batches shortly before their slots are handed out for the first time,
 * and stay until the slab is unmapped: giving memory back (MADV_DONTNEED) leaves them be.
 * What kind of guard works is found out for each slab, by trying: an old kernel refuses the
 * advice, so does memory that is locked (mlockall), and emulators accept it without effect.
 *
 * Trimming goes by windows of a second. The free lists are last in, first out: what lies
 * deepest in them was not used in the window; `untouched` is where that part begins.
 */
#include "context/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <asyncio/error.h>

#include "base/alloc.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define COLOURS 16u /* places a descriptor may have in its page */
/* Guards are made so many at a time, which is about one page of page table. process_madvise would
 * save 0.1 of 1.4 us a stack. */
#define GUARD_BATCH 8u
#define SLAB_BYTES (8u << 20)         /* the first slab of a class */
#define SLAB_BYTES_MAX (512u << 20)   /* the largest */
#define SLAB_BYTES_LOCKED (16u << 20) /* the same where mapped memory may be locked memory */
#define KEEP_WARM 16u                 /* free stacks of a class that trimming spares */
#define TRIM_BATCH 4096u              /* stacks it gives back in one call */
#define TRIM_WINDOW 1000              /* ms */
#define MAPPINGS_EACH 2               /* what a PROTECT guard costs: its own, and a split */

struct asyncio__stackslab {
    struct asyncio__stackslab *next; /* older slab of the class */
    char *base;                      /* the mapping */
    size_t slot;                     /* bytes of a slot */
    size_t guard;                    /* bytes of its guard, at its low end */
    uint32_t slots;                  /* number of slots */
    uint32_t fresh;                  /* slots from here on were never handed out */
    uint32_t guarded;                /* slots below here have their guard; others of use: none */
    uint32_t ncold;                  /* bits set in cold */
    uint32_t dirty_from, dirty_to;   /* slots of this range turned cold just now */
    uint32_t cls;                    /* class */
    enum asyncio__guard kind;        /* of its guards */
    uint64_t cold[];                 /* bit i: slot i is cold */
};

/* ---- process-wide: what kind of guard, and how many mappings are left for it ---- */

static _Atomic(int) best_guard = ASYNCIO__GUARD_ADVICE;
static _Atomic(bool) unguarded_allowed;
static _Atomic(long) mappings_limit; /* 0: not yet read */
static _Atomic(long) mappings_taken;

void asyncio__stackpool_set_unguarded(bool allowed) { atomic_store(&unguarded_allowed, allowed); }

void asyncio__stackpool_force(enum asyncio__guard best, long mappings) {
    atomic_store(&best_guard, (int)best);
    atomic_store(&mappings_limit, mappings);
}

/* An eighth of what the kernel allows is left to the rest of the program. */
static long read_mappings_limit(void) {
    char text[32] = "";
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        if (n > 0) text[n] = 0;
        close(fd);
    }
    long count = strtol(text, NULL, 10);
    if (count <= 0) count = 65530;
    return count - count / 8;
}

static bool take_mappings(void) {
    long limit = atomic_load(&mappings_limit);
    if (limit == 0) {
        limit = read_mappings_limit();
        atomic_store(&mappings_limit, limit);
    }
    if (atomic_fetch_add(&mappings_taken, MAPPINGS_EACH) + MAPPINGS_EACH <= limit) return true;
    atomic_fetch_sub(&mappings_taken, MAPPINGS_EACH);
    return false;
}

/* ---- slots ---- */

static size_t page_size(void) {
    static _Atomic(size_t) size;
    size_t n = atomic_load_explicit(&size, memory_order_relaxed);
    if (n == 0) {
        n = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&size, n, memory_order_relaxed);
    }
    return n;
}

static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

static char *slot_low(const struct asyncio__stackslab *slab, uint32_t i) {
    return slab->base + i * slab->slot + slab->guard;
}

static char *slot_end(const struct asyncio__stackslab *slab, uint32_t i) {
    return slab->base + (i + 1) * slab->slot;
}

static uint32_t slot_index(const struct asyncio__stackslab *slab, const char *low) {
    return (uint32_t)((size_t)(low - slab->base) / slab->slot);
}

static struct asyncio__stack *slot_stack(const struct asyncio__stackslab *slab, uint32_t i) {
    char *p = slot_end(slab, i) - sizeof(struct asyncio__stack) - 64 * (size_t)(i % COLOURS);
    return (struct asyncio__stack *)(void *)p;
}

/* Writes the descriptor of a slot whose memory is zero. */
static struct asyncio__stack *open_slot(struct asyncio__stackclass *c,
                                        struct asyncio__stackslab *slab, uint32_t i) {
    struct asyncio__stack *stack = slot_stack(slab, i);
    stack->low = slot_low(slab, i);
    stack->slab = slab;
    stack->cls = slab->cls;
    if (asyncio__annotate_open(stack) != 0) return NULL;
    c->warm++;
    return stack;
}

size_t asyncio__stack_guard(const struct asyncio__stack *stack) {
    const struct asyncio__stackslab *slab = stack->slab;
    return slot_index(slab, stack->low) < slab->guarded ? slab->guard : 0;
}

int asyncio__stack_class(size_t usable, unsigned *cls) {
    if (usable == 0) usable = 65536;
    if (usable < 16384 || usable > (size_t)1 << 30) return ASYNCIO_VALUE_ERROR;
    size_t least = getauxval(AT_MINSIGSTKSZ) + 4096; /* a signal must fit, and its handler */
    if (usable < least) usable = least;
    unsigned n = 0;
    while (((size_t)16384 << n) < usable) n++;
    *cls = n;
    return 0;
}

/* ---- guards ---- */

/* Whether the advice is taken and has an effect: a page with a guard cannot be populated. */
static bool advice_works(char *p, size_t guard) {
    if (madvise(p, guard, MADV_GUARD_INSTALL) != 0) return false;
    return madvise(p, guard, MADV_POPULATE_READ) != 0 && errno == EFAULT;
}

static bool guard_slot(struct asyncio__stackslab *slab, uint32_t i) {
    char *p = slab->base + i * slab->slot;
    if (slab->kind == ASYNCIO__GUARD_ADVICE) {
        return madvise(p, slab->guard, MADV_GUARD_INSTALL) == 0;
    }
    if (slab->kind == ASYNCIO__GUARD_NONE || !take_mappings()) return false;
    if (mprotect(p, slab->guard, PROT_NONE) == 0) return true;
    atomic_fetch_sub(&mappings_taken, MAPPINGS_EACH);
    return false;
}

/* Sees to it that slot `fresh` may be handed out. A slab that has handed out a slot without
 * a guard makes no more guards. A PROTECT guard is too dear to be made in advance. */
static bool guard_fresh(struct asyncio__stackslab *slab) {
    if (slab->fresh < slab->guarded) return true;
    uint32_t n = slab->kind == ASYNCIO__GUARD_ADVICE ? GUARD_BATCH : 1;
    while (slab->guarded >= slab->fresh && n-- > 0 && slab->guarded < slab->slots) {
        if (!guard_slot(slab, slab->guarded)) break;
        slab->guarded++;
    }
    return slab->guarded > slab->fresh || atomic_load(&unguarded_allowed);
}

/* ---- slabs ---- */

static enum asyncio__guard choose_guard(char *base, size_t guard) {
    int best = atomic_load(&best_guard);
    if (best == ASYNCIO__GUARD_ADVICE && asyncio__annotate_advice_fits() &&
        advice_works(base, guard)) {
        return ASYNCIO__GUARD_ADVICE;
    }
    return best == ASYNCIO__GUARD_NONE ? ASYNCIO__GUARD_NONE : ASYNCIO__GUARD_PROTECT;
}

/* A mapping of *slots slots; of fewer, if the system will not give as much. */
static char *map_slots(size_t slot, uint32_t *slots) {
    for (; *slots > 0; *slots /= 2) {
        if (asyncio__alloc_check() != 0) return NULL;
        void *p = mmap(NULL, slot * *slots, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (p != MAP_FAILED) return p;
    }
    return NULL;
}

static uint32_t slots_within(size_t bytes, size_t slot) {
    return bytes > slot ? (uint32_t)(bytes / slot) : 1;
}

static struct asyncio__stackslab *make_slab(struct asyncio__stackclass *c, uint32_t cls,
                                            size_t guard) {
    size_t page = page_size();
    size_t slot = guard + round_up((size_t)16384 << cls, page) + page;
    if (c->slots == 0) c->slots = slots_within(SLAB_BYTES, slot);
    uint32_t slots = c->slots;
    char *base = map_slots(slot, &slots);
    if (base == NULL) return NULL;
    struct asyncio__stackslab *slab =
        asyncio__calloc(1, sizeof *slab + (slots + 63) / 64 * sizeof slab->cold[0]);
    if (slab == NULL) {
        munmap(base, slot * slots);
        return NULL;
    }
    madvise(base, slot * slots, MADV_NOHUGEPAGE);
    slab->base = base;
    slab->slot = slot;
    slab->guard = guard;
    slab->slots = slots;
    slab->cls = cls;
    slab->kind = choose_guard(base, guard);
    size_t most = slab->kind == ASYNCIO__GUARD_ADVICE ? SLAB_BYTES_MAX : SLAB_BYTES_LOCKED;
    c->slots = slots_within(most, slot) < 2 * slots ? slots_within(most, slot) : 2 * slots;
    slab->next = c->slabs;
    c->slabs = slab;
    return slab;
}

static void free_slab(struct asyncio__stackslab *slab) {
    if (slab->kind == ASYNCIO__GUARD_PROTECT) {
        atomic_fetch_sub(&mappings_taken, (long)slab->guarded * MAPPINGS_EACH);
    }
    munmap(slab->base, slab->slot * slab->slots);
    asyncio__free(slab);
}

/* ---- getting a stack ---- */

static struct asyncio__stack *take_doomed(struct asyncio__stackclass *c) {
    struct asyncio__stack *stack = c->doomed;
    if (stack == NULL) return NULL;
    c->doomed = stack->next;
    c->nfree--;
    asyncio__annotate_get(stack);
    return stack;
}

static uint32_t first_cold(const struct asyncio__stackslab *slab) {
    uint32_t word = 0;
    while (slab->cold[word] == 0) word++;
    return word * 64 + (uint32_t)__builtin_ctzll(slab->cold[word]);
}

static struct asyncio__stack *take_cold(struct asyncio__stackclass *c) {
    if (c->cold == 0) return NULL;
    struct asyncio__stackslab *slab = c->slabs;
    while (slab->ncold == 0) slab = slab->next;
    uint32_t i = first_cold(slab);
    struct asyncio__stack *stack = open_slot(c, slab, i);
    if (stack == NULL) return NULL;
    slab->cold[i / 64] &= ~(UINT64_C(1) << i % 64);
    slab->ncold--;
    c->cold--;
    return stack;
}

/* Only the newest slab has fresh slots. */
static struct asyncio__stack *take_fresh(struct asyncio__stackclass *c) {
    struct asyncio__stackslab *slab = c->slabs;
    if (!guard_fresh(slab)) return NULL;
    struct asyncio__stack *stack = open_slot(c, slab, slab->fresh);
    if (stack != NULL) slab->fresh++;
    return stack;
}

struct asyncio__stack *asyncio__stack_refill(struct asyncio__stackpool *pool, unsigned cls) {
    struct asyncio__stackclass *c = &pool->classes[cls];
    struct asyncio__stack *stack = take_doomed(c);
    if (stack != NULL) return stack;
    stack = take_cold(c);
    if (stack != NULL) return stack;
    if (c->slabs == NULL || c->slabs->fresh == c->slabs->slots || c->slabs->guard != pool->guard) {
        if (make_slab(c, cls, pool->guard) == NULL) return NULL;
        pool->used |= 1u << cls;
    }
    return take_fresh(c);
}

/* ---- giving memory back ---- */

/* Moves what lay unused for the whole window to `doomed`, except the first KEEP_WARM. */
static void doom_untouched(struct asyncio__stackclass *c) {
    struct asyncio__stack **link = &c->free;
    bool passed = false; /* whether the untouched part begins among those first */
    for (unsigned i = 0; i < KEEP_WARM && *link != NULL; i++) {
        passed = passed || *link == c->untouched;
        link = &(*link)->next;
    }
    if (c->untouched == NULL || c->doomed != NULL) return;
    if (!passed) link = &c->untouched->next;
    c->doomed = *link;
    *link = NULL;
}

static void mark_cold(struct asyncio__stackclass *c, struct asyncio__stack *stack) {
    struct asyncio__stackslab *slab = stack->slab;
    uint32_t i = slot_index(slab, stack->low);
    asyncio__annotate_close(stack);
    slab->cold[i / 64] |= UINT64_C(1) << i % 64;
    slab->ncold++;
    if (slab->dirty_from >= slab->dirty_to) slab->dirty_from = slab->dirty_to = i;
    if (i < slab->dirty_from) slab->dirty_from = i;
    if (i >= slab->dirty_to) slab->dirty_to = i + 1;
    c->warm--;
    c->cold++;
}

static bool is_cold(const struct asyncio__stackslab *slab, uint32_t i) {
    return slab->cold[i / 64] >> i % 64 & 1;
}

/* One call a run of neighbours; the guards between them stay. */
static void drop_runs(struct asyncio__stackslab *slab) {
    uint32_t i = slab->dirty_from;
    while (i < slab->dirty_to) {
        uint32_t from = i;
        while (i < slab->dirty_to && is_cold(slab, i)) i++;
        if (i > from) {
            char *p = slot_low(slab, from);
            madvise(p, (size_t)(slot_end(slab, i - 1) - p), MADV_DONTNEED);
        }
        i++;
    }
    slab->dirty_from = slab->dirty_to = 0;
}

/* Gives back what mark_cold marked; slabs with nothing else in use go as a whole. */
static void drop_cold(struct asyncio__stackclass *c) {
    struct asyncio__stackslab **link = &c->slabs, *slab;
    while ((slab = *link) != NULL) {
        if (slab->ncold == slab->fresh && slab->ncold > 0) {
            *link = slab->next;
            c->cold -= slab->ncold;
            free_slab(slab);
            continue;
        }
        if (slab->dirty_from < slab->dirty_to) drop_runs(slab);
        link = &slab->next;
    }
}

static uint32_t drop_doomed(struct asyncio__stackclass *c, uint32_t limit) {
    uint32_t n = 0;
    while (c->doomed != NULL && n < limit) {
        struct asyncio__stack *stack = c->doomed;
        c->doomed = stack->next;
        c->nfree--;
        mark_cold(c, stack);
        n++;
    }
    if (n > 0) drop_cold(c);
    return n;
}

/* Whether there may be something to give back, now or at the end of a window. */
static bool has_spare(const struct asyncio__stackpool *pool) {
    for (uint32_t used = pool->used; used != 0; used &= used - 1) {
        const struct asyncio__stackclass *c = &pool->classes[__builtin_ctz(used)];
        if (c->nfree > KEEP_WARM) return true;
    }
    return false;
}

static void close_window(struct asyncio__stackpool *pool, bool judge) {
    for (uint32_t used = pool->used; used != 0; used &= used - 1) {
        struct asyncio__stackclass *c = &pool->classes[__builtin_ctz(used)];
        if (judge) doom_untouched(c);
        c->untouched = c->free;
    }
}

static bool drop_some(struct asyncio__stackpool *pool) {
    uint32_t limit = TRIM_BATCH;
    bool more = false;
    for (uint32_t used = pool->used; used != 0; used &= used - 1) {
        struct asyncio__stackclass *c = &pool->classes[__builtin_ctz(used)];
        limit -= drop_doomed(c, limit);
        more = more || c->doomed != NULL;
    }
    return more;
}

int asyncio__stackpool_trim_at(struct asyncio__stackpool *pool, int64_t now_ms) {
    if (!has_spare(pool)) {
        pool->window = 0;
        return -1;
    }
    if (pool->window == 0 || now_ms >= pool->window) {
        close_window(pool, pool->window != 0);
        pool->window = now_ms + TRIM_WINDOW;
    }
    if (drop_some(pool)) return 0;
    return has_spare(pool) ? (int)(pool->window - now_ms) : -1;
}

int asyncio__stackpool_trim(struct asyncio__stackpool *pool) {
    if (!has_spare(pool)) {
        pool->window = 0;
        return -1;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return asyncio__stackpool_trim_at(pool, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1);
}

/* ---- the pool ---- */

int asyncio__stackpool_init(struct asyncio__stackpool *pool) {
    memset(pool, 0, sizeof *pool);
    asyncio__stackpool_set_guard(pool, ASYNCIO__GUARD_DEFAULT);
    if (getenv("ASYNCIO_UNGUARDED_STACKS") != NULL) asyncio__stackpool_set_unguarded(true);
    return 0;
}

int asyncio__stackpool_set_guard(struct asyncio__stackpool *pool, size_t bytes) {
    if (bytes < ASYNCIO__GUARD_MIN || bytes > ASYNCIO__GUARD_MAX) return ASYNCIO_VALUE_ERROR;
    pool->guard = (uint32_t)round_up(bytes, page_size());
    return 0;
}

void asyncio__stackpool_fini(struct asyncio__stackpool *pool) {
    for (unsigned cls = 0; cls < ASYNCIO__STACK_CLASSES; cls++) {
        struct asyncio__stackslab *slab;
        while ((slab = pool->classes[cls].slabs) != NULL) {
            pool->classes[cls].slabs = slab->next;
            for (uint32_t i = 0; ASYNCIO__ANNOTATED && i < slab->fresh; i++) {
                if (!is_cold(slab, i)) asyncio__annotate_close(slot_stack(slab, i));
            }
            free_slab(slab);
        }
    }
    memset(pool, 0, sizeof *pool);
}

void asyncio__stackpool_stats(const struct asyncio__stackpool *pool,
                              struct asyncio__stackstats *stats) {
    memset(stats, 0, sizeof *stats);
    for (unsigned cls = 0; cls < ASYNCIO__STACK_CLASSES; cls++) {
        const struct asyncio__stackclass *c = &pool->classes[cls];
        stats->free += c->nfree;
        stats->in_use += c->warm - c->nfree;
        stats->cold += c->cold;
        for (const struct asyncio__stackslab *slab = c->slabs; slab != NULL; slab = slab->next) {
            uint32_t guarded = slab->guarded < slab->fresh ? slab->guarded : slab->fresh;
            stats->mapped += slab->slot * slab->slots;
            stats->slabs++;
            stats->guards[slab->kind] += guarded;
            stats->guards[ASYNCIO__GUARD_NONE] += slab->fresh - guarded;
        }
    }
}
