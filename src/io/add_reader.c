/* SPDX-License-Identifier: MIT
 *
 * io/add_reader.c: callbacks for ready descriptors (add_reader, add_writer). A callback is a
 * level watch with a runnable: while the descriptor is ready, each look of the loop at its
 * descriptors queues the runnable, at most once.
 *
 * It goes when it is removed, when another takes its place, when the descriptor or the loop is
 * closed; while it runs, after that.
 */
#include <errno.h>

#include "base/alloc.h"
#include "io/fd.h"
#include "loop/handle.h"

struct reader {
    struct asyncio__fdwatch watch;
    struct asyncio__runnable runnable; /* in the ready queue while `queued` */
    asyncio_loop *loop;
    asyncio_callback *fn;
    struct asyncio__call call;
    bool queued, running, removed;
};

static const struct asyncio__fdwatch_ops reader_ops;

static struct reader *reader_of(struct asyncio__fdwatch *watch) {
    return watch && watch->ops == &reader_ops ? asyncio__container(watch, struct reader, watch)
                                              : NULL;
}

static void free_reader(struct reader *r) {
    asyncio_loop *loop = r->loop;
    asyncio__call_drop(&r->call);
    asyncio__free(r);
    asyncio__loop_object_gone(loop);
}

/* It is watched for no more. */
static void release_reader(struct reader *r) {
    if (r->queued) asyncio__link_unlink(&r->runnable.link);
    r->queued = false;
    r->removed = true;
    if (!r->running) free_reader(r);
}

/* ---- running ---- */

static void run_reader(struct asyncio__runnable *runnable) {
    struct reader *r = asyncio__container(runnable, struct reader, runnable);
    r->queued = false;
    r->running = true;
    asyncio__context_ref saved = asyncio__call_enter(&r->call);
    int status = r->fn(r->call.arg);
    asyncio__call_leave(r->loop, &r->call, saved, status, NULL, NULL);
    r->running = false;
    if (r->removed) free_reader(r);
}

static void discard_reader(struct asyncio__runnable *runnable) {
    asyncio__container(runnable, struct reader, runnable)->queued = false;
}

static int describe_reader(struct asyncio__runnable *runnable, char *buf, size_t n) {
    return asyncio__call_describe(&asyncio__container(runnable, struct reader, runnable)->call, buf,
                                  n);
}

static const struct asyncio__runnable_ops runnable_ops = {
    .run = run_reader,
    .discard = discard_reader,
    .describe = describe_reader,
};

static void reader_ready(struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    struct reader *r = reader_of(watch);
    (void)direction;
    if (r->queued) return;
    r->queued = true;
    asyncio__loop_queue(r->loop, &r->runnable);
}

static void reader_closed(struct asyncio__fdwatch *watch, int status) {
    (void)status;
    release_reader(reader_of(watch));
}

static const struct asyncio__fdwatch_ops reader_ops = {
    .ready = reader_ready,
    .closed = reader_closed,
    .kind = ASYNCIO__WATCH_LEVEL,
};

/* ---- adding and removing ---- */

int asyncio__reader_check(asyncio_loop *loop, int fd) {
    const struct asyncio__descriptor *d = asyncio__descriptor_get(loop, fd);
    if (!d) return asyncio__slot_status();
    if (!d->transport || asyncio__descriptor_reused(loop, fd)) return 0;
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                         "File descriptor %d is used by transport", fd);
}

static struct reader *new_reader(asyncio_loop *loop, asyncio_callback *fn,
                                 const asyncio_call_options *options) {
    struct reader *r = asyncio__malloc(sizeof *r);
    if (!r) return NULL;
    *r = (struct reader){ .watch.ops = &reader_ops, .runnable.ops = &runnable_ops };
    r->loop = loop;
    r->fn = fn;
    asyncio__call_init(&r->call, options);
    loop->live++;
    return r;
}

static int add(asyncio_loop *loop, int fd, enum asyncio__direction direction, asyncio_callback *fn,
               const asyncio_call_options *options) {
    int rc = asyncio__loop_check(loop);
    if (rc >= 0) rc = asyncio__reader_check(loop, fd);
    if (rc < 0) return rc;
    if (!fn) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a callback is required");
    struct reader *r = new_reader(loop, fn, options);
    if (!r) return asyncio__raise(-ENOMEM, NULL);
    struct reader *old = reader_of(loop->descriptors.at[fd].watch[direction]);
    if (old) { /* perhaps of another descriptor that had the number */
        asyncio__descriptor_unwatch(loop, fd, direction, &old->watch);
        release_reader(old);
    }
    rc = asyncio__descriptor_watch(loop, fd, direction, &r->watch, true);
    if (rc >= 0) return 0;
    r->call.drop = NULL; /* on failure the argument stays the caller's */
    free_reader(r);
    return rc;
}

static int remove_from(asyncio_loop *loop, int fd, enum asyncio__direction direction) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (asyncio__loop_check_thread(loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    struct asyncio__descriptors *t = &loop->descriptors;
    if (loop->closed || (size_t)fd >= t->count) return 0;
    struct reader *r = reader_of(t->at[fd].watch[direction]);
    if (!r) return 0;
    asyncio__descriptor_unwatch(loop, fd, direction, &r->watch);
    release_reader(r);
    return 1;
}

int asyncio_loop_add_reader_with(asyncio_loop *loop, int fd, asyncio_callback *fn,
                                 const asyncio_call_options *options) {
    return add(loop, fd, ASYNCIO__READING, fn, options);
}

int asyncio_loop_add_writer_with(asyncio_loop *loop, int fd, asyncio_callback *fn,
                                 const asyncio_call_options *options) {
    return add(loop, fd, ASYNCIO__WRITING, fn, options);
}

int asyncio_loop_remove_reader(asyncio_loop *loop, int fd) {
    return remove_from(loop, fd, ASYNCIO__READING);
}

int asyncio_loop_remove_writer(asyncio_loop *loop, int fd) {
    return remove_from(loop, fd, ASYNCIO__WRITING);
}
