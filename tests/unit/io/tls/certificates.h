/* SPDX-License-Identifier: MIT
 *
 * tests/unit/io/certificates.h: certificates that are made when a test runs, so that none of
 * them is ever too old. They lie in files in memory, which have paths as others have.
 */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/mman.h>

#include "../io.h"

struct identity {
    X509 *cert;
    EVP_PKEY *key;
    int fd;        /* of the file with certificate and key */
    char path[40]; /* of it */
};

struct wish {
    const char *name;              /* common name */
    const char *alt;               /* subjectAltName, as in "DNS:localhost"; NULL: none */
    const struct identity *issuer; /* NULL: itself */
    long from, to;                 /* valid, seconds from now; 0, 0: an hour around now */
    bool authority;
    const char *password;       /* of the key; NULL: not encrypted */
    void (*extend)(X509 *cert); /* adds what cannot be said otherwise; or NULL */
};

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *text) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    CHECK(e != NULL);
    CHECK_INT(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void write_identity(struct identity *id, const char *password) {
    id->fd = memfd_create("identity", MFD_CLOEXEC);
    CHECK(id->fd >= 0);
    snprintf(id->path, sizeof id->path, "/proc/self/fd/%d", id->fd);
    BIO *bio = BIO_new_file(id->path, "w");
    const EVP_CIPHER *cipher = password ? EVP_aes_128_cbc() : NULL;
    CHECK_INT(PEM_write_bio_X509(bio, id->cert), 1);
    CHECK_INT(
        PEM_write_bio_PrivateKey(bio, id->key, cipher, NULL, 0, NULL, (void *)(uintptr_t)password),
        1);
    BIO_free(bio);
}

/* An identity as wished for; end_identity lets go of it. */
TEST_UNUSED static struct identity make_identity(struct wish w) {
    static long serial = 1;
    struct identity id = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
    X509 *issuer = w.issuer ? w.issuer->cert : id.cert;
    X509_NAME *name = X509_get_subject_name(id.cert);
    if (!w.from && !w.to) {
        w.from = -1800;
        w.to = 1800;
    }
    X509_set_version(id.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), w.from);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), w.to);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)w.name, -1, -1, 0);
    X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
    X509_set_pubkey(id.cert, id.key);
    add_extension(id.cert, issuer, NID_basic_constraints,
                  w.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(id.cert, issuer, NID_key_usage,
                  w.authority ? "critical,keyCertSign" : "critical,digitalSignature");
    add_extension(id.cert, issuer, NID_subject_key_identifier, "hash");
    add_extension(id.cert, issuer, NID_authority_key_identifier, "keyid");
    if (w.alt) add_extension(id.cert, issuer, NID_subject_alt_name, w.alt);
    if (w.extend) w.extend(id.cert);
    CHECK(X509_sign(id.cert, w.issuer ? w.issuer->key : id.key, EVP_sha256()) > 0);
    write_identity(&id, w.password);
    return id;
}

TEST_UNUSED static void end_identity(struct identity *id) {
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
    close(id->fd);
}

#endif
