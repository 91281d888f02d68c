/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/coro.c: coroutine objects as values: copying, holding and dropping them,
 * capture and release, tasks and futures as coroutine objects, joining.
 */
#include "core.h"

#include <errno.h>

/* ---- capture and release ---- */

static int captured, released;
static bool refuse_capture;

struct args {
    const char *text; /* captured: a copy of it */
};

static int text_run(const void *args, asyncio_value *result) {
    const struct args *a = args;
    (void)result;
    note("%s", a->text);
    int rc = AWAIT(asyncio_sleep(0));
    note("%s", rc < 0 ? asyncio_err_name(rc) : a->text);
    return rc;
}

static int text_capture(void *args) {
    struct args *a = args;
    if (refuse_capture) return -ENOMEM;
    a->text = strdup(a->text);
    captured++;
    return 0;
}

static void text_release(void *args) {
    free((char *)(uintptr_t)((struct args *)args)->text);
    released++;
}

static const asyncio_coro_type text_type = { sizeof(asyncio_coro_type),
                                             "text",
                                             __FILE__,
                                             __LINE__,
                                             0,
                                             text_run,
                                             text_capture,
                                             text_release,
                                             NULL };

static asyncio_coro text(const char *s) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &text_type;
    *(struct args *)(void *)c.args.bytes = (struct args){ s };
    return c;
}

/* Makes a task of a text that is gone before it starts. */
static asyncio_task *task_of_text(void) {
    char s[] = "alive";
    asyncio_task *t = asyncio_loop_create_task(loop, text(s));
    memset(s, 'X', sizeof s - 1);
    return t;
}

TEST(task_has_a_captured_copy_and_releases_it_at_its_end) {
    start_loop();
    asyncio_task *t = task_of_text();
    CHECK_INT(captured, 1);
    turn();
    CHECK_INT(released, 0);
    turn();
    CHECK_NOTES("alive alive");
    CHECK_INT(released, 1);
    asyncio_task_unref(t);
    end_loop();
}

TEST(task_cancelled_before_its_start_releases_what_it_captured) {
    start_loop();
    asyncio_task *t = task_of_text();
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK_INT(released, 1);
    CHECK_NOTES("");
    asyncio_task_unref(t);
    end_loop();
}

TEST(closing_the_loop_releases_what_its_tasks_captured) {
    start_loop();
    asyncio_task *started = task_of_text();
    turn();
    asyncio_task *unstarted = task_of_text();
    asyncio_loop_close(loop);
    CHECK_INT(captured, 2);
    CHECK_INT(released, 2);
    CHECK_NOTES("alive GeneratorExit");
    asyncio_task_unref(started);
    asyncio_task_unref(unstarted);
    end_loop();
}

TEST_ASYNC(awaiting_in_place_captures_nothing) {
    char s[] = "plain";
    TRY(AWAIT(text(s)));
    CHECK_INT(captured, 0); /* awaited in place: nothing to copy */
    CHECK_INT(released, 0);
    CHECK_NOTES("plain plain");
    RETURN();
}

TEST(failing_capture_makes_no_task) {
    start_loop();
    refuse_capture = true;
    CHECK_PTR(asyncio_loop_create_task(loop, text("x")), NULL);
    asyncio_ignore(-ENOMEM);
    asyncio_coro c = text("x");
    CHECK_INT(asyncio_coro_hold(&c), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    CHECK_INT(released, 0);
    CHECK_INT(asyncio_all_tasks(loop, NULL, 0), 0);
    end_loop();
}

ASYNC(await_held, (asyncio_coro *) c) {
    TRY(AWAIT(*c));
    TRY(AWAIT(*c)); /* a held object can be awaited more than once */
    RETURN();
}

TEST(held_object_outlives_the_frame_it_was_made_in) {
    start_loop();
    asyncio_coro c;
    {
        char s[] = "held";
        c = text(s);
        CHECK_INT(asyncio_coro_hold(&c), 0);
        memset(s, 'X', sizeof s - 1);
    }
    CHECK_INT(run(await_held(&c)), 0);
    CHECK_NOTES("held held held held");
    asyncio_coro_drop(&c);
    CHECK_INT(captured, released);
    end_loop();
}

TEST(hold_and_drop_of_what_has_no_hooks_do_nothing) {
    asyncio_coro c = asyncio_sleep(1);
    CHECK_INT(asyncio_coro_hold(&c), 0);
    asyncio_coro_drop(&c);
    asyncio_coro none;
    memset(&none, 0, sizeof none);
    CHECK_INT(asyncio_coro_hold(&none), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_coro_hold(NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_coro_drop(&none);
    asyncio_coro_drop(NULL);
}

TEST(objects_have_the_frozen_size_and_can_be_copied) { /* INTR-6 */
    CHECK_INT(sizeof(asyncio_coro), 80);
    asyncio_coro a = text("copied"), b = a;
    CHECK(asyncio_iscoroutine(&a));
    CHECK(memcmp(&a, &b, sizeof a) == 0);
    asyncio_coro none;
    memset(&none, 0, sizeof none);
    CHECK(!asyncio_iscoroutine(&none));
    CHECK(!asyncio_iscoroutine(NULL));
}

/* ---- at once ---- */

static bool ready_at_once;

static int shortcut_run(const void *args, asyncio_value *result) {
    (void)args;
    note("run");
    *result = asyncio_int(1);
    return AWAIT(asyncio_sleep(0));
}

static int shortcut_at_once(const void *args, asyncio_value *out) {
    (void)args;
    note("tried");
    if (!ready_at_once) return ASYNCIO_MUST_RUN;
    if (out) *out = asyncio_int(2);
    return 0;
}

static const asyncio_coro_type shortcut_type = { .size = sizeof(asyncio_coro_type),
                                                 .name = "shortcut",
                                                 .run = shortcut_run,
                                                 .nowait = shortcut_at_once };

static asyncio_coro shortcut(void) {
    asyncio_coro c;
    memset(&c, 0, sizeof c);
    c.type = &shortcut_type;
    return c;
}

ASYNC(await_shortcut) {
    asyncio_value value;
    TRY(AWAIT(shortcut(), &value));
    note("%d", (int)value.i);
    TRY(AWAIT(shortcut()));
    RETURN();
}

TEST(a_shortcut_is_tried_before_the_body) {
    ready_at_once = true;
    run_alone(await_shortcut());
    CHECK_NOTES("tried 2 tried");
}

TEST(a_shortcut_that_cannot_leaves_it_to_the_body) {
    ready_at_once = false;
    run_alone(await_shortcut());
    CHECK_NOTES("tried run 1 tried run");
}

ASYNC(shortcut_while_handling) {
    int rc = asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "kept");
    CHECK_INT(AWAIT(shortcut()), 0);
    TRY(rc);
    RETURN();
}

TEST(a_shortcut_is_not_taken_while_an_error_is_kept) {
    ready_at_once = true;
    start_loop();
    CHECK_ERROR(run(shortcut_while_handling()), ASYNCIO_VALUE_ERROR, "kept");
    end_loop();
    CHECK_NOTES("run");
}

TEST(a_task_runs_the_body) {
    ready_at_once = true;
    run_alone(shortcut());
    CHECK_NOTES("run");
}

/* ---- tasks and futures as coroutine objects ---- */

ASYNC(give_text) {
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(asyncio_own_str(strdup("owned")));
}

ASYNC(await_pointed, (const asyncio_coro *) c) {
    asyncio_value v;
    TRY(AWAIT(*c, &v));
    RETURN(v);
}

TEST(awaiting_a_task_as_an_object_gives_a_copy_of_its_value) { /* INTR-6 */
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, give_text());
    asyncio_coro c = ASYNCIO_CORO(t);
    CHECK(!asyncio_iscoroutine(&c));
    for (int i = 0; i < 2; i++) {
        asyncio_value v;
        CHECK_INT(asyncio_loop_run_until_complete(loop, await_pointed(&c), &v), 0);
        CHECK_STR(v.s, "owned");
        asyncio_value_drop(&v);
    }
    asyncio_task_unref(t);
    end_loop();
}

static void drop_nothing(asyncio_value *v) { (void)v; }
static const asyncio_value_type uncopyable = { sizeof(asyncio_value_type), "uncopyable",
                                               drop_nothing, NULL, NULL };

TEST(value_that_cannot_be_copied_is_a_type_error) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_future_set_result(f, asyncio_own(f, &uncopyable));
    asyncio_coro c = ASYNCIO_CORO(f);
    CHECK_INT(run(await_pointed(&c)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_future_unref(f);
    end_loop();
}

TEST(held_task_object_keeps_the_task) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, give_text());
    asyncio_coro c = ASYNCIO_CORO(t);
    CHECK_INT(asyncio_coro_hold(&c), 0);
    asyncio_task_unref(t);
    turn();
    turn();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, await_pointed(&c), &v), 0);
    CHECK_STR(v.s, "owned");
    asyncio_value_drop(&v);
    asyncio_coro_drop(&c);
    end_loop();
}

ASYNC(unref_while_awaited, (asyncio_future *) f) {
    TRY(AWAIT(f)); /* holds a reference of its own */
    note("woken");
    RETURN();
}

TEST(awaiting_holds_the_future) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, unref_while_awaited(f));
    turn();
    asyncio_future_set_result(f, asyncio_none());
    asyncio_future_unref(f);
    turn();
    CHECK_NOTES("woken");
    asyncio_task_unref(t);
    end_loop();
}

/* ---- join ---- */

ASYNC(end_with, (int) code) {
    TRY(AWAIT(asyncio_sleep(1)));
    if (code < 0) RAISE(code, "ended");
    RETURN(asyncio_own_str(strdup("fine")));
}

ASYNC(join_all) {
    asyncio_auto_outcome o;
    o = (asyncio_outcome){ .status = 7 };
    asyncio_task *t = asyncio_create_task(end_with(0));
    TRY(AWAIT(asyncio_task_join(t, &o)));
    CHECK_INT(o.status, 0);
    CHECK_STR(o.value.s, "fine");
    CHECK_PTR(o.error, NULL);
    asyncio_outcome_fini(&o);
    TRY(AWAIT(asyncio_task_join(t, &o))); /* done already */
    CHECK_STR(o.value.s, "fine");
    asyncio_outcome_fini(&o);
    asyncio_task_unref(t);

    t = asyncio_create_task(end_with(ASYNCIO_KEY_ERROR));
    TRY(AWAIT(asyncio_task_join(t, &o)));
    CHECK_INT(o.status, ASYNCIO_KEY_ERROR);
    CHECK_STR(asyncio_error_message(o.error), "ended");
    asyncio_outcome_fini(&o);
    asyncio_task_unref(t); /* joining has looked at the error */

    t = asyncio_create_task(end_with(0));
    asyncio_task_cancel(t, "stopped");
    TRY(AWAIT(asyncio_task_join(t, &o)));
    CHECK_INT(o.status, ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(asyncio_error_message(o.error), "stopped");
    asyncio_task_unref(t);
    RETURN();
}

TEST(join_gives_any_end_as_data) {
    run_alone(join_all());
    CHECK_INT(reported.count, 0);
}

ASYNC(join_one, (asyncio_task *) t, (asyncio_outcome *) o) {
    return AWAIT(asyncio_task_join(t, o));
}

TEST(cancelling_the_joiner_leaves_the_task_alone) {
    start_loop();
    asyncio_outcome o = { .status = 7 };
    asyncio_task *t = asyncio_loop_create_task(loop, end_with(0));
    asyncio_task *joiner = asyncio_loop_create_task(loop, join_one(t, &o));
    turn();
    asyncio_task_cancel(joiner, "m");
    turn();
    CHECK(asyncio_task_cancelled(joiner));
    CHECK_INT(o.status, 7);
    CHECK(!asyncio_task_done(t));
    CHECK_INT(asyncio_task_cancelling(t), 0);
    CHECK_INT(run(asyncio_sleep(2)), 0);
    asyncio_value v;
    CHECK_INT(asyncio_task_result(t, &v), 0);
    asyncio_task_unref(joiner);
    asyncio_task_unref(t);
    end_loop();
}

TEST_ASYNC(task_cannot_join_itself) {
    asyncio_outcome o;
    CHECK_INT(AWAIT(asyncio_task_join(asyncio_current_task(), &o)), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(AWAIT(asyncio_task_join(NULL, &o)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    RETURN();
}

TEST(loop_closed_under_a_joiner) {
    start_loop();
    asyncio_outcome o = { .status = 7 };
    asyncio_task *t = asyncio_loop_create_task(loop, end_with(0));
    asyncio_task *joiner = asyncio_loop_create_task(loop, join_one(t, &o));
    turn();
    asyncio_loop_close(loop);
    CHECK_INT(o.status, 7);
    asyncio_task_unref(joiner);
    asyncio_task_unref(t);
    end_loop();
}
