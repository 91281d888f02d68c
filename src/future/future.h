/* SPDX-License-Identifier: MIT
 *
 * future/future.h: the inside of a future, for the layers above.
 *
 * States: pending -> finished | failed | cancelled, once and for good. `callbacks` holds, in
 * order, the runnables of waiting fibers and of done callbacks; resolving moves all of them to
 * the loop's ready queue in one splice. A kind of future (task, gather, ...) is its ops
 * and whatever lies behind this struct, which is always the first member.
 *
 * The error of a cancelled future: a task that ended by CancelledError keeps that object
 * (`kept`) and gives it to the first who asks; every later reader gets a new one with the
 * cancel message. A failed future whose error is NULL failed with a bare status.
 */
#ifndef ASYNCIO_FUTURE_FUTURE_H
#define ASYNCIO_FUTURE_FUTURE_H

#include <asyncio/future.h>

#include "base/strand.h"
#include "base/text.h"
#include "loop/loop.h"

/* A message that many futures can share. */
struct asyncio__message {
    uint32_t refs;
    char text[];
};

enum asyncio__future_state {
    ASYNCIO__PENDING,
    ASYNCIO__FINISHED,
    ASYNCIO__FAILED,
    ASYNCIO__CANCELLED,
};

enum {
    ASYNCIO__FUTURE_LOG = 1,      /* failed, and nobody has looked at the error yet */
    ASYNCIO__FUTURE_KEPT = 2,     /* cancelled, and nobody has been given the kept error yet */
    ASYNCIO__FUTURE_QUIET = 4,    /* no report if it is destroyed while pending */
    ASYNCIO__FUTURE_ON_STACK = 8, /* embedded in a frame: not counted, not freed */
    ASYNCIO__FUTURE_FLAGS = 15,   /* all of them: what the field has room for */
};

struct asyncio__future_ops {
    const char *name; /* for repr and reports: "Future" */
    /* Requests cancellation; false if done. NULL: it is cancelled at once. */
    bool (*cancel)(struct asyncio_future *future, struct asyncio__message *msg);
    /* The last reference has gone; frees it. NULL: it is a plain future. */
    void (*free)(struct asyncio_future *future);
    int (*repr)(const struct asyncio_future *future, char *buf, size_t n); /* NULL: as a future */
    bool is_task; /* resolved by what it runs, by nobody else */
    bool relay;   /* stands between what it follows and who awaits it: graphs leave it out */
};

struct asyncio_future {
    struct asyncio__link callbacks;
    asyncio_loop *loop;
    const struct asyncio__future_ops *ops;
    uint32_t refs;
    unsigned state : 4; /* enum asyncio__future_state */
    unsigned flags : 4;
    unsigned callback_count : 24; /* done callbacks in `callbacks` */
    union {
        asyncio_value value; /* finished */
        struct {
            asyncio_error *error; /* failed, cancelled (kept): a reference or NULL */
            int code;             /* failed: its code */
        } failed;
    };
    struct asyncio__message *cancel_msg; /* a reference or NULL */
};

extern const struct asyncio__future_ops asyncio__future_ops;

struct asyncio__message *asyncio__message_new(const char *text); /* NULL: none, or no memory */
void asyncio__message_set(struct asyncio__message **slot, struct asyncio__message *msg);

static inline void asyncio__future_init(struct asyncio_future *f, asyncio_loop *loop,
                                        const struct asyncio__future_ops *ops, unsigned flags) {
    asyncio__link_init(&f->callbacks);
    f->loop = loop;
    f->ops = ops;
    f->refs = 1;
    f->state = ASYNCIO__PENDING;
    f->flags = flags & ASYNCIO__FUTURE_FLAGS;
    f->callback_count = 0;
    f->value.type = NULL;
    f->cancel_msg = NULL;
}

/* Takes flags away. */
static inline void asyncio__future_clear(struct asyncio_future *f, unsigned flags) {
    f->flags &= ASYNCIO__FUTURE_FLAGS & ~flags;
}

/* Its error counts as looked at: nobody reports it. */
static inline void asyncio__future_set_retrieved(struct asyncio_future *f) {
    asyncio__future_clear(f, ASYNCIO__FUTURE_LOG);
}

/* Drops what it holds, without freeing it; reports an error nobody has looked at. False: the
 * report's handler has taken a reference, the future lives on. */
bool asyncio__future_fini_slow(struct asyncio_future *f) __attribute__((cold));
static inline bool asyncio__future_fini(struct asyncio_future *f) {
    if (ASYNCIO__UNLIKELY(f->state != ASYNCIO__FINISHED || f->cancel_msg ||
                          (f->value.type && f->value.type->drop))) {
        return asyncio__future_fini_slow(f);
    }
    return true; /* whoever resolved it has emptied `callbacks` */
}

/* Schedules everything that waits for it; its state was just set. */
void asyncio__future_resolve_slow(struct asyncio_future *f) __attribute__((cold));
static inline void asyncio__future_resolve(struct asyncio_future *f) {
    if (asyncio__list_empty(&f->callbacks)) return;
    if (ASYNCIO__UNLIKELY(f->callback_count != 0 || f->loop->closed)) {
        asyncio__future_resolve_slow(f);
        return;
    }
    asyncio__list_splice(&f->loop->ready, &f->callbacks);
}

/* Sets the state of a pending future and resolves it. finish takes the value; fail takes the
 * reference `error` (NULL: a bare status). */
static inline void asyncio__future_finish(struct asyncio_future *f, asyncio_value value) {
    /* Read before the state, which lies in the same word, is written: a load waits for a smaller
     * store. For the same reason the value goes in word by word. */
    bool plain = f->callback_count == 0 && !f->loop->closed;
    f->value.u = value.u;
    f->value.type = value.type;
    f->state = ASYNCIO__FINISHED;
    if (asyncio__list_empty(&f->callbacks)) return;
    if (ASYNCIO__LIKELY(plain)) asyncio__list_splice(&f->loop->ready, &f->callbacks);
    else asyncio__future_resolve_slow(f);
}
void asyncio__future_fail(struct asyncio_future *f, int code, asyncio_error *error);

/* Cancels whatever kind it is; msg is borrowed, may be NULL. */
bool asyncio__future_cancel(struct asyncio_future *f, struct asyncio__message *msg);

/* Plain futures only: pending -> cancelled. */
bool asyncio__future_cancel_plain(struct asyncio_future *f, struct asyncio__message *msg);

/* What awaiting a done future gives: its status, with the error put into the slot. */
int asyncio__future_outcome(struct asyncio_future *f, struct asyncio__strand *strand);

/* The CancelledError of a cancelled future: the kept one, or a new one. NULL: bare. Owned. */
asyncio_error *asyncio__future_cancelled_error(struct asyncio_future *f);

/* Raises CancelledError with that message into the slot. */
int asyncio__raise_cancelled(struct asyncio__strand *strand, const struct asyncio__message *msg);

/* The parts of a repr that all kinds share: callbacks, result. */
void asyncio__future_add_callbacks(struct asyncio__text *text, const struct asyncio_future *f);
void asyncio__future_add_outcome(struct asyncio__text *text, const struct asyncio_future *f);

#endif
