/* SPDX-License-Identifier: MIT
 *
 * tests/unit/sync/sync.h: what the tests of this folder share: runs on a virtual clock, and
 * numbers without chance; with notes.h and errors.h.
 */
#ifndef TEST_SYNC_H
#define TEST_SYNC_H

#include <asyncio.h>
#include <asyncio/testing.h>

#include "errors.h"
#include "loop/loop.h"
#include "notes.h"

static asyncio_loop *bound; /* what run_and_bind has run on */

static int run_on(asyncio_loop *loop, asyncio_coro c, unsigned holders) {
    int rc = asyncio_loop_run_until_complete(loop, c, NULL);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_testing_live_objects(loop), 0);
    CHECK_INT(loop->refs, 1 + holders);
    return rc;
}

/* Runs it to its end on a loop of its own, and looks that nothing is left there. */
TEST_UNUSED static int run_for_status(asyncio_coro c) {
    asyncio_auto_loop loop = asyncio_testing_new_event_loop(0);
    int rc = run_on(loop, c, 0);
    return rc;
}

/* The same with a loop that an object is bound to then. */
TEST_UNUSED static int run_and_bind(asyncio_coro c) {
    bound = asyncio_testing_new_event_loop(0);
    return run_on(bound, c, 1);
}

/* Gives back the one reference to the object that is bound: one more has kept it, and now it lets
 * go of its loop. */
#define CHECK_LETS_GO(kind, object)                                                                \
    do {                                                                                           \
        CHECK_PTR(kind##_ref(object), object);                                                     \
        kind##_unref(object);                                                                      \
        CHECK_INT(bound->refs, 2);                                                                 \
        kind##_unref(object);                                                                      \
        CHECK_INT(bound->refs, 1);                                                                 \
        asyncio_loop_unref(bound);                                                                 \
    } while (0)

TEST_UNUSED static void run(asyncio_coro c) {
    int rc = run_for_status(c);
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), NULL);
    CHECK(rc >= 0);
}

/* A test whose body is a coroutine. */
#define TEST_ASYNC(name)                                                                           \
    asyncio_coro name(void);                                                                       \
    TEST(name) { run(name()); }                                                                    \
    ASYNC(name)

/* Lets everything else run for n turns. */
TEST_UNUSED static void take_turns(int n) {
    while (n-- > 0) CHECK_INT(AWAIT(asyncio_sleep(0)), 0);
}

TEST_UNUSED static unsigned long long turns(void) {
    return asyncio_testing_turns(asyncio_get_running_loop());
}

/* The task has ended so; the reference goes. */
TEST_UNUSED static void check_ended(asyncio_task *t, int status) {
    asyncio_outcome o;
    CHECK_INT(AWAIT(asyncio_task_join(t, &o)), 0);
    CHECK_STR(asyncio_err_name(o.status), asyncio_err_name(status));
    asyncio_outcome_fini(&o);
    asyncio_task_unref(t);
}

TEST_UNUSED static unsigned random_below(unsigned n) {
    static unsigned long long state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

#endif
