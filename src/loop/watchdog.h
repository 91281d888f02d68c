/* SPDX-License-Identifier: MIT
 *
 * loop/watchdog.h: a thread beside a loop that runs, which sees whether its steps end.
 *
 * The loop stores a number for each step and 0 before it sleeps; that is all it does for its
 * watchdog. A number that stays the same for as long as the limit is a step that blocks. What it is
 * the watchdog reads out of the loop's memory (base/peek.h), by an hook. The end of such a step is
 * posted to the loop, which reports it itself.
 */
#ifndef ASYNCIO_LOOP_WATCHDOG_H
#define ASYNCIO_LOOP_WATCHDOG_H

#include <asyncio/watchdog.h>

#include "base/peek.h"
#include "loop/loop.h"

/* What a thread that runs a loop is at, as far as it can be read. */
struct asyncio__blocked {
    char task[128]; /* its name; "": no task */
    char text[4096];
};

/* What the hook is given. */
struct asyncio__watched {
    struct asyncio__peek peek;
    const struct asyncio__thread *here;       /* of the loop's thread */
    const struct asyncio__runnable *runnable; /* whose turn it is */
};

/* Shared with the watchdog but for the first two. */
struct asyncio__watchdog {
    uint64_t steps;                     /* taken so far */
    struct asyncio__runnable *runnable; /* whose step it is; read by peeking */
    _Atomic uint64_t step;              /* 0: the loop sleeps */
    asyncio_loop *loop;
    const struct asyncio__thread *here;
    pid_t thread_id;
    pthread_t thread;
    atomic_int end; /* 1: the thread is to end; it waits for this word */

    /* The watchdog's thread's, and the loop's when that has ended. */
    uint64_t seen; /* the step it saw last */
    int64_t since; /* when it saw that first */
    bool told;     /* that step has been reported */
    struct asyncio__blocked now, again;
};

/* The loop begins to run, ends its run. */
void asyncio__watchdog_start(asyncio_loop *loop) __attribute__((cold));
void asyncio__watchdog_stop(asyncio_loop *loop) __attribute__((cold));

/* A step begins. */
static inline void asyncio__watchdog_step(struct asyncio__watchdog *w,
                                          struct asyncio__runnable *runnable) {
    w->runnable = runnable;
    atomic_store_explicit(&w->step, ++w->steps, memory_order_relaxed);
}

/* The loop is about to sleep. */
static inline void asyncio__watchdog_sleep(struct asyncio__watchdog *w) {
    atomic_store_explicit(&w->step, 0, memory_order_relaxed);
}

#endif
