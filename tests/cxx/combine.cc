/* SPDX-License-Identifier: MIT
 *
 * tests/cxx/combine.cc: combinators, groups, blocks and generators in a C++17 program. Prints one
 * line for each thing it did, then "done".
 */
#include <asyncio.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

static void expect(bool good, const char *what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what);
    std::fflush(stdout);
    if (!good) std::exit(1);
}

ASYNC(job, (double) delay, (int) value) {
    std::string local = "destroyed however it is left";
    TRY(AWAIT(asyncio_sleep(delay)));
    if (value < 0) RAISE(ASYNCIO_VALUE_ERROR, "%d", value);
    RETURN(value);
}

ASYNC(gathers) {
    asyncio_value l[3];
    asyncio_auto_task t = asyncio_create_task(job(1, 2));
    TRY(AWAIT(asyncio_gather(l, job(2, 1), t, job(0, 3))));
    expect(l[0].i == 1 && l[1].i == 2 && l[2].i == 3, "gather gives values in order");
    asyncio_outcome o[2];
    TRY(AWAIT(asyncio_gather_outcomes(o, job(0, -1), job(0, 1))));
    expect(o[0].status == ASYNCIO_VALUE_ERROR && o[1].value.i == 1, "and errors as outcomes");
    for (asyncio_outcome &outcome : o) asyncio_outcome_fini(&outcome);
    asyncio_value v;
    TRY(AWAIT(asyncio_shield(asyncio_wait_for(job(1, 5), 2)), &v));
    expect(v.i == 5, "shield and wait_for nest");
    RETURN();
}

ASYNC(waits) {
    std::vector<asyncio_task *> tasks;
    for (int i = 0; i < 3; i++) tasks.push_back(asyncio_create_task(job(3 - i, i)));
    asyncio_task *last = tasks[2];
    int done = TRY(AWAIT(asyncio_wait(tasks.data(), 3, ASYNCIO_FIRST_COMPLETED)));
    expect(done == 1 && tasks[0] == last, "wait brings what is done to the front");
    done = TRY(AWAIT(asyncio_wait(tasks.data(), 3, ASYNCIO_ALL_COMPLETED, 1.5)));
    expect(done == 2, "wait has a limit");
    asyncio_future *futures[1] = { asyncio_task_as_future(tasks[2]) };
    done = TRY(AWAIT(asyncio_wait(futures, 1)));
    expect(done == 1, "wait takes futures");
    for (asyncio_task *task : tasks) asyncio_task_unref(task);
    RETURN();
}

ASYNC(groups) {
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        asyncio_task *t = asyncio_taskgroup_create_task(tg, job(1, 1));
        asyncio_task_unref(t);
        TRY(asyncio_taskgroup_spawn(tg, job(2, -7)));
        rc = AWAIT(asyncio_sleep(10));
    }
    expect(asyncio_catch(rc, ASYNCIO_EXCEPTION_GROUP), "a group ends with its errors");
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        TRY(asyncio_timeout_reschedule(tm, asyncio_timeout_when(tm) + 1));
        rc = AWAIT(asyncio_sleep(10));
    }
    expect(asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR), "a timeout ends a block");
    ASYNC_BLOCK(scope, asyncio_move_on_after(1, &rc));
    ASYNC_WITH_BLOCK(scope) rc = AWAIT(asyncio_sleep(10));
    TRY(rc);
    expect(asyncio_cancelscope_cancelled_caught(scope), "a scope is asked after its block");
    RETURN();
}

ASYNC_GEN(ticker, (double)delay, (std::string *)said, (int)n) {
    std::string local = "destroyed when it is closed";
    for (int i = 0; i < n; i++) {
        asyncio_value sent = asyncio_none();
        TRY(YIELD(i, &sent));
        if (sent.type) *said += sent.s;
        TRY(AWAIT(asyncio_sleep(delay)));
    }
    RETURN();
}

ASYNC_GEN(one) {
    TRY(YIELD(1));
    RETURN();
}

ASYNC(generates) {
    asyncio_value v;
    int rc, sum = 0;
    std::string said;
    asyncio_auto_gen g = ticker(1, &said, 4);
    ASYNC_FOR(v, g, rc) sum += static_cast<int>(v.i);
    TRY(rc);
    expect(sum == 6, "a generator is gone over");
    asyncio_auto_gen h = ticker(1, &said, 4);
    TRY(AWAIT(asyncio_gen_next(h)));
    TRY(AWAIT(asyncio_gen_send(h, asyncio_str("hello"))));
    TRY(AWAIT(asyncio_gen_aclose(h)));
    expect(said == "hello", "sent a value, and closed");
    asyncio_auto_gen single = one();
    ASYNC_FOR(v, single, rc) break;
    expect(v.i == 1, "and left by break");
    RETURN();
}

// What is being handled belongs to the code that handles it, not to the task.
ASYNC_GEN(yields_while_handling, (const char *)name) {
    for (int i = 0; i < 3; i++) {
        int rc = 0;
        bool same = false;
        try {
            throw std::string(name);
        } catch (const std::string &) {
            rc = YIELD(i);
            try {
                throw; // the one that is handled here
            } catch (const std::string &again) {
                same = again == name;
            } catch (...) {
            }
        }
        expect(same, "a generator finds the exception again that it handled before a yield");
        TRY(rc);
    }
    RETURN();
}

ASYNC(generates_while_handling) {
    asyncio_auto_gen a = yields_while_handling("a");
    asyncio_auto_gen b = yields_while_handling("b");
    for (int i = 0; i < 3; i++) {
        int rc = 0;
        try {
            throw i;
        } catch (int) {
            rc = AWAIT(asyncio_gen_next(i % 2 ? b : a));
            if (rc >= 0) rc = AWAIT(asyncio_gen_next(i % 2 ? a : b));
            int found = -1;
            try {
                throw;
            } catch (int again) {
                found = again;
            } catch (...) {
            }
            expect(found == i, "and so does who advances it");
        }
        TRY(rc);
    }
    expect(std::current_exception() == nullptr, "then nothing is being handled");
    TRY(AWAIT(asyncio_gen_aclose(a)));
    TRY(AWAIT(asyncio_gen_aclose(b)));
    RETURN();
}

ASYNC(completes) {
    const asyncio_coro aws[] = { job(2, 2), job(1, 1) };
    asyncio_as_completed *it = asyncio_as_completed_new(2, aws, ASYNCIO_FOREVER);
    int n = 0;
    while (asyncio_as_completed_left(it)) {
        asyncio_value v;
        TRY(AWAIT(asyncio_as_completed_result(it), &v));
        expect(v.i == ++n, "as_completed gives the next to end");
    }
    asyncio_as_completed_unref(it);
    RETURN();
}

ASYNC(body) {
    TRY(AWAIT(gathers()));
    TRY(AWAIT(waits()));
    TRY(AWAIT(groups()));
    TRY(AWAIT(generates()));
    TRY(AWAIT(generates_while_handling()));
    TRY(AWAIT(completes()));
    RETURN();
}

int main() {
    int rc = asyncio_run(body(), nullptr);
    expect(rc == 0, "all of it ends well");
    std::puts("done");
    return 0;
}
