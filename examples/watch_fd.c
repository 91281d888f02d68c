/* SPDX-License-Identifier: MIT */

/* Watches a descriptor for read events with a callback, as in Python's documentation of asyncio. */
#include <asyncio.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    asyncio_loop *loop;
    int rsock, wsock;
};

static int reader(void *arg) {
    struct pair *pair = arg;
    char data[100];
    ssize_t n = recv(pair->rsock, data, sizeof data, 0);
    printf("Received: %.*s\n", (int)n, data);
    asyncio_loop_remove_reader(pair->loop, pair->rsock); /* we are done: unregister */
    asyncio_loop_stop(pair->loop);
    return 0;
}

/* Simulates the reception of data from the network. */
static int send_data(void *arg) {
    const struct pair *pair = arg;
    return send(pair->wsock, "abc", 3, 0) < 0 ? -errno : 0;
}

int main(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    struct pair pair = { .loop = loop };
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0) return 1;
    pair.rsock = sockets[0];
    pair.wsock = sockets[1];

    int rc = asyncio_loop_add_reader(loop, pair.rsock, reader, &pair);
    if (rc >= 0) rc = asyncio_loop_call_soon(loop, send_data, &pair);
    if (rc >= 0) rc = asyncio_loop_run_forever(loop);

    asyncio_fd_close(pair.rsock);
    close(pair.wsock);
    asyncio_loop_close(loop);
    return rc < 0;
}
