/* SPDX-License-Identifier: MIT
 *
 * asyncio/errorgroup.h: groups of errors, and taking them apart.
 *
 * A group is an error whose members are errors; a TaskGroup ends with one if its tasks fail.
 * What is Python's `except*` is asyncio_catch_group, once for each clause:
 *
 *     int rc = AWAIT(work());
 *     asyncio_auto_error refused = asyncio_catch_group(&rc, ASYNCIO_CONNECTION_ERROR);
 *     if (refused) asyncio_error_print(refused, stderr);
 *     asyncio_auto_error late = asyncio_catch_group(&rc, ASYNCIO_TIMEOUT_ERROR);
 *     if (late) puts("too slow");
 *     TRY(rc);
 *
 * Part: core.
 */
#ifndef ASYNCIO_ERRORGROUP_H
#define ASYNCIO_ERRORGROUP_H

#include <asyncio/error.h>

ASYNCIO_BEGIN_DECLS

/* A new group of `n` errors under one message (NULL: an empty one). asyncio_error_group:
 * ASYNCIO_EXCEPTION_GROUP if all are exceptions in the sense of asyncio_is_exception,
 * ASYNCIO_BASE_EXCEPTION_GROUP otherwise; exception_group: refuses others. Holds references
 * of its own to the members. NULL, raised: ASYNCIO_VALUE_ERROR if n is 0 or a member is
 * NULL; ASYNCIO_TYPE_ERROR if there is no array, or a member is refused; -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: BaseExceptionGroup,
 * ExceptionGroup. */
ASYNCIO_API asyncio_error *asyncio_errorgroup_new(const char *message, size_t n,
                                                  asyncio_error *const *members) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_error *asyncio_error_exception_group(const char *message, size_t n,
                                                         asyncio_error *const *members)
    ASYNCIO_MUST_USE;

/* A new group of other members with what else `group` has: message, notes, frames, cause and
 * context, and its argument, if that can be copied. Its kind follows from the members. NULL as
 * asyncio_error_group; ASYNCIO_TYPE_ERROR also if `group` is NULL.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: eg.derive. */
ASYNCIO_API asyncio_error *asyncio_error_derive(const asyncio_error *group, size_t n,
                                                asyncio_error *const *members) ASYNCIO_MUST_USE;

/* The members of a group; 0 and NULL for other errors or an index out of range.
 * Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: e.exceptions. */
ASYNCIO_API size_t asyncio_error_count(const asyncio_error *error);
ASYNCIO_API asyncio_error *asyncio_error_child(const asyncio_error *error, size_t index);

/* Whether an error is one of those that are looked for. Groups are asked about, too, before
 * their members; a group that is wanted is taken as it is. */
typedef bool asyncio_error_predicate(const asyncio_error *error, void *arg);

/* Parts a group into the errors of a code (or those a predicate wants), *match, and the
 * others, *rest. Both keep the tree's form: what is left of a group is a group derived from
 * it, and a group of which nothing is left is not there. NULL in *match or *rest: there are
 * none. An error that is no group is the one or the other itself. Either pointer may be NULL.
 * The code of a group means that group, not its members. Returns 0; ASYNCIO_TYPE_ERROR for
 * NULL or a code >= 0; -ENOMEM.
 * Suspends: no. Thread: any. Owner: *match and *rest are yours. Since: 0.1.
 * Python: eg.split. */
ASYNCIO_API int asyncio_error_split(asyncio_error *group, int code, asyncio_error **match,
                                    asyncio_error **rest) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_error_split_if(asyncio_error *group, asyncio_error_predicate *predicate,
                                       void *arg, asyncio_error **match, asyncio_error **rest)
    ASYNCIO_MUST_USE;

/* The first half of split alone.
 * Suspends: no. Thread: any. Owner: *match is yours. Since: 0.1. Python: eg.subgroup. */
ASYNCIO_API int asyncio_error_subgroup(asyncio_error *group, int code, asyncio_error **match)
    ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_error_subgroup_if(asyncio_error *group, asyncio_error_predicate *predicate,
                                          void *arg, asyncio_error **match) ASYNCIO_MUST_USE;

/* Takes what has that code (or what a predicate wants) out of the error of *rc: a group, also
 * if it is one error alone. The rest stays in the slot, and *rc becomes its status, 0 if
 * nothing is left. NULL if nothing matches or *rc >= 0; then nothing is changed, unless there
 * was no memory: then *rc is -ENOMEM, with the whole error as its context.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: except* X as e. */
ASYNCIO_API asyncio_error *asyncio_catch_group(int *rc, int code) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_error *asyncio_catch_group_if(int *rc, asyncio_error_predicate *predicate,
                                                  void *arg) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
