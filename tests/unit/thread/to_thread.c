/* SPDX-License-Identifier: MIT
 *
 * Blocking calls in threads: what they are given, what comes back, and what becomes of a job whose
 * waiter was cancelled.
 */
#include <asyncio.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test.h"

static pthread_t main_thread;
static asyncio_contextvar *variable;
static atomic_int drops, values_dropped;

static void count_drop(void *arg) {
    (void)arg;
    atomic_fetch_add(&drops, 1);
}

static void drop_counted(asyncio_value *value) {
    free(value->p);
    atomic_fetch_add(&values_dropped, 1);
}

static const asyncio_value_type counted = { .size = sizeof counted,
                                            .name = "counted",
                                            .drop = drop_counted };

/* ---- arguments and results ---- */

BLOCKING(concat, (const char *) a, (const char *) b, (int) n) {
    char *text = malloc(64);
    CHECK(!pthread_equal(pthread_self(), main_thread));
    CHECK(asyncio_get_running_loop() == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    snprintf(text, 64, "%s%s%d", a, b, n);
    RETURN(asyncio_own_str(text));
}

BLOCKING(nothing) { RETURN(); }

static char text_arg[] = "arg";

static int seven(void *arg, asyncio_value *result) {
    (void)result;
    CHECK_STR(arg, "arg");
    return 7;
}

ASYNC(takes_results) {
    asyncio_value value = asyncio_int(1);
    CHECK_INT(AWAIT(asyncio_to_thread(concat("a", "b", 3)), &value), 0);
    CHECK_STR(value.s, "ab3");
    asyncio_value_drop(&value);
    CHECK_INT(AWAIT(asyncio_to_thread(nothing()), &value), 0);
    CHECK(value.type == NULL);
    CHECK_INT(AWAIT(asyncio_to_thread(seven, text_arg, .drop = count_drop), &value), 0);
    CHECK(value.type == &asyncio_value_int);
    CHECK_INT(value.i, 7);
    CHECK_INT(drops, 1);
    RETURN();
}

TEST(a_thread_gets_the_arguments_and_gives_the_value) { /* THR-1 */
    main_thread = pthread_self();
    CHECK_INT(asyncio_run(takes_results(), NULL), 0);
}

BLOCKING(fails, (int) code) { RAISE(code, "no %s", "luck"); }
BLOCKING(fails_bare) { return -EIO; }

ASYNC(takes_errors) {
    int rc = AWAIT(asyncio_to_thread(fails(ASYNCIO_VALUE_ERROR)));
    CHECK_INT(rc, ASYNCIO_VALUE_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "no luck");
    CHECK_STR(asyncio_error_func(e), "fails_blocking");
    asyncio_error_unref(e);
    CHECK_INT(AWAIT(asyncio_to_thread(fails_bare())), -EIO);
    asyncio_ignore(-EIO);
    RETURN();
}

/* THR-1 */
TEST(an_error_comes_back_with_its_object) { CHECK_INT(asyncio_run(takes_errors(), NULL), 0); }

BLOCKING(says_cancelled) { RAISE(ASYNCIO_CANCELLED_ERROR, NULL); }

ASYNC(takes_cancelled) {
    CHECK_INT(AWAIT(asyncio_to_thread(says_cancelled())), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

TEST(a_job_may_end_as_cancelled) { CHECK_INT(asyncio_run(takes_cancelled(), NULL), 0); }

BLOCKING(awaits) { return AWAIT(asyncio_sleep(0)); }

ASYNC(takes_misuse) {
    CHECK_INT(AWAIT(asyncio_to_thread(awaits())), ASYNCIO_RUNTIME_ERROR);
    asyncio_error *e = asyncio_error_take(ASYNCIO_RUNTIME_ERROR);
    CHECK_STR(asyncio_error_message(e), "await outside a task");
    asyncio_error_unref(e);
    CHECK_INT(AWAIT(asyncio_to_thread((asyncio_job_function *)NULL, NULL)), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    RETURN();
}

TEST(a_job_cannot_await) { CHECK_INT(asyncio_run(takes_misuse(), NULL), 0); }

/* ---- contexts ---- */

BLOCKING(changes_variable, (long long) expected) {
    asyncio_value value;
    TRY(asyncio_contextvar_get(variable, &value));
    CHECK_INT(value.i, expected);
    TRY(asyncio_contextvar_set(variable, asyncio_int(99), NULL));
    RETURN();
}

BLOCKING(looks_for_variable) {
    int rc = asyncio_contextvar_get(variable, NULL);
    RETURN(asyncio_catch(rc, ASYNCIO_LOOKUP_ERROR));
}

ASYNC(has_a_context) {
    asyncio_value value;
    variable = asyncio_contextvar_new("variable", NULL);
    CHECK_INT(AWAIT(asyncio_to_thread(looks_for_variable()), &value), 0);
    CHECK_INT(value.i, 1);
    TRY(asyncio_contextvar_set(variable, asyncio_int(5), NULL));
    CHECK_INT(AWAIT(asyncio_to_thread(changes_variable(5))), 0);
    TRY(asyncio_contextvar_get(variable, &value));
    CHECK_INT(value.i, 5);
    CHECK_INT(AWAIT(asyncio_to_thread(changes_variable(5))), 0);
    RETURN();
}

TEST(the_thread_sees_a_copy_of_the_callers_variables) { /* CTX-8 */
    CHECK_INT(asyncio_run(has_a_context(), NULL), 0);
    asyncio_contextvar_unref(variable);
}

static int sets_variable(void *arg, asyncio_value *result) {
    (void)arg;
    (void)result;
    return asyncio_contextvar_set(variable, asyncio_int(3), NULL);
}

ASYNC(gives_a_context, (asyncio_context *) context) {
    CHECK_INT(AWAIT(asyncio_to_thread(sets_variable, NULL, .context = context)), 0);
    RETURN();
}

TEST(a_context_object_can_be_given_to_run_in) {
    asyncio_value value;
    asyncio_auto_context context = asyncio_context_new();
    variable = asyncio_contextvar_new("variable", NULL);
    CHECK_INT(asyncio_run(gives_a_context(context), NULL), 0);
    CHECK_INT(asyncio_context_get(context, variable, &value), 0);
    CHECK_INT(value.i, 3);
    asyncio_contextvar_unref(variable);
}

/* ---- cancelling ---- */

struct gate {
    sem_t entered, leave;
    atomic_int saw_cancel;
};

static void init_gate(struct gate *g) {
    sem_init(&g->entered, 0, 0);
    sem_init(&g->leave, 0, 0);
    atomic_init(&g->saw_cancel, -1);
}

static int waits_at_gate(void *arg, asyncio_value *result) {
    struct gate *g = arg;
    CHECK_INT(asyncio_job_check(), 0);
    sem_post(&g->entered);
    while (sem_wait(&g->leave) < 0) {
    }
    g->saw_cancel = asyncio_job_cancelled();
    CHECK_INT(asyncio_job_check(), g->saw_cancel ? ASYNCIO_CANCELLED_ERROR : 0);
    *result = asyncio_own(malloc(10), &counted);
    return 0;
}

ASYNC(waits_in_thread, (struct gate *) g) {
    return AWAIT(asyncio_to_thread(waits_at_gate, g, .drop = count_drop));
}

static void wait_entered(struct gate *g) {
    while (sem_wait(&g->entered) < 0) {
    }
}

ASYNC(abandons, (struct gate *) g) {
    asyncio_auto_task t = asyncio_create_task(waits_in_thread(g));
    TRY(AWAIT(asyncio_sleep(0)));
    wait_entered(g);
    CHECK(asyncio_task_cancel(t, NULL));
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(drops, 0);
    CHECK_INT(g->saw_cancel, -1);
    sem_post(&g->leave);
    RETURN();
}

TEST(a_running_job_is_abandoned_and_its_result_dropped) { /* THR-4, CANC-23, RCT-9 */
    struct gate g;
    init_gate(&g);
    CHECK_INT(asyncio_run(abandons(&g), NULL), 0);
    CHECK_INT(g.saw_cancel, 1);
    CHECK_INT(drops, 1);
    CHECK_INT(values_dropped, 1);
}

static int never_runs(void *arg, asyncio_value *result) {
    (void)arg;
    (void)result;
    FAIL("a cancelled job was run");
}

ASYNC(runs_never) { return AWAIT(asyncio_to_thread(never_runs, NULL, .drop = count_drop)); }

ASYNC(cancels_unstarted, (struct gate *) g) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_executor *executor = asyncio_executor_new(.max_workers = 1);
    CHECK_INT(asyncio_loop_set_default_executor(loop, executor), 0);
    asyncio_executor_unref(executor);
    asyncio_auto_task first = asyncio_create_task(waits_in_thread(g));
    asyncio_auto_task second = asyncio_create_task(runs_never());
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    wait_entered(g);
    CHECK(asyncio_task_cancel(second, NULL));
    CHECK_INT(AWAIT(second), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(drops, 1);
    sem_post(&g->leave);
    CHECK_INT(AWAIT(first), 0);
    RETURN();
}

TEST(a_job_cancelled_before_its_start_is_not_run) { /* THR-5 */
    struct gate g;
    init_gate(&g);
    CHECK_INT(asyncio_run(cancels_unstarted(&g), NULL), 0);
    CHECK_INT(g.saw_cancel, 0);
    CHECK_INT(drops, 2);
    CHECK_INT(values_dropped, 1);
}

ASYNC(times_out, (struct gate *) g) {
    asyncio_auto_task t = asyncio_create_task(waits_in_thread(g));
    TRY(AWAIT(asyncio_sleep(0)));
    wait_entered(g); /* a job that has not started would be cancelled */
    int rc = AWAIT(asyncio_wait_for(t, 0.01));
    CHECK_INT(rc, ASYNCIO_TIMEOUT_ERROR);
    asyncio_ignore(rc);
    sem_post(&g->leave);
    RETURN();
}

TEST(a_timeout_ends_the_wait_not_the_thread) { /* THR-4 */
    struct gate g;
    init_gate(&g);
    CHECK_INT(asyncio_run(times_out(&g), NULL), 0);
    CHECK_INT(g.saw_cancel, 1);
    CHECK_INT(values_dropped, 1);
}

ASYNC(never_awaits_it) {
    asyncio_task *t = asyncio_create_task(asyncio_to_thread(never_runs, NULL, .drop = count_drop));
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(t), ASYNCIO_CANCELLED_ERROR);
    asyncio_ignore(ASYNCIO_CANCELLED_ERROR);
    asyncio_task_unref(t);
    CHECK_INT(drops, 1);
    RETURN();
}

TEST(a_task_cancelled_before_its_first_step_lets_go_of_the_argument) { /* THR-1 */
    CHECK_INT(asyncio_run(never_awaits_it(), NULL), 0);
    CHECK_INT(drops, 1);
}

ASYNC(many, (int) n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        asyncio_value value;
        TRY(AWAIT(asyncio_to_thread(seven, text_arg), &value));
        sum += (int)value.i;
    }
    RETURN(sum);
}

ASYNC(many_at_once) {
    asyncio_value sums[4];
    TRY(AWAIT(asyncio_gather(sums, many(100), many(100), many(100), many(100))));
    for (int i = 0; i < 4; i++) CHECK_INT(sums[i].i, 700);
    RETURN();
}

TEST(many_jobs_from_many_tasks) { CHECK_INT(asyncio_run(many_at_once(), NULL), 0); }
