/* SPDX-License-Identifier: MIT
 *
 * shield: what is awaited goes on when the waiter is cancelled. Both forms: to await, and as a
 * future.
 */
#include "combine.h"

#define REPR_OF(f) REPR(asyncio_future_repr, f)

/* ---- results ---- */

ASYNC(gets_results) {
    asyncio_value v;
    TRY(AWAIT(asyncio_shield(gives_after(1, 5)), &v));
    CHECK_INT(v.i, 5);
    asyncio_auto_task t = asyncio_create_task(gives(6));
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_shield(t), &v))), 3);
    CHECK_INT(v.i, 6);
    CHECK_INT(TURNS_OF(GOES_WELL(AWAIT(asyncio_shield(t), &v))), 0);
    CHECK_INT(v.i, 6);
    CHECK_ERROR(AWAIT(asyncio_shield(fails(ASYNCIO_KEY_ERROR, "k"))), ASYNCIO_KEY_ERROR, "k");
    TRY(AWAIT(asyncio_shield(gives_counted())));
    RETURN();
}

TEST(shield_gives_what_the_shielded_one_gives) { /* SHLD-4 */
    run_alone(gets_results());
    CHECK_INT(values_made, 1);
    CHECK_ALL_DROPPED();
    CHECK_INT(reported.count, 0);
}

ASYNC(shields_a_value_in_use) {
    asyncio_auto_task t = asyncio_create_task(gives_counted());
    CHECK_ERROR(AWAIT(asyncio_shield(t)), ASYNCIO_TYPE_ERROR,
                "a result that others hold cannot be copied");
    RETURN();
}

TEST(a_value_that_cannot_be_copied_is_not_taken_from_a_task_that_others_hold) {
    run_alone(shields_a_value_in_use());
    CHECK_ALL_DROPPED();
}

TEST(what_is_done_is_its_own_shield) { /* SHLD-1 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    asyncio_future *s = asyncio_shield_future(ASYNCIO_CORO(f));
    CHECK_PTR(s, f);
    asyncio_future_unref(s);
    asyncio_future_unref(f);
    end_loop();
}

TEST(shield_future_follows_one_turn_later) { /* SHLD-4 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_future *s = asyncio_shield_future(ASYNCIO_CORO(f));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    CHECK_STR(REPR_OF(s), "<Future pending cb=[shield.<locals>._outer_done_callback()]>");
    turn();
    CHECK_STR(REPR_OF(s), "<Future finished result=1>");
    asyncio_future_unref(s);
    asyncio_future_unref(f);
    end_loop();
}

TEST_ASYNC(a_shielded_coroutine_object_is_a_task_from_the_call_on) { /* SHLD-1 */
    asyncio_auto_future s = asyncio_shield_future(sleeper("x", 1));
    CHECK(s != NULL);
    TRY(AWAIT(asyncio_sleep(2)));
    note("end");
    CHECK_NOTES("x end");
    RETURN();
}

TEST(shield_without_a_loop_fails) {
    CHECK_NULL_ERROR(asyncio_shield_future(noop()), ASYNCIO_RUNTIME_ERROR,
                     "There is no current event loop in this thread");
}

/* ---- the waiter is cancelled ---- */

ASYNC(awaits_shielded, (asyncio_task *) inner) {
    int rc = AWAIT(asyncio_shield(inner));
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(cancelling_the_waiter_leaves_the_shielded_one_alone) { /* SHLD-2 */
    start_loop();
    asyncio_task *inner = asyncio_loop_create_task(loop, sleeper("inner", 5));
    asyncio_task *t = asyncio_loop_create_task(loop, awaits_shielded(inner));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    turn();
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    CHECK_INT(asyncio_task_cancelling(inner), 0);
    CHECK_INT(run(asyncio_sleep(5)), 0);
    CHECK_ENDED(inner, 0, NULL);
    end_loop();
    CHECK_NOTES("CancelledError inner");
}

#define SHIELDED "shield.<locals>._inner_done_callback()"

TEST(cancelling_the_shield_takes_its_callback_from_the_shielded_one) { /* SHLD-5 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop), *s[2];
    for (int i = 0; i < 2; i++) s[i] = asyncio_shield_future(ASYNCIO_CORO(f));
    CHECK_STR(REPR_OF(f), "<Future pending cb=[" SHIELDED ", " SHIELDED "]>");
    for (int i = 0; i < 2; i++) {
        CHECK(asyncio_future_cancel(s[i], NULL));
        CHECK(asyncio_future_cancelled(s[i]));
    }
    turn();
    CHECK_STR(REPR_OF(f), "<Future pending cb=[" SHIELDED "]>"); /* it watches for a late error */
    for (int i = 0; i < 2; i++) asyncio_future_unref(s[i]);
    CHECK(!asyncio_future_done(f));
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    turn();
    asyncio_future_unref(f);
    end_loop();
}

TEST(the_shielded_one_is_not_kept_once_the_shield_is_cancelled) { /* SHLD-10 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_future *s = asyncio_shield_future(ASYNCIO_CORO(f));
    asyncio_future_unref(f);
    size_t live = asyncio_testing_live_objects(loop);
    CHECK(asyncio_future_cancel(s, NULL));
    turn();
    CHECK_INT(asyncio_testing_live_objects(loop), live - 1);
    asyncio_future_unref(s);
    end_loop();
}

/* ---- the shielded one is cancelled ---- */

TEST(cancelling_the_shielded_one_cancels_the_shield_without_the_message) { /* SHLD-3, CANC-15 */
    start_loop();
    asyncio_task *inner = asyncio_loop_create_task(loop, sleeper("inner", 5));
    asyncio_task *t = asyncio_loop_create_task(loop, awaits_shielded(inner));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(inner, "m");
    for (int i = 0; i < 4; i++) turn();
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, NULL);
    asyncio_task_unref(inner);
    end_loop();
    CHECK_NOTES("inner-cancelled CancelledError");
}

/* ---- late errors ---- */

static asyncio_future *inner_future, *shields[3];

static void shield_thrice(void) {
    start_loop();
    inner_future = asyncio_loop_create_future(loop);
    for (int i = 0; i < 3; i++) shields[i] = asyncio_shield_future(ASYNCIO_CORO(inner_future));
}

static void end_shields(void) {
    for (int i = 0; i < 3; i++) asyncio_future_unref(shields[i]);
    asyncio_future_unref(inner_future);
    end_loop();
}

/* SHLD-6, V14-4 */
TEST(an_error_after_the_shield_was_cancelled_is_reported_once_and_counts_as_retrieved) {
    shield_thrice();
    for (int i = 0; i < 3; i++) asyncio_future_cancel(shields[i], NULL);
    turn();
    CHECK_INT(asyncio_future_set_exception(inner_future, ASYNCIO_KEY_ERROR, "k"), 0);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "KeyError exception in shielded future");
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    CHECK_PTR(reported.future, inner_future);
    end_shields();
    CHECK_INT(reported.count, 1);
}

TEST(a_late_result_or_cancellation_is_not_reported) {
    shield_thrice();
    for (int i = 0; i < 3; i++) asyncio_future_cancel(shields[i], NULL);
    turn();
    CHECK_INT(asyncio_future_set_result(inner_future, counted()), 0);
    turn();
    end_shields();
    CHECK_ALL_DROPPED();
    shield_thrice();
    for (int i = 0; i < 3; i++) asyncio_future_cancel(shields[i], NULL);
    turn();
    asyncio_future_cancel(inner_future, NULL);
    turn();
    end_shields();
    CHECK_INT(reported.count, 0);
}

TEST(one_shield_of_several_that_is_cancelled_reports_and_the_others_get_the_error) {
    shield_thrice();
    asyncio_future_cancel(shields[1], NULL);
    turn();
    CHECK_INT(asyncio_future_set_exception(inner_future, ASYNCIO_KEY_ERROR, "k"), 0);
    turn();
    CHECK_ERROR(asyncio_future_result(shields[0], NULL), ASYNCIO_KEY_ERROR, "k");
    CHECK_ERROR(asyncio_future_result(shields[2], NULL), ASYNCIO_KEY_ERROR, "k");
    CHECK_INT(reported.count, 1);
    end_shields();
    CHECK_INT(reported.count, 1);
}

TEST(an_error_in_the_turn_of_the_cancel_is_the_shielded_ones_own) { /* SHLD-7 */
    shield_thrice();
    CHECK_INT(asyncio_future_set_exception(inner_future, ASYNCIO_KEY_ERROR, "k"), 0);
    for (int i = 0; i < 3; i++) asyncio_future_cancel(shields[i], NULL);
    turn();
    turn();
    CHECK_INT(reported.count, 0);
    end_shields(); /* not retrieved by anybody: reported when it goes */
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Future exception was never retrieved");
}

/* ---- abandoned ---- */

TEST(shield_and_shielded_that_nobody_refers_to_are_gone) { /* end_loop looks */
    shield_thrice();
    end_shields();
    CHECK_INT(reported.count, 0);
}

TEST(an_abandoned_shield_lets_the_shielded_one_go_on) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, sleeper("inner", 1));
    asyncio_future_unref(asyncio_shield_future(ASYNCIO_CORO(t)));
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_ENDED(t, 0, NULL);
    end_loop();
    CHECK_NOTES("inner");
}

TEST(an_error_under_an_abandoned_shield_is_reported_as_the_shields) {
    start_loop();
    inner_future = asyncio_loop_create_future(loop);
    asyncio_future_unref(asyncio_shield_future(ASYNCIO_CORO(inner_future)));
    CHECK_INT(asyncio_future_set_exception(inner_future, ASYNCIO_KEY_ERROR, "k"), 0);
    turn();
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Future exception was never retrieved");
    CHECK(reported.future != inner_future);
    asyncio_future_unref(inner_future);
    end_loop();
    CHECK_INT(reported.count, 1);
}

static int note_done(asyncio_future *f, void *arg) {
    (void)f;
    note("%s", (const char *)arg);
    return 0;
}

static int note_list(asyncio_future *f, void *arg) {
    asyncio_value v;
    (void)arg;
    CHECK_INT(asyncio_future_result(f, &v), 0);
    note("%s", REPR(asyncio_value_repr, &v));
    return 0;
}

TEST(callbacks_of_a_shield_nobody_else_refers_to_are_called) {
    start_loop();
    inner_future = asyncio_loop_create_future(loop);
    asyncio_future *s = asyncio_shield_future(ASYNCIO_CORO(inner_future));
    CHECK_INT(asyncio_future_add_done_callback(s, note_done, TEXT("done")), 0);
    asyncio_future_unref(s);
    CHECK_INT(asyncio_future_set_result(inner_future, asyncio_int(1)), 0);
    asyncio_future_unref(inner_future);
    turn();
    turn();
    CHECK_NOTES("done");
    end_loop();
}

/* Each inside the other, over a future that nobody will resolve; end_loop looks. */
TEST(shields_and_gathers_in_each_other_that_nobody_refers_to_are_gone) {
    start_loop();
    for (int depth = 1; depth < 8; depth++) {
        for (int first = 0; first < 2; first++) {
            asyncio_future *f = asyncio_loop_create_future(loop);
            for (int i = 0; i < depth; i++) {
                asyncio_coro aw = ASYNCIO_CORO(f);
                asyncio_future *outer = (i + first) % 2 ? asyncio_gather_future(1, &aw, i % 3 == 0)
                                                        : asyncio_shield_future(aw);
                asyncio_future_unref(f);
                f = outer;
            }
            CHECK_INT(asyncio_future_add_done_callback(f, note_done, TEXT("never")), 0);
            asyncio_future_unref(f);
        }
    }
    end_loop();
    CHECK_NOTES("");
}

TEST(callbacks_of_a_shield_over_a_gather_that_nobody_refers_to_are_called) {
    start_loop();
    asyncio_future *a = asyncio_loop_create_future(loop), *b = asyncio_loop_create_future(loop);
    const asyncio_coro aws[] = { ASYNCIO_CORO(a), ASYNCIO_CORO(b) };
    asyncio_future *g = asyncio_gather_future(2, aws, false);
    asyncio_future *s = asyncio_shield_future(ASYNCIO_CORO(g));
    CHECK_INT(asyncio_future_add_done_callback(s, note_list, NULL), 0);
    asyncio_future_unref(g);
    asyncio_future_unref(s);
    CHECK_INT(asyncio_future_set_result(b, asyncio_int(2)), 0);
    asyncio_future_unref(b);
    turn();
    CHECK_INT(asyncio_future_set_result(a, asyncio_int(1)), 0);
    asyncio_future_unref(a);
    for (int i = 0; i < 4; i++) turn();
    CHECK_NOTES("[1, 2]");
    end_loop();
}

TEST(loop_closed_with_a_shield_and_a_task_under_way) {
    start_loop();
    asyncio_task *inner = asyncio_loop_create_task(loop, sleeper("inner", 5));
    asyncio_task *t = asyncio_loop_create_task(loop, awaits_shielded(inner));
    turn();
    turn();
    asyncio_loop_close(loop);
    asyncio_task_unref(inner);
    asyncio_task_unref(t);
    end_loop();
}

ASYNC(leaves_a_shielded_task) {
    asyncio_auto_future s = asyncio_shield_future(sleeper("inner", 10));
    CHECK(s != NULL);
    pass(1);
    RETURN();
}

TEST(the_end_of_a_run_cancels_the_shielded_one) { /* SHLD-11 */
    CHECK_INT(asyncio_run(leaves_a_shielded_task(), NULL), 0);
    CHECK_NOTES("inner-cancelled");
}

/* ---- with gather, as a task ---- */

ASYNC(shields_a_gather) {
    int rc = AWAIT(asyncio_shield(asyncio_gather(NULL, sleeper("a", 1), sleeper("b", 2))));
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(cancelling_a_shielded_gather_leaves_its_children_alone) { /* SHLD-8 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, shields_a_gather());
    CHECK_INT(run(asyncio_sleep(0.5)), 0);
    asyncio_task_cancel(t, NULL);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, NULL);
    end_loop();
    CHECK_NOTES("CancelledError a b");
}

TEST(cancelling_a_gather_of_shields_cancels_only_the_shields) { /* SHLD-9 */
    start_loop();
    asyncio_set_event_loop(loop);
    asyncio_future *a = asyncio_loop_create_future(loop), *b = asyncio_loop_create_future(loop);
    asyncio_future *sa = asyncio_shield_future(ASYNCIO_CORO(a));
    asyncio_future *sb = asyncio_shield_future(ASYNCIO_CORO(b));
    asyncio_coro aws[] = { ASYNCIO_CORO(sa), ASYNCIO_CORO(sb) };
    asyncio_future *g = asyncio_gather_future(2, aws, false);
    CHECK(asyncio_future_cancel(g, NULL));
    turn();
    CHECK_ERROR(asyncio_future_result(g, NULL), ASYNCIO_CANCELLED_ERROR, NULL);
    CHECK(!asyncio_future_done(a));
    CHECK(!asyncio_future_done(b));
    asyncio_future *all[] = { a, b, sa, sb, g };
    for (int i = 0; i < 5; i++) asyncio_future_unref(all[i]);
    asyncio_set_event_loop(NULL);
    end_loop();
}

static asyncio_task *task_of_shield(void) {
    asyncio_coro inner = gives_counted_after(1);
    return asyncio_create_task(asyncio_shield_coro(&inner)); /* copies what it points at */
}

ASYNC(shield_as_a_task) {
    asyncio_auto_task t = task_of_shield();
    TRY(AWAIT(t));
    asyncio_auto_task never = task_of_shield();
    asyncio_task_cancel(never, NULL);
    asyncio_ignore(AWAIT(never));
    RETURN();
}

TEST(shield_may_be_a_task) {
    run_alone(shield_as_a_task());
    CHECK_INT(values_made, 1);
    CHECK_ALL_DROPPED();
}

ASYNC(shields_counted) {
    asyncio_value v;
    TRY(AWAIT(asyncio_shield(gives_counted_after(1)), &v));
    asyncio_value_drop(&v);
    RETURN();
}

TEST(whenever_the_waiter_is_cancelled_the_value_is_dropped_once) {
    for (int i = 0; i < 16; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, shields_counted());
        CHECK_INT(run(asyncio_sleep(i < 8 ? 0 : 1)), 0);
        for (int n = 0; n < i % 8; n++) turn();
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_task_unref(t);
        end_loop();
        CHECK_ALL_DROPPED();
    }
}
