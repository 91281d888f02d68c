/* SPDX-License-Identifier: MIT
 *
 * loop/turn.c: a turn of the loop, and the run that repeats it.
 *
 *     take in the calls that other threads posted
 *     if it is time to look: poll; read the clock; move due timers to the end of `ready`
 *     `ready` becomes the `batch`
 *     run every runnable of the batch, in order
 *
 * To poll is to sleep when nothing is ready. Turns that hold only fibers pass without this file
 * (loop/switch.h), until one of them finds that it is time to look.
 */
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/error.h"
#include "context/cxx.h"
#include "context/fpu.h"
#include "context/overflow.h"
#include "loop/deadlock.h"
#include "loop/inbox.h"
#include "loop/loop.h"
#include "loop/post.h"
#include "loop/watchdog.h"

#define DAY_NS (86400 * INT64_C(1000000000))

/* ---- waiting ---- */

static bool is_idle(const asyncio_loop *loop) {
    return asyncio__list_empty(&loop->ready) && !(loop->slow & ASYNCIO__SLOW_STOP);
}

/* What has happened to descriptors, without waiting. How many events there were, or raised. */
static int poll_now(asyncio_loop *loop) {
    if (loop->descriptors.waiting == 0) return 0;
    return asyncio__poller_wait(&loop->poller, 0, asyncio__descriptors_report, loop);
}

static int64_t time_until(int64_t next, int64_t now) {
    if (next == ASYNCIO__NEVER) return next;
    return next > now ? next - now : 0;
}

/* How long to sleep: until the next timer, a day at most, and not longer than idle stacks and the
 * memory of posted calls want to be looked after. */
static int64_t sleep_limit(asyncio_loop *loop, int64_t next, int64_t now) {
    int64_t limit = time_until(next, now);
    if (limit == 0) return 0;
    if (limit != ASYNCIO__NEVER && limit > DAY_NS) limit = DAY_NS;
    int stacks_ms = asyncio__stackpool_trim(&loop->stacks);
    int64_t stacks = stacks_ms < 0 ? ASYNCIO__NEVER : stacks_ms * INT64_C(1000000);
    int64_t posts = asyncio__posts_trim(now);
    if (limit > stacks) limit = stacks;
    return limit < posts ? limit : posts;
}

/* Polls and, if nothing is ready, sleeps until something happens: an event, a call from another
 * thread, a timer, a signal. A virtual clock is not waited for. 0 or more, or raised: also if
 * nothing will ever happen. */
static int poll_or_sleep(asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(!*loop->fork_mark)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, asyncio__loop_why_closed(loop));
    }
    if (ASYNCIO__UNLIKELY(loop->wants_idle) && is_idle(loop)) {
        loop->hooks->idle(loop);
        if (loop->slow & ASYNCIO__SLOW_EXIT) return loop->exit_status;
    }

    /* Virtual time stands still until there are no more events: what is flushed while some are
     * reported is an event for the other end, though it makes nothing ready here. */
    int rc = 0;
    if (loop->virtual_clock) {
        do rc = poll_now(loop);
        while (rc > 0 && is_idle(loop));
        if (rc < 0 || !is_idle(loop)) return rc;
    } else if (!is_idle(loop)) {
        return poll_now(loop);
    }

    /* Nothing is ready. Virtual time jumps to the next timer, unless results are expected of other
     * threads, which have no virtual clock: then it goes as the real one does. Descriptors are
     * waited for in real time, but only while there is no timer. */
    int64_t next = asyncio__timers_next(&loop->timers);
    bool keeps_pace = loop->virtual_clock && loop->external > 0;
    if (loop->virtual_clock && !keeps_pace) {
        if (next != ASYNCIO__NEVER) {
            if (next > loop->now) loop->now = next;
            return 0;
        }
        if (atomic_load(&loop->inbox)) return 0;
        if (loop->descriptors.waiting == 0 && atomic_load(&loop->expected) == 0)
            return asyncio__deadlock_fail(loop);
    }

    /* Sleeping is announced before the last look at what was posted, so that whoever posts later
     * wakes the loop. It is not begun where nothing could end it. */
    int64_t start = asyncio__clock_now(), limit = 0;
    if (asyncio__inbox_announce_sleep(loop))
        limit = keeps_pace ? time_until(next, loop->now) : sleep_limit(loop, next, start);
    if (limit != 0 && next == ASYNCIO__NEVER && asyncio__deadlock_suspected(loop))
        rc = asyncio__deadlock_check(loop, &limit);
    if (rc >= 0) {
        if (ASYNCIO__UNLIKELY(loop->watchdog != NULL)) asyncio__watchdog_sleep(loop->watchdog);
        if (!asyncio__inbox_park(loop, limit))
            rc = asyncio__poller_wait(&loop->poller, limit, asyncio__descriptors_report, loop);
    }
    asyncio__inbox_announce_awake(loop);

    /* Anything that came ends the suspicion that nothing ever will. */
    if (!asyncio__list_empty(&loop->ready) || atomic_load(&loop->inbox)) loop->deadlock_look = 0;
    if (keeps_pace) {
        int64_t now = loop->now + (asyncio__clock_now() - start);
        loop->now = now < next || next <= loop->now ? now : next;
    }
    return rc;
}

/* ---- running what is ready ---- */

/* Reports a step that took too long. */
static void report_slow(asyncio_loop *loop, int64_t ns, const char *what) {
    if (asyncio__clock_to_seconds(ns) < loop->slow_callback_duration) return;
    char message[640];
    snprintf(message, sizeof message, "Executing %s took %.3f seconds", what,
             asyncio__clock_to_seconds(ns));
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    asyncio__loop_report(loop, &context);
}

/* Reports a step after which all others compute in another way. */
static void report_control(asyncio_loop *loop, const char *what) {
    char message[640];
    snprintf(message, sizeof message,
             "Executing %s changed how floating-point numbers are computed, for all tasks of the "
             "thread",
             what);
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    asyncio__loop_report(loop, &context);
}

static void run_timed(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    char what[512] = "?";
    runnable->ops->describe(runnable, what, sizeof what); /* before: it may be gone afterwards */
    uint64_t control = asyncio__fpu_control();
    int64_t start = asyncio__loop_now(loop);
    runnable->ops->run(runnable);
    report_slow(loop, asyncio__loop_now(loop) - start, what);
    if (asyncio__fpu_control() != control) report_control(loop, what);
    if (asyncio__here.holding > 0) loop->hooks->holding(loop);
}

static void run_runnable(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    uint32_t looked_at = loop->slow & (ASYNCIO__SLOW_DEBUG | ASYNCIO__SLOW_WATCHDOG);
    if (looked_at & ASYNCIO__SLOW_WATCHDOG) asyncio__watchdog_step(loop->watchdog, runnable);
    if (ASYNCIO__LIKELY(!(looked_at & ASYNCIO__SLOW_DEBUG))) runnable->ops->run(runnable);
    else run_timed(loop, runnable);
}

/* ---- the turn ---- */

static int run_turn(asyncio_loop *loop) {
    asyncio__inbox_take(loop);

    /* A timer that may be due is a reason to look at the clock, not at the poller. */
    uint32_t why = loop->slow & (ASYNCIO__SLOW_TIMER | ASYNCIO__SLOW_POLL);
    bool polls = (why & ASYNCIO__SLOW_POLL) || asyncio__list_empty(&loop->ready) ||
                 (loop->turns + 1 >= loop->next_sample && asyncio__loop_sample(loop));
    int rc = 0;
    if (polls || why) {
        loop->slow &= ~why;
        if (polls) {
            rc = poll_or_sleep(loop);
            asyncio__inbox_take(loop); /* before the timers: what woke us was there first */
            loop->polled = asyncio__clock_counter();
        }
        if (!loop->virtual_clock) loop->now = asyncio__loop_read_clock(loop);
        asyncio__timers_expire(&loop->timers, loop->now, &loop->ready);
    }
    if (rc < 0) return rc;

    asyncio__inbox_take(loop);
    loop->turns++;
    asyncio__list_splice(&loop->batch, &loop->ready);
    if (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_SHUFFLE)) {
        asyncio__loop_shuffle(loop, &loop->batch);
    }
    while (!asyncio__list_empty(&loop->batch)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(loop->batch.next);
        asyncio__link_unlink(&runnable->link);
        run_runnable(loop, runnable);
        if (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_EXIT)) return loop->exit_status;
    }
    return 0;
}

/* ---- running ---- */

/* The kernel delays timers by 50 us by default; ours are good to the microsecond. */
static int tighten_timers(void) {
    int slack = prctl(PR_GET_TIMERSLACK);
    if (slack > 1000) prctl(PR_SET_TIMERSLACK, 1000UL);
    return slack;
}

/* What was ready when an exit cut the turn short stays ready, in its place. */
static int leave_run(asyncio_loop *loop, int rc, asyncio_error *saved) {
    struct asyncio__strand *strand = asyncio__strand_current();
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_STOP;
    if (loop->slow & ASYNCIO__SLOW_EXIT) {
        loop->slow &= ~(uint32_t)ASYNCIO__SLOW_EXIT;
        asyncio__list_splice_front(&loop->ready, &loop->batch);
        if (loop->exit_error) asyncio__error_put(strand, loop->exit_error);
        loop->exit_error = NULL;
        rc = loop->exit_status;
        if (rc == ASYNCIO_RUNTIME_ERROR) asyncio__raise(rc, asyncio__loop_why_closed(loop));
    }
    asyncio__error_after(strand, saved, rc);
    return rc;
}

/* A child that was forked in a task runs its loop on that one's stack: the error is the task's. */
static int back_to_task(struct asyncio__strand *task, int rc) {
    asyncio_error *error = asyncio__error_detach(&asyncio__here.own, rc);
    if (error) asyncio__error_put(task, error);
    return rc;
}

int asyncio_loop_run_forever(asyncio_loop *loop) {
    int rc = asyncio__loop_check_can_run(loop);
    if (rc < 0) return rc;
    struct asyncio__strand *outer = asyncio__here.strand; /* NULL except in a forked child */
    asyncio__here.strand = NULL;
    asyncio_error *saved = asyncio__here.own.error;
    asyncio__here.own.error = NULL;
    loop->running = true;
    asyncio__here.running = loop;
    loop->cxx = asyncio__cxx_words();
    int slack = tighten_timers();
    bool alternate = asyncio__overflow_thread_start() == 0; /* without it: no report, no harm */
    loop->next_sample = loop->turns;
    if (loop->watchdog_limit > 0) asyncio__watchdog_start(loop);
    do {
        rc = run_turn(loop);
    } while (rc >= 0 && !(loop->slow & ASYNCIO__SLOW_STOP));
    asyncio__watchdog_stop(loop);
    if (alternate) asyncio__overflow_thread_stop();
    if (slack > 1000) prctl(PR_SET_TIMERSLACK, (unsigned long)slack);
    asyncio__here.running = NULL;
    loop->running = false;
    rc = leave_run(loop, rc, saved);
    asyncio__here.strand = outer;
    return outer && rc < 0 ? back_to_task(outer, rc) : rc;
}

void asyncio_loop_stop(asyncio_loop *loop) {
    if (loop && !asyncio__loop_wrong_thread(loop, "asyncio_loop_stop"))
        loop->slow |= ASYNCIO__SLOW_STOP;
}
