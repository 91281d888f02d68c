/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/sleep.c: asyncio_sleep on a virtual clock.
 */
#include "core.h"

ASYNC(note_sleep, (const char *) name, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    note("%s@%g", name, asyncio_loop_time(loop));
    RETURN();
}

TEST(sleepers_wake_in_the_order_of_their_deadlines) { /* SLP-2 */
    start_loop();
    asyncio_task *c = asyncio_loop_create_task(loop, note_sleep("c", 3));
    asyncio_task *a = asyncio_loop_create_task(loop, note_sleep("a", 0.5));
    CHECK_INT(run(note_sleep("end", 10)), 0);
    CHECK_NOTES("a@0.5 c@3 end@10");
    asyncio_task_unref(a);
    asyncio_task_unref(c);
    end_loop();
}

TEST(equal_sleeps_wake_in_order) {
    start_loop();
    asyncio_task *t[3];
    static const char *const names[] = { "a", "b", "c" };
    for (int i = 0; i < 3; i++) t[i] = asyncio_loop_create_task(loop, note_sleep(names[i], 0.1));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_NOTES("a@0.1 b@0.1 c@0.1");
    for (int i = 0; i < 3; i++) asyncio_task_unref(t[i]);
    end_loop();
}

TEST_ASYNC(odd_delays) { /* SLP-1, SLP-3, V13-8 */
    CHECK_ERROR(AWAIT(asyncio_sleep((double)NAN)), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    asyncio_auto_value v;
    v = asyncio_none();
    CHECK_INT(AWAIT(asyncio_sleep_result((double)NAN, asyncio_own_str(strdup("x"))), &v),
              ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_PTR(v.type, NULL);
    TRY(AWAIT(asyncio_sleep(-(double)INFINITY)));
    TRY(AWAIT(asyncio_sleep(-0.0)));
    TRY(AWAIT(asyncio_sleep(1e-12)));
    CHECK_DOUBLE(asyncio_loop_time(loop), 0);
    TRY(AWAIT(asyncio_sleep(1e-6)));
    CHECK_DOUBLE(asyncio_loop_time(loop), 1e-6);
    RETURN();
}

TEST(infinite_sleep_ends_only_by_cancelling) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, note_sleep("never", (double)INFINITY));
    CHECK_INT(run(asyncio_sleep(1e9)), 0);
    CHECK(!asyncio_task_done(t));
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_NOTES("");
    asyncio_task_unref(t);
    end_loop();
}

TEST(cancelled_sleep_takes_its_timer_away) { /* SLP-2 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, note_sleep("x", 100));
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR); /* no timer is left */
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    CHECK_DOUBLE(asyncio_loop_time(loop), 0);
    asyncio_task_unref(t);
    end_loop();
}

static asyncio_task *victim;
static int cancel_victim(void *arg) {
    (void)arg;
    CHECK(asyncio_task_cancel(victim, "just before"));
    return asyncio_testing_advance(loop, 10);
}

ASYNC(note_end) {
    int rc = AWAIT(asyncio_sleep(5));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(timer_that_fires_on_a_cancelled_sleep_is_ignored) { /* SLP-5 */
    start_loop();
    victim = asyncio_loop_create_task(loop, note_end());
    turn();
    asyncio_loop_call_soon(loop, cancel_victim, NULL); /* then the timer is due as well */
    turn();
    turn();
    CHECK_NOTES("CancelledError");
    CHECK(asyncio_task_cancelled(victim));
    turn();
    asyncio_task_unref(victim);
    end_loop();
}

static int cancel_late(void *arg) {
    (void)arg;
    CHECK(asyncio_task_cancel(victim, "just after"));
    note("cancel");
    return 0;
}

TEST(sleep_cancelled_after_its_timer_fired_is_cancelled) { /* CANC-5 */
    start_loop();
    victim = asyncio_loop_create_task(loop, note_end());
    turn();
    asyncio_loop_call_later(loop, 5, cancel_late, NULL); /* right behind it in the same turn */
    CHECK_INT(asyncio_testing_advance(loop, 5), 0);
    turn();
    turn();
    CHECK_NOTES("cancel CancelledError");
    CHECK(asyncio_task_cancelled(victim));
    asyncio_task_unref(victim);
    end_loop();
}

TEST_ASYNC(sleep_gives_its_result) { /* SLP-1 */
    asyncio_value v;
    TRY(AWAIT(asyncio_sleep_result(1, asyncio_int(7)), &v));
    CHECK_INT(v.i, 7);
    TRY(AWAIT(asyncio_sleep_result(0, asyncio_own_str(strdup("text"))), &v));
    CHECK_STR(v.s, "text");
    asyncio_value_drop(&v);
    TRY(AWAIT(asyncio_sleep_result(0, asyncio_own_str(strdup("dropped")))));
    TRY(AWAIT(asyncio_sleep(0), &v));
    CHECK_PTR(v.type, NULL);
    RETURN();
}

TEST(result_of_a_sleep_that_is_cancelled_is_dropped) { /* the leak checker looks */
    start_loop();
    asyncio_task *t =
        asyncio_loop_create_task(loop, asyncio_sleep_result(9, asyncio_own_str(strdup("x"))));
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    t = asyncio_loop_create_task(loop, asyncio_sleep_result(9, asyncio_own_str(strdup("y"))));
    turn();
    CHECK_INT(run(asyncio_sleep(10)), 0);
    asyncio_value v;
    CHECK_INT(asyncio_task_result(t, &v), 0);
    CHECK_STR(v.s, "y");
    asyncio_task_unref(t);
    end_loop();
}

TEST(result_of_a_sleep_that_never_starts_is_dropped) { /* the leak checker looks */
    start_loop();
    asyncio_task *t =
        asyncio_loop_create_task(loop, asyncio_sleep_result(9, asyncio_own_str(strdup("x"))));
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
}

TEST(loop_closed_under_a_sleeper_takes_its_timer_along) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, note_sleep("x", 5));
    turn();
    asyncio_loop_close(loop);
    CHECK_INT(reported.count, 1);
    asyncio_task_unref(t);
    end_loop();
}

ASYNC(sleep_many, (int) n) {
    for (int i = 0; i < n; i++) TRY(AWAIT(asyncio_sleep(0.001 * (i % 7))));
    RETURN();
}

TEST(many_sleepers_all_wake) {
    start_loop();
    enum { COUNT = 500 };
    asyncio_task *t[COUNT];
    for (int i = 0; i < COUNT; i++) t[i] = asyncio_loop_create_task(loop, sleep_many(20));
    CHECK_INT(run(asyncio_sleep(10)), 0);
    for (int i = 0; i < COUNT; i++) {
        CHECK(asyncio_task_done(t[i]));
        asyncio_task_unref(t[i]);
    }
    end_loop();
}
