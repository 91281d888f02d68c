/* SPDX-License-Identifier: MIT
 *
 * asyncio/to_thread.h: a blocking call, awaited: it runs in a thread of the loop's default
 * executor (executor.h) while the loop goes on.
 *
 *     BLOCKING(count_lines, (const char *) path) { ... RETURN(n); }
 *     TRY(AWAIT(asyncio_to_thread(count_lines("x")), &value));
 *
 *     int compress(void *job, asyncio_value *result);
 *     TRY(AWAIT(asyncio_to_thread(compress, job, .drop = free), &value));
 *
 * BLOCKING(name, (type) arg, ...) defines a function as ASYNC does, but its body runs in a thread:
 * RETURN, TRY and RAISE are there, AWAIT is not. Its arguments are copied; what they point at must
 * stay valid until the body is over, even if the await was cancelled. (ASYNCIO_BLOCKING is the
 * spelling that is always there; ASYNCIO_BLOCKING_DECL(name, type arg, ...) declares one.)
 *
 * Part: core.
 */
#ifndef ASYNCIO_TO_THREAD_H
#define ASYNCIO_TO_THREAD_H

#include <asyncio/executor.h>
#include <asyncio/keywords.h>

ASYNCIO_BEGIN_DECLS

/* Runs fn(arg) on the default executor of the running loop, in a copy of the current context, and
 * gives its status and value. Nothing starts before it is awaited; the context option must live
 * until then. `drop` is called once from then on, also if no job could be submitted.
 * asyncio_to_thread(fn, arg, ...) is the macro; asyncio_to_thread(name(args)) is for BLOCKING
 * functions.
 * Errors, when awaited: the job's; as asyncio_loop_run_in_executor; ASYNCIO_CANCELLED_ERROR.
 * Suspends: yes (when awaited). Thread: loop. Owner: the value is yours. Since: 0.1.
 * Python: asyncio.to_thread. */
ASYNCIO_API asyncio_coro asyncio_to_thread_with(asyncio_job_function *fn,
                                                const asyncio_job_options *options)
    ASYNCIO_MUST_USE;

/* What BLOCKING's functions give: a call with its arguments, for asyncio_to_thread only. */
typedef struct asyncio_blocking {
    asyncio_coro coro;
} asyncio_blocking;

/* What such a call does when it is awaited: fn with a copy of `size` bytes at args, in a thread.
 * Errors: as asyncio_to_thread.
 * Suspends: yes. Thread: loop. Owner: *result is yours. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_blocking_await(asyncio_job_function *fn, const void *args, size_t size,
                                       const char *name, asyncio_value *result);

ASYNCIO_END_DECLS

#ifndef __cplusplus
ASYNCIO_INLINE ASYNCIO_MUST_USE asyncio_coro asyncio__blocking_coro(asyncio_blocking call) {
    return call.coro;
}
#define asyncio_to_thread(...)                                                                     \
    ASYNCIO__CAT(ASYNCIO__TO_THREAD_, ASYNCIO__HASCOMMA(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__TO_THREAD_0(call) asyncio__blocking_coro(call)
#define ASYNCIO__TO_THREAD_1(fn, ...)                                                              \
    asyncio_to_thread_with((fn), ASYNCIO__JOB_OPTIONS(fn, __VA_ARGS__))
#else
ASYNCIO_MUST_USE inline asyncio_coro asyncio_to_thread(const asyncio_blocking &call) {
    return call.coro;
}
ASYNCIO_MUST_USE inline asyncio_coro asyncio_to_thread(asyncio_job_function *fn, void *arg) {
    asyncio_job_options o = asyncio__job_options(arg);
    return asyncio_to_thread_with(fn, &o);
}
#endif

/* ---- BLOCKING ---- */

#define ASYNCIO__BLOCKING_1(fn)                                                                    \
    asyncio_blocking fn(void) ASYNCIO_MUST_USE;                                                    \
    static int fn##_blocking(asyncio_value *RETURN_outside_an_ASYNC_function);                     \
    static int fn##_blocking_run(void *asyncio_p_, asyncio_value *asyncio_r_) {                    \
        (void)asyncio_p_;                                                                          \
        return fn##_blocking(asyncio_r_);                                                          \
    }                                                                                              \
    static int fn##_coro_run(const void *asyncio_p_, asyncio_value *asyncio_r_) {                  \
        (void)asyncio_p_;                                                                          \
        return asyncio_blocking_await(fn##_blocking_run, NULL, 0, #fn, asyncio_r_);                \
    }                                                                                              \
    ASYNCIO__CORO_TYPE(fn, 1)                                                                      \
    asyncio_blocking fn(void) {                                                                    \
        asyncio_blocking asyncio_call_;                                                            \
        asyncio_call_.coro.type = &fn##_coro_type;                                                 \
        asyncio_call_.coro.reserved = NULL;                                                        \
        return asyncio_call_;                                                                      \
    }                                                                                              \
    static int fn##_blocking(asyncio_value *RETURN_outside_an_ASYNC_function                       \
                             __attribute__((unused)))
#define ASYNCIO__BLOCKING_ARGS(fn, ...)                                                            \
    asyncio_blocking fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__))                 \
        ASYNCIO_MUST_USE;                                                                          \
    struct fn##_blocking_args {                                                                    \
        ASYNCIO__MAP(ASYNCIO__FIELD, ASYNCIO__NOTHING, __VA_ARGS__)                                \
    };                                                                                             \
    ASYNCIO_STATIC_ASSERT(sizeof(struct fn##_blocking_args) <= ASYNCIO_ARGS_MAX,                   \
                          "the arguments of " #fn " exceed 64 bytes: pass a pointer");             \
    static int fn##_blocking(asyncio_value *RETURN_outside_an_ASYNC_function,                      \
                             ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__));           \
    static int fn##_blocking_run(void *asyncio_p_, asyncio_value *asyncio_r_) {                    \
        struct fn##_blocking_args asyncio_args_;                                                   \
        memcpy(&asyncio_args_, asyncio_p_, sizeof asyncio_args_);                                  \
        return fn##_blocking(asyncio_r_, ASYNCIO__MAP(ASYNCIO__ARG, ASYNCIO__COMMA, __VA_ARGS__)); \
    }                                                                                              \
    static int fn##_coro_run(const void *asyncio_p_, asyncio_value *asyncio_r_) {                  \
        return asyncio_blocking_await(fn##_blocking_run, asyncio_p_,                               \
                                      sizeof(struct fn##_blocking_args), #fn, asyncio_r_);         \
    }                                                                                              \
    ASYNCIO__CORO_TYPE(fn, sizeof(struct fn##_blocking_args))                                      \
    asyncio_blocking fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__)) {               \
        const struct fn##_blocking_args asyncio_args_ = { ASYNCIO__MAP(                            \
            ASYNCIO__NAME, ASYNCIO__COMMA, __VA_ARGS__) };                                         \
        asyncio_blocking asyncio_call_;                                                            \
        asyncio_call_.coro.type = &fn##_coro_type;                                                 \
        asyncio_call_.coro.reserved = NULL;                                                        \
        memcpy(asyncio_call_.coro.args.bytes, &asyncio_args_, sizeof asyncio_args_);               \
        return asyncio_call_;                                                                      \
    }                                                                                              \
    static int fn##_blocking(asyncio_value *RETURN_outside_an_ASYNC_function                       \
                             __attribute__((unused)),                                              \
                             ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__))
#define ASYNCIO__BLOCKING_TOO_MANY(fn, ...)                                                        \
    ASYNCIO_STATIC_ASSERT(0, #fn " has more than 8 arguments: pass a pointer");                    \
    static int fn##_blocking(void)
#define ASYNCIO__BLOCKING_2 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_3 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_4 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_5 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_6 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_7 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_8 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_9 ASYNCIO__BLOCKING_ARGS
#define ASYNCIO__BLOCKING_10 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_11 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_12 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_13 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_14 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_15 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO__BLOCKING_16 ASYNCIO__BLOCKING_TOO_MANY
#define ASYNCIO_BLOCKING(...) ASYNCIO__CAT(ASYNCIO__BLOCKING_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO_BLOCKING_DECL(fn, ...) asyncio_blocking fn(__VA_ARGS__) ASYNCIO_MUST_USE

#ifndef ASYNCIO_NO_KEYWORDS
#define BLOCKING ASYNCIO_BLOCKING
#define BLOCKING_DECL ASYNCIO_BLOCKING_DECL
#endif

#endif
