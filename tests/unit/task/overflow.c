/* SPDX-License-Identifier: MIT
 *
 * A task or a generator that overflows its stack: the process dies of SIGSEGV, and the last thing
 * it says names it and the size of its stack. In debug mode frames that step over the guard are
 * found, on whichever stack a task runs.
 */
#include <asyncio.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static volatile char sink;

/* The volatile array and the use after the call keep it from becoming a loop. */
__attribute__((noinline)) static int recurse(int depth) {
    volatile char room[512];
    room[0] = (char)depth;
    sink = room[0];
    int deeper = depth < 1000000 ? recurse(depth + 1) : 0;
    return deeper + room[0];
}

static void need_own_handler(void) {
    if (test_under_valgrind() || test_under_sanitizer()) SKIP("it reports overflows itself");
}

ASYNC(overflows) { RETURN(recurse(0)); }

ASYNC(starts_named) {
    asyncio_auto_task t = asyncio_create_task(overflows(), .name = "deep", .stack_size = 32768);
    TRY(AWAIT(t));
    RETURN();
}

TEST_DIES(an_overflow_names_the_task_and_its_stack_size, SIGSEGV,
          "asyncio: stack overflow in task 'deep' (coroutine overflows): 32768 bytes of stack") {
    need_own_handler();
    asyncio_ignore(asyncio_run(starts_named(), NULL));
}

ASYNC(starts_unnamed) {
    asyncio_auto_task t = asyncio_create_task(overflows());
    TRY(AWAIT(t));
    RETURN();
}

TEST_DIES(an_overflow_names_a_task_that_was_not_given_a_name, SIGSEGV,
          "asyncio: stack overflow in task 'Task-2' (coroutine overflows): 65536 bytes of stack") {
    need_own_handler();
    asyncio_ignore(asyncio_run(starts_unnamed(), NULL));
}

/* Functions with a frame of that many bytes, which write to the lowest first. */
#define LARGE_FRAME(name, size)                                                                    \
    __attribute__((noinline)) static int name(void) {                                              \
        volatile char room[size];                                                                  \
        __asm__ volatile("" : : "r"(room) : "memory"); /* for it to be as large as it says */      \
        room[0] = 1;                                                                               \
        sink = room[0];                                                                            \
        return room[0];                                                                            \
    }
LARGE_FRAME(call_library, 131072) /* the largest that was found in a library of Debian's */
LARGE_FRAME(call_huge, 1000000)

ASYNC(calls_library) { RETURN(call_library()); }

TEST_DIES(
    a_large_frame_of_a_library_does_not_step_over_the_guard, SIGSEGV,
    "asyncio: stack overflow in task 'Task-1' (coroutine calls_library): 65536 bytes of stack") {
    need_own_handler();
    asyncio_ignore(asyncio_run(calls_library(), NULL));
}

static asyncio_loop *loop_of_large_guards(void *arg) {
    asyncio_loop *loop = asyncio_new_event_loop();
    CHECK_INT(asyncio_loop_set_stack_guard(loop, *(size_t *)arg), 0);
    return loop;
}

ASYNC(calls_huge) { RETURN(call_huge()); }

TEST_DIES(a_larger_guard_is_for_larger_frames, SIGSEGV,
          "asyncio: stack overflow in task 'Task-1' (coroutine calls_huge): 65536 bytes of stack") {
    need_own_handler();
    size_t guard = 1 << 20;
    asyncio_ignore(asyncio_run(calls_huge(), NULL, .loop_factory = loop_of_large_guards,
                               .loop_factory_arg = &guard));
}

/* Its frame steps over the guard, into the memory of the stack below; it is not written to. */
__attribute__((noinline)) static int sleep_deep(void) {
    volatile char room[300000];
    __asm__ volatile("" : : "r"(room) : "memory");
    asyncio_coro nap = asyncio_sleep(0);
    int rc = asyncio_await(&nap, NULL, NULL, NULL);
    __asm__ volatile("" : : "r"(room) : "memory");
    return rc;
}

ASYNC(steps_over) {
    TRY(sleep_deep());
    RETURN();
}

ASYNC(starts_second) {
    asyncio_auto_task t = asyncio_create_task(steps_over(), .name = "wide");
    TRY(AWAIT(t));
    RETURN();
}

TEST_DIES(debug_mode_reports_a_frame_that_steps_over_the_guard, SIGABRT,
          "asyncio: stack overflow in task 'wide' (coroutine steps_over): 65536 bytes of stack") {
    need_own_handler();
    asyncio_ignore(asyncio_run(starts_second(), NULL, .debug = true));
}

/* ---- generators, which have stacks of their own ---- */

ASYNC_GEN(overflows_later, (int)depth) {
    TRY(YIELD(1));
    if (depth == 0) sink = (char)recurse(0);
    asyncio_auto_gen inner = overflows_later(depth - 1);
    TRY(AWAIT(asyncio_gen_next(inner)));
    TRY(AWAIT(asyncio_gen_next(inner)));
    RETURN();
}

ASYNC(advances, (asyncio_gen *)g) {
    TRY(AWAIT(asyncio_gen_next(g)));
    RETURN();
}

ASYNC(advances_twice, (int)depth) {
    asyncio_auto_gen g = overflows_later(depth);
    TRY(AWAIT(asyncio_gen_next(g)));
    asyncio_auto_task other = asyncio_create_task(advances(g), .name = "other");
    TRY(AWAIT(other));
    RETURN();
}

TEST_DIES(an_overflow_of_a_generator_names_it_and_who_advances_it, SIGSEGV,
          "asyncio: stack overflow in generator 'overflows_later', advanced by task 'other' "
          "(coroutine advances): 65536 bytes of stack; give it more with "
          "asyncio_loop_set_stack_size\n") {
    need_own_handler();
    asyncio_ignore(asyncio_run(advances_twice(0), NULL));
}

TEST_DIES(of_generators_in_each_other_the_innermost_is_named, SIGSEGV,
          "stack overflow in generator 'overflows_later', advanced by task 'other'") {
    need_own_handler();
    asyncio_ignore(asyncio_run(advances_twice(1), NULL));
}

/* A task that overflows its own stack while it has a generator that is suspended. */
ASYNC(overflows_beside) {
    asyncio_auto_gen g = overflows_later(0);
    TRY(AWAIT(asyncio_gen_next(g)));
    RETURN(recurse(0));
}

TEST_DIES(a_suspended_generator_is_not_blamed, SIGSEGV, "stack overflow in task 'Task-1'") {
    need_own_handler();
    asyncio_ignore(asyncio_run(overflows_beside(), NULL));
}

ASYNC_GEN(awaits_and_yields) {
    int rc;
    ASYNC_WITH(block, asyncio_timeout(10, &rc)) {
        for (int i = 0; i < 4; i++) {
            asyncio_ignore(YIELD(i));
            asyncio_ignore(AWAIT(asyncio_sleep(0)));
        }
    }
    asyncio_auto_gen inner = awaits_and_yields();
    TRY(AWAIT(asyncio_gen_next(inner)));
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_gen_next(inner)));
    int ended = AWAIT(asyncio_gen_aclose(inner));
    asyncio_ignore(ended);
    RETURN(ended);
}

static int leave_slowly(asyncio_block *s, int status) {
    (void)s;
    asyncio_ignore(AWAIT(asyncio_sleep(0)));
    return status;
}

static const asyncio_block_ops slow_ops = { .size = sizeof slow_ops,
                                            .name = "slow",
                                            .exit = leave_slowly };

ASYNC_GEN(ignores_its_end) {
    int rc;
    ASYNC_WITH(block, asyncio_block_new(&rc, &slow_ops, NULL)) {
        for (int i = 0; i < 4; i++) asyncio_ignore(YIELD(i));
    }
    RETURN();
}

/* On stacks above and below the one of the task that advances or closes it. */
ASYNC(advances_in_all_orders) {
    asyncio_auto_gen early = awaits_and_yields();
    asyncio_auto_gen stubborn = ignores_its_end();
    TRY(AWAIT(asyncio_gen_next(early)));
    TRY(AWAIT(asyncio_gen_next(stubborn)));
    for (int i = 0; i < 4; i++) {
        asyncio_auto_task younger = asyncio_create_task(advances(early));
        asyncio_auto_task beside = asyncio_create_task(starts_named());
        asyncio_task_cancel(beside, NULL);
        int rc = AWAIT(younger);
        asyncio_ignore(rc);
        asyncio_ignore(AWAIT(beside));
    }
    asyncio_auto_task closer = asyncio_create_task(asyncio_gen_aclose(stubborn));
    int rc = AWAIT(closer);
    if (!asyncio_catch(rc, ASYNCIO_RUNTIME_ERROR)) return rc;
    RETURN();
}

TEST(in_debug_mode_whoever_advances_a_generator_has_not_overflown) {
    CHECK_INT(asyncio_run(advances_in_all_orders(), NULL, .debug = true), 0);
}

ASYNC_GEN(wide_await) {
    TRY(YIELD(1));
    TRY(sleep_deep());
    RETURN();
}

/* The same at a yield. */
__attribute__((noinline)) static int yield_deep(asyncio_gen *g) {
    volatile char room[300000];
    __asm__ volatile("" : : "r"(room) : "memory");
    int rc = asyncio_gen_yield(g, asyncio_int(1), NULL, NULL, NULL);
    __asm__ volatile("" : : "r"(room) : "memory");
    return rc;
}

static asyncio_gen *wide;

ASYNC_GEN(wide_yield) {
    TRY(YIELD(1));
    TRY(yield_deep(wide));
    RETURN();
}

ASYNC(advances_a_wide_one, (asyncio_gen *)g) {
    asyncio_auto_gen owned = wide = g;
    TRY(AWAIT(asyncio_gen_next(owned)));
    TRY(AWAIT(asyncio_gen_next(owned)));
    RETURN();
}

TEST_DIES(debug_mode_reports_a_frame_of_a_generator_that_steps_over_the_guard, SIGABRT,
          "stack overflow in generator 'wide_await', advanced by task 'Task-1'") {
    need_own_handler();
    asyncio_ignore(asyncio_run(advances_a_wide_one(wide_await()), NULL, .debug = true));
}

TEST_DIES(debug_mode_reports_it_at_a_yield_too, SIGABRT,
          "stack overflow in generator 'wide_yield', advanced by task 'Task-1'") {
    need_own_handler();
    asyncio_ignore(asyncio_run(advances_a_wide_one(wide_yield()), NULL, .debug = true));
}

/* ---- elsewhere ---- */

static void *overflow_in_thread(void *arg) {
    (void)arg;
    asyncio_ignore(asyncio_run(starts_named(), NULL));
    return NULL;
}

TEST_DIES(an_overflow_in_another_thread_is_reported_too, SIGSEGV, "stack overflow in task 'deep'") {
    pthread_t thread;
    need_own_handler();
    pthread_create(&thread, NULL, overflow_in_thread, NULL);
    pthread_join(thread, NULL);
}

ASYNC(overflows_when_cancelled) {
    int rc = AWAIT(asyncio_sleep(1000));
    if (rc < 0) sink = (char)recurse(0);
    return rc;
}

TEST_DIES(an_overflow_while_the_loop_is_closed_is_reported_too, SIGSEGV,
          "stack overflow in task 'late'") {
    need_own_handler();
    asyncio_loop *loop = asyncio_new_event_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, overflows_when_cancelled(), .name = "late");
    asyncio_loop_stop(loop);
    asyncio_ignore(asyncio_loop_run_forever(loop));
    asyncio_task_unref(t);
    asyncio_loop_close(loop);
}

ASYNC(faults) {
    volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
    RETURN();
}

TEST_DIES(another_fault_is_not_called_an_overflow, SIGSEGV, "") {
    need_own_handler();
    asyncio_ignore(asyncio_run(faults(), NULL));
}

TEST(the_handler_is_not_installed_if_the_environment_says_so) {
    struct sigaction before, after;
    setenv("ASYNCIO_NO_SEGV_HANDLER", "1", 1);
    sigaction(SIGSEGV, NULL, &before);
    asyncio_auto_loop loop = asyncio_new_event_loop();
    sigaction(SIGSEGV, NULL, &after);
    CHECK(before.sa_sigaction == after.sa_sigaction);
    asyncio_loop_close(loop);
}
