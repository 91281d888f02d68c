/* SPDX-License-Identifier: MIT
 *
 * listen.h: what the servers of the echo benchmark that begin with a socket share: one that
 * listens on a free port of the loopback, whose number is printed.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 65536

static inline void print_port(int port) {
    printf("%d\n", port);
    fflush(stdout);
}

static inline int listen_and_print(void) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
        perror("listen");
        exit(1);
    }
    print_port(ntohs(at.sin_port));
    return fd;
}

static inline void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

#endif
