/* SPDX-License-Identifier: MIT
 *
 * task/task.c: making tasks, their first step, their end, and the stackful drive.
 */
#include "task/cancelstatus.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/single_threaded.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include "task/failed_task.h"

_Static_assert(sizeof(struct asyncio__start) <= 96, "fits the loop's cells");
#if !ASYNCIO__ANNOTATED /* sanitizers keep notes in the cpu */
_Static_assert(sizeof(struct asyncio_task) <= 192, "three cache lines");
_Static_assert(offsetof(struct asyncio_task, fiber) == 64, "the second line starts at the fiber");
_Static_assert(offsetof(struct asyncio_task, fiber.strand.context) == 128, "the third line");
#endif

/* ---- making ---- */

/* One counter for the process; while it has one thread a plain increment will do. */
static uint64_t next_number(void) {
    static _Atomic uint64_t count;
    if (__libc_single_threaded) {
        uint64_t n = atomic_load_explicit(&count, memory_order_relaxed) + 1;
        atomic_store_explicit(&count, n, memory_order_relaxed);
        return n;
    }
    return atomic_fetch_add_explicit(&count, 1, memory_order_relaxed) + 1;
}

static int set_name(struct asyncio_task *t, const char *name) {
    char *copy = asyncio__strdup(name);
    if (!copy) return -ENOMEM;
    if (!(t->name & 1)) asyncio__free((char *)t->name);
    t->name = (uintptr_t)copy;
    return 0;
}

static int set_stack_class(struct asyncio_task *t, size_t bytes) {
    unsigned cls;
    int rc = asyncio__stack_class(bytes, &cls);
    if (rc >= 0) t->fiber.strand.flags = cls << ASYNCIO__FIBER_CLASS_SHIFT;
    return rc;
}

static int fill_start(struct asyncio_task *t, const asyncio_coro *coro,
                      const asyncio_task_options *o) {
    struct asyncio__start *start = asyncio__slab_get(&t->future.loop->cells_slab);
    if (!start) return -ENOMEM;
    asyncio__coro_copy(&start->coro, coro);
    t->start = start;
    size_t bytes =
        o && o->stack_size ? o->stack_size : asyncio__task_loop(t->future.loop)->stack_size;
    return ASYNCIO__LIKELY(bytes == 0) ? 0 : set_stack_class(t, bytes);
}

/* Everything that can fail, before anybody can see the task. o may be NULL. */
static inline int fill_task(struct asyncio_task *t, asyncio_loop *loop, const asyncio_coro *coro,
                            const asyncio_task_options *o) {
    asyncio__future_init(&t->future, loop, &asyncio__task_ops, 0);
    asyncio__fiber_init(&t->fiber);
    t->coro = coro->type;
    t->start = NULL;
    t->where = o ? o->where : NULL;
    t->name = 1;
    asyncio__link_init(&t->all);
    int rc = fill_start(t, coro, o);
    if (rc >= 0 && o && o->name) rc = set_name(t, o->name);
    if (rc >= 0 && ASYNCIO__UNLIKELY(asyncio__task_loop(loop)->inherit != NULL))
        rc = asyncio__cancelstatus_inherit(t);
    if (rc < 0) return rc;
    if (!o || !o->name) t->name = (uintptr_t)(next_number() << 1) | 1;
    t->fiber.strand.context =
        o && o->context ? asyncio__context_hold(o->context) : asyncio__context_capture();
    return 0;
}

/* Frees what fill_task and its life left; reports nothing. */
static void free_parts(struct asyncio_task *t) {
    asyncio_loop *loop = t->future.loop;
    if (ASYNCIO__UNLIKELY(t->fiber.strand.flags & ASYNCIO__TASK_SCOPED))
        asyncio__cancelstatus_drop(t);
    if (t->start) asyncio__slab_put(&loop->cells_slab, t->start);
    if (!(t->name & 1)) asyncio__free((char *)t->name);
    asyncio__context_release(t->fiber.strand.context);
    asyncio__slab_put(&asyncio__task_loop(loop)->slab, t);
    asyncio__loop_object_gone(loop);
}

static void free_task(struct asyncio_future *f) {
    if (!asyncio__future_fini(f)) return;
    free_parts((struct asyncio_task *)(void *)f);
}

/* Whether the first step is taken right here. */
static inline bool starts_now(const asyncio_loop *loop, const asyncio_task_options *o) {
    return o && ASYNCIO__UNLIKELY(o->eager_start > 0) && asyncio__here.running == loop;
}

static inline int check_options(asyncio_loop *loop, const asyncio_coro *coro,
                                const asyncio_task_options *o) {
    int rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    if (!coro->type || !coro->type->run || coro->type == &asyncio__coro_of_future_type) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a coroutine was expected");
    }
    if (starts_now(loop, o) && o->context && asyncio__context_is_entered(o->context)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "cannot enter context: it is already entered");
    }
    return 0;
}

/* The eager first step. KeyboardInterrupt and SystemExit come out of the making. */
static struct asyncio_task *start_eagerly(asyncio_loop *loop, struct asyncio_task *t) {
    if (!asyncio__fiber_bind(loop, &t->fiber)) {
        loop->hooks->fiber_failed(&t->fiber, -ENOMEM);
        return t;
    }
    asyncio__fiber_run_inline(loop, &t->fiber);
    if (t->future.state == ASYNCIO__PENDING) return t;
    t->coro = NULL;
    int code = t->future.state == ASYNCIO__FAILED ? t->future.failed.code : 0;
    if (code != ASYNCIO_KEYBOARD_INTERRUPT && code != ASYNCIO_SYSTEM_EXIT) return t;
    asyncio__future_outcome(&t->future, asyncio__strand_current());
    asyncio_task_unref(t);
    return NULL;
}

/* coro: not captured yet, or NULL. t: half made, or NULL. rc: to be raised, or 0. */
static __attribute__((noinline, cold)) struct asyncio_task *refuse_task(asyncio_loop *loop,
                                                                        const asyncio_coro *coro,
                                                                        struct asyncio_task *t,
                                                                        int rc) {
    asyncio__coro_refuse_for(loop, coro);
    if (t) free_parts(t);
    if (rc < 0) asyncio__raise(rc, rc == ASYNCIO_VALUE_ERROR ? "stack size out of range" : NULL);
    return NULL;
}

/* A new task from options that are good. NULL: raised, and the coroutine object is refused. */
static inline struct asyncio_task *make_task(asyncio_loop *loop, const asyncio_coro *coro,
                                             const asyncio_task_options *o) {
    struct asyncio_task *t = asyncio__slab_get(&asyncio__task_loop(loop)->slab);
    if (!t) return refuse_task(loop, coro, NULL, -ENOMEM);
    loop->live++;
    int rc = fill_task(t, loop, coro, o);
    if (ASYNCIO__UNLIKELY(rc < 0)) return refuse_task(loop, coro, t, rc);
    if (ASYNCIO__LIKELY(!coro->type->capture)) return t;
    if (coro->reserved == asyncio__coro_handed_over) return t;
    rc = coro->type->capture(t->start->coro.args.bytes);
    return rc >= 0 ? t : refuse_task(loop, NULL, t, rc);
}

static inline __attribute__((always_inline)) struct asyncio_task *new_task(
    asyncio_loop *loop, const asyncio_coro *coro, const asyncio_task_options *o) {
    if (ASYNCIO__UNLIKELY(check_options(loop, coro, o) < 0))
        return refuse_task(loop, coro, NULL, 0);
    struct asyncio_task *t = make_task(loop, coro, o);
    if (!t) return NULL;
    t->future.refs = 2; /* the caller's and the loop's */
    asyncio__list_append(&asyncio__task_loop(loop)->tasks, &t->all);
    if (starts_now(loop, o)) return start_eagerly(loop, t);
    asyncio__loop_queue(loop, &t->fiber.runnable);
    return t;
}

struct asyncio_task *asyncio__task_new(asyncio_loop *loop, const asyncio_coro *coro) {
    return new_task(loop, coro, NULL);
}

asyncio_task *asyncio_task_new(asyncio_loop *loop, const asyncio_task_options *o) {
    if (loop && o) return new_task(loop, &o->coro, o);
    if (o) asyncio__coro_refuse(&o->coro);
    asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop and options are required");
    return NULL;
}

/* ---- the first step and the end ---- */

int asyncio__task_begin_cancelled(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    if (!(strand->flags & ASYNCIO__TASK_MUST_CANCEL)) return asyncio__cancelstatus_raise(t);
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
    return asyncio__raise_cancelled(strand, t->future.cancel_msg);
}

/* The way of a cancellation (task/cancel.c) ends here: whoever awaits this task is queued, and
 * continues in asyncio__task_woken, task/suspend.c. */
static void finish_cancelled(struct asyncio_task *t) {
    struct asyncio_future *f = &t->future;
    f->failed.error = asyncio__error_detach(&t->fiber.strand, ASYNCIO_CANCELLED_ERROR);
    f->flags |= ASYNCIO__FUTURE_KEPT;
    asyncio__message_set(&f->cancel_msg, NULL);
    f->state = ASYNCIO__CANCELLED;
    asyncio__future_resolve(f);
}

static void finish_failed(struct asyncio_task *t, int status) {
    asyncio_loop *loop = t->future.loop;
    asyncio_error *error = asyncio__error_detach(&t->fiber.strand, status);
    bool leaves = status == ASYNCIO_KEYBOARD_INTERRUPT || status == ASYNCIO_SYSTEM_EXIT;
    if (leaves && !loop->inline_top) asyncio__loop_exit(loop, status, asyncio_error_ref(error));
    asyncio__future_fail(&t->future, status, error);
    if (ASYNCIO__UNLIKELY(asyncio__task_loop(loop)->failed_mode) && !leaves)
        asyncio__failed_task_note(t);
}

static void finish_value(struct asyncio_task *t, asyncio_value value) {
    if (ASYNCIO__LIKELY(!(t->fiber.strand.flags & ASYNCIO__TASK_MUST_CANCEL))) {
        asyncio__future_finish(&t->future, value);
        return;
    }
    asyncio_value_drop(&value);
    asyncio__future_cancel_plain(&t->future, t->future.cancel_msg);
}

/* There may be a value even so: RETURN came first, then a block's exit failed. */
static void finish_badly(struct asyncio_task *t, int status, asyncio_value value, bool unwound) {
    asyncio_value_drop(&value);
    if (unwound) return;
    if (status == ASYNCIO_CANCELLED_ERROR) finish_cancelled(t);
    else finish_failed(t, status);
}

static inline __attribute__((always_inline)) void finish_task(struct asyncio_task *t, int status,
                                                              asyncio_value value) {
    struct asyncio__strand *strand = &t->fiber.strand;
    asyncio__link_take(&t->all);
    bool unwound = strand->flags & ASYNCIO__TASK_UNWINDING; /* it stays pending */
    if (ASYNCIO__LIKELY(status >= 0 && !unwound)) finish_value(t, value);
    else finish_badly(t, status, value, unwound);
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_SCOPED)) asyncio__cancelstatus_drop(t);
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_MUST_CANCEL;
    strand->top = NULL;
    if (ASYNCIO__UNLIKELY(strand->error != NULL)) {
        asyncio_error_unref(strand->error);
        strand->error = NULL;
    }
    asyncio_task_unref(t);
}

void asyncio__task_finish(struct asyncio_task *t, int status, asyncio_value value) {
    finish_task(t, status, value);
}

/* ---- the stackful drive ---- */

/* The whole life of a fiber: entered by its first step. */
void asyncio__task_main(void) {
    struct asyncio_task *t = asyncio__task_current();
    struct asyncio__strand *strand = &t->fiber.strand;
    asyncio_loop *loop = t->future.loop;
    asyncio_coro coro;
    asyncio__coro_copy(&coro, &t->start->coro);
    asyncio__task_drop_start(t);
    t->fiber.runnable.ops = &asyncio__fiber_resume_ops;
    asyncio_value value = asyncio_none();
    int status = asyncio__task_begin(t);
    if (ASYNCIO__LIKELY(status >= 0)) {
        struct asyncio__frame frame;
        status = asyncio__frame_run(strand, &frame, coro.type, coro.args.bytes);
        value = asyncio__frame_value(&frame, status);
    }
    asyncio__coro_release(&coro);
    struct asyncio__stack *stack = t->fiber.stack;
    finish_task(t, status, value);
    asyncio__fiber_end(loop, stack);
}

/* No memory for a stack: the task fails at its first step. */
void asyncio__task_without_stack(struct asyncio__fiber *fiber, int status) {
    struct asyncio_task *t = asyncio__container(fiber, struct asyncio_task, fiber);
    int begun = asyncio__task_begin(t);
    asyncio__coro_release(&t->start->coro);
    asyncio__task_finish(t, begun < 0 ? begun : status, asyncio_none());
}

int asyncio__task_describe(struct asyncio__fiber *fiber, char *buf, size_t n) {
    return asyncio_task_repr(asyncio__container(fiber, struct asyncio_task, fiber), buf, n);
}

void asyncio__task_cancel_fiber(struct asyncio__fiber *fiber) {
    asyncio__task_request_cancel(&asyncio__container(fiber, struct asyncio_task, fiber)->future,
                                 NULL);
}

/* Frames of the library's own coroutines, which have no place, are left out. */
static bool is_shown(const struct asyncio__frame *f) { return f->where || f->type->line != 0; }

static size_t stackful_frames(const struct asyncio_task *t, asyncio_frame_info *frames, size_t n) {
    size_t count = 0, i = 0;
    for (struct asyncio__frame *f = t->fiber.strand.top; f; f = f->up) count += is_shown(f);
    for (struct asyncio__frame *f = t->fiber.strand.top; f && i < n; f = f->up) {
        if (!is_shown(f)) continue;
        frames[(count < n ? count : n) - 1 - i++] =
            (asyncio_frame_info){ f->where, f->type->name, f->type };
    }
    return count;
}

static void unwind_stackful(struct asyncio_task *t) {
    struct asyncio__strand *closer = asyncio__here.strand;
    asyncio__fiber_run(t->future.loop, &t->fiber);
    asyncio__here.strand = closer;
}

const struct asyncio__drive asyncio__drive_stackful = { .frames = stackful_frames,
                                                        .unwind = unwind_stackful };

asyncio__context_ref *asyncio__task_context(struct asyncio_task *t) {
    return &t->fiber.strand.context;
}

/* ---- properties ---- */

asyncio_task *asyncio_task_ref(asyncio_task *t) {
    if (t) t->future.refs++;
    return t;
}

void asyncio_task_unref(asyncio_task *t) {
    if (t && --t->future.refs == 0) free_task(&t->future);
}

asyncio_future *asyncio_task_as_future(const asyncio_task *t) {
    return (asyncio_future *)(uintptr_t)t;
}

asyncio_task *asyncio_future_as_task(const asyncio_future *f) {
    return f && f->ops->is_task ? (asyncio_task *)(uintptr_t)f : NULL;
}

const char *asyncio_task_get_name(const asyncio_task *t) {
    struct asyncio_task *task = (struct asyncio_task *)(uintptr_t)t;
    if (!task) return NULL;
    if (task->name & 1) {
        char text[32];
        asyncio__task_default_name(task->name, text, sizeof text);
        if (set_name(task, text) < 0) return "Task";
    }
    return (const char *)task->name;
}

int asyncio_task_set_name(asyncio_task *t, const char *name) {
    if (!t || !name) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a task and a name are required");
    return set_name(t, name) < 0 ? asyncio__raise(-ENOMEM, NULL) : 0;
}

const asyncio_coro_type *asyncio_task_get_coro(const asyncio_task *t) { return t ? t->coro : NULL; }

asyncio_context *asyncio_task_get_context(asyncio_task *t) {
    return t ? asyncio__context_object(&t->fiber.strand.context) : NULL;
}

/* A task is a future whose ops these are; cancelling is in cancel.c. */

static int repr_task(const struct asyncio_future *f, char *buf, size_t n) {
    return asyncio_task_repr((const asyncio_task *)(const void *)f, buf, n);
}
const struct asyncio__future_ops asyncio__task_ops = {
    .name = "Task",
    .cancel = asyncio__task_request_cancel,
    .free = free_task,
    .repr = repr_task,
    .is_task = true,
};
