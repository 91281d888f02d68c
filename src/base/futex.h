/* SPDX-License-Identifier: MIT
 *
 * base/futex.h: waiting for a word of memory to change, with one system call to wait and one to
 * wake. (A condition variable takes another for its mutex each time.) Words are atomic and four
 * bytes; who waits looks at the word again after each wait, since one may end for no reason. The
 * address of a word that is gone may be woken: nothing is read there.
 */
#ifndef ASYNCIO_BASE_FUTEX_H
#define ASYNCIO_BASE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interleave.h"

/* Waits while the word is `value`, until the monotonic clock reads `deadline` (ASYNCIO__NEVER: as
 * long as it takes). False if the deadline has passed. */
static inline bool asyncio__futex_wait(const volatile void *word, uint32_t value,
                                       int64_t deadline) {
#ifdef ASYNCIO_FAULT_INJECTION
    if (asyncio__interleaving) return asyncio__interleaving->wait(word, value, deadline);
#endif
    int64_t at = deadline > 0 ? deadline : 0;
    struct timespec until = { at / 1000000000, at % 1000000000 };
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
                      deadline == ASYNCIO__NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    return rc == 0 || errno != ETIMEDOUT;
}

/* Wakes up to n that wait. In any thread, and in signal handlers. */
static inline void asyncio__futex_wake(const volatile void *word, int n) {
#ifdef ASYNCIO_FAULT_INJECTION
    if (asyncio__interleaving) {
        asyncio__interleaving->wake(word, n);
        return;
    }
#endif
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
    errno = saved;
}

#endif
