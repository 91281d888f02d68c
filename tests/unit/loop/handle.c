/* SPDX-License-Identifier: MIT
 *
 * tests/unit/loop/handle.c: handles: cancelling, repr, ownership of the argument, contexts of
 * callbacks, and calls from other threads.
 */
#include "core.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static int drops;
static void count_drop(void *arg) {
    (void)arg;
    drops++;
}

/* ---- cancel ---- */

TEST(cancelled_handle_is_skipped_and_lets_its_argument_go_at_once) { /* LOOP-10 */
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon(loop, note_arg, TEXT("a"), .handle = &h, .drop = count_drop);
    asyncio_loop_call_soon(loop, note_arg, TEXT("b"));
    CHECK(!asyncio_handle_cancelled(h));
    asyncio_handle_cancel(h);
    CHECK(asyncio_handle_cancelled(h));
    CHECK_INT(drops, 1);
    asyncio_handle_cancel(h);
    CHECK_INT(drops, 1);
    turn();
    CHECK_NOTES("b");
    asyncio_handle_unref(h);
    end_loop();
}

static int cancel_handle(void *arg) {
    asyncio_handle_cancel(arg);
    note("cancelled");
    return 0;
}

TEST(handle_cancelled_in_its_own_turn_does_not_run) { /* LOOP-10 */
    start_loop();
    asyncio_handle *h = NULL, *first = NULL;
    asyncio_loop_call_soon(loop, note_arg, TEXT("victim"), .handle = &h);
    asyncio_handle_cancel(h); /* only to know the address before: */
    asyncio_handle_unref(h);
    asyncio_loop_call_soon(loop, cancel_handle, NULL, .handle = &first);
    asyncio_loop_call_soon(loop, note_arg, TEXT("victim"), .handle = &h);
    asyncio_handle_cancel(first);
    asyncio_handle_unref(first);
    asyncio_loop_call_soon(loop, cancel_handle, h);
    asyncio_handle *second;
    asyncio_loop_call_soon(loop, note_arg, TEXT("second"), .handle = &second, .drop = count_drop);
    asyncio_loop_call_soon(loop, cancel_handle, second);
    turn(); /* victim runs before its canceller, second too */
    CHECK_NOTES("victim cancelled second cancelled");
    CHECK_INT(drops, 1);
    asyncio_loop_call_later(loop, 0, note_arg, TEXT("timer"), .handle = &first, .drop = count_drop);
    asyncio_loop_call_soon(loop, cancel_handle, first); /* due and queued in the same turn */
    turn();
    CHECK_NOTES("cancelled");
    CHECK_INT(drops, 2);
    asyncio_handle_unref(first);
    asyncio_handle_unref(second);
    asyncio_handle_unref(h);
    end_loop();
}

static int cancel_self(void *arg) {
    asyncio_handle_cancel(*(asyncio_handle **)arg);
    note("self");
    return 0;
}

TEST(handle_may_cancel_itself_while_it_runs) {
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon(loop, cancel_self, &h, .handle = &h, .drop = count_drop);
    turn();
    CHECK_NOTES("self");
    CHECK_INT(drops, 1);
    CHECK(asyncio_handle_cancelled(h));
    asyncio_handle_unref(h);
    end_loop();
}

/* A callback that frees its neighbour: the last reference goes inside a callback. */
static int cancel_and_unref(void *arg) {
    asyncio_handle **h = arg;
    asyncio_handle_cancel(*h);
    asyncio_handle_unref(*h);
    *h = NULL;
    note("freed");
    return 0;
}

TEST(callback_may_free_the_handle_that_runs_next) {
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon(loop, cancel_and_unref, &h);
    asyncio_loop_call_soon(loop, note_arg, TEXT("neighbour"), .handle = &h, .drop = count_drop);
    asyncio_loop_call_soon(loop, note_arg, TEXT("after"));
    turn();
    CHECK_NOTES("freed after");
    CHECK_INT(drops, 1);
    end_loop();
}

TEST(cancelled_timers_neither_run_nor_hold_the_clock) { /* LOOP-11 */
    start_loop();
    asyncio_handle *h[300];
    for (int i = 0; i < 300; i++) {
        asyncio_loop_call_later(loop, 1 + i, note_arg, TEXT("timer"), .handle = &h[i]);
    }
    turn();
    for (int i = 0; i < 299; i++) asyncio_handle_cancel(h[i]);
    CHECK_INT(run(asyncio_sleep(1000)), 0);
    CHECK_NOTES("timer");
    for (int i = 0; i < 300; i++) asyncio_handle_unref(h[i]);
    asyncio_loop_call_later(loop, 5000, note_arg, TEXT("late"), .handle = &h[0]);
    asyncio_handle_cancel(h[0]);
    asyncio_handle_unref(h[0]);
    CHECK_INT(asyncio_loop_run_forever(loop), ASYNCIO_DEADLOCK_ERROR);
    asyncio_ignore(ASYNCIO_DEADLOCK_ERROR);
    CHECK_DOUBLE(asyncio_loop_time(loop), 1000);
    end_loop();
}

static int drop_cancels(void *arg) {
    (void)arg;
    return 0;
}

static asyncio_handle *neighbour;
static void cancel_neighbour(void *arg) {
    (void)arg;
    asyncio_handle_cancel(neighbour);
    asyncio_handle_unref(neighbour);
    neighbour = NULL;
}

TEST(drop_may_cancel_another_handle) {
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon(loop, drop_cancels, NULL, .drop = cancel_neighbour, .handle = &h);
    asyncio_loop_call_soon(loop, note_arg, TEXT("neighbour"), .handle = &neighbour);
    asyncio_handle_cancel(h);
    asyncio_handle_unref(h);
    turn();
    CHECK_NOTES("");
    asyncio_loop_call_soon(loop, drop_cancels, NULL, .drop = cancel_neighbour);
    asyncio_loop_call_soon(loop, note_arg, TEXT("neighbour"), .handle = &neighbour);
    asyncio_loop_close(loop); /* drops the one, which cancels the other */
    end_loop();
}

TEST(argument_is_dropped_after_the_callback) {
    start_loop();
    asyncio_loop_call_soon(loop, note_arg, TEXT("a"), .drop = count_drop);
    asyncio_loop_call_later(loop, 0, note_arg, TEXT("b"), .drop = count_drop);
    CHECK_INT(drops, 0);
    turn();
    CHECK_INT(drops, 2);
    end_loop();
}

TEST(null_callback_is_a_type_error_in_every_call) { /* DBG-8 */
    start_loop();
    asyncio_call_options o = { .size = sizeof o, .drop = count_drop };
    CHECK_INT(asyncio_loop_call_soon_with(loop, NULL, &o), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_loop_call_later_with(loop, 1, NULL, &o), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_loop_call_at_with(loop, 1, NULL, &o), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_loop_call_soon_threadsafe_with(loop, NULL, &o), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_INT(drops, 0);
    end_loop();
}

TEST(options_may_be_left_out) {
    start_loop();
    CHECK_INT(asyncio_loop_call_soon_with(loop, drop_cancels, NULL), 0);
    CHECK_INT(asyncio_loop_call_at_with(loop, 0, drop_cancels, NULL), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe_with(loop, drop_cancels, NULL), 0);
    turn();
    end_loop();
}

/* ---- repr ---- */

TEST(handle_repr_names_the_callback_and_where_it_was_scheduled) { /* DBG-12 */
    without_debug_mode();
    start_loop();
    asyncio_handle *h, *t;
    asyncio_loop_call_soon_with(
        loop, note_arg, OPTIONS(.arg = TEXT("x"), .handle = &h, .name = "fn", .where = "a.c:7"));
    asyncio_loop_call_at_with(
        loop, 123, note_arg,
        OPTIONS(.arg = TEXT("x"), .handle = &t, .name = "fn", .where = "a.c:8"));
    CHECK_STR(REPR(asyncio_handle_repr, h), "<Handle fn() at a.c:7>");
    CHECK_STR(REPR(asyncio_handle_repr, t), "<TimerHandle when=123.0 fn() at a.c:8>");
    CHECK_DOUBLE(asyncio_handle_when(t), 123);
    CHECK_DOUBLE(asyncio_handle_when(h), (double)NAN);
    asyncio_handle_cancel(h);
    asyncio_handle_cancel(t);
    CHECK_STR(REPR(asyncio_handle_repr, h), "<Handle cancelled>");
    CHECK_STR(REPR(asyncio_handle_repr, t), "<TimerHandle cancelled when=123.0>");
    asyncio_handle_unref(h);
    asyncio_handle_unref(t);
    end_loop();
}

TEST(timer_repr_shows_the_deadline_as_python_shows_a_float) {
    start_loop();
    asyncio_handle *t;
    asyncio_loop_call_at_with(
        loop, 100.1, note_arg,
        OPTIONS(.arg = TEXT("x"), .name = "note_arg", .handle = &t, .where = NULL));
    CHECK_STR(REPR(asyncio_handle_repr, t), "<TimerHandle when=100.1 note_arg()>");
    asyncio_handle_unref(t);
    end_loop();
}

TEST(cancelled_handle_keeps_its_description_in_debug) { /* DBG-12 */
    start_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_handle *h;
    asyncio_loop_call_soon_with(
        loop, note_arg,
        OPTIONS(.arg = TEXT("x"), .name = "note_arg", .handle = &h, .where = "a.c:7"));
    asyncio_handle_cancel(h);
    CHECK_STR(REPR(asyncio_handle_repr, h), "<Handle cancelled note_arg() at a.c:7>");
    asyncio_handle_unref(h);
    end_loop();
}

/* ---- contexts of callbacks ---- */

static asyncio_contextvar *var;

static long long get_var(void) {
    asyncio_value v;
    return asyncio_contextvar_get(var, &v) < 0 ? -1 : v.i;
}

static int note_var_and_set(void *arg) {
    note("%s=%lld", (const char *)arg, get_var());
    return asyncio_contextvar_set(var, asyncio_int(get_var() + 100), NULL);
}

TEST(callback_runs_in_a_copy_of_the_context_it_was_scheduled_in) { /* CTX-4 */
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), NULL), 0);
    asyncio_loop_call_soon(loop, note_var_and_set, TEXT("soon"));
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(2), NULL), 0);
    asyncio_loop_call_later(loop, 0, note_var_and_set, TEXT("later"));
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(3), NULL), 0);
    asyncio_loop_call_soon_threadsafe(loop, note_var_and_set, TEXT("threadsafe"));
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(4), NULL), 0);
    turn();
    CHECK_NOTES("soon=1 threadsafe=3 later=2");
    CHECK_INT(get_var(), 4);
    asyncio_contextvar_unref(var);
    end_loop();
}

TEST(callback_given_a_context_shares_it) { /* CTX-4 */
    start_loop();
    var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(9), NULL), 0);
    asyncio_context *c = asyncio_copy_context();
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), NULL), 0);
    asyncio_loop_call_soon(loop, note_var_and_set, TEXT("a"), .context = c);
    asyncio_loop_call_soon(loop, note_var_and_set, TEXT("b"), .context = c);
    turn();
    CHECK_NOTES("a=9 b=109");
    asyncio_value v;
    CHECK_INT(asyncio_context_get(c, var, &v), 0);
    CHECK_INT(v.i, 209);
    CHECK_INT(get_var(), 1);
    asyncio_context_unref(c);
    asyncio_contextvar_unref(var);
    end_loop();
}

/* ---- from other threads ---- */

static int stop_it(void *arg) {
    note("%s", (const char *)arg);
    asyncio_loop_stop(loop);
    return 0;
}

static void *post_from_thread(void *arg) {
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("first")), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("second")), 0);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop_it, TEXT("third")), 0);
    return arg;
}

TEST(threadsafe_calls_wake_a_sleeping_loop_and_keep_their_order) { /* LOOP-22, V14-6; a real wait */
    loop = asyncio_new_event_loop();
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    pthread_join(thread, NULL);
    CHECK_NOTES("first second third");
    end_loop();
}

TEST(threadsafe_call_from_the_loops_own_thread_is_in_order_with_others) { /* LOOP-22 */
    start_loop();
    asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("a"));
    asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("b"));
    turn();
    CHECK_NOTES("a b");
    end_loop();
}

#define POSTERS 4
#define POSTS 2000
static atomic_int posted, ran, cancelled_in_time;
static int expected_next[POSTERS];

static int count_run(void *arg) {
    intptr_t what = (intptr_t)arg;
    int who = (int)(what / POSTS), number = (int)(what % POSTS);
    CHECK_INT(number, expected_next[who]); /* each thread's calls in its order */
    expected_next[who]++;
    if (atomic_fetch_add(&ran, 1) + 1 == POSTERS * POSTS) asyncio_loop_stop(loop);
    return 0;
}

static void *post_many(void *arg) {
    intptr_t who = (intptr_t)arg;
    for (intptr_t i = 0; i < POSTS; i++) {
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, count_run, (void *)(who * POSTS + i)), 0);
    }
    return NULL;
}

TEST_TIMEOUT(no_threadsafe_call_is_lost, 120) { /* real threads, a real wait */
    loop = asyncio_new_event_loop();
    pthread_t threads[POSTERS];
    for (intptr_t i = 0; i < POSTERS; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
    }
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    for (int i = 0; i < POSTERS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&ran), POSTERS * POSTS);
    end_loop();
}

/* Each call must either run, finished before cancel returns, or not run at all. */
struct shot {
    atomic_int state; /* 0: nothing, 1: runs, 2: has run */
};

static int run_shot(void *arg) {
    struct shot *s = arg;
    atomic_store(&s->state, 1);
    sched_yield();
    atomic_store(&s->state, 2);
    atomic_fetch_add(&ran, 1);
    return 0;
}

static int stop_quietly(void *arg) {
    (void)arg;
    asyncio_loop_stop(loop);
    return 0;
}

static void *post_and_cancel(void *arg) {
    (void)arg;
    for (int i = 0; i < 3000; i++) {
        struct shot s = { 0 }; /* on this frame: nothing may touch it once cancel returned */
        asyncio_handle *h;
        CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, run_shot, &s, .handle = &h), 0);
        if (i % 3 == 0) sched_yield();
        asyncio_handle_cancel(h);
        int state = atomic_load(&s.state);
        CHECK(state == 0 || state == 2);
        if (state == 0) atomic_fetch_add(&cancelled_in_time, 1);
        atomic_fetch_add(&posted, 1);
        asyncio_handle_unref(h);
    }
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, stop_quietly, NULL), 0);
    return NULL;
}

TEST_TIMEOUT(after_cancel_from_another_thread_the_call_is_finished_or_never_runs,
             120) { /* LOOP-22 */
    loop = asyncio_new_event_loop();
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, post_and_cancel, NULL), 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    pthread_join(thread, NULL);
    turn();
    CHECK_INT(atomic_load(&ran) + atomic_load(&cancelled_in_time), atomic_load(&posted));
    end_loop();
}

TEST(threadsafe_handle_cancelled_on_the_loops_thread_does_not_run) {
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("x"), .handle = &h, .drop = count_drop);
    CHECK_CONTAINS(REPR(asyncio_handle_repr, h), "<Handle note_arg() at ");
    asyncio_handle_cancel(h);
    CHECK(asyncio_handle_cancelled(h));
    turn();
    CHECK_NOTES("");
    CHECK_INT(drops, 1);
    asyncio_handle_unref(h);
    end_loop();
}

TEST(threadsafe_handle_may_cancel_itself_while_it_runs) {
    start_loop();
    asyncio_handle *h;
    asyncio_loop_call_soon_threadsafe(loop, cancel_self, &h, .handle = &h, .drop = count_drop);
    turn();
    CHECK_NOTES("self");
    CHECK_INT(drops, 1);
    asyncio_handle_unref(h);
    end_loop();
}

static void *schedule_wrongly(void *arg) {
    bool refuse = *(bool *)arg;
    int rc = asyncio_loop_call_soon(loop, note_arg, TEXT("x"));
    if (!refuse) {
        CHECK_INT(rc, 0);
        return NULL;
    }
    CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_CONTAINS(asyncio_error_message(e), "Non-thread-safe operation");
    asyncio_error_unref(e);
    CHECK_INT(asyncio_loop_call_later(loop, 1, note_arg, NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_loop_call_at(loop, 1, note_arg, NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(loop, note_arg, TEXT("threadsafe")), 0);
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg) {
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, fn, arg), 0);
    pthread_join(thread, NULL);
}

static int misuse_from_thread(void *arg) {
    in_thread(schedule_wrongly, arg);
    return 0;
}

TEST(wrong_thread_is_refused_in_debug_while_the_loop_runs) { /* DBG-7 */
    bool refuse = true;
    start_loop();
    asyncio_loop_set_debug(loop, true);
    asyncio_loop_call_soon(loop, misuse_from_thread, &refuse);
    turn();
    turn();
    CHECK_NOTES("threadsafe");
    end_loop();
}

TEST(wrong_thread_is_not_looked_for_while_the_loop_does_not_run) { /* DBG-7 */
    bool refuse = false;
    start_loop();
    asyncio_loop_set_debug(loop, true);
    in_thread(schedule_wrongly, &refuse);
    turn();
    CHECK_NOTES("x");
    end_loop();
}
