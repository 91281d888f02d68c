/* SPDX-License-Identifier: MIT
 *
 * core.c: what the core costs, through the public interface: yields, tasks, futures, timers,
 * cancellation, memory, callbacks. docs/benchmarks.md says what each row means.
 *
 * Each group is a coroutine run by asyncio_run on a new loop. The first round of a row warms
 * up and is not printed.
 */
#include <asyncio.h>

#include "bench.h"

#define POPULATION_MAX 1000000
#define BATCH                                                                                      \
    1000 /* futures, callbacks, sleepers at a time, where there are as many as one likes */
#define NOINLINE __attribute__((noinline))

static asyncio_task *tasks[POPULATION_MAX];
static asyncio_future *futures[POPULATION_MAX];

static asyncio_task *need_task(asyncio_task *task) {
    if (!task) bench_fail("a task could not be made");
    return task;
}

/* Waits for a task and lets go of it, however it ended. */
static void join_task(asyncio_task *task) {
    asyncio_ignore(AWAIT(task));
    asyncio_task_unref(task);
}

static void join_tasks(long n) {
    for (long i = 0; i < n; i++) join_task(tasks[i]);
}

static void run_alone(asyncio_coro main) {
    if (asyncio_run(main, NULL) < 0) bench_fail("a run");
}

/* ---- yields ---- */

/* n tasks in a circle. All do the same number of yields; the one that has a name to print
 * times its own, so that n tasks are in the circle for as long as it takes the time. */
#define SPINNER(name, yield)                                                                       \
    ASYNC(name, (const char *)row, (long)n, (long)times) {                                         \
        for (int round = 0; round <= bench.rounds; round++) {                                      \
            double start = bench_now();                                                            \
            for (long i = 0; i < times; i++) TRY(yield);                                           \
            double each = (bench_now() - start) / (double)(times * n);                             \
            if (row && round > 0) bench_print(row, each, "ns");                                    \
        }                                                                                          \
        RETURN();                                                                                  \
    }

/* Plain functions between the loop and the await, as programs have them: the returns of one
 * task meet the calls of another. */
#define PLAIN(name, call)                                                                          \
    static NOINLINE int name(void) {                                                               \
        int rc = call;                                                                             \
        __asm__ volatile("# " #name); /* no two of them are alike and merged */                    \
        return rc;                                                                                 \
    }
PLAIN(deep_3, AWAIT(asyncio_sleep(0)))
PLAIN(deep_2, deep_3())
PLAIN(deep_1, deep_2())
PLAIN(flat_2, AWAIT(asyncio_sleep(0)))
PLAIN(flat_1, flat_2())

SPINNER(spin, AWAIT(asyncio_sleep(0)))
SPINNER(spin_elsewhere, AWAIT(asyncio_sleep(0)))
SPINNER(spin_deep, deep_1())
SPINNER(spin_flat, flat_1())

typedef asyncio_coro spinner(const char *row, long n, long times);

ASYNC(measure_circle, (const char *)row, (long)n, (spinner *)even, (spinner *)odd) {
    long times = bench_times(4000000) / n;
    if (times < 2) times = 2;
    for (long i = 0; i < n; i++) {
        spinner *kind = i % 2 ? odd : even;
        tasks[i] = need_task(asyncio_create_task(kind(i == 0 ? row : NULL, n, times)));
    }
    join_tasks(n);
    RETURN();
}

static void run_yield(long n) {
    n = bench_population(n);
    run_alone(measure_circle(bench_name("yield", n).text, n, spin, spin));
}

static void run_sites(long n) {
    run_alone(measure_circle(bench_name("yield.sites", n).text, n, spin, spin_elsewhere));
    run_alone(measure_circle(bench_name("yield.depth", n).text, n, spin_deep, spin_flat));
}

/* ---- awaiting a coroutine; making tasks ---- */

ASYNC(noop, (long)value) { RETURN(value); }

ASYNC(measure_call, (long)times) {
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) TRY(AWAIT(noop(i)));
        if (round > 0) bench_print("await.noop", (bench_now() - start) / (double)times, "ns");
    }
    RETURN();
}

static void run_call(long times) { run_alone(measure_call(bench_times(times))); }

/* Making one with `create`, an expression that uses i, awaiting it, letting go of it. */
#define CREATOR(name, row, create)                                                                 \
    ASYNC(name, (long)times) {                                                                     \
        for (int round = 0; round <= bench.rounds; round++) {                                      \
            double start = bench_now();                                                            \
            for (long i = 0; i < times; i++) {                                                     \
                asyncio_task *task = create;                                                       \
                TRY(AWAIT(task));                                                                  \
                asyncio_task_unref(task);                                                          \
            }                                                                                      \
            if (round > 0) bench_print(row, (bench_now() - start) / (double)times, "ns");          \
        }                                                                                          \
        RETURN();                                                                                  \
    }
CREATOR(create_lazily, "create.lazy", asyncio_create_task(noop(i)))
CREATOR(create_eagerly, "create.eager", asyncio_create_task(noop(i), .eager_start = 1))

static void run_lazy(long times) { run_alone(create_lazily(bench_times(times))); }

static void run_eager(long times) { run_alone(create_eagerly(bench_times(times))); }

ASYNC(measure_spread, (long)n) {
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < n; i++) tasks[i] = need_task(asyncio_create_task(noop(i)));
        join_tasks(n);
        const char *row = round == 0 ? "create.all.cold" : "create.all.warm";
        bench_print(row, (bench_now() - start) / (double)n, "ns");
    }
    RETURN();
}

static void run_spread(long n) { run_alone(measure_spread(bench_population(n))); }

/* ---- futures ---- */

ASYNC(wait_in_turn, (long)n) {
    for (long i = 0; i < n; i++) TRY(AWAIT(futures[i]));
    RETURN();
}

ASYNC(measure_wake, (long)batches) {
    for (int round = 0; round <= bench.rounds; round++) {
        double spent = 0;
        for (long batch = 0; batch < batches; batch++) {
            for (long i = 0; i < BATCH; i++) futures[i] = asyncio_future_new();
            asyncio_auto_task waiter = need_task(asyncio_create_task(wait_in_turn(BATCH)));
            TRY(AWAIT(asyncio_sleep(0)));
            double start = bench_now();
            for (long i = 0; i < BATCH; i++) {
                TRY(asyncio_future_set_result(futures[i], asyncio_int(i)));
                TRY(AWAIT(asyncio_sleep(0)));
            }
            spent += bench_now() - start;
            TRY(AWAIT(waiter));
            for (long i = 0; i < BATCH; i++) asyncio_future_unref(futures[i]);
        }
        if (round > 0) bench_print("wake", spent / (double)(batches * BATCH), "ns");
    }
    RETURN();
}

static void run_wake(long times) { run_alone(measure_wake(bench_times(times / BATCH))); }

/* ---- timers ---- */

static int do_nothing(void *arg) {
    (void)arg;
    return 0;
}

/* A delay of 1,000 to 5,000 seconds. */
static double far_delay(void) {
    static unsigned x = 123;
    x = x * 1664525 + 1013904223;
    return 1000 + (double)x * 1e-6;
}

static void arm_and_cancel(asyncio_loop *loop, double delay) {
    asyncio_handle *handle;
    if (asyncio_loop_call_later(loop, delay, do_nothing, NULL, .handle = &handle) < 0) {
        bench_fail("call_later");
    }
    asyncio_handle_cancel(handle);
    asyncio_handle_unref(handle);
}

/* With n others armed. */
ASYNC(measure_timer, (long)n, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (long i = 0; i < n; i++) {
        TRY(asyncio_loop_call_later(loop, far_delay(), do_nothing, NULL));
    }
    TRY(AWAIT(asyncio_sleep(0.001))); /* the loop puts them in order */
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long i = 0; i < times; i++) arm_and_cancel(loop, far_delay());
        double each = (bench_now() - start) / (double)times;
        if (round > 0) bench_print(bench_name("timer", n).text, each, "ns");
    }
    RETURN();
}

ASYNC(sleeper, (double)delay) { return AWAIT(asyncio_sleep(delay)); }

/* A task that sleeps, from its making until it is cancelled and joined. */
ASYNC(measure_sleepers, (long)n, (long)batches) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (long i = 0; i < n; i++) {
        TRY(asyncio_loop_call_later(loop, far_delay(), do_nothing, NULL));
    }
    TRY(AWAIT(asyncio_sleep(0.001)));
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long batch = 0; batch < batches; batch++) {
            for (long i = 0; i < BATCH; i++) tasks[i] = asyncio_create_task(sleeper(far_delay()));
            TRY(AWAIT(asyncio_sleep(0)));
            for (long i = 0; i < BATCH; i++) asyncio_task_cancel(tasks[i], NULL);
            join_tasks(BATCH);
        }
        double each = (bench_now() - start) / (double)(batches * BATCH);
        if (round > 0) bench_print(bench_name("timer.sleep", n).text, each, "ns");
    }
    RETURN();
}

static void run_timer(long n) {
    n = bench_population(n);
    run_alone(measure_timer(n, bench_times(1000000)));
    run_alone(measure_sleepers(n, bench_times(200)));
}

/* ---- cancelling ---- */

ASYNC(wait_for_it, (asyncio_future *)future) { return AWAIT(future); }

ASYNC(measure_cancel, (long)n) {
    for (int round = 0; round <= bench.rounds; round++) {
        for (long i = 0; i < n; i++) futures[i] = asyncio_future_new();
        double start = bench_now();
        for (long i = 0; i < n; i++) {
            tasks[i] = need_task(asyncio_create_task(wait_for_it(futures[i])));
        }
        TRY(AWAIT(asyncio_sleep(0)));
        double parked = bench_now();
        for (long i = 0; i < n; i++) asyncio_task_cancel(tasks[i], NULL);
        join_tasks(n);
        double joined = bench_now();
        for (long i = 0; i < n; i++) asyncio_future_unref(futures[i]);
        const char *row = round == 0 ? "park.cold" : "park.warm";
        bench_print(row, (parked - start) / (double)n, "ns");
        if (round > 0) bench_print("cancel", (joined - parked) / (double)n, "ns");
    }
    RETURN();
}

static void run_cancel(long n) { run_alone(measure_cancel(bench_population(n))); }

/* ---- memory ---- */

/* One future for all: what is measured is the task. */
ASYNC(measure_memory_future, (long)n) {
    asyncio_auto_future future = asyncio_future_new();
    memset(tasks, 1, (size_t)n * sizeof tasks[0]);
    struct bench_memory before = bench_memory();
    for (long i = 0; i < n; i++) {
        tasks[i] = need_task(asyncio_create_task(wait_for_it(future)));
        if (i % BATCH == 0) TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(AWAIT(asyncio_sleep(0)));
    bench_print_memory("memory.future", n, before);
    TRY(asyncio_future_set_result(future, asyncio_none()));
    join_tasks(n);
    RETURN();
}

ASYNC(measure_memory_sleep, (long)n) {
    memset(tasks, 1, (size_t)n * sizeof tasks[0]);
    struct bench_memory before = bench_memory();
    for (long i = 0; i < n; i++) {
        tasks[i] = need_task(asyncio_create_task(sleeper(far_delay())));
        if (i % BATCH == 0) TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(AWAIT(asyncio_sleep(0.001)));
    bench_print_memory("memory.sleep", n, before);
    for (long i = 0; i < n; i++) asyncio_task_cancel(tasks[i], NULL);
    join_tasks(n);
    RETURN();
}

static void run_memory_future(long n) { run_alone(measure_memory_future(bench_population(n))); }
static void run_memory_sleep(long n) { run_alone(measure_memory_sleep(bench_population(n))); }

/* ---- callbacks ---- */

ASYNC(measure_callbacks, (long)batches) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        for (long batch = 0; batch < batches; batch++) {
            for (long i = 0; i < BATCH; i++) TRY(asyncio_loop_call_soon(loop, do_nothing, NULL));
            TRY(AWAIT(asyncio_sleep(0)));
        }
        double each = (bench_now() - start) / (double)(batches * BATCH);
        if (round > 0) bench_print("callback", each, "ns");
    }
    RETURN();
}

struct chain {
    long left;
    asyncio_future *end;
};

static int next_link(void *arg) {
    struct chain *chain = arg;
    if (--chain->left == 0) return asyncio_future_set_result(chain->end, asyncio_none());
    return asyncio_loop_call_soon(asyncio_get_running_loop(), next_link, chain);
}

ASYNC(measure_chain, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (int round = 0; round <= bench.rounds; round++) {
        asyncio_auto_future end = asyncio_future_new();
        struct chain chain = { times, end };
        double start = bench_now();
        TRY(asyncio_loop_call_soon(loop, next_link, &chain));
        TRY(AWAIT(end));
        double each = (bench_now() - start) / (double)times;
        if (round > 0) bench_print("callback.chain", each, "ns");
    }
    RETURN();
}

static void run_callback(long times) {
    run_alone(measure_callbacks(bench_times(times / BATCH)));
    run_alone(measure_chain(bench_times(times)));
}

static const struct bench_group groups[] = {
    { "yield.2", run_yield, 2 },
    { "yield.10", run_yield, 10 },
    { "yield.1000", run_yield, 1000 },
    { "yield.10000", run_yield, 10000 },
    { "yield.100000", run_yield, 100000 },
    { "sites", run_sites, 2 },
    { "await", run_call, 10000000 },
    { "create.lazy", run_lazy, 2000000 },
    { "create.eager", run_eager, 2000000 },
    { "spread", run_spread, 100000 },
    { "wake", run_wake, 2000000 },
    { "timer.0", run_timer, 0 },
    { "timer.1000", run_timer, 1000 },
    { "timer.100000", run_timer, 100000 },
    { "timer.1000000", run_timer, 1000000 },
    { "cancel", run_cancel, 100000 },
    { "memory.future.100000", run_memory_future, 100000 },
    { "memory.future.1000000", run_memory_future, 1000000 },
    { "memory.sleep.100000", run_memory_sleep, 100000 },
    { "memory.sleep.1000000", run_memory_sleep, 1000000 },
    { "callback", run_callback, 2000000 },
    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
