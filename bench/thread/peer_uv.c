/* SPDX-License-Identifier: MIT
 *
 * thread/peer_uv.c: libuv: uv_queue_work for jobs, one after the other; uv_async_send for calls.
 * It has no futures and no posted calls of its own: `post` is a queue under a mutex, and a send
 * for each message.
 */
#include <pthread.h>
#include <uv.h>

#include "bench.h"

/* ---- jobs ---- */

static long jobs_left;
static uv_work_t work;

static void do_nothing(uv_work_t *w) { (void)w; }

static void next_job(uv_work_t *w, int status) {
    (void)status;
    if (--jobs_left > 0) uv_queue_work(uv_default_loop(), w, do_nothing, next_job);
}

static void run_jobs(long full) {
    long times = bench_times(full);
    for (int round = 0; round <= bench.rounds; round++) {
        double start = bench_now();
        jobs_left = times;
        uv_queue_work(uv_default_loop(), &work, do_nothing, next_job);
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        if (round > 0) bench_print("to_thread", (bench_now() - start) / (double)times, "ns");
    }
}

/* ---- calls ---- */

struct message {
    struct message *next;
};

static struct {
    uv_async_t async;
    uv_mutex_t lock;
    struct message *first, **last;
    long times, threads, seen;
    int done;
} post;

static void take_messages(uv_async_t *async) {
    uv_mutex_lock(&post.lock);
    struct message *m = post.first;
    post.first = NULL;
    post.last = &post.first;
    uv_mutex_unlock(&post.lock);
    while (m) {
        struct message *next = m->next;
        free(m);
        m = next;
        if (++post.seen == post.times * post.threads) uv_stop(async->loop);
    }
}

static void *post_messages(void *arg) {
    (void)arg;
    for (long i = 0; i < post.times; i++) {
        struct message *m = malloc(sizeof *m);
        m->next = NULL;
        uv_mutex_lock(&post.lock);
        *post.last = m;
        post.last = &m->next;
        uv_mutex_unlock(&post.lock);
        uv_async_send(&post.async);
    }
    return NULL;
}

static void run_posts(long threads) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_mutex_init(&post.lock);
    uv_async_init(&loop, &post.async, take_messages);
    post.last = &post.first;
    post.threads = threads;
    post.times = bench_times(1000000) / threads + 1;
    for (int round = 0; round <= bench.rounds; round++) {
        pthread_t started[8];
        double start = bench_now();
        post.seen = 0;
        for (long i = 0; i < threads; i++) pthread_create(&started[i], NULL, post_messages, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        for (long i = 0; i < threads; i++) pthread_join(started[i], NULL);
        if (round > 0) {
            bench_print(bench_name("post", threads).text,
                        (bench_now() - start) / (double)(post.times * threads), "ns");
        }
    }
    uv_close((uv_handle_t *)&post.async, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

/* ---- sends ---- */

static struct {
    uv_async_t async, stop;
    long times;
} sends;

static void look_at_nothing(uv_async_t *async) { (void)async; }
static void stop_loop(uv_async_t *async) { uv_stop(async->loop); }

static void *send_calls(void *arg) {
    (void)arg;
    for (long i = 0; i < sends.times; i++) uv_async_send(&sends.async);
    uv_async_send(&sends.stop);
    return NULL;
}

static void run_sends(long full) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_async_init(&loop, &sends.async, look_at_nothing);
    uv_async_init(&loop, &sends.stop, stop_loop);
    sends.times = bench_times(full);
    for (int round = 0; round <= bench.rounds; round++) {
        pthread_t thread;
        double start = bench_now();
        pthread_create(&thread, NULL, send_calls, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        pthread_join(thread, NULL);
        if (round > 0) bench_print("send", (bench_now() - start) / (double)sends.times, "ns");
    }
    uv_close((uv_handle_t *)&sends.async, NULL);
    uv_close((uv_handle_t *)&sends.stop, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static const struct bench_group groups[] = {
    { "to_thread", run_jobs, 100000 }, { "post.1", run_posts, 1 }, { "post.4", run_posts, 4 },
    { "send", run_sends, 3000000 },    { NULL, NULL, 0 },
};

int main(int argc, char **argv) { return bench_main(argc, argv, groups); }
