/* Combinators, blocks and generators: the same text as C11 and as C++17. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(job, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(delay);
}

ASYNC_GEN(no_arguments) {
    TRY(YIELD(1));
    RETURN();
}

ASYNC_GEN(ticker, (double)delay, (int)n) {
    for (int i = 0; i < n; i++) {
        asyncio_value sent;
        TRY(YIELD(i, &sent));
        asyncio_value_drop(&sent);
        TRY(AWAIT(asyncio_sleep(delay)));
    }
    RETURN();
}

static ASYNC_GEN(hidden, (const char *)text) {
    TRY(YIELD(text));
    RETURN();
}

ASYNC(gathers, (asyncio_task *) task, (asyncio_future *) future) {
    asyncio_value l[3];
    asyncio_outcome o[2];
    TRY(AWAIT(asyncio_gather(l, job(1), task, future)));
    TRY(AWAIT(asyncio_gather_outcomes(o, task, job(2))));
    TRY(AWAIT(asyncio_gather(NULL, asyncio_gather(l, job(1)), asyncio_shield(job(1)),
                             asyncio_wait_for(asyncio_shield(task), 5))));
    TRY(AWAIT(asyncio_shield(task)));
    TRY(AWAIT(asyncio_wait_for(future, ASYNCIO_FOREVER), &l[0]));
    RETURN();
}

ASYNC(waits, (asyncio_task **) tasks, (asyncio_future **) futures) {
    int done = TRY(AWAIT(asyncio_wait(tasks, 3)));
    printf("%d\n", done);
    TRY(AWAIT(asyncio_wait(futures, 3)));
    RETURN();
}

ASYNC(blocks) {
    int rc, limit;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        ASYNC_WITH(tm, asyncio_timeout(5, &limit)) {
            TRY(asyncio_timeout_reschedule(tm, 7));
            if (asyncio_timeout_expired(tm)) break;
            asyncio_auto_task t = asyncio_taskgroup_create_task(tg, job(1));
            TRY(asyncio_taskgroup_spawn(tg, job(2)));
            if (!t) RETURN();
        }
        ASYNC_WITH(_, asyncio_timeout_at(5, NULL))
        ASYNC_WITH(_, asyncio_shielded(5, NULL)) asyncio_taskgroup_cancel(tg);
    }
    TRY(rc);
    asyncio_taskgroup *pair;
    TRY(asyncio_taskgroup_enter(&pair));
    rc = AWAIT(asyncio_taskgroup_exit(pair, 0));
    asyncio_taskgroup_unref(pair);
    TRY(rc);
    RETURN();
}

ASYNC(blocks_asked_later) {
    int rc, inner;
    ASYNC_BLOCK(tm, asyncio_timeout(5, &rc));
    ASYNC_BLOCK(scope, rc > 0 ? asyncio_move_on_after(5, &inner) : asyncio_cancelscope(&inner));
    ASYNC_WITH_BLOCK(tm) {
        ASYNC_WITH_BLOCK(scope) asyncio_cancelscope_cancel(scope, NULL);
        TRY(asyncio_timeout_reschedule(tm, 7));
    }
    TRY(rc);
    RETURN(asyncio_timeout_expired(tm) || asyncio_cancelscope_cancelled_caught(scope));
}

ASYNC(blocks_of_objects, (asyncio_lock *) lock, (asyncio_condition *) condition,
      (asyncio_semaphore *) semaphore, (asyncio_barrier *) barrier) {
    int rc = 0, n = 0;
    ASYNC_WITH(held, asyncio_lock_block(lock, &rc)) n += asyncio_lock_locked(held);
    ASYNC_WITH(c, asyncio_condition_block(condition, &rc)) rc = asyncio_condition_notify(c, 1);
    ASYNC_WITH(s, asyncio_semaphore_block(semaphore, &rc)) n += asyncio_semaphore_locked(s);
    ASYNC_WITH(index, asyncio_barrier_block(barrier, &rc)) n += index;
    ASYNC_WITH(unused, asyncio_lock_block(lock, &rc)) n++;
    TRY(rc);
    RETURN(n);
}

/* A block of one's own, with a type; and one of either kind. */
struct door {
    int opened;
};

ASYNCIO_BLOCK_TYPE(door_with, struct door);

static int shut(asyncio_block *block, int status) {
    (void)block;
    return status;
}

static door_with open_door(struct door *d, int *rc) {
    static const asyncio_block_ops ops = {
        sizeof(asyncio_block_ops), "door", NULL, shut, NULL, NULL
    };
    door_with with = { asyncio_block_new(rc, &ops, d) };
    return with;
}

ASYNC(blocks_of_ones_own, (asyncio_lock *) lock) {
    int rc;
    struct door front = { 0 };
    ASYNC_WITH(door, open_door(&front, &rc)) door->opened++;
    asyncio_block either =
        lock ? asyncio_lock_block(lock, &rc).block : open_door(&front, &rc).block;
    ASYNC_WITH(object, either) rc = object == &front;
    TRY(rc);
    door_with by_hand = open_door(&front, NULL);
    TRY(asyncio_block_enter(&by_hand.block));
    by_hand.object->opened++;
    TRY(asyncio_block_exit(&by_hand.block, 0));
    RETURN(front.opened);
}

ASYNC(generates) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = ticker(1, 3);
    asyncio_auto_gen h = no_arguments();
    asyncio_auto_gen k = hidden("text");
    ASYNC_FOR(v, g, rc) printf("%lld\n", v.i);
    ASYNC_FOR(v, h, rc) {
        if (v.i == 1) break;
    }
    TRY(AWAIT(asyncio_gen_next(k), &v));
    TRY(AWAIT(asyncio_gen_send(k, asyncio_int(1))));
    TRY(AWAIT(asyncio_gen_aclose(k)));
    TRY(rc);
    RETURN();
}

int main(void) {
    (void)gathers;
    (void)waits;
    (void)blocks;
    (void)blocks_asked_later;
    (void)blocks_of_objects;
    (void)blocks_of_ones_own;
    return asyncio_main(generates());
}
