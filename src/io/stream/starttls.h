/* SPDX-License-Identifier: MIT
 *
 * io/stream/starttls.h: how clients, servers and streams begin TLS, by the operations of a context
 * (io/stream/tlshost.h).
 */
#ifndef ASYNCIO_IO_STREAM_STARTTLS_H
#define ASYNCIO_IO_STREAM_STARTTLS_H

#include "io/stream/tlshost.h"

/* Whether a request makes sense for that side. 0, or raised. Without a context nothing else may
 * be given. */
int asyncio__tls_check(const struct asyncio__tls_request *request, bool server_side);

/* TLS from here on, in the current task. 0, or raised; then the stream is closed. */
int asyncio__tls_start(struct asyncio__stream *stream, const struct asyncio__tls_request *request);

#endif
