/* SPDX-License-Identifier: MIT
 *
 * load.c: the load of the echo benchmark: `echo-load PORT CONNECTIONS BYTES SECONDS`. Each
 * connection sends a message, waits until it has come back whole, and sends the next (a closed
 * loop). After a fifth of the time as warm-up it prints "start", and at the end "stop N": the
 * messages that came back in between. One thread, epoll, level-triggered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256

static char message[1 << 20], answer[1 << 20];

struct connection {
    int fd;
    size_t got;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int connect_to(int port) {
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((unsigned short)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_message(const struct connection *c, size_t size) {
    if (send(c->fd, message, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

/* Whether a message has come back whole; then the next one is on its way. */
static int receive(struct connection *c, size_t size) {
    ssize_t n = recv(c->fd, answer, size - c->got, 0);
    if (n <= 0) die("recv");
    c->got += (size_t)n;
    if (c->got < size) return 0;
    c->got = 0;
    send_message(c, size);
    return 1;
}

/* Until then; how many messages came back. */
static unsigned long run_until(int epoll, size_t size, double end) {
    struct epoll_event events[EVENTS];
    unsigned long count = 0;
    while (now() < end) {
        int n = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < n; i++) count += (unsigned long)receive(events[i].data.ptr, size);
    }
    return count;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fputs("usage: echo-load PORT CONNECTIONS BYTES SECONDS\n", stderr);
        return 2;
    }
    int count = atoi(argv[2]), epoll = epoll_create1(0);
    size_t size = (size_t)atol(argv[3]);
    double seconds = atof(argv[4]);
    struct connection *c = calloc((size_t)count, sizeof *c);
    if (!c || size == 0 || size > sizeof message) return 2;
    memset(message, 'x', size);
    for (int i = 0; i < count; i++) {
        c[i].fd = connect_to(atoi(argv[1]));
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &c[i] };
        epoll_ctl(epoll, EPOLL_CTL_ADD, c[i].fd, &e);
        send_message(&c[i], size);
    }
    double start = now();
    run_until(epoll, size, start + seconds / 5);
    puts("start");
    fflush(stdout);
    unsigned long done = run_until(epoll, size, start + seconds);
    printf("stop %lu\n", done);
    fflush(stdout);
    return 0;
}
