/* SPDX-License-Identifier: MIT
 *
 * Datagram endpoints, on loopback and on unix sockets.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../io.h"

/* An endpoint on a free port of 127.0.0.1, and its address. */
static asyncio_datagram *bound(struct sockaddr_in *addr) {
    asyncio_datagram *d = NULL;
    asyncio_value fd;
    socklen_t size = sizeof *addr;
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&d, .local_host = "127.0.0.1")), 0);
    CHECK_INT(asyncio_datagram_get_extra_info(d, "socket", &fd), 1);
    CHECK_INT(getsockname((int)fd.i, (struct sockaddr *)addr, &size), 0);
    return d;
}

static asyncio_datagram *connected_to(const struct sockaddr_in *addr) {
    asyncio_datagram *d = NULL;
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&d, .remote_host = "127.0.0.1",
                                                     .remote_port = ntohs(addr->sin_port))),
              0);
    return d;
}

static int fd_of(const asyncio_datagram *d) {
    asyncio_value fd;
    CHECK_INT(asyncio_datagram_get_extra_info(d, "socket", &fd), 1);
    return (int)fd.i;
}

ASYNC(there_and_back) {
    struct sockaddr_in a, b;
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = bound(&b);
    const char *words[] = { "one", "", "three" };
    char buf[100];
    for (int i = 0; i < 3; i++) {
        CHECK_INT(AWAIT(asyncio_datagram_sendto(client, words[i], strlen(words[i]),
                                                (struct sockaddr *)&a, sizeof a)),
                  (int)strlen(words[i]));
    }
    for (int i = 0; i < 3; i++) {
        asyncio_datagram_info from;
        int n = AWAIT(asyncio_datagram_recvfrom(server, buf, sizeof buf, &from));
        CHECK_INT(n, (int)strlen(words[i]));
        CHECK_INT(memcmp(buf, words[i], (size_t)n), 0);
        CHECK_INT(from.full_size, n);
        CHECK_INT(from.addr_size, sizeof b);
        CHECK_INT(((const struct sockaddr_in *)(const void *)from.addr)->sin_port, b.sin_port);
        CHECK_INT(AWAIT(asyncio_datagram_sendto(server, buf, (size_t)n, from.addr, from.addr_size)),
                  n);
        CHECK_INT(AWAIT(asyncio_datagram_recv(client, buf, sizeof buf)), n);
    }
    RETURN();
}
TEST(datagrams_arrive_one_by_one_and_can_be_answered) { run_alone(there_and_back()); }
TEST(and_so_they_do_in_debug_mode) {
    start_loop();
    asyncio_loop_set_debug(loop, true);
    CHECK_INT(run(there_and_back()), 0);
    end_loop();
}

ASYNC(waits_for_one) {
    struct sockaddr_in a;
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = connected_to(&a);
    char buf[10];
    for (int i = 0; i < 3; i++) {
        asyncio_task *t = start(asyncio_datagram_recv(server, buf, sizeof buf));
        CHECK(!asyncio_task_done(t));
        CHECK_INT(AWAIT(asyncio_datagram_send(client, "late", 4)), 4);
        check_ended(t, 0);
        CHECK_INT(memcmp(buf, "late", 4), 0);
        buf[0] = '?';
    }
    RETURN();
}
TEST(a_receiver_waits_for_a_datagram) { run_alone(waits_for_one()); }

ASYNC(too_long_for_the_buffer) {
    struct sockaddr_in a;
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = connected_to(&a);
    asyncio_datagram_info from;
    char buf[4] = "";
    for (int i = 0; i < 3; i++) CHECK_INT(AWAIT(asyncio_datagram_send(client, "abcdef", 6)), 6);
    CHECK_INT(AWAIT(asyncio_datagram_recvfrom(server, buf, 3, &from)), 3);
    CHECK_STR(buf, "abc");
    CHECK_INT(from.full_size, 6);
    CHECK_ERROR(AWAIT(asyncio_datagram_recv(server, buf, 2)), -EMSGSIZE,
                "a datagram of 6 bytes does not fit a buffer of 2");
    CHECK_INT(AWAIT(asyncio_datagram_recvfrom(server, NULL, 0, &from)), 0);
    CHECK_INT(from.full_size, 6);
    RETURN();
}
TEST(what_does_not_fit_the_buffer_is_told) { run_alone(too_long_for_the_buffer()); }

ASYNC(nobody_there) {
    struct sockaddr_in a;
    char buf[10];
    asyncio_datagram *gone = bound(&a);
    asyncio_datagram_unref(gone);
    asyncio_auto_datagram d = connected_to(&a);
    for (int i = 0; i < 2; i++) {
        asyncio_task *t = start(asyncio_datagram_recv(d, buf, sizeof buf));
        CHECK_INT(AWAIT(asyncio_datagram_send(d, "x", 1)), 1);
        CHECK_ERROR(AWAIT(t), -ECONNREFUSED, "recvfrom: Connection refused");
        asyncio_task_unref(t);
    }
    CHECK_INT(AWAIT(asyncio_datagram_send(d, "x", 1)), 1);
    CHECK_ERROR(AWAIT(asyncio_datagram_send(d, "x", 1)), -ECONNREFUSED,
                "sendto: Connection refused");
    CHECK(!asyncio_datagram_is_closing(d));

    asyncio_auto_datagram back = NULL; /* it goes on when somebody is there */
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&back, .local_addr = (struct sockaddr *)&a,
                                                     .local_addr_size = sizeof a)),
              0);
    CHECK_INT(AWAIT(asyncio_datagram_send(d, "y", 1)), 1);
    asyncio_datagram_info from;
    CHECK_INT(AWAIT(asyncio_datagram_recvfrom(back, buf, sizeof buf, &from)), 1);
    asyncio_task *t = start(asyncio_datagram_recv(d, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_datagram_sendto(back, "zz", 2, from.addr, from.addr_size)), 2);
    check_ended(t, 0);
    CHECK_INT(memcmp(buf, "zz", 2), 0);
    RETURN();
}
TEST(an_error_of_the_network_is_told_and_does_not_end_the_endpoint) { run_alone(nobody_there()); }

ASYNC(cancelled) {
    struct sockaddr_in a;
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = connected_to(&a);
    char buf[10];
    asyncio_task *t = start(asyncio_datagram_recv(server, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_datagram_send(client, "kept", 4)), 4);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(AWAIT(asyncio_datagram_recv(server, buf, sizeof buf)), 4);
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_datagram_recv(server, buf, sizeof buf), 1)),
                ASYNCIO_TIMEOUT_ERROR, NULL);
    RETURN();
}
TEST(a_cancelled_receiver_has_taken_nothing) { run_alone(cancelled()); }

ASYNC(closed) {
    struct sockaddr_in a;
    char buf[10];
    asyncio_value value;
    asyncio_datagram *d = bound(&a);
    asyncio_task *t = start(asyncio_datagram_recv(d, buf, sizeof buf));
    asyncio_datagram_close(d);
    asyncio_datagram_close(d);
    CHECK(asyncio_datagram_is_closing(d));
    check_ended(t, -EBADF);
    CHECK_ERROR(AWAIT(asyncio_datagram_recv(d, buf, sizeof buf)), -EBADF, "the endpoint is closed");
    CHECK_ERROR(AWAIT(asyncio_datagram_send(d, "x", 1)), -EBADF, "the endpoint is closed");
    CHECK_INT(asyncio_datagram_get_extra_info(d, "socket", &value), 0);
    asyncio_datagram_unref(d);

    d = bound(&a); /* a task keeps it as long as it needs it */
    t = asyncio_create_task(asyncio_datagram_recv(d, buf, sizeof buf));
    asyncio_datagram_unref(asyncio_datagram_ref(d));
    asyncio_datagram_unref(d);
    some_turns(2);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}
TEST(closing_wakes_who_waits) { run_alone(closed()); }

ASYNC(two_receivers) {
    struct sockaddr_in a;
    char buf[10], text[128];
    asyncio_auto_datagram d = bound(&a);
    asyncio_task *t = start(asyncio_datagram_recv(d, buf, sizeof buf));
    snprintf(text, sizeof text,
             "descriptor %d is already waited for, by somebody else who wants to read", fd_of(d));
    CHECK_ERROR(AWAIT(asyncio_datagram_recv(d, buf, sizeof buf)), ASYNCIO_RUNTIME_ERROR, text);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}
TEST(one_task_receives_at_a_time) { run_alone(two_receivers()); }

/* ---- unix sockets, whose senders have to wait ---- */

static struct sockaddr_un path_of(const char *name) {
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    const char *dir = getenv("TMPDIR");
    snprintf(un.sun_path, sizeof un.sun_path, "%s/asyncio-%d-%s", dir ? dir : "/tmp", (int)getpid(),
             name);
    return un;
}

static asyncio_datagram *unix_endpoint(const struct sockaddr_un *local,
                                       const struct sockaddr_un *remote) {
    asyncio_datagram *d = NULL;
    CHECK_INT(
        AWAIT(asyncio_create_datagram_endpoint(&d, .local_addr = (const struct sockaddr *)local,
                                               .local_addr_size = local ? sizeof *local : 0,
                                               .remote_addr = (const struct sockaddr *)remote,
                                               .remote_addr_size = remote ? sizeof *remote : 0)),
        0);
    return d;
}

static size_t fill_up(const asyncio_datagram *d) {
    size_t n = 0;
    while (send(fd_of(d), "full", 4, MSG_DONTWAIT) == 4) n++;
    CHECK_INT(errno, EAGAIN);
    return n;
}

ASYNC(senders_wait, (bool) cancel_first) {
    struct sockaddr_un un = path_of("full");
    asyncio_auto_datagram server = unix_endpoint(&un, NULL);
    asyncio_auto_datagram client = unix_endpoint(NULL, &un);
    asyncio_datagram_info from;
    char buf[10];
    size_t n = fill_up(client);
    asyncio_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = start(asyncio_datagram_send(client, &"abc"[i], 1));
    for (int i = 0; i < 3; i++) CHECK(!asyncio_task_done(t[i]));
    if (cancel_first) {
        asyncio_task_cancel(t[0], NULL);
        some_turns(3);
    }
    while (n-- > 0) {
        CHECK_INT(AWAIT(asyncio_datagram_recvfrom(server, buf, sizeof buf, &from)), 4);
        CHECK_INT(from.addr_size, 0);
    }
    unsigned seen = 0;
    for (int i = cancel_first; i < 3; i++) {
        CHECK_INT(AWAIT(asyncio_datagram_recv(server, buf, sizeof buf)), 1);
        seen |= 1u << (buf[0] - 'a');
    }
    CHECK_INT(seen, cancel_first ? 6 : 7);
    check_ended(t[0], cancel_first ? ASYNCIO_CANCELLED_ERROR : 0);
    check_ended(t[1], 0);
    check_ended(t[2], 0);
    unlink(un.sun_path);
    RETURN();
}
TEST(senders_wait_until_the_socket_takes_more) { run_alone(senders_wait(false)); }
TEST(a_cancelled_sender_lets_the_next_one_wait) { run_alone(senders_wait(true)); }

ASYNC(senders_of_a_closed_one) {
    struct sockaddr_un un = path_of("closed");
    asyncio_auto_datagram server = unix_endpoint(&un, NULL);
    asyncio_auto_datagram client = unix_endpoint(NULL, &un);
    fill_up(client);
    asyncio_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = start(asyncio_datagram_send(client, "abc", 3));
    asyncio_datagram_close(client);
    for (int i = 0; i < 3; i++) check_ended(t[i], -EBADF);
    unlink(un.sun_path);
    RETURN();
}
TEST(closing_wakes_all_senders) { run_alone(senders_of_a_closed_one()); }

ASYNC(stale_path) {
    struct sockaddr_un un = path_of("stale");
    asyncio_value name;
    asyncio_datagram *first = unix_endpoint(&un, NULL);
    CHECK_INT(asyncio_datagram_get_extra_info(first, "sockname", &name), 1);
    CHECK_STR(name.s, un.sun_path);
    asyncio_value_drop(&name);
    asyncio_datagram_unref(first);
    asyncio_datagram_unref(unix_endpoint(&un, NULL)); /* the path is still there */
    CHECK_INT(unlink(un.sun_path), 0);
    FILE *file = fopen(un.sun_path, "w");
    fclose(file);
    asyncio_datagram *d = NULL;
    int rc = AWAIT(asyncio_create_datagram_endpoint(&d, .local_addr = (struct sockaddr *)&un,
                                                    .local_addr_size = sizeof un));
    CHECK_INT(rc, -EADDRINUSE);
    asyncio_ignore(rc);
    CHECK_PTR(d, NULL);
    CHECK_INT(unlink(un.sun_path), 0); /* a file is not removed */
    RETURN();
}
TEST(what_an_earlier_unix_socket_left_is_removed) { run_alone(stale_path()); }

/* ---- making them ---- */

static char *extra(const asyncio_datagram *d, const char *name) {
    static char text[200];
    asyncio_value value;
    int rc = asyncio_datagram_get_extra_info(d, name, &value);
    snprintf(text, sizeof text, "%s", rc == 1 ? value.s : "None");
    asyncio_value_drop(&value);
    return text;
}

ASYNC(information) {
    struct sockaddr_in a;
    char text[64];
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = connected_to(&a);
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(a.sin_port));
    CHECK_STR(extra(server, "sockname"), text);
    CHECK_STR(extra(server, "peername"), "None");
    CHECK_STR(extra(client, "peername"), text);
    CHECK_STR(extra(client, "nothing"), "None");
    CHECK(fcntl(fd_of(server), F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(fd_of(server), F_GETFD) & FD_CLOEXEC);
    char own[200];
    snprintf(own, sizeof own, "%s", extra(client, "sockname"));
    asyncio_datagram_close(client);
    asyncio_datagram_close(server);
    CHECK_STR(extra(client, "sockname"), own); /* still */
    CHECK_STR(extra(client, "peername"), text);
    CHECK_STR(extra(server, "sockname"), text);
    CHECK_STR(extra(server, "peername"), "None");
    asyncio_value value;
    CHECK_ERROR(asyncio_datagram_get_extra_info(NULL, "socket", &value), ASYNCIO_TYPE_ERROR,
                "an endpoint, a name and a place are required");
    RETURN();
}
TEST(endpoints_tell_their_addresses) { run_alone(information()); }

ASYNC(kinds) {
    int on = 0, port;
    socklen_t size = sizeof on;
    struct sockaddr_in a;
    asyncio_auto_datagram target = bound(&a);
    asyncio_auto_datagram d = NULL;
    port = ntohs(a.sin_port);
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&d, .remote_host = "127.0.0.1",
                                                     .remote_port = port, .allow_broadcast = true)),
              0);
    CHECK_STR(extra(d, "peername"), "None"); /* not connected, but the address is known */
    CHECK_INT(getsockopt(fd_of(d), SOL_SOCKET, SO_BROADCAST, &on, &size), 0);
    CHECK(on);
    char buf[10], why[100];
    CHECK_INT(AWAIT(asyncio_datagram_send(d, "x", 1)), 1);
    CHECK_INT(AWAIT(asyncio_datagram_sendto(d, "x", 1, (struct sockaddr *)&a, sizeof a)), 1);
    CHECK_INT(AWAIT(asyncio_datagram_recv(target, buf, sizeof buf)), 1);
    CHECK_INT(AWAIT(asyncio_datagram_recv(target, buf, sizeof buf)), 1);
    a.sin_port = 1;
    snprintf(why, sizeof why, "Invalid address: must be None or 127.0.0.1:%d", port);
    CHECK_ERROR(AWAIT(asyncio_datagram_sendto(d, "x", 1, (struct sockaddr *)&a, sizeof a)),
                ASYNCIO_VALUE_ERROR, why);

    asyncio_auto_datagram one = NULL;
    asyncio_auto_datagram two = NULL;
    asyncio_auto_datagram three = NULL;
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&one, .local_host = "127.0.0.1",
                                                     .reuse_port = true)),
              0);
    port = atoi(strchr(extra(one, "sockname"), ':') + 1);
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&two, .local_host = "127.0.0.1",
                                                     .local_port = port, .reuse_port = true)),
              0);
    snprintf(why, sizeof why,
             "error while attempting to bind on address 127.0.0.1:%d: Address already in use",
             port);
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&three, .local_host = "127.0.0.1",
                                                       .local_port = port)),
                -EADDRINUSE, why);
    CHECK_PTR(three, NULL);
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&three, .family = AF_INET)), 0);
    CHECK_ERROR(AWAIT(asyncio_datagram_send(three, "x", 1)), -EDESTADDRREQ,
                "sendto: Destination address required");
    RETURN();
}
TEST(endpoints_of_all_kinds) { run_alone(kinds()); }

ASYNC(from_a_socket) {
    int fd[2], tcp = socket(AF_INET, SOCK_STREAM, 0);
    char buf[10];
    asyncio_auto_datagram a = NULL;
    asyncio_auto_datagram b = NULL;
    CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd), 0);
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&a, .sock = fd[0])), 0);
    CHECK_INT(AWAIT(asyncio_create_datagram_endpoint(&b, .sock = fd[1])), 0);
    CHECK_INT(AWAIT(asyncio_datagram_send(a, "pair", 4)), 4);
    CHECK_INT(AWAIT(asyncio_datagram_recv(b, buf, sizeof buf)), 4);
    asyncio_datagram *d = NULL;
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .sock = tcp)), ASYNCIO_VALUE_ERROR,
                "A datagram socket was expected");
    CHECK_INT(close(tcp), 0); /* it stayed ours */
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .sock = tcp)), -EBADF,
                "fcntl: Bad file descriptor");
    RETURN();
}
TEST(an_endpoint_over_a_socket_that_is_there) { run_alone(from_a_socket()); }

ASYNC(over_ipv6) {
    asyncio_auto_datagram server = NULL;
    asyncio_auto_datagram client = NULL;
    asyncio_auto_value name = asyncio_none();
    asyncio_datagram_info from;
    char buf[100], text[64];
    int rc = AWAIT(asyncio_create_datagram_endpoint(&server, .local_host = "::1"));
    if (rc < 0) SKIP("no loopback of IPv6");
    CHECK_INT(asyncio_datagram_get_extra_info(server, "sockname", &name), 1);
    CHECK_INT(strncmp(name.s, "[::1]:", 6), 0);
    TRY(AWAIT(asyncio_create_datagram_endpoint(
        &client, .remote_host = "::1", .remote_port = atoi(name.s + 6), .flags = AI_NUMERICHOST)));
    CHECK_INT(AWAIT(asyncio_datagram_send(client, "six", 3)), 3);
    CHECK_INT(AWAIT(asyncio_datagram_recvfrom(server, buf, sizeof buf, &from)), 3);
    CHECK_INT(from.addr->sa_family, AF_INET6);
    CHECK_INT(AWAIT(asyncio_datagram_sendto(server, buf, 3, from.addr, from.addr_size)), 3);
    CHECK_INT(AWAIT(asyncio_datagram_recv(client, buf, sizeof buf)), 3);
    CHECK_INT(memcmp(buf, "six", 3), 0);

    /* Of local and remote addresses those of one family go together. */
    snprintf(text, sizeof text, "%s", name.s + 6);
    asyncio_datagram_unref(client);
    client = NULL;
    TRY(AWAIT(asyncio_create_datagram_endpoint(&client, .local_host = "::", .remote_host = NULL,
                                               .remote_port = atoi(text))));
    CHECK_INT(AWAIT(asyncio_datagram_send(client, "both", 4)), 4);
    CHECK_INT(AWAIT(asyncio_datagram_recv(server, buf, sizeof buf)), 4);
    RETURN();
}
TEST(datagrams_over_ipv6) { run_alone(over_ipv6()); }

ASYNC(wrong_arguments) {
    asyncio_datagram *d = NULL;
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    char buf[1];
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(NULL, .local_port = 1)), ASYNCIO_TYPE_ERROR,
                "a place for the endpoint is required");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint_with(&d, NULL)), ASYNCIO_VALUE_ERROR,
                "unexpected address family");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .reuse_port = true)),
                ASYNCIO_VALUE_ERROR, "unexpected address family");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .sock = 1, .local_port = 1)),
                ASYNCIO_VALUE_ERROR, "no other options can be used when sock is specified");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .local_host = "127.0.0.1",
                                                       .remote_addr = (struct sockaddr *)&six,
                                                       .remote_addr_size = sizeof six)),
                ASYNCIO_VALUE_ERROR, "can not get address information");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .local_port = 1,
                                                       .local_addr = (struct sockaddr *)&six,
                                                       .local_addr_size = sizeof six)),
                ASYNCIO_VALUE_ERROR, "host and port or an address can be given, not both");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .local_addr = (struct sockaddr *)&six)),
                ASYNCIO_VALUE_ERROR, "an address of that size cannot be");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .local_port = 70000)),
                ASYNCIO_VALUE_ERROR, "port 70000 is not in 0 to 65535");
    CHECK_ERROR(AWAIT(asyncio_create_datagram_endpoint(&d, .family = 12345)), -EAFNOSUPPORT,
                "socket: Address family not supported by protocol");
    CHECK_PTR(d, NULL);
    CHECK_ERROR(AWAIT(asyncio_datagram_recv(NULL, buf, 1)), ASYNCIO_TYPE_ERROR,
                "an endpoint is required");
    CHECK_ERROR(AWAIT(asyncio_datagram_send(NULL, buf, 1)), ASYNCIO_TYPE_ERROR,
                "an endpoint is required");
    asyncio_datagram_close(NULL);
    asyncio_datagram_unref(asyncio_datagram_ref(NULL));
    CHECK(asyncio_datagram_is_closing(NULL));

    static char huge[70000];
    struct sockaddr_in a;
    asyncio_auto_datagram ours = bound(&a);
    CHECK_ERROR(
        AWAIT(asyncio_datagram_sendto(ours, huge, sizeof huge, (struct sockaddr *)&a, sizeof a)),
        -EMSGSIZE, "sendto: Message too long");
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_alone(wrong_arguments()); }

ASYNC(receives_nothing, (asyncio_datagram *) d) {
    char c;
    CHECK_ERROR(AWAIT(asyncio_datagram_recv(d, &c, 1)), ASYNCIO_RUNTIME_ERROR,
                "the endpoint belongs to another loop");
    RETURN();
}
ASYNC(makes_one, (asyncio_datagram **) d) {
    struct sockaddr_in a;
    *d = bound(&a);
    RETURN();
}
TEST(an_endpoint_belongs_to_one_loop_and_may_outlive_it) {
    asyncio_datagram *d = NULL;
    start_loop();
    CHECK_INT(run(makes_one(&d)), 0);
    asyncio_loop *first = loop;
    run_alone(receives_nothing(d));
    CHECK_INT(asyncio_loop_close(first), 0);
    asyncio_loop_unref(first);
    asyncio_datagram_unref(d);
}

ASYNC(flood) {
    struct sockaddr_in a;
    asyncio_auto_datagram server = bound(&a);
    asyncio_auto_datagram client = connected_to(&a);
    char buf[10];
    unsigned long long before = turns();
    for (int i = 0; i < 200; i++) {
        CHECK_INT(AWAIT(asyncio_datagram_send(client, "x", 1)), 1);
        CHECK_INT(AWAIT(asyncio_datagram_recv(server, buf, sizeof buf)), 1);
    }
    CHECK(turns() > before);
    RETURN();
}
TEST(a_receiver_that_never_waits_lets_others_run) { run_alone(flood()); }

/* ---- no memory ---- */

ASYNC(makes_pair, (const char *) host, (bool) as_task) {
    asyncio_auto_datagram d = NULL;
    asyncio_coro c = asyncio_create_datagram_endpoint(&d, .local_host = host, .remote_host = host,
                                                      .remote_port = 9);
    if (!as_task) {
        TRY(AWAIT(c));
        RETURN();
    }
    asyncio_auto_task t = asyncio_create_task(c);
    if (!t) return asyncio_reraise(asyncio_error_take(-ENOMEM));
    TRY(AWAIT(t));
    RETURN();
}

static void make_without_memory(bool as_task) {
    for (long n = 1;; n++) {
        start_loop();
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = run(makes_pair("127.0.0.1", as_task));
        bool over = asyncio_testing_fail_allocation(0) < n;
        if (over) CHECK_INT(rc, 0);
        if (rc != 0) CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        end_loop();
        if (over) break;
    }
}
TEST(making_an_endpoint_may_find_no_memory) { make_without_memory(false); }
TEST(so_may_a_task_that_makes_one) { make_without_memory(true); }
