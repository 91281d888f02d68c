/* SPDX-License-Identifier: MIT
 *
 * io/address.h: addresses as text.
 */
#ifndef ASYNCIO_IO_ADDRESS_H
#define ASYNCIO_IO_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

/* "127.0.0.1:80", "[::1]:80", a path, "@name" for an abstract one, "" for one without a name;
 * cut off if buf is too small. Returns buf. */
const char *asyncio__address_format(const struct sockaddr *addr, socklen_t size, char *buf,
                                    size_t n);

/* Room for any of them. */
#define ASYNCIO__ADDRESS_TEXT 160

#endif
