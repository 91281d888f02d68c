/* SPDX-License-Identifier: MIT
 *
 * eval_value.c: the forms of plain values: truth, integers, comparison, strings, lists.
 */
#include "errors.h"
#include "eval.h"

static int form_not(struct call *c, struct value *out) {
    *out = value_bool(!value_truth(c->args[0]));
    return ST_OK;
}

/* ---- integers ---- */

static int overflow(const struct call *c) {
    return interp_misuse(c->it, c->node, "an integer does not fit into 64 bits");
}

static int form_add(struct call *c, struct value *out) {
    int64_t sum = 0, n = 0;
    for (size_t i = 0; i < c->n; i++) {
        int rc = want_int(c, i, &n);
        if (rc != ST_OK) return rc;
        if (__builtin_add_overflow(sum, n, &sum)) return overflow(c);
    }
    *out = value_int(sum);
    return ST_OK;
}

static int form_multiply(struct call *c, struct value *out) {
    int64_t product = 1, n = 0;
    for (size_t i = 0; i < c->n; i++) {
        int rc = want_int(c, i, &n);
        if (rc != ST_OK) return rc;
        if (__builtin_mul_overflow(product, n, &product)) return overflow(c);
    }
    *out = value_int(product);
    return ST_OK;
}

static int form_subtract(struct call *c, struct value *out) {
    int64_t a = 0, b = 0;
    int rc = want_int(c, c->n - 1, &b);
    if (rc == ST_OK && c->n == 2) rc = want_int(c, 0, &a);
    if (rc != ST_OK) return rc;
    if (__builtin_sub_overflow(a, b, &a)) return overflow(c);
    *out = value_int(a);
    return ST_OK;
}

static int two_ints(const struct call *c, int64_t *a, int64_t *b) {
    int rc = want_int(c, 0, a);
    return rc == ST_OK ? want_int(c, 1, b) : rc;
}

/* Quotient rounded down and remainder of the divisor's sign. */
static int divide(const struct call *c, int64_t *quotient, int64_t *remainder) {
    int64_t a, b;
    int rc = two_ints(c, &a, &b);
    if (rc != ST_OK) return rc;
    if (b == 0) return exc_raise_code(ASYNCIO_ZERO_DIVISION_ERROR, "division by zero");
    if (b == -1) {
        *remainder = 0;
        return __builtin_sub_overflow((int64_t)0, a, quotient) ? overflow(c) : ST_OK;
    }
    *quotient = a / b;
    *remainder = a % b;
    if (*remainder != 0 && (*remainder < 0) != (b < 0)) {
        *quotient -= 1;
        *remainder += b;
    }
    return ST_OK;
}

static int form_divide(struct call *c, struct value *out) {
    int64_t quotient = 0, remainder;
    int rc = divide(c, &quotient, &remainder);
    *out = value_int(quotient);
    return rc;
}

static int form_modulo(struct call *c, struct value *out) {
    int64_t quotient, remainder = 0;
    int rc = divide(c, &quotient, &remainder);
    *out = value_int(remainder);
    return rc;
}

/* ---- comparison ---- */

static int form_equal(struct call *c, struct value *out) {
    *out = value_bool(value_equal(c->args[0], c->args[1]));
    return ST_OK;
}

static int form_unequal(struct call *c, struct value *out) {
    *out = value_bool(!value_equal(c->args[0], c->args[1]));
    return ST_OK;
}

/* -1, 0 or 1. */
static int compare(const struct call *c, int *order) {
    int64_t a, b;
    int rc = two_ints(c, &a, &b);
    if (rc == ST_OK) *order = (a > b) - (a < b);
    return rc;
}

static int form_less(struct call *c, struct value *out) {
    int order = 0, rc = compare(c, &order);
    *out = value_bool(order < 0);
    return rc;
}

static int form_less_equal(struct call *c, struct value *out) {
    int order = 0, rc = compare(c, &order);
    *out = value_bool(order <= 0);
    return rc;
}

static int form_greater(struct call *c, struct value *out) {
    int order = 0, rc = compare(c, &order);
    *out = value_bool(order > 0);
    return rc;
}

static int form_greater_equal(struct call *c, struct value *out) {
    int order = 0, rc = compare(c, &order);
    *out = value_bool(order >= 0);
    return rc;
}

/* ---- strings, lists ---- */

static int form_str(struct call *c, struct value *out) {
    struct text text = { 0 };
    for (size_t i = 0; i < c->n; i++) value_show(c->it, &text, c->args[i]);
    *out = value_string(arena_copy(&c->it->arena, text.s ? text.s : "", text.n));
    text_fini(&text);
    return ST_OK;
}

static int form_list(struct call *c, struct value *out) {
    *out = value_list(list_new(&c->it->arena, c->n, c->args));
    return ST_OK;
}

static int form_len(struct call *c, struct value *out) {
    if (c->args[0].kind == VALUE_STRING) {
        *out = value_int((int64_t)string_length(c->args[0].s));
        return ST_OK;
    }
    struct list *list;
    int rc = want_list(c, 0, &list);
    if (rc == ST_OK) *out = value_int((int64_t)list->n);
    return rc;
}

static int form_range(struct call *c, struct value *out) {
    int64_t n;
    int rc = want_int(c, 0, &n);
    if (rc != ST_OK) return rc;
    if (n > MAX_EVALS) return interp_step_limit(c->it);
    struct list *list = list_new(&c->it->arena, 0, NULL);
    for (int64_t i = 0; i < n; i++) list_append(&c->it->arena, list, value_int(i));
    *out = value_list(list);
    return ST_OK;
}

static int form_nth(struct call *c, struct value *out) {
    struct list *list;
    int64_t i;
    int rc = want_list(c, 0, &list);
    if (rc == ST_OK) rc = want_int(c, 1, &i);
    if (rc != ST_OK) return rc;
    if (i < 0) return interp_misuse(c->it, c->node, "negative index");
    if ((uint64_t)i >= list->n) return exc_raise_code(ASYNCIO_INDEX_ERROR, "list index");
    *out = list->items[i];
    return ST_OK;
}

static int form_append(struct call *c, struct value *out) {
    struct list *list;
    int rc = want_list(c, 0, &list);
    if (rc != ST_OK) return rc;
    list_append(&c->it->arena, list, c->args[1]);
    *out = c->args[0];
    return ST_OK;
}

static int form_pop(struct call *c, struct value *out) {
    struct list *list;
    int rc = want_list(c, 0, &list);
    if (rc != ST_OK) return rc;
    if (list->n == 0) return exc_raise_code(ASYNCIO_INDEX_ERROR, "pop from an empty list");
    *out = list->items[0];
    list->n--;
    memmove(list->items, list->items + 1, list->n * sizeof *list->items);
    return ST_OK;
}

static int form_in(struct call *c, struct value *out) {
    struct list *list;
    int rc = want_list(c, 1, &list);
    if (rc != ST_OK) return rc;
    bool found = false;
    for (size_t i = 0; i < list->n && !found; i++) found = value_equal(c->args[0], list->items[i]);
    *out = value_bool(found);
    return ST_OK;
}

const struct form value_forms[] = {
    { "not", 1, 1, NULL, form_not, { NULL } },
    { "+", 1, ANY, NULL, form_add, { NULL } },
    { "-", 1, 2, NULL, form_subtract, { NULL } },
    { "*", 1, ANY, NULL, form_multiply, { NULL } },
    { "/", 2, 2, NULL, form_divide, { NULL } },
    { "%", 2, 2, NULL, form_modulo, { NULL } },
    { "=", 2, 2, NULL, form_equal, { NULL } },
    { "!=", 2, 2, NULL, form_unequal, { NULL } },
    { "<", 2, 2, NULL, form_less, { NULL } },
    { "<=", 2, 2, NULL, form_less_equal, { NULL } },
    { ">", 2, 2, NULL, form_greater, { NULL } },
    { ">=", 2, 2, NULL, form_greater_equal, { NULL } },
    { "str", 0, ANY, NULL, form_str, { NULL } },
    { "list", 0, ANY, NULL, form_list, { NULL } },
    { "len", 1, 1, NULL, form_len, { NULL } },
    { "range", 1, 1, NULL, form_range, { NULL } },
    { "nth", 2, 2, NULL, form_nth, { NULL } },
    { "append", 2, 2, NULL, form_append, { NULL } },
    { "pop", 1, 1, NULL, form_pop, { NULL } },
    { "in", 2, 2, NULL, form_in, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
