/* SPDX-License-Identifier: MIT
 *
 * Many threads at one loop at once. What is counted at the end: nothing lost, nothing twice,
 * every argument and every result let go. Each thread pauses at random, from a seed, so that runs
 * meet in different ways.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

#define THREADS 8

static unsigned next_random(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Sometimes nothing, sometimes a turn of the scheduler, seldom a real pause. */
static void pause_at_random(unsigned *seed) {
    unsigned r = next_random(seed) % 64;
    if (r == 0) usleep(r % 50);
    else if (r < 16) sched_yield();
}

static atomic_int runs, drops, values_made, values_dropped;

static void count_drop(void *arg) {
    (void)arg;
    atomic_fetch_add(&drops, 1);
}

static void drop_value(asyncio_value *value) {
    free(value->p);
    atomic_fetch_add(&values_dropped, 1);
}

static const asyncio_value_type counted = { .size = sizeof counted, .drop = drop_value };

static asyncio_value make_counted(void) {
    atomic_fetch_add(&values_made, 1);
    return asyncio_own(malloc(8), &counted);
}

static void wait_for_count(atomic_int *count, int n) {
    while (atomic_load(count) != n) sched_yield();
}

/* Starts a thread for each of the clients. */
struct client {
    pthread_t thread;
    asyncio_loop *loop;
    unsigned seed;
    int refused;
    atomic_int *left;
};

static void start_clients(struct client *clients, asyncio_loop *loop, atomic_int *left,
                          void *(*main)(void *arg)) {
    atomic_store(left, THREADS);
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (struct client){ .loop = loop, .seed = (unsigned)i * 77 + 5, .left = left };
        CHECK_INT(pthread_create(&clients[i].thread, NULL, main, &clients[i]), 0);
    }
}

static void join_clients(struct client *clients) {
    for (int i = 0; i < THREADS; i++) pthread_join(clients[i].thread, NULL);
}

static int stop_after_last(void *arg) {
    struct client *c = arg;
    if (atomic_fetch_sub(c->left, 1) == 1) asyncio_loop_stop(c->loop);
    return 0;
}

static void say_goodbye(struct client *c) {
    CHECK_INT(asyncio_loop_call_soon_threadsafe(c->loop, stop_after_last, c), 0);
}

/* ---- the inbox ---- */

#define CALLS 3000

static int count_run(void *arg) {
    (void)arg;
    atomic_fetch_add(&runs, 1);
    return 0;
}

static void *posts_and_cancels(void *arg) {
    struct client *c = arg;
    for (int i = 0; i < CALLS; i++) {
        asyncio_handle *h = NULL;
        bool cancels = next_random(&c->seed) % 2;
        CHECK_INT(asyncio_loop_call_soon_threadsafe(c->loop, count_run, c, .drop = count_drop,
                                                    .handle = cancels ? &h : NULL),
                  0);
        if (next_random(&c->seed) % 4 == 0) pause_at_random(&c->seed);
        asyncio_handle_cancel(h);
        asyncio_handle_unref(h);
    }
    say_goodbye(c);
    return NULL;
}

TEST_TIMEOUT(eight_threads_post_and_cancel, 60) {
    struct client clients[THREADS];
    atomic_int left;
    asyncio_auto_loop loop = asyncio_new_event_loop();
    start_clients(clients, loop, &left, posts_and_cancels);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    join_clients(clients);
    CHECK_INT(drops, THREADS * CALLS);
    CHECK(runs >= THREADS * CALLS / 4);
    asyncio_loop_close(loop);
}

/* ---- coroutines, cancelled from both sides ---- */

#define COROUTINES 300

ASYNC(works, (int) turns) {
    for (int i = 0; i < turns; i++) TRY(AWAIT(asyncio_sleep(i % 3 ? 0 : 0.0001)));
    RETURN(make_counted());
}

static void *hands_over_and_cancels(void *arg) {
    struct client *c = arg;
    for (int i = 0; i < COROUTINES; i++) {
        asyncio_concurrent_future *f =
            asyncio_run_coroutine_threadsafe(works((int)(next_random(&c->seed) % 6)), c->loop);
        CHECK(f != NULL);
        pause_at_random(&c->seed);
        unsigned what = next_random(&c->seed) % 3;
        if (what == 0) asyncio_concurrent_future_cancel(f);
        int rc = what == 1 ? 0 : asyncio_concurrent_future_result(f, INFINITY, NULL);
        if (rc < 0) CHECK(asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR));
        asyncio_concurrent_future_unref(f);
    }
    say_goodbye(c);
    return NULL;
}

/* Cancels tasks of the others, and goes on until all threads are through. */
ASYNC(cancels_tasks, (atomic_int *) left) {
    unsigned seed = 3;
    while (atomic_load(left) > 0) {
        asyncio_task *all[64];
        size_t n = asyncio_all_tasks(NULL, all, 64);
        asyncio_task *t = all[next_random(&seed) % (n < 64 ? n : 64)];
        if (t != asyncio_current_task() && next_random(&seed) % 4 == 0)
            asyncio_task_cancel(t, NULL);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

TEST_TIMEOUT(coroutines_are_cancelled_from_both_sides, 60) {
    struct client clients[THREADS];
    atomic_int left;
    asyncio_auto_loop loop = asyncio_new_event_loop();
    start_clients(clients, loop, &left, hands_over_and_cancels);
    asyncio_task *t = asyncio_loop_create_task(loop, cancels_tasks(&left));
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    join_clients(clients);
    while (asyncio_all_tasks(loop, NULL, 0) > 0) {
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
    }
    for (int i = 0; i < 3; i++) { /* callbacks that are left */
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
    }
    CHECK_INT(asyncio_task_result(t, NULL), 0);
    asyncio_task_unref(t);
    CHECK_INT(values_dropped, values_made);
    asyncio_loop_close(loop);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
}

/* ---- jobs, abandoned at every point ---- */

#define JOBS 200

static int gives_value(void *arg, asyncio_value *result) {
    unsigned seed = (unsigned)(uintptr_t)arg;
    atomic_fetch_add(&runs, 1);
    pause_at_random(&seed);
    *result = make_counted();
    return asyncio_job_cancelled() ? 1 : 0;
}

ASYNC(awaits_job, (unsigned) seed) {
    asyncio_value value;
    TRY(AWAIT(asyncio_to_thread(gives_value, (void *)(uintptr_t)seed, .drop = count_drop), &value));
    asyncio_value_drop(&value);
    RETURN();
}

ASYNC(abandons_jobs, (unsigned) seed) {
    for (int i = 0; i < JOBS; i++) {
        asyncio_auto_task t = asyncio_create_task(awaits_job(next_random(&seed)));
        for (unsigned n = next_random(&seed) % 4; n > 0; n--) TRY(AWAIT(asyncio_sleep(0)));
        if (next_random(&seed) % 4 == 0) TRY(AWAIT(asyncio_sleep(0.0001)));
        if (next_random(&seed) % 2) asyncio_task_cancel(t, NULL);
        int rc = AWAIT(t);
        if (rc < 0) CHECK(asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR));
    }
    RETURN();
}

ASYNC(abandons_in_parallel) {
    TRY(AWAIT(asyncio_gather(NULL, abandons_jobs(1), abandons_jobs(2), abandons_jobs(3),
                             abandons_jobs(4))));
    RETURN();
}

TEST_TIMEOUT(jobs_are_abandoned_at_every_point, 60) {
    CHECK_INT(asyncio_run(abandons_in_parallel(), NULL), 0);
    CHECK(drops >= runs);
    CHECK_INT(values_made, runs);
    CHECK_INT(values_dropped, runs);
}

/* ---- closing while work is in flight ---- */

static int ignore_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop;
    (void)context;
    (void)arg;
    return 0;
}

/* Until the loop refuses; every future that was given ends. */
static void *hands_over_until_refused(void *arg) {
    struct client *c = arg;
    for (;;) {
        asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(works(2), c->loop);
        if (!f) break;
        int rc = asyncio_concurrent_future_result(f, INFINITY, NULL);
        if (rc < 0) CHECK(asyncio_catch(rc, ASYNCIO_RUNTIME_ERROR));
        asyncio_concurrent_future_unref(f);
        CHECK_INT(drops, 0);
        if (asyncio_loop_call_soon_threadsafe(c->loop, count_run, NULL) < 0) break;
    }
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    atomic_fetch_sub(c->left, 1);
    return NULL;
}

ASYNC(stops_soon, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN();
}

TEST_TIMEOUT(a_loop_is_closed_while_threads_hand_over_work, 60) {
    for (int round = 0; round < 20; round++) {
        struct client clients[THREADS];
        atomic_int left;
        asyncio_loop *loop = asyncio_new_event_loop();
        asyncio_loop_set_exception_handler(loop, ignore_report, NULL);
        start_clients(clients, loop, &left, hands_over_until_refused);
        CHECK_INT(asyncio_loop_run_until_complete(loop, stops_soon(0.0005 * round), NULL), 0);
        asyncio_loop_close(loop);
        join_clients(clients);
        CHECK_INT(asyncio_testing_live_objects(loop), 0);
        asyncio_loop_unref(loop);
    }
    CHECK_INT(values_dropped, values_made);
}

/* ---- wrappers: sources finish while the loop closes ---- */

static void *finishes_all(void *arg) {
    asyncio_concurrent_future **f = arg;
    unsigned seed = (unsigned)(uintptr_t)f[0];
    for (int i = 0; i < 50; i++) {
        pause_at_random(&seed);
        CHECK_INT(asyncio_concurrent_future_set_result(f[i], asyncio_int(i)), 0);
        asyncio_concurrent_future_unref(f[i]);
    }
    return NULL;
}

TEST_TIMEOUT(sources_finish_while_their_wrappers_loop_closes, 60) {
    unsigned seed = 9;
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        asyncio_concurrent_future *f[50];
        asyncio_loop *loop = asyncio_new_event_loop();
        for (int i = 0; i < 50; i++) {
            f[i] = asyncio_concurrent_future_new();
            asyncio_future_unref(asyncio_wrap_future(f[i], loop));
        }
        CHECK_INT(pthread_create(&thread, NULL, finishes_all, f), 0);
        for (unsigned n = next_random(&seed) % 50; n > 0; n--) sched_yield();
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
        asyncio_loop_close(loop);
        CHECK_INT(asyncio_testing_live_objects(loop), 0);
        asyncio_loop_unref(loop);
        pthread_join(thread, NULL);
    }
}

/* ---- many executors at once ---- */

static void *uses_an_executor(void *arg) {
    struct client *c = arg;
    for (int round = 0; round < 10; round++) {
        asyncio_executor *executor = asyncio_executor_new(.max_workers = 3, .idle_timeout = 0.0001);
        for (int i = 0; i < 30; i++) {
            asyncio_concurrent_future *f = asyncio_executor_submit(
                executor, gives_value, (void *)(uintptr_t)c->seed, .drop = count_drop);
            CHECK(f != NULL);
            if (next_random(&c->seed) % 3 == 0) asyncio_concurrent_future_cancel(f);
            pause_at_random(&c->seed);
            asyncio_concurrent_future_unref(f);
        }
        bool wait = next_random(&c->seed) % 2;
        CHECK_INT(asyncio_executor_shutdown(executor, wait, next_random(&c->seed) % 2), 0);
        asyncio_executor_unref(executor);
    }
    return NULL;
}

TEST_TIMEOUT(executors_come_and_go_in_many_threads, 60) {
    struct client clients[THREADS];
    atomic_int left;
    start_clients(clients, NULL, &left, uses_an_executor);
    join_clients(clients);
    wait_for_count(&drops, THREADS * 10 * 30);
    while (values_dropped != values_made) sched_yield();
    usleep(50000); /* for the leak checker: the last threads end */
}
