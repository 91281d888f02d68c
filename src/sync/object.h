/* SPDX-License-Identifier: MIT
 *
 * sync/object.h: what the objects of this layer have in common.
 *
 * A method that may wait is a coroutine (task/method.h). Whoever really waits for an object holds a
 * reference to it meanwhile. The first loop in which somebody waits for an object is the only one
 * in which anybody can: the object then holds it.
 */
#ifndef ASYNCIO_SYNC_OBJECT_H
#define ASYNCIO_SYNC_OBJECT_H

#include "base/error.h"
#include "task/method.h"

/* Ties the object to the loop of that task. `class` is its name, for the error. */
int asyncio__object_bind_first(asyncio_loop **bound, const struct asyncio_task *task,
                               const char *class);
static inline int asyncio__object_bind(asyncio_loop **bound, const struct asyncio_task *task,
                                       const char *class) {
    if (ASYNCIO__LIKELY(*bound == task->future.loop)) return 0;
    return asyncio__object_bind_first(bound, task, class);
}

#endif
