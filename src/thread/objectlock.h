/* SPDX-License-Identifier: MIT
 *
 * thread/objectlock.h: the locks of objects that threads share. There are a few for all objects,
 * chosen by address, so that a fork can take every one: what they protect is whole in the child.
 * Whoever has one takes no other, and calls nothing that does.
 */
#ifndef ASYNCIO_THREAD_OBJECTLOCK_H
#define ASYNCIO_THREAD_OBJECTLOCK_H

#include <pthread.h>
#include <stdint.h>

#include "base/interleave.h"

#define ASYNCIO__OBJECTLOCK_BITS 5 /* thread sanitizer knows up to 64 locks that are held at once */

struct asyncio__objectlock {
    pthread_mutex_t mutex __attribute__((aligned(64)));
};

extern struct asyncio__objectlock asyncio__objectlocks[1 << ASYNCIO__OBJECTLOCK_BITS];

/* Has the locks take part in forks: for whoever makes an object. */
void asyncio__objectlock_init(void);

static inline pthread_mutex_t *asyncio__objectlock_of(const void *object) {
    uint64_t mixed = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
    return &asyncio__objectlocks[mixed >> (64 - ASYNCIO__OBJECTLOCK_BITS)].mutex;
}

static inline void asyncio__object_lock(const void *object) {
    asyncio__lock(asyncio__objectlock_of(object));
}

static inline void asyncio__object_unlock(const void *object) {
    asyncio__unlock(asyncio__objectlock_of(object));
}

#endif
