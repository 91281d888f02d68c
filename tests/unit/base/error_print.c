/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/error_print.c: repr and traceback. The expected texts are what Python prints
 * for the same exceptions, frames aside.
 */
#define _GNU_SOURCE
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncio/testing.h>

#include "test.h"

static const char *repr(const asyncio_error *e) {
    static char buf[4096];
    int n = asyncio_error_repr(e, buf, sizeof buf);
    CHECK_INT(n, (long long)strlen(buf));
    return buf;
}

/* The printed form. The error is let go. */
static const char *printed(asyncio_error *e) {
    static char text[65536];
    FILE *f = fmemopen(text, sizeof text, "w");
    asyncio_error_print(e, f);
    fclose(f);
    asyncio_error_unref(e);
    return text;
}

static asyncio_error *make(int code, const char *message) {
    return message ? asyncio_error_new(code, "%s", message) : asyncio_error_new(code, NULL);
}

/* A group that takes the references to its members. */
static asyncio_error *make_group(const char *message, size_t n, asyncio_error **members) {
    asyncio_error *group = asyncio_errorgroup_new(message, n, members);
    for (size_t i = 0; i < n; i++) asyncio_error_unref(members[i]);
    return group;
}

static asyncio_error *with_cause(asyncio_error *e, asyncio_error *cause) {
    CHECK_INT(asyncio_error_set_cause(e, cause), 0);
    asyncio_error_unref(cause);
    return e;
}

static asyncio_error *with_context(asyncio_error *e, asyncio_error *context) {
    struct asyncio__strand strand = { .error = context };
    asyncio__error_put(&strand, e);
    return e;
}

/* ---- repr ---- */

TEST(repr_shows_class_and_message) {
    asyncio_error *e = make(ASYNCIO_VALUE_ERROR, "it's bad");
    CHECK_STR(repr(e), "ValueError(\"it's bad\")");
    char small[12];
    CHECK_INT(asyncio_error_repr(e, small, sizeof small), 22);
    CHECK_STR(small, "ValueError(");
    asyncio_error_unref(e);
    e = make(ASYNCIO_VALUE_ERROR, NULL);
    CHECK_STR(repr(e), "ValueError()");
    asyncio_error_unref(e);
    e = make(-ENOENT, "");
    CHECK_STR(repr(e), "ENOENT('')");
    asyncio_error_unref(e);
    CHECK_STR(repr(NULL), "None");
}

TEST(repr_shows_the_argument_where_there_is_no_message) {
    asyncio_error *e = make(ASYNCIO_KEY_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_int(7));
    CHECK_STR(repr(e), "KeyError(7)");
    asyncio_error_unref(e);
    e = make(ASYNCIO_KEY_ERROR, "text");
    asyncio_error_set_value(e, asyncio_int(7));
    CHECK_STR(repr(e), "KeyError('text')");
    asyncio_error_unref(e);
}

TEST(repr_of_a_group_shows_its_members) {
    asyncio_error *members[] = { make(ASYNCIO_VALUE_ERROR, "a"), make(ASYNCIO_KEY_ERROR, NULL) };
    asyncio_error *group = make_group("msg", 2, members);
    CHECK_STR(repr(group), "ExceptionGroup('msg', [ValueError('a'), KeyError()])");
    for (size_t size = 1; size < 60; size++) {
        char small[60];
        CHECK_INT(asyncio_error_repr(group, small, size), 52);
        CHECK(strncmp(small, repr(group), strlen(small)) == 0);
        CHECK_INT(strlen(small), size < 53 ? size - 1 : 52);
    }
    asyncio_auto_error outer = make_group(NULL, 1, &group);
    CHECK_STR(repr(outer),
              "ExceptionGroup('', [ExceptionGroup('msg', [ValueError('a'), KeyError()])])");
}

TEST(repr_of_an_error_that_is_its_own_argument_has_an_end) {
    asyncio_auto_error e = make(ASYNCIO_VALUE_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_own(asyncio_error_ref(e), &asyncio_value_error));
    CHECK_CONTAINS(repr(e), "ValueError(ValueError(");
    CHECK_CONTAINS(repr(e), "(...)");
    asyncio_error_set_value(e, asyncio_none());
}

/* ---- one error ---- */

TEST(an_error_without_frames_is_one_line) {
    CHECK_STR(printed(make(ASYNCIO_VALUE_ERROR, "bad")), "ValueError: bad\n");
    CHECK_STR(printed(make(ASYNCIO_VALUE_ERROR, NULL)), "ValueError\n");
    CHECK_STR(printed(make(ASYNCIO_VALUE_ERROR, "")), "ValueError\n");
    CHECK_STR(printed(make(ASYNCIO_KEY_ERROR, "k")), "KeyError: 'k'\n");
    CHECK_STR(printed(make(ASYNCIO_VALUE_ERROR, "two\nlines")), "ValueError: two\nlines\n");
    asyncio_error_print(NULL, stderr);
    CHECK_STR(test_printed(), "");
}

TEST(an_argument_stands_in_for_the_message) {
    asyncio_error *e = make(ASYNCIO_VALUE_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_int(7));
    CHECK_STR(printed(e), "ValueError: 7\n");
    e = make(ASYNCIO_VALUE_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_str("it's"));
    CHECK_STR(printed(e), "ValueError: it's\n");
    e = make(ASYNCIO_VALUE_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_own_str(strdup("own")));
    CHECK_STR(printed(e), "ValueError: own\n");
    e = make(ASYNCIO_KEY_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_str("it's"));
    CHECK_STR(printed(e), "KeyError: \"it's\"\n");
    char text[400] = "";
    memset(text, 'x', sizeof text - 1);
    const char *out = printed(make(ASYNCIO_KEY_ERROR, text));
    CHECK_INT(strlen(out), strlen("KeyError: ''\n") + 399);
}

TEST(the_default_stream_is_standard_error) {
    asyncio_auto_error e = make(ASYNCIO_VALUE_ERROR, "bad");
    asyncio_error_print(e, NULL);
    CHECK_STR(test_printed(), "ValueError: bad\n");
}

/* ---- frames ---- */

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
}

static asyncio_error *raised_at(const char *where) {
    return asyncio_error_take(asyncio_raise(ASYNCIO_VALUE_ERROR, where, "work", "bad"));
}

static char place_path[64];

static const char *place(const char *suffix) {
    static char where[96];
    snprintf(where, sizeof where, "%s%s", place_path, suffix);
    return where;
}

static void check_source(const char *suffix, const char *line, const char *source) {
    char expected[1024];
    snprintf(expected, sizeof expected,
             "Traceback (most recent call last):\n  File \"%s\", line %s, in work\n%s"
             "ValueError: bad\n",
             place_path, line, source);
    CHECK_STR(printed(raised_at(place(suffix))), expected);
}

TEST(frames_show_the_source_line_where_it_can_be_read) {
    snprintf(place_path, sizeof place_path, "/tmp/error-print-%d.c", (int)getpid());
    char text[2000] = "first\n\t  second;  \r\n\n";
    memset(text + strlen(text), 'x', 900);
    strcat(text, "\nfifth");
    write_file(place_path, text);
    check_source(":1", "1", "    first\n");
    check_source(":2", "2", "    second;\n");
    check_source(":3", "3", "");
    check_source(":5", "5", "    fifth\n");
    check_source(":6", "6", "");
    check_source(":0", "0", "");
    const char *cut = printed(raised_at(place(":4")));
    CHECK_CONTAINS(cut, "\n    xxxx");
    CHECK(strlen(cut) < 500);
    unlink(place_path);
    check_source(":1", "1", "");
}

TEST(only_regular_files_are_read) {
    CHECK_STR(printed(raised_at("/:1")), "Traceback (most recent call last):\n"
                                         "  File \"/\", line 1, in work\nValueError: bad\n");
    CHECK_CONTAINS(printed(raised_at("/dev/zero:1")), "line 1, in work\nValueError");
}

TEST(places_that_are_not_file_and_line_are_shown_as_they_are) {
    CHECK_CONTAINS(printed(raised_at("somewhere")), "  File \"somewhere\", in work\n");
    char path[300] = "", line[400];
    memset(path, 'x', 256); /* longer than what is cut into path and line */
    snprintf(line, sizeof line, "%s:7", path);
    CHECK_CONTAINS(printed(raised_at(line)), line);
    path[255] = '\0';
    snprintf(line, sizeof line, "%s:7", path);
    CHECK_CONTAINS(printed(raised_at(line)), "xxx\", line 7, in work\n");
    struct asyncio__traced frame = { NULL, NULL };
    asyncio__error_print_frames(&frame, 1, NULL);
    CHECK_STR(test_printed(), "  File \"?\", in ?\n");
}

/* ---- chains and groups ---- */

TEST(causes_and_contexts_are_printed_first) {
    asyncio_error *context =
        with_context(make(ASYNCIO_KEY_ERROR, "c"), make(ASYNCIO_TYPE_ERROR, "d"));
    CHECK_STR(printed(with_context(make(ASYNCIO_VALUE_ERROR, "a"), context)),
              "TypeError: d\n"
              "\nDuring handling of the above exception, another exception occurred:\n\n"
              "KeyError: 'c'\n"
              "\nDuring handling of the above exception, another exception occurred:\n\n"
              "ValueError: a\n");
    asyncio_error *e = with_cause(make(ASYNCIO_VALUE_ERROR, "a"), make(ASYNCIO_TYPE_ERROR, "b"));
    CHECK_STR(printed(with_context(e, make(ASYNCIO_KEY_ERROR, "hidden"))),
              "TypeError: b\n"
              "\nThe above exception was the direct cause of the following exception:\n\n"
              "ValueError: a\n");
}

TEST(a_long_chain_loses_its_oldest) {
    asyncio_error *e = make(-EIO, "oldest");
    for (int i = 0; i < 100; i++) e = with_cause(make(-EIO, "newer"), e);
    const char *text = printed(e);
    CHECK(!strstr(text, "oldest"));
    CHECK(strncmp(text, "EIO: newer\n\nThe above", 20) == 0);
}

TEST(a_group_is_a_tree) {
    asyncio_error *inner[] = { make(ASYNCIO_VALUE_ERROR, "1\n2") };
    asyncio_error *outer[] = { make(ASYNCIO_TYPE_ERROR, "t"), make_group("inner", 1, inner),
                               make(ASYNCIO_CANCELLED_ERROR, NULL) };
    CHECK_STR(printed(make_group("outer", 3, outer)),
              "  | BaseExceptionGroup: outer (3 sub-exceptions)\n"
              "  +-+---------------- 1 ----------------\n"
              "    | TypeError: t\n"
              "    +---------------- 2 ----------------\n"
              "    | ExceptionGroup: inner (1 sub-exception)\n"
              "    +-+---------------- 1 ----------------\n"
              "      | ValueError: 1\n"
              "      | 2\n"
              "      +------------------------------------\n"
              "    +---------------- 3 ----------------\n"
              "    | CancelledError\n"
              "    +------------------------------------\n");
}

TEST(a_group_at_the_end_of_a_group_closes_both) {
    asyncio_error *inner[] = { make(ASYNCIO_VALUE_ERROR, "1") };
    asyncio_error *outer[] = { make(ASYNCIO_TYPE_ERROR, "t"), make_group("inner", 1, inner) };
    CHECK_STR(printed(with_context(make_group("outer", 2, outer), make(-EIO, "before"))),
              "EIO: before\n"
              "\nDuring handling of the above exception, another exception occurred:\n\n"
              "  | ExceptionGroup: outer (2 sub-exceptions)\n"
              "  +-+---------------- 1 ----------------\n"
              "    | TypeError: t\n"
              "    +---------------- 2 ----------------\n"
              "    | ExceptionGroup: inner (1 sub-exception)\n"
              "    +-+---------------- 1 ----------------\n"
              "      | ValueError: 1\n"
              "      +------------------------------------\n");
}

TEST(chains_of_members_stay_in_the_tree) {
    asyncio_error *members[] = { with_cause(make(ASYNCIO_VALUE_ERROR, "1"),
                                            make(ASYNCIO_TYPE_ERROR, "c")) };
    CHECK_STR(printed(make_group("g", 1, members)),
              "  | ExceptionGroup: g (1 sub-exception)\n"
              "  +-+---------------- 1 ----------------\n"
              "    | TypeError: c\n"
              "    | \n"
              "    | The above exception was the direct cause of the following exception:\n"
              "    | \n"
              "    | ValueError: 1\n"
              "    +------------------------------------\n");
}

TEST(frames_of_groups_and_members_stand_in_the_margin) {
    asyncio_error *members[] = { raised_at("none.c:1") };
    asyncio_error *group = make_group("g", 1, members);
    struct asyncio__frame frame = { .where = "none.c:2", .func = "run" };
    struct asyncio__strand strand = { .top = &frame };
    asyncio__error_put(&strand, group);
    CHECK_STR(printed(group), "  + Exception Group Traceback (most recent call last):\n"
                              "  |   File \"none.c\", line 2, in run\n"
                              "  | ExceptionGroup: g (1 sub-exception)\n"
                              "  +-+---------------- 1 ----------------\n"
                              "    | Traceback (most recent call last):\n"
                              "    |   File \"none.c\", line 1, in work\n"
                              "    | ValueError: bad\n"
                              "    +------------------------------------\n");
}

TEST(notes_stand_below_the_error) {
    asyncio_error *e = make(ASYNCIO_VALUE_ERROR, "x");
    CHECK_INT(asyncio_error_add_note(e, "one\ntwo"), 0);
    CHECK_INT(asyncio_error_add_note(e, "three"), 0);
    asyncio_error *members[] = { e, make(ASYNCIO_TYPE_ERROR, NULL) };
    asyncio_error *group = make_group("g", 2, members);
    CHECK_INT(asyncio_error_add_note(group, "gn"), 0);
    CHECK_STR(printed(group), "  | ExceptionGroup: g (2 sub-exceptions)\n"
                              "  | gn\n"
                              "  +-+---------------- 1 ----------------\n"
                              "    | ValueError: x\n"
                              "    | one\n"
                              "    | two\n"
                              "    | three\n"
                              "    +---------------- 2 ----------------\n"
                              "    | TypeError\n"
                              "    +------------------------------------\n");
}

TEST(wide_and_deep_groups_are_cut_short) {
    asyncio_error *members[17];
    for (int i = 0; i < 17; i++) members[i] = make(-EIO, "x");
    const char *text = printed(make_group("wide", 17, members));
    CHECK_CONTAINS(text, "    +---------------- 15 ----------------\n    | EIO: x\n"
                         "    +---------------- ... ----------------\n"
                         "    | and 2 more exceptions\n"
                         "    +------------------------------------\n");
    for (int i = 0; i < 16; i++) members[i] = make(-EIO, "x");
    CHECK_CONTAINS(printed(make_group("wide", 16, members)), "    | and 1 more exception\n");
    for (int i = 0; i < 15; i++) members[i] = make(-EIO, "x");
    CHECK(!strstr(printed(make_group("wide", 15, members)), "more exception"));
    asyncio_error *e = make(-EIO, "deepest");
    for (int i = 0; i < 12; i++) e = make_group("g", 1, &e);
    text = printed(e);
    CHECK_CONTAINS(text, "| ... (max_group_depth is 10)\n");
    CHECK(!strstr(text, "deepest"));
}

TEST(printing_does_without_memory) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    char text[400] = "";
    memset(text, 'x', sizeof text - 1);
    asyncio_error *e = make(ASYNCIO_KEY_ERROR, text);
    asyncio_testing_fail_allocation(1);
    CHECK_CONTAINS(printed(e), "KeyError: 'xxx");
}
