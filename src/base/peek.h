/* SPDX-License-Identifier: MIT
 *
 * base/peek.h: looking at what another thread is doing, without its help and without stopping it.
 *
 * Memory that the other thread may be changing is read by the kernel (/proc/self/mem): what is not
 * there is refused instead of a crash, and no access of the program's own competes with the other
 * thread's. What comes back may be half old and half new, so it is only ever shown, and pointers in
 * it are only ever read through here again.
 */
#ifndef ASYNCIO_BASE_PEEK_H
#define ASYNCIO_BASE_PEEK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

struct asyncio__peek {
    int fd;
};

/* False where the kernel does not let the process look at itself. */
bool asyncio__peek_open(struct asyncio__peek *peek);
void asyncio__peek_close(struct asyncio__peek *peek);

/* Reads n bytes; false if they are not all there. */
bool asyncio__peek_read(const struct asyncio__peek *peek, const void *from, void *to, size_t n);

/* Reads a string, cut to n - 1 bytes: buf, or NULL for one that cannot be read and for NULL. */
const char *asyncio__peek_string(const struct asyncio__peek *peek, const char *from, char *buf,
                                 size_t n);

/* Adds where a thread is: "in the system call nanosleep", or "computing" if it is in none. Nothing
 * where the kernel does not say. */
void asyncio__peek_place(pid_t thread, struct asyncio__text *text);

#endif
