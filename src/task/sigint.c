/* SPDX-License-Identifier: MIT
 *
 * task/sigint.c: the SIGINT handler of a runner. It may run at any moment, in any thread:
 * it only counts, and pushes one runnable that belongs to the runner to the loop's inbox. The loop
 * runs that before anything else that is ready: in CPython a signal is handled in the step in
 * which it comes.
 */
#include "task/sigint.h"

#include <sched.h>
#include <unistd.h>

#include "base/fork.h"
#include "loop/deadlock.h"
#include "loop/inbox.h"

static _Atomic(struct asyncio__sigint *) active;
static atomic_int inside; /* handlers that run now, in whatever threads */

static void post(struct asyncio__sigint *i) {
    if (atomic_exchange(&i->posted, true)) return;
    asyncio__inbox_post(i->loop, &i->runnable);
}

static void on_sigint(int signo) {
    (void)signo;
    atomic_fetch_add(&inside, 1);
    struct asyncio__sigint *i = atomic_load(&active);
    if (i) {
        atomic_fetch_add(&i->count, 1);
        post(i);
    }
    atomic_fetch_sub(&inside, 1);
}

/* Main has been cancelled by somebody else and has ended before the interrupt was handled: in
 * CPython that would have been a second request, which changes nothing. */
static bool comes_on_top(const struct asyncio_task *t) {
    return t->future.state == ASYNCIO__CANCELLED && t->fiber.strand.cancels > 0;
}

/* On the loop's stack: the first interrupt cancels main, the next leaves the run. */
static void run_interrupt(struct asyncio__runnable *runnable) {
    struct asyncio__sigint *i = asyncio__container(runnable, struct asyncio__sigint, runnable);
    asyncio__link_init(&runnable->link);
    atomic_store(&i->posted, false);
    int seen = atomic_load(&i->count);
    bool first = i->handled == 0 && seen == 1;
    i->handled = seen;
    if (first && comes_on_top(i->task)) return;
    if (first && i->task->future.state == ASYNCIO__PENDING) {
        i->requested = asyncio_task_cancel(i->task, NULL);
        return;
    }
    asyncio__loop_exit(i->loop, ASYNCIO_KEYBOARD_INTERRUPT,
                       asyncio__error_make(ASYNCIO_KEYBOARD_INTERRUPT, NULL));
}

static void discard_interrupt(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_interrupt(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "SIGINT handler");
}

static const struct asyncio__runnable_ops interrupt_ops = {
    .run = run_interrupt,
    .discard = discard_interrupt,
    .describe = describe_interrupt,
};

/* In a forked child: as if the run had ended. */
static void forget_run(void) {
    struct asyncio__sigint *i = atomic_load(&active);
    struct sigaction now;
    atomic_store(&inside, 0);
    if (!i) return;
    if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_sigint)
        sigaction(SIGINT, &i->before, NULL);
    i->installed = false;
    i->loop->urgent = NULL;
    atomic_store(&active, NULL);
}

static const struct asyncio__forkpart part = { NULL, NULL, forget_run };

void asyncio__sigint_start(struct asyncio__sigint *i, asyncio_loop *loop, asyncio_task *task) {
    *i = (struct asyncio__sigint){ .task = task };
    i->runnable.ops = &interrupt_ops;
    asyncio__link_init(&i->runnable.link);
    i->loop = loop;
    if (gettid() != getpid() || sigaction(SIGINT, NULL, &i->before) < 0) return;
    if ((i->before.sa_flags & SA_SIGINFO) || i->before.sa_handler != SIG_DFL) return;
    struct asyncio__sigint *none = NULL;
    asyncio__fork_join(ASYNCIO__FORK_SIGINT, &part);
    if (!atomic_compare_exchange_strong(&active, &none, i)) return;
    struct sigaction ours = { .sa_handler = on_sigint, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigemptyset(&ours.sa_mask);
    asyncio__deadlock_own_handler(on_sigint);
    loop->urgent = &i->runnable;
    i->installed = sigaction(SIGINT, &ours, NULL) == 0;
    if (i->installed) return;
    loop->urgent = NULL;
    atomic_store(&active, NULL);
}

void asyncio__sigint_stop(struct asyncio__sigint *i) {
    if (i->installed) {
        struct sigaction now;
        if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_sigint) {
            sigaction(SIGINT, &i->before, NULL);
        }
        atomic_store(&active, NULL);
        while (atomic_load(&inside) > 0) sched_yield(); /* in another thread */
        asyncio__inbox_take(i->loop);
        asyncio__link_take(&i->runnable.link);
        i->loop->urgent = NULL;
    }
}

bool asyncio__sigint_is_stale(const struct sigaction *action) {
    return action->sa_handler == on_sigint && !atomic_load(&active);
}
