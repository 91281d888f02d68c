/* SPDX-License-Identifier: MIT
 *
 * asyncio/ssl.h: TLS for streams and servers, by OpenSSL 3. Names follow Python's module ssl.
 *
 *     asyncio_auto_sslcontext context =
 *         asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, NULL);
 *     TRY(AWAIT(asyncio_open_connection("example.org", 443, &reader, &writer, .ssl = context)));
 *
 * A context holds certificates and settings; it is set up first and then used for any number of
 * connections, of any loop and thread. It is for clients or for servers. Look at whether it was
 * made: .ssl = NULL is a connection without TLS.
 *
 * What is declared here is in a library of its own, libasyncio-tls (pkg-config: asyncio-tls). Using
 * contexts (starttls.h) needs libasyncio alone. docs/tls.md has the rest.
 *
 * Part: tls.
 */
#ifndef ASYNCIO_SSL_H
#define ASYNCIO_SSL_H

#include <asyncio/starttls.h>

ASYNCIO_BEGIN_DECLS

enum asyncio_ssl_protocol {
    ASYNCIO_SSL_PROTOCOL_TLS_CLIENT = 1,
    ASYNCIO_SSL_PROTOCOL_TLS_SERVER,
};

/* Whom the other side's certificate is to prove: a server (so this is a client), or a client. */
enum asyncio_ssl_purpose { ASYNCIO_SSL_SERVER_AUTH = 1, ASYNCIO_SSL_CLIENT_AUTH };

enum asyncio_ssl_verify_mode {
    ASYNCIO_SSL_CERT_NONE,     /* the other side's certificate is not looked at, or asked for */
    ASYNCIO_SSL_CERT_OPTIONAL, /* a client may have none; one that it has is verified */
    ASYNCIO_SSL_CERT_REQUIRED, /* there must be one, and it is verified */
};

/* Values of Python's TLSVersion. */
enum asyncio_ssl_version {
    ASYNCIO_SSL_MAXIMUM_SUPPORTED = -1, /* whatever there is */
    ASYNCIO_SSL_TLSV1_2 = 0x0303,
    ASYNCIO_SSL_TLSV1_3 = 0x0304,
};

/* For set_verify_flags, the values of Python's VerifyFlags. */
enum {
    ASYNCIO_SSL_VERIFY_CRL_CHECK_LEAF = 0x4,
    ASYNCIO_SSL_VERIFY_CRL_CHECK_CHAIN = 0xc,
    ASYNCIO_SSL_VERIFY_X509_STRICT = 0x20,
    ASYNCIO_SSL_VERIFY_X509_TRUSTED_FIRST = 0x8000,
    ASYNCIO_SSL_VERIFY_X509_PARTIAL_CHAIN = 0x80000,
};

/* ---- contexts ---- */

/* A context without certificates: TLS 1.2 and later; a client requires and verifies the server's
 * certificate and its name, a server asks for none.
 * Returns NULL: ASYNCIO_VALUE_ERROR for another protocol; -ENOMEM; ASYNCIO_SSL_ERROR.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: ssl.SSLContext. */
ASYNCIO_API asyncio_sslcontext *asyncio_sslcontext_new(enum asyncio_ssl_protocol protocol)
    ASYNCIO_MUST_USE;

/* The same with what is good for most programs. A client trusts the certificates of cafile, or
 * (NULL) those of the system; a server, those of cafile, if it is told to ask clients for theirs.
 * Returns NULL: ASYNCIO_VALUE_ERROR for another purpose; those of load_verify_locations and of new.
 * Suspends: no (it reads files). Thread: any. Owner: the caller. Since: 0.1.
 * Python: ssl.create_default_context. */
ASYNCIO_API asyncio_sslcontext *asyncio_ssl_create_default_context(enum asyncio_ssl_purpose purpose,
                                                                   const char *cafile)
    ASYNCIO_MUST_USE;

/* All functions below give ASYNCIO_TYPE_ERROR for NULL where something is required. They are for
 * setting a context up: a context that connections use already is not to be changed. */

/* What this side proves who it is with: a file in PEM with its certificate, followed by those that
 * lead to the authority; and the private key, in keyfile or (NULL) in the same file. password: of
 * an encrypted key, or NULL.
 * Returns 0; the system's error if a file cannot be read (-ENOENT); ASYNCIO_SSL_ERROR with
 * OpenSSL's reason (no certificate in it, a key of another certificate, a wrong password).
 * Suspends: no (it reads files). Thread: any, one at a time. Since: 0.1.
 * Python: SSLContext.load_cert_chain. */
ASYNCIO_API int asyncio_sslcontext_load_cert_chain(asyncio_sslcontext *context,
                                                   const char *certfile, const char *keyfile,
                                                   const char *password);

/* Whom to trust: authorities in a file, in a folder (prepared by `openssl rehash`), in a text, all
 * in PEM. NULL: not from there; at least one is required. default_certs: those of the system.
 * Returns as load_cert_chain.
 * Suspends: no (they read files). Thread: any, one at a time. Since: 0.1.
 * Python: SSLContext.load_verify_locations, SSLContext.load_default_certs. */
ASYNCIO_API int asyncio_sslcontext_load_verify_locations(asyncio_sslcontext *context,
                                                         const char *cafile, const char *capath,
                                                         const char *cadata);
ASYNCIO_API int asyncio_sslcontext_load_default_certs(asyncio_sslcontext *context);

/* Whether the other side must have a certificate, and whether its name must be the one that was
 * connected to. The first cannot be ASYNCIO_SSL_CERT_NONE while the second is on; turning the
 * second on makes a certificate required.
 * Returns 0; ASYNCIO_VALUE_ERROR for that, for another mode, and for a server that checks names.
 * Suspends: no. Thread: any, one at a time. Since: 0.1.
 * Python: SSLContext.verify_mode, SSLContext.check_hostname. */
ASYNCIO_API int asyncio_sslcontext_set_verify_mode(asyncio_sslcontext *context,
                                                   enum asyncio_ssl_verify_mode mode);
ASYNCIO_API int asyncio_sslcontext_set_check_hostname(asyncio_sslcontext *context, bool on);
ASYNCIO_API enum asyncio_ssl_verify_mode asyncio_sslcontext_verify_mode(
    const asyncio_sslcontext *context);
ASYNCIO_API bool asyncio_sslcontext_check_hostname(const asyncio_sslcontext *context);

/* How strictly certificates are verified, ASYNCIO_SSL_VERIFY_... or-ed: set, not added.
 * Returns 0.
 * Suspends: no. Thread: any, one at a time. Since: 0.1. Python: SSLContext.verify_flags. */
ASYNCIO_API int asyncio_sslcontext_set_verify_flags(asyncio_sslcontext *context,
                                                    unsigned long flags);
ASYNCIO_API unsigned long asyncio_sslcontext_verify_flags(const asyncio_sslcontext *context);

/* The oldest and the newest version of TLS: 1.2 and ASYNCIO_SSL_MAXIMUM_SUPPORTED, at first.
 * Returns 0; ASYNCIO_VALUE_ERROR for a version that is not known.
 * Suspends: no. Thread: any, one at a time. Since: 0.1.
 * Python: SSLContext.minimum_version, SSLContext.maximum_version. */
ASYNCIO_API int asyncio_sslcontext_set_minimum_version(asyncio_sslcontext *context,
                                                       enum asyncio_ssl_version version);
ASYNCIO_API int asyncio_sslcontext_set_maximum_version(asyncio_sslcontext *context,
                                                       enum asyncio_ssl_version version);

/* The ciphers of TLS 1.2 and before, in OpenSSL's language of cipher lists.
 * Returns 0; ASYNCIO_SSL_ERROR if none can be selected.
 * Suspends: no. Thread: any, one at a time. Since: 0.1. Python: SSLContext.set_ciphers. */
ASYNCIO_API int asyncio_sslcontext_set_ciphers(asyncio_sslcontext *context, const char *ciphers);

/* What may be spoken above TLS ("h2", "http/1.1"), the favourite first. A server takes the first
 * of its own that the client has; without one the connection goes on without. The result is the
 * extra information "alpn_protocol".
 * Returns 0; ASYNCIO_VALUE_ERROR for a name that is empty or longer than 255 bytes; -ENOMEM.
 * Suspends: no. Thread: any, one at a time. Since: 0.1. Python: SSLContext.set_alpn_protocols. */
ASYNCIO_API int asyncio_sslcontext_set_alpn_protocols(asyncio_sslcontext *context,
                                                      const char *const *protocols, size_t count);

/* ---- who the other side is ---- */

/* What kind of name it is, by its number in X.509 (RFC 5280). */
enum asyncio_ssl_name_type {
    ASYNCIO_SSL_NAME_OTHER = 0,         /* and kinds that are not listed: its encoding in DER */
    ASYNCIO_SSL_NAME_EMAIL = 1,         /* an address */
    ASYNCIO_SSL_NAME_DNS = 2,           /* the name of a host; "*." may stand for one label */
    ASYNCIO_SSL_NAME_DIRECTORY = 4,     /* a text as that of "peercert_subject" */
    ASYNCIO_SSL_NAME_URI = 6,           /* */
    ASYNCIO_SSL_NAME_IP_ADDRESS = 7,    /* as Python writes it: 127.0.0.1, 0:0:0:0:0:0:0:1 */
    ASYNCIO_SSL_NAME_REGISTERED_ID = 8, /* numbers with dots */
};

/* value: bytes that anybody may have put there, also commas and NULs; compare all of them. A NUL
 * that does not count stands behind them. */
typedef struct asyncio_ssl_name {
    enum asyncio_ssl_name_type type;
    asyncio_bytes value;
} asyncio_ssl_name;

/* The names that the other side's certificate is for (subjectAltName). They are verified as the
 * certificate is: by a client, and by a server whose verify mode asks for one.
 * Returns how many there are, and the list in *names; 0 and NULL without a certificate, without
 * names in it, and without TLS; ASYNCIO_SSL_ERROR if they are malformed; ASYNCIO_TYPE_ERROR for
 * NULL; -ENOMEM.
 * Suspends: no. Thread: loop. Owner: *names is yours, one block with all bytes: free() it.
 * Since: 0.2. Python: SSLObject.getpeercert()["subjectAltName"]. */
ASYNCIO_API int asyncio_streamwriter_get_peercert_names(const asyncio_streamwriter *writer,
                                                        asyncio_ssl_name **names);

/* ---- the name a client asks for ---- */

/* Is asked, on a server, for each client: the name it wants to talk to (NULL: it did not say), and
 * *context, which the callback may replace by another one (lent) with the certificate for that
 * name.
 * It runs in the task of the connection, in the midst of OpenSSL's handshake: it cannot wait (AWAIT
 * fails with ASYNCIO_RUNTIME_ERROR) or read, but it may close or abort connections, this one too.
 * Returns 0 to go on, or the number of the TLS alert to refuse the client with. A negative status
 * refuses it with the alert internal_error, and the exception handler is told its error. */
typedef int asyncio_ssl_sni_cb(const char *server_name, asyncio_sslcontext **context, void *arg);

/* For a callback to return. */
enum { ASYNCIO_SSL_ALERT_UNRECOGNIZED_NAME = 112 };

/* Sets that callback; NULL: none.
 * Returns 0; ASYNCIO_VALUE_ERROR for a client's context.
 * Suspends: no. Thread: any, one at a time. Owner: arg is lent. Since: 0.1.
 * Python: SSLContext.sni_callback. */
ASYNCIO_API int asyncio_sslcontext_set_sni_callback(asyncio_sslcontext *context,
                                                    asyncio_ssl_sni_cb *callback, void *arg);

ASYNCIO_END_DECLS

#endif
