/* SPDX-License-Identifier: MIT
 *
 * loop/state.c: what everything else in this folder asks of a loop or tells it: who keeps its
 * memory, whether it may be used, debug mode, that its run is to end.
 */
#include "base/error.h"
#include "loop/loop.h"

/* ---- memory ---- */

static void free_loop(asyncio_loop *loop) {
    loop->hooks->fini(loop);
    asyncio__slab_fini(&loop->handles_slab);
    asyncio__slab_fini(&loop->cells_slab);
    asyncio__free(loop);
}

void asyncio__loop_hold(asyncio_loop *loop) {
    atomic_fetch_add_explicit(&loop->holds, 1, memory_order_relaxed);
}

void asyncio__loop_release(asyncio_loop *loop) {
    if (atomic_fetch_sub_explicit(&loop->holds, 1, memory_order_acq_rel) == 1) free_loop(loop);
}

/* ---- leaving a run ---- */

void asyncio__loop_exit(asyncio_loop *loop, int status, asyncio_error *error) {
    asyncio_error_unref(loop->exit_error);
    loop->exit_status = status;
    loop->exit_error = error;
    loop->slow |= ASYNCIO__SLOW_EXIT;
}

/* ---- checks ---- */

int asyncio__loop_check_slow(const asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (loop->closed) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, asyncio__loop_why_closed(loop));
    return asyncio__loop_check_thread(loop);
}

int asyncio__loop_check_can_run(const asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    const char *why = NULL;
    if (loop->closed || !*loop->fork_mark) why = asyncio__loop_why_closed(loop);
    else if (loop->running) why = "This event loop is already running";
    else if (asyncio__here.running) why = "Cannot run the event loop while another loop is running";
    return why ? asyncio__raise(ASYNCIO_RUNTIME_ERROR, why) : 0;
}

#define WRONG_THREAD "Non-thread-safe operation invoked on an event loop other than the current one"

bool asyncio__loop_is_elsewhere(const asyncio_loop *loop) {
    return loop && atomic_load(&loop->running) && asyncio__here.running != loop;
}

int asyncio__loop_check_thread_slow(const asyncio_loop *loop) {
    return asyncio__loop_is_elsewhere(loop) ? asyncio__raise(ASYNCIO_RUNTIME_ERROR, WRONG_THREAD)
                                            : 0;
}

/* By the default handler: the program's own belongs to the other thread. */
bool asyncio__loop_wrong_thread_slow(asyncio_loop *loop, const char *function) {
    char message[160];
    if (!asyncio__loop_is_elsewhere(loop)) return false;
    snprintf(message, sizeof message, "%s(): " WRONG_THREAD, function);
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    loop->hooks->report(loop, &context);
    return true;
}

/* ---- state ---- */

bool asyncio_loop_is_running(const asyncio_loop *loop) { return loop && loop->running; }
bool asyncio_loop_is_closed(const asyncio_loop *loop) { return loop && loop->closed; }
bool asyncio_loop_get_debug(const asyncio_loop *loop) { return loop && loop->debug; }

void asyncio_loop_set_debug(asyncio_loop *loop, bool debug) {
    if (!loop || asyncio__loop_wrong_thread(loop, "asyncio_loop_set_debug")) return;
    loop->debug = debug;
    if (debug) loop->slow |= ASYNCIO__SLOW_DEBUG;
    else loop->slow &= ~(uint32_t)ASYNCIO__SLOW_DEBUG;
}

void asyncio_loop_set_slow_callback_duration(asyncio_loop *loop, double seconds) {
    if (!loop || asyncio__loop_wrong_thread(loop, "asyncio_loop_set_slow_callback_duration"))
        return;
    loop->slow_callback_duration = seconds;
}

double asyncio_loop_get_slow_callback_duration(const asyncio_loop *loop) {
    return loop ? loop->slow_callback_duration : (double)NAN;
}

int asyncio_loop_repr(const asyncio_loop *loop, char *buf, size_t n) {
    if (!loop) return snprintf(buf, n, "None");
    return snprintf(buf, n, "<asyncio_loop running=%s closed=%s debug=%s>",
                    loop->running ? "True" : "False", loop->closed ? "True" : "False",
                    loop->debug ? "True" : "False");
}
