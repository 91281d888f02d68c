/* SPDX-License-Identifier: MIT
 *
 * What a program that cannot be started fails with names what it was: the folder, the user, the
 * groups, the process group, a descriptor, or the program.
 */
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../io.h"

/* Starts `true`; what it failed with. */
#define START(...)                                                                                 \
    ASYNCIO_AWAIT(asyncio_create_subprocess_exec(&p, (const char *[]){ "true", NULL }, __VA_ARGS__))

static void need_truth(void) {
    if (test_under_valgrind()) SKIP("valgrind knows no pidfd");
    if (test_under_emulation()) SKIP("vfork returns before exec there");
}

ASYNC(starts_nowhere, (bool) forks) {
    asyncio_process *p = NULL;
    CHECK_ERROR(START(.cwd = "/no/where", .set_umask = forks), -ENOENT,
                "/no/where: No such file or directory");
    CHECK_ERROR(START(.cwd = "/etc/passwd", .set_umask = forks), -ENOTDIR,
                "/etc/passwd: Not a directory");
    CHECK_ERROR(START(.cwd = "", .set_umask = forks), -ENOENT, ": No such file or directory");
    CHECK_ERROR(START(.cwd = "/", .executable = "/no/where", .set_umask = forks), -ENOENT,
                "/no/where: No such file or directory");
    CHECK_ERROR(START(.cwd = "/", .executable = "/etc/passwd", .set_umask = forks), -EACCES,
                "/etc/passwd: Permission denied");
    RETURN();
}

TEST(a_folder_that_is_none_is_named) {
    need_truth();
    CHECK_INT(asyncio_run(starts_nowhere(false), NULL), 0);
    CHECK_INT(asyncio_run(starts_nowhere(true), NULL), 0);
}

static char folder[32];

ASYNC(may_not_enter, (bool) forks) {
    asyncio_process *p = NULL;
    char text[64];
    snprintf(text, sizeof text, "%s: Permission denied", folder);
    CHECK_ERROR(START(.cwd = folder, .set_umask = forks), -EACCES, text);
    RETURN();
}

TEST(a_folder_that_may_not_be_entered_is_named) {
    need_truth();
    if (geteuid() != 0) SKIP("only root may become somebody else");
    snprintf(folder, sizeof folder, "/tmp/asyncio-spawn-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    CHECK_INT(chmod(folder, 0700), 0);
    CHECK_INT(seteuid(1234), 0);
    CHECK_INT(asyncio_run(may_not_enter(false), NULL), 0);
    CHECK_INT(asyncio_run(may_not_enter(true), NULL), 0);
    CHECK_INT(seteuid(0), 0);
    CHECK_INT(rmdir(folder), 0);
}

ASYNC(may_not_be_others) {
    asyncio_process *p = NULL;
    static const gid_t groups[] = { 4321 };
    CHECK_ERROR(START(.set_user = true, .user = 99), -EPERM, "setgroups: Operation not permitted");
    CHECK_ERROR(START(.set_group = true, .group = 99), -EPERM, "setgid: Operation not permitted");
    CHECK_ERROR(START(.set_extra_groups = true, .extra_groups = groups, .extra_group_count = 1),
                -EPERM, "setgroups: Operation not permitted");
    RETURN();
}

TEST(groups_that_it_may_not_have_are_named) {
    need_truth();
    if (geteuid() != 0) SKIP("only root may become somebody else");
    CHECK_INT(setegid(1234), 0);
    CHECK_INT(seteuid(1234), 0);
    CHECK_INT(asyncio_run(may_not_be_others(), NULL), 0);
    CHECK_INT(seteuid(0), 0);
    CHECK_INT(setegid(0), 0);
}

/* For the thread that calls: whether it may become another user. */
static void allow_setuid(bool allowed) {
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    CHECK_INT(syscall(SYS_capget, &head, data), 0);
    if (allowed) data[0].effective |= 1u << CAP_SETUID;
    else data[0].effective &= ~(1u << CAP_SETUID);
    CHECK_INT(syscall(SYS_capset, &head, data), 0);
}

ASYNC(may_not_be_another_user) {
    asyncio_process *p = NULL;
    CHECK_ERROR(START(.set_user = true, .user = 99), -EPERM, "setuid: Operation not permitted");
    RETURN();
}

TEST(a_user_that_it_may_not_be_is_named) {
    need_truth();
    if (geteuid() != 0) SKIP("only root may become somebody else");
    allow_setuid(false);
    CHECK_INT(asyncio_run(may_not_be_another_user(), NULL), 0);
    allow_setuid(true);
}

ASYNC(is_nobody) {
    asyncio_process *p = NULL;
    CHECK_ERROR(START(.set_user = true, .user = (uid_t)-1), ASYNCIO_VALUE_ERROR,
                "User ID cannot be negative, got -1");
    CHECK_ERROR(START(.set_group = true, .group = (gid_t)-1), ASYNCIO_VALUE_ERROR,
                "Group ID cannot be negative, got -1");
    RETURN();
}

TEST(a_number_that_would_change_nothing_is_refused) {
    need_truth();
    CHECK_INT(asyncio_run(is_nobody(), NULL), 0);
}

ASYNC(enters_a_group_that_is_none, (bool) forks) {
    asyncio_process *p = NULL;
    CHECK_ERROR(START(.set_process_group = true, .process_group = 5000000, .set_umask = forks),
                -EPERM, "setpgid: Operation not permitted");
    CHECK_ERROR(START(.set_process_group = true, .process_group = -1, .set_umask = forks), -EINVAL,
                "setpgid: Invalid argument");
    CHECK_ERROR(START(.set_process_group = true, .executable = "/etc/passwd", .set_umask = forks),
                -EACCES, "/etc/passwd: Permission denied");
    RETURN();
}

TEST(a_process_group_that_cannot_be_entered_is_named) {
    need_truth();
    CHECK_INT(asyncio_run(enters_a_group_that_is_none(false), NULL), 0);
    CHECK_INT(asyncio_run(enters_a_group_that_is_none(true), NULL), 0);
}

ASYNC(passes_what_is_closed, (bool) forks) {
    asyncio_process *p = NULL;
    const int fd = 333;
    CHECK_ERROR(START(.pass_fds = &fd, .pass_count = 1, .set_umask = forks), -EBADF,
                "pass_fds: Bad file descriptor");
    RETURN();
}

TEST(a_descriptor_that_is_closed_and_passed_on_is_named) {
    need_truth();
    CHECK_INT(asyncio_run(passes_what_is_closed(false), NULL), 0);
    CHECK_INT(asyncio_run(passes_what_is_closed(true), NULL), 0);
}
