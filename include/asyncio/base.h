/* SPDX-License-Identifier: MIT
 *
 * asyncio/base.h: what every other header needs: export and must-use marks,
 * the version, and the few preprocessor tools the keywords are made of.
 *
 * Reference text. Every public declaration is preceded by a comment that says
 * what it does, its result and every error, and ends with one line of fixed
 * fields:
 *   Suspends: yes | no       whether the calling task can be suspended in it;
 *                            a call is always one or always the other
 *   Thread:   loop           only the thread that runs the loop (or, while it
 *                            does not run, the one thread that owns it)
 *             any            any thread
 *             signal         any thread, and signal handlers
 *   Owner:    who owns what comes out or goes in (left out where nothing does)
 *   Since:    the version it came with
 *   Python:   the asyncio name whose semantics it has
 *
 * Ownership in one rule: a function that makes or takes something (new, create,
 * ensure, copy, take, ref) gives you a reference that is yours; a function that
 * only looks something up (get, current, or the name of a property) lends it,
 * good until the object it came from goes. unref(NULL) does nothing.
 *
 * The last line of each header's opening comment says which part it is of: what is
 * declared in core and io is in libasyncio, what is declared in tls in libasyncio-tls.
 *
 * Part: core.
 */
#ifndef ASYNCIO_BASE_H
#define ASYNCIO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ASYNCIO_VERSION_MAJOR 0
#define ASYNCIO_VERSION_MINOR 1
#define ASYNCIO_VERSION_PATCH 0

#define ASYNCIO_API __attribute__((visibility("default")))
#define ASYNCIO_MUST_USE __attribute__((warn_unused_result))
#define ASYNCIO_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define ASYNCIO_COLD __attribute__((cold))
#define ASYNCIO_INLINE static inline __attribute__((always_inline, unused))

/* asyncio_auto_<class>: a pointer variable that releases its reference when it leaves its block:
 *     asyncio_auto_task t = asyncio_create_task(f());
 * Every class that has references has one, in its header. Initialise it, with NULL if need be. */
#define ASYNCIO__AUTO(class)                                                                       \
    __attribute__((unused, cleanup(asyncio__auto_##class))) asyncio_##class *
#define ASYNCIO__AUTO_CLASS(class)                                                                 \
    ASYNCIO_INLINE void asyncio__auto_##class(asyncio_##class * *p) { asyncio_##class##_unref(*p); }

#ifdef __cplusplus
#define ASYNCIO_BEGIN_DECLS extern "C" {
#define ASYNCIO_END_DECLS }
#define ASYNCIO_STATIC_ASSERT static_assert
#else
#define ASYNCIO_BEGIN_DECLS
#define ASYNCIO_END_DECLS
#define ASYNCIO_STATIC_ASSERT _Static_assert
#endif

#define ASYNCIO__STR_(x) #x
#define ASYNCIO__STR(x) ASYNCIO__STR_(x)
#define ASYNCIO__CAT_(a, b) a##b
#define ASYNCIO__CAT(a, b) ASYNCIO__CAT_(a, b)

/* The place of a call, "file:line", as a string literal. */
#define ASYNCIO_WHERE __FILE__ ":" ASYNCIO__STR(__LINE__)

/* The number of arguments, 1 to 16; more is an error that says so. */
#define ASYNCIO__N(...)                                                                            \
    ASYNCIO__N_(__VA_ARGS__, too_many_arguments_pass_an_array, 16, 15, 14, 13, 12, 11, 10, 9, 8,   \
                7, 6, 5, 4, 3, 2, 1, 0)
#define ASYNCIO__N_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, N, \
                    ...)                                                                           \
    N

/* 1 if there is more than one argument (up to 16), otherwise 0. */
#define ASYNCIO__HASCOMMA(...)                                                                     \
    ASYNCIO__HASCOMMA_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, )
#define ASYNCIO__HASCOMMA_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16,  \
                           N, ...)                                                                 \
    N

typedef struct asyncio_loop asyncio_loop;
typedef struct asyncio_handle asyncio_handle;
typedef struct asyncio_future asyncio_future;
typedef struct asyncio_task asyncio_task;
typedef struct asyncio_error asyncio_error;
typedef struct asyncio_context asyncio_context;

ASYNCIO_BEGIN_DECLS

/* The version of the library that is loaded, as "0.1.0"; the macros
 * ASYNCIO_VERSION_* are the version it was compiled against.
 * Errors: none.
 * Suspends: no. Thread: signal. Since: 0.1. Python: none. */
ASYNCIO_API const char *asyncio_version(void);

ASYNCIO_END_DECLS

#endif
