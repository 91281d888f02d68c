/* SPDX-License-Identifier: MIT
 *
 * task/suspend.c: the ways to suspend that everything else is built on, and why a task goes on:
 * what it waited for is done, it is cancelled, a scope that it sees is, or its loop closes.
 *
 * park: until a future is done; a request to cancel the task cancels the future. watch: the same,
 * but the future is left alone. yield: until everything else that is ready has had a turn.
 */
#include "task/cancelstatus.h"

/* ---- how a wait ends ---- */

/* Whether awaiting it raises CancelledError anyhow: one that was set as its exception, too. */
static bool raises_cancelled(const struct asyncio_future *f) {
    return f->state == ASYNCIO__CANCELLED ||
           (f->state == ASYNCIO__FAILED && f->failed.code == ASYNCIO_CANCELLED_ERROR);
}

/* A request is delivered: raised by future/future.c, and returned by the await. */
static int request_delivered(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    int rc = asyncio__raise_cancelled(strand, t->future.cancel_msg);
    if (strand->flags & ASYNCIO__TASK_SCOPED)
        asyncio__error_mark(asyncio__error_match(strand, rc), ASYNCIO__ORIGIN_ANOTHER);
    return rc;
}

/* A request takes the place of a result; a scope leaves the result and waits for the next time,
 * unless what was waited for has been cancelled for it. */
int asyncio__task_wait_error(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    uint32_t flags = strand->flags;
    strand->flags = flags & ~(uint32_t)(ASYNCIO__TASK_HIT | ASYNCIO__TASK_REQUESTED);
    if (flags & ASYNCIO__TASK_UNWINDING) return ASYNCIO_GENERATOR_EXIT;
    bool watching = flags & ASYNCIO__TASK_WATCHING;
    if (flags & ASYNCIO__TASK_MUST_CANCEL) {
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
        if (f && !watching) {
            if (raises_cancelled(f)) return 0; /* its own CancelledError stands */
            asyncio__future_set_retrieved(f);
        }
        return request_delivered(t);
    }
    bool hit = f ? (flags & ASYNCIO__TASK_HIT) &&
                       f->state == (watching ? ASYNCIO__PENDING : ASYNCIO__CANCELLED)
                 : (flags & ASYNCIO__TASK_STICKY);
    return hit ? asyncio__cancelstatus_raise(t) : 0;
}

/* Cancels what the task has just begun to wait for, or takes it out of there. */
void asyncio__task_cancel_wait(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    if (!(strand->flags & ASYNCIO__TASK_MUST_CANCEL)) {
        asyncio__cancelstatus_hit(t, f);
    } else if (strand->flags & ASYNCIO__TASK_WATCHING) {
        asyncio__link_unlink(&t->fiber.runnable.link);
        asyncio__loop_queue(t->future.loop, &t->fiber.runnable);
    } else if (asyncio__future_cancel(f, t->future.cancel_msg)) {
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
        if (strand->flags & ASYNCIO__TASK_SCOPED) strand->flags |= ASYNCIO__TASK_REQUESTED;
    }
}

/* If f was cancelled, a request among the reasons, asyncio__future_outcome (future/future.c) raises
 * the CancelledError that the await returns. */
int asyncio__task_woken(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    strand->waiter = NULL;
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_INTERRUPTS_WAIT)) {
        int status = asyncio__task_wait_error(t, f);
        if (status < 0) return status;
    }
    return ASYNCIO__LIKELY(f->state == ASYNCIO__FINISHED) ? 0 : asyncio__future_outcome(f, strand);
}

/* ---- suspending ---- */

/* A task that is unwound may await as often as it likes, within reason: every await fails. One
 * that never stops is left where it stands. A callback in the midst of another library's call may
 * not leave the stack at all. */
#define REFUSALS_MAX 1000

static int refuse(struct asyncio_task *t) {
    asyncio_loop *loop = t->future.loop;
    if (t->fiber.strand.flags & ASYNCIO__TASK_ELSEWHERE) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "what asyncio_call_on_loop_stack calls cannot await");
    }
    if (t->fiber.strand.flags & ASYNCIO__TASK_CALLED) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "await in a callback that must not wait");
    }
    unsigned *refusals = &asyncio__task_loop(loop)->unwind_refusals;
    if (*refusals == ASYNCIO__REFUSED_FOR_EVER) return ASYNCIO_GENERATOR_EXIT;
    if (++*refusals > REFUSALS_MAX) asyncio__loop_suspend(loop, &t->fiber);
    return ASYNCIO_GENERATOR_EXIT;
}

int asyncio__task_park(struct asyncio_task *t, struct asyncio_future *f) {
    if (ASYNCIO__UNLIKELY(t->fiber.strand.flags & ASYNCIO__TASK_REFUSES)) return refuse(t);
    asyncio__task_wait(t, f);
    t->fiber.strand.top->since = t->future.loop->now;
    asyncio__loop_suspend(t->future.loop, &t->fiber);
    int status = asyncio__task_woken(t, f);
    f->refs--; /* whoever called holds another */
    return status;
}

int asyncio__task_watch(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_REFUSES)) return refuse(t);
    strand->flags |= ASYNCIO__TASK_WATCHING;
    asyncio__task_wait(t, f);
    strand->top->since = t->future.loop->now;
    asyncio__loop_suspend(t->future.loop, &t->fiber);
    strand->waiter = NULL;
    bool interrupted = strand->flags & ASYNCIO__TASK_INTERRUPTS_WAIT;
    int status = interrupted ? asyncio__task_wait_error(t, f) : 0;
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_WATCHING;
    f->refs--; /* whoever called holds another */
    return status;
}

int asyncio__task_yield(struct asyncio_task *t) {
    uint32_t flags = t->fiber.strand.flags;
    if (ASYNCIO__UNLIKELY(flags & ASYNCIO__TASK_REFUSES)) return refuse(t);
    asyncio_loop *loop = t->future.loop;
    asyncio__loop_queue(loop, &t->fiber.runnable);
    asyncio__loop_suspend(loop, &t->fiber);
    flags = t->fiber.strand.flags;
    if (ASYNCIO__UNLIKELY(flags & ASYNCIO__TASK_INTERRUPTS_YIELD))
        return asyncio__task_wait_error(t, NULL);
    return 0;
}

int asyncio_call_on_loop_stack(int (*fn)(void *arg), void *arg) {
    if (!fn) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a function is required");
    struct asyncio_task *t = asyncio__task_current();
    if (!t || !t->fiber.stack || t->fiber.strand.flags & ASYNCIO__TASK_ELSEWHERE) return fn(arg);
    return asyncio__fiber_call(t->future.loop, &t->fiber, fn, arg);
}
