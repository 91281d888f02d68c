/* SPDX-License-Identifier: MIT
 *
 * Very many parked tasks at a time, with the kernel's default limit on mappings. Where guards
 * cost mappings (kernels before 6.13), a task without a stack fails with ENOMEM: then the
 * test says how far it came, and that nothing else broke.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static size_t parked;

ASYNC(parks, (asyncio_future *) gate) {
    parked++;
    TRY(AWAIT(gate));
    parked--;
    RETURN();
}

ASYNC(parks_many, (size_t) count) {
    asyncio_auto_future gate = asyncio_future_new();
    asyncio_task **tasks = calloc(count, sizeof(asyncio_task *));
    size_t failed = 0;
    CHECK(gate && tasks);
    for (size_t i = 0; i < count; i++) CHECK((tasks[i] = asyncio_create_task(parks(gate))) != NULL);
    TRY(AWAIT(asyncio_sleep(0)));
    for (size_t i = 0; i < count; i++) failed += asyncio_task_done(tasks[i]);
    CHECK_INT(parked + failed, count);
    if (failed) printf("%zu of %zu tasks found no stack\n", failed, count);
    CHECK(parked >= 20000 || failed == 0);
    CHECK_INT(asyncio_future_set_result(gate, asyncio_none()), 0);
    for (size_t i = 0; i < count; i++) {
        int rc = AWAIT(tasks[i]);
        CHECK(rc == 0 || rc == -ENOMEM);
        asyncio_ignore(rc);
        asyncio_task_unref(tasks[i]);
    }
    CHECK_INT(parked, 0);
    free(tasks);
    RETURN((unsigned long long)failed);
}

static long available_mib(void) {
    char line[128];
    long kib = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemAvailable: %ld", &kib) == 1) break;
    }
    if (f) fclose(f);
    return kib / 1024;
}

static void park(size_t count, long mib) {
    if (test_under_sanitizer() || test_under_valgrind()) count = 2000;
    else if (available_mib() < mib) SKIP("there is not enough memory");
    CHECK_INT(asyncio_run(parks_many(count), NULL), 0);
}

TEST_TIMEOUT(a_hundred_thousand_parked_tasks, 60) { park(100000, 1000); }

TEST_TIMEOUT(a_million_parked_tasks, 240) { park(1000000, 7000); }

ASYNC(runs_one_by_one, (size_t) count) {
    for (size_t i = 0; i < count; i++) {
        asyncio_auto_future gate = asyncio_future_new();
        asyncio_auto_task t = asyncio_create_task(parks(gate));
        TRY(AWAIT(asyncio_sleep(0)));
        CHECK_INT(asyncio_future_set_result(gate, asyncio_none()), 0);
        TRY(AWAIT(t));
    }
    CHECK_INT(asyncio_testing_live_objects(asyncio_get_running_loop()),
              2); /* this, and who waits for it */
    RETURN();
}

TEST(tasks_that_come_and_go_leave_nothing) {
    CHECK_INT(asyncio_run(runs_one_by_one(20000), NULL), 0);
}
