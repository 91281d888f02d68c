/* SPDX-License-Identifier: MIT
 *
 * asyncio/generator.h: asynchronous generators: coroutines that hand out values on the way.
 *
 *     ASYNC_GEN(ticker, (double) delay, (int) to) {
 *         for (int i = 0; i < to; i++) {
 *             TRY(YIELD(i));
 *             TRY(AWAIT(asyncio_sleep(delay)));
 *         }
 *         RETURN();
 *     }
 *
 *     asyncio_auto_gen g = ticker(1.0, 3);
 *     asyncio_value v;
 *     int rc;
 *     ASYNC_FOR(v, g, rc) printf("%lld\n", v.i);
 *     TRY(rc);
 *
 * A generator runs inside whichever task advances it, on a stack of its own. Its AWAITs suspend
 * that task. YIELD gives a value to the task and stops until it is advanced again.
 *
 * Part: core.
 */
#ifndef ASYNCIO_GENERATOR_H
#define ASYNCIO_GENERATOR_H

#include <asyncio/keywords.h>
#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_gen asyncio_gen;

/* What all generators of one function share; ASYNC_GEN makes one. */
typedef struct asyncio_gen_type {
    size_t size;      /* sizeof(asyncio_gen_type) */
    const char *name; /* of the generator function */
    const char *file; /* where it is defined */
    int line;
    /* The body, with the generator and its 64 bytes of arguments. Ends with a status. */
    int (*run)(asyncio_gen *gen, const void *args);
} asyncio_gen_type;

/* A new generator that has not started. args: n bytes, at most 64, copied; NULL: none. NULL
 * without memory, or (ASYNCIO_TYPE_ERROR in the slot) for a bad type.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: calling the function. */
ASYNCIO_API asyncio_gen *asyncio_gen_new(const asyncio_gen_type *type, const void *args, size_t n)
    ASYNCIO_MUST_USE;

/* References. When the last one of a started generator goes, the running loop closes it in a task
 * of its own; without a running loop it is unwound at once by ASYNCIO_GENERATOR_EXIT.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: the generator's finalizer. */
ASYNCIO_API asyncio_gen *asyncio_gen_ref(asyncio_gen *gen);
ASYNCIO_API void asyncio_gen_unref(asyncio_gen *gen);

/* The next value. Errors, when awaited: ASYNCIO_STOP_ASYNC_ITERATION at the end; what the
 * generator fails with; ASYNCIO_RUNTIME_ERROR while another task advances it;
 * ASYNCIO_CANCELLED_ERROR; -ENOMEM for its stack.
 * Suspends: yes (when awaited). Thread: loop. Owner: the value is yours. Since: 0.1.
 * Python: anext(), agen.__anext__. */
ASYNCIO_API asyncio_coro asyncio_gen_next(asyncio_gen *gen) ASYNCIO_MUST_USE;

/* As next; the YIELD it stands at gives `value` (moved once it is awaited) to the generator.
 * ASYNCIO_TYPE_ERROR for a value that is not None when it has not started.
 * Suspends: yes (when awaited). Thread: loop. Owner: the value it gives is yours. Since: 0.1.
 * Python: agen.asend. */
ASYNCIO_API asyncio_coro asyncio_gen_send(asyncio_gen *gen, asyncio_value value) ASYNCIO_MUST_USE;

/* As next; the YIELD it stands at fails with the error (a reference is taken over once it is
 * awaited). One that has not started ends, and the error comes back; one that has ended gives
 * None. ASYNCIO_TYPE_ERROR without an error.
 * Suspends: yes (when awaited). Thread: loop. Owner: takes `error`. Since: 0.1.
 * Python: agen.athrow. */
ASYNCIO_API asyncio_coro asyncio_gen_throw(asyncio_gen *gen, asyncio_error *error) ASYNCIO_MUST_USE;

/* Ends it: the YIELD it stands at fails with ASYNCIO_GENERATOR_EXIT. Nothing if it has not
 * started or has ended. The exits of its blocks run in the task that awaits this. Errors, when
 * awaited: ASYNCIO_RUNTIME_ERROR if it is running, or yields again: then its open blocks are left,
 * but its local variables stay as they are; what it fails with instead.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: agen.aclose. */
ASYNCIO_API asyncio_coro asyncio_gen_aclose(asyncio_gen *gen) ASYNCIO_MUST_USE;

/* Inside the generator: gives a value (moved) and waits to be advanced. Returns 0 with what was
 * sent in *sent (yours; NULL: dropped), or the status of the error thrown in. YIELD is the keyword.
 * ASYNCIO_RUNTIME_ERROR outside the generator, and in a coroutine that it awaits.
 * Suspends: yes. Thread: loop. Owner: takes `value`. Since: 0.1. Python: yield. */
ASYNCIO_API int asyncio_gen_yield(asyncio_gen *gen, asyncio_value value, asyncio_value *sent,
                                  const char *where, const char *func) ASYNCIO_MUST_USE;

/* Closes all generators that have not ended, in the order in which an operation on them (next,
 * send, throw) was first made while the loop ran, awaited or not; asyncio_run does so at its end.
 * Errors of theirs go to the exception handler.
 * Suspends: yes (when awaited). Thread: loop. Since: 0.1. Python: loop.shutdown_asyncgens. */
ASYNCIO_API asyncio_coro asyncio_loop_shutdown_asyncgens(asyncio_loop *loop) ASYNCIO_MUST_USE;

/* How many those are: not ended, no aclose begun. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API size_t asyncio_loop_open_asyncgens(const asyncio_loop *loop);

/* One step of ASYNC_FOR: drops the value before, gets the next. false at the end, with *rc 0, or
 * the error.
 * Suspends: yes. Thread: loop. Owner: *value is yours until the next step. Since: 0.1.
 * Python: async for. */
ASYNCIO_API bool asyncio_gen_step(asyncio_gen *gen, asyncio_value *value, int *rc,
                                  const char *where, const char *func);

ASYNCIO_END_DECLS

/* ASYNC_FOR(v, gen, rc) statement: v is an asyncio_value that you declare; it must not own
 * anything before. Leaving early by break keeps the last value yours. rc is 0 after the end. */
#define ASYNCIO_ASYNC_FOR(v, gen, rc)                                                              \
    for ((v).type = NULL; asyncio_gen_step((gen), &(v), &(rc), ASYNCIO_WHERE, __func__);)

#define ASYNCIO__YIELD_1(x)                                                                        \
    asyncio_gen_yield(YIELD_outside_an_ASYNC_GEN_function, ASYNCIO_VALUE(x), NULL, ASYNCIO_WHERE,  \
                      __func__)
#define ASYNCIO__YIELD_2(x, sent)                                                                  \
    asyncio_gen_yield(YIELD_outside_an_ASYNC_GEN_function, ASYNCIO_VALUE(x), (sent),               \
                      ASYNCIO_WHERE, __func__)
#define ASYNCIO_YIELD(...) ASYNCIO__CAT(ASYNCIO__YIELD_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)

#define ASYNCIO__GEN_TYPE(fn)                                                                      \
    static const asyncio_gen_type fn##_gen_type = { sizeof(asyncio_gen_type), #fn, __FILE__,       \
                                                    __LINE__, fn##_gen_run };
/* RETURN() works in a generator; a value is of no use to anybody there and is dropped. */
#define ASYNCIO__GEN_1(fn)                                                                         \
    asyncio_gen *fn(void) ASYNCIO_MUST_USE;                                                        \
    static int fn##_gen(asyncio_gen *, asyncio_value *);                                           \
    static int fn##_gen_run(asyncio_gen *asyncio_g_, const void *asyncio_p_) {                     \
        asyncio_value asyncio_r_ = asyncio_none();                                                 \
        (void)asyncio_p_;                                                                          \
        int asyncio_rc_ = fn##_gen(asyncio_g_, &asyncio_r_);                                       \
        asyncio_value_drop(&asyncio_r_);                                                           \
        return asyncio_rc_;                                                                        \
    }                                                                                              \
    ASYNCIO__GEN_TYPE(fn)                                                                          \
    asyncio_gen *fn(void) { return asyncio_gen_new(&fn##_gen_type, NULL, 0); }                     \
    static int fn##_gen(asyncio_gen *YIELD_outside_an_ASYNC_GEN_function __attribute__((unused)),  \
                        asyncio_value *RETURN_outside_an_ASYNC_function __attribute__((unused)))
#define ASYNCIO__GEN_ARGS(fn, ...)                                                                 \
    asyncio_gen *fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__)) ASYNCIO_MUST_USE;   \
    struct fn##_gen_args {                                                                         \
        ASYNCIO__MAP(ASYNCIO__FIELD, ASYNCIO__NOTHING, __VA_ARGS__)                                \
    };                                                                                             \
    ASYNCIO_STATIC_ASSERT(sizeof(struct fn##_gen_args) <= ASYNCIO_ARGS_MAX,                        \
                          "the arguments of generator " #fn " exceed 64 bytes: pass a pointer");   \
    static int fn##_gen(asyncio_gen *, asyncio_value *,                                            \
                        ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__));                \
    static int fn##_gen_run(asyncio_gen *asyncio_g_, const void *asyncio_p_) {                     \
        struct fn##_gen_args asyncio_args_;                                                        \
        asyncio_value asyncio_r_ = asyncio_none();                                                 \
        memcpy(&asyncio_args_, asyncio_p_, sizeof asyncio_args_);                                  \
        int asyncio_rc_ = fn##_gen(asyncio_g_, &asyncio_r_,                                        \
                                   ASYNCIO__MAP(ASYNCIO__ARG, ASYNCIO__COMMA, __VA_ARGS__));       \
        asyncio_value_drop(&asyncio_r_);                                                           \
        return asyncio_rc_;                                                                        \
    }                                                                                              \
    ASYNCIO__GEN_TYPE(fn)                                                                          \
    asyncio_gen *fn(ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__)) {                   \
        const struct fn##_gen_args asyncio_args_ = { ASYNCIO__MAP(ASYNCIO__NAME, ASYNCIO__COMMA,   \
                                                                  __VA_ARGS__) };                  \
        return asyncio_gen_new(&fn##_gen_type, &asyncio_args_, sizeof asyncio_args_);              \
    }                                                                                              \
    static int fn##_gen(asyncio_gen *YIELD_outside_an_ASYNC_GEN_function __attribute__((unused)),  \
                        asyncio_value *RETURN_outside_an_ASYNC_function __attribute__((unused)),   \
                        ASYNCIO__MAP(ASYNCIO__PARAM, ASYNCIO__COMMA, __VA_ARGS__))
#define ASYNCIO__GEN_2 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_3 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_4 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_5 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_6 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_7 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_8 ASYNCIO__GEN_ARGS
#define ASYNCIO__GEN_9 ASYNCIO__GEN_ARGS
#define ASYNCIO_ASYNC_GEN(...) ASYNCIO__CAT(ASYNCIO__GEN_, ASYNCIO__N(__VA_ARGS__))(__VA_ARGS__)

#ifndef ASYNCIO_NO_KEYWORDS
#define ASYNC_GEN ASYNCIO_ASYNC_GEN
#define ASYNC_FOR ASYNCIO_ASYNC_FOR
#define YIELD ASYNCIO_YIELD
#endif

ASYNCIO__AUTO_CLASS(gen)
#define asyncio_auto_gen ASYNCIO__AUTO(gen)

#endif
