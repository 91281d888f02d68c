/* SPDX-License-Identifier: MIT
 *
 * Exhausted memory under the combinators and generators (tests/support/fault.h): every call ends
 * well or with -ENOMEM, no cancellation is swallowed, every value is dropped once.
 */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

/* ---- values that count themselves ---- */

static long values;

static void drop_value(asyncio_value *v) {
    values--;
    free(v->p);
}

static int copy_value(asyncio_value *to, const asyncio_value *from) {
    *to = *from;
    to->p = malloc(1);
    values++;
    return 0;
}

static const asyncio_value_type value_type = {
    .size = sizeof value_type, .name = "value", .drop = drop_value, .copy = copy_value
};

static asyncio_value value(void) {
    values++;
    return asyncio_own(malloc(1), &value_type);
}

ASYNC(gives, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RETURN(value());
}

ASYNC(fails, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    RAISE(ASYNCIO_KEY_ERROR, "number %d", 5);
}

ASYNC(gives_anyway, (double) delay) {
    int rc = AWAIT(asyncio_sleep(delay));
    if (rc == -ENOMEM) return rc;
    asyncio_ignore(rc);
    RETURN(value());
}

/* Runs a coroutine that handles all errors but -ENOMEM. */
static int run_on(asyncio_loop *loop, asyncio_coro c) {
    return asyncio_loop_run_until_complete(loop, c, NULL);
}

#define OUT_OF_MEMORY(name, ...)                                                                   \
    static int run_##name(asyncio_loop *loop) { return run_on(loop, __VA_ARGS__); }                \
    TEST_TIMEOUT(name, 120) {                                                                      \
        fail_each(run_##name);                                                                     \
        CHECK_INT(values, 0);                                                                      \
    }

/* The status, if it is not the one expected: that is handled. */
static int unless(int rc, int expected) { return asyncio_catch(rc, expected) ? 0 : rc; }

/* ---- gather ---- */

ASYNC(gathers) {
    asyncio_value l[4];
    asyncio_auto_task t = asyncio_create_task(gives(1));
    if (!t) return status_of_null();
    TRY(AWAIT(asyncio_gather(l, t, gives(2), t, gives(0))));
    for (int i = 0; i < 4; i++) asyncio_value_drop(&l[i]);
    RETURN();
}
OUT_OF_MEMORY(gather, gathers())

ASYNC(gathers_failing) {
    TRY(unless(AWAIT(asyncio_gather(NULL, gives(1), fails(0.5), gives(2), fails(1))),
               ASYNCIO_KEY_ERROR));
    TRY(AWAIT(asyncio_sleep(5)));
    RETURN();
}
OUT_OF_MEMORY(gather_with_errors, gathers_failing())

ASYNC(gathers_outcomes) {
    asyncio_outcome o[3];
    asyncio_auto_task t = asyncio_create_task(gives(10));
    if (!t) return status_of_null();
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_task_cancel(t, "why");
    int worst = AWAIT(asyncio_gather_outcomes(o, t, fails(1), gives(1)));
    if (worst < 0) return worst;
    for (int i = 0; i < 3; i++) {
        if (o[i].status == -ENOMEM) worst = -ENOMEM;
        asyncio_outcome_fini(&o[i]);
    }
    return worst;
}
OUT_OF_MEMORY(gather_with_outcomes, gathers_outcomes())

ASYNC(gathers_as_future, (bool) return_exceptions) {
    asyncio_coro aws[] = { gives(1), gives(0), fails(1) };
    asyncio_auto_future f =
        asyncio_gather_future(return_exceptions ? 3 : 2, aws, return_exceptions);
    asyncio_value list, copy = asyncio_none();
    if (!f) return status_of_null();
    TRY(AWAIT(f, &list));
    int rc = asyncio_value_copy(&copy, &list);
    asyncio_value_drop(&copy);
    return rc;
}
OUT_OF_MEMORY(gather_as_a_future, gathers_as_future(false))
OUT_OF_MEMORY(gather_as_a_future_with_errors, gathers_as_future(true))

ASYNC(gathers_cancelled) {
    asyncio_auto_task t = asyncio_create_task(
        asyncio_gather(NULL, gives(5), asyncio_shield(gives(6)), asyncio_wait_for(gives(7), 9)));
    if (!t) return status_of_null();
    TRY(AWAIT(asyncio_sleep(1)));
    if (!asyncio_task_done(t)) {
        asyncio_task_cancel(t, "enough");
        int rc = AWAIT(t);
        CHECK(rc == ASYNCIO_CANCELLED_ERROR || rc == -ENOMEM);
        TRY(unless(rc, ASYNCIO_CANCELLED_ERROR));
    } else {
        TRY(AWAIT(t));
    }
    TRY(AWAIT(asyncio_sleep(10)));
    RETURN();
}
OUT_OF_MEMORY(gather_as_a_task_that_is_cancelled, gathers_cancelled())

/* ---- shield ---- */

ASYNC(shields) {
    asyncio_value v = asyncio_none();
    TRY(AWAIT(asyncio_shield(gives(1)), &v));
    asyncio_value_drop(&v);
    TRY(unless(AWAIT(asyncio_shield(fails(1))), ASYNCIO_KEY_ERROR));
    asyncio_auto_future s = asyncio_shield_future(fails(1));
    if (!s) return status_of_null();
    asyncio_future_cancel(s, "given up");
    TRY(AWAIT(asyncio_sleep(2)));
    asyncio_future *abandoned = asyncio_shield_future(gives(1));
    if (!abandoned) return status_of_null();
    asyncio_future_unref(abandoned);
    TRY(AWAIT(asyncio_sleep(2)));
    RETURN();
}
OUT_OF_MEMORY(shield, shields())

/* ---- wait_for, timeout ---- */

ASYNC(waits_for) {
    asyncio_value v = asyncio_none();
    TRY(AWAIT(asyncio_wait_for(gives(1), 2), &v));
    asyncio_value_drop(&v);
    TRY(unless(AWAIT(asyncio_wait_for(gives(3), 2)), ASYNCIO_TIMEOUT_ERROR));
    TRY(unless(AWAIT(asyncio_wait_for(gives(3), 0)), ASYNCIO_TIMEOUT_ERROR));
    asyncio_auto_task t = asyncio_create_task(gives_anyway(5));
    if (!t) return status_of_null();
    TRY(AWAIT(asyncio_wait_for(t, 1), &v));
    asyncio_value_drop(&v);
    TRY(AWAIT(asyncio_wait_for(t, 0), &v));
    asyncio_value_drop(&v);
    RETURN();
}
OUT_OF_MEMORY(wait_for, waits_for())

ASYNC(times_out) {
    int outer, inner;
    ASYNC_WITH(a, asyncio_timeout(5, &outer)) {
        ASYNC_WITH(b, asyncio_timeout_at(2, &inner)) {
            TRY(asyncio_timeout_reschedule(b, 3));
            inner = AWAIT(asyncio_sleep(10));
        }
        TRY(unless(inner, ASYNCIO_TIMEOUT_ERROR));
        TRY(AWAIT(asyncio_sleep(0)));
        outer = AWAIT(asyncio_sleep(10));
    }
    TRY(unless(outer, ASYNCIO_TIMEOUT_ERROR));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}
OUT_OF_MEMORY(timeout, times_out())

/* ---- wait, as_completed ---- */

ASYNC(waits) {
    enum { N = 20 };
    asyncio_task *t[N];
    int rc = 0, made = 0;
    for (; rc >= 0 && made < N; made++) {
        t[made] = made % 5 ? asyncio_create_task(gives(made)) : asyncio_create_task(fails(made));
        if (!t[made]) break;
    }
    if (made < N) rc = status_of_null();
    if (rc >= 0)
        rc = AWAIT(asyncio_wait(t, N, .return_when = ASYNCIO_FIRST_EXCEPTION, .timeout = 3,
                                .has_timeout = true));
    if (rc >= 0) rc = AWAIT(asyncio_wait(t, N));
    for (int i = 0; i < made; i++) asyncio_task_unref(t[i]);
    return rc < 0 ? rc : 0;
}
OUT_OF_MEMORY(wait, waits())

ASYNC(completes) {
    asyncio_coro aws[] = { gives(1), gives(9), fails(2), gives(0) };
    asyncio_as_completed *it = asyncio_as_completed_new(4, aws, 5);
    if (!it) return status_of_null();
    int rc = 0;
    asyncio_future *f;
    while (rc >= 0 && asyncio_as_completed_left(it) > 3)
        rc = AWAIT(asyncio_as_completed_next(it, &f));
    while (rc >= 0 && asyncio_as_completed_left(it)) {
        asyncio_value v = asyncio_none();
        rc = unless(AWAIT(asyncio_as_completed_result(it), &v), ASYNCIO_KEY_ERROR);
        asyncio_value_drop(&v);
    }
    asyncio_as_completed_unref(it);
    TRY(unless(rc, ASYNCIO_TIMEOUT_ERROR));
    TRY(AWAIT(asyncio_sleep(10)));
    RETURN();
}
OUT_OF_MEMORY(as_completed, completes())

/* ---- task groups ---- */

/* A group of errors none of which is unexpected is handled; -ENOMEM inside is the status. */
static int handle_group(int rc) {
    if (rc != ASYNCIO_EXCEPTION_GROUP) return rc;
    asyncio_auto_error e = asyncio_error_take(rc);
    rc = e ? 0 : -ENOMEM;
    for (size_t i = 0; i < asyncio_error_count(e); i++) {
        int code = asyncio_error_code(asyncio_error_child(e, i));
        if (code != ASYNCIO_KEY_ERROR && code != ASYNCIO_VALUE_ERROR) rc = code;
    }
    return rc;
}

ASYNC(groups, (bool) body_fails) {
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        for (int i = 0; i < 12; i++) TRY(asyncio_taskgroup_spawn(tg, gives(i), .name = "child"));
        TRY(asyncio_taskgroup_spawn(tg, fails(6)));
        TRY(asyncio_taskgroup_spawn(tg, gives_anyway(9)));
        rc = AWAIT(asyncio_sleep(body_fails ? 3 : 20));
        if (body_fails && rc >= 0)
            rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "body");
    }
    TRY(handle_group(rc));
    CHECK_INT(asyncio_task_cancelling(asyncio_current_task()), 0);
    RETURN();
}

ASYNC(handles, (asyncio_coro *) c) { return handle_group(AWAIT(*c)); }

static asyncio_coro handled(asyncio_coro c) {
    static asyncio_coro kept;
    kept = c;
    return handles(&kept);
}

OUT_OF_MEMORY(taskgroup, handled(groups(false)))
OUT_OF_MEMORY(taskgroup_whose_body_fails, handled(groups(true)))

ASYNC(pairs) {
    asyncio_taskgroup *tg;
    TRY(asyncio_taskgroup_enter(&tg));
    int rc = asyncio_taskgroup_spawn(tg, fails(1));
    if (rc >= 0) rc = asyncio_taskgroup_spawn(tg, gives(1));
    if (rc >= 0) rc = asyncio_raise(ASYNCIO_VALUE_ERROR, ASYNCIO_WHERE, __func__, "body");
    rc = handle_group(AWAIT(asyncio_taskgroup_exit(tg, rc)));
    asyncio_taskgroup_unref(tg);
    return rc;
}
OUT_OF_MEMORY(taskgroup_as_a_pair, pairs())

/* ---- generators ---- */

ASYNC_GEN(ticks, (int)n) {
    for (int i = 0; i < n; i++) {
        asyncio_value sent = asyncio_none();
        TRY(YIELD(value(), &sent));
        asyncio_value_drop(&sent);
        TRY(AWAIT(asyncio_sleep(1)));
    }
    RETURN();
}

ASYNC(generates) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen g = ticks(3);
    asyncio_auto_gen h = NULL;
    if (!g) return status_of_null();
    ASYNC_FOR(v, g, rc) {}
    TRY(rc);
    h = ticks(3);
    if (!h) return status_of_null();
    TRY(AWAIT(asyncio_gen_next(h)));
    TRY(AWAIT(asyncio_gen_send(h, value())));
    asyncio_error *e = asyncio_error_new(ASYNCIO_KEY_ERROR, NULL);
    if (!e) return status_of_null();
    TRY(unless(AWAIT(asyncio_gen_throw(h, e)), ASYNCIO_KEY_ERROR));
    RETURN();
}
OUT_OF_MEMORY(generator, generates())

ASYNC(leaves_generators) {
    for (int i = 0; i < 3; i++) {
        asyncio_gen *g = ticks(3);
        if (!g) return status_of_null();
        int rc = AWAIT(asyncio_gen_next(g));
        if (i != 1) asyncio_gen_unref(g);
        if (rc >= 0 && i == 1)
            rc = AWAIT(asyncio_loop_shutdown_asyncgens(asyncio_get_running_loop()));
        if (i == 1) asyncio_gen_unref(g);
        TRY(rc);
    }
    TRY(AWAIT(asyncio_sleep(2)));
    RETURN();
}
OUT_OF_MEMORY(generators_that_are_left, leaves_generators())
