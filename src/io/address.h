/* SPDX-License-Identifier: MIT
 *
 * io/address.h: addresses as text; the two addresses of a connection.
 */
#ifndef ASYNCIO_IO_ADDRESS_H
#define ASYNCIO_IO_ADDRESS_H

#include <asyncio/value.h>
#include <stddef.h>
#include <sys/socket.h>

/* "127.0.0.1:80", "[::1]:80", a path, "@name" for an abstract one, "" for one without a name;
 * cut off if buf is too small. Returns buf. */
const char *asyncio__address_format(const struct sockaddr *addr, socklen_t size, char *buf,
                                    size_t n);

/* Room for any of them. */
#define ASYNCIO__ADDRESS_TEXT 160

/* An address as a string value: 1, or raised. 0 for one of no bytes: it is not known. */
int asyncio__address_value(const void *addr, socklen_t size, asyncio_value *value);

/* The addresses of a connected socket, as they were when it was connected. They stay when the
 * other side resets the connection, after which the kernel does not know them, and when it is
 * closed. */
struct asyncio__ends;

/* Asks the socket; peer: what accept said, NULL to ask for that, too. asyncio__free. NULL:
 * raised. */
struct asyncio__ends *asyncio__ends_new(int fd, const struct sockaddr *peer, socklen_t peer_size);

/* "peername" or "sockname", as asyncio__address_value; 0 for other names. */
int asyncio__ends_get(const struct asyncio__ends *ends, const char *name, asyncio_value *value);

#endif
