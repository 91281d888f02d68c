/* SPDX-License-Identifier: MIT
 *
 * asyncio_run, the runner and asyncio_main: what they give, the order in which a run is shut
 * down, and what Ctrl-C does.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "errors.h"
#include "notes.h"
#include "test.h"

static int note_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    char text[200];
    (void)loop, (void)arg;
    snprintf(text, sizeof text, "[%s%s%s]", context->message, context->task ? " " : "",
             context->task ? asyncio_task_get_name(context->task) : "");
    note("%s", text);
    return 0;
}

static asyncio_loop *noting_loop(void *arg) {
    (void)arg;
    asyncio_loop *loop = asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(loop, note_report, NULL);
    return loop;
}

ASYNC(returns, (int) value) { RETURN(value); }

ASYNC(raises, (int) code, (const char *) message) { RAISE(code, "%s", message); }

ASYNC(parks, (const char *) name) {
    int rc = AWAIT(asyncio_sleep(1e6));
    note("%s", name);
    return rc;
}

/* ---- run ---- */

ASYNC(gives_loop) { RETURN((void *)asyncio_get_running_loop()); }

TEST(run_gives_the_value_and_leaves_no_loop_behind) { /* RUN-1 */
    asyncio_value v;
    CHECK_INT(asyncio_run(returns(4), &v), 0);
    CHECK_INT(v.i, 4);
    CHECK(asyncio_get_event_loop() == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_run(gives_loop(), NULL), 0);
}

static void count_drop(asyncio_value *v) { ++*(int *)v->p; }
static int refuse_repr(const asyncio_value *v, char *buf, size_t n) {
    (void)v, (void)buf, (void)n;
    FAIL("repr was called");
}
static const asyncio_value_type counted = {
    .size = sizeof counted, .name = "counted", .drop = count_drop, .repr = refuse_repr
};

ASYNC(returns_counted, (int *) drops) { RETURN(asyncio_own(drops, &counted)); }

TEST(a_value_nobody_wants_is_dropped_and_never_shown) { /* RUN-13 */
    int drops = 0;
    asyncio_value v;
    CHECK_INT(asyncio_run(returns_counted(&drops), NULL), 0);
    CHECK_INT(drops, 1);
    CHECK_INT(asyncio_run(returns_counted(&drops), &v, .debug = 1), 0);
    CHECK_INT(drops, 1);
    asyncio_value_drop(&v);
    CHECK_INT(drops, 2);
}

TEST(run_gives_the_error_of_main) {
    asyncio_value v = asyncio_int(9);
    CHECK_ERROR(asyncio_run(raises(ASYNCIO_KEY_ERROR, "which"), &v), ASYNCIO_KEY_ERROR, "which");
    CHECK_INT(v.i, 9);
}

ASYNC(cancels_itself) {
    asyncio_task_cancel(asyncio_current_task(), "by myself");
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(run_of_a_main_that_is_cancelled_gives_cancelled_error) {
    CHECK_ERROR(asyncio_run(cancels_itself(), NULL), ASYNCIO_CANCELLED_ERROR, "by myself");
}

TEST(run_takes_any_awaitable) { /* RUN-2, V14-3 */
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_value v;
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(6)), 0);
    CHECK_INT(asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(f), &v), 0);
    CHECK_INT(v.i, 6);
    CHECK_INT(asyncio_run(ASYNCIO_CORO(f), &v), 0);
    CHECK_INT(v.i, 6);
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

/* ---- shutdown ---- */

ASYNC(ends_with_leftovers) {
    TRY(asyncio_spawn(parks("first")));
    TRY(asyncio_spawn(parks("second")));
    TRY(asyncio_spawn(parks("third")));
    TRY(AWAIT(asyncio_sleep(0)));
    note("main");
    RETURN(1);
}

TEST(what_is_left_is_cancelled_in_order_and_silently) { /* RUN-3, RUN-4 */
    asyncio_value v;
    CHECK_INT(asyncio_run(ends_with_leftovers(), &v, .loop_factory = noting_loop), 0);
    CHECK_INT(v.i, 1);
    CHECK_STR(notes, "main first second third");
}

ASYNC(fails_when_cancelled) {
    if (AWAIT(asyncio_sleep(1e6)) < 0) RAISE(ASYNCIO_VALUE_ERROR, "at the end");
    RETURN();
}

ASYNC(leaves_failing) {
    TRY(asyncio_spawn(fails_when_cancelled(), .name = "bad"));
    TRY(asyncio_spawn(parks("good"), .name = "good"));
    TRY(asyncio_spawn(fails_when_cancelled(), .name = "worse"));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(1);
}

TEST(errors_of_what_is_left_are_reported_and_do_not_replace_the_result) { /* RUN-3, RUN-4, RUN-7 */
    asyncio_value v;
    CHECK_INT(asyncio_run(leaves_failing(), &v, .loop_factory = noting_loop), 0);
    CHECK_INT(v.i, 1);
    CHECK_STR(notes, "good [unhandled exception during asyncio.run() shutdown bad] "
                     "[unhandled exception during asyncio.run() shutdown worse]");
}

ASYNC(cleans_up_long, (int) seconds) {
    if (AWAIT(asyncio_sleep(1e6)) >= 0) RETURN();
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    TRY(AWAIT(asyncio_sleep(seconds)));
    note("cleaned up");
    RETURN();
}

ASYNC(leaves_long) {
    TRY(asyncio_spawn(cleans_up_long(3600)));
    TRY(AWAIT(asyncio_sleep(0)));
    RAISE(ASYNCIO_VALUE_ERROR, "main");
}

TEST(shutdown_waits_for_those_that_take_long_to_clean_up) { /* RUN-5, RUN-7 */
    CHECK_ERROR(asyncio_run(leaves_long(), NULL, .loop_factory = noting_loop), ASYNCIO_VALUE_ERROR,
                "main");
    CHECK_STR(notes, "cleaned up");
}

ASYNC(spawns_when_cancelled) {
    if (AWAIT(asyncio_sleep(1e6)) >= 0) RETURN();
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    TRY(asyncio_spawn(parks("late"), .name = "late"));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(leaves_spawning) {
    TRY(asyncio_spawn(spawns_when_cancelled()));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(tasks_made_during_shutdown_are_destroyed_with_the_loop) { /* RUN-6 */
    CHECK_INT(asyncio_run(leaves_spawning(), NULL, .loop_factory = noting_loop), 0);
    CHECK_STR(notes, "[Task was destroyed but it is pending! late] late");
}

/* ---- debug ---- */

ASYNC(tells_debug) { RETURN(asyncio_loop_get_debug(asyncio_get_running_loop())); }

static int debug_of_run(int option) {
    asyncio_value v;
    CHECK_INT(asyncio_run(tells_debug(), &v, .debug = option), 0);
    return (int)v.i;
}

TEST(debug_is_what_the_option_says_otherwise_the_environment) { /* RUN-8, DBG-6 */
    unsetenv("ASYNCIO_DEBUG");
    CHECK_INT(debug_of_run(0), 0);
    CHECK_INT(debug_of_run(1), 1);
    setenv("ASYNCIO_DEBUG", "1", 1);
    CHECK_INT(debug_of_run(0), 1);
    CHECK_INT(debug_of_run(-1), 0);
    setenv("ASYNCIO_DEBUG", "", 1);
    CHECK_INT(debug_of_run(0), 0);
    unsetenv("ASYNCIO_DEBUG");
}

/* ---- the runner ---- */

TEST(a_runner_runs_many_times_on_one_loop) { /* RUN-9, RUN-12 */
    asyncio_runner *r = asyncio_runner_new(NULL);
    asyncio_value a, b;
    CHECK_INT(asyncio_runner_run(r, gives_loop(), &a, NULL), 0);
    CHECK_INT(asyncio_runner_run(r, gives_loop(), &b, NULL), 0);
    CHECK(a.p == b.p);
    CHECK(asyncio_runner_get_loop(r) == a.p);
    CHECK(asyncio_get_event_loop() == a.p);
    CHECK_INT(asyncio_runner_close(r), 0);
    CHECK_INT(asyncio_runner_close(r), 0);
    CHECK(asyncio_get_event_loop() == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_ERROR(asyncio_runner_run(r, returns(1), NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "Runner is closed");
    CHECK(asyncio_runner_get_loop(r) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Runner is closed");
    asyncio_runner_unref(r);
}

TEST(closing_a_runner_that_was_never_used_leaves_it_usable) { /* RUN-9 */
    asyncio_runner *r = asyncio_runner_new(NULL);
    asyncio_value v;
    CHECK_INT(asyncio_runner_close(r), 0);
    CHECK_INT(asyncio_runner_run(r, returns(3), &v, NULL), 0);
    CHECK_INT(v.i, 3);
    asyncio_runner_unref(r);
}

ASYNC(runs_runner, (asyncio_runner *) r) {
    CHECK_ERROR(asyncio_runner_run(r, returns(1), NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "Runner.run() cannot be called from a running event loop");
    CHECK_INT(asyncio_runner_close(r), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    RETURN();
}

TEST(a_runner_cannot_be_run_or_closed_from_inside_its_run) { /* RUN-10 */
    asyncio_runner *r = asyncio_runner_new(NULL);
    CHECK_INT(asyncio_runner_run(r, runs_runner(r), NULL, NULL), 0);
    asyncio_runner_unref(r);
}

ASYNC(counts, (int) n) {
    for (int i = 0; i < n; i++) {
        note("tick");
        TRY(AWAIT(asyncio_sleep(1)));
    }
    note("end");
    RETURN();
}

ASYNC(starts_counting) {
    TRY(asyncio_spawn(counts(3)));
    TRY(AWAIT(asyncio_sleep(0.5)));
    RETURN();
}

ASYNC(waits, (double) seconds) {
    TRY(AWAIT(asyncio_sleep(seconds)));
    RETURN();
}

TEST(tasks_left_by_one_run_go_on_in_the_next) { /* RUN-11 */
    asyncio_run_options o = { .size = sizeof o, .loop_factory = noting_loop };
    asyncio_runner *r = asyncio_runner_new(&o);
    CHECK_INT(asyncio_runner_run(r, starts_counting(), NULL, NULL), 0);
    CHECK_STR(notes, "tick");
    CHECK_INT(asyncio_runner_run(r, waits(5), NULL, NULL), 0);
    CHECK_STR(notes, "tick tick tick end");
    asyncio_runner_unref(r);
}

static asyncio_contextvar *var;

ASYNC(adds_to_var) {
    asyncio_value v;
    TRY(asyncio_contextvar_get(var, &v));
    TRY(asyncio_contextvar_set(var, asyncio_int(v.i + 1), NULL));
    RETURN(v.i);
}

TEST(the_context_of_a_runner_persists_over_its_runs) { /* CTX-7 */
    asyncio_value v, zero = asyncio_int(0);
    var = asyncio_contextvar_new("var", &zero);
    asyncio_runner *r = asyncio_runner_new(NULL);
    asyncio_context *other = asyncio_context_new();
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_runner_run(r, adds_to_var(), &v, NULL), 0);
        CHECK_INT(v.i, i);
    }
    CHECK_INT(asyncio_runner_run(r, adds_to_var(), &v, other), 0);
    CHECK_INT(v.i, 0);
    CHECK_INT(asyncio_contextvar_get(var, &v), 0);
    CHECK_INT(v.i, 0);
    asyncio_context_unref(other);
    asyncio_runner_unref(r);
    asyncio_contextvar_unref(var);
}

TEST(a_loop_factory_is_used_and_its_loop_is_not_set_for_the_thread) { /* RUN-12 */
    asyncio_run_options o = { .size = sizeof o, .loop_factory = noting_loop };
    asyncio_runner *r = asyncio_runner_new(&o);
    CHECK(asyncio_runner_get_loop(r) != NULL);
    CHECK(asyncio_get_event_loop() == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_runner_run(r, returns(1), NULL, NULL), 0);
    asyncio_runner_unref(r);
}

static asyncio_loop *no_loop(void *arg) {
    (void)arg;
    return NULL;
}

TEST(a_loop_factory_that_gives_none_is_an_error) {
    CHECK_ERROR(asyncio_run(returns(1), NULL, .loop_factory = no_loop), ASYNCIO_RUNTIME_ERROR,
                "the loop factory gave no loop");
}

ASYNC(runs_until_closed, (asyncio_loop *) loop) {
    (void)loop;
    RETURN();
}

TEST(a_runner_whose_loop_was_closed_can_still_be_closed) {
    asyncio_auto_runner r = asyncio_runner_new(NULL);
    CHECK_INT(asyncio_runner_run(r, runs_until_closed(NULL), NULL, NULL), 0);
    CHECK_INT(asyncio_loop_close(asyncio_runner_get_loop(r)), 0);
    CHECK_ERROR(asyncio_runner_run(r, returns(1), NULL, NULL), ASYNCIO_RUNTIME_ERROR,
                "Event loop is closed");
    CHECK_INT(asyncio_runner_close(r), 0);
}

static int stop_running(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

ASYNC(stops_its_loop) {
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), stop_running,
                               asyncio_get_running_loop()));
    TRY(AWAIT(asyncio_sleep(1)));
    note("never");
    RETURN();
}

TEST(a_loop_that_is_stopped_under_run_is_an_error) { /* LOOP-15 */
    CHECK_ERROR(asyncio_run(stops_its_loop(), NULL), ASYNCIO_RUNTIME_ERROR,
                "Event loop stopped before Future completed.");
    CHECK_STR(notes, "");
}

/* ---- SIGINT ---- */

static int raise_sigint(void *arg) {
    (void)arg;
    raise(SIGINT);
    return 0;
}

static void *interrupt_later(void *arg) {
    usleep((useconds_t)(*(int *)arg * 1000));
    kill(getpid(), SIGINT);
    return NULL;
}

ASYNC(is_interrupted, (int) answer) {
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), raise_sigint, NULL));
    int rc = AWAIT(asyncio_sleep(100));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    if (answer == 0) return rc;
    asyncio_ignore(rc);
    if (answer > 0) RETURN(answer);
    RAISE(answer, "instead");
}

TEST(ctrl_c_cancels_main_and_run_gives_keyboard_interrupt) { /* SIG-1, SIG-2 */
    CHECK_INT(asyncio_run(is_interrupted(0), NULL), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL);
}

TEST(main_can_swallow_ctrl_c) { /* SIG-4 */
    asyncio_value v;
    CHECK_INT(asyncio_run(is_interrupted(5), &v), 0);
    CHECK_INT(v.i, 5);
}

TEST(main_can_turn_ctrl_c_into_another_error) { /* SIG-5 */
    CHECK_ERROR(asyncio_run(is_interrupted(ASYNCIO_VALUE_ERROR), NULL), ASYNCIO_VALUE_ERROR,
                "instead");
}

TEST(ctrl_c_wakes_a_loop_that_sleeps) { /* SIG-2 */
    int ms = 50;
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, interrupt_later, &ms), 0);
    CHECK_INT(asyncio_run(waits(15), NULL), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    pthread_join(thread, NULL);
}

ASYNC(cancelled_by_both, (asyncio_task **) me) {
    *me = asyncio_current_task();
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), raise_sigint, NULL));
    int rc = AWAIT(asyncio_sleep(100));
    asyncio_task_cancel(*me, NULL);
    return rc;
}

TEST(ctrl_c_on_top_of_another_cancel_stays_a_cancelled_error) { /* SIG-6 */
    asyncio_task *me;
    CHECK_INT(asyncio_run(cancelled_by_both(&me), NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
}

/* Cancel main and send SIGINT in one step, in either order. */
static int cancel_and_interrupt(void *arg) {
    asyncio_task **task = arg;
    asyncio_task_cancel(*task, NULL);
    raise(SIGINT);
    return 0;
}
static int interrupt_and_cancel(void *arg) {
    asyncio_task **task = arg;
    raise(SIGINT);
    asyncio_task_cancel(*task, NULL);
    return 0;
}

ASYNC(cancelled_by_both_at_once, (asyncio_callback *) step, (asyncio_task **) me, (double) delay) {
    *me = asyncio_current_task();
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), step, me));
    int rc = AWAIT(asyncio_sleep(delay));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(asyncio_task_cancelling(*me), delay > 0 ? 2 : 1);
    if (delay > 0) CHECK_INT(AWAIT(asyncio_sleep(0)), 0); /* one CancelledError for both */
    return rc;
}

TEST(ctrl_c_in_the_step_of_another_cancel_stays_a_cancelled_error) { /* SIG-6 */
    asyncio_callback *steps[] = { cancel_and_interrupt, interrupt_and_cancel };
    asyncio_task *me;
    for (int i = 0; i < 4; i++) {
        double delay = i < 2 ? 100 : 0; /* 0: main is ready, and ends in the same turn */
        CHECK_INT(asyncio_run(cancelled_by_both_at_once(steps[i % 2], &me, delay), NULL),
                  ASYNCIO_CANCELLED_ERROR);
        asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    }
}

ASYNC(cancels_itself_and_is_interrupted) {
    asyncio_task_cancel(asyncio_current_task(), NULL);
    raise(SIGINT);
    int rc = AWAIT(asyncio_sleep(100));
    return rc;
}
TEST(ctrl_c_in_the_step_in_which_main_cancels_itself_stays_a_cancelled_error) { /* SIG-6 */
    CHECK_INT(asyncio_run(cancels_itself_and_is_interrupted(), NULL), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
}

ASYNC(interrupted_in_its_last_step) {
    raise(SIGINT);
    RETURN(5);
}
static int raise_sigint_when_done(asyncio_future *f, void *arg) {
    (void)f;
    return raise_sigint(arg);
}
ASYNC(interrupted_when_done, (int) status) {
    asyncio_task *me = asyncio_current_task();
    TRY(asyncio_task_add_done_callback(me, raise_sigint_when_done, NULL));
    if (status < 0) RAISE(status, "this is lost");
    RETURN(5);
}
TEST(ctrl_c_is_not_lost_while_main_ends) { /* SIG-2 */
    asyncio_value v = asyncio_int(7);
    asyncio_coro mains[] = { interrupted_in_its_last_step(), interrupted_when_done(0),
                             interrupted_when_done(ASYNCIO_VALUE_ERROR) };
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_run(mains[i], &v), ASYNCIO_KEYBOARD_INTERRUPT);
        asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
        CHECK_INT(v.i, 7);
    }
}

ASYNC(ignores_interrupts) {
    asyncio_loop *loop = asyncio_get_running_loop();
    TRY(asyncio_loop_call_soon(loop, raise_sigint, NULL));
    int rc = AWAIT(asyncio_sleep(100));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(rc);
    note("once");
    TRY(asyncio_loop_call_soon(loop, raise_sigint, NULL));
    rc = AWAIT(asyncio_sleep(100));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR); /* from the shutdown */
    note("twice");
    return rc;
}

TEST(a_second_ctrl_c_leaves_the_run_at_once) { /* SIG-3 */
    CHECK_INT(asyncio_run(ignores_interrupts(), NULL), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    CHECK_STR(notes, "once twice");
}

TEST(interrupts_are_counted_anew_in_each_run) { /* SIG-7 */
    asyncio_runner *r = asyncio_runner_new(NULL);
    for (int i = 1; i < 4; i++) {
        asyncio_value v;
        CHECK_INT(asyncio_runner_run(r, is_interrupted(i), &v, NULL), 0);
        CHECK_INT(v.i, i);
    }
    asyncio_runner_unref(r);
}

static int handled;
static void own_handler(int signo) { handled = signo; }

ASYNC(raises_sigint) {
    raise(SIGINT);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_program_that_handles_sigint_itself_is_left_alone) { /* SIG-1 */
    signal(SIGINT, own_handler);
    CHECK_INT(asyncio_run(raises_sigint(), NULL), 0);
    CHECK_INT(handled, SIGINT);
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == own_handler);
}

ASYNC(installs_own_handler) {
    signal(SIGINT, own_handler);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_handler_installed_during_the_run_stays) { /* SIG-1 */
    struct sigaction now;
    CHECK_INT(asyncio_run(installs_own_handler(), NULL), 0);
    sigaction(SIGINT, NULL, &now);
    CHECK(now.sa_handler == own_handler);
}

ASYNC(looks_at_handler) {
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    RETURN(now.sa_handler == SIG_DFL);
}

static void *run_in_thread(void *arg) {
    asyncio_value v;
    CHECK_INT(asyncio_run(looks_at_handler(), &v), 0);
    *(long long *)arg = v.i;
    return NULL;
}

TEST(only_the_main_thread_takes_sigint) { /* SIG-1 */
    pthread_t thread;
    long long untouched = 0;
    CHECK_INT(pthread_create(&thread, NULL, run_in_thread, &untouched), 0);
    pthread_join(thread, NULL);
    CHECK_INT(untouched, 1);
    CHECK_INT(asyncio_run(looks_at_handler(), NULL), 0);
}

static int exit_callback(void *arg) { return *(int *)arg; }

ASYNC(waits_for_the_end, (int *) code) {
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), exit_callback, code));
    int rc = AWAIT(asyncio_sleep(100));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(keyboard_interrupt_of_a_callback_ends_the_run_and_cancels_main) { /* SIG-8 */
    int code = ASYNCIO_KEYBOARD_INTERRUPT;
    CHECK_INT(asyncio_run(waits_for_the_end(&code), NULL), code);
    asyncio_ignore(code);
    CHECK_STR(notes, "CancelledError");
}

ASYNC(background_exit) {
    TRY(asyncio_spawn(raises(ASYNCIO_SYSTEM_EXIT, "from the background"), .name = "exiting"));
    int rc = AWAIT(asyncio_sleep(100));
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(system_exit_of_a_background_task_leaves_run_and_is_reported_too) { /* SIG-8 */
    CHECK_ERROR(asyncio_run(background_exit(), NULL, .loop_factory = noting_loop),
                ASYNCIO_SYSTEM_EXIT, "from the background");
    CHECK_STR(notes, "[Task exception was never retrieved exiting] CancelledError");
}

TEST(system_exit_of_main_is_not_reported_as_never_retrieved) { /* LOOP-17 */
    CHECK_ERROR(asyncio_run(raises(ASYNCIO_SYSTEM_EXIT, "x"), NULL, .loop_factory = noting_loop),
                ASYNCIO_SYSTEM_EXIT, "x");
    CHECK_STR(notes, "");
}

/* ---- main ---- */

ASYNC(exits, (int) status) {
    asyncio_error *e = asyncio_error_new(ASYNCIO_SYSTEM_EXIT, NULL);
    asyncio_error_set_value(e, asyncio_int(status));
    int rc = asyncio_reraise(e);
    return rc;
}

TEST(main_gives_0_for_success) { CHECK_INT(asyncio_main(returns(5)), 0); }

TEST(main_gives_1_for_an_error_and_prints_it) {
    CHECK_INT(asyncio_main(raises(ASYNCIO_VALUE_ERROR, "bad input")), 1);
    CHECK_PRINTED("Traceback (most recent call last):");
    CHECK_PRINTED("ValueError: bad input");
}

ASYNC(bare) { return -ENOENT; }

TEST(main_prints_a_bare_status) {
    CHECK_INT(asyncio_main(bare()), 1);
    CHECK_PRINTED("ENOENT");
}

TEST(main_gives_130_after_ctrl_c) {
    CHECK_INT(asyncio_main(is_interrupted(0)), 130);
    CHECK_PRINTED("KeyboardInterrupt");
}

TEST(main_gives_the_argument_of_system_exit_and_prints_nothing) {
    CHECK_INT(asyncio_main(exits(3)), 3);
    CHECK_INT(asyncio_main(exits(0)), 0);
    CHECK_INT(asyncio_main(exits(256 + 7)), 7);
    CHECK_STR(test_printed(), "");
}

TEST(main_prints_the_message_of_system_exit) {
    CHECK_INT(asyncio_main(raises(ASYNCIO_SYSTEM_EXIT, "no such file")), 1);
    CHECK_STR(test_printed(), "no such file\n");
}

TEST(main_gives_1_when_cancelled) {
    CHECK_INT(asyncio_main(cancels_itself()), 1);
    CHECK_PRINTED("CancelledError: by myself");
}
