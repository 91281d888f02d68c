/* SPDX-License-Identifier: MIT
 *
 * io/net/endpoint.c: asyncio_create_datagram_endpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/net/datagram.h"
#include "io/fd.h"
#include "io/net/resolve.h"
#include "io/net/sock.h"
#include "io/stream/stream.h"
#include "task/method.h"

/* ---- keeping the arguments ---- */

struct create_args {
    asyncio_datagram **endpoint;
    const asyncio_datagram_options *options;
    void *copies; /* what the options were copied to, or NULL */
};

struct copies {
    asyncio_datagram_options options;
    struct sockaddr_storage local, remote;
    char *local_host, *remote_host, *local_service, *remote_service;
};

static void release_create(void *args) {
    struct copies *c = ((struct create_args *)args)->copies;
    if (!c) return;
    asyncio__free(c->local_host);
    asyncio__free(c->remote_host);
    asyncio__free(c->local_service);
    asyncio__free(c->remote_service);
    asyncio__free(c);
}

static bool copy_text(const char **text, char **copy) {
    if (!*text) return true;
    *copy = asyncio__strdup(*text);
    *text = *copy;
    return *copy != NULL;
}

static void copy_addr(const struct sockaddr **addr, socklen_t size, struct sockaddr_storage *copy) {
    if (!*addr) return;
    memcpy(copy, *addr, size < sizeof *copy ? size : sizeof *copy);
    *addr = (const struct sockaddr *)copy;
}

static int capture_create(void *args) {
    struct create_args *a = args;
    if (!a->options) return 0;
    struct copies *c = asyncio__calloc(1, sizeof *c);
    if (!c) return -ENOMEM;
    asyncio_datagram_options *o = &c->options;
    *o = *a->options;
    a->copies = c;
    bool copied = copy_text(&o->local_host, &c->local_host) &&
                  copy_text(&o->remote_host, &c->remote_host) &&
                  copy_text(&o->local_service, &c->local_service) &&
                  copy_text(&o->remote_service, &c->remote_service);
    if (!copied) {
        release_create(a);
        return -ENOMEM;
    }
    copy_addr(&o->local_addr, o->local_addr_size, &c->local);
    copy_addr(&o->remote_addr, o->remote_addr_size, &c->remote);
    a->options = o;
    return 0;
}

/* ---- checks ---- */

static bool has_local(const asyncio_datagram_options *o) {
    return o->local_host || o->local_port != 0 || o->local_service || o->local_addr;
}

static bool has_remote(const asyncio_datagram_options *o) {
    return o->remote_host || o->remote_port != 0 || o->remote_service || o->remote_addr;
}

static int check_create(const struct create_args *a) {
    const asyncio_datagram_options *o = a->options;
    if (!a->endpoint) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a place for the endpoint is required");
    }
    if (!o) return asyncio__raise(ASYNCIO_VALUE_ERROR, "unexpected address family");
    bool others = has_local(o) || has_remote(o) || o->family || o->proto || o->flags ||
                  o->reuse_port || o->allow_broadcast;
    if (o->sock > 0 && others) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "no other options can be used when sock is specified");
    }
    if (o->sock <= 0 && !has_local(o) && !has_remote(o) && o->family == 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "unexpected address family");
    }
    if ((o->local_addr && (o->local_host || o->local_port || o->local_service)) ||
        (o->remote_addr && (o->remote_host || o->remote_port || o->remote_service))) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "host and port or an address can be given, not both");
    }
    return 0;
}

/* ---- addresses ---- */

struct place {
    const struct sockaddr *addr;
    socklen_t size;
    const char *host, *service;
    int port, flags, proto;
};

/* None if it is not given. */
static int find(struct asyncio_task *task, const struct place *p, bool given, int family,
                struct asyncio__addresses *out) {
    *out = (struct asyncio__addresses){ NULL, 0 };
    if (!given) return 0;
    const struct addrinfo hints = { .ai_flags = p->flags,
                                    .ai_family = family,
                                    .ai_socktype = SOCK_DGRAM,
                                    .ai_protocol = p->proto };
    if (p->addr) return asyncio__one_address(p->addr, p->size, out);
    const char *host = p->host && *p->host ? p->host : NULL;
    return asyncio__resolve(task, host, p->port, p->service, &hints, out);
}

/* ---- sockets ---- */

/* Removes what an earlier unix socket left behind. */
static void remove_stale(const struct asyncio__address *a) {
    struct sockaddr_un un = { .sun_family = 0 };
    char path[sizeof un.sun_path + 1] = "";
    if (a->family != AF_UNIX || a->size > sizeof un) return;
    memcpy(&un, &a->addr, a->size);
    memcpy(path, un.sun_path, sizeof un.sun_path);
    if (path[0] && asyncio__unix_inode(path)) unlink(path);
}

static int set_on(int fd, int name) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, name, &on, sizeof on) < 0
               ? asyncio__io_raise(errno, "setsockopt")
               : 0;
}

static int set_up(struct asyncio_task *task, asyncio_datagram *d, const asyncio_datagram_options *o,
                  const struct asyncio__address *local, const struct asyncio__address *remote) {
    int rc = 0;
    if (o->reuse_port) rc = set_on(d->fd, SO_REUSEPORT);
    if (rc >= 0 && o->allow_broadcast) rc = set_on(d->fd, SO_BROADCAST);
    if (rc >= 0 && local) {
        remove_stale(local);
        rc = asyncio__io_bind(d->fd, (const struct sockaddr *)&local->addr, local->size);
    }
    if (rc < 0 || !remote) return rc;
    if (!o->allow_broadcast) {
        rc = asyncio__io_connect(task, d->fd, (const struct sockaddr *)&remote->addr, remote->size);
    }
    d->remote = remote->addr;
    d->remote_size = remote->size;
    d->connected = !o->allow_broadcast;
    return rc;
}

/* A socket for that pair of addresses, either of which may be NULL, is in the endpoint. */
static int try_pair(struct asyncio_task *task, asyncio_datagram *d,
                    const asyncio_datagram_options *o, const struct asyncio__address *local,
                    const struct asyncio__address *remote) {
    int family = local ? local->family : remote ? remote->family : o->family;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, o->proto);
    if (fd < 0) return asyncio__io_raise(errno, "socket");
    asyncio__descriptor_forget(d->loop, fd);
    d->fd = fd;
    int rc = set_up(task, d, o, local, remote);
    if (rc >= 0) rc = asyncio__descriptor_adopt(d->loop, fd, false);
    if (rc < 0) {
        asyncio_datagram_close(d);
        d->remote_size = 0;
    }
    return rc;
}

/* The first address of that family; NULL: none. */
static const struct asyncio__address *of_family(const struct asyncio__addresses *list, int family) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->list[i].family == family) return &list->list[i];
    }
    return NULL;
}

/* All of `first` with what `second` has of the same family, up to one that works. The error is
 * that of the first. */
static int try_all(struct asyncio_task *task, asyncio_datagram *d,
                   const asyncio_datagram_options *o, const struct asyncio__addresses *local,
                   const struct asyncio__addresses *remote) {
    const struct asyncio__addresses *first = local->count ? local : remote;
    asyncio_error *error = NULL;
    int code = 0, rc = 0;
    for (size_t i = 0; i < first->count; i++) {
        const struct asyncio__address *l = local->count ? &local->list[i] : NULL;
        const struct asyncio__address *r = l ? of_family(remote, l->family) : &remote->list[i];
        if ((o->family && first->list[i].family != o->family) || (remote->count && !r)) continue;
        rc = try_pair(task, d, o, l, r);
        if (rc >= 0 || !asyncio_is_exception(rc)) break;
        asyncio_error *this_one = asyncio_error_take(rc);
        if (code == 0) error = asyncio_error_ref(this_one);
        if (code == 0) code = rc;
        asyncio_error_unref(this_one);
    }
    if (d->fd < 0 && rc < 0 && asyncio_is_exception(rc) && code) {
        rc = asyncio__kept_raise(&(struct asyncio__kept){ code, error });
    } else if (d->fd < 0 && rc >= 0) {
        rc = asyncio__raise(ASYNCIO_VALUE_ERROR, "can not get address information");
    }
    asyncio_error_unref(error);
    return rc;
}

static int open_socket(struct asyncio_task *task, asyncio_datagram *d,
                       const asyncio_datagram_options *o) {
    struct asyncio__addresses local, remote = { NULL, 0 };
    const struct place from = { .addr = o->local_addr,
                                .size = o->local_addr_size,
                                .host = o->local_host,
                                .service = o->local_service,
                                .port = o->local_port,
                                .flags = o->flags | AI_PASSIVE,
                                .proto = o->proto };
    const struct place to = { .addr = o->remote_addr,
                              .size = o->remote_addr_size,
                              .host = o->remote_host,
                              .service = o->remote_service,
                              .port = o->remote_port,
                              .flags = o->flags,
                              .proto = o->proto };
    if (!has_local(o) && !has_remote(o)) return try_pair(task, d, o, NULL, NULL);
    int rc = find(task, &from, has_local(o), o->family, &local);
    if (rc >= 0) rc = find(task, &to, has_remote(o), o->family, &remote);
    if (rc >= 0) rc = try_all(task, d, o, &local, &remote);
    asyncio__free(local.list);
    asyncio__free(remote.list);
    return rc;
}

static int use_socket(asyncio_datagram *d, int fd) {
    int type, flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof type;
    if (flags < 0) return asyncio__io_raise(errno, "fcntl");
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
        return asyncio__io_raise(errno, "getsockopt");
    }
    if (type != SOCK_DGRAM) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "A datagram socket was expected");
    }
    if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return asyncio__io_raise(errno, "fcntl");
    }
    int rc = asyncio__descriptor_adopt(d->loop, fd, false);
    if (rc < 0) return rc;
    size = sizeof d->remote;
    d->connected = getpeername(fd, (struct sockaddr *)&d->remote, &size) == 0;
    d->remote_size = d->connected ? size : 0;
    d->fd = fd;
    return 0;
}

/* ---- the coroutine ---- */

static int run_create(const void *args, asyncio_value *result) {
    const struct create_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    (void)result;
    int rc = check_create(a);
    if (rc < 0) return rc;
    asyncio_datagram *d = asyncio__datagram_new(task->future.loop);
    if (!d) return asyncio__slot_status();
    rc = a->options->sock > 0 ? use_socket(d, a->options->sock) : open_socket(task, d, a->options);
    if (rc < 0) asyncio_datagram_unref(d);
    else *a->endpoint = d;
    return rc < 0 ? rc : 0;
}

ASYNCIO__COROUTINE(asyncio_create_datagram_endpoint, struct create_args, .run = run_create,
                   .capture = capture_create, .release = release_create);

asyncio_coro asyncio_create_datagram_endpoint_with(asyncio_datagram **endpoint,
                                                   const asyncio_datagram_options *options) {
    return ASYNCIO__CORO(asyncio_create_datagram_endpoint, endpoint, options, NULL);
}
