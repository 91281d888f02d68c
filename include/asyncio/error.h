/* SPDX-License-Identifier: MIT
 *
 * asyncio/error.h: statuses, error objects, and the error slot.
 *
 * A status is an int: >= 0 is fine, negative is a code, either -errno of the
 * system or one of the codes below, which lie beyond the range of errno. Every
 * failure can also carry an error object: code, message, the place where it was
 * raised, the frames it was raised under, cause, context, children, an argument.
 *
 * Where the object travels. Each task has one error slot (code that runs outside
 * tasks has one a thread). Raising fills it, the status says that it is filled;
 * awaiting something that fails fills it with the error of what was awaited;
 * awaiting something that succeeds leaves it as it was. A negative status that no
 * object in the slot matches is an error too, a bare one: the object is made when
 * somebody asks for it. So `return rc;` always propagates the right error.
 *
 * Part: core.
 */
#ifndef ASYNCIO_ERROR_H
#define ASYNCIO_ERROR_H

#include <asyncio/value.h>

ASYNCIO_BEGIN_DECLS

/* Codes. Python's exception class X is its name in capitals. The first block is
 * what `except Exception` does not catch. Codes of your own: ASYNCIO_USER_ERROR
 * and below. */
enum {
    ASYNCIO_CANCELLED_ERROR = -10001,
    ASYNCIO_GENERATOR_EXIT = -10002,
    ASYNCIO_KEYBOARD_INTERRUPT = -10003,
    ASYNCIO_SYSTEM_EXIT = -10004,
    ASYNCIO_BASE_EXCEPTION_GROUP = -10005,
    ASYNCIO_BASE_EXCEPTION = -10006,

    ASYNCIO_EXCEPTION = -10101,
    ASYNCIO_EXCEPTION_GROUP = -10102,
    ASYNCIO_INVALID_STATE_ERROR = -10103,
    ASYNCIO_TIMEOUT_ERROR = -10104,
    ASYNCIO_RUNTIME_ERROR = -10105,
    ASYNCIO_VALUE_ERROR = -10106,
    ASYNCIO_TYPE_ERROR = -10107,
    ASYNCIO_LOOKUP_ERROR = -10108,
    ASYNCIO_KEY_ERROR = -10109,
    ASYNCIO_INDEX_ERROR = -10110,
    ASYNCIO_STOP_ASYNC_ITERATION = -10111,
    ASYNCIO_QUEUE_EMPTY = -10112,
    ASYNCIO_QUEUE_FULL = -10113,
    ASYNCIO_QUEUE_SHUT_DOWN = -10114,
    ASYNCIO_BROKEN_BARRIER_ERROR = -10115,
    ASYNCIO_NOT_IMPLEMENTED_ERROR = -10116,
    ASYNCIO_ASSERTION_ERROR = -10117,
    ASYNCIO_ARITHMETIC_ERROR = -10118,
    ASYNCIO_ZERO_DIVISION_ERROR = -10119,
    ASYNCIO_OS_ERROR = -10120,
    ASYNCIO_CONNECTION_ERROR = -10121,
    ASYNCIO_INCOMPLETE_READ_ERROR = -10122,
    ASYNCIO_LIMIT_OVERRUN_ERROR = -10123,
    ASYNCIO_DEADLOCK_ERROR = -10124, /* nothing is left that could wake anybody */
    ASYNCIO_SSL_ERROR = -10125,
    ASYNCIO_SSL_CERT_VERIFICATION_ERROR = -10126,
    ASYNCIO_SSL_EOF_ERROR = -10127, /* it ended without saying that it ends */

    ASYNCIO_USER_ERROR = -20000
};

/* The name of a code: "CancelledError", "ENOENT", "UserError-20001". Never NULL;
 * a static string, or for unknown codes one that is good until the thread's next
 * call. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: type(exc).__name__. */
ASYNCIO_API const char *asyncio_err_name(int code);

/* A sentence about a code, for users; for errno codes the system's. Never NULL,
 * lifetime as asyncio_err_name. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API const char *asyncio_strerror(int code);

/* Whether `except Exception` would catch the status: negative, and none of
 * CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit, BaseExceptionGroup,
 * BaseException. Errors: none.
 * Suspends: no. Thread: signal. Since: 0.1. Python: except Exception. */
ASYNCIO_API bool asyncio_is_exception(int status);

/* Whether the other side of a connection, or the network between, can cause that
 * status whenever it likes: a reset, a broken pipe, an end without close_notify,
 * bytes that are no TLS, a host that is gone. A server counts such errors; each
 * for itself is no fault of the program's. ASYNCIO_TIMEOUT_ERROR, which may be of
 * a timeout of your own, and ASYNCIO_INCOMPLETE_READ_ERROR, which says that a
 * message was cut off, are not among them. Errors: none.
 * Suspends: no. Thread: signal. Since: 0.2. Python: except (ConnectionError, ssl.SSLError). */
ASYNCIO_API bool asyncio_is_connection_error(int status);

/* Raises: makes an error object with a printf message, puts it into the slot (the
 * error that was there becomes its context) and returns `code`, so that it can be
 * returned in turn. fmt NULL: no message. Without memory for the object the code
 * alone is raised. code >= 0 is turned into ASYNCIO_TYPE_ERROR. RAISE() is the
 * keyword. Result: the negative code.
 * Suspends: no. Thread: any. Since: 0.1. Python: raise. */
ASYNCIO_API int asyncio_raise(int code, const char *where, const char *func, const char *fmt, ...)
    ASYNCIO_PRINTF(4, 5) ASYNCIO_COLD;

/* Whether rc is `code`; if so the error is handled: it leaves the slot.
 * Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: except X. */
ASYNCIO_API bool asyncio_catch(int rc, int code);

/* Takes the error of a negative status out of the slot; it is handled then. A bare
 * status gets an object made for it. Returns NULL if rc >= 0, or if there is no
 * memory for that object.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: except ... as e. */
ASYNCIO_API asyncio_error *asyncio_error_take(int rc) ASYNCIO_MUST_USE;

/* Raises an error object again, unchanged. Takes your reference. Result: its
 * code; NULL gives ASYNCIO_TYPE_ERROR.
 * Suspends: no. Thread: any. Owner: takes `error`. Since: 0.1. Python: raise e. */
ASYNCIO_API int asyncio_reraise(asyncio_error *error) ASYNCIO_MUST_USE;

/* Drops a status that is not wanted, visibly. Its error leaves the slot.
 * Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: except: pass. */
ASYNCIO_API void asyncio_ignore(int status);

/* A new error object that is nowhere raised yet. NULL without memory, or if
 * code >= 0.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: X("..."). */
ASYNCIO_API asyncio_error *asyncio_error_new(int code, const char *fmt, ...) ASYNCIO_PRINTF(2, 3)
    ASYNCIO_MUST_USE;

/* One more, one less reference. Error objects may be shared between threads; their
 * count is atomic. unref(NULL) does nothing. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_error *asyncio_error_ref(asyncio_error *error);
ASYNCIO_API void asyncio_error_unref(asyncio_error *error);

/* Properties, lent. message: NULL if there is none. where: "file:line" or NULL;
 * func: NULL if unknown. cause: what it was raised from; context: what was being
 * handled when it was raised. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: e.args[0], __cause__, __context__. */
ASYNCIO_API int asyncio_error_code(const asyncio_error *error);
ASYNCIO_API const char *asyncio_error_message(const asyncio_error *error);
ASYNCIO_API const char *asyncio_error_where(const asyncio_error *error);
ASYNCIO_API const char *asyncio_error_func(const asyncio_error *error);
ASYNCIO_API asyncio_error *asyncio_error_cause(const asyncio_error *error);
ASYNCIO_API asyncio_error *asyncio_error_context(const asyncio_error *error);

/* The argument of an error: any value, for programs that need more than a message.
 * asyncio_error_value lends it (None if there is none); set_value takes it over
 * and drops the former. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: e.args. */
ASYNCIO_API asyncio_value asyncio_error_value(const asyncio_error *error);
ASYNCIO_API void asyncio_error_set_value(asyncio_error *error, asyncio_value value);

/* Adds a note, which is printed below the error: what is known where it passes and was not
 * where it was raised. A printf text. Only while no other thread has the error. Returns 0;
 * ASYNCIO_TYPE_ERROR for NULL; -ENOMEM.
 * Suspends: no. Thread: any. Since: 0.1. Python: e.add_note. */
ASYNCIO_API int asyncio_error_add_note(asyncio_error *error, const char *fmt, ...)
    ASYNCIO_PRINTF(2, 3);

/* Its notes in the order they were added, lent; NULL behind the last. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: e.__notes__. */
ASYNCIO_API const char *asyncio_error_note(const asyncio_error *error, size_t index);

/* Sets the cause; holds a reference of its own. A cause that would close a circle
 * is refused: ASYNCIO_VALUE_ERROR, otherwise 0.
 * Suspends: no. Thread: any. Since: 0.1. Python: raise e from cause. */
ASYNCIO_API int asyncio_error_set_cause(asyncio_error *error, asyncio_error *cause);

/* Writes "ValueError('bad')" into buf of n bytes; groups show their members.
 * Returns the length it needs, as snprintf. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_error_repr(const asyncio_error *error, char *buf, size_t n);

/* Prints the error as a traceback: causes and contexts first, the frames, the
 * error, members of groups as a tree. file NULL: standard error. Errors: none
 * (those of the stream stay with the stream).
 * Suspends: no. Thread: any. Since: 0.1. Python: traceback.print_exception. */
ASYNCIO_API void asyncio_error_print(const asyncio_error *error, FILE *file);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(error)
#define asyncio_auto_error ASYNCIO__AUTO(error)

#endif
