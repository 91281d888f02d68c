/* SPDX-License-Identifier: MIT
 *
 * task/runner.c: asyncio_run, the runner, and asyncio_main.
 *
 * Closing a runner: cancel what is left, wait for it, report its errors, end generators, shut the
 * default executor down, close the loop.
 *
 * Ctrl-C, while a runner runs in the main thread and nobody else handles SIGINT: the signal
 * handler posts a call that the runner owns to the loop's inbox. The first one cancels the
 * main task; the second leaves the run with KeyboardInterrupt.
 */
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include <asyncio/keywords.h>
#include <asyncio/run.h>

#include "task/sigint.h"
#include "task/run.h"
#include "task/shutdown.h"
#include "task/task.h"

#define THREAD_JOIN_TIMEOUT 300.0 /* seconds for the jobs of the default executor to end */

struct asyncio_runner {
    asyncio_run_options options;
    asyncio_loop *loop;       /* NULL until it is needed */
    asyncio_context *context; /* what all its runs share */
    bool set_loop;            /* it is the thread's current loop because of us */
    bool closed;
};

asyncio_runner *asyncio_runner_new(const asyncio_run_options *options) {
    if (options && (!(options->shutdown_timeout >= 0) || !(options->shutdown_repeat >= 0))) {
        asyncio__raise(ASYNCIO_VALUE_ERROR, "times for the shutdown must not be negative");
        return NULL;
    }
    asyncio_runner *r = asyncio__calloc(1, sizeof *r);
    if (!r) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    if (options) r->options = *options;
    return r;
}

static int init_runner(asyncio_runner *r) {
    if (r->closed) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Runner is closed");
    if (r->loop) return 0;
    r->context = asyncio_copy_context();
    if (!r->context) return asyncio__raise(-ENOMEM, NULL);
    if (r->options.loop_factory) {
        r->loop = r->options.loop_factory(r->options.loop_factory_arg);
    } else {
        r->loop = asyncio_new_event_loop();
        r->set_loop = r->loop != NULL;
        if (r->loop) asyncio_set_event_loop(r->loop);
    }
    if (!r->loop) {
        asyncio_context_unref(r->context);
        r->context = NULL;
        if (asyncio__strand_current()->error) return asyncio__slot_status();
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop factory gave no loop");
    }
    if (r->options.debug) asyncio_loop_set_debug(r->loop, r->options.debug > 0);
    return 0;
}

asyncio_loop *asyncio_runner_get_loop(asyncio_runner *r) {
    if (!r) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a runner is required"), NULL;
    return init_runner(r) < 0 ? NULL : r->loop;
}

/* ---- run ---- */

static int give_interrupt(int rc) {
    asyncio_ignore(rc);
    return asyncio__raise(ASYNCIO_KEYBOARD_INTERRUPT, NULL);
}

/* main ended as cancelled: because of Ctrl-C, if nobody else had asked for that. The request that
 * is taken back is the one of Ctrl-C. */
static int convert_interrupt(asyncio_task *t, int rc) {
    return asyncio_task_uncancel(t) == 0 ? give_interrupt(rc) : rc;
}

static int run_task(asyncio_runner *r, asyncio_task *t, asyncio_value *result) {
    struct asyncio__sigint interrupt;
    asyncio_value value;
    asyncio__sigint_start(&interrupt, r->loop, t);
    int rc = asyncio__run_new_task(r->loop, t);
    asyncio__sigint_stop(&interrupt);
    if (rc < 0) {
        if (t->future.state == ASYNCIO__FAILED) asyncio__future_set_retrieved(&t->future);
        return rc;
    }
    rc = asyncio_future_result(&t->future, &value);
    if (asyncio__sigint_missed(&interrupt)) return give_interrupt(rc);
    if (rc == ASYNCIO_CANCELLED_ERROR && interrupt.requested) return convert_interrupt(t, rc);
    if (rc < 0) return rc;
    value = asyncio_future_take_result(&t->future);
    if (result) *result = value;
    else asyncio_value_drop(&value);
    return rc;
}

static ASYNCIO_ASYNC(await_future, (asyncio_future *) future) {
    asyncio_value lent, value;
    ASYNCIO_TRY(ASYNCIO_AWAIT(future, &lent));
    ASYNCIO_TRY(asyncio_value_copy(&value, &lent));
    ASYNCIO_RETURN(value);
}

static int check_run(asyncio_runner *r, const asyncio_coro *main) {
    if (!r) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a runner is required");
    if (asyncio__here.running) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "Runner.run() cannot be called from a running event loop");
    }
    if (!main->type || !main->type->run)
        return asyncio__raise(ASYNCIO_TYPE_ERROR,
                              "An asyncio.Future, a coroutine or an awaitable is required");
    return init_runner(r);
}

int asyncio_runner_run(asyncio_runner *r, asyncio_coro main, asyncio_value *result,
                       asyncio_context *context) {
    int rc = check_run(r, &main);
    if (rc < 0) {
        asyncio__coro_refuse(&main);
        return rc;
    }
    asyncio_task_options o = { .size = sizeof o,
                               .coro = main,
                               .context = context ? context : r->context };
    if (!asyncio_iscoroutine(&main))
        o.coro = await_future(*(asyncio_future **)(void *)main.args.bytes);
    asyncio_task *t = asyncio_loop_create_task_with(r->loop, &o);
    if (!t) return asyncio__slot_status();
    rc = run_task(r, t, result);
    asyncio_task_unref(t);
    return rc;
}

/* ---- close ---- */

/* Without an option: as long as it takes, and one cancellation, as in asyncio. */
static struct asyncio__limit shutdown_limit(const asyncio_runner *r) {
    double timeout = r->options.shutdown_timeout, repeat = r->options.shutdown_repeat;
    if (timeout == 0) return (struct asyncio__limit){ INFINITY, INFINITY };
    return (struct asyncio__limit){ asyncio_loop_time(r->loop) + timeout,
                                    repeat > 0 ? repeat : timeout / 10 };
}

static int shut_down(asyncio_loop *loop, const struct asyncio__limit *limit) {
    int rc = asyncio__shutdown_tasks(loop, limit);
    if (rc >= 0) rc = asyncio__shutdown_generators(loop, limit);
    asyncio_coro (*shutdown_executor)(asyncio_loop * loop, double timeout) =
        asyncio__task_loop(loop)->shutdown_executor;
    if (rc < 0 || !shutdown_executor) return rc;
    double left = limit->deadline - asyncio_loop_time(loop);
    if (left > THREAD_JOIN_TIMEOUT) left = THREAD_JOIN_TIMEOUT;
    return asyncio_loop_run_until_complete(loop, shutdown_executor(loop, left > 0 ? left : 0),
                                           NULL);
}

int asyncio_runner_close(asyncio_runner *r) {
    if (!r || r->closed || !r->loop) return 0;
    if (r->loop->running)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot close a running event loop");
    r->closed = true;
    r->loop->slow &= ~(uint32_t)ASYNCIO__SLOW_POINTS; /* what is tested is over */
    struct asyncio__limit limit = shutdown_limit(r);
    int rc = r->loop->closed ? 0 : shut_down(r->loop, &limit);
    asyncio_loop_close(r->loop);
    if (r->set_loop) asyncio_set_event_loop(NULL);
    asyncio_context_unref(r->context);
    asyncio_loop_unref(r->loop);
    r->loop = NULL;
    return rc;
}

void asyncio_runner_unref(asyncio_runner *r) {
    if (!r) return;
    asyncio_ignore(asyncio_runner_close(r));
    asyncio__free(r);
}

/* ---- run, main ---- */

int asyncio_run_with(asyncio_coro main, const asyncio_run_options *options) {
    asyncio_runner *r = NULL;
    if (asyncio__here.running) {
        asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                       "asyncio.run() cannot be called from a running event loop");
    } else {
        r = asyncio_runner_new(options);
    }
    if (!r) {
        asyncio__coro_refuse(&main);
        return asyncio__slot_status();
    }
    asyncio_value value = asyncio_none();
    int rc = asyncio_runner_run(r, main, &value, NULL);
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *error = asyncio__error_detach(strand, rc);
    int closed = asyncio_runner_close(r);
    asyncio_runner_unref(r);
    if (rc >= 0 && closed >= 0 && options && options->result) *options->result = value;
    else asyncio_value_drop(&value);
    if (closed < 0 && rc >= 0) return closed;
    asyncio_ignore(closed);
    if (error) asyncio__error_put(strand, error);
    return rc;
}

static int exit_status(int rc, asyncio_error *error) {
    if (rc == ASYNCIO_KEYBOARD_INTERRUPT) return 130;
    if (rc != ASYNCIO_SYSTEM_EXIT) return 1;
    asyncio_value v = error ? asyncio_error_value(error) : asyncio_none();
    if (v.type == &asyncio_value_int || v.type == &asyncio_value_uint) return (int)(v.i & 255);
    const char *message = error ? asyncio_error_message(error) : NULL;
    if (message) fprintf(stderr, "%s\n", message);
    return message ? 1 : 0;
}

int asyncio_main(asyncio_coro main) {
    int rc = asyncio_run_with(main, NULL);
    if (rc >= 0) return 0;
    asyncio_error *error = asyncio_error_take(rc);
    if (rc != ASYNCIO_SYSTEM_EXIT) {
        fflush(stdout);
        if (error) asyncio_error_print(error, stderr);
        else fprintf(stderr, "%s\n", asyncio_err_name(rc));
    }
    int status = exit_status(rc, error);
    asyncio_error_unref(error);
    return status;
}
