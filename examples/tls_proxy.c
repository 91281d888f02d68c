/* A proxy that takes TLS off: clients talk TLS to it, and it talks plainly to the server behind.
 *
 *     tls_proxy --cert CHAIN.pem [--key KEY.pem] [--listen HOST:PORT] --target HOST:PORT
 *
 * Each connection has a task for each direction. When one side has said all, the other side is told
 * so and may go on: over TLS by close_notify, behind the proxy by shutting the socket for writing.
 * What one side does not take is not read from the other. */
#define _GNU_SOURCE
#include <asyncio.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct place {
    char host[256];
    int port;
};

struct proxy {
    struct place listen, target;
    const char *cert, *key;
};

/* ---- a connection ---- */

/* Until `from` ends. */
ASYNC(forward, (asyncio_streamreader *) from, (asyncio_streamwriter *) to) {
    char data[16384];
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(from, data, sizeof data)))) > 0) {
        TRY(asyncio_streamwriter_write(to, data, (size_t)n));
        TRY(AWAIT(asyncio_streamwriter_drain(to)));
    }
    TRY(asyncio_streamwriter_write_eof(to));
    RETURN();
}

ASYNC(connect_and_forward, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer,
      (const struct place *) target) {
    asyncio_auto_streamreader back_reader = NULL;
    asyncio_auto_streamwriter back_writer = NULL;
    int rc;
    TRY(AWAIT(asyncio_open_connection(target->host, target->port, &back_reader, &back_writer)));
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(group, forward(reader, back_writer)));
        TRY(asyncio_taskgroup_spawn(group, forward(back_reader, writer)));
    }
    TRY(rc);
    RETURN();
}

/* Ten complaints in ten seconds are enough; the others are counted. */
static bool may_complain(void) {
    static double start = -10;
    static long count;
    double now = asyncio_loop_time(asyncio_get_running_loop());
    if (now - start >= 10) {
        if (count > 10) fprintf(stderr, "and %ld like these\n", count - 10);
        start = now;
        count = 0;
    }
    return count++ < 10;
}

/* A line for an error, or for each error of a group. */
static void complain(const char *who, asyncio_error *error) {
    size_t count = asyncio_error_count(error);
    if (count == 0) {
        const char *message = asyncio_error_message(error);
        int code = asyncio_error_code(error);
        fprintf(stderr, "%s: %s: %s\n", who, asyncio_err_name(code),
                message ? message : asyncio_strerror(code));
    }
    for (size_t i = 0; i < count; i++) complain(who, asyncio_error_child(error, i));
}

ASYNC(handle, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    const struct proxy *proxy = arg;
    asyncio_auto_value who = asyncio_none();
    TRY(asyncio_streamwriter_get_extra_info(writer, "peername", &who));
    int rc = AWAIT(connect_and_forward(reader, writer, &proxy->target));
    if (asyncio_is_exception(rc)) {
        asyncio_auto_error error = asyncio_error_take(rc);
        if (may_complain()) complain(who.s, error);
        asyncio_streamwriter_abort(writer); /* half of something is not to look like all of it */
        RETURN();
    }
    TRY(rc);
    asyncio_streamwriter_close(writer);
    RETURN();
}

/* ---- the server ---- */

ASYNC(serve, (struct proxy *) proxy) {
    asyncio_auto_sslcontext context =
        asyncio_ssl_create_default_context(ASYNCIO_SSL_CLIENT_AUTH, NULL);
    asyncio_auto_server server = NULL;
    TRY(asyncio_sslcontext_load_cert_chain(context, proxy->cert, proxy->key, NULL));
    TRY(AWAIT(asyncio_start_server(handle, proxy->listen.host, proxy->listen.port, &server,
                                   .arg = proxy, .ssl = context, .ssl_shutdown_timeout = 5)));
    printf("Serving on %s:%d\n", proxy->listen.host, asyncio_server_port(server));
    fflush(stdout);
    TRY(AWAIT(asyncio_server_serve_forever(server)));
    RETURN();
}

static void usage(FILE *out) {
    fputs("usage: tls_proxy --cert CHAIN.pem [--key KEY.pem] [--listen HOST:PORT] "
          "--target HOST:PORT\n"
          "  --cert    the certificate to show, and those that lead to its authority\n"
          "  --key     its private key, if that is not in the same file\n"
          "  --listen  where clients come in (127.0.0.1:8443); port 0: a free one\n"
          "  --target  the server behind, which is talked to without TLS\n",
          out);
}

/* "HOST:PORT" */
static bool parse_place(const char *text, struct place *place) {
    const char *colon = strrchr(text, ':');
    char *end;
    if (!colon || (size_t)(colon - text) >= sizeof place->host) return false;
    snprintf(place->host, sizeof place->host, "%.*s", (int)(colon - text), text);
    place->port = (int)strtol(colon + 1, &end, 10);
    return end > colon + 1 && *end == '\0' && place->port >= 0 && place->port <= 65535;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        { "cert", required_argument, NULL, 'c' },   { "key", required_argument, NULL, 'k' },
        { "listen", required_argument, NULL, 'l' }, { "target", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 }
    };
    static struct proxy proxy = { .listen = { "127.0.0.1", 8443 } };
    bool fine = true, has_target = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'c': proxy.cert = optarg; break;
        case 'k': proxy.key = optarg; break;
        case 'l': fine = fine && parse_place(optarg, &proxy.listen); break;
        case 't': fine = fine && (has_target = parse_place(optarg, &proxy.target)); break;
        case 'h': usage(stdout); return 0;
        default: fine = false;
        }
    }
    if (!fine || !proxy.cert || !has_target || optind < argc) {
        usage(stderr);
        return 2;
    }
    return asyncio_main(serve(&proxy));
}
