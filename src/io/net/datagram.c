/* SPDX-License-Identifier: MIT
 *
 * io/net/datagram.c: a datagram endpoint: receiving and sending. How one is made: endpoint.c.
 */
#include "io/net/datagram.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/fd.h"
#include "task/method.h"
#include "task/waitqueue.h"

#define STREAK_MAX 64 /* datagrams received without a turn for others */

/* ---- the object ---- */

asyncio_datagram *asyncio__datagram_new(asyncio_loop *loop) {
    asyncio_datagram *d = asyncio__calloc(1, sizeof *d);
    if (!d) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    d->loop = loop;
    d->loop->live++;
    d->refs = 1;
    d->fd = -1;
    asyncio__link_init(&d->senders);
    return d;
}

asyncio_datagram *asyncio_datagram_ref(asyncio_datagram *d) {
    if (d) d->refs++;
    return d;
}

void asyncio_datagram_unref(asyncio_datagram *d) {
    if (!d || --d->refs > 0) return;
    asyncio_loop *loop = d->loop;
    asyncio_datagram_close(d);
    asyncio__free(d);
    asyncio__loop_object_gone(loop);
}

void asyncio_datagram_close(asyncio_datagram *d) {
    if (!d || d->fd < 0 || asyncio__loop_wrong_thread(d->loop, "asyncio_datagram_close")) return;
    int fd = d->fd;
    d->fd = -1;
    d->local_size = sizeof d->local;
    if (getsockname(fd, (struct sockaddr *)&d->local, &d->local_size) < 0) d->local_size = 0;
    asyncio__io_close(d->loop, fd);
}

bool asyncio_datagram_is_closing(const asyncio_datagram *d) { return !d || d->fd < 0; }

/* The own address as it is: sending may have bound the socket to one. */
static int own_address(const asyncio_datagram *d, asyncio_value *value) {
    struct sockaddr_storage local = d->local;
    socklen_t size = d->local_size;
    if (d->fd >= 0) {
        size = sizeof local;
        if (getsockname(d->fd, (struct sockaddr *)&local, &size) < 0) return 0;
    }
    return asyncio__address_value(&local, size, value);
}

int asyncio_datagram_get_extra_info(const asyncio_datagram *d, const char *name,
                                    asyncio_value *value) {
    if (!d || !name || !value) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "an endpoint, a name and a place are required");
    }
    *value = asyncio_none();
    if (strcmp(name, "sockname") == 0) return own_address(d, value);
    if (strcmp(name, "peername") == 0) {
        return d->connected ? asyncio__address_value(&d->remote, d->remote_size, value) : 0;
    }
    if (strcmp(name, "socket") != 0 || d->fd < 0) return 0;
    *value = asyncio_int(d->fd);
    return 1;
}

/* ---- what all calls do ---- */

struct datagram_args {
    asyncio_datagram *endpoint;
    void *data;
    size_t n;
    void *addr; /* to send to, or the info to be filled in */
    socklen_t addr_size;
};

ASYNCIO__HOLD(datagram, asyncio_datagram_ref, asyncio_datagram_unref);

static int check(const struct asyncio_task *task, const asyncio_datagram *d) {
    if (ASYNCIO__UNLIKELY(!d)) return asyncio__raise(ASYNCIO_TYPE_ERROR, "an endpoint is required");
    if (ASYNCIO__UNLIKELY(task->future.loop != d->loop)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the endpoint belongs to another loop");
    }
    return ASYNCIO__LIKELY(d->fd >= 0) ? 0 : asyncio__raise(-EBADF, "the endpoint is closed");
}

static struct asyncio__descriptor *entry(const asyncio_datagram *d) {
    return &d->loop->descriptors.at[d->fd];
}

/* ---- what both wait for ---- */

static int await_readable(asyncio_datagram *d, struct asyncio_task *task) {
    d->streak = 0;
    int rc = asyncio__io_wait(task, d->fd, ASYNCIO__READING);
    return rc < 0 ? rc : check(task, d);
}

/* One task waits for the socket, the others in line behind it; whoever has waited, for
 * whatever it got, lets the next one try. */
static int await_writable(asyncio_datagram *d, struct asyncio_task *task) {
    int rc = 0;
    while (rc >= 0 && d->sending) {
        struct asyncio__waiter w;
        asyncio__waiter_init(&w, d->loop);
        rc = asyncio__waiter_wait(&w, &d->senders, task);
    }
    if (rc >= 0) rc = check(task, d);
    if (rc >= 0 && !asyncio__descriptor_may_try(entry(d), ASYNCIO__WRITING)) {
        d->sending = true;
        rc = asyncio__io_wait(task, d->fd, ASYNCIO__WRITING);
        d->sending = false;
        if (rc >= 0) rc = check(task, d);
    }
    if (!d->sending) asyncio__waiters_wake_next(&d->senders);
    return rc;
}

/* The call has failed with errno: 0 if it is worth another try, now or after a wait. An error that
 * the network sent has been taken off the socket; the poller tells of the next. */
static int refused(asyncio_datagram *d, struct asyncio_task *task,
                   enum asyncio__direction direction) {
    bool reading = direction == ASYNCIO__READING;
    if (errno == EINTR) return 0;
    if (errno != EAGAIN) {
        entry(d)->sticky = 0;
        return asyncio__io_raise(errno, reading ? "recvfrom" : "sendto");
    }
    asyncio__descriptor_blocked(entry(d), direction);
    return reading ? await_readable(d, task) : await_writable(d, task);
}

/* The endpoint stays while one of the two is under way. */
static inline __attribute__((always_inline)) int run(const struct datagram_args *a,
                                                     int (*call)(asyncio_datagram *d,
                                                                 struct asyncio_task *task,
                                                                 const struct datagram_args *a)) {
    struct asyncio_task *task = asyncio__task_current();
    asyncio_datagram *d = a->endpoint;
    int rc = check(task, d);
    if (rc < 0) return rc;
    d->refs++;
    rc = call(d, task, a);
    asyncio_datagram_unref(d);
    return rc;
}

/* ---- receiving ---- */

/* Lets others have a turn when it never had to wait for long. */
static int before_receiving(asyncio_datagram *d, struct asyncio_task *task) {
    if (!asyncio__descriptor_may_try(entry(d), ASYNCIO__READING)) return await_readable(d, task);
    if (ASYNCIO__LIKELY(++d->streak < STREAK_MAX)) return 0;
    d->streak = 0;
    int rc = asyncio__task_yield(task);
    return rc < 0 ? rc : check(task, d);
}

static int received(size_t full, size_t asked, asyncio_datagram_info *info, socklen_t addr_size) {
    if (info) {
        info->addr = (const struct sockaddr *)&info->storage;
        info->addr_size =
            addr_size < sizeof info->storage ? addr_size : (socklen_t)sizeof info->storage;
        info->full_size = full;
    }
    if (ASYNCIO__LIKELY(full <= asked)) return (int)full;
    if (info) return (int)asked;
    return asyncio_raise(-EMSGSIZE, NULL, NULL,
                         "a datagram of %zu bytes does not fit a buffer of %zu", full, asked);
}

static int receive(asyncio_datagram *d, struct asyncio_task *task, const struct datagram_args *a) {
    asyncio_datagram_info *info = a->addr;
    size_t asked = a->n < INT_MAX ? a->n : INT_MAX;
    int rc = before_receiving(d, task);
    while (rc >= 0) {
        socklen_t size = sizeof info->storage;
        ssize_t n = recvfrom(d->fd, a->data, asked, MSG_DONTWAIT | MSG_TRUNC,
                             info ? (struct sockaddr *)&info->storage : NULL, info ? &size : NULL);
        if (ASYNCIO__LIKELY(n >= 0)) return received((size_t)n, asked, info, size);
        rc = refused(d, task, ASYNCIO__READING);
    }
    return rc;
}

static int run_recvfrom(const void *args, asyncio_value *result) {
    (void)result;
    return run(args, receive);
}

ASYNCIO__METHOD(asyncio_datagram_recvfrom, datagram, struct datagram_args, .run = run_recvfrom);

asyncio_coro asyncio_datagram_recvfrom(asyncio_datagram *d, void *buf, size_t n,
                                       asyncio_datagram_info *info) {
    return ASYNCIO__CORO(asyncio_datagram_recvfrom, .endpoint = d, .data = buf, .n = n,
                         .addr = info);
}

asyncio_coro asyncio_datagram_recv(asyncio_datagram *d, void *buf, size_t n) {
    return ASYNCIO__CORO(asyncio_datagram_recvfrom, .endpoint = d, .data = buf, .n = n);
}

/* ---- sending ---- */

static int check_address(const asyncio_datagram *d, const struct datagram_args *a) {
    char remote[ASYNCIO__ADDRESS_TEXT], other[ASYNCIO__ADDRESS_TEXT];
    if (!a->addr || d->remote_size == 0) return 0;
    if (a->addr_size == d->remote_size && memcmp(a->addr, &d->remote, d->remote_size) == 0) {
        return 0;
    }
    asyncio__address_format((const struct sockaddr *)&d->remote, d->remote_size, remote,
                            sizeof remote);
    asyncio__address_format(a->addr, a->addr_size, other, sizeof other);
    if (strcmp(remote, other) == 0) return 0;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "Invalid address: must be None or %s",
                         remote);
}

static int send_one(asyncio_datagram *d, struct asyncio_task *task, const struct datagram_args *a) {
    const struct sockaddr *addr = a->addr;
    socklen_t size = a->addr ? a->addr_size : 0;
    int rc = check_address(d, a);
    if (d->remote_size > 0) {
        addr = d->connected ? NULL : (const struct sockaddr *)&d->remote;
        size = d->connected ? 0 : d->remote_size;
    }
    if (rc >= 0 && !asyncio__descriptor_may_try(entry(d), ASYNCIO__WRITING)) {
        rc = await_writable(d, task);
    }
    while (rc >= 0) {
        ssize_t n = sendto(d->fd, a->data, a->n, MSG_DONTWAIT | MSG_NOSIGNAL, addr, size);
        if (ASYNCIO__LIKELY(n >= 0)) return n < INT_MAX ? (int)n : INT_MAX;
        rc = refused(d, task, ASYNCIO__WRITING);
    }
    return rc;
}

static int run_sendto(const void *args, asyncio_value *result) {
    (void)result;
    return run(args, send_one);
}

ASYNCIO__METHOD(asyncio_datagram_sendto, datagram, struct datagram_args, .run = run_sendto);

asyncio_coro asyncio_datagram_sendto(asyncio_datagram *d, const void *data, size_t n,
                                     const struct sockaddr *addr, socklen_t addr_size) {
    return ASYNCIO__CORO(asyncio_datagram_sendto, .endpoint = d, .data = (void *)(uintptr_t)data,
                         .n = n, .addr = (void *)(uintptr_t)addr, .addr_size = addr_size);
}

asyncio_coro asyncio_datagram_send(asyncio_datagram *d, const void *data, size_t n) {
    return asyncio_datagram_sendto(d, data, n, NULL, 0);
}
