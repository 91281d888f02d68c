/* SPDX-License-Identifier: MIT
 *
 * base/text.h: building a text in a caller's buffer, as snprintf does: what does not fit is
 * cut off but counted, and the buffer is always terminated if it has room for a byte.
 *
 *     struct asyncio__text text = asyncio__text_start(buf, n);
 *     asyncio__text_put(&text, "<Task ");
 *     asyncio__text_quote(&text, name);
 *     return asyncio__text_end(&text);
 *
 * Every repr of the library is made with it. It knows characters, strings and numbers; the
 * repr of anything else is added by the file that makes it: asyncio__value_show (base/value.h),
 * asyncio__error_show (base/error.h).
 */
#ifndef ASYNCIO_BASE_TEXT_H
#define ASYNCIO_BASE_TEXT_H

#include <stddef.h>

#include <asyncio/base.h>

struct asyncio__text {
    char *buf;     /* the caller's; may be NULL if size is 0 */
    size_t size;   /* of buf */
    size_t length; /* of the whole text so far, whether it fits or not */
};

struct asyncio__text asyncio__text_start(char *buf, size_t size);
int asyncio__text_end(struct asyncio__text *text); /* its length */

void asyncio__text_put(struct asyncio__text *text, const char *s);
void asyncio__text_put_n(struct asyncio__text *text, const char *s, size_t n);
void asyncio__text_printf(struct asyncio__text *text, const char *fmt, ...) ASYNCIO_PRINTF(2, 3);

/* A string as Python's repr shows it: quoted and escaped. NULL: None. */
void asyncio__text_quote(struct asyncio__text *text, const char *s);

/* A floating point number as Python's repr shows it: the shortest digits that read back. */
void asyncio__text_double(struct asyncio__text *text, double x);

/* For what writes as snprintf does: where the text goes on and the room that is left there (NULL
 * and 0: none), then how long what was written is. */
char *asyncio__text_rest(const struct asyncio__text *text, size_t *room);
void asyncio__text_count(struct asyncio__text *text, int n);

#endif
