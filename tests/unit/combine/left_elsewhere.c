/* SPDX-License-Identifier: MIT
 *
 * Blocks around a YIELD: another task than the one that entered the block may leave it, after that
 * one is done, too; and a generator that does not end when it is closed has its blocks left.
 */
#include "combine.h"

static asyncio_taskgroup *tg;

static void spawn(asyncio_coro c) { CHECK_INT(asyncio_taskgroup_spawn(tg, c), 0); }

/* ---- who enters and who leaves ---- */

ASYNC(advances, (asyncio_gen *)g) {
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    RETURN();
}

/* Another task advances it once, and is gone afterwards. */
static void start_elsewhere(asyncio_gen *g) {
    asyncio_auto_task t = asyncio_create_task(advances(g));
    CHECK_INT(AWAIT(t), 0);
}

/* The same, but it lives until `end`. */
ASYNC(advances_and_stays, (asyncio_gen *)g, (asyncio_event *)end) {
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    int rc = AWAIT(asyncio_event_wait(end));
    note("%s:%s", asyncio_task_get_name(asyncio_current_task()), asyncio_err_name(rc));
    return rc;
}

static asyncio_task *start_in(asyncio_gen *g, asyncio_event *end, const char *name) {
    asyncio_task *t = asyncio_create_task(advances_and_stays(g, end), .name = name);
    CHECK_INT(AWAIT(asyncio_sleep(0)), 0);
    return t;
}

/* ---- groups ---- */

ASYNC_GEN(in_a_group, (int)n) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(cleans_up("child", 5));
        for (int i = 0; i < n; i++) TRY(YIELD(i));
        note("through");
    }
    note("left:%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    RETURN();
}

TEST_ASYNC(the_task_that_closes_a_generator_waits_for_the_group_in_it) { /* GEN-1 */
    asyncio_auto_gen g = in_a_group(10);
    start_elsewhere(g);
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(AWAIT(asyncio_gen_aclose(g)));
    note("closed at %g", now());
    CHECK_INT(cancelling(), 0);
    CHECK_NOTES("child-cleaned closed at 6");
    RETURN();
}

ASYNC(breaks_out) {
    {
        asyncio_value v;
        int rc;
        asyncio_auto_gen g = in_a_group(10);
        ASYNC_FOR(v, g, rc) if (v.i == 1) break;
    }
    TRY(AWAIT(asyncio_sleep(1)));
    note("undisturbed");
    TRY(AWAIT(asyncio_sleep(10)));
    RETURN();
}

TEST(the_task_that_has_dropped_a_generator_is_not_disturbed_by_the_group_in_it) { /* GEN-1 */
    run_alone(breaks_out());
    CHECK_INT(reported.count, 0);
    CHECK_NOTES("undisturbed child-cleaned");
}

TEST_ASYNC(the_task_that_goes_on_to_the_end_of_the_block_waits) { /* GEN-1 */
    asyncio_auto_gen g = in_a_group(2);
    asyncio_value v;
    start_elsewhere(g);
    TRY(AWAIT(asyncio_gen_next(g), &v));
    asyncio_task *all[4];
    asyncio_task *child = NULL;
    size_t n = asyncio_all_tasks(NULL, all, 4);
    for (size_t i = 0; i < n; i++)
        if (all[i] != asyncio_current_task()) child = all[i];
    asyncio_task_cancel(child, NULL);
    CHECK_ERROR(AWAIT(asyncio_gen_next(g), &v), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    note("ended at %g", now());
    CHECK_NOTES("through child-cleaned left:OK at 5 ended at 5");
    RETURN();
}

ASYNC(leaves_it_open, (asyncio_gen **)g) {
    *g = in_a_group(10);
    asyncio_value v;
    TRY(AWAIT(asyncio_gen_next(*g), &v));
    RETURN();
}

TEST(the_end_of_a_run_leaves_the_block) { /* GEN-1 */
    for (int i = 0; i < 2; i++) {
        asyncio_gen *g;
        start_loop();
        CHECK_INT(run(leaves_it_open(&g)), 0);
        if (i == 0) {
            CHECK_INT(run(asyncio_loop_shutdown_asyncgens(loop)), 0);
            CHECK_NOTES("child-cleaned");
        }
        CHECK_INT(asyncio_loop_close(loop), 0);
        asyncio_gen_unref(g);
        CHECK_INT(asyncio_testing_live_objects(loop), 0);
        asyncio_loop_unref(loop);
    }
}

ASYNC_GEN(failing_group, (double)delay) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        spawn(fails_after(delay, ASYNCIO_KEY_ERROR, "k"));
        spawn(cleans_up("other", 1));
        for (int i = 0; i < 10; i++) TRY(YIELD(i));
    }
    TRY(rc);
    RETURN();
}

static void check_group_of(int rc, int first) {
    CHECK_STR(asyncio_err_name(rc), asyncio_err_name(ASYNCIO_BASE_EXCEPTION_GROUP));
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_INT(asyncio_error_count(e), 2);
    CHECK_INT(asyncio_error_code(asyncio_error_child(e, 0)), first);
    CHECK_INT(asyncio_error_code(asyncio_error_child(e, 1)), ASYNCIO_GENERATOR_EXIT);
}

TEST_ASYNC(a_task_that_fails_after_the_one_that_entered_its_group_is_reported) { /* TG-25 */
    asyncio_auto_gen g = failing_group(1);
    start_elsewhere(g);
    TRY(AWAIT(asyncio_sleep(5))); /* nobody is interrupted: there is nobody left to be */
    CHECK_NOTES("other-cleaned");
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "the parent task of its group is already completed");
    check_group_of(AWAIT(asyncio_gen_aclose(g)), ASYNCIO_KEY_ERROR);
    CHECK_INT(cancelling(), 0);
    RETURN();
}

TEST_ASYNC(the_groups_request_goes_to_the_task_that_entered_it) { /* GEN-1 */
    asyncio_auto_gen g = failing_group(1);
    asyncio_auto_event end = asyncio_event_new();
    asyncio_auto_task parent = start_in(g, end, "parent");
    TRY(AWAIT(asyncio_sleep(5)));
    CHECK_NOTES("parent:CancelledError other-cleaned");
    CHECK_INT(asyncio_task_cancelling(parent), 1); /* the exit has not taken it back */
    check_group_of(AWAIT(asyncio_gen_aclose(g)), ASYNCIO_KEY_ERROR);
    CHECK_INT(asyncio_task_cancelling(parent), 0);
    CHECK_INT(cancelling(), 0);
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

ASYNC(closes_and_is_cancelled, (asyncio_gen *)g) {
    int rc = AWAIT(asyncio_gen_aclose(g));
    note("%s", asyncio_err_name(rc));
    if (rc >= 0) {
        rc = AWAIT(asyncio_sleep(0));
        note("%s", asyncio_err_name(rc));
    }
    return rc;
}

/* The group is cancelled, and then the task that waits in its exit. */
ASYNC(cancels_who_leaves, (bool)parent_lives, (bool)group) {
    asyncio_auto_gen g = in_a_group(10);
    asyncio_auto_event end = asyncio_event_new();
    asyncio_auto_task parent = NULL;
    if (parent_lives) parent = start_in(g, end, "parent");
    else start_elsewhere(g);
    pass(2);
    if (group) asyncio_taskgroup_cancel(tg);
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_auto_task closer = asyncio_create_task(closes_and_is_cancelled(g));
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_task_cancel(closer, "closer");
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK(!asyncio_task_done(closer)); /* the group still waits */
    CHECK_ERROR(AWAIT(closer), ASYNCIO_CANCELLED_ERROR, parent_lives ? "closer" : NULL);
    CHECK_INT(asyncio_task_cancelling(closer), 1);
    if (parent) CHECK_INT(asyncio_task_cancelling(parent), 0);
    asyncio_event_set(end);
    RETURN();
}

TEST(a_cancellation_of_the_task_that_leaves_is_its_own) { /* GEN-1 */
    run_alone(cancels_who_leaves(true, true));
    CHECK_NOTES("parent:CancelledError child-cleaned CancelledError");
    /* The group has made no request: the one that it sees hits the next await of the task. */
    run_alone(cancels_who_leaves(false, true));
    CHECK_NOTES("child-cleaned OK CancelledError");
    run_alone(cancels_who_leaves(false, false));
    CHECK_NOTES("child-cleaned OK CancelledError");
}

ASYNC_GEN(pair_of_calls) {
    TRY(asyncio_taskgroup_enter(&tg));
    asyncio_auto_taskgroup group = tg;
    spawn(cleans_up("child", 5));
    int rc = YIELD(1);
    rc = AWAIT(asyncio_taskgroup_exit(group, rc));
    note("exit:%s at %g", asyncio_err_name(rc), now());
    TRY(rc);
    RETURN();
}

ASYNC(exits_by_hand) {
    asyncio_auto_gen g = pair_of_calls();
    start_elsewhere(g);
    TRY(AWAIT(asyncio_gen_throw(g, asyncio_error_new(ASYNCIO_CANCELLED_ERROR, "thrown"))));
    RETURN();
}

TEST(enter_and_exit_may_be_called_in_two_tasks) {
    start_loop();
    CHECK_ERROR(run(exits_by_hand()), ASYNCIO_CANCELLED_ERROR, "thrown");
    end_loop();
    CHECK_NOTES("child-cleaned exit:CancelledError at 5");
}

TEST_ASYNC(exit_is_awaited_where_the_group_was_entered) {
    TRY(asyncio_taskgroup_enter(&tg));
    asyncio_auto_taskgroup group = tg;
    asyncio_auto_task t = asyncio_create_task(asyncio_taskgroup_exit(group, 0));
    CHECK_ERROR(AWAIT(t), ASYNCIO_RUNTIME_ERROR, "TaskGroup is not open here");
    TRY(AWAIT(asyncio_taskgroup_exit(group, 0)));
    RETURN();
}

/* ---- timeouts ---- */

ASYNC_GEN(in_a_timeout, (double)delay) {
    int rc;
    ASYNC_WITH(block, asyncio_timeout(delay, &rc)) {
        asyncio_value sent = asyncio_none();
        for (int i = 0; i < 10; i++) {
            rc = YIELD(asyncio_timeout_expired(block), &sent);
            if (rc < 0) break;
            if (sent.type) {
                CHECK_INT(asyncio_timeout_reschedule(block, (double)sent.i), 0);
                note("%s", REPR(asyncio_timeout_repr, block));
                rc = AWAIT(asyncio_sleep(100));
                note("%s at %g", asyncio_err_name(rc), now());
                break;
            }
        }
    }
    note("left:%s", asyncio_err_name(rc));
    TRY(rc);
    RETURN();
}

TEST_ASYNC(a_deadline_after_its_task_is_done_cancels_nobody) { /* GEN-2 */
    asyncio_auto_gen g = in_a_timeout(1);
    asyncio_value v;
    start_elsewhere(g);
    asyncio_auto_task innocent = asyncio_create_task(sleeper("innocent", 5)); /* in its memory */
    TRY(AWAIT(asyncio_sleep(3)));
    CHECK_INT(asyncio_task_cancelling(innocent), 0);
    TRY(AWAIT(asyncio_gen_next(g), &v));
    CHECK_INT(v.i, true); /* expired */
    TRY(AWAIT(asyncio_gen_aclose(g)));
    TRY(AWAIT(innocent));
    CHECK_NOTES("left:GeneratorExit innocent");
    RETURN();
}

TEST_ASYNC(a_deadline_cancels_the_task_that_entered_the_block) { /* GEN-2 */
    asyncio_auto_gen g = in_a_timeout(1);
    asyncio_auto_event end = asyncio_event_new();
    asyncio_auto_task enterer = start_in(g, end, "enterer");
    TRY(AWAIT(asyncio_sleep(3)));
    CHECK_NOTES("enterer:CancelledError");
    CHECK_INT(asyncio_task_cancelling(enterer), 1);
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_INT(asyncio_task_cancelling(enterer), 0);
    CHECK_NOTES("left:GeneratorExit");
    RETURN();
}

ASYNC(sends, (asyncio_gen *)g, (double)when) {
    asyncio_value v;
    return AWAIT(asyncio_gen_send(g, asyncio_int((long long)when)), &v);
}

ASYNC(leaver_is_cancelled, (double)when) {
    asyncio_auto_gen g = in_a_timeout(50);
    start_elsewhere(g);
    asyncio_auto_task leaver = asyncio_create_task(sends(g, when));
    TRY(AWAIT(asyncio_sleep(5)));
    asyncio_task_cancel(leaver, "mine");
    CHECK_ERROR(AWAIT(leaver), ASYNCIO_CANCELLED_ERROR, "mine");
    CHECK_INT(asyncio_task_cancelling(leaver), 1);
    RETURN();
}

TEST(a_cancellation_of_another_task_does_not_become_a_timeout) { /* GEN-2 */
    run_alone(leaver_is_cancelled(3)); /* the deadline has passed, for a task that is gone */
    CHECK_NOTES("<Timeout [active] when=3.000> CancelledError at 5 left:CancelledError");
    run_alone(leaver_is_cancelled(30));
    CHECK_NOTES("<Timeout [active] when=30.000> CancelledError at 5 left:CancelledError");
}

/* The scope that the block was entered under is gone when the deadline passes, and its memory is
 * that of a shield, which holds the request back like any other. */
ASYNC(enters_under_a_scope, (asyncio_gen *)g) {
    asyncio_value v;
    int rc, clean;
    ASYNC_WITH(around, asyncio_cancelscope(&rc)) rc = AWAIT(asyncio_gen_next(g), &v);
    TRY(rc);
    ASYNC_WITH(shield, asyncio_shielded(ASYNCIO_FOREVER, &clean)) {
        clean = AWAIT(asyncio_sleep(5));
        note("shielded:%s cancelling:%u", asyncio_err_name(clean), cancelling());
    }
    rc = AWAIT(asyncio_sleep(5));
    note("after:%s", asyncio_err_name(rc));
    return rc;
}

TEST_ASYNC(a_deadline_does_not_look_at_a_scope_that_is_gone) {
    asyncio_auto_gen g = in_a_timeout(1);
    asyncio_auto_task t = asyncio_create_task(enters_under_a_scope(g));
    CHECK_ERROR(AWAIT(t), ASYNCIO_CANCELLED_ERROR, NULL);
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_NOTES("shielded:OK cancelling:1 after:CancelledError left:GeneratorExit");
    RETURN();
}

/* ---- other blocks, of the library and of a program ---- */

struct watching {
    asyncio_task *task; /* that entered it; a reference */
};

static int enter_watching(asyncio_block *s) {
    struct watching *w = s->object;
    w->task = asyncio_task_ref(asyncio_current_task());
    note("entered-in:%s", asyncio_task_get_name(w->task));
    return 0;
}

static int exit_watching(asyncio_block *s, int status) {
    struct watching *w = s->object;
    asyncio_ignore(AWAIT(asyncio_sleep(1)));
    note("left-in:%s:%s", asyncio_task_get_name(asyncio_current_task()), asyncio_err_name(status));
    note("%s", asyncio_task_cancel(w->task, NULL) ? "cancelled" : "done");
    asyncio_task_unref(w->task);
    return status;
}

static const asyncio_block_ops watching_ops = {
    .size = sizeof watching_ops, .name = "watching", .enter = enter_watching, .exit = exit_watching
};

ASYNC_GEN(in_many, (asyncio_lock *)lock, (asyncio_semaphore *)sem, (asyncio_condition *)cond,
          (bool)stubborn) {
    int a, b, c, d, e;
    struct watching w = { NULL };
    ASYNC_WITH(in_lock, asyncio_lock_block(lock, &a))
    ASYNC_WITH(in_sem, asyncio_semaphore_block(sem, &b))
    ASYNC_WITH(in_cond, asyncio_condition_block(cond, &c))
    ASYNC_WITH(in_timeout, asyncio_timeout(50, &e))
    ASYNC_WITH(in_w, asyncio_block_new(&d, &watching_ops, &w)) {
        for (int i = 0; i < 1000; i++) {
            int rc = YIELD(i);
            if (!stubborn) TRY(rc);
            asyncio_ignore(rc);
        }
    }
    RETURN();
}

ASYNC(leaves_many, (bool)stubborn) {
    asyncio_auto_lock lock = asyncio_lock_new();
    asyncio_auto_semaphore sem = asyncio_semaphore_new(1);
    asyncio_auto_condition cond = asyncio_condition_new(NULL);
    asyncio_auto_gen g = in_many(lock, sem, cond, stubborn);
    asyncio_task *t = asyncio_create_task(advances(g), .name = "first");
    CHECK_INT(AWAIT(t), 0);
    asyncio_task_unref(t);
    CHECK(asyncio_lock_locked(lock) && asyncio_semaphore_locked(sem) &&
          asyncio_condition_locked(cond));
    asyncio_task_set_name(asyncio_current_task(), "second");
    int rc = AWAIT(asyncio_gen_aclose(g));
    CHECK_STR(asyncio_err_name(rc), stubborn ? "RuntimeError" : "OK");
    asyncio_ignore(rc);
    CHECK(!asyncio_lock_locked(lock) && !asyncio_semaphore_locked(sem) &&
          !asyncio_condition_locked(cond));
    CHECK_DOUBLE(now(), 1.0);
    RETURN();
}

TEST(all_kinds_of_blocks_are_left_in_the_task_that_closes) { /* GEN-1 */
    start_loop();
    CHECK_INT(run(leaves_many(false)), 0);
    check_no_timer(1);
    end_loop();
    CHECK_NOTES("entered-in:first left-in:second:GeneratorExit done");
}

/* ---- generators that do not end ---- */

TEST(the_blocks_of_a_generator_that_ignores_its_end_are_left) { /* GEN-3 */
    start_loop();
    CHECK_INT(run(leaves_many(true)), 0);
    check_no_timer(1);
    end_loop();
    CHECK_NOTES("entered-in:first left-in:second:GeneratorExit done");
}

ASYNC_GEN(stubborn_group, (int)how) {
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup(&rc)) {
        tg = block;
        if (how == 1) spawn(fails_if_cancelled(ASYNCIO_KEY_ERROR, "k"));
        else spawn(cleans_up("child", 5));
        for (int i = 0; i < 1000; i++) asyncio_ignore(YIELD(i));
    }
    RETURN();
}

TEST_ASYNC(a_group_in_a_generator_that_ignores_its_end_is_waited_for) { /* GEN-3 */
    asyncio_auto_gen g = stubborn_group(0);
    start_elsewhere(g);
    CHECK_ERROR(AWAIT(asyncio_gen_aclose(g)), ASYNCIO_RUNTIME_ERROR,
                "async generator ignored GeneratorExit");
    note("closed at %g", now());
    TRY(AWAIT(asyncio_gen_aclose(g)));
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_STOP_ASYNC_ITERATION, NULL);
    CHECK_NOTES("child-cleaned closed at 5");
    RETURN();
}

TEST_ASYNC(errors_of_its_blocks_are_the_context) {
    asyncio_auto_gen g = stubborn_group(1);
    start_elsewhere(g);
    TRY(AWAIT(asyncio_sleep(0)));
    int rc = AWAIT(asyncio_gen_aclose(g));
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    const asyncio_error *context = asyncio_error_context(e);
    CHECK_INT(asyncio_error_code(context), ASYNCIO_BASE_EXCEPTION_GROUP);
    CHECK_INT(asyncio_error_code(asyncio_error_child(context, 0)), ASYNCIO_KEY_ERROR);
    RETURN();
}

TEST_ASYNC(while_its_blocks_are_left_nobody_else_advances_it) {
    asyncio_auto_gen g = stubborn_group(0);
    start_elsewhere(g);
    asyncio_auto_task closer = asyncio_create_task(closes_and_is_cancelled(g));
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_ERROR(AWAIT(asyncio_gen_next(g)), ASYNCIO_RUNTIME_ERROR,
                "asynchronous generator is already running");
    asyncio_task_cancel(closer, "closer");
    CHECK_ERROR(AWAIT(closer), ASYNCIO_RUNTIME_ERROR, "async generator ignored GeneratorExit");
    CHECK_INT(asyncio_task_cancelling(closer), 1);
    CHECK_NOTES("child-cleaned RuntimeError");
    RETURN();
}

ASYNC_GEN(stubborn_timeout, (bool)awaits) {
    int rc;
    ASYNC_WITH(block, asyncio_timeout(3, &rc)) {
        asyncio_ignore(YIELD(0));
        while (awaits) asyncio_ignore(AWAIT(asyncio_sleep(1)));
        for (;;) asyncio_ignore(YIELD(1));
    }
    RETURN();
}

/* Written over the frames that the generator had. */
ASYNC(has_a_pattern) {
    volatile unsigned char pattern[12000];
    memset((void *)pattern, 0x5a, sizeof pattern);
    TRY(AWAIT(asyncio_sleep(10)));
    for (size_t i = 0; i < sizeof pattern; i++) CHECK_INT(pattern[i], 0x5a);
    RETURN();
}

ASYNC(stack_is_used_again, (asyncio_gen *)g) {
    if (g) {
        start_elsewhere(g);
        asyncio_gen_unref(g);
        pass(5);
    }
    asyncio_auto_task one = asyncio_create_task(has_a_pattern());
    asyncio_auto_task two = asyncio_create_task(has_a_pattern());
    TRY(AWAIT(one));
    TRY(AWAIT(two));
    RETURN();
}

TEST(no_timer_writes_to_the_stack_of_a_generator_that_was_dropped) { /* GEN-3 */
    start_loop();
    CHECK_INT(run(stack_is_used_again(stubborn_timeout(false))), 0);
    CHECK_INT(reported.count, 1);
    CHECK_STR(reported.error, "async generator ignored GeneratorExit");
    end_loop();
}

ASYNC(advances_only, (asyncio_gen *)g) {
    start_elsewhere(g);
    RETURN();
}

TEST(dropped_between_two_runs_it_is_unwound_and_its_blocks_are_left) { /* GEN-3 */
    for (int awaits = 0; awaits < 2; awaits++) {
        start_loop();
        asyncio_gen *g = stubborn_timeout(awaits);
        CHECK_INT(run(advances_only(g)), 0);
        asyncio_auto_task waits = asyncio_loop_create_task(loop, sleeper("next", 0));
        asyncio_gen_unref(g);
        CHECK_NOTES(""); /* nothing else has run meanwhile */
        CHECK_INT(run(stack_is_used_again(NULL)), 0);
        check_no_timer(10);
        CHECK_NOTES("next");
        asyncio_task_unref(waits);
        waits = NULL;
        end_loop();
    }
}

TEST(a_loop_that_is_closed_leaves_the_blocks_of_all_generators) { /* GEN-3 */
    for (int how = 0; how < 4; how++) {
        start_loop();
        asyncio_gen *g = how < 2    ? stubborn_timeout(how)
                         : how == 2 ? stubborn_group(0)
                                    : failing_group(1);
        CHECK_INT(run(advances_only(g)), 0);
        CHECK_INT(asyncio_loop_close(loop), 0);
        asyncio_gen_unref(g);
        CHECK_INT(asyncio_testing_live_objects(loop), 0);
        asyncio_loop_unref(loop);
    }
}

static bool no_tasks;

static asyncio_task *may_fail(asyncio_loop *l, const asyncio_task_options *options, void *arg) {
    (void)arg;
    if (!no_tasks) return asyncio_task_new(l, options);
    asyncio_ignore(asyncio_raise(-ENOMEM, NULL, NULL, NULL));
    return NULL;
}

ASYNC(drops_without_tasks, (asyncio_lock *)lock, (bool)shuts_down) {
    asyncio_auto_semaphore sem = asyncio_semaphore_new(1);
    asyncio_auto_condition cond = asyncio_condition_new(NULL);
    asyncio_gen *g = in_many(lock, sem, cond, false);
    start_elsewhere(g);
    no_tasks = true;
    asyncio_gen_unref(g);
    no_tasks = false;
    pass(5);
    CHECK(asyncio_lock_locked(lock));
    CHECK_INT(asyncio_loop_open_asyncgens(loop), 1);
    if (shuts_down) {
        TRY(AWAIT(asyncio_loop_shutdown_asyncgens(loop)));
        CHECK(!asyncio_lock_locked(lock));
    }
    RETURN();
}

TEST(without_memory_for_a_task_the_end_of_the_loop_closes_a_generator) {
    for (int i = 0; i < 2; i++) {
        asyncio_lock *lock = asyncio_lock_new();
        start_loop();
        asyncio_loop_set_task_factory(loop, may_fail, NULL);
        CHECK_INT(run(drops_without_tasks(lock, i)), 0);
        end_loop();
        CHECK(!asyncio_lock_locked(lock));
        asyncio_lock_unref(lock);
        notes[0] = '\0';
    }
}

/* ---- where a generator yields ---- */

ASYNC(yields_for, (asyncio_gen *)g) {
    return asyncio_gen_yield(g, asyncio_int(1), NULL, ASYNCIO_WHERE, __func__);
}

static asyncio_gen *self;

ASYNC_GEN(lets_others_yield) {
    CHECK_ERROR(AWAIT(yields_for(self)), ASYNCIO_RUNTIME_ERROR,
                "yield outside a running generator");
    TRY(YIELD(2));
    RETURN();
}

TEST_ASYNC(a_coroutine_that_a_generator_awaits_does_not_yield_for_it) {
    asyncio_auto_gen g = lets_others_yield();
    asyncio_value v;
    self = g;
    TRY(AWAIT(asyncio_gen_next(g), &v));
    CHECK_INT(v.i, 2);
    TRY(AWAIT(asyncio_gen_aclose(g)));
    RETURN();
}
