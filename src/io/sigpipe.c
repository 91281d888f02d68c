/* SPDX-License-Identifier: MIT
 *
 * io/sigpipe.c: the signal is blocked in this thread during the call; what the call made is
 * directed at the thread, so nobody else can get it in between.
 */
#include "io/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static sigset_t only_sigpipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

void asyncio__sigpipe_hold(struct asyncio__sigpipe *s) {
    sigset_t set = only_sigpipe();
    pthread_sigmask(SIG_BLOCK, &set, &s->mask);
}

void asyncio__sigpipe_release(const struct asyncio__sigpipe *s, int failed) {
    int saved = errno;
    sigset_t set = only_sigpipe();
    if (failed) sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 });
    pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
    errno = saved;
}
