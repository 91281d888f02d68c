/* SPDX-License-Identifier: MIT
 *
 * The tools of asyncio/testing.h: the shuffled order of a turn, the cancellation at a chosen
 * point, and runs of whole programs with both.
 */
#include <errno.h>

#include "core.h"

/* ---- shuffle ---- */

ASYNC(note_number, (long)number) {
    note("%ld", number);
    RETURN();
}

ASYNC(note_all, (long)n) {
    for (long i = 0; i < n; i++) TRY(asyncio_spawn(note_number(i)));
    RETURN();
}

static const char *order_of(unsigned long long seed, long n) {
    static char order[sizeof notes];
    start_loop();
    CHECK_INT(asyncio_testing_shuffle(loop, seed), 0);
    CHECK_INT(run(note_all(n)), 0);
    end_loop();
    memcpy(order, notes, sizeof order);
    notes[0] = '\0';
    return order;
}

TEST(a_seed_decides_the_order_of_a_turn) {
    char first[sizeof notes];
    strcpy(first, order_of(7, 8));
    CHECK_STR(order_of(7, 8), first);
    CHECK(strcmp(first, "0 1 2 3 4 5 6 7") != 0);
    CHECK(strcmp(order_of(8, 8), first) != 0);
    CHECK_STR(order_of(0, 8), "0 1 2 3 4 5 6 7");
}

TEST(every_order_comes_up) {
    static const char *const orders[] = { "0 1 2", "0 2 1", "1 0 2", "1 2 0", "2 0 1", "2 1 0" };
    int seen[6] = { 0 };
    for (unsigned long long seed = 1; seed <= 600; seed++) {
        const char *order = order_of(seed, 3);
        int i = 0;
        while (i < 6 && strcmp(order, orders[i]) != 0) i++;
        CHECK(i < 6);
        seen[i]++;
    }
    for (int i = 0; i < 6; i++) CHECK(seen[i] > 50); /* 100 on average */
}

TEST(nobody_is_lost_or_run_twice) {
    for (unsigned long long seed = 1; seed <= 50; seed++) {
        int seen[40] = { 0 };
        char *rest = (char *)(uintptr_t)order_of(seed, 40);
        for (char *word = strtok(rest, " "); word; word = strtok(NULL, " ")) seen[atoi(word)]++;
        for (int i = 0; i < 40; i++) CHECK_INT(seen[i], 1);
    }
}

ASYNC(note_turns, (const char *)name) {
    for (int i = 0; i < 3; i++) {
        note("%s%d", name, i);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

ASYNC(two_in_turn) {
    asyncio_auto_task a = asyncio_create_task(note_turns("a"));
    asyncio_auto_task b = asyncio_create_task(note_turns("b"));
    TRY(AWAIT(a));
    return AWAIT(b);
}

/* Whatever the order inside of a turn: a step of both, then the next step of both. */
TEST(turns_stay_what_they_are) {
    for (unsigned long long seed = 1; seed <= 20; seed++) {
        start_loop();
        CHECK_INT(asyncio_testing_shuffle(loop, seed), 0);
        CHECK_INT(run(two_in_turn()), 0);
        end_loop();
        for (int i = 0; i < 6; i++) CHECK_INT(notes[3 * i + 1], '0' + i / 2);
        notes[0] = '\0';
    }
}

ASYNC(callbacks_among_tasks) {
    asyncio_loop *l = asyncio_get_running_loop();
    TRY(asyncio_spawn(note_number(0)));
    TRY(asyncio_loop_call_soon(l, note_arg, TEXT("a")));
    TRY(asyncio_spawn(note_number(1)));
    TRY(asyncio_loop_call_soon(l, note_arg, TEXT("b")));
    TRY(asyncio_loop_call_soon(l, note_arg, TEXT("c")));
    RETURN();
}

TEST(callbacks_keep_their_order_among_themselves) {
    int between = 0;
    for (unsigned long long seed = 1; seed <= 100; seed++) {
        start_loop();
        CHECK_INT(asyncio_testing_shuffle(loop, seed), 0);
        CHECK_INT(run(callbacks_among_tasks()), 0);
        end_loop();
        char *a = strchr(notes, 'a'), *b = strchr(notes, 'b'), *c = strchr(notes, 'c');
        CHECK(a < b && b < c);
        between += strstr(notes, "b 0 c") != NULL;
        notes[0] = '\0';
    }
    CHECK(between > 0);
}

static int note_done(asyncio_future *future, void *arg) {
    (void)future;
    return note_arg(arg);
}

ASYNC(done_callbacks_among_tasks) {
    asyncio_auto_future future = asyncio_future_new();
    for (long i = 0; i < 3; i++) TRY(asyncio_spawn(note_number(i)));
    TRY(asyncio_future_add_done_callback(future, note_done, TEXT("a")));
    TRY(asyncio_future_add_done_callback(future, note_done, TEXT("b")));
    TRY(asyncio_future_set_result(future, asyncio_none()));
    for (long i = 3; i < 6; i++) TRY(asyncio_spawn(note_number(i)));
    RETURN();
}

TEST(done_callbacks_of_a_future_stay_together) {
    int first = 0;
    for (unsigned long long seed = 1; seed <= 200; seed++) {
        start_loop();
        CHECK_INT(asyncio_testing_shuffle(loop, seed), 0);
        CHECK_INT(run(done_callbacks_among_tasks()), 0);
        end_loop();
        CHECK_CONTAINS(notes, "a b");
        first += notes[0] == 'a';
        notes[0] = '\0';
    }
    CHECK(first > 10); /* 29 on average, as the others */
    CHECK(first < 60);
}

TEST(the_environment_shuffles_every_loop) {
    char wanted[sizeof notes];
    strcpy(wanted, order_of(7, 8));
    CHECK_INT(setenv("ASYNCIO_SHUFFLE", "7", 1), 0);
    start_loop();
    CHECK_INT(run(note_all(8)), 0);
    end_loop();
    CHECK_NOTES(wanted);
}

TEST(seed_zero_restores_the_order) {
    start_loop();
    CHECK_INT(asyncio_testing_shuffle(loop, 7), 0);
    CHECK_INT(asyncio_testing_shuffle(loop, 0), 0);
    CHECK_INT(run(note_all(8)), 0);
    end_loop();
    CHECK_NOTES("0 1 2 3 4 5 6 7");
}

/* ---- a cancellation at a point ---- */

ASYNC(three_steps) {
    for (int i = 0; i < 3; i++) {
        int rc = AWAIT(asyncio_sleep(1));
        note(rc == 0 ? "ok" : "cancelled");
        TRY(rc);
    }
    RETURN();
}

TEST(each_suspension_has_two_points) {
    start_loop();
    CHECK_INT(asyncio_testing_cancel_await(loop, 0), 0);
    CHECK_INT(run(three_steps()), 0);
    CHECK_INT(asyncio_testing_cancel_await(loop, -1), 6);
    CHECK_INT(run(three_steps()), 0);
    CHECK_INT(asyncio_testing_cancel_await(loop, -1), 0);
    end_loop();
    CHECK_NOTES("ok ok ok ok ok ok");
}

TEST(the_task_at_the_point_is_cancelled_once) {
    static const char *const expected[] = { "cancelled",    "cancelled",       "ok cancelled",
                                            "ok cancelled", "ok ok cancelled", "ok ok cancelled" };
    for (long n = 1; n <= 6; n++) {
        start_loop();
        CHECK_INT(asyncio_testing_cancel_await(loop, n), 0);
        int rc = run(three_steps());
        CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
        asyncio_ignore(rc);
        /* At an odd one the wait is cut short: it is not what takes the second. */
        CHECK_DOUBLE(asyncio_loop_time(loop), (double)(n / 2));
        CHECK_INT(asyncio_testing_cancel_await(loop, -1), (n + 1) / 2 * 2);
        end_loop();
        CHECK_NOTES(expected[n - 1]);
    }
}

ASYNC(yield_twice) {
    TRY(AWAIT(asyncio_sleep(0)));
    return AWAIT(asyncio_sleep(0));
}

TEST(a_turn_given_away_has_its_points_too) {
    for (long n = 1; n <= 5; n++) {
        start_loop();
        CHECK_INT(asyncio_testing_cancel_await(loop, n), 0);
        int rc = run(yield_twice());
        CHECK_INT(rc, n <= 4 ? ASYNCIO_CANCELLED_ERROR : 0);
        asyncio_ignore(rc);
        CHECK_INT(asyncio_testing_cancel_await(loop, -1), n <= 2 ? 2 : 4);
        end_loop();
    }
}

/* The result is there, and the request comes before the task goes on with it. */
ASYNC(receive, (asyncio_future *)future) {
    int rc = AWAIT(future);
    note("%s %s", rc == 0 ? "ok" : asyncio_err_name(rc),
         asyncio_future_done(future) && !asyncio_future_cancelled(future) ? "result" : "none");
    return rc;
}

ASYNC(send_and_join, (asyncio_future *)future) {
    asyncio_auto_task task = asyncio_create_task(receive(future), .eager_start = 1);
    TRY(asyncio_future_set_result(future, asyncio_int(1)));
    int rc = AWAIT(task);
    asyncio_ignore(rc);
    RETURN();
}

TEST(the_second_point_is_after_the_result) {
    for (long n = 3; n <= 9; n += 6) {
        start_loop();
        asyncio_future *future = asyncio_loop_create_future(loop);
        /* Points: receive waits (1), main waits (2), receive is about to go on (3). */
        CHECK_INT(asyncio_testing_cancel_await(loop, n), 0);
        CHECK_INT(run(send_and_join(future)), 0);
        asyncio_future_unref(future);
        end_loop();
    }
    CHECK_NOTES("CancelledError result ok result");
}

/* ---- whole runs ---- */

ASYNC(forever) { return AWAIT(asyncio_sleep(ASYNCIO_FOREVER)); }

ASYNC(leave_two) {
    TRY(asyncio_spawn(forever()));
    TRY(asyncio_spawn(forever()));
    return AWAIT(asyncio_sleep(0));
}

TEST(a_run_tells_what_was_left) {
    asyncio_testing_result result;
    CHECK_INT(asyncio_testing_run(leave_two(), &result, .cancel_at = 0), 0);
    CHECK_INT(result.points, 2 + 2); /* main's, and the beginning of both waits */
    CHECK_INT(result.left, 2);
    CHECK_INT(result.objects, 0);
}

static asyncio_future *kept;

ASYNC(keep_one) {
    kept = asyncio_future_new();
    RETURN();
}

TEST(a_run_tells_what_is_alive) {
    asyncio_testing_result result;
    CHECK_INT(asyncio_testing_run(keep_one(), &result, .cancel_at = 0), 0);
    CHECK_INT(result.left, 0);
    CHECK_INT(result.objects, 1);
    asyncio_future_unref(kept);
}

TEST(a_run_that_nothing_can_wake_fails) {
    asyncio_testing_result result;
    int rc = asyncio_testing_run(forever(), &result, .seed = 1);
    CHECK_ERROR(rc, ASYNCIO_DEADLOCK_ERROR, "nothing is left that could wake the loop");
    CHECK_INT(result.left, 1);
    CHECK_INT(result.objects, 0);
}

TEST(a_run_is_cancelled_where_it_was_told) {
    long n = 0;
    asyncio_testing_result result;
    do {
        int rc = asyncio_testing_run(three_steps(), &result, .cancel_at = ++n);
        CHECK_INT(rc, n <= 6 ? ASYNCIO_CANCELLED_ERROR : 0);
        asyncio_ignore(rc);
    } while (result.points >= n);
    CHECK_INT(n, 7);
}

static int cleanups;

ASYNC(clean_up_slowly) {
    int rc = AWAIT(forever());
    asyncio_ignore(rc);
    TRY(AWAIT(asyncio_sleep(1)));
    cleanups++;
    RETURN();
}

ASYNC(leave_one_cleaning) {
    TRY(asyncio_spawn(clean_up_slowly()));
    return AWAIT(asyncio_sleep(0));
}

/* What is tested is the program, not the way a runner ends it. */
TEST(the_shutdown_is_not_cancelled) {
    asyncio_testing_result result;
    CHECK_INT(asyncio_testing_run(leave_one_cleaning(), &result, .cancel_at = 4), 0);
    CHECK_INT(result.points, 3);
    CHECK_INT(cleanups, 1);
}

TEST(a_run_needs_no_result_and_no_options) {
    CHECK_INT(asyncio_testing_run_with(yield_twice(), NULL, NULL), 0);
}

/* ---- bad input ---- */

ASYNC(run_inside) {
    int rc = asyncio_testing_run(yield_twice(), NULL, .seed = 1);
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(rc);
    RETURN();
}

TEST(misuse_is_an_error) {
    CHECK_ERROR(asyncio_testing_shuffle(NULL, 1), ASYNCIO_TYPE_ERROR, "a loop is required");
    CHECK_ERROR((int)asyncio_testing_cancel_await(NULL, 1), ASYNCIO_TYPE_ERROR,
                "a loop is required");
    run_alone(run_inside());
    CHECK_INT(asyncio_testing_run((asyncio_coro){ .type = NULL }, NULL, .seed = 1),
              ASYNCIO_TYPE_ERROR);
}

TEST(a_run_without_memory_fails) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = asyncio_testing_run(yield_twice(), NULL, .seed = 1);
        if (asyncio_testing_fail_allocation(0) < n) break;
        CHECK(rc == -ENOMEM || rc == 0); /* the report of overflows does without its stack */
        asyncio_ignore(rc);
    }
}
