/* SPDX-License-Identifier: MIT
 *
 * io/process/spawn.h: starting a program: the pipes, what the child keeps open, and the pidfd.
 */
#ifndef ASYNCIO_IO_PROCESS_SPAWN_H
#define ASYNCIO_IO_PROCESS_SPAWN_H

#include <asyncio/process.h>

struct asyncio__spawned {
    pid_t pid;
    int pidfd;   /* -1: it has ended and somebody else took its status (SIGCHLD is ignored) */
    int ends[3]; /* our ends of the pipes to 0, 1 and 2, or -1 */
};

/* 0, or raised with nothing started and nothing left open. */
int asyncio__spawn(const asyncio_subprocess_options *options, const char *const *argv,
                   struct asyncio__spawned *spawned);

/* Whether that takes a fork, and the fork; child: what becomes 0, 1 and 2, or -1. 0 and *pid, or an
 * errno. */
bool asyncio__needs_fork(const asyncio_subprocess_options *options);
int asyncio__fork_exec(const asyncio_subprocess_options *options, const int child[3],
                       const char *const *argv, pid_t *pid);

#endif
