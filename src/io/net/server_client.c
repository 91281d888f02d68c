/* SPDX-License-Identifier: MIT
 *
 * io/net/server_client.c: the connections of a server, each with its task.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "io/fd.h"
#include "io/net/server.h"
#include "io/stream/starttls.h"
#include "task/method.h"

#define MAX_HANDSHAKES 1000
#define HANDSHAKE_GRACE 5.0 /* seconds that a handshake has in any case */

struct client {
    struct asyncio__link link; /* in the server's */
    struct asyncio_server *server;
    struct asyncio__stream *stream;     /* a reference while the task runs, otherwise NULL */
    struct asyncio__stream *connection; /* the same, borrowed, while `connected` */
    asyncio_task *task;                 /* borrowed; NULL: not made yet, or done */
    bool connected;
    bool working;                   /* the task is not done, or not made yet */
    bool securing;                  /* it makes the handshake */
    struct asyncio__link handshake; /* in the server's, while it is under way */
    int64_t patience;               /* until then it is left alone */
};

static struct client *client_of(struct asyncio__link *link) {
    return asyncio__container(link, struct client, link);
}

/* When connection and task have both come to an end. What the program does when its task is made
 * may end the connection before there is one. */
static void release_client(struct client *c) {
    struct asyncio_server *s = c->server;
    if (!c->connected && !c->working && !c->securing) {
        asyncio__link_unlink(&c->link);
        asyncio__free(c);
        asyncio__server_changed(s);
        asyncio_server_unref(s);
    } else {
        asyncio__server_changed(s);
    }
}

static void end_handshake(struct client *c) {
    if (asyncio__list_empty(&c->handshake)) return;
    asyncio__link_take(&c->handshake);
    c->server->handshake_count--;
    asyncio__server_resume(c->server);
}

static void connection_closed(struct asyncio__stream *stream, void *arg) {
    struct client *c = arg;
    (void)stream;
    c->connected = false;
    c->server->connections--;
    end_handshake(c);
    asyncio__server_resume(c->server);
    release_client(c);
}

static void report(struct client *c, asyncio_error *error) {
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = "Unhandled exception in client_connected_cb",
                                          .exception = error,
                                          .task = c->task };
    asyncio__loop_report(c->server->loop, &context);
}

static int task_done(asyncio_future *f, void *arg) {
    struct client *c = arg;
    asyncio_outcome outcome;
    asyncio__outcome_read(f, &outcome);
    if (asyncio_is_exception(outcome.status)) report(c, outcome.error);
    if (outcome.status < 0) asyncio__stream_close(c->stream);
    asyncio_outcome_fini(&outcome);
    return 0;
}

/* After task_done, or when the loop was closed while the task was pending. */
static void task_gone(void *arg) {
    struct client *c = arg;
    struct asyncio__stream *stream = c->stream;
    asyncio_server *s = asyncio_server_ref(c->server);
    c->task = NULL;
    c->working = false;
    c->stream = NULL;
    end_handshake(c);
    release_client(c);
    asyncio__stream_unref(stream);
    asyncio_server_unref(s);
}

/* ---- TLS: the handshake is made in the client's task, before the callback ---- */

/* Whoever is not able to speak TLS is no trouble of the server's. */
static int handshake_failed(struct asyncio_server *s, int rc) {
    if (!asyncio_is_exception(rc)) return rc;
    if (s->loop->debug || rc == -ENOMEM) {
        asyncio__server_report(s, "SSL handshake failed", rc);
    } else {
        asyncio_ignore(rc);
    }
    return 0;
}

/* The client may be gone after the handshake, if its task is not followed for want of memory. */
static int secure(struct client *c, struct asyncio_server *s, struct asyncio__stream *stream,
                  asyncio_value *result) {
    struct asyncio__tls_request r = { s->options.ssl, NULL, NULL, s->options.ssl_handshake_timeout,
                                      s->options.ssl_shutdown_timeout };
    c->securing = true;
    int rc = asyncio__tls_start(stream, &r);
    c->securing = false;
    end_handshake(c);
    release_client(c);
    if (rc < 0) return handshake_failed(s, rc);
    asyncio_coro coro = s->cb(&stream->reader, &stream->writer, s->options.arg);
    return asyncio_await(&coro, result, NULL, NULL);
}

static int run_secured(const void *args, asyncio_value *result) {
    struct client *c = *(struct client *const *)args;
    struct asyncio_server *s = asyncio_server_ref(c->server);
    struct asyncio__stream *stream = asyncio__stream_ref(c->stream);
    int rc = secure(c, s, stream, result);
    asyncio__stream_unref(stream);
    asyncio_server_unref(s);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_server_handshake, struct client *, .run = run_secured);

static asyncio_coro begin_client(struct client *c) {
    const struct asyncio_server *s = c->server;
    if (!s->options.ssl) return s->cb(&c->stream->reader, &c->stream->writer, s->options.arg);
    return ASYNCIO__CORO(asyncio_server_handshake, c);
}

static void begin_handshake(struct client *c) {
    struct asyncio_server *s = c->server;
    c->patience = asyncio__clock_add(asyncio__loop_now(s->loop), HANDSHAKE_GRACE);
    asyncio__list_append(&s->handshakes, &c->handshake);
    s->handshake_count++;
}

/* Makes the task; the current context is the server's, of which the task gets a copy. If it is
 * eager, the connection may be closed already. */
static int start_task(struct client *c) {
    struct asyncio_server *s = c->server;
    asyncio_task_options o = { .size = sizeof o };
    if (s->options.ssl) begin_handshake(c);
    o.coro = begin_client(c);
    asyncio_task *task = asyncio_loop_create_task_with(s->loop, &o);
    if (!task) return asyncio__slot_status();
    int rc = asyncio_future_add_done_callback(asyncio_task_as_future(task), task_done, c,
                                              .drop = task_gone);
    if (rc >= 0) c->task = task;
    else asyncio_task_cancel(task, NULL);
    asyncio_task_unref(task);
    return rc;
}

static struct client *new_client(struct asyncio_server *s, int fd, const struct sockaddr *peer,
                                 socklen_t peer_size) {
    struct client *c = asyncio__calloc(1, sizeof *c);
    if (!c) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__descriptor_forget(s->loop, fd);
    c->stream = asyncio__stream_over_socket(s->loop, fd, s->options.limit, peer, peer_size);
    if (!c->stream) {
        asyncio__free(c);
        return NULL;
    }
    c->server = asyncio_server_ref(s);
    c->connected = true;
    c->working = true;
    c->connection = c->stream;
    c->stream->closed = connection_closed;
    c->stream->closed_arg = c;
    asyncio__link_init(&c->handshake);
    asyncio__list_append(&s->clients, &c->link);
    s->connections++;
    return c;
}

/* Whether a status says that something has run out, and not that something is wrong. */
static bool is_shortage(int rc) {
    return rc == -ENOMEM || rc == -ENOBUFS || rc == -ENOSPC || rc == -EMFILE || rc == -ENFILE;
}

static int start_client(struct asyncio_server *s, int fd, const struct sockaddr *peer,
                        socklen_t peer_size) {
    struct client *c = new_client(s, fd, peer, peer_size);
    int rc = c ? 0 : asyncio__slot_status();
    if (!c) {
        asyncio__io_close(s->loop, fd);
        if (is_shortage(rc)) return rc;
        asyncio__server_report(s, "a connection could not be taken over", rc);
        return 0;
    }
    rc = start_task(c);
    if (rc >= 0) return 0;
    struct asyncio__stream *stream = c->stream;
    bool shortage = is_shortage(rc);
    if (!shortage) asyncio__server_report(s, "no task for a connection", rc);
    c->working = false;
    if (c->connected) asyncio__stream_abort(stream); /* which ends the client */
    else release_client(c);
    asyncio__stream_unref(stream);
    return shortage ? rc : 0;
}

/* ---- limits ---- */

static bool is_full(const struct asyncio_server *s) {
    int handshakes = s->options.max_handshakes ? s->options.max_handshakes : MAX_HANDSHAKES;
    int connections = s->options.max_connections;
    return (connections > 0 && s->connections >= (size_t)connections) ||
           (handshakes > 0 && s->handshake_count >= (size_t)handshakes);
}

/* Makes room by ending handshakes that take long: a client that is honest has had its time, and
 * others must not be kept out by those who only say hello. */
static int64_t until_room(struct asyncio_server *s) {
    while (is_full(s)) {
        if (asyncio__list_empty(&s->handshakes)) return ASYNCIO__NEVER;
        struct client *oldest = asyncio__container(s->handshakes.next, struct client, handshake);
        if (asyncio__loop_now(s->loop) < oldest->patience) return oldest->patience;
        asyncio__stream_abort(oldest->connection);
    }
    return 0;
}

const struct asyncio__server_ops asyncio__client_ops = { .until_room = until_room,
                                                         .accepted = start_client };

/* ---- all of them ---- */

/* Calls it for each connection; each call may end clients. */
static void for_each_stream(struct asyncio_server *s, void (*fn)(struct asyncio__stream *stream)) {
    struct asyncio__link done;
    asyncio__link_init(&done);
    asyncio_server_ref(s);
    while (!asyncio__list_empty(&s->clients)) {
        struct client *c = client_of(s->clients.next);
        asyncio__link_unlink(&c->link);
        asyncio__list_append(&done, &c->link);
        if (c->connected) fn(c->connection);
    }
    asyncio__list_splice(&s->clients, &done);
    asyncio_server_unref(s);
}

void asyncio_server_close_clients(asyncio_server *s) {
    if (s && !asyncio__loop_wrong_thread(s->loop, "asyncio_server_close_clients"))
        for_each_stream(s, asyncio__stream_close);
}

void asyncio_server_abort_clients(asyncio_server *s) {
    if (s && !asyncio__loop_wrong_thread(s->loop, "asyncio_server_abort_clients"))
        for_each_stream(s, asyncio__stream_abort);
}

void asyncio__clients_cancel(struct asyncio_server *s) {
    for (struct asyncio__link *l = s->clients.next; l != &s->clients; l = l->next) {
        if (client_of(l)->task) asyncio_task_cancel(client_of(l)->task, NULL);
    }
}
