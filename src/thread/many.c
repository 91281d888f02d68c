/* SPDX-License-Identifier: MIT
 *
 * thread/many.c: run_many: one asyncio_run for each of n threads, tied together.
 *
 * Each loop's main task notes itself in its place, under the lock, for as long as the user's main
 * runs; cancelling all of them posts a call into each loop. The main task of loop 0, which gets
 * Ctrl-C, stays until the other loops have ended, so that Ctrl-C means all of them all the time.
 */
#include <asyncio/keywords.h>
#include <asyncio/many.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/thread.h"
#include "task/task.h"
#include "thread/concurrent.h"

#define LOOPS_MAX 1024

struct place {
    struct group *group;
    unsigned index;
    pthread_t thread;
    asyncio_task *task; /* a reference, while its main runs; under the lock */
};

struct group {
    asyncio_main_function *main;
    void *arg;
    pthread_mutex_t lock;
    bool cancelled; /* no main is to begin any more */
    int status;     /* of the first that failed, not counting those that were cancelled */
    asyncio_error *error;
    atomic_uint left;                /* threads that have not ended, and one while they start */
    asyncio_concurrent_future *over; /* done when there is none left */
    const unsigned *fork_mark; /* reads 0 in a forked child, which leaves everything as it is */
    unsigned count;
    struct place places[];
};

/* ---- cancelling ---- */

static int cancel_task(void *arg) {
    asyncio_task_cancel(arg, NULL);
    return 0;
}

static void unref_task(void *arg) { asyncio_task_unref(arg); }

/* In the task's own loop; the lock is held, so the task is still noted there. */
static void post_cancel(struct place *p) {
    asyncio_call_options o = { .size = sizeof o, .arg = p->task, .drop = unref_task };
    asyncio_loop *loop = p->task->future.loop;
    asyncio_task *task = p->task;
    p->task = NULL; /* the reference goes along */
    if (asyncio_loop_call_soon_threadsafe_with(loop, cancel_task, &o) >= 0) return;
    p->task = task;
}

static void cancel_all(struct group *g) {
    pthread_mutex_lock(&g->lock);
    g->cancelled = true;
    for (unsigned i = 0; i < g->count; i++) {
        if (g->places[i].task) post_cancel(&g->places[i]);
    }
    pthread_mutex_unlock(&g->lock);
}

/* The first failure counts; being cancelled because of another one does not. */
static void note_failure(struct group *g, int status) {
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), status);
    pthread_mutex_lock(&g->lock);
    bool first = g->status == 0 && !(g->cancelled && status == ASYNCIO_CANCELLED_ERROR);
    if (first) {
        g->status = status;
        g->error = error;
    }
    pthread_mutex_unlock(&g->lock);
    if (!first) asyncio_error_unref(error);
    cancel_all(g);
}

/* ---- the main task of a loop ---- */

/* False if all are cancelled already. */
static bool enter_place(struct place *p) {
    pthread_mutex_lock(&p->group->lock);
    bool enters = !p->group->cancelled;
    if (enters) p->task = asyncio_task_ref(asyncio_current_task());
    pthread_mutex_unlock(&p->group->lock);
    return enters;
}

static void leave_place(struct place *p) {
    pthread_mutex_lock(&p->group->lock);
    asyncio_task *task = p->task;
    p->task = NULL;
    pthread_mutex_unlock(&p->group->lock);
    asyncio_task_unref(task);
}

static ASYNCIO_ASYNC(run_place, (struct place *) p) {
    if (!enter_place(p)) ASYNCIO_RETURN();
    int rc = ASYNCIO_AWAIT(p->group->main(p->index, p->group->arg));
    leave_place(p);
    return rc;
}

static void count_down(struct group *g) {
    if (atomic_fetch_sub(&g->left, 1) == 1) asyncio__concurrent_finish(g->over, 0, asyncio_none());
}

/* Until all other loops have ended; cancelled meanwhile, they are. Gives that status then. */
static int wait_for_others(struct group *g) {
    int status = 0;
    while (!asyncio_concurrent_future_done(g->over)) {
        asyncio_future *f = asyncio_wrap_future(g->over, NULL);
        if (!f) return asyncio__slot_status();
        int rc = asyncio_await_future(f, NULL, NULL, NULL);
        asyncio_future_unref(f);
        if (rc >= 0) break;
        if (rc != ASYNCIO_CANCELLED_ERROR) return rc;
        if (status == 0) status = rc;
        else asyncio_ignore(rc);
        cancel_all(g);
    }
    return status;
}

static ASYNCIO_ASYNC(run_first, (struct group *) g) {
    int rc = ASYNCIO_AWAIT(run_place(&g->places[0]));
    asyncio_error *error = asyncio__error_detach(asyncio__strand_current(), rc);
    if (rc < 0) cancel_all(g);
    int waited = wait_for_others(g);
    if (rc >= 0) return waited;
    asyncio_ignore(waited);
    return error ? asyncio_reraise(error) : rc;
}

/* ---- threads ---- */

static void *run_thread(void *arg) {
    struct place *p = arg;
    struct group *g = p->group;
    int rc = asyncio_run_with(run_place(p), NULL);
    if (!*g->fork_mark) return NULL;
    if (rc < 0) note_failure(g, rc);
    count_down(g);
    return NULL;
}

/* Starts all but the first; gives how many there are then, the first one included. */
static unsigned start_threads(struct group *g) {
    unsigned n = 1;
    for (; n < g->count; n++) {
        atomic_fetch_add(&g->left, 1);
        int rc = asyncio__thread_start(&g->places[n].thread, NULL, run_thread, &g->places[n]);
        if (rc >= 0) continue;
        atomic_fetch_sub(&g->left, 1);
        note_failure(g, asyncio__raise(rc, "can't start new thread"));
        break;
    }
    count_down(g);
    return n;
}

static struct group *new_group(unsigned n, asyncio_main_function *main, void *arg) {
    struct group *g = asyncio__calloc(1, sizeof *g + n * sizeof g->places[0]);
    asyncio_concurrent_future *over = g ? asyncio_concurrent_future_new() : NULL;
    const unsigned *mark = asyncio__fork_mark();
    if (!over || !mark) {
        asyncio_concurrent_future_unref(over);
        asyncio__free(g);
        return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    }
    asyncio__concurrent_start(over); /* what waits for it can be cancelled, it cannot */
    g->main = main;
    g->arg = arg;
    g->over = over;
    g->fork_mark = mark;
    g->count = n;
    pthread_mutex_init(&g->lock, NULL);
    atomic_init(&g->left, 1);
    for (unsigned i = 0; i < n; i++) {
        g->places[i].group = g;
        g->places[i].index = i;
    }
    return g;
}

/* Gives the error of another loop if the first one was only cancelled because of it. */
static int free_group(struct group *g, int rc) {
    if (g->status < 0 && (rc >= 0 || rc == ASYNCIO_CANCELLED_ERROR)) {
        asyncio_ignore(rc);
        rc = g->status;
        if (g->error) asyncio__error_put(asyncio__strand_current(), g->error);
    } else {
        asyncio_error_unref(g->error);
    }
    asyncio_concurrent_future_unref(g->over);
    pthread_mutex_destroy(&g->lock);
    asyncio__free(g);
    return rc;
}

static unsigned processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int asyncio_run_many(unsigned n, asyncio_main_function *main, void *arg) {
    if (!main) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a main function is required");
    if (n > LOOPS_MAX) return asyncio__raise(ASYNCIO_VALUE_ERROR, "at most 1024 loops");
    if (asyncio__here.running) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "asyncio_run_many() cannot be called from a running event loop");
    }
    struct group *g = new_group(n ? n : processors(), main, arg);
    if (!g) return asyncio__slot_status();
    unsigned started = start_threads(g);
    int rc = asyncio_run_with(run_first(g), NULL);
    if (!*g->fork_mark) return rc;
    if (rc < 0) cancel_all(g); /* if it did not even begin */
    for (unsigned i = 1; i < started; i++) pthread_join(g->places[i].thread, NULL);
    return free_group(g, rc);
}
