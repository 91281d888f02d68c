/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/failed_task.c: the prompt report of failed tasks that nobody joins: when it
 * comes, that it comes once, and that it can end the run.
 */
#include "core.h"

static const char late[] = "Task exception was never retrieved";
static const char prompt[] = "Task has failed and nobody has joined it";

ASYNC(fails, (double) seconds) {
    TRY(AWAIT(asyncio_sleep(seconds)));
    RAISE(ASYNCIO_KEY_ERROR, "dead");
}

static void wish(int what, double grace) {
    CHECK_INT(asyncio_loop_set_failed_task_report(loop, what, grace), 0);
}

static void check_reports(int count, const char *message) {
    CHECK_INT(reported.count, count);
    if (count > 0) CHECK_STR(reported.message, message);
}

ASYNC(keeps, (double) seconds, (int) expected) {
    asyncio_auto_task t = asyncio_create_task(fails(1));
    TRY(AWAIT(asyncio_sleep(seconds)));
    if (expected >= 0) CHECK_INT(reported.count, expected);
    RETURN();
}

TEST(without_a_mode_the_report_comes_with_the_last_reference) {
    start_loop();
    CHECK_INT(run(keeps(100, 0)), 0);
    check_reports(1, late);
    end_loop();
}

TEST(a_task_that_is_kept_is_reported_after_the_grace_and_not_again) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 2);
    CHECK_INT(run(keeps(2.9, 0)), 0);
    end_loop();
    reported.count = 0;
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 2);
    CHECK_INT(run(keeps(3.1, 1)), 0);
    check_reports(1, prompt);
    CHECK_STR(reported.error, "dead");
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    CHECK(reported.task != NULL && reported.where != NULL);
    end_loop();
    CHECK_INT(reported.count, 1);
}

TEST(a_grace_that_the_end_of_the_loop_cuts_short_loses_no_report) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 50);
    CHECK_INT(run(keeps(3, 0)), 0);
    check_reports(0, NULL);
    end_loop();
    check_reports(1, late);
}

TEST(without_a_grace_the_report_comes_when_nothing_is_ready) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 0);
    CHECK_INT(run(keeps(1.5, 1)), 0);
    check_reports(1, prompt);
    end_loop();
    CHECK_INT(reported.count, 1);
}

ASYNC(joins_late, (int) yields) {
    asyncio_auto_task t = asyncio_create_task(fails(0));
    for (int i = 0; i < yields; i++) TRY(AWAIT(asyncio_sleep(0)));
    CHECK(asyncio_task_done(t));
    asyncio_ignore(AWAIT(t));
    RETURN();
}

TEST(who_looks_before_the_loop_is_idle_is_in_time) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 0);
    CHECK_INT(run(joins_late(20)), 0);
    end_loop();
    check_reports(0, NULL);
}

ASYNC(joins_in_time, (double) seconds) {
    asyncio_auto_task t = asyncio_create_task(fails(1));
    TRY(AWAIT(asyncio_sleep(seconds)));
    asyncio_ignore(AWAIT(t));
    TRY(AWAIT(asyncio_sleep(50)));
    RETURN();
}

TEST(who_awaits_or_joins_in_time_hears_no_report) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 2);
    CHECK_INT(run(joins_in_time(0)), 0);
    CHECK_INT(run(joins_in_time(2.5)), 0);
    end_loop();
    check_reports(0, NULL);
}

ASYNC(spawns) {
    TRY(asyncio_spawn(fails(1)));
    TRY(AWAIT(asyncio_sleep(1)));
    TRY(AWAIT(asyncio_sleep(0)));
    note("%d", reported.count);
    TRY(AWAIT(asyncio_sleep(50)));
    RETURN();
}

TEST(a_task_that_nobody_refers_to_is_reported_at_once_and_once) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 10);
    CHECK_INT(run(spawns()), 0);
    CHECK_NOTES("1");
    check_reports(1, late);
    end_loop();
    CHECK_INT(reported.count, 1);
}

ASYNC(gathers) {
    int rc = AWAIT(asyncio_gather(NULL, fails(1), fails(2)));
    asyncio_ignore(rc);
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) TRY(asyncio_taskgroup_spawn(tg, fails(1)));
    asyncio_ignore(rc);
    TRY(AWAIT(asyncio_sleep(50)));
    RETURN();
}

TEST(tasks_of_groups_and_gathers_are_not_reported) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 0);
    CHECK_INT(run(gathers()), 0);
    end_loop();
    check_reports(0, NULL);
}

TEST(a_main_coroutine_that_fails_is_not_reported) {
    for (int grace = 0; grace < 2; grace++) {
        start_loop();
        wish(ASYNCIO_FAILED_TASK_FAIL, grace);
        CHECK_ERROR(run(fails(1)), ASYNCIO_KEY_ERROR, "dead");
        end_loop();
        check_reports(0, NULL);
    }
}

TEST(the_loop_can_be_made_to_fail) {
    for (int grace = 0; grace < 2; grace++) {
        reported.count = 0;
        start_loop();
        wish(ASYNCIO_FAILED_TASK_FAIL, grace);
        CHECK_ERROR(run(keeps(100, -1)), ASYNCIO_KEY_ERROR, "dead");
        CHECK_DOUBLE(asyncio_loop_time(loop), 1.0 + grace);
        check_reports(1, prompt);
        CHECK_INT(asyncio_loop_close(loop), 0);
        asyncio_loop_unref(loop);
    }
}

ASYNC(main_of_run) {
    TRY(asyncio_loop_set_failed_task_report(asyncio_get_running_loop(), ASYNCIO_FAILED_TASK_FAIL,
                                            0));
    asyncio_auto_task t = asyncio_create_task(fails(1));
    int rc = AWAIT(asyncio_sleep(100));
    note("main:%s", asyncio_err_name(rc));
    return rc;
}

static asyncio_loop *testing_loop(void *arg) {
    (void)arg;
    asyncio_loop *l = asyncio_testing_new_event_loop(0);
    asyncio_loop_set_exception_handler(l, record_report, NULL);
    return l;
}

TEST(a_run_that_a_forgotten_task_fails_shuts_down_and_gives_the_error) {
    CHECK_ERROR(asyncio_run(main_of_run(), NULL, .loop_factory = testing_loop), ASYNCIO_KEY_ERROR,
                "dead");
    CHECK_NOTES("main:CancelledError");
    check_reports(1, prompt);
}

ASYNC(interrupts) { RAISE(ASYNCIO_SYSTEM_EXIT, NULL); }

ASYNC(keeps_interrupt) {
    asyncio_auto_task t = asyncio_create_task(interrupts());
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}

TEST(errors_that_leave_the_run_anyhow_have_no_record) {
    start_loop();
    wish(ASYNCIO_FAILED_TASK_REPORT, 0);
    CHECK_INT(run(keeps_interrupt()), ASYNCIO_SYSTEM_EXIT);
    asyncio_ignore(ASYNCIO_SYSTEM_EXIT);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop_unref(loop);
}

ASYNC(many) {
    asyncio_task *tasks[50];
    for (int i = 0; i < 50; i++) tasks[i] = asyncio_create_task(fails(1));
    TRY(AWAIT(asyncio_sleep(5)));
    CHECK_INT(reported.count, 50);
    for (int i = 0; i < 50; i++) asyncio_task_unref(tasks[i]);
    RETURN();
}

TEST(each_of_many_is_reported_once) {
    for (int grace = 0; grace < 2; grace++) {
        reported.count = 0;
        start_loop();
        wish(ASYNCIO_FAILED_TASK_REPORT, grace);
        CHECK_INT(run(many()), 0);
        end_loop();
        CHECK_INT(reported.count, 50);
    }
}

TEST(unknown_modes_are_refused) {
    start_loop();
    static const char text[] = "a known mode and a grace of 0 or more seconds are required";
    CHECK_ERROR(asyncio_loop_set_failed_task_report(loop, 7, 1), ASYNCIO_VALUE_ERROR, text);
    CHECK_ERROR(asyncio_loop_set_failed_task_report(loop, -1, 1), ASYNCIO_VALUE_ERROR, text);
    CHECK_ERROR(asyncio_loop_set_failed_task_report(loop, 1, -1), ASYNCIO_VALUE_ERROR, text);
    CHECK_ERROR(asyncio_loop_set_failed_task_report(loop, 1, (double)NAN), ASYNCIO_VALUE_ERROR,
                text);
    CHECK_ERROR(asyncio_loop_set_failed_task_report(loop, 1, (double)INFINITY), ASYNCIO_VALUE_ERROR,
                text);
    CHECK_ERROR(asyncio_loop_set_failed_task_report(NULL, 1, 1), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    end_loop();
}

TEST(without_memory_for_a_record_the_report_comes_late) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    for (long n = 1; n < 40; n++) {
        reported.count = 0;
        start_loop();
        wish(ASYNCIO_FAILED_TASK_REPORT, 1);
        asyncio_testing_fail_allocation(n);
        asyncio_ignore(run(keeps(5, -1)));
        asyncio_testing_fail_allocation(0);
        end_loop();
        CHECK(reported.count <= 1);
    }
}
