/* SPDX-License-Identifier: MIT
 *
 * Whatever the library calls out to while it walks a list or holds half-finished work (a
 * callback, a done callback, a drop hook, an exception handler) frees, cancels or adds what
 * stands next to it. One test for each such place.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <stdlib.h>

#include "test.h"

static int calls, drops;

static int count(void *arg) {
    (void)arg;
    calls++;
    return 0;
}

static int count_done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    calls++;
    return 0;
}

static void count_drop(void *arg) {
    (void)arg;
    drops++;
}

static asyncio_loop *new_loop(void) { return asyncio_testing_new_event_loop(0); }

static void turn(asyncio_loop *loop) {
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
}

static void end(asyncio_loop *loop) {
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    asyncio_loop_unref(loop);
}

/* ---- handles in the ready queue ---- */

static asyncio_handle *handles[8];

static int cancel_all(void *arg) {
    (void)arg;
    for (int i = 0; i < 8; i++) {
        asyncio_handle_cancel(handles[i]);
        asyncio_handle_unref(handles[i]);
        handles[i] = NULL;
    }
    return 0;
}

static void cancel_all_drop(void *arg) {
    drops++;
    cancel_all(arg);
}

TEST(a_callback_cancels_and_frees_all_others_of_its_turn_and_itself) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 8; i++) {
        CHECK_INT(asyncio_loop_call_soon(loop, i == 3 ? cancel_all : count, NULL,
                                         .handle = &handles[i], .drop = count_drop),
                  0);
    }
    turn(loop);
    turn(loop);
    CHECK_INT(calls, 3);
    CHECK_INT(drops, 8);
    end(loop);
}

TEST(a_timer_cancels_those_that_are_due_with_it_and_later_ones) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 8; i++) {
        CHECK_INT(asyncio_loop_call_later(loop, i < 6 ? 1 : 5, i == 2 ? cancel_all : count, NULL,
                                          .handle = &handles[i], .drop = count_drop),
                  0);
    }
    CHECK_INT(asyncio_loop_call_later(loop, 1, count, NULL), 0);
    CHECK_INT(asyncio_testing_turns(loop), 0);
    turn(loop);
    asyncio_testing_advance(loop, 2);
    turn(loop);
    turn(loop);
    CHECK_INT(calls, 3);
    CHECK_INT(drops, 8);
    end(loop);
}

TEST(a_drop_hook_of_a_cancelled_handle_cancels_the_others) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 8; i++) {
        CHECK_INT(asyncio_loop_call_soon(loop, count, NULL, .handle = &handles[i],
                                         .drop = i == 4 ? cancel_all_drop : count_drop),
                  0);
    }
    asyncio_handle_cancel(handles[4]);
    turn(loop);
    CHECK_INT(calls, 0);
    CHECK_INT(drops, 8);
    end(loop);
}

TEST(a_drop_hook_cancels_the_others_while_the_loop_is_closed) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 8; i++) {
        void (*drop)(void *) = i == 0 || i == 5 ? cancel_all_drop : count_drop;
        if (i % 3 == 0)
            CHECK_INT(
                asyncio_loop_call_soon(loop, count, NULL, .handle = &handles[i], .drop = drop), 0);
        else if (i % 3 == 1)
            CHECK_INT(
                asyncio_loop_call_later(loop, 5, count, NULL, .handle = &handles[i], .drop = drop),
                0);
        else
            CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, count, NULL, .handle = &handles[i],
                                                        .drop = drop),
                      0);
    }
    end(loop);
    CHECK_INT(calls, 0);
    CHECK_INT(drops, 8);
}

static asyncio_loop *the_loop;

static void schedule_again(void *arg) {
    drops++;
    if (drops < 5) {
        int rc = asyncio_loop_call_soon(the_loop, count, arg, .drop = schedule_again);
        if (rc < 0) CHECK(asyncio_catch(rc, ASYNCIO_RUNTIME_ERROR));
    }
}

TEST(a_drop_hook_schedules_again) {
    the_loop = new_loop();
    CHECK_INT(asyncio_loop_call_soon(the_loop, count, NULL, .drop = schedule_again), 0);
    turn(the_loop);
    CHECK_INT(drops, 1);
    turn(the_loop);
    CHECK_INT(drops, 2);
    CHECK_INT(asyncio_loop_close(the_loop), 0);
    CHECK_INT(drops, 3);
    CHECK_INT(asyncio_loop_close(the_loop), 0);
    asyncio_loop_unref(the_loop);
}

/* ---- done callbacks ---- */

static asyncio_future *the_future;

static int remove_others(asyncio_future *f, void *arg) {
    (void)arg;
    calls++;
    CHECK_INT(asyncio_future_remove_done_callback(f, count_done, NULL), 0); /* scheduled already */
    CHECK_INT(asyncio_future_add_done_callback(f, count_done, NULL), 0);
    asyncio_future_unref(the_future);
    the_future = NULL;
    return 0;
}

TEST(a_done_callback_removes_others_adds_one_and_frees_the_future) {
    asyncio_loop *loop = new_loop();
    the_future = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_add_done_callback(the_future, count_done, NULL), 0);
    CHECK_INT(asyncio_future_add_done_callback(the_future, remove_others, NULL), 0);
    CHECK_INT(asyncio_future_add_done_callback(the_future, count_done, NULL), 0);
    CHECK_INT(asyncio_future_set_result(the_future, asyncio_own_str(strdup("x"))), 0);
    turn(loop);
    CHECK_INT(calls, 3);
    turn(loop);
    CHECK_INT(calls, 4);
    end(loop);
}

static void remove_rest(void *arg) {
    (void)arg;
    drops++;
    size_t n = asyncio_future_remove_done_callback(the_future, count_done, NULL);
    if (drops == 1) CHECK_INT(n, 2);
}

TEST(a_drop_hook_removes_the_other_callbacks_of_its_future) {
    asyncio_loop *loop = new_loop();
    the_future = asyncio_loop_create_future(loop);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_future_add_done_callback(the_future, count_done, i == 1 ? &drops : NULL,
                                                   .drop = i == 1 ? remove_rest : NULL),
                  0);
    }
    CHECK_INT(asyncio_future_remove_done_callback(the_future, count_done, &drops), 1);
    CHECK_INT(drops, 1);
    asyncio_future_cancel(the_future, NULL);
    turn(loop);
    CHECK_INT(calls, 0);
    asyncio_future_unref(the_future);
    end(loop);
}

static void free_future(void *arg) {
    drops++;
    asyncio_future_unref(*(asyncio_future **)arg);
    *(asyncio_future **)arg = NULL;
}

TEST(a_drop_hook_frees_the_future_its_callback_is_removed_from) {
    asyncio_loop *loop = new_loop();
    the_future = asyncio_loop_create_future(loop);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_future_add_done_callback(the_future, count_done, &the_future,
                                                   .drop = i == 0 ? free_future : count_drop),
                  0);
    }
    CHECK_INT(asyncio_future_remove_done_callback(the_future, count_done, &the_future), 3);
    CHECK_INT(drops, 3);
    CHECK(the_future == NULL);
    end(loop);
}

TEST(a_drop_hook_frees_the_future_whose_callback_has_run) {
    asyncio_loop *loop = new_loop();
    the_future = asyncio_loop_create_future(loop);
    CHECK_INT(
        asyncio_future_add_done_callback(the_future, count_done, &the_future, .drop = free_future),
        0);
    CHECK_INT(asyncio_future_set_result(the_future, asyncio_none()), 0);
    turn(loop);
    CHECK_INT(calls, 1);
    CHECK(the_future == NULL);
    end(loop);
}

TEST(a_drop_hook_frees_its_future_while_that_is_resolved_after_the_end_of_the_loop) {
    asyncio_auto_loop loop = new_loop();
    the_future = asyncio_loop_create_future(loop);
    CHECK_INT(
        asyncio_future_add_done_callback(the_future, count_done, &the_future, .drop = free_future),
        0);
    CHECK_INT(
        asyncio_future_add_done_callback(the_future, count_done, &the_future, .drop = count_drop),
        0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_future_set_result(the_future, asyncio_none()), 0);
    CHECK_INT(drops, 2);
    CHECK(the_future == NULL);
}

TEST(drop_hooks_free_other_futures_while_the_loop_is_closed) {
    asyncio_loop *loop = new_loop();
    asyncio_future *a = asyncio_loop_create_future(loop), *b = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_add_done_callback(a, count_done, &b, .drop = free_future), 0);
    CHECK_INT(asyncio_future_add_done_callback(b, count_done, &a, .drop = free_future), 0);
    CHECK_INT(asyncio_future_set_result(a, asyncio_none()), 0);
    end(loop);
    CHECK_INT(drops, 2);
    CHECK(!a && !b);
}

/* ---- values ---- */

static void drop_future_value(asyncio_value *v) {
    drops++;
    asyncio_future_unref(v->p);
}
static const asyncio_value_type future_value = { .size = sizeof future_value,
                                                 .name = "future",
                                                 .drop = drop_future_value };

TEST(the_value_of_a_future_owns_another_future) {
    asyncio_loop *loop = new_loop();
    asyncio_future *last = asyncio_loop_create_future(loop);
    for (int i = 0; i < 100; i++) {
        asyncio_future *f = asyncio_loop_create_future(loop);
        CHECK_INT(asyncio_future_set_result(f, asyncio_own(last, &future_value)), 0);
        last = f;
    }
    asyncio_future_unref(last);
    CHECK_INT(drops, 100);
    end(loop);
}

/* ---- exception handlers ---- */

static int fail(void *arg) {
    (void)arg;
    return ASYNCIO_VALUE_ERROR;
}

static int cancelling_handler(asyncio_loop *loop, const asyncio_exception_context *context,
                              void *arg) {
    (void)loop, (void)context, (void)arg;
    drops++;
    return cancel_all(NULL);
}

TEST(an_exception_handler_cancels_and_frees_the_handle_that_failed_and_all_others) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, cancelling_handler, NULL);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(asyncio_loop_call_soon(loop, i == 3 ? fail : count, NULL, .handle = &handles[i]),
                  0);
    }
    turn(loop);
    turn(loop);
    CHECK_INT(calls, 3);
    CHECK_INT(drops, 1);
    end(loop);
}

static int one_shot_handler(asyncio_loop *loop, const asyncio_exception_context *context,
                            void *arg) {
    calls++;
    asyncio_loop_set_exception_handler(loop, arg ? cancelling_handler : NULL, NULL);
    CHECK_INT(asyncio_loop_call_exception_handler(loop, context), 0);
    return 0;
}

TEST(an_exception_handler_replaces_itself) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, one_shot_handler, loop);
    CHECK_INT(asyncio_loop_call_soon(loop, fail, NULL), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, fail, NULL), 0);
    turn(loop);
    CHECK_INT(calls, 1);
    CHECK_INT(drops, 2);
    end(loop);
}

ASYNC(raises) { RAISE(ASYNCIO_VALUE_ERROR, "x"); }

static asyncio_task *tasks[4];

static int unref_handler(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)context, (void)arg;
    calls++;
    for (int i = 0; i < 4; i++) {
        asyncio_task *t = tasks[i];
        tasks[i] = NULL;
        asyncio_task_unref(t);
    }
    return 0;
}

TEST(a_never_retrieved_report_frees_further_failed_tasks) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, unref_handler, NULL);
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_loop_create_task(loop, raises());
    turn(loop);
    asyncio_task *first = tasks[0];
    tasks[0] = NULL;
    asyncio_task_unref(first);
    CHECK_INT(calls, 4);
    end(loop);
}

ASYNC(parks) {
    TRY(AWAIT(asyncio_sleep(1000)));
    RETURN();
}

TEST(a_destroyed_pending_report_frees_the_other_pending_tasks) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_exception_handler(loop, unref_handler, NULL);
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_loop_create_task(loop, parks());
    turn(loop);
    end(loop);
    CHECK_INT(calls, 4);
}

/* ---- waiters of one future ---- */

ASYNC(cancels_neighbours, (asyncio_future *) f, (int) self) {
    int rc = AWAIT(f);
    for (int i = 0; i < 4; i++) {
        if (i != self && tasks[i]) asyncio_task_cancel(tasks[i], NULL);
    }
    if (rc < 0) return rc;
    calls++;
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(the_first_waiter_of_a_future_cancels_the_others_that_are_woken_with_it) {
    asyncio_loop *loop = new_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_loop_create_task(loop, cancels_neighbours(f, i));
    turn(loop);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    for (int i = 0; i < 4; i++) turn(loop);
    CHECK_INT(calls, 1);
    for (int i = 0; i < 4; i++) {
        CHECK(asyncio_task_cancelled(tasks[i]));
        asyncio_task_unref(tasks[i]);
        tasks[i] = NULL;
    }
    asyncio_future_unref(f);
    end(loop);
}

ASYNC(frees_all) {
    for (int i = 0; i < 4; i++) {
        asyncio_task_cancel(tasks[i], NULL);
        asyncio_task_unref(tasks[i]);
        tasks[i] = NULL;
    }
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_task_cancels_and_frees_those_that_start_in_the_same_turn_and_itself) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 4; i++)
        tasks[i] = asyncio_loop_create_task(loop, i == 1 ? frees_all() : parks());
    for (int i = 0; i < 3; i++) turn(loop);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    end(loop);
}

static int cancel_tasks(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    calls++;
    for (int i = 0; i < 4; i++) {
        asyncio_task *t = tasks[i];
        tasks[i] = NULL;
        asyncio_task_cancel(t, NULL);
        asyncio_task_unref(t);
    }
    return 0;
}

TEST(a_done_callback_of_a_task_cancels_and_frees_all_tasks) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 4; i++) {
        tasks[i] = asyncio_loop_create_task(loop, parks());
        CHECK_INT(asyncio_task_add_done_callback(tasks[i], cancel_tasks, NULL), 0);
    }
    turn(loop);
    asyncio_task_cancel(tasks[2], NULL);
    for (int i = 0; i < 5; i++) turn(loop);
    CHECK_INT(calls, 4);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    end(loop);
}

static int loop_freeing(asyncio_future *f, void *arg) {
    (void)f;
    asyncio_loop_unref(arg);
    calls++;
    return 0;
}

ASYNC(returns) { RETURN(); }

TEST(a_done_callback_drops_a_reference_to_the_loop) {
    asyncio_loop *loop = new_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, returns());
    CHECK_INT(asyncio_task_add_done_callback(t, loop_freeing, asyncio_loop_ref(loop)), 0);
    asyncio_task_unref(t);
    turn(loop);
    turn(loop);
    CHECK_INT(calls, 1);
    end(loop);
}

/* ---- captured arguments ---- */

static void release_all(void *args) {
    (void)args;
    drops++;
    for (int i = 0; i < 4; i++) {
        asyncio_task *t = tasks[i];
        tasks[i] = NULL;
        asyncio_task_unref(t);
    }
}
static int run_nothing(const void *args, asyncio_value *result) {
    (void)args, (void)result;
    return 0;
}
static const asyncio_coro_type releasing = { .size = sizeof releasing,
                                             .name = "releasing",
                                             .file = __FILE__,
                                             .run = run_nothing,
                                             .release = release_all };

static asyncio_coro make_releasing(void) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &releasing;
    return c;
}

TEST(releasing_the_arguments_of_a_task_frees_all_tasks) {
    asyncio_loop *loop = new_loop();
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_loop_create_task(loop, make_releasing());
    turn(loop);
    CHECK_INT(drops, 4);
    for (int i = 0; i < 4; i++) tasks[i] = asyncio_loop_create_task(loop, make_releasing());
    asyncio_task_cancel(tasks[0], NULL);
    asyncio_loop_set_exception_handler(loop, unref_handler, NULL);
    end(loop);
    CHECK_INT(drops, 8);
}

/* ---- debug ---- */

static int slow(void *arg) {
    asyncio_testing_advance(arg, 1);
    return 0;
}

TEST(a_slow_callback_is_reported_after_it_has_freed_itself) {
    asyncio_loop *loop = new_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_set_slow_callback_duration(loop, 0);
    asyncio_loop_set_exception_handler(loop, cancelling_handler, NULL);
    CHECK_INT(asyncio_loop_call_soon(loop, slow, loop), 0);
    CHECK_INT(asyncio_loop_call_soon(loop, count, NULL, .handle = &handles[0]), 0);
    turn(loop);
    CHECK_INT(drops, 1);
    CHECK_INT(calls, 0);
    end(loop);
}
