/* SPDX-License-Identifier: MIT
 *
 * io/process/spawn.c: starting a program by posix_spawn, which does not copy the program's memory
 * and tells why a program could not be started.
 *
 * Every descriptor that the child gets is first brought above 2, so that putting one in place
 * never overwrites another. All of ours are closed by exec; everything else that is open is
 * closed in the child before.
 */
#include "io/process/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"
#include "io/fd.h"

struct plan {
    int child[3]; /* what becomes 0, 1 and 2, above 2; -1: what is there stays */
    int ours[3];  /* our ends of pipes, or -1 */
};

static void close_if(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_children(struct plan *plan) {
    for (int i = 0; i < 3; i++) close_if(&plan->child[i]);
}

/* A copy above 2, closed by exec. */
static int lift(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

/* Takes fd, and gives it or a copy, above 2. */
static int lifted(int fd) {
    if (fd < 0 || fd > 2) return fd;
    int copy = lift(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return copy;
}

static int make_pipe(struct plan *plan, int i) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return asyncio__io_raise(errno, "pipe2");
    plan->child[i] = lifted(ends[i == 0 ? 0 : 1]);
    int failed = plan->child[i] < 0 ? errno : 0;
    plan->ours[i] = lifted(ends[i == 0 ? 1 : 0]);
    if (failed || plan->ours[i] < 0) return asyncio__io_raise(failed ? failed : errno, "pipe2");
    return 0;
}

static int plan_one(struct plan *plan, int i, int mode) {
    static const char *const names[] = { "stdin_fd", "stdout_fd", "stderr_fd" };
    if (mode == ASYNCIO_INHERIT) return 0;
    if (mode == ASYNCIO_PIPE) return make_pipe(plan, i);
    if (mode == ASYNCIO_DEVNULL) {
        plan->child[i] = lifted(open("/dev/null", O_RDWR | O_CLOEXEC));
        return plan->child[i] < 0 ? asyncio__io_raise(errno, "/dev/null") : 0;
    }
    if (mode == ASYNCIO_STDOUT && i == 2) {
        plan->child[2] = lift(plan->child[1] >= 0 ? plan->child[1] : 1);
    } else if (mode > 0) {
        plan->child[i] = lift(mode);
    } else {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "%d is no value for %s", mode,
                             names[i]);
    }
    return plan->child[i] < 0 ? asyncio__io_raise(errno, names[i]) : 0;
}

/* ---- what the child closes ---- */

static bool is_passed(const asyncio_subprocess_options *o, int fd) {
    for (size_t i = 0; i < o->pass_count; i++) {
        if (o->pass_fds[i] == fd) return true;
    }
    return false;
}

/* Those up to the last that is passed on, one by one; from there on all. */
static int close_in_child(posix_spawn_file_actions_t *actions,
                          const asyncio_subprocess_options *o) {
    int last = 2, rc = 0;
    for (size_t i = 0; i < o->pass_count; i++) {
        int fd = o->pass_fds[i];
        if (fd > last) last = fd;
        /* A copy to itself makes exec leave it open. */
        if (rc == 0) rc = posix_spawn_file_actions_adddup2(actions, fd, fd);
    }
    DIR *dir = last > 2 ? opendir("/proc/self/fd") : NULL;
    struct dirent *entry;
    if (last > 2 && !dir) return errno;
    while (dir && rc == 0 && (entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name); /* "." and ".." give 0 */
        if (fd < 3 || fd >= last || fd == dirfd(dir) || is_passed(o, fd)) continue;
        rc = posix_spawn_file_actions_addclose(actions, fd);
    }
    if (dir) closedir(dir);
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, last + 1);
}

static int fill_actions(posix_spawn_file_actions_t *actions, const struct plan *plan,
                        const asyncio_subprocess_options *o) {
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        if (plan->child[i] < 0) continue;
        rc = posix_spawn_file_actions_adddup2(actions, plan->child[i], i);
    }
    if (rc == 0) rc = close_in_child(actions, o);
    if (rc == 0 && o->cwd) rc = posix_spawn_file_actions_addchdir_np(actions, o->cwd);
    return rc;
}

/* ---- starting ---- */

static int fill_attributes(posix_spawnattr_t *attr, const asyncio_subprocess_options *o) {
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t defaults, mask;
    asyncio__thread_mask(&mask);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    int rc = posix_spawnattr_setsigdefault(attr, &defaults);
    if (rc == 0) rc = posix_spawnattr_setsigmask(attr, &mask);
    if (o->start_new_session) flags |= POSIX_SPAWN_SETSID;
    if (o->set_process_group) {
        flags |= POSIX_SPAWN_SETPGROUP;
        if (rc == 0) rc = posix_spawnattr_setpgroup(attr, o->process_group);
    }
    return rc ? rc : posix_spawnattr_setflags(attr, flags);
}

static char *const *unconst(const char *const *list) { return (char *const *)(uintptr_t)list; }

/* The folder that a child starts in, opened to be looked into: 0 and *folder, or an errno. A folder
 * that it cannot start in is found here, as posix_spawn does not tell that from a program that it
 * cannot run. */
static int open_folder(const asyncio_subprocess_options *o, int *folder) {
    *folder = AT_FDCWD;
    if (!o->cwd) return 0;
    int fd = open(o->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    if (faccessat(fd, ".", X_OK, AT_EACCESS) < 0 && errno == EACCES) {
        close(fd);
        return EACCES;
    }
    *folder = fd;
    return 0;
}

/* Whether there is nothing at a path, which is cheaper to ask than to start it: 0 or an errno. */
static int find_nothing(int folder, const char *path) {
    int error = faccessat(folder, path, F_OK, 0) < 0 ? errno : 0;
    return error == ENOENT || error == ENOTDIR ? error : 0;
}

static bool is_about_path(int error) { return error != EAGAIN && error != ENOMEM; }

/* *tried: something was found, so that it need not be the program if this fails. 0 or an errno. */
static int spawn(const asyncio_subprocess_options *o, const struct asyncio__program *p, int folder,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
                 pid_t *pid, bool *tried) {
    int failed = 0;
    for (const char *const *path = p->paths; *path; path++) {
        int error = find_nothing(folder, *path);
        if (!error) {
            *tried = true;
            error = posix_spawn(pid, *path, actions, attr, unconst(p->argv),
                                o->env ? unconst(o->env) : environ);
        }
        if (!error) return 0;
        asyncio__search_note(&failed, error);
        if (!is_about_path(error)) break;
    }
    return failed;
}

static int spawn_with_plan(const struct plan *plan, const asyncio_subprocess_options *o,
                           const struct asyncio__program *p, int folder, pid_t *pid, bool *tried) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc) return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = fill_actions(&actions, plan, o);
        if (rc == 0) rc = fill_attributes(&attr, o);
        if (rc == 0) rc = spawn(o, p, folder, &actions, &attr, pid, tried);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* A process group that cannot be entered is told from a program that cannot be run by trying again,
 * step by step. */
static struct asyncio__failure start_program(const struct plan *plan,
                                             const asyncio_subprocess_options *o,
                                             const struct asyncio__program *p, pid_t *pid) {
    if (asyncio__needs_fork(o)) return asyncio__fork_exec(o, p, pid);
    int folder;
    bool tried = false;
    int error = open_folder(o, &folder);
    if (error) return (struct asyncio__failure){ o->cwd, error };
    error = spawn_with_plan(plan, o, p, folder, pid, &tried);
    close_if(&folder);
    if (error && !is_about_path(error)) return (struct asyncio__failure){ "posix_spawn", error };
    if (error && tried && o->set_process_group) return asyncio__fork_exec(o, p, pid);
    return (struct asyncio__failure){ p->name, error };
}

/* The system takes -1 for "as it is". */
static int check_numbers(const asyncio_subprocess_options *o) {
    if (o->set_user && o->user == (uid_t)-1)
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "User ID cannot be negative, got -1");
    if (o->set_group && o->group == (gid_t)-1)
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Group ID cannot be negative, got -1");
    return 0;
}

static int check_passed(const asyncio_subprocess_options *o) {
    for (size_t i = 0; i < o->pass_count; i++) {
        if (fcntl(o->pass_fds[i], F_GETFD) < 0) return errno;
    }
    return 0;
}

/* 0, or raised. */
static int start(const struct plan *plan, const asyncio_subprocess_options *o,
                 const char *const *argv, pid_t *pid) {
    struct asyncio__program p = { .argv = argv, .child = plan->child };
    struct asyncio__failure f = { "pass_fds", check_passed(o) };
    p.name = o->executable ? o->executable : argv[0];
    if (!f.error) {
        const char **paths = asyncio__search_paths(p.name, o->env);
        if (!paths) return asyncio__raise(-ENOMEM, NULL);
        p.paths = paths;
        f = start_program(plan, o, &p, pid);
        asyncio__free(paths);
    }
    return f.error ? asyncio__io_raise(f.error, f.what) : 0;
}

static int pidfd_of(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/* A child nobody could wait for must not run. */
static int give_up(pid_t pid) {
    int error = errno;
    bool killed = kill(pid, SIGKILL) == 0;
    while (killed && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    return asyncio__io_raise(error, "pidfd_open");
}

int asyncio__spawn(const asyncio_subprocess_options *o, const char *const *argv,
                   struct asyncio__spawned *s) {
    struct plan plan = { { -1, -1, -1 }, { -1, -1, -1 } };
    int rc = check_numbers(o);
    if (rc >= 0) rc = plan_one(&plan, 0, o->stdin_fd);
    if (rc >= 0) rc = plan_one(&plan, 1, o->stdout_fd);
    if (rc >= 0) rc = plan_one(&plan, 2, o->stderr_fd);
    /* Nothing is started that could not be waited for then. */
    int room = rc >= 0 ? pidfd_of(getpid()) : -1;
    if (rc >= 0 && room < 0) rc = asyncio__io_raise(errno, "pidfd_open");
    if (rc >= 0) rc = start(&plan, o, argv, &s->pid);
    close_children(&plan);
    close_if(&room);
    if (rc >= 0) {
        s->pidfd = pidfd_of(s->pid);
        if (s->pidfd < 0 && errno != ESRCH) rc = give_up(s->pid);
    }
    for (int i = 0; i < 3; i++) {
        if (rc < 0) close_if(&plan.ours[i]);
        s->ends[i] = plan.ours[i];
    }
    return rc < 0 ? rc : 0;
}
