/* SPDX-License-Identifier: MIT
 *
 * Watch objects: when their callbacks are called, and whom closing one leaves alone: everybody
 * else, also where the number of the descriptor has a new owner.
 */
#include "io.h"

static int drops;
static void count_drop(void *arg) {
    (void)arg;
    drops++;
}

/* Notes the name and the events. */
static int note_events(asyncio_watch *w, unsigned events, void *arg) {
    (void)w;
    note("%s:%u", (const char *)arg, events);
    return 0;
}

static asyncio_watch *new_watch(int fd, const char *name) {
    asyncio_watch *w = asyncio_watch_new(loop, fd, note_events, TEXT(name), .drop = count_drop);
    CHECK(w != NULL);
    return w;
}

static void take_byte(int fd) {
    char byte;
    CHECK_INT(read(fd, &byte, 1), 1);
}

/* Closes without telling, and makes a pair whose first end has the number. */
static void use_again(int fd[2], int next[2]) {
    int number = fd[0];
    CHECK_INT(close(fd[0]), 0);
    make_pair(next);
    CHECK_INT(next[0], number);
    CHECK_INT(close(fd[1]), 0);
}

/* ---- what it does ---- */

ASYNC(watches) {
    int fd[2];
    make_pair(fd);
    asyncio_watch *w = new_watch(fd[0], "w");
    put(fd[1], "x");
    some_turns(3);
    CHECK_NOTES(""); /* nothing is set yet */
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    some_turns(4);
    CHECK_CONTAINS(notes, "w:1 w:1"); /* as long as it is ready */
    CHECK_INT(asyncio_watch_set(w, 0), 0);
    notes[0] = '\0';
    some_turns(3);
    CHECK_NOTES("");
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE | ASYNCIO_WRITABLE), 0);
    some_turns(3);
    CHECK_CONTAINS(notes, "w:3 w:3"); /* both in one call */
    notes[0] = '\0';
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_WRITABLE), 0);
    some_turns(3);
    CHECK_CONTAINS(notes, "w:2 w:2");
    fill(fd[0]);
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    take_byte(fd[0]);
    some_turns(3);
    notes[0] = '\0';
    some_turns(3);
    CHECK_NOTES("");
    asyncio_watch_close(w);
    CHECK_INT(drops, 1);
    close_pair(fd);
    RETURN();
}
TEST(a_watch_calls_back_for_what_is_set_and_pauses) { run_alone(watches()); }

ASYNC(sets_the_same) {
    int fd[2];
    make_pair(fd);
    asyncio_watch *w = new_watch(fd[0], "w");
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    int poller = loop->poller.fd;
    loop->poller.fd = -1; /* a system call would fail */
    for (int i = 0; i < 3; i++) CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    loop->poller.fd = poller;
    put(fd[1], "x");
    some_turns(2);
    CHECK_CONTAINS(notes, "w:1");
    asyncio_watch_close(w);
    close_pair(fd);
    RETURN();
}
TEST(to_set_what_is_set_costs_no_system_call) { run_alone(sets_the_same()); }

static int close_itself(asyncio_watch *w, unsigned events, void *arg) {
    (void)events, (void)arg;
    asyncio_watch_close(w);
    CHECK_INT(drops, 0); /* not while it runs */
    note("closed");
    return 0;
}
static int pause_other(asyncio_watch *w, unsigned events, void *arg) {
    asyncio_watch **other = arg;
    (void)events;
    note("pauses");
    CHECK_INT(asyncio_watch_set(w, 0), 0);
    return asyncio_watch_set(*other, 0);
}
static int fail(asyncio_watch *w, unsigned events, void *arg) {
    (void)events, (void)arg;
    CHECK_INT(asyncio_watch_set(w, 0), 0);
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "bad");
}

ASYNC(changes_from_inside) {
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    asyncio_watch *w = asyncio_watch_new(loop, a[0], close_itself, NULL, .drop = count_drop);
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    put(a[1], "x");
    some_turns(3);
    CHECK_NOTES("closed");
    CHECK_INT(drops, 1);
    /* Found in one poll: the first to run pauses the other, which is not called any more. */
    asyncio_watch *one, *two;
    one = asyncio_watch_new(loop, a[0], pause_other, &two);
    two = asyncio_watch_new(loop, b[0], pause_other, &one);
    CHECK_INT(asyncio_watch_set(one, ASYNCIO_READABLE), 0);
    CHECK_INT(asyncio_watch_set(two, ASYNCIO_READABLE), 0);
    put(b[1], "x");
    some_turns(4);
    CHECK_NOTES("pauses");
    asyncio_watch_close(one);
    asyncio_watch_close(two);
    w = asyncio_watch_new(loop, a[0], fail, NULL);
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    some_turns(3);
    CHECK_INT(reported.count, 1);
    asyncio_watch_close(w);
    close_pair(a);
    close_pair(b);
    RETURN();
}
TEST(a_callback_may_close_and_set_watches) { run_alone(changes_from_inside()); }

/* ---- numbers that are used again ---- */

ASYNC(waits_fd, (int)fd, (unsigned)events) {
    int rc = TRY(AWAIT(asyncio_wait_fd(fd, events)));
    note("waited:%d", rc);
    RETURN();
}

ASYNC(late_close, (int)kind) {
    int fd[2], next[2];
    make_pair(fd);
    asyncio_watch *late = new_watch(fd[0], "late"), *own = NULL;
    CHECK_INT(asyncio_watch_set(late, ASYNCIO_READABLE), 0);
    use_again(fd, next);
    asyncio_task *t = NULL;
    if (kind == 0) CHECK_INT(asyncio_loop_add_reader(loop, next[0], note_arg, TEXT("reader")), 0);
    if (kind == 1) t = start(waits_fd(next[0], ASYNCIO_READABLE));
    if (kind == 2) own = new_watch(next[0], "own");
    if (kind == 2) CHECK_INT(asyncio_watch_set(own, ASYNCIO_READABLE), 0);
    asyncio_watch_close(late); /* by itself, not by number */
    CHECK_INT(drops, 1);
    put(next[1], "x");
    some_turns(2);
    CHECK_CONTAINS(notes, ((const char *[]){ "reader", "waited:1", "own:1" })[kind]);
    if (kind == 0) CHECK_INT(asyncio_loop_remove_reader(loop, next[0]), 1);
    if (t) check_ended(t, 0);
    asyncio_watch_close(own);
    close_pair(next);
    RETURN();
}
TEST(a_watch_that_is_closed_late_leaves_the_new_owner_of_its_number_alone) {
    for (int kind = 0; kind < 3; kind++) {
        drops = 0;
        notes[0] = '\0';
        run_alone(late_close(kind));
    }
}

ASYNC(late_set, (unsigned)events) {
    int fd[2], next[2];
    make_pair(fd);
    asyncio_watch *late = new_watch(fd[0], "late");
    CHECK_INT(asyncio_watch_set(late, ASYNCIO_READABLE), 0);
    use_again(fd, next);
    int rc = asyncio_watch_set(late, events);
    if (events == 0) CHECK_INT(rc, 0);
    else CHECK_ERROR(rc, -EBADF, "the descriptor of a watch was closed");
    asyncio_task *t = start(waits_fd(next[0], 3));
    check_ended(t, 0);
    CHECK_NOTES("waited:2"); /* and the late one is not called */
    asyncio_watch_close(late);
    close_pair(next);
    RETURN();
}
TEST(a_watch_that_is_set_late_does_not_take_hold_of_the_new_owner) {
    run_alone(late_set(ASYNCIO_READABLE | ASYNCIO_WRITABLE));
    run_alone(late_set(0));
}

ASYNC(waiters_of_the_past, (unsigned)old, (unsigned)new) {
    int fd[2], next[2];
    char text[128];
    make_pair(fd);
    fill(fd[0]);
    asyncio_task *t = start(waits_fd(fd[0], old));
    use_again(fd, next);
    fill(next[0]);
    asyncio_task *u = start(waits_fd(next[0], new));
    snprintf(text, sizeof text, "descriptor %d was closed while a task waited for it", next[0]);
    CHECK_ERROR(AWAIT(t), -EBADF, text);
    CHECK(!asyncio_task_done(u));
    CHECK_INT(asyncio_fd_close(next[1]), 0); /* readable and writable */
    check_ended(u, 0);
    asyncio_task_unref(t);
    CHECK_INT(asyncio_fd_close(next[0]), 0);
    RETURN();
}
TEST(who_waits_for_a_number_that_is_used_again_is_told_and_hinders_nobody) {
    for (unsigned old = 1; old <= 3; old++)
        for (unsigned new = 1; new <= 3; new ++) run_alone(waiters_of_the_past(old, new));
}

ASYNC(numbers_of_other_kinds) {
    int fd[2];
    make_pair(fd);
    asyncio_task *t = start(waits_fd(fd[0], ASYNCIO_READABLE));
    CHECK_INT(close(fd[0]), 0);
    CHECK_INT(AWAIT(asyncio_wait_fd(fd[0], ASYNCIO_WRITABLE)), -EBADF); /* nobody's */
    asyncio_ignore(-EBADF);
    CHECK_INT(AWAIT(t), -EBADF);
    asyncio_ignore(-EBADF);
    asyncio_task_unref(t);
    CHECK_INT(close(fd[1]), 0);
    make_pair(fd);
    asyncio_watch *w = new_watch(fd[0], "w");
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_READABLE), 0);
    CHECK_INT(close(fd[0]), 0);
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    CHECK_INT(file, fd[0]);
    CHECK_INT(asyncio_watch_set(w, ASYNCIO_WRITABLE), -EBADF); /* a file's */
    asyncio_ignore(-EBADF);
    asyncio_watch_close(w);
    close(file);
    close(fd[1]);
    RETURN();
}
TEST(a_number_may_have_become_nobodys_or_a_files) { run_alone(numbers_of_other_kinds()); }

/* ---- the ends ---- */

ASYNC(loses_its_descriptor) {
    int fd[2];
    make_pair(fd);
    asyncio_watch *w = new_watch(fd[0], "w");
    CHECK_INT(asyncio_watch_set(w, 3), 0);
    CHECK_INT(asyncio_fd_close(fd[0]), 0);
    some_turns(2);
    CHECK_NOTES("");
    CHECK_INT(asyncio_watch_set(w, 0), 0);
    CHECK_ERROR(asyncio_watch_set(w, 1), -EBADF, "the descriptor of a watch was closed");
    CHECK_INT(drops, 0);
    asyncio_watch_close(w);
    CHECK_INT(drops, 1);
    CHECK_INT(close(fd[1]), 0);
    RETURN();
}
TEST(a_watch_outlives_its_descriptor) { run_alone(loses_its_descriptor()); }

TEST(a_watch_outlives_its_loop) {
    int fd[2];
    make_pair(fd);
    start_loop();
    asyncio_watch *w = new_watch(fd[0], "w");
    CHECK_INT(asyncio_watch_set(w, 3), 0);
    turn();
    asyncio_loop_close(loop);
    CHECK_INT(asyncio_watch_set(w, 1), -EBADF);
    asyncio_ignore(-EBADF);
    asyncio_watch_close(w);
    CHECK_INT(drops, 1);
    end_loop();
    close(fd[0]);
    close(fd[1]);
}

/* ---- refusals ---- */

ASYNC(refusals) {
    int fd[2];
    make_pair(fd);
    CHECK_NULL_ERROR(asyncio_watch_new(NULL, fd[0], note_events, NULL), ASYNCIO_TYPE_ERROR,
                     "a loop is required");
    CHECK_NULL_ERROR(asyncio_watch_new(loop, fd[0], NULL, NULL), ASYNCIO_TYPE_ERROR,
                     "a callback is required");
    CHECK_NULL_ERROR(asyncio_watch_new(loop, -1, note_events, NULL, .drop = count_drop), -EBADF,
                     "cannot watch descriptor -1");
    CHECK_NULL_ERROR(asyncio_watch_new(loop, 100000, note_events, NULL), -EBADF,
                     "cannot watch descriptor 100000");
    CHECK_ERROR(asyncio_watch_set(NULL, 1), ASYNCIO_TYPE_ERROR, "a watch is required");
    asyncio_watch_close(NULL);
    CHECK_INT(drops, 0);
    asyncio_watch *w = new_watch(fd[0], "w");
    CHECK_ERROR(asyncio_watch_set(w, 4), ASYNCIO_VALUE_ERROR,
                "events must be ASYNCIO_READABLE, ASYNCIO_WRITABLE, both or none");
    /* Somebody else waits: what could be had is given back, and what was set stays. */
    asyncio_watch *other = new_watch(fd[0], "other");
    CHECK_INT(asyncio_watch_set(other, ASYNCIO_WRITABLE), 0);
    CHECK_INT(asyncio_watch_set(w, 3), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_watch_set(other, 3), 0);
    CHECK_INT(asyncio_watch_set(w, 1), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_watch_set(other, 0), 0);
    CHECK_INT(asyncio_watch_set(w, 1), 0);
    asyncio_watch_close(other);
    asyncio_watch_close(w);
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    w = new_watch(file, "file");
    CHECK_INT(asyncio_watch_set(w, 1), -EPERM);
    asyncio_ignore(-EPERM);
    asyncio_watch_close(w);
    close(file);
    close_pair(fd);
    RETURN();
}
TEST(wrong_arguments_and_foreign_descriptors_are_refused) { run_alone(refusals()); }

TEST(a_closed_loop_makes_no_watch) {
    start_loop();
    asyncio_loop_close(loop);
    CHECK_NULL_ERROR(asyncio_watch_new(loop, 0, note_events, NULL, .drop = count_drop),
                     ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    CHECK_INT(drops, 0);
    end_loop();
}

ASYNC(without_memory) {
    int fd[2];
    make_pair(fd);
    for (long n = 1; n <= 3; n++) {
        asyncio_ignore((int)asyncio_testing_fail_allocation(n));
        asyncio_watch *w = asyncio_watch_new(loop, fd[0], note_events, NULL);
        int rc = w ? asyncio_watch_set(w, 1) : -ENOMEM;
        asyncio_ignore((int)asyncio_testing_fail_allocation(0));
        if (rc < 0) CHECK(asyncio_catch(rc, -ENOMEM));
        asyncio_watch_close(w);
    }
    close_pair(fd);
    RETURN();
}
TEST(exhausted_memory_leaves_nothing_behind) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    run_alone(without_memory());
}
