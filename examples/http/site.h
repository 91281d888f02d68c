/* SPDX-License-Identifier: MIT
 *
 * site.h: the files under a folder, for http_server.c.
 */
#ifndef SITE_H
#define SITE_H

#include <asyncio.h>
#include <sys/stat.h>

#define SITE_SLOTS 256
#define SITE_KEEP_MAX (32 << 10) /* bytes of a file that is kept in memory; others are kept open */

struct site_file {
    int status;        /* 200; 301: a folder, ask with a slash; 403, 404, 500, 503: there is none */
    int fd;            /* of a file that is too large for memory; otherwise -1 */
    char *data;        /* of one that is not */
    size_t size;       /* of the file */
    char modified[40]; /* as in Last-Modified */
    char *path;
    const char *type; /* for Content-Type */
    char head[256];   /* how an answer with it begins: the status and the headers */
    int head_size;
    double looked;       /* when it was read, by the loop's clock */
    unsigned references; /* in one thread only */
};

struct site {
    int root;
    double keep; /* seconds for which a file is taken to be unchanged; 0: none */
    struct site_file *slots[SITE_SLOTS];
};

/* Opens the folder: 0, or raised. */
int site_open(struct site *site, const char *folder, double keep);
void site_close(struct site *site);

/* Looks up the target of a request. The value is a struct site_file, whatever its status. What is
 * not in memory is read in a thread. */
ASYNC_DECL(site_find, struct site *site, const char *target);

#endif
