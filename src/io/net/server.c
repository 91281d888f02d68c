/* SPDX-License-Identifier: MIT
 *
 * io/net/server.c: accepting, pausing, closing, and waiting for the end.
 */
#include "io/net/server.h"

#include <asyncio/timeout.h>
#include <asyncio/wait.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/contextvar.h"
#include "io/fd.h"
#include "io/stream/starttls.h"

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

/* Until the timer fires, or a descriptor becomes free. The error is raised. */
static void pause_accepting(struct asyncio_server *s, int code) {
    if (s->reported) asyncio_ignore(code);
    else asyncio__server_report(s, "socket.accept() out of system resource", code);
    s->reported = true;
    if (s->state != ASYNCIO__SERVER_SERVING) return; /* the handler closed it */
    for (size_t i = 0; i < s->count; i++) unwatch(&s->listeners[i]);
    if (s->retry.state != ASYNCIO__TIMER_IDLE) return;
    int64_t when = asyncio__clock_add(asyncio__loop_now(s->loop), RETRY_SECONDS);
    asyncio__timer_arm_reserved(&s->loop->timers, &s->retry, when);
}

void asyncio__server_resume(struct asyncio_server *s) {
    if (s->state != ASYNCIO__SERVER_SERVING || s->loop->closed) return;
    asyncio__timer_cancel(&s->loop->timers, &s->retry);
    for (size_t i = 0; i < s->count; i++) {
        int rc = watch(&s->listeners[i]);
        if (rc < 0) {
            pause_accepting(s, rc);
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

static void accept_some(struct asyncio__listener *l) {
    struct asyncio_server *s = l->server;
    for (int i = 0; i < ACCEPTS_AT_ONCE && s->state == ASYNCIO__SERVER_SERVING; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            s->reported = false;
            asyncio__client_start(s, fd);
        } else if (errno == EAGAIN) {
            break;
        } else if (!is_passing(errno)) {
            pause_accepting(s, asyncio__io_raise(errno, "accept"));
            break;
        }
    }
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

static const struct asyncio__runnable_ops accept_ops = { run_accept, discard_accept,
                                                         describe_accept, NULL };

static void listener_ready(struct asyncio__fdwatch *w, enum asyncio__direction direction) {
    struct asyncio__listener *l = asyncio__container(w, struct asyncio__listener, watch);
    (void)direction;
    if (l->queued) return;
    l->queued = true;
    asyncio__loop_queue(l->server->loop, &l->runnable);
}

/* One of its descriptors is closed by somebody else, or the loop closes: no server any more. */
static void listener_gone(struct asyncio__fdwatch *w, int status) {
    struct asyncio__listener *l = asyncio__container(w, struct asyncio__listener, watch);
    l->watched = false;
    if (l->queued) asyncio__link_unlink(&l->runnable.link);
    l->queued = false;
    if (status < 0) l->fd = -1;
    asyncio_server_close(l->server);
}

static const struct asyncio__fdwatch_ops listener_ops = { listener_ready, listener_gone,
                                                          ASYNCIO__WATCH_LEVEL };

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

static const struct asyncio__runnable_ops retry_ops = { run_retry, discard_retry, describe_retry,
                                                        NULL };

/* ---- life ---- */

struct asyncio_server *asyncio__server_new(asyncio_loop *loop, asyncio_client_connected_cb *cb,
                                           const asyncio_server_options *options) {
    struct asyncio_server *s = asyncio__calloc(1, sizeof *s);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    s->context = asyncio__context_capture();
    s->loop = loop;
    s->refs = 1;
    s->cb = cb;
    s->options = *options;
    asyncio_sslcontext_ref(s->options.ssl);
    if (!s->options.limit) s->options.limit = DEFAULT_LIMIT;
    if (s->options.backlog <= 0) s->options.backlog = DEFAULT_BACKLOG;
    asyncio__timer_init(&s->retry, &retry_ops);
    asyncio__link_init(&s->clients);
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

void asyncio_server_close(asyncio_server *s) {
    if (!s || s->state == ASYNCIO__SERVER_CLOSED) return;
    if (asyncio__loop_wrong_thread(s->loop, "asyncio_server_close")) return;
    bool served = s->state == ASYNCIO__SERVER_SERVING;
    s->state = ASYNCIO__SERVER_CLOSED;
    asyncio__server_unlink(s);
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

/* ---- waiting ---- */

struct server_args {
    asyncio_server *server;
    double timeout;
    bool tasks; /* wait for them, too */
};

static int capture_server(void *args) {
    asyncio_server_ref(((struct server_args *)args)->server);
    return 0;
}

static void release_server(void *args) {
    asyncio_server_unref(((struct server_args *)args)->server);
}

static asyncio_coro make(const asyncio_coro_type *type, struct server_args args) {
    return asyncio__coro_make(type, &args, sizeof args);
}

static bool is_over(const struct asyncio_server *s, bool tasks) {
    if (s->state != ASYNCIO__SERVER_CLOSED || s->connections > 0) return false;
    return !tasks || asyncio__list_empty(&s->clients);
}

static int wait_until_over(struct asyncio_server *s, bool tasks) {
    int rc = 0;
    asyncio_server_ref(s);
    while (rc >= 0 && !is_over(s, tasks)) {
        struct asyncio__waiter w;
        asyncio__waiter_init(&w, s->loop);
        rc = asyncio__waiter_wait(&w, &s->waiters, asyncio__task_current());
    }
    asyncio_server_unref(s);
    return rc;
}

static int run_wait_closed(const void *args, asyncio_value *result) {
    const struct server_args *a = args;
    (void)result;
    return a->server ? wait_until_over(a->server, a->tasks) : no_server();
}

static const asyncio_coro_type wait_closed_type = { .size = sizeof(asyncio_coro_type),
                                                    .name = "asyncio_server_wait_closed",
                                                    .file = "asyncio",
                                                    .args_size = sizeof(struct server_args),
                                                    .run = run_wait_closed,
                                                    .capture = capture_server,
                                                    .release = release_server };

asyncio_coro asyncio_server_wait_closed(asyncio_server *s) {
    return make(&wait_closed_type, (struct server_args){ .server = s });
}

/* ---- the block ---- */

static int enter_server(asyncio_block *scope) {
    if (!scope->object) return no_server();
    asyncio_server_ref(scope->object);
    return 0;
}

static int exit_server(asyncio_block *scope, int status) {
    asyncio_server *s = scope->object;
    asyncio_server_close(s);
    int rc = wait_until_over(s, false);
    asyncio_server_unref(s);
    return rc < 0 ? rc : status;
}

asyncio_block asyncio_server_block(asyncio_server *s, int *rc) {
    static const asyncio_block_ops ops = { sizeof ops, "Server", enter_server, exit_server };
    return asyncio_block_new(rc, &ops, s);
}

/* ---- serve_forever ---- */

static int serve(struct asyncio_server *s) {
    struct asyncio__waiter w;
    asyncio__waiter_init(&w, s->loop);
    s->forever = &w;
    int rc = asyncio__waiter_park(&w, asyncio__task_current());
    s->forever = NULL;
    if (rc != ASYNCIO_CANCELLED_ERROR) return rc;
    asyncio_server_close(s);
    asyncio_server_close_clients(s);
    asyncio_error *error = asyncio_error_take(rc);
    int waited = wait_until_over(s, false);
    if (waited >= 0) return error ? asyncio_reraise(error) : rc;
    asyncio_error_unref(error);
    return waited;
}

static int run_serve_forever(const void *args, asyncio_value *result) {
    asyncio_server *s = ((const struct server_args *)args)->server;
    (void)result;
    if (!s) return no_server();
    if (s->forever) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "the server is already being awaited on serve_forever()");
    }
    int rc = asyncio_server_start_serving(s);
    if (rc < 0) return rc;
    asyncio_server_ref(s);
    rc = serve(s);
    asyncio_server_unref(s);
    return rc;
}

static const asyncio_coro_type serve_forever_type = { .size = sizeof(asyncio_coro_type),
                                                      .name = "asyncio_server_serve_forever",
                                                      .file = "asyncio",
                                                      .args_size = sizeof(struct server_args),
                                                      .run = run_serve_forever,
                                                      .capture = capture_server,
                                                      .release = release_server };

asyncio_coro asyncio_server_serve_forever(asyncio_server *s) {
    return make(&serve_forever_type, (struct server_args){ .server = s });
}

/* ---- shutdown ---- */

static int wait_at_most(struct asyncio_server *s, double timeout) {
    asyncio_coro over = make(&wait_closed_type, (struct server_args){ .server = s, .tasks = true });
    asyncio_coro limited = asyncio_wait_for(over, timeout);
    return asyncio_await(&limited, NULL, NULL, NULL);
}

static int run_shutdown(const void *args, asyncio_value *result) {
    const struct server_args *a = args;
    asyncio_server *s = a->server;
    (void)result;
    if (!s) return no_server();
    asyncio_server_ref(s);
    asyncio_server_close(s);
    int rc = wait_at_most(s, a->timeout);
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) {
        int aborted = (int)s->connections;
        asyncio_server_abort_clients(s);
        asyncio__clients_cancel(s);
        rc = wait_at_most(s, a->timeout);
        if (rc >= 0) rc = aborted;
    }
    asyncio_server_unref(s);
    return rc;
}

static const asyncio_coro_type shutdown_type = { .size = sizeof(asyncio_coro_type),
                                                 .name = "asyncio_server_shutdown",
                                                 .file = "asyncio",
                                                 .args_size = sizeof(struct server_args),
                                                 .run = run_shutdown,
                                                 .capture = capture_server,
                                                 .release = release_server };

asyncio_coro asyncio_server_shutdown(asyncio_server *s, double timeout) {
    return make(&shutdown_type, (struct server_args){ .server = s, .timeout = timeout });
}
