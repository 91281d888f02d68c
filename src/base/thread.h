/* SPDX-License-Identifier: MIT
 *
 * base/thread.h: threads of the library's own.
 */
#ifndef ASYNCIO_BASE_THREAD_H
#define ASYNCIO_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Starts a thread in which signals are blocked: they belong to the program's own threads. Those of
 * faults are not. attributes NULL: the system's. 0 or -errno (-EAGAIN). */
int asyncio__thread_start(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*main)(void *arg), void *arg);

/* The mask for what is started from this thread: what is blocked in our own only is not in it. */
void asyncio__thread_mask(sigset_t *mask);

#endif
