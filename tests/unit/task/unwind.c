/* SPDX-License-Identifier: MIT
 *
 * What nobody took care of: errors that were never retrieved, tasks that are pending when
 * their loop is closed, and objects whose references outlive the loop.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <stdlib.h>

#include "notes.h"
#include "test.h"

static int note_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)arg;
    bool pending = strcmp(context->message, "Task was destroyed but it is pending!") == 0;
    bool never = strcmp(context->message, "Task exception was never retrieved") == 0;
    note("%s", pending ? "pending" : never ? "never" : context->message);
    if (context->task) note("%s", asyncio_task_get_name(context->task));
    return 0;
}

static asyncio_loop *new_loop(void) {
    asyncio_loop *loop = asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(loop, note_report, NULL);
    notes[0] = '\0';
    return loop;
}

/* One turn: what was made takes its first step and parks. */
static void turn(asyncio_loop *loop) {
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
}

static void end(asyncio_loop *loop) {
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_unref(loop);
}

static void spawn(asyncio_loop *loop, asyncio_coro c, const char *name) {
    asyncio_auto_task t = asyncio_loop_create_task(loop, c, .name = name);
    CHECK(t != NULL);
}

/* Frees what it holds, and says with what its await failed. */
static int clean_up(char *memory, const char *name, int rc) {
    free(memory);
    note("%s", name);
    note("%s", asyncio_err_name(rc));
    return rc;
}

ASYNC(on_sleep, (const char *) name, (double) delay) {
    char *memory = strdup(name);
    int rc = AWAIT(asyncio_sleep(delay));
    return clean_up(memory, name, rc);
}

ASYNC(on_future, (const char *) name, (asyncio_future *) f) {
    char *memory = strdup(name);
    int rc = AWAIT(f);
    return clean_up(memory, name, rc);
}

ASYNC(on_task, (const char *) name, (asyncio_task *) t) {
    char *memory = strdup(name);
    int rc = AWAIT(t);
    return clean_up(memory, name, rc);
}

ASYNC(on_join, (const char *) name, (asyncio_task *) t) {
    char *memory = strdup(name);
    asyncio_outcome o;
    int rc = AWAIT(asyncio_task_join(t, &o));
    return clean_up(memory, name, rc);
}

ASYNC(returns, (int) value) { RETURN(value); }
ASYNC(raises, (int) code) { RAISE(code, "raised"); }

/* ---- pending tasks ---- */

TEST(a_task_parked_on_a_sleep_is_reported_and_unwound) {
    asyncio_loop *loop = new_loop();
    spawn(loop, on_sleep("A", 1000), "A");
    turn(loop);
    end(loop);
    CHECK_STR(notes, "pending A A GeneratorExit");
}

TEST(a_task_that_yielded_is_reported_and_unwound) {
    asyncio_loop *loop = new_loop();
    spawn(loop, on_sleep("A", 0), "A");
    turn(loop);
    end(loop);
    CHECK_STR(notes, "pending A A GeneratorExit");
}

TEST(a_task_parked_on_a_future_is_reported_and_unwound) {
    asyncio_loop *loop = new_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    spawn(loop, on_future("A", f), "A");
    turn(loop);
    asyncio_future_unref(f);
    end(loop);
    CHECK_STR(notes, "pending A A GeneratorExit");
}

TEST(a_task_whose_future_is_done_but_that_has_not_run_is_unwound) {
    asyncio_loop *loop = new_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    spawn(loop, on_future("A", f), "A");
    turn(loop);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    asyncio_future_unref(f);
    end(loop);
    CHECK_STR(notes, "pending A A GeneratorExit");
}

TEST(a_task_that_never_started_is_reported_and_never_runs) {
    asyncio_loop *loop = new_loop();
    spawn(loop, on_sleep("A", 0), "A");
    end(loop);
    CHECK_STR(notes, "pending A");
}

TEST(tasks_parked_on_tasks_are_unwound_in_order_of_creation) {
    asyncio_loop *loop = new_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, on_sleep("A", 1000), .name = "A");
    asyncio_task *b = asyncio_loop_create_task(loop, on_task("B", a), .name = "B");
    spawn(loop, on_join("C", b), "C");
    spawn(loop, on_task("D", b), "D");
    turn(loop);
    turn(loop);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(notes, "pending A pending B pending C pending D A GeneratorExit B GeneratorExit "
                     "C GeneratorExit D GeneratorExit");
    CHECK(!asyncio_task_done(a));
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    end(loop);
}

ASYNC(starts_eagerly) {
    TRY(asyncio_spawn(on_sleep("E", 1000), .eager_start = 1, .name = "E"));
    RETURN();
}

TEST(a_task_that_started_eagerly_is_unwound) {
    asyncio_loop *loop = new_loop();
    CHECK_INT(asyncio_loop_run_until_complete(loop, starts_eagerly(), NULL), 0);
    end(loop);
    CHECK_STR(notes, "pending E E GeneratorExit");
}

ASYNC(nested, (int) depth) {
    char *memory = strdup("nested");
    int rc = depth ? AWAIT(nested(depth - 1)) : AWAIT(asyncio_sleep(1000));
    free(memory);
    return rc;
}

TEST(all_frames_of_a_task_are_unwound) {
    asyncio_loop *loop = new_loop();
    spawn(loop, nested(20), "A");
    turn(loop);
    end(loop);
    CHECK_STR(notes, "pending A");
}

ASYNC(awaits_more) {
    char *memory = strdup("memory");
    int rc = AWAIT(asyncio_sleep(1000));
    note("%s", asyncio_err_name(rc));
    note("%s", asyncio_err_name(AWAIT(asyncio_sleep(1))));
    asyncio_auto_future f =
        asyncio_loop_create_future(asyncio_task_get_loop(asyncio_current_task()));
    CHECK(f == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    note("%s", asyncio_err_name(AWAIT(returns(1))));
    note("%s", asyncio_err_name(AWAIT(asyncio_sleep(0))));
    free(memory);
    RETURN(5);
}

TEST(every_further_wait_of_an_unwound_task_fails_too) {
    asyncio_auto_loop loop = new_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, awaits_more(), .name = "A");
    turn(loop);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(notes, "pending A GeneratorExit GeneratorExit OK GeneratorExit");
    CHECK(!asyncio_task_done(t));
}

ASYNC(refuses_to_end, (long *) turns) {
    for (;;) {
        ++*turns;
        asyncio_ignore(AWAIT(asyncio_sleep(0)));
        if (*turns < 0) RETURN();
    }
}

TEST(a_task_that_never_ends_is_left_where_it_is_and_named) {
    long turns = 0;
    asyncio_auto_loop loop = new_loop();
    asyncio_auto_task t =
        asyncio_loop_create_task(loop, refuses_to_end(&turns), .name = "stubborn");
    spawn(loop, on_sleep("B", 1000), "B");
    turn(loop);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK(turns > 100 && turns < 100000);
    CHECK_STR(notes, "pending stubborn pending B B GeneratorExit");
    CHECK_PRINTED("asyncio: task 'stubborn' did not end when its loop was closed");
    char text[300];
    CHECK(asyncio_task_repr(t, text, sizeof text) > 0);
    CHECK_INT(asyncio_task_get_stack(t, NULL, 0), 0);
    CHECK(!asyncio_task_cancel(t, NULL));
}

static int drops;
static void count_drop(asyncio_value *v) { (void)v, drops++; }
static const asyncio_value_type counted = { .size = sizeof counted,
                                            .name = "counted",
                                            .drop = count_drop };

ASYNC(returns_counted_when_unwound) {
    asyncio_ignore(AWAIT(asyncio_sleep(1000)));
    RETURN(asyncio_own(NULL, &counted));
}

TEST(the_value_of_an_unwound_task_is_dropped) {
    asyncio_loop *loop = new_loop();
    spawn(loop, returns_counted_when_unwound(), "A");
    turn(loop);
    end(loop);
    CHECK_INT(drops, 1);
}

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
    int rc = AWAIT(asyncio_sleep(1000));
    return rc;
}
static const asyncio_coro_type captured_type = { .size = sizeof captured_type,
                                                 .name = "captured",
                                                 .file = __FILE__,
                                                 .run = run_captured,
                                                 .capture = capture,
                                                 .release = release };

TEST(captured_arguments_of_pending_tasks_are_released) {
    asyncio_loop *loop = new_loop();
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &captured_type;
    spawn(loop, c, "started");
    turn(loop);
    spawn(loop, c, "new");
    CHECK_INT(captured, 2);
    end(loop);
    CHECK_INT(captured, 0);
}

/* One task's unwinding resolves what the next waits for, and cancels a third. */
struct knot {
    asyncio_future *future;
    asyncio_task *other;
};

ASYNC(meddles, (struct knot *) k) {
    int rc = AWAIT(asyncio_sleep(1000));
    CHECK_INT(asyncio_future_set_result(k->future, asyncio_none()), 0);
    CHECK(!asyncio_task_cancel(k->other, "too late"));
    asyncio_task_unref(k->other);
    return rc;
}

TEST(an_unwound_task_can_resolve_and_drop_what_others_wait_for) {
    asyncio_loop *loop = new_loop();
    struct knot k = { asyncio_loop_create_future(loop), NULL };
    spawn(loop, meddles(&k), "meddler");
    spawn(loop, on_future("B", k.future), "B");
    k.other = asyncio_loop_create_task(loop, on_sleep("C", 1000), .name = "C");
    turn(loop);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(notes, "pending meddler pending B pending C B GeneratorExit C GeneratorExit");
    asyncio_future_unref(k.future);
    end(loop);
}

ASYNC(closes_other, (asyncio_loop *) other) {
    asyncio_task *self = asyncio_current_task();
    CHECK_INT(asyncio_loop_close(other), 0);
    CHECK(asyncio_current_task() == self);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_loop_can_be_closed_inside_a_task_of_another) {
    asyncio_loop *other = new_loop();
    spawn(other, on_sleep("A", 1000), "A");
    turn(other);
    CHECK_INT(asyncio_run(closes_other(other), NULL), 0);
    CHECK_STR(notes, "pending A A GeneratorExit");
    end(other);
}

TEST(the_default_report_of_a_pending_task) { /* DBG-10 */
    asyncio_loop *loop = asyncio_new_event_loop();
    spawn(loop, on_sleep("A", 1000), "A");
    turn(loop);
    end(loop);
    CHECK_PRINTED("Task was destroyed but it is pending!\n"
                  "task: <Task pending name='A' coro=<on_sleep() running at ");
    CHECK_PRINTED("created at: ");
}

static int exit_handler(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)context;
    ++*(int *)arg;
    return ASYNCIO_KEYBOARD_INTERRUPT;
}

TEST(a_handler_that_fails_or_exits_does_not_stop_the_closing) {
    int calls = 0;
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, exit_handler, &calls);
    spawn(loop, on_sleep("A", 1000), "A");
    spawn(loop, on_sleep("B", 1000), "B");
    turn(loop);
    end(loop);
    CHECK_INT(calls, 2);
    CHECK_STR(notes, "A GeneratorExit B GeneratorExit");
}

/* ---- never retrieved ---- */

TEST(errors_nobody_looked_at_are_reported_when_the_last_reference_goes) {
    asyncio_loop *loop = new_loop();
    asyncio_task *kept = asyncio_loop_create_task(loop, raises(ASYNCIO_KEY_ERROR), .name = "kept");
    spawn(loop, raises(ASYNCIO_VALUE_ERROR), "first");
    spawn(loop, raises(ASYNCIO_VALUE_ERROR), "second");
    turn(loop);
    CHECK_STR(notes, "never first never second");
    asyncio_task_unref(kept);
    CHECK_STR(notes, "never first never second never kept");
    end(loop);
}

TEST(an_error_somebody_looked_at_is_not_reported) {
    asyncio_error *e;
    asyncio_loop *loop = new_loop();
    asyncio_task *a = asyncio_loop_create_task(loop, raises(ASYNCIO_KEY_ERROR));
    asyncio_task *b = asyncio_loop_create_task(loop, raises(ASYNCIO_KEY_ERROR));
    asyncio_task *c = asyncio_loop_create_task(loop, raises(ASYNCIO_CANCELLED_ERROR));
    turn(loop);
    CHECK_INT(asyncio_task_result(a, NULL), ASYNCIO_KEY_ERROR);
    asyncio_ignore(ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_exception(b, &e), 0);
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(c);
    CHECK_STR(notes, "");
    end(loop);
}

TEST(a_future_with_an_error_nobody_looked_at_is_reported) {
    asyncio_loop *loop = new_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x"), 0);
    asyncio_future_unref(f);
    CHECK_STR(notes, "Future exception was never retrieved");
    end(loop);
}

static asyncio_task *saved;
static int keep_task(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)arg;
    note("kept");
    saved = asyncio_task_ref(context->task);
    return 0;
}

TEST(a_handler_can_keep_the_task_it_is_told_of) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, keep_task, NULL);
    spawn(loop, raises(ASYNCIO_VALUE_ERROR), "A");
    turn(loop);
    CHECK_STR(notes, "kept");
    CHECK_STR(asyncio_task_get_name(saved), "A");
    CHECK_INT(asyncio_task_result(saved, NULL), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_task_unref(saved);
    CHECK_STR(notes, "kept");
    end(loop);
}

/* ---- references that outlive the loop ---- */

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int nothing_done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return 0;
}

static void mark_drop(void *arg) { note("%s", (const char *)arg); }

TEST(objects_are_safe_after_their_loop_is_gone) {
    char text[400];
    asyncio_loop *loop = new_loop();
    asyncio_handle *soon, *timer, *posted;
    asyncio_future *f = asyncio_loop_create_future(loop), *done = asyncio_loop_create_future(loop);
    asyncio_task *parked = asyncio_loop_create_task(loop, on_sleep("A", 1000), .name = "A");
    asyncio_task *ended = asyncio_loop_create_task(loop, returns(5), .name = "B");
    turn(loop);
    asyncio_task *fresh = asyncio_loop_create_task(loop, returns(5), .name = "C");
    CHECK_INT(asyncio_loop_call_soon(loop, nothing, (void *)(uintptr_t) "soon", .handle = &soon,
                                     .drop = mark_drop),
              0);
    CHECK_INT(asyncio_loop_call_later(loop, 5, nothing, (void *)(uintptr_t) "timer",
                                      .handle = &timer, .drop = mark_drop),
              0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, nothing, (void *)(uintptr_t) "posted",
                                                .handle = &posted, .drop = mark_drop),
              0);
    CHECK_INT(asyncio_future_add_done_callback(f, nothing_done, (void *)(uintptr_t) "callback",
                                               .drop = mark_drop),
              0);
    CHECK_INT(asyncio_future_set_result(done, asyncio_own_str(strdup("value"))), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(notes, "pending A pending C A GeneratorExit posted soon timer");
    asyncio_loop_unref(loop); /* only the objects keep it now */

    CHECK(asyncio_loop_is_closed(asyncio_future_get_loop(f)));
    asyncio_handle_cancel(soon);
    asyncio_handle_cancel(timer);
    asyncio_handle_cancel(posted);
    CHECK(asyncio_handle_cancelled(timer));
    CHECK(asyncio_handle_repr(soon, text, sizeof text) > 0);
    CHECK(asyncio_handle_repr(timer, text, sizeof text) > 0);
    asyncio_handle_unref(soon);
    asyncio_handle_unref(timer);
    asyncio_handle_unref(posted);

    CHECK(asyncio_task_repr(parked, text, sizeof text) > 0);
    CHECK(asyncio_task_repr(fresh, text, sizeof text) > 0);
    CHECK(!asyncio_task_done(parked));
    CHECK(!asyncio_task_cancel(parked, "x"));
    CHECK(!asyncio_task_cancel(fresh, "x"));
    CHECK_INT(asyncio_task_get_stack(parked, NULL, 0), 0);
    asyncio_task_print_stack(fresh, 0, NULL);
    asyncio_value v;
    CHECK_INT(asyncio_task_result(ended, &v), 0);
    CHECK_INT(v.i, 5);
    asyncio_task_unref(parked);
    asyncio_task_unref(fresh);
    asyncio_task_unref(ended);

    CHECK(asyncio_future_repr(f, text, sizeof text) > 0);
    CHECK(asyncio_future_cancel(f, "late"));
    CHECK(asyncio_future_cancelled(f));
    CHECK_STR(notes, "pending A pending C A GeneratorExit posted soon timer callback");
    CHECK_INT(asyncio_future_result(done, &v), 0);
    CHECK_STR(v.s, "value");
    asyncio_future_unref(f);
    asyncio_future_unref(done);
}

TEST(a_loop_that_is_freed_without_being_closed_closes_itself_and_says_so) {
    asyncio_loop *loop = new_loop();
    spawn(loop, on_sleep("A", 1000), "A");
    turn(loop);
    asyncio_loop_unref(loop);
    CHECK_STR(notes, "pending A A GeneratorExit");
    CHECK_PRINTED("asyncio: an event loop was freed without being closed");
}

TEST(a_loop_that_only_the_thread_holds_is_freed_by_closing_it) {
    asyncio_loop *loop = new_loop();
    asyncio_set_event_loop(loop);
    asyncio_loop_unref(loop);
    CHECK_INT(asyncio_loop_close(asyncio_get_event_loop()), 0);
    CHECK(asyncio_get_event_loop() == NULL);
}
