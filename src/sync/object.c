/* SPDX-License-Identifier: MIT
 *
 * sync/object.c: an object and its loop.
 */
#include "sync/object.h"

int asyncio__object_bind_first(asyncio_loop **bound, const struct asyncio_task *task,
                               const char *class) {
    if (!*bound) {
        *bound = asyncio_loop_ref(task->future.loop);
        return 0;
    }
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                         "the %s is bound to a different event loop", class);
}
