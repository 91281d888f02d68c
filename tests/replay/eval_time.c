/* SPDX-License-Identifier: MIT
 *
 * eval_time.c: the clock, sleep, callbacks and their handles. A scenario counts in
 * milliseconds, the library in seconds.
 */
#include "eval.h"

static void drop_handle(void *p) { asyncio_handle_unref(p); }

static const struct object_class handle_class = { .name = "handle", .drop = drop_handle };

static int form_time(struct call *c, struct value *out) {
    *out = value_int(interp_milliseconds(asyncio_loop_time(c->it->loop)));
    return ST_OK;
}

static int run_sleep(struct coro *coro, struct value *out) {
    int rc = AWAIT(asyncio_sleep(to_seconds(coro->args[0].i)));
    if (rc >= 0) *out = coro->args[1];
    return rc;
}

static int form_sleep(struct call *c, struct value *out) {
    int64_t ms;
    int rc = want_int(c, 0, &ms);
    if (rc != ST_OK) return rc;
    struct value args[2] = { c->args[0], c->n > 1 ? c->args[1] : value_none() };
    *out = coro_value(coro_new(c->it, run_sleep, 2, args));
    return ST_OK;
}

/* ---- callbacks ---- */

static struct value handle_value(struct call *c, asyncio_handle *handle, bool timer) {
    struct value v = registry_keep_object(c->it, &handle_class, handle);
    v.object->timer = timer;
    return v;
}

/* The callback of the fn at index `first` with the arguments behind it. */
static int scheduled(struct call *c, size_t first, struct callback **callback,
                     asyncio_context **context) {
    struct fn *fn;
    int rc = want_fn(c, first, &fn);
    if (rc == ST_OK) rc = want_context(c, c->keywords[0], context);
    if (rc == ST_OK) *callback = callback_new(fn, c->n - first - 1, c->args + first + 1);
    return rc;
}

static int form_call_soon(struct call *c, struct value *out) {
    struct callback *callback;
    asyncio_context *context;
    int rc = scheduled(c, 0, &callback, &context);
    if (rc != ST_OK) return rc;
    asyncio_handle *handle;
    rc = asyncio_loop_call_soon(c->it->loop, callback_run, callback, .context = context,
                                .handle = &handle);
    if (rc >= 0) *out = handle_value(c, handle, false);
    return rc;
}

static int form_call_later(struct call *c, struct value *out) {
    struct callback *callback;
    asyncio_context *context;
    int64_t ms;
    int rc = want_int(c, 0, &ms);
    if (rc == ST_OK) rc = scheduled(c, 1, &callback, &context);
    if (rc != ST_OK) return rc;
    asyncio_handle *handle;
    rc = asyncio_loop_call_later(c->it->loop, to_seconds(ms), callback_run, callback,
                                 .context = context, .handle = &handle);
    if (rc >= 0) *out = handle_value(c, handle, true);
    return rc;
}

static int form_call_at(struct call *c, struct value *out) {
    struct callback *callback;
    asyncio_context *context;
    int64_t ms;
    int rc = want_int(c, 0, &ms);
    if (rc == ST_OK) rc = scheduled(c, 1, &callback, &context);
    if (rc != ST_OK) return rc;
    asyncio_handle *handle;
    rc = asyncio_loop_call_at(c->it->loop, to_seconds(ms), callback_run, callback,
                              .context = context, .handle = &handle);
    if (rc >= 0) *out = handle_value(c, handle, true);
    return rc;
}

static int form_handle_cancel(struct call *c, struct value *out) {
    (void)out;
    void *handle;
    int rc = want_object(c, c->args[0], &handle_class, &handle);
    if (rc == ST_OK) asyncio_handle_cancel(handle);
    return rc;
}

static int form_handle_cancelled(struct call *c, struct value *out) {
    void *handle;
    int rc = want_object(c, c->args[0], &handle_class, &handle);
    if (rc == ST_OK) *out = value_bool(asyncio_handle_cancelled(handle));
    return rc;
}

static int form_handle_when(struct call *c, struct value *out) {
    void *handle;
    int rc = want_object(c, c->args[0], &handle_class, &handle);
    if (rc != ST_OK) return rc;
    if (!c->args[0].object->timer) return interp_misuse(c->it, c->node, "not a timer's handle");
    *out = value_int(interp_milliseconds(asyncio_handle_when(handle)));
    return ST_OK;
}

const struct form time_forms[] = {
    { "time", 0, 0, NULL, form_time, { NULL } },
    { "sleep", 1, 2, NULL, form_sleep, { NULL } },
    { "call-soon", 1, ANY, NULL, form_call_soon, { "context" } },
    { "call-later", 2, ANY, NULL, form_call_later, { "context" } },
    { "call-at", 2, ANY, NULL, form_call_at, { "context" } },
    { "handle-cancel", 1, 1, NULL, form_handle_cancel, { NULL } },
    { "handle-cancelled", 1, 1, NULL, form_handle_cancelled, { NULL } },
    { "handle-when", 1, 1, NULL, form_handle_when, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};
