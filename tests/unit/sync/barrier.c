/* SPDX-License-Identifier: MIT
 *
 * Barrier: filling, draining, resetting, broken; indices, and tasks that are cancelled.
 */
#include <limits.h>

#include "sync.h"

/* Waits once and notes its name with the index, or ! broken, or ? cancelled. */
ASYNC(waits, (asyncio_barrier *) b, (const char *) name) {
    asyncio_value v;
    int rc = AWAIT(asyncio_barrier_wait(b), &v);
    if (rc >= 0) {
        CHECK(v.type == &asyncio_value_int && v.i == rc);
        note("%s%d", name, rc);
    } else {
        note("%s%s", name, rc == ASYNCIO_BROKEN_BARRIER_ERROR ? "!" : "?");
    }
    return rc;
}

static void check_repr(const asyncio_barrier *b, const char *expected) {
    char text[64];
    asyncio_barrier_repr(b, text, sizeof text);
    CHECK_STR(text, expected);
}

TEST(a_barrier_is_for_one_at_least) { /* BAR-1 */
    CHECK_NULL_ERROR(asyncio_barrier_new(0), ASYNCIO_VALUE_ERROR, "parties must be >= 1");
    CHECK_NULL_ERROR(asyncio_barrier_new(-1), ASYNCIO_VALUE_ERROR, "parties must be >= 1");
    asyncio_barrier *b = asyncio_barrier_new(INT_MAX);
    CHECK_INT(asyncio_barrier_parties(b), INT_MAX);
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
    CHECK(!asyncio_barrier_broken(b));
    asyncio_barrier_unref(b);
}

TEST_ASYNC(a_barrier_for_one_never_suspends) {
    asyncio_auto_barrier b = asyncio_barrier_new(1);
    unsigned long long before = turns();
    for (int i = 0; i < 3; i++) CHECK_INT(AWAIT(asyncio_barrier_wait(b)), 0);
    CHECK_INT(turns(), before);
    RETURN();
}

/* BAR-2, BAR-4, BAR-9 */
TEST_ASYNC(the_last_to_arrive_passes_at_once_and_indices_are_by_arrival) {
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    asyncio_task *c = asyncio_create_task(waits(b, "b"));
    take_turns(1);
    CHECK_INT(asyncio_barrier_n_waiting(b), 2);
    check_repr(b, "<Barrier [filling, waiters:2/3]>");
    unsigned long long before = turns();
    TRY(AWAIT(waits(b, "main")));
    CHECK_INT(turns(), before);
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
    check_repr(b, "<Barrier [draining, waiters:0/3]>");
    check_ended(a, 0);
    check_ended(c, 0);
    CHECK_STR(notes, "main2 a0 b1");
    check_repr(b, "<Barrier [filling, waiters:0/3]>");
    RETURN();
}

ASYNC(waits_thrice, (asyncio_barrier *) b, (const char *) name) {
    for (int i = 0; i < 3; i++) TRY(AWAIT(waits(b, name)));
    RETURN();
}

TEST_ASYNC(a_barrier_can_be_used_again_and_again) { /* BAR-8 */
    asyncio_auto_barrier b = asyncio_barrier_new(2);
    TRY(AWAIT(asyncio_gather(NULL, waits_thrice(b, "a"), waits_thrice(b, "b"))));
    CHECK_STR(notes, "b1 a0 b1 a0 b1 a0");
    RETURN();
}

/* BAR-3, BAR-4 */
TEST_ASYNC(who_arrives_while_it_drains_waits_for_the_next_filling) {
    asyncio_auto_barrier b = asyncio_barrier_new(2);
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    take_turns(1);
    TRY(AWAIT(waits(b, "b")));
    asyncio_task *c = asyncio_create_task(waits(b, "c"));
    asyncio_task *d = asyncio_create_task(waits(b, "d"));
    take_turns(1);
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
    check_ended(a, 0);
    check_ended(c, 0);
    check_ended(d, 0);
    CHECK_STR(notes, "b1 a0 d1 c0");
    RETURN();
}

TEST_ASYNC(a_cancelled_task_leaves_and_the_barrier_stays_whole) { /* BAR-5 */
    asyncio_auto_barrier b = asyncio_barrier_new(2);
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    take_turns(1);
    asyncio_task_cancel(a, NULL);
    take_turns(1);
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
    CHECK(!asyncio_barrier_broken(b));
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    TRY(AWAIT(asyncio_gather(NULL, waits(b, "b"), waits(b, "c"))));
    CHECK_STR(notes, "a? c1 b0");
    RETURN();
}

/* ---- reset and abort ---- */

TEST_ASYNC(reset_makes_those_who_wait_fail_and_the_barrier_empty) { /* BAR-6, BAR-9 */
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    TRY(AWAIT(asyncio_barrier_reset(b)));
    check_repr(b, "<Barrier [filling, waiters:0/3]>");
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    asyncio_task *c = asyncio_create_task(waits(b, "b"));
    take_turns(1);
    unsigned long long before = turns();
    TRY(AWAIT(asyncio_barrier_reset(b)));
    CHECK_INT(turns(), before);
    check_repr(b, "<Barrier [resetting, waiters:0/3]>");
    check_ended(a, ASYNCIO_BROKEN_BARRIER_ERROR);
    check_ended(c, ASYNCIO_BROKEN_BARRIER_ERROR);
    CHECK(!asyncio_barrier_broken(b));
    TRY(AWAIT(asyncio_gather(NULL, waits(b, "c"), waits(b, "d"), waits(b, "e"))));
    CHECK_STR(notes, "a! b! e2 c0 d1");
    RETURN();
}

ASYNC(resets_while_draining, (bool) at_once) {
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    int ended = at_once ? ASYNCIO_BROKEN_BARRIER_ERROR : 0;
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    asyncio_task *c = asyncio_create_task(waits(b, "b"));
    take_turns(1);
    TRY(AWAIT(waits(b, "c")));
    check_repr(b, "<Barrier [draining, waiters:0/3]>");
    if (at_once) TRY(AWAIT(asyncio_barrier_reset(b)));
    else check_ended(asyncio_create_task(asyncio_barrier_reset(b)), 0);
    check_ended(a, ended);
    check_ended(c, ended);
    CHECK_STR(notes, at_once ? "c2 a! b!" : "c2 a0 b1");
    check_repr(b, "<Barrier [filling, waiters:0/3]>");
    RETURN();
}

TEST(tasks_that_drain_before_a_reset_pass) { run(resets_while_draining(false)); } /* BAR-6 */

TEST(a_reset_that_is_first_catches_those_that_have_not_drained) { /* BAR-6 */
    run(resets_while_draining(true));
}

TEST_ASYNC(abort_breaks_the_barrier_until_a_reset) { /* BAR-7, BAR-9 */
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    take_turns(1);
    TRY(AWAIT(asyncio_barrier_abort(b)));
    CHECK(asyncio_barrier_broken(b));
    check_repr(b, "<Barrier [broken]>");
    check_ended(a, ASYNCIO_BROKEN_BARRIER_ERROR);
    CHECK_ERROR(AWAIT(asyncio_barrier_wait(b)), ASYNCIO_BROKEN_BARRIER_ERROR, "Barrier aborted");
    CHECK(asyncio_barrier_broken(b));
    TRY(AWAIT(asyncio_barrier_reset(b)));
    CHECK(!asyncio_barrier_broken(b));
    TRY(AWAIT(asyncio_gather(NULL, waits(b, "c"), waits(b, "d"), waits(b, "e"))));
    CHECK_STR(notes, "a! e2 c0 d1");
    RETURN();
}

/* ---- the block, references, loops, chance ---- */

ASYNC(has_a_block, (asyncio_barrier *) b, (int) fails) {
    int rc;
    ASYNC_WITH(index, asyncio_barrier_block(b, &rc)) {
        note("%d", index);
        if (fails) RAISE(ASYNCIO_VALUE_ERROR, NULL);
    }
    TRY(rc);
    RETURN();
}

TEST_ASYNC(a_block_waits_on_entry) {
    asyncio_auto_barrier b = asyncio_barrier_new(2);
    asyncio_task *t = asyncio_create_task(has_a_block(b, true));
    take_turns(1);
    int rc;
    ASYNC_WITH(index, asyncio_barrier_block(b, &rc)) { note("main%d", index); }
    CHECK_INT(rc, 0);
    check_ended(t, ASYNCIO_VALUE_ERROR);
    CHECK_STR(notes, "main1 0");
    TRY(AWAIT(asyncio_barrier_abort(b)));
    CHECK(asyncio_catch(AWAIT(has_a_block(b, false)), ASYNCIO_BROKEN_BARRIER_ERROR));
    CHECK_STR(notes, "main1 0");
    RETURN();
}

TEST_ASYNC(who_waits_holds_the_barrier) {
    asyncio_barrier *b = asyncio_barrier_new(2);
    asyncio_task *a = asyncio_create_task(waits(b, "a"));
    take_turns(1);
    asyncio_barrier_unref(b);
    asyncio_task_cancel(a, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

ASYNC(waits_a_second, (asyncio_barrier *) b) {
    return AWAIT(asyncio_wait_for(asyncio_barrier_wait(b), 1));
}

TEST(a_barrier_is_bound_to_the_first_loop_somebody_waits_in) {
    asyncio_barrier *b = asyncio_barrier_new(2);
    CHECK(asyncio_catch(run_and_bind(waits_a_second(b)), ASYNCIO_TIMEOUT_ERROR));
    int rc = run_for_status(waits_a_second(b));
    CHECK(asyncio_catch(rc, ASYNCIO_RUNTIME_ERROR));
    CHECK_INT(asyncio_barrier_n_waiting(b), 0);
    CHECK_LETS_GO(asyncio_barrier, b);
}

ASYNC(comes_by_chance, (asyncio_barrier *) b, (int *) done) {
    for (int i = 0; i < 10; i++) {
        int rc = AWAIT(asyncio_barrier_wait(b));
        if (rc < 0) asyncio_ignore(rc);
        if (random_below(2)) asyncio_ignore(AWAIT(asyncio_sleep(0)));
    }
    ++*done;
    RETURN();
}

ASYNC(disturbs_by_chance) {
    enum { N = 9 };
    asyncio_auto_barrier b = asyncio_barrier_new(3);
    asyncio_task *tasks[N];
    int done = 0;
    for (int i = 0; i < N; i++) tasks[i] = asyncio_create_task(comes_by_chance(b, &done));
    take_turns(1);
    for (int calm = 0; done < N && calm < 30; calm++) {
        unsigned dice = random_below(40);
        if (dice < 30) asyncio_task_cancel(tasks[random_below(N)], NULL);
        if (dice == 30) TRY(AWAIT(asyncio_barrier_reset(b)));
        if (dice == 31) TRY(AWAIT(asyncio_barrier_abort(b)));
        if (dice == 32 || dice < 30) calm = 0;
        if (random_below(2)) take_turns(1);
    }
    TRY(AWAIT(asyncio_barrier_abort(b)));
    take_turns(60);
    CHECK_INT(done, N);
    TRY(AWAIT(asyncio_barrier_reset(b)));
    check_repr(b, "<Barrier [filling, waiters:0/3]>");
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    RETURN();
}

TEST(no_disturbance_leaves_anybody_inside) {
    for (int i = 0; i < 100; i++) run(disturbs_by_chance());
}
