/* SPDX-License-Identifier: MIT
 *
 * combine/taskgroup.c: TaskGroup.
 *
 * A group follows each of its tasks through a member: a runnable among the task's callbacks, and a
 * link in the group's list, in order of creation. The first task that fails aborts the group: the
 * others are cancelled, and the parent (the task that entered the block) once, unless it is in its
 * exit and aborting already. The exit waits until no member is left, then decides what comes
 * out: an interrupting error as it is, a cancellation, or the errors as one group.
 *
 * The exit runs in the task that leaves the block. For a block in a generator that may be another
 * task than the parent, which may be done by then: the group's requests go to the parent alone,
 * and what is cancelled in the exit, from outside, is the one that leaves.
 *
 * The group lives as long as somebody refers to it: the user, each member, its block.
 */
#include <asyncio/taskgroup.h>
#include <errno.h>

#include "base/alloc.h"
#include "task/cancelstatus.h"
#include "task/method.h"
#include "task/waitqueue.h"

struct asyncio_taskgroup {
    uint32_t refs;
    asyncio_loop *loop;          /* a reference */
    struct asyncio_task *parent; /* who entered it; a reference until the exit is over */
    struct asyncio__link members;
    struct asyncio__waiter *waiter; /* of the exit, while it waits */
    asyncio_error **errors;         /* references, in the order of the callbacks */
    size_t error_count, error_room;
    size_t member_count;       /* each may yet add one error */
    asyncio_error *body_error; /* what asyncio_taskgroup_exit was called with; a reference */
    asyncio_error *base_error; /* the first KeyboardInterrupt or SystemExit; a reference */
    struct asyncio__cancelstatus
        *cancelstatus;   /* the parent's, when it was entered: a reference or NULL */
    asyncio_block block; /* its block, if it was entered without one */
    bool entered, exiting, aborting, finished;
    bool parent_cancelled; /* by the group */
    bool body_cancelled;   /* the body ended with a CancelledError */
};

struct member {
    struct asyncio__runnable runnable; /* among the task's callbacks, or queued */
    struct asyncio__link link;         /* in the group */
    asyncio_taskgroup *group;          /* a reference */
    asyncio_task *task;                /* a reference */
};

_Static_assert(sizeof(struct member) <= 96, "fits the loop's cells");

/* ---- life ---- */

asyncio_taskgroup *asyncio_taskgroup_ref(asyncio_taskgroup *g) {
    if (g) g->refs++;
    return g;
}

void asyncio_taskgroup_unref(asyncio_taskgroup *g) {
    if (!g || --g->refs > 0) return;
    for (size_t i = 0; i < g->error_count; i++) asyncio_error_unref(g->errors[i]);
    asyncio__free(g->errors);
    asyncio_error_unref(g->base_error);
    asyncio_error_unref(g->body_error);
    asyncio__cancelstatus_unref(g->cancelstatus);
    asyncio_task_unref(g->parent);
    asyncio_loop_unref(g->loop);
    asyncio__free(g);
}

static asyncio_taskgroup *new_group(void) {
    struct asyncio_task *parent = asyncio__task_current();
    if (!parent) {
        asyncio__raise(ASYNCIO_RUNTIME_ERROR, "TaskGroup cannot determine the parent task");
        return NULL;
    }
    asyncio_taskgroup *g = asyncio__calloc(1, sizeof *g);
    if (!g) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    g->refs = 1;
    g->loop = asyncio_loop_ref(parent->future.loop);
    g->parent = asyncio_task_ref(parent);
    g->cancelstatus = asyncio__cancelstatus_of(parent);
    if (g->cancelstatus) g->cancelstatus->refs++;
    asyncio__link_init(&g->members);
    return g;
}

/* ---- errors ---- */

static bool is_base_error(int code) {
    return code == ASYNCIO_KEYBOARD_INTERRUPT || code == ASYNCIO_SYSTEM_EXIT;
}

/* Remembers an error; room for it was made before. */
static void remember_error(asyncio_taskgroup *g, asyncio_error *error) {
    g->errors[g->error_count++] = asyncio_error_ref(error);
    if (is_base_error(asyncio_error_code(error)) && !g->base_error)
        g->base_error = asyncio_error_ref(error);
}

static int make_room(asyncio_taskgroup *g, size_t wanted) {
    if (wanted <= g->error_room) return 0;
    size_t room = wanted < 8 ? 8 : wanted * 2;
    void *errors = asyncio__realloc(g->errors, room * sizeof(asyncio_error *));
    if (!errors) return asyncio__raise(-ENOMEM, NULL);
    g->errors = errors;
    g->error_room = room;
    return 0;
}

/* ---- aborting ---- */

static void abort_group(asyncio_taskgroup *g) {
    g->aborting = true;
    for (struct asyncio__link *l = g->members.next; l != &g->members; l = l->next) {
        asyncio_task *t = asyncio__container(l, struct member, link)->task;
        if (t->future.state == ASYNCIO__PENDING) asyncio__future_cancel(&t->future, NULL);
    }
}

/* One request, which the exit takes back. Also while the parent is in its exit: by that the exit
 * knows that there was one, and how many others there were. A parent that is done is let be. */
static void cancel_parent(asyncio_taskgroup *g) {
    if (g->parent->future.state != ASYNCIO__PENDING) return;
    g->parent_cancelled = true;
    asyncio__task_cancel_from(g->parent, g->cancelstatus);
}

void asyncio_taskgroup_cancel(asyncio_taskgroup *g) {
    if (!g || !g->entered || g->finished || g->aborting) return;
    if (asyncio__loop_wrong_thread(g->loop, "asyncio_taskgroup_cancel")) return;
    if (g->exiting && asyncio__list_empty(&g->members)) return;
    abort_group(g);
    cancel_parent(g);
}

/* ---- members ---- */

static void free_member(struct member *m) {
    asyncio_taskgroup *g = m->group;
    asyncio_loop *loop = g->loop;
    g->member_count--;
    asyncio_task_unref(m->task);
    asyncio__slab_put(&loop->cells_slab, m);
    asyncio_taskgroup_unref(g);
}

static void report_orphan(asyncio_taskgroup *g, asyncio_task *t, asyncio_error *error) {
    asyncio_exception_context context = { .size = sizeof context,
                                          .message =
                                              "a task has failed but the parent task of its group "
                                              "is already completed",
                                          .exception = error,
                                          .task = t,
                                          .where = t->where };
    asyncio__loop_report(g->loop, &context);
}

static void member_failed(asyncio_taskgroup *g, asyncio_task *t) {
    asyncio_error *error = NULL;
    if (asyncio_task_exception(t, &error) < 0) return;
    remember_error(g, error);
    if (!g->parent || g->parent->future.state != ASYNCIO__PENDING) report_orphan(g, t, error);
    if (g->aborting || g->parent_cancelled) return;
    abort_group(g);
    cancel_parent(g);
}

static void run_member(struct asyncio__runnable *runnable) {
    struct member *m = asyncio__container(runnable, struct member, runnable);
    asyncio_taskgroup *g = m->group;
    asyncio__link_init(&runnable->link);
    asyncio__link_take(&m->link);
    if (g->waiter && asyncio__list_empty(&g->members)) asyncio__waiter_wake(g->waiter);
    if (m->task->future.state == ASYNCIO__FAILED) member_failed(g, m->task);
    free_member(m);
}

static void discard_member(struct asyncio__runnable *runnable) {
    struct member *m = asyncio__container(runnable, struct member, runnable);
    asyncio__link_take(&m->link);
    free_member(m);
}

static int describe_member(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "TaskGroup._on_task_done()");
}

/* From the first moment, not only in the exit: as in Python. */
static struct asyncio_future *member_awaiter(struct asyncio__runnable *runnable, size_t i) {
    struct asyncio_task *parent =
        asyncio__container(runnable, struct member, runnable)->group->parent;
    return i == 0 && parent ? &parent->future : NULL;
}

static const struct asyncio__runnable_more member_more = { .awaiter = member_awaiter };
static const struct asyncio__runnable_ops member_ops = {
    .run = run_member,
    .discard = discard_member,
    .describe = describe_member,
    .more = &member_more,
};

static int check_open(const asyncio_taskgroup *g) {
    const char *why = NULL;
    if (!g->entered) why = "TaskGroup has not been entered";
    else if (g->finished || (g->exiting && asyncio__list_empty(&g->members)))
        why = "TaskGroup is finished";
    else if (g->aborting) why = "TaskGroup is shutting down";
    return why ? asyncio__raise(ASYNCIO_RUNTIME_ERROR, why) : 0;
}

/* Makes room for the errors of all members and the body now, so that none is lost for want of
 * memory later. */
static struct member *new_member(asyncio_taskgroup *g) {
    if (make_room(g, g->error_count + g->member_count + 2) < 0) return NULL;
    struct member *m = asyncio__slab_get(&g->loop->cells_slab);
    if (!m) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    m->runnable.ops = &member_ops;
    m->group = asyncio_taskgroup_ref(g);
    m->task = NULL;
    g->member_count++;
    asyncio__link_init(&m->link);
    asyncio__link_init(&m->runnable.link);
    return m;
}

/* Raised already, unless there is no group or are no options. */
static __attribute__((noinline, cold)) asyncio_task *refuse_task(const asyncio_taskgroup *g,
                                                                 const asyncio_task_options *o) {
    if (o) asyncio__coro_refuse_for(g ? g->loop : NULL, &o->coro);
    if (!g || !o) asyncio__raise(ASYNCIO_TYPE_ERROR, "a group and options are required");
    return NULL;
}

asyncio_task *asyncio_taskgroup_create_task_with(asyncio_taskgroup *g,
                                                 const asyncio_task_options *o) {
    if (!g || !o) return refuse_task(NULL, o);
    if (check_open(g) < 0) return refuse_task(g, o);
    struct member *m = new_member(g);
    if (!m) return refuse_task(g, o);
    asyncio__task_loop(g->loop)->inherit = g->cancelstatus;
    asyncio_task *t = asyncio_loop_create_task_with(g->loop, o);
    asyncio__task_loop(g->loop)->inherit = NULL;
    if (!t) {
        free_member(m);
        return NULL;
    }
    m->task = asyncio_task_ref(t);
    asyncio__list_append(&g->members, &m->link);
    bool pending = t->future.state == ASYNCIO__PENDING;
    asyncio__list_append(pending ? &t->future.callbacks : &g->loop->ready, &m->runnable.link);
    /* An eager one has cancelled the group before it was a member. */
    if (ASYNCIO__UNLIKELY(g->aborting) && pending) asyncio__future_cancel(&t->future, NULL);
    return t;
}

int asyncio_taskgroup_spawn_with(asyncio_taskgroup *g, const asyncio_task_options *o) {
    asyncio_task *t = asyncio_taskgroup_create_task_with(g, o);
    if (!t) return asyncio__slot_status();
    asyncio_task_unref(t);
    return 0;
}

/* ---- the exit ---- */

/* What leaves the block: an error object, or a bare status. */
struct outcome {
    int status;
    asyncio_error *error; /* a reference or NULL */
};

static struct outcome take_outcome(int status) {
    struct outcome o = { status, NULL };
    if (status < 0) o.error = asyncio__error_detach(asyncio__here.strand, status);
    return o;
}

static int give_outcome(struct outcome *o) {
    if (o->error) asyncio__error_put(asyncio__here.strand, o->error);
    o->error = NULL;
    return o->status;
}

static void replace_outcome(struct outcome *o, struct outcome by) {
    asyncio_error_unref(o->error);
    *o = by;
}

/* A cancellation in the exit. That of the body, if it ended with one, is what comes out, as in
 * CPython. Otherwise the first one is kept; if the group has requested one of its own, the last,
 * which takes the place of that one. */
static void keep_cancellation(asyncio_taskgroup *g, struct outcome *kept, struct outcome o) {
    if (!g->body_cancelled && (g->parent_cancelled || !g->aborting)) replace_outcome(kept, o);
    else asyncio_error_unref(o.error);
    if (!g->aborting) abort_group(g);
}

/* Waits until no member is left. A cancellation meanwhile aborts the group and is kept; a cancel
 * scope is heard once, it would interrupt every wait. Returns false if the loop is closing. */
static bool wait_for_members(asyncio_taskgroup *g, struct asyncio_task *leaver,
                             struct outcome *cancelled) {
    while (!asyncio__list_empty(&g->members)) {
        struct asyncio__waiter w;
        if (g->aborting) asyncio__cancelstatus_hide(leaver);
        asyncio__waiter_init(&w, g->loop);
        g->waiter = &w;
        int rc = asyncio__waiter_park(&w, leaver);
        g->waiter = NULL;
        if (rc == ASYNCIO_GENERATOR_EXIT) return false;
        if (rc >= 0) continue;
        struct outcome o = take_outcome(rc);
        if (rc == ASYNCIO_CANCELLED_ERROR) keep_cancellation(g, cancelled, o);
        else asyncio_error_unref(o.error);
    }
    return true;
}

/* The loop closes: its tasks will not be done any more. */
static void forget_members(asyncio_taskgroup *g) {
    while (!asyncio__list_empty(&g->members)) {
        struct member *m = asyncio__container(g->members.next, struct member, link);
        asyncio__link_take(&m->runnable.link);
        asyncio__link_take(&m->link);
        free_member(m);
    }
}

/* When errors come out: requests from outside to cancel the one that leaves hit its next await. */
static void pass_requests_on(asyncio_taskgroup *g, struct asyncio_task *leaver) {
    if (asyncio__task_open_requests(leaver) == 0) return;
    asyncio_task_uncancel(leaver);
    asyncio__task_cancel_from(leaver, leaver == g->parent ? g->cancelstatus
                                                          : asyncio__cancelstatus_of(leaver));
}

/* All errors as one. */
static int raise_errors(asyncio_taskgroup *g, struct asyncio_task *leaver) {
    pass_requests_on(g, leaver);
    asyncio_error *group =
        asyncio_errorgroup_new("unhandled errors in a TaskGroup", g->error_count, g->errors);
    return group ? asyncio_reraise(group) : asyncio__slot_status();
}

/* An exit comes out alone: what it pushes aside is reported, unless it is a context of it. */
static int raise_base_error(asyncio_taskgroup *g, struct outcome *body, struct outcome *cancelled) {
    asyncio_error *error = g->base_error;
    g->base_error = NULL;
    for (size_t i = 0; i < g->error_count; i++) {
        asyncio_exception_context context = {
            .size = sizeof context,
            .message = "TaskGroup task exception was not propagated because the TaskGroup body is "
                       "being closed with a BaseException",
            .exception = g->errors[i],
        };
        if (g->errors[i] != error) asyncio__loop_report(g->loop, &context);
    }
    if (cancelled->status < 0) give_outcome(cancelled);
    if (body->error != error) give_outcome(body);
    return asyncio_reraise(error);
}

/* Takes the group's own request back. Whether there was no other that the parent has seen: then its
 * CancelledError came of that one. */
static bool was_own_request(asyncio_taskgroup *g, const struct asyncio_task *leaver,
                            const asyncio_error *error) {
    if (!g->parent_cancelled) return false;
    asyncio_task_uncancel(g->parent);
    return leaver == g->parent && asyncio__task_open_requests(leaver) == 0 &&
           !asyncio__cancelstatus_outside(leaver, error);
}

static int decide(asyncio_taskgroup *g, struct asyncio_task *leaver, struct outcome *body,
                  struct outcome *cancelled) {
    if (g->base_error) return raise_base_error(g, body, cancelled);
    if (was_own_request(g, leaver, cancelled->error))
        replace_outcome(cancelled, (struct outcome){ 0, NULL });
    if (cancelled->status < 0 && g->error_count == 0) {
        give_outcome(body); /* what the body made of the group's request is the context */
        return give_outcome(cancelled);
    }
    if (body->status == ASYNCIO_GENERATOR_EXIT && g->error_count == 0) {
        pass_requests_on(g, leaver);
        return give_outcome(body); /* a generator that is closed is to end with that alone */
    }
    if (body->status < 0 && body->status != ASYNCIO_CANCELLED_ERROR) {
        asyncio_error *error = body->error ? body->error : asyncio__error_make(body->status, NULL);
        body->error = error;
        if (!error || make_room(g, g->error_count + 1) < 0) return give_outcome(body);
        remember_error(g, error);
    }
    return g->error_count ? raise_errors(g, leaver) : 0;
}

static int leave_group(asyncio_taskgroup *g, int status) {
    struct asyncio_task *leaver = asyncio__task_current();
    struct outcome body = take_outcome(status), cancelled = { 0, NULL };
    g->exiting = true;
    if (is_base_error(status) && !g->base_error) {
        if (!body.error) body.error = asyncio__error_make(status, NULL);
        g->base_error = asyncio_error_ref(body.error);
    }
    if (status == ASYNCIO_CANCELLED_ERROR) {
        g->body_cancelled = true;
        cancelled = body;
        body.error = NULL;
    }
    if (status < 0 && !g->aborting) abort_group(g);
    int rc = ASYNCIO_GENERATOR_EXIT;
    if (wait_for_members(g, leaver, &cancelled)) rc = decide(g, leaver, &body, &cancelled);
    else forget_members(g);
    asyncio__cancelstatus_show(leaver);
    asyncio_error_unref(body.error);
    asyncio_error_unref(cancelled.error);
    g->finished = true;
    asyncio__cancelstatus_unref(g->cancelstatus);
    g->cancelstatus = NULL;
    asyncio_task_unref(g->parent);
    g->parent = NULL;
    return rc;
}

/* ---- as a block ---- */

static int enter_group(asyncio_block *s) {
    asyncio_taskgroup *g = new_group();
    if (!g) return asyncio__slot_status();
    g->entered = true;
    s->object = g;
    return 0;
}

static int exit_group(asyncio_block *s, int status) {
    asyncio_taskgroup *g = s->object;
    int rc = leave_group(g, status);
    asyncio_taskgroup_unref(g);
    return rc;
}

static void keep_group(void *group) { ((asyncio_taskgroup *)group)->refs++; }
static void drop_group(void *group) { asyncio_taskgroup_unref(group); }

static const asyncio_block_ops group_ops = { .size = sizeof(asyncio_block_ops),
                                             .name = "TaskGroup",
                                             .enter = enter_group,
                                             .exit = exit_group,
                                             .ref = keep_group,
                                             .unref = drop_group };

asyncio_taskgroup_with asyncio_taskgroup_block(int *rc) {
    asyncio_taskgroup_with with;
    asyncio__block_init(&with.block, rc, &group_ops, NULL);
    return with;
}

/* ---- as a pair ---- */

static const asyncio_block_ops pair_ops = { .size = sizeof(asyncio_block_ops),
                                            .name = "TaskGroup",
                                            .exit = exit_group };

int asyncio_taskgroup_enter(asyncio_taskgroup **group) {
    if (!group) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a place for the group is required");
    *group = NULL;
    asyncio_taskgroup *g = new_group();
    if (!g) return asyncio__slot_status();
    g->block = asyncio_block_new(NULL, &pair_ops, g);
    int rc = asyncio_block_enter(&g->block);
    if (rc < 0) {
        asyncio_taskgroup_unref(g);
        return rc;
    }
    g->entered = true;
    *group = asyncio_taskgroup_ref(g); /* the block has the other reference */
    return 0;
}

struct exit_args {
    asyncio_taskgroup *group;
    int status;
};

/* Runs in a frame of its own, above the one whose block it leaves. */
static int run_exit(const void *args, asyncio_value *result) {
    const struct exit_args *a = args;
    struct asyncio__frame *frame = asyncio__here.strand->top->up;
    (void)result;
    if (!a->group) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a group is required");
    if (a->group->block.ops != &pair_ops || a->group->exiting || !frame ||
        !asyncio__block_is_open(frame, &a->group->block)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "TaskGroup is not open here");
    }
    asyncio_error *error = a->group->body_error;
    a->group->body_error = NULL;
    if (error) asyncio__error_put(asyncio__here.strand, error);
    return asyncio__block_exit_in(frame, &a->group->block, a->status);
}

ASYNCIO__HOLD(group, asyncio_taskgroup_ref, asyncio_taskgroup_unref);

ASYNCIO__METHOD(asyncio_taskgroup_exit, group, struct exit_args, .run = run_exit);

/* The body's error is in the slot now, but not when the object is awaited: it moves over here. */
asyncio_coro asyncio_taskgroup_exit(asyncio_taskgroup *g, int status) {
    if (g && status < 0 && !g->exiting && !g->body_error) {
        g->body_error = asyncio__error_detach(asyncio__strand_current(), status);
    }
    return ASYNCIO__CORO(asyncio_taskgroup_exit, g, status);
}

int asyncio_taskgroup_repr(const asyncio_taskgroup *g, char *buf, size_t n) {
    char tasks[48] = "", errors[48] = "";
    size_t count = 0;
    if (!g) return snprintf(buf, n, "None");
    for (const struct asyncio__link *l = g->members.next; l != &g->members; l = l->next) count++;
    if (count) snprintf(tasks, sizeof tasks, " tasks=%zu", count);
    if (g->error_count) snprintf(errors, sizeof errors, " errors=%zu", g->error_count);
    return snprintf(buf, n, "<TaskGroup%s%s%s>", tasks, errors,
                    g->aborting  ? " cancelling"
                    : g->entered ? " entered"
                                 : "");
}
