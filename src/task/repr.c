/* SPDX-License-Identifier: MIT
 *
 * task/repr.c: how a task shows itself, in CPython's form:
 *     <Task pending name='Task-1' coro=<f() running at x.c:12> wait_for=<Future pending>>
 * A task that has only a number is shown by it; it does not get its name here.
 */
#include "base/text.h"
#include "task/task.h"

static const char *state_name(const struct asyncio_task *t) {
    static const char *const names[] = { "pending", "finished", "finished", "cancelled" };
    if (t->future.state == ASYNCIO__PENDING && t->fiber.strand.cancels > 0) return "cancelling";
    return names[t->future.state];
}

static void add_name(struct asyncio__text *text, const struct asyncio_task *t) {
    char number[32];
    if (t->name & 1) asyncio__task_default_name(t->name, number, sizeof number);
    asyncio__text_quote(text, t->name & 1 ? number : (const char *)t->name);
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
    const struct asyncio__drive *drive = asyncio__task_own_drive(t);
    struct asyncio__frame *f = t->fiber.strand.top;
    while (f && f->up) f = f->up;
    if (f) outermost.where = f->where;
    else if (drive) drive->frames(t, &outermost, 1);
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
    add_name(&text, t);
    add_coro(&text, t);
    add_waiter(&text, t);
    asyncio__future_add_callbacks(&text, &t->future);
    asyncio__future_add_outcome(&text, &t->future);
    if (t->future.loop->debug && t->where) asyncio__text_printf(&text, " created at %s", t->where);
    asyncio__text_printf(&text, ">");
    return asyncio__text_end(&text);
}
