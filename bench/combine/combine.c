/* SPDX-License-Identifier: MIT
 *
 * combine.c: what the combinators, blocks, locks, queues and generators cost, through the public
 * interface, and a million sleeps at once. docs/benchmarks.md says what each row means.
 */
#include <asyncio.h>

#include "bench.h"

#define CHILDREN_MAX 1000
#define SLEEPS_MAX 1000000

static void run_alone(asyncio_coro main) {
    if (asyncio_run(main, NULL) < 0) bench_fail("a run");
}

/* Times `count` repetitions of a statement that uses i, in each round. */
#define MEASURE(row, count, per, work)                                                             \
    for (int round = 0; round <= bench.rounds; round++) {                                          \
        double start = bench_now();                                                                \
        for (long i = 0; i < (count); i++) (void)(work);                                           \
        double each = (bench_now() - start) / ((double)(count) * (double)(per));                   \
        if (round > 0) bench_print(row, each, "ns");                                               \
    }

ASYNC(noop, (long)value) { RETURN(value); }

/* ---- gather, groups ---- */

static asyncio_coro children[CHILDREN_MAX];
static asyncio_value results[CHILDREN_MAX];

static int gather_noops(long n) {
    for (long k = 0; k < n; k++) children[k] = noop(k);
    return AWAIT(asyncio_gather_array(results, (size_t)n, children));
}

ASYNC(measure_gather, (long)n, (long)times) {
    MEASURE(bench_name("gather", n).text, times, n, TRY(gather_noops(n)));
    RETURN();
}

ASYNC(group_noops, (long)n) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (long k = 0; k < n; k++) TRY(asyncio_taskgroup_spawn(group, noop(k)));
    }
    TRY(rc);
    RETURN();
}

ASYNC(measure_group, (long)n, (long)times) {
    MEASURE(bench_name("group", n).text, times, n, TRY(AWAIT(group_noops(n))));
    RETURN();
}

static long times_of(long n) {
    long times = bench_times(2000000) / n;
    return times > 0 ? times : 1;
}

static void run_gather(long n) { run_alone(measure_gather(n, times_of(n))); }
static void run_group(long n) { run_alone(measure_group(n, times_of(n))); }

/* ---- limits ---- */

static int limited_noop(long i) {
    int rc;
    ASYNC_WITH(_, asyncio_timeout(10, &rc)) { rc = AWAIT(noop(i)); }
    return rc;
}

ASYNC(measure_limits, (long)times) {
    MEASURE("wait_for", times, 1, TRY(AWAIT(asyncio_wait_for(noop(i), 10))));
    MEASURE("timeout", times, 1, TRY(limited_noop(i)));
    RETURN();
}

static void run_limits(long times) { run_alone(measure_limits(bench_times(times))); }

/* ---- queues ---- */

ASYNC(echo, (asyncio_queue *)in, (asyncio_queue *)out) {
    asyncio_value value;
    for (;;) {
        TRY(AWAIT(asyncio_queue_get(in), &value));
        TRY(AWAIT(asyncio_queue_put(out, value)));
    }
}

static int ping(asyncio_queue *out, asyncio_queue *in, long i) {
    asyncio_value value;
    TRY(AWAIT(asyncio_queue_put(out, asyncio_int(i))));
    return AWAIT(asyncio_queue_get(in), &value);
}

ASYNC(measure_queue, (long)times) {
    asyncio_queue *there = asyncio_queue_new(1), *back = asyncio_queue_new(1);
    asyncio_auto_task task = asyncio_create_task(echo(there, back));
    MEASURE("queue", times, 2, TRY(ping(there, back, i)));
    asyncio_task_cancel(task, NULL);
    asyncio_ignore(AWAIT(task));
    asyncio_queue_unref(there);
    asyncio_queue_unref(back);
    RETURN();
}

static void run_queue(long times) { run_alone(measure_queue(bench_times(times))); }

/* ---- locks ---- */

static int lock_once(asyncio_lock *lock) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    return asyncio_lock_release(lock);
}

ASYNC(measure_lock, (asyncio_lock *)lock, (long)times) {
    MEASURE("lock", times, 1, TRY(lock_once(lock)));
    RETURN();
}

/* Two tasks: whoever frees the lock finds the other one waiting, and waits behind it. */
ASYNC(hand_over, (const char *)row, (asyncio_lock *)lock, (long)times) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    TRY(AWAIT(asyncio_sleep(0))); /* the other one comes */
    TRY(asyncio_lock_release(lock));
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) TRY(lock_once(lock));
        double each = (bench_now() - start) / (2 * (double)times);
        if (row && round > 0) bench_print(row, each, "ns");
    }
    RETURN();
}

static void run_lock(long times) {
    asyncio_lock *lock = asyncio_lock_new();
    run_alone(measure_lock(lock, bench_times(times)));
    asyncio_lock_unref(lock);
}

ASYNC(measure_handover, (asyncio_lock *)lock, (long)times) {
    TRY(AWAIT(asyncio_gather(NULL, hand_over("lock.handover", lock, times),
                             hand_over(NULL, lock, times))));
    RETURN();
}

static void run_handover(long times) {
    asyncio_lock *lock = asyncio_lock_new();
    run_alone(measure_handover(lock, bench_times(times)));
    asyncio_lock_unref(lock);
}

/* ---- generators ---- */

ASYNC_GEN(count_up, (long)n) {
    for (long i = 0; i < n; i++) TRY(YIELD(i));
    RETURN();
}

static int count_all(long n) {
    asyncio_value value;
    int rc;
    asyncio_auto_gen gen = count_up(n);
    ASYNC_FOR(value, gen, rc) continue;
    return rc;
}

ASYNC(measure_generator, (long)times) {
    MEASURE("generator", 1, times, TRY(count_all(times + i)));
    RETURN();
}

static void run_generator(long times) { run_alone(measure_generator(bench_times(times))); }

/* ---- sleeps ---- */

static struct { double late, latest; /* sum, maximum, in seconds */ } lateness;

/* 0 to 1 s. */
static double random_delay(void) {
    static unsigned x = 123;
    x = x * 1664525 + 1013904223;
    return (double)(x >> 8) / (1 << 24);
}

ASYNC(sleep_once, (double)delay) {
    double due = bench_clock() + delay;
    TRY(AWAIT(asyncio_sleep(delay)));
    double late = bench_clock() - due;
    lateness.late += late;
    if (late > lateness.latest) lateness.latest = late;
    RETURN();
}

ASYNC(measure_sleeps, (long)n) {
    static asyncio_task *tasks[SLEEPS_MAX];
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        tasks[i] = asyncio_create_task(sleep_once(random_delay()));
        if (!tasks[i]) bench_fail("a task could not be made");
    }
    for (long i = 0; i < n; i++) {
        TRY(AWAIT(tasks[i]));
        asyncio_task_unref(tasks[i]);
    }
    bench_print_sleeps(n, (bench_now() - start) / 1e9, lateness.late, lateness.latest);
    RETURN();
}

static void run_sleeps(long n) { run_alone(measure_sleeps(bench_population(n))); }

static const struct bench_group groups[] = {
    { "gather.1", run_gather, 1 },
    { "gather.10", run_gather, 10 },
    { "gather.1000", run_gather, 1000 },
    { "group.10", run_group, 10 },
    { "group.1000", run_group, 1000 },
    { "limits", run_limits, 2000000 },
    { "queue", run_queue, 1000000 },
    { "lock.free", run_lock, 10000000 },
    { "lock.handover", run_handover, 2000000 },
    { "generator", run_generator, 5000000 },
    { "sleeps.100000", run_sleeps, 100000 },
    { "sleeps.1000000", run_sleeps, 1000000 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
