/* SPDX-License-Identifier: MIT
 *
 * Lock: who gets it, in which turn, and what becomes of a waiter that is cancelled.
 */
#include "sync.h"

/* Takes the lock, notes its name, keeps it for some turns. */
ASYNC(holds, (asyncio_lock *) lock, (const char *) name, (int) keep) {
    int rc = AWAIT(asyncio_lock_acquire(lock));
    note("%s%s", name, rc < 0 ? "!" : "");
    TRY(rc);
    for (int i = 0; i < keep; i++) TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(asyncio_lock_release(lock), 0);
    RETURN();
}

/* ---- order ---- */

TEST_ASYNC(a_free_lock_is_acquired_without_suspending) { /* LOCK-1 */
    asyncio_auto_lock lock = asyncio_lock_new();
    unsigned long long before = turns();
    asyncio_value v;
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(asyncio_lock_acquire(lock), &v));
    CHECK(v.type == &asyncio_value_bool && v.i == 1);
    CHECK(asyncio_lock_locked(lock));
    CHECK_INT(asyncio_lock_release(lock), 0);
    CHECK(!asyncio_lock_locked(lock));
    CHECK_INT(turns(), before);
    RETURN();
}

/* LOCK-2, LOCK-3 */
TEST_ASYNC(waiters_get_the_lock_in_order_one_turn_after_its_release) {
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *a = asyncio_create_task(holds(lock, "a", 0));
    asyncio_task *b = asyncio_create_task(holds(lock, "b", 1));
    asyncio_task *c = asyncio_create_task(holds(lock, "c", 0));
    take_turns(2);
    CHECK_STR(notes, "");
    CHECK_INT(asyncio_lock_release(lock), 0);
    CHECK(!asyncio_lock_locked(lock));
    for (int i = 1; i <= 4; i++) {
        take_turns(1);
        note("%d", i);
    }
    CHECK_STR(notes, "a 1 b 2 3 c 4");
    check_ended(a, 0);
    check_ended(b, 0);
    check_ended(c, 0);
    RETURN();
}

TEST_ASYNC(nobody_passes_a_waiter_that_was_woken) { /* LOCK-2 */
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *a = asyncio_create_task(holds(lock, "a", 0));
    take_turns(1);
    CHECK_INT(asyncio_lock_release(lock), 0);
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    note("main");
    CHECK_STR(notes, "a main");
    check_ended(a, 0);
    RETURN();
}

TEST_ASYNC(cancelled_waiters_do_not_hold_up_others) { /* LOCK-2 */
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *a = asyncio_create_task(holds(lock, "a", 0));
    asyncio_task *b = asyncio_create_task(holds(lock, "b", 0));
    take_turns(1);
    asyncio_task_cancel(a, NULL);
    asyncio_task_cancel(b, NULL);
    CHECK_INT(asyncio_lock_release(lock), 0);
    unsigned long long before = turns();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    CHECK_INT(turns(), before);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    CHECK(asyncio_lock_locked(lock));
    RETURN();
}

/* ---- cancellation ---- */

ASYNC(cancels_the_first, (bool) woken_before) {
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *a = asyncio_create_task(holds(lock, "a", 0));
    asyncio_task *b = asyncio_create_task(holds(lock, "b", 5));
    asyncio_task *c = asyncio_create_task(holds(lock, "c", 0));
    take_turns(1);
    if (woken_before) CHECK_INT(asyncio_lock_release(lock), 0);
    CHECK(asyncio_task_cancel(a, NULL));
    if (!woken_before) CHECK_INT(asyncio_lock_release(lock), 0);
    take_turns(1);
    CHECK_STR(notes, "a!");
    take_turns(1);
    CHECK_STR(notes, "a! b");
    take_turns(3);
    CHECK_STR(notes, "a! b");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    check_ended(c, 0);
    CHECK_STR(notes, "a! b c");
    CHECK(!asyncio_lock_locked(lock));
    RETURN();
}

TEST(a_waiter_cancelled_in_line_wakes_the_next_if_the_lock_is_free) { /* LOCK-5 */
    run(cancels_the_first(false));
}

/* LOCK-6 */
TEST(a_waiter_cancelled_after_it_was_woken_wakes_the_next) { run(cancels_the_first(true)); }

TEST_ASYNC(an_acquire_that_times_out_does_not_take_the_lock) {
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    int rc = AWAIT(asyncio_wait_for(asyncio_lock_acquire(lock), 1));
    CHECK(asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR));
    CHECK_INT(asyncio_lock_release(lock), 0);
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(asyncio_wait_for(asyncio_lock_acquire(lock), 1)));
    CHECK(asyncio_lock_locked(lock));
    RETURN();
}

/* Waits, works and is cancelled by chance; one at most is inside at any time. */
ASYNC(works_by_chance, (asyncio_lock *) lock, (int *) inside, (int *) done) {
    for (int i = 0; i < 20; i++) {
        int rc = AWAIT(asyncio_lock_acquire(lock));
        if (rc >= 0) {
            CHECK_INT(++*inside, 1);
            rc = random_below(2) ? AWAIT(asyncio_sleep(0)) : 0;
            CHECK_INT(--*inside, 0);
            CHECK_INT(asyncio_lock_release(lock), 0);
        }
        if (rc < 0) asyncio_ignore(rc);
    }
    ++*done;
    RETURN();
}

ASYNC(cancels_by_chance) {
    enum { N = 12 };
    asyncio_auto_lock lock = asyncio_lock_new();
    asyncio_task *tasks[N];
    int inside = 0, done = 0;
    for (int i = 0; i < N; i++)
        tasks[i] = asyncio_create_task(works_by_chance(lock, &inside, &done));
    take_turns(1);
    while (done < N) {
        asyncio_task_cancel(tasks[random_below(N)], NULL);
        if (random_below(3) == 0) TRY(AWAIT(asyncio_sleep(0)));
        CHECK(turns() < 100000);
    }
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    RETURN();
}

TEST(no_cancellation_loses_or_doubles_the_lock) {
    for (int i = 0; i < 50; i++) run(cancels_by_chance());
}

/* ---- owners ---- */

ASYNC(releases, (asyncio_lock *) lock) { RETURN(asyncio_lock_release(lock)); }

TEST_ASYNC(any_task_may_release_and_a_free_lock_cannot_be) { /* LOCK-4 */
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    TRY(AWAIT(asyncio_gather(NULL, releases(lock))));
    CHECK(!asyncio_lock_locked(lock));
    CHECK_ERROR(asyncio_lock_release(lock), ASYNCIO_RUNTIME_ERROR, "Lock is not acquired.");
    RETURN();
}

ASYNC(acquires_twice) {
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    int rc = AWAIT(asyncio_lock_acquire(lock));
    return rc;
}

TEST(a_task_that_acquires_twice_waits_for_itself) { /* LOCK-9 */
    asyncio_loop *loop = asyncio_testing_new_event_loop(0);
    int rc = asyncio_loop_run_until_complete(loop, acquires_twice(), NULL);
    CHECK(asyncio_catch(rc, ASYNCIO_DEADLOCK_ERROR));
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

TEST_ASYNC(tasks_and_waiters_hold_the_lock) {
    asyncio_lock *lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *a = asyncio_create_task(asyncio_lock_acquire(lock));
    asyncio_task *b = asyncio_create_task(asyncio_lock_acquire(lock));
    asyncio_task *never = asyncio_create_task(asyncio_lock_acquire(lock));
    asyncio_task_cancel(never, NULL);
    asyncio_lock_unref(lock);
    take_turns(1);
    asyncio_task_cancel(a, NULL);
    asyncio_task_cancel(b, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    check_ended(never, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

/* ---- loops ---- */

ASYNC(contends, (asyncio_lock *) lock) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    int rc = AWAIT(asyncio_wait_for(asyncio_lock_acquire(lock), 1));
    CHECK_INT(asyncio_lock_release(lock), 0);
    return rc;
}

ASYNC(does_not_contend, (asyncio_lock *) lock) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    RETURN(asyncio_lock_release(lock));
}

TEST(a_lock_is_bound_to_the_first_loop_somebody_waits_in) { /* LOCK-7 */
    asyncio_lock *lock = asyncio_lock_new();
    run(does_not_contend(lock));
    CHECK_INT(run_and_bind(contends(lock)), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_ERROR(run_for_status(contends(lock)), ASYNCIO_RUNTIME_ERROR,
                "the Lock is bound to a different event loop");
    run(does_not_contend(lock));
    CHECK_LETS_GO(asyncio_lock, lock);
}

/* ---- the block ---- */

enum way { TO_THE_END, BREAKS, RETURNS, RAISES, TRIES, IS_CANCELLED, RELEASES };

ASYNC(has_a_block, (asyncio_lock *) lock, (enum way) way) {
    int rc;
    ASYNC_WITH(held, asyncio_lock_block(lock, &rc)) {
        CHECK_PTR(held, lock);
        CHECK(asyncio_lock_locked(held));
        if (way == BREAKS) break;
        if (way == RETURNS) RETURN(7);
        if (way == RAISES) RAISE(ASYNCIO_VALUE_ERROR, "from the body");
        if (way == TRIES) TRY(ASYNCIO_KEY_ERROR);
        if (way == IS_CANCELLED) rc = AWAIT(asyncio_sleep(1e9));
        if (way == RELEASES) CHECK_INT(asyncio_lock_release(lock), 0);
    }
    TRY(rc);
    RETURN(8);
}

TEST_ASYNC(a_block_releases_the_lock_however_it_is_left) {
    asyncio_auto_lock lock = asyncio_lock_new();
    asyncio_value v;
    TRY(AWAIT(has_a_block(lock, TO_THE_END), &v));
    CHECK_INT(v.i, 8);
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(has_a_block(lock, BREAKS)));
    CHECK(!asyncio_lock_locked(lock));
    TRY(AWAIT(has_a_block(lock, RETURNS), &v));
    CHECK_INT(v.i, 7);
    CHECK(!asyncio_lock_locked(lock));
    CHECK_ERROR(AWAIT(has_a_block(lock, RAISES)), ASYNCIO_VALUE_ERROR, "from the body");
    CHECK(!asyncio_lock_locked(lock));
    CHECK(asyncio_catch(AWAIT(has_a_block(lock, TRIES)), ASYNCIO_KEY_ERROR));
    CHECK(!asyncio_lock_locked(lock));
    asyncio_task *t = asyncio_create_task(has_a_block(lock, IS_CANCELLED));
    take_turns(2);
    CHECK(asyncio_lock_locked(lock));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK(!asyncio_lock_locked(lock));
    CHECK_ERROR(AWAIT(has_a_block(lock, RELEASES)), ASYNCIO_RUNTIME_ERROR, "Lock is not acquired.");
    RETURN();
}

TEST_ASYNC(a_block_that_is_cancelled_on_entry_does_not_run_or_release) {
    asyncio_auto_lock lock = asyncio_lock_new();
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *t = asyncio_create_task(has_a_block(lock, IS_CANCELLED));
    take_turns(1);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK(asyncio_lock_locked(lock));
    CHECK_INT(asyncio_lock_release(lock), 0);
    RETURN();
}

/* ---- repr ---- */

TEST_ASYNC(repr_of_a_lock) { /* LOCK-8 */
    asyncio_auto_lock lock = asyncio_lock_new();
    char text[64];
    CHECK_INT(asyncio_lock_repr(lock, text, sizeof text), (int)strlen("<Lock [unlocked]>"));
    CHECK_STR(text, "<Lock [unlocked]>");
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    asyncio_task *t = asyncio_create_task(holds(lock, "a", 0));
    take_turns(1);
    asyncio_lock_repr(lock, text, sizeof text);
    CHECK_STR(text, "<Lock [locked, waiters:1]>");
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}
