/* SPDX-License-Identifier: MIT
 *
 * task/coro.c: coroutine objects as values: holding them, tasks and futures as coroutine
 * objects, and joining a task.
 */
#include "task/method.h"

int asyncio_coro_hold(asyncio_coro *coro) {
    if (!coro || !coro->type) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    int rc = coro->type->capture ? coro->type->capture(coro->args.bytes) : 0;
    return rc < 0 ? asyncio__raise(rc, NULL) : 0;
}

void asyncio_coro_drop(asyncio_coro *coro) {
    if (coro && coro->type) asyncio__coro_release(coro);
}

int asyncio__coro_share(const asyncio_coro *held, asyncio_coro *out) {
    asyncio_coro copy = *held;
    if (asyncio_iscoroutine(held)) {
        int rc = held->type->capture ? held->type->capture(copy.args.bytes) : 0;
        if (rc == ASYNCIO_TYPE_ERROR) copy = asyncio__coro_hand_over(held);
        else if (rc < 0) return asyncio__raise(rc, NULL);
        copy.reserved = (void *)(uintptr_t)asyncio__coro_handed_over;
    }
    *out = copy;
    return 0;
}

bool asyncio_iscoroutine(const asyncio_coro *coro) {
    return coro && coro->type && coro->type->run && coro->type != &asyncio__coro_of_future_type;
}

/* ---- a future as a coroutine object: its argument is the future ---- */

static int await_future_arg(const void *args, asyncio_value *result) {
    asyncio_value lent;
    int rc = asyncio_await_future(asyncio__object_of(args), &lent, NULL, NULL);
    return rc < 0 ? rc : asyncio_value_copy(result, &lent);
}

ASYNCIO__HOLD(future, asyncio_future_ref, asyncio_future_unref);

const asyncio_coro_type asyncio__coro_of_future_type =
    ASYNCIO__COROUTINE_TYPE("await", asyncio_future *, .run = await_future_arg,
                            .capture = capture_future, .release = release_future);

asyncio_coro asyncio_coro_of_future(asyncio_future *future) {
    return asyncio__coro_make(&asyncio__coro_of_future_type, &future, sizeof future);
}

asyncio_coro asyncio_coro_of_task(asyncio_task *task) {
    return asyncio_coro_of_future(task ? &task->future : NULL);
}

/* ---- join ---- */

void asyncio_outcome_fini(asyncio_outcome *o) {
    if (!o) return;
    asyncio_value_drop(&o->value);
    asyncio_error_unref(o->error);
    *o = (asyncio_outcome){ .status = 0 };
}

struct join_args {
    asyncio_task *task;
    asyncio_outcome *outcome;
};

void asyncio__outcome_read(struct asyncio_future *f, asyncio_outcome *o) {
    *o = (asyncio_outcome){ .status = 0 };
    if (f->state == ASYNCIO__FINISHED) {
        if (asyncio_value_copy(&o->value, &f->value) < 0) asyncio_ignore(ASYNCIO_TYPE_ERROR);
        return;
    }
    o->status = f->state == ASYNCIO__CANCELLED ? ASYNCIO_CANCELLED_ERROR : f->failed.code;
    asyncio_error *error = NULL;
    if (f->state == ASYNCIO__CANCELLED) error = asyncio__future_cancelled_error(f);
    else if (asyncio_future_exception(f, &error) >= 0) error = asyncio_error_ref(error);
    o->error = error ? error : asyncio__error_make(o->status, NULL);
}

static int join_run(const void *args, asyncio_value *result) {
    const struct join_args *a = args;
    struct asyncio_task *self = asyncio__task_current();
    struct asyncio_future *f = a->task ? &a->task->future : NULL;
    (void)result;
    if (!f || !a->outcome)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a task and an outcome are required");
    if (a->task == self)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Task cannot await on itself");
    if (f->loop != self->future.loop) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "a future is attached to a different loop");
    }
    asyncio_future_ref(f);
    int rc = f->state == ASYNCIO__PENDING ? asyncio__task_watch(self, f) : 0;
    if (rc >= 0) asyncio__outcome_read(f, a->outcome);
    asyncio_future_unref(f);
    return rc < 0 ? rc : 0;
}

ASYNCIO__COROUTINE(asyncio_task_join, struct join_args, .run = join_run);

asyncio_coro asyncio_task_join(asyncio_task *task, asyncio_outcome *outcome) {
    return ASYNCIO__CORO(asyncio_task_join, task, outcome);
}
