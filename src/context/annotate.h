/* SPDX-License-Identifier: MIT
 *
 * context/annotate.h: all that sanitizers and valgrind want to hear about stacks.
 *
 * In a normal build the annotations of a switch and of a recycled stack are nothing at all;
 * valgrind is told where a slot is first used (a few instructions without effect elsewhere).
 *
 * Address sanitizer: each switch names the stack it goes to, and learns on arrival the
 * bounds of the one it came from, so nobody has to know where a thread's own stack lies.
 * What abandoned frames have poisoned is cleared when the stack is used anew. Leak
 * sanitizer: a stack in use is a root, without its guard (which it could not read).
 *
 * Thread sanitizer: a fiber belongs to a stack and is recycled with it, because there may
 * be no more than 8,128 (threads included): past FIBERS_MAX there are no more stacks. Tasks
 * leave their frames by a jump, which leaves the fiber's own record of calls a little deeper
 * each time, so a fiber is made anew after FIBER_USES.
 */
#ifndef ASYNCIO_CONTEXT_ANNOTATE_H
#define ASYNCIO_CONTEXT_ANNOTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASYNCIO__ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define ASYNCIO__TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNCIO__ASAN 1
#elif __has_feature(thread_sanitizer)
#define ASYNCIO__TSAN 1
#endif
#endif

struct asyncio__stack;

/* A slot is used for the first time, or its memory was given back since; 0, or -1: no more. */
int asyncio__annotate_open(struct asyncio__stack *stack);

/* Its memory is about to go. */
void asyncio__annotate_close(struct asyncio__stack *stack);

/* Whether guards by madvise suit the tools that look on. They do not show in the list of
 * mappings by which tools tell what can be read. */
bool asyncio__annotate_advice_fits(void);

#if defined(ASYNCIO__ASAN) || defined(ASYNCIO__TSAN)

#define ASYNCIO__ANNOTATED 1

/* What a sanitizer knows about a suspended thread of control. */
struct asyncio__watch {
    void *tsan;          /* thread sanitizer's fiber */
    void *fake;          /* address sanitizer's record of frames on the heap */
    const void *bottom;  /* the stack's lowest address */
    size_t size;         /* the stack's size */
    void (*entry)(void); /* what a stack starts with */
};

#define ASYNCIO__CPU_NOTES struct asyncio__watch watch;
#define ASYNCIO__STACK_NOTES                                                                       \
    void *tsan;    /* its fiber */                                                                 \
    uint32_t uses; /* of this fiber */                                                             \
    bool rooted;   /* leak sanitizer looks for pointers in it */

typedef void asyncio__watch_entry(void);
asyncio__watch_entry *asyncio__watch_init(struct asyncio__watch *fiber,
                                          struct asyncio__stack *stack,
                                          asyncio__watch_entry *entry);
void asyncio__watch_leave(struct asyncio__watch *from, struct asyncio__watch *to);
void asyncio__watch_arrive(struct asyncio__watch *me);
void asyncio__annotate_get(struct asyncio__stack *stack);
void asyncio__annotate_put(struct asyncio__stack *stack);

#define asyncio__annotate_entry(cpu, stack, entry) asyncio__watch_init(&(cpu)->watch, stack, entry)
#define asyncio__annotate_leave(from, to) asyncio__watch_leave(&(from)->watch, &(to)->watch)
#define asyncio__annotate_arrive(me) asyncio__watch_arrive(&(me)->watch)
#define asyncio__annotate_abandon(to) asyncio__watch_leave(NULL, &(to)->watch)

#else

#define ASYNCIO__ANNOTATED 0
#define ASYNCIO__CPU_NOTES
#define ASYNCIO__STACK_NOTES
#define asyncio__annotate_entry(cpu, stack, entry) ((void)(cpu), (entry))
#define asyncio__annotate_leave(from, to) ((void)0)
#define asyncio__annotate_arrive(me) ((void)0)
#define asyncio__annotate_abandon(to) ((void)0)
#define asyncio__annotate_get(stack) ((void)0)
#define asyncio__annotate_put(stack) ((void)0)

#endif

#endif
