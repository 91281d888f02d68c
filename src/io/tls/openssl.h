/* SPDX-License-Identifier: MIT
 *
 * io/tls/openssl.h: TLS by OpenSSL, for the files of libasyncio-tls, which alone know OpenSSL. They
 * reach libasyncio by its public functions and by `host`.
 *
 * OpenSSL never waits here: its input and output are a BIO over the inner transport. What the
 * inner one does not take is kept in `sealed`, so to OpenSSL all writing succeeds, and reading
 * and writing never interest each other's direction.
 */
#ifndef ASYNCIO_IO_TLS_OPENSSL_H
#define ASYNCIO_IO_TLS_OPENSSL_H

#include <asyncio/ssl.h>
#include <errno.h>
#include <openssl/ssl.h>

#include "io/stream/tlshost.h"

static const struct asyncio__tls_host *const host = &ASYNCIO__TLS_HOST;

struct asyncio__sslcontext {
    asyncio_sslcontext base;
    SSL_CTX *ctx;
    unsigned char *alpn; /* a server's protocols, as they are sent; or NULL */
    unsigned alpn_size;
    asyncio_ssl_sni_cb *sni;
    void *sni_arg;
};

/* Whoever resumes it does not verify the certificate again, so it is for the server and the rules
 * that it was verified for. */
struct asyncio__sslsession {
    asyncio_sslsession base;
    SSL_SESSION *session;
    char *name;       /* the server's; NULL: none was given */
    bool verified;    /* the certificate was */
    bool checks_name; /* and that it is for that name */
};

struct asyncio__ssltransport {
    struct asyncio__transport base;
    struct asyncio__transport *inner;    /* owned */
    struct asyncio__stream *stream;      /* borrowed: it owns this */
    struct asyncio__sslcontext *context; /* a reference */
    SSL *ssl;
    char *name;                      /* a client's: who the server must be; or NULL */
    struct asyncio__buffer ahead;    /* received before TLS began, read first */
    struct asyncio__buffer sealed;   /* to be written by the inner one */
    struct asyncio__kept broken;     /* why it cannot be */
    struct asyncio__tls_limit limit; /* of closing */
    double shutdown_timeout;
    size_t discarded;  /* bytes that came after closing began */
    int raised;        /* status of the inner read that failed, until it is passed on */
    unsigned interest; /* what the inner read waits for */
    bool eof;          /* of the inner one, also if that ended badly: the other direction goes on */
    bool failed;       /* OpenSSL cannot go on, in either direction */
    bool gathering;    /* what is sealed is not sent yet */
    bool checks_name;  /* that the certificate is for `name` */
    bool done;         /* the handshake is */
    bool calling;      /* OpenSSL makes the handshake, and may call the program: it stays */
    bool dead;         /* freed meanwhile: nothing is read or written, and it goes when that ends */
};

extern const struct asyncio__tls_ops asyncio__ssl_ops;

static inline struct asyncio__sslcontext *asyncio__sslcontext_of(const asyncio_sslcontext *c) {
    return (struct asyncio__sslcontext *)(uintptr_t)c;
}

static inline struct asyncio__ssltransport *asyncio__ssltransport_of(
    const struct asyncio__transport *t) {
    return (struct asyncio__ssltransport *)(uintptr_t)t;
}

/* A copy in the library's memory; NULL without memory, which is raised. */
static inline char *asyncio__ssl_strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = host->malloc(n);
    if (!copy) return (void)host->raise(-ENOMEM, NULL), NULL;
    return memcpy(copy, text, n);
}

/* The operations of asyncio__tls_ops. */
struct asyncio__transport *asyncio__ssl_wrap(struct asyncio__stream *stream,
                                             const struct asyncio__tls_request *request);
int asyncio__ssl_handshake(struct asyncio__transport *base, unsigned *interest);

/* The operations `extra` and `session`. */
int asyncio__ssl_extra(const struct asyncio__transport *base, const char *name,
                       asyncio_value *value);
asyncio_sslsession *asyncio__ssl_session(const struct asyncio__transport *base);

/* Writes bytes of the other side's so that they can be told apart from what stands around them:
 * `special` ones, spaces, backslashes and whatever does not print as \xNN. 0: no memory. */
int asyncio__ssl_put_escaped(BIO *bio, const void *data, size_t n, const char *special);

/* Writes the names that a certificate is for. 0: it has none, or no memory. */
int asyncio__ssl_print_names(BIO *bio, X509 *cert);

/* Raises what OpenSSL's queue of errors says, and empties it. file: what was being read, or NULL.
 * A file that cannot be read gives the system's error. */
int asyncio__ssl_raise(const char *file);

/* The same after a handshake, where a certificate may have been refused. */
int asyncio__ssl_raise_verify(const SSL *ssl);

#endif
