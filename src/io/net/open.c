/* SPDX-License-Identifier: MIT
 *
 * io/net/open.c: making connections: asyncio_open_connection and its kin.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "io/net/connect.h"
#include "io/fd.h"
#include "io/net/sock.h"
#include "io/stream/stream.h"
#include "io/stream/starttls.h"
#include "task/method.h"

#define LIMIT 65536

struct open_args {
    const char *host; /* or path */
    asyncio_streamreader **reader;
    asyncio_streamwriter **writer;
    const asyncio_connection_options *options; /* NULL: none */
    void *copies;                              /* what host and options were copied to, or NULL */
    int port;
    bool is_unix;
};

/* ---- keeping the arguments ---- */

struct copies {
    asyncio_connection_options options;
    struct sockaddr_storage addr;
    char *host, *service, *local_host, *server_hostname;
};

static void release_open(void *args) {
    struct copies *c = ((struct open_args *)args)->copies;
    if (!c) return;
    asyncio__free(c->host);
    asyncio__free(c->service);
    asyncio__free(c->local_host);
    asyncio__free(c->server_hostname);
    asyncio_sslcontext_unref(c->options.ssl);
    asyncio_sslsession_unref(c->options.ssl_session);
    asyncio__free(c);
}

static char *copy_text(const char *text, bool *failed) {
    char *copy = text ? asyncio__strdup(text) : NULL;
    if (text && !copy) *failed = true;
    return copy;
}

static int capture_open(void *args) {
    struct open_args *a = args;
    bool failed = false;
    struct copies *c = asyncio__calloc(1, sizeof *c);
    if (!c) return -ENOMEM;
    if (a->options) c->options = *a->options;
    c->host = copy_text(a->host, &failed);
    c->service = copy_text(c->options.service, &failed);
    c->local_host = copy_text(c->options.local_host, &failed);
    c->server_hostname = copy_text(c->options.server_hostname, &failed);
    asyncio_sslcontext_ref(c->options.ssl);
    asyncio_sslsession_ref(c->options.ssl_session);
    a->copies = c;
    if (failed) {
        release_open(a);
        return -ENOMEM;
    }
    c->options.service = c->service;
    c->options.local_host = c->local_host;
    c->options.server_hostname = c->server_hostname;
    if (c->options.addr) {
        memcpy(&c->addr, c->options.addr,
               c->options.addr_size < sizeof c->addr ? c->options.addr_size : sizeof c->addr);
        c->options.addr = (const struct sockaddr *)&c->addr;
    }
    a->host = c->host;
    if (a->options) a->options = &c->options;
    return 0;
}

/* ---- connecting ---- */

static int use_socket(int fd, bool is_unix) {
    int rc = asyncio__io_check_stream(fd, is_unix);
    if (rc < 0) return rc;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
        return asyncio__io_raise(errno, "fcntl");
    }
    return fd;
}

static struct asyncio__tls_request tls_of(const struct open_args *a,
                                          const asyncio_connection_options *o) {
    const char *name = o->server_hostname || !o->ssl ? o->server_hostname : a->host;
    return (struct asyncio__tls_request){ o->ssl, name, o->ssl_session, o->ssl_handshake_timeout,
                                          o->ssl_shutdown_timeout };
}

/* A stream over a connected socket, which is taken over; on failure closed unless it is the
 * user's and TLS has not begun. */
static int open_stream(asyncio_loop *loop, int fd, const struct open_args *a,
                       const asyncio_connection_options *o) {
    size_t limit = o->limit ? o->limit : LIMIT;
    struct asyncio__stream *s = asyncio__stream_over_socket(loop, fd, limit, NULL, 0);
    if (!s) {
        if (fd != o->sock) asyncio__io_close(loop, fd);
        return asyncio__slot_status();
    }
    if (o->ssl) {
        struct asyncio__tls_request r = tls_of(a, o);
        int rc = asyncio__tls_start(s, &r);
        if (rc < 0) {
            asyncio__stream_unref(s);
            return rc;
        }
    }
    s->refs = 2; /* the reader's and the writer's */
    *a->reader = &s->reader;
    *a->writer = &s->writer;
    return 0;
}

static int check_open(const struct open_args *a, const asyncio_connection_options *o) {
    if (!a->reader || !a->writer) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "places for reader and writer are required");
    }
    bool named = a->host || a->port != 0 || o->service;
    if (a->is_unix && o->service) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "a path has no service");
    }
    if (named + (o->addr != NULL) + (o->sock > 0) != 1) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "one of host (or path), addr and sock has to be given");
    }
    if (a->is_unix && o->addr &&
        (o->addr_size < sizeof(sa_family_t) || o->addr->sa_family != AF_UNIX)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "A UNIX Domain address was expected");
    }
    if (o->ssl && !o->server_hostname && (!a->host || a->is_unix)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "You must set server_hostname when using ssl without a host");
    }
    struct asyncio__tls_request r = tls_of(a, o);
    return asyncio__tls_check(&r, false);
}

static int run_open(const void *args, asyncio_value *result) {
    static const asyncio_connection_options none = { .size = sizeof none };
    const struct open_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    const asyncio_connection_options *o = a->options ? a->options : &none;
    (void)result;
    int fd = check_open(a, o);
    if (fd < 0) return fd;
    fd =
        o->sock > 0 ? use_socket(o->sock, a->is_unix) : asyncio__connect(task, a->host, a->port, o);
    return fd < 0 ? fd : open_stream(task->future.loop, fd, a, o);
}

ASYNCIO__COROUTINE(asyncio_open_connection, struct open_args, .run = run_open,
                   .capture = capture_open, .release = release_open);

asyncio_coro asyncio_open_connection_with(const char *host, int port, asyncio_streamreader **reader,
                                          asyncio_streamwriter **writer,
                                          const asyncio_connection_options *options) {
    return ASYNCIO__CORO(asyncio_open_connection, .host = host, .reader = reader, .writer = writer,
                         .options = options, .port = port);
}

/* ---- unix ---- */

static int run_open_unix(const void *args, asyncio_value *result) {
    const struct open_args *a = args;
    struct open_args b = *a;
    struct sockaddr_un un;
    asyncio_connection_options o = { .size = sizeof o };
    if (a->options) o = *a->options;
    int rc = check_open(a, &o);
    if (rc < 0) return rc;
    if (a->host) {
        rc = asyncio__unix_address(a->host, &un);
        if (rc < 0) return rc;
        o.addr = (const struct sockaddr *)&un;
        o.addr_size = sizeof un;
    }
    b.host = NULL;
    b.options = &o;
    return run_open(&b, result);
}

ASYNCIO__COROUTINE(asyncio_open_unix_connection, struct open_args, .run = run_open_unix,
                   .capture = capture_open, .release = release_open);

asyncio_coro asyncio_open_unix_connection_with(const char *path, asyncio_streamreader **reader,
                                               asyncio_streamwriter **writer,
                                               const asyncio_connection_options *options) {
    return ASYNCIO__CORO(asyncio_open_unix_connection, .host = path, .reader = reader,
                         .writer = writer, .options = options, .is_unix = true);
}
