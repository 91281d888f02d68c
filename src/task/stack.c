/* SPDX-License-Identifier: MIT
 *
 * task/stack.c: the frames of a task's coroutine, as a list and printed as a traceback. A task that
 * failed has those of its error.
 */
#include "task/task.h"

static size_t failed_frames(const struct asyncio_task *t, asyncio_frame_info *frames, size_t n) {
    const struct asyncio__traced *traced = NULL;
    size_t count =
        t->future.failed.error ? asyncio__error_frames(t->future.failed.error, &traced) : 0;
    for (size_t i = 0; i < count && i < n; i++) {
        frames[i] = (asyncio_frame_info){ traced[i].where, traced[i].func, NULL };
    }
    return count;
}

/* A task that has not started stands at its definition; it has no place of its own yet. */
size_t asyncio_task_get_stack(const asyncio_task *t, asyncio_frame_info *frames, size_t n) {
    if (!frames) n = 0;
    if (!t) return 0;
    if (t->future.state == ASYNCIO__FAILED) return failed_frames(t, frames, n);
    if (t->future.state != ASYNCIO__PENDING) return 0;
    size_t count = asyncio__task_drive(t)->frames(t, frames, n);
    if (count > 0 || !t->coro || (t->fiber.strand.flags & ASYNCIO__TASK_STARTED)) return count;
    if (n > 0) frames[0] = (asyncio_frame_info){ NULL, t->coro->name, t->coro };
    return 1;
}

/* Prints one frame as a traceback does; one that has not awaited yet stands at its definition. */
static void print_frame(const asyncio_frame_info *frame, FILE *file) {
    char definition[512];
    struct asyncio__traced traced = { frame->where, frame->func };
    if (!frame->where && frame->coro) {
        if (frame->coro->line == 0) return; /* inside the library */
        snprintf(definition, sizeof definition, "%s:%d", frame->coro->file, frame->coro->line);
        traced.where = definition;
    }
    asyncio__error_print_frames(&traced, 1, file);
}

#define FRAMES_MAX 64

void asyncio_task_print_stack(const asyncio_task *t, size_t limit, FILE *file) {
    asyncio_frame_info frames[FRAMES_MAX];
    char what[1024];
    if (!file) file = stderr;
    if (limit == 0 || limit > FRAMES_MAX) limit = FRAMES_MAX;
    bool failed = t && t->future.state == ASYNCIO__FAILED;
    size_t count = asyncio_task_get_stack(t, frames, limit);
    asyncio_task_repr(t, what, sizeof what);
    if (count == 0) fprintf(file, "No stack for %s\n", what);
    else
        fprintf(file, "%s for %s (most recent call last):\n", failed ? "Traceback" : "Stack", what);
    for (size_t i = 0; i < count && i < limit; i++) print_frame(&frames[i], file);
    if (!failed || !t->future.failed.error) return;
    const char *message = asyncio_error_message(t->future.failed.error);
    const char *name = asyncio_err_name(t->future.failed.code);
    if (message) fprintf(file, "%s: %s\n", name, message);
    else fprintf(file, "%s\n", name);
}
