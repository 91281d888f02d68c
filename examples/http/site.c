/* SPDX-License-Identifier: MIT
 *
 * site.c: targets of requests to files. The rules:
 *
 * - "%20" and the like are decoded once, before anything is looked at; "?" ends the path.
 * - A name that begins with a dot does not exist, and so neither do "." and "..".
 * - Symbolic links are not followed, and only regular files are read: what is served lies in the
 *   folder.
 * - A path that ends with "/" means the file index.html there.
 *
 * Opening and reading may block, so a thread does it. Files are kept for a second, small ones in
 * memory, others open; a server that is busy then asks a thread once a second for each.
 */
#define _GNU_SOURCE
#include "site.h"

#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* ---- what a file is ---- */

static const char *type_of(const char *name) {
    static const char *const types[][2] = {
        { "html", "text/html; charset=utf-8" },
        { "htm", "text/html; charset=utf-8" },
        { "css", "text/css; charset=utf-8" },
        { "js", "text/javascript; charset=utf-8" },
        { "txt", "text/plain; charset=utf-8" },
        { "md", "text/plain; charset=utf-8" },
        { "json", "application/json" },
        { "xml", "application/xml" },
        { "svg", "image/svg+xml" },
        { "png", "image/png" },
        { "jpg", "image/jpeg" },
        { "jpeg", "image/jpeg" },
        { "gif", "image/gif" },
        { "webp", "image/webp" },
        { "ico", "image/x-icon" },
        { "woff2", "font/woff2" },
        { "pdf", "application/pdf" },
        { "wasm", "application/wasm" },
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++) {
        if (strcasecmp(dot + 1, types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

static void free_file(struct site_file *f) {
    if (!f || --f->references > 0) return;
    if (f->fd >= 0) close(f->fd);
    free(f->data);
    free(f->path);
    free(f);
}

static void drop_file(asyncio_value *value) { free_file(value->p); }

static const asyncio_value_type file_type = { .size = sizeof(asyncio_value_type),
                                              .name = "site_file",
                                              .drop = drop_file };

/* ---- in the thread ---- */

struct job {
    int root;
    char path[]; /* decoded, with a slash at its beginning */
};

static int status_of(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: return 404;
    case EACCES:
    case EPERM: return 403;
    case EMFILE:
    case ENFILE: return 503;
    default: return 500;
    }
}

/* The folder of that name in another one, which is closed unless it is the root. */
static int enter(int root, int folder, const char *name) {
    int inner = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    if (folder != root) close(folder);
    errno = error;
    return inner;
}

/* Opens name by name, so that no link is followed anywhere. -1: errno. */
static int open_below(int root, char *path, const char **last) {
    int folder = root;
    char *slash;
    for (path++; folder >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        *slash = '\0';
        bool hidden = *path == '.';
        if (*path && !hidden) folder = enter(root, folder, path);
        *slash = '/';
        if (hidden) {
            if (folder != root) close(folder);
            return errno = ENOENT, -1;
        }
    }
    if (folder < 0) return -1;
    *last = *path ? path : "index.html";
    int fd = **last == '.'
                 ? (errno = ENOENT, -1)
                 : openat(folder, *last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int error = errno;
    if (folder != root) close(folder);
    errno = error;
    return fd;
}

static int read_all(struct site_file *f) {
    f->data = malloc(f->size + 1);
    if (!f->data) return -1;
    for (size_t got = 0; got < f->size;) {
        ssize_t n = pread(f->fd, f->data + got, f->size - got, (off_t)got);
        if (n < 0) return -1;
        if (n == 0) f->size = got; /* it has become shorter */
        got += (size_t)n;
    }
    close(f->fd);
    f->fd = -1;
    return 0;
}

static void describe(struct site_file *f, const char *name, time_t modified) {
    struct tm tm;
    f->type = type_of(name);
    gmtime_r(&modified, &tm);
    strftime(f->modified, sizeof f->modified, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    f->head_size = snprintf(
        f->head, sizeof f->head,
        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\nLast-Modified: %s\r\n",
        f->type, f->size, f->modified);
}

static int load_status(int root, struct site_file *f) {
    struct stat st;
    const char *name = "";
    f->fd = open_below(root, f->path, &name);
    if (f->fd < 0) return status_of(errno);
    if (fstat(f->fd, &st) < 0) return 500;
    if (S_ISDIR(st.st_mode)) return 301;
    if (!S_ISREG(st.st_mode)) return 404;
    f->size = (size_t)st.st_size;
    if (f->size <= SITE_KEEP_MAX && read_all(f) < 0) return 500;
    describe(f, name, st.st_mtime);
    return 200;
}

static int load(void *arg, asyncio_value *result) {
    struct job *job = arg;
    struct site_file *f = calloc(1, sizeof *f);
    if (!f) return -ENOMEM;
    f->fd = -1;
    f->references = 1;
    *result = asyncio_own(f, &file_type);
    f->path = strdup(job->path);
    f->status = f->path ? load_status(job->root, f) : 500;
    return 0;
}

/* ---- in the loop ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= ' ';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of a target, decoded. false: there is none. */
static bool decode(const char *target, char *path, size_t room) {
    target = http_target_path(target);
    const char *end = target + strcspn(target, "?");
    if (end == target) target = "/", end = target + 1; /* "http://host" */
    if (*target != '/' || (size_t)(end - target) >= room) return false;
    for (; target < end; target++) {
        int c = (unsigned char)*target;
        if (c == '%') {
            int high = hex(target[1]);
            int low = high < 0 ? -1 : hex(target[2]);
            if (low < 0) return false;
            c = high << 4 | low;
            target += 2;
        }
        if (c == '\0') return false;
        *path++ = (char)c;
    }
    *path = '\0';
    return true;
}

static struct site_file **slot_of(struct site *site, const char *path) {
    unsigned hash = 2166136261u;
    for (; *path; path++) hash = (hash ^ (unsigned char)*path) * 16777619u;
    return &site->slots[hash % SITE_SLOTS];
}

static asyncio_value share(struct site_file *f) {
    f->references++;
    return asyncio_own(f, &file_type);
}

/* The file of that path, if it is known well enough. While one request has it read again, the
 * others go on with what there is. */
static struct site_file *known(struct site *site, const char *path, double now) {
    struct site_file *f = *slot_of(site, path);
    if (!f || strcmp(f->path, path) != 0) return NULL;
    if (now - f->looked < site->keep) return f;
    f->looked = now;
    return NULL;
}

/* Puts a file that was read in its place. */
static void put(struct site *site, struct site_file *f, double now) {
    f->looked = now;
    if (f->status != 200 || site->keep <= 0) return;
    struct site_file **slot = slot_of(site, f->path);
    free_file(*slot);
    *slot = f;
    f->references++;
}

ASYNC(site_find, (struct site *) site, (const char *) target) {
    char path[HTTP_HEAD_MAX];
    if (!decode(target, path, sizeof path)) RAISE(ASYNCIO_VALUE_ERROR, "no path");
    double now = asyncio_loop_time(asyncio_get_running_loop());
    struct site_file *f = known(site, path, now);
    if (f) RETURN(share(f));

    struct job *job = malloc(sizeof *job + strlen(path) + 1);
    if (!job) return -ENOMEM;
    job->root = site->root;
    strcpy(job->path, path);
    asyncio_auto_value found = asyncio_none();
    TRY(AWAIT(asyncio_to_thread(load, job, .drop = free), &found));
    put(site, found.p, now);
    RETURN(share(found.p));
}

int site_open(struct site *site, const char *folder, double keep) {
    *site = (struct site){ .keep = keep };
    site->root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return site->root < 0 ? asyncio_raise(-errno, ASYNCIO_WHERE, __func__, "%s", folder) : 0;
}

void site_close(struct site *site) {
    for (size_t i = 0; i < SITE_SLOTS; i++) free_file(site->slots[i]);
    close(site->root);
}
