/* SPDX-License-Identifier: MIT
 *
 * tests/support/errors.h: looks at the error of a call that failed.
 */
#ifndef TEST_ERRORS_H
#define TEST_ERRORS_H

#include <asyncio/error.h>

#include "test.h"

/* Lets the error of a negative status go, after checking its code and its message. */
#define CHECK_ERROR(rc, code, text)                                                                \
    do {                                                                                           \
        int rc_ = (rc);                                                                            \
        CHECK_STR(asyncio_err_name(rc_), asyncio_err_name(code));                                  \
        asyncio_error *error_ = asyncio_error_take(rc_);                                           \
        CHECK_STR(asyncio_error_message(error_), text);                                            \
        asyncio_error_unref(error_);                                                               \
    } while (0)

/* The same where the call has no status but NULL: the error is in the slot. */
#define CHECK_NULL_ERROR(pointer, code, text)                                                      \
    do {                                                                                           \
        CHECK_PTR((pointer), NULL);                                                                \
        CHECK_ERROR((code), (code), (text));                                                       \
    } while (0)

#endif
