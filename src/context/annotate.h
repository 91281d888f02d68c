/* SPDX-License-Identifier: MIT
 *
 * context/annotate.h: all that sanitizers and valgrind want to hear about stacks.
 *
 * In a normal build every annotation of the switch is nothing at all; valgrind's are made
 * where a stack is mapped, never where one is recycled or switched.
 */
#ifndef ASYNCIO_CONTEXT_ANNOTATE_H
#define ASYNCIO_CONTEXT_ANNOTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASYNCIO__CPU_NOTES
#define ASYNCIO__STACK_NOTES
#define asyncio__annotate_entry(cpu, stack, entry) (entry)
#define asyncio__annotate_leave(from, to) ((void)0)
#define asyncio__annotate_arrive(me) ((void)0)
#define asyncio__annotate_abandon(to) ((void)0)
#define asyncio__annotate_get(stack) ((void)0)
#define asyncio__annotate_put(stack) ((void)0)
#define asyncio__annotate_open(stack) 0
#define asyncio__annotate_close(stack) ((void)0)
#define asyncio__annotate_advice_fits() true
#define ASYNCIO__ANNOTATED 0

#endif
