/* SPDX-License-Identifier: MIT
 *
 * Calls that are sent from signal handlers and from threads without any memory.
 */
#include <asyncio.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "test.h"

static asyncio_async *async;
static int calls, drops;

static int count_call(void *arg) {
    calls++;
    if (arg) asyncio_loop_stop(arg);
    return 0;
}

static void count_drop(void *arg) {
    (void)arg;
    drops++;
}

static void send_from_handler(int signo) {
    (void)signo;
    asyncio_async_send(async);
}

TEST(a_signal_handler_sends_a_call) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    struct sigaction action = { .sa_handler = send_from_handler };
    async = asyncio_async_new(loop, count_call, loop, .drop = count_drop);
    CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_INT(sigaction(SIGALRM, &action, NULL), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_INT(calls, 0);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 1); /* two sends, one call */
    alarm(1);            /* while the loop sleeps */
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 2);
    CHECK_INT(drops, 0);
    asyncio_async_close(async);
    CHECK_INT(drops, 1);
    asyncio_loop_close(loop);
}

TEST(closing_takes_back_what_was_sent) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    async = asyncio_async_new(loop, count_call, NULL, .drop = count_drop);
    CHECK_INT(asyncio_async_send(async), 0);
    asyncio_async_close(async);
    CHECK_INT(drops, 1);
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 0);
    async = asyncio_async_new(loop, count_call, NULL);
    CHECK_INT(asyncio_async_send(async), 0);
    asyncio_loop_close(loop);
    CHECK_INT(asyncio_async_send(async), ASYNCIO_RUNTIME_ERROR);
    asyncio_async_close(async);
}

static int close_itself(void *arg) {
    (void)arg;
    asyncio_async_close(async);
    CHECK_INT(drops, 0);
    return ASYNCIO_VALUE_ERROR;
}

static int take_report(asyncio_loop *loop, const asyncio_exception_context *context, void *arg) {
    (void)loop;
    (void)arg;
    CHECK_CONTAINS(context->message, "Exception in callback close_itself() at ");
    calls++;
    return 0;
}

TEST(a_callback_may_close_its_own_call) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    asyncio_loop_set_exception_handler(loop, take_report, NULL);
    async = asyncio_async_new(loop, close_itself, NULL, .drop = count_drop);
    CHECK_INT(asyncio_async_send(async), 0);
    asyncio_loop_stop(loop);
    CHECK_INT(asyncio_loop_run_forever(loop), 0);
    CHECK_INT(calls, 1);
    CHECK_INT(drops, 1);
    asyncio_loop_close(loop);
}

#define SENDERS 4
#define SENDS 5000

struct senders {
    asyncio_loop *loop;
    asyncio_async *async;
    atomic_int sent;
    int seen;
};

static int look_at_sent(void *arg) {
    struct senders *s = arg;
    s->seen = atomic_load(&s->sent);
    if (s->seen == SENDERS * SENDS) asyncio_loop_stop(s->loop);
    return 0;
}

static void *send_many(void *arg) {
    struct senders *s = arg;
    for (int i = 0; i < SENDS; i++) {
        atomic_fetch_add(&s->sent, 1);
        CHECK_INT(asyncio_async_send(s->async), 0);
    }
    return NULL;
}

TEST(the_last_send_is_never_lost) {
    pthread_t threads[SENDERS];
    struct senders s = { .loop = asyncio_new_event_loop() };
    s.async = asyncio_async_new(s.loop, look_at_sent, &s);
    for (int i = 0; i < SENDERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, send_many, &s), 0);
    CHECK_INT(asyncio_loop_run_forever(s.loop), 0);
    for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(s.seen, SENDERS * SENDS);
    asyncio_async_close(s.async);
    asyncio_loop_close(s.loop);
    asyncio_loop_unref(s.loop);
}

TEST(bad_input_to_async) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    CHECK(asyncio_async_new(NULL, count_call, NULL) == NULL);
    CHECK(asyncio_async_new(loop, (asyncio_callback *)NULL, NULL) == NULL);
    asyncio_loop_close(loop);
    CHECK(asyncio_async_new(loop, count_call, NULL) == NULL);
    CHECK_INT(asyncio_async_send(NULL), ASYNCIO_TYPE_ERROR);
    asyncio_async_close(NULL);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
}
