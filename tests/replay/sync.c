/* SPDX-License-Identifier: MIT
 *
 * sync.c: see sync.h.
 */
#include "sync.h"

#include <limits.h>

bool sync_is(struct value v, const struct object_class *class) {
    return v.kind == VALUE_OBJECT && v.object->class == class;
}

int sync_new(struct call *c, const struct object_class *class, void *p, struct value *out) {
    if (!p) return ASYNCIO_VALUE_ERROR;
    *out = registry_keep_object(c->it, class, p);
    return ST_OK;
}

int sync_await(struct coro *coro, asyncio_coro method, struct value *out) {
    asyncio_value result = asyncio_none();
    int rc = interp_after(coro->it, AWAIT(method, &result));
    if (rc == ST_OK) *out = value_unwrap(coro->it, result);
    return rc;
}

int sync_method(struct call *c, int (*run)(struct coro *, struct value *), struct value *out) {
    *out = coro_value(coro_new(c->it, run, c->n, c->args));
    return ST_OK;
}

int sync_want_long(const struct call *c, size_t i, long *out) {
    int64_t n;
    int rc = want_int(c, i, &n);
    if (rc == ST_OK) *out = n > LONG_MAX ? LONG_MAX : n < LONG_MIN ? LONG_MIN : (long)n;
    return rc;
}

asyncio_block *sync_block(struct interp *it, asyncio_block block) {
    asyncio_block *kept = arena_alloc(&it->arena, sizeof *kept);
    *kept = block;
    return kept;
}

int sync_misuse(const struct call *c) {
    return interp_misuse(c->it, c->node, "%s: not for this", c->node->form->name);
}
