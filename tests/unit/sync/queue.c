/* SPDX-License-Identifier: MIT
 *
 * Queue: who is woken by what, join, shutdown, and items and wake-ups that survive every
 * cancellation. Who owns an item, and the orders: queue_items.c.
 */
#include <limits.h>

#include "sync.h"

/* Gets one item and notes it, or ! shut down, or ? cancelled. */
ASYNC(gets, (asyncio_queue *) q, (const char *) name) {
    asyncio_value v;
    int rc = AWAIT(asyncio_queue_get(q), &v);
    if (rc >= 0) note("%s%lld", name, v.i);
    else note("%s%s", name, rc == ASYNCIO_QUEUE_SHUT_DOWN ? "!" : "?");
    TRY(rc);
    RETURN();
}

ASYNC(puts_one, (asyncio_queue *) q, (const char *) name, (int) item) {
    int rc = AWAIT(asyncio_queue_put(q, asyncio_int(item)));
    note("%s%s", name, rc >= 0 ? "+" : rc == ASYNCIO_QUEUE_SHUT_DOWN ? "!" : "?");
    TRY(rc);
    RETURN();
}

static void put_now(asyncio_queue *q, int item) {
    CHECK_INT(asyncio_queue_put_nowait(q, asyncio_int(item)), 0);
}

static int get_now(asyncio_queue *q) {
    asyncio_value v;
    CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
    return (int)v.i;
}

static void check_repr(const asyncio_queue *q, const char *expected) {
    char text[128];
    CHECK_INT(asyncio_queue_repr(q, text, sizeof text), (int)strlen(expected));
    CHECK_STR(text, expected);
}

/* ---- sizes ---- */

TEST(maxsize_zero_or_less_is_no_limit) { /* QUE-1 */
    const long sizes[] = { 0, -1, LONG_MIN };
    for (int i = 0; i < 3; i++) {
        asyncio_queue *q = asyncio_queue_new(sizes[i]);
        CHECK_INT(asyncio_queue_maxsize(q), sizes[i]);
        CHECK(asyncio_queue_empty(q));
        for (int k = 0; k < 1000; k++) put_now(q, k);
        CHECK(!asyncio_queue_full(q));
        CHECK(!asyncio_queue_empty(q));
        CHECK_INT(asyncio_queue_qsize(q), 1000);
        asyncio_queue_unref(q);
    }
}

TEST(nowait_raises_full_and_empty) { /* QUE-3 */
    asyncio_queue *q = asyncio_queue_new(2);
    asyncio_value v = asyncio_int(5);
    CHECK_ERROR(asyncio_queue_get_nowait(q, &v), ASYNCIO_QUEUE_EMPTY, NULL);
    CHECK_INT(v.i, 5);
    put_now(q, 1);
    CHECK(!asyncio_queue_full(q));
    put_now(q, 2);
    CHECK(asyncio_queue_full(q));
    CHECK_ERROR(asyncio_queue_put_nowait(q, asyncio_int(3)), ASYNCIO_QUEUE_FULL, NULL);
    CHECK_INT(asyncio_queue_qsize(q), 2);
    CHECK_INT(get_now(q), 1);
    CHECK_INT(asyncio_queue_get_nowait(q, NULL), 0);
    CHECK_INT(asyncio_queue_unfinished(q), 2);
    asyncio_queue_unref(q);
}

TEST_ASYNC(put_and_get_that_can_go_on_do_not_suspend) { /* QUE-2 */
    asyncio_auto_queue q = asyncio_queue_new(1);
    asyncio_value v;
    unsigned long long before = turns();
    for (int i = 0; i < 100; i++) {
        TRY(AWAIT(asyncio_queue_put(q, asyncio_int(i)), &v));
        CHECK(v.type == NULL);
        TRY(AWAIT(asyncio_queue_get(q), &v));
        CHECK_INT(v.i, i);
    }
    CHECK_INT(turns(), before);
    RETURN();
}

/* ---- waking ---- */

TEST_ASYNC(a_put_wakes_the_getter_that_waits_longest) { /* QUE-4, QUE-13 */
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_task *a = asyncio_create_task(gets(q, "a"));
    asyncio_task *b = asyncio_create_task(gets(q, "b"));
    take_turns(1);
    check_repr(q, "<Queue maxsize=0 _getters[2]>");
    put_now(q, 1);
    put_now(q, 2);
    CHECK_STR(notes, "");
    take_turns(1);
    CHECK_STR(notes, "a1 b2");
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

TEST_ASYNC(a_woken_getter_that_finds_nothing_waits_anew_as_the_last) { /* QUE-4 */
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_task *a = asyncio_create_task(gets(q, "a"));
    asyncio_task *b = asyncio_create_task(gets(q, "b"));
    take_turns(1);
    put_now(q, 1);
    CHECK_INT(get_now(q), 1);
    take_turns(1);
    CHECK_STR(notes, "");
    put_now(q, 2);
    take_turns(1);
    CHECK_STR(notes, "b2");
    put_now(q, 3);
    check_ended(a, 0);
    check_ended(b, 0);
    CHECK_STR(notes, "b2 a3");
    RETURN();
}

TEST_ASYNC(a_get_wakes_the_putter_that_waits_longest) { /* QUE-13 */
    asyncio_auto_queue q = asyncio_queue_new(1);
    put_now(q, 0);
    asyncio_task *a = asyncio_create_task(puts_one(q, "a", 1));
    asyncio_task *b = asyncio_create_task(puts_one(q, "b", 2));
    take_turns(1);
    check_repr(q, "<Queue maxsize=1 _queue=[0] _putters[2] tasks=1>");
    CHECK_INT(get_now(q), 0);
    CHECK(asyncio_queue_empty(q));
    take_turns(1);
    CHECK_STR(notes, "a+");
    CHECK_INT(get_now(q), 1);
    take_turns(1);
    CHECK_STR(notes, "a+ b+");
    CHECK_INT(get_now(q), 2);
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

/* ---- cancellation ---- */

ASYNC(cancels_a_getter, (bool) woken) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_task *a = asyncio_create_task(gets(q, "a"));
    asyncio_task *b = asyncio_create_task(gets(q, "b"));
    take_turns(1);
    if (woken) put_now(q, 1);
    asyncio_task_cancel(a, NULL);
    if (!woken) put_now(q, 1);
    take_turns(1);
    CHECK_STR(notes, woken ? "a?" : "a? b1");
    take_turns(1);
    CHECK_STR(notes, "a? b1");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    check_repr(q, "<Queue maxsize=0 tasks=1>");
    RETURN();
}

/* QUE-5 */
TEST(a_getter_cancelled_after_it_was_woken_wakes_the_next) { run(cancels_a_getter(true)); }

TEST(a_getter_cancelled_in_line_is_passed_over) { run(cancels_a_getter(false)); }

ASYNC(cancels_a_putter, (bool) woken) {
    asyncio_auto_queue q = asyncio_queue_new(1);
    put_now(q, 0);
    asyncio_task *a = asyncio_create_task(puts_one(q, "a", 1));
    asyncio_task *b = asyncio_create_task(puts_one(q, "b", 2));
    take_turns(1);
    if (woken) CHECK_INT(get_now(q), 0);
    asyncio_task_cancel(a, NULL);
    if (!woken) CHECK_INT(get_now(q), 0);
    take_turns(2);
    CHECK_STR(notes, "a? b+");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    CHECK_INT(get_now(q), 2);
    CHECK(asyncio_queue_empty(q));
    RETURN();
}

/* QUE-6 */
TEST(a_putter_cancelled_after_it_was_woken_wakes_the_next) { run(cancels_a_putter(true)); }

TEST(a_putter_cancelled_in_line_is_passed_over) { run(cancels_a_putter(false)); }

/* QUE-7 */
TEST_ASYNC(a_cancelled_getter_takes_nothing_and_is_not_kept) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_task *a = asyncio_create_task(gets(q, "a"));
    take_turns(1);
    asyncio_task_cancel(a, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_repr(q, "<Queue maxsize=0>");
    asyncio_task *b = asyncio_create_task(gets(q, "b"));
    take_turns(1);
    put_now(q, 1);
    asyncio_task_cancel(b, NULL);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    check_repr(q, "<Queue maxsize=0 _queue=[1] tasks=1>");
    int rc = AWAIT(asyncio_wait_for(asyncio_queue_get(q), 1));
    CHECK_INT(rc, 0);
    rc = AWAIT(asyncio_wait_for(asyncio_queue_get(q), 1));
    CHECK(asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR));
    RETURN();
}

/* Numbered items go in and out by chance; each comes out exactly once, in order for each
 * producer that is served in order. */
enum { ITEMS = 60 };

struct traffic {
    asyncio_queue *queue;
    int next, seen[ITEMS], got, done;
};

ASYNC(produces, (struct traffic *) t) {
    while (t->next < ITEMS) {
        int item = t->next++, rc;
        while ((rc = AWAIT(asyncio_queue_put(t->queue, asyncio_int(item)))) < 0) asyncio_ignore(rc);
        if (random_below(2)) asyncio_ignore(AWAIT(asyncio_sleep(0)));
    }
    t->done++;
    RETURN();
}

ASYNC(consumes, (struct traffic *) t) {
    for (;;) {
        asyncio_value v;
        int rc = AWAIT(asyncio_queue_get(t->queue), &v);
        if (rc == ASYNCIO_QUEUE_SHUT_DOWN) break;
        if (rc < 0) {
            asyncio_ignore(rc);
            continue;
        }
        t->seen[v.i]++;
        t->got++;
        CHECK_INT(asyncio_queue_task_done(t->queue), 0);
        if (random_below(3) == 0) asyncio_ignore(AWAIT(asyncio_sleep(0)));
    }
    asyncio_ignore(ASYNCIO_QUEUE_SHUT_DOWN);
    t->done++;
    RETURN();
}

ASYNC(cancels_by_chance, (long) maxsize) {
    enum { N = 6 };
    struct traffic t = { .queue = asyncio_queue_new(maxsize) };
    asyncio_task *tasks[N];
    for (int i = 0; i < N; i++) tasks[i] = asyncio_create_task(i % 2 ? produces(&t) : consumes(&t));
    take_turns(1);
    while (t.got < ITEMS) {
        asyncio_task_cancel(tasks[random_below(N)], NULL);
        if (random_below(3) == 0) take_turns(1);
        CHECK(turns() < 100000);
    }
    TRY(AWAIT(asyncio_queue_join(t.queue)));
    asyncio_queue_shutdown(t.queue, false);
    while (t.done < N) take_turns(1);
    for (int i = 0; i < ITEMS; i++) CHECK_INT(t.seen[i], 1);
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    asyncio_queue_unref(t.queue);
    RETURN();
}

TEST(no_cancellation_loses_or_doubles_an_item) {
    for (int i = 0; i < 100; i++) run(cancels_by_chance(i % 5));
}

/* ---- join ---- */

ASYNC(joins, (asyncio_queue *) q, (const char *) name) {
    TRY(AWAIT(asyncio_queue_join(q)));
    note("%s", name);
    RETURN();
}

TEST_ASYNC(join_waits_until_every_item_is_done) { /* QUE-8 */
    asyncio_auto_queue q = asyncio_queue_new(0);
    unsigned long long before = turns();
    TRY(AWAIT(asyncio_queue_join(q)));
    CHECK_INT(turns(), before);
    put_now(q, 1);
    put_now(q, 2);
    asyncio_task *a = asyncio_create_task(joins(q, "a"));
    asyncio_task *b = asyncio_create_task(joins(q, "b"));
    take_turns(1);
    get_now(q);
    get_now(q);
    CHECK_INT(asyncio_queue_task_done(q), 0);
    take_turns(2);
    CHECK_STR(notes, "");
    CHECK_INT(asyncio_queue_task_done(q), 0);
    put_now(q, 3);
    take_turns(1);
    CHECK_STR(notes, "a b");
    check_ended(a, 0);
    check_ended(b, 0);
    CHECK_INT(asyncio_queue_task_done(q), 0);
    CHECK_ERROR(asyncio_queue_task_done(q), ASYNCIO_VALUE_ERROR,
                "task_done() called too many times");
    RETURN();
}

/* ---- shutdown ---- */

ASYNC(shuts_down_an_empty_queue) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_task *a = asyncio_create_task(gets(q, "a"));
    asyncio_task *b = asyncio_create_task(gets(q, "b"));
    take_turns(1);
    asyncio_queue_shutdown(q, false);
    take_turns(1);
    CHECK_STR(notes, "a! b!");
    check_ended(a, ASYNCIO_QUEUE_SHUT_DOWN);
    check_ended(b, ASYNCIO_QUEUE_SHUT_DOWN);
    CHECK_ERROR(asyncio_queue_put_nowait(q, asyncio_none()), ASYNCIO_QUEUE_SHUT_DOWN, NULL);
    CHECK_ERROR(asyncio_queue_get_nowait(q, NULL), ASYNCIO_QUEUE_SHUT_DOWN, NULL);
    CHECK_ERROR(AWAIT(asyncio_queue_put(q, asyncio_none())), ASYNCIO_QUEUE_SHUT_DOWN, NULL);
    CHECK_ERROR(AWAIT(asyncio_queue_get(q)), ASYNCIO_QUEUE_SHUT_DOWN, NULL);
    asyncio_queue_shutdown(q, false);
    check_repr(q, "<Queue maxsize=0 shutdown>");
    RETURN();
}

/* QUE-10, QUE-12, QUE-13, QUE-14, V13-1 */
TEST(shutdown_wakes_getters_and_refuses_what_comes) { run(shuts_down_an_empty_queue()); }

/* QUE-10, V13-1 */
TEST_ASYNC(a_queue_that_is_shut_down_gives_what_is_left) {
    asyncio_auto_queue q = asyncio_queue_new(2);
    put_now(q, 1);
    put_now(q, 2);
    asyncio_task *a = asyncio_create_task(puts_one(q, "a", 3));
    asyncio_task *j = asyncio_create_task(joins(q, "joined"));
    take_turns(1);
    asyncio_queue_shutdown(q, false);
    take_turns(1);
    CHECK_STR(notes, "a!");
    check_ended(a, ASYNCIO_QUEUE_SHUT_DOWN);
    TRY(AWAIT(gets(q, "")));
    CHECK_INT(get_now(q), 2);
    CHECK_ERROR(AWAIT(asyncio_queue_get(q)), ASYNCIO_QUEUE_SHUT_DOWN, NULL);
    CHECK_INT(asyncio_queue_task_done(q), 0);
    CHECK_INT(asyncio_queue_task_done(q), 0);
    check_ended(j, 0);
    CHECK_STR(notes, "a! 1 joined");
    RETURN();
}

/* QUE-11, QUE-12 */
TEST_ASYNC(an_immediate_shutdown_drops_the_items_and_counts_them_as_done) {
    asyncio_auto_queue q = asyncio_queue_new(3);
    for (int i = 0; i < 3; i++) put_now(q, i);
    asyncio_task *j = asyncio_create_task(joins(q, "joined"));
    take_turns(1);
    CHECK_INT(get_now(q), 0);
    asyncio_queue_shutdown(q, false);
    asyncio_queue_shutdown(q, true);
    CHECK(asyncio_queue_empty(q));
    CHECK_INT(asyncio_queue_unfinished(q), 1);
    take_turns(1);
    CHECK_STR(notes, "");
    CHECK_INT(asyncio_queue_task_done(q), 0);
    check_ended(j, 0);
    CHECK_ERROR(asyncio_queue_task_done(q), ASYNCIO_VALUE_ERROR,
                "task_done() called too many times");
    RETURN();
}

TEST_ASYNC(an_immediate_shutdown_lets_joiners_go_if_nothing_is_unfinished) { /* QUE-11 */
    asyncio_auto_queue q = asyncio_queue_new(0);
    put_now(q, 1);
    asyncio_task *j = asyncio_create_task(joins(q, "joined"));
    take_turns(1);
    asyncio_queue_shutdown(q, true);
    take_turns(1);
    CHECK_STR(notes, "joined");
    check_ended(j, 0);
    RETURN();
}

/* ---- references, loops ---- */

TEST_ASYNC(tasks_and_waiters_hold_the_queue) {
    asyncio_queue *q = asyncio_queue_new(1);
    asyncio_task *a = asyncio_create_task(asyncio_queue_get(q));
    asyncio_task *b = asyncio_create_task(asyncio_queue_get(q));
    asyncio_task *c = asyncio_create_task(asyncio_queue_put(q, asyncio_int(1)));
    take_turns(1);
    asyncio_queue_unref(q);
    check_ended(a, 0);
    asyncio_task_cancel(b, NULL);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    check_ended(c, 0);
    RETURN();
}

ASYNC(gets_within_a_second, (asyncio_queue *) q) {
    return AWAIT(asyncio_wait_for(asyncio_queue_get(q), 1));
}

ASYNC(joins_within_a_second, (asyncio_queue *) q) {
    return AWAIT(asyncio_wait_for(asyncio_queue_join(q), 1));
}

TEST(a_queue_is_bound_to_the_first_loop_somebody_waits_in) {
    asyncio_queue *q = asyncio_queue_new(0);
    CHECK(asyncio_catch(run_and_bind(gets_within_a_second(q)), ASYNCIO_TIMEOUT_ERROR));
    CHECK_ERROR(run_for_status(gets_within_a_second(q)), ASYNCIO_RUNTIME_ERROR,
                "the Queue is bound to a different event loop");
    put_now(q, 1);
    CHECK_ERROR(run_for_status(joins_within_a_second(q)), ASYNCIO_RUNTIME_ERROR,
                "the Queue is bound to a different event loop");
    run(gets_within_a_second(q));
    CHECK_LETS_GO(asyncio_queue, q);
}
