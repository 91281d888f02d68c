/* SPDX-License-Identifier: MIT
 *
 * sync/condition.c: Condition. A wait always tries to end with the lock in hand: what it is
 * cancelled by meanwhile is held back, the last one comes out. Only a loop that closes ends it
 * without. A wait that fails may have swallowed a notification, so it notifies another.
 */
#include "sync/condition.h"

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sync/object.h"
#include "task/cancelstatus.h"

asyncio_condition *asyncio_condition_new(asyncio_lock *lock) {
    lock = lock ? asyncio_lock_ref(lock) : asyncio_lock_new();
    if (!lock) return NULL;
    asyncio_condition *c = asyncio__malloc(sizeof *c);
    if (!c) {
        asyncio_lock_unref(lock);
        return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    }
    asyncio__waitqueue_init(&c->line);
    c->lock = lock;
    c->loop = NULL;
    c->refs = 1;
    return c;
}

asyncio_condition *asyncio_condition_ref(asyncio_condition *c) {
    if (c) c->refs++;
    return c;
}

void asyncio_condition_unref(asyncio_condition *c) {
    if (!c || --c->refs > 0) return;
    asyncio_lock_unref(c->lock);
    asyncio_loop_unref(c->loop);
    asyncio__free(c);
}

static int null_condition(void) {
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "a condition is required");
}

/* ---- wait ---- */

/* Takes the lock after a wait that ended with rc. The error that belongs to the last
 * cancellation is the newest in the slot. A cancel scope, which would interrupt every try, is not
 * heard meanwhile. */
static int reacquire(struct asyncio_task *task, struct asyncio_lock *lock, int rc) {
    asyncio__cancelstatus_hide(task);
    for (;;) {
        int again = asyncio__lock_acquire(lock);
        if (again >= 0) break;
        rc = again;
        if (rc != ASYNCIO_CANCELLED_ERROR) break;
    }
    asyncio__cancelstatus_show(task);
    return rc;
}

static int wait_for_notice(struct asyncio_condition *c) {
    struct asyncio_task *task = asyncio__task_current();
    struct asyncio__waiter w;
    if (!c->lock->locked) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "cannot wait on un-acquired lock");
    }
    int rc = asyncio__object_bind(&c->loop, task, "Condition");
    if (rc < 0) return rc;
    asyncio__waiter_init(&w, task->future.loop);
    asyncio__lock_free(c->lock);
    rc = asyncio__waitqueue_wait(&c->line, &w, task);
    rc = reacquire(task, c->lock, rc);
    if (ASYNCIO__UNLIKELY(rc < 0)) asyncio__waitqueue_wake(&c->line, 1);
    return rc;
}

int asyncio__condition_wait_for(struct asyncio_condition *c, bool (*predicate)(void *arg),
                                void *arg) {
    int rc = 0;
    asyncio_condition_ref(c);
    while (rc >= 0 && !predicate(arg)) rc = wait_for_notice(c);
    asyncio_condition_unref(c);
    return rc;
}

static int run_wait(const void *args, asyncio_value *result) {
    asyncio_condition *c = asyncio__object_of(args);
    if (!c) return null_condition();
    asyncio_condition_ref(c);
    int rc = wait_for_notice(c);
    asyncio_condition_unref(c);
    *result = asyncio_bool(true);
    return rc;
}

struct wait_for_args {
    asyncio_condition *condition;
    bool (*predicate)(void *arg);
    void *arg;
};

static int run_wait_for(const void *args, asyncio_value *result) {
    struct wait_for_args a = *(const struct wait_for_args *)args;
    if (!a.condition) return null_condition();
    if (!a.predicate) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a predicate is required");
    int rc = asyncio__condition_wait_for(a.condition, a.predicate, a.arg);
    *result = asyncio_bool(true);
    return rc;
}

ASYNCIO__HOLD(condition, asyncio_condition_ref, asyncio_condition_unref);

ASYNCIO__METHOD(asyncio_condition_wait, condition, asyncio_condition *, .run = run_wait);
ASYNCIO__METHOD(asyncio_condition_wait_for, condition, struct wait_for_args, .run = run_wait_for);

asyncio_coro asyncio_condition_wait(asyncio_condition *c) {
    return ASYNCIO__CORO(asyncio_condition_wait, c);
}

asyncio_coro asyncio_condition_wait_for(asyncio_condition *c, bool (*predicate)(void *arg),
                                        void *arg) {
    return ASYNCIO__CORO(asyncio_condition_wait_for, c, predicate, arg);
}

/* ---- notify ---- */

void asyncio__condition_wake_all(struct asyncio_condition *c) {
    asyncio__waitqueue_wake(&c->line, LONG_MAX);
}

int asyncio_condition_notify(asyncio_condition *c, long n) {
    if (!c) return null_condition();
    if (asyncio__loop_check_thread(c->loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (!c->lock->locked) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "cannot notify on un-acquired lock");
    }
    asyncio__waitqueue_wake(&c->line, n);
    return 0;
}

int asyncio_condition_notify_all(asyncio_condition *c) {
    return asyncio_condition_notify(c, LONG_MAX);
}

/* ---- its lock ---- */

static asyncio_lock *lock_of(const asyncio_condition *c) { return c ? c->lock : NULL; }

asyncio_coro asyncio_condition_acquire(asyncio_condition *c) {
    return asyncio_lock_acquire(lock_of(c));
}

int asyncio_condition_release(asyncio_condition *c) { return asyncio_lock_release(lock_of(c)); }

bool asyncio_condition_locked(const asyncio_condition *c) { return c && c->lock->locked; }

static int enter_condition(asyncio_block *s) {
    asyncio_condition *c = s->object;
    if (!c) return null_condition();
    asyncio_condition_ref(c);
    int rc = asyncio__lock_acquire(c->lock);
    if (rc < 0) asyncio_condition_unref(c);
    return rc;
}

static int exit_condition(asyncio_block *s, int status) {
    asyncio_condition *c = s->object;
    status = asyncio__lock_leave(c->lock, status);
    asyncio_condition_unref(c);
    return status;
}

static const asyncio_block_ops condition_ops = { .size = sizeof(asyncio_block_ops),
                                                 .name = "condition",
                                                 .enter = enter_condition,
                                                 .exit = exit_condition };

asyncio_condition_with asyncio_condition_block(asyncio_condition *c, int *rc) {
    asyncio_condition_with with;
    asyncio__block_init(&with.block, rc, &condition_ops, c);
    return with;
}

int asyncio_condition_repr(const asyncio_condition *c, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (c) {
        size_t waiters = asyncio__waitqueue_length(&c->line);
        asyncio__text_printf(&text, "<Condition [%s", c->lock->locked ? "locked" : "unlocked");
        if (waiters) asyncio__text_printf(&text, ", waiters:%zu", waiters);
        asyncio__text_put(&text, "]>");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
