/* SPDX-License-Identifier: MIT
 *
 * loop/fork.c: the list of all open loops, and how a child drops them.
 */
#include "loop/fork.h"

#include <pthread.h>

#include "base/fork.h"
#include "loop/inbox.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct asyncio__link open_loops = { &open_loops, &open_loops };
static struct asyncio__link dropped_loops = { &dropped_loops, &dropped_loops };

static void take_lock(void) { pthread_mutex_lock(&lock); }
static void give_lock(void) { pthread_mutex_unlock(&lock); }

/* The run of this thread, if there is one, ends as soon as it gets the loop's stack. */
static void drop(asyncio_loop *loop) {
    loop->closed = true;
    loop->running = false;
    loop->exit_status = ASYNCIO_RUNTIME_ERROR;
    loop->slow |= ASYNCIO__SLOW_EXIT;
    asyncio__inbox_abandon(loop);
    asyncio__poller_fini(&loop->poller);
    atomic_fetch_add(&loop->holds, 1); /* for ever */
}

static void drop_all(void) {
    for (struct asyncio__link *l = open_loops.next; l != &open_loops; l = l->next)
        drop(asyncio__container(l, asyncio_loop, opened));
    asyncio__list_splice(&dropped_loops, &open_loops);
    asyncio__here.running = NULL;
    asyncio__here.set = NULL;
    give_lock();
}

static const struct asyncio__forkpart part = { take_lock, give_lock, drop_all };

void asyncio__fork_watch(asyncio_loop *loop) {
    asyncio__fork_join(ASYNCIO__FORK_LOOPS, &part);
    take_lock();
    asyncio__list_append(&open_loops, &loop->opened);
    give_lock();
}

void asyncio__fork_unwatch(asyncio_loop *loop) {
    take_lock();
    asyncio__link_take(&loop->opened);
    give_lock();
}

bool asyncio__fork_dropped(const asyncio_loop *loop) {
    bool dropped = false;
    take_lock();
    for (struct asyncio__link *l = dropped_loops.next; l != &dropped_loops && !dropped; l = l->next)
        dropped = asyncio__container(l, asyncio_loop, opened) == loop;
    give_lock();
    return dropped;
}
