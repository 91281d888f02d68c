/* SPDX-License-Identifier: MIT
 *
 * base/interleave.h: the places at which it matters which thread goes on. In a build with fault
 * injection a test may take them over: it then lets one thread at a time go on, in an order of its
 * choice, and sees who waits for whom (tests/support/interleave.h). In all other builds they are
 * nothing, or plain locks.
 */
#ifndef ASYNCIO_BASE_INTERLEAVE_H
#define ASYNCIO_BASE_INTERLEAVE_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef ASYNCIO_FAULT_INJECTION

struct asyncio__interleaving {
    void (*point)(void); /* another thread may go on here */
    void (*stuck)(void); /* another thread has to go on first */
    /* As base/futex.h. */
    bool (*wait)(const volatile void *word, uint32_t value, int64_t deadline);
    void (*wake)(const volatile void *word, int n);
};

/* NULL: the system decides. Set while there is one thread. */
extern const struct asyncio__interleaving *asyncio__interleaving;

static inline void asyncio__point(void) {
    if (asyncio__interleaving) asyncio__interleaving->point();
}

static inline void asyncio__lock(pthread_mutex_t *mutex) {
    asyncio__point();
    if (!asyncio__interleaving) pthread_mutex_lock(mutex);
    else
        while (pthread_mutex_trylock(mutex) != 0) asyncio__interleaving->stuck();
}

static inline void asyncio__unlock(pthread_mutex_t *mutex) {
    pthread_mutex_unlock(mutex);
    asyncio__point();
}

/* In a loop that waits for another thread. */
static inline void asyncio__yield(void) {
    if (asyncio__interleaving) asyncio__interleaving->stuck();
    else sched_yield();
}

#else

static inline void asyncio__point(void) {}
static inline void asyncio__lock(pthread_mutex_t *mutex) { pthread_mutex_lock(mutex); }
static inline void asyncio__unlock(pthread_mutex_t *mutex) { pthread_mutex_unlock(mutex); }
static inline void asyncio__yield(void) { sched_yield(); }

#endif

#endif
