/* SPDX-License-Identifier: MIT
 *
 * tests/unit/inspect/graph.c: who awaits whom. The programs are those of CPython's own tests of
 * the call graph and more like them; the expected graphs are what CPython 3.14 gives.
 */
#include <errno.h>

#include "core.h"

/* ---- graphs as short text ---- */

static char drawn[4096];

static void draw(const char *fmt, ...) ASYNCIO_PRINTF(1, 2);
static void draw(const char *fmt, ...) {
    va_list args;
    size_t used = strlen(drawn);
    va_start(args, fmt);
    vsnprintf(drawn + used, sizeof drawn - used, fmt, args);
    va_end(args);
}

/* "T<name> s f, a g {...}": s a plain function, a a coroutine, ag a generator. */
static void draw_graph(const asyncio_call_graph *g) {
    const asyncio_task *t = asyncio_future_as_task(asyncio_call_graph_future(g));
    const char *name = t ? asyncio_task_get_name(t) : NULL;
    if (t) draw("T<%s>", strchr(name, '-') ? "anon" : name);
    else draw("F");
    for (size_t i = 0; i < asyncio_call_graph_frame_count(g); i++) {
        const asyncio_frame_info *f = asyncio_call_graph_frame(g, i);
        const char *kind = !f->coro ? "s" : f->coro->run ? "a" : "ag";
        draw("%s%s %s", i ? ", " : " ", kind, f->func);
    }
    CHECK_PTR(asyncio_call_graph_frame(g, asyncio_call_graph_frame_count(g)), NULL);
    if (asyncio_call_graph_cut(g)) draw(" ...");
    size_t n = asyncio_call_graph_awaited_by_count(g);
    for (size_t i = 0; i < n; i++) {
        draw(i ? "; " : " {");
        draw_graph(asyncio_call_graph_awaited_by(g, i));
    }
    if (n) draw("}");
    CHECK_PTR(asyncio_call_graph_awaited_by(g, n), NULL);
}

static void draw_captured(asyncio_call_graph *g) {
    CHECK(g != NULL);
    drawn[0] = '\0';
    draw_graph(g);
    asyncio_call_graph_unref(g);
}

#define CAPTURE(...) draw_captured(asyncio_capture_call_graph(__VA_ARGS__))

/* The text, with addresses replaced by ID and this file's name by FILE. */
static const char *normalised(const char *text) {
    static char out[8192];
    char *to = out;
    for (const char *p = text; *p;) {
        if (strncmp(p, "id=0x", 5) == 0) {
            to += sprintf(to, "id=ID");
            p += 5 + strspn(p + 5, "0123456789abcdef");
        } else if (strncmp(p, __FILE__, strlen(__FILE__)) == 0) {
            to += sprintf(to, "FILE");
            p += strlen(__FILE__);
        } else if (strncmp(p, "line ", 5) == 0) {
            to += sprintf(to, "line N");
            p += 5 + strspn(p + 5, "0123456789");
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
    return out;
}

static void run_main(asyncio_coro main) {
    start_loop();
    asyncio_task_options o = { .size = sizeof o, .coro = main, .name = "main" };
    asyncio_auto_task t = asyncio_loop_create_task_with(loop, &o);
    int rc = asyncio_loop_run_until_complete(loop, asyncio_coro_of_task(t), NULL);
    if (rc < 0) asyncio_error_print(asyncio_error_take(rc), stderr);
    CHECK_INT(rc, 0);
    asyncio_task_unref(t);
    t = NULL;
    end_loop();
}

/* ---- a task, from inside ---- */

static void capture_in_function(void) { CAPTURE(NULL); }

ASYNC(deep) {
    TRY(AWAIT(asyncio_sleep(0)));
    capture_in_function();
    RETURN();
}

ASYNC(c1) {
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(deep()));
    RETURN();
}

ASYNC(c2) {
    for (int i = 0; i < 3; i++) TRY(AWAIT(asyncio_sleep(0)));
    RETURN();
}

ASYNC(awaits_task) {
    asyncio_auto_task t = asyncio_create_task(c1(), .name = "there there");
    TRY(AWAIT(t));
    RETURN();
}

ASYNC(main_task) {
    TRY(AWAIT(awaits_task()));
    RETURN();
}

TEST(a_task_that_is_awaited) { /* INTR-7 */
    run_main(main_task());
    CHECK_STR(drawn, "T<there there> s capture_in_function, a deep, a c1"
                     " {T<main> a awaits_task, a main_task}");
}

ASYNC(main_gather) {
    TRY(AWAIT(asyncio_gather(NULL, c1(), c2())));
    RETURN();
}

TEST(a_child_of_gather) { /* INTR-7 */
    run_main(main_gather());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a main_gather}");
}

ASYNC(main_shield) {
    TRY(AWAIT(asyncio_shield(c1())));
    RETURN();
}

TEST(what_is_shielded) { /* INTR-7 */
    run_main(main_shield());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a main_shield}");
}

ASYNC(main_nested) {
    asyncio_auto_future inner = asyncio_shield_future(c1());
    asyncio_coro aws[] = { asyncio_coro_of_future(inner), c2() };
    asyncio_auto_future gathered = asyncio_gather_future(2, aws, false);
    TRY(AWAIT(asyncio_wait_for(gathered, 10)));
    RETURN();
}

TEST(futures_that_stand_in_between_are_left_out) {
    run_main(main_nested());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a main_nested}");
}

ASYNC(waits, (asyncio_task *) a, (asyncio_task *) b) {
    asyncio_future *both[] = { asyncio_task_as_future(a), asyncio_task_as_future(b) };
    TRY(AWAIT(asyncio_wait(both, 2)));
    RETURN();
}

ASYNC(main_wait) {
    asyncio_auto_task a = asyncio_create_task(c1());
    asyncio_auto_task b = asyncio_create_task(c2());
    TRY(AWAIT(waits(a, b)));
    RETURN();
}

TEST(what_wait_waits_for) { /* INTR-7 */
    run_main(main_wait());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a waits, a main_wait}");
}

ASYNC(main_as_completed) {
    asyncio_coro aws[] = { c1(), c2() };
    asyncio_auto_as_completed it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    asyncio_future *f;
    for (int i = 0; i < 2; i++) TRY(AWAIT(asyncio_as_completed_next(it, &f)));
    RETURN();
}

TEST(what_as_completed_follows) {
    run_main(main_as_completed());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a main_as_completed}");
}

ASYNC(main_wait_for) {
    TRY(AWAIT(asyncio_wait_for(c1(), 10)));
    asyncio_auto_task t = asyncio_create_task(c1());
    CHECK_STR(drawn, "T<main> s capture_in_function, a deep, a c1, a main_wait_for");
    TRY(AWAIT(asyncio_wait_for(t, 10)));
    RETURN();
}

TEST(wait_for_runs_a_coroutine_in_the_waiting_task) {
    run_main(main_wait_for());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a deep, a c1 {T<main> a main_wait_for}");
}

ASYNC(joined) {
    int rc = AWAIT(asyncio_sleep(5));
    capture_in_function();
    TRY(rc);
    RETURN();
}

ASYNC(main_join) {
    asyncio_auto_task t = asyncio_create_task(joined());
    asyncio_auto_outcome outcome = { .status = 0 };
    TRY(AWAIT(asyncio_task_join(t, &outcome)));
    RETURN();
}

TEST(who_is_joined) {
    run_main(main_join());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a joined {T<main> a main_join}");
}

ASYNC(main_wait_for_nothing) {
    int rc = AWAIT(asyncio_wait_for(joined(), 0));
    CHECK(rc < 0);
    asyncio_ignore(rc);
    asyncio_auto_task t = asyncio_create_task(joined());
    TRY(AWAIT(asyncio_sleep(1)));
    rc = AWAIT(asyncio_wait_for(t, 0)); /* cancels it and waits until it is done */
    asyncio_ignore(rc);
    RETURN();
}

TEST(who_is_cancelled_and_waited_for) {
    run_main(main_wait_for_nothing());
    CHECK_STR(drawn, "T<anon> s capture_in_function, a joined {T<main> a main_wait_for_nothing}");
}

/* ---- whoever does not wait any more ---- */

ASYNC(survives) {
    TRY(AWAIT(asyncio_sleep(100)));
    RETURN();
}

ASYNC(fails_at_once) { RAISE(ASYNCIO_VALUE_ERROR, "no"); }

ASYNC(main_failed_gather, (bool) held) {
    asyncio_auto_task t = asyncio_create_task(survives());
    if (held) {
        asyncio_auto_future all =
            asyncio_gather_future(2, (asyncio_coro[]){ ASYNCIO_CORO(t), fails_at_once() }, false);
        CHECK_INT(AWAIT(all), ASYNCIO_VALUE_ERROR);
        CAPTURE(asyncio_task_as_future(t));
    } else {
        CHECK_INT(AWAIT(asyncio_gather(NULL, t, fails_at_once())), ASYNCIO_VALUE_ERROR);
        CAPTURE(asyncio_task_as_future(t));
    }
    asyncio_ignore(ASYNCIO_VALUE_ERROR);
    asyncio_task_cancel(t, NULL);
    asyncio_ignore(AWAIT(t));
    RETURN();
}

TEST(a_gather_that_has_failed_awaits_the_others_no_more) { /* V15-5 */
    run_main(main_failed_gather(false));
    CHECK_STR(drawn, "T<anon> a survives");
    run_main(main_failed_gather(true));
    CHECK_STR(drawn, "T<anon> a survives");
}

ASYNC(main_given_up_shield) {
    asyncio_auto_task t = asyncio_create_task(survives());
    TRY(AWAIT(asyncio_sleep(0)));
    asyncio_auto_future outer = asyncio_shield_future(ASYNCIO_CORO(t));
    asyncio_future_cancel(outer, NULL);
    CAPTURE(asyncio_task_as_future(t));
    CHECK_STR(drawn, "T<anon> a survives");
    TRY(AWAIT(asyncio_sleep(0)));
    CAPTURE(asyncio_task_as_future(t));
    asyncio_task_cancel(t, NULL);
    asyncio_ignore(AWAIT(t));
    RETURN();
}

TEST(a_shield_that_was_given_up_awaits_nothing) { /* V15-5 */
    run_main(main_given_up_shield());
    CHECK_STR(drawn, "T<anon> a survives");
}

/* ---- groups ---- */

ASYNC(awaits, (asyncio_task *) t) {
    TRY(AWAIT(t));
    RETURN();
}

ASYNC(main_group) {
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        asyncio_auto_task t = asyncio_taskgroup_create_task(g, c1(), .name = "c1_root");
        TRY(asyncio_taskgroup_spawn(g, awaits(t), .name = "sub_main_1"));
        TRY(asyncio_taskgroup_spawn(g, awaits(t), .name = "sub_main_2"));
    }
    TRY(rc);
    RETURN();
}

TEST(a_task_of_a_group) { /* INTR-7 */
    run_main(main_group());
    CHECK_STR(drawn, "T<c1_root> s capture_in_function, a deep, a c1 {T<main> a main_group; "
                     "T<sub_main_1> a awaits {T<main> a main_group}; "
                     "T<sub_main_2> a awaits {T<main> a main_group}}");
}

/* ---- a future, from outside ---- */

ASYNC(waits_for, (asyncio_future *) f) {
    TRY(AWAIT(f));
    RETURN();
}

ASYNC(a1, (asyncio_future *) f) {
    TRY(AWAIT(waits_for(f)));
    RETURN();
}

ASYNC(main_future) {
    asyncio_auto_future f = asyncio_future_new();
    int rc;
    ASYNC_WITH(g, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(g, a1(f), .name = "task A"));
        TRY(asyncio_taskgroup_spawn(g, waits_for(f), .name = "task B"));
        for (int i = 0; i < 5; i++) TRY(AWAIT(asyncio_sleep(0)));
        CAPTURE(f);
        TRY(asyncio_future_set_result(f, asyncio_none()));
    }
    TRY(rc);
    CAPTURE(f, .limit = 3); /* done: nobody waits any more */
    return rc;
}

TEST(a_future_that_several_wait_for) {
    start_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, main_future(), .name = "main");
    for (int i = 0; i < 6; i++) turn();
    CHECK_STR(drawn, "F {T<task A> a waits_for, a a1 {T<main> a main_future}; "
                     "T<task B> a waits_for {T<main> a main_future}}");
    for (int i = 0; i < 6; i++) turn();
    CHECK_STR(drawn, "F");
    CHECK(asyncio_task_done(t));
    asyncio_task_unref(t);
    t = NULL;
    end_loop();
}

TEST(a_task_that_has_not_started_stands_at_its_definition) {
    start_loop();
    asyncio_auto_task t = asyncio_loop_create_task(loop, c2(), .name = "new");
    CAPTURE(asyncio_task_as_future(t));
    CHECK_STR(drawn, "T<new> a c2");
    char text[512];
    CHECK(asyncio_format_call_graph(text, sizeof text, asyncio_task_as_future(t)) > 0);
    CHECK_STR(normalised(text), "* Task(name='new', id=ID)\n"
                                "  + Call stack:\n"
                                "  |   File 'FILE', line N, in async c2()");
    for (int i = 0; i < 5; i++) turn();
    CAPTURE(asyncio_task_as_future(t));
    CHECK_STR(drawn, "T<new>");
    asyncio_task_unref(t);
    t = NULL;
    end_loop();
}

ASYNC(main_creates_gather) {
    asyncio_auto_future f = asyncio_future_new();
    asyncio_coro aws[] = { asyncio_coro_of_future(f) };
    asyncio_auto_future gathered = asyncio_gather_future(1, aws, false);
    CAPTURE(f);
    CHECK_STR(drawn, "F {F}"); /* nobody awaits it yet */
    asyncio_future_unref(gathered);
    gathered = NULL;
    CAPTURE(f);
    CHECK_STR(drawn, "F");
    TRY(asyncio_future_set_result(f, asyncio_none()));
    RETURN();
}

TEST(a_gather_nobody_awaits_is_shown_itself) { run_main(main_creates_gather()); }

/* ---- generators ---- */

ASYNC(nested_call) {
    CAPTURE(NULL);
    RETURN();
}

ASYNC_GEN(counts) {
    for (long i = 0; i < 2; i++) {
        TRY(YIELD(i));
        if (i == 1) TRY(AWAIT(nested_call()));
    }
    return 0;
}

ASYNC(main_generator) {
    asyncio_auto_gen g = counts();
    asyncio_value v;
    int rc;
    ASYNC_FOR(v, g, rc) {}
    TRY(rc);
    RETURN();
}

TEST(a_generator_among_the_frames) {
    run_main(main_generator());
    CHECK_STR(drawn, "T<main> a nested_call, ag counts, a main_generator");
}

/* ---- options ---- */

static void formats(char *text, size_t n, unsigned depth) {
    CHECK(asyncio_format_call_graph(text, n, NULL, .depth = depth) > 0);
}

ASYNC(inner) {
    char text[1024];
    CAPTURE(NULL, .depth = 2);
    CHECK_STR(drawn, "T<main> a main_options");
    CAPTURE(NULL, .depth = 9);
    CHECK_STR(drawn, "T<main>");
    CAPTURE(NULL, .limit = 1);
    CHECK_STR(drawn, "T<main> a main_options");
    CAPTURE(NULL, .limit = -1);
    CHECK_STR(drawn, "T<main> a inner");
    CAPTURE(NULL, .limit = -7);
    CHECK_STR(drawn, "T<main> a inner, a main_options");
    CAPTURE(NULL, .no_stack = true);
    CHECK_STR(drawn, "T<main>");
    CAPTURE(asyncio_task_as_future(asyncio_current_task()), .depth = 2);
    CHECK_STR(drawn, "T<main> a main_options");
    formats(text, sizeof text, 0);
    CHECK_STR(normalised(text), "* Task(name='main', id=ID)\n"
                                "  + Call stack:\n"
                                "  |   File 'FILE', line N, in formats()\n"
                                "  |   File 'FILE', line N, in async inner()\n"
                                "  |   File 'FILE', line N, in async main_options()");
    formats(text, sizeof text, 2);
    CHECK_STR(normalised(text), "* Task(name='main', id=ID)\n"
                                "  + Call stack:\n"
                                "  |   File 'FILE', line N, in async inner()\n"
                                "  |   File 'FILE', line N, in async main_options()");
    asyncio_auto_call_graph g = asyncio_capture_call_graph_with(NULL);
    CHECK_INT(asyncio_call_graph_frame_count(g), 2);
    RETURN();
}

ASYNC(main_options) {
    TRY(AWAIT(inner()));
    RETURN();
}

TEST(depth_and_limit_choose_the_frames) { run_main(main_options()); }

ASYNC(child_of_two) {
    TRY(AWAIT(asyncio_sleep(1)));
    CHECK_INT(asyncio_print_call_graph(NULL, .limit = 1), 0);
    RETURN();
}

ASYNC(main_prints) {
    asyncio_auto_task t = asyncio_create_task(child_of_two(), .name = "it's");
    TRY(AWAIT(awaits(t)));
    RETURN();
}

TEST(the_graph_is_printed_as_python_does) { /* INTR-7, V14-1 */
    run_main(main_prints());
    CHECK_STR(normalised(test_printed()),
              "* Task(name=\"it's\", id=ID)\n"
              "  + Call stack:\n"
              "  |   File 'FILE', line N, in async child_of_two()\n"
              "  + Awaited by:\n"
              "    * Task(name='main', id=ID)\n"
              "      + Call stack:\n"
              "      |   File 'FILE', line N, in async main_prints()\n");
}

TEST(the_place_is_that_of_the_call) {
    start_loop();
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    char text[256];
    FILE *file = fmemopen(text, sizeof text, "w");
    CHECK_INT(asyncio_print_call_graph(f, .file = file), 0);
    fclose(file);
    CHECK_STR(normalised(text), "* Future(id=ID)\n");
    int n = asyncio_format_call_graph(text, 9, f);
    CHECK_STR(text, "* Future");
    CHECK(n > 9);
    asyncio_future_unref(f);
    f = NULL;
    end_loop();
}

/* ---- without a task ---- */

static int capture_in_callback(void *arg) {
    char text[8] = "x";
    (void)arg;
    CHECK_PTR(asyncio_capture_call_graph(NULL), NULL);
    CHECK_INT(asyncio_format_call_graph(text, sizeof text, NULL), 0);
    CHECK_STR(text, "");
    CHECK_INT(asyncio_print_call_graph(NULL), 0);
    note("none");
    return 0;
}

TEST(without_a_current_task_there_is_no_graph) {
    start_loop();
    CHECK_INT(asyncio_loop_call_soon(loop, capture_in_callback, NULL), 0);
    turn();
    CHECK_NOTES("none");
    end_loop();
    CHECK_STR(test_printed(), "");
}

TEST(without_a_loop_a_future_is_required) {
    CHECK_PTR(asyncio_capture_call_graph(NULL), NULL);
    asyncio_auto_error e = asyncio_error_take(ASYNCIO_RUNTIME_ERROR);
    CHECK_STR(asyncio_error_message(e),
              "capture_call_graph() is called outside of a running event loop and no *future* to "
              "introspect was provided");
    CHECK_INT(asyncio_print_call_graph(NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_INT(asyncio_format_call_graph(NULL, 0, NULL), ASYNCIO_RUNTIME_ERROR);
    asyncio_ignore(ASYNCIO_RUNTIME_ERROR);
    CHECK_PTR(asyncio_call_graph_ref(NULL), NULL);
    asyncio_call_graph_unref(NULL);
    CHECK_PTR(asyncio_call_graph_future(NULL), NULL);
    CHECK_INT(asyncio_call_graph_frame_count(NULL) + asyncio_call_graph_awaited_by_count(NULL), 0);
    CHECK_PTR(asyncio_call_graph_frame(NULL, 0), NULL);
    CHECK_PTR(asyncio_call_graph_awaited_by(NULL, 0), NULL);
    CHECK(!asyncio_call_graph_cut(NULL));
}

/* ---- large graphs ---- */

static asyncio_task *circle[3];

ASYNC(awaits_next, (long) i) {
    TRY(AWAIT(circle[(i + 1) % 3]));
    RETURN();
}

TEST(a_circle_is_gone_round_once) { /* INTR-7 */
    start_loop();
    for (long i = 0; i < 3; i++) {
        char name[] = "a";
        name[0] = (char)('a' + i);
        asyncio_task_options o = { .size = sizeof o, .coro = awaits_next(i), .name = name };
        circle[i] = asyncio_loop_create_task_with(loop, &o);
    }
    turn();
    turn();
    CAPTURE(asyncio_task_as_future(circle[0]));
    CHECK_STR(drawn, "T<a> a awaits_next {T<c> a awaits_next {T<b> a awaits_next {T<a> ...}}}");
    char text[2048];
    asyncio_format_call_graph(text, sizeof text, asyncio_task_as_future(circle[0]));
    CHECK_CONTAINS(text, "\n              + Awaits in a circle");
    asyncio_task_cancel(circle[0], NULL);
    for (int i = 0; i < 6; i++) turn();
    for (int i = 0; i < 3; i++) asyncio_task_unref(circle[i]);
    end_loop();
}

TEST(graphs_have_an_end) {
    enum { N = 400 };
    static asyncio_task *tasks[N];
    start_loop();
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    for (int i = 0; i < N; i++) {
        asyncio_future *of = i ? asyncio_task_as_future(tasks[i - 1]) : f;
        tasks[i] = asyncio_loop_create_task(loop, waits_for(of));
    }
    turn();
    asyncio_call_graph *g = asyncio_capture_call_graph(f), *at = g;
    int levels = 1;
    for (; asyncio_call_graph_awaited_by_count(at); levels++)
        at = asyncio_call_graph_awaited_by(at, 0);
    CHECK_INT(levels, 250);
    CHECK(asyncio_call_graph_cut(at));
    CHECK(asyncio_call_graph_future(at) == asyncio_task_as_future(tasks[248]));
    asyncio_call_graph *kept = asyncio_call_graph_ref(at); /* one count for all of it */
    asyncio_call_graph_unref(g);
    CHECK_INT(asyncio_call_graph_frame_count(kept), 1);
    asyncio_call_graph_unref(kept);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    for (int i = 0; i < N + 2; i++) turn();
    for (int i = 0; i < N; i++) asyncio_task_unref(tasks[i]);
    asyncio_future_unref(f);
    f = NULL;
    end_loop();
}

/* Each level awaits the one below twice, by way of two tasks: 2^30 ways up. */
TEST(graphs_that_grow_with_every_level_are_bounded) {
    enum { LEVELS = 30 };
    static asyncio_task *tasks[LEVELS][2];
    static asyncio_future *gathered[LEVELS];
    start_loop();
    asyncio_future *below = asyncio_loop_create_future(loop), *bottom = below;
    asyncio_set_event_loop(loop);
    for (int i = 0; i < LEVELS; i++) {
        for (int j = 0; j < 2; j++) tasks[i][j] = asyncio_loop_create_task(loop, waits_for(below));
        asyncio_coro aws[] = { asyncio_coro_of_task(tasks[i][0]),
                               asyncio_coro_of_task(tasks[i][1]) };
        below = gathered[i] = asyncio_gather_future(2, aws, false);
    }
    turn();
    asyncio_call_graph *g = asyncio_capture_call_graph(bottom);
    CHECK(g != NULL);
    asyncio_call_graph_unref(g);
    CHECK_INT(asyncio_future_set_result(bottom, asyncio_none()), 0);
    for (int i = 0; i < 3 * LEVELS + 2; i++) turn();
    for (int i = 0; i < LEVELS; i++) {
        asyncio_task_unref(tasks[i][0]);
        asyncio_task_unref(tasks[i][1]);
        asyncio_future_unref(gathered[i]);
    }
    asyncio_future_unref(bottom);
    end_loop();
}

TEST(a_graph_outlives_what_it_shows) {
    start_loop();
    asyncio_task *t = asyncio_loop_create_task(loop, c2(), .name = "gone");
    asyncio_call_graph *g = asyncio_capture_call_graph(asyncio_task_as_future(t));
    asyncio_task_unref(t);
    for (int i = 0; i < 5; i++) turn();
    CHECK_INT(asyncio_call_graph_frame_count(g), 1);
    CHECK_STR(asyncio_task_get_name(asyncio_future_as_task(asyncio_call_graph_future(g))), "gone");
    asyncio_call_graph_unref(g);
    end_loop();
}

TEST(without_memory_there_is_no_graph) {
    if (asyncio_testing_fail_allocation(0) < 0) SKIP("built without fault injection");
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop);
    asyncio_task *t = asyncio_loop_create_task(loop, waits_for(f), .name = "t");
    turn();
    for (long n = 1;; n++) {
        asyncio_testing_fail_allocation(n);
        FILE *file = fopen("/dev/null", "w");
        int rc = asyncio_print_call_graph(f, .file = file);
        bool failed = asyncio_testing_fail_allocation(0) >= n;
        fclose(file);
        if (!failed) break;
        CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
    }
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio_future_add_to_awaited_by(f, f), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    turn();
    turn();
    asyncio_task_unref(t);
    asyncio_future_unref(f);
    end_loop();
}

/* ---- marks ---- */

TEST(a_program_can_tell_who_waits) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop), *w = asyncio_loop_create_future(loop);
    char before[128], after[128];
    asyncio_future_repr(f, before, sizeof before);
    for (int i = 0; i < 2; i++) CHECK_INT(asyncio_future_add_to_awaited_by(f, w), 0);
    asyncio_future_repr(f, after, sizeof after);
    CHECK_STR(after, before); /* it is no callback */
    CAPTURE(f);
    CHECK_STR(drawn, "F {F}");
    asyncio_future_discard_from_awaited_by(f, w);
    CAPTURE(f);
    CHECK_STR(drawn, "F");
    asyncio_future_discard_from_awaited_by(f, w);
    asyncio_future_unref(w);
    asyncio_future_unref(f);
    end_loop();
}

TEST(marks_go_with_their_future) {
    start_loop();
    asyncio_future *f = asyncio_loop_create_future(loop), *w = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_add_to_awaited_by(f, w), 0);
    asyncio_future_unref(f); /* pending */
    f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_add_to_awaited_by(f, w), 0);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    CHECK_INT(asyncio_future_add_to_awaited_by(f, w), 0); /* done: nothing happens */
    asyncio_future_discard_from_awaited_by(f, w);
    asyncio_future_unref(f);
    turn();
    f = asyncio_loop_create_future(loop);
    CHECK_INT(asyncio_future_add_to_awaited_by(f, w), 0);
    CHECK_INT(asyncio_future_set_result(f, asyncio_none()), 0);
    CHECK_INT(asyncio_future_add_to_awaited_by(NULL, w), 0);
    CHECK_INT(asyncio_future_add_to_awaited_by(w, NULL), 0);
    asyncio_future_discard_from_awaited_by(NULL, w);
    asyncio_future_discard_from_awaited_by(w, NULL);
    asyncio_future_unref(f);
    asyncio_future_unref(w);
    end_loop(); /* with a mark still queued */
}
