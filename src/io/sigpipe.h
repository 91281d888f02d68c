/* SPDX-License-Identifier: MIT
 *
 * io/sigpipe.h: around a system call that has no flag against SIGPIPE (write to a pipe,
 * sendfile). errno is left as the call left it.
 */
#ifndef ASYNCIO_IO_SIGPIPE_H
#define ASYNCIO_IO_SIGPIPE_H

#include <signal.h>
#include <sys/types.h>

struct asyncio__sigpipe {
    sigset_t mask; /* the thread's, before */
};

void asyncio__sigpipe_hold(struct asyncio__sigpipe *s);

/* failed: the call may have made the signal: it is taken away. */
void asyncio__sigpipe_release(const struct asyncio__sigpipe *s, int failed);

/* sendfile, which makes no signal. */
ssize_t asyncio__sendfile(int fd, int file, off_t *at, size_t n);

#endif
