/* SPDX-License-Identifier: MIT
 *
 * context/cpu_x86_64.h: the switch for x86-64.
 *
 * A suspended stack has at its saved stack pointer, upwards: rbx, the address to go on at,
 * rbp, and then the frame of the function that contains the switch, as it was. (A debugger
 * unwinds from: rbx = sp[0], rip = sp[1], rbp = sp[2], rsp = sp + 24.) All other registers
 * are clobbers, so the compiler saves the few that are in use. rbp and rbx cannot be
 * clobbers: compilers use them as frame and base pointer.
 *
 * The jump leaves the stack pointer alone. So what a new stack starts from lies above its
 * first frame, and a stack may be prepared for its next user by code that still runs on it.
 *
 * The red zone. The asm pushes, so the function around it must not keep data below rsp.
 * gcc (ix86_compute_frame_layout: crtl->is_leaf) and clang (X86FrameLowering: adjustsStack)
 * use the red zone only in functions that contain no call; asyncio__cpu_switch contains one
 * that is never made. Stepping over the 128 bytes would cost two instructions and one more
 * cache line of each parked stack.
 */
#ifndef ASYNCIO_CONTEXT_CPU_X86_64_H
#define ASYNCIO_CONTEXT_CPU_X86_64_H

/* Where an indirect jump may land under -fcf-protection; four bytes that do nothing else. */
#define ASYNCIO__CPU_LANDING "endbr64\n\t"

#ifdef __AVX512F__
#define ASYNCIO__CPU_CLOBBERS_512                                                                  \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",  \
        "k7"
#else
#define ASYNCIO__CPU_CLOBBERS_512
#endif

/* A new stack is entered with rbp zero; one that is resumed pops its own. */
static inline __attribute__((always_inline)) void asyncio__cpu_swap(void **from, void **to) {
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rbp\n\t"
                     "pushq %%rax\n\t"
                     "pushq %%rbx\n\t"
                     "movq %%rsp, (%0)\n\t"
                     "movq (%1), %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "jmp *8(%%rsp)\n"
                     "1:\n\t" ASYNCIO__CPU_LANDING "popq %%rbx\n\t"
                     "popq %%rax\n\t"
                     "popq %%rbp"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)",
                       "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory",
                       "cc" ASYNCIO__CPU_CLOBBERS_512);
}

static inline __attribute__((always_inline, noreturn)) void asyncio__cpu_load(void **to) {
    __asm__ volatile("movq (%0), %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "jmp *8(%%rsp)"
                     :
                     : "r"(to)
                     : "memory");
    __builtin_unreachable();
}

/* What a switch expects to find on a stack that nobody has run on: where a call would have
 * left the return address, the end of the backtrace; above it the address of entry. */
static inline void *asyncio__cpu_prepare(struct asyncio__stack *stack, void (*entry)(void)) {
    void **top = (void **)(void *)stack;
    top[-2] = (void *)(uintptr_t)entry;
    top[-3] = NULL;
    return top - 3;
}

#endif
