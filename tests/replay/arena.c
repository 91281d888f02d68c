/* SPDX-License-Identifier: MIT
 *
 * arena.c: see arena.h.
 */
#include "arena.h"

#include <stdlib.h>

enum { CHUNK = 64 * 1024, ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used; /* bytes handed out, this header included */
    size_t size; /* bytes there are */
    size_t pad;
};

static void out_of_memory(void) {
    fputs("replay: out of memory\n", stderr);
    exit(2);
}

void *xmalloc(size_t size) {
    void *p = malloc(size ? size : 1);
    if (!p) out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t size) {
    p = realloc(p, size ? size : 1);
    if (!p) out_of_memory();
    return p;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size) {
    size_t whole = sizeof(struct arena_chunk) + (size > CHUNK ? size : CHUNK);
    struct arena_chunk *chunk = calloc(1, whole);
    if (!chunk) out_of_memory();
    chunk->used = sizeof *chunk;
    chunk->size = whole;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size) chunk = add_chunk(arena, size);
    void *p = (char *)chunk + chunk->used;
    chunk->used += size;
    return p;
}

char *arena_copy(struct arena *arena, const char *text, size_t length) {
    char *s = arena_alloc(arena, length + 1);
    memcpy(s, text, length);
    return s;
}

void arena_fini(struct arena *arena) {
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}

void text_fini(struct text *text) {
    free(text->s);
    *text = (struct text){ 0 };
}

void text_add_n(struct text *text, const char *s, size_t n) {
    if (text->size - text->n <= n) {
        text->size = (text->n + n + 1) * 2;
        text->s = xrealloc(text->s, text->size);
    }
    if (n) memcpy(text->s + text->n, s, n);
    text->n += n;
    text->s[text->n] = '\0';
}

void text_add(struct text *text, const char *s) { text_add_n(text, s, strlen(s)); }

void text_printf(struct text *text, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n > 0) {
        char *s = xmalloc((size_t)n + 1);
        vsnprintf(s, (size_t)n + 1, fmt, args);
        text_add_n(text, s, (size_t)n);
        free(s);
    }
    va_end(args);
}
