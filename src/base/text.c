/* SPDX-License-Identifier: MIT
 *
 * base/text.c: texts in a caller's buffer, and the two literals of Python that need thought:
 * strings and floating point numbers.
 *
 * Strings are taken for UTF-8. Characters that Python does not print are escaped; for that
 * NOT_PRINTED lists controls, spaces other than ' ', invisible formatting and private use (what
 * Unicode merely has not assigned yet is shown). A byte that is not UTF-8 is shown as Python's
 * surrogateescape would, '\udcff'.
 *
 * Numbers do not depend on the locale, though the C library's conversions do: only digits
 * are taken from those.
 */
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct asyncio__text asyncio__text_start(char *buf, size_t size) {
    if (size) buf[0] = '\0';
    return (struct asyncio__text){ .buf = buf, .size = size };
}

int asyncio__text_end(struct asyncio__text *text) {
    return text->length > INT32_MAX ? INT32_MAX : (int)text->length;
}

static size_t room_left(const struct asyncio__text *text) {
    return text->length < text->size ? text->size - text->length : 0;
}

char *asyncio__text_rest(const struct asyncio__text *text, size_t *room) {
    *room = room_left(text);
    return *room ? text->buf + text->length : NULL;
}

void asyncio__text_count(struct asyncio__text *text, int n) {
    if (n > 0) text->length += (size_t)n;
}

void asyncio__text_put_n(struct asyncio__text *text, const char *s, size_t n) {
    size_t room = room_left(text);
    if (room) {
        size_t fits = n < room ? n : room - 1;
        memcpy(text->buf + text->length, s, fits);
        text->buf[text->length + fits] = '\0';
    }
    text->length += n;
}

void asyncio__text_put(struct asyncio__text *text, const char *s) {
    asyncio__text_put_n(text, s, strlen(s));
}

void asyncio__text_printf(struct asyncio__text *text, const char *fmt, ...) {
    size_t room;
    char *rest = asyncio__text_rest(text, &room);
    va_list args;
    va_start(args, fmt);
    asyncio__text_count(text, vsnprintf(rest, room, fmt, args));
    va_end(args);
}

/* ---- strings ---- */

static const struct {
    uint32_t first, last;
} NOT_PRINTED[] = {
    { 0x80, 0xa0 },        { 0xad, 0xad },       { 0x600, 0x605 },     { 0x61c, 0x61c },
    { 0x6dd, 0x6dd },      { 0x70f, 0x70f },     { 0x890, 0x891 },     { 0x8e2, 0x8e2 },
    { 0x1680, 0x1680 },    { 0x180e, 0x180e },   { 0x2000, 0x200f },   { 0x2028, 0x202f },
    { 0x205f, 0x206f },    { 0x3000, 0x3000 },   { 0xd800, 0xf8ff },   { 0xfeff, 0xfeff },
    { 0xfff0, 0xfffb },    { 0xfffe, 0xffff },   { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
    { 0x13430, 0x1343f },  { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0x40000, 0xe00ff },
    { 0xe01f0, 0x10ffff },
};

static bool is_printed(uint32_t c) {
    if (c < 0x80) return c >= 0x20 && c != 0x7f;
    for (size_t i = 0; i < sizeof NOT_PRINTED / sizeof *NOT_PRINTED; i++) {
        if (c >= NOT_PRINTED[i].first && c <= NOT_PRINTED[i].last) return false;
    }
    return true;
}

/* Reads one character of UTF-8. Returns its length, or 0 if the bytes are not UTF-8; stops at
 * the terminator, as that is no continuation byte. */
static size_t read_utf8(const unsigned char *s, uint32_t *c) {
    if (s[0] < 0x80) {
        *c = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (s[0] < 0xc0 || s[0] > 0xf7) return 0;
    uint32_t x = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        x = x << 6 | (s[i] & 0x3f);
    }
    if (x < least[n] || x > 0x10ffff || (x >= 0xd800 && x <= 0xdfff)) return 0;
    *c = x;
    return n;
}

static void put_escaped(struct asyncio__text *text, uint32_t c) {
    if (c == '\n') {
        asyncio__text_put(text, "\\n");
    } else if (c == '\r') {
        asyncio__text_put(text, "\\r");
    } else if (c == '\t') {
        asyncio__text_put(text, "\\t");
    } else {
        const char *fmt = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
        char escape[16];
        snprintf(escape, sizeof escape, fmt, (unsigned)c);
        asyncio__text_put(text, escape);
    }
}

void asyncio__text_quote(struct asyncio__text *text, const char *s) {
    if (!s) {
        asyncio__text_put(text, "None");
        return;
    }
    const char *quote = strchr(s, '\'') && !strchr(s, '"') ? "\"" : "'";
    asyncio__text_put(text, quote);
    while (*s) {
        uint32_t c = 0;
        size_t n = read_utf8((const unsigned char *)s, &c);
        if (n == 0) {
            put_escaped(text, 0xdc00u + (unsigned char)*s);
            n = 1;
        } else if (is_printed(c)) {
            if (c == '\\' || c == (unsigned char)*quote) asyncio__text_put(text, "\\");
            asyncio__text_put_n(text, s, n);
        } else {
            put_escaped(text, c);
        }
        s += n;
    }
    asyncio__text_put(text, quote);
}

/* ---- numbers ---- */

#define DIGITS_MAX 17 /* that many always read back as the same double */

struct decimal {
    char digits[DIGITS_MAX + 1]; /* without leading or trailing zeros, without a point */
    int count;                   /* of digits */
    int exponent;                /* of the first digit, a power of ten */
};

static struct decimal round_to_digits(double x, int count) {
    char s[64];
    snprintf(s, sizeof s, "%.*e", count - 1, x);
    struct decimal d = { .count = 0 };
    const char *p = s;
    for (; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9' && d.count < DIGITS_MAX) d.digits[d.count++] = *p;
    }
    d.exponent = *p ? atoi(p + 1) : 0;
    return d;
}

static bool reads_back(const struct decimal *d, double x) {
    char s[64];
    snprintf(s, sizeof s, "%se%d", d->digits, d->exponent - (d->count - 1));
    return strtod(s, NULL) == x;
}

/* The next larger decimal of as many digits. */
static struct decimal next_decimal(struct decimal d) {
    int i = d.count;
    while (i > 0 && d.digits[i - 1] == '9') d.digits[--i] = '0';
    if (i > 0) {
        d.digits[i - 1]++;
    } else {
        d.digits[0] = '1';
        d.exponent++;
    }
    return d;
}

/* x > 0 and finite. The nearest decimal can fail to read back where a farther one above it
 * does: a power of two has more room above than below. */
static struct decimal shortest_decimal(double x) {
    for (int count = 1; count < DIGITS_MAX; count++) {
        struct decimal d = round_to_digits(x, count);
        if (reads_back(&d, x)) return d;
        d = next_decimal(d);
        if (reads_back(&d, x)) return d;
    }
    return round_to_digits(x, DIGITS_MAX);
}

static void put_zeros(struct asyncio__text *text, int n) {
    while (n-- > 0) asyncio__text_put(text, "0");
}

static void put_plain(struct asyncio__text *text, const struct decimal *d) {
    int whole = d->exponent + 1; /* digits before the point */
    if (whole <= 0) {
        asyncio__text_put(text, "0.");
        put_zeros(text, -whole);
        asyncio__text_put(text, d->digits);
    } else if (whole >= d->count) {
        asyncio__text_put(text, d->digits);
        put_zeros(text, whole - d->count);
        asyncio__text_put(text, ".0");
    } else {
        asyncio__text_put_n(text, d->digits, (size_t)whole);
        asyncio__text_put(text, ".");
        asyncio__text_put(text, d->digits + whole);
    }
}

static void put_scientific(struct asyncio__text *text, const struct decimal *d) {
    asyncio__text_put_n(text, d->digits, 1);
    if (d->count > 1) {
        asyncio__text_put(text, ".");
        asyncio__text_put(text, d->digits + 1);
    }
    asyncio__text_printf(text, "e%c%02d", d->exponent < 0 ? '-' : '+', abs(d->exponent));
}

void asyncio__text_double(struct asyncio__text *text, double x) {
    if (isnan(x)) {
        asyncio__text_put(text, "nan");
        return;
    }
    if (signbit(x)) asyncio__text_put(text, "-");
    if (isinf(x)) {
        asyncio__text_put(text, "inf");
    } else if (x == 0) {
        asyncio__text_put(text, "0.0");
    } else {
        struct decimal d = shortest_decimal(fabs(x));
        bool plain = d.exponent >= -4 && d.exponent < 16;
        (plain ? put_plain : put_scientific)(text, &d);
    }
}
