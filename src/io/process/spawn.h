/* SPDX-License-Identifier: MIT
 *
 * io/process/spawn.h: starting a program: the pipes, what the child keeps open, and the pidfd; and
 * ending one.
 */
#ifndef ASYNCIO_IO_PROCESS_SPAWN_H
#define ASYNCIO_IO_PROCESS_SPAWN_H

#include <asyncio/process.h>
#include <signal.h>

struct asyncio__spawned {
    pid_t pid;
    int pidfd;   /* -1: it has ended and somebody else took its status (SIGCHLD is ignored) */
    int ends[3]; /* our ends of the pipes to 0, 1 and 2, or -1 */
};

/* 0, or raised with nothing started and nothing left open. */
int asyncio__spawn(const asyncio_subprocess_options *options, const char *const *argv,
                   struct asyncio__spawned *spawned);

/* The status of a child: 1 and *info; 0: it has not ended; -ECHILD: somebody else has it. */
int asyncio__take_status(int pidfd, siginfo_t *info);

/* Kills a child and takes its status, as above. What cannot be killed is not waited for for long:
 * another negative errno, it still runs. */
int asyncio__reap(int pidfd, siginfo_t *info);

/* The paths at which a program may lie, NULL at the end, in the order in which they are tried:
 * along the PATH of `env` (NULL: our own), or its own path alone if that has a slash. One piece of
 * memory, yours to asyncio__free; NULL: there is none. */
const char **asyncio__search_paths(const char *program, const char *const *env);

/* *error, 0 at first, becomes what a search is to fail with: the first error that does not mean
 * that nothing lies at a path; otherwise the last. */
void asyncio__search_note(int *error, int next);

/* What is started: which of `paths`, with what as 0, 1 and 2 (-1: what is there stays). */
struct asyncio__program {
    const char *name;
    const char *const *paths, *const *argv;
    const int *child;
};

/* What could not be done, and why: an errno; 0: all was. */
struct asyncio__failure {
    const char *what;
    int error;
};

/* Whether that takes a fork, and the fork, which sets *pid. */
bool asyncio__needs_fork(const asyncio_subprocess_options *options);
struct asyncio__failure asyncio__fork_exec(const asyncio_subprocess_options *options,
                                           const struct asyncio__program *program, pid_t *pid);

#endif
