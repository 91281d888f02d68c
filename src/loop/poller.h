/* SPDX-License-Identifier: MIT
 *
 * loop/poller.h: how a loop sleeps and is woken. One file for each back end; the loop
 * knows only this. wake is safe in any thread and in signal handlers.
 */
#ifndef ASYNCIO_LOOP_POLLER_H
#define ASYNCIO_LOOP_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct asyncio__poller {
    int fd;      /* of the back end */
    int wake_fd; /* readable when somebody woke the loop */
};

/* 0 or -errno (-EMFILE, -ENFILE, -ENOMEM); nothing is left open on failure. */
int asyncio__poller_init(struct asyncio__poller *poller);
void asyncio__poller_fini(struct asyncio__poller *poller);

/* Waits until something happens or timeout_ns have passed (0: does not wait,
 * ASYNCIO__NEVER: without limit). 0 or -errno. Interrupted by a signal: 0. */
int asyncio__poller_wait(struct asyncio__poller *poller, int64_t timeout_ns);

/* Makes the current or the next wait return. */
void asyncio__poller_wake(const struct asyncio__poller *poller);

#endif
