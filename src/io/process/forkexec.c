/* SPDX-License-Identifier: MIT
 *
 * io/process/forkexec.c: starting a program by fork, for what posix_spawn cannot do: another user,
 * other groups, another umask.
 *
 * The child is a copy of a program with threads, so until exec it calls only what a signal handler
 * may. All signals are blocked meanwhile, and those with a handler go back to what the system does
 * before they are let in again. What goes wrong comes through a pipe that a successful exec closes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "io/process/spawn.h"

bool asyncio__needs_fork(const asyncio_subprocess_options *o) {
    return o->set_umask || o->set_user || o->set_group || o->set_extra_groups;
}

/* ---- in the child ---- */

static void reset_signals(const sigset_t *mask) {
    const struct sigaction usual = { .sa_handler = SIG_DFL };
    for (int i = 1; i < NSIG; i++) {
        struct sigaction now;
        if (sigaction(i, NULL, &now) < 0) continue;
        bool ignored = now.sa_handler == SIG_IGN && i != SIGPIPE && i != SIGXFSZ;
        if (now.sa_handler != SIG_DFL && !ignored) sigaction(i, &usual, NULL);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The lowest descriptor from `from` on that stays open; UINT_MAX: none. */
static unsigned next_kept(const asyncio_subprocess_options *o, unsigned from, int report) {
    unsigned next = (unsigned)report >= from ? (unsigned)report : UINT_MAX;
    for (size_t i = 0; i < o->pass_count; i++) {
        unsigned fd = (unsigned)o->pass_fds[i];
        if (fd >= from && fd < next) next = fd;
    }
    return next;
}

static void close_range_of(unsigned from, unsigned to) {
    if (syscall(SYS_close_range, from, to, 0) == 0) return;
    long limit = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = from; fd <= to && (long)fd < limit; fd++) close((int)fd);
}

static void close_others(const asyncio_subprocess_options *o, int report) {
    unsigned from = 3, kept;
    while ((kept = next_kept(o, from, report)) != UINT_MAX) {
        if (kept > from) close_range_of(from, kept - 1);
        if (kept != (unsigned)report) fcntl((int)kept, F_SETFD, 0);
        from = kept + 1;
    }
    close_range_of(from, UINT_MAX);
}

/* Whoever becomes somebody else has none of our groups. 0, or -1 and errno; who may not do that but
 * stays who he is keeps them. */
static int drop_groups(const asyncio_subprocess_options *o) {
    if (setgroups(0, NULL) == 0) return 0;
    return errno == EPERM && o->user == getuid() && o->user == geteuid() ? 0 : -1;
}

/* What a child does before it becomes another program, in order. Who it is comes last: it may lose
 * the right to the rest. */
enum step { DUP2, CHDIR, SETSID, SETPGID, SETGROUPS, SETGID, SETUID, EXEC, DONE };

/* The step that failed, and errno; or EXEC, which is next. */
static enum step prepare(const asyncio_subprocess_options *o, const int child[3]) {
    for (int i = 0; i < 3; i++) {
        if (child[i] >= 0 && dup2(child[i], i) < 0) return DUP2;
    }
    if (o->cwd && chdir(o->cwd) < 0) return CHDIR;
    if (o->set_umask) umask(o->umask);
    if (o->start_new_session && setsid() < 0) return SETSID;
    if (o->set_process_group && setpgid(0, o->process_group) < 0) return SETPGID;
    if (o->set_extra_groups && setgroups(o->extra_group_count, o->extra_groups) < 0)
        return SETGROUPS;
    if (o->set_user && !o->set_extra_groups && drop_groups(o) < 0) return SETGROUPS;
    if (o->set_group && setregid(o->group, o->group) < 0) return SETGID;
    return o->set_user && setreuid(o->user, o->user) < 0 ? SETUID : EXEC;
}

static char *const *unconst(const char *const *list) { return (char *const *)(uintptr_t)list; }

/* Returns an errno if it returns. */
static int exec_one(const asyncio_subprocess_options *o, const struct asyncio__program *p) {
    int error = 0;
    for (const char *const *path = p->paths; *path; path++) {
        execve(*path, unconst(p->argv), o->env ? unconst(o->env) : environ);
        asyncio__search_note(&error, errno);
    }
    return error;
}

/* Through a pipe, at once. */
struct report {
    enum step step;
    int error;
};

static _Noreturn void run_child(const asyncio_subprocess_options *o,
                                const struct asyncio__program *p, int fd, const sigset_t *mask) {
    enum step step = prepare(o, p->child);
    struct report report = { step, errno };
    if (step == EXEC) {
        close_others(o, fd);
        reset_signals(mask);
        report.error = exec_one(o, p);
    }
    while (write(fd, &report, sizeof report) < 0 && errno == EINTR) continue;
    _exit(127);
}

/* ---- in the parent ---- */

static const char *name_of(enum step step, const asyncio_subprocess_options *o,
                           const struct asyncio__program *p) {
    static const char *const names[] = {
        [DUP2] = "dup2",           [SETSID] = "setsid", [SETPGID] = "setpgid",
        [SETGROUPS] = "setgroups", [SETGID] = "setgid", [SETUID] = "setuid"
    };
    return step == CHDIR ? o->cwd : step == EXEC ? p->name : names[step];
}

/* What the child says; DONE: exec has succeeded. */
static struct report read_report(int fd) {
    struct report report;
    ssize_t n;
    do n = read(fd, &report, sizeof report);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof report ? report : (struct report){ DONE, 0 };
}

static int fork_child(const asyncio_subprocess_options *o, const struct asyncio__program *p, int fd,
                      pid_t *pid) {
    sigset_t all, before, mask;
    sigfillset(&all);
    asyncio__thread_mask(&mask);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *pid = fork();
    if (*pid == 0) run_child(o, p, fd, &mask);
    int error = *pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* Forks and reads what the child says. */
static struct asyncio__failure fork_with_pipe(const asyncio_subprocess_options *o,
                                              const struct asyncio__program *p, int ends[2],
                                              pid_t *pid) {
    int error = fork_child(o, p, ends[1], pid);
    close(ends[1]);
    ends[1] = -1;
    if (error) return (struct asyncio__failure){ "fork", error };
    struct report report = read_report(ends[0]);
    if (report.step == DONE) return (struct asyncio__failure){ NULL, 0 };
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) continue;
    return (struct asyncio__failure){ name_of(report.step, o, p), report.error };
}

struct asyncio__failure asyncio__fork_exec(const asyncio_subprocess_options *o,
                                           const struct asyncio__program *p, pid_t *pid) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return (struct asyncio__failure){ "pipe2", errno };
    int low = ends[1];
    ends[1] = fcntl(low, F_DUPFD_CLOEXEC, 3); /* where nothing is put in its place */
    struct asyncio__failure f = { "fcntl", ends[1] < 0 ? errno : 0 };
    close(low);
    if (ends[1] >= 0) f = fork_with_pipe(o, p, ends, pid);
    close(ends[0]);
    return f;
}
