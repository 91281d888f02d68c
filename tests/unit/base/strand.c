/* SPDX-License-Identifier: MIT
 *
 * tests/unit/base/strand.c: every thread begins with an empty strand of its own and lets go of
 * what is in its slots when it ends.
 */
#include "base/strand.h"

#include <pthread.h>

#include "base/contextvar.h"
#include "base/error.h"
#include "test.h"

static asyncio_contextvar *var;
static asyncio_error *shared;
static int dropped;

static void drop_thing(asyncio_value *value) {
    (void)value;
    dropped++;
}

/* Its drop raises, in a thread that is ending. */
static void drop_and_raise(asyncio_value *value) {
    drop_thing(value);
    CHECK_INT(asyncio__raise(ASYNCIO_VALUE_ERROR, "late"), ASYNCIO_VALUE_ERROR);
}

static const asyncio_value_type thing = { sizeof thing, "thing", drop_thing, NULL, NULL };
static const asyncio_value_type raiser = { sizeof raiser, "raiser", drop_and_raise, NULL, NULL };

static void *use_both_slots(void *type) {
    CHECK_PTR(asyncio__strand_current(), &asyncio__here.own);
    CHECK_PTR(asyncio__here.strand, NULL);
    CHECK_PTR(asyncio__here.own.error, NULL);
    CHECK_INT(asyncio__here.own.context, 0);
    CHECK_INT(asyncio_contextvar_set(var, asyncio_own(&dropped, type), NULL), 0);
    CHECK_INT(asyncio_reraise(asyncio_error_ref(shared)), ASYNCIO_VALUE_ERROR);
    return NULL;
}

static void run_thread(const asyncio_value_type *type) {
    pthread_t thread;
    var = asyncio_contextvar_new("var", NULL);
    shared = asyncio_error_new(ASYNCIO_VALUE_ERROR, "shared");
    CHECK_INT(pthread_create(&thread, NULL, use_both_slots, (void *)(uintptr_t)type), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(dropped, 1);
    CHECK_PTR(asyncio__here.own.error, NULL);
    CHECK_INT(asyncio_contextvar_get(var, NULL), ASYNCIO_LOOKUP_ERROR);
    asyncio_ignore(ASYNCIO_LOOKUP_ERROR);
    asyncio_contextvar_unref(var);
    asyncio_error_unref(shared);
}

TEST(a_thread_that_ends_lets_go_of_its_error_and_context) { run_thread(&thing); }

TEST(letting_go_at_the_end_of_a_thread_may_raise) { run_thread(&raiser); }

static void *use_context(void *unused) {
    (void)unused;
    CHECK_INT(asyncio_contextvar_set(var, asyncio_own(&dropped, &thing), NULL), 0);
    return NULL;
}

static void *use_error_slot(void *unused) {
    asyncio_error *error = asyncio_error_new(ASYNCIO_VALUE_ERROR, "with an argument");
    (void)unused;
    asyncio_error_set_value(error, asyncio_own(&dropped, &thing));
    CHECK_INT(asyncio_reraise(error), ASYNCIO_VALUE_ERROR);
    return NULL;
}

TEST(either_slot_is_emptied_without_the_other) {
    void *(*const uses[])(void *arg) = { use_context, use_error_slot };
    var = asyncio_contextvar_new("var", NULL);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, uses[i], NULL), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
        CHECK_INT(dropped, i + 1);
    }
    asyncio_contextvar_unref(var);
}

TEST(the_strand_of_a_task_is_the_current_one_while_it_runs) {
    struct asyncio__strand strand = { .top = NULL };
    asyncio__here.strand = &strand;
    CHECK_PTR(asyncio__strand_current(), &strand);
    CHECK_INT(asyncio__raise(ASYNCIO_VALUE_ERROR, "in the task"), ASYNCIO_VALUE_ERROR);
    asyncio__here.strand = NULL;
    CHECK_PTR(asyncio__here.own.error, NULL);
    CHECK_STR(asyncio_error_message(strand.error), "in the task");
    asyncio_error_unref(strand.error);
}

TEST(the_type_of_an_unset_result_owns_nothing) {
    CHECK(!asyncio__unset.drop);
    CHECK(!asyncio__unset.copy);
    CHECK_INT(asyncio__unset.size, sizeof(asyncio_value_type));
}
