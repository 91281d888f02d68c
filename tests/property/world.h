/* SPDX-License-Identifier: MIT
 *
 * tests/property/world.h: random programs, and what has to hold for each of them in whatever
 * order it runs and wherever it is cancelled.
 *
 * A program is made of steps that are thrown by dice: each coroutine has dice of its own, whose
 * seed comes from whoever made it, so what a program is does not depend on the order in which
 * it runs. Programs cannot hang by their own fault: who holds something takes only what is of a
 * higher level, what is waited for is done by somebody who is waited for, and every cleanup
 * comes to its end. So a run in which nothing is left to happen is the library's fault.
 */
#ifndef PROPERTY_WORLD_H
#define PROPERTY_WORLD_H

#include <asyncio.h>
#include <asyncio/testing.h>
#include <stdint.h>

#include "test.h"

#define LEVELS 4

struct dice {
    uint64_t state;
};

/* Something that a task takes and gives back: a lock or a semaphore. */
struct resource {
    asyncio_lock *lock;
    asyncio_semaphore *semaphore;
    int permits, taken;
};

struct world {
    struct resource resources[LEVELS];
    int inside;  /* coroutines that have begun and not ended */
    long values; /* values alive */
    long points;
};

/* Where a coroutine stands: what it may still take, how many more levels of children it may
 * have, and whether there is a cancel scope around it, which may be cancelled for good. */
struct place {
    struct world *world;
    int level, depth;
    bool scoped;   /* inside a cancel scope */
    bool shielded; /* inside a shielded block, which may hold requests back */
};

/* 0 to n - 1. */
unsigned throw_dice(struct dice *dice, unsigned n);
static inline bool throw_coin(struct dice *dice) { return throw_dice(dice, 2) == 0; }
uint64_t fork_dice(struct dice *dice);

/* A value that must be dropped exactly once. */
asyncio_value make_value(struct world *world);

/* A few steps, one after the other. The first to fail ends them, or is forgiven. */
int take_steps(struct dice *dice, struct place place);

/* What it is that holds only if the library is right: ends the test with a message that says
 * which run it was. */
void must_hold_at(const char *where, bool holds, const char *what);
#define must_hold(holds, what) must_hold_at(ASYNCIO_WHERE, (holds), (what))

/* A coroutine of random steps with a value in the end. alive, if not NULL, is counted up while it
 * is inside. */
ASYNC_DECL(child, struct place place, uint64_t seed, int *alive);

/* Cancels tasks, and waits until they are done even if it is cancelled meanwhile; lets them go.
 * Returns rc, or the cancellation that came. */
int finish_tasks(asyncio_task **tasks, size_t n, int rc);

/* One step each: of tasks (tasks.c), of synchronisation (sync.c). */
typedef int step(struct dice *dice, struct place place);
extern step *const task_steps[], *const sync_steps[];
extern const unsigned task_steps_count, sync_steps_count;

/* Runs the program of one seed in one order, with a cancellation at one point (0: none), and
 * checks all that must hold. Returns how many points the run had. */
long run_program(uint64_t seed, unsigned shuffle, long cancel_at);

#endif
