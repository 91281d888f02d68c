/* SPDX-License-Identifier: MIT
 *
 * Input and output that is interrupted everywhere: each program is run with a cancellation at
 * every point in turn, in several orders, with timeouts around each call, and with every allocation
 * failing in turn. What was interrupted is done again. No byte is lost or comes twice, nothing
 * is left open, and no task is left.
 */
#include <netdb.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <sys/ioctl.h>

#include "io.h"

/* ---- doing it again ---- */

static bool limited; /* each call is first made with a timeout */
static bool starved; /* an allocation has failed, or will */

static bool interrupted(int rc) {
    if (rc == ASYNCIO_CANCELLED_ERROR) {
        asyncio_ignore(rc);
        asyncio_task_uncancel(asyncio_current_task());
        return true;
    }
    return limited && asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR);
}

/* The status of what is awaited, in the end. `value`: where the value goes, or NULL. */
#define PERSIST_VALUE(awaitable, value)                                                            \
    __extension__({                                                                                \
        int status_, tries_ = 0;                                                                   \
        do {                                                                                       \
            if (limited && tries_++ % 2 == 0) {                                                    \
                status_ = AWAIT(asyncio_wait_for((awaitable), 0.001), (value));                    \
            } else {                                                                               \
                status_ = AWAIT((awaitable), (value));                                             \
            }                                                                                      \
        } while (interrupted(status_));                                                            \
        status_;                                                                                   \
    })
#define PERSIST(awaitable) PERSIST_VALUE(awaitable, NULL)

/* The task has come to its end. */
static int finished(asyncio_task *t) {
    asyncio_outcome outcome;
    int rc;
    if (!t) return -ENOMEM;
    do rc = AWAIT(asyncio_task_join(t, &outcome));
    while (interrupted(rc));
    if (rc < 0) return rc;
    rc = outcome.status;
    if (rc < 0 && outcome.error) rc = asyncio_reraise(asyncio_error_ref(outcome.error));
    asyncio_outcome_fini(&outcome);
    return rc;
}

/* ---- what is sent ---- */

#define SIZE 200000
#define STREAMED 40000

static char sent[SIZE + 1], got[SIZE + 1];
static size_t received;

static void prepare(void) {
    for (size_t i = 0; i < SIZE; i++) {
        sent[i] = i % 97 == 96 ? '\n' : (char)('a' + (i * 7 + i / 251) % 26);
    }
    memset(got, 0, sizeof got);
    received = 0;
}

static void keep(const void *data, size_t n) {
    CHECK(received + n <= SIZE);
    memcpy(got + received, data, n);
    received += n;
}

static void small_buffers(int fd) {
    const int size = 4096;
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

static void small_buffers_of(asyncio_streamwriter *w) {
    asyncio_value fd;
    CHECK_INT(asyncio_streamwriter_get_extra_info(w, "socket", &fd), 1);
    small_buffers((int)fd.i);
}

/* One read of some kind: how much, and where it is. */
static int reads_some(asyncio_streamreader *r, int kind, char *buf, asyncio_bytes *b) {
    int rc;
    *b = (asyncio_bytes){ buf, 0 };
    if (kind % 4 == 0) rc = PERSIST(asyncio_streamreader_readline(r, b));
    else if (kind % 4 == 1) rc = PERSIST(asyncio_streamreader_readexactly(r, buf, 700));
    else if (kind % 4 == 2) rc = PERSIST(asyncio_streamreader_read(r, buf, 500));
    else rc = PERSIST(asyncio_streamreader_readuntil(r, "z", b));
    if (asyncio_catch(rc, ASYNCIO_INCOMPLETE_READ_ERROR)) {
        *b = asyncio_streamreader_partial(r);
        rc = (int)b->size;
    }
    if (rc > 0) b->size = (size_t)rc;
    return rc;
}

/* Who fails ends the conversation for the other one, too. */
ASYNC(reads_all, (asyncio_streamreader *) r, (asyncio_streamwriter *) w) {
    char buf[1000];
    asyncio_bytes b;
    int rc = 0;
    for (int kind = 0; rc >= 0 && !asyncio_streamreader_at_eof(r); kind++) {
        rc = reads_some(r, kind, buf, &b);
        if (rc >= 0) keep(b.data, b.size);
    }
    if (rc < 0) asyncio_streamwriter_abort(w);
    TRY(rc);
    RETURN();
}

/* In pieces, with an end. */
ASYNC(writes_all, (asyncio_streamwriter *) w, (size_t) size) {
    int rc = 0;
    for (size_t at = 0, n; rc >= 0 && at < size; at += n) {
        n = size - at < 3001 ? size - at : 3001;
        rc = asyncio_streamwriter_write(w, sent + at, n);
        if (rc >= 0) rc = PERSIST(asyncio_streamwriter_drain(w));
    }
    if (rc >= 0) rc = asyncio_streamwriter_write_eof(w);
    else asyncio_streamwriter_abort(w);
    TRY(rc);
    RETURN();
}

/* ---- streams ---- */

ASYNC(echoes, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) small) {
    char buf[1000];
    asyncio_bytes b;
    if (small) {
        small_buffers_of(w);
        TRY(asyncio_streamwriter_set_write_buffer_limits(w, 2000, 500));
    }
    for (int kind = 0; !asyncio_streamreader_at_eof(r); kind++) {
        TRY(reads_some(r, kind, buf, &b));
        TRY(asyncio_streamwriter_write(w, b.data, b.size));
        TRY(PERSIST(asyncio_streamwriter_drain(w)));
    }
    asyncio_streamwriter_close(w);
    TRY(PERSIST(asyncio_streamwriter_wait_closed(w)));
    RETURN();
}

/* Sends and receives at the same time. */
static int converses(asyncio_streamreader *r, asyncio_streamwriter *w, size_t size) {
    asyncio_auto_task writes = asyncio_create_task(writes_all(w, size));
    asyncio_auto_task reads = asyncio_create_task(reads_all(r, w));
    if (!reads || !writes) asyncio_streamwriter_abort(w);
    int rc = finished(writes), other = finished(reads);
    asyncio_streamwriter_close(w);
    int closed = PERSIST(asyncio_streamwriter_wait_closed(w));
    if (rc >= 0) rc = other;
    if (rc >= 0) rc = closed;
    if (rc < 0) return rc;
    CHECK_INT(memcmp(got, sent, received), 0);
    if (starved && received < size) return -ENOMEM; /* the other side gave up */
    CHECK_INT(received, size);
    return 0;
}

static int ends(asyncio_server *server) {
    asyncio_server_close(server);
    return PERSIST(asyncio_server_shutdown(server, 1));
}

ASYNC(unix_echo) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    char path[64];
    prepare();
    snprintf(path, sizeof path, "/tmp/asyncio-everywhere-%d", (int)getpid());
    TRY(PERSIST(asyncio_start_unix_server(echoes, path, &server, .arg = path)));
    int rc = PERSIST(asyncio_open_unix_connection(path, &r, &w));
    if (rc >= 0) {
        small_buffers_of(w);
        rc = asyncio_streamwriter_set_write_buffer_limits(w, 2000, 500);
    }
    if (rc >= 0) rc = converses(r, w, STREAMED);
    int ended = ends(server);
    TRY(rc < 0 ? rc : ended);
    RETURN();
}

ASYNC(tcp_echo) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    prepare();
    TRY(PERSIST(asyncio_start_server(echoes, "127.0.0.1", 0, &server)));
    int port = asyncio_server_port(server);
    int rc = PERSIST(asyncio_open_connection("127.0.0.1", port, &r, &w));
    if (rc >= 0) rc = converses(r, w, 5000);
    int ended = ends(server);
    TRY(rc < 0 ? rc : ended);
    RETURN();
}

ASYNC(pipes) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    int ends[2];
    prepare();
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    int rc = PERSIST(asyncio_connect_read_pipe(ends[0], &r, 0));
    int other = PERSIST(asyncio_connect_write_pipe(ends[1], &w));
    if (!r) close(ends[0]);
    if (!w) close(ends[1]);
    TRY(rc < 0 ? rc : other);
    TRY(asyncio_streamwriter_set_write_buffer_limits(w, 2000, 500));
    TRY(converses(r, w, STREAMED));
    RETURN();
}

/* ---- sockets ---- */

/* How far the other end is; what is in between is there, too. */
static size_t arrived(int peer) {
    int waiting;
    CHECK_INT(ioctl(peer, FIONREAD, &waiting), 0);
    return received + (size_t)waiting;
}

ASYNC(receives, (int) fd) {
    char buf[1500];
    int n;
    while ((n = TRY(PERSIST(
                asyncio_loop_sock_recv(asyncio_get_running_loop(), fd, buf, sizeof buf)))) > 0) {
        keep(buf, (size_t)n);
    }
    RETURN();
}

/* Cancelled, nobody tells how much was sent; but it was the beginning, once. */
static int sends_all(int fd, int peer, int file) {
    asyncio_loop *here = asyncio_get_running_loop();
    int rc;
    do {
        size_t at = arrived(peer);
        CHECK(at <= SIZE);
        if (at == SIZE) return 0;
        if (file >= 0) rc = AWAIT(asyncio_loop_sock_sendfile(here, fd, file, (off_t)at, 0));
        else if (limited && at % 2) {
            rc = AWAIT(
                asyncio_wait_for(asyncio_loop_sock_sendall(here, fd, sent + at, SIZE - at), 0.001));
        } else rc = AWAIT(asyncio_loop_sock_sendall(here, fd, sent + at, SIZE - at));
    } while (interrupted(rc));
    return rc;
}

static int transfers(int file) {
    int fd[2];
    prepare();
    make_pair(fd);
    small_buffers(fd[0]);
    small_buffers(fd[1]);
    asyncio_auto_task t = asyncio_create_task(receives(fd[1]));
    int rc = t ? sends_all(fd[0], fd[1], file) : -ENOMEM;
    shutdown(fd[0], SHUT_WR);
    int other = finished(t);
    close_pair(fd);
    if (rc >= 0) rc = other;
    if (rc < 0) return rc;
    CHECK_INT(received, SIZE);
    CHECK_STR(got, sent);
    return 0;
}

ASYNC(sockets) {
    TRY(transfers(-1));
    RETURN();
}

ASYNC(files) {
    int file = memfd_create("sent", MFD_CLOEXEC);
    prepare();
    CHECK_INT(write(file, sent, SIZE), SIZE);
    int rc = transfers(file);
    close(file);
    TRY(rc);
    RETURN();
}

static void close_listener(int *listener) {
    if (*listener >= 0) CHECK_INT(asyncio_fd_close(*listener), 0);
    *listener = -1;
}

/* Connections that are accepted, as many as were made. In the end nobody waits to be accepted. */
ASYNC(accepts, (int *) listener, (int) n) {
    asyncio_loop *here = asyncio_get_running_loop();
    asyncio_value conn;
    int rc = 0;
    while (rc >= 0 && n-- > 0) {
        rc = PERSIST_VALUE(asyncio_loop_sock_accept(here, *listener, NULL, NULL), &conn);
        if (rc < 0) break;
        CHECK_INT(send((int)conn.i, "x", 1, MSG_NOSIGNAL), 1);
        CHECK_INT(asyncio_fd_close((int)conn.i), 0);
    }
    close_listener(listener);
    TRY(rc);
    RETURN();
}

ASYNC(connects) {
    enum { COUNT = 4 };
    asyncio_loop *here = asyncio_get_running_loop();
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr *addr = (struct sockaddr *)&to;
    socklen_t size = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;
    char c;
    CHECK_INT(bind(listener, addr, size), 0);
    CHECK_INT(listen(listener, 10), 0);
    CHECK_INT(getsockname(listener, addr, &size), 0);
    asyncio_auto_task t = asyncio_create_task(accepts(&listener, COUNT));
    if (!t) rc = -ENOMEM;
    for (int i = 0; i < COUNT && rc >= 0; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        rc = AWAIT(asyncio_loop_sock_connect(here, fd, addr, sizeof to));
        if (rc == ASYNCIO_CANCELLED_ERROR) { /* whether it was too late is not told */
            while (interrupted(rc)) rc = AWAIT(asyncio_wait_fd(fd, ASYNCIO_WRITABLE));
        }
        if (rc >= 0) rc = PERSIST(asyncio_loop_sock_recv(here, fd, &c, 1));
        if (rc >= 0) CHECK_INT(rc, 1);
        CHECK_INT(asyncio_fd_close(fd), 0);
    }
    if (rc < 0 && t) asyncio_task_cancel(t, NULL);
    int other = finished(t);
    close_listener(&listener); /* perhaps nobody began to accept */
    TRY(rc < 0 ? rc : other);
    RETURN();
}

/* ---- datagrams ---- */

#define DATAGRAMS 40

/* One that is cancelled has not been sent, or not been received. */
ASYNC(sends_datagrams, (asyncio_datagram *) d) {
    for (int i = 0; i < DATAGRAMS; i++) {
        int n = TRY(PERSIST(asyncio_datagram_send(d, &i, sizeof i)));
        CHECK_INT(n, sizeof i);
    }
    RETURN();
}

ASYNC(receives_datagrams, (asyncio_datagram *) d) {
    int number;
    for (int i = 0; i < DATAGRAMS; i++) {
        int n = TRY(PERSIST(asyncio_datagram_recv(d, &number, sizeof number)));
        CHECK_INT(n, sizeof number);
        CHECK_INT(number, i);
    }
    RETURN();
}

ASYNC(datagrams) {
    asyncio_auto_datagram a = NULL;
    asyncio_auto_datagram b = NULL;
    int fd[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    small_buffers(fd[0]);
    int rc = PERSIST(asyncio_create_datagram_endpoint(&a, .sock = fd[0]));
    int other = PERSIST(asyncio_create_datagram_endpoint(&b, .sock = fd[1]));
    if (!a) close(fd[0]);
    if (!b) close(fd[1]);
    TRY(rc < 0 ? rc : other);
    asyncio_auto_task sends = asyncio_create_task(sends_datagrams(a));
    asyncio_auto_task receives = asyncio_create_task(receives_datagrams(b));
    if (!sends || !receives) return -ENOMEM;
    TRY(finished(sends));
    TRY(finished(receives));
    RETURN();
}

/* ---- processes ---- */

ASYNC(child) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out = { NULL, 0 }, err = { NULL, 0 };
    asyncio_value code;
    prepare();
    TRY(PERSIST(asyncio_create_subprocess_exec(
        &p, ((const char *[]){ "sh", "-c", "echo begin >&2; cat; echo end >&2; exit 7", NULL }),
        .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_PIPE)));
    TRY(PERSIST(asyncio_process_communicate(p, sent, SIZE, &out, &err)));
    CHECK_INT(out.size, SIZE);
    CHECK_INT(memcmp(out.data, sent, SIZE), 0);
    CHECK_INT(err.size, 10);
    TRY(PERSIST_VALUE(asyncio_process_wait(p), &code));
    CHECK_INT(code.i, 7);
    RETURN();
}

/* ---- names ---- */

ASYNC(names) {
    asyncio_loop *here = asyncio_get_running_loop();
    asyncio_value list;
    char host[NI_MAXHOST];
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct sockaddr *addr = (const struct sockaddr *)&in;
    TRY(PERSIST_VALUE(asyncio_loop_getaddrinfo(here, "localhost", "80", NULL), &list));
    asyncio_value_drop(&list);
    TRY(PERSIST(asyncio_loop_getnameinfo(here, addr, sizeof in, host, sizeof host, NULL, 0, 0)));
    RETURN();
}

/* ---- all of them ---- */

typedef asyncio_coro program(void);

static int count_open(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Whether no more are open than before: at once, or when threads that look up names for somebody
 * who does not want them any more have closed their own. */
static bool are_closed(int before) {
    for (int i = 0; i < 5000 && count_open() > before; i++) usleep(1000);
    return count_open() <= before;
}

static void cancel_everywhere(program *run_it, unsigned long long seed, long least) {
    asyncio_testing_result result;
    int open_before = count_open();
    long at = 0;
    do {
        int rc = asyncio_testing_run(run_it(), &result, .seed = seed, .cancel_at = ++at);
        if (rc != 0) FAIL("seed %llu, cancelled at %ld: %s", seed, at, asyncio_err_name(rc));
        if (result.left || result.objects || !are_closed(open_before)) {
            FAIL("seed %llu, cancelled at %ld: %zu tasks, %zu objects, %d descriptors are left",
                 seed, at, result.left, result.objects, count_open() - open_before);
        }
    } while (at <= result.points);
    if (at <= least) FAIL("there were only %ld points", at - 1);
}

/* least: fewer points mean that nothing was tried. */
static void interrupt_everywhere(program *run_it, int orders, long least) {
    if (test_under_valgrind() || test_under_emulation()) orders = 1;
    for (int i = 0; i < orders; i++) {
        limited = false;
        cancel_everywhere(run_it, (unsigned long long)i, least);
        limited = true;
        cancel_everywhere(run_it, (unsigned long long)i, least);
    }
}

static int ignore_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)context, (void)arg;
    return 0;
}

/* What may come of exhausted memory: for a peer, that the other side is gone. */
static bool is_no_memory(int rc) {
    asyncio_ignore(rc);
    return rc == -ENOMEM || rc == -EAGAIN || rc == -ECONNRESET || rc == -EPIPE ||
           rc == ASYNCIO_INCOMPLETE_READ_ERROR || rc == ASYNCIO_OS_ERROR ||
           rc == ASYNCIO_CANCELLED_ERROR;
}

static void starve_everywhere(program *run_it) {
    bool failed = true;
    limited = false;
    starved = true;
    int open_before = count_open();
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    for (long n = 1; failed; n++) {
        start_loop();
        asyncio_loop_set_exception_handler(loop, ignore_report, NULL);
        asyncio_testing_fail_allocation(n);
        int rc = run(run_it());
        failed = asyncio_testing_fail_allocation(0) >= n;
        if (rc < 0 && (!failed || !is_no_memory(rc))) {
            FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
        }
        end_loop();
        if (!are_closed(open_before)) FAIL("allocation %ld: descriptors are left", n);
    }
}

TEST_TIMEOUT(streams_are_interrupted_everywhere, 120) { interrupt_everywhere(unix_echo, 4, 50); }
TEST_TIMEOUT(connections_are_interrupted_everywhere, 120) { interrupt_everywhere(tcp_echo, 4, 8); }
TEST_TIMEOUT(pipes_are_interrupted_everywhere, 120) { interrupt_everywhere(pipes, 4, 50); }
TEST_TIMEOUT(sockets_are_interrupted_everywhere, 120) { interrupt_everywhere(sockets, 4, 20); }
TEST_TIMEOUT(files_that_are_sent_are_interrupted_everywhere, 120) {
    interrupt_everywhere(files, 4, 10);
}
TEST_TIMEOUT(accepting_is_interrupted_everywhere, 120) {
    limited = false;
    for (int seed = 0; seed < 4; seed++) cancel_everywhere(connects, (unsigned)seed, 8);
}
TEST_TIMEOUT(datagrams_are_interrupted_everywhere, 120) { interrupt_everywhere(datagrams, 4, 12); }
TEST_TIMEOUT(children_are_interrupted_everywhere, 120) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    interrupt_everywhere(child, 2, 5);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}
TEST_TIMEOUT(names_are_interrupted_everywhere, 120) {
    need_localhost();
    interrupt_everywhere(names, 4, 3);
    usleep(50000); /* for the leak checker: threads whose answers nobody wants end */
}

TEST_TIMEOUT(streams_may_find_no_memory_anywhere, 120) { starve_everywhere(unix_echo); }
TEST_TIMEOUT(connections_may_find_no_memory_anywhere, 120) { starve_everywhere(tcp_echo); }
TEST_TIMEOUT(pipes_may_find_no_memory_anywhere, 120) { starve_everywhere(pipes); }
TEST_TIMEOUT(sockets_may_find_no_memory_anywhere, 120) { starve_everywhere(sockets); }
TEST_TIMEOUT(files_that_are_sent_may_find_no_memory_anywhere, 120) { starve_everywhere(files); }
TEST_TIMEOUT(accepting_may_find_no_memory_anywhere, 120) { starve_everywhere(connects); }
TEST_TIMEOUT(datagrams_may_find_no_memory_anywhere, 120) { starve_everywhere(datagrams); }
TEST_TIMEOUT(children_may_find_no_memory_anywhere, 120) { starve_everywhere(child); }
TEST_TIMEOUT(names_may_find_no_memory_anywhere, 120) {
    need_localhost();
    starve_everywhere(names);
}
