/* SPDX-License-Identifier: MIT
 *
 * base/value.c: the plain kinds of value (that of errors is in error_value.c), and what can be
 * done with a value of any kind: drop, copy, repr.
 *
 * A hook is called with a value that is no longer, or not yet, where the caller keeps it: a
 * hook that calls back into the library finds None, never half a value.
 */
#include "base/value.h"

#include <asyncio/error.h>
#include <errno.h>

#include "base/alloc.h"

static int repr_int(const asyncio_value *value, char *buf, size_t n) {
    return snprintf(buf, n, "%lld", value->i);
}

static int repr_uint(const asyncio_value *value, char *buf, size_t n) {
    return snprintf(buf, n, "%llu", value->u);
}

static int repr_bool(const asyncio_value *value, char *buf, size_t n) {
    return snprintf(buf, n, "%s", value->i ? "True" : "False");
}

static int repr_double(const asyncio_value *value, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    asyncio__text_double(&text, value->d);
    return asyncio__text_end(&text);
}

static int repr_str(const asyncio_value *value, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    asyncio__text_quote(&text, value->s);
    return asyncio__text_end(&text);
}

static int repr_ptr(const asyncio_value *value, char *buf, size_t n) {
    return snprintf(buf, n, "<ptr 0x%llx>", (unsigned long long)(uintptr_t)value->p);
}

static void drop_own_str(asyncio_value *value) { asyncio__free(value->p); }

static int copy_own_str(asyncio_value *to, const asyncio_value *from) {
    if (!from->s) return 0;
    char *copy = asyncio__strdup(from->s);
    if (!copy) return -ENOMEM;
    to->s = copy;
    return 0;
}

#define SIZE .size = sizeof(asyncio_value_type)

const asyncio_value_type asyncio_value_int = { SIZE, .name = "int", .repr = repr_int };
const asyncio_value_type asyncio_value_uint = { SIZE, .name = "uint", .repr = repr_uint };
const asyncio_value_type asyncio_value_bool = { SIZE, .name = "bool", .repr = repr_bool };
const asyncio_value_type asyncio_value_double = { SIZE, .name = "double", .repr = repr_double };
const asyncio_value_type asyncio_value_str = { SIZE, .name = "str", .repr = repr_str };
const asyncio_value_type asyncio_value_ptr = { SIZE, .name = "ptr", .repr = repr_ptr };
const asyncio_value_type asyncio_value_own_str = {
    SIZE, .name = "own_str", .drop = drop_own_str, .repr = repr_str, .copy = copy_own_str,
};

void asyncio_value_drop(asyncio_value *value) {
    if (!value || !value->type) return;
    asyncio_value old = *value;
    *value = asyncio_none();
    if (old.type->drop) old.type->drop(&old);
}

int asyncio_value_copy(asyncio_value *to, const asyncio_value *from) {
    asyncio_value copy = from ? *from : asyncio_none();
    if (copy.type && copy.type->copy) {
        int rc = copy.type->copy(&copy, from);
        if (rc < 0) return rc;
    } else if (copy.type && copy.type->drop) {
        return ASYNCIO_TYPE_ERROR;
    }
    *to = copy;
    return 0;
}

int asyncio_value_repr(const asyncio_value *value, char *buf, size_t n) {
    if (n) buf[0] = '\0';
    if (!value || !value->type) return snprintf(buf, n, "None");
    if (value->type->repr) return value->type->repr(value, buf, n);
    return snprintf(buf, n, "<%s object at 0x%llx>", value->type->name ? value->type->name : "?",
                    (unsigned long long)(uintptr_t)value->p);
}

void asyncio__value_show(struct asyncio__text *text, const asyncio_value *value) {
    size_t room;
    char *rest = asyncio__text_rest(text, &room);
    asyncio__text_count(text, asyncio_value_repr(value, rest, room));
}
