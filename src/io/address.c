/* SPDX-License-Identifier: MIT
 *
 * io/address.c: addresses as text.
 */
#include "io/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

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
