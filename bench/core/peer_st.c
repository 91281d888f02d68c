/* SPDX-License-Identifier: MIT
 *
 * peer_st.c: State Threads (Debian's libst-dev), the rows that it can do.
 *
 * It has no yield, and st_usleep(0) asks the kernel each time; a circle of threads that wake
 * each other by condition variables is its cheapest way to pass the turn on.
 */
#include <st.h>

#include "bench.h"

#define POPULATION_MAX 1000000
#define STACK_SIZE 65536

static st_thread_t threads[POPULATION_MAX];

static st_thread_t spawn(void *(*fn)(void *), void *arg) {
    st_thread_t thread = st_thread_create(fn, arg, 1, STACK_SIZE);
    if (!thread) bench_fail("st_thread_create");
    return thread;
}

static void join_threads(long n) {
    for (long i = 0; i < n; i++) st_thread_join(threads[i], NULL);
}

/* ---- yields ---- */

static struct {
    const char *row;
    long n, times;
    st_cond_t *turn;
} circle;

static void *spin(void *arg) {
    long self = (long)arg, next = (self + 1) % circle.n;
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < circle.times; i++) {
            st_cond_signal(circle.turn[next]);
            st_cond_wait(circle.turn[self]);
        }
        double each = (bench_now() - start) / (double)(circle.times * circle.n);
        if (self == 0 && round > 0) bench_print(circle.row, each, "ns");
    }
    st_cond_signal(circle.turn[next]);
    return NULL;
}

static void run_yield(long n) {
    n = bench_population(n);
    struct bench_name name = bench_name("yield", n);
    circle.row = name.text;
    circle.n = n;
    circle.times = bench_times(4000000) / n;
    if (circle.times < 2) circle.times = 2;
    circle.turn = calloc((size_t)n, sizeof(st_cond_t));
    for (long i = 0; i < n; i++) circle.turn[i] = st_cond_new();
    for (long i = n - 1; i > 0; i--) threads[i] = spawn(spin, (void *)i);
    threads[0] = spawn(spin, (void *)0);
    join_threads(n);
}

/* ---- threads ---- */

static void *noop(void *arg) { return arg; }

static void run_create(long times) {
    times = bench_times(times);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) st_thread_join(spawn(noop, NULL), NULL);
        if (round > 0) bench_print("create.lazy", (bench_now() - start) / (double)times, "ns");
    }
}

static void run_spread(long n) {
    n = bench_population(n);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < n; i++) threads[i] = spawn(noop, NULL);
        join_threads(n);
        const char *row = round == 0 ? "create.all.cold" : "create.all.warm";
        bench_print(row, (bench_now() - start) / (double)n, "ns");
    }
}

static void *wait_for_it(void *cond) {
    st_cond_wait(cond);
    return NULL;
}

static void *sleep_long(void *arg) {
    st_usleep(1000000000ULL + (st_utime_t)(size_t)arg * 17);
    return NULL;
}

static void run_cancel(long n) {
    n = bench_population(n);
    st_cond_t cond = st_cond_new();
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < n; i++) threads[i] = spawn(wait_for_it, cond);
        st_usleep(0);
        double parked = bench_now();
        for (long i = 0; i < n; i++) st_thread_interrupt(threads[i]);
        join_threads(n);
        double joined = bench_now();
        const char *row = round == 0 ? "park.cold" : "park.warm";
        bench_print(row, (parked - start) / (double)n, "ns");
        if (round > 0) bench_print("cancel", (joined - parked) / (double)n, "ns");
    }
}

/* ---- memory ---- */

static void measure_memory(const char *row, long n, void *(*fn)(void *), void *arg) {
    memset(threads, 1, (size_t)n * sizeof threads[0]);
    struct bench_memory before = bench_memory();
    for (long i = 0; i < n; i++) threads[i] = spawn(fn, arg ? arg : (void *)i);
    st_usleep(0);
    bench_print_memory(row, n, before);
    exit(0); /* freeing a million threads is no row */
}

static void run_memory_future(long n) {
    measure_memory("memory.future", bench_population(n), wait_for_it, st_cond_new());
}

static void run_memory_sleep(long n) {
    measure_memory("memory.sleep", bench_population(n), sleep_long, NULL);
}

static const struct bench_group groups[] = {
    { "yield.2", run_yield, 2 },
    { "yield.10", run_yield, 10 },
    { "yield.1000", run_yield, 1000 },
    { "yield.10000", run_yield, 10000 },
    { "create.lazy", run_create, 1000000 },
    { "spread", run_spread, 100000 },
    { "cancel", run_cancel, 30000 },
    { "memory.future.100000", run_memory_future, 100000 },
    { "memory.sleep.100000", run_memory_sleep, 100000 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) {
    if (st_init() < 0) bench_fail("st_init");
    return bench_main(argc, argv, groups);
}
