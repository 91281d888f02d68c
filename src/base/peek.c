/* SPDX-License-Identifier: MIT
 *
 * base/peek.c: memory by way of /proc/self/mem, the place of a thread by way of
 * /proc/self/task/<id>/syscall.
 */
#include "base/peek.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

bool asyncio__peek_open(struct asyncio__peek *peek) {
    peek->fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    return peek->fd >= 0;
}

void asyncio__peek_close(struct asyncio__peek *peek) { close(peek->fd); }

bool asyncio__peek_read(const struct asyncio__peek *peek, const void *from, void *to, size_t n) {
    return pread(peek->fd, to, n, (off_t)(uintptr_t)from) == (ssize_t)n;
}

/* A string may end just before memory that is not there: then less comes back. */
const char *asyncio__peek_string(const struct asyncio__peek *peek, const char *from, char *buf,
                                 size_t n) {
    ssize_t got = from ? pread(peek->fd, buf, n - 1, (off_t)(uintptr_t)from) : 0;
    if (got <= 0) return NULL;
    buf[got] = '\0';
    return buf;
}

/* "running", or the number of the call, its arguments, the stack pointer and the program counter;
 * a thread that waits for a page has the number -1. */
static bool read_syscall(pid_t thread, char *buf, size_t n) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld/syscall", (long)thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, buf, n - 1) : -1;
    if (fd >= 0) close(fd);
    buf[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* The calls in which threads usually wait. */
static const struct {
    long number;
    const char *name;
} calls[] = {
    { SYS_read, "read" },
    { SYS_write, "write" },
    { SYS_pread64, "pread" },
    { SYS_pwrite64, "pwrite" },
    { SYS_openat, "open" },
    { SYS_close, "close" },
    { SYS_fsync, "fsync" },
    { SYS_flock, "flock" },
    { SYS_fcntl, "fcntl" },
    { SYS_ppoll, "poll" },
    { SYS_pselect6, "select" },
    { SYS_epoll_pwait, "epoll_wait" },
    { SYS_accept, "accept" },
    { SYS_accept4, "accept" },
    { SYS_connect, "connect" },
    { SYS_recvfrom, "recv" },
    { SYS_recvmsg, "recvmsg" },
    { SYS_sendto, "send" },
    { SYS_sendmsg, "sendmsg" },
    { SYS_wait4, "waitpid" },
    { SYS_waitid, "waitid" },
    { SYS_nanosleep, "nanosleep" },
    { SYS_clock_nanosleep, "nanosleep" },
    { SYS_futex, "futex: a mutex, a condition or another thread" },
#ifdef SYS_poll
    { SYS_poll, "poll" },
#endif
#ifdef SYS_select
    { SYS_select, "select" },
#endif
#ifdef SYS_epoll_wait
    { SYS_epoll_wait, "epoll_wait" },
#endif
#ifdef SYS_pause
    { SYS_pause, "pause" },
#endif
};

static const char *name_of_call(long number) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].number == number) return calls[i].name;
    }
    return NULL;
}

void asyncio__peek_place(pid_t thread, struct asyncio__text *text) {
    char line[256], *end;
    if (!read_syscall(thread, line, sizeof line)) return;
    long number = strtol(line, &end, 10);
    const char *name = end != line ? name_of_call(number) : NULL;
    if (end == line || number < 0) asyncio__text_put(text, "computing");
    else if (name) asyncio__text_printf(text, "in the system call %s", name);
    else asyncio__text_printf(text, "in system call %ld", number);
}
