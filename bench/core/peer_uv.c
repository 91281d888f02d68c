/* SPDX-License-Identifier: MIT
 *
 * peer_uv.c: libuv (Debian's libuv1-dev): timers. It has no tasks; a timer is what a sleep is
 * to it, and its memory what a sleeping task's would be without a stack.
 */
#include <uv.h>

#include "bench.h"

static void do_nothing(uv_timer_t *timer) { (void)timer; }

/* A delay of 1,000 to 5,000 seconds, in ms. */
static uint64_t far_delay(void) {
    static unsigned x = 123;
    x = x * 1664525 + 1013904223;
    return 1000000 + x / 1000;
}

static uv_timer_t *arm_many(uv_loop_t *loop, long n) {
    uv_timer_t *timers = calloc((size_t)n + 1, sizeof *timers);
    if (!timers) bench_fail("no memory");
    for (long i = 0; i < n; i++) {
        uv_timer_init(loop, &timers[i]);
        uv_timer_start(&timers[i], do_nothing, far_delay(), 0);
    }
    return timers;
}

static void run_timer(long n) {
    uv_loop_t *loop = uv_default_loop();
    n = bench_population(n);
    arm_many(loop, n);
    long times = bench_times(1000000);
    uv_timer_t timer;
    uv_timer_init(loop, &timer);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) {
            uv_timer_start(&timer, do_nothing, far_delay(), 0);
            uv_timer_stop(&timer);
        }
        double each = (bench_now() - start) / (double)times;
        if (round > 0) bench_print(bench_name("timer", n).text, each, "ns");
    }
}

static void run_memory(long n) {
    n = bench_population(n);
    struct bench_memory before = bench_memory();
    arm_many(uv_default_loop(), n);
    bench_print_memory("memory.sleep", n, before);
}

static const struct bench_group groups[] = {
    { "timer.0", run_timer, 0 },
    { "timer.1000", run_timer, 1000 },
    { "timer.100000", run_timer, 100000 },
    { "timer.1000000", run_timer, 1000000 },
    { "memory.sleep.100000", run_memory, 100000 },
    { "memory.sleep.1000000", run_memory, 1000000 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
