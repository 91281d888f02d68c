/* SPDX-License-Identifier: MIT
 *
 * sync_queue.c: the three queues, and the order of a priority queue.
 *
 * Values are compared as Python compares them. Where that raises TypeError the library's heap is
 * told "not before", which leaves it as Python's is left, and the form raises afterwards: an item
 * put is in the queue, without counting as unfinished; an item got is lost.
 */
#include "errors.h"
#include "sync.h"

struct queue {
    asyncio_queue *queue;
    bool incomparable; /* a comparison would have raised */
};

/* What the library holds. */
struct item {
    struct value value;
    struct queue *queue;
};

static const asyncio_value_type item_type = { .size = sizeof(asyncio_value_type), .name = "item" };

static asyncio_value wrap_item(struct interp *it, struct queue *q, struct value v) {
    struct item *item = arena_alloc(&it->arena, sizeof *item);
    *item = (struct item){ v, q };
    return asyncio_own(item, &item_type);
}

/* ---- the order ---- */

static bool is_number(struct value v) { return v.kind == VALUE_INT || v.kind == VALUE_BOOL; }
static int64_t number(struct value v) { return v.kind == VALUE_INT ? v.i : v.b; }

static bool same(struct value a, struct value b) {
    if (is_number(a) && is_number(b)) return number(a) == number(b);
    if (a.kind != VALUE_LIST || b.kind != VALUE_LIST) return value_equal(a, b);
    if (a.list->n != b.list->n) return false;
    for (size_t i = 0; i < a.list->n; i++) {
        if (!same(a.list->items[i], b.list->items[i])) return false;
    }
    return true;
}

/* a < b. wrong: set if they cannot be compared. */
static bool comes_before(struct value a, struct value b, bool *wrong) {
    if (is_number(a) && is_number(b)) return number(a) < number(b);
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING) return strcmp(a.s, b.s) < 0;
    if (a.kind != VALUE_LIST || b.kind != VALUE_LIST) {
        *wrong = true;
        return false;
    }
    size_t i = 0;
    while (i < a.list->n && i < b.list->n && same(a.list->items[i], b.list->items[i])) i++;
    if (i == a.list->n || i == b.list->n) return a.list->n < b.list->n;
    return comes_before(a.list->items[i], b.list->items[i], wrong);
}

static int compare_items(const asyncio_value *a, const asyncio_value *b) {
    const struct item *x = a->p, *y = b->p;
    if (x->queue->incomparable) return 0;
    return comes_before(x->value, y->value, &x->queue->incomparable) ? -1 : 0;
}

/* Raises what a comparison should have raised. */
static int after_order(struct queue *q) {
    if (!q->incomparable) return ST_OK;
    q->incomparable = false;
    return exc_raise_code(ASYNCIO_TYPE_ERROR, "values that have no order");
}

/* ---- making ---- */

static void drop_queue(void *p) { asyncio_queue_unref(((struct queue *)p)->queue); }

static const struct object_class queue_class = { .name = "queue", .drop = drop_queue };

static int new_queue(struct call *c, asyncio_queue *queue, struct value *out) {
    struct queue *q = arena_alloc(&c->it->arena, sizeof *q);
    q->queue = queue;
    return sync_new(c, &queue_class, queue ? q : NULL, out);
}

static int want_size(const struct call *c, long *out) {
    *out = 0;
    return c->n > 0 ? sync_want_long(c, 0, out) : ST_OK;
}

static int form_queue(struct call *c, struct value *out) {
    long n;
    int rc = want_size(c, &n);
    return rc == ST_OK ? new_queue(c, asyncio_queue_new(n), out) : rc;
}

static int form_lifo_queue(struct call *c, struct value *out) {
    long n;
    int rc = want_size(c, &n);
    return rc == ST_OK ? new_queue(c, asyncio_lifoqueue_new(n), out) : rc;
}

static int form_priority_queue(struct call *c, struct value *out) {
    long n;
    int rc = want_size(c, &n);
    return rc == ST_OK ? new_queue(c, asyncio_priorityqueue_new(n, compare_items), out) : rc;
}

/* The queue that is the first argument. */
static int want_queue(const struct call *c, struct queue **out) {
    void *p = NULL;
    int rc = want_object(c, c->args[0], &queue_class, &p);
    *out = p;
    return rc;
}

static struct queue *queue_of(const struct coro *coro) { return coro->args[0].object->p; }

/* ---- putting and getting ---- */

static int after_put(struct queue *q) {
    int rc = after_order(q);
    if (rc < 0) asyncio_ignore(asyncio_queue_task_done(q->queue));
    return rc;
}

static int after_get(struct queue *q, asyncio_value item, struct value *out) {
    int rc = after_order(q);
    if (rc == ST_OK) *out = ((const struct item *)item.p)->value;
    return rc;
}

static int run_put(struct coro *coro, struct value *out) {
    struct queue *q = queue_of(coro);
    asyncio_value item = wrap_item(coro->it, q, coro->args[1]);
    int rc = sync_await(coro, asyncio_queue_put(q->queue, item), out);
    return rc == ST_OK ? after_put(q) : rc;
}

static int run_get(struct coro *coro, struct value *out) {
    struct queue *q = queue_of(coro);
    asyncio_value item = asyncio_none();
    int rc = interp_after(coro->it, AWAIT(asyncio_queue_get(q->queue), &item));
    return rc == ST_OK ? after_get(q, item, out) : rc;
}

static int run_join(struct coro *coro, struct value *out) {
    return sync_await(coro, asyncio_queue_join(queue_of(coro)->queue), out);
}

static int queue_method(struct call *c, int (*run)(struct coro *, struct value *),
                        struct value *out) {
    return sync_is(c->args[0], &queue_class) ? sync_method(c, run, out) : sync_misuse(c);
}

static int form_put(struct call *c, struct value *out) { return queue_method(c, run_put, out); }
static int form_get(struct call *c, struct value *out) { return queue_method(c, run_get, out); }
static int form_join(struct call *c, struct value *out) { return queue_method(c, run_join, out); }

static int form_put_nowait(struct call *c, struct value *out) {
    (void)out;
    struct queue *q;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) rc = asyncio_queue_put_nowait(q->queue, wrap_item(c->it, q, c->args[1]));
    return rc == ST_OK ? after_put(q) : rc;
}

static int form_get_nowait(struct call *c, struct value *out) {
    struct queue *q;
    asyncio_value item;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) rc = asyncio_queue_get_nowait(q->queue, &item);
    return rc == ST_OK ? after_get(q, item, out) : rc;
}

/* ---- the rest ---- */

static int form_task_done(struct call *c, struct value *out) {
    (void)out;
    struct queue *q;
    int rc = want_queue(c, &q);
    return rc == ST_OK ? asyncio_queue_task_done(q->queue) : rc;
}

static int form_shutdown(struct call *c, struct value *out) {
    (void)out;
    struct queue *q;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) asyncio_queue_shutdown(q->queue, c->n > 1 && value_truth(c->args[1]));
    return rc;
}

static int form_qsize(struct call *c, struct value *out) {
    struct queue *q;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) *out = value_int((int64_t)asyncio_queue_qsize(q->queue));
    return rc;
}

static int form_empty(struct call *c, struct value *out) {
    struct queue *q;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) *out = value_bool(asyncio_queue_empty(q->queue));
    return rc;
}

static int form_full(struct call *c, struct value *out) {
    struct queue *q;
    int rc = want_queue(c, &q);
    if (rc == ST_OK) *out = value_bool(asyncio_queue_full(q->queue));
    return rc;
}

const struct form sync_queue_forms[] = {
    { "queue", 0, 1, NULL, form_queue, { NULL } },
    { "lifo-queue", 0, 1, NULL, form_lifo_queue, { NULL } },
    { "priority-queue", 0, 1, NULL, form_priority_queue, { NULL } },
    { "put", 2, 2, NULL, form_put, { NULL } },
    { "get", 1, 1, NULL, form_get, { NULL } },
    { "join", 1, 1, NULL, form_join, { NULL } },
    { "put-nowait", 2, 2, NULL, form_put_nowait, { NULL } },
    { "get-nowait", 1, 1, NULL, form_get_nowait, { NULL } },
    { "task-done", 1, 1, NULL, form_task_done, { NULL } },
    { "shutdown", 1, 2, NULL, form_shutdown, { NULL } },
    { "qsize", 1, 1, NULL, form_qsize, { NULL } },
    { "empty", 1, 1, NULL, form_empty, { NULL } },
    { "full", 1, 1, NULL, form_full, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
