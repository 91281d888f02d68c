/* SPDX-License-Identifier: MIT
 *
 * io/sigpipe.c: the signal is blocked in this thread during the call; what the call made is
 * directed at the thread, so nobody else can get it in between.
 */
#include "io/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <sys/sendfile.h>
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

/* Where a part was sent before the connection broke, the signal alone says so. */
ssize_t asyncio__sendfile(int fd, int file, off_t *at, size_t n) {
    struct asyncio__sigpipe held;
    ssize_t sent;
    asyncio__sigpipe_hold(&held);
    do sent = sendfile(fd, file, at, n);
    while (sent < 0 && errno == EINTR);
    asyncio__sigpipe_release(&held, sent < 0 ? errno == EPIPE : (size_t)sent < n);
    return sent;
}
