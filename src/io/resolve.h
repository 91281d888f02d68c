/* SPDX-License-Identifier: MIT
 *
 * io/resolve.h: from host and port to addresses.
 */
#ifndef ASYNCIO_IO_RESOLVE_H
#define ASYNCIO_IO_RESOLVE_H

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

/* Addresses for a stream connection, at least one. host NULL: any local one (flags AI_PASSIVE), or
 * the loopback. 0 or raised. May suspend when the host is a name. */
int asyncio__resolve(struct asyncio_task *task, const char *host, int port, int family, int flags,
                     struct asyncio__addresses *out);

#endif
