/* SPDX-License-Identifier: MIT
 *
 * asyncio/datagram.h: datagram endpoints: UDP, and unix sockets for datagrams.
 *
 *     asyncio_auto_datagram d = NULL;
 *     asyncio_datagram_info from;
 *     TRY(AWAIT(asyncio_create_datagram_endpoint(&d, .local_host = "127.0.0.1",
 *                                                .local_port = 9999)));
 *     int n = TRY(AWAIT(asyncio_datagram_recvfrom(d, buf, sizeof buf, &from)));
 *     TRY(AWAIT(asyncio_datagram_sendto(d, buf, (size_t)n, from.addr, from.addr_size)));
 *
 * There are no protocols: what datagram_received gets in Python is awaited here, and what
 * error_received gets is what receiving or sending fails with. Such an error (-ECONNREFUSED: an
 * earlier datagram found nobody) is told once, to whichever call comes next; that call
 * has moved nothing, and the endpoint goes on.
 *
 * Part: io.
 */
#ifndef ASYNCIO_DATAGRAM_H
#define ASYNCIO_DATAGRAM_H

#include <asyncio/coro.h>
#include <sys/socket.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_datagram asyncio_datagram;

/* Where from and where to, each by host and port or as an address (.local_addr: also the path of
 * a unix socket, with family AF_UNIX; what an earlier one left there is removed). A host that is
 * NULL or "" beside a port means any address of this machine (local) or the loopback (remote). */
typedef struct asyncio_datagram_options {
    size_t size; /* sizeof(asyncio_datagram_options) */
    const char *local_host;
    const char *remote_host;
    const char *local_service; /* instead of local_port: its name, such as "domain" */
    const char *remote_service;
    const struct sockaddr *local_addr;  /* instead of local_host and local_port */
    const struct sockaddr *remote_addr; /* instead of remote_host and remote_port */
    socklen_t local_addr_size;
    socklen_t remote_addr_size;
    int local_port; /* 0: any */
    int remote_port;
    int family;           /* AF_INET, AF_INET6, AF_UNIX; 0: that of the addresses */
    int proto;            /* of the socket; 0: the usual one */
    int flags;            /* for getaddrinfo: AI_... */
    int sock;             /* > 0: a datagram socket, taken over on success; excludes all others */
    bool reuse_port;      /* several may bind to the same port */
    bool allow_broadcast; /* may send to broadcast addresses; the socket is not connected then */
} asyncio_datagram_options;

/* Makes an endpoint, bound to the local address and connected to the remote one if they are given.
 * Of several addresses the first that works is taken. In C the macro without _with takes the
 * options, of which there must be at least one; in C++ it is (&endpoint, &options).
 * Errors, when awaited: the system's (-EADDRINUSE), of the first address that was tried;
 * ASYNCIO_OS_ERROR if a name is not known; ASYNCIO_VALUE_ERROR for neither an address nor a family,
 * for addresses of different families, for other options beside .sock, for a port beside its
 * service, for a socket of another kind; ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR;
 * -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Owner: *endpoint is yours. Since: 0.1.
 * Python: loop.create_datagram_endpoint. */
ASYNCIO_API asyncio_coro asyncio_create_datagram_endpoint_with(
    asyncio_datagram **endpoint, const asyncio_datagram_options *options) ASYNCIO_MUST_USE;

/* References; with the last one the endpoint is closed. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_datagram *asyncio_datagram_ref(asyncio_datagram *endpoint);
ASYNCIO_API void asyncio_datagram_unref(asyncio_datagram *endpoint);

/* Who sent a datagram, and how it was. */
typedef struct asyncio_datagram_info {
    const struct sockaddr *addr; /* the sender's; in `storage` */
    socklen_t addr_size;         /* 0: it has none (an unbound unix socket) */
    size_t full_size;            /* of the datagram, in bytes; more than was received: cut off */
    struct sockaddr_storage storage;
} asyncio_datagram_info;

/* Receives the next datagram, up to n bytes, into buf; the status is how many, which may be 0.
 * What does not fit is lost: info->full_size says so; without info that is -EMSGSIZE, and
 * buf has the beginning. One task receives at a time. buf and info must stay where they are
 * until then. Cancelled, it has taken nothing.
 * Errors, when awaited: what the network said (above); -EBADF once it is closed;
 * ASYNCIO_RUNTIME_ERROR while another task waits to receive, or in another loop;
 * ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR; -ENOMEM.
 * Suspends: yes (when awaited, if nothing is there). Thread: loop. Since: 0.1.
 * Python: DatagramProtocol.datagram_received, error_received. */
ASYNCIO_API asyncio_coro asyncio_datagram_recvfrom(asyncio_datagram *endpoint, void *buf, size_t n,
                                                   asyncio_datagram_info *info) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_datagram_recv(asyncio_datagram *endpoint, void *buf, size_t n)
    ASYNCIO_MUST_USE;

/* Sends a datagram, at once if the socket takes it; the status is n. send, and sendto with addr
 * NULL: to the remote address of the endpoint. Any number of tasks may send.
 * Errors, when awaited: -EDESTADDRREQ if there is no remote address; -EMSGSIZE: it is too long;
 * ASYNCIO_VALUE_ERROR for another address than the remote one; -EBADF, what the network
 * said, and the others as for recvfrom.
 * Suspends: yes (when awaited, if the socket takes no more). Thread: loop. Since: 0.1.
 * Python: DatagramTransport.sendto. */
ASYNCIO_API asyncio_coro asyncio_datagram_sendto(asyncio_datagram *endpoint, const void *data,
                                                 size_t n, const struct sockaddr *addr,
                                                 socklen_t addr_size) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_datagram_send(asyncio_datagram *endpoint, const void *data,
                                               size_t n) ASYNCIO_MUST_USE;

/* Closes it now; whoever waits fails with -EBADF. The second time nothing happens.
 * is_closing: whether it was called (true for NULL). Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: transport.close, abort, is_closing. */
ASYNCIO_API void asyncio_datagram_close(asyncio_datagram *endpoint);
ASYNCIO_API bool asyncio_datagram_is_closing(const asyncio_datagram *endpoint);

/* Looks up information: "socket" (the descriptor, lent), "sockname", "peername" (as text:
 * "127.0.0.1:9999", "[::1]:9999", a path). The addresses stay known when it is closed, the
 * descriptor does not. Returns 1 and *value; 0 and None if it is not known; -ENOMEM;
 * ASYNCIO_TYPE_ERROR.
 * Suspends: no. Thread: loop. Owner: *value is yours. Since: 0.1.
 * Python: transport.get_extra_info. */
ASYNCIO_API int asyncio_datagram_get_extra_info(const asyncio_datagram *endpoint, const char *name,
                                                asyncio_value *value);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_create_datagram_endpoint(endpoint, ...)                                            \
    asyncio_create_datagram_endpoint_with(                                                         \
        (endpoint), (&(const asyncio_datagram_options){ .size = sizeof(asyncio_datagram_options),  \
                                                        __VA_ARGS__ }))
#else
inline asyncio_coro asyncio_create_datagram_endpoint(asyncio_datagram **endpoint,
                                                     const asyncio_datagram_options *options) {
    return asyncio_create_datagram_endpoint_with(endpoint, options);
}
#endif

ASYNCIO__AUTO_CLASS(datagram)
#define asyncio_auto_datagram ASYNCIO__AUTO(datagram)

#endif
