/* SPDX-License-Identifier: MIT
 *
 * io/signal.h: how loops share the process's signals.
 *
 * For each number there is one list of subscriptions, each of which belongs to a loop. The signal
 * handler, which may run at any moment in any thread, walks it, counts, and posts the runnable of
 * each subscription to its loop's inbox. Only loops' own threads, with a lock held, change the
 * list: a new one comes in at the front; one that goes is unlinked, and kept until no handler runs.
 */
#ifndef ASYNCIO_IO_SIGNAL_H
#define ASYNCIO_IO_SIGNAL_H

#include <asyncio/signal.h>
#include <stdatomic.h>

#include "loop/inbox.h"

struct asyncio__subscription {
    struct asyncio__runnable runnable; /* in the inbox or in the ready queue while `posted` */
    struct asyncio__tie tie;           /* the loop is closed */
    asyncio_loop *loop;
    int signum;
    _Atomic(struct asyncio__subscription *) next; /* of the same signal */
    atomic_bool posted;
    atomic_uint count; /* signals that have not been delivered */
    bool unannounced;  /* a loop that waits for this signal alone is in a deadlock */
    /* There are signals to take. On the loop's stack; it may stop and free the subscription. */
    void (*deliver)(struct asyncio__subscription *s);
    void (*closed)(struct asyncio__subscription *s); /* it was stopped because the loop closes */
};

/* From now on `s`, whose last three fields are set, gets that signal. 0 or raised. */
int asyncio__subscription_start(struct asyncio__subscription *s, asyncio_loop *loop, int signum);

/* The loop's subscription to that signal that is delivered so; NULL: there is none. */
struct asyncio__subscription *asyncio__subscription_find(
    const asyncio_loop *loop, int signum, void (*deliver)(struct asyncio__subscription *s));

/* Takes one of the signals that have come; false: there is none left. */
bool asyncio__subscription_take(struct asyncio__subscription *s);

/* Has `to` get what has come for `from` and was not taken. Both are of the same loop. */
void asyncio__subscription_pass(struct asyncio__subscription *from,
                                struct asyncio__subscription *to);

/* No more: when it returns, nothing refers to it. */
void asyncio__subscription_stop(struct asyncio__subscription *s);

#endif
