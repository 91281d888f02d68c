/* An echo server that uses all processors: a loop for each, and each loop listens on the same port,
 * so that the kernel distributes the connections (SO_REUSEPORT).
 *
 *     many_servers                           serves on 127.0.0.1:8888
 *     many_servers HOST PORT [LOOPS]         serves there; port 0: a free one, which it prints
 *
 * Ctrl-C ends it: no loop accepts any more, and connections get two seconds to come to an end. */
#include <asyncio.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct service {
    const char *host;
    int port;
    unsigned loops;         /* 0: one for each processor */
    asyncio_channel *ports; /* tells the other loops which port the first one got */
};

/* One for each loop: no other thread uses it. */
struct counter {
    long connections, lost;
};

ASYNC(echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer) {
    char data[4096];
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        TRY(asyncio_streamwriter_write(writer, data, (size_t)n));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

/* A client that breaks off is counted and nothing else: any number of them can. */
ASYNC(handle, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    struct counter *counter = arg;
    counter->connections++;
    int rc = AWAIT(echo(reader, writer));
    if (!asyncio_is_connection_error(rc)) return rc;
    asyncio_ignore(rc);
    asyncio_streamwriter_abort(writer);
    counter->lost++;
    RETURN();
}

/* What each loop runs, until Ctrl-C cancels it. */
ASYNC(serve, (unsigned) index, (void *) arg) {
    struct service *service = arg;
    struct counter counter = { 0 };
    asyncio_auto_server server = NULL;
    asyncio_value port = asyncio_int(service->port);
    if (index > 0) TRY(AWAIT(asyncio_channel_get(service->ports), &port));
    TRY(AWAIT(asyncio_start_server(handle, service->host, (int)port.i, &server, .arg = &counter,
                                   .reuse_port = true)));
    if (index == 0) {
        port = asyncio_int(asyncio_server_port(server));
        printf("Serving on %s:%d\n", service->host, asyncio_server_port(server));
        fflush(stdout);
    }
    TRY(AWAIT(asyncio_channel_put(service->ports, port))); /* for the next loop */

    int rc = AWAIT(asyncio_sleep((double)INFINITY));
    TRY(AWAIT(asyncio_server_shutdown(server, 2)));
    printf("Loop %u: %ld connections, %ld lost\n", index, counter.connections, counter.lost);
    return rc;
}

static int run(struct service *service) {
    service->ports = asyncio_channel_new(1);
    int rc = service->ports ? asyncio_run_many(service->loops, serve, service) : -ENOMEM;
    asyncio_channel_unref(service->ports);
    if (asyncio_catch(rc, ASYNCIO_KEYBOARD_INTERRUPT)) return 130;
    if (rc >= 0) return 0;
    asyncio_auto_error error = asyncio_error_take(rc);
    fputs("many_servers: ", stderr);
    asyncio_error_print(error, stderr);
    return 1;
}

int main(int argc, char **argv) {
    struct service service = { .host = "127.0.0.1", .port = 8888 };
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: many_servers [HOST PORT [LOOPS]]    "
             "(127.0.0.1 8888, a loop for each processor)");
        return 0;
    }
    if (argc == 2 || argc > 4) {
        fputs("usage: many_servers [HOST PORT [LOOPS]]\n", stderr);
        return 2;
    }
    if (argc > 2) {
        service.host = argv[1];
        service.port = atoi(argv[2]);
    }
    if (argc > 3) service.loops = (unsigned)atoi(argv[3]);
    return run(&service);
}
