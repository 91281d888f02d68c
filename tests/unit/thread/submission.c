/* SPDX-License-Identifier: MIT
 *
 * Coroutines that another thread hands to a loop, and the future that it waits for.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "errors.h"
#include "test.h"

static atomic_int values_dropped;

static void drop_counted(asyncio_value *value) {
    free(value->p);
    atomic_fetch_add(&values_dropped, 1);
}

static const asyncio_value_type counted = { .size = sizeof counted,
                                            .name = "counted",
                                            .drop = drop_counted };

static void wait_for_count(atomic_int *count, int n) {
    while (atomic_load(count) != n) sched_yield();
}

/* A loop in the main thread for the length of a test; `client` is what another thread does. */
struct scene {
    asyncio_loop *loop;
    void (*client)(asyncio_loop *loop);
};

static int stop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

static void *run_client(void *arg) {
    struct scene *s = arg;
    s->client(s->loop);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(s->loop, stop, s->loop), 0);
    return NULL;
}

static void play(void (*client)(asyncio_loop *loop)) {
    struct scene s = { asyncio_new_event_loop(), client };
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run_client, &s), 0);
    CHECK_INT(asyncio_loop_run_forever(s.loop), 0);
    pthread_join(thread, NULL);
    CHECK_INT(asyncio_all_tasks(s.loop, NULL, 0), 0);
    asyncio_loop_close(s.loop);
    asyncio_loop_unref(s.loop);
}

/* ---- outcomes ---- */

ASYNC(adds, (int) a, (int) b) {
    TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN(a + b);
}

static void takes_result(asyncio_loop *loop) {
    asyncio_value value;
    asyncio_auto_concurrent_future f = asyncio_run_coroutine_threadsafe(adds(1, 2), loop);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
    CHECK_INT(value.i, 3);
    CHECK(asyncio_concurrent_future_done(f));
    CHECK(!asyncio_concurrent_future_running(f));
    CHECK(!asyncio_concurrent_future_cancelled(f));
    CHECK(!asyncio_concurrent_future_cancel(f)); /* too late */
    CHECK_INT(asyncio_concurrent_future_exception(f, 0, NULL), 0);
}

TEST(a_thread_gets_the_result_of_a_coroutine) { play(takes_result); } /* RCT-1, RCT-6 */

ASYNC(fails, (const char *) message) {
    TRY(AWAIT(asyncio_sleep(0)));
    RAISE(ASYNCIO_VALUE_ERROR, "%s", message);
}

static void takes_error(asyncio_loop *loop) {
    asyncio_error *error = NULL;
    asyncio_auto_concurrent_future f = asyncio_run_coroutine_threadsafe(fails("no"), loop);
    CHECK_ERROR(asyncio_concurrent_future_result(f, INFINITY, NULL), ASYNCIO_VALUE_ERROR, "no");
    CHECK_INT(asyncio_concurrent_future_exception(f, 0, &error), 0);
    CHECK_STR(asyncio_error_message(error), "no");
}

TEST(a_thread_gets_the_error_of_a_coroutine) { play(takes_error); } /* RCT-2 */

ASYNC(makes_value) { RETURN(asyncio_own(malloc(8), &counted)); }

static void takes_or_leaves_value(asyncio_loop *loop) {
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(makes_value(), loop);
    asyncio_value value;
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
    CHECK(value.type == &counted);
    value = asyncio_concurrent_future_take_result(f);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(values_dropped, 0);
    asyncio_value_drop(&value);
    CHECK_INT(values_dropped, 1);
    f = asyncio_run_coroutine_threadsafe(makes_value(), loop);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    wait_for_count(&values_dropped, 2); /* the loop may have it for a moment longer */
    asyncio_concurrent_future_unref(asyncio_run_coroutine_threadsafe(makes_value(), loop));
    f = asyncio_run_coroutine_threadsafe(adds(0, 0), loop); /* after that one */
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    wait_for_count(&values_dropped, 3);
}

TEST(a_result_is_dropped_by_whoever_has_it_last) { play(takes_or_leaves_value); }

static asyncio_contextvar *variable;

ASYNC(reads_variable) {
    asyncio_value value;
    TRY(asyncio_contextvar_get(variable, &value));
    RETURN(value);
}

static void has_context(asyncio_loop *loop) {
    asyncio_value value;
    variable = asyncio_contextvar_new("variable", NULL);
    CHECK_INT(asyncio_contextvar_set(variable, asyncio_int(4), NULL), 0);
    asyncio_auto_concurrent_future f = asyncio_run_coroutine_threadsafe(reads_variable(), loop);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
    CHECK_INT(value.i, 4);
}

TEST(the_coroutine_runs_in_a_copy_of_the_threads_context) {
    play(has_context);
    asyncio_contextvar_unref(variable);
}

/* ---- captured arguments ---- */

static void submits_gather(asyncio_loop *loop) {
    asyncio_value l[2];
    asyncio_concurrent_future *f =
        asyncio_run_coroutine_threadsafe(asyncio_gather(l, adds(1, 1), adds(2, 2)), loop);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    CHECK_INT(l[0].i, 2);
    CHECK_INT(l[1].i, 4);
    asyncio_concurrent_future_unref(f);
}

TEST(a_coroutine_object_is_captured_before_the_call_returns) { play(submits_gather); }

/* ---- timeouts and cancelling ---- */

/* -1: not started; 0: started; 1: cancelled. */
ASYNC(sleeps_long, (atomic_int *) cancelled) {
    atomic_store(cancelled, 0);
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) atomic_fetch_add(cancelled, 1);
    return rc;
}

static void times_out_and_cancels(asyncio_loop *loop) {
    atomic_int cancelled = -1;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(sleeps_long(&cancelled), loop);
    wait_for_count(&cancelled, 0);
    CHECK_INT(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(asyncio_concurrent_future_exception(f, 0.001, NULL), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK(!asyncio_concurrent_future_done(f));
    CHECK(asyncio_concurrent_future_cancel(f));
    CHECK(asyncio_concurrent_future_cancel(f)); /* it is cancelled */
    CHECK(asyncio_concurrent_future_cancelled(f));
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_concurrent_future_exception(f, 0, NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    asyncio_concurrent_future_unref(f);
    wait_for_count(&cancelled, 1);
}

/* RCT-3, RCT-5 */
TEST(a_timeout_leaves_the_task_alone_and_cancel_does_not) { play(times_out_and_cancels); }

ASYNC(cancels_itself) { RAISE(ASYNCIO_CANCELLED_ERROR, "enough"); }

static void takes_cancelled(asyncio_loop *loop) {
    asyncio_auto_concurrent_future f = asyncio_run_coroutine_threadsafe(cancels_itself(), loop);
    CHECK_ERROR(asyncio_concurrent_future_result(f, INFINITY, NULL), ASYNCIO_CANCELLED_ERROR,
                "enough");
    CHECK(asyncio_concurrent_future_cancelled(f));
}

TEST(a_cancelled_task_makes_the_future_cancelled) { play(takes_cancelled); } /* RCT-4 */

ASYNC(runs_never) {
    FAIL("a coroutine cancelled before its task was made was run");
    RETURN();
}

TEST(what_is_cancelled_before_the_loop_sees_it_does_not_run) { /* RCT-1 */
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(runs_never(), loop);
    CHECK(asyncio_concurrent_future_cancel(f));
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    asyncio_concurrent_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

static int take_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop;
    snprintf(arg, 128, "%s", context->message);
    return 0;
}

ASYNC(fails_when_cancelled, (sem_t *) cancelled) {
    int rc = AWAIT(asyncio_sleep(3600));
    asyncio_ignore(rc);
    sem_post(cancelled);
    RAISE(ASYNCIO_VALUE_ERROR, "late");
}

ASYNC(cancels_by_thread_side) {
    char report[128] = "";
    asyncio_task *tasks[2];
    sem_t cancelled;
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_loop_set_exception_handler(loop, take_report, report);
    sem_init(&cancelled, 0, 0);
    asyncio_concurrent_future *f =
        asyncio_run_coroutine_threadsafe(fails_when_cancelled(&cancelled), loop);
    TRY(AWAIT(asyncio_sleep(0.001)));
    CHECK_INT(asyncio_all_tasks(loop, tasks, 2), 2);
    CHECK(asyncio_concurrent_future_cancel(f));
    CHECK_INT(asyncio_task_cancelling(tasks[1]), 1); /* at once: this is the loop's own thread */
    TRY(AWAIT(asyncio_sleep(0.001)));
    CHECK_INT(sem_trywait(&cancelled), 0);
    CHECK_STR(report, "Task exception was never retrieved");
    CHECK(asyncio_concurrent_future_cancelled(f));
    asyncio_concurrent_future_unref(f);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    RETURN();
}

TEST(an_error_after_the_thread_has_cancelled_is_reported) { /* RCT-3, V14-8 */
    CHECK_INT(asyncio_run(cancels_by_thread_side(), NULL), 0);
}

/* ---- its own thread, closed loops ---- */

ASYNC(waits_for_itself) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_auto_concurrent_future f = asyncio_run_coroutine_threadsafe(adds(1, 1), loop);
    asyncio_value value;
    CHECK_ERROR(asyncio_concurrent_future_result(f, INFINITY, NULL), ASYNCIO_RUNTIME_ERROR,
                "waiting here would never end: the loop of this very thread has to finish the "
                "future (in a task, await asyncio_wrap_future)");
    asyncio_auto_future wrapper = asyncio_wrap_future(f, NULL);
    TRY(AWAIT(wrapper, &value));
    CHECK_INT(value.i, 2);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    RETURN();
}

TEST(waiting_in_the_loops_own_thread_is_an_error) {
    CHECK_INT(asyncio_run(waits_for_itself(), NULL), 0);
}

TEST(a_closed_loop_takes_no_coroutine) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_close(loop);
    CHECK(asyncio_run_coroutine_threadsafe(adds(1, 2), loop) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
}

TEST(a_loop_that_closes_ends_the_wait) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    atomic_int cancelled = 0;
    char report[128] = "";
    asyncio_loop_set_exception_handler(loop, take_report, report);
    asyncio_concurrent_future *before = asyncio_run_coroutine_threadsafe(adds(0, 1), loop);
    asyncio_concurrent_future *started =
        asyncio_run_coroutine_threadsafe(sleeps_long(&cancelled), loop);
    for (int i = 0; i < 2; i++) {
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
    }
    asyncio_concurrent_future *posted = asyncio_run_coroutine_threadsafe(runs_never(), loop);
    asyncio_loop_close(loop);
    CHECK_STR(report, "Task was destroyed but it is pending!");
    asyncio_concurrent_future *all[] = { before, started, posted };
    for (int i = 0; i < 3; i++) {
        CHECK_ERROR(asyncio_concurrent_future_result(all[i], INFINITY, NULL), ASYNCIO_RUNTIME_ERROR,
                    "Event loop is closed");
        CHECK(!asyncio_concurrent_future_cancel(all[i]));
        asyncio_concurrent_future_unref(all[i]);
    }
}

static void turns(asyncio_loop *loop, int n) {
    while (n-- > 0) {
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
    }
}

TEST(a_cancellation_may_come_too_late_for_the_loop) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    atomic_int cancelled = 0;
    char report[128] = "";
    asyncio_loop_set_exception_handler(loop, take_report, report);
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(sleeps_long(&cancelled), loop);
    turns(loop, 2);
    CHECK(asyncio_concurrent_future_cancel(f)); /* for the loop, in its next turn */
    CHECK(asyncio_concurrent_future_cancelled(f));
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(report, "Task was destroyed but it is pending!");
    CHECK(asyncio_concurrent_future_cancelled(f));
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
}

ASYNC(returns_three) { RETURN(3); }

TEST(a_coroutine_that_ends_eagerly_delivers_its_result) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_value value;
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, NULL);
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(returns_three(), loop);
    turns(loop, 2);
    CHECK_INT(asyncio_concurrent_future_result(f, 0, &value), 0);
    CHECK_INT(value.i, 3);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_loop_close(loop), 0);
}

static int interrupts;
static asyncio_task *refuses_tasks(asyncio_loop *loop, const asyncio_task_options *options,
                                   void *arg) {
    (void)loop, (void)options, (void)arg;
    interrupts++;
    asyncio_raise(ASYNCIO_KEYBOARD_INTERRUPT, NULL, NULL, "now");
    return NULL;
}

/* As an exception that is none for callbacks, it leaves the run; who waits has it, too. */
TEST(an_interrupt_of_a_task_factory_leaves_the_run) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_set_task_factory(loop, refuses_tasks, NULL);
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(adds(1, 2), loop);
    asyncio_loop_stop(loop);
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_KEYBOARD_INTERRUPT, "now");
    CHECK_INT(interrupts, 1);
    CHECK_ERROR(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_KEYBOARD_INTERRUPT, "now");
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_loop_close(loop), 0);
}

TEST(a_task_that_is_done_when_the_loop_closes_has_its_result_delivered) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_value value;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(makes_value(), loop);
    for (int i = 0; i < 2; i++) { /* the task is made; it runs; its callback would be next */
        asyncio_loop_stop(loop);
        CHECK_INT(asyncio_loop_run_forever(loop), 0);
    }
    CHECK(!asyncio_concurrent_future_done(f));
    asyncio_loop_close(loop);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, &value), 0);
    CHECK(value.type == &counted);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(values_dropped, 1);
}

/* ---- bad input ---- */

static asyncio_task *refuses(asyncio_loop *loop, const asyncio_task_options *options, void *arg) {
    (void)loop;
    (void)options;
    (void)arg;
    asyncio_raise(ASYNCIO_NOT_IMPLEMENTED_ERROR, NULL, NULL, "no tasks today");
    return NULL;
}

TEST(a_task_that_cannot_be_made_is_delivered_and_reported) { /* RCT-2 */
    asyncio_loop *loop = asyncio_new_event_loop();
    char report[128] = "";
    asyncio_loop_set_exception_handler(loop, take_report, report);
    asyncio_loop_set_task_factory(loop, refuses, NULL);
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(adds(1, 2), loop);
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_ERROR(asyncio_concurrent_future_result(f, 0, NULL), ASYNCIO_NOT_IMPLEMENTED_ERROR,
                "no tasks today");
    CHECK_STR(report, "Exception in callback run_coroutine_threadsafe.<locals>.callback()");
    asyncio_concurrent_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

TEST(only_coroutines_are_run_for_threads) { /* RCT-1 */
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_coro nothing = { .type = NULL };
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK(asyncio_run_coroutine_threadsafe(adds(1, 2), NULL) == NULL);
    CHECK_ERROR(ASYNCIO_TYPE_ERROR, ASYNCIO_TYPE_ERROR, "a loop is required");
    CHECK(asyncio_run_coroutine_threadsafe(nothing, loop) == NULL);
    CHECK_ERROR(ASYNCIO_TYPE_ERROR, ASYNCIO_TYPE_ERROR, "A coroutine object is required");
    CHECK(asyncio_run_coroutine_threadsafe(ASYNCIO_CORO(f), loop) == NULL);
    CHECK_ERROR(ASYNCIO_TYPE_ERROR, ASYNCIO_TYPE_ERROR, "A coroutine object is required");
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

/* ---- many ---- */

static void hands_over_many(asyncio_loop *loop) {
    asyncio_concurrent_future *f[200];
    for (int i = 0; i < 200; i++) f[i] = asyncio_run_coroutine_threadsafe(adds(i, i), loop);
    for (int i = 0; i < 200; i += 3) asyncio_concurrent_future_cancel(f[i]);
    for (int i = 0; i < 200; i++) {
        asyncio_value value;
        int rc = asyncio_concurrent_future_result(f[i], INFINITY, &value);
        if (rc >= 0) CHECK_INT(value.i, 2 * i);
        else CHECK(i % 3 == 0 && asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR));
        asyncio_concurrent_future_unref(f[i]);
    }
    asyncio_auto_concurrent_future last = asyncio_run_coroutine_threadsafe(adds(0, 0), loop);
    CHECK_INT(asyncio_concurrent_future_result(last, INFINITY, NULL), 0);
}

TEST(many_coroutines_some_of_them_cancelled) { play(hands_over_many); }
