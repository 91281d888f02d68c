/* SPDX-License-Identifier: MIT
 *
 * task/watchdog_report.c: what a thread that runs a loop is at, for that loop's watchdog, in whose
 * thread this runs. Everything is read by peeking: none of it may be trusted, none of it is
 * followed otherwise than by peeking again.
 */
#include "loop/post.h"
#include "loop/watchdog.h"
#include "task/show.h"

#define FRAMES_MAX 64

/* The strings of a frame, copied. */
struct strings {
    char where[256], func[128], name[128], file[256];
};

static bool read_type(const struct asyncio__peek *p, const asyncio_coro_type *from,
                      asyncio_coro_type *type, struct strings *s) {
    size_t n = offsetof(asyncio_coro_type, capture);
    if (!asyncio__peek_read(p, from, type, n)) return false;
    type->name = asyncio__peek_string(p, type->name, s->name, sizeof s->name);
    type->file = asyncio__peek_string(p, type->file, s->file, sizeof s->file);
    if (!type->file) type->file = "?";
    return true;
}

/* Frames of the library's own coroutines, which have no place, are left out. */
static void put_frame(const struct asyncio__peek *p, const struct asyncio__frame *frame,
                      struct asyncio__text *text) {
    struct strings s;
    asyncio_coro_type type;
    memset(&type, 0, sizeof type);
    asyncio_frame_info info = { .coro = read_type(p, frame->type, &type, &s) ? &type : NULL };
    info.where = asyncio__peek_string(p, frame->where, s.where, sizeof s.where);
    info.func = asyncio__peek_string(p, frame->func, s.func, sizeof s.func);
    if (!frame->where && (!info.coro || type.line == 0)) return;
    if (info.coro) info.func = type.name; /* as asyncio_task_get_stack */
    asyncio__text_put(text, "\n  |   ");
    asyncio__show_frame(text, &info);
}

/* Newest first in memory, oldest first on paper. */
static void put_frames(const struct asyncio__peek *p, const struct asyncio__frame *top,
                       struct asyncio__text *text) {
    struct asyncio__frame frames[FRAMES_MAX];
    size_t count = 0;
    for (; top && count < FRAMES_MAX; top = frames[count++].up) {
        if (!asyncio__peek_read(p, top, &frames[count], sizeof frames[count])) break;
    }
    if (count > 0) asyncio__text_put(text, "\n  + Call stack:");
    while (count > 0) put_frame(p, &frames[--count], text);
}

static void put_task(const struct asyncio__peek *p, const struct asyncio_task *task, char *name,
                     size_t n, struct asyncio__text *text) {
    struct asyncio_task copy;
    if (!asyncio__peek_read(p, task, &copy, sizeof copy)) {
        asyncio__text_put(text, "a task that cannot be read");
        return;
    }
    if (copy.name & 1) asyncio__task_default_name(copy.name, name, n);
    else
        asyncio__peek_string(p, (const char *)copy.name, name,
                             n); // NOLINT(performance-no-int-to-ptr)
    asyncio__text_put(text, "Task(name=");
    asyncio__text_quote(text, name);
    asyncio__text_printf(text, ", id=0x%llx)", (unsigned long long)(uintptr_t)task);
    put_frames(p, copy.fiber.strand.top, text);
}

/* A scheduled call says what it is; nothing else does. */
static bool read_call(const struct asyncio__peek *p, const struct asyncio__runnable *runnable,
                      const char **name, const char **where) {
    struct asyncio__runnable copy;
    struct asyncio__post post;
    struct asyncio_handle h;
    const void *handle = asyncio__container(runnable, struct asyncio_handle, timer.runnable);
    if (!asyncio__peek_read(p, runnable, &copy, sizeof copy)) return false;
    if (copy.ops == &asyncio__post_ops && asyncio__peek_read(p, runnable, &post, sizeof post)) {
        *name = post.name;
        *where = post.where;
        return true;
    }
    if (copy.ops != &asyncio__handle_ops ||
        !asyncio__peek_read(p, handle, &h, offsetof(struct asyncio_handle, when)))
        return false;
    *name = h.call.name;
    *where = h.call.where;
    return true;
}

static void put_callback(const struct asyncio__peek *p, const struct asyncio__runnable *runnable,
                         struct asyncio__text *text) {
    char name_buf[128], where_buf[256];
    const char *name, *where;
    bool known = read_call(p, runnable, &name, &where);
    const char *called = known ? asyncio__peek_string(p, name, name_buf, sizeof name_buf) : NULL;
    const char *at = known ? asyncio__peek_string(p, where, where_buf, sizeof where_buf) : NULL;
    asyncio__text_put(text, "a callback");
    if (called) asyncio__text_printf(text, ", %s()", called);
    if (at) asyncio__text_printf(text, " scheduled at %s", at);
}

void asyncio__task_describe_step(const struct asyncio__watched *watched, char *name, size_t n,
                                 struct asyncio__text *text) {
    const struct asyncio__peek *p = &watched->peek;
    struct asyncio__thread here;
    if (!asyncio__peek_read(p, watched->here, &here, sizeof here)) {
        asyncio__text_put(text, "a step that cannot be read");
    } else if (here.strand) {
        put_task(p, asyncio__task_of(here.strand), name, n, text);
    } else {
        put_callback(p, watched->runnable, text);
    }
}
