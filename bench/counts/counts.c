/* SPDX-License-Identifier: MIT
 *
 * counts.c: what the hot paths cost, in instructions. tools/check-counts runs this program under
 * valgrind's callgrind and compares what that counts with counts.txt; docs/testing.md says how.
 *
 *     counts [--smoke] [PATH...]
 *
 * A path is a coroutine that does something `times` times. It is run on a new loop, in a process of
 * its own: first to warm up, then n times, then 2n times. Callgrind writes down what each of these
 * two runs took. The difference, divided by n, is one operation: what loops, tasks and sockets cost
 * at the beginning and at the end is in both runs.
 *
 * The clock is virtual. A loop with a real one asks the processor's counter every few turns whether
 * it is time to poll, and how often depends on the machine. With a virtual clock the same program
 * takes the same instructions every time.
 *
 * --smoke does a few of everything and counts nothing.
 */
#include <asyncio.h>
#include <asyncio/testing.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define RUNNING_ON_VALGRIND 0u
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#define BATCH 100 /* of callbacks, children, sleepers at a time; divides every number of times */
#define CROWD 1000
#define LINE "a line of sixty-four bytes with its end, as in many a protocol.\n"

typedef asyncio_coro path_function(long times);

/* n tasks side by side, each of which does its part of `times`. */
ASYNC(crowd, (path_function *) part, (long)n, (long)times) {
    static asyncio_task *tasks[CROWD];
    for (long i = 0; i < n; i++) tasks[i] = asyncio_create_task(part(times / n));
    for (long i = 0; i < n; i++) {
        TRY(AWAIT(tasks[i]));
        asyncio_task_unref(tasks[i]);
    }
    RETURN();
}

/* ---- yields, calls, tasks ---- */

ASYNC(noop, (long)value) { RETURN(value); }

ASYNC(yield_alone, (long)times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(yield_crowd, (long)times) { return AWAIT(crowd(yield_alone, CROWD, times)); }

ASYNC(call, (long)times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(noop(i)));
    RETURN();
}

ASYNC(create_lazy, (long)times) {
    for (long i = 0; i < times; i++) {
        asyncio_auto_task task = asyncio_create_task(noop(i));
        TRY(AWAIT(task));
    }
    RETURN();
}

ASYNC(create_eager, (long)times) {
    for (long i = 0; i < times; i++) {
        asyncio_auto_task task = asyncio_create_task(noop(i), .eager_start = 1);
        TRY(AWAIT(task));
    }
    RETURN();
}

ASYNC(wait_for_it, (asyncio_future *) future) { return AWAIT(future); }

/* A task that waits for a future is made, cancelled and joined. */
ASYNC(cancel, (long)times) {
    for (long i = 0; i < times; i++) {
        asyncio_auto_future future = asyncio_future_new();
        asyncio_auto_task task = asyncio_create_task(wait_for_it(future));
        TRY(AWAIT(asyncio_sleep(0)));
        asyncio_task_cancel(task, NULL);
        int rc = AWAIT(task);
        if (!asyncio_catch(rc, ASYNCIO_CANCELLED_ERROR)) return -EPROTO;
    }
    RETURN();
}

ASYNC(fail) { RAISE(ASYNCIO_VALUE_ERROR, "no"); }

ASYNC(pass_on) {
    TRY(AWAIT(fail()));
    RETURN();
}

/* Through two frames, to the one that catches it. */
ASYNC(raise_and_catch, (long)times) {
    for (long i = 0; i < times; i++) {
        int rc = AWAIT(pass_on());
        if (!asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) return -EPROTO;
    }
    RETURN();
}

ASYNC(contextvar, (long)times) {
    asyncio_contextvar *var = asyncio_contextvar_new("var", NULL);
    for (long i = 0; i < times; i++) {
        asyncio_value value;
        TRY(asyncio_contextvar_set(var, asyncio_int(i), NULL));
        TRY(asyncio_contextvar_get(var, &value));
        if (value.i != i) return -EPROTO;
    }
    asyncio_contextvar_unref(var);
    RETURN();
}

ASYNC_GEN(numbers, (long)times) {
    for (long i = 0; i < times; i++) TRY(YIELD(i));
    RETURN();
}

ASYNC(generator, (long)times) {
    asyncio_auto_gen gen = numbers(times);
    asyncio_value value;
    long n = 0;
    int rc;
    ASYNC_FOR(value, gen, rc) n += value.i == n;
    TRY(rc);
    if (n != times) return -EPROTO;
    RETURN();
}

/* ---- futures, callbacks, timers ---- */

ASYNC(wait_for_many, (asyncio_future **) future, (long)times) {
    for (long i = 0; i < times; i++) {
        *future = asyncio_future_new();
        TRY(AWAIT(*future));
        asyncio_future_unref(*future);
    }
    RETURN();
}

/* Another task makes a future and waits for it; this one resolves it and yields. */
ASYNC(wake, (long)times) {
    asyncio_future *future = NULL;
    asyncio_auto_task waiter = asyncio_create_task(wait_for_many(&future, times));
    TRY(AWAIT(asyncio_sleep(0)));
    for (long i = 0; i < times; i++) {
        TRY(asyncio_future_set_result(future, asyncio_int(i)));
        TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(AWAIT(waiter));
    RETURN();
}

static int do_nothing(void *arg) {
    (void)arg;
    return 0;
}

ASYNC(call_soon, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (long i = 0; i < times; i++) {
        TRY(asyncio_loop_call_soon(loop, do_nothing, NULL));
        if (i % BATCH == BATCH - 1) TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

/* As from another thread, but from this one: with others it depends on who comes first. */
ASYNC(call_soon_threadsafe, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (long i = 0; i < times; i++) {
        TRY(asyncio_loop_call_soon_threadsafe(loop, do_nothing, NULL));
        if (i % BATCH == BATCH - 1) TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

ASYNC(call_later, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (long i = 0; i < times; i++) {
        asyncio_handle *handle;
        TRY(asyncio_loop_call_later(loop, 1000, do_nothing, NULL, .handle = &handle));
        asyncio_handle_cancel(handle);
        asyncio_handle_unref(handle);
    }
    RETURN();
}

ASYNC(sleep_alone, (long)times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN();
}

ASYNC(sleep_crowd, (long)times) { return AWAIT(crowd(sleep_alone, BATCH, times)); }

/* The deadline does not come. */
ASYNC(timeout_block, (long)times) {
    for (long i = 0; i < times; i++) {
        int rc;
        ASYNC_WITH(_, asyncio_timeout(1000, &rc)) {}
        TRY(rc);
    }
    RETURN();
}

ASYNC(wait_for_ready, (long)times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(asyncio_wait_for(noop(i), 1000)));
    RETURN();
}

/* ---- several at a time ---- */

ASYNC(gather, (long)times) {
    for (long i = 0; i < times; i += BATCH) {
        asyncio_coro children[BATCH];
        for (int k = 0; k < BATCH; k++) children[k] = noop(k);
        TRY(AWAIT(asyncio_gather_array(NULL, BATCH, children)));
    }
    RETURN();
}

ASYNC(spawn_many, (asyncio_taskgroup *) group) {
    for (int k = 0; k < BATCH; k++) TRY(asyncio_taskgroup_spawn(group, noop(k)));
    RETURN();
}

ASYNC(taskgroup, (long)times) {
    for (long i = 0; i < times; i += BATCH) {
        int rc;
        ASYNC_WITH(group, asyncio_taskgroup(&rc)) { rc = AWAIT(spawn_many(group)); }
        TRY(rc);
    }
    RETURN();
}

/* ---- locks and their kin ---- */

ASYNC(lock_free, (long)times) {
    asyncio_lock *lock = asyncio_lock_new();
    for (long i = 0; i < times; i++) {
        TRY(AWAIT(asyncio_lock_acquire(lock)));
        TRY(asyncio_lock_release(lock));
    }
    asyncio_lock_unref(lock);
    RETURN();
}

ASYNC(take_turns, (asyncio_lock *) lock, (long)times) {
    for (long i = 0; i < times; i++) {
        TRY(AWAIT(asyncio_lock_acquire(lock)));
        TRY(AWAIT(asyncio_sleep(0)));
        TRY(asyncio_lock_release(lock));
    }
    RETURN();
}

/* Two tasks hand it to each other; each yields while it has it. */
ASYNC(lock_handover, (long)times) {
    asyncio_lock *lock = asyncio_lock_new();
    asyncio_auto_task other = asyncio_create_task(take_turns(lock, times / 2));
    TRY(AWAIT(take_turns(lock, times / 2)));
    TRY(AWAIT(other));
    asyncio_lock_unref(lock);
    RETURN();
}

ASYNC(wait_for_events, (asyncio_event *) event, (long)times) {
    for (long i = 0; i < times; i++) {
        TRY(AWAIT(asyncio_event_wait(event)));
        asyncio_event_clear(event);
    }
    RETURN();
}

/* Another task waits for it and clears it; this one sets it and yields. */
ASYNC(event_set, (long)times) {
    asyncio_event *event = asyncio_event_new();
    asyncio_auto_task waiter = asyncio_create_task(wait_for_events(event, times));
    TRY(AWAIT(asyncio_sleep(0)));
    for (long i = 0; i < times; i++) {
        asyncio_event_set(event);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(AWAIT(waiter));
    asyncio_event_unref(event);
    RETURN();
}

ASYNC(semaphore_free, (long)times) {
    asyncio_semaphore *semaphore = asyncio_semaphore_new(1);
    for (long i = 0; i < times; i++) {
        TRY(AWAIT(asyncio_semaphore_acquire(semaphore)));
        TRY(asyncio_semaphore_release(semaphore));
    }
    asyncio_semaphore_unref(semaphore);
    RETURN();
}

ASYNC(queue_ready, (long)times) {
    asyncio_queue *queue = asyncio_queue_new(0);
    for (long i = 0; i < times; i++) {
        asyncio_value item;
        TRY(AWAIT(asyncio_queue_put(queue, asyncio_int(i))));
        TRY(AWAIT(asyncio_queue_get(queue), &item));
    }
    asyncio_queue_unref(queue);
    RETURN();
}

ASYNC(produce, (asyncio_queue *) queue, (long)times) {
    for (long i = 0; i < times; i++) TRY(AWAIT(asyncio_queue_put(queue, asyncio_int(i))));
    RETURN();
}

/* One task puts into a queue of one item, this one gets. */
ASYNC(queue_handover, (long)times) {
    asyncio_queue *queue = asyncio_queue_new(1);
    asyncio_auto_task producer = asyncio_create_task(produce(queue, times));
    for (long i = 0; i < times; i++) {
        asyncio_value item;
        TRY(AWAIT(asyncio_queue_get(queue), &item));
        if (item.i != i) return -EPROTO;
    }
    TRY(AWAIT(producer));
    asyncio_queue_unref(queue);
    RETURN();
}

/* ---- sockets ---- */

static int socket_pair(int fds[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
}

ASYNC(echo_sock, (int)fd) {
    asyncio_loop *loop = asyncio_get_running_loop();
    char buffer[sizeof LINE];
    int n;
    TRY(asyncio_fd_adopt(fd));
    while ((n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fd, buffer, sizeof buffer)))) > 0) {
        TRY(AWAIT(asyncio_loop_sock_sendall(loop, fd, buffer, (size_t)n)));
    }
    TRY(asyncio_fd_close(fd));
    RETURN();
}

/* A message there and back. */
ASYNC(sock, (long)times) {
    asyncio_loop *loop = asyncio_get_running_loop();
    char buffer[sizeof LINE];
    int fds[2];
    TRY(socket_pair(fds));
    TRY(asyncio_fd_adopt(fds[0]));
    asyncio_auto_task server = asyncio_create_task(echo_sock(fds[1]));
    for (long i = 0; i < times; i++) {
        TRY(AWAIT(asyncio_loop_sock_sendall(loop, fds[0], LINE, sizeof LINE - 1)));
        int n = TRY(AWAIT(asyncio_loop_sock_recv(loop, fds[0], buffer, sizeof buffer)));
        if (n != sizeof LINE - 1) return -EPROTO;
    }
    TRY(asyncio_fd_close(fds[0]));
    TRY(AWAIT(server));
    RETURN();
}

ASYNC(echo_lines, (int)fd) {
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    asyncio_bytes line;
    TRY(AWAIT(asyncio_open_unix_connection(NULL, &reader, &writer, .sock = fd)));
    while (TRY(AWAIT(asyncio_streamreader_readline(reader, &line))) > 0) {
        TRY(asyncio_streamwriter_write(writer, line.data, line.size));
        TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

/* A line there, read by readline, and back, read by readexactly. */
ASYNC(echo, (long)times) {
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    char buffer[sizeof LINE];
    int fds[2];
    TRY(socket_pair(fds));
    asyncio_auto_task server = asyncio_create_task(echo_lines(fds[1]));
    TRY(AWAIT(asyncio_open_unix_connection(NULL, &reader, &writer, .sock = fds[0])));
    for (long i = 0; i < times; i++) {
        TRY(asyncio_streamwriter_write(writer, LINE, sizeof LINE - 1));
        TRY(AWAIT(asyncio_streamreader_readexactly(reader, buffer, sizeof LINE - 1)));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    TRY(AWAIT(server));
    RETURN();
}

/* ---- counting ---- */

/* n is a multiple of BATCH, and of CROWD where that many tasks share it. */
static const struct path {
    const char *name;
    path_function *function;
    long n;
} paths[] = {
    { "yield.1", yield_alone, 20000 },
    { "yield.1000", yield_crowd, 20000 },
    { "await", call, 20000 },
    { "create.lazy", create_lazy, 10000 },
    { "create.eager", create_eager, 10000 },
    { "cancel", cancel, 5000 },
    { "raise", raise_and_catch, 5000 },
    { "contextvar", contextvar, 10000 },
    { "generator", generator, 10000 },
    { "wake", wake, 10000 },
    { "call_soon", call_soon, 10000 },
    { "call_soon_threadsafe", call_soon_threadsafe, 10000 },
    { "call_later", call_later, 10000 },
    { "sleep.1", sleep_alone, 10000 },
    { "sleep.100", sleep_crowd, 10000 },
    { "timeout", timeout_block, 10000 },
    { "wait_for", wait_for_ready, 10000 },
    { "gather", gather, 10000 },
    { "taskgroup", taskgroup, 10000 },
    { "lock", lock_free, 10000 },
    { "lock.handover", lock_handover, 10000 },
    { "event", event_set, 10000 },
    { "semaphore", semaphore_free, 10000 },
    { "queue", queue_ready, 10000 },
    { "queue.handover", queue_handover, 10000 },
    { "sock", sock, 2000 },
    { "echo", echo, 2000 },
};

static asyncio_loop *new_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

static void run(const struct path *path, long times) {
    int rc = asyncio_run(path->function(times), NULL, .loop_factory = new_loop);
    if (rc >= 0) return;
    fprintf(stderr, "%s: %s\n", path->name, asyncio_strerror(rc));
    exit(1);
}

static void run_counted(const struct path *path, long times) {
    char label[64];
    snprintf(label, sizeof label, "%s %ld", path->name, times);
    CALLGRIND_ZERO_STATS;
    run(path, times);
    CALLGRIND_DUMP_STATS_AT(label);
}

/* In a process of its own no path finds the heap as another one left it. */
static bool count(const struct path *path) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        run(path, path->n);
        run_counted(path, path->n);
        run_counted(path, 2 * path->n);
        exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool is_wanted(const char *name, char **wanted) {
    for (char **w = wanted; *w; w++) {
        if (strcmp(name, *w) == 0) return true;
    }
    return !*wanted;
}

int main(int argc, char **argv) {
    bool smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
    if (!smoke && !RUNNING_ON_VALGRIND) {
        fprintf(stderr,
                "not under valgrind, or built without its headers: see tools/check-counts\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!is_wanted(paths[i].name, argv + 1 + smoke)) continue;
        if (smoke) run(&paths[i], CROWD);
        else if (!count(&paths[i])) return 1;
    }
    return 0;
}
