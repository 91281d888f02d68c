/* SPDX-License-Identifier: MIT
 *
 * asyncio/dns.h: from names to addresses and back. The system's resolver blocks, so it is called
 * in threads of the loop's own, which share nothing with the default executor and are as many as
 * that one would have (asyncio_loop_set_resolver_threads). Addresses and ports in numbers are read
 * in place.
 *
 *     struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
 *     asyncio_value list;
 *     TRY(AWAIT(asyncio_loop_getaddrinfo(loop, "example.org", "80", &hints), &list));
 *     for (struct addrinfo *a = list.p; a; a = a->ai_next) ...
 *     asyncio_value_drop(&list);
 *
 * A look-up that is cancelled ends at once; one that has begun goes on in its thread, and what it
 * finds is freed. That thread is not one of those above, so name servers that do not answer hold
 * up nobody who gives up on them.
 *
 * Part: io.
 */
#ifndef ASYNCIO_DNS_H
#define ASYNCIO_DNS_H

#include <asyncio/coro.h>
#include <sys/socket.h>

ASYNCIO_BEGIN_DECLS

struct addrinfo; /* netdb.h */

/* The type of a value that owns a list of addresses (its `p`, a struct addrinfo *) and frees it
 * when it is dropped. */
ASYNCIO_API extern const asyncio_value_type asyncio_value_addrinfo;

/* Looks up host and service (a name or a number), either of which may be NULL, as getaddrinfo
 * does. hints NULL: any. The value is the list, of type asyncio_value_addrinfo. What is given must
 * stay until it is awaited; a task has its own copy.
 * Errors, when awaited: ASYNCIO_OS_ERROR with the resolver's message, and its number (EAI_NONAME)
 * as the error's value; the system's error where the resolver names one; -ENOMEM;
 * ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR for another loop than the one that runs, and in a
 * forked child; ASYNCIO_TYPE_ERROR for a NULL loop; -EAGAIN if no thread can be started.
 * Suspends: yes (when awaited, unless both are numbers). Thread: loop. Owner: the value is yours.
 * Since: 0.1. Python: loop.getaddrinfo. */
ASYNCIO_API asyncio_coro asyncio_loop_getaddrinfo(asyncio_loop *loop, const char *host,
                                                  const char *service, const struct addrinfo *hints)
    ASYNCIO_MUST_USE;

/* Sets how many look-ups of the loop are under way at a time, each in a thread; 0, as at first: the
 * smaller of 32 and the number of processors + 4. Others wait. Those that were cancelled and go on
 * do not count, up to 256. Threads that are there already end when they have nothing to do.
 * Returns 0; ASYNCIO_VALUE_ERROR for less than 0 or more than 65535; ASYNCIO_RUNTIME_ERROR when the
 * loop is closed, or in another thread than the loop's; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.2. Python: loop.set_default_executor. */
ASYNCIO_API int asyncio_loop_set_resolver_threads(asyncio_loop *loop, int max_threads);

/* Looks up the names of an address, as getnameinfo does, and writes them into host and service
 * (room for that many bytes; NULL: not wanted), which must stay where they are until it has ended.
 * flags: NI_NUMERICHOST and so on.
 * Errors, when awaited: those of asyncio_loop_getaddrinfo, for a name that is too long, too;
 * ASYNCIO_VALUE_ERROR for an address that is too long; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless only numbers are wanted). Thread: loop. Since: 0.1.
 * Python: loop.getnameinfo. */
ASYNCIO_API asyncio_coro asyncio_loop_getnameinfo(asyncio_loop *loop, const struct sockaddr *addr,
                                                  socklen_t size, char *host, size_t host_size,
                                                  char *service, size_t service_size, int flags)
    ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
