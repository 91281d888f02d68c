/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/timer_heap.c: the timers of src/loop/timers.h, alone: a few cases by hand,
 * then random operations against a model that keeps everything in an array.
 */
#include "loop/timers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "test.h"

static const struct asyncio__runnable_ops no_ops;

static struct asyncio__timers timers;
static struct asyncio__link due;

static void setup(void) {
    asyncio__timers_init(&timers);
    asyncio__link_init(&due);
}

static struct asyncio__timer *take_due(void) {
    if (asyncio__list_empty(&due)) return NULL;
    struct asyncio__runnable *runnable = asyncio__runnable_of(due.next);
    asyncio__link_unlink(&runnable->link);
    struct asyncio__timer *t = asyncio__container(runnable, struct asyncio__timer, runnable);
    CHECK_INT(t->state, ASYNCIO__TIMER_QUEUED);
    t->state = ASYNCIO__TIMER_IDLE;
    return t;
}

/* ---- by hand ---- */

TEST(no_timers_never_come) {
    setup();
    CHECK(asyncio__timers_empty(&timers));
    CHECK(asyncio__timers_next(&timers) == ASYNCIO__NEVER);
    asyncio__timers_expire(&timers, INT64_MAX, &due);
    CHECK_PTR(take_due(), NULL);
    CHECK_PTR(asyncio__timers_pop(&timers), NULL);
    asyncio__timers_fini(&timers);
}

TEST(timer_is_due_at_its_deadline_not_before) { /* LOOP-5 */
    struct asyncio__timer t;
    setup();
    asyncio__timer_init(&t, &no_ops);
    CHECK_INT(asyncio__timer_arm(&timers, &t, 10), 0);
    CHECK(!asyncio__timers_empty(&timers));
    CHECK(asyncio__timers_next(&timers) == 10);
    asyncio__timers_expire(&timers, 9, &due);
    CHECK_PTR(take_due(), NULL);
    asyncio__timers_expire(&timers, 10, &due);
    CHECK_PTR(take_due(), &t);
    CHECK(asyncio__timers_empty(&timers));
    asyncio__timers_fini(&timers);
}

TEST(a_timer_with_room_kept_for_it_needs_no_memory_when_it_is_armed) {
    struct asyncio__timer t[16], another;
    setup();
    CHECK_INT(asyncio__timers_reserve(&timers), 0);
    for (int i = 0; i < 15; i++) {
        asyncio__timer_init(&t[i], &no_ops);
        CHECK_INT(asyncio__timer_arm(&timers, &t[i], i), 0);
    }
    asyncio__timer_init(&t[15], &no_ops);
    asyncio__timer_arm_reserved(&timers, &t[15], 15);
    CHECK_INT(timers.capacity, 16);
    asyncio__timers_expire(&timers, 15, &due);
    for (int i = 0; i < 16; i++) CHECK_PTR(take_due(), &t[i]);

    for (int i = 0; i < 15; i++) CHECK_INT(asyncio__timer_arm(&timers, &t[i], i), 0);
    asyncio__timer_init(&another, &no_ops);
    CHECK_INT(asyncio__timer_arm(&timers, &another, 20), 0); /* which must not take that room */
    CHECK_INT(timers.capacity, 32);
    asyncio__timers_give_back(&timers);
    CHECK_INT(timers.room, 32);
    while (asyncio__timers_pop(&timers)) continue;
    asyncio__timers_fini(&timers);
}

TEST(timer_that_never_comes_can_be_cancelled) {
    struct asyncio__timer t;
    setup();
    asyncio__timer_init(&t, &no_ops);
    CHECK_INT(asyncio__timer_arm(&timers, &t, ASYNCIO__NEVER), 0);
    CHECK(asyncio__timers_next(&timers) == ASYNCIO__NEVER);
    asyncio__timers_expire(&timers, ASYNCIO__NEVER, &due);
    CHECK_PTR(take_due(), NULL);
    asyncio__timer_cancel(&timers, &t);
    CHECK(asyncio__timers_empty(&timers));
    asyncio__timers_fini(&timers);
}

TEST(timer_is_cancelled_in_every_state) {
    struct asyncio__timer t, other;
    setup();
    asyncio__timer_init(&t, &no_ops);
    asyncio__timer_init(&other, &no_ops);
    CHECK_INT(asyncio__timer_arm(&timers, &other, 100), 0);
    asyncio__timer_cancel(&timers, &t); /* idle */
    for (int state = 0; state < 3; state++) {
        CHECK_INT(asyncio__timer_arm(&timers, &t, 10), 0);
        if (state == 1) asyncio__timers_next(&timers);             /* in the heap */
        if (state == 2) asyncio__timers_expire(&timers, 50, &due); /* queued */
        asyncio__timer_cancel(&timers, &t);
        CHECK_INT(t.state, ASYNCIO__TIMER_IDLE);
        CHECK(asyncio__list_empty(&due));
        asyncio__timers_expire(&timers, 50, &due);
        CHECK(asyncio__list_empty(&due));
        CHECK(asyncio__timers_next(&timers) == 100);
    }
    CHECK_PTR(asyncio__timers_pop(&timers), &other);
    asyncio__timers_fini(&timers);
}

TEST(ties_come_in_arming_order_even_when_the_counter_wraps) {
    struct asyncio__timer t[8];
    setup();
    timers.order = UINT32_MAX - 3;
    for (int i = 0; i < 8; i++) {
        asyncio__timer_init(&t[i], &no_ops);
        CHECK_INT(asyncio__timer_arm(&timers, &t[i], 5), 0);
        if (i % 3 == 0) asyncio__timers_next(&timers); /* some in the heap, some fresh */
    }
    asyncio__timers_expire(&timers, 5, &due);
    for (int i = 0; i < 8; i++) CHECK_PTR(take_due(), &t[i]);
    asyncio__timers_fini(&timers);
}

/* ---- against the model ---- */

#define N 400

static struct asyncio__timer pool[N];
static struct {
    bool armed;
    int64_t when;
    long order;
} model[N];
static long arms;
static unsigned long long seed;

static unsigned roll(unsigned n) { /* xorshift: the same on every machine */
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

static int model_first(int64_t now) {
    int best = -1;
    for (int i = 0; i < N; i++) {
        if (!model[i].armed || model[i].when > now) continue;
        if (best < 0 || model[i].when < model[best].when ||
            (model[i].when == model[best].when && model[i].order < model[best].order)) {
            best = i;
        }
    }
    return best;
}

static void arm_one(int i, int64_t now) {
    if (model[i].armed) {
        asyncio__timer_cancel(&timers, &pool[i]);
        model[i].armed = false;
        return;
    }
    int64_t when = now + (int64_t)roll(40) - 5;
    CHECK_INT(asyncio__timer_arm(&timers, &pool[i], when), 0);
    model[i].armed = true;
    model[i].when = when;
    model[i].order = arms++;
}

static void expire_all(int64_t now) {
    asyncio__timers_expire(&timers, now, &due);
    for (int i; (i = model_first(now)) >= 0; model[i].armed = false) {
        CHECK_PTR(take_due(), &pool[i]);
    }
    CHECK_PTR(take_due(), NULL);
}

static void run_model(unsigned long long start, int density) {
    int64_t now = 0;
    setup();
    seed = start;
    for (int i = 0; i < N; i++) {
        asyncio__timer_init(&pool[i], &no_ops);
        model[i].armed = false;
    }
    for (int op = 0; op < 6000; op++) {
        arm_one((int)roll(N), now);
        if (roll(16) == 0) {
            int first = model_first(INT64_MAX);
            CHECK(asyncio__timers_next(&timers) ==
                  (first < 0 ? ASYNCIO__NEVER : model[first].when));
        }
        if (roll((unsigned)density) == 0) expire_all(now += roll(12));
    }
    expire_all(now + 1000);
    CHECK(asyncio__timers_empty(&timers));
    asyncio__timers_fini(&timers);
}

TEST(random_operations_agree_with_a_model_when_few_are_armed) {
    for (unsigned long long s = 1; s <= 10; s++) run_model(s * 0x9e3779b97f4a7c15, 6);
}

TEST(random_operations_agree_with_a_model_when_many_are_armed) {
    for (unsigned long long s = 1; s <= 10; s++) run_model(s * 0xbf58476d1ce4e5b9, 300);
}
