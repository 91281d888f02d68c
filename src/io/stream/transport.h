/* SPDX-License-Identifier: MIT
 *
 * io/stream/transport.h: what a stream moves its bytes by: a socket, TLS over a socket, a pipe.
 *
 * A transport never suspends and keeps no task: its operations try, and if they cannot go on
 * they say what has to become ready first. Waiting, buffering, flushing in the background, and
 * closing are the stream's (io/stream/stream.h), the same for all kinds.
 *
 * An operation is called from a task or from the loop's stack. One that fails has raised its
 * error (asyncio__raise) in whatever slot is current; the stream keeps it from there.
 * read and write may be called in turn by two tasks; an operation that gave -EAGAIN is called
 * again with the same or more data, never with less, and perhaps from elsewhere.
 */
#ifndef ASYNCIO_IO_STREAM_TRANSPORT_H
#define ASYNCIO_IO_STREAM_TRANSPORT_H

#include <asyncio/value.h>
#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "io/fd.h"

struct asyncio__transport;

struct asyncio__transport_ops {
    const char *name; /* for reports: "socket" */
    /* Up to n > 0 bytes: how many; 0: the other side sends no more. -EAGAIN: nothing now; *interest
     * (ASYNCIO_READABLE, ASYNCIO_WRITABLE or both) is what has to become ready on fd.
     * Otherwise raised; nothing more will come. ASYNCIO_SSL_EOF_ERROR: the other side's direction
     * has ended, though not as it should; writing goes on. */
    ssize_t (*read)(struct asyncio__transport *transport, void *buf, size_t n, unsigned *interest);
    /* How many of the bytes (at least one in all) were taken. -EAGAIN and errors as above. */
    ssize_t (*write)(struct asyncio__transport *transport, const struct iovec *parts, int count,
                     unsigned *interest);
    /* Sends what it keeps of the bytes that write took: 0: all is sent; -EAGAIN and errors as
     * above. NULL: it keeps nothing. */
    int (*flush)(struct asyncio__transport *transport, unsigned *interest);
    /* As write, up to n bytes of a file from *at on, which moves. 0: the file has ended; -ENOSYS,
     * with nothing raised: it cannot be done with this file. NULL: it cannot be done at all. */
    ssize_t (*sendfile)(struct asyncio__transport *transport, int file, off_t *at, size_t n,
                        unsigned *interest);
    /* No more will be written; reading goes on. Called when everything was written, until it
     * gives something else than -EAGAIN: 0 or raised. NULL: it cannot say so. */
    int (*shutdown)(struct asyncio__transport *transport, unsigned *interest);
    bool end_is_close; /* writing ends by closing all of it: a pipe */
    /* Closing begins, before what is left is written; or NULL. */
    void (*closing)(struct asyncio__transport *transport);
    /* The last words before closing; as shutdown. NULL: none. */
    int (*goodbye)(struct asyncio__transport *transport, unsigned *interest);
    /* Frees it, and the inner one; later if one of its operations, which called the program, is
     * under way. It uses the descriptor, which is closed by the stream afterwards, no more. */
    void (*free)(struct asyncio__transport *transport);
    /* Looks up extra information: 1 and *value (the caller's), 0: not known, or raised. */
    int (*extra)(const struct asyncio__transport *transport, const char *name,
                 asyncio_value *value);
    /* What a later connection may begin with, the caller's; NULL: there is none. NULL: never. */
    struct asyncio_sslsession *(*session)(const struct asyncio__transport *transport);
};

struct asyncio__transport {
    const struct asyncio__transport_ops *ops;
    asyncio_loop *loop; /* borrowed */
    int fd;             /* what is waited for; adopted by the loop */
};

/* Makes *transport one over a connected non-blocking socket, which it takes over on success. Its
 * `free` leaves the memory to whoever has it. 0 or raised. */
int asyncio__socket_transport_init(struct asyncio__transport *transport, asyncio_loop *loop,
                                   int fd);

/* The loop's entry of its descriptor. */
static inline struct asyncio__descriptor *asyncio__transport_entry(
    const struct asyncio__transport *t) {
    return &t->loop->descriptors.at[t->fd];
}

/* After a system call that failed: -EAGAIN, which is remembered, or raised. */
static inline int asyncio__transport_failed(const struct asyncio__transport *t,
                                            enum asyncio__direction direction, const char *call) {
    if (errno != EAGAIN) return asyncio__io_raise(errno, call);
    asyncio__descriptor_blocked(asyncio__transport_entry(t), direction);
    return -EAGAIN;
}

#endif
