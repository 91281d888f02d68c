/* SPDX-License-Identifier: MIT
 *
 * io/stream/socket.c: the transport over a connected socket.
 */
#include <asyncio/fd.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/sigpipe.h"
#include "io/stream/transport.h"

static ssize_t read_socket(struct asyncio__transport *t, void *buf, size_t n, unsigned *interest) {
    ssize_t got;
    *interest = ASYNCIO_READABLE;
    if (!asyncio__descriptor_may_try(asyncio__transport_entry(t), ASYNCIO__READING)) return -EAGAIN;
    do got = recv(t->fd, buf, n, 0);
    while (got < 0 && errno == EINTR);
    if (ASYNCIO__UNLIKELY(got < 0)) return asyncio__transport_failed(t, ASYNCIO__READING, "recv");
    if ((size_t)got < n && got > 0) asyncio__descriptor_short_read(asyncio__transport_entry(t));
    return got;
}

static ssize_t write_socket(struct asyncio__transport *t, const struct iovec *parts, int count,
                            unsigned *interest) {
    ssize_t put;
    *interest = ASYNCIO_WRITABLE;
    if (!asyncio__descriptor_may_try(asyncio__transport_entry(t), ASYNCIO__WRITING)) return -EAGAIN;
    if (count == 1) {
        do put = send(t->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
        while (put < 0 && errno == EINTR);
    } else {
        struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts };
        message.msg_iovlen = (size_t)count;
        do put = sendmsg(t->fd, &message, MSG_NOSIGNAL);
        while (put < 0 && errno == EINTR);
    }
    return ASYNCIO__LIKELY(put >= 0) ? put : asyncio__transport_failed(t, ASYNCIO__WRITING, "send");
}

static ssize_t sendfile_socket(struct asyncio__transport *t, int file, off_t *at, size_t n,
                               unsigned *interest) {
    *interest = ASYNCIO_WRITABLE;
    if (!asyncio__descriptor_may_try(asyncio__transport_entry(t), ASYNCIO__WRITING)) return -EAGAIN;
    ssize_t put = asyncio__sendfile(t->fd, file, at, n);
    if (put < 0 && (errno == EINVAL || errno == ENOSYS)) return -ENOSYS;
    return put >= 0 ? put : asyncio__transport_failed(t, ASYNCIO__WRITING, "sendfile");
}

static int shutdown_socket(struct asyncio__transport *t, unsigned *interest) {
    (void)interest;
    return shutdown(t->fd, SHUT_WR) < 0 ? asyncio__io_raise(errno, "shutdown") : 0;
}

static void free_socket(struct asyncio__transport *t) { (void)t; }

/* The addresses are kept by the stream. */
static int extra_of_socket(const struct asyncio__transport *t, const char *name,
                           asyncio_value *value) {
    if (strcmp(name, "socket") != 0) return 0;
    *value = asyncio_int(t->fd);
    return 1;
}

static const struct asyncio__transport_ops socket_ops = {
    .name = "socket",
    .read = read_socket,
    .write = write_socket,
    .sendfile = sendfile_socket,
    .shutdown = shutdown_socket,
    .free = free_socket,
    .extra = extra_of_socket,
};

/* TCP answers at once, as asyncio's connections do; TCP alone says by a short read that nothing is
 * left. */
static bool prepare_tcp(int fd) {
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

int asyncio__socket_transport_init(struct asyncio__transport *t, asyncio_loop *loop, int fd) {
    int rc = asyncio__descriptor_adopt(loop, fd, prepare_tcp(fd));
    if (rc < 0) return rc;
    *t = (struct asyncio__transport){ &socket_ops, loop, fd };
    asyncio__transport_entry(t)->transport = true;
    return 0;
}
