/* SPDX-License-Identifier: MIT
 *
 * io/filecall.c: system calls that threads make on a file which may be closed meanwhile.
 */
#define _GNU_SOURCE
#include "io/filecall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fork.h"
#include "base/futex.h"
#include "thread/objectlock.h"

#define PAUSE_MOST 200 /* ms in which a call sees that it is over */
#define PAUSE_UNSURE 5 /* ms after a descriptor was ready and gave nothing */

/* ---- the life of a file and of its calls ---- */

void asyncio__openfile_init(struct asyncio__openfile *f, int fd, bool waits) {
    asyncio__objectlock_init();
    f->fd = fd;
    f->waits = waits;
    f->left = false;
    f->forks = asyncio__forks;
    atomic_init(&f->closed, false);
    atomic_init(&f->live, 0);
    asyncio__link_init(&f->calls);
}

void asyncio__filecall_init(struct asyncio__filecall *c, struct asyncio__openfile *f) {
    asyncio__link_init(&c->link);
    c->file = f;
    atomic_init(&c->given_up, false);
    c->pause = 0;
    c->ready = false;
}

/* With the lock. In a forked child those who made calls are not there. */
static void lock_file(struct asyncio__openfile *f) {
    asyncio__object_lock(f);
    if (f->forks == asyncio__forks) return;
    f->forks = asyncio__forks;
    atomic_store(&f->live, 0);
    asyncio__link_init(&f->calls);
}

int asyncio__filecall_begin(struct asyncio__filecall *c) {
    struct asyncio__openfile *f = c->file;
    int fd = -1;
    lock_file(f);
    if (!atomic_load(&f->closed) && !atomic_load(&c->given_up)) {
        fd = f->fd;
        asyncio__list_append(&f->calls, &c->link);
        atomic_fetch_add(&f->live, 1);
    }
    asyncio__object_unlock(f);
    return fd;
}

void asyncio__filecall_end(struct asyncio__filecall *c) {
    struct asyncio__openfile *f = c->file;
    int fd = -1;
    lock_file(f);
    asyncio__link_take(&c->link);
    if (!atomic_load(&c->given_up)) atomic_fetch_sub(&f->live, 1);
    bool closed = atomic_load(&f->closed);
    if (f->left && asyncio__list_empty(&f->calls)) {
        fd = f->fd;
        f->fd = -1;
    }
    asyncio__object_unlock(f);
    if (closed) asyncio__futex_wake(&f->live, 1);
    if (fd >= 0) close(fd);
}

void asyncio__filecall_give_up(struct asyncio__filecall *c) {
    struct asyncio__openfile *f = c->file;
    bool counted = false;
    if (f) lock_file(f);
    if (f && !atomic_load(&c->given_up) && !asyncio__list_empty(&c->link)) {
        atomic_fetch_sub(&f->live, 1);
        counted = true;
    }
    atomic_store(&c->given_up, true);
    if (f) asyncio__object_unlock(f);
    if (counted) asyncio__futex_wake(&f->live, 1);
}

int asyncio__filecall_close(struct asyncio__filecall *c) {
    struct asyncio__openfile *f = c->file;
    int fd = -1;
    unsigned live;
    lock_file(f);
    bool before = atomic_exchange(&f->closed, true);
    asyncio__object_unlock(f);
    if (before) {
        errno = EBADF;
        return -1;
    }
    while ((live = atomic_load(&f->live)) > 0 && !atomic_load(&c->given_up)) {
        asyncio__futex_wait(&f->live, live, asyncio__clock_now() + PAUSE_MOST * INT64_C(1000000));
    }
    lock_file(f);
    f->left = !asyncio__list_empty(&f->calls);
    if (!f->left) {
        fd = f->fd;
        f->fd = -1;
    }
    asyncio__object_unlock(f);
    return fd < 0 || close(fd) == 0 || errno == EINTR ? 0 : -1;
}

/* ---- waiting ---- */

static bool is_over(const struct asyncio__filecall *c) {
    errno = ECANCELED;
    if (atomic_load(&c->given_up)) return true;
    errno = EBADF;
    return c->file && atomic_load(&c->file->closed);
}

void asyncio__filecall_moved(struct asyncio__filecall *c) {
    c->pause = 0;
    c->ready = false;
}

/* Devices may say that they are ready when they are not. */
bool asyncio__filecall_wait(struct asyncio__filecall *c, int fd, short events) {
    struct pollfd p = { .fd = fd, .events = events };
    if (is_over(c)) return false;
    if (c->ready) poll(NULL, 0, PAUSE_UNSURE);
    c->pause = c->pause == 0 ? 1 : c->pause < PAUSE_MOST / 2 ? c->pause * 2 : PAUSE_MOST;
    c->ready = poll(&p, 1, c->pause) > 0;
    return !is_over(c);
}

/* ---- opening ---- */

/* Whether somebody has the other side of an empty fifo open: tee would wait for him. 1, 0 or -1
 * with an errno. */
static int has_writer(int fd) {
    int spare[2];
    if (pipe2(spare, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
    ssize_t n = tee(fd, spare[1], 1, SPLICE_F_NONBLOCK);
    bool found = n > 0 || (n < 0 && errno == EAGAIN);
    close(spare[0]);
    close(spare[1]);
    return found;
}

/* A fifo whose reading side is open waits for a writer: until there is one, or was. */
static int await_writer(struct asyncio__filecall *c, int fd) {
    int rc = 0;
    while (rc == 0 && asyncio__filecall_wait(c, fd, POLLIN)) rc = c->ready ? 1 : has_writer(fd);
    if (rc > 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_fifo(struct asyncio__filecall *c, const char *path, int flags, unsigned mode) {
    int fd;
    do fd = open(path, flags | O_NONBLOCK, mode);
    while (fd < 0 && (errno == EINTR || (errno == ENXIO && asyncio__filecall_wait(c, -1, 0))));
    if (fd < 0 || (flags & O_ACCMODE) != O_RDONLY) return fd;
    return await_writer(c, fd);
}

int asyncio__filecall_open(struct asyncio__filecall *c, const char *path, int flags, unsigned mode,
                           bool *waits) {
    struct stat st;
    bool may_wait = !(flags & (O_NONBLOCK | O_PATH));
    bool fifo = may_wait && stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
    int fd = -1;
    flags |= O_CLOEXEC;
    if (fifo) fd = open_fifo(c, path, flags, mode);
    else {
        do fd = open(path, flags, mode);
        while (fd < 0 && errno == EINTR);
    }
    *waits = fd >= 0 && may_wait && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
             !S_ISDIR(st.st_mode) && !S_ISBLK(st.st_mode);
    if (*waits) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}
