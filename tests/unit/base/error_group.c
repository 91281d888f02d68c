/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/error_group.c: making groups, parting them, except*. The expected trees are
 * what Python's ExceptionGroup gives.
 */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include <asyncio/testing.h>

#include "test.h"

static const char *repr(const asyncio_error *e) {
    static char text[2][4096];
    static int turn;
    char *buf = text[turn ^= 1];
    asyncio_error_repr(e, buf, sizeof text[0]);
    return buf;
}

static asyncio_error *make(int code, const char *message) {
    return message ? asyncio_error_new(code, "%s", message) : asyncio_error_new(code, NULL);
}

/* Groups that take the references to their members. */
static asyncio_error *group_of(const char *message, size_t n, asyncio_error **members) {
    asyncio_error *group = asyncio_errorgroup_new(message, n, members);
    for (size_t i = 0; i < n; i++) asyncio_error_unref(members[i]);
    return group;
}

static asyncio_error *pair(const char *message, asyncio_error *a, asyncio_error *b) {
    asyncio_error *members[] = { a, b };
    return group_of(message, 2, members);
}

/* ExceptionGroup("m", [ValueError("1"), ExceptionGroup("n", [TypeError("2"), ValueError("3")])]) */
static asyncio_error *nested(void) {
    return pair("m", make(ASYNCIO_VALUE_ERROR, "1"),
                pair("n", make(ASYNCIO_TYPE_ERROR, "2"), make(ASYNCIO_VALUE_ERROR, "3")));
}

static void check_split(asyncio_error *e, int code, const char *match, const char *rest) {
    asyncio_error *m, *r;
    CHECK_INT(asyncio_error_split(e, code, &m, &r), 0);
    CHECK_STR(repr(m), match);
    CHECK_STR(repr(r), rest);
    asyncio_error_unref(m);
    CHECK_INT(asyncio_error_subgroup(e, code, &m), 0);
    CHECK_STR(repr(m), match);
    asyncio_error_unref(m);
    asyncio_error_unref(r);
}

static void check_raised(int code, const char *message) {
    asyncio_auto_error e = asyncio_error_take(code);
    CHECK_STR(asyncio_error_message(e), message);
}

/* ---- making ---- */

TEST(what_is_no_group_of_errors_is_refused) {
    asyncio_error *members[] = { make(-EIO, NULL), NULL };
    CHECK_PTR(asyncio_errorgroup_new("x", 0, members), NULL);
    check_raised(ASYNCIO_VALUE_ERROR, "second argument (exceptions) must be a non-empty sequence");
    CHECK_PTR(asyncio_errorgroup_new("x", 2, members), NULL);
    check_raised(ASYNCIO_VALUE_ERROR, "Item 1 of second argument (exceptions) is not an exception");
    CHECK_PTR(asyncio_errorgroup_new("x", 1, NULL), NULL);
    check_raised(ASYNCIO_TYPE_ERROR, "an array of errors is required");
    CHECK_PTR(asyncio_error_exception_group("x", 0, members), NULL);
    check_raised(ASYNCIO_VALUE_ERROR, "second argument (exceptions) must be a non-empty sequence");
    CHECK_PTR(asyncio_errorgroup_new("x", SIZE_MAX / 8, members), NULL);
    asyncio_ignore(-ENOMEM);
    asyncio_error_unref(members[0]);
}

TEST(an_exception_group_takes_exceptions_only) {
    asyncio_error *members[] = { make(ASYNCIO_VALUE_ERROR, NULL),
                                 make(ASYNCIO_KEYBOARD_INTERRUPT, NULL) };
    asyncio_error *group = asyncio_error_exception_group("x", 1, members);
    CHECK_STR(repr(group), "ExceptionGroup('x', [ValueError()])");
    asyncio_error_unref(group);
    CHECK_PTR(asyncio_error_exception_group("x", 2, members), NULL);
    check_raised(ASYNCIO_TYPE_ERROR, "Cannot nest BaseExceptions in an ExceptionGroup");
    group = asyncio_errorgroup_new("y", 1, &members[1]);
    CHECK_PTR(asyncio_error_exception_group("x", 1, &group), NULL);
    check_raised(ASYNCIO_TYPE_ERROR, "Cannot nest BaseExceptions in an ExceptionGroup");
    asyncio_error_unref(group);
    asyncio_error_unref(members[0]);
    asyncio_error_unref(members[1]);
}

/* ---- parting ---- */

TEST(both_halves_keep_the_form_of_the_tree) {
    asyncio_auto_error e = nested();
    check_split(e, ASYNCIO_VALUE_ERROR,
                "ExceptionGroup('m', [ValueError('1'), ExceptionGroup('n', [ValueError('3')])])",
                "ExceptionGroup('m', [ExceptionGroup('n', [TypeError('2')])])");
    check_split(e, ASYNCIO_TYPE_ERROR,
                "ExceptionGroup('m', [ExceptionGroup('n', [TypeError('2')])])",
                "ExceptionGroup('m', [ValueError('1'), ExceptionGroup('n', [ValueError('3')])])");
}

TEST(a_half_without_errors_is_not_there) {
    asyncio_error *e = nested(), *match, *rest;
    CHECK_INT(asyncio_error_split(e, ASYNCIO_KEY_ERROR, &match, &rest), 0);
    CHECK_PTR(match, NULL);
    CHECK_STR(repr(rest), repr(e));
    CHECK(rest != e); /* as Python's: derived, its members the same */
    CHECK_PTR(asyncio_error_child(rest, 0), asyncio_error_child(e, 0));
    asyncio_error_unref(rest);
    asyncio_error_unref(e);
    e = pair("g", make(-EIO, "1"), make(-EIO, "2"));
    check_split(e, -EIO, "ExceptionGroup('g', [EIO('1'), EIO('2')])", "None");
    asyncio_error_unref(e);
}

TEST(a_group_that_is_wanted_is_taken_as_it_is) {
    asyncio_error *e = nested(), *match, *rest;
    CHECK_INT(asyncio_error_split(e, ASYNCIO_EXCEPTION_GROUP, &match, &rest), 0);
    CHECK_PTR(match, e);
    CHECK_PTR(rest, NULL);
    asyncio_error_unref(match);
    asyncio_error_unref(e);
}

TEST(the_kind_of_each_half_follows_from_its_members) {
    asyncio_error *e =
        pair("b", make(ASYNCIO_VALUE_ERROR, "1"), make(ASYNCIO_KEYBOARD_INTERRUPT, NULL));
    check_split(e, ASYNCIO_VALUE_ERROR, "ExceptionGroup('b', [ValueError('1')])",
                "BaseExceptionGroup('b', [KeyboardInterrupt()])");
    asyncio_error_unref(e);
}

TEST(an_error_alone_is_the_one_half_or_the_other) {
    asyncio_auto_error e = make(ASYNCIO_VALUE_ERROR, "1");
    check_split(e, ASYNCIO_VALUE_ERROR, "ValueError('1')", "None");
    check_split(e, ASYNCIO_TYPE_ERROR, "None", "ValueError('1')");
    CHECK_INT(asyncio_error_split(e, ASYNCIO_VALUE_ERROR, NULL, NULL), 0);
}

/* Wants errors of two codes, as a tuple of classes does. */
static bool is_value_or_type(const asyncio_error *e, void *arg) {
    ++*(int *)arg;
    return asyncio_error_code(e) == ASYNCIO_VALUE_ERROR ||
           asyncio_error_code(e) == ASYNCIO_TYPE_ERROR;
}

TEST(a_predicate_is_asked_about_groups_first) {
    asyncio_error *e = nested(), *match, *rest;
    int asked = 0;
    CHECK_INT(asyncio_error_split_if(e, is_value_or_type, &asked, &match, &rest), 0);
    CHECK_INT(asked, 5); /* two groups, three errors */
    CHECK_STR(repr(match), repr(e));
    CHECK_PTR(rest, NULL);
    asyncio_error_unref(match);
    CHECK_INT(asyncio_error_subgroup_if(e, is_value_or_type, &asked, &match), 0);
    CHECK_STR(repr(match), repr(e));
    asyncio_error_unref(match);
    asyncio_error_unref(e);
}

TEST(what_a_group_carries_goes_to_both_halves) {
    asyncio_auto_error e = pair("g", make(-EIO, "1"), make(-EPIPE, "2"));
    asyncio_error *cause = make(ASYNCIO_KEY_ERROR, "cause"), *match, *rest;
    CHECK_INT(asyncio_error_set_cause(e, cause), 0);
    CHECK_INT(asyncio_error_add_note(e, "note %d", 1), 0);
    CHECK_INT(asyncio_error_add_note(e, "note 2"), 0);
    asyncio_error_set_value(e, asyncio_int(7));
    asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL, "context");
    struct asyncio__frame frame = { .where = "none.c:2", .func = "run" };
    struct asyncio__strand strand = { .top = &frame,
                                      .error = asyncio_error_take(ASYNCIO_RUNTIME_ERROR) };
    asyncio__error_put(&strand, e);
    CHECK_INT(asyncio_error_split(e, -EIO, &match, &rest), 0);
    asyncio_error *halves[] = { match, rest };
    for (int i = 0; i < 2; i++) {
        CHECK_PTR(asyncio_error_cause(halves[i]), cause);
        CHECK_STR(asyncio_error_message(asyncio_error_context(halves[i])), "context");
        CHECK_STR(asyncio_error_note(halves[i], 0), "note 1");
        CHECK_STR(asyncio_error_note(halves[i], 1), "note 2");
        CHECK_PTR(asyncio_error_note(halves[i], 2), NULL);
        CHECK_INT(asyncio_error_value(halves[i]).i, 7);
        CHECK_STR(asyncio_error_where(halves[i]), "none.c:2");
        CHECK_STR(asyncio_error_func(halves[i]), "run");
        asyncio_error_unref(halves[i]);
    }
    asyncio_error_unref(cause);
}

static void ignore_drop(asyncio_value *value) { (void)value; }

TEST(an_argument_that_cannot_be_copied_stays_with_the_whole) {
    static const asyncio_value_type thing = { sizeof thing, "thing", ignore_drop, NULL, NULL };
    asyncio_error *e = pair("g", make(-EIO, "1"), make(-EPIPE, "2")), *match;
    asyncio_error_set_value(e, asyncio_own(e, &thing));
    CHECK_INT(asyncio_error_subgroup(e, -EIO, &match), 0);
    CHECK_PTR(asyncio_error_value(match).type, NULL);
    asyncio_error_unref(match);
    asyncio_error_unref(e);
}

TEST(deriving_takes_other_members) {
    asyncio_auto_error e = pair("g", make(-EIO, "1"), make(-EPIPE, "2"));
    asyncio_error *other = make(ASYNCIO_CANCELLED_ERROR, NULL);
    CHECK_INT(asyncio_error_add_note(e, "note"), 0);
    asyncio_auto_error derived = asyncio_error_derive(e, 1, &other);
    CHECK_STR(repr(derived), "BaseExceptionGroup('g', [CancelledError()])");
    CHECK_STR(asyncio_error_note(derived, 0), "note");
    CHECK_PTR(asyncio_error_derive(NULL, 1, &other), NULL);
    check_raised(ASYNCIO_TYPE_ERROR, "a group is required");
    CHECK_PTR(asyncio_error_derive(e, 0, &other), NULL);
    check_raised(ASYNCIO_VALUE_ERROR, "second argument (exceptions) must be a non-empty sequence");
    asyncio_error_unref(other);
}

TEST(parting_refuses_nonsense) {
    asyncio_error *e = make(-EIO, NULL), *match = e;
    CHECK_INT(asyncio_error_split(NULL, -EIO, &match, NULL), ASYNCIO_TYPE_ERROR);
    check_raised(ASYNCIO_TYPE_ERROR, "a group is required");
    CHECK_INT(asyncio_error_split(e, 0, &match, NULL), ASYNCIO_TYPE_ERROR);
    check_raised(ASYNCIO_TYPE_ERROR, "a predicate or a negative code is required");
    CHECK_INT(asyncio_error_split_if(e, NULL, NULL, &match, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    CHECK_PTR(match, e);
    asyncio_error_unref(e);
}

TEST(deep_groups_are_parted_without_recursion) {
    asyncio_error *e = pair("g", make(-EIO, NULL), make(-EPIPE, NULL));
    for (int i = 0; i < 100000; i++) {
        asyncio_error *group = asyncio_errorgroup_new("g", 1, &e);
        asyncio_error_unref(e);
        e = group;
    }
    asyncio_error *match, *rest;
    CHECK_INT(asyncio_error_split(e, -EIO, &match, &rest), 0);
    int depth = 0;
    for (asyncio_error *m = match; asyncio_error_count(m) == 1; m = asyncio_error_child(m, 0))
        depth++;
    CHECK_INT(depth, 100001);
    asyncio_error_unref(match);
    asyncio_error_unref(rest);
    asyncio_error_unref(e);
}

TEST(parting_without_memory_leaves_everything_as_it_was) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_error *e = nested(), *match = NULL, *rest = NULL;
    CHECK_INT(asyncio_error_add_note(e, "note"), 0);
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        int rc = asyncio_error_split(e, ASYNCIO_VALUE_ERROR, &match, &rest);
        if (asyncio_testing_fail_allocation(0) < n) break;
        if (rc >= 0) break;
        CHECK_INT(rc, -ENOMEM);
        CHECK_PTR(match, NULL);
        CHECK_PTR(rest, NULL);
        asyncio_ignore(rc);
    }
    CHECK(match && rest);
    asyncio_error_unref(match);
    asyncio_error_unref(rest);
    asyncio_error_unref(e);
}

/* ---- except* ---- */

TEST(each_clause_takes_its_part) {
    int rc = asyncio_reraise(nested());
    asyncio_error *e = asyncio_catch_group(&rc, ASYNCIO_KEY_ERROR);
    CHECK_PTR(e, NULL);
    CHECK_INT(rc, ASYNCIO_EXCEPTION_GROUP);
    e = asyncio_catch_group(&rc, ASYNCIO_VALUE_ERROR);
    CHECK_STR(repr(e),
              "ExceptionGroup('m', [ValueError('1'), ExceptionGroup('n', [ValueError('3')])])");
    asyncio_error_unref(e);
    CHECK_INT(rc, ASYNCIO_EXCEPTION_GROUP);
    e = asyncio_catch_group(&rc, ASYNCIO_TYPE_ERROR);
    CHECK_STR(repr(e), "ExceptionGroup('m', [ExceptionGroup('n', [TypeError('2')])])");
    asyncio_error_unref(e);
    CHECK_INT(rc, 0);
    CHECK_PTR(asyncio__strand_current()->error, NULL);
    CHECK_PTR(asyncio_catch_group(&rc, ASYNCIO_TYPE_ERROR), NULL);
}

TEST(what_no_clause_takes_goes_on) {
    int rc = asyncio_reraise(nested());
    asyncio_error *e = asyncio_catch_group(&rc, ASYNCIO_VALUE_ERROR);
    asyncio_error_unref(e);
    e = asyncio_error_take(rc);
    CHECK_STR(repr(e), "ExceptionGroup('m', [ExceptionGroup('n', [TypeError('2')])])");
    asyncio_error_unref(e);
    CHECK_PTR(asyncio__strand_current()->error, NULL);
    asyncio_auto_error whole = nested();
    rc = asyncio_reraise(asyncio_error_ref(whole));
    CHECK_PTR(asyncio_catch_group(&rc, ASYNCIO_KEY_ERROR), NULL);
    e = asyncio_error_take(rc);
    CHECK_PTR(e, whole); /* nothing was taken out: the same object */
    asyncio_error_unref(e);
}

TEST(the_rest_may_be_of_another_kind) {
    int rc = asyncio_reraise(
        pair("b", make(ASYNCIO_VALUE_ERROR, "1"), make(ASYNCIO_CANCELLED_ERROR, NULL)));
    CHECK_INT(rc, ASYNCIO_BASE_EXCEPTION_GROUP);
    asyncio_error *e = asyncio_catch_group(&rc, ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(repr(e), "BaseExceptionGroup('b', [CancelledError()])");
    CHECK_INT(rc, ASYNCIO_EXCEPTION_GROUP);
    asyncio_error_unref(e);
    asyncio_ignore(rc);
}

TEST(an_error_alone_is_caught_as_a_group) {
    int rc = asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "5");
    CHECK_PTR(asyncio_catch_group(&rc, ASYNCIO_TYPE_ERROR), NULL);
    CHECK_INT(rc, ASYNCIO_VALUE_ERROR);
    asyncio_error *e = asyncio_catch_group(&rc, ASYNCIO_VALUE_ERROR);
    CHECK_STR(repr(e), "ExceptionGroup('', [ValueError('5')])");
    CHECK_INT(rc, 0);
    asyncio_error_unref(e);
    rc = ASYNCIO_CANCELLED_ERROR; /* bare */
    e = asyncio_catch_group(&rc, ASYNCIO_CANCELLED_ERROR);
    CHECK_STR(repr(e), "BaseExceptionGroup('', [CancelledError()])");
    CHECK_INT(rc, 0);
    asyncio_error_unref(e);
}

TEST(older_errors_stay_behind_the_rest) {
    asyncio_raise(-EIO, NULL, NULL, "older");
    int rc = asyncio_reraise(nested());
    asyncio_error_unref(asyncio_catch_group(&rc, ASYNCIO_VALUE_ERROR));
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(asyncio_error_context(e)), "older");
    asyncio_error_unref(e);
    asyncio_ignore(-EIO);
}

TEST(a_clause_may_be_a_predicate) {
    int rc = asyncio_reraise(nested()), asked = 0;
    asyncio_auto_error e = asyncio_catch_group_if(&rc, is_value_or_type, &asked);
    CHECK_STR(repr(e), "ExceptionGroup('m', [ValueError('1'), ExceptionGroup('n', "
                       "[TypeError('2'), ValueError('3')])])");
    CHECK_INT(rc, 0);
}

TEST(a_clause_refuses_nonsense) {
    int rc = -EIO;
    CHECK_PTR(asyncio_catch_group(NULL, -EIO), NULL);
    check_raised(ASYNCIO_TYPE_ERROR, "a status and what to catch are required");
    CHECK_PTR(asyncio_catch_group(&rc, 0), NULL);
    CHECK_INT(rc, ASYNCIO_TYPE_ERROR);
    asyncio_ignore(rc);
    rc = -EIO;
    CHECK_PTR(asyncio_catch_group_if(&rc, NULL, NULL), NULL);
    CHECK_INT(rc, ASYNCIO_TYPE_ERROR);
    asyncio_ignore(rc);
}

TEST(catching_without_memory_loses_nothing) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    for (long n = 1;; n++) {
        int rc = asyncio_reraise(n % 2 ? nested() : make(ASYNCIO_VALUE_ERROR, "1"));
        asyncio_testing_fail_allocation((n + 1) / 2);
        asyncio_error *e = asyncio_catch_group(&rc, ASYNCIO_VALUE_ERROR);
        asyncio_testing_fail_allocation(0);
        if (!e) {
            CHECK_INT(rc, -ENOMEM);
            asyncio_error *whole = asyncio__strand_current()->error;
            while (whole && asyncio_error_code(whole) == -ENOMEM)
                whole = asyncio_error_context(whole);
            CHECK(whole != NULL);
            asyncio_ignore(asyncio_error_code(whole));
            continue;
        }
        asyncio_error_unref(e);
        asyncio_ignore(rc);
        if (n > 40) break;
    }
}

/* ---- notes ---- */

TEST(notes_are_kept_in_order) {
    asyncio_auto_error e = make(-EIO, NULL);
    CHECK_PTR(asyncio_error_note(e, 0), NULL);
    CHECK_PTR(asyncio_error_note(NULL, 0), NULL);
    CHECK_INT(asyncio_error_add_note(e, "%s", "first"), 0);
    CHECK_INT(asyncio_error_add_note(e, "%0600d", 7), 0);
    CHECK_STR(asyncio_error_note(e, 0), "first");
    CHECK_INT(strlen(asyncio_error_note(e, 1)), 600);
    CHECK_INT(asyncio_error_add_note(NULL, "x"), ASYNCIO_TYPE_ERROR);
    check_raised(ASYNCIO_TYPE_ERROR, "an error and a note are required");
}
