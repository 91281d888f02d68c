/* SPDX-License-Identifier: MIT
 *
 * tests/unit/inspect/deadlock.c: a run that nothing can wake any more fails, and only such a one.
 * Loops have the real clock here, where a test does not say otherwise.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core.h"

/* Some sanitizers have a thread of their own: there nothing is certain. */
static void need_one_thread(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)getpid());
    FILE *p = popen("ls /proc/$PPID/task | wc -l", "r");
    int count = 0;
    CHECK(p && fscanf(p, "%d", &count) == 1);
    pclose(p);
    if (count != 1) SKIP("the process has another thread");
}

static void start_real_loop(void) {
    loop = asyncio_new_event_loop();
    CHECK(loop != NULL);
    asyncio_loop_set_exception_handler(loop, record_report, NULL);
}

static void check_deadlock(int rc) {
    CHECK_INT(rc, ASYNCIO_DEADLOCK_ERROR);
    asyncio_auto_error e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "nothing is left that could wake the loop");
}

ASYNC(waits_for_ever) {
    asyncio_auto_future f = asyncio_future_new();
    TRY(AWAIT(f));
    RETURN();
}

TEST(a_run_that_nothing_can_wake_fails_and_says_why) {
    if (test_under_valgrind()) SKIP("signal handlers of valgrind might wake it");
    need_one_thread();
    start_real_loop();
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    CHECK_INT(reported.count, 1);
    CHECK_CONTAINS(reported.message, "Deadlock: nothing is left that could wake the loop\n* Task(");
    CHECK_CONTAINS(reported.message, "in async waits_for_ever()\n  + Waits for: Future(id=0x");
    CHECK(reported.message[strlen(reported.message) - 1] != '\n');
    end_loop();
}

TEST(asyncio_run_fails_too_and_cleans_up) {
    if (test_under_valgrind()) SKIP("signal handlers of valgrind might wake it");
    need_one_thread();
    check_deadlock(asyncio_run(waits_for_ever(), NULL));
    CHECK_PRINTED("Deadlock: nothing is left");
}

ASYNC(swallows) {
    int rc = AWAIT(waits_for_ever());
    asyncio_ignore(rc);
    TRY(AWAIT(waits_for_ever()));
    RETURN();
}

TEST(a_task_that_ignores_its_end_does_not_stop_the_run_from_ending) {
    if (test_under_valgrind()) SKIP("signal handlers of valgrind might wake it");
    need_one_thread();
    check_deadlock(asyncio_run(swallows(), NULL));
}

TEST(a_virtual_loop_reports_it_too) {
    start_loop();
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    CHECK_INT(reported.count, 1);
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_IGNORED);
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    CHECK_INT(reported.count, 1);
    end_loop();
}

static asyncio_future *rescued;

static int rescue(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)arg;
    if (strncmp(context->message, "Deadlock", 8) != 0) return 0;
    reported.count++;
    return asyncio_future_set_result(rescued, asyncio_none());
}

ASYNC(waits_for, (asyncio_future *) f) {
    TRY(AWAIT(f));
    RETURN();
}

TEST(the_handler_of_the_report_may_give_it_something_to_do) {
    if (test_under_valgrind()) SKIP("signal handlers of valgrind might wake it");
    for (int i = 0; i < 2; i++) {
        if (i == 0) start_loop();
        else need_one_thread(), start_real_loop();
        asyncio_loop_set_exception_handler(loop, rescue, NULL);
        rescued = asyncio_loop_create_future(loop);
        CHECK_INT(asyncio_loop_run_until_complete(loop, waits_for(rescued), NULL), 0);
        CHECK_INT(reported.count, i + 1);
        asyncio_future_unref(rescued);
        end_loop();
    }
}

TEST(without_memory_the_report_is_one_line) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for_ever());
    turn();
    asyncio_future *f = asyncio_loop_create_future(loop);
    for (long n = 1; n < 8; n++) {
        reported.message[0] = '\0';
        asyncio_testing_fail_allocation(n);
        int rc = asyncio_loop_run_until_complete(loop, asyncio_coro_of_future(f), NULL);
        asyncio_testing_fail_allocation(0);
        CHECK(rc == ASYNCIO_DEADLOCK_ERROR || rc == -ENOMEM);
        if (rc == ASYNCIO_DEADLOCK_ERROR) CHECK_CONTAINS(reported.message, "Deadlock: nothing");
        asyncio_ignore(rc);
    }
    asyncio_future_unref(f);
    asyncio_task_unref(t);
    end_loop();
}

/* ---- what is no deadlock ---- */

/* Runs waits_for_ever until an alarm stops the loop; a deadlock would end it earlier. */
static int stop_loop(void *arg) {
    (void)arg;
    asyncio_loop_stop(loop);
    return 0;
}

static void check_waits(void) {
    int rc = asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR); /* stopped before the future completed */
    asyncio_ignore(rc);
    CHECK_INT(reported.count, 0);
}

TEST(a_timer_will_wake_it) {
    start_real_loop();
    CHECK_INT(asyncio_loop_call_later(loop, 0.05, stop_loop, NULL), 0);
    check_waits();
    end_loop();
}

static int read_pipe(void *arg) {
    char c;
    CHECK_INT(read(*(int *)arg, &c, 1), 1);
    return stop_loop(NULL);
}

static void write_on_alarm(int signum) {
    extern int written_to;
    (void)signum;
    CHECK_INT(write(written_to, "x", 1), 1);
}
int written_to;

TEST(a_descriptor_that_is_watched_may_wake_it) {
    int fds[2];
    CHECK_INT(pipe(fds), 0);
    start_real_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_ANNOUNCED);
    CHECK_INT(asyncio_loop_add_reader(loop, fds[0], read_pipe, &fds[0]), 0);
    written_to = fds[1];
    signal(SIGALRM, write_on_alarm);
    ualarm(50000, 0);
    check_waits();
    asyncio_loop_remove_reader(loop, fds[0]);
    end_loop();
    close(fds[0]);
    close(fds[1]);
}

TEST(a_signal_handler_of_the_loop_may_wake_it) {
    start_real_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_ANNOUNCED);
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGALRM, stop_loop, NULL), 0);
    ualarm(50000, 0);
    check_waits();
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGALRM), 1);
    end_loop();
}

static void *stop_from_thread(void *arg) {
    (void)arg;
    usleep(1500000); /* longer than the first look */
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop_loop, NULL), 0);
    return NULL;
}

TEST(a_thread_may_wake_it_without_a_word) {
    pthread_t thread;
    start_real_loop();
    CHECK_INT(pthread_create(&thread, NULL, stop_from_thread, NULL), 0);
    check_waits();
    CHECK_INT(pthread_join(thread, NULL), 0);
    end_loop();
}

static void do_nothing(int signum) { (void)signum; }

TEST(a_signal_handler_of_the_program_may_wake_it) {
    need_one_thread();
    start_real_loop();
    signal(SIGUSR2, do_nothing);
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGALRM, stop_loop, NULL), 0);
    asyncio_loop_unexpect(loop); /* so that SIGUSR2 alone is in the way */
    ualarm(50000, 0);
    check_waits();
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGALRM), 1);
    end_loop();
}

TEST(a_run_that_is_ended_by_stop_is_asked_to_wait) {
    start_real_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_ANNOUNCED);
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGALRM, stop_loop, NULL), 0);
    asyncio_loop_unexpect(loop);
    ualarm(50000, 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(reported.count, 0);
    end_loop();
}

TEST(who_ignores_deadlocks_waits) {
    start_real_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_IGNORED);
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGALRM, stop_loop, NULL), 0);
    asyncio_loop_unexpect(loop);
    ualarm(50000, 0);
    check_waits();
    end_loop();
}

/* ---- announcements ---- */

static void *come_and_go(void *arg) {
    (void)arg;
    usleep(50000);
    asyncio_loop_unexpect(loop); /* nothing will come after all */
    return NULL;
}

TEST(what_is_announced_is_waited_for_until_it_is_taken_back) {
    pthread_t thread;
    start_real_loop();
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_ANNOUNCED);
    asyncio_loop_expect(loop);
    CHECK_INT(pthread_create(&thread, NULL, come_and_go, NULL), 0);
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    CHECK_INT(pthread_join(thread, NULL), 0);
    end_loop();
}

TEST(a_virtual_loop_waits_for_what_is_announced) {
    pthread_t thread;
    start_loop();
    asyncio_loop_expect(loop);
    CHECK_INT(pthread_create(&thread, NULL, come_and_go, NULL), 0);
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    CHECK_INT(pthread_join(thread, NULL), 0);
    end_loop();
}

static void *end_at_once(void *arg) { return arg; }

TEST(threads_that_are_over_do_not_count) {
    if (test_under_valgrind()) SKIP("signal handlers of valgrind might wake it");
    pthread_t thread;
    need_one_thread();
    start_real_loop();
    CHECK_INT(pthread_create(&thread, NULL, end_at_once, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    end_loop();
}

TEST(settings_can_be_read_back) {
    start_loop();
    CHECK_INT(asyncio_loop_get_deadlock_detection(loop), ASYNCIO_DEADLOCK_CERTAIN);
    asyncio_loop_set_deadlock_detection(loop, ASYNCIO_DEADLOCK_ANNOUNCED);
    CHECK_INT(asyncio_loop_get_deadlock_detection(loop), ASYNCIO_DEADLOCK_ANNOUNCED);
    asyncio_loop_set_deadlock_detection(loop, (asyncio_deadlock_detection)77);
    CHECK_INT(asyncio_loop_get_deadlock_detection(loop), ASYNCIO_DEADLOCK_IGNORED);
    asyncio_loop_set_deadlock_detection(NULL, ASYNCIO_DEADLOCK_IGNORED);
    CHECK_INT(asyncio_loop_get_deadlock_detection(NULL), ASYNCIO_DEADLOCK_IGNORED);
    asyncio_loop_expect(NULL);
    asyncio_loop_unexpect(NULL);
    asyncio_loop_unexpect(loop); /* one too many does nothing */
    check_deadlock(asyncio_loop_run_until_complete(loop, waits_for_ever(), NULL));
    end_loop();
}
