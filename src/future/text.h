/* SPDX-License-Identifier: MIT
 *
 * future/text.h: building a text piece by piece with the result of snprintf: the length it
 * needs, whatever fits written and terminated.
 */
#ifndef ASYNCIO_FUTURE_TEXT_H
#define ASYNCIO_FUTURE_TEXT_H

#include <stdarg.h>
#include <stdio.h>

struct asyncio__text {
    char *buf;
    size_t size;
    size_t used;  /* the length it needs so far */
};

static inline struct asyncio__text asyncio__text_make(char *buf, size_t size) {
    struct asyncio__text text = { buf, size, 0 };
    if (size) *buf = '\0';
    return text;
}

__attribute__((format(printf, 2, 3))) static inline void asyncio__text_add(struct asyncio__text *t,
                                                                           const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    size_t at = t->used < t->size ? t->used : t->size;
    int n = vsnprintf(t->size ? t->buf + at : NULL, t->size - at, fmt, args);
    va_end(args);
    if (n > 0) t->used += (size_t)n;
}

#endif
