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
    asyncio_taskgroup *tg;
    int rc, limit;
    ASYNC_WITH(block, asyncio_taskgroup_block(&tg, &rc)) {
        ASYNC_WITH(tm, asyncio_timeout(5, &limit)) {
            TRY(asyncio_timeout_reschedule(&tm, 7));
            if (asyncio_timeout_expired(&tm)) break;
            asyncio_auto_task t = asyncio_taskgroup_create_task(tg, job(1));
            TRY(asyncio_taskgroup_spawn(tg, job(2)));
            if (!t) RETURN();
        }
    }
    TRY(rc);
    TRY(asyncio_taskgroup_enter(&tg));
    rc = AWAIT(asyncio_taskgroup_exit(tg, 0));
    asyncio_taskgroup_unref(tg);
    TRY(rc);
    RETURN();
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
    return asyncio_main(generates());
}
