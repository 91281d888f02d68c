/* SPDX-License-Identifier: MIT
 *
 * value.c: see value.h.
 */
#include "value.h"

#include "errors.h"
#include "interp.h"
#include "registry.h"

bool value_truth(struct value v) {
    switch (v.kind) {
    case VALUE_NONE: return false;
    case VALUE_BOOL: return v.b;
    case VALUE_INT: return v.i != 0;
    case VALUE_STRING: return v.s[0] != '\0';
    case VALUE_LIST: return v.list->n > 0;
    default: return true;
    }
}

static bool lists_equal(const struct list *a, const struct list *b) {
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!value_equal(a->items[i], b->items[i])) return false;
    }
    return true;
}

bool value_equal(struct value a, struct value b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case VALUE_NONE: return true;
    case VALUE_BOOL: return a.b == b.b;
    case VALUE_INT: return a.i == b.i;
    case VALUE_STRING: return strcmp(a.s, b.s) == 0;
    case VALUE_LIST: return lists_equal(a.list, b.list);
    case VALUE_EXCEPTION: return a.error == b.error;
    case VALUE_TYPE: return a.type == b.type;
    case VALUE_FUTURE: return a.entry == b.entry;
    case VALUE_COROUTINE: return a.coro == b.coro;
    case VALUE_FN: return a.fn == b.fn;
    case VALUE_OBJECT: return a.object->p == b.object->p;
    }
    return false;
}

struct list *list_new(struct arena *arena, size_t n, const struct value *items) {
    struct list *list = arena_alloc(arena, sizeof *list);
    list->size = n;
    list->items = arena_alloc(arena, n * sizeof *items);
    for (; list->n < n; list->n++) list->items[list->n] = items[list->n];
    return list;
}

void list_append(struct arena *arena, struct list *list, struct value v) {
    if (list->n == list->size) {
        list->size = list->size ? list->size * 2 : 4;
        struct value *items = arena_alloc(arena, list->size * sizeof *items);
        for (size_t i = 0; i < list->n; i++) items[i] = list->items[i];
        list->items = items;
    }
    list->items[list->n++] = v;
}

size_t string_length(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* What the library holds for us points into the arena: it is copied bit by bit and there
 * is nothing to drop. */
static const asyncio_value_type wrapped = {
    .size = sizeof(asyncio_value_type),
    .name = "value",
};

asyncio_value value_wrap(struct interp *it, struct value v) {
    if (v.kind == VALUE_NONE) return asyncio_none();
    struct value *box = arena_alloc(&it->arena, sizeof *box);
    *box = v;
    return asyncio_own(box, &wrapped);
}

bool value_is_wrapped(asyncio_value v) { return v.type == &wrapped; }

static struct value unwrap_list(struct interp *it, asyncio_value v) {
    struct list *list = list_new(&it->arena, 0, NULL);
    for (size_t i = 0; i < asyncio_list_len(&v); i++) {
        list_append(&it->arena, list, value_unwrap(it, asyncio_list_item(&v, i)));
    }
    return value_list(list);
}

struct value value_unwrap(struct interp *it, asyncio_value v) {
    if (v.type == &wrapped) return *(const struct value *)v.p;
    if (v.type == &asyncio_value_int || v.type == &asyncio_value_uint) return value_int(v.i);
    if (v.type == &asyncio_value_bool) return value_bool(v.i != 0);
    if (v.type == &asyncio_value_list) return unwrap_list(it, v);
    if (v.type == &asyncio_value_error) {
        return value_exception(registry_keep_error(it, asyncio_error_ref(v.p)));
    }
    return value_none();
}

static void show_list(struct interp *it, struct text *text, const struct list *list) {
    text_add(text, "[");
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0) text_add(text, ", ");
        value_show(it, text, list->items[i]);
    }
    text_add(text, "]");
}

void value_show(struct interp *it, struct text *text, struct value v) {
    switch (v.kind) {
    case VALUE_NONE: text_add(text, "none"); break;
    case VALUE_BOOL: text_add(text, v.b ? "true" : "false"); break;
    case VALUE_INT: text_printf(text, "%lld", (long long)v.i); break;
    case VALUE_STRING: text_add(text, v.s); break;
    case VALUE_LIST: show_list(it, text, v.list); break;
    case VALUE_EXCEPTION: exc_show(it, text, v.error); break;
    case VALUE_TYPE: text_add(text, v.type->name); break;
    case VALUE_FUTURE: entry_show(it, text, v.entry); break;
    case VALUE_COROUTINE: text_add(text, "<coroutine>"); break;
    case VALUE_FN: text_add(text, "<fn>"); break;
    case VALUE_OBJECT: text_printf(text, "<%s>", v.object->class->name); break;
    }
}
