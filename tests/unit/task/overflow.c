/* SPDX-License-Identifier: MIT
 *
 * A task that overflows its stack: the process dies of SIGSEGV, and the last thing it says
 * names the task and the size of its stack.
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

/* Its frame steps over the guard, into the memory of the stack below; it is not written to. */
__attribute__((noinline)) static int sleep_deep(void) {
    volatile char room[100000];
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
    asyncio_loop *loop = asyncio_new_event_loop();
    sigaction(SIGSEGV, NULL, &after);
    CHECK(before.sa_sigaction == after.sa_sigaction);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
}
