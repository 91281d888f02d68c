/* SPDX-License-Identifier: MIT
 *
 * asyncio/run.h: from main() into a coroutine and back: run and Runner.
 *
 * In C:  int main(void) { return asyncio_main(hello()); }
 *        int rc = asyncio_run(work(), &value, .debug = true);
 *
 * Part: core.
 */
#ifndef ASYNCIO_RUN_H
#define ASYNCIO_RUN_H

#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_runner asyncio_runner;

typedef struct asyncio_run_options {
    size_t size;                              /* sizeof(asyncio_run_options) */
    asyncio_value *result;                    /* where the value moves to; NULL: dropped */
    int debug;                                /* > 0: on, < 0: off, 0: by environment */
    asyncio_loop *(*loop_factory)(void *arg); /* makes the loop (owned); NULL: the default */
    void *loop_factory_arg;
    double shutdown_timeout; /* seconds for what is left at the end; 0: as long as it takes */
    double shutdown_repeat;  /* seconds between cancellations then; 0: a tenth of the timeout */
} asyncio_run_options;

/* Runs the coroutine on a loop of its own and closes that: cancels what is left, waits for
 * it, reports its errors. Ctrl-C cancels main; then the status is
 * ASYNCIO_KEYBOARD_INTERRUPT. Gives its status; errors:
 * its own; ASYNCIO_RUNTIME_ERROR if a loop runs in this thread; ASYNCIO_TYPE_ERROR; -ENOMEM,
 * -EMFILE. The error is in the slot. asyncio_run(coro, &value, .debug = ...) is the macro.
 * With a shutdown_timeout what is left is cancelled again and again; what is there when the time is
 * over is reported to the exception handler, task by task, and unwound as asyncio_loop_close does,
 * and the status is ASYNCIO_TIMEOUT_ERROR if it was none before (the value is dropped).
 * ASYNCIO_VALUE_ERROR for times that are negative or NaN.
 * Suspends: no (it blocks). Thread: any. Since: 0.1. Python: asyncio.run. */
ASYNCIO_API int asyncio_run_with(asyncio_coro main, const asyncio_run_options *options)
    ASYNCIO_MUST_USE;

/* What `int main` returns: runs, prints the error if there is one, and gives the exit
 * status: 0; 1 for an error; 130 after Ctrl-C; for SystemExit its integer argument.
 * Errors: printed.
 * Suspends: no (it blocks). Thread: any. Since: 0.1. Python: running a script. */
ASYNCIO_API int asyncio_main(asyncio_coro main);

/* A runner: run several coroutines on one loop and in one context. The loop is made at first use;
 * close shuts it down as asyncio_run does. new: NULL without memory or for wrong times. run: as
 * asyncio_run, ASYNCIO_RUNTIME_ERROR after close; context NULL: the runner's own. get_loop: lent,
 * NULL with the error in the slot. close: 0 or the error that interrupted the shutdown. unref
 * closes.
 * Suspends: no (they block). Thread: loop. Owner: the caller. Since: 0.1. Python: Runner. */
ASYNCIO_API asyncio_runner *asyncio_runner_new(const asyncio_run_options *options) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_runner_run(asyncio_runner *runner, asyncio_coro main, asyncio_value *result,
                                   asyncio_context *context) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_loop *asyncio_runner_get_loop(asyncio_runner *runner);
ASYNCIO_API int asyncio_runner_close(asyncio_runner *runner);
ASYNCIO_API void asyncio_runner_unref(asyncio_runner *runner);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define ASYNCIO__RUN_OPTIONS(...)                                                                  \
    (&(const asyncio_run_options){ .size = sizeof(asyncio_run_options), .result = __VA_ARGS__ })
#define asyncio_run(main, ...) asyncio_run_with((main), ASYNCIO__RUN_OPTIONS(__VA_ARGS__))
#else
ASYNCIO_MUST_USE inline int asyncio_run(const asyncio_coro &main, asyncio_value *result) {
    asyncio_run_options o = asyncio_run_options();
    o.size = sizeof o;
    o.result = result;
    return asyncio_run_with(main, &o);
}
#endif

ASYNCIO__AUTO_CLASS(runner)
#define asyncio_auto_runner ASYNCIO__AUTO(runner)

#endif
