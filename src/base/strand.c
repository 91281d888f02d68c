/* SPDX-License-Identifier: MIT
 *
 * base/strand.c: what each thread knows about itself. It begins empty: no task, no loop,
 * an empty context, nothing in the error slot. The layers above put things in and take
 * them out; nothing here is freed when a thread ends.
 */
#include "base/strand.h"

_Thread_local struct asyncio__thread asyncio__here;

const asyncio_value_type asyncio__unset = { .size = sizeof asyncio__unset, .name = "unset" };
