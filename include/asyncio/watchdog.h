/* SPDX-License-Identifier: MIT
 *
 * asyncio/watchdog.h: a thread that notices a loop which one of its steps has blocked, and says so
 * while that goes on.
 *
 * Part: core.
 */
#ifndef ASYNCIO_WATCHDOG_H
#define ASYNCIO_WATCHDOG_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* What a watchdog has found. Fields are lent for the call. */
typedef struct asyncio_watchdog_report {
    size_t size;      /* sizeof(asyncio_watchdog_report) */
    double seconds;   /* for how long already, at least */
    const char *task; /* the name of the task whose step it is; NULL: a callback, or not known */
    const char *text; /* all of it in words: the task, its frames, where it is; several lines */
} asyncio_watchdog_report;

/* Told while a loop is blocked, once for each such step, in the watchdog's own thread: nothing of
 * the loop's may be used but what may be called from any thread. */
typedef void asyncio_watchdog_function(asyncio_loop *loop, const asyncio_watchdog_report *report,
                                       void *arg);

/* Sets a watchdog for a loop: a thread that runs while the loop does and reports a step that has
 * taken `limit` seconds or more: while it lasts to fn (NULL: a text on standard error), and when it
 * is over, with the whole time, to the loop's exception handler. limit 0: none, the default; at
 * first the environment variable ASYNCIO_WATCHDOG, in seconds. get gives the limit.
 * The steps of a watched loop take a little longer; a loop without one pays nothing. A thread that
 * cannot be started is reported to the exception handler.
 * Returns 0; ASYNCIO_VALUE_ERROR for NaN or less than 0; ASYNCIO_TYPE_ERROR for NULL;
 * ASYNCIO_RUNTIME_ERROR for a closed loop, or while it runs in another thread.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_loop_set_watchdog(asyncio_loop *loop, double limit,
                                          asyncio_watchdog_function *fn, void *arg);
ASYNCIO_API double asyncio_loop_get_watchdog(const asyncio_loop *loop);

ASYNCIO_END_DECLS

#endif
