/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/error.c: how errors travel through awaits, tasks and the slot.
 */
#include "core.h"

#include <errno.h>

ASYNC(fail, (int) code, (const char *) text) {
    TRY(AWAIT(asyncio_sleep(0)));
    RAISE(code, "%s", text);
}

ASYNC(succeed) {
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(1);
}

ASYNC(fail_bare, (int) code) {
    TRY(AWAIT(asyncio_sleep(0)));
    return code;
}

ASYNC(pass_on, (int) code) {
    TRY(AWAIT(fail(code, "deep")));
    FAIL("TRY went on");
}

TEST_ASYNC(error_travels_through_coroutines_until_it_is_caught) {
    int rc = AWAIT(pass_on(ASYNCIO_KEY_ERROR));
    CHECK(!asyncio_catch(rc, ASYNCIO_VALUE_ERROR));
    CHECK(asyncio_catch(rc, ASYNCIO_KEY_ERROR));
    RETURN();
}

TEST_ASYNC(taken_error_knows_where_it_was_raised) {
    int rc = AWAIT(pass_on(-EPIPE));
    asyncio_auto_error e;
    e = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_code(e), -EPIPE);
    CHECK_STR(asyncio_error_message(e), "deep");
    CHECK_STR(asyncio_error_func(e), "fail");
    CHECK_PTR(asyncio_error_context(e), NULL);
    RETURN();
}

ASYNC(bare) {
    int rc = AWAIT(fail_bare(-ENOENT));
    CHECK_INT(rc, -ENOENT);
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_code(e), -ENOENT);
    CHECK_PTR(asyncio_error_message(e), NULL);
    RETURN();
}

TEST(bare_status_becomes_an_error_when_somebody_asks) { run_alone(bare()); }

/* ---- the slot is saved and restored by AWAIT ---- */

TEST_ASYNC(success_of_an_await_leaves_the_slot_as_it_was) {
    int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "outer"));
    TRY(AWAIT(succeed())); /* cleanup that succeeds */
    asyncio_task *t = asyncio_create_task(succeed());
    TRY(AWAIT(t));
    asyncio_task_unref(t);
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "outer");
    RETURN();
}

ASYNC(swallow_inside) {
    int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "inner"));
    CHECK_INT(rc, ASYNCIO_VALUE_ERROR);
    RETURN(); /* the error stays in the slot, but the status is fine */
}

TEST_ASYNC(error_a_coroutine_did_not_return_does_not_leave_it) {
    TRY(AWAIT(swallow_inside()));
    CHECK_ERROR(ASYNCIO_VALUE_ERROR, ASYNCIO_VALUE_ERROR, NULL); /* bare */
    int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "outer"));
    TRY(AWAIT(swallow_inside()));
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "outer");
    RETURN();
}

TEST_ASYNC(error_raised_while_another_is_handled_has_it_as_context) { /* TASK-24 */
    int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "first"));
    CHECK_INT(rc, ASYNCIO_VALUE_ERROR);
    rc = AWAIT(fail(ASYNCIO_KEY_ERROR, "second"));
    CHECK_INT(rc, ASYNCIO_KEY_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "second");
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "first");
    asyncio_error_unref(e);
    CHECK_ERROR(ASYNCIO_VALUE_ERROR, ASYNCIO_VALUE_ERROR, "first"); /* still being handled */
    RETURN();
}

ASYNC(return_the_older) {
    int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "older"));
    int second = AWAIT(fail(ASYNCIO_KEY_ERROR, "newer"));
    (void)second;
    return rc;
}

TEST_ASYNC(status_names_the_error_even_if_a_newer_one_is_in_front) {
    int rc = AWAIT(return_the_older());
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "older");
    RETURN();
}

ASYNC(wait_for_failing_task, (asyncio_task *) t) {
    int first = AWAIT(fail(ASYNCIO_VALUE_ERROR, "handled"));
    CHECK_INT(first, ASYNCIO_VALUE_ERROR);
    int rc = AWAIT(t);
    CHECK_INT(rc, ASYNCIO_KEY_ERROR);
    asyncio_error *e = asyncio_error_take(rc), *own;
    CHECK_INT(asyncio_task_exception(t, &own), 0);
    CHECK_PTR(e, own); /* the task's own object */
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "handled");
    asyncio_error_unref(e);
    rc = AWAIT(t); /* once more: no circle */
    int links = 0;
    e = asyncio_error_take(rc);
    for (asyncio_error *c = e; c && links < 100; c = asyncio_error_context(c)) links++;
    CHECK(links < 100);
    asyncio_error_unref(e);
    RETURN();
}

TEST(awaiting_a_failing_task_sets_the_context_without_circles) { /* TASK-24 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, fail(ASYNCIO_KEY_ERROR, "task"));
    CHECK_INT(run(wait_for_failing_task(t)), 0);
    asyncio_task_unref(t);
    end_loop();
}

/* ---- identity ---- */

static asyncio_error *made;

ASYNC(raise_made) {
    made = asyncio_error_new(ASYNCIO_USER_ERROR, "made");
    return asyncio_leave(asyncio_reraise(asyncio_error_ref(made)));
}

ASYNC(take_and_reraise) {
    int rc = AWAIT(raise_made());
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_PTR(e, made);
    CHECK_INT(AWAIT(succeed()), 0);
    return asyncio_leave(asyncio_reraise(e));
}

TEST(error_object_stays_the_same_through_reraise_and_task) { /* FUT-22 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, take_and_reraise());
    CHECK_INT(run(ASYNCIO_CORO(t)), ASYNCIO_USER_ERROR);
    asyncio_error *e = asyncio_error_take(ASYNCIO_USER_ERROR);
    CHECK_PTR(e, made);
    asyncio_error_unref(e);
    CHECK_INT(asyncio_task_exception(t, &e), 0);
    CHECK_PTR(e, made);
    asyncio_error_unref(made);
    asyncio_task_unref(t);
    end_loop();
}

ASYNC(await_and_take, (asyncio_task *) t) {
    int rc = AWAIT(t);
    asyncio_error *e = asyncio_error_take(rc), *own;
    CHECK_INT(asyncio_task_exception(t, &own), 0);
    CHECK_PTR(e, own);
    asyncio_error_unref(e);
    note("got");
    RETURN();
}

TEST(all_awaiters_get_the_same_error_object) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, fail(ASYNCIO_VALUE_ERROR, "shared"));
    asyncio_task *a = asyncio_loop_create_task(loop, await_and_take(t));
    asyncio_task *b = asyncio_loop_create_task(loop, await_and_take(t));
    for (int i = 0; i < 4; i++) turn();
    CHECK_NOTES("got got");
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(t);
    end_loop();
    CHECK_INT(reported.count, 0);
}

/* ---- slots do not mix ---- */

ASYNC(keep_own, (int) code, (const char *) text) {
    int rc = AWAIT(fail(code, text));
    for (int i = 0; i < 5; i++) CHECK_INT(AWAIT(asyncio_sleep(0)), 0);
    CHECK_ERROR(rc, code, text);
    note("%s", text);
    RETURN();
}

TEST(each_task_has_a_slot_of_its_own) {
    start_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, keep_own(ASYNCIO_VALUE_ERROR, "a"));
    asyncio_task *b = asyncio_loop_create_task(loop, keep_own(ASYNCIO_VALUE_ERROR, "b"));
    asyncio_task *c = asyncio_loop_create_task(loop, keep_own(ASYNCIO_KEY_ERROR, "c"));
    for (int i = 0; i < 8; i++) turn();
    CHECK_NOTES("a b c");
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(c);
    end_loop();
}

/* ---- TRY in helpers that are no coroutines ---- */

static int helper(int code) {
    TRY(AWAIT(fail_bare(code)));
    return 0;
}

ASYNC(use_helper) {
    int rc = helper(ASYNCIO_KEY_ERROR);
    CHECK(asyncio_catch(rc, ASYNCIO_KEY_ERROR));
    CHECK_INT(helper(ASYNCIO_VALUE_ERROR), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    RETURN(5);
}

TEST(plain_functions_may_await_and_try) {
    start_loop();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, use_helper(), &v), 0);
    CHECK_INT(v.i, 5);
    end_loop();
}

TEST_ASYNC(try_is_an_expression) {
    CHECK_INT(TRY(3), 3);
    CHECK_INT(TRY(AWAIT(succeed())), 0);
    RETURN();
}

/* ---- many ---- */

TEST_ASYNC(handled_errors_do_not_pile_up) {
    for (int i = 0; i < 2000; i++) {
        int rc = AWAIT(fail(ASYNCIO_VALUE_ERROR, "again"));
        if (i % 3 == 0) asyncio_ignore(rc);
        else if (i % 3 == 1) asyncio_error_unref(asyncio_error_take(rc));
        else CHECK(asyncio_catch(rc, ASYNCIO_VALUE_ERROR));
    }
    RETURN();
}
