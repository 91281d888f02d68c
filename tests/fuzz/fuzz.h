/* SPDX-License-Identifier: MIT
 *
 * fuzz.h: what a fuzz target is: a function that is given bytes, takes them for a program or for
 * what came over the wire, and aborts if something does not hold. libFuzzer calls it with inputs
 * it has bred; driver.c with seeded ones, as a test.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
