/* SPDX-License-Identifier: MIT
 *
 * The names that a certificate is for, some of which were made to look like others.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include <openssl/ssl.h>

#include "ssl.h"

static asyncio_ssl_name *names;

#define CHECK_NAME(i, kind, bytes)                                                                 \
    do {                                                                                           \
        CHECK_INT(names[i].type, kind);                                                            \
        CHECK_INT(names[i].value.size, sizeof(bytes) - 1);                                         \
        CHECK(memcmp(names[i].value.data, bytes, sizeof(bytes)) == 0); /* with the NUL */          \
    } while (0)

/* The client sees a server whose certificate has those names beside that of localhost. */
ASYNC(connect_to_names, (const char *) alt, (void (*)(X509 * cert)) extend) {
    make_contexts();
    struct identity id = make_identity(
        (struct wish){ .name = "server", .alt = alt, .extend = extend, .issuer = &authority });
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, id.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, false), 0);
    TRY(AWAIT(connect_both("localhost", NULL)));
    end_identity(&id);
    RETURN();
}

static int get_names(void) {
    return asyncio_streamwriter_get_peercert_names(client.writer, &names);
}

static void end_names(void) {
    free(names);
    close_both();
    end_contexts();
}

ASYNC(has_all_kinds) {
    CHECK_INT(
        AWAIT(connect_to_names("DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:2001:db8::1,"
                               "email:a@example.org,URI:https://example.org/x?y=z,RID:1.2.3.4,"
                               "otherName:1.2.3.4;UTF8:who",
                               NULL)),
        0);
    CHECK_INT(get_names(), 8);
    CHECK_NAME(0, ASYNCIO_SSL_NAME_DNS, "localhost");
    CHECK_NAME(1, ASYNCIO_SSL_NAME_DNS, "*.example.org");
    CHECK_NAME(2, ASYNCIO_SSL_NAME_IP_ADDRESS, "127.0.0.1");
    CHECK_NAME(3, ASYNCIO_SSL_NAME_IP_ADDRESS, "2001:DB8:0:0:0:0:0:1");
    CHECK_NAME(4, ASYNCIO_SSL_NAME_EMAIL, "a@example.org");
    CHECK_NAME(5, ASYNCIO_SSL_NAME_URI, "https://example.org/x?y=z");
    CHECK_NAME(6, ASYNCIO_SSL_NAME_REGISTERED_ID, "1.2.3.4");
    CHECK_NAME(7, ASYNCIO_SSL_NAME_OTHER, "\xa0\x0c\x06\x03\x2a\x03\x04\xa0\x05\x0c\x03who");
    CHECK_EXTRA(client, "peercert_names",
                "DNS:localhost, DNS:*.example.org, IP Address:127.0.0.1, "
                "IP Address:2001:DB8:0:0:0:0:0:1, email:a@example.org, "
                "URI:https://example.org/x?y=z, Registered ID:1.2.3.4, othername:<unsupported>");
    end_names();
    RETURN();
}
TEST(names_have_a_type_and_a_value) { run_alone(has_all_kinds()); }

static void add_name(GENERAL_NAMES *list, int type, const char *bytes, size_t n) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    bool is_address = type == GEN_IPADD;
    ASN1_STRING *s = is_address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    CHECK(ASN1_STRING_set(s, bytes, (int)n));
    GENERAL_NAME_set0_value(name, type, s);
    CHECK(sk_GENERAL_NAME_push(list, name) > 0);
}
#define ADD(type, bytes) add_name(list, type, bytes, sizeof(bytes) - 1)

static void add_directory(GENERAL_NAMES *list, const char *text) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    X509_NAME *directory = X509_NAME_new();
    X509_NAME_add_entry_by_txt(directory, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1,
                               0);
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
    CHECK(sk_GENERAL_NAME_push(list, name) > 0);
}

static void add_forged(X509 *cert) {
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    ADD(GEN_URI, "http://x/, DNS:victim.test");
    ADD(GEN_DNS, "a.test, DNS:victim.test");
    ADD(GEN_DNS, "victim.test\0.evil.test");
    ADD(GEN_EMAIL, "x\nDNS:victim.test\\x2c\xff");
    ADD(GEN_IPADD, "\x7f\0\0");
    ADD(GEN_DNS, "");
    add_directory(list, "a, DNS:victim.test");
    CHECK_INT(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0), 1);
    GENERAL_NAMES_free(list);
}

ASYNC(has_forged_names) {
    CHECK_INT(AWAIT(connect_to_names(NULL, add_forged)), 0);
    CHECK_INT(get_names(), 7);
    CHECK_NAME(0, ASYNCIO_SSL_NAME_URI, "http://x/, DNS:victim.test");
    CHECK_NAME(1, ASYNCIO_SSL_NAME_DNS, "a.test, DNS:victim.test");
    CHECK_NAME(2, ASYNCIO_SSL_NAME_DNS, "victim.test\0.evil.test");
    CHECK_NAME(3, ASYNCIO_SSL_NAME_EMAIL, "x\nDNS:victim.test\\x2c\xff");
    CHECK_NAME(4, ASYNCIO_SSL_NAME_IP_ADDRESS, "<invalid>");
    CHECK_NAME(5, ASYNCIO_SSL_NAME_DNS, "");
    CHECK_NAME(6, ASYNCIO_SSL_NAME_DIRECTORY, "CN=a\\, DNS:victim.test");
    CHECK_EXTRA(client, "peercert_names",
                "URI:http://x/\\x2c\\x20DNS:victim.test, DNS:a.test\\x2c\\x20DNS:victim.test, "
                "DNS:victim.test\\x00.evil.test, email:x\\x0aDNS:victim.test\\x5cx2c\\xff, "
                "IP Address:<invalid>, DNS:, DirName:CN=a\\x5c\\x2c\\x20DNS:victim.test");
    end_names();
    RETURN();
}
TEST(a_name_cannot_look_like_two) { run_alone(has_forged_names()); }

static void add_garbage(X509 *cert) {
    ASN1_OCTET_STRING *garbage = ASN1_OCTET_STRING_new();
    CHECK(ASN1_OCTET_STRING_set(garbage, (const unsigned char *)"\x30\x05", 2));
    X509_EXTENSION *e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, garbage);
    CHECK_INT(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(garbage);
}

ASYNC(has_no_names, (bool) malformed) {
    asyncio_value v;
    make_contexts();
    struct identity id = make_identity((struct wish){
        .name = "server", .extend = malformed ? add_garbage : NULL, .issuer = &authority });
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, id.path, NULL, NULL), 0);
    CHECK_INT(asyncio_sslcontext_set_check_hostname(for_client, false), 0);
    CHECK_INT(asyncio_sslcontext_set_verify_mode(for_client, ASYNCIO_SSL_CERT_NONE), 0);
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    int rc = get_names();
    CHECK_INT(rc, malformed ? ASYNCIO_SSL_ERROR : 0);
    if (malformed) asyncio_ignore(rc);
    else CHECK_PTR(names, NULL);
    CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "peercert_names", &v), 0);
    CHECK_INT(asyncio_streamwriter_get_peercert_names(server_end.writer, &names), 0);
    CHECK_PTR(names, NULL);
    CHECK_ERROR(asyncio_streamwriter_get_peercert_names(client.writer, NULL), ASYNCIO_TYPE_ERROR,
                "a place is required");
    CHECK_INT(asyncio_streamwriter_get_peercert_names(NULL, &names), ASYNCIO_TYPE_ERROR);
    asyncio_streamwriter_abort(client.writer);
    CHECK_INT(get_names(), 0);
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&client);
    let_go(&server_end);
    end_identity(&id);
    end_contexts();
    RETURN();
}
TEST(without_names) { run_alone(has_no_names(false)); }
TEST(names_that_are_malformed) { run_alone(has_no_names(true)); }

/* ---- what else the other side chooses ---- */

static int choose_oddly(SSL *ssl, const unsigned char **out, unsigned char *size,
                        const unsigned char *in, unsigned in_size, void *arg) {
    (void)ssl, (void)in, (void)in_size, (void)arg;
    *out = (const unsigned char *)"h2\0 x\n";
    *size = 6;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *ctx_of(const struct end *e) {
    asyncio_value v;
    CHECK_INT(asyncio_streamwriter_get_extra_info(e->writer, "ssl_object", &v), 1);
    return SSL_get_SSL_CTX(v.p);
}

/* Bytes that no text of ours could offer. */
ASYNC(agrees_on_an_odd_protocol) {
    static const unsigned char offer[] = "\x06h2\0 x\n";
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(SSL_CTX_set_alpn_protos(ctx_of(&client), offer, 7), 0);
    SSL_CTX_set_alpn_select_cb(ctx_of(&server_end), choose_oddly, NULL);
    close_both();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_EXTRA(client, "alpn_protocol", "h2\\x00\\x20x\\x0a");
    close_both();
    end_contexts();
    RETURN();
}
TEST(a_protocol_cannot_look_like_another) { run_alone(agrees_on_an_odd_protocol()); }
