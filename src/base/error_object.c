/* SPDX-License-Identifier: MIT
 *
 * base/error_object.c: error objects: making them, the frames they were raised under, letting them
 * go, and the graph that they form.
 *
 * An object is one block: the struct, the members of a group, the frames it was raised under,
 * the message. Only an error that is made first and raised later gets its frames in a block of
 * their own. The frames are those of the strand's coroutines, oldest first, and the place
 * of the raise; they do not change when the error is raised again.
 *
 * Errors form a graph without circles over causes, contexts and members, so that counting
 * references is enough. Letting go of one does not recurse into it: errors that die with it
 * are strung up by their context pointers and freed one by one, as chains may be long and
 * stacks short.
 */
#include "base/error.h"

#include <pthread.h>
#include <stdarg.h>

#include "base/alloc.h"
#include "base/error_object.h"
#include "base/fork.h"

#define TRACE_MAX 32      /* frames kept, the newest */
#define MESSAGE_GUESS 256 /* messages up to here are formatted once */
#define SEARCH_DEPTH 64
#define SEARCH_NODES 10000

/* ---- frames ---- */

bool asyncio__is_body_of(const char *func, const asyncio_coro_type *type) {
    if (!func || !type || !type->name) return false;
    size_t n = strlen(type->name);
    return strncmp(func, type->name, n) == 0 && strcmp(func + n, "_coro") == 0;
}

static struct asyncio__traced frame_place(const struct asyncio__frame *f) {
    bool body = !f->func || asyncio__is_body_of(f->func, f->type);
    return (struct asyncio__traced){ f->where, body && f->type ? f->type->name : f->func };
}

/* The frame itself or the next one below that is not the library's own. */
static const struct asyncio__frame *user_frame(const struct asyncio__frame *f) {
    while (f && !f->where && f->type && f->type->line == 0) f = f->up;
    return f;
}

/* Writes the newest frames, oldest first, `place` last; with frames NULL only counts. The top
 * frame's own await is over when its body raises: then `place` stands for that frame. */
static uint32_t trace_strand(const struct asyncio__strand *strand,
                             const struct asyncio__traced *place, struct asyncio__traced *frames,
                             uint32_t count) {
    const struct asyncio__frame *top = user_frame(strand->top);
    struct asyncio__traced last = { NULL, NULL };
    if (place) {
        last = *place;
        if (top && asyncio__is_body_of(place->func, top->type)) {
            last.func = top->type->name;
            top = user_frame(top->up);
        }
    }
    if (!frames) {
        count = place ? 1 : 0;
        for (const struct asyncio__frame *f = top; f && count < TRACE_MAX; f = user_frame(f->up)) {
            count++;
        }
        return count;
    }
    uint32_t i = count;
    if (place) frames[--i] = last;
    for (const struct asyncio__frame *f = top; i > 0; f = user_frame(f->up))
        frames[--i] = frame_place(f);
    return count;
}

void asyncio__error_trace(asyncio_error *error, const struct asyncio__strand *strand) {
    if (atomic_load_explicit(&error->trace, memory_order_relaxed)) return;
    uint32_t count = trace_strand(strand, NULL, NULL, 0);
    if (count == 0) return;
    struct asyncio__trace *trace = asyncio__malloc(sizeof *trace + count * sizeof trace->frames[0]);
    if (!trace) return;
    trace->count = trace_strand(strand, NULL, trace->frames, count);
    struct asyncio__trace *none = NULL;
    if (!atomic_compare_exchange_strong(&error->trace, &none, trace)) asyncio__free(trace);
}

size_t asyncio__error_frames(const asyncio_error *error, const struct asyncio__traced **frames) {
    const struct asyncio__trace *trace =
        error ? atomic_load_explicit(&error->trace, memory_order_acquire) : NULL;
    *frames = trace ? trace->frames : NULL;
    return trace ? trace->count : 0;
}

/* ---- making ---- */

asyncio_error *asyncio__error_alloc(int code, size_t children, uint32_t frames, size_t size) {
    size_t trace_at = sizeof(asyncio_error) + children * sizeof(asyncio_error *);
    size_t trace_size =
        frames ? sizeof(struct asyncio__trace) + frames * sizeof(struct asyncio__traced) : 0;
    char *block = asyncio__malloc(trace_at + trace_size + size);
    if (!block) return NULL;
    asyncio_error *e = (asyncio_error *)(void *)block;
    struct asyncio__trace *trace = frames ? (void *)(block + trace_at) : NULL;
    memset(e, 0, sizeof *e);
    atomic_init(&e->refs, 1);
    atomic_init(&e->context, NULL);
    atomic_init(&e->trace, trace);
    atomic_init(&e->origin, 0);
    e->own_trace = trace;
    e->code = code;
    e->children = children;
    e->message = size ? block + trace_at + trace_size : NULL;
    if (trace) trace->count = frames;
    return e;
}

/* An error with room for frames and with a printf message; fmt NULL: none. */
static asyncio_error *format_error(int code, uint32_t frames, const char *fmt, va_list args) {
    if (!fmt) return asyncio__error_alloc(code, 0, frames, 0);
    char guess[MESSAGE_GUESS];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(guess, sizeof guess, fmt, args);
    size_t size = n < 0 ? 0 : (size_t)n + 1;
    asyncio_error *e = asyncio__error_alloc(code, 0, frames, size);
    if (e && size) {
        char *message = (char *)(uintptr_t)e->message;
        if (size <= sizeof guess) {
            memcpy(message, guess, size);
        } else {
            vsnprintf(message, size, fmt, again);
        }
    }
    va_end(again);
    return e;
}

asyncio_error *asyncio__error_raised(int code, const struct asyncio__strand *strand,
                                     const struct asyncio__traced *place, const char *fmt,
                                     va_list args) {
    uint32_t frames = trace_strand(strand, place, NULL, 0);
    asyncio_error *e = format_error(code, frames, fmt, args);
    if (e && frames) trace_strand(strand, place, e->own_trace->frames, frames);
    return e;
}

asyncio_error *asyncio__error_make(int code, const char *message) {
    return message ? asyncio_error_new(code, "%s", message) : asyncio__error_alloc(code, 0, 0, 0);
}

asyncio_error *asyncio__error_make_v(int code, const char *fmt, va_list args) {
    return format_error(code, 0, fmt, args);
}

asyncio_error *asyncio_error_new(int code, const char *fmt, ...) {
    if (code >= 0) return NULL;
    va_list args;
    va_start(args, fmt);
    asyncio_error *e = asyncio__error_make_v(code, fmt, args);
    va_end(args);
    return e;
}

/* ---- references ---- */

asyncio_error *asyncio_error_ref(asyncio_error *error) {
    if (error) atomic_fetch_add_explicit(&error->refs, 1, memory_order_relaxed);
    return error;
}

static bool drop_reference(asyncio_error *e) {
    return atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1;
}

static void free_notes(struct asyncio__note *note) {
    while (note) {
        struct asyncio__note *next = note->next;
        asyncio__free(note);
        note = next;
    }
}

/* Lets go of an error; it and those behind it that die are put before *dead. */
static void bury_chain(asyncio_error **dead, asyncio_error *e) {
    while (e && drop_reference(e)) {
        asyncio_error *context = asyncio__error_context(e);
        atomic_store_explicit(&e->context, *dead, memory_order_relaxed);
        *dead = e;
        e = context;
    }
}

void asyncio_error_unref(asyncio_error *error) {
    asyncio_error *dead = NULL;
    bury_chain(&dead, error);
    while (dead) {
        asyncio_error *e = dead;
        dead = asyncio__error_context(e);
        bury_chain(&dead, e->cause);
        for (size_t i = 0; i < e->children; i++) bury_chain(&dead, e->child[i]);
        struct asyncio__trace *trace = atomic_load_explicit(&e->trace, memory_order_relaxed);
        if (trace != e->own_trace) asyncio__free(trace);
        asyncio_value_drop(&e->value);
        free_notes(e->notes);
        asyncio__free(e);
    }
}

/* ---- the graph ---- */

/* Causes are followed in a loop, as programs chain them; contexts are bounded by the slot. */
static bool search_error(const asyncio_error *from, const asyncio_error *target, int depth,
                         int *nodes) {
    for (; from; from = from->cause) {
        if (from == target || depth == 0 || --*nodes < 0) return true;
        const asyncio_error *context = asyncio__error_context(from);
        if (context && search_error(context, target, depth - 1, nodes)) return true;
        for (size_t i = 0; i < from->children; i++) {
            if (search_error(from->child[i], target, depth - 1, nodes)) return true;
        }
    }
    return false;
}

static pthread_mutex_t graph_lock = PTHREAD_MUTEX_INITIALIZER;

static void take_graph(void) { pthread_mutex_lock(&graph_lock); }

void asyncio__error_unlock_graph(void) { pthread_mutex_unlock(&graph_lock); }

static const struct asyncio__forkpart graph_part = { take_graph, asyncio__error_unlock_graph,
                                                     asyncio__error_unlock_graph };

void asyncio__error_lock_graph(void) {
    asyncio__fork_join(ASYNCIO__FORK_ERRORS, &graph_part);
    take_graph();
}

bool asyncio__error_reaches(const asyncio_error *from, const asyncio_error *target) {
    int nodes = SEARCH_NODES;
    return search_error(from, target, SEARCH_DEPTH, &nodes);
}

bool asyncio__error_attach_cause(asyncio_error *error, asyncio_error *cause) {
    asyncio_error *dropped = asyncio_error_ref(cause);
    asyncio__error_lock_graph();
    bool circle = asyncio__error_reaches(cause, error);
    if (!circle) {
        dropped = error->cause;
        error->cause = cause;
    }
    asyncio__error_unlock_graph();
    asyncio_error_unref(dropped);
    return !circle;
}
