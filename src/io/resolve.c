/* SPDX-License-Identifier: MIT
 *
 * io/resolve.c: addresses in numbers, which need no look-up.
 */
#include "io/resolve.h"

#include <errno.h>
#include <netdb.h>

#include "base/alloc.h"

static int raise_gai(const char *host, int code) {
    if (code == EAI_MEMORY) return asyncio__raise(-ENOMEM, NULL);
    if (code == EAI_SYSTEM) return asyncio_raise(-errno, NULL, NULL, "%s", host ? host : "");
    return asyncio_raise(ASYNCIO_OS_ERROR, NULL, NULL, "%s: %s", host ? host : "",
                         gai_strerror(code));
}

static int copy_list(const struct addrinfo *info, struct asyncio__addresses *out) {
    size_t count = 0;
    for (const struct addrinfo *i = info; i; i = i->ai_next) count++;
    struct asyncio__address *list = asyncio__calloc(count, sizeof *list);
    if (!list) return asyncio__raise(-ENOMEM, NULL);
    *out = (struct asyncio__addresses){ list, count };
    for (; info; info = info->ai_next, list++) {
        list->family = info->ai_family;
        list->type = info->ai_socktype;
        list->protocol = info->ai_protocol;
        list->size = info->ai_addrlen;
        memcpy(&list->addr, info->ai_addr, info->ai_addrlen);
    }
    return 0;
}

int asyncio__resolve(struct asyncio_task *task, const char *host, int port, int family, int flags,
                     struct asyncio__addresses *out) {
    struct addrinfo *info, hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
    char service[16];
    (void)task;
    if (port < 0 || port > 65535) {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "port %d is not in 0 to 65535", port);
    }
    snprintf(service, sizeof service, "%d", port);
    hints.ai_flags = flags | AI_NUMERICSERV | (host ? AI_NUMERICHOST : 0);
    int code = getaddrinfo(host, service, &hints, &info);
    if (code != 0) return raise_gai(host, code);
    int rc = copy_list(info, out);
    freeaddrinfo(info);
    return rc;
}
