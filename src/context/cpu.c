/* SPDX-License-Identifier: MIT
 *
 * context/cpu.c: the little of the switch that is no header.
 */
#include "context/cpu.h"

#if !ASYNCIO__ANNOTATED
_Static_assert(sizeof(struct asyncio__cpu) == sizeof(void *), "a cpu is its stack pointer");
#endif

void (*volatile asyncio__cpu_elsewhere)(void);
