/* SPDX-License-Identifier: MIT
 *
 * asyncio/process.h: child processes.
 *
 *     asyncio_auto_process p = NULL;
 *     asyncio_bytes out;
 *     TRY(AWAIT(asyncio_create_subprocess_exec(&p, (const char *[]){ "ls", "-l", NULL },
 *                                              .stdout_fd = ASYNCIO_PIPE)));
 *     TRY(AWAIT(asyncio_process_communicate(p, NULL, 0, &out, NULL)));
 *
 * The library waits for its own children only, by their pidfds; it has no SIGCHLD handler. A
 * program that sets SIGCHLD to SIG_IGN, or waits for any child itself, takes their status away:
 * the returncode is then 255, as in Python.
 *
 * Part: io.
 */
#ifndef ASYNCIO_PROCESS_H
#define ASYNCIO_PROCESS_H

#include <asyncio/streams.h>
#include <sys/types.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_process asyncio_process;

/* What a child's standard descriptors may be beside a descriptor of yours (> 0). */
enum {
    ASYNCIO_INHERIT = 0,  /* what the program has */
    ASYNCIO_PIPE = -1,    /* a pipe to a stream of the process object */
    ASYNCIO_STDOUT = -2,  /* for stderr_fd: where stdout goes */
    ASYNCIO_DEVNULL = -3, /* nowhere */
};

typedef struct asyncio_subprocess_options {
    size_t size;             /* sizeof(asyncio_subprocess_options) */
    const char *const *argv; /* for exec: the program and its arguments, NULL at the end */
    const char *command;     /* for shell: a command line */
    const char *executable;  /* what is run, under the name argv[0]; for shell: instead of /bin/sh;
                                NULL: argv[0] */
    int stdin_fd, stdout_fd, stderr_fd;
    size_t limit;           /* of the readers, in bytes; 0: 64 KiB */
    const char *cwd;        /* where the child starts; NULL: here */
    const char *const *env; /* "NAME=value", NULL at the end; NULL: the program's */
    const int *pass_fds;    /* descriptors that the child keeps, by the same numbers */
    size_t pass_count;
    bool start_new_session; /* setsid */
    bool set_process_group; /* setpgid to process_group; 0: a new group */
    pid_t process_group;
    bool set_umask; /* the mode creation mask */
    mode_t umask;
    bool set_user, set_group; /* who it runs as; the program needs the right to. set_user takes all
                                 extra groups away; it leaves the group, unless set_group is set */
    uid_t user;
    gid_t group;
    bool set_extra_groups; /* its other groups; without any: none, as with set_user alone */
    const gid_t *extra_groups;
    size_t extra_group_count;
} asyncio_subprocess_options;

/* Starts a program, or a command line with /bin/sh. A name without a slash is looked for along the
 * PATH of .env (if that has none, along /bin:/usr/bin); relative folders in there, and empty ones,
 * begin at .cwd. The child has no descriptors but 0, 1, 2 and those passed on. In C the macros of
 * the same names without _with take (&process, argv, .cwd = ...) and (&process, command, ...); in
 * C++ (&process, &options). The options must live until awaited; making it a task copies them. A
 * umask, user or groups take a fork, which copies the page tables of a large program; without them
 * there is none.
 * Errors, when awaited: -ENOENT, -EACCES, -EPERM and whatever else the system says about starting
 * it, after the name of what failed: the program, the folder of .cwd, "setuid", "setgid",
 * "setgroups", "setpgid", "pass_fds"; -EMFILE; ASYNCIO_VALUE_ERROR for an unknown stdin_fd,
 * stdout_fd or stderr_fd, or -1 as a user or group; ASYNCIO_TYPE_ERROR for NULL; -ENOMEM. Nothing
 * is started then.
 * Suspends: no (though it is awaited). Thread: loop. Owner: *process is yours. Since: 0.1.
 * Python: asyncio.create_subprocess_exec, asyncio.create_subprocess_shell. */
ASYNCIO_API asyncio_coro asyncio_create_subprocess_exec_with(
    asyncio_process **process, const asyncio_subprocess_options *options) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_create_subprocess_shell_with(
    asyncio_process **process, const asyncio_subprocess_options *options) ASYNCIO_MUST_USE;

/* References. The loop holds a child that runs, so that it is waited for in any case. One that
 * still runs when its loop is closed is killed (SIGKILL) and waited for. If that cannot be done (a
 * setuid program), or takes the system over 5 seconds, the exception handler is told ("Child
 * process 123 could not be killed and still runs"), and nobody waits. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_process *asyncio_process_ref(asyncio_process *process);
ASYNCIO_API void asyncio_process_unref(asyncio_process *process);

/* Waits until the child has ended; any number of tasks may. The value is the returncode. With
 * pipes that nobody reads it may never end: use communicate.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR in another loop, or if
 * its loop was closed before it ended; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless it has ended). Thread: loop. Since: 0.1.
 * Python: Process.wait. */
ASYNCIO_API asyncio_coro asyncio_process_wait(asyncio_process *process) ASYNCIO_MUST_USE;

/* Writes n bytes to the child's stdin and closes that, reads its stdout and stderr to the end, and
 * waits for the child. Those that are no pipes are left out; so is `input` if it is NULL (stdin is
 * closed anyway). A child that does not read its input is no error. What was read lies in the
 * readers and is good as long as the process object; out and err may be NULL. Cancelled, it loses
 * nothing: call it again (with NULL) and it gives everything.
 * Errors, when awaited: as reading a stream; as wait; -ENOMEM; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited). Thread: loop. Owner: *out and *err are lent. Since: 0.1.
 * Python: Process.communicate. */
ASYNCIO_API asyncio_coro asyncio_process_communicate(asyncio_process *process, const void *input,
                                                     size_t n, asyncio_bytes *out,
                                                     asyncio_bytes *err) ASYNCIO_MUST_USE;

/* Sends a signal; terminate sends SIGTERM, kill SIGKILL. Never hits another process that has got
 * the number meanwhile. Returns 0; -ESRCH if it has ended; -EINVAL for no signal;
 * ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Process.send_signal, terminate, kill. */
ASYNCIO_API int asyncio_process_send_signal(asyncio_process *process, int signum);
ASYNCIO_API int asyncio_process_terminate(asyncio_process *process);
ASYNCIO_API int asyncio_process_kill(asyncio_process *process);

/* Whether it is known how the child has ended, and how: its exit status in *returncode, or minus
 * the signal that killed it. Untouched if it is not known. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Process.returncode (None: not known). */
ASYNCIO_API bool asyncio_process_returncode(const asyncio_process *process, int *returncode);

/* Its number. Errors: none (-1 for NULL).
 * Suspends: no. Thread: loop. Since: 0.1. Python: Process.pid. */
ASYNCIO_API pid_t asyncio_process_pid(const asyncio_process *process);

/* The streams to it; NULL for what is no pipe. Errors: none.
 * Suspends: no. Thread: loop. Owner: lent, they live as long as the process object. Since: 0.1.
 * Python: Process.stdin, stdout, stderr. */
ASYNCIO_API asyncio_streamwriter *asyncio_process_stdin(const asyncio_process *process);
ASYNCIO_API asyncio_streamreader *asyncio_process_stdout(const asyncio_process *process);
ASYNCIO_API asyncio_streamreader *asyncio_process_stderr(const asyncio_process *process);

/* "<Process 4711>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(process). */
ASYNCIO_API int asyncio_process_repr(const asyncio_process *process, char *buf, size_t n);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_create_subprocess_exec(process, ...)                                               \
    asyncio_create_subprocess_exec_with(                                                           \
        (process), (&(const asyncio_subprocess_options){                                           \
                       .size = sizeof(asyncio_subprocess_options), .argv = __VA_ARGS__ }))
#define asyncio_create_subprocess_shell(process, ...)                                              \
    asyncio_create_subprocess_shell_with(                                                          \
        (process), (&(const asyncio_subprocess_options){                                           \
                       .size = sizeof(asyncio_subprocess_options), .command = __VA_ARGS__ }))
#else
inline asyncio_coro asyncio_create_subprocess_exec(asyncio_process **process,
                                                   const asyncio_subprocess_options *options) {
    return asyncio_create_subprocess_exec_with(process, options);
}
inline asyncio_coro asyncio_create_subprocess_shell(asyncio_process **process,
                                                    const asyncio_subprocess_options *options) {
    return asyncio_create_subprocess_shell_with(process, options);
}
#endif

ASYNCIO__AUTO_CLASS(process)
#define asyncio_auto_process ASYNCIO__AUTO(process)

#endif
