/* SPDX-License-Identifier: MIT
 *
 * context/cpu.h: what a suspended thread of control needs to go on: its stack pointer.
 *
 * A cpu is valid from asyncio__cpu_init, or from a switch away from it, until somebody
 * switches or jumps to it; while it runs its content means nothing. One that only ever
 * serves as `from` (a thread's own stack) starts as zeros. A cpu never moves to another
 * thread.
 *
 * Kept over a switch: the registers that the ABI keeps over a call. Not kept: MXCSR and the
 * x87 control word (FPCR on aarch64), errno, the signal mask, the locale: they belong to the
 * thread. C++ exception state is kept by asyncio__cpu_switch_cxx (context/cxx.h) only.
 *
 * The first frame of a stack ends every backtrace: its return address and frame pointer are
 * zero. Shadow stacks are not switched: compile the library with -fcf-protection=branch.
 *
 * The switch is inlined where it is used: with no call and no return of its own, the
 * processor's return prediction stays right. One file an architecture, chosen below.
 */
#ifndef ASYNCIO_CONTEXT_CPU_H
#define ASYNCIO_CONTEXT_CPU_H

#include "context/annotate.h"
#include "context/stack.h"

struct asyncio__cpu {
    void *sp; /* the saved stack pointer; right there lies what the architecture's file says */
    ASYNCIO__CPU_NOTES /* sanitizer builds: what they know about the stack */
};

#if defined(ASYNCIO_CONTEXT_UCONTEXT)
#include "context/cpu_ucontext.h"
#elif defined(__x86_64__) && defined(__LP64__)
#include "context/cpu_x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__)
#include "context/cpu_aarch64.h"
#else
#include "context/cpu_ucontext.h"
#endif

/* The next switch or jump to *cpu calls entry on the empty stack. entry never returns. Code
 * that runs on this very stack may do this, and then leave it by a jump. */
static inline void asyncio__cpu_init(struct asyncio__cpu *cpu, struct asyncio__stack *stack,
                                     void (*entry)(void)) {
    cpu->sp = asyncio__cpu_prepare(stack, asyncio__annotate_entry(cpu, stack, entry));
}

/* Never called, but compilers must believe it may be: see asyncio__cpu_switch. */
extern void (*volatile asyncio__cpu_elsewhere)(void);

/* Saves the current thread of control into *from and continues *to, which is another one.
 *
 * The call behind the asm goto (which emits nothing) is never made. It tells the compiler
 * two things that the asm of the switch does not: other code runs meanwhile, so that even a
 * static variable whose address nobody takes may have changed (gcc's analysis across
 * functions believes that an asm cannot reach one; with link-time optimization this would
 * be every static variable of the program); and the function around it is no leaf, see
 * cpu_x86_64.h. The empty asm behind it keeps it from becoming a tail call. */
static inline __attribute__((always_inline)) void asyncio__cpu_switch(struct asyncio__cpu *from,
                                                                      struct asyncio__cpu *to) {
    asyncio__annotate_leave(from, to);
    asyncio__cpu_swap(&from->sp, &to->sp);
    asyncio__annotate_arrive(from);
    __asm__ goto("" : : : : elsewhere);
    return;
elsewhere:
    asyncio__cpu_elsewhere();
    __asm__ volatile("");
}

/* Continues *to and forgets the current stack, which may be used anew from then on. */
static inline __attribute__((always_inline, noreturn)) void asyncio__cpu_jump(
    struct asyncio__cpu *to) {
    asyncio__annotate_abandon(to);
    asyncio__cpu_load(&to->sp);
}

#endif
