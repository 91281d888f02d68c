/* SPDX-License-Identifier: MIT
 *
 * base/thread.c: starting a thread.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>

#include "base/alloc.h"

static void block_signals(sigset_t *before) {
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

int asyncio__thread_start(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *arg), void *arg) {
    sigset_t before;
    if (asyncio__alloc_check() < 0) return -EAGAIN;
    block_signals(&before);
    int rc = pthread_create(thread, attributes, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}
