/* SPDX-License-Identifier: MIT
 *
 * No descriptor is free. Each program is run with room for none, for one, for two ... until it
 * succeeds. Where it fails it says so by its status, leaves nothing open, and can be run again.
 */
#include <netdb.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io.h"

static struct rlimit before;

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static int count_open(void) {
    int n = 0;
    for (int fd = 0; fd < 1000; fd++) n += is_open(fd);
    return n;
}

/* From now on so many descriptors can be opened. */
static void leave_room(int n) {
    int fd = 0;
    while (n > 0 || is_open(fd)) n -= !is_open(fd++);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)fd, before.rlim_max }), 0);
}

static void leave_all(void) { CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0); }

static bool is_exhaustion(int rc) {
    asyncio_ignore(rc);
    return rc == -EMFILE;
}

/* The resolver of the system does not always say why it cannot read its files. */
static bool is_exhaustion_of_resolver(int rc) {
    asyncio_ignore(rc);
    return rc == -EMFILE || rc == ASYNCIO_OS_ERROR;
}

typedef asyncio_coro program(void);

/* needs: how many descriptors the program cannot do without. */
static void exhaust(program *run_it, bool (*expected)(int rc), int needs) {
    if (test_under_valgrind()) SKIP("valgrind has a limit of descriptors of its own");
    if (test_under_emulation()) SKIP("the emulator has descriptors of its own");
    getrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(asyncio_run(run_it(), NULL), 0);
    int open_before = count_open(), room = 0, rc;
    do {
        leave_room(room);
        rc = asyncio_run(run_it(), NULL);
        leave_all();
        if (rc < 0 && !expected(rc)) FAIL("with room for %d: %s", room, asyncio_err_name(rc));
        CHECK_INT(count_open(), open_before);
        CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
        CHECK_INT(asyncio_run(run_it(), NULL), 0);
        room++;
    } while (rc < 0 && room < 100);
    CHECK_INT(rc, 0);
    CHECK(room > needs);
}

/* The loop itself has two: what it polls with, and what wakes it. */
#define LOOP 2

ASYNC(does_nothing) { RETURN(); }
TEST(a_loop_that_cannot_be_made) {
    exhaust(does_nothing, is_exhaustion, LOOP);
    leave_room(1);
    CHECK_NULL_ERROR(asyncio_new_event_loop(), -EMFILE, "cannot make an event loop");
    leave_all();
}

/* ---- connections ---- */

static struct sockaddr_in listening;

static int listen_somewhere(void) {
    socklen_t size = sizeof listening;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listening =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    CHECK_INT(bind(fd, (struct sockaddr *)&listening, sizeof listening), 0);
    CHECK_INT(listen(fd, 1000), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&listening, &size), 0);
    return fd;
}

ASYNC(connects) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", ntohs(listening.sin_port), &r, &w)));
    TRY(asyncio_streamwriter_write(w, "x", 1));
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    RETURN();
}
TEST(a_connection_that_cannot_be_opened) {
    int fd = listen_somewhere();
    exhaust(connects, is_exhaustion, LOOP + 1);
    close(fd);
}

ASYNC(connects_by_name) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    TRY(AWAIT(asyncio_open_connection("localhost", ntohs(listening.sin_port), &r, &w,
                                      .family = AF_INET)));
    RETURN();
}
TEST(a_name_that_cannot_be_looked_up) {
    need_localhost();
    int fd = listen_somewhere();
    exhaust(connects_by_name, is_exhaustion_of_resolver, LOOP + 1);
    close(fd);
}

ASYNC(is_connected_to, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r, (void)arg;
    asyncio_streamwriter_close(w);
    RETURN();
}

ASYNC(serves) {
    asyncio_auto_server server = NULL;
    TRY(AWAIT(asyncio_start_server(is_connected_to, NULL, 0, &server)));
    asyncio_server_close(server);
    TRY(AWAIT(asyncio_server_wait_closed(server)));
    RETURN();
}
TEST(a_server_that_cannot_listen) { exhaust(serves, is_exhaustion, LOOP + 1); }

ASYNC(serves_on_a_path) {
    char path[64];
    asyncio_auto_server server = NULL;
    snprintf(path, sizeof path, "/tmp/asyncio-exhausted-%d", (int)getpid());
    int rc = AWAIT(asyncio_start_unix_server(is_connected_to, path, &server));
    if (rc >= 0) asyncio_server_close(server);
    CHECK_INT(access(path, F_OK), -1);
    TRY(rc);
    RETURN();
}
TEST(a_server_that_cannot_listen_on_a_path) { exhaust(serves_on_a_path, is_exhaustion, LOOP + 1); }

ASYNC(makes_an_endpoint) {
    asyncio_auto_datagram d = NULL;
    const struct sockaddr *to = (const struct sockaddr *)&listening;
    TRY(AWAIT(asyncio_create_datagram_endpoint(&d, .remote_addr = to,
                                               .remote_addr_size = sizeof listening)));
    RETURN();
}
TEST(an_endpoint_that_cannot_be_made) {
    listening = (struct sockaddr_in){ .sin_family = AF_INET,
                                      .sin_port = htons(9),
                                      .sin_addr = { htonl(INADDR_LOOPBACK) } };
    exhaust(makes_an_endpoint, is_exhaustion, LOOP + 1);
}

/* ---- processes and files ---- */

static char witness[64]; /* a file that the child makes */

ASYNC(starts_a_child) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    const int passed[] = { 2 };
    int rc = AWAIT(asyncio_create_subprocess_exec(
        &p, ((const char *[]){ "touch", witness, NULL }), .stdin_fd = ASYNCIO_PIPE,
        .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_STDOUT, .pass_fds = passed,
        .pass_count = 1));
    if (rc < 0) { /* and nothing has been started */
        CHECK_PTR(p, NULL);
        CHECK_INT(access(witness, F_OK), -1);
        TRY(rc);
    }
    TRY(AWAIT(asyncio_process_communicate(p, "x", 1, &out, NULL)));
    CHECK_INT(out.size, 0);
    CHECK_INT(unlink(witness), 0);
    RETURN();
}
TEST(a_child_that_cannot_be_waited_for_is_not_started) {
    snprintf(witness, sizeof witness, "/tmp/asyncio-witness-%d", (int)getpid());
    exhaust(starts_a_child, is_exhaustion, LOOP + 5);
}

ASYNC(opens_a_file) {
    asyncio_auto_file f = NULL;
    char c;
    char *names;
    TRY(AWAIT(asyncio_file_open(&f, "/dev/zero", O_RDONLY, 0)));
    CHECK_INT(AWAIT(asyncio_file_read(f, &c, 1)), 1);
    TRY(AWAIT(asyncio_file_readdir("/", &names)));
    free(names);
    TRY(AWAIT(asyncio_file_close(f)));
    RETURN();
}
TEST(a_file_that_cannot_be_opened) { exhaust(opens_a_file, is_exhaustion, LOOP + 2); }

ASYNC(opens_stdin) {
    asyncio_auto_streamreader r = NULL;
    TRY(AWAIT(asyncio_open_stdin(&r, 0)));
    RETURN();
}
TEST(standard_input_that_cannot_be_opened) { exhaust(opens_stdin, is_exhaustion, LOOP + 1); }

/* ---- what needs none ---- */

static int answers(void *arg, asyncio_value *result) {
    (void)arg, (void)result;
    return 0;
}

ASYNC(goes_on) {
    asyncio_value list;
    char host[64];
    asyncio_loop *here = asyncio_get_running_loop();
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    TRY(AWAIT(asyncio_loop_getaddrinfo(here, "127.0.0.1", "80", NULL), &list));
    asyncio_value_drop(&list);
    TRY(AWAIT(asyncio_loop_getnameinfo(here, (const struct sockaddr *)&in, sizeof in, host,
                                       sizeof host, NULL, 0, NI_NUMERICHOST)));
    CHECK_STR(host, "127.0.0.1");
    TRY(AWAIT(asyncio_to_thread(answers, NULL)));
    RETURN();
}
TEST(numbers_and_threads_need_no_descriptor) { exhaust(goes_on, is_exhaustion, LOOP); }
