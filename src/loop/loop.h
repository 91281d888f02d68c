/* SPDX-License-Identifier: MIT
 *
 * loop/loop.h: the inside of a loop, for the layers above: its queues, its turn, and the
 * switch from one fiber to the next.
 *
 * A turn: poll, move due timers to `ready`, make `ready` the `batch`, run the batch. A batch
 * that holds only fibers is run without the loop's own stack: each fiber that suspends
 * switches straight to the next, and the last one of a batch turns `ready` into the next
 * batch itself. `slow` is not zero when anything wants the loop's stack first; then every
 * suspension goes there. Callbacks and the exception handler run on the loop's stack only.
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
#include "context/cxx.h"
#include "context/stack.h"
#include "loop/descriptors.h"
#include "loop/runnable.h"
#include "loop/poller.h"
#include "loop/timers.h"

/* A strand with a stack of its own. Its runnable is in the ready queue, in the batch, in the
 * callbacks of what it waits for, or (while it runs) nowhere. */
struct asyncio__fiber {
    struct asyncio__runnable runnable;
    struct asyncio__cpu cpu; /* where it goes on; valid while it is suspended */
    struct asyncio__strand strand;
    struct asyncio__stack *stack; /* NULL before the first step and after the last */
};

/* The class of stack a fiber has unless its task says otherwise: 64 KiB. */
#define ASYNCIO__STACK_DEFAULT 2u

/* The class lies in the upper byte of strand.flags. */
#define ASYNCIO__FIBER_CLASS_SHIFT 24

/* The ops of a fiber's runnable: before its first step, and after. */
extern const struct asyncio__runnable_ops asyncio__fiber_start_ops;
extern const struct asyncio__runnable_ops asyncio__fiber_resume_ops;

struct asyncio__page;
struct asyncio__watched;
struct asyncio__text;

/* What the layers above do for the loop. */
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
};

/* Where an eager start goes back to when the fiber first suspends or ends. */
struct asyncio__return {
    struct asyncio__cpu cpu;
    struct asyncio__strand *strand;
    struct asyncio__return *outer;
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
    bool running, closed, virtual_clock, debug;
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
    const struct asyncio__loop_hooks *hooks;

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
    atomic_int sleeping;                       /* in the poller (loop/inbox.c) */
    _Atomic(struct asyncio__runnable *) inbox; /* posted by other threads, newest first */

    atomic_uint refs;          /* the users' */
    atomic_uint holds;         /* of its memory: all users, all objects, others one by one */
    int exit_status;           /* with ASYNCIO__SLOW_EXIT */
    asyncio_error *exit_error; /* its error, or NULL */
    const unsigned *fork_mark; /* reads 0 in a forked child */
    asyncio_exception_handler *exception_handler;
    void *exception_handler_arg;
    double slow_callback_duration;
    atomic_uint expected;  /* announcements that something outside will wake it */
    bool awaits_main;      /* the run ends with something, not by stop alone */
    uint8_t deadlock;      /* enum asyncio_deadlock_detection */
    int64_t deadlock_look; /* how long it slept before it looked for other threads, or 0 */

    struct asyncio__watchdog *watchdog; /* with ASYNCIO__SLOW_WATCHDOG */
    int64_t watchdog_limit;             /* ns; 0: no watchdog is wanted */
    asyncio_watchdog_function *watchdog_fn;
    void *watchdog_arg;

    /* For tests. */
    uint64_t shuffle;       /* state of the random numbers, with ASYNCIO__SLOW_SHUFFLE */
    long points, cancel_at; /* how many so far, with ASYNCIO__SLOW_POINTS; the one that cancels */

    struct asyncio__link ties; /* in the order they were made */
    size_t external;           /* results that are expected from other threads */
    bool wants_idle;           /* hooks->idle is to be called when nothing is ready */
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

/* A word that reads 1 in this process and 0 in children forked from it; NULL: no memory. */
const unsigned *asyncio__fork_mark(void);

/* Raises if the loop cannot take work: closed, or (debug) called from another thread. */
int asyncio__loop_check_slow(const asyncio_loop *loop) __attribute__((cold));
static inline int asyncio__loop_check(const asyncio_loop *loop) {
    if (ASYNCIO__LIKELY(loop && !loop->closed && !loop->debug)) return 0;
    return asyncio__loop_check_slow(loop);
}

/* What belongs to a loop is used in that one's thread: while some loop is in debug mode, that is
 * checked, and otherwise costs the look at one number. loop: NULL, not known yet. check: 0, or
 * raised. wrong: for functions that cannot fail: true, and reported under that name. */
extern atomic_uint asyncio__debug_loops;
int asyncio__loop_check_thread_slow(const asyncio_loop *loop) __attribute__((cold));
bool asyncio__loop_wrong_thread_slow(asyncio_loop *loop, const char *function)
    __attribute__((cold));
static inline int asyncio__loop_check_thread(const asyncio_loop *loop) {
    uint32_t some = atomic_load_explicit(&asyncio__debug_loops, memory_order_relaxed);
    return ASYNCIO__LIKELY(some == 0) ? 0 : asyncio__loop_check_thread_slow(loop);
}
static inline bool asyncio__loop_wrong_thread(asyncio_loop *loop, const char *function) {
    uint32_t some = atomic_load_explicit(&asyncio__debug_loops, memory_order_relaxed);
    return ASYNCIO__UNLIKELY(some != 0) && asyncio__loop_wrong_thread_slow(loop, function);
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

/* Gives a fiber a stack and makes its cpu enter fiber_main; false without memory. */
bool asyncio__fiber_bind(asyncio_loop *loop, struct asyncio__fiber *fiber);

/* Runs a fiber from the loop's stack, or (inline) from wherever an eager start is made, until
 * it suspends or ends. */
void asyncio__fiber_run(asyncio_loop *loop, struct asyncio__fiber *fiber);
void asyncio__fiber_run_inline(asyncio_loop *loop, struct asyncio__fiber *fiber);

/* Back to where an eager start was made. */
struct asyncio__cpu *asyncio__return_take(asyncio_loop *loop) __attribute__((cold));

static inline void asyncio__fiber_init(struct asyncio__fiber *fiber) {
    fiber->runnable.ops = &asyncio__fiber_start_ops;
    fiber->stack = NULL;
    fiber->strand =
        (struct asyncio__strand){ .flags = ASYNCIO__STACK_DEFAULT << ASYNCIO__FIBER_CLASS_SHIFT };
}

static inline struct asyncio__fiber *asyncio__fiber_of(struct asyncio__strand *strand) {
    return asyncio__container(strand, struct asyncio__fiber, strand);
}

/* Fetches what will be run after the next: the stack of the one behind `l`, the runnable of the one
 * behind that, which makes its fields cheap to read when it gets here. Only fibers that have
 * run before say where their stack is; the list's head, whose ops are none, ends the walk. */
static inline __attribute__((always_inline)) void asyncio__loop_prefetch(struct asyncio__link *l) {
    if (asyncio__runnable_of(l)->ops != &asyncio__fiber_resume_ops) return;
    l = l->next;
    if (asyncio__runnable_of(l)->ops != &asyncio__fiber_resume_ops) return;
    struct asyncio__fiber *f = asyncio__container(l, struct asyncio__fiber, runnable.link);
    __builtin_prefetch(l->next);
    /* As numbers: it need not have a frame. */
    uintptr_t sp = (uintptr_t)f->cpu.sp, frame = (uintptr_t)f->strand.top;
    __builtin_prefetch((void *)sp, 1);
    __builtin_prefetch((void *)(sp + 64), 1);
    __builtin_prefetch((void *)(sp + 128), 1);
    __builtin_prefetch((void *)(frame + offsetof(struct asyncio__frame, where)), 1);
}

/* The next fiber to run straight away, taken out of the batch; NULL: the loop's stack
 * must see to it. The one place where a turn ends without the loop. */
static inline __attribute__((always_inline)) struct asyncio__fiber *asyncio__loop_next(
    asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(loop->slow)) return NULL;
    struct asyncio__link *l = loop->batch.next;
    if (l == &loop->batch) {
        if (ASYNCIO__UNLIKELY(atomic_load_explicit(&loop->inbox, memory_order_relaxed) != NULL)) {
            return NULL;
        }
        l = loop->ready.next;
        if (l == &loop->ready) return NULL;
        if (ASYNCIO__UNLIKELY(loop->turns + 1 >= loop->next_sample) && asyncio__loop_sample(loop)) {
            loop->slow |= ASYNCIO__SLOW_POLL;
            return NULL;
        }
        loop->turns++;
        asyncio__list_move(&loop->batch, &loop->ready);
    }
    struct asyncio__runnable *runnable = asyncio__runnable_of(l);
    if (ASYNCIO__UNLIKELY(runnable->ops != &asyncio__fiber_resume_ops)) {
        if (runnable->ops != &asyncio__fiber_start_ops) return NULL;
        struct asyncio__fiber *f = asyncio__container(runnable, struct asyncio__fiber, runnable);
        if (!f->stack && !asyncio__fiber_bind(loop, f)) return NULL;
    }
    asyncio__link_unlink(l);
    asyncio__loop_prefetch(l->next);
    return asyncio__container(runnable, struct asyncio__fiber, runnable);
}

/* Tests: mixes what stands in a list; suspends on the loop's stack, counting both ends. That is
 * also where debug mode finds a frame that has stepped over the guard of its stack. */
void asyncio__loop_shuffle(asyncio_loop *loop, struct asyncio__link *list) __attribute__((cold));
void asyncio__loop_suspend_checked(asyncio_loop *loop, struct asyncio__fiber *self)
    __attribute__((cold));

/* Suspends by way of the loop's stack, or of whoever made an eager start. */
static inline __attribute__((always_inline)) void asyncio__loop_suspend_to_loop(
    asyncio_loop *loop, struct asyncio__fiber *self) {
    asyncio__here.strand = NULL;
    if (loop->inline_top)
        asyncio__cpu_switch_cxx(&self->cpu, asyncio__return_take(loop), loop->cxx);
    else asyncio__cpu_switch_cxx(&self->cpu, &loop->cpu, loop->cxx);
}

/* Goes on with something else; returns when `self`, which is queued or waits somewhere, is
 * run again. */
static inline __attribute__((always_inline)) void asyncio__loop_suspend(
    asyncio_loop *loop, struct asyncio__fiber *self) {
    struct asyncio__fiber *next = asyncio__loop_next(loop);
    if (ASYNCIO__LIKELY(next != NULL)) {
        asyncio__here.strand = &next->strand;
        if (next != self) asyncio__cpu_switch_cxx(&self->cpu, &next->cpu, loop->cxx);
    } else if (ASYNCIO__UNLIKELY(loop->slow & (ASYNCIO__SLOW_POINTS | ASYNCIO__SLOW_DEBUG))) {
        asyncio__loop_suspend_checked(loop, self);
    } else {
        asyncio__loop_suspend_to_loop(loop, self);
    }
}

/* The end of a fiber that runs on `stack`: gives that back and goes on with something else,
 * for good. The fiber itself may be gone already. Inlined: a call that never returns would
 * leave the processor's return prediction wrong for all that come after. */
static inline __attribute__((always_inline, noreturn)) void asyncio__fiber_end(
    asyncio_loop *loop, struct asyncio__stack *stack) {
    asyncio__stack_put(&loop->stacks, stack);
    struct asyncio__fiber *next = asyncio__loop_next(loop);
    asyncio__here.strand = next ? &next->strand : NULL;
    struct asyncio__cpu *to = next ? &next->cpu : &loop->cpu;
    if (!next && loop->inline_top) to = asyncio__return_take(loop);
    asyncio__cpu_jump(to);
}

/* Queues a runnable for the next turn. */
static inline void asyncio__loop_queue(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    asyncio__list_append(&loop->ready, &runnable->link);
}

#endif
