/* SPDX-License-Identifier: MIT
 *
 * wait: its three conditions, its limit, the order of the array, cancellation, bad input.
 */
#include "combine.h"

#define N 4

/* ---- the conditions ---- */

TEST_ASYNC(it_waits_for_all_whether_they_fail_or_not) {
    asyncio_task *t[] = { asyncio_create_task(gives_after(3, 0)),
                          asyncio_create_task(fails_after(1, ASYNCIO_KEY_ERROR, "k")),
                          asyncio_create_task(gives_after(2, 2)) };
    asyncio_task *before[] = { t[0], t[1], t[2] };
    CHECK_INT(AWAIT(asyncio_wait(t, 3)), 3);
    CHECK_DOUBLE(now(), 3.0);
    for (int i = 0; i < 3; i++) {
        CHECK_PTR(t[i], before[i]);
        asyncio_ignore(asyncio_task_result(t[i], NULL));
        asyncio_task_unref(t[i]);
    }
    RETURN();
}

TEST_ASYNC(first_completed_gives_all_that_are_done_and_leaves_the_others) { /* WAIT-4 */
    asyncio_task *a = asyncio_create_task(gives_after(2, 0));
    asyncio_task *b = asyncio_create_task(gives_after(1, 1));
    asyncio_task *c = asyncio_create_task(gives_after(3, 2));
    asyncio_task *d = asyncio_create_task(gives_after(1, 3));
    asyncio_task *t[] = { a, b, c, d };
    CHECK_INT(AWAIT(asyncio_wait(t, N, .return_when = ASYNCIO_FIRST_COMPLETED)), 2);
    CHECK_DOUBLE(now(), 1.0);
    CHECK_PTR(t[0], b); /* done ones first, each in their former order */
    CHECK_PTR(t[1], d);
    CHECK_PTR(t[2], a);
    CHECK_PTR(t[3], c);
    CHECK_INT(AWAIT(asyncio_wait(t + 2, 2)), 2);
    for (int i = 0; i < N; i++) asyncio_task_unref(t[i]);
    RETURN();
}

ASYNC(first_exception) {
    asyncio_task *a = asyncio_create_task(gives_after(1, 0));
    asyncio_task *b = asyncio_create_task(sleeper("b", 9));
    asyncio_task *c = asyncio_create_task(fails_after(3, ASYNCIO_KEY_ERROR, "k"));
    asyncio_task *d = asyncio_create_task(gives_after(4, 3));
    pass(1);
    asyncio_task_cancel(b, NULL); /* does not count */
    asyncio_task *t[] = { a, b, c, d };
    CHECK_INT(AWAIT(asyncio_wait(t, N, .return_when = ASYNCIO_FIRST_EXCEPTION)), 3);
    CHECK_DOUBLE(now(), 3.0);
    CHECK_PTR(t[3], d);
    CHECK(asyncio_task_cancelled(b));
    TRY(AWAIT(asyncio_sleep(5)));
    for (int i = 0; i < N; i++) asyncio_task_unref(t[i]);
    RETURN();
}

TEST(first_exception_does_not_count_the_cancelled_ones) { /* WAIT-5, WAIT-8 */
    run_alone(first_exception());
    CHECK_NOTES("b-cancelled");
    CHECK_INT(reported.count, 0); /* the error that ended it was looked at */
}

TEST_ASYNC(first_exception_without_one_is_all_completed) { /* WAIT-5 */
    asyncio_task *t[] = { asyncio_create_task(gives_after(2, 0)),
                          asyncio_create_task(gives_after(1, 1)) };
    CHECK_INT(AWAIT(asyncio_wait(t, 2, .return_when = ASYNCIO_FIRST_EXCEPTION)), 2);
    CHECK_DOUBLE(now(), 2.0);
    asyncio_task_unref(t[0]);
    asyncio_task_unref(t[1]);
    RETURN();
}

ASYNC(fails_unseen, (enum asyncio_return_when) when) {
    asyncio_task *t[] = { asyncio_create_task(fails(ASYNCIO_KEY_ERROR, "k")),
                          asyncio_create_task(gives(1)) };
    CHECK(AWAIT(asyncio_wait(t, 2, .return_when = when)) >= 1);
    asyncio_task_unref(t[0]);
    asyncio_task_unref(t[1]);
    RETURN();
}

TEST(errors_of_members_are_theirs_to_be_retrieved) { /* WAIT-8 */
    run_alone(fails_unseen(ASYNCIO_ALL_COMPLETED));
    CHECK_INT(reported.count, 1);
    run_alone(fails_unseen(ASYNCIO_FIRST_COMPLETED));
    CHECK_INT(reported.count, 2);
    CHECK_STR(reported.message, "Task exception was never retrieved");
}

/* ---- the limit ---- */

TEST_ASYNC(the_limit_is_no_error_and_cancels_nothing) { /* WAIT-6 */
    asyncio_auto_task a = asyncio_create_task(sleeper("a", 5));
    asyncio_auto_task b = asyncio_create_task(sleeper("b", 1));
    asyncio_task *t[] = { a, b };
    CHECK_INT(AWAIT(asyncio_wait(t, 2, .timeout = 2, .has_timeout = true)), 1);
    CHECK_DOUBLE(now(), 2.0);
    CHECK_PTR(t[0], b);
    CHECK_PTR(t[1], a);
    CHECK_INT(AWAIT(asyncio_wait(t + 1, 1, .timeout = 2, .has_timeout = true)), 0);
    CHECK_DOUBLE(now(), 4.0);
    CHECK_INT(AWAIT(asyncio_wait(t + 1, 1, .timeout = ASYNCIO_FOREVER, .has_timeout = true)), 1);
    CHECK_DOUBLE(now(), 5.0);
    CHECK_NOTES("b a");
    RETURN();
}

ASYNC(done_in_time) {
    asyncio_task *t[] = { asyncio_create_task(gives_after(1, 1)) };
    CHECK_INT(AWAIT(asyncio_wait(t, 1, .timeout = 1000, .has_timeout = true)), 1);
    asyncio_task_unref(t[0]);
    RETURN();
}

TEST(a_limit_that_was_not_needed_is_disarmed) { /* WAIT-10 */
    start_loop();
    CHECK_INT(run(done_in_time()), 0);
    check_no_timer(1.0);
    end_loop();
}

/* WAIT-11 */
TEST_ASYNC(what_is_done_when_it_resumes_counts_as_done) {
    asyncio_task *t[] = { asyncio_create_task(gives_after(1, 1)) };
    pass(1);
    CHECK_INT(AWAIT(asyncio_wait(t, 1, .timeout = 1, .has_timeout = true)), 1);
    CHECK_DOUBLE(now(), 1.0);
    asyncio_task_unref(t[0]);
    RETURN();
}

/* ---- turns ---- */

ASYNC(counts_turns) {
    asyncio_future *done = asyncio_future_new(), *pending = asyncio_future_new();
    CHECK_INT(asyncio_future_set_result(done, asyncio_none()), 0);
    asyncio_future *f[] = { done, done };
    CHECK_INT(TURNS_OF(CHECK_INT(AWAIT(asyncio_wait(f, 2)), 2)), 2);
    asyncio_future *p[] = { pending };
    CHECK_INT(TURNS_OF(CHECK_INT(AWAIT(asyncio_wait(p, 1, .timeout = 0, .has_timeout = true)), 0)),
              2);
    CHECK_INT(TURNS_OF(CHECK_INT(AWAIT(asyncio_wait(p, 1, .timeout = -5, .has_timeout = true)), 0)),
              2);
    asyncio_task *t[] = { asyncio_create_task(noop()) };
    CHECK_INT(TURNS_OF(CHECK_INT(AWAIT(asyncio_wait(t, 1)), 1)), 3);
    asyncio_task_unref(t[0]);
    asyncio_future_unref(done);
    asyncio_future_unref(pending);
    RETURN();
}

/* WAIT-6, WAIT-7 */
TEST(it_suspends_at_least_once_and_takes_as_many_turns_as_asyncio) { run_alone(counts_turns()); }

/* ---- the array ---- */

TEST_ASYNC(the_same_one_twice_is_waited_for_once) { /* WAIT-3 */
    asyncio_auto_task a = asyncio_create_task(gives_after(1, 1));
    asyncio_auto_task b = asyncio_create_task(gives_after(2, 2));
    asyncio_task *t[] = { b, a, b, a };
    CHECK_INT(AWAIT(asyncio_wait(t, N, .return_when = ASYNCIO_FIRST_COMPLETED)), 2);
    CHECK_PTR(t[0], a);
    CHECK_PTR(t[1], a);
    CHECK_PTR(t[2], b);
    CHECK_PTR(t[3], b);
    CHECK_INT(AWAIT(asyncio_wait(t, N)), 4);
    RETURN();
}

TEST_ASYNC(a_long_array_is_put_in_order_too) {
    enum { MANY = 500 };
    static asyncio_future *f[MANY], *all[MANY];
    for (int i = 0; i < MANY; i++) f[i] = all[i] = asyncio_future_new();
    for (int i = 0; i < MANY; i += 2) {
        CHECK_INT(asyncio_future_set_result(f[i], asyncio_none()), 0);
    }
    CHECK_INT(AWAIT(asyncio_wait(f, MANY, .return_when = ASYNCIO_FIRST_COMPLETED)), MANY / 2);
    for (int i = 0; i < MANY / 2; i++) {
        CHECK_PTR(f[i], all[2 * i]);
        CHECK_PTR(f[MANY / 2 + i], all[2 * i + 1]);
    }
    for (int i = 0; i < MANY; i++) asyncio_future_unref(all[i]);
    RETURN();
}

/* ---- cancellation ---- */

ASYNC(waits_for_three, (asyncio_future **) f) {
    int rc = AWAIT(asyncio_wait(f, 3, .timeout = 100, .has_timeout = true));
    note("%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(cancelling_the_waiter_leaves_the_members_and_the_array_alone) { /* WAIT-9, WAIT-10 */
    start_loop();
    asyncio_future *f[3], *all[3];
    for (int i = 0; i < 3; i++) f[i] = all[i] = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for_three(f));
    turn();
    CHECK_INT(asyncio_future_set_result(f[2], asyncio_none()), 0);
    asyncio_task_cancel(t, "m");
    turn();
    CHECK_ENDED(t, ASYNCIO_CANCELLED_ERROR, "m");
    for (int i = 0; i < 3; i++) CHECK_PTR(f[i], all[i]);
    CHECK(!asyncio_future_done(all[0]));
    CHECK_STR(REPR(asyncio_future_repr, all[0]), "<Future pending>"); /* no callback is left */
    check_no_timer(0.0);
    for (int i = 0; i < 3; i++) asyncio_future_unref(all[i]);
    end_loop();
    CHECK_NOTES("CancelledError");
}

TEST(loop_closed_while_a_task_waits) {
    start_loop();
    asyncio_future *f[3];
    for (int i = 0; i < 3; i++) f[i] = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for_three(f));
    turn();
    asyncio_loop_close(loop);
    asyncio_task_unref(t);
    for (int i = 0; i < 3; i++) asyncio_future_unref(f[i]);
    end_loop();
    CHECK_NOTES("GeneratorExit");
}

/* ---- bad input ---- */

static asyncio_loop *other_loop;

ASYNC(bad_input) {
    asyncio_auto_future a = asyncio_future_new();
    asyncio_future *f[] = { a, NULL };
    CHECK_ERROR(AWAIT(asyncio_wait(f, 0)), ASYNCIO_VALUE_ERROR, "Set of Tasks/Futures is empty.");
    CHECK_ERROR(AWAIT(asyncio_wait_with(f, NULL)), ASYNCIO_VALUE_ERROR,
                "Set of Tasks/Futures is empty.");
    CHECK_ERROR(AWAIT(asyncio_wait((asyncio_future **)NULL, 1)), ASYNCIO_TYPE_ERROR,
                "an array of futures is required");
    CHECK_ERROR(AWAIT(asyncio_wait(f, 2)), ASYNCIO_TYPE_ERROR, "a future is NULL");
    CHECK_ERROR(AWAIT(asyncio_wait(f, 1, .return_when = (enum asyncio_return_when)3)),
                ASYNCIO_VALUE_ERROR, "Invalid return_when value: 3");
    CHECK_ERROR(AWAIT(asyncio_wait(f, 1, .timeout = (double)NAN, .has_timeout = true)),
                ASYNCIO_VALUE_ERROR, "Invalid timeout: NaN (not a number)");
    asyncio_auto_future foreign = asyncio_loop_create_future(other_loop);
    f[1] = foreign;
    CHECK_ERROR(AWAIT(asyncio_wait(f, 2)), ASYNCIO_VALUE_ERROR,
                "a future belongs to a different loop");
    CHECK_ERROR(AWAIT(asyncio_wait(f + 1, 1)), ASYNCIO_VALUE_ERROR,
                "a future belongs to a different loop");
    RETURN();
}

TEST(bad_arguments_are_refused) { /* WAIT-1 */
    other_loop = asyncio_testing_new_event_loop(0);
    run_alone(bad_input());
    asyncio_loop_close(other_loop);
    asyncio_loop_unref(other_loop);
}
