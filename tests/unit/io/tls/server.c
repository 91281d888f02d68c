/* SPDX-License-Identifier: MIT
 *
 * Servers and clients over TLS, and connections that go over to TLS.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "ssl.h"

static asyncio_server *server;

ASYNC(echoes, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char buf[100];
    int n;
    if (arg) note("%s", (const char *)arg);
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)))) > 0) {
        TRY(asyncio_streamwriter_write(writer, buf, (size_t)n));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

static void start_server(void) {
    make_contexts();
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .ssl = for_server,
                                         .arg = TEXT("client"))),
              0);
}

static void end_server(void) {
    asyncio_server_unref(server);
    end_contexts();
}

static void shut_server(int aborted) {
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 10)), aborted);
    end_server();
}

/* A client of the server says hello, and gets it back. */
static void check_served(void) {
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server),
                                            &client.reader, &client.writer, .ssl = for_client)),
              0);
    check_arrives(&client, &client, "hello");
    asyncio_streamwriter_close(client.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    let_go(&client);
}

/* A plain connection to it. */
static void connect_plainly(struct end *e) {
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &e->reader,
                                            &e->writer)),
              0);
}

ASYNC(serves) {
    start_server();
    for (int i = 0; i < 3; i++) check_served();
    CHECK_NOTES("client client client");
    shut_server(0);
    RETURN();
}
TEST(a_server_speaks_tls) { run_alone(serves()); }

ASYNC(serves_by_path) {
    char path[] = "/tmp/asyncio-test-XXXXXX", socket[100];
    make_contexts();
    CHECK(mkdtemp(path) != NULL);
    snprintf(socket, sizeof socket, "%s/socket", path);
    asyncio_task *t =
        asyncio_create_task(asyncio_start_unix_server(echoes, socket, &server, .ssl = for_server));
    check_ended(t, 0);
    t = asyncio_create_task(asyncio_open_unix_connection(
        socket, &client.reader, &client.writer, .ssl = for_client, .server_hostname = "localhost"));
    check_ended(t, 0);
    check_arrives(&client, &client, "hello");
    asyncio_streamwriter_close(client.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    let_go(&client);
    CHECK_ERROR(AWAIT(asyncio_open_unix_connection(socket, &client.reader, &client.writer,
                                                   .ssl = for_client)),
                ASYNCIO_VALUE_ERROR, "You must set server_hostname when using ssl without a host");
    shut_server(0);
    rmdir(path);
    RETURN();
}
TEST(a_server_at_a_path_speaks_tls) { run_alone(serves_by_path()); }

/* ---- clients that do not ---- */

/* Whoever talks plainly is hung up on; others do not notice. */
ASYNC(gets_garbage) {
    struct end plain;
    char buf[100];
    start_server();
    asyncio_loop_set_debug(asyncio_get_running_loop(), false);
    connect_plainly(&plain);
    CHECK_INT(asyncio_streamwriter_write(plain.writer, "GET / HTTP/1.0\r\n\r\n", 18), 0);
    int rc;
    do rc = AWAIT(asyncio_streamreader_read(plain.reader, buf, sizeof buf));
    while (rc > 0); /* an alert */
    CHECK(rc == 0 || asyncio_catch(rc, -ECONNRESET));
    let_go(&plain);
    check_served();
    CHECK_NOTES("client");
    CHECK_INT(reported.count, 0);

    asyncio_loop_set_debug(asyncio_get_running_loop(), true);
    connect_plainly(&plain);
    CHECK_INT(asyncio_streamwriter_write(plain.writer, "hello\n", 6), 0);
    for (int i = 0; i < 1000 && !reported.count; i++) some_turns(1);
    CHECK_STR(reported.message, "SSL handshake failed");
    CHECK_INT(reported.code, ASYNCIO_SSL_ERROR);
    let_go(&plain);
    shut_server(0);
    RETURN();
}
TEST(a_failed_handshake_is_the_clients_business) {
    without_debug_mode();
    run_alone(gets_garbage());
}

/* Twenty clients that say nothing hold up nobody, and are dropped in the end. */
ASYNC(gets_silence) {
    struct end silent[20];
    char c;
    start_server();
    double begin = asyncio_loop_time(asyncio_get_running_loop());
    for (int i = 0; i < 20; i++) connect_plainly(&silent[i]);
    check_served();
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()), begin, 0.001);
    CHECK_INT(AWAIT(asyncio_streamreader_read(silent[0].reader, &c, 1)), 0);
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 60.0, 0.001);
    for (int i = 0; i < 20; i++) let_go(&silent[i]);
    CHECK_NOTES("client");
    shut_server(0);
    RETURN();
}
TEST(slow_handshakes_hold_up_nobody) { run_alone(gets_silence()); }

ASYNC(limits) {
    struct end silent;
    char c;
    make_contexts();
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .ssl = for_server,
                                         .ssl_handshake_timeout = 3, .ssl_shutdown_timeout = 2)),
              0);
    double begin = asyncio_loop_time(asyncio_get_running_loop());
    connect_plainly(&silent);
    CHECK_INT(AWAIT(asyncio_streamreader_read(silent.reader, &c, 1)), 0);
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 3.0, 0.001);
    let_go(&silent);
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server),
                                            &client.reader, &client.writer, .ssl = for_client,
                                            .ssl_handshake_timeout = 5, .ssl_shutdown_timeout = 7)),
              0);
    check_arrives(&client, &client, "x");
    begin = asyncio_loop_time(asyncio_get_running_loop());
    asyncio_server_close(server);
    asyncio_server_close_clients(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0); /* nobody reads the close_notify */
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 2.0, 0.001);
    let_go(&client);
    some_turns(10);
    end_server();
    RETURN();
}
TEST(a_server_has_limits_of_its_own) { run_alone(limits()); }

/* Shutting down does not wait for handshakes longer than for other things. */
ASYNC(shuts_down_in_handshakes) {
    struct end silent[3];
    start_server();
    for (int i = 0; i < 3; i++) connect_plainly(&silent[i]);
    some_turns(5);
    double begin = asyncio_loop_time(asyncio_get_running_loop());
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 10)), 3);
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 10.0, 0.001);
    for (int i = 0; i < 3; i++) let_go(&silent[i]);
    CHECK_NOTES("");
    CHECK_INT(reported.count, 0);
    end_server();
    RETURN();
}
TEST(shutting_down_ends_handshakes) { run_alone(shuts_down_in_handshakes()); }

ASYNC(closes_in_handshakes) {
    struct end silent[3];
    start_server();
    for (int i = 0; i < 3; i++) connect_plainly(&silent[i]);
    some_turns(5);
    asyncio_server_close(server);
    asyncio_server_close_clients(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    some_turns(5);
    for (int i = 0; i < 3; i++) let_go(&silent[i]);
    end_server();
    RETURN();
}
TEST(closing_the_clients_ends_handshakes) { run_alone(closes_in_handshakes()); }

/* ---- wrong calls ---- */

#define REFUSED(call, message) CHECK_ERROR(AWAIT(call), ASYNCIO_VALUE_ERROR, message)
#define OPEN(...)                                                                                  \
    asyncio_open_connection("127.0.0.1", 1, &client.reader, &client.writer, __VA_ARGS__)
#define SERVE(...) asyncio_start_server(echoes, "127.0.0.1", 0, &server, __VA_ARGS__)

ASYNC(wrong_calls) {
    make_contexts();
    REFUSED(OPEN(.ssl = for_server), "a client needs a context for clients");
    REFUSED(SERVE(.ssl = for_client), "a server needs a context for servers");
    REFUSED(OPEN(.server_hostname = "x"), "server_hostname is only meaningful with ssl");
    REFUSED(OPEN(.ssl_handshake_timeout = 1), "ssl_handshake_timeout is only meaningful with ssl");
    REFUSED(OPEN(.ssl_shutdown_timeout = 1), "ssl_shutdown_timeout is only meaningful with ssl");
    REFUSED(SERVE(.ssl_handshake_timeout = 1), "ssl_handshake_timeout is only meaningful with ssl");
    REFUSED(OPEN(.ssl = for_client, .ssl_handshake_timeout = -1),
            "ssl_handshake_timeout should be a positive number, got -1");
    REFUSED(OPEN(.ssl = for_client, .ssl_shutdown_timeout = (double)NAN),
            "ssl_shutdown_timeout should be a positive number, got nan");
    REFUSED(SERVE(.ssl = for_server, .ssl_shutdown_timeout = -2),
            "ssl_shutdown_timeout should be a positive number, got -2");
    REFUSED(OPEN(.ssl = for_client, .server_hostname = ""),
            "check_hostname requires server_hostname");
    REFUSED(OPEN(.ssl = for_client, .server_hostname = ".example.org"),
            "server_hostname cannot be an empty string or start with a leading dot.");
    REFUSED(asyncio_open_connection(NULL, 0, &client.reader, &client.writer, .sock = 5,
                                    .ssl = for_client),
            "You must set server_hostname when using ssl without a host");
    end_contexts();
    RETURN();
}
TEST(options_that_make_no_sense) { run_alone(wrong_calls()); }

/* ---- over to TLS ---- */

/* Plain streams at both ends. */
ASYNC(open_plainly) {
    int fd[2];
    make_pair(fd);
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &client.reader, &client.writer, .sock = fd[0])));
    TRY(AWAIT(
        asyncio_open_connection(NULL, 0, &server_end.reader, &server_end.writer, .sock = fd[1])));
    make_contexts();
    RETURN();
}

ASYNC(answers_starttls) {
    asyncio_bytes line;
    TRY(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)));
    CHECK_STR(line.data, "STARTTLS\n");
    TRY(asyncio_streamwriter_write(server_end.writer, "OK\n", 3));
    TRY(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)));
    RETURN();
}

ASYNC(goes_over) {
    asyncio_bytes line;
    CHECK_INT(AWAIT(open_plainly()), 0);
    asyncio_task *t = asyncio_create_task(answers_starttls());
    CHECK_INT(asyncio_streamwriter_write(client.writer, "STARTTLS\n", 9), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(client.reader, &line)), 3);
    CHECK_STR(line.data, "OK\n");
    asyncio_task *over = asyncio_create_task(asyncio_streamwriter_start_tls(
        client.writer, for_client, .server_hostname = "localhost", .ssl_handshake_timeout = 5));
    check_ended(over, 0);
    check_ended(t, 0);
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello");
    close_both();
    end_contexts();
    RETURN();
}
TEST(a_connection_goes_over_to_tls) { run_alone(goes_over()); }

/* The client does not wait for the answer. */
ASYNC(goes_over_at_once) {
    asyncio_bytes line;
    CHECK_INT(AWAIT(open_plainly()), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "STARTTLS\n", 9), 0);
    asyncio_task *t = start(
        asyncio_streamwriter_start_tls(client.writer, for_client, .server_hostname = "localhost"));
    CHECK_INT(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)), 9);
    CHECK_INT(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)), 0);
    check_ended(t, 0);
    check_arrives(&client, &server_end, "hello");
    close_both();
    end_contexts();
    RETURN();
}
TEST(the_beginning_of_tls_may_come_with_the_last_plain_bytes) { run_alone(goes_over_at_once()); }

/* Reads of every kind come before it, each in its turn; what they leave is untouched. */
enum last_read { READ, READ_EXACTLY, READ_LINE, READ_NONE, READ_CANCELLED };

ASYNC(reads_before, (enum last_read) last) {
    asyncio_bytes line;
    char buf[4];
    CHECK_INT(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)), 6);
    if (last == READ) CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 4)), 4);
    else CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 4)), 4);
    CHECK(memcmp(buf, "now\n", 4) == 0);
    if (last == READ_LINE) {
        CHECK_INT(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)), 5);
        CHECK_STR(line.data, "then\n");
    } else {
        CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 3)), 3);
        CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 2)), 2);
    }
    if (last == READ_NONE)
        CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 0)), 0);
    if (last != READ_CANCELLED) RETURN();
    asyncio_task *t =
        start(asyncio_streamreader_readuntil(server_end.reader, "which does not come", &line));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

ASYNC(goes_over_after, (enum last_read) last) {
    CHECK_INT(AWAIT(open_plainly()), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "first\nnow\nthen\n", 15), 0);
    asyncio_task *t = start(
        asyncio_streamwriter_start_tls(client.writer, for_client, .server_hostname = "localhost"));
    CHECK_INT(AWAIT(reads_before(last)), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)), 0);
    check_ended(t, 0);
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello");
    close_both();
    end_contexts();
    RETURN();
}
TEST(the_beginning_of_tls_is_untouched_by_a_read_before_it) { run_alone(goes_over_after(READ)); }
TEST(the_beginning_of_tls_is_untouched_by_readexactly) { run_alone(goes_over_after(READ_EXACTLY)); }
TEST(the_beginning_of_tls_is_untouched_by_readline) { run_alone(goes_over_after(READ_LINE)); }
TEST(the_beginning_of_tls_is_untouched_by_a_read_of_nothing) {
    run_alone(goes_over_after(READ_NONE));
}
TEST(the_beginning_of_tls_is_untouched_by_a_cancelled_readuntil) {
    run_alone(goes_over_after(READ_CANCELLED));
}

/* What somebody put in before the handshake is not read after it. */
ASYNC(is_injected) {
    asyncio_bytes line;
    CHECK_INT(AWAIT(open_plainly()), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "STARTTLS\nDELETE ALL\n", 20), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)), 9);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)),
                ASYNCIO_SSL_ERROR, "[SSL: WRONG_VERSION_NUMBER] wrong version number");
    CHECK(asyncio_streamwriter_is_closing(server_end.writer));
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(plain_commands_before_the_handshake_are_not_read_after_it) { run_alone(is_injected()); }

/* Much is kept when TLS begins; it is sent plainly, before. */
ASYNC(sends_before) {
    enum { SIZE = 1000000 };
    char *data = calloc(1, SIZE);
    CHECK_INT(AWAIT(open_plainly()), 0);
    CHECK_INT(asyncio_streamwriter_set_write_buffer_limits(client.writer, 2 * SIZE, SIZE), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, data, SIZE), 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(client.writer) > 0);
    asyncio_task *t = start(
        asyncio_streamwriter_start_tls(client.writer, for_client, .server_hostname = "localhost"));
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, data, SIZE)), SIZE);
    CHECK_INT(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)), 0);
    check_ended(t, 0);
    check_arrives(&client, &server_end, "hello");
    close_both();
    free(data);
    end_contexts();
    RETURN();
}
TEST(what_was_written_before_is_sent_before) { run_alone(sends_before()); }

/* What another task writes during the handshake is protected. */
ASYNC(writes_meanwhile) {
    char buf[10] = "";
    CHECK_INT(AWAIT(open_plainly()), 0);
    asyncio_task *t = start(
        asyncio_streamwriter_start_tls(client.writer, for_client, .server_hostname = "localhost"));
    CHECK_INT(asyncio_streamwriter_write(client.writer, "hello", 5), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(client.writer), 0);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(client.writer), 5);
    CHECK_ERROR(AWAIT(asyncio_streamreader_read(client.reader, buf, 1)), ASYNCIO_RUNTIME_ERROR,
                "read() called while another coroutine is already waiting for incoming data");
    CHECK_INT(AWAIT(asyncio_streamwriter_start_tls(server_end.writer, for_server)), 0);
    check_ended(t, 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 5)), 5);
    CHECK_STR(buf, "hello");
    CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 5)), 0);
    close_both();
    end_contexts();
    RETURN();
}
TEST(what_is_written_during_the_handshake_is_sent_after_it) { run_alone(writes_meanwhile()); }

ASYNC(cannot_go_over) {
    char c;
    CHECK_INT(AWAIT(open_plainly()), 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(NULL, for_client)), ASYNCIO_TYPE_ERROR,
                "a writer is required");
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(client.writer, NULL)), ASYNCIO_TYPE_ERROR,
                "a context is required");
    REFUSED(asyncio_streamwriter_start_tls(client.writer, for_client),
            "check_hostname requires server_hostname");
    asyncio_task *t = start(asyncio_streamreader_read(client.reader, &c, 1));
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(client.writer, for_server)),
                ASYNCIO_RUNTIME_ERROR,
                "start_tls() called while another coroutine is already waiting for incoming data");
    check_arrives(&client, &server_end, "still plain");
    asyncio_streamwriter_close(client.writer);
    check_ended(t, 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(client.writer, for_server)),
                ASYNCIO_RUNTIME_ERROR, "the connection is closing");
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(when_a_connection_cannot_go_over_to_tls) { run_alone(cannot_go_over()); }

/* A file is sent through TLS, not past it. */
ASYNC(sends_a_file) {
    enum { SIZE = 300000 };
    char *data = malloc(SIZE), *got = malloc(SIZE);
    asyncio_value sent;
    asyncio_loop *l = asyncio_get_running_loop();
    int file = memfd_create("file", MFD_CLOEXEC);
    for (int i = 0; i < SIZE; i++) data[i] = (char)(i * 7 + i / 300);
    CHECK_INT(write(file, data, SIZE), SIZE);
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    asyncio_task *t = start(asyncio_loop_sendfile(l, client.writer, file, 0, 0));
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(client.writer, for_server)),
                ASYNCIO_RUNTIME_ERROR, "unable to write; sendfile is in progress");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, got, SIZE)), SIZE);
    CHECK(memcmp(data, got, SIZE) == 0);
    CHECK_INT(AWAIT(t, &sent), 0);
    CHECK_INT(sent.i, SIZE);
    asyncio_task_unref(t);
    close_both();
    close(file);
    free(data);
    free(got);
    end_contexts();
    RETURN();
}
TEST(a_file_is_sent_through_tls) { run_alone(sends_a_file()); }

ASYNC(is_a_pipe) {
    int fd[2];
    asyncio_auto_streamwriter writer = NULL;
    make_contexts();
    CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
    CHECK_INT(AWAIT(asyncio_connect_write_pipe(fd[1], &writer)), 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_start_tls(writer, for_server)), ASYNCIO_TYPE_ERROR,
                "a pipe is not supported by start_tls()");
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    close(fd[0]);
    end_contexts();
    RETURN();
}
TEST(a_pipe_cannot_go_over_to_tls) { run_alone(is_a_pipe()); }

/* TLS in TLS, as through a proxy. */
ASYNC(goes_over_twice) {
    static char data[300000], got[300000];
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    asyncio_task *t = start(asyncio_streamwriter_start_tls(server_end.writer, for_server));
    CHECK_INT(AWAIT(asyncio_streamwriter_start_tls(client.writer, for_client,
                                                   .server_hostname = "localhost")),
              0);
    check_ended(t, 0);
    check_arrives(&client, &server_end, "hello");
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7 + i / 300);
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, data, sizeof data), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(client.reader, got, sizeof got)), sizeof got);
    CHECK(memcmp(data, got, sizeof got) == 0);
    close_both();
    end_contexts();
    RETURN();
}
TEST(tls_goes_over_to_tls_within) { run_alone(goes_over_twice()); }
