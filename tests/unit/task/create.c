/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/create.c: making tasks, their names, factories, what they show of
 * themselves, and how they end.
 */
#include "core.h"

#include <pthread.h>

ASYNC(nothing) { RETURN(); }

ASYNC(answer, (int) n) {
    note("runs");
    RETURN(n);
}

ASYNC(wait_for_future, (asyncio_future *) f) {
    asyncio_value v;
    TRY(AWAIT(f, &v));
    RETURN(v.i);
}

ASYNC(sleep_for, (double) s) {
    TRY(AWAIT(asyncio_sleep(s)));
    RETURN();
}

ASYNC(fail, (int) code) { RAISE(code, "failed"); }

/* ---- creation ---- */

TEST(first_step_comes_next_turn_not_in_the_call) { /* TASK-1 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, answer(5));
    CHECK_NOTES("");
    CHECK(!asyncio_task_done(t));
    turn();
    CHECK_NOTES("runs");
    CHECK(asyncio_task_done(t));
    asyncio_value v;
    CHECK_INT(asyncio_task_result(t, &v), 0);
    CHECK_INT(v.i, 5);
    asyncio_task_unref(t);
    end_loop();
}

TEST(create_task_needs_a_running_loop) { /* TASK-2 */
    CHECK_NULL_ERROR(asyncio_create_task(nothing()), ASYNCIO_RUNTIME_ERROR,
                     "no running event loop");
    CHECK_ERROR(asyncio_spawn(nothing()), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    start_loop();
    CHECK_NULL_ERROR(asyncio_create_task(nothing()), ASYNCIO_RUNTIME_ERROR,
                     "no running event loop");
    end_loop();
}

TEST(what_is_no_coroutine_makes_no_task) { /* TASK-3 */
    start_loop();
    asyncio_coro none;
    memset(&none, 0, sizeof none);
    CHECK_PTR(asyncio_loop_create_task(loop, none), NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_PTR(asyncio_loop_create_task(loop, asyncio_coro_of_future(f)), NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_PTR(asyncio_loop_create_task(NULL, nothing()), NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    CHECK_INT(reported.count, 0);
    asyncio_future_unref(f);
    end_loop();
}

TEST(stack_size_out_of_range_makes_no_task) {
    start_loop();
    CHECK_PTR(asyncio_loop_create_task(loop, nothing(), .stack_size = 1000), NULL);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_PTR(asyncio_loop_create_task(loop, nothing(), .stack_size = (size_t)1 << 40), NULL);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_loop_set_stack_size(loop, 3), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_loop_get_stack_size(loop), 65536);
    CHECK_INT(asyncio_loop_set_stack_size(loop, 1 << 20), 0);
    CHECK_INT(asyncio_loop_get_stack_size(loop), 1 << 20);
    end_loop();
}

ASYNC(use_stack, (size_t) n) {
    char *p = __builtin_alloca(n);
    memset(p, 7, n);
    __asm__ volatile("" : : "r"(p) : "memory");
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN((int)p[n / 2]);
}

TEST(task_may_have_a_larger_stack) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, use_stack(3 << 20), .stack_size = 4 << 20);
    turn();
    turn();
    asyncio_value v;
    CHECK_INT(asyncio_task_result(t, &v), 0);
    CHECK_INT(v.i, 7);
    asyncio_task_unref(t);
    end_loop();
}

TEST(loop_holds_tasks_nobody_else_holds) { /* TASK-19: not so in asyncio */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task_unref(asyncio_loop_create_task(loop, wait_for_future(f)));
    turn();
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 1);
    asyncio_future_set_result(f, asyncio_int(1));
    turn();
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    asyncio_future_unref(f);
    end_loop();
}

ASYNC(spawn_one) {
    TRY(asyncio_spawn(answer(1)));
    note("spawned");
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(spawned_task_needs_no_reference) {
    run_alone(spawn_one());
    CHECK_NOTES("spawned runs");
}

TEST(task_is_a_future_that_cannot_be_set_from_outside) { /* TASK-5 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, sleep_for(0));
    asyncio_future *f = asyncio_task_as_future(t);
    CHECK_PTR(asyncio_future_as_task(f), t);
    CHECK_INT(asyncio_future_set_result(f, asyncio_own_str(strdup("dropped"))),
              ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    turn();
    turn();
    CHECK(asyncio_task_done(t));
    asyncio_task_unref(t);
    end_loop();
}

TEST(pending_task_has_no_result) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, nothing());
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_INVALID_STATE_ERROR, "Result is not set.");
    CHECK_ERROR(asyncio_task_exception(t, NULL), ASYNCIO_INVALID_STATE_ERROR,
                "Exception is not set.");
    turn();
    asyncio_task_unref(t);
    end_loop();
}

/* ---- values ---- */

static int positive_status(const void *args, asyncio_value *result) {
    (void)args, (void)result;
    return 17;
}
static const asyncio_coro_type positive_type = {
    sizeof(asyncio_coro_type), "positive", "x.c", 1, 0, positive_status, NULL, NULL, NULL
};

static int value_and_error(const void *args, asyncio_value *result) {
    (void)args;
    *result = asyncio_own_str(strdup("of no use"));
    return ASYNCIO_VALUE_ERROR;
}
static const asyncio_coro_type both_type = { sizeof(asyncio_coro_type), "both", "x.c", 1,   0,
                                             value_and_error,           NULL,   NULL,  NULL };

static asyncio_coro coro_of_type(const asyncio_coro_type *type) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = type;
    return c;
}

TEST(positive_status_without_a_value_is_that_integer) {
    start_loop();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, coro_of_type(&positive_type), &v), 0);
    CHECK_INT(v.i, 17);
    end_loop();
}

ASYNC(await_both) {
    asyncio_value v = asyncio_int(3);
    CHECK_INT(AWAIT(coro_of_type(&both_type), &v), ASYNCIO_VALUE_ERROR);
    CHECK_INT(v.i, 3);
    CHECK_INT(AWAIT(coro_of_type(&positive_type), &v), 17);
    CHECK_INT(v.i, 17);
    RETURN();
}

TEST(value_of_a_coroutine_that_fails_is_dropped) { /* the leak checker looks */
    start_loop();
    CHECK_INT(run(coro_of_type(&both_type)), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(run(await_both()), 0);
    end_loop();
}

ASYNC(return_twice) {
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(asyncio_own_str(strdup("owned")));
}

TEST_ASYNC(awaiting_a_coroutine_moves_its_value_or_drops_it) {
    asyncio_value v;
    TRY(AWAIT(return_twice())); /* dropped */
    TRY(AWAIT(return_twice(), &v));
    CHECK_STR(v.s, "owned");
    asyncio_value_drop(&v);
    RETURN();
}

ASYNC(return_future, (asyncio_future *) f) { RETURN(asyncio_ptr(f)); }

TEST(returned_future_is_a_value_like_any_other) { /* TASK-8 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, return_future(f), &v), 0);
    CHECK_PTR(v.p, f);
    asyncio_future_unref(f);
    end_loop();
}

/* ---- ends ---- */

TEST(error_is_stored_and_reported_if_nobody_looks) { /* TASK-9, DBG-5 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, fail(ASYNCIO_VALUE_ERROR));
    turn();
    CHECK(asyncio_task_done(t));
    CHECK(!asyncio_task_cancelled(t));
    CHECK_INT(reported.count, 0);
    asyncio_task_unref(t);
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Task exception was never retrieved");
    CHECK_STR(reported.error, "failed");
    CHECK_PTR(reported.future, t);
    end_loop();
}

TEST(other_base_exceptions_are_stored_like_ordinary_ones) { /* TASK-10 */
    static const int codes[] = { ASYNCIO_BASE_EXCEPTION, ASYNCIO_GENERATOR_EXIT,
                                 ASYNCIO_BASE_EXCEPTION_GROUP, -5, -20001 };
    start_loop();
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        asyncio_task *t = asyncio_loop_create_task(loop, fail(codes[i]));
        turn();
        CHECK_ERROR(asyncio_task_result(t, NULL), codes[i], "failed");
        asyncio_task_unref(t);
    }
    end_loop();
}

static int note_task_done(asyncio_future *f, void *arg) {
    (void)f;
    note("%s", (const char *)arg);
    return 0;
}

TEST(exit_is_stored_and_leaves_the_run_before_its_callbacks) { /* TASK-9 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, fail(ASYNCIO_SYSTEM_EXIT));
    asyncio_task_add_done_callback(t, note_task_done, TEXT("callback"));
    CHECK_ERROR(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT, "failed");
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("callback");
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_SYSTEM_EXIT, "failed");
    asyncio_task_unref(t);
    end_loop();
}

TEST(done_callbacks_of_a_task_come_a_turn_after_its_end) { /* TASK-12 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, answer(1));
    asyncio_task_add_done_callback(t, note_task_done, TEXT("callback"));
    turn();
    CHECK_NOTES("runs");
    turn();
    CHECK_NOTES("callback");
    asyncio_task_unref(t);
    end_loop();
}

/* ---- names ---- */

ASYNC(note_own_name) {
    note("%s", asyncio_task_get_name(asyncio_current_task()));
    RETURN();
}

TEST(unnamed_tasks_are_numbered_named_ones_take_no_number) { /* TASK-13 */
    start_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, note_own_name());
    asyncio_task *b = asyncio_loop_create_task(loop, note_own_name(), .name = "B");
    asyncio_task *c = asyncio_loop_create_task(loop, note_own_name());
    turn();
    CHECK_NOTES("Task-1 B Task-2");
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(c);
    end_loop();
}

static void *make_task_in_thread(void *arg) {
    (void)arg;
    asyncio_auto_loop own = asyncio_testing_new_event_loop(0);
    CHECK_INT(asyncio_loop_run_until_complete(own, note_own_name(), NULL), 0);
    asyncio_loop_close(own);
    return NULL;
}

TEST(numbers_are_shared_by_all_loops_and_threads) { /* TASK-13 */
    start_loop();
    CHECK_INT(run(note_own_name()), 0);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, make_task_in_thread, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_INT(run(note_own_name()), 0);
    CHECK_NOTES("Task-1 Task-2 Task-3");
    end_loop();
}

TEST(name_is_copied_and_may_be_set_at_any_time) { /* TASK-14 */
    start_loop();
    char name[] = "first";
    asyncio_task *t = asyncio_loop_create_task(loop, nothing(), .name = name);
    name[0] = 'X';
    CHECK_STR(asyncio_task_get_name(t), "first");
    CHECK_INT(asyncio_task_set_name(t, "second"), 0);
    CHECK_STR(asyncio_task_get_name(t), "second");
    CHECK_INT(asyncio_task_set_name(t, asyncio_task_get_name(t)), 0); /* its own */
    CHECK_INT(asyncio_task_set_name(t, "it's"), 0);
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "name=\"it's\" ");
    turn();
    CHECK_INT(asyncio_task_set_name(t, "done"), 0);
    CHECK_STR(asyncio_task_get_name(t), "done");
    CHECK_INT(asyncio_task_set_name(t, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_STR(asyncio_task_get_name(t), "done");
    asyncio_task_unref(t);
    end_loop();
}

/* ---- which tasks ---- */

ASYNC(check_current, (asyncio_task **) expected) {
    CHECK_PTR(asyncio_current_task(), *expected);
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_PTR(asyncio_current_task(), *expected);
    RETURN();
}

static int no_current_task(void *arg) {
    (void)arg;
    CHECK_PTR(asyncio_current_task(), NULL);
    note("callback");
    return 0;
}

TEST(current_task_is_the_one_that_runs) { /* INTR-1 */
    start_loop();
    CHECK_PTR(asyncio_current_task(), NULL);
    asyncio_task *a, *b;
    a = asyncio_loop_create_task(loop, check_current(&a));
    asyncio_loop_call_soon(loop, no_current_task, NULL);
    b = asyncio_loop_create_task(loop, check_current(&b));
    turn();
    turn();
    CHECK_NOTES("callback");
    CHECK(asyncio_task_done(a));
    CHECK(asyncio_task_done(b));
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    end_loop();
}

TEST(all_tasks_are_those_not_done_in_order_of_creation) { /* INTR-2 */
    start_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, sleep_for(3));
    asyncio_task *b = asyncio_loop_create_task(loop, nothing());
    asyncio_task *c = asyncio_loop_create_task(loop, sleep_for(1));
    asyncio_task *all[3] = { NULL, NULL, NULL };
    CHECK_INT(asyncio_all_tasks(loop, all, 2), 3);
    CHECK_PTR(all[0], a);
    CHECK_PTR(all[1], b);
    CHECK_PTR(all[2], NULL);
    turn();
    CHECK_INT(asyncio_all_tasks(loop, all, 3), 2);
    CHECK_PTR(all[0], a);
    CHECK_PTR(all[1], c);
    CHECK_INT(run(sleep_for(5)), 0);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(c);
    end_loop();
}

/* ---- repr ---- */

#define FORMAT(...) (snprintf(expected, sizeof expected, __VA_ARGS__), expected)

TEST(repr_shows_state_name_and_coroutine) { /* TASK-15, TASK-16, SEEDX-8 */
    without_debug_mode();
    char expected[512];
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_coro c = wait_for_future(f);
    asyncio_task *t = asyncio_loop_create_task(loop, c, .name = "T");
    CHECK_STR(REPR(asyncio_task_repr, t),
              FORMAT("<Task pending name='T' coro=<wait_for_future() running at %s:%d>>",
                     c.type->file, c.type->line));
    turn();
    asyncio_frame_info frame;
    CHECK_INT(asyncio_task_get_stack(t, &frame, 1), 1);
    CHECK_STR(REPR(asyncio_task_repr, t),
              FORMAT("<Task pending name='T' coro=<wait_for_future() running at %s> "
                     "wait_for=<Future pending cb=[Task.task_wakeup()]>>",
                     frame.where));
    asyncio_task_add_done_callback(t, note_task_done, NULL, .handle = NULL);
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "cb=[Task.task_wakeup()]> cb=[note_task_done() at ");
    asyncio_future_remove_done_callback(asyncio_task_as_future(t), note_task_done, NULL);
    asyncio_task_cancel(t, NULL); /* the future is cancelled, the task not yet */
    CHECK_STR(REPR(asyncio_task_repr, t),
              FORMAT("<Task cancelling name='T' coro=<wait_for_future() running at %s> "
                     "wait_for=<Future cancelled>>",
                     frame.where));
    turn();
    CHECK_STR(REPR(asyncio_task_repr, t),
              FORMAT("<Task cancelled name='T' coro=<wait_for_future() done, defined at %s:%d>>",
                     c.type->file, c.type->line));
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

TEST(repr_of_a_done_task_ends_with_its_outcome) { /* TASK-15 */
    without_debug_mode();
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, answer(42), .name = "A");
    asyncio_task *u = asyncio_loop_create_task(loop, fail(ASYNCIO_KEY_ERROR), .name = "F");
    turn();
    CHECK_CONTAINS(REPR(asyncio_task_repr, t),
                   "<Task finished name='A' coro=<answer() done, defined at ");
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "> result=42>");
    CHECK_CONTAINS(REPR(asyncio_task_repr, u), "> exception=KeyError('failed')>");
    CHECK_STR(REPR(asyncio_future_repr, asyncio_task_as_future(t)), REPR(asyncio_task_repr, t));
    asyncio_ignore(asyncio_task_result(u, NULL));
    asyncio_task_unref(t);
    asyncio_task_unref(u);
    end_loop();
}

TEST(repr_says_where_it_was_made_in_debug) { /* TASK-15, DBG-10 */
    without_debug_mode();
    start_loop();
    asyncio_task_options o = { .size = sizeof o, .coro = nothing(), .name = "T", .where = "m.c:3" };
    asyncio_task *t = asyncio_loop_create_task_with(loop, &o);
    CHECK(!strstr(REPR(asyncio_task_repr, t), "created"));
    asyncio_loop_set_debug(loop, true);
    CHECK_CONTAINS(REPR(asyncio_task_repr, t), "> created at m.c:3>");
    turn();
    asyncio_task_unref(t);
    end_loop();
}

static asyncio_task *circle[2];

ASYNC(await_other, (int) i) {
    TRY(AWAIT(circle[i]));
    RETURN();
}

TEST(repr_of_tasks_that_wait_in_a_circle_ends) { /* FUT-19 */
    start_loop();
    circle[0] = asyncio_loop_create_task(loop, await_other(1));
    circle[1] = asyncio_loop_create_task(loop, await_other(0));
    turn();
    CHECK_CONTAINS(REPR(asyncio_task_repr, circle[0]), "...");
    CHECK(asyncio_task_cancel(circle[0], "cut")); /* and so does a request to cancel */
    turn();
    turn();
    turn();
    CHECK(asyncio_task_cancelled(circle[0]));
    CHECK(asyncio_task_cancelled(circle[1]));
    asyncio_task_unref(circle[0]);
    asyncio_task_unref(circle[1]);
    end_loop();
}

TEST(coroutine_type_is_known_before_and_after) { /* TASK-17 */
    start_loop();
    asyncio_coro c = nothing();
    asyncio_task *t = asyncio_loop_create_task(loop, c);
    CHECK_PTR(asyncio_task_get_coro(t), c.type);
    CHECK_STR(asyncio_task_get_coro(t)->name, "nothing");
    turn();
    CHECK_PTR(asyncio_task_get_coro(t), c.type);
    asyncio_task_unref(t);
    end_loop();
}

/* ---- ensure_future, factories ---- */

static int ensure(void *arg) {
    asyncio_future *f = arg;
    asyncio_future *same = asyncio_ensure_future(ASYNCIO_CORO(f));
    CHECK_PTR(same, f);
    asyncio_future_unref(same);
    asyncio_future *made = asyncio_ensure_future(answer(3));
    CHECK(asyncio_future_as_task(made) != NULL);
    asyncio_future_unref(made);
    asyncio_coro none;
    memset(&none, 0, sizeof none);
    CHECK_PTR(asyncio_ensure_future(none), NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    return 0;
}

TEST(ensure_future_gives_futures_back_and_makes_tasks_of_coroutines) { /* TASK-22 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_loop_call_soon(loop, ensure, f);
    turn();
    turn();
    CHECK_NOTES("runs");
    CHECK_INT(reported.count, 0);
    asyncio_future_unref(f);
    end_loop();
}

static asyncio_task *note_and_make(asyncio_loop *l, const asyncio_task_options *o, void *arg) {
    note("%s:%s:%s", (const char *)arg, o->coro.type->name, o->name ? o->name : "-");
    return asyncio_task_new(l, o);
}

TEST(factory_makes_all_tasks_with_all_options) { /* LOOP-26 */
    start_loop();
    CHECK(asyncio_loop_get_task_factory(loop) == NULL);
    asyncio_loop_set_task_factory(loop, note_and_make, TEXT("factory"));
    CHECK(asyncio_loop_get_task_factory(loop) == note_and_make);
    asyncio_task *t = asyncio_loop_create_task(loop, nothing(), .name = "N");
    CHECK_INT(run(spawn_one()), 0);
    CHECK_NOTES("factory:nothing:N factory:spawn_one:- factory:answer:- spawned runs");
    asyncio_loop_set_task_factory(loop, NULL, NULL);
    CHECK_INT(run(nothing()), 0);
    CHECK_NOTES("");
    asyncio_task_unref(t);
    end_loop();
}

static asyncio_task *refuse(asyncio_loop *l, const asyncio_task_options *o, void *arg) {
    (void)l, (void)o, (void)arg;
    (void)!asyncio_raise(ASYNCIO_KEY_ERROR, ASYNCIO_WHERE, __func__, "refused");
    return NULL;
}

TEST(error_of_a_factory_is_that_of_the_creation) { /* LOOP-26 */
    start_loop();
    asyncio_loop_set_task_factory(loop, refuse, NULL);
    CHECK_NULL_ERROR(asyncio_loop_create_task(loop, nothing()), ASYNCIO_KEY_ERROR, "refused");
    CHECK_ERROR(run(nothing()), ASYNCIO_KEY_ERROR, "refused");
    end_loop();
}

/* ---- closing the loop ---- */

ASYNC(clean_up, (asyncio_future *) f) {
    int rc = AWAIT(f);
    note("%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    rc = AWAIT(asyncio_sleep(0)); /* every further await fails at once */
    note("%s", asyncio_err_name(rc));
    return rc;
}

TEST(pending_tasks_are_reported_and_unwound_when_the_loop_closes) { /* TASK-19, DBG-5 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, clean_up(f));
    asyncio_task *unstarted = NULL;
    turn();
    unstarted = asyncio_loop_create_task(loop, answer(1));
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(reported.count, 2);
    CHECK_STR(reported.message, "Task was destroyed but it is pending!");
    CHECK_PTR(reported.task, unstarted);
    CHECK_NOTES("GeneratorExit GeneratorExit");
    CHECK(!asyncio_task_done(t));
    CHECK(!asyncio_task_cancel(t, NULL));
    asyncio_task_unref(t);
    asyncio_task_unref(unstarted);
    asyncio_future_unref(f);
    end_loop();
}

TEST(task_of_run_until_complete_is_not_reported) { /* TASK-20 */
    start_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_IGNORED);
    CHECK_INT(run(sleep_for((double)INFINITY)), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    end_loop();
    CHECK_INT(reported.count, 0);
}
