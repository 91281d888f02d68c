/* SPDX-License-Identifier: MIT
 *
 * TLS on a connection: handshakes, what is sent both ways, how it ends.
 */
#include "../../support/core.h"

#ifndef ASYNCIO_TLS
TEST(tls) { SKIP("the library was built without TLS"); }
#else

#include "ssl.h"

ASYNC(talks) {
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(server_end.rc, 0);
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello yourself");
    CHECK_EXTRA(client, "tls_version", "TLSv1.3");
    close_both();
    end_contexts();
    RETURN();
}
TEST(what_is_written_arrives) { run_alone(talks()); }

ASYNC(is_refused, (const char *) name, (const char *) why) {
    CHECK_ERROR(AWAIT(connect_both(name, NULL)), ASYNCIO_SSL_CERT_VERIFICATION_ERROR, why);
    let_go(&client);
    let_go(&server_end);
    RETURN();
}

ASYNC(wrong_host) {
    make_contexts();
    CHECK_INT(AWAIT(is_refused("example.org",
                               "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                               "Hostname mismatch, certificate is not valid for 'example.org'.")),
              0);
    CHECK_INT(AWAIT(is_refused("127.0.0.2",
                               "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                               "IP address mismatch, certificate is not valid for '127.0.0.2'.")),
              0);
    end_contexts();
    RETURN();
}
TEST(a_certificate_for_another_host_is_refused) { run_alone(wrong_host()); }

/* ---- servers ---- */

ASYNC(echoes, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char buf[100];
    int n;
    (void)arg;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)))) > 0) {
        TRY(asyncio_streamwriter_write(writer, buf, (size_t)n));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

ASYNC(serves) {
    asyncio_server *server;
    make_contexts();
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .ssl = for_server)), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server),
                                                &client.reader, &client.writer, .ssl = for_client)),
                  0);
        check_arrives(&client, &client, "hello");
        asyncio_streamwriter_close(client.writer);
        CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
        let_go(&client);
    }
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 10)), 0);
    asyncio_server_unref(server);
    end_contexts();
    RETURN();
}
TEST(a_server_speaks_tls) { run_alone(serves()); }

#endif
