/* SPDX-License-Identifier: MIT
 *
 * base/alloc.c: memory, with a way to make it fail, and slabs.
 *
 * Builds with ASYNCIO_FAULT_INJECTION count every allocation of the process and let the one
 * that asyncio__alloc_fail chose fail; other builds go straight to the C library.
 * What comes from here is freed by free(), so strings may pass to and from callers.
 *
 * A slab takes its memory in chunks that grow from FIRST_OBJECTS objects to LAST_CHUNK bytes;
 * they go back only with the slab. The first `align` bytes of a chunk hold the address of the
 * chunk before it.
 */
#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <asyncio/error.h>

#include "base/interleave.h"

#define FIRST_OBJECTS 64
#define LAST_CHUNK 65536

#ifdef ASYNCIO_FAULT_INJECTION
#include <stdatomic.h>

const struct asyncio__interleaving *asyncio__interleaving;

static atomic_long allocations; /* since the last asyncio__alloc_fail */
static atomic_long failing;     /* the number of the one that fails; 0: none */

static bool allocation_fails(void) {
    long number = atomic_fetch_add(&allocations, 1) + 1;
    return number == atomic_load(&failing);
}

long asyncio__alloc_fail(long n) {
    atomic_store(&failing, 0);
    long seen = atomic_exchange(&allocations, 0);
    atomic_store(&failing, n > 0 ? n : 0);
    return seen;
}
#else
static inline bool allocation_fails(void) { return false; }

long asyncio__alloc_fail(long n) {
    (void)n;
    return ASYNCIO_NOT_IMPLEMENTED_ERROR;
}
#endif

int asyncio__alloc_check(void) { return allocation_fails() ? -ENOMEM : 0; }

void *asyncio__malloc(size_t size) { return allocation_fails() ? NULL : malloc(size); }

void *asyncio__calloc(size_t count, size_t size) {
    return allocation_fails() ? NULL : calloc(count, size);
}

void *asyncio__realloc(void *p, size_t size) {
    return allocation_fails() ? NULL : realloc(p, size);
}

void asyncio__free(void *p) { free(p); }

char *asyncio__strdup(const char *s) {
    size_t size = strlen(s) + 1;
    char *copy = asyncio__malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}

void *asyncio__malloc_aligned(size_t align, size_t size) {
    return allocation_fails() ? NULL : aligned_alloc(align, size);
}

/* ---- slabs ---- */

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void asyncio__slab_init(struct asyncio__slab *slab, size_t size, size_t align) {
    assert(align && (align & (align - 1)) == 0);
    if (align < sizeof(void *)) align = sizeof(void *);
    *slab = (struct asyncio__slab){
        .size = (uint32_t)round_up(size ? size : 1, align),
        .align = (uint32_t)align,
        .objects = FIRST_OBJECTS,
    };
}

#ifdef ASYNCIO__SLAB_DIRECT

void *asyncio__slab_refill(struct asyncio__slab *slab) {
    return asyncio__malloc_aligned(slab->align, slab->size);
}

void asyncio__slab_put(struct asyncio__slab *slab, void *p) {
    (void)slab;
    free(p);
}

void asyncio__slab_fini(struct asyncio__slab *slab) { (void)slab; }

#else

void *asyncio__slab_refill(struct asyncio__slab *slab) {
    size_t bytes = slab->align + (size_t)slab->objects * slab->size;
    char *chunk = asyncio__malloc_aligned(slab->align, bytes);
    if (!chunk) return NULL;
    if (bytes * 2 <= LAST_CHUNK) slab->objects *= 2;
    *(void **)chunk = slab->chunks;
    slab->chunks = chunk;
    slab->fresh = chunk + slab->align + slab->size;
    slab->fresh_end = chunk + bytes;
    return chunk + slab->align;
}

void asyncio__slab_fini(struct asyncio__slab *slab) {
    void *chunk = slab->chunks;
    while (chunk) {
        void *next = *(void **)chunk;
        free(chunk);
        chunk = next;
    }
    asyncio__slab_init(slab, slab->size, slab->align);
}

#endif
