/* SPDX-License-Identifier: MIT
 *
 * io/net/connect.c: trying the addresses of a host until one can be connected to: one after the
 * other, or with a delay side by side (happy eyeballs), each attempt a task of a staggered race.
 *
 * An attempt leaves its socket, or the errors that it met, in the opening, which is kept by
 * whoever connects and by each attempt that is a task. Whatever way that ends, sockets that
 * nobody took are closed with the last of them.
 */
#include "io/net/connect.h"

#include <asyncio/errorgroup.h>
#include <asyncio/staggered.h>
#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/fd.h"
#include "io/net/resolve.h"
#include "io/net/sock.h"
#include "io/stream/stream.h"
#include "task/method.h"

struct attempt {
    struct opening *opening;
    const struct asyncio__address *to;
    struct asyncio__kept *errors; /* its part of the opening's */
    size_t failures;
    int fd; /* connected; -1: none */
};

struct opening {
    asyncio_loop *loop;
    uint32_t refs;
    struct asyncio__addresses to;
    struct asyncio__addresses from; /* without a list: from anywhere */
    struct asyncio__kept *errors;   /* `room` for each attempt */
    size_t room;
    size_t count; /* attempts; 0 before they are made */
    struct attempt *attempts;
};

static void release_opening(struct opening *o) {
    if (--o->refs > 0) return;
    for (size_t i = 0; i < o->count; i++) {
        struct attempt *a = &o->attempts[i];
        if (a->fd >= 0) asyncio__io_close(o->loop, a->fd);
        for (size_t k = 0; k < a->failures; k++) asyncio_error_unref(a->errors[k].error);
    }
    asyncio__free(o->attempts);
    asyncio__free(o->errors);
    asyncio__free(o->to.list);
    asyncio__free(o->from.list);
    asyncio__free(o);
}

/* ---- one attempt ---- */

/* Keeps the error of a status, unless the task has to end. Gives the status. */
static int keep(struct attempt *a, int rc) {
    if (asyncio_is_exception(rc)) {
        a->errors[a->failures++] = (struct asyncio__kept){ rc, asyncio_error_take(rc) };
    }
    return rc;
}

static const char *family_name(int family) {
    switch (family) {
    case AF_INET: return "AF_INET";
    case AF_INET6: return "AF_INET6";
    default: return "AF_UNIX";
    }
}

/* To the first address to connect from that has the family and can be had. */
static int bind_locally(struct attempt *a, int fd) {
    const struct asyncio__addresses *from = &a->opening->from;
    int rc = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct asyncio__address *local = &from->list[i];
        if (local->family != a->to->family) continue;
        rc = asyncio__io_bind(fd, (const struct sockaddr *)&local->addr, local->size);
        if (rc >= 0) return 0;
        keep(a, rc);
    }
    if (rc < 0 || !from->list) return rc;
    return keep(a, asyncio_raise(ASYNCIO_OS_ERROR, NULL, NULL,
                                 "no matching local address with family=%s found",
                                 family_name(a->to->family)));
}

/* 0: a->fd is connected; otherwise a status whose error, if it is an exception, is kept. */
static int run_attempt(struct asyncio_task *task, struct attempt *a) {
    const struct asyncio__address *to = a->to;
    int fd = socket(to->family, to->type | SOCK_NONBLOCK | SOCK_CLOEXEC, to->protocol);
    if (fd < 0) return keep(a, asyncio__io_raise(errno, "socket"));
    asyncio__descriptor_forget(task->future.loop, fd);
    int rc = bind_locally(a, fd);
    if (rc >= 0) {
        rc = asyncio__io_connect(task, fd, (const struct sockaddr *)&to->addr, to->size);
        if (rc < 0) keep(a, rc);
    }
    if (rc >= 0) a->fd = fd;
    else asyncio__io_close(task->future.loop, fd);
    return rc < 0 ? rc : 0;
}

/* ---- an attempt as a task ---- */

static int run_attempt_task(const void *args, asyncio_value *result) {
    (void)result;
    return run_attempt(asyncio__task_current(), asyncio__object_of(args));
}

static int capture_attempt(void *args) {
    const struct attempt *a = asyncio__object_of(args);
    a->opening->refs++;
    return 0;
}

static void release_attempt(void *args) {
    const struct attempt *a = asyncio__object_of(args);
    release_opening(a->opening);
}

static const asyncio_coro_type attempt_type = ASYNCIO__COROUTINE_TYPE(
    "asyncio_open_connection.<attempt>", struct attempt *, .run = run_attempt_task,
    .capture = capture_attempt, .release = release_attempt);

static asyncio_coro make_attempt(const struct attempt *a) {
    return asyncio__coro_make(&attempt_type, &a, sizeof a);
}

/* ---- all of them ---- */

/* The connected socket, -1 if all have failed, or a status that is no exception. */
static int try_in_order(struct asyncio_task *task, struct opening *o, size_t *winner) {
    for (size_t i = 0; i < o->count; i++) {
        int rc = run_attempt(task, &o->attempts[i]);
        if (rc < 0 && asyncio_is_exception(rc)) continue;
        *winner = i;
        return rc;
    }
    return 0;
}

static int try_side_by_side(struct opening *o, double delay, size_t *winner) {
    int first;
    asyncio_coro *race = asyncio__calloc(o->count, sizeof *race);
    if (!race) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < o->count; i++) race[i] = make_attempt(&o->attempts[i]);
    int rc = ASYNCIO_AWAIT(asyncio_staggered_race_array(o->count, race, delay, &first, NULL));
    asyncio__free(race);
    if (rc >= 0 && first >= 0) *winner = (size_t)first;
    return rc < 0 ? rc : 0;
}

/* ---- what went wrong ---- */

static const char *text_of(const struct asyncio__kept *kept) {
    const char *message = kept->error ? asyncio_error_message(kept->error) : NULL;
    return message ? message : asyncio_strerror(kept->code);
}

/* Moves the errors of all attempts together, in order; how many. They belong to the first now. */
static size_t gather_errors(struct opening *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++) {
        struct attempt *a = &o->attempts[i];
        for (size_t k = 0; k < a->failures; k++) o->errors[n++] = a->errors[k];
        a->failures = 0;
    }
    if (o->count) o->attempts[0].failures = n;
    return n;
}

static bool are_alike(const struct asyncio__kept *errors, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (errors[i].code != errors[0].code) return false;
        if (strcmp(text_of(&errors[i]), text_of(&errors[0])) != 0) return false;
    }
    return true;
}

static int raise_group(const struct asyncio__kept *errors, size_t n) {
    asyncio_error **members = asyncio__calloc(n, sizeof *members);
    if (!members) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < n; i++) members[i] = errors[i].error;
    asyncio_error *group = asyncio_error_exception_group("create_connection failed", n, members);
    asyncio__free((void *)members);
    return group ? asyncio_reraise(group) : asyncio__slot_status();
}

static int raise_joined(const struct asyncio__kept *errors, size_t n) {
    size_t size = 1, used = 0;
    for (size_t i = 0; i < n; i++) size += strlen(text_of(&errors[i])) + 2;
    char *text = asyncio__malloc(size);
    if (!text) return asyncio__raise(-ENOMEM, NULL);
    for (size_t i = 0; i < n; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", text_of(&errors[i]));
    }
    int rc = asyncio_raise(ASYNCIO_OS_ERROR, NULL, NULL, "Multiple exceptions: %s", text);
    asyncio__free(text);
    return rc;
}

static int raise_errors(struct opening *o, bool all_errors) {
    size_t n = gather_errors(o);
    for (size_t i = 0; i < n; i++) { /* without memory for an error there is no more to say */
        if (!o->errors[i].error) return asyncio__raise(-ENOMEM, NULL);
    }
    if (n == 0) return asyncio__raise(ASYNCIO_TIMEOUT_ERROR, "create_connection failed");
    if (all_errors) return raise_group(o->errors, n);
    if (are_alike(o->errors, n)) return asyncio__kept_raise(&o->errors[0]);
    return raise_joined(o->errors, n);
}

/* ---- the order of the addresses ---- */

/* Moves the first address of the family that is left over to `out`; whether there was one. What
 * was moved has no size. */
static bool move_one(struct asyncio__addresses *left, int family, struct asyncio__addresses *out) {
    for (size_t i = 0; i < left->count; i++) {
        struct asyncio__address *a = &left->list[i];
        if (a->size == 0 || a->family != family) continue;
        out->list[out->count++] = *a;
        a->size = 0;
        return true;
    }
    return false;
}

static bool is_first_of_family(const struct asyncio__addresses *list, size_t at) {
    for (size_t i = 0; i < at; i++) {
        if (list->list[i].family == list->list[at].family) return false;
    }
    return true;
}

/* `first` of the first family, then one of each family in turn. */
static int interleave(struct asyncio__addresses *list, int first) {
    struct asyncio__addresses out = { asyncio__calloc(list->count, sizeof *list->list), 0 };
    if (!out.list) return asyncio__raise(-ENOMEM, NULL);
    while (--first > 0 && move_one(list, list->list[0].family, &out)) {
    }
    while (out.count < list->count) {
        for (size_t i = 0; i < list->count; i++) {
            if (is_first_of_family(list, i)) move_one(list, list->list[i].family, &out);
        }
    }
    asyncio__free(list->list);
    *list = out;
    return 0;
}

static int interleave_of(const asyncio_connection_options *o) {
    if (o->interleave != 0) return o->interleave;
    return o->happy_eyeballs_delay != 0 ? 1 : 0;
}

/* ---- finding them ---- */

static int find_addresses(struct asyncio_task *task, struct opening *o, const char *host, int port,
                          const asyncio_connection_options *options) {
    struct addrinfo hints = { .ai_flags = options->flags,
                              .ai_family = options->family,
                              .ai_socktype = SOCK_STREAM,
                              .ai_protocol = options->proto };
    int rc = options->addr ? asyncio__one_address(options->addr, options->addr_size, &o->to)
                           : asyncio__resolve(task, host, port, options->service, &hints, &o->to);
    if (rc >= 0 && (options->local_host || options->local_port != 0)) {
        if (!options->local_host) hints.ai_flags |= AI_PASSIVE;
        rc = asyncio__resolve(task, options->local_host, options->local_port, NULL, &hints,
                              &o->from);
    }
    if (rc >= 0 && interleave_of(options) > 0) rc = interleave(&o->to, interleave_of(options));
    return rc;
}

/* An attempt has an error for each address it cannot be bound to, and one more. */
static int make_attempts(struct opening *o) {
    o->room = o->from.count + 1;
    o->attempts = asyncio__calloc(o->to.count, sizeof *o->attempts);
    o->errors = asyncio__calloc(o->to.count * o->room, sizeof *o->errors);
    if (!o->attempts || !o->errors) return asyncio__raise(-ENOMEM, NULL);
    for (o->count = 0; o->count < o->to.count; o->count++) {
        o->attempts[o->count] = (struct attempt){ .opening = o,
                                                  .to = &o->to.list[o->count],
                                                  .errors = o->errors + o->count * o->room,
                                                  .fd = -1 };
    }
    return 0;
}

int asyncio__connect(struct asyncio_task *task, const char *host, int port,
                     const asyncio_connection_options *options) {
    const size_t nobody = SIZE_MAX;
    size_t winner = nobody;
    struct opening *o = asyncio__calloc(1, sizeof *o);
    if (!o) return asyncio__raise(-ENOMEM, NULL);
    o->loop = task->future.loop;
    o->refs = 1;
    int rc = find_addresses(task, o, host, port, options);
    if (rc >= 0) rc = make_attempts(o);
    if (rc >= 0) {
        rc = options->happy_eyeballs_delay == 0
                 ? try_in_order(task, o, &winner)
                 : try_side_by_side(o, options->happy_eyeballs_delay, &winner);
    }
    if (rc >= 0 && winner == nobody) rc = raise_errors(o, options->all_errors);
    if (rc >= 0) {
        rc = o->attempts[winner].fd;
        o->attempts[winner].fd = -1;
    }
    release_opening(o);
    return rc;
}
