/* SPDX-License-Identifier: MIT
 *
 * context/overflow.h: a stack overflow is reported before it kills the process.
 *
 * One handler of SIGSEGV and SIGBUS for the process. If the faulting address lies in the
 * guard of the stack that the faulting thread runs on, it writes one line to descriptor 2;
 * then, as for every other fault, the handler that was there before goes on: by default the
 * process dies of the signal, and a core file shows the overflow. A full stack cannot hold
 * the handler's frame, so each thread that runs a loop has an alternate signal stack.
 *
 * Nothing is installed if ASYNCIO_NO_SEGV_HANDLER is in the environment. A handler that the
 * program installs later replaces this one.
 */
#ifndef ASYNCIO_CONTEXT_OVERFLOW_H
#define ASYNCIO_CONTEXT_OVERFLOW_H

#include <stddef.h>

struct asyncio__stack;

/* Set by the layers above before asyncio__overflow_install; both are called in the signal
 * handler. `current`: the stack that this thread runs on, a task's or a generator's; NULL outside
 * tasks. `describe`: writes "task 'NAME' (coroutine F)", not terminated, and returns its length;
 * it may set *remedy to what gives such a stack more room. */
extern struct asyncio__stack *(*asyncio__overflow_current)(void);
extern int (*asyncio__overflow_describe)(char *buf, size_t n, const char **remedy);

/* Reports and aborts if the caller runs below the current stack: a frame larger than the guard
 * steps over it, and what lies behind may be another task's. */
void asyncio__overflow_check(void);

/* Installs the handler, the first time it is called. Returns 0 or -errno. */
int asyncio__overflow_install(void);

/* A thread begins, ends to run a loop: gives it an alternate signal stack if it has none.
 * Pairs nest. Returns 0 or -errno. */
int asyncio__overflow_thread_start(void);
void asyncio__overflow_thread_stop(void);

#endif
