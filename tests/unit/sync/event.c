/* SPDX-License-Identifier: MIT
 *
 * Event: whom setting it wakes, and when.
 */
#include "sync.h"

ASYNC(waits, (asyncio_event *) event, (const char *) name) {
    asyncio_value v;
    int rc = AWAIT(asyncio_event_wait(event), &v);
    note("%s%s", name, rc < 0 ? "!" : "");
    TRY(rc);
    CHECK(v.type == &asyncio_value_bool && v.i == 1);
    RETURN();
}

TEST_ASYNC(wait_on_a_set_event_does_not_suspend) { /* EVT-1 */
    asyncio_auto_event event = asyncio_event_new();
    unsigned long long before = turns();
    CHECK(!asyncio_event_is_set(event));
    asyncio_event_set(event);
    asyncio_event_set(event);
    CHECK(asyncio_event_is_set(event));
    TRY(AWAIT(waits(event, "main")));
    CHECK_INT(turns(), before);
    asyncio_event_clear(event);
    asyncio_event_clear(event);
    CHECK(!asyncio_event_is_set(event));
    RETURN();
}

ASYNC(sets_with_waiters, (bool) clear) {
    asyncio_auto_event event = asyncio_event_new();
    asyncio_task *a = asyncio_create_task(waits(event, "1"));
    asyncio_task *b = asyncio_create_task(waits(event, "2"));
    take_turns(1);
    asyncio_event_set(event);
    if (clear) asyncio_event_clear(event);
    else TRY(AWAIT(waits(event, "3")));
    take_turns(1);
    CHECK_STR(notes, clear ? "1 2" : "3 1 2");
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

TEST(set_wakes_all_in_order_one_turn_later_and_who_comes_meanwhile_goes_first) { /* EVT-2, EVT-3 */
    run(sets_with_waiters(false));
}

/* EVT-4 */
TEST(a_waiter_that_saw_the_event_set_goes_on_though_it_is_cleared) { run(sets_with_waiters(true)); }

TEST_ASYNC(who_waits_after_clear_waits_for_the_next_set) {
    asyncio_auto_event event = asyncio_event_new();
    asyncio_task *a = asyncio_create_task(waits(event, "1"));
    take_turns(1);
    asyncio_event_set(event);
    asyncio_event_clear(event);
    asyncio_task *b = asyncio_create_task(waits(event, "2"));
    take_turns(1);
    CHECK_STR(notes, "1");
    asyncio_event_set(event);
    asyncio_event_clear(event);
    asyncio_event_set(event);
    take_turns(1);
    CHECK_STR(notes, "1 2");
    check_ended(a, 0);
    check_ended(b, 0);
    RETURN();
}

TEST_ASYNC(cancelled_waiters_leave) { /* EVT-5 */
    asyncio_auto_event event = asyncio_event_new();
    char text[64];
    asyncio_task *a = asyncio_create_task(waits(event, "1"));
    asyncio_task *b = asyncio_create_task(waits(event, "2"));
    asyncio_task *c = asyncio_create_task(waits(event, "3"));
    take_turns(1);
    asyncio_event_repr(event, text, sizeof text);
    CHECK_STR(text, "<Event [unset, waiters:3]>");
    asyncio_task_cancel(a, NULL);
    take_turns(1);
    asyncio_event_repr(event, text, sizeof text);
    CHECK_STR(text, "<Event [unset, waiters:2]>");
    asyncio_event_set(event);
    asyncio_event_repr(event, text, sizeof text);
    CHECK_STR(text, "<Event [set, waiters:2]>");
    asyncio_task_cancel(b, NULL);
    check_ended(a, ASYNCIO_CANCELLED_ERROR);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    check_ended(c, 0);
    CHECK_STR(notes, "1! 2! 3");
    asyncio_event_repr(event, text, sizeof text);
    CHECK_STR(text, "<Event [set]>");
    RETURN();
}

TEST_ASYNC(waiters_hold_the_event) {
    asyncio_event *event = asyncio_event_new();
    asyncio_task *a = asyncio_create_task(asyncio_event_wait(event));
    asyncio_task *b = asyncio_create_task(asyncio_event_wait(event));
    take_turns(1);
    asyncio_task_cancel(b, NULL);
    asyncio_event_set(event);
    asyncio_event_unref(event);
    check_ended(a, 0);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    RETURN();
}

ASYNC(waits_for_a_second, (asyncio_event *) event) {
    return AWAIT(asyncio_wait_for(asyncio_event_wait(event), 1));
}

TEST(an_event_is_bound_to_the_first_loop_somebody_waits_in) {
    asyncio_event *event = asyncio_event_new();
    CHECK(asyncio_catch(run_and_bind(waits_for_a_second(event)), ASYNCIO_TIMEOUT_ERROR));
    CHECK_ERROR(run_for_status(waits_for_a_second(event)), ASYNCIO_RUNTIME_ERROR,
                "the Event is bound to a different event loop");
    asyncio_event_set(event);
    run(waits_for_a_second(event));
    CHECK_LETS_GO(asyncio_event, event);
}
