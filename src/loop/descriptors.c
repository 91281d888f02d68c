/* SPDX-License-Identifier: MIT
 *
 * loop/descriptors.c: setting watches and firing them.
 */
#include "loop/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "loop/loop.h"

#define EDGES (ASYNCIO__POLL_EDGE | ASYNCIO__POLL_READ | ASYNCIO__POLL_WRITE)
#define FIRST_COUNT 64

/* ---- the table ---- */

static bool grow(struct asyncio__descriptors *t, size_t least) {
    size_t count = t->count ? t->count : FIRST_COUNT;
    while (count < least) count *= 2;
    struct asyncio__descriptor *at = asyncio__realloc(t->at, count * sizeof *at);
    if (!at) return false;
    memset(at + t->count, 0, (count - t->count) * sizeof *at);
    for (size_t i = t->count; i < count; i++)
        at[i].ready = ASYNCIO__POLL_READ | ASYNCIO__POLL_WRITE;
    t->at = at;
    t->count = count;
    return true;
}

static bool is_open(int fd) { return fd >= 0 && fcntl(fd, F_GETFD) >= 0; }

struct asyncio__descriptor *asyncio__descriptor_get(asyncio_loop *loop, int fd) {
    struct asyncio__descriptors *t = &loop->descriptors;
    if (ASYNCIO__LIKELY((size_t)fd < t->count)) return &t->at[fd];
    if (!is_open(fd)) { /* no table up to a number that is far off */
        asyncio_raise(-EBADF, NULL, NULL,
                      fd < 0 ? "%d is no descriptor" : "cannot wait for descriptor %d", fd);
        return NULL;
    }
    if (grow(t, (size_t)fd + 1)) return &t->at[fd];
    asyncio__raise(-ENOMEM, NULL);
    return NULL;
}

/* ---- entries ---- */

/* What is true of a number that nothing is known about. */
static void reset(struct asyncio__descriptor *d) {
    *d = (struct asyncio__descriptor){ .ready = ASYNCIO__POLL_READ | ASYNCIO__POLL_WRITE };
}

static struct asyncio__fdwatch *take(asyncio_loop *loop, int fd,
                                     enum asyncio__direction direction) {
    struct asyncio__fdwatch *watch = loop->descriptors.at[fd].watch[direction];
    if (!watch) return NULL;
    loop->descriptors.at[fd].watch[direction] = NULL;
    if (watch->ops->kind != ASYNCIO__WATCH_LASTING) loop->descriptors.waiting--;
    return watch;
}

/* Whoever watches it, except `but`, has lost it for good. May run user code. */
static void tell(asyncio_loop *loop, int fd, int status, const struct asyncio__fdwatch *but) {
    for (int direction = 0; direction < 2; direction++) {
        if (loop->descriptors.at[fd].watch[direction] == but) continue;
        struct asyncio__fdwatch *watch = take(loop, fd, (enum asyncio__direction)direction);
        if (watch) watch->ops->closed(watch, status);
    }
}

/* ---- registration ---- */

static bool is_level(const struct asyncio__fdwatch *watch) {
    return watch && watch->ops->kind == ASYNCIO__WATCH_LEVEL;
}

/* What the poller is to be asked for, given the watches. */
static unsigned wanted(const struct asyncio__descriptor *d) {
    const struct asyncio__fdwatch *r = d->watch[ASYNCIO__READING], *w = d->watch[ASYNCIO__WRITING];
    if (!is_level(r) && !is_level(w)) return EDGES;
    return (r ? ASYNCIO__POLL_READ : 0u) | (w ? ASYNCIO__POLL_WRITE : 0u);
}

static int add(asyncio_loop *loop, struct asyncio__descriptor *d, int fd, unsigned what) {
    if (++loop->descriptors.generation == 0) loop->descriptors.generation = 1;
    uint32_t generation = loop->descriptors.generation;
    int rc = asyncio__poller_add(&loop->poller, fd, generation, what);
    if (rc == -EEXIST) rc = asyncio__poller_change(&loop->poller, fd, generation, what);
    if (rc < 0) return rc;
    d->generation = generation;
    d->asked = (uint8_t)what;
    d->sticky = 0;
    return 0;
}

/* Whether the poller's answer means that the description it was asked about has gone: the number is
 * another's, a regular file's, or nobody's. */
static bool means_lost(int rc) { return rc == -ENOENT || rc == -EPERM || rc == -EBADF; }

/* Changes the registration. 0 or -errno. If it has been lost, it is forgotten, and whoever but
 * `mine` watches the number has watched its former owner. */
static int change(asyncio_loop *loop, int fd, unsigned what, const struct asyncio__fdwatch *mine) {
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    int rc = asyncio__poller_change(&loop->poller, fd, d->generation, what);
    if (rc == 0) d->asked = (uint8_t)what;
    if (!means_lost(rc)) return rc;
    d->asked = 0;
    if (!d->adopted) tell(loop, fd, -EBADF, mine);
    return rc;
}

bool asyncio__descriptor_reused(asyncio_loop *loop, int fd) {
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    if (!d->asked ||
        !means_lost(asyncio__poller_change(&loop->poller, fd, d->generation, d->asked)))
        return false;
    d->asked = 0;
    tell(loop, fd, -EBADF, NULL);
    reset(&loop->descriptors.at[fd]);
    return true;
}

/* `mine`: the watch that it is for, which is set already. */
static int ask(asyncio_loop *loop, int fd, unsigned what, const struct asyncio__fdwatch *mine) {
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    if (d->asked) {
        int rc = change(loop, fd, what, mine);
        if (rc != -ENOENT) return rc;
        d = &loop->descriptors.at[fd]; /* user code may have run */
        what = wanted(d);
    }
    d->asked = 0;
    return add(loop, d, fd, what);
}

static int cannot(int fd, int rc) {
    if (rc != -EPERM) return asyncio_raise(rc, NULL, NULL, "cannot wait for descriptor %d", fd);
    return asyncio_raise(rc, NULL, NULL,
                         "descriptor %d cannot be waited for: regular files and directories are "
                         "always ready",
                         fd);
}

/* A registration that was lost although only we may close the descriptor. */
static int closed_behind_our_back(int fd) {
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                         "descriptor %d was closed by close(): use asyncio_fd_close", fd);
}

/* Asks the poller for what the watches need, unless that is known to be asked already. */
static int ask_for_watch(asyncio_loop *loop, int fd, const struct asyncio__fdwatch *mine,
                         bool fresh) {
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    unsigned what = wanted(d);
    if (ASYNCIO__LIKELY(d->adopted && d->asked == what && !fresh && !loop->debug)) return 0;
    bool known = d->adopted && d->asked;
    uint32_t generation = d->generation;
    int rc = ask(loop, fd, what, mine);
    if (ASYNCIO__UNLIKELY(rc < 0)) return cannot(fd, rc);
    d = &loop->descriptors.at[fd];
    if (ASYNCIO__UNLIKELY(known && d->generation != generation)) return closed_behind_our_back(fd);
    return 0;
}

/* After watches went: level watches leave nothing behind that would be reported for ever. */
static void settle(asyncio_loop *loop, int fd) {
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    if (!d->asked || d->asked == EDGES) return;
    unsigned what = wanted(d);
    bool unused = !d->watch[0] && !d->watch[1];
    if (what == d->asked && !unused) return;
    if (unused) {
        asyncio__poller_remove(&loop->poller, fd);
        d->asked = 0;
    } else if (change(loop, fd, what, NULL) < 0) {
        loop->descriptors.at[fd].asked = 0;
    }
}

/* ---- watches ---- */

static int already_watched(int fd, enum asyncio__direction direction) {
    return asyncio_raise(ASYNCIO_RUNTIME_ERROR, NULL, NULL,
                         "descriptor %d is already waited for, by somebody else who wants to %s",
                         fd, direction == ASYNCIO__READING ? "read" : "write");
}

/* There is a watch. One that was cancelled stays until its task runs; one whose descriptor was
 * closed without telling, until that is found out. 0 or raised. */
static __attribute__((noinline)) int make_way(asyncio_loop *loop, int fd,
                                              enum asyncio__direction direction) {
    const struct asyncio__fdwatch *watch = loop->descriptors.at[fd].watch[direction];
    if (watch->ops->is_over && watch->ops->is_over(watch, direction)) {
        take(loop, fd, direction);
        return 0;
    }
    return asyncio__descriptor_reused(loop, fd) ? 0 : already_watched(fd, direction);
}

int asyncio__descriptor_watch(asyncio_loop *loop, int fd, enum asyncio__direction direction,
                              struct asyncio__fdwatch *watch, bool fresh) {
    struct asyncio__descriptor *d = asyncio__descriptor_get(loop, fd);
    if (ASYNCIO__UNLIKELY(!d)) return is_open(fd) ? -ENOMEM : -EBADF;
    if (ASYNCIO__UNLIKELY(d->watch[direction] != NULL)) {
        int way = make_way(loop, fd, direction);
        if (way < 0) return way;
        d = &loop->descriptors.at[fd];
    }
    d->watch[direction] = watch;
    int rc = ask_for_watch(loop, fd, watch, fresh);
    if (ASYNCIO__UNLIKELY(rc < 0)) {
        loop->descriptors.at[fd].watch[direction] = NULL;
        return rc;
    }
    if (watch->ops->kind != ASYNCIO__WATCH_LASTING) asyncio__descriptor_wanted(loop);
    return 0;
}

int asyncio__descriptor_check(asyncio_loop *loop, int fd) {
    return ask_for_watch(loop, fd, NULL, false);
}

void asyncio__descriptor_unwatch(asyncio_loop *loop, int fd, enum asyncio__direction direction,
                                 const struct asyncio__fdwatch *watch) {
    struct asyncio__descriptors *t = &loop->descriptors;
    if ((size_t)fd >= t->count || t->at[fd].watch[direction] != watch) return;
    take(loop, fd, direction);
    settle(loop, fd);
}

static void fire(asyncio_loop *loop, int fd, enum asyncio__direction direction) {
    struct asyncio__fdwatch *watch = loop->descriptors.at[fd].watch[direction];
    if (!watch) return;
    if (watch->ops->kind == ASYNCIO__WATCH_ONCE) {
        take(loop, fd, direction);
        settle(loop, fd);
    }
    watch->ops->ready(watch, direction);
}

void asyncio__descriptors_report(void *arg, int fd, uint32_t generation, unsigned what) {
    asyncio_loop *loop = arg;
    struct asyncio__descriptor *d = &loop->descriptors.at[fd];
    if (d->generation != generation || !d->asked) return;
    unsigned sticky = 0;
    if (what & ASYNCIO__POLL_END) sticky = ASYNCIO__POLL_READ;
    if (what & ASYNCIO__POLL_ERROR) sticky = ASYNCIO__POLL_READ | ASYNCIO__POLL_WRITE;
    what = (what | sticky) & (ASYNCIO__POLL_READ | ASYNCIO__POLL_WRITE);
    d->sticky |= (uint8_t)sticky;
    d->ready |= (uint8_t)what;
    if (what & ASYNCIO__POLL_READ) fire(loop, fd, ASYNCIO__READING);
    if (what & ASYNCIO__POLL_WRITE) fire(loop, fd, ASYNCIO__WRITING);
}

/* ---- ends ---- */

void asyncio__descriptor_forget(asyncio_loop *loop, int fd) {
    struct asyncio__descriptors *t = &loop->descriptors;
    if (loop->closed || (size_t)fd >= t->count) return;
    if (t->at[fd].asked) asyncio__poller_remove(&loop->poller, fd);
    t->at[fd].asked = 0;
    tell(loop, fd, -EBADF, NULL);
    reset(&t->at[fd]);
}

int asyncio__descriptor_adopt(asyncio_loop *loop, int fd, bool short_is_empty) {
    struct asyncio__descriptor *d = asyncio__descriptor_get(loop, fd);
    if (!d) return is_open(fd) ? -ENOMEM : -EBADF;
    for (int i = 0; i < 2; i++) {
        int rc = d->watch[i] ? make_way(loop, fd, (enum asyncio__direction)i) : 0;
        if (rc < 0) return rc;
    }
    d = &loop->descriptors.at[fd];
    reset(d);
    d->adopted = true;
    d->short_is_empty = short_is_empty;
    return 0;
}

void asyncio__descriptors_close(asyncio_loop *loop) {
    struct asyncio__descriptors *t = &loop->descriptors;
    for (size_t fd = 0; fd < t->count; fd++) tell(loop, (int)fd, 0, NULL);
    asyncio__free(t->at);
    *t = (struct asyncio__descriptors){ .at = NULL };
}
