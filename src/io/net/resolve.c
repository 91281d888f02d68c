/* SPDX-License-Identifier: MIT
 *
 * io/net/resolve.c: the addresses that a connection or a server may have.
 */
#include "io/net/resolve.h"

#include <errno.h>

#include "base/alloc.h"
#include "io/net/dns.h"

/* An address may stand in the system's tables twice; it cannot be bound twice. */
static bool is_known(const struct asyncio__addresses *list, const struct addrinfo *info) {
    for (size_t i = 0; i < list->count; i++) {
        const struct asyncio__address *a = &list->list[i];
        if (a->family == info->ai_family && a->protocol == info->ai_protocol &&
            a->size == info->ai_addrlen && memcmp(&a->addr, info->ai_addr, a->size) == 0) {
            return true;
        }
    }
    return false;
}

static int append_list(const struct addrinfo *info, struct asyncio__addresses *out) {
    size_t count = out->count;
    for (const struct addrinfo *i = info; i; i = i->ai_next) count++;
    struct asyncio__address *list = asyncio__realloc(out->list, count * sizeof *list);
    if (!list) return asyncio__raise(-ENOMEM, NULL);
    out->list = list;
    for (; info; info = info->ai_next) {
        if (is_known(out, info)) continue;
        struct asyncio__address *a = &list[out->count++];
        *a = (struct asyncio__address){ .family = info->ai_family,
                                        .type = info->ai_socktype,
                                        .protocol = info->ai_protocol,
                                        .size = info->ai_addrlen };
        memcpy(&a->addr, info->ai_addr, info->ai_addrlen);
    }
    return 0;
}

int asyncio__resolve(struct asyncio_task *task, const char *host, int port, const char *service,
                     const struct addrinfo *hints, struct asyncio__addresses *out) {
    struct addrinfo *info;
    char number[16];
    if (port < 0 || port > 65535) {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "port %d is not in 0 to 65535", port);
    }
    if (service && port != 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "a port or a service can be given, not both");
    }
    snprintf(number, sizeof number, "%d", port);
    int rc =
        asyncio__getaddrinfo(task->future.loop, host, service ? service : number, hints, &info);
    if (rc < 0) return rc;
    rc = append_list(info, out);
    freeaddrinfo(info);
    return rc;
}

int asyncio__one_address(const struct sockaddr *addr, socklen_t size,
                         struct asyncio__addresses *out) {
    if (size < sizeof addr->sa_family || size > sizeof out->list->addr) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "an address of that size cannot be");
    }
    out->list = asyncio__calloc(1, sizeof *out->list);
    if (!out->list) return asyncio__raise(-ENOMEM, NULL);
    out->count = 1;
    out->list->family = addr->sa_family;
    out->list->type = SOCK_STREAM;
    out->list->size = size;
    memcpy(&out->list->addr, addr, size);
    return 0;
}
