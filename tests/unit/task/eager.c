/* SPDX-License-Identifier: MIT
 *
 * Eager tasks: the first step is taken inside the call that makes the task. Eager tasks
 * of gather and of groups are tested in tests/unit/combine.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <stdlib.h>

#include "notes.h"
#include "test.h"

static void run_plain(asyncio_coro c) {
    notes[0] = '\0';
    int rc = asyncio_run(c, NULL);
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), NULL);
    CHECK_INT(rc, 0);
}

static asyncio_loop *eager_loop(void *arg) {
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_loop_set_task_factory(loop, asyncio_eager_task_factory, arg);
    return loop;
}

static void run_with_factory(asyncio_coro c) {
    notes[0] = '\0';
    CHECK_INT(asyncio_run(c, NULL, .loop_factory = eager_loop), 0);
}

static int reports;
static char last_report[200];
static int note_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)arg;
    reports++;
    snprintf(last_report, sizeof last_report, "%s", context->message);
    return 0;
}

ASYNC(returns, (int) value) {
    note("ran");
    RETURN(value);
}

ASYNC(blocks, (asyncio_future *) f) {
    asyncio_value v;
    note("before");
    TRY(AWAIT(f, &v));
    note("after");
    RETURN(v.i);
}

ASYNC(yields) {
    note("before");
    TRY(AWAIT(asyncio_sleep(0)));
    note("after");
    RETURN();
}

#define EAGERLY(...) asyncio_create_task(__VA_ARGS__, .eager_start = 1)

/* ---- the eager step ---- */

ASYNC(first_step) {
    asyncio_auto_task t = EAGERLY(yields());
    note("made");
    CHECK(!asyncio_task_done(t));
    TRY(AWAIT(t));
    CHECK_NOTES("before made after");
    RETURN();
}

TEST(the_first_step_is_taken_inside_the_call) { run_plain(first_step()); } /* EAG-1 */

TEST(a_loop_that_does_not_run_starts_nothing_eagerly) { /* EAG-2 */
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, returns(4), .eager_start = 1);
    note("made");
    CHECK(!asyncio_task_done(t));
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, ASYNCIO_CORO(t), &v), 0);
    CHECK_INT(v.i, 4);
    CHECK_NOTES("made ran");
    asyncio_task_unref(t);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

ASYNC(eager_end) {
    char text[200];
    asyncio_task *self = asyncio_current_task(), *all[4];
    asyncio_auto_task t = EAGERLY(returns(7), .name = "quick");
    CHECK(asyncio_task_done(t));
    CHECK(asyncio_task_get_coro(t) == NULL);
    CHECK_INT(asyncio_all_tasks(NULL, all, 4), 1);
    CHECK(all[0] == self);
    asyncio_task_repr(t, text, sizeof text);
    CHECK_STR(text, "<Task finished name='quick' result=7>");
    RETURN();
}

/* EAG-3, TASK-17 */
TEST(a_task_that_ends_eagerly_is_done_at_once_and_has_no_coroutine) {
    without_debug_mode();
    run_plain(eager_end());
}

ASYNC(eager_block) {
    asyncio_task *all[4];
    asyncio_value v;
    asyncio_auto_future f = asyncio_future_new();
    asyncio_auto_task t = EAGERLY(blocks(f));
    CHECK_INT(asyncio_all_tasks(NULL, all, 4), 2);
    CHECK(all[1] == t);
    CHECK(asyncio_task_get_coro(t) != NULL);
    CHECK_INT(asyncio_future_set_result(f, asyncio_int(3)), 0);
    CHECK(!asyncio_task_done(t));
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 3);
    CHECK_NOTES("before after");
    RETURN();
}

TEST(a_task_that_blocks_eagerly_becomes_an_ordinary_one) { run_plain(eager_block()); } /* EAG-4 */

/* ---- the current task ---- */

static asyncio_task *creator;

ASYNC(looks_around, (asyncio_task **) me) {
    asyncio_task *all[4];
    *me = asyncio_current_task();
    CHECK(*me != creator);
    CHECK_INT(asyncio_all_tasks(NULL, all, 4), 2);
    CHECK(all[1] == *me);
    RETURN();
}

ASYNC(current) {
    asyncio_task *me = NULL;
    creator = asyncio_current_task();
    asyncio_auto_task t = EAGERLY(looks_around(&me));
    CHECK(me == t);
    CHECK(asyncio_current_task() == creator);
    RETURN();
}

TEST(the_new_task_is_current_during_its_eager_step) { run_plain(current()); } /* EAG-5 */

ASYNC(nests, (int) depth) {
    asyncio_task *me = asyncio_current_task();
    if (depth == 0) {
        TRY(AWAIT(asyncio_sleep(0)));
        RETURN(1);
    }
    asyncio_auto_task t = EAGERLY(nests(depth - 1));
    CHECK(asyncio_current_task() == me);
    asyncio_value v;
    TRY(AWAIT(t, &v));
    CHECK(asyncio_current_task() == me);
    RETURN(v.i + 1);
}

ASYNC(nesting) {
    asyncio_value v;
    asyncio_auto_task t = EAGERLY(nests(100));
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 101);
    RETURN();
}

TEST(eager_steps_nest) { run_plain(nesting()); } /* EAG-5 */

static int start_from_callback(void *arg) {
    asyncio_task **t = arg;
    CHECK(asyncio_current_task() == NULL);
    *t = EAGERLY(yields());
    CHECK(asyncio_current_task() == NULL);
    note("made");
    return 0;
}

ASYNC(starts_in_callback) {
    asyncio_task *t = NULL;
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), start_from_callback, &t));
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(t));
    CHECK_NOTES("before made after");
    asyncio_task_unref(t);
    RETURN();
}

TEST(callbacks_can_start_tasks_eagerly) { run_plain(starts_in_callback()); } /* EAG-1 */

/* ---- errors ---- */

ASYNC(raises, (int) code) { RAISE(code, "from the eager step"); }

ASYNC(eager_failure) {
    asyncio_loop_set_exception_handler(asyncio_get_running_loop(), note_report, NULL);
    asyncio_task *t = EAGERLY(raises(ASYNCIO_VALUE_ERROR));
    CHECK(t != NULL);
    CHECK(asyncio_task_done(t));
    CHECK_INT(AWAIT(t), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_task_unref(t);
    CHECK_INT(reports, 0);
    TRY(asyncio_spawn(raises(ASYNCIO_VALUE_ERROR), .eager_start = 1));
    CHECK_INT(reports, 1);
    CHECK_STR(last_report, "Task exception was never retrieved");
    RETURN();
}

/* EAG-6, SEEDX-11 */
TEST(an_error_of_the_eager_step_is_stored_and_creation_succeeds) { run_plain(eager_failure()); }

ASYNC(eager_exit, (int) code) {
    asyncio_task *self = asyncio_current_task();
    asyncio_task *t = EAGERLY(raises(code));
    CHECK(t == NULL);
    CHECK(asyncio_current_task() == self);
    asyncio_error *e = asyncio_error_take(code);
    CHECK_STR(asyncio_error_message(e), "from the eager step");
    asyncio_error_unref(e);
    CHECK_INT(asyncio_spawn(raises(code), .eager_start = 1), code);
    asyncio_ignore(code);
    CHECK_INT(asyncio_all_tasks(NULL, NULL, 0), 1);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(keyboard_interrupt_of_the_eager_step_comes_out_of_the_creation) { /* EAG-5, EAG-6 */
    run_plain(eager_exit(ASYNCIO_KEYBOARD_INTERRUPT));
}
TEST(system_exit_of_the_eager_step_comes_out_of_the_creation) { /* EAG-6 */
    run_plain(eager_exit(ASYNCIO_SYSTEM_EXIT));
}

ASYNC(passes_exit_on) {
    TRY(asyncio_spawn(raises(ASYNCIO_SYSTEM_EXIT), .eager_start = 1));
    RETURN();
}

ASYNC(exits_nested) {
    TRY(asyncio_spawn(passes_exit_on(), .eager_start = 1));
    RETURN();
}

TEST(system_exit_of_a_nested_eager_step_leaves_the_run_if_nobody_handles_it) {
    CHECK_INT(asyncio_run(exits_nested(), NULL), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
}

/* ---- callbacks ---- */

static int called(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    note("callback");
    return 0;
}

ASYNC(callbacks_after) {
    asyncio_auto_task t = EAGERLY(returns(1));
    TRY(asyncio_task_add_done_callback(t, called, NULL));
    note("added");
    asyncio_loop *loop = asyncio_get_running_loop();
    unsigned long long turn = asyncio_testing_turns(loop);
    TRY(AWAIT(t));
    CHECK(asyncio_testing_turns(loop) == turn);
    note("awaited");
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_NOTES("ran added awaited callback");
    RETURN();
}

TEST(awaiting_a_task_that_ended_eagerly_costs_no_turn_its_callbacks_one) { /* EAG-7 */
    run_plain(callbacks_after());
}

/* ---- contexts ---- */

static asyncio_contextvar *var;

static long long get_var(void) {
    asyncio_value v;
    CHECK_INT(asyncio_contextvar_get(var, &v), 0);
    return v.i;
}

ASYNC(changes_var) {
    CHECK_INT(get_var(), 1);
    TRY(asyncio_contextvar_set(var, asyncio_int(2), NULL));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(get_var(), 2);
    RETURN();
}

ASYNC(own_context) {
    TRY(asyncio_contextvar_set(var, asyncio_int(1), NULL));
    asyncio_auto_task t = EAGERLY(changes_var());
    CHECK_INT(get_var(), 1);
    TRY(AWAIT(t));
    CHECK_INT(get_var(), 1);
    RETURN();
}

TEST(the_eager_step_runs_in_a_copy_of_the_creators_context) { /* EAG-8 */
    var = asyncio_contextvar_new("var", NULL);
    run_plain(own_context());
    asyncio_contextvar_unref(var);
}

ASYNC(given_context) {
    asyncio_auto_context c = asyncio_copy_context();
    asyncio_value v;
    TRY(asyncio_contextvar_set(var, asyncio_int(5), NULL));
    asyncio_auto_task t = EAGERLY(returns(1), .context = c);
    CHECK(asyncio_task_get_context(t) == c);
    CHECK_INT(asyncio_context_get(c, var, &v), ASYNCIO_LOOKUP_ERROR);
    asyncio_ignore(ASYNCIO_LOOKUP_ERROR);
    RETURN();
}

TEST(the_eager_step_runs_in_the_context_it_is_given) {
    var = asyncio_contextvar_new("var", NULL);
    run_plain(given_context());
    asyncio_contextvar_unref(var);
}

static int make_in_entered(void *arg) {
    asyncio_task *t = EAGERLY(returns(1), .context = arg);
    CHECK(t == NULL);
    CHECK(asyncio_catch(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR));
    return 0;
}

ASYNC(entered_context) {
    asyncio_task *self = asyncio_current_task();
    asyncio_context *mine = asyncio_task_get_context(self);
    asyncio_auto_context other = asyncio_copy_context();
    CHECK(EAGERLY(returns(1), .context = mine) == NULL);
    asyncio_error *e = asyncio_error_take(ASYNCIO_RUNTIME_ERROR);
    CHECK_CONTAINS(asyncio_error_message(e), "cannot enter context");
    asyncio_error_unref(e);
    TRY(asyncio_context_run(other, make_in_entered, other));
    TRY(asyncio_context_run(other, make_in_entered, mine));
    CHECK_INT(asyncio_all_tasks(NULL, NULL, 0), 1);
    CHECK_STR(notes, "");
    asyncio_auto_task lazy = asyncio_create_task(returns(1), .context = mine);
    TRY(AWAIT(lazy));
    RETURN();
}

TEST(an_entered_context_is_refused_and_leaves_no_task) { run_plain(entered_context()); } /* EAG-9 */

/* ---- cancelling ---- */

ASYNC(cancels_after) {
    asyncio_auto_task t = EAGERLY(returns(1));
    CHECK(!asyncio_task_cancel(t, NULL));
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_INT(AWAIT(t), 0);
    asyncio_auto_task u = EAGERLY(yields());
    CHECK(asyncio_task_cancel(u, "message"));
    CHECK(!asyncio_task_done(u));
    CHECK_INT(AWAIT(u), ASYNCIO_CANCELLED_ERROR);
    asyncio_error *e = asyncio_error_take(ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(asyncio_error_message(e), "message");
    asyncio_error_unref(e);
    CHECK_NOTES("ran before");
    RETURN();
}

TEST(cancel_after_the_eager_step) { run_plain(cancels_after()); } /* EAG-10 */

ASYNC(cancels_itself, (bool) yields_then) {
    asyncio_task_cancel(asyncio_current_task(), NULL);
    if (yields_then) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(self_cancel) {
    asyncio_auto_task t = EAGERLY(cancels_itself(true));
    CHECK(!asyncio_task_done(t));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK(asyncio_task_cancelled(t));
    asyncio_auto_task u = EAGERLY(cancels_itself(false));
    CHECK(asyncio_task_cancelled(u));
    RETURN();
}

TEST(a_task_that_cancels_itself_in_its_eager_step) { run_plain(self_cancel()); } /* EAG-11 */

/* ---- factories ---- */

ASYNC(under_factory) {
    CHECK_NOTES("");
    asyncio_auto_task t = asyncio_create_task(yields());
    note("made");
    asyncio_auto_task u = asyncio_create_task(returns(1), .eager_start = -1);
    CHECK(!asyncio_task_done(u));
    note("made lazily");
    TRY(AWAIT(t));
    TRY(AWAIT(u));
    CHECK_NOTES("before made made lazily after ran");
    RETURN();
}

TEST(the_eager_factory_makes_all_tasks_eager_but_those_that_say_no) { /* EAG-14, V14-2 */
    run_with_factory(under_factory());
}

ASYNC(tells_name) {
    note("%s", asyncio_task_get_name(asyncio_current_task()));
    RETURN();
}

ASYNC(names) {
    asyncio_auto_task t = asyncio_create_task(tells_name(), .name = "given");
    CHECK(asyncio_task_done(t));
    CHECK_NOTES("given");
    RETURN();
}

TEST(the_name_is_there_in_the_eager_step) { run_with_factory(names()); } /* EAG-15 */

static asyncio_task *construct(asyncio_loop *loop, const asyncio_task_options *o, void *arg) {
    CHECK_INT(o->eager_start, 1);
    CHECK_STR(arg, "mine");
    note("%s", o->name ? o->name : "unnamed");
    return asyncio_task_new(loop, o);
}

ASYNC(custom) {
    CHECK_NOTES("unnamed");
    asyncio_auto_task t = asyncio_create_task(returns(1), .name = "n");
    CHECK(asyncio_task_done(t));
    CHECK_NOTES("n ran");
    asyncio_auto_future f = asyncio_ensure_future(returns(2));
    CHECK(asyncio_future_done(f));
    CHECK_NOTES("unnamed ran");
    CHECK(asyncio_loop_get_task_factory(asyncio_get_running_loop()) == asyncio_eager_task_factory);
    RETURN();
}

TEST(the_eager_factory_calls_the_constructor_it_is_given) { /* EAG-16 */
    asyncio_eager_factory mine = { construct, (void *)(uintptr_t) "mine" };
    notes[0] = '\0';
    CHECK_INT(asyncio_run(custom(), NULL, .loop_factory = eager_loop, .loop_factory_arg = &mine),
              0);
}

/* ---- chains ---- */

ASYNC(calls_chain, (int) depth) {
    if (depth == 0) RETURN(0);
    asyncio_auto_task t = asyncio_create_task(calls_chain(depth - 1));
    asyncio_value v;
    CHECK(asyncio_task_done(t));
    TRY(AWAIT(t, &v));
    RETURN(v.i + 1);
}

ASYNC(queues_nothing) {
    asyncio_loop *loop = asyncio_get_running_loop();
    unsigned long long turn = asyncio_testing_turns(loop);
    asyncio_value v;
    asyncio_auto_task t = asyncio_create_task(calls_chain(50));
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 50);
    CHECK(asyncio_testing_turns(loop) == turn);
    RETURN();
}

/* EAG-17 */
TEST(a_chain_of_tasks_that_never_block_queues_nothing) { run_with_factory(queues_nothing()); }
