/* SPDX-License-Identifier: MIT
 *
 * Sockets that the program made and gives to servers, connections and sendfile.
 */
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../stream.h"

static asyncio_server *server;
static char dir[32], path[64];

ASYNC(nothing, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r;
    (void)w;
    (void)arg;
    RETURN();
}

static void make_path(void) {
    snprintf(dir, sizeof dir, "/tmp/asyncio-test-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/socket", dir);
}

static void remove_path(void) {
    unlink(path);
    CHECK_INT(rmdir(dir), 0);
}

static bool exists(void) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* A socket of that kind, bound to a path, which '@' makes abstract; NULL: not bound. */
static int make_unix(int type, const char *name) {
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    if (!name) return fd;
    memcpy(un.sun_path, name, strlen(name));
    if (name[0] == '@') un.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    CHECK_INT(bind(fd, (struct sockaddr *)&un, size), 0);
    return fd;
}

/* ---- the path of a unix socket ---- */

static void end_server(void) {
    asyncio_server_close(server);
    asyncio_server_unref(server);
    server = NULL;
}

ASYNC(removes_path) {
    make_path();
    int fd = make_unix(SOCK_STREAM, path);
    CHECK_INT(AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd)), 0);
    CHECK(exists());
    end_server();
    CHECK(!exists());
    remove_path();
    RETURN();
}
TEST(the_path_of_a_given_socket_is_removed) { run_alone(removes_path()); } /* V13-7 */

ASYNC(keeps_path) {
    make_path();
    int fd = make_unix(SOCK_STREAM, path);
    CHECK_INT(
        AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd, .cleanup_socket = -1)),
        0);
    end_server();
    CHECK(exists());
    CHECK_INT(unlink(path), 0);

    fd = make_unix(SOCK_STREAM, path); /* somebody else takes its place */
    CHECK_INT(AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd)), 0);
    CHECK_INT(unlink(path), 0);
    int other = make_unix(SOCK_STREAM, path);
    end_server();
    CHECK(exists());
    close(other);
    remove_path();
    RETURN();
}
TEST(a_path_that_is_to_stay_or_is_somebody_elses_stays) { run_alone(keeps_path()); }

ASYNC(has_no_path) {
    char name[64];
    snprintf(name, sizeof name, "@asyncio-test-%d", (int)getpid());
    int fd = make_unix(SOCK_STREAM, name);
    CHECK_INT(AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd)), 0);
    end_server();
    RETURN();
}
TEST(an_abstract_socket_has_no_path) { run_alone(has_no_path()); }

/* ---- other kinds ---- */

static int make(int family, int type) {
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    return fd;
}

/* It is still the program's. */
static void still_ours(int fd) {
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

#define STREAM "A Stream Socket was expected"
#define UNIX "A UNIX Domain Stream Socket was expected"

ASYNC(refuses_servers) {
    static const int kinds[][2] = { { AF_INET, SOCK_DGRAM },
                                    { AF_UNIX, SOCK_DGRAM },
                                    { AF_UNIX, SOCK_SEQPACKET } };
    for (int i = 0; i < 3; i++) {
        int fd = make(kinds[i][0], kinds[i][1]);
        CHECK_ERROR(AWAIT(asyncio_start_server(nothing, NULL, 0, &server, .sock = fd)),
                    ASYNCIO_VALUE_ERROR, STREAM);
        CHECK_ERROR(AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd)),
                    ASYNCIO_VALUE_ERROR, UNIX);
        still_ours(fd);
    }
    int fd = make(AF_INET, SOCK_STREAM);
    CHECK_ERROR(AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = fd)),
                ASYNCIO_VALUE_ERROR, UNIX);
    still_ours(fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int rc = AWAIT(asyncio_start_server(nothing, NULL, 0, &server, .sock = fd));
    CHECK_INT(rc, -ENOTSOCK);
    asyncio_ignore(rc);
    still_ours(fd);
    RETURN();
}
TEST(a_server_refuses_sockets_of_another_kind) { run_alone(refuses_servers()); }

ASYNC(refuses_connections) {
    int fd[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    CHECK_ERROR(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = fd[0])),
                ASYNCIO_VALUE_ERROR, STREAM);
    CHECK_ERROR(AWAIT(asyncio_open_unix_connection(NULL, &reader, &writer, .sock = fd[0])),
                ASYNCIO_VALUE_ERROR, UNIX);
    CHECK(!(fcntl(fd[0], F_GETFL) & O_NONBLOCK)); /* nothing has changed */
    still_ours(fd[0]);
    close(fd[1]);
    make_tcp_pair(fd);
    CHECK_ERROR(AWAIT(asyncio_open_unix_connection(NULL, &reader, &writer, .sock = fd[0])),
                ASYNCIO_VALUE_ERROR, UNIX);
    still_ours(fd[0]);
    close(fd[1]);
    const struct sockaddr_in in = { .sin_family = AF_INET };
    CHECK_ERROR(
        AWAIT(asyncio_open_unix_connection(
            NULL, &reader, &writer, .addr = (const struct sockaddr *)&in, .addr_size = sizeof in)),
        ASYNCIO_VALUE_ERROR, "A UNIX Domain address was expected");
    RETURN();
}
TEST(a_connection_refuses_sockets_of_another_kind) { run_alone(refuses_connections()); }

ASYNC(refuses_sendfile) {
    loop = asyncio_get_running_loop();
    int fd[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendfile(loop, fd[0], file, 0, 10)), ASYNCIO_VALUE_ERROR,
                "only SOCK_STREAM type sockets are supported");
    close_pair(fd);
    close(file);
    RETURN();
}
TEST(files_are_sent_into_stream_sockets_only) { run_alone(refuses_sendfile()); }

/* Either server takes what it can serve. */
ASYNC(accepts_unix) {
    int fd = make_unix(SOCK_STREAM, "@");
    CHECK_INT(AWAIT(asyncio_start_server(nothing, NULL, 0, &server, .sock = fd)), 0);
    end_server();
    RETURN();
}
TEST(a_server_takes_a_unix_stream_socket) { run_alone(accepts_unix()); }

/* A server that does not come to be leaves the program's socket alone, and nothing of its own. */
ASYNC(fails_to_listen) {
    make_path();
    int fds[2];
    make_pair(fds);
    int fd = make_unix(SOCK_STREAM, path);
    CHECK_INT(listen(fd, 1), 0);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, path, strlen(path));
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(client, (struct sockaddr *)&un, sizeof un), 0);
    int accepted = accept(fd, NULL, NULL); /* has the path as its name, and cannot listen */
    int rc = AWAIT(asyncio_start_unix_server(nothing, NULL, &server, .sock = accepted));
    CHECK_INT(rc, -EINVAL);
    asyncio_ignore(rc);
    CHECK(exists());
    CHECK(fcntl(accepted, F_GETFD) >= 0);
    close(accepted);
    close(client);
    close(fd);
    close_pair(fds);
    remove_path();
    RETURN();
}
TEST(a_server_that_fails_gives_the_socket_back) { run_alone(fails_to_listen()); }

/* Each allocation in turn: whatever fails, no path is left behind. */
ASYNC(without_memory) {
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = AWAIT(asyncio_start_unix_server(nothing, path, &server));
        if (asyncio_testing_fail_allocation(0) < n) return rc;
        CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        CHECK(!exists());
    }
}

ASYNC(fails_without_memory) {
    make_path();
    CHECK_INT(AWAIT(without_memory()), 0);
    CHECK(exists());
    end_server();
    remove_path();
    RETURN();
}
TEST(without_memory_no_path_is_left_behind) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(fails_without_memory());
}
