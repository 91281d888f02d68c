/* SPDX-License-Identifier: MIT
 *
 * loop/poller_epoll.c: the poller on epoll and an eventfd. Waits to the nanosecond where the
 * kernel has epoll_pwait2 (5.11), rounded up to the millisecond elsewhere.
 *
 * The eventfd is never read: edge-triggered, each write to it is an event, and its count has room
 * for a write each nanosecond for five hundred years.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/poller.h"

#define EVENTS_AT_ONCE 256

static atomic_bool no_pwait2;

int asyncio__poller_init(struct asyncio__poller *poller) {
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0) return -errno;
    poller->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poller->wake_fd < 0) {
        int rc = -errno;
        close(poller->fd);
        return rc;
    }
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 0 };
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, poller->wake_fd, &event) < 0) {
        int rc = -errno;
        asyncio__poller_fini(poller);
        return rc;
    }
    return 0;
}

void asyncio__poller_fini(struct asyncio__poller *poller) {
    close(poller->wake_fd);
    close(poller->fd);
    poller->fd = poller->wake_fd = -1;
}

static int wait_events(int fd, struct epoll_event *events, int64_t timeout_ns) {
    if (!atomic_load_explicit(&no_pwait2, memory_order_relaxed)) {
        struct timespec t = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
        int n = epoll_pwait2(fd, events, EVENTS_AT_ONCE, timeout_ns == ASYNCIO__NEVER ? NULL : &t,
                             NULL);
        if (n >= 0 || errno != ENOSYS) return n;
        atomic_store(&no_pwait2, true);
    }
    int64_t ms = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    if (timeout_ns == ASYNCIO__NEVER) ms = -1;
    return epoll_wait(fd, events, EVENTS_AT_ONCE, ms > INT_MAX ? INT_MAX : (int)ms);
}

/* What is registered under 0 is the wake-up; generations start at 1. */
static uint64_t key_of(int fd, uint32_t generation) {
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

static unsigned what_of(uint32_t events) {
    unsigned what = 0;
    if (events & EPOLLIN) what |= ASYNCIO__POLL_READ;
    if (events & EPOLLOUT) what |= ASYNCIO__POLL_WRITE;
    if (events & (EPOLLRDHUP | EPOLLPRI)) what |= ASYNCIO__POLL_END;
    if (events & (EPOLLHUP | EPOLLERR)) what |= ASYNCIO__POLL_ERROR;
    return what;
}

static uint32_t events_of(unsigned what) {
    uint32_t events = 0;
    if (what & ASYNCIO__POLL_READ) events |= EPOLLIN;
    if (what & ASYNCIO__POLL_WRITE) events |= EPOLLOUT;
    if (what & ASYNCIO__POLL_EDGE) events |= EPOLLET | EPOLLRDHUP | EPOLLPRI;
    return events;
}

int asyncio__poller_wait(struct asyncio__poller *poller, int64_t timeout_ns,
                         asyncio__poller_report *report, void *arg) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = wait_events(poller->fd, events, timeout_ns);
    if (n < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        uint64_t key = events[i].data.u64;
        if (key) report(arg, (int)(uint32_t)key, (uint32_t)(key >> 32), what_of(events[i].events));
    }
    return n;
}

static int control(const struct asyncio__poller *poller, int op, int fd, uint32_t generation,
                   unsigned what) {
    struct epoll_event event = { .events = events_of(what), .data.u64 = key_of(fd, generation) };
    return epoll_ctl(poller->fd, op, fd, &event) < 0 ? -errno : 0;
}

int asyncio__poller_add(const struct asyncio__poller *poller, int fd, uint32_t generation,
                        unsigned what) {
    return control(poller, EPOLL_CTL_ADD, fd, generation, what);
}

int asyncio__poller_change(const struct asyncio__poller *poller, int fd, uint32_t generation,
                           unsigned what) {
    return control(poller, EPOLL_CTL_MOD, fd, generation, what);
}

void asyncio__poller_remove(const struct asyncio__poller *poller, int fd) {
    control(poller, EPOLL_CTL_DEL, fd, 0, 0);
}

void asyncio__poller_wake(const struct asyncio__poller *poller) {
    int saved = errno; /* may run in a signal handler */
    uint64_t one = 1;
    (void)!write(poller->wake_fd, &one, sizeof one);
    errno = saved;
}
