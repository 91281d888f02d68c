/* SPDX-License-Identifier: MIT
 *
 * eval_block.c: `with`, timeouts and task groups. What can be entered says so in its class.
 */
#include <math.h>

#include "errors.h"
#include "eval.h"

/* ---- with ---- */

/* Runs the body of an entered block, and leaves it. Leaving by break, continue or return is a
 * normal end for the block, and goes on when the exit has nothing against it. */
static int run_block(struct interp *it, struct env *env, const struct node *x, asyncio_block *block,
                     struct value *out) {
    int body = eval_block(it, env, x->items + 3, x->n - 3, out);
    int status = body > 0 && body != ST_ABORT ? 0 : interp_to_library(body);
    int rc = interp_after(it, asyncio_block_exit(block, status));
    if (rc < 0 || rc == ST_ABORT) return rc;
    if (body < 0) *out = value_none();
    return body > 0 ? body : ST_OK;
}

static int form_with(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc != ST_OK) return rc;
    const struct object_class *class = out->kind == VALUE_OBJECT ? out->object->class : NULL;
    if (!class || !class->block) return interp_misuse(it, x, "with: no block");
    struct object *object = out->object;
    asyncio_block *block = class->block(it, object->p);
    rc = interp_after(it, asyncio_block_enter(block));
    if (rc < 0 || rc == ST_ABORT) return rc;
    struct value entered = class->entered ? class->entered(object, block) : value_none();
    env_bind(it, env, x->items[1]->name, entered);
    return run_block(it, env, x, block, out);
}

/* ---- timeouts ---- */

static asyncio_block *own_block(struct interp *it, void *p) {
    (void)it;
    return &((asyncio_timeout *)p)->block;
}

static struct value own_value(struct object *object, const asyncio_block *block) {
    (void)block;
    return (struct value){ .kind = VALUE_OBJECT, .object = object };
}

/* p: its block, in the arena; it can be entered once. */
static const struct object_class timeout_class = { .name = "timeout",
                                                   .block = own_block,
                                                   .entered = own_value };

static int want_deadline(const struct call *c, size_t i, double *out) {
    int64_t ms;
    *out = ASYNCIO_FOREVER;
    if (c->args[i].kind == VALUE_NONE) return ST_OK;
    int rc = want_int(c, i, &ms);
    if (rc == ST_OK) *out = to_seconds(ms);
    return rc;
}

static int new_timeout(struct call *c, asyncio_timeout_with (*make)(double, int *),
                       struct value *out) {
    double seconds;
    int rc = want_deadline(c, 0, &seconds);
    if (rc != ST_OK) return rc;
    asyncio_timeout_with *with = arena_alloc(&c->it->arena, sizeof *with);
    *with = make(seconds, NULL);
    *out = registry_keep_object(c->it, &timeout_class, with->object);
    return ST_OK;
}

static int form_timeout(struct call *c, struct value *out) {
    return new_timeout(c, asyncio_timeout_block, out);
}

static int form_timeout_at(struct call *c, struct value *out) {
    return new_timeout(c, asyncio_timeout_at, out);
}

static int form_reschedule(struct call *c, struct value *out) {
    (void)out;
    void *timeout;
    double when;
    int rc = want_object(c, c->args[0], &timeout_class, &timeout);
    if (rc == ST_OK) rc = want_deadline(c, 1, &when);
    return rc == ST_OK ? asyncio_timeout_reschedule(timeout, when) : rc;
}

static int form_when(struct call *c, struct value *out) {
    void *timeout;
    int rc = want_object(c, c->args[0], &timeout_class, &timeout);
    if (rc != ST_OK) return rc;
    double when = asyncio_timeout_when(timeout);
    *out = isinf(when) ? value_none() : value_int(interp_milliseconds(when));
    return ST_OK;
}

static int form_expired(struct call *c, struct value *out) {
    void *timeout;
    int rc = want_object(c, c->args[0], &timeout_class, &timeout);
    if (rc == ST_OK) *out = value_bool(asyncio_timeout_expired(timeout));
    return rc;
}

/* ---- groups ---- */

struct group {
    asyncio_taskgroup_with with; /* it can be entered once */
    asyncio_taskgroup *group;    /* a reference once it was entered */
    bool cancelled;              /* before that: there is no object of the library yet */
};

static void drop_group(void *p) { asyncio_taskgroup_unref(((struct group *)p)->group); }

static asyncio_block *group_block(struct interp *it, void *p) {
    (void)it;
    return &((struct group *)p)->with.block;
}

static struct value group_entered(struct object *object, const asyncio_block *block) {
    struct group *g = object->p;
    g->group = asyncio_taskgroup_ref(g->with.object);
    if (g->cancelled) asyncio_taskgroup_cancel(g->group);
    return own_value(object, block);
}

static const struct object_class group_class = {
    .name = "group", .drop = drop_group, .block = group_block, .entered = group_entered
};

static int form_group(struct call *c, struct value *out) {
    struct group *g = arena_alloc(&c->it->arena, sizeof *g);
    g->with = asyncio_taskgroup(NULL);
    *out = registry_keep_object(c->it, &group_class, g);
    return ST_OK;
}

static int form_spawn(struct call *c, struct value *out) {
    void *p;
    struct coro *coro;
    asyncio_task_options options;
    int rc = want_object(c, c->args[0], &group_class, &p);
    if (rc == ST_OK) rc = want_coro(c, 1, &coro);
    if (rc == ST_OK) rc = want_task_options(c, coro, &options);
    if (rc != ST_OK) return rc;
    const struct group *g = p;
    if (!g->group) return exc_raise_code(ASYNCIO_RUNTIME_ERROR, "the group was not entered");
    c->it->escaped = 0;
    asyncio_task *task = asyncio_taskgroup_create_task_with(g->group, &options);
    if (!task) return interp_no_task(c->it);
    *out = registry_value(c->it, asyncio_task_as_future(task));
    asyncio_task_unref(task);
    return interp_after(c->it, ST_OK);
}

static int form_group_cancel(struct call *c, struct value *out) {
    (void)out;
    void *p;
    int rc = want_object(c, c->args[0], &group_class, &p);
    if (rc != ST_OK) return rc;
    struct group *g = p;
    if (g->group) asyncio_taskgroup_cancel(g->group);
    else g->cancelled = true;
    return ST_OK;
}

const struct form block_forms[] = {
    { "with", 3, ANY, form_with, NULL, { NULL } },
    { "timeout", 1, 1, NULL, form_timeout, { NULL } },
    { "timeout-at", 1, 1, NULL, form_timeout_at, { NULL } },
    { "reschedule", 2, 2, NULL, form_reschedule, { NULL } },
    { "when", 1, 1, NULL, form_when, { NULL } },
    { "expired", 1, 1, NULL, form_expired, { NULL } },
    { "group", 0, 0, NULL, form_group, { NULL } },
    { "spawn", 2, 2, NULL, form_spawn, { "name", "context", "eager" } },
    { "group-cancel", 1, 1, NULL, form_group_cancel, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
