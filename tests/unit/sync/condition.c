/* SPDX-License-Identifier: MIT
 *
 * Condition: waiting gives the lock back and gets it again; a notification is never lost.
 */
#include "sync.h"

/* Waits once inside the block; notes when it has the lock again. */
ASYNC(waits, (asyncio_condition *) c, (const char *) name) {
    int rc;
    ASYNC_WITH(_, asyncio_condition_block(c, &rc)) {
        asyncio_value v;
        rc = AWAIT(asyncio_condition_wait(c), &v);
        CHECK(asyncio_condition_locked(c));
        CHECK(rc < 0 || (v.type == &asyncio_value_bool && v.i == 1));
        note("%s%s", name, rc < 0 ? "!" : "");
    }
    return rc;
}

ASYNC(notifies, (asyncio_condition *) c, (long) n) {
    int rc;
    ASYNC_WITH(held, asyncio_condition_block(c, &rc)) { rc = asyncio_condition_notify(held, n); }
    return rc;
}

static bool is_true(void *arg) { return *(bool *)arg; }

/* ---- the lock ---- */

TEST_ASYNC(wait_and_notify_need_the_lock) { /* COND-1 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    bool yes = true, no = false;
    asyncio_value v;
    CHECK_ERROR(AWAIT(asyncio_condition_wait(c)), ASYNCIO_RUNTIME_ERROR,
                "cannot wait on un-acquired lock");
    CHECK_ERROR(AWAIT(asyncio_condition_wait_for(c, is_true, &no)), ASYNCIO_RUNTIME_ERROR,
                "cannot wait on un-acquired lock");
    TRY(AWAIT(asyncio_condition_wait_for(c, is_true, &yes), &v));
    CHECK(v.type == &asyncio_value_bool && v.i == 1);
    CHECK_ERROR(asyncio_condition_notify(c, 1), ASYNCIO_RUNTIME_ERROR,
                "cannot notify on un-acquired lock");
    CHECK_ERROR(asyncio_condition_notify_all(c), ASYNCIO_RUNTIME_ERROR,
                "cannot notify on un-acquired lock");
    CHECK_ERROR(asyncio_condition_release(c), ASYNCIO_RUNTIME_ERROR, "Lock is not acquired.");
    RETURN();
}

TEST_ASYNC(conditions_can_share_a_lock) { /* COND-6 */
    asyncio_lock *lock = asyncio_lock_new();
    asyncio_condition *a = asyncio_condition_new(lock), *b = asyncio_condition_new(lock);
    asyncio_lock_unref(lock);
    TRY(AWAIT(asyncio_condition_acquire(a)));
    CHECK(asyncio_lock_locked(lock));
    CHECK(asyncio_condition_locked(b));
    CHECK_INT(asyncio_condition_notify(b, 1), 0);
    CHECK_INT(asyncio_condition_release(b), 0);
    CHECK(!asyncio_condition_locked(a));
    asyncio_condition_unref(a);
    asyncio_condition_unref(b);
    RETURN();
}

/* ---- wait and notify ---- */

TEST_ASYNC(notify_wakes_the_oldest_n) { /* COND-2, COND-3 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    asyncio_task *a = asyncio_create_task(waits(c, "a"));
    asyncio_task *b = asyncio_create_task(waits(c, "b"));
    asyncio_task *d = asyncio_create_task(waits(c, "d"));
    take_turns(1);
    CHECK(!asyncio_condition_locked(c));
    TRY(AWAIT(notifies(c, 2)));
    for (int i = 1; i <= 3; i++) {
        take_turns(1);
        note("%d", i);
    }
    CHECK_STR(notes, "a b 1 2 3");
    TRY(AWAIT(notifies(c, 0)));
    TRY(AWAIT(notifies(c, -5)));
    take_turns(2);
    CHECK_STR(notes, "a b 1 2 3");
    TRY(AWAIT(notifies(c, 1)));
    check_ended(a, 0);
    check_ended(b, 0);
    check_ended(d, 0);
    CHECK_STR(notes, "a b 1 2 3 d");
    RETURN();
}

TEST_ASYNC(each_notify_wakes_another_and_they_go_on_as_the_lock_gets_free) { /* COND-3 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    asyncio_task *a = asyncio_create_task(waits(c, "a"));
    asyncio_task *b = asyncio_create_task(waits(c, "b"));
    take_turns(1);
    TRY(AWAIT(asyncio_condition_acquire(c)));
    CHECK_INT(asyncio_condition_notify(c, 1), 0);
    CHECK_INT(asyncio_condition_notify(c, 1), 0);
    take_turns(3);
    CHECK_STR(notes, "");
    CHECK_INT(asyncio_condition_release(c), 0);
    for (int i = 1; i <= 3; i++) {
        take_turns(1);
        note("%d", i);
    }
    CHECK_STR(notes, "a 1 b 2 3");
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

TEST_ASYNC(notify_all_wakes_all) { /* COND-8 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    asyncio_task *tasks[4];
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_create_task(waits(c, "x"));
    take_turns(1);
    TRY(AWAIT(asyncio_condition_acquire(c)));
    CHECK_INT(asyncio_condition_notify_all(c), 0);
    CHECK_INT(asyncio_condition_release(c), 0);
    for (int i = 0; i < 4; i++) check_ended(tasks[i], 0);
    CHECK_STR(notes, "x x x x");
    RETURN();
}

static bool counts_down(void *arg) {
    note("%d", *(int *)arg);
    return --*(int *)arg == 0;
}

ASYNC(waits_for, (asyncio_condition *) c, (int *) n) {
    int rc;
    asyncio_value v;
    ASYNC_WITH(_, asyncio_condition_block(c, &rc)) {
        rc = AWAIT(asyncio_condition_wait_for(c, counts_down, n), &v);
        CHECK(v.type == &asyncio_value_bool && v.i == 1);
    }
    return rc;
}

TEST_ASYNC(wait_for_looks_again_after_each_notification) { /* COND-8 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    int n = 3;
    asyncio_task *t = asyncio_create_task(waits_for(c, &n));
    take_turns(1);
    TRY(AWAIT(notifies(c, 1)));
    take_turns(2);
    CHECK_STR(notes, "3 2");
    CHECK(!asyncio_task_done(t));
    TRY(AWAIT(notifies(c, 1)));
    check_ended(t, 0);
    CHECK_STR(notes, "3 2 1");
    RETURN();
}

/* ---- cancellation ---- */

/* As waits, and says by which message it was cancelled. */
ASYNC(is_cancelled, (asyncio_condition *) c) {
    TRY(AWAIT(asyncio_condition_acquire(c)));
    int rc = AWAIT(asyncio_condition_wait(c));
    CHECK(asyncio_condition_locked(c));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    note("%s", asyncio_error_message(e));
    return asyncio_condition_release(c);
}

TEST_ASYNC(a_cancelled_wait_gets_the_lock_first_and_fails_with_the_last_error) { /* COND-4, V13-6 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    asyncio_task *t = asyncio_create_task(is_cancelled(c));
    take_turns(1);
    TRY(AWAIT(asyncio_condition_acquire(c)));
    asyncio_task_cancel(t, "first");
    take_turns(2);
    asyncio_task_cancel(t, "second");
    take_turns(2);
    asyncio_task_cancel(t, "third");
    take_turns(2);
    CHECK_STR(notes, "");
    CHECK_INT(asyncio_condition_release(c), 0);
    take_turns(1);
    CHECK_STR(notes, "third");
    check_ended(t, 0);
    RETURN();
}

ASYNC(cancels_a_notified_one, (bool) while_it_waits_for_the_lock) {
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    asyncio_task *a = asyncio_create_task(waits(c, "a"));
    asyncio_task *b = asyncio_create_task(waits(c, "b"));
    take_turns(1);
    TRY(AWAIT(asyncio_condition_acquire(c)));
    CHECK_INT(asyncio_condition_notify(c, 1), 0);
    if (while_it_waits_for_the_lock) take_turns(1);
    asyncio_task_cancel(a, NULL);
    if (while_it_waits_for_the_lock) take_turns(1);
    CHECK_INT(asyncio_condition_release(c), 0);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    CHECK_STR(notes, "a! b");
    CHECK(!asyncio_condition_locked(c));
    RETURN();
}

TEST(a_notified_waiter_that_is_cancelled_before_it_runs_passes_it_on) { /* COND-5, V13-6 */
    run(cancels_a_notified_one(false));
}

TEST(a_notified_waiter_that_is_cancelled_at_the_lock_passes_it_on) { /* COND-5 */
    run(cancels_a_notified_one(true));
}

TEST_ASYNC(a_wait_that_times_out_has_the_lock) { /* COND-7 */
    asyncio_auto_condition c = asyncio_condition_new(NULL);
    int rc;
    ASYNC_WITH(_, asyncio_condition_block(c, &rc)) {
        int inner = AWAIT(asyncio_wait_for(asyncio_condition_wait(c), 1));
        CHECK(asyncio_catch(inner, ASYNCIO_TIMEOUT_ERROR));
        CHECK(asyncio_condition_locked(c));
    }
    TRY(rc);
    CHECK(!asyncio_condition_locked(c));
    RETURN();
}

/* A token in a box: whoever finds one takes it, and puts it back for the next. */
struct box {
    asyncio_condition *condition;
    int tokens, inside, done;
};

static bool has_token(void *arg) {
    const struct box *box = arg;
    CHECK(asyncio_condition_locked(box->condition));
    return box->tokens > 0;
}

ASYNC(handles_tokens, (struct box *) box) {
    for (int i = 0; i < 10; i++) {
        int rc = AWAIT(asyncio_condition_acquire(box->condition));
        if (rc < 0) {
            asyncio_ignore(rc);
            continue;
        }
        rc = AWAIT(asyncio_condition_wait_for(box->condition, has_token, box));
        CHECK(asyncio_condition_locked(box->condition));
        if (rc >= 0) box->tokens--;
        CHECK_INT(asyncio_condition_release(box->condition), 0);
        if (rc < 0) {
            asyncio_ignore(rc);
            continue;
        }
        asyncio_ignore(AWAIT(asyncio_sleep(0)));
        while ((rc = AWAIT(asyncio_condition_acquire(box->condition))) < 0) asyncio_ignore(rc);
        box->tokens++;
        CHECK_INT(asyncio_condition_notify(box->condition, 1), 0);
        CHECK_INT(asyncio_condition_release(box->condition), 0);
    }
    box->done++;
    RETURN();
}

ASYNC(cancels_by_chance) {
    enum { N = 10 };
    struct box box = { .condition = asyncio_condition_new(NULL), .tokens = 2 };
    asyncio_task *tasks[N];
    for (int i = 0; i < N; i++) tasks[i] = asyncio_create_task(handles_tokens(&box));
    take_turns(1);
    for (int cancels = 60; box.done < N; cancels--) {
        if (cancels > 0) asyncio_task_cancel(tasks[random_below(N)], NULL);
        if (random_below(3) == 0) TRY(AWAIT(asyncio_sleep(0)));
        CHECK(turns() < 100000);
    }
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    CHECK_INT(box.tokens, 2);
    CHECK(!asyncio_condition_locked(box.condition));
    asyncio_condition_unref(box.condition);
    RETURN();
}

TEST(no_cancellation_loses_a_notification) {
    for (int i = 0; i < 100; i++) run(cancels_by_chance());
}

/* ---- loops, references, repr ---- */

ASYNC(waits_for_a_second, (asyncio_condition *) c) {
    TRY(AWAIT(asyncio_condition_acquire(c)));
    int rc = AWAIT(asyncio_wait_for(asyncio_condition_wait(c), 1));
    CHECK_INT(asyncio_condition_release(c), 0);
    return rc;
}

TEST(a_condition_is_bound_to_the_first_loop_somebody_waits_in) { /* COND-6 */
    asyncio_condition *c = asyncio_condition_new(NULL);
    CHECK(asyncio_catch(run_and_bind(waits_for_a_second(c)), ASYNCIO_TIMEOUT_ERROR));
    CHECK_ERROR(run_for_status(waits_for_a_second(c)), ASYNCIO_RUNTIME_ERROR,
                "the Condition is bound to a different event loop");
    CHECK(!asyncio_condition_locked(c));
    CHECK_LETS_GO(asyncio_condition, c);
}

TEST_ASYNC(waiters_hold_the_condition_and_its_repr_counts_them) {
    asyncio_condition *c = asyncio_condition_new(NULL);
    char text[64];
    TRY(AWAIT(asyncio_condition_acquire(c)));
    asyncio_condition_repr(c, text, sizeof text);
    CHECK_STR(text, "<Condition [locked]>");
    asyncio_task *t = asyncio_create_task(asyncio_condition_wait(c));
    take_turns(1);
    asyncio_condition_repr(c, text, sizeof text);
    CHECK_STR(text, "<Condition [unlocked, waiters:1]>");
    asyncio_condition_unref(c);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}
