/* SPDX-License-Identifier: MIT
 *
 * context/cxx.c: where the C++ library's words lie, and the switch that takes them along.
 */
#include "context/cxx.h"

struct asyncio__cxx *__cxa_get_globals(void) __attribute__((weak));

/* Stands in where there is no C++; never written to. */
static struct asyncio__cxx none;

struct asyncio__cxx *asyncio__cxx_words(void) {
    return __cxa_get_globals != NULL ? __cxa_get_globals() : &none;
}

void asyncio__cpu_switch_saving(struct asyncio__cpu *from, struct asyncio__cpu *to,
                                struct asyncio__cxx *words) {
    struct asyncio__cxx saved = *words;
    words->caught = NULL;
    words->uncaught = 0;
    asyncio__cpu_switch(from, to);
    words->caught = saved.caught;
    words->uncaught = saved.uncaught;
}
