/* SPDX-License-Identifier: MIT
 *
 * thread/async.c: a call that can be sent from anywhere, signal handlers included.
 *
 * `posted` is set by the first send and taken back just before the callback runs. The runnable in
 * the inbox holds a reference; whoever sends has the user's.
 */
#include <asyncio/threadsafe.h>
#include <errno.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/interleave.h"
#include "loop/handle.h"
#include "loop/inbox.h"

struct asyncio_async {
    struct asyncio__runnable runnable;
    asyncio_loop *loop; /* held */
    asyncio_callback *fn;
    struct asyncio__call call;
    struct asyncio__tie tie;
    atomic_uint refs;
    atomic_bool posted; /* the runnable is in the inbox or in the ready queue */
    bool running;       /* the callback is being called */
    bool closed;
};

static void unref_async(asyncio_async *a) {
    if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1) return;
    asyncio__loop_release(a->loop);
    asyncio__free(a);
}

static asyncio_async *async_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, asyncio_async, runnable);
}

static void run_async(struct asyncio__runnable *runnable) {
    asyncio_async *a = async_of(runnable);
    asyncio__link_init(&runnable->link);
    asyncio__point();
    /* An exchange, since emulators do not keep a store and a load after it in order. */
    atomic_exchange(&a->posted, false);
    asyncio__point();
    if (!a->closed) {
        asyncio__context_ref saved = asyncio__call_enter(&a->call);
        a->running = true;
        int status = a->fn(a->call.arg);
        a->running = false;
        asyncio__call_leave(a->loop, &a->call, saved, status, NULL, NULL);
        if (a->closed) asyncio__call_drop(&a->call);
    }
    unref_async(a);
}

static void discard_async(struct asyncio__runnable *runnable) {
    asyncio_async *a = async_of(runnable);
    asyncio__link_init(&runnable->link);
    atomic_store(&a->posted, false);
    unref_async(a);
}

static int describe_async(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio__call_describe(&async_of(runnable)->call, buf, n);
}

static const struct asyncio__runnable_ops async_ops = {
    .run = run_async,
    .discard = discard_async,
    .describe = describe_async,
};

static void loop_closed(struct asyncio__tie *tie) {
    asyncio__container(tie, asyncio_async, tie)->loop->external--;
}

asyncio_async *asyncio_async_new_with(asyncio_loop *loop, asyncio_callback *fn,
                                      const asyncio_call_options *options) {
    if (asyncio__loop_check(loop) < 0) return NULL;
    if (!fn) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required"), NULL;
    asyncio_async *a = asyncio__malloc(sizeof *a);
    if (!a) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    a->runnable.ops = &async_ops;
    asyncio__link_init(&a->runnable.link);
    a->loop = loop;
    a->fn = fn;
    a->tie.close = loop_closed;
    a->running = a->closed = false;
    atomic_init(&a->refs, 1);
    atomic_init(&a->posted, false);
    asyncio__call_init(&a->call, options);
    asyncio__list_append(&loop->ties, &a->tie.link);
    asyncio__loop_hold(loop);
    loop->external++;
    return a;
}

int asyncio_async_send(asyncio_async *a) {
    if (!a) return ASYNCIO_TYPE_ERROR;
    asyncio__point();
    if (atomic_exchange(&a->posted, true)) return 0;
    asyncio__point();
    atomic_fetch_add(&a->refs, 1);
    if (asyncio__inbox_post(a->loop, &a->runnable) == 0) return 0;
    atomic_fetch_sub(&a->refs, 1);
    return ASYNCIO_RUNTIME_ERROR;
}

void asyncio_async_close(asyncio_async *a) {
    if (!a || a->closed || asyncio__loop_wrong_thread(a->loop, "asyncio_async_close")) return;
    a->closed = true;
    if (!a->loop->closed) a->loop->external--;
    asyncio__link_take(&a->tie.link);
    if (!a->running) asyncio__call_drop(&a->call);
    unref_async(a);
}
