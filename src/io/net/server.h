/* SPDX-License-Identifier: MIT
 *
 * io/net/server.h: a server: its listening sockets and its connections.
 *
 * MADE -> SERVING -> CLOSED, or MADE -> CLOSED. While it serves, each listener has a level watch
 * and a runnable that accepts, a bounded number at a time. Without descriptors or memory accepting
 * pauses: the watches are taken out, a timer brings them back, and so does a connection that
 * ends. The exception handler is told once until a connection is accepted again.
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
};

enum asyncio__server_state {
    ASYNCIO__SERVER_MADE,
    ASYNCIO__SERVER_SERVING,
    ASYNCIO__SERVER_CLOSED,
};

/* Takes over an accepted connection from that address; reports what fails. */
typedef void asyncio__accepted(struct asyncio_server *server, int fd, const struct sockaddr *peer,
                               socklen_t peer_size);

struct asyncio_server {
    asyncio_loop *loop;
    uint32_t refs;
    enum asyncio__server_state state;
    asyncio__accepted *accepted; /* what is done with a new connection */
    asyncio_client_connected_cb *cb;
    asyncio_server_options options;
    asyncio__context_ref context; /* what the tasks run in copies of */
    struct asyncio__listener *listeners;
    size_t count;
    char *path; /* of a unix socket, to be removed; or NULL */
    unsigned long long path_inode;
    struct asyncio__timer retry; /* armed while accepting pauses */
    bool reported;               /* that accepting pauses */
    struct asyncio__link clients;
    size_t connections;              /* clients whose connection is not closed */
    struct asyncio__link waiters;    /* tasks that wait for the numbers to go down */
    struct asyncio__waiter *forever; /* the task in serve_forever, or NULL */
};

/* A new server without sockets, one reference. NULL: raised. */
struct asyncio_server *asyncio__server_new(asyncio_loop *loop, asyncio_client_connected_cb *cb,
                                           asyncio__accepted *accepted,
                                           const asyncio_server_options *options);

/* Its sockets and their path are the program's again: closing leaves them alone. */
void asyncio__server_give_back(struct asyncio_server *server);

/* An asyncio__accepted: makes a client of the connection. */
void asyncio__client_start(struct asyncio_server *server, int fd, const struct sockaddr *peer,
                           socklen_t peer_size);

/* Cancels the tasks of all connections. */
void asyncio__clients_cancel(struct asyncio_server *server);

/* Tells the exception handler; the error leaves the slot. */
void asyncio__server_report(struct asyncio_server *server, const char *message, int code);

/* Accepting goes on if it had paused. */
void asyncio__server_resume(struct asyncio_server *server);

/* Wakes who waits for the numbers to go down. */
void asyncio__server_changed(struct asyncio_server *server);

#endif
