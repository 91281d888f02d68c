/* SPDX-License-Identifier: MIT
 *
 * loop/testing.c: what asyncio/testing.h does with a loop: turns, live objects, moving a
 * virtual clock, mixing the order of a turn, cancelling at a chosen point; and the public name of
 * what base/alloc.c does.
 *
 * A list is mixed without memory of its own, as a merge sort would sort it: two mixed halves are
 * merged, the next one coming from either with the odds of how many each still has. What asyncio
 * promises stays: handles run in their order, so they are taken out first and merged in at the
 * end; neighbours that are neither tasks nor handles (the done callbacks of a future, the ends
 * of sleeps) are moved as one.
 */
#include <asyncio/testing.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "context/overflow.h"
#include "loop/handle.h"
#include "loop/switch.h"

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

long asyncio_testing_fail_allocation(long n) { return asyncio__alloc_fail(n); }

/* ---- the order of a turn ---- */

int asyncio_testing_shuffle(asyncio_loop *loop, unsigned long long seed) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    loop->shuffle = seed;
    if (seed) loop->slow |= ASYNCIO__SLOW_SHUFFLE;
    else loop->slow &= ~(uint32_t)ASYNCIO__SLOW_SHUFFLE;
    return 0;
}

/* Steele, Lea and Flood's generator: a counter, well stirred. */
static uint64_t next_random(asyncio_loop *loop) {
    uint64_t x = loop->shuffle += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool is_handle(struct asyncio__link *l) {
    return asyncio__runnable_of(l)->ops == &asyncio__handle_ops;
}

static bool is_task(struct asyncio__link *l) {
    const struct asyncio__runnable_ops *ops = asyncio__runnable_of(l)->ops;
    if (ops == &asyncio__fiber_start_ops || ops == &asyncio__fiber_resume_ops) return true;
    return ops->more && ops->more->drive; /* another kind of coroutine */
}

/* Appends the first of `from`, and what has to stay behind it, to `list`; how many. */
static size_t move_first(struct asyncio__link *list, struct asyncio__link *from) {
    size_t n = 0;
    bool alone;
    do {
        struct asyncio__link *l = from->next;
        alone = is_task(l) || is_handle(l);
        asyncio__link_unlink(l);
        asyncio__list_append(list, l);
        n++;
    } while (!alone && !asyncio__list_empty(from) && !is_task(from->next) &&
             !is_handle(from->next));
    return n;
}

static void merge_lists(asyncio_loop *loop, struct asyncio__link *list, struct asyncio__link *a,
                        size_t na, struct asyncio__link *b, size_t nb) {
    while (na && nb) {
        if (next_random(loop) % (na + nb) < na) na -= move_first(list, a);
        else nb -= move_first(list, b);
    }
    asyncio__list_splice(list, a);
    asyncio__list_splice(list, b);
}

static void mix_list(asyncio_loop *loop, struct asyncio__link *list, size_t n) {
    struct asyncio__link half, rest;
    size_t moved = 0;
    asyncio__link_init(&half);
    asyncio__link_init(&rest);
    while (moved < n / 2) moved += move_first(&half, list);
    asyncio__list_splice(&rest, list);
    if (moved > 0 && moved < n) {
        mix_list(loop, &half, moved);
        mix_list(loop, &rest, n - moved);
    }
    merge_lists(loop, list, &half, moved, &rest, n - moved);
}

void asyncio__loop_shuffle(asyncio_loop *loop, struct asyncio__link *list) {
    struct asyncio__link handles, others;
    size_t nhandles = 0, nothers = 0;
    asyncio__link_init(&handles);
    asyncio__link_init(&others);
    while (!asyncio__list_empty(list)) {
        if (is_handle(list->next)) nhandles += move_first(&handles, list);
        else nothers += move_first(&others, list);
    }
    mix_list(loop, &others, nothers);
    merge_lists(loop, list, &handles, nhandles, &others, nothers);
}

/* ---- cancelling at a point ---- */

long asyncio_testing_cancel_await(asyncio_loop *loop, long n) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    long points = loop->points;
    loop->points = 0;
    loop->cancel_at = n;
    if (n >= 0) loop->slow |= ASYNCIO__SLOW_POINTS;
    else loop->slow &= ~(uint32_t)ASYNCIO__SLOW_POINTS;
    return points;
}

static void pass_point(asyncio_loop *loop, struct asyncio__fiber *fiber) {
    if (!(loop->slow & ASYNCIO__SLOW_POINTS)) return;
    if (++loop->points == loop->cancel_at) loop->hooks->fiber_cancel(fiber);
}

void asyncio__loop_suspend_checked(asyncio_loop *loop, struct asyncio__fiber *self) {
    if (loop->slow & ASYNCIO__SLOW_DEBUG) asyncio__overflow_check();
    pass_point(loop, self);
    asyncio__loop_suspend_to_loop(loop, self);
    pass_point(loop, self);
}
