/* SPDX-License-Identifier: MIT
 *
 * Starting a program when the system does not play along: a child that nobody could wait for,
 * waiting that a signal interrupts, signals that the parent ignores.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../io.h"

#define ARGV(...)                                                                                  \
    (const char *[]) { __VA_ARGS__, NULL }

/* Also the library's. */
static int interruptions; /* of the next calls, by a signal */
static int waits;         /* since it was set to 0: the harness waits, too */

pid_t waitpid(pid_t pid, int *status, int options) {
    waits++;
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return wait4(pid, status, options, NULL);
}

/* From here on there is no pidfd for a process other than this one. */
static void refuse_pidfds_of_others(int error) {
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)getpid(), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code,
                                  (struct sock_filter *)(uintptr_t)code };
    CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) SKIP("no seccomp here");
}

static void check_no_children(void) {
    CHECK_INT(wait4(-1, NULL, WNOHANG, NULL), -1);
    CHECK_INT(errno, ECHILD);
}

#define WITH_REAL_LOOP(coro)                                                                       \
    do {                                                                                           \
        if (test_under_valgrind()) SKIP("valgrind knows no pidfd");                                \
        if (test_under_emulation()) SKIP("vfork returns before exec there");                       \
        CHECK_INT(asyncio_run((coro), NULL), 0);                                                   \
    } while (0)

/* ---- a child without a pidfd ---- */

ASYNC(starts_in_vain) {
    asyncio_process *p = NULL;
    refuse_pidfds_of_others(EMFILE);
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(
                    &p, ARGV("sleep", "60"), .stdin_fd = ASYNCIO_PIPE, .stdout_fd = ASYNCIO_PIPE)),
                -EMFILE, "pidfd_open: Too many open files");
    CHECK_PTR(p, NULL);
    RETURN();
}

TEST(a_child_that_nobody_could_wait_for_is_ended_and_waited_for) {
    WITH_REAL_LOOP(starts_in_vain());
    check_no_children();
}

TEST(waiting_for_such_a_child_goes_on_after_a_signal) {
    interruptions = 2, waits = 0;
    WITH_REAL_LOOP(starts_in_vain());
    CHECK_INT(waits, 3);
    check_no_children();
}

/* As when SIGCHLD is ignored, and the child ends before it can be asked about. */
ASYNC(starts_one_that_is_gone) {
    asyncio_auto_process p = NULL;
    asyncio_value code;
    refuse_pidfds_of_others(ESRCH);
    TRY(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("true"))));
    TRY(AWAIT(asyncio_process_wait(p), &code));
    CHECK_INT(code.i, 255);
    CHECK_INT(wait4(asyncio_process_pid(p), NULL, 0, NULL), asyncio_process_pid(p));
    RETURN();
}

TEST(a_child_that_is_gone_at_once_has_the_status_255) {
    waits = 0;
    WITH_REAL_LOOP(starts_one_that_is_gone());
    CHECK_INT(waits, 0);
}

/* ---- a program that cannot be run, after fork ---- */

ASYNC(cannot_run) {
    asyncio_process *p = NULL;
    CHECK_ERROR(AWAIT(asyncio_create_subprocess_exec(&p, ARGV("/no/where"), .set_umask = true)),
                -ENOENT, "/no/where: No such file or directory");
    CHECK_PTR(p, NULL);
    RETURN();
}

TEST(a_forked_child_that_cannot_run_its_program_is_waited_for) {
    interruptions = 2, waits = 0;
    WITH_REAL_LOOP(cannot_run());
    CHECK_INT(waits, 3);
    check_no_children();
}

/* ---- signals that the parent ignores ---- */

/* What becomes of a child that sends itself the signal. */
static int sends_itself(const char *signal_name, bool by_fork) {
    asyncio_auto_process p = NULL;
    asyncio_value code = asyncio_none();
    char command[64];
    snprintf(command, sizeof command, "kill -%s $$; exit 3", signal_name);
    CHECK_INT(AWAIT(asyncio_create_subprocess_shell(&p, command, .set_umask = by_fork)), 0);
    CHECK_INT(AWAIT(asyncio_process_wait(p), &code), 0);
    return (int)code.i;
}

ASYNC(ignores_signals) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    for (int by_fork = 0; by_fork < 2; by_fork++) {
        CHECK_INT(sends_itself("PIPE", by_fork), -SIGPIPE);
        CHECK_INT(sends_itself("XFSZ", by_fork), -SIGXFSZ);
        CHECK_INT(sends_itself("USR1", by_fork), 3);
    }
    RETURN();
}

TEST(a_child_ignores_what_its_parent_ignores_but_for_sigpipe_and_sigxfsz) {
    WITH_REAL_LOOP(ignores_signals());
    check_no_children();
}
