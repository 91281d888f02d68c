/* SPDX-License-Identifier: MIT
 *
 * The system calls of sockets as coroutines, on loopback and socket pairs.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "../io.h"

static char big[1 << 20];

/* A listening socket on a free port of 127.0.0.1, and its address. */
static int listen_on(struct sockaddr_in *addr, int backlog) {
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    CHECK_INT(bind(fd, (struct sockaddr *)addr, sizeof *addr), 0);
    CHECK_INT(listen(fd, backlog), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)addr, &size), 0);
    return fd;
}

static int tcp_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    return fd;
}

ASYNC(accepts, (int) fd) {
    asyncio_value conn;
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    TRY(AWAIT(asyncio_loop_sock_accept(loop, fd, (struct sockaddr *)&peer, &size), &conn));
    CHECK_INT(size, sizeof peer);
    CHECK_INT(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
    RETURN(conn);
}

/* Two ends of a TCP connection, made by the coroutines. */
ASYNC(connect_pair, (int *) fd) {
    struct sockaddr_in addr;
    int listener = listen_on(&addr, 5);
    asyncio_task *t = start(accepts(listener));
    fd[0] = tcp_socket();
    TRY(AWAIT(asyncio_loop_sock_connect(loop, fd[0], (struct sockaddr *)&addr, sizeof addr)));
    TRY(AWAIT(t));
    fd[1] = (int)asyncio_future_take_result(asyncio_task_as_future(t)).i;
    CHECK(fcntl(fd[1], F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(fd[1], F_GETFD) & FD_CLOEXEC);
    asyncio_task_unref(t);
    CHECK_INT(asyncio_fd_close(listener), 0);
    RETURN();
}

ASYNC(echo_once, (int) fd) {
    char buf[100];
    int n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fd, buf, sizeof buf)));
    TRY(AWAIT(asyncio_loop_sock_sendall(loop, fd, buf, (size_t)n)));
    RETURN();
}

ASYNC(tcp_there_and_back) {
    int fd[2];
    char buf[100];
    CHECK_INT(AWAIT(connect_pair(fd)), 0);
    for (int i = 0; i < 3; i++) {
        asyncio_task *t = start(echo_once(fd[1]));
        CHECK_INT(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], "hello", 5)), 0);
        CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], buf, sizeof buf)), 5);
        CHECK_INT(memcmp(buf, "hello", 5), 0);
        check_ended(t, 0);
    }
    CHECK_INT(asyncio_fd_close(fd[1]), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], buf, sizeof buf)), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], buf, sizeof buf)), 0);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    RETURN();
}
TEST(bytes_go_there_and_back_over_tcp) { run_alone(tcp_there_and_back()); }
TEST(and_so_they_do_in_debug_mode) {
    start_loop();
    asyncio_loop_set_debug(loop, true);
    CHECK_INT(run(tcp_there_and_back()), 0);
    end_loop();
}

ASYNC(sends_big, (int) fd) {
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
    TRY(AWAIT(asyncio_loop_sock_sendall(loop, fd, big, sizeof big)));
    CHECK_INT(asyncio_fd_close(fd), 0);
    RETURN();
}

ASYNC(receives_big, (int) fd) {
    static char got[sizeof big + 1];
    size_t sum = 0;
    int n;
    while ((n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fd, got + sum, 1 + sum % 40000)))) > 0) {
        sum += (size_t)n;
        CHECK(sum <= sizeof big);
    }
    CHECK_INT(sum, sizeof big);
    CHECK_INT(memcmp(got, big, sum), 0);
    CHECK_INT(asyncio_fd_close(fd), 0);
    RETURN();
}

ASYNC(big_transfer, (bool) adopted) {
    int fd[2];
    CHECK_INT(AWAIT(connect_pair(fd)), 0);
    if (adopted) {
        CHECK_INT(asyncio_fd_adopt(fd[0]), 0);
        CHECK_INT(asyncio_fd_adopt(fd[1]), 0);
    }
    asyncio_task *t = start(sends_big(fd[0]));
    CHECK_INT(AWAIT(receives_big(fd[1])), 0);
    check_ended(t, 0);
    RETURN();
}
TEST(a_megabyte_arrives_whole) { run_alone(big_transfer(false)); }
TEST(a_megabyte_arrives_whole_through_adopted_sockets) { run_alone(big_transfer(true)); }

ASYNC(datagrams) {
    struct sockaddr_in addr[2], from;
    int fd[2];
    char buf[100];
    for (int i = 0; i < 2; i++) {
        socklen_t size = sizeof addr[i];
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        addr[i] =
            (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        CHECK_INT(bind(fd[i], (struct sockaddr *)&addr[i], sizeof addr[i]), 0);
        CHECK_INT(getsockname(fd[i], (struct sockaddr *)&addr[i], &size), 0);
        CHECK_INT(asyncio_fd_adopt(fd[i]), 0);
    }
    const char *words[] = { "one", "", "three" };
    for (int i = 0; i < 3; i++) {
        CHECK_INT(AWAIT(asyncio_loop_sock_sendto(loop, fd[0], words[i], strlen(words[i]),
                                                 (struct sockaddr *)&addr[1], sizeof addr[1])),
                  (int)strlen(words[i]));
    }
    for (int i = 0; i < 3; i++) {
        socklen_t size = sizeof from;
        int n = AWAIT(asyncio_loop_sock_recvfrom(loop, fd[1], buf, sizeof buf,
                                                 (struct sockaddr *)&from, &size));
        CHECK_INT(n, (int)strlen(words[i]));
        CHECK_INT(memcmp(buf, words[i], (size_t)n), 0);
        CHECK_INT(from.sin_port, addr[0].sin_port);
    }
    CHECK_ERROR(AWAIT(asyncio_wait_for(
                    asyncio_loop_sock_recvfrom(loop, fd[1], buf, sizeof buf, NULL, NULL), 1)),
                ASYNCIO_TIMEOUT_ERROR, NULL);
    close_pair(fd);
    RETURN();
}
TEST(datagrams_arrive_one_by_one_with_their_sender) { run_alone(datagrams()); }

ASYNC(refused_connection) {
    struct sockaddr_in addr;
    int listener = listen_on(&addr, 1);
    close(listener);
    int fd = tcp_socket();
    char text[128];
    snprintf(text, sizeof text, "Connect call failed (127.0.0.1:%d): Connection refused",
             ntohs(addr.sin_port));
    CHECK_ERROR(AWAIT(asyncio_loop_sock_connect(loop, fd, (struct sockaddr *)&addr, sizeof addr)),
                -ECONNREFUSED, text);
    CHECK_INT(asyncio_fd_close(fd), 0);

    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/nowhere/at/all" };
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_connect(loop, fd, (struct sockaddr *)&un, sizeof un)),
                -ENOENT, "Connect call failed (/nowhere/at/all): No such file or directory");
    CHECK_INT(asyncio_fd_close(fd), 0);
    RETURN();
}
TEST(a_refused_connection_says_where_to) { run_alone(refused_connection()); }

ASYNC(accept_dropped) {
    struct sockaddr_in addr;
    char c;
    int listener = listen_on(&addr, 5), fd = tcp_socket();
    CHECK_INT(AWAIT(asyncio_loop_sock_connect(loop, fd, (struct sockaddr *)&addr, sizeof addr)), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_accept(loop, listener, NULL, NULL)), 0); /* not taken */
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd, &c, 1)), 0);
    CHECK_INT(asyncio_fd_close(fd), 0);
    CHECK_INT(asyncio_fd_close(listener), 0);
    RETURN();
}
TEST(an_accepted_connection_that_nobody_takes_is_closed) { run_alone(accept_dropped()); }

ASYNC(no_descriptor_left) {
    struct sockaddr_in addr;
    struct rlimit limit;
    int listener = listen_on(&addr, 5), fd = tcp_socket();
    CHECK_INT(AWAIT(asyncio_loop_sock_connect(loop, fd, (struct sockaddr *)&addr, sizeof addr)), 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, limit.rlim_max }), 0);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_accept(loop, listener, NULL, NULL)), -EMFILE,
                "accept: Too many open files");
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_accept(loop, listener, NULL, NULL)), 0);
    CHECK_INT(asyncio_fd_close(fd), 0);
    CHECK_INT(asyncio_fd_close(listener), 0);
    RETURN();
}
TEST(accepting_without_a_free_descriptor_fails_and_can_be_repeated) {
    if (test_under_valgrind()) SKIP("valgrind has a limit of descriptors of its own");
    run_alone(no_descriptor_left());
}

ASYNC(broken_pipe) {
    int fd[2];
    make_pair(fd);
    CHECK_INT(asyncio_fd_close(fd[1]), 0);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], "x", 1)), -EPIPE, "send: Broken pipe");
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendto(loop, fd[0], "x", 1, NULL, 0)), -EPIPE,
                "sendto: Broken pipe");
    FILE *file = tmpfile();
    fputs("text", file);
    fflush(file);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendfile(loop, fd[0], fileno(file), 0, 0)), -EPIPE,
                "sendfile: Broken pipe");
    fclose(file);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    RETURN();
}
TEST(a_peer_that_is_gone_is_an_error_and_no_signal) { run_alone(broken_pipe()); }

ASYNC(reset_peer) {
    int fd[2];
    char c;
    CHECK_INT(AWAIT(connect_pair(fd)), 0);
    struct linger now = { 1, 0 };
    CHECK_INT(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    asyncio_task *t = start(echo_once(fd[0]));
    CHECK_INT(asyncio_fd_close(fd[1]), 0);
    CHECK_ERROR(AWAIT(t), -ECONNRESET, "recv: Connection reset by peer");
    asyncio_task_unref(t);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], &c, 1)), 0);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    RETURN();
}
TEST(a_reset_in_the_middle_wakes_the_receiver) { run_alone(reset_peer()); }

ASYNC(half_closed) {
    int fd[2];
    char buf[8];
    CHECK_INT(AWAIT(connect_pair(fd)), 0);
    CHECK_INT(asyncio_fd_adopt(fd[0]), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_sendall(loop, fd[1], "last", 4)), 0);
    CHECK_INT(shutdown(fd[1], SHUT_WR), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], buf, sizeof buf)), 4);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], buf, sizeof buf)), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], "back", 4)), 0);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[1], buf, sizeof buf)), 4);
    close_pair(fd);
    RETURN();
}
TEST(after_a_half_close_the_other_direction_works) { run_alone(half_closed()); }

ASYNC(ancillary_data) {
    int fd[2];
    char buf[3], control[CMSG_SPACE(sizeof(int))] = "";
    make_pair(fd);
    CHECK_INT(asyncio_fd_adopt(fd[0]), 0);
    asyncio_task *t = start(asyncio_loop_sock_recv(loop, fd[0], buf, 1));
    put(fd[1], "x");
    check_ended(t, 0); /* it is registered now */
    struct iovec part = { (char[]){ 'a' }, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(c), &fd[1], sizeof(int));
    CHECK_INT(sendmsg(fd[1], &message, 0), 1);
    put(fd[1], "bc");
    int sum = 0; /* what comes with a descriptor is received by itself */
    while (sum < 3) {
        sum += TRY(AWAIT(asyncio_wait_for(
            asyncio_loop_sock_recv(loop, fd[0], buf + sum, sizeof buf - (size_t)sum), 5)));
    }
    CHECK_INT(memcmp(buf, "abc", 3), 0);
    close_pair(fd);
    RETURN();
}
TEST(a_short_read_of_a_unix_socket_is_not_taken_for_the_last) { run_alone(ancillary_data()); }

ASYNC(receives_one, (int) fd) {
    char c;
    int n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fd, &c, 1)));
    CHECK_INT(n, 1);
    RETURN((int)c);
}

ASYNC(cancelled_receiver) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(receives_one(fd[0]));
    put(fd[1], "ab");
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    asyncio_value c;
    CHECK_INT(AWAIT(receives_one(fd[0]), &c), 0);
    CHECK_INT(c.i, 'a');
    close_pair(fd);
    RETURN();
}
TEST(a_cancelled_receiver_has_taken_nothing) { run_alone(cancelled_receiver()); }

ASYNC(file_sent, (size_t) from, (size_t) count) {
    int fd[2];
    CHECK_INT(AWAIT(connect_pair(fd)), 0);
    FILE *file = tmpfile();
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 3 + i / 127);
    CHECK_INT(fwrite(big, 1, sizeof big, file), sizeof big);
    fflush(file);
    asyncio_task *t =
        start(asyncio_loop_sock_sendfile(loop, fd[0], fileno(file), (off_t)from, count));
    size_t expected = count && count < sizeof big - from ? count : sizeof big - from;
    static char got[sizeof big];
    for (size_t sum = 0; sum < expected;) {
        int n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fd[1], got + sum, sizeof got - sum)));
        CHECK(n > 0);
        sum += (size_t)n;
    }
    CHECK_INT(memcmp(got, big + from, expected), 0);
    asyncio_value sent;
    CHECK_INT(AWAIT(t, &sent), 0);
    CHECK_INT(sent.i, (long long)expected);
    asyncio_task_unref(t);
    fclose(file);
    close_pair(fd);
    RETURN();
}
TEST(a_file_is_sent) { run_alone(file_sent(0, 0)); }
TEST(a_part_of_a_file_is_sent) { run_alone(file_sent(1000, 500000)); }
TEST(the_rest_of_a_file_is_sent) { run_alone(file_sent(700000, 1 << 30)); }

ASYNC(pipe_sent) { /* no sendfile from a pipe, and no pread either */
    int fd[2], pipes[2];
    make_pair(fd);
    CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
    int rc = AWAIT(asyncio_loop_sock_sendfile(loop, fd[0], pipes[0], 0, 0));
    CHECK_INT(rc, -ESPIPE);
    asyncio_ignore(rc);
    close_pair(pipes);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendfile(loop, fd[0], 0, -1, 0)), ASYNCIO_VALUE_ERROR,
                "offset must be non-negative");
    close_pair(fd);
    RETURN();
}
TEST(what_cannot_be_sent_as_a_file_is_an_error) { run_alone(pipe_sent()); }

ASYNC(misuse) {
    int fd[2];
    char c = 0;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0); /* blocking */
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    const char *why = "the socket must be non-blocking";
    CHECK_ERROR(AWAIT(asyncio_loop_sock_connect(loop, fd[0], (struct sockaddr *)&un, sizeof un)),
                ASYNCIO_VALUE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_accept(loop, fd[0], NULL, NULL)), ASYNCIO_VALUE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_loop_sock_recv(loop, fd[0], &c, 1), 1)),
                ASYNCIO_TIMEOUT_ERROR, NULL);
    asyncio_loop_set_debug(loop, true);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_recv(loop, fd[0], &c, 1)), ASYNCIO_VALUE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], &c, 1)), ASYNCIO_VALUE_ERROR, why);
    asyncio_loop_set_debug(loop, false);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_recv(NULL, fd[0], &c, 1)), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    asyncio_loop *other = asyncio_new_event_loop();
    CHECK_ERROR(AWAIT(asyncio_loop_sock_recv(other, fd[0], &c, 1)), ASYNCIO_RUNTIME_ERROR,
                "the loop is not the one that runs");
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    close_pair(fd);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_recv(loop, fd[0], &c, 1)), -EBADF,
                "recv: Bad file descriptor");
    FILE *file = tmpfile();
    CHECK_ERROR(AWAIT(asyncio_loop_sock_recv(loop, fileno(file), &c, 1)), -ENOTSOCK,
                "recv: Socket operation on non-socket");
    fclose(file);
    CHECK_ERROR(AWAIT(asyncio_loop_sock_sendall(loop, -1, &c, 1)), -EBADF,
                "send: Bad file descriptor");
    RETURN();
}
TEST(wrong_arguments_are_refused) {
    without_debug_mode(); /* which looks at whether a socket blocks first */
    run_alone(misuse());
}

ASYNC(backlog_full) {
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "asyncio-test-%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd[3], rc = 0, made = 0;
    CHECK_INT(bind(listener, (struct sockaddr *)&un, sizeof un), 0);
    CHECK_INT(listen(listener, 0), 0);
    for (; made < 3 && rc == 0; made++) {
        fd[made] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        rc = AWAIT(asyncio_loop_sock_connect(loop, fd[made], (struct sockaddr *)&un, sizeof un));
    }
    CHECK_INT(rc, -EAGAIN);
    asyncio_ignore(rc);
    while (made-- > 0) CHECK_INT(asyncio_fd_close(fd[made]), 0);
    CHECK_INT(asyncio_fd_close(listener), 0);
    RETURN();
}
TEST(a_full_backlog_of_a_unix_socket_is_an_error) { run_alone(backlog_full()); }
