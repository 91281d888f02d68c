/* SPDX-License-Identifier: MIT
 *
 * combine/peer_st.c: State Threads, the rows of combine.c that it can do: joined threads, a
 * queue of one made of condition variables, mutexes, sleeps.
 */
#include <st.h>

#include "bench.h"

#define THREADS_MAX 1000000
#define STACK_SIZE 65536

static st_thread_t threads[THREADS_MAX];

static st_thread_t spawn(void *(*fn)(void *), void *arg) {
    st_thread_t thread = st_thread_create(fn, arg, 1, STACK_SIZE);
    if (!thread) bench_fail("st_thread_create");
    return thread;
}

static void *noop(void *arg) { return arg; }

static void run_gather(long n) {
    long times = bench_times(2000000) / n;
    if (times < 1) times = 1;
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) {
            for (long k = 0; k < n; k++) threads[k] = spawn(noop, (void *)k);
            for (long k = 0; k < n; k++) st_thread_join(threads[k], NULL);
        }
        double each = (bench_now() - start) / (double)(times * n);
        if (round > 0) bench_print(bench_name("gather", n).text, each, "ns");
    }
}

/* ---- a queue of one ---- */

struct queue {
    st_cond_t changed;
    bool full;
    long item;
};

static void put(struct queue *q, long item) {
    while (q->full) st_cond_wait(q->changed);
    q->item = item;
    q->full = true;
    st_cond_signal(q->changed);
}

static long get(struct queue *q) {
    while (!q->full) st_cond_wait(q->changed);
    q->full = false;
    st_cond_signal(q->changed);
    return q->item;
}

static struct queue there, back;

static void *echo(void *arg) {
    for (long i = 0; i >= 0;) {
        i = get(&there);
        put(&back, i);
    }
    return arg;
}

static void run_queue(long full) {
    long times = bench_times(full);
    there.changed = st_cond_new();
    back.changed = st_cond_new();
    st_thread_t thread = spawn(echo, NULL);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) {
            put(&there, i);
            get(&back);
        }
        double each = (bench_now() - start) / (2 * (double)times);
        if (round > 0) bench_print("queue", each, "ns");
    }
    put(&there, -1);
    st_thread_join(thread, NULL);
}

/* ---- locks ---- */

static st_mutex_t lock;

static void run_lock(long full) {
    long times = bench_times(full);
    lock = st_mutex_new();
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) {
            st_mutex_lock(lock);
            st_mutex_unlock(lock);
        }
        if (round > 0) bench_print("lock", (bench_now() - start) / (double)times, "ns");
    }
}

static long handovers;

static void *hand_over(void *arg) {
    st_mutex_lock(lock);
    st_usleep(0);
    st_mutex_unlock(lock);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < handovers; i++) {
            st_mutex_lock(lock);
            st_mutex_unlock(lock);
        }
        double each = (bench_now() - start) / (2 * (double)handovers);
        if (arg && round > 0) bench_print("lock.handover", each, "ns");
    }
    return NULL;
}

static void run_handover(long full) {
    lock = st_mutex_new();
    handovers = bench_times(full);
    st_thread_t a = spawn(hand_over, &lock), b = spawn(hand_over, NULL);
    st_thread_join(a, NULL);
    st_thread_join(b, NULL);
}

/* ---- sleeps ---- */

static double late, latest;

static void *sleep_once(void *arg) {
    double delay = (double)(long)arg / (1 << 24), due = bench_clock() + delay;
    st_usleep((st_utime_t)(delay * 1e6));
    double one = bench_clock() - due;
    late += one;
    if (one > latest) latest = one;
    return NULL;
}

static void run_sleeps(long n) {
    unsigned x = 123;
    n = bench_population(n);
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        threads[i] = spawn(sleep_once, (void *)(long)(x >> 8));
    }
    for (long i = 0; i < n; i++) st_thread_join(threads[i], NULL);
    bench_print_sleeps(n, (bench_now() - start) / 1e9, late, latest);
}

static const struct bench_group groups[] = {
    { "gather.1", run_gather, 1 },           { "gather.10", run_gather, 10 },
    { "gather.1000", run_gather, 1000 },     { "queue", run_queue, 1000000 },
    { "lock.free", run_lock, 10000000 },     { "lock.handover", run_handover, 2000000 },
    { "sleeps.100000", run_sleeps, 100000 }, { NULL, NULL, 0 },
};

int main(int argc, char **argv) {
    if (st_init() < 0) bench_fail("st_init");
    return bench_main(argc, argv, groups);
}
