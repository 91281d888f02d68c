/* SPDX-License-Identifier: MIT
 *
 * io/fd.h: waiting for descriptors, for the rest of this layer. How a system call is made
 * here: try it if that may succeed, otherwise wait; what EAGAIN says is remembered.
 *
 *     int rc = asyncio__io_ready(task, fd, direction);
 *     while (rc >= 0) {
 *         ssize_t n = recv(fd, ...);
 *         if (n >= 0) return n;
 *         rc = asyncio__io_failed(task, fd, direction, "recv");
 *     }
 *     return rc;
 */
#ifndef ASYNCIO_IO_FD_H
#define ASYNCIO_IO_FD_H

#include <asyncio/fd.h>

#include "loop/descriptors.h"
#include "task/task.h"

/* Waits until the descriptor is ready in that direction. 0, or raised: -EBADF if it is closed
 * meanwhile, CancelledError, what asyncio__descriptor_watch gives. */
int asyncio__io_wait(struct asyncio_task *task, int fd, enum asyncio__direction direction);

/* Waits unless a try may succeed. 0, or raised. */
static inline int asyncio__io_ready(struct asyncio_task *task, int fd,
                                    enum asyncio__direction direction) {
    struct asyncio__descriptors *t = &task->future.loop->descriptors;
    if (ASYNCIO__UNLIKELY((size_t)fd >= t->count)) return 0;
    if (asyncio__descriptor_may_try(&t->at[fd], direction)) return 0;
    return asyncio__io_wait(task, fd, direction);
}

/* After a system call that failed: 0: try again, waited if need be. Otherwise raised. */
int asyncio__io_failed(struct asyncio_task *task, int fd, enum asyncio__direction direction,
                       const char *call);

/* Whether callbacks may be set for a descriptor: 0, or raised: it belongs to a stream, as
 * asyncio__descriptor_get. */
int asyncio__reader_check(asyncio_loop *loop, int fd);

/* Raises the error of a system call, a positive errno. */
int asyncio__io_raise(int error, const char *call) __attribute__((cold));

/* Closes a descriptor of the loop; whoever waits for it is told. 0 or -errno. */
int asyncio__io_close(asyncio_loop *loop, int fd);

#endif
