/* SPDX-License-Identifier: MIT
 *
 * io/process/reap.c: ending a child here and now, without waiting for one that does not end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/process/spawn.h"

/* For a child that was killed, which takes as long as the system needs to take it down. */
#define PATIENCE_NS INT64_C(5000000000)

int asyncio__take_status(int pidfd, siginfo_t *info) {
    int rc;
    *info = (siginfo_t){ .si_pid = 0 };
    do rc = waitid(P_PIDFD, (id_t)pidfd, info, WEXITED | WNOHANG);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return -errno;
    return info->si_pid != 0;
}

int asyncio__reap(int pidfd, siginfo_t *info) {
    int64_t end = asyncio__clock_now() + PATIENCE_NS, left = PATIENCE_NS;
    long killed = syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    int error = killed < 0 && errno != ESRCH ? errno : 0;
    int rc;
    while ((rc = asyncio__take_status(pidfd, info)) == 0 && !error) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        poll(&p, 1, (int)(left / 1000000) + 1);
        left = end - asyncio__clock_now();
        if (left <= 0) error = ETIMEDOUT;
    }
    return rc ? rc : -error;
}
