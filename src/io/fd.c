/* SPDX-License-Identifier: MIT
 *
 * io/fd.c: waiting for descriptors. Whoever waits has a watch and a future on its own stack;
 * the watch resolves the future from within the poll, so the task runs in the same turn.
 */
#include "io/fd.h"
#include "task/method.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct waiter {
    struct asyncio__fdwatch watch[2];
    struct asyncio_future future;
    unsigned became_ready; /* directions */
    bool closed;
};

static void wake(struct waiter *w) {
    if (w->future.state == ASYNCIO__PENDING) asyncio__future_finish(&w->future, asyncio_none());
}

static struct waiter *waiter_of(struct asyncio__fdwatch *watch, int direction) {
    return asyncio__container(watch - direction, struct waiter, watch);
}

static void became_ready(struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    struct waiter *w = waiter_of(watch, (int)direction);
    w->became_ready |= 1u << direction;
    wake(w);
}

static void closed(struct asyncio__fdwatch *watch, int direction, int status) {
    struct waiter *w = waiter_of(watch, direction);
    w->closed = status < 0;
    wake(w);
}

static void reading_closed(struct asyncio__fdwatch *watch, int status) {
    closed(watch, ASYNCIO__READING, status);
}

static void writing_closed(struct asyncio__fdwatch *watch, int status) {
    closed(watch, ASYNCIO__WRITING, status);
}

/* Cancelled, or ready in the other direction: its task has yet to run. */
static bool is_over(const struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    struct asyncio__fdwatch *first = (struct asyncio__fdwatch *)(uintptr_t)watch;
    return waiter_of(first, (int)direction)->future.state != ASYNCIO__PENDING;
}

static const struct asyncio__fdwatch_ops waiter_ops[2] = {
    [ASYNCIO__READING] = { .ready = became_ready,
                           .closed = reading_closed,
                           .is_over = is_over,
                           .kind = ASYNCIO__WATCH_ONCE },
    [ASYNCIO__WRITING] = { .ready = became_ready,
                           .closed = writing_closed,
                           .is_over = is_over,
                           .kind = ASYNCIO__WATCH_ONCE },
};

static int watch_all(asyncio_loop *loop, struct waiter *w, int fd, unsigned directions,
                     bool fresh) {
    int rc = 0;
    for (int i = 0; i < 2 && rc >= 0; i++) {
        w->watch[i].ops = &waiter_ops[i];
        if (!(directions >> i & 1)) continue;
        rc = asyncio__descriptor_watch(loop, fd, (enum asyncio__direction)i, &w->watch[i], fresh);
    }
    return rc;
}

/* Returns the directions that are ready, or raised. */
static int wait_for(struct asyncio_task *task, int fd, unsigned directions, bool fresh) {
    asyncio_loop *loop = task->future.loop;
    struct waiter w;
    w.became_ready = 0;
    w.closed = false;
    asyncio__future_init(&w.future, loop, &asyncio__future_ops, ASYNCIO__FUTURE_ON_STACK);
    int rc = watch_all(loop, &w, fd, directions, fresh);
    if (rc >= 0) rc = asyncio__task_park(task, &w.future);
    if (rc < 0 || directions != w.became_ready) {
        asyncio__descriptor_unwatch(loop, fd, ASYNCIO__READING, &w.watch[0]);
        asyncio__descriptor_unwatch(loop, fd, ASYNCIO__WRITING, &w.watch[1]);
    }
    asyncio__message_set(&w.future.cancel_msg, NULL);
    if (ASYNCIO__UNLIKELY(rc >= 0 && w.closed)) {
        return asyncio_raise(-EBADF, NULL, NULL,
                             "descriptor %d was closed while a task waited for it", fd);
    }
    return rc < 0 ? rc : (int)w.became_ready;
}

int asyncio__io_wait(struct asyncio_task *task, int fd, enum asyncio__direction direction) {
    int rc = wait_for(task, fd, 1u << direction, false);
    return rc < 0 ? rc : 0;
}

int asyncio__io_raise(int error, const char *call) {
    return asyncio_raise(-error, NULL, NULL, "%s: %s", call, asyncio_strerror(-error));
}

int asyncio__io_failed(struct asyncio_task *task, int fd, enum asyncio__direction direction,
                       const char *call) {
    if (errno == EINTR) return 0;
    if (errno != EAGAIN) return asyncio__io_raise(errno, call);
    struct asyncio__descriptor *d = asyncio__descriptor_get(task->future.loop, fd);
    if (!d) return -ENOMEM;
    asyncio__descriptor_blocked(d, direction);
    return asyncio__io_wait(task, fd, direction);
}

int asyncio__io_close(asyncio_loop *loop, int fd) {
    if (loop) asyncio__descriptor_forget(loop, fd);
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

/* ---- asyncio_wait_fd ---- */

struct wait_args {
    int fd;
    unsigned events;
};

static int run_wait_fd(const void *args, asyncio_value *result) {
    const struct wait_args *a = args;
    if (a->events == 0 || a->events & ~(unsigned)(ASYNCIO_READABLE | ASYNCIO_WRITABLE)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "events must be ASYNCIO_READABLE, ASYNCIO_WRITABLE or both");
    }
    int rc = wait_for(asyncio__task_current(), a->fd, a->events, true);
    if (rc >= 0) *result = asyncio_int(rc);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_wait_fd, struct wait_args, .run = run_wait_fd);

asyncio_coro asyncio_wait_fd(int fd, unsigned events) {
    return ASYNCIO__CORO(asyncio_wait_fd, fd, events);
}

/* ---- owning descriptors ---- */

/* Whether a short read from it means that nothing is left: not so for what has boundaries
 * (datagrams, terminals, pipes in packet mode) or may have (unix sockets, by what comes along). */
static bool short_read_is_empty(int fd) {
    int protocol;
    struct stat st;
    socklen_t size = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0) {
        return protocol == IPPROTO_TCP;
    }
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && !(fcntl(fd, F_GETFL) & O_DIRECT);
}

int asyncio_fd_adopt(int fd) {
    asyncio_loop *loop = asyncio__here.running;
    if (!loop) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "no running event loop");
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
        return asyncio__io_raise(errno, "fcntl");
    }
    return asyncio__descriptor_adopt(loop, fd, short_read_is_empty(fd));
}

int asyncio_fd_close(int fd) {
    int rc = asyncio__io_close(asyncio__here.running, fd);
    return rc < 0 ? asyncio__io_raise(-rc, "close") : 0;
}
