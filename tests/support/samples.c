/* SPDX-License-Identifier: MIT
 *
 * tests/support/samples.c: one test for each way a test can end, for the harness's own test
 * (tests/support/run). Each is preceded by a regular expression that a line of the program's
 * output must match.
 */
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* expect: ok   passes */
TEST(passes) {
    puts("swallowed");
    CHECK_PRINTED("swallowed");
    CHECK(true);
    CHECK_INT(1 + 1, 2);
    CHECK_DOUBLE(NAN, NAN);
    CHECK_NEAR(0.1 + 0.2, 0.3, 1e-9);
    CHECK_STR("a", "a");
    CHECK_STR(NULL, NULL);
    CHECK_PTR(NULL, NULL);
}

/* expect: FAIL condition: .*samples\.c:\d+: CHECK\(1 == 2\) */
TEST(condition) { CHECK(1 == 2); }

/* expect: FAIL integers: .*samples\.c:\d+: 1 \+ 1 is 2, expected 3 */
TEST(integers) { CHECK_INT(1 + 1, 3); }

/* expect: FAIL doubles: .*: 0\.5 is 0\.5, expected 0\.25 */
TEST(doubles) { CHECK_DOUBLE(0.5, 0.25); }

/* expect: FAIL strings: .*: "a" is$ */
TEST(strings) { CHECK_STR("a", "b"); }

/* expect: FAIL null_string: .*: NULL is$ */
TEST(null_string) { CHECK_STR(NULL, "b"); }

/* expect: FAIL pointers: .*: NULL is .*, expected 0x */
TEST(pointers) { CHECK_PTR(NULL, "b"); }

/* expect: FAIL contains: .*: "abc" does not contain$ */
TEST(contains) { CHECK_CONTAINS("abc", "d"); }

/* expect: FAIL said_so: .*: number 7 */
TEST(said_so) { FAIL("number %d", 7); }

/* expect: ^what a failed test printed$ */
TEST(output_of_a_failure_is_shown) {
    puts("what a failed test printed");
    CHECK(false);
}

/* expect: FAIL crashes: killed by signal 11 */
TEST(crashes) { raise(SIGSEGV); }

/* expect: FAIL aborts: killed by signal 6 */
TEST(aborts) { abort(); }

/* expect: FAIL exits: left by exit with status 0 */
TEST(exits) { exit(0); }

/* expect: FAIL hangs: did not end within 1 seconds */
TEST_TIMEOUT(hangs, 1) {
    for (;;) pause();
}

/* expect: FAIL leaves_a_descriptor: .* left open: /dev/null */
TEST(leaves_a_descriptor) { CHECK(open("/dev/null", O_RDONLY) >= 0); }

/* expect: FAIL closes_a_descriptor: .* it did not open is closed */
TEST(closes_a_descriptor) { close(0); }

/* expect: FAIL exits_badly_in_the_end: exit status 3 after it returned */
static void leave_badly(void) { _exit(3); }
TEST(exits_badly_in_the_end) { atexit(leave_badly); }

/* expect: skip skipped: for a reason */
TEST(skipped) { SKIP("for a reason"); }

/* expect: ok   dies */
TEST_DIES(dies, SIGABRT, "last words") {
    fputs("last words\n", stderr);
    abort();
}

/* expect: FAIL dies_mute: killed by signal 6 .*; expected: signal 6 .* and "last words" */
TEST_DIES(dies_mute, SIGABRT, "last words") { abort(); }

/* expect: FAIL dies_otherwise: killed by signal 9 .*; expected: signal 6 */
TEST_DIES(dies_otherwise, SIGABRT, "last words") {
    fputs("last words\n", stderr);
    raise(SIGKILL);
}

/* expect: FAIL survives: returned; expected: signal 6 */
TEST_DIES(survives, SIGABRT, "") {}

/* expect: ok   is_not_disturbed_by_what_was_before */
TEST(is_not_disturbed_by_what_was_before) { CHECK_STR(test_printed(), ""); }

/* expect: ^3 passed, 19 failed, 1 skipped$ */
