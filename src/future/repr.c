/* SPDX-License-Identifier: MIT
 *
 * future/repr.c: how futures show themselves: "<Future finished result=42>".
 */
#include <string.h>

#include "base/error.h"
#include "future/future.h"
#include "loop/switch.h"

static bool is_shown(const struct asyncio__link *l) {
    const struct asyncio__runnable_more *more =
        asyncio__container(l, const struct asyncio__runnable, link)->ops->more;
    return !more || !more->silent;
}

static void add_callback(struct asyncio__text *text, struct asyncio__link *l) {
    char what[448] = "";
    struct asyncio__runnable *runnable = asyncio__runnable_of(l);
    if (runnable->ops == &asyncio__fiber_resume_ops ||
        (runnable->ops->more && runnable->ops->more->drive))
        asyncio__text_printf(text, "Task.task_wakeup()");
    else if (runnable->ops->describe(runnable, what, sizeof what) >= 0)
        asyncio__text_printf(text, "%s", what);
}

/* " cb=[A]", " cb=[A, B]", " cb=[A, <1 more>, C]". */
void asyncio__future_add_callbacks(struct asyncio__text *text, const struct asyncio_future *f) {
    size_t count = 0;
    struct asyncio__link *first = NULL, *last = NULL;
    for (struct asyncio__link *l = f->callbacks.next; l != &f->callbacks; l = l->next) {
        if (!is_shown(l)) continue;
        if (count++ == 0) first = l;
        last = l;
    }
    if (count == 0) return;
    asyncio__text_printf(text, " cb=[");
    add_callback(text, first);
    if (count > 2) asyncio__text_printf(text, ", <%zu more>", count - 2);
    if (count > 1) {
        asyncio__text_printf(text, ", ");
        add_callback(text, last);
    }
    asyncio__text_printf(text, "]");
}

static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

static size_t characters(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += starts_character(*text);
    return n;
}

/* Where the n-th character starts. */
static const char *character(const char *text, size_t n) {
    for (; *text && (n > 0 || !starts_character(*text)); text++) n -= starts_character(*text);
    return text;
}

/* As Python's reprlib: the middle of what is longer than 30 characters is left out. */
static void add_shortened(struct asyncio__text *text, const char *repr) {
    size_t n = characters(repr);
    if (n <= 30) {
        asyncio__text_put(text, repr);
        return;
    }
    asyncio__text_put_n(text, repr, (size_t)(character(repr, 13) - repr));
    asyncio__text_put(text, "...");
    asyncio__text_put(text, character(repr, n - 14));
}

/* Without the memory for a long one its end is that of its beginning. */
static void add_result(struct asyncio__text *text, const asyncio_value *value) {
    char what[512];
    char *whole = NULL;
    int n = asyncio_value_repr(value, what, sizeof what);
    if (n >= (int)sizeof what) whole = asyncio__malloc((size_t)n + 1);
    if (whole) asyncio_value_repr(value, whole, (size_t)n + 1);
    add_shortened(text, whole ? whole : what);
    asyncio__free(whole);
}

/* " result=42" or " exception=ValueError('bad')". */
void asyncio__future_add_outcome(struct asyncio__text *text, const struct asyncio_future *f) {
    if (f->state == ASYNCIO__FINISHED) {
        asyncio__text_put(text, " result=");
        add_result(text, &f->value);
    } else if (f->state == ASYNCIO__FAILED && f->failed.error) {
        asyncio__text_put(text, " exception=");
        asyncio__error_show(text, f->failed.error);
    } else if (f->state == ASYNCIO__FAILED) {
        asyncio__text_printf(text, " exception=%s()", asyncio_err_name(f->failed.code));
    }
}

int asyncio_future_repr(const asyncio_future *f, char *buf, size_t n) {
    static const char *const states[] = { "pending", "finished", "finished", "cancelled" };
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (!f) return snprintf(buf, n, "None");
    if (f->ops->repr) return f->ops->repr(f, buf, n);
    asyncio__text_printf(&text, "<%s %s", f->ops->name, states[f->state]);
    asyncio__future_add_outcome(&text, f);
    asyncio__future_add_callbacks(&text, f);
    asyncio__text_printf(&text, ">");
    return asyncio__text_end(&text);
}
