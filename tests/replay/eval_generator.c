/* SPDX-License-Identifier: MIT
 *
 * eval_generator.c: asynchronous generators, and afor over them.
 */
#include "errors.h"
#include "eval.h"

static void drop_generator(void *p) { asyncio_gen_unref(p); }

static const struct object_class generator_class = { .name = "generator", .drop = drop_generator };

/* ---- making and running ---- */

/* args: the call, as a coroutine object that is never awaited. The stack is its own. */
static int run_generator(asyncio_gen *gen, const void *args) {
    struct coro *call;
    memcpy(&call, args, sizeof call);
    struct interp *it = call->it;
    if (it->muted) return ASYNCIO_GENERATOR_EXIT;
    struct env *env = env_of_call(call);
    env->gen = gen;
    struct value ignored;
    int rc = eval_block(it, env, call->definition->body, call->definition->nbody, &ignored);
    return rc == ST_RETURN ? ST_OK : interp_to_library(rc);
}

static const asyncio_gen_type GENERATOR_TYPE = {
    .size = sizeof(asyncio_gen_type),
    .name = "generator",
    .file = __FILE__,
    .line = __LINE__,
    .run = run_generator,
};

struct value generator_value(struct coro *call) {
    asyncio_gen *gen = asyncio_gen_new(&GENERATOR_TYPE, &call, sizeof(struct coro *));
    return registry_keep_object(call->it, &generator_class, gen);
}

static int form_yield(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = x->n > 1 ? eval(it, env, x->items[1], out) : ST_OK;
    if (rc != ST_OK) return rc;
    asyncio_value sent = asyncio_none();
    rc = asyncio_gen_yield(env->gen, value_wrap(it, *out), &sent, ASYNCIO_WHERE, __func__);
    rc = interp_after(it, rc);
    if (rc == ST_OK) *out = value_unwrap(it, sent);
    return rc;
}

/* ---- advancing ---- */

static asyncio_gen *gen_of(const struct coro *coro) { return coro->args[0].object->p; }

static int advance(struct coro *coro, asyncio_coro operation, struct value *out) {
    asyncio_value result = asyncio_none();
    int rc = interp_after(coro->it, AWAIT(operation, &result));
    if (rc == ST_OK) *out = value_unwrap(coro->it, result);
    return rc;
}

static int run_anext(struct coro *coro, struct value *out) {
    return advance(coro, asyncio_gen_next(gen_of(coro)), out);
}

static int run_asend(struct coro *coro, struct value *out) {
    asyncio_value sent = value_wrap(coro->it, coro->args[1]);
    return advance(coro, asyncio_gen_send(gen_of(coro), sent), out);
}

static int run_athrow(struct coro *coro, struct value *out) {
    struct value e = coro->args[1];
    if (e.kind == VALUE_TYPE) e = value_exception(exc_new(coro->it, e.type, NULL));
    return advance(coro, asyncio_gen_throw(gen_of(coro), asyncio_error_ref(e.error)), out);
}

static int run_aclose(struct coro *coro, struct value *out) {
    return advance(coro, asyncio_gen_aclose(gen_of(coro)), out);
}

static int operation(struct call *c, int (*run)(struct coro *, struct value *), struct value *out) {
    void *gen;
    int rc = want_object(c, c->args[0], &generator_class, &gen);
    if (rc == ST_OK) *out = coro_value(coro_new(c->it, run, c->n, c->args));
    return rc;
}

static int form_anext(struct call *c, struct value *out) { return operation(c, run_anext, out); }
static int form_asend(struct call *c, struct value *out) { return operation(c, run_asend, out); }
static int form_aclose(struct call *c, struct value *out) { return operation(c, run_aclose, out); }

static int form_athrow(struct call *c, struct value *out) {
    const struct value *e = &c->args[1];
    bool type = e->kind == VALUE_TYPE && !exc_type_is_group(e->type);
    if (e->kind != VALUE_EXCEPTION && !type) {
        return interp_misuse(c->it, c->node, "athrow: not an exception");
    }
    return operation(c, run_athrow, out);
}

/* ---- afor ---- */

static int afor_generator(struct interp *it, struct env *env, const struct node *x,
                          asyncio_gen *gen, struct value *out) {
    asyncio_value v = asyncio_none();
    int rc, body = ST_OK;
    ASYNC_FOR(v, gen, rc) {
        if (it->fatal != FATAL_NONE) return ST_ABORT;
        env_bind(it, env, x->items[1]->name, value_unwrap(it, v));
        body = loop_round(it, env, x, 3, out);
        if (body != ST_OK) break;
    }
    return body != ST_OK ? body : interp_after(it, rc);
}

static int afor_completed(struct interp *it, struct env *env, const struct node *x,
                          struct value iterator, struct value *out) {
    for (;;) {
        struct value v;
        int rc = completed_afor(it, iterator, &v);
        if (rc == ASYNCIO_STOP_ASYNC_ITERATION) return asyncio_ignore(rc), ST_OK;
        if (rc != ST_OK) return rc;
        env_bind(it, env, x->items[1]->name, v);
        rc = loop_round(it, env, x, 3, out);
        if (rc != ST_OK) return rc;
    }
}

static int form_afor(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc != ST_OK) return rc;
    if (value_completed(*out)) return loop_end(afor_completed(it, env, x, *out, out), out);
    if (out->kind != VALUE_OBJECT || out->object->class != &generator_class) {
        return interp_misuse(it, x, "afor: not a generator");
    }
    return loop_end(afor_generator(it, env, x, out->object->p, out), out);
}

/* "gen" is the definition; the checker looks it up as if it were a form. */
const struct form generator_forms[] = {
    { "gen", 0, 0, NULL, NULL, { NULL } },
    { "yield", 0, 1, form_yield, NULL, { NULL } },
    { "afor", 2, ANY, form_afor, NULL, { NULL } },
    { "anext", 1, 1, NULL, form_anext, { NULL } },
    { "asend", 2, 2, NULL, form_asend, { NULL } },
    { "athrow", 2, 2, NULL, form_athrow, { NULL } },
    { "aclose", 1, 1, NULL, form_aclose, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
