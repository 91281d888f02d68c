/* SPDX-License-Identifier: MIT
 *
 * interp.c: see interp.h.
 */
#include "interp.h"

#include <math.h>

#include "errors.h"

void interp_init(struct interp *it) {
    *it = (struct interp){ 0 };
    it->reader.arena = &it->arena;
    it->messages = list_new(&it->arena, 0, NULL);
}

void interp_fini(struct interp *it) {
    registry_fini(it);
    text_fini(&it->trace);
    arena_fini(&it->arena);
}

int interp_misuse(struct interp *it, const struct node *x, const char *fmt, ...) {
    if (it->fatal != FATAL_NONE) return ST_ABORT;
    it->fatal = FATAL_MISUSE;
    size_t size = sizeof it->problem, n = 0;
    if (x) n = (size_t)snprintf(it->problem, size, "line %d: ", x->line);
    va_list args;
    va_start(args, fmt);
    vsnprintf(it->problem + n, size - n, fmt, args);
    va_end(args);
    return ST_ABORT;
}

int interp_step_limit(struct interp *it) {
    if (it->fatal == FATAL_NONE) it->fatal = FATAL_STEP_LIMIT;
    return ST_ABORT;
}

int interp_no_task(struct interp *it) {
    return interp_after(it, it->escaped ? it->escaped : ASYNCIO_RUNTIME_ERROR);
}

void interp_line(struct interp *it, const char *line) {
    if (it->muted) return;
    text_add(&it->trace, line);
    text_add(&it->trace, "\n");
}

void interp_report(struct interp *it, const char *message, const asyncio_error *error) {
    if (it->muted) return;
    text_printf(&it->trace, "! %s | ", message);
    if (error) exc_show(it, &it->trace, error);
    else text_add(&it->trace, "none");
    text_add(&it->trace, "\n");
}

int64_t interp_milliseconds(double seconds) { return (int64_t)llround(seconds * 1000.0); }

struct env *env_new(struct interp *it, struct env *parent) {
    struct env *env = arena_alloc(&it->arena, sizeof *env);
    env->parent = parent;
    if (parent) env->handling = parent->handling;
    return env;
}

static struct variable *find_here(struct env *env, const struct symbol *name) {
    for (size_t i = 0; i < env->n; i++) {
        if (env->variables[i].name == name) return &env->variables[i];
    }
    return NULL;
}

struct variable *env_find(struct env *env, const struct symbol *name) {
    struct variable *v = NULL;
    for (; env && !v; env = env->parent) v = find_here(env, name);
    return v;
}

void env_bind(struct interp *it, struct env *env, const struct symbol *name, struct value v) {
    struct variable *known = find_here(env, name);
    if (known) {
        known->value = v;
        return;
    }
    if (env->n == env->size) {
        env->size = env->size ? env->size * 2 : 4;
        struct variable *bigger = arena_alloc(&it->arena, env->size * sizeof *bigger);
        for (size_t i = 0; i < env->n; i++) bigger[i] = env->variables[i];
        env->variables = bigger;
    }
    env->variables[env->n++] = (struct variable){ name, v };
}
