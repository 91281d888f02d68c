/* SPDX-License-Identifier: MIT
 *
 * io/net/resolve.h: from host and port to addresses.
 */
#ifndef ASYNCIO_IO_NET_RESOLVE_H
#define ASYNCIO_IO_NET_RESOLVE_H

#include <netdb.h>
#include <sys/socket.h>

#include "task/task.h"

struct asyncio__address {
    int family, type, protocol; /* for socket() */
    socklen_t size;
    struct sockaddr_storage addr;
};

struct asyncio__addresses {
    struct asyncio__address *list; /* asyncio__free */
    size_t count;
};

/* Adds the addresses, at least one, that getaddrinfo finds for host and port with those hints, but
 * for those that are in the list. host NULL: any local one (hints AI_PASSIVE), or the loopback.
 * service: the name of the port instead, or NULL. 0 or raised. May suspend when one of them is a
 * name. */
int asyncio__resolve(struct asyncio_task *task, const char *host, int port, const char *service,
                     const struct addrinfo *hints, struct asyncio__addresses *out);

/* A list of one address, of a stream socket. 0 or raised. */
int asyncio__one_address(const struct sockaddr *addr, socklen_t size,
                         struct asyncio__addresses *out);

#endif
