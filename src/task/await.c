/* SPDX-License-Identifier: MIT
 *
 * task/await.c: awaiting: a coroutine object (a call in a frame of its own), a future or a
 * task (parking), and the two ways to suspend that everything else is built on.
 */
#include "task/cancelstatus.h"

/* ---- frames ---- */

int asyncio_leave(int status) {
    struct asyncio__frame *frame = asyncio__strand_current()->top;
    if (frame) frame->leaving = status;
    return status;
}

static int no_task(void) { return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "await outside a task"); }

static int no_type(void) {
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "a coroutine without a type cannot be awaited");
}

/* Hands the value a coroutine ended with to whoever awaited it, or drops it. */
static void deliver_value(const struct asyncio__frame *frame, int status, asyncio_value *out) {
    asyncio_value value = asyncio__frame_value(frame, status);
    if (status >= 0 && out) {
        out->u = value.u;
        out->type = value.type;
    } else if (value.type && value.type->drop) {
        asyncio_value_drop(&value);
    }
}

/* Not inlined: its frame is not for those who only yield. */
static __attribute__((noinline)) int await_coro(struct asyncio__strand *strand,
                                                const asyncio_coro *coro, asyncio_value *out) {
    struct asyncio__frame frame;
    if (ASYNCIO__UNLIKELY(!coro->type->run)) return no_type();
    int status = asyncio__frame_run(strand, &frame, coro->type, coro->args.bytes);
    if (ASYNCIO__UNLIKELY(strand->error != NULL)) asyncio__error_after(strand, NULL, status);
    deliver_value(&frame, status, out);
    return status;
}

/* The same while there is an error in the slot. */
static __attribute__((noinline)) int await_aside(struct asyncio__strand *strand,
                                                 const asyncio_coro *coro, asyncio_value *out) {
    struct asyncio__frame frame;
    asyncio_error *saved = strand->error;
    uint32_t hides = strand->flags & ASYNCIO__STRAND_HIDES;
    if (!coro->type->run) return no_type();
    strand->error = NULL;
    strand->flags |= ASYNCIO__STRAND_HIDES;
    int status = asyncio__frame_run(strand, &frame, coro->type, coro->args.bytes);
    strand->flags = (strand->flags & ~ASYNCIO__STRAND_HIDES) | hides;
    asyncio__error_after(strand, saved, status);
    deliver_value(&frame, status, out);
    return status;
}

/* Its type knows a way without a frame, for when there is nothing to wait for. */
static __attribute__((noinline)) int await_nowait(struct asyncio__strand *strand,
                                                  const asyncio_coro *coro, asyncio_value *out) {
    int status = coro->type->nowait(coro->args.bytes, out);
    return ASYNCIO__LIKELY(status != ASYNCIO_MUST_RUN) ? status : await_coro(strand, coro, out);
}

/* sleep(0) is what a program of many tasks does most: it needs no frame of its own. */
int asyncio_await(const asyncio_coro *coro, asyncio_value *out, const char *where,
                  const char *func) {
    struct asyncio__strand *strand = asyncio__here.strand;
    if (ASYNCIO__UNLIKELY(!strand)) return no_task();
    if (ASYNCIO__UNLIKELY(!coro || !coro->type)) return no_type();
    strand->top->where = where;
    strand->top->func = func;
    if (coro->type == &asyncio_sleep_type && !out &&
        *(const double *)(const void *)coro->args.bytes <= 0) {
        return asyncio__task_yield(asyncio__task_of(strand));
    }
    if (ASYNCIO__UNLIKELY(strand->error != NULL)) return await_aside(strand, coro, out);
    return coro->type->nowait ? await_nowait(strand, coro, out) : await_coro(strand, coro, out);
}

/* ---- suspending ---- */

/* Whether awaiting it raises CancelledError anyhow: one that was set as its exception, too. */
static bool raises_cancelled(const struct asyncio_future *f) {
    return f->state == ASYNCIO__CANCELLED ||
           (f->state == ASYNCIO__FAILED && f->failed.code == ASYNCIO_CANCELLED_ERROR);
}

/* A request is delivered. */
static int request_delivered(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    int rc = asyncio__raise_cancelled(strand, t->future.cancel_msg);
    if (strand->flags & ASYNCIO__TASK_SCOPED)
        asyncio__error_mark(asyncio__error_match(strand, rc), ASYNCIO__ORIGIN_ANOTHER);
    return rc;
}

/* A request takes the place of a result; a scope leaves the result and waits for the next time,
 * unless what was waited for has been cancelled for it. */
int asyncio__task_interrupted(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    uint32_t flags = strand->flags;
    strand->flags = flags & ~(uint32_t)(ASYNCIO__TASK_HIT | ASYNCIO__TASK_REQUESTED);
    if (flags & ASYNCIO__TASK_UNWINDING) return ASYNCIO_GENERATOR_EXIT;
    bool watching = flags & ASYNCIO__TASK_WATCHING;
    if (flags & ASYNCIO__TASK_MUST_CANCEL) {
        strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
        if (f && !watching) {
            if (raises_cancelled(f)) return 0; /* its own CancelledError stands */
            f->flags &= 15 & ~(unsigned)ASYNCIO__FUTURE_LOG;
        }
        return request_delivered(t);
    }
    bool hit = f ? (flags & ASYNCIO__TASK_HIT) &&
                       f->state == (watching ? ASYNCIO__PENDING : ASYNCIO__CANCELLED)
                 : (flags & ASYNCIO__TASK_STICKY);
    return hit ? asyncio__cancelstatus_raise(t) : 0;
}

/* Cancels what the task has just begun to wait for, or takes it out of there. */
void asyncio__task_interrupt(struct asyncio_task *t, struct asyncio_future *f) {
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

int asyncio__task_woken(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    strand->waiter = NULL;
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_INTERRUPTS_WAIT)) {
        int status = asyncio__task_interrupted(t, f);
        if (status < 0) return status;
    }
    return ASYNCIO__LIKELY(f->state == ASYNCIO__FINISHED) ? 0 : asyncio__future_outcome(f, strand);
}

/* A task that is unwound may await as often as it likes, within reason: every await fails. One
 * that never stops is left where it stands. */
#define REFUSALS_MAX 1000

static int refuse(struct asyncio_task *t) {
    asyncio_loop *loop = t->future.loop;
    if (++loop->unwind_refusals > REFUSALS_MAX) asyncio__loop_suspend(loop, &t->fiber);
    return ASYNCIO_GENERATOR_EXIT;
}

int asyncio__task_park(struct asyncio_task *t, struct asyncio_future *f) {
    if (ASYNCIO__UNLIKELY(t->fiber.strand.flags & ASYNCIO__TASK_UNWINDING)) return refuse(t);
    asyncio__task_wait(t, f);
    t->fiber.strand.top->since = t->future.loop->now;
    asyncio__loop_suspend(t->future.loop, &t->fiber);
    int status = asyncio__task_woken(t, f);
    f->refs--; /* whoever called holds another */
    return status;
}

int asyncio__task_watch(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_UNWINDING)) return refuse(t);
    strand->flags |= ASYNCIO__TASK_WATCHING;
    asyncio__task_wait(t, f);
    strand->top->since = t->future.loop->now;
    asyncio__loop_suspend(t->future.loop, &t->fiber);
    strand->waiter = NULL;
    bool interrupted = strand->flags & ASYNCIO__TASK_INTERRUPTS_WAIT;
    int status = interrupted ? asyncio__task_interrupted(t, f) : 0;
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_WATCHING;
    f->refs--; /* whoever called holds another */
    return status;
}

int asyncio__task_yield(struct asyncio_task *t) {
    uint32_t flags = t->fiber.strand.flags;
    if (ASYNCIO__UNLIKELY(flags & ASYNCIO__TASK_UNWINDING)) return refuse(t);
    asyncio_loop *loop = t->future.loop;
    asyncio__loop_queue(loop, &t->fiber.runnable);
    asyncio__loop_suspend(loop, &t->fiber);
    flags = t->fiber.strand.flags;
    if (ASYNCIO__UNLIKELY(flags & ASYNCIO__TASK_INTERRUPTS_YIELD))
        return asyncio__task_interrupted(t, NULL);
    return 0;
}

/* ---- futures ---- */

/* What cannot be awaited fails in the task's next turn, as in asyncio. */
static int await_wrong(struct asyncio_task *t, const char *message) {
    int status = asyncio__task_yield(t);
    return status < 0 ? status : asyncio__raise(ASYNCIO_RUNTIME_ERROR, message);
}

/* The reference it takes is the caller's to drop. */
static int await_pending(struct asyncio_task *t, struct asyncio_future *f) {
    f->refs++;
    if (f == &t->future) return await_wrong(t, "Task cannot await on itself");
    if (f->loop != t->future.loop)
        return await_wrong(t, "a future is attached to a different loop");
    return asyncio__task_park(t, f);
}

int asyncio_await_future(asyncio_future *f, asyncio_value *out, const char *where,
                         const char *func) {
    struct asyncio__strand *strand = asyncio__here.strand;
    if (ASYNCIO__UNLIKELY(!strand)) return no_task();
    if (ASYNCIO__UNLIKELY(!f)) return asyncio__raise(ASYNCIO_TYPE_ERROR, "NULL cannot be awaited");
    strand->top->where = where;
    strand->top->func = func;
    int status;
    if (f->state == ASYNCIO__PENDING) {
        status = await_pending(asyncio__task_of(strand), f);
        if (ASYNCIO__LIKELY(status >= 0) && out) *out = f->value;
        asyncio_future_unref(f);
        return status;
    }
    status = asyncio__future_outcome(f, strand);
    if (status >= 0 && out) *out = f->value;
    return status;
}

int asyncio_await_task(asyncio_task *task, asyncio_value *out, const char *where,
                       const char *func) {
    return asyncio_await_future(task ? &task->future : NULL, out, where, func);
}
