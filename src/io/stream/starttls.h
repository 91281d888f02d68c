/* SPDX-License-Identifier: MIT
 *
 * io/stream/starttls.h: what clients, servers and streams know of TLS: a context carries the
 * operations of whoever made it (io/tls/openssl.h). So a program that is linked statically and
 * makes no context needs no TLS library.
 */
#ifndef ASYNCIO_IO_STREAM_STARTTLS_H
#define ASYNCIO_IO_STREAM_STARTTLS_H

#include <asyncio/ssl.h>
#include <stdatomic.h>

#include "io/stream/stream.h"

/* How TLS is to begin; everything is borrowed. */
struct asyncio__tls_request {
    asyncio_sslcontext *context;
    const char *server_hostname; /* NULL: none */
    asyncio_sslsession *session; /* to be resumed, or NULL */
    double handshake_timeout;    /* seconds; 0: the default */
    double shutdown_timeout;
};

struct asyncio__tls_ops {
    /* A transport around the stream's, whose buffer `in` it takes over. NULL: raised, and nothing
     * has changed. */
    struct asyncio__transport *(*wrap)(struct asyncio__stream *stream,
                                       const struct asyncio__tls_request *request);
    /* Goes on with the handshake: 0 when it is over, -EAGAIN and *want, or raised. */
    int (*handshake)(struct asyncio__transport *transport, unsigned *want);
    /* The last reference is gone. */
    void (*free_context)(asyncio_sslcontext *context);
    void (*free_session)(asyncio_sslsession *session);
};

struct asyncio_sslcontext {
    const struct asyncio__tls_ops *ops;
    _Atomic uint32_t refs;
    bool server_side;
    bool check_hostname;
};

struct asyncio_sslsession {
    asyncio_sslcontext *context; /* a reference */
    _Atomic uint32_t refs;
};

/* Whether a request makes sense for that side. 0, or raised. Without a context nothing else may
 * be given. */
int asyncio__tls_check(const struct asyncio__tls_request *request, bool server_side);

/* TLS from here on, in the current task. 0, or raised; then the stream is closed. */
int asyncio__tls_start(struct asyncio__stream *stream, const struct asyncio__tls_request *request);

#endif
