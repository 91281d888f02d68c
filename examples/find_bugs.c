/* SPDX-License-Identifier: MIT
 *
 * Looking for bugs that one run does not show (asyncio/testing.h, docs/testing.md).
 *
 * Three clients share two connections. Two things are wrong with the hasty client: it takes for
 * granted that a task made before it has run before it, and it leaves with its connection when it
 * is cancelled. In the usual order, without a cancellation, all is well.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <stdio.h>

#define CONNECTIONS 2

struct shop {
    bool hasty;
    const char *greeting;  /* what load_settings finds out */
    asyncio_event *loaded; /* set when it has */
    asyncio_queue *idle;   /* the connections that nobody uses */
    int speechless;        /* clients that had no greeting */
};

ASYNC(load_settings, (struct shop *)shop) {
    shop->greeting = "hello";
    asyncio_event_set(shop->loaded);
    RETURN();
}

ASYNC(serve_client, (struct shop *)shop) {
    asyncio_value connection;
    if (!shop->hasty) TRY(AWAIT(asyncio_event_wait(shop->loaded)));
    if (!shop->greeting) shop->speechless++;

    TRY(AWAIT(asyncio_queue_get(shop->idle), &connection));
    int rc = AWAIT(asyncio_sleep(0.1)); /* the conversation */
    if (shop->hasty) TRY(rc);
    TRY(asyncio_queue_put_nowait(shop->idle, connection));
    return rc;
}

ASYNC(run_shop, (struct shop *)shop) {
    TRY(asyncio_spawn(load_settings(shop)));
    return AWAIT(asyncio_gather(NULL, serve_client(shop), serve_client(shop), serve_client(shop)));
}

/* One run; what is wrong afterwards, or NULL. What must hold holds however the run ends. */
static const char *try_shop(bool hasty, unsigned seed, long cancel_at, long *points) {
    struct shop shop = { .hasty = hasty,
                         .loaded = asyncio_event_new(),
                         .idle = asyncio_queue_new(0) };
    for (int i = 0; i < CONNECTIONS; i++) {
        if (asyncio_queue_put_nowait(shop.idle, asyncio_int(i)) < 0) return "no memory";
    }
    asyncio_testing_result result;
    int rc = asyncio_testing_run(run_shop(&shop), &result, .seed = seed, .cancel_at = cancel_at);
    bool stuck = rc == ASYNCIO_DEADLOCK_ERROR;
    asyncio_ignore(rc); /* that a cancelled run fails is all right */
    bool lost = asyncio_queue_qsize(shop.idle) < CONNECTIONS;
    asyncio_queue_unref(shop.idle);
    asyncio_event_unref(shop.loaded);
    *points = result.points;
    return stuck             ? "everybody waits"
           : shop.speechless ? "a client was served before the settings were loaded"
           : lost            ? "a connection was not given back"
                             : NULL;
}

static void look_for_bugs(const char *name, bool hasty) {
    long points;
    const char *wrong = try_shop(hasty, 0, 0, &points);
    printf("%s, as usual: %s\n", name, wrong ? wrong : "nothing is wrong");

    unsigned seed = 1;
    while (seed <= 100 && !(wrong = try_shop(hasty, seed, 0, &points))) seed++;
    if (wrong) printf("%s, seed %u: %s\n", name, seed, wrong);
    else printf("%s, 100 seeds: nothing is wrong\n", name);

    long n = 1;
    while (!(wrong = try_shop(hasty, 0, n, &points)) && points >= n) n++;
    if (wrong) printf("%s, cancelled at point %ld: %s\n", name, n, wrong);
    else printf("%s, cancelled at each of %ld points: nothing is wrong\n", name, n - 1);
}

int main(void) {
    look_for_bugs("hasty", true);
    look_for_bugs("careful", false);
    return 0;
}
