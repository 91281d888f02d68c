/* SPDX-License-Identifier: MIT
 *
 * io/net/dns.h: looking names up, for the rest of this layer.
 */
#ifndef ASYNCIO_IO_NET_DNS_H
#define ASYNCIO_IO_NET_DNS_H

#include <asyncio/dns.h>
#include <netdb.h>

#include "task/task.h"

/* As getaddrinfo; in a thread unless host and service are numbers. 0 and the list (freeaddrinfo),
 * or raised. */
int asyncio__getaddrinfo(asyncio_loop *loop, const char *host, const char *service,
                         const struct addrinfo *hints, struct addrinfo **list);

#endif
