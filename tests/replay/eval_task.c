/* SPDX-License-Identifier: MIT
 *
 * eval_task.c: tasks and futures.
 */
#include <stdlib.h>

#include "errors.h"
#include "eval.h"

static int form_await(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[1], out);
    return rc == ST_OK ? await_value(it, env, x, *out, out) : rc;
}

/* ---- making ---- */

/* The value as text in the arena. */
static const char *shown(struct interp *it, struct value v) {
    struct text text = { 0 };
    value_show(it, &text, v);
    const char *s = arena_copy(&it->arena, text.s ? text.s : "", text.n);
    text_fini(&text);
    return s;
}

int want_task_options(const struct call *c, struct coro *coro, asyncio_task_options *o) {
    const struct value *name = &c->keywords[0], *eager = &c->keywords[2];
    *o = (asyncio_task_options){ .size = sizeof *o, .where = ASYNCIO_WHERE };
    o->coro = coro_object(coro);
    if (name->kind != VALUE_NONE) o->name = shown(c->it, *name);
    if (eager->kind != VALUE_NONE) o->eager_start = value_truth(*eager) ? 1 : -1;
    return want_context(c, c->keywords[1], &o->context);
}

static int form_task(struct call *c, struct value *out) {
    struct coro *coro;
    asyncio_task_options options;
    int rc = want_coro(c, 0, &coro);
    if (rc == ST_OK) rc = want_task_options(c, coro, &options);
    if (rc != ST_OK) return rc;
    c->it->escaped = 0;
    asyncio_task *task = asyncio_create_task_with(&options);
    if (!task) return interp_no_task(c->it);
    *out = registry_value(c->it, asyncio_task_as_future(task));
    asyncio_task_unref(task);
    return interp_after(c->it, ST_OK);
}

static int form_ensure_future(struct call *c, struct value *out) {
    *out = c->args[0];
    if (c->args[0].kind == VALUE_FUTURE) return ST_OK;
    struct coro *coro;
    int rc = want_coro(c, 0, &coro);
    if (rc != ST_OK) return rc;
    c->it->escaped = 0;
    asyncio_future *future = asyncio_ensure_future(coro_object(coro));
    if (!future) return interp_no_task(c->it);
    *out = registry_value(c->it, future);
    asyncio_future_unref(future);
    return interp_after(c->it, ST_OK);
}

static int form_eager_tasks(struct call *c, struct value *out) {
    (void)out;
    c->it->eager = value_truth(c->args[0]);
    return ST_OK;
}

static int form_future(struct call *c, struct value *out) {
    asyncio_future *future = asyncio_loop_create_future(c->it->loop);
    if (!future) return ASYNCIO_RUNTIME_ERROR;
    struct entry *entry = registry_enter_next(c->it, future);
    if (c->n > 0) entry->name = c->args[0];
    asyncio_future_unref(future);
    *out = (struct value){ .kind = VALUE_FUTURE, .entry = entry };
    return ST_OK;
}

/* ---- resolving ---- */

static int form_set_result(struct call *c, struct value *out) {
    (void)out;
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc != ST_OK) return rc;
    return asyncio_future_set_result(e->future, value_wrap(c->it, c->args[1]));
}

static int form_set_exception(struct call *c, struct value *out) {
    (void)out;
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc != ST_OK) return rc;
    if (c->args[1].kind == VALUE_TYPE) {
        bool settable = !e->task && !asyncio_future_done(e->future);
        if (settable && exc_type_is_group(c->args[1].type)) {
            return exc_raise_code(ASYNCIO_TYPE_ERROR, "a group without members");
        }
        c->args[1] = value_exception(exc_new(c->it, c->args[1].type, NULL));
    }
    asyncio_error *error;
    rc = want_error(c, 1, &error);
    return rc == ST_OK ? asyncio_future_set_error(e->future, error) : rc;
}

static int form_cancel(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc != ST_OK) return rc;
    const char *message = c->n > 1 ? exc_cancel_text(c->it, c->args[1]) : NULL;
    *out = value_bool(asyncio_future_cancel(e->future, message));
    return ST_OK;
}

static int form_uncancel(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_task(c, 0, &e);
    if (rc == ST_OK) *out = value_int(asyncio_task_uncancel(e->task));
    return rc;
}

static int form_cancelling(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_task(c, 0, &e);
    if (rc == ST_OK) *out = value_int(asyncio_task_cancelling(e->task));
    return rc;
}

/* ---- looking ---- */

static int form_done(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc == ST_OK) *out = value_bool(asyncio_future_done(e->future));
    return rc;
}

static int form_cancelled(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc == ST_OK) *out = value_bool(asyncio_future_cancelled(e->future));
    return rc;
}

static int form_result(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc != ST_OK) return rc;
    asyncio_value v;
    rc = asyncio_future_result(e->future, &v);
    if (rc >= 0) *out = entry_result(c->it, e, v);
    return rc;
}

static int form_exception(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc != ST_OK) return rc;
    asyncio_error *error;
    rc = asyncio_future_exception(e->future, &error);
    if (rc < 0 || !error) return rc;
    *out = value_exception(registry_keep_error(c->it, asyncio_error_ref(error)));
    return rc;
}

static int form_name(struct call *c, struct value *out) {
    struct entry *e;
    int rc = want_future(c, 0, &e);
    if (rc == ST_OK) *out = entry_name(c->it, e);
    return rc;
}

static int form_set_name(struct call *c, struct value *out) {
    (void)out;
    struct entry *e;
    int rc = want_task(c, 0, &e);
    return rc == ST_OK ? asyncio_task_set_name(e->task, shown(c->it, c->args[1])) : rc;
}

static int form_current_task(struct call *c, struct value *out) {
    asyncio_task *task = asyncio_current_task();
    if (task) *out = registry_value(c->it, asyncio_task_as_future(task));
    return ST_OK;
}

static int compare_names(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    return strcmp(x->s, y->s);
}

static int form_all_tasks(struct call *c, struct value *out) {
    size_t n = asyncio_all_tasks(c->it->loop, NULL, 0);
    asyncio_task **tasks = xmalloc(n * sizeof(void *));
    n = asyncio_all_tasks(c->it->loop, tasks, n);
    struct list *list = list_new(&c->it->arena, 0, NULL);
    for (size_t i = 0; i < n; i++) {
        const char *name = asyncio_task_get_name(tasks[i]);
        name = arena_copy(&c->it->arena, name, strlen(name));
        list_append(&c->it->arena, list, value_string(name));
    }
    free(tasks);
    if (n > 0) qsort(list->items, n, sizeof *list->items, compare_names);
    *out = value_list(list);
    return ST_OK;
}

/* ---- done callbacks ---- */

static int run_done(asyncio_future *future, void *arg) {
    struct fn *fn = arg;
    struct value v = registry_value(fn->it, future), ignored;
    return interp_to_library(fn_call(fn, 1, &v, 0, &ignored));
}

static int form_add_callback(struct call *c, struct value *out) {
    (void)out;
    struct entry *e;
    struct fn *fn;
    asyncio_context *context;
    int rc = want_future(c, 0, &e);
    if (rc == ST_OK) rc = want_fn(c, 1, &fn);
    if (rc == ST_OK) rc = want_context(c, c->keywords[0], &context);
    if (rc != ST_OK) return rc;
    return asyncio_future_add_done_callback(e->future, run_done, fn, .context = context);
}

static int form_remove_callback(struct call *c, struct value *out) {
    struct entry *e;
    struct fn *fn;
    int rc = want_future(c, 0, &e);
    if (rc == ST_OK) rc = want_fn(c, 1, &fn);
    if (rc != ST_OK) return rc;
    *out = value_int((int64_t)asyncio_future_remove_done_callback(e->future, run_done, fn));
    return ST_OK;
}

const struct form task_forms[] = {
    { "await", 1, 1, form_await, NULL, { NULL } },
    { "task", 1, 1, NULL, form_task, { "name", "context", "eager" } },
    { "ensure-future", 1, 1, NULL, form_ensure_future, { NULL } },
    { "eager-tasks", 1, 1, NULL, form_eager_tasks, { NULL } },
    { "future", 0, 1, NULL, form_future, { NULL } },
    { "set-result", 2, 2, NULL, form_set_result, { NULL } },
    { "set-exception", 2, 2, NULL, form_set_exception, { NULL } },
    { "cancel", 1, 2, NULL, form_cancel, { NULL } },
    { "done", 1, 1, NULL, form_done, { NULL } },
    { "cancelled", 1, 1, NULL, form_cancelled, { NULL } },
    { "result", 1, 1, NULL, form_result, { NULL } },
    { "exception", 1, 1, NULL, form_exception, { NULL } },
    { "uncancel", 1, 1, NULL, form_uncancel, { NULL } },
    { "cancelling", 1, 1, NULL, form_cancelling, { NULL } },
    { "name", 1, 1, NULL, form_name, { NULL } },
    { "set-name", 2, 2, NULL, form_set_name, { NULL } },
    { "current-task", 0, 0, NULL, form_current_task, { NULL } },
    { "all-tasks", 0, 0, NULL, form_all_tasks, { NULL } },
    { "add-callback", 2, 2, NULL, form_add_callback, { "context" } },
    { "remove-callback", 2, 2, NULL, form_remove_callback, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
