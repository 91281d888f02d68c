/* A client of the echo server, as in Python's documentation of asyncio:
 *
 *     tcp_echo_client                 sends "Hello World!" to 127.0.0.1:8888
 *     tcp_echo_client HOST PORT [MESSAGE]
 */
#include <asyncio.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* As Python's repr: what the server sends does nothing to the terminal. */
static void print_repr(const char *data, int n) {
    putchar('\'');
    for (int i = 0; i < n; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '\\' || c == '\'') printf("\\%c", c);
        else if (c == '\n') fputs("\\n", stdout);
        else printf(isprint(c) ? "%c" : "\\x%02x", c);
    }
    putchar('\'');
}

ASYNC(tcp_echo_client, (const char *) host, (int) port, (const char *) message) {
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    char data[100];
    TRY(AWAIT(asyncio_open_connection(host, port, &reader, &writer)));

    printf("Send: '%s'\n", message);
    TRY(asyncio_streamwriter_write(writer, message, strlen(message)));
    TRY(AWAIT(asyncio_streamwriter_drain(writer)));

    int n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)));
    fputs("Received: ", stdout);
    print_repr(data, n);
    puts("");

    puts("Close the connection");
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    RETURN();
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *message = argc > 3 ? argv[3] : "Hello World!";
    if (argc == 2 || argc > 4) {
        bool help = strcmp(argv[1], "--help") == 0;
        fputs("usage: tcp_echo_client [HOST PORT [MESSAGE]]    (127.0.0.1 8888 \"Hello World!\")\n",
              help ? stdout : stderr);
        return help ? 0 : 2;
    }
    return asyncio_main(tcp_echo_client(host, argc > 2 ? atoi(argv[2]) : 8888, message));
}
