/* SPDX-License-Identifier: MIT
 *
 * task/show.c: a future's title, a frame's line, who awaits a future.
 */
#include "task/show.h"

#define RELAYS_MAX 32 /* that are seen through in a row */

/* ---- text ---- */

void asyncio__show_title(struct asyncio__text *text, const struct asyncio_future *f) {
    const asyncio_task *t = asyncio_future_as_task(f);
    if (t) {
        asyncio__text_put(text, "Task(name=");
        asyncio__text_quote(text, asyncio_task_get_name(t));
        asyncio__text_put(text, ", id=");
    } else {
        asyncio__text_put(text, "Future(id=");
    }
    asyncio__text_printf(text, "0x%llx)", (unsigned long long)(uintptr_t)f);
}

static void put_place(struct asyncio__text *text, const char *file, size_t n, const char *line) {
    char path[256];
    if (n >= sizeof path) n = sizeof path - 1;
    memcpy(path, file, n);
    path[n] = '\0';
    asyncio__text_quote(text, path);
    if (line) asyncio__text_printf(text, ", line %s", line);
}

void asyncio__show_frame(struct asyncio__text *text, const asyncio_frame_info *f) {
    const char *colon = f->where ? strrchr(f->where, ':') : NULL;
    char line[24];
    asyncio__text_put(text, "File ");
    if (colon) {
        put_place(text, f->where, (size_t)(colon - f->where), colon + 1);
    } else if (f->where || !f->coro) {
        const char *where = f->where ? f->where : "?";
        put_place(text, where, strlen(where), NULL);
    } else {
        snprintf(line, sizeof line, "%d", f->coro->line);
        put_place(text, f->coro->file, strlen(f->coro->file), line);
    }
    const char *tag = !f->coro ? "" : f->coro->run ? "async " : "async generator ";
    asyncio__text_printf(text, ", in %s%s()", tag, f->func ? f->func : "?");
}

/* ---- edges ---- */

static bool is_relay(const struct asyncio_future *f) {
    return f->ops->relay || (f->flags & ASYNCIO__FUTURE_ON_STACK);
}

static struct asyncio_future *awaiter_of(struct asyncio__runnable *runnable, size_t i) {
    const struct asyncio__runnable_more *more = runnable->ops->more;
    if (runnable->ops == &asyncio__fiber_resume_ops || (more && more->drive)) {
        return i == 0 ? &asyncio__task_of_runnable(runnable)->future : NULL;
    }
    return more && more->awaiter ? more->awaiter(runnable, i) : NULL;
}

struct search {
    asyncio__visit_awaiter *visit;
    void *arg;
};

/* One who only stands in between counts if nobody else awaits it and it is more than a piece of
 * some stack. The recursion is over these alone, and bounded. */
static int find_awaiters(const struct search *s, struct asyncio_future *f, int relays,
                         size_t *found) {
    for (struct asyncio__link *l = f->callbacks.next; l != &f->callbacks; l = l->next) {
        struct asyncio_future *a;
        for (size_t i = 0; (a = awaiter_of(asyncio__runnable_of(l), i)) != NULL; i++) {
            size_t behind = 0;
            int rc = 0;
            if (is_relay(a) && relays < RELAYS_MAX) rc = find_awaiters(s, a, relays + 1, &behind);
            if (rc >= 0 && behind == 0 && !(a->flags & ASYNCIO__FUTURE_ON_STACK)) {
                rc = s->visit(a, s->arg);
                behind = 1;
            }
            if (rc < 0) return rc;
            *found += behind;
        }
    }
    return 0;
}

int asyncio__show_awaiters(struct asyncio_future *f, asyncio__visit_awaiter *visit, void *arg) {
    struct search s = { visit, arg };
    size_t found = 0;
    return find_awaiters(&s, f, 0, &found);
}
