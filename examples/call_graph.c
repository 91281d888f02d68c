/* SPDX-License-Identifier: MIT */

/* Who awaits whom: the call graph of a task, as text and as an object. */
#include <asyncio.h>
#include <stdio.h>

static void show_awaiters(const asyncio_call_graph *graph, int indent) {
    const asyncio_task *task = asyncio_future_as_task(asyncio_call_graph_future(graph));
    printf("%*s%s\n", indent, "", task ? asyncio_task_get_name(task) : "a future");
    for (size_t i = 0; i < asyncio_call_graph_awaited_by_count(graph); i++) {
        show_awaiters(asyncio_call_graph_awaited_by(graph, i), indent + 2);
    }
}

ASYNC(query) {
    TRY(AWAIT(asyncio_sleep(1)));
    asyncio_print_call_graph(NULL);
    asyncio_call_graph *graph = asyncio_capture_call_graph(NULL);
    if (!graph) RAISE(ASYNCIO_RUNTIME_ERROR, "no graph");
    show_awaiters(graph, 0);
    asyncio_call_graph_unref(graph);
    RETURN();
}

ASYNC(page, (asyncio_task *) database) {
    TRY(AWAIT(database));
    RETURN();
}

ASYNC(serve) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        asyncio_auto_task database = asyncio_taskgroup_create_task(group, query(), .name = "query");
        TRY(asyncio_taskgroup_spawn(group, page(database), .name = "front page"));
    }
    TRY(rc);
    RETURN();
}

ASYNC(async_main) {
    asyncio_auto_task server = asyncio_create_task(serve(), .name = "server");
    TRY(AWAIT(asyncio_shield(server)));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
