/* SPDX-License-Identifier: MIT
 *
 * context/annotate.c: what annotate.h declares. Functions that run while a sanitizer
 * believes itself on another stack are not instrumented.
 */
#include "context/annotate.h"

#include "context/stack.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0u
#define VALGRIND_STACK_DEREGISTER(number) ((void)(number))
#define RUNNING_ON_VALGRIND 0u
#endif

/* Present if the program, though perhaps not the library, is built with a sanitizer. */
void __lsan_register_root_region(const void *p, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *p, size_t size) __attribute__((weak));

bool asyncio__annotate_advice_fits(void) {
    return !ASYNCIO__ANNOTATED && __lsan_register_root_region == NULL && !RUNNING_ON_VALGRIND;
}

static void register_stack(struct asyncio__stack *stack) {
    stack->valgrind = (uint32_t)VALGRIND_STACK_REGISTER(stack->low, (char *)stack);
}

static void deregister_stack(struct asyncio__stack *stack) {
    VALGRIND_STACK_DEREGISTER(stack->valgrind);
}

#if !ASYNCIO__ANNOTATED

int asyncio__annotate_open(struct asyncio__stack *stack) {
    register_stack(stack);
    return 0;
}

void asyncio__annotate_close(struct asyncio__stack *stack) { deregister_stack(stack); }

#else

/* clang's no_sanitize leaves the calls that thread sanitizer makes at entry and exit. */
#if defined(__clang__)
#define UNWATCHED __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define UNWATCHED __attribute__((noinline, no_sanitize("address", "thread")))
#endif

/* From leave to arrive: who leaves (NULL: for good) and who is to arrive. */
static _Thread_local struct {
    struct asyncio__watch *from;
    struct asyncio__watch *to;
} trip;

#ifdef ASYNCIO__ASAN

#include <sanitizer/asan_interface.h>

static int make_fiber(struct asyncio__stack *stack) {
    (void)stack;
    return 0;
}

static void drop_fiber(struct asyncio__stack *stack) { (void)stack; }

static void renew_fiber(struct asyncio__stack *stack) { (void)stack; }

static void set_root(struct asyncio__stack *stack, bool on) {
    size_t size = asyncio__stack_usable(stack);
    if (on == stack->rooted || __lsan_register_root_region == NULL) return;
    stack->rooted = on;
    if (on) {
        __lsan_register_root_region(stack->low, size);
    } else {
        __lsan_unregister_root_region(stack->low, size);
    }
}

static void unpoison(struct asyncio__stack *stack) {
    __asan_unpoison_memory_region(stack->low, asyncio__stack_usable(stack));
}

UNWATCHED static void switch_fiber(struct asyncio__watch *from, struct asyncio__watch *to) {
    __sanitizer_start_switch_fiber(from != NULL ? &from->fake : NULL, to->bottom, to->size);
}

UNWATCHED static void finish_switch(struct asyncio__watch *me) {
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(me->fake, &bottom, &size);
    me->fake = NULL;
    if (trip.from == NULL) return;
    trip.from->bottom = bottom;
    trip.from->size = size;
}

#else

#include <stdatomic.h>

#define FIBERS_MAX 8000
#define FIBER_USES 4096

void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);

static _Atomic(int) fibers;

static int make_fiber(struct asyncio__stack *stack) {
    if (atomic_fetch_add(&fibers, 1) >= FIBERS_MAX) {
        atomic_fetch_sub(&fibers, 1);
        return -1;
    }
    stack->tsan = __tsan_create_fiber(0);
    stack->uses = 0;
    return 0;
}

static void drop_fiber(struct asyncio__stack *stack) {
    __tsan_destroy_fiber(stack->tsan);
    atomic_fetch_sub(&fibers, 1);
}

static void renew_fiber(struct asyncio__stack *stack) {
    if (++stack->uses < FIBER_USES || stack->tsan == __tsan_get_current_fiber()) return;
    __tsan_destroy_fiber(stack->tsan);
    stack->tsan = __tsan_create_fiber(0);
    stack->uses = 0;
}

static void set_root(struct asyncio__stack *stack, bool on) { (void)stack, (void)on; }

static void unpoison(struct asyncio__stack *stack) { (void)stack; }

UNWATCHED static void switch_fiber(struct asyncio__watch *from, struct asyncio__watch *to) {
    if (from != NULL) from->tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->tsan, 0);
}

UNWATCHED static void finish_switch(struct asyncio__watch *me) { (void)me; }

#endif

int asyncio__annotate_open(struct asyncio__stack *stack) {
    if (make_fiber(stack) != 0) return -1;
    register_stack(stack);
    asyncio__annotate_get(stack);
    return 0;
}

void asyncio__annotate_close(struct asyncio__stack *stack) {
    asyncio__annotate_put(stack);
    unpoison(stack);
    deregister_stack(stack);
    drop_fiber(stack);
}

void asyncio__annotate_get(struct asyncio__stack *stack) {
    unpoison(stack);
    set_root(stack, true);
}

/* The caller still runs on the stack, so nothing is poisoned. */
void asyncio__annotate_put(struct asyncio__stack *stack) { set_root(stack, false); }

/* The first code on a stack, in place of the entry. */
UNWATCHED static void begin_fiber(void) {
    finish_switch(trip.to);
    trip.to->entry();
    __builtin_unreachable();
}

asyncio__watch_entry *asyncio__watch_init(struct asyncio__watch *fiber,
                                          struct asyncio__stack *stack,
                                          asyncio__watch_entry *entry) {
    renew_fiber(stack);
    fiber->tsan = stack->tsan;
    fiber->fake = NULL;
    fiber->bottom = stack->low;
    fiber->size = asyncio__stack_usable(stack);
    fiber->entry = entry;
    return begin_fiber;
}

UNWATCHED void asyncio__watch_leave(struct asyncio__watch *from, struct asyncio__watch *to) {
    trip.from = from;
    trip.to = to;
    switch_fiber(from, to);
}

UNWATCHED void asyncio__watch_arrive(struct asyncio__watch *me) { finish_switch(me); }

#endif
