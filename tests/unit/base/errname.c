/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/errname.c: names and sentences of codes, which codes are exceptions, and the
 * version.
 */
#define _GNU_SOURCE
#include <asyncio/error.h>

#include <errno.h>
#include <string.h>

#include "test.h"

TEST(library_codes_have_the_names_of_python) {
    CHECK_STR(asyncio_err_name(ASYNCIO_CANCELLED_ERROR), "CancelledError");
    CHECK_STR(asyncio_err_name(ASYNCIO_BASE_EXCEPTION_GROUP), "BaseExceptionGroup");
    CHECK_STR(asyncio_err_name(ASYNCIO_OS_ERROR), "OSError");
    CHECK_STR(asyncio_err_name(ASYNCIO_QUEUE_SHUT_DOWN), "QueueShutDown");
    CHECK_STR(asyncio_err_name(ASYNCIO_DEADLOCK_ERROR), "DeadlockError");
    CHECK_STR(asyncio_err_name(ASYNCIO_SSL_EOF_ERROR), "SSLEOFError");
}

TEST(every_library_code_has_a_name_and_a_sentence) {
    for (int code = ASYNCIO_CANCELLED_ERROR; code >= ASYNCIO_BASE_EXCEPTION; code--) {
        CHECK(!strstr(asyncio_err_name(code), "Error-1"));
        CHECK(!strstr(asyncio_strerror(code), "nknown"));
    }
    for (int code = ASYNCIO_EXCEPTION; code >= ASYNCIO_SSL_EOF_ERROR; code--) {
        CHECK(!strstr(asyncio_err_name(code), "Error-1"));
        CHECK(!strstr(asyncio_strerror(code), "nknown"));
    }
}

TEST(system_codes_have_their_symbolic_names) {
    CHECK_STR(asyncio_err_name(-ENOENT), "ENOENT");
    CHECK_STR(asyncio_err_name(-EAGAIN), "EAGAIN");
    CHECK_STR(asyncio_err_name(-ECANCELED), "ECANCELED");
    CHECK_STR(asyncio_err_name(-EHWPOISON), "EHWPOISON");
    CHECK_STR(asyncio_strerror(-ENOENT), strerror(ENOENT));
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
TEST(system_names_agree_with_those_of_the_c_library) {
    for (int e = 1; e < 4096; e++) {
        const char *name = strerrorname_np(e);
        if (name && strcmp(name, "ENOTSUP") != 0) CHECK_STR(asyncio_err_name(-e), name);
    }
}
#endif

TEST(other_codes_are_shown_by_number) {
    CHECK_STR(asyncio_err_name(-20001), "UserError-20001");
    CHECK_STR(asyncio_err_name(ASYNCIO_USER_ERROR), "UserError-20000");
    CHECK_STR(asyncio_strerror(-20001), "User error -20001");
    CHECK_STR(asyncio_err_name(-5000), "Error-5000");
    CHECK_STR(asyncio_err_name(-41), "Error-41"); /* a gap in errno */
    CHECK_STR(asyncio_strerror(-5000), "Unknown error -5000");
    CHECK_STR(asyncio_err_name(-2147483647 - 1), "UserError-2147483648");
    CHECK_STR(asyncio_err_name(0), "OK");
    CHECK_STR(asyncio_strerror(3), "Success");
}

TEST(name_and_sentence_can_be_arguments_of_one_call) {
    const char *name = asyncio_err_name(-20001);
    const char *sentence = asyncio_strerror(-20002);
    CHECK_STR(name, "UserError-20001");
    CHECK_STR(sentence, "User error -20002");
}

TEST(exceptions_are_what_except_exception_catches) {
    CHECK(asyncio_is_exception(-ENOENT));
    CHECK(asyncio_is_exception(ASYNCIO_VALUE_ERROR));
    CHECK(asyncio_is_exception(ASYNCIO_EXCEPTION));
    CHECK(asyncio_is_exception(ASYNCIO_EXCEPTION_GROUP));
    CHECK(asyncio_is_exception(ASYNCIO_TIMEOUT_ERROR));
    CHECK(asyncio_is_exception(ASYNCIO_USER_ERROR));
    CHECK(!asyncio_is_exception(0));
    CHECK(!asyncio_is_exception(1));
    for (int code = ASYNCIO_CANCELLED_ERROR; code >= ASYNCIO_BASE_EXCEPTION; code--) {
        CHECK(!asyncio_is_exception(code));
    }
}

TEST(connection_errors_are_what_the_other_side_can_cause) {
    static const int lost[] = { -ECONNRESET,       -EPIPE,
                                -ECONNABORTED,     -ECONNREFUSED,
                                -ESHUTDOWN,        -ETIMEDOUT,
                                -EHOSTUNREACH,     -ENETDOWN,
                                ASYNCIO_SSL_ERROR, ASYNCIO_SSL_EOF_ERROR,
                                -ENOTCONN,         ASYNCIO_SSL_CERT_VERIFICATION_ERROR,
                                -EPROTO,           ASYNCIO_CONNECTION_ERROR };
    static const int other[] = { 0,
                                 1,
                                 -ENOMEM,
                                 -EBADF,
                                 -EIO,
                                 -EINVAL,
                                 -EMFILE,
                                 ASYNCIO_CANCELLED_ERROR,
                                 ASYNCIO_TIMEOUT_ERROR,
                                 ASYNCIO_OS_ERROR,
                                 ASYNCIO_INCOMPLETE_READ_ERROR,
                                 ASYNCIO_EXCEPTION_GROUP,
                                 ASYNCIO_USER_ERROR };
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        CHECK(asyncio_is_connection_error(lost[i]));
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        CHECK(!asyncio_is_connection_error(other[i]));
    }
}

TEST(version_is_that_of_the_headers) { CHECK_STR(asyncio_version(), "0.1.0"); }
