/* SPDX-License-Identifier: MIT
 *
 * context/cpu_ucontext.c: what cpu_ucontext.h declares; empty where it is not chosen.
 */
#include "context/cpu.h"

#ifdef ASYNCIO_CONTEXT_CPU_UCONTEXT_H

#include <stdlib.h>
#include <ucontext.h>

void asyncio__cpu_swap(void **from, void **to) {
    ucontext_t here;
    *from = &here;
    if (swapcontext(&here, *to) != 0) abort();
}

void asyncio__cpu_load(void **to) {
    setcontext(*to);
    abort();
}

void *asyncio__cpu_prepare(struct asyncio__stack *stack, void (*entry)(void)) {
    size_t room = (sizeof(ucontext_t) + 63) / 64 * 64;
    ucontext_t *context = (ucontext_t *)(void *)((char *)stack - room);
    getcontext(context);
    context->uc_stack.ss_sp = stack->low;
    context->uc_stack.ss_size = asyncio__stack_usable(stack) - room;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return context;
}

#endif
