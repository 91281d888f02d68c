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

/* The library's object is made when the form is evaluated: its generator is known from then on. */
struct operation {
    asyncio_coro object;
    asyncio_error *thrown; /* taken when it is awaited */
};

static int run_operation(struct coro *coro, struct value *out) {
    const struct operation *operation = coro->operation;
    asyncio_value result = asyncio_none();
    asyncio_error_ref(operation->thrown);
    int rc = interp_after(coro->it, AWAIT(operation->object, &result));
    if (rc == ST_OK) *out = value_unwrap(coro->it, result);
    return rc;
}

static struct value operation_value(struct interp *it, asyncio_coro object, asyncio_error *thrown) {
    struct operation *operation = arena_alloc(&it->arena, sizeof *operation);
    *operation = (struct operation){ object, thrown };
    struct coro *coro = coro_new(it, run_operation, 0, NULL);
    coro->operation = operation;
    return coro_value(coro);
}

static int form_anext(struct call *c, struct value *out) {
    void *gen;
    int rc = want_object(c, c->args[0], &generator_class, &gen);
    if (rc == ST_OK) *out = operation_value(c->it, asyncio_gen_next(gen), NULL);
    return rc;
}

static int form_asend(struct call *c, struct value *out) {
    void *gen;
    int rc = want_object(c, c->args[0], &generator_class, &gen);
    if (rc != ST_OK) return rc;
    *out = operation_value(c->it, asyncio_gen_send(gen, value_wrap(c->it, c->args[1])), NULL);
    return ST_OK;
}

static int form_athrow(struct call *c, struct value *out) {
    void *gen;
    asyncio_error *error;
    int rc = want_object(c, c->args[0], &generator_class, &gen);
    if (rc == ST_OK && c->args[1].kind == VALUE_TYPE && !exc_type_is_group(c->args[1].type)) {
        c->args[1] = value_exception(exc_new(c->it, c->args[1].type, NULL));
    }
    if (rc == ST_OK) rc = want_error(c, 1, &error);
    if (rc == ST_OK) *out = operation_value(c->it, asyncio_gen_throw(gen, error), error);
    return rc;
}

static int run_aclose(struct coro *coro, struct value *out) {
    (void)out;
    return interp_after(coro->it, AWAIT(asyncio_gen_aclose(coro->args[0].object->p)));
}

static int form_aclose(struct call *c, struct value *out) {
    void *gen;
    int rc = want_object(c, c->args[0], &generator_class, &gen);
    if (rc == ST_OK) *out = coro_value(coro_new(c->it, run_aclose, 1, c->args));
    return rc;
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
