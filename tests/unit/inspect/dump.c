/* SPDX-License-Identifier: MIT
 *
 * tests/unit/inspect/dump.c: every task as text, and that text on a signal.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "core.h"

/* What a loop's dump says, with addresses replaced by ID and this file's name by FILE. */
static const char *dumped(void) {
    static char text[65536], out[65536];
    FILE *file = fmemopen(text, sizeof text, "w");
    CHECK_INT(asyncio_loop_dump_tasks(loop, file), 0);
    fclose(file);
    char *to = out;
    for (const char *p = text; *p;) {
        if (strncmp(p, "id=0x", 5) == 0) {
            to += sprintf(to, "id=ID");
            p += 5 + strspn(p + 5, "0123456789abcdef");
        } else if (strncmp(p, __FILE__, strlen(__FILE__)) == 0) {
            to += sprintf(to, "FILE");
            p += strlen(__FILE__);
            if (*p == ':') p += 1 + strspn(p + 1, "0123456789");
        } else if (strncmp(p, "line ", 5) == 0) {
            to += sprintf(to, "line N");
            p += 5 + strspn(p + 5, "0123456789");
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
    return out;
}

ASYNC(waits_for, (asyncio_future *) f) {
    TRY(AWAIT(f));
    RETURN();
}

ASYNC(outer, (asyncio_task *) t) {
    TRY(AWAIT(t));
    RETURN();
}

ASYNC(sleeps, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN();
}

TEST(a_loop_without_tasks) {
    start_loop();
    CHECK_STR(dumped(), "0 tasks at loop time 0.000\n");
    end_loop();
}

TEST(each_task_says_what_it_waits_for_and_since_when) { /* INTR-8 */
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *a = asyncio_loop_create_task(loop, waits_for(f), .name = "a");
    asyncio_task_options o = { .size = sizeof o, .coro = outer(a), .name = "b" };
    asyncio_task *b = asyncio_loop_create_task_with(loop, &o); /* made nowhere */
    asyncio_task *c = asyncio_loop_create_task(loop, sleeps(2.5), .name = "c");
    CHECK_INT(asyncio_loop_run_until_complete(loop, sleeps(2.5), NULL), 0);
    asyncio_task *d = asyncio_loop_create_task(loop, sleeps(1), .name = "d");
    CHECK_STR(dumped(), "3 tasks at loop time 2.500\n"
                        "* Task(name='a', id=ID) waiting for 2.500 s, created at FILE\n"
                        "  + Call stack:\n"
                        "  |   File 'FILE', line N, in async waits_for()\n"
                        "  + Waits for: Future(id=ID)\n"
                        "  + Awaited by: Task(name='b', id=ID)\n"
                        "* Task(name='b', id=ID) waiting for 2.500 s\n"
                        "  + Call stack:\n"
                        "  |   File 'FILE', line N, in async outer()\n"
                        "  + Waits for: Task(name='a', id=ID)\n"
                        "* Task(name='d', id=ID) not started, created at FILE\n"
                        "  + Call stack:\n"
                        "  |   File 'FILE', line N, in async sleeps()\n");
    asyncio_task_cancel(b, NULL); /* a is asked in turn; both are queued or will be */
    CHECK_CONTAINS(dumped(), "* Task(name='a', id=ID) ready, cancelling=1, created");
    CHECK_CONTAINS(dumped(), "* Task(name='b', id=ID) waiting for 2.500 s, cancelling=1\n");
    turn();
    CHECK_CONTAINS(dumped(), "* Task(name='d', id=ID) waiting for 0.000 s, created at FILE\n"
                             "  + Call stack:\n"
                             "  |   File 'FILE', line N, in async sleeps()\n"
                             "  + Waits for: asyncio_sleep()\n");
    CHECK_INT(asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(d), NULL), 0);
    asyncio_task *all[] = { a, b, c, d };
    for (int i = 0; i < 4; i++) asyncio_task_unref(all[i]);
    asyncio_future_unref(f);
    end_loop();
}

static char inside[4096];

ASYNC(dumps_itself) {
    TRY(AWAIT(asyncio_sleep(1)));
    FILE *file = fmemopen(inside, sizeof inside, "w");
    CHECK_INT(asyncio_dump_tasks(file), 0);
    fclose(file);
    RETURN();
}

TEST(the_task_that_asks_is_running) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, dumps_itself(), .name = "me");
    CHECK_INT(asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(t), NULL), 0);
    CHECK_CONTAINS(inside, "1 task at loop time 1.000\n");
    CHECK_CONTAINS(inside, ") running, created at ");
    asyncio_task_unref(t);
    end_loop();
}

TEST(those_who_await_one_task_are_counted) {
    enum { N = 12 };
    asyncio_task *tasks[N];
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for(f), .name = "t");
    for (int i = 0; i < N; i++) tasks[i] = asyncio_loop_create_task(loop, outer(t));
    turn();
    CHECK_CONTAINS(dumped(), " and 4 more\n");
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    for (int i = 0; i < 4; i++) turn();
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

ASYNC(recurses, (int) depth) {
    if (depth == 0) {
        TRY(AWAIT(asyncio_sleep(1)));
        RETURN();
    }
    TRY(AWAIT(recurses(depth - 1)));
    RETURN();
}

TEST(long_stacks_are_cut_short) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, recurses(69));
    turn();
    CHECK_CONTAINS(dumped(), "\n  |   and 6 more\n");
    CHECK_INT(asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(t), NULL), 0);
    asyncio_task_unref(t);
    end_loop();
}

TEST(a_dump_needs_a_loop) {
    CHECK_INT(asyncio_dump_tasks(stderr), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_loop_dump_tasks(NULL, stderr), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
}

TEST(the_default_stream_is_standard_error) {
    start_loop();
    CHECK_INT(asyncio_loop_dump_tasks(loop, NULL), 0);
    CHECK_PRINTED("0 tasks at loop time 0.000\n");
    end_loop();
}

/* ---- on a signal ---- */

ASYNC(raises_signal) {
    TRY(asyncio_dump_on_signal(SIGUSR1));
    TRY(asyncio_dump_on_signal(SIGUSR1)); /* once is enough */
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_STR(test_printed(), ""); /* a step is not interrupted */
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_PRINTED("1 task at loop time 0.000\n* Task(name='me'");
    CHECK(strstr(strstr(test_printed(), "1 task") + 1, "1 task") == NULL);
    CHECK(asyncio_remove_dump_on_signal(SIGUSR1));
    CHECK(!asyncio_remove_dump_on_signal(SIGUSR1));
    CHECK(!asyncio_remove_dump_on_signal(-1));
    RETURN();
}

TEST(a_signal_dumps_the_tasks_between_two_steps) { /* INTR-8 */
    start_loop();
    asyncio_task_options o = { .size = sizeof o, .coro = raises_signal(), .name = "me" };
    asyncio_task *t = asyncio_loop_create_task_with(loop, &o);
    CHECK_INT(asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(t), NULL), 0);
    asyncio_task_unref(t);
    end_loop();
    struct sigaction now;
    CHECK_INT(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
}

ASYNC(sleeps_for_real) {
    struct itimerval soon = { .it_value = { 0, 20000 } };
    TRY(asyncio_dump_on_signal(SIGALRM));
    CHECK_INT(setitimer(ITIMER_REAL, &soon, NULL), 0);
    while (!strstr(test_printed(), "Waits for: asyncio_sleep()")) TRY(AWAIT(asyncio_sleep(0.05)));
    RETURN(); /* the registration goes with the loop */
}

TEST(a_signal_wakes_a_loop_that_sleeps) {
    CHECK_INT(asyncio_run(sleeps_for_real(), NULL), 0);
    struct sigaction now;
    CHECK_INT(sigaction(SIGALRM, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
}

TEST(wrong_signals_are_refused) {
    CHECK_INT(asyncio_dump_on_signal(SIGUSR1), ASYNCIO_RUNTIME_ERROR); /* no loop */
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK(!asyncio_remove_dump_on_signal(SIGUSR1));
    CHECK_PTR(asyncio_error_take(0), NULL);
    start_loop();
    asyncio_set_event_loop(loop);
    CHECK_INT(asyncio_dump_on_signal(0), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_dump_on_signal(SIGKILL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    if (asyncio_testing_fail_allocation(1) >= 0) {
        CHECK_INT(asyncio_dump_on_signal(SIGUSR1), -ENOMEM);
        asyncio_ignore(-ENOMEM);
    }
    asyncio_set_event_loop(NULL);
    end_loop();
}
