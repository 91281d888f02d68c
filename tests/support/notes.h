/* SPDX-License-Identifier: MIT
 *
 * tests/support/notes.h: what happened in which order, as words with spaces between them.
 */
#ifndef TEST_NOTES_H
#define TEST_NOTES_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#define TEST_UNUSED __attribute__((unused))

static char notes[8192] TEST_UNUSED;

__attribute__((format(printf, 1, 2))) TEST_UNUSED static void note(const char *fmt, ...) {
    size_t used = strlen(notes);
    va_list args;
    if (used > 0 && used + 1 < sizeof notes) notes[used++] = ' ';
    va_start(args, fmt);
    int n = vsnprintf(notes + used, sizeof notes - used, fmt, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < sizeof notes - used);
}

/* Checks the notes so far, and forgets them. */
#define CHECK_NOTES(expected)                                                                      \
    do {                                                                                           \
        CHECK_STR(notes, expected);                                                                \
        notes[0] = '\0';                                                                           \
    } while (0)

#endif
