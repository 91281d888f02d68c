/* SPDX-License-Identifier: MIT
 *
 * asyncio/keywords.h: the language on top of coro.h.
 *
 *     ASYNC(name, (type) arg, ...) { ... }   defines a coroutine function
 *     ASYNC_DECL(name, type arg, ...);       declares one (no arguments: void)
 *     AWAIT(x)  AWAIT(x, &value)             x: a coroutine object, task * or future *;
 *                                            an int status that must be used
 *     TRY(status)                            leaves with it if negative, else is it
 *     RETURN()  RETURN(expression)           ends the coroutine
 *     RAISE(code, "format", ...)             ends it with an error
 *     ASYNC_WITH(name, constructor) { ... }  an `async with` block (block.h)
 *     ASYNC_BLOCK(name, constructor);        the same in two steps, for a block that is asked
 *     ASYNC_WITH_BLOCK(name) { ... }         afterwards
 *
 * Each has an ASYNCIO_ spelling (ASYNCIO_ASYNC, ASYNCIO_AWAIT, ...); with
 * ASYNCIO_NO_KEYWORDS defined before the include only those exist. Same spellings in
 * C++17. ASYNC may be preceded by `static`. At most 8 arguments and 64 bytes.
 *
 * Part: core.
 */
#ifndef ASYNCIO_KEYWORDS_H
#define ASYNCIO_KEYWORDS_H

#include <asyncio/coro.h>
#include <asyncio/block.h>

/* ---- AWAIT ---- */

#ifndef __cplusplus
ASYNCIO_INLINE ASYNCIO_MUST_USE int asyncio__status(int status) { return status; }
ASYNCIO_INLINE ASYNCIO_MUST_USE int asyncio__await_taskp(asyncio_task **task, asyncio_value *out,
                                                         const char *where, const char *func) {
    return asyncio_await_task(*task, out, where, func);
}
ASYNCIO_INLINE ASYNCIO_MUST_USE int asyncio__await_futurep(asyncio_future **future,
                                                           asyncio_value *out, const char *where,
                                                           const char *func) {
    return asyncio_await_future(*future, out, where, func);
}
ASYNCIO_INLINE asyncio_coro asyncio__coro_id(asyncio_coro coro) { return coro; }
/* ASYNCIO_CORO(x): any awaitable as a coroutine object. */
/* clang-format off */
#define ASYNCIO_CORO(x)                                                                            \
    _Generic((x),                                                                                  \
        asyncio_coro: asyncio__coro_id,                                                            \
        asyncio_task *: asyncio_coro_of_task,                                                      \
        asyncio_future *: asyncio_coro_of_future)(x)
#define ASYNCIO__AWAIT_1(x) ASYNCIO__AWAIT_2(x, (asyncio_value *)0)
#define ASYNCIO__AWAIT_2(x, out)                                                                   \
    ASYNCIO__AWAIT_3(ASYNCIO__CAT(asyncio_awaitable_, __COUNTER__), x, out)
#define ASYNCIO__AWAIT_3(aw_, x, out)                                                              \
    asyncio__status(__extension__({                                                                \
        __auto_type aw_ = (x);                                                                     \
        _Generic(&aw_,                                                                             \
            asyncio_coro *: asyncio_await,                                                         \
            asyncio_task **: asyncio__await_taskp,                                                 \
            asyncio_future **: asyncio__await_futurep)(&aw_, (out), ASYNCIO_WHERE, __func__);      \
    }))
/* clang-format on */
#else
inline asyncio_coro ASYNCIO_CORO(const asyncio_coro &coro) { return coro; }
inline asyncio_coro ASYNCIO_CORO(asyncio_task *task) { return asyncio_coro_of_task(task); }
inline asyncio_coro ASYNCIO_CORO(asyncio_future *future) { return asyncio_coro_of_future(future); }
ASYNCIO_MUST_USE inline int asyncio__await(const asyncio_coro &coro, asyncio_value *out,
                                           const char *where, const char *func) {
    return asyncio_await(&coro, out, where, func);
}
ASYNCIO_MUST_USE inline int asyncio__await(asyncio_task *task, asyncio_value *out,
                                           const char *where, const char *func) {
    return asyncio_await_task(task, out, where, func);
}
ASYNCIO_MUST_USE inline int asyncio__await(asyncio_future *future, asyncio_value *out,
                                           const char *where, const char *func) {
    return asyncio_await_future(future, out, where, func);
}
#define ASYNCIO__AWAIT_1(x)                                                                        \
    asyncio__await((x), static_cast<asyncio_value *>(nullptr), ASYNCIO_WHERE, __func__)
#define ASYNCIO__AWAIT_2(x, out) asyncio__await((x), (out), ASYNCIO_WHERE, __func__)
#endif
#define ASYNCIO_AWAIT(...) ASYNCIO__CAT(ASYNCIO__AWAIT_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)

/* ---- TRY ---- */

#define ASYNCIO_TRY(...) ASYNCIO__TRY(ASYNCIO__CAT(asyncio_status_, __COUNTER__), __VA_ARGS__)
#define ASYNCIO__TRY(status_, ...)                                                                 \
    (__extension__({                                                                               \
        const int status_ = (__VA_ARGS__);                                                         \
        if (__builtin_expect(status_ < 0, 0)) return asyncio_leave(status_);                       \
        status_;                                                                                   \
    }))

#define ASYNCIO_RAISE(code, ...)                                                                   \
    return asyncio_leave(asyncio_raise((code), ASYNCIO_WHERE, __func__, __VA_ARGS__))

/* ---- RETURN: with an argument or without, told apart without __VA_OPT__ ---- */

#define ASYNCIO__PROBE(...) ,
#define ASYNCIO__ISEMPTY(...)                                                                      \
    ASYNCIO__ISEMPTY_(                                                                             \
        ASYNCIO__HASCOMMA(__VA_ARGS__), ASYNCIO__HASCOMMA(ASYNCIO__PROBE __VA_ARGS__),             \
        ASYNCIO__HASCOMMA(__VA_ARGS__()), ASYNCIO__HASCOMMA(ASYNCIO__PROBE __VA_ARGS__()))
#define ASYNCIO__ISEMPTY_(a, b, c, d) ASYNCIO__ISEMPTY_2(a, b, c, d)
#define ASYNCIO__ISEMPTY_2(a, b, c, d) ASYNCIO__HASCOMMA(ASYNCIO__EMPTY_##a##b##c##d)
#define ASYNCIO__EMPTY_0001 ,
#define ASYNCIO__RETURN_1() ASYNCIO__RETURN_VALUE(asyncio_none())
#define ASYNCIO__RETURN_0(...) ASYNCIO__RETURN_VALUE(ASYNCIO_VALUE((__VA_ARGS__)))
#define ASYNCIO__RETURN_VALUE(v)                                                                   \
    do {                                                                                           \
        *RETURN_outside_an_ASYNC_function = (v);                                                   \
        return 0;                                                                                  \
    } while (0)
#define ASYNCIO_RETURN(...)                                                                        \
    ASYNCIO__CAT(ASYNCIO__RETURN_, ASYNCIO__ISEMPTY(__VA_ARGS__))(__VA_ARGS__)

/* ---- ASYNC ---- */

#define ASYNCIO__EAT(...)
#define ASYNCIO__FIELD(a) __typeof__ a;
#define ASYNCIO__PARAM(a) __typeof__ a
#define ASYNCIO__NAME(a) ASYNCIO__EAT a
#define ASYNCIO__ARG(a) asyncio_args_.ASYNCIO__EAT a
#define ASYNCIO__COMMA() ,
#define ASYNCIO__NOTHING()
#define ASYNCIO__MAP_1(m, s, a) m(a)
#define ASYNCIO__MAP_2(m, s, a, ...) m(a) s() ASYNCIO__MAP_1(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_3(m, s, a, ...) m(a) s() ASYNCIO__MAP_2(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_4(m, s, a, ...) m(a) s() ASYNCIO__MAP_3(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_5(m, s, a, ...) m(a) s() ASYNCIO__MAP_4(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_6(m, s, a, ...) m(a) s() ASYNCIO__MAP_5(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_7(m, s, a, ...) m(a) s() ASYNCIO__MAP_6(m, s, __VA_ARGS__)
#define ASYNCIO__MAP_8(m, s, a, ...) m(a) s() ASYNCIO__MAP_7(m, s, __VA_ARGS__)
#define ASYNCIO__MAP(m, s, ...)                                                                    \
    ASYNCIO__CAT(ASYNCIO__MAP_, ASYNCIO__N(__VA_ARGS__))(m, s, __VA_ARGS__)

#define ASYNCIO__CORO_TYPE(fn, args_size)                                                          \
    static const asyncio_coro_type fn##_coro_type = { sizeof(asyncio_coro_type),                   \
                                                      #fn,                                         \
                                                      __FILE__,                                    \
                                                      __LINE__,                                    \
                                                      args_size,                                   \
                                                      fn##_coro_run,                               \
                                                      NULL,                                        \
                                                      NULL,                                        \
                                                      NULL };
#define ASYNCIO__ASYNC_1(fn)                                                                       \
    asyncio_coro fn(void) ASYNCIO_MUST_USE;                                                        \
    static int fn##_coro(asyncio_value *RETURN_outside_an_ASYNC_function);                         \
    static int fn##_coro_run(const void *asyncio_p_, asyncio_value *asyncio_r_) {                  \
        (void)asyncio_p_;                                                                          \
        return fn##_coro(asyncio_r_);                                                              \
    }                                                                                              \
    ASYNCIO__CORO_TYPE(fn, 1)                                                                      \
    asyncio_coro fn(void) {                                                                        \
        asyncio_coro asyncio_coro_;                                                                \
        asyncio_coro_.type = &fn##_coro_type;                                                      \
        asyncio_coro_.reserved = NULL;                                                             \
        return asyncio_coro_;                                                                      \
    }                                                                                              \
    static int fn##_coro(asyncio_value *RETURN_outside_an_ASYNC_function __attribute__((unused)))
#define ASYNCIO__ASYNC_ARGS(fn, ...)                                                               \
    asyncio_coro fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__)) ASYNCIO_MUST_USE;   \
    struct fn##_coro_args {                                                                        \
        ASYNCIO__MAP(ASYNCIO__FIELD, ASYNCIO__NOTHING, __VA_ARGS__)                                \
    };                                                                                             \
    ASYNCIO_STATIC_ASSERT(sizeof(struct fn##_coro_args) <= ASYNCIO_ARGS_MAX,                       \
                          "the arguments of coroutine " #fn " exceed 64 bytes: pass a pointer");   \
    static int fn##_coro(asyncio_value *RETURN_outside_an_ASYNC_function,                          \
                         ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__));               \
    static int fn##_coro_run(const void *asyncio_p_, asyncio_value *asyncio_r_) {                  \
        struct fn##_coro_args asyncio_args_;                                                       \
        memcpy(&asyncio_args_, asyncio_p_, sizeof asyncio_args_);                                  \
        return fn##_coro(asyncio_r_, ASYNCIO__MAP(ASYNCIO__ARG, ASYNCIO__COMMA, __VA_ARGS__));     \
    }                                                                                              \
    ASYNCIO__CORO_TYPE(fn, sizeof(struct fn##_coro_args))                                          \
    asyncio_coro fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__)) {                   \
        const struct fn##_coro_args asyncio_args_ = { ASYNCIO__MAP(ASYNCIO__NAME, ASYNCIO__COMMA,  \
                                                                   __VA_ARGS__) };                 \
        asyncio_coro asyncio_coro_;                                                                \
        asyncio_coro_.type = &fn##_coro_type;                                                      \
        asyncio_coro_.reserved = NULL;                                                             \
        memcpy(asyncio_coro_.args.bytes, &asyncio_args_, sizeof asyncio_args_);                    \
        return asyncio_coro_;                                                                      \
    }                                                                                              \
    static int fn##_coro(asyncio_value *RETURN_outside_an_ASYNC_function __attribute__((unused)),  \
                         ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__))
#define ASYNCIO__ASYNC_TOO_MANY(fn, ...)                                                           \
    ASYNCIO_STATIC_ASSERT(0, "coroutine " #fn " has more than 8 arguments: pass a pointer");       \
    static int fn##_coro(void)
#define ASYNCIO__ASYNC_2 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_3 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_4 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_5 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_6 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_7 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_8 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_9 ASYNCIO__ASYNC_ARGS
#define ASYNCIO__ASYNC_10 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_11 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_12 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_13 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_14 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_15 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO__ASYNC_16 ASYNCIO__ASYNC_TOO_MANY
#define ASYNCIO_ASYNC(...) ASYNCIO__CAT(ASYNCIO__ASYNC_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO_ASYNC_DECL(fn, ...) asyncio_coro fn(__VA_ARGS__) ASYNCIO_MUST_USE

#ifndef ASYNCIO_NO_KEYWORDS
#define ASYNC ASYNCIO_ASYNC
#define ASYNC_DECL ASYNCIO_ASYNC_DECL
#define ASYNC_WITH ASYNCIO_ASYNC_WITH
#define ASYNC_BLOCK ASYNCIO_ASYNC_BLOCK
#define ASYNC_WITH_BLOCK ASYNCIO_ASYNC_WITH_BLOCK
#define AWAIT ASYNCIO_AWAIT
#define TRY ASYNCIO_TRY
#define RETURN ASYNCIO_RETURN
#define RAISE ASYNCIO_RAISE
#endif

#endif
