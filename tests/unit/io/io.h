/* SPDX-License-Identifier: MIT
 *
 * tests/unit/io/io.h: what the tests of this folder share: pairs of descriptors, and threads
 * that do something a little later, as the world outside does.
 */
#ifndef TEST_IO_H
#define TEST_IO_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../support/core.h"

/* Ends the test where the machine knows no names, as one without /etc/hosts. */
TEST_UNUSED static void need_localhost(void) {
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    if (getaddrinfo("localhost", NULL, &hints, &list) != 0) SKIP("this machine has no localhost");
    freeaddrinfo(list);
}

/* Both ends of a connected pair of unix stream sockets, non-blocking. */
TEST_UNUSED static void make_pair(int fd[2]) {
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

/* The kernel would make it larger as it sees fit, and by what it knows of earlier connections. */
TEST_UNUSED static void fix_buffers(int fd) {
    int size = 65536;
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

/* The same over TCP. */
TEST_UNUSED static void make_tcp_pair(int fd[2]) {
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fix_buffers(listener); /* and those it accepts */
    CHECK_INT(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    CHECK_INT(listen(listener, 1), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fix_buffers(fd[0]);
    CHECK_INT(connect(fd[0], (struct sockaddr *)&addr, sizeof addr), 0);
    fd[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(fd[1] >= 0);
    CHECK_INT(fcntl(fd[0], F_SETFL, fcntl(fd[0], F_GETFL) | O_NONBLOCK), 0);
    close(listener);
}

/* Closes it so that the other side gets a reset. */
TEST_UNUSED static void reset_connection(int fd) {
    const struct linger now = { 1, 0 };
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

TEST_UNUSED static void close_pair(const int fd[2]) {
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    CHECK_INT(asyncio_fd_close(fd[1]), 0);
}

TEST_UNUSED static void put(int fd, const char *text) {
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

/* Reads what is there without waiting. */
TEST_UNUSED static const char *get(int fd) {
    static char text[65536];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

/* Fills the descriptor until it takes no more; how many bytes that were. */
TEST_UNUSED static size_t fill(int fd) {
    static const char zeros[65536];
    size_t sum = 0;
    ssize_t n;
    while ((n = write(fd, zeros, sizeof zeros)) > 0) sum += (size_t)n;
    return sum;
}

/* Lets everything else run for n turns. */
TEST_UNUSED static void some_turns(int n) {
    while (n-- > 0) CHECK_INT(AWAIT(asyncio_sleep(0)), 0);
}

/* A task that was started, and waits where it will wait. */
TEST_UNUSED static asyncio_task *start(asyncio_coro c) {
    asyncio_task *t = asyncio_create_task(c);
    CHECK(t != NULL);
    some_turns(2);
    return t;
}

/* The task has ended so; the reference goes. */
TEST_UNUSED static void check_ended(asyncio_task *t, int status) {
    asyncio_outcome o;
    CHECK_INT(AWAIT(asyncio_task_join(t, &o)), 0);
    CHECK_STR(asyncio_err_name(o.status), asyncio_err_name(status));
    asyncio_outcome_fini(&o);
    asyncio_task_unref(t);
}

struct later {
    pthread_t thread;
    int fd;
    const char *text;
};

TEST_UNUSED static void *put_later(void *arg) {
    struct later *l = arg;
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    put(l->fd, l->text);
    return NULL;
}

/* Another thread writes it after 20 ms. */
TEST_UNUSED static void start_later(struct later *l, int fd, const char *text) {
    l->fd = fd;
    l->text = text;
    CHECK_INT(pthread_create(&l->thread, NULL, put_later, l), 0);
}

#endif
