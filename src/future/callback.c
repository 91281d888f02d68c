/* SPDX-License-Identifier: MIT
 *
 * future/callback.c: done callbacks. A record sits in its future's list until that is
 * resolved, then in the ready queue, holding the future, until it has run.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include "base/error.h"
#include "future/future.h"
#include "loop/handle.h"

#define CALLBACKS_MAX ((1u << 24) - 1)

struct callback {
    struct asyncio__runnable runnable;
    asyncio_done_callback *fn;
    struct asyncio__call call;
    asyncio_future *future; /* a reference from the moment it is scheduled */
    asyncio_loop *loop;
};

_Static_assert(sizeof(struct callback) <= sizeof(struct asyncio_handle), "shares their slab");

static struct callback *callback_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct callback, runnable);
}

static void free_callback(struct callback *c) {
    asyncio_loop *loop = c->loop;
    asyncio__call_drop(&c->call);
    asyncio__slab_put(&loop->handles_slab, c);
    asyncio__loop_object_gone(loop);
}

static void run_callback(struct asyncio__runnable *runnable) {
    struct callback *c = callback_of(runnable);
    asyncio_future *future = c->future;
    asyncio__context_ref saved = asyncio__call_enter(&c->call);
    int status = c->fn(future, c->call.arg);
    asyncio__call_leave(c->loop, &c->call, saved, status, NULL, future);
    free_callback(c);
    asyncio_future_unref(future);
}

static void discard_callback(struct asyncio__runnable *runnable) {
    struct callback *c = callback_of(runnable);
    asyncio_future *future = c->future->state == ASYNCIO__PENDING ? NULL : c->future;
    free_callback(c);
    asyncio_future_unref(future);
}

static int describe_callback(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio__call_describe(&callback_of(runnable)->call, buf, n);
}

static const struct asyncio__runnable_ops callback_ops = {
    .run = run_callback,
    .discard = discard_callback,
    .describe = describe_callback,
};

static struct callback *new_callback(asyncio_future *f, asyncio_done_callback *fn,
                                     const asyncio_call_options *options) {
    struct callback *c = asyncio__slab_get(&f->loop->handles_slab);
    if (!c) return NULL;
    c->runnable.ops = &callback_ops;
    c->fn = fn;
    c->future = f;
    c->loop = f->loop;
    c->loop->live++;
    asyncio__call_init(&c->call, options);
    return c;
}

int asyncio_future_add_done_callback_with(asyncio_future *f, asyncio_done_callback *fn,
                                          const asyncio_call_options *options) {
    if (!f || !fn)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a future and a callback are required");
    bool pending = f->state == ASYNCIO__PENDING;
    int rc = pending ? asyncio__loop_check_thread(f->loop) : asyncio__loop_check(f->loop);
    if (rc < 0) return rc;
    struct callback *c = f->callback_count < CALLBACKS_MAX ? new_callback(f, fn, options) : NULL;
    if (!c) return asyncio__raise(-ENOMEM, NULL);
    if (pending) {
        f->callback_count++;
        asyncio__list_append(&f->callbacks, &c->runnable.link);
    } else {
        f->refs++;
        asyncio__loop_queue(f->loop, &c->runnable);
    }
    return 0;
}

size_t asyncio_future_remove_done_callback(asyncio_future *f, asyncio_done_callback *fn,
                                           void *arg) {
    struct asyncio__link gone;
    size_t count = 0;
    asyncio__link_init(&gone);
    if (!f || f->state != ASYNCIO__PENDING || asyncio__loop_check_thread(f->loop) < 0) return 0;
    for (struct asyncio__link *l = f->callbacks.next, *next; l != &f->callbacks; l = next) {
        next = l->next;
        struct asyncio__runnable *runnable = asyncio__runnable_of(l);
        if (runnable->ops != &callback_ops) continue;
        struct callback *c = callback_of(runnable);
        if (c->fn != fn || c->call.arg != arg) continue;
        asyncio__link_unlink(l);
        asyncio__list_append(&gone, l);
        count++;
    }
    f->callback_count = (f->callback_count - (unsigned)count) & CALLBACKS_MAX;
    while (!asyncio__list_empty(&gone)) { /* detached first: a drop may call back into f */
        struct asyncio__link *l = gone.next;
        asyncio__link_unlink(l);
        free_callback(callback_of(asyncio__runnable_of(l)));
    }
    return count;
}
