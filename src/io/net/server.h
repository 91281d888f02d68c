/* SPDX-License-Identifier: MIT
 *
 * io/net/server.h: a server: its listening sockets and its connections.
 *
 * MADE -> SERVING -> CLOSED, or MADE -> CLOSED. While it serves, each listener has a level watch
 * and a runnable that accepts, a bounded number at a time. Without descriptors or memory, or when
 * a limit is reached, accepting pauses: the watches are taken out, a timer brings them back, and
 * so does a connection or a handshake that ends. Of a shortage the exception handler is told once:
 * it lasts until everybody who waits has been accepted, however many pauses that takes.
 *
 * A client is a connection and its task; it goes when both have come to an end. References: the
 * users'; one while it serves; one for each client.
 */
#ifndef ASYNCIO_IO_NET_SERVER_H
#define ASYNCIO_IO_NET_SERVER_H

#include <asyncio/server.h>

#include "io/stream/stream.h"

struct asyncio__listener {
    struct asyncio__fdwatch watch;
    struct asyncio__runnable runnable; /* in the ready queue while `queued` */
    struct asyncio_server *server;
    int fd; /* -1: closed */
    bool queued, watched;
    bool starved; /* for want of descriptors or memory it has not accepted all that wait */
};

enum asyncio__server_state {
    ASYNCIO__SERVER_MADE,
    ASYNCIO__SERVER_SERVING,
    ASYNCIO__SERVER_CLOSED,
};

/* What is done with connections. */
struct asyncio__server_ops {
    /* 0 if one more may be accepted; otherwise when to look again (ASYNCIO__NEVER: when one
     * ends). */
    int64_t (*until_room)(struct asyncio_server *server);
    /* Takes over an accepted connection from that address. Reports what fails, but for want of
     * memory and the like: raised, and the connection is closed. */
    int (*accepted)(struct asyncio_server *server, int fd, const struct sockaddr *peer,
                    socklen_t peer_size);
};

struct asyncio_server {
    asyncio_loop *loop;
    uint32_t refs;
    enum asyncio__server_state state;
    const struct asyncio__server_ops *ops;
    asyncio_client_connected_cb *cb;
    asyncio_server_options options;
    asyncio__context_ref context; /* what the tasks run in copies of */
    struct asyncio__listener *listeners;
    size_t count;
    char *path; /* of a unix socket, to be removed; or NULL */
    unsigned long long path_inode;
    bool pausing;                /* the watches of the listeners are out */
    struct asyncio__timer retry; /* ends a pause; armed in some of them */
    int64_t quiet_until;         /* of shortages nothing is reported before */
    struct asyncio__link clients;
    size_t connections;              /* clients whose connection is not closed */
    struct asyncio__link handshakes; /* clients whose TLS handshake is under way, oldest first */
    size_t handshake_count;
    struct asyncio__link waiters;    /* tasks that wait for the numbers to go down */
    struct asyncio__waiter *forever; /* the task in serve_forever, or NULL */
};

/* A new server without sockets, one reference. NULL: raised. */
struct asyncio_server *asyncio__server_new(asyncio_loop *loop, asyncio_client_connected_cb *cb,
                                           const struct asyncio__server_ops *ops,
                                           const asyncio_server_options *options);

/* Its sockets and their path are the program's again: closing leaves them alone. */
void asyncio__server_give_back(struct asyncio_server *server);

/* Makes a client of each connection. */
extern const struct asyncio__server_ops asyncio__client_ops;

/* Cancels the tasks of all connections. */
void asyncio__clients_cancel(struct asyncio_server *server);

/* Tells the exception handler; the error leaves the slot. */
void asyncio__server_report(struct asyncio_server *server, const char *message, int code);

/* Accepting goes on if it pauses. */
void asyncio__server_resume(struct asyncio_server *server);

/* Wakes who waits for the numbers to go down. */
void asyncio__server_changed(struct asyncio_server *server);

#endif
