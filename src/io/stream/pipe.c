/* SPDX-License-Identifier: MIT
 *
 * io/stream/pipe.c: streams over pipes, terminals and other character devices: one direction each.
 *
 * Not blocking is a property of what is open, not of the descriptor: other processes that have
 * it open too would be surprised. So standard input is opened once more, where the system offers
 * that, and what is given to connect_*_pipe is the program's own to decide about.
 */
#include <asyncio/pipe.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/fd.h"
#include "io/stream/pipe.h"
#include "io/sigpipe.h"
#include "sync/object.h"
#include "task/method.h"

#define LIMIT 65536

/* ---- the transport ---- */

struct pipe_transport {
    struct asyncio__transport transport;
    bool file; /* a regular file: never waited for */
};

static bool is_file(const struct asyncio__transport *t) {
    return asyncio__container((uintptr_t)t, struct pipe_transport, transport)->file;
}

static ssize_t read_pipe(struct asyncio__transport *t, void *buf, size_t n, unsigned *interest) {
    ssize_t got;
    *interest = ASYNCIO_READABLE;
    if (!is_file(t) && !asyncio__descriptor_may_try(asyncio__transport_entry(t), ASYNCIO__READING))
        return -EAGAIN;
    do got = read(t->fd, buf, n);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EIO && isatty(t->fd)) return 0; /* the other side has hung up */
    return got < 0 ? asyncio__transport_failed(t, ASYNCIO__READING, "read") : got;
}

static ssize_t write_pipe(struct asyncio__transport *t, const struct iovec *parts, int count,
                          unsigned *interest) {
    struct asyncio__sigpipe signal;
    ssize_t put;
    *interest = ASYNCIO_WRITABLE;
    if (!is_file(t) && !asyncio__descriptor_may_try(asyncio__transport_entry(t), ASYNCIO__WRITING))
        return -EAGAIN;
    asyncio__sigpipe_hold(&signal);
    do put = writev(t->fd, parts, count);
    while (put < 0 && errno == EINTR);
    asyncio__sigpipe_release(&signal, put < 0 && errno == EPIPE);
    return put < 0 ? asyncio__transport_failed(t, ASYNCIO__WRITING, "write") : put;
}

static void free_pipe(struct asyncio__transport *t) {
    asyncio__free(asyncio__container(t, struct pipe_transport, transport));
}

static int extra_of_pipe(const struct asyncio__transport *t, const char *name,
                         asyncio_value *value) {
    if (strcmp(name, "pipe") != 0) return 0;
    *value = asyncio_int(t->fd);
    return 1;
}

static const struct asyncio__transport_ops pipe_ops = {
    .name = "pipe",
    .read = read_pipe,
    .write = write_pipe,
    .end_is_close = true,
    .free = free_pipe,
    .extra = extra_of_pipe,
};

static struct asyncio__transport *new_transport(asyncio_loop *loop, int fd, bool file) {
    struct pipe_transport *p = asyncio__malloc(sizeof *p);
    if (!p) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    *p = (struct pipe_transport){ { &pipe_ops, loop, fd }, file };
    if (asyncio__descriptor_adopt(loop, fd, false) < 0) {
        asyncio__free(p);
        return NULL;
    }
    asyncio__transport_entry(&p->transport)->transport = true;
    return &p->transport;
}

/* ---- streams ---- */

struct asyncio__stream *asyncio__pipe_stream(asyncio_loop *loop, int fd, size_t limit) {
    struct stat st;
    if (fstat(fd, &st) < 0) return (void)asyncio__io_raise(errno, "fstat"), NULL;
    bool file = S_ISREG(st.st_mode);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 ||
        (!file && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
        return (void)asyncio__io_raise(errno, "fcntl"), NULL;
    }
    struct asyncio__transport *t = new_transport(loop, fd, file);
    if (!t) return NULL;
    struct asyncio__stream *s = asyncio__stream_new(t, limit ? limit : LIMIT);
    if (!s) {
        t->ops->free(t);
        asyncio__descriptor_forget(loop, fd);
    }
    return s;
}

/* Pipes, sockets and character devices; what epoll takes. */
static int check_kind(int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0) return asyncio__io_raise(errno, "fstat");
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)) return 0;
    return asyncio__raise(ASYNCIO_VALUE_ERROR,
                          "pipe transport is for pipes, sockets and character devices only");
}

struct connect_args {
    asyncio_streamreader **reader; /* one of the two */
    asyncio_streamwriter **writer;
    size_t limit;
    int fd;
    bool standard; /* standard input */
};

static int make_stream(const struct connect_args *a, int fd) {
    asyncio_loop *loop = asyncio__task_current()->future.loop;
    struct asyncio__stream *s = asyncio__pipe_stream(loop, fd, a->limit);
    if (!s) return asyncio__slot_status();
    if (a->reader) *a->reader = &s->reader;
    else *a->writer = &s->writer;
    return 0;
}

/* Standard input as something of our own, so that it blocks as before for everybody else. A file
 * is read on where it was. */
static int open_again(int fd) {
    char path[32];
    struct stat st;
    int again = -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        again = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    }
    if (again < 0) again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return again < 0 ? asyncio__io_raise(errno, "standard input") : again;
}

static int run_connect(const void *args, asyncio_value *result) {
    const struct connect_args *a = args;
    (void)result;
    if (!a->reader && !a->writer) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a place for the stream is required");
    }
    if (!a->standard) {
        int rc = check_kind(a->fd);
        return rc < 0 ? rc : make_stream(a, a->fd);
    }
    int fd = open_again(STDIN_FILENO);
    if (fd < 0) return fd;
    asyncio__descriptor_forget(asyncio__task_current()->future.loop, fd);
    int rc = make_stream(a, fd);
    if (rc < 0) close(fd);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_connect_pipe, struct connect_args, .run = run_connect);

asyncio_coro asyncio_connect_read_pipe(int fd, asyncio_streamreader **reader, size_t limit) {
    return ASYNCIO__CORO(asyncio_connect_pipe, .fd = fd, .reader = reader, .limit = limit);
}

asyncio_coro asyncio_connect_write_pipe(int fd, asyncio_streamwriter **writer) {
    return ASYNCIO__CORO(asyncio_connect_pipe, .fd = fd, .writer = writer);
}

asyncio_coro asyncio_open_stdin(asyncio_streamreader **reader, size_t limit) {
    return ASYNCIO__CORO(asyncio_connect_pipe, .reader = reader, .limit = limit, .standard = true);
}
