/* SPDX-License-Identifier: MIT
 *
 * asyncio/event.h: a flag that tasks of one loop can wait for.
 *
 * Setting it wakes all who wait then, also if it is cleared before they run.
 *
 * Part: core.
 */
#ifndef ASYNCIO_EVENT_H
#define ASYNCIO_EVENT_H

#include <asyncio/coro.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_event asyncio_event;

/* A new event that is not set. NULL: see the slot: -ENOMEM.
 * Suspends: no. Thread: any. Owner: the caller. Since: 0.1. Python: asyncio.Event. */
ASYNCIO_API asyncio_event *asyncio_event_new(void) ASYNCIO_MUST_USE;

/* References. Whoever waits for it holds one. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_event *asyncio_event_ref(asyncio_event *event);
ASYNCIO_API void asyncio_event_unref(asyncio_event *event);

/* Sets the flag and wakes all who wait, in the order in which they came; clears it. Errors:
 * none (NULL does nothing).
 * Suspends: no. Thread: loop. Since: 0.1. Python: Event.set, Event.clear. */
ASYNCIO_API void asyncio_event_set(asyncio_event *event);
ASYNCIO_API void asyncio_event_clear(asyncio_event *event);

/* Whether the flag is set. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: Event.is_set. */
ASYNCIO_API bool asyncio_event_is_set(const asyncio_event *event);

/* Waits until the flag is set; the value is True.
 * Errors, when awaited: ASYNCIO_CANCELLED_ERROR; ASYNCIO_RUNTIME_ERROR if it has to wait in
 * another loop than before; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: yes (when awaited, unless it is set). Thread: loop. Since: 0.1.
 * Python: Event.wait. */
ASYNCIO_API asyncio_coro asyncio_event_wait(asyncio_event *event) ASYNCIO_MUST_USE;

/* "<Event [unset, waiters:2]>"; length as snprintf. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: repr(). */
ASYNCIO_API int asyncio_event_repr(const asyncio_event *event, char *buf, size_t n);

ASYNCIO_END_DECLS

ASYNCIO__AUTO_CLASS(event)
#define asyncio_auto_event ASYNCIO__AUTO(event)

#endif
