/* SPDX-License-Identifier: MIT
 *
 * asyncio/mutex.h: pthread mutexes in programs with tasks. A task that waits with a mutex locked
 * blocks the thread of everybody who wants it, the loop's own included, and often for ever: the
 * task that would unlock it has to wait for the thread that waits for it. These functions take the
 * place of pthread's and find such a task.
 *
 * Part: core.
 */
#ifndef ASYNCIO_MUTEX_H
#define ASYNCIO_MUTEX_H

#include <asyncio/base.h>
#include <pthread.h>

ASYNCIO_BEGIN_DECLS

/* pthread_mutex_lock, _trylock and _unlock. In the tasks of a loop in debug mode a task that
 * suspends or ends with a mutex locked is reported to the loop's exception handler, once for each
 * lock, with its name, where it locked the mutex and where it waits. Without debug mode, and in
 * other threads, nothing is noted. At most 16 mutexes are noted in a thread at a time.
 * where: "file:line", must outlive the lock; in C and C++ the macros without _at fill it in.
 * Returns 0; ASYNCIO_TYPE_ERROR for NULL; otherwise pthread's errors, negative (-EBUSY, -EDEADLK).
 * Suspends: no (lock blocks). Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_debug_mutex_lock_at(pthread_mutex_t *mutex, const char *where);
ASYNCIO_API int asyncio_debug_mutex_trylock_at(pthread_mutex_t *mutex, const char *where)
    ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_debug_mutex_unlock(pthread_mutex_t *mutex);

#define asyncio_debug_mutex_lock(mutex) asyncio_debug_mutex_lock_at((mutex), ASYNCIO_WHERE)
#define asyncio_debug_mutex_trylock(mutex) asyncio_debug_mutex_trylock_at((mutex), ASYNCIO_WHERE)

ASYNCIO_END_DECLS

#endif
