/* SPDX-License-Identifier: MIT
 *
 * io/net/sock.h: what connections and servers share with the coroutines for sockets.
 */
#ifndef ASYNCIO_IO_NET_SOCK_H
#define ASYNCIO_IO_NET_SOCK_H

#include <asyncio/sock.h>
#include <sys/un.h>

#include "task/task.h"

/* Connects a non-blocking socket. 0 or raised. */
int asyncio__io_connect(struct asyncio_task *task, int fd, const struct sockaddr *addr,
                        socklen_t size);

/* Binds a socket. 0 or raised. */
int asyncio__io_bind(int fd, const struct sockaddr *addr, socklen_t size);

/* The address of a path. 0, or raised if that is too long. */
int asyncio__unix_address(const char *path, struct sockaddr_un *addr);

/* Whether fd is a stream socket, of family AF_UNIX if is_unix: 0, raised as ValueError, or the
 * system's error if it is no socket. */
int asyncio__io_check_stream(int fd, bool is_unix);

/* The inode of the socket that is at a path; 0: there is none. */
unsigned long long asyncio__unix_inode(const char *path);

#endif
