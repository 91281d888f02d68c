/* SPDX-License-Identifier: MIT
 *
 * thread/thread.c: what crossing from one thread to another costs: jobs, coroutines handed over,
 * calls posted. Processor time of all threads together.
 */
#include <asyncio.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bench.h"

static int noop(void *arg, asyncio_value *result) {
    (void)arg;
    (void)result;
    return 0;
}

/* ---- jobs ---- */

ASYNC(awaits_jobs, (long) times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(asyncio_to_thread(noop, NULL)));
    RETURN();
}

ASYNC(measures_jobs, (long) times) {
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        TRY(AWAIT(awaits_jobs(times)));
        if (round > 0) bench_print("to_thread", (bench_now() - start) / (double)times, "ns");
    }
    RETURN();
}

static void run_jobs(long times) {
    if (asyncio_run(measures_jobs(bench_times(times)), NULL) < 0) bench_fail("to_thread");
}

/* ---- coroutines handed over ---- */

ASYNC(returns) { RETURN(); }

static void hand_over(asyncio_loop *loop, long times) {
    for (long i = 0; i < times; i++) {
        asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(returns(), loop);
        if (!f || asyncio_concurrent_future_result(f, INFINITY, NULL) < 0) bench_fail("handover");
        asyncio_concurrent_future_unref(f);
    }
}

BLOCKING(measures_handover, (asyncio_loop *) loop, (long) times) {
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        hand_over(loop, times);
        if (round > 0) bench_print("handover", (bench_now() - start) / (double)times, "ns");
    }
    RETURN();
}

ASYNC(serves_handover, (long) times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    TRY(AWAIT(asyncio_to_thread(measures_handover(loop, times))));
    RETURN();
}

static void run_handover(long times) {
    if (asyncio_run(serves_handover(bench_times(times)), NULL) < 0) bench_fail("handover");
}

/* ---- calls posted ---- */

struct posting {
    asyncio_loop *loop;
    asyncio_async *async; /* NULL: call_soon_threadsafe */
    long times, threads, seen;
};

static int count_call(void *arg) {
    struct posting *p = arg;
    if (++p->seen == p->times * p->threads) asyncio_loop_stop(p->loop);
    return 0;
}

static void *post_calls(void *arg) {
    struct posting *p = arg;
    for (long i = 0; i < p->times; i++) {
        if (asyncio_loop_call_soon_threadsafe(p->loop, count_call, p) < 0) bench_fail("post");
    }
    return NULL;
}

static void post_round(struct posting *p) {
    pthread_t threads[8];
    p->seen = 0;
    for (long i = 0; i < p->threads; i++) pthread_create(&threads[i], NULL, post_calls, p);
    if (asyncio_loop_run_forever(p->loop) < 0) bench_fail("post");
    for (long i = 0; i < p->threads; i++) pthread_join(threads[i], NULL);
}

static void run_posts(long threads) {
    struct posting p = { .loop = asyncio_new_event_loop(),
                         .times = bench_times(1000000) / threads + 1,
                         .threads = threads };
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        post_round(&p);
        if (round > 0) {
            bench_print(bench_name("post", threads).text,
                        (bench_now() - start) / (double)(p.times * threads), "ns");
        }
    }
    asyncio_loop_close(p.loop);
    asyncio_loop_unref(p.loop);
}

/* ---- sends, of which many may become one call ---- */

static int look_at_nothing(void *arg) {
    (void)arg;
    return 0;
}

static int stop_loop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

static void *send_calls(void *arg) {
    struct posting *p = arg;
    for (long i = 0; i < p->times; i++) asyncio_async_send(p->async);
    if (asyncio_loop_call_soon_threadsafe(p->loop, stop_loop, p->loop) < 0) bench_fail("send");
    return NULL;
}

static void run_sends(long times) {
    struct posting p = { .loop = asyncio_new_event_loop(), .times = bench_times(times) };
    p.async = asyncio_async_new(p.loop, look_at_nothing, NULL);
    for (int round = 0; round <= bench.rounds; round++) {
        pthread_t thread;
        double start = bench_now();
        pthread_create(&thread, NULL, send_calls, &p);
        if (asyncio_loop_run_forever(p.loop) < 0) bench_fail("send");
        pthread_join(thread, NULL);
        if (round > 0) bench_print("send", (bench_now() - start) / (double)p.times, "ns");
    }
    asyncio_async_close(p.async);
    asyncio_loop_close(p.loop);
    asyncio_loop_unref(p.loop);
}

static const struct bench_group groups[] = {
    { "to_thread", run_jobs, 100000 }, { "handover", run_handover, 100000 },
    { "post.1", run_posts, 1 },        { "post.4", run_posts, 4 },
    { "send", run_sends, 3000000 },    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
