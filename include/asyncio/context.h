/* SPDX-License-Identifier: MIT
 *
 * asyncio/context.h: context variables, as Python's contextvars: values that follow
 * a task instead of a thread. A task runs in a copy of its creator's context; a
 * copy costs one counter, a set costs the number of variables set.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CONTEXT_H
#define ASYNCIO_CONTEXT_H

#include <asyncio/value.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_contextvar asyncio_contextvar;
typedef struct asyncio_token asyncio_token; /* the value before a set */

/* A new context variable. name is copied. default_value: moved in; NULL: none, and
 * get fails while nothing is set. Variables are usually made once and live as long as
 * the program; contexts that hold a value hold the variable. NULL without memory, or
 * (ASYNCIO_TYPE_ERROR in the slot) without a name.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: ContextVar(). */
ASYNCIO_API asyncio_contextvar *asyncio_contextvar_new(const char *name,
                                                       const asyncio_value *default_value)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_contextvar *asyncio_contextvar_ref(asyncio_contextvar *var);
ASYNCIO_API void asyncio_contextvar_unref(asyncio_contextvar *var);

/* Its name, lent. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: var.name. */
ASYNCIO_API const char *asyncio_contextvar_name(const asyncio_contextvar *var);

/* The value in the current context, or the default; lent, until the next set in this
 * context. Returns 0, or ASYNCIO_LOOKUP_ERROR if there is neither (*out untouched).
 * Suspends: no. Thread: any. Since: 0.1. Python: var.get(). */
ASYNCIO_API int asyncio_contextvar_get(asyncio_contextvar *var, asyncio_value *out)
    ASYNCIO_MUST_USE;

/* Sets it in the current context. value is moved in, whatever the result. token: where
 * to put what reset needs, yours to unref; NULL if it is not wanted. Returns 0 or
 * -ENOMEM (nothing changed).
 * Suspends: no. Thread: any. Since: 0.1. Python: var.set(). */
ASYNCIO_API int asyncio_contextvar_set(asyncio_contextvar *var, asyncio_value value,
                                       asyncio_token **token) ASYNCIO_MUST_USE;

/* Puts the value before the set with that token back, or none at all. Returns 0;
 * ASYNCIO_RUNTIME_ERROR if the token was used before; ASYNCIO_VALUE_ERROR in another
 * context than the set's, or for another variable; -ENOMEM.
 * Suspends: no. Thread: any. Since: 0.1. Python: var.reset(). */
ASYNCIO_API int asyncio_contextvar_reset(asyncio_contextvar *var, asyncio_token *token)
    ASYNCIO_MUST_USE;
ASYNCIO_API void asyncio_token_unref(asyncio_token *token);

/* A copy of the current context. NULL without memory.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: copy_context(). */
ASYNCIO_API asyncio_context *asyncio_copy_context(void) ASYNCIO_MUST_USE;

/* An empty context. NULL without memory.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: Context(). */
ASYNCIO_API asyncio_context *asyncio_context_new(void) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_context *asyncio_context_ref(asyncio_context *context);
ASYNCIO_API void asyncio_context_unref(asyncio_context *context);

/* Calls fn(arg) in the context and returns what it returns. fn must not suspend.
 * ASYNCIO_RUNTIME_ERROR if the context is being run already; ASYNCIO_TYPE_ERROR for
 * NULL. What fn sets stays in the context.
 * Suspends: no. Thread: any. Since: 0.1. Python: context.run(). */
ASYNCIO_API int asyncio_context_run(asyncio_context *context, int (*fn)(void *arg), void *arg);

/* The value of a variable in that context, lent; without looking at the default.
 * Returns 0 or ASYNCIO_LOOKUP_ERROR.
 * Suspends: no. Thread: any. Since: 0.1. Python: context[var]. */
ASYNCIO_API int asyncio_context_get(asyncio_context *context, asyncio_contextvar *var,
                                    asyncio_value *out) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(contextvar)
#define asyncio_auto_contextvar ASYNCIO__AUTO(contextvar)
ASYNCIO__AUTO_CLASS(token)
#define asyncio_auto_token ASYNCIO__AUTO(token)
ASYNCIO__AUTO_CLASS(context)
#define asyncio_auto_context ASYNCIO__AUTO(context)

#endif
