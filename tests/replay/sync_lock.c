/* SPDX-License-Identifier: MIT
 *
 * sync_lock.c: what can be acquired and released: lock, condition, semaphore; and notifying.
 * Waiting on a condition is in sync_wait.c.
 */
#include "sync.h"

static void drop_lock(void *p) { asyncio_lock_unref(p); }
static void drop_condition(void *p) { asyncio_condition_unref(p); }
static void drop_semaphore(void *p) { asyncio_semaphore_unref(p); }

static asyncio_block *lock_block(struct interp *it, void *p) {
    return sync_block(it, asyncio_lock_block(p, NULL).block);
}

static asyncio_block *condition_block(struct interp *it, void *p) {
    return sync_block(it, asyncio_condition_block(p, NULL).block);
}

static asyncio_block *semaphore_block(struct interp *it, void *p) {
    return sync_block(it, asyncio_semaphore_block(p, NULL).block);
}

static const struct object_class lock_class = { .name = "lock",
                                                .drop = drop_lock,
                                                .block = lock_block };
const struct object_class sync_condition_class = { .name = "condition",
                                                   .drop = drop_condition,
                                                   .block = condition_block };
static const struct object_class semaphore_class = { .name = "semaphore",
                                                     .drop = drop_semaphore,
                                                     .block = semaphore_block };

/* ---- making ---- */

static int form_lock(struct call *c, struct value *out) {
    return sync_new(c, &lock_class, asyncio_lock_new(), out);
}

static int form_condition(struct call *c, struct value *out) {
    void *lock = NULL;
    int rc = ST_OK;
    if (c->n > 0 && c->args[0].kind != VALUE_NONE)
        rc = want_object(c, c->args[0], &lock_class, &lock);
    return rc == ST_OK ? sync_new(c, &sync_condition_class, asyncio_condition_new(lock), out) : rc;
}

static int form_semaphore(struct call *c, struct value *out) {
    long n;
    int rc = sync_want_long(c, 0, &n);
    return rc == ST_OK ? sync_new(c, &semaphore_class, asyncio_semaphore_new(n), out) : rc;
}

static int form_bounded_semaphore(struct call *c, struct value *out) {
    long n;
    int rc = sync_want_long(c, 0, &n);
    return rc == ST_OK ? sync_new(c, &semaphore_class, asyncio_boundedsemaphore_new(n), out) : rc;
}

/* ---- acquiring ---- */

static bool can_be_acquired(struct value v) {
    return sync_is(v, &lock_class) || sync_is(v, &sync_condition_class) ||
           sync_is(v, &semaphore_class);
}

static int run_acquire(struct coro *coro, struct value *out) {
    struct object *o = coro->args[0].object;
    if (o->class == &lock_class) return sync_await(coro, asyncio_lock_acquire(o->p), out);
    if (o->class == &semaphore_class) return sync_await(coro, asyncio_semaphore_acquire(o->p), out);
    return sync_await(coro, asyncio_condition_acquire(o->p), out);
}

static int form_acquire(struct call *c, struct value *out) {
    return can_be_acquired(c->args[0]) ? sync_method(c, run_acquire, out) : sync_misuse(c);
}

static int form_release(struct call *c, struct value *out) {
    (void)out;
    if (!can_be_acquired(c->args[0])) return sync_misuse(c);
    struct object *o = c->args[0].object;
    if (o->class == &lock_class) return asyncio_lock_release(o->p);
    if (o->class == &semaphore_class) return asyncio_semaphore_release(o->p);
    return asyncio_condition_release(o->p);
}

static int form_locked(struct call *c, struct value *out) {
    if (!can_be_acquired(c->args[0])) return sync_misuse(c);
    struct object *o = c->args[0].object;
    if (o->class == &lock_class) *out = value_bool(asyncio_lock_locked(o->p));
    else if (o->class == &semaphore_class) *out = value_bool(asyncio_semaphore_locked(o->p));
    else *out = value_bool(asyncio_condition_locked(o->p));
    return ST_OK;
}

/* ---- notifying ---- */

static int form_notify(struct call *c, struct value *out) {
    (void)out;
    void *condition;
    long n = 1;
    int rc = want_object(c, c->args[0], &sync_condition_class, &condition);
    if (rc == ST_OK && c->n > 1) rc = sync_want_long(c, 1, &n);
    return rc == ST_OK ? asyncio_condition_notify(condition, n) : rc;
}

static int form_notify_all(struct call *c, struct value *out) {
    (void)out;
    void *condition;
    int rc = want_object(c, c->args[0], &sync_condition_class, &condition);
    return rc == ST_OK ? asyncio_condition_notify_all(condition) : rc;
}

const struct form sync_lock_forms[] = {
    { "lock", 0, 0, NULL, form_lock, { NULL } },
    { "condition", 0, 1, NULL, form_condition, { NULL } },
    { "semaphore", 1, 1, NULL, form_semaphore, { NULL } },
    { "bounded-semaphore", 1, 1, NULL, form_bounded_semaphore, { NULL } },
    { "acquire", 1, 1, NULL, form_acquire, { NULL } },
    { "release", 1, 1, NULL, form_release, { NULL } },
    { "locked", 1, 1, NULL, form_locked, { NULL } },
    { "notify", 1, 2, NULL, form_notify, { NULL } },
    { "notify-all", 1, 1, NULL, form_notify_all, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
