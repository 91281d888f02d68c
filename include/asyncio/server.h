/* SPDX-License-Identifier: MIT
 *
 * asyncio/server.h: servers: a task for each connection that comes in.
 *
 *     ASYNC(handle_echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer,
 *           (void *) arg) { ... }
 *
 *     asyncio_server *server;
 *     TRY(AWAIT(asyncio_start_server(handle_echo, "127.0.0.1", 8888, &server)));
 *     TRY(AWAIT(asyncio_server_serve_forever(server)));
 *
 * Part: io.
 */
#ifndef ASYNCIO_SERVER_H
#define ASYNCIO_SERVER_H

#include <asyncio/block.h>
#include <asyncio/streams.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_server asyncio_server;
ASYNCIO_BLOCK_TYPE(asyncio_server_with, asyncio_server);

/* Makes the coroutine object for a connection, which becomes a task in a copy of the context that
 * the server was started in. reader and writer are lent until that task is done; whoever keeps
 * one longer takes a reference. When nobody has one, the connection is closed. If the task fails,
 * the exception handler is told ("Unhandled exception in client_connected_cb") and the connection
 * closed; if it is cancelled, just closed. */
typedef asyncio_coro asyncio_client_connected_cb(asyncio_streamreader *reader,
                                                 asyncio_streamwriter *writer, void *arg);

typedef struct asyncio_server_options {
    size_t size;              /* sizeof(asyncio_server_options) */
    void *arg;                /* passed to the callback */
    size_t limit;             /* of the readers; 0: 64 KiB */
    int family;               /* AF_INET, AF_INET6; 0: any */
    int flags;                /* for getaddrinfo, beside AI_PASSIVE */
    const char *const *hosts; /* instead of a host: several, NULL at the end */
    const char *service;      /* instead of the port (0): its name, such as "https" */
    int backlog;              /* of listen(); 0: 100 */
    int reuse_address;        /* < 0: without SO_REUSEADDR */
    bool reuse_port;          /* with SO_REUSEPORT: several may listen, the kernel distributes */
    bool keep_alive;          /* with SO_KEEPALIVE */
    int start_serving;        /* < 0: not yet: asyncio_server_start_serving does */
    int cleanup_socket;       /* < 0: the path of a unix socket (also of .sock) stays when the
                                 server is closed */
    int sock;                 /* > 0: a bound socket instead of host and port; taken over */
    asyncio_sslcontext *ssl;  /* TLS by this context; NULL: none */
    int max_connections;      /* at the same time; 0: as many as there are descriptors for */
    int max_handshakes;       /* TLS handshakes under way; 0: 1000; < 0: any number */
    double ssl_handshake_timeout; /* seconds; 0: 60 */
    double ssl_shutdown_timeout;  /* seconds that closing may take; 0: 30 */
} asyncio_server_options;

/* Binds a socket to each address of host and port (host: a name or an address; NULL: all there
 * are, with IPv6 and IPv4 apart; port 0: a free one), or one to the path of a unix socket (a
 * socket that was left there is removed), and listens. In C the macros of the same names without
 * _with take options:
 *     asyncio_start_server(handle, NULL, 8888, &server, .reuse_port = true)
 * With .ssl each connection's handshake is made in its task, before the callback is called; one
 * that fails ends that connection (in debug mode the exception handler is told).
 * While .max_connections are open, others wait in the kernel (.backlog) until one is closed. The
 * same goes for .max_handshakes; when a limit is reached, the oldest handshakes that have lasted
 * for 5 seconds are aborted, so that clients which begin and do not go on keep nobody out. When
 * descriptors or memory run out, accepting pauses, and the exception handler is told once.
 * Errors, when awaited: the system's (-EADDRINUSE), the sockets made before being closed again;
 * ASYNCIO_OS_ERROR if the name is not known; ASYNCIO_VALUE_ERROR for a port out of range, a path
 * that is too long, more than one of host, .hosts and .sock, .service beside a port, a path or
 * .sock, a .sock of another kind (a server needs a stream socket, a unix server one of AF_UNIX), a
 * negative .max_connections, or .max_handshakes without .ssl; ASYNCIO_TYPE_ERROR for NULL; -ENOMEM;
 * ASYNCIO_CANCELLED_ERROR.
 * Suspends: yes (when awaited, if host or .service is a name). Thread: loop. Owner: *server is
 * yours; while it serves the loop has a reference, too. Since: 0.1. Python: asyncio.start_server,
 * asyncio.start_unix_server. */
ASYNCIO_API asyncio_coro asyncio_start_server_with(asyncio_client_connected_cb *cb,
                                                   const char *host, int port,
                                                   asyncio_server **server,
                                                   const asyncio_server_options *options)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_start_unix_server_with(asyncio_client_connected_cb *cb,
                                                        const char *path, asyncio_server **server,
                                                        const asyncio_server_options *options)
    ASYNCIO_MUST_USE;

/* References. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_server *asyncio_server_ref(asyncio_server *server);
ASYNCIO_API void asyncio_server_unref(asyncio_server *server);

/* Begins to accept; does nothing the second time. Returns 0; the system's error (-EADDRINUSE);
 * ASYNCIO_RUNTIME_ERROR after close; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Server.start_serving. */
ASYNCIO_API int asyncio_server_start_serving(asyncio_server *server);

/* Begins to accept and waits until it is cancelled, or the server closed, which cancels it. Then it
 * closes the server and the connections and waits for that.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR, always; ASYNCIO_RUNTIME_ERROR if somebody else
 * is in it or the server is closed; those of start_serving.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: Server.serve_forever. */
ASYNCIO_API asyncio_coro asyncio_server_serve_forever(asyncio_server *server) ASYNCIO_MUST_USE;

/* Whether it accepts. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Server.is_serving. */
ASYNCIO_API bool asyncio_server_is_serving(const asyncio_server *server);

/* Puts the descriptors it listens on into fds (room for n) and returns how many there are, 0 when
 * it is closed. They are lent. port: the one of the first, 0 if it has none. Errors: none.
 * Suspends: no. Thread: loop. Owner: lent. Since: 0.1. Python: Server.sockets. */
ASYNCIO_API size_t asyncio_server_sockets(const asyncio_server *server, int *fds, size_t n);
ASYNCIO_API int asyncio_server_port(const asyncio_server *server);

/* Stops accepting; the connections go on. A second call does nothing. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Server.close. */
ASYNCIO_API void asyncio_server_close(asyncio_server *server);

/* Closes all connections (what was written is still sent), or aborts them. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Server.close_clients, Server.abort_clients. */
ASYNCIO_API void asyncio_server_close_clients(asyncio_server *server);
ASYNCIO_API void asyncio_server_abort_clients(asyncio_server *server);

/* Waits until the server is closed and all its connections are.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless that is so). Thread: loop. Since: 0.1.
 * Python: Server.wait_closed. */
ASYNCIO_API asyncio_coro asyncio_server_wait_closed(asyncio_server *server) ASYNCIO_MUST_USE;

/* Closes the server and gives its connections and their tasks `timeout` seconds to come to an
 * end. Then the connections are aborted and the tasks cancelled, and it waits for them as long
 * again. The status is how many connections had to be aborted.
 * Errors, when awaited: ASYNCIO_TIMEOUT_ERROR if there are tasks even then;
 * ASYNCIO_CANCELLED_ERROR; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless there is nothing to wait for). Thread: loop. Since: 0.1.
 * Python: none. */
ASYNCIO_API asyncio_coro asyncio_server_shutdown(asyncio_server *server, double timeout)
    ASYNCIO_MUST_USE;

/* A server as a block: leaving it closes the server and waits for the connections, as wait_closed
 * does. rc: the body's status; ASYNCIO_CANCELLED_ERROR while it waits; entering:
 * ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (its exit, as wait_closed). Thread: loop. Since: 0.1. Python: async with server. */
ASYNCIO_API asyncio_server_with asyncio_server_block(asyncio_server *server, int *rc)
    ASYNCIO_MUST_USE;

/* The loop it is of; NULL for NULL. Errors: none.
 * Suspends: no. Thread: loop. Owner: lent. Since: 0.1. Python: Server.get_loop. */
ASYNCIO_API asyncio_loop *asyncio_server_get_loop(const asyncio_server *server);

/* A reference that goes when the variable leaves its block; begin with NULL. */

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define ASYNCIO__SERVER_OPTIONS(...)                                                               \
    (&(const asyncio_server_options){ .size = sizeof(asyncio_server_options), __VA_ARGS__ })
#define asyncio_start_server(cb, host, port, ...)                                                  \
    ASYNCIO__CAT(ASYNCIO__START_SERVER_, ASYNCIO__HASCOMMA(__VA_ARGS__))                           \
    (cb, host, port, __VA_ARGS__)
#define ASYNCIO__START_SERVER_0(cb, host, port, server)                                            \
    asyncio_start_server_with((cb), (host), (port), (server), NULL)
#define ASYNCIO__START_SERVER_1(cb, host, port, server, ...)                                       \
    asyncio_start_server_with((cb), (host), (port), (server), ASYNCIO__SERVER_OPTIONS(__VA_ARGS__))
#define asyncio_start_unix_server(cb, path, ...)                                                   \
    ASYNCIO__CAT(ASYNCIO__START_UNIX_, ASYNCIO__HASCOMMA(__VA_ARGS__))(cb, path, __VA_ARGS__)
#define ASYNCIO__START_UNIX_0(cb, path, server)                                                    \
    asyncio_start_unix_server_with((cb), (path), (server), NULL)
#define ASYNCIO__START_UNIX_1(cb, path, server, ...)                                               \
    asyncio_start_unix_server_with((cb), (path), (server), ASYNCIO__SERVER_OPTIONS(__VA_ARGS__))
#else
inline asyncio_coro asyncio_start_server(asyncio_client_connected_cb *cb, const char *host,
                                         int port, asyncio_server **server,
                                         const asyncio_server_options *options = nullptr) {
    return asyncio_start_server_with(cb, host, port, server, options);
}
inline asyncio_coro asyncio_start_unix_server(asyncio_client_connected_cb *cb, const char *path,
                                              asyncio_server **server,
                                              const asyncio_server_options *options = nullptr) {
    return asyncio_start_unix_server_with(cb, path, server, options);
}
#endif

ASYNCIO__AUTO_CLASS(server)
#define asyncio_auto_server ASYNCIO__AUTO(server)

#endif
