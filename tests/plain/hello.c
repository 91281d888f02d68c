/* SPDX-License-Identifier: MIT
 *
 * tests/plain/hello.c: a program that uses no macro of the library, only its types and its
 * exported functions, as a binding for another language would; linked with the shared
 * library. Prints one line for each thing it did, then "done".
 */
#define ASYNCIO_NO_KEYWORDS
#include <asyncio.h>

#include <stdlib.h>

static void expect(int good, const char *what) {
    printf("%s %s\n", good ? "ok  " : "FAIL", what);
    fflush(stdout);
    if (!good) exit(1);
}

/* ---- greet(who, delay): a coroutine function by hand ---- */

struct greet_args {
    const char *who;
    double delay;
};

static int greet_run(const void *args, asyncio_value *result) {
    const struct greet_args *a = args;
    const asyncio_coro nap = asyncio_sleep(a->delay);
    int rc = asyncio_await(&nap, NULL, "hello.c:1", "greet");
    if (rc < 0) return asyncio_leave(rc);
    result->s = a->who;
    result->type = &asyncio_value_str;
    return 0;
}

static const asyncio_coro_type greet_type = {
    .size = sizeof(asyncio_coro_type),
    .name = "greet",
    .file = "hello.c",
    .line = 1,
    .run = greet_run,
};

static asyncio_coro greet(const char *who, double delay) {
    const struct greet_args args = { who, delay };
    asyncio_coro coro = { .type = &greet_type };
    memcpy(coro.args.bytes, &args, sizeof args);
    return coro;
}

/* ---- fail(): one that raises ---- */

static int fail_run(const void *args, asyncio_value *result) {
    (void)args;
    (void)result;
    return asyncio_leave(asyncio_raise(ASYNCIO_VALUE_ERROR, "hello.c:2", "fail", "no %s", "luck"));
}

static const asyncio_coro_type fail_type = {
    .size = sizeof(asyncio_coro_type),
    .name = "fail",
    .file = "hello.c",
    .line = 2,
    .run = fail_run,
};

/* ---- what main() runs ---- */

static int resolve(void *arg) {
    const asyncio_value seven = { .i = 7, .type = &asyncio_value_int };
    return asyncio_future_set_result(arg, seven);
}

static void check_coroutine(void) {
    const asyncio_coro coro = greet("coroutine", 0);
    asyncio_value value = { .i = 0 };
    int rc = asyncio_await(&coro, &value, "hello.c:3", "body");
    expect(rc == 0 && strcmp(value.s, "coroutine") == 0, "a coroutine is awaited");
}

static void check_tasks(void) {
    asyncio_task_options options = { .size = sizeof options, .name = "first" };
    options.coro = greet("one", 0.002);
    asyncio_task *first = asyncio_create_task_with(&options);
    options.coro = greet("two", 0.001);
    options.name = NULL;
    asyncio_task *second = asyncio_create_task_with(&options);
    asyncio_value value = { .i = 0 };
    int rc = asyncio_await_task(first, &value, "hello.c:4", "body");
    expect(rc == 0 && strcmp(value.s, "one") == 0, "a task is awaited");
    expect(asyncio_future_done(asyncio_task_as_future(second)), "another has run beside it");
    expect(strcmp(asyncio_task_get_name(first), "first") == 0, "a task has its name");
    asyncio_task_unref(first);
    asyncio_task_unref(second);
}

static void check_cancel(void) {
    asyncio_task_options options = { .size = sizeof options };
    options.coro = greet("never", 3600);
    asyncio_task *task = asyncio_create_task_with(&options);
    const asyncio_coro turn = asyncio_sleep(0);
    int rc = asyncio_await(&turn, NULL, "hello.c:5", "body");
    bool taken = asyncio_task_cancel(task, "enough");
    asyncio_outcome outcome = { .status = 0 };
    const asyncio_coro join = asyncio_task_join(task, &outcome);
    rc = rc < 0 ? rc : asyncio_await(&join, NULL, "hello.c:6", "body");
    expect(rc == 0 && taken && outcome.status == ASYNCIO_CANCELLED_ERROR, "a task is cancelled");
    asyncio_outcome_fini(&outcome);
    asyncio_task_unref(task);
}

static void check_future(void) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_future *future = asyncio_loop_create_future(loop);
    const asyncio_call_options options = { .size = sizeof options, .arg = future };
    int rc = asyncio_loop_call_later_with(loop, 0.001, resolve, &options);
    asyncio_value value = { .i = 0 };
    rc = rc < 0 ? rc : asyncio_await_future(future, &value, "hello.c:7", "body");
    expect(rc == 0 && value.i == 7, "a future is awaited that a timer resolves");
    asyncio_future_unref(future);
}

static void check_error(void) {
    const asyncio_coro coro = { .type = &fail_type };
    int rc = asyncio_await(&coro, NULL, "hello.c:8", "body");
    asyncio_error *error = asyncio_error_take(rc);
    expect(rc == ASYNCIO_VALUE_ERROR && strcmp(asyncio_error_message(error), "no luck") == 0,
           "an error comes with its message");
    asyncio_error_unref(error);
}

static void check_context(void) {
    const asyncio_value seven = { .i = 7, .type = &asyncio_value_int };
    asyncio_contextvar *var = asyncio_contextvar_new("answer", NULL);
    asyncio_value value = { .i = 0 };
    int rc = asyncio_contextvar_set(var, seven, NULL);
    rc = rc < 0 ? rc : asyncio_contextvar_get(var, &value);
    expect(rc == 0 && value.i == 7, "a context variable is set");
    asyncio_contextvar_unref(var);
}

static int body_run(const void *args, asyncio_value *result) {
    (void)args;
    check_coroutine();
    check_tasks();
    check_cancel();
    check_future();
    check_error();
    check_context();
    result->i = 42;
    result->type = &asyncio_value_int;
    return 0;
}

static const asyncio_coro_type body_type = {
    .size = sizeof(asyncio_coro_type),
    .name = "body",
    .file = "hello.c",
    .line = 3,
    .run = body_run,
};

int main(void) {
    const asyncio_coro body = { .type = &body_type };
    asyncio_value value = { .i = 0 };
    const asyncio_run_options options = { .size = sizeof options, .result = &value };
    int rc = asyncio_run_with(body, &options);
    expect(rc == 0 && value.i == 42, "run gives status and value");
    puts("done");
    return 0;
}
