/* SPDX-License-Identifier: MIT
 *
 * eval.c: see eval.h. Every form passes eval_form, which holds the limits: how deep forms
 * nest, how many are evaluated, how many turns the loop makes.
 */
#include "eval.h"

#include <stdlib.h>

#include <asyncio/testing.h>

#include "errors.h"

enum { FEW_ARGS = 4 };

static int check_limits(struct interp *it, struct env *env, const struct node *x) {
    if (it->fatal != FATAL_NONE) return ST_ABORT;
    if (it->muted) return ASYNCIO_GENERATOR_EXIT;
    if (++it->evals > MAX_EVALS) return interp_step_limit(it);
    if (it->loop && asyncio_testing_turns(it->loop) > MAX_TURNS) return interp_step_limit(it);
    if (env->depth >= MAX_DEPTH) return interp_misuse(it, x, "forms are nested too deeply");
    return ST_OK;
}

static int eval_name(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    const struct variable *v = env_find(env, x->name);
    if (v) *out = v->value;
    else if (x->name->bound) *out = x->name->global;
    else if (x->name->type) *out = value_type(x->name->type);
    else return interp_misuse(it, x, "unbound name %s", x->name->name);
    return ST_OK;
}

static size_t keyword_index(const struct form *form, const struct node *keyword) {
    size_t i = 0;
    while (strcmp(form->keywords[i], keyword->name->name) != 0) i++;
    return i;
}

/* out: where the value goes that an argument returns with. */
static int eval_args(struct call *c, struct value *out) {
    const struct node *x = c->node;
    for (size_t i = 1; i < x->n; i++) {
        struct value *arg;
        if (x->items[i]->kind == NODE_KEYWORD) {
            size_t k = keyword_index(x->form, x->items[i]);
            arg = &c->keywords[k];
            c->given[k] = true;
            i++;
        } else {
            arg = &c->args[c->n++];
        }
        int rc = eval(c->it, c->env, x->items[i], out);
        if (rc != ST_OK) return rc;
        *arg = *out;
    }
    *out = value_none();
    return ST_OK;
}

static int eval_function(struct interp *it, struct env *env, const struct node *x,
                         struct value *out) {
    struct value few[FEW_ARGS];
    struct call c = { .it = it, .env = env, .node = x, .args = few };
    if (x->n - 1 > FEW_ARGS) c.args = xmalloc((x->n - 1) * sizeof *c.args);
    int rc = eval_args(&c, out);
    if (rc == ST_OK) rc = x->form->function(&c, out);
    if (c.args != few) free(c.args);
    return rc;
}

static int eval_form(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = check_limits(it, env, x);
    if (rc != ST_OK) return rc;
    env->depth++;
    *out = value_none();
    rc = x->form->special ? x->form->special(it, env, x, out) : eval_function(it, env, x, out);
    env->depth--;
    return rc;
}

int eval(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    switch (x->kind) {
    case NODE_FORM: return eval_form(it, env, x, out);
    case NODE_NAME: return eval_name(it, env, x, out);
    case NODE_LITERAL: *out = x->literal; return ST_OK;
    case NODE_KEYWORD: break;
    }
    return interp_misuse(it, x, "keyword out of place");
}

int eval_block(struct interp *it, struct env *env, struct node *const *body, size_t n,
               struct value *out) {
    int rc = ST_OK;
    *out = value_none();
    for (size_t i = 0; i < n && rc == ST_OK; i++) rc = eval(it, env, body[i], out);
    return rc;
}

/* ---- fns ---- */

int fn_call(struct fn *fn, size_t n, const struct value *args, unsigned depth, struct value *out) {
    const struct node *x = fn->node, *params = x->items[1];
    if (n != params->n) {
        return interp_misuse(fn->it, x, "fn called with a wrong number of arguments");
    }
    struct env *env = env_new(fn->it, fn->env);
    env->depth = depth;
    for (size_t i = 0; i < n; i++) env_bind(fn->it, env, params->items[i]->name, args[i]);
    int rc = eval_block(fn->it, env, x->items + 2, x->n - 2, out);
    return rc == ST_RETURN ? ST_OK : rc;
}

struct callback *callback_new(struct fn *fn, size_t n, const struct value *args) {
    struct callback *c = arena_alloc(&fn->it->arena, sizeof *c);
    c->fn = fn;
    c->n = n;
    c->args = arena_alloc(&fn->it->arena, n * sizeof *args);
    for (size_t i = 0; i < n; i++) c->args[i] = args[i];
    return c;
}

int callback_run(void *arg) {
    struct callback *c = arg;
    return interp_to_library(fn_call(c->fn, c->n, c->args, c->depth, &c->result));
}

/* ---- coroutine objects ---- */

struct coro *coro_new(struct interp *it, int (*run)(struct coro *, struct value *), size_t n,
                      const struct value *args) {
    struct coro *coro = arena_alloc(&it->arena, sizeof *coro);
    coro->it = it;
    coro->run = run;
    coro->n = n;
    coro->args = arena_alloc(&it->arena, n * sizeof *args);
    for (size_t i = 0; i < n; i++) coro->args[i] = args[i];
    return coro;
}

struct value coro_value(struct coro *coro) {
    return (struct value){ .kind = VALUE_COROUTINE, .coro = coro };
}

struct env *env_of_call(const struct coro *call) {
    struct env *env = env_new(call->it, NULL);
    env->depth = call->depth;
    for (size_t i = 0; i < call->n; i++) {
        env_bind(call->it, env, call->definition->params[i]->name, call->args[i]);
    }
    return env;
}

int run_definition(struct coro *coro, struct value *out) {
    const struct definition *d = coro->definition;
    struct env *env = env_of_call(coro);
    int rc = eval_block(coro->it, env, d->body, d->nbody, out);
    return rc == ST_RETURN ? ST_OK : rc;
}

static struct coro *object_coro(const void *args) {
    struct coro *coro;
    memcpy(&coro, args, sizeof coro);
    return coro;
}

static int run_object(const void *args, asyncio_value *result) {
    struct coro *coro = object_coro(args);
    if (coro->it->muted) return ASYNCIO_GENERATOR_EXIT;
    if (coro->started) {
        return exc_raise_code(ASYNCIO_RUNTIME_ERROR, "the coroutine was awaited before");
    }
    coro->started = true;
    struct value v = value_none();
    int rc = interp_to_library(coro->run(coro, &v));
    if (rc == ST_OK) *result = value_wrap(coro->it, v);
    if (rc == ASYNCIO_KEYBOARD_INTERRUPT || rc == ASYNCIO_SYSTEM_EXIT) coro->it->escaped = rc;
    return rc;
}

static int capture_object(void *args) {
    (void)args;
    return 0;
}

/* The task is done with it, also if it was cancelled before its first step: then nobody
 * can run it any more. */
static void release_object(void *args) { object_coro(args)->started = true; }

static const asyncio_coro_type OBJECT_TYPE = {
    .size = sizeof(asyncio_coro_type),
    .name = "scenario",
    .file = __FILE__,
    .line = __LINE__,
    .run = run_object,
    .capture = capture_object,
    .release = release_object,
};

asyncio_coro coro_object(struct coro *coro) {
    asyncio_coro object = { .type = &OBJECT_TYPE };
    memcpy(object.args.bytes, &coro, sizeof coro);
    return object;
}

int await_value(struct interp *it, struct env *env, const struct node *x, struct value v,
                struct value *out) {
    asyncio_value result = asyncio_none();
    int rc;
    if (v.kind == VALUE_COROUTINE) {
        v.coro->depth = env->depth;
        rc = AWAIT(coro_object(v.coro), &result);
    } else if (v.kind == VALUE_FUTURE) {
        rc = AWAIT(v.entry->future, &result);
    } else {
        return interp_misuse(it, x, "await: the argument cannot be awaited");
    }
    rc = interp_after(it, rc);
    if (rc != ST_OK) return rc;
    *out = v.kind == VALUE_FUTURE ? entry_result(it, v.entry, result) : value_unwrap(it, result);
    return ST_OK;
}
