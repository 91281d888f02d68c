/* SPDX-License-Identifier: MIT
 *
 * sync/lock.c: Lock. A waiter that is cancelled passes on the wake-up it may have had: if the
 * lock is free then, the next in line is woken.
 */
#include "sync/lock.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sync/object.h"

asyncio_lock *asyncio_lock_new(void) {
    asyncio_lock *lock = asyncio__malloc(sizeof *lock);
    if (!lock) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__link_init(&lock->waiters);
    lock->loop = NULL;
    lock->refs = 1;
    lock->locked = false;
    return lock;
}

asyncio_lock *asyncio_lock_ref(asyncio_lock *lock) {
    if (lock) lock->refs++;
    return lock;
}

void asyncio_lock_unref(asyncio_lock *lock) {
    if (!lock || --lock->refs > 0) return;
    asyncio_loop_unref(lock->loop);
    asyncio__free(lock);
}

/* ---- acquire and release ---- */

void asyncio__lock_wake(struct asyncio_lock *lock) {
    if (asyncio__list_empty(&lock->waiters)) return;
    asyncio__waiter_wake(asyncio__waiter_of(lock->waiters.next));
}

static int wait_in_line(struct asyncio_lock *lock, struct asyncio_task *task) {
    struct asyncio__waiter w;
    asyncio__waiter_init(&w, task->future.loop);
    asyncio_lock_ref(lock);
    int rc = asyncio__waiter_wait(&w, &lock->waiters, task);
    if (ASYNCIO__LIKELY(rc >= 0)) lock->locked = true;
    else if (!lock->locked) asyncio__lock_wake(lock);
    asyncio_lock_unref(lock);
    return rc;
}

int asyncio__lock_wait(struct asyncio_lock *lock) {
    struct asyncio_task *task = asyncio__task_current();
    if (!lock->locked && !asyncio__waiters_alive(&lock->waiters)) {
        lock->locked = true;
        return 0;
    }
    int rc = asyncio__object_bind(&lock->loop, task, "Lock");
    return rc < 0 ? rc : wait_in_line(lock, task);
}

static int null_lock(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a lock is required"); }

int asyncio_lock_release(asyncio_lock *lock) {
    if (ASYNCIO__UNLIKELY(!lock)) return null_lock();
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(lock->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    if (ASYNCIO__UNLIKELY(!lock->locked)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Lock is not acquired.");
    }
    asyncio__lock_free(lock);
    return 0;
}

bool asyncio_lock_locked(const asyncio_lock *lock) { return lock && lock->locked; }

static int run_acquire(const void *args, asyncio_value *result) {
    asyncio_lock *lock = asyncio__object_of(args);
    if (ASYNCIO__UNLIKELY(!lock)) return null_lock();
    int rc = asyncio__lock_acquire(lock);
    *result = asyncio_bool(true);
    return rc;
}

static int acquire_nowait(const void *args, asyncio_value *out) {
    asyncio_lock *lock = asyncio__object_of(args);
    if (!lock || lock->locked || !asyncio__list_empty(&lock->waiters)) return ASYNCIO_MUST_RUN;
    lock->locked = true;
    if (out) *out = asyncio_bool(true);
    return 0;
}

ASYNCIO__HOLD(lock, asyncio_lock_ref, asyncio_lock_unref);

ASYNCIO__METHOD(asyncio_lock_acquire, lock, asyncio_lock *, .run = run_acquire,
                .nowait = acquire_nowait);

asyncio_coro asyncio_lock_acquire(asyncio_lock *lock) {
    return ASYNCIO__CORO(asyncio_lock_acquire, lock);
}

/* ---- the block ---- */

/* A task that is unwound may not have got back a lock that it waited for. */
int asyncio__lock_leave(struct asyncio_lock *lock, int status) {
    if (ASYNCIO__UNLIKELY(!lock->locked)) {
        return status == ASYNCIO_GENERATOR_EXIT ? status : asyncio_lock_release(lock);
    }
    asyncio__lock_free(lock);
    return status;
}

static int enter_lock(asyncio_block *s) {
    asyncio_lock *lock = s->object;
    if (!lock) return null_lock();
    int rc = asyncio__lock_acquire(lock);
    if (rc >= 0) asyncio_lock_ref(lock);
    return rc;
}

static int exit_lock(asyncio_block *s, int status) {
    asyncio_lock *lock = s->object;
    status = asyncio__lock_leave(lock, status);
    asyncio_lock_unref(lock);
    return status;
}

static const asyncio_block_ops lock_ops = {
    .size = sizeof(asyncio_block_ops), .name = "lock", .enter = enter_lock, .exit = exit_lock
};

asyncio_lock_with asyncio_lock_block(asyncio_lock *lock, int *rc) {
    asyncio_lock_with with;
    asyncio__block_init(&with.block, rc, &lock_ops, lock);
    return with;
}

int asyncio_lock_repr(const asyncio_lock *lock, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (lock) {
        size_t waiters = asyncio__list_length(&lock->waiters);
        asyncio__text_printf(&text, "<Lock [%s", lock->locked ? "locked" : "unlocked");
        if (waiters) asyncio__text_printf(&text, ", waiters:%zu", waiters);
        asyncio__text_put(&text, "]>");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
