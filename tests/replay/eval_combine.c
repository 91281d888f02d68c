/* SPDX-License-Identifier: MIT
 *
 * eval_combine.c: gather, wait, wait-for, as-completed, shield.
 */
#include <stdlib.h>

#include "errors.h"
#include "eval.h"

/* ---- awaitables ---- */

struct awaitables {
    asyncio_coro *aws;
    struct value *values; /* what they are of */
    size_t n;
};

static bool is_awaitable(struct value v) {
    return v.kind == VALUE_COROUTINE || v.kind == VALUE_FUTURE;
}

static int add_awaitable(const struct call *c, struct awaitables *a, struct value v) {
    if (!is_awaitable(v)) return interp_misuse(c->it, c->node, "an argument cannot be awaited");
    a->values[a->n++] = v;
    return ST_OK;
}

/* The values, lists spread. */
static int collect(const struct call *c, size_t n, const struct value *args, struct awaitables *a) {
    size_t count = 0;
    int rc = ST_OK;
    for (size_t i = 0; i < n; i++) count += args[i].kind == VALUE_LIST ? args[i].list->n : 1;
    *a = (struct awaitables){ .values = arena_alloc(&c->it->arena, count * sizeof *a->values) };
    a->aws = arena_alloc(&c->it->arena, count * sizeof *a->aws);
    for (size_t i = 0; i < n && rc == ST_OK; i++) {
        bool list = args[i].kind == VALUE_LIST;
        const struct value *items = list ? args[i].list->items : &args[i];
        size_t m = list ? args[i].list->n : 1;
        for (size_t j = 0; j < m && rc == ST_OK; j++) rc = add_awaitable(c, a, items[j]);
    }
    return rc;
}

/* Whether the i-th stands in front already. */
static bool is_repeated(const struct awaitables *a, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (value_equal(a->values[i], a->values[j])) return true;
    }
    return false;
}

/* The library knows a future again, but not a coroutine object, which is only a value there:
 * if one is given twice all are made tasks here, each once, as the library would. */
static int make_tasks(struct interp *it, struct awaitables *a) {
    bool repeated = false;
    for (size_t i = 0; i < a->n; i++) {
        repeated |= a->values[i].kind == VALUE_COROUTINE && is_repeated(a, i);
    }
    for (size_t i = 0; repeated && i < a->n; i++) {
        struct value v = a->values[i];
        if (v.kind == VALUE_FUTURE) continue;
        it->escaped = 0;
        asyncio_future *future = asyncio_ensure_future(coro_object(v.coro));
        if (!future) return interp_no_task(it);
        struct value task = registry_value(it, future);
        asyncio_future_unref(future);
        for (size_t j = a->n; j-- > i;) {
            if (value_equal(a->values[j], v)) a->values[j] = task;
        }
    }
    return interp_after(it, ST_OK);
}

static asyncio_coro awaitable(struct value v) {
    return v.kind == VALUE_FUTURE ? asyncio_coro_of_future(v.entry->future) : coro_object(v.coro);
}

static int prepare(struct interp *it, struct awaitables *a) {
    int rc = make_tasks(it, a);
    for (size_t i = 0; i < a->n; i++) a->aws[i] = awaitable(a->values[i]);
    return rc;
}

/* ---- gather, shield ---- */

static int form_gather(struct call *c, struct value *out) {
    struct interp *it = c->it;
    struct awaitables a;
    int rc = collect(c, c->n, c->args, &a);
    if (rc != ST_OK) return rc;
    it->quiet = true;
    rc = prepare(it, &a);
    it->quiet = false;
    if (rc != ST_OK) return rc;
    it->escaped = 0;
    asyncio_future *future = asyncio_gather_future(a.n, a.aws, value_truth(c->keywords[0]));
    if (!future) return interp_no_task(it);
    struct entry *e = registry_enter_next(it, future);
    e->name = value_string("gather");
    asyncio_future_unref(future);
    *out = (struct value){ .kind = VALUE_FUTURE, .entry = e };
    return interp_after(it, ST_OK);
}

static int form_shield(struct call *c, struct value *out) {
    struct interp *it = c->it;
    if (!is_awaitable(c->args[0])) return interp_misuse(it, c->node, "shield: not an awaitable");
    it->escaped = 0;
    asyncio_future *future = asyncio_shield_future(awaitable(c->args[0]));
    if (!future) return interp_no_task(it);
    struct entry *e = registry_find(it, future);
    if (!e) {
        e = registry_enter_next(it, future);
        e->name = value_string("shield");
        if (c->args[0].kind == VALUE_FUTURE) e->inner = c->args[0].entry;
    }
    asyncio_future_unref(future);
    *out = (struct value){ .kind = VALUE_FUTURE, .entry = e };
    return interp_after(it, ST_OK);
}

/* ---- wait ---- */

enum { WAIT_LIST, WAIT_TIMEOUT, WAIT_WHEN, WAIT_ARGS };

static enum asyncio_return_when return_when(struct value v) {
    static const char *const names[] = { "all", "first", "exception" };
    for (int i = 0; v.kind == VALUE_STRING && i < 3; i++) {
        if (strcmp(v.s, names[i]) == 0) return (enum asyncio_return_when)i;
    }
    return (enum asyncio_return_when)99; /* the library says that there is none */
}

static int compare_entries(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    int order = strcmp(x->entry->sort_name, y->entry->sort_name);
    if (order) return order;
    return (x->entry->number > y->entry->number) - (x->entry->number < y->entry->number);
}

/* The list of n futures by name, then by order of creation. */
static struct value sorted(struct interp *it, asyncio_future *const *futures, size_t n) {
    struct list *list = list_new(&it->arena, 0, NULL);
    for (size_t i = 0; i < n; i++) {
        struct value v = registry_value(it, futures[i]);
        struct value name = entry_name(it, v.entry);
        v.entry->sort_name = name.kind == VALUE_STRING ? name.s : "";
        list_append(&it->arena, list, v);
    }
    if (n > 0) qsort(list->items, n, sizeof *list->items, compare_entries);
    return value_list(list);
}

/* A coroutine object among the members becomes NULL: the library refuses both. */
static int run_wait(struct coro *coro, struct value *out) {
    struct interp *it = coro->it;
    const struct list *given = coro->args[WAIT_LIST].list;
    struct awaitables a = { .values = given->items, .n = given->n };
    asyncio_future **futures = arena_alloc(&it->arena, a.n * sizeof(void *));
    size_t n = 0;
    for (size_t i = 0; i < a.n; i++) {
        if (is_repeated(&a, i)) continue;
        futures[n++] = a.values[i].kind == VALUE_FUTURE ? a.values[i].entry->future : NULL;
    }
    struct value timeout = coro->args[WAIT_TIMEOUT];
    bool limited = timeout.kind != VALUE_NONE;
    int count = AWAIT(asyncio_wait(futures, n, .has_timeout = limited,
                                   .timeout = limited ? to_seconds(timeout.i) : 0,
                                   .return_when = return_when(coro->args[WAIT_WHEN])));
    int rc = interp_after(it, count);
    if (rc != ST_OK) return rc;
    size_t done = (size_t)count;
    struct value halves[2] = { sorted(it, futures, done), sorted(it, futures + done, n - done) };
    *out = value_list(list_new(&it->arena, 2, halves));
    return ST_OK;
}

/* A time in milliseconds or none. */
static int check_time(const struct call *c, struct value v) {
    if (v.kind == VALUE_NONE || v.kind == VALUE_INT) return ST_OK;
    return interp_misuse(c->it, c->node, "a time is not an integer");
}

static int form_wait(struct call *c, struct value *out) {
    struct list *list;
    struct awaitables a;
    int rc = want_list(c, 0, &list);
    if (rc == ST_OK) rc = collect(c, list->n, list->items, &a);
    if (rc == ST_OK) rc = check_time(c, c->keywords[0]);
    if (rc != ST_OK) return rc;
    struct value args[WAIT_ARGS] = { value_list(list_new(&c->it->arena, a.n, a.values)),
                                     c->keywords[0], c->keywords[1] };
    if (!c->given[1]) args[WAIT_WHEN] = value_string("all");
    *out = coro_value(coro_new(c->it, run_wait, WAIT_ARGS, args));
    return ST_OK;
}

/* ---- wait-for ---- */

static int run_wait_for(struct coro *coro, struct value *out) {
    struct value v = coro->args[0], limit = coro->args[1];
    if (v.kind == VALUE_COROUTINE) v.coro->depth = coro->depth + 1;
    asyncio_value result = asyncio_none();
    double seconds = limit.kind == VALUE_NONE ? ASYNCIO_FOREVER : to_seconds(limit.i);
    int rc = interp_after(coro->it, AWAIT(asyncio_wait_for(awaitable(v), seconds), &result));
    if (rc != ST_OK) return rc;
    *out = v.kind == VALUE_FUTURE ? entry_result(coro->it, v.entry, result)
                                  : value_unwrap(coro->it, result);
    asyncio_value_drop(&result); /* a copy of its own */
    return rc;
}

static int form_wait_for(struct call *c, struct value *out) {
    if (!is_awaitable(c->args[0])) return interp_misuse(c->it, c->node, "wait-for: an awaitable");
    int rc = check_time(c, c->args[1]);
    if (rc == ST_OK) *out = coro_value(coro_new(c->it, run_wait_for, 2, c->args));
    return rc;
}

/* ---- as-completed ---- */

/* Counts what it gives when it gives it, awaited or not, as Python's does. */
struct completed {
    asyncio_as_completed *iterator; /* a reference */
    size_t left;
};

static void drop_completed(void *p) {
    asyncio_as_completed_unref(((struct completed *)p)->iterator);
}

static const struct object_class completed_class = { .name = "iterator", .drop = drop_completed };

struct completed *value_completed(struct value v) {
    return v.kind == VALUE_OBJECT && v.object->class == &completed_class ? v.object->p : NULL;
}

static int run_completed(struct coro *coro, struct value *out) {
    asyncio_value result = asyncio_none();
    const struct completed *it = value_completed(coro->args[0]);
    int rc = interp_after(coro->it, AWAIT(asyncio_as_completed_result(it->iterator), &result));
    if (rc == ST_OK) *out = value_unwrap(coro->it, result);
    asyncio_value_drop(&result);
    return rc;
}

bool completed_for(struct interp *it, struct value iterator, struct value *out) {
    struct completed *completed = value_completed(iterator);
    if (completed->left == 0) return false;
    completed->left--;
    *out = coro_value(coro_new(it, run_completed, 1, &iterator));
    return true;
}

int completed_afor(struct interp *it, struct value iterator, struct value *out) {
    struct completed *completed = value_completed(iterator);
    if (completed->left == 0) return exc_raise_code(ASYNCIO_STOP_ASYNC_ITERATION, "no more");
    completed->left--;
    asyncio_future *future;
    int rc = interp_after(it, AWAIT(asyncio_as_completed_next(completed->iterator, &future)));
    if (rc == ST_OK) *out = registry_value(it, future);
    return rc;
}

static int form_as_completed(struct call *c, struct value *out) {
    struct interp *it = c->it;
    struct list *list;
    struct awaitables a;
    int rc = want_list(c, 0, &list);
    if (rc == ST_OK) rc = collect(c, list->n, list->items, &a);
    if (rc == ST_OK) rc = check_time(c, c->keywords[0]);
    if (rc == ST_OK) rc = prepare(it, &a);
    if (rc != ST_OK) return rc;
    struct value limit = c->keywords[0];
    struct completed *completed = arena_alloc(&it->arena, sizeof *completed);
    it->escaped = 0;
    completed->iterator = asyncio_as_completed_new(
        a.n, a.aws, limit.kind == VALUE_NONE ? ASYNCIO_FOREVER : to_seconds(limit.i));
    if (!completed->iterator) return interp_no_task(it);
    completed->left = asyncio_as_completed_left(completed->iterator);
    *out = registry_keep_object(it, &completed_class, completed);
    return interp_after(it, ST_OK);
}

const struct form combination_forms[] = {
    { "gather", 0, ANY, NULL, form_gather, { "return-exceptions" } },
    { "wait", 1, 1, NULL, form_wait, { "timeout", "when" } },
    { "wait-for", 2, 2, NULL, form_wait_for, { NULL } },
    { "as-completed", 1, 1, NULL, form_as_completed, { "timeout" } },
    { "shield", 1, 1, NULL, form_shield, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
