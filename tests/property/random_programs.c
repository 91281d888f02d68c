/* SPDX-License-Identifier: MIT
 *
 * tests/property/random_programs.c: random programs, in the usual order and in others, whole and
 * with a cancellation at every point in turn. docs/testing.md says how to run many.
 *
 *     PROPERTY_COUNT     how many programs (100)
 *     PROPERTY_SEED      the first one's seed (1)
 *     PROPERTY_SHUFFLE   only this order (0: the usual one)
 *     PROPERTY_CANCEL    only this point (0: no cancellation)
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static long first_seed(void) { return setting("PROPERTY_SEED", 1); }

static long programs(long usual) {
    if (test_under_valgrind() || test_under_emulation()) usual /= 10;
    return setting("PROPERTY_COUNT", getenv("PROPERTY_SEED") ? 1 : usual);
}

/* One program in one order, with a cancellation at each point. */
static void cancel_everywhere(uint64_t seed, unsigned shuffle) {
    long only = setting("PROPERTY_CANCEL", -1);
    if (only >= 0) {
        run_program(seed, shuffle, only);
        return;
    }
    for (long n = 1; run_program(seed, shuffle, n) >= n; n++) continue;
}

static void try_programs(unsigned order, long count) {
    long shuffle = setting("PROPERTY_SHUFFLE", -1);
    for (long i = 0; i < count; i++) {
        uint64_t seed = (uint64_t)(first_seed() + i);
        unsigned other = order ? order + (unsigned)seed % 1000 : 0;
        cancel_everywhere(seed, shuffle >= 0 ? (unsigned)shuffle : other);
    }
}

TEST_TIMEOUT(programs_in_the_usual_order_cancelled_everywhere, 100000) {
    try_programs(0, programs(100));
}

TEST_TIMEOUT(programs_in_another_order_cancelled_everywhere, 100000) {
    try_programs(1, programs(100));
}

TEST_TIMEOUT(one_program_in_many_orders, 100000) {
    if (getenv("PROPERTY_SHUFFLE")) SKIP("one order was asked for");
    for (unsigned order = 0; order < 200; order++) {
        run_program((uint64_t)first_seed(), order, 0);
    }
}
