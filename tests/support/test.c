/* SPDX-License-Identifier: MIT
 *
 * tests/support/test.c: runs the tests of one program, each in a child process.
 *
 * The child's standard output and error go to one memory file, which the parent reads when
 * the child has ended. What the child has to say about itself (it returned, it failed, it was
 * skipped) goes through a shared page, so that an exit status is never mistaken for it.
 * The parent waits for SIGCHLD with a time limit; the child leads a process group of its own,
 * so that what it leaves behind is ended with it.
 */
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SECONDS 20
#define FD_LIMIT 4096      /* descriptors the leak check can tell apart */
#define OUTPUT_SHOWN 65536 /* of a failed test's output, the end */
#define MESSAGE_MAX 1024

enum phase { RUNNING, RETURNED, FAILED, SKIPPED };

struct verdict { /* in the shared page */
    enum phase phase;
    char reason[MESSAGE_MAX];
};

struct tally {
    int passed;
    int failed;
    int skipped;
};

static struct test *first_test, *last_test;
static struct verdict *verdict;
static int output_fd = -1; /* -1: --here, nothing is captured */
static double time_factor = 1.0;

void test_register(struct test *test) {
    if (last_test) last_test->next = test;
    else first_test = test;
    last_test = test;
}

void without_debug_mode(void) { unsetenv("ASYNCIO_DEBUG"); }

/* ---- in the child: ending it ---- */

/* Writes without stdio, whose buffers could be too large for the stack it is called on. */
static void write_text(const char *text) {
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t written = write(STDERR_FILENO, text, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        n -= (size_t)written;
    }
}

static _Noreturn void leave(enum phase phase) {
    fflush(stdout);
    verdict->phase = phase;
    _exit(phase == FAILED ? 1 : 0);
}

_Noreturn void test_fail(const char *file, int line, const char *fmt, ...) {
    static char message[MESSAGE_MAX];
    va_list args;
    int n = snprintf(message, sizeof message, "%s:%d: ", file, line);
    va_start(args, fmt);
    vsnprintf(message + n, sizeof message - (size_t)n, fmt, args);
    va_end(args);
    snprintf(verdict->reason, sizeof verdict->reason, "%s", message);
    if (output_fd < 0) {
        write_text(message);
        write_text("\n");
    }
    leave(FAILED);
}

_Noreturn void test_skip(const char *reason) {
    snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
    leave(SKIPPED);
}

void test_check_int(const char *file, int line, const char *what, long long actual,
                    long long expected) {
    if (actual == expected) return;
    test_fail(file, line, "%s is %lld, expected %lld", what, actual, expected);
}

void test_check_double(const char *file, int line, const char *what, double actual, double expected,
                       double tolerance) {
    if (actual == expected || (isnan(actual) && isnan(expected))) return;
    if (fabs(actual - expected) <= tolerance) return;
    test_fail(file, line, "%s is %.17g, expected %.17g", what, actual, expected);
}

void test_check_ptr(const char *file, int line, const char *what, const void *actual,
                    const void *expected) {
    if (actual == expected) return;
    test_fail(file, line, "%s is %p, expected %p", what, actual, expected);
}

void test_check_str(const char *file, int line, const char *what, const char *actual,
                    const char *expected) {
    if (actual == expected || (actual && expected && strcmp(actual, expected) == 0)) return;
    test_fail(file, line, "%s is\n  %s\nexpected\n  %s", what, actual ? actual : "NULL",
              expected ? expected : "NULL");
}

void test_check_contains(const char *file, int line, const char *what, const char *text,
                         const char *part) {
    if (text && strstr(text, part)) return;
    test_fail(file, line, "%s does not contain\n  %s\nit is\n  %s", what, part,
              text ? text : "NULL");
}

/* ---- output ---- */

/* The end of what was printed, malloced. */
static char *read_output(void) {
    off_t size = lseek(output_fd, 0, SEEK_CUR);
    off_t from = size > OUTPUT_SHOWN ? size - OUTPUT_SHOWN : 0;
    char *text = calloc(1, (size_t)(size - from) + 1);
    if (!text || pread(output_fd, text, (size_t)(size - from), from) < 0) abort();
    return text;
}

const char *test_printed(void) {
    static char *text;
    if (output_fd < 0) SKIP("what a test prints is not captured with --here");
    fflush(stdout);
    free(text);
    text = read_output();
    return text;
}

/* ---- descriptors ---- */

static void list_descriptors(bool open[FD_LIMIT]) {
    memset(open, 0, FD_LIMIT * sizeof *open);
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) FAIL("/proc/self/fd: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < FD_LIMIT) open[fd] = true;
    }
    closedir(dir);
}

static void check_descriptors(const bool before[FD_LIMIT]) {
    static bool after[FD_LIMIT];
    list_descriptors(after);
    for (int fd = 0; fd < FD_LIMIT; fd++) {
        char path[64], target[256] = "";
        if (before[fd] == after[fd]) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (!after[fd]) test_fail("descriptor check", fd, "a descriptor it did not open is closed");
        if (readlink(path, target, sizeof target - 1) < 0) target[0] = 0;
        test_fail("descriptor check", fd, "left open: %s", target);
    }
}

/* ---- one test ---- */

static void run_in_child(const struct test *test) {
    static bool before[FD_LIMIT];
    list_descriptors(before);
    test->run();
    fflush(NULL);
    check_descriptors(before);
    verdict->phase = RETURNED;
    exit(0);
}

/* In builds that count what runs (coverage.c). */
void test_before_death(int sig) __attribute__((weak));

static void become_child(const struct test *test, const sigset_t *mask) {
    const struct rlimit no_core = { 0, 0 };
    int null = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(output_fd, STDOUT_FILENO);
    dup2(output_fd, STDERR_FILENO);
    close(null);
    if (test->dies_of) setrlimit(RLIMIT_CORE, &no_core);
    if (test->dies_of && test_before_death && !test_under_sanitizer())
        test_before_death(test->dies_of);
    sigprocmask(SIG_SETMASK, mask, NULL);
    run_in_child(test);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Waits for the child with SIGCHLD blocked. False: it was still running, and is killed. */
static bool wait_for_child(pid_t pid, double limit, int *status) {
    const double end = seconds_now() + limit;
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (;;) {
        if (waitpid(pid, status, WNOHANG) == pid) return true;
        double left = end - seconds_now();
        if (left <= 0) break;
        struct timespec wait = { (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
        sigtimedwait(&chld, NULL, &wait);
    }
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, status, 0);
    return false;
}

static void describe_end(int status, char *text, size_t n) {
    if (WIFSIGNALED(status)) {
        int sig = WTERMSIG(status);
        snprintf(text, n, "killed by signal %d (%s)", sig, strsignal(sig));
    } else if (verdict->phase == RETURNED && WEXITSTATUS(status) == 0) {
        snprintf(text, n, "returned");
    } else if (verdict->phase == RETURNED) {
        snprintf(text, n, "exit status %d after it returned (a leak?)", WEXITSTATUS(status));
    } else {
        snprintf(text, n, "left by exit with status %d", WEXITSTATUS(status));
    }
}

/* Whether a test that must die has died as it must. A sanitizer that reports the signal
 * leaves by exit instead. */
static bool died_as_expected(const struct test *test, int status, const char *output) {
    bool died = WIFSIGNALED(status) ? WTERMSIG(status) == test->dies_of
                                    : test_under_sanitizer() && verdict->phase == RUNNING &&
                                          WEXITSTATUS(status) != 0;
    return died && strstr(output, test->last_word);
}

static void report(const char *mark, const struct test *test, const char *reason,
                   const char *output) {
    printf("%s %s%s%s\n", mark, test->name, reason[0] ? ": " : "", reason);
    if (output && output[0]) {
        size_t n = strlen(output);
        printf("---- output of %s\n%s%s----\n", test->name, output,
               output[n - 1] == '\n' ? "" : "\n");
    }
}

static void judge(const struct test *test, int status, bool in_time, double limit,
                  struct tally *tally) {
    char reason[MESSAGE_MAX + 256];
    char *output = read_output();
    bool clean = in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (clean && verdict->phase == SKIPPED) {
        tally->skipped++;
        report("skip", test, verdict->reason, NULL);
    } else if (test->dies_of ? in_time && died_as_expected(test, status, output)
                             : clean && verdict->phase == RETURNED) {
        tally->passed++;
        report("ok  ", test, "", NULL);
    } else {
        tally->failed++;
        if (!in_time) {
            snprintf(reason, sizeof reason, "did not end within %g seconds", limit);
        } else if (verdict->phase == FAILED) {
            snprintf(reason, sizeof reason, "%s", verdict->reason);
        } else {
            describe_end(status, reason, sizeof reason);
        }
        if (test->dies_of && verdict->phase != FAILED) {
            size_t n = strlen(reason);
            snprintf(reason + n, sizeof reason - n, "; expected: signal %d (%s) and \"%s\"",
                     test->dies_of, strsignal(test->dies_of), test->last_word);
        }
        report("FAIL", test, reason, output);
    }
    free(output);
}

static void run_test(const struct test *test, struct tally *tally) {
    const double limit = (test->seconds ? test->seconds : DEFAULT_SECONDS) * time_factor;
    sigset_t chld, before;
    int status = 0;
    fflush(NULL);
    memset(verdict, 0, sizeof *verdict);
    if (ftruncate(output_fd, 0) < 0 || lseek(output_fd, 0, SEEK_SET) < 0) abort();
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, &before);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (pid == 0) become_child(test, &before);
    bool in_time = wait_for_child(pid, limit, &status);
    kill(-pid, SIGKILL); /* what it left behind */
    sigprocmask(SIG_SETMASK, &before, NULL);
    judge(test, status, in_time, limit, tally);
}

/* ---- the program ---- */

bool test_under_sanitizer(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

bool test_under_valgrind(void) {
    const char *preload = getenv("LD_PRELOAD"); /* valgrind's own helpers are in it */
    return preload && (strstr(preload, "vgpreload") || strstr(preload, "valgrind"));
}

bool test_under_emulation(void) { return getenv("TEST_EMULATED") != NULL; }

static bool is_wanted(const struct test *test, char *const *parts) {
    if (!*parts) return true;
    for (; *parts; parts++) {
        if (strstr(test->name, *parts)) return true;
    }
    return false;
}

/* A name in full means that test alone, also where it is part of another's name. */
static bool run_here(const char *name) {
    for (struct test *test = first_test; name && test; test = test->next) {
        if (strcmp(test->name, name) == 0) run_in_child(test);
    }
    fprintf(stderr, "--here needs the full name of one test\n");
    return false;
}

int main(int argc, char **argv) {
    struct tally tally = { 0, 0, 0 };
    const char *factor = getenv("TEST_TIME_FACTOR");
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    bool here = argc > 1 && strcmp(argv[1], "--here") == 0;
    char *const *parts = argv + (argc > 0) + (list || here);

    if (factor && atof(factor) > 0) time_factor = atof(factor);
    verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED) return perror("mmap"), 1;
    if (here) return run_here(*parts) ? 0 : 1;
    if (!list) output_fd = memfd_create("test-output", MFD_CLOEXEC);
    if (!list && output_fd < 0) return perror("memfd_create"), 1;

    for (struct test *test = first_test; test; test = test->next) {
        if (!is_wanted(test, parts)) continue;
        if (list) puts(test->name);
        else run_test(test, &tally);
    }
    if (list) return 0;
    printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed > 0 || tally.passed + tally.skipped == 0;
}
