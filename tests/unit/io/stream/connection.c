/* SPDX-License-Identifier: MIT
 *
 * asyncio_open_connection and asyncio_open_unix_connection: addresses, options, failures.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "../io.h"

static asyncio_streamreader *reader;
static asyncio_streamwriter *writer;

/* A listening socket on a free port of the loopback. */
static int listen_at(int family, int *port) {
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr *addr = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t size = family == AF_INET ? sizeof four : sizeof six;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, addr, size) < 0) SKIP("no loopback of that family");
    CHECK_INT(listen(fd, 5), 0);
    CHECK_INT(getsockname(fd, addr, &size), 0);
    *port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
    return fd;
}

static void check_connected(int listener, const char *peername) {
    asyncio_value name;
    char buf[4] = "";
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    if (peername) {
        CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "peername", &name), 1);
        CHECK_STR(name.s, peername);
        asyncio_value_drop(&name);
    }
    CHECK_INT(asyncio_streamwriter_write(writer, "ping", 4), 0);
    CHECK_STR(get(fd), "ping");
    put(fd, "abc");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, buf, 3)), 3);
    CHECK_STR(buf, "abc");
    asyncio_streamwriter_close(writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    CHECK_INT(recv(fd, buf, 1, 0), 0);
    close(fd);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
}

ASYNC(connects, (int) family) {
    int port;
    char peername[64];
    int listener = listen_at(family, &port);
    const char *host = family == AF_INET ? "127.0.0.1" : "::1";
    snprintf(peername, sizeof peername, family == AF_INET ? "%s:%d" : "[%s]:%d", host, port);
    CHECK_INT(AWAIT(asyncio_open_connection(host, port, &reader, &writer)), 0);
    check_connected(listener, peername);
    close(listener);
    RETURN();
}
TEST(a_connection_to_an_address_of_ipv4) { run_alone(connects(AF_INET)); }
TEST(a_connection_to_an_address_of_ipv6) { run_alone(connects(AF_INET6)); }

ASYNC(connects_unix) {
    char path[] = "/tmp/asyncio-test-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s/socket", path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(listener, (struct sockaddr *)&un, sizeof un), 0);
    CHECK_INT(listen(listener, 5), 0);
    CHECK_INT(AWAIT(asyncio_open_unix_connection(un.sun_path, &reader, &writer)), 0);
    check_connected(listener, un.sun_path);
    CHECK_INT(AWAIT(asyncio_open_unix_connection(un.sun_path, &reader, &writer, .limit = 10)), 0);
    check_connected(listener, un.sun_path);
    close(listener);
    unlink(un.sun_path);
    rmdir(path);
    char text[200];
    snprintf(text, sizeof text, "Connect call failed (%s): No such file or directory", un.sun_path);
    CHECK_ERROR(AWAIT(asyncio_open_unix_connection(un.sun_path, &reader, &writer)), -ENOENT, text);
    RETURN();
}
TEST(a_connection_to_a_unix_socket) { run_alone(connects_unix()); }

ASYNC(connects_later, (int) port) {
    char host[] = "127.0.0.1";
    asyncio_task *t;
    {
        const asyncio_connection_options options = { .size = sizeof options,
                                                     .local_host = "127.0.0.1" };
        t = asyncio_create_task(
            asyncio_open_connection_with(host, port, &reader, &writer, &options));
    }
    memset(host, 'x', sizeof host - 1); /* a task has its own copy */
    check_ended(t, 0);
    RETURN();
}

ASYNC(as_a_task) {
    int port;
    int listener = listen_at(AF_INET, &port);
    CHECK_INT(AWAIT(connects_later(port)), 0);
    check_connected(listener, NULL);
    asyncio_coro held = asyncio_open_connection("127.0.0.1", port, &reader, &writer);
    CHECK_INT(asyncio_coro_hold(&held), 0);
    asyncio_coro_drop(&held);
    close(listener);
    RETURN();
}
TEST(connecting_in_a_task_of_its_own) { run_alone(as_a_task()); }

ASYNC(by_address) {
    int port;
    int listener = listen_at(AF_INET, &port);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct sockaddr *addr = (const struct sockaddr *)&to;
    CHECK_INT(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .addr = addr,
                                            .addr_size = sizeof to)),
              0);
    check_connected(listener, NULL);
    asyncio_task *t = asyncio_create_task(
        asyncio_open_connection(NULL, 0, &reader, &writer, .addr = addr, .addr_size = sizeof to));
    check_ended(t, 0);
    check_connected(listener, NULL);
    int free_port;
    close(listen_at(AF_INET, &free_port));
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", port, &reader, &writer,
                                            .local_port = free_port)),
              0);
    asyncio_value name;
    char sockname[64];
    snprintf(sockname, sizeof sockname, "127.0.0.1:%d", free_port);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "sockname", &name), 1);
    CHECK_STR(name.s, sockname);
    asyncio_value_drop(&name);
    check_connected(listener, NULL);
    close(listener);
    RETURN();
}
TEST(a_connection_to_a_socket_address_and_from_a_port) { run_alone(by_address()); }

ASYNC(fails) {
    int port;
    char text[100];
    close(listen_at(AF_INET, &port));
    snprintf(text, sizeof text, "Connect call failed (127.0.0.1:%d): Connection refused", port);
    CHECK_ERROR(AWAIT(asyncio_open_connection("127.0.0.1", port, &reader, &writer)), -ECONNREFUSED,
                text);
    CHECK_ERROR(AWAIT(asyncio_open_connection("127.0.0.1", 70000, &reader, &writer)),
                ASYNCIO_VALUE_ERROR, "port 70000 is not in 0 to 65535");
    CHECK_ERROR(AWAIT(asyncio_open_connection("127.0.0.1", 1, &reader, NULL)), ASYNCIO_TYPE_ERROR,
                "places for reader and writer are required");
    const char *one = "one of host (or path), addr and sock has to be given";
    CHECK_ERROR(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer)), ASYNCIO_VALUE_ERROR,
                one);
    CHECK_ERROR(AWAIT(asyncio_open_connection("::1", 1, &reader, &writer, .sock = 100)),
                ASYNCIO_VALUE_ERROR, one);
    CHECK_INT(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = 100)), -EBADF);
    asyncio_ignore(-EBADF);
    char path[200];
    memset(path, 'p', sizeof path);
    path[199] = '\0';
    CHECK_INT(AWAIT(asyncio_open_unix_connection(path, &reader, &writer)), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    RETURN();
}
TEST(a_connection_that_cannot_be_made_says_why) { run_alone(fails()); }

ASYNC(connects_to, (int) port) {
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", port, &reader, &writer)));
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    RETURN();
}

TEST(connecting_may_find_no_memory) {
    int port;
    int listener = listen_at(AF_INET, &port);
    for (long n = 1;; n++) {
        start_loop();
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = run(connects_to(port));
        if (asyncio_testing_fail_allocation(0) < n) {
            CHECK_INT(rc, 0);
            end_loop();
            break;
        }
        if (rc != 0) CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        end_loop();
    }
    close(listener);
}
