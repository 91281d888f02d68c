/* SPDX-License-Identifier: MIT
 *
 * task/sleep.c: asyncio_sleep. A sleep of some length is a future and a timer, both on the
 * sleeper's stack: its frame is there until the timer is disarmed.
 */
#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "task/method.h"

struct sleep_args {
    double delay;
    asyncio_value result;
    bool captured; /* the object is its owner's own copy: result is there to be taken */
};

struct sleeper {
    struct asyncio__timer timer;
    struct asyncio_future future;
};

static void wake_sleeper(struct asyncio__runnable *runnable) {
    struct sleeper *s = asyncio__container(runnable, struct sleeper, timer.runnable);
    s->timer.state = ASYNCIO__TIMER_IDLE;
    if (s->future.state == ASYNCIO__PENDING) asyncio__future_finish(&s->future, asyncio_none());
}

static void discard_sleeper(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, struct sleeper, timer.runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_sleeper(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "asyncio_sleep()");
}

static const struct asyncio__runnable_ops sleeper_ops = {
    .run = wake_sleeper,
    .discard = discard_sleeper,
    .describe = describe_sleeper,
};

static int sleep_for(struct asyncio_task *t, double delay) {
    asyncio_loop *loop = t->future.loop;
    struct sleeper s;
    asyncio__future_init(&s.future, loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
    asyncio__timer_init(&s.timer, &sleeper_ops);
    int rc = asyncio__loop_arm(loop, &s.timer, asyncio__clock_add(asyncio__loop_now(loop), delay));
    if (rc < 0) return asyncio__raise(rc, NULL);
    rc = asyncio__task_park(t, &s.future);
    asyncio__timer_cancel(&loop->timers, &s.timer);
    asyncio__message_set(&s.future.cancel_msg, NULL);
    return rc;
}

static int sleep_run(const void *args, asyncio_value *result) {
    const struct sleep_args *a = args;
    struct asyncio_task *t = asyncio__task_current();
    (void)result;
    if (ASYNCIO__LIKELY(a->delay <= 0)) return asyncio__task_yield(t);
    if (isnan(a->delay))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid delay: NaN (not a number)");
    return sleep_for(t, a->delay);
}

static int sleep_result_run(const void *args, asyncio_value *result) {
    const struct sleep_args *a = args;
    int rc = sleep_run(args, result);
    asyncio_value value = a->result;
    if (a->captured) ((struct sleep_args *)(uintptr_t)a)->result = asyncio_none();
    if (rc < 0) asyncio_value_drop(&value);
    else *result = value;
    return rc;
}

/* Awaited in place it takes the result along; one that never starts lets it go here. A second
 * owner has a result of its own. */
static int capture_result(void *args) {
    struct sleep_args *a = args;
    asyncio_value lent = a->result;
    if (a->captured) return asyncio_value_copy(&a->result, &lent);
    a->captured = true;
    return 0;
}

static void release_result(void *args) { asyncio_value_drop(&((struct sleep_args *)args)->result); }

const asyncio_coro_type asyncio_sleep_type =
    ASYNCIO__COROUTINE_TYPE("asyncio_sleep", double, .run = sleep_run);
static const asyncio_coro_type sleep_result_type =
    ASYNCIO__COROUTINE_TYPE("asyncio_sleep", struct sleep_args, .run = sleep_result_run,
                            .capture = capture_result, .release = release_result);

/* The constructor is inline in the header; this is the one that others link against. */
extern inline asyncio_coro asyncio_sleep(double delay);

asyncio_coro asyncio_sleep_result(double delay, asyncio_value result) {
    const struct sleep_args args = { delay, result, false };
    return asyncio__coro_make(&sleep_result_type, &args, sizeof args);
}
