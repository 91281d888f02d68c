/* SPDX-License-Identifier: MIT
 *
 * TLS on a connection: handshakes, what is sent both ways, how it ends.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include <openssl/ssl.h>

#include "ssl.h"

/* ---- both ways ---- */

ASYNC(talks) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello yourself");
    close_both();
    end_contexts();
    RETURN();
}
TEST(what_is_written_arrives) { run_alone(talks()); }

ASYNC(talks_old) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_maximum_version(for_client, ASYNCIO_SSL_TLSV1_2), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_EXTRA(client, "tls_version", "TLSv1.2");
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello yourself");
    close_both();
    end_contexts();
    RETURN();
}
TEST(the_same_with_tls_1_2) { run_alone(talks_old()); }

#define MUCH 3000000
#define PIECE 50000

/* Byte number i of a stream that does not repeat itself soon. */
static char byte_at(size_t i) { return (char)(i * 31 + i / 251 + i / 65521); }

ASYNC(sends_much, (struct end *) e) {
    static char data[PIECE];
    for (size_t at = 0; at < MUCH; at += PIECE) {
        for (size_t i = 0; i < PIECE; i++) data[i] = byte_at(at + i);
        TRY(asyncio_streamwriter_write(e->writer, data, PIECE));
        CHECK(asyncio_streamwriter_get_write_buffer_size(e->writer) <= 65536 + PIECE);
        TRY(AWAIT(asyncio_streamwriter_drain(e->writer)));
    }
    TRY(asyncio_streamwriter_write_eof(e->writer));
    RETURN();
}

ASYNC(takes_much, (struct end *) e) {
    size_t at = 0;
    int n;
    char *data = malloc(100000);
    while ((n = TRY(AWAIT(asyncio_streamreader_read(e->reader, data, 100000)))) > 0) {
        for (int i = 0; i < n; i++) {
            if (data[i] != byte_at(at + (size_t)i)) FAIL("byte %zu is wrong", at + (size_t)i);
        }
        at += (size_t)n;
    }
    CHECK_INT(at, MUCH);
    free(data);
    RETURN();
}

/* Four tasks: each end sends and takes, and half-closes when it has sent all. */
ASYNC(sends_much_both_ways) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    asyncio_task *tasks[] = { asyncio_create_task(sends_much(&client)),
                              asyncio_create_task(takes_much(&server_end)),
                              asyncio_create_task(sends_much(&server_end)),
                              asyncio_create_task(takes_much(&client)) };
    for (int i = 0; i < 4; i++) check_ended(tasks[i], 0);
    close_both();
    end_contexts();
    RETURN();
}
TEST(much_in_both_directions_at_once) { run_alone(sends_much_both_ways()); }

ASYNC(sends_lines) {
    char big[5000], buf[30000];
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    memset(big, 'b', sizeof big);
    struct iovec lines[] = { { NULL, 0 },   { TEXT("one"), 3 },  { NULL, 0 },        { big, 1000 },
                             { big, 4000 }, { big, sizeof big }, { TEXT("two"), 3 }, { NULL, 0 } };
    CHECK_INT(asyncio_streamwriter_writelines(client.writer, lines, 8), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 10006)), 10006);
    CHECK(memcmp(buf, "one", 3) == 0 && memcmp(buf + 10003, "two", 3) == 0);
    for (int i = 3; i < 10003; i++) CHECK_INT(buf[i], 'b');
    close_both();
    end_contexts();
    RETURN();
}
TEST(pieces_of_all_sizes_arrive_in_order) { run_alone(sends_lines()); }

/* What OpenSSL has decrypted already is not waited for. */
ASYNC(reads_in_drops) {
    asyncio_bytes line;
    char c;
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "abc\ndef\n", 8), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, &c, 1)), 1);
        CHECK_INT(c, "abc\n"[i]);
    }
    CHECK_INT(AWAIT(asyncio_streamreader_readline(server_end.reader, &line)), 4);
    CHECK_STR(line.data, "def\n");
    close_both();
    end_contexts();
    RETURN();
}
TEST(one_record_is_read_in_pieces) { run_alone(reads_in_drops()); }

static SSL *ssl_of(const struct end *e) {
    asyncio_value v;
    CHECK_INT(asyncio_streamwriter_get_extra_info(e->writer, "ssl_object", &v), 1);
    return v.p;
}

/* The reader answers a request for new keys; the answer must not get between what is written. */
ASYNC(changes_keys) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(SSL_key_update(ssl_of(&client), SSL_KEY_UPDATE_REQUESTED), 1);
        check_arrives(&client, &server_end, "with new keys");
        check_arrives(&server_end, &client, "with new keys, too");
    }
    close_both();
    end_contexts();
    RETURN();
}
TEST(keys_change_on_the_way) { run_alone(changes_keys()); }

/* ---- how it ends ---- */

ASYNC(half_closes) {
    char buf[10] = "";
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK(asyncio_streamwriter_can_write_eof(client.writer));
    CHECK_INT(asyncio_streamwriter_write(client.writer, "request", 7), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(client.writer), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(client.writer), 0);
    CHECK_ERROR(asyncio_streamwriter_write(client.writer, "more", 4), ASYNCIO_RUNTIME_ERROR,
                "Cannot call write() after write_eof()");
    CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 10)), 7);
    CHECK_INT(AWAIT(asyncio_streamreader_read(server_end.reader, buf, 10)), 0);
    CHECK(asyncio_streamreader_at_eof(server_end.reader));
    check_arrives(&server_end, &client, "answer");
    close_both();
    end_contexts();
    RETURN();
}
TEST(one_direction_ends_and_the_other_goes_on) { run_alone(half_closes()); }

ASYNC(is_cut_off) {
    char buf[10];
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    check_arrives(&client, &server_end, "x");
    check_arrives(&server_end, &client, "y");
    asyncio_streamwriter_abort(server_end.writer);
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(AWAIT(asyncio_streamreader_read(client.reader, buf, 10)), ASYNCIO_SSL_EOF_ERROR,
                    "EOF occurred in violation of protocol");
    }
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(client.writer)), 0); /* all was sent */
    asyncio_streamwriter_close(client.writer);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), -EPIPE,
                "send: Broken pipe");
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(an_end_without_close_notify_is_an_error_of_reading) { run_alone(is_cut_off()); }

/* ---- the other side ends its direction without close_notify, and reads on ---- */

enum kind { TLS13, TLS12, WITHIN_TLS };

ASYNC(connect_by, (enum kind) kind) {
    make_contexts();
    if (kind == TLS12) {
        CHECK_INT(asyncio_sslcontext_set_maximum_version(for_client, ASYNCIO_SSL_TLSV1_2), 0);
    }
    TRY(AWAIT(connect_both("localhost", NULL)));
    if (kind != WITHIN_TLS) RETURN();
    asyncio_task *t = start(asyncio_streamwriter_start_tls(server_end.writer, for_server));
    TRY(AWAIT(
        asyncio_streamwriter_start_tls(client.writer, for_client, .server_hostname = "localhost")));
    check_ended(t, 0);
    RETURN();
}

/* A FIN, past TLS. */
static void end_direction(struct end *e) {
    asyncio_value v;
    CHECK_INT(asyncio_streamwriter_get_extra_info(e->writer, "socket", &v), 1);
    CHECK_INT(shutdown((int)v.i, SHUT_WR), 0);
}

static void check_cut_off(struct end *e) {
    char c;
    CHECK_ERROR(AWAIT(asyncio_streamreader_read(e->reader, &c, 1)), ASYNCIO_SSL_EOF_ERROR,
                "EOF occurred in violation of protocol");
}

static void check_end(struct end *e) {
    char c;
    CHECK_INT(AWAIT(asyncio_streamreader_read(e->reader, &c, 1)), 0);
}

ASYNC(answers_after_the_end, (enum kind) kind, (bool) half) {
    char buf[10] = "";
    CHECK_INT(AWAIT(connect_by(kind)), 0);
    check_arrives(&client, &server_end, "request");
    end_direction(&client);
    check_cut_off(&server_end);
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, "answer", 6), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(server_end.writer)), 0);
    CHECK(!asyncio_streamwriter_is_closing(server_end.writer));
    if (half) CHECK_INT(asyncio_streamwriter_write_eof(server_end.writer), 0);
    else asyncio_streamwriter_close(server_end.writer);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(client.reader, buf, 6)), 6);
    CHECK_STR(buf, "answer");
    check_end(&client);
    asyncio_streamwriter_close(server_end.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(server_end.writer)), 0);
    asyncio_streamwriter_abort(client.writer);
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(an_answer_after_the_others_fin_arrives) { run_alone(answers_after_the_end(TLS13, false)); }
TEST(an_answer_and_write_eof_after_the_others_fin_arrive) {
    run_alone(answers_after_the_end(TLS13, true));
}
TEST(an_answer_after_the_others_fin_arrives_with_tls_1_2) {
    run_alone(answers_after_the_end(TLS12, false));
}
TEST(an_answer_after_the_others_fin_arrives_through_tls_in_tls) {
    run_alone(answers_after_the_end(WITHIN_TLS, false));
}

/* Much is kept when the FIN comes. It is read before what is kept is sent, or never. */
ASYNC(sends_after_the_end, (enum kind) kind, (bool) reads) {
    char *data = malloc(MUCH), *got = malloc(MUCH);
    for (size_t i = 0; i < MUCH; i++) data[i] = byte_at(i);
    CHECK_INT(AWAIT(connect_by(kind)), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, data, MUCH), 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(client.writer) > MUCH / 2);
    end_direction(&server_end);
    if (reads) check_cut_off(&client);
    asyncio_task *t = start(asyncio_streamwriter_drain(client.writer));
    CHECK(!asyncio_task_done(t));
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, got, MUCH / 2)), MUCH / 2);
    asyncio_streamwriter_close(client.writer);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(server_end.reader, got + MUCH / 2, MUCH / 2)),
              MUCH / 2);
    check_ended(t, 0);
    CHECK(memcmp(data, got, MUCH) == 0);
    check_end(&server_end);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&client);
    let_go(&server_end);
    free(data);
    free(got);
    end_contexts();
    RETURN();
}
TEST(what_is_kept_is_sent_after_the_others_fin) { run_alone(sends_after_the_end(TLS13, true)); }
TEST(what_is_kept_is_sent_after_a_fin_that_nobody_reads) {
    run_alone(sends_after_the_end(TLS13, false));
}
TEST(what_is_kept_is_sent_after_the_others_fin_with_tls_1_2) {
    run_alone(sends_after_the_end(TLS12, true));
}
TEST(what_is_kept_is_sent_after_the_others_fin_through_tls_in_tls) {
    run_alone(sends_after_the_end(WITHIN_TLS, true));
}

/* A wrong record, in contrast, breaks the connection: both directions have the same reason. */
ASYNC(gets_a_wrong_record) {
    static const char record[] = "\x17\x03\x03\x00\x20 this is nothing that was sealed";
    asyncio_value v;
    char c;
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    check_arrives(&server_end, &client, "x");
    CHECK_INT(asyncio_streamwriter_get_extra_info(server_end.writer, "socket", &v), 1);
    CHECK_INT(send((int)v.i, record, 37, MSG_NOSIGNAL), 37);
    CHECK_INT(AWAIT(asyncio_streamreader_read(client.reader, &c, 1)), ASYNCIO_SSL_ERROR);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "x", 1), 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(client.writer)), ASYNCIO_SSL_ERROR,
                "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac");
    CHECK(asyncio_streamwriter_is_closing(client.writer));
    asyncio_streamwriter_close(client.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), ASYNCIO_SSL_ERROR);
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(a_wrong_record_breaks_both_directions) { run_alone(gets_a_wrong_record()); }

ASYNC(is_reset) {
    char buf[10];
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    check_arrives(&client, &server_end, "x");
    check_arrives(&server_end, &client, "y");
    CHECK_INT(asyncio_streamwriter_write(client.writer, "never read", 10), 0);
    asyncio_streamwriter_abort(server_end.writer);
    int rc = AWAIT(asyncio_streamreader_read(client.reader, buf, 10));
    CHECK_INT(rc, -ECONNRESET);
    asyncio_ignore(rc);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "into nothing", 12), 0);
    rc = AWAIT(asyncio_streamwriter_drain(client.writer));
    CHECK_INT(rc, -ECONNRESET);
    asyncio_ignore(rc);
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(a_reset_passes_through) { run_alone(is_reset()); }

/* The other side never says close_notify. */
ASYNC(closing_takes_too_long) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    double begin = asyncio_loop_time(asyncio_get_running_loop());
    asyncio_streamwriter_close(client.writer);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), ASYNCIO_TIMEOUT_ERROR,
                "SSL shutdown timed out");
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 30.0, 0.001);
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(closing_has_a_limit) { run_alone(closing_takes_too_long()); }

/* Nor does it read what is left. */
ASYNC(flushing_takes_too_long) {
    static char data[2000000];
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, data, sizeof data), 0);
    asyncio_streamwriter_close(client.writer);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), ASYNCIO_TIMEOUT_ERROR,
                "SSL shutdown timed out");
    let_go(&client);
    let_go(&server_end);
    end_contexts();
    RETURN();
}
TEST(closing_has_a_limit_also_while_something_is_left_to_send) {
    run_alone(flushing_takes_too_long());
}

/* What comes after close is not wanted any more, but it is not an error either. */
ASYNC(closes_while_more_comes) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, "more", 4), 0);
    close_both();
    end_contexts();
    RETURN();
}
TEST(closing_while_the_other_side_still_sends) { run_alone(closes_while_more_comes()); }

ASYNC(is_left) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    release_contexts(); /* connections have their own references */
    check_arrives(&client, &server_end, "hello");
    let_go(&client);
    let_go(&server_end);
    RETURN();
}
TEST(connections_that_are_let_go_of_say_goodbye) { run_alone(is_left()); }

ASYNC(is_forgotten) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    asyncio_streamwriter_close(client.writer);
    RETURN();
}
TEST(the_loop_closes_while_a_connection_does) {
    start_loop();
    CHECK_INT(run(is_forgotten()), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    let_go(&client);
    let_go(&server_end);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_unref(loop);
    end_contexts();
}

/* ---- handshakes that fail ---- */

static void end_failed(void) {
    let_go(&client);
    end_contexts();
}

ASYNC(waits_in_vain) {
    int fd[2];
    make_contexts();
    make_pair(fd);
    double begin = asyncio_loop_time(asyncio_get_running_loop());
    CHECK_ERROR(AWAIT(secure(&client, fd[0], for_client, "localhost", NULL)), -ECONNABORTED,
                "SSL handshake is taking longer than 60 seconds: aborting the connection");
    CHECK_NEAR(asyncio_loop_time(asyncio_get_running_loop()) - begin, 60.0, 0.001);
    close(fd[1]);
    end_failed();
    RETURN();
}
TEST(a_handshake_has_a_limit) { run_alone(waits_in_vain()); }

ASYNC(is_hung_up_on) {
    int fd[2];
    make_contexts();
    make_pair(fd);
    shutdown(fd[1], SHUT_WR);
    CHECK_ERROR(AWAIT(secure(&client, fd[0], for_client, "localhost", NULL)), -ECONNRESET,
                "the connection was closed during the TLS handshake");
    close(fd[1]);
    end_failed();
    RETURN();
}
TEST(the_other_side_hangs_up_during_the_handshake) { run_alone(is_hung_up_on()); }

ASYNC(gets_garbage, (bool) as_server, (const char *) garbage, (const char *) message) {
    int fd[2];
    make_contexts();
    make_pair(fd);
    put(fd[1], garbage);
    CHECK_ERROR(AWAIT(secure(&client, fd[0], as_server ? for_server : for_client,
                             as_server ? NULL : "localhost", NULL)),
                ASYNCIO_SSL_ERROR, message);
    close(fd[1]);
    end_failed();
    RETURN();
}
TEST(a_client_gets_garbage) {
    run_alone(gets_garbage(false, "220 mail.example.org ESMTP\r\n",
                           "[SSL: WRONG_VERSION_NUMBER] wrong version number"));
}
TEST(a_server_gets_garbage) {
    run_alone(gets_garbage(true, "EHLO example.org\r\n\r\n",
                           "[SSL: WRONG_VERSION_NUMBER] wrong version number"));
}
TEST(a_server_gets_a_plain_request) {
    run_alone(gets_garbage(true, "GET / HTTP/1.0\r\n\r\n", "[SSL: HTTP_REQUEST] http request"));
}

ASYNC(is_cancelled_in_the_handshake) {
    int fd[2];
    make_contexts();
    make_pair(fd);
    asyncio_task *t = start(secure(&client, fd[0], for_client, "localhost", NULL));
    CHECK(*get(fd[1]) == 22); /* a handshake record */
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(recv(fd[1], (char[1]){ 0 }, 1, MSG_DONTWAIT), 0);
    close(fd[1]);
    end_failed();
    RETURN();
}
TEST(a_handshake_that_is_cancelled_closes_the_connection) {
    run_alone(is_cancelled_in_the_handshake());
}

ASYNC(is_closed_in_the_handshake, (bool) abort_it) {
    int fd[2];
    make_contexts();
    make_pair(fd);
    asyncio_task *t = start(secure(&client, fd[0], for_client, "localhost", NULL));
    if (abort_it) asyncio_streamwriter_abort(client.writer);
    else asyncio_streamwriter_close(client.writer);
    check_ended(t, -ECONNABORTED);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    close(fd[1]);
    end_failed();
    RETURN();
}
TEST(closing_ends_a_handshake) { run_alone(is_closed_in_the_handshake(false)); }
TEST(aborting_ends_a_handshake) { run_alone(is_closed_in_the_handshake(true)); }

/* ---- threads ---- */

static struct end thread_ends[4][2];

ASYNC(converses_in_thread, (struct end *) ends) {
    char buf[5];
    for (int i = 0; i < 10; i++) {
        int fd[2];
        make_pair(fd);
        asyncio_auto_task task =
            asyncio_create_task(secure(&ends[1], fd[1], for_server, NULL, NULL));
        TRY(AWAIT(secure(&ends[0], fd[0], for_client, "localhost", NULL)));
        TRY(AWAIT(task));
        TRY(asyncio_streamwriter_write(ends[0].writer, "hello", 5));
        TRY(AWAIT(asyncio_streamreader_readexactly(ends[1].reader, buf, 5)));
        asyncio_streamwriter_close(ends[0].writer);
        asyncio_streamwriter_close(ends[1].writer);
        TRY(AWAIT(asyncio_streamwriter_wait_closed(ends[0].writer)));
        let_go(&ends[0]);
        let_go(&ends[1]);
    }
    RETURN();
}

static void *run_thread(void *ends) {
    CHECK_INT(asyncio_run(converses_in_thread(ends), NULL), 0);
    return NULL;
}

TEST(several_threads_share_contexts) {
    pthread_t threads[4];
    make_contexts();
    for (int i = 0; i < 4; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, run_thread, thread_ends[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    end_contexts();
}
