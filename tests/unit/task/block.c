/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/block.c: blocks: every way into and out of ASYNC_WITH, its name, the pair enter
 * and exit, what is left open, and blocks that are declared first.
 */
#include "core.h"

/* A block that notes what it sees, and does as it is told. */
struct block {
    const char *name;
    int enter_status; /* what enter returns */
    int exit_status;  /* what exit returns; KEEP: what it is given */
    bool suspends;    /* both await something */
};
#define KEEP 1000

static int enter_block(asyncio_block *s) {
    struct block *b = s->object;
    if (b->suspends) TRY(AWAIT(asyncio_sleep(1)));
    note("enter-%s", b->name);
    return b->enter_status;
}

static int exit_block(asyncio_block *s, int status) {
    struct block *b = s->object;
    if (b->suspends) {
        int rc = AWAIT(asyncio_sleep(1));
        if (rc < 0) return rc;
    }
    note("exit-%s:%s", b->name, asyncio_err_name(status));
    return b->exit_status == KEEP ? status : b->exit_status;
}

static const asyncio_block_ops block_ops = {
    .size = sizeof block_ops, .name = "block", .enter = enter_block, .exit = exit_block
};

static asyncio_block block(struct block *b, int *rc) {
    return asyncio_block_new(rc, &block_ops, b);
}

static struct block a = { "a", 0, KEEP, false }, b = { "b", 0, KEEP, false };

static int run_to_status(asyncio_coro c) {
    start_loop();
    int rc = run(c);
    asyncio_ignore(rc);
    end_loop();
    return rc;
}

ASYNC(fail, (int) code) {
    TRY(AWAIT(asyncio_sleep(0)));
    RAISE(code, "failed");
}

/* ---- ways out of one block ---- */

ASYNC(leave_normally) {
    int rc = 5;
    ASYNC_WITH(s, block(&a, &rc)) note("body");
    note("rc=%s", asyncio_err_name(rc));
    RETURN();
}

TEST(block_is_entered_and_left_around_its_body) {
    CHECK_INT(run_to_status(leave_normally()), 0);
    CHECK_NOTES("enter-a body exit-a:OK rc=OK");
}

TEST(exit_that_fails_after_a_normal_body_goes_to_rc) {
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(leave_normally()), 0);
    CHECK_NOTES("enter-a body exit-a:OK rc=KeyError");
}

ASYNC(leave_by_break) {
    int rc = 5;
    ASYNC_WITH(s, block(&a, &rc)) {
        if (rc == 0) break;
        note("not-here");
    }
    note("rc=%s", asyncio_err_name(rc));
    RETURN();
}

TEST(break_leaves_the_block_as_its_end_does) {
    CHECK_INT(run_to_status(leave_by_break()), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=OK");
}

TEST(exit_that_fails_after_a_break_goes_to_rc) {
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(leave_by_break()), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=KeyError");
}

ASYNC(leave_by_continue) {
    int rc = 5;
    ASYNC_WITH(s, block(&a, &rc)) {
        if (rc == 0) continue;
        note("not-here");
    }
    note("rc=%s", asyncio_err_name(rc));
    RETURN();
}

TEST(continue_leaves_the_block_as_its_end_does) {
    CHECK_INT(run_to_status(leave_by_continue()), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=OK");
}

ASYNC(leave_by_return) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) RETURN(asyncio_own_str(strdup("value")));
    FAIL("RETURN went on");
}

TEST(return_leaves_block_and_coroutine_with_its_value) {
    start_loop();
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, leave_by_return(), &v), 0);
    CHECK_STR(v.s, "value");
    asyncio_value_drop(&v);
    CHECK_NOTES("enter-a exit-a:OK");
    end_loop();
}

ASYNC(await_return) {
    asyncio_value v = asyncio_int(1);
    int rc = AWAIT(leave_by_return(), &v);
    CHECK_INT(v.i, 1);
    return rc;
}

TEST(exit_that_fails_after_return_replaces_the_value) { /* the leak checker looks */
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(leave_by_return()), ASYNCIO_KEY_ERROR);
    CHECK_NOTES("enter-a exit-a:OK");
    CHECK_INT(run_to_status(await_return()), ASYNCIO_KEY_ERROR);
}

ASYNC(leave_by_try) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) {
        TRY(AWAIT(fail(ASYNCIO_VALUE_ERROR)));
        note("not-here");
    }
    FAIL("TRY went on");
}

ASYNC(see_error, (asyncio_coro *) c) {
    int rc = AWAIT(*c);
    CHECK_ERROR(rc, ASYNCIO_VALUE_ERROR, "failed");
    RETURN();
}

TEST(try_leaves_with_the_error_which_the_exit_sees) {
    asyncio_coro c = leave_by_try();
    CHECK_INT(run_to_status(see_error(&c)), 0);
    CHECK_NOTES("enter-a exit-a:ValueError");
}

ASYNC(leave_by_raise) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) { RAISE(ASYNCIO_VALUE_ERROR, "failed"); }
    FAIL("RAISE went on");
}

TEST(raise_leaves_with_the_error_which_the_exit_sees) {
    asyncio_coro c = leave_by_raise();
    CHECK_INT(run_to_status(see_error(&c)), 0);
    CHECK_NOTES("enter-a exit-a:ValueError");
}

TEST(exit_may_replace_the_status_the_coroutine_ends_with) {
    a.exit_status = ASYNCIO_TIMEOUT_ERROR;
    CHECK_INT(run_to_status(leave_by_raise()), ASYNCIO_TIMEOUT_ERROR);
    CHECK_INT(run_to_status(leave_by_try()), ASYNCIO_TIMEOUT_ERROR);
}

ASYNC(swallowed) {
    TRY(AWAIT(leave_by_raise()));
    CHECK_PTR(asyncio_error_context(NULL), NULL);
    note("fine");
    int rc = asyncio_raise(ASYNCIO_KEY_ERROR, ASYNCIO_WHERE, __func__, "fresh");
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_PTR(asyncio_error_context(e), NULL); /* the swallowed error is not in the slot */
    RETURN();
}

TEST(exit_that_swallows_lets_the_coroutine_end_well) {
    a.exit_status = 0;
    CHECK_INT(run_to_status(swallowed()), 0);
    CHECK_NOTES("enter-a exit-a:ValueError fine");
}

TEST(failing_enter_skips_the_body_and_goes_to_rc) {
    a.enter_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(leave_by_break()), 0);
    CHECK_NOTES("enter-a rc=KeyError");
}

ASYNC(several) {
    for (int i = 0; i < 3; i++) {
        int rc;
        ASYNC_WITH(s, block(&a, &rc)) {
            if (i == 1) break;
            note("%d", i);
        }
        TRY(rc);
    }
    RETURN();
}

TEST(block_in_a_loop_is_a_new_one_each_time) {
    CHECK_INT(run_to_status(several()), 0);
    CHECK_NOTES("enter-a 0 exit-a:OK enter-a exit-a:OK enter-a 2 exit-a:OK");
}

/* ---- suspending ---- */

TEST(enter_and_exit_may_suspend_however_the_body_is_left) {
    a.suspends = true;
    CHECK_INT(run_to_status(leave_normally()), 0);
    CHECK_INT(run_to_status(leave_by_break()), 0);
    CHECK_INT(run_to_status(leave_by_return()), 0);
    CHECK_NOTES("enter-a body exit-a:OK rc=OK enter-a exit-a:OK rc=OK enter-a exit-a:OK");
    CHECK_INT(run_to_status(leave_by_raise()), ASYNCIO_VALUE_ERROR);
    CHECK_INT(run_to_status(leave_by_try()), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a exit-a:ValueError enter-a exit-a:ValueError");
}

TEST(cancel_during_the_exit_is_what_the_coroutine_ends_with) {
    a.suspends = true;
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, leave_by_raise());
    CHECK_INT(run(asyncio_sleep(1.5)), 0);
    asyncio_task_cancel(t, "in exit");
    turn();
    CHECK(asyncio_task_cancelled(t));
    CHECK_NOTES("enter-a");
    asyncio_task_unref(t);
    end_loop();
}

TEST(exit_sees_a_cancellation_of_the_body) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, leave_by_try());
    turn();
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK_NOTES("enter-a exit-a:CancelledError");
    CHECK(asyncio_task_cancelled(t));
    asyncio_task_unref(t);
    end_loop();
}

TEST(loop_closed_inside_a_block_runs_its_exit) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, leave_by_try());
    turn();
    asyncio_loop_close(loop);
    CHECK_NOTES("enter-a exit-a:GeneratorExit");
    asyncio_task_unref(t);
    end_loop();
}

/* ---- nested blocks ---- */

ASYNC(nested, (int) code) {
    int outer_rc, inner_rc;
    ASYNC_WITH(outer, block(&a, &outer_rc)) {
        ASYNC_WITH(inner, block(&b, &inner_rc)) {
            if (code < 0) RAISE(code, "failed");
            RETURN(asyncio_own_str(strdup("value")));
        }
        note("between");
    }
    note("after");
    RETURN();
}

TEST(nested_blocks_are_left_innermost_first) {
    CHECK_INT(run_to_status(nested(ASYNCIO_VALUE_ERROR)), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:ValueError");
    CHECK_INT(run_to_status(nested(0)), 0);
    CHECK_NOTES("enter-a enter-b exit-b:OK exit-a:OK");
}

TEST(outer_exit_sees_what_the_inner_one_made_of_the_status) {
    b.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(nested(ASYNCIO_VALUE_ERROR)), ASYNCIO_KEY_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:KeyError");
    CHECK_INT(run_to_status(nested(0)), ASYNCIO_KEY_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:OK exit-a:KeyError");
    b.exit_status = 0;
    CHECK_INT(run_to_status(nested(ASYNCIO_VALUE_ERROR)), 0);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:OK");
}

TEST(outer_exit_that_fails_is_not_lost_when_the_inner_one_swallowed) {
    b.exit_status = 0;
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(nested(ASYNCIO_VALUE_ERROR)), ASYNCIO_KEY_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:OK");
}

ASYNC(handle_then_break) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) {
        int inner = AWAIT(leave_by_raise());
        CHECK(asyncio_catch(inner, ASYNCIO_VALUE_ERROR));
        break;
    }
    note("rc=%s", asyncio_err_name(rc));
    RETURN(1);
}

TEST(error_handled_inside_the_body_is_not_the_blocks) {
    CHECK_INT(run_to_status(handle_then_break()), 0);
    CHECK_NOTES("enter-a enter-a exit-a:ValueError exit-a:OK rc=OK");
}

static int helper(void) {
    TRY(AWAIT(fail(ASYNCIO_VALUE_ERROR)));
    return 0;
}

ASYNC(handle_helper_then, (bool) leave) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) {
        int inner = helper(); /* its TRY left the helper, not this coroutine */
        CHECK(asyncio_catch(inner, ASYNCIO_VALUE_ERROR));
        if (leave) RETURN(asyncio_int(1));
        break;
    }
    note("rc=%s", asyncio_err_name(rc));
    RETURN(1);
}

TEST(error_of_a_helper_that_was_handled_is_not_the_blocks) {
    CHECK_INT(run_to_status(handle_helper_then(false)), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=OK");
    CHECK_INT(run_to_status(handle_helper_then(true)), 0);
    CHECK_NOTES("enter-a exit-a:OK");
}

ASYNC(helper_before_block) {
    int rc, first = helper();
    CHECK_INT(first, ASYNCIO_VALUE_ERROR); /* looked at, not caught */
    ASYNC_WITH(s, block(&a, &rc)) {
        if (first < 0) break;
    }
    note("rc=%s", asyncio_err_name(rc));
    RETURN();
}

TEST(error_of_a_helper_before_the_block_is_not_the_blocks) {
    CHECK_INT(run_to_status(helper_before_block()), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=OK");
}

/* ---- enter and exit as a pair ---- */

ASYNC(pair, (int) code) {
    asyncio_block s = block(&a, NULL);
    TRY(asyncio_block_enter(&s));
    CHECK_ERROR(asyncio_block_enter(&s), ASYNCIO_RUNTIME_ERROR, "block has already been entered");
    int rc = code < 0 ? AWAIT(fail(code)) : 0;
    rc = asyncio_block_exit(&s, rc);
    note("rc=%s", asyncio_err_name(rc));
    asyncio_ignore(rc);
    CHECK_ERROR(asyncio_block_exit(&s, 0), ASYNCIO_RUNTIME_ERROR, "the block is not open");
    RETURN();
}

TEST(block_without_the_keyword) {
    CHECK_INT(run_to_status(pair(0)), 0);
    CHECK_NOTES("enter-a exit-a:OK rc=OK");
    CHECK_INT(run_to_status(pair(ASYNCIO_VALUE_ERROR)), 0);
    CHECK_NOTES("enter-a exit-a:ValueError rc=ValueError");
    a.enter_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(pair(0)), ASYNCIO_KEY_ERROR);
    CHECK_NOTES("enter-a");
}

TEST(blocks_are_entered_inside_a_task) {
    asyncio_block s = block(&a, NULL);
    CHECK_ERROR(asyncio_block_enter(&s), ASYNCIO_RUNTIME_ERROR,
                "block should be used inside a task");
    CHECK_ERROR(asyncio_block_exit(&s, 0), ASYNCIO_RUNTIME_ERROR, "the block is not open");
    int rc = 0;
    bool ran = false;
    ASYNC_WITH(w, block(&a, &rc)) ran = true;
    CHECK(!ran);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(rc);
    CHECK_NOTES("");
}

/* The blocks outlive the body: once that has returned, its own variables are gone. */
static asyncio_block outer_block, inner_block;

ASYNC(leave_open, (int) code) {
    outer_block = block(&a, NULL);
    inner_block = block(&b, NULL);
    TRY(asyncio_block_enter(&outer_block));
    TRY(asyncio_block_enter(&inner_block));
    if (code < 0) TRY(AWAIT(fail(code)));
    RETURN(asyncio_own_str(strdup("value")));
}

TEST(blocks_left_open_are_closed_when_the_frame_ends) {
    CHECK_INT(run_to_status(leave_open(0)), 0);
    CHECK_NOTES("enter-a enter-b exit-b:OK exit-a:OK");
    CHECK_INT(run_to_status(leave_open(ASYNCIO_VALUE_ERROR)), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:ValueError");
    b.exit_status = 0;
    CHECK_INT(run_to_status(leave_open(ASYNCIO_VALUE_ERROR)), 0);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:OK");
    a.exit_status = ASYNCIO_KEY_ERROR; /* the value is dropped */
    CHECK_INT(run_to_status(leave_open(0)), ASYNCIO_KEY_ERROR);
}

#define AUTO_SCOPE __attribute__((cleanup(asyncio_block_fini))) asyncio_block

ASYNC(leave_open_variables, (int) code) {
    AUTO_SCOPE outer = block(&a, NULL);
    AUTO_SCOPE inner = block(&b, NULL);
    TRY(asyncio_block_enter(&outer));
    if (code > 0) RETURN(asyncio_own_str(strdup("early"))); /* inner is not open yet */
    TRY(asyncio_block_enter(&inner));
    if (code < 0) TRY(AWAIT(fail(code)));
    RETURN(asyncio_own_str(strdup("value")));
}

TEST(blocks_that_are_variables_are_closed_where_those_end) {
    CHECK_INT(run_to_status(leave_open_variables(0)), 0);
    CHECK_NOTES("enter-a enter-b exit-b:OK exit-a:OK");
    CHECK_INT(run_to_status(leave_open_variables(1)), 0);
    CHECK_NOTES("enter-a exit-a:OK");
    CHECK_INT(run_to_status(leave_open_variables(ASYNCIO_VALUE_ERROR)), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a enter-b exit-b:ValueError exit-a:ValueError");
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(leave_open_variables(0)), ASYNCIO_KEY_ERROR);
}

ASYNC(exit_outer_first) {
    asyncio_block outer = block(&a, NULL), inner = block(&b, NULL);
    TRY(asyncio_block_enter(&outer));
    TRY(asyncio_block_enter(&inner));
    TRY(asyncio_block_exit(&outer, 0));
    CHECK_ERROR(asyncio_block_exit(&inner, 0), ASYNCIO_RUNTIME_ERROR, "the block is not open");
    RETURN();
}

TEST(leaving_an_outer_block_closes_the_inner_ones_first) {
    CHECK_INT(run_to_status(exit_outer_first()), 0);
    CHECK_NOTES("enter-a enter-b exit-b:OK exit-a:OK");
}

static const asyncio_block_ops no_enter = { .size = sizeof no_enter,
                                            .name = "plain",
                                            .exit = exit_block };

ASYNC(without_enter) {
    int rc;
    ASYNC_WITH(s, asyncio_block_new(&rc, &no_enter, &a)) note("body");
    TRY(rc);
    RETURN();
}

TEST(enter_may_be_missing) {
    CHECK_INT(run_to_status(without_enter()), 0);
    CHECK_NOTES("body exit-a:OK");
}

ASYNC(exit_with_error) {
    int rc;
    ASYNC_WITH(s, block(&a, &rc)) { RAISE(ASYNCIO_VALUE_ERROR, "failed"); }
    RETURN();
}

static int exit_raises(asyncio_block *s, int status) {
    (void)s;
    CHECK_INT(status, ASYNCIO_VALUE_ERROR);
    return asyncio_raise(ASYNCIO_KEY_ERROR, ASYNCIO_WHERE, __func__, "from exit");
}
static const asyncio_block_ops raising_ops = { .size = sizeof raising_ops,
                                               .name = "raising",
                                               .exit = exit_raises };

ASYNC(raise_in_exit) {
    int rc;
    ASYNC_WITH(s, asyncio_block_new(&rc, &raising_ops, NULL)) {
        RAISE(ASYNCIO_VALUE_ERROR, "from body");
    }
    RETURN();
}

ASYNC(check_context) {
    int rc = AWAIT(raise_in_exit());
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_INT(rc, ASYNCIO_KEY_ERROR);
    CHECK_STR(asyncio_error_message(e), "from exit");
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "from body");
    RETURN();
}

TEST(error_raised_by_the_exit_has_the_bodys_as_context) {
    CHECK_INT(run_to_status(check_context()), 0);
    CHECK_INT(run_to_status(exit_with_error()), ASYNCIO_VALUE_ERROR);
}

/* ---- the name ---- */

ASYNCIO_BLOCK_TYPE(typed_with, struct block);

static typed_with typed(struct block *object, int *rc) {
    return (typed_with){ .block = asyncio_block_new(rc, &block_ops, object) };
}

#define IS(type, x) _Generic((x), type : true, default : false)

ASYNC(look_at_names) {
    int rc;
    ASYNC_WITH(x, typed(&a, &rc)) {
        CHECK(IS(struct block *, x));
        CHECK_STR(x->name, "a");
    }
    ASYNC_WITH(x, block(&b, &rc)) {
        CHECK(IS(void *, x));
        CHECK_PTR(x, &b);
    }
    ASYNC_WITH(x, a.suspends ? block(&b, &rc) : typed(&a, &rc).block) CHECK_PTR(x, &a);
    TRY(rc);
    RETURN();
}

TEST(name_is_the_object_with_the_constructors_type) {
    CHECK_INT(run_to_status(look_at_names()), 0);
    CHECK_NOTES("enter-a exit-a:OK enter-b exit-b:OK enter-a exit-a:OK");
}

static int enter_other(asyncio_block *s) {
    CHECK_PTR(s->object, &a);
    s->object = &b;
    return 7; /* not an error: the body runs, and its status begins with 0 */
}
static const asyncio_block_ops other_ops = {
    .size = sizeof other_ops, .name = "other", .enter = enter_other, .exit = exit_block
};

ASYNC(enter_makes_the_object) {
    int rc = 5;
    typed_with other = { .block = asyncio_block_new(&rc, &other_ops, &a) };
    ASYNC_WITH(x, other) {
        CHECK_INT(rc, 0);
        CHECK_STR(x->name, "b");
    }
    ASYNC_BLOCK(y, other);
    CHECK_STR(y->name, "a");
    ASYNC_WITH_BLOCK(y) CHECK_STR(y->name, "b");
    CHECK_STR(y->name, "b");
    RETURN();
}

TEST(name_is_what_enter_leaves_in_the_block) {
    CHECK_INT(run_to_status(enter_makes_the_object()), 0);
    CHECK_NOTES("exit-b:OK exit-b:OK");
}

ASYNC(without_names) {
    int rc, inner;
    ASYNC_WITH(_, typed(&a, &rc)) {
        ASYNC_WITH(_, typed(&b, &inner)) note("body");
        ASYNC_WITH(_, block(&b, NULL)) note("body");
    }
    TRY(rc);
    RETURN();
}

TEST(blocks_inside_each_other_may_all_be_without_a_name) {
    CHECK_INT(run_to_status(without_names()), 0);
    CHECK_NOTES("enter-a enter-b body exit-b:OK enter-b body exit-b:OK exit-a:OK");
}

/* ---- a block that is declared before it is entered ---- */

static int references;

static void ref_block(void *object) {
    note("ref-%s", ((struct block *)object)->name);
    references++;
}
static void unref_block(void *object) {
    note("unref-%s", ((struct block *)object)->name);
    references--;
}
static const asyncio_block_ops kept_ops = { .size = sizeof kept_ops,
                                            .name = "kept",
                                            .enter = enter_block,
                                            .exit = exit_block,
                                            .ref = ref_block,
                                            .unref = unref_block };

static typed_with kept(struct block *object, int *rc) {
    return (typed_with){ .block = asyncio_block_new(rc, &kept_ops, object) };
}

/* way: 0 the end, 1 break, 2 continue, 3 RETURN, 4 RAISE, 5 TRY. */
ASYNC(declares, (int) way) {
    int rc;
    ASYNC_BLOCK(x, kept(&a, &rc));
    CHECK(IS(struct block *, x));
    rc = ASYNCIO_KEY_ERROR; /* whatever was before the entry */
    ASYNC_WITH_BLOCK(x) {
        CHECK_INT(rc, 0);
        CHECK_STR(x->name, "a");
        if (way == 1) break;
        if (way == 2) continue;
        if (way == 3) RETURN(asyncio_own_str(strdup("value")));
        if (way == 4) RAISE(ASYNCIO_VALUE_ERROR, "failed");
        if (way == 5) TRY(AWAIT(fail(ASYNCIO_VALUE_ERROR)));
        note("body");
    }
    CHECK_INT(references, 1);
    note("rc=%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST(declared_block_keeps_its_object_until_the_variable_goes) {
    CHECK_INT(run_to_status(declares(0)), 0);
    CHECK_NOTES("enter-a ref-a body exit-a:OK rc=OK unref-a");
    CHECK_INT(run_to_status(declares(1)), 0);
    CHECK_NOTES("enter-a ref-a exit-a:OK rc=OK unref-a");
    CHECK_INT(run_to_status(declares(2)), 0);
    CHECK_NOTES("enter-a ref-a exit-a:OK rc=OK unref-a");
}

TEST(declared_block_is_left_early_as_any_block) {
    CHECK_INT(run_to_status(declares(3)), 0);
    CHECK_NOTES("enter-a ref-a exit-a:OK unref-a");
    CHECK_INT(run_to_status(declares(4)), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a ref-a exit-a:ValueError unref-a");
    a.suspends = true;
    CHECK_INT(run_to_status(declares(5)), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a ref-a exit-a:ValueError unref-a");
    a.exit_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(declares(3)), ASYNCIO_KEY_ERROR);
    CHECK_INT(run_to_status(declares(4)), ASYNCIO_KEY_ERROR);
    CHECK_INT(run_to_status(declares(0)), ASYNCIO_KEY_ERROR);
    a.exit_status = 0;
    CHECK_INT(run_to_status(declares(5)), 0);
    CHECK_INT(references, 0);
}

ASYNC(fails_to_enter) {
    int rc;
    ASYNC_BLOCK(x, kept(&a, &rc));
    ASYNC_WITH_BLOCK(x) note("not-here");
    note("rc=%s", asyncio_err_name(rc));
    ASYNC_BLOCK(never, kept(&b, NULL));
    CHECK_STR(never->name, "b");
    RETURN();
}

TEST(declared_block_that_is_not_entered_has_nothing_to_keep) {
    a.enter_status = ASYNCIO_KEY_ERROR;
    CHECK_INT(run_to_status(fails_to_enter()), 0);
    CHECK_NOTES("enter-a rc=KeyError");
}

ASYNC(enters_again) {
    int rc;
    ASYNC_BLOCK(x, kept(&a, &rc));
    ASYNC_WITH_BLOCK(x) {
        ASYNC_WITH_BLOCK(x) FAIL("entered inside itself");
        CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "kept has already been entered");
        rc = 0;
    }
    TRY(rc);
    ASYNC_WITH_BLOCK(x) FAIL("entered again");
    CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, "kept has already been entered");
    RETURN();
}

TEST(declared_block_is_entered_once) {
    CHECK_INT(run_to_status(enters_again()), 0);
    CHECK_NOTES("enter-a ref-a exit-a:OK unref-a");
}

ASYNC(declares_in_a_loop) {
    for (int i = 0; i < 3; i++) {
        int rc;
        ASYNC_BLOCK(x, kept(i == 1 ? &b : &a, &rc));
        ASYNC_WITH_BLOCK(x) {
            if (i == 0) break;
            if (i == 2) RAISE(ASYNCIO_VALUE_ERROR, "failed");
            note("body");
        }
        note("%d", i);
    }
    RETURN();
}

TEST(block_declared_in_a_loop_is_a_new_one_each_time) {
    CHECK_INT(run_to_status(declares_in_a_loop()), ASYNCIO_VALUE_ERROR);
    CHECK_NOTES("enter-a ref-a exit-a:OK 0 unref-a enter-b ref-b body exit-b:OK 1 unref-b "
                "enter-a ref-a exit-a:ValueError unref-a");
}

ASYNC(enters_by_hand, (bool) declared) {
    __attribute__((cleanup(asyncio_block_drop))) asyncio_block s = kept(&a, NULL).block;
    if (declared) CHECK_PTR(asyncio_block_begin(&s), &s);
    else TRY(asyncio_block_enter(&s));
    RETURN();
}

TEST(declared_block_that_is_open_is_left_where_the_variable_goes) {
    CHECK_INT(run_to_status(enters_by_hand(true)), 0);
    CHECK_NOTES("enter-a ref-a exit-a:OK unref-a");
    CHECK_INT(run_to_status(enters_by_hand(false)), 0);
    CHECK_NOTES("enter-a exit-a:OK");
}

TEST(loop_closed_inside_a_declared_block_runs_its_exit_and_lets_go) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, declares(5));
    turn();
    asyncio_loop_close(loop);
    CHECK_NOTES("enter-a ref-a exit-a:GeneratorExit unref-a");
    asyncio_task_unref(t);
    end_loop();
}

ASYNC(keeps_nothing, (const asyncio_block_ops *) ops) {
    int rc;
    if (!ops) {
        ASYNC_WITH(_, kept(&a, &rc)) note("body");
        return rc;
    }
    ASYNC_BLOCK(x, asyncio_block_new(&rc, ops, &a));
    ASYNC_WITH_BLOCK(x) note("body");
    CHECK_PTR(x, &a);
    return rc;
}

TEST(references_are_for_declared_blocks_of_kinds_that_have_them) {
    static asyncio_block_ops older, half;
    older = half = kept_ops;
    older.size = offsetof(asyncio_block_ops, ref);
    half.unref = NULL;
    start_loop();
    for (int i = 0; i < 3; i++) {
        const asyncio_block_ops *ops = i == 0 ? &older : i == 1 ? &half : &block_ops;
        CHECK_INT(run(keeps_nothing(ops)), 0);
        CHECK_NOTES("enter-a body exit-a:OK");
    }
    CHECK_INT(run(keeps_nothing(NULL)), 0); /* ASYNC_WITH */
    CHECK_NOTES("enter-a body exit-a:OK");
    end_loop();
}
