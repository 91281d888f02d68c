/* SPDX-License-Identifier: MIT
 *
 * io/net/datagram.h: a datagram endpoint: a socket that the loop has adopted.
 */
#ifndef ASYNCIO_IO_NET_DATAGRAM_H
#define ASYNCIO_IO_NET_DATAGRAM_H

#include <asyncio/datagram.h>

#include "task/task.h"

struct asyncio_datagram {
    asyncio_loop *loop;
    uint32_t refs;
    int fd;                       /* -1: closed */
    uint8_t streak;               /* datagrams received without a wait */
    bool sending;                 /* a task waits for the socket to take more */
    bool connected;               /* to `remote`, for the kernel too */
    socklen_t remote_size;        /* 0: there is no remote address */
    struct asyncio__link senders; /* tasks that wait behind the one that is `sending` */
    socklen_t local_size;         /* of `local`, once it is closed; 0: not known */
    struct sockaddr_storage remote, local;
};

/* A new endpoint without a socket, one reference. NULL: raised. */
asyncio_datagram *asyncio__datagram_new(asyncio_loop *loop);

#endif
