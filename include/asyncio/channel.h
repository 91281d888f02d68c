/* SPDX-License-Identifier: MIT
 *
 * asyncio/channel.h: a queue between threads: tasks of any loop and plain threads put values in
 * and take them out.
 *
 *     TRY(AWAIT(asyncio_channel_put(c, asyncio_int(1))));       in a task
 *     TRY(AWAIT(asyncio_channel_get(c), &value));
 *     rc = asyncio_channel_get_blocking(c, 1.0, &value);        in a thread without a loop
 *
 * It holds at most as many values as it was made for; who finds it full, or empty, waits, first
 * come, first woken. Once it is closed nothing can be put; what is in it can still be taken.
 *
 * Part: core.
 */
#ifndef ASYNCIO_CHANNEL_H
#define ASYNCIO_CHANNEL_H

#include <asyncio/coro.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_channel asyncio_channel;

/* A new channel for up to `capacity` (>= 1) values. NULL: see the slot: ASYNCIO_VALUE_ERROR,
 * -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: none (asyncio.Queue). */
ASYNCIO_API asyncio_channel *asyncio_channel_new(size_t capacity) ASYNCIO_MUST_USE;

/* References; whoever waits holds one. With the last one the values in it are dropped. Errors:
 * none.
 * Suspends: no. Thread: any. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_channel *asyncio_channel_ref(asyncio_channel *channel);
ASYNCIO_API void asyncio_channel_unref(asyncio_channel *channel);

/* Puts a value in, and takes one out, waiting as long as it is full, or empty. The value is moved
 * in: put must be awaited. The channel must live until then. One that is cancelled has put
 * (and dropped its value), or taken, nothing.
 * Errors, when awaited: ASYNCIO_QUEUE_SHUT_DOWN if it is closed (and, for get, empty);
 * ASYNCIO_CANCELLED_ERROR; ASYNCIO_TYPE_ERROR for NULL; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop, any loop. Owner: the value got is yours. Since: 0.1.
 * Python: queue.put, queue.get. */
ASYNCIO_API asyncio_coro asyncio_channel_put(asyncio_channel *channel, asyncio_value value)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_channel_get(asyncio_channel *channel) ASYNCIO_MUST_USE;

/* The same without waiting: ASYNCIO_QUEUE_FULL, ASYNCIO_QUEUE_EMPTY if they would have to;
 * otherwise 0 or as above. The value is moved in, whatever the result.
 * Suspends: no. Thread: any. Owner: *out is yours. Since: 0.1.
 * Python: queue.put_nowait, queue.get_nowait. */
ASYNCIO_API int asyncio_channel_put_nowait(asyncio_channel *channel, asyncio_value value)
    ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_channel_get_nowait(asyncio_channel *channel, asyncio_value *out)
    ASYNCIO_MUST_USE;

/* The same for threads without a loop: they wait at most `timeout` seconds (INFINITY: without
 * limit). Errors: as above; ASYNCIO_TIMEOUT_ERROR; ASYNCIO_VALUE_ERROR for NaN;
 * ASYNCIO_RUNTIME_ERROR in a thread in which a loop runs: it would stand still.
 * Suspends: no (they block). Thread: any. Owner: *out is yours. Since: 0.1.
 * Python: queue.Queue.put, queue.Queue.get. */
ASYNCIO_API int asyncio_channel_put_blocking(asyncio_channel *channel, asyncio_value value,
                                             double timeout) ASYNCIO_MUST_USE;
ASYNCIO_API int asyncio_channel_get_blocking(asyncio_channel *channel, double timeout,
                                             asyncio_value *out) ASYNCIO_MUST_USE;

/* Closes it: whoever waits to put, and, once it is empty, to get, fails with
 * ASYNCIO_QUEUE_SHUT_DOWN. A second time does nothing. closed: whether it is. qsize: how many
 * values are in it, at the time of the call. Errors: none.
 * Suspends: no. Thread: any. Since: 0.1. Python: queue.shutdown, queue.qsize. */
ASYNCIO_API void asyncio_channel_close(asyncio_channel *channel);
ASYNCIO_API bool asyncio_channel_closed(asyncio_channel *channel);
ASYNCIO_API size_t asyncio_channel_qsize(asyncio_channel *channel);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(channel)
#define asyncio_auto_channel ASYNCIO__AUTO(channel)

#endif
