/* SPDX-License-Identifier: MIT
 *
 * check.c: see check.h.
 */
#include "check.h"

#include "eval.h"
#include "try.h"

/* Where a form stands. */
struct place {
    bool fn;      /* inside an fn */
    bool gen;     /* inside a gen */
    bool loop;    /* inside a loop of the same body */
    bool handler; /* inside an except clause */
};

static bool check_expr(struct interp *it, struct node *x, struct place at);

#define FAIL(...) (interp_misuse(__VA_ARGS__), false)

static bool check_body(struct interp *it, struct node *const *body, size_t n, struct place at) {
    for (size_t i = 0; i < n; i++) {
        if (!check_expr(it, body[i], at)) return false;
    }
    return true;
}

static bool check_from(struct interp *it, const struct node *x, size_t first, struct place at) {
    return x->n <= first || check_body(it, x->items + first, x->n - first, at);
}

static bool check_name(struct interp *it, const struct node *x, const struct node *name) {
    if (name->kind == NODE_NAME && !name->name->type) return true;
    return FAIL(it, x, "not a name that can be bound");
}

static bool check_names(struct interp *it, const struct node *x, const struct node *names) {
    if (names->kind != NODE_FORM) return FAIL(it, x, "a list of parameters is missing");
    for (size_t i = 0; i < names->n; i++) {
        if (!check_name(it, x, names->items[i])) return false;
    }
    return true;
}

/* ---- try ---- */

static bool is_clause(const struct node *x) {
    return node_is(x, "except") || node_is(x, "except*");
}

static struct try_parts *split_try(struct interp *it, const struct node *x) {
    struct try_parts *t = arena_alloc(&it->arena, sizeof *t);
    t->body = arena_alloc(&it->arena, x->n * sizeof(void *));
    t->clauses = arena_alloc(&it->arena, x->n * sizeof(void *));
    for (size_t i = 1; i < x->n; i++) {
        struct node *a = x->items[i];
        if (is_clause(a)) t->clauses[t->nclauses++] = a;
        else if (node_is(a, "else")) t->orelse = a;
        else if (node_is(a, "finally")) t->final = a;
        else t->body[t->nbody++] = a;
    }
    t->star = t->nclauses > 0 && node_is(t->clauses[0], "except*");
    return t;
}

static bool has_exit(struct node *const *body, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct node *x = body[i];
        if (x->kind != NODE_FORM || x->n == 0) continue;
        if (node_is(x, "return") || node_is(x, "break") || node_is(x, "continue")) return true;
        if (!node_is(x, "fn") && has_exit(x->items, x->n)) return true;
    }
    return false;
}

static bool check_clause_types(struct interp *it, const struct node *clause) {
    const struct node *x = clause->items[1];
    struct node *const *names = x->kind == NODE_FORM ? x->items : &clause->items[1];
    size_t n = x->kind == NODE_FORM ? x->n : 1;
    for (size_t i = 0; i < n; i++) {
        if (names[i]->kind != NODE_NAME || !names[i]->name->type) {
            return FAIL(it, clause, "not an exception type");
        }
    }
    return true;
}

static bool check_clause(struct interp *it, const struct node *c, bool star, struct place at) {
    if (node_is(c, "except*") != star) return FAIL(it, c, "except mixed with except*");
    if (c->n < 4) return FAIL(it, c, "except TYPE NAME BODY...");
    if (!check_clause_types(it, c) || !check_name(it, c, c->items[2])) return false;
    if (star && has_exit(c->items + 3, c->n - 3)) {
        return FAIL(it, c, "return, break or continue inside except*");
    }
    at.loop = at.loop && !star;
    at.handler = true;
    return check_from(it, c, 3, at);
}

static bool check_try(struct interp *it, struct node *x, struct place at) {
    struct try_parts *t = split_try(it, x);
    x->parsed = t;
    if (t->nclauses == 0 && !t->final) return FAIL(it, x, "try without except or finally");
    if (t->nclauses == 0 && t->orelse) return FAIL(it, x, "else without except");
    if (!check_body(it, t->body, t->nbody, at)) return false;
    for (size_t i = 0; i < t->nclauses; i++) {
        if (!check_clause(it, t->clauses[i], t->star, at)) return false;
    }
    return (!t->orelse || check_from(it, t->orelse, 1, at)) &&
           (!t->final || check_from(it, t->final, 1, at));
}

/* ---- the forms with names and bodies of their own ---- */

static bool check_assignment(struct interp *it, struct node *x, struct place at) {
    return check_name(it, x, x->items[1]) && check_expr(it, x->items[2], at);
}

static bool check_loop(struct interp *it, struct node *x, struct place at) {
    if (!check_expr(it, x->items[1], at)) return false;
    at.loop = true;
    return check_from(it, x, 2, at);
}

static bool check_for(struct interp *it, struct node *x, struct place at) {
    if (!check_name(it, x, x->items[1]) || !check_expr(it, x->items[2], at)) return false;
    at.loop = true;
    return check_from(it, x, 3, at);
}

static bool check_with(struct interp *it, struct node *x, struct place at) {
    return check_name(it, x, x->items[1]) && check_from(it, x, 2, at);
}

static bool check_fn(struct interp *it, struct node *x, struct place at) {
    (void)at;
    return check_names(it, x, x->items[1]) && check_from(it, x, 2, (struct place){ .fn = true });
}

static bool check_call(struct interp *it, struct node *x, struct place at) {
    const struct node *name = x->items[1];
    const struct definition *d = name->kind == NODE_NAME ? name->name->definition : NULL;
    if (!d) return FAIL(it, x, "no such coro or gen");
    if (x->n - 2 != d->nparams) return FAIL(it, x, "wrong number of arguments");
    return check_from(it, x, 2, at);
}

static const struct own_check {
    const char *name;
    bool (*check)(struct interp *it, struct node *x, struct place at);
} OWN_CHECKS[] = {
    { "set", check_assignment }, { "let", check_assignment }, { "setg", check_assignment },
    { "while", check_loop },     { "repeat", check_loop },    { "for", check_for },
    { "afor", check_for },       { "with", check_with },      { "fn", check_fn },
    { "call", check_call },      { "try", check_try },        { NULL, NULL },
};

/* ---- any form ---- */

static void note_waiting(struct interp *it, const char *form) {
    struct waiting **w = &it->waits;
    for (; *w; w = &(*w)->next) {
        if (strcmp((*w)->form, form) == 0) return;
    }
    *w = arena_alloc(&it->arena, sizeof **w);
    (*w)->form = form;
}

static bool check_place(struct interp *it, const struct node *x, struct place at) {
    static const char *const suspending[] = { "await", "yield", "with", "afor", NULL };
    for (size_t i = 0; suspending[i]; i++) {
        if (at.fn && node_is(x, suspending[i])) {
            return FAIL(it, x, "%s inside fn", suspending[i]);
        }
    }
    if ((node_is(x, "break") || node_is(x, "continue")) && !at.loop) {
        return FAIL(it, x, "break or continue outside a loop");
    }
    if (node_is(x, "yield") && !at.gen) return FAIL(it, x, "yield outside gen");
    if (node_is(x, "reraise") && !at.handler) return FAIL(it, x, "reraise outside except");
    return true;
}

static bool takes_keyword(const struct form *form, const char *name) {
    for (size_t i = 0; i < MAX_KEYWORDS && form->keywords[i]; i++) {
        if (strcmp(form->keywords[i], name) == 0) return true;
    }
    return false;
}

static bool check_count(struct interp *it, const struct node *x, size_t n) {
    const struct form *f = x->form;
    if (n >= (size_t)f->lo && (f->hi == ANY || n <= (size_t)f->hi)) return true;
    return FAIL(it, x, "wrong number of arguments to %s", f->name);
}

static bool check_args(struct interp *it, const struct node *x, struct place at) {
    size_t n = 0;
    for (size_t i = 1; i < x->n; i++) {
        if (x->items[i]->kind == NODE_KEYWORD) {
            const char *name = x->items[i]->name->name;
            if (!takes_keyword(x->form, name) || i + 1 >= x->n) {
                return FAIL(it, x, "%s does not take :%s", x->form->name, name);
            }
            i++;
        } else {
            n++;
        }
        if (!check_expr(it, x->items[i], at)) return false;
    }
    return check_count(it, x, n);
}

static bool check_form(struct interp *it, struct node *x, struct place at) {
    const char *head = x->items[0]->name->name;
    x->form = form_find(head);
    if (!x->form || strcmp(head, "gen") == 0) return FAIL(it, x, "unknown form %s", head);
    if (form_waits(x->form)) note_waiting(it, x->form->name);
    if (!check_place(it, x, at)) return false;
    for (const struct own_check *own = OWN_CHECKS; own->name; own++) {
        if (strcmp(own->name, head) == 0) {
            return check_count(it, x, x->n - 1) && own->check(it, x, at);
        }
    }
    return check_args(it, x, at);
}

static bool check_expr(struct interp *it, struct node *x, struct place at) {
    if (x->kind == NODE_KEYWORD) return FAIL(it, x, "keyword :%s out of place", x->name->name);
    if (x->kind != NODE_FORM) return true;
    if (x->n == 0 || x->items[0]->kind != NODE_NAME) {
        return FAIL(it, x, "a form starts with a name");
    }
    return check_form(it, x, at);
}

/* ---- definitions ---- */

static bool define_call(struct interp *it, const struct node *x, bool gen) {
    if (x->n < 4) return FAIL(it, x, "NAME (PARAM...) BODY...");
    if (!check_name(it, x, x->items[1]) || !check_names(it, x, x->items[2])) return false;
    struct symbol *name = x->items[1]->name;
    if (name->definition) return FAIL(it, x, "%s is defined twice", name->name);
    struct definition *d = arena_alloc(&it->arena, sizeof *d);
    *d = (struct definition){ .name = name, .generator = gen, .next = it->definitions };
    d->params = x->items[2]->items;
    d->nparams = x->items[2]->n;
    d->body = x->items + 3;
    d->nbody = x->n - 3;
    name->definition = d;
    it->definitions = d;
    return true;
}

static bool define_main(struct interp *it, const struct node *x) {
    if (it->main) return FAIL(it, x, "two mains");
    it->main = arena_alloc(&it->arena, sizeof *it->main);
    it->main->body = x->items + 1;
    it->main->nbody = x->n - 1;
    return true;
}

static bool define_variable(struct interp *it, const struct node *x) {
    if (x->n < 2 || x->n > 3) return FAIL(it, x, "ctxvar NAME [DEFAULT]");
    if (!check_name(it, x, x->items[1])) return false;
    if (x->n == 3 && x->items[2]->kind != NODE_LITERAL) return FAIL(it, x, "not a literal");
    context_define(it, x->items[1]->name, x->n == 3 ? &x->items[2]->literal : NULL);
    return true;
}

static bool define(struct interp *it, const struct node *x) {
    if (node_is(x, "coro")) return define_call(it, x, false);
    if (node_is(x, "gen")) return define_call(it, x, true);
    if (node_is(x, "ctxvar")) return define_variable(it, x);
    if (node_is(x, "main")) return define_main(it, x);
    if (!node_is(x, "scenario")) return FAIL(it, x, "unknown definition");
    if (x->n == 2 && x->items[1]->kind == NODE_LITERAL &&
        x->items[1]->literal.kind == VALUE_STRING) {
        return true;
    }
    return FAIL(it, x, "scenario needs a title");
}

bool check_program(struct interp *it, const struct node *top) {
    for (size_t i = 0; i < top->n; i++) {
        if (!define(it, top->items[i])) return false;
    }
    if (!it->main) return FAIL(it, NULL, "no main");
    for (const struct definition *d = it->definitions; d; d = d->next) {
        struct place at = { .gen = d->generator };
        if (!check_body(it, d->body, d->nbody, at)) return false;
    }
    return check_body(it, it->main->body, it->main->nbody, (struct place){ 0 });
}
