/* SPDX-License-Identifier: MIT
 *
 * value.h: the values of the scenario language.
 *
 * A value is a kind and a word. Lists are shared by reference; strings never change.
 * Futures and tasks are entries of the registry, one for each object of the library, so
 * that identity is a comparison of pointers. Exceptions are the library's error objects
 * themselves, kept by the registry. Everything else that stands for an object of the
 * library (handle, context, ...) is an `object` with a class.
 */
#ifndef REPLAY_VALUE_H
#define REPLAY_VALUE_H

#include <asyncio.h>

#include "arena.h"

struct interp;
struct value;

enum value_kind {
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_EXCEPTION,
    VALUE_TYPE,   /* of exceptions */
    VALUE_FUTURE, /* also a task */
    VALUE_COROUTINE,
    VALUE_FN,
    VALUE_OBJECT,
};

/* A kind of objects of the library. */
struct object;
struct object_class {
    const char *name;      /* as shown: <name> */
    void (*drop)(void *p); /* lets the reference go; NULL: nothing to do */
    /* The block that `with` enters, in the arena: a new one, or the object's own. NULL: it is
     * nothing for `with`. */
    asyncio_block *(*block)(struct interp *it, void *p);
    /* What the variable of `with` is bound to after the entry; NULL: none. */
    struct value (*entered)(struct object *object, const asyncio_block *block);
};

struct object {
    const struct object_class *class;
    void *p;             /* the reference */
    bool timer;          /* of a handle: it has a deadline */
    struct object *next; /* the one kept before */
};

struct value {
    enum value_kind kind;
    union {
        bool b;
        int64_t i;
        const char *s;
        struct list *list;
        asyncio_error *error;
        const struct exc_type *type;
        struct entry *entry;
        struct coro *coro;
        struct fn *fn;
        struct object *object;
    };
};

struct list {
    struct value *items;
    size_t n;
    size_t size;
};

static inline struct value value_none(void) { return (struct value){ .kind = VALUE_NONE }; }
static inline struct value value_bool(bool b) {
    return (struct value){ .kind = VALUE_BOOL, .b = b };
}
static inline struct value value_int(int64_t i) {
    return (struct value){ .kind = VALUE_INT, .i = i };
}
static inline struct value value_string(const char *s) {
    return (struct value){ .kind = VALUE_STRING, .s = s };
}
static inline struct value value_list(struct list *list) {
    return (struct value){ .kind = VALUE_LIST, .list = list };
}
static inline struct value value_exception(asyncio_error *error) {
    return (struct value){ .kind = VALUE_EXCEPTION, .error = error };
}
static inline struct value value_type(const struct exc_type *type) {
    return (struct value){ .kind = VALUE_TYPE, .type = type };
}

bool value_truth(struct value v);
bool value_equal(struct value a, struct value b);

struct list *list_new(struct arena *arena, size_t n, const struct value *items);
void list_append(struct arena *arena, struct list *list, struct value v);

/* The number of characters of a UTF-8 string. */
size_t string_length(const char *s);

/* A value as the result of a task or future, an argument of an error, the value of a
 * context variable; and back, also for values that the library itself makes. */
asyncio_value value_wrap(struct interp *it, struct value v);
struct value value_unwrap(struct interp *it, asyncio_value v);

/* Whether the library's value is one of ours. */
bool value_is_wrapped(asyncio_value v);

/* Appends the value as a trace shows it. */
void value_show(struct interp *it, struct text *text, struct value v);

#endif
