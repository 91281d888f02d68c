/* SPDX-License-Identifier: MIT
 *
 * tests/unit/combine/creation_order.c: wherever the library goes through a set of tasks it does so
 * in order of creation, where CPython's sets have the order of addresses.
 */
#include "core.h"

#define COUNT 40

static int seen[COUNT], seen_count;

ASYNC(member, (int) i, (double) seconds) {
    int rc = AWAIT(asyncio_sleep(seconds));
    seen[seen_count++] = i;
    return rc;
}

static void check_order(int count) {
    CHECK_INT(seen_count, count);
    for (int i = 0; i < count; i++) CHECK_INT(seen[i], i);
    seen_count = 0;
}

/* Tasks of all ages, with gaps: memory of others that have gone is used again. */
static asyncio_task *make(int i, double seconds) {
    asyncio_auto_task gap = asyncio_create_task(asyncio_sleep(0));
    asyncio_task_cancel(gap, NULL);
    return asyncio_create_task(member(i, seconds));
}

ASYNC(fails) {
    TRY(AWAIT(asyncio_sleep(1)));
    RAISE(ASYNCIO_KEY_ERROR, NULL);
}

ASYNC(group_aborts, (bool) by_cancel) {
    int rc = 0;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        for (int i = 0; i < COUNT; i++) {
            if (i == COUNT / 2 && !by_cancel) TRY(asyncio_taskgroup_spawn(tg, fails()));
            TRY(asyncio_taskgroup_spawn(tg, member(i, 100 - i)));
        }
        rc = AWAIT(asyncio_sleep(2));
        asyncio_taskgroup_cancel(tg);
    }
    asyncio_ignore(rc);
    check_order(COUNT);
    RETURN();
}

TEST(a_group_cancels_its_tasks_in_order_of_creation) {
    run_alone(group_aborts(false));
    run_alone(group_aborts(true));
}

ASYNC(leaves_many) {
    for (int i = 0; i < COUNT; i++) {
        asyncio_task *t = make(i, 100 - i);
        asyncio_task_unref(t);
        if (i % 7 == 0) TRY(AWAIT(asyncio_sleep(0)));
    }
    TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

static asyncio_loop *testing_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

TEST(a_run_that_ends_cancels_what_is_left_in_order_of_creation) {
    CHECK_INT(asyncio_run(leaves_many(), NULL, .loop_factory = testing_loop), 0);
    check_order(COUNT);
}

TEST(a_loop_that_closes_unwinds_in_order_of_creation) {
    start_loop();
    CHECK_INT(run(leaves_many()), 0);
    end_loop();
    check_order(COUNT);
    CHECK_INT(reported.count, COUNT);
}

TEST_ASYNC(all_tasks_are_listed_in_order_of_creation) {
    asyncio_task *mine[COUNT], *all[COUNT + 1];
    for (int i = 0; i < COUNT; i++) mine[i] = make(i, 5);
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_INT(asyncio_all_tasks(NULL, all, COUNT + 1), COUNT + 1);
    CHECK_PTR(all[0], asyncio_current_task());
    for (int i = 0; i < COUNT; i++) CHECK_PTR(all[i + 1], mine[i]);
    for (int i = 0; i < COUNT; i++) TRY(AWAIT(mine[i]));
    for (int i = 0; i < COUNT; i++) asyncio_task_unref(mine[i]);
    check_order(COUNT);
    RETURN();
}

TEST_ASYNC(a_gather_cancels_its_children_in_the_order_given) {
    asyncio_coro aws[COUNT];
    for (int i = 0; i < COUNT; i++) aws[i] = member(i, 100 - i);
    asyncio_ignore(AWAIT(asyncio_wait_for(asyncio_gather_array(NULL, COUNT, aws), 1)));
    check_order(COUNT);
    RETURN();
}

/* All end in one turn: which comes first is the order in which they were made. */
TEST_ASYNC(as_completed_gives_what_ends_in_one_turn_in_order_of_creation) {
    asyncio_coro aws[COUNT];
    asyncio_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) tasks[i] = make(i, 5);
    for (int i = 0; i < COUNT; i++) aws[i] = asyncio_coro_of_task(tasks[COUNT - 1 - i]);
    asyncio_as_completed *it = asyncio_as_completed_new(COUNT, aws, ASYNCIO_FOREVER);
    for (int i = 0; i < COUNT; i++) {
        asyncio_future *f;
        TRY(AWAIT(asyncio_as_completed_next(it, &f)));
        CHECK_PTR(f, tasks[i]);
    }
    asyncio_as_completed_unref(it);
    for (int i = 0; i < COUNT; i++) asyncio_task_unref(tasks[i]);
    check_order(COUNT);
    RETURN();
}

TEST_ASYNC(a_scope_interrupts_its_tasks_in_order_of_creation) {
    int rc, group_rc = 0;
    ASYNC_WITH(scope, asyncio_move_on_after(1, &rc)) {
        ASYNC_WITH(tg, asyncio_taskgroup(&group_rc)) {
            for (int i = 0; i < COUNT; i++) TRY(asyncio_taskgroup_spawn(tg, member(i, 100 - i)));
        }
        rc = group_rc;
    }
    TRY(rc);
    check_order(COUNT);
    RETURN();
}
