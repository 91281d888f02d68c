/* SPDX-License-Identifier: MIT
 *
 * tests/support/interleave.h: a scenario of a few threads is run again and again, each time in
 * another order. One thread goes on at a time; at each point of base/interleave.h it is decided
 * which one is next. Who waits for a word (base/futex.h) goes on when it is woken, not before, so
 * that a wake-up that is lost is found: nobody can go on then.
 *
 *     static void scenario(void) {
 *         thread_begin(posts, &x);     // not before this thread gives way
 *         ... what this thread does ...
 *         threads_end();
 *     }
 *     TEST(it_is_right_in_every_order) { try_all_orders(scenario, 2); }
 *
 * try_all_orders: every order in which at most so many times a thread is made to give way where it
 * could go on. try_random_orders: seeds 1 to n, which give way anywhere. A run is exact: the report
 * of a failure says which one it was. Needs a library with -Dfault_injection=true; elsewhere all is
 * skipped.
 */
#ifndef TEST_INTERLEAVE_H
#define TEST_INTERLEAVE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/interleave.h"
#include "test.h"

#define THREADS_MAX 4
#define CHOICES_MAX 20000

struct order_thread {
    pthread_t thread;
    sem_t go;
    bool over;
    const volatile void *word; /* what it waits for, or NULL */
    void (*run)(void *arg);
    void *arg;
};

static struct {
    struct order_thread threads[THREADS_MAX];
    int count;
    /* Of each choice that there was: which way, of how many. The first `given` are prescribed. */
    unsigned short way[CHOICES_MAX], ways[CHOICES_MAX];
    int made, given;
    int may_give_way; /* how often a thread still may be stopped that could go on */
    unsigned seed;    /* not 0: random */
    long run, steps;
} order;

static _Thread_local int order_self = -1;

/* ---- choices ---- */

static void order_fail(const char *what) {
    FAIL("%s, in run %ld%s (%ld steps)", what, order.run, order.seed ? " (seed)" : "", order.steps);
}

static unsigned order_random(unsigned n) {
    order.seed = order.seed * 1664525u + 1013904223u;
    return (order.seed >> 16) % n;
}

static unsigned order_choose(unsigned n, bool free_to_stay) {
    if (n == 1) return 0;
    if (order.seed) return order_random(4) == 0 || !free_to_stay ? order_random(n) : 0;
    if (free_to_stay && order.may_give_way == 0) return 0;
    if (order.made == CHOICES_MAX) order_fail("it does not come to an end");
    int i = order.made++;
    if (i >= order.given) order.way[i] = 0;
    else if (order.ways[i] != n) order_fail("the scenario is not deterministic");
    order.ways[i] = (unsigned short)n;
    if (free_to_stay && order.way[i] > 0) order.may_give_way--;
    return order.way[i];
}

static bool order_can_run(int i) { return !order.threads[i].over && !order.threads[i].word; }

/* Who goes on. Those who can, beginning with this thread or (stuck) with the next. */
static int order_next(bool stuck) {
    int able[THREADS_MAX];
    unsigned n = 0;
    for (int k = stuck; k < order.count + stuck; k++) {
        int i = (order_self + k) % order.count;
        if (order_can_run(i) && (i != order_self || !stuck)) able[n++] = i;
    }
    if (++order.steps > 1000000) order_fail("it does not come to an end");
    if (n == 0) order_fail("nobody can go on: a wake-up was lost, or there is a deadlock");
    return able[order_choose(n, able[0] == order_self)];
}

static void order_wait_for_turn(void) {
    while (sem_wait(&order.threads[order_self].go) != 0) {
    }
}

static void order_give_way(bool stuck) {
    int next = order_next(stuck);
    if (next == order_self) return;
    sem_post(&order.threads[next].go);
    order_wait_for_turn();
}

/* ---- what the library calls ---- */

static void order_point(void) {
    if (order_self >= 0) order_give_way(false);
}

static void order_stuck(void) {
    if (order_self >= 0) order_give_way(true);
}

static bool order_wait(const volatile void *word, uint32_t value, int64_t deadline) {
    (void)deadline;
    if (atomic_load((const volatile _Atomic(uint32_t) *)word) != value) return true;
    order.threads[order_self].word = word;
    order_give_way(true);
    return true;
}

static void order_wake(const volatile void *word, int n) {
    for (int i = 0; i < order.count && n > 0; i++) {
        if (order.threads[i].word != word) continue;
        order.threads[i].word = NULL;
        n--;
    }
    order_point();
}

static const struct asyncio__interleaving order_hooks = { order_point, order_stuck, order_wait,
                                                          order_wake };

/* ---- for scenarios ---- */

static void *order_run_thread(void *arg) {
    struct order_thread *t = arg;
    order_self = (int)(t - order.threads);
    order_wait_for_turn();
    t->run(t->arg);
    t->over = true;
    sem_post(&order.threads[order_next(true)].go);
    return NULL;
}

static void thread_begin(void (*run)(void *arg), void *arg) {
    CHECK(order.count < THREADS_MAX);
    struct order_thread *t = &order.threads[order.count++];
    *t = (struct order_thread){ .run = run, .arg = arg };
    sem_init(&t->go, 0, 0);
    CHECK_INT(pthread_create(&t->thread, NULL, order_run_thread, t), 0);
}

/* Lets all others come to their end. */
static void threads_end(void) {
    for (int i = 1; i < order.count; i++) {
        while (!order.threads[i].over) order_stuck();
        pthread_join(order.threads[i].thread, NULL);
        sem_destroy(&order.threads[i].go);
    }
    order.count = 1;
}

/* ---- orders ---- */

static void order_run(void (*scenario)(void), int may_give_way, unsigned seed) {
    order.threads[0] = (struct order_thread){ .over = false };
    sem_init(&order.threads[0].go, 0, 0);
    order.count = 1;
    order.made = 0;
    order.steps = 0;
    order.may_give_way = may_give_way;
    order.seed = seed;
    order.run++;
    order_self = 0;
    asyncio__interleaving = &order_hooks;
    scenario();
    asyncio__interleaving = NULL;
    sem_destroy(&order.threads[0].go);
}

/* Makes the last choice that has another way take it; false if there is none. */
static bool order_advance(void) {
    while (order.made > 0 && order.way[order.made - 1] + 1 == order.ways[order.made - 1])
        order.made--;
    if (order.made == 0) return false;
    order.way[order.made - 1]++;
    order.given = order.made;
    return true;
}

__attribute__((unused)) static void try_all_orders(void (*scenario)(void), int may_give_way) {
    order.given = 0;
    do {
        order_run(scenario, may_give_way, 0);
    } while (order_advance());
    printf("%ld orders\n", order.run);
}

__attribute__((unused)) static void try_random_orders(void (*scenario)(void), unsigned n) {
    for (unsigned seed = 1; seed <= n; seed++) order_run(scenario, 0, seed);
}

#endif
