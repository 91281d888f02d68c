/* SPDX-License-Identifier: MIT
 *
 * context/cpu_ucontext.h: the switch by means of the C library, for architectures without
 * one of their own (or all, with ASYNCIO_CONTEXT_UCONTEXT). Hundreds of times slower: it
 * keeps the signal mask, by a system call. A cpu's sp is the address of a ucontext_t, which
 * lies in the frame of the function that switched, or on top of a stack nobody has run on.
 */
#ifndef ASYNCIO_CONTEXT_CPU_UCONTEXT_H
#define ASYNCIO_CONTEXT_CPU_UCONTEXT_H

void asyncio__cpu_swap(void **from, void **to);
void asyncio__cpu_load(void **to) __attribute__((noreturn));
void *asyncio__cpu_prepare(struct asyncio__stack *stack, void (*entry)(void));

#endif
