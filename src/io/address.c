/* SPDX-License-Identifier: MIT
 *
 * io/address.c: addresses as text; the two addresses of a connection.
 */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/error.h"

static void format_inet(const struct sockaddr *addr, char *buf, size_t n) {
    struct sockaddr_in in;
    char host[INET_ADDRSTRLEN] = "?";
    memcpy(&in, addr, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
    snprintf(buf, n, "%s:%u", host, ntohs(in.sin_port));
}

static void format_inet6(const struct sockaddr *addr, char *buf, size_t n) {
    struct sockaddr_in6 in;
    char host[INET6_ADDRSTRLEN] = "?", scope[2 + IF_NAMESIZE] = "";
    memcpy(&in, addr, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
    if (in.sin6_scope_id) {
        scope[0] = '%';
        if (!if_indextoname(in.sin6_scope_id, scope + 1)) {
            snprintf(scope + 1, sizeof scope - 1, "%u", in.sin6_scope_id);
        }
    }
    snprintf(buf, n, "[%s%s]:%u", host, scope, ntohs(in.sin6_port));
}

static void format_unix(const struct sockaddr *addr, socklen_t size, char *buf, size_t n) {
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    size_t length = size > before ? size - before : 0;
    if (length > sizeof un.sun_path) length = sizeof un.sun_path;
    memcpy(un.sun_path, (const char *)addr + before, length);
    if (length == 0) snprintf(buf, n, "%s", "");
    else if (un.sun_path[0]) snprintf(buf, n, "%.*s", (int)length, un.sun_path);
    else snprintf(buf, n, "@%.*s", (int)length - 1, un.sun_path + 1);
}

const char *asyncio__address_format(const struct sockaddr *addr, socklen_t size, char *buf,
                                    size_t n) {
    if (size < sizeof addr->sa_family) snprintf(buf, n, "%s", "");
    else if (addr->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        format_inet(addr, buf, n);
    } else if (addr->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        format_inet6(addr, buf, n);
    } else if (addr->sa_family == AF_UNIX) {
        format_unix(addr, size, buf, n);
    } else {
        snprintf(buf, n, "family %d", addr->sa_family);
    }
    return buf;
}

int asyncio__address_value(const void *addr, socklen_t size, asyncio_value *value) {
    char text[ASYNCIO__ADDRESS_TEXT];
    if (size == 0) return 0;
    char *copy = strdup(asyncio__address_format(addr, size, text, sizeof text));
    if (!copy) return asyncio__raise(-ENOMEM, NULL);
    *value = asyncio_own_str(copy);
    return 1;
}

/* ---- both ends ---- */

struct asyncio__ends {
    socklen_t own_size, peer_size; /* 0: not known */
    char bytes[];                  /* the own one, and from a multiple of 8 on the peer's */
};

static size_t place_of_peer(socklen_t own_size) { return (own_size + 7u) & ~(size_t)7; }

struct asyncio__ends *asyncio__ends_new(int fd, const struct sockaddr *peer, socklen_t peer_size) {
    struct sockaddr_storage own, asked;
    socklen_t own_size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &own_size) < 0) own_size = 0;
    if (!peer) {
        peer = (const struct sockaddr *)&asked;
        peer_size = sizeof asked;
        if (getpeername(fd, (struct sockaddr *)&asked, &peer_size) < 0) peer_size = 0;
    }
    size_t at = place_of_peer(own_size);
    struct asyncio__ends *ends = asyncio__malloc(sizeof *ends + at + peer_size);
    if (!ends) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    ends->own_size = own_size;
    ends->peer_size = peer_size;
    memcpy(ends->bytes, &own, own_size);
    memcpy(ends->bytes + at, peer, peer_size);
    return ends;
}

int asyncio__ends_get(const struct asyncio__ends *ends, const char *name, asyncio_value *value) {
    const char *peer = ends->bytes + place_of_peer(ends->own_size);
    if (strcmp(name, "sockname") == 0) {
        return asyncio__address_value(ends->bytes, ends->own_size, value);
    }
    if (strcmp(name, "peername") == 0) return asyncio__address_value(peer, ends->peer_size, value);
    return 0;
}
