/* SPDX-License-Identifier: MIT
 *
 * errors.c: see errors.h.
 */
#include "errors.h"

#include <errno.h>
#include <stdlib.h>

#include "interp.h"
#include "registry.h"

static const struct exc_type TYPES[] = {
    { "BaseException", ASYNCIO_BASE_EXCEPTION, NULL },
    { "CancelledError", ASYNCIO_CANCELLED_ERROR, "BaseException" },
    { "GeneratorExit", ASYNCIO_GENERATOR_EXIT, "BaseException" },
    { "KeyboardInterrupt", ASYNCIO_KEYBOARD_INTERRUPT, "BaseException" },
    { "SystemExit", ASYNCIO_SYSTEM_EXIT, "BaseException" },
    { "BaseExceptionGroup", ASYNCIO_BASE_EXCEPTION_GROUP, "BaseException" },
    { "Exception", ASYNCIO_EXCEPTION, "BaseException" },
    { "ExceptionGroup", ASYNCIO_EXCEPTION_GROUP, "BaseExceptionGroup" }, /* and Exception */
    { "ArithmeticError", ASYNCIO_ARITHMETIC_ERROR, "Exception" },
    { "ZeroDivisionError", ASYNCIO_ZERO_DIVISION_ERROR, "ArithmeticError" },
    { "AssertionError", ASYNCIO_ASSERTION_ERROR, "Exception" },
    { "InvalidStateError", ASYNCIO_INVALID_STATE_ERROR, "Exception" },
    { "LookupError", ASYNCIO_LOOKUP_ERROR, "Exception" },
    { "KeyError", ASYNCIO_KEY_ERROR, "LookupError" },
    { "IndexError", ASYNCIO_INDEX_ERROR, "LookupError" },
    { "OSError", ASYNCIO_OS_ERROR, "Exception" },
    { "ConnectionError", ASYNCIO_CONNECTION_ERROR, "OSError" },
    { "TimeoutError", ASYNCIO_TIMEOUT_ERROR, "OSError" },
    { "QueueEmpty", ASYNCIO_QUEUE_EMPTY, "Exception" },
    { "QueueFull", ASYNCIO_QUEUE_FULL, "Exception" },
    { "QueueShutDown", ASYNCIO_QUEUE_SHUT_DOWN, "Exception" },
    { "RuntimeError", ASYNCIO_RUNTIME_ERROR, "Exception" },
    { "NotImplementedError", ASYNCIO_NOT_IMPLEMENTED_ERROR, "RuntimeError" },
    { "BrokenBarrierError", ASYNCIO_BROKEN_BARRIER_ERROR, "RuntimeError" },
    { "StopAsyncIteration", ASYNCIO_STOP_ASYNC_ITERATION, "Exception" },
    { "TypeError", ASYNCIO_TYPE_ERROR, "Exception" },
    { "ValueError", ASYNCIO_VALUE_ERROR, "Exception" },
};
enum { NTYPES = sizeof TYPES / sizeof *TYPES };

const struct exc_type *exc_type_find(const char *name) {
    for (size_t i = 0; i < NTYPES; i++) {
        if (strcmp(TYPES[i].name, name) == 0) return &TYPES[i];
    }
    return NULL;
}

const struct exc_type *exc_type_of(const asyncio_error *error) {
    int code = asyncio_error_code(error);
    for (size_t i = 0; i < NTYPES; i++) {
        if (TYPES[i].code == code) return &TYPES[i];
    }
    return exc_type_find(code > ASYNCIO_CANCELLED_ERROR ? "OSError" : "Exception");
}

bool exc_type_is_group(const struct exc_type *type) {
    return type->code == ASYNCIO_EXCEPTION_GROUP || type->code == ASYNCIO_BASE_EXCEPTION_GROUP;
}

bool exc_type_is(const struct exc_type *type, const struct exc_type *base) {
    if (type->code == ASYNCIO_EXCEPTION_GROUP && base->code == ASYNCIO_EXCEPTION) return true;
    for (; type; type = type->base ? exc_type_find(type->base) : NULL) {
        if (type == base) return true;
    }
    return false;
}

bool exc_matches(const asyncio_error *error, struct exc_types types) {
    const struct exc_type *type = exc_type_of(error);
    for (size_t i = 0; i < types.n; i++) {
        if (exc_type_is(type, types.types[i])) return true;
    }
    return false;
}

asyncio_error *exc_new(struct interp *it, const struct exc_type *type, const struct value *arg) {
    asyncio_error *error = asyncio_error_new(type->code, NULL);
    if (error && arg && arg->kind != VALUE_NONE) {
        asyncio_error_set_value(error, value_wrap(it, *arg));
    }
    return registry_keep_error(it, error);
}

asyncio_error *exc_group(struct interp *it, const char *message, size_t n,
                         asyncio_error *const *members) {
    return registry_keep_error(it, asyncio_errorgroup_new(message, n, members));
}

int exc_raise(asyncio_error *error) { return asyncio_reraise(asyncio_error_ref(error)); }

int exc_raise_code(int code, const char *why) {
    return asyncio_raise(code, ASYNCIO_WHERE, __func__, "%s", why);
}

asyncio_error *exc_take(struct interp *it, int rc) {
    return registry_keep_error(it, asyncio_error_take(rc));
}

/* ---- splitting ---- */

static struct exc_halves split_members(struct interp *it, asyncio_error *group,
                                       struct exc_types types) {
    size_t n = asyncio_error_count(group), matches = 0, rests = 0;
    asyncio_error **members = xmalloc(2 * n * sizeof(void *));
    for (size_t i = 0; i < n; i++) {
        struct exc_halves h = exc_split(it, asyncio_error_child(group, i), types);
        if (h.match) members[matches++] = h.match;
        if (h.rest) members[n + rests++] = h.rest;
    }
    const char *message = asyncio_error_message(group);
    struct exc_halves halves = { NULL, NULL };
    if (matches) halves.match = exc_group(it, message, matches, members);
    if (rests) halves.rest = exc_group(it, message, rests, members + n);
    free(members);
    return halves;
}

struct exc_halves exc_split(struct interp *it, asyncio_error *error, struct exc_types types) {
    if (exc_matches(error, types)) return (struct exc_halves){ error, NULL };
    if (!exc_type_is_group(exc_type_of(error))) return (struct exc_halves){ NULL, error };
    return split_members(it, error, types);
}

/* ---- arguments, messages ---- */

/* Starts the text that stands for the value of that index in it->messages. */
#define STANDS_FOR '\001'

const char *exc_cancel_text(struct interp *it, struct value message) {
    if (message.kind == VALUE_NONE) return NULL;
    if (message.kind == VALUE_STRING) return message.s;
    char text[32];
    int n = snprintf(text, sizeof text, "%c%zu", STANDS_FOR, it->messages->n);
    list_append(&it->arena, it->messages, message);
    return arena_copy(&it->arena, text, (size_t)n);
}

static struct value message_value(struct interp *it, const char *text) {
    if (!text) return value_none();
    if (*text == STANDS_FOR) {
        size_t index = strtoul(text + 1, NULL, 10);
        if (index < it->messages->n) return it->messages->items[index];
    }
    return value_string(arena_copy(&it->arena, text, strlen(text)));
}

struct value exc_argument(struct interp *it, const asyncio_error *error) {
    const struct exc_type *type = exc_type_of(error);
    asyncio_value v = asyncio_error_value(error);
    if (value_is_wrapped(v)) return value_unwrap(it, v);
    if (exc_type_is_group(type) || type->code == ASYNCIO_CANCELLED_ERROR) {
        return message_value(it, asyncio_error_message(error));
    }
    return value_none();
}

static void show_group(struct interp *it, struct text *text, const asyncio_error *group) {
    const char *message = asyncio_error_message(group);
    text_printf(text, "('%s', [", message ? message : "");
    size_t n = asyncio_error_count(group);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) text_add(text, ", ");
        exc_show(it, text, asyncio_error_child(group, i));
    }
    text_add(text, "])");
}

void exc_show(struct interp *it, struct text *text, const asyncio_error *error) {
    const struct exc_type *type = exc_type_of(error);
    text_add(text, type->name);
    if (exc_type_is_group(type)) {
        show_group(it, text, error);
        return;
    }
    struct value arg = exc_argument(it, error);
    const char *quote = arg.kind == VALUE_STRING ? "'" : "";
    text_printf(text, "(%s", quote);
    if (arg.kind != VALUE_NONE) value_show(it, text, arg);
    text_printf(text, "%s)", quote);
}
