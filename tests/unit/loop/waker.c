/* SPDX-License-Identifier: MIT
 *
 * A thread that wakes a loop may be stopped at any point of that: the loop neither spins until it
 * goes on, nor misses it, nor lets it write to what is closed.
 *
 * This program's write takes the place of libc's in the library: it can hold a thread up before it
 * writes to the descriptor by which it wakes.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../support/core.h"

static atomic_bool holds_up, held_up;
static atomic_int waked; /* what the write that was held up gave */

ssize_t write(int fd, const void *data, size_t n) {
    bool held = atomic_exchange(&holds_up, false);
    if (held) atomic_store(&held_up, true);
    while (held && atomic_load(&held_up)) sched_yield();
    ssize_t written = syscall(SYS_write, fd, data, n);
    if (held) atomic_store(&waked, (int)written);
    return written;
}

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int count(void *arg) {
    ++*(int *)arg;
    return 0;
}

static int calls;
static atomic_int posts;

/* Posts until a post had to wake the loop, and was held up at that. */
static void *post(void *arg) {
    while (atomic_load(&holds_up)) {
        atomic_fetch_add(&posts, 1);
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, count, &calls), 0);
        usleep(100);
    }
    return arg;
}

/* A loop that sleeps in the poller, as somebody waits for a descriptor. */
static void start_polling_loop(int fd[2]) {
    loop = asyncio_new_event_loop();
    CHECK_INT(pipe(fd), 0);
    CHECK_INT(asyncio_loop_add_reader(loop, fd[0], nothing, NULL), 0);
}

static void close_pipe(const int fd[2]) {
    close(fd[0]);
    close(fd[1]);
}

static void wait_for(atomic_bool *flag) {
    while (!atomic_load(flag)) sched_yield();
}

ASYNC(sleeps_while_it_is_woken, (pthread_t *) thread) {
    atomic_store(&holds_up, true);
    CHECK_INT(pthread_create(thread, NULL, post, NULL), 0);
    while (!atomic_load(&held_up)) TRY(AWAIT(asyncio_sleep(0.001)));
    unsigned long long before = turns();
    for (int i = 0; i < 5; i++) TRY(AWAIT(asyncio_sleep(0.002)));
    unsigned long long taken = turns() - before;
    CHECK_INT(calls, posts); /* they were posted, and came with a timer */
    atomic_store(&held_up, false);
    if (taken > 50) FAIL("%llu turns while another thread was about to wake the loop", taken);
    RETURN();
}

TEST(a_loop_sleeps_while_a_thread_that_wakes_it_is_stopped) {
    int fd[2];
    pthread_t thread;
    start_polling_loop(fd);
    CHECK_INT(run(sleeps_while_it_is_woken(&thread)), 0);
    pthread_join(thread, NULL);
    CHECK_INT(asyncio_loop_remove_reader(loop, fd[0]), 1);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop_unref(loop);
    close_pipe(fd);
}

/* Lets the thread go on that is held up, a little later. */
static void *let_go(void *arg) {
    wait_for(&held_up);
    usleep(20000); /* for the loop to fall asleep */
    atomic_store(&held_up, false);
    return arg;
}

static int stop(void *arg) {
    ++*(int *)arg;
    asyncio_loop_stop(loop);
    return 0;
}

static void *post_stop(void *arg) {
    usleep(10000); /* ditto */
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop, &calls), 0);
    return arg;
}

TEST(a_loop_that_sleeps_is_woken_by_a_thread_that_goes_on_late) {
    int fd[2];
    pthread_t poster, other;
    start_polling_loop(fd);
    atomic_store(&holds_up, true);
    CHECK_INT(pthread_create(&other, NULL, let_go, NULL), 0);
    CHECK_INT(pthread_create(&poster, NULL, post_stop, NULL), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 1);
    atomic_store(&holds_up, false); /* if the loop was awake anyhow */
    atomic_store(&held_up, true);
    pthread_join(poster, NULL);
    pthread_join(other, NULL);
    CHECK_INT(asyncio_loop_remove_reader(loop, fd[0]), 1);
    CHECK_INT(asyncio_loop_close(loop), 0);
    asyncio_loop_unref(loop);
    close_pipe(fd);
}

ASYNC(ends_while_it_is_woken, (pthread_t *) thread) {
    atomic_store(&holds_up, true);
    CHECK_INT(pthread_create(thread, NULL, post, NULL), 0);
    while (!atomic_load(&held_up)) TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN();
}

TEST(closing_a_loop_waits_for_a_thread_that_is_about_to_wake_it) {
    int fd[2];
    pthread_t poster, other;
    start_polling_loop(fd);
    CHECK_INT(run(ends_while_it_is_woken(&poster)), 0);
    CHECK_INT(pthread_create(&other, NULL, let_go, NULL), 0);
    CHECK_INT(asyncio_loop_remove_reader(loop, fd[0]), 1);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(atomic_load(&waked), 8); /* what it wrote to was open */
    pthread_join(poster, NULL);
    pthread_join(other, NULL);
    asyncio_loop_unref(loop);
    close_pipe(fd);
}
