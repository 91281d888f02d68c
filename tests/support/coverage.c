/* SPDX-License-Identifier: MIT
 *
 * tests/support/coverage.c: part of builds that count what runs (-Db_coverage=true). gcov writes
 * its counters at exit, so what a process runs that leaves otherwise would not count: one that
 * calls _exit, one that becomes another program, one that dies of the signal a test waits for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

void __gcov_dump(void); /* libgcov's */
void __gcov_reset(void);
void test_before_death(int sig);

_Noreturn void _exit(int status) {
    __gcov_dump();
    for (;;) syscall(SYS_exit_group, status);
}

/* The path is searched as by execvpe, for programs without a slash. */
int execvpe(const char *file, char *const argv[], char *const env[]) {
    const char *path = getenv("PATH");
    char full[4096];
    __gcov_dump();
    __gcov_reset(); /* if it fails, the rest counts at _exit */
    if (strchr(file, '/') || !path) return execve(file, argv, env);
    while (*path) {
        size_t n = strcspn(path, ":");
        snprintf(full, sizeof full, "%.*s/%s", (int)n, path, file);
        execve(full, argv, env);
        if (errno != ENOENT && errno != EACCES && errno != ENOTDIR) return -1;
        path += n + (path[n] == ':');
    }
    return -1;
}

static void dump_and_die(int sig) {
    __gcov_dump();
    signal(sig, SIG_DFL);
    raise(sig);
}

void test_before_death(int sig) {
    struct sigaction action = { .sa_handler = dump_and_die, .sa_flags = SA_ONSTACK | SA_NODEFER };
    sigaction(sig, &action, NULL);
}
