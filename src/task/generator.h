/* SPDX-License-Identifier: MIT
 *
 * task/generator.h: what becomes of generators when their loop closes, and which one runs.
 */
#ifndef ASYNCIO_TASK_GENERATOR_H
#define ASYNCIO_TASK_GENERATOR_H

#include <asyncio/generator.h>

struct asyncio__stack;
struct asyncio__strand;

/* Unwinds every generator of the loop that is suspended. */
void asyncio__gen_destroy_all(asyncio_loop *loop);

/* The stack and the name of the generator that a strand which runs is in; NULL: in none, it runs on
 * its own. They only read: for signal handlers, too. */
struct asyncio__stack *asyncio__gen_stack(const struct asyncio__strand *strand);
const char *asyncio__gen_name(const struct asyncio__strand *strand);

#endif
