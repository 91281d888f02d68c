/* SPDX-License-Identifier: MIT
 *
 * context/cpu_aarch64.h: the switch for aarch64.
 *
 * A suspended stack has at its saved stack pointer, upwards: the address to go on at, one
 * unused word, x29, x19, and then the frame of the function that contains the switch. (A
 * debugger unwinds from: pc = sp[0], x29 = sp[2], x19 = sp[3], sp + 32.) All other registers
 * are clobbers, so the compiler saves the few that are in use. x29 and x19 cannot be
 * clobbers: compilers use them as frame and base pointer. There is no red zone here.
 *
 * The jump leaves the stack pointer alone. So what a new stack starts from lies above its
 * first frame, and a stack may be prepared for its next user by code that still runs on it.
 *
 * The jump goes through x16, which may land on a function (bti c) as well as on the resume
 * point (bti j). x30 is zero on entry to a new stack: nobody to return to.
 */
#ifndef ASYNCIO_CONTEXT_CPU_AARCH64_H
#define ASYNCIO_CONTEXT_CPU_AARCH64_H

/* bti j, by a number that older assemblers know too; does nothing where BTI is off. */
#define ASYNCIO__CPU_LANDING "hint #36\n\t"

#ifdef __ARM_FEATURE_SVE
#define ASYNCIO__CPU_CLOBBERS_SVE                                                                  \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13",      \
        "p14", "p15"
#else
#define ASYNCIO__CPU_CLOBBERS_SVE
#endif

static inline __attribute__((always_inline)) void asyncio__cpu_swap(void **from, void **to) {
    register void **from_ __asm__("x0") = from;
    register void **to_ __asm__("x1") = to;
    __asm__ volatile("adr x16, 1f\n\t"
                     "stp x16, x16, [sp, #-32]!\n\t"
                     "stp x29, x19, [sp, #16]\n\t"
                     "mov x17, sp\n\t"
                     "str x17, [%0]\n\t"
                     "ldr x17, [%1]\n\t"
                     "ldr x16, [x17]\n\t"
                     "mov sp, x17\n\t"
                     "mov x29, xzr\n\t"
                     "mov x30, xzr\n\t"
                     "br x16\n"
                     "1:\n\t" ASYNCIO__CPU_LANDING "ldp x29, x19, [sp, #16]\n\t"
                     "add sp, sp, #32"
                     : "+r"(from_), "+r"(to_)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "memory", "cc" ASYNCIO__CPU_CLOBBERS_SVE);
}

static inline __attribute__((always_inline, noreturn)) void asyncio__cpu_load(void **to) {
    __asm__ volatile("ldr x17, [%0]\n\t"
                     "ldr x16, [x17]\n\t"
                     "mov sp, x17\n\t"
                     "mov x29, xzr\n\t"
                     "mov x30, xzr\n\t"
                     "br x16"
                     :
                     : "r"(to)
                     : "x16", "x17", "memory");
    __builtin_unreachable();
}

/* What a switch expects to find on a stack that nobody has run on: the address of entry. */
static inline void *asyncio__cpu_prepare(struct asyncio__stack *stack, void (*entry)(void)) {
    void **top = (void **)(void *)stack;
    top[-2] = (void *)(uintptr_t)entry;
    return top - 2;
}

#endif
