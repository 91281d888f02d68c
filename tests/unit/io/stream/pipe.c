/* SPDX-License-Identifier: MIT
 *
 * Streams over pipes and over standard input.
 */
#include "../io.h"

static const char *text_of(asyncio_bytes b) {
    static char text[256];
    snprintf(text, sizeof text, "%.*s", (int)b.size, b.data);
    return text;
}

ASYNC(reads_lines) {
    int fd[2];
    asyncio_streamreader *r;
    asyncio_bytes line;
    CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
    TRY(AWAIT(asyncio_connect_read_pipe(fd[0], &r, 0)));
    put(fd[1], "one\ntw");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(r, &line)), 4);
    CHECK_STR(text_of(line), "one\n");
    struct later l;
    start_later(&l, fd[1], "o\nrest");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(r, &line)), 4);
    CHECK_STR(text_of(line), "two\n");
    CHECK_INT(pthread_join(l.thread, NULL), 0);
    close(fd[1]);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(r, &line)), 4);
    CHECK_STR(text_of(line), "rest");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(r, &line)), 0);
    CHECK(asyncio_streamreader_at_eof(r));
    asyncio_streamreader_unref(r); /* closes the descriptor */
    RETURN();
}
TEST(a_pipe_can_be_read_by_lines) { run_alone(reads_lines()); }

ASYNC(writes) {
    int fd[2];
    asyncio_streamwriter *w;
    static char big[300000];
    CHECK_INT(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
    TRY(AWAIT(asyncio_connect_write_pipe(fd[1], &w)));
    CHECK_INT(asyncio_streamwriter_write(w, big, sizeof big), 0);
    size_t got = 0;
    while (got < sizeof big) {
        static char some[65536];
        ssize_t n = read(fd[0], some, sizeof some);
        if (n > 0) got += (size_t)n;
        TRY(AWAIT(asyncio_sleep(0)));
    }
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(w)), 0);
    close(fd[0]);
    asyncio_ignore(asyncio_streamwriter_write(w, "x", 1));
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(w)), -EPIPE); /* and no signal */
    asyncio_ignore(-EPIPE);
    asyncio_streamwriter_close(w);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(w)), -EPIPE);
    asyncio_ignore(-EPIPE);
    asyncio_streamwriter_unref(w);
    RETURN();
}
TEST(a_pipe_can_be_written_and_a_reader_that_goes_is_an_error) { run_alone(writes()); }

/* ---- standard input ---- */

ASYNC(counts_stdin, (int) expected) {
    asyncio_streamreader *r;
    asyncio_bytes line;
    int lines = 0;
    TRY(AWAIT(asyncio_open_stdin(&r, 0)));
    while (TRY(AWAIT(asyncio_streamreader_readline(r, &line))) > 0) lines++;
    CHECK_INT(lines, expected);
    asyncio_streamreader_unref(r);
    RETURN();
}

TEST(standard_input_may_be_a_pipe_and_stays_blocking) {
    int fd[2], saved = dup(0);
    CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
    CHECK_INT(dup2(fd[0], 0), 0);
    put(fd[1], "a\nb\nc");
    close(fd[1]);
    run_alone(counts_stdin(3));
    CHECK(!(fcntl(0, F_GETFL) & O_NONBLOCK));
    dup2(saved, 0);
    close(saved);
    close(fd[0]);
}

TEST(standard_input_may_be_a_file) {
    char name[] = "/tmp/stdin-XXXXXX";
    int fd = mkstemp(name), saved = dup(0);
    unlink(name);
    for (int i = 0; i < 5000; i++) put(fd, "line\n");
    lseek(fd, 5, SEEK_SET); /* somebody has read one already */
    CHECK_INT(dup2(fd, 0), 0);
    run_alone(counts_stdin(4999));
    dup2(saved, 0);
    close(saved);
    close(fd);
}

ASYNC(closed_stdin) {
    asyncio_streamreader *r;
    int saved = dup(0);
    close(0);
    int rc = AWAIT(asyncio_open_stdin(&r, 0));
    dup2(saved, 0);
    close(saved);
    CHECK_ERROR(rc, -EBADF, "standard input: Bad file descriptor");
    RETURN();
}
TEST(standard_input_may_be_closed) { run_alone(closed_stdin()); }

/* ---- refusals ---- */

ASYNC(refusals) {
    asyncio_streamreader *r = NULL;
    asyncio_streamwriter *w = NULL;
    char name[] = "/tmp/file-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    CHECK_ERROR(AWAIT(asyncio_connect_read_pipe(fd, &r, 0)), ASYNCIO_VALUE_ERROR,
                "pipe transport is for pipes, sockets and character devices only");
    CHECK_ERROR(AWAIT(asyncio_connect_write_pipe(fd, &w)), ASYNCIO_VALUE_ERROR,
                "pipe transport is for pipes, sockets and character devices only");
    CHECK_INT(write(fd, "x", 1), 1); /* it is still ours */
    close(fd);
    CHECK_ERROR(AWAIT(asyncio_connect_read_pipe(-1, &r, 0)), -EBADF, "fstat: Bad file descriptor");
    CHECK_ERROR(AWAIT(asyncio_connect_read_pipe(0, NULL, 0)), ASYNCIO_TYPE_ERROR,
                "a place for the stream is required");
    CHECK_ERROR(AWAIT(asyncio_connect_write_pipe(0, NULL)), ASYNCIO_TYPE_ERROR,
                "a place for the stream is required");
    CHECK_ERROR(AWAIT(asyncio_open_stdin(NULL, 0)), ASYNCIO_TYPE_ERROR,
                "a place for the stream is required");
    CHECK(!r && !w);
    RETURN();
}
TEST(what_is_no_pipe_is_refused) { run_alone(refusals()); }

ASYNC(without_memory) {
    int fd[2];
    asyncio_streamreader *r = NULL;
    CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
    for (long n = 1; !r; n++) {
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        int rc = AWAIT(asyncio_connect_read_pipe(fd[0], &r, 0));
        asyncio_ignore((int)asyncio_testing_fail_allocation(0));
        CHECK(rc >= 0 || asyncio_catch(rc, -ENOMEM));
    }
    asyncio_streamreader_unref(r);
    close(fd[1]);
    RETURN();
}
TEST(exhausted_memory_leaves_the_descriptor_with_its_owner) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(without_memory());
}
