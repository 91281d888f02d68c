/* SPDX-License-Identifier: MIT
 *
 * asyncio/queue.h: queues of values between the tasks of one loop.
 *
 * First in, first out; last in, first out; or smallest first. One set of functions for all.
 *
 *     TRY(AWAIT(asyncio_queue_put(queue, asyncio_int(42))));
 *     TRY(AWAIT(asyncio_queue_get(queue), &value));
 *
 * Who owns an item: the queue from the moment a put has succeeded until a get has, then the
 * one that got it. A put that fails in whatever way (full, shut down, cancelled) leaves the
 * item with the caller. What is still in a queue goes with it, and with an immediate
 * shutdown: it is dropped.
 *
 * Part: core.
 */
#ifndef ASYNCIO_QUEUE_H
#define ASYNCIO_QUEUE_H

#include <asyncio/coro.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_queue asyncio_queue;
typedef asyncio_queue asyncio_lifoqueue;
typedef asyncio_queue asyncio_priorityqueue;

/* The order of two items: less than 0 if a comes out before b. It must not touch the queue. */
typedef int asyncio_queue_compare(const asyncio_value *a, const asyncio_value *b);

/* A new queue that is full with maxsize items; <= 0: never. compare NULL: numbers by size,
 * strings as strcmp does; kinds that have no such order cannot be put together
 * (ASYNCIO_TYPE_ERROR). Equal items come out in the order of Python's heapq. NULL: see the slot:
 * -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1.
 * Python: asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue. */
ASYNCIO_API asyncio_queue *asyncio_queue_new(long maxsize) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_lifoqueue *asyncio_lifoqueue_new(long maxsize) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_priorityqueue *asyncio_priorityqueue_new(long maxsize,
                                                             asyncio_queue_compare *compare)
    ASYNCIO_MUST_USE;

/* References. Whoever waits holds one. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_queue *asyncio_queue_ref(asyncio_queue *queue);
ASYNCIO_API void asyncio_queue_unref(asyncio_queue *queue);

/* Puts an item into the queue, waiting for room if need be.
 * Errors, when awaited: ASYNCIO_QUEUE_SHUT_DOWN; ASYNCIO_CANCELLED_ERROR; ASYNCIO_TYPE_ERROR for
 * NULL or an item without an order; -ENOMEM; ASYNCIO_RUNTIME_ERROR if it has to wait in
 * another loop than before.
 * Suspends: yes (when awaited, if it is full). Thread: loop. Owner: the queue takes the item if
 * it succeeds. Since: 0.1. Python: Queue.put. */
ASYNCIO_API asyncio_coro asyncio_queue_put(asyncio_queue *queue, asyncio_value item)
    ASYNCIO_MUST_USE;

/* Takes the next item out, waiting for one if need be; the value is the item. If it fails no
 * item is taken.
 * Errors, when awaited: ASYNCIO_QUEUE_SHUT_DOWN once it is empty; ASYNCIO_CANCELLED_ERROR;
 * ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_RUNTIME_ERROR if it has to wait in another loop than before.
 * Suspends: yes (when awaited, if it is empty). Thread: loop. Owner: the value is yours.
 * Since: 0.1. Python: Queue.get. */
ASYNCIO_API asyncio_coro asyncio_queue_get(asyncio_queue *queue) ASYNCIO_MUST_USE;

/* The same without waiting. Return 0; ASYNCIO_QUEUE_FULL, ASYNCIO_QUEUE_EMPTY;
 * ASYNCIO_QUEUE_SHUT_DOWN; ASYNCIO_TYPE_ERROR for NULL or an item without an order; -ENOMEM.
 * item: of get_nowait: untouched on failure; NULL drops the item.
 * Suspends: no. Thread: loop. Owner: as put and get. Since: 0.1.
 * Python: Queue.put_nowait, Queue.get_nowait. */
ASYNCIO_API int asyncio_queue_put_nowait(asyncio_queue *queue, asyncio_value item) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_queue_get_nowait(asyncio_queue *queue, asyncio_value *item)
    ASYNCIO_MUST_USE;

/* Says that an item that was got has been dealt with. Returns 0; ASYNCIO_VALUE_ERROR if there
 * were no more; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Queue.task_done. */
ASYNCIO_API int asyncio_queue_task_done(asyncio_queue *queue);

/* Waits until all items that were put have been dealt with.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if it has to wait in
 * another loop than before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, if some are unfinished). Thread: loop. Since: 0.1.
 * Python: Queue.join. */
ASYNCIO_API asyncio_coro asyncio_queue_join(asyncio_queue *queue) ASYNCIO_MUST_USE;

/* Ends the queue: put fails from now on, get once it is empty; who waits goes on. immediate:
 * what is in it is dropped and counts as dealt with. Errors: none (NULL does nothing).
 * Suspends: no. Thread: loop. Since: 0.1. Python: Queue.shutdown. */
ASYNCIO_API void asyncio_queue_shutdown(asyncio_queue *queue, bool immediate);

/* How many items are in it; whether there are none, or maxsize; maxsize as it was given; how many
 * items were put and not dealt with yet. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Queue.qsize, empty, full, maxsize. */
ASYNCIO_API size_t asyncio_queue_qsize(const asyncio_queue *queue);
ASYNCIO_API bool asyncio_queue_empty(const asyncio_queue *queue);
ASYNCIO_API bool asyncio_queue_full(const asyncio_queue *queue);
ASYNCIO_API long asyncio_queue_maxsize(const asyncio_queue *queue);
ASYNCIO_API size_t asyncio_queue_unfinished(const asyncio_queue *queue);

/* "<Queue maxsize=3 _queue=[1, 2] tasks=2>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: str(). */
ASYNCIO_API int asyncio_queue_repr(const asyncio_queue *queue, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(queue)
#define asyncio_auto_queue ASYNCIO__AUTO(queue)
#define asyncio_auto_lifoqueue asyncio_auto_queue
#define asyncio_auto_priorityqueue asyncio_auto_queue

#endif
