/* SPDX-License-Identifier: MIT
 *
 * Children that cannot be killed when their loop is closed.
 */
#include <signal.h>
#include <sys/wait.h>

#include "../io.h"

static void need_root(void) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    if (geteuid() != 0) SKIP("only root has children that it loses the right to kill");
}

/* A process of root's, as a setuid program would be. */
static asyncio_process *start_sleeper(void) {
    asyncio_process *p = NULL;
    CHECK_INT(run(asyncio_create_subprocess_exec(&p, (const char *[]){ "sleep", "60", NULL })), 0);
    return p;
}

static void start_real_loop(void) {
    loop = asyncio_new_event_loop();
    asyncio_loop_set_exception_handler(loop, record_report, NULL);
}

static void check_reported(pid_t pid) {
    char text[80];
    snprintf(text, sizeof text, "Child process %d could not be killed and still runs", (int)pid);
    CHECK_STR(reported.message, text);
    CHECK_INT(reported.code, -EPERM);
    CHECK_STR(reported.error, "kill: Operation not permitted");
}

static void end_sleeper(pid_t pid) {
    CHECK_INT(waitpid(pid, NULL, WNOHANG), 0); /* it does still run */
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(closing_a_loop_reports_a_child_that_cannot_be_killed_and_does_not_wait_for_it) {
    need_root();
    start_real_loop();
    asyncio_process *p[2] = { start_sleeper(), start_sleeper() };
    pid_t pid[2] = { asyncio_process_pid(p[0]), asyncio_process_pid(p[1]) };
    int code;
    CHECK_INT(setresuid(1234, 1234, 0), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(setresuid(0, 0, 0), 0);
    CHECK_INT(reported.count, 2);
    check_reported(pid[1]);
    CHECK(!asyncio_process_returncode(p[0], &code));
    CHECK_ERROR(asyncio_process_kill(p[0]), -ESRCH, "send_signal: No such process");
    for (int i = 0; i < 2; i++) {
        asyncio_process_unref(p[i]);
        end_sleeper(pid[i]);
    }
    asyncio_loop_unref(loop);
}

TEST(a_child_that_has_ended_needs_no_right_to_be_reaped) {
    need_root();
    start_real_loop();
    asyncio_process *p = start_sleeper();
    int code;
    CHECK_INT(kill(asyncio_process_pid(p), SIGTERM), 0);
    siginfo_t info;
    CHECK_INT(waitid(P_PID, (id_t)asyncio_process_pid(p), &info, WEXITED | WNOWAIT), 0);
    CHECK_INT(setresuid(1234, 1234, 0), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(setresuid(0, 0, 0), 0);
    CHECK_INT(reported.count, 0);
    CHECK(asyncio_process_returncode(p, &code));
    CHECK_INT(code, -SIGTERM);
    asyncio_process_unref(p);
    asyncio_loop_unref(loop);
}
