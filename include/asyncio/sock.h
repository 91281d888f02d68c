/* SPDX-License-Identifier: MIT
 *
 * asyncio/sock.h: the system calls of sockets as coroutines. For those who want the socket
 * itself; streams.h has connections with buffers.
 *
 * Each tries its call first and suspends only if that would block. The socket must be
 * non-blocking. Buffers and addresses must stay where they are until the coroutine has ended.
 * Close sockets by asyncio_fd_close; asyncio_fd_adopt makes waiting cheaper.
 *
 * Every one of them fails, when awaited, with the errors of the system call; with those of
 * asyncio_wait_fd; with ASYNCIO_CANCELLED_ERROR, nothing having been taken from the socket;
 * with ASYNCIO_VALUE_ERROR for a blocking socket (in debug mode; connect and accept also
 * otherwise); ASYNCIO_RUNTIME_ERROR for another loop than the one that runs;
 * ASYNCIO_TYPE_ERROR for a NULL loop. A connection that is gone gives -EPIPE or -ECONNRESET, no
 * signal.
 *
 * Part: io.
 */
#ifndef ASYNCIO_SOCK_H
#define ASYNCIO_SOCK_H

#include <asyncio/fd.h>
#include <sys/socket.h>
#include <sys/types.h>

ASYNCIO_BEGIN_DECLS

/* The type of a value that owns a descriptor (its `i`) and closes it when it is dropped. */
ASYNCIO_API extern const asyncio_value_type asyncio_value_fd;

/* Receives up to n bytes (at most INT_MAX); the status is how many, 0 at the end of the stream.
 * recvfrom also gives the sender's address: size: in: the room at addr; out: the address's size.
 * Both may be NULL.
 * Errors: those above.
 * Suspends: yes (when awaited, if nothing is there). Thread: loop. Since: 0.1.
 * Python: loop.sock_recv, sock_recv_into, sock_recvfrom, sock_recvfrom_into. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_recv(asyncio_loop *loop, int fd, void *buf, size_t n)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_loop_sock_recvfrom(asyncio_loop *loop, int fd, void *buf, size_t n,
                                                    struct sockaddr *addr, socklen_t *size)
    ASYNCIO_MUST_USE;

/* Sends all of it. After an error or a cancellation nobody knows how much was sent.
 * Errors: those above.
 * Suspends: yes (when awaited, if the socket takes no more). Thread: loop. Since: 0.1.
 * Python: loop.sock_sendall. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_sendall(asyncio_loop *loop, int fd, const void *data,
                                                   size_t n) ASYNCIO_MUST_USE;

/* Sends a datagram to that address; the status is how many bytes were taken.
 * Errors: those above.
 * Suspends: yes (when awaited, if the socket takes no more). Thread: loop. Since: 0.1.
 * Python: loop.sock_sendto. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_sendto(asyncio_loop *loop, int fd, const void *data,
                                                  size_t n, const struct sockaddr *addr,
                                                  socklen_t size) ASYNCIO_MUST_USE;

/* Connects to an address (names are not looked up here).
 * Errors: those above, -EAGAIN if the backlog of a unix socket is full. After a failure or a
 * cancellation the socket is of no more use.
 * Suspends: yes (when awaited, unless it is connected at once). Thread: loop. Since: 0.1.
 * Python: loop.sock_connect. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_connect(asyncio_loop *loop, int fd,
                                                   const struct sockaddr *addr, socklen_t size)
    ASYNCIO_MUST_USE;

/* Accepts a connection. The value is its descriptor, non-blocking and close-on-exec, of type
 * asyncio_value_fd: it is closed if nobody takes the value. addr and size as for recvfrom.
 *     asyncio_value conn;
 *     TRY(AWAIT(asyncio_loop_sock_accept(loop, fd, NULL, NULL), &conn));
 *     int c = (int)conn.i;
 * Errors: those above; -EMFILE, -ENFILE: no descriptor is free.
 * Suspends: yes (when awaited, if nobody connects). Thread: loop. Owner: the value is yours.
 * Since: 0.1. Python: loop.sock_accept. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_accept(asyncio_loop *loop, int fd, struct sockaddr *addr,
                                                  socklen_t *size) ASYNCIO_MUST_USE;

/* Sends `count` bytes (0: up to the end) of an open file from `offset` on. The value is how many
 * were sent, fewer if the file ends. The file's position is neither used nor moved. Reading the
 * file may block.
 * Errors: those above; ASYNCIO_VALUE_ERROR for a negative offset, and for a socket that is no
 * stream socket.
 * Suspends: yes (when awaited, if the socket takes no more). Thread: loop. Since: 0.1.
 * Python: loop.sock_sendfile. */
ASYNCIO_API asyncio_coro asyncio_loop_sock_sendfile(asyncio_loop *loop, int fd, int file,
                                                    off_t offset, size_t count) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
