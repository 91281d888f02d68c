/* SPDX-License-Identifier: MIT
 *
 * context/cxx.h: a switch that keeps what C++ knows about exceptions.
 *
 * The C++ run-time library has two words a thread: the exceptions that catch blocks are
 * handling, and how many are on their way. They belong to the code that runs, so two
 * coroutines that wait inside of catch blocks would otherwise swap their exceptions.
 *
 * Whoever switches holds the address of the thread's words (asyncio__cxx_words, constant for
 * a thread, so ask once). Both are zero nearly always; then the switch costs two loads and
 * one predictable branch more. Otherwise they are taken along: saved and zeroed before,
 * restored after. Where no C++ library is linked the words are a constant zero. One that is
 * loaded (dlopen) later than the thread's first question goes unnoticed.
 */
#ifndef ASYNCIO_CONTEXT_CXX_H
#define ASYNCIO_CONTEXT_CXX_H

#include "context/cpu.h"

/* As the Itanium C++ ABI, 2.2.2, lays it out. */
struct asyncio__cxx {
    void *caught;      /* exceptions being handled, innermost first */
    unsigned uncaught; /* number of exceptions thrown and not yet caught */
};

/* The calling thread's words. */
struct asyncio__cxx *asyncio__cxx_words(void);

/* The rare case of asyncio__cpu_switch_cxx. */
void asyncio__cpu_switch_saving(struct asyncio__cpu *from, struct asyncio__cpu *to,
                                struct asyncio__cxx *words) __attribute__((cold, noinline));

static inline __attribute__((always_inline)) bool asyncio__cxx_busy(
    const struct asyncio__cxx *words) {
    return __builtin_expect(((uintptr_t)words->caught | words->uncaught) != 0, 0);
}

/* As asyncio__cpu_switch; C++ exception state stays with *from. */
static inline __attribute__((always_inline)) void asyncio__cpu_switch_cxx(
    struct asyncio__cpu *from, struct asyncio__cpu *to, struct asyncio__cxx *words) {
    if (asyncio__cxx_busy(words)) {
        asyncio__cpu_switch_saving(from, to, words);
    } else {
        asyncio__cpu_switch(from, to);
    }
}

#endif
