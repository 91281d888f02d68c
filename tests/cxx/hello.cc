/* SPDX-License-Identifier: MIT
 *
 * tests/cxx/hello.cc: a C++17 program with the keywords of C. Prints one line for each thing
 * it did, then "done".
 */
#include <asyncio.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static void expect(bool good, const char *what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what);
    std::fflush(stdout);
    if (!good) std::exit(1);
}

ASYNC(greet, (std::string *) said, (const char *) who, (double) delay) {
    TRY(AWAIT(asyncio_sleep(delay)));
    *said += who;
    RETURN(static_cast<long>(said->size()));
}

ASYNC(fails, (int) n) {
    std::string unwound = "objects of a coroutine that leaves by RAISE are destroyed";
    if (n > 0) RAISE(ASYNCIO_VALUE_ERROR, "%d is more than %d", n, 0);
    RETURN(unwound.size());
}

static int resolve(void *arg) {
    return asyncio_future_set_result(static_cast<asyncio_future *>(arg), asyncio_int(7));
}

static int enter(asyncio_block *block) {
    static_cast<std::string *>(block->object)->append("[");
    return 0;
}

static int leave(asyncio_block *block, int status) {
    static_cast<std::string *>(block->object)->append("]");
    return status;
}

static const asyncio_block_ops brackets = {
    sizeof(asyncio_block_ops), "brackets", enter, leave, nullptr, nullptr
};

ASYNCIO_BLOCK_TYPE(brackets_with, std::string);

static brackets_with in_brackets(std::string *said, int *rc) {
    brackets_with with = { asyncio_block_new(rc, &brackets, said) };
    return with;
}

ASYNC(bracketed, (std::string *) said) {
    int rc = 0;
    ASYNC_WITH(text, in_brackets(said, &rc)) {
        TRY(AWAIT(greet(text, "inside", 0)));
        RAISE(ASYNCIO_VALUE_ERROR, "left early");
    }
    TRY(rc);
    RETURN();
}

ASYNC(body) {
    std::string said;
    asyncio_value value = asyncio_none();
    TRY(AWAIT(greet(&said, "one", 0), &value));
    expect(said == "one" && value.i == 3, "a coroutine is awaited");

    std::vector<asyncio_task *> tasks;
    for (const char *who : { "c", "b", "a" }) {
        double delay = std::strcmp(who, "a") == 0   ? 0.001
                       : std::strcmp(who, "b") == 0 ? 0.003
                                                    : 0.005;
        tasks.push_back(asyncio_create_task(greet(&said, who, delay)));
    }
    for (asyncio_task *task : tasks) {
        TRY(AWAIT(task));
        asyncio_task_unref(task);
    }
    expect(said == "oneabc", "tasks run beside each other");

    asyncio_auto_future future = asyncio_future_new();
    TRY(asyncio_loop_call_soon(asyncio_get_running_loop(), resolve, future));
    TRY(AWAIT(future, &value));
    expect(value.i == 7, "a future is awaited");

    int rc = AWAIT(fails(1));
    asyncio_auto_error error = asyncio_error_take(rc);
    expect(rc == ASYNCIO_VALUE_ERROR, "an error is a status");
    expect(std::strcmp(asyncio_error_message(error), "1 is more than 0") == 0, "with a message");

    said.clear();
    rc = AWAIT(bracketed(&said));
    expect(asyncio_catch(rc, ASYNCIO_VALUE_ERROR) && said == "[inside]", "a block is left once");
    RETURN(42);
}

int main() {
    asyncio_value value = asyncio_none();
    int rc = asyncio_run(body(), &value);
    expect(rc == 0 && value.i == 42, "run gives status and value");
    std::puts("done");
    return 0;
}
