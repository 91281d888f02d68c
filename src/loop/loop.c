/* SPDX-License-Identifier: MIT
 *
 * loop/loop.c: making a loop and closing it, and which loop is whose.
 *
 * Lifetime: the user's references (refs), the objects that point at the loop (live) and what
 * other threads hold keep its memory (loop/state.c); its queues, descriptors and stacks go at
 * close. What a forked child inherits is closed there (loop/fork.h).
 */
#include "loop/loop.h"

#include <asyncio/testing.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/threadkey.h"
#include "context/cxx.h"
#include "loop/fork.h"
#include "loop/handle.h"
#include "loop/inbox.h"
#include "loop/post.h"

/* ---- making and closing ---- */

static void init_slabs(asyncio_loop *loop) {
    asyncio__slab_init(&loop->handles_slab, sizeof(struct asyncio_handle), 16);
    asyncio__slab_init(&loop->cells_slab, 96, 16);
}

static void init_fields(asyncio_loop *loop, const struct asyncio__loop_hooks *hooks) {
    asyncio__link_init(&loop->batch);
    asyncio__link_init(&loop->ready);
    asyncio__link_init(&loop->ties);
    asyncio__timers_init(&loop->timers);
    atomic_init(&loop->refs, 1);
    atomic_init(&loop->holds, 2);
    loop->hooks = hooks;
    loop->slow_callback_duration = 0.1;
    loop->sample_interval = 1;
    loop->poll_interval = 125000; /* a guess, calibrated by the first polls */
    loop->now = asyncio__clock_now();
    const char *debug = getenv("ASYNCIO_DEBUG");
    if (debug && *debug) asyncio_loop_set_debug(loop, true);
    const char *clock = getenv("ASYNCIO_CLOCK");
    loop->virtual_clock = clock && strcmp(clock, "virtual") == 0;
    if (loop->virtual_clock) loop->now = 0;
    const char *shuffle = getenv("ASYNCIO_SHUFFLE");
    if (shuffle) asyncio_testing_shuffle(loop, strtoull(shuffle, NULL, 10));
    const char *watchdog = getenv("ASYNCIO_WATCHDOG");
    double limit = watchdog ? strtod(watchdog, NULL) : 0;
    if (limit > 0) loop->watchdog_limit = asyncio__clock_from_seconds(limit);
}

asyncio_loop *asyncio__loop_new(const struct asyncio__loop_hooks *hooks) {
    asyncio_loop *loop = asyncio__calloc(1, sizeof *loop);
    if (!loop) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    init_fields(loop, hooks);
    int rc = asyncio__poller_init(&loop->poller);
    if (rc == 0) {
        loop->fork_mark = asyncio__fork_mark();
        rc = loop->fork_mark ? asyncio__stackpool_init(&loop->stacks) : -ENOMEM;
        if (rc < 0) asyncio__poller_fini(&loop->poller);
    }
    if (rc < 0) {
        asyncio__free(loop);
        asyncio__raise(rc, "cannot make an event loop");
        return NULL;
    }
    init_slabs(loop);
    hooks->init(loop);
    asyncio__fork_watch(loop);
    return loop;
}

asyncio_loop *asyncio_loop_ref(asyncio_loop *loop) {
    if (loop) atomic_fetch_add(&loop->refs, 1);
    return loop;
}

void asyncio_loop_unref(asyncio_loop *loop) {
    if (!loop || atomic_fetch_sub(&loop->refs, 1) != 1) return;
    if (!loop->closed) {
        atomic_store(&loop->refs, 1);
        fprintf(stderr, "asyncio: an event loop was freed without being closed\n");
        asyncio_loop_close(loop);
        atomic_store(&loop->refs, 0);
    }
    asyncio__loop_release(loop);
}

/* Takes what is queued out of a list, one by one, without running it. */
static void discard_list(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(list->next);
        asyncio__link_unlink(&runnable->link);
        runnable->ops->discard(runnable);
    }
}

static void close_ties(asyncio_loop *loop) {
    while (!asyncio__list_empty(&loop->ties)) {
        struct asyncio__tie *tie = asyncio__container(loop->ties.next, struct asyncio__tie, link);
        asyncio__link_take(&tie->link);
        tie->close(tie);
    }
}

int asyncio_loop_close(asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (loop->running)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot close a running event loop");
    if (loop->closed) return 0;
    loop->closed = true;
    loop->cxx = asyncio__cxx_words();
    loop->slow |= ASYNCIO__SLOW_CLOSE;
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_POINTS;
    loop->live++; /* the loop outlives its last object until the end of this function */
    loop->hooks->destroy_pending(loop);
    close_ties(loop);
    if (!*loop->fork_mark) return 0; /* one of these forked */
    asyncio__fork_unwatch(loop);
    asyncio__inbox_close(loop);
    discard_list(&loop->batch);
    discard_list(&loop->ready);
    struct asyncio__timer *timer;
    while ((timer = asyncio__timers_pop(&loop->timers)) != NULL)
        timer->runnable.ops->discard(&timer->runnable);
    asyncio__timers_fini(&loop->timers);
    asyncio__posts_close(loop);
    asyncio__descriptors_close(loop);
    asyncio__poller_fini(&loop->poller);
    asyncio__stackpool_fini(&loop->stacks);
    asyncio_error_unref(loop->exit_error);
    loop->exit_error = NULL;
    if (asyncio__here.set == loop) asyncio_set_event_loop(NULL);
    asyncio__loop_object_gone(loop);
    return 0;
}

/* ---- which loop ---- */

asyncio_loop *asyncio_get_running_loop(void) {
    if (!asyncio__here.running) asyncio__raise(ASYNCIO_RUNTIME_ERROR, "no running event loop");
    return asyncio__here.running;
}

asyncio_loop *asyncio_get_event_loop(void) {
    asyncio_loop *loop = asyncio__here.running ? asyncio__here.running : asyncio__here.set;
    if (!loop)
        asyncio__raise(ASYNCIO_RUNTIME_ERROR, "There is no current event loop in this thread");
    return loop;
}

static struct asyncio__threadkey set_key; /* lets go of the loop when a thread ends */
static pthread_once_t set_key_once = PTHREAD_ONCE_INIT;

static void forget_loop(void *unused) {
    (void)unused;
    asyncio_set_event_loop(NULL);
}

static void make_set_key(void) { asyncio__threadkey_make(&set_key, forget_loop); }

__attribute__((destructor)) static void drop_set_key(void) { asyncio__threadkey_drop(&set_key); }

void asyncio_set_event_loop(asyncio_loop *loop) {
    asyncio_loop *old = asyncio__here.set;
    pthread_once(&set_key_once, make_set_key);
    (void)asyncio__threadkey_set(&set_key, loop);
    asyncio__here.set = asyncio_loop_ref(loop);
    asyncio_loop_unref(old);
}
