/* SPDX-License-Identifier: MIT
 *
 * What a server does when more want in than it can or may take: a shortage is told once, and a
 * limit makes others wait. (Handshakes: ../tls/limits.c.)
 */
#include <sys/resource.h>

#include "../io.h"

static asyncio_server *server;
static int served;

/* Served until the client ends its direction. */
ASYNC(serves, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    asyncio_bytes all;
    (void)arg;
    served++;
    TRY(AWAIT(asyncio_streamreader_readall(reader, &all)));
    asyncio_streamwriter_close(writer);
    RETURN();
}

static int connect_to(int port) {
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Whether so many have been served soon. */
static bool are_served(int n) {
    for (int i = 0; i < 200 && served < n; i++) some_turns(1);
    some_turns(5);
    return served == n;
}

static void end_server(void) {
    asyncio_server_close(server);
    asyncio_server_abort_clients(server);
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 10)), 0);
    asyncio_server_unref(server);
}

static struct rlimit limit;

/* Leaves descriptors for so many more. */
static void leave_descriptors(int n) {
    int next = dup(0);
    close(next);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)(next + n), limit.rlim_max }), 0);
}

static void leave_enough(void) { CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0); }

static void begin_shortage(void) {
    if (test_under_valgrind()) SKIP("valgrind has a limit of descriptors of its own");
    getrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- descriptors ---- */

/* A descriptor becomes free sixty times, and there is one who takes it each time. */
ASYNC(flooded) {
    enum { COUNT = 60, ROOM = 2 };
    int fd[COUNT];
    CHECK_INT(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server)), 0);
    for (int i = 0; i < COUNT; i++) fd[i] = connect_to(asyncio_server_port(server));
    leave_descriptors(ROOM);
    for (int i = 0; i < COUNT; i++) {
        CHECK(are_served(i + ROOM < COUNT ? i + ROOM : COUNT));
        shutdown(fd[i], SHUT_WR);
        if (i % 10 == 9) CHECK_INT(AWAIT(asyncio_sleep(1.5)), 0);
    }
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "socket.accept() out of system resource");
    CHECK_INT(reported.code, -EMFILE);
    leave_enough();
    for (int i = 0; i < COUNT; i++) close(fd[i]);
    end_server();
    RETURN();
}
TEST(a_flood_is_one_shortage) {
    begin_shortage();
    run_alone(flooded());
}

/* The next one is told again, if it is not at once. */
ASYNC(comes_again) {
    int fd[3];
    CHECK_INT(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server)), 0);
    fd[0] = connect_to(asyncio_server_port(server));
    leave_descriptors(0);
    CHECK(!are_served(1));
    leave_enough();
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    CHECK(are_served(1));
    CHECK_INT(reported.count, 1);
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    fd[1] = connect_to(asyncio_server_port(server));
    leave_descriptors(0);
    CHECK(!are_served(2));
    CHECK_INT(reported.count, 2);
    leave_enough();
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    CHECK(are_served(2));
    close(fd[0]);
    close(fd[1]);
    end_server();
    RETURN();
}
TEST(another_shortage_is_told_again) {
    begin_shortage();
    run_alone(comes_again());
}

/* One socket of the server has nobody waiting, the other many. */
ASYNC(two_sockets) {
    enum { COUNT = 10 };
    int fd[COUNT], fds[2];
    static const char *const hosts[] = { "127.0.0.2", "127.0.0.1", NULL };
    CHECK_INT(AWAIT(asyncio_start_server(serves, NULL, 0, &server, .hosts = hosts)), 0);
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    CHECK_INT(asyncio_server_sockets(server, fds, 2), 2);
    CHECK_INT(getsockname(fds[1], (struct sockaddr *)&in, &size), 0);
    for (int i = 0; i < COUNT; i++) fd[i] = connect_to(ntohs(in.sin_port));
    leave_descriptors(1);
    for (int i = 0; i < COUNT; i++) {
        CHECK(are_served(i + 1));
        shutdown(fd[i], SHUT_WR);
        CHECK_INT(AWAIT(asyncio_sleep(1.5)), 0);
    }
    CHECK_INT(reported.count, 1);
    leave_enough();
    for (int i = 0; i < COUNT; i++) close(fd[i]);
    end_server();
    RETURN();
}
TEST(a_shortage_of_one_socket_is_not_over_with_the_other) {
    begin_shortage();
    run_alone(two_sockets());
}

/* ---- memory ---- */

/* Connections that cannot be taken over for want of memory are a shortage, too. */
ASYNC(no_memory) {
    enum { COUNT = 20 };
    int fd[COUNT];
    CHECK_INT(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server)), 0);
    for (int i = 0; i < COUNT; i++) fd[i] = connect_to(asyncio_server_port(server));
    for (int i = 0; i < 5; i++) {
        asyncio_testing_fail_allocation(1 + i % 4);
        some_turns(5);
        asyncio_testing_fail_allocation(0);
        CHECK_INT(reported.count, 1);
        CHECK_STR(reported.message, "socket.accept() out of system resource");
        CHECK_INT(reported.code, -ENOMEM);
        CHECK(served < COUNT);
        asyncio_server_close_clients(server);
    }
    CHECK_INT(AWAIT(asyncio_sleep(2)), 0);
    CHECK(served > COUNT / 2);
    for (int i = 0; i < COUNT; i++) close(fd[i]);
    end_server();
    RETURN();
}
TEST(a_want_of_memory_pauses_accepting) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(no_memory());
}

/* ---- a limit of connections ---- */

ASYNC(has_a_limit) {
    enum { COUNT = 10, MOST = 3 };
    int fd[COUNT];
    CHECK_INT(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server, .max_connections = MOST)),
              0);
    for (int i = 0; i < COUNT; i++) fd[i] = connect_to(asyncio_server_port(server));
    unsigned long long before = turns();
    CHECK_INT(AWAIT(asyncio_sleep(100)), 0);
    CHECK(are_served(MOST));
    CHECK(turns() - before < 300); /* it does not spin */
    for (int i = 0; i < COUNT; i++) {
        shutdown(fd[i], SHUT_WR); /* whoever has left makes room for one */
        CHECK(are_served(i + 1 + MOST < COUNT ? i + 1 + MOST : COUNT));
    }
    CHECK_INT(reported.count, 0);
    for (int i = 0; i < COUNT; i++) close(fd[i]);
    end_server();
    RETURN();
}
TEST(no_more_than_max_connections_are_open) { run_alone(has_a_limit()); }

ASYNC(closes_at_the_limit) {
    int fd[2];
    CHECK_INT(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server, .max_connections = 1)),
              0);
    for (int i = 0; i < 2; i++) fd[i] = connect_to(asyncio_server_port(server));
    CHECK(are_served(1));
    asyncio_server_close(server);
    shutdown(fd[0], SHUT_WR);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    CHECK_INT(served, 1);
    asyncio_server_unref(server);
    close(fd[0]);
    close(fd[1]);
    RETURN();
}
TEST(a_server_closes_at_its_limit) { run_alone(closes_at_the_limit()); }

ASYNC(refuses) {
    CHECK_ERROR(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server, .max_connections = -1)),
                ASYNCIO_VALUE_ERROR, "max_connections must be >= 0");
    CHECK_ERROR(AWAIT(asyncio_start_server(serves, "127.0.0.1", 0, &server, .max_handshakes = 1)),
                ASYNCIO_VALUE_ERROR, "max_handshakes is only meaningful with ssl");
    RETURN();
}
TEST(limits_that_make_no_sense_are_refused) { run_alone(refuses()); }

/* ---- eager tasks ---- */

ASYNC(aborts, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    (void)reader;
    (void)arg;
    served++;
    asyncio_streamwriter_abort(writer);
    RETURN();
}

/* The connection has ended before its task is known to the server. */
ASYNC(starts_eagerly) {
    asyncio_loop_set_task_factory(asyncio_get_running_loop(), asyncio_eager_task_factory, NULL);
    CHECK_INT(AWAIT(asyncio_start_server(aborts, "127.0.0.1", 0, &server, .max_connections = 1)),
              0);
    for (int i = 1; i <= 3; i++) {
        int fd = connect_to(asyncio_server_port(server));
        CHECK(are_served(i));
        close(fd);
    }
    end_server();
    RETURN();
}
TEST(a_connection_may_end_in_the_eager_step_of_its_task) { run_alone(starts_eagerly()); }
