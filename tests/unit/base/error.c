/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/error.c: error objects by themselves: making, properties, frames, causes,
 * references. The slot is in error_slot.c, the printed form in error_print.c.
 */
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <asyncio/testing.h>

#include "test.h"

static int drops;

static void count_drop(asyncio_value *value) {
    (void)value;
    drops++;
}

static const asyncio_value_type thing = { sizeof thing, "thing", count_drop, NULL, NULL };

static asyncio_error *error_with_thing(int code) {
    asyncio_error *e = asyncio_error_new(code, NULL);
    asyncio_error_set_value(e, asyncio_own(e, &thing));
    return e;
}

TEST(a_new_error_has_code_and_message_and_nothing_else) {
    asyncio_auto_error e = asyncio_error_new(ASYNCIO_VALUE_ERROR, "bad %s %d", "thing", 7);
    CHECK_INT(asyncio_error_code(e), ASYNCIO_VALUE_ERROR);
    CHECK_STR(asyncio_error_message(e), "bad thing 7");
    CHECK_PTR(asyncio_error_where(e), NULL);
    CHECK_PTR(asyncio_error_func(e), NULL);
    CHECK_PTR(asyncio_error_cause(e), NULL);
    CHECK_PTR(asyncio_error_context(e), NULL);
    CHECK_INT(asyncio_error_count(e), 0);
    CHECK_PTR(asyncio_error_child(e, 0), NULL);
    CHECK_PTR(asyncio_error_value(e).type, NULL);
    const struct asyncio__traced *frames;
    CHECK_INT(asyncio__error_frames(e, &frames), 0);
    CHECK_PTR(frames, NULL);
}

TEST(a_message_may_be_absent_empty_or_long) {
    asyncio_error *e = asyncio_error_new(-EIO, NULL);
    CHECK_PTR(asyncio_error_message(e), NULL);
    asyncio_error_unref(e);
    e = asyncio_error_new(-EIO, "%s", "");
    CHECK_STR(asyncio_error_message(e), "");
    asyncio_error_unref(e);
    char text[3001];
    for (size_t n = 250; n < sizeof text; n = n < 260 ? n + 1 : n * 2) {
        memset(text, 'x', n);
        text[n] = '\0';
        e = asyncio_error_new(-EIO, "%s", text);
        CHECK_STR(asyncio_error_message(e), text);
        asyncio_error_unref(e);
    }
}

static asyncio_error *make_v(const char *fmt, ...) ASYNCIO_PRINTF(1, 2);
static asyncio_error *make_v(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    asyncio_error *e = asyncio__error_make_v(-EIO, fmt, args);
    va_end(args);
    return e;
}

TEST(messages_of_internal_errors_are_copied) {
    char text[] = "text";
    asyncio_error *plain = asyncio__error_make(-EIO, text), *formatted = make_v("%s", text);
    text[0] = 'n';
    CHECK_STR(asyncio_error_message(plain), "text");
    CHECK_STR(asyncio_error_message(formatted), "text");
    asyncio_error_unref(plain);
    asyncio_error_unref(formatted);
    plain = asyncio__error_make(-EIO, NULL);
    CHECK_PTR(asyncio_error_message(plain), NULL);
    asyncio_error_unref(plain);
}

TEST(only_negative_codes_make_errors) {
    CHECK_PTR(asyncio_error_new(0, "x"), NULL);
    CHECK_PTR(asyncio_error_new(5, NULL), NULL);
}

TEST(properties_of_no_error_are_empty) {
    CHECK_INT(asyncio_error_code(NULL), 0);
    CHECK_PTR(asyncio_error_message(NULL), NULL);
    CHECK_PTR(asyncio_error_where(NULL), NULL);
    CHECK_PTR(asyncio_error_func(NULL), NULL);
    CHECK_PTR(asyncio_error_cause(NULL), NULL);
    CHECK_PTR(asyncio_error_context(NULL), NULL);
    CHECK_INT(asyncio_error_count(NULL), 0);
    CHECK_PTR(asyncio_error_child(NULL, 0), NULL);
    CHECK_PTR(asyncio_error_value(NULL).type, NULL);
    CHECK_PTR(asyncio_error_ref(NULL), NULL);
    CHECK_PTR(asyncio_error_note(NULL, 0), NULL);
    CHECK_INT(asyncio_error_add_note(NULL, "x"), ASYNCIO_TYPE_ERROR);
    asyncio_error_unref(NULL);
}

TEST(a_group_holds_its_members) {
    asyncio_error *members[2] = { asyncio_error_new(ASYNCIO_VALUE_ERROR, "a"),
                                  asyncio_error_new(-EIO, "b") };
    char message[] = "both";
    asyncio_auto_error g = asyncio_errorgroup_new(message, 2, members);
    message[0] = 'm';
    asyncio_error_unref(members[0]);
    asyncio_error_unref(members[1]);
    CHECK_INT(asyncio_error_code(g), ASYNCIO_EXCEPTION_GROUP);
    CHECK_STR(asyncio_error_message(g), "both");
    CHECK_INT(asyncio_error_count(g), 2);
    CHECK_PTR(asyncio_error_child(g, 0), members[0]);
    CHECK_STR(asyncio_error_message(asyncio_error_child(g, 1)), "b");
    CHECK_PTR(asyncio_error_child(g, 2), NULL);
}

TEST(a_group_with_a_base_exception_is_a_base_exception_group) {
    asyncio_error *members[2] = { asyncio_error_new(ASYNCIO_VALUE_ERROR, NULL),
                                  asyncio_error_new(ASYNCIO_CANCELLED_ERROR, NULL) };
    asyncio_error *inner = asyncio_errorgroup_new(NULL, 2, members);
    CHECK_INT(asyncio_error_code(inner), ASYNCIO_BASE_EXCEPTION_GROUP);
    CHECK_PTR(asyncio_error_message(inner), NULL);
    asyncio_auto_error outer = asyncio_errorgroup_new("outer", 1, &inner);
    CHECK_INT(asyncio_error_code(outer), ASYNCIO_BASE_EXCEPTION_GROUP);
    asyncio_error_unref(members[0]);
    asyncio_error_unref(members[1]);
    asyncio_error_unref(inner);
}

TEST(an_argument_is_lent_and_dropped_with_the_error) {
    asyncio_error *e = asyncio_error_new(-EIO, NULL);
    asyncio_error_set_value(e, asyncio_own(&drops, &thing));
    CHECK_PTR(asyncio_error_value(e).p, &drops);
    asyncio_error_set_value(e, asyncio_int(3));
    CHECK_INT(drops, 1);
    CHECK_INT(asyncio_error_value(e).i, 3);
    asyncio_error_set_value(e, asyncio_own(&drops, &thing));
    asyncio_error_unref(e);
    CHECK_INT(drops, 2);
    asyncio_error_set_value(NULL, asyncio_own(&drops, &thing));
    CHECK_INT(drops, 3);
}

/* ---- causes ---- */

TEST(a_cause_is_held_until_another_is_set) {
    asyncio_auto_error e = asyncio_error_new(-EIO, NULL);
    asyncio_error *first = error_with_thing(-EPIPE), *second = error_with_thing(-EINVAL);
    CHECK_INT(asyncio_error_set_cause(e, first), 0);
    asyncio_error_unref(first);
    CHECK_PTR(asyncio_error_cause(e), first);
    CHECK_INT(asyncio_error_set_cause(e, first), 0); /* the same once more */
    CHECK_INT(drops, 0);
    CHECK_INT(asyncio_error_set_cause(e, second), 0);
    asyncio_error_unref(second);
    CHECK_INT(drops, 1);
    CHECK_INT(asyncio_error_set_cause(e, NULL), 0);
    CHECK_INT(drops, 2);
    CHECK_PTR(asyncio_error_cause(e), NULL);
}

TEST(a_cause_that_closes_a_circle_is_refused) {
    asyncio_error *a = asyncio_error_new(-EIO, "a"), *b = asyncio_error_new(-EIO, "b");
    CHECK_INT(asyncio_error_set_cause(a, a), ASYNCIO_VALUE_ERROR);
    CHECK_INT(asyncio_error_set_cause(a, b), 0);
    CHECK_INT(asyncio_error_set_cause(b, a), ASYNCIO_VALUE_ERROR);
    asyncio_auto_error group = asyncio_errorgroup_new("g", 1, &a);
    CHECK_INT(asyncio_error_set_cause(b, group), ASYNCIO_VALUE_ERROR);
    CHECK_PTR(asyncio_error_cause(b), NULL);
    CHECK_INT(asyncio_error_set_cause(NULL, a), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_error_unref(a);
    asyncio_error_unref(b);
}

TEST(long_chains_of_causes_are_freed_without_recursion) {
    asyncio_error *newest = error_with_thing(-EIO);
    for (int i = 1; i < 5000; i++) {
        asyncio_error *e = error_with_thing(-EIO);
        CHECK_INT(asyncio_error_set_cause(e, newest), 0);
        asyncio_error_unref(newest);
        newest = e;
    }
    asyncio_error_unref(newest);
    CHECK_INT(drops, 5000);
}

TEST(deep_groups_are_freed_without_recursion) {
    asyncio_error *e = error_with_thing(-EIO);
    for (int i = 0; i < 100000; i++) {
        asyncio_error *group = asyncio_errorgroup_new("g", 1, &e);
        asyncio_error_unref(e);
        e = group;
    }
    asyncio_error_unref(e);
    CHECK_INT(drops, 1);
}

TEST(a_graph_too_large_to_search_is_refused_in_bounded_time) {
    asyncio_error *e = asyncio_error_new(-EIO, NULL), *other = asyncio_error_new(-EIO, NULL);
    for (int i = 0; i < 60; i++) {
        asyncio_error *twice[2] = { e, e };
        asyncio_error *group = asyncio_errorgroup_new("g", 2, twice);
        asyncio_error_unref(e);
        e = group;
    }
    CHECK_INT(asyncio_error_set_cause(other, e), ASYNCIO_VALUE_ERROR);
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_error_unref(e);
    asyncio_error_unref(other);
}

/* ---- frames ---- */

static const asyncio_coro_type main_type = { sizeof main_type, "main", "m.c", 1, 0, 0, 0, 0, 0 };
static const asyncio_coro_type fetch_type = { sizeof fetch_type, "fetch", "f.c", 1, 0, 0, 0, 0, 0 };

static struct asyncio__frame make_frame(struct asyncio__frame *up, const asyncio_coro_type *type,
                                        const char *where, const char *func) {
    return (struct asyncio__frame){ .up = up, .type = type, .where = where, .func = func };
}

static void check_frame(const struct asyncio__traced *f, const char *where, const char *func) {
    CHECK_STR(f->where, where);
    CHECK_STR(f->func, func);
}

TEST(outside_coroutines_the_place_of_the_raise_is_the_only_frame) {
    int rc = asyncio_raise(-EIO, "x.c:12", "work", "bad");
    asyncio_auto_error e = asyncio_error_take(rc);
    const struct asyncio__traced *frames;
    CHECK_INT(asyncio__error_frames(e, &frames), 1);
    check_frame(frames, "x.c:12", "work");
    CHECK_STR(asyncio_error_where(e), "x.c:12");
    CHECK_STR(asyncio_error_func(e), "work");
}

TEST(the_body_of_a_coroutine_is_shown_by_its_name_and_once) {
    struct asyncio__frame outer = make_frame(NULL, &main_type, "m.c:5", "main_coro");
    struct asyncio__frame inner = make_frame(&outer, &fetch_type, "f.c:7", "fetch_coro");
    asyncio__here.own.top = &inner;
    asyncio_auto_error e = asyncio_error_take(asyncio_raise(-EIO, "f.c:9", "fetch_coro", NULL));
    asyncio__here.own.top = NULL;
    const struct asyncio__traced *frames;
    CHECK_INT(asyncio__error_frames(e, &frames), 2);
    check_frame(&frames[0], "m.c:5", "main");
    check_frame(&frames[1], "f.c:9", "fetch");
}

TEST(a_c_function_that_raises_stands_below_its_coroutine) {
    struct asyncio__frame frame = make_frame(NULL, &fetch_type, "f.c:7", "fetch_coro");
    asyncio__here.own.top = &frame;
    asyncio_auto_error e = asyncio_error_take(asyncio_raise(-EIO, "h.c:3", "helper", NULL));
    asyncio__here.own.top = NULL;
    const struct asyncio__traced *frames;
    CHECK_INT(asyncio__error_frames(e, &frames), 2);
    check_frame(&frames[0], "f.c:7", "fetch");
    check_frame(&frames[1], "h.c:3", "helper");
}

TEST(a_raise_without_a_place_is_at_the_current_await) {
    struct asyncio__frame frame = make_frame(NULL, &fetch_type, "f.c:7", "in_helper");
    asyncio__here.own.top = &frame;
    asyncio_auto_error constant = asyncio_error_take(asyncio__raise(-EIO, "constant"));
    asyncio_auto_error made = asyncio_error_take(asyncio_raise(-EIO, NULL, NULL, "made %d", 1));
    asyncio_auto_error bare = asyncio_error_take(-EPIPE);
    asyncio__here.own.top = NULL;
    CHECK_STR(asyncio_error_where(constant), "f.c:7");
    CHECK_STR(asyncio_error_func(constant), "in_helper");
    CHECK_STR(asyncio_error_message(constant), "constant");
    CHECK_STR(asyncio_error_where(made), "f.c:7");
    CHECK_STR(asyncio_error_message(made), "made 1");
    CHECK_STR(asyncio_error_where(bare), "f.c:7");
    CHECK_PTR(asyncio_error_message(bare), NULL);
}

TEST(a_frame_that_has_not_awaited_has_a_name_but_no_place) {
    struct asyncio__frame frame = make_frame(NULL, &fetch_type, NULL, NULL);
    asyncio__here.own.top = &frame;
    asyncio_auto_error e = asyncio_error_take(asyncio__raise(-EIO, NULL));
    asyncio__here.own.top = NULL;
    CHECK_PTR(asyncio_error_where(e), NULL);
    CHECK_STR(asyncio_error_func(e), "fetch");
}

TEST(only_the_newest_frames_are_kept) {
    struct asyncio__frame frames[40];
    memset(frames, 0, sizeof frames);
    for (int i = 0; i < 40; i++) {
        frames[i].up = i > 0 ? &frames[i - 1] : NULL;
        frames[i].type = &main_type;
        frames[i].where = i == 39 ? "new.c:1" : i == 9 ? "nine.c:1" : "old.c:1";
        frames[i].func = "f";
    }
    asyncio__here.own.top = &frames[39];
    asyncio_auto_error e = asyncio_error_take(asyncio_raise(-EIO, "here.c:1", "helper", NULL));
    asyncio__here.own.top = NULL;
    const struct asyncio__traced *kept;
    CHECK_INT(asyncio__error_frames(e, &kept), 32);
    CHECK_STR(kept[0].where, "nine.c:1");
    CHECK_STR(kept[30].where, "new.c:1");
    CHECK_STR(kept[31].where, "here.c:1");
}

TEST(an_error_gets_its_frames_where_it_is_first_raised) {
    struct asyncio__frame frame = make_frame(NULL, &fetch_type, "f.c:7", "fetch_coro");
    asyncio_auto_error e = asyncio_error_new(-EIO, "made before");
    asyncio__here.own.top = &frame;
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    frame.where = "f.c:8";
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    asyncio__here.own.top = NULL;
    CHECK_STR(asyncio_error_where(e), "f.c:7");
    asyncio_ignore(-EIO);
}

/* ---- threads, memory ---- */

static void *ref_and_unref(void *error) {
    for (int i = 0; i < 20000; i++) asyncio_error_unref(asyncio_error_ref(error));
    for (int i = 0; i < 100; i++) {
        CHECK_INT(asyncio_reraise(asyncio_error_ref(error)), -EIO);
        asyncio_ignore(-EIO);
    }
    asyncio_error_unref(error);
    return NULL;
}

TEST(references_can_be_counted_by_several_threads) {
    pthread_t threads[4];
    asyncio_error *e = error_with_thing(-EIO);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(pthread_create(&threads[i], NULL, ref_and_unref, asyncio_error_ref(e)), 0);
    }
    asyncio_error_unref(e);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK_INT(drops, 1);
}

TEST(without_memory_there_is_no_error_object) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_error *e = asyncio_error_new(-EIO, NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_error_new(-EIO, "x"), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_errorgroup_new("x", 1, &e), NULL);
    asyncio_ignore(-ENOMEM);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__error_make(-EIO, "x"), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_error_take(-EPIPE), NULL);
    asyncio_error_unref(e);
}

TEST(without_memory_for_frames_an_error_is_raised_without_them) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    struct asyncio__frame frame = make_frame(NULL, &fetch_type, "f.c:7", "fetch_coro");
    asyncio_auto_error e = asyncio_error_new(-EIO, "made before");
    asyncio__here.own.top = &frame;
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio_reraise(e), -EIO);
    asyncio__here.own.top = NULL;
    CHECK_PTR(asyncio_error_take(-EIO), e);
    CHECK_PTR(asyncio_error_where(e), NULL);
}
