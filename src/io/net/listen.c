/* SPDX-License-Identifier: MIT
 *
 * io/net/listen.c: the sockets of a server, and the coroutines that make one.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/fd.h"
#include "io/net/resolve.h"
#include "io/net/server.h"
#include "io/net/sock.h"
#include "io/stream/starttls.h"
#include "task/method.h"

/* ---- sockets ---- */

static int reserve_listener(struct asyncio_server *s) {
    struct asyncio__listener *l =
        asyncio__realloc(s->listeners, (s->count + 1) * sizeof *s->listeners);
    if (!l) return asyncio__raise(-ENOMEM, NULL);
    s->listeners = l;
    return 0;
}

/* In the room that was reserved: nothing fails once a socket has its path. */
static void add_listener(struct asyncio_server *s, int fd) {
    s->listeners[s->count++] = (struct asyncio__listener){ .fd = fd };
}

static int set_on(int fd, int level, int name) {
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof on) < 0 ? asyncio__io_raise(errno, "setsockopt")
                                                           : 0;
}

static int set_options(const struct asyncio_server *s, int fd, int family) {
    const asyncio_server_options *o = &s->options;
    int rc = 0;
    if (o->reuse_address >= 0) rc = set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (rc >= 0 && o->reuse_port) rc = set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (rc >= 0 && o->keep_alive) rc = set_on(fd, SOL_SOCKET, SO_KEEPALIVE);
    if (rc >= 0 && family == AF_INET6) rc = set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    return rc;
}

/* A socket bound to the address: it is in the server. 1: that family does not exist here. */
static int bind_one(struct asyncio_server *s, const struct asyncio__address *a) {
    const struct sockaddr *addr = (const struct sockaddr *)&a->addr;
    int rc = reserve_listener(s);
    if (rc < 0) return rc;
    int fd = socket(a->family, a->type | SOCK_NONBLOCK | SOCK_CLOEXEC, a->protocol);
    if (fd < 0) return errno == EAFNOSUPPORT ? 1 : asyncio__io_raise(errno, "socket");
    asyncio__descriptor_forget(s->loop, fd);
    rc = set_options(s, fd, a->family);
    if (rc >= 0) rc = asyncio__io_bind(fd, addr, a->size);
    if (a->family == AF_INET6 && asyncio_catch(rc, -EADDRNOTAVAIL)) rc = 1;
    if (rc == 0) add_listener(s, fd);
    else close(fd);
    return rc;
}

static int bind_all(struct asyncio_server *s, const struct asyncio__addresses *list) {
    int rc = 0;
    for (size_t i = 0; i < list->count && rc >= 0; i++) rc = bind_one(s, &list->list[i]);
    if (rc < 0 || s->count > 0) return rc < 0 ? rc : 0;
    return asyncio__raise(-EADDRNOTAVAIL, "could not bind on any address of the hosts");
}

static int bind_hosts(struct asyncio_server *s, struct asyncio_task *task, const char *const *hosts,
                      int port) {
    struct asyncio__addresses list = { NULL, 0 };
    const struct addrinfo hints = { .ai_flags = s->options.flags | AI_PASSIVE,
                                    .ai_family = s->options.family,
                                    .ai_socktype = SOCK_STREAM };
    int rc = 0;
    for (; *hosts && rc >= 0; hosts++) {
        rc = asyncio__resolve(task, **hosts ? *hosts : NULL, port, s->options.service, &hints,
                              &list);
    }
    if (rc >= 0) rc = bind_all(s, &list);
    asyncio__free(list.list);
    return rc;
}

static int use_socket(struct asyncio_server *s, int fd, bool is_unix) {
    int rc = asyncio__io_check_stream(fd, is_unix);
    if (rc < 0) return rc;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
        return asyncio__io_raise(errno, "fcntl");
    }
    rc = reserve_listener(s);
    if (rc >= 0) add_listener(s, fd);
    return rc;
}

/* ---- unix ---- */

/* The server removes that path when it is closed, unless the program does not want that. */
static int own_path(struct asyncio_server *s, const char *path) {
    if (s->options.cleanup_socket < 0) return 0;
    s->path = asyncio__strdup(path);
    s->path_inode = asyncio__unix_inode(path);
    return s->path ? 0 : asyncio__raise(-ENOMEM, NULL);
}

/* The path that the socket was bound to by somebody else, if it is that of a file. */
static int own_path_of(struct asyncio_server *s, int fd) {
    struct sockaddr_un un;
    char path[sizeof un.sun_path + 1] = "";
    socklen_t size = sizeof un;
    if (getsockname(fd, (struct sockaddr *)&un, &size) < 0) {
        return asyncio__io_raise(errno, "getsockname");
    }
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    if (size > sizeof un) size = sizeof un;
    if (size > before) memcpy(path, un.sun_path, size - before);
    return path[0] ? own_path(s, path) : 0;
}

static int bind_path(struct asyncio_server *s, const char *path) {
    struct asyncio__address a = {
        AF_UNIX, SOCK_STREAM, 0, sizeof(struct sockaddr_un), { .ss_family = 0 }
    };
    struct sockaddr_un un;
    int rc = asyncio__unix_address(path, &un);
    if (rc < 0) return rc;
    memcpy(&a.addr, &un, sizeof un);
    if (asyncio__unix_inode(path)) unlink(path); /* left by somebody who is gone */
    rc = bind_one(s, &a);
    if (rc >= 0) rc = own_path(s, path);
    if (rc < 0 && s->count > 0) unlink(path);
    return rc;
}

/* ---- the coroutines ---- */

struct start_args {
    asyncio_client_connected_cb *cb;
    const char *host; /* or path */
    asyncio_server **server;
    const asyncio_server_options *options; /* NULL: none */
    void *copies;                          /* what host and options were copied to, or NULL */
    int port;
    bool is_unix;
};

struct copies {
    asyncio_server_options options;
    char *host, *service, *hosts; /* hosts: an array, and behind it what it points at */
};

/* A copy of a list of strings with NULL at its end; NULL without memory. */
static char *copy_list(const char *const *list) {
    size_t count = 0, size = 0;
    for (; list[count]; count++) size += strlen(list[count]) + 1;
    const char **copy = asyncio__malloc((count + 1) * sizeof *copy + size);
    if (!copy) return NULL;
    char *at = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = strcpy(at, list[i]);
        at += strlen(at) + 1;
    }
    copy[count] = NULL;
    return (char *)copy;
}

static void release_start(void *args) {
    struct copies *c = ((struct start_args *)args)->copies;
    if (!c) return;
    asyncio_sslcontext_unref(c->options.ssl);
    asyncio__free(c->host);
    asyncio__free(c->service);
    asyncio__free(c->hosts);
    asyncio__free(c);
}

static int capture_start(void *args) {
    struct start_args *a = args;
    struct copies *c = asyncio__calloc(1, sizeof *c);
    if (!c) return -ENOMEM;
    if (a->options) {
        c->options = *a->options;
        asyncio_sslcontext_ref(c->options.ssl);
    }
    const char *const *hosts = c->options.hosts;
    c->host = a->host ? asyncio__strdup(a->host) : NULL;
    c->hosts = hosts ? copy_list(hosts) : NULL;
    c->service = c->options.service ? asyncio__strdup(c->options.service) : NULL;
    a->copies = c;
    if ((a->host && !c->host) || (hosts && !c->hosts) || (c->options.service && !c->service)) {
        release_start(a);
        return -ENOMEM;
    }
    c->options.service = c->service;
    c->options.hosts = (const char *const *)(const void *)c->hosts;
    a->host = c->host;
    if (a->options) a->options = &c->options;
    return 0;
}

static int check_start(const struct start_args *a, const asyncio_server_options *o) {
    if (!a->cb) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required");
    if (!a->server) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a place for the server is required");
    if ((a->host != NULL) + (o->hosts != NULL) + (o->sock > 0) > 1) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "host (or path), hosts and sock cannot be given at the same time");
    }
    if (a->is_unix && !a->host && o->sock <= 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "path was not given, and no sock either");
    }
    if (o->service && (a->is_unix || o->sock > 0)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "a path or a socket has no service");
    }
    if (o->max_connections < 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "max_connections must be >= 0");
    }
    if (o->max_handshakes != 0 && !o->ssl) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "max_handshakes is only meaningful with ssl");
    }
    struct asyncio__tls_request r = { o->ssl, NULL, NULL, o->ssl_handshake_timeout,
                                      o->ssl_shutdown_timeout };
    return asyncio__tls_check(&r, true);
}

static int bind_server(struct asyncio_server *s, struct asyncio_task *task,
                       const struct start_args *a) {
    if (s->options.sock > 0) {
        int rc = use_socket(s, s->options.sock, a->is_unix);
        return rc >= 0 && a->is_unix ? own_path_of(s, s->options.sock) : rc;
    }
    if (a->is_unix) return bind_path(s, a->host);
    const char *const one[] = { a->host ? a->host : "", NULL };
    return bind_hosts(s, task, s->options.hosts ? s->options.hosts : one, a->port);
}

static int run_start(const void *args, asyncio_value *result) {
    static const asyncio_server_options none = { .size = sizeof none };
    const struct start_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    const asyncio_server_options *o = a->options ? a->options : &none;
    (void)result;
    int rc = check_start(a, o);
    if (rc < 0) return rc;
    struct asyncio_server *s =
        asyncio__server_new(task->future.loop, a->cb, &asyncio__client_ops, o);
    if (!s) return asyncio__slot_status();
    rc = bind_server(s, task, a);
    if (rc >= 0 && o->start_serving >= 0) rc = asyncio_server_start_serving(s);
    if (rc >= 0) {
        *a->server = s;
        return 0;
    }
    if (o->sock > 0) asyncio__server_give_back(s);
    asyncio_server_close(s);
    asyncio_server_unref(s);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_start_server, struct start_args, .run = run_start,
                   .capture = capture_start, .release = release_start);

asyncio_coro asyncio_start_server_with(asyncio_client_connected_cb *cb, const char *host, int port,
                                       asyncio_server **server,
                                       const asyncio_server_options *options) {
    return ASYNCIO__CORO(asyncio_start_server, .cb = cb, .host = host, .port = port,
                         .server = server, .options = options);
}

asyncio_coro asyncio_start_unix_server_with(asyncio_client_connected_cb *cb, const char *path,
                                            asyncio_server **server,
                                            const asyncio_server_options *options) {
    return ASYNCIO__CORO(asyncio_start_server, .cb = cb, .host = path, .server = server,
                         .options = options, .is_unix = true);
}
