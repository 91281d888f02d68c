/* SPDX-License-Identifier: MIT
 *
 * loop/inbox.c: a stack that any thread pushes to and only the loop's thread empties, as a
 * whole; it is reversed then, so runnables run in the order they were posted. A closed loop's inbox
 * holds a mark that makes every push fail.
 *
 * Waking: the loop says that it sleeps before its last look at the inbox, so a poster either is
 * seen by that look or sees that the loop sleeps. The first poster who does turns "asleep" into
 * "awake" and writes to the poller. It may be stopped in between, and be late: then the loop sleeps
 * until it writes, or, if something else has woken the loop meanwhile, is woken once too often. So
 * nobody waits for it but who closes the loop, since a late write must not hit a descriptor that
 * has become somebody else's: `wakers` counts those who may write.
 *
 * A loop in which nobody waits for a descriptor does not need the poller to sleep: it is "parked",
 * and waits for the word itself to change, which is cheaper for both sides.
 */
#include "loop/inbox.h"

#include "base/futex.h"

enum { AWAKE, ASLEEP, PARKED };

/* The thread sanitizer delivers signals only in system calls that it knows. */
#if defined(__SANITIZE_THREAD__)
#define PARKS false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PARKS false
#endif
#endif
#ifndef PARKS
#define PARKS true
#endif

static bool may_park(const asyncio_loop *loop) { return PARKS && loop->descriptors.waiting == 0; }

static struct asyncio__runnable closed_mark;

static struct asyncio__runnable *runnable_before(const struct asyncio__runnable *runnable) {
    return (struct asyncio__runnable *)(void *)runnable->link.next;
}

static void set_before(struct asyncio__runnable *runnable, struct asyncio__runnable *before) {
    runnable->link.next = (struct asyncio__link *)(void *)before;
}

static void unpark(asyncio_loop *loop) {
    int state = PARKED;
    asyncio__point();
    if (!atomic_compare_exchange_strong(&loop->sleeping, &state, AWAKE)) return;
    asyncio__point();
    asyncio__futex_wake(&loop->sleeping, 1);
}

void asyncio__inbox_wake(asyncio_loop *loop) {
    int state = atomic_load(&loop->sleeping);
    if (state == PARKED) unpark(loop);
    if (state != ASLEEP) return;
    atomic_fetch_add(&loop->wakers, 1); /* before the loop can go on, and be closed */
    if (atomic_compare_exchange_strong(&loop->sleeping, &state, AWAKE))
        asyncio__poller_wake(&loop->poller);
    atomic_fetch_sub(&loop->wakers, 1);
}

int asyncio__inbox_post(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    struct asyncio__runnable *head = atomic_load(&loop->inbox);
    asyncio__point();
    do {
        if (head == &closed_mark) {
            asyncio__link_init(&runnable->link);
            return -1;
        }
        set_before(runnable, head);
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, runnable));
    asyncio__point();
    asyncio__inbox_wake(loop);
    return 0;
}

/* Makes the stack a list, what was posted first in front. One pass: there may be more than the
 * processor's caches hold. What a thread posted before lies in front in memory (loop/post.h). */
static void list_oldest_first(struct asyncio__link *list, struct asyncio__runnable *runnable) {
    asyncio__link_init(list);
    while (runnable) {
        struct asyncio__runnable *before = runnable_before(runnable);
        __builtin_prefetch((void *)((uintptr_t)runnable - 512), 1);
        runnable->link.prev = list;
        runnable->link.next = list->next;
        list->next->prev = &runnable->link;
        list->next = &runnable->link;
        runnable = before;
    }
}

/* To the front of `ready`, if that is where it is. It may be posted at this moment: what is in the
 * inbox has only a `next`. */
static void put_first(asyncio_loop *loop, struct asyncio__runnable *urgent) {
    if (urgent->link.prev == &urgent->link) return;
    asyncio__link_unlink(&urgent->link);
    asyncio__list_append(loop->ready.next, &urgent->link);
}

void asyncio__inbox_take_slow(asyncio_loop *loop) {
    struct asyncio__link list;
    if (loop->closed && atomic_load(&loop->inbox) == &closed_mark) return;
    asyncio__point();
    list_oldest_first(&list, atomic_exchange(&loop->inbox, NULL));
    asyncio__point();
    asyncio__list_splice(&loop->ready, &list);
    if (ASYNCIO__UNLIKELY(loop->urgent != NULL)) put_first(loop, loop->urgent);
}

bool asyncio__inbox_announce_sleep(asyncio_loop *loop) {
    asyncio__point();
    /* An exchange, since emulators do not keep a store and a load after it in order. */
    atomic_exchange(&loop->sleeping, may_park(loop) ? PARKED : ASLEEP);
    asyncio__point();
    return atomic_load(&loop->inbox) == NULL;
}

static bool is_parked(asyncio_loop *loop) { return atomic_load(&loop->sleeping) == PARKED; }

bool asyncio__inbox_park(asyncio_loop *loop, int64_t timeout_ns) {
    if (!may_park(loop)) return false;
    int64_t deadline =
        timeout_ns == ASYNCIO__NEVER ? timeout_ns : asyncio__clock_now() + timeout_ns;
    if (timeout_ns > 0 && is_parked(loop)) asyncio__futex_wait(&loop->sleeping, PARKED, deadline);
    return true;
}

/* Somebody may be waking at this moment, which changes the state under us. */
void asyncio__inbox_announce_awake(asyncio_loop *loop) {
    int state = ASLEEP;
    asyncio__point();
    if (atomic_compare_exchange_strong(&loop->sleeping, &state, AWAKE)) return;
    if (state == PARKED) atomic_compare_exchange_strong(&loop->sleeping, &state, AWAKE);
}

void asyncio__inbox_abandon(asyncio_loop *loop) { atomic_store(&loop->inbox, &closed_mark); }

void asyncio__inbox_close(asyncio_loop *loop) {
    struct asyncio__link list;
    asyncio__point();
    list_oldest_first(&list, atomic_exchange(&loop->inbox, &closed_mark));
    while (!asyncio__list_empty(&list)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(list.next);
        asyncio__link_take(&runnable->link);
        runnable->ops->discard(runnable);
    }
    while (atomic_load(&loop->wakers) > 0) asyncio__yield();
}
