/* SPDX-License-Identifier: MIT
 *
 * loop/switch.h: fibers, and how one goes on where another suspends or ends: all that a layer
 * above needs to run something on a stack of its own.
 *
 * A fiber that suspends takes the next runnable of the batch itself and, if that is a fiber,
 * switches straight to it; the last one of a batch turns `ready` into the next batch, as the
 * loop would. Whenever `slow` is not zero, or a callback comes next, it goes to the loop's stack
 * instead: callbacks and the exception handler run only there.
 */
#ifndef ASYNCIO_LOOP_SWITCH_H
#define ASYNCIO_LOOP_SWITCH_H

#include "context/cxx.h"
#include "loop/loop.h"

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

/* In strand.flags. The class of stack lies in the upper byte. */
#define ASYNCIO__FIBER_CLASS_SHIFT 24
#define ASYNCIO__FIBER_ELSEWHERE 2048u /* it is on the loop's stack, and cannot suspend */

/* The ops of a fiber's runnable: before its first step, and after. */
extern const struct asyncio__runnable_ops asyncio__fiber_start_ops;
extern const struct asyncio__runnable_ops asyncio__fiber_resume_ops;

/* Where an eager start goes back to when the fiber first suspends or ends. */
struct asyncio__return {
    struct asyncio__cpu cpu;
    struct asyncio__strand *strand;
    struct asyncio__return *outer;
};

/* Gives a fiber a stack and makes its cpu enter fiber_main; false without memory. */
bool asyncio__fiber_bind(asyncio_loop *loop, struct asyncio__fiber *fiber);

/* Runs a fiber from the loop's stack, or (inline) from wherever an eager start is made, until
 * it suspends or ends. */
void asyncio__fiber_run(asyncio_loop *loop, struct asyncio__fiber *fiber);
void asyncio__fiber_run_inline(asyncio_loop *loop, struct asyncio__fiber *fiber);

/* A function that a fiber wants to be called on the loop's stack. */
struct asyncio__loop_call {
    int (*fn)(void *arg);
    void *arg;
    int status;              /* what fn returned */
    struct asyncio__cpu *to; /* where to go on then */
};

/* Calls fn(arg) on the loop's stack; `fiber` is the one that runs. */
int asyncio__fiber_call(asyncio_loop *loop, struct asyncio__fiber *fiber, int (*fn)(void *arg),
                        void *arg);

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

/* Suspends on the loop's stack for tests, which count both ends, and in debug mode, which finds a
 * frame that has stepped over the guard of its stack. */
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

#endif
