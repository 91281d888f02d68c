/* SPDX-License-Identifier: MIT
 *
 * thread/pool.c: the executor whose jobs are run in threads of its own.
 *
 * A thread is started when a job comes that no idle one is there for, up to max_workers; one that
 * was idle for idle_timeout ends. To wait for a limited time is dear, so only one of those that are
 * idle does: the watchman, who was there first and is woken last. He sends the others home, and
 * stays as long as there are any. A thread that ended puts its record into `ended`; whoever comes
 * next joins it. When the executor has gone before its jobs are over, the last thread frees the
 * pool.
 *
 * In a forked child the threads are not there: nothing is submitted, waited for or locked.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/futex.h"
#include "base/thread.h"
#include "loop/loop.h"
#include "thread/executor.h"

#define WORKERS_MAX 65535
#define IDLE_DEFAULT 30.0
#define LENT_MAX 256

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t alone; /* the last thread has ended */
    struct asyncio__link queue;
    struct asyncio__link parked; /* workers that nobody has woken yet, the last one first */
    size_t queued;               /* jobs in the queue */
    size_t idle;                 /* threads that are parked, or woken and not there yet */
    size_t threads;              /* threads that have not ended */
    size_t max_workers;
    long lent;                  /* threads beyond those, for jobs that nobody waits for any more */
    unsigned long started;      /* threads ever started */
    struct asyncio__link ended; /* to be joined */
    int64_t idle_timeout;       /* ns */
    pthread_attr_t attributes;
    bool down;
    bool orphaned;             /* the executor has gone: the last thread frees the pool */
    const unsigned *fork_mark; /* reads 0 in a forked child */
    char prefix[];
};

/* The one that was parked last is woken first: its memory is the warmest. Whoever wakes a worker
 * takes it out of `parked` first, so each is woken once; it stays until it was, also if its time is
 * over. */
struct worker {
    struct asyncio__link link; /* among the pool's `parked` or `ended`; points at itself: not */
    atomic_int waits;          /* 1 until it is woken */
    bool dismissed;            /* woken because it has been idle for too long */
    int64_t since;             /* when it had nothing to do any more */
    struct pool *pool;
    pthread_t thread;
    unsigned long number;
};

/* The pool that this thread belongs to. */
static _Thread_local struct pool *own_pool __attribute__((tls_model("initial-exec")));

/* ---- threads that have ended ---- */

static void join_all(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct worker *w = asyncio__container(list->next, struct worker, link);
        asyncio__link_unlink(&w->link);
        pthread_join(w->thread, NULL);
        asyncio__free(w);
    }
}

/* Takes the records of those that have ended; the lock is held. */
static void take_ended(struct pool *pool, struct asyncio__link *list) {
    asyncio__link_init(list);
    asyncio__list_splice(list, &pool->ended);
}

static void destroy_pool(struct pool *pool) {
    join_all(&pool->ended);
    pthread_attr_destroy(&pool->attributes);
    pthread_cond_destroy(&pool->alone);
    pthread_mutex_destroy(&pool->lock);
    asyncio__free(pool);
}

/* ---- a thread ---- */

/* The one to be woken, taken out, or NULL; the lock is held. */
static struct worker *take_parked(struct pool *pool) {
    if (asyncio__list_empty(&pool->parked)) return NULL;
    struct worker *w = asyncio__container(pool->parked.next, struct worker, link);
    asyncio__link_take(&w->link);
    return w;
}

/* It may be gone before the second call. */
static void wake_worker(struct worker *w) {
    atomic_store(&w->waits, 0);
    asyncio__futex_wake(&w->waits, 1);
}

static int64_t end_of_idling(const struct pool *pool, int64_t since) {
    int64_t end;
    return __builtin_add_overflow(since, pool->idle_timeout, &end) ? ASYNCIO__NEVER : end;
}

/* The watchman's time has come: sends those home who have been idle for too long. When he has to
 * look again, or 0: he may go, too. The lock is held. */
static int64_t look_around(struct pool *pool, const struct worker *watchman) {
    int64_t now = asyncio__clock_now(), again = end_of_idling(pool, now);
    size_t others = pool->threads - 1;
    for (struct asyncio__link *l = pool->parked.next, *next; l != &pool->parked; l = next) {
        struct worker *w = asyncio__container(l, struct worker, link);
        int64_t end = end_of_idling(pool, w->since);
        next = l->next;
        if (w == watchman) continue;
        if (end > now) {
            if (end < again) again = end;
            continue;
        }
        asyncio__link_take(l);
        w->dismissed = true;
        others--;
        wake_worker(w);
    }
    return others > 0 ? again : 0;
}

/* False if the time is over before it is woken. */
static bool wait_until(struct worker *w, int64_t deadline) {
    while (atomic_load(&w->waits)) {
        if (!asyncio__futex_wait(&w->waits, 1, deadline)) return false;
    }
    return true;
}

/* Waits until it is woken; false if it is to end. The lock is held, but for the wait. */
static bool park(struct worker *w) {
    struct pool *pool = w->pool;
    bool watchman = asyncio__list_empty(&pool->parked), in_time = false;
    int64_t until = watchman ? end_of_idling(pool, w->since) : ASYNCIO__NEVER;
    atomic_store(&w->waits, 1);
    asyncio__list_append(pool->parked.next, &w->link); /* in front */
    pool->idle++;
    while (!in_time && until != 0) {
        pthread_mutex_unlock(&pool->lock);
        in_time = wait_until(w, until);
        pthread_mutex_lock(&pool->lock);
        if (in_time) break;
        bool being_woken = asyncio__list_empty(&w->link);
        until = being_woken ? ASYNCIO__NEVER : look_around(pool, w);
    }
    asyncio__link_take(&w->link);
    pool->idle--;
    return in_time && !w->dismissed;
}

/* How many threads there may be. */
static size_t most_threads(const struct pool *pool) {
    long lent = pool->lent < 0 ? 0 : pool->lent;
    return pool->max_workers + (size_t)(lent < LENT_MAX ? lent : LENT_MAX);
}

/* Waits for a job; NULL when the thread is to end. The lock is held, but for the wait. When there
 * are too many threads, one that comes from a job or has just begun is not idle, and so nobody
 * counts on it. */
static asyncio_job *next_job(struct worker *w) {
    struct pool *pool = w->pool;
    bool ends = false;
    if (pool->threads > most_threads(pool)) return NULL;
    if (asyncio__list_empty(&pool->queue)) w->since = asyncio__clock_now();
    while (asyncio__list_empty(&pool->queue)) {
        if (pool->down || ends) return NULL;
        ends = !park(w);
    }
    w->dismissed = false;
    asyncio_job *job = asyncio__container(pool->queue.next, asyncio_job, link);
    asyncio__link_take(&job->link);
    pool->queued--;
    return job;
}

/* The system keeps 15 characters. */
static void name_thread(const struct worker *w) {
    char name[16];
    snprintf(name, sizeof name, "%.9s_%u", w->pool->prefix, (unsigned)(w->number % 100000));
    pthread_setname_np(pthread_self(), name);
}

static void end_thread(struct worker *w) {
    struct pool *pool = w->pool;
    pool->threads--;
    if (pool->threads > 0 || !pool->orphaned) {
        asyncio__list_append(&pool->ended, &w->link);
        if (pool->threads == 0) pthread_cond_broadcast(&pool->alone);
        pthread_mutex_unlock(&pool->lock);
        return;
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_detach(w->thread);
    asyncio__free(w);
    destroy_pool(pool);
}

static bool in_forked_child(const struct pool *pool) { return !*pool->fork_mark; }

/* A job that forks returns here in the child, too: its thread ends, and with it the process. */
static void *run_thread(void *arg) {
    struct worker *w = arg;
    struct pool *pool = w->pool;
    asyncio_job *job;
    own_pool = pool;
    name_thread(w);
    pthread_mutex_lock(&pool->lock);
    while ((job = next_job(w)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        asyncio_job_run(job);
        if (in_forked_child(pool)) return NULL;
        pthread_mutex_lock(&pool->lock);
    }
    end_thread(w);
    return NULL;
}

/* One more thread; the lock is held. 0 or -errno. */
static int start_thread(struct pool *pool) {
    struct worker *w = asyncio__malloc(sizeof *w);
    if (!w) return -ENOMEM;
    w->pool = pool;
    asyncio__link_init(&w->link);
    atomic_init(&w->waits, 0);
    w->dismissed = false;
    w->number = pool->started;
    int rc = asyncio__thread_start(&w->thread, &pool->attributes, run_thread, w);
    if (rc < 0) {
        asyncio__free(w);
        return rc;
    }
    pool->started++;
    pool->threads++;
    return 0;
}

/* ---- the executor's operations ---- */

/* With too few threads the job waits for one of those; without any it is refused. */
static int enqueue(struct pool *pool, asyncio_job *job) {
    if (pool->down) return ASYNCIO_RUNTIME_ERROR;
    if (pool->queued + 1 > pool->idle && pool->threads < most_threads(pool)) {
        int rc = start_thread(pool);
        if (rc < 0 && pool->threads == 0) return rc;
    }
    asyncio__list_append(&pool->queue, &job->link);
    pool->queued++;
    return 0;
}

static int raise_refusal(int rc) {
    if (rc == ASYNCIO_RUNTIME_ERROR)
        return asyncio__raise(rc, "cannot schedule new futures after shutdown");
    return asyncio__raise(rc, rc == -ENOMEM ? NULL : "can't start new thread");
}

static int submit_to_pool(void *state, asyncio_job *job) {
    struct pool *pool = state;
    struct asyncio__link ended;
    if (in_forked_child(pool))
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the executor belongs to the parent process");
    pthread_mutex_lock(&pool->lock);
    int rc = enqueue(pool, job);
    struct worker *w = rc >= 0 ? take_parked(pool) : NULL;
    take_ended(pool, &ended);
    pthread_mutex_unlock(&pool->lock);
    if (w) wake_worker(w);
    join_all(&ended);
    return rc < 0 ? raise_refusal(rc) : 0;
}

static void cancel_jobs(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        asyncio_job *job = asyncio__container(list->next, asyncio_job, link);
        asyncio__link_take(&job->link);
        asyncio_job_cancel(job);
    }
}

static int shut_down_pool(void *state, bool wait, bool cancel_futures) {
    struct pool *pool = state;
    struct asyncio__link ended, cancelled;
    if (in_forked_child(pool)) return 0;
    if (wait && own_pool == pool)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "cannot join current thread");
    asyncio__link_init(&cancelled);
    pthread_mutex_lock(&pool->lock);
    pool->down = true;
    if (cancel_futures) {
        asyncio__list_splice(&cancelled, &pool->queue);
        pool->queued = 0;
    }
    for (struct worker *w; (w = take_parked(pool)) != NULL;) wake_worker(w);
    pthread_mutex_unlock(&pool->lock);
    cancel_jobs(&cancelled);
    pthread_mutex_lock(&pool->lock);
    while (wait && pool->threads > 0) pthread_cond_wait(&pool->alone, &pool->lock);
    take_ended(pool, &ended);
    pthread_mutex_unlock(&pool->lock);
    join_all(&ended);
    return 0;
}

static void free_pool(void *state) {
    struct pool *pool = state;
    if (in_forked_child(pool)) return; /* who knows in which state the fork found it */
    pthread_mutex_lock(&pool->lock);
    pool->orphaned = true;
    bool alone = pool->threads == 0;
    pthread_mutex_unlock(&pool->lock);
    if (alone) destroy_pool(pool);
}

static const asyncio_executor_ops pool_ops = {
    .size = sizeof(asyncio_executor_ops),
    .name = "ThreadPoolExecutor",
    .submit = submit_to_pool,
    .shutdown = shut_down_pool,
    .free = free_pool,
};

/* ---- making one ---- */

static size_t default_workers(void) {
    cpu_set_t set;
    size_t cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    return cpus + 4 < 32 ? cpus + 4 : 32;
}

static int check_options(const asyncio_executor_options *o) {
    if (o->max_workers < 0 || o->max_workers > WORKERS_MAX)
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "max_workers must be from 1 to 65535");
    if (isnan(o->idle_timeout))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    return 0;
}

static int set_stack_size(struct pool *pool, size_t size) {
    pthread_attr_init(&pool->attributes);
    if (size == 0 || pthread_attr_setstacksize(&pool->attributes, size) == 0) return 0;
    pthread_attr_destroy(&pool->attributes);
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "stack size out of range");
}

static struct pool *new_pool(const asyncio_executor_options *o) {
    static atomic_uint pools;
    char generic[40];
    const char *prefix = o->thread_name_prefix;
    if (!prefix) {
        snprintf(generic, sizeof generic, "Executor-%u", atomic_fetch_add(&pools, 1));
        prefix = generic;
    }
    size_t length = strlen(prefix) + 1;
    const unsigned *mark = asyncio__fork_mark();
    struct pool *pool = mark ? asyncio__calloc(1, sizeof *pool + length) : NULL;
    if (!pool) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    if (set_stack_size(pool, o->stack_size) < 0) {
        asyncio__free(pool);
        return NULL;
    }
    memcpy(pool->prefix, prefix, length);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->alone, NULL);
    asyncio__link_init(&pool->queue);
    asyncio__link_init(&pool->parked);
    asyncio__link_init(&pool->ended);
    pool->max_workers = o->max_workers ? (size_t)o->max_workers : default_workers();
    double idle = o->idle_timeout == 0 ? IDLE_DEFAULT : o->idle_timeout; // NOLINT
    pool->idle_timeout = idle < 0 ? ASYNCIO__NEVER : asyncio__clock_from_seconds(idle);
    pool->fork_mark = mark;
    return pool;
}

asyncio_executor *asyncio_executor_new_with(const asyncio_executor_options *options) {
    asyncio_executor_options none = { .size = sizeof none };
    if (!options) options = &none;
    if (check_options(options) < 0) return NULL;
    struct pool *pool = new_pool(options);
    if (!pool) return NULL;
    asyncio_executor *executor = asyncio_executor_new_custom(&pool_ops, pool);
    if (!executor) destroy_pool(pool);
    return executor;
}

/* ---- how many threads ---- */

/* More threads may be there now: for the jobs that wait. The lock is held. */
static void start_missing(struct pool *pool) {
    size_t missing = pool->queued > pool->idle ? pool->queued - pool->idle : 0;
    while (!pool->down && missing-- > 0 && pool->threads < most_threads(pool)) {
        if (start_thread(pool) < 0) return; /* they wait for those that are there */
    }
}

void asyncio__pool_set_max(asyncio_executor *executor, int max_workers) {
    struct pool *pool = asyncio__executor_state(executor);
    if (in_forked_child(pool)) return;
    pthread_mutex_lock(&pool->lock);
    pool->max_workers = max_workers ? (size_t)max_workers : default_workers();
    start_missing(pool);
    pthread_mutex_unlock(&pool->lock);
}

static void change_lent(asyncio_executor *executor, int by) {
    struct pool *pool = asyncio__executor_state(executor);
    if (in_forked_child(pool)) return;
    pthread_mutex_lock(&pool->lock);
    pool->lent += by;
    start_missing(pool);
    pthread_mutex_unlock(&pool->lock);
}

void asyncio__pool_lend(asyncio_executor *executor) { change_lent(executor, 1); }

void asyncio__pool_take_back(asyncio_executor *executor) { change_lent(executor, -1); }

bool asyncio__executor_is_pool(const asyncio_executor *executor) {
    return asyncio__executor_ops(executor) == &pool_ops;
}
