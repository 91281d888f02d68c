/* SPDX-License-Identifier: MIT
 *
 * inspect/dump_signal.c: a loop that prints its tasks when a signal comes. It can only do so
 * between two steps. That it could come does not count as something that may wake the loop.
 */
#include <asyncio/dump.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "io/signal.h"

/* Nothing but its subscription. */
struct dumper {
    struct asyncio__subscription subscription;
};

static struct dumper *dumper_of(struct asyncio__subscription *s) {
    return asyncio__container(s, struct dumper, subscription);
}

/* Several signals that came before it was its turn are one dump. */
static void deliver(struct asyncio__subscription *s) {
    while (asyncio__subscription_take(s)) {
    }
    (void)asyncio_loop_dump_tasks(s->loop, stderr);
}

static void forget(struct asyncio__subscription *s) { asyncio__free(dumper_of(s)); }

int asyncio_dump_on_signal(int signum) {
    asyncio_loop *loop = asyncio_get_event_loop();
    if (!loop) return ASYNCIO_RUNTIME_ERROR;
    if (asyncio__subscription_find(loop, signum, deliver)) return 0;
    struct dumper *d = asyncio__calloc(1, sizeof *d);
    if (!d) return asyncio__raise(-ENOMEM, NULL);
    d->subscription.unannounced = true;
    d->subscription.deliver = deliver;
    d->subscription.closed = forget;
    int rc = asyncio__subscription_start(&d->subscription, loop, signum);
    if (rc < 0) asyncio__free(d);
    return rc;
}

bool asyncio_remove_dump_on_signal(int signum) {
    asyncio_loop *loop = asyncio_get_event_loop();
    struct asyncio__subscription *s =
        loop ? asyncio__subscription_find(loop, signum, deliver) : NULL;
    if (!loop) asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    if (!s) return false;
    asyncio__subscription_stop(s);
    asyncio__free(dumper_of(s));
    return true;
}
