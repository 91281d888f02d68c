/* SPDX-License-Identifier: MIT
 *
 * combine/peer_uv.c: libuv: timers without tasks, all armed before the loop runs.
 */
#include <uv.h>

#include "bench.h"

struct sleeper {
    uv_timer_t timer;
    double due;
};

static double late, latest;

static void wake(uv_timer_t *timer) {
    double one = bench_clock() - ((struct sleeper *)(void *)timer)->due;
    late += one;
    if (one > latest) latest = one;
}

static void run_sleeps(long n) {
    unsigned x = 123;
    n = bench_population(n);
    late = latest = 0;
    struct sleeper *sleepers = calloc((size_t)n, sizeof *sleepers);
    uv_loop_t *loop = uv_default_loop();
    double start = bench_now();
    uv_update_time(loop);
    for (long i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        double delay = (double)(x >> 8) / (1 << 24);
        sleepers[i].due = bench_clock() + delay;
        uv_timer_init(loop, &sleepers[i].timer);
        uv_timer_start(&sleepers[i].timer, wake, (uint64_t)(delay * 1e3 + 0.5), 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    bench_print_sleeps(n, (bench_now() - start) / 1e9, late, latest);
}

static const struct bench_group groups[] = {
    { "sleeps.100000", run_sleeps, 100000 },
    { "sleeps.1000000", run_sleeps, 1000000 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
