/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/combine.h: what the tests of this folder share: coroutines that do little
 * and say so in the notes, values that count themselves, and looks at how something ended.
 */
#ifndef TEST_COMBINE_H
#define TEST_COMBINE_H

#include <errno.h>

#include "core.h"

/* ---- coroutines ---- */

ASYNC(noop) { RETURN(); }

ASYNC(gives, (long) value) { RETURN(value); }

ASYNC(gives_after, (double) delay, (long) value) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(value);
}

ASYNC(fails, (int) code, (const char *) text) { RAISE(code, "%s", text); }

ASYNC(fails_after, (double) delay, (int) code, (const char *) text) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RAISE(code, "%s", text);
}

/* Sleeps; notes its name when it is done, and also if it is interrupted. */
ASYNC(sleeper, (const char *) name, (double) delay) {
    int rc = AWAIT(asyncio_sleep(delay));
    note("%s%s", name, rc < 0 ? "-cancelled" : "");
    TRY(rc);
    RETURN(asyncio_str(name));
}

/* Interrupted, it needs `cleanup` seconds more; then the CancelledError goes on. */
ASYNC(cleans_up, (const char *) name, (double) cleanup) {
    int rc = AWAIT(asyncio_sleep(1000));
    TRY(AWAIT(asyncio_sleep(cleanup)));
    note("%s-cleaned", name);
    TRY(rc);
    RETURN();
}

/* Interrupted, it gives a value all the same. */
ASYNC(swallows, (long) value) {
    int rc = AWAIT(asyncio_sleep(1000));
    CHECK(asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR));
    RETURN(value);
}

/* Interrupted, it fails with another error. */
ASYNC(fails_if_cancelled, (int) code, (const char *) text) {
    int rc = AWAIT(asyncio_sleep(1000));
    CHECK_INT(rc, ASYNCIO_CANCELLED_ERROR);
    RAISE(code, "%s", text);
}

ASYNC(awaits_future, (asyncio_future *) f) {
    int rc = AWAIT(f);
    return rc;
}

/* How many turns of the loop something takes. */
#define TURNS_OF(...)                                                                              \
    __extension__({                                                                                \
        unsigned long long turns_before_ = asyncio_testing_turns(asyncio_get_running_loop());      \
        __VA_ARGS__;                                                                               \
        (long long)(asyncio_testing_turns(asyncio_get_running_loop()) - turns_before_);            \
    })

#define GOES_WELL(...) CHECK((__VA_ARGS__) >= 0)

/* Lets everything else run for n turns of the loop, from inside a task. */
TEST_UNUSED static void pass(int n) {
    while (n-- > 0) CHECK_INT(AWAIT(asyncio_sleep(0)), 0);
}

TEST_UNUSED static double now(void) { return asyncio_loop_time(asyncio_get_running_loop()); }

/* Nothing will wake the loop: if a timer were left, the clock would go there first. */
TEST_UNUSED static void check_no_timer(double at) {
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    CHECK_DOUBLE(asyncio_loop_time(loop), at);
}

/* ---- values that count themselves ---- */

static int values_made TEST_UNUSED, values_dropped TEST_UNUSED;

TEST_UNUSED static void drop_counted(asyncio_value *v) {
    values_dropped++;
    free(v->p); /* a second time is noticed by whoever looks at memory */
}

static const asyncio_value_type counted_type TEST_UNUSED = { .size = sizeof counted_type,
                                                             .name = "counted",
                                                             .drop = drop_counted };

TEST_UNUSED static asyncio_value counted(void) {
    values_made++;
    return asyncio_own(malloc(1), &counted_type);
}

#define CHECK_ALL_DROPPED()                                                                        \
    do {                                                                                           \
        CHECK_INT(values_dropped, values_made);                                                    \
        values_made = values_dropped = 0;                                                          \
    } while (0)

ASYNC(gives_counted) { RETURN(counted()); }

ASYNC(gives_counted_after, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(counted());
}

/* Interrupted or not, it gives a counted value. */
ASYNC(gives_counted_anyway, (double) delay) {
    asyncio_ignore(AWAIT(asyncio_sleep(delay)));
    RETURN(counted());
}

/* ---- how something ended ---- */

/* "CancelledError" or "OK", and lets the error go. */
TEST_UNUSED static const char *end_of(int rc) {
    asyncio_ignore(rc);
    return asyncio_err_name(rc);
}

TEST_UNUSED static unsigned cancelling(void) {
    return asyncio_task_cancelling(asyncio_current_task());
}

/* A task has ended so, with this message of its error. The reference goes. */
#define CHECK_ENDED(t, code, text)                                                                 \
    do {                                                                                           \
        asyncio_task *t_ = (t);                                                                    \
        CHECK(asyncio_task_done(t_));                                                              \
        if ((code) < 0) CHECK_ERROR(asyncio_task_result(t_, NULL), code, text);                    \
        else CHECK_INT(asyncio_task_result(t_, NULL), 0);                                          \
        asyncio_task_unref(t_);                                                                    \
    } while (0)

/* The same for an error object, whose reference goes. */
TEST_UNUSED static void check_error(asyncio_error *e, int code, const char *text) {
    CHECK_STR(asyncio_err_name(asyncio_error_code(e)), asyncio_err_name(code));
    CHECK_STR(asyncio_error_message(e), text);
}

#endif
