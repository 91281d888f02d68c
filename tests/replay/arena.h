/* SPDX-License-Identifier: MIT
 *
 * arena.h: the memory of one scenario.
 *
 * Everything the interpreter makes for a scenario (nodes, values, frames, coroutine
 * objects) lives in one arena that is freed as a whole when the scenario has ended: an
 * abandoned coroutine leaks nothing. References to objects of the library are not kept
 * here but in the registry, which lets go of each. There is also the growing text that
 * traces are written into. Running out of memory ends the program.
 */
#ifndef REPLAY_ARENA_H
#define REPLAY_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include <asyncio/base.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* the newest first; objects are cut from that one */
};

void arena_fini(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size); /* zeroed */
char *arena_copy(struct arena *arena, const char *text, size_t length);

void *xmalloc(size_t size);
void *xrealloc(void *p, size_t size);

struct text {
    char *s;     /* NULL or terminated */
    size_t n;    /* length */
    size_t size; /* bytes there are */
};

void text_fini(struct text *text);
void text_add(struct text *text, const char *s);
void text_add_n(struct text *text, const char *s, size_t n);
void text_printf(struct text *text, const char *fmt, ...) ASYNCIO_PRINTF(2, 3)
    __attribute__((nonnull));

#endif
