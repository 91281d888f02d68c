/* SPDX-License-Identifier: MIT
 *
 * task/create.c: the ways to a new task (create_task, spawn, ensure_future), task factories,
 * and which tasks there are.
 */
#include <errno.h>

#include "task/task.h"

static asyncio_task *create_on(asyncio_loop *loop, const asyncio_task_options *o) {
    if (ASYNCIO__LIKELY(!asyncio__task_loop(loop)->factory)) return asyncio_task_new(loop, o);
    if (asyncio__loop_check(loop) < 0) {
        asyncio__coro_refuse_for(loop, &o->coro);
        return NULL;
    }
    return asyncio__task_loop(loop)->factory(loop, o, asyncio__task_loop(loop)->factory_arg);
}

asyncio_task *asyncio_loop_create_task_with(asyncio_loop *loop, const asyncio_task_options *o) {
    if (loop && o) return create_on(loop, o);
    if (o) asyncio__coro_refuse(&o->coro);
    return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop and options are required"), NULL;
}

asyncio_task *asyncio_create_task_with(const asyncio_task_options *o) {
    asyncio_loop *loop = asyncio_get_running_loop();
    if (loop && o) return create_on(loop, o);
    if (o) asyncio__coro_refuse(&o->coro);
    else if (loop) asyncio__raise(ASYNCIO_TYPE_ERROR, "options are required");
    return NULL;
}

static __attribute__((noinline, cold)) asyncio_task *create_through_factory(
    asyncio_loop *loop, const asyncio_coro *coro, const char *where) {
    asyncio_task_options o = { .size = sizeof o, .coro = *coro, .where = where };
    return create_on(loop, &o);
}

asyncio_task *asyncio_create_task_coro(const asyncio_coro *coro, const char *where) {
    asyncio_loop *loop = asyncio__here.running;
    if (ASYNCIO__UNLIKELY(!loop)) {
        asyncio__coro_refuse(coro);
        return (void)asyncio_get_running_loop(), NULL;
    }
    if (!coro) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a coroutine was expected"), NULL;
    if (ASYNCIO__LIKELY(!asyncio__task_loop(loop)->factory)) {
        struct asyncio_task *t = asyncio__task_new(loop, coro);
        if (t) t->where = where;
        return t;
    }
    return create_through_factory(loop, coro, where);
}

int asyncio_spawn_with(const asyncio_task_options *o) {
    asyncio_task *t = asyncio_create_task_with(o);
    if (!t) return asyncio__slot_status();
    asyncio_task_unref(t);
    return 0;
}

asyncio_future *asyncio_ensure_future(asyncio_coro awaitable) {
    if (awaitable.type == &asyncio__coro_of_future_type) {
        asyncio_future *f = *(asyncio_future **)(void *)awaitable.args.bytes;
        if (!f) asyncio__raise(ASYNCIO_TYPE_ERROR, "an awaitable is required");
        return asyncio_future_ref(f);
    }
    asyncio_loop *loop = asyncio_get_event_loop();
    if (!loop) {
        asyncio__coro_refuse(&awaitable);
        return NULL;
    }
    asyncio_task_options o = { .size = sizeof o, .coro = awaitable };
    asyncio_task *t = create_on(loop, &o);
    return t ? asyncio_task_as_future(t) : NULL;
}

/* ---- factories ---- */

void asyncio_loop_set_task_factory(asyncio_loop *loop, asyncio_task_factory *factory, void *arg) {
    if (!loop) return;
    struct asyncio__task_loop *own = asyncio__task_loop(loop);
    own->factory = factory;
    own->factory_arg = arg;
}

asyncio_task_factory *asyncio_loop_get_task_factory(const asyncio_loop *loop) {
    return loop ? asyncio__task_loop(loop)->factory : NULL;
}

asyncio_task *asyncio_eager_task_factory(asyncio_loop *loop, const asyncio_task_options *options,
                                         void *arg) {
    const asyncio_eager_factory *custom = arg;
    if (!loop || !options) {
        if (options) asyncio__coro_refuse(&options->coro);
        asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop and options are required");
        return NULL;
    }
    asyncio_task_options o = *options;
    if (o.eager_start == 0) o.eager_start = 1;
    return custom && custom->constructor ? custom->constructor(loop, &o, custom->arg)
                                         : asyncio_task_new(loop, &o);
}

/* ---- which tasks there are ---- */

/* The task that a forked child runs in is the parent's. */
asyncio_task *asyncio_current_task(void) {
    asyncio_task *t = asyncio__task_current();
    return t && *t->future.loop->fork_mark ? t : NULL;
}

size_t asyncio_all_tasks(asyncio_loop *loop, asyncio_task **tasks, size_t n) {
    size_t count = 0;
    if (!loop) loop = asyncio_get_running_loop();
    if (!loop) return 0;
    if (!tasks) n = 0;
    struct asyncio__link *all = &asyncio__task_loop(loop)->tasks;
    for (struct asyncio__link *l = all->next; l != all; l = l->next, count++) {
        if (count < n) tasks[count] = asyncio__container(l, struct asyncio_task, all);
    }
    return count;
}

/* ---- stack sizes ---- */

int asyncio_loop_set_stack_size(asyncio_loop *loop, size_t bytes) {
    unsigned cls;
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    int rc = bytes ? asyncio__stack_class(bytes, &cls) : ASYNCIO_VALUE_ERROR;
    if (rc < 0) return asyncio__raise(rc, "stack size out of range");
    asyncio__task_loop(loop)->stack_size = bytes;
    return 0;
}

size_t asyncio_loop_get_stack_size(const asyncio_loop *loop) {
    size_t bytes = loop ? asyncio__task_loop(loop)->stack_size : 0;
    return bytes ? bytes : (size_t)16384 << ASYNCIO__STACK_DEFAULT;
}

int asyncio_loop_set_stack_guard(asyncio_loop *loop, size_t bytes) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    int rc = asyncio__stackpool_set_guard(&loop->stacks, bytes);
    return rc < 0 ? asyncio__raise(rc, "stack guard out of range") : 0;
}

size_t asyncio_loop_get_stack_guard(const asyncio_loop *loop) {
    return loop ? loop->stacks.guard : ASYNCIO__GUARD_DEFAULT;
}
