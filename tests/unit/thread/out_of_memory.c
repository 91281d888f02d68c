/* SPDX-License-Identifier: MIT
 *
 * Every allocation, and every start of a thread, of the thread layer fails once: the call reports
 * it, nothing leaks, nothing hangs.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static atomic_int drops;

static void count_drop(void *arg) {
    (void)arg;
    atomic_fetch_add(&drops, 1);
}

static int gives_text(void *arg, asyncio_value *result) {
    (void)arg;
    *result = asyncio_own_str(strdup("text"));
    return 0;
}

/* Without memory, or without a thread; the library may also have made do. */
static bool is_shortage(int rc) { return rc == -ENOMEM || rc == -EAGAIN; }

ASYNC(awaits_thread) {
    asyncio_value value;
    TRY(AWAIT(asyncio_to_thread(gives_text, NULL, .drop = count_drop), &value));
    asyncio_value_drop(&value);
    RETURN();
}

static int run_to_thread(void) { return asyncio_run(awaits_thread(), NULL); }

ASYNC(adds, (int) a, (int) b) {
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN(a + b);
}

static int run_submission(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    if (!loop) return -ENOMEM;
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(adds(1, 2), loop);
    int rc = f ? 0 : -ENOMEM;
    for (int i = 0; f && i < 8; i++) {
        asyncio_loop_stop(loop);
        int ran = asyncio_loop_run_forever(loop);
        if (ran < 0) rc = ran;
    }
    if (f && rc >= 0) rc = asyncio_concurrent_future_result(f, 0, NULL);
    asyncio_concurrent_future_unref(f);
    asyncio_loop_close(loop);
    return rc;
}

ASYNC(passes_value, (asyncio_channel *) c) {
    asyncio_value value;
    asyncio_auto_task t = asyncio_create_task(asyncio_channel_get(c));
    if (!t) return -ENOMEM;
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_channel_put(c, asyncio_own_str(strdup("x")))));
    TRY(AWAIT(t, &value));
    RETURN();
}

static int run_channel(void) {
    asyncio_auto_channel c = asyncio_channel_new(1);
    if (!c) return -ENOMEM;
    int rc = asyncio_run(passes_value(c), NULL);
    return rc;
}

ASYNC(does_nothing, (unsigned) index, (void *) arg) {
    (void)index;
    (void)arg;
    RETURN();
}

static int run_many(void) { return asyncio_run_many(3, does_nothing, NULL); }

static int run_wrap(void) {
    asyncio_concurrent_future *f = asyncio_concurrent_future_new();
    asyncio_auto_loop loop = f ? asyncio_new_event_loop() : NULL;
    asyncio_future *wrapper = loop ? asyncio_wrap_future(f, loop) : NULL;
    int rc =
        wrapper ? asyncio_concurrent_future_set_exception(f, ASYNCIO_VALUE_ERROR, "x") : -ENOMEM;
    asyncio_concurrent_future_unref(f);
    asyncio_future_unref(wrapper);
    if (loop) asyncio_loop_close(loop);
    return rc;
}

static int run_async(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_async *a =
        loop ? asyncio_async_new(loop, (asyncio_callback *)(void (*)(void))abort, NULL) : NULL;
    asyncio_async_close(a);
    if (loop) asyncio_loop_close(loop);
    return a ? 0 : -ENOMEM;
}

static void fail_each(int (*run)(void)) {
    if (asyncio_testing_fail_allocation(0) == ASYNCIO_NOT_IMPLEMENTED_ERROR)
        SKIP("the library was built without fault injection");
    for (long n = 1;; n++) {
        CHECK(n < 500);
        asyncio_testing_fail_allocation(n);
        int rc = run();
        bool over = asyncio_testing_fail_allocation(0) < n;
        CHECK(rc >= 0 || is_shortage(rc));
        asyncio_ignore(rc);
        if (!over) continue;
        CHECK_INT(rc, 0);
        break;
    }
}

TEST_TIMEOUT(to_thread_without_memory, 60) {
    fail_each(run_to_thread);
    CHECK(drops > 0);
}
TEST_TIMEOUT(handing_over_without_memory, 60) { fail_each(run_submission); }
TEST_TIMEOUT(channels_without_memory, 60) { fail_each(run_channel); }
TEST_TIMEOUT(many_loops_without_memory, 60) { fail_each(run_many); }
TEST_TIMEOUT(wrapping_without_memory, 60) { fail_each(run_wrap); }
TEST_TIMEOUT(async_without_memory, 60) { fail_each(run_async); }
