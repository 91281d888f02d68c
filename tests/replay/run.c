/* SPDX-License-Identifier: MIT
 *
 * run.c: what happens around main: the loop and its task factory, the run, the shutdown, and
 * the reports of what was left.
 *
 * The reports at the end. Which exceptions nobody has retrieved is known to the library
 * alone; it tells when the last reference to a future or task goes. So the states are
 * frozen, the loop is closed (which unwinds what is pending), our references go, and the
 * library's reports are noted at the entries they are about. Then they are written in the
 * order in which the making of tasks and futures began. Pending tasks are shown in the
 * frozen states.
 */
#include "run.h"

#include <stdlib.h>

#include <asyncio/testing.h>

#include "check.h"
#include "errors.h"
#include "eval.h"

/* ---- what the loop calls ---- */

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool starts_with(const char *s, const char *start) {
    return strncmp(s, start, strlen(start)) == 0;
}

/* Notes at its entry that a task was destroyed, or has an exception nobody has retrieved. */
static void note_left(struct interp *it, const asyncio_exception_context *context) {
    const asyncio_future *f =
        context->task ? asyncio_task_as_future(context->task) : context->future;
    struct entry *e = f ? registry_find(it, f) : NULL;
    if (e && e->pending && !context->exception) {
        e->destroyed = true;
    } else if (e && !e->pending && context->exception) {
        e->lost = registry_keep_error(it, asyncio_error_ref(context->exception));
        e->report = arena_copy(&it->arena, context->message, strlen(context->message));
    }
}

static int on_loop_error(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    static const char *const prefixes[] = {
        "Exception in callback",
        "an error occurred during closing of asynchronous generator",
    };
    (void)loop;
    struct interp *it = arg;
    const char *message = context->message;
    if (ends_with(message, "exception was never retrieved") ||
        starts_with(message, "Task was destroyed but it is pending!")) {
        if (it->releasing) note_left(it, context);
        return 0;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (starts_with(message, prefixes[i])) message = prefixes[i];
    }
    if (it->fatal == FATAL_NONE) interp_report(it, message, context->exception);
    return 0;
}

static asyncio_task *make_task(asyncio_loop *loop, const asyncio_task_options *options, void *arg) {
    struct interp *it = arg;
    asyncio_task_options o = *options;
    char name[32];
    if (!o.name) {
        snprintf(name, sizeof name, "Task-%u", ++it->task_count);
        o.name = name;
    }
    if (o.eager_start == 0 && it->eager && asyncio_loop_is_running(loop)) o.eager_start = 1;
    if (it->starting >= MAX_STARTING) {
        interp_misuse(it, NULL, "tasks that start eagerly are nested too deeply");
        exc_raise_code(ASYNCIO_RUNTIME_ERROR, "too deep");
        return NULL;
    }
    size_t place = registry_reserve(it);
    bool quiet = it->quiet;
    it->quiet = false; /* an eager one may make others */
    it->starting++;
    asyncio_task *task = asyncio_task_new(loop, &o);
    it->starting--;
    it->quiet = quiet;
    if (!task) return NULL;
    struct entry *e = registry_enter(it, asyncio_task_as_future(task), place);
    e->quiet = quiet;
    return task;
}

/* ---- running until something is done ---- */

struct stop {
    asyncio_loop *loop;
    bool armed; /* false once the run it belongs to is over */
};

static int stop_loop(asyncio_future *future, void *arg) {
    (void)future;
    const struct stop *stop = arg;
    if (stop->armed) asyncio_loop_stop(stop->loop);
    return 0;
}

static int run_until(struct interp *it, asyncio_future *future) {
    struct stop *stop = arena_alloc(&it->arena, sizeof *stop);
    *stop = (struct stop){ .loop = it->loop, .armed = true };
    int rc = asyncio_future_add_done_callback(future, stop_loop, stop);
    if (rc >= 0) rc = asyncio_loop_run_forever(it->loop);
    stop->armed = false;
    asyncio_future_remove_done_callback(future, stop_loop, stop);
    return rc;
}

/* Writes what ends a trace early. False: nothing did. */
static bool ended_early(struct interp *it, int rc) {
    if (it->fatal == FATAL_NONE && rc != ASYNCIO_DEADLOCK_ERROR) return false;
    asyncio_ignore(rc);
    if (it->fatal == FATAL_STEP_LIMIT) interp_line(it, "! step limit");
    else if (it->fatal == FATAL_NONE) interp_line(it, "! deadlock");
    return true;
}

/* ---- main ---- */

static void write_outcome(struct interp *it, const char *how, struct value v) {
    text_add(&it->trace, how);
    value_show(it, &it->trace, v);
    text_add(&it->trace, "\n");
}

static void report_main(struct interp *it, asyncio_future *task, int rc) {
    asyncio_value v = asyncio_none();
    if (rc >= 0) rc = asyncio_future_result(task, &v);
    if (rc < 0) write_outcome(it, "= raised ", value_exception(exc_take(it, rc)));
    else write_outcome(it, "= ", value_unwrap(it, v));
    asyncio_error *error;
    if (asyncio_future_done(task) && !asyncio_future_cancelled(task)) {
        asyncio_ignore(asyncio_future_exception(task, &error));
    }
}

/* False: the trace has ended. */
static bool run_main(struct interp *it) {
    struct coro *coro = coro_new(it, run_definition, 0, NULL);
    coro->definition = it->main;
    asyncio_task *task = asyncio_loop_create_task(it->loop, coro_object(coro), .name = "main");
    if (!task) {
        interp_misuse(it, NULL, "the task of main cannot be made");
        return false;
    }
    int rc = run_until(it, asyncio_task_as_future(task));
    bool on = !ended_early(it, rc);
    if (on) report_main(it, asyncio_task_as_future(task), rc);
    asyncio_task_unref(task);
    return on;
}

/* ---- shutdown: the tasks that are left, then the generators ---- */

struct gathered {
    struct entry **tasks;
    size_t n;
};

static void collect_left(struct interp *it, struct gathered *g) {
    const struct registry *r = &it->registry;
    g->tasks = arena_alloc(&it->arena, r->n * sizeof(void *));
    for (size_t i = 0; i < r->n; i++) {
        struct entry *e = r->places[i];
        if (e && e->task && !asyncio_future_done(e->future)) g->tasks[g->n++] = e;
    }
}

static int cancel_left(struct interp *it, struct gathered *g) {
    asyncio_coro *aws = arena_alloc(&it->arena, g->n * sizeof *aws);
    for (size_t i = 0; i < g->n; i++) {
        asyncio_future_cancel(g->tasks[i]->future, NULL);
        aws[i] = asyncio_coro_of_future(g->tasks[i]->future);
    }
    asyncio_future *outer = asyncio_gather_future(g->n, aws, true);
    if (!outer) return interp_misuse(it, NULL, "what is left cannot be gathered");
    registry_enter_next(it, outer);
    int rc = run_until(it, outer);
    asyncio_future_unref(outer);
    return rc;
}

static void report_failed(struct interp *it, const struct gathered *g) {
    for (size_t i = 0; i < g->n; i++) {
        asyncio_error *error = NULL;
        if (asyncio_future_cancelled(g->tasks[i]->future)) continue;
        asyncio_ignore(asyncio_future_exception(g->tasks[i]->future, &error));
        if (error) {
            interp_report(it, "unhandled exception during asyncio.run() shutdown", error);
        }
    }
}

static int end_tasks(struct interp *it) {
    struct gathered *g = arena_alloc(&it->arena, sizeof *g);
    collect_left(it, g);
    int rc = g->n > 0 ? cancel_left(it, g) : 0;
    if (rc >= 0 && it->fatal == FATAL_NONE) report_failed(it, g);
    return rc;
}

static int end_generators(struct interp *it) {
    if (asyncio_loop_open_asyncgens(it->loop) == 0) return 0;
    it->quiet = true;
    asyncio_task *task =
        asyncio_loop_create_task(it->loop, asyncio_loop_shutdown_asyncgens(it->loop));
    it->quiet = false;
    if (!task) return interp_misuse(it, NULL, "the generators cannot be closed");
    int rc = run_until(it, asyncio_task_as_future(task));
    asyncio_task_unref(task);
    return rc;
}

/* False: the trace has ended. */
static bool shut_down(struct interp *it) {
    int rc = end_tasks(it);
    if (rc >= 0 && it->fatal == FATAL_NONE) rc = end_generators(it);
    if (ended_early(it, rc)) return false;
    if (rc < 0) interp_report(it, "interrupted shutdown", exc_take(it, rc));
    return true;
}

/* ---- what is left ---- */

static void report_entry(struct interp *it, const struct entry *e) {
    if (e->pending) {
        if (!e->destroyed || e->quiet) return;
        text_printf(&it->trace, "! Task was destroyed but it is pending! | %s\n", e->shown);
    } else if (e->lost) {
        text_printf(&it->trace, "! %s | ", e->report);
        exc_show(it, &it->trace, e->lost);
        text_add(&it->trace, "\n");
    }
}

static void report_left(struct interp *it) {
    for (size_t i = 0; i < it->registry.n; i++) {
        if (it->registry.places[i]) report_entry(it, it->registry.places[i]);
    }
}

/* Closes the loop and lets all futures and tasks go. */
static void close_loop(struct interp *it) {
    registry_freeze(it);
    it->muted = true;
    it->releasing = true;
    asyncio_ignore(asyncio_loop_close(it->loop));
    registry_release(it);
    it->releasing = false;
}

static bool open_loop(struct interp *it) {
    it->loop = asyncio_testing_new_event_loop(0);
    if (!it->loop || asyncio_loop_set_stack_size(it->loop, STACK_SIZE) < 0) {
        interp_misuse(it, NULL, "no event loop can be made");
        return false;
    }
    asyncio_loop_set_exception_handler(it->loop, on_loop_error, it);
    asyncio_loop_set_task_factory(it->loop, make_task, it);
    return true;
}

static bool read_scenario(struct interp *it, const char *text, size_t length) {
    struct node *top = arena_alloc(&it->arena, sizeof *top);
    if (!reader_parse(&it->reader, text, length, top)) {
        interp_misuse(it, NULL, "%s", it->reader.problem);
        return false;
    }
    return check_program(it, top);
}

enum run_result run_scenario(struct interp *it, const char *text, size_t length) {
    if (!read_scenario(it, text, length)) return RUN_WRONG;
    if (it->waits) return RUN_WAITS;
    if (!open_loop(it)) return RUN_WRONG;
    bool complete = run_main(it) && shut_down(it);
    close_loop(it);
    if (complete) report_left(it);
    asyncio_loop_unref(it->loop);
    return it->fatal == FATAL_MISUSE ? RUN_WRONG : RUN_DONE;
}
