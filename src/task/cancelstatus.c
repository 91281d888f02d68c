/* SPDX-License-Identifier: MIT
 *
 * task/cancelstatus.c: the trees of cancel statuses, and what a scope or a shield does to the tasks
 * below it.
 *
 * Nothing here runs code of a coroutine: a task that is interrupted sees it when it runs next, so
 * a tree does not change while it is walked.
 */
#include "task/cancelstatus.h"

#include <errno.h>

#include "base/alloc.h"

_Static_assert(sizeof(struct asyncio__cancelstatus) <= 96, "a root fits the loop's cells");

/* ---- life ---- */

static uint64_t next_number(void) {
    static atomic_ullong count = ASYNCIO__ORIGIN_ANOTHER;
    return atomic_fetch_add_explicit(&count, 1, memory_order_relaxed) + 1;
}

void asyncio__cancelstatus_init(struct asyncio__cancelstatus *c,
                                enum asyncio__cancelstatus_kind kind, asyncio_loop *loop,
                                void (*free)(struct asyncio__cancelstatus *cancelstatus)) {
    *c = (struct asyncio__cancelstatus){ .kind = kind, .loop = loop, .free = free, .refs = 1 };
    asyncio__link_init(&c->link);
    asyncio__link_init(&c->inner);
    c->active = kind == ASYNCIO__CANCELSTATUS_SHIELD;
    if (kind == ASYNCIO__CANCELSTATUS_SCOPE) c->number = next_number();
}

void asyncio__cancelstatus_unref(struct asyncio__cancelstatus *c) {
    while (c && --c->refs == 0) {
        struct asyncio__cancelstatus *outer = c->outer;
        asyncio__message_set(&c->message, NULL);
        c->free(c);
        c = outer;
    }
}

/* ---- a task's chain ---- */

static void set_cancelstatus(struct asyncio_task *t, struct asyncio__cancelstatus *c) {
    bool begun = !t->start || t->tagged_status & ASYNCIO__CANCELSTATUS_TAG;
    if (!begun) t->start->cancelstatus = c;
    else t->tagged_status = c ? (uintptr_t)c | ASYNCIO__CANCELSTATUS_TAG : 0;
    if (c) t->fiber.strand.flags |= ASYNCIO__TASK_SCOPED;
    else t->fiber.strand.flags &= ~(uint32_t)ASYNCIO__TASK_SCOPED;
}

/* The outermost cancelled scope that the task sees, or NULL. */
static struct asyncio__cancelstatus *seen_scope(const struct asyncio_task *t) {
    struct asyncio__cancelstatus *found = NULL;
    for (struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
         c && !asyncio__cancelstatus_holds(c); c = c->outer) {
        if (c->kind == ASYNCIO__CANCELSTATUS_SCOPE && c->active && c->task) found = c;
    }
    return found;
}

/* ---- interrupting ---- */

void asyncio__cancelstatus_hit(struct asyncio_task *t, struct asyncio_future *f) {
    struct asyncio__strand *strand = &t->fiber.strand;
    const struct asyncio__cancelstatus *scope = seen_scope(t);
    strand->flags |= ASYNCIO__TASK_HIT;
    if (strand->flags & ASYNCIO__TASK_WATCHING) {
        asyncio__link_unlink(&t->fiber.runnable.link);
        asyncio__loop_queue(t->future.loop, &t->fiber.runnable);
    } else {
        asyncio__future_cancel(f, scope ? scope->message : NULL);
    }
}

/* A request that is under way comes first: the scope's turn is the wait after that. */
static void refresh_task(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    bool sticky = !(strand->flags & ASYNCIO__TASK_HIDDEN) && seen_scope(t) != NULL;
    bool was = strand->flags & ASYNCIO__TASK_STICKY;
    if (sticky == was) return;
    strand->flags ^= ASYNCIO__TASK_STICKY;
    struct asyncio_future *f = strand->waiter;
    if (!sticky || !f || f->state != ASYNCIO__PENDING) return;
    uint32_t before = ASYNCIO__TASK_MUST_CANCEL | ASYNCIO__TASK_REQUESTED | ASYNCIO__TASK_HIT;
    if (!(strand->flags & before)) asyncio__cancelstatus_hit(t, f);
}

/* The next cancel status below `top`, each before those inside it; not into shields that hold. */
static struct asyncio__cancelstatus *next_below(struct asyncio__cancelstatus *c,
                                                struct asyncio__cancelstatus *top) {
    bool closed = c != top && asyncio__cancelstatus_holds(c);
    if (!closed && !asyncio__list_empty(&c->inner)) {
        return asyncio__container(c->inner.next, struct asyncio__cancelstatus, link);
    }
    for (; c != top; c = c->outer) {
        if (c->link.next != &c->outer->inner)
            return asyncio__container(c->link.next, struct asyncio__cancelstatus, link);
    }
    return NULL;
}

static void refresh_below(struct asyncio__cancelstatus *top) {
    for (struct asyncio__cancelstatus *c = top; c; c = next_below(c, top)) {
        if (c->task && (c == top || c->kind == ASYNCIO__CANCELSTATUS_ROOT)) refresh_task(c->task);
    }
}

int asyncio__cancelstatus_raise(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    struct asyncio__cancelstatus *scope = seen_scope(t);
    if (!scope) return asyncio__raise_cancelled(strand, t->future.cancel_msg);
    if (scope->task == t) scope->delivered = true;
    asyncio_error *error = asyncio__error_make(ASYNCIO_CANCELLED_ERROR, scope->why);
    if (!error) { /* a bare one must not be taken for an older one */
        while (asyncio__error_match(strand, ASYNCIO_CANCELLED_ERROR))
            asyncio_error_unref(asyncio__error_detach(strand, ASYNCIO_CANCELLED_ERROR));
        return ASYNCIO_CANCELLED_ERROR;
    }
    asyncio__error_mark(error, scope->number);
    asyncio__error_put(strand, error);
    return ASYNCIO_CANCELLED_ERROR;
}

void asyncio__cancelstatus_cancel(struct asyncio__cancelstatus *c) {
    c->active = true;
    refresh_below(c);
}

void asyncio__cancelstatus_show(struct asyncio_task *t) {
    struct asyncio__strand *strand = &t->fiber.strand;
    if (ASYNCIO__LIKELY(!(strand->flags & ASYNCIO__TASK_HIDDEN))) return;
    strand->flags &= ~(uint32_t)ASYNCIO__TASK_HIDDEN;
    refresh_task(t);
}

/* ---- whose cancellation it is ---- */

/* What the program raised itself, or what memory was lacking for, counts as the scope's if the
 * task was interrupted for it. */
bool asyncio__cancelstatus_owns(const struct asyncio__cancelstatus *c, const asyncio_error *error) {
    uint64_t origin = asyncio__error_origin(error);
    return origin == c->number || (origin == 0 && c->delivered);
}

bool asyncio__cancelstatus_outside(const struct asyncio_task *t, const asyncio_error *error) {
    for (const struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t); c; c = c->outer) {
        if (c->kind == ASYNCIO__CANCELSTATUS_SCOPE && c->task && c->active &&
            asyncio__cancelstatus_owns(c, error)) {
            return true;
        }
    }
    return false;
}

/* ---- ending a shield before it is left ---- */

void asyncio__cancelstatus_lift(struct asyncio__cancelstatus *c) {
    if (!c->active) return;
    c->active = false;
    asyncio__task_pass_held(c->task, c);
    refresh_below(c);
}

/* ---- entering and leaving ---- */

static void put_below(struct asyncio__cancelstatus *c, struct asyncio__cancelstatus *outer,
                      struct asyncio_task *t) {
    c->outer = outer;
    c->task = t;
    if (outer) {
        outer->refs++;
        asyncio__list_append(&outer->inner, &c->link);
    }
    set_cancelstatus(t, c);
}

void asyncio__cancelstatus_enter(struct asyncio__cancelstatus *c, struct asyncio_task *t) {
    c->refs++;
    put_below(c, asyncio__cancelstatus_of(t), t);
    refresh_task(t);
}

/* Out of its tree. What is still inside, while a loop closes, goes on referring to it. */
static void detach(struct asyncio__cancelstatus *c) {
    asyncio__link_take(&c->link);
    c->task = NULL;
    if (!asyncio__list_empty(&c->inner)) return;
    struct asyncio__cancelstatus *outer = c->outer;
    c->outer = NULL;
    asyncio__cancelstatus_unref(outer);
}

/* Takes the innermost cancel status off. */
static void take_top(struct asyncio_task *t) {
    struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
    set_cancelstatus(t, c->outer);
    detach(c);
    if (c->kind == ASYNCIO__CANCELSTATUS_SHIELD) {
        c->active = false;
        asyncio__task_pass_held(t, c);
    }
    asyncio__cancelstatus_unref(c);
}

void asyncio__cancelstatus_leave(struct asyncio__cancelstatus *c) {
    struct asyncio_task *t = c->task;
    while (t && c->task) take_top(t);
    if (t) refresh_task(t);
}

/* ---- tasks that begin under a cancel status ---- */

static void free_root(struct asyncio__cancelstatus *c) {
    asyncio_loop *loop = c->loop;
    asyncio__slab_put(&loop->cells_slab, c);
    asyncio__loop_object_gone(loop);
}

int asyncio__cancelstatus_inherit(struct asyncio_task *t) {
    asyncio_loop *loop = t->future.loop;
    struct asyncio__cancelstatus *outer = asyncio__task_loop(loop)->inherit;
    struct asyncio__cancelstatus *root = asyncio__slab_get(&loop->cells_slab);
    if (!root) return -ENOMEM;
    asyncio__task_loop(loop)->inherit = NULL;
    loop->live++;
    asyncio__cancelstatus_init(root, ASYNCIO__CANCELSTATUS_ROOT, loop, free_root);
    put_below(root, outer, t);
    refresh_task(t);
    return 0;
}

void asyncio__cancelstatus_drop(struct asyncio_task *t) {
    while (asyncio__cancelstatus_of(t)) {
        struct asyncio__cancelstatus *c = asyncio__cancelstatus_of(t);
        bool root = c->kind == ASYNCIO__CANCELSTATUS_ROOT;
        c->held = 0;
        set_cancelstatus(t, root ? NULL : c->outer);
        detach(c);
        asyncio__cancelstatus_unref(c);
    }
}
