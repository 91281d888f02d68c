/* SPDX-License-Identifier: MIT
 *
 * tests/unit/context/overflow.c: a stack overflow is reported and kills by the signal; all
 * other faults go to whoever handled them before.
 */
#include "context/overflow.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "context/cpu.h"
#include "test.h"

static struct asyncio__stackpool pool;
static struct asyncio__cpu home, side;
static struct asyncio__stack *running; /* what the hook answers */

static struct asyncio__stack *current_stack(void) { return running; }

static int describe_task(char *buf, size_t n, const char **remedy) {
    (void)remedy;
    static const char text[] = "task 'Task-7' (coroutine crawl)";
    memcpy(buf, text, sizeof text - 1);
    return n >= sizeof text ? (int)sizeof text - 1 : 0;
}

static void setup(size_t size) {
    unsigned cls;
    CHECK_INT(asyncio__stackpool_init(&pool), 0);
    CHECK_INT(asyncio__stack_class(size, &cls), 0);
    running = asyncio__stack_get(&pool, cls);
    asyncio__overflow_current = current_stack;
    asyncio__overflow_describe = describe_task;
    CHECK_INT(asyncio__overflow_install(), 0);
    CHECK_INT(asyncio__overflow_thread_start(), 0);
}

static void run(void (*entry)(void)) {
    asyncio__cpu_init(&side, running, entry);
    asyncio__cpu_switch(&home, &side);
}

/* Uses the stack up in frames of `size` bytes, of which it touches the far end only. */
#define DEFINE_DIVE(name, size)                                                                    \
    static __attribute__((noinline)) int name(int depth) {                                         \
        volatile char frame[size];                                                                 \
        frame[0] = (char)depth;                                                                    \
        return depth < 0 ? 0 : name(depth + 1) + frame[0];                                         \
    }                                                                                              \
    static void run_##name(void) {                                                                 \
        name(0);                                                                                   \
        asyncio__cpu_jump(&home);                                                                  \
    }

DEFINE_DIVE(dive, 100)
DEFINE_DIVE(leap, 12000)

TEST_DIES(an_overflow_is_reported_and_kills, SIGSEGV,
          "asyncio: stack overflow in task 'Task-7' (coroutine crawl): 65536 bytes of stack; give "
          "it more with .stack_size or asyncio_loop_set_stack_size\n") {
    setup(0);
    run(run_dive);
}

TEST_DIES(the_report_tells_the_size_of_the_stack, SIGSEGV, "): 262144 bytes of stack;") {
    setup(262144);
    run(run_dive);
}

TEST_DIES(large_frames_do_not_jump_the_guard, SIGSEGV, "stack overflow in task 'Task-7'") {
    setup(0);
    run(run_leap);
}

TEST_DIES(guards_made_by_mprotect_report_as_well, SIGSEGV, "stack overflow in task 'Task-7'") {
    asyncio__stackpool_force(ASYNCIO__GUARD_PROTECT, 0);
    setup(0);
    run(run_dive);
}

TEST_DIES(without_a_description_it_is_a_task, SIGSEGV, "stack overflow in a task: 65536 bytes") {
    setup(0);
    asyncio__overflow_describe = NULL;
    run(run_dive);
}

static void *overflow_in_thread(void *unused) {
    setup(0);
    run(run_dive);
    return unused;
}

TEST_DIES(other_threads_report_as_well, SIGSEGV, "stack overflow in task 'Task-7'") {
    pthread_t thread;
    CHECK_INT(asyncio__overflow_install(), 0);
    CHECK_INT(pthread_create(&thread, NULL, overflow_in_thread, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- other faults ---- */

static volatile char *volatile nowhere = (char *)64;

static void write_nowhere(void) { *nowhere = 1; }

TEST_DIES(other_faults_kill_without_a_report, SIGSEGV, "") {
    setup(0);
    run(write_nowhere);
}

static sigjmp_buf escape;
static volatile sig_atomic_t seen;

static void escape_plain(int sig) {
    seen = sig;
    siglongjmp(escape, 1);
}

TEST(other_faults_go_to_the_handler_before) {
    if (test_under_valgrind()) SKIP("valgrind reports the fault");
    signal(SIGSEGV, escape_plain);
    setup(0);
    if (sigsetjmp(escape, 1) == 0) write_nowhere();
    CHECK_INT(seen, SIGSEGV);
    CHECK(strstr(test_printed(), "overflow") == NULL);
    asyncio__stackpool_fini(&pool);
}

static void escape_informed(int sig, siginfo_t *info, void *context) {
    seen = sig;
    CHECK_PTR(info->si_addr, nowhere);
    CHECK(context != NULL);
    siglongjmp(escape, 1);
}

TEST(the_handler_before_gets_address_and_context) {
    if (test_under_valgrind()) SKIP("valgrind reports the fault");
    struct sigaction sa = { .sa_sigaction = escape_informed, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &sa, NULL);
    setup(0);
    if (sigsetjmp(escape, 1) == 0) write_nowhere();
    CHECK_INT(seen, SIGSEGV);
    asyncio__stackpool_fini(&pool);
}

TEST(after_an_overflow_the_handler_before_goes_on) {
#ifdef ASYNCIO__TSAN
    SKIP("thread sanitizer does not see that the jump leaves the handler");
#endif
    struct sigaction sa = { .sa_handler = escape_plain, .sa_flags = SA_ONSTACK };
    sigaction(SIGSEGV, &sa, NULL);
    setup(0);
    if (sigsetjmp(escape, 1) == 0) run(run_dive);
    CHECK_INT(seen, SIGSEGV);
    CHECK_PRINTED("stack overflow in task 'Task-7'");
    asyncio__stackpool_fini(&pool);
}

TEST_DIES(a_signal_that_was_sent_kills, SIGSEGV, "") {
    setup(0);
    kill(getpid(), SIGSEGV);
    pause();
}

TEST(a_signal_that_was_sent_may_be_ignored) {
    signal(SIGSEGV, SIG_IGN);
    setup(0);
    kill(getpid(), SIGSEGV);
    raise(SIGSEGV);
    asyncio__stackpool_fini(&pool);
}

TEST_DIES(an_ignored_fault_kills_all_the_same, SIGSEGV, "") {
    signal(SIGSEGV, SIG_IGN);
    setup(0);
    write_nowhere();
}

TEST(the_environment_may_forbid_the_handler) {
    struct sigaction before, after;
    setenv("ASYNCIO_NO_SEGV_HANDLER", "1", 1);
    sigaction(SIGSEGV, NULL, &before);
    CHECK_INT(asyncio__overflow_install(), 0);
    sigaction(SIGSEGV, NULL, &after);
    CHECK(before.sa_handler == after.sa_handler);
}

/* ---- alternate signal stacks ---- */

static void *check_alternate(void *unused) {
    stack_t now, none = { .ss_flags = SS_DISABLE };
    sigaltstack(&none, NULL);
    CHECK_INT(asyncio__overflow_thread_start(), 0);
    CHECK_INT(asyncio__overflow_thread_start(), 0);
    sigaltstack(NULL, &now);
    CHECK(!(now.ss_flags & SS_DISABLE) && now.ss_size >= 65536);
    asyncio__overflow_thread_stop();
    sigaltstack(NULL, &now);
    CHECK(!(now.ss_flags & SS_DISABLE));
    asyncio__overflow_thread_stop();
    sigaltstack(NULL, &now);
    CHECK(now.ss_flags & SS_DISABLE);
    asyncio__overflow_thread_stop(); /* one too many does no harm */
    return unused;
}

TEST(a_thread_gets_an_alternate_signal_stack_while_it_runs_loops) {
    pthread_t thread;
    if (test_under_sanitizer()) SKIP("it has an alternate signal stack of its own");
    CHECK_INT(pthread_create(&thread, NULL, check_alternate, NULL), 0);
    pthread_join(thread, NULL);
}

TEST(an_alternate_signal_stack_of_the_program_is_left_alone) {
    static char memory[65536];
    stack_t mine = { .ss_sp = memory, .ss_size = sizeof memory }, now;
    CHECK_INT(sigaltstack(&mine, NULL), 0);
    CHECK_INT(asyncio__overflow_thread_start(), 0);
    sigaltstack(NULL, &now);
    CHECK_PTR(now.ss_sp, memory);
    asyncio__overflow_thread_stop();
    sigaltstack(NULL, &now);
    CHECK_PTR(now.ss_sp, memory);
    CHECK(!(now.ss_flags & SS_DISABLE));
}
