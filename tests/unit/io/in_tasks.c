/* SPDX-License-Identifier: MIT
 *
 * Operations as tasks: what a task is given it keeps, so that the program may change what it gave,
 * and let go of it, before the task begins.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/un.h>

#include "stream.h"

ASYNC(signals_in_tasks) {
    asyncio_signals *s = asyncio_signals_new(1, (const int[]){ SIGUSR1 });
    CHECK_PTR(asyncio_signals_ref(s), s);
    asyncio_signals_unref(s);
    asyncio_task *t = asyncio_create_task(asyncio_signals_next(s));
    asyncio_signals_unref(s);
    some_turns(2);
    CHECK(!asyncio_task_done(t));
    raise(SIGUSR1);
    some_turns(3);
    check_ended(t, SIGUSR1);
    RETURN();
}
TEST(a_task_keeps_the_signals_it_waits_for) { run_alone(signals_in_tasks()); }

/* ---- datagrams ---- */

static int port_of(const asyncio_datagram *d) {
    struct sockaddr_in addr;
    socklen_t size = sizeof addr;
    asyncio_value fd;
    CHECK_INT(asyncio_datagram_get_extra_info(d, "socket", &fd), 1);
    CHECK_INT(getsockname((int)fd.i, (struct sockaddr *)&addr, &size), 0);
    return ntohs(addr.sin_port);
}

ASYNC(endpoints_in_tasks) {
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct sockaddr *where = (const struct sockaddr *)&addr;
    asyncio_auto_datagram a = NULL;
    asyncio_auto_datagram b = NULL;
    char text[] = "hello", got[8] = "", host[] = "127.0.0.1";
    asyncio_task *t = asyncio_create_task(
        asyncio_create_datagram_endpoint(&a, .local_addr = where, .local_addr_size = sizeof addr));
    memset(&addr, 0xff, sizeof addr);
    check_ended(t, 0);
    addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port_of(a)),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
    t = asyncio_create_task(asyncio_create_datagram_endpoint(
        &b, .local_host = host, .remote_addr = where, .remote_addr_size = sizeof addr));
    memset(&addr, 0xff, sizeof addr);
    memset(host, 'x', sizeof host - 1);
    check_ended(t, 0);
    asyncio_datagram_unref(b);
    b = NULL;
    addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port_of(a)),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
    t = asyncio_create_task(asyncio_create_datagram_endpoint(&b, .remote_addr = where,
                                                             .remote_addr_size = sizeof addr));
    memset(&addr, 0xff, sizeof addr);
    check_ended(t, 0);
    asyncio_task *r = asyncio_create_task(asyncio_datagram_recv(a, got, sizeof got));
    t = asyncio_create_task(asyncio_datagram_send(b, text, 5));
    asyncio_datagram *first = a, *second = b;
    a = b = NULL;
    asyncio_datagram_unref(first);
    asyncio_datagram_unref(second);
    check_ended(t, 5);
    check_ended(r, 5);
    CHECK_STR(got, "hello");
    RETURN();
}
TEST(a_task_keeps_the_addresses_of_its_endpoint) { run_alone(endpoints_in_tasks()); }

/* ---- servers ---- */

ASYNC(is_connected_to, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r, (void)arg;
    asyncio_streamwriter_close(w);
    RETURN();
}

ASYNC(servers_in_tasks) {
    char one[] = "127.0.0.1", two[] = "127.0.0.2";
    const char *hosts[] = { one, two, NULL };
    asyncio_server *server = NULL;
    int fds[4];
    asyncio_task *t = asyncio_create_task(
        asyncio_start_server(is_connected_to, NULL, 0, &server, .hosts = hosts));
    memset(one, 'x', sizeof one - 1);
    hosts[1] = NULL;
    check_ended(t, 0);
    CHECK_INT(asyncio_server_sockets(server, fds, 4), 2);
    t = asyncio_create_task(asyncio_server_wait_closed(server));
    asyncio_task *s = asyncio_create_task(asyncio_server_shutdown(server, 1));
    asyncio_server_unref(server);
    check_ended(t, 0);
    check_ended(s, 0);
    RETURN();
}
TEST(a_task_keeps_the_hosts_of_its_server) { run_alone(servers_in_tasks()); }

/* ---- files ---- */

ASYNC(files_in_tasks) {
    char path[64], text[] = "hello", got[8] = "";
    asyncio_file *f = NULL;
    snprintf(path, sizeof path, "/tmp/asyncio-in-tasks-%d", (int)getpid());
    asyncio_task *t = asyncio_create_task(asyncio_file_open(&f, path, O_RDWR | O_CREAT, 0600));
    memset(path, 'x', 20);
    check_ended(t, 0);
    t = asyncio_create_task(asyncio_file_pwrite(f, text, 5, 0));
    check_ended(t, 5);
    t = asyncio_create_task(asyncio_file_pread(f, got, sizeof got, 1));
    CHECK_PTR(asyncio_file_ref(f), f);
    asyncio_file_unref(f);
    asyncio_file_unref(f);
    check_ended(t, 4);
    CHECK_STR(got, "ello");
    snprintf(path, sizeof path, "/tmp/asyncio-in-tasks-%d", (int)getpid());
    TRY(AWAIT(asyncio_file_open(&f, path, O_RDWR, 0)));
    t = asyncio_create_task(asyncio_file_close(f));
    asyncio_file_unref(f);
    check_ended(t, 0);
    CHECK_INT(unlink(path), 0);
    RETURN();
}
TEST(a_task_keeps_its_file) {
    CHECK_INT(asyncio_run(files_in_tasks(), NULL), 0); /* threads take their time */
}

/* ---- streams ---- */

ASYNC(streams_in_tasks) {
    asyncio_bytes line;
    char bytes[4];
    start_stream(0);
    put(peer, "one\ntwo|four");
    asyncio_task *first = asyncio_create_task(asyncio_streamreader_readline(reader, &line));
    check_ended(first, 4);
    first = asyncio_create_task(asyncio_streamreader_readuntil(reader, "|", &line));
    check_ended(first, 4);
    first = asyncio_create_task(asyncio_streamreader_readexactly(reader, bytes, 4));
    asyncio_task *more = asyncio_create_task(asyncio_streamwriter_drain(writer));
    asyncio_task *last = asyncio_create_task(asyncio_streamwriter_wait_closed(writer));
    asyncio_streamreader_unref(reader);
    check_ended(first, 4);
    CHECK_INT(memcmp(bytes, "four", 4), 0);
    asyncio_streamwriter_close(writer);
    asyncio_streamwriter_unref(writer);
    check_ended(more, 0);
    check_ended(last, 0);
    close(peer);
    RETURN();
}
TEST(a_task_keeps_its_stream) { run_alone(streams_in_tasks()); }

ASYNC(pipe_tells) {
    int fd[2];
    asyncio_value v;
    asyncio_auto_streamwriter w = NULL;
    CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
    TRY(AWAIT(asyncio_connect_write_pipe(fd[1], &w)));
    CHECK_INT(asyncio_streamwriter_get_extra_info(w, "pipe", &v), 1);
    CHECK_INT(v.i, fd[1]);
    CHECK_INT(asyncio_streamwriter_get_extra_info(w, "peername", &v), 0);
    asyncio_streamwriter_close(w);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(w)), 0);
    CHECK_INT(asyncio_streamwriter_get_extra_info(w, "pipe", &v), 0);
    close(fd[0]);
    RETURN();
}
TEST(a_pipe_tells_its_descriptor) { run_alone(pipe_tells()); }
