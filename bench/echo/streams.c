/* SPDX-License-Identifier: MIT
 *
 * streams.c: an echo server of ours, with streams.
 */
#include <asyncio.h>

#include "listen.h"

ASYNC(echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char buffer[4096];
    int n;
    (void)arg;
    while ((n = AWAIT(asyncio_streamreader_read(reader, buffer, sizeof buffer))) > 0) {
        TRY(asyncio_streamwriter_write(writer, buffer, (size_t)n));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    asyncio_ignore(n); /* a client that leaves in the middle */
    RETURN();
}

ASYNC(serve) {
    asyncio_server *server;
    TRY(AWAIT(asyncio_start_server(echo, "127.0.0.1", 0, &server, .backlog = 1024)));
    print_port(asyncio_server_port(server));
    TRY(AWAIT(asyncio_server_serve_forever(server)));
    RETURN();
}

int main(void) { return asyncio_main(serve()); }
