/* SPDX-License-Identifier: MIT
 *
 * combine/cancelscope.c: cancel scopes and shielded blocks: a cancel status (task/cancelstatus.h)
 * with a timer, as a block.
 *
 * Made when the block is entered, active until it is left; a scope lives on as long as somebody
 * refers to it, to be asked how it ended. The timer is armed only while it is active.
 */
#include <asyncio/cancelscope.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "combine/children.h"
#include "task/cancelstatus.h"

/* A cancel status that does something at a time. */
struct timed {
    struct asyncio__cancelstatus cancelstatus;
    struct asyncio__timer timer;
    double when;
};

struct asyncio_cancelscope {
    struct timed timed;
    uint32_t cancels; /* the task's open requests when the block was entered */
    bool fails;       /* the deadline is an error */
    bool expired;     /* cancelled by the deadline */
    bool caught;
};

/* What a constructor says, in the reserved bytes of the block. */
struct options {
    double when;
    bool fails;
};

_Static_assert(sizeof(struct options) <= sizeof(((asyncio_block *)0)->reserved), "fits the block");

/* Bytes are copied: as anything else the reserved ones must not be looked at. */
static struct options options_of(const asyncio_block *s) {
    struct options w;
    memcpy(&w, s->reserved, sizeof w);
    return w;
}

static void init_block(asyncio_block *s, const asyncio_block_ops *ops, double when, bool fails,
                       int *rc) {
    asyncio__block_init(s, rc, ops, NULL);
    struct options w = { when, fails };
    memcpy(s->reserved, &w, sizeof w);
}

static double in_seconds(double seconds) {
    asyncio_loop *loop = asyncio__here.running;
    return (loop ? asyncio_loop_time(loop) : 0) + seconds;
}

/* ---- the timer ---- */

static struct timed *timed_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct timed, timer.runnable);
}

static asyncio_cancelscope *scope_of(struct timed *t) {
    return asyncio__container(t, asyncio_cancelscope, timed);
}

static void pass_deadline(struct timed *t) {
    if (t->cancelstatus.kind == ASYNCIO__CANCELSTATUS_SHIELD) {
        asyncio__cancelstatus_lift(&t->cancelstatus);
    } else {
        scope_of(t)->expired = true;
        t->cancelstatus.why = "deadline passed";
        asyncio__cancelstatus_cancel(&t->cancelstatus);
    }
}

static void run_deadline(struct asyncio__runnable *runnable) {
    timed_of(runnable)->timer.state = ASYNCIO__TIMER_IDLE;
    pass_deadline(timed_of(runnable));
}

static void discard_deadline(struct asyncio__runnable *runnable) {
    timed_of(runnable)->timer.state = ASYNCIO__TIMER_IDLE;
}

static int describe_deadline(struct asyncio__runnable *runnable, char *buf, size_t n) {
    bool shield = timed_of(runnable)->cancelstatus.kind == ASYNCIO__CANCELSTATUS_SHIELD;
    return snprintf(buf, n, "%s", shield ? "limit of asyncio_shielded()" : "CancelScope deadline");
}

static const struct asyncio__runnable_ops deadline_ops = {
    .run = run_deadline,
    .discard = discard_deadline,
    .describe = describe_deadline,
};

static void disarm(struct timed *t) {
    asyncio__timer_cancel(&t->cancelstatus.loop->timers, &t->timer);
}

/* A deadline that has passed acts at once: nobody runs on account of that before the task waits. */
static int schedule(struct timed *t, double when) {
    asyncio_loop *loop = t->cancelstatus.loop;
    disarm(t);
    t->when = when;
    if (isinf(when) && when > 0) return 0;
    int64_t ns = asyncio__clock_from_seconds(when);
    if (ns <= asyncio__loop_now(loop)) {
        pass_deadline(t);
        return 0;
    }
    int rc = asyncio__loop_arm(loop, &t->timer, ns);
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

static void free_timed(struct asyncio__cancelstatus *c) {
    asyncio_loop *loop = c->loop;
    asyncio__free(c);
    asyncio_loop_unref(loop);
}

/* A new one, entered and armed. The block has the reference. NULL: raised. */
static struct timed *enter_timed(size_t size, enum asyncio__cancelstatus_kind kind, double when) {
    struct asyncio_task *task = asyncio__task_current();
    if (isnan(when)) {
        asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid deadline: NaN (not a number)");
        return NULL;
    }
    struct timed *t = asyncio__calloc(1, size);
    if (!t) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__cancelstatus_init(&t->cancelstatus, kind, asyncio_loop_ref(task->future.loop),
                               free_timed);
    asyncio__timer_init(&t->timer, &deadline_ops);
    asyncio__cancelstatus_enter(&t->cancelstatus, task);
    if (schedule(t, when) >= 0) return t;
    asyncio__cancelstatus_leave(&t->cancelstatus);
    asyncio__cancelstatus_unref(&t->cancelstatus);
    return NULL;
}

/* ---- the scope as a block ---- */

static int enter_scope(asyncio_block *s) {
    struct timed *t =
        enter_timed(sizeof(asyncio_cancelscope), ASYNCIO__CANCELSTATUS_SCOPE, options_of(s).when);
    if (!t) return asyncio__slot_status();
    asyncio_cancelscope *scope = scope_of(t);
    scope->fails = options_of(s).fails;
    scope->cancels = asyncio__task_open_requests(t->cancelstatus.task);
    s->object = scope;
    return 0;
}

/* Its own cancellation ends here, unless somebody else wants the task to stop as well. */
static int absorb(asyncio_cancelscope *scope, int status) {
    struct asyncio__strand *strand = asyncio__here.strand;
    struct asyncio__cancelstatus *c = &scope->timed.cancelstatus;
    asyncio_error *error = asyncio__error_match(strand, status);
    if (!c->active || !asyncio__cancelstatus_owns(c, error)) return status;
    if (asyncio__task_open_requests(c->task) > scope->cancels) return status;
    scope->caught = true;
    if (scope->fails && scope->expired) return asyncio__raise_timeout();
    asyncio_ignore(status);
    return 0;
}

static int exit_scope(asyncio_block *s, int status) {
    asyncio_cancelscope *scope = s->object;
    disarm(&scope->timed);
    if (status == ASYNCIO_CANCELLED_ERROR) status = absorb(scope, status);
    asyncio__cancelstatus_leave(&scope->timed.cancelstatus);
    asyncio_cancelscope_unref(scope);
    return status;
}

static void keep_scope(void *scope) { asyncio_cancelscope_ref(scope); }
static void drop_scope(void *scope) { asyncio_cancelscope_unref(scope); }

static const asyncio_block_ops scope_ops = { .size = sizeof(asyncio_block_ops),
                                             .name = "CancelScope",
                                             .enter = enter_scope,
                                             .exit = exit_scope,
                                             .ref = keep_scope,
                                             .unref = drop_scope };

static asyncio_cancelscope_with make_scope(double when, bool fails, int *rc) {
    asyncio_cancelscope_with with;
    init_block(&with.block, &scope_ops, when, fails, rc);
    return with;
}

asyncio_cancelscope_with asyncio_cancelscope_block(int *rc) {
    return make_scope(ASYNCIO_FOREVER, false, rc);
}

asyncio_cancelscope_with asyncio_move_on_at(double when, int *rc) {
    return make_scope(when, false, rc);
}

asyncio_cancelscope_with asyncio_move_on_after(double seconds, int *rc) {
    return make_scope(in_seconds(seconds), false, rc);
}

asyncio_cancelscope_with asyncio_fail_at(double when, int *rc) {
    return make_scope(when, true, rc);
}

asyncio_cancelscope_with asyncio_fail_after(double seconds, int *rc) {
    return make_scope(in_seconds(seconds), true, rc);
}

/* ---- the scope as an object ---- */

asyncio_cancelscope *asyncio_cancelscope_ref(asyncio_cancelscope *scope) {
    if (scope) scope->timed.cancelstatus.refs++;
    return scope;
}

void asyncio_cancelscope_unref(asyncio_cancelscope *scope) {
    if (scope) asyncio__cancelstatus_unref(&scope->timed.cancelstatus);
}

void asyncio_cancelscope_cancel(asyncio_cancelscope *scope, const char *reason) {
    if (!scope || !scope->timed.cancelstatus.task || scope->timed.cancelstatus.active) return;
    struct asyncio__cancelstatus *c = &scope->timed.cancelstatus;
    if (c->loop->closed || asyncio__loop_wrong_thread(c->loop, "asyncio_cancelscope_cancel"))
        return;
    disarm(&scope->timed);
    c->message = asyncio__message_new(reason);
    c->why = c->message ? c->message->text : NULL;
    asyncio__cancelstatus_cancel(c);
}

bool asyncio_cancelscope_cancel_called(const asyncio_cancelscope *scope) {
    return scope && scope->timed.cancelstatus.active;
}

bool asyncio_cancelscope_cancelled_caught(const asyncio_cancelscope *scope) {
    return scope && scope->caught;
}

const char *asyncio_cancelscope_reason(const asyncio_cancelscope *scope) {
    return scope ? scope->timed.cancelstatus.why : NULL;
}

double asyncio_cancelscope_deadline(const asyncio_cancelscope *scope) {
    return scope ? scope->timed.when : (double)NAN;
}

int asyncio_cancelscope_reschedule(asyncio_cancelscope *scope, double when) {
    if (!scope) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a cancel scope is required");
    if (!scope->timed.cancelstatus.task)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the cancel scope has been left");
    if (scope->timed.cancelstatus.active)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the cancel scope is cancelled");
    if (asyncio__loop_check_thread(scope->timed.cancelstatus.loop) < 0)
        return ASYNCIO_RUNTIME_ERROR;
    if (isnan(when))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid deadline: NaN (not a number)");
    return schedule(&scope->timed, when);
}

int asyncio_cancelscope_repr(const asyncio_cancelscope *scope, char *buf, size_t n) {
    char deadline[48] = "";
    if (!scope) return snprintf(buf, n, "None");
    const struct asyncio__cancelstatus *c = &scope->timed.cancelstatus;
    if (!isinf(scope->timed.when))
        snprintf(deadline, sizeof deadline, " deadline=%.3f", scope->timed.when);
    return snprintf(buf, n, "<CancelScope %s%s>",
                    !c->task    ? "left"
                    : c->active ? "cancelled"
                                : "active",
                    deadline);
}

/* ---- shielded blocks ---- */

static int enter_shielded(asyncio_block *s) {
    struct timed *t = enter_timed(sizeof *t, ASYNCIO__CANCELSTATUS_SHIELD, options_of(s).when);
    if (!t) return asyncio__slot_status();
    s->object = t;
    return 0;
}

static int exit_shielded(asyncio_block *s, int status) {
    struct timed *t = s->object;
    disarm(t);
    asyncio__cancelstatus_leave(&t->cancelstatus);
    asyncio__cancelstatus_unref(&t->cancelstatus);
    s->object = NULL;
    return status;
}

static const asyncio_block_ops shielded_ops = { .size = sizeof(asyncio_block_ops),
                                                .name = "shielded",
                                                .enter = enter_shielded,
                                                .exit = exit_shielded };

asyncio_block asyncio_shielded(double seconds, int *rc) {
    asyncio_block s;
    init_block(&s, &shielded_ops, in_seconds(seconds), false, rc);
    return s;
}
