/* SPDX-License-Identifier: MIT
 *
 * Executors: their threads, their end, and one of another kind than the library's own.
 */
#include <asyncio.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"
#include "test.h"

static int name_of_thread(void *arg, asyncio_value *result) {
    char *name = malloc(16);
    (void)arg;
    CHECK_INT(pthread_getname_np(pthread_self(), name, 16), 0);
    *result = asyncio_own_str(name);
    return 0;
}

static void check_thread_name(asyncio_executor *executor, const char *name) {
    asyncio_value value;
    asyncio_auto_concurrent_future f = asyncio_executor_submit(executor, name_of_thread, NULL);
    CHECK(f != NULL);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
    CHECK_STR(value.s, name);
}

TEST(threads_are_named_and_started_when_needed) {
    asyncio_executor *executor = asyncio_executor_new(.thread_name_prefix = "worker");
    check_thread_name(executor, "worker_0");
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    asyncio_executor_unref(executor);
    executor = asyncio_executor_new(.thread_name_prefix = "a_very_long_prefix");
    check_thread_name(executor, "a_very_lo_0");
    asyncio_executor_unref(executor);
}

TEST(an_idle_thread_ends_and_another_takes_its_place) {
    asyncio_executor *executor =
        asyncio_executor_new(.thread_name_prefix = "w", .idle_timeout = 0.001);
    check_thread_name(executor, "w_0");
    for (int i = 0; i < 1000; i++) {
        char name[16];
        usleep(10000);
        asyncio_value value;
        asyncio_concurrent_future *f = asyncio_executor_submit(executor, name_of_thread, NULL);
        CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
        snprintf(name, sizeof name, "%s", value.s);
        asyncio_concurrent_future_unref(f);
        if (strcmp(name, "w_1") == 0) break;
        CHECK(i < 999);
    }
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    asyncio_executor_unref(executor);
}

struct together {
    pthread_barrier_t barrier;
};

static int meets(void *arg, asyncio_value *result) {
    struct together *t = arg;
    (void)result;
    pthread_barrier_wait(&t->barrier);
    return 0;
}

TEST(as_many_threads_as_jobs_up_to_the_limit) {
    struct together t;
    asyncio_concurrent_future *f[8];
    asyncio_auto_executor executor = asyncio_executor_new(.max_workers = 8);
    pthread_barrier_init(&t.barrier, NULL, 8);
    for (int i = 0; i < 8; i++)
        CHECK((f[i] = asyncio_executor_submit(executor, meets, &t)) != NULL);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(asyncio_concurrent_future_result(f[i], INFINITY, NULL), 0);
        asyncio_concurrent_future_unref(f[i]);
    }
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
}

static int counts(void *arg, asyncio_value *result) {
    (void)result;
    return atomic_fetch_add((atomic_int *)arg, 1);
}

static int waits_for_post(void *arg, asyncio_value *result) {
    (void)result;
    while (sem_wait(arg) < 0) {
    }
    return 0;
}

TEST(shutdown_finishes_what_was_submitted_or_cancels_it) {
    for (int cancel = 0; cancel < 2; cancel++) {
        sem_t leave;
        atomic_int count = 0;
        asyncio_concurrent_future *f[10];
        asyncio_executor *executor = asyncio_executor_new(.max_workers = 1);
        sem_init(&leave, 0, 0);
        asyncio_concurrent_future *first =
            asyncio_executor_submit(executor, waits_for_post, &leave);
        while (!asyncio_concurrent_future_running(first)) usleep(100);
        for (int i = 0; i < 10; i++) f[i] = asyncio_executor_submit(executor, counts, &count);
        CHECK_INT(asyncio_executor_shutdown(executor, false, cancel), 0);
        CHECK_ERROR(asyncio_executor_submit(executor, counts, &count) ? 0 : ASYNCIO_RUNTIME_ERROR,
                    ASYNCIO_RUNTIME_ERROR, "cannot schedule new futures after shutdown");
        sem_post(&leave);
        CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
        CHECK_INT(count, cancel ? 0 : 10);
        for (int i = 0; i < 10; i++) {
            CHECK_INT(asyncio_concurrent_future_cancelled(f[i]), cancel);
            asyncio_concurrent_future_unref(f[i]);
        }
        asyncio_concurrent_future_unref(first);
        asyncio_executor_unref(executor);
    }
}

static int shuts_itself_down(void *arg, asyncio_value *result) {
    (void)result;
    CHECK_ERROR(asyncio_executor_shutdown(arg, true, false), ASYNCIO_RUNTIME_ERROR,
                "cannot join current thread");
    return asyncio_executor_shutdown(arg, false, false);
}

TEST(a_thread_of_the_executor_cannot_wait_for_its_end) {
    asyncio_auto_executor executor = asyncio_executor_new();
    asyncio_concurrent_future *f = asyncio_executor_submit(executor, shuts_itself_down, executor);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
}

TEST(the_last_thread_frees_what_the_executor_left) {
    sem_t leave;
    sem_init(&leave, 0, 0);
    asyncio_executor *executor = asyncio_executor_new();
    asyncio_concurrent_future *f = asyncio_executor_submit(executor, waits_for_post, &leave);
    asyncio_executor_unref(executor);
    sem_post(&leave);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    usleep(20000); /* for the leak checker: the thread frees the pool after that */
}

/* ---- bad input ---- */

static void check_refused(asyncio_executor *executor, int code, const char *message) {
    CHECK(executor == NULL);
    CHECK_ERROR(code, code, message);
}

TEST(options_out_of_range_are_refused) {
    check_refused(asyncio_executor_new(.max_workers = -1), ASYNCIO_VALUE_ERROR,
                  "max_workers must be from 1 to 65535");
    check_refused(asyncio_executor_new(.max_workers = 65536), ASYNCIO_VALUE_ERROR,
                  "max_workers must be from 1 to 65535");
    check_refused(asyncio_executor_new(.stack_size = 1), ASYNCIO_VALUE_ERROR,
                  "stack size out of range");
    check_refused(asyncio_executor_new(.idle_timeout = (double)NAN), ASYNCIO_VALUE_ERROR,
                  "Invalid timeout: NaN (not a number)");
    check_refused(asyncio_executor_new_custom(NULL, NULL), ASYNCIO_TYPE_ERROR,
                  "an executor needs submit, shutdown and free");
    CHECK_ERROR(asyncio_executor_shutdown(NULL, true, true), ASYNCIO_TYPE_ERROR,
                "an executor is required");
    CHECK(asyncio_executor_submit(NULL, counts, NULL) == NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK(asyncio_executor_ref(NULL) == NULL);
    asyncio_executor_unref(NULL);
    asyncio_job_run(NULL);
    asyncio_job_cancel(NULL);
    asyncio_job_finish(NULL, 0, asyncio_none());
    CHECK(!asyncio_job_start(NULL));
    CHECK(asyncio_job_get_arg(NULL) == NULL);
    CHECK(asyncio_job_get_function(NULL) == NULL);
    CHECK(!asyncio_job_cancelled());
    CHECK_INT(asyncio_job_check(), 0);
}

TEST(a_thread_that_cannot_be_started_is_an_error) {
    if (test_under_emulation() || test_under_valgrind()) SKIP("it would be started there");
    asyncio_auto_executor executor = asyncio_executor_new(.stack_size = (size_t)1 << 46);
    CHECK(executor != NULL);
    CHECK(asyncio_executor_submit(executor, counts, NULL) == NULL);
    CHECK_ERROR(-EAGAIN, -EAGAIN, "can't start new thread");
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
}

TEST(a_forked_child_cannot_use_the_executor) {
    if (test_under_valgrind()) SKIP("the child cannot let go of the parent's threads");
    asyncio_executor *executor = asyncio_executor_new();
    atomic_int count = 0;
    int status;
    asyncio_concurrent_future *f = asyncio_executor_submit(executor, counts, &count);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(asyncio_executor_submit(executor, counts, &count) == NULL);
        CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR,
                    "the executor belongs to the parent process");
        CHECK_INT(asyncio_executor_shutdown(executor, true, true), 0);
        asyncio_executor_unref(executor);
        _exit(0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    asyncio_executor_unref(executor);
}

/* ---- another back end: one thread, the newest job first ---- */

struct stack {
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t thread;
    asyncio_job *jobs[16];
    int count, ran, freed;
    bool open, down;
};

static void *run_stack(void *arg) {
    struct stack *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!(s->open && s->count > 0) && !s->down) pthread_cond_wait(&s->change, &s->lock);
        if (s->count == 0) break;
        asyncio_job *job = s->jobs[--s->count];
        pthread_mutex_unlock(&s->lock);
        if (s->ran++ % 2) {
            asyncio_job_run(job);
        } else if (asyncio_job_start(job)) { /* as one would that asks another process */
            asyncio_value value = asyncio_none();
            int status = asyncio_job_get_function(job)(asyncio_job_get_arg(job), &value);
            asyncio_job_finish(job, status, value);
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int push_job(void *state, asyncio_job *job) {
    struct stack *s = state;
    pthread_mutex_lock(&s->lock);
    bool room = s->count < 16;
    if (room) s->jobs[s->count++] = job;
    s->open = s->count == 3;
    pthread_cond_signal(&s->change);
    pthread_mutex_unlock(&s->lock);
    return room ? 0 : asyncio_raise(-EAGAIN, NULL, NULL, "full");
}

static int end_stack(void *state, bool wait, bool cancel_futures) {
    struct stack *s = state;
    pthread_mutex_lock(&s->lock);
    while (cancel_futures && s->count > 0) asyncio_job_cancel(s->jobs[--s->count]);
    s->down = true;
    pthread_cond_signal(&s->change);
    pthread_mutex_unlock(&s->lock);
    if (wait) pthread_join(s->thread, NULL);
    return 0;
}

static void free_stack(void *state) { ((struct stack *)state)->freed++; }

static const asyncio_executor_ops stack_ops = { sizeof stack_ops, "stack", push_job, end_stack,
                                                free_stack };

static int appends(void *arg, asyncio_value *result) {
    static char order[8];
    strcat(order, arg);
    *result = asyncio_str(order);
    return 0;
}

ASYNC(uses_other_back_end, (asyncio_executor *) executor) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_value value;
    asyncio_auto_future a =
        asyncio_loop_run_in_executor(loop, executor, appends, (void *)(uintptr_t) "a");
    asyncio_auto_future b =
        asyncio_loop_run_in_executor(loop, executor, appends, (void *)(uintptr_t) "b");
    asyncio_auto_future c =
        asyncio_loop_run_in_executor(loop, executor, appends, (void *)(uintptr_t) "c");
    TRY(AWAIT(a, &value));
    CHECK_STR(value.s, "cba");
    RETURN();
}

TEST(another_kind_of_executor_can_be_plugged_in) {
    struct stack s = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };
    asyncio_executor *executor = asyncio_executor_new_custom(&stack_ops, &s);
    CHECK_INT(pthread_create(&s.thread, NULL, run_stack, &s), 0);
    CHECK_INT(asyncio_run(uses_other_back_end(executor), NULL), 0);
    CHECK_INT(s.ran, 3);
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    CHECK_INT(s.freed, 0);
    asyncio_executor_unref(executor);
    CHECK_INT(s.freed, 1);
}

/* ---- who shuts it down ---- */

struct calls {
    int shutdowns, frees;
    bool wait, cancel_futures; /* of the last shutdown */
};

static int refuse_job(void *state, asyncio_job *job) {
    (void)state, (void)job;
    return asyncio_raise(-EAGAIN, NULL, NULL, "full");
}

static int note_shutdown(void *state, bool wait, bool cancel_futures) {
    struct calls *c = state;
    CHECK_INT(c->frees, 0);
    c->shutdowns++;
    c->wait = wait;
    c->cancel_futures = cancel_futures;
    return 0;
}

static void note_free(void *state) { ((struct calls *)state)->frees++; }

static const asyncio_executor_ops noting_ops = { sizeof noting_ops, "noting", refuse_job,
                                                 note_shutdown, note_free };

TEST(an_executor_needs_all_its_operations) {
    for (int i = 0; i < 3; i++) {
        asyncio_executor_ops ops = noting_ops;
        if (i == 0) ops.submit = NULL;
        if (i == 1) ops.shutdown = NULL;
        if (i == 2) ops.free = NULL;
        check_refused(asyncio_executor_new_custom(&ops, NULL), ASYNCIO_TYPE_ERROR,
                      "an executor needs submit, shutdown and free");
    }
}

TEST(the_last_reference_shuts_down_without_waiting) {
    struct calls c = { .wait = true, .cancel_futures = true };
    asyncio_executor *executor = asyncio_executor_new_custom(&noting_ops, &c);
    CHECK_PTR(asyncio_executor_ref(executor), executor);
    asyncio_executor_unref(executor);
    CHECK_INT(c.shutdowns, 0);
    asyncio_executor_unref(executor);
    CHECK_INT(c.shutdowns, 1);
    CHECK(!c.wait && !c.cancel_futures);
    CHECK_INT(c.frees, 1);
}

TEST(the_last_reference_does_not_shut_down_again) {
    struct calls c = { 0 };
    asyncio_executor *executor = asyncio_executor_new_custom(&noting_ops, &c);
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    CHECK(c.wait && !c.cancel_futures);
    CHECK_INT(asyncio_executor_shutdown(executor, false, true), 0);
    CHECK(!c.wait && c.cancel_futures);
    asyncio_executor_unref(executor);
    CHECK_INT(c.shutdowns, 2);
    CHECK_INT(c.frees, 1);
}

TEST(a_refused_job_leaves_nothing) {
    struct calls c = { 0 };
    asyncio_executor *executor = asyncio_executor_new_custom(&noting_ops, &c);
    CHECK(asyncio_executor_submit(executor, counts, NULL) == NULL);
    CHECK_ERROR(-EAGAIN, -EAGAIN, "full");
    asyncio_executor_unref(executor);
    CHECK_INT(c.frees, 1);
}
