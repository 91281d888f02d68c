/* SPDX-License-Identifier: MIT
 *
 * task/generator.c: asynchronous generators.
 *
 * A generator has a stack of its own and no strand: it borrows that of the task that advances it.
 * While it runs, its frames are on top of the task's; what it awaits suspends the task, whose
 * saved stack pointer then lies on the generator's stack. A yield switches back to the stack of
 * whoever advanced it.
 *
 * created -> suspended <-> running -> ended, or (left) ended by leaving its blocks. `advancing` is
 * set while a task is inside it, also while that task waits in one of its awaits. The loop's list
 * has the generators that have not ended, from the moment an operation on them was first made,
 * awaited or not, in that order.
 *
 * It yields from its outermost frame only: what lies on its stack above that belongs to the task
 * that advances it. A stack goes back to the pool when no block on it is open any more, since
 * others may have the address of a block (a timer, above all). One that yields although it is
 * closed will not be advanced again: whoever closes it leaves its open blocks for it.
 */
#include <asyncio/generator.h>
#include <errno.h>

#include "base/alloc.h"
#include "context/overflow.h"
#include "task/cancelstatus.h"
#include "task/generator.h"
#include "task/method.h"
#include "task/waitqueue.h"

enum state { CREATED, SUSPENDED, RUNNING, LEFT, ENDED };

struct asyncio_gen {
    struct asyncio__link link; /* in the loop's list of generators */
    const asyncio_gen_type *type;
    asyncio_loop *loop;           /* a reference; NULL before the first operation */
    struct asyncio__stack *stack; /* while started and not ended */
    struct asyncio__cpu cpu;      /* where it goes on */
    struct asyncio__cpu *caller;  /* where whoever advances it goes on */
    struct asyncio__frame frame;  /* its outermost frame; up is the advancing one */
    struct asyncio__cancelstatus
        *cancelstatus;      /* the advancing task's, when it was advanced; to compare */
    asyncio_coro_type coro; /* how its frame is shown */
    asyncio_error *slot;    /* its error slot while it is suspended */
    asyncio_value value;    /* going in: sent; coming out: yielded */
    int status;             /* going in: thrown; coming out: its end */
    uint32_t refs;
    enum state state;
    bool advancing;
    bool closing; /* an aclose was begun, or it has ended by an error */
    union {
        void *align;
        unsigned char bytes[ASYNCIO_ARGS_MAX];
    } args;
};

/* ---- life ---- */

asyncio_gen *asyncio_gen_new(const asyncio_gen_type *type, const void *args, size_t n) {
    if (!type || !type->run || n > ASYNCIO_ARGS_MAX || (n && !args)) {
        asyncio__raise(ASYNCIO_TYPE_ERROR,
                       "a generator type and at most 64 bytes of arguments are required");
        return NULL;
    }
    asyncio_gen *g = asyncio__calloc(1, sizeof *g);
    if (!g) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__link_init(&g->link);
    g->type = type;
    g->coro = (asyncio_coro_type){
        .size = sizeof g->coro, .name = type->name, .file = type->file, .line = type->line
    };
    g->refs = 1;
    if (n) memcpy(g->args.bytes, args, n);
    return g;
}

asyncio_gen *asyncio_gen_ref(asyncio_gen *g) {
    if (g) g->refs++;
    return g;
}

static void free_gen(asyncio_gen *g) {
    asyncio__link_unlink(&g->link);
    asyncio_error_unref(g->slot);
    asyncio_value_drop(&g->value);
    asyncio_loop *loop = g->loop;
    asyncio__free(g);
    asyncio_loop_unref(loop);
}

/* Nobody refers to a suspended generator any more: a task closes it, which then holds it. One
 * that is cancelled before it starts comes back here. Without memory for a task, the loop's end or
 * shutdown_asyncgens closes it. */
static bool close_in_task(asyncio_gen *g) {
    if (g->loop != asyncio__here.running || g->loop->closed || g->closing) return false;
    g->refs = 1;
    asyncio_task_options o = { .size = sizeof o, .coro = asyncio_gen_aclose(g) };
    asyncio_task *t = asyncio_loop_create_task_with(g->loop, &o);
    if (t) asyncio_task_unref(t);
    else asyncio_ignore(asyncio__slot_status());
    return --g->refs > 0;
}

static int advance(asyncio_gen *g, struct asyncio__strand *strand, struct asyncio__cpu *caller);
static void attach(asyncio_gen *g, struct asyncio__strand *strand);

/* It stays where it stands, at a yield or in an await, with its frames on top of the strand's.
 * Their open blocks are left, innermost first; the status that they end with. What an await had
 * begun may still be heard of, a timer above all: then the stack goes with the loop. */
static int leave_blocks(asyncio_gen *g, struct asyncio__strand *strand, bool awaits) {
    struct asyncio__frame *below = g->frame.up;
    int status = ASYNCIO_GENERATOR_EXIT;
    g->state = LEFT; /* this is another stack */
    for (struct asyncio__frame *f = strand->top; f != below; f = f->up) {
        strand->top = f;
        if (f->open) status = asyncio__frame_close_blocks(f, status);
    }
    strand->top = below;
    g->state = ENDED;
    asyncio__link_take(&g->link);
    if (!awaits) asyncio__stack_put(&g->loop->stacks, g->stack);
    g->stack = NULL;
    return status;
}

/* Without a loop that runs, as a task is unwound that its loop destroys: every await fails with
 * GeneratorExit, and so does every yield. One that never ends is left where it stands, but for its
 * blocks. */
#define YIELDS_MAX 100

static void unwind_as(asyncio_gen *g, struct asyncio__strand *strand) {
    asyncio_loop *loop = g->loop;
    asyncio__task_loop(loop)->unwind_refusals = 0;
    for (int i = 0; g->state == SUSPENDED && i < YIELDS_MAX; i++) {
        g->status = ASYNCIO_GENERATOR_EXIT;
        advance(g, strand, &loop->cpu);
        asyncio_value_drop(&g->value);
    }
    if (g->state == ENDED) return;
    bool awaits = g->state == RUNNING;
    if (!awaits) attach(g, strand);
    asyncio__here.strand = strand;
    asyncio__task_loop(loop)->unwind_refusals =
        ASYNCIO__REFUSED_FOR_EVER; /* this stack is nobody's to leave */
    asyncio_ignore(leave_blocks(g, strand, awaits));
}

static void unwind_gen(asyncio_gen *g) {
    struct asyncio_task stand_in = { .coro = NULL };
    struct asyncio__strand *strand = &stand_in.fiber.strand, *before = asyncio__here.strand;
    struct asyncio__frame frame = { .type = &g->coro };
    uint32_t slow = g->loop->slow;
    g->loop->cxx = asyncio__cxx_words();
    asyncio__future_init(&stand_in.future, g->loop, &asyncio__task_ops, ASYNCIO__FUTURE_ON_STACK);
    asyncio__fiber_init(&stand_in.fiber);
    strand->top = &frame;
    strand->flags = ASYNCIO__TASK_UNWINDING;
    asyncio__here.strand = strand;
    g->loop->slow |= ASYNCIO__SLOW_CLOSE; /* one that is left goes on here, not with a task */
    unwind_as(g, strand);
    if (!(slow & ASYNCIO__SLOW_CLOSE)) g->loop->slow &= ~(uint32_t)ASYNCIO__SLOW_CLOSE;
    asyncio_error_unref(strand->error);
    asyncio__here.strand = before;
}

void asyncio__gen_destroy_all(asyncio_loop *loop) {
    struct asyncio__link *open = &asyncio__task_loop(loop)->generators;
    while (!asyncio__list_empty(open)) {
        asyncio_gen *g = asyncio__container(open->next, asyncio_gen, link);
        asyncio__link_take(&g->link);
        asyncio_gen_ref(g);
        if (g->state == SUSPENDED) unwind_gen(g);
        if (g->state != CREATED) g->state = ENDED; /* another loop may start it */
        asyncio_gen_unref(g);
    }
}

void asyncio_gen_unref(asyncio_gen *g) {
    if (!g || --g->refs > 0) return;
    if (g->state == SUSPENDED && !g->loop->closed) {
        if (close_in_task(g)) return;
        if (g->state == SUSPENDED && g->loop->running) return; /* it stays in the loop's list */
        if (g->state == SUSPENDED) unwind_gen(g);
    }
    free_gen(g);
}

/* ---- running it ---- */

/* The one whose stack is entered for the first time. */
static _Thread_local asyncio_gen *starting;

/* On the generator's stack, from its first advance to its end. Other tasks may advance it in
 * between, so the strand is looked up anew. */
static void gen_main(void) {
    asyncio_gen *g = starting;
    asyncio__frame_open(asyncio__here.strand, &g->frame, &g->coro);
    int status = g->type->run(g, g->args.bytes);
    if (ASYNCIO__UNLIKELY(g->frame.open != NULL))
        status = asyncio__frame_close_blocks(&g->frame, status);
    status = asyncio__frame_close(asyncio__here.strand, &g->frame, status);
    g->state = ENDED;
    g->status = status;
    asyncio__stack_put(&g->loop->stacks, g->stack);
    g->stack = NULL;
    asyncio__cpu_jump(g->caller);
}

static void join_loop(asyncio_gen *g, asyncio_loop *loop) {
    asyncio__link_take(&g->link);
    asyncio_loop_unref(g->loop);
    g->loop = asyncio_loop_ref(loop);
    asyncio__list_append(&asyncio__task_loop(loop)->generators, &g->link);
}

static int start_gen(asyncio_gen *g, asyncio_loop *loop) {
    unsigned cls = ASYNCIO__STACK_DEFAULT;
    size_t bytes = asyncio__task_loop(loop)->stack_size;
    if (bytes && asyncio__stack_class(bytes, &cls) < 0) cls = ASYNCIO__STACK_DEFAULT;
    g->stack = asyncio__stack_get(&loop->stacks, cls);
    if (!g->stack) return asyncio__raise(-ENOMEM, "no memory for a stack");
    if (g->loop != loop) join_loop(g, loop);
    asyncio__cpu_init(&g->cpu, g->stack, gen_main);
    starting = g;
    return 0;
}

/* Puts its frames and its error slot on top of the strand's. What is thrown in stays in front. */
static void attach(asyncio_gen *g, struct asyncio__strand *strand) {
    asyncio_error *thrown = strand->error;
    g->frame.up = strand->top;
    strand->top = &g->frame;
    if (!g->slot) return;
    strand->error = g->slot;
    g->slot = NULL;
    if (thrown) asyncio__error_put(strand, thrown);
}

/* Lets it run until it yields or ends. Returns 0 with the value it gave, or its end: a negative
 * status, or StopAsyncIteration. One that is left in an await, by unwinding, is still RUNNING, and
 * its frames are on top. */
static int advance(asyncio_gen *g, struct asyncio__strand *strand, struct asyncio__cpu *caller) {
    struct asyncio__frame *below = strand->top;
    if (g->state == SUSPENDED) attach(g, strand);
    g->state = RUNNING;
    g->caller = caller;
    g->cancelstatus = asyncio__cancelstatus_of(asyncio__task_of(strand));
    asyncio__cpu_switch_cxx(caller, &g->cpu, g->loop->cxx);
    if (ASYNCIO__UNLIKELY(g->state == RUNNING))
        return ASYNCIO_GENERATOR_EXIT; /* left in an await */
    strand->top = below;
    if (g->state == SUSPENDED) return 0;
    asyncio__link_take(&g->link);
    if (g->status >= 0) return asyncio__raise(ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    if (g->status != ASYNCIO_STOP_ASYNC_ITERATION) return g->status;
    asyncio_ignore(g->status);
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "async generator raised StopAsyncIteration");
}

int asyncio_gen_yield(asyncio_gen *g, asyncio_value value, asyncio_value *sent, const char *where,
                      const char *func) {
    struct asyncio__strand *strand = asyncio__here.strand;
    if (!g || !strand || strand->top != &g->frame) {
        asyncio_value_drop(&value);
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "yield outside a running generator");
    }
    /* Whoever advances it next may be another task, which the scope has nothing to do with. */
    if (asyncio__cancelstatus_of(asyncio__task_of(strand)) != g->cancelstatus) {
        asyncio_value_drop(&value);
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "yield inside a cancel scope or a shielded block");
    }
    g->frame.where = where;
    g->frame.func = func;
    g->slot = strand->error;
    strand->error = NULL;
    asyncio__value_move(&g->value, &value);
    if (ASYNCIO__UNLIKELY(g->loop->slow & ASYNCIO__SLOW_DEBUG)) asyncio__overflow_check();
    g->state = SUSPENDED;
    asyncio__cpu_switch_cxx(&g->cpu, g->caller, g->loop->cxx);
    if (g->status < 0) {
        int status = g->status;
        g->status = 0;
        return status;
    }
    if (sent) asyncio__value_move(sent, &g->value);
    else asyncio__value_drop(&g->value);
    g->value.type = NULL;
    return 0;
}

/* ---- which one runs ---- */

/* A generator's outermost frame and the type it is shown with are one object. */
static asyncio_gen *gen_of_frame(const struct asyncio__frame *frame) {
    asyncio_gen *g = asyncio__container(frame, asyncio_gen, frame);
    return frame->type == &g->coro ? g : NULL;
}

static asyncio_gen *running_gen(const struct asyncio__strand *strand) {
    for (const struct asyncio__frame *f = strand->top; f; f = f->up) {
        asyncio_gen *g = gen_of_frame(f);
        if (g && g->state == RUNNING) return g;
    }
    return NULL;
}

struct asyncio__stack *asyncio__gen_stack(const struct asyncio__strand *strand) {
    const asyncio_gen *g = running_gen(strand);
    return g ? g->stack : NULL;
}

const char *asyncio__gen_name(const struct asyncio__strand *strand) {
    const asyncio_gen *g = running_gen(strand);
    return g ? g->type->name : NULL;
}

/* ---- the operations ---- */

enum operation { NEXT, SEND, THROW, CLOSE };

struct gen_args {
    asyncio_gen *gen;
    asyncio_error *error;
    asyncio_value value;
    enum operation operation;
};

static inline void set_args(struct gen_args *a, asyncio_gen *gen, enum operation operation,
                            asyncio_value value, asyncio_error *error) {
    a->gen = gen;
    a->error = error;
    asyncio__value_move(&a->value, &value);
    a->operation = operation;
}

/* What the yield that it stands at is given. Between operations it keeps no value. */
static void take_args(asyncio_gen *g, const struct gen_args *a) {
    if (a->operation == SEND) asyncio__value_move(&g->value, &a->value);
    if (a->operation == CLOSE) g->status = ASYNCIO_GENERATOR_EXIT;
    if (a->operation == THROW) g->status = asyncio_reraise(a->error);
}

/* Advances it by an operation; what it does to `advancing` holds over its awaits. */
static int advance_by(asyncio_gen *g, const struct gen_args *a, struct asyncio__strand *strand) {
    if (g->state == CREATED) {
        int rc = start_gen(g, asyncio__task_of(strand)->future.loop);
        if (rc < 0) return rc;
    }
    g->status = 0;
    if (a->operation != NEXT) take_args(g, a);
    g->advancing = true;
    struct asyncio__cpu here;
    int rc = advance(g, strand, &here);
    g->advancing = false;
    return rc;
}

static void end_unstarted(asyncio_gen *g) {
    asyncio__link_take(&g->link);
    g->state = ENDED;
}

/* What comes back without running anything, or 1. */
static int shortcut(asyncio_gen *g, const struct gen_args *a) {
    if (g->advancing)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "asynchronous generator is already running");
    bool over = g->state == ENDED || g->closing;
    if (a->operation == CLOSE) {
        if (over) return 0;
        g->closing = true;
        if (g->state == SUSPENDED) return 1;
        end_unstarted(g);
        return 0;
    }
    if (over) return a->operation == THROW ? 0 : asyncio__raise(ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    if (g->state == CREATED && a->operation == SEND && a->value.type) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR,
                              "can't send non-None value to a just-started async generator");
    }
    if (g->state != CREATED || a->operation != THROW) return 1;
    end_unstarted(g);
    return asyncio_reraise(asyncio_error_ref(a->error));
}

static int check_operation(const struct gen_args *a, const asyncio_loop *loop) {
    if (!a->gen) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a generator is required");
    if (a->operation == THROW && !a->error)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "an error is required");
    if (a->gen->state == CREATED || a->gen->loop == loop) return 0;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "a generator is attached to a different loop");
}

/* It has yielded once more. Errors of its blocks are the context. */
static int end_stubborn(asyncio_gen *g, struct asyncio__strand *strand) {
    asyncio_value_drop(&g->value);
    attach(g, strand);
    g->advancing = true;
    int rc = leave_blocks(g, strand, false);
    g->advancing = false;
    if (strand->flags & ASYNCIO__TASK_UNWINDING) return ASYNCIO_GENERATOR_EXIT;
    if (rc == ASYNCIO_GENERATOR_EXIT) asyncio_ignore(rc);
    bool leaves = rc == ASYNCIO_KEYBOARD_INTERRUPT || rc == ASYNCIO_SYSTEM_EXIT;
    if (leaves || rc == ASYNCIO_CANCELLED_ERROR) return rc;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "async generator ignored GeneratorExit");
}

/* aclose: it is to end, by GeneratorExit or by running out. */
static int conclude_close(asyncio_gen *g, struct asyncio__strand *strand, int rc) {
    if (rc >= 0) return end_stubborn(g, strand);
    if (rc != ASYNCIO_GENERATOR_EXIT && rc != ASYNCIO_STOP_ASYNC_ITERATION) return rc;
    if (strand->flags & ASYNCIO__TASK_UNWINDING) return rc;
    asyncio_ignore(rc);
    return 0;
}

static int run_operation(const void *args, asyncio_value *result) {
    const struct gen_args *a = args;
    struct asyncio__strand *strand = asyncio__here.strand;
    asyncio_gen *g = a->gen;
    int rc = check_operation(a, asyncio__task_of(strand)->future.loop);
    if (rc >= 0) rc = shortcut(g, a);
    if (rc <= 0) {
        asyncio_value value = a->value;
        asyncio_value_drop(&value);
        asyncio_error_unref(a->error);
        return rc;
    }
    asyncio_gen_ref(g);
    rc = advance_by(g, a, strand);
    if (a->operation == CLOSE) {
        rc = conclude_close(g, strand, rc);
    } else if (rc >= 0) {
        asyncio__value_move(result, &g->value);
        g->value.type = NULL;
    }
    asyncio_gen_unref(g);
    return rc;
}

ASYNCIO__HOLD(gen, asyncio_gen_ref, asyncio_gen_unref);

static const asyncio_coro_type operation_type =
    ASYNCIO__COROUTINE_TYPE("asyncio_gen", struct gen_args, .run = run_operation,
                            .capture = capture_gen, .release = release_gen);

/* As in Python it is the call that makes the loop know the generator, not the await. */
static inline asyncio_coro make_coro(asyncio_gen *g, enum operation operation, asyncio_value value,
                                     asyncio_error *error) {
    asyncio_coro c;
    if (g && ASYNCIO__UNLIKELY(!g->loop) && asyncio__here.running)
        join_loop(g, asyncio__here.running);
    c.type = &operation_type;
    c.reserved = NULL;
    set_args((struct gen_args *)(void *)c.args.bytes, g, operation, value, error);
    return c;
}

asyncio_coro asyncio_gen_next(asyncio_gen *g) { return make_coro(g, NEXT, asyncio_none(), NULL); }

asyncio_coro asyncio_gen_send(asyncio_gen *g, asyncio_value value) {
    return make_coro(g, SEND, value, NULL);
}

asyncio_coro asyncio_gen_throw(asyncio_gen *g, asyncio_error *error) {
    return make_coro(g, THROW, asyncio_none(), error);
}

asyncio_coro asyncio_gen_aclose(asyncio_gen *g) {
    return make_coro(g, CLOSE, asyncio_none(), NULL);
}

bool asyncio_gen_step(asyncio_gen *g, asyncio_value *value, int *rc, const char *where,
                      const char *func) {
    asyncio__value_drop(value);
    asyncio_coro next = asyncio_gen_next(g);
    *rc = asyncio_await(&next, value, where, func);
    if (*rc >= 0) return true;
    if (asyncio_catch(*rc, ASYNCIO_STOP_ASYNC_ITERATION)) *rc = 0;
    return false;
}

/* ---- closing all ---- */

size_t asyncio_loop_open_asyncgens(const asyncio_loop *loop) {
    size_t count = 0;
    if (!loop) return 0;
    const struct asyncio__link *open = &asyncio__task_loop(loop)->generators;
    for (const struct asyncio__link *l = open->next; l != open; l = l->next) {
        count += !asyncio__container(l, const asyncio_gen, link)->closing;
    }
    return count;
}

struct shutdown;

struct closer {
    struct asyncio__runnable runnable; /* among the callbacks of the task */
    struct shutdown *shutdown;
    asyncio_gen *gen;   /* a reference */
    asyncio_task *task; /* a reference */
};

struct shutdown {
    struct asyncio__waiter waiter;
    struct closer *closers;
    size_t count, left;
};

static void run_closer(struct asyncio__runnable *runnable) {
    struct closer *c = asyncio__container(runnable, struct closer, runnable);
    asyncio__link_init(&runnable->link);
    if (--c->shutdown->left == 0) asyncio__waiter_wake(&c->shutdown->waiter);
}

static void discard_closer(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_closer(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "gather.<locals>._done_callback()");
}

static const struct asyncio__runnable_ops closer_ops = {
    .run = run_closer,
    .discard = discard_closer,
    .describe = describe_closer,
};

/* The open generators, in order. */
static void collect_closers(asyncio_loop *loop, struct shutdown *s) {
    struct asyncio__link *open = &asyncio__task_loop(loop)->generators, *l = open->next;
    for (; l != open && s->count < s->left; l = l->next) {
        asyncio_gen *g = asyncio__container(l, asyncio_gen, link);
        if (g->closing) continue;
        struct closer *c = &s->closers[s->count++];
        *c = (struct closer){ .runnable.ops = &closer_ops,
                              .shutdown = s,
                              .gen = asyncio_gen_ref(g) };
        asyncio__link_init(&c->runnable.link);
    }
}

/* One task for each; one that starts eagerly may change the loop's list. */
static int start_closers(asyncio_loop *loop, struct shutdown *s) {
    collect_closers(loop, s);
    for (size_t i = 0; i < s->count; i++) {
        struct closer *c = &s->closers[i];
        asyncio_task_options o = { .size = sizeof o, .coro = asyncio_gen_aclose(c->gen) };
        c->task = asyncio_loop_create_task_with(loop, &o);
        if (!c->task) return asyncio__slot_status();
        c->task->future.flags |= ASYNCIO__FUTURE_QUIET;
    }
    return 0;
}

static void follow_closers(asyncio_loop *loop, struct shutdown *s) {
    for (size_t i = 0; i < s->count; i++) {
        struct asyncio_future *f = &s->closers[i].task->future;
        bool pending = f->state == ASYNCIO__PENDING;
        asyncio__list_append(pending ? &f->callbacks : &loop->ready, &s->closers[i].runnable.link);
    }
}

static void report_closer(asyncio_loop *loop, struct closer *c) {
    asyncio_error *error = NULL;
    if (c->task->future.state != ASYNCIO__FAILED) return;
    if (asyncio_task_exception(c->task, &error) < 0) return;
    if (!asyncio_is_exception(asyncio_error_code(error))) return;
    char message[256];
    snprintf(message, sizeof message,
             "an error occurred during closing of asynchronous generator %s", c->gen->type->name);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = message,
                                          .exception = error };
    asyncio__loop_report(loop, &context);
}

static int run_shutdown(const void *args, asyncio_value *result) {
    asyncio_loop *loop = *(asyncio_loop *const *)args;
    struct asyncio_task *task = asyncio__task_current();
    (void)result;
    if (loop != task->future.loop)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the generators belong to another loop");
    struct shutdown s = { .left = asyncio_loop_open_asyncgens(loop) };
    if (s.left == 0) return 0;
    s.closers = asyncio__calloc(s.left, sizeof *s.closers);
    int rc = s.closers ? start_closers(loop, &s) : asyncio__raise(-ENOMEM, NULL);
    if (rc >= 0) {
        s.left = s.count;
        asyncio__waiter_init(&s.waiter, loop);
        follow_closers(loop, &s);
        rc = asyncio__waiter_park(&s.waiter, task);
    }
    for (size_t i = 0; i < s.count; i++) {
        struct closer *c = &s.closers[i];
        asyncio__link_take(&c->runnable.link);
        if (rc >= 0) report_closer(loop, c);
        asyncio_task_unref(c->task);
        asyncio_gen_unref(c->gen);
    }
    asyncio__free(s.closers);
    return rc < 0 ? rc : 0;
}

ASYNCIO__COROUTINE(asyncio_loop_shutdown_asyncgens, asyncio_loop *, .run = run_shutdown);

asyncio_coro asyncio_loop_shutdown_asyncgens(asyncio_loop *loop) {
    return ASYNCIO__CORO(asyncio_loop_shutdown_asyncgens, loop);
}
