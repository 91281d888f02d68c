/* SPDX-License-Identifier: MIT
 *
 * thread/concurrent.c: concurrent futures: made, waited for, finished, cancelled.
 */
#include "thread/concurrent.h"

#include <errno.h>
#include <limits.h>
#include <math.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/futex.h"
#include "base/interleave.h"
#include "loop/inbox.h"
#include "thread/objectlock.h"
#include "thread/wrapper.h"

struct callback {
    struct asyncio__link link;
    asyncio_concurrent_callback *fn;
    void *arg;
};

static const struct asyncio__concurrent_ops plain_ops = { .cancelled = NULL };

/* ---- life ---- */

void asyncio__concurrent_init(asyncio_concurrent_future *f,
                              const struct asyncio__concurrent_ops *ops) {
    atomic_init(&f->refs, 1);
    atomic_init(&f->state, ASYNCIO__CONCURRENT_PENDING);
    atomic_init(&f->abandoned, false);
    atomic_init(&f->waiting, 0);
    f->ops = ops;
    f->home = NULL;
    f->forks = asyncio__forks;
    asyncio__objectlock_init();
    asyncio__link_init(&f->wrappers);
    asyncio__link_init(&f->callbacks);
    f->value = asyncio_none();
    f->error = NULL;
    f->code = 0;
}

asyncio_concurrent_future *asyncio_concurrent_future_new(void) {
    asyncio_concurrent_future *f = asyncio__malloc(sizeof *f);
    if (!f) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__concurrent_init(f, &plain_ops);
    return f;
}

asyncio_concurrent_future *asyncio_concurrent_future_ref(asyncio_concurrent_future *f) {
    if (f) atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

static void free_callbacks(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct callback *c = asyncio__container(list->next, struct callback, link);
        asyncio__link_unlink(&c->link);
        asyncio__free(c);
    }
}

void asyncio_concurrent_future_unref(asyncio_concurrent_future *f) {
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1) return;
    free_callbacks(&f->callbacks);
    asyncio_value_drop(&f->value);
    asyncio_error_unref(f->error);
    if (f->ops->free) f->ops->free(f);
    else asyncio__free(f);
}

/* ---- finishing ---- */

/* The loop may be gone as soon as it has the wrapper: it is held over the post. */
static void tell_wrappers(asyncio_concurrent_future *f) {
    while (!asyncio__list_empty(&f->wrappers)) {
        struct asyncio__wrapper *m =
            asyncio__container(f->wrappers.next, struct asyncio__wrapper, link);
        asyncio_loop *loop = m->future.loop;
        asyncio__link_take(&m->link);
        asyncio__loop_hold(loop);
        asyncio__inbox_post(loop, &m->arrival); /* not closed: it would have unlinked the wrapper */
        asyncio__loop_release(loop);
    }
}

static void call_callbacks(asyncio_concurrent_future *f, struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct callback *c = asyncio__container(list->next, struct callback, link);
        asyncio__link_unlink(&c->link);
        c->fn(f, c->arg);
        asyncio__free(c);
    }
}

/* Everybody who waits is told; the lock is held, and let go. */
static void settle(asyncio_concurrent_future *f, enum asyncio__concurrent_state state) {
    struct asyncio__link callbacks;
    asyncio__link_init(&callbacks);
    asyncio__list_splice(&callbacks, &f->callbacks);
    atomic_store(&f->state, state); /* before the look at `waiting`: see wait_until */
    asyncio__point();
    bool waited_for = atomic_load(&f->waiting) > 0;
    bool called = !asyncio__list_empty(&callbacks);
    if (called) asyncio_concurrent_future_ref(f);
    tell_wrappers(f);
    asyncio__object_unlock(f);
    if (waited_for) asyncio__futex_wake(&f->state, INT_MAX); /* it may be gone: see base/futex.h */
    if (!called) return;
    call_callbacks(f, &callbacks);
    asyncio_concurrent_future_unref(f);
}

bool asyncio__concurrent_start(asyncio_concurrent_future *f) {
    enum asyncio__concurrent_state state = ASYNCIO__CONCURRENT_PENDING;
    asyncio__object_lock(f);
    bool started = atomic_compare_exchange_strong(&f->state, &state, ASYNCIO__CONCURRENT_RUNNING);
    asyncio__object_unlock(f);
    return started;
}

static bool finish_with_value(asyncio_concurrent_future *f, asyncio_value value) {
    asyncio__object_lock(f);
    if (asyncio__concurrent_is_done(f)) {
        asyncio__object_unlock(f);
        asyncio_value_drop(&value);
        return false;
    }
    f->value = value;
    settle(f, ASYNCIO__CONCURRENT_FINISHED);
    return true;
}

bool asyncio__concurrent_fail(asyncio_concurrent_future *f, int code, asyncio_error *error) {
    if (!error) error = asyncio__error_make(code, NULL); /* now: later several threads may ask */
    asyncio__object_lock(f);
    if (asyncio__concurrent_is_done(f)) {
        asyncio__object_unlock(f);
        asyncio_error_unref(error);
        return false;
    }
    f->error = error;
    f->code = code;
    settle(f, code == ASYNCIO_CANCELLED_ERROR ? ASYNCIO__CONCURRENT_CANCELLED
                                              : ASYNCIO__CONCURRENT_FAILED);
    return true;
}

bool asyncio__concurrent_finish(asyncio_concurrent_future *f, int status, asyncio_value value) {
    if (status < 0) {
        asyncio_value_drop(&value);
        return asyncio__concurrent_fail(f, status,
                                        asyncio__error_detach(asyncio__strand_current(), status));
    }
    if (!value.type && status > 0) value = asyncio_int(status);
    return finish_with_value(f, value);
}

bool asyncio_concurrent_future_start(asyncio_concurrent_future *f) {
    return f && asyncio__concurrent_start(f);
}

static int settled_already(void) {
    return asyncio__raise(ASYNCIO_INVALID_STATE_ERROR, "invalid state");
}

int asyncio_concurrent_future_set_result(asyncio_concurrent_future *f, asyncio_value value) {
    if (!f) {
        asyncio_value_drop(&value);
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required");
    }
    return finish_with_value(f, value) ? 0 : settled_already();
}

int asyncio_concurrent_future_set_error(asyncio_concurrent_future *f, asyncio_error *error) {
    if (!f || !error)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and an error are required");
    return asyncio__concurrent_fail(f, asyncio_error_code(error), asyncio_error_ref(error))
               ? 0
               : settled_already();
}

int asyncio_concurrent_future_set_exception(asyncio_concurrent_future *f, int code, const char *fmt,
                                            ...) {
    if (!f || code >= 0)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and a negative code are required");
    va_list args;
    va_start(args, fmt);
    asyncio_error *error = asyncio__error_make_v(code, fmt, args);
    va_end(args);
    if (!error) return asyncio__raise(-ENOMEM, NULL);
    return asyncio__concurrent_fail(f, code, error) ? 0 : settled_already();
}

/* ---- cancelling ---- */

bool asyncio_concurrent_future_cancel(asyncio_concurrent_future *f) {
    if (!f) return false;
    asyncio__object_lock(f);
    enum asyncio__concurrent_state state = atomic_load(&f->state);
    if (state != ASYNCIO__CONCURRENT_PENDING) {
        asyncio__object_unlock(f);
        if (state == ASYNCIO__CONCURRENT_RUNNING) atomic_store(&f->abandoned, true);
        return state == ASYNCIO__CONCURRENT_CANCELLED;
    }
    asyncio_concurrent_future_ref(f);
    settle(f, ASYNCIO__CONCURRENT_CANCELLED);
    if (f->ops->cancelled) f->ops->cancelled(f);
    asyncio_concurrent_future_unref(f);
    return true;
}

/* ---- reading ---- */

bool asyncio_concurrent_future_done(const asyncio_concurrent_future *f) {
    return f && asyncio__concurrent_is_done(f);
}

bool asyncio_concurrent_future_cancelled(const asyncio_concurrent_future *f) {
    return f && atomic_load(&f->state) == ASYNCIO__CONCURRENT_CANCELLED;
}

bool asyncio_concurrent_future_running(const asyncio_concurrent_future *f) {
    return f && atomic_load(&f->state) == ASYNCIO__CONCURRENT_RUNNING;
}

/* Either this looks at a state that is done, or whoever makes it done sees that somebody waits.
 * False when the time is over. */
static bool wait_until(asyncio_concurrent_future *f, int64_t deadline) {
    bool in_time = true;
    atomic_fetch_add(&f->waiting, 1);
    asyncio__point();
    while (in_time) {
        enum asyncio__concurrent_state state = atomic_load(&f->state);
        if (state >= ASYNCIO__CONCURRENT_FINISHED) break;
        in_time = asyncio__futex_wait(&f->state, state, deadline);
    }
    atomic_fetch_sub(&f->waiting, 1);
    return asyncio__concurrent_is_done(f);
}

/* Those that the program has made may be finished by any thread, also in a forked child. */
bool asyncio__concurrent_is_left_behind(const asyncio_concurrent_future *f) {
    return f->forks != asyncio__forks && f->ops != &plain_ops && !asyncio__concurrent_is_done(f);
}

/* 0 once it is done. */
static int wait_for(asyncio_concurrent_future *f, double timeout) {
    if (!f) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required");
    if (asyncio__concurrent_is_done(f)) return 0;
    if (isnan(timeout))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    if (timeout <= 0) return asyncio__raise(ASYNCIO_TIMEOUT_ERROR, NULL);
    if (f->home && asyncio__here.running == f->home) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "waiting here would never end: the loop of this very thread has to "
                              "finish the future (in a task, await asyncio_wrap_future)");
    }
    if (asyncio__concurrent_is_left_behind(f)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "waiting here would never end: the thread that has to finish the "
                              "future belongs to the parent process");
    }
    int64_t deadline = asyncio__clock_add(asyncio__clock_now(), timeout);
    return wait_until(f, deadline) ? 0 : asyncio__raise(ASYNCIO_TIMEOUT_ERROR, NULL);
}

static int raise_cancelled(const asyncio_concurrent_future *f) {
    if (f->error) return asyncio_reraise(asyncio_error_ref(f->error));
    return asyncio__raise(ASYNCIO_CANCELLED_ERROR, NULL);
}

int asyncio_concurrent_future_result(asyncio_concurrent_future *f, double timeout,
                                     asyncio_value *out) {
    int rc = wait_for(f, timeout);
    if (rc < 0) return rc;
    switch (atomic_load(&f->state)) {
    case ASYNCIO__CONCURRENT_CANCELLED: return raise_cancelled(f);
    case ASYNCIO__CONCURRENT_FAILED:
        if (f->error) return asyncio_reraise(asyncio_error_ref(f->error));
        return asyncio__raise(f->code, NULL);
    default: break;
    }
    if (out) *out = f->value;
    return 0;
}

int asyncio_concurrent_future_exception(asyncio_concurrent_future *f, double timeout,
                                        asyncio_error **out) {
    asyncio_error *error = NULL;
    int rc = wait_for(f, timeout);
    if (rc < 0) return rc;
    if (atomic_load(&f->state) == ASYNCIO__CONCURRENT_CANCELLED) return raise_cancelled(f);
    if (atomic_load(&f->state) == ASYNCIO__CONCURRENT_FAILED) {
        error = f->error;
        if (!error) return asyncio__raise(-ENOMEM, NULL);
    }
    if (out) *out = error;
    return 0;
}

asyncio_value asyncio_concurrent_future_take_result(asyncio_concurrent_future *f) {
    if (!f || atomic_load(&f->state) != ASYNCIO__CONCURRENT_FINISHED) return asyncio_none();
    asyncio_value value = f->value;
    f->value = asyncio_none();
    return value;
}

int asyncio_concurrent_future_add_done_callback(asyncio_concurrent_future *f,
                                                asyncio_concurrent_callback *fn, void *arg) {
    if (!f || !fn)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and a callback are required");
    struct callback *c = asyncio__malloc(sizeof *c);
    if (!c) return asyncio__raise(-ENOMEM, NULL);
    c->fn = fn;
    c->arg = arg;
    asyncio__object_lock(f);
    bool done = asyncio__concurrent_is_done(f);
    if (!done) asyncio__list_append(&f->callbacks, &c->link);
    asyncio__object_unlock(f);
    if (!done) return 0;
    asyncio__free(c);
    fn(f, arg);
    return 0;
}

int asyncio_concurrent_future_repr(const asyncio_concurrent_future *f, char *buf, size_t n) {
    static const char *const states[] = { "pending", "running", "finished", "finished",
                                          "cancelled" };
    if (!f) return snprintf(buf, n, "None");
    enum asyncio__concurrent_state state = atomic_load(&f->state);
    const char *what = "", *kind = "";
    if (state == ASYNCIO__CONCURRENT_FINISHED) {
        what = " returned ";
        kind = f->value.type && f->value.type->name ? f->value.type->name : "NoneType";
    } else if (state == ASYNCIO__CONCURRENT_FAILED) {
        what = " raised ";
        kind = asyncio_err_name(f->code);
    }
    return snprintf(buf, n, "<Future at 0x%llx state=%s%s%s>", (unsigned long long)(uintptr_t)f,
                    states[state], what, kind);
}
