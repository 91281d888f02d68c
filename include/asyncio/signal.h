/* SPDX-License-Identifier: MIT
 *
 * asyncio/signal.h: signals of the system, as callbacks of the loop and as a stream to iterate
 * over. What runs is not a signal handler: it may call everything.
 *
 *     asyncio_auto_signals s = asyncio_signals_new(2, (int[]){ SIGHUP, SIGTERM });
 *     for (;;) {
 *         int signum = TRY(AWAIT(asyncio_signals_next(s)));
 *         if (signum == SIGTERM) break;
 *         reload();
 *     }
 *
 * While anybody asks for a signal, what the system would otherwise do at it does not happen.
 * Several loops may ask for the same one: each is told.
 *
 * Part: io.
 */
#ifndef ASYNCIO_SIGNAL_H
#define ASYNCIO_SIGNAL_H

#include <asyncio/loop.h>

ASYNCIO_BEGIN_DECLS

/* Has a callback called in the loop at each signal of that number; another callback that the loop
 * had for it is replaced. In C the macro of the same name without _with takes `arg` and options
 * as asyncio_loop_call_soon does (.handle is not filled in). System calls that a signal interrupts
 * go on. Signals come coalesced, as the system delivers them.
 * Returns 0; ASYNCIO_VALUE_ERROR if there is no such signal; ASYNCIO_RUNTIME_ERROR if it cannot be
 * caught (SIGKILL, SIGSTOP), cannot be caught for later (SIGSEGV, SIGBUS, SIGFPE, SIGILL), or the
 * loop is closed; ASYNCIO_TYPE_ERROR for a NULL callback or loop; -ENOMEM. On failure `drop` is
 * not called.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.add_signal_handler. */
ASYNCIO_API int asyncio_loop_add_signal_handler_with(asyncio_loop *loop, int signum,
                                                     asyncio_callback *fn,
                                                     const asyncio_call_options *options);

/* Removes the callback: 1 if there was one, 0 if not. When nobody asks for the signal any more,
 * what was set before is set again. ASYNCIO_VALUE_ERROR if there is no such signal;
 * ASYNCIO_TYPE_ERROR for a NULL loop.
 * Suspends: no. Thread: loop. Since: 0.1. Python: loop.remove_signal_handler. */
ASYNCIO_API int asyncio_loop_remove_signal_handler(asyncio_loop *loop, int signum);

typedef struct asyncio_signals asyncio_signals;

/* Receives n kinds of signals from now on, in the running loop. NULL: see the slot: as
 * add_signal_handler, ASYNCIO_VALUE_ERROR for n == 0, ASYNCIO_RUNTIME_ERROR without a running
 * loop. unref with the last reference stops receiving; a task that waits is not woken.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: none (trio has it). */
ASYNCIO_API asyncio_signals *asyncio_signals_new(size_t n, const int *signums) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_signals *asyncio_signals_ref(asyncio_signals *signals);
ASYNCIO_API void asyncio_signals_unref(asyncio_signals *signals);

/* The next signal: its number, as status and as value. What came while nobody waited is kept, each
 * number once; of several that came the lowest number is first.
 * Errors, when awaited: ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_RUNTIME_ERROR in another loop;
 * ASYNCIO_CANCELLED_ERROR (no signal is lost).
 * Suspends: yes (when awaited, unless there is one). Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_coro asyncio_signals_next(asyncio_signals *signals) ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_loop_add_signal_handler(loop, signum, fn, ...)                                     \
    asyncio_loop_add_signal_handler_with((loop), (signum), (fn),                                   \
                                         ASYNCIO__CALL_OPTIONS(fn, __VA_ARGS__))
#else
inline int asyncio_loop_add_signal_handler(asyncio_loop *loop, int signum, asyncio_callback *fn,
                                           void *arg) {
    asyncio_call_options o = asyncio__call_options(arg);
    return asyncio_loop_add_signal_handler_with(loop, signum, fn, &o);
}
#endif

ASYNCIO__AUTO_CLASS(signals)
#define asyncio_auto_signals ASYNCIO__AUTO(signals)

#endif
