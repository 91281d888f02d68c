/* SPDX-License-Identifier: MIT
 *
 * base/error_slot.c: the error slot of a strand and the chain of contexts behind it.
 *
 * The way of an error from the task that raises it, here a child of main, to whoever handles it.
 * Its status goes the same way as the result of one function after the other:
 *
 *     slot of the child       asyncio_raise has put it there, below; the awaits of coroutines that
 *         |                   it passes leave it there (asyncio__error_after)
 *         | detach            the child ends: finish_failed, task/task.c
 *         v
 *     future of the child     keeps it for all who await the child
 *         |
 *         | put               main's await ends: asyncio__future_outcome, future/future.c
 *         v
 *     slot of main            what was there before has become its context
 *         |
 *         | detach            main ends: finish_failed
 *         v
 *     future of main
 *         |
 *         | put               the run ends: asyncio_future_result, called by task/run.c
 *         v
 *     slot of the thread      its own, as this is outside of tasks
 *         |
 *         | take              the program handles it: asyncio_error_take, asyncio_catch or
 *         v                   asyncio_ignore, in any of the three slots
 *     in no slot
 *
 * The slot owns its front error, each error owns its context. A negative status means the
 * newest error of its code in the chain; without one it is bare. What is older than that error
 * stays behind it, what is newer was of no consequence and goes when the status is matched.
 *
 * An error may be in several chains at a time: a future keeps its own and every task that
 * awaits it has it in front. So a chain is only ever lengthened at its end, where NULL becomes
 * an error, and cut only where every error from the front on has no reference but the one of
 * the chain (it is private): nobody else can be looking at what goes then. Where a chain
 * would get too long or circular and cannot be cut, what was to be hung on is let go. Two
 * threads that each hang a shared error on the other's would close a circle: the graph is locked
 * from the look at it to the change.
 */
#include <errno.h>
#include <stdarg.h>

#include "base/error.h"
#include "base/error_object.h"

#define PRIVATE_MAX 16 /* links of a chain that can be cut */
#define CHAIN_MAX 32   /* links of any chain */

/* ---- chains ---- */

static bool is_private(const asyncio_error *e) {
    return atomic_load_explicit(&e->refs, memory_order_acquire) == 1;
}

static size_t chain_length(const asyncio_error *e) {
    size_t n = 0;
    for (; e && n <= CHAIN_MAX; e = asyncio__error_context(e)) n++;
    return n;
}

static bool chain_has(const asyncio_error *chain, const asyncio_error *e) {
    while (chain && chain != e) chain = asyncio__error_context(chain);
    return chain != NULL;
}

static asyncio_error *find_code(asyncio_error *e, int code) {
    while (e && e->code != code) e = asyncio__error_context(e);
    return e;
}

static void cut_behind(asyncio_error *e) {
    asyncio_error_unref(atomic_exchange(&e->context, NULL));
}

/* Cuts behind the link number `keep`, if all up to there are private. */
static void trim_chain(asyncio_error *e, size_t keep) {
    for (size_t n = 1; e && is_private(e); n++, e = asyncio__error_context(e)) {
        if (n == keep) {
            cut_behind(e);
            return;
        }
    }
}

/* Cuts behind the last of the private links that a chain begins with. */
static void cut_at_shared(asyncio_error *e) {
    asyncio_error *next = asyncio__error_context(e);
    while (next && is_private(next)) {
        e = next;
        next = asyncio__error_context(e);
    }
    cut_behind(e);
}

/* Cuts `rest` where it runs into the chain of `front`, if it is private up to there. */
static void cut_common(asyncio_error *rest, const asyncio_error *front) {
    for (asyncio_error *e = rest; e && is_private(e); e = asyncio__error_context(e)) {
        if (chain_has(front, asyncio__error_context(e))) {
            cut_behind(e);
            return;
        }
    }
}

/* Makes room for both in one chain. An older status can still mean an error of `rest`, but none of
 * those behind `front`: they give way first. */
static void make_room(asyncio_error *front, asyncio_error *rest) {
    if (chain_length(front) + chain_length(rest) <= PRIVATE_MAX) return;
    trim_chain(front, PRIVATE_MAX / 2);
    size_t length = chain_length(front);
    if (length < PRIVATE_MAX) trim_chain(rest, PRIVATE_MAX - length);
}

/* Hangs `rest` (a reference) on the end of the chain of `front`, or lets it go. */
static void hang_chain(asyncio_error *front, asyncio_error *rest) {
    if (!rest) return;
    bool hung = false;
    if (!chain_has(front, rest)) {
        cut_common(rest, front);
        make_room(front, rest);
        asyncio__error_lock_graph();
        asyncio_error *end = front;
        while (asyncio__error_context(end)) end = asyncio__error_context(end);
        hung = chain_length(front) + chain_length(rest) <= CHAIN_MAX &&
               !asyncio__error_reaches(rest, end);
        if (hung) atomic_store_explicit(&end->context, rest, memory_order_release);
        asyncio__error_unlock_graph();
    }
    if (!hung) asyncio_error_unref(rest);
}

/* The reference that `e` had to what comes behind is then the new error's. */
void asyncio__error_insert(asyncio_error *e, int code, int behind) {
    asyncio_error *next = e ? asyncio__error_context(e) : NULL;
    while (next && next->code != behind) {
        e = next;
        next = asyncio__error_context(e);
    }
    asyncio_error *inserted = next ? asyncio__error_make(code, NULL) : NULL;
    if (!inserted) return;
    inserted->cause = asyncio_error_ref(next);
    atomic_init(&inserted->context, next);
    atomic_store_explicit(&e->context, inserted, memory_order_release);
}

/* ---- the slot ---- */

/* The end of a thread that has an error in the slot. */
static void empty_slot(struct asyncio__strand *own) {
    asyncio_error *error = own->error;
    own->error = NULL;
    asyncio_error_unref(error);
}

asyncio_error *asyncio__error_match(const struct asyncio__strand *strand, int status) {
    return status < 0 ? find_code(strand->error, status) : NULL;
}

asyncio_error *asyncio__error_detach(struct asyncio__strand *strand, int status) {
    asyncio_error *e = asyncio_error_ref(asyncio__error_match(strand, status));
    if (!e) return NULL;
    asyncio_error *front = strand->error;
    strand->error = asyncio_error_ref(asyncio__error_context(e));
    asyncio_error_unref(front);
    return e;
}

void asyncio__error_put(struct asyncio__strand *strand, asyncio_error *error) {
    asyncio_error *before = strand->error;
    asyncio__error_trace(error, strand);
    asyncio__strand_keep(ASYNCIO__STRAND_ERROR, empty_slot);
    strand->error = error;
    hang_chain(error, before);
}

void asyncio__error_after(struct asyncio__strand *strand, asyncio_error *saved, int status) {
    asyncio_error *front = strand->error;
    strand->error = saved;
    if (!front && (!saved || status >= 0)) return;
    asyncio_error *found = status < 0 ? find_code(front, status) : NULL;
    if (found) {
        strand->error = asyncio_error_ref(found);
        asyncio_error_unref(front);
        hang_chain(found, saved);
        return;
    }
    asyncio_error_unref(front);
    /* A bare status: only errors from before the await can still be meant, now or later. */
    found = status < 0 ? find_code(saved, status) : NULL;
    if (found && found != saved) {
        strand->error = asyncio_error_ref(found);
        asyncio_error_unref(saved);
    }
}

int asyncio__slot_status(void) {
    const asyncio_error *error = asyncio__strand_current()->error;
    return error ? error->code : -ENOMEM;
}

/* ---- raising ---- */

/* Puts a new error before what is in the slot. Without an error the status is to be bare:
 * what it could be mistaken for leaves the slot. */
static int raise_error(struct asyncio__strand *strand, asyncio_error *e, int code) {
    if (!e) {
        while (asyncio__error_match(strand, code)) {
            asyncio_error_unref(asyncio__error_detach(strand, code));
        }
        return code;
    }
    atomic_store_explicit(&e->context, strand->error, memory_order_relaxed);
    strand->error = e;
    asyncio__strand_keep(ASYNCIO__STRAND_ERROR, empty_slot);
    trim_chain(e, PRIVATE_MAX);
    if (chain_length(e) > CHAIN_MAX) cut_at_shared(e);
    return code;
}

int asyncio_raise(int code, const char *where, const char *func, const char *fmt, ...) {
    if (code >= 0) code = ASYNCIO_TYPE_ERROR;
    struct asyncio__strand *strand = asyncio__strand_current();
    struct asyncio__traced place = { where, func };
    va_list args;
    va_start(args, fmt);
    asyncio_error *e = asyncio__error_raised(code, strand, where ? &place : NULL, fmt, args);
    va_end(args);
    return raise_error(strand, e, code);
}

int asyncio__raise(int code, const char *message) {
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *e = asyncio__error_make(code, message);
    if (e) asyncio__error_trace(e, strand);
    return raise_error(strand, e, code);
}

int asyncio_reraise(asyncio_error *error) {
    if (!error) return asyncio__raise(ASYNCIO_TYPE_ERROR, "there is no error to raise");
    int code = error->code;
    asyncio__error_put(asyncio__strand_current(), error);
    return code;
}

/* ---- handling ---- */

bool asyncio_catch(int rc, int code) {
    if (rc != code) return false;
    asyncio_ignore(rc);
    return true;
}

/* Detaches an error that is handled by that: the frame no longer leaves because of it. (A
 * helper's TRY may have said that it does.) */
static asyncio_error *handle_error(struct asyncio__strand *strand, int rc) {
    if (strand->top) strand->top->leaving = 0;
    return asyncio__error_detach(strand, rc);
}

asyncio_error *asyncio_error_take(int rc) {
    if (rc >= 0) return NULL;
    struct asyncio__strand *strand = asyncio__strand_current();
    asyncio_error *e = handle_error(strand, rc);
    if (!e) {
        e = asyncio__error_make(rc, NULL);
        if (e) asyncio__error_trace(e, strand);
    }
    return e;
}

void asyncio_ignore(int status) {
    if (status < 0) asyncio_error_unref(handle_error(asyncio__strand_current(), status));
}
