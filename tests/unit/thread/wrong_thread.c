/* SPDX-License-Identifier: MIT
 *
 * tests/unit/thread/wrong_thread.c: what belongs to a loop that runs is used from another thread.
 * Each function that changes something refuses, with an error, or, if it cannot fail, with a
 * report: nobody would wake the loop. Those that only read do so in debug mode. The thread is
 * another one while the loop's waits for it, so nothing is really used by two at once.
 */
#include <pthread.h>

#include "core.h"

#define WRONG "Non-thread-safe operation invoked on an event loop other than the current one"
#define REFUSED(call) CHECK_ERROR((call), ASYNCIO_RUNTIME_ERROR, WRONG)
#define REFUSED_BY_ZERO(call)                                                                      \
    do {                                                                                           \
        CHECK_INT((call), 0);                                                                      \
        CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, WRONG);                          \
    } while (0)
#define REFUSED_BY_NULL(call) CHECK_NULL_ERROR((call), ASYNCIO_RUNTIME_ERROR, WRONG)
#define REPORTED(function, call)                                                                   \
    do {                                                                                           \
        (call);                                                                                    \
        CHECK_PRINTED(function "(): " WRONG);                                                      \
    } while (0)

struct attempt {
    void (*use)(void *object);
    void *object;
};

static void *use_elsewhere(void *arg) {
    struct attempt *a = arg;
    a->use(a->object);
    return NULL;
}

/* In another thread, to its end. */
static void elsewhere(void (*use)(void *object), void *object) {
    pthread_t thread;
    struct attempt a = { use, object };
    CHECK_INT(pthread_create(&thread, NULL, use_elsewhere, &a), 0);
    pthread_join(thread, NULL);
}

static bool debug;

static void run_in_mode(asyncio_coro main) {
    start_loop();
    asyncio_loop_set_debug(loop, debug);
    asyncio_loop_set_slow_callback_duration(loop, 1000);
    CHECK_INT(run(main), 0);
    end_loop();
}

#define RUN_IN_BOTH_MODES(main)                                                                    \
    do {                                                                                           \
        run_in_mode(main);                                                                         \
        debug = true;                                                                              \
        run_in_mode(main);                                                                         \
    } while (0)

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int nothing_done(asyncio_future *f, void *arg) {
    (void)f, (void)arg;
    return 0;
}

ASYNC(waits_for, (asyncio_event *) event) {
    TRY(AWAIT(asyncio_event_wait(event)));
    RETURN();
}

/* ---- the loop ---- */

static int nothing_ready(asyncio_watch *watch, unsigned events, void *arg) {
    (void)watch, (void)events, (void)arg;
    return 0;
}

static void use_watch(void *object) {
    asyncio_watch *w = object;
    REFUSED(asyncio_watch_set(w, ASYNCIO_READABLE));
    REPORTED("asyncio_watch_close", asyncio_watch_close(w));
}

static void use_loop(void *object) {
    asyncio_loop *l = object;
    REFUSED(asyncio_loop_call_soon(l, nothing, NULL));
    REFUSED(asyncio_loop_call_later(l, 1, nothing, NULL));
    REFUSED(asyncio_loop_add_reader(l, 0, nothing, NULL));
    REFUSED(asyncio_loop_dump_tasks(l, stderr));
    REFUSED(asyncio_loop_remove_reader(l, 0));
    REFUSED_BY_NULL(asyncio_watch_new(l, 0, nothing_ready, NULL));
    REFUSED(asyncio_loop_remove_writer(l, 0));
    REFUSED(asyncio_loop_add_signal_handler(l, SIGUSR1, nothing, NULL));
    REFUSED(asyncio_loop_remove_signal_handler(l, SIGUSR1));
    REFUSED_BY_NULL(asyncio_loop_create_future(l));
    REFUSED_BY_NULL(asyncio_loop_create_task(l, asyncio_sleep(1)));
    REPORTED("asyncio_loop_stop", asyncio_loop_stop(l));
    REPORTED("asyncio_loop_set_debug", asyncio_loop_set_debug(l, !debug));
    REPORTED("asyncio_loop_set_exception_handler",
             asyncio_loop_set_exception_handler(l, NULL, NULL));
    REPORTED("asyncio_loop_set_slow_callback_duration",
             asyncio_loop_set_slow_callback_duration(l, 1));
    CHECK_INT(asyncio_loop_call_soon_threadsafe(l, nothing, NULL), 0);
}

static void use_handle(void *handle) {
    REPORTED("asyncio_handle_cancel", asyncio_handle_cancel(handle));
}

ASYNC(lends_its_loop) {
    asyncio_handle *h;
    asyncio_loop *l = asyncio_get_running_loop();
    TRY(asyncio_loop_call_later(l, 1, nothing, NULL, .handle = &h));
    elsewhere(use_loop, l);
    elsewhere(use_handle, h);
    asyncio_watch *w = asyncio_watch_new(l, 2, nothing_ready, NULL);
    elsewhere(use_watch, w);
    asyncio_watch_close(w);
    CHECK(!asyncio_handle_cancelled(h));
    CHECK_INT(asyncio_loop_get_debug(l), debug);
    asyncio_handle_cancel(h);
    asyncio_handle_unref(h);
    RETURN();
}

TEST(a_loop) { RUN_IN_BOTH_MODES(lends_its_loop()); }

/* ---- futures and tasks ---- */

static void use_future(void *f) {
    REFUSED(asyncio_future_set_result(f, asyncio_none()));
    REFUSED(asyncio_future_set_exception(f, ASYNCIO_VALUE_ERROR, "no"));
    REFUSED(asyncio_future_add_done_callback(f, nothing_done, NULL));
    REFUSED_BY_ZERO(asyncio_future_remove_done_callback(f, nothing_done, NULL));
    REFUSED_BY_ZERO(asyncio_future_cancel(f, NULL));
    if (debug) REFUSED(asyncio_future_result(f, NULL));
    if (debug) REFUSED(asyncio_future_exception(f, NULL));
}

static void use_done_future(void *f) {
    if (debug) REFUSED(asyncio_future_result(f, NULL));
    else CHECK_INT(asyncio_future_result(f, NULL), 0);
    CHECK(asyncio_future_take_result(f).type == NULL);
    CHECK_ERROR(ASYNCIO_RUNTIME_ERROR, ASYNCIO_RUNTIME_ERROR, WRONG);
}

static void use_task(void *t) {
    REFUSED_BY_ZERO(asyncio_task_cancel(t, NULL));
    REFUSED_BY_ZERO(asyncio_task_uncancel(t));
}

ASYNC(lends_futures) {
    asyncio_auto_future f = asyncio_future_new();
    elsewhere(use_future, f);
    CHECK(!asyncio_future_done(f));
    TRY(asyncio_future_set_result(f, asyncio_int(5)));
    elsewhere(use_done_future, f);
    asyncio_value v;
    TRY(asyncio_future_result(f, &v));
    CHECK_INT(v.i, 5);
    elsewhere(use_task, asyncio_current_task());
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(futures_and_tasks) { RUN_IN_BOTH_MODES(lends_futures()); }

/* ---- groups and scopes ---- */

static void use_group(void *g) {
    REFUSED_BY_NULL(asyncio_taskgroup_create_task(g, asyncio_sleep(1)));
    REPORTED("asyncio_taskgroup_cancel", asyncio_taskgroup_cancel(g));
}

static void use_scope(void *scope) {
    REFUSED(asyncio_cancelscope_reschedule(scope, 1));
    REPORTED("asyncio_cancelscope_cancel", asyncio_cancelscope_cancel(scope, "no"));
}

ASYNC(lends_groups_and_scopes) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) { elsewhere(use_group, group); }
    TRY(rc);
    ASYNC_WITH(scope, asyncio_cancelscope(&rc)) {
        elsewhere(use_scope, scope);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(rc);
    RETURN();
}

TEST(groups_and_scopes) { RUN_IN_BOTH_MODES(lends_groups_and_scopes()); }

/* ---- objects that tasks wait for ---- */

struct objects {
    asyncio_event *event;
    asyncio_lock *lock;
    asyncio_semaphore *semaphore;
    asyncio_condition *condition;
    asyncio_queue *queue;
};

static void use_objects(void *arg) {
    struct objects *o = arg;
    REPORTED("asyncio_event_set", asyncio_event_set(o->event));
    REPORTED("asyncio_event_clear", asyncio_event_clear(o->event));
    REFUSED(asyncio_lock_release(o->lock));
    REFUSED(asyncio_semaphore_release(o->semaphore));
    REFUSED(asyncio_condition_notify(o->condition, 1));
    REFUSED(asyncio_queue_put_nowait(o->queue, asyncio_none()));
    REFUSED(asyncio_queue_get_nowait(o->queue, NULL));
    REFUSED(asyncio_queue_task_done(o->queue));
    REPORTED("asyncio_queue_shutdown", asyncio_queue_shutdown(o->queue, true));
}

ASYNC(waits_for_lock, (asyncio_lock *) lock) {
    TRY(AWAIT(asyncio_lock_acquire(lock)));
    TRY(asyncio_lock_release(lock));
    RETURN();
}

ASYNC(waits_for_semaphore, (asyncio_semaphore *) semaphore) {
    TRY(AWAIT(asyncio_semaphore_acquire(semaphore)));
    RETURN();
}

ASYNC(waits_for_condition, (asyncio_condition *) condition) {
    TRY(AWAIT(asyncio_condition_acquire(condition)));
    TRY(AWAIT(asyncio_condition_wait(condition)));
    TRY(asyncio_condition_release(condition));
    RETURN();
}

ASYNC(waits_for_queue, (asyncio_queue *) queue) {
    TRY(AWAIT(asyncio_queue_get(queue)));
    RETURN();
}

/* Somebody waits for each, which ties it to the loop. */
ASYNC(lends_objects) {
    struct objects o = { asyncio_event_new(), asyncio_lock_new(), asyncio_semaphore_new(0),
                         asyncio_condition_new(NULL), asyncio_queue_new(0) };
    TRY(AWAIT(asyncio_lock_acquire(o.lock)));
    asyncio_auto_task event = asyncio_create_task(waits_for(o.event));
    asyncio_auto_task lock = asyncio_create_task(waits_for_lock(o.lock));
    asyncio_auto_task semaphore = asyncio_create_task(waits_for_semaphore(o.semaphore));
    asyncio_auto_task condition = asyncio_create_task(waits_for_condition(o.condition));
    asyncio_auto_task queue = asyncio_create_task(waits_for_queue(o.queue));
    TRY(AWAIT(asyncio_sleep(0)));
    elsewhere(use_objects, &o);
    CHECK(!asyncio_event_is_set(o.event));
    CHECK(asyncio_lock_locked(o.lock));
    asyncio_event_set(o.event);
    TRY(asyncio_lock_release(o.lock));
    TRY(asyncio_semaphore_release(o.semaphore));
    TRY(asyncio_queue_put_nowait(o.queue, asyncio_none()));
    TRY(AWAIT(asyncio_condition_acquire(o.condition)));
    TRY(asyncio_condition_notify(o.condition, 1));
    TRY(asyncio_condition_release(o.condition));
    TRY(AWAIT(asyncio_gather(NULL, ASYNCIO_CORO(event), ASYNCIO_CORO(lock), ASYNCIO_CORO(semaphore),
                             ASYNCIO_CORO(condition), ASYNCIO_CORO(queue))));
    asyncio_event_unref(o.event);
    asyncio_lock_unref(o.lock);
    asyncio_semaphore_unref(o.semaphore);
    asyncio_condition_unref(o.condition);
    asyncio_queue_unref(o.queue);
    RETURN();
}

TEST(events_locks_semaphores_conditions_and_queues) { RUN_IN_BOTH_MODES(lends_objects()); }

/* ---- servers and streams ---- */

static void use_server(void *server) {
    REFUSED(asyncio_server_start_serving(server));
    REPORTED("asyncio_server_close", asyncio_server_close(server));
    REPORTED("asyncio_server_close_clients", asyncio_server_close_clients(server));
    REPORTED("asyncio_server_abort_clients", asyncio_server_abort_clients(server));
}

static void use_writer(void *writer) {
    REFUSED(asyncio_streamwriter_write(writer, "x", 1));
    REFUSED(asyncio_streamwriter_write_eof(writer));
    REPORTED("asyncio_streamwriter_close", asyncio_streamwriter_close(writer));
    REPORTED("asyncio_streamwriter_abort", asyncio_streamwriter_abort(writer));
}

ASYNC(closes, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    (void)reader, (void)arg;
    asyncio_streamwriter_close(writer);
    RETURN();
}

ASYNC(lends_a_server) {
    asyncio_auto_server server = NULL;
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    TRY(AWAIT(asyncio_start_server(closes, "127.0.0.1", 0, &server)));
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &reader, &writer)));
    elsewhere(use_server, server);
    elsewhere(use_writer, writer);
    CHECK(asyncio_server_is_serving(server));
    CHECK(!asyncio_streamwriter_is_closing(writer));
    asyncio_streamwriter_close(writer);
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    TRY(AWAIT(asyncio_server_shutdown(server, 10)));
    RETURN();
}

TEST(servers_and_streams) { RUN_IN_BOTH_MODES(lends_a_server()); }

/* ---- a loop that does not run ---- */

static void use_idle_loop(void *arg) {
    asyncio_loop *l = arg;
    CHECK_INT(asyncio_loop_call_soon(l, nothing, NULL), 0);
    asyncio_loop_stop(l);
}

TEST(a_loop_that_does_not_run_may_be_used_in_any_thread) {
    start_loop();
    elsewhere(use_idle_loop, loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    end_loop();
}
