/* SPDX-License-Identifier: MIT
 *
 * Exhausted memory under loops, callbacks, futures, tasks and runs (tests/support/fault.h).
 */
#include <pthread.h>
#include <stdlib.h>

#include "fault.h"

static void retry(int (*run)(void)) {
    if (asyncio_testing_fail_allocation(0) < 0)
        SKIP("the library was built without fault injection");
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = run();
        bool failed = asyncio_testing_fail_allocation(0) >= n;
        if (rc < 0 && !no_memory(rc)) FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
        if (failed) continue;
        CHECK(rc >= 0);
        break;
    }
}

/* ---- loops ---- */

static int make_a_loop(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    if (!loop) return status_of_null();
    asyncio_loop_close(loop);
    return 0;
}

TEST_TIMEOUT(a_loop, 60) { retry(make_a_loop); }

/* ---- callbacks ---- */

static int count(void *arg) {
    ++*(int *)arg;
    return 0;
}

static int stop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

static int run_briefly(asyncio_loop *loop) {
    asyncio_loop_stop(loop);
    return asyncio_loop_run_forever(loop);
}

static int use_callbacks(asyncio_loop *loop) {
    int calls = 0;
    asyncio_handle *h = NULL;
    int rc = asyncio_loop_call_soon(loop, count, &calls, .handle = &h);
    if (rc < 0) return rc;
    rc = asyncio_loop_call_soon(loop, count, &calls);
    int again = run_briefly(loop);
    CHECK_INT(calls, rc < 0 ? 1 : 2);
    CHECK(!asyncio_handle_cancelled(h));
    asyncio_handle_unref(h);
    if (again < 0) return again;
    return rc;
}

TEST_TIMEOUT(call_soon, 60) { fail_each(use_callbacks); }

static int dropped;
static void drop(void *arg) {
    (void)arg;
    dropped++;
}

static int arm_many(asyncio_loop *loop) {
    static int calls;
    int armed = 0, rc = 0;
    calls = dropped = 0;
    for (int i = 0; i < 40 && rc >= 0; i++) {
        rc = asyncio_loop_call_later(loop, i, count, &calls, .drop = drop);
        if (rc >= 0) armed++;
    }
    if (rc >= 0) rc = asyncio_loop_call_later(loop, 50, stop, loop);
    if (rc >= 0) rc = asyncio_loop_run_forever(loop);
    if (rc >= 0) CHECK_INT(calls, 40);
    if (rc >= 0) CHECK_INT(dropped, armed);
    return rc;
}

TEST_TIMEOUT(timers, 60) { fail_each(arm_many); }

static void *post(void *arg) {
    static int rc;
    rc = asyncio_loop_call_soon_threadsafe(arg, stop, arg);
    if (rc < 0) asyncio_ignore(rc);
    return &rc;
}

static int post_from_a_thread(asyncio_loop *loop) {
    pthread_t thread;
    void *rc;
    CHECK_INT(pthread_create(&thread, NULL, post, loop), 0);
    pthread_join(thread, &rc);
    if (*(int *)rc < 0) return *(int *)rc;
    return asyncio_loop_run_forever(loop);
}

TEST_TIMEOUT(call_soon_threadsafe, 60) { fail_each(post_from_a_thread); }

/* ---- futures ---- */

static int note(asyncio_future *f, void *arg) {
    ++*(int *)arg;
    return asyncio_future_result(f, NULL) == 0 ? 0 : -1;
}

static int use_a_future(asyncio_loop *loop) {
    int calls = 0;
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    if (!f) return status_of_null();
    int rc = asyncio_future_add_done_callback(f, note, &calls);
    if (rc < 0) return rc;
    rc = asyncio_future_add_done_callback(f, note, &calls);
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(1)), 0);
    int again = run_briefly(loop);
    CHECK_INT(calls, rc < 0 ? 1 : 2);
    return again < 0 ? again : rc;
}

TEST_TIMEOUT(future_with_callbacks, 60) { fail_each(use_a_future); }

static int fail_a_future(asyncio_loop *loop) {
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    if (!f) return status_of_null();
    int rc = asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "number %d", 5);
    if (rc < 0) {
        CHECK(!asyncio_future_done(f));
        return rc;
    }
    asyncio_error *e = NULL;
    rc = asyncio_future_exception(f, &e);
    if (rc < 0) return rc;
    CHECK_INT(asyncio_error_code(e), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_future_result(f, NULL), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    return 0;
}

TEST_TIMEOUT(future_with_an_error, 60) { fail_each(fail_a_future); }

static int forget_an_error(asyncio_loop *loop) {
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    if (!f) return status_of_null();
    int rc = asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, NULL);
    return rc;
}

TEST_TIMEOUT(future_whose_error_is_never_retrieved, 60) { fail_each(forget_an_error); }

static int cancel_a_future(asyncio_loop *loop) {
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    if (!f) return status_of_null();
    CHECK(asyncio_future_cancel(f, "enough"));
    CHECK_INT(asyncio_future_result(f, NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    return 0;
}

TEST_TIMEOUT(future_cancelled_with_a_message, 60) { fail_each(cancel_a_future); }

/* ---- tasks ---- */

static int make_a_named_task(asyncio_loop *loop) {
    char text[300];
    asyncio_auto_task t =
        asyncio_loop_create_task(loop, returns(1), .name = "a name", .stack_size = 20000);
    if (!t) return status_of_null();
    CHECK_STR(asyncio_task_get_name(t), "a name");
    int rc = asyncio_task_set_name(t, "another");
    if (rc < 0) return rc;
    asyncio_task_repr(t, text, sizeof text);
    rc = asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(t), NULL);
    return rc;
}

TEST_TIMEOUT(task_with_a_name, 60) { fail_each(make_a_named_task); }

ASYNC(fails, (int) depth) {
    if (depth == 0) RAISE(ASYNCIO_VALUE_ERROR, "at the bottom, %d", depth);
    TRY(AWAIT(fails(depth - 1)));
    RETURN();
}

/* Code of a task that handles an error: without memory it is a bare one, never another. */
ASYNC(handles) {
    int rc = AWAIT(fails(5));
    asyncio_error *e = NULL;
    if (asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) rc = AWAIT(fails(1));
    if (rc != ASYNCIO_VALUE_ERROR) return rc;
    e = asyncio_error_take(rc);
    if (!e) return -ENOMEM;
    rc = asyncio_reraise(e);
    if (!asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) return rc;
    asyncio_auto_error cause = asyncio_error_new(ASYNCIO_KEY_ERROR, "%s", "k");
    e = asyncio_error_new(ASYNCIO_VALUE_ERROR, NULL);
    if (cause && e) CHECK_INT(asyncio_error_set_cause(e, cause), 0);
    asyncio_auto_error group = e ? asyncio_errorgroup_new("all", 1, &e) : NULL;
    rc = cause && e && group ? 0 : -ENOMEM;
    asyncio_error_unref(e);
    return rc;
}

static int handle_errors(asyncio_loop *loop) {
    return asyncio_loop_run_until_complete(loop, handles(), NULL);
}

TEST_TIMEOUT(errors, 60) { fail_each(handle_errors); }

static int fail_at_the_end(asyncio_loop *loop) {
    int rc = asyncio_loop_run_until_complete(loop, fails(3), NULL);
    if (!asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) return rc;
    return 0;
}

TEST_TIMEOUT(task_that_fails, 60) { fail_each(fail_at_the_end); }

ASYNC(nested, (int) depth) {
    asyncio_value v;
    if (depth == 0) RETURN(1);
    TRY(AWAIT(asyncio_sleep(0.5)));
    TRY(AWAIT(nested(depth - 1), &v));
    asyncio_auto_task t = asyncio_create_task(nested(0));
    if (!t) return status_of_null();
    asyncio_value w;
    TRY(AWAIT(t, &w));
    RETURN(v.i + w.i);
}

static int await_nested(asyncio_loop *loop) {
    asyncio_value v;
    int rc = asyncio_loop_run_until_complete(loop, nested(3), &v);
    if (rc >= 0) CHECK_INT(v.i, 4);
    return rc;
}

TEST_TIMEOUT(nested_awaits, 60) { fail_each(await_nested); }

ASYNC(returns_text) { RETURN(asyncio_own_str(strdup("text"))); }

ASYNC(sleeps, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(asyncio_own_str(strdup("slept")));
}

ASYNC(joins) {
    asyncio_auto_task a = asyncio_create_task(sleeps(1));
    asyncio_auto_task b = asyncio_create_task(returns_text());
    asyncio_auto_task c = asyncio_create_task(fails(2));
    asyncio_outcome o = { .status = 0 };
    if (!a || !b || !c) return status_of_null();
    asyncio_task *tasks[] = { a, b, c };
    for (int i = 0; i < 3; i++) {
        TRY(AWAIT(asyncio_task_join(tasks[i], &o)));
        int status = o.status;
        asyncio_outcome_fini(&o);
        if (status == -ENOMEM) return status;
        CHECK_INT(status, i == 2 ? ASYNCIO_VALUE_ERROR : 0);
    }
    RETURN();
}

static int join_tasks(asyncio_loop *loop) {
    return asyncio_loop_run_until_complete(loop, joins(), NULL);
}

TEST_TIMEOUT(join, 60) { fail_each(join_tasks); }

ASYNC(cancels_with_a_message) {
    asyncio_auto_task t = asyncio_create_task(sleeps(10));
    if (!t) return status_of_null();
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_task_cancel(t, "a message");
    int rc = AWAIT(t);
    if (rc == -ENOMEM) return rc;
    CHECK_STR(asyncio_err_name(rc), "CancelledError");
    asyncio_ignore(rc);
    RETURN();
}

static int cancel_with_a_message(asyncio_loop *loop) {
    return asyncio_loop_run_until_complete(loop, cancels_with_a_message(), NULL);
}

TEST_TIMEOUT(cancel_with_message, 60) { fail_each(cancel_with_a_message); }

ASYNC(starts_eagerly) {
    asyncio_auto_task t = asyncio_create_task(sleeps(1), .eager_start = 1);
    if (!t) return status_of_null();
    asyncio_auto_task u = asyncio_create_task(returns(1), .eager_start = 1);
    if (!u) return status_of_null();
    CHECK(asyncio_task_done(u));
    TRY(AWAIT(u));
    TRY(AWAIT(t));
    RETURN();
}

static int start_eagerly(asyncio_loop *loop) {
    return asyncio_loop_run_until_complete(loop, starts_eagerly(), NULL);
}

TEST_TIMEOUT(eager_tasks, 60) { fail_each(start_eagerly); }

/* ---- captured arguments ---- */

static int captured;
static int capture(void *args) {
    (void)args;
    captured++;
    return 0;
}
static void release(void *args) {
    (void)args;
    captured--;
}
static int run_captured(const void *args, asyncio_value *result) {
    (void)args, (void)result;
    int rc = AWAIT(asyncio_sleep(1));
    return rc;
}
static const asyncio_coro_type captured_type = { .size = sizeof captured_type,
                                                 .name = "captured",
                                                 .file = __FILE__,
                                                 .run = run_captured,
                                                 .capture = capture,
                                                 .release = release };

static int capture_arguments(asyncio_loop *loop) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &captured_type;
    int rc = asyncio_loop_run_until_complete(loop, c, NULL);
    return rc;
}

TEST_TIMEOUT(captured_arguments, 60) {
    fail_each(capture_arguments);
    CHECK_INT(captured, 0);
}

/* ---- context variables ---- */

static asyncio_contextvar *var;

ASYNC(reads, (int) expected) {
    asyncio_value v;
    TRY(asyncio_contextvar_get(var, &v));
    CHECK_INT(v.i, expected);
    TRY(asyncio_contextvar_set(var, asyncio_int(expected + 1), NULL));
    RETURN();
}

ASYNC(sets) {
    asyncio_token *token = NULL;
    TRY(asyncio_contextvar_set(var, asyncio_int(1), &token));
    asyncio_task *t = asyncio_create_task(reads(1));
    int rc = t ? AWAIT(t) : status_of_null();
    asyncio_task_unref(t);
    if (rc >= 0) rc = asyncio_contextvar_reset(var, token);
    asyncio_token_unref(token);
    return rc;
}

static int use_context_variables(asyncio_loop *loop) {
    asyncio_value zero = asyncio_int(0);
    var = asyncio_contextvar_new("var", &zero);
    if (!var) return -ENOMEM;
    asyncio_auto_context c = asyncio_copy_context();
    int rc = c ? asyncio_loop_run_until_complete(loop, sets(), NULL) : -ENOMEM;
    asyncio_contextvar_unref(var);
    return rc;
}

TEST_TIMEOUT(context_variables, 60) { fail_each(use_context_variables); }

/* ---- run ---- */

static int run_a_program(void) {
    asyncio_value v;
    int rc = asyncio_run(nested(1), &v);
    if (rc >= 0) CHECK_INT(v.i, 2);
    return rc;
}

TEST_TIMEOUT(run, 60) { retry(run_a_program); }

ASYNC(leaves_tasks_behind) {
    for (int i = 0; i < 3; i++) TRY(asyncio_spawn(sleeps(1000)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

static asyncio_loop *quiet_loop(void *arg) {
    (void)arg;
    asyncio_loop *loop = asyncio_new_event_loop();
    if (loop) asyncio_loop_set_exception_handler(loop, quiet, NULL);
    return loop;
}

static int run_with_leftovers(void) {
    return asyncio_run(leaves_tasks_behind(), NULL, .loop_factory = quiet_loop);
}

TEST_TIMEOUT(run_that_leaves_tasks, 60) { retry(run_with_leftovers); }

static int use_a_runner(void) {
    asyncio_run_options o = { .size = sizeof o, .loop_factory = quiet_loop };
    asyncio_runner *r = asyncio_runner_new(&o);
    if (!r) return status_of_null();
    int rc = asyncio_runner_run(r, leaves_tasks_behind(), NULL, NULL);
    if (rc >= 0) rc = asyncio_runner_run(r, returns(1), NULL, NULL);
    int closed = asyncio_runner_close(r);
    asyncio_runner_unref(r);
    if (rc >= 0) return closed;
    asyncio_ignore(closed);
    return rc;
}

TEST_TIMEOUT(runner, 60) { retry(use_a_runner); }
