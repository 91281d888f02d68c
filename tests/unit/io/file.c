/* SPDX-License-Identifier: MIT
 *
 * Files, through the default executor.
 */
#include <asyncio/file.h>
#include <stdlib.h>

#include "io.h"

static const char *path_of(const char *name) {
    static char text[4][300];
    static int i;
    const char *dir = getenv("TMPDIR");
    char *p = text[i++ % 4];
    snprintf(p, sizeof text[0], "%s/asyncio-%d%s", dir ? dir : "/tmp", (int)getpid(), name);
    return p;
}

/* Runs it on a loop of its own; threads of the executor have ended then. */
ASYNC(with_executor, (asyncio_coro *) body) {
    int rc = AWAIT(*body);
    TRY(AWAIT(asyncio_loop_shutdown_default_executor(loop, INFINITY)));
    TRY(rc);
    RETURN();
}

static int run_with_executor(asyncio_coro body) { return run(with_executor(&body)); }

static void run_files(asyncio_coro body) {
    start_loop();
    CHECK_INT(run_with_executor(body), 0);
    end_loop();
}

ASYNC(there_and_back) {
    const char *path = path_of("-file");
    asyncio_auto_file f = NULL;
    struct stat st;
    char buf[20] = "";
    CHECK_INT(AWAIT(asyncio_file_open(&f, path, O_RDWR | O_CREAT | O_EXCL, 0600)), 0);
    CHECK_INT(AWAIT(asyncio_file_write(f, "hello world", 11)), 11);
    CHECK_INT(AWAIT(asyncio_file_pwrite(f, "W", 1, 6)), 1);
    CHECK_INT(AWAIT(asyncio_file_fsync(f)), 0);
    CHECK_INT(AWAIT(asyncio_file_stat(f, &st)), 0);
    CHECK_INT(st.st_size, 11);
    CHECK_INT(AWAIT(asyncio_file_read(f, buf, sizeof buf)), 0);
    CHECK_INT(AWAIT(asyncio_file_pread(f, buf, sizeof buf, 0)), 11);
    CHECK_STR(buf, "hello World");
    CHECK_INT(AWAIT(asyncio_file_close(f)), 0);
    CHECK_ERROR(AWAIT(asyncio_file_close(f)), -EBADF, "close: Bad file descriptor");
    CHECK_ERROR(AWAIT(asyncio_file_read(f, buf, 1)), -EBADF, "read: Bad file descriptor");
    asyncio_file_unref(f);
    f = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&f, path, O_RDONLY, 0)), 0);
    CHECK_INT(AWAIT(asyncio_file_read(f, buf, 5)), 5);
    CHECK_INT(AWAIT(asyncio_file_read(f, buf, sizeof buf)), 6);
    CHECK_INT(memcmp(buf, " World", 6), 0);
    CHECK_ERROR(AWAIT(asyncio_file_write(f, "x", 1)), -EBADF, "write: Bad file descriptor");
    CHECK_INT(unlink(path), 0);
    RETURN();
}
TEST(what_is_written_can_be_read) { run_files(there_and_back()); }

ASYNC(directory) {
    const char *path = path_of("-dir");
    char *names = TEXT(""), inside[400];
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK_INT(AWAIT(asyncio_file_readdir(path, &names)), 0);
    CHECK_PTR(names, NULL);
    snprintf(inside, sizeof inside, "%s/one", path);
    fclose(fopen(inside, "w"));
    asyncio_auto_task t = asyncio_create_task(asyncio_file_readdir(path, &names));
    CHECK_INT(AWAIT(t), 0);
    CHECK_STR(names, "one");
    free(names);
    CHECK_INT(unlink(inside), 0);
    CHECK_INT(rmdir(path), 0);
    CHECK_ERROR(AWAIT(asyncio_file_readdir(path, &names)), -ENOENT,
                "readdir: No such file or directory");
    RETURN();
}
TEST(a_directory_is_listed) { run_files(directory()); }

/* A fifo stands for a disk that takes its time. */
ASYNC(cancelled) {
    const char *path = path_of("-fifo");
    char buf[10] = "unchanged";
    asyncio_auto_file f = NULL;
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(AWAIT(asyncio_file_open(&f, path, O_RDWR, 0)), 0);
    asyncio_task *t = start(asyncio_file_read(f, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_sleep(0.02)), 0);
    CHECK(!asyncio_task_done(t));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    int fd = open(path, O_WRONLY | O_NONBLOCK);
    put(fd, "late");
    CHECK_INT(AWAIT(asyncio_file_close(f)), 0);
    CHECK_STR(buf, "unchanged");
    close(fd);
    CHECK_INT(unlink(path), 0);
    RETURN();
}
TEST(a_cancelled_read_never_touches_the_buffer) { run_files(cancelled()); }

/* ---- what may never become ready ---- */

static char fifo[300];

static void make_fifo(void) {
    snprintf(fifo, sizeof fifo, "%s", path_of("-fifo"));
    CHECK_INT(mkfifo(fifo, 0600), 0);
}

static void remove_fifo(void) { CHECK_INT(unlink(fifo), 0); }

/* Starts it; it waits in its thread then. */
static asyncio_task *start_waiting(asyncio_coro c) {
    asyncio_task *t = start(c);
    CHECK_INT(AWAIT(asyncio_sleep(0.02)), 0);
    CHECK(!asyncio_task_done(t));
    return t;
}

/* What it gives in the end; the reference goes. */
static int64_t result_of(asyncio_task *t) {
    asyncio_value v = asyncio_none();
    CHECK_INT(AWAIT(t, &v), 0);
    asyncio_task_unref(t);
    return v.i;
}

static void cancel(asyncio_task *t) {
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
}

/* Until the last thread has left the fifo; a test that waits for ever has failed. */
static void wait_until_unread(void) {
    int fd;
    while ((fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0) {
        close(fd);
        CHECK_INT(AWAIT(asyncio_sleep(0.01)), 0);
    }
    CHECK_INT(errno, ENXIO);
}

ASYNC(closes_behind_cancelled) {
    char buf[10];
    make_fifo();
    asyncio_auto_file f = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_RDWR, 0)), 0);
    cancel(start_waiting(asyncio_file_read(f, buf, sizeof buf)));
    CHECK_INT(AWAIT(asyncio_file_close(f)), 0);
    CHECK_ERROR(AWAIT(asyncio_file_read(f, buf, 1)), -EBADF, "read: Bad file descriptor");
    CHECK_ERROR(AWAIT(asyncio_file_close(f)), -EBADF, "close: Bad file descriptor");
    wait_until_unread();
    remove_fifo();
    RETURN();
}
TEST(closing_does_not_wait_for_a_cancelled_read) { run_files(closes_behind_cancelled()); }

/* Also if it is only let go of. */
ASYNC(lets_go_of) {
    char buf[10];
    asyncio_file *f = NULL;
    make_fifo();
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_RDWR, 0)), 0);
    cancel(start_waiting(asyncio_file_read(f, buf, sizeof buf)));
    asyncio_file_unref(f);
    wait_until_unread();
    remove_fifo();
    RETURN();
}
TEST(a_file_that_is_let_go_of_is_closed_after_a_cancelled_read) { run_files(lets_go_of()); }

ASYNC(ends_reads) {
    char buf[10];
    make_fifo();
    asyncio_auto_file f = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_RDWR, 0)), 0);
    asyncio_task *t = start_waiting(asyncio_file_read(f, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_file_close(f)), 0);
    check_ended(t, -EBADF);
    wait_until_unread();
    remove_fifo();
    RETURN();
}
TEST(closing_ends_reads_that_wait) { run_files(ends_reads()); }

/* More than there are threads; each of them can be used again. */
ASYNC(keeps_no_thread) {
    enum { COUNT = 40 };
    char buf[10] = "", c;
    asyncio_task *t[COUNT];
    make_fifo();
    asyncio_auto_file f = NULL;
    asyncio_auto_file zero = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_RDWR, 0)), 0);
    for (int i = 0; i < COUNT; i++) t[i] = start(asyncio_file_read(f, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_sleep(0.02)), 0);
    for (int i = 0; i < COUNT; i++) cancel(t[i]);
    CHECK_INT(AWAIT(asyncio_file_open(&zero, "/dev/zero", O_RDONLY, 0)), 0);
    CHECK_INT(AWAIT(asyncio_file_read(zero, &c, 1)), 1);
    CHECK_INT(AWAIT(asyncio_file_write(f, "here", 4)), 4);
    CHECK_INT(AWAIT(asyncio_file_read(f, buf, sizeof buf)), 4);
    CHECK_STR(buf, "here");
    CHECK_INT(AWAIT(asyncio_file_close(f)), 0);
    remove_fifo();
    RETURN();
}
TEST(cancelled_reads_keep_no_threads_and_take_nothing) { run_files(keeps_no_thread()); }

/* A fifo is not open before its other side is. */
ASYNC(meets) {
    char buf[10] = "";
    make_fifo();
    asyncio_auto_file in = NULL;
    asyncio_auto_file out = NULL;
    cancel(start_waiting(asyncio_file_open(&in, fifo, O_RDONLY, 0)));
    CHECK_PTR(in, NULL);
    wait_until_unread();
    cancel(start_waiting(asyncio_file_open(&out, fifo, O_WRONLY, 0)));
    asyncio_task *opening = start_waiting(asyncio_file_open(&in, fifo, O_RDONLY, 0));
    CHECK_INT(AWAIT(asyncio_file_open(&out, fifo, O_WRONLY, 0)), 0);
    check_ended(opening, 0);
    asyncio_task *t = start_waiting(asyncio_file_read(in, buf, sizeof buf));
    CHECK_INT(AWAIT(asyncio_file_write(out, "hello", 5)), 5);
    CHECK_INT(result_of(t), 5);
    CHECK_STR(buf, "hello");
    CHECK_INT(AWAIT(asyncio_file_close(out)), 0);
    CHECK_INT(AWAIT(asyncio_file_read(in, buf, sizeof buf)), 0);
    CHECK_INT(AWAIT(asyncio_file_close(in)), 0);
    asyncio_file_unref(out);
    opening = start_waiting(asyncio_file_open(&out, fifo, O_WRONLY, 0));
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    check_ended(opening, 0);
    close(fd);
    CHECK_INT(AWAIT(asyncio_file_write(out, "x", 1)), -EPIPE);
    asyncio_ignore(-EPIPE);
    remove_fifo();
    RETURN();
}
TEST(opening_a_fifo_waits_for_its_other_side_and_can_be_cancelled) { run_files(meets()); }

/* What does not fit waits; all of it goes out in the end. */
ASYNC(writes_much) {
    enum { SIZE = 1 << 20 };
    static char much[SIZE], got[SIZE];
    make_fifo();
    for (int i = 0; i < SIZE; i++) much[i] = (char)(i % 251);
    asyncio_auto_file in = NULL;
    asyncio_auto_file out = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&out, fifo, O_RDWR, 0)), 0);
    CHECK_INT(AWAIT(asyncio_file_open(&in, fifo, O_RDONLY, 0)), 0);
    asyncio_task *t = start_waiting(asyncio_file_write(out, much, SIZE));
    for (int sum = 0; sum < SIZE;) {
        int n = AWAIT(asyncio_file_read(in, got + sum, (size_t)(SIZE - sum)));
        CHECK(n > 0);
        sum += n;
    }
    CHECK_INT(result_of(t), SIZE);
    CHECK_INT(memcmp(much, got, SIZE), 0);
    t = start_waiting(asyncio_file_write(out, much, SIZE));
    CHECK_INT(AWAIT(asyncio_file_close(out)), 0);
    int64_t n = result_of(t); /* as much as there was room for */
    CHECK(n > 0 && n < SIZE);
    remove_fifo();
    RETURN();
}
TEST(much_is_written_to_a_fifo_bit_by_bit) { run_files(writes_much()); }

/* Whoever asks for that does not wait. */
ASYNC(does_not_wait) {
    char c;
    make_fifo();
    asyncio_auto_file f = NULL;
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_WRONLY | O_NONBLOCK, 0)), -ENXIO);
    asyncio_ignore(-ENXIO);
    CHECK_INT(AWAIT(asyncio_file_open(&f, fifo, O_RDWR | O_NONBLOCK, 0)), 0);
    CHECK_ERROR(AWAIT(asyncio_file_read(f, &c, 1)), -EAGAIN,
                "read: Resource temporarily unavailable");
    remove_fifo();
    RETURN();
}
TEST(a_file_that_was_opened_not_to_wait_does_not) { run_files(does_not_wait()); }

ASYNC(wrong_arguments) {
    asyncio_file *f = NULL;
    struct stat st;
    char buf[1];
    CHECK_ERROR(AWAIT(asyncio_file_open(&f, "/nowhere/at/all", O_RDONLY, 0)), -ENOENT,
                "open: No such file or directory");
    CHECK_PTR(f, NULL);
    const char *why = "a path and a place are required";
    CHECK_ERROR(AWAIT(asyncio_file_open(NULL, "/", O_RDONLY, 0)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_file_open(&f, NULL, O_RDONLY, 0)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_file_readdir("/", NULL)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_file_read(NULL, buf, 1)), ASYNCIO_TYPE_ERROR, "a file is required");
    CHECK_ERROR(AWAIT(asyncio_file_stat(NULL, &st)), ASYNCIO_TYPE_ERROR, "a file is required");
    CHECK_INT(AWAIT(asyncio_file_open(&f, "/dev/null", O_RDWR, 0)), 0);
    CHECK_ERROR(AWAIT(asyncio_file_stat(f, NULL)), ASYNCIO_TYPE_ERROR, "a place is required");
    CHECK_ERROR(AWAIT(asyncio_file_write(f, NULL, 1)), ASYNCIO_TYPE_ERROR, "a buffer is required");
    CHECK_ERROR(AWAIT(asyncio_file_pread(f, buf, 1, -1)), -EINVAL, "pread: Invalid argument");
    asyncio_file_unref(asyncio_file_ref(f));
    asyncio_file_unref(f);
    asyncio_file_unref(asyncio_file_ref(NULL));
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_files(wrong_arguments()); }

ASYNC(opens_and_reads) {
    asyncio_auto_file f = NULL;
    char c, *names = NULL;
    TRY(AWAIT(asyncio_file_open(&f, "/dev/zero", O_RDONLY, 0)));
    CHECK_INT(TRY(AWAIT(asyncio_file_read(f, &c, 1))), 1);
    int rc = AWAIT(asyncio_file_readdir("/", &names));
    free(names);
    TRY(rc);
    TRY(AWAIT(asyncio_file_close(f)));
    RETURN();
}
TEST(files_may_find_no_memory) {
    for (long n = 1;; n++) {
        start_loop();
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = run(opens_and_reads());
        bool over = asyncio_testing_fail_allocation(0) < n;
        if (over) CHECK_INT(rc, 0);
        CHECK(rc == 0 || rc == -ENOMEM || rc == -EAGAIN); /* -EAGAIN: there is no thread */
        asyncio_ignore(rc);
        CHECK_INT(run(asyncio_loop_shutdown_default_executor(loop, INFINITY)), 0);
        end_loop();
        if (over) break;
    }
}
