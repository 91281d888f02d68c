/* SPDX-License-Identifier: MIT
 *
 * tests/unit/task/stack.c: get_stack and print_stack: where a task stands.
 */
#include "core.h"

static asyncio_future *future;
static int line_innermost, line_middle;

ASYNC(innermost) {
    line_innermost = __LINE__ + 1;
    TRY(AWAIT(future));
    RETURN();
}

ASYNC(middle) {
    line_middle = __LINE__ + 1;
    TRY(AWAIT(innermost()));
    RETURN();
}

ASYNC(outermost) {
    TRY(AWAIT(asyncio_sleep(0)));
    TRY(AWAIT(middle()));
    RETURN();
}

static void start(void) {
    start_loop();
    future = asyncio_loop_create_future(loop);
}

static void end(asyncio_task *t) {
    asyncio_task_unref(t);
    asyncio_future_unref(future);
    end_loop();
}

static void check_frame(const asyncio_frame_info *f, const char *func, int line) {
    char where[512];
    CHECK_STR(f->func, func);
    if (line == 0) return;
    snprintf(where, sizeof where, "%s:%d", __FILE__, line);
    CHECK_STR(f->where, where);
}

TEST(stack_of_a_suspended_task_is_all_its_frames_oldest_first) { /* INTR-4 */
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, outermost());
    turn();
    turn();
    asyncio_frame_info f[8];
    CHECK_INT(asyncio_task_get_stack(t, f, 8), 3);
    check_frame(&f[0], "outermost", 0);
    check_frame(&f[1], "middle", line_middle);
    check_frame(&f[2], "innermost", line_innermost);
    CHECK_STR(f[1].coro->name, "middle");
    memset(f, 0, sizeof f);
    CHECK_INT(asyncio_task_get_stack(t, f, 2), 3); /* the newest two */
    check_frame(&f[0], "middle", line_middle);
    check_frame(&f[1], "innermost", line_innermost);
    CHECK_PTR(f[2].func, NULL);
    CHECK_INT(asyncio_task_get_stack(t, NULL, 0), 3);
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK(asyncio_task_done(t));
    CHECK_INT(asyncio_task_get_stack(t, f, 8), 0);
    end(t);
}

TEST(stack_of_an_unstarted_task_is_its_coroutine) {
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, outermost());
    asyncio_frame_info f;
    CHECK_INT(asyncio_task_get_stack(t, &f, 1), 1);
    CHECK_STR(f.func, "outermost");
    CHECK_PTR(f.where, NULL);
    CHECK_STR(f.coro->name, "outermost");
    asyncio_task_cancel(t, NULL);
    turn();
    CHECK_INT(asyncio_task_get_stack(t, &f, 1), 0); /* cancelled */
    end(t);
}

ASYNC(fail_inside) { RAISE(ASYNCIO_VALUE_ERROR, "deep"); }

ASYNC(fail_outside) {
    TRY(AWAIT(fail_inside()));
    RETURN();
}

TEST(stack_of_a_failed_task_is_where_its_error_was_raised) { /* INTR-4, TASK-25 */
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, fail_outside());
    turn();
    asyncio_frame_info f[4];
    CHECK_INT(asyncio_task_get_stack(t, f, 4), 2);
    CHECK_STR(f[0].func, "fail_outside");
    CHECK_STR(f[1].func, "fail_inside");
    memset(f, 0, sizeof f);
    CHECK_INT(asyncio_task_get_stack(t, f, 1), 2); /* the oldest one */
    CHECK_STR(f[0].func, "fail_outside");
    asyncio_ignore(asyncio_task_result(t, NULL));
    end(t);
}

static const char *printed_stack(const asyncio_task *t, size_t limit) {
    static char text[4096];
    memset(text, 0, sizeof text);
    FILE *file = fmemopen(text, sizeof text, "w");
    asyncio_task_print_stack(t, limit, file);
    fclose(file);
    return text;
}

TEST(printed_stack_has_the_shape_of_a_traceback) { /* INTR-5 */
    char expected[1024];
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, outermost(), .name = "T");
    turn();
    turn();
    const char *text = printed_stack(t, 0);
    CHECK(strncmp(text, "Stack for <Task pending name='T' coro=<outermost() running at ", 62) == 0);
    CHECK_CONTAINS(text, "> (most recent call last):\n  File \"");
    snprintf(expected, sizeof expected, "  File \"%s\", line %d, in middle\n", __FILE__,
             line_middle);
    CHECK_CONTAINS(text, expected);
    snprintf(expected, sizeof expected, "  File \"%s\", line %d, in innermost\n", __FILE__,
             line_innermost);
    CHECK_CONTAINS(text, expected);
    CHECK_CONTAINS(text, "in outermost\n");
    text = printed_stack(t, 1);
    CHECK(!strstr(text, "in outermost\n"));
    CHECK_CONTAINS(text, "in innermost\n");
    asyncio_future_set_result(future, asyncio_none());
    turn();
    CHECK(strncmp(printed_stack(t, 0), "No stack for <Task finished name='T'", 36) == 0);
    end(t);
}

TEST(printed_stack_of_a_failed_task_ends_with_its_error) { /* INTR-5, TASK-25 */
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, fail_outside(), .name = "T");
    turn();
    const char *text = printed_stack(t, 0);
    CHECK(strncmp(text, "Traceback for <Task finished name='T'", 37) == 0);
    CHECK_CONTAINS(text, "in fail_inside\n");
    CHECK_CONTAINS(text, "\nValueError: deep\n");
    asyncio_ignore(asyncio_task_result(t, NULL));
    end(t);
}

TEST(stack_is_printed_to_standard_error_by_default) { /* SEEDX-1 */
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, outermost(), .name = "T");
    asyncio_task_print_stack(t, 0, NULL);
    CHECK_PRINTED("Stack for <Task pending name='T'");
    asyncio_task_cancel(t, NULL);
    turn();
    end(t);
}

ASYNC(recurse, (int) n) {
    if (n > 0) TRY(AWAIT(recurse(n - 1)));
    else TRY(AWAIT(future));
    RETURN();
}

TEST(deep_stacks_are_complete) {
    start();
    asyncio_task *t = asyncio_loop_create_task(loop, recurse(99), .stack_size = 1 << 20);
    turn();
    asyncio_frame_info f[100];
    CHECK_INT(asyncio_task_get_stack(t, f, 100), 100);
    for (int i = 0; i < 100; i++) CHECK_STR(f[i].func, "recurse");
    const char *text = printed_stack(t, 3);
    int frames = 0;
    for (const char *p = text; (p = strstr(p, "in recurse\n")); p++) frames++;
    CHECK_INT(frames, 3);
    asyncio_task_cancel(t, NULL);
    turn();
    end(t);
}
