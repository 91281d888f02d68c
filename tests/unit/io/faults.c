/* SPDX-License-Identifier: MIT
 *
 * What goes wrong with a connection: resets in the middle of everything, half-closed connections,
 * floods, signals, misuse that must not corrupt anything.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "../../../src/io/stream/stream.h"
#include "stream.h"

static char big[4 << 20];

/* The peer is gone already; end_stream closes some descriptor in its place. */
static void end_stream_without_peer(void) {
    peer = dup(0);
    end_stream();
}

/* ---- resets ---- */

ASYNC(reset_while_reading, (int) kind) {
    char buf[20];
    asyncio_bytes b;
    asyncio_task *t;
    start_tcp_stream(0);
    put(peer, "half a line");
    if (kind == 0) t = start(asyncio_streamreader_readexactly(reader, buf, sizeof buf));
    else if (kind == 1) t = start(asyncio_streamreader_readline(reader, &b));
    else t = start(asyncio_streamreader_readall(reader, &b));
    CHECK(!asyncio_task_done(t));
    reset_connection(peer);
    check_ended(t, -ECONNRESET);
    for (int i = 0; i < 2; i++) { /* each read tells it again, and so does drain */
        CHECK_ERROR(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), -ECONNRESET,
                    "recv: Connection reset by peer");
        CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(writer)), -ECONNRESET,
                    "recv: Connection reset by peer");
    }
    asyncio_streamwriter_close(writer);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(writer)), -ECONNRESET,
                "recv: Connection reset by peer");
    end_stream_without_peer();
    RETURN();
}
TEST(a_reset_in_the_middle_of_a_read_is_told_each_time) { /* NET-3 */
    for (int kind = 0; kind < 3; kind++) run_alone(reset_while_reading(kind));
}

ASYNC(reset_after_data) {
    char buf[20];
    start_tcp_stream(0);
    put(peer, "last words");
    reset_connection(peer);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, buf, 4)), 4);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, buf, 6)), 6);
    CHECK_INT(memcmp(buf, " words", 6), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), -ECONNRESET);
    asyncio_ignore(-ECONNRESET);
    end_stream_without_peer();
    RETURN();
}
TEST(what_came_before_a_reset_can_be_read) { run_alone(reset_after_data()); }

ASYNC(reset_while_writing) {
    start_tcp_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(writer) > 0);
    asyncio_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = start(asyncio_streamwriter_drain(writer));
    reset_connection(peer);
    for (int i = 0; i < 3; i++) check_ended(t[i], -ECONNRESET);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), 0);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    }
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), 0);
    CHECK(asyncio_streamwriter_is_closing(writer));
    asyncio_streamwriter_close(writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), -ECONNRESET);
    asyncio_ignore(-ECONNRESET);
    end_stream_without_peer();
    RETURN();
}
TEST(a_reset_in_the_middle_of_a_write_wakes_all_who_drain_and_drops_the_rest) {
    run_alone(reset_while_writing());
}

ASYNC(reset_while_closing) {
    start_tcp_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_streamwriter_close(writer);
    asyncio_task *t = start(asyncio_streamwriter_wait_closed(writer));
    CHECK(!asyncio_task_done(t));
    reset_connection(peer);
    check_ended(t, -ECONNRESET);
    end_stream_without_peer();
    RETURN();
}
TEST(a_reset_ends_a_close_that_waits_for_the_peer) { run_alone(reset_while_closing()); }

static int file_of_zeros(off_t size) {
    int file = memfd_create("zeros", MFD_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(ftruncate(file, size), 0);
    return file;
}

ASYNC(reset_while_sending, (bool) a_file) {
    int fd[2], file = file_of_zeros(64 << 20);
    make_tcp_pair(fd);
    asyncio_task *t = start(a_file ? asyncio_loop_sock_sendfile(loop, fd[0], file, 0, 0)
                                   : asyncio_loop_sock_sendall(loop, fd[0], big, sizeof big));
    CHECK(!asyncio_task_done(t));
    reset_connection(fd[1]);
    check_ended(t, -ECONNRESET);
    CHECK_INT(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], "x", 1)), -EPIPE);
    asyncio_ignore(-EPIPE);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    close(file);
    RETURN();
}
TEST(a_reset_in_the_middle_of_sendall_is_an_error) { run_alone(reset_while_sending(false)); }
TEST(a_reset_in_the_middle_of_sendfile_is_an_error) { run_alone(reset_while_sending(true)); }

/* ---- SIGPIPE ---- */

static int breaks; /* sendfile sends a part, and then the connection breaks */

ssize_t sendfile(int out, int in, off_t *offset, size_t n) {
    if (breaks == 0) {
        union {
            void *p;
            ssize_t (*f)(int, int, off_t *, size_t);
        } real = { dlsym(RTLD_NEXT, "sendfile") };
        return real.f(out, in, offset, n);
    }
    pthread_kill(pthread_self(), SIGPIPE);
    if (breaks++ == 1) {
        *offset += 1000;
        return 1000;
    }
    errno = EPIPE;
    return -1;
}

ASYNC(breaks_in_between) {
    int fd[2], file = file_of_zeros(10000);
    make_pair(fd);
    breaks = 1;
    CHECK_INT(AWAIT(asyncio_loop_sock_sendfile(loop, fd[0], file, 0, 0)), -EPIPE);
    asyncio_ignore(-EPIPE);
    CHECK_INT(breaks, 3);
    close_pair(fd);
    close(file);
    RETURN();
}

ASYNC(stream_breaks_in_between) {
    int file = file_of_zeros(10000);
    start_stream(0);
    breaks = 1;
    CHECK_INT(AWAIT(asyncio_loop_sendfile(loop, writer, file, 0, 0)), -EPIPE);
    asyncio_ignore(-EPIPE);
    CHECK_INT(breaks, 3);
    end_stream();
    close(file);
    RETURN();
}
TEST(sigpipe_of_a_sendfile_that_sent_a_part_is_taken_away) {
    signal(SIGPIPE, SIG_DFL);
    run_alone(breaks_in_between());
    run_alone(stream_breaks_in_between());
    sigset_t pending;
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGPIPE));
}

ASYNC(writes_to_nobody) {
    int fd[2], ends[2];
    signal(SIGPIPE, SIG_DFL);
    make_tcp_pair(fd);
    close(fd[1]);
    for (int i = 0; i < 3; i++) {
        asyncio_ignore(AWAIT(asyncio_loop_sock_sendall(loop, fd[0], "x", 1)));
        some_turns(2);
    }
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_INT(AWAIT(asyncio_connect_write_pipe(ends[1], &writer)), 0);
    close(ends[0]);
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(writer)), -EPIPE, "write: Broken pipe");
    asyncio_streamwriter_unref(writer);
    start_stream(0);
    close(peer);
    const struct iovec two[] = { { big, 1 }, { big, 1 } };
    CHECK_INT(asyncio_streamwriter_writelines(writer, two, 2), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(writer)), -EPIPE);
    asyncio_ignore(-EPIPE);
    end_stream_without_peer();
    RETURN();
}
TEST(sigpipe_does_not_kill_a_program_that_did_not_ignore_it) { run_alone(writes_to_nobody()); }

/* ---- half-closed ---- */

ASYNC(takes_all, (asyncio_streamreader *) r, (size_t *) sum) {
    static char buf[50000];
    int n;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(r, buf, sizeof buf)))) > 0) *sum += (size_t)n;
    RETURN();
}

ASYNC(half_closed_both_ways) {
    asyncio_streamreader *other_reader;
    asyncio_streamwriter *other_writer;
    size_t here = 0, there = 0;
    start_tcp_stream(0);
    CHECK_INT(AWAIT(asyncio_open_connection(NULL, 0, &other_reader, &other_writer, .sock = peer)),
              0);
    /* One direction ends first. */
    CHECK_INT(asyncio_streamwriter_write(writer, "question", 8), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(writer), 0);
    CHECK_INT(AWAIT(takes_all(other_reader, &there)), 0);
    CHECK_INT(there, 8);
    CHECK(asyncio_streamreader_at_eof(other_reader));
    /* The other one goes on, against back pressure, and ends. */
    CHECK_INT(asyncio_streamwriter_write(other_writer, big, sizeof big), 0);
    asyncio_task *drain = start(asyncio_streamwriter_drain(other_writer));
    CHECK(!asyncio_task_done(drain));
    CHECK_INT(asyncio_streamwriter_write_eof(other_writer), 0);
    CHECK(!asyncio_streamreader_at_eof(reader));
    CHECK_INT(AWAIT(takes_all(reader, &here)), 0);
    check_ended(drain, 0);
    CHECK_INT(here, sizeof big);
    asyncio_streamwriter_close(writer);
    asyncio_streamwriter_close(other_writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(other_writer)), 0);
    asyncio_streamreader_unref(other_reader);
    asyncio_streamwriter_unref(other_writer);
    end_stream_without_peer();
    RETURN();
}
TEST(each_direction_of_a_connection_ends_by_itself) { run_alone(half_closed_both_ways()); }

ASYNC(peer_ends_while_draining) {
    size_t sum = 0;
    static char buf[65536];
    start_tcp_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_task *drain = start(asyncio_streamwriter_drain(writer));
    shutdown(peer, SHUT_WR);
    some_turns(5);
    CHECK(!asyncio_task_done(drain)); /* it still listens */
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), 0);
    asyncio_streamwriter_close(writer);
    while (sum < sizeof big) {
        sum += (size_t)TRY(AWAIT(asyncio_loop_sock_recv(loop, peer, buf, sizeof buf)));
    }
    check_ended(drain, 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    end_stream();
    RETURN();
}
TEST(a_peer_that_says_no_more_still_gets_what_was_written) {
    run_alone(peer_ends_while_draining());
}

/* What the one end flushes is read by the other while the virtual clock stands still. */
ASYNC(flushes_in_between) {
    size_t sum = 0;
    int fd[2];
    make_pair(fd);
    const int size = 4096;
    CHECK_INT(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    asyncio_streamreader *other_reader;
    asyncio_streamwriter *other_writer;
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = fd[0])));
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &other_reader, &other_writer, .sock = fd[1])));
    CHECK_INT(asyncio_loop_call_later(loop, 1000, note_arg, TEXT("late")), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, 1 << 20), 0);
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(takes_all(other_reader, &sum)));
    CHECK_INT(sum, 1 << 20);
    CHECK_DOUBLE(asyncio_loop_time(loop), 0);
    asyncio_streamreader_unref(other_reader);
    asyncio_streamwriter_unref(other_writer);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    RETURN();
}
TEST(a_virtual_clock_stands_still_while_bytes_are_on_their_way) { run_alone(flushes_in_between()); }

/* ---- floods ---- */

ASYNC(flooded) {
    asyncio_bytes line;
    size_t most = 0;
    start_stream(1000);
    const struct asyncio__buffer *in = &reader->in;
    for (int i = 0; i < 100; i++) {
        while (send(peer, big, sizeof big, MSG_DONTWAIT) > 0) continue;
        CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), ASYNCIO_VALUE_ERROR);
        asyncio_ignore(ASYNCIO_VALUE_ERROR);
        if (in->capacity > most) most = in->capacity;
    }
    CHECK(most <= 16384);
    /* What nobody reads stays in the kernel. */
    while (send(peer, big, sizeof big, MSG_DONTWAIT) > 0) continue;
    some_turns(20);
    CHECK_INT(in->size, 0);
    end_stream();
    RETURN();
}
TEST(a_peer_that_floods_does_not_fill_memory) { /* NET-4 */
    memset(big, 'x', sizeof big);
    run_alone(flooded());
}

/* ---- more than one reader ---- */

ASYNC(reads_on_and_on, (bool *) over) {
    char c;
    while (TRY(AWAIT(asyncio_streamreader_readexactly(reader, &c, 1))) == 1 && c != '.') continue;
    *over = true;
    RETURN();
}

ASYNC(reads_in_between) {
    char buf[10];
    asyncio_bytes line;
    bool over = false;
    int refused = 0;
    start_stream(0);
    memset(big, 'x', 300);
    CHECK_INT(write(peer, big, 300), 300);
    put(peer, ".\n");
    asyncio_task *t = asyncio_create_task(reads_on_and_on(&over));
    while (!over) { /* it never waits, but lets us have a turn now and then */
        some_turns(1);
        int rc = over ? 0 : AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf));
        if (rc >= 0) break;
        CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR,
                    "read() called while another coroutine is already waiting for incoming data");
        refused++;
    }
    CHECK(over && refused >= 3);
    check_ended(t, 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 1);
    end_stream();
    RETURN();
}
TEST(a_second_reader_is_refused_also_while_the_first_one_gives_way) {
    run_alone(reads_in_between());
}

ASYNC(lets_go_meanwhile, (int) kind) {
    char buf[10];
    asyncio_bytes b;
    asyncio_task *t;
    start_stream(0);
    asyncio_coro c = kind == 0   ? asyncio_streamreader_read(reader, buf, 1)
                     : kind == 1 ? asyncio_streamreader_readexactly(reader, buf, 5)
                     : kind == 2 ? asyncio_streamreader_readline(reader, &b)
                                 : asyncio_streamreader_readall(reader, &b);
    t = asyncio_create_task(c);
    some_turns(2);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    some_turns(2);
    CHECK(!asyncio_task_done(t)); /* who reads holds the connection */
    put(peer, "ab");
    close(peer);
    check_ended(t, kind == 1 ? ASYNCIO_INCOMPLETE_READ_ERROR : 0);
    RETURN();
}

ASYNC(reads_one, (asyncio_streamreader *) r, (char *) buf, (size_t) n) {
    /* Awaited, not a task of its own: nothing was captured. */
    int rc = AWAIT(asyncio_streamreader_readexactly(r, buf, n));
    CHECK_INT(rc, ASYNCIO_INCOMPLETE_READ_ERROR);
    asyncio_ignore(rc);
    RETURN();
}

ASYNC(lets_go_of_an_awaited_read) {
    char buf[1000];
    start_stream(0);
    asyncio_task *t = start(reads_one(reader, buf, sizeof buf));
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    put(peer, "ab");
    some_turns(3);
    put(peer, "cd");
    some_turns(3);
    close(peer);
    check_ended(t, 0);
    RETURN();
}
TEST(who_reads_holds_the_connection) {
    for (int kind = 0; kind < 4; kind++) run_alone(lets_go_meanwhile(kind));
    run_alone(lets_go_of_an_awaited_read());
}

/* ---- numbers ---- */

ASYNC(far_off) {
    const int fd = 2000000000; /* no table of that size is made */
    CHECK_ERROR(AWAIT(asyncio_wait_fd(fd, ASYNCIO_READABLE)), -EBADF,
                "cannot wait for descriptor 2000000000");
    CHECK_ERROR(asyncio_loop_add_reader(loop, fd, note_arg, NULL), -EBADF,
                "cannot wait for descriptor 2000000000");
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd, big, 1)), -EBADF);
    asyncio_ignore(-EBADF);
    RETURN();
}
TEST(a_number_far_off_is_no_descriptor) { run_alone(far_off()); }

ASYNC(reader_of_a_number_used_again) {
    int fd[2], next[2];
    make_pair(fd);
    CHECK_INT(asyncio_loop_add_reader(loop, fd[0], note_arg, TEXT("old")), 0);
    close(fd[0]); /* without telling */
    make_pair(next);
    CHECK_INT(next[0], fd[0]);
    CHECK_INT(asyncio_loop_add_reader(loop, next[0], note_arg, TEXT("new")), 0);
    put(next[1], "x");
    some_turns(2);
    CHECK_INT(asyncio_loop_remove_reader(loop, next[0]), 1);
    CHECK_CONTAINS(notes, "new");
    close(fd[1]);
    close_pair(next);
    RETURN();
}
TEST(a_callback_for_a_number_that_is_used_again_is_called) {
    run_alone(reader_of_a_number_used_again());
}
