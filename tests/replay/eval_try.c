/* SPDX-License-Identifier: MIT
 *
 * eval_try.c: try with its clauses, raise, reraise.
 *
 * An exception that is handled, or that waits for a finally body to run, is taken out of
 * the library's slot and raised again afterwards: the slot is empty while scenario code
 * runs. Leaving by break, continue or return is a status, not an exception: except clauses
 * do not see it, finally bodies run.
 */
#include "try.h"

#include <stdlib.h>

#include "errors.h"
#include "eval.h"

/* The types a clause names. buffer: room for them. */
static struct exc_types clause_types(struct interp *it, const struct node *clause) {
    const struct node *x = clause->items[1];
    struct node *const *names = x->kind == NODE_FORM ? x->items : &clause->items[1];
    size_t n = x->kind == NODE_FORM ? x->n : 1;
    const struct exc_type **types = arena_alloc(&it->arena, n * sizeof(void *));
    for (size_t i = 0; i < n; i++) types[i] = names[i]->name->type;
    return (struct exc_types){ types, n };
}

static int run_handler(struct interp *it, struct env *env, const struct node *clause,
                       asyncio_error *error, struct value *out) {
    asyncio_error *saved = env->handling;
    env->handling = error;
    env_bind(it, env, clause->items[2]->name, value_exception(error));
    int rc = eval_block(it, env, clause->items + 3, clause->n - 3, out);
    env->handling = saved;
    return rc;
}

static int try_plain(struct interp *it, struct env *env, const struct try_parts *t,
                     asyncio_error *error, struct value *out) {
    for (size_t i = 0; i < t->nclauses; i++) {
        if (exc_matches(error, clause_types(it, t->clauses[i]))) {
            return run_handler(it, env, t->clauses[i], error, out);
        }
    }
    return exc_raise(error);
}

/* ---- except* ---- */

struct star {
    bool naked;             /* the exception was no group */
    asyncio_error *rest;    /* what no clause has taken yet, or NULL */
    asyncio_error **raised; /* by the clauses */
    size_t n;
};

/* Runs the clauses; what they raise is remembered. Status: ST_OK, ST_ABORT, or a code while
 * the interpreter is muted. */
static int run_star_clauses(struct interp *it, struct env *env, const struct try_parts *t,
                            struct star *s, struct value *out) {
    *out = value_none();
    for (size_t i = 0; i < t->nclauses && s->rest; i++) {
        struct exc_halves h = exc_split(it, s->rest, clause_types(it, t->clauses[i]));
        s->rest = h.rest;
        if (!h.match) continue;
        int rc = run_handler(it, env, t->clauses[i], h.match, out);
        if (rc == ST_ABORT || it->muted) return rc;
        if (rc < 0) s->raised[s->n++] = exc_take(it, rc);
    }
    return ST_OK;
}

static int end_star(struct interp *it, struct star *s, asyncio_error *error) {
    if (s->n == 0) {
        if (!s->rest) return ST_OK;
        return exc_raise(s->naked ? error : s->rest);
    }
    if (s->naked && s->n == 1) return exc_raise(s->raised[0]);
    if (s->rest) s->raised[s->n++] = s->rest;
    return exc_raise(exc_group(it, "", s->n, s->raised));
}

static int try_star(struct interp *it, struct env *env, const struct try_parts *t,
                    asyncio_error *error, struct value *out) {
    struct star s = { .naked = !exc_type_is_group(exc_type_of(error)) };
    s.rest = s.naked ? exc_group(it, "", 1, &error) : error;
    s.raised = xmalloc((t->nclauses + 1) * sizeof(void *));
    int rc = run_star_clauses(it, env, t, &s, out);
    if (rc == ST_OK) rc = end_star(it, &s, error);
    free(s.raised);
    return rc;
}

/* ---- try ---- */

/* The body with its except clauses and else. */
static int try_body(struct interp *it, struct env *env, const struct try_parts *t,
                    struct value *out) {
    int rc = eval_block(it, env, t->body, t->nbody, out);
    if (rc == ST_OK && t->orelse) {
        return eval_block(it, env, t->orelse->items + 1, t->orelse->n - 1, out);
    }
    if (rc >= 0 || t->nclauses == 0 || it->muted) return rc;
    asyncio_error *error = exc_take(it, rc);
    return t->star ? try_star(it, env, t, error, out) : try_plain(it, env, t, error, out);
}

static int form_try(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    const struct try_parts *t = x->parsed;
    int rc = try_body(it, env, t, out);
    if (!t->final || rc == ST_ABORT || it->muted) return rc;
    asyncio_error *error = rc < 0 ? exc_take(it, rc) : NULL;
    struct value ignored;
    int last = eval_block(it, env, t->final->items + 1, t->final->n - 1, &ignored);
    if (last != ST_OK) {
        *out = ignored;
        return last;
    }
    return error ? exc_raise(error) : rc;
}

static int form_reraise(struct interp *it, struct env *env, const struct node *x,
                        struct value *out) {
    (void)out;
    if (!env->handling) return interp_misuse(it, x, "reraise outside except");
    return exc_raise(env->handling);
}

static int form_raise(struct call *c, struct value *out) {
    (void)out;
    if (c->args[0].kind == VALUE_EXCEPTION) return exc_raise(c->args[0].error);
    const struct exc_type *type;
    int rc = want_type(c, 0, &type);
    if (rc != ST_OK) return rc;
    if (exc_type_is_group(type)) return interp_misuse(c->it, c->node, "use exc-group");
    return exc_raise(exc_new(c->it, type, c->n > 1 ? &c->args[1] : NULL));
}

const struct form try_forms[] = {
    { "try", 1, ANY, form_try, NULL, { NULL } },
    { "reraise", 0, 0, form_reraise, NULL, { NULL } },
    { "raise", 1, 2, NULL, form_raise, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
