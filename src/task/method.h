/* SPDX-License-Identifier: MIT
 *
 * task/method.h: a function of the library that is a coroutine, most often a method of an object.
 * It has a body, a type, and a function that makes coroutine objects. What is special stands in its
 * file, the rest is here:
 *
 *     ASYNCIO__HOLD(lock, asyncio_lock_ref, asyncio_lock_unref);
 *
 *     ASYNCIO__METHOD(asyncio_lock_acquire, lock, asyncio_lock *, .run = run_acquire);
 *
 *     asyncio_coro asyncio_lock_acquire(asyncio_lock *lock) {
 *         return ASYNCIO__CORO(asyncio_lock_acquire, lock);
 *     }
 *
 * The type is the variable asyncio_lock_acquire_type. Its arguments are an asyncio_lock *: the body
 * is given their address. Those of a function that has more are a struct, and then ASYNCIO__CORO
 * names its fields, as an initialiser does.
 *
 * A coroutine object that is kept, or made a task, must own what it points at. A method holds its
 * object: capture takes a reference, release drops it. The object is the first of the arguments; it
 * may be NULL, of which the body tells. Other functions are no METHOD, but a COROUTINE: those that
 * keep something else (strings, other coroutine objects) by a .capture and .release of their own,
 * and those that keep nothing.
 */
#ifndef ASYNCIO_TASK_METHOD_H
#define ASYNCIO_TASK_METHOD_H

#include "task/task.h"

/* The object of a method: what the arguments begin with. */
static inline void *asyncio__object_of(const void *args) { return *(void *const *)args; }

/* Defines capture_<class> and release_<class>, by which methods hold their object. */
#define ASYNCIO__HOLD(class, ref, unref)                                                           \
    static int capture_##class(void *args) {                                                       \
        (void)ref(asyncio__object_of(args));                                                       \
        return 0;                                                                                  \
    }                                                                                              \
    static void release_##class(void *args) { unref(asyncio__object_of(args)); }                   \
    _Static_assert(true, "a semicolon follows")

/* The value of an asyncio_coro_type. shown: the name in tracebacks, a string. The rest are fields:
 * .run, and what else there is. */
#define ASYNCIO__COROUTINE_TYPE(shown, args_type, ...)                                             \
    {                                                                                              \
        .size = sizeof(asyncio_coro_type), .name = (shown), .file = "asyncio",                     \
        .args_size = sizeof(args_type), __VA_ARGS__                                                \
    }

/* Defines <function>_type, and <function>_args, the name of its arguments for ASYNCIO__CORO. */
#define ASYNCIO__COROUTINE(function, args_type, ...)                                               \
    typedef args_type function##_args;                                                             \
    static const asyncio_coro_type function##_type =                                               \
        ASYNCIO__COROUTINE_TYPE(#function, args_type, __VA_ARGS__);                                \
    _Static_assert(sizeof(args_type) <= ASYNCIO_ARGS_MAX, "the arguments fit a coroutine object")

/* The same for a method of a class that has a HOLD, or a capture_<class> and a release_<class> that
 * keep more than the object. */
#define ASYNCIO__METHOD(function, class, args_type, ...)                                           \
    ASYNCIO__COROUTINE(function, args_type, .capture = capture_##class,                            \
                       .release = release_##class, __VA_ARGS__)

/* A coroutine object of <function>_type. The rest is what its arguments are initialised with. */
#define ASYNCIO__CORO(function, ...)                                                               \
    asyncio__coro_make(&function##_type, &(const function##_args){ __VA_ARGS__ },                  \
                       sizeof(function##_args))

#endif
