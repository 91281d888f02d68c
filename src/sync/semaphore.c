/* SPDX-License-Identifier: MIT
 *
 * sync/semaphore.c: Semaphore and BoundedSemaphore, which differ in `bound`.
 *
 * A permit is handed over when it is released: `value` goes down again for the first waiter who
 * is not done, before that runs. One who is cancelled afterwards gives it back. Whoever
 * leaves the line hands on what there is. With others in line nobody takes a permit past them.
 */
#include <asyncio/semaphore.h>

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/text.h"
#include "task/waitqueue.h"
#include "sync/object.h"

struct asyncio_semaphore {
    struct asyncio__waitqueue line;
    long value;         /* permits that nobody has */
    long bound;         /* the most it may have; LONG_MAX if it is not bounded */
    asyncio_loop *loop; /* the one it is bound to: a reference, or NULL */
    uint32_t refs;
    bool bounded;
};

static asyncio_semaphore *new_semaphore(long value, bool bounded) {
    if (value < 0) {
        asyncio__raise(ASYNCIO_VALUE_ERROR, "Semaphore initial value must be >= 0");
        return NULL;
    }
    asyncio_semaphore *s = asyncio__malloc(sizeof *s);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__waitqueue_init(&s->line);
    s->value = value;
    s->bound = bounded ? value : LONG_MAX;
    s->loop = NULL;
    s->refs = 1;
    s->bounded = bounded;
    return s;
}

asyncio_semaphore *asyncio_semaphore_new(long value) { return new_semaphore(value, false); }

asyncio_boundedsemaphore *asyncio_boundedsemaphore_new(long value) {
    return new_semaphore(value, true);
}

asyncio_semaphore *asyncio_semaphore_ref(asyncio_semaphore *s) {
    if (s) s->refs++;
    return s;
}

void asyncio_semaphore_unref(asyncio_semaphore *s) {
    if (!s || --s->refs > 0) return;
    asyncio_loop_unref(s->loop);
    asyncio__free(s);
}

static int null_semaphore(void) {
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "a semaphore is required");
}

/* ---- acquire and release ---- */

static bool is_locked(const asyncio_semaphore *s) {
    return s->value == 0 || asyncio__waitqueue_alive(&s->line);
}

/* Hands one permit to the first in line; false if there is none to take it. */
static bool hand_over(asyncio_semaphore *s) {
    if (asyncio__waitqueue_wake(&s->line, 1) == 0) return false;
    s->value--;
    return true;
}

static __attribute__((noinline)) int wait_in_line(asyncio_semaphore *s) {
    struct asyncio_task *task = asyncio__task_current();
    struct asyncio__waiter w;
    int rc = asyncio__object_bind(&s->loop, task, s->bounded ? "BoundedSemaphore" : "Semaphore");
    if (rc < 0) return rc;
    asyncio__waiter_init(&w, task->future.loop);
    asyncio_semaphore_ref(s);
    rc = asyncio__waitqueue_wait(&s->line, &w, task);
    if (ASYNCIO__UNLIKELY(rc < 0) && w.future.state == ASYNCIO__FINISHED) s->value++;
    while (s->value > 0 && hand_over(s)) continue;
    asyncio_semaphore_unref(s);
    return rc;
}

static int acquire(asyncio_semaphore *s) {
    if (ASYNCIO__UNLIKELY(!asyncio__waitqueue_empty(&s->line) || s->value == 0)) {
        if (is_locked(s)) return wait_in_line(s);
    }
    s->value--;
    return 0;
}

static int raise_too_often(const asyncio_semaphore *s) {
    return asyncio__raise(ASYNCIO_VALUE_ERROR, s->bounded
                                                   ? "BoundedSemaphore released too many times"
                                                   : "Semaphore released too many times");
}

/* Gives a permit back; a bounded semaphore with all of its own is left as it is. */
static int give_back(asyncio_semaphore *s) {
    if (ASYNCIO__UNLIKELY(s->value >= s->bound)) return raise_too_often(s);
    s->value++;
    if (ASYNCIO__UNLIKELY(!asyncio__list_empty(&s->line.waiting))) hand_over(s);
    return 0;
}

int asyncio_semaphore_release(asyncio_semaphore *s) {
    if (ASYNCIO__UNLIKELY(!s)) return null_semaphore();
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(s->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    return give_back(s);
}

bool asyncio_semaphore_locked(const asyncio_semaphore *s) { return s && is_locked(s); }

static int run_acquire(const void *args, asyncio_value *result) {
    asyncio_semaphore *s = asyncio__object_of(args);
    if (ASYNCIO__UNLIKELY(!s)) return null_semaphore();
    int rc = acquire(s);
    *result = asyncio_bool(true);
    return rc;
}

static int acquire_nowait(const void *args, asyncio_value *out) {
    asyncio_semaphore *s = asyncio__object_of(args);
    if (!s || s->value == 0 || !asyncio__waitqueue_empty(&s->line)) return ASYNCIO_MUST_RUN;
    s->value--;
    if (out) *out = asyncio_bool(true);
    return 0;
}

ASYNCIO__HOLD(semaphore, asyncio_semaphore_ref, asyncio_semaphore_unref);

ASYNCIO__METHOD(asyncio_semaphore_acquire, semaphore, asyncio_semaphore *, .run = run_acquire,
                .nowait = acquire_nowait);

asyncio_coro asyncio_semaphore_acquire(asyncio_semaphore *s) {
    return ASYNCIO__CORO(asyncio_semaphore_acquire, s);
}

/* ---- the block ---- */

static int enter_semaphore(asyncio_block *block) {
    asyncio_semaphore *s = block->object;
    if (!s) return null_semaphore();
    int rc = acquire(s);
    if (rc >= 0) asyncio_semaphore_ref(s);
    return rc;
}

static int exit_semaphore(asyncio_block *block, int status) {
    asyncio_semaphore *s = block->object;
    int rc = give_back(s);
    asyncio_semaphore_unref(s);
    return rc < 0 ? rc : status;
}

static const asyncio_block_ops semaphore_ops = { .size = sizeof(asyncio_block_ops),
                                                 .name = "semaphore",
                                                 .enter = enter_semaphore,
                                                 .exit = exit_semaphore };

asyncio_semaphore_with asyncio_semaphore_block(asyncio_semaphore *s, int *rc) {
    asyncio_semaphore_with with;
    asyncio__block_init(&with.block, rc, &semaphore_ops, s);
    return with;
}

int asyncio_semaphore_repr(const asyncio_semaphore *s, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (s) {
        size_t waiters = asyncio__waitqueue_length(&s->line);
        asyncio__text_put(&text, s->bounded ? "<BoundedSemaphore [" : "<Semaphore [");
        if (is_locked(s)) asyncio__text_put(&text, "locked");
        else asyncio__text_printf(&text, "unlocked, value:%ld", s->value);
        if (waiters) asyncio__text_printf(&text, ", waiters:%zu", waiters);
        asyncio__text_put(&text, "]>");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
