/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/drive.c: a second kind of coroutine, a step function over a frame of its own
 * (a machine), made with nothing but the drive interface of src/task/task.h. It must be a task
 * like any other: same turns, cancellation, errors, contexts, repr, and end of its loop.
 *
 * A machine's object lies in the task's start cell, which goes with the task. Its runnable has ops
 * of its own from the moment it is made, so the loop never gives it a stack.
 */
#include "task/task.h"

#include "core.h"

/* ---- the second kind ---- */

enum next { WAIT, YIELD, DONE }; /* what a step asks for */

struct machine {
    /* Goes on from pc; status: how what it waited for ended. */
    enum next (*step)(struct machine *m, int status);
    asyncio_future *awaited; /* of WAIT: a reference */
    asyncio_value value;     /* of DONE */
    int status;              /* of DONE */
    int pc;
    asyncio_future *future; /* the argument */
};

_Static_assert(sizeof(struct machine) <= ASYNCIO_ARGS_MAX, "fits an object");

static struct machine *machine_of(const struct asyncio_task *t) {
    return (struct machine *)(void *)t->start->coro.args.bytes;
}

static void finish_machine(struct asyncio_task *t) {
    struct machine *m = machine_of(t);
    int status = m->status;
    asyncio_value value = m->value;
    asyncio__task_finish(t, status, value); /* t may be gone */
}

/* Steps until the machine has something to wait for, or is done. */
static void advance(struct asyncio_task *t, int status) {
    struct machine *m = machine_of(t);
    for (;;) {
        enum next next = m->step(m, status);
        if (next == DONE) {
            finish_machine(t);
            return;
        }
        if (t->fiber.strand.flags & ASYNCIO__TASK_UNWINDING) {
            if (next == WAIT) asyncio_future_unref(m->awaited);
            m->awaited = NULL;
            status = ASYNCIO_GENERATOR_EXIT;
        } else if (next == YIELD) {
            asyncio__loop_queue(t->future.loop, &t->fiber.runnable);
            return;
        } else if (m->awaited->state == ASYNCIO__PENDING) {
            asyncio__task_wait(t, m->awaited);
            return;
        } else {
            status = asyncio__future_outcome(m->awaited, &t->fiber.strand);
            asyncio_future_unref(m->awaited);
            m->awaited = NULL;
        }
    }
}

/* How what it waited for ended; for its first step, whether it may start at all. */
static int woken(struct asyncio_task *t) {
    struct machine *m = machine_of(t);
    if (!(t->fiber.strand.flags & ASYNCIO__TASK_STARTED)) return asyncio__task_begin(t);
    if (!m->awaited) return asyncio__task_wait_error(t, NULL);
    asyncio_future *f = m->awaited;
    int status = asyncio__task_woken(t, f);
    f->refs--; /* that of asyncio__task_wait */
    asyncio_future_unref(f);
    m->awaited = NULL;
    return status;
}

static void resume(struct asyncio_task *t) {
    struct asyncio__strand *before = asyncio__here.strand;
    asyncio__here.strand = &t->fiber.strand;
    bool started = t->fiber.strand.flags & ASYNCIO__TASK_STARTED;
    int status = woken(t);
    if (!started && status < 0) asyncio__task_finish(t, status, asyncio_none());
    else advance(t, status);
    asyncio__here.strand = before;
}

static void run_runnable(struct asyncio__runnable *runnable) {
    resume(asyncio__task_of_runnable(runnable));
}

static void discard_runnable(struct asyncio__runnable *runnable) {
    asyncio__link_init(&runnable->link);
}

static int describe_runnable(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio_task_repr(asyncio__task_of_runnable(runnable), buf, n);
}

static size_t machine_frames(const struct asyncio_task *t, asyncio_frame_info *frames, size_t n) {
    if (!(t->fiber.strand.flags & ASYNCIO__TASK_STARTED)) return 0;
    if (n > 0) *frames = (asyncio_frame_info){ "machine.c:7", t->coro->name, t->coro };
    return 1;
}

static const struct asyncio__drive machine_drive = { machine_frames, resume };
static const struct asyncio__runnable_more machine_more = { .drive = &machine_drive };
static const struct asyncio__runnable_ops machine_ops = { run_runnable, discard_runnable,
                                                          describe_runnable, &machine_more };

static int no_run(const void *args, asyncio_value *result) {
    (void)args, (void)result;
    FAIL("a machine was given a stack");
}

static const asyncio_coro_type machine_type = {
    sizeof(asyncio_coro_type), "machine", "machine.c", 3, 0, no_run, NULL, NULL, NULL
};

static asyncio_task *create(enum next (*step)(struct machine *, int), asyncio_future *f) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &machine_type;
    *(struct machine *)(void *)c.args.bytes = (struct machine){ .step = step, .future = f };
    asyncio_task *t = asyncio_loop_create_task(loop, c, .name = "M");
    CHECK(t != NULL);
    t->fiber.runnable.ops = &machine_ops;
    return t;
}

static enum next wait_for(struct machine *m, asyncio_future *f) {
    m->awaited = asyncio_future_ref(f);
    return WAIT;
}

static enum next end(struct machine *m, int status) {
    m->status = status;
    return DONE;
}

static enum next end_with(struct machine *m, asyncio_value value) {
    m->value = value;
    return end(m, 0);
}

/* ---- machines ---- */

/* Yields three times, then gives 3. */
static enum next count_step(struct machine *m, int status) {
    if (status < 0) return end(m, status);
    note("m%d", m->pc);
    if (m->pc < 3) return m->pc++, YIELD;
    return end_with(m, asyncio_int(m->pc));
}

/* Waits for its future and gives twice its value. */
static enum next double_step(struct machine *m, int status) {
    if (status < 0) return end(m, status);
    if (m->pc++ == 0) return wait_for(m, m->future);
    asyncio_value v;
    CHECK_INT(asyncio_future_result(m->future, &v), 0);
    return end_with(m, asyncio_int(2 * v.i));
}

/* Notes how its wait ended, and goes on for one more yield. */
static enum next swallow_step(struct machine *m, int status) {
    switch (m->pc++) {
    case 0: return wait_for(m, m->future);
    case 1:
        note("%s", asyncio_err_name(status));
        asyncio_ignore(status);
        return YIELD;
    default: note("%s", asyncio_err_name(status)); return end(m, status);
    }
}

static enum next fail_step(struct machine *m, int status) {
    (void)status;
    return end(m, asyncio_raise(ASYNCIO_VALUE_ERROR, "machine.c:9", "machine", "broken"));
}

static enum next exit_step(struct machine *m, int status) {
    (void)status;
    return end(m, ASYNCIO_SYSTEM_EXIT);
}

static long long result_of(asyncio_task *t) {
    asyncio_value v;
    CHECK_INT(asyncio_task_result(t, &v), 0);
    return v.i;
}

/* ---- tests ---- */

ASYNC(count_stackful) {
    for (int i = 0; i < 3; i++) {
        note("s%d", i);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    note("s3");
    RETURN(3);
}

TEST(machines_and_stackful_tasks_take_turns_alike) {
    start_loop();
    asyncio_task *a = create(count_step, NULL);
    asyncio_task *b = asyncio_loop_create_task(loop, count_stackful());
    asyncio_task *c = create(count_step, NULL);
    for (int i = 0; i < 4; i++) turn();
    CHECK_NOTES("m0 s0 m0 m1 s1 m1 m2 s2 m2 m3 s3 m3");
    CHECK_INT(result_of(a), 3);
    CHECK_INT(result_of(b), 3);
    CHECK_INT(result_of(c), 3);
    asyncio_task_unref(a);
    asyncio_task_unref(b);
    asyncio_task_unref(c);
    end_loop();
}

ASYNC(await_machine, (asyncio_future *) f) {
    asyncio_auto_task t = create(double_step, f);
    asyncio_future_set_result(f, asyncio_int(21));
    unsigned long long before = turns();
    asyncio_value v;
    TRY(AWAIT(t, &v));
    CHECK_INT(v.i, 42);
    CHECK_INT(turns() - before, 2); /* as a no-op task */
    RETURN();
}

TEST(awaiting_a_machine_takes_as_long_as_awaiting_a_task) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    CHECK_INT(run(await_machine(f)), 0);
    asyncio_future_unref(f);
    end_loop();
}

TEST(machine_waits_for_a_future) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = create(double_step, f);
    turn();
    CHECK(!asyncio_task_done(t));
    asyncio_future_set_result(f, asyncio_int(5));
    turn();
    CHECK_INT(result_of(t), 10);
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

TEST(machine_cancelled_before_its_first_step_never_steps) { /* CANC-1 */
    start_loop();
    asyncio_task *t = create(count_step, NULL);
    CHECK(asyncio_task_cancel(t, "early"));
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_NOTES("");
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR, "early");
    asyncio_task_unref(t);
    end_loop();
}

TEST(machine_is_cancelled_while_it_waits_and_while_it_yields) { /* CANC-2, CANC-6 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *waits = create(double_step, f), *yields = create(count_step, NULL);
    turn();
    CHECK(asyncio_task_cancel(waits, "w"));
    CHECK(asyncio_future_cancelled(f));
    CHECK(asyncio_task_cancel(yields, "y"));
    turn();
    CHECK_ERROR(asyncio_task_result(waits, NULL), ASYNCIO_CANCELLED_ERROR, "w");
    CHECK_ERROR(asyncio_task_result(yields, NULL), ASYNCIO_CANCELLED_ERROR, "y");
    CHECK(asyncio_task_cancelled(waits));
    asyncio_task_unref(waits);
    asyncio_task_unref(yields);
    asyncio_future_unref(f);
    CHECK_NOTES("m0");
    end_loop();
}

TEST(machine_may_swallow_a_cancel) { /* CANC-8 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = create(swallow_step, f);
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    turn();
    CHECK_NOTES("CancelledError OK");
    CHECK(!asyncio_task_cancelled(t));
    CHECK_INT(asyncio_task_cancelling(t), 1);
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

TEST(cancel_after_the_result_reaches_a_machine_too) { /* CANC-5 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = create(double_step, f);
    turn();
    asyncio_future_set_exception(f, ASYNCIO_KEY_ERROR, "lost");
    asyncio_task_cancel(t, "late");
    turn();
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_CANCELLED_ERROR, "late");
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    CHECK_INT(reported.count, 0);
    end_loop();
}

ASYNC(await_task, (asyncio_task *) t) {
    TRY(AWAIT(t));
    RETURN();
}

TEST(cancel_goes_through_chains_of_both_kinds) { /* CANC-3 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *leaf = create(double_step, f);
    asyncio_task *mid = asyncio_loop_create_task(loop, await_task(leaf));
    asyncio_task *top = create(double_step, asyncio_task_as_future(mid));
    turn();
    asyncio_task_cancel(top, "down");
    CHECK(asyncio_future_cancelled(f));
    turn();
    CHECK(asyncio_task_cancelled(leaf));
    turn();
    CHECK(asyncio_task_cancelled(mid));
    turn();
    CHECK_ERROR(asyncio_task_result(top, NULL), ASYNCIO_CANCELLED_ERROR, "down");
    asyncio_task_unref(top);
    asyncio_task_unref(mid);
    asyncio_task_unref(leaf);
    asyncio_future_unref(f);
    end_loop();
}

TEST(error_of_a_machine_is_stored_and_reported) { /* TASK-9 */
    start_loop();
    asyncio_task *t = create(fail_step, NULL);
    turn();
    CHECK_ERROR(asyncio_task_result(t, NULL), ASYNCIO_VALUE_ERROR, "broken");
    asyncio_task_unref(t);
    t = create(fail_step, NULL);
    turn();
    asyncio_task_unref(t);
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.message, "Task exception was never retrieved");
    end_loop();
}

TEST(exit_from_a_machine_leaves_the_run) { /* TASK-9 */
    start_loop();
    asyncio_task *t = create(exit_step, NULL);
    asyncio_loop_call_soon(loop, note_arg, TEXT("rest"));
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("rest");
    asyncio_ignore(asyncio_task_result(t, NULL));
    asyncio_task_unref(t);
    end_loop();
}

static asyncio_contextvar *var;

static enum next context_step(struct machine *m, int status) {
    if (status < 0) return end(m, status);
    asyncio_value v = asyncio_int(-1);
    (void)!asyncio_contextvar_get(var, &v);
    note("%lld", v.i);
    if (m->pc++ == 2) return end(m, 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(v.i + 1), NULL), 0);
    CHECK_PTR(asyncio_current_task(), asyncio__task_current());
    CHECK(asyncio_current_task() != NULL);
    return YIELD;
}

TEST(machine_runs_in_its_own_context_and_is_the_current_task) { /* CTX-1, CTX-3 */
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(10), NULL), 0);
    asyncio_task *t = create(context_step, NULL), *u = create(context_step, NULL);
    for (int i = 0; i < 3; i++) turn();
    CHECK_NOTES("10 10 11 11 12 12");
    CHECK_PTR(asyncio_current_task(), NULL);
    asyncio_task_unref(t);
    asyncio_task_unref(u);
    asyncio_contextvar_unref(var);
    end_loop();
}

TEST(machine_shows_where_it_stands) { /* TASK-15, TASK-16 */
    without_debug_mode();
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = create(double_step, f);
    CHECK_STR(REPR(asyncio_task_repr, t),
              "<Task pending name='M' coro=<machine() running at machine.c:3>>");
    turn();
    CHECK_STR(REPR(asyncio_task_repr, t),
              "<Task pending name='M' coro=<machine() running at machine.c:7> "
              "wait_for=<Future pending cb=[Task.task_wakeup()]>>");
    asyncio_frame_info frame;
    CHECK_INT(asyncio_task_get_stack(t, &frame, 1), 1);
    CHECK_STR(frame.func, "machine");
    asyncio_future_set_result(f, asyncio_int(1));
    turn();
    CHECK_STR(REPR(asyncio_task_repr, t),
              "<Task finished name='M' coro=<machine() done, defined at machine.c:3> result=2>");
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

TEST(machines_are_unwound_when_the_loop_closes) { /* close.c */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *waits = create(swallow_step, f);
    turn();
    asyncio_task *unstarted = create(count_step, NULL);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(reported.count, 2);
    CHECK_NOTES("GeneratorExit GeneratorExit");
    asyncio_task_unref(waits);
    asyncio_task_unref(unstarted);
    asyncio_future_unref(f);
    end_loop();
}

static enum next slow_step(struct machine *m, int status) {
    (void)status;
    CHECK_INT(asyncio_testing_advance(loop, 1), 0);
    return end(m, 0);
}

TEST(slow_step_of_a_machine_is_reported_with_the_task) { /* DBG-9 */
    start_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_task *t = create(slow_step, NULL);
    turn();
    CHECK_CONTAINS(reported.message, "Executing <Task pending name='M' coro=<machine() running at");
    CHECK_CONTAINS(reported.message, "took 1.000 seconds");
    asyncio_task_unref(t);
    end_loop();
}

TEST(many_machines_need_no_stacks) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    enum { COUNT = 20000 };
    static asyncio_task *t[COUNT];
    for (int i = 0; i < COUNT; i++) t[i] = create(double_step, f);
    turn();
    asyncio_future_set_result(f, asyncio_int(4));
    turn();
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(result_of(t[i]), 8);
        asyncio_task_unref(t[i]);
    }
    asyncio_future_unref(f);
    end_loop();
}
