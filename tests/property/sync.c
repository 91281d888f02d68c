/* SPDX-License-Identifier: MIT
 *
 * tests/property/sync.c: steps of random programs: what is shared and given back, events,
 * conditions, barriers, and queues between producers and consumers.
 */
#include "world.h"

#include <stdlib.h>

#define TASKS_MAX 4
#define ITEMS_MAX 16

/* ---- locks and semaphores of the world ---- */

static asyncio_coro acquire(struct resource *r) {
    return r->lock ? asyncio_lock_acquire(r->lock) : asyncio_semaphore_acquire(r->semaphore);
}

static int release(struct resource *r) {
    return r->lock ? asyncio_lock_release(r->lock) : asyncio_semaphore_release(r->semaphore);
}

/* Something to do while it is held: what is taken meanwhile is of a higher level. */
static int use_resource(struct dice *dice, struct place place, struct resource *r) {
    must_hold(++r->taken <= r->permits, "no more have it than may");
    int rc = place.depth > 0 && throw_coin(dice)
                 ? take_steps(dice, (struct place){ place.world, place.level, place.depth - 1,
                                                    place.scoped, place.shielded })
                 : AWAIT(asyncio_sleep(0.5 * throw_dice(dice, 3)));
    r->taken--;
    return rc;
}

static ASYNC(use_in_block, (struct place) place, (uint64_t) seed, (struct resource *) r) {
    struct dice dice = { seed };
    int rc;
    asyncio_block one = r->lock ? asyncio_lock_block(r->lock, &rc).block
                                : asyncio_semaphore_block(r->semaphore, &rc).block;
    ASYNC_WITH(_, one) { rc = use_resource(&dice, place, r); }
    return asyncio_leave(rc);
}

static int hold_step(struct dice *dice, struct place place) {
    if (place.level >= LEVELS) return AWAIT(asyncio_sleep(0));
    int level = place.level + (int)throw_dice(dice, (unsigned)(LEVELS - place.level));
    struct resource *r = &place.world->resources[level];
    place.level = level + 1;
    if (throw_coin(dice)) return AWAIT(use_in_block(place, fork_dice(dice), r));
    int rc = throw_coin(dice)
                 ? AWAIT(acquire(r))
                 : AWAIT(asyncio_wait_for(acquire(r), 0.5 * (1 + throw_dice(dice, 3))));
    if (rc < 0) return rc;
    rc = use_resource(dice, place, r);
    must_hold(release(r) == 0, "what was taken can be given back");
    return rc;
}

/* ---- groups of tasks that meet ---- */

/* What a few tasks share for one step. Those that failed were cancelled. */
struct meeting {
    struct place place;
    unsigned size, begun, ended, failed, waiting;
    asyncio_event *event;
    asyncio_barrier *barrier;
    asyncio_condition *condition;
    int tokens;
};

static int end_meeting(struct meeting *m, int rc) {
    m->ended++;
    if (rc < 0) m->failed++;
    return rc;
}

static ASYNC(wait_for_event, (struct meeting *) m, (double) delay) {
    m->begun++;
    int rc = delay > 0 ? AWAIT(asyncio_sleep(delay)) : 0;
    if (rc >= 0) rc = AWAIT(asyncio_event_wait(m->event));
    return asyncio_leave(end_meeting(m, rc));
}

static bool has_token(void *arg) { return ((struct meeting *)arg)->tokens > 0; }

static ASYNC(wait_for_token, (struct meeting *) m, (double) delay) {
    m->begun++;
    int rc = delay > 0 ? AWAIT(asyncio_sleep(delay)) : 0;
    if (rc >= 0) rc = AWAIT(asyncio_condition_acquire(m->condition));
    if (rc < 0) return asyncio_leave(end_meeting(m, rc));
    m->waiting++;
    rc = AWAIT(asyncio_condition_wait_for(m->condition, has_token, m));
    m->waiting--;
    must_hold(asyncio_condition_locked(m->condition), "a wait ends with the lock held");
    must_hold(rc < 0 || m->tokens > 0, "a wait ends when its predicate is true");
    if (rc >= 0) m->tokens--;
    must_hold(asyncio_condition_release(m->condition) == 0, "the lock can be released");
    return asyncio_leave(end_meeting(m, rc));
}

static ASYNC(pass_barrier, (struct meeting *) m, (double) delay) {
    m->begun++;
    int rc = delay > 0 ? AWAIT(asyncio_sleep(delay)) : 0;
    if (rc >= 0) rc = AWAIT(asyncio_barrier_wait(m->barrier));
    if (rc < 0 && !asyncio_barrier_broken(m->barrier)) {
        /* The others would wait for somebody who does not come. */
        int aborted = AWAIT(asyncio_barrier_abort(m->barrier));
        must_hold(aborted >= 0, "nobody is passing: it is broken at once");
    }
    if (asyncio_catch(rc, ASYNCIO_BROKEN_BARRIER_ERROR)) rc = 0, m->failed++;
    return asyncio_leave(end_meeting(m, rc));
}

/* A token for each, and each time one is woken for it: it, or another one, takes the token. */
static int give_tokens(struct dice *dice, struct meeting *m) {
    for (unsigned i = 0; i < m->size; i++) {
        TRY(AWAIT(asyncio_condition_acquire(m->condition)));
        m->tokens++;
        int rc = asyncio_condition_notify(m->condition, 1);
        must_hold(rc == 0, "who holds the lock can notify");
        if (throw_dice(dice, 4) == 0) rc = AWAIT(asyncio_sleep(0));
        must_hold(asyncio_condition_release(m->condition) == 0, "the lock can be released");
        TRY(rc);
        for (int turns = 0; m->tokens > 0 && m->waiting > 0; turns++) {
            must_hold(turns < 50, "a notification is not lost");
            TRY(AWAIT(asyncio_sleep(0)));
        }
    }
    return 0;
}

typedef asyncio_coro member(struct meeting *m, double delay);

/* The members, in a group; meanwhile the body does what they wait for. Whoever was not
 * cancelled comes to the end, or the group would not. */
static ASYNC(meet, (struct meeting *) m, (member *) member_of, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (unsigned i = 0; i < m->size; i++) {
            double delay = throw_coin(&dice) ? 0 : 0.5 * throw_dice(&dice, 3);
            TRY(asyncio_taskgroup_spawn(group, member_of(m, delay)));
        }
        if (throw_coin(&dice)) TRY(AWAIT(asyncio_sleep(0.5 * throw_dice(&dice, 3))));
        if (m->event) asyncio_event_set(m->event);
        if (m->condition) TRY(give_tokens(&dice, m));
    }
    must_hold(m->begun == m->ended, "who begins ends before the group");
    must_hold(rc < 0 || m->begun == m->size || !m->barrier, "all came");
    return asyncio_leave(rc);
}

static int meet_step(struct dice *dice, struct place place) {
    struct meeting m = { .place = place, .size = 1 + throw_dice(dice, TASKS_MAX) };
    member *who[] = { wait_for_event, wait_for_token, pass_barrier };
    unsigned kind = throw_dice(dice, 3);
    if (kind == 0) m.event = asyncio_event_new();
    if (kind == 1) m.condition = asyncio_condition_new(NULL);
    if (kind == 2) m.barrier = asyncio_barrier_new((int)m.size);
    int rc = AWAIT(meet(&m, who[kind], fork_dice(dice)));
    if (rc >= 0 && m.failed == 0 && m.condition) {
        must_hold(m.tokens == 0, "each token is taken once");
    }
    if (m.condition) must_hold(!asyncio_condition_locked(m.condition), "the lock is free");
    asyncio_event_unref(m.event);
    asyncio_condition_unref(m.condition);
    asyncio_barrier_unref(m.barrier);
    return rc;
}

/* ---- producers and consumers ---- */

struct pipeline {
    struct place place;
    asyncio_queue *queue;
    unsigned consumers;
    unsigned next;                                /* number of the next item */
    unsigned char put[ITEMS_MAX], got[ITEMS_MAX]; /* how often */
    unsigned finished;                            /* items that were dealt with */
};

/* An item is a counted value; its number is beside it. */
struct item {
    asyncio_value value;
    unsigned number;
};

static void drop_item(asyncio_value *v) {
    struct item *item = v->p;
    asyncio_value_drop(&item->value);
    free(item);
}

static asyncio_value make_item(struct pipeline *p) {
    static const asyncio_value_type type = { .size = sizeof type,
                                             .name = "item",
                                             .drop = drop_item };
    struct item *item = malloc(sizeof *item);
    if (!item) abort();
    item->value = make_value(p->place.world);
    item->number = p->next++;
    return asyncio_own(item, &type);
}

static unsigned number_of(const asyncio_value *v) { return ((const struct item *)v->p)->number; }

static int compare_items(const asyncio_value *a, const asyncio_value *b) {
    return (int)number_of(b) - (int)number_of(a);
}

static ASYNC(produce, (struct pipeline *) p, (uint64_t) seed) {
    struct dice dice = { seed };
    for (unsigned n = throw_dice(&dice, 4); n > 0 && p->next < ITEMS_MAX; n--) {
        asyncio_value item = make_item(p);
        unsigned number = number_of(&item);
        double limit = throw_coin(&dice) ? ASYNCIO_FOREVER : 0.5 * throw_dice(&dice, 4);
        int rc = throw_coin(&dice)
                     ? asyncio_queue_put_nowait(p->queue, item)
                     : AWAIT(asyncio_wait_for(asyncio_queue_put(p->queue, item), limit));
        if (rc >= 0) p->put[number]++;
        else asyncio_value_drop(&item); /* still ours */
        if (rc < 0 && !asyncio_is_exception(rc)) return asyncio_leave(rc);
        asyncio_ignore(rc);
        if (throw_coin(&dice)) TRY(AWAIT(asyncio_sleep(0.5 * throw_dice(&dice, 2))));
    }
    RETURN();
}

static void take_item(struct pipeline *p, asyncio_value *item) {
    p->got[number_of(item)]++;
    asyncio_value_drop(item);
    must_hold(asyncio_queue_task_done(p->queue) == 0, "what was got can be dealt with");
    p->finished++;
}

static ASYNC(consume, (struct pipeline *) p, (uint64_t) seed) {
    struct dice dice = { seed };
    for (;;) {
        asyncio_value item;
        double limit = throw_coin(&dice) ? ASYNCIO_FOREVER : 0.5 * throw_dice(&dice, 4);
        int rc = AWAIT(asyncio_wait_for(asyncio_queue_get(p->queue), limit), &item);
        if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) {
            TRY(AWAIT(asyncio_sleep(0))); /* no limit at all gets nowhere by itself */
            continue;
        }
        if (asyncio_catch(rc, ASYNCIO_QUEUE_SHUT_DOWN)) break;
        TRY(rc);
        take_item(p, &item);
        if (throw_coin(&dice)) TRY(AWAIT(asyncio_sleep(0.5 * throw_dice(&dice, 2))));
    }
    RETURN();
}

/* Without consumers nobody makes room. (Not at the end of consume: one that is cancelled before it
 * starts never gets there.) */
static int consumer_gone(asyncio_future *task, void *arg) {
    struct pipeline *p = arg;
    (void)task;
    if (--p->consumers == 0) asyncio_queue_shutdown(p->queue, false);
    return 0;
}

static ASYNC(run_producers, (struct pipeline *) p, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (unsigned n = 1 + throw_dice(&dice, TASKS_MAX); n > 0; n--) {
            TRY(asyncio_taskgroup_spawn(group, produce(p, fork_dice(&dice))));
        }
    }
    return asyncio_leave(rc);
}

static ASYNC(run_pipeline, (struct pipeline *) p, (uint64_t) seed) {
    struct dice dice = { seed };
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (unsigned n = 1 + throw_dice(&dice, TASKS_MAX); n > 0; n--) {
            asyncio_auto_task task =
                asyncio_taskgroup_create_task(group, consume(p, fork_dice(&dice)));
            p->consumers++;
            TRY(asyncio_task_add_done_callback(task, consumer_gone, p));
        }
        rc = AWAIT(run_producers(p, fork_dice(&dice)));
        if (rc >= 0 && throw_dice(&dice, 4) == 0) {
            rc = AWAIT(asyncio_wait_for(asyncio_queue_join(p->queue), 1));
            if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) rc = 0;
        }
        asyncio_queue_shutdown(p->queue, false); /* the consumers end when it is empty */
    }
    return asyncio_leave(rc);
}

/* Every item that was put has been got, or is in the queue still; none was got twice. */
static void check_items(struct pipeline *p) {
    asyncio_value item;
    unsigned left = 0;
    while (asyncio_queue_get_nowait(p->queue, &item) == 0) {
        take_item(p, &item);
        left++;
    }
    asyncio_ignore(ASYNCIO_QUEUE_SHUT_DOWN);
    asyncio_ignore(ASYNCIO_QUEUE_EMPTY);
    for (unsigned i = 0; i < ITEMS_MAX; i++) {
        must_hold(p->got[i] <= p->put[i], "nothing is got that was not put");
        must_hold(p->put[i] == p->got[i], "what was put is got once");
    }
    must_hold(asyncio_queue_unfinished(p->queue) == 0, "all is dealt with");
    (void)left;
}

static int pipeline_step(struct dice *dice, struct place place) {
    struct pipeline p = { .place = place };
    long room = throw_dice(dice, 4);
    unsigned kind = throw_dice(dice, 3);
    p.queue = kind == 0   ? asyncio_queue_new(room)
              : kind == 1 ? asyncio_lifoqueue_new(room)
                          : asyncio_priorityqueue_new(room, compare_items);
    int rc = AWAIT(run_pipeline(&p, fork_dice(dice)));
    check_items(&p);
    asyncio_queue_unref(p.queue);
    return rc;
}

step *const sync_steps[] = { hold_step, hold_step, hold_step, meet_step, pipeline_step };
const unsigned sync_steps_count = sizeof sync_steps / sizeof sync_steps[0];
