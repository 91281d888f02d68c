/* SPDX-License-Identifier: MIT
 *
 * TLS with a cancellation at every point of a run, and without memory at each allocation of the
 * library and at many of OpenSSL's: no byte is lost, nothing is left open, nobody waits for ever.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include "../interrupted.h"
#include "ssl.h"

/* ---- cancellation ---- */

/* Both ends shake hands, whatever happens to them: how it ended. */
ASYNC(connects) {
    int fd[2];
    asyncio_outcome outcome = { -ENOMEM, asyncio_none(), NULL };
    memset(&client, 0, sizeof client);
    memset(&server_end, 0, sizeof server_end);
    make_pair(fd);
    asyncio_auto_task task =
        asyncio_create_task(secure(&server_end, fd[1], for_server, NULL, NULL));
    int rc = AWAIT(secure(&client, fd[0], for_client, "localhost", NULL));
    while (task && was_cancelled(AWAIT(asyncio_task_join(task, &outcome)))) continue;
    if (!client.writer) asyncio_fd_close(fd[0]);
    if (!server_end.writer) asyncio_fd_close(fd[1]);
    if (rc >= 0) rc = outcome.status;
    asyncio_outcome_fini(&outcome);
    return rc;
}

#define SENT "one\ntwo\nthree, which is longer\n\nfive\n"

ASYNC(feeds) {
    for (const char *p = SENT; *p; p++) {
        CHECK_INT(asyncio_streamwriter_write(server_end.writer, p, 1), 0);
        while (was_cancelled(AWAIT(asyncio_streamwriter_drain(server_end.writer)))) continue;
        if (p - (const char *)SENT > 20)
            while (was_cancelled(AWAIT(asyncio_sleep(0)))) continue;
    }
    CHECK_INT(asyncio_streamwriter_write_eof(server_end.writer), 0);
    RETURN();
}

/* One read of some kind, which may be cancelled. */
ASYNC(reads_some, (int) kind, (char *) to) {
    char buf[3];
    asyncio_bytes b = { buf, 0 };
    int rc;
    if (kind % 3 == 0) rc = AWAIT(asyncio_streamreader_readline(client.reader, &b));
    else if (kind % 3 == 1) rc = AWAIT(asyncio_streamreader_readexactly(client.reader, buf, 3));
    else rc = AWAIT(asyncio_streamreader_read(client.reader, buf, 2));
    if (asyncio_catch(rc, ASYNCIO_INCOMPLETE_READ_ERROR)) {
        b = asyncio_streamreader_partial(client.reader);
        rc = (int)b.size;
    }
    TRY(rc);
    strncat(to, b.data, (size_t)rc);
    RETURN(rc);
}

/* Handshakes that are cancelled are made again, on another connection. */
ASYNC(connects_somehow) {
    for (;;) {
        int rc = AWAIT(connects());
        if (rc >= 0) RETURN();
        if (!was_cancelled(rc)) asyncio_ignore(rc);
        let_go(&client);
        let_go(&server_end);
    }
}

ASYNC(reads_and_feeds) {
    char got[100] = "";
    TRY(AWAIT(connects_somehow()));
    asyncio_auto_task feeder = asyncio_create_task(feeds());
    for (int kind = 0; !asyncio_streamreader_at_eof(client.reader); kind++) {
        int rc;
        while (was_cancelled(rc = AWAIT(reads_some(kind, got)))) continue;
        CHECK(rc >= 0);
    }
    CHECK_STR(got, SENT);
    asyncio_outcome outcome;
    while (was_cancelled(AWAIT(asyncio_task_join(feeder, &outcome)))) continue;
    asyncio_outcome_fini(&outcome);
    asyncio_streamwriter_close(client.writer);
    asyncio_streamwriter_close(server_end.writer);
    while (was_cancelled(AWAIT(asyncio_streamwriter_wait_closed(client.writer)))) continue;
    let_go(&client);
    let_go(&server_end);
    RETURN();
}

TEST_TIMEOUT(whatever_is_cancelled_no_byte_is_lost, 60) {
    make_contexts();
    for (unsigned long long seed = 0; seed < 3; seed++) {
        asyncio_testing_result result;
        long at = 0;
        do {
            int rc =
                asyncio_testing_run(reads_and_feeds(), &result, .seed = seed, .cancel_at = ++at);
            CHECK_INT(rc, 0);
            CHECK_INT(result.left, 0);
            CHECK_INT(result.objects, 0);
        } while (at <= result.points);
        CHECK(at > 10);
    }
    end_contexts();
}

ASYNC(talks, (int) port) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    asyncio_bytes line;
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", port, &r, &w, .ssl = for_client)));
    TRY(asyncio_streamwriter_write(w, "hello\n", 6));
    TRY(AWAIT(asyncio_streamwriter_drain(w)));
    TRY(AWAIT(asyncio_streamreader_readline(r, &line)));
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    RETURN();
}

ASYNC(serves_and_talks) {
    asyncio_auto_server server = NULL;
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .ssl = for_server)));
    int rc = AWAIT(talks(asyncio_server_port(server)));
    int closed = AWAIT(asyncio_server_shutdown(server, 1));
    TRY(rc < 0 ? rc : closed);
    RETURN();
}

static int ignore_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)context, (void)arg;
    return 0;
}

ASYNC(quietly) {
    asyncio_loop_set_exception_handler(asyncio_get_running_loop(), ignore_report, NULL);
    TRY(AWAIT(serves_and_talks()));
    RETURN();
}

static bool is_expected(int rc) {
    asyncio_ignore(rc);
    return rc >= 0 || rc == ASYNCIO_CANCELLED_ERROR || rc == -ECONNRESET || rc == -EPIPE ||
           rc == ASYNCIO_SSL_EOF_ERROR || rc == ASYNCIO_TIMEOUT_ERROR || rc == -ECONNABORTED;
}

TEST_TIMEOUT(whatever_is_cancelled_nothing_is_left_of_a_conversation, 60) {
    make_contexts();
    for (unsigned long long seed = 0; seed < 3; seed++) {
        asyncio_testing_result result;
        long at = 0;
        do {
            int rc = asyncio_testing_run(quietly(), &result, .seed = seed, .cancel_at = ++at);
            if (!is_expected(rc)) FAIL("point %ld: %s", at, asyncio_err_name(rc));
            CHECK_INT(result.objects, 0);
        } while (at <= result.points);
        CHECK(at > 10);
    }
    end_contexts();
}

/* ---- memory ---- */

/* Both ends without the n-th allocation. */
ASYNC(converses, (long) n, (bool *) failed) {
    char buf[10];
    asyncio_loop_set_exception_handler(asyncio_get_running_loop(), ignore_report, NULL);
    if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
    int rc = AWAIT(connects());
    if (rc >= 0) rc = asyncio_streamwriter_write(client.writer, "hello", 5);
    if (rc >= 0) rc = AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 5));
    asyncio_streamwriter_close(client.writer);
    let_go(&client);
    let_go(&server_end);
    some_turns(10);
    *failed = asyncio_testing_fail_allocation(0) >= n;
    /* One end had no memory: the other one was hung up on, or waited in vain. */
    bool expected = is_expected(rc) || rc == -ENOMEM;
    if (rc < 0 && !(*failed && expected)) FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
    asyncio_ignore(rc);
    RETURN();
}

TEST_TIMEOUT(tls_without_memory, 60) {
    bool failed = true;
    make_contexts();
    for (long n = 1; failed; n++) {
        start_loop();
        CHECK_INT(run(converses(n, &failed)), 0);
        end_loop();
    }
    end_contexts();
}

ASYNC(serves_without_memory, (long) n, (bool *) failed) {
    if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
    int rc = AWAIT(quietly());
    *failed = asyncio_testing_fail_allocation(0) >= n;
    if (!is_expected(rc) && rc != -ENOMEM) FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
    RETURN();
}

TEST_TIMEOUT(a_server_without_memory, 60) {
    bool failed = true;
    make_contexts();
    for (long n = 1; failed; n++) {
        start_loop();
        CHECK_INT(run(serves_without_memory(n, &failed)), 0);
        end_loop();
    }
    end_contexts();
}

/* ---- OpenSSL's own memory ---- */

static long openssl_fails_at, openssl_allocations;

static void *fail_malloc(size_t n, const char *file, int line) {
    (void)file, (void)line;
    return ++openssl_allocations == openssl_fails_at ? NULL : malloc(n);
}

static void *fail_realloc(void *p, size_t n, const char *file, int line) {
    (void)file, (void)line;
    if (n > 0 && ++openssl_allocations == openssl_fails_at) return NULL;
    if (n > 0) return realloc(p, n);
    free(p);
    return NULL;
}

static void plain_free(void *p, const char *file, int line) {
    (void)file, (void)line;
    free(p);
}

ASYNC(converses_whatever_openssl_says, (bool *) failed, (bool *) done) {
    char buf[10];
    openssl_allocations = 0;
    int rc = AWAIT(connects());
    if (rc >= 0) rc = asyncio_streamwriter_write(client.writer, "hello", 5);
    if (rc >= 0) rc = AWAIT(asyncio_streamwriter_drain(client.writer));
    if (rc >= 0) rc = AWAIT(asyncio_streamreader_readexactly(server_end.reader, buf, 5));
    *done = rc >= 0;
    asyncio_ignore(rc);
    asyncio_streamwriter_close(client.writer);
    let_go(&client);
    let_go(&server_end);
    some_turns(10);
    *failed = openssl_allocations >= openssl_fails_at;
    openssl_fails_at = 0;
    RETURN();
}

/* Some of the allocations that a conversation makes; there are some thousands. */
TEST_TIMEOUT(openssl_without_memory, 60) {
    bool failed = true, done = false;
    if (test_under_valgrind()) SKIP("takes too long");
    if (!CRYPTO_set_mem_functions(fail_malloc, fail_realloc, plain_free)) FAIL("too late");
    make_contexts();
    for (long n = 1; failed; n += 7) {
        start_loop();
        openssl_fails_at = n;
        CHECK_INT(run(converses_whatever_openssl_says(&failed, &done)), 0);
        end_loop();
        if (!failed) CHECK(done);
    }
    end_contexts();
}

/* The names of a certificate: the list, the text and what of both OpenSSL makes. */
ASYNC(asks_for_names) {
    asyncio_ssl_name *names = NULL;
    asyncio_value v;
    int rc = -ENOMEM;
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    for (long n = 1; rc == -ENOMEM; n++) {
        openssl_allocations = 0;
        openssl_fails_at = n;
        rc = asyncio_streamwriter_get_peercert_names(client.writer, &names);
        asyncio_ignore(rc);
        CHECK(rc == 2 || (rc == -ENOMEM && openssl_allocations >= n));
        openssl_allocations = 0;
        int text = asyncio_streamwriter_get_extra_info(client.writer, "peercert_names", &v);
        bool failed = openssl_allocations >= n;
        openssl_fails_at = 0;
        asyncio_ignore(text);
        if (text == 1) CHECK_STR(v.s, "DNS:localhost, IP Address:127.0.0.1");
        else CHECK(failed);
        asyncio_value_drop(&v);
    }
    free(names);
    for (long n = 1; (n == 1 || rc == -ENOMEM) && asyncio_testing_fail_allocation(n) >= 0; n++) {
        rc = asyncio_streamwriter_get_peercert_names(client.writer, &names);
        asyncio_testing_fail_allocation(0);
        asyncio_ignore(rc);
        if (rc >= 0) free(names);
    }
    close_both();
    end_contexts();
    RETURN();
}
TEST(names_without_memory) {
    if (!CRYPTO_set_mem_functions(fail_malloc, fail_realloc, plain_free)) FAIL("too late");
    run_alone(asks_for_names());
}

static void check_no_memory(const void *p) {
    CHECK_PTR(p, NULL);
    CHECK(asyncio_catch(-ENOMEM, -ENOMEM));
}

TEST(contexts_without_memory) {
    const char *names[] = { "h2" };
    if (asyncio_testing_fail_allocation(1) < 0) SKIP("needs -Dfault_injection=true");
    check_no_memory(asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_SERVER));
    asyncio_testing_fail_allocation(1);
    check_no_memory(asyncio_ssl_create_default_context(ASYNCIO_SSL_CLIENT_AUTH, NULL));
    asyncio_testing_fail_allocation(0);
    asyncio_auto_sslcontext c = asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_SERVER);
    asyncio_testing_fail_allocation(1);
    CHECK(asyncio_catch(asyncio_sslcontext_set_alpn_protocols(c, names, 1), -ENOMEM));
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(c, names, 1), 0);
    asyncio_testing_fail_allocation(0);
}

/* Coroutine objects that are kept copy what they need. */
TEST(calls_that_are_kept_without_memory) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    asyncio_sslcontext *c = asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_CLIENT);
    for (long n = 1; n <= 4; n++) {
        asyncio_coro held = asyncio_open_connection("127.0.0.1", 1, &client.reader, &client.writer,
                                                    .ssl = c, .server_hostname = "localhost");
        asyncio_testing_fail_allocation(n);
        int rc = asyncio_coro_hold(&held);
        bool failed = asyncio_testing_fail_allocation(0) >= n;
        CHECK_INT(rc, failed ? -ENOMEM : 0);
        asyncio_ignore(rc);
        if (rc >= 0) asyncio_coro_drop(&held);
        held = asyncio_streamwriter_start_tls(NULL, c, .server_hostname = "localhost");
        asyncio_testing_fail_allocation(n);
        rc = asyncio_coro_hold(&held);
        failed = asyncio_testing_fail_allocation(0) >= n;
        CHECK_INT(rc, failed ? -ENOMEM : 0);
        asyncio_ignore(rc);
        if (rc >= 0) asyncio_coro_drop(&held);
    }
    asyncio_sslcontext_unref(c);
}
