/* SPDX-License-Identifier: MIT
 *
 * sync/barrier.c: Barrier, on a condition. All of it happens under the condition's lock, which
 * those who wait get back one by one; so each transition and each passing takes the turns that
 * the lock takes.
 *
 * filling -> draining (the last has arrived) -> filling (the last has passed); filling or
 * broken -> resetting (reset with somebody inside) -> filling (the last has left); any ->
 * broken (abort); broken -> filling (reset with nobody inside).
 */
#include <asyncio/barrier.h>

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sync/condition.h"
#include "sync/object.h"

enum state { FILLING, DRAINING, RESETTING, BROKEN };

struct asyncio_barrier {
    struct asyncio_condition *condition; /* a reference */
    enum state state;
    int parties;
    int count; /* of those inside: they have arrived and not left yet */
    uint32_t refs;
};

asyncio_barrier *asyncio_barrier_new(int parties) {
    if (parties < 1) {
        asyncio__raise(ASYNCIO_VALUE_ERROR, "parties must be >= 1");
        return NULL;
    }
    asyncio_condition *condition = asyncio_condition_new(NULL);
    asyncio_barrier *b = condition ? asyncio__malloc(sizeof *b) : NULL;
    if (!b) {
        asyncio_condition_unref(condition);
        return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    }
    *b = (asyncio_barrier){ .condition = condition, .parties = parties, .refs = 1 };
    return b;
}

asyncio_barrier *asyncio_barrier_ref(asyncio_barrier *b) {
    if (b) b->refs++;
    return b;
}

void asyncio_barrier_unref(asyncio_barrier *b) {
    if (!b || --b->refs > 0) return;
    asyncio_condition_unref(b->condition);
    asyncio__free(b);
}

static int null_barrier(void) {
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "a barrier is required");
}

/* ---- wait ---- */

static bool is_open(void *arg) {
    const asyncio_barrier *b = arg;
    return b->state != DRAINING && b->state != RESETTING;
}

static bool is_over(void *arg) { return ((const asyncio_barrier *)arg)->state != FILLING; }

static int raise_broken(const char *message) {
    return asyncio__raise(ASYNCIO_BROKEN_BARRIER_ERROR, message);
}

/* Inside, and not the last. */
static int wait_for_others(asyncio_barrier *b) {
    int rc = asyncio__condition_wait_for(b->condition, is_over, b);
    if (rc < 0) return rc;
    return b->state == DRAINING ? 0 : raise_broken("Abort or reset of barrier");
}

static void leave(asyncio_barrier *b) {
    if (--b->count > 0) return;
    if (b->state == DRAINING || b->state == RESETTING) b->state = FILLING;
    asyncio__condition_wake_all(b->condition);
}

/* All but the lock: the index, or what the wait ended with. */
static int pass(asyncio_barrier *b) {
    int rc = asyncio__condition_wait_for(b->condition, is_open, b);
    if (rc < 0) return rc;
    if (b->state == BROKEN) return raise_broken("Barrier aborted");
    int index = b->count++;
    if (b->count == b->parties) {
        b->state = DRAINING;
        asyncio__condition_wake_all(b->condition);
    } else {
        rc = wait_for_others(b);
    }
    leave(b);
    return rc < 0 ? rc : index;
}

/* Does something under the lock. */
static int with_lock(asyncio_barrier *b, int (*body)(asyncio_barrier *b)) {
    if (!b) return null_barrier();
    asyncio_barrier_ref(b);
    int rc = asyncio__lock_acquire(b->condition->lock);
    if (rc >= 0) rc = asyncio__lock_leave(b->condition->lock, body(b));
    asyncio_barrier_unref(b);
    return rc;
}

static int run_wait(const void *args, asyncio_value *result) {
    int rc = with_lock(asyncio__object_of(args), pass);
    *result = asyncio_int(rc);
    return rc;
}

/* ---- reset and abort ---- */

static int reset(asyncio_barrier *b) {
    b->state = b->count > 0 ? RESETTING : FILLING;
    asyncio__condition_wake_all(b->condition);
    return 0;
}

static int break_up(asyncio_barrier *b) {
    b->state = BROKEN;
    asyncio__condition_wake_all(b->condition);
    return 0;
}

static int run_reset(const void *args, asyncio_value *result) {
    (void)result;
    return with_lock(asyncio__object_of(args), reset);
}

static int run_abort(const void *args, asyncio_value *result) {
    (void)result;
    return with_lock(asyncio__object_of(args), break_up);
}

/* ---- coroutine objects ---- */

ASYNCIO__HOLD(barrier, asyncio_barrier_ref, asyncio_barrier_unref);

ASYNCIO__METHOD(asyncio_barrier_wait, barrier, asyncio_barrier *, .run = run_wait);
ASYNCIO__METHOD(asyncio_barrier_reset, barrier, asyncio_barrier *, .run = run_reset);
ASYNCIO__METHOD(asyncio_barrier_abort, barrier, asyncio_barrier *, .run = run_abort);

asyncio_coro asyncio_barrier_wait(asyncio_barrier *b) {
    return ASYNCIO__CORO(asyncio_barrier_wait, b);
}

asyncio_coro asyncio_barrier_reset(asyncio_barrier *b) {
    return ASYNCIO__CORO(asyncio_barrier_reset, b);
}

asyncio_coro asyncio_barrier_abort(asyncio_barrier *b) {
    return ASYNCIO__CORO(asyncio_barrier_abort, b);
}

/* ---- the block: the index is in its reserved bytes, where the union shows it ---- */

_Static_assert(offsetof(asyncio_barrier_with, object) >= offsetof(asyncio_block, reserved) &&
                   sizeof(asyncio_barrier_with) == sizeof(asyncio_block),
               "the index is in the reserved bytes");

static int enter_barrier(asyncio_block *s) {
    int index = with_lock(s->object, pass);
    if (index >= 0)
        memcpy((char *)s + offsetof(asyncio_barrier_with, object), &index, sizeof index);
    return index;
}

static int exit_barrier(asyncio_block *s, int status) {
    (void)s;
    return status;
}

static const asyncio_block_ops barrier_ops = { .size = sizeof(asyncio_block_ops),
                                               .name = "barrier",
                                               .enter = enter_barrier,
                                               .exit = exit_barrier };

asyncio_barrier_with asyncio_barrier_block(asyncio_barrier *b, int *rc) {
    asyncio_barrier_with with;
    asyncio__block_init(&with.block, rc, &barrier_ops, b);
    return with;
}

/* ---- properties ---- */

int asyncio_barrier_parties(const asyncio_barrier *b) { return b ? b->parties : 0; }

int asyncio_barrier_n_waiting(const asyncio_barrier *b) {
    return b && b->state == FILLING ? b->count : 0;
}

bool asyncio_barrier_broken(const asyncio_barrier *b) { return b && b->state == BROKEN; }

int asyncio_barrier_repr(const asyncio_barrier *b, char *buf, size_t n) {
    static const char *const names[] = { "filling", "draining", "resetting", "broken" };
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (b) {
        asyncio__text_printf(&text, "<Barrier [%s", names[b->state]);
        if (b->state != BROKEN) {
            asyncio__text_printf(&text, ", waiters:%d/%d", asyncio_barrier_n_waiting(b),
                                 b->parties);
        }
        asyncio__text_put(&text, "]>");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
