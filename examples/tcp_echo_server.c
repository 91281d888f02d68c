/* An echo server that uses streams, as in Python's documentation of asyncio:
 *
 *     tcp_echo_server                 serves on 127.0.0.1:8888 until Ctrl-C
 *     tcp_echo_server HOST PORT       serves there; port 0: a free one, which it prints
 *
 * Each connection: reads up to 100 bytes, prints them, sends them back, and closes. */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

ASYNC(handle_echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char data[100];
    asyncio_auto_value addr = asyncio_none();
    (void)arg;
    TRY(asyncio_streamwriter_get_extra_info(writer, "peername", &addr));
    int n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)));
    printf("Received '%.*s' from %s\n", n, data, addr.s);

    printf("Send: '%.*s'\n", n, data);
    TRY(asyncio_streamwriter_write(writer, data, (size_t)n));
    TRY(AWAIT(asyncio_streamwriter_drain(writer)));

    puts("Close the connection");
    fflush(stdout);
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

ASYNC(serve, (const char *) host, (int) port) {
    asyncio_server *server;
    TRY(AWAIT(asyncio_start_server(handle_echo, host, port, &server)));
    printf("Serving on %s:%d\n", host, asyncio_server_port(server));
    fflush(stdout);
    int rc = AWAIT(asyncio_server_serve_forever(server));
    asyncio_server_unref(server);
    TRY(rc);
    RETURN();
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: tcp_echo_server [HOST PORT]    (127.0.0.1 8888)");
        return 0;
    }
    if (argc != 1 && argc != 3) {
        fputs("usage: tcp_echo_server [HOST PORT]\n", stderr);
        return 2;
    }
    return asyncio_main(argc == 3 ? serve(argv[1], atoi(argv[2])) : serve("127.0.0.1", 8888));
}
