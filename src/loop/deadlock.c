/* SPDX-License-Identifier: MIT
 *
 * loop/deadlock.c: whether an idle loop can ever go on.
 *
 * Threads that are over cannot be told from others without a system call, so they are counted
 * only after a first sleep in which nothing came, and less and less often while there are any.
 */
#include "loop/deadlock.h"

#include <asyncio/deadlock.h>
#include <signal.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "loop/inbox.h"

#define FIRST_LOOK_NS INT64_C(1000000000)
#define LAST_LOOK_NS (60 * INT64_C(1000000000))

bool asyncio__deadlock_suspected(const asyncio_loop *loop) {
    return loop->awaits_main && loop->deadlock != ASYNCIO_DEADLOCK_IGNORED &&
           loop->descriptors.waiting == 0 && loop->external == 0 &&
           atomic_load(&loop->expected) == 0;
}

/* Threads of this process; 0 if that cannot be found out. A folder has a link for itself, for
 * its name, and for each folder in it. */
static unsigned long count_threads(void) {
    struct stat st;
    if (stat("/proc/self/task", &st) < 0 || st.st_nlink < 3) return 0;
    return (unsigned long)st.st_nlink - 2;
}

static atomic_int own_threads;

/* In a forked child there are none. */
static void forget_threads(void) { atomic_store(&own_threads, 0); }
static const struct asyncio__forkpart part = { NULL, NULL, forget_threads };

void asyncio__deadlock_own_threads(int more) {
    asyncio__fork_join(ASYNCIO__FORK_WATCHDOGS, &part);
    atomic_fetch_add(&own_threads, more);
}

/* Whether there is a thread that could call into a loop, besides this one. */
static bool threads_may_wake(void) {
    return count_threads() != 1 + (unsigned long)atomic_load(&own_threads);
}

static _Atomic(uintptr_t) own_handlers[4];

void asyncio__deadlock_own_handler(void (*handler)(int signum)) {
    for (size_t i = 0; i < sizeof own_handlers / sizeof own_handlers[0]; i++) {
        uintptr_t none = 0;
        if (atomic_load(&own_handlers[i]) == (uintptr_t)handler) return;
        if (atomic_compare_exchange_strong(&own_handlers[i], &none, (uintptr_t)handler)) return;
    }
}

static bool is_own(uintptr_t handler) {
    for (size_t i = 0; i < sizeof own_handlers / sizeof own_handlers[0]; i++) {
        if (atomic_load(&own_handlers[i]) == handler) return true;
    }
    return false;
}

/* Those of an instruction that fails: a thread that sleeps executes none. */
static bool is_fault(int signum) {
    return signum == SIGSEGV || signum == SIGBUS || signum == SIGFPE || signum == SIGILL ||
           signum == SIGTRAP || signum == SIGSYS || signum == SIGABRT;
}

/* Whether the program has a signal handler of its own, which may call into the loop. */
static bool signals_may_wake(void) {
    for (int signum = 1; signum < NSIG; signum++) {
        struct sigaction now;
        if (is_fault(signum) || sigaction(signum, NULL, &now) < 0) continue;
        if (now.sa_flags & SA_SIGINFO) return true;
        if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) continue;
        if (!is_own((uintptr_t)now.sa_handler)) return true;
    }
    return false;
}

static bool is_certain(const asyncio_loop *loop) {
    if (loop->deadlock == ASYNCIO_DEADLOCK_ANNOUNCED) return true;
    if (!__libc_single_threaded && (loop->deadlock_look == 0 || threads_may_wake())) return false;
    return !signals_may_wake();
}

static bool has_work(asyncio_loop *loop) {
    uint32_t left = loop->slow & (ASYNCIO__SLOW_STOP | ASYNCIO__SLOW_EXIT);
    return !asyncio__list_empty(&loop->ready) || left || loop->descriptors.waiting ||
           loop->external || atomic_load(&loop->inbox) ||
           asyncio__timers_next(&loop->timers) != ASYNCIO__NEVER || atomic_load(&loop->expected);
}

int asyncio__deadlock_fail(asyncio_loop *loop) {
    if (loop->awaits_main && loop->deadlock != ASYNCIO_DEADLOCK_IGNORED) {
        loop->hooks->deadlock(loop);
        if (has_work(loop)) return 0;
    }
    return asyncio__raise(ASYNCIO_DEADLOCK_ERROR, "nothing is left that could wake the loop");
}

int asyncio__deadlock_check(asyncio_loop *loop, int64_t *timeout) {
    if (is_certain(loop)) {
        *timeout = 0;
        return asyncio__deadlock_fail(loop);
    }
    int64_t look = loop->deadlock_look ? loop->deadlock_look * 2 : FIRST_LOOK_NS;
    loop->deadlock_look = look < LAST_LOOK_NS ? look : LAST_LOOK_NS;
    if (*timeout > loop->deadlock_look) *timeout = loop->deadlock_look;
    return 0;
}

/* ---- what the program says ---- */

void asyncio_loop_set_deadlock_detection(asyncio_loop *loop, asyncio_deadlock_detection when) {
    if (loop) loop->deadlock = (unsigned)when < 3 ? (uint8_t)when : ASYNCIO_DEADLOCK_IGNORED;
}

asyncio_deadlock_detection asyncio_loop_get_deadlock_detection(const asyncio_loop *loop) {
    return loop ? (asyncio_deadlock_detection)loop->deadlock : ASYNCIO_DEADLOCK_IGNORED;
}

void asyncio_loop_expect(asyncio_loop *loop) {
    if (loop) atomic_fetch_add(&loop->expected, 1);
}

/* The last one wakes the loop, which may have fallen asleep because of it. */
void asyncio_loop_unexpect(asyncio_loop *loop) {
    unsigned before = loop ? atomic_load(&loop->expected) : 0;
    while (before > 0 && !atomic_compare_exchange_weak(&loop->expected, &before, before - 1)) {
    }
    if (before == 1) asyncio__inbox_wake(loop);
}
