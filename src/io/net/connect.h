/* SPDX-License-Identifier: MIT
 *
 * io/net/connect.h: from a host and a port, or an address, to a connected socket.
 */
#ifndef ASYNCIO_IO_NET_CONNECT_H
#define ASYNCIO_IO_NET_CONNECT_H

#include <asyncio/streams.h>

#include "task/task.h"

/* A connected non-blocking socket, or raised. host and port, unless there is an options->addr. */
int asyncio__connect(struct asyncio_task *task, const char *host, int port,
                     const asyncio_connection_options *options);

#endif
