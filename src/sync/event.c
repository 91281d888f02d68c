/* SPDX-License-Identifier: MIT
 *
 * sync/event.c: Event. Who is woken has seen the flag set, whatever becomes of it before it
 * runs.
 */
#include <asyncio/event.h>

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/text.h"
#include "task/waitqueue.h"
#include "sync/object.h"

struct asyncio_event {
    struct asyncio__waitqueue line;
    asyncio_loop *loop; /* the one it is bound to: a reference, or NULL */
    uint32_t refs;
    bool set;
};

asyncio_event *asyncio_event_new(void) {
    asyncio_event *event = asyncio__malloc(sizeof *event);
    if (!event) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    asyncio__waitqueue_init(&event->line);
    event->loop = NULL;
    event->refs = 1;
    event->set = false;
    return event;
}

asyncio_event *asyncio_event_ref(asyncio_event *event) {
    if (event) event->refs++;
    return event;
}

void asyncio_event_unref(asyncio_event *event) {
    if (!event || --event->refs > 0) return;
    asyncio_loop_unref(event->loop);
    asyncio__free(event);
}

void asyncio_event_set(asyncio_event *event) {
    if (!event || asyncio__loop_wrong_thread(event->loop, "asyncio_event_set")) return;
    if (event->set) return;
    event->set = true;
    asyncio__waitqueue_wake(&event->line, LONG_MAX);
}

void asyncio_event_clear(asyncio_event *event) {
    if (!event || asyncio__loop_wrong_thread(event->loop, "asyncio_event_clear")) return;
    event->set = false;
}

bool asyncio_event_is_set(const asyncio_event *event) { return event && event->set; }

/* ---- wait ---- */

static __attribute__((noinline)) int wait_in_line(asyncio_event *event) {
    struct asyncio_task *task = asyncio__task_current();
    struct asyncio__waiter w;
    int rc = asyncio__object_bind(&event->loop, task, "Event");
    if (rc < 0) return rc;
    asyncio__waiter_init(&w, task->future.loop);
    asyncio_event_ref(event);
    rc = asyncio__waitqueue_wait(&event->line, &w, task);
    asyncio_event_unref(event);
    return rc;
}

static int run_wait(const void *args, asyncio_value *result) {
    asyncio_event *event = asyncio__object_of(args);
    if (!event) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an event is required");
    int rc = event->set ? 0 : wait_in_line(event);
    *result = asyncio_bool(true);
    return rc;
}

static int wait_nowait(const void *args, asyncio_value *out) {
    const asyncio_event *event = asyncio__object_of(args);
    if (!event || !event->set) return ASYNCIO_MUST_RUN;
    if (out) *out = asyncio_bool(true);
    return 0;
}

ASYNCIO__HOLD(event, asyncio_event_ref, asyncio_event_unref);

ASYNCIO__METHOD(asyncio_event_wait, event, asyncio_event *, .run = run_wait, .nowait = wait_nowait);

asyncio_coro asyncio_event_wait(asyncio_event *event) {
    return ASYNCIO__CORO(asyncio_event_wait, event);
}

int asyncio_event_repr(const asyncio_event *event, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (event) {
        size_t waiters = asyncio__waitqueue_length(&event->line);
        asyncio__text_printf(&text, "<Event [%s", event->set ? "set" : "unset");
        if (waiters) asyncio__text_printf(&text, ", waiters:%zu", waiters);
        asyncio__text_put(&text, "]>");
    } else {
        asyncio__text_put(&text, "None");
    }
    return asyncio__text_end(&text);
}
