/* SPDX-License-Identifier: MIT
 *
 * base/alloc.h: all memory of the library comes from here, so that a test build can make
 * the n-th allocation fail (asyncio_testing_fail_allocation).
 *
 * A slab hands out objects of one size, last in, first out. It belongs to one loop and is
 * used from that loop's thread only. In builds with fault injection or a sanitizer every
 * object is an allocation of its own, so that each can fail and each misuse is seen.
 */
#ifndef ASYNCIO_BASE_ALLOC_H
#define ASYNCIO_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *asyncio__malloc(size_t size) __attribute__((malloc, warn_unused_result));
void *asyncio__calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *asyncio__realloc(void *p, size_t size) __attribute__((warn_unused_result));
void *asyncio__malloc_aligned(size_t align, size_t size) /* size: a multiple of align */
    __attribute__((malloc, warn_unused_result));
void asyncio__free(void *p);
char *asyncio__strdup(const char *s) __attribute__((malloc, warn_unused_result));

/* What asyncio_testing_fail_allocation says. Any thread. */
long asyncio__alloc_fail(long n);

/* 0 if an allocation other than malloc's (mmap of a stack) may go on, -ENOMEM if it is the
 * one that is to fail. Call it before such an allocation. */
int asyncio__alloc_check(void);

struct asyncio__slab {
    void *free;  /* freed objects; each starts with the next one's address */
    char *fresh; /* the part of the newest chunk that was never handed out */
    char *fresh_end;
    void *chunks;     /* all chunks; each starts with the next one's address */
    uint32_t size;    /* of an object, a multiple of align */
    uint32_t align;   /* of each object, a power of two */
    uint32_t objects; /* how many the next chunk will hold */
};

void asyncio__slab_init(struct asyncio__slab *slab, size_t size, size_t align);
void asyncio__slab_fini(struct asyncio__slab *slab); /* every object was freed before */
void *asyncio__slab_refill(struct asyncio__slab *slab) __attribute__((cold)); /* NULL: no memory */

#if defined(ASYNCIO_FAULT_INJECTION) || defined(__SANITIZE_ADDRESS__) ||                           \
    defined(__SANITIZE_THREAD__)
#define ASYNCIO__SLAB_DIRECT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ASYNCIO__SLAB_DIRECT 1
#endif
#endif

static inline void *asyncio__slab_get(struct asyncio__slab *slab) {
#ifndef ASYNCIO__SLAB_DIRECT
    void *p = slab->free;
    if (__builtin_expect(p != NULL, 1)) {
        slab->free = *(void **)p;
        return p;
    }
    if (__builtin_expect(slab->fresh != slab->fresh_end, 1)) {
        p = slab->fresh;
        slab->fresh += slab->size;
        return p;
    }
#endif
    return asyncio__slab_refill(slab);
}

#ifdef ASYNCIO__SLAB_DIRECT
void asyncio__slab_put(struct asyncio__slab *slab, void *p);
#else
static inline void asyncio__slab_put(struct asyncio__slab *slab, void *p) {
    *(void **)p = slab->free;
    slab->free = p;
}
#endif

#endif
