/* SPDX-License-Identifier: MIT
 *
 * limit.c: how fast a yield could be: K stacks in a ring, and nothing but the switch. No
 * queue, no loop, no cancellation, no look at the clock. It has the shape of the calls in core.c:
 * a loop that calls a function that switches.
 */
#include "context/cpu.h"
#include "context/stack.h"

#include "bench.h"

#define NOINLINE __attribute__((noinline))

struct member {
    struct asyncio__cpu cpu;
    struct member *next;
};

static struct member *current;
static struct asyncio__cpu outside;

static struct {
    const char *row;
    long n, times;
} plan;

static NOINLINE int yield(void) {
    struct member *self = current, *next = self->next;
    current = next;
    if (next != self) asyncio__cpu_switch(&self->cpu, &next->cpu);
    return 0;
}

/* Everybody yields the same number of times; the first takes the time, and is the first to
 * be through, so it is also who leaves the ring for good. */
#define SPINNER(name, call)                                                                        \
    static NOINLINE void name(void) {                                                              \
        bool first = plan.row != NULL;                                                             \
        const char *row = plan.row;                                                                \
        plan.row = NULL;                                                                           \
        for (int round = 0; round <= bench.rounds; round++) {                                      \
            double start = bench_now();                                                            \
            for (long i = 0; i < plan.times; i++) {                                                \
                if (call < 0) bench_fail("a yield");                                               \
                __asm__ volatile("# " #name);                                                      \
            }                                                                                      \
            double each = (bench_now() - start) / (double)(plan.times * plan.n);                   \
            if (first && round > 0) bench_print(row, each, "ns");                                  \
        }                                                                                          \
        asyncio__cpu_jump(&outside);                                                               \
    }

#define PLAIN(name, call)                                                                          \
    static NOINLINE int name(void) {                                                               \
        int rc = call;                                                                             \
        __asm__ volatile("# " #name); /* no two of them are alike and merged */                    \
        return rc;                                                                                 \
    }
PLAIN(deep_3, yield())
PLAIN(deep_2, deep_3())
PLAIN(deep_1, deep_2())
PLAIN(flat_2, yield())
PLAIN(flat_1, flat_2())

SPINNER(spin, yield())
SPINNER(spin_elsewhere, yield())
SPINNER(spin_deep, deep_1())
SPINNER(spin_flat, flat_1())

static void measure_ring(const char *row, long n, void (*even)(void), void (*odd)(void)) {
    struct asyncio__stackpool pool;
    struct member *ring = calloc((size_t)n, sizeof *ring);
    unsigned cls;
    if (asyncio__stackpool_init(&pool) != 0 || asyncio__stack_class(0, &cls) != 0 || !ring) {
        bench_fail("no memory");
    }
    for (long i = 0; i < n; i++) {
        struct asyncio__stack *stack = asyncio__stack_get(&pool, cls);
        if (!stack) bench_fail("no stack");
        ring[i].next = &ring[(i + 1) % n];
        asyncio__cpu_init(&ring[i].cpu, stack, i % 2 ? odd : even);
    }
    plan.row = row;
    plan.n = n;
    plan.times = bench_times(4000000) / n;
    if (plan.times < 2) plan.times = 2;
    current = &ring[0];
    asyncio__cpu_switch(&outside, &ring[0].cpu);
    asyncio__stackpool_fini(&pool);
    free(ring);
}

static void run_yield(long n) {
    n = bench_population(n);
    measure_ring(bench_name("yield", n).text, n, spin, spin);
}

static void run_sites(long n) {
    measure_ring(bench_name("yield.sites", n).text, n, spin, spin_elsewhere);
    measure_ring(bench_name("yield.depth", n).text, n, spin_deep, spin_flat);
}

static const struct bench_group groups[] = {
    { "yield.2", run_yield, 2 },
    { "yield.10", run_yield, 10 },
    { "yield.1000", run_yield, 1000 },
    { "yield.10000", run_yield, 10000 },
    { "yield.100000", run_yield, 100000 },
    { "sites", run_sites, 2 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
