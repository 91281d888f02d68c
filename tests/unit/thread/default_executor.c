/* SPDX-License-Identifier: MIT
 *
 * The loop's default executor: made at first use, replaced, shut down, closed with the loop; and
 * the clock of a loop that waits for other threads.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "errors.h"
#include "test.h"

static int nop(void *arg, asyncio_value *result) {
    (void)arg;
    (void)result;
    return 0;
}

static int waits_for_post(void *arg, asyncio_value *result) {
    (void)result;
    while (sem_wait(arg) < 0) {
    }
    return 0;
}

ASYNC(uses_after_shutdown) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_executor *other = asyncio_executor_new();
    CHECK_INT(AWAIT(asyncio_to_thread(nop, NULL)), 0);
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(loop, INFINITY)), 0);
    CHECK(asyncio_loop_run_in_executor(loop, NULL, nop, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Executor shutdown has been called");
    CHECK_ERROR(AWAIT(asyncio_to_thread(nop, NULL)), ASYNCIO_RUNTIME_ERROR,
                "Executor shutdown has been called");
    asyncio_auto_future f = asyncio_loop_run_in_executor(loop, other, nop, NULL);
    CHECK_INT(AWAIT(f), 0);
    CHECK_INT(asyncio_executor_shutdown(other, true, false), 0);
    asyncio_executor_unref(other);
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(loop, 1)), 0);
    RETURN();
}

TEST(after_shutdown_only_other_executors_work) { /* THR-3 */
    CHECK_INT(asyncio_run(uses_after_shutdown(), NULL), 0);
}

ASYNC(shuts_down_unused) {
    asyncio_loop *loop = asyncio_get_running_loop();
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(loop, 1)), 0);
    CHECK(asyncio_loop_run_in_executor(loop, NULL, nop, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Executor shutdown has been called");
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(NULL, 1)), ASYNCIO_TYPE_ERROR);
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(loop, (double)NAN)),
              ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    RETURN();
}

TEST(an_executor_that_never_was_can_be_shut_down) {
    CHECK_INT(asyncio_run(shuts_down_unused(), NULL), 0);
}

static int take_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop;
    snprintf(arg, 128, "%s", context->message);
    return 0;
}

ASYNC(gives_up_waiting, (sem_t *) leave) {
    char report[128] = "";
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_loop_set_exception_handler(loop, take_report, report);
    asyncio_auto_future f = asyncio_loop_run_in_executor(loop, NULL, waits_for_post, leave);
    CHECK_INT(AWAIT(asyncio_loop_shutdown_default_executor(loop, 0.01)), 0);
    CHECK_STR(report, "The executor did not finish joining its threads within 0.01 seconds.");
    sem_post(leave);
    CHECK_INT(AWAIT(f), 0);
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    RETURN();
}

TEST(a_shutdown_that_takes_too_long_is_reported) { /* THR-6, V13-9 */
    sem_t leave;
    sem_init(&leave, 0, 0);
    CHECK_INT(asyncio_run(gives_up_waiting(&leave), NULL), 0);
}

ASYNC(leaves_a_job, (sem_t *) leave) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_auto_future f = asyncio_loop_run_in_executor(loop, NULL, waits_for_post, leave);
    RETURN();
}

TEST(closing_the_loop_does_not_wait_for_its_jobs) { /* LOOP-20 */
    sem_t leave;
    sem_init(&leave, 0, 0);
    asyncio_loop *loop = asyncio_new_event_loop();
    CHECK_INT(asyncio_loop_run_until_complete(loop, leaves_a_job(&leave), NULL), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop_unref(loop);
    sem_post(&leave);
    usleep(20000); /* for the leak checker: the thread ends */
}

static int posts_after_a_while(void *arg, asyncio_value *result) {
    (void)result;
    usleep(20000);
    atomic_store((atomic_int *)arg, 1);
    return 0;
}

ASYNC(runs_out, (atomic_int *) over) {
    asyncio_future_unref(
        asyncio_loop_run_in_executor(asyncio_get_running_loop(), NULL, posts_after_a_while, over));
    RETURN();
}

TEST(run_waits_for_the_jobs_in_the_end) { /* RUN-3 */
    atomic_int over = 0;
    CHECK_INT(asyncio_run(runs_out(&over), NULL), 0);
    CHECK_INT(over, 1);
}

static int name_of_thread(void *arg, asyncio_value *result) {
    char *name = malloc(16);
    (void)arg;
    CHECK_INT(pthread_getname_np(pthread_self(), name, 16), 0);
    *result = asyncio_own_str(name);
    return 0;
}

ASYNC(asks_for_a_name) {
    asyncio_auto_value name = asyncio_none();
    TRY(AWAIT(asyncio_to_thread(name_of_thread, NULL), &name));
    CHECK_STR(name.s, "asyncio_0");
    RETURN();
}

TEST(threads_of_the_default_executor_have_its_name) { /* THR-2 */
    CHECK_INT(asyncio_run(asks_for_a_name(), NULL), 0);
}

/* ---- other errors ---- */

ASYNC(replaces) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_auto_executor a = asyncio_executor_new(.max_workers = 1);
    asyncio_auto_executor b = asyncio_executor_new(.max_workers = 1);
    CHECK_ERROR(asyncio_loop_set_default_executor(loop, NULL), ASYNCIO_TYPE_ERROR,
                "executor must be ThreadPoolExecutor instance");
    CHECK_INT(asyncio_loop_set_default_executor(loop, a), 0);
    CHECK_INT(AWAIT(asyncio_to_thread(nop, NULL)), 0);
    CHECK_INT(asyncio_loop_set_default_executor(loop, b), 0);
    CHECK_INT(AWAIT(asyncio_to_thread(nop, NULL)), 0);
    CHECK_INT(asyncio_executor_shutdown(a, true, false), 0);
    RETURN();
}

TEST(the_default_executor_can_be_replaced) { CHECK_INT(asyncio_run(replaces(), NULL), 0); }

static int refuse_job(void *state, asyncio_job *job) {
    (void)state, (void)job;
    return ASYNCIO_RUNTIME_ERROR;
}

static int shut_nothing_down(void *state, bool wait, bool cancel_futures) {
    (void)state, (void)wait, (void)cancel_futures;
    return 0;
}

static void free_nothing(void *state) { (void)state; }

TEST(the_default_executor_has_to_be_a_pool_of_threads) { /* THR-2 */
    static const asyncio_executor_ops ops = { sizeof ops, "refuses", refuse_job, shut_nothing_down,
                                              free_nothing };
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_executor *executor = asyncio_executor_new_custom(&ops, NULL);
    CHECK_ERROR(asyncio_loop_set_default_executor(loop, executor), ASYNCIO_TYPE_ERROR,
                "executor must be ThreadPoolExecutor instance");
    asyncio_executor_unref(executor);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}

TEST(a_closed_loop_takes_no_jobs) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_close(loop);
    CHECK(asyncio_loop_run_in_executor(loop, NULL, nop, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    CHECK_INT(asyncio_loop_set_default_executor(loop, NULL), ASYNCIO_RUNTIME_ERROR);
}

/* ---- the virtual clock ---- */

static int takes_a_while(void *arg, asyncio_value *result) {
    (void)result;
    usleep((useconds_t)(uintptr_t)arg);
    return 0;
}

ASYNC(mixes_clocks) {
    asyncio_loop *loop = asyncio_get_running_loop();
    double start = asyncio_loop_time(loop);
    TRY(AWAIT(asyncio_sleep(1000)));
    CHECK_NEAR(asyncio_loop_time(loop), start + 1000, 1e-6);
    start = asyncio_loop_time(loop);
    TRY(AWAIT(asyncio_to_thread(takes_a_while, (void *)(uintptr_t)20000)));
    CHECK(asyncio_loop_time(loop) >= start + 0.015);
    asyncio_auto_future f =
        asyncio_loop_run_in_executor(loop, NULL, takes_a_while, (void *)(uintptr_t)300000);
    TRY(AWAIT(asyncio_sleep(0.01)));
    CHECK(!asyncio_future_done(f));
    TRY(AWAIT(f));
    start = asyncio_loop_time(loop);
    TRY(AWAIT(asyncio_sleep(1000)));
    CHECK_NEAR(asyncio_loop_time(loop), start + 1000, 1e-6);
    RETURN();
}

TEST(a_virtual_clock_goes_as_the_real_one_while_threads_are_waited_for) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    CHECK_INT(asyncio_loop_run_until_complete(loop, mixes_clocks(), NULL), 0);
    asyncio_loop_close(loop);
}
