/* SPDX-License-Identifier: MIT
 *
 * io/net/server.c: a server's life: accepting, pausing, closing. What becomes of a connection is in
 * server_client.c, which it is given when it is made; waiting for the end is in serve.c.
 */
#include "io/net/server.h"

#include <asyncio/starttls.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/contextvar.h"
#include "io/fd.h"
#include "io/net/sock.h"

#define ACCEPTS_AT_ONCE 64
#define RETRY_SECONDS 1.0
#define DEFAULT_LIMIT 65536
#define DEFAULT_BACKLOG 100

void asyncio__server_report(struct asyncio_server *s, const char *message, int code) {
    asyncio_error *error = asyncio_error_take(code);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = message,
                                          .exception = error };
    asyncio__loop_report(s->loop, &context);
    asyncio_error_unref(error);
}

/* ---- accepting ---- */

static void unwatch(struct asyncio__listener *l) {
    if (l->queued) asyncio__link_unlink(&l->runnable.link);
    l->queued = false;
    if (l->watched) {
        asyncio__descriptor_unwatch(l->server->loop, l->fd, ASYNCIO__READING, &l->watch);
    }
    l->watched = false;
}

static int watch(struct asyncio__listener *l) {
    if (l->watched) return 0;
    int rc = asyncio__descriptor_watch(l->server->loop, l->fd, ASYNCIO__READING, &l->watch, true);
    l->watched = rc >= 0;
    return rc;
}

/* Until then, or until a connection ends. */
static void pause_accepting(struct asyncio_server *s, int64_t when) {
    s->pausing = true;
    for (size_t i = 0; i < s->count; i++) unwatch(&s->listeners[i]);
    if (when == ASYNCIO__NEVER || s->retry.state != ASYNCIO__TIMER_IDLE) return;
    asyncio__timer_arm_reserved(&s->loop->timers, &s->retry, when);
}

static bool is_starved(const struct asyncio_server *s) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->listeners[i].starved) return true;
    }
    return false;
}

/* A shortage of descriptors or memory, which is raised. */
static void starve(struct asyncio__listener *l, int code) {
    struct asyncio_server *s = l->server;
    int64_t now = asyncio__loop_now(s->loop), again = asyncio__clock_add(now, RETRY_SECONDS);
    bool known = is_starved(s) || now < s->quiet_until;
    l->starved = true;
    if (known) {
        asyncio_ignore(code);
    } else {
        s->quiet_until = again;
        asyncio__server_report(s, "socket.accept() out of system resource", code);
    }
    if (s->state == ASYNCIO__SERVER_SERVING) pause_accepting(s, again); /* not closed meanwhile */
}

void asyncio__server_resume(struct asyncio_server *s) {
    if (!s->pausing || s->state != ASYNCIO__SERVER_SERVING || s->loop->closed) return;
    s->pausing = false;
    asyncio__timer_cancel(&s->loop->timers, &s->retry);
    for (size_t i = 0; i < s->count; i++) {
        int rc = watch(&s->listeners[i]);
        if (rc < 0) {
            starve(&s->listeners[i], rc);
            return;
        }
    }
}

/* Errors of one connection that came to nothing; the network's are given to who accepts it. */
static bool is_passing(int error) {
    static const int passing[] = { EINTR,     ECONNABORTED, EPROTO,      ENETDOWN,
                                   EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET };
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (error == passing[i]) return true;
    }
    return false;
}

/* 1: one was accepted, or came to nothing; 0: none is there; or raised. */
static int accept_one(struct asyncio__listener *l) {
    struct asyncio_server *s = l->server;
    struct sockaddr_storage storage;
    struct sockaddr *peer = (struct sockaddr *)&storage;
    socklen_t size = sizeof storage;
    int fd = accept4(l->fd, peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN) return 0;
        return is_passing(errno) ? 1 : asyncio__io_raise(errno, "accept");
    }
    int rc = s->ops->accepted(s, fd, peer, size);
    return rc < 0 ? rc : 1;
}

static void accept_some(struct asyncio__listener *l) {
    struct asyncio_server *s = l->server;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        if (s->state != ASYNCIO__SERVER_SERVING) return;
        int64_t again = s->ops->until_room(s);
        if (again) {
            pause_accepting(s, again);
            return;
        }
        int rc = accept_one(l);
        if (rc < 0) {
            starve(l, rc);
            return;
        }
        if (rc == 0) break;
    }
    if (s->state == ASYNCIO__SERVER_SERVING) l->starved = false;
}

/* In the server's context, as a callback. */
static void run_accept(struct asyncio__runnable *runnable) {
    struct asyncio__listener *l = asyncio__container(runnable, struct asyncio__listener, runnable);
    struct asyncio_server *s = asyncio_server_ref(l->server);
    struct asyncio__strand *own = &asyncio__here.own;
    asyncio__context_ref saved = own->context;
    l->queued = false;
    own->context = s->context;
    accept_some(l);
    s->context = own->context;
    own->context = saved;
    asyncio_server_unref(s);
}

static void discard_accept(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, struct asyncio__listener, runnable)->queued = false;
}

static int describe_accept(struct asyncio__runnable *runnable, char *buf, size_t n) {
    struct asyncio__listener *l = asyncio__container(runnable, struct asyncio__listener, runnable);
    return snprintf(buf, n, "accept() on descriptor %d", l->fd);
}

static const struct asyncio__runnable_ops accept_ops = {
    .run = run_accept,
    .discard = discard_accept,
    .describe = describe_accept,
};

static void listener_ready(struct asyncio__fdwatch *w, enum asyncio__direction direction) {
    struct asyncio__listener *l = asyncio__container(w, struct asyncio__listener, watch);
    (void)direction;
    if (l->queued) return;
    l->queued = true;
    asyncio__loop_queue(l->server->loop, &l->runnable);
}

/* One of its descriptors is closed by somebody else, or the loop closes: no server any more. */
static void listener_closed(struct asyncio__fdwatch *w, int status) {
    struct asyncio__listener *l = asyncio__container(w, struct asyncio__listener, watch);
    l->watched = false;
    if (l->queued) asyncio__link_unlink(&l->runnable.link);
    l->queued = false;
    if (status < 0) l->fd = -1;
    asyncio_server_close(l->server);
}

static const struct asyncio__fdwatch_ops listener_ops = {
    .ready = listener_ready,
    .closed = listener_closed,
    .kind = ASYNCIO__WATCH_LEVEL,
};

/* ---- the pause ---- */

static struct asyncio_server *server_of_timer(struct asyncio__runnable *runnable) {
    struct asyncio_server *s = asyncio__container(runnable, struct asyncio_server, retry.runnable);
    s->retry.state = ASYNCIO__TIMER_IDLE;
    return s;
}

static void run_retry(struct asyncio__runnable *runnable) {
    asyncio__server_resume(server_of_timer(runnable));
}

/* The loop closes while accepting pauses. */
static void discard_retry(struct asyncio__runnable *runnable) {
    asyncio_server_close(server_of_timer(runnable));
}

static int describe_retry(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "Server._start_serving()");
}

static const struct asyncio__runnable_ops retry_ops = {
    .run = run_retry,
    .discard = discard_retry,
    .describe = describe_retry,
};

/* ---- life ---- */

struct asyncio_server *asyncio__server_new(asyncio_loop *loop, asyncio_client_connected_cb *cb,
                                           const struct asyncio__server_ops *ops,
                                           const asyncio_server_options *options) {
    struct asyncio_server *s = asyncio__calloc(1, sizeof *s);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    s->context = asyncio__context_capture();
    s->loop = loop;
    s->refs = 1;
    s->ops = ops;
    s->cb = cb;
    s->options = *options;
    asyncio_sslcontext_ref(s->options.ssl);
    if (!s->options.limit) s->options.limit = DEFAULT_LIMIT;
    if (s->options.backlog <= 0) s->options.backlog = DEFAULT_BACKLOG;
    asyncio__timer_init(&s->retry, &retry_ops);
    asyncio__link_init(&s->clients);
    asyncio__link_init(&s->handshakes);
    asyncio__link_init(&s->waiters);
    loop->live++;
    return s;
}

asyncio_server *asyncio_server_ref(asyncio_server *s) {
    if (s) s->refs++;
    return s;
}

void asyncio_server_unref(asyncio_server *s) {
    if (!s || --s->refs > 0) return;
    if (s->state != ASYNCIO__SERVER_CLOSED) {
        s->refs++;
        asyncio_server_close(s);
        s->refs--;
    }
    asyncio_loop *loop = s->loop;
    asyncio__context_release(s->context);
    asyncio_sslcontext_unref(s->options.ssl);
    asyncio__free(s->listeners);
    asyncio__free(s);
    asyncio__loop_object_gone(loop);
}

static int no_server(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a server is required"); }
static int closed_server(void) {
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the server is closed");
}

static int start_listener(struct asyncio_server *s, struct asyncio__listener *l) {
    *l = (struct asyncio__listener){
        .watch.ops = &listener_ops, .runnable.ops = &accept_ops, .server = s, .fd = l->fd
    };
    if (listen(l->fd, s->options.backlog) < 0) return asyncio__io_raise(errno, "listen");
    return watch(l);
}

static int start_listeners(struct asyncio_server *s) {
    for (size_t i = 0; i < s->count; i++) {
        int rc = start_listener(s, &s->listeners[i]);
        if (rc >= 0) continue;
        while (i-- > 0) unwatch(&s->listeners[i]);
        return rc;
    }
    return 0;
}

int asyncio_server_start_serving(asyncio_server *s) {
    if (!s) return no_server();
    if (asyncio__loop_check_thread(s->loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (s->state == ASYNCIO__SERVER_SERVING) return 0;
    if (s->state == ASYNCIO__SERVER_CLOSED) return closed_server();
    /* A pause for want of memory must not need any. */
    int rc = asyncio__timers_reserve(&s->loop->timers);
    if (rc < 0) return asyncio__raise(rc, NULL);
    rc = start_listeners(s);
    if (rc < 0) {
        asyncio__timers_give_back(&s->loop->timers);
        return rc;
    }
    s->state = ASYNCIO__SERVER_SERVING;
    s->refs++;
    return 0;
}

void asyncio__server_changed(struct asyncio_server *s) {
    struct asyncio__link *l = s->waiters.next;
    for (; l != &s->waiters; l = l->next) {
        asyncio__waiter_wake(asyncio__container(l, struct asyncio__waiter, link));
    }
}

/* Removes the path of a unix socket if it is still that socket's. In a forked child it is the
 * parent's. */
static void unlink_path(struct asyncio_server *s) {
    bool ours = s->path && *s->loop->fork_mark && asyncio__unix_inode(s->path) == s->path_inode;
    if (ours) unlink(s->path);
    asyncio__free(s->path);
    s->path = NULL;
}

void asyncio__server_give_back(struct asyncio_server *s) {
    s->count = 0;
    asyncio__free(s->path);
    s->path = NULL;
}

void asyncio_server_close(asyncio_server *s) {
    if (!s || s->state == ASYNCIO__SERVER_CLOSED) return;
    if (asyncio__loop_wrong_thread(s->loop, "asyncio_server_close")) return;
    bool served = s->state == ASYNCIO__SERVER_SERVING;
    s->state = ASYNCIO__SERVER_CLOSED;
    unlink_path(s);
    if (!s->loop->closed) {
        asyncio__timer_cancel(&s->loop->timers, &s->retry);
        if (served) asyncio__timers_give_back(&s->loop->timers);
    }
    for (size_t i = 0; i < s->count; i++) {
        struct asyncio__listener *l = &s->listeners[i];
        if (served) unwatch(l);
        if (l->fd >= 0) asyncio__io_close(s->loop, l->fd);
    }
    s->count = 0;
    if (s->forever) asyncio__future_cancel(&s->forever->future, NULL);
    asyncio__server_changed(s);
    if (served) asyncio_server_unref(s);
}

/* ---- state ---- */

asyncio_loop *asyncio_server_get_loop(const asyncio_server *s) { return s ? s->loop : NULL; }

bool asyncio_server_is_serving(const asyncio_server *s) {
    return s && s->state == ASYNCIO__SERVER_SERVING;
}

size_t asyncio_server_sockets(const asyncio_server *s, int *fds, size_t n) {
    if (!s) return 0;
    for (size_t i = 0; i < s->count && i < n; i++) fds[i] = s->listeners[i].fd;
    return s->count;
}

int asyncio_server_port(const asyncio_server *s) {
    struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
    socklen_t size = sizeof addr;
    in_port_t port = 0;
    if (!s || s->count == 0) return 0;
    if (getsockname(s->listeners[0].fd, (struct sockaddr *)&addr, &size) < 0) return 0;
    if (addr.ss_family == AF_INET) port = ((const struct sockaddr_in *)&addr)->sin_port;
    if (addr.ss_family == AF_INET6) port = ((const struct sockaddr_in6 *)&addr)->sin6_port;
    return ntohs(port);
}
