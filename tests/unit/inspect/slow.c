/* SPDX-License-Identifier: MIT
 *
 * Steps that took too long: the report names what ran, whatever it was. With a limit of 0 seconds
 * every step took too long, so these programs come by every kind of step there is.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"

/* ---- what is reported ---- */

static char *told; /* all messages, one a line */
static size_t told_size;
static FILE *teller;

static int tell(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)arg;
    fprintf(teller, "%s\n", context->message);
    return 0;
}

static void check_told(const char *what) {
    char line[256];
    fflush(teller);
    snprintf(line, sizeof line, "Executing %s", what);
    CHECK_CONTAINS(told, line);
}

static void start_looking(bool real) {
    loop = real ? asyncio_new_event_loop() : asyncio_testing_new_event_loop(0);
    teller = open_memstream(&told, &told_size);
    asyncio_loop_set_exception_handler(loop, tell, NULL);
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_set_slow_callback_duration(loop, 0);
}

static void stop_looking(void) {
    asyncio_loop_set_exception_handler(loop, NULL, NULL);
    end_loop();
    fclose(teller);
    free(told);
}

static void look(asyncio_coro c) {
    start_looking(false);
    CHECK_INT(run(c), 0);
}

/* ---- groups, limits, shields ---- */

ASYNC(returns_after, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN();
}

ASYNC(gathers) {
    asyncio_auto_future f =
        asyncio_gather_future(2, (asyncio_coro[]){ returns_after(1), returns_after(2) }, false);
    TRY(AWAIT(f));
    RETURN();
}

ASYNC(waits) {
    asyncio_auto_task a = asyncio_create_task(returns_after(1));
    asyncio_auto_task b = asyncio_create_task(returns_after(9));
    asyncio_future *both[] = { (asyncio_future *)a, (asyncio_future *)b };
    TRY(AWAIT(asyncio_wait(both, 2, .timeout = 5, .has_timeout = true)));
    TRY(AWAIT(b));
    RETURN();
}

ASYNC(takes_as_completed) {
    const asyncio_coro aws[] = { returns_after(1), returns_after(9) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, 5);
    CHECK_INT(AWAIT(asyncio_as_completed_result(it)), 0);
    CHECK(asyncio_catch(AWAIT(asyncio_as_completed_result(it)), ASYNCIO_TIMEOUT_ERROR));
    asyncio_as_completed_unref(it);
    TRY(AWAIT(asyncio_sleep(9)));
    RETURN();
}

ASYNC(has_a_limit) {
    CHECK(asyncio_catch(AWAIT(asyncio_wait_for(asyncio_sleep(9), 1)), ASYNCIO_TIMEOUT_ERROR));
    RETURN();
}

ASYNC(moves_on) {
    int rc;
    ASYNC_WITH(limit, asyncio_move_on_after(1, &rc)) { TRY(AWAIT(asyncio_sleep(9))); }
    return rc;
}

static int cancels_task(void *task) {
    asyncio_task_cancel(task, NULL);
    return 0;
}

ASYNC(is_shielded) {
    int rc;
    TRY(asyncio_loop_call_later(loop, 0.5, cancels_task, asyncio_current_task()));
    ASYNC_WITH(shield, asyncio_shielded(1, &rc)) { TRY(AWAIT(asyncio_sleep(9))); }
    return rc;
}

ASYNC(has_a_group) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(group, returns_after(1)));
    }
    return rc;
}

TEST(groups_and_limits_are_named) {
    look(gathers());
    check_told("gather.<locals>._done_callback()");
    check_told("asyncio_sleep()");
    stop_looking();
    look(waits());
    check_told("_wait.<locals>._on_completion()");
    check_told("_release_waiter()");
    stop_looking();
    look(takes_as_completed());
    check_told("_AsCompletedIterator._handle_completion()");
    check_told("_AsCompletedIterator._handle_timeout()");
    stop_looking();
    look(has_a_limit());
    check_told("Timeout._on_timeout()");
    stop_looking();
    look(moves_on());
    check_told("CancelScope deadline");
    stop_looking();
    start_looking(false);
    CHECK(asyncio_catch(run(is_shielded()), ASYNCIO_CANCELLED_ERROR));
    check_told("limit of asyncio_shielded()");
    stop_looking();
    look(has_a_group());
    check_told("TaskGroup._on_task_done()");
    stop_looking();
}

/* ---- futures, handles, generators ---- */

static int does_nothing(void *arg) {
    (void)arg;
    return 0;
}

static int is_done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return 0;
}

ASYNC(schedules) {
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    TRY(asyncio_loop_call_soon(loop, does_nothing, NULL));
    TRY(asyncio_loop_call_later(loop, 1, does_nothing, NULL));
    TRY(asyncio_loop_call_soon_threadsafe(loop, does_nothing, NULL));
    TRY(asyncio_future_add_done_callback(f, is_done, NULL));
    TRY(asyncio_future_set_result(f, asyncio_none()));
    TRY(AWAIT(asyncio_sleep(2)));
    RETURN();
}

ASYNC_GEN(yields) {
    TRY(YIELD(1));
    TRY(YIELD(2));
    RETURN();
}

static asyncio_gen *generator;

ASYNC(leaves_a_generator) {
    generator = yields();
    TRY(AWAIT(asyncio_gen_next(generator)));
    RETURN();
}

ASYNC(fails) { RAISE(ASYNCIO_VALUE_ERROR, "no"); }

ASYNC(leaves_a_failed_task) {
    asyncio_auto_task t = asyncio_create_task(fails());
    TRY(AWAIT(asyncio_sleep(2)));
    CHECK(asyncio_catch(AWAIT(t), ASYNCIO_VALUE_ERROR));
    RETURN();
}

TEST(callbacks_and_tasks_are_named) {
    look(schedules());
    check_told("<Handle does_nothing() at ");
    check_told("is_done() at ");
    check_told("<Task pending name='Task-");
    stop_looking();
    look(leaves_a_generator());
    CHECK_INT(run(asyncio_loop_shutdown_asyncgens(loop)), 0);
    check_told("gather.<locals>._done_callback()");
    asyncio_gen_unref(generator);
    stop_looking();
    start_looking(false);
    CHECK_INT(asyncio_loop_set_failed_task_report(loop, ASYNCIO_FAILED_TASK_REPORT, 1), 0);
    CHECK_INT(run(leaves_a_failed_task()), 0);
    check_told("report of a failed task");
    stop_looking();
}

/* ---- what comes from outside ---- */

static int reads(void *arg) {
    char c;
    int fd = *(int *)arg;
    CHECK_INT(read(fd, &c, 1), 1);
    asyncio_loop_remove_reader(loop, fd);
    return 0;
}

ASYNC(watches) {
    int fd[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    TRY(asyncio_loop_add_reader(loop, fd[0], reads, &fd[0]));
    CHECK_INT(write(fd[1], "x", 1), 1);
    TRY(AWAIT(asyncio_sleep(0.01)));
    TRY(asyncio_fd_close(fd[0]));
    TRY(asyncio_fd_close(fd[1]));
    RETURN();
}

ASYNC(is_connected_to, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r, (void)arg;
    asyncio_streamwriter_close(w);
    RETURN();
}

ASYNC(serves) {
    asyncio_auto_server server = NULL;
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    char c;
    TRY(AWAIT(asyncio_start_server(is_connected_to, "127.0.0.1", 0, &server)));
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &r, &w)));
    CHECK_INT(AWAIT(asyncio_streamreader_read(r, &c, 1)), 0);
    asyncio_streamwriter_close(w);
    return AWAIT(asyncio_server_shutdown(server, 1));
}

ASYNC(gets_a_signal) {
    TRY(asyncio_loop_add_signal_handler(loop, SIGUSR1, does_nothing, NULL));
    raise(SIGUSR1);
    TRY(AWAIT(asyncio_sleep(0.01)));
    CHECK_INT(asyncio_loop_remove_signal_handler(loop, SIGUSR1), 1);
    RETURN();
}

static void *cancels(void *future) {
    CHECK(asyncio_concurrent_future_cancel(future));
    return NULL;
}

ASYNC(gets_calls) {
    pthread_t thread;
    asyncio_async *async = asyncio_async_new(loop, does_nothing, NULL);
    CHECK_INT(asyncio_async_send(async), 0);
    asyncio_concurrent_future *f = asyncio_run_coroutine_threadsafe(returns_after(0.001), loop);
    asyncio_concurrent_future *g = asyncio_run_coroutine_threadsafe(returns_after(1000), loop);
    TRY(AWAIT(asyncio_sleep(0.01)));
    CHECK(asyncio_concurrent_future_done(f));
    CHECK_INT(pthread_create(&thread, NULL, cancels, g), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    TRY(AWAIT(asyncio_sleep(0.01)));
    CHECK(asyncio_concurrent_future_cancelled(g));
    asyncio_concurrent_future_unref(f);
    asyncio_concurrent_future_unref(g);
    asyncio_async_close(async);
    RETURN();
}

TEST(what_comes_from_outside_is_named) {
    start_looking(true);
    CHECK_INT(run(watches()), 0);
    check_told("reads() at ");
    CHECK_INT(run(serves()), 0);
    check_told("accept() on descriptor ");
    CHECK_INT(run(gets_a_signal()), 0);
    check_told("handler of signal 10");
    CHECK_INT(run(gets_calls()), 0);
    check_told("does_nothing() at ");
    check_told("run_coroutine_threadsafe.<locals>.callback()");
    check_told("_chain_future.<locals>._call_set_state()");
    check_told("Task.cancel()");
    stop_looking();
}
