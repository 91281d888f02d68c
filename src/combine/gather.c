/* SPDX-License-Identifier: MIT
 *
 * combine/gather.c: gather. The outer future follows its children through runnables among their
 * callbacks; it is there as long as it is referred to or one of those is in a list or queued.
 *
 * Outer and children would hold each other for ever if nobody resolves the children. So the
 * outer one lets go of the children that are pending (releases them) when it has ended before
 * them, or when nobody refers to it any more; their runnables then count as done callbacks.
 *
 * The outer future ends by the first child that fails or is cancelled (with return_exceptions
 * by none), otherwise when all are done. Its cancel only asks the children; it is done when
 * they are. Results are taken from the children when it has succeeded: moved from a task
 * nobody else holds, copied otherwise.
 */
#include <asyncio/gather.h>

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "combine/children.h"
#include "task/method.h"

struct gather;

struct child {
    struct asyncio__runnable runnable;
    struct gather *gather;
    asyncio_future *future; /* children.futures holds it, unless it is released */
    bool released;
};

struct gather {
    struct asyncio_future future;
    struct asyncio__children children;
    struct child *runnables; /* one for each distinct child */
    size_t following;        /* runnables in a list or queued */
    size_t finished;
    bool return_exceptions;
    bool cancel_requested;
    bool takes_results; /* the awaiter reads the children itself, or nobody does */
};

static struct gather *gather_of(struct asyncio_future *f) { return (struct gather *)(void *)f; }

/* ---- results ---- */

/* A cancelled child as a result: a new error with its message, or an empty one. */
static asyncio_error *cancelled_result(const asyncio_future *f) {
    return asyncio__error_make(ASYNCIO_CANCELLED_ERROR, f->cancel_msg ? f->cancel_msg->text : "");
}

static int error_result(asyncio_future *f, asyncio_error **error) {
    if (f->state == ASYNCIO__CANCELLED) {
        *error = cancelled_result(f);
        return *error ? 0 : asyncio__raise(-ENOMEM, NULL);
    }
    int rc = asyncio_future_exception(f, error);
    if (rc >= 0) asyncio_error_ref(*error);
    return rc;
}

/* The i-th result as a value; an error is a value, too. */
static int read_result(struct gather *g, size_t i, asyncio_value *value) {
    asyncio_future *f = g->children.futures[g->children.order[i]];
    bool once = g->children.count == g->children.given;
    if (f->state == ASYNCIO__FINISHED) return asyncio__child_result(f, once, value);
    asyncio_error *error;
    int rc = error_result(f, &error);
    if (rc >= 0) *value = asyncio_own(error, &asyncio_value_error);
    return rc;
}

static int read_outcome(struct gather *g, size_t i, asyncio_outcome *o) {
    asyncio_future *f = g->children.futures[g->children.order[i]];
    *o = (asyncio_outcome){ .status = 0 };
    if (f->state == ASYNCIO__FINISHED) {
        return asyncio__child_result(f, g->children.count == g->children.given, &o->value);
    }
    o->status = f->state == ASYNCIO__CANCELLED ? ASYNCIO_CANCELLED_ERROR : f->failed.code;
    return error_result(f, &o->error);
}

/* ---- the list value ---- */

struct list {
    size_t n;
    asyncio_value items[];
};

static void drop_list(asyncio_value *value) {
    struct list *list = value->p;
    for (size_t i = 0; i < list->n; i++) asyncio_value_drop(&list->items[i]);
    asyncio__free(list);
}

static struct list *new_list(size_t n) {
    struct list *list = asyncio__malloc(sizeof *list + n * sizeof *list->items);
    if (list) list->n = 0;
    return list;
}

static int copy_list(asyncio_value *to, const asyncio_value *from) {
    const struct list *list = from->p;
    struct list *copy = new_list(list->n);
    if (!copy) return -ENOMEM;
    asyncio_value value = asyncio_own(copy, &asyncio_value_list);
    for (; copy->n < list->n; copy->n++) {
        int rc = asyncio_value_copy(&copy->items[copy->n], &list->items[copy->n]);
        if (rc >= 0) continue;
        drop_list(&value);
        return rc;
    }
    *to = value;
    return 0;
}

static int repr_list(const asyncio_value *value, char *buf, size_t n) {
    const struct list *list = value->p;
    struct asyncio__text text = asyncio__text_start(buf, n);
    char item[256];
    for (size_t i = 0; i < list->n; i++) {
        asyncio_value_repr(&list->items[i], item, sizeof item);
        asyncio__text_printf(&text, "%s%s", i ? ", " : "[", item);
    }
    asyncio__text_printf(&text, "%s", list->n ? "]" : "[]");
    return asyncio__text_end(&text);
}

const asyncio_value_type asyncio_value_list = { .size = sizeof(asyncio_value_type),
                                                .name = "list",
                                                .drop = drop_list,
                                                .repr = repr_list,
                                                .copy = copy_list };

size_t asyncio_list_len(const asyncio_value *value) {
    return value && value->type == &asyncio_value_list ? ((const struct list *)value->p)->n : 0;
}

asyncio_value asyncio_list_item(const asyncio_value *value, size_t index) {
    if (index >= asyncio_list_len(value)) return asyncio_none();
    return ((const struct list *)value->p)->items[index];
}

/* ---- the outer future ---- */

/* Reads all results into a list. 0, or a raised status. */
static int make_list(struct gather *g, asyncio_value *value) {
    struct list *list = new_list(g->children.given);
    if (!list) return asyncio__raise(-ENOMEM, NULL);
    *value = asyncio_own(list, &asyncio_value_list);
    for (; list->n < g->children.given; list->n++) {
        int rc = read_result(g, list->n, &list->items[list->n]);
        if (rc >= 0) continue;
        drop_list(value);
        return rc;
    }
    return 0;
}

static void fail_raised(struct gather *g, int code) {
    asyncio__future_fail(&g->future, code, asyncio_error_take(code));
}

static void mark_retrieved(asyncio_future *f) {
    if (f->state == ASYNCIO__FAILED) asyncio__future_set_retrieved(f);
}

/* All children were cancelled on request: the outer one fails with the last one's error. */
static void finish_cancelled(struct gather *g) {
    asyncio_future *last = &g->future; /* it has the message, too */
    for (size_t i = 0; i < g->children.count; i++) {
        if (g->children.futures[i]) mark_retrieved(g->children.futures[i]);
    }
    if (g->children.futures[g->children.order[g->children.given - 1]])
        last = g->children.futures[g->children.order[g->children.given - 1]];
    asyncio__future_fail(&g->future, ASYNCIO_CANCELLED_ERROR,
                         asyncio__future_cancelled_error(last));
}

static void finish_gather(struct gather *g) {
    asyncio_value value = asyncio_none();
    if (g->cancel_requested) {
        finish_cancelled(g);
        return;
    }
    int rc = g->takes_results ? 0 : make_list(g, &value);
    if (rc < 0) fail_raised(g, rc);
    else asyncio__future_finish(&g->future, value);
}

/* One child that does not only count: the first that failed or was cancelled ends it. */
static bool ends_gather(struct gather *g, asyncio_future *f) {
    if (g->return_exceptions || f->state == ASYNCIO__FINISHED) return false;
    asyncio_error *error;
    int code = ASYNCIO_CANCELLED_ERROR;
    if (f->state == ASYNCIO__CANCELLED) {
        error = asyncio__future_cancelled_error(f);
    } else {
        code = f->failed.code;
        error = asyncio_future_exception(f, &error) >= 0 ? asyncio_error_ref(error) : NULL;
    }
    asyncio__future_fail(&g->future, code, error);
    return true;
}

static void count_child(struct gather *g, asyncio_future *f) {
    g->finished++;
    if (g->future.state != ASYNCIO__PENDING) {
        mark_retrieved(f);
        return;
    }
    if (!ends_gather(g, f) && g->finished == g->children.count) finish_gather(g);
}

static void free_gather(struct gather *g) {
    asyncio_loop *loop = g->future.loop;
    if (!asyncio__future_fini(&g->future)) return;
    asyncio__children_fini(&g->children);
    asyncio__free(g->runnables);
    asyncio__free(g);
    asyncio__loop_object_gone(loop);
}

static void child_gone(struct gather *g) {
    if (--g->following == 0 && g->future.refs == 0) free_gather(g);
}

static void release_children(struct gather *g) {
    g->following++;
    for (size_t i = 0; i < g->children.count; i++) {
        struct child *c = &g->runnables[i];
        if (c->released || asyncio__list_empty(&c->runnable.link)) continue;
        if (c->future->state != ASYNCIO__PENDING) continue;
        c->released = true;
        c->future->callback_count = (c->future->callback_count + 1u) & 0xffffffu;
        g->children.futures[i] = NULL;
        asyncio_future_unref(c->future);
    }
    child_gone(g);
}

/* As a done callback, a released child is held from the moment it is done. */
static void run_child(struct asyncio__runnable *runnable) {
    struct child *c = asyncio__container(runnable, struct child, runnable);
    struct gather *g = c->gather;
    asyncio_future *released = c->released ? c->future : NULL;
    asyncio__link_init(&runnable->link);
    bool was_pending = g->future.state == ASYNCIO__PENDING;
    if (released && was_pending && !g->takes_results) { /* its result is still needed */
        g->children.futures[c - g->runnables] = released;
        c->released = false;
        released = NULL;
    }
    count_child(g, c->future);
    if (was_pending && g->future.state != ASYNCIO__PENDING) release_children(g);
    asyncio_future_unref(released);
    child_gone(g);
}

static void discard_child(struct asyncio__runnable *runnable) {
    struct child *c = asyncio__container(runnable, struct child, runnable);
    asyncio__link_init(&runnable->link);
    if (c->released && c->future->state != ASYNCIO__PENDING) asyncio_future_unref(c->future);
    child_gone(c->gather);
}

static int describe_child(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "gather.<locals>._done_callback()");
}

/* A gather that is done, because a child has failed, awaits the others no more. */
static struct asyncio_future *child_awaiter(struct asyncio__runnable *runnable, size_t i) {
    struct gather *g = asyncio__container(runnable, struct child, runnable)->gather;
    bool awaits = g->future.refs > 0 && g->future.state == ASYNCIO__PENDING;
    return i == 0 && awaits ? &g->future : NULL;
}

static const struct asyncio__runnable_more child_more = { .awaiter = child_awaiter };
static const struct asyncio__runnable_ops child_ops = {
    .run = run_child,
    .discard = discard_child,
    .describe = describe_child,
    .more = &child_more,
};

static bool cancel_gather(struct asyncio_future *f, struct asyncio__message *msg) {
    struct gather *g = gather_of(f);
    bool any = false;
    if (f->state != ASYNCIO__PENDING) return false; /* unlike a future's, it looks at nothing */
    for (size_t i = 0; i < g->children.given; i++) {
        if (asyncio__future_cancel(g->children.futures[g->children.order[i]], msg)) any = true;
    }
    if (any) g->cancel_requested = true;
    if (any) asyncio__message_set(&f->cancel_msg, msg);
    return any;
}

/* Nobody refers to it. If it has callbacks they want its results all the same, should there be any:
 * they do not keep children that nobody else refers to, either. */
static void abandon_gather(struct asyncio_future *f) {
    struct gather *g = gather_of(f);
    if (g->following == 0) {
        free_gather(g);
    } else {
        if (asyncio__list_empty(&f->callbacks)) g->takes_results = true;
        release_children(g);
    }
}

static const struct asyncio__future_ops gather_ops = {
    .name = "_GatheringFuture", .cancel = cancel_gather, .free = abandon_gather, .relay = true
};

/* Follows the children that are pending first, then accounts for those that are done. */
static void follow_children(struct gather *g) {
    for (size_t i = 0; i < g->children.count; i++) {
        struct child *c = &g->runnables[i];
        *c = (struct child){ .runnable.ops = &child_ops,
                             .gather = g,
                             .future = g->children.futures[i] };
        asyncio__link_init(&c->runnable.link);
        if (c->future->state != ASYNCIO__PENDING) continue;
        g->following++;
        asyncio__list_append(&c->future->callbacks, &c->runnable.link);
    }
    for (size_t i = 0; i < g->children.count; i++) {
        if (asyncio__list_empty(&g->runnables[i].runnable.link))
            count_child(g, g->runnables[i].future);
    }
    if (g->children.count == 0) finish_gather(g);
    if (g->following && g->future.state != ASYNCIO__PENDING) release_children(g);
}

static struct gather *new_gather(size_t n, const asyncio_coro *aws, bool held,
                                 bool return_exceptions, bool takes_results) {
    struct gather *g = asyncio__malloc(sizeof *g);
    struct child *runnables = g ? asyncio__malloc((n ? n : 1) * sizeof *runnables) : NULL;
    int rc = -ENOMEM;
    if (runnables) {
        rc = asyncio__children_init(&g->children, n, aws, held, true);
    } else {
        asyncio__coros_refuse(n, aws, held);
        asyncio__raise(rc, NULL);
    }
    if (rc < 0) {
        asyncio__free(runnables);
        asyncio__free(g);
        return NULL;
    }
    asyncio__future_init(&g->future, g->children.loop, &gather_ops, 0);
    g->future.loop->live++;
    g->runnables = runnables;
    g->following = 0;
    g->finished = 0;
    g->return_exceptions = return_exceptions;
    g->cancel_requested = false;
    g->takes_results = takes_results;
    follow_children(g);
    return g;
}

asyncio_future *asyncio_gather_future(size_t n, const asyncio_coro *aws, bool return_exceptions) {
    if (n && !aws) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "awaitables are required"), NULL;
    struct gather *g = new_gather(n, aws, false, return_exceptions, false);
    return g ? &g->future : NULL;
}

/* ---- to await ---- */

struct gather_args {
    asyncio_value *results;
    asyncio_outcome *outcomes;
    const asyncio_coro *aws;
    size_t n;
    bool held; /* aws are copies of its own */
};

/* Reads into arrays of the awaiter; what was read is dropped again if not all can be. */
static int read_values(struct gather *g, asyncio_value *results) {
    for (size_t i = 0; results && i < g->children.given; i++) {
        int rc = read_result(g, i, &results[i]);
        if (rc >= 0) continue;
        while (i-- > 0) asyncio_value_drop(&results[i]);
        return rc;
    }
    return 0;
}

static int read_outcomes(struct gather *g, asyncio_outcome *outcomes) {
    for (size_t i = 0; i < g->children.given; i++) {
        int rc = read_outcome(g, i, &outcomes[i]);
        if (rc >= 0) continue;
        while (i-- > 0) asyncio_outcome_fini(&outcomes[i]);
        return rc;
    }
    return 0;
}

static int run_gather(const void *args, asyncio_value *result) {
    const struct gather_args *a = args;
    (void)result;
    if (a->n && !a->aws) return asyncio__raise(ASYNCIO_TYPE_ERROR, "awaitables are required");
    struct gather *g = new_gather(a->n, a->aws, a->held, a->outcomes != NULL, true);
    if (!g) return asyncio__slot_status();
    int rc = asyncio_await_future(&g->future, NULL, NULL, NULL);
    if (rc >= 0) rc = a->outcomes ? read_outcomes(g, a->outcomes) : read_values(g, a->results);
    asyncio_future_unref(&g->future);
    return rc < 0 ? rc : 0;
}

static int capture_gather(void *args) {
    struct gather_args *a = args;
    a->held = true;
    return asyncio__coros_copy(&a->aws, a->n);
}

static void release_gather(void *args) {
    struct gather_args *a = args;
    asyncio__coros_free(a->aws, a->n);
}

ASYNCIO__COROUTINE(asyncio_gather, struct gather_args, .run = run_gather, .capture = capture_gather,
                   .release = release_gather);

asyncio_coro asyncio_gather_array(asyncio_value *results, size_t n, const asyncio_coro *aws) {
    return ASYNCIO__CORO(asyncio_gather, results, NULL, aws, n, false);
}

asyncio_coro asyncio_gather_outcomes_array(asyncio_outcome *outcomes, size_t n,
                                           const asyncio_coro *aws) {
    return ASYNCIO__CORO(asyncio_gather, NULL, outcomes, aws, n, false);
}
