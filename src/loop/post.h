/* SPDX-License-Identifier: MIT
 *
 * loop/post.h: a call from another thread of which nobody wants the handle: one cache line.
 *
 * Posts are made in one thread and let go in another, in the same order. So each thread cuts its
 * own from pages, one after the other, and a page comes back as a whole, when as many of its posts
 * have been let go as there is room for. A loop counts those of the page it is at by itself
 * (loop->posts), and tells the page when it comes to another one.
 */
#ifndef ASYNCIO_LOOP_POST_H
#define ASYNCIO_LOOP_POST_H

#include "loop/handle.h"
#include "loop/loop.h"

struct asyncio__post {
    struct asyncio__runnable runnable;
    asyncio_callback *fn;
    void *arg;
    asyncio__context_ref context; /* what it runs in; a reference */
    const char *name, *where;     /* as in asyncio__call */
};

extern const struct asyncio__runnable_ops asyncio__post_ops;

/* A loop is about to sleep: gives back memory that has not been needed lately. In how many ns to
 * call it again: 0 at once, ASYNCIO__NEVER there is nothing to give. */
int64_t asyncio__posts_trim(int64_t now);

/* The loop is closed: it has counted all it will. */
void asyncio__posts_close(asyncio_loop *loop);

#endif
