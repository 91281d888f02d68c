/* SPDX-License-Identifier: MIT
 *
 * Contexts: loading, settings, and what they do to connections: protocols, names, sessions.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include "ssl.h"

/* ---- making and loading ---- */

TEST(a_context_has_the_defaults_of_python) {
    asyncio_sslcontext *c = asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_CLIENT);
    CHECK_INT(asyncio_sslcontext_verify_mode(c), ASYNCIO_SSL_CERT_REQUIRED);
    CHECK(asyncio_sslcontext_check_hostname(c));
    CHECK_INT(asyncio_sslcontext_verify_flags(c), ASYNCIO_SSL_VERIFY_X509_TRUSTED_FIRST);
    CHECK_PTR(asyncio_sslcontext_ref(c), c);
    asyncio_sslcontext_unref(c);
    asyncio_sslcontext_unref(c);
    c = asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_SERVER);
    CHECK_INT(asyncio_sslcontext_verify_mode(c), ASYNCIO_SSL_CERT_NONE);
    CHECK(!asyncio_sslcontext_check_hostname(c));
    asyncio_sslcontext_unref(c);
    asyncio_auto_sslcontext d = asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, NULL);
    CHECK_INT(asyncio_sslcontext_verify_mode(d), ASYNCIO_SSL_CERT_REQUIRED);
    CHECK_INT(asyncio_sslcontext_verify_flags(d), ASYNCIO_SSL_VERIFY_X509_TRUSTED_FIRST |
                                                      ASYNCIO_SSL_VERIFY_X509_PARTIAL_CHAIN |
                                                      ASYNCIO_SSL_VERIFY_X509_STRICT);
}

TEST(a_context_of_no_kind) {
    CHECK_NULL_ERROR(asyncio_sslcontext_new((enum asyncio_ssl_protocol)7), ASYNCIO_VALUE_ERROR,
                     "invalid or unsupported protocol version");
    CHECK_NULL_ERROR(asyncio_ssl_create_default_context((enum asyncio_ssl_purpose)0, NULL),
                     ASYNCIO_VALUE_ERROR, "invalid purpose");
    CHECK_NULL_ERROR(asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, "/no/such/file"),
                     -ENOENT, "/no/such/file: No such file or directory");
}

#define NO_CONTEXT(call) CHECK_ERROR((call), ASYNCIO_TYPE_ERROR, "a context is required")

TEST(no_context) {
    NO_CONTEXT(asyncio_sslcontext_load_cert_chain(NULL, "x", NULL, NULL));
    NO_CONTEXT(asyncio_sslcontext_load_verify_locations(NULL, "x", NULL, NULL));
    NO_CONTEXT(asyncio_sslcontext_load_default_certs(NULL));
    NO_CONTEXT(asyncio_sslcontext_set_verify_mode(NULL, ASYNCIO_SSL_CERT_NONE));
    NO_CONTEXT(asyncio_sslcontext_set_check_hostname(NULL, false));
    NO_CONTEXT(asyncio_sslcontext_set_verify_flags(NULL, 0));
    NO_CONTEXT(asyncio_sslcontext_set_minimum_version(NULL, ASYNCIO_SSL_TLSV1_3));
    NO_CONTEXT(asyncio_sslcontext_set_maximum_version(NULL, ASYNCIO_SSL_TLSV1_3));
    NO_CONTEXT(asyncio_sslcontext_set_ciphers(NULL, "ALL"));
    NO_CONTEXT(asyncio_sslcontext_set_alpn_protocols(NULL, NULL, 0));
    NO_CONTEXT(asyncio_sslcontext_set_sni_callback(NULL, NULL, NULL));
    CHECK_INT(asyncio_sslcontext_verify_mode(NULL), ASYNCIO_SSL_CERT_NONE);
    CHECK(!asyncio_sslcontext_check_hostname(NULL));
    CHECK_INT(asyncio_sslcontext_verify_flags(NULL), 0);
    CHECK_PTR(asyncio_sslcontext_ref(NULL), NULL);
    asyncio_sslcontext_unref(NULL);
    CHECK_PTR(asyncio_sslsession_ref(NULL), NULL);
    asyncio_sslsession_unref(NULL);
    CHECK_PTR(asyncio_streamwriter_get_ssl_session(NULL), NULL);
}

static asyncio_sslcontext *a_server(void) {
    return asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_SERVER);
}

static asyncio_sslcontext *a_client(void) {
    return asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_CLIENT);
}

/* A file in memory with that text. */
static int make_file(const char *text, char path[40]) {
    int fd = memfd_create("file", MFD_CLOEXEC);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    snprintf(path, 40, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_load(const char *certfile, const char *keyfile, const char *password, int code,
                       const char *part) {
    asyncio_auto_sslcontext c = a_server();
    int rc = asyncio_sslcontext_load_cert_chain(c, certfile, keyfile, password);
    CHECK_INT(rc, code);
    if (rc >= 0) return;
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_CONTAINS(asyncio_error_message(e), part);
    asyncio_error_unref(e);
}

TEST(loading_a_certificate_and_its_key) {
    char path[40];
    int fd = make_file("nothing of the kind\n", path);
    struct identity one = make_identity((struct wish){ .name = "one" });
    struct identity two = make_identity((struct wish){ .name = "two", .password = "sesame" });
    check_load(one.path, NULL, NULL, 0, "");
    check_load(one.path, one.path, "not needed", 0, "");
    check_load(two.path, NULL, "sesame", 0, "");
    check_load(two.path, NULL, "simsalabim", ASYNCIO_SSL_ERROR, two.path);
    check_load(two.path, NULL, NULL, ASYNCIO_SSL_ERROR,
               "the key is encrypted, and there is no password");
    check_load(one.path, two.path, "sesame", ASYNCIO_SSL_ERROR,
               "[X509: KEY_VALUES_MISMATCH] key values mismatch");
    check_load("/no/such/file", NULL, NULL, -ENOENT, "/no/such/file: No such file or directory");
    check_load(one.path, "/no/such/key", NULL, -ENOENT, "/no/such/key: No such file or directory");
    check_load(path, NULL, NULL, ASYNCIO_SSL_ERROR, "no start line");
    check_load(NULL, one.path, NULL, ASYNCIO_TYPE_ERROR, "certfile is required");
    end_identity(&one);
    end_identity(&two);
    close(fd);
}

static char *text_of(const struct identity *id) {
    static char text[10000];
    ssize_t n = pread(id->fd, text, sizeof text - 1, 0);
    CHECK(n > 0);
    text[n] = '\0';
    return text;
}

TEST(loading_authorities) {
    char path[40];
    int fd = make_file("nothing of the kind\n", path);
    struct identity one = make_identity((struct wish){ .name = "one", .authority = true });
    asyncio_auto_sslcontext c = a_client();
    CHECK_INT(asyncio_sslcontext_load_verify_locations(c, one.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_load_verify_locations(c, NULL, "/tmp", NULL), 0);
    CHECK_INT(asyncio_sslcontext_load_verify_locations(c, NULL, NULL, text_of(&one)), 0);
    CHECK_INT(asyncio_sslcontext_load_default_certs(c), 0);
    CHECK_ERROR(asyncio_sslcontext_load_verify_locations(c, NULL, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "cafile, capath and cadata cannot be all omitted");
    CHECK_ERROR(asyncio_sslcontext_load_verify_locations(c, "/no/such/file", NULL, NULL), -ENOENT,
                "/no/such/file: No such file or directory");
    int rc = asyncio_sslcontext_load_verify_locations(c, path, NULL, NULL);
    CHECK(asyncio_catch(rc, ASYNCIO_SSL_ERROR));
    rc = asyncio_sslcontext_load_verify_locations(c, NULL, NULL, "nothing of the kind");
    CHECK_ERROR(rc, ASYNCIO_SSL_ERROR, "cadata: [PEM: NO_START_LINE] no start line");
    end_identity(&one);
    close(fd);
}

TEST(settings_that_are_not_allowed) {
    asyncio_auto_sslcontext c = a_client();
    asyncio_auto_sslcontext s = a_server();
    CHECK_ERROR(asyncio_sslcontext_set_verify_mode(c, (enum asyncio_ssl_verify_mode)3),
                ASYNCIO_VALUE_ERROR, "invalid value for verify_mode");
    CHECK_ERROR(asyncio_sslcontext_set_check_hostname(s, true), ASYNCIO_VALUE_ERROR,
                "a server has no name to check");
    CHECK_ERROR(asyncio_sslcontext_set_minimum_version(c, (enum asyncio_ssl_version)0x300),
                ASYNCIO_VALUE_ERROR, "Unsupported TLS/SSL version 0x300");
    CHECK_ERROR(asyncio_sslcontext_set_maximum_version(c, (enum asyncio_ssl_version)1),
                ASYNCIO_VALUE_ERROR, "Unsupported TLS/SSL version 0x1");
    CHECK_ERROR(asyncio_sslcontext_set_minimum_version(c, ASYNCIO_SSL_MAXIMUM_SUPPORTED),
                ASYNCIO_VALUE_ERROR, "Unsupported TLS/SSL version 0xffffffff");
    CHECK_INT(asyncio_sslcontext_set_maximum_version(c, ASYNCIO_SSL_MAXIMUM_SUPPORTED), 0);
    CHECK_INT(asyncio_sslcontext_set_ciphers(c, "ECDHE+AESGCM"), 0);
    CHECK_ERROR(asyncio_sslcontext_set_ciphers(c, "no such cipher"), ASYNCIO_SSL_ERROR,
                "No cipher can be selected.");
    CHECK_ERROR(asyncio_sslcontext_set_ciphers(c, NULL), ASYNCIO_TYPE_ERROR,
                "a list of ciphers is required");
    CHECK_ERROR(asyncio_sslcontext_set_sni_callback(c, NULL, NULL), ASYNCIO_VALUE_ERROR,
                "sni_callback cannot be set on TLS_CLIENT context");
    char text[257];
    memset(text, 'x', 256);
    text[256] = '\0';
    const char *names[] = { "h2", "" };
    CHECK_ERROR(asyncio_sslcontext_set_alpn_protocols(s, names, 2), ASYNCIO_VALUE_ERROR,
                "ALPN protocols must be 1 to 255 bytes long");
    names[1] = text;
    CHECK_ERROR(asyncio_sslcontext_set_alpn_protocols(s, names, 2), ASYNCIO_VALUE_ERROR,
                "ALPN protocols must be 1 to 255 bytes long");
    CHECK_ERROR(asyncio_sslcontext_set_alpn_protocols(s, NULL, 2), ASYNCIO_TYPE_ERROR,
                "names are required");
}

/* ---- versions ---- */

ASYNC(versions) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_maximum_version(for_client, ASYNCIO_SSL_TLSV1_2), 0);
    CHECK_INT(asyncio_sslcontext_set_minimum_version(for_server, ASYNCIO_SSL_TLSV1_3), 0);
    CHECK_ERROR(AWAIT(connect_both("localhost", NULL)), ASYNCIO_SSL_ERROR,
                "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version");
    CHECK_STR(server_end.text, "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol");
    let_go(&client);
    let_go(&server_end);
    CHECK_INT(asyncio_sslcontext_set_minimum_version(for_server, ASYNCIO_SSL_TLSV1_2), 0);
    CHECK_INT(asyncio_sslcontext_set_ciphers(for_client, "ECDHE-ECDSA-CHACHA20-POLY1305"), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_EXTRA(client, "cipher", "ECDHE-ECDSA-CHACHA20-POLY1305");
    CHECK_EXTRA(server_end, "tls_version", "TLSv1.2");
    close_both();
    end_contexts();
    RETURN();
}
TEST(both_sides_must_agree_on_a_version) { run_alone(versions()); }

/* ---- ALPN ---- */

static void check_alpn(const char *expected) {
    asyncio_value v;
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    if (expected) {
        CHECK_EXTRA(client, "alpn_protocol", expected);
        CHECK_EXTRA(server_end, "alpn_protocol", expected);
    } else {
        CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "alpn_protocol", &v), 0);
        CHECK(v.type == NULL);
    }
    close_both();
}

ASYNC(protocols) {
    const char *ours[] = { "h2", "http/1.1" }, *theirs[] = { "http/1.1", "h2", "x" };
    make_contexts();
    check_alpn(NULL);
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_client, theirs, 3), 0);
    check_alpn(NULL);
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_server, ours, 2), 0);
    check_alpn("h2");
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_server, ours + 1, 1), 0);
    check_alpn("http/1.1");
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_client, theirs + 2, 1), 0);
    check_alpn(NULL);
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_server, NULL, 0), 0);
    CHECK_INT(asyncio_sslcontext_set_alpn_protocols(for_client, NULL, 0), 0);
    check_alpn(NULL);
    end_contexts();
    RETURN();
}
TEST(the_first_protocol_of_the_server_that_the_client_has) { run_alone(protocols()); }

/* ---- names ---- */

struct choice {
    asyncio_sslcontext *other;
    int rc;
    char asked[300];
    bool always; /* the other one */
};

static int choose(const char *name, asyncio_sslcontext **context, void *arg) {
    struct choice *c = arg;
    snprintf(c->asked, sizeof c->asked, "%s", name ? name : "(none)");
    CHECK_PTR(*context, for_server);
    if (c->always || (name && strcmp(name, "other.example.org") == 0)) *context = c->other;
    return c->rc;
}

ASYNC(chooses) {
    struct choice c = { .rc = 0 };
    asyncio_value v;
    make_contexts();
    struct identity other = make_identity(
        (struct wish){ .name = "other", .alt = "DNS:other.example.org", .issuer = &authority });
    c.other = a_server();
    CHECK_INT(asyncio_sslcontext_load_cert_chain(c.other, other.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, choose, &c), 0);

    CHECK_INT(AWAIT(connect_both("other.example.org", NULL)), 0);
    CHECK_STR(c.asked, "other.example.org");
    CHECK_EXTRA(client, "peercert_subject", "CN=other");
    CHECK_EXTRA(server_end, "server_hostname", "other.example.org");
    CHECK_INT(asyncio_streamwriter_get_extra_info(server_end.writer, "sslcontext", &v), 1);
    CHECK_PTR(v.p, c.other);
    close_both();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_STR(c.asked, "localhost");
    CHECK_EXTRA(client, "peercert_subject", "CN=server");
    close_both();
    CHECK_INT(AWAIT(connect_both("127.0.0.1", NULL)), 0); /* addresses are not sent */
    CHECK_STR(c.asked, "(none)");
    close_both();

    c.rc = ASYNCIO_SSL_ALERT_UNRECOGNIZED_NAME;
    CHECK_ERROR(AWAIT(connect_both("localhost", NULL)), ASYNCIO_SSL_ERROR,
                "[SSL: TLSV1_UNRECOGNIZED_NAME] tlsv1 unrecognized name");
    let_go(&client);
    let_go(&server_end);
    c.rc = -1;
    CHECK_ERROR(AWAIT(connect_both("localhost", NULL)), ASYNCIO_SSL_ERROR,
                "[SSL: TLSV1_ALERT_INTERNAL_ERROR] tlsv1 alert internal error");
    let_go(&client);
    let_go(&server_end);
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, NULL, NULL), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    close_both();
    asyncio_sslcontext_unref(c.other);
    end_identity(&other);
    end_contexts();
    RETURN();
}
TEST(a_server_chooses_by_the_name_that_is_asked_for) { run_alone(chooses()); }

/* ---- sessions ---- */

static bool was_reused(const struct end *e) {
    asyncio_value v;
    CHECK_INT(asyncio_streamwriter_get_extra_info(e->writer, "session_reused", &v), 1);
    return v.i != 0;
}

/* A connection, and the session it gave. */
static asyncio_sslsession *session_of(const char *name, asyncio_sslsession *from, bool reused) {
    CHECK_INT(AWAIT(connect_both(name, from)), 0);
    check_arrives(&client, &server_end, "hello");
    check_arrives(&server_end, &client, "hello");
    CHECK_INT(was_reused(&client), reused);
    CHECK_INT(was_reused(&server_end), reused);
    asyncio_sslsession *session = asyncio_streamwriter_get_ssl_session(client.writer);
    CHECK(session != NULL);
    CHECK_PTR(asyncio_streamwriter_get_ssl_session(server_end.writer), NULL);
    close_both();
    CHECK_PTR(session, asyncio_sslsession_ref(session));
    asyncio_sslsession_unref(session);
    return session;
}

ASYNC(resumes, (enum asyncio_ssl_version) version) {
    make_contexts();
    CHECK_INT(asyncio_sslcontext_set_maximum_version(for_client, version), 0);
    asyncio_sslsession *first = session_of("localhost", NULL, false);
    asyncio_sslsession *second = session_of("localhost", first, true);
    asyncio_sslsession *third = session_of("localhost", second, true);
    asyncio_sslsession_unref(first);
    asyncio_sslsession_unref(second);
    asyncio_sslsession_unref(third);
    end_contexts();
    RETURN();
}

ASYNC(refuses_foreign) {
    int fd[2];
    make_contexts();
    asyncio_sslsession *first = session_of("localhost", NULL, false);
    asyncio_auto_sslcontext another = a_client();
    make_pair(fd);
    CHECK_ERROR(AWAIT(secure(&client, fd[0], another, "localhost", first)), ASYNCIO_VALUE_ERROR,
                "Session refers to a different SSLContext.");
    let_go(&client);
    close(fd[1]);
    asyncio_sslsession_unref(first);
    end_contexts();
    RETURN();
}

/* A server with several names and one context would resume the session of another one, and its
 * certificate is not looked at again. */
ASYNC(refuses_other_names) {
    int fd[2];
    make_contexts();
    struct identity both = make_identity((struct wish){
        .name = "both", .alt = "DNS:localhost,DNS:good.example.org", .issuer = &authority });
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, both.path, NULL, NULL), 0);
    asyncio_sslsession *session = session_of("localhost", NULL, false);
    const char *others[] = { "evil.example.org", "good.example.org", "localhost.", "127.0.0.1" };
    make_pair(fd);
    for (int i = 0; i < 4; i++) {
        CHECK_ERROR(AWAIT(asyncio_open_connection(
                        NULL, 0, &client.reader, &client.writer, .sock = fd[0], .ssl = for_client,
                        .server_hostname = others[i], .ssl_session = session)),
                    ASYNCIO_VALUE_ERROR, "Session refers to a different server_hostname.");
    }
    close_pair(fd);
    asyncio_sslsession *same = session_of("LocalHost", session, true);
    asyncio_sslsession_unref(same);
    asyncio_sslsession_unref(session);

    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, false), 0);
    session = session_of("", NULL, false);
    same = session_of(NULL, session, true);
    asyncio_sslsession_unref(same);
    make_pair(fd);
    CHECK_ERROR(AWAIT(secure(&client, fd[0], for_client, "localhost", session)),
                ASYNCIO_VALUE_ERROR, "Session refers to a different server_hostname.");
    let_go(&client);
    close(fd[1]);
    asyncio_sslsession_unref(session);
    end_identity(&both);
    end_contexts();
    RETURN();
}
TEST(a_session_of_another_host_is_refused) { run_alone(refuses_other_names()); }

/* The rules of the context have become stricter since. */
ASYNC(refuses_unverified) {
    int fd[2];
    make_contexts();
    struct identity alone =
        make_identity((struct wish){ .name = "alone", .alt = "DNS:other.example.org" });
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, alone.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, false), 0);
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_client, ASYNCIO_SSL_CERT_NONE), 0);
    asyncio_sslsession *session = session_of("localhost", NULL, false);
    asyncio_sslsession *same = session_of("localhost", session, true);
    asyncio_sslsession_unref(same);
    for (int i = 0; i < 2; i++) {
        if (i == 0) asyncio_sslcontext_set_verify_mode(for_client, ASYNCIO_SSL_CERT_REQUIRED);
        else asyncio_sslcontext_set_check_hostname(for_client, true);
        make_pair(fd);
        CHECK_ERROR(AWAIT(secure(&client, fd[0], for_client, "localhost", session)),
                    ASYNCIO_VALUE_ERROR, "Session was not verified as SSLContext demands.");
        let_go(&client);
        close(fd[1]);
    }
    asyncio_sslsession_unref(session);
    end_identity(&alone);
    end_contexts();
    RETURN();
}
TEST(a_session_that_was_not_verified_is_refused_where_others_are) {
    run_alone(refuses_unverified());
}
TEST(a_session_is_resumed) { run_alone(resumes(ASYNCIO_SSL_TLSV1_3)); }
TEST(a_session_is_resumed_with_tls_1_2) { run_alone(resumes(ASYNCIO_SSL_TLSV1_2)); }
TEST(a_session_of_another_context_is_refused) { run_alone(refuses_foreign()); }

/* Who was let in by a context with loose rules is not let in by a strict one for that. */
ASYNC(does_not_climb) {
    struct choice c = { .rc = 0 };
    char buf[10];
    make_contexts();
    struct identity other = make_identity((struct wish){
        .name = "other", .alt = "DNS:other.example.org,DNS:localhost", .issuer = &authority });
    c.other = a_server();
    CHECK_INT(asyncio_sslcontext_load_cert_chain(c.other, other.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_load_verify_locations(c.other, authority.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_verify_mode(c.other, ASYNCIO_SSL_CERT_REQUIRED), 0);
    CHECK_INT(asyncio_sslcontext_set_sni_callback(for_server, choose, &c), 0);
    asyncio_sslsession *loose = session_of("localhost", NULL, false);
    c.always = true;
    int rc = AWAIT(connect_both("localhost", loose));
    if (rc >= 0) rc = AWAIT(asyncio_streamreader_read(client.reader, buf, 10));
    CHECK_ERROR(rc, ASYNCIO_SSL_ERROR,
                "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required");
    let_go(&client);
    let_go(&server_end);
    asyncio_sslsession_unref(loose);
    CHECK_INT(c.other->refs, 1);
    asyncio_sslcontext_unref(c.other);
    end_identity(&other);
    end_contexts();
    RETURN();
}
TEST(a_session_of_a_loose_context_does_not_open_a_strict_one) { run_alone(does_not_climb()); }

/* ---- what a connection tells ---- */

ASYNC(tells) {
    asyncio_value v;
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_EXTRA(client, "tls_version", "TLSv1.3");
    CHECK_EXTRA(client, "cipher", "TLS_AES_256_GCM_SHA384");
    CHECK_EXTRA(client, "peercert_subject", "CN=server");
    CHECK_EXTRA(client, "peercert_issuer", "CN=authority");
    CHECK_EXTRA(client, "peercert_names", "DNS:localhost, IP Address:127.0.0.1");
    CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "peercert", &v), 1);
    CHECK(strncmp(text_of(&localhost), v.s, strlen(v.s)) == 0);
    asyncio_value_drop(&v);
    const char *dates[] = { "peercert_not_before", "peercert_not_after" };
    for (int i = 0; i < 2; i++) {
        CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, dates[i], &v), 1);
        CHECK_CONTAINS(v.s, "GMT");
        asyncio_value_drop(&v);
    }
    CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "sslcontext", &v), 1);
    CHECK_PTR(v.p, for_client);
    CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "socket", &v), 1);
    CHECK(v.i > 2);
    const char *unknown[] = { "compression", "peercert_x", "no such thing" };
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, unknown[i], &v), 0);
    }
    CHECK_INT(asyncio_streamwriter_get_extra_info(server_end.writer, "peercert", &v), 0);
    CHECK(v.type == NULL);
    close_both();
    end_contexts();
    RETURN();
}
TEST(a_connection_tells_about_itself) { run_alone(tells()); }
