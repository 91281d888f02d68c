/* SPDX-License-Identifier: MIT
 *
 * combine/timeout.c: a block with a deadline. The block holds its deadline and state; while it is
 * active a watch, from the loop's cells, holds the timer and the task.
 *
 * created -> active -> expiring -> expired, or active -> finished. The deadline only cancels the
 * task that entered the block; whether that becomes TimeoutError is decided at the exit: if the
 * task has then no more requests to be cancelled than when the block was entered. A block in a
 * generator may be left by another task, which the deadline has nothing to do with, and after the
 * one that entered it is done.
 */
#include <asyncio/timeout.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/cancelstatus.h"

enum state { CREATED, ACTIVE, EXPIRING, EXPIRED, FINISHED };

/* In the reserved bytes of the block. */
struct deadline {
    double when;
    enum state state;
};

struct watch {
    struct asyncio__timer timer;
    struct asyncio_task *task;        /* that entered the block; a reference */
    struct asyncio__cancelstatus *at; /* the task's at that time; a reference or NULL */
    struct deadline *deadline;        /* in the block, which is left before its stack goes */
    uint32_t cancels;                 /* the task's open requests when the block was entered */
};

_Static_assert(sizeof(struct watch) <= 96, "fits the loop's cells");

/* The first of the reserved bytes where a deadline is aligned. */
#define AT ((8 - offsetof(asyncio_block, reserved) % 8) % 8)
_Static_assert(offsetof(asyncio_block, reserved) + AT + sizeof(struct deadline) <=
                   sizeof(asyncio_block),
               "fits the block");

static struct deadline *deadline_of(const asyncio_block *s) {
    return (struct deadline *)(uintptr_t)(s->reserved + AT);
}

/* ---- firing ---- */

static void run_watch(struct asyncio__runnable *runnable) {
    struct watch *w = asyncio__container(runnable, struct watch, timer.runnable);
    w->timer.state = ASYNCIO__TIMER_IDLE;
    asyncio__task_cancel_from(w->task, w->at);
    w->deadline->state = EXPIRING;
}

static void discard_watch(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, struct watch, timer.runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_watch(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "Timeout._on_timeout()");
}

static const struct asyncio__runnable_ops watch_ops = {
    .run = run_watch,
    .discard = discard_watch,
    .describe = describe_watch,
};

/* A deadline that has passed fires in the next turn, in the order of call_soon. */
static inline int schedule(asyncio_loop *loop, struct watch *w, double when) {
    w->deadline->when = when;
    if (isinf(when) && when > 0) return 0;
    int64_t ns = asyncio__clock_from_seconds(when);
    if (ns <= asyncio__loop_now(loop)) {
        w->timer.state = ASYNCIO__TIMER_QUEUED;
        asyncio__loop_queue(loop, &w->timer.runnable);
        return 0;
    }
    int rc = asyncio__loop_arm(loop, &w->timer, ns);
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

/* ---- the block ---- */

static __attribute__((cold, noinline)) void note_cancelstatus(struct watch *w) {
    w->at = asyncio__cancelstatus_of(w->task);
    w->at->refs++;
    w->cancels = asyncio__task_open_requests(w->task);
}

static void free_watch(struct asyncio_task *task, struct watch *w) {
    if (ASYNCIO__UNLIKELY(w->at != NULL)) asyncio__cancelstatus_unref(w->at);
    asyncio__slab_put(&task->future.loop->cells_slab, w);
    if (ASYNCIO__LIKELY(--task->future.refs > 0)) return;
    task->future.refs = 1;
    asyncio_task_unref(task);
}

static int enter_timeout(asyncio_block *s) {
    struct asyncio_task *task = asyncio__task_of(asyncio__here.strand);
    asyncio_loop *loop = task->future.loop;
    struct deadline *d = deadline_of(s);
    double when = d->when;
    if (isnan(when))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    struct watch *w = asyncio__slab_get(&loop->cells_slab);
    if (!w) return asyncio__raise(-ENOMEM, NULL);
    asyncio__timer_init(&w->timer, &watch_ops);
    task->future.refs++;
    w->task = task;
    w->at = NULL;
    w->deadline = d;
    w->cancels = task->fiber.strand.cancels;
    if (ASYNCIO__UNLIKELY(task->fiber.strand.flags & ASYNCIO__TASK_SCOPED)) note_cancelstatus(w);
    s->object = w;
    int rc = schedule(loop, w, when);
    if (rc < 0) {
        free_watch(task, w);
        return rc;
    }
    d->state = ACTIVE;
    return 0;
}

/* Only the cause, not also the context: once the timeout is caught, what was in the slot before
 * the block is there again. */
int asyncio__raise_timeout(void) {
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *cause = asyncio__error_detach(strand, ASYNCIO_CANCELLED_ERROR);
    int rc = asyncio__raise(ASYNCIO_TIMEOUT_ERROR, NULL);
    asyncio_error *error = asyncio__error_match(strand, rc);
    if (!cause) cause = asyncio__error_make(ASYNCIO_CANCELLED_ERROR, NULL);
    if (error && cause) asyncio__error_attach_cause(error, cause);
    asyncio_error_unref(cause);
    return rc;
}

/* What the body made of the CancelledError says then that it came of a timeout. */
static void mark_as_timeout(int status) {
    asyncio_error *error = asyncio__error_match(asyncio__strand_current(), status);
    asyncio__error_insert(error, ASYNCIO_TIMEOUT_ERROR, ASYNCIO_CANCELLED_ERROR);
    for (size_t i = 0; status == ASYNCIO_EXCEPTION_GROUP && i < asyncio_error_count(error); i++) {
        asyncio__error_insert(asyncio_error_child(error, i), ASYNCIO_TIMEOUT_ERROR,
                              ASYNCIO_CANCELLED_ERROR);
    }
}

/* A cancel scope around the block goes on with its own cancellation. */
static bool is_of_scope(struct asyncio_task *task, int status) {
    struct asyncio__strand *strand = &task->fiber.strand;
    if (ASYNCIO__LIKELY(!(strand->flags & ASYNCIO__TASK_SCOPED))) return false;
    if (status != ASYNCIO_CANCELLED_ERROR) return false;
    return asyncio__cancelstatus_outside(task,
                                         asyncio__error_match(strand, ASYNCIO_CANCELLED_ERROR));
}

/* The deadline has passed: its request is taken back, and becomes TimeoutError if it is what the
 * body ended with. A task that has not entered the block was cancelled by somebody else. */
static __attribute__((noinline)) int end_expired(const struct watch *w, int status) {
    w->deadline->state = EXPIRED;
    asyncio_task_uncancel(w->task);
    if (status >= 0 || w->task != asyncio__task_current()) return status;
    uint32_t left = asyncio__task_open_requests(w->task);
    if (left > w->cancels || is_of_scope(w->task, status)) return status;
    if (status == ASYNCIO_CANCELLED_ERROR) return asyncio__raise_timeout();
    mark_as_timeout(status);
    return status;
}

static int exit_timeout(asyncio_block *s, int status) {
    struct watch *w = s->object;
    struct deadline *d = deadline_of(s);
    struct asyncio_task *task = w->task;
    s->object = NULL;
    asyncio__timer_cancel(&task->future.loop->timers, &w->timer);
    if (ASYNCIO__LIKELY(d->state == ACTIVE)) d->state = FINISHED;
    else status = end_expired(w, status);
    free_watch(task, w);
    return status;
}

static const asyncio_block_ops timeout_ops = { .size = sizeof(asyncio_block_ops),
                                               .name = "Timeout",
                                               .enter = enter_timeout,
                                               .exit = exit_timeout };

/* Filled in place: a copy would wait for the stores. */
asyncio_timeout_with asyncio_timeout_at(double when, int *rc) {
    asyncio_timeout_with t;
    asyncio_block *s = &t.block;
    if (rc) *rc = 0;
    s->rc = rc;
    s->ops = &timeout_ops;
    s->object = NULL;
    s->outer = NULL;
    s->state = 0;
    s->kept = 0;
    memcpy(s->reserved + AT + offsetof(struct deadline, when), &when, sizeof when);
    enum state state = CREATED;
    memcpy(s->reserved + AT + offsetof(struct deadline, state), &state, sizeof state);
    return t;
}

asyncio_timeout_with asyncio_timeout_block(double delay, int *rc) {
    asyncio_loop *loop = asyncio__here.running;
    double now = loop ? asyncio_loop_time(loop) : 0;
    return asyncio_timeout_at(now + delay, rc);
}

/* ---- the Timeout object ---- */

static bool is_timeout(const asyncio_timeout *t) { return t && t->block.ops == &timeout_ops; }

double asyncio_timeout_when(const asyncio_timeout *t) {
    return is_timeout(t) ? deadline_of(&t->block)->when : (double)NAN;
}

bool asyncio_timeout_expired(const asyncio_timeout *t) {
    if (!is_timeout(t)) return false;
    enum state state = deadline_of(&t->block)->state;
    return state == EXPIRING || state == EXPIRED;
}

int asyncio_timeout_reschedule(asyncio_timeout *t, double when) {
    if (!is_timeout(t)) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a timeout is required");
    switch (deadline_of(&t->block)->state) {
    case ACTIVE: break;
    case CREATED: return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Timeout has not been entered");
    case EXPIRING:
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot change state of expiring Timeout");
    case EXPIRED:
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot change state of expired Timeout");
    case FINISHED:
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot change state of finished Timeout");
    }
    if (isnan(when))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    struct watch *w = t->block.object;
    asyncio_loop *loop = w->task->future.loop;
    asyncio__timer_cancel(&loop->timers, &w->timer);
    return schedule(loop, w, when);
}

int asyncio_timeout_repr(const asyncio_timeout *t, char *buf, size_t n) {
    static const char *const names[] = { "created", "active", "expiring", "expired", "finished" };
    if (!is_timeout(t)) return snprintf(buf, n, "None");
    const struct deadline *d = deadline_of(&t->block);
    if (d->state != ACTIVE) return snprintf(buf, n, "<Timeout [%s]>", names[d->state]);
    if (isinf(d->when)) return snprintf(buf, n, "<Timeout [active] when=None>");
    return snprintf(buf, n, "<Timeout [active] when=%.3f>", d->when);
}
