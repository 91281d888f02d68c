/* SPDX-License-Identifier: MIT
 *
 * asyncio/starttls.h: connections that go over to TLS, and references to what that takes: contexts
 * and sessions.
 *
 *     TRY(AWAIT(asyncio_streamwriter_start_tls(writer, context, .server_hostname = host)));
 *
 * Contexts are made by a library for TLS, with the functions of ssl.h. Whoever is given one and
 * only uses it, here or as the option .ssl, does not need that library. docs/tls.md has the rest.
 *
 * Part: io.
 */
#ifndef ASYNCIO_STARTTLS_H
#define ASYNCIO_STARTTLS_H

#include <asyncio/streams.h>

ASYNCIO_BEGIN_DECLS

/* ---- contexts and sessions ---- */

/* References; connections have their own to their context. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_sslcontext *asyncio_sslcontext_ref(asyncio_sslcontext *context);
ASYNCIO_API void asyncio_sslcontext_unref(asyncio_sslcontext *context);
ASYNCIO_API asyncio_sslsession *asyncio_sslsession_ref(asyncio_sslsession *session);
ASYNCIO_API void asyncio_sslsession_unref(asyncio_sslsession *session);

/* ---- connections ---- */

typedef struct asyncio_start_tls_options {
    size_t size;                     /* sizeof(asyncio_start_tls_options) */
    const char *server_hostname;     /* for clients: who the server must be */
    double ssl_handshake_timeout;    /* seconds; 0: 60 */
    double ssl_shutdown_timeout;     /* seconds that closing may take; 0: 30 */
    asyncio_sslsession *ssl_session; /* of an earlier connection, to be resumed; or NULL */
} asyncio_start_tls_options;

/* Goes on with TLS on a connection that is open, as a client or a server, as the context says.
 * Waits until everything written before is sent. What the reader has received and nobody has read
 * is taken for the beginning of TLS: nothing that came in clear is read as if it had been
 * protected. If it fails the connection is closed.
 * In C the macro of the same name without _with takes options:
 *     asyncio_streamwriter_start_tls(writer, context, .server_hostname = "example.org")
 * Errors, when awaited: ASYNCIO_SSL_CERT_VERIFICATION_ERROR (its value is OpenSSL's number of
 * the reason); ASYNCIO_SSL_ERROR with OpenSSL's reason; -ECONNRESET if the other side hangs up;
 * -ECONNABORTED if it takes too long, or the connection is closed meanwhile; ASYNCIO_VALUE_ERROR
 * for a missing server_hostname where names are checked, for negative timeouts, and for a session
 * that is not for this connection;
 * ASYNCIO_RUNTIME_ERROR while a task reads; ASYNCIO_TYPE_ERROR; ASYNCIO_CANCELLED_ERROR; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: StreamWriter.start_tls. */
ASYNCIO_API asyncio_coro
asyncio_streamwriter_start_tls_with(asyncio_streamwriter *writer, asyncio_sslcontext *context,
                                    const asyncio_start_tls_options *options) ASYNCIO_MUST_USE;

/* What a later connection of the same context to the same server can begin with, to save work
 * (.ssl_session). The certificate is not verified again, so the session is refused with
 * ASYNCIO_VALUE_ERROR for another context, another server_hostname, and where the context verifies
 * more than it did then. The server gives it at some time after the handshake: ask before closing,
 * after something was read. NULL: there is none (or no memory for it); that is no error.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: SSLObject.session. */
ASYNCIO_API asyncio_sslsession *asyncio_streamwriter_get_ssl_session(
    const asyncio_streamwriter *writer) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_streamwriter_start_tls(writer, ...)                                                \
    ASYNCIO__CAT(ASYNCIO__START_TLS_, ASYNCIO__HASCOMMA(__VA_ARGS__))(writer, __VA_ARGS__)
#define ASYNCIO__START_TLS_0(writer, context)                                                      \
    asyncio_streamwriter_start_tls_with((writer), (context), NULL)
#define ASYNCIO__START_TLS_1(writer, context, ...)                                                 \
    asyncio_streamwriter_start_tls_with(                                                           \
        (writer), (context),                                                                       \
        &(const asyncio_start_tls_options){ .size = sizeof(asyncio_start_tls_options),             \
                                            __VA_ARGS__ })
#else
inline asyncio_coro asyncio_streamwriter_start_tls(asyncio_streamwriter *writer,
                                                   asyncio_sslcontext *context) {
    return asyncio_streamwriter_start_tls_with(writer, context, nullptr);
}
#endif

ASYNCIO__AUTO_CLASS(sslcontext)
#define asyncio_auto_sslcontext ASYNCIO__AUTO(sslcontext)
ASYNCIO__AUTO_CLASS(sslsession)
#define asyncio_auto_sslsession ASYNCIO__AUTO(sslsession)

#endif
