/* SPDX-License-Identifier: MIT
 *
 * loop/call.c: how a call shows itself, and what becomes of its error.
 */
#include "loop/call.h"

#include "base/error.h"
#include "loop/loop.h"

void asyncio__call_failed(asyncio_loop *loop, const struct asyncio__call *call, int status,
                          asyncio_handle *handle, asyncio_future *future) {
    asyncio_error *error = asyncio_error_take(status);
    if (status == ASYNCIO_KEYBOARD_INTERRUPT || status == ASYNCIO_SYSTEM_EXIT) {
        asyncio__loop_exit(loop, status, error);
        return;
    }
    char message[256] = "Exception in callback ";
    size_t used = strlen(message);
    asyncio__call_describe(call, message + used, sizeof message - used);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = message,
                                          .exception = error,
                                          .handle = handle,
                                          .future = future,
                                          .where = call->where };
    asyncio__loop_report(loop, &context);
    asyncio_error_unref(error);
}

int asyncio__call_describe(const struct asyncio__call *call, char *buf, size_t n) {
    const char *name = call->name ? call->name : "callback";
    if (call->where) return snprintf(buf, n, "%s() at %s", name, call->where);
    return snprintf(buf, n, "%s()", name);
}
