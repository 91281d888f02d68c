/* SPDX-License-Identifier: MIT
 *
 * tests/unit/context/stack.c: classes, recycling, guards and their substitutes, and memory
 * that goes back. Time is passed to the trimming by hand.
 */
#include "context/stack.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <asyncio/error.h>
#include <asyncio/testing.h>

#include "test.h"

static struct asyncio__stackpool pool;
static struct asyncio__stackstats stats;

static void setup(void) { CHECK_INT(asyncio__stackpool_init(&pool), 0); }

static void teardown(void) { asyncio__stackpool_fini(&pool); }

static void count(void) { asyncio__stackpool_stats(&pool, &stats); }

static unsigned class_of(size_t usable) {
    unsigned cls;
    CHECK_INT(asyncio__stack_class(usable, &cls), 0);
    return cls;
}

static struct asyncio__stack *get(size_t usable) {
    struct asyncio__stack *stack = asyncio__stack_get(&pool, class_of(usable));
    CHECK(stack != NULL);
    return stack;
}

static void put(struct asyncio__stack *stack) { asyncio__stack_put(&pool, stack); }

/* Guards as kernels without the advice make them; so do the tools that look on. */
static bool has_advice(void) {
    setup();
    get(0);
    count();
    teardown();
    return stats.guards[ASYNCIO__GUARD_ADVICE] > 0;
}

static size_t read_status(const char *field) {
    char line[200];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) kib = strtoul(line + strlen(field), NULL, 10);
    fclose(f);
    return kib * 1024;
}

static size_t read_available(void) {
    char line[200];
    size_t kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f)) (void)!sscanf(line, "MemAvailable: %zu", &kib);
    fclose(f);
    return kib * 1024;
}

static sigjmp_buf fault;

static void leave_fault(int sig) { siglongjmp(fault, sig); }

static bool faults(volatile char *p) {
    struct sigaction sa = { .sa_handler = leave_fault }, old;
    sigaction(SIGSEGV, &sa, &old);
    bool faulted = sigsetjmp(fault, 1) != 0;
    if (!faulted) *p = 1;
    sigaction(SIGSEGV, &old, NULL);
    return faulted;
}

/* ---- classes ---- */

TEST(sizes_are_rounded_up_to_classes) {
    setup();
    static const struct {
        size_t asked, given;
    } sizes[] = {
        { 0, 65536 },      { 16384, 16384 },   { 16385, 32768 },     { 65536, 65536 },
        { 65537, 131072 }, { 262144, 262144 }, { 1000000, 1 << 20 }, { 1 << 30, 1 << 30 }
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct asyncio__stack *stack = get(sizes[i].asked);
        CHECK(asyncio__stack_size(stack) >=
              sizes[i].given); /* more where signal frames are large */
        CHECK(sizes[i].given < 65536 || asyncio__stack_size(stack) == sizes[i].given);
        CHECK(asyncio__stack_usable(stack) >= asyncio__stack_size(stack));
        stack->low[0] = 1;
        put(stack);
    }
    teardown();
}

TEST(sizes_out_of_range_are_refused) {
    unsigned cls = 99;
    CHECK_INT(asyncio__stack_class(1, &cls), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio__stack_class(16383, &cls), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio__stack_class(((size_t)1 << 30) + 1, &cls), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio__stack_class((size_t)-1, &cls), ASYNCIO_VALUE_ERROR);
    CHECK_INT(cls, 99);
}

/* ---- recycling ---- */

TEST(the_stack_put_last_is_got_first) {
    setup();
    struct asyncio__stack *a = get(0), *b = get(0), *c = get(0);
    CHECK(a != b && b != c && a != c);
    put(a);
    put(c);
    CHECK_PTR(get(0), c);
    put(c);
    put(b);
    CHECK_PTR(get(0), b);
    CHECK_PTR(get(0), c);
    CHECK_PTR(get(0), a);
    teardown();
}

TEST(classes_do_not_mix) {
    setup();
    struct asyncio__stack *small = get(32768), *large = get(262144);
    put(small);
    put(large);
    CHECK_PTR(get(262144), large);
    CHECK_PTR(get(32768), small);
    teardown();
}

TEST(stacks_do_not_overlap) {
    setup();
    enum { N = 300 };
    struct asyncio__stack *stacks[N];
    for (int i = 0; i < N; i++) {
        stacks[i] = get(32768);
        memset(stacks[i]->low, i & 0xff, asyncio__stack_usable(stacks[i]));
    }
    for (int i = 0; i < N; i++) {
        for (size_t k = 0; k < asyncio__stack_usable(stacks[i]); k += 512)
            CHECK_INT((unsigned char)stacks[i]->low[k], i & 0xff);
    }
    teardown();
}

TEST(tops_of_neighbours_lie_in_different_cache_lines_of_a_page) {
    setup();
    uint64_t seen = 0;
    for (int i = 0; i < 16; i++) seen |= UINT64_C(1) << ((uintptr_t)get(0) % 4096 / 64);
    CHECK_INT(__builtin_popcountll(seen), 16);
    teardown();
}

TEST(a_fresh_stack_has_touched_one_page) {
    setup();
    struct asyncio__stack *stack = get(0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char resident[4096];
    char *top = (char *)((uintptr_t)stack / page * page);
    memset((char *)stack - 1024, 1, 1024); /* the first frames */
    size_t pages = (size_t)(top - stack->low) / page;
    CHECK_INT(mincore(stack->low, pages * page, resident), 0);
    for (size_t i = 0; i < pages; i++) CHECK_INT(resident[i] & 1, 0);
    teardown();
}

TEST(statistics_count_stacks) {
    setup();
    count();
    CHECK_INT(stats.mapped + stats.slabs + stats.in_use + stats.free + stats.cold, 0);
    struct asyncio__stack *a = get(0), *b = get(0);
    get(16384);
    put(a);
    count();
    CHECK_INT(stats.in_use, 2);
    CHECK_INT(stats.free, 1);
    CHECK_INT(stats.slabs, 2);
    CHECK_INT(stats.guards[0] + stats.guards[1], 3);
    CHECK_INT(stats.guards[ASYNCIO__GUARD_NONE], 0);
    put(b);
    teardown();
}

/* ---- guards ---- */

static void check_guard(struct asyncio__stack *stack) {
    size_t guard = asyncio__stack_guard(stack);
    CHECK(guard >= 16384);
    CHECK(!faults(stack->low));
    CHECK(faults(stack->low - 1));
    CHECK(faults(stack->low - 4096));
    CHECK(faults(stack->low - guard));
}

TEST(every_byte_of_the_guard_faults) {
    if (test_under_valgrind()) SKIP("valgrind makes faults of its own");
    setup();
    for (int i = 0; i < 60; i++) check_guard(get(0));
    check_guard(get(16384));
    check_guard(get(1 << 20));
    teardown();
}

TEST(the_guard_is_as_large_as_it_is_wanted) {
    if (test_under_valgrind()) SKIP("valgrind makes faults of its own");
    setup();
    CHECK_INT(asyncio__stack_guard(get(0)), ASYNCIO__GUARD_DEFAULT);
    CHECK_INT(asyncio__stackpool_set_guard(&pool, 16384), 0);
    struct asyncio__stack *small = get(0);
    CHECK_INT(asyncio__stack_guard(small), 16384);
    check_guard(small);
    CHECK_INT(asyncio__stackpool_set_guard(&pool, 1000001), 0);
    struct asyncio__stack *large = get(0);
    CHECK(asyncio__stack_guard(large) >= 1000001);
    check_guard(large);
    CHECK_INT(asyncio__stackpool_set_guard(&pool, 16383), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio__stackpool_set_guard(&pool, SIZE_MAX), ASYNCIO_VALUE_ERROR);
    put(large);
    put(small);
    teardown();
}

TEST(without_the_advice_guards_are_made_by_mprotect) {
    asyncio__stackpool_force(ASYNCIO__GUARD_PROTECT, 0);
    setup();
    struct asyncio__stack *stack = NULL;
    for (int i = 0; i < 100; i++) stack = get(0);
    count();
    CHECK_INT(stats.guards[ASYNCIO__GUARD_PROTECT], 100);
    if (!test_under_valgrind()) check_guard(stack);
    teardown();
}

TEST(there_are_no_more_stacks_when_the_mappings_are_spent) {
    asyncio__stackpool_force(ASYNCIO__GUARD_PROTECT, 20);
    setup();
    struct asyncio__stack *last = NULL;
    for (int i = 0; i < 10; i++) last = get(0);
    CHECK_PTR(asyncio__stack_get(&pool, class_of(0)), NULL);
    CHECK_PTR(asyncio__stack_get(&pool, class_of(16384)), NULL);
    put(last);
    CHECK_PTR(get(0), last);
    CHECK_PTR(asyncio__stack_get(&pool, class_of(0)), NULL);
    teardown();
    setup(); /* they came back */
    for (int i = 0; i < 10; i++) get(0);
    teardown();
}

TEST(stacks_without_a_guard_are_given_on_request) {
    asyncio__stackpool_force(ASYNCIO__GUARD_PROTECT, 20);
    setup();
    for (int i = 0; i < 10; i++) get(0);
    CHECK_PTR(asyncio__stack_get(&pool, class_of(0)), NULL);
    asyncio__stackpool_set_unguarded(true);
    for (int i = 0; i < 1000; i++) CHECK_INT(asyncio__stack_guard(get(0)), 0);
    count();
    CHECK_INT(stats.guards[ASYNCIO__GUARD_PROTECT], 10);
    CHECK_INT(stats.guards[ASYNCIO__GUARD_NONE], 1000);
    teardown();
}

TEST(the_environment_may_ask_for_stacks_without_a_guard) {
    asyncio__stackpool_force(ASYNCIO__GUARD_PROTECT, 1);
    setenv("ASYNCIO_UNGUARDED_STACKS", "1", 1);
    setup();
    CHECK_INT(asyncio__stack_guard(get(0)), 0);
    teardown();
}

TEST(locked_memory_gets_other_guards) {
    if (test_under_valgrind() || test_under_sanitizer()) SKIP("they lock nothing");
    setup();
    if (mlockall(MCL_FUTURE) != 0) SKIP("mlockall is not allowed");
    struct asyncio__stack *stack = asyncio__stack_get(&pool, class_of(16384));
    munlockall();
    if (stack == NULL) SKIP("too little memory may be locked");
    check_guard(stack);
    teardown();
}

/* ---- out of memory ---- */

TEST(a_failed_mapping_gives_no_stack_and_may_be_tried_again) {
    setup();
    for (int n = 1; n <= 2; n++) {
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("a build without fault injection");
        struct asyncio__stack *stack = asyncio__stack_get(&pool, class_of(0));
        asyncio_testing_fail_allocation(0);
        CHECK_PTR(stack, NULL);
    }
    count();
    CHECK_INT(stats.mapped, 0);
    get(0);
    teardown();
}

TEST(a_small_address_space_gives_small_slabs) {
    if (test_under_sanitizer() || test_under_valgrind()) SKIP("they need address space");
    setup();
    struct rlimit limit = { 0, RLIM_INFINITY };
    limit.rlim_cur = read_status("VmSize:") + (1u << 20);
    CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
    void *probe = mmap(NULL, 2u << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe != MAP_FAILED) SKIP("the limit has no effect here");
    struct asyncio__stack *stack = asyncio__stack_get(&pool, class_of(0));
    struct asyncio__stack *large = asyncio__stack_get(&pool, class_of(2u << 20));
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
    CHECK(stack != NULL);
    CHECK_PTR(large, NULL);
    count();
    CHECK(stats.mapped <= 1u << 20);
    teardown();
}

/* ---- giving memory back ---- */

enum { MANY = 400 };
static struct asyncio__stack *many[MANY];

static void use_many(int n) {
    for (int i = 0; i < n; i++) {
        many[i] = get(0);
        memset(many[i]->low, 1, asyncio__stack_usable(many[i]));
    }
    for (int i = 0; i < n; i++) put(many[i]);
}

TEST(unused_stacks_give_their_memory_back_after_a_window) {
    setup();
    size_t before = read_status("RssAnon:");
    use_many(MANY);
    size_t used = read_status("RssAnon:");
    CHECK_INT(asyncio__stackpool_trim_at(&pool, 5000), 1000);
    CHECK_INT(asyncio__stackpool_trim_at(&pool, 5999), 1);
    count();
    CHECK_INT(stats.free, MANY);
    asyncio__stackpool_trim_at(&pool, 6000);
    count();
    CHECK_INT(stats.free, 16);
    if (test_under_sanitizer() || test_under_valgrind()) SKIP("they use memory themselves");
    CHECK(used - before >= (size_t)MANY * 65536);
    CHECK(read_status("RssAnon:") - before < (size_t)40 * 65536);
    teardown();
}

TEST(trimming_wants_to_be_called_until_there_is_nothing_left) {
    setup();
    CHECK_INT(asyncio__stackpool_trim(&pool), -1);
    use_many(10);
    CHECK_INT(asyncio__stackpool_trim_at(&pool, 1), -1); /* that few are not worth it */
    use_many(MANY);
    int64_t now = 1, rounds = 0;
    for (int wait; (wait = asyncio__stackpool_trim_at(&pool, now)) >= 0; rounds++) now += wait;
    CHECK(rounds >= 1 && rounds <= 4);
    count();
    CHECK_INT(stats.free, 16);
    teardown();
}

TEST(stacks_in_use_within_the_window_stay_warm) {
    setup();
    use_many(MANY);
    asyncio__stackpool_trim_at(&pool, 1000);
    for (int64_t now = 1000; now < 9000; now += 500) {
        use_many(200);
        asyncio__stackpool_trim_at(&pool, now);
    }
    count();
    CHECK(stats.free >= 200 && stats.free < 240);
    teardown();
}

TEST(trimmed_stacks_come_back_zero_and_guarded) {
    setup();
    use_many(MANY);
    struct asyncio__stack *kept = get(0); /* so that no slab goes as a whole */
    asyncio__stackpool_trim_at(&pool, 1);
    asyncio__stackpool_trim_at(&pool, 2000);
    count();
    CHECK(stats.cold > 0);
    size_t cold = stats.cold, mapped = stats.mapped;
    for (size_t i = 0; i < 16 + cold; i++) {
        struct asyncio__stack *stack = get(0);
        if (i < 16) continue;
        CHECK_INT(stack->low[0], 0);
        CHECK_INT(stack->low[60000], 0);
        if (!test_under_valgrind()) CHECK(faults(stack->low - 1) && faults(stack->low - 16000));
        stack->low[0] = 1;
    }
    count();
    CHECK_INT(stats.cold, 0);
    CHECK_INT(stats.mapped, mapped);
    put(kept);
    teardown();
}

TEST(slabs_without_a_user_are_unmapped) {
    setup();
    for (int i = 0; i < MANY; i++) many[i] = get(0);
    for (int i = MANY; i-- > 0;) put(many[i]); /* the few that stay are of the first slab */
    count();
    size_t before = stats.mapped;
    asyncio__stackpool_trim_at(&pool, 1);
    asyncio__stackpool_trim_at(&pool, 2000);
    count();
    CHECK(stats.mapped < before / 10);
    CHECK_INT(stats.slabs, 1);
    use_many(MANY);
    count();
    CHECK_INT(stats.free, MANY);
    teardown();
}

TEST(trimming_takes_small_steps) {
    if (test_under_sanitizer() || test_under_valgrind()) SKIP("too many stacks for them");
    setup();
    enum { N = 10000 };
    static struct asyncio__stack *stacks[N];
    for (int i = 0; i < N; i++) stacks[i] = get(16384);
    for (int i = 0; i < N; i++) put(stacks[i]);
    asyncio__stackpool_trim_at(&pool, 1);
    CHECK_INT(asyncio__stackpool_trim_at(&pool, 2000), 0);
    count();
    size_t left = stats.free;
    CHECK(left > N / 2 && left < N);
    struct asyncio__stack *again[N / 2]; /* what is on its way out may still be used */
    for (int i = 0; i < N / 2; i++) again[i] = get(16384);
    count();
    CHECK_INT(stats.free, left - N / 2);
    for (int i = 0; i < N / 2; i++) put(again[i]);
    while (asyncio__stackpool_trim_at(&pool, 2001) == 0) continue;
    teardown();
}

/* ---- many ---- */

static void map_and_touch(size_t n) {
    if (!has_advice()) SKIP("the kernel has no guards without mappings");
    setup();
    size_t before = read_status("VmRSS:");
    for (size_t i = 0; i < n; i++) {
        struct asyncio__stack *stack = get(0);
        ((volatile char *)stack)[-64] = 1;
    }
    count();
    CHECK_INT(stats.in_use, n);
    CHECK_INT(stats.guards[ASYNCIO__GUARD_ADVICE], n);
    CHECK((read_status("VmRSS:") - before) / n <= 4160);
    CHECK(read_status("VmPTE:") / n <= 560); /* 8 bytes for each 4 KiB of guard and stack */
    teardown();
}

TEST(a_hundred_thousand_stacks) {
    if (read_available() < (size_t)1 << 30) SKIP("less than 1 GiB of memory is available");
    map_and_touch(100000);
}

TEST_TIMEOUT(a_million_stacks, 60) {
    if (read_available() < (size_t)8 << 30) SKIP("less than 8 GiB of memory is available");
    map_and_touch(1000000);
}
