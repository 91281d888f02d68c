/* SPDX-License-Identifier: MIT
 *
 * io/stream/tlshost.h: between libasyncio and a TLS library (libasyncio-tls: io/tls), both ways.
 *
 * A context carries the operations of whoever made it (struct asyncio__tls_ops). Clients, servers
 * and streams know contexts by these alone, so a program that makes no context needs no TLS
 * library.
 *
 * A TLS library calls libasyncio as programs do, by its public functions, and by one table of those
 * that are hidden from them (struct asyncio__tls_host). The name of the table carries the version
 * of libasyncio. The two libraries share the layout of what is in these headers, so one of another
 * version is refused by the linker, or by the dynamic linker when the program starts.
 */
#ifndef ASYNCIO_IO_STREAM_TLSHOST_H
#define ASYNCIO_IO_STREAM_TLSHOST_H

#include <asyncio/starttls.h>
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
    /* A transport around the stream's; takes over its buffer `in`. NULL: raised, and nothing has
     * changed. */
    struct asyncio__transport *(*wrap)(struct asyncio__stream *stream,
                                       const struct asyncio__tls_request *request);
    /* Goes on with the handshake: 0 when it is over, -EAGAIN and *interest, or raised. */
    int (*handshake)(struct asyncio__transport *transport, unsigned *interest);
    /* Whether the request may resume its session, which is one of its context: 0 or raised. */
    int (*check_session)(const struct asyncio__tls_request *request);
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

/* Aborts a stream that takes too long to close. */
struct asyncio__tls_limit {
    struct asyncio__timer timer;
    struct asyncio__stream *stream; /* borrowed: it owns who has this */
};

struct asyncio__tls_host {
    /* Memory: base/alloc.h. */
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void (*free)(void *p);
    /* Errors: asyncio__raise, asyncio__kept_take, asyncio__kept_raise. */
    int (*raise)(int code, const char *message);
    void (*kept_take)(struct asyncio__kept *kept, int code);
    int (*kept_raise)(const struct asyncio__kept *kept);
    /* Buffers: io/stream/stream.h. */
    int (*buffer_append)(struct asyncio__buffer *buffer, const void *data, size_t n);
    void (*buffer_consume)(struct asyncio__buffer *buffer, size_t n);
    void (*buffer_free)(struct asyncio__buffer *buffer);
    /* Calls a function of the program's in the midst of a call of the TLS library's, in the task
     * that makes the handshake. Meanwhile that task cannot wait, nobody can read the stream, and
     * the stream may be closed: `free` of the transport comes then, and has to wait until the
     * library's call has returned. Errors that the function leaves are dropped. */
    void (*call_program)(struct asyncio__stream *stream, void (*fn)(void *arg), void *arg);
    /* The limit of closing. start: from now on, unless it runs; without memory, or in a closed
     * loop, there is none. stop: any number of times, before what it is in is freed. */
    void (*limit_init)(struct asyncio__tls_limit *limit, struct asyncio__stream *stream);
    void (*limit_start)(struct asyncio__tls_limit *limit, double seconds);
    void (*limit_stop)(struct asyncio__tls_limit *limit);
};

/* asyncio__tls_host_0_1_0 */
#define ASYNCIO__TLS_HOST                                                                          \
    ASYNCIO__TLS_HOST_(ASYNCIO_VERSION_MAJOR, ASYNCIO_VERSION_MINOR, ASYNCIO_VERSION_PATCH)
#define ASYNCIO__TLS_HOST_(major, minor, patch) ASYNCIO__TLS_HOST__(major, minor, patch)
#define ASYNCIO__TLS_HOST__(major, minor, patch) asyncio__tls_host_##major##_##minor##_##patch

extern ASYNCIO_API const struct asyncio__tls_host ASYNCIO__TLS_HOST;

#endif
