/* SPDX-License-Identifier: MIT
 *
 * task/refuse.c: coroutine objects that are not taken over, and those that are handed over: what
 * their arguments own is let go, or changes hands, once.
 */
#include "task/task.h"

/* As if it had been taken over and given up. */
void asyncio__coro_refuse(const asyncio_coro *coro) {
    if (!coro || !coro->type || !coro->type->release) return;
    asyncio_coro copy;
    asyncio__coro_copy(&copy, coro);
    bool handed_over = coro->reserved == asyncio__coro_handed_over;
    int rc = !handed_over && copy.type->capture ? copy.type->capture(copy.args.bytes) : 0;
    if (rc >= 0) asyncio__coro_release(&copy);
}

void asyncio__coro_refuse_for(const asyncio_loop *loop, const asyncio_coro *coro) {
    if (!loop || !asyncio__loop_is_elsewhere(loop)) asyncio__coro_refuse(coro);
}

const char asyncio__coro_handed_over[1];

asyncio_coro asyncio__coro_hand_over(const asyncio_coro *held) {
    asyncio_coro copy = *held;
    copy.reserved = (void *)(uintptr_t)asyncio__coro_handed_over;
    ((asyncio_coro *)(uintptr_t)held)->type = NULL;
    return copy;
}
