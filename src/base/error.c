/* SPDX-License-Identifier: MIT
 *
 * base/error.c: what an error tells, and what a program hangs on it: an argument, notes, a cause.
 * Making errors and letting them go is in error_object.c, raising and handling in error_slot.c.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

#include "base/alloc.h"
#include "base/error_object.h"

/* ---- properties ---- */

int asyncio_error_code(const asyncio_error *error) { return error ? error->code : 0; }

const char *asyncio_error_message(const asyncio_error *error) {
    return error ? error->message : NULL;
}

const char *asyncio_error_where(const asyncio_error *error) {
    const struct asyncio__traced *frames;
    size_t count = asyncio__error_frames(error, &frames);
    return count ? frames[count - 1].where : NULL;
}

const char *asyncio_error_func(const asyncio_error *error) {
    const struct asyncio__traced *frames;
    size_t count = asyncio__error_frames(error, &frames);
    return count ? frames[count - 1].func : NULL;
}

asyncio_error *asyncio_error_cause(const asyncio_error *error) {
    return error ? error->cause : NULL;
}

asyncio_error *asyncio_error_context(const asyncio_error *error) {
    return error ? asyncio__error_context(error) : NULL;
}

asyncio_value asyncio_error_value(const asyncio_error *error) {
    return error ? error->value : asyncio_none();
}

void asyncio_error_set_value(asyncio_error *error, asyncio_value value) {
    if (error) {
        asyncio_value former = error->value;
        error->value = value;
        value = former;
    }
    asyncio_value_drop(&value);
}

/* ---- notes ---- */

static int append_note(asyncio_error *error, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    size_t size = n < 0 ? 1 : (size_t)n + 1;
    struct asyncio__note *note = asyncio__malloc(sizeof *note + size);
    if (!note) return -ENOMEM;
    note->next = NULL;
    note->text[0] = '\0';
    vsnprintf(note->text, size, fmt, args);
    struct asyncio__note **end = &error->notes;
    while (*end) end = &(*end)->next;
    *end = note;
    return 0;
}

int asyncio_error_add_note(asyncio_error *error, const char *fmt, ...) {
    if (!error || !fmt)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "an error and a note are required");
    va_list args;
    va_start(args, fmt);
    int rc = append_note(error, fmt, args);
    va_end(args);
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

const char *asyncio_error_note(const asyncio_error *error, size_t index) {
    const struct asyncio__note *note = error ? error->notes : NULL;
    while (note && index-- > 0) note = note->next;
    return note ? note->text : NULL;
}

/* ---- causes ---- */

int asyncio_error_set_cause(asyncio_error *error, asyncio_error *cause) {
    if (!error) return asyncio__raise(ASYNCIO_TYPE_ERROR, "there is no error to set a cause of");
    if (asyncio__error_attach_cause(error, cause)) return 0;
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "an error cannot be its own cause");
}

/* ---- origin ---- */

uint64_t asyncio__error_origin(const asyncio_error *error) {
    return error ? atomic_load_explicit(&error->origin, memory_order_relaxed) : 0;
}

void asyncio__error_mark(asyncio_error *error, uint64_t origin) {
    unsigned long long none = 0;
    if (error) atomic_compare_exchange_strong(&error->origin, &none, origin);
}
