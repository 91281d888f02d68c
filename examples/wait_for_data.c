/* SPDX-License-Identifier: MIT */

/* Waits for data on a socket that is there already, using streams, as in Python's documentation of
 * asyncio.
 */
#include <asyncio.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Simulates the reception of data from the network. */
static int send_data(void *fd) { return send(*(const int *)fd, "abc", 3, 0) < 0 ? -errno : 0; }

ASYNC(wait_for_data) {
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    char data[100];
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0) return -errno;

    /* Register the open socket to wait for data. */
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = sockets[0])));
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), send_data, &sockets[1]));

    int n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)));
    printf("Received: %.*s\n", n, data);
    asyncio_streamwriter_close(writer);
    close(sockets[1]);
    RETURN();
}

int main(void) { return asyncio_main(wait_for_data()); }
