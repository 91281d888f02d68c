/* SPDX-License-Identifier: MIT
 *
 * Forks: a child is as good as a new program, whatever the other threads were at, and the parent
 * does not notice it.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io.h"

static bool under_thread_sanitizer(void) {
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

/* It takes the forking fiber for another thread in the child, and lets none start any. */
static void need_forks(void) {
    if (under_thread_sanitizer()) SKIP("a child of threads and fibers is nothing for this tool");
}

static void need_forks_with_threads(void) {
    need_forks();
    if (test_under_valgrind()) SKIP("what threads have that are not there looks lost in a child");
    if (test_under_emulation()) SKIP("threads that are not there hold locks of the emulator");
}

#define PARENTS "the event loop belongs to the parent process"

static int status_of(pid_t pid) {
    int status = -1;
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void check_child(pid_t pid) {
    int status = status_of(pid);
    if (WIFSIGNALED(status)) FAIL("the child was killed by signal %d", WTERMSIG(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

/* ---- what a child does with a loop of its own ---- */

static int count_call(void *arg) {
    ++*(int *)arg;
    return 0;
}

static int job(void *arg, asyncio_value *value) {
    (void)arg;
    *value = asyncio_int(7);
    return 0;
}

ASYNC(lives) {
    asyncio_loop *own = asyncio_get_running_loop();
    asyncio_value value;
    int calls = 0;
    TRY(asyncio_loop_add_signal_handler(own, SIGUSR2, count_call, &calls));
    TRY(asyncio_loop_call_soon_threadsafe(own, count_call, &calls));
    raise(SIGUSR2);
    while (calls < 2) TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_to_thread(job, NULL), &value));
    CHECK_INT(value.i, 7);
    TRY(AWAIT(asyncio_sleep(0.0001)));
    TRY(asyncio_loop_remove_signal_handler(own, SIGUSR2));
    RETURN();
}

static void live(void) {
    int rc = asyncio_run(lives(), NULL);
    if (rc < 0) FAIL("the run failed: %s", asyncio_error_message(asyncio_error_take(rc)));
}

/* ---- a busy program ---- */

static atomic_bool over;
static asyncio_channel *shared;
static asyncio_executor *workers;
static asyncio_loop *_Atomic target;
static atomic_int posts;

static int count_post(void *arg) {
    (void)arg;
    atomic_fetch_add(&posts, 1);
    return 0;
}

ASYNC(handles_signals) {
    asyncio_loop *own = asyncio_get_running_loop();
    int calls = 0;
    while (!atomic_load(&over)) {
        TRY(asyncio_loop_add_signal_handler(own, SIGUSR1, count_call, &calls));
        raise(SIGUSR1);
        TRY(AWAIT(asyncio_sleep(0)));
        TRY(asyncio_loop_remove_signal_handler(own, SIGUSR1));
    }
    RETURN();
}

static int fails(void *arg, asyncio_value *value) {
    (void)arg, (void)value;
    asyncio_ignore(asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "first"));
    asyncio_error *cause = asyncio_error_new(ASYNCIO_VALUE_ERROR, "cause");
    asyncio_error *effect = asyncio_error_new(ASYNCIO_RUNTIME_ERROR, "effect");
    CHECK_INT(asyncio_error_set_cause(effect, cause), 0);
    asyncio_error_unref(cause);
    return asyncio_reraise(effect);
}

ASYNC(uses_threads) {
    atomic_store(&target, asyncio_loop_ref(asyncio_get_running_loop()));
    while (!atomic_load(&over)) {
        asyncio_future *f =
            asyncio_loop_run_in_executor(asyncio_get_running_loop(), NULL, fails, NULL);
        int rc = AWAIT(f);
        asyncio_future_unref(f);
        CHECK_INT(rc, ASYNCIO_RUNTIME_ERROR);
        asyncio_ignore(rc);
        asyncio_ignore(asyncio_channel_put_nowait(shared, asyncio_int(1)));
    }
    RETURN();
}

static void *run_handlers(void *arg) {
    CHECK_INT(asyncio_run(handles_signals(), NULL), 0);
    return arg;
}

static void *run_threads(void *arg) {
    CHECK_INT(asyncio_run(uses_threads(), NULL), 0);
    return arg;
}

static void *run_loops(void *arg) {
    while (!atomic_load(&over)) {
        asyncio_loop *own = asyncio_new_event_loop();
        CHECK_INT(asyncio_loop_run_until_complete(own, asyncio_sleep(0), NULL), 0);
        asyncio_loop_close(own);
        asyncio_loop_unref(own);
    }
    return arg;
}

static void *post_and_submit(void *arg) {
    while (!atomic_load(&over)) {
        if (atomic_load(&target)) {
            asyncio_handle *h = NULL;
            asyncio_ignore(asyncio_loop_call_soon_threadsafe(target, count_post, NULL));
            asyncio_ignore(
                asyncio_loop_call_soon_threadsafe(target, count_post, NULL, .handle = &h));
            asyncio_handle_cancel(h);
            asyncio_handle_unref(h);
        }
        asyncio_concurrent_future *f = asyncio_executor_submit(workers, job, NULL);
        CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
        asyncio_concurrent_future_unref(f);
        asyncio_ignore(asyncio_channel_get_blocking(shared, 0.0001, NULL));
    }
    return arg;
}

#define FORKS 1000

static void *(*const busy[])(void *arg) = { run_handlers, run_threads, run_loops, post_and_submit };
#define BUSY (sizeof busy / sizeof busy[0])

/* Also with what the parent has made, and a loop of another thread of the parent's. */
static void live_in_busy_child(void) {
    alarm(20);
    live();
    asyncio_ignore(asyncio_channel_get_nowait(shared, NULL));
    CHECK_INT(asyncio_channel_put_nowait(shared, asyncio_int(2)), 0);
    CHECK_INT(asyncio_channel_get_blocking(shared, 1, NULL), 0);
    CHECK(asyncio_executor_submit(workers, job, NULL) == NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    if (atomic_load(&target))
        CHECK_ERROR(asyncio_loop_call_soon_threadsafe(target, count_post, NULL),
                    ASYNCIO_RUNTIME_ERROR, PARENTS);
    _exit(0);
}

TEST_TIMEOUT(a_child_of_a_busy_program_is_as_good_as_new, 120) {
    need_forks_with_threads();
    if (test_under_sanitizer()) SKIP("its allocator does not come through a fork");
    pthread_t threads[BUSY];
    shared = asyncio_channel_new(4);
    workers = asyncio_executor_new(.max_workers = 2);
    for (size_t i = 0; i < BUSY; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, busy[i], NULL), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        if (pid == 0) live_in_busy_child();
        check_child(pid);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < BUSY; i++) pthread_join(threads[i], NULL);
    CHECK(atomic_load(&posts) > 0);
    asyncio_loop_unref(target);
    asyncio_channel_unref(shared);
    CHECK_INT(asyncio_executor_shutdown(workers, true, false), 0);
    asyncio_executor_unref(workers);
}

/* ---- forked in the midst of a run ---- */

ASYNC(raises) { RAISE(ASYNCIO_VALUE_ERROR, "from the child's run"); }

static void live_inside(asyncio_loop *parents) {
    CHECK_NULL_ERROR(asyncio_get_running_loop(), ASYNCIO_RUNTIME_ERROR, "no running event loop");
    CHECK(asyncio_current_task() == NULL);
    CHECK(!asyncio_loop_is_running(parents));
    CHECK(asyncio_loop_is_closed(parents));
    live();
    CHECK_ERROR(asyncio_run(raises(), NULL), ASYNCIO_VALUE_ERROR, "from the child's run");
    CHECK_ERROR(asyncio_loop_call_soon(parents, count_call, NULL), ASYNCIO_RUNTIME_ERROR, PARENTS);
    CHECK_INT(asyncio_loop_close(parents), 0);
    live();
}

ASYNC(forks_and_lives) {
    asyncio_loop *parents = asyncio_get_running_loop();
    TRY(AWAIT(asyncio_sleep(0)));
    pid_t pid = fork();
    if (pid == 0) {
        live_inside(parents);
        _exit(0);
    }
    check_child(pid);
    TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN();
}

TEST(a_child_that_is_forked_in_a_task_runs_a_loop_of_its_own) {
    need_forks();
    CHECK_INT(asyncio_run(forks_and_lives(), NULL), 0);
}

static int fork_and_live(void *arg) {
    pid_t pid = fork();
    if (pid == 0) {
        live_inside(arg);
        _exit(0);
    }
    check_child(pid);
    return 0;
}

ASYNC(forks_in_a_callback) {
    asyncio_loop *own = asyncio_get_running_loop();
    TRY(asyncio_loop_call_soon(own, fork_and_live, own));
    TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN();
}

TEST(a_child_that_is_forked_in_a_callback_runs_a_loop_of_its_own) {
    need_forks();
    CHECK_INT(asyncio_run(forks_in_a_callback(), NULL), 0);
}

ASYNC(forks_again) {
    pid_t pid = fork();
    if (pid == 0) _exit(asyncio_run(forks_and_lives(), NULL));
    check_child(pid);
    RETURN();
}

TEST(a_child_forks_in_its_turn) {
    need_forks();
    CHECK_INT(asyncio_run(forks_again(), NULL), 0);
}

static pid_t forked;
ASYNC(forks_and_returns) {
    TRY(AWAIT(asyncio_sleep(0)));
    forked = fork();
    RETURN(forked == 0 ? 5 : 6);
}

TEST(a_child_that_ends_main_has_its_result) {
    need_forks();
    asyncio_value value;
    CHECK_INT(asyncio_run(forks_and_returns(), &value), 0);
    if (forked == 0) _exit(value.i == 5 ? 0 : 1);
    check_child(forked);
    CHECK_INT(value.i, 6);
}

ASYNC(forks_and_exits) {
    TRY(AWAIT(asyncio_sleep(0)));
    forked = fork();
    if (forked == 0) RAISE(ASYNCIO_SYSTEM_EXIT, "the child exits");
    RETURN();
}

TEST(a_child_that_exits_in_a_task_exits) {
    need_forks();
    int rc = asyncio_run(forks_and_exits(), NULL);
    if (forked == 0) {
        CHECK_ERROR(rc, ASYNCIO_SYSTEM_EXIT, "the child exits");
        _exit(0);
    }
    CHECK_INT(rc, 0);
    check_child(forked);
}

static int calls_after;
static int fork_first(void *arg) {
    (void)arg;
    forked = fork();
    return 0;
}

ASYNC(has_more_to_do) {
    asyncio_loop *own = asyncio_get_running_loop();
    TRY(asyncio_loop_call_soon(own, fork_first, NULL));
    TRY(asyncio_loop_call_soon(own, count_call, &calls_after));
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

TEST(what_is_ready_runs_in_the_parent_only) {
    need_forks();
    int rc = asyncio_run(has_more_to_do(), NULL);
    if (forked == 0) {
        CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, PARENTS);
        CHECK_INT(calls_after, 0);
        _exit(0);
    }
    CHECK_INT(rc, 0);
    CHECK_INT(calls_after, 1);
    check_child(forked);
}

static atomic_bool unwound;
static void note_unwound(int *unused) {
    (void)unused;
    atomic_store(&unwound, true);
}

ASYNC(waits_with_a_cleanup) {
    __attribute__((cleanup(note_unwound))) int unused TEST_UNUSED = 0;
    TRY(AWAIT(asyncio_sleep(1)));
    RETURN();
}

TEST(a_child_does_not_clean_up_for_the_parents_tasks) {
    need_forks();
    asyncio_loop *own = asyncio_new_event_loop();
    asyncio_task *t = asyncio_loop_create_task(own, waits_with_a_cleanup());
    CHECK_INT(asyncio_loop_run_until_complete(own, asyncio_sleep(0), NULL), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_INT(asyncio_loop_close(own), 0);
        asyncio_task_unref(t);
        asyncio_loop_unref(own);
        _exit(unwound);
    }
    check_child(pid);
    asyncio_loop_set_exception_handler(own, record_report, NULL);
    CHECK_INT(asyncio_loop_close(own), 0);
    CHECK(unwound);
    asyncio_task_unref(t);
    asyncio_loop_unref(own);
}

/* ---- the parent does not notice ---- */

struct watched {
    int fds[2];
    int calls;
    asyncio_process *child;
};

static int read_and_count(void *arg) {
    struct watched *w = arg;
    char c;
    CHECK_INT(read(w->fds[0], &c, 1), 1);
    w->calls++;
    return 0;
}

ASYNC(watches_and_forks, (struct watched *) w) {
    asyncio_loop *own = asyncio_get_running_loop();
    TRY(asyncio_loop_add_reader(own, w->fds[0], read_and_count, w));
    TRY(AWAIT(asyncio_create_subprocess_exec(&w->child, (const char *[]){ "cat", NULL },
                                             .stdin_fd = ASYNCIO_PIPE)));
    pid_t pid = fork();
    if (pid == 0) {
        asyncio_ignore(asyncio_loop_remove_reader(own, w->fds[0]));
        CHECK_INT(asyncio_loop_close(own), 0);
        live();
        asyncio_process_unref(w->child);
        _exit(0);
    }
    check_child(pid);
    CHECK_INT(write(w->fds[1], "x", 1), 1);
    while (w->calls == 0) TRY(AWAIT(asyncio_sleep(0.001)));
    TRY(asyncio_loop_remove_reader(own, w->fds[0]));
    asyncio_streamwriter_close(asyncio_process_stdin(w->child));
    asyncio_value code;
    TRY(AWAIT(asyncio_process_wait(w->child), &code));
    CHECK_INT(code.i, 0);
    asyncio_process_unref(w->child);
    RETURN();
}

TEST(a_childs_close_leaves_the_parents_descriptors_and_processes_alone) {
    need_forks();
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    struct watched w = { .calls = 0 };
    make_pair(w.fds);
    CHECK_INT(asyncio_run(watches_and_forks(&w), NULL), 0);
    CHECK_INT(w.calls, 1);
    close(w.fds[0]);
    close(w.fds[1]);
}

ASYNC(ignores_client, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r, (void)w, (void)arg;
    RETURN();
}

ASYNC(serves_and_forks, (const char *) path) {
    asyncio_server *server = NULL;
    TRY(AWAIT(asyncio_start_unix_server(ignores_client, path, &server)));
    pid_t pid = fork();
    if (pid == 0) {
        asyncio_server_close(server);
        asyncio_server_unref(server);
        _exit(0);
    }
    check_child(pid);
    CHECK_INT(access(path, F_OK), 0);
    asyncio_server_close(server);
    CHECK_INT(access(path, F_OK), -1);
    asyncio_server_unref(server);
    RETURN();
}

TEST(a_childs_close_of_a_unix_server_leaves_the_path) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/asyncio-fork-%d.sock", (int)getpid());
    CHECK_INT(asyncio_run(serves_and_forks(path), NULL), 0);
}

/* ---- signals ---- */

ASYNC(handles_and_forks, (int) signum) {
    asyncio_loop *own = asyncio_get_running_loop();
    int calls = 0;
    if (signum != SIGINT) TRY(asyncio_loop_add_signal_handler(own, signum, count_call, &calls));
    pid_t pid = fork();
    if (pid == 0) {
        raise(signum);
        _exit(0);
    }
    int status = status_of(pid);
    CHECK(WIFSIGNALED(status));
    CHECK_INT(WTERMSIG(status), signum);
    CHECK_INT(calls, 0);
    RETURN();
}

TEST(signals_do_in_a_child_what_they_did_before_the_parent_handled_them) {
    CHECK_INT(asyncio_run(handles_and_forks(SIGTERM), NULL), 0);
    CHECK_INT(asyncio_run(handles_and_forks(SIGINT), NULL), 0);
}

ASYNC(sleeps_long) {
    TRY(AWAIT(asyncio_sleep(60)));
    RETURN();
}

static int interrupt_main(void *arg) {
    (void)arg;
    raise(SIGINT);
    return 0;
}

ASYNC(is_interrupted) {
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), interrupt_main, NULL));
    TRY(AWAIT(sleeps_long()));
    RETURN();
}

ASYNC(forks_into_an_interrupt) {
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_INT(asyncio_run(is_interrupted(), NULL), ASYNCIO_KEYBOARD_INTERRUPT);
        _exit(0);
    }
    check_child(pid);
    RETURN();
}

TEST(the_run_of_a_child_is_interrupted_by_ctrl_c) {
    need_forks();
    CHECK_INT(asyncio_run(forks_into_an_interrupt(), NULL), 0);
}

ASYNC(stops_signals_that_are_not_there) {
    asyncio_signals *s = asyncio_signals_new(1, (const int[]){ SIGUSR1 });
    pid_t pid = fork();
    if (pid == 0) {
        asyncio_signals_unref(s);
        live();
        _exit(0);
    }
    check_child(pid);
    asyncio_signals_unref(s);
    RETURN();
}

TEST(a_stream_of_signals_can_be_let_go_in_a_child) {
    need_forks();
    CHECK_INT(asyncio_run(stops_signals_that_are_not_there(), NULL), 0);
}

/* ---- in threads of the library ---- */

static int fork_in_job(void *arg, asyncio_value *value) {
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        live(); /* which takes a signal: none is blocked */
        raise(SIGTERM);
    }
    int status = status_of(pid);
    *value = asyncio_int(WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
    return 0;
}

ASYNC(has_a_job_that_forks) {
    asyncio_value value;
    TRY(AWAIT(asyncio_to_thread(fork_in_job, NULL), &value));
    CHECK_INT(value.i, SIGTERM);
    RETURN();
}

TEST(a_child_that_is_forked_in_a_job_gets_signals) {
    need_forks();
    if (test_under_emulation()) SKIP("threads that are not there hold locks of the emulator");
    CHECK_INT(asyncio_run(has_a_job_that_forks(), NULL), 0);
}

static int fork_and_return(void *arg, asyncio_value *value) {
    (void)value;
    *(pid_t *)arg = fork();
    return 0;
}

ASYNC(has_a_job_that_returns_twice) {
    pid_t pid = -1;
    TRY(AWAIT(asyncio_to_thread(fork_and_return, &pid)));
    check_child(pid);
    RETURN();
}

TEST(a_child_that_returns_from_a_job_ends) {
    need_forks_with_threads();
    if (test_under_sanitizer()) SKIP("it looks for leaks where the first thread is not there");
    CHECK_INT(asyncio_run(has_a_job_that_returns_twice(), NULL), 0);
}

ASYNC(forks_and_sleeps, (unsigned) index) {
    if (index > 0) RETURN();
    forked = fork();
    TRY(AWAIT(asyncio_sleep(0.001)));
    RETURN();
}

static asyncio_coro forks_in_first(unsigned index, void *arg) {
    (void)arg;
    return forks_and_sleeps(index);
}

TEST(a_child_does_not_wait_for_the_loops_of_other_threads) {
    need_forks_with_threads();
    int rc = asyncio_run_many(3, forks_in_first, NULL);
    if (forked == 0) {
        CHECK_ERROR(rc, ASYNCIO_RUNTIME_ERROR, PARENTS);
        _exit(0);
    }
    CHECK_INT(rc, 0);
    check_child(forked);
}

/* ---- what other threads had begun ---- */

static atomic_int going;
static int go_on_and_wait(void *arg) {
    (void)arg;
    atomic_store(&going, 1);
    while (atomic_load(&going) == 1) sched_yield();
    return 0;
}

static int wait_as_job(void *arg, asyncio_value *value) {
    (void)value;
    return go_on_and_wait(arg);
}

static asyncio_loop *helper_loop;
static void *run_helper(void *arg) {
    CHECK_INT(asyncio_loop_run_forever(helper_loop), 0);
    return arg;
}

static int stop_helper(void *arg) {
    asyncio_loop_stop(arg);
    return 0;
}

TEST(a_call_that_runs_in_another_thread_can_be_cancelled_in_a_child) {
    need_forks();
    pthread_t thread;
    asyncio_handle *h = NULL;
    helper_loop = asyncio_new_event_loop();
    CHECK_INT(asyncio_loop_call_soon_threadsafe(helper_loop, go_on_and_wait, NULL, .handle = &h),
              0);
    CHECK_INT(pthread_create(&thread, NULL, run_helper, NULL), 0);
    while (atomic_load(&going) == 0) sched_yield();
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        asyncio_handle_cancel(h);
        _exit(0);
    }
    check_child(pid);
    atomic_store(&going, 2);
    CHECK_INT(asyncio_loop_call_soon_threadsafe(helper_loop, stop_helper, helper_loop), 0);
    pthread_join(thread, NULL);
    asyncio_handle_unref(h);
    asyncio_loop_close(helper_loop);
    asyncio_loop_unref(helper_loop);
}

ASYNC(wraps, (asyncio_concurrent_future *) f) {
    CHECK_NULL_ERROR(asyncio_wrap_future(f, NULL), ASYNCIO_RUNTIME_ERROR,
                     "the thread that has to finish the future belongs to the parent process");
    RETURN();
}

TEST(waiting_in_a_child_for_a_job_of_the_parents_fails) {
    need_forks_with_threads();
    asyncio_executor *executor = asyncio_executor_new();
    asyncio_concurrent_future *f = asyncio_executor_submit(executor, wait_as_job, NULL);
    while (atomic_load(&going) == 0) sched_yield();
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        CHECK_ERROR(asyncio_concurrent_future_result(f, INFINITY, NULL), ASYNCIO_RUNTIME_ERROR,
                    "waiting here would never end: the thread that has to finish the future "
                    "belongs to the parent process");
        _exit(asyncio_run(wraps(f), NULL));
    }
    check_child(pid);
    atomic_store(&going, 2);
    CHECK_INT(asyncio_concurrent_future_result(f, INFINITY, NULL), 0);
    asyncio_concurrent_future_unref(f);
    CHECK_INT(asyncio_executor_shutdown(executor, true, false), 0);
    asyncio_executor_unref(executor);
}

static void *get_one(void *arg) {
    asyncio_value value;
    CHECK_INT(asyncio_channel_get_blocking(arg, INFINITY, &value), 0);
    CHECK_INT(value.i, 1);
    return NULL;
}

ASYNC(gets_and_puts, (asyncio_channel *) channel) {
    asyncio_value value;
    asyncio_task *getter = asyncio_create_task(asyncio_channel_get(channel));
    TRY(AWAIT(asyncio_sleep(0)));
    CHECK_INT(asyncio_channel_put_nowait(channel, asyncio_int(2)), 0);
    TRY(AWAIT(getter, &value));
    CHECK_INT(value.i, 2);
    asyncio_task_unref(getter);
    RETURN();
}

TEST(those_who_wait_at_a_channel_in_the_parent_do_not_in_the_child) {
    need_forks_with_threads();
    pthread_t thread;
    asyncio_channel *channel = asyncio_channel_new(2);
    CHECK_INT(pthread_create(&thread, NULL, get_one, channel), 0);
    usleep(10000); /* without it the thread may not wait yet, and nothing is tested */
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        _exit(asyncio_run(gets_and_puts(channel), NULL));
    }
    check_child(pid);
    CHECK_INT(asyncio_channel_put_nowait(channel, asyncio_int(1)), 0);
    pthread_join(thread, NULL);
    asyncio_channel_unref(channel);
}

static char fifo[64];
static asyncio_file *reads_from;

ASYNC(reads_a_fifo_and_forks) {
    char text[4];
    TRY(AWAIT(asyncio_file_open(&reads_from, fifo, O_RDWR, 0)));
    asyncio_task *reader = asyncio_create_task(asyncio_file_read(reads_from, text, 4));
    TRY(AWAIT(asyncio_sleep(0.01))); /* without it the thread may not read yet */
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        _exit(asyncio_run(asyncio_file_close(reads_from), NULL));
    }
    check_child(pid);
    CHECK_INT(AWAIT(asyncio_file_write(reads_from, "four", 4)), 4);
    TRY(AWAIT(reader));
    asyncio_task_unref(reader);
    TRY(AWAIT(asyncio_file_close(reads_from)));
    asyncio_file_unref(reads_from);
    RETURN();
}

TEST(a_file_that_a_thread_of_the_parents_reads_can_be_closed_in_a_child) {
    need_forks_with_threads();
    snprintf(fifo, sizeof fifo, "/tmp/asyncio-fork-%d", (int)getpid());
    CHECK_INT(mkfifo(fifo, 0600), 0);
    int rc = asyncio_run(reads_a_fifo_and_forks(), NULL);
    unlink(fifo);
    CHECK_INT(rc, 0);
}
