/* SPDX-License-Identifier: MIT
 *
 * tests/unit/context/cxx.c: the words of the C++ library stay with the stack that set them.
 * The library is played by this file; tests/cxx has the real one.
 */
#include "context/cxx.h"

#include "test.h"

static struct asyncio__cxx words;
struct asyncio__cxx *__cxa_get_globals(void);
struct asyncio__cxx *__cxa_get_globals(void) {
    return &words;
}

static struct asyncio__stackpool pool;
static struct asyncio__cpu home, side[2];
static char exceptions[2];

static void handle_exceptions(int i) {
    for (;;) {
        CHECK_PTR(words.caught, NULL);
        CHECK_INT(words.uncaught, 0);
        words.caught = &exceptions[i];
        words.uncaught = (unsigned)i;
        for (int k = 0; k < 3; k++) {
            asyncio__cpu_switch_cxx(&side[i], &home, &words);
            CHECK_PTR(words.caught, &exceptions[i]);
            CHECK_INT(words.uncaught, i);
        }
        words.caught = NULL;
        words.uncaught = 0;
        asyncio__cpu_switch_cxx(&side[i], &home, &words);
    }
}

static void handle_0(void) { handle_exceptions(0); }
static void handle_1(void) { handle_exceptions(1); }

TEST(exceptions_stay_with_their_stack) {
    unsigned cls;
    CHECK_PTR(asyncio__cxx_words(), &words);
    CHECK_INT(asyncio__stackpool_init(&pool), 0);
    CHECK_INT(asyncio__stack_class(0, &cls), 0);
    asyncio__cpu_init(&side[0], asyncio__stack_get(&pool, cls), handle_0);
    asyncio__cpu_init(&side[1], asyncio__stack_get(&pool, cls), handle_1);
    for (unsigned n = 0; n < 10; n++) {
        words.uncaught = n % 3;
        asyncio__cpu_switch_cxx(&home, &side[n % 2], &words);
        CHECK_PTR(words.caught, NULL);
        CHECK_INT(words.uncaught, n % 3);
    }
    asyncio__stackpool_fini(&pool);
}
