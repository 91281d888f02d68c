/* SPDX-License-Identifier: MIT
 *
 * tests/unit/context/cpu.c: the switch keeps what C code relies on. The functions that switch
 * are of every shape a compiler treats differently: leaf, deep, with floating point, with a
 * frame of variable size, with realigned locals.
 */
#include "context/cpu.h"

#include <alloca.h>
#include <execinfo.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct asyncio__stackpool pool;
static struct asyncio__cpu home;    /* the thread's own stack */
static struct asyncio__cpu side[3]; /* others */
static struct asyncio__stack *stacks[3];
static char steps[256]; /* what ran, in order */

#define AT_HOME __attribute__((noinline, noclone))
#ifdef __clang__
#undef AT_HOME
#define AT_HOME __attribute__((noinline))
#endif

static void start(int i, void (*entry)(void)) {
    unsigned cls;
    CHECK_INT(asyncio__stack_class(0, &cls), 0);
    if (stacks[i] == NULL) stacks[i] = asyncio__stack_get(&pool, cls);
    CHECK(stacks[i] != NULL);
    asyncio__cpu_init(&side[i], stacks[i], entry);
}

static void setup(void) { CHECK_INT(asyncio__stackpool_init(&pool), 0); }

static void teardown(void) {
    for (int i = 0; i < 3; i++)
        if (stacks[i] != NULL) asyncio__stack_put(&pool, stacks[i]);
    asyncio__stackpool_fini(&pool);
}

static AT_HOME void go(int i) { asyncio__cpu_switch(&home, &side[i]); }

static AT_HOME void back(int i) { asyncio__cpu_switch(&side[i], &home); }

static void note(const char *what) { strcat(steps, what); }

/* ---- order ---- */

static void count_to_three(void) {
    for (const char *p = "1\0"
                         "2\0"
                         "3\0";
         *p; p += 2) {
        note(p);
        back(0);
    }
    note("end");
    asyncio__cpu_jump(&home);
}

TEST(a_stack_goes_on_where_it_was_left) {
    setup();
    start(0, count_to_three);
    for (int i = 0; i < 3; i++) {
        go(0);
        note(",");
    }
    go(0);
    CHECK_STR(steps, "1,2,3,end");
    teardown();
}

static void pass_to_second(void) {
    for (;;) {
        note("a");
        asyncio__cpu_switch(&side[0], &side[1]);
    }
}

static void pass_home(void) {
    for (;;) {
        note("b");
        asyncio__cpu_switch(&side[1], &home);
    }
}

TEST(stacks_switch_to_each_other_directly) {
    setup();
    start(0, pass_to_second);
    start(1, pass_home);
    for (int i = 0; i < 4; i++) go(0);
    CHECK_STR(steps, "abababab");
    teardown();
}

static void begin_anew(void) {
    note("new");
    asyncio__cpu_jump(&home);
}

static void leave_to_itself(void) {
    volatile int a[5] = { 1, 2, 3, 4, 5 };
    note("old,");
    asyncio__stack_put(&pool, stacks[0]);
    stacks[0] = asyncio__stack_get(&pool, stacks[0]->cls);
    asyncio__cpu_init(&side[0], stacks[0], begin_anew);
    CHECK_INT(a[0] + a[1] + a[2] + a[3] + a[4], 15);
    asyncio__cpu_jump(&side[0]);
}

TEST(a_jump_may_enter_the_very_stack_it_leaves) {
    setup();
    start(0, leave_to_itself);
    go(0);
    CHECK_STR(steps, "old,new");
    teardown();
}

static int tally; /* its address is not taken, and nobody below writes it but run_tally */

static void run_tally(void) {
    for (;;) {
        tally++;
        back(0);
    }
}

TEST(static_variables_are_read_again_after_a_switch) {
    setup();
    start(0, run_tally);
    while (tally < 5) go(0);
    CHECK_INT(tally, 5);
    teardown();
}

static void finish_at_once(void) { asyncio__cpu_jump(&home); }

TEST(a_stack_is_used_over_and_over) {
    setup();
    for (int i = 0; i < 20000; i++) {
        start(0, finish_at_once);
        go(0);
    }
    teardown();
}

/* ---- what is kept ---- */

/* More integers than there are registers, all alive over each switch. */
static AT_HOME unsigned long mix(int i, unsigned long a) {
    unsigned long b = a * 3, c = a ^ 5, d = a + 7, e = a * 11, f = a - 13, g = a ^ 17, h = a * 19;
    unsigned long k = a + 23, l = a * 29, m = a ^ 31, n = a * 37, o = a - 41, p = a + 43;
    for (int round = 0; round < 3; round++) {
        asyncio__cpu_switch(&side[i], &home);
        a += b ^ o, b += c ^ p, c += d ^ n, d += e ^ m, e += f ^ l, f += g ^ k, g += h ^ a;
        h += k, k += l, l += m, m += n, n += o, o += p, p += a;
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ k ^ l ^ m ^ n ^ o ^ p;
}

static unsigned long mixed[2];

static void mix_0(void) {
    mixed[0] = mix(0, 1234567);
    asyncio__cpu_jump(&home);
}

static void mix_1(void) {
    mixed[1] = mix(1, 1234567);
    asyncio__cpu_jump(&home);
}

TEST(integers_in_registers_are_kept) {
    setup();
    start(0, mix_0);
    start(1, mix_1);
    for (int i = 0; i < 4; i++) {
        unsigned long a = (unsigned long)i * 3 + 1, b = a * 5, c = b * 7, d = c * 11, e = d * 13;
        asyncio__cpu_switch(&home, &side[0]);
        asyncio__cpu_switch(&home, &side[1]);
        CHECK(a == (unsigned long)i * 3 + 1 && b == a * 5 && c == b * 7 && d == c * 11);
        CHECK(e == d * 13);
    }
    CHECK_INT(mixed[0], mixed[1]);
    CHECK(mixed[0] != 0);
    teardown();
}

static AT_HOME void sums(int i, double *sum, long double *long_sum) {
    double x = i + 0.5, y = x * 2, z = y * 2;
    long double lx = (long double)i + 0.25L, ly = lx * 2;
    float fx = (float)i + 0.125f;
    for (int round = 0; round < 5; round++) {
        asyncio__cpu_switch(&side[i], &home);
        x += y, y += z, z += fx;
        lx += ly, ly += x;
        fx *= 2;
    }
    *sum = x + y + z + (double)fx;
    *long_sum = lx + ly;
}

static double sum[2];
static long double long_sum[2];

static void sums_0(void) {
    sums(0, &sum[0], &long_sum[0]);
    asyncio__cpu_jump(&home);
}

static void sums_1(void) {
    sums(1, &sum[1], &long_sum[1]);
    asyncio__cpu_jump(&home);
}

TEST(floating_point_is_kept) {
    setup();
    start(0, sums_0);
    start(1, sums_1);
    double mine = sqrt(2.0);
    for (int i = 0; i < 6; i++) {
        asyncio__cpu_switch(&home, &side[0]);
        mine *= 2;
        asyncio__cpu_switch(&home, &side[1]);
    }
    CHECK_NEAR(mine, 64 * sqrt(2.0), 0);
    double alone[2];
    long double long_alone[2];
    for (int i = 0; i < 2; i++) { /* the same without switches */
        double x = i + 0.5, y = x * 2, z = y * 2;
        long double lx = (long double)i + 0.25L, ly = lx * 2;
        float fx = (float)i + 0.125f;
        for (int round = 0; round < 5; round++) {
            x += y, y += z, z += fx;
            lx += ly, ly += x;
            fx *= 2;
        }
        alone[i] = x + y + z + (double)fx;
        long_alone[i] = lx + ly;
        CHECK_NEAR(sum[i], alone[i], 0);
        CHECK(long_sum[i] == long_alone[i]);
    }
    teardown();
}

/* Nothing but a few locals and a switch: were the function a leaf to the compiler, they would
 * lie below the stack pointer, where the switch writes. */
static AT_HOME int leaf(int seed) {
    volatile int a[20];
    for (int i = 0; i < 20; i++) a[i] = seed + i;
    asyncio__cpu_switch(&home, &side[0]);
    int bad = 0;
    for (int i = 0; i < 20; i++) bad += a[i] != seed + i;
    return bad;
}

static AT_HOME int leaf_aside(int seed) {
    volatile int a[20];
    for (int i = 0; i < 20; i++) a[i] = seed + i;
    asyncio__cpu_switch(&side[0], &home);
    int bad = 0;
    for (int i = 0; i < 20; i++) bad += a[i] != seed + i;
    return bad;
}

static int leaf_bad;

static void run_leaf_aside(void) {
    for (;;) leaf_bad += leaf_aside(77);
}

TEST(locals_of_a_function_without_calls_are_kept) {
    setup();
    start(0, run_leaf_aside);
    for (int i = 0; i < 5; i++) CHECK_INT(leaf(i), 0);
    CHECK_INT(leaf_bad, 0);
    teardown();
}

/* Both make compilers address locals by a register of its own (rbx, x19). */
static AT_HOME int odd_frame(size_t n) {
    _Alignas(128) char aligned[128];
    char *variable = alloca(n);
    memset(aligned, 1, sizeof aligned);
    memset(variable, 2, n);
    int before = (int)((uintptr_t)aligned % 128);
    asyncio__cpu_switch(&side[0], &home);
    int bad = before;
    for (size_t i = 0; i < sizeof aligned; i++) bad += aligned[i] != 1;
    for (size_t i = 0; i < n; i++) bad += variable[i] != 2;
    return bad;
}

static int odd_bad;

static void run_odd_frame(void) {
    for (size_t n = 1;; n = n * 3 + 1) odd_bad += odd_frame(n % 3000);
}

TEST(frames_of_variable_size_and_alignment_are_kept) {
    setup();
    start(0, run_odd_frame);
    for (int i = 0; i < 10; i++) go(0);
    CHECK_INT(odd_bad, 0);
    teardown();
}

static AT_HOME long dive(int depth, long seed) {
    volatile long mine = seed * depth;
    if (depth % 7 == 0) back(0);
    long below = depth > 0 ? dive(depth - 1, seed) : 0;
    if (depth % 5 == 0) back(0);
    return below + mine - seed * depth;
}

static long dive_bad = -1;

static void run_dive(void) {
    dive_bad = dive(100, 12345);
    asyncio__cpu_jump(&home);
}

TEST(deep_calls_may_switch_at_every_depth) {
    setup();
    start(0, run_dive);
    while (dive_bad < 0) go(0);
    CHECK_INT(dive_bad, 0);
    teardown();
}

/* ---- what a new stack offers ---- */

static char line[200];

static AT_HOME void format(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
}

static void print_and_return(void) {
    format("%d %s %.3f %ld %Lf %c", 1, "two", 3.0, 4L, 5.0L, '6');
    asyncio__cpu_jump(&home);
}

TEST(variable_arguments_and_floats_print_on_a_new_stack) {
    setup();
    start(0, print_and_return);
    go(0);
    CHECK_STR(line, "1 two 3.000 4 5.000000 6");
    teardown();
}

static volatile sig_atomic_t caught;

static void catch_signal(int sig) { caught = sig; }

static void raise_and_return(void) {
    raise(SIGUSR1);
    asyncio__cpu_jump(&home);
}

TEST(signals_are_handled_on_a_new_stack) {
    setup();
    signal(SIGUSR1, catch_signal);
    start(0, raise_and_return);
    go(0);
    CHECK_INT(caught, SIGUSR1);
    teardown();
}

static int frames_first, frames_deep;

static AT_HOME int count_frames(void) {
    void *addresses[100];
    int n = backtrace(addresses, 100);
    return n;
}

static AT_HOME int count_below(int depth) {
    volatile int n = depth == 0 ? count_frames() : count_below(depth - 1);
    return n;
}

static void trace(void) {
    frames_first = count_frames();
    frames_deep = count_below(9);
    asyncio__cpu_jump(&home);
}

TEST(a_backtrace_ends_at_the_first_frame) {
    setup();
    count_frames(); /* loads what backtrace needs, on the large stack */
    start(0, trace);
    go(0);
    CHECK(frames_first >= 2 && frames_first <= 6); /* both functions, perhaps what led there */
    CHECK_INT(frames_deep, frames_first + 10);
    teardown();
}

#ifndef ASYNCIO_CONTEXT_UCONTEXT
static AT_HOME int walk_frame_pointers(void) {
    int n = 0;
    void **frame = __builtin_frame_address(0);
    while (frame != NULL && n < 100) {
        frame = *frame;
        n++;
    }
    return n;
}

static int chain;

static void walk_chain(void) {
    chain = walk_frame_pointers();
    asyncio__cpu_jump(&home);
}

TEST(the_chain_of_frame_pointers_ends) {
    setup();
    start(0, walk_chain);
    go(0);
    CHECK(chain >= 1 && chain <= 4);
    teardown();
}
#endif
