/* SPDX-License-Identifier: MIT
 *
 * combine/shield.c: shield. An outer future follows an inner one; cancelling the outer one
 * leaves the inner alone.
 *
 * Two runnables tie them: one among the inner's callbacks, while which is there the outer one is
 * there, too; and one among the outer's own, which tells when somebody has given the outer one
 * up. The inner runnable is then taken out, or becomes a watch: it only reports if the inner one
 * fails after all. Of many watches on one inner future only the last stays.
 *
 * The outer one holds the inner one until it is done or nobody refers to it any more; otherwise
 * the two would hold each other for ever if nobody resolves the inner one. It then borrows it.
 */
#include <asyncio/gather.h>
#include <errno.h>

#include "base/alloc.h"
#include "combine/children.h"
#include "task/method.h"

struct shield {
    struct asyncio_future outer;
    struct asyncio__runnable inner_runnable; /* follows, later watches */
    struct asyncio__runnable outer_runnable; /* counted among the outer's done callbacks */
    asyncio_future *inner;                   /* a reference unless it is borrowed; NULL when over */
    bool following;                          /* inner_runnable is in a list or queued */
    bool borrowed;                           /* inner_runnable counts as a done callback of inner */
};

static struct shield *shield_of_inner(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct shield, inner_runnable);
}

/* ---- the inner one is done ---- */

static void follow_inner(struct shield *s) {
    asyncio_future *inner = s->inner;
    asyncio_error *error = NULL;
    if (s->outer.state != ASYNCIO__PENDING) return;
    if (inner->state == ASYNCIO__CANCELLED) {
        asyncio__future_cancel_plain(&s->outer, NULL);
    } else if (inner->state == ASYNCIO__FAILED) {
        int rc = asyncio_future_exception(inner, &error);
        asyncio__future_fail(&s->outer, inner->failed.code,
                             rc < 0 ? NULL : asyncio_error_ref(error));
    } else {
        asyncio_value value;
        int rc = asyncio__child_result(inner, true, &value);
        if (rc < 0) asyncio__future_fail(&s->outer, rc, asyncio_error_take(rc));
        else asyncio__future_finish(&s->outer, value);
    }
}

static void release_inner(struct shield *s) {
    asyncio_future *inner = s->inner;
    s->inner = NULL;
    asyncio_future_unref(inner);
}

static void free_shield(struct shield *s) {
    asyncio_loop *loop = s->outer.loop;
    if (!asyncio__future_fini(&s->outer)) return;
    if (s->inner) release_inner(s);
    asyncio__free(s);
    asyncio__loop_object_gone(loop);
}

static void inner_runnable_gone(struct shield *s) {
    s->following = false;
    if (s->outer.refs == 0) free_shield(s);
}

/* A borrowed future is held from the moment it is done, as by a done callback. */
static void return_inner(struct shield *s) {
    if (s->inner->state == ASYNCIO__PENDING) s->inner = NULL;
    else release_inner(s);
}

static void run_inner(struct asyncio__runnable *runnable) {
    struct shield *s = shield_of_inner(runnable);
    asyncio__link_init(&runnable->link);
    if (s->inner) follow_inner(s);
    if (s->borrowed) return_inner(s);
    inner_runnable_gone(s);
}

static void discard_inner(struct asyncio__runnable *runnable) {
    struct shield *s = shield_of_inner(runnable);
    asyncio__link_init(&runnable->link);
    if (s->borrowed) return_inner(s);
    inner_runnable_gone(s);
}

static int describe_inner(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "shield.<locals>._inner_done_callback()");
}

static struct asyncio_future *inner_awaiter(struct asyncio__runnable *runnable, size_t i) {
    struct shield *s = shield_of_inner(runnable);
    bool awaits = s->outer.refs > 0 && s->outer.state == ASYNCIO__PENDING;
    return i == 0 && awaits ? &s->outer : NULL;
}

static const struct asyncio__runnable_more inner_more = { .awaiter = inner_awaiter };
static const struct asyncio__runnable_ops inner_ops = {
    .run = run_inner,
    .discard = discard_inner,
    .describe = describe_inner,
    .more = &inner_more,
};

/* ---- watching an inner one that was given up ---- */

static void run_watch(struct asyncio__runnable *runnable) {
    struct shield *s = shield_of_inner(runnable);
    asyncio_future *inner = s->inner;
    asyncio_error *error = NULL;
    asyncio__link_init(&runnable->link);
    if (inner->state == ASYNCIO__FAILED && asyncio_future_exception(inner, &error) >= 0) {
        char message[128];
        snprintf(message, sizeof message, "%s exception in shielded future",
                 asyncio_err_name(asyncio_error_code(error)));
        asyncio_exception_context context = {
            .size = sizeof context, .message = message, .exception = error, .future = inner
        };
        asyncio__loop_report(inner->loop, &context);
    }
    return_inner(s);
    inner_runnable_gone(s);
}

static const struct asyncio__runnable_ops watch_ops = {
    .run = run_watch,
    .discard = discard_inner,
    .describe = describe_inner,
};

static void remove_watches(asyncio_future *inner) {
    for (struct asyncio__link *l = inner->callbacks.next, *next; l != &inner->callbacks; l = next) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(l);
        next = l->next;
        if (runnable->ops != &watch_ops) continue;
        asyncio__link_unlink(l);
        inner->callback_count = (inner->callback_count - 1u) & 0xffffffu;
        discard_inner(runnable);
        next = inner->callbacks.next; /* whatever that let go of, start again */
    }
}

/* ---- the outer one is done ---- */

static void borrow_inner(struct shield *s) {
    asyncio_future *inner = s->inner;
    s->borrowed = true;
    inner->callback_count = (inner->callback_count + 1u) & 0xffffffu;
    asyncio_future_unref(inner);
}

static void watch_inner(struct shield *s) {
    asyncio__link_take(&s->inner_runnable.link);
    remove_watches(s->inner);
    s->inner_runnable.ops = &watch_ops;
    asyncio__list_append(&s->inner->callbacks, &s->inner_runnable.link);
    borrow_inner(s);
}

/* Nobody refers to the outer one. Its callbacks are called all the same if the inner one is done
 * some day; they do not keep one that nobody else refers to. */
static void abandon_shield(struct asyncio_future *f) {
    struct shield *s = (struct shield *)(void *)f;
    if (!s->following) {
        free_shield(s);
    } else if (!s->borrowed && s->inner && s->inner->state == ASYNCIO__PENDING) {
        borrow_inner(s);
    }
}

static struct shield *shield_of_outer(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct shield, outer_runnable);
}

static void run_outer(struct asyncio__runnable *runnable) {
    struct shield *s = shield_of_outer(runnable);
    asyncio__link_init(&runnable->link);
    if (s->inner && s->inner->state == ASYNCIO__PENDING) watch_inner(s);
    else if (s->inner) release_inner(s);
    asyncio_future_unref(&s->outer);
}

static void discard_outer(struct asyncio__runnable *runnable) {
    struct shield *s = shield_of_outer(runnable);
    asyncio__link_init(&runnable->link);
    if (s->outer.state == ASYNCIO__PENDING) return;
    /* Given up, but the loop is closing before that was seen. */
    if (s->inner && !s->borrowed && s->inner->state == ASYNCIO__PENDING) borrow_inner(s);
    asyncio_future_unref(&s->outer);
}

static int describe_outer(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "shield.<locals>._outer_done_callback()");
}

static const struct asyncio__runnable_ops outer_ops = {
    .run = run_outer,
    .discard = discard_outer,
    .describe = describe_outer,
};

static const struct asyncio__future_ops shield_ops = { .name = "Future",
                                                       .free = abandon_shield,
                                                       .relay = true };

/* ---- making one ---- */

static asyncio_future *new_shield(asyncio_future *inner) {
    struct shield *s = asyncio__malloc(sizeof *s);
    if (!s) {
        asyncio_future_unref(inner);
        return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    }
    asyncio__future_init(&s->outer, inner->loop, &shield_ops, 0);
    inner->loop->live++;
    s->inner = inner;
    s->following = true;
    s->borrowed = false;
    s->inner_runnable.ops = &inner_ops;
    s->outer_runnable.ops = &outer_ops;
    asyncio__list_append(&inner->callbacks, &s->inner_runnable.link);
    asyncio__list_append(&s->outer.callbacks, &s->outer_runnable.link);
    s->outer.callback_count = 1;
    return &s->outer;
}

asyncio_future *asyncio_shield_future(asyncio_coro awaitable) {
    asyncio_loop *loop = asyncio_get_event_loop();
    if (awaitable.type == &asyncio__coro_of_future_type) {
        asyncio_future *f = *(asyncio_future **)(void *)awaitable.args.bytes;
        if (f) loop = f->loop;
    }
    if (!loop) {
        asyncio__coro_refuse(&awaitable);
        return NULL;
    }
    asyncio_future *inner = asyncio__child_future(loop, &awaitable, false);
    if (!inner) return NULL;
    return inner->state == ASYNCIO__PENDING ? new_shield(inner) : inner;
}

/* ---- to await ---- */

struct shield_args {
    const asyncio_coro *awaitable;
    bool held; /* awaitable is a copy of its own */
};

static int run_shield(const void *args, asyncio_value *result) {
    const struct shield_args *a = args;
    if (!a->awaitable) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an awaitable is required");
    asyncio_coro awaitable = *a->awaitable;
    int rc = a->held ? asyncio__coro_share(a->awaitable, &awaitable) : 0;
    if (rc < 0) return rc;
    asyncio_future *outer = asyncio_shield_future(awaitable);
    if (!outer) return asyncio__slot_status();
    rc = asyncio_await_future(outer, NULL, NULL, NULL);
    if (rc >= 0) rc = asyncio__child_result(outer, true, result);
    asyncio_future_unref(outer);
    return rc;
}

static int capture_shield(void *args) {
    struct shield_args *a = args;
    a->held = true;
    return asyncio__coros_copy(&a->awaitable, 1);
}

static void release_shield(void *args) {
    const struct shield_args *a = args;
    asyncio__coros_free(a->awaitable, 1);
}

ASYNCIO__COROUTINE(asyncio_shield, struct shield_args, .run = run_shield, .capture = capture_shield,
                   .release = release_shield);

asyncio_coro asyncio_shield_coro(const asyncio_coro *awaitable) {
    return ASYNCIO__CORO(asyncio_shield, awaitable, false);
}
