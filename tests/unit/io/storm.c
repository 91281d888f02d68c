/* SPDX-License-Identifier: MIT
 *
 * Storms: many connections at once, connections that are gone before they are accepted, and an
 * accept or a poller that fails for a while.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "io.h"

/* ---- system calls that fail ---- */

static struct {
    int error; /* 0: the call does what it does */
    int times; /* how often it fails; < 0: never again */
} failing_accept, failing_add;

int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *restrict size, int flags) {
    union {
        void *p;
        int (*f)(int, __SOCKADDR_ARG, socklen_t *restrict, int);
    } real = { dlsym(RTLD_NEXT, "accept4") };
    if (failing_accept.times-- > 0) {
        errno = failing_accept.error;
        return -1;
    }
    return real.f(fd, addr, size, flags);
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    union {
        void *p;
        int (*f)(int, int, int, struct epoll_event *);
    } real = { dlsym(RTLD_NEXT, "epoll_ctl") };
    if (op == EPOLL_CTL_ADD && failing_add.times-- > 0) {
        errno = failing_add.error;
        return -1;
    }
    return real.f(epfd, op, fd, event);
}

/* ---- a server and clients ---- */

static asyncio_server *server;
static int served;

ASYNC(answers, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char c;
    (void)arg;
    int rc = AWAIT(asyncio_streamreader_read(reader, &c, 1));
    served++;
    if (rc > 0) rc = asyncio_streamwriter_write(writer, &c, 1);
    if (rc >= 0) rc = AWAIT(asyncio_streamwriter_drain(writer));
    asyncio_streamwriter_close(writer);
    if (rc < 0) asyncio_ignore(rc);
    RETURN();
}

static void start_server(void) {
    CHECK_INT(AWAIT(asyncio_start_server(answers, "127.0.0.1", 0, &server, .backlog = 4096)), 0);
}

static void end_server(void) {
    asyncio_server_close(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    asyncio_server_unref(server);
}

/* Connected to the server, or about to be. */
static int connect_socket(int flags) {
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)asyncio_server_port(server)),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
    return fd;
}

/* Sends a byte and gets it back. */
static void must_be_served(int fd) {
    char c = 0;
    CHECK_INT(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    for (int i = 0; i < 1000 && recv(fd, &c, 1, MSG_DONTWAIT) < 0; i++) some_turns(1);
    CHECK_INT(c, 'x');
    close(fd);
}

static int most_clients(int wanted) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    bool slow = test_under_valgrind() || test_under_emulation();
    int most = (int)(((slow ? 500 : limit.rlim_cur) - 50) / 2);
    return most < wanted ? most : wanted;
}

ASYNC(all_at_once, (int) count) {
    int *fd = calloc((size_t)count, sizeof *fd);
    char c;
    start_server();
    for (int i = 0; i < count; i++) fd[i] = connect_socket(SOCK_NONBLOCK);
    for (int i = 0; i < count; i++) CHECK_INT(send(fd[i], "x", 1, MSG_NOSIGNAL), 1);
    int before = 0, most = 0, steps = 0;
    while (served < count) { /* others have their turns meanwhile */
        some_turns(1);
        if (served - before > most) most = served - before;
        before = served;
        CHECK(++steps < 100000);
    }
    CHECK(most <= 256);
    for (int i = 0; i < count; i++) {
        while (recv(fd[i], &c, 1, MSG_DONTWAIT) < 0) some_turns(1);
        CHECK_INT(c, 'x');
        close(fd[i]);
    }
    free(fd);
    CHECK_INT(reported.count, 0);
    end_server();
    RETURN();
}
TEST_TIMEOUT(thousands_connect_at_once, 120) { run_alone(all_at_once(most_clients(3000))); }

ASYNC(gone_already, (int) count) {
    start_server();
    for (int i = 0; i < count; i++) {
        int fd = connect_socket(0);
        if (i % 3) CHECK_INT(send(fd, "x", 1, MSG_NOSIGNAL), 1);
        if (i % 2) reset_connection(fd);
        else close(fd);
    }
    while (served < count) some_turns(1);
    must_be_served(connect_socket(0));
    CHECK_INT(reported.count, 0);
    end_server();
    RETURN();
}
TEST_TIMEOUT(connections_that_are_gone_before_they_are_accepted, 120) {
    run_alone(gone_already(most_clients(1000)));
}

/* ---- errors of accepting ---- */

ASYNC(passing_errors) {
    static const int passing[] = { ECONNABORTED, EINTR, EPROTO, ENETDOWN, EHOSTUNREACH };
    start_server();
    double before = asyncio_loop_time(loop);
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        failing_accept.error = passing[i];
        failing_accept.times = 3;
        must_be_served(connect_socket(0));
    }
    CHECK_DOUBLE(asyncio_loop_time(loop), before);
    CHECK_INT(reported.count, 0);
    end_server();
    RETURN();
}
TEST(a_connection_that_cannot_be_accepted_does_not_hold_up_the_next) {
    run_alone(passing_errors());
}

ASYNC(lasting_errors) {
    static const int lasting[] = { ENFILE, ENOBUFS, ENOMEM };
    start_server();
    for (int i = 0; i < 3; i++) {
        reported.count = 0;
        failing_accept.error = lasting[i];
        failing_accept.times = 3;
        int fd = connect_socket(0);
        unsigned long long turns_before = turns();
        CHECK_INT(AWAIT(asyncio_sleep(2.5)), 0);
        CHECK_INT(failing_accept.times, 0); /* at once, after one second, after two */
        CHECK_INT(reported.count, 1);
        CHECK_INT(reported.code, -lasting[i]);
        CHECK_STR(reported.message, "socket.accept() out of system resource");
        CHECK(turns() - turns_before < 30);
        CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
        must_be_served(fd);
    }
    end_server();
    RETURN();
}
TEST(without_resources_accepting_pauses_each_time_and_tells_once) { run_alone(lasting_errors()); }

/* ---- errors of the poller ---- */

ASYNC(poller_full) {
    start_server();
    failing_accept.error = EMFILE;
    failing_accept.times = 1;
    failing_add.error = ENOSPC;
    int fd = connect_socket(0);
    some_turns(5);
    CHECK_INT(reported.count, 1);
    failing_add.times = 2; /* accepting cannot be resumed, twice */
    CHECK_INT(AWAIT(asyncio_sleep(2.5)), 0);
    CHECK_INT(failing_add.times, 0);
    CHECK(asyncio_server_is_serving(server));
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    must_be_served(fd);
    CHECK_INT(reported.count, 1);
    end_server();
    RETURN();
}
TEST(a_server_that_cannot_listen_again_tries_later) { run_alone(poller_full()); }

ASYNC(poller_full_for_a_client) {
    char c;
    start_server();
    int fd = connect_socket(0);
    failing_add.error = ENOSPC;
    failing_add.times = 1;
    while (recv(fd, &c, 1, MSG_DONTWAIT) < 0) some_turns(1); /* the handler fails: it ends */
    CHECK_INT(served, 1);
    close(fd);
    must_be_served(connect_socket(0));
    asyncio_streamreader *r;
    asyncio_streamwriter *w;
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &r, &w)), 0);
    failing_add.times = 1;
    CHECK_INT(AWAIT(asyncio_streamreader_read(r, &c, 1)), -ENOSPC);
    asyncio_ignore(-ENOSPC);
    asyncio_streamreader_unref(r);
    asyncio_streamwriter_unref(w);
    end_server();
    RETURN();
}
TEST(a_connection_that_cannot_be_waited_for_fails_and_no_other) {
    run_alone(poller_full_for_a_client());
}

ASYNC(waits_without_poller) {
    int fd[2];
    make_pair(fd);
    failing_add.error = ENOMEM;
    failing_add.times = 1;
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    put(fd[1], "x");
    CHECK(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)) >= 0);
    failing_add.times = 1;
    asyncio_fd_close(fd[0]);
    fd[0] = dup(fd[1]);
    CHECK_INT(asyncio_loop_add_reader(loop, fd[0], note_arg, NULL), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    CHECK_INT(asyncio_loop_add_reader(loop, fd[0], note_arg, NULL), 0);
    close_pair(fd);
    RETURN();
}
TEST(what_cannot_be_waited_for_can_be_waited_for_later) { run_alone(waits_without_poller()); }
