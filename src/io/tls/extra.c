/* SPDX-License-Identifier: MIT
 *
 * io/tls/extra.c: what a connection over TLS tells about itself.
 */
#include "io/tls/openssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- texts ---- */

/* n bytes as a value, or None. */
static int give_bytes(const void *data, size_t n, asyncio_value *value) {
    if (!data) return 0;
    char *copy = malloc(n + 1);
    if (!copy) return host->raise(-ENOMEM, NULL);
    memcpy(copy, data, n);
    copy[n] = '\0';
    *value = asyncio_own_str(copy);
    return 1;
}

static int give_text(const char *text, asyncio_value *value) {
    return give_bytes(text, text ? strlen(text) : 0, value);
}

/* What print writes about the certificate. */
static int give_printed(X509 *cert, int (*print)(BIO *bio, X509 *cert), asyncio_value *value) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    if (!bio) return host->raise(-ENOMEM, NULL);
    int rc = 0;
    if (print(bio, cert)) {
        long n = BIO_get_mem_data(bio, &data);
        rc = give_bytes(data, (size_t)n, value);
    }
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

/* ---- the other side's certificate ---- */

static int print_pem(BIO *bio, X509 *cert) { return PEM_write_bio_X509(bio, cert); }

static int print_subject(BIO *bio, X509 *cert) {
    return X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0;
}

static int print_issuer(BIO *bio, X509 *cert) {
    return X509_NAME_print_ex(bio, X509_get_issuer_name(cert), 0, XN_FLAG_RFC2253) >= 0;
}

static int print_not_before(BIO *bio, X509 *cert) {
    return ASN1_TIME_print(bio, X509_get0_notBefore(cert));
}

static int print_not_after(BIO *bio, X509 *cert) {
    return ASN1_TIME_print(bio, X509_get0_notAfter(cert));
}

static const struct {
    const char *name;
    int (*print)(BIO *bio, X509 *cert);
} of_certificate[] = {
    { "peercert", print_pem },
    { "peercert_subject", print_subject },
    { "peercert_issuer", print_issuer },
    { "peercert_not_before", print_not_before },
    { "peercert_not_after", print_not_after },
    { "peercert_names", asyncio__ssl_print_names },
};

static int certificate_extra(const SSL *ssl, const char *name, asyncio_value *value) {
    X509 *cert = SSL_get0_peer_certificate(ssl);
    for (size_t i = 0; cert && i < sizeof of_certificate / sizeof *of_certificate; i++) {
        if (strcmp(name, of_certificate[i].name) != 0) continue;
        return give_printed(cert, of_certificate[i].print, value);
    }
    return 0;
}

/* ---- the connection ---- */

/* What the other side chose, which need not be a text. */
static int give_escaped(const void *data, size_t n, asyncio_value *value) {
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    int rc = bio && asyncio__ssl_put_escaped(bio, data, n, "") ? 0 : -ENOMEM;
    if (rc < 0) {
        ERR_clear_error();
        host->raise(rc, NULL);
    } else {
        size_t size = (size_t)BIO_get_mem_data(bio, &text);
        rc = give_bytes(text, size, value);
    }
    BIO_free(bio);
    return rc;
}

static int protocol_extra(const SSL *ssl, asyncio_value *value) {
    const unsigned char *name;
    unsigned n;
    SSL_get0_alpn_selected(ssl, &name, &n);
    return n ? give_escaped(name, n, value) : 0;
}

int asyncio__ssl_extra(const struct asyncio__transport *base, const char *name,
                       asyncio_value *value) {
    const struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    if (strcmp(name, "sslcontext") == 0) {
        *value = asyncio_ptr(&t->context->base);
        return 1;
    }
    if (strcmp(name, "ssl_object") == 0) {
        *value = asyncio_ptr(t->ssl);
        return 1;
    }
    if (strcmp(name, "session_reused") == 0) {
        *value = asyncio_bool(SSL_session_reused(t->ssl));
        return 1;
    }
    if (strcmp(name, "cipher") == 0) return give_text(SSL_get_cipher_name(t->ssl), value);
    if (strcmp(name, "tls_version") == 0) return give_text(SSL_get_version(t->ssl), value);
    if (strcmp(name, "alpn_protocol") == 0) return protocol_extra(t->ssl, value);
    if (strcmp(name, "server_hostname") == 0) {
        return give_text(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name), value);
    }
    if (strncmp(name, "peercert", 8) == 0) return certificate_extra(t->ssl, name, value);
    return t->inner->ops->extra ? t->inner->ops->extra(t->inner, name, value) : 0;
}

/* ---- sessions ---- */

static struct asyncio__sslsession *new_session(const struct asyncio__ssltransport *t,
                                               SSL_SESSION *session) {
    struct asyncio__sslsession *s = host->calloc(1, sizeof *s);
    if (!s) return NULL;
    s->name = t->name ? asyncio__ssl_strdup(t->name) : NULL;
    if (t->name && !s->name) {
        asyncio_ignore(-ENOMEM);
        host->free(s);
        return NULL;
    }
    s->session = session;
    s->verified = SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER;
    s->checks_name = t->checks_name;
    s->base.context = asyncio_sslcontext_ref(&t->context->base);
    atomic_init(&s->base.refs, 1);
    return s;
}

asyncio_sslsession *asyncio__ssl_session(const struct asyncio__transport *base) {
    const struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    if (t->context->base.server_side || !t->done) return NULL;
    SSL_SESSION *session = SSL_get1_session(t->ssl);
    if (!session) return NULL;
    struct asyncio__sslsession *s =
        SSL_SESSION_is_resumable(session) ? new_session(t, session) : NULL;
    if (!s) SSL_SESSION_free(session);
    return s ? &s->base : NULL;
}
