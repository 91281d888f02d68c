/* SPDX-License-Identifier: MIT
 *
 * task/repr.c: how a task shows itself, in CPython's form:
 *     <Task pending name='Task-1' coro=<f() running at x.c:12> wait_for=<Future pending>>
 * and the frames of its coroutine, as a list and printed as a traceback.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "task/task.h"

static const char *state_name(const struct asyncio_task *t) {
    static const char *const names[] = { "pending", "finished", "finished", "cancelled" };
    if (t->future.state == ASYNCIO__PENDING && t->fiber.strand.cancels > 0) return "cancelling";
    return names[t->future.state];
}

/* Where the outermost coroutine stands; its definition as long as it has not started. */
static void add_coro(struct asyncio__text *text, const struct asyncio_task *t) {
    if (!t->coro) return;
    if (t->future.state != ASYNCIO__PENDING) {
        asyncio__text_printf(text, " coro=<%s() done, defined at %s:%d>", t->coro->name,
                             t->coro->file, t->coro->line);
        return;
    }
    asyncio_frame_info outermost = { NULL, NULL, NULL };
    struct asyncio__frame *f = t->fiber.strand.top;
    while (f && f->up) f = f->up;
    if (f) outermost.where = f->where;
    else asyncio__task_drive(t)->frames(t, &outermost, 1);
    if (outermost.where)
        asyncio__text_printf(text, " coro=<%s() running at %s>", t->coro->name, outermost.where);
    else
        asyncio__text_printf(text, " coro=<%s() running at %s:%d>", t->coro->name, t->coro->file,
                             t->coro->line);
}

static void add_waiter(struct asyncio__text *text, const struct asyncio_task *t) {
    static _Thread_local int depth; /* tasks may wait in a circle */
    const struct asyncio_future *f = t->fiber.strand.waiter;
    char what[1024];
    if (!f || t->future.state != ASYNCIO__PENDING) return;
    if (depth >= 3) {
        asyncio__text_printf(text, " wait_for=<...>");
        return;
    }
    depth++;
    asyncio_future_repr(f, what, sizeof what);
    depth--;
    asyncio__text_printf(text, " wait_for=%s", what);
}

int asyncio_task_repr(const asyncio_task *t, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (!t) return snprintf(buf, n, "None");
    asyncio__text_printf(&text, "<Task %s name=", state_name(t));
    asyncio__text_quote(&text, asyncio_task_get_name(t));
    add_coro(&text, t);
    add_waiter(&text, t);
    asyncio__future_add_callbacks(&text, &t->future);
    asyncio__future_add_outcome(&text, &t->future);
    if (t->future.loop->debug && t->where) asyncio__text_printf(&text, " created at %s", t->where);
    asyncio__text_printf(&text, ">");
    return asyncio__text_end(&text);
}

/* ---- stacks ---- */

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
