/* SPDX-License-Identifier: MIT
 *
 * loop/handle.c: handles: scheduling calls from the loop's own thread (loop/post.c: from others),
 * running and cancelling them.
 */
#include "loop/handle.h"

#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/interleave.h"
#include "loop/fork.h"
#include "loop/loop.h"

/* ---- life ---- */

/* A foreign handle has no deadline: without it, malloc still has a fast bin for the size, which
 * matters as one thread takes and another gives back. */
#define FOREIGN_SIZE offsetof(struct asyncio_handle, when)

static void free_handle(asyncio_handle *h) {
    asyncio_loop *loop = h->loop;
    if (h->foreign) {
        asyncio__free(h);
        return;
    }
    asyncio__slab_put(&loop->handles_slab, h);
    asyncio__loop_object_gone(loop);
}

/* Gives `by` to the references and returns how many there were. */
static unsigned count_refs(asyncio_handle *h, unsigned by) {
    if (ASYNCIO__UNLIKELY(h->foreign)) {
        return atomic_fetch_add_explicit(&h->refs, by, memory_order_acq_rel);
    }
    unsigned refs = atomic_load_explicit(&h->refs, memory_order_relaxed);
    atomic_store_explicit(&h->refs, refs + by, memory_order_relaxed);
    return refs;
}

asyncio_handle *asyncio_handle_ref(asyncio_handle *h) {
    if (h) count_refs(h, 1);
    return h;
}

void asyncio_handle_unref(asyncio_handle *h) {
    if (!h) return;
    /* One that nobody else has is let go without a locked instruction. */
    bool last = atomic_load_explicit(&h->refs, memory_order_acquire) == 1;
    if (last || count_refs(h, (unsigned)-1) == 1) free_handle(h);
}

/* From one state to another; false if it is in a third. */
static bool change_state(asyncio_handle *h, enum asyncio__handle_state from,
                         enum asyncio__handle_state to) {
    if (ASYNCIO__UNLIKELY(h->foreign)) {
        return atomic_compare_exchange_strong(&h->state, &from, to);
    }
    if (atomic_load_explicit(&h->state, memory_order_relaxed) != from) return false;
    atomic_store_explicit(&h->state, to, memory_order_relaxed);
    return true;
}

/* False if it was cancelled. With the only reference in the queue nobody can cancel it. */
static bool begin_run(asyncio_handle *h) {
    bool alone = atomic_load_explicit(&h->refs, memory_order_acquire) == 1;
    asyncio__point();
    if (!alone) return change_state(h, ASYNCIO__HANDLE_SCHEDULED, ASYNCIO__HANDLE_RUNNING);
    if (atomic_load_explicit(&h->state, memory_order_relaxed) != ASYNCIO__HANDLE_SCHEDULED)
        return false;
    atomic_store_explicit(&h->state, ASYNCIO__HANDLE_RUNNING, memory_order_relaxed);
    return true;
}

/* Its own callback may have cancelled one that is not foreign. */
static void end_run(asyncio_handle *h) {
    if (h->foreign) atomic_store_explicit(&h->state, ASYNCIO__HANDLE_DONE, memory_order_release);
    else change_state(h, ASYNCIO__HANDLE_RUNNING, ASYNCIO__HANDLE_DONE);
}

static void run_handle(struct asyncio__runnable *runnable) {
    asyncio_handle *h = asyncio__container(runnable, asyncio_handle, timer.runnable);
    h->timer.state = ASYNCIO__TIMER_IDLE;
    if (begin_run(h)) {
        asyncio__context_ref saved = asyncio__call_enter(&h->call);
        int status = h->fn(h->call.arg);
        asyncio__call_leave(h->loop, &h->call, saved, status, h, NULL);
        end_run(h);
    }
    asyncio__call_drop(&h->call);
    asyncio_handle_unref(h);
}

static void discard_handle(struct asyncio__runnable *runnable) {
    asyncio_handle *h = asyncio__container(runnable, asyncio_handle, timer.runnable);
    asyncio__call_drop(&h->call);
    asyncio_handle_unref(h);
}

static int describe_handle(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio_handle_repr(asyncio__container(runnable, asyncio_handle, timer.runnable), buf,
                               n);
}

const struct asyncio__runnable_ops asyncio__handle_ops = {
    .run = run_handle,
    .discard = discard_handle,
    .describe = describe_handle,
};

static asyncio_handle *new_handle(asyncio_loop *loop, asyncio_callback *fn,
                                  const asyncio_call_options *options, bool foreign) {
    if (!fn) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required"), NULL;
    asyncio_handle *h =
        foreign ? asyncio__malloc(FOREIGN_SIZE) : asyncio__slab_get(&loop->handles_slab);
    if (!h) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__timer_init(&h->timer, &asyncio__handle_ops);
    h->loop = loop;
    h->fn = fn;
    if (!foreign) h->when = (double)NAN;
    h->foreign = foreign;
    atomic_init(&h->refs, 1);
    atomic_init(&h->state, ASYNCIO__HANDLE_SCHEDULED);
    asyncio__call_init(&h->call, options);
    if (!foreign) loop->live++;
    return h;
}

/* Gives a scheduled handle to whoever asked for it. */
static void hand_out(asyncio_handle *h, const asyncio_call_options *options) {
    if (options && options->handle) *options->handle = asyncio_handle_ref(h);
}

asyncio_handle *asyncio__handle_new_foreign(asyncio_loop *loop, asyncio_callback *fn,
                                            const asyncio_call_options *options) {
    asyncio_handle *h = new_handle(loop, fn, options, true);
    if (h) hand_out(h, options);
    return h;
}

void asyncio__handle_undo(asyncio_handle *h, const asyncio_call_options *options) {
    h->call.drop = NULL;
    asyncio__call_drop(&h->call);
    if (options && options->handle) {
        asyncio_handle_unref(*options->handle);
        *options->handle = NULL;
    }
    asyncio_handle_unref(h);
}

asyncio_handle *asyncio__handle_done(asyncio_loop *loop, asyncio_callback *fn,
                                     const struct asyncio__call *call) {
    asyncio_call_options o = { .size = sizeof o, .name = call->name, .where = call->where };
    asyncio_handle *h = new_handle(loop, fn, &o, true);
    if (!h) return asyncio_ignore(-ENOMEM), NULL;
    asyncio__call_drop(&h->call);
    atomic_store_explicit(&h->state, ASYNCIO__HANDLE_DONE, memory_order_relaxed);
    return h;
}

/* ---- scheduling ---- */

int asyncio_loop_call_soon_with(asyncio_loop *loop, asyncio_callback *fn,
                                const asyncio_call_options *options) {
    int rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    asyncio_handle *h = new_handle(loop, fn, options, false);
    if (!h) return asyncio__slot_status();
    hand_out(h, options);
    asyncio__loop_queue(loop, &h->timer.runnable);
    return 0;
}

int asyncio_loop_call_at_with(asyncio_loop *loop, double when, asyncio_callback *fn,
                              const asyncio_call_options *options) {
    int rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    if (isnan(when))
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "Invalid delay: NaN (not a number)");
    asyncio_handle *h = new_handle(loop, fn, options, false);
    if (!h) return asyncio__slot_status();
    h->when = when;
    rc = asyncio__loop_arm(loop, &h->timer, asyncio__clock_from_seconds(when));
    if (rc < 0) {
        h->call.drop = NULL; /* on failure the argument stays the caller's */
        asyncio__call_drop(&h->call);
        asyncio_handle_unref(h);
        return asyncio__raise(rc, NULL);
    }
    hand_out(h, options);
    return 0;
}

int asyncio_loop_call_later_with(asyncio_loop *loop, double delay, asyncio_callback *fn,
                                 const asyncio_call_options *options) {
    int rc = asyncio__loop_check(loop); /* before the clock, which is the loop's thread's, too */
    if (rc < 0) return rc;
    if (delay <= 0) loop->slow |= ASYNCIO__SLOW_TIMER;
    return asyncio_loop_call_at_with(loop, asyncio_loop_time(loop) + delay, fn, options);
}

/* ---- cancelling ---- */

static bool is_running(asyncio_handle *h) {
    return atomic_load(&h->state) == ASYNCIO__HANDLE_RUNNING;
}

/* In another thread: mark it and, if it is being run right now, wait until that is over. In a
 * forked child that thread is not there. */
static void cancel_foreign(asyncio_handle *h) {
    asyncio__point();
    if (change_state(h, ASYNCIO__HANDLE_SCHEDULED, ASYNCIO__HANDLE_CANCELLED)) return;
    if (!is_running(h) || asyncio__here.running == h->loop || asyncio__fork_dropped(h->loop))
        return;
    while (is_running(h)) asyncio__yield();
}

void asyncio_handle_cancel(asyncio_handle *h) {
    if (!h) return;
    if (h->foreign) {
        cancel_foreign(h);
        return;
    }
    if (asyncio__loop_wrong_thread(h->loop, "asyncio_handle_cancel")) return;
    enum asyncio__handle_state was = atomic_load_explicit(&h->state, memory_order_relaxed);
    if (was == ASYNCIO__HANDLE_CANCELLED) return;
    atomic_store_explicit(&h->state, ASYNCIO__HANDLE_CANCELLED, memory_order_relaxed);
    if (was != ASYNCIO__HANDLE_SCHEDULED) return;
    if (!h->loop->closed) {
        if (isnan(h->when)) asyncio__link_unlink(&h->timer.runnable.link);
        else asyncio__timer_cancel(&h->loop->timers, &h->timer);
        asyncio__call_drop(&h->call);
        asyncio_handle_unref(h);
    }
}

bool asyncio_handle_cancelled(const asyncio_handle *h) {
    return h && atomic_load(&h->state) == ASYNCIO__HANDLE_CANCELLED;
}

double asyncio_handle_when(const asyncio_handle *h) {
    return h && !h->foreign ? h->when : (double)NAN;
}

int asyncio_handle_repr(const asyncio_handle *h, char *buf, size_t n) {
    if (!h) return snprintf(buf, n, "None");
    double deadline = asyncio_handle_when(h);
    const char *kind = isnan(deadline) ? "Handle" : "TimerHandle";
    bool cancelled = asyncio_handle_cancelled(h);
    char when[48] = "", what[256] = "";
    if (!isnan(deadline)) {
        asyncio_value seconds = asyncio_double(deadline);
        memcpy(when, " when=", 6);
        asyncio_value_repr(&seconds, when + 6, sizeof when - 6);
    }
    if (!cancelled || (!h->foreign && h->loop->debug)) {
        what[0] = ' ';
        asyncio__call_describe(&h->call, what + 1, sizeof what - 1);
    }
    return snprintf(buf, n, "<%s%s%s%s>", kind, cancelled ? " cancelled" : "", when, what);
}
