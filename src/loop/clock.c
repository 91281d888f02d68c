/* SPDX-License-Identifier: MIT
 *
 * loop/clock.c: the loop's clock, and the processor's counter, which spares looking at it: it tells
 * how much time has passed since, and whether it is time to poll.
 */
#include "base/clock.h"

#include "loop/loop.h"

#define POLL_INTERVAL_NS 50000
#define CALIBRATION_NS 1000000   /* how long the counter is measured against the clock */
#define COUNTER_LAG (1.0 / 1024) /* more than that measurement can be wrong */

double asyncio_loop_time(asyncio_loop *loop) {
    return loop ? asyncio__clock_to_seconds(asyncio__loop_now(loop)) : (double)NAN;
}

/* The counter's rate, measured against the clock. */
static void calibrate(asyncio_loop *loop, int64_t now, uint64_t counter) {
    double counts = (double)(counter - loop->counter_then), ns = (double)(now - loop->counter_time);
    if (loop->counter_time && counts > 0) {
        loop->poll_interval = (uint64_t)(counts / ns * POLL_INTERVAL_NS);
        loop->ns_per_count = (uint64_t)(ns / counts * 4294967296.0 * (1 - COUNTER_LAG));
    }
    loop->counter_time = now;
    loop->counter_then = counter;
}

/* If something came between the clock and the counter, the two do not tell the same moment. */
int64_t asyncio__loop_read_clock(asyncio_loop *loop) {
    uint64_t before = asyncio__clock_counter();
    int64_t now = asyncio__clock_now();
    uint64_t after = asyncio__clock_counter();
    bool together = after - before <= loop->poll_interval / 50;
    if (together && now - loop->counter_time >= CALIBRATION_NS) calibrate(loop, now, after);
    loop->read_time = now;
    loop->read_counter = after;
    loop->trusted = together && loop->ns_per_count ? 4 * loop->poll_interval : 0;
    return now;
}

/* Adapts how often it is asked to how long the turns take: never more than a quarter of the
 * poll interval apart while turns are even, at most 16 turns. */
bool asyncio__loop_sample(asyncio_loop *loop) {
    if (loop->virtual_clock) {
        bool io = loop->descriptors.waiting > 0; /* look every turn, which is exact */
        loop->next_sample = io ? 0 : UINT64_MAX;
        return io;
    }
    uint64_t counter = asyncio__clock_counter(), since = counter - loop->sampled;
    loop->sampled = counter;
    if (since > loop->poll_interval / 4) loop->sample_interval = 1;
    else if (loop->sample_interval < 16) loop->sample_interval *= 2;
    loop->next_sample = loop->turns + 1 + loop->sample_interval;
    return counter - loop->polled > loop->poll_interval;
}
