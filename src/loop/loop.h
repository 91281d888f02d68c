/* SPDX-License-Identifier: MIT
 *
 * loop/loop.h: the inside of a loop: its queues, its timers, its clock, what it is told to do.
 *
 * `ready` holds what runs in the next turn, `batch` what still runs in this one (loop/turn.c).
 * Most batches hold only fibers, and those switch from one to the next without the loop's own
 * stack (loop/switch.h). `slow` is not zero when anything wants that stack first.
 *
 * The loop knows fibers, not tasks: what a fiber runs and what it means that it is over is
 * the business of the hooks that the loop is made with.
 */
#ifndef ASYNCIO_LOOP_LOOP_H
#define ASYNCIO_LOOP_LOOP_H

#include <asyncio/loop.h>
#include <asyncio/watchdog.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strand.h"
#include "context/cpu.h"
#include "context/stack.h"
#include "loop/descriptors.h"
#include "loop/poller.h"
#include "loop/runnable.h"
#include "loop/timers.h"

struct asyncio__cxx;
struct asyncio__fiber;
struct asyncio__return;
struct asyncio__page;
struct asyncio__watched;
struct asyncio__text;

/* What the layers above do for the loop. There is one such table, `hooks` in task/run.c, and every
 * loop is made with it. It is a table so that this layer calls the one above without knowing it. */
struct asyncio__loop_hooks {
    void (*init)(asyncio_loop *loop); /* the loop is made: fills in their places; cannot fail */
    void (*fini)(asyncio_loop *loop); /* its memory goes, long after it was closed */
    void (*fiber_main)(void);         /* entered by a fiber's first step; does not return */
    void (*fiber_failed)(struct asyncio__fiber *fiber, int status); /* no stack to be had */
    int (*fiber_describe)(struct asyncio__fiber *fiber, char *buf, size_t n);
    void (*fiber_cancel)(struct asyncio__fiber *fiber); /* requests it, for tests */
    int (*report)(asyncio_loop *loop, const asyncio_exception_context *context);
    void (*deadlock)(asyncio_loop *loop); /* reports it, with the tasks */
    void (*holding)(asyncio_loop *loop);  /* in debug mode: a step ended with a mutex locked */
    /* In a watchdog's thread: what the step is that blocks, and whose. */
    void (*describe_step)(const struct asyncio__watched *watched, char *name, size_t n,
                          struct asyncio__text *text);
    void (*destroy_pending)(asyncio_loop *loop);               /* the loop closes */
    asyncio__context_ref *(*task_context)(asyncio_task *task); /* what a task runs in */
    void (*idle)(asyncio_loop *loop);                          /* nothing is ready (wants_idle) */
};

/* Reasons for `slow`. */
enum {
    ASYNCIO__SLOW_STOP = 1,       /* stop was called */
    ASYNCIO__SLOW_EXIT = 2,       /* KeyboardInterrupt or SystemExit leaves the run */
    ASYNCIO__SLOW_DEBUG = 4,      /* every step is timed */
    ASYNCIO__SLOW_TIMER = 8,      /* a timer may be due already */
    ASYNCIO__SLOW_POLL = 16,      /* time to look at the poller and the clock */
    ASYNCIO__SLOW_INLINE = 32,    /* an eager start is under way */
    ASYNCIO__SLOW_CLOSE = 64,     /* the loop is closed: nothing runs but what is unwound */
    ASYNCIO__SLOW_SHUFFLE = 128,  /* each turn's order is mixed (asyncio/testing.h) */
    ASYNCIO__SLOW_POINTS = 256,   /* the ends of each suspension are counted (ditto) */
    ASYNCIO__SLOW_WATCHDOG = 512, /* every step is announced to the watchdog */
    ASYNCIO__SLOW_CALL = 1024,    /* a fiber wants a function called on the loop's stack */
};

/* What a layer above has in a loop: told when that is closed, after its tasks have been unwound
 * and before its inbox is. `close` finds the tie taken out of the loop's list. */
struct asyncio__tie {
    struct asyncio__link link;
    void (*close)(struct asyncio__tie *tie);
};

struct asyncio_loop {
    struct asyncio__link batch; /* what still runs in this turn */
    struct asyncio__link ready; /* what runs in the next */
    struct asyncio__cpu cpu;    /* the loop's own stack, while a fiber runs */
    uint32_t slow;
    atomic_bool running; /* what other threads look at by mistake */
    bool closed, virtual_clock, debug;
    uint64_t turns;
    uint64_t next_sample; /* the turn in which the counter is read again */

    uint64_t sampled, polled;           /* counter at the last sample, at the last poll */
    uint64_t sample_interval;           /* turns between samples, 1 to 16 */
    uint64_t poll_interval;             /* counts between polls */
    struct asyncio__return *inline_top; /* innermost eager start under way, or NULL */
    struct asyncio__cxx *cxx;           /* the thread's C++ exception state, kept over switches */
    struct asyncio__stackpool stacks;
    struct asyncio__slab handles_slab, cells_slab;
    struct {
        struct asyncio__page *page;
        unsigned gone;
    } posts;     /* how many of a page's were let go here (loop/post.h) */
    size_t live; /* objects of the loop's thread, which share one hold until it is closed */
    const struct asyncio__loop_hooks *hooks; /* those of task/run.c */

    /* Places for what the layers above keep for each loop; what is in them is in their own loop.h
     * (future/loop.h ...). They begin as zeros, and the loop looks into none. */
    alignas(max_align_t) unsigned char future_place[48];
    alignas(max_align_t) unsigned char task_place[160];
    alignas(max_align_t) unsigned char thread_place[48];
    alignas(max_align_t) unsigned char net_place[48];

    struct asyncio__timers timers;
    int64_t now;          /* the clock at the last look at the timers */
    int64_t counter_time; /* a moment by clock and counter, for calibrating the counter; 0: none */
    uint64_t counter_then;
    int64_t read_time; /* the last moment the clock was read, by clock and counter */
    uint64_t read_counter;
    uint64_t trusted;      /* for how many counts from then on the counter will do; 0: not at all */
    uint64_t ns_per_count; /* a little less, times 2^32 */
    struct asyncio__poller poller;
    struct asyncio__descriptors descriptors;
    atomic_int sleeping;                       /* whether it does, and in what (loop/inbox.c) */
    bool awaits_main;                          /* the run ends with something, not by stop alone */
    bool wants_idle;                           /* hooks->idle is called when nothing is ready */
    uint8_t deadlock;                          /* enum asyncio_deadlock_detection */
    _Atomic(struct asyncio__runnable *) inbox; /* posted by other threads, newest first */
    atomic_uint wakers;                        /* those who are about to wake it (loop/inbox.c) */
    struct asyncio__runnable *urgent; /* posted, it comes before all that is ready; or NULL */

    atomic_uint refs;            /* the users' */
    atomic_uint holds;           /* of its memory: all users, all objects, others one by one */
    atomic_uint expected;        /* announcements that something outside will wake it */
    int exit_status;             /* with ASYNCIO__SLOW_EXIT */
    asyncio_error *exit_error;   /* its error, or NULL */
    const unsigned *fork_mark;   /* reads 0 in a forked child */
    struct asyncio__link opened; /* among all open loops (loop/fork.c) */
    asyncio_exception_handler *exception_handler;
    void *exception_handler_arg;
    double slow_callback_duration;
    int64_t deadlock_look; /* how long it slept before it looked for other threads, or 0 */

    struct asyncio__watchdog *watchdog; /* with ASYNCIO__SLOW_WATCHDOG */
    int64_t watchdog_limit;             /* ns; 0: no watchdog is wanted */
    asyncio_watchdog_function *watchdog_fn;
    void *watchdog_arg;

    struct asyncio__loop_call *call; /* with ASYNCIO__SLOW_CALL (loop/switch.h) */

    /* For tests. */
    uint64_t shuffle;       /* state of the random numbers, with ASYNCIO__SLOW_SHUFFLE */
    long points, cancel_at; /* how many so far, with ASYNCIO__SLOW_POINTS; the one that cancels */

    struct asyncio__link ties; /* in the order they were made */
    size_t external;           /* results that are expected from other threads */
};

/* A new loop. NULL: see the slot. */
asyncio_loop *asyncio__loop_new(const struct asyncio__loop_hooks *hooks);

/* Keeps the loop's memory, nothing else; in any thread. The last release frees it. */
void asyncio__loop_hold(asyncio_loop *loop);
void asyncio__loop_release(asyncio_loop *loop) __attribute__((cold));

/* One less object that keeps the loop's memory. */
static inline void asyncio__loop_object_gone(asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(--loop->live == 0 && loop->closed)) asyncio__loop_release(loop);
}

/* Why a closed loop cannot be used. */
static inline const char *asyncio__loop_why_closed(const asyncio_loop *loop) {
    return *loop->fork_mark ? "Event loop is closed"
                            : "the event loop belongs to the parent process";
}

/* Raises if the loop cannot take work: closed, or running in another thread. One that runs in this
 * one is open. */
int asyncio__loop_check_slow(const asyncio_loop *loop) __attribute__((cold));
static inline int asyncio__loop_check(const asyncio_loop *loop) {
    if (ASYNCIO__LIKELY(loop && asyncio__here.running == loop)) return 0;
    return asyncio__loop_check_slow(loop);
}

/* Whether the loop runs in another thread. */
bool asyncio__loop_is_elsewhere(const asyncio_loop *loop) __attribute__((cold));

/* Raises if it cannot be run: closed, another process's, or something runs here already. */
int asyncio__loop_check_can_run(const asyncio_loop *loop);

/* What belongs to a loop is changed in that one's thread, as long as it runs: nobody would wake the
 * loop. loop: NULL, not known yet. check: 0, or raised. wrong: for functions that cannot fail:
 * true, and reported under that name. */
int asyncio__loop_check_thread_slow(const asyncio_loop *loop) __attribute__((cold));
bool asyncio__loop_wrong_thread_slow(asyncio_loop *loop, const char *function)
    __attribute__((cold));
static inline int asyncio__loop_check_thread(const asyncio_loop *loop) {
    if (ASYNCIO__LIKELY(asyncio__here.running == loop || !loop)) return 0;
    return asyncio__loop_check_thread_slow(loop);
}
static inline bool asyncio__loop_wrong_thread(asyncio_loop *loop, const char *function) {
    if (ASYNCIO__LIKELY(asyncio__here.running == loop || !loop)) return false;
    return asyncio__loop_wrong_thread_slow(loop, function);
}

/* For functions that only look: in debug mode. */
static inline int asyncio__loop_check_reader(const asyncio_loop *loop) {
    if (ASYNCIO__LIKELY(asyncio__here.running == loop)) return 0;
    return loop->debug ? asyncio__loop_check_thread_slow(loop) : 0;
}

/* Now, on the loop's clock. Soon after a reading of the clock the counter, which is cheaper,
 * tells the time that has passed: a little less, so that time never goes back. */
int64_t asyncio__loop_read_clock(asyncio_loop *loop) __attribute__((cold));
static inline int64_t asyncio__loop_now(asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(loop->virtual_clock)) return loop->now;
    uint64_t since = asyncio__clock_counter() - loop->read_counter;
    if (ASYNCIO__UNLIKELY(since >= loop->trusted)) return asyncio__loop_read_clock(loop);
    return loop->read_time + (int64_t)((since * loop->ns_per_count) >> 32);
}

/* Somebody begins to wait for a descriptor. */
static inline void asyncio__descriptor_wanted(asyncio_loop *loop) {
    loop->descriptors.waiting++;
    if (ASYNCIO__UNLIKELY(loop->virtual_clock)) loop->next_sample = 0;
}

/* Arms a timer at `when`; 0 or -ENOMEM. */
static inline int asyncio__loop_arm(asyncio_loop *loop, struct asyncio__timer *timer,
                                    int64_t when) {
    if (when <= loop->now) loop->slow |= ASYNCIO__SLOW_TIMER;
    return asyncio__timer_arm(&loop->timers, timer, when);
}

/* Leaves the run at once with that status; takes the reference `error` (or NULL). */
void asyncio__loop_exit(asyncio_loop *loop, int status, asyncio_error *error);

/* Reports through the exception handler. */
void asyncio__loop_report(asyncio_loop *loop, const asyncio_exception_context *context);

/* Whether the counter says that it is time to poll; reads it every few turns. */
bool asyncio__loop_sample(asyncio_loop *loop) __attribute__((cold));

/* Tests: mixes what stands in a list. */
void asyncio__loop_shuffle(asyncio_loop *loop, struct asyncio__link *list) __attribute__((cold));

/* Queues a runnable for the next turn. */
static inline void asyncio__loop_queue(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    asyncio__list_append(&loop->ready, &runnable->link);
}

#endif
