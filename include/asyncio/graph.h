/* SPDX-License-Identifier: MIT
 *
 * asyncio/graph.h: who awaits whom.
 *
 * The graph of a task or future: where it stands, and the same for everyone who awaits it,
 * up to those whom nobody awaits. In C:
 *
 *     asyncio_print_call_graph(NULL);                               the current task's
 *     asyncio_print_call_graph(future, .limit = 2, .file = stderr);
 *
 * Nothing is kept for it while a program runs: the graph is read off what tasks wait for.
 *
 * Part: core.
 */
#ifndef ASYNCIO_GRAPH_H
#define ASYNCIO_GRAPH_H

#include <asyncio/task.h>

ASYNCIO_BEGIN_DECLS

/* Whose graph, and how much of it. The macros below fill it in. */
typedef struct asyncio_call_graph_options {
    size_t size;            /* sizeof(asyncio_call_graph_options) */
    asyncio_future *future; /* NULL: the current task */
    unsigned depth;         /* of the current task, leave out depth - 1 of the newest frames */
    int limit;              /* of each stack, show the oldest n frames, the newest -n; 0: all */
    bool no_stack;          /* no frames at all; Python's limit=0 */
    FILE *file;             /* to print to; NULL: standard output */
    const char *where;      /* the place of this call; NULL: unknown */
    const char *func;       /* the C function of that place; NULL: unknown */
} asyncio_call_graph_options;

typedef struct asyncio_call_graph asyncio_call_graph;

/* The graph as an object, or NULL: nothing raised, if there is no future and no current task;
 * ASYNCIO_RUNTIME_ERROR if there is no future and no running loop; -ENOMEM. It holds
 * references to the futures in it and stays as it was when they go on. A circle is entered
 * once; so are more than 250 levels or 10,000 futures cut off.
 * Suspends: no. Thread: loop. Owner: the caller. Since: 0.1.
 * Python: asyncio.capture_call_graph. */
ASYNCIO_API asyncio_call_graph *asyncio_capture_call_graph_with(
    const asyncio_call_graph_options *options) ASYNCIO_MUST_USE;

/* Writes the graph as text into buf of n bytes, "" without a current task; print_call_graph
 * writes it to a file, with a newline. Returns the length, as snprintf, or 0 (print); errors
 * as capture_call_graph.
 * Suspends: no. Thread: loop. Since: 0.1. Python: asyncio.format_call_graph,
 * asyncio.print_call_graph. */
ASYNCIO_API int asyncio_format_call_graph_with(char *buf, size_t n,
                                               const asyncio_call_graph_options *options);
ASYNCIO_API int asyncio_print_call_graph_with(const asyncio_call_graph_options *options);

/* References: one count for a graph and all graphs in it. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_call_graph *asyncio_call_graph_ref(asyncio_call_graph *graph);
ASYNCIO_API void asyncio_call_graph_unref(asyncio_call_graph *graph);

/* What it is the graph of, lent. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: FutureCallGraph.future. */
ASYNCIO_API asyncio_future *asyncio_call_graph_future(const asyncio_call_graph *graph);

/* Its frames, the newest first: how many, and the i-th, lent; NULL behind the last. A frame
 * without a coroutine is the plain C function that captured the graph. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: FutureCallGraph.call_stack. */
ASYNCIO_API size_t asyncio_call_graph_frame_count(const asyncio_call_graph *graph);
ASYNCIO_API const asyncio_frame_info *asyncio_call_graph_frame(const asyncio_call_graph *graph,
                                                               size_t i);

/* The graphs of those who await it, in the order in which they began to: how many, and the
 * i-th, lent; NULL behind the last. cut: whether these are left out, because it is further up
 * already (a circle) or the graph is too large. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: FutureCallGraph.awaited_by. */
ASYNCIO_API size_t asyncio_call_graph_awaited_by_count(const asyncio_call_graph *graph);
ASYNCIO_API asyncio_call_graph *asyncio_call_graph_awaited_by(const asyncio_call_graph *graph,
                                                              size_t i);
ASYNCIO_API bool asyncio_call_graph_cut(const asyncio_call_graph *graph);

/* Say that `waiter` waits for `future` in a way the library cannot see, by a done callback for
 * example; and that it no longer does, which a future that is done says by itself. The waiter
 * is held meanwhile. NULL for either, a pair that is known, or a future that is done: nothing
 * happens. Returns 0 or -ENOMEM.
 * Suspends: no. Thread: loop. Since: 0.1. Python: future_add_to_awaited_by,
 * future_discard_from_awaited_by. */
ASYNCIO_API int asyncio_future_add_to_awaited_by(asyncio_future *future, asyncio_future *waiter);
ASYNCIO_API void asyncio_future_discard_from_awaited_by(asyncio_future *future,
                                                        asyncio_future *waiter);

ASYNCIO_END_DECLS

#ifndef __cplusplus
/* The future (or NULL), then options as .name = value. */
#define ASYNCIO__GRAPH_OPTIONS(...)                                                                \
    (&(const asyncio_call_graph_options){ .size = sizeof(asyncio_call_graph_options),              \
                                          .where = ASYNCIO_WHERE,                                  \
                                          .func = __func__,                                        \
                                          .future = __VA_ARGS__ })
#define asyncio_capture_call_graph(...)                                                            \
    asyncio_capture_call_graph_with(ASYNCIO__GRAPH_OPTIONS(__VA_ARGS__))
#define asyncio_print_call_graph(...)                                                              \
    asyncio_print_call_graph_with(ASYNCIO__GRAPH_OPTIONS(__VA_ARGS__))
#define asyncio_format_call_graph(buf, n, ...)                                                     \
    asyncio_format_call_graph_with((buf), (n), ASYNCIO__GRAPH_OPTIONS(__VA_ARGS__))
#endif

ASYNCIO__AUTO_CLASS(call_graph)
#define asyncio_auto_call_graph ASYNCIO__AUTO(call_graph)

#endif
