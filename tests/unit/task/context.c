/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/context.c: context variables and tasks.
 */
#include "core.h"

static asyncio_contextvar *var;

static int get(void) {
    asyncio_value v = asyncio_int(-1);
    (void)!asyncio_contextvar_get(var, &v);
    return (int)v.i;
}

static void set(int value) { CHECK_INT(asyncio_contextvar_set(var, asyncio_int(value), NULL), 0); }

static void start(void) {
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
}

static void end(void) {
    set(0);
    asyncio_contextvar_unref(var);
    end_loop();
}

ASYNC(see_and_set, (int) expected, (int) value) {
    CHECK_INT(get(), expected);
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(get(), expected);
    set(value);
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(get(), value);
    note("%d", value);
    RETURN();
}

ASYNC(create_children) {
    set(1);
    asyncio_auto_task a = asyncio_create_task(see_and_set(1, 100));
    set(2);
    asyncio_auto_task b = asyncio_create_task(see_and_set(2, 200));
    set(3);
    TRY(AWAIT(a));
    TRY(AWAIT(b));
    CHECK_INT(get(), 3);
    RETURN();
}

TEST(task_runs_in_a_copy_of_its_creators_context) { /* CTX-1, CTX-10 */
    start();
    CHECK_INT(run(create_children()), 0);
    CHECK_NOTES("100 200");
    CHECK_INT(get(), -1);
    end();
}

ASYNC(set_inside, (int) value) {
    set(value);
    RETURN();
}

ASYNC(await_coroutine_that_sets) {
    set(1);
    TRY(AWAIT(set_inside(2)));
    CHECK_INT(get(), 2); /* the same task, the same context */
    RETURN();
}

TEST(awaited_coroutine_shares_the_context) {
    start();
    CHECK_INT(run(await_coroutine_that_sets()), 0);
    end();
}

TEST(tasks_given_one_context_see_each_others_writes) { /* CTX-2, CTX-6, TASK-18 */
    start();
    asyncio_context *c = asyncio_context_new();
    asyncio_task *a = asyncio_loop_create_task(loop, see_and_set(-1, 5), .context = c);
    CHECK_PTR(asyncio_task_get_context(a), c);
    turn();
    turn();
    turn();
    asyncio_task *b = asyncio_loop_create_task(loop, see_and_set(5, 6), .context = c);
    turn();
    turn();
    turn();
    CHECK_NOTES("5 6");
    asyncio_value v;
    CHECK_INT(asyncio_context_get(c, var, &v), 0);
    CHECK_INT(v.i, 6);
    CHECK_INT(get(), -1);
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_context_unref(c);
    end();
}

TEST(get_context_is_the_tasks_own) { /* TASK-18 */
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, set_inside(9));
    turn();
    asyncio_context *c = asyncio_task_get_context(t);
    CHECK_PTR(asyncio_task_get_context(t), c);
    asyncio_value v;
    CHECK_INT(asyncio_context_get(c, var, &v), 0);
    CHECK_INT(v.i, 9);
    asyncio_task_unref(t);
    end();
}

static int note_var(void *arg) {
    note("%s=%d", (const char *)arg, get());
    return 0;
}

ASYNC(schedule_from_task) {
    set(4);
    TRY(asyncio_loop_call_soon(loop, note_var, TEXT("soon")));
    set(5);
    TRY(asyncio_loop_call_later(loop, 0, note_var, TEXT("later")));
    set(6);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(callbacks_scheduled_by_a_task_capture_its_context) { /* CTX-4 */
    start();
    CHECK_INT(run(schedule_from_task()), 0);
    CHECK_NOTES("soon=4 later=5");
    end();
}

ASYNC(interleave, (int) id) {
    for (int i = 0; i < 50; i++) {
        set(id * 1000 + i);
        TRY(AWAIT(asyncio_sleep(0)));
        CHECK_INT(get(), id * 1000 + i);
    }
    RETURN();
}

TEST(interleaved_tasks_keep_their_own_values) { /* CTX-3 */
    start();
    asyncio_task *t[10];
    for (int i = 0; i < 10; i++) t[i] = asyncio_loop_create_task(loop, interleave(i));
    for (int i = 0; i < 52; i++) turn();
    for (int i = 0; i < 10; i++) {
        CHECK(asyncio_task_done(t[i]));
        asyncio_task_unref(t[i]);
    }
    end();
}

TEST(runner_keeps_one_context_across_runs) { /* CTX-7 */
    var = asyncio_contextvar_new("var", NULL);
    asyncio_runner *r = asyncio_runner_new(NULL);
    CHECK_INT(asyncio_runner_run(r, set_inside(3), NULL, NULL), 0);
    CHECK_INT(asyncio_runner_run(r, see_and_set(3, 4), NULL, NULL), 0);
    asyncio_context *own = asyncio_context_new();
    CHECK_INT(asyncio_runner_run(r, see_and_set(-1, 8), NULL, own), 0);
    asyncio_context_unref(own);
    CHECK_INT(asyncio_runner_run(r, see_and_set(4, 5), NULL, NULL), 0);
    CHECK_INT(get(), -1);
    CHECK_NOTES("4 8 5");
    asyncio_runner_unref(r);
    asyncio_contextvar_unref(var);
}
