/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/alloc.c: memory, its injected failures, and slabs. What a slab does with
 * freed objects shows only in builds where objects share chunks.
 */
#include "base/alloc.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <asyncio/testing.h>

#include "test.h"

#define OBJECTS 5000

static bool can_inject(void) {
    return asyncio_testing_fail_allocation(0) != ASYNCIO_NOT_IMPLEMENTED_ERROR;
}

TEST(strdup_copies_the_string) {
    char s[] = "text";
    char *copy = asyncio__strdup(s);
    s[0] = 'n';
    CHECK_STR(copy, "text");
    asyncio__free(copy);
}

TEST(calloc_gives_zeros_and_realloc_keeps_them) {
    unsigned char *p = asyncio__calloc(10, 10);
    for (int i = 0; i < 100; i++) CHECK_INT(p[i], 0);
    p[99] = 7;
    p = asyncio__realloc(p, 10000);
    CHECK_INT(p[99], 7);
    asyncio__free(p);
    asyncio__free(NULL);
}

TEST(builds_without_injection_say_so) {
    if (can_inject()) SKIP("built with fault injection");
    CHECK_INT(asyncio_testing_fail_allocation(1), ASYNCIO_NOT_IMPLEMENTED_ERROR);
    CHECK_INT(asyncio__alloc_check(), 0);
}

TEST(the_chosen_allocation_fails_and_only_that) {
    if (!can_inject()) SKIP("built without fault injection");
    asyncio_testing_fail_allocation(2);
    void *first = asyncio__malloc(1);
    void *second = asyncio__malloc(1);
    void *third = asyncio__malloc(1);
    CHECK(first != NULL);
    CHECK_PTR(second, NULL);
    CHECK(third != NULL);
    CHECK_INT(asyncio_testing_fail_allocation(0), 3);
    CHECK_INT(asyncio_testing_fail_allocation(0), 0);
    asyncio__free(first);
    asyncio__free(third);
}

TEST(every_kind_of_allocation_can_fail) {
    if (!can_inject()) SKIP("built without fault injection");
    struct asyncio__slab slab;
    asyncio__slab_init(&slab, 32, 16);
    void *kept = asyncio__malloc(1);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__calloc(1, 1), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__realloc(kept, 2), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__strdup("x"), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__slab_get(&slab), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio__alloc_check(), -ENOMEM);
    CHECK_INT(asyncio__alloc_check(), 0);
    asyncio__free(kept);
    asyncio__slab_fini(&slab);
}

static void check_slab(size_t size, size_t align) {
    static unsigned char *objects[OBJECTS];
    struct asyncio__slab slab;
    asyncio__slab_init(&slab, size, align);
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = asyncio__slab_get(&slab);
        CHECK(objects[i] != NULL);
        CHECK_INT((uintptr_t)objects[i] % align, 0);
        memset(objects[i], i & 0xff, size);
    }
    for (int i = 0; i < OBJECTS; i++) {
        CHECK_INT(objects[i][0], i & 0xff);
        CHECK_INT(objects[i][size - 1], i & 0xff);
        asyncio__slab_put(&slab, objects[i]);
    }
    asyncio__slab_fini(&slab);
}

TEST(slab_objects_are_aligned_and_do_not_overlap) {
    check_slab(192, 64);
    check_slab(64, 64);
    check_slab(40, 8);
    check_slab(1, 1);
    check_slab(100000, 16);
}

TEST(slab_hands_out_what_was_freed_last) {
#ifdef ASYNCIO__SLAB_DIRECT
    SKIP("every object is an allocation of its own");
#else
    struct asyncio__slab slab;
    asyncio__slab_init(&slab, 48, 16);
    void *a = asyncio__slab_get(&slab);
    void *b = asyncio__slab_get(&slab);
    asyncio__slab_put(&slab, a);
    asyncio__slab_put(&slab, b);
    CHECK_PTR(asyncio__slab_get(&slab), b);
    CHECK_PTR(asyncio__slab_get(&slab), a);
    asyncio__slab_fini(&slab);
#endif
}

TEST(slab_can_be_used_again_after_fini) {
    struct asyncio__slab slab;
    asyncio__slab_init(&slab, 64, 64);
    for (int round = 0; round < 3; round++) {
        void *p = asyncio__slab_get(&slab);
        CHECK(p != NULL);
        asyncio__slab_put(&slab, p);
        asyncio__slab_fini(&slab);
    }
}
