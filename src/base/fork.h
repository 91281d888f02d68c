/* SPDX-License-Identifier: MIT
 *
 * base/fork.h: how the library comes through a fork.
 *
 * A child has the one thread that forked; what other threads were about to do stays half done
 * there. So each part of the library that has locks joins here: a fork waits until it has all of
 * them, lets go of them in the parent, and in the child makes good what the missing threads leave
 * behind. Nobody calls a program's functions while he has one of these locks.
 *
 * A child by vfork, _Fork or clone is not seen here. It may exec or exit; the mark tells it apart.
 */
#ifndef ASYNCIO_BASE_FORK_H
#define ASYNCIO_BASE_FORK_H

/* Whoever has the lock of a part may take those of the parts before it. */
enum asyncio__forkorder {
    ASYNCIO__FORK_ERRORS,
    ASYNCIO__FORK_POSTS,
    ASYNCIO__FORK_LOOPS,
    ASYNCIO__FORK_OBJECTS,
    ASYNCIO__FORK_SIGINT,
    ASYNCIO__FORK_SIGNALS,
    ASYNCIO__FORK_THREADS,
    ASYNCIO__FORK_WATCHDOGS,
    ASYNCIO__FORK_PARTS
};

/* What a part does, each may be NULL. in_child calls what a signal handler may call, at most. */
struct asyncio__forkpart {
    void (*before)(void);    /* takes its locks */
    void (*in_parent)(void); /* lets go of them */
    void (*in_child)(void);  /* ditto, and makes good what they protect */
};

/* Has a part take part from now on; again: nothing. Called without any of these locks. */
void asyncio__fork_join(enum asyncio__forkorder place, const struct asyncio__forkpart *part);

/* How many forks lie between this process and the one that loaded the library: what notes the
 * number when it is made can tell later whether it came from a parent. */
extern unsigned asyncio__forks;

/* A word that reads 1 in this process and 0 in children forked from it; NULL: no memory. */
const unsigned *asyncio__fork_mark(void);

#endif
