/* SPDX-License-Identifier: MIT
 *
 * Servers: accepting, closing, waiting, shutting down, and running out of descriptors.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../io.h"

static asyncio_server *server;

ASYNC(echoes, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    asyncio_bytes line;
    if (arg) note("%s", (const char *)arg);
    while (TRY(AWAIT(asyncio_streamreader_readline(reader, &line))) > 0) {
        TRY(asyncio_streamwriter_write(writer, line.data, line.size));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    asyncio_streamwriter_close(writer);
    RETURN();
}

/* A blocking socket that is connected to the server's port. */
static int connect_blocking(void) {
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)asyncio_server_port(server)),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* What comes within some turns. */
static const char *get_soon(int fd) {
    for (int i = 0; i < 1000; i++) {
        const char *text = get(fd);
        if (*text) return text;
        some_turns(1);
    }
    return "";
}

/* Whether the other side has closed, after some turns. */
static bool ends_soon(int fd) {
    char c;
    for (int i = 0; i < 1000; i++) {
        ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
        some_turns(1);
    }
    return false;
}

static void start_echo(void) {
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server)), 0);
    CHECK(asyncio_server_is_serving(server));
}

static void end_server(void) {
    asyncio_server_close(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    asyncio_server_unref(server);
}

ASYNC(serves) {
    enum { COUNT = 20 };
    int fd[COUNT];
    start_echo();
    for (int i = 0; i < COUNT; i++) fd[i] = connect_blocking();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) put(fd[i], "hello\n");
        for (int i = 0; i < COUNT; i++) CHECK_STR(get_soon(fd[i]), "hello\n");
    }
    for (int i = 0; i < COUNT; i++) {
        shutdown(fd[i], SHUT_WR);
        CHECK(ends_soon(fd[i]));
        close(fd[i]);
    }
    end_server();
    RETURN();
}
TEST(a_server_serves_many_clients) { run_alone(serves()); }

ASYNC(argument) {
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .arg = TEXT("arg"))), 0);
    int fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    CHECK_NOTES("arg");
    close(fd);
    end_server();
    RETURN();
}
TEST(the_callback_gets_its_argument) { run_alone(argument()); }

ASYNC(closes) {
    int fds[2];
    start_echo();
    CHECK_INT(asyncio_server_sockets(server, fds, 2), 1);
    int port = asyncio_server_port(server), fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    asyncio_server_close(server);
    CHECK(!asyncio_server_is_serving(server));
    CHECK_INT(asyncio_server_sockets(server, fds, 2), 0);
    CHECK_INT(asyncio_server_port(server), 0);
    CHECK_ERROR(asyncio_server_start_serving(server), ASYNCIO_RUNTIME_ERROR,
                "the server is closed");
    asyncio_task *t = start(asyncio_server_wait_closed(server));
    put(fd, "y\n"); /* the connection goes on */
    CHECK_STR(get_soon(fd), "y\n");
    CHECK(!asyncio_task_done(t));
    close(fd);
    check_ended(t, 0);
    asyncio_server_close(server);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    close(fd);
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_closed_server_accepts_no_more_and_waits_for_its_clients) { run_alone(closes()); } /* NET-8 */

ASYNC(ends_clients, (bool) abort) {
    start_echo();
    int fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    asyncio_server_close(server);
    if (abort) asyncio_server_abort_clients(server);
    else asyncio_server_close_clients(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    CHECK(ends_soon(fd));
    close(fd);
    some_turns(3);
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_server_closes_its_clients) { run_alone(ends_clients(false)); } /* NET-8, V13-7 */
TEST(a_server_aborts_its_clients) { run_alone(ends_clients(true)); }  /* NET-8, V13-7 */

ASYNC(forever) {
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .start_serving = -1)), 0);
    CHECK(!asyncio_server_is_serving(server));
    asyncio_task *t = start(asyncio_server_serve_forever(server));
    CHECK(asyncio_server_is_serving(server));
    CHECK_ERROR(AWAIT(asyncio_server_serve_forever(server)), ASYNCIO_RUNTIME_ERROR,
                "the server is already being awaited on serve_forever()");
    int fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK(ends_soon(fd));
    close(fd);
    CHECK_ERROR(AWAIT(asyncio_server_serve_forever(server)), ASYNCIO_RUNTIME_ERROR,
                "the server is closed");
    asyncio_server_unref(server);

    start_echo();
    t = start(asyncio_server_serve_forever(server));
    asyncio_server_close(server); /* cancels it, too */
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    asyncio_server_unref(server);
    RETURN();
}
TEST(serve_forever_ends_by_cancellation_or_close) { run_alone(forever()); } /* NET-9 */

ASYNC(stubborn, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    (void)reader, (void)writer;
    int refusals = *(int *)arg;
    while (refusals-- >= 0) asyncio_ignore(AWAIT(asyncio_sleep(1000)));
    RETURN();
}

ASYNC(shuts_down, (int) refusals, (int) expected) {
    start_echo();
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 5)), 0); /* nobody there */
    CHECK_DOUBLE(asyncio_loop_time(loop), 0.0);
    asyncio_server_unref(server);

    CHECK_INT(AWAIT(asyncio_start_server(stubborn, "127.0.0.1", 0, &server, .arg = &refusals)), 0);
    int a = connect_blocking(), b = connect_blocking();
    some_turns(5);
    int rc = AWAIT(asyncio_server_shutdown(server, 5));
    CHECK_INT(rc, expected);
    asyncio_ignore(rc);
    CHECK_DOUBLE(asyncio_loop_time(loop), expected < 0 ? 10.0 : 5.0);
    CHECK(ends_soon(a));
    CHECK(ends_soon(b));
    close(a);
    close(b);
    if (expected < 0) CHECK_INT(AWAIT(asyncio_sleep(10000)), 0);
    asyncio_server_unref(server);
    RETURN();
}
TEST(shutdown_aborts_what_is_not_done_in_time) { run_alone(shuts_down(0, 2)); }
TEST(shutdown_gives_up_on_tasks_that_refuse_to_be_cancelled) {
    run_alone(shuts_down(1, ASYNCIO_TIMEOUT_ERROR));
}

ASYNC(shuts_down_in_time) {
    start_echo();
    int fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    asyncio_task *t = start(asyncio_server_shutdown(server, 1000));
    put(fd, "y\n");
    CHECK_STR(get_soon(fd), "y\n");
    shutdown(fd, SHUT_WR);
    asyncio_value v;
    CHECK_INT(AWAIT(t, &v), 0);
    asyncio_task_unref(t);
    CHECK(asyncio_loop_time(loop) < 1000);
    close(fd);
    asyncio_server_unref(server);
    RETURN();
}
TEST(shutdown_waits_for_those_who_end_in_time) { run_alone(shuts_down_in_time()); }

ASYNC(fails, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    (void)reader, (void)writer;
    if (*(bool *)arg) RAISE(ASYNCIO_VALUE_ERROR, "bad client");
    RAISE(ASYNCIO_CANCELLED_ERROR, NULL);
}

ASYNC(handler_fails, (bool) loud) {
    CHECK_INT(AWAIT(asyncio_start_server(fails, "127.0.0.1", 0, &server, .arg = &loud)), 0);
    int fd = connect_blocking();
    CHECK(ends_soon(fd));
    CHECK_INT(reported.count, loud ? 1 : 0);
    if (loud) {
        CHECK_STR(reported.message, "Unhandled exception in client_connected_cb");
        CHECK_INT(reported.code, ASYNCIO_VALUE_ERROR);
    }
    close(fd);
    end_server();
    RETURN();
}
/* NET-7 */
TEST(a_failed_handler_is_reported_and_its_connection_closed) { run_alone(handler_fails(true)); }
TEST(a_cancelled_handler_is_not_reported) { run_alone(handler_fails(false)); } /* NET-7 */

/* Descriptors run out: accepting pauses, is reported once, and goes on. */
ASYNC(exhausted) {
    enum { COUNT = 5 };
    int fd[COUNT];
    struct rlimit limit;
    start_echo();
    for (int i = 0; i < COUNT; i++) fd[i] = connect_blocking();
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next + 2, limit.rlim_max }), 0);
    unsigned long long before = turns();
    for (int i = 0; i < COUNT; i++) put(fd[i], "x\n");
    CHECK_STR(get_soon(fd[0]), "x\n");
    CHECK_STR(get_soon(fd[1]), "x\n");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "socket.accept() out of system resource");
    CHECK_INT(reported.code, -EMFILE);
    CHECK_INT(AWAIT(asyncio_sleep(10.5)), 0);
    CHECK_INT(reported.count, 1);
    CHECK(turns() - before < 100); /* it does not spin */
    close(fd[0]);                  /* one is free: no need to wait for the timer */
    double now = asyncio_loop_time(loop);
    CHECK_STR(get_soon(fd[2]), "x\n");
    CHECK_DOUBLE(asyncio_loop_time(loop), now);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(AWAIT(asyncio_sleep(2)), 0);
    CHECK_STR(get_soon(fd[3]), "x\n");
    CHECK_STR(get_soon(fd[4]), "x\n");
    for (int i = 1; i < COUNT; i++) close(fd[i]);
    end_server();
    RETURN();
}
TEST(without_descriptors_accepting_pauses_and_resumes) {
    if (test_under_valgrind()) SKIP("valgrind has a limit of descriptors of its own");
    run_alone(exhausted());
}

ASYNC(closed_in_pause) {
    struct rlimit limit;
    start_echo();
    int fd = connect_blocking();
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, limit.rlim_max }), 0);
    some_turns(10);
    CHECK_INT(reported.count, 1);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    end_server();
    close(fd);
    RETURN();
}
TEST(a_server_may_be_closed_while_it_pauses) { run_alone(closed_in_pause()); }

ASYNC(over_unix) {
    char dir[] = "/tmp/asyncio-test-XXXXXX", path[64];
    struct stat st;
    asyncio_streamreader *r;
    asyncio_streamwriter *w;
    asyncio_bytes line;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/socket", dir);
    for (int round = 0; round < 3; round++) { /* the second finds what the first left */
        CHECK_INT(AWAIT(asyncio_start_unix_server(echoes, path, &server,
                                                  .cleanup_socket = round == 0 ? -1 : 0)),
                  0);
        CHECK_INT(asyncio_server_port(server), 0);
        CHECK_INT(AWAIT(asyncio_open_unix_connection(path, &r, &w)), 0);
        CHECK_INT(asyncio_streamwriter_write(w, "hello\n", 6), 0);
        CHECK_INT(AWAIT(asyncio_streamreader_readline(r, &line)), 6);
        asyncio_streamreader_unref(r);
        asyncio_streamwriter_unref(w);
        end_server();
        CHECK_INT(stat(path, &st), round == 0 ? 0 : -1);
    }
    rmdir(dir);
    RETURN();
}
TEST(a_server_on_a_path) { run_alone(over_unix()); } /* V13-7 */

ASYNC(dual_stack) {
    int fds[8];
    CHECK_INT(AWAIT(asyncio_start_server(echoes, NULL, 0, &server)), 0);
    size_t count = asyncio_server_sockets(server, fds, 8);
    CHECK(count >= 1 && count <= 2);
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_storage addr;
        socklen_t size = sizeof addr;
        CHECK_INT(getsockname(fds[i], (struct sockaddr *)&addr, &size), 0);
        CHECK(addr.ss_family == AF_INET || addr.ss_family == AF_INET6);
    }
    end_server();
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "", 0, &server, .family = AF_INET)), 0);
    CHECK_INT(asyncio_server_sockets(server, fds, 8), 1);
    end_server();
    RETURN();
}
TEST(without_a_host_all_families_are_served) { run_alone(dual_stack()); }

ASYNC(shared_port) {
    asyncio_server *other;
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .reuse_port = true,
                                         .keep_alive = true, .backlog = 7, .limit = 100)),
              0);
    int port = asyncio_server_port(server);
    CHECK_INT(AWAIT(asyncio_start_server(echoes, "127.0.0.1", port, &other, .reuse_port = true)),
              0);
    asyncio_server_close(other);
    asyncio_server_unref(other);
    char text[128];
    snprintf(text, sizeof text,
             "error while attempting to bind on address 127.0.0.1:%d: Address already in use",
             port);
    CHECK_ERROR(AWAIT(asyncio_start_server(echoes, "127.0.0.1", port, &other)), -EADDRINUSE, text);
    end_server();
    RETURN();
}
TEST(two_servers_share_a_port_if_they_say_so) { run_alone(shared_port()); }

ASYNC(own_socket) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_INT(AWAIT(asyncio_start_server(echoes, NULL, 0, &server, .sock = fd)), 0);
    int client = connect_blocking();
    put(client, "x\n");
    CHECK_STR(get_soon(client), "x\n");
    close(client);
    end_server();
    CHECK_INT(fcntl(fd, F_GETFD), -1); /* it was taken over */
    RETURN();
}
TEST(a_server_takes_over_a_socket) { run_alone(own_socket()); }

TEST(a_loop_that_closes_takes_servers_and_clients_along) {
    start_loop();
    CHECK_INT(run(asyncio_start_server(echoes, "127.0.0.1", 0, &server)), 0);
    int a = connect_blocking(), b = connect_blocking();
    for (int i = 0; i < 5; i++) turn();
    asyncio_server_unref(server); /* the loop has it */
    end_loop();
    CHECK_INT(reported.count, 2); /* tasks that were pending */
    char c;
    CHECK_INT(recv(a, &c, 1, 0), 0);
    close(a);
    close(b);
}

/* Until somebody lets it, it only holds its address. */
ASYNC(never_serves) {
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .start_serving = -1)));
    CHECK(!asyncio_server_is_serving(server));
    CHECK_PTR(asyncio_server_ref(server), server);
    asyncio_server_unref(server);
    CHECK_INT(asyncio_server_sockets(server, NULL, 0), 1);
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_server_that_never_served_closes_with_its_last_reference) { run_alone(never_serves()); }

ASYNC(serves_later) {
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .start_serving = -1)));
    TRY(asyncio_server_start_serving(server));
    CHECK(asyncio_server_is_serving(server));
    TRY(asyncio_server_start_serving(server)); /* nothing */
    int fd = connect_blocking();
    put(fd, "x\n");
    CHECK_STR(get_soon(fd), "x\n");
    close(fd);
    end_server();
    RETURN();
}
TEST(a_server_may_begin_to_serve_later) { run_alone(serves_later()); }

/* The loop is closed while accepting pauses, with a client that nobody accepted. */
TEST(a_loop_may_close_while_a_server_pauses) {
    struct rlimit limit;
    if (test_under_valgrind()) SKIP("valgrind has a limit of descriptors of its own");
    start_loop();
    CHECK_INT(run(asyncio_start_server(echoes, "127.0.0.1", 0, &server)), 0);
    int fd = connect_blocking();
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, limit.rlim_max }), 0);
    for (int i = 0; i < 5; i++) turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK(!asyncio_server_is_serving(server));
    CHECK_INT(asyncio_server_sockets(server, NULL, 0), 0);
    asyncio_server_unref(server);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_unref(loop);
    close(fd);
}

ASYNC(listener_closed) {
    int fd;
    start_echo();
    CHECK_INT(asyncio_server_sockets(server, &fd, 1), 1);
    CHECK_INT(asyncio_fd_close(fd), 0);
    CHECK(!asyncio_server_is_serving(server));
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    asyncio_server_unref(server);
    RETURN();
}
TEST(closing_the_descriptor_closes_the_server) { run_alone(listener_closed()); }

static long resident_kib(void) {
    long size, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f && fscanf(f, "%ld %ld", &size, &resident) == 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Each has a task with its stack, and no buffers. */
ASYNC(idle_connections, (int) count) {
    int *fd = calloc((size_t)count, sizeof *fd);
    start_echo();
    long before = resident_kib();
    for (int i = 0; i < count; i++) {
        fd[i] = connect_blocking();
        if (i % 20 == 0) some_turns(2);
    }
    some_turns(10);
    if (!test_under_sanitizer() && !test_under_valgrind()) {
        CHECK((resident_kib() - before) / count <= 7);
    }
    for (int i = 0; i < count; i += count / 10) {
        put(fd[i], "still there\n");
        CHECK_STR(get_soon(fd[i]), "still there\n");
    }
    asyncio_server_close(server);
    asyncio_server_close_clients(server);
    CHECK_INT(AWAIT(asyncio_server_wait_closed(server)), 0);
    for (int i = 0; i < count; i++) close(fd[i]);
    free(fd);
    some_turns(3);
    asyncio_server_unref(server);
    RETURN();
}
TEST_TIMEOUT(ten_thousand_idle_connections_cost_a_stack_each, 120) {
    struct rlimit limit, enough = { 20050, 20050 }; /* both ends are here */
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < enough.rlim_max && setrlimit(RLIMIT_NOFILE, &enough) == 0) limit = enough;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 1000) SKIP("too few descriptors are allowed");
    rlim_t most = (limit.rlim_cur - 50) / 2;
    bool slow = test_under_sanitizer() || test_under_valgrind() || test_under_emulation();
    run_alone(idle_connections(slow ? 500 : most < 10000 ? (int)most : 10000));
}

ASYNC(several_hosts) {
    int fds[5];
    asyncio_task *t;
    {
        char one[] = "127.0.0.1", two[] = "127.0.0.2";
        const char *hosts[] = { one, two, one, NULL };
        const asyncio_server_options options = { .size = sizeof options, .hosts = hosts };
        t = asyncio_create_task(asyncio_start_server_with(echoes, NULL, 0, &server, &options));
        memset(one, 'x', sizeof one - 1); /* a task has its own copy */
        memset(two, 'x', sizeof two - 1);
    }
    check_ended(t, 0);
    CHECK_INT(asyncio_server_sockets(server, fds, 5), 2); /* the same one counts once */
    for (uint32_t i = 0; i < 2; i++) {
        struct sockaddr_in in;
        socklen_t size = sizeof in;
        CHECK_INT(getsockname(fds[i], (struct sockaddr *)&in, &size), 0);
        CHECK_INT(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK + i);
    }
    end_server();
    CHECK_ERROR(
        AWAIT(asyncio_start_server(echoes, "localhost", 0, &server, .flags = AI_NUMERICHOST)),
        ASYNCIO_OS_ERROR, "localhost: Name or service not known");
    const char *const none[] = { NULL };
    CHECK_ERROR(AWAIT(asyncio_start_server(echoes, NULL, 0, &server, .hosts = none)),
                -EADDRNOTAVAIL, "could not bind on any address of the hosts");
    RETURN();
}
TEST(a_server_may_have_several_hosts) { run_alone(several_hosts()); }

/* The client closes a little after the block was left. */
ASYNC(closes_later, (int) fd) {
    TRY(AWAIT(asyncio_sleep(1)));
    note("client");
    close(fd);
    RETURN();
}

ASYNC(as_a_block) {
    int rc;
    start_echo();
    CHECK_PTR(asyncio_server_get_loop(server), loop);
    ASYNC_WITH(open, asyncio_server_block(server, &rc)) {
        CHECK(asyncio_server_is_serving(open));
        int fd = connect_blocking();
        put(fd, "x\n");
        CHECK_STR(get_soon(fd), "x\n");
        asyncio_task_unref(asyncio_create_task(closes_later(fd)));
        rc = asyncio_raise(ASYNCIO_KEY_ERROR, NULL, NULL, "of the body");
    }
    note("left");
    CHECK_NOTES("client left");
    CHECK_ERROR(rc, ASYNCIO_KEY_ERROR, "of the body");
    CHECK(!asyncio_server_is_serving(server));
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_server_as_a_block_is_closed_and_waited_for) { run_alone(as_a_block()); }

ASYNC(misuse) {
    const char *why = "a server is required";
    CHECK_ERROR(AWAIT(asyncio_start_server(NULL, "127.0.0.1", 0, &server)), ASYNCIO_TYPE_ERROR,
                "a callback is required");
    CHECK_ERROR(AWAIT(asyncio_start_server_with(echoes, "127.0.0.1", 0, NULL, NULL)),
                ASYNCIO_TYPE_ERROR, "a place for the server is required");
    CHECK_ERROR(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .sock = 100)),
                ASYNCIO_VALUE_ERROR,
                "host (or path), hosts and sock cannot be given at the same time");
    const char *const hosts[] = { "127.0.0.1", NULL };
    CHECK_ERROR(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .hosts = hosts)),
                ASYNCIO_VALUE_ERROR,
                "host (or path), hosts and sock cannot be given at the same time");
    int rc;
    ASYNC_WITH(_, asyncio_server_block(NULL, &rc)) note("not entered");
    CHECK_ERROR(rc, ASYNCIO_TYPE_ERROR, why);
    CHECK_NOTES("");
    CHECK_PTR(asyncio_server_get_loop(NULL), NULL);
    CHECK_ERROR(AWAIT(asyncio_start_unix_server(echoes, NULL, &server)), ASYNCIO_VALUE_ERROR,
                "path was not given, and no sock either");
    CHECK_ERROR(AWAIT(asyncio_start_server(echoes, "127.0.0.1", -1, &server)), ASYNCIO_VALUE_ERROR,
                "port -1 is not in 0 to 65535");
    CHECK_ERROR(AWAIT(asyncio_start_unix_server(echoes, "/nowhere/at/all", &server)), -ENOENT,
                "error while attempting to bind on address /nowhere/at/all: No such file or "
                "directory");
    CHECK_ERROR(AWAIT(asyncio_server_serve_forever(NULL)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_server_wait_closed(NULL)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_server_shutdown(NULL, 1)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(asyncio_server_start_serving(NULL), ASYNCIO_TYPE_ERROR, why);
    CHECK(!asyncio_server_is_serving(NULL));
    CHECK_INT(asyncio_server_sockets(NULL, NULL, 0), 0);
    CHECK_INT(asyncio_server_port(NULL), 0);
    asyncio_server_close(NULL);
    asyncio_server_close_clients(NULL);
    asyncio_server_abort_clients(NULL);
    CHECK_PTR(asyncio_server_ref(NULL), NULL);
    asyncio_server_unref(NULL);
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_alone(misuse()); }

ASYNC(starts_as_task) {
    char host[] = "127.0.0.1";
    asyncio_task *t;
    {
        const asyncio_server_options options = { .size = sizeof options, .backlog = 5 };
        t = asyncio_create_task(asyncio_start_server_with(echoes, host, 0, &server, &options));
    }
    memset(host, 'x', sizeof host - 1);
    check_ended(t, 0);
    end_server();
    RETURN();
}
TEST(starting_a_server_in_a_task) { run_alone(starts_as_task()); }

/* Every allocation fails once; whatever happens to that client, the next one is served, if need be
 * after a pause. */
ASYNC(serves_without_memory, (long) n, (bool *) over) {
    start_echo();
    int fd = connect_blocking();
    if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
    put(fd, "x\n");
    for (int i = 0; i < 20; i++) asyncio_ignore(AWAIT(asyncio_sleep(0)));
    *over = asyncio_testing_fail_allocation(0) < n;
    close(fd);
    fd = connect_blocking();
    put(fd, "y\n");
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    CHECK_STR(get_soon(fd), "y\n");
    close(fd);
    end_server();
    RETURN();
}

TEST(a_connection_may_find_no_memory) {
    bool over = false;
    for (long n = 1; !over; n++) {
        start_loop();
        CHECK_INT(run(serves_without_memory(n, &over)), 0);
        end_loop();
    }
}

ASYNC(starts_and_ends) {
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server)));
    asyncio_server_close(server);
    asyncio_server_unref(server);
    RETURN();
}

TEST(a_server_may_find_no_memory) {
    for (long n = 1;; n++) {
        start_loop();
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = run(starts_and_ends());
        bool over = asyncio_testing_fail_allocation(0) < n;
        if (rc < 0) CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        end_loop();
        if (over) break;
    }
}
