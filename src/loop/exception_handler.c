/* SPDX-License-Identifier: MIT
 *
 * loop/exception_handler.c: the exception handler: the user's, the default one (the layers above
 * print), and what happens when the user's fails itself.
 */
#include "base/error.h"
#include "loop/loop.h"

void asyncio_loop_set_exception_handler(asyncio_loop *loop, asyncio_exception_handler *handler,
                                        void *arg) {
    if (!loop || asyncio__loop_wrong_thread(loop, "asyncio_loop_set_exception_handler")) return;
    loop->exception_handler = handler;
    loop->exception_handler_arg = arg;
}

asyncio_exception_handler *asyncio_loop_get_exception_handler(const asyncio_loop *loop) {
    return loop ? loop->exception_handler : NULL;
}

static int check_arguments(const asyncio_loop *loop, const asyncio_exception_context *context) {
    if (loop && context) return 0;
    return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop and an exception context are required");
}

int asyncio_loop_default_exception_handler(asyncio_loop *loop,
                                           const asyncio_exception_context *context) {
    int rc = check_arguments(loop, context);
    if (rc < 0) return rc;
    return loop->hooks->report(loop, context);
}

static bool leaves_run(int status) {
    return status == ASYNCIO_KEYBOARD_INTERRUPT || status == ASYNCIO_SYSTEM_EXIT;
}

/* In the context of the task it is about, if there is one. */
static int call_handler(asyncio_loop *loop, struct asyncio__strand *strand,
                        const asyncio_exception_context *context) {
    asyncio__context_ref *own =
        context->task ? loop->hooks->task_context(context->task) : &strand->context;
    asyncio__context_ref saved = strand->context;
    if (own != &strand->context) strand->context = *own;
    int rc = loop->exception_handler(loop, context, loop->exception_handler_arg);
    if (own == &strand->context) return rc;
    *own = strand->context;
    strand->context = saved;
    return rc;
}

int asyncio_loop_call_exception_handler(asyncio_loop *loop,
                                        const asyncio_exception_context *context) {
    int rc = check_arguments(loop, context);
    if (rc < 0) return rc;
    if (!loop->exception_handler) return asyncio_loop_default_exception_handler(loop, context);
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *saved = strand->error;
    strand->error = NULL;
    rc = call_handler(loop, strand, context);
    if (rc < 0 && !leaves_run(rc)) {
        asyncio_error *error = asyncio_error_take(rc);
        asyncio_exception_context second = { .size = sizeof second,
                                             .message = "Unhandled error in exception handler",
                                             .exception = error,
                                             .where = context->message };
        rc = asyncio_loop_default_exception_handler(loop, &second);
        asyncio_error_unref(error);
    }
    asyncio__error_after(strand, saved, rc);
    return rc;
}

void asyncio__loop_report(asyncio_loop *loop, const asyncio_exception_context *context) {
    int rc = asyncio_loop_call_exception_handler(loop, context);
    if (leaves_run(rc)) asyncio__loop_exit(loop, rc, asyncio_error_take(rc));
}
