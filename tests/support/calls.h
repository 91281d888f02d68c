/* SPDX-License-Identifier: MIT
 *
 * tests/support/calls.h: system calls that fail. The program that includes this has functions of
 * its own in place of the C library's for those that the library makes. While a test counts, the
 * n-th call of the thread is refused with an error, or interrupted as by a signal, or all calls
 * of one name are refused. Nothing else of what a call does is imitated.
 */
#ifndef TEST_CALLS_H
#define TEST_CALLS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static struct {
    int error;          /* what to fail with; 0: none fails */
    const char *name;   /* only calls of that name, and all of them; NULL: any */
    long nth;           /* which one fails, when `name` is NULL */
    bool interruptible; /* only calls that a signal may interrupt count */
    bool everywhere;    /* calls of other threads count, too */
    _Atomic long made;  /* how many were counted */
    const char *failed; /* the name of the last one that failed */
} calls;

static _Thread_local bool counts_here;

/* Whether this call is one that fails; errno is set. */
static bool call_fails(const char *name, bool interruptible) {
    if (!calls.error || !(calls.everywhere || counts_here)) return false;
    if (calls.interruptible && !interruptible) return false;
    if (!calls.interruptible && strncmp(name, "wait", 4) == 0) return false; /* it never is */
    if (calls.name ? strcmp(name, calls.name) != 0 : ++calls.made != calls.nth) return false;
    if (calls.name) calls.made++;
    calls.failed = name;
    errno = calls.error;
    return true;
}

/* From here on the n-th call fails. */
__attribute__((unused)) static void fail_nth_call(long n, int error, bool interruptible) {
    calls.made = 0;
    calls.failed = NULL;
    calls.name = NULL;
    calls.nth = n;
    calls.interruptible = interruptible;
    calls.error = error;
    counts_here = true;
}

/* From here on all calls of that name fail. */
__attribute__((unused)) static void fail_calls_of(const char *name, int error) {
    fail_nth_call(0, error, false);
    calls.name = name;
}

/* No more call fails. How many were counted, or failed. */
__attribute__((unused)) static long fail_no_calls(void) {
    calls.error = 0;
    calls.everywhere = counts_here = false;
    return calls.made;
}

/* ---- the calls ---- */

static long (*real_syscall)(long number, ...);

__attribute__((constructor)) static void find_real_syscall(void) {
    *(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
}

#define STEADY false
#define INTERRUPTIBLE true
#define CALL(type, name, parameters, kind, number, ...)                                            \
    type name parameters {                                                                         \
        if (call_fails(#name, kind)) return -1;                                                    \
        return (type)real_syscall(number, __VA_ARGS__);                                            \
    }

CALL(int, socket, (int domain, int type, int protocol), STEADY, SYS_socket, domain, type, protocol)
CALL(int, bind, (int fd, __CONST_SOCKADDR_ARG addr, socklen_t size), STEADY, SYS_bind, fd,
     addr.__sockaddr__, size)
CALL(int, listen, (int fd, int n), STEADY, SYS_listen, fd, n)
CALL(int, accept4, (int fd, __SOCKADDR_ARG addr, socklen_t *size, int flags), INTERRUPTIBLE,
     SYS_accept4, fd, addr.__sockaddr__, size, flags)
CALL(int, getsockname, (int fd, __SOCKADDR_ARG addr, socklen_t *size), STEADY, SYS_getsockname, fd,
     addr.__sockaddr__, size)
CALL(int, getpeername, (int fd, __SOCKADDR_ARG addr, socklen_t *size), STEADY, SYS_getpeername, fd,
     addr.__sockaddr__, size)
CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), STEADY,
     SYS_getsockopt, fd, level, name, value, size)
CALL(int, shutdown, (int fd, int how), STEADY, SYS_shutdown, fd, how)
CALL(ssize_t, recv, (int fd, void *data, size_t n, int flags), INTERRUPTIBLE, SYS_recvfrom, fd,
     data, n, flags, NULL, NULL)
CALL(ssize_t, recvfrom,
     (int fd, void *data, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *size), INTERRUPTIBLE,
     SYS_recvfrom, fd, data, n, flags, addr.__sockaddr__, size)
CALL(ssize_t, send, (int fd, const void *data, size_t n, int flags), INTERRUPTIBLE, SYS_sendto, fd,
     data, n, flags, NULL, 0)
CALL(ssize_t, sendto,
     (int fd, const void *data, size_t n, int flags, __CONST_SOCKADDR_ARG addr, socklen_t size),
     INTERRUPTIBLE, SYS_sendto, fd, data, n, flags, addr.__sockaddr__, size)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), INTERRUPTIBLE, SYS_sendmsg, fd,
     m, flags)
CALL(ssize_t, read, (int fd, void *data, size_t n), INTERRUPTIBLE, SYS_read, fd, data, n)
CALL(ssize_t, write, (int fd, const void *data, size_t n), INTERRUPTIBLE, SYS_write, fd, data, n)
CALL(ssize_t, writev, (int fd, const struct iovec *v, int n), INTERRUPTIBLE, SYS_writev, fd, v, n)
CALL(ssize_t, pread, (int fd, void *data, size_t n, off_t at), INTERRUPTIBLE, SYS_pread64, fd, data,
     n, at)
CALL(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), INTERRUPTIBLE, SYS_pwrite64,
     fd, data, n, at)
CALL(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), INTERRUPTIBLE, SYS_sendfile, to,
     from, at, n)
CALL(int, fsync, (int fd), INTERRUPTIBLE, SYS_fsync, fd)
CALL(int, fstat, (int fd, struct stat *st), STEADY, SYS_fstat, fd, st)
CALL(int, pipe2, (int ends[2], int flags), STEADY, SYS_pipe2, ends, flags)
CALL(int, eventfd, (unsigned value, int flags), STEADY, SYS_eventfd2, value, flags)
CALL(int, epoll_create1, (int flags), STEADY, SYS_epoll_create1, flags)
CALL(int, epoll_ctl, (int poller, int what, int fd, struct epoll_event *event), STEADY,
     SYS_epoll_ctl, poller, what, fd, event)
CALL(int, epoll_wait, (int poller, struct epoll_event *events, int n, int ms), INTERRUPTIBLE,
     SYS_epoll_pwait, poller, events, n, ms, NULL, 8)
CALL(pid_t, waitpid, (pid_t pid, int *status, int options), INTERRUPTIBLE, SYS_wait4, pid, status,
     options, NULL)
CALL(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), INTERRUPTIBLE, SYS_waitid,
     type, id, info, options, NULL)

/* A look without waiting is not interrupted. */
int epoll_pwait2(int poller, struct epoll_event *events, int n, const struct timespec *limit,
                 const sigset_t *mask) {
    bool waits = !limit || limit->tv_sec || limit->tv_nsec;
    if (call_fails("epoll_pwait2", waits ? INTERRUPTIBLE : STEADY)) return -1;
    return (int)real_syscall(SYS_epoll_pwait2, poller, events, n, limit, mask, 8);
}

/* Options of TCP are only wishes, and without them the kernel waits for the clock. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
    if (level != IPPROTO_TCP && call_fails("setsockopt", STEADY)) return -1;
    return (int)real_syscall(SYS_setsockopt, fd, level, name, value, size);
}

/* It is closed all the same. */
int close(int fd) {
    bool fails = call_fails("close", INTERRUPTIBLE);
    int error = errno;
    int rc = (int)real_syscall(SYS_close, fd);
    if (!fails) return rc;
    errno = error;
    return -1;
}

/* One that is interrupted goes on by itself. */
int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t size) {
    bool fails = call_fails("connect", INTERRUPTIBLE);
    int error = errno;
    if (fails && error != EINTR) return -1;
    int rc = (int)real_syscall(SYS_connect, fd, addr.__sockaddr__, size);
    if (!fails || (rc < 0 && errno != EINPROGRESS)) return rc;
    errno = error;
    return -1;
}

int fcntl(int fd, int what, ...) {
    va_list args;
    va_start(args, what);
    void *arg = va_arg(args, void *);
    va_end(args);
    return call_fails("fcntl", STEADY) ? -1 : (int)real_syscall(SYS_fcntl, fd, what, arg);
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (call_fails("open", strcmp(path, "/dev/null") == 0 ? STEADY : INTERRUPTIBLE)) return -1;
    return (int)real_syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

long syscall(long number, ...) {
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_pidfd_open && call_fails("pidfd_open", STEADY)) return -1;
    if (number == SYS_close_range && call_fails("close_range", STEADY)) return -1;
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#endif
