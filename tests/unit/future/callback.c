/* SPDX-License-Identifier: MIT
 *
 * tests/unit/future/callback.c: done callbacks: when and in what order they run, removing
 * them, and what happens when they change the list they are in.
 */
#include "core.h"

static asyncio_future *future;

static void start(void) {
    start_loop();
    future = asyncio_loop_create_future(loop);
}

static void end(void) {
    asyncio_future_unref(future);
    end_loop();
}

static int note_done(asyncio_future *f, void *arg) {
    CHECK(asyncio_future_done(f));
    note("%s", (const char *)arg);
    return 0;
}

static int add(const char *name) {
    return asyncio_future_add_done_callback(future, note_done, TEXT(name));
}

/* ---- when ---- */

TEST(callbacks_run_in_a_turn_of_their_own_in_order) { /* FUT-4 */
    start();
    add("a");
    add("b");
    add("c");
    CHECK_INT(asyncio_future_set_result(future, asyncio_int(1)), 0);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("a b c");
    turn();
    CHECK_NOTES("");
    end();
}

TEST(failing_and_cancelling_call_them_too) { /* FUT-3, FUT-4 */
    start();
    add("failed");
    asyncio_future_set_exception(future, ASYNCIO_KEY_ERROR, NULL);
    turn();
    CHECK_NOTES("failed");
    asyncio_ignore(asyncio_future_result(future, NULL));
    asyncio_future_unref(future);
    future = asyncio_loop_create_future(loop);
    add("cancelled");
    asyncio_future_cancel(future, NULL);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("cancelled");
    end();
}

TEST(callback_of_a_done_future_runs_next_turn) { /* FUT-5 */
    start();
    asyncio_future_set_result(future, asyncio_int(1));
    add("late");
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("late");
    end();
}

static int resolve(void *arg) {
    (void)arg;
    note("resolve");
    return asyncio_future_set_result(future, asyncio_none());
}

TEST(callbacks_queue_behind_what_is_ready_already) {
    start();
    add("callback");
    asyncio_loop_call_soon(loop, resolve, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("same-turn"));
    turn();
    CHECK_NOTES("resolve same-turn");
    turn();
    CHECK_NOTES("callback");
    end();
}

TEST(future_is_held_until_its_callbacks_have_run) {
    start();
    add("x");
    asyncio_future_set_result(future, asyncio_own_str(strdup("value")));
    asyncio_future_unref(future);
    future = NULL;
    turn();
    CHECK_NOTES("x");
    end();
}

static int fail_callback(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "in callback");
}

TEST(error_in_a_callback_is_reported_and_the_others_run) {
    start();
    asyncio_future_add_done_callback_with(future, fail_callback,
                                          OPTIONS(.name = "fail_callback", .where = "x.c:1"));
    add("next");
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK_NOTES("next");
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Exception in callback fail_callback() at x.c:1");
    CHECK_STR(reported.error, "in callback");
    end();
}

static int exit_callback(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return ASYNCIO_SYSTEM_EXIT;
}

TEST(exit_in_a_callback_leaves_the_run_and_keeps_the_others) { /* LOOP-12 */
    start();
    asyncio_future_add_done_callback(future, exit_callback, NULL);
    add("next");
    asyncio_future_set_result(future, asyncio_none());
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("next");
    end();
}

/* ---- removing ---- */

TEST(same_callback_added_twice_runs_twice_and_is_removed_at_once) { /* FUT-6 */
    start();
    char a[] = "a", b[] = "b";
    for (int i = 0; i < 3; i++) asyncio_future_add_done_callback(future, note_done, a);
    asyncio_future_add_done_callback(future, note_done, b);
    CHECK_INT(asyncio_future_remove_done_callback(future, note_done, a), 3);
    CHECK_INT(asyncio_future_remove_done_callback(future, note_done, a), 0);
    CHECK_INT(asyncio_future_remove_done_callback(future, fail_callback, b), 0);
    asyncio_future_add_done_callback(future, note_done, b);
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK_NOTES("b b");
    end();
}

TEST(removing_after_completion_comes_too_late) { /* FUT-7 */
    start();
    char a[] = "a";
    asyncio_future_add_done_callback(future, note_done, a);
    asyncio_future_set_result(future, asyncio_none());
    CHECK_INT(asyncio_future_remove_done_callback(future, note_done, a), 0);
    turn();
    CHECK_NOTES("a");
    end();
}

static int drops;
static void count_drop(void *arg) {
    (void)arg;
    drops++;
}

TEST(argument_is_dropped_once_wherever_the_callback_ends) {
    start();
    asyncio_future_add_done_callback(future, note_done, TEXT("ran"), .drop = count_drop);
    asyncio_future_add_done_callback(future, fail_callback, NULL, .drop = count_drop);
    CHECK_INT(asyncio_future_remove_done_callback(future, fail_callback, NULL), 1);
    CHECK_INT(drops, 1);
    asyncio_future_set_result(future, asyncio_none());
    CHECK_INT(drops, 1);
    turn();
    CHECK_INT(drops, 2);
    asyncio_future_unref(future); /* pending, with a callback */
    future = asyncio_loop_create_future(loop);
    asyncio_future_add_done_callback(future, note_done, NULL, .drop = count_drop);
    asyncio_future_unref(future);
    CHECK_INT(drops, 3);
    future = asyncio_loop_create_future(loop); /* queued when the loop closes */
    asyncio_future_add_done_callback(future, note_done, NULL, .drop = count_drop);
    asyncio_future_set_result(future, asyncio_none());
    asyncio_loop_close(loop);
    CHECK_INT(drops, 4);
    CHECK_NOTES("ran");
    end();
}

/* ---- changing the list from inside ---- */

static int remove_next(asyncio_future *f, void *arg) {
    note("remover");
    CHECK_INT(asyncio_future_remove_done_callback(f, note_done, arg), 0); /* queued already */
    CHECK_INT(asyncio_future_add_done_callback(f, note_done, TEXT("added")), 0);
    return 0;
}

TEST(callback_may_change_the_list) { /* FUT-8 */
    start();
    char victim[] = "victim";
    asyncio_future_add_done_callback(future, remove_next, victim);
    asyncio_future_add_done_callback(future, note_done, victim);
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK_NOTES("remover victim");
    turn();
    CHECK_NOTES("added");
    end();
}

static void remove_others(void *arg) {
    drops++;
    CHECK_INT(asyncio_future_remove_done_callback(future, note_done, arg), 0);
    asyncio_future_remove_done_callback(future, fail_callback, NULL);
    if (drops == 1) asyncio_future_add_done_callback(future, note_done, TEXT("from-drop"));
}

TEST(drop_during_removal_may_change_the_list) { /* FUT-8 */
    start();
    char arg[] = "arg";
    asyncio_future_add_done_callback(future, note_done, arg, .drop = remove_others);
    asyncio_future_add_done_callback(future, fail_callback, NULL);
    asyncio_future_add_done_callback(future, note_done, arg, .drop = remove_others);
    asyncio_future_add_done_callback(future, fail_callback, NULL);
    CHECK_INT(asyncio_future_remove_done_callback(future, note_done, arg), 2);
    CHECK_INT(drops, 2);
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK_NOTES("from-drop");
    CHECK_INT(reported.count, 0);
    end();
}

static void resolve_in_drop(void *arg) {
    (void)arg;
    asyncio_future_set_result(future, asyncio_none());
}

TEST(drop_may_resolve_the_future) { /* FUT-8 */
    start();
    asyncio_future_add_done_callback(future, fail_callback, NULL, .drop = resolve_in_drop);
    asyncio_future_add_done_callback(future, fail_callback, NULL, .drop = resolve_in_drop);
    add("other");
    CHECK_INT(asyncio_future_remove_done_callback(future, fail_callback, NULL), 2);
    asyncio_ignore(ASYNCIO_INVALID_STATE_ERROR);
    turn();
    CHECK_NOTES("other");
    end();
}

static int free_neighbour(asyncio_future *f, void *arg) {
    (void)f;
    asyncio_future **other = arg;
    asyncio_future_unref(*other);
    *other = NULL;
    return 0;
}

TEST(callback_may_free_another_future_whose_callback_is_queued) {
    start();
    asyncio_future *other = asyncio_loop_create_future(loop);
    asyncio_future_add_done_callback(future, free_neighbour, &other);
    asyncio_future_add_done_callback(other, note_done, TEXT("other"));
    asyncio_future_set_result(future, asyncio_none());
    asyncio_future_set_result(other, asyncio_none());
    turn();
    CHECK_NOTES("other");
    end();
}

/* ---- contexts ---- */

static asyncio_contextvar *var;

static int note_var(asyncio_future *f, void *arg) {
    (void)f;
    asyncio_value v = asyncio_int(-1);
    (void)!asyncio_contextvar_get(var, &v);
    note("%s=%lld", (const char *)arg, v.i);
    return asyncio_contextvar_set(var, asyncio_int(1000), NULL);
}

static void set_var(int value) {
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(value), NULL), 0);
}

TEST(callback_runs_in_a_copy_of_the_context_it_was_added_in) { /* FUT-9, CTX-4 */
    start();
    var = asyncio_contextvar_new("var", NULL);
    set_var(1);
    asyncio_future_add_done_callback(future, note_var, TEXT("a"));
    set_var(2);
    asyncio_future_add_done_callback(future, note_var, TEXT("b"));
    asyncio_context *c = asyncio_copy_context();
    set_var(3);
    asyncio_future_add_done_callback(future, note_var, TEXT("c"), .context = c);
    asyncio_future_set_result(future, asyncio_none());
    set_var(4);
    asyncio_future_add_done_callback(future, note_var, TEXT("done"));
    set_var(5);
    turn();
    CHECK_NOTES("a=1 b=2 c=2 done=4");
    asyncio_value v;
    CHECK_INT(asyncio_context_get(c, var, &v), 0);
    CHECK_INT(v.i, 1000);
    CHECK_INT(asyncio_contextvar_get(var, &v), 0);
    CHECK_INT(v.i, 5);
    asyncio_context_unref(c);
    asyncio_contextvar_unref(var);
    end();
}
