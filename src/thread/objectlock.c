/* SPDX-License-Identifier: MIT
 *
 * thread/objectlock.c: the locks, and how they come through a fork.
 */
#include "thread/objectlock.h"

#include "base/fork.h"

#define COUNT (1 << ASYNCIO__OBJECTLOCK_BITS)

#define ONE                                                                                        \
    { PTHREAD_MUTEX_INITIALIZER }
#define EIGHT ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE

struct asyncio__objectlock asyncio__objectlocks[] = { EIGHT, EIGHT, EIGHT, EIGHT };

_Static_assert(sizeof asyncio__objectlocks / sizeof asyncio__objectlocks[0] == COUNT, "all");

static void take_all(void) {
    for (int i = 0; i < COUNT; i++) pthread_mutex_lock(&asyncio__objectlocks[i].mutex);
}

static void give_all(void) {
    for (int i = 0; i < COUNT; i++) pthread_mutex_unlock(&asyncio__objectlocks[i].mutex);
}

static const struct asyncio__forkpart part = { take_all, give_all, give_all };

void asyncio__objectlock_init(void) { asyncio__fork_join(ASYNCIO__FORK_OBJECTS, &part); }
