/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/value.c: values: repr, copy, drop. The expected reprs are what Python's repr
 * gives for the same numbers and strings.
 */
#include <asyncio/value.h>

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include <asyncio/testing.h>

#include "test.h"

static const char *repr(asyncio_value value) {
    static char buf[1024];
    int n = asyncio_value_repr(&value, buf, sizeof buf);
    CHECK_INT(n, (long long)strlen(buf));
    return buf;
}

TEST(reprs_of_simple_values_are_pythons) {
    CHECK_STR(repr(asyncio_none()), "None");
    CHECK_STR(repr(asyncio_int(42)), "42");
    CHECK_STR(repr(asyncio_int(LLONG_MIN)), "-9223372036854775808");
    CHECK_STR(repr(asyncio_uint(ULLONG_MAX)), "18446744073709551615");
    CHECK_STR(repr(asyncio_bool(true)), "True");
    CHECK_STR(repr(asyncio_bool(false)), "False");
    CHECK_STR(repr(asyncio_ptr((void *)0xbeef)), "<ptr 0xbeef>");
    CHECK_STR(repr(asyncio_ptr(NULL)), "<ptr 0x0>");
    char buf[8];
    CHECK_INT(asyncio_value_repr(NULL, buf, sizeof buf), 4);
    CHECK_STR(buf, "None");
}

TEST(floating_point_has_the_shortest_digits_that_read_back) {
    static const struct {
        double x;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.0, "1.0" },
        { 1.5, "1.5" },
        { -2.25, "-2.25" },
        { 0.1, "0.1" },
        { 100.0, "100.0" },
        { 1e15, "1000000000000000.0" },
        { 9999999999999998.0, "9999999999999998.0" },
        { 1e16, "1e+16" },
        { 1.5e300, "1.5e+300" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 0.000123, "0.000123" },
        { 1.0 / 3, "0.3333333333333333" },
        { 2.0 / 3, "0.6666666666666666" },
        { 123456.789, "123456.789" },
        { 0x1p-44, "5.684341886080802e-14" },
        { 0x1p-1074, "5e-324" },
        { 0x1.fffffffffffffp1023, "1.7976931348623157e+308" },
        { 0x1p-1022, "2.2250738585072014e-308" },
        { 9007199254740993.0, "9007199254740992.0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_STR(repr(asyncio_double(cases[i].x)), cases[i].text);
    }
    CHECK_STR(repr(asyncio_double(INFINITY)), "inf");
    CHECK_STR(repr(asyncio_double(-INFINITY)), "-inf");
    CHECK_STR(repr(asyncio_double(NAN)), "nan");
}

TEST(floating_point_does_not_depend_on_the_locale) {
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) SKIP("no locale with a decimal comma");
    CHECK_STR(repr(asyncio_double(1234.5)), "1234.5");
}

TEST(strings_are_quoted_and_escaped_as_in_python) {
    CHECK_STR(repr(asyncio_str("text")), "'text'");
    CHECK_STR(repr(asyncio_str("")), "''");
    CHECK_STR(repr(asyncio_str("it's")), "\"it's\"");
    CHECK_STR(repr(asyncio_str("say \"hi\"")), "'say \"hi\"'");
    CHECK_STR(repr(asyncio_str("it's \"both\"")), "'it\\'s \"both\"'");
    CHECK_STR(repr(asyncio_str("a\\b\n\r\t\x01\x7f")), "'a\\\\b\\n\\r\\t\\x01\\x7f'");
    CHECK_STR(repr(asyncio_str("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")),
              "'caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80'");
    CHECK_STR(repr(asyncio_str("\xc2\xa0\xe2\x80\xa8\xf4\x8f\xbf\xbf")),
              "'\\xa0\\u2028\\U0010ffff'");
    CHECK_STR(repr(asyncio_str(NULL)), "None");
}

TEST(bytes_that_are_not_utf8_are_shown_one_by_one) {
    CHECK_STR(repr(asyncio_str("\xff")), "'\\udcff'");
    CHECK_STR(repr(asyncio_str("a\xc3")), "'a\\udcc3'");
    CHECK_STR(repr(asyncio_str("\xe2\x82!")), "'\\udce2\\udc82!'");
    CHECK_STR(repr(asyncio_str("\xc0\x80")), "'\\udcc0\\udc80'");            /* overlong */
    CHECK_STR(repr(asyncio_str("\xed\xa0\x80")), "'\\udced\\udca0\\udc80'"); /* surrogate */
    CHECK_STR(repr(asyncio_str("\xf4\x90\x80\x80")), "'\\udcf4\\udc90\\udc80\\udc80'");
    CHECK_STR(repr(asyncio_str("\x80")), "'\\udc80'");
}

TEST(repr_cuts_off_what_does_not_fit_and_tells_the_length) {
    asyncio_value v = asyncio_str("a long text");
    char buf[6] = "xxxxx";
    CHECK_INT(asyncio_value_repr(&v, buf, sizeof buf), 13);
    CHECK_STR(buf, "'a lo");
    CHECK_INT(asyncio_value_repr(&v, buf, 1), 13);
    CHECK_STR(buf, "");
    CHECK_INT(asyncio_value_repr(&v, NULL, 0), 13);
    asyncio_value d = asyncio_double(1.25);
    CHECK_INT(asyncio_value_repr(&d, buf, 3), 4);
    CHECK_STR(buf, "1.");
}

/* ---- a kind of the test's own ---- */

static int dropped;     /* calls of drop_thing */
static int copy_status; /* what copy_thing returns */

static void drop_thing(asyncio_value *value) {
    (void)value;
    dropped++;
}

static int copy_thing(asyncio_value *to, const asyncio_value *from) {
    to->i = from->i + 1;
    return copy_status;
}

static const asyncio_value_type thing = { sizeof thing, "thing", drop_thing, NULL, NULL };
static const asyncio_value_type twin = { sizeof twin, "twin", drop_thing, NULL, copy_thing };

TEST(types_without_repr_show_name_and_address) {
    CHECK_STR(repr(asyncio_own((void *)0x10, &thing)), "<thing object at 0x10>");
}

TEST(drop_frees_once_and_leaves_none) {
    asyncio_value v = asyncio_own((void *)0x10, &thing);
    asyncio_value_drop(&v);
    CHECK_INT(dropped, 1);
    CHECK_PTR(v.type, NULL);
    asyncio_value_drop(&v);
    asyncio_value_drop(NULL);
    CHECK_INT(dropped, 1);
    asyncio_value i = asyncio_int(3);
    asyncio_value_drop(&i);
    CHECK_PTR(i.type, NULL);
}

TEST(copy_of_what_owns_nothing_is_bit_by_bit) {
    asyncio_value from = asyncio_int(7), to = asyncio_none();
    CHECK_INT(asyncio_value_copy(&to, &from), 0);
    CHECK_INT(to.i, 7);
    CHECK_PTR(to.type, &asyncio_value_int);
    from = asyncio_none();
    CHECK_INT(asyncio_value_copy(&to, &from), 0);
    CHECK_PTR(to.type, NULL);
    to = asyncio_int(1);
    CHECK_INT(asyncio_value_copy(&to, NULL), 0);
    CHECK_PTR(to.type, NULL);
}

TEST(copy_without_a_hook_fails_for_what_is_owned) {
    asyncio_value from = asyncio_own((void *)0x10, &thing), to = asyncio_int(1);
    CHECK_INT(asyncio_value_copy(&to, &from), ASYNCIO_TYPE_ERROR);
    CHECK_INT(to.i, 1);
    CHECK_PTR(to.type, &asyncio_value_int);
}

TEST(copy_gives_the_status_of_the_hook) {
    asyncio_value from = asyncio_own((void *)0x10, &twin), to = asyncio_int(1);
    CHECK_INT(asyncio_value_copy(&to, &from), 0);
    CHECK_INT(to.i, 0x11);
    to = asyncio_int(1);
    copy_status = -EBUSY;
    CHECK_INT(asyncio_value_copy(&to, &from), -EBUSY);
    CHECK_INT(to.i, 1);
    CHECK_PTR(to.type, &asyncio_value_int);
}

TEST(strings_that_are_owned_are_duplicated) {
    asyncio_value from = asyncio_own_str(strdup("own")), to = asyncio_none();
    CHECK_STR(repr(from), "'own'");
    CHECK_INT(asyncio_value_copy(&to, &from), 0);
    CHECK(to.s != from.s);
    asyncio_value_drop(&from);
    CHECK_STR(repr(to), "'own'");
    asyncio_value_drop(&to);
    from = asyncio_own_str(NULL);
    CHECK_INT(asyncio_value_copy(&to, &from), 0);
    CHECK_STR(repr(to), "None");
}

TEST(copying_an_owned_string_can_lack_memory) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_value from = asyncio_own_str(strdup("own")), to = asyncio_int(1);
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio_value_copy(&to, &from), -ENOMEM);
    CHECK_INT(to.i, 1);
    asyncio_value_drop(&from);
}

TEST(error_values_hold_references) {
    asyncio_error *error = asyncio_error_new(ASYNCIO_VALUE_ERROR, "bad");
    asyncio_value v = asyncio_own(error, &asyncio_value_error), copy = asyncio_none();
    CHECK_STR(repr(v), "ValueError('bad')");
    CHECK_INT(asyncio_value_copy(&copy, &v), 0);
    CHECK_PTR(copy.p, error);
    asyncio_value_drop(&v);
    CHECK_STR(repr(copy), "ValueError('bad')");
    asyncio_value_drop(&copy);
}
