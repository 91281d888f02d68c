/* SPDX-License-Identifier: MIT
 *
 * tests/support/core.h: what tests of the core share: one loop with a virtual clock, stepping
 * the loop by hand, an exception handler that records; with notes.h and errors.h.
 *
 * A test begins with start_loop() and ends with end_loop(), which closes the loop and checks
 * that no task, future or handle is left and nothing else holds the loop. `turn()` makes exactly
 * one turn.
 */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include <asyncio.h>
#include <asyncio/testing.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "loop/loop.h"
#include "notes.h"

static asyncio_loop *loop TEST_UNUSED;

/* ---- notes ---- */

/* A callback that notes its argument, a string. */
TEST_UNUSED static int note_arg(void *arg) {
    note("%s", (const char *)arg);
    return 0;
}

/* A string literal as the argument of a callback. */
#define TEXT(s) ((void *)(uintptr_t)(s))

/* Options of a call, with a name and a place of the test's own choice. */
#define OPTIONS(...)                                                                               \
    (&(const asyncio_call_options){ .size = sizeof(asyncio_call_options), __VA_ARGS__ })

/* ---- the exception handler ---- */

static struct {
    int count;                          /* of reports */
    char message[512];                  /* of the last one */
    int code;                           /* of its error; 0: none */
    char error[128];                    /* the error's message */
    const void *future, *task, *handle; /* for comparing only */
    const char *where;
} reported TEST_UNUSED;

TEST_UNUSED static int record_report(asyncio_loop *l, const asyncio_exception_context *context,
                                     void *arg) {
    (void)l, (void)arg;
    reported.count++;
    snprintf(reported.message, sizeof reported.message, "%s", context->message);
    reported.code = context->exception ? asyncio_error_code(context->exception) : 0;
    const char *text = context->exception ? asyncio_error_message(context->exception) : NULL;
    snprintf(reported.error, sizeof reported.error, "%s", text ? text : "");
    reported.future = context->future;
    reported.task = context->task;
    reported.handle = context->handle;
    reported.where = context->where;
    return 0;
}

/* ---- the loop ---- */

TEST_UNUSED static void start_loop(void) {
    loop = asyncio_testing_new_event_loop(0);
    CHECK(loop != NULL);
    asyncio_loop_set_exception_handler(loop, record_report, NULL);
}

TEST_UNUSED static void end_loop(void) {
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    CHECK_INT(loop->refs, 1);
    asyncio_loop_unref(loop);
    loop = NULL;
}

/* One turn, even if there is nothing to do. */
TEST_UNUSED static void turn(void) {
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
}

TEST_UNUSED static int run(asyncio_coro main) {
    return asyncio_loop_run_until_complete(loop, main, NULL);
}

/* Runs a coroutine that must succeed on a loop of its own. */
TEST_UNUSED static void run_alone(asyncio_coro main) {
    start_loop();
    CHECK_INT(run(main), 0);
    end_loop();
}

/* A test whose body is such a coroutine. What is noted after its end has not been looked at. */
#define TEST_ASYNC(name)                                                                           \
    asyncio_coro name(void);                                                                       \
    TEST(name) {                                                                                   \
        run_alone(name());                                                                         \
        CHECK_NOTES("");                                                                           \
    }                                                                                              \
    ASYNC(name)

TEST_UNUSED static unsigned long long turns(void) { return asyncio_testing_turns(loop); }

/* What repr wrote, in a buffer that is good until the next call of the same line. */
#define REPR(fn, x)                                                                                \
    __extension__({                                                                                \
        static char text_[2048];                                                                   \
        int length_ = fn((x), text_, sizeof text_);                                                \
        CHECK_INT(length_, (int)strlen(text_));                                                    \
        (const char *)text_;                                                                       \
    })

#endif
