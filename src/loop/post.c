/* SPDX-License-Identifier: MIT
 *
 * loop/post.c: call_soon_threadsafe. A call of which nobody wants the handle is a post, cut from a
 * page; another one is a foreign handle.
 *
 * A page that is free again goes to a store for all threads, since new memory costs more than all
 * the rest of a post. What the store has too much of goes back when a loop is about to sleep and no
 * page has been taken out for a second. Where the store is locked by somebody else, the C library
 * does. Builds that look at each piece of memory get each post from there.
 */
#include "loop/post.h"

#include <errno.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/contextvar.h"
#include "base/fork.h"
#include "base/threadkey.h"
#include "base/error.h"
#include "loop/inbox.h"

#if defined(ASYNCIO_FAULT_INJECTION) || defined(__SANITIZE_ADDRESS__)
#define POSTS_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSTS_ALONE 1
#endif
#endif

#ifdef POSTS_ALONE

static struct asyncio__post *get_post(void) {
    return asyncio__malloc(sizeof(struct asyncio__post));
}
static void put_post(struct asyncio__post *p) { asyncio__free(p); }
static void put_post_of(asyncio_loop *loop, struct asyncio__post *p) {
    (void)loop;
    asyncio__free(p);
}
void asyncio__posts_close(asyncio_loop *loop) { (void)loop; }
int64_t asyncio__posts_trim(int64_t now) {
    (void)now;
    return ASYNCIO__NEVER;
}

#else

#define PAGE 16384 /* bytes */
#define POSTS (PAGE / sizeof(struct asyncio__post) - 1)
#define STORE_MAX 4096 /* pages: what a burst of a million calls needs */
#define STORE_KEPT 64  /* that stay when no more have been needed for a while */
#define WHILE_NS INT64_C(1000000000)
#define AT_ONCE 256 /* pages given back at a time */

/* The first post's place. */
struct asyncio__page {
    struct asyncio__page *next; /* in the store */
    atomic_uint gone;           /* posts that were let go, or never will be made */
};

_Static_assert(sizeof(struct asyncio__post) == 64, "a cache line");

/* ---- the store ---- */

static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER;
static struct asyncio__page *store;
static atomic_uint stored;
static unsigned long taken, seen_taken; /* pages taken out so far; when it was looked at last */
static int64_t quiet_since;

static void take_store(void) { pthread_mutex_lock(&store_lock); }
static void give_store(void) { pthread_mutex_unlock(&store_lock); }
static const struct asyncio__forkpart store_part = { take_store, give_store, give_store };

static struct asyncio__page *get_page(void) {
    struct asyncio__page *page = NULL;
    if (pthread_mutex_trylock(&store_lock) == 0) {
        page = store;
        if (page) {
            store = page->next;
            stored--;
            taken++;
        }
        pthread_mutex_unlock(&store_lock);
    }
    if (!page) page = asyncio__malloc_aligned(PAGE, PAGE);
    if (page) atomic_init(&page->gone, 0);
    return page;
}

static void put_page(struct asyncio__page *page) {
    if (pthread_mutex_trylock(&store_lock) == 0) {
        if (stored < STORE_MAX) {
            page->next = store;
            store = page;
            stored++;
            page = NULL;
        }
        pthread_mutex_unlock(&store_lock);
    }
    asyncio__free(page);
}

/* The lock is held, or nobody else is left. */
static void give_back(unsigned kept) {
    for (int i = 0; i < AT_ONCE && stored > kept; i++) {
        struct asyncio__page *page = store;
        store = page->next;
        stored--;
        asyncio__free(page);
    }
}

int64_t asyncio__posts_trim(int64_t now) {
    if (atomic_load_explicit(&stored, memory_order_relaxed) <= STORE_KEPT) return ASYNCIO__NEVER;
    if (pthread_mutex_trylock(&store_lock) != 0) return WHILE_NS;
    if (taken != seen_taken) quiet_since = now;
    seen_taken = taken;
    int64_t left = quiet_since + WHILE_NS - now;
    if (left <= 0) give_back(STORE_KEPT);
    pthread_mutex_unlock(&store_lock);
    return left > 0 ? left : 0;
}

static void count_gone(struct asyncio__page *page, unsigned n) {
    if (atomic_fetch_add_explicit(&page->gone, n, memory_order_acq_rel) + n == POSTS)
        put_page(page);
}

/* ---- the page a thread cuts from ---- */

static _Thread_local struct {
    struct asyncio__page *page;
    unsigned used;
} own __attribute__((tls_model("initial-exec")));

static struct asyncio__threadkey key; /* lets go of the page when a thread ends */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void forget_page(void *page) {
    own.page = NULL;
    count_gone(page, (unsigned)POSTS - own.used);
}

static void make_key(void) {
    asyncio__fork_join(ASYNCIO__FORK_POSTS, &store_part);
    asyncio__threadkey_make(&key, forget_page);
}

/* The library goes: with it the pages in the store, and that of this thread. */
__attribute__((destructor)) static void drop_key(void) {
    asyncio__threadkey_drop(&key);
    if (own.page) forget_page(own.page);
    give_back(0);
}

static __attribute__((noinline)) bool begin_page(void) {
    pthread_once(&key_once, make_key);
    struct asyncio__page *page = get_page();
    if (!page) return false;
    (void)asyncio__threadkey_set(&key, page);
    own.page = page;
    own.used = 0;
    return true;
}

static struct asyncio__post *get_post(void) {
    if (ASYNCIO__UNLIKELY(!own.page) && !begin_page()) return NULL;
    struct asyncio__post *posts = (struct asyncio__post *)(void *)own.page;
    struct asyncio__post *p = &posts[++own.used];
    if (ASYNCIO__UNLIKELY(own.used == POSTS)) {
        own.page = NULL; /* from now on it belongs to those who let go of the posts */
        (void)asyncio__threadkey_set(&key, NULL);
    }
    return p;
}

static struct asyncio__page *page_of(struct asyncio__post *p) {
    return (struct asyncio__page *)(void *)((char *)p - ((uintptr_t)p & (PAGE - 1)));
}

static void put_post(struct asyncio__post *p) { count_gone(page_of(p), 1); }

static void put_post_of(asyncio_loop *loop, struct asyncio__post *p) {
    struct asyncio__page *page = page_of(p);
    if (ASYNCIO__UNLIKELY(page != loop->posts.page)) {
        if (loop->posts.page) count_gone(loop->posts.page, loop->posts.gone);
        loop->posts.page = page;
        loop->posts.gone = 0;
    }
    loop->posts.gone++;
}

void asyncio__posts_close(asyncio_loop *loop) {
    if (loop->posts.page) count_gone(loop->posts.page, loop->posts.gone);
    loop->posts.page = NULL;
}

#endif

/* ---- the runnable ---- */

static struct asyncio__post *post_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct asyncio__post, runnable);
}

static struct asyncio__call call_of(const struct asyncio__post *p) {
    return (struct asyncio__call){
        .arg = p->arg, .name = p->name, .where = p->where, .context = p->context
    };
}

/* The exception handler is shown a handle, which is made for it. */
static __attribute__((noinline)) void leave_failed(asyncio_loop *loop, asyncio_callback *fn,
                                                   struct asyncio__call *call,
                                                   asyncio__context_ref saved, int status) {
    asyncio_handle *h = asyncio__handle_done(loop, fn, call);
    asyncio__call_leave(loop, call, saved, status, h, NULL);
    asyncio_handle_unref(h);
}

static void run_post(struct asyncio__runnable *runnable) {
    struct asyncio__post *p = post_of(runnable);
    asyncio_loop *loop = asyncio__here.running;
    struct asyncio__call call = call_of(p);
    asyncio__context_ref saved = asyncio__call_enter(&call);
    int status = p->fn(call.arg);
    if (ASYNCIO__LIKELY(status >= 0)) asyncio__call_leave(loop, &call, saved, status, NULL, NULL);
    else leave_failed(loop, p->fn, &call, saved, status);
    asyncio__context_release(call.context);
    put_post_of(loop, p);
}

static void discard_post(struct asyncio__runnable *runnable) {
    struct asyncio__post *p = post_of(runnable);
    asyncio__context_release(p->context);
    put_post(p);
}

static int describe_post(struct asyncio__runnable *runnable, char *buf, size_t n) {
    struct asyncio__call call = call_of(post_of(runnable));
    char what[256];
    asyncio__call_describe(&call, what, sizeof what);
    return snprintf(buf, n, "<Handle %s>", what);
}

const struct asyncio__runnable_ops asyncio__post_ops = {
    .run = run_post,
    .discard = discard_post,
    .describe = describe_post,
};

/* ---- posting ---- */

/* A call with neither a handle nor a drop: 0, -1 if the loop is closed, -ENOMEM. */
static int post_call(asyncio_loop *loop, asyncio_callback *fn,
                     const asyncio_call_options *options) {
    struct asyncio__post *p = get_post();
    if (!p) return -ENOMEM;
    p->runnable.ops = &asyncio__post_ops;
    p->fn = fn;
    p->arg = options ? options->arg : NULL;
    p->name = options ? options->name : NULL;
    p->where = options ? options->where : NULL;
    p->context = options && options->context ? asyncio__context_hold(options->context)
                                             : asyncio__context_capture();
    if (ASYNCIO__LIKELY(asyncio__inbox_post(loop, &p->runnable) == 0)) return 0;
    asyncio__context_release(p->context);
    put_post(p);
    return -1;
}

static __attribute__((cold)) int raise_not_posted(const asyncio_loop *loop, int rc) {
    if (rc == -ENOMEM) return asyncio__raise(rc, NULL);
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, asyncio__loop_why_closed(loop));
}

int asyncio_loop_call_soon_threadsafe_with(asyncio_loop *loop, asyncio_callback *fn,
                                           const asyncio_call_options *options) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (fn && (!options || (!options->handle && !options->drop))) {
        int rc = post_call(loop, fn, options);
        return ASYNCIO__LIKELY(rc == 0) ? 0 : raise_not_posted(loop, rc);
    }
    asyncio_handle *h = asyncio__handle_new_foreign(loop, fn, options);
    if (!h) return asyncio__slot_status();
    if (asyncio__inbox_post(loop, &h->timer.runnable) == 0) return 0;
    asyncio__handle_undo(h, options);
    return raise_not_posted(loop, -1);
}
