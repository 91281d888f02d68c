/* SPDX-License-Identifier: MIT
 *
 * combine/children.c: turning what a combinator was given into distinct futures. Repetitions
 * are found through a small hash table of indices, and only if there are futures at all: two
 * coroutine objects are never the same.
 */
#include "combine/children.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

#define EMPTY UINT32_MAX

static asyncio_future *future_given(const asyncio_coro *aw) {
    if (aw->type != &asyncio__coro_of_future_type) return NULL;
    return *(asyncio_future *const *)(const void *)aw->args.bytes;
}

static __attribute__((noinline)) asyncio_future *start_held(asyncio_loop *loop,
                                                            const asyncio_coro *aw) {
    asyncio_task_options o = { .size = sizeof o };
    if (asyncio__coro_share(aw, &o.coro) < 0) return NULL;
    asyncio_task *t = asyncio_loop_create_task_with(loop, &o);
    return t ? &t->future : NULL;
}

asyncio_future *asyncio__child_future(asyncio_loop *loop, const asyncio_coro *aw, bool held) {
    if (aw->type == &asyncio__coro_of_future_type) {
        asyncio_future *f = future_given(aw);
        if (!f) asyncio__raise(ASYNCIO_TYPE_ERROR, "an awaitable is required");
        else if (f->loop == loop) return asyncio_future_ref(f);
        else asyncio__raise(ASYNCIO_VALUE_ERROR, "a future belongs to a different loop");
        return NULL;
    }
    if (ASYNCIO__UNLIKELY(held)) return start_held(loop, aw);
    asyncio_task_options o = { .size = sizeof o, .coro = *aw };
    asyncio_task *t = asyncio_loop_create_task_with(loop, &o);
    return t ? &t->future : NULL;
}

void asyncio__coros_refuse(size_t n, const asyncio_coro *aws, bool held) {
    for (size_t i = 0; aws && !held && i < n; i++) asyncio__coro_refuse(&aws[i]);
}

int asyncio__child_result(asyncio_future *f, bool last_use, asyncio_value *value) {
    if (last_use && f->refs == 1) {
        *value = asyncio_future_take_result(f);
        return 0;
    }
    int rc = asyncio_value_copy(value, &f->value);
    if (rc != ASYNCIO_TYPE_ERROR) return rc < 0 ? asyncio__raise(rc, NULL) : 0;
    return asyncio__raise(rc, "a result that others hold cannot be copied");
}

static size_t hash_pointer(const void *p, size_t mask) {
    return (size_t)(((uintptr_t)p >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
}

/* The index of f among the distinct futures, or count; then its place in the table is taken. */
static uint32_t find_or_add(struct asyncio__children *c, uint32_t *table, size_t mask,
                            const asyncio_future *f) {
    size_t i = hash_pointer(f, mask);
    while (table[i] != EMPTY) {
        if (c->futures[table[i]] == f) return table[i];
        i = (i + 1) & mask;
    }
    table[i] = (uint32_t)c->count;
    return (uint32_t)c->count;
}

static int add_children(struct asyncio__children *c, size_t n, const asyncio_coro *aws, bool held,
                        uint32_t *table, size_t mask, bool quiet) {
    for (size_t i = 0; i < n; i++) {
        const asyncio_future *given = future_given(&aws[i]);
        uint32_t at = given && table ? find_or_add(c, table, mask, given) : (uint32_t)c->count;
        c->order[c->given++] = at;
        if (at < c->count) continue;
        asyncio_future *f = asyncio__child_future(c->loop, &aws[i], held);
        if (!f) {
            asyncio__coros_refuse(n - i - 1, aws + i + 1, held);
            return asyncio__slot_status();
        }
        if (quiet && !given) f->flags |= ASYNCIO__FUTURE_QUIET;
        c->futures[c->count++] = f;
    }
    return 0;
}

static int alloc_table(size_t n, const asyncio_coro *aws, uint32_t **table, size_t *mask) {
    size_t futures = 0, size = 4;
    *table = NULL;
    for (size_t i = 0; i < n; i++) futures += future_given(&aws[i]) != NULL;
    if (futures < 2) return 0;
    while (size < futures * 2) size *= 2;
    *table = asyncio__malloc(size * sizeof **table);
    if (!*table) return -ENOMEM;
    memset(*table, 0xff, size * sizeof **table);
    *mask = size - 1;
    return 0;
}

/* The loop of the first future that is given, otherwise the current one. */
static asyncio_loop *choose_loop(size_t n, const asyncio_coro *aws) {
    for (size_t i = 0; i < n; i++) {
        const asyncio_future *f = future_given(&aws[i]);
        if (f) return f->loop;
    }
    return asyncio_get_event_loop();
}

int asyncio__children_init(struct asyncio__children *c, size_t n, const asyncio_coro *aws,
                           bool held, bool quiet) {
    *c = (struct asyncio__children){ .loop = choose_loop(n, aws) };
    if (!c->loop || n >= EMPTY / 2) {
        asyncio__coros_refuse(n, aws, held);
        return c->loop ? asyncio__raise(-ENOMEM, NULL) : asyncio__slot_status();
    }
    uint32_t *table = NULL;
    size_t mask = 0;
    c->futures = asyncio__malloc((n ? n : 1) * sizeof *c->futures);
    c->order = asyncio__malloc((n ? n : 1) * sizeof *c->order);
    int rc = c->futures && c->order ? alloc_table(n, aws, &table, &mask) : -ENOMEM;
    if (rc < 0) {
        asyncio__coros_refuse(n, aws, held);
        asyncio__raise(rc, NULL);
    } else {
        rc = add_children(c, n, aws, held, table, mask, quiet);
    }
    asyncio__free(table);
    if (rc < 0) asyncio__children_fini(c);
    return rc;
}

void asyncio__children_fini(struct asyncio__children *c) {
    for (size_t i = 0; i < c->count; i++) asyncio_future_unref(c->futures[i]);
    asyncio__free(c->futures);
    asyncio__free(c->order);
    *c = (struct asyncio__children){ .loop = NULL };
}

int asyncio__coros_copy(const asyncio_coro **array, size_t n) {
    if (!*array) return 0; /* the combinator says so when it runs */
    asyncio_coro *copy = asyncio__malloc((n ? n : 1) * sizeof *copy);
    if (!copy) {
        asyncio__coros_refuse(n, *array, false);
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = (*array)[i];
        int rc =
            copy[i].type && copy[i].type->capture ? copy[i].type->capture(copy[i].args.bytes) : 0;
        if (rc >= 0) continue;
        asyncio__coros_free(copy, i);
        asyncio__coros_refuse(n - i - 1, *array + i + 1, false);
        return rc;
    }
    *array = copy;
    return 0;
}

void asyncio__coros_free(const asyncio_coro *array, size_t n) {
    asyncio_coro *copy = (asyncio_coro *)(uintptr_t)array;
    for (size_t i = 0; copy && i < n; i++) asyncio_coro_drop(&copy[i]);
    asyncio__free(copy);
}
