/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/contextvar.c: variables, contexts, tokens, and the one-word references that
 * tasks and handles keep. Values count how often they are dropped.
 */
#include "base/contextvar.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <asyncio/testing.h>

#include "base/error.h"
#include "test.h"

#define SLOT (asyncio__strand_current()->context)

static int drops;

static void count_drop(asyncio_value *value) {
    (void)value;
    __atomic_add_fetch(&drops, 1, __ATOMIC_RELAXED);
}

static const asyncio_value_type thing = { sizeof thing, "thing", count_drop, NULL, NULL };

static asyncio_value make_thing(void) { return asyncio_own(&drops, &thing); }

static void set(asyncio_contextvar *var, long long x) {
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(x), NULL), 0);
}

/* Its value in the current context; -1 if there is none. */
static long long get(asyncio_contextvar *var) {
    asyncio_value value = asyncio_int(-1);
    int rc = asyncio_contextvar_get(var, &value);
    CHECK(rc == 0 || asyncio_catch(rc, ASYNCIO_LOOKUP_ERROR));
    return value.i;
}

static long long get_in(asyncio_context *context, asyncio_contextvar *var) {
    asyncio_value value = asyncio_int(-1);
    int rc = asyncio_context_get(context, var, &value);
    CHECK(rc == 0 || asyncio_catch(rc, ASYNCIO_LOOKUP_ERROR));
    return value.i;
}

static void empty_context(void) {
    asyncio__context_ref ref = SLOT;
    SLOT = 0;
    asyncio__context_release(ref);
}

static const char *slot_message(void) {
    return asyncio_error_message(asyncio__strand_current()->error);
}

/* ---- variables ---- */

TEST(a_variable_has_a_name_and_perhaps_a_default) {
    char name[] = "user";
    asyncio_auto_contextvar plain = asyncio_contextvar_new(name, NULL);
    name[0] = 'x';
    CHECK_STR(asyncio_contextvar_name(plain), "user");
    CHECK_PTR(asyncio_contextvar_name(NULL), NULL);
    asyncio_value out = asyncio_int(-1);
    CHECK_INT(asyncio_contextvar_get(plain, &out), ASYNCIO_LOOKUP_ERROR);
    CHECK_INT(out.i, -1);
    CHECK_CONTAINS(slot_message(), "<ContextVar name='user' at 0x");
    asyncio_ignore(ASYNCIO_LOOKUP_ERROR);
    asyncio_value five = asyncio_int(5), none = asyncio_none();
    asyncio_auto_contextvar with = asyncio_contextvar_new("with", &five);
    CHECK_INT(get(with), 5);
    CHECK_INT(asyncio_contextvar_get(with, NULL), 0);
    asyncio_auto_contextvar with_none = asyncio_contextvar_new("none", &none);
    CHECK_INT(asyncio_contextvar_get(with_none, &out), 0);
    CHECK_PTR(out.type, NULL);
}

TEST(a_default_is_moved_in_and_dropped_with_the_variable) {
    asyncio_value value = make_thing();
    asyncio_contextvar *var = asyncio_contextvar_new("var", &value);
    CHECK_PTR(asyncio_contextvar_ref(var), var);
    asyncio_contextvar_unref(var);
    CHECK_INT(drops, 0);
    asyncio_contextvar_unref(var);
    CHECK_INT(drops, 1);
    CHECK_PTR(asyncio_contextvar_new(NULL, &value), NULL);
    CHECK_INT(drops, 2);
    CHECK(asyncio_catch(ASYNCIO_TYPE_ERROR, ASYNCIO_TYPE_ERROR));
    asyncio_contextvar_unref(NULL);
    CHECK_PTR(asyncio_contextvar_ref(NULL), NULL);
}

TEST(what_is_set_is_got_and_replaces_what_was_set) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, make_thing(), NULL), 0);
    CHECK_INT(drops, 0);
    set(var, 2);
    CHECK_INT(drops, 1);
    CHECK_INT(get(var), 2);
    empty_context();
    CHECK_INT(get(var), -1);
}

TEST(a_context_holds_its_variables) {
    asyncio_contextvar *var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, make_thing(), NULL), 0);
    asyncio_contextvar_unref(var);
    CHECK_STR(asyncio_contextvar_name(var), "var");
    empty_context();
    CHECK_INT(drops, 1);
}

TEST(many_variables_keep_their_values_apart) {
    enum { COUNT = 200 };
    asyncio_contextvar *vars[COUNT];
    for (int i = 0; i < COUNT; i++) vars[i] = asyncio_contextvar_new("var", NULL);
    for (int i = 0; i < COUNT; i++) set(vars[(i * 77) % COUNT], (i * 77) % COUNT);
    for (int i = 0; i < COUNT; i++) CHECK_INT(get(vars[i]), i);
    asyncio_context *copy = asyncio_copy_context();
    for (int i = 0; i < COUNT; i += 3) set(vars[i], 1000 + i);
    for (int i = 0; i < COUNT; i++) CHECK_INT(get(vars[i]), i % 3 ? i : 1000 + i);
    for (int i = 0; i < COUNT; i++) CHECK_INT(get_in(copy, vars[i]), i);
    asyncio_context_unref(copy);
    empty_context();
    for (int i = 0; i < COUNT; i++) asyncio_contextvar_unref(vars[i]);
}

TEST(without_a_variable_calls_fail_and_drop_the_value) {
    asyncio_value out;
    CHECK_INT(asyncio_contextvar_set(NULL, make_thing(), NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(drops, 1);
    CHECK_INT(asyncio_contextvar_get(NULL, &out), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_contextvar_reset(NULL, NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_context_get(NULL, NULL, &out), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
}

/* ---- tokens ---- */

TEST(reset_brings_back_the_value_before) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    asyncio_token *first, *second;
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), &first), 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(2), &second), 0);
    CHECK_INT(asyncio_contextvar_reset(var, second), 0);
    CHECK_INT(get(var), 1);
    CHECK_INT(asyncio_contextvar_reset(var, first), 0);
    CHECK_INT(get(var), -1);
    asyncio_token_unref(first);
    asyncio_token_unref(second);
    asyncio_token_unref(NULL);
    empty_context();
}

TEST(reset_leaves_other_variables_and_copies_alone) {
    asyncio_auto_contextvar a = asyncio_contextvar_new("a", NULL);
    asyncio_auto_contextvar b = asyncio_contextvar_new("b", NULL);
    asyncio_token *token, *shared;
    set(a, 1);
    CHECK_INT(asyncio_contextvar_set(b, asyncio_int(2), &token), 0);
    CHECK_INT(asyncio_contextvar_reset(b, token), 0); /* the set is the object's own */
    CHECK_INT(asyncio_contextvar_set(b, asyncio_int(3), &shared), 0);
    asyncio_context *copy = asyncio_copy_context();
    CHECK_INT(asyncio_contextvar_reset(b, shared), 0); /* the set is shared */
    CHECK_INT(get(a), 1);
    CHECK_INT(get(b), -1);
    CHECK_INT(get_in(copy, a), 1);
    CHECK_INT(get_in(copy, b), 3);
    asyncio_context_unref(copy);
    asyncio_token_unref(token);
    asyncio_token_unref(shared);
    empty_context();
}

TEST(reset_after_the_variable_is_gone_restores_it) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    asyncio_token *first, *second;
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), &first), 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(2), &second), 0);
    CHECK_INT(asyncio_contextvar_reset(var, first), 0);
    CHECK_INT(get(var), -1);
    CHECK_INT(asyncio_contextvar_reset(var, second), 0);
    CHECK_INT(get(var), 1);
    asyncio_token_unref(first);
    asyncio_token_unref(second);
    empty_context();
}

TEST(a_token_is_good_once_for_its_variable_in_its_context) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    asyncio_auto_contextvar other = asyncio_contextvar_new("other", NULL);
    asyncio_token *token;
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(1), &token), 0);
    CHECK_INT(asyncio_contextvar_reset(other, token), ASYNCIO_VALUE_ERROR);
    asyncio__context_ref mine = SLOT;
    SLOT = asyncio__context_capture();
    CHECK_INT(asyncio_contextvar_reset(var, token), ASYNCIO_VALUE_ERROR);
    asyncio__context_release(SLOT);
    SLOT = mine;
    CHECK_INT(get(var), 1);
    CHECK_INT(asyncio_contextvar_reset(var, token), 0);
    CHECK_INT(asyncio_contextvar_reset(var, token), ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_contextvar_reset(var, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_token_unref(token);
    empty_context();
}

TEST(a_token_holds_the_value_before) {
    asyncio_contextvar *var = asyncio_contextvar_new("var", NULL);
    asyncio_token *token;
    CHECK_INT(asyncio_contextvar_set(var, make_thing(), NULL), 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_int(2), &token), 0);
    empty_context();
    asyncio_contextvar_unref(var);
    CHECK_INT(drops, 0);
    asyncio_token_unref(token);
    CHECK_INT(drops, 1);
}

/* ---- contexts ---- */

TEST(a_copy_does_not_see_later_changes) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, make_thing(), NULL), 0);
    asyncio_context *copy = asyncio_copy_context();
    set(var, 2);
    CHECK_INT(drops, 0);
    asyncio_value out;
    CHECK_INT(asyncio_context_get(copy, var, &out), 0);
    CHECK_PTR(out.type, &thing);
    CHECK_INT(get(var), 2);
    asyncio_context_unref(copy);
    CHECK_INT(drops, 1);
    empty_context();
}

TEST(context_get_does_not_look_at_the_default) {
    asyncio_value five = asyncio_int(5);
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", &five);
    asyncio_context *empty = asyncio_context_new();
    CHECK_INT(get_in(empty, var), -1);
    asyncio_context *copy = asyncio_copy_context();
    CHECK_INT(get_in(copy, var), -1);
    asyncio_context_unref(copy);
    CHECK_INT(asyncio_context_get(copy = asyncio_copy_context(), var, NULL), ASYNCIO_LOOKUP_ERROR);
    asyncio_context_unref(copy);
    CHECK_PTR(asyncio_context_ref(empty), empty);
    asyncio_context_unref(empty);
    asyncio_context_unref(empty);
    CHECK_PTR(asyncio_context_ref(NULL), NULL);
    asyncio_context_unref(NULL);
}

struct visit {
    asyncio_contextvar *var; /* what is got and set */
    asyncio_context *again;  /* a context to enter inside, or NULL */
    long long seen;          /* what was got */
    int status;              /* of entering again */
};

static int set_nine(void *arg) {
    struct visit *visit = arg;
    visit->seen = get(visit->var);
    set(visit->var, 9);
    return 3;
}

static int enter_again(void *arg) {
    struct visit *visit = arg;
    visit->status = asyncio_context_run(visit->again, set_nine, visit);
    return visit->status;
}

TEST(run_reads_and_writes_the_context_and_leaves_the_callers_alone) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    struct visit visit = { .var = var };
    set(var, 1);
    asyncio_context *copy = asyncio_copy_context();
    set(var, 2);
    CHECK_INT(asyncio_context_run(copy, set_nine, &visit), 3);
    CHECK_INT(visit.seen, 1);
    CHECK_INT(get(var), 2);
    CHECK_INT(get_in(copy, var), 9);
    CHECK_INT(asyncio_context_run(copy, set_nine, &visit), 3);
    CHECK_INT(visit.seen, 9);
    CHECK_PTR(asyncio__here.entered, NULL);
    asyncio_context_unref(copy);
    empty_context();
}

TEST(a_context_cannot_be_entered_twice) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    asyncio_context *a = asyncio_context_new(), *b = asyncio_context_new();
    struct visit visit = { .var = var, .again = a };
    CHECK_INT(asyncio_context_run(a, enter_again, &visit), ASYNCIO_RUNTIME_ERROR);
    CHECK_CONTAINS(slot_message(), "cannot enter context: <Context object at 0x");
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    struct visit outer = { .var = var, .again = b };
    CHECK_INT(asyncio_context_run(a, enter_again, &outer), 3);
    CHECK_INT(outer.seen, -1);
    CHECK_INT(get_in(b, var), 9);
    CHECK_INT(get_in(a, var), -1);
    CHECK(!asyncio__context_is_entered(a));
    asyncio_context_unref(a);
    asyncio_context_unref(b);
}

static asyncio_context *lower;

static int is_lower_entered(void *upper) {
    CHECK(asyncio__context_is_entered(upper));
    CHECK(asyncio__context_is_entered(lower));
    return asyncio_context_run(lower, is_lower_entered, NULL);
}

static int enter_upper(void *upper) { return asyncio_context_run(upper, is_lower_entered, upper); }

TEST(contexts_below_the_current_one_count_as_entered) {
    asyncio_auto_context upper = asyncio_context_new();
    lower = asyncio_context_new();
    CHECK_INT(asyncio_context_run(lower, enter_upper, upper), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK(!asyncio__context_is_entered(NULL));
    asyncio_context_unref(lower);
}

static int let_go(void *context) {
    asyncio_context_unref(context);
    CHECK(asyncio__context_is_entered(context));
    return 0;
}

TEST(run_holds_the_context_meanwhile) {
    asyncio_context *context = asyncio_context_new();
    CHECK_INT(asyncio_context_run(context, let_go, context), 0);
}

TEST(run_needs_a_context_and_a_function) {
    asyncio_auto_context context = asyncio_context_new();
    CHECK_INT(asyncio_context_run(NULL, let_go, NULL), ASYNCIO_TYPE_ERROR);
    CHECK_INT(asyncio_context_run(context, NULL, NULL), ASYNCIO_TYPE_ERROR);
    asyncio_ignore(ASYNCIO_TYPE_ERROR);
}

static pthread_barrier_t inside, done;

static int stay(void *unused) {
    (void)unused;
    pthread_barrier_wait(&inside);
    pthread_barrier_wait(&done);
    return 0;
}

static void *stay_in(void *context) {
    CHECK_INT(asyncio_context_run(context, stay, NULL), 0);
    return NULL;
}

TEST(a_context_that_another_thread_runs_in_cannot_be_entered) {
    pthread_t thread;
    asyncio_auto_context context = asyncio_context_new();
    pthread_barrier_init(&inside, NULL, 2);
    pthread_barrier_init(&done, NULL, 2);
    CHECK_INT(pthread_create(&thread, NULL, stay_in, context), 0);
    pthread_barrier_wait(&inside);
    CHECK_INT(asyncio_context_run(context, stay, NULL), ASYNCIO_RUNTIME_ERROR);
    pthread_barrier_wait(&done);
    pthread_join(thread, NULL);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
}

/* ---- references ---- */

TEST(a_capture_of_an_empty_context_is_nothing) {
    CHECK_INT(asyncio__context_capture(), 0);
    CHECK(asyncio__context_object(&SLOT) != NULL);
    CHECK_INT(asyncio__context_capture(), 0);
    asyncio__context_release(0);
    empty_context();
}

TEST(captures_share_the_variables_until_one_sets) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    set(var, 1);
    asyncio__context_ref creator = SLOT, a = asyncio__context_capture();
    CHECK(a & 1);
    SLOT = a;
    asyncio__context_ref b = asyncio__context_capture(); /* a copy of a copy */
    CHECK_INT(a, b);
    CHECK_INT(get(var), 1);
    set(var, 2);
    CHECK(!(SLOT & 1));
    a = SLOT;
    SLOT = b;
    CHECK_INT(get(var), 1);
    SLOT = creator;
    CHECK_INT(get(var), 1);
    set(var, 3);
    SLOT = a;
    CHECK_INT(get(var), 2);
    asyncio__context_release(a);
    asyncio__context_release(b);
    SLOT = creator;
    empty_context();
}

TEST(the_object_of_a_slot_is_made_once_and_holds_what_was_there) {
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    set(var, 1);
    asyncio__context_ref slot = asyncio__context_capture();
    asyncio_context *object = asyncio__context_object(&slot);
    CHECK_PTR(asyncio__context_object(&slot), object);
    CHECK_INT(get_in(object, var), 1);
    asyncio__context_ref held = asyncio__context_hold(object);
    CHECK_INT(held, slot);
    asyncio__context_release(held);
    asyncio__context_release(slot);
    empty_context();
}

static void *release_and_copy(void *arg) {
    asyncio__context_ref ref = (asyncio__context_ref)(uintptr_t)arg;
    asyncio__here.own.context = ref;
    for (int i = 0; i < 2000; i++) asyncio__context_release(asyncio__context_capture());
    asyncio__here.own.context = 0;
    asyncio__context_release(ref);
    return NULL;
}

TEST(captures_can_be_let_go_by_other_threads) {
    pthread_t threads[4];
    asyncio_contextvar *var = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(var, make_thing(), NULL), 0);
    for (int i = 0; i < 4; i++) {
        asyncio__context_ref ref = asyncio__context_capture();
        CHECK_INT(pthread_create(&threads[i], NULL, release_and_copy, (void *)ref), 0);
    }
    for (int i = 0; i < 200; i++) set(var, i);
    empty_context();
    asyncio_contextvar_unref(var);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK_INT(drops, 1);
}

/* A value whose drop sets the variable it was the value of. */
static asyncio_contextvar *reentered;

static void drop_and_set(asyncio_value *value) {
    (void)value;
    drops++;
    set(reentered, 100);
}

static const asyncio_value_type setter = { sizeof setter, "setter", drop_and_set, NULL, NULL };

TEST(dropping_a_value_may_set_the_variable) {
    reentered = asyncio_contextvar_new("var", NULL);
    CHECK_INT(asyncio_contextvar_set(reentered, asyncio_own(&drops, &setter), NULL), 0);
    set(reentered, 1);
    CHECK_INT(drops, 1);
    CHECK_INT(get(reentered), 100);
    empty_context();
    asyncio_contextvar_unref(reentered);
}

/* ---- memory ---- */

TEST(a_set_without_memory_changes_nothing_and_drops_the_value) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    for (int n = 1;; n++) {
        asyncio_token *token = NULL;
        int dropped = drops;
        empty_context();
        asyncio_testing_fail_allocation(n);
        int rc = asyncio_contextvar_set(var, make_thing(), &token);
        asyncio_testing_fail_allocation(0);
        if (rc == 0) {
            CHECK_INT(n, 5); /* object, box, token, set of variables */
            asyncio_token_unref(token);
            break;
        }
        CHECK_INT(rc, -ENOMEM);
        CHECK_PTR(token, NULL);
        CHECK_INT(drops, dropped + 1);
        CHECK_INT(get(var), -1);
    }
    empty_context();
}

TEST(a_reset_without_memory_can_be_tried_again) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_auto_contextvar a = asyncio_contextvar_new("a", NULL);
    asyncio_auto_contextvar b = asyncio_contextvar_new("b", NULL);
    asyncio_token *unset, *former;
    set(a, 0);
    CHECK_INT(asyncio_contextvar_set(b, asyncio_int(1), &unset), 0);
    CHECK_INT(asyncio_contextvar_set(b, asyncio_int(2), &former), 0);
    asyncio_token *tokens[] = { former, unset };
    for (int i = 0; i < 2; i++) {
        asyncio_context *copy = asyncio_copy_context(); /* so that the set is shared */
        asyncio_testing_fail_allocation(1);
        CHECK_INT(asyncio_contextvar_reset(b, tokens[i]), -ENOMEM);
        CHECK_INT(get(b), 2 - i);
        CHECK_INT(asyncio_contextvar_reset(b, tokens[i]), 0);
        asyncio_context_unref(copy);
        asyncio_token_unref(tokens[i]);
    }
    CHECK_INT(get(b), -1);
    empty_context();
}

TEST(without_memory_there_is_no_variable_and_no_context) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    asyncio_auto_contextvar var = asyncio_contextvar_new("var", NULL);
    asyncio_value value = make_thing();
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_contextvar_new("x", &value), NULL);
    CHECK_INT(drops, 1);
    set(var, 1);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_copy_context(), NULL);
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio_context_new(), NULL);
    asyncio__context_ref slot = asyncio__context_capture(), before = slot;
    asyncio_testing_fail_allocation(1);
    CHECK_PTR(asyncio__context_object(&slot), NULL);
    CHECK_INT(slot, before);
    asyncio__context_release(slot);
    empty_context();
}
