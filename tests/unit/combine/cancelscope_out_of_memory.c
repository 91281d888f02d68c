/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/cancelscope_out_of_memory.c: cancel scopes and shielded blocks when each
 * allocation fails in turn. Whatever fails, the scope still absorbs its own cancellation and
 * nothing is left. Needs a library with -Dfault_injection=true; elsewhere all is skipped.
 */
#include <errno.h>

#include "core.h"

static int done; /* how far the program came */

/* Runs it with the first, second, ... allocation failing: it ends well or with -ENOMEM. */
static void fail_each(asyncio_coro (*program)(void), int complete) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("needs -Dfault_injection=true");
    bool failed = true;
    for (long n = 1; failed; n++) {
        start_loop();
        done = 0;
        asyncio_testing_fail_allocation(n);
        int rc = run(program());
        failed = asyncio_testing_fail_allocation(0) >= n;
        asyncio_ignore(rc);
        if (rc < 0 && rc != -ENOMEM) FAIL("allocation %ld: %s", n, asyncio_err_name(rc));
        if (rc >= 0) CHECK_INT(done, complete);
        end_loop();
    }
}

ASYNC(scopes) {
    int rc, inner_rc = 0;
    ASYNC_BLOCK(outer, asyncio_move_on_after(2, &rc));
    ASYNC_WITH_BLOCK(outer) {
        ASYNC_BLOCK(inner, asyncio_move_on_after(1, &inner_rc));
        ASYNC_WITH_BLOCK(inner) { inner_rc = AWAIT(asyncio_sleep(5)); }
        if (inner_rc < 0) RAISE(inner_rc, NULL);
        CHECK(asyncio_cancelscope_cancelled_caught(inner));
        asyncio_cancelscope_cancel(outer, "enough");
        rc = AWAIT(asyncio_sleep(5));
        if (rc == ASYNCIO_CANCELLED_ERROR) done++;
    }
    TRY(rc);
    CHECK_INT(asyncio_cancelscope_cancelled_caught(outer), done);
    RETURN();
}

TEST(scopes_without_memory) { fail_each(scopes, 1); }

ASYNC(fails_in_time) {
    int rc;
    ASYNC_WITH(a, asyncio_fail_after(1, &rc)) rc = AWAIT(asyncio_sleep(5));
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) done++;
    else TRY(rc);
    RETURN();
}

TEST(a_failing_scope_without_memory) { fail_each(fails_in_time, 1); }

ASYNC(member) { return AWAIT(asyncio_sleep(9)); }

ASYNC(group_in_scope) {
    int rc, group_rc = 0;
    ASYNC_WITH(a, asyncio_move_on_after(1, &rc)) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            for (int i = 0; i < 3; i++) {
                group_rc = asyncio_taskgroup_spawn(tg, member());
                if (group_rc < 0) break;
            }
        }
        if (group_rc == ASYNCIO_CANCELLED_ERROR) done++;
        if (group_rc == ASYNCIO_EXCEPTION_GROUP) { /* of -ENOMEM */
            asyncio_ignore(group_rc);
            group_rc = -ENOMEM;
        }
        rc = group_rc;
    }
    TRY(rc);
    RETURN();
}

TEST(a_group_in_a_scope_without_memory) { fail_each(group_in_scope, 1); }

ASYNC(held_back) {
    int rc;
    asyncio_task *me = asyncio_current_task();
    ASYNC_WITH(a, asyncio_shielded(2, &rc)) {
        asyncio_task_cancel(me, "held");
        rc = AWAIT(asyncio_sleep(1));
        if (rc < 0) break;
        done++;
        rc = AWAIT(asyncio_sleep(5));
        if (rc == ASYNCIO_CANCELLED_ERROR) done++;
    }
    asyncio_task_uncancel(me);
    if (!asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) TRY(rc);
    RETURN();
}

TEST(a_shielded_block_without_memory) { fail_each(held_back, 2); }
