/* SPDX-License-Identifier: MIT
 *
 * registry.c: see registry.h.
 */
#include "registry.h"

#include <stdlib.h>

#include "interp.h"

static struct entry **bucket_of(struct registry *r, const asyncio_future *future) {
    uintptr_t x = (uintptr_t)future >> 4;
    return &r->buckets[(x ^ x >> 8 ^ x >> 16) & (r->nbuckets - 1)];
}

static void put_entry(struct registry *r, struct entry *e) {
    struct entry **bucket = bucket_of(r, e->future);
    e->next = *bucket;
    *bucket = e;
}

static void grow_table(struct registry *r) {
    struct entry **old = r->buckets;
    size_t n = r->nbuckets;
    r->nbuckets = n ? n * 4 : 64;
    r->buckets = xmalloc(r->nbuckets * sizeof(void *));
    for (size_t i = 0; i < r->nbuckets; i++) r->buckets[i] = NULL;
    for (size_t i = 0; i < n; i++) {
        for (struct entry *e = old[i], *next; e; e = next) {
            next = e->next;
            put_entry(r, e);
        }
    }
    free(old);
}

struct entry *registry_find(struct interp *it, const asyncio_future *future) {
    if (!it->registry.buckets) return NULL;
    struct entry *e = *bucket_of(&it->registry, future);
    while (e && e->future != future) e = e->next;
    return e;
}

size_t registry_reserve(struct interp *it) {
    struct registry *r = &it->registry;
    if (r->n == r->size) {
        r->size = r->size ? r->size * 2 : 64;
        r->places = xrealloc(r->places, r->size * sizeof(void *));
    }
    r->places[r->n] = NULL;
    return r->n++;
}

struct entry *registry_entry(struct interp *it, asyncio_future *future) {
    struct entry *e = registry_find(it, future);
    if (e) return e;
    e = arena_alloc(&it->arena, sizeof *e);
    e->future = asyncio_future_ref(future);
    e->task = asyncio_future_as_task(future);
    e->name = value_string("future");
    e->number = SIZE_MAX;
    struct registry *r = &it->registry;
    if (r->nentries++ >= r->nbuckets) grow_table(r);
    put_entry(r, e);
    return e;
}

struct entry *registry_enter(struct interp *it, asyncio_future *future, size_t place) {
    struct entry *e = registry_entry(it, future);
    e->number = place;
    it->registry.places[place] = e;
    return e;
}

struct entry *registry_enter_next(struct interp *it, asyncio_future *future) {
    struct entry *e = registry_find(it, future);
    if (e && e->number != SIZE_MAX) return e;
    return registry_enter(it, future, registry_reserve(it));
}

struct value registry_value(struct interp *it, asyncio_future *future) {
    return (struct value){ .kind = VALUE_FUTURE, .entry = registry_entry(it, future) };
}

asyncio_error *registry_keep_error(struct interp *it, asyncio_error *error) {
    if (!error) {
        fputs("replay: out of memory\n", stderr);
        exit(2);
    }
    struct registry *r = &it->registry;
    if (r->nerrors == r->errors_size) {
        r->errors_size = r->errors_size ? r->errors_size * 2 : 64;
        r->errors = xrealloc(r->errors, r->errors_size * sizeof(void *));
    }
    return r->errors[r->nerrors++] = error;
}

struct value registry_keep_object(struct interp *it, const struct object_class *class, void *p) {
    struct object *o = arena_alloc(&it->arena, sizeof *o);
    o->class = class;
    o->p = p;
    o->next = it->registry.objects;
    it->registry.objects = o;
    return (struct value){ .kind = VALUE_OBJECT, .object = o };
}

/* ---- how an entry is shown ---- */

struct value entry_name(struct interp *it, const struct entry *e) {
    if (!e->task) return e->name;
    const char *name = asyncio_task_get_name(e->task);
    return value_string(arena_copy(&it->arena, name, strlen(name)));
}

/* Whether something that is done and not cancelled has an exception. Asking for that would
 * count as retrieving it; the repr does not. */
static bool repr_has_failed(asyncio_future *future) {
    int n = asyncio_future_repr(future, NULL, 0);
    char *repr = xmalloc((size_t)n + 1);
    asyncio_future_repr(future, repr, (size_t)n + 1);
    const char *error = strstr(repr, " exception="), *result = strstr(repr, " result=");
    bool failed = error && (!result || error < result);
    free(repr);
    return failed;
}

/* A task's name stands before that in its repr and may read like it: it is put aside. */
static bool has_failed(struct interp *it, const struct entry *e) {
    if (!e->task) return repr_has_failed(e->future);
    struct value name = entry_name(it, e);
    asyncio_ignore(asyncio_task_set_name(e->task, "task"));
    bool failed = repr_has_failed(e->future);
    asyncio_ignore(asyncio_task_set_name(e->task, name.s));
    return failed;
}

static const char *state_of(struct interp *it, const struct entry *e) {
    if (!asyncio_future_done(e->future)) return "pending";
    if (asyncio_future_cancelled(e->future)) return "cancelled";
    return has_failed(it, e) ? "failed" : "finished";
}

struct value entry_result(struct interp *it, struct entry *e, asyncio_value result) {
    if (result.type != &asyncio_value_list) return value_unwrap(it, result);
    while (e->inner) e = e->inner;
    if (!e->list) e->list = value_unwrap(it, result).list;
    return value_list(e->list);
}

void entry_show(struct interp *it, struct text *text, const struct entry *e) {
    if (e->shown) {
        text_add(text, e->shown);
        return;
    }
    text_add(text, "<");
    value_show(it, text, entry_name(it, e));
    text_printf(text, " %s>", state_of(it, e));
}

/* ---- the end ---- */

static void freeze_entry(struct interp *it, struct entry *e) {
    struct text text = { 0 };
    entry_show(it, &text, e);
    e->pending = !asyncio_future_done(e->future);
    e->shown = arena_copy(&it->arena, text.s, text.n);
    text_fini(&text);
}

void registry_freeze(struct interp *it) {
    for (size_t i = 0; i < it->registry.nbuckets; i++) {
        for (struct entry *e = it->registry.buckets[i]; e; e = e->next) freeze_entry(it, e);
    }
}

static void release_entry(struct entry *e) {
    if (!e || e->released) return;
    e->released = true;
    asyncio_future_unref(e->future);
}

void registry_release(struct interp *it) {
    struct registry *r = &it->registry;
    for (; r->objects; r->objects = r->objects->next) {
        if (r->objects->class->drop) r->objects->class->drop(r->objects->p);
    }
    for (size_t i = 0; i < r->n; i++) release_entry(r->places[i]);
    for (size_t i = 0; i < r->nbuckets; i++) {
        for (struct entry *e = r->buckets[i]; e; e = e->next) release_entry(e);
    }
}

void registry_fini(struct interp *it) {
    struct registry *r = &it->registry;
    registry_release(it);
    for (size_t i = 0; i < r->nerrors; i++) asyncio_error_unref(r->errors[i]);
    free(r->errors);
    free(r->places);
    free(r->buckets);
    *r = (struct registry){ 0 };
}
