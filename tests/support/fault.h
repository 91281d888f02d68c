/* SPDX-License-Identifier: MIT
 *
 * tests/support/fault.h: exhausted memory. A program is run again and again, and its first,
 * second, third ... allocation fails, until a run has fewer allocations than that. Each time it
 * either succeeds or ends with -ENOMEM, the loop it ran on works afterwards and can be closed,
 * and nothing is left of it. Needs a library with -Dfault_injection=true; elsewhere all is
 * skipped.
 */
#ifndef TEST_FAULT_H
#define TEST_FAULT_H

#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>

#include "test.h"

#define FAULT_UNUSED __attribute__((unused))

/* What a program may end with; the error leaves the slot. */
static bool no_memory(int rc) {
    asyncio_ignore(rc);
    return rc == -ENOMEM;
}

/* The status of a function that gave NULL. */
FAULT_UNUSED static int status_of_null(void) {
    asyncio_error *e = asyncio_error_take(-ENOMEM);
    asyncio_error_unref(e);
    return -ENOMEM;
}

static int quiet(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop, (void)context, (void)arg;
    return 0;
}

ASYNC(returns, (int) value) { RETURN(value); }

/* A program gets a loop and gives a status. */
typedef int program(asyncio_loop *loop);

static int try_once(program *run, long n, bool *failed) {
    asyncio_loop *loop = asyncio_testing_new_event_loop(0);
    CHECK(loop != NULL);
    asyncio_loop_set_exception_handler(loop, quiet, NULL);
    asyncio_testing_fail_allocation(n);
    int rc = run(loop);
    *failed = asyncio_testing_fail_allocation(0) >= n;
    if (rc < 0 && !no_memory(rc)) FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
    if (rc < 0 && !*failed) FAIL("-ENOMEM without a failed allocation");
    asyncio_value v;
    CHECK_INT(asyncio_loop_run_until_complete(loop, returns(5), &v), 0);
    CHECK_INT(v.i, 5);
    CHECK_INT(asyncio_loop_close(loop), 0);
    if (asyncio_testing_live_objects(loop) != 0) {
        FAIL("allocation %ld: %zu objects are left", n, asyncio_testing_live_objects(loop));
    }
    asyncio_loop_unref(loop);
    return rc;
}

FAULT_UNUSED static void fail_each(program *run) {
    if (asyncio_testing_fail_allocation(0) < 0)
        SKIP("the library was built without fault injection");
    bool failed = true;
    for (long n = 1; failed; n++) {
        if (n > 100000) FAIL("there is no end of allocations");
        int rc = try_once(run, n, &failed);
        if (!failed && rc < 0) FAIL("it fails without a failed allocation");
    }
}

#endif
