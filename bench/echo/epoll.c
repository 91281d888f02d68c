/* SPDX-License-Identifier: MIT
 *
 * epoll.c: an echo server on epoll and nothing else: what the kernel costs. Edge-triggered, each
 * connection registered once; no read after a short one.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "listen.h"

static char buffer[BUFFER];
static int epoll;

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd };
        no_delay(fd);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

/* The answers of a closed loop always fit into the socket's buffer. */
static void echo(int fd) {
    ssize_t n;
    do {
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            close(fd);
            return;
        }
        if (n > 0 && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) abort();
    } while (n == (ssize_t)sizeof buffer);
}

int main(void) {
    struct epoll_event events[256];
    int listener = listen_and_print();
    epoll = epoll_create1(0);
    struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) accept_all(listener);
            else echo(events[i].data.fd);
        }
    }
}
