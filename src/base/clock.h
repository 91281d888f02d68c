/* SPDX-License-Identifier: MIT
 *
 * base/clock.h: the monotonic clock in nanoseconds, a cheap counter for "did some time
 * pass", and the conversion between the seconds of the API and nanoseconds.
 */
#ifndef ASYNCIO_BASE_CLOCK_H
#define ASYNCIO_BASE_CLOCK_H

#include <math.h>
#include <stdint.h>
#include <time.h>

#define ASYNCIO__NEVER INT64_MAX

static inline int64_t asyncio__clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Counts at a constant rate that only asyncio__clock_now can tell. */
static inline uint64_t asyncio__clock_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t c;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(c));
    return c;
#else
    return (uint64_t)asyncio__clock_now();
#endif
}

/* Seconds, not NaN, as nanoseconds; what does not fit is the nearest end of the range. */
static inline int64_t asyncio__clock_from_seconds(double seconds) {
    double ns = seconds * 1e9;
    if (ns >= 9.2e18) return ASYNCIO__NEVER;
    if (ns <= -9.2e18) return INT64_MIN;
    return (int64_t)llrint(ns);
}

/* The moment that many seconds (not NaN) after `now`; NEVER where that is out of range. */
static inline int64_t asyncio__clock_add(int64_t now, double seconds) {
    int64_t ns = asyncio__clock_from_seconds(seconds), when;
    if (ns == ASYNCIO__NEVER) return ASYNCIO__NEVER;
    if (!__builtin_add_overflow(now, ns, &when)) return when;
    return ns > 0 ? ASYNCIO__NEVER : INT64_MIN;
}

static inline double asyncio__clock_to_seconds(int64_t ns) { return (double)ns / 1e9; }

#endif
