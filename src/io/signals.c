/* SPDX-License-Identifier: MIT
 *
 * io/signals.c: a stream of signals. What has come is a set of numbers; whoever waits is in a
 * line and takes from the set when it runs, so a waiter that is cancelled takes nothing with it.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "io/signal.h"
#include "task/waitqueue.h"
#include "sync/object.h"

struct member {
    struct asyncio__subscription subscription;
    asyncio_signals *signals;
};

struct asyncio_signals {
    struct asyncio__waitqueue line;
    asyncio_loop *loop; /* a reference */
    uint64_t pending;   /* bit i: signal i + 1 has come */
    uint32_t refs;
    size_t n; /* members that are started */
    struct member members[];
};

static struct member *member_of(struct asyncio__subscription *s) {
    return asyncio__container(s, struct member, subscription);
}

static void deliver_to_signals(struct asyncio__subscription *s) {
    asyncio_signals *signals = member_of(s)->signals;
    while (asyncio__subscription_take(s)) continue;
    signals->pending |= (uint64_t)1 << (s->signum - 1);
    asyncio__waitqueue_wake(&signals->line, 1);
}

static void close_member(struct asyncio__subscription *s) {
    member_of(s)->subscription.loop = NULL; /* it is stopped */
}

/* ---- new and old ---- */

static int start_members(asyncio_signals *s, size_t n, const int *signums) {
    for (; s->n < n; s->n++) {
        struct member *m = &s->members[s->n];
        m->signals = s;
        m->subscription.unannounced = false;
        m->subscription.deliver = deliver_to_signals;
        m->subscription.closed = close_member;
        int rc = asyncio__subscription_start(&m->subscription, s->loop, signums[s->n]);
        if (rc < 0) return rc;
    }
    return 0;
}

asyncio_signals *asyncio_signals_new(size_t n, const int *signums) {
    asyncio_loop *loop = asyncio_get_running_loop();
    if (!loop) return NULL;
    if (n == 0 || !signums) {
        return (void)asyncio__raise(ASYNCIO_VALUE_ERROR, "at least one signal is required"), NULL;
    }
    asyncio_signals *s = asyncio__calloc(1, sizeof *s + n * sizeof s->members[0]);
    if (!s) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__waitqueue_init(&s->line);
    s->loop = asyncio_loop_ref(loop);
    s->refs = 1;
    if (start_members(s, n, signums) >= 0) return s;
    asyncio_signals_unref(s);
    return NULL;
}

asyncio_signals *asyncio_signals_ref(asyncio_signals *s) {
    if (s) s->refs++;
    return s;
}

void asyncio_signals_unref(asyncio_signals *s) {
    if (!s || --s->refs > 0) return;
    while (s->n > 0) {
        struct member *m = &s->members[--s->n];
        if (m->subscription.loop) asyncio__subscription_stop(&m->subscription);
    }
    asyncio_loop_unref(s->loop);
    asyncio__free(s);
}

/* ---- next ---- */

static int take_lowest(asyncio_signals *s) {
    int lowest = __builtin_ctzll(s->pending);
    s->pending &= s->pending - 1;
    return lowest + 1;
}

static int next_signal(asyncio_signals *s, struct asyncio_task *task) {
    int rc = 0;
    while (rc >= 0 && !s->pending) {
        struct asyncio__waiter w;
        asyncio__waiter_init(&w, s->loop);
        rc = asyncio__waitqueue_wait(&s->line, &w, task);
    }
    if (rc >= 0) rc = take_lowest(s);
    if (s->pending) asyncio__waitqueue_wake(&s->line, 1); /* more came, or we were woken in vain */
    return rc;
}

static int run_next(const void *args, asyncio_value *result) {
    asyncio_signals *s = asyncio__object_of(args);
    struct asyncio_task *task = asyncio__task_current();
    (void)result;
    if (!s) return asyncio__raise(ASYNCIO_TYPE_ERROR, "signals are required");
    int rc = asyncio__object_bind(&s->loop, task, "signals");
    if (rc < 0) return rc;
    asyncio_signals_ref(s);
    rc = next_signal(s, task);
    asyncio_signals_unref(s);
    return rc;
}

ASYNCIO__HOLD(signals, asyncio_signals_ref, asyncio_signals_unref);

ASYNCIO__METHOD(asyncio_signals_next, signals, asyncio_signals *, .run = run_next);

asyncio_coro asyncio_signals_next(asyncio_signals *signals) {
    return ASYNCIO__CORO(asyncio_signals_next, signals);
}
