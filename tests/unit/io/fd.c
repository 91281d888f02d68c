/* SPDX-License-Identifier: MIT
 *
 * Waiting for descriptors: what wakes, what is refused, numbers that are used again, and a
 * virtual clock beside descriptors that know nothing of it.
 */
#include <sys/stat.h>

#include "io.h"

ASYNC(waits, (int) fd, (unsigned) events) {
    asyncio_value ready;
    TRY(AWAIT(asyncio_wait_fd(fd, events), &ready));
    RETURN(ready);
}

ASYNC(wakes_when_something_comes) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    some_turns(5);
    CHECK(!asyncio_task_done(t));
    put(fd[1], "x");
    asyncio_value ready;
    CHECK_INT(AWAIT(t, &ready), 0);
    CHECK_INT(ready.i, ASYNCIO_READABLE);
    asyncio_task_unref(t);
    close_pair(fd);
    RETURN();
}
TEST(a_task_waits_until_something_comes) { run_alone(wakes_when_something_comes()); }

ASYNC(already_ready) {
    int fd[2];
    make_pair(fd);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE)), ASYNCIO_WRITABLE);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE)), ASYNCIO_WRITABLE);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], 3)), ASYNCIO_WRITABLE);
    put(fd[1], "x");
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), ASYNCIO_READABLE);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), ASYNCIO_READABLE);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], 3)), 3);
    close_pair(fd);
    RETURN();
}
TEST(what_is_ready_already_is_reported_each_time) { run_alone(already_ready()); }

ASYNC(both_directions) {
    int fd[2];
    make_pair(fd);
    fill(fd[0]);
    asyncio_task *r = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task *w = start(waits(fd[0], ASYNCIO_WRITABLE));
    put(fd[1], "x");
    check_ended(r, 0);
    CHECK(!asyncio_task_done(w));
    while (*get(fd[1]) || recv(fd[1], (char[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) > 0) continue;
    check_ended(w, 0);
    close_pair(fd);
    RETURN();
}
TEST(one_task_reads_while_another_one_writes) { run_alone(both_directions()); }

ASYNC(second_waiter) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    char text[128];
    snprintf(text, sizeof text,
             "descriptor %d is already waited for, by somebody else who wants to read", fd[0]);
    CHECK_ERROR(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), ASYNCIO_RUNTIME_ERROR, text);
    CHECK_ERROR(AWAIT(asyncio_wait_fd(fd[0], 3)), ASYNCIO_RUNTIME_ERROR, text);
    CHECK(!asyncio_task_done(t));
    put(fd[1], "x");
    check_ended(t, 0);
    close_pair(fd);
    RETURN();
}
TEST(a_second_waiter_for_a_direction_is_refused) { run_alone(second_waiter()); }

ASYNC(closed_under_waiter) {
    int fd[2];
    make_pair(fd);
    fill(fd[0]);
    asyncio_task *r = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task *w = start(waits(fd[0], ASYNCIO_WRITABLE));
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    char text[128];
    snprintf(text, sizeof text, "descriptor %d was closed while a task waited for it", fd[0]);
    CHECK_ERROR(AWAIT(r), -EBADF, text);
    CHECK_ERROR(AWAIT(w), -EBADF, text);
    asyncio_task_unref(r);
    asyncio_task_unref(w);
    CHECK_INT(close(fd[1]), 0);
    RETURN();
}
TEST(closing_a_descriptor_wakes_who_waits_with_ebadf) { run_alone(closed_under_waiter()); }

ASYNC(cancelled_waiter) {
    int fd[2];
    make_pair(fd);
    for (int i = 0; i < 3; i++) {
        asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
        asyncio_task_cancel(t, NULL);
        check_ended(t, ASYNCIO_CANCELLED_ERROR);
    }
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    put(fd[1], "x"); /* the event comes while the cancelled task is on its way */
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), ASYNCIO_READABLE);
    close_pair(fd);
    RETURN();
}
TEST(a_cancelled_wait_leaves_nothing_behind) { run_alone(cancelled_waiter()); }

/* The same, for what has just been cancelled, or has been ready in the other direction, and whose
 * task has not run since. */
ASYNC(taken_over) {
    int fd[2];
    char byte;
    make_pair(fd);
    fill(fd[0]);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE | ASYNCIO_WRITABLE));
    asyncio_task_cancel(t, NULL);
    put(fd[1], "x");
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_READABLE)), ASYNCIO_READABLE);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    t = start(waits(fd[0], ASYNCIO_WRITABLE));
    asyncio_task_cancel(t, NULL);
    CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], &byte, 1)), 1);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    t = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task *second = asyncio_create_task(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    TRY(AWAIT(asyncio_sleep(0))); /* now the second has the place, and the first has run */
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    put(fd[1], "y");
    CHECK_INT(AWAIT(second), 0);
    asyncio_task_unref(second);
    close_pair(fd);
    RETURN();
}
TEST(a_cancelled_wait_is_taken_over_in_the_same_turn) { run_alone(taken_over()); }

ASYNC(receives, (int)fd) {
    char byte;
    TRY(AWAIT(asyncio_loop_sock_recv(loop, fd, &byte, 1)));
    RETURN((long)byte);
}
ASYNC(receives_after_cancel) {
    int fd[2];
    char byte;
    make_pair(fd);
    for (int i = 0; i < 3; i++) {
        asyncio_task *t = start(receives(fd[0]));
        asyncio_task *next = asyncio_create_task(receives(fd[0]));
        asyncio_task_cancel(t, NULL);
        if (i == 2) CHECK_INT(asyncio_fd_adopt(fd[0]), 0); /* nobody waits any more */
        TRY(AWAIT(asyncio_sleep(0)));
        put(fd[1], "z");
        CHECK_INT(AWAIT(next), 0);
        check_ended(t, ASYNCIO_CANCELLED_ERROR);
        asyncio_task_unref(next);
        t = start(receives(fd[0]));
        asyncio_task_cancel(t, NULL);
        put(fd[1], "z");
        CHECK_INT(AWAIT(asyncio_loop_sock_recv(loop, fd[0], &byte, 1)), 1);
        check_ended(t, ASYNCIO_CANCELLED_ERROR);
    }
    close_pair(fd);
    RETURN();
}
TEST(a_cancelled_receive_is_taken_over_in_the_same_turn) { run_alone(receives_after_cancel()); }

ASYNC(timed_out) {
    int fd[2];
    make_pair(fd);
    double start_time = asyncio_loop_time(loop);
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_wait_fd(fd[0], ASYNCIO_READABLE), 5)),
                ASYNCIO_TIMEOUT_ERROR, NULL);
    CHECK_DOUBLE(asyncio_loop_time(loop) - start_time, 5.0);
    close_pair(fd);
    RETURN();
}
TEST(a_virtual_clock_jumps_to_a_timer_although_a_descriptor_is_waited_for) {
    run_alone(timed_out());
}

ASYNC(waits_for_real, (int) fd) {
    double start_time = asyncio_loop_time(loop);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd, ASYNCIO_READABLE)), ASYNCIO_READABLE);
    CHECK_DOUBLE(asyncio_loop_time(loop), start_time);
    RETURN();
}
TEST(with_nothing_but_descriptors_a_virtual_clock_stands_still_and_the_loop_waits) {
    int fd[2];
    make_pair(fd);
    struct later l;
    start_later(&l, fd[1], "x");
    run_alone(waits_for_real(fd[0]));
    pthread_join(l.thread, NULL);
    close_pair(fd);
}

ASYNC(spins_until, (asyncio_task *) t) {
    while (!asyncio_task_done(t)) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(events_reach_a_busy_loop) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    put(fd[1], "x");
    CHECK_INT(AWAIT(spins_until(t)), 0);
    asyncio_task_unref(t);
    close_pair(fd);
    RETURN();
}
TEST(events_reach_a_busy_loop_with_a_virtual_clock) { run_alone(events_reach_a_busy_loop()); }
TEST(events_reach_a_busy_loop_with_a_real_clock) {
    CHECK_INT(asyncio_run(events_reach_a_busy_loop(), NULL), 0);
}

ASYNC(waits_for_nothing) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    close_pair(fd);
    asyncio_auto_future never = asyncio_future_new();
    TRY(AWAIT(never));
    RETURN();
}
TEST(a_wait_that_is_over_does_not_hide_a_deadlock) {
    start_loop();
    int rc = run(waits_for_nothing());
    CHECK_INT(rc, ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(rc);
    end_loop();
}

ASYNC(number_used_again) {
    int old[2], fd[2];
    make_pair(old);
    asyncio_task *t = start(waits(old[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    close(old[0]); /* not asyncio_fd_close: the loop is not told */
    close(old[1]);
    make_pair(fd);
    CHECK_INT(fd[0], old[0]);
    t = start(waits(fd[0], ASYNCIO_READABLE));
    put(fd[1], "x");
    check_ended(t, 0);
    close_pair(fd);
    RETURN();
}
TEST(a_number_that_is_used_again_is_noticed) { run_alone(number_used_again()); }

ASYNC(events_of_the_past) {
    int old[2], fd[2];
    make_pair(old);
    asyncio_task *t = start(waits(old[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    int copy = dup(old[0]); /* keeps the old description, and with it the registration, alive */
    int number = old[0];
    close(old[0]);
    make_pair(fd);
    CHECK_INT(fd[0], number);
    t = start(waits(fd[0], ASYNCIO_READABLE));
    put(old[1], "for the old one");
    some_turns(5);
    CHECK(!asyncio_task_done(t));
    put(fd[1], "x");
    check_ended(t, 0);
    close(copy);
    close(old[1]);
    close_pair(fd);
    RETURN();
}
TEST(events_of_a_former_owner_of_the_number_wake_nobody) { run_alone(events_of_the_past()); }

ASYNC(adopted) {
    int fd[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    CHECK_INT(asyncio_fd_adopt(fd[0]), 0);
    CHECK(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    for (int i = 0; i < 3; i++) {
        asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
        put(fd[1], "x");
        check_ended(t, 0);
        CHECK_STR(get(fd[0]), "x");
    }
    close_pair(fd);
    int again[2];
    make_pair(again);
    CHECK_INT(again[0], fd[0]);
    CHECK_INT(asyncio_fd_adopt(again[0]), 0);
    asyncio_task *t = start(waits(again[0], ASYNCIO_READABLE));
    CHECK_INT(asyncio_fd_adopt(again[0]), ASYNCIO_RUNTIME_ERROR);
    put(again[1], "x");
    check_ended(t, 0);
    close_pair(again);
    CHECK_INT(asyncio_fd_adopt(fd[0]), -EBADF);
    CHECK_INT(asyncio_fd_adopt(-1), -EBADF);
    CHECK_INT(asyncio_fd_close(fd[0]), -EBADF);
    RETURN();
}
TEST(an_adopted_descriptor_is_waited_for_and_closed) { run_alone(adopted()); }

ASYNC(promise_broken) {
    int fd[2], again[2];
    asyncio_loop_set_debug(loop, true);
    make_pair(fd);
    CHECK_INT(asyncio_fd_adopt(fd[0]), 0);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    close(fd[0]);
    close(fd[1]);
    make_pair(again);
    char text[128];
    snprintf(text, sizeof text, "descriptor %d was closed by close(): use asyncio_fd_close", fd[0]);
    CHECK_ERROR(AWAIT(asyncio_wait_fd(again[0], ASYNCIO_READABLE)), ASYNCIO_RUNTIME_ERROR, text);
    close_pair(again);
    RETURN();
}
TEST(a_broken_promise_is_found_in_debug_mode) { run_alone(promise_broken()); }

TEST(adopting_needs_a_running_loop) {
    CHECK_ERROR(asyncio_fd_adopt(0), ASYNCIO_RUNTIME_ERROR, "no running event loop");
}

TEST(without_a_loop_a_descriptor_is_just_closed) {
    int fd[2];
    make_pair(fd);
    close_pair(fd);
    CHECK_ERROR(asyncio_fd_close(fd[0]), -EBADF, "close: Bad file descriptor");
}

ASYNC(refused) {
    char text[128];
    FILE *file = tmpfile();
    snprintf(text, sizeof text,
             "descriptor %d cannot be waited for: regular files and directories are always ready",
             fileno(file));
    CHECK_ERROR(AWAIT(asyncio_wait_fd(fileno(file), ASYNCIO_READABLE)), -EPERM, text);
    fclose(file);
    CHECK_ERROR(AWAIT(asyncio_wait_fd(-1, ASYNCIO_READABLE)), -EBADF, "-1 is no descriptor");
    CHECK_ERROR(AWAIT(asyncio_wait_fd(1000, ASYNCIO_READABLE)), -EBADF,
                "cannot wait for descriptor 1000");
    const char *why = "events must be ASYNCIO_READABLE, ASYNCIO_WRITABLE or both";
    CHECK_ERROR(AWAIT(asyncio_wait_fd(0, 0)), ASYNCIO_VALUE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_wait_fd(0, 4)), ASYNCIO_VALUE_ERROR, why);
    RETURN();
}
TEST(what_cannot_be_waited_for_is_refused) { run_alone(refused()); }

ASYNC(ends) {
    int fd[2], pipes[2];
    make_pair(fd);
    asyncio_task *t = start(waits(fd[0], ASYNCIO_READABLE));
    close(fd[1]);
    check_ended(t, 0);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], 3)), 3);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);

    CHECK_INT(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
    fill(pipes[1]);
    t = start(waits(pipes[1], ASYNCIO_WRITABLE));
    close(pipes[0]);
    check_ended(t, 0);
    CHECK_INT(asyncio_fd_close(pipes[1]), 0);
    RETURN();
}
TEST(the_other_side_going_away_wakes_readers_and_writers) { run_alone(ends()); }

ASYNC(never_woken, (int) fd) {
    TRY(AWAIT(asyncio_wait_fd(fd, ASYNCIO_READABLE)));
    RETURN();
}
TEST(a_loop_that_closes_unwinds_who_waits) {
    int fd[2];
    make_pair(fd);
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, never_woken(fd[0]));
    turn();
    turn();
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_STR(reported.message, "Task was destroyed but it is pending!");
    asyncio_task_unref(t);
    end_loop();
    close_pair(fd);
}

ASYNC(without_memory) {
    int fd[2];
    make_pair(fd);
    if (asyncio_testing_fail_allocation(1) < 0) SKIP("needs -Dfault_injection=true");
    int rc = AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE));
    asyncio_testing_fail_allocation(0);
    CHECK_INT(rc, -ENOMEM);
    asyncio_ignore(rc);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE)), ASYNCIO_WRITABLE);
    asyncio_testing_fail_allocation(1);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE)), ASYNCIO_WRITABLE);
    CHECK_INT(asyncio_testing_fail_allocation(0), 0); /* a wait allocates nothing */
    close_pair(fd);
    RETURN();
}
TEST(the_table_of_descriptors_may_find_no_memory) { run_alone(without_memory()); }

ASYNC(many_descriptors) {
    enum { COUNT = 200 };
    static int fd[COUNT][2];
    static asyncio_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        make_pair(fd[i]);
        tasks[i] = asyncio_create_task(waits(fd[i][0], ASYNCIO_READABLE));
    }
    some_turns(2);
    for (int i = 0; i < COUNT; i++) put(fd[i][1], "x");
    for (int i = 0; i < COUNT; i++) check_ended(tasks[i], 0);
    for (int i = 0; i < COUNT; i++) close_pair(fd[i]);
    RETURN();
}
TEST(hundreds_of_descriptors_are_waited_for_at_once) { run_alone(many_descriptors()); }
