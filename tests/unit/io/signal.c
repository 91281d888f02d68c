/* SPDX-License-Identifier: MIT
 *
 * Signals: callbacks and the stream; what is put back when nobody asks any more; loops beside
 * each other; nothing is lost to a cancellation.
 */
#include <signal.h>

#include "io.h"

static int others; /* signals that reached the handler that was there before */
static void count_other(int signum) {
    (void)signum;
    others++;
}

static void set_other(int signum) {
    struct sigaction a = { .sa_handler = count_other };
    CHECK_INT(sigaction(signum, &a, NULL), 0);
}

static bool is_other(int signum) {
    struct sigaction a;
    CHECK_INT(sigaction(signum, NULL, &a), 0);
    return a.sa_handler == count_other;
}

/* ---- callbacks ---- */

static void note_drop(void *arg) { note("drop-%s", (const char *)arg); }

static int add_noting(int signum, const char *name) {
    return asyncio_loop_add_signal_handler(loop, signum, note_arg, TEXT(name), .drop = note_drop);
}

TEST(the_callback_is_called_for_each_signal_in_a_later_turn) { /* LOOP-31 */
    if (test_under_valgrind()) SKIP("valgrind uses an alternate stack that is disabled");
    start_loop();
    CHECK_INT(add_noting(SIGUSR1, "usr1"), 0);
    raise(SIGUSR1);
    CHECK_NOTES("");
    turn();
    CHECK_NOTES("usr1");
    raise(SIGUSR1);
    raise(SIGUSR1);
    turn();
    CHECK_NOTES("usr1 usr1");
    turn();
    CHECK_NOTES("");
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR1), 1);
    CHECK_NOTES("drop-usr1");
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR1), 0);
    end_loop();
}

TEST(another_callback_takes_the_place_of_the_first_and_what_had_come_for_it) { /* LOOP-31 */
    start_loop();
    CHECK_INT(add_noting(SIGUSR1, "first"), 0);
    raise(SIGUSR1);
    CHECK_INT(add_noting(SIGUSR1, "second"), 0);
    CHECK_NOTES("drop-first");
    turn();
    CHECK_NOTES("second");
    end_loop();
    CHECK_NOTES("drop-second");
}

TEST(what_was_set_before_is_set_again) { /* LOOP-31 */
    set_other(SIGUSR2);
    start_loop();
    CHECK_INT(add_noting(SIGUSR2, "ours"), 0);
    CHECK(!is_other(SIGUSR2));
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR2), 1);
    CHECK(is_other(SIGUSR2));
    CHECK_INT(add_noting(SIGUSR2, "ours"), 0);
    end_loop(); /* closing removes it too */
    CHECK(is_other(SIGUSR2));
    raise(SIGUSR2);
    CHECK_INT(others, 1);
    CHECK_NOTES("drop-ours drop-ours");
}

TEST(a_handler_that_somebody_else_set_meanwhile_stays) {
    start_loop();
    CHECK_INT(add_noting(SIGUSR2, "ours"), 0);
    set_other(SIGUSR2);
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR2), 1);
    CHECK(is_other(SIGUSR2));
    end_loop();
}

static int remove_itself(void *arg) {
    note("%s", (const char *)arg);
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR1), 1);
    note("removed");
    return 0;
}

TEST(a_callback_may_remove_itself) {
    start_loop();
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGUSR1, remove_itself, TEXT("once"),
                                              .drop = note_drop),
              0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    turn();
    CHECK_NOTES("once removed drop-once");
    end_loop();
}

static int replace_itself(void *arg) {
    note("%s", (const char *)arg);
    CHECK_INT(add_noting(SIGUSR1, "new"), 0);
    return 0;
}

TEST(a_callback_may_replace_itself_and_no_signal_is_lost) {
    start_loop();
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGUSR1, replace_itself, TEXT("old"),
                                              .drop = note_drop),
              0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    turn();
    turn();
    CHECK_NOTES("old drop-old new");
    end_loop();
}

static int fail(void *arg) {
    (void)arg;
    return asyncio_raise(ASYNCIO_KEY_ERROR, NULL, NULL, "no such thing");
}

TEST(an_error_of_a_callback_is_reported) {
    start_loop();
    CHECK_INT(asyncio_loop_add_signal_handler(loop, SIGUSR1, fail, NULL), 0);
    raise(SIGUSR1);
    turn();
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_KEY_ERROR);
    end_loop();
}

TEST(signals_that_cannot_be_had_are_refused) { /* LOOP-31 */
    start_loop();
    CHECK_ERROR(add_noting(0, ""), ASYNCIO_VALUE_ERROR, "invalid signal number 0");
    CHECK_ERROR(add_noting(65, ""), ASYNCIO_VALUE_ERROR, "invalid signal number 65");
    CHECK_ERROR(add_noting(-1, ""), ASYNCIO_VALUE_ERROR, "invalid signal number -1");
    CHECK_ERROR(add_noting(SIGKILL, ""), ASYNCIO_RUNTIME_ERROR, "sig 9 cannot be caught");
    CHECK_ERROR(add_noting(SIGSEGV, ""), ASYNCIO_RUNTIME_ERROR,
                "signal 11 cannot be handled later than it happens");
    CHECK_ERROR(asyncio_loop_add_signal_handler(loop, SIGUSR1, NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a callback is required");
    CHECK_ERROR(asyncio_loop_add_signal_handler(NULL, SIGUSR1, note_arg, NULL), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    CHECK_ERROR(asyncio_loop_remove_signal_handler(NULL, SIGUSR1), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    for (int none = 0; none < 4; none++) {
        int signum = (int[]){ 0, -1, NSIG, 32 }[none]; /* 32 is the C library's own */
        char message[64];
        snprintf(message, sizeof message, "invalid signal number %d", signum);
        CHECK_ERROR(asyncio_loop_remove_signal_handler(loop, signum), ASYNCIO_VALUE_ERROR, message);
        CHECK_ERROR(add_noting(signum, ""), ASYNCIO_VALUE_ERROR, message);
    }
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, NSIG - 1), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_ERROR(add_noting(SIGUSR1, ""), ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    CHECK_NOTES("");
    end_loop();
}

TEST(each_loop_that_asks_is_told) {
    if (test_under_valgrind()) SKIP("valgrind uses an alternate stack that is disabled");
    start_loop();
    asyncio_loop *other = asyncio_testing_new_event_loop(0);
    CHECK_INT(add_noting(SIGUSR1, "one"), 0);
    CHECK_INT(asyncio_loop_add_signal_handler(other, SIGUSR1, note_arg, TEXT("other")), 0);
    raise(SIGUSR1);
    turn();
    CHECK_NOTES("one");
    asyncio_loop_stop(other);
    CHECK_INT(asyncio_loop_run_forever(other), 0);
    CHECK_NOTES("other");
    CHECK_INT(asyncio_loop_close(other), 0);
    asyncio_loop_unref(other);
    raise(SIGUSR1);
    turn();
    CHECK_NOTES("one");
    end_loop();
}

static void *kill_later(void *arg) {
    (void)arg;
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    kill(getpid(), SIGUSR1);
    return NULL;
}

static int stop_loop(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

TEST(a_loop_that_sleeps_is_woken) {
    pthread_t thread;
    asyncio_loop *real = asyncio_new_event_loop();
    CHECK_INT(asyncio_loop_add_signal_handler(real, SIGUSR1, stop_loop, real), 0);
    CHECK_INT(pthread_create(&thread, NULL, kill_later, NULL), 0);
    CHECK_INT(asyncio_loop_run_forever(real), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(asyncio_loop_close(real), 0);
    asyncio_loop_unref(real);
}

/* A runner's own handler of SIGINT has gone when the loop is closed: it must not come back. */
ASYNC(takes_interrupts) {
    CHECK_INT(
        asyncio_loop_add_signal_handler(asyncio_get_running_loop(), SIGINT, note_arg, TEXT("int")),
        0);
    raise(SIGINT);
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}
TEST(a_program_may_take_sigint_over_from_its_runner) {
    struct sigaction a;
    CHECK_INT(asyncio_run(takes_interrupts(), NULL), 0);
    CHECK_NOTES("int");
    CHECK_INT(sigaction(SIGINT, NULL, &a), 0);
    CHECK(a.sa_handler == SIG_DFL);
}

/* ---- the stream ---- */

static const int two[] = { SIGUSR2, SIGUSR1 };

ASYNC(takes, (asyncio_signals *) s, (const char *) name) {
    asyncio_value v;
    int rc = AWAIT(asyncio_signals_next(s), &v);
    note("%s:%s", name, rc == SIGUSR1 ? "usr1" : rc == SIGUSR2 ? "usr2" : asyncio_err_name(rc));
    TRY(rc);
    CHECK_INT(v.i, rc);
    RETURN();
}

ASYNC(stream) {
    asyncio_auto_signals s = asyncio_signals_new(2, two);
    CHECK(s != NULL);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR1); /* while one waits already */
    some_turns(2);
    CHECK_INT(AWAIT(takes(s, "a")), 0);
    CHECK_INT(AWAIT(takes(s, "a")), 0);
    CHECK_NOTES("a:usr1 a:usr2");
    asyncio_task *b = start(takes(s, "b")), *c = start(takes(s, "c"));
    raise(SIGUSR2);
    raise(SIGUSR1);
    some_turns(3);
    CHECK_NOTES("b:usr1 c:usr2");
    check_ended(b, 0);
    check_ended(c, 0);
    RETURN();
}
TEST(a_stream_gives_what_came_and_what_comes) { run_alone(stream()); }

ASYNC(cancelled_waiter) {
    asyncio_auto_signals s = asyncio_signals_new(1, two);
    asyncio_task *a = start(takes(s, "a")), *b = start(takes(s, "b"));
    raise(SIGUSR2);
    TRY(AWAIT(asyncio_sleep(0))); /* a is woken ... */
    asyncio_task_cancel(a, NULL);
    some_turns(4);
    CHECK_NOTES("a:CancelledError b:usr2");
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, 0);
    asyncio_task *c = start(takes(s, "c"));
    asyncio_task_cancel(c, NULL);
    raise(SIGUSR2);
    some_turns(3);
    check_ended(c, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(AWAIT(takes(s, "d")), 0);
    CHECK_NOTES("c:CancelledError d:usr2");
    RETURN();
}
TEST(a_cancelled_waiter_takes_no_signal_with_it) { run_alone(cancelled_waiter()); }

ASYNC(refusals) {
    CHECK_NULL_ERROR(asyncio_signals_new(0, two), ASYNCIO_VALUE_ERROR,
                     "at least one signal is required");
    CHECK_NULL_ERROR(asyncio_signals_new(2, ((const int[]){ SIGUSR1, 99 })), ASYNCIO_VALUE_ERROR,
                     "invalid signal number 99");
    CHECK_ERROR(AWAIT(asyncio_signals_next(NULL)), ASYNCIO_TYPE_ERROR, "signals are required");
    asyncio_signals_unref(NULL);
    RETURN();
}
TEST(bad_input_to_streams_is_refused) {
    run_alone(refusals());
    CHECK_NULL_ERROR(asyncio_signals_new(1, two), ASYNCIO_RUNTIME_ERROR, "no running event loop");
}

static asyncio_signals *kept;
ASYNC(keeps) {
    kept = asyncio_signals_new(1, two);
    asyncio_task *t = start(takes(kept, "t"));
    asyncio_task_unref(t);
    RETURN();
}
ASYNC(uses_kept) {
    CHECK_ERROR(AWAIT(asyncio_signals_next(kept)), ASYNCIO_RUNTIME_ERROR,
                "the signals is bound to a different event loop");
    RETURN();
}
TEST(a_stream_may_outlive_its_loop) {
    set_other(SIGUSR2);
    start_loop();
    CHECK_INT(run(keeps()), 0);
    CHECK(!is_other(SIGUSR2));
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK(is_other(SIGUSR2));
    asyncio_loop_unref(loop);
    run_alone(uses_kept());
    asyncio_signals_unref(kept);
    CHECK_INT(others, 0);
}

/* ---- memory ---- */

ASYNC(without_memory) {
    for (long n = 1;; n++) {
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        int rc = add_noting(SIGUSR1, "x");
        asyncio_signals *s = rc < 0 ? NULL : asyncio_signals_new(2, two);
        long left = asyncio_testing_fail_allocation(0);
        if (s) {
            asyncio_signals_unref(s);
            CHECK(n > 2);
            break;
        }
        CHECK(left >= n);
        CHECK(asyncio_catch(-ENOMEM, -ENOMEM));
        if (rc >= 0) CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR1), 1);
    }
    RETURN();
}
TEST(exhausted_memory_leaves_nothing_behind) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    set_other(SIGUSR2);
    run_alone(without_memory());
    CHECK(is_other(SIGUSR2));
}
