/* SPDX-License-Identifier: MIT
 *
 * loop/poller.h: how a loop sleeps and is woken, and how it learns which descriptors are
 * ready. One file for each back end; the loop knows only this. wake is safe in any thread
 * and in signal handlers.
 *
 * A descriptor is added with a number, its generation, that comes back with its events: an
 * event of a description that went by the same number before can be told apart.
 */
#ifndef ASYNCIO_LOOP_POLLER_H
#define ASYNCIO_LOOP_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct asyncio__poller {
    int fd;      /* of the back end */
    int wake_fd; /* readable when somebody woke the loop */
};

/* What is asked for and what is reported. */
enum {
    ASYNCIO__POLL_READ = 1,  /* there is something to read, or nothing ever will be */
    ASYNCIO__POLL_WRITE = 2, /* there is room to write, or nobody reads any more */
    ASYNCIO__POLL_END = 4,   /* reported: the other side sends no more, or sent urgent data */
    ASYNCIO__POLL_ERROR = 8, /* reported: an error, or both directions are shut down */
    ASYNCIO__POLL_EDGE = 16, /* asked for: report changes, not states */
};

typedef void asyncio__poller_report(void *arg, int fd, uint32_t generation, unsigned what);

/* 0 or -errno (-EMFILE, -ENFILE, -ENOMEM); nothing is left open on failure. */
int asyncio__poller_init(struct asyncio__poller *poller);
void asyncio__poller_fini(struct asyncio__poller *poller);

/* Waits until something happens or timeout_ns have passed (0: does not wait,
 * ASYNCIO__NEVER: without limit), then reports each event. How many, or -errno. Interrupted by a
 * signal: 0. */
int asyncio__poller_wait(struct asyncio__poller *poller, int64_t timeout_ns,
                         asyncio__poller_report *report, void *arg);

/* Makes the current or the next wait return. */
void asyncio__poller_wake(const struct asyncio__poller *poller);

/* Adds a descriptor; changes what is asked of one. What is ready already is reported once
 * more. 0 or -errno: -EPERM for what cannot be polled, -EBADF, -ENOMEM, -ENOSPC; change:
 * -ENOENT if the description of that number is another one than was added. */
int asyncio__poller_add(const struct asyncio__poller *poller, int fd, uint32_t generation,
                        unsigned what);
int asyncio__poller_change(const struct asyncio__poller *poller, int fd, uint32_t generation,
                           unsigned what);
void asyncio__poller_remove(const struct asyncio__poller *poller, int fd);

#endif
