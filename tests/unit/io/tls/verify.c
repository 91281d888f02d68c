/* SPDX-License-Identifier: MIT
 *
 * Certificates: which are refused, by whom, and what is said about it.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include <openssl/x509_vfy.h>

#include "ssl.h"

#define FAILED "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "

/* The server shows that identity. */
static void use_identity(const struct identity *id) {
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, id->path, NULL, NULL), 0);
}

static void let_both_go(void) {
    let_go(&client);
    let_go(&server_end);
}

/* The client does not like it, and the server is told why. */
static void check_refused(const char *name, long code, const char *text) {
    int rc = AWAIT(connect_both(name, NULL));
    CHECK_INT(rc, ASYNCIO_SSL_CERT_VERIFICATION_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), text);
    CHECK_INT(asyncio_error_value(e).i, code);
    asyncio_error_unref(e);
    CHECK_INT(server_end.rc, ASYNCIO_SSL_ERROR);
    let_both_go();
}

static void check_accepted(const char *name) {
    CHECK_INT(AWAIT(connect_both(name, NULL)), 0);
    check_arrives(&client, &server_end, "hello");
    close_both();
}

/* The server's certificate is as wished for. */
static void check_wish(struct wish w, long code, const char *text) {
    struct identity id = make_identity(w);
    use_identity(&id);
    check_refused("localhost", code, text);
    end_identity(&id);
}

ASYNC(bad_certificates) {
    make_contexts();
    check_wish(
        (struct wish){ "server", "DNS:localhost", &authority, -7200, -3600, false, NULL, NULL },
        X509_V_ERR_CERT_HAS_EXPIRED, FAILED "certificate has expired");
    check_wish(
        (struct wish){ "server", "DNS:localhost", &authority, 3600, 7200, false, NULL, NULL },
        X509_V_ERR_CERT_NOT_YET_VALID, FAILED "certificate is not yet valid");
    check_wish((struct wish){ .name = "server", .alt = "DNS:localhost" },
               X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, FAILED "self-signed certificate");
    struct identity unknown = make_identity((struct wish){ .name = "x", .authority = true });
    check_wish((struct wish){ .name = "server", .alt = "DNS:localhost", .issuer = &unknown },
               X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
               FAILED "unable to get local issuer certificate");
    end_identity(&unknown);
    end_contexts();
    RETURN();
}
TEST(each_bad_certificate_is_refused_for_its_own_reason) { run_alone(bad_certificates()); }

ASYNC(names) {
    make_contexts();
    check_refused("example.org", X509_V_ERR_HOSTNAME_MISMATCH,
                  FAILED "Hostname mismatch, certificate is not valid for 'example.org'.");
    check_refused("127.0.0.2", X509_V_ERR_IP_ADDRESS_MISMATCH,
                  FAILED "IP address mismatch, certificate is not valid for '127.0.0.2'.");
    check_refused("::1", X509_V_ERR_IP_ADDRESS_MISMATCH,
                  FAILED "IP address mismatch, certificate is not valid for '0:0:0:0:0:0:0:1'.");
    check_accepted("LOCALHOST");
    check_accepted("127.0.0.1");
    struct identity wild = make_identity(
        (struct wish){ .name = "server", .alt = "DNS:*.example.org", .issuer = &authority });
    use_identity(&wild);
    check_accepted("www.example.org");
    check_refused("a.b.example.org", X509_V_ERR_HOSTNAME_MISMATCH,
                  FAILED "Hostname mismatch, certificate is not valid for 'a.b.example.org'.");
    end_identity(&wild);
    end_contexts();
    RETURN();
}
TEST(a_certificate_is_for_its_names_only) { run_alone(names()); }

ASYNC(unverified) {
    make_contexts();
    struct identity own = make_identity((struct wish){ .name = "nobody" });
    use_identity(&own);
    CHECK_ERROR(asyncio_sslcontext_set_verify_mode(for_client, ASYNCIO_SSL_CERT_NONE),
                ASYNCIO_VALUE_ERROR,
                "Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, false), 0);
    check_refused("localhost", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
                  FAILED "self-signed certificate");
    use_identity(&localhost);
    check_accepted("example.org"); /* by an authority, for whomever */
    check_accepted(NULL);
    use_identity(&own);
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_client, ASYNCIO_SSL_CERT_NONE), 0);
    check_accepted("example.org");
    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, true), 0);
    CHECK_INT(asyncio_sslcontext_verify_mode(for_client), ASYNCIO_SSL_CERT_REQUIRED);
    end_identity(&own);
    end_contexts();
    RETURN();
}
TEST(verification_is_turned_off_in_two_steps) { run_alone(unverified()); }

/* ---- certificates of clients ---- */

/* The client's handshake is over when the server looks; it learns by reading. */
static void check_client_refused(const char *server_text, const char *client_text) {
    char buf[10];
    int rc = AWAIT(connect_both("localhost", NULL));
    if (rc >= 0) rc = AWAIT(asyncio_streamreader_read(client.reader, buf, 10));
    CHECK_ERROR(rc, ASYNCIO_SSL_ERROR, client_text);
    CHECK_STR(server_end.text, server_text);
    let_both_go();
}

ASYNC(clients) {
    make_contexts();
    struct identity guest = make_identity((struct wish){ .name = "guest", .issuer = &authority });
    struct identity stranger = make_identity((struct wish){ .name = "stranger" });
    CHECK_INT(asyncio_sslcontext_load_verify_locations(for_server, authority.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_server, ASYNCIO_SSL_CERT_REQUIRED), 0);
    check_client_refused(
        "[SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE] peer did not return a certificate",
        "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required");
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_server, ASYNCIO_SSL_CERT_OPTIONAL), 0);
    check_accepted("localhost");
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_client, stranger.path, NULL, NULL), 0);
    check_client_refused(FAILED "self-signed certificate",
                         "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca");
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_server, ASYNCIO_SSL_CERT_REQUIRED), 0);
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_client, guest.path, NULL, NULL), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_EXTRA(server_end, "peercert_subject", "CN=guest");
    CHECK_EXTRA(server_end, "peercert_issuer", "CN=authority");
    close_both();
    end_identity(&guest);
    end_identity(&stranger);
    end_contexts();
    RETURN();
}
TEST(a_server_asks_clients_for_certificates) { run_alone(clients()); }
