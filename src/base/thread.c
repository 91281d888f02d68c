/* SPDX-License-Identifier: MIT
 *
 * base/thread.c: starting a thread.
 *
 * The signals that are blocked in a thread of the library's would be blocked in every child that
 * comes from there, for good: a child gets the mask of whoever started the thread.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/fork.h"

struct start {
    void *(*main)(void *arg);
    void *arg;
    sigset_t before, blocked; /* the starter's mask, and the thread's */
};

/* How this thread was started; NULL: not by the library. */
static _Thread_local const struct start *started;

static void all_but_faults(sigset_t *set) {
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(set, faults[i]);
}

static bool are_equal(const sigset_t *a, const sigset_t *b) {
    for (int i = 1; i < NSIG; i++) {
        if (sigismember(a, i) != sigismember(b, i)) return false;
    }
    return true;
}

/* A mask that the program has set in the thread is meant for what it starts. */
void asyncio__thread_mask(sigset_t *mask) {
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    if (started && are_equal(mask, &started->blocked)) *mask = started->before;
}

static void restore_mask(void) {
    sigset_t mask;
    asyncio__thread_mask(&mask);
    if (started) pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static const struct asyncio__forkpart part = { NULL, NULL, restore_mask };

static void *begin(void *arg) {
    struct start start = *(struct start *)arg;
    asyncio__free(arg);
    pthread_sigmask(SIG_SETMASK, NULL, &start.blocked);
    started = &start;
    void *result = start.main(start.arg);
    started = NULL;
    return result;
}

int asyncio__thread_start(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *arg), void *arg) {
    struct start *start = asyncio__malloc(sizeof *start);
    if (!start) return -EAGAIN;
    asyncio__fork_join(ASYNCIO__FORK_THREADS, &part);
    *start = (struct start){ .main = main, .arg = arg };
    asyncio__thread_mask(&start->before);
    sigset_t blocked, before;
    all_but_faults(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(thread, attributes, begin, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) asyncio__free(start);
    return -rc;
}
