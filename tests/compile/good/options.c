/* What only C has: options by name in the call. */
#include <asyncio.h>
#include <asyncio/testing.h>

static int callback(void *arg) { return *(int *)arg; }

static int done_callback(asyncio_future *future, void *arg) {
    (void)arg;
    return asyncio_future_result(future, NULL);
}

ASYNC(work, (int) n) { RETURN(n); }

ASYNC(body, (asyncio_context *) context) {
    static int number;
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_auto_handle handle = NULL;
    TRY(asyncio_loop_call_soon(loop, callback, &number));
    TRY(asyncio_loop_call_soon(loop, callback, &number, .context = context, .handle = &handle));
    TRY(asyncio_loop_call_later(loop, 0.5, callback, &number));
    TRY(asyncio_loop_call_at(loop, asyncio_loop_time(loop) + 1, callback, NULL,
                             .context = context));
    TRY(asyncio_loop_call_soon_threadsafe(loop, callback, NULL));
    asyncio_auto_task task = asyncio_create_task(work(1), .name = "named", .context = context);
    asyncio_auto_task small = asyncio_loop_create_task(loop, work(2), .stack_size = 16384);
    TRY(asyncio_spawn(work(3), .eager_start = 1));
    TRY(asyncio_task_add_done_callback(task, done_callback, NULL));
    TRY(asyncio_future_add_done_callback(asyncio_task_as_future(small), done_callback, NULL,
                                         .context = context));
    asyncio_auto_outcome outcome = { 0, asyncio_none(), NULL };
    TRY(AWAIT(asyncio_task_join(task, &outcome)));
    RETURN(ASYNCIO_VALUE(outcome.status));
}

int main(void) {
    asyncio_value value;
    int rc = asyncio_run(body(NULL), &value, .debug = 1);
    rc = rc < 0 ? rc : asyncio_run(body(NULL), NULL);
    return rc < 0;
}
