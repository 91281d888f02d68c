/* SPDX-License-Identifier: MIT
 *
 * thread/submission.c: run_coroutine_threadsafe: a coroutine object on its way into a loop, then
 * the task that runs it, tied to a concurrent future.
 *
 * The record is the concurrent future. It is posted (`begin`), makes the task, sits among that
 * one's callbacks (`done`), and may be posted again when a thread cancels it (`cancel`). The inbox
 * is first in, first out, so begin comes before cancel. One reference goes with begin and then
 * with done, one with each post of cancel. Everything but the concurrent future's own part is the
 * loop thread's once begin is posted.
 */
#include <asyncio/threadsafe.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include "base/error.h"
#include "loop/inbox.h"
#include "task/task.h"
#include "thread/concurrent.h"

struct submission {
    asyncio_concurrent_future future; /* first */
    asyncio_loop *loop;               /* held */
    asyncio_coro coro;                /* held until the task is made */
    asyncio__context_ref context;     /* of the caller, until the task is made; a reference */
    asyncio_task *task;               /* a reference, from begin to done; NULL */
    struct asyncio__runnable begin, done, cancel;
    struct asyncio__tie tie; /* from begin to done */
};

static const char closed_early[] = "Event loop is closed";

static void free_submission(asyncio_concurrent_future *f) {
    struct submission *s = (struct submission *)(void *)f;
    asyncio__loop_release(s->loop);
    asyncio__free(s);
}

/* ---- the task is done ---- */

/* What it ended with. If nobody wants it (the thread has cancelled), an error stays unread and is
 * reported when the task goes. */
static void copy_outcome(struct submission *s) {
    struct asyncio_future *t = &s->task->future;
    asyncio_value value = asyncio_none();
    int rc;
    if (asyncio__concurrent_is_done(&s->future)) return;
    if (t->state == ASYNCIO__FINISHED) {
        rc = t->refs == 1 ? 0 : asyncio_value_copy(&value, &t->value);
        if (t->refs == 1) value = asyncio_future_take_result(t);
        if (rc == ASYNCIO_TYPE_ERROR) asyncio__raise(rc, "the result cannot be copied");
    } else {
        rc = asyncio__future_outcome(t, asyncio__strand_current());
    }
    asyncio__concurrent_finish(&s->future, rc, value);
}

static void let_go_of_task(struct submission *s) {
    asyncio_task *task = s->task;
    s->task = NULL;
    asyncio__link_take(&s->tie.link);
    asyncio__link_take(&s->done.link);
    asyncio_task_unref(task);
    asyncio_concurrent_future_unref(&s->future);
}

static struct submission *submission_of_done(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct submission, done);
}

static void run_done(struct asyncio__runnable *runnable) {
    struct submission *s = submission_of_done(runnable);
    asyncio__link_init(&runnable->link);
    copy_outcome(s);
    let_go_of_task(s);
}

/* Only the tie lets go of it early. */
static void discard_done(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_done(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "_chain_future.<locals>._call_set_state()");
}

static const struct asyncio__runnable_ops done_ops = {
    .run = run_done,
    .discard = discard_done,
    .describe = describe_done,
};

static void close_submission(struct asyncio__tie *tie) {
    struct submission *s = asyncio__container(tie, struct submission, tie);
    if (s->task->future.state != ASYNCIO__PENDING) copy_outcome(s);
    else
        asyncio__concurrent_fail(&s->future, ASYNCIO_RUNTIME_ERROR,
                                 asyncio__error_make(ASYNCIO_RUNTIME_ERROR, closed_early));
    let_go_of_task(s);
}

/* ---- the task is made ---- */

static void report_failure(struct submission *s, int status) {
    asyncio_error *error = asyncio_error_take(status);
    asyncio_exception_context context = {
        .size = sizeof context,
        .message = "Exception in callback run_coroutine_threadsafe.<locals>.callback()",
        .exception = error,
    };
    asyncio__concurrent_fail(&s->future, status, asyncio_error_ref(error));
    if (status == ASYNCIO_KEYBOARD_INTERRUPT || status == ASYNCIO_SYSTEM_EXIT) {
        asyncio__loop_exit(s->loop, status, error);
        return;
    }
    asyncio__loop_report(s->loop, &context);
    asyncio_error_unref(error);
}

/* In the caller's context, of which the task takes a copy. */
static asyncio_task *make_task(struct submission *s) {
    asyncio_task_options options = { .size = sizeof options,
                                     .coro = asyncio__coro_hand_over(&s->coro) };
    struct asyncio__strand *own = &asyncio__here.own;
    asyncio__context_ref saved = own->context;
    own->context = s->context;
    asyncio_task *task = asyncio_loop_create_task_with(s->loop, &options);
    s->context = own->context;
    own->context = saved;
    return task;
}

static void follow_task(struct submission *s, asyncio_task *task) {
    s->task = task;
    asyncio__list_append(&s->loop->ties, &s->tie.link);
    if (task->future.state == ASYNCIO__PENDING) {
        asyncio__list_append(&task->future.callbacks, &s->done.link);
    } else {
        asyncio__loop_queue(s->loop, &s->done);
    }
}

static void drop_coro(struct submission *s) {
    asyncio_coro_drop(&s->coro);
    asyncio__context_release(s->context);
    s->context = 0;
}

static struct submission *submission_of_begin(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct submission, begin);
}

static void run_begin(struct asyncio__runnable *runnable) {
    struct submission *s = submission_of_begin(runnable);
    asyncio_task *task = NULL;
    asyncio__link_init(&runnable->link);
    if (!asyncio__concurrent_is_done(&s->future)) {
        task = make_task(s);
        if (!task) report_failure(s, asyncio__slot_status());
    }
    drop_coro(s);
    if (task) follow_task(s, task);
    else asyncio_concurrent_future_unref(&s->future);
}

static void discard_begin(struct asyncio__runnable *runnable) {
    struct submission *s = submission_of_begin(runnable);
    drop_coro(s);
    asyncio__concurrent_fail(&s->future, ASYNCIO_RUNTIME_ERROR,
                             asyncio__error_make(ASYNCIO_RUNTIME_ERROR, closed_early));
    asyncio_concurrent_future_unref(&s->future);
}

static int describe_begin(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "run_coroutine_threadsafe.<locals>.callback()");
}

static const struct asyncio__runnable_ops begin_ops = {
    .run = run_begin,
    .discard = discard_begin,
    .describe = describe_begin,
};

/* ---- cancelled by a thread ---- */

static struct submission *submission_of_cancel(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct submission, cancel);
}

static void run_cancel(struct asyncio__runnable *runnable) {
    struct submission *s = submission_of_cancel(runnable);
    asyncio__link_init(&runnable->link);
    if (s->task) asyncio_task_cancel(s->task, NULL);
    asyncio_concurrent_future_unref(&s->future);
}

static void discard_cancel(struct asyncio__runnable *runnable) {
    asyncio_concurrent_future_unref(&submission_of_cancel(runnable)->future);
}

static int describe_cancel(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "Task.cancel()");
}

static const struct asyncio__runnable_ops cancel_ops = {
    .run = run_cancel,
    .discard = discard_cancel,
    .describe = describe_cancel,
};

/* Called once: a future is cancelled once. */
static void cancelled_submission(asyncio_concurrent_future *f) {
    struct submission *s = (struct submission *)(void *)f;
    if (asyncio__here.running == s->loop) {
        if (s->task) asyncio_task_cancel(s->task, NULL);
        return;
    }
    asyncio_concurrent_future_ref(f);
    if (asyncio__inbox_post(s->loop, &s->cancel) < 0) asyncio_concurrent_future_unref(f);
}

static const struct asyncio__concurrent_ops submission_ops = { .cancelled = cancelled_submission,
                                                               .free = free_submission };

/* ---- submitting ---- */

static struct submission *new_submission(asyncio_coro *coro, asyncio_loop *loop) {
    struct submission *s = asyncio__calloc(1, sizeof *s);
    if (!s) {
        asyncio__coro_refuse(coro);
        return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    }
    if (asyncio_coro_hold(coro) < 0) {
        asyncio__free(s);
        return NULL;
    }
    asyncio__concurrent_init(&s->future, &submission_ops);
    s->future.home = loop;
    s->loop = loop;
    s->coro = *coro;
    s->context = asyncio__context_capture();
    s->begin.ops = &begin_ops;
    s->done.ops = &done_ops;
    s->cancel.ops = &cancel_ops;
    s->tie.close = close_submission;
    asyncio__link_init(&s->done.link);
    asyncio__link_init(&s->tie.link);
    asyncio__loop_hold(loop);
    return s;
}

asyncio_concurrent_future *asyncio_run_coroutine_threadsafe(asyncio_coro coro, asyncio_loop *loop) {
    if (!loop) {
        asyncio__coro_refuse(&coro);
        return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required"), NULL;
    }
    if (!asyncio_iscoroutine(&coro)) {
        asyncio__raise(ASYNCIO_TYPE_ERROR, "A coroutine object is required");
        return NULL;
    }
    struct submission *s = new_submission(&coro, loop);
    if (!s) return NULL;
    asyncio_concurrent_future_ref(&s->future);
    if (asyncio__inbox_post(loop, &s->begin) == 0) return &s->future;
    drop_coro(s);
    asyncio_concurrent_future_unref(&s->future);
    asyncio_concurrent_future_unref(&s->future);
    asyncio__raise(ASYNCIO_RUNTIME_ERROR, closed_early);
    return NULL;
}
