/* SPDX-License-Identifier: MIT
 *
 * future/future.c: making, resolving, cancelling and reading futures.
 */
#include "future/future.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "future/loop.h"

/* ---- messages ---- */

struct asyncio__message *asyncio__message_new(const char *text) {
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    struct asyncio__message *msg = asyncio__malloc(sizeof *msg + n);
    if (!msg) return NULL;
    msg->refs = 1;
    memcpy(msg->text, text, n);
    return msg;
}

void asyncio__message_set(struct asyncio__message **slot, struct asyncio__message *msg) {
    struct asyncio__message *old = *slot;
    if (msg) msg->refs++;
    *slot = msg;
    if (old && --old->refs == 0) asyncio__free(old);
}

/* ---- life ---- */

void asyncio__future_loop_init(asyncio_loop *loop) {
    asyncio__slab_init(&asyncio__future_loop(loop)->slab, sizeof(struct asyncio_future), 64);
}

void asyncio__future_loop_fini(asyncio_loop *loop) {
    asyncio__slab_fini(&asyncio__future_loop(loop)->slab);
}

const struct asyncio__future_ops asyncio__future_ops = { .name = "Future" };

asyncio_future *asyncio_loop_create_future(asyncio_loop *loop) {
    if (asyncio__loop_check(loop) < 0) return NULL;
    asyncio_future *f = asyncio__slab_get(&asyncio__future_loop(loop)->slab);
    if (!f) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__future_init(f, loop, &asyncio__future_ops, 0);
    loop->live++;
    return f;
}

asyncio_future *asyncio_future_new(void) {
    asyncio_loop *loop = asyncio_get_event_loop();
    return loop ? asyncio_loop_create_future(loop) : NULL;
}

asyncio_future *asyncio_future_ref(asyncio_future *f) {
    if (f) f->refs++;
    return f;
}

/* The handler may take a reference: then the future lives on. */
static void report_never_retrieved(asyncio_future *f) {
    char message[64];
    snprintf(message, sizeof message, "%s exception was never retrieved", f->ops->name);
    asyncio_error *error = f->failed.error;
    if (!error) error = f->failed.error = asyncio__error_make(f->failed.code, NULL);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = message,
                                          .exception = error,
                                          .future = f,
                                          .task =
                                              f->ops->is_task ? (asyncio_task *)(void *)f : NULL };
    asyncio__future_set_retrieved(f);
    f->refs++;
    asyncio__loop_report(f->loop, &context);
    f->refs--;
}

static void discard_callbacks(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(list->next);
        asyncio__link_unlink(&runnable->link);
        runnable->ops->discard(runnable);
    }
}

bool asyncio__future_fini_slow(struct asyncio_future *f) {
    if (f->state == ASYNCIO__FAILED && (f->flags & ASYNCIO__FUTURE_LOG)) {
        report_never_retrieved(f);
        if (f->refs > 0) return false;
    }
    if (f->state == ASYNCIO__FINISHED) asyncio_value_drop(&f->value);
    else if (f->state != ASYNCIO__PENDING) asyncio_error_unref(f->failed.error);
    asyncio__message_set(&f->cancel_msg, NULL);
    if (ASYNCIO__UNLIKELY(!asyncio__list_empty(&f->callbacks))) {
        f->callback_count = 0;
        discard_callbacks(&f->callbacks);
    }
    return true;
}

void asyncio_future_unref(asyncio_future *f) {
    if (!f || --f->refs > 0) return;
    if (f->ops->free) {
        f->ops->free(f);
        return;
    }
    asyncio_loop *loop = f->loop;
    if (!asyncio__future_fini(f)) return;
    asyncio__slab_put(&asyncio__future_loop(loop)->slab, f);
    asyncio__loop_object_gone(loop);
}

/* ---- resolving ---- */

/* Each done callback holds its future from now until it has run. */
void asyncio__future_resolve_slow(struct asyncio_future *f) {
    f->refs += f->callback_count;
    f->callback_count = 0;
    struct asyncio__link list;
    asyncio__link_init(&list);
    asyncio__list_splice(&list, &f->callbacks);
    if (!f->loop->closed) asyncio__list_splice(&f->loop->ready, &list);
    else discard_callbacks(&list);
}

static int check_pending(asyncio_future *f) {
    if (f->ops->is_task) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "Task does not support set_result or set_exception");
    }
    if (f->state == ASYNCIO__PENDING) return asyncio__loop_check_thread(f->loop);
    return asyncio__raise(ASYNCIO_INVALID_STATE_ERROR, "invalid state");
}

int asyncio_future_set_result(asyncio_future *f, asyncio_value value) {
    int rc = f ? check_pending(f) : asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required");
    if (rc < 0) {
        asyncio_value_drop(&value);
        return rc;
    }
    asyncio__future_finish(f, value);
    return 0;
}

void asyncio__future_fail(struct asyncio_future *f, int code, asyncio_error *error) {
    f->failed.error = error;
    f->failed.code = code;
    f->state = ASYNCIO__FAILED;
    f->flags |= ASYNCIO__FUTURE_LOG;
    asyncio__future_resolve(f);
}

int asyncio_future_set_error(asyncio_future *f, asyncio_error *error) {
    if (!f || !error)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and an error are required");
    int rc = check_pending(f);
    if (rc < 0) return rc;
    asyncio__future_fail(f, asyncio_error_code(error), asyncio_error_ref(error));
    return 0;
}

int asyncio_future_set_exception(asyncio_future *f, int code, const char *fmt, ...) {
    if (!f || code >= 0)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and a negative code are required");
    int rc = check_pending(f);
    if (rc < 0) return rc;
    va_list args;
    va_start(args, fmt);
    asyncio_error *error = asyncio__error_make_v(code, fmt, args);
    va_end(args);
    if (!error) return asyncio__raise(-ENOMEM, NULL);
    asyncio__future_fail(f, code, error);
    return 0;
}

/* ---- cancelling ---- */

/* A task that waits for it is queued, and continues in asyncio__task_woken, task/suspend.c. */
bool asyncio__future_cancel_plain(struct asyncio_future *f, struct asyncio__message *msg) {
    if (f->state != ASYNCIO__PENDING) {
        asyncio__future_set_retrieved(f);
        return false;
    }
    asyncio__message_set(&f->cancel_msg, msg);
    f->failed.error = NULL;
    f->state = ASYNCIO__CANCELLED;
    asyncio__future_resolve(f);
    return true;
}

/* A plain future is cancelled here. That of a task continues in asyncio__task_request_cancel,
 * task/cancel.c; those of gather, shield and others in the files that make them. */
bool asyncio__future_cancel(struct asyncio_future *f, struct asyncio__message *msg) {
    if (ASYNCIO__LIKELY(f->ops->cancel == NULL)) return asyncio__future_cancel_plain(f, msg);
    return f->ops->cancel(f, msg);
}

bool asyncio_future_cancel(asyncio_future *f, const char *text) {
    if (!f || (f->state == ASYNCIO__PENDING && asyncio__loop_check_thread(f->loop) < 0))
        return false;
    struct asyncio__message *msg = asyncio__message_new(text);
    bool requested = asyncio__future_cancel(f, msg);
    asyncio__message_set(&msg, NULL);
    return requested;
}

/* ---- reading ---- */

bool asyncio_future_done(const asyncio_future *f) { return f && f->state != ASYNCIO__PENDING; }
bool asyncio_future_cancelled(const asyncio_future *f) {
    return f && f->state == ASYNCIO__CANCELLED;
}
asyncio_loop *asyncio_future_get_loop(const asyncio_future *f) { return f ? f->loop : NULL; }

asyncio_error *asyncio__future_cancelled_error(struct asyncio_future *f) {
    if (f->flags & ASYNCIO__FUTURE_KEPT) {
        asyncio__future_clear(f, ASYNCIO__FUTURE_KEPT);
        asyncio_error *kept = f->failed.error;
        f->failed.error = NULL;
        return kept;
    }
    return f->cancel_msg ? asyncio__error_make(ASYNCIO_CANCELLED_ERROR, f->cancel_msg->text) : NULL;
}

static bool may_be_mistaken(const struct asyncio__strand *strand) {
    return strand->error || (strand->flags & ASYNCIO__STRAND_HIDES);
}

/* Here a cancellation becomes an error in the slot. A bare CancelledError must not be taken for an
 * older one that is still there. */
static int put_cancelled(struct asyncio__strand *strand, asyncio_error *error) {
    bool covered = strand->flags & ASYNCIO__STRAND_SCOPED;
    if (!error && (covered || may_be_mistaken(strand)))
        error = asyncio__error_make(ASYNCIO_CANCELLED_ERROR, NULL);
    if (ASYNCIO__UNLIKELY(covered)) asyncio__error_mark(error, ASYNCIO__ORIGIN_ANOTHER);
    if (error) asyncio__error_put(strand, error);
    return ASYNCIO_CANCELLED_ERROR;
}

int asyncio__raise_cancelled(struct asyncio__strand *strand, const struct asyncio__message *msg) {
    return put_cancelled(strand,
                         msg ? asyncio__error_make(ASYNCIO_CANCELLED_ERROR, msg->text) : NULL);
}

static int put_failed(struct asyncio_future *f, struct asyncio__strand *strand) {
    asyncio__future_set_retrieved(f);
    if (!f->failed.error && may_be_mistaken(strand)) {
        f->failed.error = asyncio__error_make(f->failed.code, NULL);
    }
    if (f->failed.error) asyncio__error_put(strand, asyncio_error_ref(f->failed.error));
    return f->failed.code;
}

int asyncio__future_outcome(struct asyncio_future *f, struct asyncio__strand *strand) {
    switch ((enum asyncio__future_state)f->state) {
    case ASYNCIO__FINISHED: return 0;
    case ASYNCIO__FAILED: return put_failed(f, strand);
    case ASYNCIO__CANCELLED: return put_cancelled(strand, asyncio__future_cancelled_error(f));
    case ASYNCIO__PENDING: break;
    }
    return asyncio__raise(ASYNCIO_INVALID_STATE_ERROR, "Result is not set.");
}

int asyncio_future_result(asyncio_future *f, asyncio_value *out) {
    if (!f) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required");
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_reader(f->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    int rc = asyncio__future_outcome(f, asyncio__strand_current());
    if (rc >= 0 && out) *out = f->value;
    return rc;
}

int asyncio_future_exception(asyncio_future *f, asyncio_error **out) {
    if (!f) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future is required");
    if (asyncio__loop_check_reader(f->loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (f->state == ASYNCIO__PENDING) {
        return asyncio__raise(ASYNCIO_INVALID_STATE_ERROR, "Exception is not set.");
    }
    if (f->state == ASYNCIO__CANCELLED)
        return asyncio__future_outcome(f, asyncio__strand_current());
    asyncio__future_set_retrieved(f);
    if (f->state == ASYNCIO__FAILED && !f->failed.error) {
        f->failed.error = asyncio__error_make(f->failed.code, NULL);
        if (!f->failed.error) return asyncio__raise(-ENOMEM, NULL);
    }
    if (out) *out = f->state == ASYNCIO__FAILED ? f->failed.error : NULL;
    return 0;
}

asyncio_value asyncio_future_take_result(asyncio_future *f) {
    if (!f || f->state != ASYNCIO__FINISHED) return asyncio_none();
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(f->loop) < 0)) return asyncio_none();
    asyncio_value value = f->value;
    f->value = asyncio_none();
    return value;
}
