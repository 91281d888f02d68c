/* SPDX-License-Identifier: MIT
 *
 * task/run.c: making a loop, and running one until something is done.
 */
#include <asyncio/testing.h>
#include <errno.h>

#include "base/clock.h"
#include "future/loop.h"
#include "task/failed_task.h"
#include "task/run.h"
#include "task/task.h"

/* ---- making one ---- */

static void init_places(asyncio_loop *loop) {
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    asyncio__future_loop_init(loop);
    asyncio__slab_init(&own->slab, sizeof(struct asyncio_task), 64);
    asyncio__link_init(&own->tasks);
    asyncio__link_init(&own->generators);
    asyncio__link_init(&own->failed);
}

static void fini_places(asyncio_loop *loop) {
    asyncio__slab_fini(&asyncio__task_loop(loop)->slab);
    asyncio__future_loop_fini(loop);
}

/* What the loop, which knows no task, is given to call. */
static const struct asyncio__loop_hooks hooks = {
    .init = init_places,
    .fini = fini_places,
    .fiber_main = asyncio__task_main,
    .fiber_failed = asyncio__task_without_stack,
    .fiber_describe = asyncio__task_describe,
    .fiber_cancel = asyncio__task_cancel_fiber,
    .report = asyncio__report,
    .deadlock = asyncio__task_report_deadlock,
    .holding = asyncio__task_report_holding,
    .describe_step = asyncio__task_describe_step,
    .destroy_pending = asyncio__task_destroy_pending,
    .task_context = asyncio__task_context,
    .idle = asyncio__failed_task_idle,
};

asyncio_loop *asyncio_new_event_loop(void) {
    asyncio__overflow_report_tasks();
    return asyncio__loop_new(&hooks);
}

asyncio_loop *asyncio_testing_new_event_loop(double start) {
    asyncio_loop *loop = asyncio_new_event_loop();
    if (!loop) return NULL;
    loop->virtual_clock = true;
    loop->now = asyncio__clock_from_seconds(start);
    return loop;
}

/* ---- running it ---- */

static int stop_loop(asyncio_future *f, void *arg) {
    asyncio_loop *loop = arg;
    int code = f->state == ASYNCIO__FAILED ? f->failed.code : 0;
    /* That error has ended the run already. */
    if (code != ASYNCIO_KEYBOARD_INTERRUPT && code != ASYNCIO_SYSTEM_EXIT) asyncio_loop_stop(loop);
    return 0;
}

/* Whether a child that was forked in this run has brought it to its end. */
static bool done_in_child(const asyncio_loop *loop, const asyncio_future *f, int rc) {
    return rc == ASYNCIO_RUNTIME_ERROR && f->state != ASYNCIO__PENDING && !*loop->fork_mark;
}

static int run_until_stopped(asyncio_loop *loop, asyncio_future *f) {
    loop->awaits_main = true;
    int rc = asyncio_loop_run_forever(loop);
    loop->awaits_main = false;
    asyncio_future_remove_done_callback(f, stop_loop, loop);
    if (ASYNCIO__UNLIKELY(rc < 0)) {
        if (!done_in_child(loop, f, rc)) return rc;
        asyncio_ignore(rc);
    }
    if (f->state != ASYNCIO__PENDING) return 0;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Event loop stopped before Future completed.");
}

int asyncio__run_until_done(asyncio_loop *loop, asyncio_future *f) {
    int rc = asyncio_future_add_done_callback(f, stop_loop, loop);
    if (rc < 0) return rc;
    return run_until_stopped(loop, f);
}

int asyncio__run_new_task(asyncio_loop *loop, asyncio_task *t) {
    int rc = asyncio_future_add_done_callback(&t->future, stop_loop, loop);
    if (rc >= 0) return run_until_stopped(loop, &t->future);
    asyncio_task_cancel(t, NULL);
    return rc;
}

/* The future to run until: the one the object stands for, or a new task. Owned. */
static asyncio_future *future_to_run(asyncio_loop *loop, asyncio_coro *main, bool *made) {
    *made = main->type != &asyncio__coro_of_future_type;
    if (*made) {
        asyncio_task_options o = { .size = sizeof o, .coro = *main };
        asyncio_task *t = asyncio_loop_create_task_with(loop, &o);
        if (t) t->future.flags |= ASYNCIO__FUTURE_QUIET;
        return t ? &t->future : NULL;
    }
    asyncio_future *f = *(asyncio_future **)(void *)main->args.bytes;
    if (!f) asyncio__raise(ASYNCIO_TYPE_ERROR, "an awaitable is required");
    else if (f->loop == loop) return asyncio_future_ref(f);
    else asyncio__raise(ASYNCIO_VALUE_ERROR, "The future belongs to a different loop");
    return NULL;
}

static int take_outcome(asyncio_future *f, bool made, asyncio_value *out) {
    asyncio_value value;
    int rc = asyncio_future_result(f, &value);
    if (rc < 0 || !out) return rc;
    if (!made) return asyncio_value_copy(out, &value);
    *out = asyncio_future_take_result(f);
    return rc;
}

int asyncio_loop_run_until_complete(asyncio_loop *loop, asyncio_coro main, asyncio_value *out) {
    bool made;
    int rc = asyncio__loop_check_can_run(loop); /* before a task is made for it */
    if (rc < 0) {
        asyncio__coro_refuse_for(loop, &main);
        return rc;
    }
    asyncio_future *f = future_to_run(loop, &main, &made);
    if (!f) return asyncio__slot_status();
    rc = made ? asyncio__run_new_task(loop, (asyncio_task *)(void *)f)
              : asyncio__run_until_done(loop, f);
    if (rc >= 0) rc = take_outcome(f, made, out);
    else if (made && f->state == ASYNCIO__FAILED) asyncio__future_set_retrieved(f);
    asyncio_future_unref(f);
    return rc;
}
