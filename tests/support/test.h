/* SPDX-License-Identifier: MIT
 *
 * tests/support/test.h: the test harness. A test program is one file of TESTs linked with
 * test.c, which has main().
 *
 *     TEST(sum_of_two_numbers) {
 *         CHECK_INT(1 + 1, 2);
 *     }
 *
 * Each test registers itself and runs in a process of its own with a time limit (20 seconds,
 * or those of TEST_TIMEOUT, times the environment variable TEST_TIME_FACTOR). Returning is
 * the only way to pass: a failed CHECK, a signal, an exit and a hang are one failure each,
 * and what the test printed is shown. After a test its process checks that it has the same
 * descriptors open as before, and leaves by exit(), where a leak checker looks at memory.
 *
 * A failed CHECK ends the process there and then by _exit, without unwinding: it works on
 * every stack and in every thread. Expected values come second. Arguments are evaluated once.
 *
 * Command line: program [--list] [--here] [PART-OF-A-NAME...]. --here runs the one test that
 * is named in the program's own process, without limit or capture, for a debugger.
 */
#ifndef TEST_H
#define TEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct test {
    const char *name;
    void (*run)(void);
    int seconds;           /* time limit; 0: the default */
    int dies_of;           /* signal it must die of; 0: it must return */
    const char *last_word; /* what must be in its output when it dies */
    struct test *next;     /* in order of definition */
};

/* A test that must return; one with a limit of its own; one whose process must die of a
 * signal with a text in its output. Under a sanitizer its error exit counts as the signal. */
#define TEST(name) TEST__DEFINE(name, 0, 0, "")
#define TEST_TIMEOUT(name, seconds) TEST__DEFINE(name, seconds, 0, "")
#define TEST_DIES(name, signal, text) TEST__DEFINE(name, 0, signal, text)

/* For a test of what is so without debug mode only; to be called before there is a loop. */
void without_debug_mode(void);

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "CHECK(%s)", #condition))
#define CHECK_INT(actual, expected)                                                                \
    test_check_int(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define CHECK_DOUBLE(actual, expected) CHECK_NEAR(actual, expected, 0.0) /* NaN equals NaN */
#define CHECK_NEAR(actual, expected, tolerance)                                                    \
    test_check_double(__FILE__, __LINE__, #actual, (actual), (expected), (tolerance))
#define CHECK_STR(actual, expected)                                                                \
    test_check_str(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_CONTAINS(text, part) test_check_contains(__FILE__, __LINE__, #text, (text), (part))
#define CHECK_PTR(actual, expected)                                                                \
    test_check_ptr(__FILE__, __LINE__, #actual, (const void *)(actual), (const void *)(expected))

/* Ends the test as failed, with a printf message; as skipped, with a reason. */
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(reason) test_skip(reason)

/* What the test has printed so far to standard output and standard error. The string is good
 * until the next call. CHECK_PRINTED: that a text is in it. */
const char *test_printed(void);
#define CHECK_PRINTED(part) CHECK_CONTAINS(test_printed(), part)

/* Whether the test runs under valgrind, was built with a sanitizer, or runs under emulation of
 * another processor (the build's wrapper sets TEST_EMULATED): for tests that measure memory, use
 * up resources that those need themselves, or need what they do not imitate. */
bool test_under_valgrind(void);
bool test_under_sanitizer(void);
bool test_under_emulation(void);

void test_register(struct test *test);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *reason);
void test_check_int(const char *file, int line, const char *what, long long actual,
                    long long expected);
void test_check_double(const char *file, int line, const char *what, double actual, double expected,
                       double tolerance);
void test_check_str(const char *file, int line, const char *what, const char *actual,
                    const char *expected);
void test_check_contains(const char *file, int line, const char *what, const char *text,
                         const char *part);
void test_check_ptr(const char *file, int line, const char *what, const void *actual,
                    const void *expected);

#define TEST__DEFINE(name, seconds, signal, text)                                                  \
    static void test_run_##name(void);                                                             \
    static struct test test_##name = { #name, test_run_##name, seconds, signal, text, NULL };      \
    __attribute__((constructor)) static void test_register_##name(void) {                          \
        test_register(&test_##name);                                                               \
    }                                                                                              \
    static void test_run_##name(void)

#endif
