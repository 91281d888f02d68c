/* SPDX-License-Identifier: MIT
 *
 * inspect/mark.c: what a program tells about who waits for whom. A mark is a runnable among the
 * callbacks of the future that does nothing when its turn comes.
 */
#include <asyncio/graph.h>
#include <errno.h>

#include "base/error.h"
#include "future/future.h"

struct mark {
    struct asyncio__runnable runnable;
    asyncio_future *waiter; /* a reference */
    asyncio_loop *loop;
};

_Static_assert(sizeof(struct mark) <= 96, "fits the loop's cells");

static struct mark *mark_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct mark, runnable);
}

static void free_mark(struct asyncio__runnable *runnable) {
    struct mark *m = mark_of(runnable);
    asyncio_loop *loop = m->loop;
    asyncio_future *waiter = m->waiter;
    asyncio__slab_put(&loop->cells_slab, m);
    asyncio_future_unref(waiter);
    asyncio__loop_object_gone(loop);
}

static int describe_mark(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "awaited_by()");
}

static struct asyncio_future *mark_awaiter(struct asyncio__runnable *runnable, size_t i) {
    return i == 0 ? mark_of(runnable)->waiter : NULL;
}

static const struct asyncio__runnable_more mark_more = { .awaiter = mark_awaiter, .silent = true };
static const struct asyncio__runnable_ops mark_ops = {
    .run = free_mark,
    .discard = free_mark,
    .describe = describe_mark,
    .more = &mark_more,
};

static struct asyncio__runnable *find_mark(asyncio_future *f, const asyncio_future *waiter) {
    for (struct asyncio__link *l = f->callbacks.next; l != &f->callbacks; l = l->next) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(l);
        if (runnable->ops == &mark_ops && mark_of(runnable)->waiter == waiter) return runnable;
    }
    return NULL;
}

int asyncio_future_add_to_awaited_by(asyncio_future *f, asyncio_future *waiter) {
    if (!f || !waiter || f->state != ASYNCIO__PENDING || find_mark(f, waiter)) return 0;
    struct mark *m = asyncio__slab_get(&f->loop->cells_slab);
    if (!m) return asyncio__raise(-ENOMEM, NULL);
    m->runnable.ops = &mark_ops;
    m->waiter = asyncio_future_ref(waiter);
    m->loop = f->loop;
    m->loop->live++;
    asyncio__list_append(&f->callbacks, &m->runnable.link);
    return 0;
}

void asyncio_future_discard_from_awaited_by(asyncio_future *f, asyncio_future *waiter) {
    if (!f || !waiter || f->state != ASYNCIO__PENDING) return;
    struct asyncio__runnable *runnable = find_mark(f, waiter);
    if (!runnable) return;
    asyncio__link_unlink(&runnable->link);
    free_mark(runnable);
}
