/* SPDX-License-Identifier: MIT
 *
 * Child processes: how they start, what they inherit, how they end, and that none is left.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "../io.h"

#define ARGV(...)                                                                                  \
    (const char *[]) { __VA_ARGS__, NULL }

/* Runs it to its end: its returncode. */
static int ended(asyncio_process *p) {
    asyncio_value code;
    int known;
    CHECK_INT(AWAIT(asyncio_process_wait(p), &code), 0);
    CHECK(asyncio_process_returncode(p, &known));
    CHECK_INT(known, code.i);
    return known;
}

static const char *text_of(asyncio_bytes b) {
    static char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)b.size, b.data);
    return text;
}

static void check_no_children(void) {
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
}

#define WITH_REAL_LOOP(coro)                                                                       \
    do {                                                                                           \
        if (test_under_valgrind()) SKIP("valgrind knows no pidfd");                                \
        CHECK_INT(asyncio_run((coro), NULL), 0);                                                   \
        check_no_children();                                                                       \
    } while (0)

/* ---- returncodes ---- */

ASYNC(returncodes) {
    asyncio_auto_process p = NULL;
    int code = 77;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"))));
    CHECK(asyncio_process_pid(p) > 0);
    CHECK(!asyncio_process_returncode(p, &code));
    CHECK_INT(code, 77);
    CHECK_INT(ended(p), 0);
    CHECK_INT(ended(p), 0);
    asyncio_process_unref(p);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "exit 3")));
    CHECK_INT(ended(p), 3);
    asyncio_process_unref(p);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "kill -USR1 $$")));
    CHECK_INT(ended(p), -SIGUSR1);
    RETURN();
}
/* NET-11 */
TEST(the_returncode_is_the_status_or_minus_the_signal) { WITH_REAL_LOOP(returncodes()); }

ASYNC(another_name) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("name", "-c", "echo $0"),
                                             .executable = "/bin/sh", .stdout_fd = ASYNCIO_PIPE)));
    TRY(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)));
    CHECK_STR(text_of(out), "name\n");
    asyncio_process_unref(p);
    p = NULL;
    asyncio_task *t = asyncio_create_task(asyncio_create_subprocess_shell(
        &p, "a shell", .executable = "echo", .stdout_fd = ASYNCIO_PIPE));
    check_ended(t, 0);
    TRY(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)));
    CHECK_STR(text_of(out), "-c a shell\n");
    RETURN();
}
TEST(a_program_can_be_run_under_another_name) { WITH_REAL_LOOP(another_name()); }

ASYNC(nowhere) {
    asyncio_process *p = NULL;
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .executable = "/no/where")),
                -ENOENT, "/no/where: No such file or directory");
    CHECK_PTR(p, NULL);
    RETURN();
}
TEST(an_executable_that_is_not_there_is_named) {
    if (test_under_emulation()) SKIP("vfork returns before exec there");
    WITH_REAL_LOOP(nowhere());
}

ASYNC(terminates_sleeper, (unsigned) index) {
    asyncio_auto_process p = NULL;
    if (index == 0) RETURN();
    for (int forks = 0; forks < 2; forks++) { /* by posix_spawn, by fork */
        TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("sleep", "60"), .set_umask = forks)));
        TRY(asyncio_process_terminate(p));
        CHECK_INT(ended(p), -SIGTERM);
        asyncio_process_unref(p);
        p = NULL;
    }
    RETURN();
}

static asyncio_coro terminates_in_thread(unsigned index, void *arg) {
    (void)arg;
    return terminates_sleeper(index);
}

TEST(signals_reach_a_child_of_a_loop_in_a_thread_of_the_library) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    CHECK_INT(asyncio_run_many(2, terminates_in_thread, NULL), 0);
    check_no_children();
}

/* What a command says that runs with those options. */
#define SAYS(command, text, ...)                                                                   \
    do {                                                                                           \
        asyncio_process *p_ = NULL;                                                                \
        asyncio_bytes out_;                                                                        \
        TRY(AWAIT(asyncio_create_subprocess_shell(&p_, command, .stdout_fd = ASYNCIO_PIPE,         \
                                                  __VA_ARGS__)));                                  \
        TRY(AWAIT(asyncio_process_communicate(p_, NULL, 0, &out_, NULL)));                         \
        CHECK_STR(text_of(out_), text);                                                            \
        asyncio_process_unref(p_);                                                                 \
    } while (0)

static void ignore_signal(int signum) { (void)signum; }

ASYNC(with_a_umask) {
    int fd[2];
    make_pair(fd);
    signal(SIGUSR1, ignore_signal);
    signal(SIGPIPE, SIG_IGN);
    SAYS("umask", "0027\n", .set_umask = true, .umask = 027);
    SAYS("umask", "0000\n", .set_umask = true);
    SAYS("pwd; kill -USR1 $$; echo not", "/\n", .set_umask = true, .cwd = "/");
    SAYS("kill -PIPE $$; echo not", "", .set_umask = true);
    const char *const env[] = { "NAME=value", NULL };
    SAYS("echo $NAME", "value\n", .set_umask = true, .env = env);
    SAYS("read a b c d e rest </proc/$$/stat; [ $e = $$ ] && echo leads", "leads\n",
         .set_umask = true, .set_process_group = true);
    char text[100];
    snprintf(text, sizeof text, "0\n1\n2\n%d\n", fd[0]);
    SAYS("i=0; while [ $i -lt 50 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i + 1)); done", text,
         .set_umask = true, .pass_fds = fd, .pass_count = 1);
    asyncio_process *p = NULL;
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("/no/where"), .set_umask = true)),
                -ENOENT, "/no/where: No such file or directory");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .set_umask = true,
                                                     .cwd = "/no/where")),
                -ENOENT, "/no/where: No such file or directory");
    close_pair(fd);
    RETURN();
}
TEST(a_child_may_have_a_umask_of_its_own) { WITH_REAL_LOOP(with_a_umask()); }

ASYNC(as_somebody) {
    const gid_t groups[] = { 4321, 4322 };
    SAYS("id -u; id -g; id -G", "1234\n5678\n5678 4321 4322\n", .set_user = true, .user = 1234,
         .set_group = true, .group = 5678, .set_extra_groups = true, .extra_groups = groups,
         .extra_group_count = 2);
    CHECK_INT(setgroups(2, (const gid_t[]){ 4, 4321 }), 0); /* ours, which it must not have */
    SAYS("id -G", "0\n", .set_extra_groups = true);
    SAYS("id -G", "0\n", .set_user = true, .user = 1234);
    SAYS("id -G", "5678\n", .set_user = true, .user = 1234, .set_group = true, .group = 5678);
    SAYS("id -G", "0 4 4321\n", .set_group = true);
    asyncio_process *p = NULL;
    asyncio_bytes out;
    asyncio_task *t = asyncio_create_task(asyncio_create_subprocess_exec(
        &p, ARGV("id", "-u"), .set_user = true, .user = 99, .stdout_fd = ASYNCIO_PIPE));
    check_ended(t, 0);
    TRY(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)));
    CHECK_STR(text_of(out), "99\n");
    asyncio_process_unref(p);
    RETURN();
}
TEST(a_child_may_run_as_somebody_else) {
    if (geteuid() != 0) SKIP("only root may be somebody else");
    WITH_REAL_LOOP(as_somebody());
}

ASYNC(is_not_allowed) {
    asyncio_process *p = NULL;
    CHECK_INT(seteuid(1234), 0);
    int rc = AWAIT(asyncio_create_subprocess_exec(&p, ARGV("id"), .set_extra_groups = true));
    CHECK_INT(seteuid(0), 0);
    CHECK_ERROR(rc, -EPERM, "setgroups: Operation not permitted");
    RETURN();
}
ASYNC(stays_who_it_is) {
    SAYS("id -u", "1234\n", .set_user = true, .user = 1234);
    RETURN();
}
TEST(who_may_not_change_groups_may_stay_who_he_is) {
    if (geteuid() != 0) SKIP("only root may be somebody else");
    CHECK_INT(setgroups(1, (const gid_t[]){ 4 }), 0);
    CHECK_INT(setuid(1234), 0);
    WITH_REAL_LOOP(stays_who_it_is());
}

TEST(who_may_not_be_somebody_else_is_told) {
    if (geteuid() != 0) SKIP("only root may be somebody else");
    WITH_REAL_LOOP(is_not_allowed());
}

ASYNC(waits_for, (asyncio_process *) p) {
    asyncio_value code;
    TRY(AWAIT(asyncio_process_wait(p), &code));
    CHECK_INT(code.i, -SIGTERM);
    RETURN();
}

ASYNC(many_waiters) {
    asyncio_auto_process p = NULL;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("sleep", "60"))));
    asyncio_task *a = start(waits_for(p)), *b = start(waits_for(p)), *c = start(waits_for(p));
    asyncio_task_cancel(b, NULL);
    CHECK_INT(asyncio_process_terminate(p), 0);
    check_ended(a, 0);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    check_ended(c, 0);
    CHECK_ERROR(asyncio_process_kill(p), -ESRCH, "send_signal: No such process");
    CHECK_ERROR(asyncio_process_send_signal(p, 0), -ESRCH, "send_signal: No such process");
    RETURN();
}
TEST(any_number_of_tasks_may_wait) { WITH_REAL_LOOP(many_waiters()); } /* NET-10 */

ASYNC(stubborn) {
    asyncio_auto_process p = NULL;
    asyncio_bytes line;
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "trap '' TERM; echo ready; while :; do :; done",
                                              .stdout_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_streamreader_readline(asyncio_process_stdout(p), &line)), 6);
    CHECK_INT(asyncio_process_terminate(p), 0);
    CHECK_INT(AWAIT(asyncio_wait_for(asyncio_process_wait(p), 0.05)), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(asyncio_process_kill(p), 0);
    CHECK_INT(ended(p), -SIGKILL);
    CHECK_ERROR(asyncio_process_send_signal(p, 9999), -ESRCH, "send_signal: No such process");
    RETURN();
}
TEST(a_child_that_ignores_sigterm_can_be_killed) { WITH_REAL_LOOP(stubborn()); }

ASYNC(bad_signal) {
    asyncio_auto_process p = NULL;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("sleep", "60"))));
    CHECK_ERROR(asyncio_process_send_signal(p, 9999), -EINVAL, "send_signal: Invalid argument");
    CHECK_INT(asyncio_process_kill(p), 0);
    CHECK_INT(ended(p), -SIGKILL);
    RETURN();
}
TEST(no_signal_is_no_signal) { WITH_REAL_LOOP(bad_signal()); }

/* ---- streams ---- */

ASYNC(big_cat) {
    enum { SIZE = 1 << 20 };
    asyncio_auto_process p = NULL;
    asyncio_bytes out, err;
    char *big = malloc(SIZE);
    for (int i = 0; i < SIZE; i++) big[i] = (char)(i * 7 + i / 251);
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("cat"), .stdin_fd = ASYNCIO_PIPE,
                                             .stdout_fd = ASYNCIO_PIPE)));
    CHECK_PTR(asyncio_process_stderr(p), NULL);
    CHECK_INT(AWAIT(asyncio_process_communicate(p, big, SIZE, &out, &err)), 0);
    CHECK_INT(out.size, SIZE);
    CHECK(memcmp(out.data, big, SIZE) == 0);
    CHECK_INT(err.size, 0);
    CHECK_INT(ended(p), 0);
    free(big);
    RETURN();
}
TEST(communicate_writes_and_reads_more_than_a_pipe_holds) { WITH_REAL_LOOP(big_cat()); }

ASYNC(three_streams) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out, err;
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p,
        "read x; echo out $x; i=0; while [ $i -lt 20000 ]; do echo 123456789; i=$((i+1)); done "
        ">&2",
        .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, "hello\n", 6, &out, &err)), 0);
    CHECK_STR(text_of(out), "out hello\n");
    CHECK_INT(err.size, 200000);
    CHECK_INT(ended(p), 0);
    RETURN();
}
TEST(communicate_reads_both_outputs_at_once) { WITH_REAL_LOOP(three_streams()); }

ASYNC(stderr_to_stdout) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p, "echo a; echo b >&2; echo c", .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_STDOUT)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    CHECK_STR(text_of(out), "a\nb\nc\n");
    asyncio_process_unref(p);
    TRY(AWAIT(
        asyncio_create_subprocess_shell(&p, "echo a; cat; echo b >&2", .stdin_fd = ASYNCIO_DEVNULL,
                                        .stdout_fd = ASYNCIO_DEVNULL, .stderr_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, "ignored", 7, NULL, &out)), 0);
    CHECK_STR(text_of(out), "b\n");
    RETURN();
}
TEST(outputs_go_together_or_nowhere) { WITH_REAL_LOOP(stderr_to_stdout()); }

ASYNC(swapped) {
    asyncio_auto_process p = NULL;
    int a[2], b[2];
    CHECK_INT(pipe2(a, O_CLOEXEC), 0);
    CHECK_INT(pipe2(b, O_CLOEXEC), 0);
    int out = dup(1), err = dup(2);
    dup2(a[1], 1); /* our own 1 and 2, given crosswise */
    dup2(b[1], 2);
    int rc = AWAIT(asyncio_create_subprocess_shell(&p, "echo out; echo err >&2", .stdout_fd = 2,
                                                   .stderr_fd = 1));
    dup2(out, 1);
    dup2(err, 2);
    TRY(rc);
    CHECK_INT(ended(p), 0);
    char text[8] = "";
    CHECK_INT(read(a[0], text, 4), 4);
    CHECK_STR(text, "err\n");
    CHECK_INT(read(b[0], text, 4), 4);
    CHECK_STR(text, "out\n");
    int all[] = { a[0], a[1], b[0], b[1], out, err };
    for (int i = 0; i < 6; i++) close(all[i]);
    RETURN();
}
TEST(descriptors_of_the_program_may_cross) { WITH_REAL_LOOP(swapped()); }

ASYNC(deaf) {
    asyncio_auto_process p = NULL;
    static char big[1 << 20];
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .stdin_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, big, sizeof big, NULL, NULL)), 0);
    CHECK_INT(ended(p), 0);
    asyncio_process_unref(p);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "exec >&-; sleep 0.05; exit 4",
                                              .stdout_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, NULL, NULL)), 0);
    CHECK_INT(ended(p), 4);
    RETURN();
}
TEST(a_child_may_ignore_its_input_or_close_its_output) { WITH_REAL_LOOP(deaf()); } /* NET-10 */

ASYNC(cancelled) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out, err;
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p, "echo one; echo un >&2; read x; echo $x; sleep 0.1; echo two; echo deux >&2",
        .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_wait_for(asyncio_process_communicate(p, "mid\n", 4, &out, &err), 0.05)),
              ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, &err)), 0);
    CHECK_STR(text_of(out), "one\nmid\ntwo\n");
    CHECK_STR(text_of(err), "un\ndeux\n");
    RETURN();
}
TEST(a_cancelled_communicate_loses_nothing) { WITH_REAL_LOOP(cancelled()); }

ASYNC(ends_its_input) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("cat"), .stdin_fd = ASYNCIO_PIPE,
                                             .stdout_fd = ASYNCIO_PIPE)));
    asyncio_streamwriter *w = asyncio_process_stdin(p);
    CHECK(asyncio_streamwriter_can_write_eof(w));
    CHECK_INT(asyncio_streamwriter_write(w, "all", 3), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(w), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(w), 0);
    CHECK(asyncio_streamwriter_is_closing(w));
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(w)), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readall(asyncio_process_stdout(p), &out)), 3);
    CHECK_INT(ended(p), 0);
    RETURN();
}
TEST(write_eof_ends_the_input_of_a_child) { WITH_REAL_LOOP(ends_its_input()); }

ASYNC(hears_no_more) {
    static char big[1 << 20];
    asyncio_auto_process p = NULL;
    signal(SIGPIPE, SIG_DFL);
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p, "read x; exec <&-; echo deaf", .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE)));
    asyncio_streamwriter *w = asyncio_process_stdin(p);
    CHECK_INT(asyncio_streamwriter_write(w, "x\n", 2), 0);
    asyncio_bytes line;
    CHECK_INT(AWAIT(asyncio_streamreader_readline(asyncio_process_stdout(p), &line)), 5);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_streamwriter_write(w, big, sizeof big), 0);
        CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(w)), -EPIPE, "write: Broken pipe");
    }
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(w), 0);
    ended(p);
    RETURN();
}
TEST(a_child_that_closes_its_input_is_an_error_and_no_signal) { WITH_REAL_LOOP(hears_no_more()); }

ASYNC(floods) {
    enum { SIZE = 4 << 20 };
    asyncio_auto_process p = NULL;
    asyncio_bytes out, err;
    char *big = calloc(1, SIZE);
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p, "head -c 3000000 /dev/zero >&2; cat; head -c 1000000 /dev/zero >&2",
        .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE, .stderr_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, big, SIZE, &out, &err)), 0);
    CHECK_INT(out.size, SIZE);
    CHECK_INT(err.size, 4000000);
    CHECK_INT(ended(p), 0);
    free(big);
    RETURN();
}
TEST(a_child_may_flood_its_errors_while_it_is_written_to) { WITH_REAL_LOOP(floods()); }

/* The grandchild has the pipe; it ends when its own input does. */
ASYNC(leaves_a_grandchild) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    int ends[2];
    char buf[10];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "exec 3<&0; (cat <&3; echo late) & exit 3",
                                              .stdin_fd = ends[0], .stdout_fd = ASYNCIO_PIPE)));
    close(ends[0]);
    CHECK_INT(ended(p), 3); /* who waits for the child does not wait for the pipe */
    asyncio_streamreader *r = asyncio_process_stdout(p);
    CHECK_INT(AWAIT(asyncio_wait_for(asyncio_streamreader_read(r, buf, 10), 0.02)),
              ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(AWAIT(asyncio_wait_for(asyncio_process_communicate(p, NULL, 0, &out, NULL), 0.02)),
              ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    close(ends[1]);
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    CHECK_STR(text_of(out), "late\n");
    RETURN();
}
TEST(a_grandchild_that_holds_the_pipe_does_not_hold_up_wait) {
    WITH_REAL_LOOP(leaves_a_grandchild());
}

/* The number of a descriptor that was closed without a word, and that a task still waits for. */
ASYNC(uses_numbers_again) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    asyncio_task *t[8];
    int fd[8];
    for (int i = 0; i < 8; i += 2) make_pair(fd + i);
    for (int i = 0; i < 8; i++) t[i] = start(asyncio_wait_fd(fd[i], ASYNCIO_READABLE));
    for (int i = 0; i < 8; i++) close(fd[i]);
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("cat"), .stdin_fd = ASYNCIO_PIPE,
                                             .stdout_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, "x", 1, &out, NULL)), 0);
    CHECK_INT(out.size, 1);
    CHECK_INT(ended(p), 0);
    int woken = 0;
    for (int i = 0; i < 8; i++) {
        asyncio_outcome o;
        asyncio_task_cancel(t[i], NULL);
        CHECK_INT(AWAIT(asyncio_task_join(t[i], &o)), 0);
        woken += o.status == -EBADF;
        asyncio_outcome_fini(&o);
        asyncio_task_unref(t[i]);
    }
    CHECK(woken >= 3); /* two pipes and what tells of the child's end */
    RETURN();
}
TEST(a_child_may_get_numbers_that_somebody_still_waits_for) {
    WITH_REAL_LOOP(uses_numbers_again());
}

/* ---- what is inherited ---- */

/* (A pattern would open the folder.) */
#define LIST_OPEN                                                                                  \
    "n=0; while [ $n -lt 99 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n+1)); done; true"

ASYNC(descriptors) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    int leak = dup(0), high = fcntl(0, F_DUPFD, 50), other = fcntl(0, F_DUPFD, 60);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, LIST_OPEN, .stdout_fd = ASYNCIO_PIPE)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    CHECK_STR(text_of(out), "0\n1\n2\n");
    asyncio_process_unref(p);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, LIST_OPEN, .stdout_fd = ASYNCIO_PIPE,
                                              .pass_fds = (const int[]){ other, high },
                                              .pass_count = 2)));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    char expected[64];
    snprintf(expected, sizeof expected, "0\n1\n2\n%d\n%d\n", high, other);
    CHECK_STR(text_of(out), expected);
    close(leak);
    close(high);
    close(other);
    RETURN();
}
TEST(a_child_has_no_descriptors_but_those_passed_on) { WITH_REAL_LOOP(descriptors()); }

ASYNC(surroundings) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    TRY(AWAIT(asyncio_create_subprocess_shell(
        &p, "pwd; echo $ONE; [ $(ps -o sid= -p $$ 2>/dev/null || echo $$) = $$ ] && echo leader",
        .stdout_fd = ASYNCIO_PIPE, .cwd = "/usr",
        .env = (const char *[]){ "ONE=1", "PATH=/usr/bin:/bin", NULL },
        .start_new_session = true)));
    CHECK_INT(getsid(asyncio_process_pid(p)), asyncio_process_pid(p));
    CHECK_INT(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    CHECK_STR(text_of(out), "/usr\n1\nleader\n");
    asyncio_process_unref(p);
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("sleep", "60"), .set_process_group = true)));
    CHECK_INT(getpgid(asyncio_process_pid(p)), asyncio_process_pid(p));
    CHECK_INT(asyncio_process_kill(p), 0);
    CHECK_INT(ended(p), -SIGKILL);
    RETURN();
}
TEST(folder_environment_session_and_group_can_be_set) {
    if (test_under_emulation()) SKIP("vfork returns before exec there");
    WITH_REAL_LOOP(surroundings());
}

/* ---- refusals ---- */

ASYNC(refusals) {
    asyncio_process *p = NULL;
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("/no/such/program"))), -ENOENT,
                "/no/such/program: No such file or directory");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("/etc/passwd"))), -EACCES,
                "/etc/passwd: Permission denied");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .cwd = "/no/such/folder")),
                -ENOENT, "/no/such/folder: No such file or directory");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .stdin_fd = -7)),
                ASYNCIO_VALUE_ERROR, "-7 is no value for stdin_fd");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .stdout_fd = ASYNCIO_PIPE,
                                                     .stderr_fd = 999)),
                -EBADF, "stderr_fd: Bad file descriptor");
    CHECK_ERROR(
        AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"), .stdout_fd = ASYNCIO_STDOUT)),
        ASYNCIO_VALUE_ERROR, "-2 is no value for stdout_fd");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(NULL, ARGV("true"))), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_shell(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a command and a place for it are required");
    CHECK_PTR(p, NULL);
    CHECK_ERROR(AWAIT(asyncio_process_wait(NULL)), ASYNCIO_TYPE_ERROR, "a process is required");
    CHECK_ERROR(AWAIT(asyncio_process_communicate(NULL, NULL, 0, NULL, NULL)), ASYNCIO_TYPE_ERROR,
                "a process is required");
    CHECK_ERROR(asyncio_process_kill(NULL), ASYNCIO_TYPE_ERROR, "a process is required");
    CHECK(!asyncio_process_returncode(NULL, NULL));
    CHECK_INT(asyncio_process_pid(NULL), -1);
    CHECK_PTR(asyncio_process_stdin(NULL), NULL);
    asyncio_process_unref(NULL);
    RETURN();
}
TEST(what_cannot_be_started_says_why) {
    if (test_under_emulation()) SKIP("vfork returns before exec there");
    WITH_REAL_LOOP(refusals());
}

/* ---- as tasks ---- */

ASYNC(started_by_tasks) {
    asyncio_process *p = NULL, *q = NULL;
    char name[] = "sh", word[] = "-c", command[] = "exit 5";
    asyncio_task *t = asyncio_create_task(
        asyncio_create_subprocess_exec(&p, (const char *[]){ name, word, command, NULL }));
    memset(command, 'x', sizeof command - 1); /* it has been copied */
    CHECK_INT(AWAIT(asyncio_gather(NULL, t, asyncio_create_subprocess_shell(&q, "exit 6"))), 0);
    asyncio_task_unref(t);
    CHECK_INT(ended(p), 5);
    CHECK_INT(ended(q), 6);
    asyncio_process_unref(p);
    asyncio_process_unref(q);
    RETURN();
}
TEST(starting_can_be_a_task) { WITH_REAL_LOOP(started_by_tasks()); }

/* ---- nobody is left ---- */

static pid_t left;

ASYNC(leaves_one) {
    asyncio_auto_process p = NULL;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("sleep", "60"))));
    left = asyncio_process_pid(p);
    RETURN();
}
TEST(closing_the_loop_kills_what_still_runs) { /* NET-10 */
    WITH_REAL_LOOP(leaves_one());
    CHECK_INT(kill(left, 0), -1);
}

ASYNC(forgets_one) {
    asyncio_auto_process p = NULL;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"))));
    asyncio_process_unref(p);
    p = NULL;
    while (waitid(P_ALL, 0, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOHANG | WNOWAIT) == 0) {
        TRY(AWAIT(asyncio_sleep(0.005)));
    }
    RETURN();
}
TEST(a_child_that_nobody_holds_is_waited_for) { WITH_REAL_LOOP(forgets_one()); } /* NET-12 */

ASYNC(has_a_child_of_its_own) {
    asyncio_auto_process p = NULL;
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(5);
    CHECK(pid > 0);
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "sleep 0.02")));
    CHECK_INT(ended(p), 0);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(WEXITSTATUS(status), 5);
    RETURN();
}
TEST(other_children_are_left_to_the_program) { /* NET-12 */
    WITH_REAL_LOOP(has_a_child_of_its_own());
}

static asyncio_process *kept;
ASYNC(keeps_one) {
    TRY(AWAIT(
        asyncio_create_subprocess_exec(&kept, ARGV("sleep", "60"), .stdout_fd = ASYNCIO_PIPE)));
    RETURN();
}
ASYNC(uses_kept) {
    CHECK_ERROR(AWAIT(asyncio_process_wait(kept)), ASYNCIO_RUNTIME_ERROR,
                "the process is bound to a different event loop");
    RETURN();
}
TEST(a_process_object_may_outlive_its_loop) {
    int code = 0;
    WITH_REAL_LOOP(keeps_one());
    WITH_REAL_LOOP(uses_kept());
    CHECK(asyncio_process_returncode(kept, &code));
    CHECK_INT(code, -SIGKILL);
    CHECK_ERROR(asyncio_process_kill(kept), -ESRCH, "send_signal: No such process");
    asyncio_process_unref(kept);
}

ASYNC(status_taken) {
    asyncio_auto_process p = NULL;
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, "sleep 0.02; exit 3")));
    CHECK_INT(ended(p), 255);
    RETURN();
}
TEST(a_status_that_somebody_else_takes_is_255) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    signal(SIGCHLD, SIG_IGN);
    CHECK_INT(asyncio_run(status_taken(), NULL), 0);
}

/* ---- in tasks ---- */

/* What a task is given is its own from then on. */
ASYNC(talks_in_tasks) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    char input[] = "hello", text[64];
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("cat"), .stdin_fd = ASYNCIO_PIPE,
                                             .stdout_fd = ASYNCIO_PIPE)));
    snprintf(text, sizeof text, "<Process %d>", (int)asyncio_process_pid(p));
    CHECK_STR(REPR(asyncio_process_repr, p), text);
    asyncio_task *t =
        asyncio_create_task(asyncio_process_communicate(p, input, strlen(input), &out, NULL));
    memset(input, 'x', sizeof input);
    asyncio_task *w = asyncio_create_task(asyncio_process_wait(p));
    asyncio_process *kept_by_tasks = p;
    asyncio_auto_streamreader reader = asyncio_streamreader_ref(asyncio_process_stdout(p));
    p = NULL; /* out is lent by the reader */
    asyncio_process_unref(kept_by_tasks);
    check_ended(w, 0);
    check_ended(t, 0);
    CHECK_STR(text_of(out), "hello");
    RETURN();
}
TEST(tasks_keep_the_process_and_what_it_is_told) { WITH_REAL_LOOP(talks_in_tasks()); }

ASYNC(communicates_without_input) {
    asyncio_auto_process p = NULL;
    asyncio_bytes out;
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("cat"), .stdin_fd = ASYNCIO_PIPE,
                                             .stdout_fd = ASYNCIO_PIPE)));
    asyncio_task *t = asyncio_create_task(asyncio_process_communicate(p, NULL, 0, &out, NULL));
    check_ended(t, 0);
    CHECK_INT(out.size, 0);
    CHECK(asyncio_process_returncode(p, NULL));
    RETURN();
}
TEST(without_input_the_child_meets_the_end_at_once) {
    WITH_REAL_LOOP(communicates_without_input());
}

TEST(no_process) {
    CHECK_STR(REPR(asyncio_process_repr, NULL), "None");
    CHECK_PTR(asyncio_process_ref(NULL), NULL);
    asyncio_process_unref(NULL);
    CHECK_INT(asyncio_process_pid(NULL), -1);
    CHECK(!asyncio_process_returncode(NULL, NULL));
    CHECK_PTR(asyncio_process_stdin(NULL), NULL);
    CHECK_PTR(asyncio_process_stdout(NULL), NULL);
    CHECK_PTR(asyncio_process_stderr(NULL), NULL);
}

ASYNC(starts_nothing) {
    asyncio_auto_process p = NULL;
    static const char *const nothing[] = { NULL };
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec_with(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, nothing)), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(NULL, ARGV("true"))), ASYNCIO_TYPE_ERROR,
                "a program and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_shell_with(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a command and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_shell(&p, NULL)), ASYNCIO_TYPE_ERROR,
                "a command and a place for it are required");
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_shell(NULL, "true")), ASYNCIO_TYPE_ERROR,
                "a command and a place for it are required");
    asyncio_task *t = asyncio_create_task(asyncio_create_subprocess_exec_with(&p, NULL));
    check_ended(t, ASYNCIO_TYPE_ERROR);
    CHECK_PTR(p, NULL);
    RETURN();
}
TEST(no_program_and_no_place_for_it_are_refused) { WITH_REAL_LOOP(starts_nothing()); }

/* ---- exhausted ---- */

ASYNC(without_memory) {
    for (long n = 1;; n++) {
        asyncio_process *p = NULL;
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        int rc = AWAIT(asyncio_create_subprocess_exec(
            &p, ARGV("sleep", "60"), .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE));
        asyncio_ignore((int)asyncio_testing_fail_allocation(0));
        if (rc >= 0) {
            CHECK(n > 3);
            CHECK_INT(asyncio_process_kill(p), 0);
            CHECK_INT(ended(p), -SIGKILL);
            asyncio_process_unref(p);
            break;
        }
        CHECK(asyncio_catch(rc, -ENOMEM));
        CHECK_PTR(p, NULL);
    }
    RETURN();
}
TEST(exhausted_memory_leaves_no_child_and_no_descriptor) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    WITH_REAL_LOOP(without_memory());
}
