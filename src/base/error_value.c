/* SPDX-License-Identifier: MIT
 *
 * base/error_value.c: the kind of value that is an error. Values know nothing of errors, and errors
 * hold values; this knows both.
 */
#include <asyncio/error.h>
#include <asyncio/value.h>

static void drop_error(asyncio_value *value) { asyncio_error_unref(value->p); }

static int repr_error(const asyncio_value *value, char *buf, size_t n) {
    return asyncio_error_repr(value->p, buf, n);
}

static int copy_error(asyncio_value *to, const asyncio_value *from) {
    to->p = asyncio_error_ref(from->p);
    return 0;
}

const asyncio_value_type asyncio_value_error = {
    .size = sizeof asyncio_value_error,
    .name = "error",
    .drop = drop_error,
    .repr = repr_error,
    .copy = copy_error,
};
