/* SPDX-License-Identifier: MIT
 *
 * task/generator.h: what becomes of generators when their loop closes.
 */
#ifndef ASYNCIO_TASK_GENERATOR_H
#define ASYNCIO_TASK_GENERATOR_H

#include <asyncio/generator.h>

/* Unwinds every generator of the loop that is suspended. */
void asyncio__gen_destroy_all(asyncio_loop *loop);

#endif
