/* SPDX-License-Identifier: MIT
 *
 * sock.c: an echo server of ours: a task for each connection, with the coroutines for sockets.
 */
#include <asyncio.h>

#include "listen.h"

ASYNC(echo, (int) fd) {
    asyncio_loop *loop = asyncio_get_running_loop();
    char buffer[4096];
    int n;
    TRY(asyncio_fd_adopt(fd));
    while ((n = AWAIT(asyncio_loop_sock_recv(loop, fd, buffer, sizeof buffer))) > 0) {
        if (AWAIT(asyncio_loop_sock_sendall(loop, fd, buffer, (size_t)n)) < 0) break;
    }
    asyncio_fd_close(fd);
    RETURN();
}

ASYNC(serve, (int) listener) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (;;) {
        asyncio_value conn;
        TRY(AWAIT(asyncio_loop_sock_accept(loop, listener, NULL, NULL), &conn));
        no_delay((int)conn.i);
        TRY(asyncio_spawn(echo((int)conn.i)));
    }
}

int main(void) { return asyncio_main(serve(listen_and_print())); }
