/* SPDX-License-Identifier: MIT
 *
 * loop/testing.c: what asyncio/testing.h shows of a loop: turns, live objects, and moving a
 * virtual clock.
 */
#include <asyncio/testing.h>

#include "base/clock.h"
#include "base/error.h"
#include "loop/loop.h"

int asyncio_testing_advance(asyncio_loop *loop, double seconds) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (!loop->virtual_clock)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop's clock is not virtual");
    if (!(seconds > 0)) return asyncio__raise(ASYNCIO_VALUE_ERROR, "time only moves forward");
    int64_t ns = asyncio__clock_from_seconds(seconds);
    loop->now = loop->now < ASYNCIO__NEVER - ns ? loop->now + ns : ASYNCIO__NEVER - 1;
    loop->slow |= ASYNCIO__SLOW_TIMER;
    return 0;
}

unsigned long long asyncio_testing_turns(const asyncio_loop *loop) {
    return loop ? loop->turns : 0;
}

size_t asyncio_testing_live_objects(const asyncio_loop *loop) { return loop ? loop->live : 0; }
