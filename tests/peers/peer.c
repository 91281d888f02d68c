/* SPDX-License-Identifier: MIT
 *
 * tests/peers/peer.c: a server and a client that programs of others talk to (tests/peers/run):
 *
 *     peer serve tcp|unix|udp ADDRESS echo|sum|early
 *     peer connect tcp|unix|udp ADDRESS echo|sum SIZE
 *     peer connect tcp|unix ADDRESS copy
 *
 * ADDRESS: a port (0: a free one) of 127.0.0.1, or of ::1 after "6:", or a path. Byte number i of
 * what is sent is i modulo 251.
 *
 * echo: everything comes back, the end last. sum: after the end comes a line with how many bytes
 * there were, and their sum. early: the server ends its half first, then it counts. copy: what is
 * on standard input goes there, what comes from there goes to standard output.
 */
#define _GNU_SOURCE
#include <asyncio.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHUNK = 10000 }; /* on the stacks of tasks */

static const char *kind, *address, *mode;
static unsigned long long size;

static const char *host(void) {
    return address[0] == '6' && address[1] == ':' ? "::1" : "127.0.0.1";
}
static int port(void) {
    return atoi(address[0] == '6' && address[1] == ':' ? address + 2 : address);
}

static void fill(char *data, size_t n, unsigned long long at) {
    for (size_t i = 0; i < n; i++) data[i] = (char)((at + i) % 251);
}

/* ---- the server ---- */

ASYNC(echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer) {
    char data[CHUNK];
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        TRY(asyncio_streamwriter_write(writer, data, (size_t)n));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    TRY(asyncio_streamwriter_write_eof(writer));
    RETURN();
}

ASYNC(count, (asyncio_streamreader *) reader, (char *) line, (size_t) room) {
    unsigned char data[CHUNK];
    unsigned long long bytes = 0, sum = 0;
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        bytes += (unsigned)n;
        for (int i = 0; i < n; i++) sum += data[i];
    }
    snprintf(line, room, "%llu %llu\n", bytes, sum);
    RETURN();
}

ASYNC(sum, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer) {
    char line[64];
    TRY(AWAIT(count(reader, line, sizeof line)));
    TRY(asyncio_streamwriter_write(writer, line, strlen(line)));
    RETURN();
}

ASYNC(early, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer) {
    char line[64];
    TRY(asyncio_streamwriter_write(writer, "that is all\n", 12));
    TRY(asyncio_streamwriter_write_eof(writer));
    TRY(AWAIT(count(reader, line, sizeof line)));
    printf("counted %s", line);
    RETURN();
}

ASYNC(handle, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    int rc;
    (void)arg;
    if (strcmp(mode, "echo") == 0) rc = AWAIT(echo(reader, writer));
    else if (strcmp(mode, "sum") == 0) rc = AWAIT(sum(reader, writer));
    else rc = AWAIT(early(reader, writer));
    if (asyncio_catch(rc, -ECONNRESET) || asyncio_catch(rc, -EPIPE)) {
        puts("reset");
        RETURN();
    }
    TRY(rc);
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

ASYNC(serve_stream) {
    asyncio_auto_server server = NULL;
    asyncio_auto_signals stop = asyncio_signals_new(1, (int[]){ SIGTERM });
    if (strcmp(kind, "unix") == 0) {
        TRY(AWAIT(asyncio_start_unix_server(handle, address, &server)));
    } else {
        TRY(AWAIT(asyncio_start_server(handle, host(), port(), &server)));
    }
    printf("%d\n", asyncio_server_port(server));
    TRY(AWAIT(asyncio_signals_next(stop)));
    TRY(AWAIT(asyncio_server_shutdown(server, 10)));
    RETURN();
}

ASYNC(serve_datagrams) {
    asyncio_auto_datagram d = NULL;
    asyncio_datagram_info from;
    asyncio_auto_value name = asyncio_none();
    static char data[65536];
    TRY(AWAIT(asyncio_create_datagram_endpoint(&d, .local_host = host(), .local_port = port())));
    TRY(asyncio_datagram_get_extra_info(d, "sockname", &name));
    puts(strrchr(name.s, ':') + 1);
    for (;;) {
        int n = TRY(AWAIT(asyncio_datagram_recvfrom(d, data, sizeof data, &from)));
        TRY(AWAIT(asyncio_datagram_sendto(d, data, (size_t)n, from.addr, from.addr_size)));
    }
}

/* ---- the client ---- */

ASYNC(send_all, (asyncio_streamwriter *) writer) {
    char data[CHUNK];
    for (unsigned long long at = 0; at < size; at += CHUNK) {
        size_t n = size - at < CHUNK ? size - at : CHUNK;
        fill(data, n, at);
        TRY(asyncio_streamwriter_write(writer, data, n));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    TRY(asyncio_streamwriter_write_eof(writer));
    RETURN();
}

ASYNC(receive_all, (asyncio_streamreader *) reader) {
    char data[CHUNK], expected[CHUNK];
    unsigned long long at = 0;
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        fill(expected, (size_t)n, at);
        if (memcmp(data, expected, (size_t)n) != 0) RAISE(ASYNCIO_VALUE_ERROR, "other bytes");
        at += (unsigned)n;
    }
    if (at != size) RAISE(ASYNCIO_VALUE_ERROR, "%llu bytes", at);
    puts("same");
    RETURN();
}

ASYNC(receive_line, (asyncio_streamreader *) reader) {
    asyncio_bytes line;
    TRY(AWAIT(asyncio_streamreader_readline(reader, &line)));
    fwrite(line.data, 1, line.size, stdout);
    RETURN();
}

ASYNC(copy_there, (asyncio_streamwriter *) writer) {
    asyncio_auto_streamreader input = NULL;
    asyncio_bytes line;
    TRY(AWAIT(asyncio_open_stdin(&input, 0)));
    while (TRY(AWAIT(asyncio_streamreader_readline(input, &line))) > 0) {
        TRY(asyncio_streamwriter_write(writer, line.data, line.size));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    TRY(asyncio_streamwriter_write_eof(writer));
    RETURN();
}

ASYNC(copy_here, (asyncio_streamreader *) reader) {
    char data[CHUNK];
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        fwrite(data, 1, (size_t)n, stdout);
        fflush(stdout);
    }
    RETURN();
}

ASYNC(connect_stream) {
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    if (strcmp(kind, "unix") == 0) {
        TRY(AWAIT(asyncio_open_unix_connection(address, &reader, &writer)));
    } else {
        TRY(AWAIT(asyncio_open_connection(host(), port(), &reader, &writer)));
    }
    if (strcmp(mode, "copy") == 0) {
        TRY(AWAIT(asyncio_gather(NULL, copy_there(writer), copy_here(reader))));
    } else if (strcmp(mode, "echo") == 0) {
        TRY(AWAIT(asyncio_gather(NULL, send_all(writer), receive_all(reader))));
    } else {
        TRY(AWAIT(asyncio_gather(NULL, send_all(writer), receive_line(reader))));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

/* One datagram of each size up to `size`, each answered before the next. */
ASYNC(connect_datagrams) {
    asyncio_auto_datagram d = NULL;
    static char data[65536], back[65536];
    TRY(AWAIT(asyncio_create_datagram_endpoint(&d, .remote_host = host(), .remote_port = port())));
    for (size_t n = 1; n <= size; n = 2 * n + 1) {
        fill(data, n, n);
        TRY(AWAIT(asyncio_datagram_send(d, data, n)));
        int got = TRY(AWAIT(asyncio_wait_for(asyncio_datagram_recv(d, back, sizeof back), 30)));
        if ((size_t)got != n || memcmp(data, back, n) != 0) {
            RAISE(ASYNCIO_VALUE_ERROR, "%d bytes instead of %zu", got, n);
        }
    }
    puts("same");
    RETURN();
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 5) return 2;
    kind = argv[2];
    address = argv[3];
    mode = argv[4];
    if (argc > 5) size = strtoull(argv[5], NULL, 10);
    bool datagrams = strcmp(kind, "udp") == 0;
    if (strcmp(argv[1], "serve") == 0) {
        return asyncio_main(datagrams ? serve_datagrams() : serve_stream());
    }
    return asyncio_main(datagrams ? connect_datagrams() : connect_stream());
}
