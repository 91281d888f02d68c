/* SPDX-License-Identifier: MIT
 *
 * sync_wait.c: what can be waited on: event, condition, barrier.
 */
#include <limits.h>

#include "errors.h"
#include "sync.h"

static void drop_event(void *p) { asyncio_event_unref(p); }
static void drop_barrier(void *p) { asyncio_barrier_unref(p); }

static asyncio_block *barrier_block(struct interp *it, void *p) {
    asyncio_barrier_with *passing = arena_alloc(&it->arena, sizeof *passing);
    *passing = asyncio_barrier_block(p, NULL);
    return &passing->block;
}

static struct value barrier_entered(struct object *object, const asyncio_block *block) {
    (void)object;
    return value_int(((const asyncio_barrier_with *)(const void *)block)->object);
}

static const struct object_class event_class = { .name = "event", .drop = drop_event };
static const struct object_class barrier_class = {
    .name = "barrier", .drop = drop_barrier, .block = barrier_block, .entered = barrier_entered
};

/* ---- events ---- */

static int form_event(struct call *c, struct value *out) {
    return sync_new(c, &event_class, asyncio_event_new(), out);
}

static int form_event_set(struct call *c, struct value *out) {
    (void)out;
    void *event;
    int rc = want_object(c, c->args[0], &event_class, &event);
    if (rc == ST_OK) asyncio_event_set(event);
    return rc;
}

static int form_event_clear(struct call *c, struct value *out) {
    (void)out;
    void *event;
    int rc = want_object(c, c->args[0], &event_class, &event);
    if (rc == ST_OK) asyncio_event_clear(event);
    return rc;
}

static int form_is_set(struct call *c, struct value *out) {
    void *event;
    int rc = want_object(c, c->args[0], &event_class, &event);
    if (rc == ST_OK) *out = value_bool(asyncio_event_is_set(event));
    return rc;
}

/* ---- waiting ---- */

static int run_wait_on(struct coro *coro, struct value *out) {
    struct object *o = coro->args[0].object;
    if (o->class == &event_class) return sync_await(coro, asyncio_event_wait(o->p), out);
    if (o->class == &barrier_class) return sync_await(coro, asyncio_barrier_wait(o->p), out);
    return sync_await(coro, asyncio_condition_wait(o->p), out);
}

static int form_wait_on(struct call *c, struct value *out) {
    struct value v = c->args[0];
    bool known =
        sync_is(v, &event_class) || sync_is(v, &sync_condition_class) || sync_is(v, &barrier_class);
    return known ? sync_method(c, run_wait_on, out) : sync_misuse(c);
}

/* A predicate cannot fail for the library: what its fn raises ends the wait as if it were true
 * and is raised afterwards. */
struct predicate {
    struct coro *coro;
    int rc;               /* of its last call */
    struct value value;   /* of its last call */
    asyncio_error *error; /* what that raised, or NULL */
};

static bool test_predicate(void *arg) {
    struct predicate *p = arg;
    struct coro *coro = p->coro;
    p->rc = fn_call(coro->args[1].fn, 0, NULL, coro->depth, &p->value);
    if (p->rc < 0) p->error = exc_take(coro->it, p->rc);
    return p->rc != ST_OK || value_truth(p->value);
}

static int run_wait_until(struct coro *coro, struct value *out) {
    struct predicate p = { .coro = coro };
    void *condition = coro->args[0].object->p;
    int rc = sync_await(coro, asyncio_condition_wait_for(condition, test_predicate, &p), out);
    if (rc != ST_OK) return rc;
    *out = p.value;
    return p.error ? exc_raise(p.error) : p.rc;
}

static int form_wait_until(struct call *c, struct value *out) {
    void *condition;
    struct fn *fn;
    int rc = want_object(c, c->args[0], &sync_condition_class, &condition);
    if (rc == ST_OK) rc = want_fn(c, 1, &fn);
    return rc == ST_OK ? sync_method(c, run_wait_until, out) : rc;
}

/* ---- barriers ---- */

static int form_barrier(struct call *c, struct value *out) {
    long n;
    int rc = sync_want_long(c, 0, &n);
    if (rc != ST_OK) return rc;
    int parties = n > INT_MAX ? INT_MAX : n < INT_MIN ? INT_MIN : (int)n;
    return sync_new(c, &barrier_class, asyncio_barrier_new(parties), out);
}

static int run_reset(struct coro *coro, struct value *out) {
    return sync_await(coro, asyncio_barrier_reset(coro->args[0].object->p), out);
}

static int run_abort(struct coro *coro, struct value *out) {
    return sync_await(coro, asyncio_barrier_abort(coro->args[0].object->p), out);
}

static int form_barrier_reset(struct call *c, struct value *out) {
    return sync_is(c->args[0], &barrier_class) ? sync_method(c, run_reset, out) : sync_misuse(c);
}

static int form_barrier_abort(struct call *c, struct value *out) {
    return sync_is(c->args[0], &barrier_class) ? sync_method(c, run_abort, out) : sync_misuse(c);
}

static int form_parties(struct call *c, struct value *out) {
    void *barrier;
    int rc = want_object(c, c->args[0], &barrier_class, &barrier);
    if (rc == ST_OK) *out = value_int(asyncio_barrier_parties(barrier));
    return rc;
}

static int form_n_waiting(struct call *c, struct value *out) {
    void *barrier;
    int rc = want_object(c, c->args[0], &barrier_class, &barrier);
    if (rc == ST_OK) *out = value_int(asyncio_barrier_n_waiting(barrier));
    return rc;
}

static int form_broken(struct call *c, struct value *out) {
    void *barrier;
    int rc = want_object(c, c->args[0], &barrier_class, &barrier);
    if (rc == ST_OK) *out = value_bool(asyncio_barrier_broken(barrier));
    return rc;
}

const struct form sync_wait_forms[] = {
    { "event", 0, 0, NULL, form_event, { NULL } },
    { "event-set", 1, 1, NULL, form_event_set, { NULL } },
    { "event-clear", 1, 1, NULL, form_event_clear, { NULL } },
    { "is-set", 1, 1, NULL, form_is_set, { NULL } },
    { "wait-on", 1, 1, NULL, form_wait_on, { NULL } },
    { "wait-until", 2, 2, NULL, form_wait_until, { NULL } },
    { "barrier", 1, 1, NULL, form_barrier, { NULL } },
    { "barrier-reset", 1, 1, NULL, form_barrier_reset, { NULL } },
    { "barrier-abort", 1, 1, NULL, form_barrier_abort, { NULL } },
    { "parties", 1, 1, NULL, form_parties, { NULL } },
    { "n-waiting", 1, 1, NULL, form_n_waiting, { NULL } },
    { "broken", 1, 1, NULL, form_broken, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
