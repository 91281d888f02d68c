/* SPDX-License-Identifier: MIT
 *
 * io/watch.c: watch objects: a callback for a descriptor that its owner keeps, changes, pauses and
 * closes by the object. Each direction that is set is a level watch; one runnable tells of both.
 *
 * open -> lost (the descriptor or the loop was closed; fd is -1) and, from either, closed by its
 * owner. `events` are the directions whose watches are set, so none once it is lost. It is freed
 * when it is closed; while its callback runs, after that.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "io/fd.h"
#include "loop/handle.h"

struct asyncio_watch {
    struct asyncio__fdwatch side[2];
    struct asyncio__runnable runnable; /* in the ready queue while `queued` */
    asyncio_loop *loop;
    asyncio_watch_callback *fn;
    struct asyncio__call call;
    int fd;
    uint8_t events; /* ASYNCIO_READABLE, ASYNCIO_WRITABLE: as set */
    uint8_t ready;  /* found since the callback ran last */
    bool queued, running, closed;
};

_Static_assert(ASYNCIO_READABLE == 1 << ASYNCIO__READING, "a bit for each direction");
_Static_assert(ASYNCIO_WRITABLE == 1 << ASYNCIO__WRITING, "a bit for each direction");

static void free_watch(asyncio_watch *w) {
    asyncio_loop *loop = w->loop;
    asyncio__call_drop(&w->call);
    asyncio__free(w);
    asyncio__loop_object_gone(loop);
}

/* Forgets what was found of directions that are not watched any more. */
static void forget_ready(asyncio_watch *w) {
    w->ready &= w->events;
    if (w->ready || !w->queued) return;
    asyncio__link_unlink(&w->runnable.link);
    w->queued = false;
}

/* ---- running ---- */

static void run_watch(struct asyncio__runnable *runnable) {
    asyncio_watch *w = asyncio__container(runnable, asyncio_watch, runnable);
    unsigned events = w->ready;
    w->ready = 0;
    w->queued = false;
    w->running = true;
    asyncio__context_ref saved = asyncio__call_enter(&w->call);
    int status = w->fn(w, events, w->call.arg);
    asyncio__call_leave(w->loop, &w->call, saved, status, NULL, NULL);
    w->running = false;
    if (w->closed) free_watch(w);
}

static void discard_watch(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, asyncio_watch, runnable)->queued = false;
}

static int describe_watch(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio__call_describe(&asyncio__container(runnable, asyncio_watch, runnable)->call, buf,
                                  n);
}

static const struct asyncio__runnable_ops runnable_ops = {
    .run = run_watch,
    .discard = discard_watch,
    .describe = describe_watch,
};

/* ---- what the table of descriptors tells ---- */

static asyncio_watch *watch_of(struct asyncio__fdwatch *side, int direction) {
    return asyncio__container(side - direction, asyncio_watch, side);
}

static void side_ready(struct asyncio__fdwatch *side, enum asyncio__direction direction) {
    asyncio_watch *w = watch_of(side, (int)direction);
    w->ready |= (uint8_t)(1u << direction);
    if (w->queued) return;
    w->queued = true;
    asyncio__loop_queue(w->loop, &w->runnable);
}

static void lose(asyncio_watch *w, int direction) {
    w->events &= (uint8_t) ~(1u << direction);
    w->fd = -1;
    forget_ready(w);
}

static void reading_closed(struct asyncio__fdwatch *side, int status) {
    (void)status;
    lose(watch_of(side, ASYNCIO__READING), ASYNCIO__READING);
}

static void writing_closed(struct asyncio__fdwatch *side, int status) {
    (void)status;
    lose(watch_of(side, ASYNCIO__WRITING), ASYNCIO__WRITING);
}

static const struct asyncio__fdwatch_ops side_ops[2] = {
    [ASYNCIO__READING] = { .ready = side_ready,
                           .closed = reading_closed,
                           .kind = ASYNCIO__WATCH_LEVEL },
    [ASYNCIO__WRITING] = { .ready = side_ready,
                           .closed = writing_closed,
                           .kind = ASYNCIO__WATCH_LEVEL },
};

/* ---- the object ---- */

asyncio_watch *asyncio_watch_new_with(asyncio_loop *loop, int fd, asyncio_watch_callback *fn,
                                      const asyncio_call_options *options) {
    if (asyncio__loop_check(loop) < 0) return NULL;
    if (!fn) return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required"), NULL;
    if (fcntl(fd, F_GETFD) < 0) {
        asyncio_raise(-EBADF, NULL, NULL, "cannot watch descriptor %d", fd);
        return NULL;
    }
    asyncio_watch *w = asyncio__malloc(sizeof *w);
    if (!w) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    *w = (asyncio_watch){ .side = { { &side_ops[0] }, { &side_ops[1] } },
                          .runnable.ops = &runnable_ops };
    w->loop = loop;
    w->fd = fd;
    w->fn = fn;
    asyncio__call_init(&w->call, options);
    loop->live++;
    return w;
}

static int raise_lost(void) {
    return asyncio__raise(-EBADF, "the descriptor of a watch was closed");
}

static int check_set(const asyncio_watch *w, unsigned events) {
    if (!w) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a watch is required");
    if (events & ~(unsigned)(ASYNCIO_READABLE | ASYNCIO_WRITABLE)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "events must be ASYNCIO_READABLE, ASYNCIO_WRITABLE, both or none");
    }
    return asyncio__loop_check_thread(w->loop);
}

static void unset(asyncio_watch *w, unsigned events) {
    unsigned gone = w->events & events;
    for (int i = 0; i < 2; i++) {
        if (!(gone >> i & 1)) continue;
        w->events &= (uint8_t) ~(1u << i);
        asyncio__descriptor_unwatch(w->loop, w->fd, (enum asyncio__direction)i, &w->side[i]);
    }
    forget_ready(w);
}

/* The other direction was lost while one was set: the number is another's now. */
static int undo_set(asyncio_watch *w, int fd, unsigned done, int rc) {
    if (rc < 0) asyncio_ignore(rc);
    w->events &= (uint8_t)~done;
    for (int i = 0; i < 2; i++) {
        if (!(done >> i & 1)) continue;
        asyncio__descriptor_unwatch(w->loop, fd, (enum asyncio__direction)i, &w->side[i]);
    }
    forget_ready(w);
    return raise_lost();
}

/* Watches more directions. What cannot be had leaves everything as it was. */
static int set_more(asyncio_watch *w, unsigned events) {
    unsigned done = 0;
    int rc = asyncio__loop_check(w->loop), fd = w->fd;
    if (rc >= 0) rc = asyncio__reader_check(w->loop, fd);
    for (int i = 0; i < 2 && rc >= 0; i++) {
        if (!(events >> i & 1)) continue;
        rc = asyncio__descriptor_watch(w->loop, fd, (enum asyncio__direction)i, &w->side[i], true);
        if (rc >= 0) done |= 1u << i;
        w->events |= (uint8_t)done;
        if (w->fd != fd) return undo_set(w, fd, done, rc);
    }
    if (rc < 0) unset(w, done);
    return rc < 0 ? rc : 0;
}

int asyncio_watch_set(asyncio_watch *w, unsigned events) {
    int rc = check_set(w, events);
    if (rc < 0) return rc;
    if (events == w->events) return 0;
    unsigned more = events & ~(unsigned)w->events;
    if (more) rc = w->fd < 0 ? raise_lost() : set_more(w, more);
    if (rc >= 0) unset(w, ~events);
    return rc;
}

void asyncio_watch_close(asyncio_watch *w) {
    if (!w || asyncio__loop_wrong_thread(w->loop, "asyncio_watch_close")) return;
    unset(w, w->events);
    w->closed = true;
    if (!w->running) free_watch(w);
}
