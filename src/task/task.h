/* SPDX-License-Identifier: MIT
 *
 * task/task.h: the inside of a task, 192 bytes in three cache lines: the future it is; what a
 * switch touches (the fiber up to strand.cancels); the rest.
 *
 * Life: made (its runnable queued with start ops, its arguments in a cell) -> started (has a
 * stack; runs, is queued, or waits for strand.waiter) -> done. The loop's list holds a
 * reference until then. strand.flags hold the bits below.
 *
 * A kind of coroutine is a drive. The stackful one is the fiber; another (a step function
 * over a frame of its own) brings its own runnable ops and uses the same functions to begin,
 * wait, learn why it was woken, and finish.
 */
#ifndef ASYNCIO_TASK_TASK_H
#define ASYNCIO_TASK_TASK_H

#include <asyncio/run.h>
#include <asyncio/task.h>
#include <limits.h>

#include "base/error.h"
#include "future/future.h"
#include "loop/switch.h"
#include "task/loop.h"

enum {
    ASYNCIO__TASK_MUST_CANCEL = 1, /* CancelledError is thrown in at the next step */
    ASYNCIO__TASK_STARTED = 2,     /* has taken its first step */
    ASYNCIO__TASK_VISITED = 4,     /* by a walk that cancels a chain of tasks */
    ASYNCIO__TASK_UNWINDING = 8,   /* its loop closes: every wait fails with GeneratorExit */
    ASYNCIO__TASK_SCOPED =
        ASYNCIO__STRAND_SCOPED, /* is inside a cancel scope or a shielded block (cancelstatus.h) */
    ASYNCIO__TASK_STICKY = 32,  /* a scope it sees is cancelled: every wait fails */
    ASYNCIO__TASK_HIT = 64,     /* what it waits for was cancelled for that scope */
    ASYNCIO__TASK_REQUESTED =
        128, /* under a cancel status, and what it waits for was cancelled with it */
    ASYNCIO__TASK_HIDDEN = 256,   /* scopes do not interrupt the wait it is in */
    ASYNCIO__TASK_WATCHING = 512, /* what it waits for is not cancelled with it */
    ASYNCIO__TASK_ELSEWHERE = ASYNCIO__FIBER_ELSEWHERE,
    ASYNCIO__TASK_CALLED = 4096, /* runs a callback of the program's in a call that cannot wait */
};

/* What makes a suspension end otherwise than by what was waited for. */
#define ASYNCIO__TASK_INTERRUPTS_WAIT                                                              \
    (ASYNCIO__TASK_MUST_CANCEL | ASYNCIO__TASK_UNWINDING | ASYNCIO__TASK_HIT |                     \
     ASYNCIO__TASK_REQUESTED)
#define ASYNCIO__TASK_INTERRUPTS_YIELD                                                             \
    (ASYNCIO__TASK_MUST_CANCEL | ASYNCIO__TASK_UNWINDING | ASYNCIO__TASK_STICKY)
#define ASYNCIO__TASK_CANCELLED_ALREADY (ASYNCIO__TASK_MUST_CANCEL | ASYNCIO__TASK_STICKY)
/* What makes every suspension fail before it begins. */
#define ASYNCIO__TASK_REFUSES                                                                      \
    (ASYNCIO__TASK_UNWINDING | ASYNCIO__TASK_ELSEWHERE | ASYNCIO__TASK_CALLED)

struct asyncio__cancelstatus;

struct asyncio__drive {
    /* The frames of a suspended coroutine, oldest first; as asyncio_task_get_stack. */
    size_t (*frames)(const struct asyncio_task *task, asyncio_frame_info *frames, size_t n);
    /* The loop closes: lets a started coroutine come to its end. */
    void (*unwind)(struct asyncio_task *task);
};

/* What a task keeps until its first step. */
struct asyncio__start {
    asyncio_coro coro;
    struct asyncio__cancelstatus *cancelstatus; /* if ASYNCIO__TASK_SCOPED: the innermost */
};

struct asyncio_task {
    struct asyncio_future future; /* first: a task is a future */
    struct asyncio__fiber fiber;
    struct asyncio__link all;      /* in the loop's list of tasks until it is done */
    const asyncio_coro_type *coro; /* what it runs; NULL: was done when made */
    union {
        struct asyncio__start *start; /* until the first step */
        uintptr_t tagged_status;      /* afterwards: see cancelstatus.h; 0 if there is none */
    };
    const char *where; /* where it was made, or NULL */
    uintptr_t name;    /* a char *, or (number << 1) | 1 */
};

extern const struct asyncio__future_ops asyncio__task_ops;
extern const struct asyncio__drive asyncio__drive_stackful;
extern const asyncio_coro_type asyncio__coro_of_future_type;

/* The drive of a task; NULL: the stackful one. */
static inline const struct asyncio__drive *asyncio__task_own_drive(
    const struct asyncio_task *task) {
    const struct asyncio__runnable_more *more = task->fiber.runnable.ops->more;
    return more ? more->drive : NULL;
}

static inline const struct asyncio__drive *asyncio__task_drive(const struct asyncio_task *task) {
    const struct asyncio__drive *own = asyncio__task_own_drive(task);
    return own ? own : &asyncio__drive_stackful;
}

static inline struct asyncio_task *asyncio__task_of(const struct asyncio__strand *strand) {
    return asyncio__container(strand, struct asyncio_task, fiber.strand);
}

static inline struct asyncio_task *asyncio__task_of_runnable(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio_task, fiber.runnable);
}

/* The name of a task that was given none: the field has a number. */
static inline void asyncio__task_default_name(uintptr_t name, char *buf, size_t n) {
    snprintf(buf, n, "Task-%llu", (unsigned long long)(name >> 1));
}

/* The task that runs, or NULL. */
static inline struct asyncio_task *asyncio__task_current(void) {
    return asyncio__here.strand ? asyncio__task_of(asyncio__here.strand) : NULL;
}

/* The cancel of a task's future ops. */
bool asyncio__task_request_cancel(struct asyncio_future *f, struct asyncio__message *msg);

/* The same on behalf of a block of the task that was entered under the cancel status `at`: shielded
 * blocks outside of that do not hold it back. */
void asyncio__task_cancel_from(struct asyncio_task *task, const struct asyncio__cancelstatus *at);

/* A shield of the task's holds back no longer: a request that it held is held by the outermost one
 * inside of it, or, if there is none, delivered. */
void asyncio__task_pass_held(struct asyncio_task *task, struct asyncio__cancelstatus *shield);

/* ---- for drives ---- */

/* The first step: 0, or CancelledError (raised) if it was cancelled before. */
int asyncio__task_begin_cancelled(struct asyncio_task *task) __attribute__((cold));
static inline int asyncio__task_begin(struct asyncio_task *task) {
    struct asyncio__strand *strand = &task->fiber.strand;
    uint32_t flags = strand->flags;
    strand->flags = flags | ASYNCIO__TASK_STARTED;
    if (ASYNCIO__LIKELY(!(flags & ASYNCIO__TASK_CANCELLED_ALREADY))) return 0;
    return asyncio__task_begin_cancelled(task);
}

/* The cold part of waiting: the task is cancelled already. */
void asyncio__task_cancel_wait(struct asyncio_task *task, struct asyncio_future *f)
    __attribute__((cold));

/* Makes the task wait for a pending future; its runnable goes into that one's callbacks. */
static inline void asyncio__task_wait(struct asyncio_task *task, struct asyncio_future *f) {
    struct asyncio__strand *strand = &task->fiber.strand;
    f->refs++;
    strand->waiter = f;
    asyncio__list_append(&f->callbacks, &task->fiber.runnable.link);
    if (ASYNCIO__UNLIKELY(strand->flags & ASYNCIO__TASK_CANCELLED_ALREADY)) {
        asyncio__task_cancel_wait(task, f);
    }
}

/* The other end: what the wait ended with. 0, or a status whose error is in the slot. */
int asyncio__task_woken(struct asyncio_task *task, struct asyncio_future *f);

/* The cold part of both: cancelled or unwound. 0 if neither. */
int asyncio__task_wait_error(struct asyncio_task *task, struct asyncio_future *f)
    __attribute__((cold));

/* The end. Takes the value. Drops the loop's reference: the task may be gone afterwards. */
void asyncio__task_finish(struct asyncio_task *task, int status, asyncio_value value);

/* ---- the stackful drive's ways to suspend ---- */

/* In unwind_refusals: what is unwound has no stack of its own to be left on. */
#define ASYNCIO__REFUSED_FOR_EVER UINT_MAX

/* Waits for a pending future, which must live until this returns. */
int asyncio__task_park(struct asyncio_task *task, struct asyncio_future *f);

/* Waits until a pending future is done, without cancelling it if the task is cancelled, and
 * without reading how it ended. 0, or how the task was interrupted. */
int asyncio__task_watch(struct asyncio_task *task, struct asyncio_future *f);

/* Lets everything else that is ready have a turn. */
int asyncio__task_yield(struct asyncio_task *task);

/* frame->override while no block's exit has put a status in its place. */
#define ASYNCIO__NO_OVERRIDE INT_MIN

/* Closes the blocks a frame leaves open, innermost first, each with the status so far. */
int asyncio__frame_close_blocks(struct asyncio__frame *frame, int status) __attribute__((cold));

/* Pushes a frame onto the strand, and takes it off again: the status it really ends with. */
static inline void asyncio__frame_open(struct asyncio__strand *strand, struct asyncio__frame *frame,
                                       const asyncio_coro_type *type) {
    frame->up = strand->top;
    frame->type = type;
    frame->where = NULL;
    frame->func = NULL;
    frame->open = NULL;
    frame->leaving = 0;
    frame->override = ASYNCIO__NO_OVERRIDE;
    frame->result.type = &asyncio__unset;
    strand->top = frame;
}

static inline int asyncio__frame_close(struct asyncio__strand *strand, struct asyncio__frame *frame,
                                       int status) {
    if (ASYNCIO__UNLIKELY(frame->open != NULL)) status = asyncio__frame_close_blocks(frame, status);
    if (ASYNCIO__UNLIKELY(frame->override != ASYNCIO__NO_OVERRIDE)) status = frame->override;
    strand->top = frame->up;
    return status;
}

/* Runs a coroutine's body in a frame of its own; the value is in frame->result. */
static inline int asyncio__frame_run(struct asyncio__strand *strand, struct asyncio__frame *frame,
                                     const asyncio_coro_type *type, const void *args) {
    asyncio__frame_open(strand, frame, type);
    int status = type->run(args, &frame->result);
    return asyncio__frame_close(strand, frame, status);
}

/* The value a coroutine ended with, given its status. */
static inline asyncio_value asyncio__frame_value(const struct asyncio__frame *frame, int status) {
    if (frame->result.type != &asyncio__unset) return frame->result;
    return status > 0 ? asyncio_int(status) : asyncio_none();
}

/* Word by word: what was stored so can be loaded at once. */
static inline void asyncio__value_move(asyncio_value *to, const asyncio_value *from) {
    to->u = from->u;
    to->type = from->type;
}

static inline void asyncio__value_drop(asyncio_value *value) {
    if (ASYNCIO__UNLIKELY(value->type && value->type->drop)) asyncio_value_drop(value);
}

/* Copies what is in use of a coroutine object. (Word by word: what was stored that way a moment
 * ago and is loaded in larger pieces waits for those stores.) */
static inline void asyncio__coro_copy(asyncio_coro *to, const asyncio_coro *from) {
    const asyncio_coro_type *type = from->type;
    size_t words = type->args_size ? (type->args_size + 7) / 8 : ASYNCIO_ARGS_MAX / 8;
    to->type = type;
    for (size_t i = 0; i < words; i++) memcpy(to->args.bytes + 8 * i, from->args.bytes + 8 * i, 8);
}

/* A coroutine object whose arguments begin with those `size` bytes. */
static inline asyncio_coro asyncio__coro_make(const asyncio_coro_type *type, const void *args,
                                              size_t size) {
    asyncio_coro c;
    c.type = type;
    c.reserved = NULL;
    memcpy(c.args.bytes, args, size);
    return c;
}

/* A new task past the factory, without options. */
struct asyncio_task *asyncio__task_new(asyncio_loop *loop, const asyncio_coro *coro);

/* Lets go of a coroutine object that is captured and will not run. */
static inline void asyncio__coro_release(asyncio_coro *coro) {
    if (coro->type->release) coro->type->release(coro->args.bytes);
}

/* Lets go of what the arguments of an object own that is not taken over after all, unless somebody
 * holds it. refuse_for: nothing if the loop runs in another thread, whose objects they may be. */
void asyncio__coro_refuse(const asyncio_coro *coro) __attribute__((cold));
void asyncio__coro_refuse_for(const asyncio_loop *loop, const asyncio_coro *coro)
    __attribute__((cold));

/* An object that is held and not needed any more, for whoever takes it over as it is: a task, which
 * does not capture it again. `held` is none afterwards, however that ends. */
extern const char asyncio__coro_handed_over[1]; /* its address is in coro.reserved */
asyncio_coro asyncio__coro_hand_over(const asyncio_coro *held);

/* The same for one that may be needed again: a copy, unless what it owns cannot be copied. 0 or a
 * negative status, raised. */
int asyncio__coro_share(const asyncio_coro *held, asyncio_coro *out);

/* How a done future ended, as data; counts as retrieving. */
void asyncio__outcome_read(struct asyncio_future *f, asyncio_outcome *outcome);

/* Fills in a block that was not entered yet. In place: a copy would wait for the stores. */
static inline void asyncio__block_init(asyncio_block *block, int *rc, const asyncio_block_ops *ops,
                                       void *object) {
    if (rc) *rc = 0;
    *block = (asyncio_block){ .rc = rc, .ops = ops, .object = object };
}

/* Whether the block is one of those that the frame has open. */
bool asyncio__block_is_open(const struct asyncio__frame *frame, const asyncio_block *s);

/* Leaves a block of that frame, which need not be the top one. */
int asyncio__block_exit_in(struct asyncio__frame *frame, asyncio_block *s, int status);

/* Reports and unwinds every task that is pending; the loop closes. */
void asyncio__task_destroy_pending(asyncio_loop *loop);

/* From now on a stack overflow names the task. */
void asyncio__overflow_report_tasks(void);

/* ---- what a loop calls (the hooks in run.c) ---- */

void asyncio__task_main(void);
void asyncio__task_without_stack(struct asyncio__fiber *fiber, int status);
int asyncio__task_describe(struct asyncio__fiber *fiber, char *buf, size_t n);
void asyncio__task_cancel_fiber(struct asyncio__fiber *fiber);
asyncio__context_ref *asyncio__task_context(struct asyncio_task *task);
int asyncio__report(asyncio_loop *loop, const asyncio_exception_context *context);
void asyncio__task_report_deadlock(asyncio_loop *loop);
void asyncio__task_report_holding(asyncio_loop *loop);
void asyncio__task_describe_step(const struct asyncio__watched *watched, char *name, size_t n,
                                 struct asyncio__text *text);

#endif
