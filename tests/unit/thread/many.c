/* SPDX-License-Identifier: MIT
 *
 * Many loops at once: their ends, their errors, Ctrl-C; and what of one loop the others refuse.
 */
#include <asyncio.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "errors.h"
#include "test.h"

static atomic_uint seen, begun, cancelled;

ASYNC(marks_itself, (unsigned) index, (void *) arg) {
    CHECK(arg == &seen);
    TRY(AWAIT(asyncio_sleep(0.001 * index)));
    atomic_fetch_or(&seen, 1u << index);
    RETURN();
}

TEST(every_loop_runs_its_main) {
    CHECK_INT(asyncio_run_many(4, marks_itself, &seen), 0);
    CHECK_INT(seen, 15);
    CHECK_INT(asyncio_run_many(1, marks_itself, &seen), 0);
    CHECK_INT(asyncio_run_many(0, marks_itself, &seen), 0);
}

ASYNC(waits_or_fails, (unsigned) index, (void *) failing) {
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&begun) < 4) TRY(AWAIT(asyncio_sleep(0)));
    if (index == *(unsigned *)failing) RAISE(ASYNCIO_VALUE_ERROR, "number %u", index);
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) atomic_fetch_add(&cancelled, 1);
    return rc;
}

TEST(the_failure_of_one_cancels_all) {
    for (unsigned failing = 0; failing < 4; failing += 2) {
        begun = cancelled = 0;
        CHECK_ERROR(asyncio_run_many(4, waits_or_fails, &failing), ASYNCIO_VALUE_ERROR,
                    failing ? "number 2" : "number 0");
        CHECK_INT(cancelled, 3);
    }
}

ASYNC(waits_for_interrupt, (unsigned) index, (void *) arg) {
    if (atomic_fetch_add(&begun, 1) == 2) kill(getpid(), SIGINT);
    if (arg && index == 0) RETURN();
    int rc = AWAIT(asyncio_sleep(3600));
    if (rc == ASYNCIO_CANCELLED_ERROR) atomic_fetch_add(&cancelled, 1);
    return rc;
}

TEST(an_interrupt_cancels_all) {
    CHECK_INT(asyncio_run_many(3, waits_for_interrupt, NULL), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    CHECK_INT(cancelled, 3);
}

TEST(an_interrupt_cancels_the_others_when_the_first_has_ended) {
    CHECK_INT(asyncio_run_many(3, waits_for_interrupt, &begun), ASYNCIO_KEYBOARD_INTERRUPT);
    asyncio_ignore(ASYNCIO_KEYBOARD_INTERRUPT);
    CHECK_INT(cancelled, 2);
}

ASYNC(runs_many_inside) {
    CHECK_ERROR(asyncio_run_many(2, marks_itself, &seen), ASYNCIO_RUNTIME_ERROR,
                "asyncio_run_many() cannot be called from a running event loop");
    RETURN();
}

TEST(bad_input_to_run_many) {
    CHECK_ERROR(asyncio_run_many(1, NULL, NULL), ASYNCIO_TYPE_ERROR, "a main function is required");
    CHECK_ERROR(asyncio_run_many(1025, marks_itself, NULL), ASYNCIO_VALUE_ERROR,
                "at most 1024 loops");
    CHECK_INT(asyncio_run(runs_many_inside(), NULL), 0);
}

/* ---- futures and tasks of another loop ---- */

ASYNC(awaits_foreign, (asyncio_future *) f) {
    asyncio_coro aws[1] = { ASYNCIO_CORO(f) };
    CHECK_ERROR(AWAIT(f), ASYNCIO_RUNTIME_ERROR, "a future is attached to a different loop");
    CHECK_ERROR(AWAIT(ASYNCIO_CORO(f)), ASYNCIO_RUNTIME_ERROR,
                "a future is attached to a different loop");
    CHECK_INT(AWAIT(asyncio_gather_array(NULL, 1, aws)), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    RETURN();
}

TEST(a_future_of_another_loop_is_refused) {
    asyncio_auto_loop other = asyncio_new_event_loop();
    asyncio_future *f = asyncio_loop_create_future(other);
    CHECK_INT(asyncio_run(awaits_foreign(f), NULL), 0);
    asyncio_future_unref(f);
    asyncio_loop_close(other);
}

/* Debug mode: what belongs to a running loop is touched from another thread. */
static void *touches_foreign(void *arg) {
    static const char message[] = "Non-thread-safe operation invoked on an event loop other than "
                                  "the current one";
    asyncio_future *f = arg;
    asyncio_loop *loop = asyncio_future_get_loop(f);
    CHECK_ERROR(asyncio_future_set_result(f, asyncio_none()), ASYNCIO_RUNTIME_ERROR, message);
    CHECK_ERROR(asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x"), ASYNCIO_RUNTIME_ERROR,
                message);
    CHECK(asyncio_loop_create_future(loop) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, message);
    CHECK(asyncio_wrap_future((asyncio_concurrent_future *)arg, loop) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, message);
    CHECK(asyncio_loop_run_in_executor(loop, NULL, NULL, NULL) == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, message);
    CHECK(!asyncio_future_cancel(f, NULL));
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, message);
    return NULL;
}

ASYNC(is_touched) {
    pthread_t thread;
    asyncio_loop_set_debug(asyncio_get_running_loop(), true);
    asyncio_loop_set_slow_callback_duration(asyncio_get_running_loop(), 3600);
    asyncio_auto_future f = asyncio_future_new();
    CHECK_INT(pthread_create(&thread, NULL, touches_foreign, f), 0);
    pthread_join(thread, NULL);
    CHECK(!asyncio_future_done(f));
    RETURN();
}

TEST(debug_mode_notices_the_wrong_thread) { CHECK_INT(asyncio_run(is_touched(), NULL), 0); }
