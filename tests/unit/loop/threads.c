/* SPDX-License-Identifier: MIT
 *
 * Which loop is whose: the running loop, the one set for a thread, the tasks there are, and two
 * loops that run in two threads at once.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test.h"

static void check_no_loop(asyncio_loop *loop, const char *message) {
    CHECK(loop == NULL);
    asyncio_auto_error e = asyncio_error_take(ASYNCIO_RUNTIME_ERROR);
    CHECK_STR(asyncio_error_message(e), message);
}

ASYNC(sees_loop, (asyncio_loop **) running, (asyncio_loop **) event) {
    *running = asyncio_get_running_loop();
    *event = asyncio_get_event_loop();
    RETURN();
}

TEST(no_loop_runs_outside_a_run) {
    check_no_loop(asyncio_get_running_loop(), "no running event loop");
    check_no_loop(asyncio_get_event_loop(), "There is no current event loop in this thread");
    CHECK(asyncio_current_task() == NULL);
    CHECK_INT(asyncio_all_tasks(NULL, NULL, 0), 0);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
}

TEST(the_running_loop_goes_before_the_one_that_is_set) {
    asyncio_loop *a = asyncio_new_event_loop(), *b = asyncio_new_event_loop();
    asyncio_loop *running = NULL, *event = NULL;
    asyncio_set_event_loop(b);
    CHECK(asyncio_get_event_loop() == b);
    check_no_loop(asyncio_get_running_loop(), "no running event loop");
    CHECK_INT(asyncio_loop_run_until_complete(a, sees_loop(&running, &event), NULL), 0);
    CHECK(running == a);
    CHECK(event == a);
    CHECK(asyncio_get_event_loop() == b);
    asyncio_set_event_loop(NULL);
    check_no_loop(asyncio_get_event_loop(), "There is no current event loop in this thread");
    asyncio_loop_close(a);
    asyncio_loop_close(b);
    asyncio_loop_unref(a);
    asyncio_loop_unref(b);
}

static int look_from_callback(void *arg) {
    asyncio_task *all[4];
    CHECK(asyncio_current_task() == NULL);
    CHECK(asyncio_get_running_loop() == arg);
    CHECK_INT(asyncio_all_tasks(NULL, all, 4), 1);
    return 0;
}

ASYNC(is_looked_at) {
    asyncio_task *all[4], *self = asyncio_current_task();
    asyncio_loop *loop = asyncio_get_running_loop();
    CHECK(asyncio_task_get_loop(self) == loop);
    CHECK_INT(asyncio_all_tasks(loop, all, 4), 1);
    CHECK(all[0] == self);
    TRY(asyncio_loop_call_soon(loop, look_from_callback, loop));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK(asyncio_current_task() == self);
    RETURN();
}

/* INTR-1 */
TEST(callbacks_have_no_current_task) { CHECK_INT(asyncio_run(is_looked_at(), NULL), 0); }

ASYNC(sleeps, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN();
}

ASYNC(lists) {
    asyncio_task *all[8], *made[3];
    for (int i = 0; i < 3; i++) made[i] = asyncio_create_task(sleeps(i == 1 ? 0 : 1));
    CHECK_INT(asyncio_all_tasks(NULL, all, 8), 4);
    for (int i = 0; i < 3; i++) CHECK(all[i + 1] == made[i]);
    CHECK_INT(asyncio_all_tasks(NULL, all, 2), 4);
    CHECK(all[1] == made[0]);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(asyncio_all_tasks(NULL, all, 8), 3);
    CHECK(all[2] == made[2]);
    for (int i = 0; i < 3; i++) asyncio_task_unref(made[i]);
    RETURN();
}

TEST(all_tasks_are_those_that_are_not_done_in_order_of_creation) { /* INTR-2 */
    asyncio_loop *loop = asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    CHECK_INT(asyncio_loop_run_until_complete(loop, lists(), NULL), 0);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 2);
    asyncio_loop_close(loop);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    asyncio_loop_unref(loop);
}

/* ---- threads ---- */

static void *has_no_loop(void *arg) {
    (void)arg;
    check_no_loop(asyncio_get_event_loop(), "There is no current event loop in this thread");
    return NULL;
}

TEST(the_loop_that_is_set_is_the_threads_own) {
    pthread_t thread;
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_set_event_loop(loop);
    CHECK_INT(pthread_create(&thread, NULL, has_no_loop, NULL), 0);
    pthread_join(thread, NULL);
    CHECK(asyncio_get_event_loop() == loop);
    asyncio_loop_close(loop);
}

static void *leaves_loop_set(void *arg) {
    asyncio_set_event_loop(arg);
    return NULL;
}

TEST(a_thread_that_ends_lets_go_of_the_loop_set_for_it) {
    pthread_t thread;
    asyncio_loop *loop = asyncio_new_event_loop();
    CHECK_INT(pthread_create(&thread, NULL, leaves_loop_set, loop), 0);
    pthread_join(thread, NULL);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop); /* the leak checker looks whether that was the last one */
}

struct place {
    long long sum;
    asyncio_loop *loop;
    asyncio_loop *_Atomic *others;
};

ASYNC(adds, (long long *) sum) {
    for (int i = 0; i < 50; i++) {
        *sum += 1;
        TRY(AWAIT(asyncio_sleep(i % 10 ? 0 : 0.0001)));
    }
    RETURN();
}

ASYNC(works, (struct place *) p) {
    asyncio_task *tasks[40];
    CHECK(asyncio_get_running_loop() == p->loop);
    for (int i = 0; i < 40; i++) tasks[i] = asyncio_create_task(adds(&p->sum));
    for (int i = 0; i < 40; i++) {
        TRY(AWAIT(tasks[i]));
        asyncio_task_unref(tasks[i]);
    }
    CHECK(asyncio_get_running_loop() == p->loop);
    RETURN();
}

static void *run_a_loop(void *arg) {
    struct place *p = arg;
    for (int i = 0; i < 5; i++) {
        p->loop = asyncio_new_event_loop();
        CHECK_INT(asyncio_loop_run_until_complete(p->loop, works(p), NULL), 0);
        asyncio_loop_close(p->loop);
        asyncio_loop_unref(p->loop);
    }
    return NULL;
}

TEST(two_loops_run_in_two_threads_at_once) {
    pthread_t threads[2];
    struct place places[2] = { { 0, NULL, NULL }, { 0, NULL, NULL } };
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, run_a_loop, &places[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) CHECK_INT(places[i].sum, 5 * 40 * 50);
}

/* ---- calls from other threads ---- */

#define POSTS 1000

struct posting {
    asyncio_loop *loop;
    int calls, posts;
    pthread_t thread;
};

static int posted(void *arg) {
    struct posting *p = arg;
    CHECK(asyncio_get_running_loop() == p->loop);
    if (++p->calls == 2 * POSTS) asyncio_loop_stop(p->loop);
    return 0;
}

static void *post_many(void *arg) {
    struct posting *p = arg;
    for (int i = 0; i < POSTS; i++)
        CHECK_INT(asyncio_loop_call_soon_threadsafe(p->loop, posted, p), 0);
    return NULL;
}

TEST(calls_from_two_threads_all_run) {
    pthread_t threads[2];
    struct posting p = { .loop = asyncio_new_event_loop() };
    for (int i = 0; i < 2; i++) CHECK_INT(pthread_create(&threads[i], NULL, post_many, &p), 0);
    CHECK_INT(asyncio_loop_run_forever(p.loop), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK_INT(p.calls, 2 * POSTS);
    asyncio_loop_close(p.loop);
    asyncio_loop_unref(p.loop);
}

static int in_order(void *arg) {
    static int last;
    CHECK_INT(*(int *)arg, last + 1);
    last = *(int *)arg;
    return 0;
}

TEST(calls_posted_by_one_thread_run_in_order) {
    int numbers[50];
    asyncio_auto_loop loop = asyncio_new_event_loop();
    for (int i = 0; i < 50; i++) {
        numbers[i] = i + 1;
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, in_order, &numbers[i]), 0);
    }
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    asyncio_loop_close(loop);
}

struct race {
    asyncio_loop *loop;
    atomic_int running, cancelled;
};

static int must_not_run_once_cancelled(void *arg) {
    struct race *r = arg;
    CHECK(!atomic_load(&r->cancelled));
    for (int i = 0; i < 100; i++) CHECK(!atomic_load(&r->cancelled));
    return 0;
}

static int stop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

static void *cancel_races(void *arg) {
    struct race *r = arg;
    for (int i = 0; i < 500; i++) {
        asyncio_handle *h = NULL;
        atomic_store(&r->cancelled, 0);
        CHECK_INT(asyncio_loop_call_soon_threadsafe(r->loop, must_not_run_once_cancelled, r,
                                                    .handle = &h),
                  0);
        asyncio_handle_cancel(h);
        atomic_store(&r->cancelled, 1);
        asyncio_handle_unref(h);
    }
    CHECK_INT(asyncio_loop_call_soon_threadsafe(r->loop, stop, r->loop), 0);
    return NULL;
}

TEST(once_cancel_has_returned_a_posted_call_does_not_run) {
    pthread_t thread;
    struct race r = { .loop = asyncio_new_event_loop() };
    CHECK_INT(pthread_create(&thread, NULL, cancel_races, &r), 0);
    CHECK_INT(asyncio_loop_run_forever(r.loop), 0);
    pthread_join(thread, NULL);
    asyncio_loop_close(r.loop);
    asyncio_loop_unref(r.loop);
}
