/* SPDX-License-Identifier: MIT
 *
 * task/await.c: awaiting: a coroutine object (a call in a frame of its own), a future or a
 * task (parking, in suspend.c).
 */
#include "task/task.h"

/* ---- coroutines ---- */

int asyncio_leave(int status) {
    struct asyncio__frame *frame = asyncio__strand_current()->top;
    if (frame) frame->leaving = status;
    return status;
}

static int no_task(const asyncio_coro *refused) {
    asyncio__coro_refuse(refused);
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "await outside a task");
}

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
    if (ASYNCIO__UNLIKELY(!strand)) return no_task(coro);
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
    if (ASYNCIO__UNLIKELY(!strand)) return no_task(NULL);
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
