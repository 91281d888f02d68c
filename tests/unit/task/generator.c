/* SPDX-License-Identifier: MIT
 *
 * Asynchronous generators: next, send, throw, aclose in every state; ASYNC_FOR and the ways out
 * of it; what becomes of those that are left, at the end of the loop and before.
 */
#include <errno.h>

#include "core.h"

/* ---- generators ---- */

ASYNC_GEN(numbers, (int)n) {
    for (int i = 0; i < n; i++) TRY(YIELD(i));
    RETURN();
}

ASYNC_GEN(ticker, (double)delay, (int)n) {
    for (int i = 0; i < n; i++) {
        TRY(YIELD(i));
        TRY(AWAIT(asyncio_sleep(delay)));
    }
    RETURN();
}

ASYNC_GEN(nothing) { RETURN(); }

/* Notes what it is sent and how it ends; `more`: goes on after an error. */
ASYNC_GEN(listens, (bool)more) {
    for (;;) {
        asyncio_value sent = asyncio_none();
        char text[64];
        int rc = YIELD(1, &sent);
        if (rc < 0) {
            note("thrown:%s", asyncio_err_name(rc));
            if (!more) return rc;
            asyncio_ignore(rc);
            continue;
        }
        asyncio_value_repr(&sent, text, sizeof text);
        note("sent:%s", text);
        asyncio_value_drop(&sent);
    }
}

/* Needs `delay` to clean up once it is closed. */
ASYNC_GEN(cleans_up, (const char *)name, (double)delay) {
    int rc = YIELD(1);
    int cleanup = AWAIT(asyncio_sleep(delay));
    note("%s:%s:%s", name, asyncio_err_name(rc), asyncio_err_name(cleanup));
    asyncio_ignore(cleanup);
    return rc;
}

ASYNC_GEN(fails_at_once, (int)code) { RAISE(code, "from inside"); }

ASYNC_GEN(fails_when_closed) {
    int rc = YIELD(1);
    asyncio_ignore(rc);
    RAISE(ASYNCIO_KEY_ERROR, "while closing");
}

static int values_made, values_dropped;

static void drop_counted(asyncio_value *v) {
    values_dropped++;
    free(v->p);
}

static const asyncio_value_type counted_type = { .size = sizeof counted_type,
                                                 .name = "counted",
                                                 .drop = drop_counted };

static asyncio_value counted(void) {
    values_made++;
    return asyncio_own(malloc(1), &counted_type);
}

ASYNC_GEN(gives_counted, (int)n) {
    for (int i = 0; i < n; i++) {
        asyncio_value sent = asyncio_none();
        TRY(YIELD(counted(), &sent));
        asyncio_value_drop(&sent);
        TRY(AWAIT(asyncio_sleep(1)));
    }
    RETURN();
}

/* ---- next ---- */

TEST_ASYNC(next_gives_the_values_and_then_the_end) {
    asyncio_auto_gen g = numbers(2);
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    CHECK_INT(v.i, 0);
    TRY(AWAIT(asyncio_gen_next(g), &v));
    CHECK_INT(v.i, 1);
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(AWAIT(asyncio_gen_next(g), &v), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    }
    asyncio_auto_gen empty = nothing();
    CHECK_ERROR(AWAIT(asyncio_gen_next(empty), &v), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    RETURN();
}

TEST_ASYNC(only_its_awaits_take_turns) {
    asyncio_auto_gen g = ticker(0, 2);
    unsigned long long before = turns();
    TRY(AWAIT(asyncio_gen_next(g)));
    CHECK_INT(turns() - before, 0);
    TRY(AWAIT(asyncio_gen_next(g)));
    CHECK_INT(turns() - before, 1);
    RETURN();
}

TEST_ASYNC(an_error_inside_comes_out_of_next_and_ends_it) {
    asyncio_auto_gen g = fails_at_once(ASYNCIO_KEY_ERROR);
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_KEY_ERROR, "from inside");
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    asyncio_auto_gen stops = fails_at_once(ASYNCIO_STOP_ASYNC_ITERATION);
    CHECK_ERROR(AWAIT(asyncio_gen_next(stops)), ASYNCIO_RUNTIME_ERROR,
                "async generator raised StopAsyncIteration");
    RETURN();
}

TEST_ASYNC(one_that_never_starts_runs_nothing) {
    asyncio_auto_gen g = cleans_up("never", 0);
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 0);
    CHECK_NOTES("");
    RETURN();
}

static asyncio_gen *borrowed;

ASYNC(advances_once) {
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(borrowed), &v));
    note("%lld", v.i);
    RETURN();
}

TEST_ASYNC(tasks_may_advance_it_in_turn) {
    borrowed = ticker(1, 3);
    for (int i = 0; i < 3; i++) {
        asyncio_auto_task t = asyncio_create_task(advances_once());
        TRY(AWAIT(t));
    }
    asyncio_gen_unref(borrowed);
    CHECK_NOTES("0 1 2");
    RETURN();
}

/* ---- ASYNC_FOR ---- */

TEST_ASYNC(async_for_goes_over_all_values) {
    asyncio_value v;
    int rc, sum = 0;
    asyncio_auto_gen g = ticker(1, 4);
    ASYNC_FOR(v, g, rc) {
        if (v.i == 1) continue;
        sum += (int)v.i;
    }
    CHECK_INT(rc, 0);
    CHECK_INT(sum, 5);
    CHECK_DOUBLE(asyncio_loop_time(loop), 4.0);
    ASYNC_FOR(v, g, rc) FAIL("it has ended");
    CHECK_INT(rc, 0);
    RETURN();
}

TEST_ASYNC(after_a_break_it_can_be_gone_on_with) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = numbers(5);
    ASYNC_FOR(v, g, rc) {
        if (v.i == 2) break;
    }
    CHECK_INT(v.i, 2);
    ASYNC_FOR(v, g, rc) {
        note("%lld", v.i);
        if (v.i == 3) break;
    }
    CHECK_NOTES("3");
    RETURN();
}

TEST_ASYNC(after_a_break_it_can_be_closed) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = cleans_up("g", 1);
    ASYNC_FOR(v, g, rc) break;
    TRY(AWAIT(asyncio_gen_aclose(g)));
    note("closed");
    CHECK_NOTES("g:GeneratorExit:OK closed");
    RETURN();
}

TEST_ASYNC(async_for_ends_with_the_error) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = fails_at_once(ASYNCIO_KEY_ERROR);
    ASYNC_FOR(v, g, rc) FAIL("there is no value");
    CHECK_ERROR(rc, ASYNCIO_KEY_ERROR, "from inside");
    RETURN();
}

ASYNC(loops_over_counted, (int) stop_at) {
    asyncio_value v;
    int rc, n = 0;
    asyncio_auto_gen g = gives_counted(4);
    ASYNC_FOR(v, g, rc) {
        if (n++ != stop_at) continue;
        asyncio_value_drop(&v);
        break;
    }
    RETURN();
}

TEST(async_for_drops_each_value_after_its_turn) {
    for (int i = 0; i < 5; i++) {
        run_alone(loops_over_counted(i));
        CHECK_INT(values_made, i < 4 ? i + 1 : 4);
        CHECK_INT(values_dropped, values_made);
        values_made = values_dropped = 0;
    }
}

/* ---- send ---- */

TEST_ASYNC(send_gives_the_yield_its_value) {
    asyncio_auto_gen g = listens(false);
    asyncio_value v;
    CHECK_ERROR(AWAIT(asyncio_gen_send(g, asyncio_int(1))), ASYNCIO_TYPE_ERROR,
                "can't send non-None value to a just-started async generator");
    TRY(AWAIT(asyncio_gen_send(g, asyncio_none()), &v));
    CHECK_INT(v.i, 1);
    TRY(AWAIT(asyncio_gen_send(g, asyncio_int(5))));
    TRY(AWAIT(asyncio_gen_next(g)));
    TRY(AWAIT(asyncio_gen_send(g, asyncio_own_str(strdup("text")))));
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_ERROR(AWAIT(asyncio_gen_send(g, asyncio_own_str(strdup("late")))),
                ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    CHECK_NOTES("sent:5 sent:None sent:'text' thrown:GeneratorExit");
    RETURN();
}

ASYNC(sends_unheard) {
    asyncio_auto_gen g = numbers(3);
    TRY(AWAIT(asyncio_gen_next(g)));
    TRY(AWAIT(asyncio_gen_send(g, counted())));
    asyncio_coro dropped = asyncio_gen_send(g, asyncio_none());
    (void)dropped;
    RETURN();
}

TEST(what_is_sent_and_not_taken_is_dropped) {
    run_alone(sends_unheard());
    CHECK_INT(values_dropped, 1);
}

/* ---- throw ---- */

static asyncio_error *key_error(void) { return asyncio_error_new(ASYNCIO_KEY_ERROR, "thrown"); }

ASYNC(throws) {
    asyncio_value v = asyncio_none();
    asyncio_auto_gen g = listens(true);
    TRY(AWAIT(asyncio_gen_next(g)));
    TRY(AWAIT(asyncio_gen_throw(g, key_error()), &v)); /* handled: the next value comes back */
    CHECK_INT(v.i, 1);
    asyncio_auto_gen h = listens(false);
    TRY(AWAIT(asyncio_gen_next(h)));
    CHECK_ERROR(AWAIT(asyncio_gen_throw(h, key_error())), ASYNCIO_KEY_ERROR, "thrown");
    CHECK_ERROR(AWAIT(asyncio_gen_next(h)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    CHECK_NOTES("thrown:KeyError thrown:KeyError");
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(g)), ASYNCIO_RUNTIME_ERROR,
                "async generator ignored GeneratorExit");
    RETURN();
}

TEST(throw_lets_the_yield_fail) {
    start_loop();
    CHECK_INT(run(throws()), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop_unref(loop);
}

TEST_ASYNC(throw_before_the_start_ends_it_and_after_the_end_does_nothing) {
    asyncio_auto_gen g = listens(false);
    CHECK_ERROR(AWAIT(asyncio_gen_throw(g, key_error())), ASYNCIO_KEY_ERROR, "thrown");
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    asyncio_value v = asyncio_int(5);
    TRY(AWAIT(asyncio_gen_throw(g, key_error()), &v)); /* it has ended: None */
    CHECK_PTR(v.type, NULL);
    asyncio_auto_gen h = listens(false);
    TRY(AWAIT(asyncio_gen_next(h)));
    CHECK_ERROR(AWAIT(asyncio_gen_throw(h, NULL)), ASYNCIO_TYPE_ERROR, "an error is required");
    TRY(AWAIT(asyncio_gen_aclose(h)));
    CHECK_NOTES("thrown:GeneratorExit");
    RETURN();
}

/* ---- aclose ---- */

ASYNC(closes) {
    asyncio_auto_gen fresh = cleans_up("fresh", 0);
    TRY(AWAIT(asyncio_gen_aclose(fresh)));
    CHECK_ERROR(AWAIT(asyncio_gen_next(fresh)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    asyncio_auto_gen g = cleans_up("g", 1);
    TRY(AWAIT(asyncio_gen_next(g)));
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 1);
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 0);
    TRY(AWAIT(asyncio_gen_aclose(g)));
    asyncio_auto_gen over = nothing();
    CHECK_ERROR(AWAIT(asyncio_gen_next(over)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    TRY(AWAIT(asyncio_gen_aclose(over)));
    asyncio_auto_gen wrong = fails_when_closed();
    TRY(AWAIT(asyncio_gen_next(wrong)));
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(wrong)), ASYNCIO_KEY_ERROR, "while closing");
    TRY(AWAIT(asyncio_gen_aclose(wrong)));
    RETURN();
}

TEST(aclose_ends_it_once_and_gives_the_error_of_its_cleanup) {
    run_alone(closes());
    CHECK_NOTES("g:GeneratorExit:OK");
}

/* ---- as tasks ---- */

ASYNC(advances_by_tasks) {
    asyncio_value v;
    asyncio_gen *g = gives_counted(3);
    asyncio_auto_task t = asyncio_create_task(asyncio_gen_next(g));
    asyncio_auto_task never = asyncio_create_task(asyncio_gen_next(g));
    asyncio_auto_task closes = asyncio_create_task(asyncio_gen_aclose(g));
    asyncio_gen_unref(g);
    asyncio_task_cancel(never, NULL);
    TRY(AWAIT(t, &v));
    CHECK_PTR(v.type, &counted_type);
    TRY(AWAIT(closes));
    asyncio_auto_gen h = numbers(3);
    TRY(AWAIT(asyncio_wait_for(asyncio_gen_next(h), 1), &v));
    TRY(AWAIT(asyncio_gather(&v, asyncio_gen_next(h))));
    CHECK_INT(v.i, 1);
    TRY(AWAIT(asyncio_gen_aclose(h)));
    RETURN();
}

TEST(a_task_that_advances_it_holds_it) {
    run_alone(advances_by_tasks());
    CHECK_INT(values_made, 1);
    CHECK_INT(values_dropped, 1);
}

/* ---- running already ---- */

ASYNC_GEN(advances_itself, (asyncio_gen **)self) {
    CHECK_ERROR(AWAIT(asyncio_gen_next(*self)), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(*self)), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    TRY(YIELD(1));
    RETURN();
}

ASYNC(runs_it_twice) {
    asyncio_gen *self;
    asyncio_auto_gen g = self = advances_itself(&self);
    TRY(AWAIT(asyncio_gen_next(g)));
    TRY(AWAIT(asyncio_gen_aclose(g)));
    borrowed = ticker(5, 2);
    TRY(AWAIT(asyncio_gen_next(borrowed)));
    asyncio_auto_task t = asyncio_create_task(advances_once()); /* waits inside it */
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_ERROR(AWAIT(asyncio_gen_next(borrowed)), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    CHECK_ERROR(AWAIT(asyncio_gen_send(borrowed, counted())), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    CHECK_ERROR(AWAIT(asyncio_gen_throw(borrowed, key_error())), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(borrowed)), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    TRY(AWAIT(t));
    TRY(AWAIT(asyncio_gen_aclose(borrowed)));
    asyncio_gen_unref(borrowed);
    RETURN();
}

TEST(one_that_runs_is_not_advanced_a_second_time) {
    run_alone(runs_it_twice());
    CHECK_NOTES("1");
    CHECK_INT(values_dropped, 1);
}

/* ---- cancellation ---- */

TEST(cancelling_the_task_interrupts_the_await_inside) {
    start_loop();
    borrowed = ticker(5, 2);
    CHECK_INT(run(advances_once()), 0);
    asyncio_task *t = asyncio_loop_create_task(loop, advances_once());
    CHECK_INT(run(asyncio_sleep(1)), 0);
    asyncio_task_cancel(t, "m");
    turn();
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR, "m");
    asyncio_task_unref(t);
    int rc = run(advances_once());
    CHECK_ERROR(rc, ASYNCIO_STOP_ASYNC_ITERATION, NULL); /* it left it by its TRY */
    asyncio_gen_unref(borrowed);
    end_loop();
    CHECK_NOTES("0");
}

ASYNC(takes_counted) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = gives_counted(3);
    ASYNC_FOR(v, g, rc) {
        int again = AWAIT(asyncio_sleep(0.5));
        if (again >= 0) continue;
        asyncio_value_drop(&v);
        return again;
    }
    TRY(AWAIT(asyncio_gen_aclose(g)));
    return rc;
}

TEST(whenever_the_task_is_cancelled_every_value_is_dropped_once) {
    for (int i = 0; i < 10; i++) {
        start_loop();
        asyncio_task *t = asyncio_loop_create_task(loop, takes_counted());
        CHECK_INT(run(asyncio_sleep(i * 0.5)), 0);
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(10)), 0);
        CHECK(asyncio_task_done(t));
        asyncio_ignore(asyncio_task_result(t, NULL));
        asyncio_task_unref(t);
        end_loop();
        CHECK_INT(values_dropped, values_made);
    }
}

/* ---- errors that were in the slot ---- */

ASYNC_GEN(sees_no_error) {
    for (int i = 0; i < 3; i++) {
        int rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "own");
        TRY(YIELD(i));
        CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "own"); /* still what it handles */
    }
    RETURN();
}

TEST_ASYNC(errors_being_handled_on_both_sides_are_kept_apart) {
    asyncio_auto_gen g = sees_no_error();
    int rc = asyncio_raise(ASYNCIO_KEY_ERROR, ASYNCIO_WHERE, __func__, "mine");
    for (int i = 0; i < 3; i++) TRY(AWAIT(asyncio_gen_next(g)));
    CHECK_ERROR(rc, ASYNCIO_KEY_ERROR, "mine");
    TRY(AWAIT(asyncio_gen_aclose(g)));
    RETURN();
}

/* ---- left over ---- */

TEST_ASYNC(one_that_nobody_refers_to_is_closed_by_a_task_of_the_loop) {
    {
        asyncio_auto_gen g = cleans_up("g", 1);
        TRY(AWAIT(asyncio_gen_next(g)));
    }
    note("left");
    TRY(AWAIT(asyncio_sleep(3)));
    note("end");
    CHECK_NOTES("left g:GeneratorExit:OK end");
    RETURN();
}

TEST_ASYNC(one_whose_closing_task_is_cancelled_before_it_starts_is_closed_all_the_same) {
    asyncio_task *tasks[2];
    asyncio_gen *g = cleans_up("g", 1);
    TRY(AWAIT(asyncio_gen_next(g)));
    asyncio_gen_unref(g);
    CHECK_INT(asyncio_all_tasks(NULL, tasks, 2), 2);
    asyncio_task_cancel(tasks[1], NULL); /* before it starts: another takes its place */
    TRY(AWAIT(asyncio_sleep(3)));
    CHECK_NOTES("g:GeneratorExit:OK");
    RETURN();
}

ASYNC(abandons_failing_ones) {
    {
        asyncio_auto_gen g = fails_when_closed();
        TRY(AWAIT(asyncio_gen_next(g)));
    }
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(an_error_of_an_abandoned_one_is_reported) {
    run_alone(abandons_failing_ones());
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
}

static asyncio_gen *left[3];

ASYNC(leaves_three) {
    left[0] = cleans_up("a", 2);
    left[1] = cleans_up("b", 1);
    left[2] = fails_when_closed();
    for (int i = 2; i >= 0; i--) TRY(AWAIT(asyncio_gen_next(left[i])));
    RETURN();
}

static asyncio_gen *asked[2];

/* Makes the objects in one order, awaits one of them, in the other. */
ASYNC(asks_two) {
    asked[0] = cleans_up("a", 1);
    asked[1] = cleans_up("b", 1);
    asyncio_coro later = asyncio_gen_next(asked[1]);
    asyncio_coro never = asyncio_gen_next(asked[0]);
    (void)never;
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 2);
    TRY(AWAIT(later));
    RETURN();
}

TEST(the_loop_knows_a_generator_once_an_operation_on_it_was_made) {
    start_loop();
    CHECK_INT(run(asks_two()), 0);
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 2);
    CHECK_INT(run(asyncio_loop_shutdown_asyncgens(loop)), 0);
    CHECK_NOTES("b:GeneratorExit:OK");
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 0);
    for (int i = 0; i < 2; i++) asyncio_gen_unref(asked[i]);
    end_loop();
}

ASYNC(asks_only) {
    asyncio_coro never = asyncio_gen_next(asked[0]);
    (void)never;
    RETURN();
}

ASYNC(closes_and_asks) {
    CHECK_INT(AWAIT(asyncio_gen_next(asked[0])), 0);
    CHECK_INT(AWAIT(asyncio_gen_aclose(asked[0])), 0);
    RETURN();
}

TEST(one_that_was_asked_but_not_started_may_start_on_another_loop) {
    start_loop();
    asked[0] = cleans_up("a", 0);
    CHECK_INT(run(asks_only()), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop *first = loop;
    CHECK_INT(first->refs, 2);
    start_loop();
    CHECK_INT(run(closes_and_asks()), 0);
    CHECK_NOTES("a:GeneratorExit:OK");
    CHECK_INT(first->refs, 1);
    asyncio_loop_unref(first);
    asyncio_gen_unref(asked[0]);
    end_loop();
}

TEST(shutdown_closes_all_that_have_started_and_reports_their_errors) {
    start_loop();
    CHECK_INT(run(leaves_three()), 0);
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 3);
    CHECK_INT(run(asyncio_loop_shutdown_asyncgens(loop)), 0);
    CHECK_NOTES("b:GeneratorExit:OK a:GeneratorExit:OK");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "an error occurred during closing of asynchronous generator "
                                "fails_when_closed");
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 0);
    CHECK_INT(run(asyncio_loop_shutdown_asyncgens(loop)), 0);
    for (int i = 0; i < 3; i++) asyncio_gen_unref(left[i]);
    end_loop();
}

ASYNC(leaves_it_to_run) {
    left[0] = cleans_up("g", 1);
    TRY(AWAIT(asyncio_gen_next(left[0])));
    note("main");
    RETURN();
}

static asyncio_loop *virtual_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

TEST(run_closes_them_at_its_end) { /* RUN-3 */
    CHECK_INT(asyncio_run(leaves_it_to_run(), NULL, .loop_factory = virtual_loop), 0);
    CHECK_NOTES("main g:GeneratorExit:OK");
    asyncio_gen_unref(left[0]);
}

TEST(a_shutdown_that_is_cancelled_leaves_the_closing_tasks_to_go_on) {
    for (int i = 0; i < 2; i++) {
        start_loop();
        CHECK_INT(run(leaves_three()), 0);
        asyncio_task *t = asyncio_loop_create_task(loop, asyncio_loop_shutdown_asyncgens(loop));
        for (int n = 0; n <= i; n++) turn();
        for (int n = 0; n < 3; n++) asyncio_gen_unref(left[n]);
        asyncio_task_cancel(t, NULL);
        CHECK_INT(run(asyncio_sleep(5)), 0);
        CHECK(asyncio_task_cancelled(t));
        asyncio_task_unref(t);
        end_loop();
        CHECK_NOTES("b:GeneratorExit:OK a:GeneratorExit:OK");
    }
}

TEST(a_closed_loop_unwinds_them) {
    start_loop();
    CHECK_INT(run(leaves_three()), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_NOTES("b:GeneratorExit:GeneratorExit a:GeneratorExit:GeneratorExit");
    for (int i = 0; i < 3; i++) asyncio_gen_unref(left[i]);
    asyncio_loop_unref(loop);
}

TEST(the_last_reference_without_a_running_loop_unwinds_it) {
    start_loop();
    CHECK_INT(run(leaves_it_to_run()), 0);
    asyncio_gen_unref(left[0]);
    CHECK_NOTES("main g:GeneratorExit:GeneratorExit");
    end_loop();
}

ASYNC(waits_inside) {
    asyncio_auto_gen g = ticker(100, 3);
    asyncio_value v;
    int rc;
    ASYNC_FOR(v, g, rc) note("%lld", v.i);
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(a_loop_closed_while_a_task_waits_inside_one) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, waits_inside());
    CHECK_INT(run(asyncio_sleep(1)), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_NOTES("0 GeneratorExit");
    asyncio_task_unref(t);
    end_loop();
}

/* ---- outside tasks, other loops, bad input ---- */

ASYNC(uses_elsewhere) {
    CHECK_ERROR(AWAIT(asyncio_gen_next(borrowed)), ASYNCIO_RUNTIME_ERROR,
                "a generator is attached to a different loop");
    CHECK_ERROR(AWAIT(asyncio_gen_send(borrowed, counted())), ASYNCIO_RUNTIME_ERROR,
                "a generator is attached to a different loop");
    CHECK_ERROR(AWAIT(asyncio_loop_shutdown_asyncgens(loop)), ASYNCIO_RUNTIME_ERROR,
                "the generators belong to another loop");
    RETURN();
}

TEST(a_generator_belongs_to_the_loop_that_started_it) {
    start_loop();
    borrowed = numbers(3);
    CHECK_INT(run(advances_once()), 0);
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    CHECK_INT(asyncio_loop_run_until_complete(other, uses_elsewhere(), NULL), 0);
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    asyncio_gen_unref(borrowed);
    end_loop();
    CHECK_INT(values_dropped, 1);
}

TEST(a_generator_is_advanced_inside_a_task) {
    asyncio_auto_gen g = numbers(3);
    asyncio_value v;
    int rc;
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_RUNTIME_ERROR, "await outside a task");
    ASYNC_FOR(v, g, rc) FAIL("there is no value");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "await outside a task");
}

ASYNC(yields_elsewhere) {
    asyncio_auto_gen g = numbers(3);
    CHECK_ERROR(asyncio_gen_yield(g, counted(), NULL, ASYNCIO_WHERE, __func__),
                ASYNCIO_RUNTIME_ERROR, "yield outside a running generator");
    TRY(AWAIT(asyncio_gen_next(g)));
    CHECK_ERROR(asyncio_gen_yield(g, counted(), NULL, ASYNCIO_WHERE, __func__),
                ASYNCIO_RUNTIME_ERROR, "yield outside a running generator");
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_ERROR(AWAIT(asyncio_gen_next(NULL)), ASYNCIO_TYPE_ERROR, "a generator is required");
    CHECK_ERROR(AWAIT(asyncio_gen_send(NULL, counted())), ASYNCIO_TYPE_ERROR,
                "a generator is required");
    CHECK_ERROR(AWAIT(asyncio_gen_throw(NULL, key_error())), ASYNCIO_TYPE_ERROR,
                "a generator is required");
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(NULL)), ASYNCIO_TYPE_ERROR, "a generator is required");
    RETURN();
}

TEST(yield_belongs_to_the_generator_that_runs) {
    run_alone(yields_elsewhere());
    CHECK_ERROR(asyncio_gen_yield(NULL, asyncio_none(), NULL, NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "yield outside a running generator");
    CHECK_INT(values_made, 3);
    CHECK_INT(values_dropped, 3);
}

static int run_nothing(asyncio_gen *g, const void *args) {
    (void)g, (void)args;
    return 0;
}

TEST(bad_types_and_arguments_are_refused) {
    static const char text[] = "a generator type and at most 64 bytes of arguments are required";
    asyncio_gen_type type = { .size = sizeof type, .name = "x", .file = "x", .run = run_nothing };
    CHECK_NULL_ERROR(asyncio_gen_new(NULL, NULL, 0), ASYNCIO_TYPE_ERROR, text);
    CHECK_NULL_ERROR(asyncio_gen_new(&type, NULL, 8), ASYNCIO_TYPE_ERROR, text);
    CHECK_NULL_ERROR(asyncio_gen_new(&type, text, 65), ASYNCIO_TYPE_ERROR, text);
    type.run = NULL;
    CHECK_NULL_ERROR(asyncio_gen_new(&type, NULL, 0), ASYNCIO_TYPE_ERROR, text);
    asyncio_gen_unref(NULL);
    CHECK_PTR(asyncio_gen_ref(NULL), NULL);
    CHECK_INT(asyncio_loop_open_asyncgens(NULL), 0);
}

/* ---- many, deep ---- */

ASYNC_GEN(counts_down, (int)depth) {
    asyncio_value v;
    int rc;
    if (depth > 0) {
        asyncio_auto_gen inner = counts_down(depth - 1);
        ASYNC_FOR(v, inner, rc) TRY(YIELD(v.i));
        TRY(rc);
    }
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(YIELD(depth));
    RETURN();
}

TEST_ASYNC(generators_may_be_nested) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = counts_down(20);
    long long expected = 0;
    ASYNC_FOR(v, g, rc) CHECK_INT(v.i, expected++);
    TRY(rc);
    CHECK_INT(expected, 21);
    asyncio_auto_gen half = counts_down(20);
    for (int i = 0; i < 10; i++) TRY(AWAIT(asyncio_gen_next(half)));
    TRY(AWAIT(asyncio_gen_aclose(half)));
    TRY(AWAIT(asyncio_sleep(1))); /* the inner ones are closed by tasks */
    RETURN();
}
