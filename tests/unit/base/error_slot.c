/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/error_slot.c: which error a status means, through raising, awaiting,
 * catching, and bare statuses; chains that are long, shared or would be circular. An await is
 * played by await_(), which does what the task layer does around a coroutine.
 */
#include "base/error.h"

#include <errno.h>
#include <pthread.h>

#include <asyncio/testing.h>

#include "test.h"

#define SLOT (asyncio__strand_current()->error)

static int await_(int (*body)(void)) {
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *saved = strand->error;
    strand->error = NULL;
    int rc = body();
    asyncio__error_after(strand, saved, rc);
    return rc;
}

#define TRY_(status)                                                                               \
    do {                                                                                           \
        int status_ = (status);                                                                    \
        if (status_ < 0) return status_;                                                           \
    } while (0)

/* The messages of the chain in the slot, "newest oldest". */
static const char *chain(void) {
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (asyncio_error *e = SLOT; e; e = asyncio_error_context(e)) {
        const char *message = asyncio_error_message(e);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "",
                              message ? message : "-");
    }
    return text;
}

static size_t length(const asyncio_error *e) {
    size_t n = 0;
    for (; e && n < 1000; e = asyncio_error_context(e)) n++;
    return n;
}

static int raise_(int code, const char *message) {
    return asyncio_raise(code, "t.c:1", "f", "%s", message);
}

static void empty_slot(void) {
    asyncio_error_unref(SLOT);
    SLOT = NULL;
}

/* A new error that somebody else holds too, as a future does. */
static asyncio_error *held[100];
static size_t held_count;

static asyncio_error *hold_error(int code, const char *message) {
    return held[held_count++] = asyncio_error_new(code, "%s", message);
}

static void release_held(void) {
    while (held_count > 0) asyncio_error_unref(held[--held_count]);
}

/* ---- one error ---- */

TEST(raising_fills_the_slot_and_gives_the_code) {
    CHECK_INT(raise_(-EIO, "disk"), -EIO);
    CHECK_STR(chain(), "disk");
    CHECK_PTR(asyncio__error_match(asyncio__strand_current(), -EIO), SLOT);
    CHECK_PTR(asyncio__error_match(asyncio__strand_current(), -EPIPE), NULL);
    CHECK_PTR(asyncio__error_match(asyncio__strand_current(), 0), NULL);
    empty_slot();
}

TEST(raising_what_is_no_code_is_a_type_error) {
    CHECK_INT(raise_(0, "zero"), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_error_code(SLOT), ASYNCIO_TYPE_ERROR);
    CHECK_INT(raise_(3, "three"), ASYNCIO_TYPE_ERROR);
    empty_slot();
}

TEST(catch_takes_only_its_own_code) {
    int rc = raise_(-EIO, "disk");
    CHECK(!asyncio_catch(rc, -EPIPE));
    CHECK_STR(chain(), "disk");
    CHECK(asyncio_catch(rc, -EIO));
    CHECK_PTR(SLOT, NULL);
    CHECK(asyncio_catch(-EIO, -EIO)); /* bare */
    CHECK(!asyncio_catch(0, -EIO));
    CHECK(asyncio_catch(0, 0));
}

TEST(take_gives_the_object_and_makes_one_for_a_bare_status) {
    int rc = raise_(-EIO, "disk");
    asyncio_error *raised = SLOT;
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_PTR(e, raised);
    CHECK_PTR(SLOT, NULL);
    asyncio_error_unref(e);
    e = asyncio_error_take(-EPIPE);
    CHECK_INT(asyncio_error_code(e), -EPIPE);
    CHECK_PTR(asyncio_error_message(e), NULL);
    CHECK_PTR(asyncio_error_where(e), NULL);
    asyncio_error_unref(e);
    CHECK_PTR(asyncio_error_take(0), NULL);
    CHECK_PTR(asyncio_error_take(5), NULL);
}

TEST(detach_gives_nothing_for_a_bare_status) {
    CHECK_PTR(asyncio__error_detach(asyncio__strand_current(), -EIO), NULL);
}

TEST(ignore_drops_the_error_and_nothing_else) {
    asyncio_ignore(raise_(-EIO, "disk"));
    CHECK_PTR(SLOT, NULL);
    CHECK_INT(raise_(-EIO, "disk"), -EIO);
    asyncio_ignore(0);
    asyncio_ignore(-EPIPE);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

TEST(reraise_puts_the_same_object_back) {
    asyncio_error *e = asyncio_error_take(raise_(-EIO, "disk"));
    const char *where = asyncio_error_where(e);
    CHECK_INT(asyncio_reraise(e), -EIO);
    CHECK_PTR(SLOT, e);
    CHECK_STR(asyncio_error_where(SLOT), where);
    CHECK_INT(asyncio_reraise(NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_error_code(SLOT), ASYNCIO_TYPE_ERROR);
    empty_slot();
}

TEST(a_new_error_has_the_former_as_its_context) {
    raise_(-EIO, "disk");
    raise_(-EPIPE, "pipe");
    CHECK_STR(chain(), "pipe disk");
    asyncio_error *pipe_error = asyncio_error_take(-EPIPE);
    CHECK_STR(chain(), "disk");
    CHECK_PTR(asyncio_error_context(pipe_error), SLOT);
    asyncio_error_unref(pipe_error);
    empty_slot();
}

/* ---- through awaits ---- */

static int leaf(void) { return raise_(-EIO, "disk"); }
static int middle(void) {
    TRY_(await_(leaf));
    return 0;
}
static int fine(void) { return 0; }
static int bad_close(void) { return raise_(-EPIPE, "close"); }
static int bare_io(void) { return -EIO; }
static int bare_pipe(void) { return -EPIPE; }

TEST(an_error_passes_through_awaits_unchanged) {
    CHECK_INT(await_(middle), -EIO);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

static int cleanup_succeeds(void) {
    int rc = await_(middle);
    CHECK_INT(await_(fine), 0);
    return rc;
}
static int cleanup_fails(void) {
    int rc = await_(middle);
    CHECK_INT(await_(bad_close), -EPIPE);
    return rc;
}
static int cleanup_replaces(void) {
    if (await_(middle) < 0) TRY_(await_(bad_close));
    return 0;
}
static int cleanup_caught(void) {
    int rc = await_(middle);
    CHECK(asyncio_catch(await_(bad_close), -EPIPE));
    return rc;
}

TEST(awaiting_what_succeeds_leaves_the_slot_as_it_was) {
    CHECK_INT(await_(cleanup_succeeds), -EIO);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

TEST(a_status_means_its_error_though_a_newer_one_was_raised) {
    CHECK_INT(await_(cleanup_fails), -EIO);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

TEST(an_error_in_a_cleanup_has_the_first_as_context) {
    CHECK_INT(await_(cleanup_replaces), -EPIPE);
    CHECK_STR(chain(), "close disk");
    empty_slot();
}

TEST(catching_the_newer_error_leaves_the_older) {
    CHECK_INT(await_(cleanup_caught), -EIO);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

static int caught(void) {
    int rc = await_(middle);
    return asyncio_catch(rc, -EIO) ? 0 : rc;
}
static int caught_then_bare(void) {
    CHECK(asyncio_catch(await_(middle), -EIO));
    return -EIO;
}
static int not_caught_then_bare(void) { return await_(middle) == -EIO ? -EIO : 0; }
static int handled_without_catch(void) {
    CHECK_INT(await_(middle), -EIO);
    return 0;
}

TEST(a_caught_error_is_gone) {
    CHECK_INT(await_(caught), 0);
    CHECK_PTR(SLOT, NULL);
    CHECK_INT(await_(caught_then_bare), -EIO);
    CHECK_PTR(SLOT, NULL);
}

TEST(returning_the_status_raises_the_error_that_is_still_there) {
    CHECK_INT(await_(not_caught_then_bare), -EIO);
    CHECK_STR(chain(), "disk");
    empty_slot();
}

TEST(what_a_successful_coroutine_leaves_behind_is_dropped) {
    CHECK_INT(await_(handled_without_catch), 0);
    CHECK_PTR(SLOT, NULL);
    raise_(-EINVAL, "mine");
    CHECK_INT(await_(handled_without_catch), 0);
    CHECK_STR(chain(), "mine");
    empty_slot();
}

TEST(a_bare_status_leaves_the_errors_from_before_the_await) {
    CHECK_INT(await_(bare_io), -EIO);
    CHECK_PTR(SLOT, NULL);
    raise_(-EINVAL, "mine");
    asyncio_error *mine = SLOT;
    CHECK_INT(await_(bare_io), -EIO);
    CHECK_PTR(SLOT, mine);
    empty_slot();
}

static int handled_then_other_bare(void) {
    CHECK_INT(await_(middle), -EIO);
    return -EPIPE;
}

TEST(a_bare_status_does_not_expose_what_the_coroutine_had_handled) {
    raise_(-EINVAL, "mine");
    CHECK_INT(await_(handled_then_other_bare), -EPIPE);
    CHECK_STR(chain(), "mine");
    empty_slot();
}

TEST(a_bare_status_can_mean_an_error_from_before_the_await) {
    raise_(-EPIPE, "older");
    raise_(-EIO, "newer");
    CHECK_INT(await_(bare_pipe), -EPIPE);
    CHECK_STR(chain(), "older");
    empty_slot();
}

TEST(the_error_that_is_meant_moves_to_the_front) {
    raise_(-EINVAL, "saved");
    asyncio_error *saved = SLOT;
    SLOT = NULL;
    raise_(-EIO, "meant");
    raise_(-EPIPE, "newer");
    asyncio__error_after(asyncio__strand_current(), saved, -EIO);
    CHECK_STR(chain(), "meant saved");
    empty_slot();
}

/* ---- shared errors ---- */

TEST(an_error_of_a_future_keeps_its_identity) {
    asyncio_error *e = hold_error(-EIO, "future");
    raise_(-EINVAL, "mine");
    asyncio__error_put(asyncio__strand_current(), asyncio_error_ref(e));
    CHECK_PTR(SLOT, e);
    CHECK_STR(chain(), "future mine");
    CHECK(asyncio_catch(-EIO, -EIO));
    CHECK_STR(chain(), "mine");
    empty_slot();
    release_held();
}

TEST(the_same_error_raised_twice_makes_no_circle) {
    asyncio_error *e = hold_error(-EIO, "future");
    for (int i = 0; i < 3; i++) {
        CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
        CHECK_PTR(SLOT, e);
        CHECK_STR(chain(), "future");
    }
    empty_slot();
    release_held();
}

TEST(an_error_raised_again_while_a_later_one_is_handled_makes_no_circle) {
    asyncio_error *e = hold_error(-EIO, "future");
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    raise_(-EPIPE, "later");
    CHECK_STR(chain(), "later future");
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    CHECK_PTR(SLOT, e);
    CHECK_STR(chain(), "future later");
    empty_slot();
    release_held();
}

TEST(where_a_circle_cannot_be_cut_the_older_chain_is_let_go) {
    asyncio_error *e = hold_error(-EIO, "future");
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    raise_(-EPIPE, "later");
    held[held_count++] = asyncio_error_ref(SLOT);
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    CHECK_STR(chain(), "future");
    CHECK_PTR(asyncio_error_context(held[1]), e);
    empty_slot();
    release_held();
}

TEST(a_circle_over_causes_and_members_is_not_made) {
    asyncio_error *e = hold_error(-EIO, "inner");
    asyncio_error *group = asyncio_errorgroup_new("group", 1, &e);
    CHECK_INT(asyncio_reraise(group), ASYNCIO_EXCEPTION_GROUP);
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    CHECK_STR(chain(), "inner");
    asyncio_error *by_cause = asyncio_error_new(-EPIPE, "caused");
    empty_slot();
    CHECK_INT(asyncio_error_set_cause(by_cause, e), 0);
    CHECK_INT(asyncio_reraise(by_cause), -EPIPE);
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    CHECK_STR(chain(), "inner");
    empty_slot();
    release_held();
}

TEST(a_member_may_be_the_context_of_its_group) {
    asyncio_error *e = hold_error(-EIO, "inner");
    CHECK_INT(asyncio_reraise(asyncio_error_ref(e)), -EIO);
    CHECK_INT(asyncio_reraise(asyncio_errorgroup_new("group", 1, &e)), ASYNCIO_EXCEPTION_GROUP);
    CHECK_STR(chain(), "group inner");
    empty_slot();
    release_held();
}

TEST(two_waiters_of_one_error_each_find_what_they_had) {
    struct asyncio__strand a = { .top = NULL }, b = { .top = NULL };
    asyncio_error *e = hold_error(-EIO, "future");
    a.error = asyncio_error_new(-EINVAL, "a's");
    b.error = asyncio_error_new(-EPIPE, "b's");
    asyncio__error_put(&a, asyncio_error_ref(e));
    asyncio__error_put(&b, asyncio_error_ref(e));
    CHECK_PTR(a.error, e);
    CHECK_PTR(b.error, e);
    CHECK_STR(asyncio_error_message(asyncio__error_match(&a, -EINVAL)), "a's");
    CHECK_STR(asyncio_error_message(asyncio__error_match(&b, -EPIPE)), "b's");
    asyncio_error_unref(a.error);
    asyncio_error_unref(b.error);
    release_held();
}

/* ---- bounds ---- */

TEST(a_chain_nobody_shares_keeps_its_newest_links) {
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        raise_(-EIO, text);
        CHECK_INT(length(SLOT), i < 16 ? i + 1 : 16);
    }
    CHECK_STR(chain(), "999 998 997 996 995 994 993 992 991 990 989 988 987 986 985 984");
    empty_slot();
}

TEST(errors_never_caught_across_awaits_stay_bounded) {
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(await_(middle), -EIO);
        CHECK(length(SLOT) <= 16);
    }
    empty_slot();
}

TEST(the_errors_of_a_failing_await_give_way_to_those_from_before) {
    raise_(-EINVAL, "active");
    asyncio_error *saved = SLOT;
    SLOT = NULL;
    for (int i = 0; i < 100; i++) raise_(-EIO, "stale");
    asyncio__error_after(asyncio__strand_current(), saved, -EIO);
    CHECK(length(SLOT) <= 16);
    CHECK_STR(asyncio_error_message(asyncio__error_match(asyncio__strand_current(), -EINVAL)),
              "active");
    empty_slot();
}

TEST(chains_of_errors_that_others_hold_stay_bounded) {
    for (int i = 0; i < 100; i++) {
        asyncio__error_put(asyncio__strand_current(), asyncio_error_ref(hold_error(-EIO, "x")));
        CHECK(length(SLOT) <= 32);
        raise_(-EPIPE, "y");
        CHECK(length(SLOT) <= 32);
    }
    empty_slot();
    for (size_t i = 0; i < held_count; i++) CHECK(length(held[i]) <= 32);
    release_held();
}

TEST(raising_on_a_chain_that_cannot_be_cut_stays_bounded) {
    while (held_count < 40) {
        asyncio__error_put(asyncio__strand_current(), asyncio_error_ref(hold_error(-EIO, "x")));
    }
    for (int i = 0; i < 100; i++) {
        raise_(-EPIPE, "y");
        CHECK(length(SLOT) <= 32);
    }
    CHECK_INT(length(SLOT), 16);
    empty_slot();
    release_held();
}

TEST(an_error_awaited_by_many_stays_bounded) {
    asyncio_error *e = hold_error(-EIO, "future");
    for (int i = 0; i < 100; i++) {
        struct asyncio__strand strand = { .error = asyncio_error_new(-EPIPE, "%d", i) };
        asyncio__error_put(&strand, asyncio_error_ref(e));
        CHECK_PTR(strand.error, e);
        CHECK(length(e) <= 32);
        asyncio_error_unref(strand.error);
    }
    release_held();
}

static asyncio_error *both[2];

static void *raise_both(void *unused) {
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        CHECK_INT(asyncio_reraise(asyncio_error_ref(both[i & 1])), -EIO);
        raise_(-EPIPE, "own");
        CHECK_INT(asyncio_reraise(asyncio_error_ref(both[~i & 1])), -EIO);
        CHECK(length(SLOT) <= 64);
        CHECK(asyncio_catch(-EIO, -EIO));
        empty_slot();
    }
    return NULL;
}

TEST(an_error_can_be_raised_by_several_threads_at_a_time) {
    pthread_t threads[4];
    both[0] = asyncio_error_new(-EIO, "first");
    both[1] = asyncio_error_new(-EIO, "second");
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, raise_both, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    asyncio_error_unref(both[0]);
    asyncio_error_unref(both[1]);
}

/* ---- memory ---- */

TEST(without_memory_the_code_alone_is_raised) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_testing_fail_allocation(1);
    CHECK_INT(raise_(-EIO, "lost"), -EIO);
    CHECK_PTR(SLOT, NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio__raise(-EIO, "lost"), -EIO);
    CHECK_PTR(SLOT, NULL);
}

TEST(a_code_raised_without_memory_is_not_mistaken_for_an_older_error) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    raise_(-EINVAL, "oldest");
    raise_(-EIO, "older");
    raise_(-EPIPE, "newer");
    asyncio_testing_fail_allocation(1);
    CHECK_INT(raise_(-EIO, "lost"), -EIO);
    CHECK_STR(chain(), "oldest");
    asyncio_testing_fail_allocation(1);
    CHECK_INT(raise_(-EPIPE, "lost"), -EPIPE);
    CHECK_STR(chain(), "oldest");
    empty_slot();
}
