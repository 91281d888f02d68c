/* SPDX-License-Identifier: MIT
 *
 * NULL where a public function takes a pointer: unref does nothing, what returns a status or an
 * object gives ASYNCIO_TYPE_ERROR, and what merely looks at something tells of nothing.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <math.h>

#include "test.h"

static void check_type_error(int rc) {
    CHECK_STR(asyncio_err_name(rc), "TypeError");
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK(asyncio_error_message(e) != NULL);
}

static void check_null(const void *p) {
    CHECK(p == NULL);
    check_type_error(ASYNCIO_TYPE_ERROR);
}

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return 0;
}

ASYNC(returns, (int) value) { RETURN(value); }

static const asyncio_call_options options = { .size = sizeof options };

TEST(unref_of_null_does_nothing) {
    asyncio_loop_unref(NULL);
    asyncio_future_unref(NULL);
    asyncio_task_unref(NULL);
    asyncio_handle_unref(NULL);
    asyncio_error_unref(NULL);
    asyncio_context_unref(NULL);
    asyncio_contextvar_unref(NULL);
    asyncio_token_unref(NULL);
    asyncio_runner_unref(NULL);
    asyncio_value_drop(NULL);
    asyncio_outcome_fini(NULL);
    asyncio_coro_drop(NULL);
    asyncio_block_fini(NULL);
}

TEST(ref_of_null_is_null) {
    CHECK(asyncio_loop_ref(NULL) == NULL);
    CHECK(asyncio_future_ref(NULL) == NULL);
    CHECK(asyncio_task_ref(NULL) == NULL);
    CHECK(asyncio_handle_ref(NULL) == NULL);
    CHECK(asyncio_error_ref(NULL) == NULL);
    CHECK(asyncio_context_ref(NULL) == NULL);
    CHECK(asyncio_contextvar_ref(NULL) == NULL);
}

TEST(a_null_loop_cannot_schedule_or_run) {
    check_type_error(asyncio_loop_call_soon(NULL, nothing, NULL));
    check_type_error(asyncio_loop_call_later(NULL, 1, nothing, NULL));
    check_type_error(asyncio_loop_call_later(NULL, -1, nothing, NULL));
    check_type_error(asyncio_loop_call_at(NULL, 1, nothing, NULL));
    check_type_error(asyncio_loop_call_soon_threadsafe(NULL, nothing, NULL));
    check_type_error(asyncio_loop_run_forever(NULL));
    check_type_error(asyncio_loop_run_until_complete(NULL, returns(1), NULL));
    check_type_error(asyncio_loop_close(NULL));
    check_type_error(asyncio_loop_set_stack_size(NULL, 65536));
    check_type_error(asyncio_loop_set_stack_guard(NULL, 65536));
    check_null(asyncio_loop_create_future(NULL));
    check_null(asyncio_loop_create_task(NULL, returns(1)));
    check_null(asyncio_loop_create_task_with(NULL, NULL));
    check_null(asyncio_task_new(NULL, NULL));
    check_null(asyncio_eager_task_factory(NULL, NULL, NULL));
}

TEST(a_null_loop_has_no_properties) {
    char text[64];
    asyncio_loop_stop(NULL);
    asyncio_loop_set_debug(NULL, true);
    asyncio_loop_set_slow_callback_duration(NULL, 1);
    asyncio_loop_set_exception_handler(NULL, NULL, NULL);
    asyncio_loop_set_task_factory(NULL, NULL, NULL);
    asyncio_set_event_loop(NULL);
    CHECK(!asyncio_loop_is_running(NULL));
    CHECK(!asyncio_loop_is_closed(NULL));
    CHECK(!asyncio_loop_get_debug(NULL));
    CHECK(isnan(asyncio_loop_time(NULL)));
    CHECK(isnan(asyncio_loop_get_slow_callback_duration(NULL)));
    CHECK(asyncio_loop_get_exception_handler(NULL) == NULL);
    CHECK(asyncio_loop_get_task_factory(NULL) == NULL);
    CHECK_INT(asyncio_loop_get_stack_size(NULL), 65536);
    CHECK_INT(asyncio_loop_repr(NULL, text, sizeof text), 4);
    CHECK_STR(text, "None");
    CHECK_INT(asyncio_testing_turns(NULL), 0);
    CHECK_INT(asyncio_testing_live_objects(NULL), 0);
    check_type_error(asyncio_testing_advance(NULL, 1));
    CHECK_INT(asyncio_all_tasks(NULL, NULL, 0), 0);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
}

TEST(a_null_callback_is_refused) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    check_type_error(asyncio_loop_call_soon(loop, NULL, NULL));
    check_type_error(asyncio_loop_call_later(loop, 1, NULL, NULL));
    check_type_error(asyncio_loop_call_at(loop, 1, NULL, NULL));
    check_type_error(asyncio_loop_call_soon_threadsafe(loop, NULL, NULL));
    check_type_error(asyncio_future_add_done_callback(f, NULL, NULL));
    CHECK_INT(asyncio_future_remove_done_callback(f, NULL, NULL), 0);
    asyncio_future_unref(f);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_close(loop);
}

TEST(null_options_are_the_defaults) {
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_loop_call_soon_with(loop, nothing, NULL), 0);
    CHECK_INT(asyncio_loop_call_later_with(loop, 0, nothing, NULL), 0);
    CHECK_INT(asyncio_loop_call_at_with(loop, 0, nothing, NULL), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe_with(loop, nothing, NULL), 0);
    CHECK_INT(asyncio_loop_call_soon_with(loop, nothing, &options), 0);
    CHECK_INT(asyncio_future_add_done_callback_with(f, done, NULL), 0);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    CHECK_INT(asyncio_loop_run_until_complete(loop, returns(1), NULL), 0);
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    CHECK_INT(asyncio_run_with(returns(1), NULL), 0);
    asyncio_auto_runner r = asyncio_runner_new(NULL);
    CHECK_INT(asyncio_runner_run(r, returns(1), NULL, NULL), 0);
}

TEST(a_null_handle_is_no_handle) {
    char text[64];
    asyncio_handle_cancel(NULL);
    CHECK(!asyncio_handle_cancelled(NULL));
    CHECK(isnan(asyncio_handle_when(NULL)));
    CHECK_INT(asyncio_handle_repr(NULL, text, sizeof text), 4);
}

TEST(a_null_exception_context_is_refused) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    const asyncio_exception_context context = { .size = sizeof context, .message = "m" };
    check_type_error(asyncio_loop_call_exception_handler(loop, NULL));
    check_type_error(asyncio_loop_call_exception_handler(NULL, &context));
    check_type_error(asyncio_loop_default_exception_handler(loop, NULL));
    check_type_error(asyncio_loop_default_exception_handler(NULL, &context));
    asyncio_loop_close(loop);
}

TEST(a_null_future_is_refused_or_tells_of_nothing) {
    char text[64];
    asyncio_error *e = NULL;
    check_type_error(asyncio_future_set_result(NULL, asyncio_own_str(strdup("dropped"))));
    check_type_error(asyncio_future_set_exception(NULL, ASYNCIO_VALUE_ERROR, NULL));
    check_type_error(asyncio_future_set_error(NULL, NULL));
    check_type_error(asyncio_future_result(NULL, NULL));
    check_type_error(asyncio_future_exception(NULL, &e));
    check_type_error(asyncio_future_add_done_callback(NULL, done, NULL));
    CHECK_INT(asyncio_future_remove_done_callback(NULL, done, NULL), 0);
    CHECK(!asyncio_future_cancel(NULL, "x"));
    CHECK(!asyncio_future_done(NULL));
    CHECK(!asyncio_future_cancelled(NULL));
    CHECK(asyncio_future_take_result(NULL).type == NULL);
    CHECK(asyncio_future_get_loop(NULL) == NULL);
    CHECK_INT(asyncio_future_repr(NULL, text, sizeof text), 4);
    CHECK(asyncio_future_as_task(NULL) == NULL);
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    check_type_error(asyncio_future_set_error(f, NULL));
    check_type_error(asyncio_future_set_exception(f, 0, NULL));
    check_type_error(asyncio_future_set_exception(f, 5, "not negative"));
    CHECK(!asyncio_future_done(f));
    asyncio_future_unref(f);
    asyncio_loop_close(loop);
}

TEST(a_null_task_is_refused_or_tells_of_nothing) {
    char text[64];
    asyncio_frame_info frame;
    CHECK(asyncio_task_as_future(NULL) == NULL);
    CHECK(!asyncio_task_cancel(NULL, NULL));
    CHECK_INT(asyncio_task_cancelling(NULL), 0);
    CHECK_INT(asyncio_task_uncancel(NULL), 0);
    CHECK(asyncio_task_get_name(NULL) == NULL);
    CHECK(asyncio_task_get_coro(NULL) == NULL);
    CHECK(asyncio_task_get_context(NULL) == NULL);
    CHECK_INT(asyncio_task_get_stack(NULL, &frame, 1), 0);
    CHECK_INT(asyncio_task_repr(NULL, text, sizeof text), 4);
    check_type_error(asyncio_task_set_name(NULL, "x"));
    CHECK(!asyncio_task_done(NULL));
    CHECK(!asyncio_task_cancelled(NULL));
    check_type_error(asyncio_task_result(NULL, NULL));
    check_type_error(asyncio_task_add_done_callback(NULL, done, NULL));
    asyncio_task_print_stack(NULL, 0, NULL);
    CHECK_PRINTED("No stack for None");
}

ASYNC(passes_null) {
    asyncio_outcome o;
    asyncio_task *self = asyncio_current_task();
    check_type_error(AWAIT((asyncio_task *)NULL));
    check_type_error(AWAIT((asyncio_future *)NULL));
    check_type_error(asyncio_await(NULL, NULL, ASYNCIO_WHERE, __func__));
    check_type_error(AWAIT(asyncio_coro_of_task(NULL)));
    check_type_error(AWAIT(asyncio_coro_of_future(NULL)));
    check_type_error(AWAIT(asyncio_task_join(NULL, &o)));
    check_type_error(AWAIT(asyncio_task_join(self, NULL)));
    check_null(asyncio_create_task_with(NULL));
    check_type_error(asyncio_spawn_with(NULL));
    check_null(asyncio_ensure_future(asyncio_coro_of_future(NULL)));
    check_type_error(asyncio_task_set_name(self, NULL));
    CHECK_INT(asyncio_task_get_stack(self, NULL, 5), 1);
    CHECK_INT(asyncio_all_tasks(NULL, NULL, 10), 1);
    asyncio_block empty;
    memset(&empty, 0, sizeof empty);
    check_type_error(asyncio_block_enter(NULL));
    check_type_error(asyncio_block_enter(&empty));
    CHECK(!asyncio_block_step(NULL));
    CHECK_PTR(asyncio_block_begin(NULL), NULL);
    asyncio_block_drop(NULL);
    CHECK_INT(asyncio_block_exit(NULL, 0), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    asyncio_block_fini(NULL);
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(null_inside_a_task_is_refused) { CHECK_INT(asyncio_run(passes_null(), NULL), 0); }

TEST(null_errors_tell_of_nothing) {
    char text[64];
    asyncio_error *e = asyncio_error_new(ASYNCIO_VALUE_ERROR, NULL);
    asyncio_error *null = NULL;
    CHECK_INT(asyncio_error_code(NULL), 0);
    CHECK(asyncio_error_message(NULL) == NULL);
    CHECK(asyncio_error_where(NULL) == NULL);
    CHECK(asyncio_error_func(NULL) == NULL);
    CHECK(asyncio_error_cause(NULL) == NULL);
    CHECK(asyncio_error_context(NULL) == NULL);
    CHECK_INT(asyncio_error_count(NULL), 0);
    CHECK(asyncio_error_child(NULL, 0) == NULL);
    CHECK(asyncio_error_value(NULL).type == NULL);
    asyncio_error_set_value(NULL, asyncio_own_str(strdup("dropped")));
    check_type_error(asyncio_error_set_cause(NULL, e));
    CHECK_INT(asyncio_error_set_cause(e, NULL), 0);
    CHECK(asyncio_error_repr(NULL, text, sizeof text) > 0);
    asyncio_error_print(NULL, NULL);
    check_type_error(asyncio_reraise(NULL));
    CHECK(asyncio_errorgroup_new(NULL, 1, NULL) == NULL);
    CHECK(asyncio_errorgroup_new(NULL, 1, &null) == NULL);
    CHECK(asyncio_error_derive(NULL, 1, &e) == NULL);
    CHECK(asyncio_error_note(NULL, 0) == NULL);
    check_type_error(asyncio_error_add_note(NULL, "x"));
    check_type_error(asyncio_error_split(NULL, -1, NULL, NULL));
    CHECK(asyncio_catch_group(NULL, -1) == NULL);
    asyncio_error_unref(e);
}

TEST(null_contexts_and_variables_are_refused) {
    asyncio_value v;
    asyncio_token *token = NULL;
    asyncio_auto_context c = asyncio_context_new();
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    check_null(asyncio_contextvar_new(NULL, NULL));
    CHECK(asyncio_contextvar_name(NULL) == NULL);
    check_type_error(asyncio_contextvar_get(NULL, &v));
    check_type_error(asyncio_contextvar_set(NULL, asyncio_own_str(strdup("dropped")), &token));
    check_type_error(asyncio_contextvar_reset(var, NULL));
    check_type_error(asyncio_contextvar_reset(NULL, NULL));
    check_type_error(asyncio_context_run(NULL, nothing, NULL));
    check_type_error(asyncio_context_run(c, NULL, NULL));
    check_type_error(asyncio_context_get(NULL, var, &v));
    check_type_error(asyncio_context_get(c, NULL, &v));
}

TEST(null_values_are_none) {
    char text[16];
    CHECK(asyncio_value_repr(NULL, text, sizeof text) >= 0);
}

TEST(a_null_runner_is_refused) {
    check_type_error(asyncio_runner_run(NULL, returns(1), NULL, NULL));
    check_null(asyncio_runner_get_loop(NULL));
    CHECK_INT(asyncio_runner_close(NULL), 0);
}
