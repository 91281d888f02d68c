/* SPDX-License-Identifier: MIT
 *
 * eval_control.c: the control forms: blocks, variables, conditions, loops, leaving, log,
 * fns and calls.
 */
#include "eval.h"

static int form_do(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    return eval_block(it, env, x->items + 1, x->n - 1, out);
}

static int form_set(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc != ST_OK) return rc;
    struct variable *v = env_find(env, x->items[1]->name);
    if (v) v->value = *out;
    else env_bind(it, env, x->items[1]->name, *out);
    return ST_OK;
}

static int form_let(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc == ST_OK) env_bind(it, env, x->items[1]->name, *out);
    return rc;
}

static int form_setg(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc != ST_OK) return rc;
    x->items[1]->name->global = *out;
    x->items[1]->name->bound = true;
    return ST_OK;
}

static int form_if(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[1], out);
    if (rc != ST_OK) return rc;
    if (value_truth(*out)) return eval(it, env, x->items[2], out);
    *out = value_none();
    return x->n > 3 ? eval(it, env, x->items[3], out) : ST_OK;
}

static int form_and(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = ST_OK;
    *out = value_bool(true);
    for (size_t i = 1; i < x->n && rc == ST_OK && value_truth(*out); i++) {
        rc = eval(it, env, x->items[i], out);
    }
    return rc;
}

static int form_or(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = ST_OK;
    *out = value_bool(false);
    for (size_t i = 1; i < x->n && rc == ST_OK && !value_truth(*out); i++) {
        rc = eval(it, env, x->items[i], out);
    }
    return rc;
}

/* ---- loops ---- */

/* One round of a loop; ST_BREAK ends it. Counts as an evaluation: the body may be a name. */
int loop_round(struct interp *it, struct env *env, const struct node *x, size_t first,
               struct value *out) {
    if (++it->evals > MAX_EVALS) return interp_step_limit(it);
    int rc = eval_block(it, env, x->items + first, x->n - first, out);
    return rc == ST_CONTINUE ? ST_OK : rc;
}

/* What a loop ends with: none, unless its body was left by a return. */
int loop_end(int rc, struct value *out) {
    if (rc == ST_BREAK) rc = ST_OK;
    if (rc == ST_OK) *out = value_none();
    return rc;
}

static int form_while(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = ST_OK;
    while (rc == ST_OK) {
        rc = eval(it, env, x->items[1], out);
        if (rc != ST_OK || !value_truth(*out)) break;
        rc = loop_round(it, env, x, 2, out);
    }
    return loop_end(rc, out);
}

static int form_repeat(struct interp *it, struct env *env, const struct node *x,
                       struct value *out) {
    int rc = eval(it, env, x->items[1], out);
    if (rc != ST_OK) return rc;
    if (out->kind != VALUE_INT) return interp_misuse(it, x, "repeat: not an integer");
    for (int64_t n = out->i; n > 0 && rc == ST_OK; n--) rc = loop_round(it, env, x, 2, out);
    return loop_end(rc, out);
}

static int for_completed(struct interp *it, struct env *env, const struct node *x,
                         struct value iterator, struct value *out) {
    int rc = ST_OK;
    struct value next;
    while (rc == ST_OK && completed_for(it, iterator, &next)) {
        env_bind(it, env, x->items[1]->name, next);
        rc = loop_round(it, env, x, 3, out);
    }
    return loop_end(rc, out);
}

static int form_for(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    int rc = eval(it, env, x->items[2], out);
    if (rc != ST_OK) return rc;
    if (value_completed(*out)) return for_completed(it, env, x, *out, out);
    if (out->kind != VALUE_LIST) return interp_misuse(it, x, "for: not a list");
    const struct list *walked = list_new(&it->arena, out->list->n, out->list->items);
    for (size_t i = 0; i < walked->n && rc == ST_OK; i++) {
        env_bind(it, env, x->items[1]->name, walked->items[i]);
        rc = loop_round(it, env, x, 3, out);
    }
    return loop_end(rc, out);
}

static int form_break(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    (void)it, (void)env, (void)x, (void)out;
    return ST_BREAK;
}

static int form_continue(struct interp *it, struct env *env, const struct node *x,
                         struct value *out) {
    (void)it, (void)env, (void)x, (void)out;
    return ST_CONTINUE;
}

static int form_return(struct interp *it, struct env *env, const struct node *x,
                       struct value *out) {
    int rc = x->n > 1 ? eval(it, env, x->items[1], out) : ST_OK;
    return rc == ST_OK ? ST_RETURN : rc;
}

/* ---- fns and calls ---- */

static int form_fn(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    struct fn *fn = arena_alloc(&it->arena, sizeof *fn);
    *fn = (struct fn){ .it = it, .node = x, .env = env };
    *out = (struct value){ .kind = VALUE_FN, .fn = fn };
    return ST_OK;
}

static int form_call(struct interp *it, struct env *env, const struct node *x, struct value *out) {
    size_t n = x->n - 2;
    struct coro *coro = coro_new(it, run_definition, 0, NULL);
    coro->definition = x->items[1]->name->definition;
    coro->args = arena_alloc(&it->arena, n * sizeof *coro->args);
    coro->n = n;
    int rc = ST_OK;
    for (size_t i = 0; i < n && rc == ST_OK; i++) {
        rc = eval(it, env, x->items[i + 2], out);
        coro->args[i] = *out;
    }
    if (rc == ST_OK) *out = coro->definition->generator ? generator_value(coro) : coro_value(coro);
    return rc;
}

static int form_apply(struct call *c, struct value *out) {
    struct fn *fn;
    int rc = want_fn(c, 0, &fn);
    return rc == ST_OK ? fn_call(fn, c->n - 1, c->args + 1, c->env->depth, out) : rc;
}

static int form_log(struct call *c, struct value *out) {
    (void)out;
    struct interp *it = c->it;
    int64_t t = interp_milliseconds(asyncio_loop_time(it->loop));
    const asyncio_task *task = asyncio_current_task();
    text_printf(&it->trace, "@%lld.%03lld %s |", (long long)(t / 1000), (long long)(t % 1000),
                task ? asyncio_task_get_name(task) : "-");
    for (size_t i = 0; i < c->n; i++) {
        text_add(&it->trace, " ");
        value_show(it, &it->trace, c->args[i]);
    }
    text_add(&it->trace, "\n");
    return ST_OK;
}

const struct form control_forms[] = {
    { "do", 0, ANY, form_do, NULL, { NULL } },
    { "log", 1, ANY, NULL, form_log, { NULL } },
    { "set", 2, 2, form_set, NULL, { NULL } },
    { "let", 2, 2, form_let, NULL, { NULL } },
    { "setg", 2, 2, form_setg, NULL, { NULL } },
    { "if", 2, 3, form_if, NULL, { NULL } },
    { "while", 1, ANY, form_while, NULL, { NULL } },
    { "repeat", 1, ANY, form_repeat, NULL, { NULL } },
    { "for", 2, ANY, form_for, NULL, { NULL } },
    { "break", 0, 0, form_break, NULL, { NULL } },
    { "continue", 0, 0, form_continue, NULL, { NULL } },
    { "return", 0, 1, form_return, NULL, { NULL } },
    { "and", 0, ANY, form_and, NULL, { NULL } },
    { "or", 0, ANY, form_or, NULL, { NULL } },
    { "fn", 1, ANY, form_fn, NULL, { NULL } },
    { "call", 1, ANY, form_call, NULL, { NULL } },
    { "apply", 1, ANY, NULL, form_apply, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
