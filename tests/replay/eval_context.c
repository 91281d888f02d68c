/* SPDX-License-Identifier: MIT
 *
 * eval_context.c: context variables, tokens and contexts.
 */
#include "eval.h"

static void drop_context(void *p) { asyncio_context_unref(p); }
static void drop_token(void *p) { asyncio_token_unref(p); }
static void drop_variable(void *p) { asyncio_contextvar_unref(p); }

static const struct object_class context_class = { .name = "context", .drop = drop_context };
static const struct object_class token_class = { .name = "token", .drop = drop_token };
static const struct object_class variable_class = { .name = "ctxvar", .drop = drop_variable };

int want_context(const struct call *c, struct value v, asyncio_context **out) {
    void *p = NULL;
    int rc = v.kind == VALUE_NONE ? ST_OK : want_object(c, v, &context_class, &p);
    *out = p;
    return rc;
}

void context_define(struct interp *it, struct symbol *name, const struct value *default_value) {
    asyncio_value v = asyncio_none();
    if (default_value) v = value_wrap(it, *default_value);
    asyncio_contextvar *var = asyncio_contextvar_new(name->name, default_value ? &v : NULL);
    name->global = registry_keep_object(it, &variable_class, var);
    name->bound = true;
}

static int form_ctx_get(struct call *c, struct value *out) {
    void *var;
    int rc = want_object(c, c->args[0], &variable_class, &var);
    if (rc != ST_OK) return rc;
    asyncio_value v;
    rc = asyncio_contextvar_get(var, &v);
    if (rc >= 0) *out = value_unwrap(c->it, v);
    return rc;
}

static int form_ctx_set(struct call *c, struct value *out) {
    void *var;
    int rc = want_object(c, c->args[0], &variable_class, &var);
    if (rc != ST_OK) return rc;
    asyncio_token *token;
    rc = asyncio_contextvar_set(var, value_wrap(c->it, c->args[1]), &token);
    if (rc >= 0) *out = registry_keep_object(c->it, &token_class, token);
    return rc;
}

static int form_ctx_reset(struct call *c, struct value *out) {
    (void)out;
    void *var, *token;
    int rc = want_object(c, c->args[0], &variable_class, &var);
    if (rc == ST_OK) rc = want_object(c, c->args[1], &token_class, &token);
    return rc == ST_OK ? asyncio_contextvar_reset(var, token) : rc;
}

static int form_copy_context(struct call *c, struct value *out) {
    *out = registry_keep_object(c->it, &context_class, asyncio_copy_context());
    return ST_OK;
}

static int form_ctx_run(struct call *c, struct value *out) {
    asyncio_context *context;
    struct fn *fn;
    int rc = want_context(c, c->args[0], &context);
    if (rc == ST_OK) rc = want_fn(c, 1, &fn);
    if (rc != ST_OK) return rc;
    struct callback *callback = callback_new(fn, c->n - 2, c->args + 2);
    callback->depth = c->env->depth;
    rc = interp_after(c->it, asyncio_context_run(context, callback_run, callback));
    *out = callback->result;
    return rc;
}

const struct form context_forms[] = {
    { "ctx-get", 1, 1, NULL, form_ctx_get, { NULL } },
    { "ctx-set", 2, 2, NULL, form_ctx_set, { NULL } },
    { "ctx-reset", 2, 2, NULL, form_ctx_reset, { NULL } },
    { "copy-context", 0, 0, NULL, form_copy_context, { NULL } },
    { "ctx-run", 2, ANY, NULL, form_ctx_run, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
