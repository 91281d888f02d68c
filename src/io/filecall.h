/* SPDX-License-Identifier: MIT
 *
 * io/filecall.h: system calls that threads make on a file which may be closed meanwhile.
 *
 * The descriptor of a file stays open while a call is under way, so no call meets a number that
 * belongs to somebody else. Closing waits for those calls that a task waits for. One that was given
 * up (its task was cancelled) may last for ever; then the last of them closes the descriptor.
 *
 * What may never become ready, such as a fifo or a terminal, is not blocking. A call that would
 * block waits in pieces, between which it looks whether it is over: given up, or the file closed.
 * So it keeps its thread for no more than a fraction of a second after that.
 */
#ifndef ASYNCIO_IO_FILECALL_H
#define ASYNCIO_IO_FILECALL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"

/* Under the lock of its address (thread/objectlock.h). */
struct asyncio__openfile {
    int fd;             /* -1: closed */
    bool waits;         /* calls that give EAGAIN are to wait */
    atomic_bool closed; /* no new calls */
    bool left;          /* the last call closes the descriptor */
    unsigned forks;     /* how many there were when it was last used (base/fork.h) */
    atomic_uint live;   /* calls under way that somebody waits for; the closer waits for 0 */
    struct asyncio__link calls; /* under way */
};

struct asyncio__filecall {
    struct asyncio__link link;      /* in the file's, while it is under way */
    struct asyncio__openfile *file; /* NULL: of no file */
    atomic_bool given_up;
    int pause;  /* how long it waited last, ms */
    bool ready; /* after which the descriptor was said to be ready */
};

void asyncio__openfile_init(struct asyncio__openfile *file, int fd, bool waits);
void asyncio__filecall_init(struct asyncio__filecall *call, struct asyncio__openfile *file);

/* Begins a call: the descriptor, or -1: the file is closed, or the call given up. */
int asyncio__filecall_begin(struct asyncio__filecall *call);
void asyncio__filecall_end(struct asyncio__filecall *call);

/* Waits a while for events of a descriptor (-1: for nothing). False, with an errno: it is over. */
bool asyncio__filecall_wait(struct asyncio__filecall *call, int fd, short events);

/* Nobody waits for the call any more. */
void asyncio__filecall_give_up(struct asyncio__filecall *call);

/* It has got on: the next wait is like the first. */
void asyncio__filecall_moved(struct asyncio__filecall *call);

/* Closes the file of the call, which was not begun, as close(2). EBADF if it was closed before. */
int asyncio__filecall_close(struct asyncio__filecall *call);

/* Opens a path, as open(2); a fifo waits for its other side as the call may. *waits: what
 * asyncio__openfile_init is to be told. */
int asyncio__filecall_open(struct asyncio__filecall *call, const char *path, int flags,
                           unsigned mode, bool *waits);

#endif
