/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/shutdown.c: the end of a run with a limit: repeated cancellation, the report of
 * what is still there, unwinding; and that without a limit all is as in asyncio.
 */
#include "core.h"

static char reports[2048];

static int note_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    char text[400] = "";
    (void)l, (void)arg;
    if (context->task) asyncio_task_repr(context->task, text, sizeof text);
    size_t n = strlen(reports);
    snprintf(reports + n, sizeof reports - n, "[%s: %s]", context->message, text);
    note("%s:%s", asyncio_task_get_name(context->task), context->message);
    return 0;
}

static asyncio_loop *noting_loop(void *arg) {
    (void)arg;
    asyncio_loop *l = asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(l, note_report, NULL);
    return l;
}

static double now(void) { return asyncio_loop_time(asyncio_get_running_loop()); }

/* Ends at the n-th cancellation. */
ASYNC(swallows, (const char *) name, (int) n) {
    int rc = 0;
    while (n > 0) {
        rc = AWAIT(asyncio_sleep(1000));
        if (rc == ASYNCIO_GENERATOR_EXIT) {
            note("%s:unwound", name);
            return rc;
        }
        note("%s:cancelled-at-%g", name, now());
        if (--n > 0) asyncio_ignore(rc);
    }
    return rc;
}

ASYNC(leaves, (int) n) {
    TRY(asyncio_spawn(swallows("a", n), .name = "a"));
    TRY(asyncio_spawn(swallows("b", 1), .name = "b"));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(5);
}

#define RUN(main, ...) asyncio_run(main, __VA_ARGS__, .loop_factory = noting_loop)

TEST(with_a_limit_a_task_that_ends_at_the_first_cancellation_is_cancelled_once) {
    asyncio_value v;
    CHECK_INT(RUN(leaves(1), &v, .shutdown_timeout = 10), 0);
    CHECK_INT(v.i, 5);
    CHECK_NOTES("a:cancelled-at-0 b:cancelled-at-0");
}

TEST(a_task_that_swallows_a_cancellation_is_cancelled_again) {
    asyncio_value v;
    CHECK_INT(RUN(leaves(3), &v, .shutdown_timeout = 10, .shutdown_repeat = 2), 0);
    CHECK_INT(v.i, 5);
    CHECK_NOTES("a:cancelled-at-0 b:cancelled-at-0 a:cancelled-at-2 a:cancelled-at-4");
}

TEST(by_default_it_is_cancelled_ten_times) {
    CHECK_INT(RUN(leaves(3), NULL, .shutdown_timeout = 10), 0);
    CHECK_NOTES("a:cancelled-at-0 b:cancelled-at-0 a:cancelled-at-1 a:cancelled-at-2");
}

TEST(what_is_there_at_the_end_is_reported_once_and_unwound) {
    asyncio_value v = asyncio_int(1);
    CHECK_ERROR(RUN(leaves(100), &v, .shutdown_timeout = 3, .shutdown_repeat = 2),
                ASYNCIO_TIMEOUT_ERROR, "1 task did not end within the shutdown timeout");
    CHECK_INT(v.i, 1);
    CHECK_NOTES("a:cancelled-at-0 b:cancelled-at-0 a:cancelled-at-2 "
                "a:Task did not end within the shutdown timeout a:unwound");
    CHECK_CONTAINS(reports, "name='a'");
    CHECK_CONTAINS(reports, "wait_for=<Future pending");
}

ASYNC(fails_and_leaves) {
    TRY(AWAIT(leaves(100)));
    RAISE(ASYNCIO_KEY_ERROR, "main failed");
}

TEST(the_error_of_main_comes_before_that_of_the_shutdown) {
    CHECK_ERROR(RUN(fails_and_leaves(), NULL, .shutdown_timeout = 1), ASYNCIO_KEY_ERROR,
                "main failed");
    CHECK_CONTAINS(notes, "a:Task did not end within the shutdown timeout a:unwound");
}

ASYNC(fails_at_the_end) {
    int rc = AWAIT(asyncio_sleep(100));
    asyncio_ignore(rc);
    RAISE(ASYNCIO_VALUE_ERROR, "while stopping");
}

ASYNC(leaves_failing) {
    TRY(asyncio_spawn(fails_at_the_end(), .name = "f"));
    TRY(asyncio_spawn(swallows("s", 100), .name = "s"));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(errors_and_tasks_that_are_left_are_reported_in_order_of_creation) {
    CHECK_ERROR(RUN(leaves_failing(), NULL, .shutdown_timeout = 1, .shutdown_repeat = 5),
                ASYNCIO_TIMEOUT_ERROR, "1 task did not end within the shutdown timeout");
    CHECK_NOTES("s:cancelled-at-0 f:unhandled exception during asyncio.run() shutdown "
                "s:Task did not end within the shutdown timeout s:unwound");
}

ASYNC(shielded) {
    int rc;
    ASYNC_WITH(block, asyncio_shielded(ASYNCIO_FOREVER, &rc)) rc = AWAIT(asyncio_sleep(5));
    note("saved:%s", asyncio_err_name(rc));
    return AWAIT(asyncio_sleep(100));
}

ASYNC(leaves_shielded) {
    TRY(asyncio_spawn(shielded(), .name = "shielded"));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(a_shielded_block_has_until_the_limit) {
    CHECK_INT(RUN(leaves_shielded(), NULL, .shutdown_timeout = 10), 0);
    CHECK_NOTES("saved:OK");
    CHECK_INT(RUN(leaves_shielded(), NULL, .shutdown_timeout = 2), ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(ASYNCIO_TIMEOUT_ERROR);
    CHECK_NOTES("shielded:Task did not end within the shutdown timeout saved:GeneratorExit");
}

ASYNC_GEN(slow_to_close) {
    int rc = YIELD(asyncio_int(1));
    asyncio_ignore(rc);
    rc = AWAIT(asyncio_sleep(100));
    note("closer:%s", asyncio_err_name(rc));
    return rc;
}

ASYNC(leaves_generator, (asyncio_gen *) g) {
    asyncio_value v;
    return AWAIT(asyncio_gen_next(g), &v);
}

TEST(the_limit_holds_for_generators_too) {
    asyncio_gen *g = slow_to_close();
    CHECK_ERROR(RUN(leaves_generator(g), NULL, .shutdown_timeout = 2), ASYNCIO_TIMEOUT_ERROR,
                "generators were not closed within the shutdown timeout");
    asyncio_gen_unref(g);
    CHECK_CONTAINS(notes, "closer:GeneratorExit");
}

TEST(without_a_limit_a_task_is_cancelled_once_and_waited_for) { /* RUN-5 */
    /* It swallows two of the requests, the third never comes: it sleeps to its end. */
    CHECK_INT(RUN(leaves(2), NULL), 0);
    CHECK_NOTES("a:cancelled-at-0 b:cancelled-at-0 a:cancelled-at-1000");
}

TEST(a_runner_has_the_same_limit) {
    asyncio_run_options o = {
        .size = sizeof o, .loop_factory = noting_loop, .shutdown_timeout = 1, .shutdown_repeat = 5
    };
    asyncio_auto_runner r = asyncio_runner_new(&o);
    CHECK_INT(asyncio_runner_run(r, leaves(100), NULL, NULL), 0);
    CHECK_ERROR(asyncio_runner_close(r), ASYNCIO_TIMEOUT_ERROR,
                "1 task did not end within the shutdown timeout");
    CHECK_INT(asyncio_runner_close(r), 0);
}

TEST(wrong_times_are_refused) {
    static const char text[] = "times for the shutdown must not be negative";
    CHECK_ERROR(RUN(leaves(1), NULL, .shutdown_timeout = -1), ASYNCIO_VALUE_ERROR, text);
    CHECK_ERROR(RUN(leaves(1), NULL, .shutdown_repeat = -1), ASYNCIO_VALUE_ERROR, text);
    CHECK_ERROR(RUN(leaves(1), NULL, .shutdown_timeout = (double)NAN), ASYNCIO_VALUE_ERROR, text);
    asyncio_run_options o = { .size = sizeof o, .shutdown_repeat = (double)NAN };
    CHECK_NULL_ERROR(asyncio_runner_new(&o), ASYNCIO_VALUE_ERROR, text);
}

TEST(a_shutdown_without_memory_ends_all_the_same) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    bool failed = true;
    for (long n = 1; failed; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = RUN(leaves(100), NULL, .shutdown_timeout = 3);
        failed = asyncio_testing_fail_allocation(0) >= n;
        asyncio_ignore(rc);
        CHECK(rc < 0);
    }
}
