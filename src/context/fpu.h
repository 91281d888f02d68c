/* SPDX-License-Identifier: MIT
 *
 * context/fpu.h: the words that say how the processor computes with floating-point numbers. They
 * belong to the thread: switches leave them alone (cpu.h), as a call would. (With ucontext the C
 * library may keep them for each context.)
 */
#ifndef ASYNCIO_CONTEXT_FPU_H
#define ASYNCIO_CONTEXT_FPU_H

#include <fenv.h>
#include <stdint.h>

/* Rounding, precision, which exceptions trap, denormals; not the flags that say what happened. */
static inline uint64_t asyncio__fpu_control(void) {
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (uint64_t)x87 << 32 | (mxcsr & ~0x3fu);
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#else
    return (uint64_t)fegetround();
#endif
}

#endif
