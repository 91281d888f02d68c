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

void asyncio__fiber_run(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    asyncio__here.strand = &fiber->strand;
    asyncio__cpu_switch_cxx(&loop->cpu, &fiber->cpu, loop->cxx);
}

void asyncio__fiber_run_inline(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    struct asyncio__return back = { .strand = asyncio__here.strand, .outer = loop->inline_top };
    struct asyncio__entered entered = { asyncio__here.entered, asyncio__strand_current()->context };
    asyncio__here.entered = &entered;
    loop->inline_top = &back;
    loop->slow |= ASYNCIO__SLOW_INLINE;
    asyncio__here.strand = &fiber->strand;
    asyncio__cpu_switch_cxx(&back.cpu, &fiber->cpu, loop->cxx);
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
