/* SPDX-License-Identifier: MIT
 *
 * io/net/sock.c: the system calls of sockets as coroutines. All of them have the same arguments, of
 * which each uses its own.
 */
#include "io/net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/address.h"
#include "io/fd.h"
#include "io/sigpipe.h"
#include "task/method.h"

#define COPY_SIZE 16384

struct sock_args {
    asyncio_loop *loop;
    int fd;
    int file;
    void *data;
    size_t n;
    void *addr;
    socklen_t *out_size;
    socklen_t size;
    off_t offset;
};

/* ---- checks ---- */

static int blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return asyncio__io_raise(errno, "fcntl");
    if (flags & O_NONBLOCK) return 0;
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "the socket must be non-blocking");
}

static int check(const struct sock_args *a, const struct asyncio_task *task, bool always) {
    if (ASYNCIO__UNLIKELY(task->future.loop != a->loop)) {
        if (!a->loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop is not the one that runs");
    }
    return ASYNCIO__UNLIKELY(a->loop->debug || always) ? blocking(a->fd) : 0;
}

/* A short read says something about the next one. */
static void note_short(asyncio_loop *loop, int fd, size_t n, size_t asked) {
    struct asyncio__descriptors *t = &loop->descriptors;
    if (n < asked && (size_t)fd < t->count) asyncio__descriptor_short_read(&t->at[fd]);
}

/* ---- receiving ---- */

static int run_recv(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    size_t asked = a->n < INT_MAX ? a->n : INT_MAX;
    (void)result;
    int rc = check(a, task, false);
    if (rc >= 0) rc = asyncio__io_ready(task, a->fd, ASYNCIO__READING);
    while (rc >= 0) {
        ssize_t n = recv(a->fd, a->data, asked, MSG_DONTWAIT);
        if (ASYNCIO__LIKELY(n >= 0)) {
            if (n > 0) note_short(a->loop, a->fd, (size_t)n, asked);
            return (int)n;
        }
        rc = asyncio__io_failed(task, a->fd, ASYNCIO__READING, "recv");
    }
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_recv, struct sock_args, .run = run_recv);

static int run_recvfrom(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    size_t asked = a->n < INT_MAX ? a->n : INT_MAX;
    (void)result;
    int rc = check(a, task, false);
    if (rc >= 0) rc = asyncio__io_ready(task, a->fd, ASYNCIO__READING);
    while (rc >= 0) {
        ssize_t n = recvfrom(a->fd, a->data, asked, MSG_DONTWAIT, a->addr, a->out_size);
        if (n >= 0) return (int)n;
        rc = asyncio__io_failed(task, a->fd, ASYNCIO__READING, "recvfrom");
    }
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_recvfrom, struct sock_args, .run = run_recvfrom);

asyncio_coro asyncio_loop_sock_recv(asyncio_loop *loop, int fd, void *buf, size_t n) {
    return ASYNCIO__CORO(asyncio_loop_sock_recv, .loop = loop, .fd = fd, .data = buf, .n = n);
}

asyncio_coro asyncio_loop_sock_recvfrom(asyncio_loop *loop, int fd, void *buf, size_t n,
                                        struct sockaddr *addr, socklen_t *size) {
    return ASYNCIO__CORO(asyncio_loop_sock_recvfrom, .loop = loop, .fd = fd, .data = buf, .n = n,
                         .addr = size ? addr : NULL, .out_size = addr ? size : NULL);
}

/* ---- sending ---- */

static int run_sendall(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    size_t sent = 0;
    (void)result;
    int rc = check(a, task, false);
    while (rc >= 0 && sent < a->n) {
        rc = asyncio__io_ready(task, a->fd, ASYNCIO__WRITING);
        if (rc < 0) break;
        ssize_t n =
            send(a->fd, (const char *)a->data + sent, a->n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (ASYNCIO__LIKELY(n >= 0)) sent += (size_t)n;
        else rc = asyncio__io_failed(task, a->fd, ASYNCIO__WRITING, "send");
    }
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_sendall, struct sock_args, .run = run_sendall);

static int run_sendto(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    (void)result;
    int rc = check(a, task, false);
    if (rc >= 0) rc = asyncio__io_ready(task, a->fd, ASYNCIO__WRITING);
    while (rc >= 0) {
        ssize_t n = sendto(a->fd, a->data, a->n, MSG_DONTWAIT | MSG_NOSIGNAL, a->addr, a->size);
        if (n >= 0) return n < INT_MAX ? (int)n : INT_MAX;
        rc = asyncio__io_failed(task, a->fd, ASYNCIO__WRITING, "sendto");
    }
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_sendto, struct sock_args, .run = run_sendto);

asyncio_coro asyncio_loop_sock_sendall(asyncio_loop *loop, int fd, const void *data, size_t n) {
    void *p = (void *)(uintptr_t)data;
    return ASYNCIO__CORO(asyncio_loop_sock_sendall, .loop = loop, .fd = fd, .data = p, .n = n);
}

asyncio_coro asyncio_loop_sock_sendto(asyncio_loop *loop, int fd, const void *data, size_t n,
                                      const struct sockaddr *addr, socklen_t size) {
    return ASYNCIO__CORO(asyncio_loop_sock_sendto, .loop = loop, .fd = fd,
                         .data = (void *)(uintptr_t)data, .n = n, .addr = (void *)(uintptr_t)addr,
                         .size = size);
}

/* ---- connecting and accepting ---- */

static int raise_connect(int error, const struct sockaddr *addr, socklen_t size) {
    char text[ASYNCIO__ADDRESS_TEXT];
    return asyncio_raise(-error, NULL, NULL, "Connect call failed (%s): %s",
                         asyncio__address_format(addr, size, text, sizeof text),
                         asyncio_strerror(-error));
}

int asyncio__io_connect(struct asyncio_task *task, int fd, const struct sockaddr *addr,
                        socklen_t size) {
    int error = 0;
    socklen_t error_size = sizeof error;
    if (connect(fd, addr, size) == 0) return 0;
    if (errno != EINPROGRESS && errno != EINTR) return raise_connect(errno, addr, size);
    int rc = asyncio__io_wait(task, fd, ASYNCIO__WRITING);
    if (rc < 0) return rc;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0) error = errno;
    return error ? raise_connect(error, addr, size) : 0;
}

int asyncio__io_bind(int fd, const struct sockaddr *addr, socklen_t size) {
    char text[ASYNCIO__ADDRESS_TEXT];
    if (bind(fd, addr, size) == 0) return 0;
    int error = errno;
    return asyncio_raise(-error, NULL, NULL, "error while attempting to bind on address %s: %s",
                         asyncio__address_format(addr, size, text, sizeof text),
                         asyncio_strerror(-error));
}

int asyncio__unix_address(const char *path, struct sockaddr_un *addr) {
    size_t n = strlen(path);
    if (n >= sizeof addr->sun_path) {
        return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "the path %.40s... is too long",
                             path);
    }
    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(addr->sun_path, path, n);
    return 0;
}

static int option_of(int fd, int name, int *value) {
    socklen_t size = sizeof *value;
    return getsockopt(fd, SOL_SOCKET, name, value, &size) < 0
               ? asyncio__io_raise(errno, "getsockopt")
               : 0;
}

int asyncio__io_check_stream(int fd, bool is_unix) {
    int type, family;
    int rc = option_of(fd, SO_TYPE, &type);
    if (rc >= 0) rc = option_of(fd, SO_DOMAIN, &family);
    if (rc < 0 || (type == SOCK_STREAM && (!is_unix || family == AF_UNIX))) return rc;
    return asyncio__raise(ASYNCIO_VALUE_ERROR, is_unix ? "A UNIX Domain Stream Socket was expected"
                                                       : "A Stream Socket was expected");
}

unsigned long long asyncio__unix_inode(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

static int run_connect(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    (void)result;
    int rc = check(a, task, true);
    return rc < 0 ? rc : asyncio__io_connect(task, a->fd, a->addr, a->size);
}
ASYNCIO__COROUTINE(asyncio_loop_sock_connect, struct sock_args, .run = run_connect);

asyncio_coro asyncio_loop_sock_connect(asyncio_loop *loop, int fd, const struct sockaddr *addr,
                                       socklen_t size) {
    return ASYNCIO__CORO(asyncio_loop_sock_connect, .loop = loop, .fd = fd,
                         .addr = (void *)(uintptr_t)addr, .size = size);
}

static void drop_fd(asyncio_value *value) { asyncio_fd_close((int)value->i); }

static int repr_fd(const asyncio_value *value, char *buf, size_t n) {
    return snprintf(buf, n, "<fd %d>", (int)value->i);
}

const asyncio_value_type asyncio_value_fd = {
    .size = sizeof(asyncio_value_type), .name = "fd", .drop = drop_fd, .repr = repr_fd
};

static int run_accept(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    int rc = check(a, task, true);
    if (rc >= 0) rc = asyncio__io_ready(task, a->fd, ASYNCIO__READING);
    while (rc >= 0) {
        int conn = accept4(a->fd, a->addr, a->out_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (conn >= 0) {
            asyncio__descriptor_forget(a->loop, conn); /* what is known is of another one */
            *result = (asyncio_value){ .i = conn, .type = &asyncio_value_fd };
            return 0;
        }
        if (errno == ECONNABORTED) continue;
        rc = asyncio__io_failed(task, a->fd, ASYNCIO__READING, "accept");
    }
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_accept, struct sock_args, .run = run_accept);

asyncio_coro asyncio_loop_sock_accept(asyncio_loop *loop, int fd, struct sockaddr *addr,
                                      socklen_t *size) {
    return ASYNCIO__CORO(asyncio_loop_sock_accept, .loop = loop, .fd = fd,
                         .addr = size ? addr : NULL, .out_size = addr ? size : NULL);
}

/* ---- sendfile ---- */

/* Where the file does not do sendfile. */
static ssize_t copy_piece(const struct sock_args *a, off_t *offset, size_t n) {
    char piece[COPY_SIZE];
    ssize_t got = pread(a->file, piece, n < sizeof piece ? n : sizeof piece, *offset);
    if (got <= 0) return got;
    ssize_t sent = send(a->fd, piece, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) *offset += sent;
    return sent;
}

static ssize_t send_piece(const struct sock_args *a, off_t *offset, size_t n, bool *copy) {
    if (!*copy) {
        ssize_t sent = asyncio__sendfile(a->fd, a->file, offset, n);
        if (sent >= 0 || (errno != EINVAL && errno != ENOSYS)) return sent;
        *copy = true;
    }
    return copy_piece(a, offset, n);
}

static int check_sends_files(int fd) {
    int type, rc = option_of(fd, SO_TYPE, &type);
    if (rc < 0 || type == SOCK_STREAM) return rc;
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "only SOCK_STREAM type sockets are supported");
}

static int run_sendfile(const void *args, asyncio_value *result) {
    const struct sock_args *a = args;
    struct asyncio_task *task = asyncio__task_current();
    off_t offset = a->offset;
    size_t left = a->n ? a->n : SIZE_MAX;
    bool copy = false;
    int rc = check(a, task, true);
    if (rc < 0) return rc;
    if (offset < 0) return asyncio__raise(ASYNCIO_VALUE_ERROR, "offset must be non-negative");
    rc = check_sends_files(a->fd);
    while (rc >= 0 && left > 0) {
        rc = asyncio__io_ready(task, a->fd, ASYNCIO__WRITING);
        if (rc < 0) break;
        ssize_t n = send_piece(a, &offset, left < INT_MAX ? left : INT_MAX, &copy);
        if (n == 0) break;
        if (n > 0) left -= (size_t)n;
        else rc = asyncio__io_failed(task, a->fd, ASYNCIO__WRITING, "sendfile");
    }
    if (rc >= 0) *result = asyncio_int(offset - a->offset);
    return rc;
}
ASYNCIO__COROUTINE(asyncio_loop_sock_sendfile, struct sock_args, .run = run_sendfile);

asyncio_coro asyncio_loop_sock_sendfile(asyncio_loop *loop, int fd, int file, off_t offset,
                                        size_t count) {
    return ASYNCIO__CORO(asyncio_loop_sock_sendfile, .loop = loop, .fd = fd, .file = file,
                         .offset = offset, .n = count);
}
