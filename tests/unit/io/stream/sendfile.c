/* SPDX-License-Identifier: MIT
 *
 * Files into a stream: the kernel's way and the copying one, and who may not write meanwhile.
 */
#include <stdlib.h>

#include "../stream.h"

#define SIZE (4 << 20)

static char big[SIZE];

/* A file with SIZE bytes, already without a name. */
static int make_file(void) {
    char name[] = "/tmp/asyncio-sendfile-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0);
    unlink(name);
    for (size_t i = 0; i < SIZE; i++) big[i] = (char)(i * 7 + i / 251);
    CHECK_INT(write(fd, big, SIZE), SIZE);
    return fd;
}

/* Receives n bytes and compares them. */
ASYNC(receives, (const char *) expected, (size_t) n) {
    static char got[SIZE];
    for (size_t sum = 0; sum < n;) {
        int some = TRY(AWAIT(asyncio_loop_sock_recv(loop, peer, got + sum, n - sum)));
        CHECK(some > 0);
        sum += (size_t)some;
    }
    CHECK_INT(memcmp(got, expected, n), 0);
    RETURN();
}

static void check_sent(int file, off_t from, size_t count, size_t expected) {
    asyncio_value sent = asyncio_none();
    asyncio_task *t = start(receives(big + from, expected));
    CHECK_INT(AWAIT(asyncio_loop_sendfile(loop, writer, file, from, count), &sent), 0);
    CHECK_INT(sent.i, expected);
    check_ended(t, 0);
}

ASYNC(sends) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    int file = make_file();
    check_sent(file, 0, 0, SIZE);
    check_sent(file, 10, 100, 100);
    check_sent(file, SIZE - 5, 100, 5);
    check_sent(file, SIZE, 0, 0);
    CHECK_INT(lseek(file, 0, SEEK_CUR), SIZE); /* where writing has left it */
    close(file);
    end_stream();
    RETURN();
}
TEST(a_file_or_a_part_of_it_is_sent) { run_alone(sends()); }

ASYNC(sends_in_order) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    int file = make_file();
    asyncio_value sent;
    CHECK_INT(asyncio_streamwriter_write(writer, big, SIZE), 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(writer) > 0);
    asyncio_task *t = start(receives(big, SIZE));
    CHECK_INT(AWAIT(asyncio_loop_sendfile(loop, writer, file, 0, 1000), &sent), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, "end", 3), 0);
    check_ended(t, 0);
    CHECK_INT(AWAIT(receives(big, 1000)), 0);
    CHECK_STR(get(peer), "end");
    close(file);
    end_stream();
    RETURN();
}
TEST(the_file_goes_out_between_what_was_written_before_and_after) { run_alone(sends_in_order()); }

ASYNC(refuses_to_mix) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    int file = make_file();
    asyncio_task *t = start(asyncio_loop_sendfile(loop, writer, file, 0, 0));
    CHECK_ERROR(asyncio_streamwriter_write(writer, "x", 1), ASYNCIO_RUNTIME_ERROR,
                "unable to write; sendfile is in progress");
    CHECK_ERROR(asyncio_streamwriter_write_eof(writer), ASYNCIO_RUNTIME_ERROR,
                "unable to write; sendfile is in progress");
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, file, 0, 0)), ASYNCIO_RUNTIME_ERROR,
                "unable to write; sendfile is in progress");
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    close(file);
    end_stream();
    RETURN();
}
TEST(nobody_else_writes_until_it_has_ended_or_was_cancelled) { run_alone(refuses_to_mix()); }

/* Starts to send a file that the other side does not take. */
static asyncio_task *start_stuck(int *file) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    *file = make_file();
    asyncio_task *t = start(asyncio_loop_sendfile(loop, writer, *file, 0, 0));
    CHECK(!asyncio_task_done(t));
    return t;
}

/* As after a write that failed. */
static void check_broken(int code) {
    CHECK(asyncio_streamwriter_is_closing(writer));
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0); /* dropped */
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(writer)), code);
    asyncio_ignore(code);
    asyncio_streamwriter_close(writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), code);
    asyncio_ignore(code);
}

ASYNC(ends_with_the_connection) {
    int file;
    asyncio_task *t = start_stuck(&file);
    close(peer);
    check_ended(t, -EPIPE);
    check_broken(-EPIPE);
    peer = dup(file);
    end_stream();
    close(file);

    t = start_stuck(&file);
    asyncio_streamwriter_close(writer);
    check_ended(t, -ECONNRESET);
    end_stream();
    close(file);

    t = start_stuck(&file);
    asyncio_streamwriter_abort(writer);
    check_ended(t, -ECONNRESET);
    end_stream();
    close(file);
    RETURN();
}
TEST(it_ends_with_the_connection) { run_alone(ends_with_the_connection()); }

/* Over TCP, by a reset, and when the file begins after the connection has gone. */
ASYNC(breaks_the_writer, (bool) stuck) {
    loop = asyncio_get_running_loop();
    start_tcp_stream(0);
    int file = make_file();
    asyncio_task *t = NULL;
    if (stuck) t = start(asyncio_loop_sendfile(loop, writer, file, 0, 0));
    if (stuck) CHECK(!asyncio_task_done(t));
    reset_connection(peer);
    peer = dup(file);
    if (!stuck) t = start(asyncio_loop_sendfile(loop, writer, file, 0, 0));
    check_ended(t, -ECONNRESET);
    check_broken(-ECONNRESET);
    end_stream();
    close(file);
    RETURN();
}
TEST(a_reset_while_a_file_is_sent_breaks_the_writer) { run_alone(breaks_the_writer(true)); }
TEST(a_reset_before_a_file_is_sent_breaks_the_writer) { run_alone(breaks_the_writer(false)); }

/* The connection is not to blame. */
ASYNC(fails_by_the_file) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    int file = make_file(), dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int unreadable = open(name, O_WRONLY | O_CLOEXEC);
    CHECK(dir >= 0 && unreadable >= 0);
    CHECK_INT(AWAIT(asyncio_loop_sendfile(loop, writer, unreadable, 0, 0)), -EBADF);
    asyncio_ignore(-EBADF);
    int rc = AWAIT(asyncio_loop_sendfile(loop, writer, dir, 0, 0));
    CHECK_INT(rc, -EISDIR);
    asyncio_ignore(rc);
    CHECK(!asyncio_streamwriter_is_closing(writer));
    check_sent(file, 0, 100, 100);
    close(unreadable);
    close(dir);
    close(file);
    end_stream();
    RETURN();
}
TEST(an_error_of_the_file_leaves_the_writer_alone) { run_alone(fails_by_the_file()); }

ASYNC(reads_while_sending) {
    int file;
    char buf[10];
    asyncio_task *t = start_stuck(&file);
    put(peer, "hello");
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), 5);
    CHECK(!asyncio_task_done(t));
    CHECK_INT(AWAIT(receives(big, SIZE)), 0);
    check_ended(t, 0);
    close(file);
    end_stream();
    RETURN();
}
TEST(the_other_direction_goes_on) { run_alone(reads_while_sending()); }

/* A pipe has no positions to send from; into a pipe nothing is sent but copied. */
ASYNC(copies) {
    int fds[2];
    asyncio_streamwriter *pipe_writer;
    asyncio_value sent;
    loop = asyncio_get_running_loop();
    CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    start_stream(0);
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, fds[0], 0, 0)), -ESPIPE,
                "sendfile: Illegal seek");
    end_stream();

    int file = make_file();
    CHECK_INT(AWAIT(asyncio_connect_write_pipe(fds[1], &pipe_writer)), 0);
    asyncio_task *t = start(asyncio_loop_sendfile(loop, pipe_writer, file, 3, 200000));
    CHECK(!asyncio_task_done(t));
    for (size_t at = 0; at < 200000;) {
        char buf[4096];
        ssize_t n = read(fds[0], buf, sizeof buf);
        CHECK(n > 0);
        CHECK_INT(memcmp(buf, big + 3 + at, (size_t)n), 0);
        at += (size_t)n;
        some_turns(1);
    }
    CHECK_INT(AWAIT(t, &sent), 0);
    CHECK_INT(sent.i, 200000);
    asyncio_task_unref(t);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(pipe_writer), 0);
    asyncio_streamwriter_unref(pipe_writer);
    close(fds[0]);
    close(file);
    RETURN();
}
TEST(where_the_kernel_does_not_copy_a_buffer_does) { run_alone(copies()); }

ASYNC(misuse) {
    loop = asyncio_get_running_loop();
    start_stream(0);
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(NULL, writer, 0, 0, 0)), ASYNCIO_TYPE_ERROR,
                "a loop and a writer are required");
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, NULL, 0, 0, 0)), ASYNCIO_TYPE_ERROR,
                "a loop and a writer are required");
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, 0, -1, 0)), ASYNCIO_VALUE_ERROR,
                "offset must be non-negative");
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, -1, 0, 0)), -EBADF,
                "sendfile: Bad file descriptor");
    asyncio_loop *other = asyncio_new_event_loop();
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(other, writer, 0, 0, 0)), ASYNCIO_RUNTIME_ERROR,
                "the writer belongs to another loop");
    asyncio_loop_unref(other);
    CHECK_INT(asyncio_streamwriter_write_eof(writer), 0);
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, 0, 0, 0)), ASYNCIO_RUNTIME_ERROR,
                "Cannot call write() after write_eof()");
    asyncio_streamwriter_close(writer);
    CHECK_ERROR(AWAIT(asyncio_loop_sendfile(loop, writer, 0, 0, 0)), ASYNCIO_RUNTIME_ERROR,
                "Transport is closing");
    end_stream();
    RETURN();
}
TEST(misuse_has_clear_errors) { run_alone(misuse()); }

/* Each allocation in turn. */
ASYNC(without_memory, (int) file, (asyncio_streamwriter *) pipe_writer) {
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = AWAIT(asyncio_loop_sendfile(loop, pipe_writer, file, 0, 100));
        bool all = asyncio_testing_fail_allocation(0) < n;
        if (all) return rc;
        CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
    }
}

ASYNC(fails_without_memory) {
    int fds[2];
    asyncio_streamwriter *pipe_writer;
    loop = asyncio_get_running_loop();
    CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    int file = make_file();
    CHECK_INT(AWAIT(asyncio_connect_write_pipe(fds[1], &pipe_writer)), 0);
    CHECK_INT(AWAIT(without_memory(file, pipe_writer)), 0);
    asyncio_streamwriter_unref(pipe_writer);
    close(fds[0]);
    close(file);
    RETURN();
}
TEST(without_memory_it_fails_and_can_be_tried_again) {
    if (asyncio_testing_fail_allocation(0) < 0) test_skip("no injected faults in this build");
    run_alone(fails_without_memory());
}
