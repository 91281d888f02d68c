/* SPDX-License-Identifier: MIT
 *
 * sync/queue.c: Queue, LifoQueue, PriorityQueue.
 *
 * An item that is put wakes the first getter, but stays in the queue until somebody takes it: a
 * woken getter looks again when it runs, and may have to wait anew, last in line. Putters
 * likewise. One that is woken and then cancelled wakes the next instead. `unfinished` counts
 * what was put and not dealt with; the joiners wait until it is 0.
 *
 * Dropping an item runs the program's code: the queue is in order before, and held.
 */
#include <asyncio/queue.h>

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/value.h"
#include "sync/queueitems.h"
#include "task/waitqueue.h"
#include "sync/object.h"

struct asyncio_queue {
    struct asyncio__queueitems items;
    struct asyncio__link getters;
    struct asyncio__link putters;
    long maxsize; /* as given; <= 0: no limit */
    size_t limit; /* the same; SIZE_MAX: no limit */
    size_t unfinished;
    uint32_t refs;
    bool shut_down;
    struct asyncio__waitqueue joiners;
    asyncio_loop *loop; /* the one it is bound to: a reference, or NULL */
};

static asyncio_queue *new_queue(long maxsize, enum asyncio__queueitems_kind kind,
                                asyncio_queue_compare *compare) {
    asyncio_queue *q = asyncio__malloc(sizeof *q);
    if (!q) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    *q = (asyncio_queue){ .maxsize = maxsize, .refs = 1 };
    q->limit = maxsize > 0 ? (size_t)maxsize : SIZE_MAX;
    asyncio__queueitems_init(&q->items, kind, compare);
    asyncio__link_init(&q->getters);
    asyncio__link_init(&q->putters);
    asyncio__waitqueue_init(&q->joiners);
    return q;
}

asyncio_queue *asyncio_queue_new(long maxsize) {
    return new_queue(maxsize, ASYNCIO__QUEUEITEMS_FIFO, NULL);
}

asyncio_lifoqueue *asyncio_lifoqueue_new(long maxsize) {
    return new_queue(maxsize, ASYNCIO__QUEUEITEMS_LIFO, NULL);
}

asyncio_priorityqueue *asyncio_priorityqueue_new(long maxsize, asyncio_queue_compare *compare) {
    return new_queue(maxsize, ASYNCIO__QUEUEITEMS_HEAP, compare);
}

asyncio_queue *asyncio_queue_ref(asyncio_queue *q) {
    if (q) q->refs++;
    return q;
}

/* While its items are dropped it has one reference more, which is nobody's. */
void asyncio_queue_unref(asyncio_queue *q) {
    if (!q || --q->refs > 0) return;
    q->refs = 1;
    q->shut_down = true;
    while (q->items.count > 0) {
        asyncio_value item = asyncio__queueitems_pop(&q->items);
        asyncio_value_drop(&item);
    }
    asyncio__queueitems_fini(&q->items);
    asyncio_loop_unref(q->loop);
    asyncio__free(q);
}

static int null_queue(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a queue is required"); }

static int raise_shut_down(void) { return asyncio__raise(ASYNCIO_QUEUE_SHUT_DOWN, NULL); }

static bool is_empty(const asyncio_queue *q) { return q->items.count == 0; }

static bool is_full(const asyncio_queue *q) { return q->items.count >= q->limit; }

/* ---- without waiting ---- */

static int put_item(asyncio_queue *q, const asyncio_value *item) {
    int rc = asyncio__queueitems_push(&q->items, item);
    if (ASYNCIO__UNLIKELY(rc < 0)) return rc;
    q->unfinished++;
    if (!asyncio__list_empty(&q->getters)) asyncio__waiters_wake_next(&q->getters);
    return 0;
}

static asyncio_value get_item(asyncio_queue *q) {
    asyncio_value item = asyncio__queueitems_pop(&q->items);
    if (!asyncio__list_empty(&q->putters)) asyncio__waiters_wake_next(&q->putters);
    return item;
}

int asyncio_queue_put_nowait(asyncio_queue *q, asyncio_value item) {
    if (ASYNCIO__UNLIKELY(!q)) return null_queue();
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(q->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    if (ASYNCIO__UNLIKELY(q->shut_down)) return raise_shut_down();
    if (ASYNCIO__UNLIKELY(is_full(q))) return asyncio__raise(ASYNCIO_QUEUE_FULL, NULL);
    return put_item(q, &item);
}

int asyncio_queue_get_nowait(asyncio_queue *q, asyncio_value *out) {
    if (ASYNCIO__UNLIKELY(!q)) return null_queue();
    if (ASYNCIO__UNLIKELY(asyncio__loop_check_thread(q->loop) < 0)) return ASYNCIO_RUNTIME_ERROR;
    if (ASYNCIO__UNLIKELY(is_empty(q))) {
        return q->shut_down ? raise_shut_down() : asyncio__raise(ASYNCIO_QUEUE_EMPTY, NULL);
    }
    asyncio_value item = get_item(q);
    if (out) *out = item;
    else asyncio_value_drop(&item);
    return 0;
}

/* ---- waiting ---- */

/* In line once. useless: the queue is not as the waiters of that line want it. */
static int wait_in_line(asyncio_queue *q, struct asyncio__link *line,
                        bool (*useless)(const asyncio_queue *q)) {
    struct asyncio_task *task = asyncio__task_current();
    struct asyncio__waiter w;
    if (q->shut_down) return raise_shut_down();
    int rc = asyncio__object_bind(&q->loop, task, "Queue");
    if (rc < 0) return rc;
    asyncio__waiter_init(&w, task->future.loop);
    rc = asyncio__waiter_wait(&w, line, task);
    if (ASYNCIO__UNLIKELY(rc < 0) && w.future.state == ASYNCIO__FINISHED && !useless(q)) {
        asyncio__waiters_wake_next(line);
    }
    return rc;
}

static __attribute__((noinline)) int put_when_not_full(asyncio_queue *q, asyncio_value item) {
    int rc = 0;
    asyncio_queue_ref(q);
    while (rc >= 0 && is_full(q)) rc = wait_in_line(q, &q->putters, is_full);
    if (rc >= 0) rc = asyncio_queue_put_nowait(q, item);
    asyncio_queue_unref(q);
    return rc;
}

static __attribute__((noinline)) int get_when_not_empty(asyncio_queue *q, asyncio_value *item) {
    int rc = 0;
    asyncio_queue_ref(q);
    while (rc >= 0 && is_empty(q)) rc = wait_in_line(q, &q->getters, is_empty);
    if (rc >= 0) *item = get_item(q);
    asyncio_queue_unref(q);
    return rc;
}

struct put_args {
    asyncio_queue *queue;
    asyncio_value item;
};

static int run_put(const void *args, asyncio_value *result) {
    const struct put_args *a = args;
    asyncio_queue *q = a->queue;
    (void)result;
    if (ASYNCIO__UNLIKELY(!q)) return null_queue();
    if (ASYNCIO__UNLIKELY(is_full(q) || q->shut_down)) return put_when_not_full(q, a->item);
    return put_item(q, &a->item);
}

static int run_get(const void *args, asyncio_value *result) {
    asyncio_queue *q = asyncio__object_of(args);
    if (ASYNCIO__UNLIKELY(!q)) return null_queue();
    if (ASYNCIO__UNLIKELY(is_empty(q))) return get_when_not_empty(q, result);
    *result = get_item(q);
    return 0;
}

static int put_nowait(const void *args, asyncio_value *out) {
    const struct put_args *a = args;
    asyncio_queue *q = a->queue;
    if (!q || is_full(q) || q->shut_down) return ASYNCIO_MUST_RUN;
    int rc = put_item(q, &a->item);
    if (rc >= 0 && out) *out = asyncio_none();
    return rc;
}

static int get_nowait(const void *args, asyncio_value *out) {
    asyncio_queue *q = asyncio__object_of(args);
    if (!q || is_empty(q)) return ASYNCIO_MUST_RUN;
    asyncio_value item = get_item(q);
    if (out) *out = item;
    else asyncio_value_drop(&item);
    return 0;
}

/* ---- unfinished items ---- */

static void wake_joiners(asyncio_queue *q) { asyncio__waitqueue_wake(&q->joiners, LONG_MAX); }

int asyncio_queue_task_done(asyncio_queue *q) {
    if (!q) return null_queue();
    if (asyncio__loop_check_thread(q->loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (q->unfinished == 0) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "task_done() called too many times");
    }
    if (--q->unfinished == 0) wake_joiners(q);
    return 0;
}

static int run_join(const void *args, asyncio_value *result) {
    asyncio_queue *q = asyncio__object_of(args);
    (void)result;
    if (!q) return null_queue();
    if (q->unfinished == 0) return 0;
    struct asyncio_task *task = asyncio__task_current();
    struct asyncio__waiter w;
    int rc = asyncio__object_bind(&q->loop, task, "Queue");
    if (rc < 0) return rc;
    asyncio__waiter_init(&w, task->future.loop);
    asyncio_queue_ref(q);
    rc = asyncio__waitqueue_wait(&q->joiners, &w, task);
    asyncio_queue_unref(q);
    return rc;
}

static void drop_items(asyncio_queue *q) {
    while (q->items.count > 0) {
        asyncio_value item = asyncio__queueitems_pop(&q->items);
        if (q->unfinished > 0) q->unfinished--;
        asyncio_value_drop(&item);
    }
    if (q->unfinished == 0) wake_joiners(q);
}

void asyncio_queue_shutdown(asyncio_queue *q, bool immediate) {
    if (!q || asyncio__loop_wrong_thread(q->loop, "asyncio_queue_shutdown")) return;
    asyncio_queue_ref(q);
    q->shut_down = true;
    if (immediate) drop_items(q);
    while (!asyncio__list_empty(&q->getters)) asyncio__waiters_wake_next(&q->getters);
    while (!asyncio__list_empty(&q->putters)) asyncio__waiters_wake_next(&q->putters);
    asyncio_queue_unref(q);
}

/* ---- coroutine objects ---- */

ASYNCIO__HOLD(queue, asyncio_queue_ref, asyncio_queue_unref);

ASYNCIO__METHOD(asyncio_queue_put, queue, struct put_args, .run = run_put, .nowait = put_nowait);
ASYNCIO__METHOD(asyncio_queue_get, queue, asyncio_queue *, .run = run_get, .nowait = get_nowait);
ASYNCIO__METHOD(asyncio_queue_join, queue, asyncio_queue *, .run = run_join);

/* Word by word: what is stored so can be loaded at once. */
asyncio_coro asyncio_queue_put(asyncio_queue *q, asyncio_value item) {
    asyncio_coro c;
    c.type = &asyncio_queue_put_type;
    c.reserved = NULL;
    memcpy(c.args.bytes + offsetof(struct put_args, queue), &q, sizeof q);
    memcpy(c.args.bytes + offsetof(struct put_args, item), &item.u, sizeof item.u);
    memcpy(c.args.bytes + offsetof(struct put_args, item.type), &item.type, sizeof item.type);
    return c;
}

asyncio_coro asyncio_queue_get(asyncio_queue *q) { return ASYNCIO__CORO(asyncio_queue_get, q); }

asyncio_coro asyncio_queue_join(asyncio_queue *q) { return ASYNCIO__CORO(asyncio_queue_join, q); }

/* ---- properties ---- */

size_t asyncio_queue_qsize(const asyncio_queue *q) { return q ? q->items.count : 0; }

bool asyncio_queue_empty(const asyncio_queue *q) { return !q || is_empty(q); }

bool asyncio_queue_full(const asyncio_queue *q) { return q && is_full(q); }

long asyncio_queue_maxsize(const asyncio_queue *q) { return q ? q->maxsize : 0; }

size_t asyncio_queue_unfinished(const asyncio_queue *q) { return q ? q->unfinished : 0; }

static void show_items(struct asyncio__text *text, const asyncio_queue *q) {
    for (size_t i = 0; i < q->items.count; i++) {
        asyncio__text_put(text, i == 0 ? " _queue=[" : ", ");
        asyncio__value_show(text, asyncio__queueitems_at(&q->items, i));
    }
    if (q->items.count > 0) asyncio__text_put(text, "]");
}

int asyncio_queue_repr(const asyncio_queue *q, char *buf, size_t n) {
    static const char *const names[] = { "Queue", "LifoQueue", "PriorityQueue" };
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (q) {
        size_t getters = asyncio__list_length(&q->getters);
        size_t putters = asyncio__list_length(&q->putters);
        asyncio__text_printf(&text, "<%s maxsize=%ld", names[q->items.kind], q->maxsize);
        show_items(&text, q);
        if (getters) asyncio__text_printf(&text, " _getters[%zu]", getters);
        if (putters) asyncio__text_printf(&text, " _putters[%zu]", putters);
        if (q->unfinished) asyncio__text_printf(&text, " tasks=%zu", q->unfinished);
        asyncio__text_put(&text, q->shut_down ? " shutdown>" : ">");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
