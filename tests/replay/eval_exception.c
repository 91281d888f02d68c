/* SPDX-License-Identifier: MIT
 *
 * eval_exception.c: the functions that make and look at exceptions.
 */
#include <stdlib.h>

#include "errors.h"
#include "eval.h"

static int form_exc(struct call *c, struct value *out) {
    const struct exc_type *type;
    int rc = want_type(c, 0, &type);
    if (rc != ST_OK) return rc;
    if (exc_type_is_group(type)) return interp_misuse(c->it, c->node, "use exc-group");
    *out = value_exception(exc_new(c->it, type, c->n > 1 ? &c->args[1] : NULL));
    return ST_OK;
}

static int form_exc_group(struct call *c, struct value *out) {
    struct list *list;
    int rc = want_list(c, 1, &list);
    if (rc != ST_OK) return rc;
    if (c->args[0].kind != VALUE_STRING) return exc_raise_code(ASYNCIO_TYPE_ERROR, "message");
    if (list->n == 0) return exc_raise_code(ASYNCIO_VALUE_ERROR, "an empty group");
    asyncio_error **members = xmalloc(list->n * sizeof(void *));
    for (size_t i = 0; i < list->n && rc == ST_OK; i++) {
        members[i] = list->items[i].error;
        if (list->items[i].kind != VALUE_EXCEPTION) {
            rc = exc_raise_code(ASYNCIO_VALUE_ERROR, "a member is no exception");
        }
    }
    if (rc == ST_OK) *out = value_exception(exc_group(c->it, c->args[0].s, list->n, members));
    free(members);
    return rc;
}

static int form_type_of(struct call *c, struct value *out) {
    asyncio_error *error;
    int rc = want_error(c, 0, &error);
    if (rc == ST_OK) *out = value_string(exc_type_of(error)->name);
    return rc;
}

static int form_msg(struct call *c, struct value *out) {
    asyncio_error *error;
    int rc = want_error(c, 0, &error);
    if (rc == ST_OK) *out = exc_argument(c->it, error);
    return rc;
}

static int form_exceptions(struct call *c, struct value *out) {
    asyncio_error *error;
    int rc = want_error(c, 0, &error);
    if (rc != ST_OK) return rc;
    if (!exc_type_is_group(exc_type_of(error))) {
        return interp_misuse(c->it, c->node, "exceptions: not a group");
    }
    struct list *list = list_new(&c->it->arena, 0, NULL);
    for (size_t i = 0; i < asyncio_error_count(error); i++) {
        asyncio_error *member = asyncio_error_ref(asyncio_error_child(error, i));
        list_append(&c->it->arena, list, value_exception(registry_keep_error(c->it, member)));
    }
    *out = value_list(list);
    return ST_OK;
}

static int form_is_a(struct call *c, struct value *out) {
    const struct exc_type *type;
    int rc = want_type(c, 1, &type);
    if (rc != ST_OK) return rc;
    struct exc_types types = { &type, 1 };
    const struct value *v = &c->args[0];
    *out = value_bool(v->kind == VALUE_EXCEPTION && exc_matches(v->error, types));
    return ST_OK;
}

const struct form exception_forms[] = {
    { "exc", 1, 2, NULL, form_exc, { NULL } },
    { "exc-group", 2, 2, NULL, form_exc_group, { NULL } },
    { "type-of", 1, 1, NULL, form_type_of, { NULL } },
    { "msg", 1, 1, NULL, form_msg, { NULL } },
    { "exceptions", 1, 1, NULL, form_exceptions, { NULL } },
    { "is-a", 2, 2, NULL, form_is_a, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
