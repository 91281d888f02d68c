/* SPDX-License-Identifier: MIT
 *
 * asyncio/taskgroup.h: a block that ends when all its tasks have.
 *
 *     int rc;
 *     ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
 *         TRY(asyncio_taskgroup_spawn(tg, fetch(a)));
 *         TRY(asyncio_taskgroup_spawn(tg, fetch(b), .name = "b"));
 *     }
 *     TRY(rc);
 *
 * or, without a block, asyncio_taskgroup_enter and AWAIT(asyncio_taskgroup_exit(tg, rc)).
 * When a task fails, the others and the block's own task are cancelled; the errors come out of
 * the block as one ASYNCIO_EXCEPTION_GROUP. KeyboardInterrupt and SystemExit come out as they are.
 *
 * Part: core.
 */
#ifndef ASYNCIO_TASKGROUP_H
#define ASYNCIO_TASKGROUP_H

#include <asyncio/block.h>
#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_taskgroup asyncio_taskgroup;
ASYNCIO_BLOCK_TYPE(asyncio_taskgroup_with, asyncio_taskgroup);

/* A group as a block; asyncio_taskgroup(&rc) is short for it. Entering makes the group. rc: the
 * block's status: 0; the body's CancelledError; ASYNCIO_EXCEPTION_GROUP or
 * ASYNCIO_BASE_EXCEPTION_GROUP; KeyboardInterrupt, SystemExit; entering: -ENOMEM,
 * ASYNCIO_RUNTIME_ERROR outside a task.
 * Suspends: yes (its exit, unless no task is left). Thread: loop. Since: 0.1.
 * Python: async with asyncio.TaskGroup(). */
ASYNCIO_API asyncio_taskgroup_with asyncio_taskgroup_block(int *rc) ASYNCIO_MUST_USE;
#define asyncio_taskgroup(...) asyncio_taskgroup_block(__VA_ARGS__)

/* The same as a pair. enter: 0, or as above; a reference of yours comes with it. exit takes
 * the body's status and gives the block's; left open, the group is closed when the coroutine's
 * frame returns. exit a second time: ASYNCIO_RUNTIME_ERROR.
 * Suspends: no; exit yes (when awaited). Thread: loop. Owner: the caller: asyncio_taskgroup_unref.
 * Since: 0.1. Python: TaskGroup.__aenter__, __aexit__. */
ASYNCIO_API int asyncio_taskgroup_enter(asyncio_taskgroup **group) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_taskgroup_exit(asyncio_taskgroup *group, int status)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_taskgroup *asyncio_taskgroup_ref(asyncio_taskgroup *group);
ASYNCIO_API void asyncio_taskgroup_unref(asyncio_taskgroup *group);

/* A new task of the group; options as for create_task; in C the macro without _with takes (group,
 * coro, .name = ...). spawn keeps no reference for you: 0 or the error's code. NULL: see the slot:
 * as create_task, ASYNCIO_RUNTIME_ERROR if the group is not entered, shutting down or finished;
 * what the coroutine object owns is let go then, too.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1. Python: TaskGroup.create_task. */
ASYNCIO_API asyncio_task *asyncio_taskgroup_create_task_with(asyncio_taskgroup *group,
                                                             const asyncio_task_options *options)
    ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_taskgroup_spawn_with(asyncio_taskgroup *group,
                                             const asyncio_task_options *options) ASYNCIO_MUST_USE;

/* Ends the group early: cancels its tasks and interrupts the body; the block then ends without an
 * error, unless a task fails while it is cleaning up, or somebody else cancels the block's task,
 * before or meanwhile: then with that CancelledError. Again, or after the end: nothing.
 * Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: TaskGroup.cancel (3.15). */
ASYNCIO_API void asyncio_taskgroup_cancel(asyncio_taskgroup *group);

/* "<TaskGroup tasks=2 entered>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_taskgroup_repr(const asyncio_taskgroup *group, char *buf, size_t n);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define asyncio_taskgroup_create_task(group, ...)                                                  \
    asyncio_taskgroup_create_task_with((group), ASYNCIO__TASK_OPTIONS(__VA_ARGS__))
#define asyncio_taskgroup_spawn(group, ...)                                                        \
    asyncio_taskgroup_spawn_with((group), ASYNCIO__TASK_OPTIONS(__VA_ARGS__))
#else
ASYNCIO_MUST_USE inline asyncio_task *asyncio_taskgroup_create_task(asyncio_taskgroup *group,
                                                                    const asyncio_coro &coro) {
    asyncio_task_options o = asyncio__task_options(coro);
    return asyncio_taskgroup_create_task_with(group, &o);
}
ASYNCIO_MUST_USE inline int asyncio_taskgroup_spawn(asyncio_taskgroup *group,
                                                    const asyncio_coro &coro) {
    asyncio_task_options o = asyncio__task_options(coro);
    return asyncio_taskgroup_spawn_with(group, &o);
}
#endif

ASYNCIO__AUTO_CLASS(taskgroup)
#define asyncio_auto_taskgroup ASYNCIO__AUTO(taskgroup)

#endif
