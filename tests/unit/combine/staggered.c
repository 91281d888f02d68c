/* SPDX-License-Identifier: MIT
 *
 * The staggered race: who starts when, who wins, and that nobody is left running.
 */
#include <errno.h>

#include "../../support/core.h"

/* Takes that long, then gives its name's first letter or fails. */
ASYNC(runner, (const char *)name, (double)seconds, (int)status) {
    note("%s+%g", name, asyncio_loop_time(loop));
    int rc = AWAIT(asyncio_sleep(seconds));
    if (rc < 0) note("%s-%s@%g", name, asyncio_err_name(rc), asyncio_loop_time(loop));
    TRY(rc);
    if (status < 0) RAISE(status, "%s", name);
    RETURN((long)name[0]);
}

ASYNC(first_wins) {
    int winner = 9;
    asyncio_value v;
    TRY(AWAIT(asyncio_staggered_race(1, &winner, runner("a", 5, 0), runner("b", 1.5, 0),
                                     runner("c", 9, 0), runner("d", 1, 0)),
              &v));
    CHECK_INT(winner, 1);
    CHECK_INT(v.i, 'b');
    CHECK_NOTES("a+0 b+1 c+2 a-CancelledError@2.5 c-CancelledError@2.5");
    RETURN();
}
TEST(each_starts_a_delay_after_the_one_before_and_the_first_to_succeed_wins) { /* STG-1 */
    run_alone(first_wins());
}

/* STG-1, STG-2 */
TEST_ASYNC(the_failure_of_the_last_started_starts_the_next) {
    int winner;
    asyncio_value v;
    asyncio_outcome o[3];
    asyncio_coro aws[] = { runner("a", 0.25, ASYNCIO_KEY_ERROR), runner("b", 1, 0),
                           runner("c", 1, 0) };
    TRY(AWAIT(asyncio_staggered_race_array(3, aws, 10, &winner, o), &v));
    CHECK_INT(winner, 1);
    CHECK_NOTES("a+0 b+0.25");
    CHECK_INT(o[0].status, ASYNCIO_KEY_ERROR);
    CHECK_STR(asyncio_error_message(o[0].error), "a");
    CHECK_INT(o[1].status, 0);
    CHECK_INT(o[2].status, ASYNCIO_INVALID_STATE_ERROR);
    CHECK_PTR(o[2].error, NULL);
    for (int i = 0; i < 3; i++) asyncio_outcome_fini(&o[i]);
    RETURN();
}

TEST_ASYNC(the_failure_of_an_older_one_starts_nothing) { /* STG-1 */
    int winner;
    TRY(AWAIT(asyncio_staggered_race(1, &winner, runner("a", 1.25, ASYNCIO_KEY_ERROR),
                                     runner("b", 5, 0), runner("c", 0.5, 0))));
    CHECK_INT(winner, 2);
    CHECK_NOTES("a+0 b+1 c+2 b-CancelledError@2.5");
    RETURN();
}

TEST_ASYNC(without_a_delay_one_runs_at_a_time) { /* STG-1 */
    int winner;
    TRY(AWAIT(asyncio_staggered_race(ASYNCIO_FOREVER, &winner, runner("a", 100, ASYNCIO_KEY_ERROR),
                                     runner("b", 100, 0), runner("c", 1, 0))));
    CHECK_INT(winner, 1);
    CHECK_NOTES("a+0 b+100");
    RETURN();
}

ASYNC(all_fail) {
    int winner;
    asyncio_value v = asyncio_int(7);
    asyncio_outcome o[2];
    asyncio_coro aws[] = { runner("a", 2, ASYNCIO_KEY_ERROR), runner("b", 2, ASYNCIO_OS_ERROR) };
    TRY(AWAIT(asyncio_staggered_race_array(2, aws, 1, &winner, o), &v));
    CHECK_INT(winner, -1);
    CHECK_PTR(v.type, NULL);
    CHECK_INT(o[0].status, ASYNCIO_KEY_ERROR);
    CHECK_INT(o[1].status, ASYNCIO_OS_ERROR);
    for (int i = 0; i < 2; i++) asyncio_outcome_fini(&o[i]);
    TRY(AWAIT(asyncio_staggered_race_array(0, NULL, 1, &winner, NULL)));
    CHECK_INT(winner, -1);
    RETURN();
}
TEST(if_all_fail_nobody_wins) { /* STG-2 */
    run_alone(all_fail());
    CHECK_INT(reported.count, 0);
}

ASYNC(races, (int *)winner) {
    TRY(AWAIT(asyncio_staggered_race(1, winner, runner("a", 5, 0), runner("b", 5, 0))));
    RETURN();
}

ASYNC(stubborn) {
    int rc = AWAIT(asyncio_sleep(5));
    note("refused:%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    rc = AWAIT(asyncio_sleep(1));
    note("then:%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    RETURN();
}

ASYNC(stubborn_race) {
    TRY(AWAIT(asyncio_staggered_race(1, NULL, stubborn())));
    RETURN();
}

TEST_ASYNC(cancelling_the_waiter_cancels_all_and_waits_for_them) { /* STG-3 */
    int winner = 7;
    asyncio_task *t = asyncio_create_task(races(&winner));
    TRY(AWAIT(asyncio_sleep(1.5)));
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(winner, 7);
    CHECK_NOTES("a+0 b+1 a-CancelledError@1.5 b-CancelledError@1.5");
    asyncio_task_unref(t);
    t = asyncio_create_task(stubborn_race());
    TRY(AWAIT(asyncio_sleep(0.5)));
    asyncio_task_cancel(t, NULL);
    TRY(AWAIT(asyncio_sleep(0.5)));
    asyncio_task_cancel(t, NULL); /* while it waits for what was cancelled */
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_NOTES("refused:CancelledError then:CancelledError");
    asyncio_task_unref(t);
    RETURN();
}

TEST(it_works_with_eager_tasks) { /* STG-3 */
    start_loop();
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, NULL);
    CHECK_INT(run(first_wins()), 0);
    end_loop();
}

ASYNC(gives, (long)value) { RETURN(value); }
ASYNC(fails_now) { RAISE(ASYNCIO_KEY_ERROR, "no"); }
ASYNC(last_in_no_time) {
    int winner;
    asyncio_value v;
    double before = asyncio_loop_time(loop);
    TRY(AWAIT(asyncio_staggered_race(ASYNCIO_FOREVER, &winner, fails_now(), gives(11)), &v));
    CHECK_INT(winner, 1);
    CHECK_INT(v.i, 11);
    TRY(AWAIT(asyncio_staggered_race(ASYNCIO_FOREVER, &winner, fails_now(), fails_now()), &v));
    CHECK_INT(winner, -1);
    CHECK_DOUBLE(asyncio_loop_time(loop), before);
    TRY(AWAIT(asyncio_staggered_race(1, &winner, runner("a", 9, 0), gives(12)), &v));
    CHECK_INT(winner, 1);
    CHECK_INT(v.i, 12);
    CHECK_DOUBLE(asyncio_loop_time(loop), before + 1);
    TRY(AWAIT(asyncio_staggered_race(1, &winner, runner("b", 9, 0), fails_now(), gives(13)), &v));
    CHECK_INT(winner, 2);
    CHECK_DOUBLE(asyncio_loop_time(loop), before + 2);
    RETURN();
}
TEST(one_that_ends_the_moment_it_is_started_is_looked_at) { /* STG-1 */
    start_loop();
    CHECK_INT(run(last_in_no_time()), 0);
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, NULL);
    CHECK_INT(run(last_in_no_time()), 0);
    end_loop();
}

ASYNC(races_what_is_done) {
    int winner;
    asyncio_value v;
    asyncio_auto_task done = asyncio_create_task(gives(11));
    asyncio_auto_task failed = asyncio_create_task(fails_now());
    asyncio_auto_future resolved = asyncio_loop_create_future(loop);
    asyncio_future_set_result(resolved, asyncio_int(12));
    TRY(AWAIT(done));
    CHECK(asyncio_catch(AWAIT(failed), ASYNCIO_KEY_ERROR));
    TRY(AWAIT(asyncio_staggered_race(ASYNCIO_FOREVER, &winner, failed, done), &v));
    CHECK_INT(winner, 1);
    CHECK_INT(v.i, 11);
    TRY(AWAIT(asyncio_staggered_race(1, &winner, runner("a", 9, 0), failed, resolved), &v));
    CHECK_INT(winner, 2);
    CHECK_INT(v.i, 12);
    CHECK_DOUBLE(asyncio_loop_time(loop), 1);
    RETURN();
}
TEST(what_is_done_before_it_is_started_wins_or_lets_the_next_start) { /* STG-1 */
    run_alone(races_what_is_done());
}

ASYNC(gives_after_future, (asyncio_future *)f, (const char *)name) {
    TRY(AWAIT(f));
    note("%s", name);
    RETURN((long)name[0]);
}
static asyncio_future *futures[3];
static int resolve_backwards(void *arg) {
    (void)arg;
    for (int i = 2; i >= 0; i--) asyncio_future_set_result(futures[i], asyncio_none());
    return 0;
}
ASYNC(three_in_one_turn) {
    int winner;
    asyncio_value v;
    asyncio_outcome o[3];
    for (int i = 0; i < 3; i++) futures[i] = asyncio_loop_create_future(loop);
    asyncio_coro aws[] = { gives_after_future(futures[0], "a"), gives_after_future(futures[1], "b"),
                           gives_after_future(futures[2], "c") };
    asyncio_loop_call_later(loop, 5, resolve_backwards, NULL);
    TRY(AWAIT(asyncio_staggered_race_array(3, aws, 1, &winner, o), &v));
    CHECK_INT(winner, 2);
    CHECK_INT(v.i, 'c');
    CHECK_NOTES("c");
    CHECK_INT(o[0].status, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(o[1].status, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(o[2].status, 0);
    for (int i = 0; i < 3; i++) {
        asyncio_outcome_fini(&o[i]);
        asyncio_future_unref(futures[i]);
    }
    RETURN();
}
TEST(of_several_that_could_end_in_one_turn_the_first_ends_alone) { /* STG-1 */
    run_alone(three_in_one_turn());
}

ASYNC(cancels_itself) {
    asyncio_task_cancel(asyncio_current_task(), NULL);
    RETURN(7);
}
ASYNC(race_of_selfcanceller) {
    int winner;
    asyncio_value v;
    TRY(AWAIT(asyncio_staggered_race(1, &winner, cancels_itself(), gives(8)), &v));
    CHECK_INT(winner, 0);
    CHECK_INT(v.i, 7);
    RETURN();
}
TEST(a_winner_that_has_requested_its_own_cancellation_wins_all_the_same) {
    run_alone(race_of_selfcanceller());
}

/* Cleaned up in two steps: a second CancelledError would interrupt it. */
ASYNC(cleans_up, (const char *)name) {
    int rc = AWAIT(asyncio_sleep(100));
    TRY(AWAIT(asyncio_sleep(3)));
    note("%s-clean@%g", name, asyncio_loop_time(loop));
    TRY(rc);
    RETURN();
}
ASYNC(loser_cleans_up) {
    int winner;
    TRY(AWAIT(asyncio_staggered_race(1, &winner, cleans_up("a"), gives(8))));
    CHECK_INT(winner, 1);
    CHECK_NOTES("a-clean@4");
    RETURN();
}
TEST(a_loser_is_cancelled_once_and_waited_for) { run_alone(loser_cleans_up()); }

TEST_ASYNC(a_race_can_be_a_task) {
    int winner;
    asyncio_task *t;
    {
        asyncio_coro aws[] = { runner("a", 3, 0), runner("b", 1, 0) };
        t = asyncio_create_task(asyncio_staggered_race_array(2, aws, 1, &winner, NULL));
        memset(aws, 0, sizeof aws);
    }
    asyncio_value v;
    TRY(AWAIT(t, &v));
    CHECK_INT(winner, 1);
    CHECK_INT(v.i, 'b');
    asyncio_task_unref(t);
    CHECK_NOTES("a+0 b+1 a-CancelledError@2");
    RETURN();
}

TEST_ASYNC(bad_input_is_refused_and_what_was_started_is_stopped) {
    asyncio_coro none = { .type = NULL };
    CHECK_ERROR(AWAIT(asyncio_staggered_race(NAN, NULL, runner("a", 1, 0))), ASYNCIO_VALUE_ERROR,
                "Invalid delay: NaN (not a number)");
    CHECK_ERROR(AWAIT(asyncio_staggered_race_array(1, NULL, 1, NULL, NULL)), ASYNCIO_TYPE_ERROR,
                "awaitables are required");
    asyncio_coro aws[] = { runner("a", 5, 0), none };
    CHECK(asyncio_catch(AWAIT(asyncio_staggered_race_array(2, aws, 1, NULL, NULL)),
                        ASYNCIO_TYPE_ERROR));
    CHECK_NOTES("a+0 a-CancelledError@1");
    RETURN();
}

static int drops;
static void drop(asyncio_value *v) {
    (void)v;
    drops++;
}
static const asyncio_value_type owning = { .size = sizeof owning, .name = "owning", .drop = drop };

ASYNC(gives_owned, (double)seconds) {
    asyncio_ignore(AWAIT(asyncio_sleep(seconds)));
    RETURN(asyncio_own(&drops, &owning));
}
TEST_ASYNC(a_second_result_is_let_go) {
    asyncio_value v;
    TRY(AWAIT(asyncio_staggered_race(0, NULL, gives_owned(1), gives_owned(1)), &v));
    CHECK_INT(drops, 1); /* the second, which is cancelled and ends all the same */
    asyncio_value_drop(&v);
    CHECK_INT(drops, 2);
    RETURN();
}

ASYNC(wins_while_unwound) {
    asyncio_ignore(AWAIT(asyncio_sleep(1000)));
    RETURN(asyncio_own(&drops, &owning));
}
ASYNC(long_race) {
    TRY(AWAIT(asyncio_staggered_race(1, NULL, wins_while_unwound(), wins_while_unwound())));
    RETURN();
}
TEST(a_race_is_left_behind_by_a_loop_that_closes) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, long_race());
    for (int i = 0; i < 8; i++) turn();
    asyncio_task_unref(t);
    end_loop();
    CHECK_INT(drops, 1);
}

ASYNC(without_memory) {
    for (long n = 1;; n++) {
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        int rc = AWAIT(
            asyncio_staggered_race(1, NULL, runner("a", 2, ASYNCIO_KEY_ERROR), runner("b", 3, 0)));
        asyncio_ignore((int)asyncio_testing_fail_allocation(0));
        if (rc >= 0 && n > 12) break;
        if (rc < 0) CHECK(asyncio_catch(rc, -ENOMEM));
    }
    RETURN();
}
TEST(exhausted_memory_leaves_nobody_running) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(without_memory());
}
