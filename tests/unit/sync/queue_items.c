/* SPDX-License-Identifier: MIT
 *
 * The items of a queue: who owns them at what time, and in which order they come out.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "sync.h"

/* An item that counts its end. */
static int drops;

static void drop_counted(asyncio_value *v) {
    free(v->p);
    drops++;
}

static const asyncio_value_type counted = { .size = sizeof counted,
                                            .name = "counted",
                                            .drop = drop_counted };

static asyncio_value new_counted(void) { return asyncio_own(malloc(1), &counted); }

/* ---- owners ---- */

TEST(items_left_in_a_queue_are_dropped_with_it) {
    asyncio_queue *queues[] = { asyncio_queue_new(0), asyncio_lifoqueue_new(0),
                                asyncio_priorityqueue_new(0, NULL) };
    for (int i = 0; i < 3; i++) {
        asyncio_queue_unref(asyncio_queue_ref(queues[i]));
        CHECK_INT(asyncio_queue_put_nowait(queues[i], new_counted()), 0);
        CHECK_INT(drops, i);
        asyncio_queue_unref(queues[i]);
        CHECK_INT(drops, i + 1);
    }
}

TEST(an_item_that_nobody_takes_from_get_nowait_is_dropped) {
    asyncio_queue *q = asyncio_queue_new(0);
    CHECK_INT(asyncio_queue_put_nowait(q, new_counted()), 0);
    CHECK_INT(asyncio_queue_get_nowait(q, NULL), 0);
    CHECK_INT(drops, 1);
    asyncio_queue_unref(q);
    CHECK_INT(drops, 1);
}

TEST(a_put_nowait_that_fails_leaves_the_item_with_the_caller) {
    asyncio_queue *q = asyncio_queue_new(1);
    asyncio_value item = new_counted();
    CHECK_INT(asyncio_queue_put_nowait(q, asyncio_none()), 0);
    CHECK(asyncio_catch(asyncio_queue_put_nowait(q, item), ASYNCIO_QUEUE_FULL));
    asyncio_queue_shutdown(q, true);
    CHECK(asyncio_catch(asyncio_queue_put_nowait(q, item), ASYNCIO_QUEUE_SHUT_DOWN));
    CHECK(asyncio_catch(asyncio_queue_put_nowait(NULL, item), ASYNCIO_TYPE_ERROR));
    asyncio_queue_unref(q);
    CHECK_INT(drops, 0);
    asyncio_value_drop(&item);
    CHECK_INT(drops, 1);
}

TEST_ASYNC(a_put_that_fails_in_whatever_way_leaves_the_item_with_the_caller) {
    asyncio_queue *q = asyncio_queue_new(1);
    asyncio_value item = new_counted();
    TRY(AWAIT(asyncio_queue_put(q, asyncio_none())));
    asyncio_task *cancelled = asyncio_create_task(asyncio_queue_put(q, item));
    asyncio_task *never_run = asyncio_create_task(asyncio_queue_put(q, item));
    asyncio_task_cancel(never_run, NULL);
    take_turns(1);
    asyncio_task_cancel(cancelled, NULL);
    check_ended(cancelled, ASYNCIO_CANCELLED_ERROR);
    check_ended(never_run, ASYNCIO_CANCELLED_ERROR);
    CHECK(asyncio_catch(AWAIT(asyncio_wait_for(asyncio_queue_put(q, item), 1)),
                        ASYNCIO_TIMEOUT_ERROR));
    asyncio_task *refused = asyncio_create_task(asyncio_queue_put(q, item));
    take_turns(1);
    asyncio_queue_shutdown(q, false);
    check_ended(refused, ASYNCIO_QUEUE_SHUT_DOWN);
    CHECK(asyncio_catch(AWAIT(asyncio_queue_put(q, item)), ASYNCIO_QUEUE_SHUT_DOWN));
    asyncio_queue_unref(q);
    CHECK_INT(drops, 0);
    asyncio_value_drop(&item);
    CHECK_INT(drops, 1);
    RETURN();
}

TEST_ASYNC(an_item_that_was_got_is_dropped_by_whoever_has_it_last) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_value v;
    for (int i = 0; i < 3; i++) TRY(AWAIT(asyncio_queue_put(q, new_counted())));
    TRY(AWAIT(asyncio_queue_get(q), &v));
    CHECK_INT(drops, 0);
    asyncio_value_drop(&v);
    CHECK_INT(drops, 1);
    TRY(AWAIT(asyncio_queue_get(q)));
    CHECK_INT(drops, 2);
    asyncio_task *t = asyncio_create_task(asyncio_queue_get(q));
    take_turns(1);
    CHECK_INT(drops, 2);
    asyncio_task_unref(t);
    CHECK_INT(drops, 3);
    RETURN();
}

/* A drop that uses the queue it comes from. */
static asyncio_queue *dropped_from;

static void drop_and_look(asyncio_value *v) {
    asyncio_value got;
    CHECK(asyncio_catch(asyncio_queue_put_nowait(dropped_from, *v), ASYNCIO_QUEUE_SHUT_DOWN));
    if (asyncio_queue_get_nowait(dropped_from, &got) == 0) drops++;
    else asyncio_ignore(ASYNCIO_QUEUE_SHUT_DOWN);
    CHECK_INT(asyncio_queue_unfinished(dropped_from),
              asyncio_queue_qsize(dropped_from) + (size_t)drops);
}

static const asyncio_value_type looking = { .size = sizeof looking,
                                            .name = "looking",
                                            .drop = drop_and_look };

TEST(a_drop_may_use_the_queue) {
    dropped_from = asyncio_queue_new(0);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(asyncio_queue_put_nowait(dropped_from, asyncio_own(&drops, &looking)), 0);
    }
    asyncio_queue_shutdown(dropped_from, true);
    CHECK_INT(drops, 2);
    CHECK_INT(asyncio_queue_unfinished(dropped_from), 2);
    asyncio_queue_unref(dropped_from);
}

/* ---- orders ---- */

static void put_now(asyncio_queue *q, asyncio_value v) {
    CHECK_INT(asyncio_queue_put_nowait(q, v), 0);
}

static void note_all(asyncio_queue *q) {
    asyncio_value v;
    char text[64];
    while (!asyncio_queue_empty(q)) {
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        asyncio_value_repr(&v, text, sizeof text);
        note("%s", text);
    }
    asyncio_queue_unref(q);
}

TEST(a_queue_gives_the_oldest_first_also_while_it_grows) {
    asyncio_auto_queue q = asyncio_queue_new(0);
    asyncio_value v;
    int in = 0, out = 0;
    for (int i = 0; i < 5000; i++) {
        for (int k = 0; k < 3; k++) put_now(q, asyncio_int(in++));
        for (int k = 0; k < 2; k++) {
            CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
            CHECK_INT(v.i, out++);
        }
    }
    while (!asyncio_queue_empty(q)) {
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        CHECK_INT(v.i, out++);
    }
    CHECK_INT(out, in);
}

TEST(a_lifoqueue_gives_the_newest_first) { /* QUE-9 */
    asyncio_lifoqueue *q = asyncio_lifoqueue_new(0);
    asyncio_value v;
    for (int i = 0; i < 100; i++) put_now(q, asyncio_int(i));
    for (int i = 99; i >= 50; i--) {
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        CHECK_INT(v.i, i);
    }
    put_now(q, asyncio_int(1000));
    CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
    CHECK_INT(v.i, 1000);
    asyncio_queue_unref(q);
}

TEST(a_priorityqueue_gives_the_smallest_first) { /* QUE-9 */
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, NULL);
    asyncio_value v;
    for (int i = 0; i < 1000; i++) put_now(q, asyncio_int((int)random_below(100)));
    long long last = -1;
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        CHECK(v.i >= last);
        last = v.i;
    }
    asyncio_queue_unref(q);
}

TEST(numbers_of_all_kinds_are_ordered_by_size) {
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, NULL);
    put_now(q, asyncio_uint(ULLONG_MAX));
    put_now(q, asyncio_double(0.5));
    put_now(q, asyncio_bool(true));
    put_now(q, asyncio_int(LLONG_MAX));
    put_now(q, asyncio_int(LLONG_MAX - 1));
    put_now(q, asyncio_int(LLONG_MIN));
    put_now(q, asyncio_double(9223372036854775808.0));
    put_now(q, asyncio_double((double)-INFINITY));
    note_all(q);
    CHECK_STR(notes, "-inf -9223372036854775808 0.5 True 9223372036854775806 9223372036854775807 "
                     "9.223372036854776e+18 18446744073709551615");
}

TEST(fractions_are_between_integers) {
    static const double halves[] = { 1.5, -0.5, 0.5, -1.5 };
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, NULL);
    for (int i = 2; i >= -2; i--) put_now(q, asyncio_int(i));
    for (int i = 0; i < 4; i++) put_now(q, asyncio_double(halves[i]));
    note_all(q);
    q = asyncio_priorityqueue_new(0, NULL);
    for (int i = 0; i < 4; i++) put_now(q, asyncio_double(halves[i]));
    for (int i = -2; i <= 2; i++) put_now(q, asyncio_int(i));
    note_all(q);
    CHECK_STR(notes, "-2 -1.5 -1 -0.5 0 0.5 1 1.5 2 -2 -1.5 -1 -0.5 0 0.5 1 1.5 2");
}

TEST(strings_are_ordered_by_their_bytes) {
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, NULL);
    put_now(q, asyncio_str("b"));
    put_now(q, asyncio_own_str(strdup("abc")));
    put_now(q, asyncio_str(""));
    put_now(q, asyncio_str("ab"));
    put_now(q, asyncio_str("B"));
    asyncio_value v;
    for (int i = 0; i < 5; i++) {
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        note("'%s'", v.s);
        asyncio_value_drop(&v);
    }
    CHECK_STR(notes, "'' 'B' 'ab' 'abc' 'b'");
    asyncio_queue_unref(q);
}

TEST(what_has_no_order_cannot_be_put_together) {
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, NULL);
    const asyncio_value none = asyncio_none(), one = asyncio_int(1), text = asyncio_str("x");
    put_now(q, none);
    CHECK_ERROR(asyncio_queue_put_nowait(q, none), ASYNCIO_TYPE_ERROR,
                "'<' not supported between instances of 'None' and 'None'");
    CHECK(asyncio_catch(asyncio_queue_put_nowait(q, one), ASYNCIO_TYPE_ERROR));
    CHECK_INT(asyncio_queue_get_nowait(q, NULL), 0);
    put_now(q, one);
    CHECK_ERROR(asyncio_queue_put_nowait(q, text), ASYNCIO_TYPE_ERROR,
                "'<' not supported between instances of 'str' and 'int'");
    CHECK(asyncio_catch(asyncio_queue_put_nowait(q, asyncio_str(NULL)), ASYNCIO_TYPE_ERROR));
    CHECK_INT(asyncio_queue_get_nowait(q, NULL), 0);
    put_now(q, text);
    CHECK(asyncio_catch(asyncio_queue_put_nowait(q, one), ASYNCIO_TYPE_ERROR));
    CHECK_INT(asyncio_queue_unfinished(q), 3);
    asyncio_queue_unref(q);
}

/* Jobs: priority * 100 + number, compared by priority only. */
static int by_priority(const asyncio_value *a, const asyncio_value *b) {
    return (int)(a->i / 100 - b->i / 100);
}

/* What Python's heapq gave for the same puts and gets. */
TEST(equal_items_come_out_in_the_order_of_heapq) {
    asyncio_priorityqueue *q = asyncio_priorityqueue_new(0, by_priority);
    for (int i = 0; i < 20; i++) put_now(q, asyncio_int(i * 7 % 3 * 100 + i));
    for (int i = 0; i < 5; i++) {
        asyncio_value v;
        CHECK_INT(asyncio_queue_get_nowait(q, &v), 0);
        note("%lld", v.i);
    }
    put_now(q, asyncio_int(150));
    put_now(q, asyncio_int(51));
    note_all(q);
    CHECK_STR(notes, "0 6 12 3 9 15 18 51 113 119 110 104 150 107 101 116 214 205 202 211 217 208");
}

/* ---- repr ---- */

TEST(repr_of_a_queue_shows_its_items) { /* QUE-13 */
    asyncio_queue *queues[] = { asyncio_queue_new(0), asyncio_lifoqueue_new(5),
                                asyncio_priorityqueue_new(-1, NULL) };
    for (int i = 0; i < 3; i++) {
        char text[128], small[8];
        put_now(queues[i], asyncio_int(3));
        put_now(queues[i], asyncio_int(1));
        put_now(queues[i], asyncio_int(2));
        int n = asyncio_queue_repr(queues[i], text, sizeof text);
        CHECK_INT(asyncio_queue_repr(queues[i], small, sizeof small), n);
        CHECK_INT(asyncio_queue_repr(queues[i], NULL, 0), n);
        note("%s", text);
        asyncio_queue_unref(queues[i]);
    }
    CHECK_STR(notes, "<Queue maxsize=0 _queue=[3, 1, 2] tasks=3> "
                     "<LifoQueue maxsize=5 _queue=[3, 1, 2] tasks=3> "
                     "<PriorityQueue maxsize=-1 _queue=[1, 3, 2] tasks=3>");
}
