/* SPDX-License-Identifier: MIT
 *
 * Semaphore and BoundedSemaphore: who gets a permit, in which turn, and what becomes of the
 * permit of a waiter that is cancelled.
 */
#include <limits.h>

#include "sync.h"

/* Takes a permit and notes its name; keeps it. */
ASYNC(takes, (asyncio_semaphore *) s, (const char *) name) {
    int rc = AWAIT(asyncio_semaphore_acquire(s));
    note("%s%s", name, rc < 0 ? "!" : "");
    TRY(rc);
    RETURN();
}

static void check_repr(const asyncio_semaphore *s, const char *expected) {
    char text[64];
    asyncio_semaphore_repr(s, text, sizeof text);
    CHECK_STR(text, expected);
}

TEST(the_initial_value_cannot_be_negative) { /* SEM-1 */
    CHECK_NULL_ERROR(asyncio_semaphore_new(-1), ASYNCIO_VALUE_ERROR,
                     "Semaphore initial value must be >= 0");
    CHECK_NULL_ERROR(asyncio_boundedsemaphore_new(-1), ASYNCIO_VALUE_ERROR,
                     "Semaphore initial value must be >= 0");
    CHECK_NULL_ERROR(asyncio_semaphore_new(LONG_MIN), ASYNCIO_VALUE_ERROR,
                     "Semaphore initial value must be >= 0");
    asyncio_semaphore *s = asyncio_semaphore_new(0);
    CHECK(asyncio_semaphore_locked(s));
    asyncio_semaphore_unref(s);
}

/* SEM-9 */
TEST_ASYNC(permits_that_are_there_are_taken_without_suspending) {
    asyncio_auto_semaphore s = asyncio_semaphore_new(2);
    unsigned long long before = turns();
    asyncio_value v;
    check_repr(s, "<Semaphore [unlocked, value:2]>");
    TRY(AWAIT(asyncio_semaphore_acquire(s), &v));
    CHECK(v.type == &asyncio_value_bool && v.i == 1);
    CHECK(!asyncio_semaphore_locked(s));
    TRY(AWAIT(asyncio_semaphore_acquire(s)));
    CHECK(asyncio_semaphore_locked(s));
    check_repr(s, "<Semaphore [locked]>");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK(!asyncio_semaphore_locked(s));
    CHECK_INT(turns(), before);
    RETURN();
}

/* ---- order ---- */

TEST_ASYNC(a_release_hands_the_permit_to_the_first_in_line) { /* SEM-3, SEM-9 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes(s, "a"));
    asyncio_task *b = asyncio_create_task(takes(s, "b"));
    take_turns(1);
    check_repr(s, "<Semaphore [locked, waiters:2]>");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK(asyncio_semaphore_locked(s));
    CHECK_STR(notes, "");
    take_turns(1);
    CHECK_STR(notes, "a");
    take_turns(3);
    CHECK_STR(notes, "a");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    take_turns(1);
    CHECK_STR(notes, "a b");
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

TEST_ASYNC(several_releases_in_one_turn_wake_as_many) { /* SEM-4, V13-6 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *tasks[4];
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_create_task(takes(s, "x"));
    take_turns(1);
    for (int i = 0; i < 3; i++) CHECK_INT(asyncio_semaphore_release(s), 0);
    take_turns(1);
    CHECK_STR(notes, "x x x");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    take_turns(1);
    CHECK_STR(notes, "x x x x");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK(!asyncio_semaphore_locked(s));
    for (int i = 0; i < 4; i++) check_ended(tasks[i], 0);
    RETURN();
}

TEST_ASYNC(nobody_passes_a_waiter_even_if_there_is_a_permit_left) { /* SEM-2 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes(s, "a"));
    take_turns(1);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK(asyncio_semaphore_locked(s));
    unsigned long long before = turns();
    TRY(AWAIT(takes(s, "main")));
    CHECK_STR(notes, "a main");
    CHECK_INT(turns(), before + 2);
    check_ended(a, 0);
    RETURN();
}

ASYNC(takes_again_and_again, (asyncio_semaphore *) s, (const char *) name) {
    for (int i = 0; i < 3; i++) {
        TRY(AWAIT(takes(s, name)));
        CHECK_INT(asyncio_semaphore_release(s), 0);
    }
    RETURN();
}

TEST_ASYNC(who_releases_and_acquires_goes_to_the_back) { /* SEM-7 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes_again_and_again(s, "a"));
    asyncio_task *b = asyncio_create_task(takes_again_and_again(s, "b"));
    take_turns(1);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    check_ended(a, 0);
    check_ended(b, 0);
    CHECK_STR(notes, "a b a b a b");
    RETURN();
}

/* ---- cancellation ---- */

TEST_ASYNC(a_waiter_cancelled_after_the_grant_gives_the_permit_to_the_next) { /* SEM-5 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes(s, "a"));
    asyncio_task *b = asyncio_create_task(takes(s, "b"));
    take_turns(1);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    asyncio_task_cancel(a, NULL);
    take_turns(1);
    CHECK_STR(notes, "a!");
    take_turns(1);
    CHECK_STR(notes, "a! b");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    RETURN();
}

TEST_ASYNC(a_permit_that_nobody_wants_any_more_is_free) {
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes(s, "a"));
    take_turns(1);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    asyncio_task_cancel(a, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_repr(s, "<Semaphore [unlocked, value:1]>");
    RETURN();
}

TEST_ASYNC(a_waiter_cancelled_in_line_gets_no_permit) { /* SEM-6 */
    asyncio_auto_semaphore s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(takes(s, "a"));
    asyncio_task *b = asyncio_create_task(takes(s, "b"));
    take_turns(1);
    asyncio_task_cancel(a, NULL);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    take_turns(1);
    CHECK_STR(notes, "a! b");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    asyncio_task *c = asyncio_create_task(takes(s, "c"));
    take_turns(1);
    asyncio_task_cancel(c, NULL);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK(!asyncio_semaphore_locked(s));
    check_ended(c, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

ASYNC(works_by_chance, (asyncio_semaphore *) s, (int *) inside, (int *) done) {
    for (int i = 0; i < 20; i++) {
        int rc = AWAIT(asyncio_semaphore_acquire(s));
        if (rc >= 0) {
            CHECK(++*inside <= 3);
            rc = random_below(2) ? AWAIT(asyncio_sleep(0)) : 0;
            --*inside;
            CHECK_INT(asyncio_semaphore_release(s), 0);
        }
        if (rc < 0) asyncio_ignore(rc);
    }
    ++*done;
    RETURN();
}

ASYNC(cancels_by_chance) {
    enum { N = 12 };
    asyncio_auto_semaphore s = asyncio_boundedsemaphore_new(3);
    asyncio_task *tasks[N];
    int inside = 0, done = 0;
    for (int i = 0; i < N; i++) tasks[i] = asyncio_create_task(works_by_chance(s, &inside, &done));
    take_turns(1);
    while (done < N) {
        asyncio_task_cancel(tasks[random_below(N)], NULL);
        if (random_below(3) == 0) TRY(AWAIT(asyncio_sleep(0)));
        CHECK(turns() < 100000);
    }
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    check_repr(s, "<BoundedSemaphore [unlocked, value:3]>");
    RETURN();
}

TEST(no_cancellation_loses_or_makes_a_permit) {
    for (int i = 0; i < 50; i++) run(cancels_by_chance());
}

/* ---- bounds ---- */

TEST(a_bounded_semaphore_refuses_a_release_too_many_and_is_left_as_it_is) { /* SEM-8 */
    asyncio_boundedsemaphore *s = asyncio_boundedsemaphore_new(1);
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(asyncio_semaphore_release(s), ASYNCIO_VALUE_ERROR,
                    "BoundedSemaphore released too many times");
        check_repr(s, "<BoundedSemaphore [unlocked, value:1]>");
    }
    asyncio_semaphore_unref(s);
}

TEST(a_semaphore_can_have_more_permits_than_at_first_up_to_long_max) {
    asyncio_auto_semaphore s = asyncio_semaphore_new(LONG_MAX - 1);
    CHECK_INT(asyncio_semaphore_release(s), 0);
    CHECK_ERROR(asyncio_semaphore_release(s), ASYNCIO_VALUE_ERROR,
                "Semaphore released too many times");
}

/* ---- the block, references, loops ---- */

ASYNC(has_blocks, (asyncio_semaphore *) s, (int *) inside) {
    int rc;
    ASYNC_WITH(permit, asyncio_semaphore_block(s, &rc)) {
        CHECK_PTR(permit, s);
        CHECK(++*inside <= 2);
        rc = AWAIT(asyncio_sleep(1));
        --*inside;
    }
    return rc;
}

TEST_ASYNC(a_block_has_a_permit_and_gives_it_back) {
    asyncio_auto_semaphore s = asyncio_boundedsemaphore_new(2);
    int inside = 0, rc;
    asyncio_task *tasks[5];
    for (int i = 0; i < 5; i++) tasks[i] = asyncio_create_task(has_blocks(s, &inside));
    take_turns(1);
    asyncio_task_cancel(tasks[0], NULL);
    asyncio_task_cancel(tasks[3], NULL);
    check_ended(tasks[0], ASYNCIO_CANCELLED_ERROR);
    check_ended(tasks[1], 0);
    check_ended(tasks[2], 0);
    check_ended(tasks[3], ASYNCIO_CANCELLED_ERROR);
    check_ended(tasks[4], 0);
    CHECK_DOUBLE(asyncio_loop_time(asyncio_get_running_loop()), 2.0);
    check_repr(s, "<BoundedSemaphore [unlocked, value:2]>");
    ASYNC_WITH(permit, asyncio_semaphore_block(s, &rc)) {
        CHECK_INT(asyncio_semaphore_release(permit), 0);
    }
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "BoundedSemaphore released too many times");
    RETURN();
}

TEST_ASYNC(waiters_hold_the_semaphore) {
    asyncio_semaphore *s = asyncio_semaphore_new(0);
    asyncio_task *a = asyncio_create_task(asyncio_semaphore_acquire(s));
    take_turns(1);
    asyncio_semaphore_release(s);
    asyncio_semaphore_unref(s);
    asyncio_task_cancel(a, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

ASYNC(acquires_within_a_second, (asyncio_semaphore *) s) {
    return AWAIT(asyncio_wait_for(asyncio_semaphore_acquire(s), 1));
}

TEST(a_semaphore_is_bound_to_the_first_loop_somebody_waits_in) {
    asyncio_semaphore *s = asyncio_semaphore_new(0);
    CHECK(asyncio_catch(run_and_bind(acquires_within_a_second(s)), ASYNCIO_TIMEOUT_ERROR));
    CHECK_ERROR(run_for_status(acquires_within_a_second(s)), ASYNCIO_RUNTIME_ERROR,
                "the Semaphore is bound to a different event loop");
    CHECK_INT(asyncio_semaphore_release(s), 0);
    run(acquires_within_a_second(s));
    CHECK_LETS_GO(asyncio_semaphore, s);
}
