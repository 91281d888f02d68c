/* SPDX-License-Identifier: MIT
 *
 * io/net/dns.c: getaddrinfo and getnameinfo, as jobs of the loop's resolver: an executor that is
 * made at first use and let go when the loop is closed.
 *
 * A job has copies of what it is asked and gives a value that owns what it found, so nothing that
 * the caller owns is touched once the caller has gone.
 */
#include "io/net/dns.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"
#include "io/net/loop.h"
#include "task/method.h"
#include "thread/executor.h"

#define THREADS_MAX 65535

/* ---- errors ---- */

/* The resolver's answer as a status; error: what errno was. */
static int raise_gai(const char *what, int code, int error) {
    if (code == EAI_MEMORY) return asyncio__raise(-ENOMEM, NULL);
    if (code == EAI_SYSTEM && error) return asyncio_raise(-error, NULL, NULL, "%s", what);
    int rc = asyncio_raise(ASYNCIO_OS_ERROR, NULL, NULL, "%s: %s", what, gai_strerror(code));
    asyncio_error *e = asyncio__error_match(asyncio__strand_current(), rc);
    if (e) asyncio_error_set_value(e, asyncio_int(code));
    return rc;
}

/* What an error is about. */
static const char *name_of(const char *host, const char *service, int code) {
    if (host && !(service && code == EAI_SERVICE)) return host;
    return service ? service : "no name";
}

/* ---- the resolver ---- */

/* Threads that have nothing to do end at once; nobody waits for one that still asks. */
static void close_resolver(struct asyncio__tie *tie) {
    struct asyncio__net_loop *own = asyncio__container(tie, struct asyncio__net_loop, tie);
    asyncio_executor *resolver = own->resolver;
    own->resolver = NULL;
    asyncio_ignore(asyncio_executor_shutdown(resolver, own->resolving == 0, true));
    asyncio_executor_unref(resolver);
}

/* Lent. NULL: raised. */
static asyncio_executor *resolver_of(asyncio_loop *loop) {
    struct asyncio__net_loop *own = asyncio__net_loop(loop);
    if (own->resolver) return own->resolver;
    if (loop->closed) return (void)asyncio__loop_check(loop), NULL;
    asyncio_executor_options o = { .size = sizeof o,
                                   .max_workers = asyncio__net_loop(loop)->max_threads,
                                   .thread_name_prefix = "resolver" };
    own->resolver = asyncio_executor_new_with(&o);
    if (!own->resolver) return NULL;
    own->tie.close = close_resolver;
    asyncio__list_append(&loop->ties, &own->tie.link);
    return own->resolver;
}

int asyncio_loop_set_resolver_threads(asyncio_loop *loop, int max_threads) {
    int rc = asyncio__loop_check(loop);
    if (rc < 0) return rc;
    if (max_threads < 0 || max_threads > THREADS_MAX) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "max_threads must be from 1 to 65535, or 0");
    }
    struct asyncio__net_loop *own = asyncio__net_loop(loop);
    own->max_threads = max_threads;
    if (own->resolver) asyncio__pool_set_max(own->resolver, max_threads);
    return 0;
}

/* ---- a look-up ---- */

/* In its thread and in the task that waits, until both have let go of it. One that is given up goes
 * on for as long as the system takes. Then it counts for nothing: it has a thread beyond those that
 * the resolver has, so that others find one. */
enum state { WANTED, GIVEN_UP, OVER };

struct look_up {
    struct asyncio__runnable lending; /* in the ready queue, with a reference */
    atomic_uint refs;
    _Atomic enum state state;
    asyncio_executor *resolver; /* a reference */
    asyncio_job_function *fn;
    char args[] __attribute__((aligned));
};

static void release_look_up(struct look_up *l) {
    if (atomic_fetch_sub(&l->refs, 1) != 1) return;
    asyncio_executor_unref(l->resolver);
    asyncio__free(l);
}

static int run_look_up(void *arg, asyncio_value *result) {
    struct look_up *l = arg;
    return l->fn(l->args, result);
}

/* It has ended, or never begins. */
static void end_look_up(void *arg) {
    struct look_up *l = arg;
    if (atomic_exchange(&l->state, OVER) == GIVEN_UP) asyncio__pool_take_back(l->resolver);
    release_look_up(l);
}

static struct look_up *look_up_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct look_up, lending);
}

static void run_lending(struct asyncio__runnable *runnable) {
    struct look_up *l = look_up_of(runnable);
    enum state state = WANTED;
    if (atomic_compare_exchange_strong(&l->state, &state, GIVEN_UP)) {
        asyncio__pool_lend(l->resolver);
    }
    release_look_up(l);
}

static void discard_lending(struct asyncio__runnable *runnable) {
    release_look_up(look_up_of(runnable));
}

static int describe_lending(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "a look-up that was given up");
}

static const struct asyncio__runnable_ops lending_ops = {
    .run = run_lending,
    .discard = discard_lending,
    .describe = describe_lending,
};

/* In the next turn: by then others that were cancelled in this one have left the queue, and need
 * no thread. */
static void give_up(asyncio_loop *loop, struct look_up *l) {
    if (loop->closed) return;
    atomic_fetch_add(&l->refs, 1);
    l->lending.ops = &lending_ops;
    asyncio__loop_queue(loop, &l->lending);
}

static struct look_up *new_look_up(asyncio_executor *resolver, asyncio_job_function *fn,
                                   const void *args, size_t size) {
    struct look_up *l = asyncio__malloc(sizeof *l + size);
    if (!l) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    atomic_init(&l->refs, 1);
    atomic_init(&l->state, WANTED);
    l->resolver = asyncio_executor_ref(resolver);
    l->fn = fn;
    memcpy(l->args, args, size);
    return l;
}

/* The future of its job, which has a reference to it then. NULL: raised. */
static asyncio_future *start_look_up(asyncio_loop *loop, struct look_up *l) {
    const asyncio_job_options options = { .size = sizeof options, .arg = l, .drop = end_look_up };
    asyncio_job *job = asyncio__job_new(run_look_up, &options, NULL, 0, false);
    if (!job) return NULL;
    atomic_fetch_add(&l->refs, 1);
    asyncio_future *f = asyncio__loop_run_job(loop, l->resolver, job);
    if (!f) release_look_up(l);
    return f;
}

static int await_look_up(asyncio_loop *loop, struct look_up *l, asyncio_future *f,
                         asyncio_value *value) {
    asyncio__net_loop(loop)->resolving++;
    int rc = asyncio_await_future(f, NULL, NULL, NULL);
    if (rc >= 0 || asyncio_is_exception(rc)) asyncio__net_loop(loop)->resolving--;
    else give_up(loop, l);
    if (rc >= 0) *value = asyncio_future_take_result(f);
    asyncio_future_unref(f);
    return rc < 0 ? rc : 0;
}

/* Runs fn with a copy of `size` bytes at args. 0 and its value, or raised. */
static int run_there(asyncio_loop *loop, asyncio_job_function *fn, const void *args, size_t size,
                     asyncio_value *value) {
    asyncio_executor *resolver = resolver_of(loop);
    struct look_up *l = resolver ? new_look_up(resolver, fn, args, size) : NULL;
    asyncio_future *f = l ? start_look_up(loop, l) : NULL;
    int rc = f ? await_look_up(loop, l, f, value) : asyncio__slot_status();
    if (l) release_look_up(l);
    return rc;
}

/* ---- getaddrinfo ---- */

static void drop_addrinfo(asyncio_value *value) { freeaddrinfo(value->p); }

const asyncio_value_type asyncio_value_addrinfo = { .size = sizeof(asyncio_value_type),
                                                    .name = "addrinfo",
                                                    .drop = drop_addrinfo };

struct forward {
    struct addrinfo hints;
    bool has_host, has_service;
    char host[NI_MAXHOST], service[NI_MAXSERV];
};

static int look_forward(void *arg, asyncio_value *result) {
    const struct forward *f = arg;
    struct addrinfo *list;
    const char *host = f->has_host ? f->host : NULL, *service = f->has_service ? f->service : NULL;
    int code = getaddrinfo(host, service, &f->hints, &list);
    if (code != 0) return raise_gai(name_of(host, service, code), code, errno);
    *result = asyncio_own(list, &asyncio_value_addrinfo);
    return 0;
}

/* Copies what has room; no name is longer than that. */
static bool copy_name(const char *name, char *to, size_t n, bool *given) {
    *given = name != NULL;
    if (!name) return true;
    size_t size = strlen(name) + 1;
    if (size <= n) memcpy(to, name, size);
    return size <= n;
}

static int look_forward_there(asyncio_loop *loop, const char *host, const char *service,
                              const struct addrinfo *hints, struct addrinfo **list) {
    struct forward f;
    asyncio_value value = asyncio_none();
    f.hints = *hints;
    if (!copy_name(host, f.host, sizeof f.host, &f.has_host)) {
        return raise_gai(host, EAI_NONAME, 0);
    }
    if (!copy_name(service, f.service, sizeof f.service, &f.has_service)) {
        return raise_gai(service, EAI_SERVICE, 0);
    }
    int rc = run_there(loop, look_forward, &f, sizeof f, &value);
    if (rc >= 0) *list = value.p;
    return rc;
}

int asyncio__getaddrinfo(asyncio_loop *loop, const char *host, const char *service,
                         const struct addrinfo *hints, struct addrinfo **list) {
    struct addrinfo numbers = *hints;
    numbers.ai_flags |= (host ? AI_NUMERICHOST : 0) | (service ? AI_NUMERICSERV : 0);
    int code = getaddrinfo(host, service, &numbers, list);
    if (code == 0) return 0;
    if (code != EAI_NONAME || numbers.ai_flags == hints->ai_flags) {
        return raise_gai(name_of(host, service, code), code, errno);
    }
    return look_forward_there(loop, host, service, hints, list);
}

/* ---- getnameinfo ---- */

struct backward {
    struct sockaddr_storage addr;
    socklen_t size;
    int flags;
    bool wants_host, wants_service;
};

struct names {
    char host[NI_MAXHOST], service[NI_MAXSERV];
};

static void drop_names(asyncio_value *value) { asyncio__free(value->p); }

static const asyncio_value_type names_type = { .size = sizeof(asyncio_value_type),
                                               .name = "names",
                                               .drop = drop_names };

static int look_backward(void *arg, asyncio_value *result) {
    const struct backward *b = arg;
    struct names *names = asyncio__malloc(sizeof *names);
    if (!names) return asyncio__raise(-ENOMEM, NULL);
    int code = getnameinfo((const struct sockaddr *)&b->addr, b->size, names->host,
                           b->wants_host ? sizeof names->host : 0, names->service,
                           b->wants_service ? sizeof names->service : 0, b->flags);
    *result = asyncio_own(names, &names_type);
    if (code == 0) return 0;
    int error = errno;
    asyncio_value_drop(result);
    return raise_gai("getnameinfo", code, error);
}

/* ---- the coroutines ---- */

static int check_loop(const asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (asyncio__task_current()->future.loop == loop) return 0;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop is not the one that runs");
}

struct forward_args {
    asyncio_loop *loop;
    const char *host, *service;
    char *host_copy, *service_copy;
    int flags, family, type, protocol;
};

static void release_forward(void *args) {
    struct forward_args *a = args;
    asyncio__free(a->host_copy);
    asyncio__free(a->service_copy);
}

static int capture_forward(void *args) {
    struct forward_args *a = args;
    a->host_copy = a->host ? asyncio__strdup(a->host) : NULL;
    a->service_copy = a->service ? asyncio__strdup(a->service) : NULL;
    if ((a->host && !a->host_copy) || (a->service && !a->service_copy)) {
        release_forward(a);
        return -ENOMEM;
    }
    a->host = a->host_copy;
    a->service = a->service_copy;
    return 0;
}

static int run_forward(const void *args, asyncio_value *result) {
    const struct forward_args *a = args;
    struct addrinfo *list, hints = { .ai_flags = a->flags,
                                     .ai_family = a->family,
                                     .ai_socktype = a->type,
                                     .ai_protocol = a->protocol };
    int rc = check_loop(a->loop);
    if (rc >= 0) rc = asyncio__getaddrinfo(a->loop, a->host, a->service, &hints, &list);
    if (rc >= 0) *result = asyncio_own(list, &asyncio_value_addrinfo);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_loop_getaddrinfo, struct forward_args, .run = run_forward,
                   .capture = capture_forward, .release = release_forward);

asyncio_coro asyncio_loop_getaddrinfo(asyncio_loop *loop, const char *host, const char *service,
                                      const struct addrinfo *hints) {
    struct forward_args a = { .loop = loop, .host = host, .service = service };
    if (hints) {
        a.flags = hints->ai_flags;
        a.family = hints->ai_family;
        a.type = hints->ai_socktype;
        a.protocol = hints->ai_protocol;
    }
    return asyncio__coro_make(&asyncio_loop_getaddrinfo_type, &a, sizeof a);
}

struct backward_args {
    asyncio_loop *loop;
    const struct sockaddr *addr;
    void *copy; /* of the address, or NULL */
    char *host, *service;
    size_t host_size, service_size;
    socklen_t size;
    int flags;
};

static int capture_backward(void *args) {
    struct backward_args *a = args;
    if (!a->addr || a->size == 0) return 0;
    a->copy = asyncio__malloc(a->size);
    if (!a->copy) return -ENOMEM;
    a->addr = memcpy(a->copy, a->addr, a->size);
    return 0;
}

static void release_backward(void *args) { asyncio__free(((struct backward_args *)args)->copy); }

static int give_name(const char *name, char *to, size_t n) {
    size_t size = strlen(name) + 1;
    if (size > n) return raise_gai(name, EAI_OVERFLOW, 0);
    memcpy(to, name, size);
    return 0;
}

static int look_backward_there(const struct backward_args *a, bool wants_host, bool wants_service) {
    struct backward b = {
        .size = a->size, .flags = a->flags, .wants_host = wants_host, .wants_service = wants_service
    };
    asyncio_value value = asyncio_none();
    memcpy(&b.addr, a->addr, a->size);
    int rc = run_there(a->loop, look_backward, &b, sizeof b, &value);
    if (rc < 0) return rc;
    const struct names *names = value.p;
    if (wants_host) rc = give_name(names->host, a->host, a->host_size);
    if (wants_service && rc >= 0) rc = give_name(names->service, a->service, a->service_size);
    asyncio_value_drop(&value);
    return rc;
}

static int run_backward(const void *args, asyncio_value *result) {
    const struct backward_args *a = args;
    bool wants_host = a->host && a->host_size, wants_service = a->service && a->service_size;
    (void)result;
    int rc = check_loop(a->loop);
    if (rc < 0) return rc;
    if (!a->addr) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an address is required");
    if (a->size > sizeof(struct sockaddr_storage)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "the address is too long");
    }
    if ((wants_host && !(a->flags & NI_NUMERICHOST)) ||
        (wants_service && !(a->flags & NI_NUMERICSERV))) {
        return look_backward_there(a, wants_host, wants_service);
    }
    int code = getnameinfo(a->addr, a->size, a->host, wants_host ? (socklen_t)a->host_size : 0,
                           a->service, wants_service ? (socklen_t)a->service_size : 0, a->flags);
    return code == 0 ? 0 : raise_gai("getnameinfo", code, errno);
}

ASYNCIO__COROUTINE(asyncio_loop_getnameinfo, struct backward_args, .run = run_backward,
                   .capture = capture_backward, .release = release_backward);

asyncio_coro asyncio_loop_getnameinfo(asyncio_loop *loop, const struct sockaddr *addr,
                                      socklen_t size, char *host, size_t host_size, char *service,
                                      size_t service_size, int flags) {
    struct backward_args a = { .loop = loop,
                               .addr = addr,
                               .host = host,
                               .service = service,
                               .host_size = host_size,
                               .service_size = service_size,
                               .size = size,
                               .flags = flags };
    return asyncio__coro_make(&asyncio_loop_getnameinfo_type, &a, sizeof a);
}
