/* SPDX-License-Identifier: MIT
 *
 * System calls that fail: each program is run with its first, second, third ... call interrupted
 * by a signal, of which nothing may be seen, and then with each call refused, which the program
 * may be told, and of which nothing may be left. Then what the library does instead where the
 * system does not have a call, or a file does not know it.
 */
#include <netdb.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "../../support/calls.h"
#include "io.h"

static int pair[2] = { -1, -1 }; /* what a program is given; it takes them over or not */
static int file = -1;

static int count_open(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++) n += real_syscall(SYS_fcntl, fd, F_GETFD) >= 0;
    return n;
}

static bool is_open(int fd) { return fd >= 0 && real_syscall(SYS_fcntl, fd, F_GETFD) >= 0; }

static int ignore_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)context, (void)arg;
    return 0;
}

struct scenario {
    asyncio_coro (*run)(void);
    void (*prepare)(void); /* or NULL */
    bool threads;          /* calls of other threads count, too */
    bool real;             /* the outside takes part: the clock must not jump */
    long least;            /* how many calls there are at least */
};

/* Who waits for ever is told so: the clock jumps when nobody has anything to do. */
ASYNC(in_time, (const struct scenario *) s) {
    int rc = AWAIT(asyncio_wait_for(s->run(), 1000));
    if (rc == ASYNCIO_TIMEOUT_ERROR)
        FAIL("call %ld (%s): everybody waits", calls.nth, calls.failed);
    TRY(rc);
    RETURN();
}

/* One run on a loop of its own, with what has been set up to fail. */
static int run_with(const struct scenario *s, long n, int error, bool interruptible) {
    if (s->prepare) s->prepare();
    loop = s->real ? asyncio_new_event_loop() : asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(loop, ignore_report, NULL);
    fail_nth_call(n, error, interruptible);
    calls.everywhere = s->threads;
    int rc = run(s->real ? s->run() : in_time(s));
    calls.everywhere = false;
    counts_here = true;
    int closed = asyncio_loop_close(loop);
    fail_no_calls();
    CHECK_INT(closed, 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    CHECK_INT(loop->refs, 1);
    asyncio_loop_unref(loop);
    for (int i = 0; i < 2; i++) {
        if (is_open(pair[i])) close(pair[i]);
        pair[i] = -1;
    }
    if (is_open(file)) close(file);
    file = -1;
    return rc;
}

static void check_clean(int open_before, long n) {
    for (int i = 0; i < 2000 && count_open() > open_before; i++) usleep(1000); /* of threads */
    if (count_open() > open_before) {
        FAIL("call %ld (%s): a descriptor is left", n, calls.failed ? calls.failed : "none");
    }
    if (waitpid(-1, NULL, WNOHANG) >= 0) FAIL("call %ld (%s): a child is left", n, calls.failed);
}

/* Of an interrupted call nothing is seen. */
static void interrupt_each(const struct scenario *s) {
    int open_before = count_open();
    for (long n = 1;; n++) {
        int rc = run_with(s, n, EINTR, true);
        if (rc < 0) FAIL("call %ld (%s) interrupted: %s", n, calls.failed, asyncio_err_name(rc));
        check_clean(open_before, n);
        if (!calls.failed) break;
        CHECK(n < 2000);
    }
    CHECK(calls.made > 0);
}

/* A refused call may be told, or not; nothing hangs, and nothing is left. */
static void refuse_each(const struct scenario *s, int error) {
    int open_before = count_open();
    for (long n = 1;; n++) {
        int rc = run_with(s, n, error, false);
        if (rc < 0 && !calls.failed) FAIL("without a failed call: %s", asyncio_err_name(rc));
        if (rc < 0) asyncio_ignore(rc);
        check_clean(open_before, n);
        if (!calls.failed) break;
        CHECK(n < 4000);
    }
    CHECK(calls.made >= s->least);
}

#define TEST_SCENARIO(scenario, what)                                                              \
    TEST_TIMEOUT(what##_hears_nothing_of_interrupted_calls, 120) {                                 \
        if (test_under_valgrind() || test_under_emulation()) SKIP("too many calls of others");     \
        interrupt_each(&(scenario));                                                               \
    }                                                                                              \
    TEST_TIMEOUT(what##_may_be_refused_any_call, 120) {                                            \
        if (test_under_valgrind() || test_under_emulation()) SKIP("too many calls of others");     \
        refuse_each(&(scenario), ENOBUFS);                                                         \
    }

/* ---- streams ---- */

static void prepare_pair(void) { make_pair(pair); }

ASYNC(echoes, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    asyncio_bytes line;
    (void)arg;
    while (TRY(AWAIT(asyncio_streamreader_readline(r, &line))) > 0) {
        TRY(asyncio_streamwriter_write(w, line.data, line.size));
        TRY(AWAIT(asyncio_streamwriter_drain(w)));
    }
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    RETURN();
}

/* The length is as expected, or the other side has met a failed call. */
static int expect(size_t size, size_t expected) {
    if (size != expected && calls.failed) return asyncio_raise(-EPIPE, NULL, NULL, "cut off");
    CHECK_INT(size, expected);
    return 0;
}

/* Some lines, in one go, in parts, and from a file; then the end in both directions. */
static int talks(asyncio_streamreader *r, asyncio_streamwriter *w) {
    const struct iovec parts[] = { { TEXT("two"), 3 }, { TEXT(" parts\n"), 7 } };
    asyncio_bytes line;
    char c;
    TRY(asyncio_streamwriter_write(w, "hello\n", 6));
    TRY(AWAIT(asyncio_streamwriter_drain(w)));
    TRY(AWAIT(asyncio_streamreader_readline(r, &line)));
    TRY(expect(line.size, 6));
    for (int i = 0; i < 2; i++)
        TRY(asyncio_streamwriter_write(w, parts[i].iov_base, parts[i].iov_len));
    TRY(AWAIT(asyncio_streamwriter_drain(w)));
    TRY(AWAIT(asyncio_streamreader_readline(r, &line)));
    TRY(expect(line.size, 10));
    TRY(asyncio_streamwriter_write_eof(w));
    TRY(AWAIT(asyncio_streamwriter_drain(w)));
    CHECK_INT(TRY(AWAIT(asyncio_streamreader_read(r, &c, 1))), 0);
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    return 0;
}

static int ended(asyncio_task *t) {
    asyncio_outcome o;
    if (!t) return -ENOMEM;
    int rc = AWAIT(asyncio_task_join(t, &o));
    if (rc < 0) return rc;
    rc = o.status;
    if (rc < 0 && o.error) rc = asyncio_reraise(asyncio_error_ref(o.error));
    asyncio_outcome_fini(&o);
    return rc;
}

ASYNC(echoes_over_a_socket, (int) fd) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    int rc = AWAIT(asyncio_open_connection(NULL, 0, &r, &w, .sock = fd));
    if (rc < 0) asyncio_fd_close(fd); /* the other side hears of it */
    TRY(rc);
    return AWAIT(echoes(r, w, NULL));
}

ASYNC(streams) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    asyncio_auto_task other = asyncio_create_task(echoes_over_a_socket(pair[1]));
    int rc = AWAIT(asyncio_open_connection(NULL, 0, &r, &w, .sock = pair[0]));
    if (rc < 0) asyncio_ignore(asyncio_fd_close(pair[0]));
    else rc = talks(r, w);
    if (rc < 0 && w) asyncio_streamwriter_abort(w);
    int others = ended(other);
    TRY(rc);
    return others;
}

static const struct scenario over_pair = { .run = streams, .prepare = prepare_pair, .least = 10 };
TEST_SCENARIO(over_pair, a_stream)

/* ---- servers ---- */

static char path[64];

static int with_server(asyncio_server *server, asyncio_coro connect, asyncio_streamreader **r,
                       asyncio_streamwriter **w) {
    int rc = AWAIT(connect);
    if (rc >= 0) rc = talks(*r, *w);
    if (rc < 0 && *w) asyncio_streamwriter_abort(*w);
    asyncio_error *error = rc < 0 ? asyncio_error_take(rc) : NULL;
    int stopped = AWAIT(asyncio_server_shutdown(server, 1));
    return error ? asyncio_reraise(error) : stopped;
}

ASYNC(tcp) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .keep_alive = true,
                                   .reuse_port = true)));
    int port = asyncio_server_port(server);
    if (port == 0) return asyncio_raise(-ENOBUFS, NULL, NULL, "no port");
    TRY(with_server(server, asyncio_open_connection("127.0.0.1", port, &r, &w), &r, &w));
    RETURN();
}

ASYNC(unix_server) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    TRY(AWAIT(asyncio_start_unix_server(echoes, path, &server)));
    int rc = with_server(server, asyncio_open_unix_connection(path, &r, &w), &r, &w);
    CHECK_INT(access(path, F_OK), -1);
    TRY(rc);
    RETURN();
}

static void choose_path(void) {
    snprintf(path, sizeof path, "/tmp/asyncio-calls-%d", (int)getpid());
    unlink(path); /* if removing it was refused */
}

/* A socket that was made before, and blocks. */
static void prepare_listener(void) {
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(pair[0], (struct sockaddr *)&addr, sizeof addr), 0);
}

ASYNC(given_listener) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    TRY(AWAIT(asyncio_start_server(echoes, NULL, 0, &server, .sock = pair[0])));
    int port = asyncio_server_port(server);
    if (port == 0) return asyncio_raise(-ENOBUFS, NULL, NULL, "no port");
    TRY(with_server(server, asyncio_open_connection("127.0.0.1", port, &r, &w), &r, &w));
    RETURN();
}

static const struct scenario over_tcp = { .run = tcp, .least = 20 };
static const struct scenario over_path = { .run = unix_server,
                                           .prepare = choose_path,
                                           .least = 20 };
static const struct scenario with_listener = { .run = given_listener,
                                               .prepare = prepare_listener,
                                               .least = 20 };
TEST_SCENARIO(over_tcp, a_server)
TEST_SCENARIO(over_path, a_server_on_a_path)
TEST_SCENARIO(with_listener, a_server_with_a_socket_of_its_own)

/* ---- pipes ---- */

static void prepare_pipe(void) { CHECK_INT(pipe2(pair, O_CLOEXEC), 0); }

ASYNC(pipes) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    asyncio_bytes line;
    char c;
    TRY(AWAIT(asyncio_connect_read_pipe(pair[0], &r, 0)));
    TRY(AWAIT(asyncio_connect_write_pipe(pair[1], &w)));
    TRY(asyncio_streamwriter_write(w, "hello\n", 6));
    TRY(AWAIT(asyncio_streamwriter_drain(w)));
    TRY(AWAIT(asyncio_streamreader_readline(r, &line)));
    CHECK_INT(line.size, 6);
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    CHECK_INT(TRY(AWAIT(asyncio_streamreader_read(r, &c, 1))), 0);
    RETURN();
}

static const struct scenario over_pipe = { .run = pipes, .prepare = prepare_pipe, .least = 5 };
TEST_SCENARIO(over_pipe, a_pipe)

/* ---- sockets ---- */

static void prepare_sockets(void) {
    make_pair(pair);
    file = memfd_create("sent", MFD_CLOEXEC);
    CHECK_INT(write(file, "from a file", 11), 11);
}

/* The other side hears of it, however it ends. */
ASYNC(sends_file) {
    asyncio_loop *here = asyncio_get_running_loop();
    asyncio_value n = asyncio_int(6);
    int rc = AWAIT(asyncio_loop_sock_sendall(here, pair[0], "hello ", 6));
    if (rc >= 0) rc = AWAIT(asyncio_loop_sock_sendfile(here, pair[0], file, 5, 0), &n);
    CHECK_INT(n.i, 6);
    if (rc >= 0) rc = AWAIT(asyncio_loop_sock_sendfile(here, pair[0], file, 0, 4), &n);
    if (rc >= 0) CHECK_INT(n.i, 4);
    if (asyncio_fd_close(pair[0]) < 0) asyncio_ignore(-ENOBUFS);
    TRY(rc);
    RETURN();
}

ASYNC(sockets) {
    asyncio_loop *here = asyncio_get_running_loop();
    char text[64];
    size_t size = 0;
    asyncio_auto_task t = asyncio_create_task(sends_file());
    int rc = 1;
    while (rc > 0) {
        rc = AWAIT(asyncio_loop_sock_recv(here, pair[1], text + size, sizeof text - size));
        if (rc > 0) size += (size_t)rc;
    }
    if (asyncio_fd_close(pair[1]) < 0) asyncio_ignore(-ENOBUFS);
    int others = ended(t);
    TRY(rc);
    TRY(others);
    text[size] = '\0';
    CHECK_STR(text, "hello a filefrom");
    RETURN();
}

static const struct scenario with_sockets = { .run = sockets,
                                              .prepare = prepare_sockets,
                                              .least = 8 };
TEST_SCENARIO(with_sockets, a_socket)

/* Connects and accepts, both in turn. */
static void prepare_unconnected(void) {
    prepare_listener();
    CHECK_INT(listen(pair[0], 1), 0);
    CHECK_INT(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

ASYNC(connects) {
    asyncio_loop *here = asyncio_get_running_loop();
    struct sockaddr_in addr, from;
    socklen_t size = sizeof addr, from_size = sizeof from;
    asyncio_value conn;
    CHECK_INT(real_syscall(SYS_getsockname, pair[0], &addr, &size), 0);
    TRY(AWAIT(asyncio_loop_sock_connect(here, pair[1], (struct sockaddr *)&addr, size)));
    TRY(AWAIT(asyncio_loop_sock_accept(here, pair[0], (struct sockaddr *)&from, &from_size),
              &conn));
    CHECK_INT(from.sin_family, AF_INET);
    int rc = AWAIT(asyncio_loop_sock_sendall(here, pair[1], "x", 1));
    char c;
    if (rc >= 0) rc = AWAIT(asyncio_loop_sock_recv(here, (int)conn.i, &c, 1));
    asyncio_value_drop(&conn);
    TRY(rc);
    CHECK_INT(rc, 1);
    RETURN();
}

static const struct scenario unconnected = { .run = connects,
                                             .prepare = prepare_unconnected,
                                             .least = 6 };
TEST_SCENARIO(unconnected, connecting)

/* ---- datagrams ---- */

ASYNC(datagrams) {
    asyncio_auto_datagram a = NULL;
    asyncio_auto_datagram b = NULL;
    asyncio_value fd;
    struct sockaddr_in addr;
    socklen_t size = sizeof addr;
    char buf[16];
    asyncio_datagram_info info;
    TRY(AWAIT(asyncio_create_datagram_endpoint(&a, .local_host = "127.0.0.1", .reuse_port = true)));
    CHECK_INT(asyncio_datagram_get_extra_info(a, "socket", &fd), 1);
    CHECK_INT(real_syscall(SYS_getsockname, (int)fd.i, &addr, &size), 0);
    TRY(AWAIT(asyncio_create_datagram_endpoint(&b, .remote_host = "127.0.0.1",
                                               .remote_port = ntohs(addr.sin_port))));
    CHECK_INT(TRY(AWAIT(asyncio_datagram_send(b, "hello", 5))), 5);
    CHECK_INT(TRY(AWAIT(asyncio_datagram_recvfrom(a, buf, sizeof buf, &info))), 5);
    CHECK_INT(TRY(AWAIT(asyncio_datagram_sendto(a, "you", 3, info.addr, info.addr_size))), 3);
    CHECK_INT(TRY(AWAIT(asyncio_datagram_recv(b, buf, sizeof buf))), 3);
    RETURN();
}

/* Sockets that were made before, and block. */
static void prepare_datagrams(void) {
    CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
}

ASYNC(given_datagrams) {
    asyncio_auto_datagram a = NULL;
    asyncio_auto_datagram b = NULL;
    char buf[16];
    TRY(AWAIT(asyncio_create_datagram_endpoint(&a, .sock = pair[0])));
    TRY(AWAIT(asyncio_create_datagram_endpoint(&b, .sock = pair[1])));
    CHECK_INT(TRY(AWAIT(asyncio_datagram_send(a, "hello", 5))), 5);
    CHECK_INT(TRY(AWAIT(asyncio_datagram_recv(b, buf, sizeof buf))), 5);
    RETURN();
}

ASYNC(sockets_of_datagrams) {
    asyncio_loop *here = asyncio_get_running_loop();
    char buf[16];
    TRY(asyncio_fd_adopt(pair[0]));
    TRY(asyncio_fd_adopt(pair[1]));
    TRY(AWAIT(asyncio_loop_sock_sendall(here, pair[0], "hello", 5)));
    CHECK_INT(TRY(AWAIT(asyncio_loop_sock_recvfrom(here, pair[1], buf, sizeof buf, NULL, NULL))),
              5);
    RETURN();
}

static const struct scenario by_datagram = { .run = datagrams, .least = 12 };
static const struct scenario by_given_datagram = { .run = given_datagrams,
                                                   .prepare = prepare_datagrams,
                                                   .least = 8 };
static const struct scenario by_plain_datagram = { .run = sockets_of_datagrams,
                                                   .prepare = prepare_datagrams,
                                                   .least = 6 };
TEST_SCENARIO(by_datagram, an_endpoint)
TEST_SCENARIO(by_given_datagram, an_endpoint_with_a_socket_of_its_own)
TEST_SCENARIO(by_plain_datagram, an_adopted_socket)

/* ---- children ---- */

static int runs_child(bool by_fork) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    const int passed[] = { 2 };
    int rc = AWAIT(asyncio_create_subprocess_exec(
        &p, ((const char *[]){ "cat", NULL }), .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE,
        .stderr_fd = ASYNCIO_DEVNULL, .set_umask = by_fork, .umask = 022, .pass_fds = passed,
        .pass_count = 1));
    if (rc < 0) {
        CHECK_PTR(p, NULL);
        return rc;
    }
    TRY(AWAIT(asyncio_process_communicate(p, "hello", 5, &out, NULL)));
    TRY(expect(out.size, 5));
    return AWAIT(asyncio_process_wait(p));
}

ASYNC(child) {
    TRY(runs_child(false));
    RETURN();
}

ASYNC(forked_child) {
    TRY(runs_child(true));
    RETURN();
}

static const struct scenario with_child = { .run = child, .real = true, .least = 15 };
static const struct scenario with_forked_child = { .run = forked_child, .real = true, .least = 15 };
TEST_SCENARIO(with_child, a_child)
TEST_SCENARIO(with_forked_child, a_forked_child)

/* ---- files ---- */

ASYNC(files) {
    asyncio_auto_file f = NULL;
    struct stat st;
    char buf[16], *names;
    TRY(AWAIT(asyncio_file_open(&f, path, O_RDWR | O_CREAT, 0600)));
    CHECK_INT(TRY(AWAIT(asyncio_file_write(f, "hello", 5))), 5);
    CHECK_INT(TRY(AWAIT(asyncio_file_pwrite(f, "j", 1, 0))), 1);
    TRY(AWAIT(asyncio_file_fsync(f)));
    CHECK_INT(TRY(AWAIT(asyncio_file_pread(f, buf, sizeof buf, 0))), 5);
    CHECK_INT(memcmp(buf, "jello", 5), 0);
    CHECK_INT(TRY(AWAIT(asyncio_file_read(f, buf, sizeof buf))), 0);
    TRY(AWAIT(asyncio_file_stat(f, &st)));
    CHECK_INT(st.st_size, 5);
    TRY(AWAIT(asyncio_file_readdir("/proc/self/task", &names)));
    free(names);
    TRY(AWAIT(asyncio_file_close(f)));
    RETURN();
}

static const struct scenario with_file = {
    .run = files, .prepare = choose_path, .threads = true, .least = 9
};
TEST_SCENARIO(with_file, a_file)

/* ---- the loop ---- */

TEST(a_loop_whose_poller_cannot_be_made_is_none) {
    if (test_under_valgrind() || test_under_emulation()) SKIP("too many calls of others");
    int open_before = count_open();
    for (long n = 1;; n++) {
        fail_nth_call(n, EMFILE, false);
        asyncio_loop *l = asyncio_new_event_loop();
        fail_no_calls();
        if (l) {
            CHECK_INT(asyncio_loop_close(l), 0);
            asyncio_loop_unref(l);
            CHECK(n > 3);
            break;
        }
        CHECK_ERROR(-EMFILE, -EMFILE, "cannot make an event loop");
        CHECK_INT(count_open(), open_before);
    }
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

ASYNC(waits_a_little) {
    for (int i = 0; i < 2; i++) {
        int rc = AWAIT(asyncio_wait_for(asyncio_wait_fd(pair[0], ASYNCIO_READABLE), 0.002));
        CHECK(asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR));
    }
    RETURN();
}

/* Kernels before 5.11 have no epoll_pwait2. */
TEST(a_kernel_without_limits_in_nanoseconds_will_do) {
    prepare_pair();
    fail_calls_of("epoll_pwait2", ENOSYS);
    double begin = seconds_now();
    CHECK_INT(asyncio_run(waits_a_little(), NULL), 0);
    CHECK(seconds_now() - begin >= 0.004);
    CHECK_INT(fail_no_calls(), 1); /* it does not ask again */
    close(pair[0]);
    close(pair[1]);
}

/* ---- files that sendfile does not know ---- */

static int lacking; /* what sendfile says */

ASYNC(copies_file) {
    fail_calls_of("sendfile", lacking);
    asyncio_coro c = sockets();
    return AWAIT(c);
}

TEST(a_file_that_sendfile_does_not_know_is_copied) {
    const int errors[] = { EINVAL, ENOSYS };
    for (size_t i = 0; i < 2; i++) {
        lacking = errors[i];
        prepare_sockets();
        CHECK_INT(asyncio_run(copies_file(), NULL), 0);
        CHECK(fail_no_calls() > 0);
        close(file);
    }
}

TEST(another_error_of_sendfile_is_told) {
    lacking = EIO;
    prepare_sockets();
    int rc = asyncio_run(copies_file(), NULL);
    CHECK_INT(fail_no_calls(), 1);
    CHECK_ERROR(rc, -EIO, "sendfile: Input/output error");
    close(file);
}
