/* SPDX-License-Identifier: MIT
 *
 * task/default_handler.c: the default exception handler: the message, what is known, sorted by
 * name, and the error's traceback, on standard error.
 */
#include "task/task.h"

int asyncio__report(asyncio_loop *loop, const asyncio_exception_context *context) {
    char what[1024];
    (void)loop;
    fflush(stdout);
    fprintf(stderr, "%s\n",
            context->message ? context->message : "Unhandled exception in event loop");
    if (context->future) {
        asyncio_future_repr(context->future, what, sizeof what);
        fprintf(stderr, "future: %s\n", what);
    }
    if (context->handle) {
        asyncio_handle_repr(context->handle, what, sizeof what);
        fprintf(stderr, "handle: %s\n", what);
    }
    if (context->task && asyncio_task_as_future(context->task) != context->future) {
        asyncio_task_repr(context->task, what, sizeof what);
        fprintf(stderr, "task: %s\n", what);
    }
    if (context->where) fprintf(stderr, "created at: %s\n", context->where);
    if (context->exception) asyncio_error_print(context->exception, stderr);
    return 0;
}
