/* SPDX-License-Identifier: MIT
 *
 * task/block.c: blocks with an asynchronous entry and exit.
 *
 * The open blocks of a frame form a list, innermost first. A block is fresh, entered (in the
 * list), or over. When a body is left early the frame knows why: TRY and RAISE said so
 * (leaving), RETURN has set the result, otherwise it was a bare return. What the exit makes of
 * that goes to rc, and to the frame where the coroutine is on its way out.
 *
 * A block that is declared before it is entered (ASYNC_BLOCK) keeps its object by a reference, if
 * the kind has any (ref, unref), from the entry until the variable goes.
 */
#include <asyncio/block.h>

#include "base/error.h"
#include "task/task.h"

enum { FRESH, ENTERED, OVER, SKIPPED }; /* of a block that asyncio__block_init made: FRESH */

asyncio_block asyncio_block_new(int *rc, const asyncio_block_ops *ops, void *object) {
    asyncio_block s;
    asyncio__block_init(&s, rc, ops, object);
    return s;
}

ASYNCIO_BLOCK_TYPE(typed_block, char);
_Static_assert(offsetof(typed_block, object) == offsetof(asyncio_block, object) &&
                   sizeof(typed_block) == sizeof(asyncio_block),
               "the typed object is the block's");

static int refuse(const asyncio_block *s, const char *why) {
    const char *name = s->ops->name ? s->ops->name : "the block";
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL, "%s %s", name, why);
}

int asyncio_block_enter(asyncio_block *s) {
    struct asyncio__strand *strand = asyncio__here.strand;
    if (!s || !s->ops || !s->ops->exit)
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a block with an exit is required");
    if (!strand) return refuse(s, "should be used inside a task");
    if (s->state != FRESH) return refuse(s, "has already been entered");
    struct asyncio__frame *frame = strand->top;
    frame->leaving = 0; /* what a helper's TRY said before is over */
    int rc = s->ops->enter ? s->ops->enter(s) : 0;
    if (rc < 0) {
        s->state = SKIPPED;
        return rc;
    }
    s->state = ENTERED;
    s->outer = frame->open;
    frame->open = s;
    return rc;
}

/* Calls exit with the status; the error that belongs to it stays in the slot meanwhile. The
 * block may be gone afterwards. */
static int run_exit(struct asyncio__frame *frame, asyncio_block *s, int status) {
    int *to = s->rc;
    frame->open = s->outer;
    s->state = OVER;
    int rc = s->ops->exit(s, status);
    if (to) *to = rc;
    return rc;
}

bool asyncio__block_is_open(const struct asyncio__frame *frame, const asyncio_block *s) {
    for (const asyncio_block *o = frame->open; o; o = o->outer) {
        if (o == s) return true;
    }
    return false;
}

int asyncio__block_exit_in(struct asyncio__frame *frame, asyncio_block *s, int status) {
    if (!asyncio__block_is_open(frame, s))
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the block is not open");
    while (frame->open != s) status = run_exit(frame, frame->open, status);
    return run_exit(frame, s, status);
}

int asyncio_block_exit(asyncio_block *s, int status) {
    struct asyncio__strand *strand = asyncio__here.strand;
    if (!strand) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the block is not open");
    return asyncio__block_exit_in(strand->top, s, status);
}

int asyncio__frame_close_blocks(struct asyncio__frame *frame, int status) {
    while (frame->open) status = run_exit(frame, frame->open, status);
    return status;
}

bool asyncio_block_step(asyncio_block *s) {
    if (!s) return false;
    if (s->state == FRESH) {
        int rc = asyncio_block_enter(s);
        if (rc >= 0) return true;
        s->state = SKIPPED;
        if (s->rc) *s->rc = rc;
        return false;
    }
    if (s->state == ENTERED) {
        int rc = asyncio_block_exit(s, s->rc ? *s->rc : 0);
        if (s->rc) *s->rc = rc;
    }
    return false;
}

/* The body was left early. If the coroutine is on its way out (an error leaves it, an inner block
 * has replaced one, or RETURN has set the result), the block's status becomes what it returns,
 * unless that is a success that replaces a success. */
void asyncio_block_fini(asyncio_block *s) {
    if (!s || s->state != ENTERED) return;
    struct asyncio__frame *frame = asyncio__here.strand->top;
    int leaving = frame->leaving;
    bool returns = frame->result.type != &asyncio__unset;
    bool fails = leaving < 0 || frame->override != ASYNCIO__NO_OVERRIDE;
    int ended = leaving < 0 ? leaving : returns || !s->rc ? 0 : *s->rc;
    int rc = asyncio_block_exit(s, ended);
    if (fails || (returns && rc < 0)) {
        frame->leaving = rc;
        frame->override = rc;
    }
}

/* ---- a block that is declared before it is entered ---- */

static bool can_keep(const asyncio_block *s) {
    return s->ops->size >= sizeof(asyncio_block_ops) && s->ops->ref && s->ops->unref;
}

asyncio_block *asyncio_block_begin(asyncio_block *s) {
    if (!s) return NULL;
    int rc = asyncio_block_enter(s);
    if (s->rc) *s->rc = rc < 0 ? rc : 0;
    if (rc < 0) return NULL;
    if (can_keep(s)) {
        s->ops->ref(s->object);
        s->kept = 1;
    }
    return s;
}

void asyncio_block_drop(asyncio_block *s) {
    asyncio_block_fini(s);
    if (!s || !s->kept) return;
    s->kept = 0;
    s->ops->unref(s->object);
}
