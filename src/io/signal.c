/* SPDX-License-Identifier: MIT
 *
 * io/signal.c: subscriptions to signals, and add_signal_handler on top of them.
 */
#include "io/signal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <asyncio/deadlock.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/fork.h"
#include "loop/deadlock.h"
#include "loop/handle.h"
#include "task/sigint.h"

#define SIGNALS 65

static struct {
    _Atomic(struct asyncio__subscription *) first;
    struct sigaction before; /* what is set again when the list is empty */
} signals[SIGNALS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int inside; /* handlers that run now, in whatever threads */

static void take_lock(void) { pthread_mutex_lock(&lock); }
static void give_lock(void) { pthread_mutex_unlock(&lock); }

/* ---- the signal handler ---- */

static void post(struct asyncio__subscription *s, unsigned count) {
    atomic_fetch_add(&s->count, count);
    if (!atomic_exchange(&s->posted, true)) asyncio__inbox_post(s->loop, &s->runnable);
}

static void on_signal(int signum) {
    int saved = errno;
    atomic_fetch_add(&inside, 1);
    struct asyncio__subscription *s = atomic_load(&signals[signum].first);
    for (; s; s = atomic_load(&s->next)) {
        if (*s->loop->fork_mark) post(s, 1); /* otherwise the parent's, in a forked child */
    }
    atomic_fetch_sub(&inside, 1);
    errno = saved;
}

/* ---- delivery ---- */

static struct asyncio__subscription *subscription_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__subscription, runnable);
}

static void run_subscription(struct asyncio__runnable *runnable) {
    struct asyncio__subscription *s = subscription_of(runnable);
    asyncio__link_init(&runnable->link);
    atomic_store(&s->posted, false);
    s->deliver(s);
}

static void discard_subscription(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_subscription(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return snprintf(buf, n, "handler of signal %d", subscription_of(runnable)->signum);
}

static const struct asyncio__runnable_ops subscription_ops = {
    .run = run_subscription,
    .discard = discard_subscription,
    .describe = describe_subscription,
};

/* ---- starting and stopping ---- */

/* Those that the C library keeps for itself are none, as in Python. */
static int check_number(int signum) {
    sigset_t all;
    sigfillset(&all);
    if (signum >= 1 && signum < SIGNALS && sigismember(&all, signum) == 1) return 0;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "invalid signal number %d", signum);
}

/* A fault is over only when its cause is: the instruction would be run again at once. */
static int check_signal(int signum) {
    int rc = check_number(signum);
    if (rc < 0) return rc;
    if (signum == SIGSEGV || signum == SIGBUS || signum == SIGFPE || signum == SIGILL) {
        return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                             "signal %d cannot be handled later than it happens", signum);
    }
    return 0;
}

static int install(int signum) {
    struct sigaction ours = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigemptyset(&ours.sa_mask);
    asyncio__deadlock_own_handler(on_signal);
    if (sigaction(signum, &ours, &signals[signum].before) == 0) return 0;
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL, "sig %d cannot be caught", signum);
}

/* Unless somebody else has set another meanwhile. A runner's handler that has nobody left to
 * interrupt is no handler. */
static void uninstall(int signum) {
    struct sigaction now, *before = &signals[signum].before;
    if (sigaction(signum, NULL, &now) < 0 || now.sa_handler != on_signal) return;
    if (asyncio__sigint_is_stale(before)) before->sa_handler = SIG_DFL;
    sigaction(signum, before, NULL);
}

/* In a forked child: the subscriptions are those of the parent's loops. */
static void forget_all(void) {
    atomic_store(&inside, 0);
    for (int signum = 1; signum < SIGNALS; signum++) {
        if (!atomic_exchange(&signals[signum].first, NULL)) continue;
        uninstall(signum);
    }
    give_lock();
}

static const struct asyncio__forkpart part = { take_lock, give_lock, forget_all };

static void close_subscription(struct asyncio__tie *tie) {
    struct asyncio__subscription *s = asyncio__container(tie, struct asyncio__subscription, tie);
    asyncio__subscription_stop(s);
    s->closed(s);
}

int asyncio__subscription_start(struct asyncio__subscription *s, asyncio_loop *loop, int signum) {
    int rc = check_signal(signum);
    if (rc >= 0) rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    s->runnable.ops = &subscription_ops;
    asyncio__link_init(&s->runnable.link);
    s->loop = loop;
    s->signum = signum;
    atomic_init(&s->posted, false);
    atomic_init(&s->count, 0);
    asyncio__fork_join(ASYNCIO__FORK_SIGNALS, &part);
    take_lock();
    struct asyncio__subscription *first = atomic_load(&signals[signum].first);
    atomic_init(&s->next, first);
    atomic_store(&signals[signum].first, s);
    if (!first) rc = install(signum);
    if (rc < 0) atomic_store(&signals[signum].first, NULL);
    give_lock();
    if (rc < 0) return rc;
    s->tie.close = close_subscription;
    asyncio__list_append(&loop->ties, &s->tie.link);
    if (!s->unannounced) asyncio_loop_expect(loop);
    return 0;
}

static void unlink_subscription(struct asyncio__subscription *s) {
    _Atomic(struct asyncio__subscription *) *at = &signals[s->signum].first;
    while (atomic_load(at) != s) at = &atomic_load(at)->next;
    atomic_store(at, atomic_load(&s->next));
}

void asyncio__subscription_stop(struct asyncio__subscription *s) {
    if (!*s->loop->fork_mark) return; /* it has gone with the loop */
    take_lock();
    unlink_subscription(s);
    if (!atomic_load(&signals[s->signum].first)) uninstall(s->signum);
    give_lock();
    while (atomic_load(&inside) > 0) sched_yield(); /* in another thread */
    asyncio__inbox_take(s->loop);
    asyncio__link_take(&s->runnable.link);
    asyncio__link_take(&s->tie.link);
    if (!s->unannounced) asyncio_loop_unexpect(s->loop);
}

struct asyncio__subscription *asyncio__subscription_find(
    const asyncio_loop *loop, int signum, void (*deliver)(struct asyncio__subscription *s)) {
    if (signum < 1 || signum >= SIGNALS) return NULL;
    take_lock();
    struct asyncio__subscription *s = atomic_load(&signals[signum].first);
    while (s && (s->loop != loop || s->deliver != deliver)) s = atomic_load(&s->next);
    give_lock();
    return s;
}

bool asyncio__subscription_take(struct asyncio__subscription *s) {
    if (atomic_load(&s->count) == 0) return false;
    atomic_fetch_sub(&s->count, 1);
    return true;
}

void asyncio__subscription_pass(struct asyncio__subscription *from,
                                struct asyncio__subscription *to) {
    unsigned count = atomic_exchange(&from->count, 0);
    if (count > 0) post(to, count);
}

/* ---- callbacks ---- */

struct handler {
    struct asyncio__subscription subscription;
    asyncio_callback *fn;
    struct asyncio__call call;
    bool running, removed;
};

static void free_handler(struct handler *h) {
    asyncio_loop *loop = h->subscription.loop;
    asyncio__call_drop(&h->call);
    asyncio__free(h);
    asyncio__loop_object_gone(loop);
}

static struct handler *handler_of(struct asyncio__subscription *s) {
    return asyncio__container(s, struct handler, subscription);
}

static void remove_handler(struct handler *h) {
    asyncio__subscription_stop(&h->subscription);
    h->removed = true;
    if (!h->running) free_handler(h);
}

static void deliver_to_handler(struct asyncio__subscription *s) {
    struct handler *h = handler_of(s);
    h->running = true;
    while (!h->removed && asyncio__subscription_take(s)) {
        asyncio__context_ref saved = asyncio__call_enter(&h->call);
        int status = h->fn(h->call.arg);
        asyncio__call_leave(s->loop, &h->call, saved, status, NULL, NULL);
    }
    h->running = false;
    if (h->removed) free_handler(h);
}

static void close_handler(struct asyncio__subscription *s) { free_handler(handler_of(s)); }

static struct handler *find_handler(asyncio_loop *loop, int signum) {
    struct asyncio__subscription *s = asyncio__subscription_find(loop, signum, deliver_to_handler);
    return s ? handler_of(s) : NULL;
}

static struct handler *new_handler(asyncio_loop *loop, int signum, asyncio_callback *fn,
                                   const asyncio_call_options *options) {
    struct handler *h = asyncio__malloc(sizeof *h);
    if (!h) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    *h = (struct handler){ .fn = fn };
    h->subscription.deliver = deliver_to_handler;
    h->subscription.closed = close_handler;
    if (asyncio__subscription_start(&h->subscription, loop, signum) < 0) {
        asyncio__free(h);
        return NULL;
    }
    asyncio__call_init(&h->call, options);
    loop->live++;
    return h;
}

int asyncio_loop_add_signal_handler_with(asyncio_loop *loop, int signum, asyncio_callback *fn,
                                         const asyncio_call_options *options) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (!fn) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required");
    struct handler *before = find_handler(loop, signum);
    struct handler *h = new_handler(loop, signum, fn, options);
    if (!h) return asyncio__slot_status();
    if (before) {
        asyncio__subscription_pass(&before->subscription, &h->subscription);
        remove_handler(before);
    }
    return 0;
}

int asyncio_loop_remove_signal_handler(asyncio_loop *loop, int signum) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (asyncio__loop_check_thread(loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    int rc = check_number(signum);
    if (rc < 0) return rc;
    struct handler *h = find_handler(loop, signum);
    if (h) remove_handler(h);
    return h != NULL;
}
