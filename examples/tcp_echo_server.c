/* An echo server that uses streams, as in Python's documentation of asyncio:
 *
 *     tcp_echo_server                 serves on 127.0.0.1:8888 until Ctrl-C
 *     tcp_echo_server HOST PORT       serves there; port 0: a free one, which it prints
 *
 * Each connection: reads up to 100 bytes, prints them, sends them back, and closes. Clients that
 * break off are counted; a line tells it, every ten seconds at most. */
#include <asyncio.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* As Python's repr: what a client sends does nothing to the terminal. */
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

ASYNC(echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer) {
    char data[100];
    asyncio_auto_value addr = asyncio_none();
    TRY(asyncio_streamwriter_get_extra_info(writer, "peername", &addr));
    int n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)));
    fputs("Received ", stdout);
    print_repr(data, n);
    printf(" from %s\n", addr.s);

    fputs("Send: ", stdout);
    print_repr(data, n);
    puts("");
    TRY(asyncio_streamwriter_write(writer, data, (size_t)n));
    TRY(AWAIT(asyncio_streamwriter_drain(writer)));

    puts("Close the connection");
    fflush(stdout);
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

static void count_lost(void) {
    static long lost;
    static double next; /* when to tell again */
    double now = asyncio_loop_time(asyncio_get_running_loop());
    lost++;
    if (now < next) return;
    fprintf(stderr, "%ld clients broke off\n", lost);
    lost = 0;
    next = now + 10;
}

ASYNC(handle_echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    (void)arg;
    int rc = AWAIT(echo(reader, writer));
    if (!asyncio_is_connection_error(rc)) return rc;
    asyncio_ignore(rc);
    asyncio_streamwriter_abort(writer);
    count_lost();
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
