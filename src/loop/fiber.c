/* SPDX-License-Identifier: MIT
 *
 * loop/fiber.c: starting, running and ending fibers.
 *
 * A fiber has a stack from its first step until it ends, so a thousand tasks that run one
 * after the other share one: the stack of a fiber that ends goes back to the pool while that
 * still runs on it, and the next fiber may be entered on it by the jump that leaves the first.
 */
#include "loop/switch.h"

#include <errno.h>

bool asyncio__fiber_bind(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    unsigned cls = fiber->strand.flags >> ASYNCIO__FIBER_CLASS_SHIFT;
    struct asyncio__stack *stack = asyncio__stack_get(&loop->stacks, cls);
    if (!stack) return false;
    fiber->stack = stack;
    asyncio__cpu_init(&fiber->cpu, stack, loop->hooks->fiber_main);
    return true;
}

/* ---- a call on the loop's stack ---- */

/* The loop, or an eager start, has control again because a fiber wants a call. */
static struct asyncio__loop_call *take_call(asyncio_loop *loop) {
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_CALL;
    return loop->call;
}

/* Asks the innermost eager start that is under way, or the loop. An eager start that was made by a
 * fiber has no better stack, and asks on. */
static int call_below(asyncio_loop *loop, struct asyncio__fiber *fiber,
                      struct asyncio__return *below, int (*fn)(void *arg), void *arg) {
    struct asyncio__loop_call call = { .fn = fn, .arg = arg, .to = &fiber->cpu };
    loop->call = &call;
    loop->slow |= ASYNCIO__SLOW_CALL;
    asyncio__cpu_switch_cxx(&fiber->cpu, below ? &below->cpu : &loop->cpu, loop->cxx);
    return call.status;
}

int asyncio__fiber_call(asyncio_loop *loop, struct asyncio__fiber *fiber, int (*fn)(void *arg),
                        void *arg) {
    fiber->strand.flags |= ASYNCIO__FIBER_ELSEWHERE;
    int status = call_below(loop, fiber, loop->inline_top, fn, arg);
    fiber->strand.flags &= ~ASYNCIO__FIBER_ELSEWHERE;
    return status;
}

static __attribute__((cold, noinline)) void serve_call(asyncio_loop *loop) {
    struct asyncio__loop_call *call = take_call(loop);
    call->status = call->fn(call->arg);
    asyncio__cpu_switch_cxx(&loop->cpu, call->to, loop->cxx);
}

static void serve_call_inline(asyncio_loop *loop, struct asyncio__return *back) {
    struct asyncio__loop_call *call = take_call(loop);
    struct asyncio__fiber *creator = back->strand ? asyncio__fiber_of(back->strand) : NULL;
    if (creator && creator->stack && !(creator->strand.flags & ASYNCIO__FIBER_ELSEWHERE))
        call->status = call_below(loop, creator, back->outer, call->fn, call->arg);
    else call->status = call->fn(call->arg);
    asyncio__cpu_switch_cxx(&back->cpu, call->to, loop->cxx);
}

/* ---- running ---- */

void asyncio__fiber_run(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    asyncio__here.strand = &fiber->strand;
    asyncio__cpu_switch_cxx(&loop->cpu, &fiber->cpu, loop->cxx);
    while (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_CALL)) serve_call(loop);
}

void asyncio__fiber_run_inline(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    struct asyncio__return back = { .strand = asyncio__here.strand, .outer = loop->inline_top };
    struct asyncio__entered entered = { asyncio__here.entered, asyncio__strand_current()->context };
    asyncio__here.entered = &entered;
    loop->inline_top = &back;
    loop->slow |= ASYNCIO__SLOW_INLINE;
    asyncio__here.strand = &fiber->strand;
    asyncio__cpu_switch_cxx(&back.cpu, &fiber->cpu, loop->cxx);
    while (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_CALL)) serve_call_inline(loop, &back);
    asyncio__here.entered = entered.outer;
}

struct asyncio__cpu *asyncio__return_take(asyncio_loop *loop) {
    struct asyncio__return *back = loop->inline_top;
    loop->inline_top = back->outer;
    if (!back->outer) loop->slow &= ~(uint32_t)ASYNCIO__SLOW_INLINE;
    asyncio__here.strand = back->strand;
    return &back->cpu;
}

static struct asyncio__fiber *fiber_of_runnable(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__fiber, runnable);
}

static void resume_fiber(struct asyncio__runnable *runnable) {
    asyncio_loop *loop = asyncio__here.running;
    asyncio__fiber_run(loop, fiber_of_runnable(runnable));
}

static void start_fiber(struct asyncio__runnable *runnable) {
    asyncio_loop *loop = asyncio__here.running;
    struct asyncio__fiber *fiber = fiber_of_runnable(runnable);
    if (!fiber->stack && !asyncio__fiber_bind(loop, fiber)) {
        loop->hooks->fiber_failed(fiber, -ENOMEM);
        return;
    }
    asyncio__fiber_run(loop, fiber);
}

/* A fiber that never runs again belongs to a task that is destroyed with the loop. */
static void discard_fiber(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_fiber(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio__here.running->hooks->fiber_describe(fiber_of_runnable(runnable), buf, n);
}

const struct asyncio__runnable_ops asyncio__fiber_start_ops = {
    .run = start_fiber,
    .discard = discard_fiber,
    .describe = describe_fiber,
};
const struct asyncio__runnable_ops asyncio__fiber_resume_ops = {
    .run = resume_fiber,
    .discard = discard_fiber,
    .describe = describe_fiber,
};
