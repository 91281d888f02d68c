/* SPDX-License-Identifier: MIT
 *
 * add_reader and add_writer: called while ready, once a turn; replaced, removed, and let go.
 */
#include "io.h"

static int fds[2];

static int note_and_read(void *arg) {
    char c[2] = "";
    CHECK_INT(read(fds[0], c, 1), 1);
    note("%s%s", (const char *)arg, c);
    return 0;
}

static void note_drop(void *arg) { note("drop-%s", (const char *)arg); }

static int add_noting(const char *name) {
    return asyncio_loop_add_reader(loop, fds[0], note_and_read, TEXT(name), .drop = note_drop);
}

ASYNC(reader_runs) {
    make_pair(fds);
    CHECK_INT(add_noting("r"), 0);
    some_turns(3);
    CHECK_NOTES("");
    put(fds[1], "abc"); /* the callback takes one at a time */
    some_turns(6);
    CHECK_NOTES("ra rb rc");
    put(fds[1], "d");
    some_turns(3);
    CHECK_NOTES("rd");
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 1);
    CHECK_NOTES("drop-r");
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 0);
    put(fds[1], "e");
    some_turns(3);
    CHECK_NOTES("");
    close_pair(fds);
    RETURN();
}
TEST(a_reader_is_called_as_long_as_there_is_something) { run_alone(reader_runs()); }

ASYNC(reader_replaced) {
    make_pair(fds);
    CHECK_INT(add_noting("r"), 0);
    CHECK_INT(add_noting("s"), 0);
    CHECK_NOTES("drop-r");
    put(fds[1], "ab");
    some_turns(4);
    CHECK_NOTES("sa sb");
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 1);
    CHECK_NOTES("drop-s");
    close_pair(fds);
    RETURN();
}
TEST(another_reader_takes_the_place_of_the_first) { run_alone(reader_replaced()); } /* LOOP-30 */

static int remove_itself(void *arg) {
    note("%s", (const char *)arg);
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 1);
    note("removed");
    return 0;
}

ASYNC(reader_removes_itself) {
    make_pair(fds);
    put(fds[1], "ab");
    CHECK_INT(asyncio_loop_add_reader(loop, fds[0], remove_itself, TEXT("self"), .drop = note_drop),
              0);
    some_turns(4);
    CHECK_NOTES("self removed drop-self");
    close_pair(fds);
    RETURN();
}
TEST(a_reader_may_remove_itself) { run_alone(reader_removes_itself()); }

static int note_writer(void *arg) {
    note("%s", (const char *)arg);
    CHECK_INT(asyncio_loop_remove_writer(loop, fds[0]), 1);
    return 0;
}

ASYNC(reader_and_writer) {
    make_pair(fds);
    CHECK_INT(add_noting("r"), 0);
    CHECK_INT(asyncio_loop_add_writer(loop, fds[0], note_writer, TEXT("w")), 0);
    put(fds[1], "a");
    some_turns(4);
    CHECK_NOTES("ra w");
    CHECK_INT(asyncio_fd_close(fds[0]), 0);
    CHECK_NOTES("drop-r");
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 0);
    close(fds[1]);
    RETURN();
}
TEST(a_reader_and_a_writer_of_one_descriptor) { run_alone(reader_and_writer()); } /* LOOP-30 */

ASYNC(writes_when_possible) {
    TRY(AWAIT(asyncio_wait_fd(fds[0], ASYNCIO_WRITABLE)));
    note("writable");
    RETURN();
}

ASYNC(callback_and_task) {
    make_pair(fds);
    fill(fds[0]);
    asyncio_task *t = start(writes_when_possible());
    CHECK_INT(add_noting("r"), 0);
    put(fds[1], "a");
    some_turns(3);
    CHECK_NOTES("ra");
    while (*get(fds[1]) || recv(fds[1], (char[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) > 0) continue;
    check_ended(t, 0);
    CHECK_NOTES("writable");
    put(fds[1], "b");
    some_turns(3);
    CHECK_NOTES("rb");
    CHECK_INT(AWAIT(asyncio_wait_fd(fds[0], ASYNCIO_READABLE)), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    close_pair(fds);
    CHECK_NOTES("drop-r");
    RETURN();
}
TEST(a_reader_and_a_task_that_waits_to_write) { run_alone(callback_and_task()); }

ASYNC(reads_when_possible) {
    TRY(AWAIT(asyncio_wait_fd(fds[0], ASYNCIO_READABLE)));
    RETURN();
}
ASYNC(callback_after_cancelled_task) {
    make_pair(fds);
    asyncio_task *t = start(reads_when_possible());
    asyncio_task_cancel(t, NULL);
    CHECK_INT(add_noting("r"), 0);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    put(fds[1], "a");
    some_turns(3);
    CHECK_NOTES("ra");
    close_pair(fds);
    CHECK_NOTES("drop-r");
    RETURN();
}
TEST(a_reader_takes_the_place_of_a_cancelled_wait) { run_alone(callback_after_cancelled_task()); }

static int fail(void *arg) {
    (void)arg;
    (void)get(fds[0]);
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "bad");
}

ASYNC(reader_fails) {
    make_pair(fds);
    CHECK_INT(asyncio_loop_add_reader(loop, fds[0], fail, NULL), 0);
    put(fds[1], "a");
    some_turns(3);
    CHECK_INT(reported.count, 1);
    CHECK_INT(reported.code, ASYNCIO_VALUE_ERROR);
    CHECK_CONTAINS(reported.message, "Exception in callback fail() at ");
    put(fds[1], "b");
    some_turns(3);
    CHECK_INT(reported.count, 2);
    close_pair(fds);
    RETURN();
}
TEST(an_error_in_a_reader_is_reported_and_the_reader_stays) { run_alone(reader_fails()); }

TEST(a_loop_that_closes_drops_its_readers) {
    start_loop();
    make_pair(fds);
    CHECK_INT(add_noting("r"), 0);
    put(fds[1], "a");
    turn();
    CHECK_NOTES("ra");
    put(fds[1], "a");
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_NOTES("drop-r");
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 0);
    CHECK_ERROR(add_noting("r"), ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    CHECK_NOTES("");
    end_loop();
    close_pair(fds);
}

ASYNC(misuse) {
    make_pair(fds);
    CHECK_ERROR(asyncio_loop_add_reader(NULL, fds[0], fail, NULL), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    CHECK_ERROR(asyncio_loop_add_reader(loop, fds[0], NULL, NULL), ASYNCIO_TYPE_ERROR,
                "a callback is required");
    CHECK_ERROR(asyncio_loop_remove_writer(NULL, fds[0]), ASYNCIO_TYPE_ERROR, "a loop is required");
    CHECK_INT(asyncio_loop_remove_reader(loop, -1), 0);
    CHECK_INT(asyncio_loop_remove_reader(loop, 100000), 0);
    CHECK_ERROR(asyncio_loop_add_reader(loop, -1, fail, NULL), -EBADF, "-1 is no descriptor");
    FILE *file = tmpfile();
    CHECK_INT(asyncio_loop_add_writer(loop, fileno(file), fail, TEXT("x"), .drop = note_drop),
              -EPERM);
    asyncio_ignore(-EPERM);
    CHECK_NOTES("");
    fclose(file);
    asyncio_task *t = start(writes_when_possible());
    check_ended(t, 0);
    fill(fds[0]);
    t = start(writes_when_possible());
    CHECK_INT(asyncio_loop_add_writer(loop, fds[0], fail, NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_loop_remove_writer(loop, fds[0]), 0);
    CHECK_INT(asyncio_fd_close(fds[0]), 0);
    check_ended(t, -EBADF);
    close(fds[1]);
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_alone(misuse()); }

TEST(a_reader_may_find_no_memory) {
    start_loop();
    make_pair(fds);
    for (long n = 1;; n++) {
        if (asyncio_testing_fail_allocation(n) < 0) SKIP("needs -Dfault_injection=true");
        int rc = add_noting("r");
        if (asyncio_testing_fail_allocation(0) < n) break;
        CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        CHECK_NOTES("");
    }
    CHECK_INT(asyncio_loop_remove_reader(loop, fds[0]), 1);
    CHECK_NOTES("drop-r");
    end_loop();
    close_pair(fds);
}
