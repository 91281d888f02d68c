/* SPDX-License-Identifier: MIT
 *
 * future/repr.c: how futures show themselves: "<Future finished result=42>".
 */
#include <string.h>

#include "future/future.h"
#include "base/text.h"

static void add_callback(struct asyncio__text *text, struct asyncio__link *l) {
    char what[448] = "";
    struct asyncio__node *node = asyncio__node_of(l);
    if (node->ops == &asyncio__fiber_resume_ops || node->ops->drive)
        asyncio__text_printf(text, "Task.task_wakeup()");
    else if (node->ops->describe(node, what, sizeof what) >= 0)
        asyncio__text_printf(text, "%s", what);
}

/* " cb=[A]", " cb=[A, B]", " cb=[A, <1 more>, C]". */
int asyncio__future_repr_callbacks(const struct asyncio_future *f, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    size_t count = 0;
    for (struct asyncio__link *l = f->callbacks.next; l != &f->callbacks; l = l->next) count++;
    if (count == 0) return 0;
    asyncio__text_printf(&text, " cb=[");
    add_callback(&text, f->callbacks.next);
    if (count > 2) asyncio__text_printf(&text, ", <%zu more>", count - 2);
    if (count > 1) {
        asyncio__text_printf(&text, ", ");
        add_callback(&text, f->callbacks.prev);
    }
    asyncio__text_printf(&text, "]");
    return asyncio__text_end(&text);
}

/* As Python's reprlib: the middle of what is longer than 30 characters is left out. */
static void shorten(char *text) {
    size_t n = strlen(text);
    if (n <= 30) return;
    memcpy(text + 13, "...", 3);
    memmove(text + 16, text + n - 14, 15);
}

/* " result=42" or " exception=ValueError('bad')". */
int asyncio__future_repr_outcome(const struct asyncio_future *f, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    char what[512];
    if (f->state == ASYNCIO__FINISHED) {
        asyncio_value_repr(&f->value, what, sizeof what);
        shorten(what);
        asyncio__text_printf(&text, " result=%s", what);
    } else if (f->state == ASYNCIO__FAILED && f->failed.error) {
        asyncio_error_repr(f->failed.error, what, sizeof what);
        asyncio__text_printf(&text, " exception=%s", what);
    } else if (f->state == ASYNCIO__FAILED) {
        asyncio__text_printf(&text, " exception=%s()", asyncio_err_name(f->failed.code));
    }
    return asyncio__text_end(&text);
}

int asyncio_future_repr(const asyncio_future *f, char *buf, size_t n) {
    static const char *const states[] = { "pending", "finished", "finished", "cancelled" };
    struct asyncio__text text = asyncio__text_start(buf, n);
    char part[1024] = "";
    if (!f) return snprintf(buf, n, "None");
    if (f->ops->repr) return f->ops->repr(f, buf, n);
    asyncio__text_printf(&text, "<%s %s", f->ops->name, states[f->state]);
    if (asyncio__future_repr_outcome(f, part, sizeof part)) asyncio__text_printf(&text, "%s", part);
    if (asyncio__future_repr_callbacks(f, part, sizeof part))
        asyncio__text_printf(&text, "%s", part);
    asyncio__text_printf(&text, ">");
    return asyncio__text_end(&text);
}
