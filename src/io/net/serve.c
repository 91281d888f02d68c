/* SPDX-License-Identifier: MIT
 *
 * io/net/serve.c: the coroutines and the block of a server: serving for ever, waiting until it is
 * over, shutting it down with all its connections.
 */
#include <asyncio/timeout.h>

#include "io/net/server.h"
#include "task/method.h"

static int no_server(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a server is required"); }

/* ---- waiting ---- */

struct server_args {
    asyncio_server *server;
    double timeout;
    bool tasks; /* wait for them, too */
};

ASYNCIO__HOLD(server, asyncio_server_ref, asyncio_server_unref);

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

ASYNCIO__METHOD(asyncio_server_wait_closed, server, struct server_args, .run = run_wait_closed);

asyncio_coro asyncio_server_wait_closed(asyncio_server *s) {
    return ASYNCIO__CORO(asyncio_server_wait_closed, .server = s);
}

/* ---- the block ---- */

static int enter_server(asyncio_block *block) {
    if (!block->object) return no_server();
    asyncio_server_ref(block->object);
    return 0;
}

static int exit_server(asyncio_block *block, int status) {
    asyncio_server *s = block->object;
    asyncio_server_close(s);
    int rc = wait_until_over(s, false);
    asyncio_server_unref(s);
    return rc < 0 ? rc : status;
}

static const asyncio_block_ops server_ops = {
    .size = sizeof(asyncio_block_ops), .name = "Server", .enter = enter_server, .exit = exit_server
};

asyncio_server_with asyncio_server_block(asyncio_server *s, int *rc) {
    asyncio_server_with with;
    asyncio__block_init(&with.block, rc, &server_ops, s);
    return with;
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

ASYNCIO__METHOD(asyncio_server_serve_forever, server, struct server_args, .run = run_serve_forever);

asyncio_coro asyncio_server_serve_forever(asyncio_server *s) {
    return ASYNCIO__CORO(asyncio_server_serve_forever, .server = s);
}

/* ---- shutdown ---- */

static int wait_at_most(struct asyncio_server *s, double timeout) {
    asyncio_coro over = ASYNCIO__CORO(asyncio_server_wait_closed, .server = s, .tasks = true);
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

ASYNCIO__METHOD(asyncio_server_shutdown, server, struct server_args, .run = run_shutdown);

asyncio_coro asyncio_server_shutdown(asyncio_server *s, double timeout) {
    return ASYNCIO__CORO(asyncio_server_shutdown, .server = s, .timeout = timeout);
}
