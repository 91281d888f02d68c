/* SPDX-License-Identifier: MIT
 *
 * asyncio/value.h: the value a coroutine, task or future ends with.
 *
 * A value is 16 bytes that cross by value: a union and a pointer to its type.
 * No type (NULL) is None. A type with a `drop` owns something; whoever holds
 * such a value last drops it, so a result nobody wanted is not a leak.
 *
 * Part: core.
 */
#ifndef ASYNCIO_VALUE_H
#define ASYNCIO_VALUE_H

#include <asyncio/base.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_value_type asyncio_value_type;

/* The layout is frozen. */
typedef struct asyncio_value {
    union {
        long long i;
        unsigned long long u;
        double d;
        const char *s;
        void *p;
    };
    const asyncio_value_type *type; /* NULL: None */
} asyncio_value;

/* What a kind of value can do. Make one `static const` for each kind of your
 * own; any hook may be NULL. */
struct asyncio_value_type {
    size_t size;                                                  /* sizeof(asyncio_value_type) */
    const char *name;                                             /* shown where there is no repr */
    void (*drop)(asyncio_value *value);                           /* frees what the value owns */
    int (*repr)(const asyncio_value *value, char *buf, size_t n); /* as snprintf */
    int (*copy)(asyncio_value *to, const asyncio_value *from);    /* 0 or a negative code */
};

/* The kinds the constructors below make. `str` and `ptr` borrow what they point
 * at; `own_str` owns a string made by malloc; `error` owns an error reference
 * (what return_exceptions=True puts among results). */
ASYNCIO_API extern const asyncio_value_type asyncio_value_int;
ASYNCIO_API extern const asyncio_value_type asyncio_value_uint;
ASYNCIO_API extern const asyncio_value_type asyncio_value_bool;
ASYNCIO_API extern const asyncio_value_type asyncio_value_double;
ASYNCIO_API extern const asyncio_value_type asyncio_value_str;
ASYNCIO_API extern const asyncio_value_type asyncio_value_own_str;
ASYNCIO_API extern const asyncio_value_type asyncio_value_ptr;
ASYNCIO_API extern const asyncio_value_type asyncio_value_error;

/* Frees what the value owns, if anything, and makes it None. NULL is fine.
 * Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none (the garbage collector). */
ASYNCIO_API void asyncio_value_drop(asyncio_value *value);

/* Copies `from` to `to`: by the type's `copy`, or bit by bit if the type owns
 * nothing. Returns 0; ASYNCIO_TYPE_ERROR if the type owns something and has no
 * `copy`; what `copy` returned. `to` is untouched on failure.
 * Suspends: no. Thread: any. Owner: the caller owns the copy. Since: 0.1. Python: none. */
ASYNCIO_API int asyncio_value_copy(asyncio_value *to, const asyncio_value *from) ASYNCIO_MUST_USE;

/* Writes the value as Python's repr would show it (None, True, 42, 1.5, 'text')
 * into buf of n bytes, always terminated if n > 0. Returns the length it needs,
 * as snprintf does. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_value_repr(const asyncio_value *value, char *buf, size_t n);

#ifdef __cplusplus
#define ASYNCIO__VALUE(member, x, t)                                                               \
    asyncio_value v;                                                                               \
    v.u = 0;                                                                                       \
    v.member = (x);                                                                                \
    v.type = (t);                                                                                  \
    return v
#else
/* clang-format off */
#define ASYNCIO__VALUE(member, x, t) return (asyncio_value){ .member = (x), .type = (t) }
/* clang-format on */
#endif

/* Constructors, one for each kind. None of them can fail.
 * Suspends: no. Thread: signal. Since: 0.1. Python: the literals. */
ASYNCIO_INLINE asyncio_value asyncio_none(void) { ASYNCIO__VALUE(i, 0, NULL); }
ASYNCIO_INLINE asyncio_value asyncio_int(long long x) { ASYNCIO__VALUE(i, x, &asyncio_value_int); }
ASYNCIO_INLINE asyncio_value asyncio_uint(unsigned long long x) {
    ASYNCIO__VALUE(u, x, &asyncio_value_uint);
}
ASYNCIO_INLINE asyncio_value asyncio_bool(bool x) { ASYNCIO__VALUE(i, x, &asyncio_value_bool); }
ASYNCIO_INLINE asyncio_value asyncio_double(double x) {
    ASYNCIO__VALUE(d, x, &asyncio_value_double);
}
ASYNCIO_INLINE asyncio_value asyncio_str(const char *x) {
    ASYNCIO__VALUE(s, x, &asyncio_value_str);
}
ASYNCIO_INLINE asyncio_value asyncio_ptr(const void *x) {
    ASYNCIO__VALUE(p, (void *)(uintptr_t)x, &asyncio_value_ptr);
}
/* A value that owns p and is dropped by its type's `drop`. */
ASYNCIO_INLINE asyncio_value asyncio_own(void *p, const asyncio_value_type *type) {
    ASYNCIO__VALUE(p, p, type);
}
/* A string made by malloc, freed with the value. */
ASYNCIO_INLINE asyncio_value asyncio_own_str(char *malloced) {
    ASYNCIO__VALUE(s, malloced, &asyncio_value_own_str);
}

ASYNCIO_END_DECLS

/* ASYNCIO_VALUE(x): the value of a C expression, by its type: integers, _Bool,
 * floating point, strings (borrowed), values as they are, other pointers. */
#ifndef __cplusplus
ASYNCIO_INLINE asyncio_value asyncio__value_id(asyncio_value x) { return x; }
#define ASYNCIO_VALUE(x)                                                                           \
    _Generic((x),                                                                                  \
        _Bool: asyncio_bool,                                                                       \
        char: asyncio_int,                                                                         \
        signed char: asyncio_int,                                                                  \
        short: asyncio_int,                                                                        \
        int: asyncio_int,                                                                          \
        long: asyncio_int,                                                                         \
        long long: asyncio_int,                                                                    \
        unsigned char: asyncio_uint,                                                               \
        unsigned short: asyncio_uint,                                                              \
        unsigned: asyncio_uint,                                                                    \
        unsigned long: asyncio_uint,                                                               \
        unsigned long long: asyncio_uint,                                                          \
        float: asyncio_double,                                                                     \
        double: asyncio_double,                                                                    \
        char *: asyncio_str,                                                                       \
        const char *: asyncio_str,                                                                 \
        asyncio_value: asyncio__value_id,                                                          \
        default: asyncio_ptr)(x)
#else
#include <type_traits>
template <class T>
inline typename std::enable_if<std::is_integral<T>::value || std::is_enum<T>::value,
                               asyncio_value>::type
ASYNCIO_VALUE(T x) {
    return std::is_same<T, bool>::value ? asyncio_bool(static_cast<bool>(x))
           : std::is_unsigned<T>::value ? asyncio_uint(static_cast<unsigned long long>(x))
                                        : asyncio_int(static_cast<long long>(x));
}
inline asyncio_value ASYNCIO_VALUE(double x) { return asyncio_double(x); }
inline asyncio_value ASYNCIO_VALUE(const char *x) { return asyncio_str(x); }
inline asyncio_value ASYNCIO_VALUE(const void *x) { return asyncio_ptr(x); }
inline asyncio_value ASYNCIO_VALUE(asyncio_value x) { return x; }
#endif

/* A value that is dropped when the variable leaves its block; initialise it. */
ASYNCIO_INLINE void asyncio__auto_value(asyncio_value *p) { asyncio_value_drop(p); }
#define asyncio_auto_value __attribute__((unused, cleanup(asyncio__auto_value))) asyncio_value

#endif
