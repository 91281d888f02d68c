/* SPDX-License-Identifier: MIT
 *
 * io/file.c: files. A request is what a thread works on: a copy of everything; the task and the
 * job have one reference each, so that either may go first. How a call goes on while its file is
 * closed, and after its task was cancelled, is in filecall.c.
 */
#include <asyncio/executor.h>
#include <asyncio/file.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/fd.h"
#include "io/filecall.h"
#include "task/method.h"

struct asyncio_file {
    atomic_uint refs; /* the users', and one for each request */
    struct asyncio__openfile open;
};

struct file_args {
    asyncio_file *file;
    const char *path;
    void *data; /* to read to or write from, or where the result goes */
    size_t n;
    off_t offset;
    int flags;
    mode_t mode;
    bool captured; /* path is a copy */
};

struct request {
    atomic_uint refs;
    struct file_args a;
    void (*call)(struct request *r);
    struct asyncio__filecall filecall;
    const char *name; /* of the system call */
    ssize_t result;   /* < 0: `error` says why */
    int error;
    int on;      /* the descriptor for the call */
    bool waits;  /* what was opened may make calls wait */
    size_t done; /* of what is to be written */
    int fd;      /* opened and not taken, or -1 */
    char *names; /* read and not taken, or NULL */
    struct stat st;
    char bytes[] __attribute__((aligned)); /* the path or the data */
};

/* ---- the object ---- */

asyncio_file *asyncio_file_ref(asyncio_file *f) {
    if (f) atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void asyncio_file_unref(asyncio_file *f) {
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1) return;
    if (f->open.fd >= 0) close(f->open.fd);
    asyncio__free(f);
}

/* ---- in the thread ---- */

static void call_open(struct request *r) {
    r->fd = asyncio__filecall_open(&r->filecall, r->bytes, r->a.flags, r->a.mode, &r->waits);
    r->result = r->fd;
}

static void call_read(struct request *r) { r->result = read(r->on, r->bytes, r->a.n); }

static void call_pread(struct request *r) {
    r->result = pread(r->on, r->bytes, r->a.n, r->a.offset);
}

/* What waits takes all in the end, as if it blocked. */
static void call_write(struct request *r) {
    ssize_t n = write(r->on, r->bytes + r->done, r->a.n - r->done);
    if (n > 0) r->done += (size_t)n;
    if (n > 0) asyncio__filecall_moved(&r->filecall);
    r->result = n < 0 ? n : (ssize_t)r->done;
    if (n <= 0 || r->done == r->a.n || !r->a.file->open.waits) return;
    r->result = -1;
    errno = EAGAIN;
}

static void call_pwrite(struct request *r) {
    r->result = pwrite(r->on, r->bytes, r->a.n, r->a.offset);
}

static void call_fsync(struct request *r) { r->result = fsync(r->on); }

static void call_stat(struct request *r) { r->result = fstat(r->on, &r->st); }

static void call_close(struct request *r) { r->result = asyncio__filecall_close(&r->filecall); }

static bool add_name(struct request *r, const char *name, size_t *used) {
    size_t n = strlen(name) + 1;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return true;
    char *names = realloc(r->names, *used + n);
    if (!names) return false;
    memcpy(names + *used, name, n);
    *used += n;
    r->names = names;
    r->result++;
    return true;
}

static void call_readdir(struct request *r) {
    DIR *dir = opendir(r->bytes);
    const struct dirent *entry;
    size_t used = 0;
    if (!dir) return;
    r->result = 0;
    errno = 0;
    while ((entry = readdir(dir)) && add_name(r, entry->d_name, &used)) errno = 0;
    int error = errno;
    closedir(dir);
    errno = error;
    if (error) r->result = -1;
}

static bool goes_on(struct request *r) {
    if (r->result >= 0 || errno == EINTR) return r->result < 0;
    if (errno != EAGAIN || !r->a.file->open.waits) return false;
    bool writes = r->call == call_write || r->call == call_pwrite;
    return asyncio__filecall_wait(&r->filecall, r->on, writes ? POLLOUT : POLLIN);
}

/* A call with the file's descriptor. */
static void in_file(struct request *r) {
    r->error = EBADF;
    r->on = asyncio__filecall_begin(&r->filecall);
    if (r->on < 0) return;
    do r->call(r);
    while (goes_on(r));
    r->error = errno;
    if (r->result < 0 && r->done > 0) r->result = (ssize_t)r->done;
    asyncio__filecall_end(&r->filecall);
}

static int run_request(void *arg, asyncio_value *result) {
    struct request *r = arg;
    (void)result;
    if (r->a.file && r->call != call_close) {
        in_file(r);
        return 0;
    }
    do r->call(r);
    while (r->result < 0 && errno == EINTR);
    r->error = errno;
    return 0;
}

static void drop_request(void *arg) {
    struct request *r = arg;
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    if (r->fd >= 0) close(r->fd);
    free(r->names);
    asyncio_file_unref(r->a.file);
    asyncio__free(r);
}

/* ---- in the task ---- */

/* What a call needs: a room of n bytes, filled with what `from` points at unless that is NULL. */
static struct request *new_request(const struct file_args *a, void (*call)(struct request *),
                                   const char *name, const void *from, size_t n) {
    struct request *r = asyncio__malloc(sizeof *r + n);
    if (!r) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    *r = (struct request){ .a = *a, .call = call, .name = name, .result = -1, .fd = -1 };
    atomic_init(&r->refs, 2);
    asyncio_file_ref(r->a.file);
    asyncio__filecall_init(&r->filecall, r->a.file ? &r->a.file->open : NULL);
    if (from && n > 0) memcpy(r->bytes, from, n);
    return r;
}

/* Its result, or raised. The request is still the caller's. */
static int await_request(struct request *r) {
    asyncio_job_options options = { .size = sizeof options, .name = r->name };
    options.arg = r;
    options.drop = drop_request;
    asyncio_future *f = asyncio_loop_run_in_executor_with(asyncio__task_current()->future.loop,
                                                          NULL, run_request, &options);
    if (!f) {
        drop_request(r);
        return asyncio__slot_status();
    }
    int rc = asyncio_await_future(f, NULL, NULL, NULL);
    asyncio_future_unref(f);
    if (rc < 0) {
        asyncio__filecall_give_up(&r->filecall);
        return rc;
    }
    if (r->result < 0) return asyncio__io_raise(r->error, r->name);
    return r->result < INT_MAX ? (int)r->result : INT_MAX;
}

static int no_file(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a file is required"); }

/* A call on an open file. copy_in: the data go along; copy_out: they come back. */
static int do_call(const struct file_args *args, void (*call)(struct request *), const char *name,
                   bool copy_in, bool copy_out) {
    struct file_args a = *args;
    if (!a.file) return no_file();
    if (!a.data && a.n > 0) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a buffer is required");
    if (a.n > INT_MAX) a.n = INT_MAX;
    struct request *r = new_request(&a, call, name, copy_in ? a.data : NULL, a.n);
    if (!r) return asyncio__slot_status();
    int rc = await_request(r);
    if (rc > 0 && copy_out && a.data) memcpy(a.data, r->bytes, (size_t)rc);
    drop_request(r);
    return rc;
}

#define RUN_FILE(call, copy_in, copy_out)                                                          \
    static int run_##call(const void *args, asyncio_value *result) {                               \
        (void)result;                                                                              \
        return do_call(args, call_##call, #call, copy_in, copy_out);                               \
    }
RUN_FILE(read, false, true)
RUN_FILE(pread, false, true)
RUN_FILE(write, true, false)
RUN_FILE(pwrite, true, false)
RUN_FILE(fsync, false, false)
RUN_FILE(close, false, false)

static int run_stat(const void *args, asyncio_value *result) {
    const struct file_args *a = args;
    (void)result;
    if (!a->file) return no_file();
    if (!a->data) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a place is required");
    struct request *r = new_request(a, call_stat, "fstat", NULL, 0);
    if (!r) return asyncio__slot_status();
    int rc = await_request(r);
    if (rc >= 0) *(struct stat *)a->data = r->st;
    drop_request(r);
    return rc;
}

static struct request *request_of_path(const struct file_args *a, void (*call)(struct request *),
                                       const char *name) {
    if (!a->path || !a->data) {
        return (void)asyncio__raise(ASYNCIO_TYPE_ERROR, "a path and a place are required"), NULL;
    }
    return new_request(a, call, name, a->path, strlen(a->path) + 1);
}

static int run_open(const void *args, asyncio_value *result) {
    const struct file_args *a = args;
    (void)result;
    struct request *r = request_of_path(a, call_open, "open");
    asyncio_file *f = r ? asyncio__malloc(sizeof *f) : NULL;
    if (!r) return asyncio__slot_status();
    int rc = f ? await_request(r) : asyncio__raise(-ENOMEM, NULL);
    if (!f) drop_request(r); /* the job's */
    if (f && rc >= 0) {
        atomic_init(&f->refs, 1);
        asyncio__openfile_init(&f->open, r->fd, r->waits);
        r->fd = -1;
        *(asyncio_file **)a->data = f;
    } else {
        asyncio__free(f);
    }
    drop_request(r);
    return rc < 0 ? rc : 0;
}

static int run_readdir(const void *args, asyncio_value *result) {
    const struct file_args *a = args;
    (void)result;
    struct request *r = request_of_path(a, call_readdir, "readdir");
    if (!r) return asyncio__slot_status();
    int rc = await_request(r);
    if (rc >= 0) {
        *(char **)a->data = r->names;
        r->names = NULL;
    }
    drop_request(r);
    return rc;
}

/* ---- the coroutines ---- */

static int capture_file(void *args) {
    struct file_args *a = args;
    if (a->path) {
        char *copy = asyncio__strdup(a->path);
        if (!copy) return -ENOMEM;
        a->path = copy;
        a->captured = true;
    }
    asyncio_file_ref(a->file);
    return 0;
}

static void release_file(void *args) {
    const struct file_args *a = args;
    if (a->captured) asyncio__free((void *)(uintptr_t)a->path);
    asyncio_file_unref(a->file);
}

ASYNCIO__METHOD(asyncio_file_open, file, struct file_args, .run = run_open);
ASYNCIO__METHOD(asyncio_file_read, file, struct file_args, .run = run_read);
ASYNCIO__METHOD(asyncio_file_pread, file, struct file_args, .run = run_pread);
ASYNCIO__METHOD(asyncio_file_write, file, struct file_args, .run = run_write);
ASYNCIO__METHOD(asyncio_file_pwrite, file, struct file_args, .run = run_pwrite);
ASYNCIO__METHOD(asyncio_file_fsync, file, struct file_args, .run = run_fsync);
ASYNCIO__METHOD(asyncio_file_stat, file, struct file_args, .run = run_stat);
ASYNCIO__METHOD(asyncio_file_close, file, struct file_args, .run = run_close);
ASYNCIO__METHOD(asyncio_file_readdir, file, struct file_args, .run = run_readdir);

asyncio_coro asyncio_file_open(asyncio_file **file, const char *path, int flags, mode_t mode) {
    return ASYNCIO__CORO(asyncio_file_open, .data = file, .path = path, .flags = flags,
                         .mode = mode);
}

asyncio_coro asyncio_file_read(asyncio_file *file, void *buf, size_t n) {
    return ASYNCIO__CORO(asyncio_file_read, .file = file, .data = buf, .n = n);
}

asyncio_coro asyncio_file_pread(asyncio_file *file, void *buf, size_t n, off_t offset) {
    return ASYNCIO__CORO(asyncio_file_pread, .file = file, .data = buf, .n = n, .offset = offset);
}

asyncio_coro asyncio_file_write(asyncio_file *file, const void *data, size_t n) {
    void *p = (void *)(uintptr_t)data;
    return ASYNCIO__CORO(asyncio_file_write, .file = file, .data = p, .n = n);
}

asyncio_coro asyncio_file_pwrite(asyncio_file *file, const void *data, size_t n, off_t offset) {
    void *p = (void *)(uintptr_t)data;
    return ASYNCIO__CORO(asyncio_file_pwrite, .file = file, .data = p, .n = n, .offset = offset);
}

asyncio_coro asyncio_file_fsync(asyncio_file *file) {
    return ASYNCIO__CORO(asyncio_file_fsync, .file = file);
}

asyncio_coro asyncio_file_stat(asyncio_file *file, struct stat *st) {
    return ASYNCIO__CORO(asyncio_file_stat, .file = file, .data = st);
}

asyncio_coro asyncio_file_close(asyncio_file *file) {
    return ASYNCIO__CORO(asyncio_file_close, .file = file);
}

asyncio_coro asyncio_file_readdir(const char *path, char **names) {
    return ASYNCIO__CORO(asyncio_file_readdir, .data = names, .path = path);
}
