/* SPDX-License-Identifier: MIT
 *
 * What a server's SNI callback, which OpenSSL calls in the midst of a handshake, may do: end the
 * connection under it. What it may not: wait and read.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include "ssl.h"

static asyncio_server *server;

ASYNC(never_called, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer,
      (void *) arg) {
    (void)reader, (void)writer, (void)arg;
    note("called");
    RETURN();
}

static void serve_with(asyncio_ssl_sni_cb *callback) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, callback, NULL), 0);
    CHECK_INT(AWAIT(asyncio_start_server(never_called, "127.0.0.1", 0, &server, .ssl = for_server)),
              0);
}

/* A client of that server; how its handshake ends. */
static int connect_to_server(void) {
    return AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &client.reader,
                                         &client.writer, .ssl = for_client,
                                         .server_hostname = "localhost"));
}

/* ---- the server ends its connections ---- */

static int abort_clients(const char *name, asyncio_sslcontext **context, void *arg) {
    (void)name, (void)context, (void)arg;
    note("sni");
    asyncio_server_abort_clients(server);
    return 0;
}

static int close_clients(const char *name, asyncio_sslcontext **context, void *arg) {
    (void)name, (void)context, (void)arg;
    note("sni");
    asyncio_server_close_clients(server);
    return 0;
}

static int end_server_of_clients(const char *name, asyncio_sslcontext **context, void *arg) {
    (void)name, (void)context, (void)arg;
    note("sni");
    asyncio_server_close(server);
    asyncio_server_abort_clients(server);
    asyncio_server_unref(server);
    server = NULL;
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, NULL, NULL), 0);
    return ASYNCIO_SSL_ALERT_UNRECOGNIZED_NAME;
}

/* Nothing that OpenSSL or the server stands on goes before the callback has returned. */
ASYNC(ends_in_its_callback, (asyncio_ssl_sni_cb *) callback) {
    serve_with(callback);
    asyncio_loop_set_debug(asyncio_get_running_loop(), false); /* it reports failed handshakes */
    int rc = connect_to_server();
    CHECK(rc == -ECONNRESET);
    asyncio_ignore(rc);
    some_turns(5);
    CHECK_NOTES("sni");
    CHECK_INT(reported.count, 0);
    if (server) CHECK_INT(AWAIT(asyncio_server_shutdown(server, 1)), 0);
    asyncio_server_unref(server);
    end_contexts();
    RETURN();
}
TEST(an_sni_callback_may_abort_the_servers_connections) {
    run_alone(ends_in_its_callback(abort_clients));
}
TEST(an_sni_callback_may_close_the_servers_connections) {
    run_alone(ends_in_its_callback(close_clients));
}
TEST(an_sni_callback_may_let_go_of_its_server) {
    run_alone(ends_in_its_callback(end_server_of_clients));
}

/* ---- a connection of a program ends itself ---- */

/* And nothing is sent to whoever has the descriptor's number next. */
static int abort_writer(const char *name, asyncio_sslcontext **context, void *arg) {
    (void)name, (void)arg;
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&server_end);
    int fd[2];
    make_pair(fd); /* it may have the number of the descriptor that was closed */
    note("%s", *get(fd[1]) ? "sent" : "aborted");
    close_pair(fd);
    *context = for_client;
    return 0;
}

ASYNC(is_aborted_in_its_callback, (bool) within) {
    make_contexts();
    if (within) CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, abort_writer, NULL), 0);
    if (within) {
        asyncio_task *t = start(asyncio_streamwriter_start_tls(client.writer, for_client,
                                                               .server_hostname = "localhost"));
        CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)),
                    -ECONNABORTED, "the connection was closed during the TLS handshake");
        check_ended(t, -ECONNRESET);
    } else {
        CHECK_ERROR(AWAIT(connect_both("localhost", NULL)), -ECONNRESET,
                    "the connection was closed during the TLS handshake");
        CHECK_INT(server_end.rc, -ECONNABORTED);
    }
    CHECK_NOTES("aborted");
    let_go(&client);
    end_contexts();
    RETURN();
}
TEST(a_connection_is_aborted_by_its_own_sni_callback) {
    run_alone(is_aborted_in_its_callback(false));
}
TEST(a_connection_over_tls_in_tls_is_aborted_by_its_own_sni_callback) {
    run_alone(is_aborted_in_its_callback(true));
}

/* ---- waiting ---- */

static asyncio_event *event;

static int wait_in_callback(const char *name, asyncio_sslcontext **context, void *arg) {
    char c;
    (void)name, (void)context, (void)arg;
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(AWAIT(asyncio_sleep(i)), ASYNCIO_RUNTIME_ERROR,
                    "await in a callback that must not wait");
        CHECK_ERROR(AWAIT(asyncio_event_wait(event)), ASYNCIO_RUNTIME_ERROR,
                    "await in a callback that must not wait");
    }
    CHECK_ERROR(AWAIT(asyncio_streamreader_read(server_end.reader, &c, 1)), ASYNCIO_RUNTIME_ERROR,
                "read() called while another coroutine is already waiting for incoming data");
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)),
                ASYNCIO_RUNTIME_ERROR,
                "start_tls() called while another coroutine is already waiting for incoming data");
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, "written", 7), 0);
    CHECK(asyncio_current_task() != NULL);
    note("refused");
    return 0;
}

/* What is refused does no harm: the handshake goes on, and what was written comes after it. */
ASYNC(waits_in_its_callback) {
    char buf[8] = "";
    make_contexts();
    event = asyncio_event_new();
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, wait_in_callback, NULL), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(server_end.rc, 0);
    CHECK_NOTES("refused");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(client.reader, buf, 7)), 7);
    CHECK_STR(buf, "written");
    check_arrives(&client, &server_end, "hello");
    CHECK_INT(AWAIT(asyncio_sleep(0.1)), 0);
    close_both();
    asyncio_event_unref(event);
    end_contexts();
    RETURN();
}
TEST(an_sni_callback_cannot_wait_or_read) { run_alone(waits_in_its_callback()); }

static int read_in_eager_task(const char *name, asyncio_sslcontext **context, void *arg) {
    static char c;
    (void)name, (void)context, (void)arg;
    asyncio_task *t = asyncio_create_task(asyncio_streamreader_read(server_end.reader, &c, 1),
                                          .eager_start = true);
    CHECK(asyncio_task_done(t));
    CHECK_INT(asyncio_future_result(asyncio_task_as_future(t), NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_task_unref(t);
    t = asyncio_create_task(asyncio_sleep(0), .eager_start = true);
    CHECK(!asyncio_task_done(t)); /* others may wait */
    asyncio_task_unref(t);
    note("refused");
    return 0;
}

ASYNC(starts_a_task_in_its_callback) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, read_in_eager_task, NULL), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_NOTES("refused");
    check_arrives(&client, &server_end, "hello");
    close_both();
    end_contexts();
    RETURN();
}
TEST(an_eager_task_of_an_sni_callback_cannot_read_either) {
    run_alone(starts_a_task_in_its_callback());
}

/* ---- failing ---- */

static int fail(const char *name, asyncio_sslcontext **context, void *arg) {
    (void)context, (void)arg;
    return asyncio_raise(ASYNCIO_KEY_ERROR, NULL, NULL, "no certificate for %s", name);
}

ASYNC(fails_in_its_callback) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, fail, NULL), 0);
    CHECK_ERROR(AWAIT(connect_both("localhost", NULL)), ASYNCIO_SSL_ERROR,
                "[SSL: TLSV1_ALERT_INTERNAL_ERROR] tlsv1 alert internal error");
    CHECK_INT(server_end.rc, ASYNCIO_SSL_ERROR);
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    CHECK_STR(reported.message, "Exception in the SNI callback");
    CHECK_STR(reported.error, "no certificate for localhost");
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(an_error_of_an_sni_callback_is_reported) { run_alone(fails_in_its_callback()); }
